/*
 * Whole sessions in one process: a scripted ceremony, a store that can be told to fail
 * at any commit, a virtual clock.  What must never happen is asked after every run.
 */
#include "core/audit/audit.h"
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/link/link.h"
#include "core/loop/loop.h"
#include "core/loop/op.h"
#include "core/policy/policy.h"
#include "core/session/session.h"
#include "kit/tap.h"
#include "lib/cose.h"
#include "lib/crypto-openssl.h"
#include "lib/ear.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <unistd.h>

#define CANARY "CANARY-wifi-passphrase-77"
#define PIN    "49302755"

/* ---- the world ---------------------------------------------------------------- */

enum fault { FINE, SAY_NO, FAIL_LATER, NEVER, TWICE };

struct answer {
	struct world *w;
	struct csn_op *op;
	int result;
	struct csn_buf *buf;
	bool twice;
};

struct world {
	struct csn_loop *loop;
	struct csn_log *log;
	struct csn_ops *ops;
	struct policy *policy;
	struct link *links[5];
	int log_fd;

	/* store */
	size_t commits, fault_at; /* counts from 1; 0: no fault     */
	enum fault fault;
	size_t entry_count;
	struct audit_entry entries[32];
	char raw[32 * AUDIT_ENTRY_MAX];
	size_t raw_len;
	bool authorised_durable;

	/* what people say and see */
	int confirm; /* result of CONFIRM and COMPARE                        */
	char compared[16];
	char stories[4096];

	/* verifier */
	uint32_t judgement, appraised;
	int32_t claim, executables;
	bool verifier_hangs, challenged;

	/* keys, and what the core puts into the store */
	const char *key_name;
	enum fault key_fault;
	size_t results, quarantined, result_len;
	uint8_t result[CSN_EAR_MAX + 256], result_key[32], quarantine_did[16];

	/* ceremony */
	const struct act *script;
	size_t at;
	int last, sync; /* result of the last answer and of the last call */
	uint32_t judged;
	bool got_payload, payload_early, got_stop, pin_right;
	size_t events;
	uint32_t left_out;

	/* the end */
	bool ended;
	uint32_t outcome, code;
	char reason[64], found[128], text[256];
	struct csn_session *pub;
};

static void
answer_now(void *arg)
{
	struct answer *a = arg;
	struct csn_op *op = a->op;
	bool twice = a->twice;

	csn_op_done(op, a->result, a->buf);
	if (twice)
		csn_op_done(op, CSN_OK, NULL);
	free(a);
}

static int
later(struct world *w, struct csn_op *op, int result, struct csn_buf *buf, bool twice)
{
	struct answer *a = calloc(1, sizeof *a);

	*a = (struct answer){ w, op, result, buf, twice };
	return csn_loop_timer_add(w->loop, csn_loop_now(w->loop) + CSN_MS, answer_now,
				  a) != NULL
		       ? CSN_OK
		       : CSN_E_NOMEM;
}

/* What goes into the spaces of the core. */
static void
note_put(struct world *w, const struct csn_store_item *item)
{
	if (strcmp(item->space, "quarantine") == 0 && item->key.len == 16) {
		w->quarantined++;
		memcpy(w->quarantine_did, item->key.ptr, 16);
	}
	if (strcmp(item->space, "result") == 0 && item->value.len <= sizeof w->result) {
		w->results++;
		memcpy(w->result_key, item->key.ptr, sizeof w->result_key);
		memcpy(w->result, item->value.ptr, item->value.len);
		w->result_len = item->value.len;
	}
}

static int
store_commit(void *self, struct csn_op *op, const struct csn_store_item *items,
	     size_t count)
{
	struct world *w = self;
	enum fault fault = ++w->commits == w->fault_at ? w->fault : FINE;

	if (fault == SAY_NO)
		return CSN_E_IO;
	if (fault == NEVER)
		return CSN_OK;
	if (fault == FAIL_LATER)
		return later(w, op, CSN_E_IO, NULL, false);
	for (size_t i = 0; i < count; i++) {
		struct audit_entry entry;

		if (items[i].kind == CSN_ITEM_PUT)
			note_put(w, &items[i]);
		if (items[i].kind != CSN_ITEM_AUDIT || w->entry_count == 32)
			continue;
		memcpy(w->raw + w->raw_len, items[i].value.ptr, items[i].value.len);
		w->raw_len += items[i].value.len;
		if (audit_decode(items[i].value, &entry) != CSN_OK)
			abort();
		w->entries[w->entry_count++] = entry;
		if (entry.what == AUDIT_DECIDE && entry.stage == CSN_STAGE_AUTHORISED &&
		    entry.yes)
			w->authorised_durable = true;
	}
	return later(w, op, CSN_OK, NULL, fault == TWICE);
}

static int
store_get(void *self, struct csn_op *op, const char *space, struct csn_bytes key)
{
	(void)space;
	return later(self, op, CSN_OK, csn_buf_new(key.ptr, key.len, 0), false);
}

static void
no_cancel(void *self, struct csn_op *op)
{
	(void)self;
	(void)op; /* the core must do without                                    */
}

static const struct csn_store_ops store_ops = { .size = sizeof store_ops,
						.commit = store_commit,
						.get = store_get,
						.cancel = no_cancel };

static int
prompt_ask(void *self, struct csn_op *op, const struct csn_prompt *prompt)
{
	struct world *w = self;

	if (prompt->question == CSN_ASK_PIN)
		return later(w, op, CSN_OK,
			     csn_buf_new(PIN, strlen(PIN), CSN_BUF_SECRET), false);
	if (prompt->question == CSN_ASK_COMPARE)
		snprintf(w->compared, sizeof w->compared, "%s", prompt->code);
	return w->confirm == CSN_E_MISSING ? CSN_E_MISSING
					   : later(w, op, w->confirm, NULL, false);
}

