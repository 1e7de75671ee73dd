/* Nothing: a ceremony of both sides. */
#include "ceremony.h"
