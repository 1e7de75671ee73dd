/*
 * The body of protocol.md section 9: its schema as one table, the checks in protocol
 * order, and the few values a device or a station takes out of it.
 *
 * The same table gives every map key its name, so a format that writes names and the
 * check that reads numbers cannot drift apart.
 */
#ifndef CSN_LIB_BODY_H
#define CSN_LIB_BODY_H

#include "lib/csgn1.h"

enum csn_field_type {
	CSN_FIELD_UINT  = 1, /* min..max                                        */
	CSN_FIELD_BYTES = 2, /* min..max bytes                                  */
	CSN_FIELD_TEXT  = 3, /* min..max bytes                                  */
	CSN_FIELD_BOOL  = 4,
	CSN_FIELD_MAP   = 5, /* of @map                                         */
	CSN_FIELD_URLS  = 6, /* map of 1..16 short to short                     */
	CSN_FIELD_APP   = 7, /* map of short to any value                       */
	CSN_FIELD_WINDOW     = 8, /* [stamp, stamp]                             */
	CSN_FIELD_CHECKPOINT = 9, /* [uint, hash]                               */
	CSN_FIELD_ATTKEY     = 10, /* 16 or 32 bytes                            */
};

/* A map: its fields in ascending order of the key. */
struct csn_map_schema {
	const struct csn_field *fields;
	size_t                  len;
	const char             *name;
	/* What the fields alone do not say: the complaint about an encoded map, or NULL. */
	const char *(*rule)(struct csn_bytes map);
};

struct csn_field {
	uint8_t          key, type;
	uint8_t          required;
	uint8_t          list_max; /* 0: one value; else an array of 1..list_max */
	const char      *name;
	uint64_t         min, max;
	const struct csn_map_schema *map;
	const char *const           *choices; /* names for min..max, or NULL    */
};

extern const struct csn_map_schema csn_body_schema;
extern const struct csn_map_schema csn_attachment_schema;

/* The encoded value of an unsigned @key in a checked map; empty when it is not there. */
struct csn_bytes csn_map_get(struct csn_bytes map, uint64_t key);

/* The field with @key in @map, or NULL. */
const struct csn_field *csn_schema_find(const struct csn_map_schema *map, uint64_t key);

/* Where and what was wrong: "config.wifi[0].passphrase", "5 bytes, needs 8 to 63". */
struct csn_body_place {
	char path[96];
	char text[96];
};

/* What the body is judged against.  Every pointer is needed. */
struct csn_body_want {
	unsigned       suite;
	const uint8_t *did, *sid;    /* 16 bytes                                */
	const uint8_t *maker_hash;   /* SHA(SPKI of M), 32 bytes                */
	uint32_t       ts;
	bool           clock_trusted;
	uint32_t       clock_now;    /* judged only when the clock is trusted   */
};

/*
 * The whole body: 0, or 172, 177, 173, 176, 175, 174, 181 in protocol order.
 * @ret_place may be NULL.  The firmware manifest (179, its 181, 182, 178) is next and
 * the caller's, with csn_body_view().
 */
int csn_body_check(struct csn_bytes body, const struct csn_body_want *want,
                   struct csn_body_place *ret_place);

/*
 * A record as formats carry it: members 1 and 6 may be absent.  0, or 172, 177, 181
 * (references and doubled ids; @suite 0 leaves the attachment key length open).
 */
int csn_body_record_check(struct csn_bytes record, unsigned suite,
                          struct csn_body_place *ret_place);

struct csn_attachment_row {
	struct csn_bytes id;
	uint32_t         length;
	const uint8_t   *hash; /* 32 bytes                                      */
	struct csn_bytes key;  /* 16 or 32 bytes, secret                        */
	struct csn_bytes kind; /* empty when absent                             */
};

/* One attachment map, as the body holds it.  0 or 172. */
int csn_attachment_parse(struct csn_bytes row, struct csn_attachment_row *ret_row);

/* What code outside needs of a body that passed; borrowed, empty when absent. */
struct csn_body_view {
	struct csn_bytes device, credentials, config, firmware, policies, session;
	struct csn_bytes checkpoint;  /* session 4, encoded item                */
	struct csn_bytes operator_id; /* session 5                              */
	struct csn_bytes fw_object;   /* firmware 1                             */
	struct csn_bytes fw_att_id;   /* firmware 2                             */
	struct csn_bytes roles;       /* policies access 1, encoded array       */
	const uint8_t   *revoked[CSN_REVOKED_MAX]; /* credentials 4, 16 bytes   */
	size_t           revoked_len;
	struct csn_attachment_row attachments[8];
	size_t                    attachments_len;
};

/* Takes a checked body or record apart.  0 or 172. */
int csn_body_view(struct csn_bytes body, struct csn_body_view *ret_view);

/* 0, or 181 when the attachment of firmware 2 differs from @fw. */
int csn_body_firmware_ref(const struct csn_body_view *view,
                          const struct csn_fw_payload *fw);

/*
 * Adds the members 1 and 6 (encoded maps) to a record without them, in their place.
 * CSN_E_PROTOCOL when @record is not a map or has them already.
 */
int csn_body_join(struct csn_dcbor_out *out, struct csn_bytes record,
                  struct csn_bytes device, struct csn_bytes session);

#endif
