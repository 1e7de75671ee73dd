/* config: each mistake with file, line and words; values as they are written. */
#include "core/config/config.h"

#include "core/plugin/loader.h"
#include "core_stub.h"
#include "kit/tap.h"

#include <sys/stat.h>
#include <unistd.h>

#define WANT_MAX 6

/* Lines 1 to 3 of most cases, and a sound line 4. */
#define HEAD                                        \
	"schema = 1;\nstation : { name = \"a\"; };\n" \
	"ceremony : { use = \"csgn1\"; };\n"
#define CHANNEL "channels = ( { role = \"offer\"; use = \"qr\"; } );\n"
#define QR(more) \
	HEAD "channels = ( { role = \"offer\"; use = \"qr\";\n" more "\n} );\n"

#define IN_QR " in channel qr"
#define OF_QR " of channel qr "

static const struct broken {
	const char *what, *text, *want[WANT_MAX];
} cases[] = {
	{ "a sound file", HEAD CHANNEL, { NULL } },
	{ "a misspelt option", QR("frame_per_second = 3;"),
	  { "t.conf:5: unknown option \"frame_per_second\"" IN_QR
	    "; did you mean \"frames_per_second\"?" } },
	{ "an option nothing is near to", QR("zoom = 3;"),
	  { "t.conf:5: unknown option \"zoom\"" IN_QR } },
	{ "a number under its bound", QR("frames_per_second = 0;"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR "is 0, must be 1 to 30" } },
	{ "a number over its bound", QR("frames_per_second = 31;"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR "is 31, must be 1 to 30" } },
	{ "a negative number for an unsigned option", QR("frames_per_second = -1;"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR "is -1, must be 1 to 30" } },
	{ "a number that 32 bits would turn into 10", QR("frames_per_second = 4294967306;"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR
	    "is 4294967306, must be 1 to 30" } },
	{ "5000000001 without L is not 705032705", QR("offset_us = 5000000001;"),
	  { "t.conf:5: option \"offset_us\"" OF_QR
	    "is 5000000001, must be -1000 to 5000000000" } },
	{ "5000000001 with L", QR("offset_us = 5000000001L;"),
	  { "t.conf:5: option \"offset_us\"" OF_QR
	    "is 5000000001, must be -1000 to 5000000000" } },
	{ "a hexadecimal number over 32 bits", QR("frames_per_second = 0x10000000A;"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR
	    "is 4294967306, must be 1 to 30" } },
	{ "a hexadecimal number that 32 bits would make -1", QR("offset_us = 0xFFFFFFFF0;"),
	  { "t.conf:5: option \"offset_us\"" OF_QR
	    "is 68719476720, must be -1000 to 5000000000" } },
	{ "a number over 64 bits", QR("offset_us = 9223372036854775808;"),
	  { "t.conf:5: 9223372036854775808 does not fit 64 bits" } },
	{ "a number over 64 bits, with L", QR("offset_us = 99999999999999999999L;"),
	  { "t.conf:5: 99999999999999999999 does not fit 64 bits" } },
	{ "a negative number over 64 bits", QR("\noffset_us = -9223372036854775809;"),
	  { "t.conf:6: -9223372036854775809 does not fit 64 bits" } },
	{ "a hexadecimal number over 64 bits", QR("offset_us = 0x10000000000000000;"),
	  { "t.conf:5: 0x10000000000000000 does not fit 64 bits" } },
	{ "digits in texts, names and comments are no numbers",
	  QR("title = \"99999999\"; # 99999999999999999999\n"
	     "palette = \"99999999999999999999\"; /* 99999999999999999999 */"),
	  { NULL } },
	{ "a text for a number", QR("frames_per_second = \"3\";"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR "is a text, wanted a number" } },
	{ "a number with a point for a number", QR("frames_per_second = 3.0;"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR
	    "is a number with a point, wanted a number" } },
	{ "true for a number", QR("frames_per_second = true;"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR
	    "is true or false, wanted a number" } },
	{ "a group for a number", QR("frames_per_second : { a = 1; };"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR "is a group, wanted a number" } },
	{ "an array for a number", QR("frames_per_second = [ 1 ];"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR "is an array, wanted a number" } },
	{ "a list for a number", QR("frames_per_second = ( 1 );"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR "is a list, wanted a number" } },
	{ "1 for true", QR("mirror = 1;"),
	  { "t.conf:5: option \"mirror\"" OF_QR "is a number, wanted true or false" } },
	{ "a number for a text", QR("title = 7;"),
	  { "t.conf:5: option \"title\"" OF_QR "is a number, wanted a text" } },
	{ "a number for a path", QR("palette = 7;"),
	  { "t.conf:5: option \"palette\"" OF_QR "is a number, wanted a path" } },
	{ "a text that is too long", QR("title = \"123456789\";"),
	  { "t.conf:5: option \"title\"" OF_QR "is 9 bytes long, must be 1 to 8" } },
	{ "a text that is empty", QR("title = \"\";"),
	  { "t.conf:5: option \"title\"" OF_QR "is 0 bytes long, must be 1 to 8" } },
	{ "an empty path", QR("palette = \"\";"),
	  { "t.conf:5: option \"palette\"" OF_QR "is 0 bytes long, must be 1 to 4095" } },
	{ "a choice there is not", QR("ecc = \"X\";"),
	  { "t.conf:5: option \"ecc\"" OF_QR "is \"X\", must be one of L|M|Q|H" } },
	{ "two choices at once", QR("ecc = \"L|M\";"),
	  { "t.conf:5: option \"ecc\"" OF_QR "is \"L|M\", must be one of L|M|Q|H" } },
	{ "a secret is not repeated", QR("pin = \"12345\";"),
	  { "t.conf:5: option \"pin\"" OF_QR "is 5 bytes long, must be 0 to 4" } },
	{ "nor a secret number", QR("code = 12345;"),
	  { "t.conf:5: option \"code\"" OF_QR "must be 0 to 9999" } },
	{ "a zero byte in a text", QR("title = \"a\\x00b\";"),
	  { "t.conf:5: a text holds a zero byte" } },
	{ "all mistakes at once, in order",
	  QR("frames_per_second = 0;\nmirror = 1;\ntitel = \"x\";\necc = \"X\";"),
	  { "t.conf:5: option \"frames_per_second\"" OF_QR "is 0, must be 1 to 30",
	    "t.conf:6: option \"mirror\"" OF_QR "is a number, wanted true or false",
	    "t.conf:8: option \"ecc\"" OF_QR "is \"X\", must be one of L|M|Q|H",
	    "t.conf:7: unknown option \"titel\"" IN_QR "; did you mean \"title\"?" } },
	{ "an empty file", "",
	  { "t.conf: option \"schema\" of the file is required",
	    "t.conf: section \"station\" is required",
	    "t.conf: section \"ceremony\" is required",
	    "t.conf: section \"channels\" is required" } },
	{ "a schema of another time",
	  "schema = 2;\nstation : { name = \"a\"; };\nceremony : { use = \"csgn1\"; };\n" CHANNEL,
	  { "t.conf:1: option \"schema\" of the file is 2, must be 1 to 1" } },
	{ "a misspelt section", HEAD CHANNEL "stoer : { use = \"sqlite\"; path = \"x\"; };\n",
	  { "t.conf:5: unknown option \"stoer\" in the file; did you mean \"store\"?" } },
	{ "a section nothing is near to", HEAD CHANNEL "console : { };\n",
	  { "t.conf:5: unknown option \"console\" in the file" } },
	{ "a station without a name",
	  "schema = 1;\nstation : {\n};\nceremony : { use = \"csgn1\"; };\n" CHANNEL,
	  { "t.conf:2: option \"name\" of station is required" } },
	{ "a station with a profile there is not",
	  "schema = 1;\nstation : { name = \"a\";\n profile = \"fab\"; };\n"
	  "ceremony : { use = \"csgn1\"; };\n" CHANNEL,
	  { "t.conf:3: option \"profile\" of station is \"fab\", must be one of factory|lab" } },
	{ "a section without use", HEAD CHANNEL "store : { path = \"x\"; };\n",
	  { "t.conf:5: store wants use = \"NAME\", the store plugin to use" } },
	{ "a use that is a number", HEAD CHANNEL "store : { use = 1; };\n",
	  { "t.conf:5: store wants use = \"NAME\", the store plugin to use" } },
	{ "a plugin there is not",
	  HEAD "channels = (\n { role = \"offer\";\n use = \"qt\"; } );\n",
	  { "t.conf:6: there is no channel plugin \"qt\"; did you mean \"qr\"?" } },
	{ "a plugin of another kind", HEAD CHANNEL "keys : { use = \"sqlite\"; };\n",
	  { "t.conf:5: there is no keys plugin \"sqlite\"" } },
	{ "a plugin's required option", HEAD CHANNEL "\nstore : { use = \"sqlite\"; };\n",
	  { "t.conf:6: option \"path\" of store sqlite is required" } },
	{ "a channel without a role", HEAD "channels = ( { use = \"qr\"; } );\n",
	  { "t.conf:4: option \"role\" of channels is required" } },
	{ "a channel with a role there is not",
	  HEAD "channels = ( { role = \"show\"; use = \"qr\"; } );\n",
	  { "t.conf:4: option \"role\" of channels is \"show\", must be one of "
	    "offer|bind|return|bulk" } },
	{ "channels that are a group", HEAD "channels : { use = \"qr\"; };\n",
	  { "t.conf:4: section \"channels\" must be a list of groups: ( { ... }, { ... } )" } },
	{ "channels that are texts", HEAD "channels = ( \"qr\" );\n",
	  { "t.conf:4: section \"channels\" must be a list of groups: ( { ... }, { ... } )" } },
	{ "a store that is a text", HEAD CHANNEL "store = \"sqlite\";\n",
	  { "t.conf:5: section \"store\" must be a group: { ... }" } },
	{ "media that are options", HEAD CHANNEL "media : { use = \"gst\"; };\n",
	  { "t.conf:5: section \"media\" must be a group of groups: { name : { ... }; }" } },
	{ "a medium that is not there",
	  HEAD "channels = ( { role = \"offer\"; use = \"qr\";\n media = \"scren\"; } );\n"
	       "media : { screen : { use = \"gst\"; }; };\n",
	  { "t.conf:5: there is no \"scren\" in the media section; did you mean \"screen\"?" } },
	{ "a medium with an option there is not",
	  HEAD CHANNEL "media : {\n screen : { use = \"gst\";\n width = 3; };\n};\n",
	  { "t.conf:7: unknown option \"width\" in media gst" } },
	{ "a second channel's mistake",
	  HEAD "channels = ( { role = \"offer\"; use = \"qr\"; },\n"
	       " { role = \"bind\"; use = \"qr\";\n ecc = 1; } );\n",
	  { "t.conf:6: option \"ecc\"" OF_QR "is a number, wanted a text" } },
	{ "plugin folders that are a number", HEAD CHANNEL "plugins : { path = 5; };\n",
	  { "t.conf:5: option \"path\" is a number, wanted texts in [ ]" } },
	{ "a syntax error", HEAD "channels = ( {\n role = ; } );\n",
	  { "t.conf:5: syntax error" } },
	{ "a syntax error and a number over 64 bits",
	  HEAD "x = 99999999999999999999;\nrole = ;\n",
	  { "t.conf:4: 99999999999999999999 does not fit 64 bits",
	    "t.conf:5: syntax error" } },
	{ "an option given twice", QR("mirror = true;\nmirror = false;"),
	  { "t.conf:6: duplicate setting name" } },
	{ "a comment that is not closed", HEAD CHANNEL "/* and so on\n",
	  { "t.conf:5: a comment is not closed" } },
	{ "a text that is not closed", HEAD CHANNEL "policy : { a = \"b; };\n",
	  { "t.conf:5: a text is not closed" } },
	{ "a group that is not closed", HEAD CHANNEL "policy : {\n",
	  { "t.conf:5: syntax error" } },
	{ "an included file's mistake", HEAD CHANNEL "@include \"sub/store.conf\"\n",
	  { "sub/store.conf:3: unknown option \"pathh\" in store sqlite; did you mean \"path\"?" } },
	{ "a mistake after an include", HEAD "@include \"sub/channel.conf\"\nzoo = 1;\n",
	  { "t.conf:5: unknown option \"zoo\" in the file" } },
	{ "an include inside an include, against its own folder",
	  HEAD CHANNEL "@include \"sub/more.conf\"\n",
	  { "sub/deep.conf:2: syntax error" } },
	{ "an include that is not there", HEAD CHANNEL "\n@include \"none.conf\"\n",
	  { "t.conf:6: none.conf: No such file or directory" } },
	{ "an include that is a folder", HEAD CHANNEL "@include \"sub\"\n",
	  { "t.conf:5: sub: not a regular file" } },
	{ "an include that is no regular file", HEAD CHANNEL "@include \"/dev/zero\"\n",
	  { "t.conf:5: /dev/zero: not a regular file" } },
	{ "a file that includes itself", HEAD CHANNEL "@include \"round.conf\"\n",
	  { "round.conf:2: @include round.conf: more than 8 deep" } },
	{ "an include without a name", HEAD CHANNEL "@include policy\n",
	  { "t.conf:5: @include wants the name of a file in quotes" } },
	{ "an include in a comment is none", HEAD CHANNEL "/*\n@include \"none.conf\"\n*/\n",
	  { NULL } },
};

