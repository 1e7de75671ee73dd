/* Keys in a folder: NAME.key and, beside it, its certificates in NAME.pem. */
#ifndef KEYS_FILE_H
#define KEYS_FILE_H

#include <countersign/host.h>
#include <countersign/keys.h>
#include <countersign/plugin.h>

#include <openssl/evp.h>

#define FILE_NAME_MAX  63u
#define FILE_BYTES_MAX 65536u
#define FILE_KEYS_MAX  64u
#define FILE_CHAIN_MAX 4u
#define FILE_SIG_LEN   64u

struct file_key {
	struct file_key *next;
	char name[FILE_NAME_MAX + 1];
	EVP_PKEY *pkey;
	const char *algorithm; /* the one it signs with                  */
	struct csn_buf *chain[FILE_CHAIN_MAX];
	uint32_t chain_count;
};

struct file_job;

struct file_keys {
	const struct csn_host *host;
	char *path;
	struct file_key *keys;
	struct file_job *jobs, **tail;
	struct csn_timer *timer;
};

/* Reads every key of the folder; one bad file refuses the whole. */
int file_load(struct file_keys *keys, struct csn_error *err);
void file_unload(struct file_keys *keys);
/* Pure: a raw signature of 64 bytes over @to_sign. */
int file_sign(const struct file_key *key, struct csn_bytes to_sign,
	      uint8_t ret_sig[FILE_SIG_LEN]);

extern const struct csn_keys_ops file_keys_ops;
extern const struct csn_component file_component;
int file_create(const struct csn_host *host, const struct csn_config *config,
		void **ret_self, struct csn_error *err);
void file_destroy(void *self);

#endif
