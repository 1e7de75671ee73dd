#define _GNU_SOURCE 1 /* renameat2, O_PATH */

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the folder -------------------------------------------------------- */

/* Lists the messages there are now. */
static int
scan(struct file *file, struct names *ret_names, struct csn_error *err)
{
	const struct csn_host *host = file->host;
	const struct dirent *entry;
	int r = CSN_OK;
	const int fd = openat(file->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL) {
		r = host->fail(err, CSN_E_IO, "cannot list folder %s: %s", file->folder,
		               strerror(errno));
		if (fd >= 0)
			close(fd);
		return r;
	}
	ret_names->count = 0;
	while ((entry = readdir(dir)) != NULL) {
		const uint32_t number = name_number(entry->d_name);
		if (number == 0 || names_add(ret_names, number))
			continue;
		r = host->fail(err, CSN_E_TOO_BIG,
		               "folder %s holds more than %d messages; move old ones away",
		               file->folder, NAMES_MAX);
		break;
	}
	closedir(dir);
	if (r == CSN_OK && ret_names->count > 0 &&
	    ret_names->number[ret_names->count - 1] > file->last)
		file->last = ret_names->number[ret_names->count - 1];
	return r;
}

__attribute__((format(printf, 2, 3))) static void
refuse(struct file *file, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(file->refusal, sizeof file->refusal, fmt, args);
	va_end(args);
	file->host->log(file->host, CSN_LOG_WARN, "%s", file->refusal);
}

