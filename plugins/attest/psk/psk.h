/*
 * Judges the evidence items "psk" and "psk-kdf": a MAC over the session's challenge, which
 * binds both nonces and both identities.  Pure but for psk-io.c.
 */
#ifndef CSN_ATTEST_PSK_PSK_H
#define CSN_ATTEST_PSK_PSK_H

#include <countersign/attest.h>
#include <countersign/host.h>

#include <stdbool.h>

#include "lib/crypto.h"

enum {
	PSK_MIN      = 32, /* bytes; less can be guessed from one recorded session */
	PSK_MAX      = 128,
	PSK_KEYS_MAX = 100000,
};

/* A device's own key. */
struct psk_key {
	uint8_t did[16];
	size_t  len;
	uint8_t key[PSK_MAX]; /* secret                                           */
};

struct psk {
	const struct csn_host   *host;
	char                    *key_path, *keys_path;
	uint32_t                 derive; /* evidence type psk-kdf                  */
	const struct csn_crypto *crypto;
	size_t                   len;          /* of @key; 0: there are @keys      */
	uint8_t                  key[PSK_MAX]; /* secret, of every device          */
	struct psk_key          *keys;         /* by id                            */
	size_t                   key_count;
	uint8_t                  decoy[32]; /* secret; keys of devices nobody knows */
};

/* Directions of a derived key: a proof can never be the other side's sent back. */
enum psk_direction { PSK_TO_STATION, PSK_TO_DEVICE };

/* Takes the key from hex text; whitespace at the end is fine.  CSN_E_CONFIG if weak. */
int psk_parse(struct csn_bytes text, uint8_t ret_key[PSK_MAX], size_t *ret_len,
              const char **ret_why);
/* Why a key is too easily guessed, whatever its length; NULL when nothing shows. */
const char *psk_weak(const uint8_t *key, size_t len);
/* The proof key of one direction, for this challenge alone (RFC 5869). */
int psk_derive(const struct csn_crypto *crypto, struct csn_bytes key,
               struct csn_bytes challenge, enum psk_direction direction, uint8_t ret_key[32]);
/* Fills @verdict as attest.h says; a negative return leaves it UNDECIDED. */
int psk_judge(const struct csn_crypto *crypto, struct csn_bytes key,
              const struct csn_evidence *evidence, struct csn_verdict *verdict);
/*
 * The same with the keys of @psk: of the device the evidence is about, or a decoy's when
 * nobody knows it, at the same cost and with the same answer as for a wrong MAC.
 */
int psk_judge_device(const struct psk *psk, const struct csn_evidence *evidence,
                     struct csn_verdict *verdict);
/* Sorts the keys; CSN_E_CONFIG when a device or a key is there twice. */
int psk_sort(struct psk *psk, const char **ret_why);
/* psk-io.c: reads what the paths name, which nobody else may read. */
int psk_load(struct psk *psk, struct csn_error *err);
void psk_done(struct psk *psk); /* wipes                                         */

extern const struct csn_attest_ops psk_ops;

#endif
