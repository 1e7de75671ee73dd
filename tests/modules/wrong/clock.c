/* Reads a clock. */
#define ON_STEP(run) (void)(run)->me->host->now((run)->me->host)
#include "ceremony.h"