static const struct csn_component components[] = {
	{ .size = sizeof components[0], .kind = CSN_KIND_CHANNEL, .name = "qr",
	  .summary = "x", .options = stub_options },
	{ .size = sizeof components[0], .kind = CSN_KIND_MEDIA, .name = "gst", .summary = "x" },
	{ .size = sizeof components[0], .kind = CSN_KIND_CEREMONY, .name = "csgn1",
	  .summary = "x" },
	{ .size = sizeof components[0], .kind = CSN_KIND_STORE, .name = "sqlite",
	  .summary = "x", .options = stub_store_options },
};

static void
write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0)
		exit(99);
}

static int
make(const struct csn_host *host, const struct csn_config *config, void **ret_self,
     struct csn_error *err)
{
	(void)host;
	(void)config;
	(void)ret_self;
	return csn_fail(err, CSN_E_UNSUPPORTED, "not here");
}

static struct csn_loader *
make_loader(void)
{
	static struct csn_component made[4];
	static const struct csn_component *list[] = { &made[0], &made[1], &made[2], &made[3],
		                                      NULL };
	static const struct csn_plugin plugin = {
		.magic = CSN_PLUGIN_MAGIC, .size = sizeof plugin, .abi_minor = 9,
		.name = "test_stubs", .license = "Apache-2.0", .components = list,
	};
	struct csn_loader *loader = csn_loader_new(NULL, NULL);
	struct csn_error   err = { 0 };

	memcpy(made, components, sizeof made);
	for (size_t i = 0; i < 4; i++) {
		made[i].create = make;
		made[i].destroy = free;
	}
	made[0].ops.channel = &stub_channel_ops;
	made[1].ops.media = &stub_media_ops;
	made[2].ops.ceremony = &stub_ceremony_ops;
	made[3].ops.store = &stub_store_ops;
	if (csn_loader_add_plugin(loader, &plugin, &err) < 0) {
		tap_note("%s", err.text);
		exit(99);
	}
	return loader;
}

