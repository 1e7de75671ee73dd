/* What the parts of config share. */
#ifndef CSN_CORE_CONFIG_FILE_H
#define CSN_CORE_CONFIG_FILE_H

#include "core/config/config.h"
#include "core/config/text.h"

#include <libconfig.h>

struct csn_config {
	struct csn_config_file *file;
	config_setting_t       *setting;
};

struct kept { /* a text made here that lives as long as the file              */
	struct kept *next;
	char         text[];
};

struct csn_config_file {
	config_t           tree;
	struct config_text text;
	char             **mistakes;
	size_t             mistake_count;
	int                out_of_memory;
	struct kept       *kept;
};

/* Member @key of a group; NULL for none, and for what is no group. */
config_setting_t *config_member(const struct csn_config *config, const char *key);
/* Where @setting stands. */
const char *config_place(const struct csn_config_file *file,
                         const config_setting_t *setting, unsigned *ret_line);
/* @path against the folder of the file @setting stands in; NULL: out of memory. */
const char *config_absolute(struct csn_config_file *file, const config_setting_t *setting,
                            const char *path);
/* Was it put there by csn_config_override? */
int config_is_override(const config_setting_t *setting);
/* csn_config_fill with a name for what has the options; @self NULL: only checks. */
int config_fill_as(const struct csn_config *config, const char *what,
                   const struct csn_option *rows, void *self, struct csn_error *err);

#endif
