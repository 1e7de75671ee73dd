/*
 * A station from its configuration, over the real modules of this tree: up, down, its
 * store, its signed log, and the mistakes people make.
 */
#include "core/audit/audit.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/config/config.h"
#include "core/station/station.h"
#include "kit/tap.h"

#include <stdarg.h>
#include <unistd.h>

static char dir[] = "/tmp/csn-station-XXXXXX";

__attribute__((format(printf, 1, 2))) static void
sh(const char *fmt, ...)
{
	char cmd[2048];
	int n = snprintf(cmd, sizeof cmd, "cd %s && umask 077 && ", dir);
	va_list args;

	va_start(args, fmt);
	vsnprintf(cmd + n, sizeof cmd - (size_t)n, fmt, args);
	va_end(args);
	if (system(cmd) != 0) {
		printf("Bail out! %s\n", cmd);
		exit(1);
	}
}

#define HEAD                                                                           \
	"schema = 1; plugins : { path = [ \"modules\" ]; isolation = \"none\"; };\n"
#define NAME                                                                           \
	"station : { name = \"line-a-3\"; profile = \"lab\"; log_key = \"log\"; };\n"
#define CEREMONY "ceremony : { use = \"csgn1-device\"; };\n"
#define CHANNELS                                                                       \
	"channels = ( { role = \"offer\"; use = \"file\"; folder = \"air/o\"; medium " \
	"= \"qr\"; },"                                                                 \
	" { role = \"bind\"; use = \"file\"; folder = \"air/b\"; medium = "            \
	"\"ultrasonic\"; } );\n"
#define KEYS  "keys : { use = \"file\"; path = \"keys\"; };\n"
#define STORE "store : { use = \"sqlite\"; path = \"s.db\"; };\n"
#define GOOD  HEAD NAME CEREMONY CHANNELS KEYS STORE

static int
open_with(const char *config, const struct csn_station_override *overrides,
	  struct csn_station **ret, struct csn_error *err)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "%s/x.conf", dir);
	f = fopen(path, "w");
	if (f == NULL || fputs(config, f) < 0 || fclose(f) != 0)
		exit(1);
	memset(err, 0, sizeof *err);
	return csn_station_open(path, CSN_SIDE_DEVICE, overrides, ret, err);
}

static const struct {
	const char *what, *config, *said;
	int want;
} mistakes[] = {
	{ "no store", HEAD NAME CEREMONY CHANNELS KEYS, "no store", CSN_E_CONFIG },
	{ "an option nobody knows",
	  HEAD NAME CEREMONY CHANNELS KEYS
	  "store : { use = \"sqlite\"; path = \"s.db\"; paht = 1; };\n",
	  "paht", CSN_E_CONFIG },
	{ "a plugin that is not there",
	  HEAD NAME CEREMONY CHANNELS KEYS
	  "store : { use = \"sqlight\"; path = \"s.db\"; };\n",
	  "sqlight", CSN_E_CONFIG },
	{ "a rule that is none",
	  GOOD "policy : { require = [ \"oob.channels ~ 2\" ]; };\n",
	  "unknown operator", CSN_E_CONFIG },
	{ "two channels for one role",
	  HEAD NAME CEREMONY KEYS STORE
	  "channels = ( { role = \"offer\"; use = \"file\"; folder = \"air/o\"; medium "
	  "= \"qr\"; },\n"
	  " { role = \"offer\"; use = \"file\"; folder = \"air/b\"; medium = \"ble\"; "
	  "} );\n",
	  "a second channel with the role offer", CSN_E_CONFIG },
	{ "a channel without the media it needs",
	  HEAD NAME CEREMONY KEYS STORE
	  "channels = ( { role = \"offer\"; use = \"qr\"; } );\n",
	  "needs a screen", CSN_E_CONFIG },
	{ "a folder of keys that is not there",
	  HEAD NAME CEREMONY CHANNELS STORE
	  "keys : { use = \"file\"; path = \"nokeys\"; };\n",
	  "nokeys", CSN_E_MISSING },
	{ "a store in a folder that is not there",
	  HEAD NAME CEREMONY CHANNELS KEYS
	  "store : { use = \"sqlite\"; path = \"no/s.db\"; };\n",
	  "check that its folder is there", CSN_E_MISSING },
	{ "half a file", "schema = 1; station : {", "x.conf:", CSN_E_CONFIG },
};

static void
test_mistakes(void)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct csn_station *st = NULL;
		struct csn_error err;
		int r = open_with(mistakes[i].config, NULL, &st, &err);

		if (!tap_ok(r == mistakes[i].want && st == NULL &&
				    strstr(err.text, mistakes[i].said) != NULL,
			    "refused by its name: %s", mistakes[i].what))
			tap_note("%d %s", r, err.text);
		csn_station_close(st);
	}
}

