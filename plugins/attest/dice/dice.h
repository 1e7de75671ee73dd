/*
 * DICE: chains of layers, each certified by the one below it.  Three forms: X.509 with
 * the TCG's extensions, X.509 of the Open Profile, CBOR of the Open Profile (CDI
 * certificates as Android writes them).
 *
 * Reading and judging are apart: dice_read_x509() and dice_read_cbor() take received
 * bytes strictly and check nothing but their form; dice_chain_judge() checks links,
 * anchor and policy; dice_appraise() compares with reference values.  Pure: no clock, no
 * files.  Bytes are borrowed from the evidence.
 */
#ifndef CSN_ATTEST_DICE_DICE_H
#define CSN_ATTEST_DICE_DICE_H

#include <stdbool.h>

#include <countersign/attest.h>

#include "lib/corim.h"
#include "lib/pubkey.h"

#define DICE_LAYERS_MAX 16 /* certificates of a chain                            */
#define DICE_TCB_MAX    16 /* TcbInfo of one certificate                         */
#define DICE_FWIDS_MAX  8
#define DICE_CERT_MAX   8192
#define DICE_CHAIN_BYTES_MAX 65536

enum dice_form { DICE_NONE = 0, DICE_X509 = 1, DICE_CBOR = 2 };

/* Operational flags, bit N of the BIT STRING as 1 << N. */
enum dice_flag {
	DICE_NOT_CONFIGURED = 1 << 0,
	DICE_NOT_SECURE     = 1 << 1,
	DICE_RECOVERY       = 1 << 2,
	DICE_DEBUG          = 1 << 3,
};
#define DICE_FLAGS_BAD (DICE_NOT_CONFIGURED | DICE_NOT_SECURE | DICE_RECOVERY | DICE_DEBUG)

/* Modes of the Open Profile. */
enum dice_mode {
	DICE_MODE_NOT_CONFIGURED = 0,
	DICE_MODE_NORMAL         = 1,
	DICE_MODE_DEBUG          = 2,
	DICE_MODE_RECOVERY       = 3,
};

/* EKUs of DMTF's SPDM. */
enum dice_spdm_role { DICE_SPDM_RESPONDER = 1 << 0, DICE_SPDM_REQUESTER = 1 << 1 };

/* A digest and the hash's number in IANA's registry of named information. */
enum dice_hash { DICE_SHA256 = 1, DICE_SHA384 = 7, DICE_SHA512 = 8 };

struct dice_fwid {
	unsigned         alg; /* enum dice_hash                                  */
	struct csn_bytes digest;
};

/* One DiceTcbInfo. */
struct dice_tcb {
	struct csn_bytes vendor, model, version, type, vendor_info;
	bool             has_svn, has_layer, has_index, has_flags, has_mask;
	uint64_t         svn, layer, index;
	uint32_t         flags, mask;
	struct dice_fwid fwids[DICE_FWIDS_MAX];
	size_t           fwid_count;
};

/* What one certificate says of the layer it certifies. */
struct dice_layer {
	enum dice_form    form;
	struct csn_bytes  raw, tbs, sig, issuer, subject, spki;
	struct csn_pubkey key; /* the layer's own; owned                           */
	enum csn_sig_alg  alg; /* of the signature over this certificate           */
	/* X.509 */
	int64_t  not_before, not_after; /* Unix                                    */
	bool     ca, has_path_len;
	uint32_t path_len;
	unsigned key_usage, spdm_roles; /* set of enum dice_spdm_role             */
	struct csn_bytes ski, aki;
	/* TCG */
	struct dice_tcb  tcb[DICE_TCB_MAX];
	size_t           tcb_count;
	struct csn_bytes ueid;
	/* Open Profile */
	bool             has_input, has_mode, has_security_version;
	unsigned         mode;
	struct csn_bytes code_hash, config_hash, config_desc, authority_hash, component;
	uint64_t         security_version;
	/* RIoT: the composite device id of an alias certificate */
	struct csn_bytes riot_device, riot_fwid;
};

struct dice_chain {
	enum dice_form    form;
	struct csn_pubkey root; /* CBOR: the key the chain begins with; owned      */
	struct dice_layer layers[DICE_LAYERS_MAX]; /* the one next to the root first */
	size_t            count;
	bool              degenerate; /* CBOR: one entry, signed by itself          */
};

enum dice_rule { DICE_REFUSE = 0, DICE_WARN, DICE_ALLOW };

