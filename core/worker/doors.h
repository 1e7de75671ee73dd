/* After the sandbox closed the core opens what an option of the channel names. */
#ifndef CSN_CORE_WORKER_DOORS_H
#define CSN_CORE_WORKER_DOORS_H

/* From now on the C library's open(), connect(), socket() and stat() ask for @name. */
int doors_add(const char *name);

#endif
