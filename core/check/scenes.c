/* What is asked of every kind: options, life, sizes, cancelling, time. */
#include "core/check/check.h"

#include "core/check/heap.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/option.h"

#include <inttypes.h>
#include <stdio.h>

#define POINTS_MAX 64 /* how far into an operation it is cancelled             */
#define RUNS_MAX   8  /* of the same calls, until none was slow              */
#define LATER      64 /* bytes a later contract could add                      */

/* --- options --------------------------------------------------------------------------- */

/* The reason create() cannot be tried without a configuration, or NULL. */
static const char *
required_option(const struct csn_component *c)
{
	for (const struct csn_option *o = c->options; o != NULL && o->key != NULL; o++)
		if (o->flags & CSN_OPT_REQUIRED)
			return o->key;
	return NULL;
}

static void
check_bounds(const struct csn_option *o)
{
	struct option_value value = { 0, NULL };
	struct csn_error    why   = { 0 };

	if (o->fallback != NULL)
		check_ok(option_parse(o, o->fallback, &value, &why) == CSN_OK,
		         "option %s: the default \"%s\" is within its bounds", o->key, o->fallback);
	if (o->type != CSN_U32 && o->type != CSN_I64)
		return;
	if (o->max != INT64_MAX)
		check_ok(option_number(o, o->max + 1, &value, &why) == CSN_E_CONFIG,
		         "option %s: one over its maximum is refused", o->key);
	if (o->min != INT64_MIN)
		check_ok(option_number(o, o->min - 1, &value, &why) == CSN_E_CONFIG,
		         "option %s: one under its minimum is refused", o->key);
}

/* An instance at either end of a number's bounds: made, or refused with a reason. */
static void
check_end(const struct csn_option *o, int64_t number, const char *end)
{
	char             text[128];
	char            *texts[] = { text, NULL };
	struct csn_error err  = { 0 };
	void            *self = NULL;

	snprintf(text, sizeof text, "%s=%" PRId64, o->key, number);
	const struct csn_config *config = check_config(texts, &err);
	if (config == NULL || !bench_open())
		return;
	int r = make_as(config, &self, &err);
	check_ok(r == CSN_OK ? self != NULL : r < 0 && err.text[0] != '\0',
	         "option %s at its %s, %" PRId64 ": an instance, or a reason", o->key, end, number);
	if (r == CSN_OK)
		unmake(self);
	bench_close();
}

void
scene_options(void)
{
	const struct csn_component *c = bench.component;

	for (const struct csn_option *o = c->options; o != NULL && o->key != NULL; o++) {
		struct csn_error why = { 0 };

		check_ok(option_check(o, &why) == CSN_OK, "option %s is well-formed%s%s", o->key,
		         why.text[0] ? ": " : "", why.text);
		check_bounds(o);
		if (bench.config != NULL || required_option(c) != NULL ||
		    (o->type != CSN_U32 && o->type != CSN_I64))
			continue;
		check_end(o, o->min, "minimum");
		check_end(o, o->max, "maximum");
	}
	for (const struct csn_need *n = c->needs; n != NULL && n->kind != 0; n++)
		check_ok(n->why != NULL && n->why[0] != '\0', "the need of a %s says why",
		         csn_kind_name(n->kind));
}

/* --- life ---------------------------------------------------------------------------------- */

/* Creates as asked; false when it cannot be, with the reason in a TAP line. */
static bool
make(const char *time)
{
	struct csn_error err = { 0 };
	static char      untouched;
	void            *self = &untouched;
	int              r    = make_as(bench.config, &self, &err);

	bench.self = NULL;
	if (r == CSN_E_MISSING || r == CSN_E_IO || r == CSN_E_CONFIG) {
		check_ok(self == &untouched && err.text[0] != '\0',
		         "%s create says why it failed and leaves *ret_self alone", time);
		check_skip("cannot be created here: %s", csn_error_text(&err));
		return false;
	}
	if (!check_ok(r == CSN_OK && self != NULL && self != &untouched,
	              "%s create gives an instance%s%s", time, r < 0 ? ": " : "",
	              r < 0 ? csn_error_text(&err) : ""))
		return false;
	bench.self = self;
	return true;
}

