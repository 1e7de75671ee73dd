/*
 * Tries what a plugin may not: a channel that does as each message says, with a media of
 * sound and without, and a verifier that does as its evidence says.  The answer is the
 * text of the send that fails: "open 1" is errno 1; or it is how the process ends.
 */
#include <countersign/attest.h>
#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/media.h>
#include <countersign/plugin.h>

#include "modules/prisoner-attempts.h"
#include "modules/prisoner-doors.h"

#include <stdio.h>
#include <stdlib.h>

#define WIRE_FD 3

struct prisoner {
	const struct csn_host *host;
	char                  *mark; /* an option's text: is in memory for sure */
	char                  *gate; /* what the core may open for it          */
	struct csn_op         *receiving, *sending;
	int                    heard; /* messages wanted by "say"             */
	int                    found[2]; /* what create saw: canary, mark      */
	uint32_t               fds;
	uint32_t               count; /* an option that nobody sets           */
};

struct cell {
	const struct csn_host *host;
	char                  *room;
};

static const struct csn_option options[] = {
	CSN_OPTION_STRING(struct prisoner, mark, NULL, 0, 64, "text to look for"),
	CSN_OPTION_PATH(struct prisoner, gate, NULL, 0, "what may be opened later"),
	/* Not set it is 0, which is out of its bounds and has to come through all the same. */
	{ .key = "count", .type = CSN_U32, .min = 1, .max = 9, .help = "a number",
	  .offset = offsetof(struct prisoner, count) },
	CSN_OPTION_END
};
static const struct csn_option cell_options[] = {
	CSN_OPTION_PATH(struct cell, room, NULL, 0, "folder that may be opened"),
	CSN_OPTION_END
};

/* ---- what it can see ---------------------------------------------------------- */

/* Turned round, so that this module itself does not hold what it looks for. */
static void
canary(char out[17])
{
	static const char turned[] = "yek-terces-yranac";

	for (size_t i = 0; i < 17; i++)
		out[i] = turned[16 - i];
}

static int
count_in(const char *from, size_t len, const char *what, size_t what_len)
{
	int n = 0;

	for (size_t i = 0; i + what_len <= len; i++)
		n += memcmp(from + i, what, what_len) == 0;
	return n;
}

/* All memory that can be read and written, the environment and arguments among it. */
__attribute__((no_sanitize("address"))) static int
count_in_memory(const char *what, size_t what_len)
{
	FILE         *maps = fopen("/proc/self/maps", "re");
	char          line[512], rights[5];
	unsigned long from, to;
	int           n = 0;

	while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3 && rights[0] == 'r' &&
		    rights[1] == 'w' && to - from < (64ul << 20) && strstr(line, "[v") == NULL)
			for (const char *at = (const char *)from; at + what_len <= (const char *)to; at++) {
				size_t same = 0;

				/* Not memcmp(): a sanitizer's own looks at what lies between. */
				while (same < what_len && at[same] == what[same])
					same++;
				n += at != what && same == what_len;
			}
	if (maps != NULL)
		fclose(maps);
	return n;
}

/* Descriptors other than its own four, and what can be read from any of them. */
static uint32_t
foreign_fds(const char *what, size_t what_len, int *found)
{
	uint32_t n = 0;
	char     bytes[4096];

	for (int fd = 0; fd < 1024; fd++) {
		ssize_t got;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		n += fd > WIRE_FD;
		got = pread(fd, bytes, sizeof bytes, 0);
		if (got > 0)
			*found += count_in(bytes, (size_t)got, what, what_len);
	}
	return n;
}

static void
look_around(struct prisoner *p)
{
	char key[17];

	canary(key);
	p->found[0] = count_in_memory(key, sizeof key);
	p->fds = foreign_fds(key, sizeof key, &p->found[0]);
	if (p->mark != NULL && p->mark[0] != '\0')
		p->found[1] = count_in_memory(p->mark, strlen(p->mark));
}

/* ---- the channel -------------------------------------------------------------- */

static int
fail(struct prisoner *p, struct csn_op *op, const char *what, int number)
{
	return p->host->fail(p->host->op_error(op), CSN_E_REFUSED, "%s %d", what, number);
}

static int
unhex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* A worker that was taken over writes to the socket what it likes. */
static void
write_raw(const char *hex)
{
	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
		uint8_t byte = (uint8_t)(unhex(hex[0]) << 4 | unhex(hex[1]));
		ssize_t n = write(WIRE_FD, &byte, 1);

		(void)n;
	}
}

static void
repeat_raw(const char *hex, int times)
{
	while (times-- > 0)
		write_raw(hex);
}

static int
say(struct prisoner *p, const char *text)
{
	struct csn_op *op = p->receiving;

	if (op == NULL)
		return CSN_E_MISSING;
	p->receiving = NULL;
	p->host->op_done(op, CSN_OK, p->host->buf_new(text, strlen(text), 0));
	return CSN_OK;
}

/* ---- words -------------------------------------------------------------------- */

