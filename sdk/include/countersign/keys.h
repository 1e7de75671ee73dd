/* Keys sign by name; a private key never crosses this table. */
#ifndef COUNTERSIGN_KEYS_H
#define COUNTERSIGN_KEYS_H

#include <countersign/types.h>

struct csn_keys_ops {
	uint32_t size;
	/* [loop] DER SubjectPublicKeyInfo of @key; a new reference. */
	int (*public_key)(void *self, const char *key, struct csn_buf **ret_spki,
	                  struct csn_error *err);
	/*
	 * [loop] Certificate @index of @key's chain as DER, leaf is 0; CSN_E_MISSING
	 * past the end.  The anchor is not part of a chain.  A new reference.
	 */
	int (*certificate)(void *self, const char *key, uint32_t index,
	                   struct csn_buf **ret_der, struct csn_error *err);
	/*
	 * [loop] Signs the message @to_sign; @op ends with the raw signature as its
	 * buf.  @algorithm is "EdDSA" (64 bytes) or "ES256" (r||s, 64 bytes).
	 */
	int (*sign)(void *self, struct csn_op *op, const char *key, const char *algorithm,
	            struct csn_bytes to_sign);
	void (*cancel)(void *self, struct csn_op *op); /* [loop]              */
};

#endif
