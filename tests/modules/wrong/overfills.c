/* Says that it wrote more samples than there was room for. */
#define MEDIUM CSN_MEDIUM_AUDIO
#define MORE_OPS .feed = feed, .render = render,
#define FUNCTIONS \
static int feed(void *self, const struct csn_frame *in) { (void)self; return in->medium == CSN_MEDIUM_AUDIO && in->samples != NULL ? CSN_OK : CSN_E_INVALID; } \
static int render(void *self, struct csn_frame *out) { (void)self; out->count += 1; return CSN_OK; }
#define ON_SENT(me, op) (void)(op)
#include "channel.h"
