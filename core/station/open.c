/* Builds a station from its configuration and takes it down again. */
#include "core/station/int.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLINK_MS 20u /* longer calls are in the debug log                    */
#define END_MS 2500u /* for sessions to write down their end                  */

static const char *const role_names[] = { "?", "offer", "bind", "return", "bulk" };
static const int log_levels[] = { CSN_LOG_ERROR, CSN_LOG_WARN, CSN_LOG_INFO,
				  CSN_LOG_DEBUG };

static const struct csn_config *
section(const struct csn_station *st, const char *name)
{
	return csn_config_sub(csn_config_root(st->file), name);
}

/* ---- reading ------------------------------------------------------------------ */

static int
read_file(struct csn_station *st, const char *path,
	  const struct csn_station_override *overrides, struct csn_error *err)
{
	int r = csn_config_read(path, &st->file, err);

	for (; r == CSN_OK && overrides != NULL && overrides->path != NULL; overrides++)
		r = csn_config_override(st->file, overrides->path, overrides->value,
					err);
	return r;
}

static int
load_plugins(struct csn_station *st, struct csn_error *err)
{
	const struct csn_config *config = section(st, "plugins");
	struct csn_config_plugins *own = &st->plugins;
	int r = csn_config_fill(config, csn_config_plugins_rows, own, err);

	if (r == CSN_OK && own->digests != NULL)
		r = csn_trust_list_read(own->digests, &st->trusted, err);
	if (r == CSN_OK && own->signers != NULL)
		r = csn_trust_signers_read(own->signers, &st->trusted, err);
	if (r < 0)
		return r;
	st->loader = csn_loader_new(st->log, st->trusted);
	if (st->loader == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a loader");
	return csn_config_load_plugins(st->file, st->loader, err);
}

static int
check_file(struct csn_station *st, struct csn_error *err)
{
	struct csn_error ignored = { 0 };

	csn_config_check(st->file, st->loader);
	/* Its mistakes are noted beside the others, so that all are told at once. */
	int r = policy_new(section(st, "policy"), &st->policy, &ignored);
	int v = csn_config_verdict(st->file, err);
	if (v < 0)
		return v;
	if (r < 0)
		return csn_fail(err, r, "%s", csn_error_text(&ignored));
	return csn_config_fill(section(st, "station"), csn_config_station_rows,
			       &st->own, err);
}

/* ---- instances ---------------------------------------------------------------- */

static int
want_section(struct csn_station *st, uint32_t kind, const char *name,
	     struct csn_error *err)
{
	const struct csn_config *config = section(st, name);

	if (config == NULL || csn_config_use(config) == NULL)
		return CSN_OK;
	return csn_registry_want(st->registry, kind, csn_config_use(config), NULL,
				 config, err);
}

/* A media in the worker of its channel is not here as well. */
static bool
is_taken(const struct csn_station *st, const char *media)
{
	const struct csn_config *list = section(st, "channels");
	bool taken = false;

	for (size_t i = 0; i < csn_config_count(list); i++) {
		struct csn_config_channel rows = { 0 };

		if (csn_config_fill(csn_config_item(list, i), csn_config_channel_rows,
				    &rows, NULL) < 0 ||
		    rows.media == NULL || strcmp(rows.media, media) != 0)
			continue;
		if (!station_apart(st, rows.isolation))
			return false;
		taken = true;
	}
	return taken;
}

static int
isolate_verifier(struct csn_station *st, const struct csn_config *config,
		 struct csn_error *err)
{
	struct csn_config_attest rows = { 0 };
	int r = csn_config_fill(config, csn_config_attest_rows, &rows, err);

	return r == CSN_OK && station_apart(st, rows.isolation)
		       ? station_isolate(st, NULL, err)
		       : r;
}

/* Items of a list get labels of their own: two of one component may be there. */
static int
want_items(struct csn_station *st, uint32_t kind, const char *name,
	   struct csn_error *err)
{
	const struct csn_config *list = section(st, name);
	int r = CSN_OK;

	for (size_t i = 0; r == CSN_OK && i < csn_config_count(list); i++) {
		const struct csn_config *config = csn_config_item(list, i);
		const char *label = csn_config_name(config);
		char numbered[56];

		if (label[0] == '\0') {
			snprintf(numbered, sizeof numbered, "%.32s %zu", name, i + 1);
			label = numbered;
		}
		if (kind == CSN_KIND_MEDIA && is_taken(st, label))
			continue;
		r = csn_registry_want(st->registry, kind, csn_config_use(config), label,
				      config, err);
		if (r == CSN_OK && kind == CSN_KIND_ATTEST)
			r = isolate_verifier(st, config, err);
	}
	return r;
}

static int
channel_rows(const struct csn_config *config, struct csn_config_channel *ret_rows,
	     struct csn_error *err)
{
	struct csn_config_channel rows = { 0 };
	int r = csn_config_fill(config, csn_config_channel_rows, &rows, err);

	if (r < 0)
		return r;
	rows.role++; /* the choice counts from 0, enum csn_role from 1        */
	*ret_rows = rows;
	return CSN_OK;
}

/* The roles of one channel as bits, or 0 for a name that is none. */
static uint32_t
channel_roles(const struct csn_config_channel *rows)
{
	uint32_t roles = 1u << rows->role;
	const char *at = rows->also != NULL ? rows->also : "";

	for (at += strspn(at, ", "); *at != '\0'; at += strspn(at, ", ")) {
		size_t len = strcspn(at, ", "), role = CSN_ROLE_BULK;

		while (role > 0 && (strlen(role_names[role]) != len ||
				    strncmp(role_names[role], at, len) != 0))
			role--;
		if (role == 0)
			return 0;
		roles |= 1u << role;
		at += len;
	}
	return roles;
}

static int
check_roles(const struct csn_config *config, const struct csn_config_channel *rows,
	    uint32_t seen, struct csn_error *err)
{
	uint32_t roles = channel_roles(rows), twice = seen & roles;
	unsigned line = 0;
	const char *file = csn_config_where(config, &line);

	if (roles == 0)
		return csn_fail(err, CSN_E_CONFIG,
				"%s:%u: also = \"%s\": a role is offer, bind, return or "
				"bulk",
				file, line, rows->also);
	for (uint32_t role = CSN_ROLE_OFFER; role <= CSN_ROLE_BULK; role++)
		if ((twice & (1u << role)) != 0)
			return csn_fail(err, CSN_E_CONFIG,
					"%s:%u: a second channel with the role %s", file,
					line, role_names[role]);
	return CSN_OK;
}

/* Said here, where it is a mistake of the file; a worker would only be missing. */
static int
check_media(const struct csn_station *st, const struct csn_config *config,
	    const struct csn_config_channel *rows, struct csn_error *err)
{
	const struct csn_component *c = csn_loader_find(
		st->loader, CSN_KIND_CHANNEL, csn_config_use(config), NULL);

	if (c == NULL || rows->media != NULL ||
	    (!CSN_HAS(c->ops.channel, feed) && !CSN_HAS(c->ops.channel, render)))
		return CSN_OK;
	return csn_fail(err, CSN_E_CONFIG,
			"channel %s (%s) needs a screen, camera, speaker or microphone: add "
			"media = \"NAME\" to it and NAME to the media section",
			role_names[rows->role], c->name);
}

static int
want_channels(struct csn_station *st, struct csn_error *err)
{
	const struct csn_config *list = section(st, "channels");
	uint32_t seen = 0;

	for (size_t i = 0; i < csn_config_count(list); i++) {
		const struct csn_config *config = csn_config_item(list, i);
		struct csn_config_channel rows;
		int r = channel_rows(config, &rows, err);

		if (r == CSN_OK)
			r = check_roles(config, &rows, seen, err);
		if (r == CSN_OK)
			r = check_media(st, config, &rows, err);
		if (r == CSN_OK)
			r = csn_registry_want(st->registry, CSN_KIND_CHANNEL,
					      csn_config_use(config),
					      role_names[rows.role], config, err);
		if (r == CSN_OK && station_apart(st, rows.isolation))
			r = station_isolate(st, rows.media, err);
		if (r < 0)
			return r;
		seen |= channel_roles(&rows);
	}
	return CSN_OK;
}

/* Payload files come in any format there is; the section is for options of one. */
static int
want_formats(struct csn_station *st, struct csn_error *err)
{
	const struct csn_config *config = section(st, "format");
	int r = CSN_OK;

	for (const struct csn_module *m = csn_loader_list(st->loader); m != NULL;
	     m = m->next) {
		const struct csn_component *const *c =
			m->state == CSN_MODULE_READY ? m->plugin->components : NULL;

		for (; r == CSN_OK && c != NULL && *c != NULL; c++) {
			const char *use =
				config != NULL ? csn_config_use(config) : NULL;

			if ((*c)->kind == CSN_KIND_FORMAT)
				r = csn_registry_want(
					st->registry, CSN_KIND_FORMAT, (*c)->name, NULL,
					use != NULL && strcmp(use, (*c)->name) == 0
						? config
						: NULL,
					err);
		}
	}
	return r;
}

static int
want_all(struct csn_station *st, struct csn_error *err)
{
	static const struct {
		uint32_t kind;
		const char *section;
	} groups[] = {
		{ CSN_KIND_STORE, "store" },       { CSN_KIND_KEYS, "keys" },
		{ CSN_KIND_PROMPT, "prompt" },     { CSN_KIND_GATE, "gate" },
		{ CSN_KIND_CEREMONY, "ceremony" },
	};
	int r = want_formats(st, err);

	for (size_t i = 0; r == CSN_OK && i < sizeof groups / sizeof *groups; i++)
		r = want_section(st, groups[i].kind, groups[i].section, err);
	if (r == CSN_OK)
		r = want_items(st, CSN_KIND_ATTEST, "attest", err);
	if (r == CSN_OK)
		r = want_items(st, CSN_KIND_MEDIA, "media", err);
	return r == CSN_OK ? want_channels(st, err) : r;
}

/* ---- joining ------------------------------------------------------------------ */

static int
join_channel(struct csn_station *st, const struct csn_config *config,
	     struct csn_error *err)
{
	struct csn_config_channel rows;
	const struct csn_instance *channel, *media = NULL;
	char label[80];
	int r = channel_rows(config, &rows, err);

	if (r < 0)
		return r;
	channel = csn_registry_find(st->registry, CSN_KIND_CHANNEL,
				    role_names[rows.role], err);
	if (channel != NULL && rows.media != NULL && !channel->isolated)
		media = csn_registry_find(st->registry, CSN_KIND_MEDIA, rows.media,
					  err);
	if (channel == NULL ||
	    (rows.media != NULL && !channel->isolated && media == NULL))
		return CSN_E_MISSING;
	snprintf(label, sizeof label, "%s (%.48s)", role_names[rows.role],
		 channel->component->name);
	struct link_parts parts = {
		.label = label,
		.loop = st->loop,
		.ops = st->ops,
		.log = st->log,
		.channel = channel->component->ops.channel,
		.channel_self = channel->self,
		.media = media != NULL ? media->component->ops.media : NULL,
		.media_self = media != NULL ? media->self : NULL,
		.received_ns = channel->isolated ? isolate_received_ns : NULL,
	};
	struct link *link = NULL;

	r = link_new(&parts, &link, err);
	for (uint32_t role = CSN_ROLE_OFFER; r == CSN_OK && role <= CSN_ROLE_BULK; role++)
		if ((channel_roles(&rows) & (1u << role)) != 0)
			st->links[role] = link;
	return r;
}

/* One channel may have several roles: each link is freed once. */
static void
free_links(struct csn_station *st)
{
	for (size_t role = 0; role <= CSN_ROLE_BULK; role++) {
		struct link *link = st->links[role];

		for (size_t i = role; i <= CSN_ROLE_BULK; i++)
			if (st->links[i] == link)
				st->links[i] = NULL;
		link_free(link);
	}
}

static int
join_channels(struct csn_station *st, struct csn_error *err)
{
	const struct csn_config *list = section(st, "channels");
	int r = CSN_OK;

	for (size_t i = 0; r == CSN_OK && i < csn_config_count(list); i++)
		r = join_channel(st, csn_config_item(list, i), err);
	return r;
}

static int
gather_attest(struct csn_station *st, struct csn_error *err)
{
	size_t count = csn_config_count(section(st, "attest"));

	if (count == 0)
		return CSN_OK;
	st->attest = calloc(count, sizeof *st->attest);
	if (st->attest == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for verifiers");
	for (const struct csn_instance *i = csn_registry_list(st->registry); i != NULL;
	     i = i->next)
		if (i->kind == CSN_KIND_ATTEST && i->state == CSN_INSTANCE_READY &&
		    st->attest_count < count)
			st->attest[st->attest_count++] =
				(struct session_attest){ i->component->ops.attest,
							 i->self };
	return CSN_OK;
}

/* The one instance of a kind, or NULL: the session then refuses what needs it. */
static const struct csn_instance *
only(struct csn_station *st, uint32_t kind)
{
	for (const struct csn_instance *i = csn_registry_list(st->registry); i != NULL;
	     i = i->next)
		if (i->kind == kind && i->state == CSN_INSTANCE_READY)
			return i;
	return NULL;
}

static int
gather(struct csn_station *st, struct csn_error *err)
{
	struct session_parts *parts = &st->parts;
	const struct csn_instance *i;
	int r = gather_attest(st, err);

	if (r < 0)
		return r;
	parts->loop = st->loop;
	parts->ops = st->ops;
	parts->log = st->log;
	parts->policy = st->policy;
	parts->result_key = st->own.log_key;
	parts->attest = st->attest;
	parts->attest_count = st->attest_count;
	memcpy(parts->links, st->links, sizeof parts->links);
	if ((i = only(st, CSN_KIND_CEREMONY)) != NULL) {
		parts->ceremony = i->component->ops.ceremony;
		parts->ceremony_self = i->self;
	}
	if ((i = only(st, CSN_KIND_STORE)) != NULL) {
		parts->store = i->component->ops.store;
		parts->store_self = i->self;
	}
	if ((i = only(st, CSN_KIND_KEYS)) != NULL) {
		parts->keys = i->component->ops.keys;
		parts->keys_self = i->self;
	}
	if ((i = only(st, CSN_KIND_PROMPT)) != NULL) {
		parts->prompt = i->component->ops.prompt;
		parts->prompt_self = i->self;
	}
	if (parts->store == NULL)
		return csn_fail(
			err, CSN_E_CONFIG,
			"no store: add store : { use = \"sqlite\"; path ="
			" \"state.db\"; }; nothing is done that cannot be recorded");
	return CSN_OK;
}

/* In the words of who waits: everything else does while a plugin's call lasts. */
static void
on_slow(void *arg, const char *what, uint64_t took_ns)
{
	struct csn_station *st = arg;

	csn_log_line(st->log, CSN_LOG_DEBUG, "loop", "%s took %u ms, a blink is %u", what,
		     (unsigned)(took_ns / CSN_MS), BLINK_MS);
}

/* ---- up and down ---------------------------------------------------------------- */

static int
build(struct csn_station *st, const char *path,
      const struct csn_station_override *overrides, struct csn_error *err)
{
	st->loop = csn_loop_new(CSN_CLOCK_REAL);
	if (st->loop == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a loop");
	int r = read_file(st, path, overrides, err);
	if (r == CSN_OK)
		r = load_plugins(st, err);
	if (r == CSN_OK)
		r = check_file(st, err);
	if (r < 0)
		return r;
	csn_loop_trust_wall(st->loop, (enum csn_wall)st->own.clock);
	st->log_level = log_levels[st->own.log & 3];
	st->log = csn_log_new(STDERR_FILENO, (enum csn_log_style)st->own.log_style,
			      st->log_level);
	st->ops = csn_ops_new(st->loop, st->log);
	st->host = csn_host_new(st->loop, st->log, "station");
	st->registry = csn_registry_new(st->loader, st->loop, st->log);
	if (st->log == NULL || st->ops == NULL || st->host == NULL ||
	    st->registry == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a station");
	if (log_levels[st->own.log & 3] == CSN_LOG_DEBUG)
		csn_loop_watch_slow(st->loop, BLINK_MS * CSN_MS, on_slow, st);
	r = want_all(st, err);
	if (r == CSN_OK)
		r = csn_registry_start(st->registry, err);
	if (r == CSN_OK)
		r = join_channels(st, err);
	return r == CSN_OK ? gather(st, err) : r;
}

int
csn_station_open(const char *config_path, enum csn_side side,
		 const struct csn_station_override *overrides,
		 struct csn_station **ret_station, struct csn_error *err)
{
	struct csn_station *st = calloc(1, sizeof *st);
	if (st == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a station");

	st->side = side;
	int r = build(st, config_path, overrides, err);
	if (r < 0) {
		csn_station_close(st);
		return r;
	}
	*ret_station = st;
	return CSN_OK;
}

/* Lets what was asked to end do so; bounded, whatever plugins do. */
static void
settle(struct csn_station *st)
{
	uint64_t until = csn_loop_now(st->loop) + END_MS * CSN_MS;

	while ((st->sessions != NULL || csn_ops_pending(st->ops) > 0) &&
	       csn_loop_now(st->loop) < until)
		csn_loop_run_until(st->loop, csn_loop_now(st->loop) + CSN_MS);
}

void
csn_station_close(struct csn_station *st)
{
	if (st == NULL)
		return;
	if (st->ops != NULL) {
		for (struct csn_station_session *s = st->sessions; s != NULL;
		     s = s->next)
			session_abort(s->session);
		settle(st);
		while (st->sessions != NULL) {
			struct csn_station_session *s = st->sessions;

			st->sessions = s->next;
			session_free(s->session);
			free(s);
		}
		free_links(st);
		settle(st);
	}
	csn_registry_free(st->registry);
	if (st->ops != NULL)
		csn_ops_free(st->ops);
	csn_host_free(st->host);
	csn_loader_free(st->loader);
	csn_trust_list_free(st->trusted);
	policy_free(st->policy);
	csn_config_free(st->file);
	free(st->attest);
	csn_log_free(st->log);
	csn_loop_free(st->loop);
	free(st);
}
