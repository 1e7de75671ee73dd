/* The inside of a station, shared by the files of this folder only. */
#ifndef CSN_CORE_STATION_INT_H
#define CSN_CORE_STATION_INT_H

#include "core/audit/tail.h"
#include "core/base/log.h"
#include "core/config/config.h"
#include "core/isolate/isolate.h"
#include "core/link/link.h"
#include "core/loop/loop.h"
#include "core/loop/op.h"
#include "core/host.h"
#include "core/plugin/loader.h"
#include "core/station/registry.h"
#include "core/policy/policy.h"
#include "core/session/session.h"
#include "core/station/station.h"

struct csn_station_session {
	struct csn_station_session *next;
	struct csn_station *st;
	struct session *session;
	csn_station_story_fn *story;
	csn_station_end_fn *end;
	void *arg;
};

struct csn_station {
	enum csn_side side;
	struct csn_loop *loop;
	struct csn_log *log;
	struct csn_ops *ops;
	struct csn_config_file *file;
	struct csn_config_station own; /* section station                   */
	struct csn_config_plugins plugins; /* section plugins               */
	int log_level;
	char worker[4096]; /* the program, "" until one is needed             */
	struct csn_trust_list *trusted;
	struct csn_loader *loader;
	struct csn_registry *registry;
	struct csn_host *host;
	struct policy *policy;
	struct link *links[CSN_ROLE_BULK + 1];
	struct session_attest *attest;
	size_t attest_count;
	struct tail tail;
	bool tail_loaded;
	uint64_t latest_unix_s; /* of the log's last entry when we started; 0: none */
	struct session_parts parts; /* what every session starts from   */
	struct csn_station_session *sessions;
};

/* One call of a plugin, waited for; of the store most often. */
struct station_wait {
	struct csn_loop *loop;
	struct csn_op *op;
	bool done;
	int result;
	struct csn_buf *buf;
	struct csn_error err;
};
int station_wait_begin(struct csn_station *st, struct station_wait *wait, const char *what,
		       csn_op_cancel_fn *cancel, void *self, struct csn_error *err);
int station_wait_store(struct csn_station *st, struct station_wait *wait, const char *what,
		       struct csn_error *err);
/* @started is what the plugin's call returned; *ret_buf (may be NULL) a new reference. */
int station_wait_end(struct station_wait *wait, int started, struct csn_buf **ret_buf,
		     struct csn_error *err);

/* log.c: the time of the log's last entry; 0 when there is none, or it is another's. */
uint64_t station_latest(struct csn_station *st);

/* workers.c: does an instance live in a worker, and the one wanted last shall. */
bool station_apart(const struct csn_station *st, uint32_t choice);
int station_isolate(struct csn_station *st, const char *media, struct csn_error *err);

#endif
