#include "tracked.h"
#include "qr-find.h"
#include "qr-grid.h"
#include "qr-measure.h"
#include "qr-mix.h"
#include "qr-warp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIDE_MIN     = 21,   /* pixels of a picture that is looked at: a module each */
	LEVELS       = 4,    /* the picture, a half, a quarter, an eighth */
	LEVEL_MIN    = 100,  /* pixels of the shorter side of the smallest */
	PIXELS_MAX   = 1920 * 1088, /* of a picture that is searched; larger ones are halved */
	LAYOUTS      = 4,    /* versions kept ready */
	TRIES_MAX    = 10,   /* threes sampled in one picture, plus one for each code wanted */
	WORDED_SURELY = 10,  /* version from which a code must say its version to be tried */
	EQUALISE_WORK = 2,   /* samplings that cost as much as an equalisation */
	CROWD        = 500,  /* rows crossed in a picture that is not shown to others */
	WORK_MAX     = 3000000, /* samples taken in one picture before the search ends */
	WORK_FOLLOW  = 2200000, /* and before known places get no more than a look */
	SETTLE_MAX   = 4,    /* times that a warp follows its modules in one picture */
	PHASE_MAX    = 30,   /* pictures unread before screen and camera lost their phase */
	UNREAD_MAX   = 2,    /* pictures unread before a place is doubted */
	MISSES_MAX   = 5,    /* pictures after which a place is given up */
	SEARCH_EVERY = 6,    /* pictures between searches while some codes are tracked */
};

static const float pattern_least = 0.72f; /* share of known modules that must be right */
static const float pattern_fits = 0.985f; /* and when there is no need to look further */
static const float belief_most = 1.5f; /* in a module of mixed codes */
static const float pattern_fair = 0.85f;  /* when it is known that codes are mixed */
static const float pattern_sharp = 0.97f; /* sharp enough to tell mixed codes from blur */
static const float settled_modules = 0.06f; /* a smaller shift is none */
static const float likeness_least = 0.45f; /* of finder patterns, before a code is sampled */
static const float alike_least = 0.15f;   /* correlation of two pictures of one code */

struct track {
	bool             live;
	bool             read;   /* in this picture */
	bool             fresh;
	bool             reported; /* in this picture */
	bool             known;  /* symbol and truth hold the last code read here */
	enum qr_way      way;
	unsigned         misses; /* pictures in a row in which it was not seen */
	unsigned         unread; /* and in which it was seen, but not read */
	unsigned         version;
	unsigned         merged; /* pictures in @sum */
	unsigned         pictures; /* that the last reading took */
	struct qr_warp   warp;   /* in pixels of the picture as it came */
	bool             phased;  /* pictures mix two codes, with the shares of @last_mix */
	bool             mixed_before; /* @last_mix is of the last picture */
	bool             mixed_now;
	struct qr_mix    last_mix;
	float            belief[QR_MIX_GUESSES][QR_MODULES_MAX]; /* of its first code */
	struct qr_symbol symbol;
	uint8_t          truth[QR_MODULES_MAX];
	float            sum[QR_MODULES_MAX];
};

struct level {
	struct qr_picture picture;
	uint8_t          *memory;
	size_t            size;
};

struct qr_eye {
	unsigned                max_codes;
	bool                    merge;
	unsigned                since_search;
	unsigned                turn;    /* which place is followed first */
	bool                    searched; /* this picture */
	unsigned                crossed; /* most rows of one search that met a finder pattern */
	unsigned                work;    /* samples taken in this picture */
	unsigned                trusted; /* places that need no search in this picture */
	struct level            level[LEVELS + 1]; /* from the first one that is searched */
	unsigned                levels;
	unsigned                made;   /* of these, in memory */
	float                   shrink; /* of level 0 against the picture as it came */
	struct qr_finder_search search;
	struct qr_layout        layout[LAYOUTS];
	unsigned                next_layout;
	struct qr_decoder       decoder;
	struct qr_symbol        symbol;
	struct qr_grid          grid;
	float                   mixed[QR_MODULES_MAX];
	struct qr_mix           mix;
	float                   led[QR_MODULES_MAX];
	struct track            track[QR_CODES_MAX];
	struct qr_sight         sight[QR_CODES_MAX];
	unsigned                sights;
	struct qr_report        report;
};

