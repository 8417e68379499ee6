/*
 * sector_flight: who fetches what, over all workers.
 *
 * Layer 0: libc alone.  A table in shared memory; the caller holds the lock of
 * that memory during every call, and says what time it is and who lives.
 * Times are monotonic milliseconds.
 *
 * A flight is one fetch of one key.  Whoever wants a key that is in flight
 * joins, and is woken when the flight ends; nobody looks again and again.  A
 * source flies at most so many at once; the others wait in the order in which
 * they came.
 *
 *              a place is free                     end
 *     join ───────────────────────> RUNNING ──────────────> DONE, for those who
 *      │                             ^   │                  joined, for a while
 *      │ none is    grant            │   │ owner dies,
 *      └─────────> WAITING ──────────┘   │ or lease ends
 *                     │                  v          adopt
 *                     └──────────────> ORPHAN ──────────────> RUNNING, WAITING
 *                                      (others wait for it)
 *
 * Where one call of the upstream brings many keys, the call is a flight that
 * nobody may join, and its keys are flights that ride on its place: RIDING from
 * the start, and ended, or orphaned, like any other.
 *
 * A flight is a lease: it has an owner and a deadline, and is taken back when
 * either ends.
 */

#ifndef SECTOR_FLIGHT_H
#define SECTOR_FLIGHT_H


#include <stddef.h>
#include <stdint.h>


#define SECTOR_FLIGHT_MAX         8192  /* flights at once, all sources' */
#define SECTOR_FLIGHT_KEY_MAX     32    /* bytes */
#define SECTOR_FLIGHT_REASON_MAX  200   /* bytes, the final zero included */
#define SECTOR_FLIGHT_LINES       64    /* lines are 0 .. 63 */
#define SECTOR_FLIGHT_KEEP_MS     2000  /* an outcome or an orphan waits this
                                           long for those who joined */


typedef enum {
    SECTOR_FLIGHT_GONE = 0,     /* there is no such flight */
    SECTOR_FLIGHT_WAITING,      /* for a place */
    SECTOR_FLIGHT_RUNNING,      /* it has one */
    SECTOR_FLIGHT_RIDING,       /* it goes along with another, on whose place */
    SECTOR_FLIGHT_ORPHAN,       /* its owner is gone: adopt it */
    SECTOR_FLIGHT_DONE          /* take its outcome */
} sector_flight_state_e;


typedef enum {
    SECTOR_FLIGHT_LEAD = 0,     /* ours, and it has a place: go */
    SECTOR_FLIGHT_QUEUED,       /* ours, and it waits for a place */
    SECTOR_FLIGHT_JOINED,       /* somebody else's: wait to be woken */
    SECTOR_FLIGHT_FULL          /* nothing was begun: the queue is full */
} sector_flight_join_e;


/* How a flight ended, for those who joined.  The numbers are the caller's. */

typedef struct {
    uint32_t    result;
    uint32_t    status;
    uint64_t    retry_after_ms;
    char        reason[SECTOR_FLIGHT_REASON_MAX];   /* zero-terminated */
} sector_flight_outcome_t;


/* What its owner holds beside the place, and whoever takes the flight back
 * has to give back for it; all zero: nothing. */

typedef struct {
    uint64_t    held[2];
} sector_flight_lease_t;


typedef struct {
    uint32_t                    state;      /* sector_flight_state_e */
    int32_t                     owner;      /* process id */
    uint64_t                    id;         /* ticket, and place in the table */
    uint64_t                    source;
    uint64_t                    deadline_ms;
    uint64_t                    zone;
    uint64_t                    lines;      /* bits of those who joined */
    uint32_t                    line;       /* the owner's */
    uint32_t                    key_len;    /* 0: nobody may join */
    unsigned char               key[SECTOR_FLIGHT_KEY_MAX];
    sector_flight_lease_t       lease;
    sector_flight_outcome_t     outcome;    /* DONE only */
} sector_flight_slot_t;


typedef struct {
    uint64_t                    ticket;     /* the last one given */
    uint32_t                    used;       /* slots beyond were never used or
                                               are free */
    sector_flight_slot_t        slots[SECTOR_FLIGHT_MAX];
} sector_flight_table_t;


/* A source's limits; passed to every call, so that a reload changes them. */

typedef struct {
    uint64_t    source;         /* a number of its own */
    uint64_t    concurrency;    /* flights with a place, >= 1 */
    uint64_t    queue;          /* flights that wait for one */
    uint64_t    lease_ms;       /* a place is taken back after this */
    uint64_t    queue_lease_ms; /* so is one's place in the queue */
} sector_flight_policy_t;


