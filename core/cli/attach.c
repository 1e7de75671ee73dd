/* provision --attach: rows for the body, sealed streams for the bulk folder. */
#include "core/cli/attach.h"

#include "core/config/config.h"
#include "lib/body.h"
#include "lib/crypto-openssl.h"
#include "lib/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_MAX (CSN_CT_MAX + 2048)

/* ---- shared with the device's side ------------------------------------------- */

static char *
spool_folder(const char *config)
{
	const char *slash = strrchr(config, '/');
	char       *path  = NULL;

	if (asprintf(&path, "%.*sspool", slash != NULL ? (int)(slash + 1 - config) : 0, config) < 0)
		return NULL;
	if (cli_folder(path, 0700) < 0) {
		free(path);
		return NULL;
	}
	return path;
}

char *
attach_folder(struct cli *cli, const char *config, bool *ret_messages)
{
	struct csn_error        err  = { 0 };
	struct csn_config_file *file = NULL;
	char                   *path = NULL;

	*ret_messages = false;
	int r = csn_config_read(config, &file, &err);
	const struct csn_config *list =
		r == CSN_OK ? csn_config_sub(csn_config_root(file), "channels") : NULL;
	for (size_t i = 0; path == NULL && i < csn_config_count(list); i++) {
		const struct csn_config *item = csn_config_item(list, i);
		const char *role = csn_config_text(item, "role", "", 16);
		const char *use  = csn_config_use(item);
		const char *folder = csn_config_path(item, "folder", NULL);

		if (use == NULL || (strcmp(role, "bulk") != 0 &&
		                    strstr(csn_config_text(item, "also", "", 64), "bulk") == NULL))
			continue;
		*ret_messages = strcmp(use, "file") != 0;
		if (*ret_messages)
			path = spool_folder(config);
		else if (folder != NULL)
			path = strdup(folder);
	}
	csn_config_free(file);
	if (path == NULL)
		cli_fail(cli, CLI_USAGE,
		         &(struct cli_failure){ .code   = "CSN-ATT-001",
		                                .found  = config,
		                                .wanted = "a channel: role = \"bulk\"; use = \"file\"; "
		                                          "folder = \"air/bulk\"; or one that "
		                                          "carries messages",
		                                .effect = "nothing was started" },
		         "there is no folder for attachments");
	return path;
}

static char *
put_hex(char *at, struct csn_bytes bytes)
{
	csn_hex_write(bytes.ptr, bytes.len, at);
	return at + 2 * bytes.len;
}

void
attach_name(const uint8_t sid[CSN_ID_LEN], struct csn_bytes id,
            char ret_name[ATTACH_NAME_LEN])
{
	char *at = put_hex(ret_name, (struct csn_bytes){ sid, CSN_ID_LEN });

	*at++ = '-';
	id.len = id.len > ATTACH_ID_MAX ? ATTACH_ID_MAX : id.len;
	at = put_hex(at, id);
	memcpy(at, ".att", sizeof ".att");
}

int
attach_sync(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r  = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

/* ---- reading and sealing ------------------------------------------------------- */

static int
refuse(struct cli *cli, const char *what, const char *found, const char *wanted)
{
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code   = "CSN-ATT-002",
	                                       .found  = found,
	                                       .wanted = wanted,
	                                       .effect = "nothing was started",
	                                       .next   = "countersign provision --help" },
	                "--attach %s cannot be taken", what);
}

/* ID=FILE or ID:KIND=FILE. */
static int
parse_spec(struct attach_set *set, const char *spec)
{
	const char    *equal = strchr(spec, '=');
	struct attach *row   = &set->rows[set->count];

	if (equal == NULL || equal[1] == '\0')
		return refuse(set->cli, spec, "no file", "ID=FILE or ID:KIND=FILE");
	const char *colon = memchr(spec, ':', (size_t)(equal - spec));
	const char *end   = colon != NULL ? colon : equal;

	*row = (struct attach){ .id   = { (const uint8_t *)spec, (size_t)(end - spec) },
		                .path = equal + 1 };
	if (colon != NULL)
		row->kind = (struct csn_bytes){ (const uint8_t *)colon + 1,
			                        (size_t)(equal - colon - 1) };
	if (row->id.len == 0 || row->id.len > ATTACH_ID_MAX)
		return refuse(set->cli, spec, "the id", "1 to 32 bytes before the = or :");
	if (colon != NULL && (row->kind.len == 0 || row->kind.len > 255))
		return refuse(set->cli, spec, "the kind", "1 to 255 bytes after the :");
	set->count++;
	return CLI_OK;
}

