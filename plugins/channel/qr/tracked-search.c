/* The search for codes: threes of finder patterns, best first, on smaller pictures first. */
#include "tracked-int.h"

#include <stdlib.h>

enum {
	SETTLE_MAX    = 4,  /* times that a warp follows its modules in one picture */
	TRIES_MAX     = 10, /* threes sampled in one picture, plus one for each code wanted */
	CROWD         = 16, /* finder patterns that make a crowd */
	CROWD_ROWS    = 400, /* or rows that meet one, however short-lived */
	WORDED_SURELY = 10, /* version from which a code must say its version to be tried */
};

static const float likeness_least = 0.45f; /* of finder patterns, before a code is sampled */

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

/* Samples one three of finders as the versions it may be. */
static bool
try_triple(struct qr_eye *eye, const struct qr_triple *triple, unsigned level)
{
	const struct qr_picture *picture = &eye->level[level].picture;
	float said;
	unsigned versions[2], n = qr_grid_versions(picture, triple, versions, &said);

	for (unsigned i = 0; i < n; i++) {
		const struct qr_layout *layout = eye_layout(eye, versions[i]);

		if (!qr_grid_begin(&eye->grid, triple, layout->side))
			continue;
		eye->work += qr_grid_align(&eye->grid, picture, layout, 1.0f);
		if (!eye_settle(eye, picture, layout, SETTLE_MAX))
			continue;
		struct track *track = eye_track_for(eye, level, versions[i]);
		if (track == NULL)
			return false;
		track->version = versions[i];
		track->misses = 0;
		eye_absorb(eye, track, picture, layout, false);
		eye_save_warp(eye, track, level);
		eye_report_on(eye, track, picture, layout, level);
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
	const struct qr_picture *picture = eye_picture(eye, level);
	if (picture == NULL)
		return QR_E_NOMEM;
	int r = qr_find(&eye->search, picture, focus, level + 1 < eye->levels);
	if (r < 0)
		return r;
	eye->crowd = eye->search.finders > eye->crowd ? eye->search.finders : eye->crowd;
	eye->crowded |= eye->search.finders > CROWD || eye->search.crossed > CROWD_ROWS;
	rank_triples(eye, level);
	for (unsigned i = 0; i < eye->search.triples && *tries > 0 && eye->work < EYE_WORK_MAX; i++) {
		const struct qr_triple *triple = &eye->search.triple[i];

		if (taken(eye, triple->top_left.centre, level) ||
		    taken(eye, triple->top_right.centre, level) ||
		    taken(eye, triple->bottom_left.centre, level))
			continue;
		--*tries;
		try_triple(eye, triple, level);
		if (eye_count_read(eye) >= eye->max_codes)
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
		if (eye_count_read(eye) >= eye->max_codes)
			break;
	}
	return QR_OK;
}

int
eye_search(struct qr_eye *eye)
{
	unsigned tries = TRIES_MAX + eye->max_codes;

	int r = search_levels(eye, QR_FOCUS_WIDE, &tries);
	if (r == QR_OK && eye->report.codes_seen == 0)
		r = search_levels(eye, QR_FOCUS_NEAR, &tries);
	return r;
}
