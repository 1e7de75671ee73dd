/* Says that all went well and decides nothing. */
#define JUDGE(evidence) ((evidence)->value.len == 1 ? CSN_UNDECIDED : CSN_REJECTED)
#include "attest.h"
