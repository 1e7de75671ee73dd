#include "media.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>

/* The whole file, to be freed. */
static int
load(const struct media *media, const char *path, uint8_t **ret_bytes, size_t *ret_len,
     struct csn_error *err)
{
	const struct csn_host *host = media->host;
	FILE *f = fopen(path, "rbe");
	uint8_t *bytes = NULL;
	long len = -1;
	int r = CSN_OK;

	if (f == NULL)
		return host->fail(err, CSN_E_MISSING, "no picture %s: %s", path, strerror(errno));
	if (fseek(f, 0, SEEK_END) == 0)
		len = ftell(f);
	if (len < 1 || len > PICTURE_BYTES)
		r = host->fail(err, CSN_E_TOO_BIG, "picture %s: a file of 1 to %d bytes is wanted",
		               path, PICTURE_BYTES);
	else if ((bytes = malloc((size_t)len)) == NULL)
		r = host->fail(err, CSN_E_NOMEM, "no memory for picture %s", path);
	else if (fseek(f, 0, SEEK_SET) != 0 || fread(bytes, 1, (size_t)len, f) != (size_t)len)
		r = host->fail(err, CSN_E_IO, "picture %s cannot be read: %s", path,
		               strerror(errno));
	fclose(f);
	if (r < 0) {
		free(bytes);
		return r;
	}
	*ret_bytes = bytes;
	*ret_len   = (size_t)len;
	return CSN_OK;
}

static int
check_size(const struct media *media, const char *path, uint32_t width, uint32_t height,
           struct csn_error *err)
{
	if (width >= 1 && height >= 1 && width <= MEDIA_SIDE_MAX && height <= MEDIA_SIDE_MAX)
		return CSN_OK;
	return media->host->fail(err, CSN_E_TOO_BIG,
	                         "picture %s is %ux%u pixels, at most %d a side are wanted",
	                         path, (unsigned)width, (unsigned)height, MEDIA_SIDE_MAX);
}

static int
decode_png(const struct media *media, const char *path, const uint8_t *bytes, size_t len,
           uint8_t **ret_grey, uint32_t *ret_width, uint32_t *ret_height,
           struct csn_error *err)
{
	const png_color white = { 255, 255, 255 };
	png_image image = { .version = PNG_IMAGE_VERSION };
	uint8_t *grey = NULL;

	if (!png_image_begin_read_from_memory(&image, bytes, len))
		return media->host->fail(err, CSN_E_PROTOCOL, "picture %s: %s", path,
		                         image.message);
	int r = check_size(media, path, image.width, image.height, err);
	if (r < 0)
		goto fail;
	image.format = PNG_FORMAT_GRAY;
	grey = malloc((size_t)image.width * image.height);
	if (grey == NULL) {
		r = media->host->fail(err, CSN_E_NOMEM, "no memory for picture %s", path);
		goto fail;
	}
	if (!png_image_finish_read(&image, &white, grey, (png_int_32)image.width, NULL)) {
		r = media->host->fail(err, CSN_E_PROTOCOL, "picture %s: %s", path, image.message);
		goto fail;
	}
	*ret_width  = image.width;
	*ret_height = image.height;
	*ret_grey   = grey;
	return CSN_OK;

fail:
	png_image_free(&image);
	free(grey);
	return r;
}

/* Takes over @bytes, whatever comes of it. */
static int
cut(const struct media *media, const char *path, uint8_t *bytes, size_t offset,
    uint32_t width, uint32_t height, uint8_t **ret_grey, struct csn_error *err)
{
	int r = check_size(media, path, width, height, err);

	if (r < 0) {
		free(bytes);
		return r;
	}
	memmove(bytes, bytes + offset, (size_t)width * height);
	*ret_grey = bytes;
	return CSN_OK;
}

int
picture_load(const struct media *media, const char *path, uint8_t **ret_grey,
             uint32_t *ret_width, uint32_t *ret_height, struct csn_error *err)
{
	static const uint8_t png[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct pgm pgm;

	int r = load(media, path, &bytes, &len, err);
	if (r < 0)
		return r;
	if (len >= sizeof png && memcmp(bytes, png, sizeof png) == 0) {
		r = decode_png(media, path, bytes, len, ret_grey, ret_width, ret_height, err);
		free(bytes);
		return r;
	}
	if (pgm_parse((struct csn_bytes){ bytes, len }, &pgm) == CSN_OK) {
		*ret_width  = pgm.width;
		*ret_height = pgm.height;
		return cut(media, path, bytes, pgm.offset, pgm.width, pgm.height, ret_grey, err);
	}
	if (media->width != 0 && len == (size_t)media->width * media->height) {
		*ret_width  = media->width;
		*ret_height = media->height;
		return cut(media, path, bytes, 0, media->width, media->height, ret_grey, err);
	}
	free(bytes);
	return media->host->fail(err, CSN_E_PROTOCOL,
	                         "picture %s is no PNG, no 8-bit PGM, and no raw picture of "
	                         "%ux%u pixels",
	                         path, (unsigned)media->width, (unsigned)media->height);
}
