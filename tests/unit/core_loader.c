/* loader: the modules of tests/modules, each refused in words that name its fault. */
#include "core/plugin/loader.h"
#include "core/plugin/descriptor.h"

#include "core_stub.h"
#include "kit/tap.h"

#include <ltdl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_OF(x)  #x
#define VALUE_OF(x) TEXT_OF(x)
#define ABI_MINOR   VALUE_OF(CSN_ABI_MINOR)

#define MODULES TEST_BUILDDIR "/tests/modules/.libs"

static void
says(const char *got, const char *want, const char *what)
{
	if (!tap_ok(strcmp(got, want) == 0, "%s", what))
		tap_note("got \"%s\"", got);
}

static const struct {
	const char *what, *file, *want;
	int         code;
} files[] = {
	{ "a sound module", "good", "", CSN_OK },
	{ "a symbol of another name", "nosymbol", "has no symbol channel_nosymbol_LTX_csn_plugin",
	  CSN_E_MISSING },
	{ "a wrong magic number", "magic",
	  "is no plugin: magic is 0x12345678, wanted 0x43534e31", CSN_E_INVALID },
	{ "another major version", "major", "needs ABI 7, this is 0." ABI_MINOR, CSN_E_UNSUPPORTED },
	{ "a newer minor version", "minor", "needs ABI 0.999, this is 0." ABI_MINOR, CSN_E_UNSUPPORTED },
	{ "a function nobody has", "undefined",
	  "cannot be loaded: undefined symbol: csn_test_nobody_has_this", CSN_E_MISSING },
	{ "a component that is cut off", "truncated",
	  "component 0 is 24 bytes, at least 80 are needed", CSN_E_INVALID },
	{ "no table of functions", "nullops", "channel nullops has no ops", CSN_E_INVALID },
	{ "a name that is not the file's", "alias", "calls itself channel_other", CSN_E_INVALID },
	{ "a component that is there already", "twin",
	  "channel good is offered by " MODULES "/channel_good.so already", CSN_E_REFUSED },
};

static const struct csn_module *
last(const struct csn_loader *loader)
{
	const struct csn_module *module = csn_loader_list(loader);

	while (module != NULL && module->next != NULL)
		module = module->next;
	return module;
}

static void
test_files(struct csn_loader *loader)
{
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct csn_error err = { 0 };
		char             path[512], want[1024];
		int              r;

		snprintf(path, sizeof path, MODULES "/channel_%s.so", files[i].file);
		chmod(path, 0755); /* whatever the umask of the build was */
		r = csn_loader_add_file(loader, path, &err);
		tap_is(r, files[i].code, files[i].what);
		says(last(loader)->reason, files[i].want, "  in these words");
		snprintf(want, sizeof want, "%s: %s", path, files[i].want);
		if (r < 0)
			says(err.text, want, "  and with its path in the error");
	}
	tap_ok(strlen(csn_loader_list(loader)->digest) == 64 &&
	               csn_loader_list(loader)->state == CSN_MODULE_READY,
	       "what was loaded has a digest");
}

/* Files that are no modules at all. */
static void
test_strange(struct csn_loader *loader)
{
	static const char path[] = TEST_BUILDDIR "/tests/channel_text.so";
	struct csn_error  err = { 0 };
	FILE             *file = fopen(path, "w");

	if (file == NULL || fputs("hello\n", file) == EOF || fclose(file) != 0)
		exit(99);
	chmod(path, 0644);
	tap_is(csn_loader_add_file(loader, path, &err), CSN_E_MISSING, "a text is no module");
	says(last(loader)->reason, "cannot be loaded: file too short", "  the linker's own words");
	chmod(path, 0666);
	tap_is(csn_loader_add_file(loader, path, &err), CSN_E_REFUSED, "what everyone can write");
	says(err.text, TEST_BUILDDIR "/tests/channel_text.so: " TEST_BUILDDIR
	     "/tests/channel_text.so can be written by everyone (mode 0666)", "  is not even opened");
	unlink(path);
	tap_is(csn_loader_add_file(loader, "channel_good.so", &err), CSN_E_INVALID,
	       "a name is not searched for");
	says(err.text, "channel_good.so: wanted the absolute path of a KIND_NAME.so",
	     "  and a path is asked for");
	tap_is(csn_loader_add_file(loader, MODULES "/../channel_good.la", &err), CSN_E_INVALID,
	       "a .la file is not read");
	tap_is(csn_loader_add_folder(loader, "/nonexistent", &err), CSN_E_MISSING,
	       "a folder that is not there");
	says(err.text, "/nonexistent: No such file or directory", "  is named");
}

