/* Leaves the payload in memory. */
#define ON_END(run)
#include "ceremony.h"
