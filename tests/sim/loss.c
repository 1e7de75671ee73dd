/*
 * Two-way sessions over channels that lose, double, reorder, cut and spoil frames, and
 * with power cuts of the device, on a virtual clock: both ceremonies as they are, between
 * them a channel's own code and bad air, and a bind of its own.  The channels: the framing
 * of a serial line; GATT values; a tag in a reader's field; what comes whole or not at all
 * (QR codes, sound, loop: their codes have tests of their own); and files, which somebody
 * may lose, double, hold back, cut and edit as they please.
 *   loss [SESSIONS [SEED]]
 * What must never happen: refused at the station and committed on the device; enrolled at
 * the station and not committed.  What nobody knows is settled by a second run.
 */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/crypto-openssl.h"
#include "lib/line.h"
#include "plugins/ceremony/csgn1-device/csgn1-device.h"
#include "plugins/ceremony/csgn1/csgn1.h"
#include "plugins/channel/ble/frames.h"
#include "sim/tag-air.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

enum {
	ROWS       = 512, /* of sixty sessions                              */
	SENDS      = 8,
	VALUE_LEN  = 182, /* an iPhone's                                        */
	SHOW_MS    = 2000,
	LOOK_MS    = 250, /* of a reader in its field, and pcscd                */
	MESSAGE    = 8192,
	LIFE_S     = 500, /* of a session, at most: four answers of 120 s each    */
	AFTER_S    = 200, /* what the device may still do when it is over       */
	STATION    = 0,
	DEVICE     = 1,
};

/* ---- randomness ------------------------------------------------------------------------ */

static uint64_t state;

static uint32_t
draw(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33) % below;
}

/* ---- the world ---------------------------------------------------------------------------- */

enum what { ANSWER, FRAME, BIND, PUMP, SHOW, LOOK, AGENT, CUT };

/* What carries offers and answers. */
enum kind { LINE, VALUES, TAG, SHOWN, FILES, KINDS };

static const struct {
	const char *name, *medium;
} kinds[KINDS] = {
	[LINE] = { "serial", "serial" }, [VALUES] = { "ble", "ble" }, [TAG] = { "nfc", "nfc" },
	[SHOWN] = { "qr, ultrasonic, loop", "qr" }, [FILES] = { "file", "file" },
};

struct item { /* something that happens at its time                            */
	struct item     *next;
	uint64_t         at_ns;
	enum what        what;
	int              side; /* whom it concerns                              */
	uint32_t         life; /* answers of a run that is over are dropped     */
	struct csn_event event;
	size_t           len;
	uint8_t          bytes[];
};

struct row {
	char     space[16];
	uint8_t  key[32], *value;
	size_t   key_len, len;
};

struct out {
	uint32_t call;
	size_t   len;
	uint8_t *bytes;
};

struct side {
	struct csn_session pub; /* first: a call finds its side by it          */
	int                number;
	void              *run;
	uint32_t           life;
	bool               listens, finished;
	uint32_t           outcome, code;
	char               text[160];
	struct row         rows[ROWS];
	size_t             row_count;

	struct out         sends[SENDS]; /* the first one is shown              */
	size_t             send_count;
	bool               told; /* that the first one was carried              */
	struct csn_line    line;
	struct ble_in      in;
	uint8_t            buf[BLE_IN_SIZE];
	uint64_t           pump_ns;
};

static struct world {
	uint64_t              now_ns, base_s;
	struct item          *items;
	struct side           sides[2];
	enum kind             kind;
	uint32_t              harm;    /* percent, of each kind                  */
	json_t               *file;
	uint32_t              suite;
	struct csn_bytes      chain[3], key, pin;
	size_t                chain_len;
	struct csgn1          station;
	struct csgn1_device  *device;
	struct tag_air        tag;
	uint64_t              frames, lost;
	unsigned              m4s; /* guesses of a PIN that the device judged    */
} w;

static uint8_t pool[1 << 20];
static size_t pool_used;

static struct csn_bytes
unhex(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	const size_t len = text == NULL ? 0 : strlen(text) / 2;
	uint8_t *out = pool + pool_used;
	unsigned byte;

	for (size_t i = 0; i < len && sscanf(text + 2 * i, "%2x", &byte) == 1; i++)
		out[i] = (uint8_t)byte;
	pool_used += len;
	if (pool_used > sizeof pool)
		abort();
	return (struct csn_bytes){ out, len };
}

static size_t
unhex_all(const json_t *array, struct csn_bytes *out)
{
	size_t n = 0;
	json_t *one;

	for (; n < 3 && (one = json_array_get(array, n)) != NULL; n++) {
		json_t *boxed = json_pack("{sO}", "x", one);
		out[n] = unhex(boxed, "x");
		json_decref(boxed);
	}
	return n;
}

