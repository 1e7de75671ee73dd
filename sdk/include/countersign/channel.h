/*
 * Channels carry bounded messages out of band.  Where the medium is sound or
 * picture a channel is pure: the host moves frames between it and a media plugin.
 */
#ifndef COUNTERSIGN_CHANNEL_H
#define COUNTERSIGN_CHANNEL_H

#include <countersign/types.h>

enum csn_direction {
	CSN_SEND    = 1 << 0,
	CSN_RECEIVE = 1 << 1,
	CSN_DUPLEX  = 1 << 2, /* both at once                                 */
};

enum csn_medium {
	CSN_MEDIUM_NONE  = 0, /* the channel does its own I/O                 */
	CSN_MEDIUM_AUDIO = 1,
	CSN_MEDIUM_VIDEO = 2,
};

enum csn_trait { /* claims; configuration decides what to believe             */
	CSN_TRAIT_PROXIMITY = 1 << 0, /* only something near can take part    */
	CSN_TRAIT_ATTENDED  = 1 << 1, /* a person sees or hears it happen     */
	CSN_TRAIT_BROADCAST = 1 << 2, /* anyone near may overhear             */
};

struct csn_channel_caps {
	uint32_t size;
	uint32_t direction, medium, traits;
	uint32_t max_message;      /* bytes carried whole; 0 is not allowed   */
	uint32_t bytes_per_second; /* typical, 0 when unknown                 */
	uint32_t latency_ms;       /* typical, first byte in to last byte out */
	const char *medium_name;   /* compared for equality: "qr", "ultrasonic"; lives
	                              as long as the instance                 */
	uint32_t at_once;          /* since 0.13: messages that send_many takes, at most
	                              CSN_AT_ONCE_MAX; 0 or 1: there is only send     */
};

enum { CSN_AT_ONCE_MAX = 8 };

enum csn_frame_flags {
	CSN_FRAME_GAP = 1 << 0, /* something was lost before this frame       */
};

/*
 * One picture (8-bit grey) or one run of samples (mono float, full scale 1.0).
 * The side that made the call owns the memory.
 */
struct csn_frame {
	uint32_t size;
	uint32_t medium; /* CSN_MEDIUM_AUDIO or CSN_MEDIUM_VIDEO              */
	uint32_t flags;
	uint32_t rate_hz; /* audio                                            */
	uint64_t time_ns; /* boot-time clock: end of the last sample or exposure */
	uint8_t *grey;    /* video: height rows of stride bytes               */
	uint32_t width, height, stride;
	float   *samples; /* audio                                            */
	size_t   count;   /* audio: samples held; for render, room in and held out */
};

/* One figure that says how things stand; with a name, so that anyone can print it. */
struct csn_figure {
	char   name[16]; /* "snr"                                             */
	char   unit[8];  /* "dB"; "" for a plain number                       */
	double value;
	double least;    /* what it takes, not a number when nothing does     */
};

enum { CSN_FIGURES = 16 };

/* What one attempt at a message looked like, or how things stand right now. */
struct csn_channel_report {
	uint32_t size;
	uint32_t arrived;  /* 1: a message came of it                         */
	uint32_t bytes;    /* of that message                                 */
	uint32_t figures;  /* used of figure                                  */
	uint64_t at_ms;    /* its end, in time of the medium since the start  */
	char     mode[16]; /* how it was sent: "fast"; "" when that is unknown */
	char     stage[16]; /* how far it came: "done"                        */
	char     cause[16]; /* why it probably failed, a stable word; "" none */
	char     text[160]; /* the same for a person: a guess, and says so    */
	struct csn_figure figure[CSN_FIGURES];
};

struct csn_channel_ops {
	uint32_t size;
	/* [loop] Fills @caps, which arrives zeroed with size set. */
	int (*caps)(void *self, struct csn_channel_caps *caps);
	/*
	 * [loop] Sends @message; @op ends when it has been carried (shown, played)
	 * in full once.  A display keeps showing it until the next send or rest.
	 * CSN_E_TOO_BIG over max_message, CSN_E_BUSY while another send is pending.
	 */
	int (*send)(void *self, struct csn_op *op, struct csn_bytes message);
	/* [loop] Ends @op with the next whole message as its buf. */
	int (*receive)(void *self, struct csn_op *op);
	/* [loop] Ends @op soon, with CSN_E_CANCELLED. */
	void (*cancel)(void *self, struct csn_op *op);
	/* [loop] Stops showing or playing anything.  NULL where nothing stays. */
	void (*rest)(void *self);
	/* [loop] Only with a medium: takes in what was seen or heard.  Never waits. */
	int (*feed)(void *self, const struct csn_frame *in);
	/*
	 * [loop] Only with a medium: draws the next picture into out->grey, or writes
	 * up to out->count samples and sets count.  Nothing to show or play: count 0
	 * and CSN_OK (a picture drawn sets count to 1).  Sound systems swallow the first
	 * and the last of what they play: silence round a message is the channel's own.
	 */
	int (*render)(void *self, struct csn_frame *out);
	/* [loop] Why nothing came: text for a person, into @text of @len bytes. */
	int (*diagnose)(void *self, char *text, size_t len);
	/*
	 * [loop] Since 0.12.  The oldest attempt not told yet, or CSN_E_MISSING when there
	 * is none; the last few are kept.  @report arrives zeroed with size set.
	 */
	int (*attempt)(void *self, struct csn_channel_report *report);
	/* [loop] Since 0.12.  Levels now, and the likely cause of silence. */
	int (*meter)(void *self, struct csn_channel_report *report);
	/*
	 * [loop] Since 0.12.  The constellation of the attempt told last: up to @room
	 * points (x, y), as received and equalised, where +-1 is meant; how many in
	 * *ret_count.  CSN_E_MISSING when it is not kept.
	 */
	int (*points)(void *self, float (*xy)[2], size_t room, size_t *ret_count);
	/*
	 * [loop] Since 0.13.  Like send, of up to caps.at_once messages that are carried
	 * beside one another, as codes in one picture are: @op ends when all of them have
	 * been carried once.  Each arrives as a message of its own.
	 */
	int (*send_many)(void *self, struct csn_op *op, const struct csn_bytes *messages,
	                 size_t count);
	/*
	 * [loop] Since 0.13.  Where in the picture fed last something was found: up to
	 * @room points (x, y) in pixels, four corners for each part, the whole first.
	 */
	int (*marks)(void *self, float (*xy)[2], size_t room, size_t *ret_count);
};

#endif
