/*
 * One sound ceremony, both of its sides, that each file beside this one spoils in one way:
 * the station asks for its stages and the payload, offers, and waits for an answer; the
 * device takes the offer, asks, keeps it and answers.
 */
#ifndef CSN_TESTS_MODULES_WRONG_CEREMONY_H
#define CSN_TESTS_MODULES_WRONG_CEREMONY_H

#include <countersign/ceremony.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include <stdlib.h>

#ifndef FIRST_STAGE
#define FIRST_STAGE CSN_STAGE_SEEN
#endif
#ifndef ON_DECIDED /* what comes of a stage that was refused                  */
#define ON_DECIDED(run, event) ((event)->result != CSN_OK)
#endif
#ifndef ON_STOP
#define ON_STOP(run) finish(run, CSN_OUTCOME_REFUSED)
#endif
#ifndef ON_FINISH
#define ON_FINISH(run)
#endif
#ifndef ON_STEP
#define ON_STEP(run)
#endif
#ifndef ON_END
#define ON_END(run) csn_wipe(run, sizeof *(run))
#endif
#ifndef ON_FREEZE /* bytes of a run that are its state                        */
#define ON_FREEZE sizeof(struct state)
#endif
#ifndef CALL
#define CALL 1
#endif

struct instance {
	const struct csn_host *host;
};

struct state {
	uint32_t side, stage, sent;
	uint8_t  record[64]; /* the payload                                    */
	uint32_t record_len;
};

struct run {
	const struct instance *me;
	struct csn_session    *session;
	struct state           state;
};

static void
finish(struct run *run, uint32_t outcome)
{
	run->session->ops->finish(run->session, outcome, 0, "it is over");
	ON_FINISH(run);
}

static void
fail_if(struct run *run, int r)
{
	if (r < 0)
		finish(run, CSN_OUTCOME_REFUSED);
}

static void
decide(struct run *run, uint32_t stage)
{
	run->state.stage = stage;
	fail_if(run, run->session->ops->decide(run->session, CALL, stage));
}

static void
put_forward(struct run *run, uint32_t role, struct csn_bytes bytes)
{
	run->state.sent = 1;
	fail_if(run, run->session->ops->send(run->session, CALL, role, bytes));
}

static void
keep(struct run *run, struct csn_bytes bytes)
{
	struct csn_store_item item = { .kind = CSN_ITEM_PUT, .space = "wrong",
		                       .key = { (const uint8_t *)"k", 1 }, .value = bytes };

	fail_if(run, run->session->ops->commit(run->session, CALL, &item, 1));
}

/* A stage was granted: the next one, or what the last one is for. */
static void
on_decided(struct run *run)
{
	if (run->state.stage < CSN_STAGE_AUTHORISED)
		decide(run, run->state.stage + 1);
	else if (run->state.stage == CSN_STAGE_AUTHORISED && run->state.side == CSN_SIDE_STATION)
		fail_if(run, run->session->ops->payload(run->session, CALL));
	else if (run->state.stage == CSN_STAGE_AUTHORISED)
		keep(run, (struct csn_bytes){ run->state.record, run->state.record_len });
	else
		finish(run, CSN_OUTCOME_ENROLLED);
}

static void
on_bytes(struct run *run, const struct csn_event *event)
{
	if (event->bytes.len > sizeof run->state.record) {
		finish(run, CSN_OUTCOME_REFUSED);
		return;
	}
	if (event->bytes.len > 0)
		memcpy(run->state.record, event->bytes.ptr, event->bytes.len);
	run->state.record_len = (uint32_t)event->bytes.len;
	if (event->type == CSN_EVENT_PAYLOAD)
		put_forward(run, CSN_ROLE_OFFER, event->bytes);
	else if (run->state.side == CSN_SIDE_DEVICE)
		decide(run, FIRST_STAGE);
	else
		decide(run, CSN_STAGE_ENROLLED);
}

static int
step(void *self, const struct csn_event *event)
{
	struct run *run = self;

	ON_STEP(run);
	if (event->type == CSN_EVENT_STOP) {
		ON_STOP(run);
	} else if (event->type == CSN_EVENT_START) {
		run->session->ops->listen(run->session, run->state.side == CSN_SIDE_DEVICE ?
		                                                CSN_ROLE_OFFER :
		                                                CSN_ROLE_RETURN);
		if (run->state.side == CSN_SIDE_STATION)
			decide(run, FIRST_STAGE);
	} else if (event->type == CSN_EVENT_DECIDED) {
		if (ON_DECIDED(run, event))
			finish(run, CSN_OUTCOME_REFUSED);
		else
			on_decided(run);
	} else if (event->result != CSN_OK) {
		finish(run, CSN_OUTCOME_REFUSED);
	} else if (event->type == CSN_EVENT_PAYLOAD || event->type == CSN_EVENT_MESSAGE) {
		on_bytes(run, event);
	} else if (event->type == CSN_EVENT_COMMITTED) {
		put_forward(run, CSN_ROLE_RETURN, (struct csn_bytes){ (const uint8_t *)"done", 4 });
	} else if (event->type == CSN_EVENT_SENT && run->state.side == CSN_SIDE_DEVICE) {
		decide(run, CSN_STAGE_ENROLLED);
	}
	return CSN_OK;
}

static int
begin(void *self, struct csn_session *session, const struct csn_begin *begin, void **ret_run,
      struct csn_error *err)
{
	const struct instance *me = self;
	struct run            *run = calloc(1, sizeof *run);

	if (run == NULL)
		return me->host->fail(err, CSN_E_NOMEM, "no memory for a session");
	run->me = me;
	run->session = session;
	run->state.side = begin->side;
	*ret_run = run;
	return CSN_OK;
}

static int
freeze(void *self, struct csn_buf **ret_state)
{
	const struct run *run = self;

	*ret_state = run->me->host->buf_new(&run->state, ON_FREEZE, CSN_BUF_SECRET);
	return *ret_state != NULL ? CSN_OK : CSN_E_NOMEM;
}

static int
thaw(void *self, struct csn_session *session, struct csn_bytes state, void **ret_run,
     struct csn_error *err)
{
	const struct csn_begin none = { .side = CSN_SIDE_STATION };
	int                    r = begin(self, session, &none, ret_run, err);

	if (r == CSN_OK)
		memcpy(&((struct run *)*ret_run)->state, state.ptr, state.len);
	return r;
}

static void
end(void *self)
{
	struct run *run = self;

	if (run == NULL)
		return;
	ON_END(run);
	free(run);
}

static const struct csn_ceremony_ops ops = {
	.size = sizeof ops, .begin = begin, .step = step, .freeze = freeze, .thaw = thaw, .end = end,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct instance *me = calloc(1, sizeof *me);

	(void)config;
	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	me->host = host;
	*ret_self = me;
	return CSN_OK;
}

static const struct csn_component component = {
	.size = sizeof component, .kind = CSN_KIND_CEREMONY, .name = "wrong",
	.summary = "for the checker to find out", .create = create, .destroy = free,
	.ops.ceremony = &ops,
};

CSN_PLUGIN(ceremony_wrong, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));

#endif
