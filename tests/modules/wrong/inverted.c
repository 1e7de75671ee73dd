/* Has an option whose bounds are the wrong way round. */
#define MEMBERS uint32_t odd;
#define OPTIONS { .key = "odd", .type = CSN_U32, .min = 9, .max = 1, .help = "a number", \
	.offset = offsetof(struct wrong, odd) },
#include "channel.h"
