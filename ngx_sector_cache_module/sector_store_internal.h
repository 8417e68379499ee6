/*
 * sector_store_internal: what the store keeps in shared memory, and what its
 * four files give each other.
 *
 *     sector_store.c        create, open, read, info
 *     sector_store_write.c  put, delete, clear, note_miss
 *     sector_store_room.c   queue, eviction, expiry, retirement: memory
 *     sector_store_slots.c  lock, recovery, slots, epochs, counters
 *
 * The essay at the head of sector_store.c says why it is so.
 */

#ifndef SECTOR_STORE_INTERNAL_H
#define SECTOR_STORE_INTERNAL_H


#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sector_store.h"


#define SECTOR_STORE_MAGIC      0x65726f7453636553ULL   /* "SecStore" */
#define SECTOR_STORE_VERSION    3
#define SECTOR_STORE_LINE       64      /* bytes of a cache line */

#define SECTOR_STORE_PAGE       4096    /* the reserve is a multiple of it */
#define SECTOR_STORE_SLOTS_MIN  16
#define SECTOR_STORE_SLOTS_MAX  512
#define SECTOR_STORE_BUCKETS_MIN   64
#define SECTOR_STORE_BUCKET_SHARE  512  /* bytes of region, at least */
#define SECTOR_STORE_SLOT_BUCKETS  16   /* buckets that come with a slot */
#define SECTOR_STORE_VALUE_SHARE   4    /* of the room: one entry, at most */

/* Bounds on what one call does under the lock beside its own work. */

#define SECTOR_STORE_EXPIRE_STEP   3    /* entries looked at by each put */
#define SECTOR_STORE_SWEEP_STEP    16   /* cleared entries unlinked */
#define SECTOR_STORE_RECLAIM_STEP  128  /* retired entries freed */
#define SECTOR_STORE_HAND_STEPS    512  /* entries passed by the hand */
#define SECTOR_STORE_WAIT_SPINS    2000 /* looks at slots, room being short */
#define SECTOR_STORE_EACH_STEP     64   /* buckets walked in one read */
#define SECTOR_STORE_HITS_EXACT    256  /* hits, then every so many-th is */
#define SECTOR_STORE_HITS_STEP     64   /* counted; a power of two */
#define SECTOR_STORE_RETIRED_MANY  64   /* then dead readers are looked for */
#define SECTOR_STORE_REJOIN        256  /* reads without a slot until one is
                                           looked for again */


typedef struct sector_store_entry_s  sector_store_entry_t;

typedef _Atomic(sector_store_entry_t *)  sector_store_link_t;


/*
 * An entry: one allocation.  Nothing that a reader looks at changes after it
 * is published, but for next, visited and hits.
 *
 *     +----------------------+----------------------+---------+-----------+
 *     | what a lookup needs  | what a hit and the   | key     | value     |
 *     | (64 bytes: one line) | mutex's owner need   | key_len | value_... |
 *     +----------------------+----------------------+---------+-----------+
 */

struct sector_store_entry_s {

    /* atomic */
    sector_store_link_t     next;           /* in the bucket; NULL: last */

    /* set once */
    uint64_t                hash;
    uint64_t                generation;     /* of the store when stored */
    uint64_t                fresh_until_ms;
    uint64_t                refresh_until_ms;   /* swr's end */
    uint64_t                dead_at_ms;         /* the last window's end */
    size_t                  value_bytes;
    uint8_t                 key_len;        /* bytes, never 0 */
    uint8_t                 negative;

    /* atomic */
    _Atomic uint8_t         visited;        /* readers set, the hand clears */
    _Atomic uint32_t        hits;           /* about: see note_hit */

    /* set once */
    uint64_t                tag;
    uint64_t                stored_ms;
    int64_t                 stored_wall_ms;

    /* under the mutex: in the queue, among the cleared, or retired */
    sector_store_entry_t   *newer;          /* NULL: the last of its list */
    union {
        sector_store_entry_t  *older;       /* queue only; NULL: the oldest */
        uint64_t               retired_epoch;   /* retired only */
    } u;
};

