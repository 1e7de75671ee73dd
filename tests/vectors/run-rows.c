/* Rows of CSGN/1 files by their op: one table, a function for each. */
#include "lib/attachment.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"
#include "lib/frag.h"
#include "vectors/csgn1-device.h"
#include "vectors/csgn1-station.h"
#include "vectors/runners.h"

bool
vec_half_row(struct vec *v, const json_t *row)
{
	const char *op = vec_str(row, "op", "?"), *name = vec_str(row, "name", op);
	char        why[256] = "";

	if (csgn1_device_judges(op))
		vec_row(v, csgn1_device_row(row, why, sizeof why), "device: %s: %s", name, why);
	else if (csgn1_station_judges(op))
		vec_row(v, csgn1_station_row(row, why, sizeof why), "station: %s: %s", name, why);
	else
		return false;
	return true;
}

/* The first refusal of the fragments in order, or 0 and the message. */
static int
join_frames(const json_t *frames, struct csn_bytes *ret_message)
{
	static struct csn_frag_join join;
	static uint8_t              buf[CSN_M0B_MAX];
	const json_t               *text;
	size_t                      i;

	csn_frag_join_init(&join, buf, sizeof buf);
	json_array_foreach(frames, i, text) {
		struct csn_frag frag;
		bool            done;
		int code = csn_frag_parse(vec_unhex(json_string_value(text)), &frag);
		if (code == 0)
			code = csn_frag_join_add(&join, &frag, &done);
		if (code != 0)
			return code;
	}
	*ret_message = csn_frag_join_message(&join);
	return 0;
}

/* The fragments of an accepted message, made again: the same, in order of index. */
static bool
frames_again(const json_t *row, struct csn_bytes message)
{
	const json_t *frames = json_object_get(row, "frames");
	size_t        size = (size_t)vec_int(row, "size", 0), n = json_array_size(frames), len;
	size_t        max = 0;

	for (size_t i = 0; i < n; i++) {
		struct csn_bytes f = vec_unhex(json_string_value(json_array_get(frames, i)));
		max                = f.len > max ? f.len : max;
	}
	/* "size" may mean the data or the whole fragment; the longest fragment tells. */
	size_t   data = max - CSN_FRAG_OVERHEAD;
	uint8_t *made = vec_alloc(max);
	for (size_t i = 0; i < n; i++) {
		struct csn_bytes f = vec_unhex(json_string_value(json_array_get(frames, i)));
		size_t           index = (size_t)f.ptr[5] << 8 | f.ptr[6];
		if (csn_frag_make(message, f.ptr, f.ptr[4], data, index, made, max, &len) != 0 ||
		    !vec_same((struct csn_bytes){ made, len }, f))
			return false;
	}
	return size == data || size == max;
}

static void
frames_row(struct vec *v, const json_t *row)
{
	const json_t    *expect  = json_object_get(row, "expect");
	struct csn_bytes message = CSN_BYTES_NONE, want = vec_hex(expect, "message");
	int              code    = join_frames(json_object_get(row, "frames"), &message);
	int              wanted  = (int)vec_int(expect, "code", -1);

	vec_row(v, code == wanted, "%s: %d, wanted %d", vec_str(row, "name", "?"), code,
	        wanted);
	if (code != 0)
		return;
	vec_row(v, vec_same(message, want), "%s: message", vec_str(row, "name", "?"));
	vec_row(v, frames_again(row, message), "%s: made again", vec_str(row, "name", "?"));
}

static void
crc_row(struct vec *v, const json_t *row)
{
	char text[9];

	snprintf(text, sizeof text, "%08x", csn_crc32c(vec_hex(row, "input")));
	vec_row(v, strcmp(text, vec_str(json_object_get(row, "expect"), "crc", "")) == 0,
	        "%s: %s", vec_str(row, "name", "?"), text);
}

/* Opens a whole stream in the protocol's order: length, each chunk, digest. */
static int
open_stream(const struct csn_crypto *c, const struct csn_att *att,
            struct csn_bytes stream, struct csn_bytes hash, uint8_t *ret_plain)
{
	uint8_t digest[32];

	if (stream.len != csn_att_stream_len(att->length))
		return CSN_CODE_ATT_LENGTH;
	for (uint32_t i = 0; i < csn_att_chunks(att->length); i++) {
		struct csn_bytes chunk = { stream.ptr + (size_t)i * CSN_ATT_SEALED,
			                   csn_att_chunk_len(att->length, i) + CSN_TAG_LEN };
		int r = csn_att_open(c, att, i, chunk, ret_plain + (size_t)i * CSN_ATT_CHUNK);
		if (r != 0)
			return r;
	}
	csn_sha256(c, (struct csn_bytes){ ret_plain, att->length }, digest);
	return vec_same(CSN_BYTES_OF(digest), hash) ? 0 : CSN_CODE_ATT_DIGEST;
}

static bool
seals_again(const struct csn_crypto *c, const struct csn_att *att,
            const uint8_t *plain, struct csn_bytes stream)
{
	uint8_t *made = vec_alloc(stream.len);

	for (uint32_t i = 0; i < csn_att_chunks(att->length); i++)
		if (csn_att_seal(c, att, i,
		                 (struct csn_bytes){ plain + (size_t)i * CSN_ATT_CHUNK,
		                                     csn_att_chunk_len(att->length, i) },
		                 made + (size_t)i * CSN_ATT_SEALED) != CSN_OK)
			return false;
	return memcmp(made, stream.ptr, stream.len) == 0;
}

static void
attachment_row(struct vec *v, const json_t *row)
{
	const struct csn_crypto *c      = csn_crypto_openssl();
	const json_t            *map    = json_object_get(row, "row");
	const char              *name   = vec_str(row, "name", "?");
	int wanted = (int)vec_int(json_object_get(row, "expect"), "code", -1);
	struct csn_bytes stream = vec_hex(row, "stream"), want = vec_hex(row, "plaintext");
	struct csn_att   att    = {
		.suite  = (unsigned)vec_int(row, "suite", 0),
		.id     = vec_hex(map, "id"),
		.length = (uint32_t)vec_int(map, "length", 0),
		.key    = vec_hex(map, "key").ptr,
	};
	uint8_t *plain = vec_alloc(att.length);

	int code = open_stream(c, &att, stream, vec_hex(map, "sha256"), plain);
	vec_row(v, code == wanted, "%s: %d, wanted %d", name, code, wanted);
	if (code != 0)
		return;
	vec_row(v, want.len == 0 || memcmp(plain, want.ptr, want.len) == 0, "%s: plaintext",
	        name);
	vec_row(v, seals_again(c, &att, plain, stream), "%s: sealed again", name);
}

static const struct op {
	const char *name;
	void (*run)(struct vec *v, const json_t *row);
} ops[] = {
	{ "frames", frames_row },
	{ "crc32c", crc_row },
	{ "attachment", attachment_row },
};

void
run_rows(struct vec *v, const json_t *root)
{
	const json_t *row;
	size_t        i;

	json_array_foreach(root, i, row) {
		const char *op = vec_str(row, "op", "?");
		size_t      k  = 0;
		while (k < sizeof ops / sizeof *ops && strcmp(ops[k].name, op) != 0)
			k++;
		bool known = vec_half_row(v, row);
		if (k < sizeof ops / sizeof *ops)
			ops[k].run(v, row);
		else if (!known)
			vec_row(v, false, "no runner knows op %s", op);
	}
}
