/*
 * sector_store: the entries of one namespace in shared memory.
 *
 * Layer 0: libc alone.  It knows no nginx, no clock and no I/O: time, memory,
 * the lock and randomness are passed in.  Any number of processes that map
 * the same region at the same address may use one store at once.
 *
 * A region has two parts that never overlap:
 *
 *     +----------------------------------------+---------------------------+
 *     | the allocator's (nginx: the slab pool) | the reserve               |
 *     | entries                                | header, slots, buckets    |
 *     +----------------------------------------+---------------------------+
 *
 * so that the allocator can be started anew, after a writer died inside it,
 * without losing the counters.
 *
 * All times named now_ms are monotonic milliseconds and never go back; those
 * named wall_ms are milliseconds since the epoch, kept for people only.
 */

#ifndef SECTOR_STORE_H
#define SECTOR_STORE_H


#include <stddef.h>
#include <stdint.h>

#include "sector_stats.h"


/* A key is 1 .. SECTOR_STORE_KEY_MAX bytes, any bytes. */

#define SECTOR_STORE_KEY_MAX  255


/* The memory and the one lock of a region.  alloc, free, reset and rounded are
 * called with the lock held, room by create alone; alloc returns memory
 * aligned to 8 bytes at least, or NULL, without a word in any log, when there
 * is no room: that is how the store learns that it must evict.  reset may be
 * called while the allocator is in any state that a death can leave it in.
 *
 * The lock of a process that died has to be freed by somebody, and by nobody
 * before that process is gone (nginx's master does both, and whoever waits
 * for it where the master does not).
 *
 * recovered is called without the lock, once by a process that emptied the
 * store after a death: for a log.
 *
 * random gives 32 bits that clients cannot guess: create takes the seed of
 * the keys' hash from it.  alive must not take a living process for a dead
 * one; the other way round, memory is kept back until it is noticed. */

typedef struct {
    void      *(*alloc)(void *ctx, size_t size);
    void       (*free)(void *ctx, void *p);
    void       (*reset)(void *ctx);         /* forget every allocation */
    size_t     (*rounded)(void *ctx, size_t size);  /* bytes that alloc takes
                                               for this many */
    size_t     (*room)(void *ctx);          /* bytes that alloc can give in
                                               all; asked of an empty one */
    void       (*lock)(void *ctx);
    void       (*unlock)(void *ctx);
    int        (*alive)(void *ctx, int32_t pid);  /* 0: no such process */
    uint32_t   (*random)(void *ctx);        /* for hash and jitter */
    void       (*recovered)(void *ctx);
    void       *ctx;
} sector_store_ops_t;


/* A namespace's windows, milliseconds.  Read at insertion only: an entry
 * keeps the windows that it was stored with. */

typedef struct {
    uint64_t    ttl_ms;             /* fresh for */
    uint64_t    stale_ms;           /* after ttl: may stand in for an error */
    uint64_t    swr_ms;             /* after ttl: served while refreshed */
    uint64_t    negative_ms;        /* a negative entry is fresh for */
    uint32_t    jitter_percent;     /* ttl is shortened by 0 .. this, 0-100 */
    size_t      max_object_bytes;   /* largest value */
} sector_store_policy_t;


typedef struct sector_store_shm_s  sector_store_shm_t;
typedef struct sector_store_slot_s  sector_store_slot_t;


/* One process's handle of a store; its memory is the caller's.  The fields
 * are the store's own, but for policy, which the caller may change. */

typedef struct {
    sector_store_shm_t     *shm;
    sector_store_slot_t    *slot;       /* NULL: this process has none */
    sector_store_ops_t      ops;
    sector_store_policy_t   policy;
    int32_t                 pid;        /* attached as, 0: not */
    uint32_t                slotless;   /* reads since, without a slot */
    uint32_t                dice;       /* for note_hit; never 0 */
    unsigned                locked:1;   /* a read without a slot is open */
    unsigned                recovered:1;    /* not said yet */
} sector_store_t;


typedef enum {
    SECTOR_STORE_NONE = 0,      /* nothing that may ever be served */
    SECTOR_STORE_FRESH,
    SECTOR_STORE_REFRESH,       /* past ttl, within swr: serve and refresh */
    SECTOR_STORE_STALE          /* past ttl, within stale: if nothing better */
} sector_store_state_e;


/* What a read found.  Pointers lead into shared memory and hold until
 * sector_store_read_end(). */

