#ifndef PROMPT_TTY_H
#define PROMPT_TTY_H

#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/prompt.h>

#include <termios.h>

#define TTY_LINE_MAX 64

struct tty {
	const struct csn_host *host;
	char *device;
	int fd; /* -1: nothing is asked                    */
	struct termios before;
	int echo_off;
	struct csn_watch *watch;
	struct csn_timer *timer; /* after a TELL                         */
	struct csn_op *op;
	uint32_t question, min_len, max_len;
	char line[TTY_LINE_MAX];
	size_t len;
};

extern const struct csn_prompt_ops tty_ops;
extern const struct csn_component tty_component;
int tty_create(const struct csn_host *host, const struct csn_config *config,
	       void **ret_self, struct csn_error *err);
void tty_destroy(void *self);

#endif
