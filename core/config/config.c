/* Reading, navigation and mistakes. */
#include "core/config/file.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MISTAKES_MAX 200 /* whoever has more starts with these                */
#define TEXT_ROOM    1024
#define PATH_DOTS    16 /* groups an override may name                        */

/* --- mistakes ----------------------------------------------------------------- */

static int
is_noted(const struct csn_config_file *file, const char *text, size_t place_len)
{
	for (size_t i = 0; i < file->mistake_count; i++) {
		const char *old = file->mistakes[i];

		if (strcmp(old, text) == 0)
			return 1;
		/* The number on this line is not what was written: say no more. */
		if (strncmp(old, text, place_len) == 0 &&
		    strstr(old + place_len, " does not fit 64 bits") != NULL)
			return 1;
	}
	return 0;
}

/* Notes "FILE:LINE: text" once; a line whose number did not fit is left alone. */
static void
note_at(struct csn_config_file *file, const char *name, unsigned line,
               const char *text)
{
	char   full[TEXT_ROOM];
	char **grown;
	int    place_len;

	place_len = line == 0 ? snprintf(full, sizeof full, "%.400s: ", name) :
	                        snprintf(full, sizeof full, "%.400s:%u: ", name, line);
	if (place_len < 0)
		return;
	snprintf(full + place_len, sizeof full - (size_t)place_len, "%s", text);
	if (file->mistake_count == MISTAKES_MAX || is_noted(file, full, (size_t)place_len))
		return;
	grown = realloc(file->mistakes, (file->mistake_count + 1) * sizeof *grown);
	if (grown != NULL) {
		file->mistakes = grown;
		grown[file->mistake_count] = strdup(full);
	}
	if (grown == NULL || grown[file->mistake_count] == NULL)
		file->out_of_memory = 1;
	else
		file->mistake_count++;
}

static void
note_text(void *arg, const char *name, unsigned line, const char *text)
{
	note_at(arg, name, line, text);
}

int
config_is_override(const config_setting_t *setting)
{
	return config_setting_source_line(setting) == 0 && !config_setting_is_root(setting);
}

const char *
config_place(const struct csn_config_file *file, const config_setting_t *setting,
             unsigned *ret_line)
{
	unsigned         at = config_setting_source_line(setting);
	struct text_line line;

	*ret_line = 0;
	if (config_is_override(setting))
		return "override";
	if (at == 0 || at > file->text.line_count)
		return file->text.files[0].name;
	line = file->text.lines[at - 1];
	*ret_line = line.line;
	return file->text.files[line.file].name;
}

config_setting_t *
config_member(const struct csn_config *config, const char *key)
{
	if (config == NULL || !config_setting_is_group(config->setting))
		return NULL;
	return config_setting_get_member(config->setting, key);
}

void
csn_config_note(const struct csn_config *config, const char *key, const char *fmt, ...)
{
	const config_setting_t *at;
	char                    text[TEXT_ROOM];
	const char             *name;
	unsigned                line;
	va_list                 args;

	if (config == NULL)
		return;
	va_start(args, fmt);
	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	at = key != NULL ? config_member(config, key) : NULL;
	name = config_place(config->file, at != NULL ? at : config->setting, &line);
	note_at(config->file, name, line, text);
}

size_t
csn_config_mistakes(const struct csn_config_file *file)
{
	return file->mistake_count;
}

const char *
csn_config_mistake(const struct csn_config_file *file, size_t i)
{
	return i < file->mistake_count ? file->mistakes[i] : NULL;
}

int
csn_config_verdict(const struct csn_config_file *file, struct csn_error *err)
{
	if (file->out_of_memory)
		return csn_fail(err, CSN_E_NOMEM, "out of memory while checking %s",
		                file->text.files[0].name);
	if (file->mistake_count == 0)
		return CSN_OK;
	if (file->mistake_count == 1)
		return csn_fail(err, CSN_E_CONFIG, "%s", file->mistakes[0]);
	return csn_fail(err, CSN_E_CONFIG, "%.400s (and %zu more)", file->mistakes[0],
	                file->mistake_count - 1);
}

/* --- reading ------------------------------------------------------------------ */

/* Gives @setting and all groups and lists below it their struct csn_config. */
static int
give_handles(struct csn_config_file *file, config_setting_t *setting)
{
	struct csn_config *config = config_setting_get_hook(setting);

	if (!config_setting_is_aggregate(setting))
		return CSN_OK;
	if (config == NULL) {
		config = malloc(sizeof *config);
		if (config == NULL)
			return CSN_E_NOMEM;
		*config = (struct csn_config){ file, setting };
		config_setting_set_hook(setting, config);
	}
	for (int i = 0; i < config_setting_length(setting); i++) {
		config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);

		if (give_handles(file, item) < 0)
			return CSN_E_NOMEM;
	}
	return CSN_OK;
}

static void
note_syntax(struct csn_config_file *file)
{
	unsigned         at = (unsigned)config_error_line(&file->tree);
	struct text_line line;

	/* What lacks at the end is missed behind the last line. */
	if (at > file->text.line_count)
		at = (unsigned)file->text.line_count;
	line = file->text.lines[at > 0 ? at - 1 : 0];
	note_at(file, file->text.files[line.file].name, line.line,
	               config_error_text(&file->tree));
}

