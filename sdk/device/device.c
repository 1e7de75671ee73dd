/* The device's state machine, section 6.3: events in, actions out. */
#include "device/internal.h"

/* A deadline itself is still in time. */
#define EXPIRED(deadline_ns, now_ns) ((now_ns) > (deadline_ns))

void
device_wipe_session(struct csn_device *dev)
{
	csn_wipe(&dev->s, sizeof dev->s);
	csn_wipe(dev->buf, dev->buf_cap);
	csn_wipe(&dev->pending, sizeof dev->pending);
}

void
device_wipe_greeting(struct csn_device *dev)
{
	csn_wipe(&dev->greeting, sizeof dev->greeting);
}

static void
forget_binds(struct csn_device *dev, uint64_t now_ns)
{
	for (size_t i = 0; i < CSN_DEVICE_BINDS; i++) {
		struct csn_device_bind *bind = &dev->binds[i];

		if (bind->used && EXPIRED(bind->at_ns + device_ns(CSN_DEVICE_BIND_LATE_MS), now_ns))
			csn_wipe(bind, sizeof *bind);
	}
}

static struct csn_device_action
on_timer(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_session *s = &dev->s;

	forget_binds(dev, ev->now_ns);
	if (dev->greeting.live && EXPIRED(dev->greeting.until_ns, ev->now_ns))
		device_wipe_greeting(dev);
	if (s->until_ns == 0 || !EXPIRED(s->until_ns, ev->now_ns))
		return device_act(CSN_DEVICE_WAIT, 0);

	switch ((enum csn_device_phase)s->phase) {
	case CSN_DEVICE_OFFERED:
		device_wipe_session(dev);
		return device_act(CSN_DEVICE_WAIT, 0);
	case CSN_DEVICE_ASKING:
		return device_refuse(dev, CSN_CODE_PIN_MISSING, ev->now_ns);
	case CSN_DEVICE_PAKING:
		return device_refuse(dev, CSN_CODE_PAKE_SYNTAX, ev->now_ns);
	default:
		return device_act(CSN_DEVICE_WAIT, 0);
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
			                              device_ns(CSN_DEVICE_BIND_LATE_MS));
	}
	return wake_ns;
}

struct csn_device_action
csn_device_event(struct csn_device *dev, const struct csn_device_event *ev)
{
	struct csn_device_action a;

	switch ((enum csn_device_input)ev->type) {
	case CSN_DEVICE_MESSAGE:
		a = device_on_message(dev, ev);
		break;
	case CSN_DEVICE_PIN:
		a = device_on_pin(dev, ev);
		break;
	case CSN_DEVICE_COMMITTED:
		a = device_on_committed(dev, ev);
		break;
	case CSN_DEVICE_TIMER:
		a = on_timer(dev, ev);
		break;
	default:
		a = device_act(CSN_DEVICE_IGNORED, 0);
		break;
	}
	a.wake_ns = next_wake(dev);
	return a;
}

void
csn_device_init(struct csn_device *dev, const struct csn_crypto *crypto,
                const struct csn_device_policy *policy, uint8_t *buf, size_t buf_cap)
{
	static const struct csn_device_policy none;

	memset(dev, 0, sizeof *dev);
	dev->crypto = crypto;
	dev->policy = policy != NULL ? policy : &none;
	dev->buf = buf;
	dev->buf_cap = buf_cap;
}

void
csn_device_rest(struct csn_device *dev)
{
	device_wipe_session(dev);
	device_wipe_greeting(dev);
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
		return device_activate(dev);
	return device_act(CSN_DEVICE_WAIT, 0);
}

void
csn_device_done(struct csn_device *dev)
{
	if (dev->buf != NULL)
		csn_wipe(dev->buf, dev->buf_cap);
	csn_wipe(dev, sizeof *dev);
}
