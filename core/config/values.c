/* Values: instances filled by their option rows, and typed getters. */
#include "core/base/nearest.h"
#include "core/config/file.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/option.h"

#include <limits.h>
#include <stdio.h>

struct fill {
	const struct csn_config *config; /* NULL: the section is not there    */
	const char              *what;
	struct csn_error        *err;
	int                      mistakes;
};

/* Notes `option "KEY" of WHAT TEXT`; the first goes to the caller as well. */
static void
mistake(struct fill *fill, const struct csn_option *row, const char *text)
{
	const char *name = "";
	unsigned    line = 0;

	csn_config_note(fill->config, row->key, "option \"%s\" of %s %s", row->key,
	                fill->what, text);
	if (fill->mistakes++ > 0)
		return;
	if (fill->config == NULL) {
		csn_fail(fill->err, CSN_E_CONFIG, "option \"%s\" of %s %s", row->key,
		         fill->what, text);
		return;
	}
	const config_setting_t *at =
	        config_setting_get_member(fill->config->setting, row->key);
	name = config_place(fill->config->file, at != NULL ? at : fill->config->setting,
	                    &line);
	csn_fail(fill->err, CSN_E_CONFIG, "%s:%u: option \"%s\" of %s %s", name, line,
	         row->key, fill->what, text);
}

static const char *
type_name(const config_setting_t *setting)
{
	static const char *const names[] = {
		[CONFIG_TYPE_NONE] = "nothing",
		[CONFIG_TYPE_GROUP] = "a group",
		[CONFIG_TYPE_INT] = "a number",
		[CONFIG_TYPE_INT64] = "a number",
		[CONFIG_TYPE_FLOAT] = "a number with a point",
		[CONFIG_TYPE_STRING] = "a text",
		[CONFIG_TYPE_BOOL] = "true or false",
		[CONFIG_TYPE_ARRAY] = "an array",
		[CONFIG_TYPE_LIST] = "a list",
	};

	return names[config_setting_type(setting)];
}

static int
read_setting(const struct csn_option *row, const config_setting_t *setting,
             struct option_value *ret_value, struct csn_error *why)
{
	int type = config_setting_type(setting);
	int number = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;

	if (type == CONFIG_TYPE_STRING && config_is_override(setting))
		return option_parse(row, config_setting_get_string(setting), ret_value, why);
	if (number && (row->type == CSN_U32 || row->type == CSN_I64))
		return option_number(row, config_setting_get_int64(setting), ret_value, why);
	if (type == CONFIG_TYPE_BOOL && row->type == CSN_BOOL)
		return option_number(row, config_setting_get_bool(setting), ret_value, why);
	if (type == CONFIG_TYPE_STRING &&
	    (row->type == CSN_STRING || row->type == CSN_PATH || row->type == CSN_CHOICE))
		return option_text(row, config_setting_get_string(setting), ret_value, why);
	return csn_fail(why, CSN_E_CONFIG, "is %s, wanted %s", type_name(setting),
	                option_wanted(row));
}

static int
read_row(const struct csn_config *config, const struct csn_option *row,
         struct option_value *ret_value, struct csn_error *why)
{
	const config_setting_t *setting = NULL;
	int                     r;

	if (config != NULL && config_setting_is_group(config->setting))
		setting = config_setting_get_member(config->setting, row->key);
	if (setting != NULL)
		r = read_setting(row, setting, ret_value, why);
	else if (row->flags & CSN_OPT_REQUIRED)
		r = csn_fail(why, CSN_E_CONFIG, "is required");
	else if (row->fallback != NULL)
		r = option_parse(row, row->fallback, ret_value, why);
	else
		r = CSN_OK;
	if (r < 0 || row->type != CSN_PATH || ret_value->text == NULL || config == NULL)
		return r;
	ret_value->text = config_absolute(config->file,
	                                  setting != NULL ? setting : config->setting,
	                                  ret_value->text);
	return ret_value->text != NULL ? CSN_OK :
	                                 csn_fail(why, CSN_E_NOMEM, "found no memory");
}

int
config_fill_as(const struct csn_config *config, const char *what,
               const struct csn_option *rows, void *self, struct csn_error *err)
{
	struct fill fill = { config, what, err, 0 };

	for (; rows != NULL && rows->key != NULL; rows++) {
		struct option_value value = { 0, NULL };
		struct csn_error    why = { 0 };

		if (read_row(config, rows, &value, &why) < 0)
			mistake(&fill, rows, why.text);
		else if (self != NULL)
			option_store(rows, &value, self);
	}
	return fill.mistakes > 0 ? CSN_E_CONFIG : CSN_OK;
}

