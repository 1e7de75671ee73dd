/*
 * A path tried outside any session: a channel twice, as sender and as receiver, each
 * with a media of its own.  Knows no plugin; what a medium needs stands in a table.
 */
#ifndef CSN_CLI_PROBE_H
#define CSN_CLI_PROBE_H

#include "core/base/log.h"
#include "core/cli/cli.h"
#include "core/config/config.h"
#include "core/link/link.h"
#include "core/plugin/loader.h"
#include "core/station/registry.h"

/* A recorder of frames: core/cli/wav.h and its like behind three calls. */
struct probe_recorder {
	void *(*create)(const char *path, const struct csn_frame *first); /* NULL: errno */
	int (*add)(void *self, const struct csn_frame *frame);
	int (*close)(void *self);
};

/* What is particular about a medium. */
struct probe_medium {
	uint32_t    medium;  /* enum csn_medium                               */
	const char *word;    /* "audio", as media sections say it             */
	const char *in, *out; /* what a person calls its ends                 */
	uint32_t    quiet_ms; /* listened to before anything is sent          */
	uint32_t    grace_ms; /* after a send, until nothing more is expected */
	const struct probe_recorder *recorder; /* NULL: cannot be recorded    */
};

extern const struct probe_medium probe_media[]; /* word NULL ends             */

struct probe_ask {
	const char *channel;     /* component                                 */
	const char *in, *out;    /* media: a label, or USE:KEY=VALUE,...; NULL: found */
	bool        want_in, want_out;
	bool        sealed;      /* who listens opens nothing more             */
	char      **sets;        /* the channel's options, KEY=VALUE, NULL ends */
	const char *plugin_path; /* NULL: as configured                       */
};

struct probe {
	struct cli                *cli;
	const struct probe_medium *medium;
	struct csn_config_file    *file;
	struct csn_loader         *loader;
	struct csn_loop           *loop;
	struct csn_log            *log;
	struct csn_ops            *ops;
	struct csn_registry       *registry;
	struct link               *in, *out;
	char in_name[80], out_name[80]; /* what the ends are made of          */
};

/* An exit code; on failure it was told and nothing is left. */
int  probe_open(struct probe *p, struct cli *cli, const struct probe_ask *ask);
void probe_close(struct probe *p);

/* probe-seal.c: the table of a media that is sealed once it has started. */
const struct csn_media_ops *probe_sealed(struct probe *p, const struct csn_instance *media);
/* Does an option of the channel name what it writes? */
bool probe_writes(const struct csn_component *channel, const struct csn_config *config);

/* Runs the loop for so long, less when interrupted. */
void probe_run(struct probe *p, uint32_t ms);
bool probe_interrupted(void);

#endif
