/*
 * A channel whose messages are files of a folder: a memory card, a shared folder, or the
 * place where another implementation puts what it wants to say.
 */
#ifndef CHANNEL_FILE_H
#define CHANNEL_FILE_H

#include "names.h"

#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

struct file {
	const struct csn_host *host;
	char                  *folder;
	char                  *medium;
	uint32_t               limit;
	uint32_t               poll_ms;

	struct csn_op    *receiving;
	struct csn_watch *watch; /* while receiving; NULL where there is no inotify */
	struct csn_timer *poll;
	int               folder_fd;
	int               notify_fd;
	struct names      done; /* received, refused, or our own */
	uint32_t          last; /* highest number written or seen */
	uint32_t          received;
	char              refusal[160]; /* about the last file that was not a message */
};

extern const struct csn_channel_ops file_ops;

int file_open(struct file *file, struct csn_error *err);
void file_close(struct file *file);

#endif