_Static_assert(sizeof(sector_store_entry_t) <= 128, "bookkeeping too large");
_Static_assert(offsetof(sector_store_entry_t, tag) <= SECTOR_STORE_LINE,
    "a lookup needs more than one line of an entry");
_Static_assert(sizeof(void *) == 8, "64-bit platforms only");


/*
 * A slot: one process's.  Only its owner writes epoch and counters, so that
 * these share a line on purpose: a request touches it anyway.  Slots share
 * no line with each other.  The counters are those of requests' outcomes;
 * other events are rarer, and counted for all processes together.
 *
 *     | epoch | pid | counters ...            |
 *     |<------ 64 ------>|<------ 64 ------>| ...
 */

struct sector_store_slot_s {

    /* atomic */
    alignas(SECTOR_STORE_LINE)
    _Atomic uint64_t        epoch;          /* 0: outside any read */
    _Atomic int32_t         pid;            /* 0: free; under the mutex */
    _Atomic uint64_t        counters[SECTOR_STAT_OUTCOMES];     /* events */
};


/*
 * The reserve.
 *
 *     +--------+-----------------------+-----------------------+-------+
 *     | header | slots[slots_n]        | buckets[mask + 1]     | spare |
 *     +--------+-----------------------+-----------------------+-------+
 */

typedef enum {
    SECTOR_STORE_OPEN = 0,
    SECTOR_STORE_DRAINING       /* emptied; a reader is still in the old
                                   entries, so that their memory waits */
} sector_store_phase_e;


/* A list from its oldest to its newest entry, linked by newer. */

typedef struct {
    sector_store_entry_t   *oldest;         /* NULL: empty */
    sector_store_entry_t   *newest;
} sector_store_list_t;


struct sector_store_shm_s {

    /* set once, compared by open */
    alignas(SECTOR_STORE_LINE)
    uint64_t                magic;
    uint32_t                version;
    uint32_t                header_bytes;
    uint32_t                slot_bytes;
    uint32_t                entry_bytes;
    uint32_t                stats_n;
    uint32_t                slots_n;
    uint64_t                reserve_bytes;
    uint64_t                room_bytes;     /* of the empty allocator */
    sector_store_shm_t     *self;           /* where it is mapped */
    sector_store_slot_t    *slots;

    /* set once, read by every lookup */
    alignas(SECTOR_STORE_LINE)
    sector_store_link_t    *buckets;
    uint64_t                mask;           /* buckets - 1 */
    uint64_t                seed[2];        /* of the hash; [1] is odd */

    /* atomic, written under the mutex, read by every lookup */
    _Atomic uint64_t        epoch;          /* never 0; grows */
    _Atomic uint64_t        generation;     /* grows with every clear */

    /* atomic: nonzero while somebody changes what follows */
    alignas(SECTOR_STORE_LINE)
    _Atomic uint32_t        writer;

    /* under the mutex */
    uint32_t                phase;          /* sector_store_phase_e */
    uint32_t                slots_used;     /* slots ever owned: [0, this) */
    uint64_t                drain_epoch;    /* readers up to it are waited
                                               for while draining */
    uint64_t                recoveries;     /* what RECOVERY becomes */
    sector_store_list_t     queue;          /* in order of insertion */
    sector_store_list_t     cleared;        /* of older generations, still in
                                               their buckets */
    sector_store_list_t     retired;        /* unlinked, maybe being read */
    sector_store_entry_t   *hand;           /* SIEVE's; NULL: at the oldest */
    sector_store_entry_t   *cursor;         /* expiry's; NULL: the same */
    uint64_t                entries;        /* in the queue */
    uint64_t                retired_n;      /* entries retired */
    uint64_t                retired_bytes;
    uint64_t                used_bytes;     /* taken, of all three lists */
    uint64_t                changes;        /* by callers: stores, deletions,
                                               clears; for who saves */
    uint64_t                lost_changes;   /* of them before a recovery */
    int64_t                 last_store_wall_ms;     /* 0: never */
    unsigned char           last_miss[SECTOR_STORE_KEY_MAX];

    /* atomic, written under the mutex: 0 while last_miss is changed */
    _Atomic uint32_t        last_miss_len;

