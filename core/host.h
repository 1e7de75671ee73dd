/* The table of services a plugin gets, over a loop and a log. */
#ifndef CSN_CORE_HOST_H
#define CSN_CORE_HOST_H

#include "core/base/log.h"
#include "core/loop/loop.h"

#include <countersign/host.h>

/* One for each instance; @from names it in the log ("channel qr") and is copied. */
struct csn_host *csn_host_new(struct csn_loop *loop, struct csn_log *log,
                              const char *from);
void csn_host_free(struct csn_host *host); /* NULL is fine */

#endif
