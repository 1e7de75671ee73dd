#include "qr-grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	ALIGN_REACH  = 2, /* modules from the middle of a pattern to its rim */
	FINDER_REACH = 3,
	LATTICE      = 28, /* half modules: 2 x (3.5 + 3) each way and the middle, in fours */
};

#define SEARCH_REACH 3.5f /* modules that a pattern is looked for round its place */

/* In s and t from 0 to 1 between finders: (O + s X + t Y) / (1 + g s + h t). */
static bool
begin_warp(struct qr_warp *warp, const struct qr_triple *triple, float side)
{
	float g = qr_clamp(triple->lean_across, -0.4f, 0.6f);
	float h = qr_clamp(triple->lean_down, -0.4f, 0.6f);
	struct qr_point o = triple->top_left.centre, a = triple->top_right.centre;
	struct qr_point b = triple->bottom_left.centre;
	float w = 1 + g + h, n = side;

	if (!(w > 0.2f))
		return false;
	const struct qr_pin pins[4] = {
		{ 3.5f, 3.5f, o.x, o.y, 1 },
		{ n - 3.5f, 3.5f, a.x, a.y, 1 },
		{ 3.5f, n - 3.5f, b.x, b.y, 1 },
		{ n - 3.5f, n - 3.5f, (a.x * (1 + g) + b.x * (1 + h) - o.x) / w,
		  (a.y * (1 + g) + b.y * (1 + h) - o.y) / w, 1 },
	};
	return qr_warp_fit(warp, n, pins, 4);
}

bool
qr_grid_begin(struct qr_grid *grid, const struct qr_triple *triple, unsigned side)
{
	grid->side = side;
	grid->wide = 2 * side + 3;
	return begin_warp(&grid->warp, triple, (float)side);
}

/* The warp near one place, as good as flat for a few modules round it. */
struct flat {
	struct qr_point at;
	struct qr_point u; /* pixels a module to the right */
	struct qr_point v; /* and down */
};

static struct flat
flatten(const struct qr_warp *warp, float u, float v)
{
	struct qr_point left = qr_warp_at(warp, u - 2, v), right = qr_warp_at(warp, u + 2, v);
	struct qr_point over = qr_warp_at(warp, u, v - 2), under = qr_warp_at(warp, u, v + 2);

	return (struct flat){
		qr_warp_at(warp, u, v),
		{ (right.x - left.x) / 4, (right.y - left.y) / 4 },
		{ (under.x - over.x) / 4, (under.y - over.y) / 4 },
	};
}

/*
 * Light round a place, @half_reach half modules each way, row by row; a row is
 * LATTICE long.
 */
static void
take_lattice(const struct qr_picture *picture, const struct flat *flat, int half_reach, float *ret)
{
	const qr_f4 lanes = { 0, 1, 2, 3 };

	for (int j = -half_reach; j <= half_reach; j++, ret += LATTICE) {
		float x = flat->at.x + 0.5f * (float)j * flat->v.x;
		float y = flat->at.y + 0.5f * (float)j * flat->v.y;

		for (int i = 0; i < 2 * half_reach + 1; i += QR_LANES) {
			qr_f4 u = 0.5f * ((float)(i - half_reach) + lanes);

			qr_store(ret + i, qr_light4(picture, x + u * flat->u.x, y + u * flat->u.y));
		}
	}
}

/* From the sums over all, over the squares and over what must be dark. */
static float
correlate(float sum, float squares, float dark, int reach)
{
	float n = (float)((2 * reach + 1) * (2 * reach + 1));
	float lights = 8 * ((float)reach - 1), darks = n - lights, spread = squares - sum * sum / n;

	if (!(spread > 1e-6f))
		return 0;
	return (sum * darks / n - dark) / sqrtf(spread * darks * lights / n);
}

/*
 * Likeness of nested squares to the light at every second place round @middle, -1 to 1.
 * @reach is 2 for an alignment pattern, 3 for a finder; the light ring is the outermost
 * but one.
 */
static float
likeness(const float *middle, int reach)
{
	float sum = 0, squares = 0, light = 0;

	for (int dy = -reach; dy <= reach; dy++) {
		for (int dx = -reach; dx <= reach; dx++) {
			int ring = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
			float value = middle[2 * dy * LATTICE + 2 * dx];

			sum += value;
			squares += value * value;
			light += ring == reach - 1 ? value : 0;
		}
	}
	return correlate(sum, squares, sum - light, reach);
}

/* The same @du and @dv modules off the flat's place. */
static float
likeness_at(const struct qr_picture *picture, const struct flat *flat, int reach, float du, float dv)
{
	float light[(4 * FINDER_REACH + 1) * LATTICE];
	struct flat there = *flat;

	there.at.x += du * flat->u.x + dv * flat->v.x;
	there.at.y += du * flat->u.y + dv * flat->v.y;
	take_lattice(picture, &there, 2 * reach, light);
	return likeness(light + 2 * reach * (LATTICE + 1), reach);
}