typedef struct {
    uint64_t        zone;       /* keys of different zones are different */
    const void     *key;
    size_t          key_len;    /* 0: a flight that nobody may join; else at
                                   most SECTOR_FLIGHT_KEY_MAX */
    int32_t         owner;      /* this process */
    uint32_t        line;       /* by which it is woken */
} sector_flight_want_t;


/* Makes an empty table of whatever is there.  Its tickets begin after this
 * one. */
void sector_flight_init(sector_flight_table_t *t, uint64_t ticket);


/*
 * Joins the flight of a key or begins one; *id is its number unless it returns
 * FULL.  A flight that is DONE is not joined: its key may fly again.
 */
sector_flight_join_e sector_flight_join(sector_flight_table_t *t,
    const sector_flight_policy_t *policy, const sector_flight_want_t *want,
    uint64_t now_ms, uint64_t *id);


/*
 * The same for a key that rides: LEAD, it is ours and needs no place; JOINED;
 * or FULL, the table is.  *id is 0, or the number that it had: where it rides
 * still, its lease begins anew.  That is as long as the lease of what it rides
 * on: of a place where place says that it has one, else of the queue.
 */
sector_flight_join_e sector_flight_ride(sector_flight_table_t *t,
    const sector_flight_policy_t *policy, const sector_flight_want_t *want,
    int place, uint64_t now_ms, uint64_t *id);


/* The flight that want would join, or 0. */
uint64_t sector_flight_find(const sector_flight_table_t *t,
    const sector_flight_want_t *want);


/*
 * How a flight is now.  For its owner RUNNING says that it has its place; one
 * that was taken back from it is GONE or belongs to another: see
 * sector_flight_owned().
 */
sector_flight_state_e sector_flight_look(const sector_flight_table_t *t,
    uint64_t id);

/* Whether a flight is this process's, and not over. */
int sector_flight_owned(const sector_flight_table_t *t, uint64_t id,
    int32_t owner);


/* Who has a flight that is not over, or 0. */
int32_t sector_flight_owner(const sector_flight_table_t *t, uint64_t id);


/* Starts the lease of a running flight anew.  Returns 0, or -1 where it is not
 * this owner's any more. */
int sector_flight_renew(sector_flight_table_t *t, uint64_t id, int32_t owner,
    const sector_flight_policy_t *policy, uint64_t now_ms);


/* Notes what the owner of a running flight holds. */
void sector_flight_hold(sector_flight_table_t *t, uint64_t id,
    const sector_flight_lease_t *lease);


/*
 * Ends a flight, waiting or running, and frees its place.  The outcome is kept
 * for those who joined; NULL: they know where to find it.  Returns the lines
 * to wake: of those who joined.  Does nothing, and returns 0, where the flight
 * is not this owner's any more.
 */
uint64_t sector_flight_end(sector_flight_table_t *t, uint64_t id,
    int32_t owner, const sector_flight_outcome_t *outcome, uint64_t now_ms);


/* The outcome of a flight that is DONE, until the next call; else NULL. */
const sector_flight_outcome_t *sector_flight_outcome(
    const sector_flight_table_t *t, uint64_t id);


/*
 * Makes an orphan want's: it runs if there is a place, else it waits, first of
 * all who came after it.  Returns LEAD or QUEUED, or JOINED when somebody was
 * faster, or FULL when it is gone.
 */
sector_flight_join_e sector_flight_adopt(sector_flight_table_t *t, uint64_t id,
    const sector_flight_policy_t *policy, const sector_flight_want_t *want,
    uint64_t now_ms);


/* Gives free places to those who wait, in order.  Returns the lines to wake:
 * of their owners. */
uint64_t sector_flight_grant(sector_flight_table_t *t,
    const sector_flight_policy_t *policy, uint64_t now_ms);


/*
 * Takes back what belongs to the dead and what is past its deadline; freed is
 * called for each lease, and alive once for a process, or a few times where
 * there are many.  Returns the lines to wake: of those who joined what is an
 * orphan now.  Grant afterwards.  gone is a process id that counts as
 * dead, 0: none.
 */
typedef struct {
    int        (*alive)(void *ctx, int32_t pid);
    void       (*freed)(void *ctx, uint64_t source,
                   const sector_flight_lease_t *lease);
    void        *ctx;
    int32_t      gone;
} sector_flight_reaper_t;

uint64_t sector_flight_reap(sector_flight_table_t *t,
    const sector_flight_reaper_t *reaper, uint64_t now_ms);


/* How many of a source's flights have a place, and how many wait for one. */
void sector_flight_count(const sector_flight_table_t *t, uint64_t source,
    uint64_t *running, uint64_t *waiting);


#endif /* SECTOR_FLIGHT_H */
