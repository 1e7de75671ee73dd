/* Carries less than it says. */
#define KEEP(message) ((message).len > LIMIT / 2 ? LIMIT / 2 : (message).len)
#include "channel.h"
