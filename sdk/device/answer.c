/*
 * What follows a verdict: refusing, accepting, counting tries; and what the host
 * answers to each commit.
 */
#include "device/internal.h"

struct csn_device_action
device_commit(struct csn_device *dev, uint32_t kind, enum csn_device_phase phase)
{
	struct csn_device_action a = device_act(CSN_DEVICE_COMMIT, 0);

	dev->s.phase = (uint8_t)phase;
	a.commit.kind = kind;
	a.commit.state = &dev->pending;
	return a;
}

/* Fills the audit entry from the session and remembers that it was written. */
const struct csn_device_audit *
device_audit(struct csn_device *dev, uint32_t what, uint16_t code)
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
	struct csn_device_action a = device_act(CSN_DEVICE_REFUSED, dev->s.code);

	if (dev->out.len > 0) {
		a.role = CSN_ROLE_RETURN;
		a.send = (struct csn_bytes){ dev->out.b, dev->out.len };
	}
	device_wipe_session(dev);
	return a;
}

/*
 * The one way to refuse.  Equal refusals in a row that change nothing are counted
 * and not written again.  What the session held is wiped now, not after the commit.
 */
struct csn_device_action
device_refuse(struct csn_device *dev, unsigned code, uint64_t now_ns)
{
	struct csn_device_session *s = &dev->s;
	struct csn_device_action   a;
	bool                       changed;

	dev->out.len = 0;
	if (s->told && device_m3(dev, 1, &dev->out) != CSN_OK)
		dev->out.len = 0;
	if ((s->mode & CSN_MODE_TWO_WAY) != 0 && s->phase != CSN_DEVICE_IDLE)
		device_wipe_greeting(dev);
	memcpy(dev->rate.dead, s->hash, sizeof dev->rate.dead);
	dev->rate.has_dead = 1;

	changed = refusal_state(dev, code, now_ns / NS_PER_MS);
	if (!changed && dev->rate.last_code == code) {
		dev->rate.repeats++;
		s->code = (uint16_t)code;
		return refused(dev);
	}
	a = device_commit(dev, CSN_DEVICE_REFUSE, CSN_DEVICE_REFUSING);
	a.commit.audit = device_audit(dev, CSN_DEVICE_REFUSE, (uint16_t)code);
	csn_wipe(s, sizeof *s);
	csn_wipe(dev->buf, dev->buf_cap);
	s->phase = CSN_DEVICE_REFUSING;
	s->code = (uint16_t)code;
	return a;
}

struct csn_device_action
device_do_stage(struct csn_device *dev, const struct csn_device_event *ev)
{
	const struct device_clock clock = device_clock_of(ev);
	struct csn_device_action  a;

	int code = device_step_body(dev, &clock);
	if (code != 0)
		return device_refuse(dev, (unsigned)code, ev->now_ns);
	if (device_stage(dev) != CSN_OK)
		return device_refuse(dev, CSN_CODE_STORE, ev->now_ns);

	dev->pending.cool_level = 0;
	dev->pending.cool_until_ms = 0;
	a = device_commit(dev, CSN_DEVICE_ACCEPT, CSN_DEVICE_STAGED);
	a.commit.audit = device_audit(dev, CSN_DEVICE_ACCEPT, 0);
	a.commit.body = dev->s.body;
	a.commit.m3 = (struct csn_bytes){ dev->s.m3.b, dev->s.m3.len };
	return a;
}

struct csn_device_action
device_activate(struct csn_device *dev)
{
	dev->pending = dev->state;
	dev->pending.active = 1;
	return device_commit(dev, CSN_DEVICE_ACTIVATE, CSN_DEVICE_ACTIVATING);
}

/* Activation that failed is made up for at the next start: the commit stands. */
static struct csn_device_action
accepted(struct csn_device *dev, int result)
{
	struct csn_device_action a = device_act(CSN_DEVICE_ACCEPTED, 0);

	if (result == CSN_OK)
		dev->state = dev->pending;
	if ((dev->s.mode & CSN_MODE_TWO_WAY) != 0) {
		dev->out = dev->s.m3;
		a.role = CSN_ROLE_RETURN;
		a.send = (struct csn_bytes){ dev->out.b, dev->out.len };
	}
	device_wipe_session(dev);
	return a;
}

