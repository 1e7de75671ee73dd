/*
 * Targets that read many kinds of bytes: each program has a table of readers, and one run
 * is about one of them.  drive.c has the loop; fakes.c stands in for signature checks.
 */
#ifndef FUZZ_READERS_H
#define FUZZ_READERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <countersign/types.h>

struct fuzz_reader {
	const char *name;
	void (*read)(struct csn_bytes in);
	const char *seeds[4]; /* files of the shared data: parts of their paths      */
	bool        real;     /* about signatures: no fakes under the engine           */
};

/* What a program has; both lists end with a NULL. */
extern const struct fuzz_reader fuzz_readers[];
extern const char *const        fuzz_folders[]; /* of the shared data, for @seeds   */

/* Makes what its readers need; @add, when not NULL, takes seeds made on the spot. */
typedef void fuzz_add(const char *reader, struct csn_bytes seed);
void fuzz_prepare(fuzz_add *add);

/* Signatures are good when their last byte is even, and keys are not decoded. */
extern bool fuzz_fake;

static inline void
demand(bool holds)
{
	if (!holds)
		abort();
}

#endif
