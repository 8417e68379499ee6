/*
 * sector_evidence: whether a failure says something about the source, or only
 * about the one key that it was made with.
 *
 * Layer 0: libc alone.  A plain struct in shared memory; the caller holds the
 * lock of that memory during every call.  Times are monotonic milliseconds.
 *
 * A key is a hash of it, never 0; 0 stands for several keys in one call.
 *
 * The rule: a key that fails again adds nothing, as long as no other key has
 * failed in between and some other key is well.  A key is well from its last
 * success for as long as the caller says, and no longer than until it fails.
 * With A that fails, and W that is well:
 *
 *      A A A A             no other is known: each counts
 *      A A A A, W          the first counts
 *      A B A B, W          each counts: two keys are more than one
 *      A A * A, W          the first, that of several, and the A after it
 *      A A ok(A) A, W      the first, and the one after the success
 *      A A ok(W) A, W      the first: A has failed all along
 *      A A A A, W ends     the first, and each from then on
 */

#ifndef SECTOR_EVIDENCE_H
#define SECTOR_EVIDENCE_H


#include <stdint.h>


#define SECTOR_EVIDENCE_KEYS  16    /* of those that are well, the ones that
                                       stay so longest are remembered */


typedef struct {
    uint64_t    key;            /* 0: none */
    uint64_t    until_ms;       /* well until then */
} sector_evidence_well_t;


/* All zero knows nothing. */

typedef struct {
    uint64_t                failed_key;     /* the last failure's; 0: none, or
                                               that of several */
    sector_evidence_well_t  well[SECTOR_EVIDENCE_KEYS];
} sector_evidence_t;


/* A key succeeded: it fails no more.  Where it was several, 0, nobody knows
 * whether the one that failed was among them. */
void sector_evidence_good(sector_evidence_t *e, uint64_t key);


/* A key was had, and counts as well until then.  It may still have failed: too
 * slowly, say. */
void sector_evidence_well(sector_evidence_t *e, uint64_t key,
    uint64_t until_ms);


/* A key failed, or several with 0.  Returns 1 if that counts against the
 * source, 0 if it is only the same key again while others are well. */
int sector_evidence_bad(sector_evidence_t *e, uint64_t key, uint64_t now_ms);


#endif /* SECTOR_EVIDENCE_H */
