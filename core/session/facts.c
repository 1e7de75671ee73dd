/* The core's own facts of a session: media, modes, the clock. */
#include "core/session/int.h"

#include <stdio.h>
#include <string.h>

#define CLOCK_SLACK_S 120

static int
count_media(struct session *s)
{
	const char *media = facts_get(&s->facts, "oob.media");
	char number[16];
	unsigned n = media != NULL && media[0] != '\0';

	for (const char *at = media; n > 0 && *at != '\0'; at++)
		n += *at == ',';
	snprintf(number, sizeof number, "%u", n);
	return facts_set(&s->facts, "oob.channels", number);
}

static int
left_out_fact(struct session *s)
{
	int r = facts_set(&s->facts, "stages.left_out", "");

	for (uint32_t stage = CSN_STAGE_SEEN;
	     r == CSN_OK && stage <= CSN_STAGE_ENROLLED; stage++)
		if ((s->parts.ceremony->stages_left_out & (1u << stage)) != 0)
			r = facts_add(&s->facts, "stages.left_out",
				      audit_stage_name(stage));
	return r;
}

/*
 * What the time of day is worth.  A station judges certificates and lists by it: its is
 * behind when the log's last entry is later, for then it was set back since.
 */
static int
clock_fact(struct session *s)
{
	int trusted = 0;
	uint64_t now = csn_loop_wall(s->parts.loop, &trusted);
	bool behind = s->side == CSN_SIDE_STATION &&
		      now + CLOCK_SLACK_S < s->parts.latest_unix_s;

	return facts_set(&s->facts, "clock",
			 behind ? "behind" : trusted != 0 ? "trusted" : "untrusted");
}

/*
 * A station's media are those it will send on; a device's are those on which something
 * came, and grow as it listens.
 */
int
session_first_facts(struct session *s, const struct csn_begin *begin)
{
	bool station = begin->side == CSN_SIDE_STATION;
	int r = facts_set(&s->facts, "side", station ? "station" : "device");

	if (r == CSN_OK)
		r = left_out_fact(s);
	for (uint32_t role = CSN_ROLE_OFFER;
	     station && r == CSN_OK && role <= CSN_ROLE_BIND; role++)
		if (s->parts.links[role] != NULL)
			r = facts_add(&s->facts, "oob.media",
				      link_medium(s->parts.links[role]));
	if (station && r == CSN_OK)
		r = facts_set(&s->facts, "pin", begin->pin ? "yes" : "no");
	if (station && r == CSN_OK)
		r = facts_set(&s->facts, "two_way", begin->two_way ? "yes" : "no");
	if (r == CSN_OK)
		r = clock_fact(s);
	return r == CSN_OK ? count_media(s) : r;
}

void
session_heard(struct session *s, uint32_t role, const char *medium)
{
	if (s->side != CSN_SIDE_DEVICE ||
	    (role != CSN_ROLE_OFFER && role != CSN_ROLE_BIND))
		return;
	if (facts_add(&s->facts, "oob.media", medium) == CSN_OK)
		count_media(s);
}
