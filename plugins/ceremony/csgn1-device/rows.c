/* What a device keeps: its state, the staged body and receipts, written and read. */
#include "run.h"

#include <stdio.h>

enum {
	ITEMS_MAX = 4,
	AUDIT_MAX = 256,
};

static struct csn_bytes
text_bytes(const char *text)
{
	return (struct csn_bytes){ (const uint8_t *)text, strlen(text) };
}

static int
start_commit(struct csgn1_device_run *run, const struct csn_device_action *a)
{
	struct csn_store_item items[ITEMS_MAX];
	size_t                count = 0, state_len, audit_len;
	uint8_t               audit[AUDIT_MAX];

	int r = csn_device_state_encode(a->commit.state, run->state_buf, sizeof run->state_buf,
	                                &state_len);
	if (r < 0)
		return r;
	items[count++] = (struct csn_store_item){
		.kind = CSN_ITEM_PUT, .space = "device", .key = text_bytes("state"),
		.value = { run->state_buf, state_len },
	};
	if (a->commit.kind == CSN_DEVICE_ACCEPT) {
		items[count++] = (struct csn_store_item){
			.kind = CSN_ITEM_PUT, .space = "staged", .key = text_bytes("body"),
			.value = a->commit.body,
		};
		items[count++] = (struct csn_store_item){
			.kind = CSN_ITEM_PUT, .space = "receipt",
			.key = CSN_BYTES_OF(a->commit.state->last_sid), .value = a->commit.m3,
		};
	}
	if (a->commit.audit != NULL) {
		r = csn_device_audit_encode(a->commit.audit, audit, sizeof audit, &audit_len);
		if (r < 0)
			return r;
		items[count++] = (struct csn_store_item){
			.kind = CSN_ITEM_AUDIT, .value = { audit, audit_len },
		};
	}
	r = run->session->ops->commit(run->session, run_call(run, CALL_COMMIT), items, count);
	return run_started(run, CALL_COMMIT, r);
}

void
run_commit(struct csgn1_device_run *run, const struct csn_event *ev,
       const struct csn_device_action *a)
{
	int r = start_commit(run, a);

	csn_wipe(run->state_buf, sizeof run->state_buf);
	if (r < 0)
		run_feed(run, ev, CSN_DEVICE_COMMITTED, r);
}

static void
run_load_state(struct csgn1_device_run *run)
{
	int r = run->session->ops->load(run->session, run_call(run, CALL_STATE), "device",
	                                text_bytes("state"));
	if (run_started(run, CALL_STATE, r) < 0)
		run_finish(run, CSN_OUTCOME_REFUSED, 0, "the device's store cannot be read");
}

/* Read once: they are for the life of the agent. */
static void
run_load_keys(struct csgn1_device_run *run)
{
	int r = CSN_E_UNSUPPORTED;

	if (run->self->evidence != CSGN1_EVIDENCE_NONE && run->self->keys.row == NULL)
		r = run->session->ops->load(run->session, run_call(run, CALL_KEYS), "device",
		                            text_bytes("evidence-keys"));
	if (r < 0 || run_started(run, CALL_KEYS, r) < 0)
		run_load_state(run);
}

void
run_load(struct csgn1_device_run *run)
{
	int r;

	if ((run->self->evidence & CSGN1_EVIDENCE_PSK) == 0) {
		run_load_keys(run);
		return;
	}
	r = run->session->ops->load(run->session, run_call(run, CALL_PSK), "device",
	                            text_bytes("evidence-psk"));
	if (run_started(run, CALL_PSK, r) < 0)
		run_load_keys(run);
}

void
run_on_keys(struct csgn1_device_run *run, const struct csn_event *ev)
{
	struct csgn1_device *self = run->self;

	if (ev->result == CSN_OK && !csgn1_device_keys_read(ev->bytes, &self->keys)) {
		run_finish(run, CSN_OUTCOME_REFUSED, 0, "the device's evidence keys are damaged");
		return;
	}
	self->policy.provers = self->keys.provers;
	self->policy.prover_count = self->keys.count;
	run_load_state(run);
}

void
run_on_psk(struct csgn1_device_run *run, const struct csn_event *ev)
{
	struct csgn1_device *self = run->self;

	if (ev->result == CSN_OK && ev->bytes.len <= sizeof self->psk) {
		memcpy(self->psk, ev->bytes.ptr, ev->bytes.len);
		self->policy.evidence_psk = (struct csn_bytes){ self->psk, ev->bytes.len };
	}
	run_load_keys(run);
}

/* A device without anybody to look at it is one all the same. */
static void
show_code(struct csgn1_device_run *run, const uint8_t did[CSN_ID_LEN])
{
	const struct csn_prompt prompt = {
		.size     = sizeof prompt,
		.question = CSN_TELL,
		.text     = "This device's code:",
		.code     = run->shown,
	};

	snprintf(run->shown, sizeof run->shown, "%02x%02x %02x%02x %02x%02x", did[0], did[1],
	         did[2], did[3], did[4], did[5]);
	int r = run->session->ops->ask(run->session, run_call(run, CALL_CODE), &prompt);
	if (run_started(run, CALL_CODE, r) < 0)
		run->self->host->log(run->self->host, CSN_LOG_INFO,
		                     "nobody is there to see the code %s", run->shown);
}

void
run_listen(struct csgn1_device_run *run)
{
	const struct csn_session_ops *ops = run->session->ops;

	run->loaded = true;
	if (ops->listen(run->session, CSN_ROLE_OFFER) < 0 ||
	    ops->listen(run->session, CSN_ROLE_BIND) < 0)
		run_finish(run, CSN_OUTCOME_REFUSED, 0, "offer and bind need a channel each");
}

void
run_on_state(struct csgn1_device_run *run, const struct csn_event *ev)
{
	struct csgn1_device    *self = run->self;
	struct csn_device_state state;

	if (ev->result != CSN_OK) {
		run_finish(run, CSN_OUTCOME_REFUSED, 0, "this device has not been set up yet");
		return;
	}
	if (csn_device_state_decode(ev->bytes, &state) != CSN_OK) {
		run_finish(run, CSN_OUTCOME_REFUSED, 0, "the device's stored state is damaged");
		return;
	}
	run_fact_hex(run, "identity.did", state.did);
	struct csn_device_action a = csn_device_load(&self->dev, &state, ev->now_ns);
	csn_wipe(&state, sizeof state);
	if (self->show_code != 0)
		show_code(run, self->dev.state.did);
	/* The machine takes no message while it activates, and a file comes only once. */
	if (a.type != CSN_DEVICE_COMMIT)
		run_listen(run);
	run_obey(run, ev, &a);
}
