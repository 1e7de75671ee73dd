/* What a module says about itself: is it well-formed, and what its kinds are called. */
#ifndef CSN_CORE_DESCRIPTOR_H
#define CSN_CORE_DESCRIPTOR_H

#include "core/base/error.h"

#include <countersign/plugin.h>

/* CSN_OK, or CSN_E_INVALID / CSN_E_UNSUPPORTED with the first thing wrong in @err. */
int descriptor_check(const struct csn_plugin *plugin, struct csn_error *err);
/* "channel" for CSN_KIND_CHANNEL, "?" for none; and back, 0 for none. */
const char *csn_kind_name(uint32_t kind);
uint32_t csn_kind_of(const char *name);

#endif
