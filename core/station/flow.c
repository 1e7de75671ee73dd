/* Many messages out, one after another, and what comes back meanwhile. */
#include "core/station/int.h"

#include <string.h>

enum { GLANCE_MS = 100 }; /* how often a recording's end and the time are looked at */

struct flow {
	const struct csn_station_flow *ask;
	struct csn_station *st;
	struct link *out, *in;
	struct link_send *send;
	struct link_listener listener;
	uint64_t next_ns; /* when the next message is due; 0: one is on its way */
	struct csn_error err;
	int result;
	bool over;
};

static void
end_flow(struct flow *flow, int result)
{
	if (!flow->over)
		flow->result = result;
	flow->over = true;
	csn_loop_quit(flow->st->loop);
}

static void send_next(struct flow *flow);

static void
on_carried(void *arg, int result, const struct csn_error *err)
{
	struct flow *flow = arg;
	uint32_t pause_ms = 0;

	flow->send = NULL;
	if (flow->over)
		return;
	if (result < 0) {
		if (err != NULL)
			flow->err = *err;
		end_flow(flow, result);
		return;
	}
	if (flow->ask->pause_ms != NULL)
		pause_ms = flow->ask->pause_ms(flow->ask->arg);
	if (pause_ms == 0)
		send_next(flow);
	else /* the glances send it */
		flow->next_ns = csn_loop_now(flow->st->loop) + pause_ms * CSN_MS;
}

/* As many as the channel carries beside one another, or as there are. */
static void
send_next(struct flow *flow)
{
	struct csn_buf *held[CSN_AT_ONCE_MAX];
	struct csn_bytes messages[CSN_AT_ONCE_MAX];
	size_t count = 0, most = link_caps(flow->out)->at_once;
	int r = CSN_OK;

	flow->next_ns = 0;
	while (count < most) {
		struct csn_bytes message;

		r = flow->ask->next(flow->ask->arg, &message);
		if (r < 0)
			break;
		held[count] = csn_buf_new(message.ptr, message.len, 0);
		if (held[count] == NULL) {
			r = CSN_E_NOMEM;
			break;
		}
		messages[count] = csn_buf_bytes(held[count]);
		count++;
	}
	if (count > 0 && (r == CSN_OK || r == CSN_E_MISSING))
		r = link_send_many(flow->out, messages, count, on_carried, flow, &flow->send);
	while (count > 0)
		csn_buf_unref(held[--count]);
	if (r < 0)
		end_flow(flow, r == CSN_E_MISSING ? CSN_OK : r);
}

static void
on_message(void *arg, const struct link *link, uint64_t at_ns, struct csn_bytes message)
{
	struct flow *flow = arg;

	(void)link;
	(void)at_ns;
	if (flow->over)
		return;
	int r = flow->ask->heard(flow->ask->arg, message);
	if (r != CSN_OK)
		end_flow(flow, r > 0 ? CSN_OK : r);
}

/* Until the end, or for one glance; CSN_E_CANCELLED: somebody stopped the station. */
static void
run_on(struct flow *flow, uint64_t end_ns)
{
	struct csn_loop *loop = flow->st->loop;
	uint64_t now_ns = csn_loop_now(loop), until_ns = now_ns + GLANCE_MS * CSN_MS;

	if (flow->next_ns != 0 && flow->next_ns < until_ns)
		until_ns = flow->next_ns;
	int r = csn_loop_run_until(loop, until_ns);
	if (flow->over)
		return;
	if (r == CSN_OK)
		end_flow(flow, CSN_E_CANCELLED);
	else if (r != CSN_E_TIMEOUT && r != CSN_E_MISSING)
		end_flow(flow, r);
	else if (csn_loop_now(loop) >= end_ns)
		end_flow(flow, CSN_E_TIMEOUT);
	else if (flow->in != NULL && link_ended(flow->in))
		end_flow(flow, CSN_E_TIMEOUT);
	else if (flow->next_ns != 0 && csn_loop_now(loop) >= flow->next_ns)
		send_next(flow);
}

int
csn_station_flow(struct csn_station *st, const struct csn_station_flow *ask, struct csn_error *err)
{
	struct flow flow = { .ask = ask, .st = st };
	uint64_t end_ns = ask->limit_ms == 0 ? UINT64_MAX
	                                     : csn_loop_now(st->loop) + ask->limit_ms * CSN_MS;

	flow.out = ask->send_role <= CSN_ROLE_BULK ? st->links[ask->send_role] : NULL;
	flow.in = ask->hear_role <= CSN_ROLE_BULK ? st->links[ask->hear_role] : NULL;
	if ((ask->send_role != 0 && flow.out == NULL) || (ask->hear_role != 0 && flow.in == NULL))
		return csn_fail(err, CSN_E_MISSING, "no channel has this role");
	if (flow.in != NULL) {
		flow.listener = (struct link_listener){ .fn = on_message, .arg = &flow };
		int r = link_listen(flow.in, &flow.listener);
		if (r < 0)
			return csn_fail(err, r, "%s", csn_result_text(r));
	}
	if (flow.out != NULL)
		send_next(&flow);
	while (!flow.over)
		run_on(&flow, end_ns);
	/* A quit asked for from inside would end the next run: let it end one here. */
	csn_loop_run_until(st->loop, csn_loop_now(st->loop));
	if (flow.send != NULL)
		link_cancel(flow.out, flow.send);
	if (flow.in != NULL)
		link_unlisten(flow.in, &flow.listener);
	if (flow.out != NULL)
		link_rest(flow.out);
	if (flow.result < 0)
		return csn_fail(err, flow.result, "%s",
				flow.err.text[0] != '\0' ? flow.err.text
							 : csn_result_text(flow.result));
	return CSN_OK;
}

const struct csn_channel_caps *
csn_station_caps(const struct csn_station *st, uint32_t role)
{
	struct link *link = role <= CSN_ROLE_BULK ? st->links[role] : NULL;

	return link != NULL ? link_caps(link) : NULL;
}