static void
test_find(struct csn_loader *loader)
{
	struct csn_error            err = { 0 };
	const struct csn_component *c = csn_loader_find(loader, CSN_KIND_CHANNEL, "good", &err);

	tap_ok(c != NULL && strcmp(c->name, "good") == 0, "a component is found by kind and name");
	tap_ok(csn_loader_find(loader, CSN_KIND_MEDIA, "good", &err) == NULL, "not by name alone");
	says(err.text, "there is no media plugin \"good\"", "  it says so");
	csn_loader_find(loader, CSN_KIND_CHANNEL, "godo", &err);
	says(err.text, "there is no channel plugin \"godo\"; did you mean \"good\"?",
	     "a near name is offered");
	csn_loader_find(loader, CSN_KIND_CHANNEL, "minor", &err);
	says(err.text, "plugin channel minor was refused: needs ABI 0.999, this is 0." ABI_MINOR,
	     "a refused one says why");
	tap_ok(csn_kind_of("store") == CSN_KIND_STORE && csn_kind_of("shop") == 0 &&
	               strcmp(csn_kind_name(99), "?") == 0, "kinds have names");
}

static void
test_folder(void)
{
	struct csn_loader *loader = csn_loader_new(NULL, NULL);
	struct csn_error   err = { 0 };
	int                ready = 0, refused = 0, sorted = 1;

	tap_is(csn_loader_add_folder(loader, MODULES, &err), CSN_OK, "a folder of modules");
	for (const struct csn_module *m = csn_loader_list(loader); m != NULL; m = m->next) {
		ready += m->state == CSN_MODULE_READY;
		refused += m->state == CSN_MODULE_REFUSED && m->reason[0] != '\0';
		sorted &= m->next == NULL || strcmp(m->name, m->next->name) < 0;
	}
	tap_ok(ready == 1 && refused == 9, "one is sound and nine say why they are not");
	tap_ok(sorted, "in the order of their names");
	csn_loader_free(loader);
}

static void
test_builtin(void)
{
	struct csn_loader       *loader = csn_loader_new(NULL, NULL);
	struct csn_error         err = { 0 };
	const struct csn_module *module;

	tap_is(csn_loader_add_builtin(loader), 1, "one module is built in");
	module = csn_loader_list(loader);
	tap_ok(module != NULL && module->path == NULL && module->state == CSN_MODULE_READY &&
	               strcmp(module->name, "channel_builtin") == 0, "it has a name and no path");
	tap_ok(csn_loader_find(loader, CSN_KIND_CHANNEL, "builtin", &err) != NULL,
	       "and is found as any other");
	csn_loader_free(loader);
}

/* What plugin.h asks of a descriptor, broken one rule at a time. */
static struct csn_component  component;
static struct csn_plugin     plugin;
static struct csn_channel_ops ops;
static struct csn_option     options[3];
static struct csn_need       needs[2];
static const struct csn_component *const nothing[] = { NULL };

static int
stub_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
            struct csn_error *err)
{
	(void)host;
	(void)config;
	(void)ret_self;
	(void)err;
	return CSN_E_UNSUPPORTED;
}

static void no_create(void) { component.create = NULL; }
static void no_destroy(void) { component.destroy = NULL; }
static void no_summary(void) { component.summary = ""; }
static void no_name(void) { component.name = NULL; }
static void long_name(void) { component.name = "abcdefghijklmnopqrstuvwxyz0123456"; }
static void loud_name(void) { component.name = "QR"; }
static void path_name(void) { component.name = "a/b"; }
static void kind_zero(void) { component.kind = 0; }
static void kind_ten(void) { component.kind = 10; }
static void short_ops(void) { ops.size = 8; }
static void no_caps(void) { ops.caps = NULL; }
static void no_components(void) { plugin.components = nothing; }
static void short_plugin(void) { plugin.size = 16; }
static void no_license(void) { plugin.license = NULL; }
static void bad_name(void) { plugin.name = "Channel X"; }
static void taken(void) { options[0].key = "use"; }
static void twice(void) { options[1].key = options[0].key; }
static void no_help(void) { options[0].help = NULL; }
static void type_nine(void) { options[0].type = 9; }
static void turned(void) { options[0].min = 5; options[0].max = 4; }
static void wide(void) { options[0].max = INT64_C(1) << 32; }
static void low(void) { options[0].fallback = "0"; }
static void text(void) { options[0].fallback = "3x"; }
static void no_choices(void) { options[0].type = CSN_CHOICE; options[0].choices = NULL; }
static void no_why(void) { needs[0].why = NULL; }
static void need_ten(void) { needs[0].kind = 10; }

