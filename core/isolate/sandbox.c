/*
 * Limits, then Landlock, then the list of system calls, for all threads at once.
 *
 * What is not on the list answers EPERM, so that a library which only tries something
 * goes on; what nobody tries by accident (execve, ptrace, ...) kills the process.
 */
#include "core/isolate/sandbox.h"

#include "core/base/sanitized.h"
#include "core/isolate/landlock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* ---- system calls ------------------------------------------------------------- */

/* On descriptors that are open, on memory that is ours, and clocks. */
static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
	SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(dup), SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_create1),
	SCMP_SYS(eventfd2), SCMP_SYS(pipe2), SCMP_SYS(brk), SCMP_SYS(munmap),
	SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(membarrier),
	SCMP_SYS(rseq), SCMP_SYS(set_robust_list), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getrandom),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getrusage),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* What threads do, and who has a socket or a pipe that was opened before. */
static const int with_threads[] = {
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime),
	SCMP_SYS(pipe), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt), SCMP_SYS(shutdown), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo),
	SCMP_SYS(getcpu), SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler),
};

/* What playing and capturing does besides, on what was opened before. */
static const int with_media[] = {
	SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(memfd_create),
	SCMP_SYS(shmat), SCMP_SYS(shmdt), SCMP_SYS(shmctl), SCMP_SYS(semop),
	SCMP_SYS(semtimedop), SCMP_SYS(mlock), SCMP_SYS(munlock),
};

/* In folders that Landlock has opened for writing. */
static const int with_folders[] = {
	SCMP_SYS(getdents64), SCMP_SYS(linkat), SCMP_SYS(unlinkat), SCMP_SYS(renameat2),
	SCMP_SYS(pwrite64), SCMP_SYS(ftruncate), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
};

/* A terminal's settings and signals; not TIOCSTI, which types for a person. */
static const unsigned long of_terminals[] = {
	TCGETS, TCSETS, TCSETSW, TCSETSF, TCSBRK, TCFLSH, TIOCEXCL, TIOCMGET, TIOCMSET,
	TIOCMBIS, TIOCMBIC, TIOCOUTQ, FIONREAD,
};

/* Nobody asks for these by accident. */
static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(bpf), SCMP_SYS(mount),
	SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(keyctl), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(userfaultfd),
	SCMP_SYS(perf_event_open),
};

static int
add_all(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = seccomp_rule_add(ctx, action, calls[i], 0);
	return r;
}

#define ADD_ALL(ctx, action, list) add_all(ctx, action, list, sizeof list / sizeof *(list))

/* Calls that are harmless with some arguments only. */
static int
add_bounded(scmp_filter_ctx ctx)
{
	static const int fcntls[] = { F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC,
		                      F_ADD_SEALS, F_GET_SEALS };
	const scmp_datum_t exec = PROT_EXEC;
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	                         SCMP_A2(SCMP_CMP_MASKED_EQ, exec, 0));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		                     SCMP_A2(SCMP_CMP_MASKED_EQ, exec, 0));
	/* fstat() is newfstatat() of an empty path. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
		                     SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH, 0));
	/* abort() and raise() */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		                     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
		                     SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
	for (size_t i = 0; r == 0 && i < sizeof fcntls / sizeof *fcntls; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
		                     SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)fcntls[i], 0));
	return r;
}

/* A pair of sockets, of a stream or of packets: datagrams go to any socket with a name. */
static int
add_sockets(scmp_filter_ctx ctx, int call)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	int              r = 0;

	for (size_t i = 0; r == 0 && i < (call == SCMP_SYS(socket) ? 1 : 2); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 2,
		                     SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0),
		                     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, (scmp_datum_t)types[i]));
	return r;
}

/*
 * Threads, but no process; clone3() hides its flags in memory, so it must be missing
 * for the C library to use clone().
 */
static int
add_threads(scmp_filter_ctx ctx)
{
	const scmp_datum_t thread = 0x00010000; /* CLONE_THREAD               */
	int                r = ADD_ALL(ctx, SCMP_ACT_ALLOW, with_threads);

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		                     SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r == 0 ? add_sockets(ctx, SCMP_SYS(socketpair)) : r;
}

/* A socket that is connected to nothing is of no use but to put another in its place. */
static int
add_doors(scmp_filter_ctx ctx)
{
	int r = add_sockets(ctx, SCMP_SYS(socket));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(dup3), 0);
	for (size_t i = 0; r == 0 && i < sizeof of_terminals / sizeof *of_terminals; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		                     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, of_terminals[i]));
	return r;
}

