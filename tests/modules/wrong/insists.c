/* Goes on asking when it has finished. */
#define ON_FINISH(run) (run)->session->ops->fact((run)->session, "mutual", "yes")
#include "ceremony.h"
