#include "media.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- sound ------------------------------------------------------------- */

static int
check_wav(const struct media *media, struct csn_error *err)
{
	const struct csn_host *host = media->host;
	const struct wav *wav = &media->wav;

	if (wav->rate_hz != MEDIA_RATE_HZ)
		return host->fail(err, CSN_E_PROTOCOL,
		                  "recording %s: found %u Hz, wanted %d Hz; media gst resamples, "
		                  "or: sox %s -r 48000 -c 1 new.wav",
		                  media->path, (unsigned)wav->rate_hz, MEDIA_RATE_HZ, media->path);
	if (wav->channels != 1)
		return host->fail(err, CSN_E_PROTOCOL,
		                  "recording %s: found %u channels, wanted one; media gst mixes, "
		                  "or: sox %s -c 1 new.wav",
		                  media->path, (unsigned)wav->channels, media->path);
	if (wav->sample == 0)
		return host->fail(err, CSN_E_PROTOCOL,
		                  "recording %s: wanted 16-bit or float samples; convert it: "
		                  "sox %s -b 16 new.wav",
		                  media->path, media->path);
	return CSN_OK;
}

static int
open_sound(struct media *media, struct csn_error *err)
{
	const struct csn_host *host = media->host;
	uint8_t head[WAV_HEAD_MAX];

	media->file = fopen(media->path, "rbe");
	if (media->file == NULL)
		return host->fail(err, CSN_E_MISSING, "no recording %s: %s; check \"path\"",
		                  media->path, strerror(errno));
	const size_t len = fread(head, 1, sizeof head, media->file);
	if (wav_parse((struct csn_bytes){ head, len }, &media->wav) < 0)
		return host->fail(err, CSN_E_PROTOCOL, "recording %s is no WAV file",
		                  media->path);
	int r = check_wav(media, err);
	if (r < 0)
		return r;
	if (fseek(media->file, (long)media->wav.offset, SEEK_SET) != 0)
		return host->fail(err, CSN_E_IO, "recording %s: %s", media->path,
		                  strerror(errno));
	/* A recorder that was stopped hard leaves no length: then all that is there. */
	const uint64_t bytes = media->wav.bytes;
	media->left = bytes == 0 || bytes >= 0x7fffffff ? UINT64_MAX : bytes;
	return CSN_OK;
}

static size_t
read_samples(struct media *media)
{
	const size_t width = media->wav.sample == WAV_S16 ? 2 : 4;
	uint8_t bytes[MEDIA_PIECE * 4];
	size_t want = MEDIA_PIECE * width;

	if (want > media->left)
		want = (size_t)media->left;
	const size_t n = fread(bytes, 1, want, media->file) / width;
	media->left -= n * width;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = bytes + i * width;
		if (width == 2) {
			media->samples[i] = (float)(int16_t)(p[0] | p[1] << 8) / 32768.0f;
			continue;
		}
		const uint32_t word = (uint32_t)p[0] | (uint32_t)p[1] << 8 |
		                      (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		memcpy(&media->samples[i], &word, sizeof word);
	}
	return n;
}

static int
next_sound(struct media *media, struct csn_frame *frame, struct csn_error *err)
{
	size_t n = read_samples(media);

	if (n == 0 && media->repeat != 0 && media->at_ns > 0) {
		fclose(media->file);
		media->file = NULL;
		int r = open_sound(media, err);
		if (r < 0)
			return r;
		n = read_samples(media);
	}
	if (n == 0)
		return CSN_E_MISSING;
	frame->medium  = CSN_MEDIUM_AUDIO;
	frame->rate_hz = MEDIA_RATE_HZ;
	frame->samples = media->samples;
	frame->count   = n;
	media->at_ns += n * UINT64_C(1000000000) / MEDIA_RATE_HZ;
	return CSN_OK;
}

/* ---- pictures ---------------------------------------------------------- */

static int
is_picture(const struct dirent *entry)
{
	static const char *const endings[] = { ".png", ".pgm", ".grey", ".raw" };
	const size_t len = strlen(entry->d_name);

	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		const size_t n = strlen(endings[i]);
		if (len > n && strcmp(entry->d_name + len - n, endings[i]) == 0)
			return entry->d_name[0] != '.';
	}
	return 0;
}

