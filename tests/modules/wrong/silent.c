/* Fails without a reason. */
#define ON_CREATE(me, err) CSN_E_IO
#include "channel.h"