static const struct csn_prompt_ops prompt_ops = { .size = sizeof prompt_ops,
						  .ask = prompt_ask,
						  .cancel = no_cancel };

static const char *
verifier_type(void *self)
{
	(void)self;
	return "fake";
}

static int
verifier_verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
		struct csn_verdict *verdict)
{
	struct world *w = self;

	if (evidence->value.len != 3 || w->verifier_hangs)
		return CSN_OK; /* and never an answer                         */
	verdict->trust[CSN_TRUST_EXECUTABLES] = w->executables;
	verdict->judgement = w->judgement;
	verdict->trust[CSN_TRUST_INSTANCE] = w->claim;
	verdict->fact_count = 1;
	strcpy(verdict->facts[0].name, "executables.svn");
	strcpy(verdict->facts[0].value, "4");
	return later(w, op, CSN_OK, NULL, false);
}

static int
verifier_appraise(void *self, const struct csn_evidence *evidence,
		  struct csn_verdict *verdict)
{
	struct world *w = self;

	(void)evidence;
	if (w->appraised != 0)
		verdict->judgement = w->appraised;
	return CSN_OK;
}

static const struct csn_attest_ops verifier_ops = { .size = sizeof verifier_ops,
						    .type = verifier_type,
						    .verify = verifier_verify,
						    .appraise = verifier_appraise,
						    .cancel = no_cancel };

/* The key of RFC 8032 7.1, test 1: another program could check what it signs. */
static const uint8_t seed[32] = {
	0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
	0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60
};
static const uint8_t public_key[32] = {
	0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
	0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a
};

