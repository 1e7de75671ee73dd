/* What an instance does with memory: none left, none leaked, no secret in it. */
#include "core/check/check.h"

#include "core/check/heap.h"
#include "lib/hex.h"

#include <countersign/format.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <sys/stat.h>

#define CYCLES    4    /* of which the first is not counted                    */
#define REPEATS   24   /* of one failure, to tell what is kept from what is lost  */
#define FAILS_MAX 20000 /* allocations that are made to fail, evenly spread      */

/* One whole life; CSN_OK, or what create returned. */
static int
live_once(struct csn_error *err)
{
	static char untouched;
	void       *self = &untouched;
	int         r    = make_as(bench.config, &self, err);

	if (r < 0)
		return self == &untouched ? r : CSN_E_INTERNAL;
	if (self == NULL || self == &untouched)
		return CSN_E_INTERNAL;
	bench.self = self;
	exercise();
	unmake(self);
	bench_nothing_left("destroy");
	return CSN_OK;
}

static int
entries(const char *folder)
{
	DIR *dir   = opendir(folder);
	int  count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* --- leaks --------------------------------------------------------------------------- */

/* What a library keeps for later is kept once; a leak grows with every life. */
void
scene_leak(void)
{
	struct heap_state held[CYCLES] = { { 0 } };
	int               files[CYCLES] = { 0 }, tasks[CYCLES] = { 0 };
	struct csn_error  err = { 0 };
	bool              grows = true, opens = true, spawns = true;

	if (!bench_open())
		return;
	for (int i = 0; i < CYCLES; i++) {
		if (live_once(&err) < 0) {
			check_ok(false, "it cannot be created once more: %s", csn_error_text(&err));
			return;
		}
		csn_loop_step(bench.loop);
		held[i]  = heap_held(0);
		files[i] = entries("/proc/self/fd");
		tasks[i] = entries("/proc/self/task");
		if (i < 2)
			continue;
		grows &= held[i].blocks > held[i - 1].blocks;
		opens &= files[i] > files[i - 1];
		spawns &= tasks[i] > tasks[i - 1];
	}
	if (!heap_works())
		check_skip("leaked memory: the sanitizers of this build look for it");
	else if (grows)
		check_ok(false, "create, use and destroy leak no memory: %zu bytes each time, the "
		         "last asked for by %s", held[CYCLES - 1].bytes - held[CYCLES - 2].bytes,
		         heap_place(held[CYCLES - 1].youngest));
	else
		check_ok(true, "create, use and destroy leak no memory");
	check_ok(!opens, "create, use and destroy leave no descriptor open");
	check_ok(!spawns, "create, use and destroy leave no thread");
	bench_close();
}

/* --- every allocation failing in turn --------------------------------------------------- */

/* True when what create said is one of the two things it may say. */
static bool
was_orderly(int r, uint64_t at)
{
	if (r == CSN_OK || (r < 0 && r != CSN_E_INTERNAL))
		return true;
	check_ok(false, "each allocation failing: create gives an instance or a reason, and "
	         "leaves *ret_self alone (allocation %" PRIu64 ", %d)", at, r);
	return false;
}

/*
 * Does a create that fails free what it had?  Many times more, because a library may
 * keep the first failures for itself, as OpenSSL does with the latest 16.
 */
static bool
gives_back(uint64_t at)
{
	struct heap_state held[REPEATS];
	struct csn_error  err = { 0 };

	for (int i = 0; i < REPEATS; i++) {
		held[i] = heap_held(0);
		heap_fail_at(at);
		live_once(&err);
		heap_fail_at(0);
	}
	for (int i = REPEATS - 3; i < REPEATS; i++)
		if (held[i].blocks <= held[i - 1].blocks)
			return true;
	return check_ok(false, "each allocation failing: a create that fails frees what it had "
	                "(allocation %" PRIu64 " fails; what is left was asked for by %s)", at,
	                heap_place(held[REPEATS - 1].youngest));
}

void
scene_memory(void)
{
	struct csn_error err = { 0 };
	uint64_t         count, step, mark, at;

	if (!heap_works()) {
		check_skip("each allocation failing: this build has the sanitizers' malloc");
		return;
	}
	if (!bench_open())
		return;
	for (int i = 0; i < 2; i++) /* what is made once is made now             */
		live_once(&err);
	heap_fail_at(0);
	live_once(&err);
	count = heap_count();
	step  = count / FAILS_MAX + 1;
	for (at = 1; at <= count; at += step) {
		struct csn_error why = { 0 };

		mark = heap_number();
		check_doing("allocation %" PRIu64 " of %" PRIu64 " fails", at, count);
		heap_fail_at(at);
		int r = live_once(&why);
		heap_fail_at(0);
		if (!was_orderly(r, at))
			return;
		if (r < 0 && heap_held(mark).blocks > 0 && !gives_back(at))
			return;
	}
	check_ok(check_rules_hold(), "each of %" PRIu64 " allocations failing in turn is survived",
	         count);
	bench_close();
}

/* --- secrets -------------------------------------------------------------------------------- */

/* The text of a file as it is, and what it says when it is hexadecimal. */
static size_t
add_file(const char *path)
{
	char    text[1024];
	uint8_t bytes[512];
	size_t  len, found = 0;
	FILE   *file = fopen(path, "re");

	if (file == NULL) {
		check_ok(false, "--secret %s can be read: %s", path, strerror(errno));
		return 0;
	}
	setvbuf(file, NULL, _IONBF, 0); /* no copy of ours in a buffer              */
	len = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	text[len] = '\0';
	found += heap_secret_add(text, len);
	if (len > 0 && csn_hex_read((struct csn_bytes){ (const uint8_t *)text, len }, CSN_HEX_ANY,
	                            bytes, len / 2))
		found += heap_secret_add(bytes, len / 2);
	csn_wipe(text, sizeof text);
	csn_wipe(bytes, sizeof bytes);
	return found;
}

static size_t
add_options(void)
{
	const struct csn_component *c = bench.component;
	size_t                      found = 0;

	if (bench.config == NULL)
		return 0;
	for (const struct csn_option *o = c->options; o != NULL && o->key != NULL; o++) {
		const char *text;

		if (!(o->flags & CSN_OPT_SECRET) || o->type != CSN_STRING)
			continue;
		text = csn_config_text(bench.config, o->key, NULL, 512);
		if (text != NULL)
			found += heap_secret_add(text, strlen(text));
	}
	return found;
}

/* The module's own variables. */
static int
search_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t inside = (uintptr_t)bench.component;
	bool           *found  = arg;
	bool            ours   = false;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		ours |= p->p_type == PT_LOAD && inside >= info->dlpi_addr + p->p_vaddr &&
		        inside < info->dlpi_addr + p->p_vaddr + p->p_memsz;
	}
	for (int i = 0; ours && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_W) != 0 && p->p_memsz > 0)
			*found |= heap_secret_in((const void *)(info->dlpi_addr + p->p_vaddr),
			                         p->p_memsz);
	}
	return 0;
}

