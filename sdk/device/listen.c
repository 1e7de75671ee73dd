/* What comes in by offer and bind: whose it is, and when the checks may begin. */
#include "device/internal.h"

/* Steps 2 to 8 once both messages are here. */
static struct csn_device_action
verify(struct csn_device *dev, const struct csn_device_bind *bind,
       const struct csn_device_event *ev)
{
	const struct device_clock clock = device_clock_of(ev);
	struct csn_m2             m2;

	int code = device_step_bind(&dev->s, bind, &m2);
	if (code == 0)
		code = device_step_open(dev, &m2);
	if (code == 0)
		code = device_step_time(dev, &clock);
	if (code != 0)
		return device_refuse(dev, (unsigned)code, ev->now_ns);
	csn_wipe(dev->binds, sizeof dev->binds);
	if ((dev->s.mode & CSN_MODE_PIN) != 0)
		return device_do_pin(dev, ev);
	return device_do_stage(dev, ev);
}

static void
copy_medium(char ret[CSN_DEVICE_MEDIUM_MAX], const char *medium)
{
	/* Cut names may look equal: that refuses, it never accepts. */
	memset(ret, 0, CSN_DEVICE_MEDIUM_MAX);
	for (size_t i = 0; medium != NULL && medium[i] != '\0' && i + 1 < CSN_DEVICE_MEDIUM_MAX; i++)
		ret[i] = medium[i];
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
		return device_act(CSN_DEVICE_IGNORED, 0);
	int code = csn_m2_parse(ev->bytes, &m2);
	if (code != 0)
		return offered ? device_refuse(dev, (unsigned)code, ev->now_ns)
		               : device_act(CSN_DEVICE_IGNORED, (unsigned)code);
	/* Others' M2s are on the air all the time: kept only while nobody is followed. */
	if (offered && memcmp(m2.sid4, dev->s.sid, sizeof m2.sid4) != 0)
		return device_act(CSN_DEVICE_IGNORED, CSN_CODE_BIND_SID);

	const struct csn_device_bind *bind = keep_bind(dev, ev);
	return offered ? verify(dev, bind, ev) : device_act(CSN_DEVICE_WAIT, 0);
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
	s->until_ns = ev->at_ns + device_ns(CSN_DEVICE_BIND_LATE_MS);
	copy_medium(s->offer_medium, ev->medium);
	s->hdr = m1->hdr_raw;
	s->ct = m1->ct;
	s->enc_len = m1->enc.len;
	if (m1->enc.len > 0)
		memcpy(s->enc, m1->enc.ptr, m1->enc.len);

	const struct csn_device_bind *bind = find_bind(dev, s->sid);
	return bind == NULL ? device_act(CSN_DEVICE_WAIT, 0) : verify(dev, bind, ev);
}

static struct csn_device_action
resend(struct csn_device *dev, uint64_t now_ns)
{
	struct csn_device_action a = device_act(CSN_DEVICE_RESENT, 0);

	if (now_ns / NS_PER_MS < dev->rate.resend_ms)
		return device_act(CSN_DEVICE_IGNORED, 0);
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
		s->until_ns = ev->at_ns + device_ns(CSN_DEVICE_BIND_LATE_MS);
	}
	return device_act(CSN_DEVICE_IGNORED, 0);
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
		device_wipe_session(dev);
		return device_act(CSN_DEVICE_IGNORED, code);
	}
	struct csn_device_action a = device_refuse(dev, code, now_ns);
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
			device_wipe_session(dev);
			return device_act(CSN_DEVICE_IGNORED, (unsigned)code);
		}
		memcpy(s->sid, m1.hdr.sid, sizeof s->sid);
		memcpy(s->skid, m1.hdr.skid, sizeof s->skid);
		s->mode = (uint8_t)(m1.hdr.mode & 7u);
	}
	if (parsed == 0 && last_sid(dev, &m1) &&
	    (code == CSN_CODE_RUNG_USED || code == CSN_CODE_NO_SESSION)) {
		device_wipe_session(dev);
		return code == CSN_CODE_NO_SESSION ? resend(dev, ev->now_ns)
		                                   : device_act(CSN_DEVICE_IGNORED, CSN_CODE_RUNG_USED);
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
		return device_act(CSN_DEVICE_IGNORED, 0);
	if (dev->s.phase != CSN_DEVICE_IDLE)
		return on_m1_busy(dev, hash, ev);
	if (dead(dev, hash))
		return device_act(CSN_DEVICE_IGNORED, 0);
	memcpy(dev->s.hash, hash, sizeof hash);
	return on_m1_idle(dev, ev);
}

static struct csn_device_action
on_m0a(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_action a = device_act(CSN_DEVICE_WAIT, 0);
	const uint64_t           now_ms = ev->now_ns / NS_PER_MS;
	const unsigned two_way = 1u << CSN_MODE_TWO_WAY | 1u << CSN_MODE_PAKE;
	struct csn_m0a m0a;

	int code = step_ready(dev, ev->now_ns);
	if (code == 0)
		code = csn_m0a_parse(ev->bytes, &m0a);
	if (code != 0 || dev->s.phase != CSN_DEVICE_IDLE || !dev->state.has_identity ||
	    (dev->state.modes & two_way) == 0)
		return device_act(CSN_DEVICE_IGNORED, (unsigned)code);

	if (device_greeted(dev, m0a.sid, ev->now_ns)) {
		if (now_ms < dev->rate.resend_ms)
			return device_act(CSN_DEVICE_IGNORED, 0);
	} else if (device_greet(dev, &m0a, ev->now_ns) != CSN_OK) {
		return device_act(CSN_DEVICE_IGNORED, 0);
	}
	if (device_greet_message(dev, &a.send) != CSN_OK) {
		device_wipe_greeting(dev);
		return device_act(CSN_DEVICE_IGNORED, 0);
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
		return device_act(CSN_DEVICE_IGNORED, CSN_CODE_RELEASE);
	memcpy(dev->s.hash, hash, sizeof hash);
	int code = device_release(dev, ev->bytes, &counter);
	if (code != 0)
		return device_refuse(dev, (unsigned)code, ev->now_ns);

	dev->pending = dev->state;
	dev->pending.quarantined = 0;
	dev->pending.tries = 0;
	dev->pending.release_counter = counter;
	dev->pending.release_owner.len = 0;
	a = device_commit(dev, CSN_DEVICE_RELEASE, CSN_DEVICE_RELEASING);
	a.commit.audit = device_audit(dev, CSN_DEVICE_RELEASE, 0);
	return a;
}

static struct csn_device_action
on_offer_role(struct csn_device *dev, const struct csn_device_event *ev)
{
	/* The head of a short array, then the message's number. */
	const bool array = ev->bytes.len >= 2 && (ev->bytes.ptr[0] & 0xe0) == 0x80;

	switch (array ? ev->bytes.ptr[1] : 0) {
	case CSN_M0A:
		return on_m0a(dev, ev);
	case CSN_M5:
		return device_on_m5(dev, ev);
	case CSN_M8:
		return on_m8(dev, ev);
	default:
		return on_m1(dev, ev);
	}
}

struct csn_device_action
device_on_message(struct csn_device *dev, const struct csn_device_event *ev)
{
	switch (ev->role) {
	case CSN_ROLE_OFFER:
		return on_offer_role(dev, ev);
	case CSN_ROLE_BIND:
		return on_m2(dev, ev);
	default:
		return device_act(CSN_DEVICE_IGNORED, 0);
	}
}

