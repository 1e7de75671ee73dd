/* Grants a claim again. */
#define CLAIMED(row) 0
#include "store.h"
