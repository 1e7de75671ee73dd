#include "unit/csgn1-fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit/tap.h"
#include "lib/crypto-openssl.h"

static uint32_t hold_kind, hold_detail;

/* Decoded hex lives as long as the program: cases lend it to one another. */
struct lent {
	struct lent *next;
	uint8_t      bytes[];
};

static struct lent *lent_list;

static void
free_lent(void)
{
	while (lent_list != NULL) {
		struct lent *next = lent_list->next;

		free(lent_list);
		lent_list = next;
	}
}

struct csn_bytes
fake_unhex(const char *hex)
{
	size_t       len = hex == NULL ? 0 : strlen(hex) / 2;
	struct lent *lent = malloc(sizeof(*lent) + len + 1);

	if (lent == NULL || (lent_list == NULL && atexit(free_lent) != 0))
		abort();
	lent->next = lent_list;
	lent_list = lent;
	for (size_t i = 0; i < len; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
		lent->bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return (struct csn_bytes){ lent->bytes, len };
}

static struct csn_bytes
member(const json_t *object, const char *key)
{
	return fake_unhex(json_string_value(json_object_get(object, key)));
}

struct csn_bytes
fake_trace(const struct fake *fake, const char *key)
{
	return member(fake->trace, key);
}

static struct fake *
of(struct csn_session *s)
{
	return (struct fake *)s;
}

/* Notes a call; a negative return is what the script wants it to fail with. */
static int
note(struct csn_session *s, uint32_t kind, uint32_t call, uint32_t detail,
     struct csn_bytes bytes, uint64_t delay_ms)
{
	struct fake *fake = of(s);

	if (fake->log_len == FAKE_LOG_MAX)
		abort();
	if (fake->fail_start == fake->log_len + 1) {
		fake->fail_start = 0;
		return fake->fail_result;
	}
	struct fake_call *entry = &fake->log[fake->log_len++];
	*entry = (struct fake_call){ kind, call, detail, delay_ms, malloc(bytes.len + 1),
		                     bytes.len };
	if (entry->bytes == NULL)
		abort();
	if (bytes.len > 0)
		memcpy(entry->bytes, bytes.ptr, bytes.len);
	return CSN_OK;
}

static int
fake_send(struct csn_session *s, uint32_t call, uint32_t role, struct csn_bytes message)
{
	return note(s, FAKE_SEND, call, role, message, 0);
}

static int
fake_listen(struct csn_session *s, uint32_t role)
{
	(void)s;
	(void)role;
	return CSN_OK;
}

static void
fake_rest(struct csn_session *s, uint32_t role)
{
	(void)s;
	(void)role;
}

static int
fake_ask(struct csn_session *s, uint32_t call, const struct csn_prompt *prompt)
{
	const char *code = prompt->code != NULL ? prompt->code : "";

	return note(s, FAKE_ASK, call, prompt->question,
	            (struct csn_bytes){ (const uint8_t *)code, strlen(code) }, 0);
}

static int
fake_verify(struct csn_session *s, uint32_t call, const struct csn_evidence *evidence)
{
	return note(s, FAKE_VERIFY, call, 0, evidence->value, 0);
}

/* The bytes are the space, a zero and the key. */
static int
fake_load(struct csn_session *s, uint32_t call, const char *space, struct csn_bytes key)
{
	uint8_t buf[64];
	size_t  len = strlen(space) + 1;

	memcpy(buf, space, len);
	memcpy(buf + len, key.ptr, key.len);
	return note(s, FAKE_LOAD, call, 0, (struct csn_bytes){ buf, len + key.len }, 0);
}

struct fake_row *
fake_row(struct fake *fake, const char *space, const uint8_t *key, bool make)
{
	for (size_t i = 0; i < FAKE_ROWS_MAX; i++) {
		struct fake_row *row = &fake->rows[i];
		if (row->used && strcmp(row->space, space) == 0 && memcmp(row->key, key, 16) == 0)
			return row;
		if (!row->used && make) {
			row->used = true;
			snprintf(row->space, sizeof row->space, "%s", space);
			memcpy(row->key, key, 16);
			return row;
		}
	}
	return NULL;
}

/* Judges the expectations and stores at once; the answer comes later. */
static int
fake_commit(struct csn_session *s, uint32_t call, const struct csn_store_item *items,
            size_t count)
{
	struct fake *fake = of(s);
	int          result = CSN_OK;
	bool fails = fake->fail_answer == fake->log_len + 1;

	for (size_t i = 0; i < count; i++) {
		struct fake_row *row = fake_row(fake, items[i].space, items[i].key.ptr, false);
		struct csn_bytes now = row != NULL ? (struct csn_bytes){ row->value, row->len } :
		                                     CSN_BYTES_NONE;
		if (items[i].kind == CSN_ITEM_EXPECT && !csn_same(now, items[i].value))
			result = CSN_E_BUSY;
	}
	for (size_t i = 0; !fails && result == CSN_OK && i < count; i++) {
		struct fake_row *row = NULL;
		if (items[i].kind == CSN_ITEM_DELETE &&
		    (row = fake_row(fake, items[i].space, items[i].key.ptr, false)) != NULL)
			*row = (struct fake_row){ .space = "gone", .used = true };
		if (items[i].kind != CSN_ITEM_PUT)
			continue;
		row = fake_row(fake, items[i].space, items[i].key.ptr, true);
		memcpy(row->value, items[i].value.ptr, items[i].value.len);
		row->len = items[i].value.len;
	}
	return note(s, FAKE_COMMIT, call, (uint32_t)-result, CSN_BYTES_NONE, 0);
}

static int
fake_sign(struct csn_session *s, uint32_t call, const char *key, const char *algorithm,
          struct csn_bytes to_sign)
{
	(void)key;
	(void)algorithm;
	return note(s, FAKE_SIGN, call, 0, to_sign, 0);
}

static int
fake_certificate(struct csn_session *s, const char *key, uint32_t index,
                 struct csn_bytes *ret_der)
{
	struct fake *fake = of(s);
	long long    suite = json_integer_value(json_object_get(fake->file, "suite"));

	if (strcmp(key, suite == 1 ? "one" : "two") != 0 || index >= fake->chain_len)
		return CSN_E_MISSING;
	*ret_der = fake->chain[index];
	return CSN_OK;
}

static int
fake_decide(struct csn_session *s, uint32_t call, uint32_t stage)
{
	return note(s, FAKE_DECIDE, call, stage, CSN_BYTES_NONE, 0);
}

static int
fake_payload(struct csn_session *s, uint32_t call)
{
	return note(s, FAKE_PAYLOAD, call, 0, CSN_BYTES_NONE, 0);
}

static int
fake_timer(struct csn_session *s, uint32_t call, uint64_t delay_ms)
{
	return note(s, FAKE_TIMER, call, 0, CSN_BYTES_NONE, delay_ms);
}

static int
fake_random(struct csn_session *s, void *out, size_t len)
{
	struct fake *fake = of(s);

	if (fake->random_fails)
		return CSN_E_INTERNAL;
	if (fake->random_at + len > fake->random_len)
		abort();
	memcpy(out, fake->random + fake->random_at, len);
	fake->random_at += len;
	return CSN_OK;
}

static int
fake_fact(struct csn_session *s, const char *name, const char *value)
{
	struct fake *fake = of(s);
	size_t       len = strlen(fake->facts);

	snprintf(fake->facts + len, sizeof fake->facts - len, "%s=%s;", name, value);
	return CSN_OK;
}

static void
fake_transcript(struct csn_session *s, const uint8_t hash[32])
{
	(void)s;
	(void)hash;
}

static void
fake_finish(struct csn_session *s, uint32_t outcome, uint32_t code, const char *text)
{
	struct fake *fake = of(s);

	if (fake->finished)
		abort();
	fake->finished = true;
	fake->outcome = outcome;
	fake->code = code;
	snprintf(fake->text, sizeof fake->text, "%s", text);
}

struct csn_error {
	int code;
};

__attribute__((format(printf, 3, 4))) static int
host_fail(struct csn_error *err, int code, const char *fmt, ...)
{
	(void)fmt;
	if (err != NULL)
		err->code = code;
	return code;
}

static void
add_random(struct fake *fake, struct csn_bytes bytes)
{
	memcpy(fake->random + fake->random_len, bytes.ptr, bytes.len);
	fake->random_len += bytes.len;
}

/* The neutral record: the body without what the station adds. */
static void
set_record(struct fake *fake)
{
	struct csn_bytes     body = fake_trace(fake, "body"), items[64], bytes;
	struct csn_dcbor_in  in;
	struct csn_dcbor_out out;
	size_t               kept = 0;

	csn_dcbor_in_init(&in, body);
	for (size_t n = csn_dcbor_map(&in, 0, 32); n > 0; n--) {
		struct csn_bytes key = csn_dcbor_item(&in), value = csn_dcbor_item(&in);
		if (key.ptr[0] == 1 || key.ptr[0] == 6)
			continue;
		items[kept++] = key;
		items[kept++] = value;
	}
	csn_dcbor_out_init(&out, fake->record, sizeof fake->record);
	csn_dcbor_put_map(&out, kept / 2);
	for (size_t i = 0; i < kept; i++)
		csn_dcbor_put_item(&out, items[i]);
	if (csn_dcbor_out_end(&out, &bytes) < 0)
		abort();
	fake->record_len = bytes.len;
}

static void
set_subject(struct fake *fake)
{
	const json_t *manifest = json_object_get(fake->file, "manifest");
	const json_t *device = json_object_get(json_object_get(fake->file, "parties"), "device");
	struct csn_psk_record record = { .suite = (unsigned)json_integer_value(json_object_get(
		                                 fake->file, "suite")) };
	struct csn_dcbor_out  out;
	struct csn_bytes      bytes = member(manifest, "signed");

	if (bytes.len > 0) {
		memcpy(fake->subject, bytes.ptr, bytes.len);
		fake->subject_len = bytes.len;
		return;
	}
	record.cost = (uint8_t)json_integer_value(json_object_get(device, "cost"));
	record.class_name = (struct csn_bytes){ (const uint8_t *)"sensor-a1", 9 };
	memcpy(record.did, member(device, "did").ptr, 16);
	memcpy(record.seed,
	       member(json_array_get(json_object_get(fake->file, "ladder"), 0), "seed").ptr, 32);
	csn_dcbor_out_init(&out, fake->subject, sizeof fake->subject);
	csn_psk_record_put(&out, &record);
	if (csn_dcbor_out_end(&out, &bytes) < 0)
		abort();
	fake->subject_len = bytes.len;
}

static void
set_random(struct fake *fake, long long mode)
{
	static const uint8_t zeros[8];

	add_random(fake, fake_trace(fake, "sid"));
	add_random(fake, fake_trace(fake, "nu"));
	if ((mode & 4) == 0)
		add_random(fake, fake_trace(fake, "ikmE"));
	if (mode != 3)
		return;
	/* The scalar is 40 bytes reduced: the vector's with zeros before it. */
	add_random(fake, CSN_BYTES_OF(zeros));
	add_random(fake, fake_trace(fake, "pake_x"));
}

__attribute__((format(printf, 3, 4))) static void
host_log(const struct csn_host *host, int level, const char *fmt, ...)
{
	(void)host, (void)level, (void)fmt;
}

static void
set_self(struct fake *fake, const char *suite)
{
	static const struct csn_host host = { .size = sizeof host, .log = host_log, .fail = host_fail };
	const json_t *station = json_object_get(fake->file, "station");
	const json_t *chain =
		json_object_get(json_object_get(json_object_get(station, "keys"), suite), "chain");
	const json_t *makers = json_object_get(json_object_get(station, "makers"), suite);
	json_t       *item;
	size_t        i;

	fake->self = (struct csgn1){ .host = &host,
		                     .key_1 = (char *)"one",
		                     .key_2 = (char *)"two",
		                     .repeat = 10,
		                     .repeat_ms = 5000,
		                     .deadline_ms = 120000,
		                     .early_s = 3600,
		                     .window_s = 3600,
		                     .session_s = 600,
		                     .pin_digits = 6,
		                     .crypto = csn_crypto_openssl() };
	json_array_foreach(makers, i, item) {
		fake->self.trusted[fake->self.trusted_count++] = (struct station_maker){
			(uint32_t)atoi(suite), fake_unhex(json_string_value(item))
		};
	}
	json_array_foreach(chain, i, item) {
		fake->chain[fake->chain_len++] = fake_unhex(json_string_value(item));
	}
}

void
fake_init(struct fake *fake, const char *name)
{
	const char *dir = getenv("CSN_VECTORS");
	char        path[4096];

	memset(fake, 0, sizeof *fake);
	hold_kind = 0;
	snprintf(path, sizeof path, "%s/%s.json",
	         dir != NULL ? dir : TEST_SRCDIR "/../shared/data/csgn1", name);
	fake->file = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (fake->file == NULL) {
		tap_ok(false, "the vectors are there: %s", path);
		exit(tap_done());
	}
	fake->trace = json_object_get(fake->file, "trace");
	long long mode = json_integer_value(json_object_get(fake->file, "mode"));
	fake->ops = (struct csn_session_ops){ sizeof fake->ops, fake_send, fake_listen,
		                              fake_rest, fake_ask, fake_verify, fake_load,
		                              fake_commit, fake_sign, fake_certificate,
		                              fake_decide, fake_payload, fake_timer,
		                              fake_random, fake_fact, fake_transcript,
		                              fake_finish };
	fake->session.ops = &fake->ops;
	fake->verdict = CSN_ACCEPTED;
	fake->unix_s = CSN_STAMP_EPOCH +
	               (uint64_t)json_integer_value(json_object_get(fake->trace, "ts"));
	set_self(fake, json_integer_value(json_object_get(fake->file, "suite")) == 1 ? "1" : "2");
	set_record(fake);
	if ((mode & 1) == 0)
		set_subject(fake);
	set_random(fake, mode);
	const char *pin = json_string_value(json_object_get(
		json_object_get(json_object_get(fake->file, "parties"), "device"), "pin"));
	fake->pin_len = strlen(pin);
	memcpy(fake->pin, pin, fake->pin_len);
}

void
fake_done(struct fake *fake)
{
	csgn1_ops.end(fake->run);
	for (size_t i = 0; i < fake->log_len; i++)
		free(fake->log[i].bytes);
	json_decref(fake->file);
}

static struct csn_event
event_of(const struct fake *fake, uint32_t type)
{
	return (struct csn_event){ .size = sizeof(struct csn_event),
		                   .type = type,
		                   .unix_s = fake->unix_s };
}

static void
step(struct fake *fake, const struct csn_event *event)
{
	if (csgn1_ops.step(fake->run, event) < 0)
		abort();
}

static void
sign_answer(struct fake *fake, const struct fake_call *call, struct csn_event *event,
            uint8_t sig[64])
{
	const json_t    *station =
		json_object_get(json_object_get(fake->file, "parties"), "station");
	struct csn_bytes part = { call->bytes, call->len };
	struct csn_bytes sk = member(station, "private_raw");
	unsigned suite = (unsigned)json_integer_value(json_object_get(fake->file, "suite"));

	if (fake->self.crypto->sign(fake->self.crypto->self, suite, sk.ptr, &part, 1, sig) < 0)
		abort();
	sig[9] ^= fake->spoil_signature;
	*event = event_of(fake, CSN_EVENT_SIGNED);
	event->bytes = (struct csn_bytes){ sig, 64 };
}

static void
load_answer(struct fake *fake, const struct fake_call *call, struct csn_event *event)
{
	const char      *space = (const char *)call->bytes;
	struct fake_row *row = fake_row(fake, space, call->bytes + strlen(space) + 1, false);

	*event = event_of(fake, CSN_EVENT_LOADED);
	event->result = row == NULL ? CSN_E_MISSING : CSN_OK;
	if (row != NULL)
		event->bytes = (struct csn_bytes){ row->value, row->len };
}

static void
answer(struct fake *fake, size_t at)
{
	const struct fake_call *call = &fake->log[at];
	struct csn_event        event = event_of(fake, 0);
	struct csn_verdict      verdict = { .size = sizeof verdict, .judgement = fake->verdict };
	uint8_t                 sig[64];

	switch (call->kind) {
	case FAKE_SEND:
		event.type = CSN_EVENT_SENT;
		break;
	case FAKE_ASK:
		event.type = CSN_EVENT_ANSWER;
		if (call->detail == CSN_ASK_PIN)
			event.bytes = (struct csn_bytes){ fake->pin, fake->pin_len };
		break;
	case FAKE_VERIFY:
		event.type = CSN_EVENT_VERDICT;
		event.verdict = &verdict;
		break;
	case FAKE_LOAD:
		load_answer(fake, call, &event);
		break;
	case FAKE_COMMIT:
		event.type = CSN_EVENT_COMMITTED;
		event.result = -(int)call->detail;
		break;
	case FAKE_SIGN:
		sign_answer(fake, call, &event, sig);
		break;
	case FAKE_DECIDE:
		event.type = CSN_EVENT_DECIDED;
		event.result = call->detail == fake->refuse_stage ? CSN_E_REFUSED : CSN_OK;
		break;
	case FAKE_PAYLOAD:
		event.type = CSN_EVENT_PAYLOAD;
		event.bytes = (struct csn_bytes){ fake->record, fake->record_len };
		break;
	default:
		return; /* timers fire by fake_fire only */
	}
	if (fake->fail_answer == at + 1) {
		event.result = fake->fail_result;
		event.bytes = CSN_BYTES_NONE;
		event.verdict = NULL;
	}
	event.call = call->call;
	step(fake, &event);
}

void
fake_hold(struct fake *fake, uint32_t kind, uint32_t detail)
{
	(void)fake;
	hold_kind = kind;
	hold_detail = detail;
}

void
fake_pump(struct fake *fake)
{
	while (fake->answered < fake->log_len && !fake->finished) {
		const struct fake_call *call = &fake->log[fake->answered];
		if ((call->kind == hold_kind && call->detail == hold_detail) ||
		    (fake->limit > 0 && fake->answered == fake->limit))
			return;
		answer(fake, fake->answered++);
	}
}

int
fake_begin(struct fake *fake, uint32_t side, struct csn_error *err)
{
	long long        mode = json_integer_value(json_object_get(fake->file, "mode"));
	void            *run = NULL;
	struct csn_begin begin = { .size = sizeof begin,
		                   .side = side,
		                   .subject = { fake->subject, fake->subject_len },
		                   .two_way = (uint32_t)mode & 1,
		                   .pin = (uint32_t)mode >> 1 & 1,
		                   .not_after_unix_s = fake->not_after_unix_s };
	int r = csgn1_ops.begin(&fake->self, &fake->session, &begin, &run, err);

	fake->run = run;
	return r;
}

void
fake_start(struct fake *fake)
{
	if (fake_begin(fake, CSN_SIDE_STATION, NULL) < 0)
		abort();
	fake_event(fake, CSN_EVENT_START);
}

void
fake_resume(struct fake *fake)
{
	uint8_t          sid[16];
	struct csn_begin begin = { .size = sizeof begin,
		                   .side = CSN_SIDE_STATION,
		                   .resume = { sid, sizeof sid } };
	void            *run = NULL;

	memcpy(sid, fake->run->st.sid, sizeof sid);
	csgn1_ops.end(fake->run);
	fake->run = NULL;
	if (csgn1_ops.begin(&fake->self, &fake->session, &begin, &run, NULL) < 0)
		abort();
	fake->run = run;
	fake->finished = false;
	fake->answered = fake->log_len; /* what the other run asked for is over       */
	fake_event(fake, CSN_EVENT_START);
}

void
fake_event(struct fake *fake, uint32_t type)
{
	struct csn_event event = event_of(fake, type);

	step(fake, &event);
	fake_pump(fake);
}

void
fake_message(struct fake *fake, struct csn_bytes bytes)
{
	struct csn_event event = event_of(fake, CSN_EVENT_MESSAGE);

	event.role = CSN_ROLE_RETURN;
	event.medium = "serial";
	event.bytes = bytes;
	step(fake, &event);
	fake_pump(fake);
}

bool
fake_fire(struct fake *fake, uint64_t delay_ms)
{
	for (size_t i = fake->log_len; i > 0; i--) {
		if (fake->log[i - 1].kind != FAKE_TIMER || fake->log[i - 1].delay_ms != delay_ms)
			continue;
		struct csn_event event = event_of(fake, CSN_EVENT_TIMER);
		event.call = fake->log[i - 1].call;
		fake->log[i - 1].delay_ms = 0;
		step(fake, &event);
		fake_pump(fake);
		return true;
	}
	return false;
}

long
fake_find(const struct fake *fake, uint32_t kind, uint32_t detail, size_t nth)
{
	for (size_t i = 0; i < fake->log_len; i++)
		if (fake->log[i].kind == kind && fake->log[i].detail == detail && nth-- == 0)
			return (long)i;
	return -1;
}

size_t
fake_count(const struct fake *fake, uint32_t kind, uint32_t detail)
{
	size_t count = 0;

	while (fake_find(fake, kind, detail, count) >= 0)
		count++;
	return count;
}

struct csn_bytes
fake_sent(const struct fake *fake, uint32_t role, size_t nth)
{
	long at = fake_find(fake, FAKE_SEND, role, nth);

	return at < 0 ? CSN_BYTES_NONE :
	                (struct csn_bytes){ fake->log[at].bytes, fake->log[at].len };
}
