/*
 * Tries what a plugin may not: a channel that does as each message says, with a media of
 * sound and without, and a verifier that does as its evidence says.  The answer is the
 * text of the send that fails: "open 1" is errno 1; or it is how the process ends.
 */
#include <countersign/attest.h>
#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/media.h>
#include <countersign/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define WIRE_FD 3

struct prisoner {
	const struct csn_host *host;
	char                  *mark; /* an option's text: is in memory for sure */
	struct csn_op         *receiving, *sending;
	int                    heard; /* messages wanted by "say"             */
	int                    found[2]; /* what create saw: canary, mark      */
	uint32_t               fds;
	uint32_t               count; /* an option that nobody sets           */
};

struct cell {
	const struct csn_host *host;
	char                  *room;
};

static const struct csn_option options[] = {
	CSN_OPTION_STRING(struct prisoner, mark, NULL, 0, 64, "text to look for"),
	/* Not set it is 0, which is out of its bounds and has to come through all the same. */
	{ .key = "count", .type = CSN_U32, .min = 1, .max = 9, .help = "a number",
	  .offset = offsetof(struct prisoner, count) },
	CSN_OPTION_END
};
static const struct csn_option cell_options[] = {
	CSN_OPTION_PATH(struct cell, room, NULL, 0, "folder that may be opened"),
	CSN_OPTION_END
};

/* ---- attempts ----------------------------------------------------------------- */

static long try_open(void) { return open("/etc/passwd", O_RDONLY | O_CLOEXEC); }
static long try_create(void) { return open("/tmp/prisoner", O_WRONLY | O_CREAT | O_CLOEXEC, 0600); }
static long try_mem(void) { return open("/proc/self/mem", O_RDONLY | O_CLOEXEC); }
static long try_stat(void) { struct stat st; return stat("/etc/passwd", &st); }
static long try_unlink(void) { return unlink("/tmp/prisoner"); }
static long try_chmod(void) { return chmod("/tmp/no-such-prisoner", 0600); }
static long try_inet(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static long try_unix(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }
static long try_netlink(void) { return socket(AF_NETLINK, SOCK_RAW, 0); }
static long try_fork(void) { return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL); }
static long try_kill(void) { return kill(getppid(), 0); }
static long try_signal_core(void) { return (long)syscall(SYS_tgkill, 1, 1, 0); }
static long try_dumpable(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
static long try_limits(void) { return setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1, 1 }); }
static long try_uring(void) { return syscall(425, 1, NULL); }
static long try_tty(void) { return ioctl(0, TIOCSTI, "x"); }
static long try_memfd(void) { return memfd_create("x", 0); }
static long try_shm(void) { return shmget(4711, 4096, 0600); }
static long try_chdir(void) { return chdir("/"); }
static long try_execve(void) { char *none[] = { NULL }; return execve("/bin/true", none, none); }
static long try_ptrace(void) { return ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static long try_unshare(void) { return syscall(SYS_unshare, 0x10000000); }
static long try_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0); }

static long
try_peek(void)
{
	char         byte = 0;
	struct iovec mine = { &byte, 1 }, other = { &byte, 1 };

	return process_vm_readv(getpid(), &mine, 1, &other, 1, 0);
}

static long
try_exec_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static long
try_make_exec(void)
{
	static char page[8192];

	return mprotect((void *)(((uintptr_t)page + 4095) & ~(uintptr_t)4095), 4096,
	                PROT_READ | PROT_EXEC);
}

