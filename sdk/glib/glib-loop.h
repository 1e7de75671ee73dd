/*
 * A GLib main loop in a thread of its own, for plugins that speak D-Bus: what it does is
 * asked for from the host's loop, what it finds comes home there.
 */
#ifndef CSN_GLIB_LOOP_H
#define CSN_GLIB_LOOP_H

#include <countersign/host.h>

#include <gio/gio.h>

struct csn_glib;

/* [loop] Starts the thread; NULL without memory or descriptors. */
struct csn_glib *csn_glib_new(const struct csn_host *host);
/* [loop] Ends the thread; what was told and not heard is dropped.  NULL is fine. */
void csn_glib_free(struct csn_glib *glib);

/* [any] Runs @fn(@arg) on the thread, in order. */
void csn_glib_call(struct csn_glib *glib, void (*fn)(void *arg), void *arg);
/* The thread's: sources are attached to it. */
GMainContext *csn_glib_context(struct csn_glib *glib);

/* [any] Runs @fn(@self, @news) on the host's loop, in order; then, or instead, @drop(@news). */
void csn_glib_tell(struct csn_glib *glib, void (*fn)(void *self, void *news), void *self,
                   void *news, void (*drop)(void *news));

#endif
