#include "verifier.h"

#include "lib/hex.h"
#include "lib/words.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct csn_word profiles[] = {
	{ "psa-1", 1u << EAT_PSA_1 },
	{ "psa-2", 1u << EAT_PSA_2 },
	{ "psa-tfm", 1u << EAT_PSA_TFM },
	{ "cca", 1u << EAT_PLATFORM | 1u << EAT_REALM },
	{ NULL, 0 },
};

static const struct csn_word lifecycles[] = {
	{ "unknown", 1u << EAT_UNKNOWN },
	{ "assembly", 1u << EAT_ASSEMBLY },
	{ "provisioning", 1u << EAT_PROVISIONING },
	{ "secured", 1u << EAT_SECURED },
	{ "non-psa-debug", 1u << EAT_NON_PSA_DEBUG },
	{ "recoverable-debug", 1u << EAT_RECOVERABLE_DEBUG },
	{ NULL, 0 },
};

/* A secret only its owner can read; its file is named by the instance it belongs to. */
static int
load_mac_key(const struct eat *eat, int folder, const char *name, struct eat_mac_key *ret_key,
             struct csn_error *err)
{
	const struct csn_host *host = eat->host;
	uint8_t                text[2 * EAT_KEY_MAX + 8];
	struct stat            st;
	int                    r = CSN_OK;

	if (!csn_hex_read((struct csn_bytes){ (const uint8_t *)name, 66 }, CSN_HEX_LOWER,
	                  ret_key->instance, 33))
		return host->fail(err, CSN_E_CONFIG, "mac_keys: %s is no instance id", name);
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		r = host->fail(err, CSN_E_IO, "mac_keys: %s: %s", name, strerror(errno));
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		r = host->fail(err, CSN_E_REFUSED,
		               "mac_keys: %s must be a file only its owner can read", name);
	ssize_t n = r < 0 ? 0 : read(fd, text, sizeof text);
	if (r == CSN_OK &&
	    (n <= 0 || !eat_parse_key((struct csn_bytes){ text, (size_t)n }, ret_key)))
		r = host->fail(err, CSN_E_CONFIG,
		               "mac_keys: %s: 32 to 128 bytes of hex that do not repeat", name);
	csn_wipe(text, sizeof text);
	if (fd >= 0)
		close(fd);
	return r;
}

static int
load_mac_keys(struct eat *eat, struct csn_error *err)
{
	const struct csn_host *host = eat->host;
	struct dirent         *entry;
	int                    r = CSN_OK;

	if (eat->mac_keys_path == NULL)
		return CSN_OK;
	DIR *folder = opendir(eat->mac_keys_path);
	if (folder == NULL)
		return host->fail(err, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO,
		                  "mac_keys: %s: %s", eat->mac_keys_path, strerror(errno));
	eat->mac_keys = calloc(EAT_MAC_KEYS_MAX, sizeof *eat->mac_keys);
	if (eat->mac_keys == NULL)
		r = host->fail(err, CSN_E_NOMEM, "no memory for secrets");
	while (r == CSN_OK && (entry = readdir(folder)) != NULL) {
		if (strlen(entry->d_name) != 70 || strcmp(entry->d_name + 66, ".key") != 0)
			continue;
		if (eat->mac_key_count == EAT_MAC_KEYS_MAX)
			r = host->fail(err, CSN_E_TOO_BIG, "mac_keys: more than %d",
			               EAT_MAC_KEYS_MAX);
		else
			r = load_mac_key(eat, dirfd(folder), entry->d_name,
			                 &eat->mac_keys[eat->mac_key_count++], err);
	}
	closedir(folder);
	return r;
}

int
eat_load(struct eat *eat, struct csn_error *err)
{
	const struct csn_host *host = eat->host;
	uint32_t               profile_bits = 0, lifecycle_bits = 0;
	char                   why[200], text[120];
	int                    r = CSN_OK;

	csn_pubkey_ready();
	if (eat->references_path == NULL && eat->mac_keys_path == NULL)
		return host->fail(err, CSN_E_CONFIG,
		                  "references or mac_keys: whose tokens would be believed?");
	if (eat->references_path != NULL)
		r = csn_references_load(eat->references_path, eat->unsigned_references != 0,
		                        &eat->references, why, sizeof why);
	if (r < 0)
		return host->fail(err, r, "references: %s", why);
	r = csn_words_read(eat->host, "profiles", eat->profiles_text, profiles, &profile_bits, err);
	if (r == CSN_OK)
		r = csn_words_read(eat->host, "lifecycles", eat->lifecycles_text, lifecycles,
		                   &lifecycle_bits, err);
	if (r == CSN_OK)
		r = load_mac_keys(eat, err);
	if (r < 0)
		return r;
	eat->policy = (struct eat_policy){
		.profiles = profile_bits,
		.lifecycles = lifecycle_bits,
		.corims = eat->references.corims,
		.corim_count = eat->references.count,
		.mac_keys = eat->mac_keys,
		.mac_key_count = eat->mac_key_count,
		.components_needed = eat->components_needed != 0,
	};
	int len = snprintf(text, sizeof text, "eat/1 profiles=%x lifecycles=%x components=%u",
	                   profile_bits, lifecycle_bits, eat->components_needed);
	r = csn_sha256(eat->crypto, (struct csn_bytes){ (const uint8_t *)text, (size_t)len },
	               eat->policy_hash);
	return r < 0 ? host->fail(err, CSN_E_NOMEM, "no memory to hash the policy") : r;
}

void
eat_unload(struct eat *eat)
{
	if (eat->mac_keys != NULL)
		csn_wipe(eat->mac_keys, EAT_MAC_KEYS_MAX * sizeof *eat->mac_keys);
	free(eat->mac_keys);
	csn_references_done(&eat->references);
}