    /* atomic: events that slots do not count, and of processes without one */
    _Atomic uint64_t        counters[SECTOR_STATS_N];
};


/*
 * Points inside the critical sections at which a test lets a process die.
 * Nothing in a build that is not a test's.
 */

#ifdef SECTOR_STORE_TEST

typedef enum {
    SECTOR_STORE_FP_LOCKED = 0,
    SECTOR_STORE_FP_PUT_TIDIED,
    SECTOR_STORE_FP_PUT_ALLOCATED,
    SECTOR_STORE_FP_PUT_FILLED,
    SECTOR_STORE_FP_PUT_PUBLISHED,
    SECTOR_STORE_FP_PUT_QUEUED,
    SECTOR_STORE_FP_PUT_COUNTED,
    SECTOR_STORE_FP_UNLINKED,
    SECTOR_STORE_FP_UNQUEUED,
    SECTOR_STORE_FP_RETIRED,
    SECTOR_STORE_FP_RETIRED_EPOCH,
    SECTOR_STORE_FP_RECLAIM_POPPED,
    SECTOR_STORE_FP_RECLAIM_FREED,
    SECTOR_STORE_FP_SWEEP_POPPED,
    SECTOR_STORE_FP_CLEAR_GENERATION,
    SECTOR_STORE_FP_CLEAR_SPLICED,
    SECTOR_STORE_FP_EMPTY_BEGUN,
    SECTOR_STORE_FP_EMPTY_COUNTED,
    SECTOR_STORE_FP_EMPTY_HALF,
    SECTOR_STORE_FP_EMPTY_PUBLISHED,
    SECTOR_STORE_FP_EMPTY_DROPPED,
    SECTOR_STORE_FP_DRAINED,
    SECTOR_STORE_FP_DRAIN_RESET,
    SECTOR_STORE_FP_SLOT_TAKEN,
    SECTOR_STORE_FP_MISS_HALF,
    SECTOR_STORE_FP_UNLOCK,
    SECTOR_STORE_FP_UNMARKED,
    SECTOR_STORE_FP_N
} sector_store_failpoint_e;

extern void (*sector_store_test_fail)(int point);
extern uint64_t (*sector_store_test_hash)(const void *key, size_t key_len);

