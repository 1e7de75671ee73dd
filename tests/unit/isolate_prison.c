/*
 * The prison: what a plugin in a worker may not do, by each kind of worker, and the doors
 * that the options of a channel open to it.
 */
#include "unit/isolate_kit.h"

#include "core/isolate/wire.h"
#include "core/isolate/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- what nobody may ----------------------------------------------------------- */

#define DEADLY -1

enum { VERIFIER, ALONE, WITH_DOOR, WITH_FOLDER, WITH_MEDIA, PRISONS };

static const struct {
	const char *word, *what;
	int         want[PRISONS]; /* errno, 0: allowed, DEADLY               */
} attempts[] = {
	{ "open", "open a file", { EPERM, EPERM, EPERM, EACCES, EPERM } },
	{ "create", "create a file", { EPERM, EPERM, EPERM, EACCES, EPERM } },
	{ "mem", "open its own memory as a file", { EPERM, EPERM, EPERM, EACCES, EPERM } },
	{ "stat", "ask whether a file is there", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "unlink", "remove a file", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "chmod", "change a file's mode", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "chdir", "change its folder", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "inet", "make a socket of the internet", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "unix", "make a socket of this machine", { EPERM, EPERM, 0, EPERM, EPERM } },
	{ "connect", "connect a socket", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "bind", "give a socket a name", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "datagram", "make a socket that reaches any other",
	  { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "pair", "make a pair of sockets of which each reaches any other",
	  { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "netlink", "make a socket to the kernel", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "fork", "make another process", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "kill", "send the core a signal", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "tgkill", "send another process's thread a signal",
	  { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "dumpable", "let itself be looked into", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "limits", "change its limits", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "uring", "use io_uring", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "tty", "type into a terminal", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "exec-memory", "map memory that can be run", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "make-exec", "make its memory one that can be run",
	  { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "shm", "open shared memory by its key", { EPERM, EPERM, EPERM, EPERM, EPERM } },
	{ "memfd", "make a file in memory", { EPERM, EPERM, EPERM, EPERM, 0 } },
	{ "thread", "start a thread", { EPERM, 0, 0, 0, 0 } },
	{ "execve", "run a program", { DEADLY, DEADLY, DEADLY, DEADLY, DEADLY } },
	{ "ptrace", "trace a process", { DEADLY, DEADLY, DEADLY, DEADLY, DEADLY } },
	{ "peek", "read a process's memory", { DEADLY, DEADLY, DEADLY, DEADLY, DEADLY } },
	{ "unshare", "make a namespace", { DEADLY, DEADLY, DEADLY, DEADLY, DEADLY } },
	{ "bpf", "load a program into the kernel", { DEADLY, DEADLY, DEADLY, DEADLY, DEADLY } },
};

/* A verifier does as its evidence says. */
static const struct answer *
judge(struct isolate *iso, const char *word)
{
	static struct answer      a;
	static struct csn_verdict verdict;
	struct csn_evidence       evidence = { .size = sizeof evidence, .type = "bars",
		                               .value = bytes_of(word) };

	verdict = (struct csn_verdict){ .size = sizeof verdict };
	struct csn_op *op = op_for(iso, &a, isolate_attest_ops.cancel);
	if (isolate_attest_ops.verify(iso, op, &evidence, &verdict) < 0)
		exit(99);
	run(&a);
	return &a;
}

static const struct answer *
obeyed(struct isolate *iso, int prison, const char *word)
{
	return prison == VERIFIER ? judge(iso, word) : tell_again(iso, word);
}

static void
test_attempts(const char *where, struct isolate *iso, int prison)
{
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
		int                  want = attempts[i].want[prison];
		const struct answer *a = obeyed(iso, prison, attempts[i].word);
		char                 text[64], what[128];

		snprintf(what, sizeof what, "%s may %s%s", where, want == 0 ? "" : "not ",
		         attempts[i].what);
		snprintf(text, sizeof text, "%s %d", attempts[i].word, want);
		if (want == DEADLY)
			is_answer(a, CSN_E_IO, "made a system call that is forbidden", what);
		else
			is_answer(a, CSN_E_REFUSED, text, what);
	}
#if !SANITIZED
	is_answer(obeyed(iso, prison, "memory"), CSN_E_REFUSED, "memory 12",
	          "two gigabytes of memory are more than it gets");
#endif
}

/* A ruleset is for ever, so another process asks. */
static bool
has_landlock(void)
{
	int   status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(landlock_enter(NULL, 0, false) > 0 ? 0 : 1);
	waitpid(pid, &status, 0);
	return status == 0;
}

static void
test_prisons(const char *room)
{
	static const struct {
		const char *where, *name, *media, *gate;
		uint32_t    kind;
	} prisons[PRISONS] = {
		[VERIFIER] = { "a verifier", "prisoner", NULL, NULL, CSN_KIND_ATTEST },
		[ALONE] = { "a channel", "prisoner", NULL, NULL, CSN_KIND_CHANNEL },
		[WITH_DOOR] = { "with a door it", "prisoner", NULL, "/dev/null", CSN_KIND_CHANNEL },
		[WITH_FOLDER] = { "with a folder it", "prisoner", NULL, "", CSN_KIND_CHANNEL },
		[WITH_MEDIA] = { "with a media it", "prisoner-av", "cell", NULL, CSN_KIND_CHANNEL },
	};

	for (int i = 0; i < PRISONS; i++) {
		struct csn_isolation how = how_to(prisons[i].kind, prisons[i].name, prisons[i].media);
		const char          *gate = prisons[i].gate;

		if (i == WITH_FOLDER && !has_landlock()) {
			tap_skip(prisons[i].where, "this kernel has no Landlock");
			continue;
		}
		if (gate != NULL)
			how.config = options("gate = \"%s\";", gate[0] != '\0' ? gate : room);
		struct isolate *iso = make(&how);
		test_attempts(prisons[i].where, iso, i);
		isolate_destroy(iso);
	}
}

/* A recording is a file a picture: the one path an option of the media names. */
static void
test_room(void)
{
	struct csn_isolation how = how_to(CSN_KIND_CHANNEL, "prisoner-av", "cell");
	char                 room[] = "/tmp/csn-room-XXXXXX", text[4096], path[64];

	if (mkdtemp(room) == NULL)
		exit(99);
	snprintf(path, sizeof path, "%s/file", room);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	how.media_config = options("room = \"%s\";", room);
	struct isolate *iso = make(&how);
	const struct answer *a;

	snprintf(text, sizeof text, "read %s", path);
	a = tell(iso, text);
	if (!has_landlock()) {
		is_answer(a, CSN_E_REFUSED, "read 1", "without Landlock not even its path is opened");
	} else {
		is_answer(a, CSN_E_REFUSED, "read 0", "it may read beneath its path");
		is_answer(tell(iso, "open"), CSN_E_REFUSED, "open 13", "Landlock: nothing beside it");
		is_answer(tell(iso, "create"), CSN_E_REFUSED, "create 13",
		          "Landlock: nothing is written");
		snprintf(text, sizeof text, "read %s/../../etc/passwd", room);
		is_answer(tell(iso, text), CSN_E_REFUSED, "read 13", "Landlock: nothing above it");
	}
	isolate_destroy(iso);
	unlink(path);
	rmdir(room);
}

/* ---- doors -------------------------------------------------------------------- */

/* Tells it a word made of @fmt, which ends with the number @want. */
__attribute__((format(printf, 4, 5))) static void
told(struct isolate *iso, const char *what, int want, const char *fmt, ...)
{
	char    word[256], text[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(word, sizeof word, fmt, args);
	va_end(args);
	snprintf(text, sizeof text, "%.*s %d", (int)strcspn(word, " "), word, want);
	is_answer(tell_again(iso, word), CSN_E_REFUSED, text, what);
}

static struct isolate *
with_gate(const char *gate)
{
	struct csn_isolation how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);

	how.config = options("gate = \"%s\";", gate);
	return make(&how);
}

static void
test_pipe(const char *room)
{
	char pipe[128];

	snprintf(pipe, sizeof pipe, "%s/pipe", room);
	if (mkfifo(pipe, 0600) != 0)
		exit(99);
	struct isolate *iso = with_gate(pipe);
	told(iso, "the core opens a pipe that an option names", 0, "read %s", pipe);
	told(iso, "to write as well", 0, "write %s", pipe);
	told(iso, "nothing beside it", EPERM, "read %s", "/etc/passwd");
	told(iso, "nor by another way to the same place", EPERM, "read /proc/self/root%s", pipe);
	told(iso, "who asks the core for another file is refused", EACCES, "ask 1 0 %s",
	     "/etc/passwd");
	told(iso, "or looks for one", EACCES, "ask 3 0 %s", "/etc/passwd");
	told(iso, "or calls somebody", EACCES, "ask 2 0 %s", "127.0.0.1:22");
	told(iso, "nothing is made for it", EPERM, "ask 1 %d %s", O_CREAT | O_RDWR, pipe);
	told(iso, "a pipe is not called", ECONNREFUSED, "ask 2 0 %s", pipe);
	told(iso, "a thousand questions in a second are too many", EAGAIN, "ask-often 3 0 %s", pipe);
	tap_is(isolate_ended(iso), 0, "it lived through all of this");
	told(iso, "a question that is none is the last", -1, "ask 9 0 %s", pipe);
	isolate_destroy(iso);
	unlink(pipe);
}

static void
test_file(const char *room)
{
	char path[128];

	snprintf(path, sizeof path, "%s/key", room);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	struct isolate *iso = with_gate(path);
	told(iso, "a file that an option names is opened to read", 0, "read %s", path);
	told(iso, "and not to write", EACCES, "write %s", path);
	isolate_destroy(iso);
	unlink(path);
}

static void
test_terminal(void)
{
	int   fd = posix_openpt(O_RDWR | O_NOCTTY);
	char  bytes[8] = "";

	if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0)
		exit(99);
	struct isolate *iso = with_gate(ptsname(fd));
	told(iso, "a terminal is opened, set and written to; nothing is typed into it",
	     1000 + EPERM, "terminal %s", ptsname(fd));
	tap_ok(read(fd, bytes, sizeof bytes) == 3 && memcmp(bytes, "raw", 3) == 0,
	       "what was written came out of its other end");
	isolate_destroy(iso);
	close(fd);
}

static void
heard(int listener, const char *what)
{
	char bytes[8] = "";
	int  fd = accept(listener, NULL, NULL);

	tap_ok(fd >= 0 && read(fd, bytes, 5) == 5 && memcmp(bytes, "hello", 5) == 0, "%s", what);
	close(fd);
}

static void
test_sockets(const char *room)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t          len = sizeof in;
	int                here = socket(AF_UNIX, SOCK_STREAM, 0), net = socket(AF_INET, SOCK_STREAM, 0);
	char               port[16];

	snprintf(un.sun_path, sizeof un.sun_path, "%.80s/sock", room);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(here, (void *)&un, sizeof un) != 0 || listen(here, 1) != 0 ||
	    bind(net, (void *)&in, sizeof in) != 0 || listen(net, 1) != 0 ||
	    getsockname(net, (void *)&in, &len) != 0)
		exit(99);
	struct isolate *iso = with_gate(un.sun_path);
	told(iso, "a daemon's socket that an option names is found and connected", 0, "join %s",
	     un.sun_path);
	heard(here, "the daemon heard it");
	isolate_destroy(iso);

	struct csn_isolation how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
	snprintf(port, sizeof port, "%u", (unsigned)ntohs(in.sin_port));
	how.config = options("mark = \"127.0.0.1:%s\";", port);
	iso = make(&how);
	told(iso, "an address and a port that an option names are called", 0, "call %s", port);
	heard(net, "and answer");
	told(iso, "another port is not", EPERM, "call %s", "1");
	isolate_destroy(iso);
	close(here);
	close(net);
	unlink(un.sun_path);
}

