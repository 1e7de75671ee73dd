#include "media.h"

#include <errno.h>
#include <sys/stat.h>

static int
cannot(const struct media *media, struct csn_error *err)
{
	return media->host->fail(err, CSN_E_IO, "cannot record to %s: %s; check \"path\"",
	                         media->path, strerror(errno));
}

int
write_open(struct media *media, struct csn_error *err)
{
	uint8_t header[WAV_HEADER];

	if (media->medium == CSN_MEDIUM_VIDEO)
		return mkdir(media->path, 0755) < 0 && errno != EEXIST ? cannot(media, err)
		                                                       : CSN_OK;
	media->file = fopen(media->path, "wbe");
	wav_write(MEDIA_RATE_HZ, 0, header);
	if (media->file == NULL || fwrite(header, sizeof header, 1, media->file) != 1)
		return cannot(media, err);
	return CSN_OK;
}

static int
check_limit(const struct media *media, uint64_t more, struct csn_error *err)
{
	if (media->written + more <= (uint64_t)media->limit_mib << 20)
		return CSN_OK;
	return media->host->fail(err, CSN_E_TOO_BIG,
	                         "recording %s has reached limit_mib = %u", media->path,
	                         (unsigned)media->limit_mib);
}

static int
write_sound(struct media *media, const struct csn_frame *frame, struct csn_error *err)
{
	const struct csn_host *host = media->host;

	if (frame->medium != CSN_MEDIUM_AUDIO || frame->samples == NULL)
		return host->fail(err, CSN_E_INVALID, "a recording of sound takes samples only");
	if (frame->rate_hz != MEDIA_RATE_HZ)
		return host->fail(err, CSN_E_INVALID,
		                  "found sound at %u Hz, wanted %d Hz; resample it first",
		                  (unsigned)frame->rate_hz, MEDIA_RATE_HZ);
	if (frame->count == 0 || frame->count > MEDIA_BLOCK)
		return host->fail(err, CSN_E_TOO_BIG, "a block of %zu samples, wanted 1 to %d",
		                  frame->count, MEDIA_BLOCK);
	int r = check_limit(media, frame->count * 4, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < frame->count; i++) {
		uint32_t word;
		memcpy(&word, &frame->samples[i], sizeof word);
		const uint8_t bytes[4] = { (uint8_t)word, (uint8_t)(word >> 8),
			                   (uint8_t)(word >> 16), (uint8_t)(word >> 24) };
		if (fwrite(bytes, sizeof bytes, 1, media->file) != 1)
			return cannot(media, err);
	}
	media->written += frame->count * 4;
	media->at_ns += frame->count * UINT64_C(1000000000) / MEDIA_RATE_HZ;
	return CSN_OK;
}

static int
write_pgm(const struct media *media, const struct csn_frame *frame, struct csn_error *err)
{
	char path[4096 + 32];
	bool good;

	snprintf(path, sizeof path, "%s/%08u.pgm", media->path,
	         (unsigned)media->pictures + 1);
	FILE *f = fopen(path, "wbe");
	if (f == NULL)
		return cannot(media, err);
	good = fprintf(f, "P5\n%u %u\n255\n", (unsigned)frame->width,
	               (unsigned)frame->height) > 0;
	for (size_t y = 0; good && y < frame->height; y++)
		good = fwrite(frame->grey + y * frame->stride, frame->width, 1, f) == 1;
	good &= fclose(f) == 0;
	return good ? CSN_OK : cannot(media, err);
}

static int
write_picture(struct media *media, const struct csn_frame *frame, struct csn_error *err)
{
	const struct csn_host *host = media->host;

	if (frame->medium != CSN_MEDIUM_VIDEO || frame->grey == NULL ||
	    frame->stride < frame->width)
		return host->fail(err, CSN_E_INVALID,
		                  "a recording of pictures takes pictures only");
	if (frame->width != media->width || frame->height != media->height)
		return host->fail(err, CSN_E_INVALID,
		                  "found a picture of %ux%u pixels, wanted %ux%u",
		                  (unsigned)frame->width, (unsigned)frame->height,
		                  (unsigned)media->width, (unsigned)media->height);
	const uint64_t size = (uint64_t)frame->width * frame->height;
	int r = check_limit(media, size, err);
	if (r == CSN_OK)
		r = write_pgm(media, frame, err);
	if (r < 0)
		return r;
	media->written += size;
	media->pictures++;
	media->at_ns += media->frame_ms * UINT64_C(1000000);
	return CSN_OK;
}

int
write_next(struct media *media, const struct csn_frame *frame, struct csn_error *err)
{
	return media->medium == CSN_MEDIUM_AUDIO ? write_sound(media, frame, err)
	                                         : write_picture(media, frame, err);
}

/* Now the length is known: into the header. */
void
write_close(struct media *media)
{
	uint8_t header[WAV_HEADER];

	if (media->file == NULL || media->direction != CSN_SEND)
		return;
	wav_write(MEDIA_RATE_HZ, (uint32_t)media->written, header);
	if (fseek(media->file, 0, SEEK_SET) != 0 ||
	    fwrite(header, sizeof header, 1, media->file) != 1 || fflush(media->file) != 0)
		media->host->log(media->host, CSN_LOG_WARN, "recording %s was not finished: %s",
		                 media->path, strerror(errno));
}
