/*
 * Doors: what a channel's own options name may be opened for it after its worker's
 * sandbox closed, by the core.  One datagram asks over a second socket, one answers, and
 * the descriptor comes with it.  Both ends are one release, so these are plain structs.
 */
#ifndef CSN_CORE_DOORS_H
#define CSN_CORE_DOORS_H

#include <stdint.h>

#define DOOR_FD       6 /* of the worker, behind its modules                   */
#define DOOR_NAME_MAX 4095u

enum door_what {
	DOOR_OPEN    = 1, /* a device, a pipe, a file to read                  */
	DOOR_CONNECT = 2, /* a socket's path, or "127.0.0.1:4711"              */
	DOOR_LOOK    = 3, /* is it there, and what is it?                      */
};

struct door_ask { /* the name ends the datagram, with no NUL                  */
	uint32_t what;
	int32_t  flags; /* open()'s                                            */
	char     name[DOOR_NAME_MAX + 1];
};

struct door_answer {
	int32_t  error; /* an errno; 0 and EINPROGRESS come with a descriptor  */
	uint32_t mode;  /* what stat() says                                    */
};

#endif
