/* trust: who could have changed a module, and whether it is one we know. */
#include "core/plugin/trust.h"

#include "kit/tap.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* SHA-256 of "abc", from FIPS 180. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char folder[] = TEST_BUILDDIR "/tests/trust-XXXXXX";
static char module[512], list_path[512];
static int  sealed;

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0)
		exit(99);
}

static void
refused(int got, const struct csn_error *err, const char *want, const char *what)
{
	if (!tap_ok(got == CSN_E_REFUSED && strcmp(err->text, want) == 0, "%s", what))
		tap_note("got %d, %s", got, err->text);
}

static void
test_modes(void)
{
	static const struct {
		const char *what, *by;
		unsigned    folder, file;
		int         ok;
	} cases[] = {
		{ "a file and folder of our own", NULL, 0755, 0644, 1 },
		{ "a file the group can write", "its group", 0755, 0664, 0 },
		{ "a file everyone can write", "everyone", 0755, 0646, 0 },
		{ "a folder the group can write", "its group", 0775, 0644, 0 },
		{ "a folder everyone can write, sticky or not", "everyone", 01777, 0644, 0 },
	};
	char digest[65], want[1100];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct csn_error err = { 0 };
		int              in_folder = (cases[i].folder & 022) != 0, got;

		if (chmod(folder, cases[i].folder) < 0 || chmod(module, cases[i].file) < 0)
			exit(99);
		got = csn_trust_file(module, NULL, digest, &sealed, &err);
		snprintf(want, sizeof want, "%s can be written by %s (mode %04o)",
		         in_folder ? folder : module, cases[i].by,
		         in_folder ? cases[i].folder : cases[i].file);
		if (cases[i].ok)
			tap_ok(got == CSN_OK && strcmp(digest, ABC) == 0, "%s", cases[i].what);
		else
			refused(got, &err, want, cases[i].what);
	}
	chmod(folder, 0755);
	chmod(module, 0644);
}

static void
test_owner(void)
{
	struct csn_error err = { 0 };
	char             digest[65], want[1100];
	int              got;

	if (geteuid() != 0) {
		tap_skip("a file of somebody else", "only root can give a file away");
		return;
	}
	if (chown(module, 12345, 0) < 0)
		exit(99);
	got = csn_trust_file(module, NULL, digest, &sealed, &err);
	snprintf(want, sizeof want, "%s belongs to user 12345, must be root or user 0", module);
	refused(got, &err, want, "a file of somebody else");
	if (chown(module, 0, 0) < 0)
		exit(99);
}

static void
test_files(void)
{
	struct csn_error err = { 0 };
	char             digest[65], path[600], want[1100];

	refused(csn_trust_file("channel_x.so", NULL, digest, &sealed, &err), &err,
	        "channel_x.so is no absolute path", "a path that is not absolute");
	refused(csn_trust_folder(".", &err), &err, ". is no absolute path",
	        "a folder that is not absolute");
	snprintf(path, sizeof path, "%s/link.so", folder);
	if (symlink(module, path) < 0)
		exit(99);
	snprintf(want, sizeof want, "%s: is a symbolic link", path);
	refused(csn_trust_file(path, NULL, digest, &sealed, &err), &err, want, "a symbolic link");
	unlink(path);
	if (mkfifo(path, 0600) < 0)
		exit(99);
	snprintf(want, sizeof want, "%s is not a regular file", path);
	refused(csn_trust_file(path, NULL, digest, &sealed, &err), &err, want, "a pipe, without waiting");
	unlink(path);
	snprintf(want, sizeof want, "%s: No such file or directory", path);
	tap_ok(csn_trust_file(path, NULL, digest, &sealed, &err) == CSN_E_MISSING &&
	               strcmp(err.text, want) == 0 && digest[0] == '\0',
	       "a file that is not there");
	snprintf(want, sizeof want, "%s is not a folder", module);
	refused(csn_trust_folder(module, &err), &err, want, "a folder that is a file");
}

