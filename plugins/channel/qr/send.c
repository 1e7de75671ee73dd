/* What is shown: messages as codes, one after another or several in one picture. */
#include "channel.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	unsigned columns, rows;
} grids[] = { { 1, 1 }, { 2, 1 }, { 3, 1 }, { 1, 2 }, { 2, 2 }, { 3, 2 } }; /* of the option */

uint32_t
channel_places(const struct channel *channel)
{
	return grids[channel->grid].columns * grids[channel->grid].rows;
}

size_t
channel_room(const struct channel *channel)
{
	const size_t capacity = qr_capacity(channel->version != 0 ? channel->version : 40,
	                                    (enum qr_level)channel->ecc);

	return capacity < channel->code_bytes ? capacity : channel->code_bytes;
}

double
channel_fps(const struct channel *channel)
{
	return qr_display_fps(channel->frames_per_second, channel->camera_fps);
}

static void
end_send(struct channel *channel, int result)
{
	struct csn_op *op = channel->sending;

	if (op == NULL)
		return;
	channel->sending = NULL;
	channel->host->op_done(op, result, NULL);
}

void
channel_stop_showing(struct channel *channel, int result)
{
	while (channel->count > 0)
		channel->host->buf_unref(channel->messages[--channel->count].bytes);
	channel->codes = channel->largest = 0;
	end_send(channel, result);
}

/* ---- taking messages ----------------------------------------------------- */

static int
cut(struct channel *channel, struct csn_bytes message, struct message_cut *ret_cut,
    struct csn_error *err)
{
	const struct csn_host *host = channel->host;
	const size_t room = channel_room(channel);

	if (message.len == 0)
		return host->fail(err, CSN_E_INVALID, "an empty message cannot be sent");
	if (message.len > MESSAGE_MAX)
		return host->fail(err, CSN_E_TOO_BIG, "message is %zu bytes, codes carry %d",
		                  message.len, MESSAGE_MAX);
	if (channel->framing == CHANNEL_UR) {
		ret_cut->data = 0;
		if (ur_way_send(&channel->ur, message, room, &ret_cut->codes, &ret_cut->payload) < 0)
			return host->fail(err, CSN_E_TOO_BIG,
			                  "message is %zu bytes, too many for codes of %zu bytes",
			                  message.len, room);
	} else if (message_cut(message, room, ret_cut) < 0)
		return host->fail(err, CSN_E_TOO_BIG,
		                  "message is %zu bytes, %d codes of %zu bytes are not enough",
		                  message.len, CSN_FRAG_TOTAL_MAX, room);
	return CSN_OK;
}

int
channel_send_many(void *self, struct csn_op *op, const struct csn_bytes *messages, size_t count)
{
	struct channel *channel = self;
	const struct csn_host *host = channel->host;
	struct csn_error *err = host->op_error(op);
	struct message_cut cuts[CSN_AT_ONCE_MAX];
	const size_t most = channel->framing == CHANNEL_UR ? 1 : channel_places(channel);

	if (channel->sending != NULL)
		return host->fail(err, CSN_E_BUSY, "another message is being shown");
	if (count == 0 || count > most)
		return host->fail(err, CSN_E_INVALID, "%zu messages at once, at most %zu are shown",
		                  count, most);
	for (size_t i = 0; i < count; i++) {
		int r = cut(channel, messages[i], &cuts[i], err);
		if (r < 0)
			return r;
	}
	channel_stop_showing(channel, CSN_OK);
	channel->refusal[0] = '\0';
	for (; channel->count < count; channel->count++) {
		struct channel_message *to = &channel->messages[channel->count];
		const struct csn_bytes from = messages[channel->count];

		to->bytes = host->buf_new(from.ptr, from.len, 0);
		if (to->bytes == NULL) {
			channel_stop_showing(channel, CSN_OK);
			return host->fail(err, CSN_E_NOMEM, "no memory for a message");
		}
		to->cut = cuts[channel->count];
		message_name(from, &to->name);
		channel->codes += to->cut.codes;
		if (channel->largest < to->cut.payload)
			channel->largest = to->cut.payload;
	}
	channel->index   = 0;
	channel->drawn   = false;
	channel->sending = op;
	return CSN_OK;
}

int
channel_send(void *self, struct csn_op *op, struct csn_bytes message)
{
	return channel_send_many(self, op, &message, 1);
}

/* ---- drawing ------------------------------------------------------------- */

/* Uniform resources go on with sums, which tell a late reader more. */
static bool
endless(const struct channel *channel)
{
	return channel->framing == CHANNEL_UR && channel->codes > 1;
}

/* The payload of code @number of all messages. */
static int
write_payload(struct channel *channel, size_t number, uint8_t payload[QR_PAYLOAD_MAX],
              struct qr_bytes *ret_bytes)
{
	const struct channel_message *of = channel->messages;
	size_t len = 0;
	int r;

