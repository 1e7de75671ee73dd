#include "nfc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Something the thread has to tell. */
struct nfc_news {
	struct nfc_news *next;
	struct csn_buf  *message;
	uint32_t         name; /* of the message that was carried, or not      */
	int              result;
	char             why[96];
};

/* ---- from the thread ------------------------------------------------------------------- */

static struct nfc_news *
news_new(struct nfc *nfc)
{
	struct nfc_news *news = calloc(1, sizeof *news);

	if (news == NULL)
		nfc->host->log(nfc->host, CSN_LOG_ERROR, "no memory for a message");
	return news;
}

static void
news_free(struct nfc *nfc, struct nfc_news *news)
{
	nfc->host->buf_unref(news->message);
	free(news);
}

static void
news_post(struct nfc *nfc, struct nfc_news *news)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&nfc->lock);
	*nfc->news_tail = news;
	nfc->news_tail = &news->next;
	pthread_mutex_unlock(&nfc->lock);
	const ssize_t n = write(nfc->news_fd, &one, sizeof one);
	(void)n; /* a full counter is readable as well */
}

void
nfc_arrived(struct nfc *nfc, struct csn_bytes message)
{
	struct nfc_news *news = news_new(nfc);

	if (news == NULL)
		return;
	news->message = nfc->host->buf_new(message.ptr, message.len, 0);
	if (news->message == NULL)
		news_free(nfc, news);
	else
		news_post(nfc, news);
}

void
nfc_carried(struct nfc *nfc, uint32_t name, int result, const char *why)
{
	struct nfc_news *news = name != 0 ? news_new(nfc) : NULL;

	if (news == NULL)
		return;
	news->name = name;
	news->result = result;
	snprintf(news->why, sizeof news->why, "%s", why != NULL ? why : "");
	news_post(nfc, news);
}

void
nfc_trouble(struct nfc *nfc, int level, const char *text)
{
	pthread_mutex_lock(&nfc->lock);
	const bool same = strcmp(nfc->trouble, text) == 0;
	snprintf(nfc->trouble, sizeof nfc->trouble, "%s", text);
	pthread_mutex_unlock(&nfc->lock);
	if (!same && text[0] != '\0')
		nfc->host->log(nfc->host, level, "%s", text);
}

/* ---- on the loop ------------------------------------------------------------------------- */

static void
tell(struct nfc *nfc, const struct nfc_news *news)
{
	if (news->message != NULL)
		csn_inbox_put(&nfc->inbox, nfc->host->buf_bytes(news->message));
	if (news->name == 0 || news->name != nfc->name || nfc->outbox.sending == NULL)
		return;
	if (news->result < 0)
		nfc->host->fail(nfc->host->op_error(nfc->outbox.sending), news->result, "%s",
		                news->why);
	csn_outbox_end(&nfc->outbox, news->result);
}

static void
hear(void *arg, int fd, uint32_t ready)
{
	struct nfc *nfc = arg;
	uint64_t count;
	const ssize_t n = read(fd, &count, sizeof count);

	(void)ready;
	(void)n;
	pthread_mutex_lock(&nfc->lock);
	struct nfc_news *news = nfc->news;
	nfc->news = NULL;
	nfc->news_tail = &nfc->news;
	pthread_mutex_unlock(&nfc->lock);
	while (news != NULL) {
		struct nfc_news *next = news->next;

		tell(nfc, news);
		news_free(nfc, news);
		news = next;
	}
}

