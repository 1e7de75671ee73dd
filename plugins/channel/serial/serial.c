#include "serial.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)

enum {
	READ_SIZE = 4096,
	/* Before leaving: so often the last acknowledgement, so long for each. */
	REMINDERS = 4,
	REMIND_MS = 300,
	REMIND_READS = 64,
};

static void pump(struct serial *serial);

static uint64_t
now_ms(const struct serial *serial)
{
	return serial->host->now(serial->host) / NS_PER_MS;
}

/* ---- the port: it comes and goes --------------------------------------------------- */

static void
close_port(struct serial *serial, const char *why)
{
	if (serial->fd < 0)
		return;
	serial->host->watch_drop(serial->watch);
	serial->watch = NULL;
	close(serial->fd);
	serial->fd = -1;
	serial->out_len = serial->out_at = 0;
	serial->missed = true;
	snprintf(serial->trouble, sizeof serial->trouble, "%.80s: %.60s", serial->device, why);
	serial->host->log(serial->host, CSN_LOG_INFO, "%s; waiting for it to come back",
	                  serial->trouble);
}

static void on_ready(void *self, int fd, uint32_t ready);

/* Watches the port for reading, and for writing while something is half written. */
static bool
watch(struct serial *serial, uint32_t want)
{
	const struct csn_host *host = serial->host;

	if (serial->watch != NULL && serial->want == want)
		return true;
	host->watch_drop(serial->watch);
	serial->watch = host->watch_add(host, serial->fd, want, on_ready, serial);
	serial->want = want;
	return serial->watch != NULL;
}

static void
open_port(struct serial *serial)
{
	serial->fd = serial_open(serial->device, serial->baud, serial->flow == 1);
	if (serial->fd < 0) {
		snprintf(serial->trouble, sizeof serial->trouble, "%.80s: %.60s",
		         serial->device, strerror(errno));
		if (!serial->missed)
			serial->host->log(serial->host, CSN_LOG_INFO,
			                  "%s; waiting for it", serial->trouble);
		serial->missed = true;
		return;
	}
	serial->missed = false;
	serial->trouble[0] = '\0';
	csn_line_restart(&serial->line);
	if (!watch(serial, CSN_READABLE))
		close_port(serial, "no memory for a watch");
}

/* ---- coming in ---------------------------------------------------------------------- */

static bool
take_in(struct serial *serial)
{
	uint8_t bytes[READ_SIZE];
	struct csn_bytes message;

	const ssize_t n = read(serial->fd, bytes, sizeof bytes);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		close_port(serial, n == 0 ? "the line was cut" : strerror(errno));
		return false;
	}
	struct csn_bytes left = { bytes, (size_t)n };
	while (left.len > 0) {
		size_t used;

		csn_line_input(&serial->line, left, &used, &message);
		left.ptr += used;
		left.len -= used;
		if (message.len > 0)
			csn_inbox_put(&serial->inbox, message);
	}
	return true;
}

/* ---- going out ------------------------------------------------------------------------ */

/* True when all that is due was taken by the port. */
static bool
put_out(struct serial *serial)
{
	for (;;) {
		if (serial->out_at == serial->out_len) {
			serial->out_at = 0;
			serial->out_len = csn_line_output(&serial->line, now_ms(serial),
			                                  serial->out, sizeof serial->out);
			if (serial->out_len == 0)
				return true;
		}
		const ssize_t n = write(serial->fd, serial->out + serial->out_at,
		                        serial->out_len - serial->out_at);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n < 0) {
			close_port(serial, strerror(errno));
			return true;
		}
		serial->out_at += (size_t)n;
	}
}

static void
on_timer(void *self)
{
	struct serial *serial = self;

	serial->timer = NULL;
	pump(serial);
}

static void
sleep_until(struct serial *serial, uint64_t wake_ms)
{
	const struct csn_host *host = serial->host;

	host->timer_drop(serial->timer);
	serial->timer = NULL;
	if (wake_ms == UINT64_MAX)
		return;
	const uint64_t now = now_ms(serial), at = wake_ms > now ? wake_ms : now + 1;
	serial->timer = host->timer_add(host, at * NS_PER_MS, on_timer, serial);
	if (serial->timer == NULL)
		host->log(host, CSN_LOG_ERROR, "no memory for a timer");
}

static void
pump(struct serial *serial)
{
	if (serial->fd < 0)
		open_port(serial);
	const bool all = serial->fd < 0 || put_out(serial);
	if (serial->fd < 0) {
		sleep_until(serial, now_ms(serial) + serial->reopen_ms);
		return;
	}
	if (!watch(serial, all ? CSN_READABLE : CSN_READABLE | CSN_WRITABLE))
		close_port(serial, "no memory for a watch");
	sleep_until(serial, all ? csn_line_wake(&serial->line) : UINT64_MAX);
	if (csn_line_sent(&serial->line))
		csn_outbox_end(&serial->outbox, CSN_OK);
}

static void
on_ready(void *self, int fd, uint32_t ready)
{
	struct serial *serial = self;

	(void)fd;
	if ((ready & (CSN_READABLE | CSN_HANGUP)) != 0)
		(void)take_in(serial);
	pump(serial);
}