static struct item *
plan(uint64_t at_ns, enum what what, int side, struct csn_bytes bytes)
{
	struct item *item = calloc(1, sizeof *item + bytes.len), **at = &w.items;

	item->at_ns = at_ns;
	item->what = what;
	item->side = side;
	item->life = w.sides[side].life;
	item->len = bytes.len;
	if (bytes.len > 0)
		memcpy(item->bytes, bytes.ptr, bytes.len);
	while (*at != NULL && (*at)->at_ns <= at_ns)
		at = &(*at)->next;
	item->next = *at;
	*at = item;
	return item;
}

/* ---- the air -------------------------------------------------------------------------------- */

static void
launch(enum what what, int to, const uint8_t *bytes, size_t len, uint64_t delay_ms)
{
	uint8_t copy[MESSAGE];
	uint64_t at = w.now_ns + (5 + delay_ms) * NS_PER_MS;
	const bool whole = what == FRAME && w.kind == SHOWN; /* its own CRC sees to that */

	if (len > sizeof copy)
		abort();
	w.frames++;
	if (draw(100) < w.harm) {
		w.lost++;
		return;
	}
	memcpy(copy, bytes, len);
	if (draw(100) < w.harm)
		at += draw(400) * NS_PER_MS;
	if (!whole && draw(100) < w.harm)
		len = 1 + draw((uint32_t)len);
	if (!whole && draw(100) < w.harm)
		copy[draw((uint32_t)len)] ^= (uint8_t)(1 + draw(255));
	plan(at, what, to, (struct csn_bytes){ copy, len });
	if (draw(100) < w.harm)
		plan(at + draw(300) * NS_PER_MS, what, to, (struct csn_bytes){ copy, len });
}

static void
answer(struct side *s, uint32_t call, struct csn_event event, struct csn_bytes bytes, uint64_t ms)
{
	struct item *item = plan(w.now_ns + ms * NS_PER_MS, ANSWER, s->number, bytes);

	item->event = event;
	item->event.size = sizeof item->event;
	item->event.call = call;
}

static void
sent(struct side *s)
{
	if (s->send_count == 0 || s->told)
		return;
	s->told = true;
	answer(s, s->sends[0].call, (struct csn_event){ .type = CSN_EVENT_SENT }, CSN_BYTES_NONE, 1);
}

static void pump(struct side *s);

/* The first message of the queue goes on the line, in the field, or out again and again. */
static void
show(struct side *s)
{
	const struct csn_bytes message = { s->sends[0].bytes, s->sends[0].len };
	uint8_t value[BLE_VALUE_MAX];
	size_t len, i;

	switch (w.kind) {
	case LINE:
		csn_line_send(&s->line, message);
		pump(s);
		return;
	case TAG:
		tag_air_say(&w.tag, s->number == STATION, message);
		return;
	case VALUES:
		for (i = 0; (len = ble_value(message, VALUE_LEN, i, value)) > 0; i++)
			launch(FRAME, 1 - s->number, value, len, i);
		break;
	default:
		launch(FRAME, 1 - s->number, message.ptr, message.len, 300);
	}
	plan(w.now_ns + SHOW_MS * NS_PER_MS, SHOW, s->number, CSN_BYTES_NONE);
	sent(s);
}

static void
next_send(struct side *s)
{
	while (s->send_count > 1 && s->told) {
		free(s->sends[0].bytes);
		memmove(&s->sends[0], &s->sends[1], --s->send_count * sizeof s->sends[0]);
		s->told = false;
		show(s);
	}
}

static void
pump(struct side *s)
{
	uint8_t frame[CSN_LINE_FRAME_MAX];
	size_t len;

	if (w.kind != LINE)
		return;
	for (uint64_t i = 0; i < 40; i++) {
		len = csn_line_output(&s->line, w.now_ns / NS_PER_MS, frame, sizeof frame);
		if (len == 0)
			break;
		launch(FRAME, 1 - s->number, frame, len, i);
	}
	if (csn_line_sent(&s->line))
		sent(s);
	const uint64_t wake_ms = csn_line_wake(&s->line);
	uint64_t at = wake_ms > UINT64_MAX / NS_PER_MS ? UINT64_MAX : wake_ms * NS_PER_MS;
	at = at <= w.now_ns ? w.now_ns + NS_PER_MS : at;
	if (at == UINT64_MAX || (s->pump_ns > w.now_ns && s->pump_ns <= at))
		return;
	s->pump_ns = at;
	plan(at, PUMP, s->number, CSN_BYTES_NONE);
}

