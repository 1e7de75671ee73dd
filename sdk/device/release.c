/* M8: the owner, and only the owner, ends a quarantine. */
#include "device/internal.h"

static struct csn_bytes
release_anchor(const struct csn_device_state *state)
{
	return device_spki(state->owner.len > 0 ? &state->owner : &state->release_owner);
}

int
device_release(const struct csn_device *dev, struct csn_bytes m8, uint64_t *ret_counter)
{
	const struct csn_device_state *state = &dev->state;
	const struct csn_bytes         anchor = release_anchor(state);
	struct csn_cose                cose;
	struct csn_cert                leaf;
	struct csn_release             release;

	/* The payload tells when the chain must be valid; its words count only below. */
	if (m8.len > CSN_MSG_MAX || anchor.len == 0 || csn_m8_parse(m8, &cose) != 0 ||
	    csn_cose_headers(&cose, state->suite, CSN_COSE_OBJECT) != CSN_OK ||
	    csn_release_parse(cose.payload, &release) != 0 ||
	    csn_chain_check(dev->crypto, state->suite, cose.chain, cose.chain_len, anchor,
	                    CSN_ROLE_RELEASE, release.issued, &leaf) != CSN_OK ||
	    csn_cose_verify(dev->crypto, &cose, state->suite, leaf.pk, cose.payload) != CSN_OK)
		return CSN_CODE_RELEASE;
	if (!csn_same_n(release.did, state->did, sizeof release.did) ||
	    release.counter <= state->release_counter)
		return CSN_CODE_RELEASE;
	*ret_counter = release.counter;
	return 0;
}
