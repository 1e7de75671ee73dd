/* The device's state machine, section 6.3: events in, actions out. */
#include "device/device.h"

#include "device/internal.h"

#define EXPIRED(deadline_ns, now_ns) ((now_ns) > (deadline_ns))

static uint64_t
ns_of_ms(uint64_t ms)
{
	return ms * NS_PER_MS;
}

static struct device_clock
event_clock(const struct csn_device_event *ev)
{
	struct device_clock clock = { .trusted = ev->clock_trusted == 1 };

	if (ev->unix_s > CSN_STAMP_EPOCH) {
		uint64_t stamp = ev->unix_s - CSN_STAMP_EPOCH;

		clock.now = stamp > UINT32_MAX ? UINT32_MAX : (uint32_t)stamp;
	}
	return clock;
}

static struct csn_device_action
act(uint32_t verb, uint32_t code)
{
	return (struct csn_device_action){ .type = verb, .code = code };
}

static void
wipe_session(struct csn_device *dev)
{
	csn_wipe(&dev->s, sizeof dev->s);
	csn_wipe(dev->buf, dev->buf_cap);
	csn_wipe(&dev->pending, sizeof dev->pending);
}

static void
wipe_greeting(struct csn_device *dev)
{
	csn_wipe(&dev->greeting, sizeof dev->greeting);
}

/* --- Committing ------------------------------------------------------------------ */

static struct csn_device_action
commit(struct csn_device *dev, uint32_t kind, enum csn_device_phase phase)
{
	struct csn_device_action a = act(CSN_DEVICE_COMMIT, 0);

	dev->s.phase = (uint8_t)phase;
	a.commit.kind = kind;
	a.commit.state = &dev->pending;
	return a;
}

/* Fills the audit entry from the session and remembers that it was written. */
static const struct csn_device_audit *
audit(struct csn_device *dev, uint32_t what, uint16_t code)
{
	const struct csn_device_session *s = &dev->s;
	struct csn_device_audit         *entry = &dev->audit;

	csn_wipe(entry, sizeof *entry);
	entry->what = (uint8_t)what;
	entry->code = code;
	entry->mode = s->mode;
	entry->repeats = dev->rate.repeats;
	memcpy(entry->did, dev->state.did, sizeof entry->did);
	memcpy(entry->sid, s->sid, sizeof entry->sid);
	memcpy(entry->skid, s->skid, sizeof entry->skid);
	memcpy(entry->t1, s->t1, sizeof entry->t1);
	dev->rate.last_code = code;
	dev->rate.repeats = 0;
	return entry;
}

/* --- Refusing -------------------------------------------------------------------- */

/* Turned away unread, or not known to be meant for us: these cost no cooling. */
static bool
counts_for_rate(unsigned code)
{
	return code != CSN_CODE_OFFER_SYNTAX && code != CSN_CODE_VERSION &&
	       code != CSN_CODE_QUARANTINED && code != CSN_CODE_RATE_LIMITED &&
	       code != CSN_CODE_RELEASE;
}

static void
quarantine(struct csn_device *dev)
{
	const struct csn_device_session *s = &dev->s;

	dev->pending.quarantined = 1;
	if (dev->pending.owner.len == 0 && s->new_owner)
		dev->pending.release_owner = s->owner;
}

/* Builds the state after a refusal; says whether it differs from the one before. */
static bool
refusal_state(struct csn_device *dev, unsigned code, uint64_t now_ms)
{
	dev->pending = dev->state;
	if (code == CSN_CODE_PIN_LOCKED ||
	    (code == CSN_CODE_PIN_WRONG && dev->state.tries >= CSN_DEVICE_TRIES_MAX))
		quarantine(dev);
	if (counts_for_rate(code))
		device_rate_refused(&dev->rate, &dev->pending, now_ms);
	return dev->pending.quarantined != dev->state.quarantined ||
	       dev->pending.cool_level != dev->state.cool_level;
}

static struct csn_device_action
refused(struct csn_device *dev)
{
	struct csn_device_action a = act(CSN_DEVICE_REFUSED, dev->s.code);

	if (dev->out.len > 0) {
		a.role = CSN_ROLE_RETURN;
		a.send = (struct csn_bytes){ dev->out.b, dev->out.len };
	}
	wipe_session(dev);
	return a;
}

/*
 * The one way to refuse.  Equal refusals in a row that change nothing are counted
 * and not written again.  What the session held is wiped now, not after the commit.
 */
