#include "ble.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void pump(struct ble *ble);
static void say_all(struct ble *ble);

static size_t
value_len(const struct ble *ble, uint32_t mtu)
{
	const size_t len = ble_value_len(mtu);

	return len < ble->value ? len : ble->value;
}

static struct csn_bytes
shown(const struct ble *ble)
{
	return ble->shown != NULL ? ble->host->buf_bytes(ble->shown) : CSN_BYTES_NONE;
}

/* ---- peers ------------------------------------------------------------------------------ */

static struct ble_peer *
find(struct ble *ble, const char *path)
{
	for (size_t i = 0; i < BLE_PEERS; i++)
		if (ble->peers[i].used && strcmp(ble->peers[i].path, path) == 0)
			return &ble->peers[i];
	return NULL;
}

static void
forget(struct ble_peer *peer)
{
	if (!peer->used)
		return;
	const struct csn_host *host = peer->ble->host;

	host->watch_drop(peer->write_watch);
	host->watch_drop(peer->read_watch);
	if (peer->write_fd >= 0)
		close(peer->write_fd);
	if (peer->read_fd >= 0)
		close(peer->read_fd);
	csn_wipe(peer->buf, BLE_IN_SIZE);
	free(peer->buf);
	memset(peer, 0, sizeof *peer);
}

static struct ble_peer *
remember(struct ble *ble, const char *path)
{
	struct ble_peer *peer = NULL;

	for (size_t i = 0; i < BLE_PEERS && peer == NULL; i++)
		if (!ble->peers[i].used)
			peer = &ble->peers[i];
	uint8_t *buf = peer != NULL ? malloc(BLE_IN_SIZE) : NULL;
	if (buf == NULL) {
		ble->host->log(ble->host, CSN_LOG_WARN, "%s: no room for one more device", path);
		return NULL;
	}
	*peer = (struct ble_peer){ .ble = ble, .used = true, .write_fd = -1, .read_fd = -1,
		                   .value_len = BLE_VALUE_MIN, .buf = buf };
	snprintf(peer->path, sizeof peer->path, "%s", path);
	ble_in_init(&peer->in, buf);
	return peer;
}

/* The link is down: what was half said is said from its start to the next one. */
static void
lost(struct ble_peer *peer)
{
	struct ble *ble = peer->ble;
	char path[BLE_PATH];

	memcpy(path, peer->path, sizeof path);
	forget(peer);
	ble->host->log(ble->host, CSN_LOG_INFO, "%s is out of reach", path);
	ble_bus_gone(ble, path);
}

/* ---- coming in ------------------------------------------------------------------------------ */

/* A central has subscribed: what is shown is said in values that fit it, too. */
static void
greeted(struct ble *ble, uint32_t mtu)
{
	const size_t len = value_len(ble, mtu);

	if (ble->mode != BLE_PERIPHERAL)
		return;
	if (ble->notify_len == 0 || len < ble->notify_len)
		ble->notify_len = len;
	ble_trouble(ble, CSN_LOG_DEBUG, "");
	say_all(ble);
}

static void
take(struct ble_peer *peer, struct csn_bytes value)
{
	if (ble_greeted(value) != 0) {
		greeted(peer->ble, ble_greeted(value));
		return;
	}
	const struct csn_host *host = peer->ble->host;
	const uint32_t bad = peer->in.bad;
	const struct csn_bytes message = ble_take(&peer->in, value);

	if (peer->in.bad != bad)
		host->log(host, CSN_LOG_DEBUG, "%s: a value of %zu bytes is no fragment",
		          peer->path, value.len);
	if (message.len == 0)
		return;
	host->log(host, CSN_LOG_DEBUG, "%s: %zu bytes came in %u values", peer->path,
	          message.len, (unsigned)peer->in.values);
	csn_inbox_put(&peer->ble->inbox, message);
}

