/*
 * Names of message files: "00000001.msg" to "99999999.msg", eight digits, in order.
 * Pure.
 */
#ifndef CHANNEL_FILE_NAMES_H
#define CHANNEL_FILE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAMES_MAX   = 4096, /* messages a folder may hold */
	NAME_SIZE   = 13,   /* with the NUL */
	NUMBER_LAST = 99999999,
};

struct names { /* ascending, each once */
	size_t   count;
	uint32_t number[NAMES_MAX];
};

/* 0 when @name is not the name of a message. */
uint32_t name_number(const char *name);

/* @number is 1 to NUMBER_LAST. */
void name_write(uint32_t number, char ret_name[NAME_SIZE]);

bool names_have(const struct names *names, uint32_t number);

/* False when there is no room left. */
bool names_add(struct names *names, uint32_t number);

/* Keeps only what @other holds as well. */
void names_keep(struct names *names, const struct names *other);

/* The lowest number in @names that is not in @done, or 0. */
uint32_t names_next(const struct names *names, const struct names *done);

#endif
