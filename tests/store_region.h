/*
 * store_region: a region for the store's tests, as nginx's shared zone is one
 * for the module: one mapping that forked processes share, an allocator and
 * a lock in it.  It is made to catch mistakes, not to be fast.
 *
 *     +---------+------------------------------------+----------------------+
 *     | control | blocks: head, payload, head, ...   | the store's reserve  |
 *     +---------+------------------------------------+----------------------+
 *
 * The lock holds its owner's id.  Like nginx's it can be freed by somebody
 * else once the owner is dead, and only if that one holds it.
 *
 * Freed payload is overwritten and, where one process alone uses the region,
 * poisoned for AddressSanitizer.
 */

#ifndef STORE_REGION_H
#define STORE_REGION_H


#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sector_store_internal.h"

#if defined(__SANITIZE_ADDRESS__)
#define STORE_REGION_ASAN  1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STORE_REGION_ASAN  1
#endif
#endif

#ifdef STORE_REGION_ASAN
#include <sanitizer/asan_interface.h>
#endif


#define STORE_REGION_GUARD  0x5eed600du
#define STORE_REGION_SPINS  20000000UL      /* a lock that is never freed */


/* Before each block's payload. */

typedef struct {
    uint64_t    bytes;          /* head and payload */
    uint32_t    asked;          /* bytes asked for; 0: free */
    uint32_t    guard;
} store_block_t;


typedef struct {
    _Atomic int32_t     owner;      /* of the lock; 0: free */
    store_block_t      *rover;      /* where the next search begins */
    uint64_t            used;       /* bytes taken and not freed */
    uint64_t            blocks;     /* allocations not freed */
    uint64_t            most;       /* refuse more blocks; 0: no limit */
} store_control_t;


/* One process's (or thread's) view; copied by fork. */

typedef struct {
    unsigned char      *base;
    size_t              bytes;
    unsigned char      *reserve;
    size_t              reserve_bytes;
    store_control_t    *control;
    int32_t             id;         /* the lock's owner if we own it */
    int                 single;     /* no other process uses the region */
    uint64_t            calls;      /* of alloc */
    uint64_t            fail_from;  /* calls from this one fail; 0: none */
    uint64_t            fail_to;    /* the last that fails */
    uint64_t            random;     /* state */
    unsigned            recovered;  /* how often the store said so */
    int                 fixed;      /* random returns this; < 0: random */
    int               (*alive)(int32_t pid);    /* NULL: ask the kernel */
} store_region_t;


/* Points inside the allocator at which a test lets a process die. */

enum {
    STORE_REGION_FP_ALLOC = 1000,
    STORE_REGION_FP_FREE,
    STORE_REGION_FP_RESET,
    STORE_REGION_FP_END
};


static inline void
store_region_failpoint(int point)
{
#ifdef SECTOR_STORE_TEST
    if (sector_store_test_fail != NULL) {
        sector_store_test_fail(point);
    }
#else
    (void) point;
#endif
}


static inline void
store_region_poison(store_region_t *r, void *p, size_t bytes, int poison)
{
#ifdef STORE_REGION_ASAN
    if (r->single) {
        if (poison) {
            ASAN_POISON_MEMORY_REGION(p, bytes);

        } else {
            ASAN_UNPOISON_MEMORY_REGION(p, bytes);
        }
    }
#else
    (void) r;
    (void) p;
    (void) bytes;
    (void) poison;
#endif
}


static inline store_block_t *
store_region_first(store_region_t *r)
{
    return (store_block_t *) (r->base + 256);
}


static inline store_block_t *
store_region_next(store_region_t *r, store_block_t *b)
{
    unsigned char  *next;

    next = (unsigned char *) b + b->bytes;

    return next == r->reserve ? store_region_first(r) : (store_block_t *) next;
}


static inline void
store_region_verify(store_block_t *b)
{
    if (b->guard != STORE_REGION_GUARD || b->bytes == 0) {
        fprintf(stderr, "a block's head is overwritten\n");
        abort();
    }
}


/* Without the head: what a test counts is the payload. */
static inline size_t
store_region_rounded(void *ctx, size_t size)
{
    (void) ctx;

    return (size + 15) & ~(size_t) 15;
}


/* One payload in an empty region; several lose the heads between them. */
static inline size_t
store_region_room(void *ctx)
{
    store_region_t  *r;

    r = ctx;

    return (size_t) (r->reserve - (unsigned char *) store_region_first(r))
           - sizeof(store_block_t);
}


/* Joins a free block with the free ones after it. */
static inline void
store_region_join(store_region_t *r, store_block_t *b)
{
    store_block_t  *next;

    for ( ;; ) {
        next = store_region_next(r, b);

        if (b->asked != 0 || next <= b || next->asked != 0) {
            return;
        }

        store_region_verify(next);
        b->bytes += next->bytes;
    }
}


