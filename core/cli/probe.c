
#include "core/cli/probe.h"
#include "core/base/error.h"
#include "core/cli/plugins.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile sig_atomic_t interrupts;

static void
on_interrupt(int number)
{
	(void)number;
	if (++interrupts > 1)
		_exit(CLI_INTERRUPTED);
}

bool
probe_interrupted(void)
{
	return interrupts > 0;
}

void
probe_run(struct probe *p, uint32_t ms)
{
	uint64_t until = csn_loop_now(p->loop) + ms * CSN_MS;

	while (interrupts == 0 && csn_loop_now(p->loop) < until)
		if (csn_loop_run_until(p->loop, until) != CSN_E_TIMEOUT)
			break;
}

/* ---- configuration ------------------------------------------------------------- */

/* The file that is named, else the one in the working folder, else an empty one. */
static int
read_config(struct probe *p, struct csn_error *err)
{
	const char *path = p->cli->config;
	char        empty[32];
	int         fd = -1;

	if (path == NULL && access("countersign.conf", R_OK) == 0)
		path = "countersign.conf";
	if (path == NULL) {
		fd = memfd_create("probe", MFD_CLOEXEC);
		snprintf(empty, sizeof empty, "/proc/self/fd/%d", fd);
		path = empty;
	}
	int r = csn_config_read(path, &p->file, err);
	if (fd >= 0)
		close(fd);
	return r;
}

static const struct csn_option *
option_of(const struct csn_component *c, const char *key, size_t len)
{
	for (const struct csn_option *o = c->options; o != NULL && o->key != NULL; o++)
		if (strlen(o->key) == len && strncmp(o->key, key, len) == 0)
			return o;
	return NULL;
}

/* One KEY=VALUE of @len bytes into the group @group, as a file would say it. */
static int
set_option(struct probe *p, const char *group, const struct csn_component *c,
           const char *text, size_t len, struct csn_error *err)
{
	const char *equals = memchr(text, '=', len);
	size_t      key    = equals != NULL ? (size_t)(equals - text) : len;
	const struct csn_option *o = option_of(c, text, key);
	char where[128], value[PATH_MAX + 16], folder[PATH_MAX];

	if (equals == NULL || o == NULL)
		return csn_fail(err, CSN_E_CONFIG,
		                "%s has no option \"%.*s\"; countersign plugins info %s shows them",
		                c->name, (int)key, text, c->name);
	size_t rest = len - key - 1;
	if (rest >= PATH_MAX / 2)
		return csn_fail(err, CSN_E_CONFIG, "a value of %zu bytes for %s", rest, o->key);
	bool here = o->type == CSN_PATH && equals[1] != '/' && getcwd(folder, sizeof folder / 2);
	snprintf(value, sizeof value, "%s%s%.*s", here ? folder : "", here ? "/" : "", (int)rest,
	         equals + 1);
	snprintf(where, sizeof where, "%s.%s", group, o->key);
	return csn_config_override(p->file, where, value, err);
}

/* The word an option of the file has, else its fallback; "" when there is neither. */
static const char *
word_of(const struct csn_config *config, const char *key, const char *fallback)
{
	const char *text = csn_config_text(config, key, fallback, 32);

	return text != NULL ? text : "";
}

/* ---- ends ---------------------------------------------------------------------- */

static const char *const directions[] = { [CSN_SEND] = "send", [CSN_RECEIVE] = "receive" };

/* USE:KEY=VALUE,...: a media made for this, in a group of its own. */
static const struct csn_config *
make_media(struct probe *p, const char *spec, uint32_t direction, struct csn_error *err)
{
	char        group[40], use[40], word[64];
	size_t      len = strcspn(spec, ":");
	const char *at  = spec[len] == ':' ? spec + len + 1 : "";

	snprintf(group, sizeof group, "probe-media.%s", directions[direction]);
	snprintf(use, sizeof use, "%.*s", (int)len, spec);
	const struct csn_component *c = csn_loader_find(p->loader, CSN_KIND_MEDIA, use, err);
	if (c == NULL)
		return NULL;
	snprintf(word, sizeof word, "%s.use", group);
	int r = csn_config_override(p->file, word, use, err);
	snprintf(word, sizeof word, "medium=%s", p->medium->word);
	if (r == CSN_OK && option_of(c, "medium", 6) != NULL)
		r = set_option(p, group, c, word, strlen(word), err);
	snprintf(word, sizeof word, "direction=%s", directions[direction]);
	if (r == CSN_OK && option_of(c, "direction", 9) != NULL)
		r = set_option(p, group, c, word, strlen(word), err);
	while (r == CSN_OK && *at != '\0') {
		size_t n = strcspn(at, ",");

		r = set_option(p, group, c, at, n, err);
		at += n + (at[n] == ',');
	}
	if (r < 0)
		return NULL;
	return csn_config_sub(csn_config_sub(csn_config_root(p->file), "probe-media"),
	                      directions[direction]);
}

