/* What the files of the command channels share. */
#ifndef CSN_CLI_CHANNELS_H
#define CSN_CLI_CHANNELS_H

#include "core/cli/probe.h"

struct channels_options {
	const char *record;  /* what was heard goes here, or NULL             */
	int         count;   /* messages to send                              */
	int         bytes;   /* of each                                       */
	int         seconds; /* to listen, 0: until interrupted or the end    */
	int         contents; /* print messages: lab only                     */
};

/* What comes in while one of the words runs. */
struct channels_ear {
	struct probe                  *p;
	const struct channels_options *options;
	struct link_listener           listener;
	struct csn_bytes               wanted;   /* the message under way     */
	bool                           got;      /* it came                   */
	size_t                         messages; /* that came, all of them    */
	uint64_t                       frames;
	struct csn_channel_report      last;     /* attempt; size 0: none     */
	bool                           quiet;    /* attempts are kept, not told */
	void                          *recording;
	bool                           record_failed;
};

/* channels-ear.c */
int  channels_ear_open(struct channels_ear *ear, struct probe *p,
                       const struct channels_options *options); /* an exit code */
int  channels_ear_close(struct channels_ear *ear, int code);
/* "fast, level -31.0 dBFS, snr 21.3 dB, ..." */
void channels_figures(const struct csn_channel_report *report, char *text, size_t len);
json_t *channels_json(const struct csn_channel_report *report);
/* Both ends, nothing heard: what was, and maybe why; into the document, too. */
void channels_silence(struct channels_ear *ear);

/* channels-test.c, channels-listen.c */
int channels_test(struct probe *p, const struct channels_options *options);
int channels_listen(struct probe *p, const struct channels_options *options);

#endif
