/* Where there is no evidence it finds no fault. */
#define JUDGE(evidence) ((evidence)->value.len == 0 ? CSN_ACCEPTED : CSN_REJECTED)
#include "attest.h"
