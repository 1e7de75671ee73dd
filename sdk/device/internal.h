/*
 * Between the files of the device.  Functions named step return 0 or the refusal code
 * of the first check that failed, in protocol order.
 */
#ifndef CSN_DEVICE_INTERNAL_H
#define CSN_DEVICE_INTERNAL_H

#include <stdbool.h>

#include "device/device.h"
#include "lib/cert.h"
#include "lib/csgn1.h"

#define NS_PER_MS 1000000u

/* The wall clock as the checks want it. */
struct device_clock {
	bool     trusted;
	uint32_t now; /* stamp                                                */
};

static inline uint64_t
device_ns(uint64_t ms)
{
	return ms * NS_PER_MS;
}

static inline struct csn_device_action
device_act(uint32_t verb, uint32_t code)
{
	return (struct csn_device_action){ .type = verb, .code = code };
}

static inline struct device_clock
device_clock_of(const struct csn_device_event *ev)
{
	struct device_clock clock = { .trusted = ev->clock_trusted == 1 };

	if (ev->unix_s > CSN_STAMP_EPOCH) {
		uint64_t stamp = ev->unix_s - CSN_STAMP_EPOCH;

		clock.now = stamp > UINT32_MAX ? UINT32_MAX : (uint32_t)stamp;
	}
	return clock;
}

static inline struct csn_bytes
device_spki(const struct csn_device_spki *spki)
{
	return (struct csn_bytes){ spki->b, spki->len };
}

/* evidence.c.  dev->buf while M0b is made: evidence in so much room, a signature, M0b. */
enum {
	DEVICE_SIGN1_MAX = CSN_DEVICE_CHAIN_MAX + 128,
	DEVICE_GREET_MIN = 2 * (DEVICE_SIGN1_MAX + 256),
};
size_t device_evidence_room(const struct csn_device *dev);
/* Writes the evidence array to the front of dev->buf; the same bytes each time. */
int device_evidence(struct csn_device *dev, struct csn_bytes *ret_raw);
/* A sign1-chain by the identity key over @payload. */
int device_put_sign1(const struct csn_device *dev, struct csn_bytes payload,
                     struct csn_dcbor_out *out);

/* device.c */
void device_wipe_session(struct csn_device *dev);
void device_wipe_greeting(struct csn_device *dev);

/* listen.c */
struct csn_device_action device_on_message(struct csn_device             *dev,
                                           const struct csn_device_event *ev);

/* answer.c: what follows a verdict, and what the host answers. */
struct csn_device_action device_commit(struct csn_device *dev, uint32_t kind,
                                       enum csn_device_phase phase);
const struct csn_device_audit *device_audit(struct csn_device *dev, uint32_t what,
                                            uint16_t code);
struct csn_device_action device_refuse(struct csn_device *dev, unsigned code,
                                       uint64_t now_ns);
struct csn_device_action device_do_stage(struct csn_device             *dev,
                                         const struct csn_device_event *ev);
struct csn_device_action device_do_pin(struct csn_device             *dev,
                                       const struct csn_device_event *ev);
struct csn_device_action device_activate(struct csn_device *dev);
struct csn_device_action device_on_pin(struct csn_device             *dev,
                                       const struct csn_device_event *ev);
struct csn_device_action device_on_m5(struct csn_device             *dev,
                                      const struct csn_device_event *ev);
struct csn_device_action device_on_committed(struct csn_device             *dev,
                                             const struct csn_device_event *ev);

/* rate.c */
bool device_rate_cooling(const struct csn_device *dev, uint64_t now_ms);
void device_rate_boot(struct csn_device *dev, uint64_t now_ms);
void device_rate_refused(struct csn_device_rate *rate, struct csn_device_state *state,
                         uint64_t now_ms);
void device_rate_reset(struct csn_device_rate *rate, struct csn_device_state *state);

/* greet.c: e_D and M0b into dev->buf.  0, or a negative code: then say nothing. */
int  device_greet(struct csn_device *dev, const struct csn_m0a *m0a, uint64_t now_ns);
int  device_greet_message(struct csn_device *dev, struct csn_bytes *ret_m0b);
bool device_greeted(const struct csn_device *dev, const uint8_t sid[16], uint64_t now_ns);

/* offer.c: steps 1 to 7. */
int device_step_offer(const struct csn_device *dev, const struct csn_m1 *m1,
                      uint64_t now_ns);
int device_step_bind(const struct csn_device_session *s, const struct csn_device_bind *bind,
                     struct csn_m2 *ret_m2);
int device_step_open(struct csn_device *dev, const struct csn_m2 *m2);

int device_step_time(const struct csn_device *dev, const struct device_clock *clock);

/* pin.c: step 8. */
int device_step_pin_locked(const struct csn_device *dev);
int device_step_pin(struct csn_device *dev, struct csn_bytes pin);
int device_step_pin_compare(struct csn_device *dev);
int device_step_share(struct csn_device *dev);
int device_step_m5(struct csn_device *dev, struct csn_bytes m5);

/* accept.c: step 9, and M3. */
int device_step_body(struct csn_device *dev, const struct device_clock *clock);
int device_m3(struct csn_device *dev, unsigned result, struct csn_device_m3 *ret_m3);
/* dev->pending and s.m3 become what the commit holds.  0 or a negative code. */
int  device_stage(struct csn_device *dev);

/* release.c: 0 and the counter, or 111. */
int device_release(const struct csn_device *dev, struct csn_bytes m8, uint64_t *ret_counter);

#endif