static void
test_broken(const struct csn_loader *loader)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct broken    *c = &cases[i];
		struct csn_config_file *file = NULL;
		struct csn_error        err = { 0 };
		size_t                  want = 0;
		bool                    same;

		while (want < WANT_MAX && c->want[want] != NULL)
			want++;
		write_file("t.conf", c->text);
		if (csn_config_read("t.conf", &file, &err) < 0) {
			tap_ok(false, "%s: %s", c->what, err.text);
			continue;
		}
		csn_config_check(file, loader);
		same = csn_config_mistakes(file) == want;
		for (size_t k = 0; same && k < want; k++)
			same = strcmp(csn_config_mistake(file, k), c->want[k]) == 0;
		tap_ok(same && csn_config_verdict(file, &err) == (want > 0 ? CSN_E_CONFIG : CSN_OK),
		       "%s", c->what);
		for (size_t k = 0; !same && k < csn_config_mistakes(file); k++)
			tap_note("got: %s", csn_config_mistake(file, k));
		csn_config_free(file);
	}
}

/* Files that cannot be read at all. */
static void
test_unreadable(void)
{
	struct csn_config_file *file = NULL;
	struct csn_error        err = { 0 };
	FILE                   *big;

	tap_ok(csn_config_read("none.conf", &file, &err) == CSN_E_MISSING &&
	               strcmp(err.text, "none.conf: No such file or directory") == 0,
	       "a file that is not there");
	tap_ok(csn_config_read("sub", &file, &err) == CSN_E_IO &&
	               strcmp(err.text, "sub: not a regular file") == 0, "a folder");
	big = fopen("big.conf", "w");
	if (big == NULL || ftruncate(fileno(big), CSN_CONFIG_MAX + 1) < 0 || fclose(big) != 0)
		exit(99);
	tap_ok(csn_config_read("big.conf", &file, &err) == CSN_E_TOO_BIG &&
	               strcmp(err.text, "big.conf: 1048577 bytes, at most 1048576 are read") == 0,
	       "a file over its bound");
	if (truncate("big.conf", 5) < 0)
		exit(99);
	tap_ok(csn_config_read("big.conf", &file, &err) == CSN_E_CONFIG &&
	               strcmp(err.text, "big.conf: holds a zero byte, so it is no text") == 0,
	       "a file with zero bytes");
	tap_ok(file == NULL, "nothing is returned on failure");
}