static int
keys_sign(void *self, struct csn_op *op, const char *key, const char *algorithm,
	  struct csn_bytes to_sign)
{
	struct world *w = self;
	uint8_t sig[64];
	size_t len = sizeof sig;
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (strcmp(key, "log") != 0 || strcmp(algorithm, "EdDSA") != 0 ||
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestSign(ctx, sig, &len, to_sign.ptr, to_sign.len) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	if (w->key_fault == SAY_NO)
		return CSN_E_IO;
	if (w->key_fault == NEVER)
		return CSN_OK;
	return later(w, op, w->key_fault == FAIL_LATER ? CSN_E_IO : CSN_OK,
		     csn_buf_new(sig, len, 0), false);
}

static const struct csn_keys_ops keys_ops = { .size = sizeof keys_ops,
					      .sign = keys_sign,
					      .cancel = no_cancel };

static int
channel_caps(void *self, struct csn_channel_caps *caps)
{
	caps->direction = CSN_SEND | CSN_RECEIVE;
	caps->max_message = 4096;
	caps->medium_name = self;
	return CSN_OK;
}

static struct world *the_world; /* channels have no other way to it             */

static int
channel_send(void *self, struct csn_op *op, struct csn_bytes message)
{
	(void)self;
	(void)message;
	return later(the_world, op, CSN_OK, NULL, false);
}

static int
channel_receive(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
	return CSN_OK;
}

static void
channel_cancel(void *self, struct csn_op *op)
{
	(void)self;
	csn_op_done(op, CSN_E_CANCELLED, NULL);
}

static void
channel_rest(void *self)
{
	(void)self;
}

static const struct csn_channel_ops channel_ops = { .size = sizeof channel_ops,
						    .caps = channel_caps,
						    .send = channel_send,
						    .receive = channel_receive,
						    .cancel = channel_cancel,
						    .rest = channel_rest };

/* ---- the scripted ceremony ------------------------------------------------------ */

enum verb {
	END,
	FACT,
	DECIDE,
	PAYLOAD,
	SEND,
	COMMIT,
	LOAD,
	ASK_PIN,
	VERIFY,
	TIMER,
	FINISH,
	BREAK,
	TWO_CALLS,
	WAIT
};

struct act {
	enum verb verb;
	uint32_t number;
	const char *name, *value;
};

static const uint8_t evidence_value[3] = { 1, 2, 3 };

static int
act(struct world *w, const struct act *a, uint32_t id, bool *ret_waits)
{
	const struct csn_session_ops *ops = w->pub->ops;
	struct csn_bytes bytes = { (const uint8_t *)"abc", 3 };
	struct csn_store_item put = { CSN_ITEM_PUT, 0, "x", bytes, bytes };
	struct csn_prompt pin = { .size = sizeof pin, .question = CSN_ASK_PIN };
	struct csn_evidence evidence = { .size = sizeof evidence,
					 .type = a->name,
					 .value = { evidence_value, 3 } };

	if (w->challenged)
		evidence.challenge = (struct csn_bytes){ seed, 32 };

	*ret_waits = true;
	switch (a->verb) {
	case DECIDE:
		return ops->decide(w->pub, id, a->number);
	case PAYLOAD:
		return ops->payload(w->pub, id);
	case SEND:
		return ops->send(w->pub, id, a->number, bytes);
	case COMMIT:
		return ops->commit(w->pub, id, &put, 1);
	case LOAD:
		return ops->load(w->pub, id, "x", bytes);
	case ASK_PIN:
		return ops->ask(w->pub, id, &pin);
	case VERIFY:
		return ops->verify(w->pub, id, &evidence);
	case TIMER:
		return ops->timer(w->pub, id, a->number);
	case WAIT:
		return CSN_OK;
	case TWO_CALLS:
		ops->load(w->pub, id, "x", bytes);
		*ret_waits = false;
		return ops->load(w->pub, id, "x", bytes);
	case FACT:
		*ret_waits = false;
		return ops->fact(w->pub, a->name, a->value);
	case FINISH:
		ops->finish(w->pub, a->number, 0, "done");
		return CSN_OK;
	default:
		return CSN_E_INTERNAL;
	}
}

static int
fake_step(void *run, const struct csn_event *event)
{
	struct world *w = run;
	bool waits = false;

	w->events++;
	w->last = event->result;
	w->got_stop = w->got_stop || event->type == CSN_EVENT_STOP;
	if (event->type == CSN_EVENT_STOP)
		return CSN_OK;
	if (event->type == CSN_EVENT_PAYLOAD && event->result == CSN_OK) {
		w->got_payload = true;
		w->payload_early = w->payload_early || !w->authorised_durable;
	}
	if (event->type == CSN_EVENT_ANSWER && event->bytes.len == strlen(PIN))
		w->pin_right = memcmp(event->bytes.ptr, PIN, strlen(PIN)) == 0;
	if (event->type == CSN_EVENT_VERDICT)
		w->judged = event->verdict->judgement;
	/* As a decent ceremony: an answer that is no ends it. */
	if (event->result != CSN_OK && w->script[w->at].verb != WAIT) {
		w->pub->ops->finish(w->pub, CSN_OUTCOME_REFUSED, 0, "an answer was no");
		return CSN_OK;
	}
	while (!waits) {
		const struct act *a = &w->script[w->at];

		if (a->verb == BREAK)
			return CSN_E_INTERNAL;
		if (a->verb == END)
			return CSN_OK;
		w->at++;
		w->sync = act(w, a, (uint32_t)w->at, &waits);
		if (w->sync < 0)
			waits = false;
		if (w->sync < 0 && a->verb == DECIDE) {
			w->pub->ops->finish(w->pub, CSN_OUTCOME_REFUSED, 0,
					    "decide said no");
			return CSN_OK;
		}
	}
	return CSN_OK;
}

static int
fake_begin(void *self, struct csn_session *session, const struct csn_begin *begin,
	   void **ret_run, struct csn_error *err)
{
	struct world *w = self;

	(void)begin;
	(void)err;
	w->pub = session;
	*ret_run = w;
	return CSN_OK;
}

static void
fake_end(void *run)
{
	(void)run;
}

/*
 * ---- running one ------------------------------------------------------------------
 */

static void
on_story(void *arg, uint32_t stage, const char *text)
{
	struct world *w = arg;

	(void)stage;
	if (strlen(w->stories) + strlen(text) + 2 < sizeof w->stories) {
		strcat(w->stories, text);
		strcat(w->stories, "\n");
	}
}

static void
on_end(void *arg, const struct session_end *end)
{
	struct world *w = arg;

	w->ended = true;
	w->outcome = end->outcome;
	w->code = end->code;
	snprintf(w->reason, sizeof w->reason, "%s", end->reason);
	snprintf(w->found, sizeof w->found, "%s", end->found);
	snprintf(w->text, sizeof w->text, "%s", end->text);
}

static void
world_new(struct world *w)
{
	struct csn_error err = { 0 };

	memset(w, 0, sizeof *w);
	the_world = w;
	w->log_fd = memfd_create("log", MFD_CLOEXEC);
	w->loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	w->log = csn_log_new(w->log_fd, CSN_LOG_TEXT, CSN_LOG_DEBUG);
	w->ops = csn_ops_new(w->loop, w->log);
	w->left_out = 1u << CSN_STAGE_OOB_CONFIRMED;
	w->judgement = CSN_ACCEPTED;
	w->claim = CSN_CODE_AFFIRMED;
	if (policy_new(NULL, &w->policy, &err) < 0)
		abort();
	static char media[2][8] = { "light", "sound" };
	for (uint32_t role = CSN_ROLE_OFFER; role <= CSN_ROLE_BIND; role++) {
		struct link_parts parts = { .label = media[role - 1],
					    .loop = w->loop,
					    .ops = w->ops,
					    .log = w->log,
					    .channel = &channel_ops,
					    .channel_self = media[role - 1] };

		if (link_new(&parts, &w->links[role], &err) < 0)
			abort();
	}
}

static void
world_free(struct world *w)
{
	for (size_t i = 0; i < 5; i++)
		link_free(w->links[i]);
	csn_loop_run_until(w->loop, csn_loop_now(w->loop) + 5 * CSN_SECOND);
	csn_ops_free(w->ops);
	policy_free(w->policy);
	csn_log_free(w->log);
	csn_loop_free(w->loop);
	close(w->log_fd);
}

static struct session *
start(struct world *w, const struct act *script, struct csn_ceremony_ops *ceremony,
      uint32_t side)
{
	struct session *s = NULL;
	struct csn_error err = { 0 };
	struct session_attest attest = { &verifier_ops, w };
	static struct session_attest kept[1];
	struct csn_buf *payload = csn_buf_new(CANARY, strlen(CANARY), CSN_BUF_SECRET);
	struct csn_begin begin = { .size = sizeof begin, .side = side };
	struct session_calls calls = { on_story, on_end, w };

	kept[0] = attest;
	w->script = script;
	*ceremony = (struct csn_ceremony_ops){ .size = sizeof *ceremony,
					       .stages_left_out = w->left_out,
					       .begin = fake_begin,
					       .step = fake_step,
					       .end = fake_end };
	struct session_parts parts = { .loop = w->loop,
				       .ops = w->ops,
				       .log = w->log,
				       .ceremony = ceremony,
				       .ceremony_self = w,
				       .store = &store_ops,
				       .store_self = w,
				       .prompt = &prompt_ops,
				       .prompt_self = w,
				       .attest = kept,
				       .attest_count = 1,
				       .keys = &keys_ops,
				       .keys_self = w,
				       .result_key = w->key_name,
				       .policy = w->policy,
				       .payload = payload };
	memcpy(parts.links, w->links, sizeof parts.links);
	if (session_new(&parts, &begin, &calls, &s, &err) < 0) {
		tap_note("session_new: %s", err.text);
		abort();
	}
	csn_buf_unref(payload);
	return s;
}

static void
play(struct world *w, const struct act *script)
{
	struct csn_ceremony_ops ceremony;
	struct session *s = start(w, script, &ceremony, CSN_SIDE_STATION);

	csn_loop_run_until(w->loop, csn_loop_now(w->loop) + 2000 * CSN_SECOND);
	session_free(s);
}

#define DID_FACT                                                                       \
	{                                                                              \
		FACT, 0, "identity.did", "000102030405060708090a0b0c0d0e0f"            \
	}
#define TO_ATTESTED                                                                    \
	{ DECIDE, CSN_STAGE_SEEN, NULL, NULL },                                        \
		{ DECIDE, CSN_STAGE_BOOTSTRAPPED, NULL, NULL },                        \
		{ DECIDE, CSN_STAGE_KEYED, NULL, NULL },                               \
		{ DECIDE, CSN_STAGE_AUTHENTICATED, NULL, NULL },                       \
	{                                                                              \
		DECIDE, CSN_STAGE_ATTESTED, NULL, NULL                                 \
	}
#define TO_DELIVERED                                                                   \
	DID_FACT, TO_ATTESTED, { DECIDE, CSN_STAGE_AUTHORISED, NULL, NULL },           \
		{ PAYLOAD, 0, NULL, NULL }, { COMMIT, 0, NULL, NULL },                 \
		{ SEND, CSN_ROLE_OFFER, NULL, NULL },                                  \
		{ SEND, CSN_ROLE_BIND, NULL, NULL },                                   \
	{                                                                              \
		DECIDE, CSN_STAGE_DELIVERED, NULL, NULL                                \
	}

static const struct act one_way[] = { TO_DELIVERED,
				      { FINISH, CSN_OUTCOME_OFFERED, NULL, NULL },
				      { END, 0, NULL, NULL } };
static const struct act two_way[] = { TO_DELIVERED,
				      { DECIDE, CSN_STAGE_ACKED, NULL, NULL },
				      { DECIDE, CSN_STAGE_ENROLLED, NULL, NULL },
				      { FINISH, CSN_OUTCOME_ENROLLED, NULL, NULL },
				      { END, 0, NULL, NULL } };

/* ---- tables --------------------------------------------------------------------- */

static const struct act early[] = { DID_FACT,
				    { DECIDE, CSN_STAGE_SEEN, NULL, NULL },
				    { PAYLOAD, 0, NULL, NULL },
				    { WAIT, 0, NULL, NULL },
				    { END, 0, NULL, NULL } };
static const struct act skips[] = { DID_FACT,
				    { DECIDE, CSN_STAGE_SEEN, NULL, NULL },
				    { DECIDE, CSN_STAGE_AUTHORISED, NULL, NULL },
				    { PAYLOAD, 0, NULL, NULL },
				    { END, 0, NULL, NULL } };
static const struct act back[] = { DID_FACT,
				   { DECIDE, CSN_STAGE_SEEN, NULL, NULL },
				   { DECIDE, CSN_STAGE_BOOTSTRAPPED, NULL, NULL },
				   { DECIDE, CSN_STAGE_SEEN, NULL, NULL },
				   { END, 0, NULL, NULL } };
static const struct act left[] = { DID_FACT,
				   { DECIDE, CSN_STAGE_SEEN, NULL, NULL },
				   { DECIDE, CSN_STAGE_BOOTSTRAPPED, NULL, NULL },
				   { DECIDE, CSN_STAGE_KEYED, NULL, NULL },
				   { DECIDE, CSN_STAGE_OOB_CONFIRMED, NULL, NULL },
				   { END, 0, NULL, NULL } };
static const struct act no_did[] = { TO_ATTESTED,
				     { DECIDE, CSN_STAGE_AUTHORISED, NULL, NULL },
				     { PAYLOAD, 0, NULL, NULL },
				     { END, 0, NULL, NULL } };
static const struct act lies[] = { DID_FACT,
				   TO_ATTESTED,
				   { DECIDE, CSN_STAGE_AUTHORISED, NULL, NULL },
				   { FINISH, CSN_OUTCOME_ENROLLED, NULL, NULL },
				   { END, 0, NULL, NULL } };
static const struct act lies_offered[] = { DID_FACT,
					   { DECIDE, CSN_STAGE_SEEN, NULL, NULL },
					   { FINISH, CSN_OUTCOME_OFFERED, NULL, NULL },
					   { END, 0, NULL, NULL } };
static const struct act lies_late[] = { TO_DELIVERED,
					{ FINISH, CSN_OUTCOME_ENROLLED, NULL, NULL },
					{ END, 0, NULL, NULL } };
static const struct act none[] = { { FINISH, CSN_OUTCOME_NONE, NULL, NULL },
				   { END, 0, NULL, NULL } };
static const struct act breaks[] = { DID_FACT,
				     { DECIDE, CSN_STAGE_SEEN, NULL, NULL },
				     { BREAK, 0, NULL, NULL } };
static const struct act hangs[] = { DID_FACT,
				    { DECIDE, CSN_STAGE_SEEN, NULL, NULL },
				    { END, 0, NULL, NULL } };
static const struct act tier[] = { DID_FACT,
				   { FACT, 0, "tier", "basic" },
				   TO_ATTESTED,
				   { DECIDE, CSN_STAGE_AUTHORISED, NULL, NULL },
				   { PAYLOAD, 0, NULL, NULL },
				   { END, 0, NULL, NULL } };
static const struct act forges[] = { { FACT, 0, "oob.channels", "7" },
				     { FACT, 0, "oob.media", "a,b,c" },
				     DID_FACT,
				     TO_ATTESTED,
				     { DECIDE, CSN_STAGE_AUTHORISED, NULL, NULL },
				     { PAYLOAD, 0, NULL, NULL },
				     { END, 0, NULL, NULL } };

static const struct {
	const char *what;
	const struct act *script;
	bool one_medium;
	uint32_t outcome;
	const char *reason, *found;
	bool payload;
} runs[] = {
	{ "one way, everything in order: offered", one_way, false, CSN_OUTCOME_OFFERED,
	  "", "", true },
	{ "two way, everything in order: enrolled", two_way, false,
	  CSN_OUTCOME_ENROLLED, "", "", true },
	{ "the payload before AUTHORISED: nothing comes", early, false,
	  CSN_OUTCOME_REFUSED, "limit", "", false },
	{ "a stage skipped without being declared: refused", skips, false,
	  CSN_OUTCOME_REFUSED, "order", "", false },
	{ "a stage asked for twice: refused", back, false, CSN_OUTCOME_REFUSED, "order",
	  "", false },
	{ "a stage declared as left out asked for: refused", left, false,
	  CSN_OUTCOME_REFUSED, "order", "", false },
	{ "no device named: policy refuses", no_did, false, CSN_OUTCOME_REFUSED,
	  "policy", "identity.did (nobody reported it)", false },
	{ "one medium for both roles: policy refuses", one_way, true,
	  CSN_OUTCOME_REFUSED, "policy", "oob.channels 1", false },
	{ "a ceremony cannot set the core's facts", forges, true, CSN_OUTCOME_REFUSED,
	  "policy", "oob.channels 1", false },
	{ "the basic tier without leave: policy refuses", tier, false,
	  CSN_OUTCOME_REFUSED, "policy", "tier basic", false },
	{ "enrolled claimed before ENROLLED, nothing sent: refused", lies, false,
	  CSN_OUTCOME_REFUSED, "order", "", false },
	{ "offered claimed before DELIVERED: refused", lies_offered, false,
	  CSN_OUTCOME_REFUSED, "order", "", false },
	{ "enrolled claimed after the offer was sent: unknown", lies_late, false,
	  CSN_OUTCOME_UNKNOWN, "order", "", true },
	{ "no outcome given: refused", none, false, CSN_OUTCOME_REFUSED, "order", "",
	  false },
	{ "a step that fails: refused", breaks, false, CSN_OUTCOME_REFUSED, "step", "",
	  false },
	{ "a ceremony that waits for ever: ended by the limit", hangs, false,
	  CSN_OUTCOME_REFUSED, "limit", "", false },
};

static void
test_runs(void)
{
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
		static struct world w;

		world_new(&w);
		if (runs[i].one_medium) {
			link_free(w.links[CSN_ROLE_BIND]);
			w.links[CSN_ROLE_BIND] = NULL;
		}
		play(&w, runs[i].script);
		bool last = w.entry_count > 0 &&
			    w.entries[w.entry_count - 1].what == AUDIT_END &&
			    w.entries[w.entry_count - 1].outcome == runs[i].outcome;
		if (!tap_ok(w.ended && w.outcome == runs[i].outcome &&
				    strcmp(w.reason, runs[i].reason) == 0 &&
				    strcmp(w.found, runs[i].found) == 0 && last &&
				    w.got_payload == runs[i].payload &&
				    !w.payload_early,
			    "%s", runs[i].what))
			tap_note("outcome %u reason \"%s\" found \"%s\" payload %d "
				 "text \"%s\"",
				 w.outcome, w.reason, w.found, w.got_payload, w.text);
		world_free(&w);
	}
}

