/*
 * One line at a time to a descriptor, as text, as text with <N> levels for a journal
 * or as JSON.  Text is bounded, control characters are escaped, known secrets hidden.
 */
#ifndef CSN_CORE_LOG_H
#define CSN_CORE_LOG_H

#include <countersign/host.h>

#include <stdarg.h>

enum csn_log_style {
	CSN_LOG_TEXT,    /* warning: channel qr: ...                          */
	CSN_LOG_JOURNAL, /* <4>channel qr: ...                                */
	CSN_LOG_JSON, /* {"schema":1,"level":4,"from":"channel qr","text":"..."} */
};

#define CSN_LOG_LINE 1024 /* bytes of text kept of one line                   */

struct csn_log;

/* Writes to @fd, which stays the caller's; lines above @level are dropped. */
struct csn_log *csn_log_new(int fd, enum csn_log_style style, int level);
void csn_log_free(struct csn_log *log); /* NULL is fine */
/* [any] @log may be NULL: then nothing is written. */
__attribute__((format(printf, 4, 5))) void csn_log_line(struct csn_log *log, int level,
                                                        const char *from,
                                                        const char *fmt, ...);
__attribute__((format(printf, 4, 0))) void csn_log_vline(struct csn_log *log, int level,
                                                         const char *from,
                                                         const char *fmt, va_list args);
/* [any] From now on @secret (4 bytes or more) is written as "***". */
int csn_log_hide(struct csn_log *log, const char *secret);

#endif