static void
test_list(void)
{
	struct csn_trust_list *list = NULL;
	struct csn_error       err = { 0 };
	char                   digest[65], want[1100];

	write_file(list_path, "# ours\n\n" ABC "  lib/channel_x.so\n");
	tap_is(csn_trust_list_read(list_path, &list, &err), CSN_OK, "a list is read");
	tap_is(csn_trust_file(module, list, digest, &sealed, &err), CSN_OK, "a module that is in it");
	write_file(module, "abd");
	snprintf(want, sizeof want, "%s has another digest than the list of digests says", module);
	refused(csn_trust_file(module, list, digest, &sealed, &err), &err, want, "a module that was changed");
	csn_trust_list_free(list);
	write_file(module, "abc");

	write_file(list_path, ABC "  channel_y.so\n");
	csn_trust_list_read(list_path, &list, &err);
	snprintf(want, sizeof want, "%s is not in the list of digests", module);
	refused(csn_trust_file(module, list, digest, &sealed, &err), &err, want,
	        "a module of another name with the same bytes");
	csn_trust_list_free(list);

	write_file(list_path, "");
	csn_trust_list_read(list_path, &list, &err);
	refused(csn_trust_file(module, list, digest, &sealed, &err), &err, want, "an empty list trusts nothing");
	csn_trust_list_free(list);

	write_file(list_path, ABC "  channel_y.so\nabc channel_x.so\n");
	list = NULL;
	snprintf(want, sizeof want, "%s:2: wanted a SHA-256 in lower-case hex, two spaces and a "
	         "file name", list_path);
	tap_ok(csn_trust_list_read(list_path, &list, &err) == CSN_E_CONFIG && list == NULL &&
	               strcmp(err.text, want) == 0, "a list with a broken line is no list");
	chmod(list_path, 0666);
	snprintf(want, sizeof want, "%s can be written by everyone (mode 0666)", list_path);
	refused(csn_trust_list_read(list_path, &list, &err), &err, want,
	        "nor one that everyone can write");
}

/* ---- signers ------------------------------------------------------------------ */

static char sig_path[520];

/* What core/plugin/trust.h says is signed, written here by hand; @spoil is the byte to spoil. */
static void
write_sig(EVP_PKEY *key, const char *text, int spoil)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t     sig[64];
	size_t      len = sizeof sig;
	char        hex[130];

	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sig, &len, (const uint8_t *)text, strlen(text)) != 1)
		exit(99);
	EVP_MD_CTX_free(ctx);
	if (spoil >= 0)
		sig[spoil] ^= 1;
	for (size_t i = 0; i < sizeof sig; i++)
		snprintf(hex + 2 * i, 3, "%02x", sig[i]);
	strcpy(hex + 128, "\n");
	write_file(sig_path, hex);
}

static void
write_keys(const char *path, EVP_PKEY *a, EVP_PKEY *b)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || PEM_write_PUBKEY(file, a) != 1 ||
	    (b != NULL && PEM_write_PUBKEY(file, b) != 1) || fclose(file) != 0)
		exit(99);
}

#define SIGNED "countersign plugin 1\nchannel_x.so\n" ABC "\n"

