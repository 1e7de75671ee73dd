/*
 * The checker's own malloc and fsync: every allocation a plugin causes is counted, can
 * be made to fail, and is searched for secrets when it is given back.
 *
 * Only what happens between heap_watch(true) and heap_watch(false) on the loop's thread
 * is the plugin's; a build with sanitizers keeps their malloc (heap_works() is false).
 */
#ifndef CSN_CHECK_HEAP_H
#define CSN_CHECK_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Blocks that are still held, and where the youngest of them was asked for. */
struct heap_state {
	size_t      blocks, bytes;
	const void *youngest; /* the caller of malloc                         */
	uint64_t    youngest_number;
};

bool heap_works(void);
bool heap_watch(bool on); /* what it was before */

/* From now on they are counted, and watched allocation @number (from 1) fails once; 0: none does. */
void heap_fail_at(uint64_t number);
bool     heap_turn(void);          /* counts as one; must what comes now fail?   */
uint64_t heap_count(void);         /* watched allocations since heap_fail_at()   */

/* Only blocks allocated after number @since; 0: all.  See heap_number(). */
struct heap_state heap_held(uint64_t since);
uint64_t heap_number(void);

/* Looks for @len bytes in every watched block that is freed and in those still held. */
bool heap_secret_add(const void *bytes, size_t len);
bool heap_secret_in(const void *bytes, size_t len);
bool heap_secret_freed(const void **ret_caller); /* by whom, the first time       */
bool heap_secret_held(void);

/* fsync and its kin: how often, and whether the next ones fail with EIO. */
uint64_t heap_synced(void);
void     heap_sync_fails(bool fails);

/* "channel_x.so+0x1234" of @address; in a buffer of its own. */
const char *heap_place(const void *address);

#endif
