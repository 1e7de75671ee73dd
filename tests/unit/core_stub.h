/* Components for tests of core: they keep what they were given and do nothing with it. */
#ifndef CSN_TESTS_UNIT_CORE_STUB_H
#define CSN_TESTS_UNIT_CORE_STUB_H

#include <countersign/attest.h>
#include <countersign/ceremony.h>
#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/media.h>
#include <countersign/plugin.h>
#include <countersign/store.h>

#include <stdlib.h>

struct stub {
	const struct csn_host *host;
	uint32_t               frames_per_second, mirror, ecc, code;
	int64_t                offset_us;
	char                  *title, *palette, *pin;
};

static const struct csn_option stub_options[] = {
	CSN_OPTION_U32(struct stub, frames_per_second, 10, 1, 30, "pictures a second"),
	CSN_OPTION_I64(struct stub, offset_us, -5, -1000, 5000000000, "shift of the clock"),
	CSN_OPTION_BOOL(struct stub, mirror, true, "show it as in a mirror"),
	CSN_OPTION_STRING(struct stub, title, "hello", 1, 8, "text above the picture"),
	CSN_OPTION_PATH(struct stub, palette, NULL, 0, "file of colours"),
	CSN_OPTION_CHOICE(struct stub, ecc, "M", "L|M|Q|H", "error correction"),
	{ .key = "pin", .type = CSN_STRING, .flags = CSN_OPT_SECRET, .max = 4,
	  .offset = offsetof(struct stub, pin), .help = "secret of the picture" },
	{ .key = "code", .type = CSN_U32, .flags = CSN_OPT_SECRET, .max = 9999,
	  .offset = offsetof(struct stub, code), .help = "secret number" },
	CSN_OPTION_END
};

struct stub_store {
	char *path;
};

static const struct csn_option stub_store_options[] = {
	CSN_OPTION_PATH(struct stub_store, path, NULL, CSN_OPT_REQUIRED, "file of the store"),
	CSN_OPTION_END
};

__attribute__((unused)) static int
stub_caps(void *self, struct csn_channel_caps *caps)
{
	(void)self;
	caps->max_message = 1;
	return CSN_OK;
}

__attribute__((unused)) static int
stub_media_caps(void *self, struct csn_media_caps *caps)
{
	(void)self;
	(void)caps;
	return CSN_OK;
}

__attribute__((unused)) static int
stub_start(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
	return CSN_OK;
}

__attribute__((unused)) static int
stub_begin(void *self, struct csn_session *session, const struct csn_begin *begin,
           void **ret_run, struct csn_error *err)
{
	(void)self;
	(void)session;
	(void)begin;
	(void)ret_run;
	(void)err;
	return CSN_E_UNSUPPORTED;
}

__attribute__((unused)) static int
stub_step(void *run, const struct csn_event *event)
{
	(void)run;
	(void)event;
	return CSN_OK;
}

__attribute__((unused)) static int
stub_commit(void *self, struct csn_op *op, const struct csn_store_item *items, size_t count)
{
	(void)self;
	(void)op;
	(void)items;
	(void)count;
	return CSN_OK;
}

__attribute__((unused)) static int
stub_get(void *self, struct csn_op *op, const char *space, struct csn_bytes key)
{
	(void)self;
	(void)op;
	(void)space;
	(void)key;
	return CSN_OK;
}

__attribute__((unused)) static void
stub_nothing(void *self)
{
	(void)self;
}

static const struct csn_channel_ops stub_channel_ops = {
	.size = sizeof stub_channel_ops, .caps = stub_caps,
};
static const struct csn_media_ops stub_media_ops = {
	.size = sizeof stub_media_ops, .caps = stub_media_caps, .start = stub_start,
	.stop = stub_nothing,
};
static const struct csn_ceremony_ops stub_ceremony_ops = {
	.size = sizeof stub_ceremony_ops, .begin = stub_begin, .step = stub_step,
	.end = stub_nothing,
};
static const struct csn_store_ops stub_store_ops = {
	.size = sizeof stub_store_ops, .commit = stub_commit, .get = stub_get,
};

#endif