static void
test_entries(void)
{
	static const uint32_t stages[] = { CSN_STAGE_SEEN,     CSN_STAGE_BOOTSTRAPPED,
					   CSN_STAGE_KEYED,    CSN_STAGE_AUTHENTICATED,
					   CSN_STAGE_ATTESTED, CSN_STAGE_AUTHORISED };
	static struct world w;
	bool good;

	world_new(&w);
	play(&w, one_way);
	good = w.entry_count == 9;
	for (size_t i = 0; good && i < 6; i++)
		good = w.entries[i].what == AUDIT_DECIDE &&
		       w.entries[i].stage == stages[i] && w.entries[i].yes &&
		       w.entries[i].has[AUDIT_DID] &&
		       w.entries[i].field[AUDIT_DID][15] == 15 &&
		       w.entries[i].has[AUDIT_FACTS];
	tap_ok(good && w.entries[6].what == AUDIT_COMMIT &&
		       w.entries[7].what == AUDIT_DECIDE &&
		       w.entries[7].stage == CSN_STAGE_DELIVERED &&
		       w.entries[8].what == AUDIT_END,
	       "each decision, the commit and the end are entries, in order, with the "
	       "device");
	world_free(&w);
}

/*
 * Every commit of a whole two-way session fails in every way.  Nothing may be claimed
 * that is not on record, and no payload may come before AUTHORISED is.
 */
