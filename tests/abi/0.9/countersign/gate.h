/* Gates admit a device to the network or isolate it; they never fail open. */
#ifndef COUNTERSIGN_GATE_H
#define COUNTERSIGN_GATE_H

#include <countersign/types.h>

struct csn_gate_ops {
	uint32_t size;
	/* [loop] @op ends CSN_OK once the device may use the network. */
	int (*admit)(void *self, struct csn_op *op, struct csn_bytes did);
	/* [loop] @op ends CSN_OK once it may not. */
	int (*isolate)(void *self, struct csn_op *op, struct csn_bytes did);
	void (*cancel)(void *self, struct csn_op *op); /* [loop]              */
};

#endif
