#include "core/isolate/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

enum {
	VERSION_FLAG      = 1 << 0,
	RULE_PATH_BENEATH = 1,

	WRITE_FILE = 1 << 1,
	READ_FILE  = 1 << 2,
	READ_DIR   = 1 << 3,
	REMOVE     = 1 << 5, /* a file                                        */
	MAKE_REG   = 1 << 8,
	TRUNCATE   = 1 << 14,
};

/* The kernel's ABI: later members are left out for an older one by the size. */
struct ruleset {
	uint64_t fs, net, scoped;
};

struct beneath {
	uint64_t access;
	int32_t  fd;
} __attribute__((packed));

/* Every access to files each version can refuse. */
static uint64_t
all_fs(int abi)
{
	unsigned bits = abi < 2 ? 13 : abi < 3 ? 14 : abi < 5 ? 15 : 16;

	return (UINT64_C(1) << bits) - 1;
}

static int
add_path(int ruleset, const char *path, bool write, uint64_t known)
{
	struct beneath rule = { .access = READ_FILE | READ_DIR };
	struct stat    st;
	int            r = 0;

	rule.fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.fd < 0)
		return errno == ENOENT ? 0 : -errno; /* nothing there to be opened */
	if (write)
		rule.access |= WRITE_FILE | REMOVE | MAKE_REG | TRUNCATE;
	rule.access &= known;
	if (fstat(rule.fd, &st) != 0)
		r = -errno;
	else if (!S_ISDIR(st.st_mode))
		rule.access &= READ_FILE | WRITE_FILE | TRUNCATE;
	if (r == 0 &&
	    syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0)
		r = -errno;
	close(rule.fd);
	return r;
}

int
landlock_enter(const char *const *paths, size_t count, bool write)
{
	struct ruleset attr = { 0 };
	long           abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);
	size_t         size = sizeof attr.fs;
	int            r = 0;

	if (abi < 1)
		return abi < 0 ? -errno : -ENOSYS;
	attr.fs = all_fs((int)abi);
	if (abi >= 4) { /* bind and connect TCP */
		attr.net = 3;
		size += sizeof attr.net;
	}
	if (abi >= 6) { /* abstract sockets, signals */
		attr.scoped = 3;
		size += sizeof attr.scoped;
	}
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_path(ruleset, paths[i], write, attr.fs);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		r = -errno;
	close(ruleset);
	return r < 0 ? r : (int)abi;
}
