#include "tracked-int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIDE_MIN     = 21,   /* pixels of a picture that is looked at: a module each */
	LEVEL_MIN    = 100,  /* pixels of the shorter side of the smallest */
	PIXELS_MAX   = 1920 * 1088, /* of a picture that is searched; larger ones are halved */
	PIXELS_SHOWN = 1280 * 720, /* of a picture that is shown to them; larger ones are halved */
	WORK_FOLLOW  = 2200000, /* samples before known places get no more than a look */
	UNREAD_MAX   = 2,    /* pictures unread before a place is doubted */
	MISSES_MAX   = 5,    /* pictures after which a place is given up */
	SEARCH_EVERY = 6,    /* pictures between searches while some codes are tracked */
};

static const float alike_least = 0.15f; /* correlation of two pictures of one code */

void
qr_eye_free(struct qr_eye *eye)
{
	if (eye == NULL)
		return;
	qr_find_done(&eye->search);
	for (unsigned i = 0; i <= EYE_LEVELS; i++)
		free(eye->level[i].memory);
	free(eye);
}

struct qr_eye *
qr_eye_new(unsigned max_codes, bool merge)
{
	struct qr_eye *eye = calloc(1, sizeof *eye);

	if (eye == NULL)
		return NULL;
	eye->max_codes = max_codes;
	eye->merge = merge;
	return eye;
}

void
qr_eye_forget(struct qr_eye *eye)
{
	for (unsigned i = 0; i < QR_CODES_MAX; i++)
		eye->track[i].live = eye->track[i].known = false;
	eye->sights = 0;
	eye->since_search = SEARCH_EVERY;
}

const struct qr_layout *
eye_layout(struct qr_eye *eye, unsigned version)
{
	for (unsigned i = 0; i < EYE_LAYOUTS; i++)
		if (eye->layout[i].version == version)
			return &eye->layout[i];

	struct qr_layout *layout = &eye->layout[eye->next_layout++ % EYE_LAYOUTS];
	qr_layout_make(version, layout);
	return layout;
}

/* The pictures searched ------------------------------------------------------- */

static int
halve(struct level *to, const struct qr_picture *from)
{
	uint32_t width = from->width / 2, height = from->height / 2;
	size_t size = (size_t)width * height;

	if (size > to->size) {
		uint8_t *memory = realloc(to->memory, size);

		if (memory == NULL)
			return QR_E_NOMEM;
		to->memory = memory;
		to->size = size;
	}
	qr_halve(from, to->memory);
	to->picture = (struct qr_picture){ to->memory, width, height, width };
	return QR_OK;
}

static uint32_t
shorter(const struct qr_picture *picture)
{
	return picture->width < picture->height ? picture->width : picture->height;
}

static int
make_levels(struct qr_eye *eye, const struct qr_picture *picture)
{
	struct qr_picture top = *picture;
	uint32_t side;

	eye->shrink = 1;
	while ((size_t)top.width * top.height > PIXELS_MAX && shorter(&top) > 1) {
		/* The second time in place: rows are only ever written behind the reading. */
		int r = halve(&eye->level[EYE_LEVELS], &top);
		if (r < 0)
			return r;
		top = eye->level[EYE_LEVELS].picture;
		eye->shrink /= 2;
	}
	eye->level[0].picture = top;
	eye->levels = eye->made = 1;
	for (side = shorter(&top) / 2; side >= LEVEL_MIN && eye->levels < EYE_LEVELS; side /= 2)
		eye->levels++;
	return QR_OK;
}

const struct qr_picture *
eye_picture(struct qr_eye *eye, unsigned level)
{
	for (; eye->made <= level; eye->made++)
		if (halve(&eye->level[eye->made], &eye->level[eye->made - 1].picture) < 0)
			return NULL;
	return &eye->level[level].picture;
}

void
eye_save_warp(struct qr_eye *eye, struct track *track, unsigned level)
{
	track->warp = eye->grid.warp;
	qr_warp_scale(&track->warp, (float)(1u << level) / eye->shrink);
}

float
eye_span(const struct qr_warp *warp)
{
	struct qr_point a = qr_warp_at(warp, 0, 0), b = qr_warp_at(warp, warp->side, warp->side);

	return hypotf(a.x - b.x, a.y - b.y) / 1.414f;
}

unsigned
eye_count_read(const struct qr_eye *eye)
{
	unsigned n = 0;

	for (unsigned i = 0; i < QR_CODES_MAX; i++)
		n += eye->track[i].live && eye->track[i].read;
	return n;
}

struct track *
eye_track_for(struct qr_eye *eye, unsigned level, unsigned version)
{
	const float scale = (float)(1u << level) / eye->shrink;
	struct track *free_one = NULL;
	struct qr_point at = qr_warp_at(&eye->grid.warp, eye->grid.warp.side / 2,
	                                eye->grid.warp.side / 2);

	for (unsigned i = 0; i < QR_CODES_MAX; i++) {
		struct track *track = &eye->track[i];

		if (!track->live) {
			if (free_one == NULL && i < eye->max_codes)
				free_one = track;
			continue;
		}
		struct qr_point was = qr_warp_at(&track->warp, track->warp.side / 2,
		                                 track->warp.side / 2);
		if (hypotf(at.x * scale - was.x, at.y * scale - was.y) > eye_span(&track->warp) / 2)
			continue;
		if (track->version != version) {
			track->known = track->phased = track->mixed_before = false;
			track->merged = 0;
		}
		return track;
	}
	if (free_one != NULL) {
		free_one->live = true;
		free_one->known = free_one->read = free_one->fresh = free_one->reported = false;
		free_one->phased = false;
		free_one->mixed_before = free_one->mixed_now = false;
		free_one->merged = free_one->misses = free_one->unread = 0;
	}
	return free_one;
}