static struct csn_device_action
refuse(struct csn_device *dev, unsigned code, uint64_t now_ns)
{
	struct csn_device_session *s = &dev->s;
	struct csn_device_action   a;
	bool                       changed;

	dev->out.len = 0;
	if (s->told && device_m3(dev, 1, &dev->out) != CSN_OK)
		dev->out.len = 0;
	if ((s->mode & CSN_MODE_TWO_WAY) != 0 && s->phase != CSN_DEVICE_IDLE)
		wipe_greeting(dev);
	memcpy(dev->rate.dead, s->hash, sizeof dev->rate.dead);
	dev->rate.has_dead = 1;

	changed = refusal_state(dev, code, now_ns / NS_PER_MS);
	if (!changed && dev->rate.last_code == code) {
		dev->rate.repeats++;
		s->code = (uint16_t)code;
		return refused(dev);
	}
	a = commit(dev, CSN_DEVICE_REFUSE, CSN_DEVICE_REFUSING);
	a.commit.audit = audit(dev, CSN_DEVICE_REFUSE, (uint16_t)code);
	csn_wipe(s, sizeof *s);
	csn_wipe(dev->buf, dev->buf_cap);
	s->phase = CSN_DEVICE_REFUSING;
	s->code = (uint16_t)code;
	return a;
}

/* --- Accepting ------------------------------------------------------------------- */

static struct csn_device_action
step_stage(struct csn_device *dev, const struct csn_device_event *ev)
{
	const struct device_clock clock = event_clock(ev);
	struct csn_device_action  a;

	int code = device_step_body(dev, &clock);
	if (code != 0)
		return refuse(dev, (unsigned)code, ev->now_ns);
	if (device_stage(dev) != CSN_OK)
		return refuse(dev, CSN_CODE_STORE, ev->now_ns);

	dev->pending.cool_level = 0;
	dev->pending.cool_until_ms = 0;
	a = commit(dev, CSN_DEVICE_ACCEPT, CSN_DEVICE_STAGED);
	a.commit.audit = audit(dev, CSN_DEVICE_ACCEPT, 0);
	a.commit.body = dev->s.body;
	a.commit.m3 = (struct csn_bytes){ dev->s.m3.b, dev->s.m3.len };
	return a;
}

static struct csn_device_action
activate(struct csn_device *dev)
{
	dev->pending = dev->state;
	dev->pending.active = 1;
	return commit(dev, CSN_DEVICE_ACTIVATE, CSN_DEVICE_ACTIVATING);
}

/* Activation that failed is made up for at the next start: the commit stands. */
static struct csn_device_action
accepted(struct csn_device *dev, int result)
{
	struct csn_device_action a = act(CSN_DEVICE_ACCEPTED, 0);

	if (result == CSN_OK)
		dev->state = dev->pending;
	if ((dev->s.mode & CSN_MODE_TWO_WAY) != 0) {
		dev->out = dev->s.m3;
		a.role = CSN_ROLE_RETURN;
		a.send = (struct csn_bytes){ dev->out.b, dev->out.len };
	}
	wipe_session(dev);
	return a;
}

/* --- PIN ------------------------------------------------------------------------- */

static struct csn_device_action
count_try(struct csn_device *dev)
{
	dev->pending = dev->state;
	dev->pending.tries++;
	return commit(dev, CSN_DEVICE_TRY, CSN_DEVICE_TRYING);
}

static struct csn_device_action
step_pin(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_session *s = &dev->s;

	int code = device_step_pin_locked(dev);
	if (code == 0 && s->mode == CSN_MODE_PAKE &&
	    dev->crypto->point_valid(dev->crypto->self, CSN_SUITE_P256,
	                             CSN_BYTES_OF(s->share_p)) != CSN_OK)
		code = CSN_CODE_PAKE_SHARE;
	if (code != 0)
		return refuse(dev, (unsigned)code, ev->now_ns);
	if (s->mode == CSN_MODE_PAKE)
		return count_try(dev);

	s->phase = CSN_DEVICE_ASKING;
	s->until_ns = ev->now_ns + ns_of_ms(CSN_DEVICE_PIN_MS);
	return act(CSN_DEVICE_ASK_PIN, 0);
}

