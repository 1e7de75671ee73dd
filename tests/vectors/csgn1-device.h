/* The device's rows of the CSGN/1 vectors: receive, release, attachment. */
#ifndef CSN_TESTS_CSGN1_DEVICE_H
#define CSN_TESTS_CSGN1_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Is @op one of the device's? */
bool csgn1_device_judges(const char *op);

/* Runs one row; false and a reason in @ret_why when anything differs from it. */
bool csgn1_device_row(const json_t *row, char *ret_why, size_t cap);

#endif
