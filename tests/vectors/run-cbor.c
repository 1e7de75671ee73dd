#include "lib/dcbor.h"
#include "vectors/runners.h"

/* Writes what a cursor reads: a checked item must come back byte for byte. */
static bool
copies(struct csn_bytes item)
{
	uint8_t             *buf = vec_alloc(item.len);
	struct csn_dcbor_in  in;
	struct csn_dcbor_out out;
	struct csn_bytes     made;
	size_t               left = 1;

	csn_dcbor_in_init(&in, item);
	csn_dcbor_out_init(&out, buf, item.len);
	for (; left > 0 && !in.bad; left--) {
		size_t n = 0;
		switch (csn_dcbor_peek(&in)) {
		case CSN_DCBOR_UINT:
			csn_dcbor_put_uint(&out, csn_dcbor_uint(&in, UINT64_MAX));
			break;
		case CSN_DCBOR_BYTES:
			csn_dcbor_put_bytes(&out, csn_dcbor_bytes(&in, 0, SIZE_MAX));
			break;
		case CSN_DCBOR_TEXT:
			csn_dcbor_put_text_n(&out, csn_dcbor_text(&in, 0, SIZE_MAX));
			break;
		case CSN_DCBOR_ARRAY:
			n = csn_dcbor_array(&in, 0, SIZE_MAX);
			csn_dcbor_put_array(&out, n);
			left += n;
			break;
		case CSN_DCBOR_MAP:
			n = csn_dcbor_map(&in, 0, SIZE_MAX);
			csn_dcbor_put_map(&out, n);
			left += 2 * n;
			break;
		case CSN_DCBOR_TRUE:
		case CSN_DCBOR_FALSE:
			csn_dcbor_put_bool(&out, csn_dcbor_bool(&in));
			break;
		case CSN_DCBOR_NULL:
			csn_dcbor_null(&in);
			csn_dcbor_put_null(&out);
			break;
		default:
			/* Negative numbers beyond int64 have no reader of their own. */
			csn_dcbor_put_raw(&out, csn_dcbor_item(&in));
			break;
		}
	}
	return csn_dcbor_in_end(&in) == CSN_OK &&
	       csn_dcbor_out_end(&out, &made) == CSN_OK && vec_same(made, item);
}

/* Does some byte of the item begin a tag, a float, another simple value or an
 * indefinite length?  The profile refuses those; decided here by walking the heads. */
static bool
outside_profile(struct csn_bytes item)
{
	for (size_t i = 0; i < item.len;) {
		unsigned major = item.ptr[i] >> 5, low = item.ptr[i] & 31;
		uint64_t arg = low;
		size_t   width = low < 24 || low > 27 ? 0 : (size_t)1 << (low - 24);
		if (low > 27 || major == 6 || (major == 7 && (low < 20 || low > 22)))
			return true;
		for (size_t k = 0; k < width && i + 1 + k < item.len; k++)
			arg = (k == 0 ? 0 : arg) << 8 | item.ptr[i + 1 + k];
		i += 1 + width;
		if (major == 2 || major == 3)
			i += arg;
	}
	return false;
}

void
run_cbor_appendix(struct vec *v, const json_t *root)
{
	const json_t *row;
	size_t        i;

	json_array_foreach(root, i, row) {
		const char      *hex  = vec_str(row, "hex", "");
		struct csn_bytes item = vec_unhex(hex);
		bool             good = csn_dcbor_check(item) == CSN_OK;
		/* "roundtrip" says whether this is the preferred encoding. */
		bool want = json_is_true(json_object_get(row, "roundtrip")) &&
		            !outside_profile(item);
		vec_row(v, good == want && (!want || copies(item)), "%s: %s", hex,
		        good ? "accepted" : "refused");
	}
}

void
run_cbor_bad(struct vec *v, const json_t *root)
{
	const json_t *row;
	size_t        i;

	json_array_foreach(root, i, row)
		vec_row(v, csn_dcbor_check(vec_hex(row, "hex")) < 0, "%s accepted: %s",
		        vec_str(row, "hex", ""), vec_str(row, "why", ""));
}

/* Strings of the upstream test that are no items of the profile. */
static const struct {
	const char *text, *why;
} not_items[] = {
	{ "4294967295", "a decimal number, not an encoding" },
	{ "4294967296", "a decimal number, not an encoding" },
	{ "2147483647", "a decimal number, not an encoding" },
	{ "00112233", "the content of a byte string, not an encoding" },
	{ "001122334455", "the content of a byte string, not an encoding" },
	{ "a80a011864022003617a046261610581186406812007f408",
	  "arrays and booleans as map keys, which the profile refuses" },
};

static const char *
why_no_item(const char *text)
{
	for (size_t i = 0; i < sizeof not_items / sizeof *not_items; i++)
		if (strcmp(not_items[i].text, text) == 0)
			return not_items[i].why;
	return NULL;
}

void
run_cbor_dcbor(struct vec *v, const json_t *root)
{
	const json_t *row;
	size_t        i;

	json_array_foreach(json_object_get(root, "deterministic"), i, row) {
		const char      *hex  = json_string_value(row);
		struct csn_bytes item = vec_unhex(hex);
		if (why_no_item(hex) != NULL) {
			vec_skip(v, "%.40s: %s", hex, why_no_item(hex));
			continue;
		}
		bool good = csn_dcbor_check(item) == CSN_OK;
		if (!good && outside_profile(item))
			vec_skip(v, "tags and floats are outside the profile, refused");
		else
			vec_row(v, good && copies(item), "%.40s refused", hex);
	}
	json_array_foreach(json_object_get(root, "not_deterministic"), i, row)
		vec_row(v, csn_dcbor_check(vec_unhex(json_string_value(row))) < 0,
		        "%s accepted", json_string_value(row));
}
