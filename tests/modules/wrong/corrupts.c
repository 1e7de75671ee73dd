/* Makes the picture it was given another one. */
#define MEDIUM CSN_MEDIUM_VIDEO
#define MORE_OPS .feed = feed, .render = render,
#define FUNCTIONS \
static int feed(void *self, const struct csn_frame *in) { (void)self; return in->medium == CSN_MEDIUM_VIDEO ? CSN_OK : CSN_E_INVALID; } \
static int render(void *self, struct csn_frame *out) { (void)self; out->width += 1; out->count = 1; return CSN_OK; }
#include "channel.h"
