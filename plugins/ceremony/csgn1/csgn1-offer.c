/* From AUTHORISED to both messages sent: build, sign, put on record, only then show. */
#include "csgn1.h"

#include <stdio.h>

#include "lib/spake2p.h"

static int
enter_voucher(struct csgn1_run *run, const struct csn_event *event)
{
	int r = run->session->ops->load(run->session, run->call, "voucher",
	                                CSN_BYTES_OF(run->st.did));

	return r < 0 ? csgn1_end(run, event, CSN_OUTCOME_REFUSED,
	                         "the store did not answer: %s", csgn1_why(r)) :
	               CSN_OK;
}

static int
leave_voucher(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result == CSN_OK) {
		if (event->bytes.len == 0 || event->bytes.len > sizeof run->voucher)
			return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
			                 "the device's voucher is %zu bytes, at most %d",
			                 event->bytes.len, CSGN1_VOUCHER);
		memcpy(run->voucher, event->bytes.ptr, event->bytes.len);
		run->voucher_len = event->bytes.len;
	} else if (event->result != CSN_E_MISSING) {
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "the store did not answer: %s", csgn1_why(event->result));
	}
	/* In mode 3 nothing is taken out of the safe before the PIN was proved. */
	return csgn1_go(run, run->two_way && run->pin ? PHASE_SIGN : PHASE_PAYLOAD, event);
}

static int
enter_payload(struct csgn1_run *run, const struct csn_event *event)
{
	int r = run->session->ops->payload(run->session, run->call);

	return r < 0 ? csgn1_end(run, event, CSN_OUTCOME_REFUSED,
	                         "there is no payload to deliver: %s", csgn1_why(r)) :
	               CSN_OK;
}

/* Keeps the body of this session in run->body: 0, a code, or CSN_E_... */
static int
keep_body(struct csgn1_run *run, struct csn_bytes record)
{
	const struct csgn1        *self = run->self;
	struct csn_body_place      place = { 0 };
	const struct station_frame frame = {
		.maker = run->device.maker,
		.early_s = self->early_s,
		.window_s = self->window_s,
		.session_s = self->session_s,
		.lifetime_s = self->lifetime_s,
		.operator_name = self->operator_name,
	};
	int r = station_body(&run->st, &frame, record, run->body, sizeof run->body,
	                     &run->body_len, &place);

	if (r > 0 && place.path[0] != '\0')
		snprintf(run->note.text, sizeof run->note.text, "%.50s: %.50s", place.path,
		         place.text);
	return r;
}

static int
set_ts(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->unix_s < CSN_STAMP_EPOCH || event->unix_s - CSN_STAMP_EPOCH > UINT32_MAX)
		return CSN_E_INVALID;
	run->st.ts = (uint32_t)(event->unix_s - CSN_STAMP_EPOCH);
	run->st.has_not_after = run->not_after_unix_s != 0;
	if (!run->st.has_not_after)
		return CSN_OK;
	/* An offer that is over before it is shown helps nobody. */
	if (run->not_after_unix_s < event->unix_s ||
	    run->not_after_unix_s - CSN_STAMP_EPOCH > UINT32_MAX)
		return CSN_E_INVALID;
	run->st.not_after = (uint32_t)(run->not_after_unix_s - CSN_STAMP_EPOCH);
	return CSN_OK;
}

static int
leave_payload(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result < 0)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "there is no payload to deliver: %s",
		                 csgn1_why(event->result));
	int r = set_ts(run, event);
	if (r == 0)
		r = keep_body(run, event->bytes);
	return r != 0 ? csgn1_refuse(run, r, event) : csgn1_go(run, PHASE_SIGN, event);
}

/* The key the offer is made for, and the secret it is made with. */
static int
open_offer(struct csgn1_run *run)
{
	struct station  *st = &run->st;
	struct csn_bytes r = CSN_BYTES_NONE, hello = CSN_BYTES_NONE;
	uint8_t          secret[32];
	int              e;

	if (run->record)
		e = station_psk(st->crypto, &run->device, st->idx, secret);
	else
		e = run->session->ops->random(run->session, secret, sizeof secret);
	if (run->two_way) {
		r = run->hello.m0b.hello.e_d;
		hello = run->hello.m0b.hello_raw;
	} else if (e == CSN_OK && !run->record) {
		e = station_rung_key(&run->trust, &run->device, st->idx, &r);
	}
	if (e == CSN_OK)
		e = station_open(st, r, hello, secret);
	csn_wipe(secret, sizeof secret);
	if (e == CSN_E_REFUSED)
		e = run->two_way ? CSN_CODE_HELLO_KEY : CSN_CODE_NO_RUNG;
	return e;
}

