/* Messages as uniform resources: type "bytes", in capitals, as other readers show them. */
#ifndef CHANNEL_QR_UR_WAY_H
#define CHANNEL_QR_UR_WAY_H

#include "lib/ur.h"

#include <countersign/types.h>

struct ur_way { /* zeroed it is empty */
	struct csn_ur_sender   *out;
	char                   *text; /* room for a part */
	struct csn_ur_receiver *in;
	unsigned                strangers; /* parts of another message, in a row */
};

void ur_way_done(struct ur_way *way);

/* How many codes of at most @room bytes the message takes, and how long the longest is. */
int ur_way_send(struct ur_way *way, struct csn_bytes message, size_t room, size_t *ret_codes,
                size_t *ret_payload);
/* Code @index, which may go on beyond the number of codes: those are sums. */
int ur_way_write(struct ur_way *way, size_t index, uint8_t *payload, size_t room, size_t *ret_len);
/* Takes a code's payload; the whole message while its codes are in view, else empty. */
int ur_way_take(struct ur_way *way, struct csn_bytes payload, struct csn_bytes *ret_message);

#endif
