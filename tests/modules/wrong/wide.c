/* Takes more than it says it carries. */
#define REFUSED(len) ((len) == 0 ? CSN_E_INVALID : (len) > LIMIT + 1 ? CSN_E_TOO_BIG : CSN_OK)
#include "channel.h"