static int
use_pin(struct csgn1_run *run)
{
	struct csn_bytes pin = { (const uint8_t *)run->pin_text, strlen(run->pin_text) };
	uint8_t          wide[40], scalar[32];
	int              r;

	/* Bounded by CSN_COST_MAX, and every other session waits for it. */
	if (run->st.cost <= CSN_COST_MAX)
		run->self->host->log(run->self->host, CSN_LOG_INFO,
		                     "the PIN is stretched (scrypt, 2^%u, %u KiB)",
		                     (unsigned)run->st.cost, 1u << run->st.cost);
	if (!run->two_way) {
		r = station_pin(&run->st, pin);
	} else {
		r = run->session->ops->random(run->session, wide, sizeof wide);
		if (r == CSN_OK)
			r = run->st.crypto->p256_reduce(run->st.crypto->self,
			                                CSN_BYTES_OF(wide), scalar);
		if (r == CSN_OK)
			r = station_pake_start(&run->st, pin, scalar);
		csn_wipe(wide, sizeof wide);
		csn_wipe(scalar, sizeof scalar);
	}
	csn_wipe(run->pin_text, sizeof run->pin_text);
	return r;
}

static const char *
algorithm(uint32_t suite)
{
	return suite == CSN_SUITE_X25519 ? "EdDSA" : "ES256";
}

static int
sign(struct csgn1_run *run, const struct csn_event *event)
{
	int r = run->session->ops->sign(run->session, run->call, csgn1_key(run, run->st.suite),
	                                algorithm(run->st.suite),
	                                csgn1_bytes(run->to_sign, run->to_sign_len));

	return r < 0 ? csgn1_end(run, event, CSN_OUTCOME_REFUSED,
	                         "the station's key did not sign: %s", csgn1_why(r)) :
	               CSN_OK;
}

static int
enter_sign(struct csgn1_run *run, const struct csn_event *event)
{
	struct station *st = &run->st;
	int             r = set_ts(run, event);

	if (r == CSN_OK)
		r = run->session->ops->random(run->session, st->nu, sizeof st->nu);
	if (r == CSN_OK)
		r = open_offer(run);
	if (r == CSN_OK && run->pin)
		r = use_pin(run);
	if (r == CSN_OK)
		r = station_offer_statement(st, csgn1_bytes(run->body, run->body_len),
		                            run->to_sign, sizeof run->to_sign,
		                            &run->to_sign_len);
	csn_wipe(run->body, run->body_len);
	run->body_len = 0;
	return r != CSN_OK ? csgn1_refuse(run, r, event) : sign(run, event);
}

static int
signature_failed(struct csgn1_run *run, const struct csn_event *event, int r)
{
	return csgn1_end(run, event, CSN_OUTCOME_REFUSED, "the station's key did not sign: %s",
	                 r == CSN_E_REFUSED ? "its signature does not fit its certificate" :
	                                      csgn1_why(r));
}

static int
leave_sign(struct csgn1_run *run, const struct csn_event *event)
{
	uint32_t at = run->st.suite - 1;
	int      r = event->result;

	if (r == CSN_OK && event->bytes.len != CSN_SIG_LEN)
		r = CSN_E_PROTOCOL;
	if (r == CSN_OK)
		r = station_offer(&run->st, event->bytes.ptr, run->chain[at], run->chain_len[at],
		                  csgn1_bytes(run->voucher, run->voucher_len), run->m1,
		                  sizeof run->m1, &run->m1_len, run->m2);
	if (r < 0)
		return signature_failed(run, event, r);
	run->session->ops->transcript(run->session, run->st.t1);
	return csgn1_go(run, PHASE_COMMIT, event);
}

static int
commit(struct csgn1_run *run, const struct csn_event *event,
       const struct csn_store_item *items, size_t count)
{
	int r = run->session->ops->commit(run->session, run->call, items, count);

	return r < 0 ? csgn1_end(run, event, CSN_OUTCOME_REFUSED,
	                         "the offer could not be put on record: %s", csgn1_why(r)) :
	               CSN_OK;
}

