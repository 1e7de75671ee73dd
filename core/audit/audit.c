#include "core/audit/audit.h"

#include "lib/dcbor.h"
#include "lib/hex.h"

#include <countersign/ceremony.h>

#include <openssl/evp.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERSION 1

enum key { /* of the map; ascending                                           */
	   KEY_VERSION = 1,
	   KEY_TIME,
	   KEY_TRUSTED,
	   KEY_BOOT,
	   KEY_SIDE,
	   KEY_WHAT,
	   KEY_STAGE,
	   KEY_YES,
	   KEY_OUTCOME,
	   KEY_CODE,
	   KEY_REASON,
	   KEY_FIELD,
	   KEY_REPEATS = 64 /* behind all fields there will be                   */
};

static const struct {
	const char *name;
	size_t len;
} fields[AUDIT_FIELDS] = {
	[AUDIT_SID] = { "session", 16 },  [AUDIT_DID] = { "device", 16 },
	[AUDIT_SKID] = { "station", 16 }, [AUDIT_T1] = { "t1", 32 },
	[AUDIT_FACTS] = { "facts", 32 },  [AUDIT_RESULT] = { "result", 32 },
};

static const char *const whats[] = { "?", "decide", "commit", "end",
				     "appraise" };
static const char *const sides[] = { "?", "station", "device" };
static const char *const outcomes[] = { "none", "enrolled", "offered", "refused",
					"unknown" };
static const char *const stages[] = { "none",     "seen",          "bootstrapped",
				      "keyed",    "oob-confirmed", "authenticated",
				      "attested", "authorised",    "delivered",
				      "acked",    "enrolled" };

#define NAME_OF(table, i) ((i) < sizeof(table) / sizeof *(table) ? (table)[i] : "?")
#define LAST_OF(table)    (sizeof(table) / sizeof *(table)-1)

const char *
audit_stage_name(uint32_t stage)
{
	return NAME_OF(stages, stage);
}

const char *
audit_outcome_name(uint32_t outcome)
{
	return NAME_OF(outcomes, outcome);
}

/* ---- entries ---------------------------------------------------------------- */

/* Lower-case words and marks only: what JSON and a terminal show as it is. */
static bool
reason_good(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') ||
		      (text[i] >= '0' && text[i] <= '9') || text[i] == '.' ||
		      text[i] == '-' || text[i] == '_'))
			return false;
	return len < AUDIT_REASON_MAX;
}

static bool
has_answer(const struct audit_entry *entry)
{
	return entry->what == AUDIT_DECIDE || entry->what == AUDIT_APPRAISE;
}

static size_t
pairs(const struct audit_entry *entry)
{
	size_t n = 7u + (has_answer(entry) ? 1u : 0u) +
		   (entry->what == AUDIT_END ? 2u : 0u) +
		   (entry->reason[0] != '\0' ? 1u : 0u) +
		   (entry->repeats > 0 ? 1u : 0u);

	for (size_t i = 0; i < AUDIT_FIELDS; i++)
		n += entry->has[i];
	return n;
}

static void
put(struct csn_dcbor_out *out, enum key key, uint64_t value)
{
	csn_dcbor_put_uint(out, key);
	csn_dcbor_put_uint(out, value);
}

