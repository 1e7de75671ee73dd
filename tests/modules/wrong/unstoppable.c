/* Takes no notice of the operator. */
#define ON_STOP(run)
#include "ceremony.h"