int
csn_config_fill(const struct csn_config *config, const struct csn_option *rows, void *self,
                struct csn_error *err)
{
	const config_setting_t *at = config != NULL ? config->setting : NULL;
	const char             *what = NULL;

	/* An item of a list is called by the list's name. */
	while (at != NULL && (what = config_setting_name(at)) == NULL)
		at = config_setting_parent(at);
	return config_fill_as(config, what != NULL ? what : "its section", rows, self, err);
}

int
csn_config_bind(const struct csn_config *config, const struct csn_component *component,
                void *self, struct csn_error *err)
{
	char what[96];

	snprintf(what, sizeof what, "%s %s", csn_kind_name(component->kind), component->name);
	return config_fill_as(config, what, component->options, self, err);
}

/* --- typed getters ------------------------------------------------------------ */

/* The value of @key by way of a row, so that all values are judged in one place. */
static int
get(const struct csn_config *config, const struct csn_option *option, void *place)
{
	struct csn_option rows[] = { *option, CSN_OPTION_END };

	if (config_member(config, option->key) == NULL)
		return CSN_E_MISSING;
	return csn_config_fill(config, rows, place, NULL);
}

int
csn_config_bool(const struct csn_config *config, const char *key, int fallback)
{
	struct csn_option row = { .key = key, .type = CSN_BOOL, .max = 1 };
	uint32_t          value;

	return get(config, &row, &value) == CSN_OK ? value != 0 : fallback;
}

const char *
csn_config_text(const struct csn_config *config, const char *key, const char *fallback,
                size_t max_len)
{
	struct csn_option row = { .key = key, .type = CSN_STRING, .max = (int64_t)max_len };
	char             *value;

	return get(config, &row, &value) == CSN_OK ? value : fallback;
}

const char *
csn_config_path(const struct csn_config *config, const char *key, const char *fallback)
{
	struct csn_option row = { .key = key, .type = CSN_PATH, .min = 1, .max = PATH_MAX - 1 };
	char             *value;

	return get(config, &row, &value) == CSN_OK ? value : fallback;
}

static const config_setting_t *
text_item(const struct csn_config *config, const char *key, size_t i)
{
	const config_setting_t *value = config_member(config, key);

	if (value != NULL && config_setting_is_array(value) && i < INT_MAX)
		value = config_setting_get_elem(value, (unsigned)i);
	else if (i > 0)
		value = NULL;
	if (value == NULL || config_setting_type(value) != CONFIG_TYPE_STRING)
		return NULL;
	return value;
}

size_t
csn_config_text_count(const struct csn_config *config, const char *key)
{
	const config_setting_t *value = config_member(config, key);
	size_t                  count = 0;

	while (text_item(config, key, count) != NULL)
		count++;
	if (value != NULL && count == 0 &&
	    !(config_setting_is_array(value) && config_setting_length(value) == 0))
		csn_config_note(config, key, "option \"%s\" is %s, wanted texts in [ ]", key,
		                type_name(value));
	return count;
}

const char *
csn_config_text_at(const struct csn_config *config, const char *key, size_t i)
{
	const config_setting_t *item = text_item(config, key, i);

	return item != NULL ? config_setting_get_string(item) : NULL;
}

const char *
csn_config_path_at(const struct csn_config *config, const char *key, size_t i)
{
	const config_setting_t *item = text_item(config, key, i);

	return item != NULL ? config_absolute(config->file, item,
	                                      config_setting_get_string(item)) :
	                      NULL;
}

void
csn_config_only(const struct csn_config *config, const char *what, const char *const *keys)
{
	int count = config != NULL ? config_setting_length(config->setting) : 0;

	for (int i = 0; i < count; i++) {
		const config_setting_t *item =
		        config_setting_get_elem(config->setting, (unsigned)i);
		const char        *name = config_setting_name(item), *near;
		const char *const *key = keys;

		if (name == NULL)
			continue;
		while (*key != NULL && strcmp(*key, name) != 0)
			key++;
		if (*key != NULL)
			continue;
		near = csn_nearest(name, keys);
		if (near != NULL)
			csn_config_note(config, name,
			                "unknown option \"%.64s\" in %s; did you mean \"%s\"?",
			                name, what, near);
		else
			csn_config_note(config, name, "unknown option \"%.64s\" in %s", name,
			                what);
	}
}
