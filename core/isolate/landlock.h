/* Landlock by its system calls: what Debian 12's headers know is older than kernels are. */
#ifndef CSN_CORE_ISOLATE_LANDLOCK_H
#define CSN_CORE_ISOLATE_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * From now on this thread opens nothing but what lies beneath @paths, and neither binds
 * nor connects TCP, nor abstract sockets, nor signals others, as far as the kernel can.
 * The version of Landlock there is, or a negative errno: then nothing was done.
 */
int landlock_enter(const char *const *paths, size_t count, bool write);

#endif
