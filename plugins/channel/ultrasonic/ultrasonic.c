#include "ultrasonic.h"

#include <stdio.h>
#include <stdlib.h>

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	const struct ultrasonic *us = self;
	const size_t burst = csn_modem_burst_length(&us->config,
	                                            (enum csn_modem_profile)us->profile,
	                                            CSN_MODEM_MESSAGE_MAX);

	ret_caps->direction   = CSN_SEND | CSN_RECEIVE;
	ret_caps->medium      = CSN_MEDIUM_AUDIO;
	ret_caps->traits      = CSN_TRAIT_PROXIMITY | CSN_TRAIT_BROADCAST;
	ret_caps->max_message = CSN_MODEM_MESSAGE_MAX;
	ret_caps->medium_name = "ultrasonic";
	if (burst == 0)
		return CSN_OK;
	ret_caps->latency_ms = (uint32_t)(burst * 1000 / CSN_MODEM_RATE_HZ);
	ret_caps->bytes_per_second =
		(uint32_t)(CSN_MODEM_MESSAGE_MAX * (size_t)CSN_MODEM_RATE_HZ / burst);
	return CSN_OK;
}

/* ---- sending ----------------------------------------------------------- */

static void
end_send(struct ultrasonic *us, int result)
{
	struct csn_op *op = us->sending;

	us->tx      = NULL;
	us->lead    = 0;
	us->tail    = 0;
	us->sending = NULL;
	csn_wipe(us->tx_memory, csn_modem_tx_size());
	if (op != NULL)
		us->host->op_done(op, result, NULL);
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct ultrasonic *us = self;
	const struct csn_host *host = us->host;
	struct csn_error *err = host->op_error(op);

	if (message.len == 0)
		return host->fail(err, CSN_E_INVALID, "an empty message cannot be sent");
	if (message.len > CSN_MODEM_MESSAGE_MAX)
		return host->fail(err, CSN_E_TOO_BIG,
		                  "message is %zu bytes, one burst carries %d", message.len,
		                  CSN_MODEM_MESSAGE_MAX);
	if (us->sending != NULL)
		return host->fail(err, CSN_E_BUSY, "another burst is being played");
	int r = csn_modem_tx_init(us->tx_memory, csn_modem_tx_size(), &us->config,
	                          (enum csn_modem_profile)us->profile, message.ptr,
	                          message.len, &us->tx);
	if (r < 0)
		return host->fail(err, CSN_E_INTERNAL, "modem: %s", csn_modem_error_text(r));
	us->lead    = ULTRASONIC_LEAD;
	us->tail    = ULTRASONIC_TAIL;
	us->sending = op;
	return CSN_OK;
}

/* ---- frames ------------------------------------------------------------ */

static int
refuse(struct ultrasonic *us, uint32_t rate_hz)
{
	const bool first = us->refusal[0] == '\0';

	snprintf(us->refusal, sizeof us->refusal,
	         "found sound at %u Hz, wanted %d Hz; let the media resample it, or set the "
	         "recording's rate right",
	         (unsigned)rate_hz, CSN_MODEM_RATE_HZ);
	if (first)
		us->host->log(us->host, CSN_LOG_ERROR, "%s", us->refusal);
	return CSN_E_UNSUPPORTED;
}

static int
check(struct ultrasonic *us, const struct csn_frame *frame)
{
	if (frame->medium != CSN_MEDIUM_AUDIO || (frame->samples == NULL && frame->count > 0))
		return CSN_E_INVALID;
	if (frame->rate_hz != CSN_MODEM_RATE_HZ)
		return refuse(us, frame->rate_hz);
	return CSN_OK;
}

static size_t
silence(float *samples, size_t room, size_t *left)
{
	const size_t n = *left < room ? *left : room;

	for (size_t i = 0; i < n; i++)
		samples[i] = 0.0f;
	*left -= n;
	return n;
}

/*
 * Silence, burst, silence.  Sound systems swallow the first and the last of what they
 * play, and a receiver that has just begun needs a moment of the room.
 */
static int
render(void *self, struct csn_frame *out)
{
	struct ultrasonic *us = self;
	const size_t room = out->count;

	int r = check(us, out);
	if (r < 0)
		return r;
	out->count = 0;
	if (us->tx == NULL)
		return CSN_OK;
	size_t n = silence(out->samples, room, &us->lead);
	while (n < room) {
		const size_t got = csn_modem_tx_render(us->tx, out->samples + n, room - n);
		if (got == 0)
			break;
		n += got;
	}
	n += silence(out->samples + n, room - n, &us->tail);
	out->count = n;
	if (us->tail == 0)
		end_send(us, CSN_OK);
	return CSN_OK;
}