typedef struct {
    const unsigned char    *value;
    size_t                  value_bytes;
    uint64_t                tag;            /* as given to put */
    uint64_t                stored_ms;      /* monotonic; now less this, as a
                                               signed number, is the age:
                                               another process's clock may be
                                               a little ahead, and a restored
                                               entry older than the machine */
    uint64_t                fresh_until_ms; /* first instant not fresh */
    uint64_t                refresh_until_ms;   /* swr's end */
    uint64_t                dead_at_ms;     /* first instant never served */
    uint64_t                now_ms;         /* as given to the read */
    int64_t                 stored_wall_ms;
    uint32_t                hits;           /* about */
    unsigned                negative:1;
    const void             *entry;          /* the store's own */
} sector_store_view_t;


/* What is to be stored.  ttl_ms is this entry's own fresh time, to which no
 * jitter applies (0: the policy's); ttl_limit_ms shortens the policy's (0: it
 * does not). */

typedef struct {
    const void     *value;
    size_t          value_bytes;    /* 0 .. policy.max_object_bytes */
    uint64_t        tag;            /* the caller's, returned by read */
    uint64_t        ttl_ms;
    uint64_t        ttl_limit_ms;
    uint64_t        age_ms;         /* it is so old already: that counts in its
                                       age, not in its windows */
    unsigned        brief:1;        /* never served past its fresh time */
    unsigned        negative:1;
    unsigned        unless_fresh:1; /* not in place of one that is fresh */
} sector_store_item_t;


typedef enum {
    SECTOR_STORE_OK = 0,
    SECTOR_STORE_TOO_LARGE,     /* over max_object_bytes: nothing changed */
    SECTOR_STORE_NO_ROOM,       /* over sector_store_value_max(), or as many
                                   as may be evicted would not make room:
                                   nothing changed; or, rarely, they were
                                   evicted, but left pieces, or a reader is
                                   in them; an older entry of the key, if
                                   any, stays */
    SECTOR_STORE_BAD_KEY,       /* empty or over SECTOR_STORE_KEY_MAX */
    SECTOR_STORE_KEPT           /* unless_fresh, and there is one: nothing
                                   changed */
} sector_store_error_e;


typedef struct {
    uint64_t    entries;            /* linked now; expired ones too, until
                                       they are removed */
    uint64_t    used_bytes;         /* as the allocator gave them out; also of
                                       entries that were removed and are not
                                       given back to it yet */
    uint64_t    changes;            /* stores, deletions of what was there
                                       and clears since create: grows */
    uint64_t    lost_changes;       /* changes when the store was last emptied
                                       after a death, or made: while the two
                                       are the same, nothing in it is new */
    int64_t     last_store_wall_ms; /* 0: never */
    char        last_miss[SECTOR_STORE_KEY_MAX + 1];    /* "": none */
    uint64_t    counters[SECTOR_STATS_N];
} sector_store_info_t;


/*
 * Bytes that a store keeps for itself at the end of a region of
 * region_bytes; a multiple of 4096 when the region is.
 */
size_t sector_store_reserve(size_t region_bytes);


/*
 * The largest value that is ever stored where the allocator can give out
 * room_bytes in all: so large that old and new version have room beside as
 * much of others.
 */
size_t sector_store_value_max(size_t room_bytes);


/*
 * Makes a store in a zeroed reserve of reserve_bytes, aligned to 64; at least
 * as many bytes as sector_store_reserve() said, with an empty allocator.
 * No lock is needed: nobody else may know of the region yet.
 */
void sector_store_create(sector_store_t *st, void *reserve,
    size_t reserve_bytes, const sector_store_ops_t *ops,
    const sector_store_policy_t *policy);


/*
 * Opens a store that sector_store_create() made, perhaps another program's.
 * Returns 0, or -1 if magic, layout version or size differ or if it is
 * mapped at another address now: st is unusable.
 */
int sector_store_open(sector_store_t *st, void *reserve,
    size_t reserve_bytes, const sector_store_ops_t *ops,
    const sector_store_policy_t *policy);


/* A number that no other store has, made up when it was created. */
uint64_t sector_store_id(const sector_store_t *st);


/*
 * Takes a reader's slot for this process: one that is free or whose owner is
 * dead.  Without a free slot the store still works, but its reads take the
 * lock, and every so many of them look for a slot again.  Call once a process,
 * before the first read; takes the lock.
 */
void sector_store_attach(sector_store_t *st, int32_t pid);