static void
fresh_end(struct side *s)
{
	const struct csn_line_setup setup = { .data_size = 128, .baud = 115200,
		                              .epoch = (uint16_t)(draw(32767) * 2 + (uint32_t)s->number),
		                              .buf = s->buf, .cap = BLE_MESSAGE_MAX };

	if (csn_line_init(&s->line, &setup) != CSN_OK)
		abort();
	ble_in_init(&s->in, s->buf);
	tag_air_fresh(&w.tag, s->number == STATION);
	while (s->send_count > 0)
		free(s->sends[--s->send_count].bytes);
	s->told = false;
	s->pump_ns = 0;
}

/* ---- the session's calls ----------------------------------------------------------------------- */

static struct side *
of(struct csn_session *pub)
{
	return (struct side *)pub;
}

static int
call_send(struct csn_session *pub, uint32_t call, uint32_t role, struct csn_bytes message)
{
	struct side *s = of(pub);
	uint8_t value[BLE_VALUE_MAX];

	if (role == CSN_ROLE_BIND) {
		const size_t len = ble_value(message, BLE_VALUE_MAX, 0, value);
		launch(BIND, DEVICE, value, len, 800); /* a burst of sound            */
		answer(s, call, (struct csn_event){ .type = CSN_EVENT_SENT }, CSN_BYTES_NONE, 900);
		return CSN_OK;
	}
	if (s->send_count == SENDS)
		return CSN_E_BUSY;
	w.m4s += s->number == DEVICE && message.len > 2 && message.ptr[1] == CSN_M4;
	struct out *out = &s->sends[s->send_count++];
	*out = (struct out){ call, message.len, malloc(message.len) };
	memcpy(out->bytes, message.ptr, message.len);
	if (s->send_count == 1)
		show(s);
	else
		next_send(s);
	return CSN_OK;
}

static int
call_listen(struct csn_session *pub, uint32_t role)
{
	(void)role;
	of(pub)->listens = true;
	return CSN_OK;
}

static void
call_rest(struct csn_session *pub, uint32_t role)
{
	struct side *s = of(pub);

	if (role == CSN_ROLE_BIND)
		return;
	csn_line_rest(&s->line);
	if (w.kind == TAG)
		tag_air_say(&w.tag, s->number == STATION, CSN_BYTES_NONE);
	while (s->send_count > 0)
		free(s->sends[--s->send_count].bytes);
	s->told = false;
}

static int
call_ask(struct csn_session *pub, uint32_t call, const struct csn_prompt *prompt)
{
	if (prompt->question != CSN_ASK_PIN)
		return CSN_E_MISSING;
	answer(of(pub), call, (struct csn_event){ .type = CSN_EVENT_ANSWER }, w.pin, 3000);
	return CSN_OK;
}

static int
call_verify(struct csn_session *pub, uint32_t call, const struct csn_evidence *evidence)
{
	static struct csn_verdict yes = { .size = sizeof yes, .judgement = CSN_ACCEPTED };

	(void)evidence;
	answer(of(pub), call, (struct csn_event){ .type = CSN_EVENT_VERDICT, .verdict = &yes },
	       CSN_BYTES_NONE, 1);
	return CSN_OK;
}

static struct row *
find(struct side *s, const char *space, struct csn_bytes key)
{
	for (size_t i = 0; i < s->row_count; i++)
		if (strcmp(s->rows[i].space, space) == 0 && s->rows[i].key_len == key.len &&
		    memcmp(s->rows[i].key, key.ptr, key.len) == 0)
			return &s->rows[i];
	return NULL;
}

static void
put(struct side *s, const char *space, struct csn_bytes key, struct csn_bytes value)
{
	struct row *row = find(s, space, key);

	if (row == NULL) {
		if (s->row_count == ROWS || key.len > sizeof row->key)
			abort();
		row = &s->rows[s->row_count++];
		snprintf(row->space, sizeof row->space, "%s", space);
		memcpy(row->key, key.ptr, key.len);
		row->key_len = key.len;
		row->value = NULL;
	}
	row->value = realloc(row->value, value.len + 1);
	memcpy(row->value, value.ptr, value.len);
	row->len = value.len;
}

static int
call_load(struct csn_session *pub, uint32_t call, const char *space, struct csn_bytes key)
{
	const struct row *row = find(of(pub), space, key);
	struct csn_event event = { .type = CSN_EVENT_LOADED,
		                   .result = row == NULL ? CSN_E_MISSING : CSN_OK };

	answer(of(pub), call, event,
	       row == NULL ? CSN_BYTES_NONE : (struct csn_bytes){ row->value, row->len }, 1);
	return CSN_OK;
}

