#ifndef PROMPT_SCRIPT_H
#define PROMPT_SCRIPT_H

#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/prompt.h>

#define SCRIPT_LINES_MAX 64

struct script_job;
struct script_line;

struct script {
	const struct csn_host *host;
	char *path;
	struct script_line *lines;
	size_t count;
	struct script_job *jobs, **tail;
	struct csn_timer *timer;
};

extern const struct csn_prompt_ops script_ops;
extern const struct csn_component script_component;
int script_create(const struct csn_host *host, const struct csn_config *config,
		  void **ret_self, struct csn_error *err);
void script_destroy(void *self);

#endif
