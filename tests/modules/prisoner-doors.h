/* What the core may open for a plugin, and what it may not; the prisoner's only. */
#ifndef CSN_TEST_PRISONER_DOORS_H
#define CSN_TEST_PRISONER_DOORS_H

#include "core/isolate/doors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* Opens as a plugin would, and says what came of it: 0, or errno. */
static int
open_it(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? errno : 0;
}

/* A terminal's settings are its own to make, its input is not. */
static int
set_terminal(const char *path)
{
	struct termios tio;
	int            fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	int            r = fd < 0 || tcgetattr(fd, &tio) < 0 ? errno : 0;

	cfmakeraw(&tio);
	if (r == 0 && (tcsetattr(fd, TCSANOW, &tio) < 0 || write(fd, "raw", 3) != 3))
		r = errno;
	if (r == 0)
		r = ioctl(fd, TIOCSTI, "x") == 0 ? 0 : 1000 + errno;
	if (fd >= 0)
		close(fd);
	return r;
}

static int
greet(int fd, const void *to, socklen_t len)
{
	int r = fd < 0 || connect(fd, to, len) < 0 || write(fd, "hello", 5) != 5 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int
join(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct stat        st;

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	if (stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return 2000 + errno;
	return greet(socket(AF_UNIX, SOCK_STREAM, 0), &un, sizeof un);
}

static int
call(const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return greet(socket(AF_INET, SOCK_STREAM, 0), &in, sizeof in);
}

/* A worker that was taken over asks for what it likes: "WHAT FLAGS NAME". */
static int
ask_for(const char *text)
{
	struct door_ask    ask = { .what = 0 };
	struct door_answer answer = { .error = -1 };
	int                used = 0;

	if (sscanf(text, "%u %d %n", &ask.what, &ask.flags, &used) < 2)
		return -2;
	snprintf(ask.name, sizeof ask.name, "%s", text + used);
	if (send(DOOR_FD, &ask, offsetof(struct door_ask, name) + strlen(ask.name), 0) < 0 ||
	    recv(DOOR_FD, &answer, sizeof answer, 0) < 0)
		return errno;
	return answer.error;
}

/* The last of many answers. */
static int
ask_often(const char *text)
{
	int r = 0;

	for (int i = 0; i < 1000; i++)
		r = ask_for(text);
	return r;
}

static int open_to_read(const char *path) { return open_it(path, O_RDONLY | O_NONBLOCK); }
static int open_to_write(const char *path) { return open_it(path, O_RDWR); }
static int make_file(const char *path) { return open_it(path, O_WRONLY | O_CREAT); }
static int remove_file(const char *path) { return unlinkat(AT_FDCWD, path, 0) < 0 ? errno : 0; }

static const struct {
	const char *name;
	int (*call)(const char *rest);
} doors[] = {
	{ "read", open_to_read }, { "write", open_to_write }, { "make", make_file },
	{ "remove", remove_file }, { "terminal", set_terminal }, { "join", join },
	{ "call", call }, { "ask", ask_for }, { "ask-often", ask_often },
};

#endif
