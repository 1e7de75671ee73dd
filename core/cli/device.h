/* Parts of the command device. */
#ifndef CSN_CLI_DEVICE_H
#define CSN_CLI_DEVICE_H

#include "core/cli/runner.h"

/* Options of `device evidence`, and what it does on an open device; an exit code. */
extern struct device_evidence {
	const char *psk, *type, *key, *chain;
} device_evidence;
int device_evidence_keep(struct runner *r);

#endif
