/*
 * Says which module files may be opened: the file and its folder belong to root or to
 * us, nobody else may write there; where a list of digests is given the file is in it,
 * and where signers are given one of them signed it.  With either, the bytes judged are
 * a sealed copy in memory, and that copy is what gets loaded.
 */
#ifndef CSN_CORE_TRUST_H
#define CSN_CORE_TRUST_H

#include "core/base/error.h"

struct csn_trust_list;

/* Reads "SHA256-HEX  NAME" lines, as sha256sum writes them; # starts a comment. */
int csn_trust_list_read(const char *path, struct csn_trust_list **ret_list,
                        struct csn_error *err);
/* Adds the Ed25519 public keys in the PEM file @path; *list NULL: makes one. */
int csn_trust_signers_read(const char *path, struct csn_trust_list **list,
                           struct csn_error *err);
void csn_trust_list_free(struct csn_trust_list *list); /* NULL is fine */

/* May modules be looked for in @folder (absolute)?  CSN_OK, or CSN_E_REFUSED and why. */
int csn_trust_folder(const char *folder, struct csn_error *err);
/* May the program @path (absolute) be run?  As for a module, but for lists. */
int csn_trust_program(const char *path, struct csn_error *err);
/*
 * May @path (absolute) be loaded?  Looks at its folder, too.  @list may be NULL.
 * Writes the file's SHA-256 as hex to @ret_digest, "" where it did not get that far.
 * *ret_sealed is the descriptor of the sealed copy, the caller's; -1: there is none.
 */
int csn_trust_file(const char *path, const struct csn_trust_list *list,
                   char ret_digest[65], int *ret_sealed, struct csn_error *err);

/*
 * What a signer signs of the module NAME.so with that digest, and the file that holds
 * the signature: 128 digits of hex in NAME.so.sig.
 */
#define CSN_TRUST_SIGNED_MAX 256
size_t csn_trust_signed_text(const char *name, const char *digest,
                             char ret_text[CSN_TRUST_SIGNED_MAX]);

#endif