/* Makes a free block allocated, and what is left of it a free one. */
static inline void
store_region_take(store_region_t *r, store_block_t *b, size_t need,
    size_t size)
{
    store_block_t  *rest;

    if (b->bytes - need > 2 * sizeof(store_block_t)) {
        rest = (store_block_t *) ((unsigned char *) b + need);
        store_region_poison(r, rest, sizeof(store_block_t), 0);
        rest->bytes = b->bytes - need;
        rest->asked = 0;
        rest->guard = STORE_REGION_GUARD;

        store_region_failpoint(STORE_REGION_FP_ALLOC);

        b->bytes = need;
    }

    b->asked = (uint32_t) size;
    r->control->used += store_region_rounded(r, size);
    r->control->blocks++;
    r->control->rover = store_region_next(r, b);

    store_region_poison(r, b + 1, size, 0);
}


/* Next fit. */
static inline void *
store_region_alloc(void *ctx, size_t size)
{
    size_t           need, passed;
    store_block_t   *b;
    store_region_t  *r;

    r = ctx;
    r->calls++;

    if ((r->fail_from != 0 && r->calls >= r->fail_from
         && r->calls <= r->fail_to)
        || (r->control->most != 0 && r->control->blocks >= r->control->most))
    {
        return NULL;
    }

    need = sizeof(store_block_t) + store_region_rounded(ctx, size);
    b = r->control->rover;

    for (passed = 0; passed <= r->bytes; /* void */ ) {

        store_region_verify(b);
        store_region_join(r, b);

        if (b->asked == 0 && b->bytes >= need) {
            store_region_take(r, b, need, size);
            return b + 1;
        }

        passed += b->bytes;
        b = store_region_next(r, b);
    }

    r->control->rover = store_region_first(r);

    return NULL;
}


static inline void
store_region_free(void *ctx, void *p)
{
    store_block_t   *b;
    store_region_t  *r;

    r = ctx;
    b = (store_block_t *) p - 1;

    store_region_verify(b);

    if (b->asked == 0) {
        fprintf(stderr, "a block is freed twice\n");
        abort();
    }

    memset(p, 0xdd, b->asked);
    store_region_poison(r, p, b->asked, 1);

    r->control->used -= store_region_rounded(r, b->asked);

    store_region_failpoint(STORE_REGION_FP_FREE);

    r->control->blocks--;
    b->asked = 0;
}


static inline void
store_region_reset(void *ctx)
{
    store_block_t   *b;
    store_region_t  *r;

    r = ctx;
    b = store_region_first(r);

    store_region_poison(r, b, (size_t) (r->reserve - (unsigned char *) b), 0);

    b->guard = STORE_REGION_GUARD;
    b->asked = 0;

    store_region_failpoint(STORE_REGION_FP_RESET);

    b->bytes = (uint64_t) (r->reserve - (unsigned char *) b);

    r->control->rover = b;
    r->control->used = 0;
    r->control->blocks = 0;
}


static inline void
store_region_lock(void *ctx)
{
    int32_t          expected;
    unsigned long    spins;
    store_region_t  *r;

    r = ctx;

    for (spins = 0; /* void */ ; spins++) {
        expected = 0;

        if (atomic_compare_exchange_strong(&r->control->owner, &expected,
                                           r->id))
        {
            return;
        }

        if (expected == r->id || (r->single && spins > STORE_REGION_SPINS)) {
            fprintf(stderr, "deadlock: %d wants the lock of %d\n",
                    (int) r->id, (int) expected);
            abort();
        }

        if (spins % 64 == 63) {
            sched_yield();
        }
    }
}


static inline void
store_region_unlock(void *ctx)
{
    int32_t          expected;
    store_region_t  *r;

    r = ctx;
    expected = r->id;

    if (!atomic_compare_exchange_strong(&r->control->owner, &expected, 0)) {
        fprintf(stderr, "unlock: %d does not own the lock, %d does\n",
                (int) r->id, (int) expected);
        abort();
    }
}


/* What nginx's master does after a worker died; returns whether it held it. */
static inline int
store_region_force_unlock(store_region_t *r, int32_t id)
{
    int32_t  expected;

    expected = id;

    return atomic_compare_exchange_strong(&r->control->owner, &expected, 0);
}


static inline int
store_region_alive(void *ctx, int32_t pid)
{
    store_region_t  *r;

    r = ctx;

    if (r->alive != NULL) {
        return r->alive(pid);
    }

    return kill((pid_t) pid, 0) == 0 || errno != ESRCH;
}


/* splitmix64: Steele, Lea, Flood, OOPSLA '14 */
static inline uint64_t
store_region_random64(uint64_t *state)
{
    uint64_t  z;

    z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;

    return z ^ (z >> 31);
}


static inline uint32_t
store_region_random(void *ctx)
{
    store_region_t  *r;

    r = ctx;

    if (r->fixed >= 0) {
        return (uint32_t) r->fixed;
    }

    return (uint32_t) store_region_random64(&r->random);
}


static inline void
store_region_recovered(void *ctx)
{
    store_region_t  *r;

    r = ctx;

    if (atomic_load(&r->control->owner) == r->id) {
        fprintf(stderr, "a recovery is told with the lock held\n");
        abort();
    }

    r->recovered++;
}


