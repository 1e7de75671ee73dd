/* Asks without an id. */
#define CALL 0
#include "ceremony.h"
