/*
 * What a device must not forget: one flat structure without pointers, and its dCBOR
 * form.  The staged body itself is a record of its own; here stands only its hash.
 */
#ifndef CSN_DEVICE_STATE_H
#define CSN_DEVICE_STATE_H

#include <countersign/types.h>
#include "lib/crypto.h"

enum {
	CSN_DEVICE_CLASS_MAX   = 255,
	CSN_DEVICE_SPKI_MAX    = 96,   /* P-256 needs 91                      */
	CSN_DEVICE_CHAIN_MAX   = 6160, /* the x5chain item: three of 2048     */
	CSN_DEVICE_M3_MAX      = 128,  /* 110 with a receipt                  */
	CSN_DEVICE_REVOKED_MAX = 64,
	CSN_DEVICE_TRIES_MAX   = 5,
	CSN_DEVICE_RUNGS_AHEAD = 8,
	/* State with everything at its largest, as dCBOR. */
	CSN_DEVICE_STATE_MAX   = 9216,
};

/* Short byte strings; len 0 means there is none. */
struct csn_device_spki {
	uint16_t len;
	uint8_t  b[CSN_DEVICE_SPKI_MAX];
};

struct csn_device_m3 {
	uint16_t len;
	uint8_t  b[CSN_DEVICE_M3_MAX];
};

struct csn_device_chain {
	uint16_t len;
	uint8_t  b[CSN_DEVICE_CHAIN_MAX];
};

struct csn_device_class {
	uint16_t len;
	uint8_t  b[CSN_DEVICE_CLASS_MAX];
};

struct csn_device_skids {
	uint16_t count;
	uint8_t  b[CSN_DEVICE_REVOKED_MAX][16];
};

struct csn_device_state {
	uint8_t  suite;           /* 1 or 2                                   */
	uint8_t  cost;            /* log2 of scrypt N; 0: no PIN              */
	uint8_t  modes;           /* bit m set: mode m is allowed             */
	uint8_t  tries;
	uint8_t  quarantined;
	uint8_t  active;          /* the staged body has been activated       */
	uint8_t  has_identity;
	uint8_t  has_pake;
	uint8_t  has_last;        /* last_sid is the sid of a commit          */
	uint8_t  has_staged;
	uint8_t  cool_level;      /* how often it cooled since the last commit */
	uint8_t  did[16];
	uint8_t  seed[32];        /* of rung next                             */
	uint8_t  identity_key[32];
	uint8_t  pake_w0[32];
	uint8_t  pake_l[65];
	uint8_t  last_sid[16];
	uint8_t  staged_hash[32]; /* SHA-256 of the staged body               */
	uint32_t next;
	uint32_t floor;           /* stamp                                    */
	uint64_t voucher_seq;
	uint64_t release_counter;
	uint64_t fw_counter;
	uint64_t cool_until_ms;   /* boot-time clock                          */
	struct csn_device_spki  maker;
	struct csn_device_spki  owner;
	struct csn_device_spki  release_owner; /* voucher's, kept with the quarantine */
	struct csn_device_m3    last_m3;
	struct csn_device_class model;
	struct csn_device_skids revoked;       /* oldest first                */
	struct csn_device_chain chain;         /* x5chain value of identity_key */
};

/*
 * What a device is born with.  All bytes are borrowed.  @seed is 32 random bytes;
 * @did is 16 bytes from the maker, used only where there is no identity key.
 * @w0 and @l are the SPAKE2+ record (32 and 65 bytes) or empty.
 */
struct csn_device_birth {
	uint8_t          suite, cost, modes;
	uint32_t         floor;   /* firmware build time, stamp               */
	uint64_t         fw_counter;
	struct csn_bytes seed, did, model, maker_spki, owner_spki;
	struct csn_bytes identity_key; /* raw; empty: none                    */
	struct csn_bytes certs[3];     /* its chain, leaf first               */
	size_t           cert_count;
	struct csn_bytes w0, l;
};

/*
 * Builds the durable state of a new device; a pure function, used where a device
 * is made.  CSN_E_INVALID when the parts do not fit the suite or one another.
 */
int csn_device_state_init(const struct csn_crypto *crypto,
                          const struct csn_device_birth *birth,
                          struct csn_device_state *ret_state);

/* The x5chain item of the state as certificates, leaf first; their count, or 0. */
size_t csn_device_state_chain(const struct csn_device_state *state,
                              struct csn_bytes ret_certs[3]);

/* Writes dCBOR to @out; *ret_len bytes.  CSN_E_TOO_BIG when @cap is too small. */
int csn_device_state_encode(const struct csn_device_state *state, uint8_t *out,
                            size_t cap, size_t *ret_len);

/* CSN_E_PROTOCOL, and an empty state, for anything encode() would not have written. */
int csn_device_state_decode(struct csn_bytes bytes, struct csn_device_state *ret_state);

#endif