#define SECTOR_STORE_FAILPOINT(name)                                          \
    do {                                                                      \
        if (sector_store_test_fail != NULL) {                                 \
            sector_store_test_fail(SECTOR_STORE_FP_##name);                   \
        }                                                                     \
    } while (0)

#else

#define SECTOR_STORE_FAILPOINT(name)

#endif

/* 0 shows that the tests notice when nothing is recovered. */

#if defined(SECTOR_STORE_TEST) && defined(SECTOR_STORE_NO_RECOVERY)
#define SECTOR_STORE_RECOVERS  0
#else
#define SECTOR_STORE_RECOVERS  1
#endif


/* sector_store_write.c */

/* Puts another entry, or what follows e, in e's place in its bucket.  The
 * one place that takes an entry out of readers' sight. */
void sector_store_unlink_locked(sector_store_t *st, sector_store_entry_t *e,
    sector_store_entry_t *successor);


/* sector_store_room.c */

/* Bytes of an entry. */
static inline size_t
sector_store_entry_bytes(size_t key_len, size_t value_bytes)
{
    return sizeof(sector_store_entry_t) + key_len + value_bytes;
}

/* Bytes that the allocator takes for an entry. */
static inline size_t
sector_store_cost(const sector_store_t *st, const sector_store_entry_t *e)
{
    return st->ops.rounded(st->ops.ctx,
                           sector_store_entry_bytes(e->key_len,
                                                    e->value_bytes));
}

/* Allocates bytes for an entry, evicting others but keep; NULL: no room. */
sector_store_entry_t *sector_store_alloc_locked(sector_store_t *st,
    size_t bytes, const sector_store_entry_t *keep, uint64_t now_ms);

/* Removes a linked entry from bucket and queue, and retires it. */
void sector_store_remove_locked(sector_store_t *st, sector_store_entry_t *e);

/* Adds a published entry as the newest, or in the place of old, which it
 * retires. */
void sector_store_enqueue_locked(sector_store_t *st, sector_store_entry_t *e,
    sector_store_entry_t *old);

/* Moves the whole queue to the end of what was cleared. */
void sector_store_set_aside_locked(sector_store_t *st);

/* Frees some of what is retired and unlinks some of what was cleared. */
void sector_store_tidy_locked(sector_store_t *st);

/* Removes what is past every window among a few entries. */
void sector_store_expire_locked(sector_store_t *st, uint64_t now_ms);


/* sector_store_slots.c */

/* Every critical section begins and ends here. */
void sector_store_lock(sector_store_t *st);
void sector_store_unlock(sector_store_t *st);

/* Says that the rest of the critical section may be left at any instant. */
void sector_store_unmark_locked(sector_store_t *st);

/* Now and then looks for a slot again, for a process that found none. */
void sector_store_rejoin_locked(sector_store_t *st);

/* The oldest epoch that a reader is in; UINT64_MAX: nobody reads. */
uint64_t sector_store_oldest_locked(sector_store_t *st);

/* Frees the slots of dead processes that read in an epoch up to this one. */
void sector_store_bury_locked(sector_store_t *st, uint64_t epoch);

/* Begins a new epoch; returns the one that ended. */
uint64_t sector_store_advance_locked(sector_store_t *st);

/* Adds all slots' counters up. */
void sector_store_sum_locked(sector_store_t *st, uint64_t *counters);


/* Shared by readers and writers: 64 random bits. */
static inline uint64_t
sector_store_random64(const sector_store_ops_t *ops)
{
    uint64_t  high;

    high = ops->random(ops->ctx);

    return high << 32 | ops->random(ops->ctx);
}


/* Folds the 128-bit product: every bit of a changes all bits of the result
 * in a way that depends on b. */
static inline uint64_t
sector_store_mix(uint64_t a, uint64_t b)
{
    unsigned __int128  product;

    product = (unsigned __int128) a * b;

    return (uint64_t) product ^ (uint64_t) (product >> 64);
}


/* A key's hash, eight bytes a step.  The multiplier is secret: with a known
 * one, keys that collide whatever the seed are easily made up. */
static inline uint64_t
sector_store_hash(const sector_store_shm_t *shm, const void *key,
    size_t key_len)
{
    size_t                left;
    uint32_t              low, high;
    uint64_t              hash, word;
    const unsigned char  *p;

#ifdef SECTOR_STORE_TEST
    if (sector_store_test_hash != NULL) {
        return sector_store_test_hash(key, key_len);
    }
#endif

    p = key;
    hash = shm->seed[0] ^ key_len;

    for (left = key_len; left > 8; left -= 8, p += 8) {
        memcpy(&word, p, 8);
        hash = sector_store_mix(hash ^ word, shm->seed[1]);
    }

    /* 1 to 8 bytes are left; those of 4 to 7 overlap, which does no harm */

    if (left >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + left - 4, 4);
        word = (uint64_t) high << 32 | low;

    } else {
        word = (uint64_t) p[0] << 16 | (uint64_t) p[left / 2] << 8
               | p[left - 1];
    }

    hash = sector_store_mix(hash ^ word, shm->seed[1]);

    return sector_store_mix(hash ^ shm->seed[0], 0x9e3779b97f4a7c15ULL);
}


/* Walks a bucket; the caller has entered or holds the lock. */
static inline sector_store_entry_t *
sector_store_find(sector_store_shm_t *shm, uint64_t hash, const void *key,
    size_t key_len)
{
    uint64_t               generation;
    sector_store_entry_t  *e;

    generation = atomic_load(&shm->generation);
    e = atomic_load(&shm->buckets[hash & shm->mask]);

    while (e != NULL) {

        if (e->hash == hash
            && e->key_len == key_len
            && e->generation == generation
            && memcmp(e + 1, key, key_len) == 0)
        {
            return e;
        }

        e = atomic_load(&e->next);
    }

    return NULL;
}


#endif /* SECTOR_STORE_INTERNAL_H */
