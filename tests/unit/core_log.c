/* log, buf, error and host: what leaves the process, and what must not. */
#include "core/base/log.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/loop/op.h"
#include "core/host.h"
#include "kit/tap.h"

#include <stdio.h>
#include <unistd.h>

static FILE *file;

static const char *
logged(void)
{
	static char text[16384];
	size_t      n;

	rewind(file);
	n = fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	if (ftruncate(fileno(file), 0) < 0)
		exit(99);
	rewind(file);
	return text;
}

static const struct {
	const char        *what;
	enum csn_log_style style;
	int                level;
	const char        *from, *text, *want;
} lines[] = {
	{ "a warning as text", CSN_LOG_TEXT, CSN_LOG_WARN, "channel qr", "late",
	  "warning: channel qr: late\n" },
	{ "a remark as text has no word in front", CSN_LOG_TEXT, CSN_LOG_INFO, "", "hello",
	  "hello\n" },
	{ "an error for a journal", CSN_LOG_JOURNAL, CSN_LOG_ERROR, "x", "no", "<3>x: no\n" },
	{ "a remark as JSON", CSN_LOG_JSON, CSN_LOG_INFO, "x", "yes",
	  "{\"schema\":1,\"level\":6,\"from\":\"x\",\"text\":\"yes\"}\n" },
	{ "quotes and backslashes as JSON", CSN_LOG_JSON, CSN_LOG_INFO, "x", "\"\\",
	  "{\"schema\":1,\"level\":6,\"from\":\"x\",\"text\":\"\\\"\\\\\"}\n" },
	{ "a line break cannot make a line of its own", CSN_LOG_TEXT, CSN_LOG_INFO, "x",
	  "a\nerror: b\r", "x: a\\x0aerror: b\\x0d\n" },
	{ "nor can the name", CSN_LOG_JOURNAL, CSN_LOG_INFO, "x\n<3>", "a", "<6>x\\x0a<3>: a\n" },
	{ "an escape sequence is spelled out", CSN_LOG_TEXT, CSN_LOG_INFO, "x", "\033[2J\177",
	  "x: \\x1b[2J\\x7f\n" },
	{ "controls as JSON", CSN_LOG_JSON, CSN_LOG_INFO, "x", "\t\001",
	  "{\"schema\":1,\"level\":6,\"from\":\"x\",\"text\":\"\\u0009\\u0001\"}\n" },
	{ "UTF-8 stays", CSN_LOG_TEXT, CSN_LOG_INFO, "x", "\303\244 \342\234\223 \360\237\224\221",
	  "x: \303\244 \342\234\223 \360\237\224\221\n" },
	{ "a C1 control in UTF-8 does not", CSN_LOG_TEXT, CSN_LOG_INFO, "x", "\302\233",
	  "x: \\xc2\\x9b\n" },
	{ "nor a mark that turns the reading order", CSN_LOG_TEXT, CSN_LOG_INFO, "x",
	  "\342\200\256", "x: \\xe2\\x80\\xae\n" },
	{ "nor a byte alone, an overlong form or a surrogate", CSN_LOG_TEXT, CSN_LOG_INFO, "x",
	  "\377\300\200\340\200\200\355\240\200",
	  "x: \\xff\\xc0\\x80\\xe0\\x80\\x80\\xed\\xa0\\x80\n" },
	{ "a character cut off", CSN_LOG_TEXT, CSN_LOG_INFO, "x", "a\342\234", "x: a\\xe2\\x9c\n" },
	{ "over the level", CSN_LOG_TEXT, CSN_LOG_DEBUG, "x", "detail", "" },
};

static void
test_lines(void)
{
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct csn_log *log = csn_log_new(fileno(file), lines[i].style, CSN_LOG_INFO);
		const char     *is;

		csn_log_line(log, lines[i].level, lines[i].from, "%s", lines[i].text);
		is = logged();
		if (!tap_ok(strcmp(is, lines[i].want) == 0, "%s", lines[i].what))
			tap_note("got %s", is);
		csn_log_free(log);
	}
	csn_log_line(NULL, CSN_LOG_ERROR, "x", "nowhere");
	tap_ok(logged()[0] == '\0', "no log, no line");
}