const uint8_t check_record[CHECK_RECORD] = {
	0xa1, 0x03, 0xa1, 0x01, 0x81, 0xa3, 0x01, 0x43, 'n', 'e', 't', 0x02, 0x01, 0x03,
	0x54, 'c', 'h', 'e', 'c', 'k', 'e', 'r', ' ', 'p', 'a', 's', 's', 'p', 'h', 'r',
	'a', 's', 'e', ' ', '7',
};

static void
exercise_format(void)
{
	const struct csn_format_ops *ops = bench.component->ops.format;
	struct csn_buf              *text = NULL, *back = NULL;
	struct csn_error             err = { 0 };

	if (bench.component->kind != CSN_KIND_FORMAT || !CSN_HAS(ops, encode))
		return;
	enter("encode");
	int r = ops->encode(bench.self, CSN_BYTES_OF(check_record), &text, &err);
	leave();
	if (r == CSN_OK) {
		enter("decode");
		ops->decode(bench.self, csn_buf_bytes(text), &back, &err);
		leave();
	}
	csn_buf_unref(text);
	csn_buf_unref(back);
}

void
scene_secret(void)
{
	size_t           count = add_options();
	struct csn_error err = { 0 };
	const void      *caller;
	bool             found = false;

	if (bench.component->kind == CSN_KIND_FORMAT || bench.component->kind == CSN_KIND_CEREMONY)
		count += heap_secret_add(check_record + CHECK_RECORD - CHECK_SECRET, CHECK_SECRET);
	for (const char *const *f = bench.secret_files; f != NULL && *f != NULL; f++)
		count += add_file(*f);
	if (count == 0)
		return; /* it was given none                                        */
	if (!heap_works()) {
		check_skip("secrets: this build has the sanitizers' malloc");
		return;
	}
	if (!bench_open())
		return;
	int r = make_as(bench.config, &bench.self, &err);
	if (r < 0) {
		check_ok(false, "it cannot be created once more: %s", csn_error_text(&err));
		return;
	}
	exercise_format();
	exercise();
	unmake(bench.self);
	bench_nothing_left("destroy");
	bool freed = heap_secret_freed(&caller);
	const char *who = freed ? heap_place(caller) : "";
	check_ok(!freed, "no secret is in memory that was given back%s%s",
	         !freed                               ? ""
	         : strncmp(who, "countersign-check", 17) == 0
	                 ? ": a buffer with one is not marked secret"
	                 : ": freed by ",
	         strncmp(who, "countersign-check", 17) == 0 ? "" : who);
	dl_iterate_phdr(search_segments, &found);
	check_ok(!found && !heap_secret_held(), "no secret is in memory after destroy");
	bench_close();
}