static void
on_notified(void *self, int fd, uint32_t ready)
{
	struct ble_peer *peer = self;
	uint8_t value[BLE_VALUE_MAX];

	(void)ready;
	for (;;) {
		const ssize_t n = recv(fd, value, sizeof value, MSG_DONTWAIT);
		if (n > 0) {
			take(peer, (struct csn_bytes){ value, (size_t)n });
			continue;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			lost(peer);
		return;
	}
}

/* ---- going out --------------------------------------------------------------------------- */

static void
on_writable(void *self, int fd, uint32_t ready)
{
	struct ble_peer *peer = self;

	(void)fd;
	if ((ready & CSN_HANGUP) != 0)
		lost(peer);
	else
		pump(peer->ble);
}

/* 1: it was taken, 0: later, -1: the link is down. */
static int
put(struct ble_peer *peer, const uint8_t *value, size_t len)
{
	const ssize_t n = send(peer->write_fd, value, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n == (ssize_t)len)
		return 1;
	if (n >= 0 || (errno != EAGAIN && errno != EINTR && errno != ENOBUFS))
		return -1;
	if (peer->write_watch == NULL)
		peer->write_watch = peer->ble->host->watch_add(
			peer->ble->host, peer->write_fd, CSN_WRITABLE, on_writable, peer);
	return peer->write_watch != NULL ? 0 : -1;
}

/* All values there are for one peer of a central; true when it has everything. */
static bool
write_peer(struct ble_peer *peer)
{
	const struct csn_bytes message = shown(peer->ble);
	uint8_t value[BLE_VALUE_MAX];
	int r = 1;

	while (r == 1 && message.len > 0) {
		const size_t len = ble_value(message, peer->value_len, peer->index, value);
		if (len == 0)
			break;
		r = put(peer, value, len);
		peer->index += r == 1;
	}
	if (r < 0) {
		lost(peer);
		return false;
	}
	if (r == 1) {
		peer->ble->host->watch_drop(peer->write_watch);
		peer->write_watch = NULL;
	}
	return r == 1 && message.len > 0;
}

/* A peripheral says everything to everybody at once. */
static void
say_all(struct ble *ble)
{
	const struct csn_bytes message = shown(ble);
	uint8_t value[BLE_VALUE_MAX];
	size_t len;

	if (!ble->subscribed || ble->notify_len == 0 || message.len == 0)
		return;
	for (size_t i = 0; (len = ble_value(message, ble->notify_len, i, value)) > 0; i++)
		ble_bus_notify(ble, (struct csn_bytes){ value, len });
	ble->host->log(ble->host, CSN_LOG_DEBUG, "%zu bytes went out in values of %zu",
	               message.len, ble->notify_len);
	csn_outbox_end(&ble->outbox, CSN_OK);
}

static void
pump(struct ble *ble)
{
	bool carried = false;

	for (size_t i = 0; i < BLE_PEERS; i++)
		carried |= ble->peers[i].used && write_peer(&ble->peers[i]);
	if (carried)
		csn_outbox_end(&ble->outbox, CSN_OK);
}

/* ---- news of the thread ------------------------------------------------------------------- */

void
ble_joined(struct ble *ble, const char *path, int write_fd, int read_fd, uint32_t mtu)
{
	struct ble_peer *peer = find(ble, path);

	if (peer != NULL)
		forget(peer);
	peer = remember(ble, path);
	if (peer == NULL) {
		if (write_fd >= 0)
			close(write_fd);
		close(read_fd);
		return;
	}
	peer->write_fd = write_fd;
	peer->read_fd = read_fd;
	peer->value_len = value_len(ble, mtu);
	peer->read_watch = ble->host->watch_add(ble->host, read_fd, CSN_READABLE, on_notified,
	                                          peer);
	ble_trouble(ble, CSN_LOG_DEBUG, "");
	ble->host->log(ble->host, CSN_LOG_INFO, "%s is here, MTU %u", path, (unsigned)mtu);
	if (peer->read_watch == NULL)
		lost(peer);
	if (ble->mode == BLE_CENTRAL)
		pump(ble);
}

void
ble_written(struct ble *ble, const char *path, struct csn_bytes value)
{
	struct ble_peer *peer = find(ble, path);

	if (peer == NULL)
		peer = remember(ble, path);
	if (peer != NULL)
		take(peer, value);
}

void
ble_subscribed(struct ble *ble, bool on)
{
	ble->subscribed = on;
	if (!on)
		ble->notify_len = 0;
	say_all(ble);
}

void
ble_trouble(struct ble *ble, int level, const char *text)
{
	if (strcmp(ble->trouble, text) == 0)
		return;
	snprintf(ble->trouble, sizeof ble->trouble, "%s", text);
	if (text[0] != '\0')
		ble->host->log(ble->host, level, "%s", text);
}

/* ---- operations -------------------------------------------------------------------------------- */

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	const struct ble *ble = self;

	ret_caps->direction   = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret_caps->medium      = CSN_MEDIUM_NONE;
	ret_caps->traits      = CSN_TRAIT_PROXIMITY | CSN_TRAIT_BROADCAST;
	ret_caps->max_message = ble->limit;
	ret_caps->medium_name = ble->medium;
	return CSN_OK;
}

