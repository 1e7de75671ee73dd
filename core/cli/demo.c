/* demo: a station and a device in one folder, over files; needs no device at all. */
#include "core/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *dir, *plugins;

static const struct poptOption options[] = {
	{ "dir", 0, POPT_ARG_STRING, &dir, 0, "folder for it (default: a new temporary one)", "DIR" },
	{ "plugin-path", 0, POPT_ARG_STRING, &plugins, 0,
	  "where the plugins are (default: the installed ones)", "DIR" },
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

static int
run(struct cli *cli)
{
	char  temp[] = "/tmp/countersign-demo-XXXXXX";
	char *device[] = { "countersign", "device", "run", "--once", "--dir", "device", NULL };
	char *station[] = { "countersign", "provision", "device/manifest.cbor", "--payload",
		            "payload.json", "-c", "station/countersign.conf", NULL };
	const char *folder = dir != NULL ? dir : mkdtemp(temp);

	if (folder == NULL || cli_folder(folder, 0700) < 0)
		return cli_fail(cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-DEM-001" },
		                "cannot make a folder: %s", strerror(errno));
	int code = make_parties(folder);
	if (code != CLI_OK)
		return cli_fail(cli, code, &(struct cli_failure){ .code = "CSN-DEM-002" },
		                "the parties could not be made in %s", folder);
	pid_t pid = start(device, STDERR_FILENO);
	code      = wait_for(start(station, cli->json ? STDERR_FILENO : -1));
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
	.synopsis = "[--dir DIR]",
	.detail   = "Makes an owner, a maker and a device in a folder and provisions the device over\n"
	            "channel/file by two processes. In a checkout ./dev demo does the same over a real\n"
	            "window and real sound.",
	.options  = options,
	.run      = run,
};
