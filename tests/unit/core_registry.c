/* registry: needs first, reverse at the end, and a reason for whatever is missing. */
#include "core/station/registry.h"

#include "core_stub.h"
#include "kit/tap.h"

static char   trace[128];
static size_t trace_len;

static void
mark(char c)
{
	if (trace_len + 1 < sizeof trace)
		trace[trace_len++] = c;
	trace[trace_len] = '\0';
}

/* Every instance is the letter of its component; capitals when it goes. */
static const char letters[] = "amsck";

#define MAKER(letter)                                                                \
	static int make_##letter(const struct csn_host *host,                        \
	                         const struct csn_config *config, void **ret_self,   \
	                         struct csn_error *err)                              \
	{                                                                            \
		(void)host;                                                          \
		(void)config;                                                        \
		(void)err;                                                           \
		mark(#letter[0]);                                                    \
		*ret_self = (void *)(uintptr_t)(strchr(letters, #letter[0]));        \
		return CSN_OK;                                                       \
	}

MAKER(a)
MAKER(m)
MAKER(s)
MAKER(c)

static int
make_none(const struct csn_host *host, const struct csn_config *config, void **ret_self,
          struct csn_error *err)
{
	(void)config;
	(void)ret_self;
	return host->fail(err, CSN_E_IO, "the disk is full");
}

static int
make_liar(const struct csn_host *host, const struct csn_config *config, void **ret_self,
          struct csn_error *err)
{
	(void)host;
	(void)config;
	(void)ret_self;
	(void)err;
	return CSN_OK;
}

static void
gone(void *self)
{
	mark((char)(*(const char *)self - 'a' + 'A'));
}

static const struct csn_need ceremony_needs[] = {
	{ CSN_KIND_CHANNEL, 0, NULL, "to show the offer" },
	{ CSN_KIND_STORE, 0, NULL, "to remember" },
	{ 0, 0, NULL, NULL },
};
static const struct csn_need channel_needs[] = {
	{ CSN_KIND_MEDIA, 0, "gst", "to show pictures" },
	{ 0, 0, NULL, NULL },
};
static const struct csn_need maybe_needs[] = {
	{ CSN_KIND_STORE, CSN_NEED_OPTIONAL, NULL, "to go on where it stopped" },
	{ 0, 0, NULL, NULL },
};
static const struct csn_need a_needs_b[] = {
	{ CSN_KIND_CHANNEL, 0, "b", "to be whole" },
	{ 0, 0, NULL, NULL },
};
static const struct csn_need b_needs_a[] = {
	{ CSN_KIND_CHANNEL, 0, "a", "to be whole" },
	{ 0, 0, NULL, NULL },
};

#define CHANNEL(n, fn, needed)                                                     \
	{ .size = sizeof(struct csn_component), .kind = CSN_KIND_CHANNEL, .name = n, \
	  .summary = "x", .needs = needed, .create = fn, .destroy = gone,           \
	  .ops.channel = &stub_channel_ops }
#define STORE(n, fn)                                                             \
	{ .size = sizeof(struct csn_component), .kind = CSN_KIND_STORE, .name = n, \
	  .summary = "x", .create = fn, .destroy = gone, .ops.store = &stub_store_ops }

static const struct csn_component channel = CHANNEL("qr", make_c, channel_needs);
static const struct csn_component circle_a = CHANNEL("a", make_a, a_needs_b);
static const struct csn_component circle_b = CHANNEL("b", make_a, b_needs_a);
static const struct csn_component easy = CHANNEL("easy", make_a, maybe_needs);
static const struct csn_component liar = CHANNEL("liar", make_liar, NULL);
static const struct csn_component store = STORE("sqlite", make_s);
static const struct csn_component full = STORE("full", make_none);
static const struct csn_component media = {
	.size = sizeof media, .kind = CSN_KIND_MEDIA, .name = "gst", .summary = "x",
	.create = make_m, .destroy = gone, .ops.media = &stub_media_ops };
static const struct csn_component ceremony = {
	.size = sizeof ceremony, .kind = CSN_KIND_CEREMONY, .name = "csgn1", .summary = "x",
	.needs = ceremony_needs, .create = make_a, .destroy = gone,
	.ops.ceremony = &stub_ceremony_ops };

/* A component that is not careful with what it was told. */
static int
make_talker(const struct csn_host *host, const struct csn_config *config, void **ret_self,
            struct csn_error *err)
{
	(void)ret_self;
	host->log(host, CSN_LOG_INFO, "my pin is %s", csn_config_text_at(config, "pin", 0));
	return host->fail(err, CSN_E_IO, "done");
}

static const struct csn_option secret_options[] = {
	{ .key = "pin", .type = CSN_STRING, .flags = CSN_OPT_SECRET, .max = 9, .help = "x" },
	CSN_OPTION_END
};
static const struct csn_component talker = {
	.size = sizeof talker, .kind = CSN_KIND_STORE, .name = "talker", .summary = "x",
	.options = secret_options, .create = make_talker, .destroy = gone,
	.ops.store = &stub_store_ops };

static const struct csn_component *const list[] = { &channel, &circle_a, &circle_b, &easy,
	                                            &liar,    &store,    &full,     &media,
	                                            &ceremony, &talker,   NULL };
static const struct csn_plugin plugin = {
	.magic = CSN_PLUGIN_MAGIC, .size = sizeof plugin, .abi_minor = 9, .name = "test_all",
	.license = "Apache-2.0", .components = list };

#define WANT_MAX 4

static const struct {
	const char *what;
	struct {
		uint32_t    kind;
		const char *name, *label;
	} wants[WANT_MAX];
	int         code;
	const char *trace, *text;
} cases[] = {
	{ "needs come first, and go last",
	  { { CSN_KIND_CEREMONY, "csgn1", NULL }, { CSN_KIND_CHANNEL, "qr", NULL },
	    { CSN_KIND_STORE, "sqlite", NULL }, { CSN_KIND_MEDIA, "gst", "screen" } },
	  CSN_OK, "mcsaASCM", "" },
	{ "two of one component under two labels",
	  { { CSN_KIND_MEDIA, "gst", "screen" }, { CSN_KIND_MEDIA, "gst", "camera" } },
	  CSN_OK, "mmMM", "" },
	{ "a need the configuration does not have", { { CSN_KIND_CHANNEL, "qr", NULL } },
	  CSN_E_MISSING, "",
	  "channel qr is missing: needs media gst (to show pictures), which the configuration "
	  "does not have" },
	{ "a need of any name",
	  { { CSN_KIND_CEREMONY, "csgn1", NULL }, { CSN_KIND_CHANNEL, "easy", NULL } },
	  CSN_E_MISSING, "aA",
	  "ceremony csgn1 is missing: needs store (to remember), which the configuration does "
	  "not have" },
	{ "a need that could not be made",
	  { { CSN_KIND_CEREMONY, "csgn1", NULL }, { CSN_KIND_STORE, "full", NULL },
	    { CSN_KIND_CHANNEL, "easy", NULL } },
	  CSN_E_MISSING, "aA",
	  "ceremony csgn1 is missing: needs store full (to remember), which is missing: the disk "
	  "is full" },
	{ "a need that is only nice to have",
	  { { CSN_KIND_CHANNEL, "easy", NULL } }, CSN_OK, "aA", "" },
	{ "one nice to have that could not be made",
	  { { CSN_KIND_CHANNEL, "easy", NULL }, { CSN_KIND_STORE, "full", NULL } },
	  CSN_E_MISSING, "aA", "store full is missing: the disk is full" },
	{ "the second store will do where the first is broken",
	  { { CSN_KIND_STORE, "full", NULL }, { CSN_KIND_STORE, "sqlite", NULL },
	    { CSN_KIND_CEREMONY, "csgn1", NULL }, { CSN_KIND_CHANNEL, "easy", NULL } },
	  CSN_E_MISSING, "saaAAS", "store full is missing: the disk is full" },
	{ "a circle",
	  { { CSN_KIND_CHANNEL, "a", NULL }, { CSN_KIND_CHANNEL, "b", NULL } },
	  CSN_E_MISSING, "",
	  "channel a is missing: needs channel b (to be whole), which is missing: it and channel "
	  "a need each other" },
	{ "a plugin there is not", { { CSN_KIND_CHANNEL, "easyy", NULL } }, CSN_E_MISSING, "",
	  "channel easyy is missing: there is no channel plugin \"easyy\"; did you mean \"easy\"?" },
	{ "a create that says it did and did not", { { CSN_KIND_CHANNEL, "liar", NULL } },
	  CSN_E_MISSING, "", "channel liar is missing: create made nothing and said it had" },
};

static void
test_cases(struct csn_loader *loader, struct csn_loop *loop)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct csn_registry *registry = csn_registry_new(loader, loop, NULL);
		struct csn_error     err = { 0 };
		int                  r;

		trace_len = 0;
		trace[0] = '\0';
		for (size_t k = 0; k < WANT_MAX && cases[i].wants[k].name != NULL; k++)
			csn_registry_want(registry, cases[i].wants[k].kind,
			                  cases[i].wants[k].name, cases[i].wants[k].label, NULL,
			                  &err);
		r = csn_registry_start(registry, &err);
		csn_registry_free(registry);
		if (tap_ok(r == cases[i].code && strcmp(trace, cases[i].trace) == 0 &&
		                   strcmp(err.text, cases[i].text) == 0, "%s", cases[i].what))
			continue;
		tap_note("got %d, \"%s\", %s", r, trace, err.text);
	}
}

static void
test_find(struct csn_loader *loader, struct csn_loop *loop)
{
	struct csn_registry       *registry = csn_registry_new(loader, loop, NULL);
	struct csn_error           err = { 0 };
	const struct csn_instance *found;

	csn_registry_want(registry, CSN_KIND_MEDIA, "gst", "screen", NULL, &err);
	tap_ok(csn_registry_want(registry, CSN_KIND_MEDIA, "gst", "screen", NULL, &err) ==
	                       CSN_E_CONFIG &&
	               strcmp(err.text, "there are two media called screen") == 0,
	       "one label, one instance");
	tap_ok(csn_registry_find(registry, CSN_KIND_MEDIA, "screen", &err) == NULL &&
	               strcmp(err.text, "media screen is missing: it was not started") == 0,
	       "nothing is ready before the start");
	csn_registry_start(registry, &err);
	found = csn_registry_find(registry, CSN_KIND_MEDIA, NULL, &err);
	tap_ok(found != NULL && found->self != NULL && found->state == CSN_INSTANCE_READY &&
	               found->component == &media && found == csn_registry_list(registry),
	       "the first of a kind is found");
	tap_ok(csn_registry_find(registry, CSN_KIND_MEDIA, "camera", &err) == NULL &&
	               strcmp(err.text, "there is no media camera in the configuration") == 0,
	       "one that was not asked for is not");
	csn_registry_stop(registry);
	csn_registry_stop(registry);
	tap_ok(found->self == NULL && found->state == CSN_INSTANCE_WANTED, "stopping twice is fine");
	tap_is(csn_registry_start(registry, &err), CSN_OK, "and it can start again");
	csn_registry_free(registry);
}

static void
test_secret(struct csn_loader *loader, struct csn_loop *loop)
{
	static const char        path[] = TEST_BUILDDIR "/tests/registry.conf";
	FILE                    *conf = fopen(path, "w"), *out = tmpfile();
	struct csn_log          *log;
	struct csn_registry     *registry;
	struct csn_config_file  *file = NULL;
	struct csn_error         err = { 0 };
	char                     text[256] = "";

	if (out == NULL || conf == NULL ||
	    fputs("store : { use = \"talker\"; pin = \"48151623\"; };\n", conf) == EOF ||
	    fclose(conf) != 0 || csn_config_read(path, &file, &err) < 0)
		exit(99);
	log = csn_log_new(fileno(out), CSN_LOG_TEXT, CSN_LOG_INFO);
	registry = csn_registry_new(loader, loop, log);
	csn_registry_want(registry, CSN_KIND_STORE, "talker", NULL,
	                  csn_config_sub(csn_config_root(file), "store"), &err);
	csn_registry_start(registry, &err);
	rewind(out);
	tap_ok(fgets(text, sizeof text, out) != NULL &&
	               strcmp(text, "store talker: my pin is ***\n") == 0,
	       "a secret option is hidden from the log before the component is made");
	csn_registry_free(registry);
	csn_log_free(log);
	csn_config_free(file);
	fclose(out);
	remove(path);
}

int
main(void)
{
	struct csn_loader *loader = csn_loader_new(NULL, NULL);
	struct csn_loop   *loop = csn_loop_new(CSN_CLOCK_VIRTUAL);
	struct csn_error   err = { 0 };

	if (csn_loader_add_plugin(loader, &plugin, &err) < 0) {
		tap_note("%s", err.text);
		return 99;
	}
	test_cases(loader, loop);
	test_find(loader, loop);
	test_secret(loader, loop);
	csn_loop_free(loop);
	csn_loader_free(loader);
	return tap_done();
}
