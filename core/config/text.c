/*
 * libconfig 1.5 reads 5000000000 as 705032704, ends the process when an include names
 * a folder, and leaves the name of the main file out.  So includes are joined here and
 * integers beyond 32 bits get the L they need before libconfig sees them.
 */
#include "core/config/text.h"

#include "core/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define FILES_MAX 64
#define LINES_MAX 65535 /* libconfig counts lines in 16 bits                  */
#define TEXT_MAX  (4 * CSN_CONFIG_MAX)

struct scan {
	struct config_text *text;
	text_note_fn       *note;
	void               *arg;
	struct csn_error   *err;
	unsigned            file, line, depth;
	const char         *at;
};

static int join_file(struct scan *outer, const char *path);

static void
say(const struct scan *scan, const char *text)
{
	scan->note(scan->arg, scan->text->files[scan->file].name, scan->line, text);
}

static int
put(struct scan *scan, const char *bytes, size_t len)
{
	struct config_text *text = scan->text;

	if (len >= TEXT_MAX - text->len)
		return csn_fail(scan->err, CSN_E_TOO_BIG,
		                "%s and its includes are over %d bytes",
		                text->files[0].name, TEXT_MAX);
	if (text->len + len + 1 > text->room) {
		size_t room = 2 * (text->len + len + 1);
		char  *grown = realloc(text->bytes, room);

		if (grown == NULL)
			return csn_fail(scan->err, CSN_E_NOMEM, "out of memory");
		text->bytes = grown;
		text->room = room;
	}
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	text->bytes[text->len] = '\0';
	return CSN_OK;
}

static int
put_newline(struct scan *scan)
{
	struct config_text *text = scan->text;

	if (text->line_count == LINES_MAX)
		return csn_fail(scan->err, CSN_E_TOO_BIG,
		                "%s and its includes are over %d lines",
		                text->files[0].name, LINES_MAX);
	if (text->line_count == text->line_room) {
		size_t            room = text->line_room == 0 ? 64 : 2 * text->line_room;
		struct text_line *grown = realloc(text->lines, room * sizeof *grown);

		if (grown == NULL)
			return csn_fail(scan->err, CSN_E_NOMEM, "out of memory");
		text->lines = grown;
		text->line_room = room;
	}
	text->lines[text->line_count++] = (struct text_line){ scan->file, scan->line };
	return put(scan, "\n", 1);
}

/* Passes on up to @end and counts the lines in between. */
static int
copy_to(struct scan *scan, const char *end)
{
	int r = CSN_OK;

	while (scan->at < end && r == CSN_OK) {
		size_t n = strcspn(scan->at, "\n");

		if (n > (size_t)(end - scan->at))
			n = (size_t)(end - scan->at);
		r = put(scan, scan->at, n);
		scan->at += n;
		if (r == CSN_OK && scan->at < end) {
			r = put_newline(scan);
			scan->line++;
			scan->at++;
		}
	}
	return r;
}

/* Whatever came after would be read as something else than was meant. */
static int
say_unclosed(struct scan *scan, const char *text)
{
	say(scan, text);
	scan->text->unclosed = 1;
	return copy_to(scan, scan->at + strlen(scan->at));
}

static int
scan_comment(struct scan *scan)
{
	const char *end;

	if (scan->at[0] == '/' && scan->at[1] == '*') {
		end = strstr(scan->at + 2, "*/");
		return end != NULL ? copy_to(scan, end + 2) :
		                     say_unclosed(scan, "a comment is not closed");
	}
	return copy_to(scan, scan->at + strcspn(scan->at, "\n"));
}

static int
scan_string(struct scan *scan)
{
	const char *end = scan->at + 1;

	while (*end != '\0' && *end != '"') {
		if (strncmp(end, "\\x00", 4) == 0)
			say(scan, "a text holds a zero byte");
		end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
	}
	return *end != '\0' ? copy_to(scan, end + 1) :
	                      say_unclosed(scan, "a text is not closed");
}