void
qr_eye_free(struct qr_eye *eye)
{
	if (eye == NULL)
		return;
	qr_find_done(&eye->search);
	for (unsigned i = 0; i <= LEVELS; i++)
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

static const struct qr_layout *
layout_of(struct qr_eye *eye, unsigned version)
{
	for (unsigned i = 0; i < LAYOUTS; i++)
		if (eye->layout[i].version == version)
			return &eye->layout[i];

	struct qr_layout *layout = &eye->layout[eye->next_layout++ % LAYOUTS];
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
	for (uint32_t y = 0; y < height; y++) {
		const uint8_t *top = from->grey + 2 * y * from->stride;
		const uint8_t *low = top + from->stride;
		uint8_t *out = to->memory + (size_t)y * width;

		for (uint32_t x = 0; x < width; x++)
			out[x] = (uint8_t)((top[2 * x] + top[2 * x + 1] + low[2 * x] +
			                    low[2 * x + 1] + 2) / 4);
	}
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
		int r = halve(&eye->level[LEVELS], &top);
		if (r < 0)
			return r;
		top = eye->level[LEVELS].picture;
		eye->shrink /= 2;
	}
	eye->level[0].picture = top;
	eye->levels = eye->made = 1;
	for (side = shorter(&top) / 2; side >= LEVEL_MIN && eye->levels < LEVELS; side /= 2)
		eye->levels++;
	return QR_OK;
}

/* The picture of a level, made when it is first asked for; NULL: no memory. */
static const struct qr_picture *
level_picture(struct qr_eye *eye, unsigned level)
{
	for (; eye->made <= level; eye->made++)
		if (halve(&eye->level[eye->made], &eye->level[eye->made - 1].picture) < 0)
			return NULL;
	return &eye->level[level].picture;
}

/* Modules a code shows, and what it says ------------------------------------------ */

static float
correlation(const float *a, const float *b, const struct qr_layout *layout)
{
	float ab = 0, aa = 1e-6f, bb = 1e-6f;

	for (unsigned i = 0; i < layout->bits; i++) {
		unsigned at = layout->order[i];

		ab += a[at] * b[at];
		aa += a[at] * a[at];
		bb += b[at] * b[at];
	}
	return ab / sqrtf(aa * bb);
}

static bool
sample(struct qr_eye *eye, const struct qr_picture *picture)
{
	eye->work += eye->grid.wide * eye->grid.wide;
	return qr_grid_sample(&eye->grid, picture);
}

/* Samples on the grid's warp and, unless it fits at once, lets the warp follow the modules. */
static bool
settle(struct qr_eye *eye, const struct qr_picture *picture, const struct qr_layout *layout,
       unsigned rounds)
{
	struct qr_grid *grid = &eye->grid;

	if (!sample(eye, picture))
		return false;
	for (unsigned i = 0; i < rounds; i++) {
		if (qr_pattern_match(layout, grid->soft) >= pattern_fits)
			return true;
		float moved = qr_grid_refine(grid);

		if (!sample(eye, picture))
			return false;
		if (moved < settled_modules)
			break;
	}
	return qr_pattern_match(layout, grid->soft) >= pattern_least;
}

static bool
read_alone(struct qr_eye *eye, const struct qr_picture *picture, const struct qr_layout *layout)
{
	struct qr_grid *grid = &eye->grid;

	if (qr_decode(&eye->decoder, layout, grid->soft, &eye->symbol))
		return true;
	float moved = qr_grid_refine(grid);
	if (!sample(eye, picture))
		return false;
	if (moved > settled_modules) {
		qr_grid_refine(grid);
		if (!sample(eye, picture))
			return false;
	}
	if (qr_decode(&eye->decoder, layout, grid->soft, &eye->symbol))
		return true;
	for (unsigned i = 0; i < 2 && eye->work < WORK_MAX; i++) {
		eye->work += EQUALISE_WORK * grid->wide * grid->wide;
		if (!qr_grid_equalise(grid, layout, NULL))
			return false;
		if (qr_decode(&eye->decoder, layout, grid->soft, &eye->symbol))
			return true;
	}
	return false;
}

/* Adds this picture's modules to those of earlier ones and reads the sum. */
static bool
read_merged(struct qr_eye *eye, struct track *track, const struct qr_layout *layout)
{
	struct qr_grid *grid = &eye->grid;
	unsigned modules = layout->side * layout->side;
	bool alike = track->merged > 0 &&
	             correlation(grid->soft, track->sum, layout) > alike_least;

	if (alike) /* the others know better what this one's blur did */
		qr_grid_equalise(grid, layout, track->sum);
	else
		track->merged = 0;

	float weight = 1 / grid->misfit, mean = 0;
	for (unsigned i = 0; i < modules; i++) {
		track->sum[i] = (track->merged > 0 ? track->sum[i] : 0) + weight * grid->soft[i];
		mean += fabsf(track->sum[i]) / (float)modules;
	}
	track->merged++;
	if (track->merged < 2)
		return false;
	for (unsigned i = 0; i < modules; i++)
		eye->mixed[i] = track->sum[i] / (mean + 1e-9f);
	return qr_decode(&eye->decoder, layout, eye->mixed, &eye->symbol);
}

