/* "Did you mean ...?" for a word that is not among those there are. [any] */
#ifndef CSN_CORE_NEAREST_H
#define CSN_CORE_NEAREST_H

/* The candidate nearest to @word, or NULL when none is near; @names is NULL ended. */
const char *csn_nearest(const char *word, const char *const *names);

#endif