/* Terminals understand ioctls that type for a user: those of devices only, by their letter. */
static int
add_media(scmp_filter_ctx ctx)
{
	const scmp_datum_t low = 0xffffffffu;
	int                r = ADD_ALL(ctx, SCMP_ACT_ALLOW, with_media);

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(shmget), 1,
		                     SCMP_A0(SCMP_CMP_MASKED_EQ, low, IPC_PRIVATE));
	/* The ranges of cameras (V), sound (A), framebuffers (F), DMA buffers (b), FIONREAD. */
	for (const char *type = "VAFb"; r == 0 && *type != '\0'; type++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		                     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00u,
		                             (scmp_datum_t)(unsigned char)*type << 8));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		                     SCMP_A1(SCMP_CMP_MASKED_EQ, low, FIONREAD));
	return r;
}

/* Where Landlock says which: files may be opened. */
static int
add_open(scmp_filter_ctx ctx, bool folders)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 0);

	if (r == 0 && folders)
		r = ADD_ALL(ctx, SCMP_ACT_ALLOW, with_folders);
	return r == 0 ? seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 0) : r;
}

static int
filter(const struct sandbox *sandbox, bool opens, struct csn_error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int             r = ctx == NULL ? -ENOMEM : 0;

	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = ADD_ALL(ctx, SCMP_ACT_ALLOW, always);
	if (r == 0)
		r = ADD_ALL(ctx, SCMP_ACT_KILL_PROCESS, deadly);
	if (r == 0)
		r = add_bounded(ctx);
	if (r == 0 && sandbox->threads)
		r = add_threads(ctx);
	if (r == 0 && sandbox->doors)
		r = add_doors(ctx);
	if (r == 0 && sandbox->media)
		r = add_media(ctx);
	if (r == 0 && opens)
		r = add_open(ctx, sandbox->folders);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r != 0)
		return csn_fail(err, CSN_E_UNSUPPORTED, "the kernel takes no list of system calls: %s",
		                strerror(-r));
	return CSN_OK;
}

/* ---- limits ------------------------------------------------------------------- */

static int
limit(__rlimit_resource_t what, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(what, &now) != 0)
		return -1;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
		value = now.rlim_max;
	return setrlimit(what, &(struct rlimit){ value, value });
}

#if SANITIZED
/* A sanitizer's leak check at the end is a debugger, and there are no debuggers in here. */
static bool is_sealed;
int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
	return is_sealed;
}
#endif

static int
limits(const struct sandbox *sandbox, struct csn_error *err)
{
	const rlim_t mib = 1 << 20;
#if SANITIZED
	is_sealed = true;
#endif
	int          r = limit(RLIMIT_CORE, 0);

	if (r == 0)
		r = limit(RLIMIT_NOFILE, sandbox->media ? 1024 : 64);
	if (r == 0)
		r = limit(RLIMIT_FSIZE, sandbox->media ? 4096 * mib : sandbox->write ? mib : 0);
	if (r == 0 && !SANITIZED)
		r = limit(RLIMIT_DATA, (sandbox->media ? 1024 : 256) * mib);
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		r = -1;
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		r = -1;
	return r == 0 ? CSN_OK :
	                csn_fail(err, CSN_E_INTERNAL, "limits cannot be set: %s", strerror(errno));
}

/* Landlock binds the thread that calls and those it starts. */
static bool
is_alone(void)
{
	DIR   *tasks = opendir("/proc/self/task");
	size_t count = 0;

	if (tasks == NULL)
		return false;
	for (const struct dirent *e; (e = readdir(tasks)) != NULL;)
		count += e->d_name[0] != '.';
	closedir(tasks);
	return count == 1;
}

int
sandbox_enter(const struct sandbox *sandbox, struct sandbox_report *ret_report,
              struct csn_error *err)
{
	const char *const *paths = sandbox->paths;
	bool   alone = is_alone();
	size_t count = alone ? sandbox->path_count : 0;
	int    r = limits(sandbox, err);

	if (r < 0)
		return r;
	int abi = landlock_enter(paths, count, sandbox->write);
	bool opens = abi > 0 && count > 0;
	if (sandbox->folders && !opens)
		return csn_fail(err, CSN_E_UNSUPPORTED,
		                "%s can only be opened in here where the kernel has Landlock%s; "
		                "isolation = \"none\" lets the channel run in the station",
		                sandbox->paths[0], abi > 0 ? " and no thread was started" : "");
	r = filter(sandbox, opens, err);
	if (r < 0)
		return r;
	ret_report->weaker = abi <= 0;
	if (abi > 0)
		snprintf(ret_report->text, sizeof ret_report->text,
		         "no new privileges, Landlock %d%s, %s", abi,
		         alone ? "" : " (first thread)",
		         opens ? "system calls listed, opens only its own paths" :
		                 "system calls listed, opens nothing");
	else
		snprintf(ret_report->text, sizeof ret_report->text,
		         "no new privileges, system calls listed, opens nothing; this kernel has "
		         "no Landlock (%s)", strerror(-abi));
	return CSN_OK;
}
