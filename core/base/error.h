/* Where a failing call explains itself: one code and one bounded line of text. */
#ifndef CSN_CORE_ERROR_H
#define CSN_CORE_ERROR_H

#include <countersign/types.h>

#define CSN_ERROR_TEXT 512

/* Zeroed is "nothing went wrong". */
struct csn_error {
	int  code;
	char text[CSN_ERROR_TEXT];
};

/* [any] Explains a failure in @err (may be NULL) and returns @code. */
__attribute__((format(printf, 3, 4))) int csn_fail(struct csn_error *err, int code,
                                                   const char *fmt, ...);
/* [any] The text, or the plain meaning of its code when nobody wrote one. */
const char *csn_error_text(const struct csn_error *err);
/* [any] The plain meaning of an enum csn_result. */
const char *csn_result_text(int result);

#endif
