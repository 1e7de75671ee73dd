/* The station's rows of the CSGN/1 vectors: manifest, hello, pake_reply, done, traces. */
#ifndef CSN_TESTS_CSGN1_STATION_H
#define CSN_TESTS_CSGN1_STATION_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Is @op one of the station's? */
bool csgn1_station_judges(const char *op);

/* Runs one row; false and a reason in @ret_why when anything differs from it. */
bool csgn1_station_row(const json_t *row, char *ret_why, size_t cap);

/*
 * Rebuilds the messages of a positive file from its inputs and compares every value of
 * its trace; *ret_count is how many were compared.
 */
bool csgn1_station_trace(const json_t *file, unsigned *ret_count, char *ret_why, size_t cap);

#endif