static bool
refuses_nothing(const char *must)
{
	struct csn_error err  = { 0 };
	void            *self = NULL;

	check_ok(make_as(NULL, &self, &err) == CSN_E_CONFIG && self == NULL,
	         "create without the required option %s is refused", must);
	if (bench.config != NULL)
		return true;
	check_skip("cannot be created without a value for %s: --set", must);
	return false;
}

void
scene_life(void)
{
	const char *must = required_option(bench.component);

	if (!bench_open())
		return;
	unmake(NULL);
	check_ok(true, "destroy takes NULL");
	if ((must != NULL && !refuses_nothing(must)) || !make("the first"))
		return;
	unmake(bench.self);
	bench_nothing_left("destroy");
	if (!make("the second"))
		return;
	exercise();
	unmake(bench.self);
	bench_nothing_left("destroy");
	check_ok(csn_ops_pending(bench.ops) == 0, "no operation is left behind");
	bench_close();
	page->created = 1;
}

/* For the other scenes: an instance, or a line that says there is none this time. */
static bool
ready(void)
{
	struct csn_error err = { 0 };

	if (!bench_open())
		return false;
	int r = make_as(bench.config, &bench.self, &err);
	return r == CSN_OK || check_ok(false, "it cannot be created once more: %s",
	                               csn_error_text(&err));
}

static void
over(void)
{
	unmake(bench.self);
	bench_nothing_left("destroy");
	bench_close();
}

/* --- sizes ----------------------------------------------------------------------------------- */

/* Every struct ends at a page nobody can touch; then each is longer than the plugin knows. */
void
scene_size(void)
{
	bench.old_host = true;
	check_doing("a host table and structs that end where contract 0.%u ends", bench.minor);
	if (!ready())
		return;
	exercise();
	over();
	check_ok(true, "a host of contract 0.%u: nothing beyond its table and structs is used",
	         bench.minor);
	bench.old_host = false;
	bench.growth   = LATER;
	check_doing("a host table and structs that are longer than the plugin knows");
	if (!ready())
		return;
	exercise();
	over();
	check_ok(page->broken[RULE_SIZE][0] == '\0',
	         "a host of a later contract: what is beyond is left alone%s%s",
	         page->broken[RULE_SIZE][0] ? ": " : "", page->broken[RULE_SIZE]);
}

/* --- cancel ------------------------------------------------------------------------------------ */

/* @points steps of the loop, then cancel; true when it had ended by itself before. */
static bool
cancel_after(const struct op_call *call, int points, int *ret_result)
{
	struct trial t;
	bool         ended;

	if (!trial_start(&t, call->name, bench.self, call->start, call->arg))
		return true;
	for (int i = 0; i < points && t.answers == 0; i++)
		if (csn_loop_step(bench.loop) == 0)
			trial_run(1);
	ended = t.answers > 0;
	if (ended)
		trial_run(10);
	else
		trial_cancel(&t);
	*ret_result = t.answers == 1 ? t.result : CSN_E_INTERNAL;
	trial_end(&t);
	return ended;
}

static void
check_points(const struct op_call *call)
{
	int  by_itself = CSN_E_CANCELLED, r = CSN_OK, points = 0;
	bool ended = false;

	check_doing("cancelling %s", call->name);
	if (cancel_of_kind() == NULL) {
		check_skip("%s: there is no cancel", call->name);
		return;
	}
	for (; points < POINTS_MAX && !ended; points++)
		ended = cancel_after(call, points, &r);
	if (ended)
		by_itself = r;
	for (int i = 0; i < points - (ended ? 1 : 0); i++) {
		cancel_after(call, i, &r);
		if (r == CSN_E_CANCELLED || r == by_itself)
			continue;
		check_ok(false, "%s cancelled at point %d ends as cancelled (%d, %s)", call->name,
		         i, r, csn_result_text(r));
		return;
	}
	check_ok(check_rules_hold(), "%s cancelled at each of %d points: it ends once, and the "
	         "next can start%s%s%s%s", call->name, points, check_rules_hold() ? "" : ": ",
	         page->broken[RULE_ENDS], page->broken[RULE_ENDS][0] ? " " : "",
	         page->broken[RULE_ONCE]);
}

