/*
 * A serial line without wires: two pseudo terminals, joined, under names of the caller's
 * choice, while COMMAND runs.  Exits as COMMAND does; 125 when there is no terminal.
 *   pty_pair [-r BAUD] [-l PERCENT] [-s SEED] NAME NAME -- COMMAND [ARG...]
 * -r: bytes pass at BAUD/10 a second each way; -l: of all runs of bytes, so many percent
 * are lost, as many spoilt and as many doubled.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { FIFO = 4096, NS_PER_S = 1000000000, ON_END = 125 };

struct way { /* bytes on their way to one end                                  */
	int      to;
	uint8_t  bytes[2 * FIFO];
	size_t   len;
	uint64_t next_ns; /* before that nothing more may leave                */
};

static uint32_t rate, harm;
static uint64_t state = 1;
static int end_pipe[2];

static uint32_t
draw(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33) % below;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void
on_child(int signal)
{
	const ssize_t n = write(end_pipe[1], "", 1);

	(void)signal;
	(void)n;
}

static void
stop(const char *what)
{
	fprintf(stderr, "pty_pair: %s: %s\n", what, strerror(errno));
	exit(ON_END);
}

/* Its slave stays open here: a program that closes it does not hang up the line. */
static int
make_end(const char *name)
{
	char path[64];
	struct termios tio;
	const int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, path, sizeof path) != 0)
		stop("no pseudo terminal");
	const int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &tio) < 0)
		stop(path);
	cfmakeraw(&tio);
	tcsetattr(slave, TCSANOW, &tio);
	unlink(name);
	if (symlink(path, name) < 0)
		stop(name);
	return fd;
}

static void
take(struct way *way, int from)
{
	const ssize_t n = read(from, way->bytes + way->len, FIFO - way->len);

	if (n <= 0)
		return;
	uint8_t *at = way->bytes + way->len;
	way->len += (size_t)n;
	if (draw(100) < harm)
		way->len -= (size_t)n;
	else if (draw(100) < harm)
		at[draw((uint32_t)n)] ^= (uint8_t)(1 + draw(255));
	else if (draw(100) < harm) {
		memcpy(at + n, at, (size_t)n);
		way->len += (size_t)n;
	}
}

/* How much may leave now: what a millisecond carries, at least one byte. */
static void
give(struct way *way, uint64_t now)
{
	size_t most = rate == 0 ? sizeof way->bytes : rate / 10000 + 1;

	if (way->len == 0 || now < way->next_ns)
		return;
	const ssize_t n = write(way->to, way->bytes, way->len < most ? way->len : most);
	if (n <= 0)
		return;
	way->len -= (size_t)n;
	memmove(way->bytes, way->bytes + n, way->len);
	if (rate == 0)
		return;
	/* An idle line saves nothing up, a late wake-up of some milliseconds is made good. */
	if (way->next_ns + 20000000 < now)
		way->next_ns = now;
	way->next_ns += (uint64_t)n * 10 * NS_PER_S / rate;
}

static void
carry(int ends[2])
{
	static struct way ways[2];

	ways[0].to = ends[1];
	ways[1].to = ends[0];
	for (;;) {
		struct pollfd fds[3] = { { end_pipe[0], POLLIN, 0 }, { ends[0], 0, 0 }, { ends[1], 0, 0 } };
		uint64_t now = now_ns(), wait_ns = NS_PER_S;

		for (size_t i = 0; i < 2; i++) {
			while (ways[i].len > 0 && now >= ways[i].next_ns) {
				const size_t before = ways[i].len;
				give(&ways[i], now);
				if (ways[i].len == before)
					break;
			}
			if (ways[i].len < FIFO)
				fds[1 + i].events |= POLLIN;
			if (ways[i].len > 0 && ways[i].next_ns <= now)
				fds[2 - i].events |= POLLOUT;
			else if (ways[i].len > 0 && ways[i].next_ns - now < wait_ns)
				wait_ns = ways[i].next_ns - now;
		}
		const struct timespec wait = { 0, (long)(wait_ns - 1) };
		if (ppoll(fds, 3, &wait, NULL) < 0 && errno != EINTR)
			stop("poll");
		if (fds[0].revents != 0)
			return;
		for (size_t i = 0; i < 2; i++)
			if ((fds[1 + i].revents & POLLIN) != 0)
				take(&ways[i], ends[i]);
	}
}

int
main(int argc, char **argv)
{
	int ends[2], c, status;

	while ((c = getopt(argc, argv, "+r:l:s:")) != -1)
		switch (c) {
		case 'r': rate = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'l': harm = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 's': state = strtoul(optarg, NULL, 10); break;
		default: return 2;
		}
	if (argc - optind < 3 || pipe2(end_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return 2;
	for (int i = 0; i < 2; i++)
		ends[i] = make_end(argv[optind + i]);
	signal(SIGCHLD, on_child);
	char **command = argv + optind + 2;
	command += strcmp(*command, "--") == 0;
	const pid_t pid = fork();
	if (pid == 0) {
		execvp(command[0], command);
		perror(command[0]);
		_exit(ON_END);
	}
	carry(ends);
	waitpid(pid, &status, 0);
	unlink(argv[optind]);
	unlink(argv[optind + 1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : ON_END;
}