static void
test_signers(void)
{
	EVP_PKEY              *ours = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY              *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY              *p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	struct csn_trust_list *list = NULL;
	struct csn_error       err = { 0 };
	char                   digest[65], want[1100], byte;
	static const struct {
		const char *what, *text;
		int         spoil, by_other;
	} lies[] = {
		{ "a signature with a bit turned in R", SIGNED, 0, 0 },
		{ "a signature with a bit turned in S", SIGNED, 40, 0 },
		{ "a signature by nobody we know", SIGNED, -1, 1 },
		{ "a signature of a file of another name",
		  "countersign plugin 1\nchannel_y.so\n" ABC "\n", -1, 0 },
		{ "a signature of another file",
		  "countersign plugin 1\nchannel_x.so\naa7816bf8f01cfea414140de5dae2223b00361a3"
		  "96177a9cb410ff61f20015ad\n", -1, 0 },
		{ "a signature of the bare digest", ABC, -1, 0 },
	};

	snprintf(sig_path, sizeof sig_path, "%s.sig", module);
	write_keys(list_path, other, ours);
	tap_is(csn_trust_signers_read(list_path, &list, &err), CSN_OK, "two signers are read");
	snprintf(want, sizeof want, "no signature %s: No such file or directory", sig_path);
	refused(csn_trust_file(module, list, digest, &sealed, &err), &err, want,
	        "a module nobody signed");
	write_sig(ours, SIGNED, -1);
	tap_ok(csn_trust_file(module, list, digest, &sealed, &err) == CSN_OK &&
	               strcmp(digest, ABC) == 0 && sealed >= 0,
	       "a module one of them signed");
	write_file(module, "abX");
	tap_ok(pread(sealed, &byte, 1, 2) == 1 && byte == 'c',
	       "what was judged stays when the file is changed");
	tap_ok(fcntl(sealed, F_GET_SEALS) ==
	               (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) &&
	               write(sealed, "x", 1) < 0,
	       "and is sealed: nobody can change it");
	close(sealed);
	snprintf(want, sizeof want, "%s was made by none of the signers for this file", sig_path);
	refused(csn_trust_file(module, list, digest, &sealed, &err), &err, want,
	        "the changed file is refused");
	write_file(module, "abc");
	csn_trust_list_free(list);

	list = NULL;
	write_keys(list_path, ours, NULL);
	csn_trust_signers_read(list_path, &list, &err);
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		write_sig(lies[i].by_other ? other : ours, lies[i].text, lies[i].spoil);
		refused(csn_trust_file(module, list, digest, &sealed, &err), &err, want,
		        lies[i].what);
	}
	snprintf(want, sizeof want, "%s is no signature of 128 hex digits", sig_path);
	write_file(sig_path, "00");
	refused(csn_trust_file(module, list, digest, &sealed, &err), &err, want,
	        "a signature that is cut off");
	char zeros[131];
	memset(zeros, '0', 130);
	zeros[130] = '\0';
	write_file(sig_path, zeros);
	refused(csn_trust_file(module, list, digest, &sealed, &err), &err, want,
	        "a signature with more behind it");
	zeros[128] = '\0';
	zeros[5] = 'G';
	write_file(sig_path, zeros);
	refused(csn_trust_file(module, list, digest, &sealed, &err), &err, want,
	        "a signature in other digits");

	write_sig(ours, SIGNED, -1);
	tap_is(csn_trust_file(module, list, digest, &sealed, &err), CSN_OK, "signed again");
	close(sealed);
	csn_trust_list_free(list);
	list = NULL;
	write_keys(list_path, ours, p256);
	snprintf(want, sizeof want, "%s: a signer's key must be Ed25519", list_path);
	tap_ok(csn_trust_signers_read(list_path, &list, &err) == CSN_E_CONFIG &&
	               strcmp(err.text, want) == 0, "signers of another kind are none");
	write_file(list_path, "nothing\n");
	snprintf(want, sizeof want, "%s holds no public key", list_path);
	tap_ok(csn_trust_signers_read(list_path, &list, &err) == CSN_E_CONFIG &&
	               strcmp(err.text, want) == 0, "a file without a key names nobody");
	chmod(list_path, 0666);
	snprintf(want, sizeof want, "%s can be written by everyone (mode 0666)", list_path);
	refused(csn_trust_signers_read(list_path, &list, &err), &err, want,
	        "signers that everyone can write are none");
	csn_trust_list_free(list);
	unlink(sig_path);
	EVP_PKEY_free(ours);
	EVP_PKEY_free(other);
	EVP_PKEY_free(p256);
}

int
main(void)
{
	umask(022);
	if (mkdtemp(folder) == NULL || chmod(folder, 0755) < 0)
		return 99;
	snprintf(module, sizeof module, "%s/channel_x.so", folder);
	snprintf(list_path, sizeof list_path, "%s/digests", folder);
	write_file(module, "abc");
	test_modes();
	test_owner();
	test_files();
	test_list();
	chmod(list_path, 0644);
	test_signers();
	unlink(module);
	unlink(list_path);
	rmdir(folder);
	return tap_done();
}
