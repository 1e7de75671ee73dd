/* Accepts when it has no memory to look. */
#include <stdlib.h>
#include <countersign/attest.h>
static uint32_t
look(void)
{
	void *volatile room = malloc(64);

	if (room == NULL)
		return CSN_ACCEPTED;
	free(room);
	return CSN_REJECTED;
}
#define JUDGE(evidence) look()
#include "attest.h"
