#include "file.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <stdlib.h>

struct file_job {
	struct file_job *next;
	struct csn_op *op;
	struct csn_buf *sig;
};

static int
raw_from_der(const uint8_t *der, size_t len, uint8_t ret_sig[FILE_SIG_LEN])
{
	const unsigned char *at = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
	int r = CSN_E_INTERNAL;

	if (sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_sig, 32) == 32 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_sig + 32, 32) == 32)
		r = CSN_OK;
	ECDSA_SIG_free(sig);
	return r;
}

int
file_sign(const struct file_key *key, struct csn_bytes to_sign,
	  uint8_t ret_sig[FILE_SIG_LEN])
{
	bool ec = strcmp(key->algorithm, "ES256") == 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char out[80];
	size_t len = sizeof out;
	int r = CSN_E_NOMEM;

	if (ctx == NULL)
		return r;
	r = CSN_E_INTERNAL;
	if (EVP_DigestSignInit(ctx, NULL, ec ? EVP_sha256() : NULL, NULL, key->pkey) ==
		    1 &&
	    EVP_DigestSign(ctx, out, &len, to_sign.ptr, to_sign.len) == 1) {
		if (ec)
			r = raw_from_der(out, len, ret_sig);
		else if (len == FILE_SIG_LEN) {
			memcpy(ret_sig, out, len);
			r = CSN_OK;
		}
	}
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return r;
}

static struct file_key *
find(struct file_keys *keys, const char *name)
{
	for (struct file_key *key = keys->keys; key != NULL; key = key->next)
		if (name != NULL && strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

static int
missing(struct file_keys *keys, struct csn_error *err, const char *name)
{
	return keys->host->fail(err, CSN_E_MISSING, "no key %.64s in %s",
				name != NULL ? name : "?", keys->path);
}

static int
keys_public_key(void *self, const char *name, struct csn_buf **ret_spki,
		struct csn_error *err)
{
	struct file_keys *keys = self;
	struct file_key *key = find(keys, name);
	unsigned char *der = NULL;

	if (key == NULL)
		return missing(keys, err, name);
	int len = i2d_PUBKEY(key->pkey, &der);
	struct csn_buf *buf = len > 0 ? keys->host->buf_new(der, (size_t)len, 0) : NULL;
	OPENSSL_free(der);
	if (buf == NULL)
		return keys->host->fail(err, CSN_E_NOMEM, "no memory for a public key");
	*ret_spki = buf;
	return CSN_OK;
}

static int
keys_certificate(void *self, const char *name, uint32_t index, struct csn_buf **ret_der,
		 struct csn_error *err)
{
	struct file_keys *keys = self;
	struct file_key *key = find(keys, name);

	if (key == NULL)
		return missing(keys, err, name);
	if (index >= key->chain_count)
		return keys->host->fail(err, CSN_E_MISSING,
					"key %s has %u certificates", name,
					key->chain_count);
	*ret_der = keys->host->buf_ref(key->chain[index]);
	return CSN_OK;
}

static void
on_timer(void *arg)
{
	struct file_keys *keys = arg;
	struct file_job *job = keys->jobs;

	keys->jobs = NULL;
	keys->tail = &keys->jobs;
	keys->timer = NULL;
	while (job != NULL) {
		struct file_job *next = job->next;

		keys->host->op_done(job->op, CSN_OK, job->sig);
		free(job);
		job = next;
	}
}

static int
keys_sign(void *self, struct csn_op *op, const char *name, const char *algorithm,
	  struct csn_bytes to_sign)
{
	struct file_keys *keys = self;
	struct file_key *key = find(keys, name);
	struct csn_error *err = keys->host->op_error(op);
	uint8_t sig[FILE_SIG_LEN];

	if (key == NULL)
		return missing(keys, err, name);
	if (algorithm == NULL || strcmp(algorithm, key->algorithm) != 0)
		return keys->host->fail(
			err, CSN_E_INVALID, "key %s signs %s, asked for %.16s", name,
			key->algorithm, algorithm != NULL ? algorithm : "?");
	int r = file_sign(key, to_sign, sig);
	if (r < 0)
		return keys->host->fail(err, r, "key %s could not sign", name);

	struct file_job *job = calloc(1, sizeof *job);
	if (job == NULL)
		return CSN_E_NOMEM;
	job->op = op;
	job->sig = keys->host->buf_new(sig, sizeof sig, 0);
	if (keys->timer == NULL)
		keys->timer = keys->host->timer_add(
			keys->host, keys->host->now(keys->host), on_timer, keys);
	if (job->sig == NULL || keys->timer == NULL) {
		keys->host->buf_unref(job->sig);
		free(job);
		return CSN_E_NOMEM;
	}
	*keys->tail = job;
	keys->tail = &job->next;
	return CSN_OK;
}

static void
keys_cancel(void *self, struct csn_op *op)
{
	struct file_keys *keys = self;

	for (struct file_job **at = &keys->jobs; *at != NULL; at = &(*at)->next) {
		struct file_job *job = *at;

		if (job->op != op)
			continue;
		*at = job->next;
		if (*at == NULL)
			keys->tail = at;
		keys->host->buf_unref(job->sig);
		keys->host->op_done(op, CSN_E_CANCELLED, NULL);
		free(job);
		return;
	}
}

const struct csn_keys_ops file_keys_ops = {
	.size = sizeof file_keys_ops,
	.public_key = keys_public_key,
	.certificate = keys_certificate,
	.sign = keys_sign,
	.cancel = keys_cancel,
};

int
file_create(const struct csn_host *host, const struct csn_config *config,
	    void **ret_self, struct csn_error *err)
{
	struct file_keys *keys = calloc(1, sizeof *keys);
	if (keys == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for keys");

	keys->host = host;
	keys->tail = &keys->jobs;
	int r = host->bind(config, &file_component, keys, err);
	if (r == CSN_OK)
		r = file_load(keys, err);
	if (r < 0)
		goto fail;
	*ret_self = keys;
	return CSN_OK;

fail:
	file_destroy(keys);
	return r;
}

void
file_destroy(void *self)
{
	struct file_keys *keys = self;

	if (keys == NULL)
		return;
	if (keys->timer != NULL)
		keys->host->timer_drop(keys->timer);
	while (keys->jobs != NULL) {
		struct file_job *job = keys->jobs;

		keys->jobs = job->next;
		keys->host->buf_unref(job->sig);
		free(job);
	}
	file_unload(keys);
	free(keys);
}
