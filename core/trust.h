/*
 * Says which module files may be opened: the file and its folder belong to root or to
 * us, nobody else may write there, and where a list of digests is given the file is
 * in it.
 */
#ifndef CSN_CORE_TRUST_H
#define CSN_CORE_TRUST_H

#include "core/error.h"

struct csn_trust_list;

/* Reads "SHA256-HEX  NAME" lines, as sha256sum writes them; # starts a comment. */
int csn_trust_list_read(const char *path, struct csn_trust_list **ret_list,
                        struct csn_error *err);
void csn_trust_list_free(struct csn_trust_list *list); /* NULL is fine */

/* May modules be looked for in @folder (absolute)?  CSN_OK, or CSN_E_REFUSED and why. */
int csn_trust_folder(const char *folder, struct csn_error *err);
/*
 * May @path (absolute) be loaded?  Looks at its folder, too.  @list may be NULL.
 * Writes the file's SHA-256 as hex to @ret_digest, "" where it did not get that far.
 */
int csn_trust_file(const char *path, const struct csn_trust_list *list,
                   char ret_digest[65], struct csn_error *err);

#endif
