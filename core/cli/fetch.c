/* device fetch: attachments of the staged body, out of the bulk folder. */

#include "core/cli/fetch.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cli/bulk.h"
#include "device/bulk.h"
#include "device/device.h"
#include "lib/crypto-openssl.h"
#include "lib/hex.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define AUDIT_MAX     256
#define NAME_OUT_MAX  (1 + 2 * ATTACH_ID_MAX + 1)

struct fetch {
	struct cli             *cli;
	struct runner           runner;
	struct csn_device_state state;
	struct csn_buf         *stored; /* the state as it stands in the store  */
	uint8_t                *body;   /* secret; keys in it are zeroed in place */
	size_t                  body_len;
	struct csn_body_view    view;
	char                   *folder;
	bool                    messages; /* the folder is a spool of our own */
	const char             *out;
	json_t                 *list;
	size_t                  missing;
	uint8_t                 next_state[CSN_DEVICE_STATE_MAX];
};

static const struct csn_bytes state_key = { (const uint8_t *)"state", 5 };
static const struct csn_bytes body_key  = { (const uint8_t *)"body", 4 };

static int
failed(struct cli *cli, int exit_code, const char *code, const char *found, const char *text)
{
	return cli_fail(cli, exit_code,
	                &(struct cli_failure){ .code = code, .stage = "bulk", .found = found },
	                "%s", text);
}

/* ---- what was delivered -------------------------------------------------------- */

/* A key of zeros stands where one was: the attachment is complete, or its time over. */
static bool
key_gone(struct csn_bytes key)
{
	uint8_t any = 0;

	for (size_t i = 0; i < key.len; i++)
		any |= key.ptr[i];
	return any == 0;
}

/* Zeroes the key of a row that lies in @body. */
static void
forget(uint8_t *body, const struct csn_attachment_row *row)
{
	csn_wipe(body + (row->key.ptr - body), row->key.len);
}

void
fetch_forget_all(uint8_t *body, size_t len)
{
	struct csn_body_view view;

	if (csn_body_view((struct csn_bytes){ body, len }, &view) != 0)
		return;
	for (size_t i = 0; i < view.attachments_len; i++)
		forget(body, &view.attachments[i]);
}

static int
load(struct fetch *f)
{
	struct csn_error err  = { 0 };
	struct csn_buf  *buf  = NULL;
	uint8_t          hash[CSN_HASH_LEN];

	if (csn_station_get(f->runner.station, "device", state_key, &f->stored, &err) != CSN_OK ||
	    csn_device_state_decode(csn_buf_bytes(f->stored), &f->state) != CSN_OK)
		return failed(f->cli, CLI_CANNOT, "CSN-DEV-001", csn_error_text(&err),
		              "this device was not set up");
	if (!f->state.has_staged || !f->state.has_last ||
	    csn_station_get(f->runner.station, "staged", body_key, &buf, &err) != CSN_OK)
		return failed(f->cli, CLI_NO, "CSN-DEV-007", "no staged body",
		              "nothing was delivered to this device yet");
	struct csn_bytes bytes = csn_buf_bytes(buf);
	if ((f->body = malloc(bytes.len + 1)) != NULL) {
		memcpy(f->body, bytes.ptr, bytes.len);
		f->body_len = bytes.len;
	}
	csn_buf_unref(buf);
	bytes = (struct csn_bytes){ f->body, f->body_len };
	if (f->body == NULL || csn_sha256(csn_crypto_openssl(), bytes, hash) != CSN_OK ||
	    !csn_same_n(hash, f->state.staged_hash, sizeof hash) ||
	    csn_body_view(bytes, &f->view) != 0)
		return failed(f->cli, CLI_CANNOT, "CSN-DEV-008", "another body than was committed",
		              "the staged body is damaged");
	return CLI_OK;
}

/*
 * Durably without the keys that were zeroed in @f->body.  The state must still be what
 * was read: a commit of the agent in between wins.
 */