static const struct {
	const char *what;
	void (*spoil)(void);
	const char *want;
} rules[] = {
	{ "no create", no_create, "channel x has no create" },
	{ "no destroy", no_destroy, "channel x has no destroy" },
	{ "no summary", no_summary, "channel x has no summary" },
	{ "no name", no_name,
	  "component 0, a channel, has no name of 1 to 32 characters a-z 0-9 _ -" },
	{ "a name of 33 characters", long_name,
	  "component 0, a channel, has no name of 1 to 32 characters a-z 0-9 _ -" },
	{ "a name in capitals", loud_name,
	  "component 0, a channel, has no name of 1 to 32 characters a-z 0-9 _ -" },
	{ "a name that is a path", path_name,
	  "component 0, a channel, has no name of 1 to 32 characters a-z 0-9 _ -" },
	{ "no kind", kind_zero, "component 0 is of unknown kind 0" },
	{ "a kind of another time", kind_ten, "component 0 is of unknown kind 10" },
	{ "a table that ends before what it must have", short_ops,
	  "channel x lacks the function caps" },
	{ "a function it must have", no_caps, "channel x lacks the function caps" },
	{ "no components", no_components, "has no components" },
	{ "a short descriptor", short_plugin, "descriptor is 16 bytes, at least 56 are needed" },
	{ "no license", no_license, "names no license" },
	{ "a strange name", bad_name, "has no name of 1 to 32 characters a-z 0-9 _ -" },
	{ "an option called use", taken, "channel x has an option \"use\", which is taken" },
	{ "an option twice", twice, "channel x has two options \"limit\"" },
	{ "an option without help", no_help, "option \"limit\" of channel x has no help" },
	{ "an option of unknown type", type_nine,
	  "option \"limit\" of channel x has unknown type 9" },
	{ "bounds the wrong way round", turned,
	  "option \"limit\" of channel x has bounds 5 to 4" },
	{ "bounds over 32 bits", wide,
	  "option \"limit\" of channel x has bounds wider than 32 bits" },
	{ "a fallback out of bounds", low,
	  "option \"limit\" of channel x is 0, must be 1 to 9" },
	{ "a fallback that is no number", text,
	  "option \"limit\" of channel x is \"3x\", wanted a number" },
	{ "a choice without choices", no_choices,
	  "option \"limit\" of channel x is a choice without choices" },
	{ "a need without a reason", no_why,
	  "channel x does not say why it needs a store" },
	{ "a need of an unknown kind", need_ten, "channel x needs unknown kind 10" },
};

static void
sound(void)
{
	ops = stub_channel_ops;
	options[0] = (struct csn_option){ "limit", "3", "a limit", NULL, CSN_U32, 0, 0, 1, 9 };
	options[1] = (struct csn_option){ "other", NULL, "another", NULL, CSN_U32, 0, 0, 1, 9 };
	options[2] = (struct csn_option)CSN_OPTION_END;
	needs[0] = (struct csn_need){ CSN_KIND_STORE, 0, NULL, "to remember" };
	needs[1] = (struct csn_need){ 0, 0, NULL, NULL };
	component = (struct csn_component){
		.size = sizeof component, .kind = CSN_KIND_CHANNEL, .name = "x", .summary = "x",
		.create = stub_create, .destroy = stub_nothing, .options = options,
		.needs = needs, .ops.channel = &ops };
	plugin = (struct csn_plugin){
		.magic = CSN_PLUGIN_MAGIC, .size = sizeof plugin, .abi_major = CSN_ABI_MAJOR,
		.abi_minor = 9, .name = "channel_x", .license = "Apache-2.0" };
	static const struct csn_component *const list[] = { &component, NULL };
	plugin.components = list;
}

static void
test_rules(void)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		struct csn_loader *loader = csn_loader_new(NULL, NULL);
		struct csn_error   err = { 0 };

		sound();
		rules[i].spoil();
		if (csn_loader_add_plugin(loader, &plugin, &err) < 0)
			says(csn_loader_list(loader)->reason, rules[i].want, rules[i].what);
		else
			tap_ok(false, "%s", rules[i].what);
		csn_loader_free(loader);
	}
	struct csn_loader *loader = csn_loader_new(NULL, NULL);
	sound();
	tap_is(csn_loader_add_plugin(loader, &plugin, NULL), CSN_OK, "and none of them broken");
	csn_loader_free(loader);
}

int
main(void)
{
	struct csn_loader *loader;

	LTDL_SET_PRELOADED_SYMBOLS();
	loader = csn_loader_new(NULL, NULL);
	if (loader == NULL)
		return 99;
	chmod(MODULES, 0755);
	test_files(loader);
	test_strange(loader);
	test_find(loader);
	csn_loader_free(loader);
	test_folder();
	test_builtin();
	test_rules();
	return tap_done();
}
