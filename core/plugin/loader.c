/* Modules by absolute path or built in, each kept with the reason for its state. */
#include "core/plugin/loader.h"

#include "core/base/nearest.h"
#include "core/plugin/descriptor.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NEAR_MAX 64

struct csn_loader {
	struct csn_log              *log;
	const struct csn_trust_list *list;
	struct csn_module           *first, **end;
	int                          builtins; /* negative: out of memory     */
};

struct csn_loader *
csn_loader_new(struct csn_log *log, const struct csn_trust_list *list)
{
	struct csn_loader *loader = calloc(1, sizeof *loader);

	if (loader == NULL || lt_dlinit() != 0) {
		free(loader);
		return NULL;
	}
	loader->log = log;
	loader->list = list;
	loader->end = &loader->first;
	return loader;
}

/* lt_dlexit() would unload, and threads or handlers of a module may be about. */
void
csn_loader_free(struct csn_loader *loader)
{
	struct csn_module *next;

	if (loader == NULL)
		return;
	for (struct csn_module *m = loader->first; m != NULL; m = next) {
		next = m->next;
		free(m->path);
		free(m);
	}
	free(loader);
}

const struct csn_module *
csn_loader_list(const struct csn_loader *loader)
{
	return loader->first;
}

static const struct csn_component *
offered(const struct csn_loader *loader, uint32_t kind, const char *name,
        const struct csn_module **ret_by)
{
	for (const struct csn_module *m = loader->first; m != NULL; m = m->next) {
		if (m->state != CSN_MODULE_READY)
			continue;
		for (size_t i = 0; m->plugin->components[i] != NULL; i++) {
			const struct csn_component *c = m->plugin->components[i];

			if (c->kind != kind || strcmp(c->name, name) != 0)
				continue;
			*ret_by = m;
			return c;
		}
	}
	return NULL;
}

/* One name, one component: which module wins must not hang on the order of files. */
static int
check_taken(const struct csn_loader *loader, const struct csn_plugin *plugin,
            struct csn_error *err)
{
	const struct csn_module *by;

	for (size_t i = 0; plugin->components[i] != NULL; i++) {
		const struct csn_component *c = plugin->components[i];

		if (offered(loader, c->kind, c->name, &by) != NULL)
			return csn_fail(err, CSN_E_REFUSED, "%s %s is offered by %s already",
			                csn_kind_name(c->kind), c->name,
			                by->path != NULL ? by->path : by->name);
	}
	return CSN_OK;
}

static struct csn_module *
add_module(struct csn_loader *loader, const char *path, const char *name)
{
	struct csn_module *module = calloc(1, sizeof *module);

	if (module == NULL)
		return NULL;
	module->path = path != NULL ? strdup(path) : NULL;
	if (path != NULL && module->path == NULL) {
		free(module);
		return NULL;
	}
	snprintf(module->name, sizeof module->name, "%s", name);
	module->sealed_fd = -1;
	*loader->end = module;
	loader->end = &module->next;
	return module;
}

static int
refuse(struct csn_loader *loader, struct csn_module *module, int code, const char *reason,
       struct csn_error *err)
{
	snprintf(module->reason, sizeof module->reason, "%s", reason);
	csn_log_line(loader->log, CSN_LOG_WARN, module->name, "refused: %s", reason);
	return csn_fail(err, code, "%s: %s", module->path != NULL ? module->path : module->name,
	                reason);
}

static int
judge(struct csn_loader *loader, struct csn_module *module, const struct csn_plugin *plugin,
      struct csn_error *err)
{
	struct csn_error why = { 0 };
	int              r = descriptor_check(plugin, &why);

	if (r == CSN_OK && strcmp(plugin->name, module->name) != 0)
		r = csn_fail(&why, CSN_E_INVALID, "calls itself %s", plugin->name);
	if (r == CSN_OK)
		r = check_taken(loader, plugin, &why);
	if (r < 0)
		return refuse(loader, module, r, why.text, err);
	module->plugin = plugin;
	module->state = CSN_MODULE_READY;
	return CSN_OK;
}

int
csn_loader_add_plugin(struct csn_loader *loader, const struct csn_plugin *plugin,
                      struct csn_error *err)
{
	const char        *name = plugin->magic == CSN_PLUGIN_MAGIC && plugin->name != NULL ?
	                                  plugin->name :
	                                  "a built-in";
	struct csn_module *module = add_module(loader, NULL, name);

