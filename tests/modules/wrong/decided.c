/* Fails and leaves a judgement behind. */
#define RESULT CSN_E_IO
#include "attest.h"
