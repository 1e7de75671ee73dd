/* Which instances of a configuration live in a worker, and which worker that is. */
#include "core/station/int.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/*
 * Beside this program in a build tree, else where both were installed to, together or as
 * configured.  These places and no others: nothing is searched for.
 */
static int
find_worker(struct csn_station *st, struct csn_error *err)
{
	static const char *const near[] = { "countersign-worker",
		                            "../libexec/countersign/countersign-worker" };
	char    exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char   *slash;

	if (st->plugins.worker != NULL) {
		snprintf(st->worker, sizeof st->worker, "%s", st->plugins.worker);
		return csn_trust_program(st->worker, err);
	}
	exe[len > 0 ? len : 0] = '\0';
	slash = strrchr(exe, '/');
	for (size_t i = 0; slash != NULL && i < sizeof near / sizeof *near; i++) {
		int n = snprintf(st->worker, sizeof st->worker, "%.*s/%s", (int)(slash - exe),
		                 exe, near[i]);

		if (n > 0 && (size_t)n < sizeof st->worker && access(st->worker, X_OK) == 0)
			return csn_trust_program(st->worker, err);
	}
	snprintf(st->worker, sizeof st->worker, "%s", CSN_WORKER);
	return csn_trust_program(st->worker, err);
}

/* Whatever reads foreign bytes does, unless somebody says otherwise. */
bool
station_apart(const struct csn_station *st, uint32_t choice)
{
	if (choice == CSN_ISOLATION_AUTO)
		return st->plugins.isolation == 0;
	return choice == CSN_ISOLATION_WORKER;
}

/* The media goes into the worker of the channel that has it. */
static int
add_media(struct csn_station *st, const char *name, struct csn_isolation *how, char label[80],
          struct csn_error *err)
{
	const struct csn_config *all = csn_config_sub(csn_config_root(st->file), "media");
	const struct csn_config *config = csn_config_sub(all, name);
	const char              *use = config != NULL ? csn_config_use(config) : NULL;

	if (use == NULL)
		return csn_fail(err, CSN_E_CONFIG, "there is no \"%.64s\" in the media section",
		                name);
	how->media = csn_loader_find(st->loader, CSN_KIND_MEDIA, use, err);
	if (how->media == NULL)
		return CSN_E_MISSING;
	how->media_config = config;
	snprintf(label, 80, "media %.64s", name);
	how->media_label = label;
	return CSN_OK;
}

int
station_isolate(struct csn_station *st, const char *media, struct csn_error *err)
{
	struct csn_isolation how = { .level = st->log_level };
	char                 label[80];
	int                  r = CSN_OK;

	if (st->worker[0] == '\0') {
		struct csn_error why = { 0 };

		r = find_worker(st, &why);
		if (r < 0)
			return csn_fail(err, r, "no worker to isolate plugins in: %.300s; see isolation "
			                "in countersign.conf(5)", csn_error_text(&why));
	}
	how.worker = st->worker;
	if (media != NULL)
		r = add_media(st, media, &how, label, err);
	if (r < 0)
		return r;
	return csn_registry_isolate(st->registry, &how);
}
