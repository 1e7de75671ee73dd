/* trust: who could have changed a module, and whether it is one we know. */
#include "core/trust.h"

#include "kit/tap.h"

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
	unlink(module);
	unlink(list_path);
	rmdir(folder);
	return tap_done();
}
