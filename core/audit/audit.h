/*
 * What is written down about a session, and how others check it: entries as dCBOR,
 * an RFC 6962 tree over them, its head as a C2SP signed note.  Pure; all are [any].
 *
 * An entry holds numbers, fixed-length hashes and ids and one short stable word; free
 * text of plugins and people has no place in it, so no secret can get there.
 */
#ifndef CSN_CORE_AUDIT_H
#define CSN_CORE_AUDIT_H

#include <countersign/types.h>

#include <stdbool.h>

#define AUDIT_ENTRY_MAX  512
#define AUDIT_REASON_MAX 32
#define AUDIT_NOTE_MAX   512
#define AUDIT_NAME_MAX   64

enum audit_what {
	AUDIT_DECIDE = 1, /* a stage was asked for                            */
	AUDIT_COMMIT = 2, /* goes with a state change of the ceremony         */
	AUDIT_END = 3,    /* the session is over                              */
	AUDIT_APPRAISE = 4, /* evidence was judged: yes is "accepted"         */
};

enum audit_field {
	AUDIT_SID,
	AUDIT_DID,
	AUDIT_SKID,
	AUDIT_T1,
	AUDIT_FACTS,
	AUDIT_RESULT, /* SHA-256 of the attestation result in space "result"   */
	AUDIT_FIELDS
};

struct audit_entry {
	uint64_t unix_s, boot_ns;
	bool clock_trusted;
	uint32_t side, what, stage;
	bool yes;                      /* DECIDE, APPRAISE                           */
	uint32_t outcome, code;        /* END                                        */
	uint64_t repeats; /* how often the end before this one came again, unwritten */
	char reason[AUDIT_REASON_MAX]; /* stable: "policy", "store"; or ""  */
	bool has[AUDIT_FIELDS];
	uint8_t field[AUDIT_FIELDS][32]; /* 16 bytes of SID, DID and SKID    */
};

/* Into @buf of AUDIT_ENTRY_MAX bytes; *ret_bytes points there. */
int audit_encode(const struct audit_entry *entry, uint8_t *buf,
		 struct csn_bytes *ret_bytes);
/* Strict: CSN_E_PROTOCOL for anything audit_encode would not write. */
int audit_decode(struct csn_bytes bytes, struct audit_entry *ret_entry);
/* One line without a newline; CSN_E_TOO_BIG when it does not fit. */
int audit_text(const struct audit_entry *entry, uint64_t index, char *out, size_t len);
int audit_json(const struct audit_entry *entry, uint64_t index, char *out, size_t len);

const char *audit_stage_name(uint32_t stage);     /* "authorised"; "?"        */
const char *audit_outcome_name(uint32_t outcome); /* "enrolled"; "?"          */

/* The tree as it grows: complete subtrees from left to right. */
struct audit_tree {
	uint64_t size;
	uint32_t depth;
	uint8_t stack[64][32];
};

/* Zeroed is the empty tree. */
int audit_tree_add(struct audit_tree *tree, struct csn_bytes entry);
int audit_tree_root(const struct audit_tree *tree, uint8_t ret_root[32]);

/* A head somebody vouched for. */
struct audit_head {
	uint64_t size;
	uint8_t root[32];
};

/* The text that is signed, of the log @name; *ret_len bytes of @out. */
int audit_note_body(const char *name, const struct audit_head *head, char *out,
		    size_t len);
/* Body and signature line, as a file holds them; @key is the raw Ed25519 key. */
int audit_note_seal(const char *body, const char *name, const uint8_t key[32],
		    const uint8_t sig[64], char *out, size_t len);
/*
 * Reads a note and checks the signature of @name by @key: CSN_E_PROTOCOL for another
 * shape or another log, CSN_E_REFUSED for a wrong or missing signature.
 */
int audit_note_open(const char *note, const char *name, const uint8_t key[32],
		    struct audit_head *ret_head);

/*
 * Checks a log entry by entry against an earlier head: every entry is dCBOR (a ceremony
 * may write entries of its own shape) and the log grows from that head.
 */
struct audit_check {
	struct audit_tree tree;
	struct audit_head from; /* size 0: not anchored                       */
	bool anchored;          /* @from was passed and its root was the same */
};

int audit_check_add(struct audit_check *check, struct csn_bytes entry);
/* CSN_OK; CSN_E_REFUSED when the log is shorter than @from or differs from it. */
int audit_check_end(const struct audit_check *check, struct audit_head *ret_head);

#endif
