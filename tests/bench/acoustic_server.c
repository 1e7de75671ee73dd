/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bursts through a real sound server in real time, for tests/bench/acoustic.py --server:
 * plays the sound of a file by media/gst, hears it by media/gst and channel/ultrasonic.
 * The file holds "burst HEX COUNT" and a line's end before COUNT raw floats, many times.
 * One line a burst:  burst ARRIVED AFTER_MS PATH_MS   (after its last sample came in; from
 * when that sample was to leave the program until it came in).
 */
#include "kit/fakehost.h"

#include <countersign/channel.h>
#include <countersign/media.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4800, BURSTS = 1000, FRAMES = 200000, MESSAGE = 120 };

struct burst {
	uint8_t  message[MESSAGE];
	size_t   len, count;
	float   *samples;
	uint64_t played_ns; /* when its last sample was to leave                  */
	bool     arrived;
	double   after_ms, path_ms;
};

/* When how many samples had come in. */
struct mark {
	uint64_t samples, ns;
};

static struct fakehost       *fake;
static const struct csn_host *host;
static struct burst           bursts[BURSTS];
static size_t                 burst_count;
static struct mark            marks[FRAMES];
static size_t                 mark_count;

/* ---- the bursts ------------------------------------------------------------------ */

static bool
read_burst(FILE *file)
{
	struct burst *b = &bursts[burst_count];
	char          hex[2 * MESSAGE + 1];

	if (burst_count == BURSTS || fscanf(file, "burst %240s %zu", hex, &b->count) != 2 ||
	    fgetc(file) != '\n' || b->count == 0 || b->count > 48000 * 60)
		return false;
	b->len = strlen(hex) / 2;
	for (size_t i = 0; i < b->len; i++) {
		const char byte[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		b->message[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	b->samples = calloc(b->count, sizeof *b->samples);
	if (b->samples == NULL || fread(b->samples, sizeof *b->samples, b->count, file) != b->count)
		return false;
	burst_count++;
	return true;
}

/* ---- ends ------------------------------------------------------------------------ */

struct end {
	const struct csn_component *component;
	const struct csn_media_ops *ops;
	void                       *self;
	struct csn_op              *op; /* play or capture under way               */
	struct csn_frame            frame;
};

static bool
start(struct end *end, const char *const *options)
{
	struct csn_error err = { 0 };

	end->component = fakehost_load("media/gst");
	end->ops       = end->component->ops.media;
	if (fakehost_create(fake, end->component, options, &end->self, &err) < 0) {
		fprintf(stderr, "acoustic-server: %s\n", err.text);
		return false;
	}
	struct csn_op *op = fakehost_op(fake);
	fakehost_started(op, end->ops->start(end->self, op));
	bool good = fakehost_wait(fake, op, 10000) && fakehost_op_result(op) == CSN_OK;
	if (!good)
		fprintf(stderr, "acoustic-server: %s\n", fakehost_op_text(op));
	if (!fakehost_op_ended(op))
		end->ops->cancel(end->self, op);
	fakehost_op_free(op);
	return good;
}

static bool
is_free(struct end *end)
{
	return end->op == NULL || fakehost_op_ended(end->op);
}

static void
stop(struct end *end)
{
	if (end->op != NULL && !fakehost_op_ended(end->op))
		end->ops->cancel(end->self, end->op);
	fakehost_op_free(end->op);
	if (end->self != NULL)
		end->component->destroy(end->self);
}

/* ---- out ------------------------------------------------------------------------- */

/* Gives the next block when there is room; false when all was given. */
static bool
play(struct end *end)
{
	static size_t   burst, at;
	static uint64_t first_ns, given;

	if (!is_free(end))
		return true;
	if (burst == burst_count)
		return false;
	struct burst *b = &bursts[burst];
	size_t        n = b->count - at < BLOCK ? b->count - at : BLOCK;

	if (given == 0)
		first_ns = host->now(host);
	end->frame = (struct csn_frame){ .size = sizeof end->frame, .medium = CSN_MEDIUM_AUDIO,
		                         .rate_hz = 48000, .samples = b->samples + at, .count = n };
	fakehost_op_free(end->op);
	end->op = fakehost_op(fake);
	fakehost_started(end->op, end->ops->play(end->self, end->op, &end->frame));
	at += n;
	given += n;
	if (at == b->count) {
		b->played_ns = first_ns; /* of the stream: its end is added by count    */
		at = 0;
		burst++;
	}
	return true;
}

/* ---- in -------------------------------------------------------------------------- */

struct ear {
	const struct csn_component   *component;
	const struct csn_channel_ops *ops;
	void                         *self;
	struct csn_op                *get;
	uint64_t                      heard;
	uint64_t                      end_ms; /* of the attempt that succeeded last     */
};

/* When the sample came in, the latest where marks lie apart. */
static uint64_t
came_ns(uint64_t sample)
{
	for (size_t i = 0; i < mark_count; i++)
		if (marks[i].samples > sample)
			return marks[i].ns;
	return mark_count > 0 ? marks[mark_count - 1].ns : 0;
}

/* Samples of the stream up to the burst's end, with the silence behind it. */
static uint64_t
stream_end(const struct burst *until)
{
	uint64_t sum = 0;

	for (const struct burst *b = bursts; b <= until; b++)
		sum += b->count;
	return sum;
}

static void
match(struct ear *ear, struct csn_bytes message, uint64_t now_ns)
{
	const uint64_t came = came_ns(ear->end_ms * 48);

	for (size_t i = 0; i < burst_count; i++) {
		struct burst *b = &bursts[i];

		if (b->arrived || b->len != message.len ||
		    memcmp(b->message, message.ptr, message.len) != 0)
			continue;
		b->arrived  = true;
		b->after_ms = (double)(now_ns - came) / 1e6;
		b->path_ms  = (double)ear->end_ms; /* settled at the end                   */
		return;
	}
}

static void
collect(struct ear *ear)
{
	struct csn_channel_report report;

	while (report = (struct csn_channel_report){ .size = sizeof report },
	       ear->ops->attempt(ear->self, &report) == CSN_OK)
		if (report.arrived)
			ear->end_ms = report.at_ms;
	if (!fakehost_op_ended(ear->get))
		return;
	match(ear, fakehost_op_bytes(ear->get), host->now(host));
	fakehost_op_free(ear->get);
	ear->get = fakehost_op(fake);
	fakehost_started(ear->get, ear->ops->receive(ear->self, ear->get));
}

/* Takes in one frame; false when none has come. */
static bool
hear_one(struct end *end, struct ear *ear)
{
	if (!is_free(end))
		return false;
	if (end->op != NULL && fakehost_op_result(end->op) == CSN_OK) {
		ear->heard += end->frame.count;
		if (mark_count < FRAMES)
			marks[mark_count++] = (struct mark){ ear->heard, host->now(host) };
		ear->ops->feed(ear->self, &end->frame);
		collect(ear);
	}
	fakehost_op_free(end->op);
	end->op    = fakehost_op(fake);
	end->frame = (struct csn_frame){ .size = sizeof end->frame };
	fakehost_started(end->op, end->ops->capture(end->self, end->op, &end->frame));
	return true;
}

static void
hear(struct end *end, struct ear *ear)
{
	for (int i = 0; i < 64 && hear_one(end, ear); i++)
		fakehost_run(fake, 0);
}

/* ---- all of it ------------------------------------------------------------------- */

static void
tell(uint64_t tail)
{
	for (size_t i = 0; i < burst_count; i++) {
		struct burst *b = &bursts[i];
		double nominal = (double)b->played_ns / 1e6 + (double)(stream_end(b) - tail) / 48;
		double came = b->arrived ? (double)came_ns((uint64_t)b->path_ms * 48) / 1e6 : 0;

		printf("burst %d %.1f %.1f\n", b->arrived, b->after_ms,
		       b->arrived ? came - nominal : 0);
		free(b->samples);
	}
}

static int
run(struct end *speaker, struct end *microphone, struct ear *ear)
{
	uint64_t over_ns = 0;

	ear->get = fakehost_op(fake);
	fakehost_started(ear->get, ear->ops->receive(ear->self, ear->get));
	for (uint64_t begun = host->now(host); host->now(host) - begun < 800000000;) {
		hear(microphone, ear); /* the room, before anything is played            */
		fakehost_run(fake, 1);
	}
	while (over_ns == 0 || host->now(host) < over_ns) {
		bool more = play(speaker);

		hear(microphone, ear);
		fakehost_run(fake, 1);
		if (!more && over_ns == 0)
			over_ns = host->now(host) + UINT64_C(4000000000);
	}
	if (!fakehost_op_ended(ear->get))
		ear->ops->cancel(ear->self, ear->get);
	fakehost_op_free(ear->get);
	return 0;
}

int
main(int argc, char **argv)
{
	static const char *const out[] = { "medium", "audio", "direction", "send", "through",
		                           "pulse", NULL };
	static const char *const in[] = { "medium", "audio", "through", "pulse", NULL };
	struct end       speaker = { 0 }, microphone = { 0 };
	struct ear       ear = { 0 };
	struct csn_error err = { 0 };
	FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
	int   rc   = 3;

	if (file == NULL) {
		fprintf(stderr, "usage: acoustic-server FILE TAIL_SAMPLES\n");
		return 2;
	}
	while (read_burst(file))
		continue;
	fclose(file);
	fake = fakehost_new(true);
	host = fakehost_host(fake);
	ear.component = fakehost_load("channel/ultrasonic");
	ear.ops       = ear.component->ops.channel;
	if (burst_count > 0 && fakehost_create(fake, ear.component, NULL, &ear.self, &err) == CSN_OK &&
	    start(&microphone, in) && start(&speaker, out))
		rc = run(&speaker, &microphone, &ear);
	stop(&speaker);
	stop(&microphone);
	if (ear.self != NULL)
		ear.component->destroy(ear.self);
	fakehost_free(fake);
	tell(strtoull(argv[2], NULL, 10));
	return rc;
}