static int
keep(struct fetch *f)
{
	struct csn_error err  = { 0 };
	struct csn_bytes body = { f->body, f->body_len };
	struct csn_buf  *buf  = NULL;
	size_t           len  = 0;
	int              r    = csn_sha256(csn_crypto_openssl(), body, f->state.staged_hash);

	if (r == CSN_OK)
		r = csn_device_state_encode(&f->state, f->next_state, sizeof f->next_state, &len);
	const struct csn_store_item items[] = {
		{ .kind = CSN_ITEM_EXPECT, .space = "device", .key = state_key,
		  .value = csn_buf_bytes(f->stored) },
		{ .kind = CSN_ITEM_PUT, .space = "device", .key = state_key,
		  .value = { f->next_state, len } },
		{ .kind = CSN_ITEM_PUT, .space = "staged", .key = body_key, .value = body },
	};
	if (r == CSN_OK)
		r = csn_station_commit(f->runner.station, items, 3, &err);
	if (r == CSN_OK)
		r = csn_station_get(f->runner.station, "device", state_key, &buf, &err);
	csn_wipe(f->next_state, sizeof f->next_state);
	if (r != CSN_OK)
		return failed(f->cli, CLI_CANNOT, "CSN-DEV-009", csn_error_text(&err),
		              "the key of an attachment could not be removed");
	csn_buf_unref(f->stored);
	f->stored = buf;
	return CLI_OK;
}

/* Keys outlive no session window, as far as this device can tell the time. */
static int
check_window(struct fetch *f)
{
	struct csn_dcbor_in    in;
	const struct csn_host *host    = csn_station_host(f->runner.station);
	int                    trusted = 0;
	uint64_t               now     = host->wall(host, &trusted);

	csn_dcbor_in_init(&in, csn_map_get(f->view.session, 2));
	csn_dcbor_array(&in, 2, 2);
	csn_dcbor_uint(&in, UINT32_MAX);
	uint64_t end = csn_dcbor_uint(&in, UINT32_MAX) + CSN_STAMP_EPOCH;
	if (in.bad)
		return failed(f->cli, CLI_CANNOT, "CSN-DEV-008", "no session window",
		              "the staged body is damaged");
	if (!trusted || now <= end)
		return CLI_OK;
	fetch_forget_all(f->body, f->body_len);
	int code = keep(f);
	return code != CLI_OK ? code
	                      : failed(f->cli, CLI_NO, "CSN-DEV-010", "the session window is over",
	                               "the keys of the attachments were removed");
}

/* ---- one attachment ------------------------------------------------------------ */

/* A file name: the id where it is one, else @ and hex; never a path. */
static void
out_name(struct csn_bytes id, char ret_name[NAME_OUT_MAX])
{
	bool plain = id.len > 0 && id.ptr[0] != '.';

	for (size_t i = 0; i < id.len; i++)
		plain &= id.ptr[i] < 128 &&
		         (isalnum(id.ptr[i]) || strchr("._-", id.ptr[i]) != NULL) && id.ptr[i] != 0;
	if (plain) {
		memcpy(ret_name, id.ptr, id.len);
		ret_name[id.len] = '\0';
		return;
	}
	ret_name[0] = '@';
	csn_hex_write(id.ptr, id.len < ATTACH_ID_MAX ? id.len : ATTACH_ID_MAX, ret_name + 1);
}

