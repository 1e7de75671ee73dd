#include "core/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads exactly @len bytes. */
static int
read_full(int fd, uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int
cli_read(const char *path, size_t limit, uint8_t **ret_bytes, size_t *ret_len)
{
	struct stat st;
	uint8_t    *bytes = NULL;
	int         fd    = open(path, O_RDONLY | O_CLOEXEC);
	int         r     = fd < 0 ? -errno : 0;

	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0 && !S_ISREG(st.st_mode))
		r = -EINVAL;
	if (r == 0 && (uint64_t)st.st_size > limit)
		r = -EFBIG;
	if (r == 0 && (bytes = malloc((size_t)st.st_size + 1)) == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = read_full(fd, bytes, (size_t)st.st_size);
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		free(bytes);
		return r;
	}
	bytes[st.st_size] = 0;
	*ret_bytes = bytes;
	*ret_len   = (size_t)st.st_size;
	return 0;
}

int
cli_write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A rename is only there for good once the folder is. */
static int
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char       *folder = slash == NULL ? strdup(".") :
	                     slash == path ? strdup("/") :
	                                     strndup(path, (size_t)(slash - path));
	int         fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int         r  = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	free(folder);
	return r == -EINVAL ? 0 : r; /* a file system that has no such thing    */
}

int
cli_write(const char *path, const void *bytes, size_t len, unsigned mode)
{
	char temp[4096];
	int  n = snprintf(temp, sizeof temp, "%s.XXXXXX", path);

	if (n < 0 || (size_t)n >= sizeof temp)
		return -ENAMETOOLONG;
	int fd = mkstemp(temp);
	if (fd < 0)
		return -errno;
	int r = fchmod(fd, (mode_t)mode) < 0 ? -errno : cli_write_all(fd, bytes, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temp, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temp);
		return r;
	}
	return sync_folder(path);
}

int
cli_folder(const char *path, unsigned mode)
{
	return mkdir(path, (mode_t)mode) < 0 && errno != EEXIST ? -errno : 0;
}

char *
cli_path(const char *folder, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

bool
cli_beside(const char *relative, char path[4096])
{
	char    self[2048];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	char   *slash;

	self[len > 0 ? len : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return false;
	snprintf(path, 4096, "%.*s/%.2000s", (int)(slash - self), self, relative);
	return access(path, R_OK) == 0;
}
