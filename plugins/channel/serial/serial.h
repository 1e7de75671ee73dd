/*
 * A channel over a serial line: a UART, a USB service port.  The framing is sdk/lib's
 * line; here are the port, its comings and goings, and the operations.
 */
#ifndef CHANNEL_SERIAL_H
#define CHANNEL_SERIAL_H

#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include "lib/inbox.h"
#include "lib/line.h"
#include "lib/outbox.h"

struct serial {
	const struct csn_host *host;
	char                  *device;
	char                  *medium;
	uint32_t               baud, frame, limit, flow, reopen_ms;

	int               fd; /* -1: not there                                 */
	uint32_t          want; /* what the watch waits for                    */
	struct csn_watch *watch;
	struct csn_timer *timer;
	struct csn_inbox  inbox;
	struct csn_outbox outbox;
	struct csn_buf   *shown;   /* the message on the line                  */
	bool              missed;  /* the absence was told                     */
	struct csn_line   line;
	uint8_t          *in;
	uint8_t           out[CSN_LINE_FRAME_MAX];
	size_t            out_at, out_len;
	char              trouble[160];
};

extern const struct csn_channel_ops serial_ops;

int serial_start(struct serial *serial, struct csn_error *err);
void serial_stop(struct serial *serial);

/* serial-io.c: true when @baud is a rate the system knows. */
bool serial_rate_known(uint32_t baud);
/* Opens and sets the port raw; -1 with errno. */
int serial_open(const char *device, uint32_t baud, bool hardware_flow);

#endif