static void
test_store_faults(void)
{
	static const char *const names[] = { "", "refuses at once", "fails later",
					     "never answers", "answers twice" };

	for (enum fault fault = SAY_NO; fault <= TWICE; fault++) {
		size_t bad = 0, runs_made = 0, wrong = 0;

		for (size_t at = 1; at <= 11; at++) {
			static struct world w;

			world_new(&w);
			w.fault = fault;
			w.fault_at = at;
			play(&w, two_way);
			runs_made++;
			bool recorded =
				w.entry_count > 0 &&
				w.entries[w.entry_count - 1].what == AUDIT_END &&
				w.entries[w.entry_count - 1].outcome ==
					CSN_OUTCOME_ENROLLED;
			if (!w.ended || w.payload_early ||
			    (w.got_payload && !w.authorised_durable) ||
			    (w.outcome == CSN_OUTCOME_ENROLLED && !recorded))
				bad++;
			/* Commits 1 to 6 decide up to AUTHORISED, 7 is the offer's
			 * record, then it is sent; 11 is the end's own. */
			uint32_t want = fault == TWICE ? CSN_OUTCOME_ENROLLED
					: at <= 7      ? CSN_OUTCOME_REFUSED
						       : CSN_OUTCOME_UNKNOWN;
			if (w.outcome != want ||
			    (fault != TWICE && strcmp(w.reason, "store") != 0)) {
				wrong++;
				tap_note("commit %zu: outcome %u reason %s", at,
					 w.outcome, w.reason);
			}
			world_free(&w);
		}
		tap_ok(bad == 0 && runs_made == 11,
		       "a store that %s at each of %zu commits: nothing claimed, "
		       "nothing released",
		       names[fault], runs_made);
		tap_ok(wrong == 0, "a store that %s: each of these ends as it must",
		       names[fault]);
	}
}

