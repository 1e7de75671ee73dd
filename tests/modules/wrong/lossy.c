/* Loses the last byte of a record. */
#define LENGTH(in) ((in).len - 3)
#include "format.h"
