/* Options as rows: bounds, choices and where a value lands. */
#include "core/plugin/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static int
is_text(const struct csn_option *row)
{
	return row->type == CSN_STRING || row->type == CSN_PATH;
}

/* Secrets are named by their option alone. */
static const char *
shown(const struct csn_option *row, const char *text)
{
	return row->flags & CSN_OPT_SECRET ? "(hidden)" : text;
}

const char *
option_wanted(const struct csn_option *row)
{
	switch (row->type) {
	case CSN_BOOL:
		return "true or false";
	case CSN_U32:
	case CSN_I64:
		return "a number";
	case CSN_PATH:
		return "a path";
	default:
		return "a text";
	}
}

int
option_number(const struct csn_option *row, int64_t number, struct option_value *ret_value,
              struct csn_error *err)
{
	if ((number < row->min || number > row->max) && (row->flags & CSN_OPT_SECRET))
		return csn_fail(err, CSN_E_CONFIG, "must be %" PRId64 " to %" PRId64, row->min,
		                row->max);
	if (number < row->min || number > row->max)
		return csn_fail(err, CSN_E_CONFIG,
		                "is %" PRId64 ", must be %" PRId64 " to %" PRId64, number,
		                row->min, row->max);
	*ret_value = (struct option_value){ number, NULL };
	return CSN_OK;
}

static int
choose(const struct csn_option *row, const char *text, struct option_value *ret_value,
       struct csn_error *err)
{
	size_t      len = strlen(text);
	const char *at = row->choices;

	for (int64_t i = 0;; i++) {
		size_t n = strcspn(at, "|");

		if (n == len && memcmp(at, text, n) == 0) {
			*ret_value = (struct option_value){ i, NULL };
			return CSN_OK;
		}
		if (at[n] == '\0')
			break;
		at += n + 1;
	}
	return csn_fail(err, CSN_E_CONFIG, "is \"%.64s\", must be one of %s",
	                shown(row, text), row->choices);
}

int
option_text(const struct csn_option *row, const char *text, struct option_value *ret_value,
            struct csn_error *err)
{
	size_t len = strlen(text);

	if (row->type == CSN_CHOICE)
		return choose(row, text, ret_value, err);
	if ((int64_t)len < row->min || (int64_t)len > row->max)
		return csn_fail(err, CSN_E_CONFIG,
		                "is %zu bytes long, must be %" PRId64 " to %" PRId64, len,
		                row->min, row->max);
	*ret_value = (struct option_value){ 0, text };
	return CSN_OK;
}

int
option_parse(const struct csn_option *row, const char *text, struct option_value *ret_value,
             struct csn_error *err)
{
	long long number;
	char     *end;

	if (is_text(row) || row->type == CSN_CHOICE)
		return option_text(row, text, ret_value, err);
	if (row->type == CSN_BOOL && strcmp(text, "true") == 0)
		return option_number(row, 1, ret_value, err);
	if (row->type == CSN_BOOL && strcmp(text, "false") == 0)
		return option_number(row, 0, ret_value, err);
	errno = 0;
	number = strtoll(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0')
		return csn_fail(err, CSN_E_CONFIG, "is \"%.64s\", wanted %s",
		                shown(row, text), option_wanted(row));
	return option_number(row, number, ret_value, err);
}

void
option_store(const struct csn_option *row, const struct option_value *value, void *self)
{
	char    *place = (char *)self + row->offset;
	uint32_t small = (uint32_t)value->number;

	if (is_text(row))
		memcpy(place, &value->text, sizeof value->text);
	else if (row->type == CSN_I64)
		memcpy(place, &value->number, sizeof value->number);
	else
		memcpy(place, &small, sizeof small);
}

int
option_check(const struct csn_option *row, struct csn_error *err)
{
	struct option_value value;

	if (row->type < CSN_BOOL || row->type > CSN_CHOICE)
		return csn_fail(err, CSN_E_INVALID, "has unknown type %u", row->type);
	if (row->type == CSN_CHOICE && (row->choices == NULL || row->choices[0] == '\0'))
		return csn_fail(err, CSN_E_INVALID, "is a choice without choices");
	if (row->type != CSN_CHOICE && row->min > row->max)
		return csn_fail(err, CSN_E_INVALID, "has bounds %" PRId64 " to %" PRId64,
		                row->min, row->max);
	if (row->type == CSN_U32 && (row->min < 0 || row->max > UINT32_MAX))
		return csn_fail(err, CSN_E_INVALID, "has bounds wider than 32 bits");
	if (row->help == NULL || row->help[0] == '\0')
		return csn_fail(err, CSN_E_INVALID, "has no help");
	if (row->fallback != NULL && option_parse(row, row->fallback, &value, err) < 0)
		return CSN_E_INVALID;
	return CSN_OK;
}