/* The best place within @n half modules each way; near is likelier than far. */
static float
search_coarsely(const struct qr_picture *picture, const struct flat *flat, int rings, int n,
                float *ret_u, float *ret_v)
{
	float light[LATTICE * LATTICE], best = -1, best_alike = -1;
	int reach = n + 2 * rings;

	*ret_u = *ret_v = 0;
	take_lattice(picture, flat, reach, light);
	for (int j = -n; j <= n; j++) {
		for (int i = -n; i <= n; i++) {
			float far = (float)(i * i + j * j) / (float)(n * n + 1);
			float alike = likeness(light + (reach + j) * LATTICE + reach + i, rings);

			if (alike - 0.1f * far > best) {
				best = alike - 0.1f * far;
				best_alike = alike;
				*ret_u = (float)i * 0.5f;
				*ret_v = (float)j * 0.5f;
			}
		}
	}
	return best_alike;
}

/* Climbs to the best place within @reach modules of (u, v) in steps that shrink. */
static float
search_pattern(const struct qr_picture *picture, const struct qr_warp *warp, int rings,
               float reach, float *u, float *v)
{
	static const int8_t around[8][2] = { { -1, -1 }, { 0, -1 }, { 1, -1 }, { -1, 0 },
		                             { 1, 0 },   { -1, 1 }, { 0, 1 },  { 1, 1 } };
	const struct flat flat = flatten(warp, *u, *v);
	float best_u, best_v;
	int n = (int)ceilf(qr_clamp(reach, 0, SEARCH_REACH) / 0.5f);
	float best = search_coarsely(picture, &flat, rings, n, &best_u, &best_v);

	for (float step = 0.25f; step > 0.1f; step /= 2) {
		float mu = best_u, mv = best_v;

		for (unsigned k = 0; k < 8; k++) {
			float du = mu + (float)around[k][0] * step;
			float dv = mv + (float)around[k][1] * step;
			float score = likeness_at(picture, &flat, rings, du, dv);

			if (score > best) {
				best = score;
				best_u = du;
				best_v = dv;
			}
		}
	}
	*u += best_u;
	*v += best_v;
	return best;
}

void
qr_grid_follow(struct qr_grid *grid, const struct qr_picture *picture)
{
	const float end = grid->warp.side - 3.5f, reach = 3;
	const float place[3][2] = { { 3.5f, 3.5f }, { end, 3.5f }, { 3.5f, end } };
	struct qr_pin pins[3];
	unsigned found = 0;

	for (unsigned i = 0; i < 3; i++) {
		float u = place[i][0], v = place[i][1];

		if (search_pattern(picture, &grid->warp, FINDER_REACH, reach, &u, &v) > 0.5f)
			pins[found++] = (struct qr_pin){ place[i][0], place[i][1],
				                         u - place[i][0], v - place[i][1], 1 };
	}
	if (found > 0)
		qr_warp_bend(&grid->warp, pins, found);
}

struct spot { /* an alignment pattern to look for */
	float u, v;
	float far; /* modules to the nearest finder */
};

static int
by_distance(const void *left, const void *right)
{
	const struct spot *a = left, *b = right;

	return a->far < b->far ? -1 : a->far > b->far;
}

static unsigned
list_spots(const struct qr_layout *layout, struct spot *ret_spots)
{
	unsigned centre[QR_ALIGN_MAX], n = qr_alignments(layout->version, centre), count = 0;
	float end = (float)layout->side - 3.5f;

	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < n; j++) {
			if (!qr_has_alignment(n, i, j))
				continue;
			float u = (float)centre[j] + 0.5f, v = (float)centre[i] + 0.5f;
			float far = hypotf(u - 3.5f, v - 3.5f);

			far = qr_min(far, hypotf(u - end, v - 3.5f));
			far = qr_min(far, hypotf(u - 3.5f, v - end));
			ret_spots[count++] = (struct spot){ u, v, far };
		}
	}
	qsort(ret_spots, count, sizeof *ret_spots, by_distance);
	return count;
}