/* ---- operations ------------------------------------------------------------------------ */

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	const struct serial *serial = self;

	ret_caps->direction        = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret_caps->medium           = CSN_MEDIUM_NONE;
	ret_caps->traits           = CSN_TRAIT_PROXIMITY;
	ret_caps->max_message      = serial->limit;
	ret_caps->bytes_per_second = serial->baud / 10;
	ret_caps->medium_name      = serial->medium;
	return CSN_OK;
}

static void
forget_shown(struct serial *serial)
{
	csn_line_rest(&serial->line);
	serial->host->buf_unref(serial->shown);
	serial->shown = NULL;
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct serial *serial = self;
	const struct csn_host *host = serial->host;
	struct csn_buf *copy;
	int r = csn_outbox_take(&serial->outbox, op, message, serial->limit, "this line", &copy);

	if (r < 0)
		return r;
	forget_shown(serial);
	r = csn_line_send(&serial->line, host->buf_bytes(copy));
	if (r < 0)
		return csn_outbox_refuse(&serial->outbox, copy,
		                         host->fail(host->op_error(op), r,
		                                    "message of %zu bytes needs over %d frames "
		                                    "of %u", message.len, CSN_LINE_FRAGMENTS,
		                                    (unsigned)serial->frame));
	serial->shown = copy;
	pump(serial);
	return CSN_OK;
}

static int
receive(void *self, struct csn_op *op)
{
	struct serial *serial = self;

	int r = csn_inbox_receive(&serial->inbox, op);
	if (r == CSN_OK)
		pump(serial);
	return r;
}

static void
rest(void *self)
{
	struct serial *serial = self;

	forget_shown(serial);
	csn_outbox_end(&serial->outbox, CSN_E_CANCELLED);
}

static void
cancel(void *self, struct csn_op *op)
{
	struct serial *serial = self;

	if (!csn_inbox_cancel(&serial->inbox, op) && op == serial->outbox.sending)
		rest(serial);
}

static int
diagnose(void *self, char *text, size_t len)
{
	const struct serial *serial = self;
	const struct csn_line_count *count = &serial->line.count;

	if (len == 0)
		return CSN_E_INVALID;
	if (serial->fd < 0)
		snprintf(text, len, "%s", serial->trouble[0] != '\0' ? serial->trouble :
		                                                       "the port is closed");
	else if (count->frames == 0 && count->bad == 0)
		snprintf(text, len, "%s at %u baud: not a byte came; is the other end on, "
		         "are the wires crossed?", serial->device, (unsigned)serial->baud);
	else if (count->frames == 0)
		snprintf(text, len, "%s at %u baud: %u damaged frames and no good one; does the "
		         "other end use the same rate?", serial->device,
		         (unsigned)serial->baud, (unsigned)count->bad);
	else
		snprintf(text, len, "%s: %u frames came, %u damaged, %u repeated by us, "
		         "%u messages whole", serial->device, (unsigned)count->frames,
		         (unsigned)count->bad, (unsigned)count->repeats,
		         (unsigned)count->messages);
	return CSN_OK;
}

int
serial_start(struct serial *serial, struct csn_error *err)
{
	const struct csn_host *host = serial->host;
	struct csn_line_setup setup = { .data_size = serial->frame, .baud = serial->baud,
	                                .cap = serial->limit };

	if (!serial_rate_known(serial->baud))
		return host->fail(err, CSN_E_CONFIG,
		                  "%u baud is no usual rate; 9600, 115200, 921600 and 3000000 "
		                  "are some", (unsigned)serial->baud);
	serial->in = malloc(serial->limit);
	if (serial->in == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a message");
	setup.buf = serial->in;
	int r = host->random(host, &setup.epoch, sizeof setup.epoch);
	if (r < 0)
		return host->fail(err, r, "no random numbers");
	return csn_line_init(&serial->line, &setup);
}

/*
 * The other end repeats its last message until it is acknowledged, and there is nobody to
 * do so once this one has gone: it leaves when the other end knows, or after a second.
 */
static void
linger(struct serial *serial)
{
	for (int i = 0; i < REMINDERS && serial->fd >= 0 && csn_line_owes(&serial->line); i++) {
		if (i > 0)
			csn_line_remind(&serial->line);
		for (int reads = 0; reads < REMIND_READS && serial->fd >= 0; reads++) {
			const bool all = put_out(serial);
			struct pollfd port = { serial->fd,
				               all ? POLLIN : (short)(POLLIN | POLLOUT), 0 };

			if (port.fd < 0 || !csn_line_owes(&serial->line) ||
			    poll(&port, 1, REMIND_MS) <= 0)
				break;
			if ((port.revents & ~POLLOUT) != 0 && !take_in(serial))
				return;
		}
	}
}

void
serial_stop(struct serial *serial)
{
	const struct csn_host *host = serial->host;

	rest(serial);
	linger(serial);
	csn_inbox_done(&serial->inbox);
	host->timer_drop(serial->timer);
	host->watch_drop(serial->watch);
	if (serial->fd >= 0)
		close(serial->fd);
	if (serial->in != NULL)
		csn_wipe(serial->in, serial->limit);
	free(serial->in);
}

const struct csn_channel_ops serial_ops = {
	.size     = sizeof serial_ops,
	.caps     = caps,
	.send     = send_message,
	.receive  = receive,
	.cancel   = cancel,
	.rest     = rest,
	.diagnose = diagnose,
};
