/* What a person or a program is told: attempts, levels, and why nothing came. */
#include "ultrasonic.h"

#include <math.h>
#include <stdio.h>

/* A probable reason no attempt gives away: nothing that looks like a burst. */
static const char unheard[] =
	"no burst in what is heard: loudspeaker muted or too far, or the microphone filters "
	"high tones";

void
ultrasonic_note(struct ultrasonic *us, const struct csn_modem_event *event)
{
	if (us->attempt_count == ULTRASONIC_TOLD) {
		us->attempt_count--;
		memmove(&us->attempts[0], &us->attempts[1],
		        us->attempt_count * sizeof us->attempts[0]);
	}
	us->attempts_seen++;
	us->attempts[us->attempt_count++] =
		(struct attempt){ event->report, (uint32_t)event->len };
}

static void
figure(struct csn_channel_report *report, const char *name, const char *unit, float value,
       float least)
{
	struct csn_figure *f = &report->figure[report->figures++];

	snprintf(f->name, sizeof f->name, "%s", name);
	snprintf(f->unit, sizeof f->unit, "%s", unit);
	f->value = (double)value;
	f->least = (double)least;
}

static void
say_cause(struct csn_channel_report *report, enum csn_modem_cause cause)
{
	if (cause == CSN_MODEM_CAUSE_NONE)
		return;
	snprintf(report->cause, sizeof report->cause, "%s", csn_modem_cause_name(cause));
	snprintf(report->text, sizeof report->text, "%s", csn_modem_cause_text(cause));
}

int
ultrasonic_attempt(void *self, struct csn_channel_report *report)
{
	struct ultrasonic *us = self;

	if (us->attempt_count == 0)
		return CSN_E_MISSING;
	const struct csn_modem_report *r = &us->attempts[0].report;
	report->arrived = r->stage == CSN_MODEM_STAGE_DONE;
	report->bytes   = us->attempts[0].bytes;
	report->at_ms   = r->end_sample * 1000 / CSN_MODEM_RATE_HZ;
	snprintf(report->mode, sizeof report->mode, "%s", csn_modem_profile_name(r->profile));
	snprintf(report->stage, sizeof report->stage, "%s", csn_modem_stage_name(r->stage));
	say_cause(report, r->cause);
	figure(report, "level", "dBFS", r->level_dbfs, NAN);
	figure(report, "snr", "dB", r->snr_db, csn_modem_least_snr_db(r->profile));
	figure(report, "sync", "", r->score, NAN);
	figure(report, "clock", "ppm", r->clock_ppm, NAN);
	figure(report, "echo", "ms", r->echo_ms, NAN);
	figure(report, "bursts", "", (float)r->combined, NAN);
	us->attempt_count--;
	memmove(&us->attempts[0], &us->attempts[1],
	        us->attempt_count * sizeof us->attempts[0]);
	return CSN_OK;
}

/* The meter, with the best score since the start whoever asked in between. */
static void
read_meter(struct ultrasonic *us, struct csn_modem_meter *ret_meter)
{
	csn_modem_rx_meter(us->rx, ret_meter);
	us->best_score   = fmaxf(us->best_score, ret_meter->score);
	ret_meter->score = us->best_score;
}

int
ultrasonic_meter(void *self, struct csn_channel_report *report)
{
	struct ultrasonic *us = self;
	struct csn_modem_meter meter;

	read_meter(us, &meter);
	report->at_ms = meter.samples * 1000 / CSN_MODEM_RATE_HZ;
	figure(report, "level", "dBFS", meter.level_dbfs, NAN);
	figure(report, "band", "dBFS", meter.band_dbfs, NAN);
	figure(report, "over-floor", "dB", fmaxf(0, meter.band_dbfs - meter.floor_dbfs), NAN);
	figure(report, "best-sync", "", meter.score,
	       csn_modem_least_score((enum csn_modem_profile)us->profile));
	figure(report, "clipped", "%", 100 * meter.clipped, NAN);
	figure(report, "false-starts", "", (float)meter.false_starts, NAN);
	if (us->refusal[0] != '\0') {
		snprintf(report->cause, sizeof report->cause, "%s", "rate");
		snprintf(report->text, sizeof report->text, "%.159s", us->refusal);
	} else if (meter.samples == 0) {
		snprintf(report->cause, sizeof report->cause, "%s", "nothing");
		snprintf(report->text, sizeof report->text, "no sound has come yet");
	} else if (meter.cause != CSN_MODEM_CAUSE_NONE) {
		say_cause(report, meter.cause);
	} else if (us->attempts_seen == 0) {
		snprintf(report->cause, sizeof report->cause, "%s", "unheard");
		snprintf(report->text, sizeof report->text, "%s", unheard);
	}
	return CSN_OK;
}

/* Those of the attempt made last, which is the one told last when all were asked for. */
int
ultrasonic_points(void *self, float (*xy)[2], size_t room, size_t *ret_count)
{
	const struct ultrasonic *us = self;
	const size_t count = us->attempt_count == 0 ? csn_modem_rx_points(us->rx, xy, room) : 0;

	if (count == 0)
		return CSN_E_MISSING;
	*ret_count = count;
	return CSN_OK;
}

static void
write_attempt(const struct ultrasonic *us, char *text, size_t len)
{
	const struct csn_modem_report *r = &us->last;

	snprintf(text, len,
	         "; last attempt came to %s: level %.0f dBFS, SNR %.0f dB, sync %.2f, echo "
	         "%.0f ms, clock %+.0f ppm; %s",
	         csn_modem_stage_name(r->stage), (double)r->level_dbfs, (double)r->snr_db,
	         (double)r->score, (double)r->echo_ms, (double)r->clock_ppm,
	         csn_modem_cause_text(r->cause));
}

int
ultrasonic_diagnose(void *self, char *text, size_t len)
{
	struct ultrasonic *us = self;
	struct csn_modem_meter meter;
	int n;

	if (len == 0)
		return CSN_E_INVALID;
	if (us->refusal[0] != '\0') {
		snprintf(text, len, "%s", us->refusal);
		return CSN_OK;
	}
	read_meter(us, &meter);
	const float over = meter.band_dbfs - meter.floor_dbfs;
	if (meter.samples == 0) {
		snprintf(text, len, "no sound has come yet; does the media capture?");
		return CSN_OK;
	}
	n = snprintf(text, len,
	             "heard %.1f s at 48 kHz, level %.0f dBFS, %.1f to %.1f kHz %.1f dB over "
	             "its quietest, best sync %.2f, %llu false starts",
	             (double)meter.samples / CSN_MODEM_RATE_HZ, (double)meter.level_dbfs,
	             us->band_low_hz / 1000.0, us->band_high_hz / 1000.0,
	             (double)(over > 0 ? over : 0), (double)meter.score,
	             (unsigned long long)meter.false_starts);
	if (n < 0 || (size_t)n >= len)
		return CSN_OK;
	if (us->attempted)
		write_attempt(us, text + n, len - (size_t)n);
	else if (meter.cause != CSN_MODEM_CAUSE_NONE)
		snprintf(text + n, len - (size_t)n, "; %s", csn_modem_cause_text(meter.cause));
	return CSN_OK;
}
