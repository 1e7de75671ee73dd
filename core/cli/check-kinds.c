/* What is asked of one kind: a channel's bounds, a verifier's refusals. */
#include "core/cli/check.h"

#include <countersign/attest.h>
#include <countersign/channel.h>

#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX (1u << 24) /* no channel of ours claims to carry more whole */

/* A caps struct of a later contract: what this plugin cannot know follows it. */
struct later_caps {
	struct csn_channel_caps caps;
	uint8_t                 tail[64];
};

static bool
check_caps(struct bench *b, struct csn_channel_caps *ret_caps)
{
	static const uint8_t          zero[64];
	const struct csn_channel_ops *ops   = b->component->ops.channel;
	struct later_caps             later = { .caps.size = sizeof later };
	struct csn_channel_caps       caps  = { .size = sizeof caps };

	if (!check_ok(b, ops->caps(b->self, &caps) == CSN_OK, "caps answers"))
		return false;
	check_ok(b, ops->caps(b->self, &later.caps) == CSN_OK && later.caps.size == sizeof later &&
	                    memcmp(later.tail, zero, sizeof zero) == 0,
	         "caps of a larger size: size and what is beyond are left alone");
	check_ok(b, (caps.direction & (CSN_SEND | CSN_RECEIVE)) != 0 &&
	                    (caps.direction & ~7u) == 0,
	         "caps: a direction, and none unknown");
	check_ok(b, caps.medium <= CSN_MEDIUM_VIDEO, "caps: the medium is known");
	check_ok(b, caps.medium_name != NULL && caps.medium_name[0] != '\0',
	         "caps: the medium has a name");
	check_ok(b, caps.medium == CSN_MEDIUM_NONE ||
	                    (CSN_HAS(ops, feed) && (caps.direction & CSN_RECEIVE) != 0) ||
	                    (CSN_HAS(ops, render) && (caps.direction & CSN_SEND) != 0),
	         "caps: with a medium there is feed or render");
	*ret_caps = caps;
	return check_ok(b, caps.max_message > 0 && caps.max_message <= MESSAGE_MAX,
	                "caps: max_message is 1 to %u", MESSAGE_MAX);
}

/* The answer to a message of @len bytes, or CSN_E_NOMEM of our own. */
static int
send_len(struct bench *b, const uint8_t *bytes, size_t len, int *ret_completions)
{
	const struct csn_channel_ops *ops = b->component->ops.channel;
	struct trial                  t;

	if (trial_begin(b, &t, ops->cancel) < 0)
		return CSN_E_NOMEM;
	trial_started(&t, ops->send(b->self, t.op, (struct csn_bytes){ bytes, len }));
	if (t.answers == 0 && CSN_HAS(ops, render)) /* nobody plays it here */
		csn_op_cancel(t.op);
	trial_wait(b, &t);
	*ret_completions = t.completions;
	int result       = t.result;
	trial_end(&t);
	return result;
}

static void
check_send(struct bench *b, uint32_t max)
{
	const struct csn_channel_ops *ops   = b->component->ops.channel;
	uint8_t                      *bytes = calloc(1, (size_t)max + 1);
	int                           times, r;

	if (bytes == NULL) {
		check_ok(b, false, "no memory for a message of %u bytes", max);
		return;
	}
	r = send_len(b, bytes, (size_t)max + 1, &times);
	check_ok(b, r == CSN_E_TOO_BIG, "a message over max_message is refused as too big (%d)", r);
	r = send_len(b, bytes, 0, &times);
	check_ok(b, r == CSN_OK || r == CSN_E_INVALID,
	         "an empty message is carried or refused as invalid (%d)", r);
	r = send_len(b, bytes, max, &times);
	check_ok(b, times == 1 && (r == CSN_OK || (CSN_HAS(ops, render) && r == CSN_E_CANCELLED)),
	         "a message of max_message bytes ends exactly once (%d, %d times)", r, times);
	if (CSN_HAS(ops, rest))
		ops->rest(b->self);
	free(bytes);
}