/*
 * What the media says was lost comes as silence, so that the rest of a burst keeps its
 * place.  Longer than a gap within a burst can be is a pause: nothing to fill.
 */
static void
fill_gap(struct ultrasonic *us, const struct csn_frame *in)
{
	static const float silence_block[480];
	const uint64_t     length_ns = in->count * UINT64_C(1000000000) / CSN_MODEM_RATE_HZ;
	const uint64_t     last_ns   = us->heard_ns;
	uint64_t           lost;

	us->heard_ns = in->time_ns;
	if ((in->flags & CSN_FRAME_GAP) == 0 || last_ns == 0 || in->time_ns < last_ns + length_ns)
		return;
	lost = ((in->time_ns - last_ns - length_ns) * CSN_MODEM_RATE_HZ + 500000000) / 1000000000;
	if (lost > ULTRASONIC_GAP)
		return;
	while (lost > 0) {
		const size_t n = lost < 480 ? (size_t)lost : 480;

		csn_modem_rx_feed(us->rx, silence_block, n);
		lost -= n;
	}
}

static int
feed(void *self, const struct csn_frame *in)
{
	struct ultrasonic *us = self;
	struct csn_modem_event event;

	int r = check(us, in);
	if (r < 0)
		return r;
	us->refusal[0] = '\0';
	fill_gap(us, in);
	csn_modem_rx_feed(us->rx, in->samples, in->count);
	while (csn_modem_rx_next(us->rx, &event) == 1) {
		ultrasonic_note(us, &event);
		if (event.report.stage == CSN_MODEM_STAGE_DONE) {
			us->attempted = false;
			csn_inbox_put(&us->arrived,
			              (struct csn_bytes){ event.message, event.len });
		} else {
			us->last      = event.report;
			us->attempted = true;
		}
	}
	return CSN_OK;
}

/* ---- receiving --------------------------------------------------------- */

static int
receive(void *self, struct csn_op *op)
{
	struct ultrasonic *us = self;

	return csn_inbox_receive(&us->arrived, op);
}

static void
cancel(void *self, struct csn_op *op)
{
	struct ultrasonic *us = self;

	if (op == us->sending)
		end_send(us, CSN_E_CANCELLED);
	else
		csn_inbox_cancel(&us->arrived, op);
}

static void
rest(void *self)
{
	end_send(self, CSN_E_CANCELLED);
}

/* ---- life -------------------------------------------------------------- */

int
ultrasonic_open(struct ultrasonic *us, struct csn_error *err)
{
	const struct csn_host *host = us->host;

	us->arrived.host = host;
	csn_modem_config_default(&us->config);
	us->config.band_low_hz  = (float)us->band_low_hz;
	us->config.band_high_hz = (float)us->band_high_hz;
	us->config.peak_dbfs    = (float)us->level_dbfs;
	int r = csn_modem_config_check(&us->config);
	if (r < 0)
		return host->fail(err, CSN_E_CONFIG, "band %u to %u Hz, level %d dBFS: %s",
		                  (unsigned)us->band_low_hz, (unsigned)us->band_high_hz,
		                  (int)us->level_dbfs, csn_modem_error_text(r));
	us->tx_memory = malloc(csn_modem_tx_size());
	us->rx_memory = malloc(csn_modem_rx_size());
	if (us->tx_memory == NULL || us->rx_memory == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a modem");
	r = csn_modem_rx_init(us->rx_memory, csn_modem_rx_size(), &us->config, &us->rx);
	if (r < 0)
		return host->fail(err, CSN_E_INTERNAL, "modem: %s", csn_modem_error_text(r));
	return CSN_OK;
}

void
ultrasonic_close(struct ultrasonic *us)
{
	if (us->sending != NULL)
		end_send(us, CSN_E_CANCELLED);
	csn_inbox_done(&us->arrived);
	if (us->tx_memory != NULL)
		csn_wipe(us->tx_memory, csn_modem_tx_size());
	if (us->rx_memory != NULL)
		csn_wipe(us->rx_memory, csn_modem_rx_size());
	free(us->tx_memory);
	free(us->rx_memory);
}

const struct csn_channel_ops ultrasonic_ops = {
	.size     = sizeof ultrasonic_ops,
	.caps     = caps,
	.send     = send_message,
	.receive  = receive,
	.cancel   = cancel,
	.rest     = rest,
	.feed     = feed,
	.render   = render,
	.diagnose = ultrasonic_diagnose,
	.attempt  = ultrasonic_attempt,
	.meter    = ultrasonic_meter,
	.points   = ultrasonic_points,
};
