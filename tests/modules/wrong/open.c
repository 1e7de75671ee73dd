/* Does not mark its answer as secret. */
#define FLAGS 0
#include "format.h"
