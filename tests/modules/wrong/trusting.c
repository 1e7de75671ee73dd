/* Believes what a frame says of itself. */
#define MEDIUM CSN_MEDIUM_AUDIO
#define MORE_OPS .feed = feed, .render = render,
#define FUNCTIONS \
static int feed(void *self, const struct csn_frame *in) { float sum = 0; (void)self; \
	for (size_t i = 0; i < in->count; i++) { sum += in->samples[i]; } return sum > 1e9f ? CSN_E_PROTOCOL : CSN_OK; } \
static int render(void *self, struct csn_frame *out) { (void)self; out->count = 0; return CSN_OK; }
#include "channel.h"
