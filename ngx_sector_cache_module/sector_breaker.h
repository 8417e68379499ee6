/*
 * sector_breaker: the circuit breaker of one source.
 *
 * Layer 0: libc alone.  A breaker is a plain struct in shared memory and a
 * function of (state, event, now); the caller holds the lock of that memory
 * during every call.  Times are monotonic milliseconds.
 *
 *                    failures in a row, or error rate
 *      +--------+ -------------------------------------> +------+
 *      | closed |                                        | open | <--+
 *      +--------+ <----+                                 +------+    |
 *                      | successes in a row                 | open   | one
 *                      |                                    | ends   | failure,
 *                   +-----------+ <-------------------------+        | or none
 *                   | half-open | ------------------------------------+ decides
 *                   +-----------+
 *
 * Which failures count, and which say no more than that one key fails, is a
 * matter of sector_evidence.h.
 *
 * A breaker may be forced open or closed by hand: see sector_breaker_force().
 *
 * After Nygard, Release It! (2007), and the circuit breaker pattern as it is
 * described for Hystrix and resilience4j.
 */

#ifndef SECTOR_BREAKER_H
#define SECTOR_BREAKER_H


#include <stdint.h>

#include "sector_evidence.h"


#define SECTOR_BREAKER_BUCKETS  10      /* of the error rate's window */
#define SECTOR_BREAKER_PROBES   64      /* half_open is at most this */


typedef enum {
    SECTOR_BREAKER_CLOSED = 0,
    SECTOR_BREAKER_OPEN,
    SECTOR_BREAKER_HALF_OPEN
} sector_breaker_state_e;


typedef enum {
    SECTOR_BREAKER_SUCCESS = 0,     /* an answer, "no such symbol" included */
    SECTOR_BREAKER_FAILURE,
    SECTOR_BREAKER_UNDECIDED,       /* an answer that counts neither way: a
                                       probe's place is not free before the
                                       breaker has decided */
    SECTOR_BREAKER_IGNORE           /* there was no answer, for a reason of our
                                       own: the probe's place is freed */
} sector_breaker_result_e;


typedef enum {
    SECTOR_BREAKER_AUTO = 0,
    SECTOR_BREAKER_FORCED_OPEN,
    SECTOR_BREAKER_FORCED_CLOSED
} sector_breaker_force_e;


/*
 * Set by directive; passed to every call, so that a reload changes it.  A
 * value below its least counts as the least, one above its most as the most.
 */

typedef struct {
    uint32_t    failures;           /* in a row open it; >= 1 */
    uint32_t    error_percent;      /* of the window's calls; 0: not used */
    uint32_t    min_calls;          /* in the window before the rate counts */
    uint64_t    window_ms;          /* a longer one ends at reset_ms */
    uint64_t    slow_ms;            /* a slower success counts as a failure;
                                       0: never */
    uint64_t    open_ms;            /* first time open; >= 1 */
    uint64_t    max_open_ms;        /* the doubling ends here; >= open_ms */
    uint32_t    half_open;          /* probes at once, and undecided ones in
                                       all, 1 .. PROBES */
    uint32_t    successes;          /* in a row close it; >= 1 */
    uint64_t    half_open_timeout_ms;   /* a silent probe's place is freed,
                                           and what is undecided makes it open
                                           again; >= 1 */
    uint64_t    reset_ms;           /* failures older than this are forgotten;
                                       0: never */
} sector_breaker_policy_t;


typedef struct {
    uint64_t    id;             /* 0: free */
    uint64_t    deadline_ms;    /* from then on the place is free */
} sector_breaker_probe_t;


typedef struct {
    uint32_t    calls;
    uint32_t    failures;
    uint64_t    epoch;          /* which bucket of time: now / width */
} sector_breaker_bucket_t;


/*
 * All under the caller's lock, written by sector_breaker.c alone.  All zero is
 * a closed breaker.
 */