static void
keep_symbol(struct qr_eye *eye, struct track *track, const struct qr_layout *layout,
            enum qr_way way)
{
	track->fresh = !track->known || track->symbol.text.len != eye->symbol.text.len ||
	               memcmp(track->symbol.payload, eye->symbol.payload,
	                      eye->symbol.text.len) != 0;
	track->symbol = eye->symbol;
	memcpy(track->truth, eye->decoder.truth, (size_t)layout->side * layout->side);
	track->known = track->read = true;
	track->way = way;
	track->pictures = way == QR_WAY_MERGED ? track->merged : 1;
	track->merged = 0;
}

/*
 * The first of two mixed codes: what this picture says of its first code, and what the
 * pictures before it said of their second ones.  Once a code was read its shares are
 * known, and the next pictures have the same: screen and camera keep their phase.
 */
static bool
read_first(struct qr_eye *eye, struct track *track, const struct qr_layout *layout)
{
	unsigned modules = layout->side * layout->side, guesses = track->phased ? 1 : QR_MIX_GUESSES;
	bool read = false;

	for (unsigned guess = 0; guess < guesses && !read; guess++) {
		float *belief = track->belief[guess];

		if (track->phased)
			memcpy(eye->mix.share, track->last_mix.share, sizeof eye->mix.share);
		else
			qr_mix_guess(&eye->mix, layout, guess);
		if (track->mixed_before && !track->phased)
			qr_mix_guess(&track->last_mix, layout, guess);
		if (track->mixed_before)
			qr_mix_believed(&track->last_mix, belief, eye->led);
		qr_mix_first(&eye->mix, belief);
		for (unsigned i = 0; track->mixed_before && i < modules; i++)
			belief[i] = qr_clamp(belief[i] + eye->led[i], -belief_most, belief_most);
		read = qr_decode(&eye->decoder, layout, belief, &eye->symbol);
	}
	track->last_mix = eye->mix;
	track->mixed_now = true;
	return read;
}

/* Is the code that was read mixed with another?  Then what is known of it helps the next. */
static void
learn_phase(struct qr_eye *eye, struct track *track, const struct qr_layout *layout)
{
	const float least = 0.3f, most = 0.9f;
	float share = qr_mix_known(&eye->mix, layout, track->truth);

	track->phased = share > least && share < most;
	if (!track->phased)
		return;
	track->last_mix = eye->mix;
	track->mixed_now = true;
	for (unsigned i = 0; i < layout->side * layout->side; i++)
		track->belief[0][i] = track->truth[i] ? belief_most : -belief_most;
}

/* Measures the first code of a picture; a later one only if it is the first to be read. */
static void
report_on(struct qr_eye *eye, struct track *track, const struct qr_picture *picture,
          const struct qr_layout *layout, unsigned level)
{
	struct qr_report *report = &eye->report;
	float scale = (float)(1u << level) / eye->shrink;

	if (track->reported && !track->read)
		return;
	report->codes_read += track->read;
	report->codes_seen -= track->reported;
	track->reported = true;
	if (++report->codes_seen > 1 && !(track->read && report->codes_read == 1))
		return;
	qr_measure(&eye->grid, picture, layout, report);
	report->module_px *= scale;
	for (unsigned i = 0; i < 4; i++) {
		report->corner[i].x *= scale;
		report->corner[i].y *= scale;
	}
	report->merged = track->read ? track->pictures : 0;
	report->corrected = track->read
	                            ? (float)track->symbol.corrected / (float)track->symbol.total
	                            : 0;
}