/* A policy that asks people at every station. */
static struct policy *
people_policy(const char *first, const char *second)
{
	char path[] = "/tmp/csn-policy-XXXXXX", text[256];
	struct csn_config_file *file = NULL;
	struct policy *policy = NULL;
	struct csn_error err = { 0 };
	int fd = mkstemp(path);

	snprintf(text, sizeof text, "policy : { %s = [ \"side == station\" ]; %s%s };\n", first,
		 second != NULL ? second : "", second != NULL ? " = [ \"side == station\" ];" : "");
	if (fd < 0 || write(fd, text, strlen(text)) < 0 ||
	    csn_config_read(path, &file, &err) < 0 ||
	    policy_new(csn_config_sub(csn_config_root(file), "policy"), &policy, &err) < 0)
		abort();
	close(fd);
	csn_config_free(file);
	unlink(path);
	return policy;
}

static void
test_people(void)
{
	static const struct {
		const char *what, *rule;
		int confirm;
		uint32_t outcome;
		const char *reason;
	} cases[] = {
		{ "a second person agrees: goes on", "two_person_when", CSN_OK,
		  CSN_OUTCOME_OFFERED, "" },
		{ "a second person says no: refused", "two_person_when", CSN_E_REFUSED,
		  CSN_OUTCOME_REFUSED, "two-person" },
		{ "no second person there: refused", "two_person_when", CSN_E_MISSING,
		  CSN_OUTCOME_REFUSED, "two-person" },
		{ "the device shows the code: goes on", "compare_when", CSN_OK,
		  CSN_OUTCOME_OFFERED, "" },
		{ "the device shows another code: refused", "compare_when", CSN_E_REFUSED,
		  CSN_OUTCOME_REFUSED, "compare" },
		{ "nobody compares: refused", "compare_when", CSN_E_MISSING,
		  CSN_OUTCOME_REFUSED, "compare" },
		{ "both are asked for", "both", CSN_OK, CSN_OUTCOME_OFFERED, "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct world w;
		bool both = strcmp(cases[i].rule, "both") == 0;

		world_new(&w);
		policy_free(w.policy);
		w.policy = people_policy(both ? "two_person_when" : cases[i].rule,
					 both ? "compare_when" : NULL);
		w.confirm = cases[i].confirm;
		play(&w, one_way);
		if (!tap_ok(w.outcome == cases[i].outcome &&
				    strcmp(w.reason, cases[i].reason) == 0 &&
				    w.got_payload ==
					    (cases[i].outcome == CSN_OUTCOME_OFFERED),
			    "%s", cases[i].what))
			tap_note("outcome %u reason %s", w.outcome, w.reason);
		if (both || strcmp(cases[i].rule, "compare_when") == 0)
			tap_ok(strcmp(w.compared, "0001 0203 0405") == 0,
			       "the code is the head of the device's id: %s", w.compared);
		else
			tap_ok(w.compared[0] == '\0', "nothing is compared unasked");
		world_free(&w);
	}
}

static void
test_verdicts(void)
{
	static const struct act fake[] = { { VERIFY, 0, "fake", NULL },
					   { WAIT, 0, NULL, NULL },
					   { END, 0, NULL, NULL } };
	static const struct act other[] = { { VERIFY, 0, "other", NULL },
					    { WAIT, 0, NULL, NULL },
					    { END, 0, NULL, NULL } };
	static const struct {
		const char *what;
		const struct act *script;
		uint32_t judgement, appraised;
		bool hangs;
		uint32_t want;
		int result, sync;
		int32_t claim;
	} cases[] = {
		{ "accepted evidence is accepted", fake, CSN_ACCEPTED, 0, false,
		  CSN_ACCEPTED, CSN_OK, CSN_OK, CSN_CODE_AFFIRMED },
		{ "accepted with a warning is accepted", fake, CSN_ACCEPTED, 0, false,
		  CSN_ACCEPTED, CSN_OK, CSN_OK, CSN_CODE_WARNING },
		{ "accepted with no claim at all is undecided", fake, CSN_ACCEPTED, 0,
		  false, CSN_UNDECIDED, CSN_E_INTERNAL, CSN_OK, CSN_CODE_NONE },
		{ "accepted with a claim against it is undecided", fake, CSN_ACCEPTED,
		  0, false, CSN_UNDECIDED, CSN_E_INTERNAL, CSN_OK, CSN_CODE_FORGED },
		{ "accepted by a verifier at fault is undecided", fake, CSN_ACCEPTED, 0,
		  false, CSN_UNDECIDED, CSN_E_INTERNAL, CSN_OK, CSN_CODE_FAULT },
		{ "rejected evidence stays rejected", fake, CSN_REJECTED, CSN_ACCEPTED,
		  false, CSN_REJECTED, CSN_OK, CSN_OK, CSN_CODE_AFFIRMED },
		{ "undecided cannot be appraised up", fake, CSN_UNDECIDED, CSN_ACCEPTED,
		  false, CSN_UNDECIDED, CSN_OK, CSN_OK, CSN_CODE_AFFIRMED },
		{ "appraisal may lower", fake, CSN_ACCEPTED, CSN_REJECTED, false,
		  CSN_REJECTED, CSN_OK, CSN_OK, CSN_CODE_AFFIRMED },
		{ "a judgement nobody knows is undecided", fake, 9, 0, false,
		  CSN_UNDECIDED, CSN_E_INTERNAL, CSN_OK, CSN_CODE_AFFIRMED },
		{ "a verifier that hangs is undecided", fake, CSN_ACCEPTED, 0, true,
		  CSN_UNDECIDED, CSN_E_TIMEOUT, CSN_OK, CSN_CODE_AFFIRMED },
		{ "no verifier of that type: said at once", other, CSN_ACCEPTED, 0,
		  false, CSN_UNDECIDED, CSN_OK, CSN_OK, CSN_CODE_AFFIRMED },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct world w;

		world_new(&w);
		w.judgement = cases[i].judgement;
		w.appraised = cases[i].appraised;
		w.claim = cases[i].claim;
		w.verifier_hangs = cases[i].hangs;
		w.judged = 0;
		play(&w, cases[i].script);
		if (!tap_ok(w.judged == cases[i].want && w.last == cases[i].result,
			    "%s", cases[i].what))
			tap_note("judged %u result %d", w.judged, w.last);
		world_free(&w);
	}
}

/* ---- results --------------------------------------------------------------------- */

#define VERIFY_AND_GO                                                                  \
	{ VERIFY, 0, "fake", NULL }, DID_FACT, TO_ATTESTED,                            \
		{ DECIDE, CSN_STAGE_AUTHORISED, NULL, NULL },                          \
		{ FINISH, CSN_OUTCOME_REFUSED, NULL, NULL },                           \
	{                                                                              \
		END, 0, NULL, NULL                                                     \
	}

static const struct act judges[] = { VERIFY_AND_GO };

static void
set_policy(struct world *w, const char *text)
{
	char path[] = "/tmp/csn-run-XXXXXX";
	struct csn_config_file *file = NULL;
	struct csn_error err = { 0 };
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    csn_config_read(path, &file, &err) < 0)
		abort();
	close(fd);
	unlink(path);
	policy_free(w->policy);
	if (policy_new(csn_config_sub(csn_config_root(file), "policy"), &w->policy, &err) < 0)
		abort();
	csn_config_free(file);
}