/* A randomised test's seed: SECTOR_SEED from the environment or one of its own,
 * printed. */
static inline uint64_t
store_region_seed(void)
{
    uint64_t     seed;
    const char  *given;

    given = getenv("SECTOR_SEED");
    seed = given != NULL ? strtoull(given, NULL, 10)
                         : (uint64_t) getpid() << 20 ^ (uintptr_t) &seed;

    printf("# SECTOR_SEED=%llu\n", (unsigned long long) seed);
    fflush(stdout);

    return seed;
}


/* Maps a region and divides it; exits if there is no memory. */
static inline void
store_region_make(store_region_t *r, size_t bytes)
{
    memset(r, 0, sizeof(store_region_t));

    r->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (r->base == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }

    r->bytes = bytes;
    r->reserve_bytes = sector_store_reserve(bytes);
    r->reserve = r->base + bytes - r->reserve_bytes;
    r->control = (store_control_t *) r->base;
    r->id = 1;
    r->fixed = -1;
    r->random = 1;

    store_region_reset(r);
}


static inline void
store_region_unmake(store_region_t *r)
{
    store_region_poison(r, r->base, r->bytes, 0);
    munmap(r->base, r->bytes);
}


static inline sector_store_ops_t
store_region_ops(store_region_t *r)
{
    sector_store_ops_t  ops;

    ops.alloc = store_region_alloc;
    ops.free = store_region_free;
    ops.reset = store_region_reset;
    ops.lock = store_region_lock;
    ops.unlock = store_region_unlock;
    ops.alive = store_region_alive;
    ops.random = store_region_random;
    ops.rounded = store_region_rounded;
    ops.room = store_region_room;
    ops.recovered = store_region_recovered;
    ops.ctx = r;

    return ops;
}


/* Whether an entry is in its bucket, exactly once. */
static inline int
store_region_linked(sector_store_shm_t *shm, sector_store_entry_t *e)
{
    int                    n;
    sector_store_entry_t  *p;

    n = 0;

    for (p = atomic_load(&shm->buckets[e->hash & shm->mask]);
         p != NULL;
         p = atomic_load(&p->next))
    {
        n += (p == e);
    }

    return n == 1;
}


/* Goes along a list of which every entry must, or must not, be in its bucket.
 * Adds to *used; returns the list's length, UINT64_MAX: it is wrong. */
static inline uint64_t
store_region_count(sector_store_shm_t *shm, sector_store_list_t *list,
    int linked, uint64_t *used)
{
    uint64_t               n;
    sector_store_entry_t  *e;

    for (n = 0, e = list->oldest; e != NULL; n++, e = e->newer) {
        *used += (sector_store_entry_bytes(e->key_len, e->value_bytes) + 15)
                 & ~(uint64_t) 15;

        if (store_region_linked(shm, e) != linked
            || (e->newer == NULL) != (e == list->newest))
        {
            return UINT64_MAX;
        }
    }

    return n;
}


/* What only the queue has. */
static inline const char *
store_region_check_queue(sector_store_shm_t *shm)
{
    int                    hand, cursor;
    sector_store_entry_t  *e, *older;

    hand = (shm->hand == NULL);
    cursor = (shm->cursor == NULL);

    for (e = shm->queue.oldest, older = NULL; e != NULL; e = e->newer) {
        hand |= (shm->hand == e);
        cursor |= (shm->cursor == e);

        if (e->u.older != older) {
            return "the queue's links disagree";
        }

        if (e->generation != atomic_load(&shm->generation)) {
            return "a cleared entry is in the queue";
        }

        older = e;
    }

    return hand && cursor ? NULL : "hand or cursor is outside the queue";
}


/* Goes through everything in the store; returns what is wrong, or NULL.
 * Nobody else may use the store meanwhile. */
static inline const char *
store_region_check(store_region_t *r, sector_store_t *st)
{
    uint64_t               queued, cleared, retired, used, linked, i;
    sector_store_shm_t    *shm;
    sector_store_entry_t  *e;

    shm = st->shm;
    used = linked = 0;

    queued = store_region_count(shm, &shm->queue, 1, &used);
    cleared = store_region_count(shm, &shm->cleared, 1, &used);
    retired = store_region_count(shm, &shm->retired, 0, &used);

    for (i = 0; i <= shm->mask; i++) {
        for (e = atomic_load(&shm->buckets[i]);
             e != NULL;
             e = atomic_load(&e->next))
        {
            linked++;
        }
    }

    if (queued != shm->entries || retired != shm->retired_n) {
        return "a list has another length than was counted";
    }

    if (linked != queued + cleared) {
        return "the buckets hold more or less than the lists";
    }

    if (shm->phase == SECTOR_STORE_OPEN
        && (used != shm->used_bytes || used != r->control->used
            || queued + cleared + retired != r->control->blocks))
    {
        return "the accounts differ from the allocator's";
    }

    return store_region_check_queue(shm);
}


#endif /* STORE_REGION_H */
