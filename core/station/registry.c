/* Needs first, depth first; whoever is being made when asked for again is in a circle. */
#include "core/station/registry.h"

#include "core/host.h"
#include "core/plugin/descriptor.h"

#include <stdio.h>
#include <stdlib.h>

struct entry {
	struct csn_instance pub; /* first: what callers see                   */
	struct csn_isolation how; /* worker NULL: in this process              */
	struct csn_component proxy;
	char                 name[64], media_name[64];
	char                *worker;
	int                 making;
	struct entry       *made_before; /* the one to destroy after this     */
};

struct csn_registry {
	struct csn_loader   *loader;
	struct csn_loop     *loop;
	struct csn_log      *log;
	struct csn_instance *first, **end, *last;
	struct entry        *made_last;
};

static int make(struct csn_registry *registry, struct entry *entry);

static struct entry *
entry_of(struct csn_instance *instance)
{
	return (struct entry *)instance;
}

struct csn_registry *
csn_registry_new(struct csn_loader *loader, struct csn_loop *loop, struct csn_log *log)
{
	struct csn_registry *registry = calloc(1, sizeof *registry);

	if (registry == NULL)
		return NULL;
	registry->loader = loader;
	registry->loop = loop;
	registry->log = log;
	registry->end = &registry->first;
	return registry;
}

static void
entry_free(struct entry *entry)
{
	csn_host_free(entry->pub.host);
	free(entry->worker);
	free(entry->pub.label);
	free(entry);
}

void
csn_registry_free(struct csn_registry *registry)
{
	struct csn_instance *next;

	if (registry == NULL)
		return;
	csn_registry_stop(registry);
	for (struct csn_instance *i = registry->first; i != NULL; i = next) {
		next = i->next;
		entry_free(entry_of(i));
	}
	free(registry);
}

static struct csn_instance *
find(const struct csn_registry *registry, uint32_t kind, const char *label)
{
	for (struct csn_instance *i = registry->first; i != NULL; i = i->next)
		if (i->kind == kind && (label == NULL || strcmp(i->label, label) == 0))
			return i;
	return NULL;
}

/* "media screen"; "media gst (screen)" would say more than anybody asked. */
static void
name_of(const struct csn_instance *instance, char *text, size_t room)
{
	snprintf(text, room, "%s %s", csn_kind_name(instance->kind), instance->label);
}

int
csn_registry_want(struct csn_registry *registry, uint32_t kind, const char *name,
                  const char *label, const struct csn_config *config,
                  struct csn_error *err)
{
	struct csn_error why = { 0 };
	struct entry    *entry;
	char             from[64];

	if (label == NULL)
		label = name;
	if (find(registry, kind, label) != NULL)
		return csn_fail(err, CSN_E_CONFIG, "there are two %s called %s",
		                csn_kind_name(kind), label);
	entry = calloc(1, sizeof *entry);
	if (entry == NULL)
		return csn_fail(err, CSN_E_NOMEM, "out of memory");
	entry->pub.kind = kind;
	entry->pub.config = config;
	entry->pub.label = strdup(label);
	if (entry->pub.label != NULL) {
		name_of(&entry->pub, from, sizeof from);
		entry->pub.host = csn_host_new(registry->loop, registry->log, from);
	}
	if (entry->pub.host == NULL) {
		entry_free(entry);
		return csn_fail(err, CSN_E_NOMEM, "out of memory");
	}
	entry->pub.component = csn_loader_find(registry->loader, kind, name, &why);
	if (entry->pub.component == NULL) {
		entry->pub.state = CSN_INSTANCE_MISSING;
		snprintf(entry->pub.reason, sizeof entry->pub.reason, "%s", why.text);
	}
	*registry->end = &entry->pub;
	registry->end = &entry->pub.next;
	registry->last = &entry->pub;
	return CSN_OK;
}

int
csn_registry_isolate(struct csn_registry *registry, const struct csn_isolation *how)
{
	struct entry *entry = entry_of(registry->last);

	entry->worker = strdup(how->worker);
	if (entry->worker == NULL)
		return CSN_E_NOMEM;
	entry->how = *how;
	entry->how.worker = entry->worker;
	name_of(&entry->pub, entry->name, sizeof entry->name);
	snprintf(entry->media_name, sizeof entry->media_name, "%s",
	         how->media_label != NULL ? how->media_label : "");
	entry->how.media_label = entry->media_name;
	entry->how.label = entry->name;
	entry->how.component = entry->pub.component;
	entry->how.config = entry->pub.config;
	entry->how.loader = registry->loader;
	entry->how.loop = registry->loop;
	entry->how.log = registry->log;
	return CSN_OK;
}

__attribute__((format(printf, 2, 3))) static int
miss(struct entry *entry, const char *fmt, ...)
{
	va_list args;

	entry->pub.state = CSN_INSTANCE_MISSING;
	va_start(args, fmt);
	if (vsnprintf(entry->pub.reason, sizeof entry->pub.reason, fmt, args) < 0)
		entry->pub.reason[0] = '\0';
	va_end(args);
	return CSN_E_MISSING;
}

/* Makes one thing @entry needs; @found says whether anything could be it. */
static int
make_needed(struct csn_registry *registry, struct entry *entry, const struct csn_need *need,
            int *found)
{
	char name[96];
	int  r = CSN_OK;

	for (struct csn_instance *i = registry->first; i != NULL; i = i->next) {
		if (i->kind != need->kind || i == &entry->pub ||
		    (need->name != NULL &&
		     (i->component == NULL || strcmp(i->component->name, need->name) != 0)))
			continue;
		*found = 1;
		name_of(i, name, sizeof name);
		r = make(registry, entry_of(i));
		if (r == CSN_OK)
			return CSN_OK;
		if (entry_of(i)->making)
			miss(entry, "it and %s need each other", name);
		else
			miss(entry, "needs %s (%s), which is missing: %.300s", name, need->why,
			     i->reason);
	}
	return r;
}

