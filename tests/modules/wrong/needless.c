/* Needs something and does not say why. */
#define NEEDS ((const struct csn_need[]){ { CSN_KIND_STORE, 0, NULL, NULL }, { 0, 0, NULL, NULL } })
#include "channel.h"
