/* What a worker gets: a socket, its errors' pipe, the modules' bytes; nothing else. */
#include "core/isolate/int.h"

#include "core/isolate/doors.h"
#include "core/plugin/option.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SOCKET_FD 3 /* core/worker/worker.h                                    */
#define SEALED_FD 4 /* and 5; 6 is DOOR_FD                                      */
#define HIGH_FD   64 /* out of the way while they are put in order             */
#define ENV_MAX   64
#define LINES_MAX 50u /* that are logged in a second                           */

extern char **environ;

/* ---- the setup ---------------------------------------------------------------- */

static struct csn_bytes
bytes_of(const char *text)
{
	return text != NULL ? (struct csn_bytes){ (const uint8_t *)text, strlen(text) } :
	                      CSN_BYTES_NONE;
}

/* How much memory an instance's options reach over. */
static size_t
reach(const struct csn_option *rows)
{
	size_t most = 1;

	for (; rows != NULL && rows->key != NULL; rows++)
		if (rows->offset + sizeof(int64_t) > most)
			most = rows->offset + sizeof(int64_t);
	return most;
}

/*
 * The value in @self as a text; NULL: it has none.  Zero where nothing is asked for and
 * nothing was said is no value: it may lie outside of the row's own bounds.
 */
static const char *
value_text(const struct csn_option *row, const void *self, char *room, size_t len)
{
	const char *place = (const char *)self + row->offset, *choice = row->choices;
	uint32_t    small = 0;
	int64_t     large;
	char       *text;

	if (row->type == CSN_STRING || row->type == CSN_PATH) {
		memcpy(&text, place, sizeof text);
		return text;
	}
	memcpy(&large, place, sizeof large);
	memcpy(&small, place, sizeof small);
	if (row->fallback == NULL && !(row->flags & CSN_OPT_REQUIRED) &&
	    (row->type == CSN_I64 ? large == 0 : small == 0))
		return NULL;
	if (row->type == CSN_I64) {
		snprintf(room, len, "%" PRId64, large);
	} else if (row->type == CSN_BOOL) {
		return small != 0 ? "true" : "false";
	} else if (row->type == CSN_CHOICE) {
		for (; small > 0 && (choice = strchr(choice, '|')) != NULL; small--)
			choice++;
		snprintf(room, len, "%.*s", choice != NULL ? (int)strcspn(choice, "|") : 0,
		         choice != NULL ? choice : "");
	} else {
		snprintf(room, len, "%" PRIu32, small);
	}
	return room;
}

/* Options as the core has checked them, fallbacks too; @texts keeps what is made. */
static int
tell_options(struct isolate *iso, const struct csn_component *component,
             const struct csn_config *config, void *self, char (*texts)[64],
             struct wire_part *part, struct csn_error *err)
{
	const struct csn_option *row = component->options;
	bool doors = component->kind == CSN_KIND_CHANNEL && iso->how.media == NULL;
	int  r = csn_config_bind(config, component, self, err);

	for (size_t i = 0; r == CSN_OK && row != NULL && row->key != NULL; row++, i++) {
		const char *text = value_text(row, self, texts[i], sizeof texts[i]);

		if (text == NULL)
			continue;
		part->options[part->option_count++] =
		        (struct wire_option){ bytes_of(row->key), bytes_of(text) };
		if (doors)
			r = isolate_doors_add(iso, row, text);
	}
	return r;
}

static int
tell_part(struct isolate *iso, size_t at, const struct csn_component *component,
          const char *label, struct wire_part *part)
{
	const struct csn_module *module = csn_loader_module(iso->how.loader, component);

	iso->sealed[at] = module != NULL ? module->sealed_fd : -1;
	part->kind = component->kind;
	part->name = bytes_of(component->name);
	part->label = bytes_of(label);
	if (module == NULL)
		return CSN_E_MISSING;
	part->path = bytes_of(module->path);
	part->digest = bytes_of(module->digest);
	if (iso->sealed[at] >= 0)
		part->sealed_fd = SEALED_FD + at;
	return CSN_OK;
}

