#include "qr-read.h"
#include "diag.h"
#include "qr-zbar.h"
#include "tracked.h"

#include <stdlib.h>
#include <string.h>

enum {
	BYTES_MAX   = 4 * QR_PAYLOAD_MAX, /* of all payloads of one picture */
	ZBAR_PIXELS = 800 * 600,          /* zbar is slow: larger pictures are not shown to it */
	PATIENCE    = 8, /* pictures after our own last reading before others are asked */
	OTHERS_EVERY = 4,                 /* they see each so-manieth that nobody read */
	ZBAR_CROWD   = 6,                 /* finder patterns: it takes long over more */
	ZBAR_EVERY   = 8,                 /* and zbar fewer */
};

struct qr_reader {
	struct qr_reader_options options;
	struct qr_reader_counts  counts;
	struct qr_report         report;
	struct qr_eye           *eye;
	struct qr_zbar          *zbar;
	uint64_t                 unread;   /* pictures in a row */
	uint64_t                 since_own; /* pictures since we last read one ourselves */
	uint64_t                 last_ns;
	struct qr_bytes          payload[QR_CODES_MAX];
	size_t                   count;
	size_t                   next;
	struct qr_found          found[QR_CODES_MAX]; /* by the others */
	uint8_t                  bytes[BYTES_MAX];
	size_t                   before_len; /* the first payload that they read last */
	uint8_t                  before[QR_PAYLOAD_MAX];
};

void
qr_reader_free(struct qr_reader *reader)
{
	if (reader == NULL)
		return;
	qr_eye_free(reader->eye);
	qr_zbar_free(reader->zbar);
	free(reader);
}

struct qr_reader *
qr_reader_new(const struct qr_reader_options *options)
{
	struct qr_reader *reader = calloc(1, sizeof *reader);

	if (reader == NULL)
		return NULL;
	if (options != NULL)
		reader->options = *options;
	if (reader->options.max_codes == 0)
		reader->options.max_codes = 1;
	if (reader->options.max_codes > QR_CODES_MAX)
		reader->options.max_codes = QR_CODES_MAX;
	reader->since_own = PATIENCE;
	reader->eye = qr_eye_new(reader->options.max_codes, !reader->options.no_merge);
	reader->zbar = qr_zbar_new();
	if (reader->eye == NULL || reader->zbar == NULL) {
		qr_reader_free(reader);
		return NULL;
	}
	return reader;
}

void
qr_reader_reset(struct qr_reader *reader)
{
	qr_eye_forget(reader->eye);
	reader->count = reader->next = reader->before_len = 0;
	reader->unread = 0;
	reader->since_own = PATIENCE;
	reader->last_ns = 0;
	memset(&reader->report, 0, sizeof reader->report);
}

static void
count_way(struct qr_reader_counts *counts, enum qr_way way)
{
	counts->tracked += way == QR_WAY_TRACKED;
	counts->searched += way == QR_WAY_SEARCHED;
	counts->merged += way == QR_WAY_MERGED;
	counts->parted += way == QR_WAY_PARTED;
}

static int
ask_eye(struct qr_reader *reader, const struct qr_picture *picture)
{
	int n = qr_eye_look(reader->eye, picture);
	if (n < 0)
		return n;
	reader->report = *qr_eye_report(reader->eye);
	for (unsigned i = 0; i < (unsigned)n; i++) {
		struct qr_sight sight = qr_eye_sight(reader->eye, i);

		count_way(&reader->counts, sight.way);
		if (sight.fresh || reader->options.repeats)
			reader->payload[reader->count++] = (struct qr_bytes){
				sight.symbol->payload, sight.symbol->text.len };
	}
	return n;
}

/* Takes what the others found, less a repetition of what they found last. */
static void
take_found(struct qr_reader *reader, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct qr_found *found = &reader->found[i];
		const uint8_t *bytes = reader->bytes + found->offset;
		bool again = found->len == reader->before_len &&
		             memcmp(bytes, reader->before, found->len) == 0;

		if (!again || reader->options.repeats)
			reader->payload[reader->count++] = (struct qr_bytes){ bytes, found->len };
	}
	if (n > 0 && reader->found[0].len <= sizeof reader->before) {
		reader->before_len = reader->found[0].len;
		memcpy(reader->before, reader->bytes + reader->found[0].offset,
		       reader->before_len);
	}
}

static int
ask_others(struct qr_reader *reader, const struct qr_picture *picture)
{
	size_t max = reader->options.max_codes;

	int n = qr_zxing_read(picture, true, reader->found, max, reader->bytes, BYTES_MAX);
	if (n != 0) {
		reader->counts.zxing += n > 0 ? (uint64_t)n : 0;
	} else if ((size_t)picture->width * picture->height <= ZBAR_PIXELS &&
	           reader->unread % ZBAR_EVERY == 0 && qr_eye_crowd(reader->eye) <= ZBAR_CROWD) {
		n = qr_zbar_read(reader->zbar, picture, reader->found, max, reader->bytes,
		                 BYTES_MAX);
		reader->counts.zbar += n > 0 ? (uint64_t)n : 0;
	}
	if (n > 0)
		take_found(reader, (size_t)n);
	return n;
}

/* While they read, each picture after we lost patience; else each so-manieth. */
static bool
others_turn(const struct qr_reader *reader)
{
	return !reader->options.own_only && reader->since_own > PATIENCE &&
	       reader->unread % OTHERS_EVERY == 0;
}

int
qr_reader_feed(struct qr_reader *reader, const uint8_t *grey, uint32_t width, uint32_t height,
               size_t stride, uint64_t time_ns)
{
	const struct qr_picture picture = { grey, width, height, stride };

	reader->count = reader->next = 0;
	if (grey == NULL || width == 0 || height == 0 || width > QR_PICTURE_MAX ||
	    height > QR_PICTURE_MAX || stride < width)
		return QR_E_INVALID;
	if (reader->counts.pictures++ > 0 && time_ns <= reader->last_ns)
		qr_reader_reset(reader);
	reader->last_ns = time_ns;

	int n = ask_eye(reader, &picture);
	reader->since_own = n > 0 ? 0 : reader->since_own + 1;
	if (n == 0 && others_turn(reader)) {
		const struct qr_picture *shown = qr_eye_harmless(reader->eye);

		if (shown != NULL)
			n = ask_others(reader, shown);
	}
	if (n < 0)
		return n;
	reader->unread = n > 0 ? 0 : reader->unread + 1;
	reader->report.codes_read = (unsigned)n;
	reader->report.time_ns = time_ns;
	qr_diagnose(&reader->report);
	return (int)reader->count;
}

bool
qr_reader_next(struct qr_reader *reader, struct qr_bytes *ret_bytes)
{
	if (reader->next >= reader->count)
		return false;
	*ret_bytes = reader->payload[reader->next++];
	return true;
}

void
qr_reader_report(const struct qr_reader *reader, struct qr_report *ret_report)
{
	*ret_report = reader->report;
}

void
qr_reader_counts(const struct qr_reader *reader, struct qr_reader_counts *ret_counts)
{
	*ret_counts = reader->counts;
}