static int
make_needs(struct csn_registry *registry, struct entry *entry)
{
	const struct csn_need *need = entry->pub.component->needs;

	for (; need != NULL && need->kind != 0; need++) {
		int found = 0;
		int r = make_needed(registry, entry, need, &found);

		if (found && r == CSN_OK)
			continue;
		if (need->flags & CSN_NEED_OPTIONAL) {
			entry->pub.state = CSN_INSTANCE_WANTED;
			entry->pub.reason[0] = '\0';
			continue;
		}
		if (!found)
			return miss(entry, "needs %s%s%s (%s), which the configuration does not "
			            "have", csn_kind_name(need->kind),
			            need->name != NULL ? " " : "",
			            need->name != NULL ? need->name : "", need->why);
		return r;
	}
	return CSN_OK;
}

/* A plugin that logs its options must not log what is secret among them. */
static int
hide_secrets(struct csn_registry *registry, const struct entry *entry)
{
	const struct csn_option *row = entry->pub.component->options;

	for (; row != NULL && row->key != NULL; row++) {
		const char *text = NULL;

		if (row->flags & CSN_OPT_SECRET)
			text = csn_config_text_at(entry->pub.config, row->key, 0);
		if (text != NULL && registry->log != NULL &&
		    csn_log_hide(registry->log, text) == CSN_E_NOMEM)
			return CSN_E_NOMEM;
	}
	return CSN_OK;
}

/* The component with the tables of its stand-in. */
static int
create_isolated(struct entry *entry, void **ret_self, struct csn_error *err)
{
	struct isolate *isolate = NULL;
	int             r = isolate_create(&entry->how, &isolate, err);

	if (r < 0)
		return r;
	entry->proxy = *entry->pub.component;
	entry->proxy.destroy = isolate_destroy;
	entry->proxy.extension = NULL;
	if (entry->proxy.kind == CSN_KIND_CHANNEL)
		entry->proxy.ops.channel = &isolate_channel_ops;
	else
		entry->proxy.ops.attest = &isolate_attest_ops;
	entry->pub.component = &entry->proxy;
	entry->pub.isolated = 1;
	*ret_self = isolate;
	return CSN_OK;
}

static int
create(struct csn_registry *registry, struct entry *entry)
{
	struct csn_error err = { 0 };
	void            *self = NULL;
	int              r;

	if (hide_secrets(registry, entry) < 0)
		return miss(entry, "%s", csn_result_text(CSN_E_NOMEM));
	if (entry->how.worker != NULL)
		r = create_isolated(entry, &self, &err);
	else
		r = entry->pub.component->create(entry->pub.host, entry->pub.config, &self,
		                                 &err);
	if (r >= 0 && self == NULL)
		r = csn_fail(&err, CSN_E_INTERNAL, "create made nothing and said it had");
	if (r < 0) {
		err.code = r;
		return miss(entry, "%s", csn_error_text(&err));
	}
	entry->pub.self = self;
	entry->pub.state = CSN_INSTANCE_READY;
	entry->made_before = registry->made_last;
	registry->made_last = entry;
	return CSN_OK;
}

static int
make(struct csn_registry *registry, struct entry *entry)
{
	int r;

	if (entry->pub.state == CSN_INSTANCE_READY)
		return CSN_OK;
	if (entry->making || entry->pub.state == CSN_INSTANCE_MISSING)
		return CSN_E_MISSING;
	entry->making = 1;
	r = make_needs(registry, entry);
	if (r == CSN_OK)
		r = create(registry, entry);
	entry->making = 0;
	return r;
}

int
csn_registry_start(struct csn_registry *registry, struct csn_error *err)
{
	int  result = CSN_OK;
	char name[96];

	for (struct csn_instance *i = registry->first; i != NULL; i = i->next) {
		if (make(registry, entry_of(i)) == CSN_OK)
			continue;
		name_of(i, name, sizeof name);
		csn_log_line(registry->log, CSN_LOG_WARN, name, "is missing: %s", i->reason);
		if (result == CSN_OK)
			result = csn_fail(err, CSN_E_MISSING, "%s is missing: %s", name,
			                  i->reason);
	}
	return result;
}

void
csn_registry_stop(struct csn_registry *registry)
{
	while (registry->made_last != NULL) {
		struct entry *entry = registry->made_last;

		registry->made_last = entry->made_before;
		entry->pub.component->destroy(entry->pub.self);
		entry->pub.self = NULL;
		entry->pub.state = CSN_INSTANCE_WANTED;
		if (entry->pub.isolated)
			entry->pub.component = entry->how.component;
		entry->pub.isolated = 0;
	}
}

const struct csn_instance *
csn_registry_list(const struct csn_registry *registry)
{
	return registry->first;
}

const struct csn_instance *
csn_registry_find(const struct csn_registry *registry, uint32_t kind, const char *label,
                  struct csn_error *err)
{
	const struct csn_instance *instance = find(registry, kind, label);
	char                       name[96];

	if (instance == NULL) {
		csn_fail(err, CSN_E_MISSING, "there is no %s%s%s in the configuration",
		         csn_kind_name(kind), label != NULL ? " " : "",
		         label != NULL ? label : "");
		return NULL;
	}
	if (instance->state == CSN_INSTANCE_READY)
		return instance;
	name_of(instance, name, sizeof name);
	csn_fail(err, CSN_E_MISSING, "%s is missing: %s", name,
	         instance->reason[0] != '\0' ? instance->reason : "it was not started");
	return NULL;
}
