/* What a plugin may not do, each by a word; the prisoner's, and nobody else's. */
#ifndef CSN_TEST_PRISONER_ATTEMPTS_H
#define CSN_TEST_PRISONER_ATTEMPTS_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
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

static long try_open(void) { return open("/etc/passwd", O_RDONLY | O_CLOEXEC); }
static long try_create(void) { return open("/tmp/prisoner", O_WRONLY | O_CREAT | O_CLOEXEC, 0600); }
static long try_mem(void) { return open("/proc/self/mem", O_RDONLY | O_CLOEXEC); }
static long try_stat(void) { struct stat st; return stat("/etc/passwd", &st); }
static long try_unlink(void) { return unlink("/tmp/prisoner"); }
static long try_chmod(void) { return chmod("/tmp/no-such-prisoner", 0600); }
static long try_inet(void) { return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }
static long try_unix(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }
static long try_datagram(void) { return socket(AF_UNIX, SOCK_DGRAM, 0); }
static long try_pair(void) { int two[2]; return socketpair(AF_UNIX, SOCK_DGRAM, 0, two); }
static long try_bind(void) { return syscall(SYS_bind, 0, &(struct sockaddr){ 0 }, sizeof(struct sockaddr)); }
static long try_connect(void) { return syscall(SYS_connect, 0, &(struct sockaddr){ 0 }, sizeof(struct sockaddr)); }
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
	{ "unix", try_unix }, { "datagram", try_datagram }, { "pair", try_pair },
	{ "bind", try_bind }, { "connect", try_connect }, { "netlink", try_netlink }, { "fork", try_fork },
	{ "kill", try_kill }, { "tgkill", try_signal_core }, { "dumpable", try_dumpable },
	{ "limits", try_limits }, { "uring", try_uring }, { "tty", try_tty },
	{ "memfd", try_memfd }, { "shm", try_shm }, { "chdir", try_chdir },
	{ "execve", try_execve }, { "ptrace", try_ptrace }, { "unshare", try_unshare },
	{ "bpf", try_bpf }, { "peek", try_peek }, { "exec-memory", try_exec_memory },
	{ "make-exec", try_make_exec }, { "memory", try_memory }, { "thread", try_thread },
};

#endif