/* Durable at once; a power cut may come before the answer does. */
static int
call_commit(struct csn_session *pub, uint32_t call, const struct csn_store_item *items, size_t count)
{
	struct side *s = of(pub);
	int result = CSN_OK;

	for (size_t i = 0; i < count; i++) {
		const struct row *row = items[i].kind == CSN_ITEM_EXPECT ?
		                                find(s, items[i].space, items[i].key) :
		                                NULL;
		const struct csn_bytes now = row != NULL ? (struct csn_bytes){ row->value, row->len } :
		                                           CSN_BYTES_NONE;

		if (items[i].kind == CSN_ITEM_EXPECT &&
		    (now.len != items[i].value.len ||
		     (now.len > 0 && memcmp(now.ptr, items[i].value.ptr, now.len) != 0)))
			result = CSN_E_BUSY;
	}
	for (size_t i = 0; result == CSN_OK && i < count; i++)
		if (items[i].kind == CSN_ITEM_PUT)
			put(s, items[i].space, items[i].key, items[i].value);
	answer(s, call, (struct csn_event){ .type = CSN_EVENT_COMMITTED, .result = result },
	       CSN_BYTES_NONE, 20);
	return CSN_OK;
}

static int
call_sign(struct csn_session *pub, uint32_t call, const char *key, const char *algorithm,
          struct csn_bytes to_sign)
{
	const struct csn_crypto *c = csn_crypto_openssl();
	uint8_t sig[64];

	(void)key;
	(void)algorithm;
	if (c->sign(c->self, w.suite, w.key.ptr, &to_sign, 1, sig) < 0)
		abort();
	answer(of(pub), call, (struct csn_event){ .type = CSN_EVENT_SIGNED }, CSN_BYTES_OF(sig), 5);
	return CSN_OK;
}

static int
call_certificate(struct csn_session *pub, const char *key, uint32_t index, struct csn_bytes *ret_der)
{
	(void)pub;
	if (strcmp(key, w.suite == 1 ? "one" : "two") != 0 || index >= w.chain_len)
		return CSN_E_MISSING;
	*ret_der = w.chain[index];
	return CSN_OK;
}

static int
call_decide(struct csn_session *pub, uint32_t call, uint32_t stage)
{
	(void)stage;
	answer(of(pub), call, (struct csn_event){ .type = CSN_EVENT_DECIDED }, CSN_BYTES_NONE, 10);
	return CSN_OK;
}

static int
call_payload(struct csn_session *pub, uint32_t call)
{
	static const uint8_t empty_map[] = { 0xa0 };

	answer(of(pub), call, (struct csn_event){ .type = CSN_EVENT_PAYLOAD }, CSN_BYTES_OF(empty_map),
	       1);
	return CSN_OK;
}

static int
call_timer(struct csn_session *pub, uint32_t call, uint64_t delay_ms)
{
	answer(of(pub), call, (struct csn_event){ .type = CSN_EVENT_TIMER }, CSN_BYTES_NONE, delay_ms);
	return CSN_OK;
}

static int
call_random(struct csn_session *pub, void *out, size_t len)
{
	uint8_t *at = out;

	(void)pub;
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)draw(256);
	return CSN_OK;
}

static int
call_fact(struct csn_session *pub, const char *name, const char *value)
{
	(void)pub;
	(void)name;
	(void)value;
	return CSN_OK;
}

static void
call_transcript(struct csn_session *pub, const uint8_t hash[32])
{
	(void)pub;
	(void)hash;
}

static void
call_finish(struct csn_session *pub, uint32_t outcome, uint32_t code, const char *text)
{
	struct side *s = of(pub);

	s->finished = true;
	s->outcome = outcome;
	s->code = code;
	snprintf(s->text, sizeof s->text, "%s", text);
	if (s->number == DEVICE) /* the agent listens on, in a run of its own      */
		plan(w.now_ns + 50 * NS_PER_MS, AGENT, DEVICE, CSN_BYTES_NONE);
}

static const struct csn_session_ops calls = {
	.size = sizeof calls, .send = call_send, .listen = call_listen, .rest = call_rest,
	.ask = call_ask, .verify = call_verify, .load = call_load, .commit = call_commit,
	.sign = call_sign, .certificate = call_certificate, .decide = call_decide,
	.payload = call_payload, .timer = call_timer, .random = call_random, .fact = call_fact,
	.transcript = call_transcript, .finish = call_finish,
};

