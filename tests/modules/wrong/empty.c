/* Has an answer to an empty message that is none. */
#define REFUSED(len) ((len) == 0 ? CSN_E_IO : (len) > LIMIT ? CSN_E_TOO_BIG : CSN_OK)
#include "channel.h"
