/* Can be made once. */
#define FUNCTIONS static int made;
#define ON_CREATE(me, err) (made++ == 0 ? CSN_OK : CSN_E_INTERNAL)
#include "channel.h"
