/* demo: a station and a device in one folder, over files; needs no device at all. */
#include "core/cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *dir, *plugins, *with, *offer;
static char      **station_sets, **device_sets;

static const struct poptOption options[] = {
	{ "dir", 0, POPT_ARG_STRING, &dir, 0, "folder for it (default: a new temporary one)", "DIR" },
	{ "plugin-path", 0, POPT_ARG_STRING, &plugins, 0,
	  "where the plugins are (default: the installed ones)", "DIR" },
	{ "with", 0, POPT_ARG_STRING, &with, 0, "where one more plugin is, such as yours", "DIR" },
	{ "offer", 0, POPT_ARG_STRING, &offer, 0, "channel that carries the offer (default: file)",
	  "NAME" },
	{ "station", 0, POPT_ARG_ARGV, &station_sets, 0,
	  "an option of that channel at the station; may be repeated", "KEY=VALUE" },
	{ "device", 0, POPT_ARG_ARGV, &device_sets, 0,
	  "an option of that channel at the device; may be repeated", "KEY=VALUE" },
	POPT_TABLEEND,
};

static const char payload[] =
	"{ \"config\": { \"wifi\": [ { \"ssid\": \"workshop\", \"auth\": \"wpa2-psk\",\n"
	"  \"passphrase\": \"correct horse battery\" } ] } }\n";

/* Starts this program again with @args (NULL ends); output to @out, or ours for -1. */
static pid_t
start(char *const *args, int out)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execv("/proc/self/exe", args);
	_exit(CLI_CANNOT);
}

static int
wait_for(pid_t pid)
{
	int status = 0;

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : CLI_INTERNAL;
}

static int
call(const char *const *args)
{
	return wait_for(start((char *const *)(uintptr_t)args, STDERR_FILENO));
}

static int
make_parties(const char *folder)
{
	const char *path = plugins ? plugins : PLUGINDIR;
	const char *const setup[] = { "countersign", "setup", "--dir", "station", "--plugin-path",
		                      path, NULL };
	const char *const make[] = { "countersign", "manufacture", "--out", "device", "--owner",
		                     "station/owner/owner-1.key", "--plugin-path", path, NULL };
	const char *const init[] = { "countersign", "device", "init", "--dir", "device", NULL };

	if (chdir(folder) < 0)
		return CLI_CANNOT;
	int code = call(setup);
	if (code == CLI_OK)
		code = call(make);
	if (code == CLI_OK && link("maker/maker-1.pem", "station/trust/makers/maker-1.pem") < 0 &&
	    errno != EEXIST)
		code = CLI_CANNOT;
	if (code == CLI_OK && cli_write("payload.json", payload, sizeof payload - 1, 0600) < 0)
		code = CLI_CANNOT;
	return code == CLI_OK ? call(init) : code;
}

