/*
 * Who only listens is sealed once its device is open, as a worker is, before the first
 * frame reaches the channel.  What writes files while it listens (--record, an option of
 * the channel that is a path) cannot be.
 */
#include "core/cli/probe.h"
#include "core/isolate/media-once.h"
#include "core/isolate/sandbox.h"

static struct sandbox sandbox = { .media = true, .threads = true, .doors = true };
static bool           is_sealed;

static int
may_open(void *arg, struct csn_error *err)
{
	(void)arg;
	return !is_sealed ? CSN_OK :
	                    csn_fail(err, CSN_E_IO, "it was closed, and nothing is opened any more: "
	                             "listen again");
}

static int
close_door(void *arg, struct csn_error *err)
{
	struct sandbox_report report;
	int r = sandbox_enter(&sandbox, &report, err);

	(void)arg;
	is_sealed |= r == CSN_OK;
	return r;
}

/* A recording is one file a picture: its path may still be opened. */
static void
keep_paths(const struct csn_component *c, const struct csn_config *config)
{
	for (const struct csn_option *o = c->options; o != NULL && o->key != NULL; o++) {
		const char *path = o->type == CSN_PATH && config != NULL ?
		                           csn_config_path_at(config, o->key, 0) :
		                           NULL;

		if (path != NULL && sandbox.path_count < SANDBOX_PATHS)
			sandbox.paths[sandbox.path_count++] = path;
	}
}

const struct csn_media_ops *
probe_sealed(struct probe *p, const struct csn_instance *media)
{
	keep_paths(media->component, media->config);
	return media_once(&(struct media_once){ .loop = p->loop, .ops = p->ops,
	                                        .may_open = may_open, .close_door = close_door },
	                  media->component->ops.media);
}

bool
probe_writes(const struct csn_component *channel, const struct csn_config *config)
{
	for (const struct csn_option *o = channel->options; o != NULL && o->key != NULL; o++)
		if (o->type == CSN_PATH && config != NULL &&
		    csn_config_text_at(config, o->key, 0) != NULL)
			return true;
	return false;
}