typedef struct {
    uint32_t                    state;          /* sector_breaker_state_e */
    uint32_t                    force;          /* sector_breaker_force_e */
    uint32_t                    failures;       /* in a row, closed */
    uint32_t                    successes;      /* in a row, half-open */
    uint32_t                    undecided;      /* probes, half-open */
    uint64_t                    last_failure_ms;
    uint64_t                    since_ms;       /* of the present state */
    uint64_t                    open_until_ms;
    uint64_t                    open_for_ms;    /* doubles; 0: start anew */
    uint64_t                    open_last_ms;   /* how long it was the last
                                                   time, asked for or not */
    uint64_t                    undecided_ms;   /* the first undecided probe,
                                                   or a success after it */
    uint64_t                    generation;     /* counts transitions */
    uint64_t                    next_id;        /* of probes */
    uint64_t                    first_id;       /* of the present state's */
    uint64_t                    opened;         /* how often, by hand too */
    uint64_t                    width_ms;       /* of a bucket; 0: none yet */
    sector_evidence_t           evidence;       /* of keys */
    sector_breaker_probe_t      probes[SECTOR_BREAKER_PROBES];
    sector_breaker_bucket_t     buckets[SECTOR_BREAKER_BUCKETS];
} sector_breaker_t;


/* What a caller that was let through holds until it reports: a value, no
 * memory. */

typedef struct {
    uint64_t    generation;     /* of the breaker when it was given */
    uint64_t    probe;          /* 0: not a probe */
} sector_breaker_permit_t;


/*
 * Asks to call the upstream.  Returns 0 and a permit, *retry_after_ms being 0;
 * or -1, the permit untouched, and in *retry_after_ms how long to wait at
 * least (>= 1): the rest of the open time; where all places are taken, until
 * the first probe's deadline, or until the breaker has been open again if that
 * comes first or undecided ones hold all; where it is forced open, open_ms.
 * Makes the moves that are due: turns an open breaker whose time is over
 * half-open, and see sector_breaker_lapse().
 */
int sector_breaker_acquire(sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms,
    sector_breaker_permit_t *permit, uint64_t *retry_after_ms);


/*
 * Reports how the call ended and gives the permit back; call once for each
 * permit.  key is the hash of the one key that the call was for, 0 where it
 * was for several: a closed breaker does not count the failure, or slow
 * success, of a key for which sector_evidence_bad() returns 0.  elapsed_ms is
 * the upstream's time, for slow_ms.  retry_after_ms is what the upstream asked
 * for with a 429 or 503 (0: nothing): on a FAILURE it opens the breaker for
 * that long, at most max_open_ms, whatever the key; on another result it means
 * nothing.  A report from before the last transition changes nothing but its
 * own probe's place; nor does the report of a probe at or past its deadline,
 * nor any while the breaker is forced.  The policy is not looked at where the
 * result is IGNORE.
 */
void sector_breaker_report(sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms,
    const sector_breaker_permit_t *permit, sector_breaker_result_e result,
    uint64_t key, uint64_t elapsed_ms, uint64_t retry_after_ms);


/* A key was had, and counts as well until then: see sector_evidence_well().
 * After the report. */
void sector_breaker_well(sector_breaker_t *b, uint64_t key,
    uint64_t until_ms);


/*
 * Opens a half-open breaker that has not decided in time; returns 1 if it was
 * so, else 0.  The calls above do it too: this is for whoever wants to see the
 * transition and makes no call.
 */
int sector_breaker_lapse(sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms);


/*
 * The state as a caller would meet it now, changing nothing: an open breaker
 * whose time is over is half-open, a half-open one that has not decided in time
 * is open, a forced one is as it was forced.
 * *retry_after_ms is what sector_breaker_acquire() would say, 0 if a call
 * would be let through; NULL if not wanted.
 */
sector_breaker_state_e sector_breaker_peek(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms,
    uint64_t *retry_after_ms);


/*
 * How many more probes would be of use now, if those under way succeed: 0
 * where none may go, and where enough do.  Whoever calls only to see whether
 * the upstream is back asks this first.
 */
uint32_t sector_breaker_wanted(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms);


/*
 * Forces a state, or frees it: a freed breaker starts closed.  Forced open
 * refuses every call; forced closed lets every call through and counts none.
 * What it is already, it stays: freeing a breaker that is not forced does not
 * close it.
 */
void sector_breaker_force(sector_breaker_t *b, sector_breaker_force_e force,
    uint64_t now_ms);


/* "closed", "open" or "half_open" */
const char *sector_breaker_name(sector_breaker_state_e state);


#endif /* SECTOR_BREAKER_H */