/* By bytes, not by the language of the day. */
static int
in_order(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
open_folder(struct media *media, struct csn_error *err)
{
	const struct csn_host *host = media->host;
	struct dirent **entries = NULL;
	const int n = scandir(media->path, &entries, is_picture, in_order);
	int r = CSN_OK;

	if (n < 0)
		return host->fail(err, CSN_E_MISSING, "no folder %s: %s; check \"path\"",
		                  media->path, strerror(errno));
	if (n == 0)
		r = host->fail(err, CSN_E_MISSING,
		               "folder %s holds no picture (.png, .pgm, .grey, .raw)",
		               media->path);
	else if (n > MEDIA_NAMES)
		r = host->fail(err, CSN_E_TOO_BIG, "folder %s holds more than %d pictures",
		               media->path, MEDIA_NAMES);
	else if ((media->names = calloc((size_t)n, sizeof *media->names)) == NULL)
		r = host->fail(err, CSN_E_NOMEM, "no memory for a list of pictures");
	for (int i = 0; i < n; i++) {
		if (r == CSN_OK &&
		    (media->names[media->name_count] = strdup(entries[i]->d_name)) == NULL)
			r = host->fail(err, CSN_E_NOMEM, "no memory for a list of pictures");
		else if (r == CSN_OK)
			media->name_count++;
		free(entries[i]);
	}
	free(entries);
	return r;
}

static bool
ends_raw(const struct media *media)
{
	const size_t len = strlen(media->path);

	return media->width != 0 && len > 4 &&
	       (strcmp(media->path + len - 4, ".raw") == 0 ||
	        (len > 5 && strcmp(media->path + len - 5, ".grey") == 0));
}

static int
open_pictures(struct media *media, struct csn_error *err)
{
	struct stat st;

	if (stat(media->path, &st) < 0)
		return media->host->fail(err, CSN_E_MISSING, "no picture %s: %s; check \"path\"",
		                         media->path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return open_folder(media, err);
	if (!ends_raw(media))
		return CSN_OK;
	media->file = fopen(media->path, "rbe");
	if (media->file == NULL)
		return media->host->fail(err, CSN_E_MISSING, "no picture %s: %s; check \"path\"",
		                         media->path, strerror(errno));
	return CSN_OK;
}

/* One of many raw pictures in one file. */
static int
next_raw(struct media *media, struct csn_frame *frame, struct csn_error *err)
{
	const size_t size = (size_t)media->width * media->height;

	if (media->grey == NULL && (media->grey = malloc(size)) == NULL)
		return media->host->fail(err, CSN_E_NOMEM, "no memory for a picture");
	size_t n = fread(media->grey, 1, size, media->file);
	if (n < size && media->repeat != 0 && media->pictures > 0) {
		rewind(media->file);
		n = fread(media->grey, 1, size, media->file);
	}
	if (n < size)
		return CSN_E_MISSING;
	frame->width  = media->width;
	frame->height = media->height;
	return CSN_OK;
}

static int
next_file(struct media *media, struct csn_frame *frame, struct csn_error *err)
{
	const size_t count = media->names != NULL ? media->name_count : 1;
	char path[4096 + 256];

	if (media->name_next == count && media->repeat == 0)
		return CSN_E_MISSING;
	if (media->name_next == count)
		media->name_next = 0;
	if (media->names == NULL)
		snprintf(path, sizeof path, "%s", media->path);
	else
		snprintf(path, sizeof path, "%s/%s", media->path, media->names[media->name_next]);
	media->name_next++;
	free(media->grey);
	media->grey = NULL;
	return picture_load(media, path, &media->grey, &frame->width, &frame->height, err);
}

static int
next_picture(struct media *media, struct csn_frame *frame, struct csn_error *err)
{
	int r = media->file != NULL ? next_raw(media, frame, err)
	                            : next_file(media, frame, err);

	if (r < 0)
		return r;
	media->pictures++;
	frame->medium = CSN_MEDIUM_VIDEO;
	frame->grey   = media->grey;
	frame->stride = frame->width;
	media->at_ns += media->frame_ms * UINT64_C(1000000);
	return CSN_OK;
}

int
read_open(struct media *media, struct csn_error *err)
{
	return media->medium == CSN_MEDIUM_AUDIO ? open_sound(media, err)
	                                         : open_pictures(media, err);
}

int
read_next(struct media *media, struct csn_frame *frame, struct csn_error *err)
{
	int r = media->medium == CSN_MEDIUM_AUDIO ? next_sound(media, frame, err)
	                                          : next_picture(media, frame, err);

	if (r < 0)
		return r;
	frame->flags   = 0;
	frame->time_ns = media->start_ns + media->at_ns;
	return CSN_OK;
}
