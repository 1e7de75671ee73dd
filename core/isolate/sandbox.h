/*
 * Takes from this process all that it does not need any more.  What was opened before
 * stays open; nothing else can be.
 */
#ifndef CSN_CORE_ISOLATE_SANDBOX_H
#define CSN_CORE_ISOLATE_SANDBOX_H

#include "core/base/error.h"

#include <stdbool.h>

#define SANDBOX_PATHS 4

struct sandbox {
	bool media;   /* ioctl and shared memory of what is open              */
	bool threads; /* and what is done with sockets that are open          */
	bool doors;   /* placeholders for sockets, a terminal's settings      */
	/*
	 * Files and folders beneath which files may still be opened: a recording is one
	 * file a picture.  Held by Landlock alone, so they count only where there is one
	 * and where no thread of this process is outside of it.
	 */
	const char *paths[SANDBOX_PATHS];
	size_t      path_count;
	bool        write;   /* the paths are written to, too                 */
	bool        folders; /* they are all it has: files come and go there  */
};

/* In words for the log: "seccomp, Landlock 7, no new privileges". */
struct sandbox_report {
	char text[128];
	bool weaker; /* the kernel lacks something                            */
};

int sandbox_enter(const struct sandbox *sandbox, struct sandbox_report *ret_report,
                  struct csn_error *err);

#endif
