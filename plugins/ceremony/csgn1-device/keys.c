/* Keys that prove something beside the identity's, as `countersign device evidence` keeps them. */
#include "csgn1-device.h"

#include <stdlib.h>

#include "lib/dcbor.h"

static bool
read_one(struct csn_dcbor_in *in, struct csgn1_device_keys *keys)
{
	struct csn_device_prover *prover = &keys->provers[keys->count];
	struct csn_bytes         *chain = keys->chains[keys->count];
	char                     *type = keys->types[keys->count];

	csn_dcbor_array(in, 4, 4);
	struct csn_bytes name = csn_dcbor_text(in, 1, 20);
	prover->suite = (uint32_t)csn_dcbor_uint(in, CSN_SUITE_P256);
	prover->key = csn_dcbor_bytes(in, CSN_SK_LEN, CSN_SK_LEN).ptr;
	prover->chain_len = csn_dcbor_array(in, 1, CSN_CHAIN_MAX);
	for (size_t i = 0; i < prover->chain_len; i++)
		chain[i] = csn_dcbor_bytes(in, 1, CSN_CERT_MAX);
	if (in->bad || csn_suite_pk_len(prover->suite) == 0)
		return false;
	memcpy(type, name.ptr, name.len);
	type[name.len] = '\0';
	prover->type = type;
	prover->chain = chain;
	keys->count++;
	return true;
}

bool
csgn1_device_keys_read(struct csn_bytes row, struct csgn1_device_keys *keys)
{
	struct csn_dcbor_in in;
	bool                good = csn_dcbor_check(row) == CSN_OK;

	keys->row = good ? malloc(row.len) : NULL;
	if (keys->row == NULL)
		return false;
	memcpy(keys->row, row.ptr, row.len);
	keys->len = row.len;
	csn_dcbor_in_init(&in, (struct csn_bytes){ keys->row, keys->len });
	size_t count = csn_dcbor_array(&in, 1, CSN_DEVICE_PROVERS_MAX);
	for (size_t i = 0; good && i < count; i++)
		good = read_one(&in, keys);
	if (good && count > 0 && csn_dcbor_in_end(&in) == CSN_OK)
		return true;
	csgn1_device_keys_done(keys);
	return false;
}

void
csgn1_device_keys_done(struct csgn1_device_keys *keys)
{
	if (keys->row != NULL)
		csn_wipe(keys->row, keys->len);
	free(keys->row);
	*keys = (struct csgn1_device_keys){ .row = NULL };
}
