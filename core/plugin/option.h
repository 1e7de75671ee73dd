/* One option row: what a text or a number means for it, and where it lands. */
#ifndef CSN_CORE_OPTION_H
#define CSN_CORE_OPTION_H

#include "core/base/error.h"

#include <countersign/plugin.h>

struct option_value {
	int64_t     number; /* all but texts; the index of a choice           */
	const char *text;   /* CSN_STRING and CSN_PATH, borrowed              */
};

/*
 * Judges a number or a text for @row.  Failure is CSN_E_CONFIG with half a sentence in
 * @err that follows `option "limit"`: "is 99999, must be 1 to 65536".
 */
int option_number(const struct csn_option *row, int64_t number,
                  struct option_value *ret_value, struct csn_error *err);
int option_text(const struct csn_option *row, const char *text,
                struct option_value *ret_value, struct csn_error *err);
/* What a text of the command line or a fallback means, whatever the row's type. */
int option_parse(const struct csn_option *row, const char *text,
                 struct option_value *ret_value, struct csn_error *err);
/* "a number", "a text", ... as in "wanted a number". */
const char *option_wanted(const struct csn_option *row);
/* Writes @value into the instance @self. */
void option_store(const struct csn_option *row, const struct option_value *value,
                  void *self);
/* Is @row well-formed?  CSN_E_INVALID and half a sentence as above. */
int option_check(const struct csn_option *row, struct csn_error *err);

#endif
