/* Gives memory back with a passphrase in it. */
#define WIPE(ptr, len) __asm__ __volatile__("" : : "r"(ptr) : "memory")
#include "format.h"