static void
test_bind(const char *folder)
{
	struct csn_config_file  *file = NULL;
	struct csn_error         err = { 0 };
	struct stub              stub = { 0 };
	char                     want[4096];
	const struct csn_config *channels;

	write_file("t.conf", QR("frames_per_second = 0x1E; offset_us = 5000000000; mirror = false;\n"
	                        "title = \"a\"; palette = \"p/q\"; ecc = \"H\"; pin = \"1\";"));
	csn_config_read("t.conf", &file, &err);
	channels = csn_config_sub(csn_config_root(file), "channels");
	tap_is(csn_config_bind(csn_config_item(channels, 0), &components[0], &stub, &err), CSN_OK,
	       "bind takes sound options");
	tap_ok(stub.frames_per_second == 30 && stub.offset_us == INT64_C(5000000000) &&
	               stub.mirror == 0 && stub.ecc == 3, "numbers, truth and choices");
	snprintf(want, sizeof want, "%s/p/q", folder);
	tap_ok(strcmp(stub.title, "a") == 0 && strcmp(stub.pin, "1") == 0 &&
	               strcmp(stub.palette, want) == 0,
	       "texts, and a path against the file's folder");
	tap_ok(csn_config_count(channels) == 1 && csn_config_item(channels, 1) == NULL,
	       "a list has as many items as it has");
	tap_ok(strcmp(csn_config_use(csn_config_item(channels, 0)), "qr") == 0,
	       "use names the component");
	csn_config_free(file);

	memset(&stub, 0, sizeof stub);
	tap_is(csn_config_bind(NULL, &components[0], &stub, &err), CSN_OK, "no section, fallbacks");
	tap_ok(stub.frames_per_second == 10 && stub.offset_us == -5 && stub.mirror == 1 &&
	               stub.ecc == 1 && strcmp(stub.title, "hello") == 0 && stub.palette == NULL,
	       "each fallback as its row says");
	tap_ok(csn_config_bind(NULL, &components[3], &(struct stub_store){ 0 }, &err) ==
	                       CSN_E_CONFIG &&
	               strcmp(err.text, "option \"path\" of store sqlite is required") == 0,
	       "no section, but a required option");
}