	if (channel->framing == CHANNEL_UR) {
		r = ur_way_write(&channel->ur, number, payload, QR_PAYLOAD_MAX, &len);
		*ret_bytes = (struct qr_bytes){ payload, len };
		return r;
	}
	for (number %= channel->codes; number >= of->cut.codes; of++)
		number -= of->cut.codes;
	const struct csn_bytes message = channel->host->buf_bytes(of->bytes);
	if (of->cut.data == 0) {
		*ret_bytes = (struct qr_bytes){ message.ptr, message.len };
		return CSN_OK;
	}
	r = csn_frag_make(message, of->name.sid4, of->name.msg, of->cut.data, number, payload,
	                  QR_PAYLOAD_MAX, &len);
	*ret_bytes = (struct qr_bytes){ payload, len };
	return r;
}

/* The largest module that leaves a wider white edge than codes have by themselves. */
static unsigned
module_px(const struct channel *channel, const struct qr_plan *plan, const struct csn_frame *out)
{
	const uint32_t more = 2 * (channel->quiet_modules - QR_QUIET_MODULES);
	const uint32_t cell = plan->modules + 2 * QR_QUIET_MODULES;
	const uint32_t across = out->width / (cell * plan->columns + more);
	const uint32_t down = out->height / (cell * plan->rows + more);

	return across < down ? across : down;
}

/* All codes are alike in size, so that a camera sees one steady grid. */
static int
plan(struct channel *channel, const struct csn_frame *out, struct qr_plan *ret_plan)
{
	struct qr_plan_options options = {
		.version     = channel->version,
		.version_max = 40,
		.level       = (enum qr_level)channel->ecc,
		.columns     = grids[channel->grid].columns,
		.rows        = grids[channel->grid].rows,
		.width       = out->width,
		.height      = out->height,
	};

	if (channel->codes == 1) /* alone, so as large as it can be */
		options.columns = options.rows = 1;
	int r = qr_plan(channel->largest, &options, ret_plan);
	if (r < 0 || channel->quiet_modules <= QR_QUIET_MODULES)
		return r;
	options.version   = ret_plan->version;
	options.module_px = module_px(channel, ret_plan, out);
	if (options.module_px == 0)
		return CSN_E_TOO_BIG;
	return qr_plan(channel->largest, &options, ret_plan);
}

static int
cannot_draw(struct channel *channel, const struct csn_frame *out, int result)
{
	snprintf(channel->refusal, sizeof channel->refusal,
	         "a code of %zu bytes does not fit a picture of %ux%u pixels; make the "
	         "window larger, \"code_bytes\" smaller or \"grid\" less",
	         channel->largest, (unsigned)out->width, (unsigned)out->height);
	if (channel->sending != NULL)
		channel->host->fail(channel->host->op_error(channel->sending), result, "%s",
		                    channel->refusal);
	channel_stop_showing(channel, result);
	return result;
}

static int
draw(struct channel *channel, const struct csn_frame *out)
{
	struct qr_bytes bytes[QR_PLACES_MAX];
	size_t count = channel_places(channel);
	struct qr_plan codes;

	if (count > channel->codes && !endless(channel))
		count = channel->codes;
	for (size_t i = 0; i < count; i++) {
		int r = write_payload(channel, channel->index + i, channel->payload[i], &bytes[i]);
		if (r < 0)
			return r;
	}
	int r = plan(channel, out, &codes);
	if (r < 0)
		return r;
	uint8_t *picture = realloc(channel->picture, (size_t)out->width * out->height);
	if (picture == NULL)
		return CSN_E_NOMEM;
	channel->picture = picture;
	channel->width   = out->width;
	channel->height  = out->height;
	return qr_draw(&codes, bytes, count, picture, out->width, out->height, out->width);
}

/* Moves on when the picture had its time; ends the send after the last one. */
static void
advance(struct channel *channel, uint64_t now_ns)
{
	const size_t places = channel_places(channel);

	if (!channel->drawn || now_ns < channel->until_ns)
		return;
	if (channel->index + places >= channel->codes)
		end_send(channel, CSN_OK);
	if (channel->codes <= places && !endless(channel))
		return;
	channel->index += places;
	if (channel->index >= channel->codes && !endless(channel))
		channel->index = 0;
	channel->drawn = false;
}

int
channel_render(void *self, struct csn_frame *out)
{
	struct channel *channel = self;
	const uint64_t now_ns = channel->host->now(channel->host);
	int r;

	if (out->medium != CSN_MEDIUM_VIDEO || out->grey == NULL || out->stride < out->width ||
	    out->width > QR_PICTURE_MAX || out->height > QR_PICTURE_MAX)
		return CSN_E_INVALID;
	out->count = 0;
	if (channel->count == 0)
		return CSN_OK;
	advance(channel, now_ns);
	if (!channel->drawn || channel->width != out->width || channel->height != out->height) {
		r = draw(channel, out);
		if (r < 0)
			return cannot_draw(channel, out, r);
		if (!channel->drawn)
			channel->until_ns = now_ns + (uint64_t)(1e9 / channel_fps(channel));
		channel->drawn = true;
	}
	for (size_t y = 0; y < out->height; y++)
		memcpy(out->grey + y * out->stride, channel->picture + y * out->width,
		       out->width);
	out->count = 1;
	return CSN_OK;
}
