/* Keeps half of a refused transaction. */
#define BACK(me, before) (void)(before)
#include "store.h"
