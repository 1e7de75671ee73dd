/* The inside of one link, shared by the files of this folder only. */
#ifndef CSN_CORE_LINK_INT_H
#define CSN_CORE_LINK_INT_H

#include "core/link/link.h"

#include <stdbool.h>

#define SEND_MS     120000u
#define RECEIVE_MS  3600000u /* then it is asked again                        */
#define START_MS    15000u
#define FRAME_MS    30000u
#define IDLE_MS     10u
#define RETRY_MS    500u
#define PIXELS_MAX  (8192u * 8192u)
#define SAMPLES_MAX (1u << 20)

struct link_send {
	struct link_send *next;
	link_sent_fn *fn;
	void *arg;
	size_t count; /* that are carried beside one another */
	struct csn_buf *message[CSN_AT_ONCE_MAX];
};

enum media_state { MEDIA_OFF, MEDIA_STARTING, MEDIA_ON };

struct link {
	struct link_parts parts;
	char label[64];
	struct csn_channel_caps caps;
	struct csn_media_caps media_caps;
	enum media_state media;
	size_t held; /* operations that still name this link */
	bool dead;

	struct csn_op *start, *capture, *play, *drain, *send, *receive;
	struct csn_timer *idle, *retry;

	struct link_listener *listeners;
	struct csn_error why; /* what a plugin said when it refused a call */
	char trouble[192];    /* what was said last; "" since it works      */
	struct csn_frame in;
	uint64_t fed_ns;
	link_frame_fn *frame_fn;
	void *frame_arg;
	bool ended; /* the recording, since the media was started         */

	struct link_send *sends, **tail; /* the first is being sent when @sending */
	bool sending, sent, showing;
	struct csn_frame out;
	void *out_memory;
	size_t out_room;
};

/* link.c: operations and media */
bool link_sends(const struct link *link);
void link_release(struct link *link);
struct csn_op *link_op_start(struct link *link, const char *what, csn_op_fn *fn,
			     uint32_t limit_ms, bool media);
int link_op_keep(struct link *link, struct csn_op **slot, struct csn_op *op,
		 int result);
const struct csn_error *link_refusal(const struct link *link, int result);
bool link_op_over(struct link *link, struct csn_op **slot, struct csn_op *op);
void link_op_end(struct csn_op **slot);
void link_media_off(struct link *link);
bool link_media_ready(struct link *link, int *ret_result);
/* Something is wrong: says so to those who listen, or to the log, once. */
void link_trouble(struct link *link, int result, const struct csn_error *err);
void link_media_failed(struct link *link, int result, const struct csn_error *err);

/* send.c */
void link_send_over(struct link *link, int result, const struct csn_error *err);
void link_pump_send(struct link *link);

/* receive.c */
void link_retry_soon(struct link *link);
void link_pump_receive(struct link *link);

#endif