/* Exactly @len bytes from @at. */
static int
read_at(int fd, uint8_t *bytes, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_at(int fd, const uint8_t *bytes, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Chunk by chunk from @in to @out; 0, a refusal code, or a negative errno. */
static int
open_all(const struct fetch *f, const struct csn_attachment_row *row, int in, int out)
{
	static uint8_t sealed[CSN_ATT_SEALED], plain[CSN_ATT_CHUNK];
	uint32_t       chunks = csn_att_chunks(row->length);
	int            r      = 0;

	for (uint32_t i = 0; i < chunks && r == 0; i++) {
		size_t len = csn_att_chunk_len(row->length, i);

		r = read_at(in, sealed, len + CSN_TAG_LEN, (uint64_t)i * CSN_ATT_SEALED);
		if (r == 0)
			r = csn_bulk_chunk(csn_crypto_openssl(), f->state.suite, row, i,
			                   (struct csn_bytes){ sealed, len + CSN_TAG_LEN }, plain,
			                   &len);
		if (r == 0)
			r = write_at(out, plain, len, (uint64_t)i * CSN_ATT_CHUNK);
	}
	csn_wipe(plain, sizeof plain);
	return r;
}

/* 193 is judged on what the disk gives back; mapped, so that memory stays bounded. */
static int
check_digest(const struct csn_attachment_row *row, int out)
{
	if (fsync(out) < 0)
		return -errno;
	void *map = mmap(NULL, row->length, PROT_READ, MAP_SHARED, out, 0);
	if (map == MAP_FAILED)
		return -errno;
	struct csn_bytes whole = { map, row->length };
	int              code  = csn_bulk_end(csn_crypto_openssl(), row, &whole, 1);
	munmap(map, row->length);
	return code;
}

static int
receive(const struct fetch *f, const struct csn_attachment_row *row, int in, const char *path)
{
	char       *temp = NULL;
	struct stat st;
	int         out = -1, r = fstat(in, &st) < 0 ? -errno : 0;

	if (r == 0)
		r = S_ISREG(st.st_mode) ? csn_bulk_length(row, (uint64_t)st.st_size) : -EINVAL;
	if (r == 0 && asprintf(&temp, "%s/.fetch-XXXXXX", f->out) < 0)
		r = -ENOMEM;
	if (r == 0 && (out = mkstemp(temp)) < 0)
		r = -errno;
	if (r == 0)
		r = open_all(f, row, in, out);
	if (r == 0)
		r = check_digest(row, out);
	if (r == 0 && rename(temp, path) < 0)
		r = -errno;
	if (r == 0)
		r = attach_sync(f->out);
	else if (out >= 0)
		unlink(temp);
	if (out >= 0)
		close(out);
	free(temp);
	return r;
}

/* A refusal is on record; the key stays, as the right stream may still come. */
static int
refused(struct fetch *f, const char *name, int code)
{
	struct csn_device_audit audit = { .code = (uint16_t)code, .what = CSN_DEVICE_REFUSE };
	struct csn_error        err   = { 0 };
	uint8_t                 bytes[AUDIT_MAX];
	char                    number[16], text[16];
	size_t                  len = 0;

	memcpy(audit.sid, f->state.last_sid, sizeof audit.sid);
	memcpy(audit.did, f->state.did, sizeof audit.did);
	int r = csn_device_audit_encode(&audit, bytes, sizeof bytes, &len);
	const struct csn_store_item item = { .kind = CSN_ITEM_AUDIT, .value = { bytes, len } };
	if (r == CSN_OK)
		r = csn_station_commit(f->runner.station, &item, 1, &err);
	if (r != CSN_OK)
		return failed(f->cli, CLI_CANNOT, "CSN-DEV-009", csn_error_text(&err),
		              "the refusal could not be recorded");
	snprintf(number, sizeof number, "%d", code);
	snprintf(text, sizeof text, "CSN-%d", code);
	const struct cli_reason *reason = cli_reason_find(number);
	cli_story(f->cli, 'x', "refused", "%s: %s  %s", name, csn_code_name(code), text);
	return cli_fail(f->cli, CLI_NO,
	                &(struct cli_failure){ .code   = text,
	                                       .stage  = "bulk",
	                                       .effect = "nothing of it was stored",
	                                       .next   = reason ? reason->next : NULL },
	                "attachment %s: %s", name, csn_code_name(code));
}

static int
note(struct fetch *f, const char *name, const char *state, const char *path)
{
	json_array_append_new(f->list, json_pack("{s:s, s:s, s:s}", "id", name, "state", state,
	                                         "path", path));
	return CLI_OK;
}

static int
fetch_row(struct fetch *f, const struct csn_attachment_row *row)
{
	char name[NAME_OUT_MAX] = "", stream[ATTACH_NAME_LEN];

	out_name(row->id, name);
	char *path = cli_path(f->out, name);
	if (path != NULL && key_gone(row->key)) {
		free(path);
		cli_story(f->cli, '-', "bulk", "%s: its key is gone, it was complete", name);
		return note(f, name, "done", "");
	}
	attach_name(f->state.last_sid, row->id, stream);
	char *from = cli_path(f->folder, stream);
	int   in   = path == NULL || from == NULL
	                     ? -1
	                     : open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int   r    = in >= 0 ? receive(f, row, in, path) : -errno, code = CLI_OK;

	if (r == -ENOENT) {
		f->missing++;
		cli_story(f->cli, '?', "bulk", "%s: %s is not there yet", name, stream);
		note(f, name, "missing", "");
	} else if (r < 0) {
		code = failed(f->cli, CLI_CANNOT, "CSN-ATT-005", strerror(-r),
		              "an attachment could not be read or stored");
	} else if (r > 0) {
		note(f, name, "refused", "");
		code = refused(f, name, r);
	} else {
		forget(f->body, row);
		code = keep(f);
		cli_story(f->cli, '+', "bulk", "%s: %u bytes", path, row->length);
		note(f, name, "stored", path);
	}
	if (f->messages && r >= 0) /* the spool is ours: complete, or wrong as it stands */
		unlink(from);
	if (in >= 0)
		close(in);
	free(from);
	free(path);
	return code;
}

/* ---- streams that come as messages ------------------------------------------------ */

static bool
there(const char *path)
{
	struct stat st;

	return path != NULL && stat(path, &st) == 0;
}

/* Fills the spool folder with what the channel carries. */
static int
listen_for(struct fetch *f, unsigned wait_s)
{
	static char     names[ATTACH_MAX][NAME_OUT_MAX];
	struct bulk_row rows[ATTACH_MAX] = { { 0 } };
	char            stream[ATTACH_NAME_LEN];
	size_t          count = 0;
	int             code  = CLI_OK;

	for (size_t i = 0; i < f->view.attachments_len && i < ATTACH_MAX; i++) {
		const struct csn_attachment_row *row = &f->view.attachments[i];
		struct bulk_row                 *want = &rows[count];

		attach_name(f->state.last_sid, row->id, stream);
		out_name(row->id, names[i]);
		*want = (struct bulk_row){ .row = row, .name = names[i],
			                   .stream = cli_path(f->folder, stream) };
		if (want->stream != NULL && asprintf(&want->part, "%s.part", want->stream) < 0)
			want->part = NULL;
		count++;
		if (want->stream == NULL || want->part == NULL)
			code = failed(f->cli, CLI_CANNOT, "CSN-ATT-005", "no memory",
			              "an attachment could not be received");
		else if (key_gone(row->key) || there(want->stream)) {
			count--;
			free(want->stream);
			free(want->part);
		}
	}
	if (code == CLI_OK && count > 0)
		code = bulk_take(&f->runner, rows, count, wait_s);
	for (size_t i = 0; i < count; i++) {
		free(rows[i].stream);
		free(rows[i].part);
	}
	return code;
}

/* ---- the command ---------------------------------------------------------------- */

static int
fetch_all(struct fetch *f)
{
	int code = CLI_OK;

	for (size_t i = 0; i < f->view.attachments_len && code == CLI_OK; i++)
		code = fetch_row(f, &f->view.attachments[i]);
	if (code != CLI_OK)
		return code;
	cli_line(f->cli, "%zu attachments, %zu not there yet", f->view.attachments_len,
	         f->missing);
	return f->missing > 0 ? CLI_TIMEOUT : CLI_OK;
}

int
fetch_run(struct cli *cli, const char *config, const char *out, unsigned wait_s)
{
	static struct fetch f;

	f = (struct fetch){ .cli = cli, .out = out, .list = json_array() };
	json_object_set_new(cli->doc, "attachments", f.list);
	int code = runner_open(&f.runner, cli, CSN_SIDE_DEVICE);
	if (code == CLI_OK && (f.folder = attach_folder(cli, config, &f.messages)) == NULL)
		code = CLI_USAGE;
	if (code == CLI_OK && cli_folder(out, 0700) < 0)
		code = failed(cli, CLI_CANNOT, "CSN-ATT-005", strerror(errno),
		              "the folder for attachments cannot be made");
	if (code == CLI_OK)
		code = load(&f);
	if (code == CLI_OK)
		code = check_window(&f);
	if (code == CLI_OK && f.messages)
		code = listen_for(&f, wait_s);
	if (code == CLI_OK)
		code = fetch_all(&f);
	runner_close(&f.runner);
	csn_buf_unref(f.stored);
	if (f.body != NULL)
		csn_wipe(f.body, f.body_len);
	free(f.body);
	free(f.folder);
	csn_wipe(&f, sizeof f);
	return code;
}
