/* A record as it is: deterministic CBOR, judged and passed on. */
#ifndef FORMAT_CBOR_H
#define FORMAT_CBOR_H

#include <countersign/format.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

struct cbor_format {
	const struct csn_host *host;
};

extern const struct csn_format_ops cbor_format_ops;

#endif
