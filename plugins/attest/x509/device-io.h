/* What the files that read and write for attest/x509 share. */
#ifndef CSN_ATTEST_X509_DEVICE_IO_H
#define CSN_ATTEST_X509_DEVICE_IO_H

#include "device.h"

struct x509_io {
	const struct csn_host *host;
	struct csn_error      *err;
};

/* The whole of a regular file, with a zero behind it; malloced. */
int x509_io_read(const struct x509_io *in, const char *path, char **ret_text, size_t *ret_len);
/* The next line that is not empty or a comment, without blanks around; NULL at the end. */
char *x509_io_line(char **text, unsigned *line);
/* Exactly @len bytes of hex. */
bool x509_io_unhex(const char *text, uint8_t *ret, size_t len);

/*
 * crl-numbers.c: refuses revocation lists with a lower number than one that was loaded
 * before, by any run, and keeps the numbers of these for the next.
 */
int x509_crl_numbers(const struct x509_io *in, const struct x509_devices *devices);

#endif
