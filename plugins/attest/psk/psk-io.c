#include "psk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
read_all(int fd, uint8_t *text, size_t room, size_t *ret_len)
{
	size_t len = 0;

	while (len < room) {
		ssize_t n = read(fd, text + len, room - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	*ret_len = len;
	return 0;
}

int
psk_load(struct psk *psk, struct csn_error *err)
{
	const struct csn_host *host = psk->host;
	uint8_t                text[2 * PSK_MAX + 16];
	size_t                 len = 0;
	struct stat            st;
	const char            *why = "";
	int fd = open(psk->key_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return host->fail(err, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO, "%s: %s",
		                  psk->key_path, strerror(errno));
	int r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r < 0)
		r = host->fail(err, CSN_E_IO, "%s: %s", psk->key_path, strerror(-r));
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		r = host->fail(err, CSN_E_REFUSED,
		               "%s must be a file only its owner can read (mode %03o, wanted 600)",
		               psk->key_path, (unsigned)(st.st_mode & 0777));
	else if ((r = read_all(fd, text, sizeof text, &len)) < 0)
		r = host->fail(err, CSN_E_IO, "%s: %s", psk->key_path, strerror(-r));
	else if (psk_parse((struct csn_bytes){ text, len }, psk->key, &psk->len, &why) < 0)
		r = host->fail(err, CSN_E_CONFIG, "the key in %s: %s", psk->key_path, why);
	csn_wipe(text, sizeof text);
	close(fd);
	return r;
}
