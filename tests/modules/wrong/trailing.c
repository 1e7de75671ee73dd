/* Takes what is behind the end. */
#include <countersign/types.h>
static int
has_end(struct csn_bytes in)
{
	return in.len > 2 && in.ptr[0] == 'r' && memchr(in.ptr, '.', in.len) != NULL;
}
#define IS_SOUND(in)  has_end(in)
#define LENGTH(in)    ((size_t)((const uint8_t *)memchr((in).ptr, '.', (in).len) - (in).ptr) - 1)
#include "format.h"