/* The level on which a module has a handy number of pixels. */
static unsigned
level_for(const struct qr_eye *eye, float module_px)
{
	unsigned level = 0;

	while (level + 1 < eye->levels && module_px > 6) {
		module_px /= 2;
		level++;
	}
	return level;
}

/* Looks where the code was in the last picture. */
static bool
follow(struct qr_eye *eye, struct track *track)
{
	const struct qr_layout *layout = eye_layout(eye, track->version);
	struct qr_grid *grid = &eye->grid;

	grid->warp = track->warp;
	qr_warp_scale(&grid->warp, eye->shrink);
	grid->side = layout->side;
	grid->wide = 2 * layout->side + 3;
	unsigned level = level_for(eye, eye_span(&grid->warp) / grid->warp.side);
	qr_warp_scale(&grid->warp, 1 / (float)(1u << level));

	const struct qr_picture *picture = eye_picture(eye, level);
	if (picture == NULL)
		return false;
	qr_grid_follow(grid, picture);
	bool settled = eye_settle(eye, picture, layout, 1);
	if (settled && !track->phased &&
	    qr_decode(&eye->decoder, layout, grid->soft, &eye->symbol)) {
		eye_keep(eye, track, layout, QR_WAY_TRACKED);
		eye_save_warp(eye, track, level);
		eye_report_on(eye, track, picture, layout, level);
		return true;
	}
	if (settled && track->phased) {
		eye_absorb(eye, track, picture, layout, true);
		if (track->read) {
			eye_save_warp(eye, track, level);
			eye_report_on(eye, track, picture, layout, level);
			return true;
		}
	}
	if (eye->work > WORK_FOLLOW)
		return settled; /* seen, and its turn comes in another picture */
	/* A new plane: what bends have gathered over many pictures may be what is wrong. */
	eye->work += grid->wide * grid->wide + qr_grid_align(grid, picture, layout, 1);
	if (!eye_settle(eye, picture, layout, 2) &&
	    !(track->merged > 0 && eye_likeness(grid->soft, track->sum, layout) > alike_least))
		return false;
	eye_absorb(eye, track, picture, layout, true);
	eye_save_warp(eye, track, level);
	eye_report_on(eye, track, picture, layout, level);
	return true;
}

static void
follow_all(struct qr_eye *eye)
{
	for (unsigned i = 0; i < QR_CODES_MAX; i++) {
		struct track *track = &eye->track[i];

		track->read = track->fresh = track->reported = false;
		track->mixed_before = track->mixed_now;
		track->mixed_now = false;
		if (!track->live)
			continue;
		if (follow(eye, track)) {
			track->misses = 0;
			track->unread = track->read ? 0 : track->unread + 1;
			eye->trusted += track->unread <= UNREAD_MAX;
		} else if (++track->misses > MISSES_MAX) {
			track->live = false;
		}
	}
}

int
qr_eye_look(struct qr_eye *eye, const struct qr_picture *picture)
{
	eye->sights = eye->trusted = eye->work = eye->crowd = 0;
	eye->searched = eye->crowded = false;
	memset(&eye->report, 0, sizeof eye->report);
	if (shorter(picture) < SIDE_MIN)
		return 0;
	int r = make_levels(eye, picture);
	if (r < 0)
		return r;

	follow_all(eye);
	if (eye->trusted < eye->max_codes &&
	    (eye->trusted == 0 || ++eye->since_search >= SEARCH_EVERY)) {
		eye->since_search = 0;
		eye->searched = true;
		r = eye_search(eye);
		if (r < 0)
			return r;
	}
	if (eye->report.codes_seen == 0)
		eye->report.light = (float)eye->search.dark.lightest / 255;
	for (unsigned i = 0; i < QR_CODES_MAX; i++) {
		const struct track *track = &eye->track[i];

		if (track->live && track->read)
			eye->sight[eye->sights++] = (struct qr_sight){ &track->symbol, track->way,
				                                       track->fresh };
	}
	return (int)eye->sights;
}

struct qr_sight
qr_eye_sight(const struct qr_eye *eye, unsigned index)
{
	return eye->sight[index];
}

const struct qr_report *
qr_eye_report(const struct qr_eye *eye)
{
	return &eye->report;
}

unsigned
qr_eye_crowd(const struct qr_eye *eye)
{
	return eye->crowd;
}

const struct qr_picture *
qr_eye_harmless(struct qr_eye *eye)
{
	const struct qr_picture *picture = &eye->level[0].picture;

	if (!eye->searched || eye->crowded)
		return NULL;
	if ((size_t)picture->width * picture->height > PIXELS_SHOWN && eye->levels > 1)
		picture = eye_picture(eye, 1);
	return picture;
}