static long
try_memory(void)
{
	char *p = mmap(NULL, (size_t)2 << 30, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static void *
thread(void *arg)
{
	return arg;
}

static long
try_thread(void)
{
	pthread_t id;
	int       r = pthread_create(&id, NULL, thread, NULL);

	if (r == 0)
		pthread_join(id, NULL);
	errno = r;
	return r == 0 ? 0 : -1;
}

static const struct {
	const char *name;
	long (*call)(void);
} attempts[] = {
	{ "open", try_open }, { "create", try_create }, { "mem", try_mem }, { "stat", try_stat },
	{ "unlink", try_unlink }, { "chmod", try_chmod }, { "inet", try_inet },
	{ "unix", try_unix }, { "netlink", try_netlink }, { "fork", try_fork },
	{ "kill", try_kill }, { "tgkill", try_signal_core }, { "dumpable", try_dumpable },
	{ "limits", try_limits }, { "uring", try_uring }, { "tty", try_tty },
	{ "memfd", try_memfd }, { "shm", try_shm }, { "chdir", try_chdir },
	{ "execve", try_execve }, { "ptrace", try_ptrace }, { "unshare", try_unshare },
	{ "bpf", try_bpf }, { "peek", try_peek }, { "exec-memory", try_exec_memory },
	{ "make-exec", try_make_exec }, { "memory", try_memory }, { "thread", try_thread },
};

/* ---- what it can see ---------------------------------------------------------- */

/* Turned round, so that this module itself does not hold what it looks for. */
static void
canary(char out[17])
{
	static const char turned[] = "yek-terces-yranac";

	for (size_t i = 0; i < 17; i++)
		out[i] = turned[16 - i];
}

static int
count_in(const char *from, size_t len, const char *what, size_t what_len)
{
	int n = 0;

	for (size_t i = 0; i + what_len <= len; i++)
		n += memcmp(from + i, what, what_len) == 0;
	return n;
}

/* All memory that can be read and written, the environment and arguments among it. */
__attribute__((no_sanitize("address"))) static int
count_in_memory(const char *what, size_t what_len)
{
	FILE         *maps = fopen("/proc/self/maps", "re");
	char          line[512], rights[5];
	unsigned long from, to;
	int           n = 0;

	while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3 && rights[0] == 'r' &&
		    rights[1] == 'w' && to - from < (64ul << 20) && strstr(line, "[v") == NULL)
			for (const char *at = (const char *)from; at + what_len <= (const char *)to; at++) {
				size_t same = 0;

				/* Not memcmp(): a sanitizer's own looks at what lies between. */
				while (same < what_len && at[same] == what[same])
					same++;
				n += at != what && same == what_len;
			}
	if (maps != NULL)
		fclose(maps);
	return n;
}

/* Descriptors other than its own four, and what can be read from any of them. */
static uint32_t
foreign_fds(const char *what, size_t what_len, int *found)
{
	uint32_t n = 0;
	char     bytes[4096];

	for (int fd = 0; fd < 1024; fd++) {
		ssize_t got;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		n += fd > WIRE_FD;
		got = pread(fd, bytes, sizeof bytes, 0);
		if (got > 0)
			*found += count_in(bytes, (size_t)got, what, what_len);
	}
	return n;
}

static void
look_around(struct prisoner *p)
{
	char key[17];

	canary(key);
	p->found[0] = count_in_memory(key, sizeof key);
	p->fds = foreign_fds(key, sizeof key, &p->found[0]);
	if (p->mark != NULL && p->mark[0] != '\0')
		p->found[1] = count_in_memory(p->mark, strlen(p->mark));
}

/* ---- the channel -------------------------------------------------------------- */

static int
fail(struct prisoner *p, struct csn_op *op, const char *what, int number)
{
	return p->host->fail(p->host->op_error(op), CSN_E_REFUSED, "%s %d", what, number);
}

static int
unhex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* A worker that was taken over writes to the socket what it likes. */
static void
write_raw(const char *hex)
{
	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
		uint8_t byte = (uint8_t)(unhex(hex[0]) << 4 | unhex(hex[1]));
		ssize_t n = write(WIRE_FD, &byte, 1);

		(void)n;
	}
}

static void
repeat_raw(const char *hex, int times)
{
	while (times-- > 0)
		write_raw(hex);
}

static int
say(struct prisoner *p, const char *text)
{
	struct csn_op *op = p->receiving;

	if (op == NULL)
		return CSN_E_MISSING;
	p->receiving = NULL;
	p->host->op_done(op, CSN_OK, p->host->buf_new(text, strlen(text), 0));
	return CSN_OK;
}

