/*
 * sector_rate: a token bucket, and the pause before a retry.
 *
 * Layer 0: libc alone.  The bucket's whole state is one number in shared
 * memory, the theoretical arrival time of the generic cell rate algorithm
 * (ITU-T I.371, annex A), which is the same as a bucket that fills steadily;
 * the caller holds the lock.  A process that dies leaves the old number or the
 * new one.
 */

#ifndef SECTOR_RATE_H
#define SECTOR_RATE_H


#include <stdint.h>


typedef struct {
    uint64_t    interval_ns;    /* a token comes every; 0: no limit */
    uint64_t    burst;          /* tokens in a full bucket, >= 1 */
} sector_rate_t;


/* So many tokens in so many seconds, both >= 1 and the tokens at most 10^6 a
 * second: a bucket that holds as many. */
void sector_rate_set(sector_rate_t *rate, uint64_t tokens, uint64_t seconds);


/*
 * Takes a token.  Returns 0, or -1 when there is none, and in *retry_after_ms
 * how long until there is (>= 1).  *tat_ns is 0 at first: a full bucket.
 */
int sector_rate_take(uint64_t *tat_ns, const sector_rate_t *rate,
    uint64_t now_ms, uint64_t *retry_after_ms);


/*
 * How long to pause before a fetch is tried again, the retry-th time (>= 1):
 * exponential backoff with full jitter, that is anything from 0 to backoff_ms
 * (>= 1), twice, four times that and so on, but never more than 30 s.  random
 * is any number, each as likely.
 */
uint64_t sector_rate_pause_ms(uint64_t backoff_ms, unsigned retry,
    uint64_t random);


#endif /* SECTOR_RATE_H */