/* The rung row as it is to be; what was read must still be there. */
static int
move_rung(struct csgn1_run *run)
{
	struct station_rungs *rungs = &run->rungs;

	if (!rungs->offered || rungs->highest < run->st.idx)
		rungs->highest = run->st.idx;
	rungs->offered = true;
	return station_rungs_write(rungs, run->new_rung_row, &run->new_rung_row_len);
}

size_t
csgn1_rung_items(const struct csgn1_run *run, struct csn_store_item items[2])
{
	struct csn_bytes did = CSN_BYTES_OF(run->st.did);

	items[0] = (struct csn_store_item){ CSN_ITEM_EXPECT, 0, "rung", did,
		                            csgn1_bytes(run->rung_row, run->rung_row_len) };
	items[1] = (struct csn_store_item){
		CSN_ITEM_PUT, 0, "rung", did, csgn1_bytes(run->new_rung_row, run->new_rung_row_len)
	};
	return 2;
}

static int
enter_commit(struct csgn1_run *run, const struct csn_event *event)
{
	struct csn_bytes sid = CSN_BYTES_OF(run->st.sid);
	size_t           len, count = 2;
	int r = station_offer_row(&run->st, csgn1_bytes(run->m1, run->m1_len), run->offer_row,
	                          &len);

	if (r == CSN_OK && run->st.has_idx)
		r = move_rung(run);
	if (r < 0)
		return csgn1_refuse(run, r, event);
	struct csn_store_item items[4] = {
		{ CSN_ITEM_EXPECT, 0, "offer", sid, CSN_BYTES_NONE },
		{ CSN_ITEM_PUT, 0, "offer", sid, csgn1_bytes(run->offer_row, len) },
	};
	if (run->st.has_idx) {
		count += csgn1_rung_items(run, items + count);
	} else { /* what the device has to see again should its answer be lost */
		items[count++] = (struct csn_store_item){
			CSN_ITEM_PUT, 0, "m1", sid, csgn1_bytes(run->m1, run->m1_len)
		};
	}
	return commit(run, event, items, count);
}

static int
not_on_record(struct csgn1_run *run, const struct csn_event *event)
{
	return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
	                 "the offer could not be put on record: %s",
	                 event->result == CSN_E_BUSY ?
	                         "another offer to this device was made meanwhile" :
	                         csgn1_why(event->result));
}

static int
leave_commit(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result != CSN_OK)
		return not_on_record(run, event);
	run->recorded = true;
	return csgn1_go(run, PHASE_OFFER, event);
}

static int
not_shown(struct csgn1_run *run, const struct csn_event *event, int r)
{
	return csgn1_end(run, event, CSN_OUTCOME_REFUSED, "the offer could not be shown: %s",
	                 csgn1_why(r));
}

static int
enter_offer(struct csgn1_run *run, const struct csn_event *event)
{
	int r = run->session->ops->send(run->session, run->call, CSN_ROLE_OFFER,
	                                csgn1_bytes(run->m1, run->m1_len));

	if (r == CSN_OK && run->two_way)
		r = csgn1_deadline(run);
	return r < 0 ? not_shown(run, event, r) : CSN_OK;
}

static int
leave_offer(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result < 0)
		return not_shown(run, event, event->result);
	return csgn1_go(run, PHASE_BIND, event);
}

/* Part of it may have been heard: what the device made of it nobody knows. */
static int
not_bound(struct csgn1_run *run, const struct csn_event *event, int r)
{
	return csgn1_end(run, event, CSN_OUTCOME_UNKNOWN,
	                 "the second channel failed while it was used: %s", csgn1_why(r));
}

static int
enter_bind(struct csgn1_run *run, const struct csn_event *event)
{
	int r = run->session->ops->send(run->session, run->call, CSN_ROLE_BIND,
	                                CSN_BYTES_OF(run->m2));

	if (r == CSN_OK && run->two_way)
		r = csgn1_deadline(run);
	return r < 0 ? not_bound(run, event, r) : CSN_OK;
}

static int
leave_bind(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result < 0)
		return not_bound(run, event, event->result);
	return csgn1_go(run, PHASE_DELIVERED, event);
}

static int
enter_delivered(struct csgn1_run *run, const struct csn_event *event)
{
	int r = run->session->ops->decide(run->session, run->call, CSN_STAGE_DELIVERED);

	return r < 0 ? csgn1_refuse(run, r, event) : CSN_OK;
}

static int
leave_delivered(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result != CSN_OK)
		return csgn1_end(run, event, CSN_OUTCOME_UNKNOWN,
		                 "the station's policy does not call the offer delivered");
	return csgn1_go(run, PHASE_SHOWN, event);
}

