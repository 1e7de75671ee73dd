#include "channel.h"

#include <stdio.h>
#include <stdlib.h>

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	const struct channel *channel = self;
	const double fps = channel_fps(channel);
	const uint32_t places = channel_places(channel);

	ret_caps->direction        = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret_caps->medium           = CSN_MEDIUM_VIDEO;
	ret_caps->traits           = CSN_TRAIT_ATTENDED | CSN_TRAIT_BROADCAST;
	ret_caps->max_message      = MESSAGE_MAX;
	ret_caps->bytes_per_second = (uint32_t)(fps * (double)(channel_room(channel) * places));
	ret_caps->latency_ms       = (uint32_t)(1000 / fps + 0.5);
	ret_caps->medium_name      = "qr";
	ret_caps->at_once          = channel->framing == CHANNEL_UR ? 1 : places;
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
		channel_stop_showing(channel, CSN_E_CANCELLED);
	else
		csn_inbox_cancel(&channel->arrived, op);
}

static void
rest(void *self)
{
	channel_stop_showing(self, CSN_E_CANCELLED);
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
	const uint32_t few = 4, places = channel_places(channel);
	const struct qr_reader_options options = {
		.max_codes = places > few ? places : few, .repeats = true };
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
	channel_stop_showing(channel, CSN_E_CANCELLED);
	csn_inbox_done(&channel->arrived);
	inbox_done(&channel->inbox);
	ur_way_done(&channel->ur);
	qr_reader_free(channel->reader);
	free(channel->picture);
}

const struct csn_channel_ops channel_ops = {
	.size     = sizeof channel_ops,
	.caps     = caps,
	.send     = channel_send,
	.receive  = receive,
	.cancel   = cancel,
	.rest     = rest,
	.feed     = feed,
	.render   = channel_render,
	.diagnose = diagnose,
	.attempt  = channel_attempt,
	.meter    = channel_meter,
	.send_many = channel_send_many,
	.marks    = channel_marks,
};
