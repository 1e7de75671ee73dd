/* Does not listen to what the disk says. */
#define SYNC(fd) (fsync(fd), 0)
#include "store.h"
