/* A session as the checker plays it for a ceremony: it refuses everything, or grants it. */
#ifndef CSN_CHECK_SESSION_H
#define CSN_CHECK_SESSION_H

#include "core/check/check.h"

#include <countersign/ceremony.h>

#define PLAY_EVENTS 64
#define PLAY_ROWS   16

struct play_event {
	struct csn_event event;
	uint64_t         due_ns; /* TIMER                                      */
	struct csn_buf  *bytes;
};

struct play_row {
	char            space[32];
	struct csn_buf *key, *value;
};

/* What goes otherwise than granted. */
struct terms {
	bool     one_way; /* nothing comes back                               */
	bool     refuse_all;
	uint32_t refuse_stage; /* 0: none                                      */
	int      fail_call;    /* this one, from 1, is answered with an error  */
	int      stop_after;   /* events; then the operator ends the session   */
	int      end_after;    /* events; then it ends unfinished              */
	bool     freeze;       /* after each event it goes on from its state   */
};

/* One side of a session. */
struct play {
	struct csn_session  session; /* first: its functions find the play by it */
	const struct terms *terms;
	struct play        *other; /* gets what is sent; NULL: nobody           */
	void               *run;   /* the ceremony's; NULL: it refused to begin */
	uint32_t            side;
	struct play_event   queue[PLAY_EVENTS];
	size_t              queued;
	struct play_row     rows[PLAY_ROWS];
	size_t              row_count;
	uint32_t            listens;     /* bits of enum csn_role               */
	uint32_t            stage;       /* the last that was granted           */
	bool                authorised, refused;
	int                 calls, events, finished;
	uint32_t            outcome;
	char                text[128]; /* of finish                              */
};

/* Both sides, as far as they begin, until nothing is under way; then STOP, then end. */
void play_session(struct play plays[2], const struct terms *terms);

/* keys.c: the keys of --keys; without, signatures are random and there are no certificates. */
int  keys_of(const char *module, char **sets, struct csn_error *err);
bool keys_open(void);
void keys_close(void);
int  keys_certificate(const char *key, uint32_t index, struct csn_bytes *ret_der);
struct csn_buf *keys_sign(const char *key, const char *algorithm,
                          struct csn_bytes message); /* a new reference, or NULL */

#endif