static void
test_folder(const char *room)
{
	char path[128], beside[128];

	if (!has_landlock()) {
		struct csn_isolation how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
		struct csn_error     err = { 0 };
		struct isolate      *none = NULL;

		how.config = options("gate = \"%s\";", room);
		tap_ok(isolate_create(&how, &none, &err) == CSN_E_UNSUPPORTED &&
		               strstr(err.text, "Landlock") != NULL,
		       "without Landlock a channel of a folder is refused, with the reason");
		return;
	}
	snprintf(path, sizeof path, "%s/new", room);
	snprintf(beside, sizeof beside, "%s-beside", room);
	struct isolate *iso = with_gate(room);
	told(iso, "in a folder that an option names files are made", 0, "make %s", path);
	told(iso, "and read", 0, "read %s", path);
	told(iso, "and removed", 0, "remove %s", path);
	told(iso, "nothing is made beside it", EACCES, "make %s", beside);
	told(iso, "nothing is removed beside it", EACCES, "remove %s", "/etc/passwd");
	told(iso, "nothing is read above it", EACCES, "read %s/../../etc/passwd", room);
	isolate_destroy(iso);
}

/* ---- what it can see ---------------------------------------------------------- */

/* The core's keys: in its memory, its environment and in a file it has open. */
static void
test_canary(void)
{
	static char             key[] = "canary-secret-key"; /* stays in our memory */
	struct csn_isolation    how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
	char                    path[] = "/tmp/csn-canary-XXXXXX";
	int                     fd = mkstemp(path), open_fd = dup2(fd, 9);

	if (fd < 0 || open_fd != 9 || write(fd, key, sizeof key) < 0 || setenv("STATION_KEY", key, 1))
		exit(99);
	FILE *f = fopen(path, "a");
	if (f == NULL || fputs("\n", f) < 0 || fclose(f) != 0)
		exit(99);
	how.config = options("mark = \"what it was told\";");
	struct isolate *iso = make(&how);
	is_answer(tell(iso, "canary"), CSN_E_REFUSED, "canary 0",
	          "no key is in its memory, environment or descriptors");
	is_answer(tell(iso, "fds"), CSN_E_REFUSED, "fds 1",
	          "of descriptors it has three, the socket and its own loop's");
	const struct answer *a = tell(iso, "mark");
	tap_ok(a->result == CSN_E_REFUSED && strncmp(a->text, "mark ", 5) == 0 && a->text[5] > '0',
	       "what it was told is found by the same search");
	isolate_destroy(iso);
	close(fd);
	close(9);
	unsetenv("STATION_KEY");
	unlink(path);
}

int
main(void)
{
	char room[] = "/tmp/csn-doors-XXXXXX";

	begin();
	if (mkdtemp(room) == NULL)
		return 99;
	test_prisons(room);
	test_room();
	test_pipe(room);
	test_file(room);
	test_terminal();
	test_sockets(room);
	test_folder(room);
	test_canary();
	rmdir(room);
	return end();
}