/* @message NULL: nothing is shown any more. */
static int
show(struct nfc *nfc, struct csn_buf *message)
{
	uint32_t name = 0;
	int r = CSN_OK;

	while (message != NULL && name == 0 && r == CSN_OK)
		r = nfc->host->random(nfc->host, &name, sizeof name);
	if (r < 0)
		return r;
	pthread_mutex_lock(&nfc->lock);
	nfc->host->buf_unref(nfc->shown);
	nfc->shown = message;
	nfc->name = name;
	nfc_wake(nfc);
	pthread_mutex_unlock(&nfc->lock);
	return CSN_OK;
}

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	const struct nfc *nfc = self;

	ret_caps->direction   = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret_caps->medium      = CSN_MEDIUM_NONE;
	ret_caps->traits      = CSN_TRAIT_PROXIMITY | CSN_TRAIT_ATTENDED;
	ret_caps->max_message = nfc->limit;
	ret_caps->latency_ms  = nfc->poll_ms;
	ret_caps->medium_name = nfc->medium;
	return CSN_OK;
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct nfc *nfc = self;
	const struct csn_host *host = nfc->host;
	struct csn_buf *copy;
	int r = csn_outbox_take(&nfc->outbox, op, message, nfc->limit, "this reader", &copy);

	if (r == CSN_OK && (r = show(nfc, copy)) < 0)
		return csn_outbox_refuse(&nfc->outbox, copy,
		                         host->fail(host->op_error(op), r, "no random numbers"));
	return r;
}

static int
receive(void *self, struct csn_op *op)
{
	struct nfc *nfc = self;

	return csn_inbox_receive(&nfc->inbox, op);
}

static void
rest(void *self)
{
	struct nfc *nfc = self;

	show(nfc, NULL);
	csn_outbox_end(&nfc->outbox, CSN_E_CANCELLED);
}

static void
cancel(void *self, struct csn_op *op)
{
	struct nfc *nfc = self;

	if (!csn_inbox_cancel(&nfc->inbox, op) && op == nfc->outbox.sending)
		rest(nfc);
}

static int
diagnose(void *self, char *text, size_t len)
{
	struct nfc *nfc = self;

	if (len == 0)
		return CSN_E_INVALID;
	pthread_mutex_lock(&nfc->lock);
	snprintf(text, len, "%s", nfc->trouble[0] != '\0' ?
	                                  nfc->trouble :
	                                  "a tag is on the reader, no message came from it");
	pthread_mutex_unlock(&nfc->lock);
	return CSN_OK;
}

int
nfc_start(struct nfc *nfc, struct csn_error *err)
{
	nfc->reader.chunk = nfc->chunk;
	nfc->reader.in.cap = nfc->limit;
	nfc->reader.in.buf = malloc(nfc->limit);
	if (nfc->reader.in.buf == NULL)
		return nfc->host->fail(err, CSN_E_NOMEM, "no memory for a message");
	nfc->news_tail = &nfc->news;
	nfc->news_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (nfc->news_fd >= 0)
		nfc->watch = nfc->host->watch_add(nfc->host, nfc->news_fd, CSN_READABLE, hear, nfc);
	if (nfc->watch == NULL)
		return nfc->host->fail(err, CSN_E_NOMEM, "no memory for a watch");
	if (pthread_create(&nfc->thread, NULL, nfc_thread, nfc) != 0)
		return nfc->host->fail(err, CSN_E_NOMEM, "no thread for the reader");
	nfc->running = true;
	return CSN_OK;
}

void
nfc_stop(struct nfc *nfc)
{
	pthread_mutex_lock(&nfc->lock);
	nfc->stop = true;
	nfc_wake(nfc);
	pthread_mutex_unlock(&nfc->lock);
	if (nfc->running)
		pthread_join(nfc->thread, NULL);
	while (nfc->news != NULL) {
		struct nfc_news *next = nfc->news->next;

		news_free(nfc, nfc->news);
		nfc->news = next;
	}
	nfc->host->watch_drop(nfc->watch);
	if (nfc->news_fd >= 0)
		close(nfc->news_fd);
	rest(nfc);
	csn_inbox_done(&nfc->inbox);
	if (nfc->reader.in.buf != NULL)
		csn_wipe(nfc->reader.in.buf, nfc->limit);
	free(nfc->reader.in.buf);
}

const struct csn_channel_ops nfc_ops = {
	.size     = sizeof nfc_ops,
	.caps     = caps,
	.send     = send_message,
	.receive  = receive,
	.cancel   = cancel,
	.rest     = rest,
	.diagnose = diagnose,
};
