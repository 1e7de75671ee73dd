/* A channel over named pipes: each message behind its length in four bytes. */
#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/channel.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 4, LIMIT = 65536 };

struct way { /* one direction: its pipe, who waits, what is under way         */
	int               fd;
	struct csn_op    *op;
	struct csn_watch *watch;
	uint8_t           bytes[HEAD + LIMIT];
	size_t            len, done;
};

struct instance {
	const struct csn_host *host;
	uint32_t               limit;
	char                  *in, *out; /* paths; NULL: not that way         */
	struct way             from, to;
};

static const struct csn_option options[] = {
	CSN_OPTION_U32(struct instance, limit, 4096, 1, 65536, "largest message, in bytes"),
	CSN_OPTION_PATH(struct instance, in, NULL, 0, "pipe to read from"),
	CSN_OPTION_PATH(struct instance, out, NULL, 0, "pipe to write to"),
	CSN_OPTION_END
};

static int
caps(void *self, struct csn_channel_caps *caps)
{
	const struct instance *me = self;

	caps->direction   = (me->in ? CSN_RECEIVE : 0u) | (me->out ? CSN_SEND : 0u);
	caps->medium      = CSN_MEDIUM_NONE;
	caps->max_message = me->limit;
	caps->medium_name = "fifo";
	return CSN_OK;
}

/* The one place where an operation ends; one that was cancelled is no longer there. */
static void
end(struct instance *me, struct way *way, int result, struct csn_buf *message)
{
	struct csn_op *op = way->op;

	me->host->watch_drop(way->watch);
	way->watch = NULL;
	way->op    = NULL;
	if (op != NULL)
		me->host->op_done(op, result, message);
}

/* How long what is coming in will be, as far as is known. */
static size_t
whole(const struct way *way)
{
	uint32_t length = 0;

	memcpy(&length, way->bytes, way->len < HEAD ? 0 : HEAD);
	return HEAD + (size_t)length;
}

static void
readable(void *self, int fd, uint32_t ready)
{
	struct instance *me = self;
	struct way      *in = &me->from;
	ssize_t          n  = read(fd, in->bytes + in->len, whole(in) - in->len);

	(void)ready;
	in->len += n > 0 ? (size_t)n : 0;
	if (in->len == HEAD && (whole(in) == HEAD || whole(in) > HEAD + me->limit)) {
		while (read(fd, in->bytes, sizeof in->bytes) > 0)
			continue; /* nobody knows where the next one begins       */
		in->len = 0;
		me->host->log(me->host, CSN_LOG_WARN, "%s held no message", me->in);
	}
	if (in->len <= HEAD || in->len < whole(in))
		return;
	struct csn_buf *message = me->host->buf_new(in->bytes + HEAD, in->len - HEAD, 0);
	in->len                 = 0;
	end(me, in, message != NULL ? CSN_OK : CSN_E_NOMEM, message);
}

static void
writable(void *self, int fd, uint32_t ready)
{
	struct instance *me  = self;
	struct way      *out = &me->to;
	ssize_t          n   = write(fd, out->bytes + out->done, out->len - out->done);

	(void)ready;
	out->done += n > 0 ? (size_t)n : 0;
	if (out->done == out->len || (n < 0 && errno != EAGAIN && errno != EINTR))
		end(me, out, out->done == out->len ? CSN_OK : CSN_E_IO, NULL);
}

static int
start(struct instance *me, struct way *way, struct csn_op *op, uint32_t want, csn_fd_fn *fn)
{
	if (way->watch != NULL)
		return me->host->fail(me->host->op_error(op), CSN_E_BUSY, "one is under way");
	way->watch = me->host->watch_add(me->host, way->fd, want, fn, me);
	if (way->watch == NULL)
		return me->host->fail(me->host->op_error(op), CSN_E_NOMEM, "no memory");
	way->op = op;
	return CSN_OK;
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct instance       *me   = self;
	const struct csn_host *host = me->host;
	struct csn_error      *err  = host->op_error(op);

	if (message.len == 0)
		return host->fail(err, CSN_E_INVALID, "an empty message cannot be sent");
	if (message.len > me->limit)
		return host->fail(err, CSN_E_TOO_BIG, "message is %zu bytes, at most %u fit",
		                  message.len, (unsigned)me->limit);
	int r = start(me, &me->to, op, CSN_WRITABLE, writable);
	if (r < 0)
		return r;
	const uint32_t length = (uint32_t)message.len;
	memcpy(me->to.bytes, &length, HEAD);
	memcpy(me->to.bytes + HEAD, message.ptr, message.len);
	me->to.len  = HEAD + message.len;
	me->to.done = 0;
	return CSN_OK;
}

static int
receive(void *self, struct csn_op *op)
{
	struct instance *me = self;

	return start(me, &me->from, op, CSN_READABLE, readable);
}

static void
cancel(void *self, struct csn_op *op)
{
	struct instance *me = self;
	struct way      *way = op == me->to.op ? &me->to : &me->from;

	if (op != way->op)
		return;
	if (way == &me->from || way->done == 0)
		end(me, way, CSN_E_CANCELLED, NULL);
	else
		me->host->op_done(op, CSN_E_CANCELLED, NULL);
	way->op = NULL; /* half a message goes on alone: the next begins behind it */
}

static void
rest(void *self)
{
	(void)self; /* nothing is shown or played */
}

static const struct csn_channel_ops ops = {
	.size    = sizeof ops,
	.caps    = caps,
	.send    = send_message,
	.receive = receive,
	.cancel  = cancel,
	.rest    = rest,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size    = sizeof component,
	.kind    = CSN_KIND_CHANNEL,
	.name    = "fifo",
	.summary = "carries messages through named pipes",
	.options = options,
	.create  = create,
	.destroy = destroy,
	.ops.channel = &ops,
};

/* Both ends hold the pipe open for both ways, so it outlives whoever is not there yet. */
static int
open_pipe(struct instance *me, const char *path, int *ret_fd, struct csn_error *err)
{
	if (path != NULL && ((mkfifo(path, 0600) < 0 && errno != EEXIST) ||
	                     (*ret_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0))
		return me->host->fail(err, CSN_E_IO, "%s: %s", path, strerror(errno));
	return CSN_OK;
}

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct instance *me = calloc(1, sizeof *me);
	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for channel fifo");
	me->host = host;
	me->from.fd = me->to.fd = -1;
	int r    = host->bind(config, &component, me, err);
	if (r == CSN_OK && me->in == NULL && me->out == NULL)
		r = host->fail(err, CSN_E_CONFIG, "in or out has to name a pipe");
	r = r < 0 ? r : open_pipe(me, me->in, &me->from.fd, err);
	r = r < 0 ? r : open_pipe(me, me->out, &me->to.fd, err);
	if (r < 0) {
		destroy(me);
		return r;
	}
	*ret_self = me;
	return CSN_OK;
}

static void
destroy(void *self)
{
	struct instance *me = self;

	if (me == NULL)
		return;
	me->host->watch_drop(me->from.watch);
	me->host->watch_drop(me->to.watch);
	close(me->from.fd); /* of -1, too */
	close(me->to.fd);
	free(me);
}

CSN_PLUGIN(channel_fifo, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
