#include "qr-read.h"
#include "qr-zbar.h"

#include <stdlib.h>
#include <string.h>

enum {
	BYTES_MAX   = 4 * QR_PAYLOAD_MAX, /* of all payloads of one picture */
	ZBAR_PIXELS = 1280 * 720,         /* zbar is slow: larger pictures are not shown to it */
	ZBAR_EVERY  = 4,                  /* and only each so-manieth that nobody read */
};

struct qr_reader {
	struct qr_reader_options options;
	struct qr_reader_counts  counts;
	struct qr_report         report;
	struct qr_zbar          *zbar;
	uint64_t                 unread; /* pictures in a row */
	struct qr_found          found[QR_CODES_MAX];
	size_t                   count;
	size_t                   next;
	uint8_t                  bytes[BYTES_MAX];
};

void
qr_reader_free(struct qr_reader *reader)
{
	if (reader == NULL)
		return;
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
	reader->zbar = qr_zbar_new();
	if (reader->zbar == NULL) {
		qr_reader_free(reader);
		return NULL;
	}
	return reader;
}

void
qr_reader_reset(struct qr_reader *reader)
{
	reader->count = reader->next = 0;
	reader->unread = 0;
	memset(&reader->report, 0, sizeof reader->report);
}

static void
ask_others(struct qr_reader *reader, const struct qr_picture *picture)
{
	size_t max = reader->options.max_codes;

	int n = qr_zxing_read(picture, true, reader->found, max, reader->bytes, BYTES_MAX);
	if (n > 0) {
		reader->count = (size_t)n;
		reader->counts.zxing += (uint64_t)n;
		return;
	}
	if ((size_t)picture->width * picture->height > ZBAR_PIXELS ||
	    reader->unread % ZBAR_EVERY != 0)
		return;
	n = qr_zbar_read(reader->zbar, picture, reader->found, max, reader->bytes, BYTES_MAX);
	if (n > 0) {
		reader->count = (size_t)n;
		reader->counts.zbar += (uint64_t)n;
	}
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
	reader->counts.pictures++;
	reader->report.time_ns = time_ns;

	if (!reader->options.own_only)
		ask_others(reader, &picture);
	reader->unread = reader->count > 0 ? 0 : reader->unread + 1;
	reader->report.codes_read = (unsigned)reader->count;
	return (int)reader->count;
}

bool
qr_reader_next(struct qr_reader *reader, struct qr_bytes *ret_bytes)
{
	if (reader->next >= reader->count)
		return false;

	const struct qr_found *found = &reader->found[reader->next++];
	*ret_bytes = (struct qr_bytes){ reader->bytes + found->offset, found->len };
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
