/* Frames by a table of their members; nothing is believed before it was checked. */
#include "core/isolate/wire.h"

#include <stdlib.h>

#define HEAD 4u

static const char *const fault_names[] = {
	"wire.fine",    "wire.empty",      "wire.oversized", "wire.truncated", "wire.malformed",
	"wire.unknown", "wire.unexpected", "wire.unasked",   "wire.flood",     "wire.bound",
};

const char *
wire_fault_name(enum wire_fault fault)
{
	return fault <= WIRE_BOUND ? fault_names[fault] : "wire.?";
}

/*
 * u a number, r a result, t a text for people, s a name, b bytes of a message, i an
 * item that is judged by its own reader.  Texts are byte strings: a plugin's words need
 * not be UTF-8.
 */
static const struct shape {
	uint32_t    type;
	int         from_worker;
	const char *members;
} shapes[] = {
	{ WIRE_SETUP, 0, "i" },      { WIRE_SEND, 0, "ub" },       { WIRE_CANCEL, 0, "u" },
	{ WIRE_LISTEN, 0, "u" },     { WIRE_REST, 0, "" },         { WIRE_TAKEN, 0, "" },
	{ WIRE_VERIFY, 0, "usbbbsu" }, { WIRE_PING, 0, "u" },
	{ WIRE_BESIDE, 0, "b" },
	{ WIRE_READY, 1, "urtsuuuuuu" }, { WIRE_SENT, 1, "urt" },   { WIRE_MESSAGE, 1, "ub" },
	{ WIRE_DIAGNOSIS, 1, "t" },  { WIRE_VERDICT, 1, "urtiri" }, { WIRE_PONG, 1, "u" },
	{ WIRE_TROUBLE, 1, "t" },    { WIRE_CHALLENGE, 0, "u" },   { WIRE_IDENTIFY, 0, "usbbbsu" },
	{ WIRE_NONCE, 1, "urtb" },   { WIRE_FACTS, 1, "uri" },
};

static const struct shape *
shape_of(uint64_t type)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
}

/* ---- one frame ---------------------------------------------------------------- */

static void
take(struct csn_dcbor_in *in, char member, struct wire_value *value)
{
	switch (member) {
	case 'u':
		value->number = csn_dcbor_uint(in, INT64_MAX);
		break;
	case 'r':
		value->number = csn_dcbor_uint(in, -(int)CSN_E_INTERNAL);
		break;
	case 't':
		value->bytes = csn_dcbor_bytes(in, 0, WIRE_TEXT_MAX);
		break;
	case 's':
		value->bytes = csn_dcbor_bytes(in, 0, WIRE_NAME_MAX);
		break;
	case 'b':
		value->bytes = csn_dcbor_bytes(in, 0, WIRE_BYTES_MAX);
		break;
	default:
		value->bytes = csn_dcbor_item(in);
	}
}

enum wire_fault
wire_parse(struct csn_bytes body, int from_worker, struct wire_frame *ret_frame)
{
	struct wire_frame   frame = { 0 };
	struct csn_dcbor_in in;

	if (body.len == 0)
		return WIRE_EMPTY;
	if (body.len > WIRE_FRAME_MAX)
		return WIRE_OVERSIZED;
	if (csn_dcbor_check(body) != CSN_OK)
		return WIRE_MALFORMED;
	csn_dcbor_in_init(&in, body);
	size_t       count = csn_dcbor_array(&in, 1, 1 + WIRE_VALUES);
	uint64_t     type  = csn_dcbor_uint(&in, UINT32_MAX);
	if (in.bad)
		return WIRE_MALFORMED;
	const struct shape *shape = shape_of(type);
	if (shape == NULL)
		return WIRE_UNKNOWN;
	if (shape->from_worker != from_worker)
		return WIRE_UNEXPECTED;
	if (count != 1 + strlen(shape->members))
		return WIRE_MALFORMED;
	frame.type = shape->type;
	for (size_t i = 0; shape->members[i] != '\0'; i++)
		take(&in, shape->members[i], &frame.v[i]);
	if (csn_dcbor_in_end(&in) != CSN_OK)
		return WIRE_MALFORMED;
	*ret_frame = frame;
	return WIRE_FINE;
}