/* KEY=VALUE as a member of a group: numbers and true and false as they are, else a text. */
static void
write_member(FILE *out, const char *set)
{
	const char *equals = strchr(set, '=');
	const char *value  = equals != NULL ? equals + 1 : "";
	bool        plain  = value[0] != '\0' && (value[strspn(value, "-0123456789")] == '\0' ||
                                          strcmp(value, "true") == 0 ||
                                          strcmp(value, "false") == 0);

	fprintf(out, " %.*s = %s", equals != NULL ? (int)(equals - set) : (int)strlen(set), set,
	        plain ? "" : "\"");
	for (; *value != '\0'; value++)
		fprintf(out, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	fputs(plain ? ";" : "\";", out);
}

static void
write_line(FILE *out, const char *line, size_t len, const char *more, char **sets)
{
	if (more != NULL && len > 9 && strncmp(line, "plugins :", 9) == 0) {
		fprintf(out, "plugins : { path = [ \"%s\", \"%s\" ]; };",
		        plugins ? plugins : PLUGINDIR, more);
	} else if (offer != NULL && memmem(line, len, "role = \"offer\"", 14) != NULL) {
		fprintf(out, "  { role = \"offer\"; use = \"%s\";", offer);
		for (; sets != NULL && *sets != NULL; sets++)
			write_member(out, *sets);
		fputs(" },", out);
	} else {
		fwrite(line, 1, len, out);
	}
}

/* The parties' own configuration, but for where plugins are and what carries the offer. */
static int
edit_config(const char *path, const char *more, char **sets)
{
	uint8_t *bytes = NULL;
	char    *text  = NULL;
	size_t   len = 0, text_len = 0;
	int      r   = cli_read(path, 65536, &bytes, &len);
	FILE    *out = r == 0 ? open_memstream(&text, &text_len) : NULL;

	for (size_t at = 0; out != NULL && at < len;) {
		const uint8_t *end = memchr(bytes + at, '\n', len - at);
		const size_t   n   = end != NULL ? (size_t)(end - bytes) - at : len - at;

		write_line(out, (const char *)bytes + at, n, more, sets);
		fputc('\n', out);
		at += n + 1;
	}
	r = out == NULL || fclose(out) != 0 ? -1 : cli_write(path, text, text_len, 0644);
	free(text);
	free(bytes);
	return r;
}

static int
edit_configs(const char *more)
{
	return (more == NULL && offer == NULL) ||
	       (edit_config("station/countersign.conf", more, station_sets) >= 0 &&
	        edit_config("device/device.conf", more, device_sets) >= 0);
}

static int
run(struct cli *cli)
{
	char  temp[] = "/tmp/countersign-demo-XXXXXX";
	char *device[] = { "countersign", "device", "run", "--once", "--dir", "device", NULL };
	char *station[] = { "countersign", "provision", "device/manifest.cbor", "--payload",
		            "payload.json", "-c", "station/countersign.conf", NULL };
	const char *folder = dir != NULL ? dir : mkdtemp(temp);
	char       *more   = with != NULL ? realpath(with, NULL) : NULL;

	if (with != NULL && more == NULL)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-DEM-003", .found = with },
		                "--with names no folder: %s", strerror(errno));
	if (folder == NULL || cli_folder(folder, 0700) < 0)
		return cli_fail(cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-DEM-001" },
		                "cannot make a folder: %s", strerror(errno));
	int code = make_parties(folder);
	if (code != CLI_OK)
		return cli_fail(cli, code,
		                &(struct cli_failure){ .code = "CSN-DEM-002",
		                                       .next = "take a folder that is new: --dir FOLDER" },
		                "the parties could not be made in %s", folder);
	if (!edit_configs(more))
		return cli_fail(cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-DEM-002" },
		                "the configurations in %s could not be written", folder);
	free(more);
	pid_t pid = start(device, STDERR_FILENO);
	code      = wait_for(start(station, cli->json ? STDERR_FILENO : -1));
	/* Nothing comes any more: the device would wait for a person to stop it. */
	if (code != CLI_OK && pid > 0)
		kill(pid, SIGTERM);
	int other = wait_for(pid);
	json_object_set_new(cli->doc, "folder", json_string(folder));
	json_object_set_new(cli->doc, "station_exit", json_integer(code));
	json_object_set_new(cli->doc, "device_exit", json_integer(other));
	cli_line(cli, "everything is in %s", folder);
	return code != CLI_OK ? code : other;
}

const struct cli_command cli_demo = {
	.name     = "demo",
	.summary  = "see it work: a station and a device on this machine, no hardware",
	.synopsis = "[--dir DIR] [--offer NAME --station KEY=VALUE --device KEY=VALUE]",
	.detail   = "Makes an owner, a maker and a device in a folder and provisions the device over\n"
	            "channel/file by two processes; --offer, --with and the options of its two ends send\n"
	            "the offer over another channel, such as one you write. In a checkout ./dev demo does the same over a real\n"
	            "window and real sound.",
	.options  = options,
	.run      = run,
};