static struct csn_device_action
count_try(struct csn_device *dev)
{
	dev->pending = dev->state;
	dev->pending.tries++;
	return device_commit(dev, CSN_DEVICE_TRY, CSN_DEVICE_TRYING);
}

struct csn_device_action
device_do_pin(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_session *s = &dev->s;

	int code = device_step_pin_locked(dev);
	if (code == 0 && s->mode == CSN_MODE_PAKE &&
	    dev->crypto->point_valid(dev->crypto->self, CSN_SUITE_P256,
	                             CSN_BYTES_OF(s->share_p)) != CSN_OK)
		code = CSN_CODE_PAKE_SHARE;
	if (code != 0)
		return device_refuse(dev, (unsigned)code, ev->now_ns);
	if (s->mode == CSN_MODE_PAKE)
		return count_try(dev);

	s->phase = CSN_DEVICE_ASKING;
	s->until_ns = ev->now_ns + device_ns(CSN_DEVICE_PIN_MS);
	return device_act(CSN_DEVICE_ASK_PIN, 0);
}

struct csn_device_action
device_on_pin(struct csn_device *dev, const struct csn_device_event *ev)
{
	if (dev->s.phase != CSN_DEVICE_ASKING)
		return device_act(CSN_DEVICE_IGNORED, 0);
	int code = device_step_pin(dev, ev->bytes);
	if (code != 0)
		return device_refuse(dev, (unsigned)code, ev->now_ns);
	return count_try(dev);
}

/* The try is durable: only now may anything be compared. */
static struct csn_device_action
on_try(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_session *s = &dev->s;
	struct csn_device_action   a;

	if (ev->result != CSN_OK)
		return device_refuse(dev, CSN_CODE_STORE, ev->now_ns);
	dev->state = dev->pending;

	int code = s->mode == CSN_MODE_PAKE ? device_step_share(dev)
	                                    : device_step_pin_compare(dev);
	if (code != 0)
		return device_refuse(dev, (unsigned)code, ev->now_ns);
	if (s->mode != CSN_MODE_PAKE)
		return device_do_stage(dev, ev);

	s->phase = CSN_DEVICE_PAKING;
	s->until_ns = ev->now_ns + device_ns(CSN_DEVICE_PAKE_MS);
	a = device_act(CSN_DEVICE_WAIT, 0);
	a.role = CSN_ROLE_RETURN;
	a.send = (struct csn_bytes){ dev->out.b, dev->out.len };
	return a;
}

struct csn_device_action
device_on_m5(struct csn_device *dev, const struct csn_device_event *ev)
{
	if (dev->s.phase != CSN_DEVICE_PAKING)
		return device_act(CSN_DEVICE_IGNORED, 0);
	int code = device_step_m5(dev, ev->bytes);
	if (code != 0)
		return device_refuse(dev, (unsigned)code, ev->now_ns);
	return device_do_stage(dev, ev);
}

static struct csn_device_action
on_staged(struct csn_device *dev, const struct csn_device_event *ev)
{
	if (ev->result != CSN_OK)
		return device_refuse(dev, ev->result == CSN_E_REFUSED ? CSN_CODE_POLICY : CSN_CODE_STORE,
		              ev->now_ns);
	dev->state = dev->pending;
	device_rate_reset(&dev->rate, &dev->state);
	device_wipe_greeting(dev);
	return device_activate(dev);
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
		return device_refuse(dev, CSN_CODE_STORE, ev->now_ns);
	}
	dev->state = dev->pending;
	device_wipe_session(dev);
	return device_act(CSN_DEVICE_RELEASED, 0);
}

struct csn_device_action
device_on_committed(struct csn_device *dev, const struct csn_device_event *ev)
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
		return device_act(CSN_DEVICE_IGNORED, 0);
	}
}