static struct csn_bytes
text(const char *s)
{
	return (struct csn_bytes){ (const uint8_t *)s, strlen(s) };
}

static void
append(struct csn_station *st, uint32_t from, uint32_t count)
{
	struct csn_error err = { 0 };

	for (uint32_t i = from; i < from + count; i++) {
		struct audit_entry e = { .side = CSN_SIDE_DEVICE,
					 .what = AUDIT_END,
					 .code = i,
					 .outcome = CSN_OUTCOME_REFUSED };
		uint8_t buf[AUDIT_ENTRY_MAX];
		struct csn_store_item item = { .kind = CSN_ITEM_AUDIT };

		if (audit_encode(&e, buf, &item.value) < 0 ||
		    csn_station_commit(st, &item, 1, &err) < 0)
			exit(1);
	}
}

static struct csn_station *
reopen(struct csn_station *st)
{
	struct csn_error err;

	csn_station_close(st);
	if (open_with(GOOD, NULL, &st, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return st;
}

static int
count_codes(void *arg, uint64_t index, struct csn_bytes entry)
{
	struct audit_entry e;

	if (audit_decode(entry, &e) < 0 || e.code != index)
		return CSN_E_PROTOCOL;
	++*(uint64_t *)arg;
	return CSN_OK;
}

static void
test_store(struct csn_station *st)
{
	struct csn_error err = { 0 };
	struct csn_buf *buf = NULL;
	struct csn_store_item put = { CSN_ITEM_PUT, 0, "s", text("k"), text("v") };
	struct csn_store_item claim = {
		CSN_ITEM_CLAIM, 0, "s", text("k"), { NULL, 0 }
	};

	tap_is(csn_station_get(st, "s", text("k"), &buf, &err), CSN_E_MISSING,
	       "a key that is not there");
	tap_is(csn_station_commit(st, &put, 1, &err), CSN_OK, "a commit");
	tap_ok(csn_station_get(st, "s", text("k"), &buf, &err) == CSN_OK &&
		       csn_buf_bytes(buf).len == 1 && csn_buf_bytes(buf).ptr[0] == 'v',
	       "and its value");
	csn_buf_unref(buf);
	buf = NULL;
	tap_ok(csn_station_next(st, "s", text(""), &buf, &err) == CSN_OK &&
		       csn_buf_bytes(buf).len == 5,
	       "the first of a space");
	csn_buf_unref(buf);
	csn_station_commit(st, &claim, 1, &err);
	tap_ok(csn_station_commit(st, &claim, 1, &err) == CSN_E_REFUSED &&
		       strstr(err.text, "claimed before") != NULL,
	       "a second claim, in the store's words");
}

/* The log's key as the openssl command says it. */
static void
raw_key(uint8_t ret_key[32])
{
	char path[64];
	FILE *f;

	sh("openssl pkey -in keys/log.key -pubout -outform DER 2>/dev/null | tail -c "
	   "32 >raw");
	snprintf(path, sizeof path, "%s/raw", dir);
	f = fopen(path, "r");
	if (f == NULL || fread(ret_key, 1, 32, f) != 32)
		exit(1);
	fclose(f);
}

static void
test_log(struct csn_station **st)
{
	struct csn_error err = { 0 };
	struct audit_head head = { .size = 0 };
	uint8_t key[32];
	uint64_t walked = 0;
	char *note = NULL;

	raw_key(key);
	append(*st, 0, 5);
	tap_ok(csn_station_audit(*st, count_codes, &walked, &err) == CSN_OK &&
		       walked == 5,
	       "every entry, in order");
	int r = csn_station_checkpoint(*st, &note, &err);
	tap_ok(r == CSN_OK && audit_note_open(note, "line-a-3", key, &head) == CSN_OK &&
		       head.size == 5,
	       "a checkpoint of five entries, signed by the log's key %s", err.text);
	free(note);
	append(*st, 5, 3);
	*st = reopen(*st);
	note = NULL;
	r = csn_station_checkpoint(*st, &note, &err);
	tap_ok(r == CSN_OK && audit_note_open(note, "line-a-3", key, &head) == CSN_OK &&
		       head.size == 8,
	       "the next one, after a restart");
	free(note);
	note = NULL;

	csn_station_close(*st);
	sh("cp s.db good.db && sqlite3 s.db 'DELETE FROM audit WHERE idx = 7'");
	*st = reopen(NULL);
	r = csn_station_checkpoint(*st, &note, &err);
	tap_ok(r == CSN_E_REFUSED && note == NULL &&
		       strstr(err.text, "nothing was signed") != NULL,
	       "a log cut below its last checkpoint is never signed: %s", err.text);
	csn_station_close(*st);
	sh("cp good.db s.db && sqlite3 s.db "
	   "'UPDATE audit SET entry = (SELECT entry FROM audit WHERE idx = 3) WHERE "
	   "idx = 2'");
	*st = reopen(NULL);
	r = csn_station_checkpoint(*st, &note, &err);
	tap_ok(r == CSN_E_REFUSED && note == NULL, "nor is one with an entry changed");
	csn_station_close(*st);
	sh("cp good.db s.db && sqlite3 s.db \"UPDATE item SET value = "
	   "CAST(replace(CAST(value AS TEXT), 'line-a-3', 'line-a-4') AS BLOB) WHERE "
	   "space = 'checkpoint'\"");
	*st = reopen(NULL);
	r = csn_station_checkpoint(*st, &note, &err);
	tap_ok(r < 0 && note == NULL &&
		       strstr(err.text, "is not one of line-a-3") != NULL,
	       "nor after a checkpoint that somebody changed");
	csn_station_close(*st);
	sh("cp good.db s.db");
	*st = reopen(NULL);
}

static struct session_end ended;
static char end_text[256], end_reason[32];
static int ends;
static struct csn_station *running;

static void
on_end(void *arg, const struct session_end *end)
{
	(void)arg;
	ended = *end;
	ends++;
	snprintf(end_text, sizeof end_text, "%s", end->text);
	snprintf(end_reason, sizeof end_reason, "%s", end->reason);
	csn_station_stop(running);
}

static void
test_session(struct csn_station *st)
{
	struct csn_error err = { 0 };
	struct csn_station_ask ask = { .begin = { .size = sizeof ask.begin,
						  .side = CSN_SIDE_STATION },
				       .end = on_end };

	running = st;
	tap_is(csn_station_session(st, &ask, NULL, &err), CSN_E_INVALID,
	       "the other side's session is refused");
	ask.begin.side = CSN_SIDE_DEVICE;
	ask.payload = text("{");
	ask.format = "xml";
	tap_ok(csn_station_session(st, &ask, NULL, &err) == CSN_E_MISSING &&
		       strstr(err.text, "xml") != NULL,
	       "a payload in a format nobody knows: %s", err.text);
	ask.format = "json";
	tap_ok(csn_station_session(st, &ask, NULL, &err) < 0 && err.text[0] != '\0',
	       "a payload that is no JSON: %s", err.text);
	ask.payload = CSN_BYTES_NONE;
	tap_is(csn_station_session(st, &ask, NULL, &err), CSN_OK, "a session starts");
	tap_ok(ends == 0, "and says nothing yet");
	int r = csn_station_run(st, &err);
	tap_ok(r == CSN_OK && ends == 1 && ended.outcome == CSN_OUTCOME_REFUSED &&
		       strstr(end_text, "not been set up") != NULL,
	       "a device without a state: refused, in the ceremony's words");
}

static void
test_close_running(void)
{
	struct csn_station *st = NULL;
	struct csn_error err;
	struct csn_station_ask ask = { .begin = { .size = sizeof ask.begin },
				       .end = on_end };
	uint64_t entries = 0;

	ends = 0;
	if (open_with(GOOD, NULL, &st, &err) < 0)
		exit(1);
	running = st;
	int r = csn_station_session(st, &ask, NULL, &err);
	csn_station_close(st);
	tap_ok(r == CSN_OK && ends == 1 && ended.outcome == CSN_OUTCOME_REFUSED &&
		       strcmp(end_reason, "stopped") == 0,
	       "closing a station with a session running ends it as refused");
	st = reopen(NULL);
	int last = csn_station_audit(st, count_codes, &entries, &err);
	tap_ok(last == CSN_E_PROTOCOL && entries == 8,
	       "and that is on record, after the eight from before");
	csn_station_close(st);
}

static void
test_override(void)
{
	char path[64];
	struct csn_station_override other[] = { { "store.path", path },
						{ NULL, NULL } };
	struct csn_station *st = NULL;
	struct csn_error err;
	struct csn_buf *buf = NULL;

	snprintf(path, sizeof path, "%s/other.db", dir);
	int r = open_with(GOOD, other, &st, &err);
	tap_ok(r == CSN_OK &&
		       csn_station_get(st, "s", text("k"), &buf, &err) == CSN_E_MISSING,
	       "an override goes before the file %s", r < 0 ? err.text : "");
	csn_station_close(st);
	sh("test -f other.db");
}

int
main(void)
{
	struct csn_station *st = NULL;

	if (mkdtemp(dir) == NULL)
		return 1;
	sh("mkdir modules keys air air/o air/b");
	sh("find %s -path '*/.libs/*_*.so' -exec cp {} modules \\;", TEST_BUILDDIR);
	sh("openssl genpkey -algorithm ED25519 -out keys/log.key 2>/dev/null");
	test_mistakes();
	st = reopen(NULL);
	test_store(st);
	test_log(&st);
	test_session(st);
	csn_station_close(st);
	sh("cp good.db s.db");
	test_close_running();
	test_override();
	sh("rm -rf ./*");
	return rmdir(dir) < 0 ? 1 : tap_done();
}