/* The COSE around the result, by the protocol's own reader and the key above. */
static bool
result_signed(const struct world *w, struct csn_ear_view *ret_view)
{
	struct csn_bytes item = { w->result, w->result_len };
	struct csn_cose cose;

	return csn_cose_parse(item, &cose) == CSN_OK &&
	       csn_cose_verify(csn_crypto_openssl(), &cose, CSN_SUITE_X25519,
			       CSN_BYTES_OF(public_key), cose.payload) == CSN_OK &&
	       csn_ear_read(cose.payload, ret_view) == CSN_OK;
}

static const struct audit_entry *
appraisal(const struct world *w)
{
	for (size_t i = 0; i < w->entry_count; i++)
		if (w->entries[i].what == AUDIT_APPRAISE)
			return &w->entries[i];
	return NULL;
}

static void
test_results(void)
{
	static const struct {
		const char *what;
		uint32_t judgement;
		int32_t claim;
		bool hangs;
		enum fault key_fault;
		const char *said; /* judgement of the result; NULL: there is none      */
		uint32_t judged;
	} cases[] = {
		{ "an accepted verdict", CSN_ACCEPTED, CSN_CODE_AFFIRMED, false, FINE,
		  "accepted", CSN_ACCEPTED },
		{ "a rejected one", CSN_REJECTED, CSN_CODE_FORGED, false, FINE, "rejected",
		  CSN_REJECTED },
		{ "one with a claim against it", CSN_ACCEPTED, CSN_CODE_FORGED, false, FINE,
		  "undecided", CSN_UNDECIDED },
		{ "a verifier that hangs", CSN_ACCEPTED, CSN_CODE_AFFIRMED, true, FINE,
		  "undecided", CSN_UNDECIDED },
		{ "a key that refuses", CSN_ACCEPTED, CSN_CODE_AFFIRMED, false, SAY_NO, NULL,
		  CSN_UNDECIDED },
		{ "a key that fails later", CSN_ACCEPTED, CSN_CODE_AFFIRMED, false, FAIL_LATER,
		  NULL, CSN_UNDECIDED },
		{ "a key that never answers", CSN_ACCEPTED, CSN_CODE_AFFIRMED, false, NEVER,
		  NULL, CSN_UNDECIDED },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct world w;
		struct csn_ear_view view = { .iat = 0 };
		uint8_t hash[32];

		world_new(&w);
		w.key_name = "log";
		w.judgement = cases[i].judgement;
		w.claim = cases[i].claim;
		w.verifier_hangs = cases[i].hangs;
		w.key_fault = cases[i].key_fault;
		play(&w, judges);
		const struct audit_entry *entry = appraisal(&w);
		if (cases[i].said == NULL) {
			tap_ok(w.judged == cases[i].judged && w.results == 0 && entry == NULL,
			       "%s: nothing is written and nothing passes", cases[i].what);
			world_free(&w);
			continue;
		}
		bool good = w.judged == cases[i].judged && w.results == 1 &&
			    result_signed(&w, &view) &&
			    view.judgement.len == strlen(cases[i].said) &&
			    memcmp(view.judgement.ptr, cases[i].said, view.judgement.len) == 0;
		tap_ok(good, "%s: its result is signed and says %s", cases[i].what,
		       cases[i].said);
		EVP_Digest(w.result, w.result_len, hash, NULL, EVP_sha256(), NULL);
		tap_ok(entry != NULL && entry->has[AUDIT_RESULT] &&
			       memcmp(entry->field[AUDIT_RESULT], hash, 32) == 0 &&
			       memcmp(w.result_key, hash, 32) == 0 &&
			       entry->yes == (cases[i].judged == CSN_ACCEPTED),
		       "%s: the log has its hash, and whether it was accepted", cases[i].what);
		world_free(&w);
	}
}

