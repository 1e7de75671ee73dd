/* Fills a member of a later contract without asking whether there is room. */
#define ON_CAPS(me, caps) memset((char *)(caps) + sizeof *(caps), 1, 4)
#include "channel.h"