int
csn_config_read(const char *path, struct csn_config_file **ret_file, struct csn_error *err)
{
	struct csn_config_file *file = calloc(1, sizeof *file);
	int                     r;

	if (file == NULL)
		return csn_fail(err, CSN_E_NOMEM, "out of memory");
	config_init(&file->tree);
	config_set_destructor(&file->tree, free);
	r = text_read(&file->text, path, note_text, file, err);
	if (r < 0)
		goto fail;
	if (!file->text.unclosed &&
	    config_read_string(&file->tree, file->text.bytes) != CONFIG_TRUE)
		note_syntax(file);
	r = give_handles(file, config_root_setting(&file->tree));
	if (r < 0) {
		csn_fail(err, r, "out of memory");
		goto fail;
	}
	*ret_file = file;
	return CSN_OK;

fail:
	csn_config_free(file);
	return r;
}

void
csn_config_free(struct csn_config_file *file)
{
	struct kept *next;

	if (file == NULL)
		return;
	for (struct kept *k = file->kept; k != NULL; k = next) {
		next = k->next;
		free(k);
	}
	for (size_t i = 0; i < file->mistake_count; i++)
		free(file->mistakes[i]);
	free(file->mistakes);
	config_destroy(&file->tree);
	text_done(&file->text);
	free(file);
}

/* The group a dotted path leads to, made where it lacks; *ret_last its last word. */
static config_setting_t *
group_for(struct csn_config_file *file, char *path, char **ret_last)
{
	config_setting_t *group = config_root_setting(&file->tree);
	char             *dot;

	for (int i = 0; group != NULL && (dot = strchr(path, '.')) != NULL; i++) {
		config_setting_t *next;

		*dot = '\0';
		if (i == PATH_DOTS)
			return NULL;
		next = config_setting_get_member(group, path);
		if (next == NULL)
			next = config_setting_add(group, path, CONFIG_TYPE_GROUP);
		group = next != NULL && config_setting_is_group(next) ? next : NULL;
		path = dot + 1;
	}
	*ret_last = path;
	return group;
}

int
csn_config_override(struct csn_config_file *file, const char *path, const char *value,
                    struct csn_error *err)
{
	char              words[256], *last = NULL;
	config_setting_t *group = NULL, *setting = NULL;

	if (strlen(path) < sizeof words)
		group = group_for(file, strcpy(words, path), &last);
	if (group != NULL) {
		config_setting_remove(group, last);
		setting = config_setting_add(group, last, CONFIG_TYPE_STRING);
	}
	if (setting == NULL || config_setting_set_string(setting, value) != CONFIG_TRUE)
		return csn_fail(err, CSN_E_CONFIG, "override \"%.200s\" names no place for an option",
		                path);
	if (give_handles(file, config_root_setting(&file->tree)) < 0)
		return csn_fail(err, CSN_E_NOMEM, "out of memory");
	return CSN_OK;
}

/* --- navigation --------------------------------------------------------------- */

static const struct csn_config *
handle(const config_setting_t *setting)
{
	return setting != NULL ? config_setting_get_hook(setting) : NULL;
}

const struct csn_config *
csn_config_root(const struct csn_config_file *file)
{
	return handle(config_root_setting(&file->tree));
}

const struct csn_config *
csn_config_sub(const struct csn_config *config, const char *key)
{
	return handle(config_member(config, key));
}

const struct csn_config *
csn_config_item(const struct csn_config *config, size_t i)
{
	int left = config != NULL ? config_setting_length(config->setting) : 0;

	for (int at = 0; at < left; at++) {
		const config_setting_t *item =
		        config_setting_get_elem(config->setting, (unsigned)at);

		if (config_setting_is_group(item) && i-- == 0)
			return handle(item);
	}
	return NULL;
}

size_t
csn_config_count(const struct csn_config *config)
{
	size_t count = 0;

	while (csn_config_item(config, count) != NULL)
		count++;
	return count;
}

const char *
csn_config_name(const struct csn_config *config)
{
	const char *name = config != NULL ? config_setting_name(config->setting) : NULL;

	return name != NULL ? name : "";
}

const char *
csn_config_where(const struct csn_config *config, unsigned *ret_line)
{
	*ret_line = 0;
	return config != NULL ? config_place(config->file, config->setting, ret_line) : "";
}

const char *
csn_config_use(const struct csn_config *config)
{
	const config_setting_t *use = config_member(config, "use");

	return use != NULL ? config_setting_get_string(use) : NULL;
}

/* --- paths -------------------------------------------------------------------- */

const char *
config_absolute(struct csn_config_file *file, const config_setting_t *setting,
                const char *path)
{
	unsigned     at = config_setting_source_line(setting), from = 0;
	char         here[PATH_MAX];
	const char  *folder;
	struct kept *kept;
	size_t       room;

	if (path[0] == '/')
		return path;
	if (at > 0 && at <= file->text.line_count)
		from = file->text.lines[at - 1].file;
	folder = file->text.files[from].folder;
	if (config_is_override(setting))
		folder = getcwd(here, sizeof here);
	room = folder != NULL ? strlen(folder) + strlen(path) + 2 : 0;
	kept = folder != NULL ? malloc(sizeof *kept + room) : NULL;
	if (kept == NULL) {
		file->out_of_memory = 1;
		return NULL;
	}
	snprintf(kept->text, room, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path);
	kept->next = file->kept;
	file->kept = kept;
	return kept->text;
}