static struct csn_device_action
on_pin(struct csn_device *dev, const struct csn_device_event *ev)
{
	if (dev->s.phase != CSN_DEVICE_ASKING)
		return act(CSN_DEVICE_IGNORED, 0);
	int code = device_step_pin(dev, ev->bytes);
	if (code != 0)
		return refuse(dev, (unsigned)code, ev->now_ns);
	return count_try(dev);
}

/* The try is durable: only now may anything be compared. */
static struct csn_device_action
on_try(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_session *s = &dev->s;
	struct csn_device_action   a;

	if (ev->result != CSN_OK)
		return refuse(dev, CSN_CODE_STORE, ev->now_ns);
	dev->state = dev->pending;

	int code = s->mode == CSN_MODE_PAKE ? device_step_share(dev)
	                                    : device_step_pin_compare(dev);
	if (code != 0)
		return refuse(dev, (unsigned)code, ev->now_ns);
	if (s->mode != CSN_MODE_PAKE)
		return step_stage(dev, ev);

	s->phase = CSN_DEVICE_PAKING;
	s->until_ns = ev->now_ns + ns_of_ms(CSN_DEVICE_PAKE_MS);
	a = act(CSN_DEVICE_WAIT, 0);
	a.role = CSN_ROLE_RETURN;
	a.send = (struct csn_bytes){ dev->out.b, dev->out.len };
	return a;
}

static struct csn_device_action
on_m5(struct csn_device *dev, const struct csn_device_event *ev)
{
	if (dev->s.phase != CSN_DEVICE_PAKING)
		return act(CSN_DEVICE_IGNORED, 0);
	int code = device_step_m5(dev, ev->bytes);
	if (code != 0)
		return refuse(dev, (unsigned)code, ev->now_ns);
	return step_stage(dev, ev);
}

/* --- Offer and bind -------------------------------------------------------------- */

/* Steps 2 to 8 once both messages are here. */
static struct csn_device_action
verify(struct csn_device *dev, const struct csn_device_bind *bind,
       const struct csn_device_event *ev)
{
	const struct device_clock clock = event_clock(ev);
	struct csn_m2             m2;

	int code = device_step_bind(&dev->s, bind, &m2);
	if (code == 0)
		code = device_step_open(dev, &m2);
	if (code == 0)
		code = device_step_time(dev, &clock);
	if (code != 0)
		return refuse(dev, (unsigned)code, ev->now_ns);
	csn_wipe(dev->binds, sizeof dev->binds);
	if ((dev->s.mode & CSN_MODE_PIN) != 0)
		return step_pin(dev, ev);
	return step_stage(dev, ev);
}

static void
copy_medium(char ret[CSN_DEVICE_MEDIUM_MAX], const char *medium)
{
	size_t len = medium == NULL ? 0 : strnlen(medium, CSN_DEVICE_MEDIUM_MAX - 1);

	/* Cut names may look equal: that refuses, it never accepts. */
	memset(ret, 0, CSN_DEVICE_MEDIUM_MAX);
	if (len > 0)
		memcpy(ret, medium, len);
}

static struct csn_device_bind *
find_bind(struct csn_device *dev, const uint8_t *sid4)
{
	for (size_t i = 0; i < CSN_DEVICE_BINDS; i++) {
		struct csn_device_bind *bind = &dev->binds[i];

		if (bind->used && memcmp(bind->m2 + 1, sid4, CSN_SID4_LEN) == 0)
			return bind;
	}
	return NULL;
}

static struct csn_device_bind *
free_bind(struct csn_device *dev)
{
	struct csn_device_bind *oldest = &dev->binds[0];

	for (size_t i = 0; i < CSN_DEVICE_BINDS; i++) {
		if (!dev->binds[i].used)
			return &dev->binds[i];
		if (dev->binds[i].at_ns < oldest->at_ns)
			oldest = &dev->binds[i];
	}
	return oldest;
}

/* Keeps a well-formed M2; an equal one again only moves its time. */
static struct csn_device_bind *
keep_bind(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_bind *bind = find_bind(dev, ev->bytes.ptr + 1);

	if (bind != NULL && memcmp(bind->m2, ev->bytes.ptr, sizeof bind->m2) != 0) {
		bind->twice = 1;
		return bind;
	}
	if (bind == NULL) {
		bind = free_bind(dev);
		bind->twice = 0;
	}
	bind->used = 1;
	bind->at_ns = ev->at_ns;
	memcpy(bind->m2, ev->bytes.ptr, sizeof bind->m2);
	copy_medium(bind->medium, ev->medium);
	return bind;
}