	if (module == NULL)
		return csn_fail(err, CSN_E_NOMEM, "out of memory");
	return judge(loader, module, plugin, err);
}

/*
 * The symbol in full: libltdl would otherwise fall back to a bare csn_plugin, which
 * could come from a library the module depends on.
 */
static const struct csn_plugin *
find_symbol(lt_dlhandle handle, const char *name)
{
	char symbol[128];

	snprintf(symbol, sizeof symbol, "%s_LTX_csn_plugin", name);
	return lt_dlsym(handle, symbol);
}

/*
 * libltdl says "file not found" whatever the cause, and binds lazily; dlopen tells the
 * truth and finds every missing symbol now.  What it mapped stays mapped.
 */
static lt_dlhandle
open_file(const struct csn_module *module, struct csn_error *err)
{
	char        sealed[32];
	const char *path = module->path, *why;
	lt_dlhandle handle;

	/* Its descriptor stays open: the linker knows modules by this name. */
	if (module->sealed_fd >= 0) {
		snprintf(sealed, sizeof sealed, "/proc/self/fd/%d", module->sealed_fd);
		path = sealed;
	}
	size_t len = strlen(path);

	if (dlopen(path, RTLD_NOW | RTLD_LOCAL) == NULL) {
		why = dlerror();
		if (strncmp(why, path, len) == 0 && strncmp(why + len, ": ", 2) == 0)
			why += len + 2;
		csn_fail(err, CSN_E_MISSING, "cannot be loaded: %s", why);
		return NULL;
	}
	handle = lt_dlopen(path);
	if (handle == NULL)
		csn_fail(err, CSN_E_MISSING, "cannot be loaded: %s", lt_dlerror());
	return handle;
}

/* "/usr/lib/x/channel_qr.so" gives "channel_qr"; 0 when it is no such path. */
static int
name_of(const char *path, char ret_name[64])
{
	const char *base = strrchr(path, '/');
	size_t      len = base != NULL ? strlen(++base) : 0;

	if (path[0] != '/' || len < 4 || len - 3 >= 64 || strcmp(base + len - 3, ".so") != 0)
		return 0;
	memcpy(ret_name, base, len - 3);
	ret_name[len - 3] = '\0';
	return 1;
}

/* Opens what was found to be trusted and takes it in. */
static int
open_module(struct csn_loader *loader, struct csn_module *module, struct csn_error *err)
{
	struct csn_error         why = { 0 };
	const struct csn_plugin *plugin;
	lt_dlhandle              handle = open_file(module, &why);

	if (handle == NULL)
		return refuse(loader, module, why.code, why.text, err);
	plugin = find_symbol(handle, module->name);
	if (plugin == NULL) {
		csn_fail(&why, CSN_E_MISSING, "has no symbol %s_LTX_csn_plugin", module->name);
		return refuse(loader, module, CSN_E_MISSING, why.text, err);
	}
	return judge(loader, module, plugin, err);
}

static int
begin_module(struct csn_loader *loader, const char *path, struct csn_module **ret_module,
             struct csn_error *err)
{
	char name[64];

	if (!name_of(path, name))
		return csn_fail(err, CSN_E_INVALID,
		                "%s: wanted the absolute path of a KIND_NAME.so", path);
	*ret_module = add_module(loader, path, name);
	return *ret_module != NULL ? CSN_OK : csn_fail(err, CSN_E_NOMEM, "out of memory");
}

int
csn_loader_add_file(struct csn_loader *loader, const char *path, struct csn_error *err)
{
	struct csn_error   why = { 0 };
	struct csn_module *module = NULL;
	int                r = begin_module(loader, path, &module, err);

	if (r < 0)
		return r;
	r = csn_trust_file(path, loader->list, module->digest, &module->sealed_fd, &why);
	if (r < 0)
		return refuse(loader, module, r, why.text, err);
	return open_module(loader, module, err);
}

int
csn_loader_add_same(struct csn_loader *loader, const char *path, const char *digest,
                    int sealed_fd, struct csn_error *err)
{
	struct csn_error   why = { 0 };
	struct csn_module *module = NULL;
	int                r = begin_module(loader, path, &module, err);

	if (r < 0)
		return r;
	if (sealed_fd > 0)
		module->sealed_fd = sealed_fd;
	else
		r = csn_trust_file(path, NULL, module->digest, &module->sealed_fd, &why);
	if (r == CSN_OK && sealed_fd <= 0 && strcmp(module->digest, digest) != 0)
		r = csn_fail(&why, CSN_E_REFUSED, "%s is not the file it was a moment ago", path);
	if (r < 0)
		return refuse(loader, module, r, why.text, err);
	return open_module(loader, module, err);
}

