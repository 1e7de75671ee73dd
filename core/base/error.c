/* Codes and their plain meaning. */
#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>

int
csn_fail(struct csn_error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(args, fmt);
	if (vsnprintf(err->text, sizeof err->text, fmt, args) < 0)
		err->text[0] = '\0';
	va_end(args);
	return code;
}

const char *
csn_result_text(int result)
{
	static const char *const texts[] = {
		"all went well",
		"out of memory",
		"a call broke the contract",
		"an option is wrong",
		"it is not there",
		"the medium failed",
		"the peer sent something ill-formed",
		"it is over its bound",
		"it was refused",
		"nothing came in time",
		"it was withdrawn",
		"it is not supported",
		"it is busy",
		"internal fault",
	};

	if (result > 0 || result < CSN_E_INTERNAL)
		return "unknown result";
	return texts[-result];
}

const char *
csn_error_text(const struct csn_error *err)
{
	if (err == NULL)
		return csn_result_text(CSN_OK);
	return err->text[0] != '\0' ? err->text : csn_result_text(err->code);
}
