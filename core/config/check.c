/* The fixed sections as rows, what one of them loads, and the check of a whole file. */
#include "core/config/file.h"
#include "core/base/nearest.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/loader.h"

#include <stdio.h>
#include <unistd.h>

#define KEYS_MAX  128
#define ISOLATION "auto|worker|none"

const struct csn_option csn_config_station_rows[] = {
	{ .key = "name", .type = CSN_STRING, .flags = CSN_OPT_REQUIRED, .min = 1, .max = 64,
	  .offset = offsetof(struct csn_config_station, name),
	  .help = "name of this station, in the audit log, too" },
	{ .key = "profile", .type = CSN_CHOICE, .fallback = "factory",
	  .choices = "factory|lab",
	  .offset = offsetof(struct csn_config_station, profile),
	  .help = "how strict the station is by default" },
	{ .key = "log", .type = CSN_CHOICE, .fallback = "info",
	  .choices = "error|warn|info|debug",
	  .offset = offsetof(struct csn_config_station, log),
	  .help = "least urgent level that is written" },
	{ .key = "log_style", .type = CSN_CHOICE, .fallback = "text",
	  .choices = "text|journal|json",
	  .offset = offsetof(struct csn_config_station, log_style),
	  .help = "shape of its lines: for people, with levels for a journal, JSON" },
	{ .key = "log_key", .type = CSN_STRING, .min = 1, .max = 64,
	  .offset = offsetof(struct csn_config_station, log_key),
	  .help = "name of the key that signs checkpoints of the audit log" },
	{ .key = "clock", .type = CSN_CHOICE, .fallback = "untrusted",
	  .choices = "untrusted|trusted|synchronised",
	  .offset = offsetof(struct csn_config_station, clock),
	  .help = "is the time of day from a source that proved itself" },
	CSN_OPTION_END
};

const struct csn_option csn_config_channel_rows[] = {
	{ .key = "role", .type = CSN_CHOICE, .flags = CSN_OPT_REQUIRED,
	  .choices = "offer|bind|return|bulk",
	  .offset = offsetof(struct csn_config_channel, role),
	  .help = "what the channel is used for" },
	{ .key = "also", .type = CSN_STRING, .min = 1, .max = 64,
	  .offset = offsetof(struct csn_config_channel, also),
	  .help = "more roles that the same channel has, as \"return, bulk\"" },
	{ .key = "media", .type = CSN_STRING, .min = 1, .max = 64,
	  .offset = offsetof(struct csn_config_channel, media),
	  .help = "member of the media section that plays or captures" },
	{ .key = "isolation", .type = CSN_CHOICE, .fallback = "auto", .choices = ISOLATION,
	  .offset = offsetof(struct csn_config_channel, isolation),
	  .help = "where it runs: auto is a worker" },
	CSN_OPTION_END
};

const struct csn_option csn_config_attest_rows[] = {
	{ .key = "isolation", .type = CSN_CHOICE, .fallback = "auto", .choices = ISOLATION,
	  .offset = offsetof(struct csn_config_attest, isolation),
	  .help = "where it runs: auto is a worker" },
	CSN_OPTION_END
};

const struct csn_option csn_config_plugins_rows[] = {
	{ .key = "digests", .type = CSN_PATH, .min = 1, .max = 4095,
	  .offset = offsetof(struct csn_config_plugins, digests),
	  .help = "file of SHA-256 digests; modules that are not in it are refused" },
	{ .key = "signers", .type = CSN_PATH, .min = 1, .max = 4095,
	  .offset = offsetof(struct csn_config_plugins, signers),
	  .help = "PEM file of Ed25519 public keys; modules none of them signed are refused" },
	{ .key = "worker", .type = CSN_PATH, .min = 1, .max = 4095,
	  .offset = offsetof(struct csn_config_plugins, worker),
	  .help = "the program countersign-worker (default: the installed one)" },
	{ .key = "isolation", .type = CSN_CHOICE, .fallback = "auto", .choices = "auto|none",
	  .offset = offsetof(struct csn_config_plugins, isolation),
	  .help = "what auto means elsewhere: none takes it off everywhere" },
	CSN_OPTION_END
};