static struct csn_device_action
on_m2(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_m2 m2;
	const bool    offered = dev->s.phase == CSN_DEVICE_OFFERED;

	if (dev->s.phase > CSN_DEVICE_OFFERED)
		return act(CSN_DEVICE_IGNORED, 0);
	int code = csn_m2_parse(ev->bytes, &m2);
	if (code != 0)
		return offered ? refuse(dev, (unsigned)code, ev->now_ns)
		               : act(CSN_DEVICE_IGNORED, (unsigned)code);
	/* Others' M2s are on the air all the time: kept only while nobody is followed. */
	if (offered && memcmp(m2.sid4, dev->s.sid, sizeof m2.sid4) != 0)
		return act(CSN_DEVICE_IGNORED, CSN_CODE_BIND_SID);

	const struct csn_device_bind *bind = keep_bind(dev, ev);
	return offered ? verify(dev, bind, ev) : act(CSN_DEVICE_WAIT, 0);
}

/* The offer is ours and may be tried: from here on it lives in dev->buf. */
static struct csn_device_action
follow(struct csn_device *dev, const struct csn_m1 *m1, const struct csn_device_event *ev)
{
	struct csn_device_session *s = &dev->s;

	s->phase = CSN_DEVICE_OFFERED;
	s->idx = m1->hdr.idx;
	s->has_not_after = m1->hdr.has_not_after;
	s->not_after = m1->hdr.not_after;
	s->offer_at_ns = ev->at_ns;
	s->until_ns = ev->at_ns + ns_of_ms(CSN_DEVICE_BIND_LATE_MS);
	copy_medium(s->offer_medium, ev->medium);
	s->hdr = m1->hdr_raw;
	s->ct = m1->ct;
	s->enc_len = m1->enc.len;
	if (m1->enc.len > 0)
		memcpy(s->enc, m1->enc.ptr, m1->enc.len);

	const struct csn_device_bind *bind = find_bind(dev, s->sid);
	return bind == NULL ? act(CSN_DEVICE_WAIT, 0) : verify(dev, bind, ev);
}

static struct csn_device_action
resend(struct csn_device *dev, uint64_t now_ns)
{
	struct csn_device_action a = act(CSN_DEVICE_RESENT, 0);

	if (now_ns / NS_PER_MS < dev->rate.resend_ms)
		return act(CSN_DEVICE_IGNORED, 0);
	dev->rate.resend_ms = now_ns / NS_PER_MS + CSN_DEVICE_RESEND_MS;
	a.role = CSN_ROLE_RETURN;
	a.send = (struct csn_bytes){ dev->state.last_m3.b, dev->state.last_m3.len };
	return a;
}

/* Does this M1 name the sid of the last commit? */
static bool
last_sid(const struct csn_device *dev, const struct csn_m1 *m1)
{
	return dev->state.has_last &&
	       csn_same_n(dev->state.last_sid, m1->hdr.sid, sizeof m1->hdr.sid);
}

/* Step 0; an offer for somebody else is not judged by it. */
static int
step_ready(const struct csn_device *dev, uint64_t now_ns)
{
	if (dev->state.quarantined)
		return CSN_CODE_QUARANTINED;
	if (device_rate_cooling(dev, now_ns / NS_PER_MS))
		return CSN_CODE_RATE_LIMITED;
	return 0;
}

/* An M1 while another session runs: its own repeat, or one that was committed. */
static struct csn_device_action
on_m1_busy(struct csn_device *dev, const uint8_t hash[32], const struct csn_device_event *ev)
{
	struct csn_device_session *s = &dev->s;
	struct csn_m1              m1;

	if (csn_m1_parse(ev->bytes, &m1) == 0 && last_sid(dev, &m1) && !m1.hdr.has_idx &&
	    step_ready(dev, ev->now_ns) == 0 &&
	    device_step_offer(dev, &m1, ev->now_ns) == CSN_CODE_NO_SESSION)
		return resend(dev, ev->now_ns);
	if (s->phase == CSN_DEVICE_OFFERED && csn_same_n(hash, s->hash, sizeof s->hash)) {
		s->offer_at_ns = ev->at_ns;
		s->until_ns = ev->at_ns + ns_of_ms(CSN_DEVICE_BIND_LATE_MS);
	}
	return act(CSN_DEVICE_IGNORED, 0);
}