int
isolate_tell(struct isolate *iso, struct csn_error *err)
{
	const struct csn_component *components[] = { iso->how.component, iso->how.media };
	const struct csn_config    *configs[] = { iso->how.config, iso->how.media_config };
	const char                 *labels[] = { iso->how.label, iso->how.media_label };
	struct wire_setup          *setup = calloc(1, sizeof *setup);
	char (*texts)[WIRE_OPTIONS][64] = calloc(WIRE_PARTS, sizeof *texts);
	void *selves[WIRE_PARTS] = { NULL, NULL };
	int   trusted = 0, r = setup != NULL && texts != NULL ? CSN_OK : CSN_E_NOMEM;

	csn_loop_wall(iso->how.loop, &trusted);
	for (size_t i = 0; r == CSN_OK && i < WIRE_PARTS && components[i] != NULL; i++) {
		selves[i] = calloc(1, reach(components[i]->options));
		r = selves[i] == NULL ? CSN_E_NOMEM :
		                        tell_part(iso, i, components[i], labels[i],
		                                  &setup->parts[i]);
		if (r == CSN_OK)
			r = tell_options(iso, components[i], configs[i], selves[i],
			                 texts[i], &setup->parts[i], err);
		setup->part_count = i + 1;
	}
	if (r == CSN_OK) {
		setup->level = (uint64_t)iso->how.level;
		setup->wall_trusted = trusted != 0;
		iso->setup = wire_put_setup(setup, &iso->setup_len);
		r = iso->setup != NULL ? CSN_OK : CSN_E_NOMEM;
	}
	if (texts != NULL)
		csn_wipe(texts, WIRE_PARTS * sizeof *texts);
	for (size_t i = 0; i < WIRE_PARTS; i++)
		free(selves[i]);
	free(texts);
	free(setup);
	if (r == CSN_E_NOMEM || r == CSN_E_MISSING)
		csn_fail(err, r, "%s", r == CSN_E_NOMEM ? "no memory for a worker" :
		                                          "no module for a worker");
	return r;
}

/* ---- what it inherits --------------------------------------------------------- */

/* Where screens, sound servers and libraries are; for media only. */
static const char *const media_names[] = {
	"DISPLAY=", "XAUTHORITY=", "WAYLAND_DISPLAY=", "HOME=", "XDG_", "PULSE_", "PIPEWIRE_",
	"ALSA_", "GST_", "DBUS_SESSION_BUS_ADDRESS=", NULL,
};
static const char *const all_names[] = { "LANG=", "LC_", "TMPDIR=", "LD_LIBRARY_PATH=", NULL };

static bool
begins(const char *entry, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strncmp(entry, *names, strlen(*names)) == 0)
			return true;
	return false;
}

static void
choose_env(const struct isolate *iso, char *env[ENV_MAX])
{
	/* Code made at run time would need memory that is written and run. */
	static char orc[] = "ORC_CODE=backup";
	size_t      count = 0;

	env[count++] = orc;
	for (char **e = environ; *e != NULL && count < ENV_MAX - 1; e++)
		if (begins(*e, all_names) || (iso->how.media != NULL && begins(*e, media_names)))
			env[count++] = *e;
	env[count] = NULL;
}

struct birth {
	const char *program;
	char      **args, **env;
	int         null, err, socket, sealed[WIRE_PARTS], doors;
	pid_t       parent;
};

/* In the child: nothing but system calls from here on. */
__attribute__((noreturn)) static void
become(const struct birth *birth)
{
	const int from[] = { birth->null, birth->null, birth->err, birth->socket,
		             birth->sealed[0], birth->sealed[1], birth->doors };
	int       high[sizeof from / sizeof *from], used = 0;
	sigset_t  none;

	setsid(); /* no terminal, and Ctrl-C is the core's to handle          */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != birth->parent || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(126);
	for (size_t i = 0; i < sizeof from / sizeof *from; i++)
		high[i] = from[i] >= 0 ? fcntl(from[i], F_DUPFD, HIGH_FD) : -1;
	for (int i = 0; i < (int)(sizeof from / sizeof *from); i++) {
		if (high[i] < 0)
			close(i);
		else if (dup2(high[i], i) >= 0)
			used = i + 1;
	}
	syscall(SYS_close_range, used < SOCKET_FD + 1 ? SOCKET_FD + 1 : used, ~0U, 0);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(birth->program, birth->args, birth->env);
	_exit(127);
}

