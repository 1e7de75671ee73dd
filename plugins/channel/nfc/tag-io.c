/*
 * Plays the tag in a virtual reader: vpcd's protocol over TCP.  Each message is a 16-bit
 * length and that many bytes; one byte is a control (0 power off, 1 power on, 2 reset, 4
 * asks for the ATR), anything longer a command APDU.
 */
#define _GNU_SOURCE 1

#include "nfc.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ISO 14443-4 type A without historical bytes, as a PC/SC reader makes it up. */
static const uint8_t atr[] = { 0x3b, 0x81, 0x80, 0x01, 0x80, 0x80 };

static void on_ready(void *arg, int fd, uint32_t ready);
static void on_retry(void *arg);

static void
leave(struct nfc_tag *self)
{
	const struct csn_host *host = self->host;

	host->watch_drop(self->watch);
	self->watch = NULL;
	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
	self->in_len = 0;
	self->joined = false;
	csn_tag_leave(&self->tag);
}

static void
try_later(struct nfc_tag *self)
{
	const struct csn_host *host = self->host;

	leave(self);
	if (self->retry == NULL)
		self->retry = host->timer_add(
			host, host->now(host) + self->retry_ms * UINT64_C(1000000), on_retry, self);
	if (self->retry == NULL)
		host->log(host, CSN_LOG_ERROR, "no memory for a timer");
}

/* "HOST:PORT" into an address; numbers only, so nothing is looked up on a network. */
static struct addrinfo *
address(const char *vpcd)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		                        .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[64];
	const char *colon = strrchr(vpcd, ':');

	if (colon == NULL || (size_t)(colon - vpcd) >= sizeof host)
		return NULL;
	memcpy(host, vpcd, (size_t)(colon - vpcd));
	host[colon - vpcd] = '\0';
	return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

static void
join(struct nfc_tag *self)
{
	const int on = 1;
	struct addrinfo *to = address(self->vpcd);
	int r = -1;

	if (to != NULL) {
		self->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (self->fd >= 0)
			r = connect(self->fd, to->ai_addr, to->ai_addrlen);
		freeaddrinfo(to);
	}
	if (self->fd < 0 || (r < 0 && errno != EINPROGRESS)) {
		try_later(self);
		return;
	}
	(void)setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	self->watch = self->host->watch_add(self->host, self->fd, CSN_READABLE, on_ready, self);
	if (self->watch == NULL)
		try_later(self);
}

static void
on_retry(void *arg)
{
	struct nfc_tag *self = arg;

	self->retry = NULL;
	join(self);
}

/* ---- messages of the reader ------------------------------------------------------------- */

/* Answers are far smaller than a socket's buffer: one that does not fit is a dead reader. */
static bool
reply(struct nfc_tag *self, const uint8_t *bytes, size_t len)
{
	uint8_t out[2 + CSN_TAG_RESPONSE_MAX];

	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	memcpy(out + 2, bytes, len);
	return send(self->fd, out, len + 2, MSG_NOSIGNAL) == (ssize_t)(len + 2);
}

static bool
control(struct nfc_tag *self, uint8_t what)
{
	if (what == 4)
		return reply(self, atr, sizeof atr);
	csn_tag_leave(&self->tag);
	return true;
}

static bool
apdu(struct nfc_tag *self, struct csn_bytes command)
{
	uint8_t response[CSN_TAG_RESPONSE_MAX];
	size_t len;

	csn_tag_apdu(&self->tag, command, response, &len);
	const bool good = reply(self, response, len);
	const struct csn_bytes message = csn_tag_take(&self->tag);
	if (message.len > 0)
		csn_inbox_put(&self->inbox, message);
	if (csn_tag_sent(&self->tag))
		csn_outbox_end(&self->outbox, CSN_OK);
	return good;
}

static bool
one_message(struct nfc_tag *self, struct csn_bytes bytes)
{
	return bytes.len == 1 ? control(self, bytes.ptr[0]) : apdu(self, bytes);
}

