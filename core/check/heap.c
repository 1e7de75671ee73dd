/* One table of the blocks a plugin holds, behind malloc's own names. */
#include "core/check/heap.h"

#include "core/base/sanitized.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM        (1u << 17) /* blocks in the table; a power of two          */
#define RANGES_MAX  256
#define SECRETS_MAX 8
#define SECRET_MAX  512

struct block {
	void       *ptr; /* NULL: free; GONE: was used                        */
	size_t      len;
	uint64_t    number;
	const void *caller;
};

struct secret {
	uint8_t bytes[SECRET_MAX];
	size_t  len;
};

static char            gone;
static struct block    table[ROOM];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t        number, counted;
static struct secret   secrets[SECRETS_MAX];
static size_t          secret_count;
static const void     *secret_caller;
static atomic_uint_fast64_t synced;
static atomic_bool          sync_fails;
static __thread bool        watching;

#define GONE ((void *)&gone)

bool
heap_works(void)
{
#if SANITIZED
	return false;
#else
	return true;
#endif
}

bool
heap_watch(bool on)
{
	bool before = watching;

	watching = on;
	return before;
}

uint64_t
heap_count(void)
{
	return counted;
}

uint64_t
heap_number(void)
{
	return number;
}

const char *
heap_place(const void *address)
{
	static char text[128];
	bool        before = heap_watch(false);
	Dl_info     info;
	const char *base;

	if (address == NULL || dladdr(address, &info) == 0 || info.dli_fname == NULL) {
		heap_watch(before);
		return "somewhere";
	}
	base = strrchr(info.dli_fname, '/');
	snprintf(text, sizeof text, "%.80s+0x%zx", base != NULL ? base + 1 : info.dli_fname,
	         (size_t)((const char *)address - (const char *)info.dli_fbase));
	heap_watch(before);
	return text;
}

/* --- the table --------------------------------------------------------------- */

struct heap_state
heap_held(uint64_t since)
{
	struct heap_state state = { 0 };

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < ROOM; i++) {
		if (table[i].ptr == NULL || table[i].ptr == GONE || table[i].number <= since)
			continue;
		state.blocks++;
		state.bytes += table[i].len;
		if (table[i].number > state.youngest_number) {
			state.youngest_number = table[i].number;
			state.youngest        = table[i].caller;
		}
	}
	pthread_mutex_unlock(&lock);
	return state;
}

/* --- secrets ------------------------------------------------------------------ */

bool
heap_secret_add(const void *bytes, size_t len)
{
	if (len < 8 || len > SECRET_MAX || secret_count == SECRETS_MAX)
		return false; /* shorter ones would be found by chance        */
	memcpy(secrets[secret_count].bytes, bytes, len);
	secrets[secret_count++].len = len;
	return true;
}

bool
heap_secret_in(const void *bytes, size_t len)
{
	for (size_t i = 0; i < secret_count; i++)
		if (memmem(bytes, len, secrets[i].bytes, secrets[i].len) != NULL)
			return true;
	return false;
}

bool
heap_secret_freed(const void **ret_caller)
{
	*ret_caller = secret_caller;
	return secret_caller != NULL;
}

bool
heap_secret_held(void)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < ROOM && !found; i++)
		found = table[i].ptr != NULL && table[i].ptr != GONE &&
		        heap_secret_in(table[i].ptr, table[i].len);
	pthread_mutex_unlock(&lock);
	return found;
}

#if SANITIZED

void
heap_fail_at(uint64_t at)
{
	(void)at;
}

bool
heap_turn(void)
{
	return false;
}

#else

/* --- malloc and its kin ------------------------------------------------------- */

struct range {
	uintptr_t from, to;
};

static size_t       used; /* of table, gone ones too                          */
static atomic_bool  any;
static uint64_t     fail_number;
static bool         counting;
static struct range spared[RANGES_MAX];
static size_t       spared_count;