int
isolate_spawn(struct isolate *iso, struct csn_error *err)
{
	char         name[] = "countersign-worker", label[WIRE_NAME_MAX + 1];
	char        *args[] = { name, label, NULL }, *env[ENV_MAX];
	int          pair[2] = { -1, -1 }, pipes[2] = { -1, -1 }, doors[2] = { -1, -1 };
	struct birth birth = { .program = iso->how.worker,
		               .args = args,
		               .env = env,
		               .null = open("/dev/null", O_RDWR | O_CLOEXEC),
		               .sealed = { iso->sealed[0], iso->how.media ? iso->sealed[1] : -1 },
		               .parent = getpid() };

	snprintf(label, sizeof label, "%s", iso->how.label);
	choose_env(iso, env);
	if (birth.null < 0 || access(birth.program, X_OK) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0 ||
	    (iso->doors != NULL &&
	     socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, doors) != 0))
		goto fail;
	birth.socket = pair[1];
	birth.doors = doors[1];
	birth.err = pipes[1];
	iso->pid = fork();
	if (iso->pid == 0)
		become(&birth);
	if (iso->pid > 0)
		iso->pid_fd = (int)syscall(SYS_pidfd_open, iso->pid, 0);
	if (iso->pid < 0 || iso->pid_fd < 0) {
		if (iso->pid > 0)
			kill(iso->pid, SIGKILL);
		goto fail;
	}
	close(birth.null);
	close(pair[1]);
	close(pipes[1]);
	if (doors[1] >= 0)
		close(doors[1]);
	iso->fd = pair[0];
	iso->err_fd = pipes[0];
	iso->door_fd = doors[0];
	return CSN_OK;

fail:
	csn_fail(err, CSN_E_MISSING, "the worker %s cannot be started: %s", birth.program,
	         strerror(errno));
	const int all[] = { birth.null, pair[0], pair[1], pipes[0], pipes[1], doors[0], doors[1] };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] >= 0)
			close(all[i]);
	iso->pid = 0;
	return CSN_E_MISSING;
}

/* ---- its words ---------------------------------------------------------------- */

/* "<4>media screen: text" as its log writes it; what a library prints has no level. */
static void
log_line(struct isolate *iso)
{
	const char *text = iso->line;
	size_t      own = strlen(iso->how.label);
	int         level = CSN_LOG_INFO;

	iso->line[iso->line_len] = '\0';
	iso->line_len = 0;
	if (isolate_floods(iso, &iso->lines, LINES_MAX))
		return;
	if (text[0] == '<' && text[1] >= '3' && text[1] <= '7' && text[2] == '>') {
		level = text[1] - '0';
		text += 3;
	}
	if (strncmp(text, iso->how.label, own) == 0 && strncmp(text + own, ": ", 2) == 0)
		text += own + 2;
	if (text[0] != '\0')
		csn_log_line(iso->how.log, level, iso->how.label, "%s", text);
}

void
isolate_on_stderr(void *self, int fd, uint32_t ready)
{
	struct isolate *iso = self;
	char            block[4096];
	ssize_t         n = read(fd, block, sizeof block);

	(void)ready;
	for (ssize_t i = 0; i < n; i++) {
		if (block[i] == '\n' || iso->line_len == sizeof iso->line - 1)
			log_line(iso);
		if (block[i] != '\n' && block[i] != '\0')
			iso->line[iso->line_len++] = block[i];
	}
	if (n != 0)
		return;
	csn_loop_watch_drop(iso->err_watch); /* closed: nothing more comes    */
	iso->err_watch = NULL;
}
