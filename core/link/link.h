/*
 * One configured channel, joined to its media instance where it has a medium: moves
 * what is captured into the channel and what it renders to where it is heard or seen.
 * Everything is [loop]; answers come later, never from inside a call.
 */
#ifndef CSN_CORE_LINK_H
#define CSN_CORE_LINK_H

#include "core/base/error.h"
#include "core/loop/loop.h"
#include "core/loop/op.h"

#include <countersign/channel.h>
#include <countersign/media.h>

#include <stdbool.h>

struct link;

/* All borrowed until link_free and what it left pending has ended. */
struct link_parts {
	const char *label; /* "qr": for texts; copied       */
	struct csn_loop *loop;
	struct csn_ops *ops;
	struct csn_log *log;
	const struct csn_channel_ops *channel;
	void *channel_self;
	const struct csn_media_ops *media; /* NULL: the channel has no medium */
	void *media_self;
	/* When the message came that was received last; NULL: just now. */
	uint64_t (*received_ns)(void *channel_self);
};

int link_new(const struct link_parts *parts, struct link **ret_link,
	     struct csn_error *err);
/* Withdraws everything; its sends and listeners hear nothing more.  NULL is fine. */
void link_free(struct link *link);

/* Lives as long as the link. */
const char *link_medium(const struct link *link);
const struct csn_channel_caps *link_caps(const struct link *link);
/* Why nothing came, from the channel; "" when it has nothing to say. */
void link_diagnose(struct link *link, char *text, size_t len);

/*
 * The same as figures: the oldest attempt not told yet, and how things stand.
 * CSN_E_MISSING when there is none, CSN_E_UNSUPPORTED when the channel never tells.
 */
int link_attempt(struct link *link, struct csn_channel_report *ret_report);
int link_meter(struct link *link, struct csn_channel_report *ret_report);
/* The points of the attempt told last; see channel.h. */
int link_points(struct link *link, float (*xy)[2], size_t room, size_t *ret_count);
/* Where something was found in the picture fed last; see channel.h. */
int link_marks(struct link *link, float (*xy)[2], size_t room, size_t *ret_count);
/* What went wrong last between channel and media, "" when nothing did. */
const char *link_last_trouble(const struct link *link);

/* Sees every frame that was fed, borrowed, after it was; NULL ends that. */
typedef void link_frame_fn(void *arg, const struct csn_frame *frame);
void link_on_frame(struct link *link, link_frame_fn *fn, void *arg);
/* True when a recording that is captured from has come to its end. */
bool link_ended(const struct link *link);

/* Carried in full once, or why not (@err is borrowed). */
typedef void link_sent_fn(void *arg, int result, const struct csn_error *err);
struct link_send;
/* Sends wait for one another.  *ret_send is valid until @fn was called. */
int link_send(struct link *link, struct csn_bytes message, link_sent_fn *fn, void *arg,
	      struct link_send **ret_send);
/* Several that are carried beside one another, at most link_caps()->at_once. */
int link_send_many(struct link *link, const struct csn_bytes *messages, size_t count,
		   link_sent_fn *fn, void *arg, struct link_send **ret_send);
/* Takes it back; @fn will not be called. */
void link_cancel(struct link *link, struct link_send *send);
/* Stops showing or playing, unless a send is waiting. */
void link_rest(struct link *link);

/* A message, its bytes borrowed; @at_ns is when its last byte came. */
typedef void link_message_fn(void *arg, const struct link *link, uint64_t at_ns,
			     struct csn_bytes message);
/* What is wrong with the medium, one line, borrowed; said again only when it changes. */
typedef void link_trouble_fn(void *arg, const char *text);
/* In its owner's memory; zeroed but for fn, trouble (optional) and arg. */
struct link_listener {
	struct link_listener *next;
	link_message_fn *fn;
	link_trouble_fn *trouble;
	void *arg;
};
/* Every listener hears every message. */
int link_listen(struct link *link, struct link_listener *listener);
void link_unlisten(struct link *link, struct link_listener *listener);

#endif
