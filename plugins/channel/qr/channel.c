#include "channel.h"

#include <stdio.h>
#include <stdlib.h>

/* Bytes one code may carry as configured. */
static size_t
room(const struct channel *channel)
{
	const size_t capacity = qr_capacity(channel->version != 0 ? channel->version : 40,
	                                    (enum qr_level)channel->ecc);

	return capacity < channel->code_bytes ? capacity : channel->code_bytes;
}

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	const struct channel *channel = self;
	const uint32_t a_second = (uint32_t)room(channel) * channel->frames_per_second;

	ret_caps->direction        = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret_caps->medium           = CSN_MEDIUM_VIDEO;
	ret_caps->traits           = CSN_TRAIT_ATTENDED | CSN_TRAIT_BROADCAST;
	ret_caps->max_message      = MESSAGE_MAX;
	ret_caps->bytes_per_second = a_second;
	ret_caps->latency_ms       = 1000 / channel->frames_per_second;
	ret_caps->medium_name      = "qr";
	return CSN_OK;
}

/* ---- sending ----------------------------------------------------------- */

static void
end_send(struct channel *channel, int result)
{
	struct csn_op *op = channel->sending;

	if (op == NULL)
		return;
	channel->sending = NULL;
	channel->host->op_done(op, result, NULL);
}

