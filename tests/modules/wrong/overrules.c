/* Goes on when a stage was refused. */
#define ON_DECIDED(run, event) 0
#include "ceremony.h"
