/* Between the parts of our own reader: its memory, and what they do for one another. */
#ifndef CHANNEL_QR_TRACKED_INT_H
#define CHANNEL_QR_TRACKED_INT_H

#include "qr-find.h"
#include "qr-grid.h"
#include "qr-mix.h"
#include "tracked.h"

enum {
	EYE_LEVELS   = 4, /* the picture, a half, a quarter, an eighth */
	EYE_LAYOUTS  = 4, /* versions kept ready */
	EYE_WORK_MAX = 3000000, /* samples taken in one picture before the search ends */
};

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
	bool                    searched; /* this picture */
	unsigned                crowd;   /* most finder patterns of one search */
	bool                    crowded; /* with what looks like finder patterns */
	unsigned                work;    /* samples taken in this picture */
	unsigned                trusted; /* places that need no search in this picture */
	struct level            level[EYE_LEVELS + 1]; /* from the first one that is searched */
	unsigned                levels;
	unsigned                made;   /* of these, in memory */
	float                   shrink; /* of level 0 against the picture as it came */
	struct qr_finder_search search;
	struct qr_layout        layout[EYE_LAYOUTS];
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

/* Layouts and pictures, made when they are first asked for; no picture: no memory. */
const struct qr_layout *eye_layout(struct qr_eye *eye, unsigned version);
const struct qr_picture *eye_picture(struct qr_eye *eye, unsigned level);

/* Tracks: the one whose place the grid is, or a free one, or NULL; where it is now; its size. */
struct track *eye_track_for(struct qr_eye *eye, unsigned level, unsigned version);
void eye_save_warp(struct qr_eye *eye, struct track *track, unsigned level);
float eye_span(const struct qr_warp *warp);
unsigned eye_count_read(const struct qr_eye *eye);

/* Samples on the grid's warp and, unless it fits at once, lets the warp follow the modules. */
bool eye_settle(struct qr_eye *eye, const struct qr_picture *picture,
                const struct qr_layout *layout, unsigned rounds);

/* Correlation of two pictures' data modules. */
float eye_likeness(const float *a, const float *b, const struct qr_layout *layout);

/* What the sampled grid says goes to its track. */
void eye_absorb(struct qr_eye *eye, struct track *track, const struct qr_picture *picture,
                const struct qr_layout *layout, bool tracked);

/* The symbol just decoded is what the track shows. */
void eye_keep(struct qr_eye *eye, struct track *track, const struct qr_layout *layout,
              enum qr_way way);

/* Measures the first code of a picture; a later one only if it is the first to be read. */
void eye_report_on(struct qr_eye *eye, struct track *track, const struct qr_picture *picture,
                   const struct qr_layout *layout, unsigned level);

/* Searches the picture for codes that no track has; QR_OK or QR_E_NOMEM. */
int eye_search(struct qr_eye *eye);

#endif