/* The configured media of that label, or without one the first that fits. */
static const struct csn_config *
find_media(struct probe *p, const char *label, uint32_t direction, struct csn_error *err)
{
	const struct csn_config *all = csn_config_sub(csn_config_root(p->file), "media");

	for (size_t i = 0; i < csn_config_count(all); i++) {
		const struct csn_config *config = csn_config_item(all, i);

		if (label != NULL ? strcmp(csn_config_name(config), label) == 0
		                  : strcmp(word_of(config, "medium", "video"), p->medium->word) == 0 &&
		                        strcmp(word_of(config, "direction", "receive"),
		                               directions[direction]) == 0)
			return config;
	}
	const bool out = direction == CSN_SEND;
	if (label != NULL)
		csn_fail(err, CSN_E_MISSING, "the configuration has no media \"%s\"", label);
	else
		csn_fail(err, CSN_E_MISSING,
		         "no %s: the configuration has none; name one: %s USE:KEY=VALUE,...",
		         out ? p->medium->out : p->medium->in, out ? "--out" : "--in");
	return NULL;
}

static int
open_end(struct probe *p, const char *spec, uint32_t direction, bool sealed,
         struct link **ret_link, char name[80], struct csn_error *err)
{
	bool        made  = spec != NULL && strpbrk(spec, ":=") != NULL;
	const char *which = direction == CSN_SEND ? "sender" : "receiver";
	const struct csn_config *config = made ? make_media(p, spec, direction, err)
	                                       : find_media(p, spec, direction, err);
	if (config == NULL)
		return err->code;
	snprintf(name, 80, "%s", made ? spec : csn_config_name(config));
	int r = csn_registry_want(p->registry, CSN_KIND_MEDIA, csn_config_use(config), which, config,
	                          err);
	if (r == CSN_OK)
		r = csn_registry_start(p->registry, err);
	if (r < 0)
		return r;
	const struct csn_instance *channel =
		csn_registry_find(p->registry, CSN_KIND_CHANNEL, which, err);
	const struct csn_instance *media =
		csn_registry_find(p->registry, CSN_KIND_MEDIA, which, err);
	if (channel == NULL || media == NULL)
		return CSN_E_MISSING;
	struct link_parts parts = {
		.label = which, .loop = p->loop, .ops = p->ops, .log = p->log,
		.channel = channel->component->ops.channel, .channel_self = channel->self,
		.media = media->component->ops.media, .media_self = media->self,
	};
	if (sealed && !probe_writes(channel->component, channel->config))
		parts.media = probe_sealed(p, media);
	return link_new(&parts, ret_link, err);
}

/* ---- channel ------------------------------------------------------------------- */

/* The channel's section: what --set says, or the first configured one. */
static int
channel_config(struct probe *p, const struct probe_ask *ask, const struct csn_component *c,
               const struct csn_config **ret_config, struct csn_error *err)
{
	const struct csn_config *list = csn_config_sub(csn_config_root(p->file), "channels");
	int r = CSN_OK;

	*ret_config = NULL;
	for (char **set = ask->sets; r == CSN_OK && set != NULL && *set != NULL; set++)
		r = set_option(p, "probe-channel", c, *set, strlen(*set), err);
	if (ask->sets != NULL)
		*ret_config = csn_config_sub(csn_config_root(p->file), "probe-channel");
	for (size_t i = 0; *ret_config == NULL && i < csn_config_count(list); i++) {
		const struct csn_config *config = csn_config_item(list, i);

		if (csn_config_use(config) != NULL && strcmp(csn_config_use(config), c->name) == 0)
			*ret_config = config;
	}
	return r;
}

