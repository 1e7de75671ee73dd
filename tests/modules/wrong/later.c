/* Says yes at once and writes everything when it is destroyed. */
#define WRITE_NOW 0
#include "store.h"