/* False when the connection is of no more use. */
static bool
take_in(struct nfc_tag *self)
{
	const int on = 1;

	/* The daemon sends length and body apart: without this each waits for an ACK. */
	(void)setsockopt(self->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
	const ssize_t n = recv(self->fd, self->in + self->in_len, sizeof self->in - self->in_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	self->in_len += (size_t)n;
	for (;;) {
		const size_t len = self->in_len < 2 ? 0 : (size_t)self->in[0] << 8 | self->in[1];

		if (self->in_len >= 2 && (len == 0 || len > sizeof self->in - 2))
			return false;
		if (self->in_len < 2 || self->in_len - 2 < len)
			return true;
		if (!one_message(self, (struct csn_bytes){ self->in + 2, len }))
			return false;
		self->in_len -= 2 + len;
		memmove(self->in, self->in + 2 + len, self->in_len);
	}
}

static void
on_ready(void *arg, int fd, uint32_t ready)
{
	struct nfc_tag *self = arg;

	(void)fd;
	if ((ready & CSN_READABLE) == 0 || !take_in(self)) {
		if (self->joined)
			self->host->log(self->host, CSN_LOG_DEBUG, "out of the field");
		try_later(self);
		return;
	}
	self->joined = true;
}

/* ---- operations ------------------------------------------------------------------------------ */

static int
caps(void *arg, struct csn_channel_caps *ret_caps)
{
	const struct nfc_tag *self = arg;

	ret_caps->direction   = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret_caps->medium      = CSN_MEDIUM_NONE;
	ret_caps->traits      = CSN_TRAIT_PROXIMITY | CSN_TRAIT_ATTENDED;
	ret_caps->max_message = self->limit;
	ret_caps->medium_name = self->medium;
	return CSN_OK;
}

static void
forget_shown(struct nfc_tag *self)
{
	csn_tag_send(&self->tag, CSN_BYTES_NONE, 0);
	self->host->buf_unref(self->shown);
	self->shown = NULL;
}

static int
send_message(void *arg, struct csn_op *op, struct csn_bytes message)
{
	struct nfc_tag *self = arg;
	const struct csn_host *host = self->host;
	struct csn_buf *copy;
	uint32_t name = 0;
	int r = csn_outbox_take(&self->outbox, op, message, self->limit, "this tag", &copy);

	if (r < 0)
		return r;
	while (name == 0 && r == CSN_OK)
		r = host->random(host, &name, sizeof name);
	if (r < 0)
		return csn_outbox_refuse(&self->outbox, copy,
		                         host->fail(host->op_error(op), r, "no random numbers"));
	forget_shown(self);
	self->shown = copy;
	csn_tag_send(&self->tag, host->buf_bytes(copy), name);
	return CSN_OK;
}

static int
receive(void *arg, struct csn_op *op)
{
	struct nfc_tag *self = arg;

	return csn_inbox_receive(&self->inbox, op);
}

static void
rest(void *arg)
{
	struct nfc_tag *self = arg;

	forget_shown(self);
	csn_outbox_end(&self->outbox, CSN_E_CANCELLED);
}

static void
cancel(void *arg, struct csn_op *op)
{
	struct nfc_tag *self = arg;

	if (!csn_inbox_cancel(&self->inbox, op) && op == self->outbox.sending)
		rest(self);
}

static int
diagnose(void *arg, char *text, size_t len)
{
	const struct nfc_tag *self = arg;

	if (len == 0)
		return CSN_E_INVALID;
	snprintf(text, len, self->joined ? "in a reader's field; %u of %zu bytes came of the last "
	                                   "message" :
	                                   "no reader: bring the device to one",
	         (unsigned)self->tag.in.held, (size_t)self->tag.in.total);
	return CSN_OK;
}

int
nfc_tag_start(struct nfc_tag *self, struct csn_error *err)
{
	struct addrinfo *to = address(self->vpcd);

	if (to == NULL)
		return self->host->fail(err, CSN_E_CONFIG,
		                        "vpcd = \"%.80s\" is no address and port in numbers, as "
		                        "127.0.0.1:35963", self->vpcd);
	freeaddrinfo(to);
	self->memory_len = 2 * (size_t)self->file + self->limit;
	self->memory = calloc(1, self->memory_len);
	if (self->memory == NULL)
		return self->host->fail(err, CSN_E_NOMEM, "no memory for a tag");
	const struct csn_tag_setup setup = {
		.inbox = self->memory, .outbox = self->memory + self->file,
		.file_cap = self->file, .buf = self->memory + 2 * (size_t)self->file,
		.buf_cap = self->limit, .read_max = 255, .update_max = 255,
	};
	int r = csn_tag_init(&self->tag, &setup);
	if (r < 0)
		return self->host->fail(err, r, "the tag's memory does not fit");
	join(self);
	return CSN_OK;
}

void
nfc_tag_stop(struct nfc_tag *self)
{
	if (self->memory == NULL)
		return;
	rest(self);
	csn_inbox_done(&self->inbox);
	leave(self);
	self->host->timer_drop(self->retry);
	csn_wipe(self->memory, self->memory_len);
	free(self->memory);
}

const struct csn_channel_ops nfc_tag_ops = {
	.size     = sizeof nfc_tag_ops,
	.caps     = caps,
	.send     = send_message,
	.receive  = receive,
	.cancel   = cancel,
	.rest     = rest,
	.diagnose = diagnose,
};