static void
test_secrets(void)
{
	struct csn_log *log = csn_log_new(fileno(file), CSN_LOG_TEXT, CSN_LOG_INFO);
	char            text[4096], longer[1001];

	tap_is(csn_log_hide(log, "abc"), CSN_E_INVALID, "three bytes are too common to hide");
	csn_log_hide(log, "hunter2");
	csn_log_line(log, CSN_LOG_INFO, "x", "pin hunter2, again hunter2hunter2.");
	tap_ok(strcmp(logged(), "x: pin ***, again ******.\n") == 0, "a known secret is hidden");

	memset(text, 'a', sizeof text);
	memcpy(text + CSN_LOG_LINE - 4, "hunter2", 7);
	text[CSN_LOG_LINE + 100] = '\0';
	csn_log_line(log, CSN_LOG_INFO, "x", "%s", text);
	tap_ok(strstr(logged(), "hunt") == NULL, "also across the end of a long line");

	memset(text, 'a', sizeof text);
	memcpy(text + 2 * CSN_LOG_LINE - 5, "hunter2", 7);
	text[sizeof text - 1] = '\0';
	csn_log_line(log, CSN_LOG_INFO, "x", "%s", text);
	tap_is((long long)strlen(logged()), 3 + CSN_LOG_LINE - 1 + 1, "a line is bounded");

	/* Stars for two thousand bytes bring the cut end of the text into view. */
	memset(longer, 'k', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	csn_log_hide(log, longer);
	memset(text, 'k', 2000);
	csn_log_line(log, CSN_LOG_INFO, "x", "%s", text);
	tap_ok(strstr(logged(), "hunt") == NULL, "a secret cut in two does not show its half");
	csn_log_free(log);
}

static void
test_buf(void)
{
	uint8_t          bytes[3] = { 1, 2, 3 };
	struct csn_buf  *buf = csn_buf_new(bytes, 3, CSN_BUF_SECRET);
	struct csn_bytes got;

	bytes[0] = 9;
	csn_buf_unref(csn_buf_ref(buf));
	got = csn_buf_bytes(buf);
	tap_ok(got.len == 3 && memcmp(got.ptr, "\1\2\3", 3) == 0,
	       "a buf is a copy and lives while somebody refers to it");
	csn_buf_unref(buf);
	csn_buf_unref(NULL);
	tap_ok(csn_buf_new(NULL, 1, 0) == NULL && csn_buf_new("", SIZE_MAX, 0) == NULL,
	       "no bytes or too many make no buf");
	buf = csn_buf_new(NULL, 0, 0);
	tap_ok(buf != NULL && csn_buf_bytes(buf).len == 0 && csn_buf_bytes(NULL).len == 0,
	       "nothing at all is a buf, too");
	csn_buf_unref(buf);
}

static void
test_error(void)
{
	struct csn_error err = { 0 };
	char             longer[2 * CSN_ERROR_TEXT];

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	tap_is(csn_fail(NULL, CSN_E_IO, "%s", longer), CSN_E_IO, "a failure without an ear");
	csn_fail(&err, CSN_E_IO, "%s", longer);
	tap_is((long long)strlen(err.text), CSN_ERROR_TEXT - 1, "a long reason is cut");
	err = (struct csn_error){ .code = CSN_E_TIMEOUT };
	tap_ok(strcmp(csn_error_text(&err), "nothing came in time") == 0,
	       "a code without words has plain ones");
	tap_ok(strcmp(csn_result_text(-99), "unknown result") == 0 &&
	               strcmp(csn_result_text(1), "unknown result") == 0, "but no unknown code");
}

static void
test_host(void)
{
	struct csn_loop *loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	struct csn_log  *log = csn_log_new(fileno(file), CSN_LOG_TEXT, CSN_LOG_INFO);
	struct csn_host *host = csn_host_new(loop, log, "channel qr");
	int              trusted = 1;

	host->log(host, CSN_LOG_WARN, "%d left", 3);
	tap_ok(strcmp(logged(), "warning: channel qr: 3 left\n") == 0, "a plugin's line has its name");
	tap_ok(host->size == sizeof *host && host->abi_major == CSN_ABI_MAJOR &&
	               host->abi_minor == CSN_ABI_MINOR, "the table says what it is");
	tap_ok(host->wall(host, &trusted) == CSN_VIRTUAL_EPOCH && trusted == 0 &&
	               host->now(host) == 0, "clocks come from the loop");
	tap_ok(host->service(host, "org.example/1") == NULL, "an unknown service is none");
	for (const char *p = (const char *)host + offsetof(struct csn_host, log);
	     p < (const char *)host + sizeof *host; p += sizeof(void *)) {
		void *entry;

		memcpy(&entry, p, sizeof entry);
		if (entry == NULL)
			tap_ok(false, "no service of the table is missing");
	}
	csn_host_free(host);
	csn_log_free(log);
	csn_loop_free(loop);
}

int
main(void)
{
	file = tmpfile();
	if (file == NULL)
		return 99;
	test_lines();
	test_secrets();
	test_buf();
	test_error();
	test_host();
	fclose(file);
	return tap_done();
}
