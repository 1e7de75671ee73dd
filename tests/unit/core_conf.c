/* The examples in conf/ are sound ones, judged with the plugins of this tree. */
#include "core/config/config.h"
#include "core/plugin/loader.h"

#include "kit/tap.h"

#include <glob.h>
#include <stdlib.h>

/* Each module of the tree, refused ones shown. */
static struct csn_loader *
load_all(size_t *ret_ready)
{
	struct csn_loader *loader = csn_loader_new(NULL, NULL);
	struct csn_error   err = { 0 };
	glob_t             found;

	*ret_ready = 0;
	if (loader == NULL ||
	    glob(TEST_BUILDDIR "/plugins/*/*/.libs", 0, NULL, &found) != 0)
		return loader;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (csn_loader_add_folder(loader, found.gl_pathv[i], &err) < 0)
			tap_ok(false, "%s", err.text);
	globfree(&found);
	for (const struct csn_module *m = csn_loader_list(loader); m != NULL; m = m->next) {
		*ret_ready += m->state == CSN_MODULE_READY;
		tap_ok(m->state == CSN_MODULE_READY, "%s is loaded%s%s", m->name,
		       m->reason[0] != '\0' ? ": " : "", m->reason);
	}
	return loader;
}

static void
judge(const char *path, const struct csn_loader *loader)
{
	struct csn_config_file *file = NULL;
	struct csn_error        err = { 0 };
	const char             *name = path + strlen(TEST_SRCDIR "/");

	if (!tap_ok(csn_config_read(path, &file, &err) == CSN_OK, "%s is read", name))
		return;
	csn_config_check(file, loader);
	if (!tap_ok(csn_config_mistakes(file) == 0, "%s has no mistake", name))
		for (size_t i = 0; i < csn_config_mistakes(file); i++)
			tap_note("%s", csn_config_mistake(file, i));
	csn_config_free(file);
}

int
main(void)
{
	size_t             ready;
	struct csn_loader *loader = load_all(&ready);
	glob_t             found;

	if (ready == 0)
		tap_skip("its plugins' options", "no module files: plugins are built in");
	judge(TEST_SRCDIR "/conf/countersign.conf", ready > 0 ? loader : NULL);
	if (tap_ok(glob(TEST_SRCDIR "/conf/stations/*.conf", 0, NULL, &found) == 0,
	           "there are examples of stations")) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			judge(found.gl_pathv[i], ready > 0 ? loader : NULL);
		globfree(&found);
	}
	csn_loader_free(loader);
	return tap_done();
}
