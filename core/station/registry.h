/*
 * The instances a configuration asks for, created in the order of their needs and
 * destroyed in reverse.  For each one that is missing it can say why.
 */
#ifndef CSN_CORE_REGISTRY_H
#define CSN_CORE_REGISTRY_H

#include "core/base/log.h"
#include "core/config/config.h"
#include "core/isolate/isolate.h"
#include "core/loop/loop.h"
#include "core/plugin/loader.h"

enum csn_instance_state {
	CSN_INSTANCE_WANTED  = 0, /* start has not come to it yet             */
	CSN_INSTANCE_READY   = 1,
	CSN_INSTANCE_MISSING = 2, /* see reason                               */
};

struct csn_instance {
	struct csn_instance        *next;
	char                       *label; /* "screen"; else the component's name */
	uint32_t                    kind, state;
	const struct csn_component *component; /* NULL: no such component     */
	const struct csn_config    *config;
	void                       *self; /* NULL unless READY                */
	struct csn_host            *host;
	int                         isolated; /* self is a worker's stand-in, see isolate.h */
	char                        reason[CSN_ERROR_TEXT];
};

struct csn_registry;

/* All borrowed; @log may be NULL. */
struct csn_registry *csn_registry_new(struct csn_loader *loader, struct csn_loop *loop,
                                      struct csn_log *log);
void csn_registry_free(struct csn_registry *registry); /* stops first; NULL is fine */

/*
 * Asks for component @name of @kind under @label (NULL: @name).  A name nobody offers
 * is not an error here: the instance is MISSING with its reason.
 */
int csn_registry_want(struct csn_registry *registry, uint32_t kind, const char *name,
                      const char *label, const struct csn_config *config,
                      struct csn_error *err);
/*
 * The instance asked for last will live in a worker.  Of @how the worker, level, media
 * and times are taken, texts copied; the rest is known here.
 */
int csn_registry_isolate(struct csn_registry *registry, const struct csn_isolation *how);
/*
 * Creates all, needs first.  CSN_OK when every instance is ready, else CSN_E_MISSING
 * with the first reason in @err; the others stand beside each instance.
 */
int csn_registry_start(struct csn_registry *registry, struct csn_error *err);
/* Destroys in reverse; what was READY is WANTED again. */
void csn_registry_stop(struct csn_registry *registry);

/* In the order they were asked for. */
const struct csn_instance *csn_registry_list(const struct csn_registry *registry);
/* @label NULL: the first of that kind.  NULL and why when it is not READY. */
const struct csn_instance *csn_registry_find(const struct csn_registry *registry,
                                             uint32_t kind, const char *label,
                                             struct csn_error *err);

#endif
