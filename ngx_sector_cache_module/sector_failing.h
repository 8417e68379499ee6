/*
 * sector_failing: whether the fetches of a source fail, since when, and why.
 *
 * Layer 0: libc alone.  A plain struct in shared memory; the caller holds the
 * lock of that memory during every call.  Unlike the breaker it counts what is
 * about a key alone as well: a revoked key of an API that answers 400 to
 * everything opens no breaker, and has to be seen.
 */

#ifndef SECTOR_FAILING_H
#define SECTOR_FAILING_H


#include <stdint.h>

#include "sector_evidence.h"
#include "sector_flight.h"


#define SECTOR_FAILING_MS  60000    /* a row that lasts this long is one,
                                       however few they are */


/* All zero: nothing has been fetched. */

typedef struct {
    sector_evidence_t       evidence;
    uint32_t                failures;       /* in a row, as the evidence
                                               counts them */
    uint64_t                since_ms;       /* the first of the row */
    int64_t                 since_wall_ms;  /* the same; 0: none fails */
    int64_t                 success_wall_ms;    /* the last; 0: none yet */
    int64_t                 error_wall_ms;  /* the last failure; 0: none yet */
    uint32_t                key_len;        /* of the last failure; 0: several
                                               keys */
    unsigned char           key[SECTOR_FLIGHT_KEY_MAX];
    sector_flight_outcome_t error;          /* the last failure's */
} sector_failing_t;


/* A key was fetched, and counts as well until then. */
void sector_failing_good(sector_failing_t *f, uint64_t key, uint64_t until_ms,
    int64_t wall_ms);


/* A fetch failed: of the key whose hash is key, named name; of several where
 * key is 0, and name_len too.  A name that is too long is none. */
void sector_failing_bad(sector_failing_t *f, uint64_t key, const void *name,
    uint32_t name_len, uint64_t now_ms, int64_t wall_ms,
    const sector_flight_outcome_t *error);


/* Whether every fetch fails: `failures` in a row, or for SECTOR_FAILING_MS. */
int sector_failing_is(const sector_failing_t *f, uint32_t failures,
    uint64_t now_ms);


#endif /* SECTOR_FAILING_H */