/* Copies one number; an integer that needs 64 bits gets its L. */
static int
scan_number(struct scan *scan)
{
	const char *start = scan->at, *digits = start + (*start == '-' || *start == '+');
	int         hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	const char *end = hex ? digits + 2 : digits;
	char        message[160];
	long long   value;
	int         r;

	while (hex ? isxdigit((unsigned char)*end) : isdigit((unsigned char)*end))
		end++;
	if (!hex && (*end == '.' || *end == 'e' || *end == 'E'))
		return copy_to(scan, end + strspn(end, "0123456789.eE+-"));
	errno = 0;
	value = strtoll(start, NULL, hex ? 16 : 10);
	if (errno == ERANGE) {
		snprintf(message, sizeof message, "%.*s does not fit 64 bits",
		         end - start > 80 ? 80 : (int)(end - start), start);
		say(scan, message);
	}
	r = copy_to(scan, end);
	if (r == CSN_OK && *end != 'L' && (value < INT_MIN || value > INT_MAX))
		r = put(scan, "L", 1);
	return r < 0 ? r : copy_to(scan, end + strspn(end, "L"));
}

static int
scan_include(struct scan *scan)
{
	const char *path = scan->at + strlen("@include"), *end;
	char        name[PATH_MAX];
	size_t      len;
	int         r;

	path += strspn(path, " \t");
	len = *path == '"' ? strcspn(path + 1, "\"\\\n") : 0;
	end = path + 1 + len;
	if (len == 0 || len >= sizeof name || *end != '"') {
		say(scan, "@include wants the name of a file in quotes");
		scan->at += strcspn(scan->at, "\n");
		return CSN_OK;
	}
	memcpy(name, path + 1, len);
	name[len] = '\0';
	r = join_file(scan, name);
	scan->at = end + 1;
	return r;
}

static int
scan_text(struct scan *scan)
{
	int r = CSN_OK, fresh = 1; /* nothing but blanks on this line so far */

	while (*scan->at != '\0' && r == CSN_OK) {
		char        c = *scan->at, next = scan->at[1];
		int         number = isdigit((unsigned char)c) ||
		             (strchr("+-.", c) != NULL && isdigit((unsigned char)next));
		const char *word = scan->at + 1;

		if (c == '#' || (c == '/' && (next == '/' || next == '*')))
			r = scan_comment(scan);
		else if (c == '"')
			r = scan_string(scan);
		else if (fresh && strncmp(scan->at, "@include", 8) == 0)
			r = scan_include(scan);
		else if (number)
			r = scan_number(scan);
		else if (isalpha((unsigned char)c) || c == '*')
			r = copy_to(scan, word + strspn(word, "abcdefghijklmnopqrstuvwxyz"
			                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			                                      "0123456789_-*"));
		else
			r = copy_to(scan, word);
		fresh = c == '\n' || (fresh && (c == ' ' || c == '\t'));
	}
	return r;
}

/* The folder the name leads to; a link's own, as it is for includes. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char        folder[PATH_MAX];
	int         n = snprintf(folder, sizeof folder, "%.*s",
	                         slash != NULL ? (int)(slash + 1 - path) : 1,
	                         slash != NULL ? path : ".");

	return n > 0 && (size_t)n < sizeof folder ? realpath(folder, NULL) : NULL;
}

/* Takes over nothing; the new file's number is in scan->file. */
static int
enter_file(struct scan *scan, const char *path)
{
	struct config_text *text = scan->text;
	struct text_file   *grown;

	grown = realloc(text->files, (text->file_count + 1) * sizeof *grown);
	if (grown == NULL)
		return csn_fail(scan->err, CSN_E_NOMEM, "out of memory");
	text->files = grown;
	grown += text->file_count;
	*grown = (struct text_file){ strdup(path), folder_of(path) };
	if (grown->name == NULL || grown->folder == NULL) {
		free(grown->name);
		free(grown->folder);
		return csn_fail(scan->err, CSN_E_NOMEM, "%s: no way to its folder", path);
	}
	scan->file = (unsigned)text->file_count++;
	scan->line = 1;
	return CSN_OK;
}