static void
put(struct csn_dcbor_out *out, const struct shape *shape, const struct wire_frame *frame)
{
	csn_dcbor_put_array(out, 1 + strlen(shape->members));
	csn_dcbor_put_uint(out, shape->type);
	for (size_t i = 0; shape->members[i] != '\0'; i++) {
		const struct wire_value *value = &frame->v[i];

		switch (shape->members[i]) {
		case 'u':
		case 'r':
			csn_dcbor_put_uint(out, value->number);
			break;
		case 'i':
			csn_dcbor_put_item(out, value->bytes);
			break;
		default:
			csn_dcbor_put_bytes(out, value->bytes);
		}
	}
}

uint8_t *
wire_make(const struct wire_frame *frame, size_t *ret_len)
{
	const struct shape  *shape = shape_of(frame->type);
	struct csn_dcbor_out out;

	if (shape == NULL)
		return NULL;
	csn_dcbor_out_init(&out, NULL, 0);
	put(&out, shape, frame);
	size_t len = out.len;
	if (len > WIRE_FRAME_MAX)
		return NULL;
	uint8_t *bytes = malloc(HEAD + len);
	if (bytes == NULL)
		return NULL;
	for (size_t i = 0; i < HEAD; i++)
		bytes[i] = (uint8_t)(len >> (8 * (HEAD - 1 - i)));
	csn_dcbor_out_init(&out, bytes + HEAD, len);
	put(&out, shape, frame);
	*ret_len = HEAD + len;
	return bytes;
}

void
wire_free(uint8_t *frame, size_t len)
{
	if (frame == NULL)
		return;
	csn_wipe(frame, len);
	free(frame);
}

/* ---- the stream --------------------------------------------------------------- */

void
wire_in_init(struct wire_in *in, int from_worker)
{
	*in = (struct wire_in){ .from_worker = from_worker };
}

void
wire_in_done(struct wire_in *in)
{
	wire_free(in->bytes, in->room);
	wire_in_init(in, in->from_worker);
}

/* By hand and not by realloc(), which would leave a copy behind. */
static int
grow(struct wire_in *in, size_t room)
{
	uint8_t *bytes = malloc(room);

	if (bytes == NULL)
		return CSN_E_NOMEM;
	if (in->len > 0)
		memcpy(bytes, in->bytes, in->len);
	wire_free(in->bytes, in->room);
	in->bytes = bytes;
	in->room = room;
	return CSN_OK;
}

uint8_t *
wire_in_room(struct wire_in *in, size_t want)
{
	if (in->used > 0) {
		memmove(in->bytes, in->bytes + in->used, in->len - in->used);
		in->len -= in->used;
		in->used = 0;
	}
	if (in->room - in->len < want && grow(in, 2 * (in->len + want)) < 0)
		return NULL;
	return in->bytes + in->len;
}

void
wire_in_add(struct wire_in *in, size_t len)
{
	in->len += len;
}

int
wire_in_next(struct wire_in *in, struct wire_frame *ret_frame, enum wire_fault *ret_fault)
{
	size_t         left = in->len - in->used, len = 0;
	const uint8_t *at;

	*ret_fault = WIRE_FINE;
	if (left < HEAD)
		return 0;
	at = in->bytes + in->used;
	for (size_t i = 0; i < HEAD; i++)
		len = len << 8 | at[i];
	if (len == 0 || len > WIRE_FRAME_MAX) {
		*ret_fault = len == 0 ? WIRE_EMPTY : WIRE_OVERSIZED;
		return 0;
	}
	if (left - HEAD < len)
		return 0;
	*ret_fault = wire_parse((struct csn_bytes){ at + HEAD, len }, in->from_worker,
	                        ret_frame);
	in->used += HEAD + len;
	return *ret_fault == WIRE_FINE;
}

enum wire_fault
wire_in_end(const struct wire_in *in)
{
	return in->len == in->used ? WIRE_FINE : WIRE_TRUNCATED;
}
