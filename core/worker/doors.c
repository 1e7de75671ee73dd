/*
 * Plugins and their libraries know nothing of a worker: these functions stand before the
 * C library's of the same name.  For a name that is a door they ask the core, for any
 * other they make the system call, and the sandbox has its say.  They are a courtesy:
 * nothing is safe because of them, and who goes round them gets EPERM.
 */
#undef _FORTIFY_SOURCE
#include "core/worker/doors.h"

#include "core/isolate/doors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define DOORS_MAX 16

static const char     *doors[DOORS_MAX]; /* live as long as the process         */
static size_t          door_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* one question at a time */

int
doors_add(const char *name)
{
	if (door_count == DOORS_MAX || strlen(name) > DOOR_NAME_MAX)
		return -1;
	doors[door_count++] = name;
	return 0;
}

static bool
is_door(const char *name)
{
	for (size_t i = 0; i < door_count; i++)
		if (strcmp(doors[i], name) == 0)
			return true;
	return false;
}

/* ---- asking ------------------------------------------------------------------- */

static int
take(struct door_answer *ret_answer)
{
	struct iovec part = { ret_answer, sizeof *ret_answer };
	union {
		struct cmsghdr head;
		char           room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
		                  .msg_controllen = sizeof control };
	int           fd = -1;
	ssize_t       n;

	do
		n = recvmsg(DOOR_FD, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof *ret_answer) {
		ret_answer->error = EPIPE; /* the core goes                      */
		return -1;
	}
	const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head != NULL && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof fd);
	return fd;
}

/* The descriptor, or -1 with the answer's error, or with none when one only looked. */
static int
ask(enum door_what what, int flags, const char *name, struct door_answer *ret_answer)
{
	struct door_ask question = { .what = what, .flags = flags };
	size_t          len = strlen(name);
	int             fd = -1;

	memcpy(question.name, name, len);
	*ret_answer = (struct door_answer){ .error = EPIPE };
	pthread_mutex_lock(&lock);
	if (send(DOOR_FD, &question, offsetof(struct door_ask, name) + len, MSG_NOSIGNAL) > 0)
		fd = take(ret_answer);
	pthread_mutex_unlock(&lock);
	return fd;
}

/* What the core opened does not wait; whoever asked may want to. */
static void
let_wait(int fd, bool wait)
{
	int flags = fcntl(fd, F_GETFL);

	if (wait && flags >= 0)
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

/* ---- before the C library's --------------------------------------------------- */

static bool
has_mode(int flags)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

static int
open_any(const char *path, int flags, mode_t mode)
{
	struct door_answer answer;

	if (!is_door(path))
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	int fd = ask(DOOR_OPEN, flags, path, &answer);
	if (fd < 0)
		errno = answer.error != 0 ? answer.error : EIO;
	else
		let_wait(fd, (flags & O_NONBLOCK) == 0);
	return fd;
}

/* What a compiler that checks calls at run time makes of open(), and the names for large files. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags) __attribute__((alias("__open_2")));
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int
open(const char *path, int flags, ...)
{
	va_list args;
	mode_t  mode = 0;

	va_start(args, flags);
	if (has_mode(flags))
		mode = va_arg(args, mode_t);
	va_end(args);
	return open_any(path, flags, mode);
}

int
__open_2(const char *path, int flags)
{
	return open_any(path, flags, 0);
}

int
stat(const char *path, struct stat *st)
{
	struct door_answer answer;

	if (!is_door(path))
		return (int)syscall(SYS_newfstatat, AT_FDCWD, path, st, 0);
	(void)ask(DOOR_LOOK, 0, path, &answer);
	if (answer.error != 0) {
		errno = answer.error;
		return -1;
	}
	memset(st, 0, sizeof *st);
	st->st_mode = answer.mode;
	return 0;
}

/* A socket of the internet is a placeholder until it is connected: there are none in here. */
int
socket(int domain, int type, int protocol)
{
	bool inet = door_count > 0 && (domain == AF_INET || domain == AF_INET6);

	return (int)syscall(SYS_socket, inet ? AF_UNIX : domain, type, inet ? 0 : protocol);
}

static void
name_of(const struct sockaddr *to, socklen_t len, char name[sizeof(struct sockaddr_un)])
{
	const struct sockaddr_in  *in = (const void *)to;
	const struct sockaddr_in6 *in6 = (const void *)to;
	const struct sockaddr_un  *un = (const void *)to;
	char                       host[INET6_ADDRSTRLEN] = "";
	uint16_t                   port = 0;

	name[0] = '\0';
	if (to->sa_family == AF_UNIX && len > offsetof(struct sockaddr_un, sun_path)) {
		snprintf(name, sizeof *un, "%.*s",
		         (int)(len - offsetof(struct sockaddr_un, sun_path)), un->sun_path);
		return;
	}
	if (to->sa_family == AF_INET && len >= sizeof *in) {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		port = ntohs(in->sin_port);
	} else if (to->sa_family == AF_INET6 && len >= sizeof *in6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		port = ntohs(in6->sin6_port);
	}
	snprintf(name, sizeof *un, "%s:%u", host, (unsigned)port);
}

/* Until a connection under way is made, or is not. */
static int
wait_for(int fd)
{
	int       error = 0;
	socklen_t len = sizeof error;

	while (poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1) < 0 && errno == EINTR)
		continue;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

int
connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	const struct sockaddr *to = address.__sockaddr__; /* the C library's own way */
	char               name[sizeof(struct sockaddr_un)];
	struct door_answer answer;

	name_of(to, len, name);
	if (!is_door(name))
		return (int)syscall(SYS_connect, fd, to, len);
	int given = ask(DOOR_CONNECT, 0, name, &answer);
	if (given >= 0) {
		bool wait = (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
		int  kept = fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0;

		if (wait && answer.error == EINPROGRESS)
			answer.error = wait_for(given);
		let_wait(given, wait);
		if (dup3(given, fd, kept) < 0)
			answer.error = errno;
		close(given);
	}
	errno = answer.error;
	return answer.error == 0 ? 0 : -1;
}