static int
obey(struct prisoner *p, struct csn_op *op, const char *word)
{
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
		if (strcmp(attempts[i].name, word) != 0)
			continue;
		errno = 0;
		long r = attempts[i].call();
		return fail(p, op, word, r < 0 ? errno : 0);
	}
	if (strncmp(word, "read ", 5) == 0) {
		int fd = open(word + 5, O_RDONLY | O_CLOEXEC);

		return fail(p, op, "read", fd < 0 ? errno : 0);
	}
	if (strcmp(word, "crash") == 0)
		__builtin_trap();
	if (strcmp(word, "abort") == 0)
		abort();
	if (strcmp(word, "hang") == 0)
		for (;;)
			__asm__ volatile("");
	if (strncmp(word, "exit ", 5) == 0)
		_exit(atoi(word + 5));
	if (strncmp(word, "raw ", 4) == 0)
		write_raw(word + 4);
	if (strncmp(word, "flood ", 6) == 0)
		repeat_raw(word + 6, 100);
	if (strncmp(word, "cut ", 4) == 0) {
		write_raw(word + 4);
		_exit(0);
	}
	if (strncmp(word, "say ", 4) == 0)
		return say(p, word + 4);
	if (strcmp(word, "canary") == 0)
		return fail(p, op, word, p->found[0]);
	if (strcmp(word, "mark") == 0)
		return fail(p, op, word, p->found[1]);
	if (strcmp(word, "fds") == 0)
		return fail(p, op, word, (int)p->fds);
	return CSN_OK;
}

static int
send_message(void *self, struct csn_op *op, struct csn_bytes message)
{
	struct prisoner *p = self;
	char             word[8192];

	snprintf(word, sizeof word, "%.*s", (int)message.len, (const char *)message.ptr);
	int r = obey(p, op, word);
	if (r == CSN_OK)
		p->host->op_done(op, CSN_OK, NULL);
	return r;
}

static int
receive(void *self, struct csn_op *op)
{
	struct prisoner *p = self;

	p->receiving = op;
	return CSN_OK;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct prisoner *p = self;

	if (p->receiving != op)
		return;
	p->receiving = NULL;
	p->host->op_done(op, CSN_E_CANCELLED, NULL);
}

static void
rest(void *self)
{
	(void)self;
}

static int
caps(void *self, struct csn_channel_caps *ret)
{
	(void)self;
	ret->direction = CSN_SEND | CSN_RECEIVE | CSN_DUPLEX;
	ret->max_message = 4096;
	ret->traits = CSN_TRAIT_PROXIMITY;
	ret->bytes_per_second = 7;
	ret->latency_ms = 9;
	ret->medium_name = "bars";
	return CSN_OK;
}

static int
caps_av(void *self, struct csn_channel_caps *ret)
{
	caps(self, ret);
	ret->medium = CSN_MEDIUM_AUDIO;
	return CSN_OK;
}

static int
feed(void *self, const struct csn_frame *in)
{
	(void)self, (void)in;
	return CSN_OK;
}

static int
render(void *self, struct csn_frame *out)
{
	(void)self;
	out->count = 0;
	return CSN_OK;
}

static const struct csn_channel_ops ops = {
	.size = sizeof ops, .caps = caps, .send = send_message, .receive = receive,
	.cancel = cancel, .rest = rest,
};
static const struct csn_channel_ops ops_av = {
	.size = sizeof ops_av, .caps = caps_av, .send = send_message, .receive = receive,
	.cancel = cancel, .rest = rest, .feed = feed, .render = render,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);