/* What the sampled grid says goes to its track. */
static void
absorb(struct qr_eye *eye, struct track *track, const struct qr_picture *picture,
       const struct qr_layout *layout, bool tracked)
{
	float match = qr_pattern_match(layout, eye->grid.soft);
	bool sharp = match >= (track->phased ? pattern_fair : pattern_sharp);
	bool part = sharp && !track->mixed_now && eye->work < WORK_MAX;

	if (sharp) {
		eye->work += EQUALISE_WORK * eye->grid.wide * eye->grid.wide;
		qr_mix_measure(&eye->mix, &eye->grid, layout);
	}
	if (part && track->phased && read_first(eye, track, layout))
		keep_symbol(eye, track, layout, QR_WAY_PARTED);
	else if (read_alone(eye, picture, layout))
		keep_symbol(eye, track, layout, tracked ? QR_WAY_TRACKED : QR_WAY_SEARCHED);
	else if (part && !track->mixed_now && read_first(eye, track, layout))
		keep_symbol(eye, track, layout, QR_WAY_PARTED);
	else if (eye->merge && read_merged(eye, track, layout))
		keep_symbol(eye, track, layout, QR_WAY_MERGED);
	if (sharp && track->read && track->way != QR_WAY_MERGED)
		learn_phase(eye, track, layout);
	else if (track->phased && track->unread > PHASE_MAX)
		track->phased = false;
}

/* Tracks ---------------------------------------------------------------------------- */

