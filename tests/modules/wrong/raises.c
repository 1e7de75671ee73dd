/* Raises in appraise what verify had not accepted. */
#define APPRAISE(judgement) ((judgement) == CSN_UNDECIDED ? CSN_ACCEPTED : (judgement))
#include "attest.h"
