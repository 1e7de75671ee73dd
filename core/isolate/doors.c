/* Opens for a worker what the options of its channel name, and nothing else. */
#include "core/isolate/int.h"

#include "core/isolate/doors.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ASKS_MAX    400u /* a second; a device that is away is asked for often */
#define OPEN_FLAGS  (O_ACCMODE | O_APPEND | O_NOFOLLOW)
#define HEAD        offsetof(struct door_ask, name)

struct isolate_door {
	struct isolate_door *next;
	struct addrinfo     *address; /* NULL: a path                          */
	char                 name[];
};

/* ---- which there are ---------------------------------------------------------- */

/* "HOST:PORT" or "[HOST]:PORT", in numbers: nothing is looked up. */
static struct addrinfo *
address_of(const char *text)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		                        .ai_socktype = SOCK_STREAM };
	const char           *colon = strrchr(text, ':');
	struct addrinfo      *found = NULL;
	char                  host[64];

	if (colon == NULL || (size_t)(colon - text) >= sizeof host)
		return NULL;
	snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
	return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

int
isolate_doors_add(struct isolate *iso, const struct csn_option *row, const char *text)
{
	struct addrinfo *address = row->type == CSN_STRING ? address_of(text) : NULL;

	if (row->type != CSN_PATH && address == NULL)
		return CSN_OK;
	struct isolate_door *door = calloc(1, sizeof *door + strlen(text) + 1);
	if (door == NULL) {
		if (address != NULL)
			freeaddrinfo(address);
		return CSN_E_NOMEM;
	}
	memcpy(door->name, text, strlen(text) + 1);
	door->address = address;
	door->next = iso->doors;
	iso->doors = door;
	return CSN_OK;
}

void
isolate_doors_done(struct isolate *iso)
{
	struct isolate_door *door;

	while ((door = iso->doors) != NULL) {
		iso->doors = door->next;
		if (door->address != NULL)
			freeaddrinfo(door->address);
		free(door);
	}
}

/* ---- opening ------------------------------------------------------------------ */

/* Never waits, and never takes what is behind it by surprise: it is made nothing of. */
static int
open_path(const char *name, int flags, struct door_answer *answer)
{
	struct stat st;
	int         fd;

	if ((flags & (O_CREAT | O_TRUNC)) != 0) {
		answer->error = EPERM;
		return -1;
	}
	fd = open(name, (flags & OPEN_FLAGS) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		answer->error = errno;
		return -1;
	}
	if (fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode) ||
	                            (S_ISREG(st.st_mode) && (flags & O_ACCMODE) == O_RDONLY)))
		return fd;
	close(fd);
	answer->error = EACCES;
	return -1;
}

static int
connect_to(const struct isolate_door *door, struct door_answer *answer)
{
	struct sockaddr_un     un = { .sun_family = AF_UNIX };
	const struct sockaddr *to = (const struct sockaddr *)&un;
	socklen_t              len = sizeof un;

	if (door->address != NULL) {
		to = door->address->ai_addr;
		len = door->address->ai_addrlen;
	} else if (strlen(door->name) >= sizeof un.sun_path) {
		answer->error = ENAMETOOLONG;
		return -1;
	} else {
		memcpy(un.sun_path, door->name, strlen(door->name) + 1);
	}
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, to, len) != 0)
		answer->error = errno;
	if (fd >= 0 && answer->error != 0 && answer->error != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int
open_door(const struct isolate_door *door, const struct door_ask *ask, struct door_answer *answer)
{
	struct stat st;

	if (ask->what == DOOR_CONNECT)
		return connect_to(door, answer);
	if (door->address != NULL)
		answer->error = EACCES;
	else if (ask->what == DOOR_OPEN)
		return open_path(door->name, ask->flags, answer);
	else if (stat(door->name, &st) != 0)
		answer->error = errno;
	else
		answer->mode = st.st_mode;
	return -1;
}

/* ---- asked -------------------------------------------------------------------- */

static void
give(int socket, const struct door_answer *answer, int fd)
{
	struct door_answer copy = *answer;
	struct iovec       part = { &copy, sizeof copy };
	union {
		struct cmsghdr head;
		char           room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
		message.msg_control = &control;
		message.msg_controllen = sizeof control.room;
	}
	/* It has one question at a time: an answer that finds no room is for nobody. */
	(void)sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void
isolate_doors_ready(void *self, int fd, uint32_t ready)
{
	struct isolate     *iso = self;
	struct door_ask     ask = { .what = 0 };
	struct door_answer  answer = { .error = 0 };
	ssize_t             n = recv(fd, &ask, sizeof ask - 1, MSG_DONTWAIT);
	int                 opened = -1;
	struct isolate_door *door = iso->doors;

	(void)ready;
	if (n < 0)
		return;
	if (n <= (ssize_t)HEAD || ask.what < DOOR_OPEN || ask.what > DOOR_LOOK) {
		csn_loop_watch_drop(iso->door_watch); /* no question: no more answers  */
		close(iso->door_fd);
		iso->door_watch = NULL;
		iso->door_fd = -1;
		return;
	}
	while (door != NULL && strcmp(door->name, ask.name) != 0)
		door = door->next;
	if (isolate_floods(iso, &iso->asks, ASKS_MAX))
		answer.error = EAGAIN;
	else if (door == NULL)
		answer.error = EACCES;
	else
		opened = open_door(door, &ask, &answer);
	if (door == NULL && !isolate_floods(iso, &iso->refusals, 1))
		csn_log_line(iso->how.log, CSN_LOG_WARN, iso->how.label,
		             "its worker asked for %.200s, which none of its options names",
		             ask.name);
	give(fd, &answer, opened);
	if (opened >= 0)
		close(opened);
}