int
audit_encode(const struct audit_entry *entry, uint8_t *buf, struct csn_bytes *ret_bytes)
{
	struct csn_dcbor_out out;
	size_t len = strnlen(entry->reason, sizeof entry->reason);

	if (entry->what < AUDIT_DECIDE || entry->what > LAST_OF(whats) || entry->side == 0 ||
	    entry->side > LAST_OF(sides) || entry->stage > LAST_OF(stages) ||
	    entry->outcome > LAST_OF(outcomes) || !reason_good(entry->reason, len))
		return CSN_E_INVALID;
	csn_dcbor_out_init(&out, buf, AUDIT_ENTRY_MAX);
	csn_dcbor_put_map(&out, pairs(entry));
	put(&out, KEY_VERSION, VERSION);
	put(&out, KEY_TIME, entry->unix_s);
	csn_dcbor_put_uint(&out, KEY_TRUSTED);
	csn_dcbor_put_bool(&out, entry->clock_trusted);
	put(&out, KEY_BOOT, entry->boot_ns);
	put(&out, KEY_SIDE, entry->side);
	put(&out, KEY_WHAT, entry->what);
	put(&out, KEY_STAGE, entry->stage);
	if (has_answer(entry)) {
		csn_dcbor_put_uint(&out, KEY_YES);
		csn_dcbor_put_bool(&out, entry->yes);
	}
	if (entry->what == AUDIT_END) {
		put(&out, KEY_OUTCOME, entry->outcome);
		put(&out, KEY_CODE, entry->code);
	}
	if (len > 0) {
		csn_dcbor_put_uint(&out, KEY_REASON);
		csn_dcbor_put_text(&out, entry->reason);
	}
	for (uint32_t i = 0; i < AUDIT_FIELDS; i++) {
		if (!entry->has[i])
			continue;
		csn_dcbor_put_uint(&out, KEY_FIELD + i);
		csn_dcbor_put_hash(&out, entry->field[i], fields[i].len);
	}
	if (entry->repeats > 0)
		put(&out, KEY_REPEATS, entry->repeats);
	return csn_dcbor_out_end(&out, ret_bytes);
}

static void
read_member(struct csn_dcbor_in *in, uint64_t key, struct audit_entry *entry)
{
	struct csn_bytes text;

	switch (key) {
	case KEY_VERSION:
		if (csn_dcbor_uint(in, VERSION) != VERSION)
			csn_dcbor_fail(in);
		break;
	case KEY_TIME:
		entry->unix_s = csn_dcbor_uint(in, UINT64_MAX);
		break;
	case KEY_TRUSTED:
		entry->clock_trusted = csn_dcbor_bool(in);
		break;
	case KEY_BOOT:
		entry->boot_ns = csn_dcbor_uint(in, UINT64_MAX);
		break;
	case KEY_SIDE:
		entry->side = (uint32_t)csn_dcbor_uint(in, LAST_OF(sides));
		break;
	case KEY_WHAT:
		entry->what = (uint32_t)csn_dcbor_uint(in, LAST_OF(whats));
		break;
	case KEY_STAGE:
		entry->stage = (uint32_t)csn_dcbor_uint(in, LAST_OF(stages));
		break;
	case KEY_YES:
		entry->yes = csn_dcbor_bool(in);
		break;
	case KEY_OUTCOME:
		entry->outcome = (uint32_t)csn_dcbor_uint(in, LAST_OF(outcomes));
		break;
	case KEY_CODE:
		entry->code = (uint32_t)csn_dcbor_uint(in, UINT32_MAX);
		break;
	case KEY_REASON:
		text = csn_dcbor_text(in, 1, AUDIT_REASON_MAX - 1);
		if (text.len > 0)
			memcpy(entry->reason, text.ptr, text.len);
		break;
	case KEY_REPEATS:
		entry->repeats = csn_dcbor_uint(in, UINT64_MAX);
		break;
	default:
		if (key >= KEY_FIELD + AUDIT_FIELDS) {
			csn_dcbor_fail(in);
			break;
		}
		entry->has[key - KEY_FIELD] = true;
		csn_dcbor_copy(in, entry->field[key - KEY_FIELD],
			       fields[key - KEY_FIELD].len);
	}
}

int
audit_decode(struct csn_bytes bytes, struct audit_entry *ret_entry)
{
	struct audit_entry entry = { .what = 0 };
	struct csn_dcbor_in in;
	uint8_t again[AUDIT_ENTRY_MAX];
	struct csn_bytes same = { NULL, 0 };

	if (bytes.len > AUDIT_ENTRY_MAX || csn_dcbor_check(bytes) != CSN_OK)
		return CSN_E_PROTOCOL;
	csn_dcbor_in_init(&in, bytes);
	size_t count = csn_dcbor_map(&in, 1, KEY_FIELD + AUDIT_FIELDS + 1);
	for (size_t i = 0; i < count && !in.bad; i++) {
		uint64_t key = csn_dcbor_uint(&in, KEY_REPEATS);

		if (key >= KEY_VERSION && !in.bad)
			read_member(&in, key, &entry);
		else
			csn_dcbor_fail(&in);
	}
	/*
	 * Writing it again is the strictest reader: members missing or too many show.
	 */
	if (csn_dcbor_in_end(&in) != CSN_OK ||
	    audit_encode(&entry, again, &same) != CSN_OK || same.len != bytes.len ||
	    memcmp(same.ptr, bytes.ptr, bytes.len) != 0)
		return CSN_E_PROTOCOL;
	*ret_entry = entry;
	return CSN_OK;
}