unsigned
qr_grid_align(struct qr_grid *grid, const struct qr_picture *picture,
              const struct qr_layout *layout, float reach)
{
	struct spot spots[QR_ALIGN_MAX * QR_ALIGN_MAX];
	struct qr_pin pins[QR_POINTS_MAX];
	unsigned spot_count = list_spots(layout, spots), count = 0;
	float end = grid->warp.side - 3.5f;
	const float known[4][2] = { { 3.5f, 3.5f }, { end, 3.5f }, { 3.5f, end }, { end, end } };

	/* The far corner is only a guess until a pattern near it is found. */
	for (unsigned i = 0; i < 4; i++) {
		struct qr_point p = qr_warp_at(&grid->warp, known[i][0], known[i][1]);

		pins[count++] = (struct qr_pin){ known[i][0], known[i][1], p.x, p.y,
			                         i < 3 ? 4 : 0.003f };
	}
	for (unsigned i = 0; i < spot_count && count < QR_POINTS_MAX; i++) {
		float u = spots[i].u, v = spots[i].v, far = spots[i].far;

		for (unsigned k = 4; k < count; k++)
			far = qr_min(far, hypotf(pins[k].u - u, pins[k].v - v));
		float score = search_pattern(picture, &grid->warp, ALIGN_REACH,
		                             qr_min(reach + 0.05f * far, SEARCH_REACH), &u, &v);
		if (score < 0.55f)
			continue;
		struct qr_point p = qr_warp_at(&grid->warp, u, v);
		struct qr_warp better;

		pins[count++] = (struct qr_pin){ spots[i].u, spots[i].v, p.x, p.y,
			                         score * score };
		if (qr_warp_fit(&better, grid->warp.side, pins, count))
			grid->warp = better;
	}
	return spot_count * LATTICE * LATTICE;
}

/* The version words' modules as numbers above 0 for dark, spread 1; false: flat. */
static bool
read_version_bits(const struct qr_picture *picture, const struct qr_warp *warp, unsigned side,
                  float ret_bit[2 * QR_VERSION_BITS])
{
	for (unsigned copy = 0; copy < 2; copy++) {
		float *bit = ret_bit + copy * QR_VERSION_BITS, low = 1, high = 0;

		for (unsigned i = 0; i < QR_VERSION_BITS; i++) {
			unsigned at = qr_version_place(side, copy, i);
			struct qr_point p = qr_warp_at(warp, (float)(at % side) + 0.5f,
			                               (float)(at / side) + 0.5f);

			bit[i] = qr_light(picture, p.x, p.y);
			low = qr_min(low, bit[i]);
			high = qr_max(high, bit[i]);
		}
		if (!(high - low > 0.01f))
			return false;
		for (unsigned i = 0; i < QR_VERSION_BITS; i++)
			bit[i] = 1 - 2 * (bit[i] - low) / (high - low);
	}
	return true;
}

float
qr_grid_likeness(const struct qr_picture *picture, const struct qr_triple *triple)
{
	float side = (triple->across + triple->down) / 2 + 7, end = side - 3.5f;
	const float place[3][2] = { { 3.5f, 3.5f }, { end, 3.5f }, { 3.5f, end } };
	struct qr_warp warp;
	float least = 1;

	if (!begin_warp(&warp, triple, side))
		return -1;
	for (unsigned i = 0; i < 3; i++) {
		const struct flat flat = flatten(&warp, place[i][0], place[i][1]);

		least = qr_min(least, likeness_at(picture, &flat, FINDER_REACH, 0, 0));
	}
	return least;
}

unsigned
qr_grid_versions(const struct qr_picture *picture, const struct qr_triple *triple,
                 unsigned ret_versions[2], float *ret_said)
{
	const int reach = 4, worded = 7;
	float exact = ((triple->across + triple->down) / 2 + 7 - 17) / 4;
	int near = (int)lroundf(qr_clamp(exact, 1, QR_VERSION_MAX));
	int other = exact > (float)near ? near + 1 : near - 1, best = 0;
	float bit[2 * QR_VERSION_BITS], best_score = 0.3f * 2 * QR_VERSION_BITS;
	struct qr_warp warp;
	unsigned side = qr_side((unsigned)near);

	if (near >= worded - 1 && begin_warp(&warp, triple, (float)side) &&
	    read_version_bits(picture, &warp, side, bit)) {
		for (int v = near - reach; v <= near + reach; v++) {
			float score = 0;

			if (v < worded || v > QR_VERSION_MAX)
				continue;
			for (unsigned i = 0; i < 2 * QR_VERSION_BITS; i++)
				score += qr_version_word((unsigned)v) >> i % QR_VERSION_BITS & 1
				                 ? bit[i] : -bit[i];
			if (score > best_score) {
				best_score = score;
				best = v;
			}
		}
	}
	*ret_said = best == 0 ? 0 : best_score / (2 * QR_VERSION_BITS);
	if (best != 0) {
		ret_versions[0] = (unsigned)best;
		return 1;
	}
	ret_versions[0] = (unsigned)near;
	ret_versions[1] = (unsigned)other;
	return other >= 1 && other <= QR_VERSION_MAX ? 2 : 1;
}