static void
test_override(const char *folder, const struct csn_loader *loader)
{
	struct csn_config_file *file = NULL;
	struct csn_error        err = { 0 };
	struct stub_store       store = { 0 };
	char                    want[4096];

	write_file("sub/o.conf", HEAD CHANNEL "store : { use = \"sqlite\"; path = \"old\"; };\n"
	                              "media : { screen : { use = \"gst\"; }; };\n");
	csn_config_read("sub/o.conf", &file, &err);
	tap_is(csn_config_override(file, "store.path", "new", &err), CSN_OK, "an option overridden");
	tap_is(csn_config_override(file, "prompt.use", "nobody", &err), CSN_OK, "a group made");
	csn_config_check(file, loader);
	csn_config_bind(csn_config_sub(csn_config_root(file), "store"), &components[3], &store, &err);
	snprintf(want, sizeof want, "%s/new", folder);
	tap_ok(store.path != NULL && strcmp(store.path, want) == 0,
	       "an overridden path is against the folder we stand in");
	tap_ok(csn_config_mistakes(file) == 1 &&
	               strcmp(csn_config_mistake(file, 0),
	                      "override: there is no prompt plugin \"nobody\"") == 0,
	       "a mistake of an override is called so");
	tap_is(csn_config_override(file, "schema.x", "1", &err), CSN_E_CONFIG,
	       "no option inside a number");
	tap_is(csn_config_override(file, "store.", "1", &err), CSN_E_CONFIG, "no option without a name");
	csn_config_free(file);
}

/* Includes and paths of a file that is reached by a link start at the link's folder. */
static void
test_link(const char *folder)
{
	struct csn_config_file *file = NULL;
	struct csn_error        err = { 0 };
	struct stub_store       store = { 0 };
	char                    want[4096];

	write_file("sub/o.conf", "@include \"sub/p.conf\"\n");
	write_file("sub/p.conf", "store : { path = \"db\"; };\n");
	if (symlink("sub/o.conf", "link.conf") < 0)
		exit(99);
	csn_config_read("link.conf", &file, &err);
	csn_config_bind(csn_config_sub(csn_config_root(file), "store"), &components[3], &store, &err);
	snprintf(want, sizeof want, "%s/sub/db", folder);
	tap_ok(csn_config_mistakes(file) == 0 && store.path != NULL && strcmp(store.path, want) == 0,
	       "an include by way of a link, and a path against the included file's folder");
	csn_config_free(file);
	unlink("link.conf");
	unlink("sub/p.conf");
}