/* Mode 3: the body goes out by M5, after M4 proved the PIN. */
static int
leave_body(struct csgn1_run *run, const struct csn_event *event)
{
	int r = event->result;

	if (r < 0)
		return csgn1_end(run, event, CSN_OUTCOME_REFUSED,
		                 "there is no payload to deliver: %s", csgn1_why(r));
	r = keep_body(run, event->bytes);
	if (r == 0)
		r = station_inner_statement(&run->st, csgn1_bytes(run->body, run->body_len),
		                            run->to_sign, sizeof run->to_sign,
		                            &run->to_sign_len);
	csn_wipe(run->body, run->body_len);
	run->body_len = 0;
	return r != 0 ? csgn1_refuse(run, r, event) : csgn1_go(run, PHASE_SIGN_INNER, event);
}

static int
leave_sign_inner(struct csgn1_run *run, const struct csn_event *event)
{
	int r = event->result;

	if (r == CSN_OK && event->bytes.len != CSN_SIG_LEN)
		r = CSN_E_PROTOCOL;
	if (r == CSN_OK)
		r = station_inner(&run->st, event->bytes.ptr, run->m5, sizeof run->m5,
		                  &run->m5_len);
	return r < 0 ? signature_failed(run, event, r) :
	               csgn1_go(run, PHASE_COMMIT_INNER, event);
}

static int
enter_commit_inner(struct csgn1_run *run, const struct csn_event *event)
{
	struct csn_bytes sid = CSN_BYTES_OF(run->st.sid);
	size_t           len;
	int r = station_offer_row(&run->st, csgn1_bytes(run->m1, run->m1_len), run->offer_row,
	                          &len);

	if (r < 0)
		return csgn1_refuse(run, r, event);
	const struct csn_store_item item = { CSN_ITEM_PUT, 0, "offer", sid,
		                             csgn1_bytes(run->offer_row, len) };
	return commit(run, event, &item, 1);
}

static int
leave_commit_inner(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result != CSN_OK)
		return not_on_record(run, event);
	return csgn1_go(run, PHASE_OFFER_INNER, event);
}

static int
enter_offer_inner(struct csgn1_run *run, const struct csn_event *event)
{
	/* From here on the device may commit: no answer no longer means no. */
	run->paked = true;
	int r = run->session->ops->send(run->session, run->call, CSN_ROLE_OFFER,
	                                csgn1_bytes(run->m5, run->m5_len));

	if (r == CSN_OK)
		r = csgn1_deadline(run);
	return r < 0 ? not_bound(run, event, r) : CSN_OK;
}

static int
leave_offer_inner(struct csgn1_run *run, const struct csn_event *event)
{
	if (event->result < 0)
		return not_bound(run, event, event->result);
	return csgn1_go(run, PHASE_SHOWN, event);
}

const struct csgn1_step *
csgn1_offer_step(uint32_t phase)
{
	static const struct csgn1_step steps[PHASE_COUNT] = {
		[PHASE_VOUCHER] = { CSN_EVENT_LOADED, enter_voucher, leave_voucher },
		[PHASE_PAYLOAD] = { CSN_EVENT_PAYLOAD, enter_payload, leave_payload },
		[PHASE_SIGN] = { CSN_EVENT_SIGNED, enter_sign, leave_sign },
		[PHASE_COMMIT] = { CSN_EVENT_COMMITTED, enter_commit, leave_commit },
		[PHASE_OFFER] = { CSN_EVENT_SENT, enter_offer, leave_offer },
		[PHASE_BIND] = { CSN_EVENT_SENT, enter_bind, leave_bind },
		[PHASE_DELIVERED] = { CSN_EVENT_DECIDED, enter_delivered, leave_delivered },
		[PHASE_BODY] = { CSN_EVENT_PAYLOAD, enter_payload, leave_body },
		[PHASE_SIGN_INNER] = { CSN_EVENT_SIGNED, sign, leave_sign_inner },
		[PHASE_COMMIT_INNER] = { CSN_EVENT_COMMITTED, enter_commit_inner,
		                         leave_commit_inner },
		[PHASE_OFFER_INNER] = { CSN_EVENT_SENT, enter_offer_inner,
		                        leave_offer_inner },
	};

	return phase < PHASE_COUNT && steps[phase].enter != NULL ? &steps[phase] : NULL;
}