static int
fill_all(int fd, char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return CSN_E_IO;
		bytes += n;
		len -= (size_t)n;
	}
	return CSN_OK;
}

/* The whole of a regular file, NUL at the end; text for @err follows the name. */
static int
read_whole(const char *path, char **ret_bytes, struct csn_error *err)
{
	int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char       *bytes = NULL;
	struct stat st;
	int         r;

	if (fd < 0)
		return csn_fail(err, CSN_E_MISSING, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		r = csn_fail(err, CSN_E_IO, "%s: not a regular file", path);
	else if (st.st_size > CSN_CONFIG_MAX)
		r = csn_fail(err, CSN_E_TOO_BIG, "%s: %lld bytes, at most %d are read", path,
		             (long long)st.st_size, CSN_CONFIG_MAX);
	else if ((bytes = malloc((size_t)st.st_size + 1)) == NULL)
		r = csn_fail(err, CSN_E_NOMEM, "%s: out of memory", path);
	else if (fill_all(fd, bytes, (size_t)st.st_size) < 0)
		r = csn_fail(err, CSN_E_IO, "%s: could not be read whole", path);
	else if (memchr(bytes, '\0', (size_t)st.st_size) != NULL)
		r = csn_fail(err, CSN_E_CONFIG, "%s: holds a zero byte, so it is no text", path);
	else
		r = CSN_OK;
	close(fd);
	if (r < 0) {
		free(bytes);
		return r;
	}
	bytes[st.st_size] = '\0';
	*ret_bytes = bytes;
	return CSN_OK;
}

static int
join_bytes(struct scan *scan, const char *path, const char *bytes)
{
	int r = enter_file(scan, path);

	if (r < 0)
		return r;
	scan->at = bytes;
	r = scan_text(scan);
	if (r < 0 || (scan->text->len > 0 && scan->text->bytes[scan->text->len - 1] == '\n'))
		return r;
	return put_newline(scan);
}

/* What is wrong with an include is a mistake of the file that asks for it. */
static int
join_file(struct scan *outer, const char *path)
{
	const struct text_file *from = &outer->text->files[outer->file];
	struct scan             scan = *outer;
	struct csn_error        error = { 0 };
	const char             *slash = strrchr(from->name, '/');
	char                    full[PATH_MAX], *bytes = NULL;
	int                     n, r;

	n = snprintf(full, sizeof full, "%.*s%s",
	             path[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - from->name),
	             from->name, path);
	if (n < 0 || (size_t)n >= sizeof full)
		r = csn_fail(&error, CSN_E_CONFIG, "@include %.64s...: the path is too long", path);
	else if (++scan.depth > DEPTH_MAX)
		r = csn_fail(&error, CSN_E_CONFIG, "@include %s: more than %d deep", path, DEPTH_MAX);
	else if (outer->text->file_count >= FILES_MAX)
		r = csn_fail(&error, CSN_E_CONFIG, "@include %s: more than %d files", path, FILES_MAX);
	else
		r = read_whole(full, &bytes, &error);
	if (r == CSN_E_NOMEM)
		return csn_fail(outer->err, r, "%s", error.text);
	if (r < 0) {
		say(outer, error.text);
		return CSN_OK;
	}
	r = join_bytes(&scan, full, bytes);
	free(bytes);
	return r;
}

int
text_read(struct config_text *text, const char *path, text_note_fn *note, void *arg,
          struct csn_error *err)
{
	struct scan scan = { .text = text, .note = note, .arg = arg, .err = err };
	char       *bytes = NULL;
	int         r = read_whole(path, &bytes, err);

	if (r < 0)
		return r;
	r = join_bytes(&scan, path, bytes);
	free(bytes);
	return r;
}

void
text_done(struct config_text *text)
{
	for (size_t i = 0; i < text->file_count; i++) {
		free(text->files[i].name);
		free(text->files[i].folder);
	}
	free(text->files);
	free(text->lines);
	free(text->bytes);
}
