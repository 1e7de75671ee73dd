/* Words of a configuration that stand for bits. */
#ifndef CSN_LIB_WORDS_H
#define CSN_LIB_WORDS_H

#include <countersign/host.h>

struct csn_word {
	const char *name; /* NULL ends a table                                   */
	uint32_t    bits;
};

/*
 * "debug,recovery" as bits; NULL is none.  A word that is not in @words is
 * CSN_E_CONFIG and named together with @option; *ret_bits is then untouched.
 */
int csn_words_read(const struct csn_host *host, const char *option, const char *text,
                   const struct csn_word *words, uint32_t *ret_bits, struct csn_error *err);

#endif