static bool
turned_away(unsigned code)
{
	return code == CSN_CODE_QUARANTINED || code == CSN_CODE_RATE_LIMITED;
}

static struct csn_device_action
refuse_offer(struct csn_device *dev, unsigned code, uint64_t now_ns)
{
	/* The offer stays on the screen while we turn it away: say so once. */
	if (turned_away(code) && dev->rate.last_code == code) {
		dev->rate.repeats++;
		wipe_session(dev);
		return act(CSN_DEVICE_IGNORED, code);
	}
	struct csn_device_action a = refuse(dev, code, now_ns);
	if (turned_away(code))
		dev->rate.has_dead = 0; /* it may be tried again later          */
	return a;
}

static struct csn_device_action
on_m1_idle(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_session *s = &dev->s;
	struct csn_m1              m1;
	const bool fits = ev->bytes.len <= CSN_M1_MAX && ev->bytes.len <= dev->buf_cap;

	if (fits && ev->bytes.len > 0)
		memcpy(dev->buf, ev->bytes.ptr, ev->bytes.len);
	int parsed = fits ? csn_m1_parse((struct csn_bytes){ dev->buf, ev->bytes.len }, &m1)
	                  : CSN_CODE_OFFER_SYNTAX;
	int ready = step_ready(dev, ev->now_ns);
	int code = ready != 0 ? ready : parsed;

	if (parsed == 0) {
		code = code != 0 ? code : device_step_offer(dev, &m1, ev->now_ns);
		if (!csn_same_n(m1.hdr.did, dev->state.did, sizeof m1.hdr.did)) {
			wipe_session(dev);
			return act(CSN_DEVICE_IGNORED, (unsigned)code);
		}
		memcpy(s->sid, m1.hdr.sid, sizeof s->sid);
		memcpy(s->skid, m1.hdr.skid, sizeof s->skid);
		s->mode = (uint8_t)(m1.hdr.mode & 7u);
	}
	if (parsed == 0 && last_sid(dev, &m1) &&
	    (code == CSN_CODE_RUNG_USED || code == CSN_CODE_NO_SESSION)) {
		wipe_session(dev);
		return code == CSN_CODE_NO_SESSION ? resend(dev, ev->now_ns)
		                                   : act(CSN_DEVICE_IGNORED, CSN_CODE_RUNG_USED);
	}
	if (code != 0)
		return refuse_offer(dev, (unsigned)code, ev->now_ns);
	return follow(dev, &m1, ev);
}

/* The very message that was refused last; a camera goes on seeing it. */
static bool
dead(const struct csn_device *dev, const uint8_t hash[CSN_HASH_LEN])
{
	return dev->rate.has_dead && csn_same_n(hash, dev->rate.dead, CSN_HASH_LEN);
}

static struct csn_device_action
on_m1(struct csn_device *dev, const struct csn_device_event *ev)
{
	uint8_t hash[CSN_HASH_LEN];

	if (csn_sha256(dev->crypto, ev->bytes, hash) != CSN_OK)
		return act(CSN_DEVICE_IGNORED, 0);
	if (dev->s.phase != CSN_DEVICE_IDLE)
		return on_m1_busy(dev, hash, ev);
	if (dead(dev, hash))
		return act(CSN_DEVICE_IGNORED, 0);
	memcpy(dev->s.hash, hash, sizeof hash);
	return on_m1_idle(dev, ev);
}

/* --- Hello and release ----------------------------------------------------------- */

static struct csn_device_action
on_m0a(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_action a = act(CSN_DEVICE_WAIT, 0);
	const uint64_t           now_ms = ev->now_ns / NS_PER_MS;
	const unsigned two_way = 1u << CSN_MODE_TWO_WAY | 1u << CSN_MODE_PAKE;
	struct csn_m0a m0a;

	int code = step_ready(dev, ev->now_ns);
	if (code == 0)
		code = csn_m0a_parse(ev->bytes, &m0a);
	if (code != 0 || dev->s.phase != CSN_DEVICE_IDLE || !dev->state.has_identity ||
	    (dev->state.modes & two_way) == 0)
		return act(CSN_DEVICE_IGNORED, (unsigned)code);

	if (device_greeted(dev, m0a.sid, ev->now_ns)) {
		if (now_ms < dev->rate.resend_ms)
			return act(CSN_DEVICE_IGNORED, 0);
	} else if (device_greet(dev, &m0a, ev->now_ns) != CSN_OK) {
		return act(CSN_DEVICE_IGNORED, 0);
	}
	if (device_greet_message(dev, &a.send) != CSN_OK) {
		wipe_greeting(dev);
		return act(CSN_DEVICE_IGNORED, 0);
	}
	dev->rate.resend_ms = now_ms + CSN_DEVICE_RESEND_MS;
	a.role = CSN_ROLE_RETURN;
	return a;
}