static int
is_module(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

/* As strcmp, so that the order does not depend on the language of the day. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int
csn_loader_add_folder(struct csn_loader *loader, const char *folder, struct csn_error *err)
{
	struct dirent  **entries;
	struct csn_error why = { 0 };
	char             path[4096];
	int              count, r = csn_trust_folder(folder, err);

	if (r < 0)
		return r;
	count = scandir(folder, &entries, is_module, by_name);
	if (count < 0)
		return csn_fail(err, CSN_E_IO, "%s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		int n = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);

		/* A refused module is on the list with its reason. */
		if (n > 0 && (size_t)n < sizeof path &&
		    csn_loader_add_file(loader, path, &why) == CSN_E_NOMEM)
			r = csn_fail(err, CSN_E_NOMEM, "out of memory");
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* --- built in ----------------------------------------------------------------- */

static struct csn_loader *adding; /* lt_dlpreload_open() has no argument to pass on */

static int
add_preloaded(lt_dlhandle handle)
{
	const lt_dlinfo         *info = lt_dlgetinfo(handle);
	const struct csn_plugin *plugin;
	struct csn_module       *module;
	struct csn_error         why = { 0 };

	if (info == NULL || info->name == NULL)
		return 0;
	plugin = find_symbol(handle, info->name);
	if (plugin == NULL)
		return 0; /* some other library that was linked in the same way */
	module = add_module(adding, NULL, info->name);
	if (module == NULL)
		return 1;
	adding->builtins++;
	judge(adding, module, plugin, &why);
	return 0;
}

int
csn_loader_add_builtin(struct csn_loader *loader)
{
	loader->builtins = 0;
	adding = loader;
	/* It fails as well when nothing was linked in, which is no failure of ours. */
	lt_dlpreload_open("@PROGRAM@", add_preloaded);
	adding = NULL;
	return loader->builtins;
}

/* --- finding ------------------------------------------------------------------ */

static int
explain_missing(const struct csn_loader *loader, uint32_t kind, const char *name,
                struct csn_error *err)
{
	const char *names[NEAR_MAX + 1] = { NULL };
	const char *near;
	char        id[128];
	size_t      count = 0;

	snprintf(id, sizeof id, "%s_%.64s", csn_kind_name(kind), name);
	for (char *at = id; (at = strchr(at, '-')) != NULL;)
		*at = '_'; /* a symbol has no other choice */
	for (const struct csn_module *m = loader->first; m != NULL; m = m->next) {
		if (m->state == CSN_MODULE_REFUSED && strcmp(m->name, id) == 0)
			return csn_fail(err, CSN_E_MISSING, "plugin %s %.64s was refused: %s",
			                csn_kind_name(kind), name, m->reason);
		for (size_t i = 0; m->plugin != NULL && m->plugin->components[i] != NULL; i++)
			if (m->plugin->components[i]->kind == kind && count < NEAR_MAX)
				names[count++] = m->plugin->components[i]->name;
	}
	near = csn_nearest(name, names);
	if (near != NULL)
		return csn_fail(err, CSN_E_MISSING,
		                "there is no %s plugin \"%.64s\"; did you mean \"%s\"?",
		                csn_kind_name(kind), name, near);
	return csn_fail(err, CSN_E_MISSING, "there is no %s plugin \"%.64s\"",
	                csn_kind_name(kind), name);
}

const struct csn_module *
csn_loader_module(const struct csn_loader *loader, const struct csn_component *component)
{
	for (const struct csn_module *m = loader->first; m != NULL; m = m->next)
		for (size_t i = 0; m->plugin != NULL && m->plugin->components[i] != NULL; i++)
			if (m->plugin->components[i] == component)
				return m;
	return NULL;
}

const struct csn_component *
csn_loader_find(const struct csn_loader *loader, uint32_t kind, const char *name,
                struct csn_error *err)
{
	const struct csn_module    *by;
	const struct csn_component *component = offered(loader, kind, name, &by);

	if (component == NULL)
		explain_missing(loader, kind, name, err);
	return component;
}