static void
test_getters(const char *folder)
{
	static const char *const keys[] = { "limit", "strict", "who", "list", "file", NULL };
	struct csn_config_file  *file = NULL;
	struct csn_error         err = { 0 };
	const struct csn_config *policy;
	char                     want[4096];

	write_file("t.conf", "policy : {\n limit = 5000000000;\n strict = true;\n who = \"x\";\n"
	                     " list = [ \"a\", \"/b\" ];\n file = \"f\";\n lsit = 1;\n};\n");
	csn_config_read("t.conf", &file, &err);
	policy = csn_config_sub(csn_config_root(file), "policy");
	tap_ok(csn_config_bool(policy, "strict", 0) == 1 && csn_config_bool(policy, "none", 1) == 1,
	       "truth and fallbacks");
	tap_ok(strcmp(csn_config_text(policy, "who", "", 9), "x") == 0, "texts");
	tap_ok(csn_config_text_count(policy, "list") == 2 &&
	               strcmp(csn_config_text_at(policy, "list", 1), "/b") == 0 &&
	               csn_config_text_at(policy, "list", 2) == NULL, "arrays of texts");
	tap_ok(csn_config_text_count(policy, "who") == 1, "one text is an array of one");
	snprintf(want, sizeof want, "%s/a", folder);
	tap_ok(strcmp(csn_config_path_at(policy, "list", 0), want) == 0 &&
	               strcmp(csn_config_path_at(policy, "list", 1), "/b") == 0, "arrays of paths");
	tap_ok(csn_config_mistakes(file) == 0, "nothing to complain about so far");
	csn_config_only(policy, "policy", keys);
	tap_ok(strcmp(csn_config_text(policy, "who", "-", 0), "-") == 0,
	       "out of bounds gives the fallback");
	tap_ok(csn_config_bool(policy, "limit", 1) == 1, "and so does another type");
	csn_config_note(policy, "who", "nobody knows \"x\"");
	tap_ok(csn_config_mistakes(file) == 4 &&
	               strcmp(csn_config_mistake(file, 0),
	                      "t.conf:7: unknown option \"lsit\" in policy; did you mean \"list\"?") == 0 &&
	               strcmp(csn_config_mistake(file, 1), "t.conf:4: option \"who\" of policy is "
	                      "1 bytes long, must be 0 to 0") == 0 &&
	               strcmp(csn_config_mistake(file, 2), "t.conf:2: option \"limit\" of policy is "
	                      "a number, wanted true or false") == 0 &&
	               strcmp(csn_config_mistake(file, 3), "t.conf:4: nobody knows \"x\"") == 0,
	       "and each is noted");
	for (size_t i = 0; i < csn_config_mistakes(file); i++)
		tap_note("%s", csn_config_mistake(file, i));
	tap_ok(csn_config_verdict(file, &err) == CSN_E_CONFIG && strstr(err.text, "(and 3 more)"),
	       "the verdict counts");
	csn_config_free(file);
}

int
main(void)
{
	char               folder[] = TEST_BUILDDIR "/tests/config-XXXXXX", *real;
	struct csn_loader *loader = make_loader();

	if (mkdtemp(folder) == NULL || chdir(folder) < 0 || mkdir("sub", 0700) < 0)
		return 99;
	real = realpath(".", NULL);
	write_file("sub/store.conf", "store : {\n use = \"sqlite\"; path = \"x\";\n pathh = \"x\"; };\n");
	write_file("sub/channel.conf", CHANNEL);
	write_file("sub/more.conf", "@include \"deep.conf\"\n");
	write_file("sub/deep.conf", "policy : {};\n= 3;\n");
	write_file("round.conf", "# round and round\n@include \"round.conf\"\n");
	test_broken(loader);
	test_unreadable();
	test_bind(real);
	test_override(real, loader);
	test_link(real);
	test_getters(real);
	csn_loader_free(loader);
	for (const char *const *name = (const char *const[]){ "t.conf", "round.conf", "big.conf",
	             "sub/store.conf", "sub/channel.conf", "sub/more.conf", "sub/deep.conf",
	             "sub/o.conf", NULL }; *name != NULL; name++)
		unlink(*name);
	rmdir("sub");
	if (chdir("/") == 0)
		rmdir(real);
	free(real);
	return tap_done();
}