static int
obey(struct prisoner *p, struct csn_op *op, const char *word)
{
	size_t len = strcspn(word, " ");

	for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
		if (strlen(doors[i].name) == len && strncmp(doors[i].name, word, len) == 0)
			return fail(p, op, doors[i].name, doors[i].call(word + len + (word[len] == ' ')));
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
		if (strcmp(attempts[i].name, word) != 0)
			continue;
		errno = 0;
		long r = attempts[i].call();
		return fail(p, op, word, r < 0 ? errno : 0);
	}
	if (strcmp(word, "crash") == 0)
		__builtin_trap();
	if (strcmp(word, "abort") == 0)
		abort();
	if (strcmp(word, "hang") == 0)
		for (;;)
			__asm__ volatile("");
	if (strncmp(word, "exit ", 5) == 0)
		_exit(atoi(word + 5));
	if (strncmp(word, "raw ", 4) == 0)
		write_raw(word + 4);
	if (strncmp(word, "flood ", 6) == 0)
		repeat_raw(word + 6, 100);
	if (strncmp(word, "cut ", 4) == 0) {
		write_raw(word + 4);
		_exit(0);
	}
	if (strncmp(word, "say ", 4) == 0)
		return say(p, word + 4);
	if (strcmp(word, "canary") == 0)
		return fail(p, op, word, p->found[0]);
	if (strcmp(word, "mark") == 0)
		return fail(p, op, word, p->found[1]);
	if (strcmp(word, "fds") == 0)
		return fail(p, op, word, (int)p->fds);
	return CSN_OK;
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct prisoner *p = self;
	char             word[8192];

	snprintf(word, sizeof word, "%.*s", (int)message.len, (const char *)message.ptr);
	int r = obey(p, op, word);
	if (r == CSN_OK)
		p->host->op_done(op, CSN_OK, NULL);
	return r;
}

/* Says what came, so that the other side can compare. */
static int
send_many(void *self, struct csn_op *op, const struct csn_bytes *messages, size_t count)
{
	struct prisoner *p = self;
	char             text[256] = "";

	for (size_t i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "[%.*s]",
		         (int)messages[i].len, (const char *)messages[i].ptr);
	return p->host->fail(p->host->op_error(op), CSN_E_REFUSED, "%s", text);
}

static int
receive(void *self, struct csn_op *op)
{
	struct prisoner *p = self;

	p->receiving = op;
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct prisoner *p = self;

	if (p->receiving != op)
		return;
	p->receiving = NULL;
	p->host->op_done(op, CSN_E_CANCELLED, NULL);
}

static void
rest(void *self)
{
	(void)self;
}

static int
caps(void *self, struct csn_channel_caps *ret)
{
	(void)self;
	ret->direction = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret->max_message = 4096;
	ret->traits = CSN_TRAIT_PROXIMITY;
	ret->bytes_per_second = 7;
	ret->latency_ms = 9;
	ret->medium_name = "bars";
	ret->at_once = 3;
	return CSN_OK;
}

static int
caps_av(void *self, struct csn_channel_caps *ret)
{
	caps(self, ret);
	ret->medium = CSN_MEDIUM_AUDIO;
	return CSN_OK;
}

static int
feed(void *self, const struct csn_frame *in)
{
	(void)self, (void)in;
	return CSN_OK;
}

static int
render(void *self, struct csn_frame *out)
{
	(void)self;
	out->count = 0;
	return CSN_OK;
}

static const struct csn_channel_ops ops = {
	.size = sizeof ops, .caps = caps, .send = send_message, .receive = receive,
	.cancel = cancel, .rest = rest, .send_many = send_many,
};
static const struct csn_channel_ops ops_av = {
	.size = sizeof ops_av, .caps = caps_av, .send = send_message, .receive = receive,
	.cancel = cancel, .rest = rest, .feed = feed, .render = render,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);