static const char *const plugins_arrays[] = { "path", NULL };

const struct csn_section csn_sections[] = {
	{ "station",  CSN_SHAPE_GROUP, 0, 1, csn_config_station_rows, NULL },
	{ "plugins",  CSN_SHAPE_GROUP, 0, 0, csn_config_plugins_rows, plugins_arrays },
	{ "ceremony", CSN_SHAPE_GROUP, CSN_KIND_CEREMONY, 1, NULL, NULL },
	{ "channels", CSN_SHAPE_LIST,  CSN_KIND_CHANNEL, 1, csn_config_channel_rows, NULL },
	{ "media",    CSN_SHAPE_NAMED, CSN_KIND_MEDIA, 0, NULL, NULL },
	{ "attest",   CSN_SHAPE_LIST,  CSN_KIND_ATTEST, 0, csn_config_attest_rows, NULL },
	{ "keys",     CSN_SHAPE_GROUP, CSN_KIND_KEYS, 0, NULL, NULL },
	{ "store",    CSN_SHAPE_GROUP, CSN_KIND_STORE, 0, NULL, NULL },
	{ "prompt",   CSN_SHAPE_GROUP, CSN_KIND_PROMPT, 0, NULL, NULL },
	{ "format",   CSN_SHAPE_GROUP, CSN_KIND_FORMAT, 0, NULL, NULL },
	{ "gate",     CSN_SHAPE_GROUP, CSN_KIND_GATE, 0, NULL, NULL },
	{ "policy",   CSN_SHAPE_RAW,   0, 0, NULL, NULL },
	{ NULL, 0, 0, 0, NULL, NULL },
};

struct keys { /* NULL-ended names of all members a group may have             */
	const char *names[KEYS_MAX + 1];
	size_t      count;
};

static void
add_key(struct keys *keys, const char *name)
{
	if (keys->count < KEYS_MAX)
		keys->names[keys->count++] = name;
}

static void
add_rows(struct keys *keys, const struct csn_option *rows)
{
	for (; rows != NULL && rows->key != NULL; rows++)
		add_key(keys, rows->key);
}

/* Checks `use` and gives the component it names, or NULL. */
static const struct csn_component *
check_use(const struct csn_config *config, const struct csn_section *section,
          const struct csn_loader *loader)
{
	const struct csn_component *component;
	const char                 *use = csn_config_use(config);
	struct csn_error            err = { 0 };

	if (use == NULL) {
		csn_config_note(config, "use", "%s wants use = \"NAME\", the %s plugin to use",
		                section->name, csn_kind_name(section->kind));
		return NULL;
	}
	if (loader == NULL)
		return NULL;
	component = csn_loader_find(loader, section->kind, use, &err);
	if (component == NULL)
		csn_config_note(config, "use", "%s", csn_error_text(&err));
	return component;
}

static void
check_group(const struct csn_config *config, const struct csn_section *section,
            const struct csn_loader *loader)
{
	const struct csn_component *component = NULL;
	struct keys                 keys = { .count = 0 };
	char                        what[96];

	snprintf(what, sizeof what, "%s", section->name);
	if (section->kind != 0) {
		component = check_use(config, section, loader);
		add_key(&keys, "use");
	}
	for (const char *const *key = section->arrays; key != NULL && *key != NULL; key++) {
		csn_config_text_count(config, *key);
		add_key(&keys, *key);
	}
	config_fill_as(config, what, section->rows, NULL, NULL);
	add_rows(&keys, section->rows);
	if (component != NULL) {
		snprintf(what, sizeof what, "%s %s", csn_kind_name(section->kind),
		         component->name);
		config_fill_as(config, what, component->options, NULL, NULL);
		add_rows(&keys, component->options);
	}
	/* Without the component nobody knows which options it has. */
	if (section->kind == 0 || component != NULL)
		csn_config_only(config, what, keys.names);
}

static const char *
shape_wanted(uint32_t shape)
{
	return shape == CSN_SHAPE_LIST  ? "a list of groups: ( { ... }, { ... } )" :
	       shape == CSN_SHAPE_NAMED ? "a group of groups: { name : { ... }; }" :
	                                  "a group: { ... }";
}

