/*
 * Answers from a file, for tests and labs: "pin 493027", "confirm yes", "compare no".
 * Each line is used once, in its order among lines of the same word.
 */
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPT_MAX 4096

struct script_job {
	struct script_job *next;
	struct csn_op *op;
	struct csn_buf *answer;
	int result;
};

struct script_line {
	uint32_t question;
	bool used;
	char answer[16];
};

static const char *const words[] = {
	[CSN_ASK_CONFIRM] = "confirm",
	[CSN_ASK_COMPARE] = "compare",
	[CSN_ASK_PIN] = "pin",
};

/* One line of text into a row; false for one that cannot be understood. */
static bool
parse_line(char *line, struct script_line *row)
{
	char *space = strchr(line, ' ');

	if (space == NULL)
		return false;
	*space = '\0';
	for (uint32_t q = CSN_ASK_CONFIRM; q <= CSN_ASK_PIN; q++)
		if (strcmp(line, words[q]) == 0)
			row->question = q;
	size_t len = strlen(space + 1);
	if (row->question == 0 || len == 0 || len >= sizeof row->answer)
		return false;
	memcpy(row->answer, space + 1, len + 1);
	if (row->question == CSN_ASK_PIN)
		return strspn(row->answer, "0123456789") == len;
	return strcmp(row->answer, "yes") == 0 || strcmp(row->answer, "no") == 0;
}

static int
parse(struct script *script, char *text, struct csn_error *err)
{
	unsigned number = 0;

	for (char *line = text; line != NULL && *line != '\0';) {
		char *end = strchr(line, '\n');

		number++;
		if (end != NULL)
			*end++ = '\0';
		if (line[0] != '\0' && line[0] != '#') {
			if (script->count == SCRIPT_LINES_MAX)
				return script->host->fail(
					err, CSN_E_TOO_BIG, "%s: over %d answers",
					script->path, SCRIPT_LINES_MAX);
			if (!parse_line(line, &script->lines[script->count]))
				return script->host->fail(
					err, CSN_E_CONFIG,
					"%s:%u: wanted \"pin DIGITS\","
					" \"confirm yes|no\" or \"compare yes|no\"",
					script->path, number);
			script->count++;
		}
		line = end;
	}
	return CSN_OK;
}

static int
load(struct script *script, struct csn_error *err)
{
	char text[SCRIPT_MAX + 1];
	int fd = open(script->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	int r;

	if (n < 0)
		r = script->host->fail(err, errno == ENOENT ? CSN_E_MISSING : CSN_E_IO,
				       "answers %s: %s", script->path, strerror(errno));
	else if (n > SCRIPT_MAX)
		r = script->host->fail(err, CSN_E_TOO_BIG, "answers %s: over %d bytes",
				       script->path, SCRIPT_MAX);
	else {
		text[n] = '\0';
		r = parse(script, text, err);
	}
	if (fd >= 0)
		close(fd);
	csn_wipe(text, sizeof text);
	return r;
}

static void
on_timer(void *arg)
{
	struct script *script = arg;
	struct script_job *job = script->jobs;

	script->jobs = NULL;
	script->tail = &script->jobs;
	script->timer = NULL;
	while (job != NULL) {
		struct script_job *next = job->next;

		script->host->op_done(job->op, job->result, job->answer);
		free(job);
		job = next;
	}
}

static struct script_line *
next_line(struct script *script, uint32_t question)
{
	for (size_t i = 0; i < script->count; i++)
		if (script->lines[i].question == question && !script->lines[i].used)
			return &script->lines[i];
	return NULL;
}

static int
script_ask(void *self, struct csn_op *op, const struct csn_prompt *prompt)
{
	struct script *script = self;
	struct script_line *line = NULL;

	if (prompt->question < CSN_ASK_CONFIRM || prompt->question > CSN_TELL)
		return CSN_E_UNSUPPORTED;
	if (prompt->question != CSN_TELL) {
		line = next_line(script, prompt->question);
		if (line == NULL)
			return script->host->fail(
				script->host->op_error(op), CSN_E_MISSING,
				"%s has no answer left for \"%s\"", script->path,
				words[prompt->question]);
		line->used = true;
	}
	struct script_job *job = calloc(1, sizeof *job);
	if (job == NULL)
		return CSN_E_NOMEM;
	job->op = op;
	if (prompt->question == CSN_ASK_PIN) {
		job->answer = script->host->buf_new(line->answer, strlen(line->answer),
						    CSN_BUF_SECRET);
		job->result = job->answer != NULL ? CSN_OK : CSN_E_NOMEM;
		csn_wipe(line->answer, sizeof line->answer);
	} else if (line != NULL)
		job->result = strcmp(line->answer, "yes") == 0 ? CSN_OK : CSN_E_REFUSED;
	if (script->timer == NULL)
		script->timer = script->host->timer_add(script->host,
							script->host->now(script->host),
							on_timer, script);
	if (script->timer == NULL) {
		script->host->buf_unref(job->answer);
		free(job);
		return CSN_E_NOMEM;
	}
	*script->tail = job;
	script->tail = &job->next;
	return CSN_OK;
}

static void
script_cancel(void *self, struct csn_op *op)
{
	struct script *script = self;

	for (struct script_job **at = &script->jobs; *at != NULL; at = &(*at)->next) {
		struct script_job *job = *at;

		if (job->op != op)
			continue;
		*at = job->next;
		if (*at == NULL)
			script->tail = at;
		script->host->buf_unref(job->answer);
		script->host->op_done(op, CSN_E_CANCELLED, NULL);
		free(job);
		return;
	}
}

const struct csn_prompt_ops script_ops = {
	.size = sizeof script_ops,
	.ask = script_ask,
	.cancel = script_cancel,
	.answers_alone = 1,
};

int
script_create(const struct csn_host *host, const struct csn_config *config,
	      void **ret_self, struct csn_error *err)
{
	struct script *script =
		calloc(1, sizeof *script + SCRIPT_LINES_MAX * sizeof *script->lines);
	if (script == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a script");

	script->host = host;
	script->tail = &script->jobs;
	script->lines = (struct script_line *)(script + 1);
	int r = host->bind(config, &script_component, script, err);
	if (r == CSN_OK)
		r = load(script, err);
	if (r < 0)
		goto fail;
	*ret_self = script;
	return CSN_OK;

fail:
	script_destroy(script);
	return r;
}

void
script_destroy(void *self)
{
	struct script *script = self;

	if (script == NULL)
		return;
	if (script->timer != NULL)
		script->host->timer_drop(script->timer);
	while (script->jobs != NULL) {
		struct script_job *job = script->jobs;

		script->jobs = job->next;
		script->host->buf_unref(job->answer);
		free(job);
	}
	csn_wipe(script->lines, SCRIPT_LINES_MAX * sizeof *script->lines);
	free(script);
}
