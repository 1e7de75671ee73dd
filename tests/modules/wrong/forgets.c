/* Leaves something out of its state. */
#define ON_FREEZE 4
#include "ceremony.h"
