/* Reading a sampled grid: alone, with earlier pictures of the code, or out of a mixture. */
#include "tracked-int.h"
#include "qr-measure.h"

#include <math.h>
#include <string.h>

enum {
	EQUALISE_WORK = 2,  /* samplings that cost as much as an equalisation */
	PHASE_MAX     = 30, /* pictures unread before screen and camera lost their phase */
};

static const float pattern_least = 0.72f; /* share of known modules that must be right */
static const float pattern_fits = 0.985f; /* and when there is no need to look further */
static const float belief_most = 1.5f; /* in a module of mixed codes */
static const float pattern_fair = 0.85f;  /* when it is known that codes are mixed */
static const float pattern_sharp = 0.97f; /* sharp enough to tell mixed codes from blur */
static const float settled_modules = 0.06f; /* a smaller shift is none */
static const float alike_least = 0.15f;   /* correlation of two pictures of one code */

float
eye_likeness(const float *a, const float *b, const struct qr_layout *layout)
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

bool
eye_settle(struct qr_eye *eye, const struct qr_picture *picture, const struct qr_layout *layout,
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
	for (unsigned i = 0; i < 2 && eye->work < EYE_WORK_MAX; i++) {
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
	             eye_likeness(grid->soft, track->sum, layout) > alike_least;

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

void
eye_keep(struct qr_eye *eye, struct track *track, const struct qr_layout *layout,
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

void
eye_report_on(struct qr_eye *eye, struct track *track, const struct qr_picture *picture,
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

void
eye_absorb(struct qr_eye *eye, struct track *track, const struct qr_picture *picture,
       const struct qr_layout *layout, bool tracked)
{
	float match = qr_pattern_match(layout, eye->grid.soft);
	bool sharp = match >= (track->phased ? pattern_fair : pattern_sharp);
	bool part = sharp && !track->mixed_now && eye->work < EYE_WORK_MAX;

	if (sharp) {
		eye->work += EQUALISE_WORK * eye->grid.wide * eye->grid.wide;
		qr_mix_measure(&eye->mix, &eye->grid, layout);
	}
	if (part && track->phased && read_first(eye, track, layout))
		eye_keep(eye, track, layout, QR_WAY_PARTED);
	else if (read_alone(eye, picture, layout))
		eye_keep(eye, track, layout, tracked ? QR_WAY_TRACKED : QR_WAY_SEARCHED);
	else if (part && !track->mixed_now && read_first(eye, track, layout))
		eye_keep(eye, track, layout, QR_WAY_PARTED);
	else if (eye->merge && read_merged(eye, track, layout))
		eye_keep(eye, track, layout, QR_WAY_MERGED);
	if (sharp && track->read && track->way != QR_WAY_MERGED)
		learn_phase(eye, track, layout);
	else if (track->phased && track->unread > PHASE_MAX)
		track->phased = false;
}
