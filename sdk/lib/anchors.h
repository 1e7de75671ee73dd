/*
 * Trust anchors from disk: bare public keys, kept as DER SubjectPublicKeyInfo.
 *
 * @path is a PEM file of "PUBLIC KEY" blocks, or a folder whose *.pem files are such.
 * The suite of an anchor is the one of its key.  Not part of libcsnsdk: it reads files
 * and uses OpenSSL; in libcsnanchors.la.
 */
#ifndef CSN_LIB_ANCHORS_H
#define CSN_LIB_ANCHORS_H

#include "lib/cert.h"

#define CSN_ANCHORS_MAX     32
#define CSN_ANCHOR_FILE_MAX 65536

struct csn_anchor {
	unsigned suite;
	size_t   len;
	uint8_t  spki[CSN_SPKI_MAX];
};

/*
 * Reads all of them, or none: one bad file refuses the whole.  An empty folder is
 * CSN_OK with none.  CSN_E_MISSING, CSN_E_IO, CSN_E_TOO_BIG, CSN_E_CONFIG otherwise,
 * with the reason in @why (@why_len bytes).
 */
int csn_anchors_load(const char *path, struct csn_anchor *anchors, size_t room,
                     size_t *ret_count, char *why, size_t why_len);

#endif