/* ---- what happens --------------------------------------------------------------------------------- */

static void
step(struct side *s, struct csn_event event)
{
	if (s->run == NULL || s->finished)
		return;
	event.size = sizeof event;
	event.now_ns = w.now_ns;
	event.unix_s = w.base_s + w.now_ns / NS_PER_S;
	const int r = s->number == STATION ? csgn1_ops.step(s->run, &event) :
	                                     csgn1_device_ops.step(s->run, &event);
	if (r < 0)
		abort();
}

static void
message(struct side *s, uint32_t role, const char *medium, struct csn_bytes bytes)
{
	if (bytes.len > 0 && s->listens)
		step(s, (struct csn_event){ .type = CSN_EVENT_MESSAGE, .role = role, .medium = medium,
		                            .at_ns = w.now_ns, .bytes = bytes });
}

static void
frame(struct side *s, struct csn_bytes left)
{
	const uint32_t role = s->number == STATION ? CSN_ROLE_RETURN : CSN_ROLE_OFFER;

	if (w.kind != LINE) {
		message(s, role, kinds[w.kind].medium,
		        w.kind == VALUES ? ble_take(&s->in, left) : left);
		return;
	}
	while (left.len > 0) {
		struct csn_bytes whole;
		size_t used;

		csn_line_input(&s->line, left, &used, &whole);
		left.ptr += used;
		left.len -= used;
		message(s, role, "serial", whole);
	}
	pump(s);
}

/* The reader looks at its field; who has said all of a message has sent it. */
static void
look(void)
{
	struct csn_bytes up, down;

	plan(w.now_ns + LOOK_MS * NS_PER_MS, LOOK, STATION, CSN_BYTES_NONE);
	if (!w.sides[STATION].listens || !w.sides[DEVICE].listens)
		return; /* an agent that starts takes nothing yet               */
	tag_air_look(&w.tag, &up, &down);
	message(&w.sides[STATION], CSN_ROLE_RETURN, "nfc", up);
	message(&w.sides[DEVICE], CSN_ROLE_OFFER, "nfc", down);
	for (int i = 0; i < 2; i++)
		if (w.sides[i].send_count > 0 && tag_air_said(&w.tag, i == STATION))
			sent(&w.sides[i]);
	w.frames = w.tag.apdus;
	w.lost = w.tag.harmed;
}

static void
end_run(struct side *s)
{
	if (s->run != NULL && s->number == STATION)
		csgn1_ops.end(s->run);
	else if (s->run != NULL)
		csgn1_device_ops.end(s->run);
	s->run = NULL;
	s->life++;
	s->finished = s->listens = false;
}

static void
start_device(void)
{
	const struct csn_begin begin = { .size = sizeof begin, .side = CSN_SIDE_DEVICE };
	struct side *s = &w.sides[DEVICE];

	end_run(s);
	if (csgn1_device_ops.begin(w.device, &s->pub, &begin, &s->run, NULL) != CSN_OK)
		abort();
	step(s, (struct csn_event){ .type = CSN_EVENT_START });
}

static void
start_station(bool pin, struct csn_bytes resume)
{
	const struct csn_begin begin = { .size = sizeof begin, .side = CSN_SIDE_STATION,
		                         .two_way = resume.len == 0, .pin = pin && resume.len == 0,
		                         .resume = resume };
	struct side *s = &w.sides[STATION];

	end_run(s);
	fresh_end(s);
	if (csgn1_ops.begin(&w.station, &s->pub, &begin, &s->run, NULL) != CSN_OK)
		abort();
	step(s, (struct csn_event){ .type = CSN_EVENT_START });
}

static void
happen(struct item *item)
{
	struct side *s = &w.sides[item->side];
	const struct csn_bytes bytes = { item->bytes, item->len };
	struct csn_frag frag;

	switch (item->what) {
	case ANSWER:
		if (item->life != s->life)
			break;
		item->event.bytes = bytes;
		step(s, item->event);
		next_send(s);
		break;
	case FRAME:
		frame(s, bytes);
		break;
	case BIND:
		if (csn_frag_parse(bytes, &frag) == CSN_OK)
			message(s, CSN_ROLE_BIND, "ultrasonic", frag.data);
		break;
	case PUMP:
		pump(s);
		break;
	case SHOW:
		if (s->send_count > 0 && item->life == s->life)
			show(s);
		break;
	case LOOK:
		look();
		break;
	case CUT:
		fresh_end(s);
		start_device();
		break;
	case AGENT:
		if (item->life == s->life)
			start_device();
		break;
	}
}