/* Gives the slot back; its counts stay.  Takes the lock. */
void sector_store_detach(sector_store_t *st);


/*
 * Looks a key up and, unless it returns SECTOR_STORE_NONE, opens a read that
 * the caller must close with sector_store_read_end() before it returns to its
 * event loop.  One read at a time and process; while it is open nothing of
 * this store may be called but sector_store_count() and _note_hit().  Takes no
 * lock.  It counts nothing: the caller knows the request's outcome, see
 * sector_store_count().  A negative entry is FRESH or NONE, never stale.
 */
sector_store_state_e sector_store_read(sector_store_t *st, const void *key,
    size_t key_len, uint64_t now_ms, sector_store_view_t *view);

void sector_store_read_end(sector_store_t *st);


/*
 * Counts a hit of the entry that an open read has found.  The number is for
 * people, of the key since it was stored first: exact up to some hundreds,
 * where no two processes count at once; from there on one of 64 hits is drawn
 * and counts for all of them, so that the entry's line, which all readers
 * share, is written that rarely.  It is lost with the entry, and not dumped.
 */
void sector_store_note_hit(sector_store_t *st,
    const sector_store_view_t *view);


/*
 * Stores a value under a key, in place of the older one.  Takes the lock.
 * Evicts at most SECTOR_STORE_EVICT_MAX entries; refuses rather than evict
 * more, and evicts none if they would not do.  A value is copied; the caller
 * keeps its own.
 */
#define SECTOR_STORE_EVICT_MAX  64

sector_store_error_e sector_store_put(sector_store_t *st, const void *key,
    size_t key_len, const sector_store_item_t *item, uint64_t now_ms,
    int64_t wall_ms);


/*
 * Stores all of n values, each under its own key, or none: those that are
 * there stay unless there is room for all of the new.  Not OK is what is wrong
 * with one of them; NO_ROOM also where together they would take more than half
 * of the region, of which nothing is evicted then.  Readers may see some of
 * them before the others.  Takes the lock, once, and evicts at most
 * SECTOR_STORE_EVICT_MAX entries for each.
 */
typedef struct {
    const void             *key;
    size_t                  key_len;
    sector_store_item_t     item;
} sector_store_put_t;

sector_store_error_e sector_store_put_all(sector_store_t *st,
    const sector_store_put_t *puts, size_t n, uint64_t now_ms,
    int64_t wall_ms);


/* When an entry was stored, and the ends of its windows counted from then. */

typedef struct {
    uint64_t    age_ms;
    uint64_t    fresh_ms;
    uint64_t    refresh_ms;
    uint64_t    dead_ms;
    int64_t     stored_wall_ms;
} sector_store_times_t;


/* The same as sector_store_put() for an entry that was stored before, with
 * its own times in place of the policy's; those of item are not looked at. */
sector_store_error_e sector_store_restore(sector_store_t *st, const void *key,
    size_t key_len, const sector_store_item_t *item,
    const sector_store_times_t *times, uint64_t now_ms);


/*
 * Shows each entry that may still be served, in no order, some at a call:
 * begins at cursor, 0 at first, and returns the cursor to go on from, or 0
 * when all were shown.  What is stored or removed meanwhile may be shown or
 * not.  Takes no lock; what a read must not do, each must not either.
 */
typedef void (*sector_store_each_pt)(void *data, const void *key,
    size_t key_len, const sector_store_view_t *view);

uint64_t sector_store_each(sector_store_t *st, uint64_t cursor,
    uint64_t now_ms, sector_store_each_pt each, void *data);


/* Removes one key; returns how many were removed, 0 or 1.  Takes the lock. */
unsigned sector_store_delete(sector_store_t *st, const void *key,
    size_t key_len);


/* Removes everything in constant time; counters stay.  Returns how many were
 * removed.  Their memory is given back by and by, by later calls that take
 * the lock, or when it is needed.  Takes the lock. */
uint64_t sector_store_clear(sector_store_t *st);


/* Adds one to a counter.  Takes no lock. */
void sector_store_count(sector_store_t *st, sector_stat_e stat);


/* Notes the key of a miss, for people.  Takes the lock. */
void sector_store_note_miss(sector_store_t *st, const void *key,
    size_t key_len);


/* Adds the counters up.  Takes the lock. */
void sector_store_info(sector_store_t *st, sector_store_info_t *info);


#endif /* SECTOR_STORE_H */
