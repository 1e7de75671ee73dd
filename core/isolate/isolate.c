/* The life of a worker: started, watched, ended, started again. */
#include "core/isolate/int.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS     20000u /* GStreamer may have to look at all its plugins  */
#define LEAVE_MS     3000u
#define DESTROY_MS   3000 /* a channel may say a last word, at most 2 s     */
#define HANG_MS      5000u
#define AGAIN_MS     50u
#define AGAIN_MAX_MS 5000u
#define SOUND_NS     (10 * CSN_SECOND) /* who lived so long starts from anew     */
#define OUT_MAX      (4u << 20)
#define READ_MAX     65536u
#define LAST_READS   64
#define WAIT_MS      200 /* between two looks at the clock                       */

static void on_timer(void *self);
static void on_readable(void *self, int fd, uint32_t ready);

/* ---- ending ------------------------------------------------------------------- */

static void
set_timer(struct isolate *iso, uint32_t ms)
{
	csn_loop_timer_drop(iso->timer);
	iso->timer = csn_loop_timer_add(iso->how.loop, csn_loop_now(iso->how.loop) + ms * CSN_MS,
	                                on_timer, iso);
}

static void
close_socket(struct isolate *iso)
{
	struct isolate_out *out;

	csn_loop_watch_drop(iso->fd_watch);
	csn_loop_watch_drop(iso->out_watch);
	csn_loop_watch_drop(iso->door_watch);
	iso->fd_watch = iso->out_watch = iso->door_watch = NULL;
	if (iso->fd >= 0)
		close(iso->fd);
	if (iso->door_fd >= 0)
		close(iso->door_fd);
	iso->fd = iso->door_fd = -1;
	while ((out = iso->out) != NULL) {
		iso->out = out->next;
		wire_free(out->bytes, out->len);
		free(out);
	}
	iso->out_end = &iso->out;
	iso->out_bytes = 0;
	wire_in_done(&iso->in);
}

/* Kills it; the rest follows when the kernel says that it is gone. */
__attribute__((format(printf, 3, 4))) static void
take_down(struct isolate *iso, int code, const char *fmt, ...)
{
	va_list args;

	if (iso->pid == 0)
		return;
	if (fmt != NULL && iso->why[0] == '\0') {
		va_start(args, fmt);
		if (vsnprintf(iso->why, sizeof iso->why, fmt, args) < 0)
			iso->why[0] = '\0';
		va_end(args);
		iso->code = code;
	}
	close_socket(iso);
	kill(iso->pid, SIGKILL);
	iso->state = ISOLATE_LEAVING;
	set_timer(iso, LEAVE_MS);
}

static void
break_rules(struct isolate *iso, enum wire_fault fault)
{
	take_down(iso, CSN_E_PROTOCOL, "its worker broke the rules of the wire (%s) and was killed",
	          wire_fault_name(fault));
}