static int
open_channel(struct probe *p, const struct probe_ask *ask, struct csn_error *err)
{
	const struct csn_component *c =
		csn_loader_find(p->loader, CSN_KIND_CHANNEL, ask->channel, err);
	const struct csn_config *config = NULL;
	struct csn_channel_caps  caps   = { .size = sizeof caps };

	if (c == NULL)
		return CSN_E_MISSING;
	int r = channel_config(p, ask, c, &config, err);
	if (r == CSN_OK && ask->want_out)
		r = csn_registry_want(p->registry, CSN_KIND_CHANNEL, c->name, "sender", config, err);
	if (r == CSN_OK && ask->want_in)
		r = csn_registry_want(p->registry, CSN_KIND_CHANNEL, c->name, "receiver", config,
		                      err);
	if (r == CSN_OK)
		r = csn_registry_start(p->registry, err);
	if (r < 0)
		return r;
	const struct csn_instance *i = csn_registry_list(p->registry);
	r = i->component->ops.channel->caps(i->self, &caps);
	if (r < 0)
		return csn_fail(err, r, "channel %s does not say what it carries", c->name);
	for (p->medium = probe_media; p->medium->word != NULL; p->medium++)
		if (p->medium->medium == caps.medium)
			return CSN_OK;
	return csn_fail(err, CSN_E_UNSUPPORTED,
	                "channel %s has no picture or sound that could be measured", c->name);
}

static int
build(struct probe *p, const struct probe_ask *ask, struct csn_error *err)
{
	int r = read_config(p, err);

	if (r < 0)
		return r;
	p->loop   = csn_loop_new(CSN_CLOCK_REAL);
	p->log    = csn_log_new(STDERR_FILENO, CSN_LOG_TEXT,
	                        p->cli->verbose ? CSN_LOG_DEBUG : CSN_LOG_ERROR);
	p->loader = csn_loader_new(p->log, NULL);
	if (p->loop == NULL || p->log == NULL || p->loader == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory");
	p->ops      = csn_ops_new(p->loop, p->log);
	p->registry = csn_registry_new(p->loader, p->loop, p->log);
	if (p->ops == NULL || p->registry == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory");
	r = plugins_folders(p->loader, p->file, ask->plugin_path, err);
	if (r >= 0)
		r = open_channel(p, ask, err);
	if (r >= 0 && ask->want_in)
		r = open_end(p, ask->in, CSN_RECEIVE, ask->sealed, &p->in, p->in_name, err);
	if (r >= 0 && ask->want_out)
		r = open_end(p, ask->out, CSN_SEND, false, &p->out, p->out_name, err);
	return r;
}

int
probe_open(struct probe *p, struct cli *cli, const struct probe_ask *ask)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	struct csn_error err    = { 0 };

	*p = (struct probe){ .cli = cli };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	int r = build(p, ask, &err);
	if (r >= 0)
		return CLI_OK;
	probe_close(p);
	bool config = r == CSN_E_CONFIG;
	return cli_fail(cli, config ? CLI_USAGE : CLI_CANNOT,
	                &(struct cli_failure){
				.code   = config ? "CSN-CFG-001" : "CSN-AIR-001",
				.stage  = "start",
				.effect = "nothing was sent",
				.next   = "countersign plugins list shows what is there",
			},
	                "%s", csn_error_text(&err));
}

void
probe_close(struct probe *p)
{
	if (p->ops != NULL) {
		link_free(p->in);
		link_free(p->out);
		for (int i = 0; i < 250 && csn_ops_pending(p->ops) > 0; i++)
			csn_loop_run_until(p->loop, csn_loop_now(p->loop) + 10 * CSN_MS);
	}
	csn_registry_free(p->registry);
	if (p->ops != NULL)
		csn_ops_free(p->ops);
	csn_loader_free(p->loader);
	csn_config_free(p->file);
	csn_log_free(p->log);
	csn_loop_free(p->loop);
	*p = (struct probe){ .cli = p->cli };
}