static ssize_t
read_all(int fd, uint8_t *bytes, size_t room)
{
	size_t len = 0;

	while (len < room) {
		const ssize_t n = read(fd, bytes + len, room - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* Reads at most one byte more than the limit, so that growth is noticed as well. */
static struct csn_buf *
read_message(struct file *file, const char *name, int fd)
{
	struct csn_buf *message = NULL;
	uint8_t *bytes = malloc((size_t)file->limit + 1);
	const ssize_t len = bytes == NULL ? -1 : read_all(fd, bytes, (size_t)file->limit + 1);

	if (bytes == NULL)
		refuse(file, "%s/%s: no memory for it", file->folder, name);
	else if (len < 0)
		refuse(file, "%s/%s: %s", file->folder, name, strerror(errno));
	else if (len == 0)
		refuse(file, "%s/%s is empty", file->folder, name);
	else if ((size_t)len > file->limit)
		refuse(file, "%s/%s is over the limit of %u bytes", file->folder, name,
		       (unsigned)file->limit);
	else if ((message = file->host->buf_new(bytes, (size_t)len, 0)) == NULL)
		refuse(file, "%s/%s: no memory for it", file->folder, name);
	free(bytes);
	return message;
}

/* The message in a file, or NULL after saying why there is none. */
static struct csn_buf *
fetch(struct file *file, uint32_t number)
{
	char name[NAME_SIZE];
	struct stat st;
	struct csn_buf *message = NULL;

	name_write(number, name);
	/* Not blocking: a FIFO or a device with a message's name must not stop the loop. */
	const int fd = openat(file->folder_fd, name,
	                      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		refuse(file, "%s/%s: %s", file->folder, name, strerror(errno));
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		refuse(file, "%s/%s is not a regular file", file->folder, name);
	else
		message = read_message(file, name, fd);
	if (fd >= 0)
		close(fd);
	return message;
}

/* ---- receiving --------------------------------------------------------- */

static void
end_receive(struct file *file, int result, struct csn_buf *message)
{
	struct csn_op *op = file->receiving;

	file->host->watch_drop(file->watch);
	file->host->timer_drop(file->poll);
	file->watch     = NULL;
	file->poll      = NULL;
	file->receiving = NULL;
	file->host->op_done(op, result, message);
}

/* Looks for a message nobody has had yet; ends the receive when there is one. */
static void
look(struct file *file)
{
	struct names *there = malloc(sizeof *there);
	uint32_t number;
	int r;

	if (there == NULL) {
		end_receive(file, file->host->fail(file->host->op_error(file->receiving),
		                                   CSN_E_NOMEM, "no memory for a list"),
		            NULL);
		return;
	}
	r = scan(file, there, file->host->op_error(file->receiving));
	if (r < 0) {
		free(there);
		end_receive(file, r, NULL);
		return;
	}
	names_keep(&file->done, there);
	while ((number = names_next(there, &file->done)) != 0) {
		struct csn_buf *message = fetch(file, number);
		names_add(&file->done, number);
		if (message == NULL)
			continue;
		file->received++;
		end_receive(file, CSN_OK, message);
		break;
	}
	free(there);
}

static void
on_notify(void *self, int fd, uint32_t ready)
{
	struct file *file = self;
	_Alignas(struct inotify_event) char events[4096];

	(void)ready;
	while (read(fd, events, sizeof events) > 0)
		; /* which file it was does not matter, the folder is looked at */
	look(file);
}

static void on_poll(void *self);

/* False when there is no timer, so nothing would ever wake us. */
static bool
arm(struct file *file)
{
	const struct csn_host *host = file->host;

	file->poll = host->timer_add(
		host, host->now(host) + file->poll_ms * UINT64_C(1000000), on_poll, file);
	return file->poll != NULL;
}

static void
on_poll(void *self)
{
	struct file *file = self;

	file->poll = NULL;
	look(file);
	if (file->receiving != NULL && !arm(file))
		end_receive(file, file->host->fail(file->host->op_error(file->receiving),
		                                   CSN_E_NOMEM, "no memory for a timer"),
		            NULL);
}

static int
receive(void *self, struct csn_op *op)
{
	struct file *file = self;
	const struct csn_host *host = file->host;

	if (file->receiving != NULL)
		return host->fail(host->op_error(op), CSN_E_BUSY, "somebody else is receiving");
	if (!arm(file))
		return host->fail(host->op_error(op), CSN_E_NOMEM, "no memory for a timer");
	if (file->notify_fd >= 0)
		file->watch = host->watch_add(host, file->notify_fd, CSN_READABLE, on_notify,
		                              file);
	file->receiving = op;
	look(file);
	return CSN_OK;
}

/* ---- sending ----------------------------------------------------------- */

static int
write_all(int fd, struct csn_bytes bytes)
{
	while (bytes.len > 0) {
		const ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes.ptr += n;
		bytes.len -= (size_t)n;
	}
	return 0;
}

/* Gives the finished file the next free number; a name that is taken is never replaced. */
static int
publish(struct file *file, const char *temporary, uint32_t *ret_number)
{
	char name[NAME_SIZE];

	for (uint32_t number = file->last + 1; number <= NUMBER_LAST; number++) {
		name_write(number, name);
		if (linkat(file->folder_fd, temporary, file->folder_fd, name, 0) == 0) {
			*ret_number = number;
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	/* Some file systems (FAT) have no links. */
	if (errno != EPERM && errno != EOPNOTSUPP)
		return -1;
	name_write(file->last + 1, name);
	if (renameat2(file->folder_fd, temporary, file->folder_fd, name, RENAME_NOREPLACE) < 0)
		return -1;
	*ret_number = file->last + 1;
	return 0;
}

static int
write_message(struct file *file, struct csn_bytes message, struct csn_error *err)
{
	const struct csn_host *host = file->host;
	char temporary[40];
	uint32_t number = 0;
	int r = CSN_OK;

	snprintf(temporary, sizeof temporary, ".message-%ld-%08u", (long)getpid(),
	         (unsigned)(file->last + 1));
	const int fd = openat(file->folder_fd, temporary,
	                      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return host->fail(err, CSN_E_IO, "cannot write into folder %s: %s",
		                  file->folder, strerror(errno));
	bool good = write_all(fd, message) == 0;
	good &= close(fd) == 0;
	if (!good || publish(file, temporary, &number) < 0)
		r = host->fail(err, CSN_E_IO, "cannot write a message into folder %s: %s",
		               file->folder, strerror(errno));
	unlinkat(file->folder_fd, temporary, 0);
	if (r < 0)
		return r;
	file->last = number;
	if (!names_add(&file->done, number))
		host->log(host, CSN_LOG_WARN, "folder %s is full: own messages come back",
		          file->folder);
	return CSN_OK;
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct file *file = self;
	const struct csn_host *host = file->host;
	struct csn_error *err = host->op_error(op);

	if (message.len == 0)
		return host->fail(err, CSN_E_INVALID, "an empty message cannot be sent");
	if (message.len > file->limit)
		return host->fail(err, CSN_E_TOO_BIG,
		                  "message is %zu bytes, this folder takes %u", message.len,
		                  (unsigned)file->limit);
	struct names *there = malloc(sizeof *there);
	if (there == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a list");
	int r = scan(file, there, err);
	free(there);
	if (r == CSN_OK)
		r = write_message(file, message, err);
	if (r == CSN_OK)
		host->op_done(op, CSN_OK, NULL);
	return r;
}

/* ---- the rest ---------------------------------------------------------- */

static int
caps(void *self, struct csn_channel_caps *ret_caps)
{
	const struct file *file = self;

	ret_caps->direction   = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret_caps->medium      = CSN_MEDIUM_NONE;
	ret_caps->max_message = file->limit;
	ret_caps->latency_ms  = file->poll_ms;
	ret_caps->medium_name = file->medium;
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct file *file = self;

	if (op == file->receiving)
		end_receive(file, CSN_E_CANCELLED, NULL);
}

static void
rest(void *self)
{
	(void)self; /* a file that was written stays written */
}

static int
diagnose(void *self, char *text, size_t len)
{
	const struct file *file = self;

	if (len == 0)
		return CSN_E_INVALID;
	if (file->refusal[0] != '\0')
		snprintf(text, len, "%s; a message is a file 00000001.msg of 1 to %u bytes",
		         file->refusal, (unsigned)file->limit);
	else
		snprintf(text, len,
		         "folder %s: %u messages received, no new one; the other side writes "
		         "00000001.msg, 00000002.msg and so on",
		         file->folder, (unsigned)file->received);
	return CSN_OK;
}

int
file_open(struct file *file, struct csn_error *err)
{
	file->folder_fd = open(file->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (file->folder_fd < 0)
		return file->host->fail(err, CSN_E_MISSING,
		                        "no folder %s: %s; make it, or name another in "
		                        "\"folder\"",
		                        file->folder, strerror(errno));
	file->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (file->notify_fd >= 0 &&
	    inotify_add_watch(file->notify_fd, file->folder, IN_MOVED_TO | IN_CREATE) < 0) {
		close(file->notify_fd);
		file->notify_fd = -1; /* network folders: the timer finds it */
	}
	return CSN_OK;
}

void
file_close(struct file *file)
{
	if (file->receiving != NULL)
		end_receive(file, CSN_E_CANCELLED, NULL);
	if (file->folder_fd >= 0)
		close(file->folder_fd);
	if (file->notify_fd >= 0)
		close(file->notify_fd);
}

const struct csn_channel_ops file_ops = {
	.size     = sizeof file_ops,
	.caps     = caps,
	.send     = send_message,
	.receive  = receive,
	.cancel   = cancel,
	.rest     = rest,
	.diagnose = diagnose,
};
