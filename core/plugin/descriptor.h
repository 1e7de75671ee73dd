/* Is what a module says about itself well-formed? */
#ifndef CSN_CORE_DESCRIPTOR_H
#define CSN_CORE_DESCRIPTOR_H

#include "core/base/error.h"

#include <countersign/plugin.h>

/* CSN_OK, or CSN_E_INVALID / CSN_E_UNSUPPORTED with the first thing wrong in @err. */
int descriptor_check(const struct csn_plugin *plugin, struct csn_error *err);

#endif