static struct csn_device_action
on_m8(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_action a;
	uint64_t                 counter;
	uint8_t                  hash[CSN_HASH_LEN];

	if (dev->s.phase != CSN_DEVICE_IDLE || !dev->state.quarantined ||
	    csn_sha256(dev->crypto, ev->bytes, hash) != CSN_OK || dead(dev, hash))
		return act(CSN_DEVICE_IGNORED, CSN_CODE_RELEASE);
	memcpy(dev->s.hash, hash, sizeof hash);
	int code = device_release(dev, ev->bytes, &counter);
	if (code != 0)
		return refuse(dev, (unsigned)code, ev->now_ns);

	dev->pending = dev->state;
	dev->pending.quarantined = 0;
	dev->pending.tries = 0;
	dev->pending.release_counter = counter;
	dev->pending.release_owner.len = 0;
	a = commit(dev, CSN_DEVICE_RELEASE, CSN_DEVICE_RELEASING);
	a.commit.audit = audit(dev, CSN_DEVICE_RELEASE, 0);
	return a;
}

/* --- Events ---------------------------------------------------------------------- */

static struct csn_device_action
on_offer_role(struct csn_device *dev, const struct csn_device_event *ev)
{
	/* The head of a short array, then the message's number. */
	const bool array = ev->bytes.len >= 2 && (ev->bytes.ptr[0] & 0xe0) == 0x80;

	switch (array ? ev->bytes.ptr[1] : 0) {
	case CSN_M0A:
		return on_m0a(dev, ev);
	case CSN_M5:
		return on_m5(dev, ev);
	case CSN_M8:
		return on_m8(dev, ev);
	default:
		return on_m1(dev, ev);
	}
}

static struct csn_device_action
on_message(struct csn_device *dev, const struct csn_device_event *ev)
{
	switch (ev->role) {
	case CSN_ROLE_OFFER:
		return on_offer_role(dev, ev);
	case CSN_ROLE_BIND:
		return on_m2(dev, ev);
	default:
		return act(CSN_DEVICE_IGNORED, 0);
	}
}

static struct csn_device_action
on_staged(struct csn_device *dev, const struct csn_device_event *ev)
{
	if (ev->result != CSN_OK)
		return refuse(dev, ev->result == CSN_E_REFUSED ? CSN_CODE_POLICY : CSN_CODE_STORE,
		              ev->now_ns);
	dev->state = dev->pending;
	device_rate_reset(&dev->rate, &dev->state);
	wipe_greeting(dev);
	return activate(dev);
}

/* Quarantine and cooling hold in RAM even when the store failed. */
static struct csn_device_action
on_refused(struct csn_device *dev, int result)
{
	if (result != CSN_OK)
		dev->rate.last_code = 0; /* not written: do not count on it      */
	dev->state = dev->pending;
	return refused(dev);
}

static struct csn_device_action
on_released(struct csn_device *dev, const struct csn_device_event *ev)
{
	if (ev->result != CSN_OK) {
		dev->rate.last_code = 0;
		return refuse(dev, CSN_CODE_STORE, ev->now_ns);
	}
	dev->state = dev->pending;
	wipe_session(dev);
	return act(CSN_DEVICE_RELEASED, 0);
}

static struct csn_device_action
on_committed(struct csn_device *dev, const struct csn_device_event *ev)
{
	switch ((enum csn_device_phase)dev->s.phase) {
	case CSN_DEVICE_TRYING:
		return on_try(dev, ev);
	case CSN_DEVICE_STAGED:
		return on_staged(dev, ev);
	case CSN_DEVICE_ACTIVATING:
		return accepted(dev, ev->result);
	case CSN_DEVICE_REFUSING:
		return on_refused(dev, ev->result);
	case CSN_DEVICE_RELEASING:
		return on_released(dev, ev);
	default:
		return act(CSN_DEVICE_IGNORED, 0);
	}
}

