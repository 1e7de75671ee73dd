/* Ceremonies: sessions that grant everything, refuse a stage, fail, stop or end at any point. */
#include "core/check/session.h"

#include <stdarg.h>
#include <stdio.h>

#define POINTS_MAX 64

static struct play plays[2]; /* the station's side, the device's              */

static const char *const outcomes[] = { "none", "enrolled", "offered", "refused", "unknown" };

static const char *
outcome_of(const struct play *p)
{
	return p->outcome < sizeof outcomes / sizeof *outcomes ? outcomes[p->outcome] : "none";
}

static int
most(int a, int b)
{
	int more = a > b ? a : b;

	return more < POINTS_MAX ? more : POINTS_MAX;
}

/* What its sessions broke is told once, with the first way to do so. */
__attribute__((format(printf, 1, 2))) static bool
holds(const char *fmt, ...)
{
	const char *why = page->broken[RULE_SESSION];
	char        text[128];
	va_list     args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return check_ok(why[0] == '\0', "%s%s%s", text, why[0] ? ": " : "", why);
}

/* Returns how much happened, to choose what is worth to be spoilt. */
static int
granted(bool one_way)
{
	int events = 0;

	play_session(plays, &(struct terms){ .one_way = one_way });
	for (int i = 0; i < 2; i++) {
		const struct play *p = &plays[i];

		events += p->events;
		printf("# %s way as a %s: ", one_way ? "one" : "two", i == 0 ? "station" : "device");
		if (p->events > 0)
			printf("%d events, %d calls, stage %u, %s: %s\n", p->events, p->calls,
			       p->stage, outcome_of(p), p->text);
		else
			printf("it does not begin\n");
	}
	return events;
}

void
check_ceremony(void)
{
	const int      one_way = granted(true), two_way = granted(false);
	struct terms   terms = { .one_way = one_way > two_way };
	const uint32_t outcome[] = { plays[0].outcome, plays[1].outcome };

	if (!holds("a session that grants everything finishes once"))
		return;
	if (terms.one_way)
		play_session(plays, &terms);
	const int calls = most(plays[0].calls, plays[1].calls);
	const int events = most(plays[0].events + plays[1].events, 0);
	for (uint32_t stage = CSN_STAGE_SEEN; stage <= CSN_STAGE_ENROLLED; stage++)
		play_session(plays, &(struct terms){ terms.one_way, .refuse_stage = stage });
	if (!holds("each stage refused in turn: who was refused is not enrolled"))
		return;
	for (int call = 1; call <= calls; call++)
		play_session(plays, &(struct terms){ terms.one_way, .fail_call = call });
	if (!holds("each of %d calls failing in turn: it finishes once", calls))
		return;
	for (int point = 1; point <= events; point++) {
		play_session(plays, &(struct terms){ terms.one_way, .stop_after = point });
		play_session(plays, &(struct terms){ terms.one_way, .end_after = point });
	}
	if (!holds("stopped at each of %d points it finishes, ended there it says nothing", events) ||
	    !CSN_HAS(bench.component->ops.ceremony, freeze))
		return;
	play_session(plays, &(struct terms){ .freeze = true });
	if (holds("frozen after each event it goes on from its state"))
		check_ok(plays[0].outcome == outcome[0] && plays[1].outcome == outcome[1],
		         "and comes to the same end (%s, %s)", outcome_of(&plays[0]),
		         outcome_of(&plays[1]));
}

/* Part of every exercise: nothing goes, everything goes, and all of a sudden it is over. */
void
exercise_ceremony(void)
{
	play_session(plays, &(struct terms){ .refuse_all = true });
	play_session(plays, &(struct terms){ .one_way = false });
	play_session(plays, &(struct terms){ .one_way = true });
	play_session(plays, &(struct terms){ .end_after = 2 });
}
