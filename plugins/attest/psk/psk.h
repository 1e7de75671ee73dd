/* Judges the evidence item "psk": a MAC over the session's challenge.  Pure. */
#ifndef CSN_ATTEST_PSK_PSK_H
#define CSN_ATTEST_PSK_PSK_H

#include <countersign/attest.h>
#include <countersign/host.h>

#include <stdbool.h>

#include "lib/crypto.h"

enum {
	PSK_MIN = 32, /* bytes; less can be guessed from one recorded session      */
	PSK_MAX = 128,
};

struct psk {
	const struct csn_host   *host;
	char                    *key_path;
	const struct csn_crypto *crypto;
	size_t                   len;
	uint8_t                  key[PSK_MAX]; /* secret                          */
};

/* Takes the key from hex text; whitespace at the end is fine.  CSN_E_CONFIG if weak. */
int psk_parse(struct csn_bytes text, uint8_t ret_key[PSK_MAX], size_t *ret_len,
              const char **ret_why);
/* Fills @verdict as attest.h says; a negative return leaves it UNDECIDED. */
int psk_judge(const struct csn_crypto *crypto, struct csn_bytes key,
              const struct csn_evidence *evidence, struct csn_verdict *verdict);
/* psk-io.c: reads psk->key_path, which nobody else may read. */
int psk_load(struct psk *psk, struct csn_error *err);

extern const struct csn_attest_ops psk_ops;

#endif