static void
say_status(struct isolate *iso, int status)
{
	if (iso->why[0] != '\0')
		return;
	iso->code = CSN_E_IO;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		snprintf(iso->why, sizeof iso->why,
		         "its worker made a system call that is forbidden and was killed (signal %d)",
		         SIGSYS);
	else if (WIFSIGNALED(status))
		snprintf(iso->why, sizeof iso->why, "its worker crashed (signal %d, %s)",
		         WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(iso->why, sizeof iso->why, "its worker ended (exit %d)",
		         WEXITSTATUS(status));
}

/* What is left of the process: descriptors, and its last words. */
static void
clear_process(struct isolate *iso)
{
	close_socket(iso);
	if (iso->err_fd >= 0) {
		isolate_on_stderr(iso, iso->err_fd, CSN_READABLE);
		csn_loop_watch_drop(iso->err_watch);
		close(iso->err_fd);
	}
	csn_loop_watch_drop(iso->pid_watch);
	if (iso->pid_fd >= 0)
		close(iso->pid_fd);
	csn_loop_timer_drop(iso->timer);
	iso->timer = NULL;
	iso->err_watch = iso->pid_watch = NULL;
	iso->err_fd = iso->pid_fd = -1;
	iso->line_len = 0;
	iso->pid = 0;
	iso->state = ISOLATE_DOWN;
}

static uint32_t
again_ms(const struct isolate *iso)
{
	uint32_t first = iso->how.again_ms != 0 ? iso->how.again_ms : AGAIN_MS;
	uint32_t most = iso->how.again_max_ms != 0 ? iso->how.again_max_ms : AGAIN_MAX_MS;
	unsigned doublings = iso->in_a_row > 10 ? 10 : iso->in_a_row - 1;

	return first << doublings > most ? most : first << doublings;
}

/*
 * It is gone.  Asked for, or spent: as if nothing had been; else what waits is told.
 * Only who was asked starts again at once: a spent one says so itself.
 */
static void
gone(struct isolate *iso, int status)
{
	bool asked = iso->asked && iso->why[0] == '\0';
	bool spent = iso->why[0] == '\0' && WIFEXITED(status) &&
	             WEXITSTATUS(status) == WIRE_EXIT_SPENT;

	if (!asked) {
		if (iso->up_ns != 0 && csn_loop_now(iso->how.loop) - iso->up_ns > SOUND_NS)
			iso->in_a_row = 0;
		say_status(iso, status);
		iso->ended++;
		iso->in_a_row++;
		if (iso->made && !spent)
			csn_log_line(iso->how.log, CSN_LOG_WARN, iso->how.label,
			             "%s; it starts again in %u ms", iso->why,
			             (unsigned)again_ms(iso));
	}
	clear_process(iso);
	if (!asked)
		set_timer(iso, again_ms(iso));
	iso->kind->down(iso, asked || spent ? CSN_OK : iso->code);
	if (asked)
		isolate_want(iso);
}

static void
on_pid(void *self, int fd, uint32_t ready)
{
	struct isolate *iso = self;
	int             status = 0;

	(void)fd, (void)ready;
	/* Its last frames first, while its number is still its own. */
	for (int i = 0; i < LAST_READS && iso->fd >= 0; i++)
		on_readable(iso, iso->fd, CSN_READABLE);
	if (iso->pid != 0 && waitpid(iso->pid, &status, WNOHANG) == iso->pid)
		gone(iso, status);
}

void
isolate_leave(struct isolate *iso)
{
	if (iso->state != ISOLATE_UP)
		return;
	iso->asked = true;
	iso->state = ISOLATE_LEAVING;
	if (iso->out == NULL)
		shutdown(iso->fd, SHUT_WR); /* else when the rest went out     */
	set_timer(iso, LEAVE_MS);
}

/* ---- frames ------------------------------------------------------------------- */

bool
isolate_floods(struct isolate *iso, unsigned *count, unsigned most)
{
	uint64_t now = csn_loop_now(iso->how.loop);

	if (now - iso->second_ns > CSN_SECOND) {
		iso->second_ns = now;
		iso->lines = iso->notes = iso->asks = iso->refusals = 0;
	}
	return ++*count > most;
}

static void
on_ready(struct isolate *iso, const struct wire_frame *frame)
{
	if (frame->v[0].number != WIRE_VERSION) {
		take_down(iso, CSN_E_UNSUPPORTED, "its worker is of another version");
		return;
	}
	if (wire_result(&frame->v[1]) < 0) {
		iso->failed.code = wire_result(&frame->v[1]);
		snprintf(iso->failed.text, sizeof iso->failed.text, "%.*s",
		         (int)frame->v[2].bytes.len, (const char *)frame->v[2].bytes.ptr);
		take_down(iso, iso->failed.code, "%.400s", csn_error_text(&iso->failed));
		return;
	}
	iso->state = ISOLATE_UP;
	iso->up_ns = csn_loop_now(iso->how.loop);
	iso->ping = iso->pong = 0;
	set_timer(iso, (iso->how.hang_ms != 0 ? iso->how.hang_ms : HANG_MS) / 2);
	enum wire_fault fault = iso->kind->frame(iso, frame);
	if (fault != WIRE_FINE)
		break_rules(iso, fault);
	else
		iso->kind->up(iso);
}

static enum wire_fault
on_frame(struct isolate *iso, const struct wire_frame *frame)
{
	if ((frame->type == WIRE_READY) != (iso->state == ISOLATE_COMING))
		return iso->state == ISOLATE_LEAVING && frame->type != WIRE_READY ?
		               WIRE_FINE :
		               WIRE_UNEXPECTED;
	if (frame->type == WIRE_READY)
		on_ready(iso, frame);
	else if (iso->state == ISOLATE_LEAVING)
		return WIRE_FINE; /* it could not know yet                     */
	else if (frame->type != WIRE_PONG)
		return iso->kind->frame(iso, frame);
	else if (iso->pong == iso->ping || frame->v[0].number != iso->ping)
		return WIRE_UNASKED;
	else
		iso->pong = iso->ping;
	return WIRE_FINE;
}

static void
on_readable(void *self, int fd, uint32_t ready)
{
	struct isolate   *iso = self;
	struct wire_frame frame;
	enum wire_fault   fault = WIRE_FINE;
	uint8_t          *room = wire_in_room(&iso->in, READ_MAX);

	(void)ready;
	if (room == NULL) {
		take_down(iso, CSN_E_NOMEM, "no memory for what its worker says");
		return;
	}
	ssize_t n = recv(fd, room, READ_MAX, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		wire_in_add(&iso->in, (size_t)n);
	while (fault == WIRE_FINE && iso->fd >= 0 && wire_in_next(&iso->in, &frame, &fault))
		fault = on_frame(iso, &frame);
	if (fault == WIRE_FINE && n <= 0 && iso->fd >= 0)
		fault = wire_in_end(&iso->in);
	if (fault != WIRE_FINE)
		break_rules(iso, fault);
	else if (n <= 0)
		take_down(iso, CSN_OK, NULL); /* its status says more          */
}

/* ---- writing ------------------------------------------------------------------ */

static void
write_out(struct isolate *iso)
{
	struct isolate_out *out;

	while ((out = iso->out) != NULL) {
		ssize_t n = send(iso->fd, out->bytes + out->done, out->len - out->done,
		                 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n <= 0)
			return; /* full, or gone: then its end is on its way   */
		out->done += (size_t)n;
		iso->out_bytes -= (size_t)n;
		if (out->done < out->len)
			continue;
		iso->out = out->next;
		if (iso->out == NULL)
			iso->out_end = &iso->out;
		wire_free(out->bytes, out->len);
		free(out);
	}
}

static void
on_writable(void *self, int fd, uint32_t ready)
{
	struct isolate *iso = self;

	(void)fd, (void)ready;
	write_out(iso);
	if (iso->out != NULL)
		return;
	csn_loop_watch_drop(iso->out_watch);
	iso->out_watch = NULL;
	if (iso->state == ISOLATE_LEAVING)
		shutdown(iso->fd, SHUT_WR);
}

void
isolate_put_bytes(struct isolate *iso, uint8_t *bytes, size_t len)
{
	struct isolate_out *out = bytes != NULL ? calloc(1, sizeof *out) : NULL;

	if (out == NULL || iso->fd < 0 || iso->out_bytes + len > OUT_MAX) {
		wire_free(bytes, len);
		free(out);
		take_down(iso, CSN_E_NOMEM, "its worker does not take what it is told");
		return;
	}
	*out = (struct isolate_out){ NULL, bytes, len, 0 };
	*iso->out_end = out;
	iso->out_end = &out->next;
	iso->out_bytes += len;
	write_out(iso);
	if (iso->out != NULL && iso->out_watch == NULL)
		iso->out_watch = csn_loop_watch_add(iso->how.loop, iso->fd, CSN_WRITABLE,
		                                    on_writable, iso);
}

void
isolate_put(struct isolate *iso, const struct wire_frame *frame)
{
	size_t   len = 0;
	uint8_t *bytes = wire_make(frame, &len);

	isolate_put_bytes(iso, bytes, len);
}

/* The loop stands still meanwhile, so this is for answers that take no time. */
bool
isolate_wait(struct isolate *iso, const bool *answered)
{
	uint32_t       hang_ms = iso->how.hang_ms != 0 ? iso->how.hang_ms : HANG_MS;
	const uint64_t until = csn_loop_now(iso->how.loop) + hang_ms * CSN_MS;

	while (iso->state == ISOLATE_UP && !*answered) {
		struct pollfd poller = { .fd = iso->fd, .events = POLLIN };

		if (csn_loop_now(iso->how.loop) > until)
			take_down(iso, CSN_E_TIMEOUT,
			          "its worker hung: no answer within %u ms; it was killed",
			          (unsigned)hang_ms);
		else if (poll(&poller, 1, WAIT_MS) == 1)
			on_readable(iso, iso->fd, CSN_READABLE);
	}
	return *answered;
}

/* ---- starting ----------------------------------------------------------------- */

static int
watch(struct isolate *iso)
{
	iso->fd_watch = csn_loop_watch_add(iso->how.loop, iso->fd, CSN_READABLE, on_readable, iso);
	iso->err_watch = csn_loop_watch_add(iso->how.loop, iso->err_fd, CSN_READABLE,
	                                    isolate_on_stderr, iso);
	iso->pid_watch = csn_loop_watch_add(iso->how.loop, iso->pid_fd, CSN_READABLE, on_pid, iso);
	if (iso->door_fd >= 0)
		iso->door_watch = csn_loop_watch_add(iso->how.loop, iso->door_fd, CSN_READABLE,
		                                     isolate_doors_ready, iso);
	return iso->fd_watch != NULL && iso->err_watch != NULL && iso->pid_watch != NULL &&
	                       (iso->door_fd < 0 || iso->door_watch != NULL) ?
	               CSN_OK :
	               CSN_E_NOMEM;
}

static int
start(struct isolate *iso, struct csn_error *err)
{
	int r;

	iso->asked = false;
	iso->why[0] = '\0';
	iso->code = CSN_E_IO;
	iso->up_ns = 0;
	wire_in_init(&iso->in, 1);
	r = isolate_spawn(iso, err);
	if (r < 0)
		return r;
	iso->state = ISOLATE_COMING;
	set_timer(iso, READY_MS);
	if (watch(iso) < 0) {
		take_down(iso, CSN_E_NOMEM, "no memory to watch a worker");
		return csn_fail(err, CSN_E_NOMEM, "no memory to watch a worker");
	}
	isolate_put(iso, &(struct wire_frame){ .type = WIRE_SETUP,
	                                       .v = { { .bytes = { iso->setup,
	                                                           iso->setup_len } } } });
	return CSN_OK;
}

uint32_t
isolate_wait_ms(const struct isolate *iso)
{
	return iso->state == ISOLATE_DOWN && iso->timer != NULL ? again_ms(iso) : 0;
}

void
isolate_want(struct isolate *iso)
{
	struct csn_error err = { 0 };

	if (iso->state != ISOLATE_DOWN || iso->timer != NULL || !iso->kind->busy(iso))
		return;
	if (start(iso, &err) == CSN_OK || iso->pid != 0)
		return;
	snprintf(iso->why, sizeof iso->why, "%.400s", csn_error_text(&err));
	iso->in_a_row++;
	set_timer(iso, again_ms(iso));
	iso->kind->down(iso, CSN_E_IO);
}

static void
ping(struct isolate *iso)
{
	uint32_t hang_ms = iso->how.hang_ms != 0 ? iso->how.hang_ms : HANG_MS;

	if (iso->pong != iso->ping) {
		take_down(iso, CSN_E_TIMEOUT,
		          "its worker hung: no answer within %u ms; it was killed and what it "
		          "worked on dropped", (unsigned)hang_ms);
		return;
	}
	set_timer(iso, hang_ms / 2);
	if (!iso->kind->busy(iso))
		return;
	iso->ping++;
	isolate_put(iso, &(struct wire_frame){ .type = WIRE_PING,
	                                       .v = { { .number = iso->ping } } });
}

static void
on_timer(void *self)
{
	struct isolate *iso = self;

	iso->timer = NULL;
	switch (iso->state) {
	case ISOLATE_DOWN: /* the back-off is over                            */
		isolate_want(iso);
		break;
	case ISOLATE_COMING:
		take_down(iso, CSN_E_TIMEOUT, "its worker was not ready within %u ms", READY_MS);
		break;
	case ISOLATE_UP:
		ping(iso);
		break;
	case ISOLATE_LEAVING:
		if (iso->fd >= 0)
			take_down(iso, CSN_OK, NULL);
		break;
	}
}

/* ---- the instance ------------------------------------------------------------- */

bool
isolate_fits(const struct csn_component *component)
{
	return component->kind == CSN_KIND_CHANNEL || component->kind == CSN_KIND_ATTEST;
}

/* Until READY came or the worker is gone; what a loop would do, before one runs. */
static void
wait_for_ready(struct isolate *iso)
{
	const uint64_t until = csn_loop_now(iso->how.loop) + READY_MS * CSN_MS;

	while (iso->state == ISOLATE_COMING || (iso->state == ISOLATE_LEAVING && iso->pid != 0)) {
		struct pollfd polls[] = { { .fd = iso->fd, .events = POLLIN },
			                  { .fd = iso->err_fd, .events = POLLIN },
			                  { .fd = iso->pid_fd, .events = POLLIN } };

		if (poll(polls, 3, WAIT_MS) >= 0 && csn_loop_now(iso->how.loop) > until)
			take_down(iso, CSN_E_TIMEOUT, "its worker was not ready within %u ms",
			          READY_MS);
		if (polls[1].revents != 0)
			isolate_on_stderr(iso, iso->err_fd, CSN_READABLE);
		if (polls[0].revents != 0)
			on_readable(iso, iso->fd, CSN_READABLE);
		else if (polls[2].revents != 0)
			on_pid(iso, iso->pid_fd, CSN_READABLE);
	}
}

int
isolate_create(const struct csn_isolation *how, struct isolate **ret_isolate,
               struct csn_error *err)
{
	struct isolate *iso = calloc(1, sizeof *iso);

	if (iso == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a worker");
	iso->how = *how;
	iso->kind = how->component->kind == CSN_KIND_CHANNEL ? &isolate_channel : &isolate_attest;
	iso->fd = iso->err_fd = iso->pid_fd = iso->door_fd = -1;
	iso->out_end = &iso->out;
	iso->channel.end = &iso->channel.first;
	iso->verifier.end = &iso->verifier.first;
	int r = isolate_tell(iso, err);
	if (r == CSN_OK)
		r = start(iso, err);
	if (r == CSN_OK) {
		wait_for_ready(iso);
		if (iso->state != ISOLATE_UP)
			r = csn_fail(err, iso->code < 0 ? iso->code : CSN_E_IO, "%s", iso->why);
	}
	if (r < 0) {
		isolate_destroy(iso);
		return r;
	}
	iso->made = true;
	*ret_isolate = iso;
	return CSN_OK;
}

/* It may finish what it has open, a recording for instance; then it has to go. */
static void
end_process(struct isolate *iso)
{
	struct pollfd poller = { .fd = iso->pid_fd, .events = POLLIN };
	int           wait_ms = DESTROY_MS;

	if (iso->state == ISOLATE_UP || (iso->state == ISOLATE_LEAVING && iso->fd >= 0))
		shutdown(iso->fd, SHUT_WR);
	else
		wait_ms = 0;
	if (iso->door_fd >= 0)
		shutdown(iso->door_fd, SHUT_RDWR); /* nobody answers any more   */
	if (poll(&poller, 1, wait_ms) != 1) {
		kill(iso->pid, SIGKILL);
		poll(&poller, 1, DESTROY_MS);
	}
	waitpid(iso->pid, NULL, WNOHANG);
	clear_process(iso);
}

void
isolate_destroy(void *self)
{
	struct isolate *iso = self;

	if (iso == NULL)
		return;
	if (iso->pid != 0)
		end_process(iso);
	csn_loop_timer_drop(iso->timer);
	iso->kind->done(iso);
	isolate_doors_done(iso);
	wire_free(iso->setup, iso->setup_len);
	free(iso);
}

pid_t
isolate_pid(const struct isolate *iso)
{
	return iso->pid;
}

unsigned
isolate_ended(const struct isolate *iso)
{
	return iso->ended;
}