/* ---- showing ---------------------------------------------------------------- */

struct text {
	char *at;
	size_t left;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void
add(struct text *text, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(text->at, text->left, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= text->left) {
		text->full = true;
		return;
	}
	text->at += n;
	text->left -= (size_t)n;
}

static void
add_hex(struct text *text, const uint8_t *bytes, size_t len)
{
	char hex[2 * 32 + 1];

	csn_hex_write(bytes, len, hex);
	add(text, "%s", hex);
}

int
audit_text(const struct audit_entry *entry, uint64_t index, char *out, size_t len)
{
	struct text text = { out, len, false };

	add(&text, "%llu  %llu%s  %s  %s %s", (unsigned long long)index,
	    (unsigned long long)entry->unix_s, entry->clock_trusted ? "" : "?",
	    NAME_OF(sides, entry->side), NAME_OF(whats, entry->what),
	    NAME_OF(stages, entry->stage));
	if (has_answer(entry))
		add(&text, " %s", entry->yes ? "yes" : "no");
	if (entry->what == AUDIT_END)
		add(&text, " %s", NAME_OF(outcomes, entry->outcome));
	if (entry->code != 0)
		add(&text, " code %u", entry->code);
	if (entry->reason[0] != '\0')
		add(&text, " (%s)", entry->reason);
	if (entry->repeats > 0)
		add(&text, "  after %llu more ends like the one before",
		    (unsigned long long)entry->repeats);
	for (size_t i = 0; i < AUDIT_FIELDS; i++)
		if (entry->has[i] && i != AUDIT_FACTS) {
			add(&text, "  %s ", fields[i].name);
			add_hex(&text, entry->field[i],
				i == AUDIT_T1 || i == AUDIT_RESULT ? 8 : fields[i].len);
		}
	return text.full ? CSN_E_TOO_BIG : CSN_OK;
}

int
audit_json(const struct audit_entry *entry, uint64_t index, char *out, size_t len)
{
	struct text text = { out, len, false };

	add(&text,
	    "{\"schema\":1,\"index\":%llu,\"unix_s\":%llu,\"clock_trusted\":%s,"
	    "\"boot_ns\":%llu,\"side\":\"%s\",\"what\":\"%s\",\"stage\":\"%s\"",
	    (unsigned long long)index, (unsigned long long)entry->unix_s,
	    entry->clock_trusted ? "true" : "false", (unsigned long long)entry->boot_ns,
	    NAME_OF(sides, entry->side), NAME_OF(whats, entry->what),
	    NAME_OF(stages, entry->stage));
	if (has_answer(entry))
		add(&text, ",\"yes\":%s", entry->yes ? "true" : "false");
	if (entry->what == AUDIT_END)
		add(&text, ",\"outcome\":\"%s\",\"code\":%u",
		    NAME_OF(outcomes, entry->outcome), entry->code);
	if (entry->reason[0] != '\0')
		add(&text, ",\"reason\":\"%s\"", entry->reason);
	if (entry->repeats > 0)
		add(&text, ",\"repeats\":%llu", (unsigned long long)entry->repeats);
	for (size_t i = 0; i < AUDIT_FIELDS; i++)
		if (entry->has[i]) {
			add(&text, ",\"%s\":\"", fields[i].name);
			add_hex(&text, entry->field[i], fields[i].len);
			add(&text, "\"");
		}
	add(&text, "}");
	return text.full ? CSN_E_TOO_BIG : CSN_OK;
}

/* ---- the tree (RFC 6962) ------------------------------------------------------ */

static int
sha256(uint8_t prefix, struct csn_bytes a, struct csn_bytes b, uint8_t ret[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		 EVP_DigestUpdate(ctx, &prefix, 1) == 1 &&
		 EVP_DigestUpdate(ctx, a.ptr, a.len) == 1 &&
		 EVP_DigestUpdate(ctx, b.ptr, b.len) == 1 &&
		 EVP_DigestFinal_ex(ctx, ret, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? CSN_OK : CSN_E_NOMEM;
}

static int
join(const uint8_t left[32], const uint8_t right[32], uint8_t ret[32])
{
	return sha256(1, (struct csn_bytes){ left, 32 },
		      (struct csn_bytes){ right, 32 }, ret);
}

int
audit_tree_add(struct audit_tree *tree, struct csn_bytes entry)
{
	uint8_t node[32];
	uint32_t depth = tree->depth;
	int r = sha256(0, entry, (struct csn_bytes){ NULL, 0 }, node);

	/* Each trailing one bit of the size is a full subtree that the new leaf
	 * completes. */
	for (uint64_t n = tree->size; r == CSN_OK && (n & 1) != 0; n >>= 1)
		r = join(tree->stack[--depth], node, node);
	if (r < 0)
		return r;
	memcpy(tree->stack[depth], node, sizeof node);
	tree->depth = depth + 1;
	tree->size++;
	return CSN_OK;
}

int
audit_tree_root(const struct audit_tree *tree, uint8_t ret_root[32])
{
	uint8_t node[32];
	int r = CSN_OK;

	if (tree->size == 0)
		return EVP_Digest("", 0, ret_root, NULL, EVP_sha256(), NULL) == 1
			       ? CSN_OK
			       : CSN_E_NOMEM;
	memcpy(node, tree->stack[tree->depth - 1], sizeof node);
	for (uint32_t i = tree->depth - 1; r == CSN_OK && i-- > 0;)
		r = join(tree->stack[i], node, node);
	if (r == CSN_OK)
		memcpy(ret_root, node, sizeof node);
	return r;
}

/* ---- signed notes (C2SP) ------------------------------------------------------ */

#define DASH "\xe2\x80\x94 " /* the em dash a signature line begins with        */

static bool
name_good(const char *name)
{
	size_t len = strnlen(name, AUDIT_NAME_MAX);

	if (len == 0 || len == AUDIT_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= 0x20 || name[i] >= 0x7f || name[i] == '+')
			return false;
	return true;
}

int
audit_note_body(const char *name, const struct audit_head *head, char *out, size_t len)
{
	struct text text = { out, len, false };
	unsigned char root[48];

	if (!name_good(name))
		return CSN_E_INVALID;
	EVP_EncodeBlock(root, head->root, sizeof head->root);
	add(&text, "%s\n%llu\n%s\n", name, (unsigned long long)head->size,
	    (char *)root);
	return text.full ? CSN_E_TOO_BIG : CSN_OK;
}

/* The key's id: first 4 bytes of SHA-256 over name, newline, algorithm 1, key. */
static int
key_id(const char *name, const uint8_t key[32], uint8_t ret_id[4])
{
	uint8_t bytes[AUDIT_NAME_MAX + 34], hash[32];
	size_t n = strlen(name);

	memcpy(bytes, name, n);
	bytes[n++] = '\n';
	bytes[n++] = 1;
	memcpy(bytes + n, key, 32);
	if (EVP_Digest(bytes, n + 32, hash, NULL, EVP_sha256(), NULL) != 1)
		return CSN_E_NOMEM;
	memcpy(ret_id, hash, 4);
	return CSN_OK;
}

int
audit_note_seal(const char *body, const char *name, const uint8_t key[32],
		const uint8_t sig[64], char *out, size_t len)
{
	struct text text = { out, len, false };
	uint8_t line[68];
	unsigned char coded[96];

	if (!name_good(name))
		return CSN_E_INVALID;
	int r = key_id(name, key, line);
	if (r < 0)
		return r;
	memcpy(line + 4, sig, 64);
	EVP_EncodeBlock(coded, line, sizeof line);
	add(&text, "%s\n" DASH "%s %s\n", body, name, (char *)coded);
	return text.full ? CSN_E_TOO_BIG : CSN_OK;
}

static bool
signature_good(struct csn_bytes body, const uint8_t key[32], const uint8_t sig[64])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = pkey != NULL && ctx != NULL &&
		    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		    EVP_DigestVerify(ctx, sig, 64, body.ptr, body.len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

/* Size and root out of a body that is exactly what audit_note_body writes. */
static int
body_read(const char *note, size_t len, const char *name, struct audit_head *ret_head)
{
	struct audit_head head = { .size = 0 };
	char again[AUDIT_NOTE_MAX];
	unsigned char root[48];
	const char *at = note + strlen(name) + 1;

	for (size_t i = 0; i < 19 && *at >= '0' && *at <= '9'; i++)
		head.size = head.size * 10 + (uint64_t)(*at++ - '0');
	if (*at != '\n' || strlen(at) < 45)
		return CSN_E_PROTOCOL;
	if (EVP_DecodeBlock(root, (const unsigned char *)at + 1, 44) != 33)
		return CSN_E_PROTOCOL;
	memcpy(head.root, root, sizeof head.root);
	if (audit_note_body(name, &head, again, sizeof again) < 0 ||
	    strlen(again) != len || memcmp(again, note, len) != 0)
		return CSN_E_PROTOCOL;
	*ret_head = head;
	return CSN_OK;
}

int
audit_note_open(const char *note, const char *name, const uint8_t key[32],
		struct audit_head *ret_head)
{
	struct audit_head head;
	char start[AUDIT_NAME_MAX + 8];
	char body[AUDIT_NOTE_MAX], again[AUDIT_NOTE_MAX];
	unsigned char line[72];
	size_t all = strnlen(note, AUDIT_NOTE_MAX);
	const char *gap = strstr(note, "\n\n");

	if (!name_good(name) || all == AUDIT_NOTE_MAX || gap == NULL ||
	    strncmp(note, name, strlen(name)) != 0 || note[strlen(name)] != '\n')
		return CSN_E_PROTOCOL;
	size_t len = (size_t)(gap - note) + 1;
	int r = body_read(note, len, name, &head);
	if (r < 0)
		return r;
	snprintf(start, sizeof start, DASH "%s ", name);
	const char *at = gap + 2;
	if (strncmp(at, start, strlen(start)) != 0 || strlen(at) != strlen(start) + 93)
		return CSN_E_REFUSED;
	at += strlen(start);
	if (at[92] != '\n' ||
	    EVP_DecodeBlock(line, (const unsigned char *)at, 92) != 69)
		return CSN_E_REFUSED;
	/* Written again it must be the same: key id and spare bits of base64, too. */
	snprintf(body, sizeof body, "%.*s", (int)len, note);
	if (audit_note_seal(body, name, key, line + 4, again, sizeof again) < 0 ||
	    strcmp(again, note) != 0 ||
	    !signature_good((struct csn_bytes){ (const uint8_t *)note, len }, key,
			    line + 4))
		return CSN_E_REFUSED;
	*ret_head = head;
	return CSN_OK;
}

/* ---- checking a whole log ----------------------------------------------------- */

int
audit_check_add(struct audit_check *check, struct csn_bytes bytes)
{
	uint8_t root[32];
	int r = csn_dcbor_check(bytes);

	if (r == CSN_OK)
		r = audit_tree_add(&check->tree, bytes);
	if (r < 0 || check->tree.size != check->from.size)
		return r;
	r = audit_tree_root(&check->tree, root);
	if (r < 0)
		return r;
	if (memcmp(root, check->from.root, sizeof root) != 0)
		return CSN_E_REFUSED;
	check->anchored = true;
	return CSN_OK;
}

int
audit_check_end(const struct audit_check *check, struct audit_head *ret_head)
{
	struct audit_head head = { .size = check->tree.size };

	if (check->from.size > 0 && !check->anchored)
		return CSN_E_REFUSED;
	int r = audit_tree_root(&check->tree, head.root);
	if (r == CSN_OK)
		*ret_head = head;
	return r;
}