static void
run_until(uint64_t until_ns, bool until_end)
{
	while (w.items != NULL && w.items->at_ns <= until_ns &&
	       !(until_end && w.sides[STATION].finished)) {
		struct item *item = w.items;

		w.items = item->next;
		w.now_ns = item->at_ns;
		happen(item);
		free(item);
	}
}

/* ---- sessions ---------------------------------------------------------------------------------------- */

static void
forget_rows(struct side *s)
{
	while (s->row_count > 0)
		free(s->rows[--s->row_count].value);
}

static void
make_device_state(void)
{
	static struct csn_device_state born;
	static uint8_t coded[CSN_DEVICE_STATE_MAX];
	const json_t *device = json_object_get(json_object_get(w.file, "vector"), "device");
	const json_t *pake = json_object_get(device, "pake");
	const char *model = json_string_value(json_object_get(device, "class"));
	size_t len;
	struct csn_device_birth birth = {
		.suite = (uint8_t)w.suite, .cost = 8, .modes = 0x5f,
		.floor = (uint32_t)json_integer_value(json_object_get(device, "floor")),
		.seed = unhex(device, "seed"), .model = { (const uint8_t *)model, strlen(model) },
		.maker_spki = unhex(device, "maker_spki"),
		.owner_spki = unhex(device, "owner_spki"),
		.identity_key = unhex(device, "identity_key"),
		.w0 = unhex(pake, "w0"), .l = unhex(pake, "L"),
	};

	birth.cert_count = unhex_all(json_object_get(device, "identity_chain"), birth.certs);
	if (csn_device_state_init(csn_crypto_openssl(), &birth, &born) != CSN_OK ||
	    csn_device_state_encode(&born, coded, sizeof coded, &len) != CSN_OK)
		abort();
	put(&w.sides[DEVICE], "device", (struct csn_bytes){ (const uint8_t *)"state", 5 },
	    (struct csn_bytes){ coded, len });
}

static void
make_station(void)
{
	const json_t *station = json_object_get(w.file, "station");
	const json_t *party = json_object_get(json_object_get(w.file, "parties"), "station");
	const char *suite = w.suite == 1 ? "1" : "2";
	struct csn_bytes makers[3];

	w.station = (struct csgn1){ .host = fakehost_host(fakehost_new(false)), .key_1 = (char *)"one",
		                    .key_2 = (char *)"two", .repeat = 10, .repeat_ms = 5000,
		                    .deadline_ms = 120000, .early_s = 3600, .window_s = 3600,
		                    .session_s = 600, .pin_digits = 6,
		                    .crypto = csn_crypto_openssl() };
	const size_t n = unhex_all(json_object_get(json_object_get(station, "makers"), suite), makers);
	for (size_t i = 0; i < n; i++)
		w.station.trusted[w.station.trusted_count++] =
			(struct station_maker){ w.suite, makers[i] };
	w.chain_len = unhex_all(
		json_object_get(json_object_get(json_object_get(station, "keys"), suite), "chain"),
		w.chain);
	w.key = unhex(party, "private_raw");
}

/* Everything new but the keys, which come from a vector. */
static void
make_world(uint32_t suite, enum kind kind, uint32_t harm)
{
	static json_t *files[2];
	static struct fakehost *host;
	struct csn_error err = { 0 };
	void *device = NULL;
	char path[4096];

	pool_used = 0;
	memset(&w, 0, sizeof w);
	w.suite = suite;
	w.kind = kind;
	w.harm = harm;
	w.now_ns = 1000 * NS_PER_S;
	tag_air_init(&w.tag, draw, harm / 4); /* of APDUs, a dozen a visit        */
	if (kind == TAG)
		plan(w.now_ns, LOOK, STATION, CSN_BYTES_NONE);
	if (files[suite - 1] == NULL) {
		const char *dir = getenv("CSN_VECTORS");
		snprintf(path, sizeof path, "%s/twoway-pin-s%u.json",
		         dir != NULL ? dir : TEST_SRCDIR "/../shared/data/csgn1", (unsigned)suite);
		files[suite - 1] = json_load_file(path, 0, NULL);
	}
	if (host == NULL)
		host = fakehost_new(false);
	w.file = files[suite - 1];
	w.base_s = CSN_STAMP_EPOCH - 1000 +
		   (uint64_t)json_integer_value(json_object_get(json_object_get(w.file, "trace"), "ts"));
	const char *pin = json_string_value(json_object_get(
		json_object_get(json_object_get(w.file, "parties"), "device"), "pin"));
	w.pin = (struct csn_bytes){ (const uint8_t *)pin, strlen(pin) };
	make_station();
	if (fakehost_create(host, &csgn1_device_component, NULL, &device, &err) != CSN_OK)
		abort();
	w.device = device;
	for (int i = 0; i < 2; i++) {
		w.sides[i].pub.ops = &calls;
		w.sides[i].number = i;
		fresh_end(&w.sides[i]);
	}
	make_device_state();
}