static const struct csn_component channel = {
	.size = sizeof channel, .kind = CSN_KIND_CHANNEL, .name = "prisoner",
	.summary = "does as it is told", .options = options, .create = create, .destroy = free,
	.ops.channel = &ops,
};
static const struct csn_component channel_av = {
	.size = sizeof channel_av, .kind = CSN_KIND_CHANNEL, .name = "prisoner-av",
	.summary = "does as it is told, with sound", .options = options, .create = create,
	.destroy = free, .ops.channel = &ops_av,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct prisoner *p = calloc(1, sizeof *p);

	if (p == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	p->host = host;
	int r = host->bind(config, &channel, p, err);
	if (r == CSN_OK && p->mark != NULL && strcmp(p->mark, "refuse") == 0)
		r = host->fail(err, CSN_E_MISSING, "not today");
	if (r < 0) {
		free(p);
		return r;
	}
	if (p->mark != NULL)
		look_around(p);
	*ret_self = p;
	return CSN_OK;
}

/* ---- its media ---------------------------------------------------------------- */

static int
cell_caps(void *self, struct csn_media_caps *ret)
{
	(void)self;
	ret->medium = CSN_MEDIUM_AUDIO;
	ret->direction = CSN_RECEIVE;
	ret->rate_hz = 48000;
	ret->block = 480;
	return CSN_OK;
}

static int
cell_start(void *self, struct csn_op *op)
{
	const struct cell *cell = self;

	cell->host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
cell_capture(void *self, struct csn_op *op, struct csn_frame *frame)
{
	const struct cell *cell = self;

	(void)frame;
	return cell->host->fail(cell->host->op_error(op), CSN_E_MISSING, "it is quiet in here");
}

static void
cell_stop(void *self)
{
	(void)self;
}

static const struct csn_media_ops cell_ops = {
	.size = sizeof cell_ops, .caps = cell_caps, .start = cell_start,
	.capture = cell_capture, .stop = cell_stop,
};

static int cell_create(const struct csn_host *host, const struct csn_config *config,
                       void **ret_self, struct csn_error *err);

static const struct csn_component cell = {
	.size = sizeof cell, .kind = CSN_KIND_MEDIA, .name = "cell", .summary = "a quiet place",
	.options = cell_options, .create = cell_create, .destroy = free, .ops.media = &cell_ops,
};

static int
cell_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
            struct csn_error *err)
{
	struct cell *c = calloc(1, sizeof *c);

	if (c == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	c->host = host;
	int r = host->bind(config, &cell, c, err);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret_self = c;
	return CSN_OK;
}

/* ---- the verifier ------------------------------------------------------------- */

static const char *
type(void *self)
{
	(void)self;
	return "bars";
}

static int
verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
       struct csn_verdict *verdict)
{
	struct prisoner *p = self;
	char             word[64];

	snprintf(word, sizeof word, "%.*s", (int)evidence->value.len,
	         (const char *)evidence->value.ptr);
	int r = obey(p, op, word);
	if (r < 0)
		return r;
	verdict->judgement = strcmp(word, "reject") == 0 ? CSN_REJECTED : CSN_ACCEPTED;
	verdict->trust[CSN_TRUST_HARDWARE] = -1;
	verdict->not_after = 77;
	verdict->reason_count = 1;
	verdict->reasons[0].layer = CSN_NO_LAYER;
	snprintf(verdict->reasons[0].code, sizeof verdict->reasons[0].code, "bars.%.16s", word);
	verdict->has_key = 1;
	memset(verdict->key_hash, 0x5a, sizeof verdict->key_hash);
	snprintf(verdict->reason, sizeof verdict->reason, "bars.%.16s", word);
	snprintf(verdict->facts[0].name, sizeof verdict->facts[0].name, "identity.did");
	snprintf(verdict->facts[0].value, sizeof verdict->facts[0].value, "%.*s",
	         (int)evidence->did.len, (const char *)evidence->did.ptr);
	verdict->fact_count = 1;
	p->host->op_done(op, CSN_OK, NULL);
	return CSN_OK;
}

static int
appraise(void *self, const struct csn_evidence *evidence, struct csn_verdict *verdict)
{
	(void)self;
	if (evidence->device_class != NULL && strcmp(evidence->device_class, "low") == 0)
		verdict->judgement = CSN_REJECTED;
	return evidence->device_class != NULL && strcmp(evidence->device_class, "none") == 0 ?
	               CSN_E_UNSUPPORTED :
	               CSN_OK;
}

static const struct csn_attest_ops attest_ops = {
	.size = sizeof attest_ops, .type = type, .verify = verify, .appraise = appraise,
};
static const struct csn_component attest = {
	.size = sizeof attest, .kind = CSN_KIND_ATTEST, .name = "prisoner",
	.summary = "judges as it is told", .options = options, .create = create,
	.destroy = free, .ops.attest = &attest_ops,
};

CSN_PLUGIN(channel_prisoner, .abi_minor = 9, .version = "1", .license = "Apache-2.0",
           .components = CSN_LIST(&channel, &channel_av, &cell, &attest));
