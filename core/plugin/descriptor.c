/* Each rule of plugin.h that can be seen from outside, in the order a reader would ask. */
#include "core/plugin/descriptor.h"

#include "core/plugin/option.h"

#include <countersign/attest.h>
#include <countersign/ceremony.h>
#include <countersign/channel.h>
#include <countersign/format.h>
#include <countersign/gate.h>
#include <countersign/keys.h>
#include <countersign/media.h>
#include <countersign/prompt.h>
#include <countersign/store.h>

#define NAME_MAX_LEN 32
#define LIST_MAX     64 /* components, options or needs; no end in sight means no end */

/* Up to where the first contract went: what every plugin must reach. */
#define PLUGIN_SIZE \
	(offsetof(struct csn_plugin, components) + sizeof(((struct csn_plugin *)0)->components))
#define COMPONENT_SIZE \
	(offsetof(struct csn_component, ops) + sizeof(((struct csn_component *)0)->ops))

static const char *const kinds[] = {
	"?",        "channel", "media", "attest", "format",
	"ceremony", "keys",    "store", "prompt", "gate",
};

const char *
csn_kind_name(uint32_t kind)
{
	return kinds[kind < sizeof kinds / sizeof kinds[0] ? kind : 0];
}

uint32_t
csn_kind_of(const char *name)
{
	for (uint32_t kind = 1; kind < sizeof kinds / sizeof kinds[0]; kind++)
		if (strcmp(kinds[kind], name) == 0)
			return kind;
	return 0;
}

/* Functions without which a component of that kind is of no use. */
static const struct must {
	uint32_t    kind;
	const char *name;
	size_t      offset;
} musts[] = {
	{ CSN_KIND_CHANNEL,  "caps",       offsetof(struct csn_channel_ops, caps) },
	{ CSN_KIND_MEDIA,    "caps",       offsetof(struct csn_media_ops, caps) },
	{ CSN_KIND_MEDIA,    "start",      offsetof(struct csn_media_ops, start) },
	{ CSN_KIND_MEDIA,    "stop",       offsetof(struct csn_media_ops, stop) },
	{ CSN_KIND_ATTEST,   "type",       offsetof(struct csn_attest_ops, type) },
	{ CSN_KIND_ATTEST,   "verify",     offsetof(struct csn_attest_ops, verify) },
	{ CSN_KIND_CEREMONY, "begin",      offsetof(struct csn_ceremony_ops, begin) },
	{ CSN_KIND_CEREMONY, "step",       offsetof(struct csn_ceremony_ops, step) },
	{ CSN_KIND_CEREMONY, "end",        offsetof(struct csn_ceremony_ops, end) },
	{ CSN_KIND_KEYS,     "public_key", offsetof(struct csn_keys_ops, public_key) },
	{ CSN_KIND_KEYS,     "sign",       offsetof(struct csn_keys_ops, sign) },
	{ CSN_KIND_STORE,    "commit",     offsetof(struct csn_store_ops, commit) },
	{ CSN_KIND_STORE,    "get",        offsetof(struct csn_store_ops, get) },
	{ CSN_KIND_PROMPT,   "ask",        offsetof(struct csn_prompt_ops, ask) },
	{ CSN_KIND_GATE,     "admit",      offsetof(struct csn_gate_ops, admit) },
	{ CSN_KIND_GATE,     "isolate",    offsetof(struct csn_gate_ops, isolate) },
	{ CSN_KIND_FORMAT,   "decode",     offsetof(struct csn_format_ops, decode) },
};