static const struct csn_component channel = {
	.size = sizeof channel, .kind = CSN_KIND_CHANNEL, .name = "prisoner",
	.summary = "does as it is told", .options = options, .create = create, .destroy = free,
	.ops.channel = &ops,
};
static const struct csn_component channel_av = {
	.size = sizeof channel_av, .kind = CSN_KIND_CHANNEL, .name = "prisoner-av",
	.summary = "does as it is told, with sound", .options = options, .create = create,
	.destroy = free, .ops.channel = &ops_av,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct prisoner *p = calloc(1, sizeof *p);

	if (p == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	p->host = host;
	int r = host->bind(config, &channel, p, err);
	if (r == CSN_OK && p->mark != NULL && strcmp(p->mark, "refuse") == 0)
		r = host->fail(err, CSN_E_MISSING, "not today");
	if (r < 0) {
		free(p);
		return r;
	}
	if (p->mark != NULL)
		look_around(p);
	*ret_self = p;
	return CSN_OK;
}

/* ---- its media ---------------------------------------------------------------- */

static int
cell_caps(void *self, struct csn_media_caps *ret)
{
	(void)self;
	ret->medium = CSN_MEDIUM_AUDIO;
	ret->direction = CSN_RECEIVE;
	ret->rate_hz = 48000;
	ret->block = 480;
	return CSN_OK;
}

static int
cell_start(void *self, struct csn_op *op)
{
	const struct cell *cell = self;

	cell->host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
cell_capture(void *self, struct csn_op *op, struct csn_frame *frame)
{
	const struct cell *cell = self;

	(void)frame;
	return cell->host->fail(cell->host->op_error(op), CSN_E_MISSING, "it is quiet in here");
}

static void
cell_stop(void *self)
{
	(void)self;
}

static const struct csn_media_ops cell_ops = {
	.size = sizeof cell_ops, .caps = cell_caps, .start = cell_start,
	.capture = cell_capture, .stop = cell_stop,
};

static int cell_create(const struct csn_host *host, const struct csn_config *config,
                       void **ret_self, struct csn_error *err);

static const struct csn_component cell = {
	.size = sizeof cell, .kind = CSN_KIND_MEDIA, .name = "cell", .summary = "a quiet place",
	.options = cell_options, .create = cell_create, .destroy = free, .ops.media = &cell_ops,
};

static int
cell_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
            struct csn_error *err)
{
	struct cell *c = calloc(1, sizeof *c);

	if (c == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	c->host = host;
	int r = host->bind(config, &cell, c, err);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret_self = c;
	return CSN_OK;
}

/* ---- the verifier ------------------------------------------------------------- */

static const char *
type(void *self)
{
	(void)self;
	return "bars";
}

static int
verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
       struct csn_verdict *verdict)
{
	struct prisoner *p = self;
	char             word[64];

	snprintf(word, sizeof word, "%.*s", (int)evidence->value.len,
	         (const char *)evidence->value.ptr);
	int r = obey(p, op, word);
	if (r < 0)
		return r;
	verdict->judgement = strcmp(word, "reject") == 0 ? CSN_REJECTED : CSN_ACCEPTED;
	verdict->trust[CSN_TRUST_HARDWARE] = -1;
	verdict->not_after = 77;
	verdict->reason_count = 1;
	verdict->reasons[0].layer = CSN_NO_LAYER;
	snprintf(verdict->reasons[0].code, sizeof verdict->reasons[0].code, "bars.%.16s", word);
	verdict->has_key = 1;
	memset(verdict->key_hash, 0x5a, sizeof verdict->key_hash);
	snprintf(verdict->reason, sizeof verdict->reason, "bars.%.16s", word);
	snprintf(verdict->facts[0].name, sizeof verdict->facts[0].name, "identity.did");
	snprintf(verdict->facts[0].value, sizeof verdict->facts[0].value, "%.*s",
	         (int)evidence->did.len, (const char *)evidence->did.ptr);
	verdict->fact_count = 1;
	p->host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
appraise(void *self, const struct csn_evidence *evidence, struct csn_verdict *verdict)
{
	(void)self;
	if (evidence->device_class != NULL && strcmp(evidence->device_class, "low") == 0)
		verdict->judgement = CSN_REJECTED;
	return evidence->device_class != NULL && strcmp(evidence->device_class, "none") == 0 ?
	               CSN_E_UNSUPPORTED :
	               CSN_OK;
}

static int
challenge(void *self, struct csn_op *op)
{
	struct prisoner *p = self;

	if (p->mark != NULL && strcmp(p->mark, "no nonce") == 0)
		return p->host->fail(p->host->op_error(op), CSN_E_REFUSED, "no nonce today");
	p->host->op_done(op, CSN_OK, p->host->buf_new("a nonce", 7, 0));
	return CSN_OK;
}

static int
identify(void *self, const struct csn_evidence *evidence, struct csn_fact *ret_facts,
         size_t room, size_t *ret_count)
{
	(void)self;
	if (evidence->value.len >= 4 && memcmp(evidence->value.ptr, "hang", 4) == 0)
		for (;;)
			__asm__ volatile("");
	if (evidence->value.len == 0 || room < 2)
		return CSN_E_PROTOCOL;
	snprintf(ret_facts[0].name, sizeof ret_facts[0].name, "identity.name");
	snprintf(ret_facts[0].value, sizeof ret_facts[0].value, "%.*s", (int)evidence->value.len,
	         (const char *)evidence->value.ptr);
	snprintf(ret_facts[1].name, sizeof ret_facts[1].name, "identity.type");
	snprintf(ret_facts[1].value, sizeof ret_facts[1].value, "%s", evidence->type);
	*ret_count = 2;
	return CSN_OK;
}

static const struct csn_attest_ops attest_ops = {
	.size = sizeof attest_ops, .type = type, .challenge = challenge, .identify = identify,
	.verify = verify, .appraise = appraise,
};
static const struct csn_component attest = {
	.size = sizeof attest, .kind = CSN_KIND_ATTEST, .name = "prisoner",
	.summary = "judges as it is told", .options = options, .create = create,
	.destroy = free, .ops.attest = &attest_ops,
};

CSN_PLUGIN(channel_prisoner, .abi_minor = 9, .version = "1", .license = "Apache-2.0",
           .components = CSN_LIST(&channel, &channel_av, &cell, &attest));
