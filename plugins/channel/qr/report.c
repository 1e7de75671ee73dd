/* What a person or a program is told: readings, attempts that failed, and why; a picture. */
#include "channel.h"
#include "diag.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STREAK = 15 }; /* pictures with a code that is not read, until that is an attempt */

static void
add_figure(struct csn_channel_report *report, const char *name, const char *unit, float value,
           double least)
{
	struct csn_figure *figure = &report->figure[report->figures++];

	snprintf(figure->name, sizeof figure->name, "%s", name);
	snprintf(figure->unit, sizeof figure->unit, "%s", unit);
	figure->value = value > 0 ? (double)value : 0; /* none of them is below */
	figure->least = least;
}

static void
fill(const struct channel *channel, const struct qr_report *r, struct csn_channel_report *report)
{
	report->at_ms = (r->time_ns - channel->first_ns) / 1000000;
	report->bytes = 0;
	if (r->version > 0)
		snprintf(report->mode, sizeof report->mode, "v%u", r->version);
	snprintf(report->stage, sizeof report->stage, "%s",
	         r->codes_read > 0 ? "read" : r->codes_seen > 0 ? "seen" : "searched");
	if (r->cause != QR_CAUSE_NONE) {
		snprintf(report->cause, sizeof report->cause, "%s", qr_cause_name(r->cause));
		snprintf(report->text, sizeof report->text, "%s", qr_cause_advice(r->cause));
	}
	add_figure(report, "light", "", r->light, 0.12);
	if (r->codes_seen == 0)
		return;
	/* The figures at which reading gets rare are those of qr_diagnose. */
	add_figure(report, "module", "px", r->module_px, 2.2);
	add_figure(report, "edges", "modules", r->blur_modules, NAN);
	add_figure(report, "contrast", "", r->contrast, 0.05);
	add_figure(report, "clipped", "", r->clipped, NAN);
	add_figure(report, "quiet", "modules", r->quiet_modules, 1);
	add_figure(report, "torn", "", r->torn, NAN);
	add_figure(report, "noise", "", r->noise, NAN);
	add_figure(report, "repaired", "", r->corrected, NAN);
}

/* The picture with what was found in it, for whoever points the camera. */
static void
write_overlay(const struct channel *channel, const struct qr_report *r, const struct csn_frame *in)
{
	const size_t size = (size_t)in->width * in->height;
	uint8_t *grey = channel->overlay != NULL ? malloc(size) : NULL;

	if (grey == NULL)
		return;
	for (size_t y = 0; y < in->height; y++)
		memcpy(grey + y * in->width, in->grey + y * in->stride, in->width);
	qr_overlay(r, grey, in->width, in->height, in->width);
	const int fd = open(channel->overlay, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
	if (file != NULL) {
		fprintf(file, "P5\n%u %u\n255\n", (unsigned)in->width, (unsigned)in->height);
		fwrite(grey, 1, size, file);
		fclose(file);
	} else if (fd >= 0) {
		close(fd);
	}
	free(grey);
}

void
report_picture(struct channel *channel, const struct csn_frame *in, size_t message_len)
{
	struct qr_report r;

	qr_reader_report(channel->reader, &r);
	if (channel->first_ns == 0)
		channel->first_ns = in->time_ns;
	channel->unread = r.codes_read == 0 && r.codes_seen > 0 ? channel->unread + 1 : 0;
	if (message_len == 0 && (channel->unread == 0 || channel->unread % STREAK != 0))
		return;
	if (channel->told_count == CHANNEL_TOLD) {
		channel->told_count--;
		memmove(&channel->told[0], &channel->told[1],
		        channel->told_count * sizeof channel->told[0]);
	}
	struct csn_channel_report *report = &channel->told[channel->told_count++];
	memset(report, 0, sizeof *report);
	fill(channel, &r, report);
	report->arrived = message_len > 0;
	report->bytes   = (uint32_t)message_len;
	if (report->arrived)
		snprintf(report->stage, sizeof report->stage, "done");
	write_overlay(channel, &r, in);
}

/* @report is the caller's: its size stays what it was. */
static void
give(struct csn_channel_report *report, const struct csn_channel_report *from)
{
	const uint32_t size = report->size;

	*report = *from;
	report->size = size;
}

int
channel_attempt(void *self, struct csn_channel_report *report)
{
	struct channel *channel = self;

	if (channel->told_count == 0)
		return CSN_E_MISSING;
	give(report, &channel->told[0]);
	channel->told_count--;
	memmove(&channel->told[0], &channel->told[1],
	        channel->told_count * sizeof channel->told[0]);
	return CSN_OK;
}

int
channel_marks(void *self, float (*xy)[2], size_t room, size_t *ret_count)
{
	const struct channel *channel = self;
	struct qr_report r;

	qr_reader_report(channel->reader, &r);
	*ret_count = qr_marks(&r, xy, room);
	return CSN_OK;
}

int
channel_meter(void *self, struct csn_channel_report *report)
{
	const struct channel *channel = self;
	struct csn_channel_report now = { 0 };
	struct qr_report r;

	qr_reader_report(channel->reader, &r);
	r.time_ns = r.time_ns < channel->first_ns ? channel->first_ns : r.time_ns;
	fill(channel, &r, &now);
	give(report, &now);
	return CSN_OK;
}