/* Assurance is measured by the core: a session gets as far as its evidence goes. */
static void
test_assurance(void)
{
	static const struct {
		const char *what, *level;
		bool challenged;
		int32_t executables;
		bool allowed;
	} cases[] = {
		{ "a claim without anything fresh is claimed", "claimed", false, 0, true },
		{ "and not proved", "proved", false, 0, false },
		{ "nor measured, whatever it affirms", "measured", false, CSN_CODE_AFFIRMED,
		  false },
		{ "an answer to the challenge is proved", "proved", true, 0, true },
		{ "and not measured", "measured", true, 0, false },
		{ "executables affirmed is measured", "measured", true, CSN_CODE_AFFIRMED, true },
		{ "executables with a warning is not", "measured", true, CSN_CODE_WARNING,
		  false },
		{ "and no hardware was seen", "hardware", true, CSN_CODE_AFFIRMED, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct world w;
		char text[160];

		world_new(&w);
		snprintf(text, sizeof text,
			 "policy : { quarantine = %s; classes = ( { class = \"*\"; "
			 "all_of = [ \"fake\" ]; assurance = \"%s\"; } ); };\n",
			 i % 2 ? "true" : "false", cases[i].level);
		set_policy(&w, text);
		w.challenged = cases[i].challenged;
		w.executables = cases[i].executables;
		play(&w, judges);
		if (!tap_ok(w.authorised_durable == cases[i].allowed, "%s", cases[i].what))
			tap_note("found \"%s\"", w.found);
		tap_ok(w.quarantined == (!cases[i].allowed && i % 2 ? 1 : 0) &&
			       (w.quarantined == 0 || w.quarantine_did[15] == 15),
		       "%s: %s", cases[i].what,
		       w.quarantined ? "the device is in quarantine" : "no quarantine");
		world_free(&w);
	}
}

static void
test_small(void)
{
	static const struct act twice[] = { { TWO_CALLS, 0, NULL, NULL },
					    { END, 0, NULL, NULL } };
	static const struct act pin[] = { { ASK_PIN, 0, NULL, NULL },
					  { FINISH, CSN_OUTCOME_REFUSED, NULL, NULL },
					  { END, 0, NULL, NULL } };
	static struct world w;
	struct csn_ceremony_ops ceremony;

	world_new(&w);
	play(&w, twice);
	tap_is(w.sync, CSN_E_INVALID,
	       "two pending calls with one id: the second is refused");
	world_free(&w);

	world_new(&w);
	play(&w, pin);
	tap_ok(w.pin_right, "the PIN reaches the ceremony");
	world_free(&w);

	world_new(&w);
	struct session *s = start(&w, hangs, &ceremony, CSN_SIDE_STATION);
	csn_loop_run_until(w.loop, CSN_SECOND);
	session_stop(s);
	csn_loop_run_until(w.loop, 60 * CSN_SECOND);
	tap_ok(w.got_stop && w.ended && w.outcome == CSN_OUTCOME_REFUSED &&
		       strcmp(w.reason, "stopped") == 0,
	       "STOP is told; a ceremony that ignores it is ended");
	session_free(s);
	world_free(&w);
}

/* Freed after every number of rounds: what is under way must not reach the dead. */
static void
test_free_anywhere(void)
{
	size_t ended = 0, rounds = 0;

	for (size_t n = 0; n < 200 && ended == 0; n++, rounds++) {
		static struct world w;
		struct csn_ceremony_ops ceremony;

		world_new(&w);
		struct session *s = start(&w, two_way, &ceremony, CSN_SIDE_STATION);
		for (size_t i = 0; i < n && !w.ended; i++)
			csn_loop_run_until(w.loop, csn_loop_now(w.loop) + CSN_MS / 3);
		ended += w.ended;
		session_free(s);
		world_free(&w);
	}
	tap_ok(ended == 1 && rounds > 10,
	       "a session may be freed after any of %zu rounds", rounds);
}

static void
test_canaries(void)
{
	static const struct act all[] = { { ASK_PIN, 0, NULL, NULL },
					  TO_DELIVERED,
					  { FINISH, CSN_OUTCOME_OFFERED, NULL, NULL },
					  { END, 0, NULL, NULL } };
	static struct world w;
	static char log[65536];
	ssize_t n;

	for (size_t fault_at = 0; fault_at <= 9; fault_at++) {
		world_new(&w);
		w.fault = FAIL_LATER;
		w.fault_at = fault_at;
		play(&w, all);
		n = pread(w.log_fd, log, sizeof log - 1, 0);
		log[n > 0 ? n : 0] = '\0';
		bool clean = strstr(log, CANARY) == NULL && strstr(log, PIN) == NULL &&
			     strstr(w.stories, CANARY) == NULL &&
			     strstr(w.stories, PIN) == NULL &&
			     memmem(w.raw, w.raw_len, CANARY, strlen(CANARY)) == NULL &&
			     memmem(w.raw, w.raw_len, PIN, strlen(PIN)) == NULL;
		tap_ok(clean && w.ended && w.raw_len > 0,
		       "neither payload nor PIN in log, story or entries (store fault "
		       "at %zu)",
		       fault_at);
		world_free(&w);
	}
}

int
main(void)
{
	test_runs();
	test_entries();
	test_store_faults();
	test_people();
	test_verdicts();
	test_results();
	test_assurance();
	test_small();
	test_free_anywhere();
	test_canaries();
	return tap_done();
}