static size_t
slot_of(const void *ptr)
{
	return (size_t)(((uintptr_t)ptr >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (ROOM - 1);
}

static struct block *
find(const void *ptr)
{
	for (size_t i = slot_of(ptr), n = 0; n < ROOM; i = (i + 1) & (ROOM - 1), n++) {
		if (table[i].ptr == ptr)
			return &table[i];
		if (table[i].ptr == NULL)
			return NULL;
	}
	return NULL;
}

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *ptr, size_t len);
void *__libc_memalign(size_t align, size_t len);
void  __libc_free(void *ptr);

/* Libraries that end the process when memory is short, by design or by mistake. */
static bool
gives_up(const char *path)
{
	static const char *const names[] = { "libglib-", "libgobject-", "libgio-", "libgmodule-",
	                                     "libgst", "libzbar", "ld-linux" };
	const char *base = strrchr(path, '/');

	base = base != NULL ? base + 1 : path;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strncmp(base, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static int
note_range(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum && spared_count < RANGES_MAX; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && gives_up(info->dlpi_name))
			spared[spared_count++] = (struct range){
				info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
				info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
					info->dlpi_phdr[i].p_memsz,
			};
	return 0;
}

static void
note_ranges(void)
{
	spared_count = 0;
	dl_iterate_phdr(note_range, NULL);
}

static bool
is_spared(const void *caller)
{
	for (size_t i = 0; i < spared_count; i++)
		if ((uintptr_t)caller >= spared[i].from && (uintptr_t)caller < spared[i].to)
			return true;
	return false;
}

/* Is it this one's turn to fail? */
static bool
fails(const void *caller)
{
	if (!watching || !counting || is_spared(caller))
		return false;
	if (++counted != fail_number)
		return false;
	errno = ENOMEM;
	return true;
}

void
heap_fail_at(uint64_t at)
{
	if (!counting)
		note_ranges();
	fail_number = at;
	counted     = 0;
	counting    = true;
}

bool
heap_turn(void)
{
	return fails(__builtin_return_address(0));
}

static void *
keep(void *ptr, size_t len, const void *caller)
{
	if (ptr == NULL || !watching)
		return ptr;
	pthread_mutex_lock(&lock);
	atomic_store(&any, true);
	if (used < ROOM - ROOM / 8) {
		size_t i = slot_of(ptr);

		while (table[i].ptr != NULL && table[i].ptr != GONE)
			i = (i + 1) & (ROOM - 1);
		used += table[i].ptr == NULL;
		table[i] = (struct block){ ptr, len, ++number, caller };
	}
	pthread_mutex_unlock(&lock);
	return ptr;
}

static void
let_go(void *ptr, const void *caller)
{
	struct block *block;

	if (ptr == NULL || !atomic_load(&any))
		return;
	pthread_mutex_lock(&lock);
	block = find(ptr);
	if (block != NULL) {
		if (secret_count > 0 && secret_caller == NULL && heap_secret_in(ptr, block->len))
			secret_caller = caller;
		block->ptr = GONE;
	}
	pthread_mutex_unlock(&lock);
}

void *
malloc(size_t len)
{
	const void *caller = __builtin_return_address(0);

	return fails(caller) ? NULL : keep(__libc_malloc(len), len, caller);
}

void *
calloc(size_t count, size_t len)
{
	const void *caller = __builtin_return_address(0);

	return fails(caller) ? NULL : keep(__libc_calloc(count, len), count * len, caller);
}

void
free(void *ptr)
{
	let_go(ptr, __builtin_return_address(0));
	__libc_free(ptr);
}

/* Always moves, so that what a real one may leave behind is looked at. */
void *
realloc(void *ptr, size_t len)
{
	const void *caller = __builtin_return_address(0);
	void       *moved;
	size_t      had;

	if (fails(caller))
		return NULL;
	if (ptr == NULL || !watching) {
		let_go(ptr, caller);
		return keep(__libc_realloc(ptr, len), len, caller);
	}
	had   = malloc_usable_size(ptr);
	moved = keep(__libc_malloc(len), len, caller);
	if (moved == NULL)
		return NULL;
	memcpy(moved, ptr, had < len ? had : len);
	let_go(ptr, caller);
	__libc_free(ptr);
	return moved;
}

void *
memalign(size_t align, size_t len)
{
	const void *caller = __builtin_return_address(0);

	return fails(caller) ? NULL : keep(__libc_memalign(align, len), len, caller);
}

void *
aligned_alloc(size_t align, size_t len)
{
	const void *caller = __builtin_return_address(0);

	return fails(caller) ? NULL : keep(__libc_memalign(align, len), len, caller);
}

int
posix_memalign(void **ret_ptr, size_t align, size_t len)
{
	const void *caller = __builtin_return_address(0);
	void       *ptr    = fails(caller) ? NULL : __libc_memalign(align, len);

	if (ptr == NULL)
		return ENOMEM;
	*ret_ptr = keep(ptr, len, caller);
	return 0;
}

#endif

/* --- fsync and its kin ---------------------------------------------------------- */

uint64_t
heap_synced(void)
{
	return atomic_load(&synced);
}

void
heap_sync_fails(bool on)
{
	atomic_store(&sync_fails, on);
}

/* Looked up late, past our own: the C library's. */
static int
sync_by(const char *name, int fd)
{
	int (*real)(int);
	void *found = dlsym(RTLD_NEXT, name);

	atomic_fetch_add(&synced, 1);
	if (atomic_load(&sync_fails)) {
		errno = EIO;
		return -1;
	}
	memcpy(&real, &found, sizeof real);
	return real != NULL ? real(fd) : 0;
}

int
fsync(int fd)
{
	return sync_by("fsync", fd);
}

int
fdatasync(int fd)
{
	return sync_by("fdatasync", fd);
}