struct dice_policy {
	const struct csn_pubkey *anchors; /* keys a chain may begin with           */
	size_t                   anchor_count;
	bool     any_root;     /* take the chain's own root: for tools, not stations  */
	int64_t  unix_s;
	unsigned modes;        /* set of 1 << enum dice_mode; 0 means normal alone     */
	uint32_t flags_allowed; /* of DICE_FLAGS_BAD; 0 means none                     */
	enum dice_rule no_measurement; /* a layer with neither TcbInfo nor input       */
	enum dice_rule no_flags;       /* a TcbInfo without flags                      */
	unsigned layers_min, layers_max; /* measured layers; 0: no limit but ours      */
	bool     degenerate;   /* CBOR chains of one self-signed entry                 */
	bool     android;      /* CDI certificates carry a configuration map           */
	bool     config_hash;  /* and the hash of it                                   */
	unsigned spdm_role;    /* a leaf that names SPDM roles must name this one       */
	bool     leaf_certifies; /* the last certificate is a UDS's: it certifies layers */
	bool     no_path_len;  /* relaxation: path lengths are not looked at           */
};

/* Reference values of one measured component, from CoRIM or a file. */
struct dice_ref {
	struct csn_bytes vendor, model; /* empty: any                                */
	bool     has_layer, has_index, has_svn, svn_min;
	uint64_t layer, index, svn;
	struct csn_bytes type;  /* TcbInfo's type; empty: any                          */
	struct csn_bytes version; /* of TcbInfo; empty: any                             */
	struct csn_bytes ueid;  /* of the one device it is for; empty: any             */
	const struct csn_corim *from; /* its validity counts; NULL: none                */
	struct csn_bytes part;  /* "code", "config", "authority"; empty: TcbInfo       */
	struct dice_fwid fwids[DICE_FWIDS_MAX]; /* each is good                        */
	size_t   fwid_count;
};

/*
 * Each reads strictly and returns CSN_OK, CSN_E_REFUSED with the verdict REJECTED, or a
 * negative fault.  What they fill is freed by dice_chain_done() in every case.
 */
int dice_read_x509(const struct csn_bytes *certs, size_t count, struct dice_chain *chain,
                   struct csn_verdict *verdict);
int dice_read_cbor(struct csn_bytes item, bool android, struct dice_chain *chain,
                   struct csn_verdict *verdict);
/* One certificate. */
int dice_layer_x509(struct csn_bytes der, unsigned at, struct dice_layer *layer,
                    struct csn_verdict *verdict);
int dice_layer_cbor(struct csn_bytes item, bool android, unsigned at,
                    struct dice_layer *layer, struct csn_verdict *verdict);
void dice_layer_done(struct dice_layer *layer);
void dice_chain_done(struct dice_chain *chain);

/* Is @layer signed by @key?  CSN_OK, CSN_E_REFUSED with the verdict, or a fault. */
int dice_layer_signed(const struct dice_layer *layer, unsigned at,
                      const struct csn_pubkey *key, struct csn_verdict *verdict);
/* Links, anchor, order, modes, flags, UEID, time: everything but reference values. */
int dice_chain_judge(const struct dice_chain *chain, const struct dice_policy *policy,
                     struct csn_verdict *verdict);
/* Every measured component must match one reference of its environment, valid now. */
int dice_appraise(const struct dice_chain *chain, const struct dice_ref *refs, size_t count,
                  int64_t unix_s, struct csn_verdict *verdict);

/*
 * Reference values from a CoRIM: class-id bytes are TcbInfo's type, vendor, model, layer
 * and index its own; an instance is the UEID; mkey "code", "config" or "authority" is a
 * hash of the Open Profile, whose model is the component and whose layer its place in the
 * chain.  False with *ret_why when a triple says something we could not compare.
 */
bool dice_refs_read(const struct csn_corim *corim, struct dice_ref *refs, size_t room,
                    size_t *count, const char **ret_why);

/* The key the last layer has: the one that may sign for the device. */
const struct csn_pubkey *dice_leaf_key(const struct dice_chain *chain);

/* The verdict REJECTED for @code, CSN_E_REFUSED. */
int dice_refuse(struct csn_verdict *verdict, int32_t trust, const char *code, unsigned at,
                uint32_t claim, const char *found, const char *wanted);

/* Reads DiceTcbInfo, DiceTcbInfoSeq, UEID and the Open Profile's input; false: ill-formed. */
bool dice_read_tcb(struct csn_bytes value, struct dice_tcb *ret_tcb);
bool dice_read_multi(struct csn_bytes value, struct dice_layer *layer);
bool dice_read_ueid(struct csn_bytes value, struct csn_bytes *ret_ueid);
bool dice_read_input(struct csn_bytes value, struct dice_layer *layer);
bool dice_read_riot(struct csn_bytes value, struct dice_layer *layer);

#endif
