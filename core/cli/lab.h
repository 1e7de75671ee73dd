/* What the files of the command lab share. */
#ifndef CSN_CLI_LAB_H
#define CSN_CLI_LAB_H

#include "core/cli/cli.h"
#include "core/link/link.h"

struct lab_options {
	const char *out;         /* where the plot goes                       */
	const char *in;          /* constellation, picture: the media that receives */
	const char *column;      /* success: what stands on the x axis        */
	const char *plugin_path;
	char      **sets;
	double      from_khz, to_khz; /* spectrogram                          */
};

/* One plot of @subject (a file, or a channel); an exit code. */
int lab_spectrogram(struct cli *cli, const struct lab_options *options, const char *subject);
int lab_constellation(struct cli *cli, const struct lab_options *options, const char *subject);
int lab_picture(struct cli *cli, const struct lab_options *options, const char *subject);
int lab_success(struct cli *cli, const struct lab_options *options, const char *subject);

/* What a plot of a channel takes from each frame, and what it makes of it. */
struct lab_watch {
	void (*on_frame)(void *link, const struct csn_frame *frame);
	bool (*has_enough)(void);
	bool (*has_nothing)(void); /* when the listening is over              */
	const char *nothing;       /* and how that is said of the channel     */
	int (*plot)(struct cli *cli, const struct lab_options *options, const char *channel);
};

/* lab-watch.c: listens until there is enough and plots it; an exit code. */
int lab_watch(struct cli *cli, const struct lab_options *options, const char *channel,
              const struct lab_watch *watch);

/* The plot could not be written; the exit code. */
int lab_cannot_write(struct cli *cli, const struct lab_options *options);

#endif
