/* Nothing is wrong here. */
#include "store.h"