static void
forget_binds(struct csn_device *dev, uint64_t now_ns)
{
	for (size_t i = 0; i < CSN_DEVICE_BINDS; i++) {
		struct csn_device_bind *bind = &dev->binds[i];

		if (bind->used && EXPIRED(bind->at_ns + ns_of_ms(CSN_DEVICE_BIND_LATE_MS), now_ns))
			csn_wipe(bind, sizeof *bind);
	}
}

static struct csn_device_action
on_timer(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_session *s = &dev->s;

	forget_binds(dev, ev->now_ns);
	if (dev->greeting.live && EXPIRED(dev->greeting.until_ns, ev->now_ns))
		wipe_greeting(dev);
	if (s->until_ns == 0 || !EXPIRED(s->until_ns, ev->now_ns))
		return act(CSN_DEVICE_WAIT, 0);

	switch ((enum csn_device_phase)s->phase) {
	case CSN_DEVICE_OFFERED:
		wipe_session(dev);
		return act(CSN_DEVICE_WAIT, 0);
	case CSN_DEVICE_ASKING:
		return refuse(dev, CSN_CODE_PIN_MISSING, ev->now_ns);
	case CSN_DEVICE_PAKING:
		return refuse(dev, CSN_CODE_PAKE_SYNTAX, ev->now_ns);
	default:
		return act(CSN_DEVICE_WAIT, 0);
	}
}

static uint64_t
sooner(uint64_t wake_ns, uint64_t until_ns)
{
	/* A deadline itself is still in time: wake just after it. */
	return wake_ns == 0 || until_ns + 1 < wake_ns ? until_ns + 1 : wake_ns;
}

static uint64_t
next_wake(const struct csn_device *dev)
{
	const struct csn_device_session *s = &dev->s;
	uint64_t                         wake_ns = 0;

	if (s->phase == CSN_DEVICE_OFFERED || s->phase == CSN_DEVICE_ASKING ||
	    s->phase == CSN_DEVICE_PAKING)
		wake_ns = sooner(wake_ns, s->until_ns);
	if (dev->greeting.live)
		wake_ns = sooner(wake_ns, dev->greeting.until_ns);
	for (size_t i = 0; i < CSN_DEVICE_BINDS; i++) {
		if (dev->binds[i].used)
			wake_ns = sooner(wake_ns, dev->binds[i].at_ns +
			                              ns_of_ms(CSN_DEVICE_BIND_LATE_MS));
	}
	return wake_ns;
}

struct csn_device_action
csn_device_event(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_action a;

	switch ((enum csn_device_input)ev->type) {
	case CSN_DEVICE_MESSAGE:
		a = on_message(dev, ev);
		break;
	case CSN_DEVICE_PIN:
		a = on_pin(dev, ev);
		break;
	case CSN_DEVICE_COMMITTED:
		a = on_committed(dev, ev);
		break;
	case CSN_DEVICE_TIMER:
		a = on_timer(dev, ev);
		break;
	default:
		a = act(CSN_DEVICE_IGNORED, 0);
		break;
	}
	a.wake_ns = next_wake(dev);
	return a;
}

void
csn_device_init(struct csn_device *dev, const struct csn_crypto *crypto,
                const struct csn_device_policy *policy, uint8_t *buf, size_t buf_cap)
{
	memset(dev, 0, sizeof *dev);
	dev->crypto = crypto;
	dev->policy = policy;
	dev->buf = buf;
	dev->buf_cap = buf_cap;
}

void
csn_device_rest(struct csn_device *dev)
{
	wipe_session(dev);
	wipe_greeting(dev);
	csn_wipe(dev->binds, sizeof dev->binds);
	csn_wipe(&dev->state, sizeof dev->state);
	csn_wipe(&dev->out, sizeof dev->out);
}

struct csn_device_action
csn_device_load(struct csn_device *dev, const struct csn_device_state *state, uint64_t now_ns)
{
	csn_device_rest(dev);
	dev->state = *state;
	device_rate_boot(dev, now_ns / NS_PER_MS);
	if (dev->state.has_staged && !dev->state.active)
		return activate(dev);
	return act(CSN_DEVICE_WAIT, 0);
}

void
csn_device_done(struct csn_device *dev)
{
	if (dev->buf != NULL)
		csn_wipe(dev->buf, dev->buf_cap);
	csn_wipe(dev, sizeof *dev);
}