static void
end_world(void)
{
	for (int i = 0; i < 2; i++) {
		end_run(&w.sides[i]);
		fresh_end(&w.sides[i]);
		forget_rows(&w.sides[i]);
	}
	csgn1_device_destroy(w.device);
	while (w.items != NULL) {
		struct item *item = w.items;
		w.items = item->next;
		free(item);
	}
	fakehost_free((struct fakehost *)(uintptr_t)w.station.host);
}

/* What the device has on its disk. */
static const struct csn_device_state *
durable(void)
{
	static struct csn_device_state now;
	const struct row *row =
		find(&w.sides[DEVICE], "device", (struct csn_bytes){ (const uint8_t *)"state", 5 });

	if (csn_device_state_decode((struct csn_bytes){ row->value, row->len }, &now) != CSN_OK)
		abort();
	return &now;
}

/* Did it take the offer of this session? */
static bool
committed(const uint8_t sid[16])
{
	const struct csn_device_state *now = durable();

	return now->has_last && memcmp(now->last_sid, sid, 16) == 0;
}

struct sum {
	unsigned sessions, enrolled, refused, unknown, committed_unknown, settled, wordless;
	unsigned false_refused, false_enrolled, false_settled, lives;
	uint64_t frames, lost, ns;
};

static void
one(struct sum *sum, unsigned n)
{
	static const uint32_t harms[] = { 0, 3, 8, 15, 25, 40 };
	struct side *s = &w.sides[STATION];
	const unsigned m = n / KINDS;
	const bool pin = m % 3 == 0, cut = m % 5 == 0;
	uint8_t sid[16];

	state = n * 7919 + 17;
	make_world(1 + m % 2, n % KINDS, harms[m / 2 % 6]);
	if (w.file == NULL)
		abort();
	start_device();
	start_station(pin, CSN_BYTES_NONE);
	memcpy(sid, ((struct csgn1_run *)s->run)->st.sid, sizeof sid);
	if (cut)
		plan(w.now_ns + draw(9000) * NS_PER_MS, CUT, DEVICE, CSN_BYTES_NONE);
	const uint64_t start_ns = w.now_ns;
	run_until(w.now_ns + LIFE_S * NS_PER_S, true);
	sum->sessions++;
	sum->lives += !s->finished;
	sum->ns += w.now_ns - start_ns;
	const uint32_t outcome = s->outcome, code = s->code;
	if (!s->finished)
		tap_note("session %u: not over in phase %u", n, ((struct csgn1_run *)s->run)->phase);
	/* Refused by a check, or in words: why it ended is always said. */
	sum->wordless += s->finished && outcome != CSN_OUTCOME_ENROLLED && s->text[0] == '\0';
	/* The device may still hear what is in the air, and commit late. */
	end_run(s);
	fresh_end(s);
	run_until(w.now_ns + AFTER_S * NS_PER_S, false);
	const bool took = committed(sid);
	sum->frames += w.frames;
	sum->lost += w.lost;
	sum->enrolled += outcome == CSN_OUTCOME_ENROLLED;
	sum->refused += outcome == CSN_OUTCOME_REFUSED;
	sum->false_refused += outcome == CSN_OUTCOME_REFUSED && took;
	sum->false_enrolled += outcome == CSN_OUTCOME_ENROLLED && !took;
	if (outcome == CSN_OUTCOME_REFUSED && took)
		tap_note("session %u: refused %u, and the device committed", n, code);
	if (outcome != CSN_OUTCOME_UNKNOWN) {
		end_world();
		return;
	}
	sum->unknown++;
	sum->committed_unknown += took;
	w.harm = w.tag.harm = 0;
	/* An edited answer that is still about leaves it unknown; who asks again hears more. */
	for (int asked = 0; asked == 0 || (asked < 3 && s->outcome == CSN_OUTCOME_UNKNOWN); asked++) {
		start_station(pin, (struct csn_bytes){ sid, sizeof sid });
		run_until(w.now_ns + LIFE_S * NS_PER_S, true);
	}
	sum->settled += took && s->finished && s->outcome == CSN_OUTCOME_ENROLLED;
	sum->false_settled += took != (s->finished && s->outcome == CSN_OUTCOME_ENROLLED);
	if (took != (s->outcome == CSN_OUTCOME_ENROLLED))
		tap_note("session %u: device %s, resumed to outcome %u code %u: %s", n,
		         took ? "committed" : "did not commit", s->outcome, s->code, s->text);
	end_world();
}

