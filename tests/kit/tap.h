/*
 * TAP for tests: one line a case, a plan at the end, exit 1 when any case failed.
 * Header only, so a test is one file and one program.
 */
#ifndef CSN_TESTS_KIT_TAP_H
#define CSN_TESTS_KIT_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count;
static int tap_failed;

/* Reports one case; returns @pass so that a caller can stop early. */
__attribute__((format(printf, 2, 3), unused)) static bool
tap_ok(bool pass, const char *fmt, ...)
{
	va_list args;

	tap_count++;
	tap_failed += !pass;
	printf("%s %d - ", pass ? "ok" : "not ok", tap_count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return pass;
}

/* Reports a case that compares two numbers and shows both when they differ. */
__attribute__((unused)) static bool
tap_is(long long got, long long want, const char *what)
{
	if (tap_ok(got == want, "%s", what))
		return true;
	printf("#   got %lld, wanted %lld\n", got, want);
	return false;
}

/* Reports a case that was not run, and why. */
__attribute__((format(printf, 2, 3), unused)) static void
tap_skip(const char *what, const char *fmt, ...)
{
	va_list args;

	printf("ok %d - %s # SKIP ", ++tap_count, what);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* Prints a line for the reader of the log. */
__attribute__((format(printf, 1, 2), unused)) static void
tap_note(const char *fmt, ...)
{
	va_list args;

	fputs("# ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* Ends the test: the value main returns. */
__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0 || tap_count == 0;
}

#endif