/* Up to @len bytes, less only at the end; or a negative errno. */
static ssize_t
read_chunk(int fd, uint8_t *bytes, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, bytes + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/*
 * One pass from @in to @out (a descriptor): what is hashed is what was sealed, so a
 * file that changes meanwhile cannot come apart from its row.
 */
static int
seal_all(struct attach_set *set, struct attach *row, int in, int out, EVP_MD_CTX *hash)
{
	static uint8_t          plain[CSN_ATT_CHUNK], sealed[CSN_ATT_SEALED];
	const struct csn_crypto *crypto = csn_crypto_openssl();
	struct csn_att           att    = { set->suite, row->id, row->length, row->key };
	uint32_t                 chunks = csn_att_chunks(row->length);
	int                      r      = 0;

	for (uint32_t i = 0; i < chunks && r == 0; i++) {
		size_t  len = csn_att_chunk_len(row->length, i);
		ssize_t n   = read_chunk(in, plain, len);

		if (n < 0)
			r = (int)n;
		else if ((size_t)n != len)
			r = -ESTALE; /* it became shorter while it was read */
		else if (EVP_DigestUpdate(hash, plain, len) != 1 ||
		         csn_att_seal(crypto, &att, i, (struct csn_bytes){ plain, len },
		                      sealed) != CSN_OK)
			r = -EIO;
		else
			r = cli_write_all(out, sealed, len + CSN_TAG_LEN);
	}
	csn_wipe(plain, sizeof plain);
	if (r == 0 && EVP_DigestFinal_ex(hash, row->hash, NULL) != 1)
		r = -EIO;
	return r;
}

static int
seal_file(struct attach_set *set, struct attach *row, int in)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	int         out  = -1, r = 0;

	if (asprintf(&row->temp, "%s/.attach-XXXXXX", set->folder) < 0)
		row->temp = NULL;
	if (hash == NULL || row->temp == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		r = -ENOMEM;
	else if (RAND_priv_bytes(row->key, (int)csn_suite_key_len(set->suite)) != 1)
		r = -EIO;
	else if ((out = mkstemp(row->temp)) < 0)
		r = -errno;
	if (r == 0)
		r = seal_all(set, row, in, out, hash);
	if (r == 0 && (fchmod(out, 0644) < 0 || fsync(out) < 0))
		r = -errno;
	if (out >= 0 && close(out) < 0 && r == 0)
		r = -errno;
	EVP_MD_CTX_free(hash);
	return r;
}

static int
take_file(struct attach_set *set, struct attach *row)
{
	struct stat st;
	int         in = open(row->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int         r  = in < 0 || fstat(in, &st) < 0 ? -errno : 0;

	if (r == 0 && !S_ISREG(st.st_mode))
		r = -EINVAL;
	if (r == 0 && (st.st_size < 1 || (uint64_t)st.st_size > UINT32_MAX))
		r = st.st_size < 1 ? -ENODATA : -EFBIG;
	if (r == 0) {
		row->length = (uint32_t)st.st_size;
		r = seal_file(set, row, in);
	}
	if (in >= 0)
		close(in);
	if (r == 0)
		return CLI_OK;
	return refuse(set->cli, row->path, strerror(-r),
	              "a regular file of 1 to 4294967295 bytes, and room in the bulk folder");
}

/* The suite whose keys this device's attachments need; 0 when @subject is neither. */
static unsigned
subject_suite(struct csn_bytes subject)
{
	static struct csn_manifest manifest;
	struct csn_psk_record      record;
	struct csn_cose            cose;
	unsigned                   suite = 0;

	if (csn_dcbor_check(subject) != CSN_OK)
		return 0;
	if (csn_psk_record_parse(subject, &record) == CSN_OK)
		suite = record.suite;
	else if (csn_cose_parse(subject, &cose) == CSN_OK &&
	         csn_manifest_parse(cose.payload, &manifest) == 0)
		suite = (unsigned)manifest.suite;
	csn_wipe(&record, sizeof record);
	return suite;
}

int
attach_prepare(struct attach_set *set, struct cli *cli, char *const *specs,
               const char *config, struct csn_bytes subject)
{
	int code = CLI_OK;

	*set = (struct attach_set){ .cli = cli, .suite = subject_suite(subject) };
	for (; code == CLI_OK && *specs != NULL; specs++)
		code = set->count < ATTACH_MAX ? parse_spec(set, *specs)
		                               : refuse(cli, *specs, "a ninth", "at most 8");
	if (code == CLI_OK && csn_suite_key_len(set->suite) == 0)
		code = refuse(cli, "with this device", "no manifest and no psk-record",
		              "a file of countersign manufacture");
	if (code == CLI_OK && (set->folder = attach_folder(cli, config, &set->messages)) == NULL)
		code = CLI_USAGE;
	for (size_t i = 0; i < set->count && code == CLI_OK; i++)
		code = take_file(set, &set->rows[i]);
	return code;
}

/* ---- the record ---------------------------------------------------------------- */

static void
put_row(struct csn_dcbor_out *out, const struct attach_set *set, const struct attach *row)
{
	csn_dcbor_put_map(out, row->kind.len > 0 ? 5 : 4);
	csn_dcbor_put_uint(out, 1);
	csn_dcbor_put_bytes(out, row->id);
	csn_dcbor_put_uint(out, 2);
	csn_dcbor_put_uint(out, row->length);
	csn_dcbor_put_uint(out, 3);
	csn_dcbor_put_hash(out, row->hash, sizeof row->hash);
	csn_dcbor_put_uint(out, 4);
	csn_dcbor_put_hash(out, row->key, csn_suite_key_len(set->suite));
	if (row->kind.len > 0) {
		csn_dcbor_put_uint(out, 5);
		csn_dcbor_put_text_n(out, row->kind);
	}
}

/* Member 7: the rows the record has already, then ours. */
static void
put_rows(struct csn_dcbor_out *out, const struct attach_set *set, struct csn_bytes old)
{
	struct csn_dcbor_in in;
	size_t              count = 0;

	csn_dcbor_in_init(&in, old);
	if (old.len > 0)
		count = csn_dcbor_array(&in, 0, CSN_DCBOR_ITEMS_MAX);
	csn_dcbor_put_uint(out, 7);
	csn_dcbor_put_array(out, count + set->count);
	for (size_t i = 0; i < count; i++)
		csn_dcbor_put_item(out, csn_dcbor_item(&in));
	for (size_t i = 0; i < set->count; i++)
		put_row(out, set, &set->rows[i]);
}

static int
put_record(struct csn_dcbor_out *out, const struct attach_set *set, struct csn_bytes record)
{
	struct csn_bytes    old = csn_map_get(record, 7);
	struct csn_dcbor_in in;
	bool                placed = false;

	csn_dcbor_in_init(&in, record);
	size_t pairs = csn_dcbor_map(&in, 0, CSN_DCBOR_ITEMS_MAX);
	csn_dcbor_put_map(out, pairs + (old.len == 0));
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		struct csn_bytes key = csn_dcbor_item(&in), value = csn_dcbor_item(&in);

		/* Keys stand in the order of their encodings, and 7 is one byte. */
		if (!placed && key.len > 0 && key.ptr[0] >= 7) {
			put_rows(out, set, old);
			placed = true;
		}
		if (key.len == 1 && key.ptr[0] == 7)
			continue;
		csn_dcbor_put_item(out, key);
		csn_dcbor_put_item(out, value);
	}
	if (!placed)
		put_rows(out, set, old);
	return csn_dcbor_in_end(&in);
}

int
attach_record(struct attach_set *set, struct csn_bytes record, uint8_t **ret_bytes,
              size_t *ret_len)
{
	struct csn_body_place place = { "", "it is too large or not a record" };
	struct csn_dcbor_out  out;
	struct csn_bytes      done;
	uint8_t              *bytes = malloc(RECORD_MAX);

	if (bytes == NULL)
		return cli_fail(set->cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-ATT-003" },
		                "no memory for a record");
	csn_dcbor_out_init(&out, bytes, RECORD_MAX);
	if (put_record(&out, set, record) == CSN_OK && csn_dcbor_out_end(&out, &done) == CSN_OK &&
	    csn_body_record_check(done, set->suite, &place) == 0) {
		*ret_bytes = bytes;
		*ret_len   = done.len;
		return CLI_OK;
	}
	csn_wipe(bytes, RECORD_MAX);
	free(bytes);
	return refuse(set->cli, "with this payload", place.path, place.text);
}

/* ---- publishing ---------------------------------------------------------------- */

int
attach_publish(struct attach_set *set, const uint8_t sid[CSN_ID_LEN])
{
	char    name[ATTACH_NAME_LEN];
	int     r    = 0;
	json_t *list = json_array();

	for (size_t i = 0; i < set->count && r == 0; i++) {
		struct attach *row = &set->rows[i];

		attach_name(sid, row->id, name);
		char *path = cli_path(set->folder, name);
		if (path == NULL || rename(row->temp, path) < 0)
			r = path == NULL ? -ENOMEM : -errno;
		if (r == 0) {
			free(row->temp);
			row->temp = NULL;
			cli_story(set->cli, '+', "bulk", "%s: %u bytes as %s", row->path, row->length,
			          path);
			json_array_append_new(list, json_string(name));
		}
		free(path);
	}
	if (r == 0)
		r = attach_sync(set->folder);
	json_object_set_new(set->cli->doc, "streams", list);
	if (r == 0)
		return CLI_OK;
	return cli_fail(set->cli, CLI_CANNOT,
	                &(struct cli_failure){ .code   = "CSN-ATT-004",
	                                       .stage  = "bulk",
	                                       .found  = strerror(-r),
	                                       .effect = "the offer stands, its attachments do not",
	                                       .next   = "provision again" },
	                "cannot put the streams into %s", set->folder);
}

void
attach_done(struct attach_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->rows[i].temp != NULL)
			unlink(set->rows[i].temp);
		free(set->rows[i].temp);
	}
	free(set->folder);
	csn_wipe(set, sizeof *set);
}
