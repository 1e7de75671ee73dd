/* Asks on the terminal itself, not on standard input: a pipe answers nothing. */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static void
say(int fd, const char *text)
{
	char clean[512];
	size_t n = 0;

	/* Names may come from a device: no escape sequence reaches the terminal. */
	for (; *text != '\0' && n < sizeof clean; text++)
		clean[n++] = (unsigned char)*text < 0x20 && *text != '\n' ? '?'
			     : *text == 0x7f                              ? '?'
									  : *text;
	for (size_t at = 0; at < n;) {
		ssize_t w = write(fd, clean + at, n - at);

		if (w < 0 && errno != EINTR)
			return; /* a terminal that is gone is seen when reading   */
		at += w > 0 ? (size_t)w : 0;
	}
}

static void
put_away(struct tty *tty)
{
	const struct csn_host *host = tty->host;

	host->watch_drop(tty->watch);
	host->timer_drop(tty->timer);
	tty->watch = NULL;
	tty->timer = NULL;
	if (tty->echo_off) {
		tcsetattr(tty->fd, TCSAFLUSH, &tty->before);
		say(tty->fd, "\n");
	}
	tty->echo_off = 0;
	if (tty->fd >= 0)
		close(tty->fd);
	tty->fd = -1;
	csn_wipe(tty->line, sizeof tty->line);
	tty->len = 0;
}

static void
end(struct tty *tty, int result, struct csn_buf *take)
{
	struct csn_op *op = tty->op;

	tty->op = NULL;
	put_away(tty);
	tty->host->op_done(op, result, take);
}

static void
ask_again(struct tty *tty, const char *why)
{
	csn_wipe(tty->line, sizeof tty->line);
	tty->len = 0;
	say(tty->fd, why);
}

static void
on_line(struct tty *tty)
{
	size_t len = tty->len;

	if (tty->question == CSN_ASK_PIN) {
		tty->line[len] = '\0';
		if (len < tty->min_len || len > tty->max_len ||
		    strspn(tty->line, "0123456789") != len) {
			ask_again(tty,
				  "\nDigits only, of the length asked for. Again: ");
			return;
		}
		struct csn_buf *pin =
			tty->host->buf_new(tty->line, len, CSN_BUF_SECRET);
		end(tty, pin != NULL ? CSN_OK : CSN_E_NOMEM, pin);
		return;
	}
	tty->line[len] = '\0';
	if (strcmp(tty->line, "yes") == 0 || strcmp(tty->line, "y") == 0)
		end(tty, CSN_OK, NULL);
	else if (strcmp(tty->line, "no") == 0 || strcmp(tty->line, "n") == 0)
		end(tty, CSN_E_REFUSED, NULL);
	else
		ask_again(tty, "Please answer yes or no: ");
}

static void
on_ready(void *arg, int fd, uint32_t ready)
{
	struct tty *tty = arg;
	char c;

	(void)ready;
	/* One line at most a call: the rest stays in the terminal. */
	for (;;) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			tty->host->fail(tty->host->op_error(tty->op), CSN_E_MISSING,
					"the terminal went away");
			end(tty, CSN_E_MISSING, NULL);
			return;
		}
		if (c == '\n' || c == '\r') {
			csn_wipe(&c, 1);
			on_line(tty);
			return;
		}
		if (tty->len < TTY_LINE_MAX - 1)
			tty->line[tty->len++] = c;
		csn_wipe(&c, 1);
	}
}

static void
on_told(void *arg)
{
	struct tty *tty = arg;

	tty->timer = NULL;
	end(tty, CSN_OK, NULL);
}

static int
hide(struct tty *tty)
{
	struct termios quiet;

	if (tcgetattr(tty->fd, &tty->before) < 0)
		return CSN_E_MISSING;
	quiet = tty->before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(tty->fd, TCSAFLUSH, &quiet) < 0 ||
	    tcgetattr(tty->fd, &quiet) < 0 || (quiet.c_lflag & ECHO) != 0)
		return CSN_E_IO;
	tty->echo_off = 1;
	return CSN_OK;
}

static void
show(struct tty *tty, const struct csn_prompt *prompt)
{
	say(tty->fd, prompt->text != NULL ? prompt->text : "?");
	if (prompt->code != NULL && prompt->question != CSN_ASK_PIN) {
		say(tty->fd, prompt->question == CSN_ASK_COMPARE
				     ? "\n    the code here: "
				     : "  ");
		say(tty->fd, prompt->code);
	}
	say(tty->fd, prompt->question == CSN_TELL      ? "\n"
		     : prompt->question == CSN_ASK_PIN ? ": "
						       : " [yes/no] ");
}

static int
tty_ask(void *self, struct csn_op *op, const struct csn_prompt *prompt)
{
	struct tty *tty = self;
	const struct csn_host *host = tty->host;

	if (prompt->question < CSN_ASK_CONFIRM || prompt->question > CSN_TELL)
		return CSN_E_UNSUPPORTED;
	if (tty->op != NULL)
		return CSN_E_BUSY;
	tty->fd = open(tty->device, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (tty->fd < 0 || isatty(tty->fd) != 1) {
		host->fail(host->op_error(op), CSN_E_MISSING,
			   "nobody to ask: %s is no terminal here", tty->device);
		put_away(tty);
		return CSN_E_MISSING;
	}
	tty->question = prompt->question;
	tty->min_len = prompt->min_len;
	tty->max_len = prompt->max_len != 0 ? prompt->max_len : TTY_LINE_MAX - 1;
	int r = prompt->question == CSN_ASK_PIN ? hide(tty) : CSN_OK;
	if (r == CSN_OK) {
		show(tty, prompt);
		if (prompt->question == CSN_TELL)
			tty->timer =
				host->timer_add(host, host->now(host), on_told, tty);
		else
			tty->watch = host->watch_add(host, tty->fd, CSN_READABLE,
						     on_ready, tty);
		if (tty->timer == NULL && tty->watch == NULL)
			r = CSN_E_NOMEM;
	}
	if (r < 0)
		put_away(tty);
	else
		tty->op = op;
	return r;
}

static void
tty_cancel(void *self, struct csn_op *op)
{
	struct tty *tty = self;

	if (tty->op == op)
		end(tty, CSN_E_CANCELLED, NULL);
}

const struct csn_prompt_ops tty_ops = {
	.size = sizeof tty_ops,
	.ask = tty_ask,
	.cancel = tty_cancel,
};

int
tty_create(const struct csn_host *host, const struct csn_config *config,
	   void **ret_self, struct csn_error *err)
{
	struct tty *tty = calloc(1, sizeof *tty);
	if (tty == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a prompt");

	tty->host = host;
	tty->fd = -1;
	int r = host->bind(config, &tty_component, tty, err);
	if (r < 0) {
		tty_destroy(tty);
		return r;
	}
	*ret_self = tty;
	return CSN_OK;
}

void
tty_destroy(void *self)
{
	struct tty *tty = self;

	if (tty == NULL)
		return;
	put_away(tty);
	free(tty);
}
