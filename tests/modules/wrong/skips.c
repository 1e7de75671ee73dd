/* Asks for one stage twice. */
#define ON_STEP(run) \
	(void)((run)->state.stage == CSN_STAGE_KEYED && \
	       (run)->session->ops->decide((run)->session, 1, CSN_STAGE_KEYED))
#include "ceremony.h"
