/* Asks for the payload before it may. */
#define ON_STEP(run) \
	(void)((run)->state.side == CSN_SIDE_STATION && (run)->state.stage == CSN_STAGE_ATTESTED && \
	       (run)->session->ops->payload((run)->session, 1))
#include "ceremony.h"
