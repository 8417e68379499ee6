/*
 * sector_hold: keys that failed wait before they are fetched again.
 *
 * Layer 0: libc alone.  A table in shared memory; the caller holds the lock of
 * that memory during every call.  Times are monotonic milliseconds but where
 * they say wall.
 *
 * A slot is what is remembered of one key at one source: how its last fetch
 * failed, how long it waits, whether a call for many was refused because of
 * it, and how often the source said that it does not exist.  A key that has
 * no slot is one of which nothing bad is known.  The table is split into sets,
 * as a CPU's cache is; where a set is full, the slot that was noted longest
 * ago makes room.  A process may die while it changes a slot: what it leaves
 * is a free slot, a wrong number or a torn text.
 */

#ifndef SECTOR_HOLD_H
#define SECTOR_HOLD_H


#include <stddef.h>
#include <stdint.h>

#include "sector_flight.h"


#define SECTOR_HOLD_WAYS      8
#define SECTOR_HOLD_SLOTS     4096      /* a multiple of SECTOR_HOLD_WAYS */
#define SECTOR_HOLD_ALONE_MS  3600000   /* a key that spoilt a call for many
                                           stays out of them this long */
#define SECTOR_HOLD_LOG_MS    60000     /* a state that lasts is logged again
                                           after this long */


typedef struct {
    uint64_t        source;     /* a number of its own */
    uint64_t        zone;       /* the store's id */
    const void     *key;
    size_t          key_len;    /* 1 .. SECTOR_FLIGHT_KEY_MAX */
} sector_hold_key_t;


typedef struct {
    uint64_t                    source;
    uint64_t                    zone;
    uint64_t                    noted;      /* grows with each note */
    uint64_t                    until_ms;   /* no call before; 0: none waits */
    uint64_t                    length_ms;  /* of the last wait, without its
                                               jitter; 0: starts anew */
    uint64_t                    generation; /* the breaker's + 1 where the
                                               failure was the source's, so
                                               that its recovery ends the wait;
                                               0: it was the key's own */
    uint64_t                    alone_ms;   /* not in a call for many before;
                                               0: it may be */
    uint64_t                    missing_ms; /* "no such symbol" was last
                                               counted */
    uint64_t                    logged_ms;  /* the last line; 0: none */
    int64_t                     wall_ms;    /* of the last failure; 0: none */
    int64_t                     since_wall_ms;  /* of the first in a row */
    uint32_t                    failures;   /* in a row */
    uint32_t                    missing;    /* in a row: "no such symbol" of a
                                               key with good data */
    uint32_t                    absent;     /* 1: the last was that there is
                                               none, and no failure */
    uint32_t                    had;        /* 1: it was had since, from some
                                               other source */
    uint32_t                    unlogged;   /* failures since the last line */
    uint32_t                    logged_result;  /* of the last line */
    uint32_t                    logged_status;
    uint32_t                    key_len;    /* 0: free */
    unsigned char               key[SECTOR_FLIGHT_KEY_MAX];
    sector_flight_outcome_t     outcome;    /* of the last failure */
} sector_hold_slot_t;


/* All zero is an empty table. */

typedef struct {
    uint64_t                    noted;      /* the last number given */
    sector_hold_slot_t          slots[SECTOR_HOLD_SLOTS];
} sector_hold_table_t;


/* The slot of a key, or NULL. */
sector_hold_slot_t *sector_hold_find(sector_hold_table_t *t,
    const sector_hold_key_t *key);


/* The same, and a new one, zeroed but for its key, where there is none. */
sector_hold_slot_t *sector_hold_take(sector_hold_table_t *t,
    const sector_hold_key_t *key);


/*
 * A fetch of the key failed.  The key waits for hold_ms, then twice as long
 * with each failure in a row, and up to a quarter longer at random; never
 * longer than max_hold_ms unless hold_ms or least_ms is.  random is any number.
 * least_ms is a wait that it is not shorter than, 0: none.  With hold_ms 0 the
 * failure is noted, and the key waits as it did: a fetch that does not hold
 * its key says nothing of those that do.  outcome is copied.
 */
void sector_hold_failed(sector_hold_table_t *t, sector_hold_slot_t *slot,
    uint64_t hold_ms, uint64_t max_hold_ms, uint64_t least_ms,
    uint64_t random, uint64_t now_ms, int64_t wall_ms,
    const sector_flight_outcome_t *outcome);


/* It may not be fetched for a reason that is not its own: only noted. */
void sector_hold_refused(sector_hold_table_t *t, sector_hold_slot_t *slot,
    int64_t wall_ms, const sector_flight_outcome_t *outcome);


/* How long the key waits still, 0: not at all.  generation is the breaker's
 * now, and closed whether it is. */
uint64_t sector_hold_left(const sector_hold_slot_t *slot, uint64_t now_ms,
    uint64_t generation, int closed);


/* The key succeeded: it waits no longer, and what is known of its failures is
 * forgotten, but not that it goes alone. */
void sector_hold_ended(sector_hold_slot_t *slot);


/* The same, but what ended it is that there is no such key, until something
 * else is said of it. */
void sector_hold_absent(sector_hold_table_t *t, sector_hold_slot_t *slot);


/* The key was had: those of the other sources know it, and wait still. */
void sector_hold_had(sector_hold_table_t *t, const sector_hold_key_t *key);


/* An operator wants it fetched: it waits no longer, and no more than that.  A
 * row of failures, or of "no such symbol", goes on. */
void sector_hold_release(sector_hold_slot_t *slot);


/* A call for many was refused because of the key. */
void sector_hold_alone(sector_hold_slot_t *slot, uint64_t now_ms);


/* Whether it is to be asked for alone. */
int sector_hold_is_alone(const sector_hold_slot_t *slot, uint64_t now_ms);


/*
 * The source said that the key, of which there is good data, does not exist.
 * Counts it if the last one counted is apart_ms ago at least.  Returns 1 if it
 * has been said `after` times in a row, counted like this, and is to be
 * believed; else 0.  Any other outcome of a fetch ends the row.
 */
int sector_hold_missing(sector_hold_slot_t *slot, uint32_t after,
    uint64_t apart_ms, uint64_t now_ms);


/*
 * Whether the last failure is worth a line: the first of a row, one with
 * another result or status than the last line's, or one SECTOR_HOLD_LOG_MS
 * after it.  Returns how many failures the line stands for, 0: no line.
 */
uint32_t sector_hold_log(sector_hold_slot_t *slot, uint64_t now_ms);


/* What keeps happening, and is logged once in SECTOR_HOLD_LOG_MS, or when it
 * happens in another way; all zero has never happened.  how is any number.
 * Returns how many times the line stands for, 0: no line. */

typedef struct {
    uint64_t    logged_ms;      /* 0: never */
    uint32_t    logged_how;
    uint32_t    unlogged;
} sector_hold_repeat_t;

uint32_t sector_hold_repeat(sector_hold_repeat_t *r, uint32_t how,
    uint64_t now_ms);


#endif /* SECTOR_HOLD_H */
