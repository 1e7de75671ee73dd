/*
 * Types shared by every part of the plugin contract.
 *
 * Marks used in this folder: [loop] call only on the loop thread, [any] from any
 * thread.  Plugin functions are called on the loop thread unless marked [any].
 * Lengths are bytes, times are nanoseconds unless the name carries a unit.
 */
#ifndef COUNTERSIGN_TYPES_H
#define COUNTERSIGN_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define CSN_STATIC_ASSERT(expr, text) static_assert(expr, text)
#else
#define CSN_STATIC_ASSERT(expr, text) _Static_assert(expr, text)
#endif

/* The contract these headers describe.  Another major is refused at load. */
#define CSN_ABI_MAJOR 0
#define CSN_ABI_MINOR 13

/* Does table @t reach as far as member @m, and is @m filled in? */
#define CSN_HAS(t, m)                                                          \
	((t) != NULL && (t)->size >= offsetof(__typeof__(*(t)), m) + sizeof((t)->m) && \
	 (t)->m != NULL)

/* Borrowed bytes: valid until the call they were passed to returns. */
struct csn_bytes {
	const uint8_t *ptr;
	size_t         len;
};

#ifndef __cplusplus
#define CSN_BYTES_OF(array) ((struct csn_bytes){ (array), sizeof(array) })
#define CSN_BYTES_NONE      ((struct csn_bytes){ NULL, 0 })
#endif

struct csn_host;   /* services of the host, see host.h                      */
struct csn_config; /* the checked options of one configuration section      */
struct csn_error;  /* where a failing call explains itself                  */
struct csn_op;     /* one pending operation, owned by the host              */
struct csn_buf;    /* counted, immutable bytes; wiped on release if secret  */

/* What a call returns: 0, or one of these. */
enum csn_result {
	CSN_OK            = 0,
	CSN_E_NOMEM       = -1,  /* out of memory                             */
	CSN_E_INVALID     = -2,  /* caller broke the contract                 */
	CSN_E_CONFIG      = -3,  /* an option is wrong                        */
	CSN_E_MISSING     = -4,  /* device, key, plugin or record not there   */
	CSN_E_IO          = -5,  /* the medium failed                         */
	CSN_E_PROTOCOL    = -6,  /* the peer sent something ill-formed        */
	CSN_E_TOO_BIG     = -7,  /* over a declared bound                     */
	CSN_E_REFUSED     = -8,  /* policy, a person or a check said no       */
	CSN_E_TIMEOUT     = -9,  /* nothing came in time                      */
	CSN_E_CANCELLED   = -10, /* the caller withdrew                       */
	CSN_E_UNSUPPORTED = -11, /* a member or feature this side lacks       */
	CSN_E_BUSY        = -12, /* one is already running; or changed since  */
	CSN_E_INTERNAL    = -13, /* our own fault                             */
};

/* Wipes @len bytes at @ptr in a way the compiler keeps. [any] */
static inline void
csn_wipe(void *ptr, size_t len)
{
	if (len == 0)
		return;
	memset(ptr, 0, len);
	__asm__ __volatile__("" : : "r"(ptr) : "memory");
}

/* A secret of @n bytes with a type of its own; CSN_SECRET wipes it at scope end. */
#define CSN_SECRET_TYPE(name, n)                                               \
	struct name {                                                          \
		uint8_t b[n];                                                  \
	};                                                                     \
	__attribute__((unused)) static inline void name##_wipe(struct name *s) \
	{                                                                      \
		csn_wipe(s, sizeof *s);                                        \
	}                                                                      \
	CSN_STATIC_ASSERT((n) > 0, "empty secret")
#define CSN_SECRET(name) __attribute__((cleanup(name##_wipe))) struct name

#endif
