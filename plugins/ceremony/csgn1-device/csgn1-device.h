/* The device's side of CSGN/1 as a ceremony: hosts sdk/device in an agent. */
#ifndef CSN_PLUGIN_CSGN1_DEVICE_H
#define CSN_PLUGIN_CSGN1_DEVICE_H

#include <countersign/ceremony.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include "device/device.h"
#include "lib/cert.h"

enum {
	CSGN1_DEVICE_ROLES_MAX = 16,
	CSGN1_DEVICE_PSK_MAX   = 64,
};

/* Choices of the option evidence. */
enum csgn1_device_evidence {
	CSGN1_EVIDENCE_NONE = 0,
	CSGN1_EVIDENCE_X509 = 1,
	CSGN1_EVIDENCE_PSK  = 2,
	CSGN1_EVIDENCE_BOTH = 3,
};

struct csgn1_device_run;

/* Keys that prove something beside the identity's, as they are in the store. */
struct csgn1_device_keys {
	uint8_t                 *row; /* malloced, secret; the rest points into it */
	size_t                   len;
	char                     types[CSN_DEVICE_PROVERS_MAX][24];
	struct csn_bytes         chains[CSN_DEVICE_PROVERS_MAX][CSN_CHAIN_MAX];
	struct csn_device_prover provers[CSN_DEVICE_PROVERS_MAX];
	size_t                   count;
};

/*
 * Reads the row: an array of [type, suite, key, [1*3 cert]].  False and empty when it is
 * none.  Freed by csgn1_device_keys_done(), which takes a zeroed one too.
 */
bool csgn1_device_keys_read(struct csn_bytes row, struct csgn1_device_keys *keys);
void csgn1_device_keys_done(struct csgn1_device_keys *keys);

/* One device.  The machine outlives its runs: rate limits hold across them. */
struct csgn1_device {
	const struct csn_host   *host;
	char                    *refuse_roles; /* option, owned by the host    */
	uint32_t                 evidence;     /* option                      */
	uint32_t                 psk_derive;   /* option                      */
	uint32_t                 send_receipt; /* option                      */
	uint32_t                 answer_ms;    /* option                      */
	uint32_t                 show_code;    /* option                      */
	struct csn_bytes         roles[CSGN1_DEVICE_ROLES_MAX];
	struct csn_device_policy policy;
	uint8_t                  psk[CSGN1_DEVICE_PSK_MAX];
	struct csgn1_device_keys keys;
	struct csn_crypto        crypto;
	struct csn_device        dev;
	uint8_t                  buf[CSN_DEVICE_BUF_MAX];
	struct csgn1_device_run *live;         /* one session at a time       */
};

/* Splits refuse_roles at its commas; false when there are too many. */
bool csgn1_device_roles(struct csgn1_device *self);

int  csgn1_device_create(const struct csn_host *host, const struct csn_config *config,
                         void **ret_self, struct csn_error *err);
void csgn1_device_destroy(void *self);

extern const struct csn_component    csgn1_device_component;
extern const struct csn_ceremony_ops csgn1_device_ops;

#endif
