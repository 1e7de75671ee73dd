/*
 * The runners; each reads one kind of file and is a row of the table in vectors.c.
 */
#ifndef CSN_TESTS_VECTORS_RUNNERS_H
#define CSN_TESTS_VECTORS_RUNNERS_H

#include "vectors/vectors.h"

/* run-rfc.c */
void run_rfc5869(struct vec *v, const json_t *root);
void run_rfc9180(struct vec *v, const json_t *root);
void run_rfc9180_text(struct vec *v, const json_t *root);
void run_rfc9383(struct vec *v, const json_t *root);

/* run-csgn1.c: values of accepted ceremonies */
void run_trace(struct vec *v, const json_t *root);

/* run-rows.c: rows by their op; one for a half of the protocol, false when for neither */
bool vec_half_row(struct vec *v, const json_t *row);
void run_rows(struct vec *v, const json_t *root);

/* run-cbor.c */
void run_cbor_appendix(struct vec *v, const json_t *root);
void run_cbor_bad(struct vec *v, const json_t *root);
void run_cbor_dcbor(struct vec *v, const json_t *root);

/* run-cose.c */
void run_cose_wg(struct vec *v, const json_t *root);
void run_gluecose(struct vec *v, const json_t *root);

/* run-wycheproof.c */
void run_hkdf(struct vec *v, const json_t *root);
void run_hmac(struct vec *v, const json_t *root);
void run_aead(struct vec *v, const json_t *root);
void run_x25519(struct vec *v, const json_t *root);
void run_ecdh(struct vec *v, const json_t *root);
void run_ed25519(struct vec *v, const json_t *root);
void run_ecdsa(struct vec *v, const json_t *root);

/* run-json.c */
void run_json_suite(struct vec *v, const json_t *root);

/* run-matter.c */
void run_matter(struct vec *v, const json_t *root);

/* run-corim.c */
void run_corim(struct vec *v, const json_t *root);

/* run-comid.c */
void run_comid_json(struct vec *v, const json_t *root);

/* run-dice.c */
void run_dice_chain(struct vec *v, const json_t *root);
void run_dice_csr(struct vec *v, const json_t *root);
void run_dice_factory(struct vec *v, const json_t *root);
void run_dice_single(struct vec *v, const json_t *root);
void run_dice_link(struct vec *v, const json_t *root);
void run_dice_riot(struct vec *v, const json_t *root);
void run_dice_spdm(struct vec *v, const json_t *root);
void run_dice_caliptra(struct vec *v, const json_t *root);
void run_dice_riot_chain(struct vec *v, const json_t *root);

/* run-eat.c, run-ear.c */
void run_eat_json(struct vec *v, const json_t *root);
void run_eat_diag(struct vec *v, const json_t *root);
void run_eat_token(struct vec *v, const json_t *root);
void run_ear(struct vec *v, const json_t *root);

/* run-ocsp.c */
void run_ocsp(struct vec *v, const json_t *root);

/* run-pkits.c */
void run_pkits(struct vec *v, const json_t *root);

/* run-tpm.c */
void run_tpm_quote(struct vec *v, const json_t *root);
void run_tpm_log(struct vec *v, const json_t *root);
void run_tpm_parsec(struct vec *v, const json_t *root);

/* run-x509.c */
void run_x509_limbo(struct vec *v, const json_t *root);

#endif