static int
is_name(const char *name)
{
	size_t len = name != NULL ? strnlen(name, NAME_MAX_LEN + 1) : 0;

	return len > 0 && len <= NAME_MAX_LEN && name[0] >= 'a' && name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static int
check_ops(const struct csn_component *c, const char *kind, struct csn_error *err)
{
	uint32_t size;

	if (c->ops.any == NULL)
		return csn_fail(err, CSN_E_INVALID, "%s %s has no ops", kind, c->name);
	memcpy(&size, c->ops.any, sizeof size);
	for (size_t i = 0; i < sizeof musts / sizeof musts[0]; i++) {
		const struct must *must = &musts[i];
		void              *fn = NULL;

		if (must->kind != c->kind)
			continue;
		if (size >= must->offset + sizeof fn)
			memcpy(&fn, (const char *)c->ops.any + must->offset, sizeof fn);
		if (fn == NULL)
			return csn_fail(err, CSN_E_INVALID, "%s %s lacks the function %s",
			                kind, c->name, must->name);
	}
	return CSN_OK;
}

static int
check_options(const struct csn_component *c, const char *kind, struct csn_error *err)
{
	struct csn_error why = { 0 };

	for (size_t i = 0; c->options != NULL && c->options[i].key != NULL; i++) {
		const struct csn_option *row = &c->options[i];

		if (i == LIST_MAX)
			return csn_fail(err, CSN_E_INVALID, "%s %s has more than %d options",
			                kind, c->name, LIST_MAX);
		if (strcmp(row->key, "use") == 0)
			return csn_fail(err, CSN_E_INVALID,
			                "%s %s has an option \"use\", which is taken", kind,
			                c->name);
		if (option_check(row, &why) < 0)
			return csn_fail(err, CSN_E_INVALID, "option \"%.64s\" of %s %s %s",
			                row->key, kind, c->name, why.text);
		for (size_t k = 0; k < i; k++)
			if (strcmp(c->options[k].key, row->key) == 0)
				return csn_fail(err, CSN_E_INVALID,
				                "%s %s has two options \"%.64s\"", kind,
				                c->name, row->key);
	}
	return CSN_OK;
}

static int
check_needs(const struct csn_component *c, const char *kind, struct csn_error *err)
{
	for (size_t i = 0; c->needs != NULL && c->needs[i].kind != 0; i++) {
		const struct csn_need *need = &c->needs[i];

		if (i == LIST_MAX)
			return csn_fail(err, CSN_E_INVALID, "%s %s has more than %d needs",
			                kind, c->name, LIST_MAX);
		if (need->kind > CSN_KIND_GATE)
			return csn_fail(err, CSN_E_UNSUPPORTED, "%s %s needs unknown kind %u",
			                kind, c->name, need->kind);
		if (need->why == NULL || need->why[0] == '\0')
			return csn_fail(err, CSN_E_INVALID,
			                "%s %s does not say why it needs a %s", kind, c->name,
			                csn_kind_name(need->kind));
	}
	return CSN_OK;
}

static int
check_component(const struct csn_component *c, size_t at, struct csn_error *err)
{
	const char *kind;
	int         r;

	if (c->size < COMPONENT_SIZE)
		return csn_fail(err, CSN_E_INVALID,
		                "component %zu is %u bytes, at least %zu are needed", at, c->size,
		                COMPONENT_SIZE);
	if (c->kind < CSN_KIND_CHANNEL || c->kind > CSN_KIND_GATE)
		return csn_fail(err, CSN_E_UNSUPPORTED, "component %zu is of unknown kind %u", at,
		                c->kind);
	kind = csn_kind_name(c->kind);
	if (!is_name(c->name))
		return csn_fail(err, CSN_E_INVALID,
		                "component %zu, a %s, has no name of 1 to %d characters a-z 0-9 _ -",
		                at, kind, NAME_MAX_LEN);
	if (c->summary == NULL || c->summary[0] == '\0')
		return csn_fail(err, CSN_E_INVALID, "%s %s has no summary", kind, c->name);
	if (c->create == NULL || c->destroy == NULL)
		return csn_fail(err, CSN_E_INVALID, "%s %s has no %s", kind, c->name,
		                c->create == NULL ? "create" : "destroy");
	r = check_ops(c, kind, err);
	if (r == CSN_OK)
		r = check_options(c, kind, err);
	return r < 0 ? r : check_needs(c, kind, err);
}

static int
check_head(const struct csn_plugin *plugin, struct csn_error *err)
{
	if (plugin->magic != CSN_PLUGIN_MAGIC)
		return csn_fail(err, CSN_E_INVALID, "is no plugin: magic is 0x%08x, wanted 0x%08x",
		                plugin->magic, CSN_PLUGIN_MAGIC);
	if (plugin->abi_major != CSN_ABI_MAJOR)
		return csn_fail(err, CSN_E_UNSUPPORTED, "needs ABI %u, this is %d.%d",
		                plugin->abi_major, CSN_ABI_MAJOR, CSN_ABI_MINOR);
	if (plugin->abi_minor > CSN_ABI_MINOR)
		return csn_fail(err, CSN_E_UNSUPPORTED, "needs ABI %u.%u, this is %d.%d",
		                plugin->abi_major, plugin->abi_minor, CSN_ABI_MAJOR,
		                CSN_ABI_MINOR);
	if (plugin->size < PLUGIN_SIZE)
		return csn_fail(err, CSN_E_INVALID,
		                "descriptor is %u bytes, at least %zu are needed", plugin->size,
		                PLUGIN_SIZE);
	if (!is_name(plugin->name))
		return csn_fail(err, CSN_E_INVALID,
		                "has no name of 1 to %d characters a-z 0-9 _ -", NAME_MAX_LEN);
	if (plugin->license == NULL || plugin->license[0] == '\0')
		return csn_fail(err, CSN_E_INVALID, "names no license");
	if (plugin->components == NULL || plugin->components[0] == NULL)
		return csn_fail(err, CSN_E_INVALID, "has no components");
	return CSN_OK;
}

int
descriptor_check(const struct csn_plugin *plugin, struct csn_error *err)
{
	int r = check_head(plugin, err);

	for (size_t i = 0; r == CSN_OK && plugin->components[i] != NULL; i++) {
		if (i == LIST_MAX)
			return csn_fail(err, CSN_E_INVALID, "has more than %d components",
			                LIST_MAX);
		r = check_component(plugin->components[i], i, err);
	}
	return r;
}