/* Takes out what earlier sends left, then cancels a receive that is pending. */
static void
check_cancel(struct bench *b)
{
	const struct csn_channel_ops *ops = b->component->ops.channel;
	struct trial                  t;

	for (int i = 0; i < 64; i++) {
		if (trial_begin(b, &t, ops->cancel) < 0)
			return;
		trial_started(&t, ops->receive(b->self, t.op));
		csn_loop_step(b->loop);
		if (t.answers == 0 && t.completions == 0)
			break;
		trial_wait(b, &t);
		trial_end(&t);
	}
	bool pending = t.answers == 0 && t.completions == 0;

	if (!check_ok(b, pending, "a receive with nothing to receive stays pending")) {
		trial_end(&t);
		return;
	}
	csn_op_cancel(t.op);
	trial_wait(b, &t);
	check_ok(b, t.completions == 1 && t.result == CSN_E_CANCELLED,
	         "a cancelled receive ends exactly once, as cancelled (%d, %d times)", t.result,
	         t.completions);
	trial_end(&t);
}

static void
check_channel(struct bench *b)
{
	const struct csn_channel_ops *ops  = b->component->ops.channel;
	struct csn_channel_caps       caps = { 0 };

	if (!check_caps(b, &caps))
		return;
	check_ok(b, !(caps.direction & CSN_SEND) || CSN_HAS(ops, send), "who sends has send");
	check_ok(b, !(caps.direction & CSN_RECEIVE) || CSN_HAS(ops, receive),
	         "who receives has receive");
	if (!check_ok(b, CSN_HAS(ops, cancel), "there is a cancel"))
		return;
	if ((caps.direction & CSN_SEND) && CSN_HAS(ops, send))
		check_send(b, caps.max_message);
	if ((caps.direction & CSN_RECEIVE) && CSN_HAS(ops, receive))
		check_cancel(b);
}

/* No evidence, and evidence that is noise, with and without a challenge. */
static void
check_attest(struct bench *b)
{
	static const uint8_t noise[64] = { 0xa5, 0x5a, 0xff, 0x00, 0x84 };
	static const struct {
		const char      *what;
		struct csn_bytes value, challenge;
	} cases[] = {
		{ "no evidence at all", { NULL, 0 }, { NULL, 0 } },
		{ "no evidence to a challenge", { NULL, 0 }, { noise, 32 } },
		{ "one byte", { noise, 1 }, { noise, 32 } },
		{ "noise", { noise, sizeof noise }, { noise, 32 } },
		{ "noise without a challenge", { noise, sizeof noise }, { NULL, 0 } },
	};
	const struct csn_attest_ops *ops  = b->component->ops.attest;
	const char                  *type = ops->type(b->self);

	if (!check_ok(b, type != NULL && type[0] != '\0', "the evidence type has a name"))
		return;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct csn_verdict  verdict  = { .size = sizeof verdict };
		struct csn_evidence evidence = {
			.size = sizeof evidence, .type = type, .value = cases[i].value,
			.challenge = cases[i].challenge, .device_class = "check",
			.unix_s = CSN_VIRTUAL_EPOCH,
		};
		struct trial t;

		if (trial_begin(b, &t, ops->cancel) < 0)
			return;
		trial_started(&t, ops->verify(b->self, t.op, &evidence, &verdict));
		trial_wait(b, &t);
		check_ok(b, verdict.judgement != CSN_ACCEPTED && t.answers == 1 && t.completions <= 1,
		         "%s is never a pass", cases[i].what);
		check_ok(b, t.result != CSN_OK || verdict.judgement != CSN_UNDECIDED,
		         "%s: an answer of CSN_OK holds a judgement", cases[i].what);
		if (CSN_HAS(ops, appraise)) {
			ops->appraise(b->self, &evidence, &verdict);
			check_ok(b, verdict.judgement != CSN_ACCEPTED, "%s: appraise does not raise it",
			         cases[i].what);
		}
		trial_end(&t);
	}
}

void
check_kind(struct bench *b)
{
	if (b->component->kind == CSN_KIND_CHANNEL)
		check_channel(b);
	else if (b->component->kind == CSN_KIND_ATTEST)
		check_attest(b);
}
