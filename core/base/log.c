/* Lines are built in one bounded buffer and leave in one write. */
#include "core/base/log.h"

#include "core/base/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Escapes grow one byte to six at most, and a level, a name and braces come on top. */
#define LINE_ROOM (6 * CSN_LOG_LINE + 512)
#define HIDE_MIN  4

struct hidden {
	struct hidden *next;
	size_t         len;
	char           text[];
};

struct csn_log {
	int                fd, level;
	enum csn_log_style style;
	pthread_mutex_t    lock;
	struct hidden     *hidden;
	size_t             hidden_max; /* longest of them                     */
};

struct line {
	char   text[LINE_ROOM];
	size_t len;
};

struct csn_log *
csn_log_new(int fd, enum csn_log_style style, int level)
{
	struct csn_log *log = calloc(1, sizeof *log);

	if (log == NULL)
		return NULL;
	if (pthread_mutex_init(&log->lock, NULL) != 0) {
		free(log);
		return NULL;
	}
	log->fd = fd;
	log->style = style;
	log->level = level;
	return log;
}

void
csn_log_free(struct csn_log *log)
{
	struct hidden *next;

	if (log == NULL)
		return;
	for (struct hidden *h = log->hidden; h != NULL; h = next) {
		next = h->next;
		csn_wipe(h->text, h->len);
		free(h);
	}
	pthread_mutex_destroy(&log->lock);
	free(log);
}

int
csn_log_hide(struct csn_log *log, const char *secret)
{
	size_t         len = strlen(secret);
	struct hidden *h;

	if (len < HIDE_MIN)
		return CSN_E_INVALID;
	h = malloc(sizeof *h + len + 1);
	if (h == NULL)
		return CSN_E_NOMEM;
	h->len = len;
	memcpy(h->text, secret, len + 1);
	pthread_mutex_lock(&log->lock);
	h->next = log->hidden;
	log->hidden = h;
	if (len > log->hidden_max)
		log->hidden_max = len;
	pthread_mutex_unlock(&log->lock);
	return CSN_OK;
}

/*
 * Stars are shorter than any secret, so this works in place.  Where @text was cut off
 * its end may be half a secret, which nothing would match: that much goes, too.
 */
static void
hide(const struct csn_log *log, char *text, int cut_off)
{
	size_t len;

	for (const struct hidden *h = log->hidden; h != NULL; h = h->next) {
		char *at = text;

		while ((at = strstr(at, h->text)) != NULL) {
			memset(at, '*', 3);
			memmove(at + 3, at + h->len, strlen(at + h->len) + 1);
			at += 3;
		}
	}
	len = strlen(text);
	if (cut_off)
		text[len > log->hidden_max ? len - log->hidden_max : 0] = '\0';
}

static void
put(struct line *line, const char *text)
{
	size_t len = strlen(text);

	if (len >= sizeof line->text - line->len)
		len = sizeof line->text - line->len - 1;
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

/* How many bytes of well-formed UTF-8 without control characters start at @s, or 0. */
static size_t
clean_bytes(const unsigned char *s)
{
	uint32_t code;
	size_t   more;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		more = 1;
	else if ((s[0] & 0xf0) == 0xe0)
		more = 2;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		more = 3;
	else
		return 0;
	code = s[0] & (0x3fu >> more);
	for (size_t i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fu);
	}
	if (code < 0xa0 || (more == 2 && code < 0x800) || (code >= 0xd800 && code < 0xe000) ||
	    (more == 3 && (code < 0x10000 || code > 0x10ffff)))
		return 0;
	/* Marks that change the order of what a terminal shows. */
	if ((code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069))
		return 0;
	return more + 1;
}

/* Everything that could move a cursor, end a line or break a parser is spelled out. */
static void
put_escaped(struct line *line, const char *text, int json)
{
	const unsigned char *s = (const unsigned char *)text;
	char                 piece[8];

	while (*s != '\0') {
		size_t n = clean_bytes(s);

		if (n == 0) {
			snprintf(piece, sizeof piece, json ? "\\u%04x" : "\\x%02x", *s);
			n = 1;
		} else if (json && (*s == '"' || *s == '\\')) {
			snprintf(piece, sizeof piece, "\\%c", *s);
		} else {
			memcpy(piece, s, n);
			piece[n] = '\0';
		}
		put(line, piece);
		s += n;
	}
}

static const char *
level_word(int level)
{
	static const char *const words[] = { "error: ", "warning: ", "", "", "debug: " };

	return level <= CSN_LOG_ERROR ? words[0] :
	       level >= CSN_LOG_DEBUG ? words[4] :
	                                words[level - CSN_LOG_ERROR];
}

static void
build(struct line *line, enum csn_log_style style, int level, const char *from,
      const char *text)
{
	char head[64];
	int  json = style == CSN_LOG_JSON;

	if (style == CSN_LOG_TEXT)
		snprintf(head, sizeof head, "%s", level_word(level));
	else if (style == CSN_LOG_JOURNAL)
		snprintf(head, sizeof head, "<%d>", level);
	else
		snprintf(head, sizeof head, "{\"schema\":1,\"level\":%d,\"from\":\"", level);
	put(line, head);
	put_escaped(line, from, json);
	put(line, json ? "\",\"text\":\"" : from[0] != '\0' ? ": " : "");
	put_escaped(line, text, json);
	put(line, json ? "\"}\n" : "\n");
}

static void
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* a log that cannot be written has nowhere to say so */
		text += n;
		len -= (size_t)n;
	}
}

void
csn_log_vline(struct csn_log *log, int level, const char *from, const char *fmt,
              va_list args)
{
	char        text[2 * CSN_LOG_LINE];
	char        name[64];
	struct line line = { .len = 0 };
	int         n;

	if (log == NULL || level > log->level)
		return;
	n = vsnprintf(text, sizeof text, fmt, args);
	if (n < 0)
		return;
	pthread_mutex_lock(&log->lock);
	hide(log, text, (size_t)n >= sizeof text);
	pthread_mutex_unlock(&log->lock);
	if (strlen(text) >= CSN_LOG_LINE)
		memcpy(text + CSN_LOG_LINE - 4, "...", 4);
	snprintf(name, sizeof name, "%s", from != NULL ? from : "");
	build(&line, log->style, level, name, text);
	write_all(log->fd, line.text, line.len);
}

void
csn_log_line(struct csn_log *log, int level, const char *from, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	csn_log_vline(log, level, from, fmt, args);
	va_end(args);
}
