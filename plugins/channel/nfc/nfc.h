/* channel/nfc: the reader's side through PC/SC, and the tag's side through vpcd. */
#ifndef CHANNEL_NFC_H
#define CHANNEL_NFC_H

#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include <pthread.h>

#include "device/tag.h"
#include "lib/inbox.h"
#include "lib/outbox.h"
#include "reader.h"

/* ---- the reader: a thread waits for tags and talks to them ------------------------- */

struct nfc_news; /* from the thread to the loop */

struct nfc {
	const struct csn_host *host;
	char                  *reader_name, *medium, *socket;
	uint32_t               limit, chunk, poll_ms;

	struct csn_inbox inbox;   /* [loop]                                    */
	struct csn_outbox outbox; /* [loop]                                    */
	struct csn_watch *watch;  /* [loop] of news_fd                         */
	int              news_fd; /* readable while there is news              */

	pthread_t       thread;
	bool            running;
	long            context; /* SCARDCONTEXT                               */

	pthread_mutex_t lock;    /* what follows                               */
	pthread_cond_t  changed;
	bool            stop;
	bool            alive;   /* context is good; SCardCancel may be called */
	struct csn_buf *shown;   /* the message for the next tag; NULL: none   */
	uint32_t        name;    /* of it                                      */
	struct nfc_news *news, **news_tail; /* the loop has not heard it yet  */
	char            trouble[160];

	struct reader   reader;  /* the thread's alone                         */
};

extern const struct csn_channel_ops nfc_ops;
int nfc_start(struct nfc *nfc, struct csn_error *err);
void nfc_stop(struct nfc *nfc);

/* nfc.c, called by the thread */
void nfc_arrived(struct nfc *nfc, struct csn_bytes message);
void nfc_carried(struct nfc *nfc, uint32_t name, int result, const char *why);
/* Sets what diagnose() says; logs it when it is new. */
void nfc_trouble(struct nfc *nfc, int level, const char *text);

/* nfc-io.c */
void *nfc_thread(void *arg);
void nfc_wake(struct nfc *nfc);

/* ---- the tag --------------------------------------------------------------------------- */

struct nfc_tag {
	const struct csn_host *host;
	char                  *vpcd, *medium;
	uint32_t               limit, file, retry_ms;

	struct csn_inbox  inbox;
	struct csn_outbox outbox;
	struct csn_buf   *shown;
	struct csn_tag    tag;
	uint8_t          *memory; /* both files and the message that comes in  */
	size_t            memory_len;
	int               fd;
	bool              joined; /* the connection stands                     */
	struct csn_watch *watch;
	struct csn_timer *retry;
	uint8_t           in[2 + 512];
	size_t            in_len;
};

extern const struct csn_channel_ops nfc_tag_ops;
int nfc_tag_start(struct nfc_tag *self, struct csn_error *err);
void nfc_tag_stop(struct nfc_tag *self);

#endif