static void
stop_showing(struct channel *channel, int result)
{
	channel->host->buf_unref(channel->message);
	channel->message = NULL;
	end_send(channel, result);
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct channel *channel = self;
	const struct csn_host *host = channel->host;
	struct csn_error *err = host->op_error(op);
	struct message_cut cut;

	if (message.len == 0)
		return host->fail(err, CSN_E_INVALID, "an empty message cannot be sent");
	if (message.len > MESSAGE_MAX)
		return host->fail(err, CSN_E_TOO_BIG, "message is %zu bytes, codes carry %d",
		                  message.len, MESSAGE_MAX);
	if (channel->sending != NULL)
		return host->fail(err, CSN_E_BUSY, "another message is being shown");
	if (channel->framing == CHANNEL_UR) {
		cut.data = 0;
		if (ur_way_send(&channel->ur, message, room(channel), &cut.codes, &cut.payload) < 0)
			return host->fail(err, CSN_E_TOO_BIG,
			                  "message is %zu bytes, too many for codes of %zu bytes",
			                  message.len, room(channel));
	} else if (message_cut(message, room(channel), &cut) < 0)
		return host->fail(err, CSN_E_TOO_BIG,
		                  "message is %zu bytes, %d codes of %zu bytes are not enough",
		                  message.len, CSN_FRAG_TOTAL_MAX, room(channel));
	struct csn_buf *copy = host->buf_new(message.ptr, message.len, 0);
	if (copy == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a message");
	stop_showing(channel, CSN_OK);
	channel->refusal[0] = '\0';
	message_name(message, &channel->name);
	channel->message = copy;
	channel->cut     = cut;
	channel->index   = 0;
	channel->drawn   = false;
	channel->sending = op;
	return CSN_OK;
}

/* The payload of the code that is due. */
static int
write_payload(struct channel *channel, uint8_t payload[QR_PAYLOAD_MAX],
              struct qr_bytes *ret_bytes)
{
	const struct csn_bytes message = channel->host->buf_bytes(channel->message);
	size_t len = 0;
	int r;

	if (channel->framing == CHANNEL_UR) {
		r = ur_way_write(&channel->ur, channel->index, payload, QR_PAYLOAD_MAX, &len);
		*ret_bytes = (struct qr_bytes){ payload, len };
		return r;
	}
	if (channel->cut.data == 0) {
		*ret_bytes = (struct qr_bytes){ message.ptr, message.len };
		return CSN_OK;
	}
	r = csn_frag_make(message, channel->name.sid4, channel->name.msg, channel->cut.data,
	                  channel->index, payload, QR_PAYLOAD_MAX, &len);
	*ret_bytes = (struct qr_bytes){ payload, len };
	return r;
}

/* All codes of a message are alike in size, so that a camera sees one steady grid. */
static int
plan(struct channel *channel, const struct csn_frame *out, struct qr_plan *ret_plan)
{
	struct qr_plan_options options = {
		.version     = channel->version,
		.version_max = 40,
		.level       = (enum qr_level)channel->ecc,
		.width       = out->width,
		.height      = out->height,
	};
	const uint32_t side = out->width < out->height ? out->width : out->height;

	int r = qr_plan(channel->cut.payload, &options, ret_plan);
	if (r < 0 || channel->quiet_modules <= QR_QUIET_MODULES)
		return r;
	options.version   = ret_plan->version;
	options.module_px = side / (ret_plan->modules + 2 * channel->quiet_modules);
	if (options.module_px == 0)
		return CSN_E_TOO_BIG;
	return qr_plan(channel->cut.payload, &options, ret_plan);
}

static int
cannot_draw(struct channel *channel, const struct csn_frame *out, int result)
{
	snprintf(channel->refusal, sizeof channel->refusal,
	         "a code of %zu bytes does not fit a picture of %ux%u pixels; make the "
	         "window larger or \"code_bytes\" smaller",
	         channel->cut.payload, (unsigned)out->width, (unsigned)out->height);
	if (channel->sending != NULL)
		channel->host->fail(channel->host->op_error(channel->sending), result, "%s",
		                    channel->refusal);
	stop_showing(channel, result);
	return result;
}

static int
draw(struct channel *channel, const struct csn_frame *out)
{
	uint8_t payload[QR_PAYLOAD_MAX];
	struct qr_bytes bytes;
	struct qr_plan codes;

	int r = write_payload(channel, payload, &bytes);
	if (r < 0)
		return r;
	r = plan(channel, out, &codes);
	if (r < 0)
		return r;
	uint8_t *picture = realloc(channel->picture, (size_t)out->width * out->height);
	if (picture == NULL)
		return CSN_E_NOMEM;
	channel->picture = picture;
	channel->width   = out->width;
	channel->height  = out->height;
	return qr_draw(&codes, &bytes, 1, picture, out->width, out->height, out->width);
}

/* Moves on when the current code had its time; ends the send after the last one. */
static void
advance(struct channel *channel, uint64_t now_ns)
{
	if (!channel->drawn || now_ns < channel->until_ns)
		return;
	if (channel->index + 1 >= channel->cut.codes)
		end_send(channel, CSN_OK);
	/* Uniform resources go on with sums, which tell a late reader more. */
	if (channel->index + 1 < channel->cut.codes ||
	    (channel->framing == CHANNEL_UR && channel->cut.codes > 1)) {
		channel->index++;
		channel->drawn = false;
		return;
	}
	if (channel->cut.codes > 1) {
		channel->index = 0;
		channel->drawn = false;
	}
}

static int
render(void *self, struct csn_frame *out)
{
	struct channel *channel = self;
	const uint64_t now_ns = channel->host->now(channel->host);
	int r;

	if (out->medium != CSN_MEDIUM_VIDEO || out->grey == NULL || out->stride < out->width ||
	    out->width > QR_PICTURE_MAX || out->height > QR_PICTURE_MAX)
		return CSN_E_INVALID;
	out->count = 0;
	if (channel->message == NULL)
		return CSN_OK;
	advance(channel, now_ns);
	if (!channel->drawn || channel->width != out->width || channel->height != out->height) {
		r = draw(channel, out);
		if (r < 0)
			return cannot_draw(channel, out, r);
		if (!channel->drawn)
			channel->until_ns =
				now_ns + UINT64_C(1000000000) / channel->frames_per_second;
		channel->drawn = true;
	}
	for (size_t y = 0; y < out->height; y++)
		memcpy(out->grey + y * out->stride, channel->picture + y * out->width,
		       out->width);
	out->count = 1;
	return CSN_OK;
}

/* ---- receiving --------------------------------------------------------- */

static int
take_payload(struct channel *channel, struct csn_bytes payload, uint64_t time_ns,
             struct csn_bytes *ret_message)
{
	struct csn_bytes whole;

	if (channel->framing != CHANNEL_UR)
		return inbox_take(&channel->inbox, payload, time_ns, ret_message);
	*ret_message = CSN_BYTES_NONE;
	int r = ur_way_take(&channel->ur, payload, &whole);
	if (r < 0 || whole.len == 0)
		return r;
	return inbox_whole(&channel->inbox, whole, time_ns, ret_message);
}

static int
feed(void *self, const struct csn_frame *in)
{
	struct channel *channel = self;
	struct csn_bytes message;
	struct qr_bytes payload;
	size_t len = 0;

	if (in->medium != CSN_MEDIUM_VIDEO || in->grey == NULL)
		return CSN_E_INVALID;
	int r = qr_reader_feed(channel->reader, in->grey, in->width, in->height, in->stride,
	                       in->time_ns);
	if (r < 0)
		return r;
	channel->pictures++;
	while (qr_reader_next(channel->reader, &payload)) {
		r = take_payload(channel, (struct csn_bytes){ payload.ptr, payload.len },
		                 in->time_ns, &message);
		if (r < 0)
			return r;
		if (message.len == 0)
			continue;
		len = message.len;
		csn_inbox_put(&channel->arrived, message);
	}
	report_picture(channel, in, len);
	return CSN_OK;
}

static int
receive(void *self, struct csn_op *op)
{
	struct channel *channel = self;

	return csn_inbox_receive(&channel->arrived, op);
}

static void
cancel(void *self, struct csn_op *op)
{
	struct channel *channel = self;

	if (op == channel->sending)
		stop_showing(channel, CSN_E_CANCELLED);
	else
		csn_inbox_cancel(&channel->arrived, op);
}

static void
rest(void *self)
{
	stop_showing(self, CSN_E_CANCELLED);
}

/* ---- words ------------------------------------------------------------- */

static size_t
say_picture(const struct channel *channel, char *text, size_t len)
{
	struct qr_report report;
	int n;

	qr_reader_report(channel->reader, &report);
	if (report.codes_read > 0)
		n = snprintf(text, len, "saw %llu pictures, the last was read",
		             (unsigned long long)channel->pictures);
	else if (report.codes_seen > 0)
		n = snprintf(text, len,
		             "saw %llu pictures, in the last a code that cannot be read: %.1f "
		             "pixels a module, edges %.1f modules wide, contrast %.2f; hold "
		             "still, come nearer or shade the light",
		             (unsigned long long)channel->pictures, (double)report.module_px,
		             (double)report.blur_modules, (double)report.contrast);
	else
		n = snprintf(text, len,
		             "saw %llu pictures, no code in the last; bring the whole code with "
		             "its white edge into view",
		             (unsigned long long)channel->pictures);
	return n < 0 ? len : (size_t)n;
}

static int
diagnose(void *self, char *text, size_t len)
{
	const struct channel *channel = self;
	const struct inbox *inbox = &channel->inbox;

	if (len == 0)
		return CSN_E_INVALID;
	if (channel->refusal[0] != '\0') {
		snprintf(text, len, "%s", channel->refusal);
		return CSN_OK;
	}
	if (channel->pictures == 0) {
		snprintf(text, len, "no picture has come yet; does the media capture?");
		return CSN_OK;
	}
	const size_t n = say_picture(channel, text, len);
	if (n < len && inbox->total != 0)
		snprintf(text + n, len - n, "; have %u of %u parts", (unsigned)inbox->held,
		         (unsigned)inbox->total);
	const size_t m = strlen(text);
	if (inbox->refused != 0)
		snprintf(text + m, len - m, "; %u parts refused, the last with code %d",
		         (unsigned)inbox->refused, inbox->code);
	return CSN_OK;
}

/* ---- life -------------------------------------------------------------- */

int
channel_open(struct channel *channel, struct csn_error *err)
{
	/* Several codes: a stranger's poster beside ours must not hide it. */
	static const struct qr_reader_options options = { .max_codes = 4, .repeats = true };
	const struct csn_host *host = channel->host;

	channel->arrived.host = host;
	if (channel->code_bytes > qr_capacity(40, (enum qr_level)channel->ecc))
		return host->fail(err, CSN_E_CONFIG,
		                  "code_bytes = %u: one code of this ecc carries at most %zu",
		                  (unsigned)channel->code_bytes,
		                  qr_capacity(40, (enum qr_level)channel->ecc));
	channel->reader = qr_reader_new(&options);
	if (channel->reader == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a reader");
	return CSN_OK;
}

void
channel_close(struct channel *channel)
{
	stop_showing(channel, CSN_E_CANCELLED);
	csn_inbox_done(&channel->arrived);
	inbox_done(&channel->inbox);
	ur_way_done(&channel->ur);
	qr_reader_free(channel->reader);
	free(channel->picture);
}

const struct csn_channel_ops channel_ops = {
	.size     = sizeof channel_ops,
	.caps     = caps,
	.send     = send_message,
	.receive  = receive,
	.cancel   = cancel,
	.rest     = rest,
	.feed     = feed,
	.render   = render,
	.diagnose = diagnose,
	.attempt  = channel_attempt,
	.meter    = channel_meter,
};