/*
 * Somebody guesses: session after session with another PIN, the device's power cut at any
 * moment of most of them.  True when the device judged at most five guesses, counted five
 * tries, and is in quarantine.
 */
static bool
guess(unsigned n, unsigned *ret_judged, unsigned *ret_sessions)
{
	static const uint8_t wrong[] = "604817";
	unsigned sessions = 0;

	state = n * 104729 + 3;
	make_world(1 + n % 2, n % KINDS, n % 3 * 8);
	w.pin = (struct csn_bytes){ wrong, 6 };
	start_device();
	while (!durable()->quarantined && sessions < 60) {
		sessions++;
		start_station(true, CSN_BYTES_NONE);
		if (draw(3) > 0)
			plan(w.now_ns + draw(6000) * NS_PER_MS, CUT, DEVICE, CSN_BYTES_NONE);
		run_until(w.now_ns + LIFE_S * NS_PER_S, true);
		end_run(&w.sides[STATION]);
		fresh_end(&w.sides[STATION]);
		/* Long enough for the cooling of section 11, and for what is in the air. */
		run_until(w.now_ns + 600 * NS_PER_S, false);
	}
	const unsigned judged = w.m4s;
	const unsigned tries = durable()->tries;
	const bool quarantined = durable()->quarantined;
	const bool shut = quarantined && tries == 5 && judged <= 5;
	/* And no guess is judged any more. */
	for (unsigned i = 0; i < 2; i++) {
		start_station(true, CSN_BYTES_NONE);
		run_until(w.now_ns + LIFE_S * NS_PER_S, true);
	}
	const bool stays = w.m4s == judged;
	end_world();
	*ret_judged = judged;
	*ret_sessions = sessions;
	if (!shut || !stays)
		tap_note("device %u over %s: %u judged, %u tries, quarantine %d after %u sessions", n,
		         kinds[n % KINDS].name, judged, tries, quarantined, sessions);
	return shut && stays;
}

static void
guesses(unsigned count)
{
	unsigned good = 0, full = 0, sessions = 0;

	for (unsigned n = 0; n < count; n++) {
		unsigned judged, took;

		good += guess(n, &judged, &took);
		full += judged == 5;
		sessions += took;
	}
	tap_is(good, count, "a PIN is judged five times over any mix of power cuts, never a sixth");
	tap_note("%u devices, %u sessions; %u devices judged all five, the others lost a counted "
	         "try to a cut", count, sessions, full);
}

int
main(int argc, char **argv)
{
	const unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	const unsigned first = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	struct sum sum = { 0 };

	for (enum kind kind = 0; kind < KINDS; kind++) {
		const struct sum before = sum;

		for (unsigned n = first + kind; n < first + count; n += KINDS)
			one(&sum, n);
		/* Edited files are refused for it; what a channel checks is only said again. */
		tap_ok(sum.enrolled - before.enrolled >
		               (sum.sessions - before.sessions) / (kind == FILES ? 3 : 2),
		       "%s: most enrol in spite of it", kinds[kind].name);
		tap_note("%s: %u sessions, %u enrolled, %u refused, %u unknown of which %u committed; "
		         "%llu frames, %llu harmed", kinds[kind].name, sum.sessions - before.sessions,
		         sum.enrolled - before.enrolled, sum.refused - before.refused,
		         sum.unknown - before.unknown, sum.committed_unknown - before.committed_unknown,
		         (unsigned long long)(sum.frames - before.frames),
		         (unsigned long long)(sum.lost - before.lost));
	}
	tap_is(sum.lives, 0, "every session ends in its time");
	tap_is(sum.false_refused, 0, "none is reported refused while the device committed");
	tap_is(sum.false_enrolled, 0, "none is enrolled while the device did not commit");
	tap_is(sum.false_settled, 0,
	       "what nobody knew is settled: enrolled where the device committed, else not");
	tap_is(sum.wordless, 0, "whatever did not enrol says why");
	tap_note("%u sessions: %u enrolled, %u refused, %u unknown (%u of them committed, %u settled)",
	         sum.sessions, sum.enrolled, sum.refused, sum.unknown, sum.committed_unknown,
	         sum.settled);
	tap_note("%llu frames, %llu lost; %.1f s of virtual time a session",
	         (unsigned long long)sum.frames, (unsigned long long)sum.lost,
	         (double)sum.ns / 1e9 / sum.sessions);
	guesses(count / 25);
	return tap_done();
}