static void
forget_shown(struct ble *ble)
{
	ble->host->buf_unref(ble->shown);
	ble->shown = NULL;
	for (size_t i = 0; i < BLE_PEERS; i++)
		ble->peers[i].index = 0;
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct ble *ble = self;
	const struct csn_host *host = ble->host;
	struct csn_buf *copy;
	int r = csn_outbox_take(&ble->outbox, op, message, ble->limit, "this channel", &copy);

	if (r < 0)
		return r;
	if (ble_fits(message, BLE_VALUE_MAX) < 0)
		return csn_outbox_refuse(&ble->outbox, copy,
		                         host->fail(host->op_error(op), CSN_E_TOO_BIG,
		                                    "message is %zu bytes, over what its kind may "
		                                    "be (section 11)", message.len));
	forget_shown(ble);
	ble->shown = copy;
	if (ble->mode == BLE_PERIPHERAL)
		say_all(ble);
	else
		pump(ble);
	return CSN_OK;
}

static int
receive(void *self, struct csn_op *op)
{
	struct ble *ble = self;

	return csn_inbox_receive(&ble->inbox, op);
}

static void
rest(void *self)
{
	struct ble *ble = self;

	forget_shown(ble);
	csn_outbox_end(&ble->outbox, CSN_E_CANCELLED);
}

static void
cancel(void *self, struct csn_op *op)
{
	struct ble *ble = self;

	if (!csn_inbox_cancel(&ble->inbox, op) && op == ble->outbox.sending)
		rest(ble);
}

static int
diagnose(void *self, char *text, size_t len)
{
	const struct ble *ble = self;
	size_t peers = 0;

	if (len == 0)
		return CSN_E_INVALID;
	for (size_t i = 0; i < BLE_PEERS; i++)
		peers += ble->peers[i].used;
	if (ble->trouble[0] != '\0')
		snprintf(text, len, "%s", ble->trouble);
	else
		snprintf(text, len, "adapter %s, %zu devices connected, no message came",
		         ble->adapter, peers);
	return CSN_OK;
}

int
ble_start(struct ble *ble, struct csn_error *err)
{
	ble->glib = csn_glib_new(ble->host);
	if (ble->glib == NULL)
		return ble->host->fail(err, CSN_E_NOMEM, "no thread for D-Bus");
	return ble_bus_start(ble, err);
}

void
ble_stop(struct ble *ble)
{
	if (ble->bus != NULL)
		ble_bus_stop(ble);
	csn_glib_free(ble->glib);
	ble->glib = NULL;
	for (size_t i = 0; i < BLE_PEERS; i++)
		forget(&ble->peers[i]);
	rest(ble);
	csn_inbox_done(&ble->inbox);
}

const struct csn_channel_ops ble_ops = {
	.size     = sizeof ble_ops,
	.caps     = caps,
	.send     = send_message,
	.receive  = receive,
	.cancel   = cancel,
	.rest     = rest,
	.diagnose = diagnose,
};
