/*
 * A channel of QR codes: the glue between the contract and the reader and the writer.
 * Opens no device: the host moves pictures between it and a media plugin.
 */
#ifndef CHANNEL_QR_CHANNEL_H
#define CHANNEL_QR_CHANNEL_H

#include "message.h"
#include "lib/inbox.h"
#include "qr-read.h"
#include "qr-write.h"
#include "ur-way.h"

#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

enum {
	CHANNEL_TOLD = 4, /* attempts kept until somebody asks                 */
};

enum channel_framing {
	CHANNEL_CSGN,
	CHANNEL_UR,
};

struct channel_message { /* one that is shown */
	struct csn_buf     *bytes;
	struct message_cut  cut;
	struct message_name name;
};

struct channel {
	const struct csn_host *host;
	uint32_t               version, ecc, frames_per_second, quiet_modules, code_bytes;
	uint32_t               camera_fps, grid;
	uint32_t               framing; /* enum channel_framing               */
	struct ur_way          ur;

	/* sending; these are shown until the next send or rest */
	struct channel_message messages[CSN_AT_ONCE_MAX];
	size_t                 count;
	size_t                 codes;   /* of all of them                     */
	size_t                 largest; /* bytes, of their payloads           */
	struct csn_op         *sending;
	size_t                 index;    /* first code that is due            */
	bool                   drawn;    /* it and those beside it, in @picture */
	uint64_t               until_ns; /* when the next ones are due        */
	uint8_t               *picture;  /* as drawn last                     */
	uint32_t               width, height;
	uint8_t                payload[QR_PLACES_MAX][QR_PAYLOAD_MAX];

	/* receiving */
	struct qr_reader *reader;
	struct inbox      inbox;
	struct csn_inbox  arrived; /* whole messages                           */
	uint64_t          pictures;
	char              refusal[160]; /* why the last picture was not drawn  */

	/* what is told */
	char                     *overlay; /* file for the last attempt's picture */
	struct csn_channel_report told[CHANNEL_TOLD];
	size_t                    told_count;
	unsigned                  unread; /* pictures in a row with a code that was not read */
	uint64_t                  first_ns;
};

/* After every picture; @message_len: of the message that it completed, 0: none. */
void report_picture(struct channel *channel, const struct csn_frame *in, size_t message_len);
int channel_attempt(void *self, struct csn_channel_report *report);
int channel_meter(void *self, struct csn_channel_report *report);
int channel_marks(void *self, float (*xy)[2], size_t room, size_t *ret_count);

/* send.c: as configured, the codes of one picture, bytes of one, and pictures a second */
uint32_t channel_places(const struct channel *channel);
size_t channel_room(const struct channel *channel);
double channel_fps(const struct channel *channel);

int channel_send(void *self, struct csn_op *op, struct csn_bytes message);
int channel_send_many(void *self, struct csn_op *op, const struct csn_bytes *messages,
                      size_t count);
int channel_render(void *self, struct csn_frame *out);
void channel_stop_showing(struct channel *channel, int result);

extern const struct csn_channel_ops channel_ops;

int channel_open(struct channel *channel, struct csn_error *err);
void channel_close(struct channel *channel);

#endif