void
scene_cancel(void)
{
	struct op_call calls[8];

	if (!ready())
		return;
	size_t count = calls_of_kind(calls);
	if (bench.component->kind == CSN_KIND_PROMPT)
		count = 3; /* a person is asked in four ways; the first three wait */
	for (size_t i = 0; i < count; i++)
		check_points(&calls[i]);
	over();
}

/* --- time ------------------------------------------------------------------------------------------ */

/* Keeps the better of two runs for each call that both made. */
static void
keep_best(struct clocked *best, const struct clocked *run)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		for (size_t k = 0; k < CALLS_MAX && best[k].call != NULL; k++)
			if (run[i].call == best[k].call && run[i].worst_ns < best[k].worst_ns)
				best[k].worst_ns = run[i].worst_ns;
}

/* The first call after @from that was slow, or NULL. */
static const struct clocked *
next_slow(const struct clocked *best, const struct clocked *from)
{
	const struct clocked *c = from == NULL ? best : from + 1;

	while (c < best + CALLS_MAX && c->call != NULL && c->worst_ns <= SLOW_NS)
		c++;
	return c < best + CALLS_MAX && c->call != NULL ? c : NULL;
}

/* The best of up to RUNS_MAX runs, so that a busy machine is not taken for a slow plugin. */
void
scene_time(void)
{
	struct clocked        best[CALLS_MAX];
	const struct clocked *slow = best;

	for (int run = 0; run <= RUNS_MAX && slow != NULL; run++) {
		memset(bench.clocked, 0, sizeof bench.clocked);
		if (!ready())
			return;
		exercise();
		over();
		if (run == 0) /* it warmed up                                     */
			continue;
		if (run == 1)
			memcpy(best, bench.clocked, sizeof best);
		keep_best(best, bench.clocked);
		slow = next_slow(best, NULL);
	}
	if (slow == NULL)
		check_ok(true, "no call takes longer than a blink of 20 ms");
	for (; slow != NULL; slow = next_slow(best, slow)) {
		check_ok(false, "%s is back within a blink of 20 ms", slow->call);
		printf("# the fastest of %d runs took %" PRIu64 " ms\n", RUNS_MAX,
		       slow->worst_ns / CSN_MS);
	}
}

/* --- the rules every scene kept an eye on -------------------------------------------------------------- */

void
scene_rules(void)
{
	static const struct {
		const char *text;
		enum rule   rule;
	} rules[] = {
		{ "every operation ends", RULE_ENDS },
		{ "no operation ends twice", RULE_ONCE },
		{ "what is marked [loop] is called on the loop's thread", RULE_THREAD },
		{ "no struct is written beyond its size", RULE_SIZE },
		{ "a frame is drawn on and otherwise left alone", RULE_FRAME },
		{ "destroy leaves nothing in the loop", RULE_LEFT },
		{ "the host's functions are called as host.h says", RULE_HOST },
		{ "noise is never a pass, whatever fails", RULE_VERDICT },
		{ "a session is asked as ceremony.h says", RULE_SESSION },
	};

	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		const char *why = page->broken[rules[i].rule];

		if ((rules[i].rule == RULE_VERDICT && bench.component->kind != CSN_KIND_ATTEST) ||
		    (rules[i].rule == RULE_SESSION && bench.component->kind != CSN_KIND_CEREMONY) ||
		    (rules[i].rule == RULE_FRAME && bench.component->kind != CSN_KIND_CHANNEL))
			continue;
		check_ok(why[0] == '\0', "%s%s%s", rules[i].text, why[0] ? ": " : "", why);
	}
}

/* --- by kind ------------------------------------------------------------------------------------------------ */

void
scene_kind(void)
{
	static void (*const own[])(void) = {
		[CSN_KIND_CHANNEL] = check_channel,
		[CSN_KIND_ATTEST]  = check_attest,
		[CSN_KIND_FORMAT]  = check_format,
		[CSN_KIND_STORE]   = check_store,
		[CSN_KIND_CEREMONY] = check_ceremony,
	};

	if (bench.component->kind >= sizeof own / sizeof own[0] ||
	    own[bench.component->kind] == NULL || !ready())
		return;
	own[bench.component->kind]();
	over();
}