static void
save_warp(struct qr_eye *eye, struct track *track, unsigned level)
{
	track->warp = eye->grid.warp;
	qr_warp_scale(&track->warp, (float)(1u << level) / eye->shrink);
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

static float
span(const struct qr_warp *warp)
{
	struct qr_point a = qr_warp_at(warp, 0, 0), b = qr_warp_at(warp, warp->side, warp->side);

	return hypotf(a.x - b.x, a.y - b.y) / 1.414f;
}

/* Looks where the code was in the last picture. */
static bool
follow(struct qr_eye *eye, struct track *track)
{
	const struct qr_layout *layout = layout_of(eye, track->version);
	struct qr_grid *grid = &eye->grid;

	grid->warp = track->warp;
	qr_warp_scale(&grid->warp, eye->shrink);
	grid->side = layout->side;
	grid->wide = 2 * layout->side + 3;
	unsigned level = level_for(eye, span(&grid->warp) / grid->warp.side);
	qr_warp_scale(&grid->warp, 1 / (float)(1u << level));

	const struct qr_picture *picture = level_picture(eye, level);
	if (picture == NULL)
		return false;
	qr_grid_follow(grid, picture);
	bool settled = settle(eye, picture, layout, 1);
	if (settled && !track->phased &&
	    qr_decode(&eye->decoder, layout, grid->soft, &eye->symbol)) {
		keep_symbol(eye, track, layout, QR_WAY_TRACKED);
		save_warp(eye, track, level);
		report_on(eye, track, picture, layout, level);
		return true;
	}
	if (settled && track->phased) {
		absorb(eye, track, picture, layout, true);
		if (track->read) {
			save_warp(eye, track, level);
			report_on(eye, track, picture, layout, level);
			return true;
		}
	}
	if (eye->work > WORK_FOLLOW)
		return settled; /* seen, and its turn comes in another picture */
	/* A new plane: what bends have gathered over many pictures may be what is wrong. */
	eye->work += grid->wide * grid->wide;
	qr_grid_align(grid, picture, layout, 1);
	if (!settle(eye, picture, layout, 2) &&
	    !(track->merged > 0 && correlation(grid->soft, track->sum, layout) > alike_least))
		return false;
	absorb(eye, track, picture, layout, true);
	save_warp(eye, track, level);
	report_on(eye, track, picture, layout, level);
	return true;
}

/* The track whose place this is, or a free one, or none. */
static struct track *
track_for(struct qr_eye *eye, unsigned level, unsigned version)
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
		if (hypotf(at.x * scale - was.x, at.y * scale - was.y) > span(&track->warp) / 2)
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

/* Is this finder inside a code that was read from this picture? */
static bool
taken(const struct qr_eye *eye, struct qr_point at, unsigned level)
{
	const float scale = (float)(1u << level) / eye->shrink;

	for (unsigned i = 0; i < QR_CODES_MAX; i++) {
		const struct track *track = &eye->track[i];

		if (!track->live || !track->read)
			continue;
		bool inside = true;
		for (unsigned k = 0; k < 4 && inside; k++) {
			const float s = track->warp.side;
			const float end[5][2] = { { 0, 0 }, { s, 0 }, { s, s }, { 0, s }, { 0, 0 } };
			struct qr_point a = qr_warp_at(&track->warp, end[k][0], end[k][1]);
			struct qr_point b = qr_warp_at(&track->warp, end[k + 1][0], end[k + 1][1]);

			inside = (b.x - a.x) * (at.y * scale - a.y) >
			         (b.y - a.y) * (at.x * scale - a.x);
		}
		if (inside)
			return true;
	}
	return false;
}

static unsigned
count_read(const struct qr_eye *eye)
{
	unsigned n = 0;

	for (unsigned i = 0; i < QR_CODES_MAX; i++)
		n += eye->track[i].live && eye->track[i].read;
	return n;
}

/* Samples one three of finders as the versions it may be. */
static bool
try_triple(struct qr_eye *eye, const struct qr_triple *triple, unsigned level)
{
	const struct qr_picture *picture = &eye->level[level].picture;
	float said;
	unsigned versions[2], n = qr_grid_versions(picture, triple, versions, &said);

	for (unsigned i = 0; i < n; i++) {
		const struct qr_layout *layout = layout_of(eye, versions[i]);

		if (!qr_grid_begin(&eye->grid, triple, layout->side))
			continue;
		qr_grid_align(&eye->grid, picture, layout, 1.0f);
		if (!settle(eye, picture, layout, SETTLE_MAX))
			continue;
		struct track *track = track_for(eye, level, versions[i]);
		if (track == NULL)
			return false;
		track->version = versions[i];
		track->misses = 0;
		absorb(eye, track, picture, layout, false);
		save_warp(eye, track, level);
		report_on(eye, track, picture, layout, level);
		return track->read;
	}
	return false;
}

static int
by_rank(const void *left, const void *right)
{
	const struct qr_triple *a = left, *b = right;

	return a->rank > b->rank ? -1 : a->rank < b->rank;
}

/* Keeps the threes worth a try on this level, best first. */
static void
rank_triples(struct qr_eye *eye, unsigned level)
{
	/* Where finer and coarser levels do better: pixels a module. */
	const float least = level == 0 ? 1 : 2.4f;
	const float most = level + 1 == eye->levels ? 1e9f : 9;
	const struct qr_picture *picture = &eye->level[level].picture;
	struct qr_finder_search *found = &eye->search;
	unsigned kept = 0;

	for (unsigned i = 0; i < found->triples; i++) {
		struct qr_triple *triple = &found->triple[i];
		float unit = triple->top_left.unit;

		if (unit < least || unit > most)
			continue;
		float alike = qr_grid_likeness(picture, triple);
		if (alike < likeness_least)
			continue;
		unsigned versions[2];
		float said;

		qr_grid_versions(picture, triple, versions, &said);
		if (versions[0] >= WORDED_SURELY && said == 0)
			continue;
		triple->rank = alike - triple->penalty + said;
		found->triple[kept++] = *triple;
	}
	found->triples = kept;
	qsort(found->triple, kept, sizeof found->triple[0], by_rank);
}

static int
search_level(struct qr_eye *eye, enum qr_focus focus, unsigned level, unsigned *tries)
{
	const struct qr_picture *picture = level_picture(eye, level);
	if (picture == NULL)
		return QR_E_NOMEM;
	int r = qr_find(&eye->search, picture, focus, level + 1 < eye->levels);
	if (r < 0)
		return r;
	eye->crossed = eye->search.crossed > eye->crossed ? eye->search.crossed : eye->crossed;
	rank_triples(eye, level);
	for (unsigned i = 0; i < eye->search.triples && *tries > 0 && eye->work < WORK_MAX; i++) {
		const struct qr_triple *triple = &eye->search.triple[i];

		if (taken(eye, triple->top_left.centre, level) ||
		    taken(eye, triple->top_right.centre, level) ||
		    taken(eye, triple->bottom_left.centre, level))
			continue;
		--*tries;
		try_triple(eye, triple, level);
		if (count_read(eye) >= eye->max_codes)
			break;
	}
	return QR_OK;
}

static int
search_levels(struct qr_eye *eye, enum qr_focus focus, unsigned *tries)
{
	for (unsigned level = eye->levels; level-- > 0;) {
		int r = search_level(eye, focus, level, tries);
		if (r < 0)
			return r;
		if (count_read(eye) >= eye->max_codes)
			break;
	}
	return QR_OK;
}

static int
search(struct qr_eye *eye)
{
	unsigned tries = TRIES_MAX + eye->max_codes;

	int r = search_levels(eye, QR_FOCUS_WIDE, &tries);
	if (r == QR_OK && eye->report.codes_seen == 0)
		r = search_levels(eye, QR_FOCUS_NEAR, &tries);
	return r;
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
	eye->sights = eye->trusted = eye->work = eye->crossed = 0;
	eye->searched = false;
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
		r = search(eye);
		if (r < 0)
			return r;
	}
	if (eye->report.codes_seen == 0)
		eye->report.light = (float)eye->search.lightest / 255;
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

bool
qr_eye_harmless(const struct qr_eye *eye)
{
	return eye->searched && eye->crossed <= CROWD;
}