static int
has_shape(const struct csn_config *config, uint32_t shape)
{
	if (config == NULL)
		return 0;
	return shape == CSN_SHAPE_LIST ? config_setting_is_list(config->setting) :
	                                 config_setting_is_group(config->setting);
}

static void
check_section(const struct csn_config *root, const struct csn_section *section,
              const struct csn_loader *loader)
{
	const struct csn_config *config = csn_config_sub(root, section->name);
	size_t                   count = csn_config_count(config);

	if (config_setting_get_member(root->setting, section->name) == NULL) {
		if (section->required)
			csn_config_note(root, NULL, "section \"%s\" is required",
			                section->name);
		return;
	}
	if (!has_shape(config, section->shape)) {
		csn_config_note(root, section->name, "section \"%s\" must be %s", section->name,
		                shape_wanted(section->shape));
		return;
	}
	if (section->shape == CSN_SHAPE_RAW)
		return;
	if (section->shape == CSN_SHAPE_GROUP) {
		check_group(config, section, loader);
		return;
	}
	if ((int)count != config_setting_length(config->setting))
		csn_config_note(root, section->name, "section \"%s\" must be %s", section->name,
		                shape_wanted(section->shape));
	for (size_t i = 0; i < count; i++)
		check_group(csn_config_item(config, i), section, loader);
}

/* A channel's medium must be in the media section. */
static void
check_media(const struct csn_config *root)
{
	const struct csn_config *media = csn_config_sub(root, "media");
	const struct csn_config *channels = csn_config_sub(root, "channels");
	struct keys              keys = { .count = 0 };

	for (size_t i = 0; i < csn_config_count(media); i++)
		add_key(&keys, csn_config_name(csn_config_item(media, i)));
	for (size_t i = 0; i < csn_config_count(channels); i++) {
		const struct csn_config *channel = csn_config_item(channels, i);
		const char *name = csn_config_text_at(channel, "media", 0), *near;

		if (name == NULL || csn_config_sub(media, name) != NULL)
			continue;
		near = csn_nearest(name, keys.names);
		csn_config_note(channel, "media", "there is no \"%.64s\" in the media section%s%s%s",
		                name, near != NULL ? "; did you mean \"" : "",
		                near != NULL ? near : "", near != NULL ? "\"?" : "");
	}
}

static void
check_names(const struct csn_config *root)
{
	struct keys keys = { .count = 0 };

	add_key(&keys, "schema");
	for (const struct csn_section *s = csn_sections; s->name != NULL; s++)
		add_key(&keys, s->name);
	csn_config_only(root, "the file", keys.names);
}

void
csn_config_check(struct csn_config_file *file, const struct csn_loader *loader)
{
	static const struct csn_option schema[] = {
		{ .key = "schema", .type = CSN_U32, .flags = CSN_OPT_REQUIRED, .min = 1,
		  .max = 1, .help = "shape of this file" },
		CSN_OPTION_END
	};
	const struct csn_config *root = csn_config_root(file);

	/* After a syntax error half the file is missing: nothing more can be said. */
	if (file->text.unclosed || config_error_type(&file->tree) != CONFIG_ERR_NONE)
		return;
	config_fill_as(root, "the file", schema, NULL, NULL);
	check_names(root);
	for (const struct csn_section *s = csn_sections; s->name != NULL; s++)
		check_section(root, s, loader);
	check_media(root);
}

int
csn_config_load_plugins(const struct csn_config_file *file, struct csn_loader *loader,
                        struct csn_error *err)
{
	const struct csn_config *group =
		file != NULL ? csn_config_sub(csn_config_root(file), "plugins") : NULL;
	size_t count = csn_config_text_count(group, "path");
	int    r     = csn_loader_add_builtin(loader);

	if (r < 0)
		return csn_fail(err, r, "no memory for the plugins that are built in");
	for (size_t i = 0; i < count && r >= 0; i++)
		r = csn_loader_add_folder(loader, csn_config_path_at(group, "path", i), err);
	if (count == 0 && access(CSN_PLUGINDIR, F_OK) == 0)
		r = csn_loader_add_folder(loader, CSN_PLUGINDIR, err);
	return r < 0 ? r : CSN_OK;
}
