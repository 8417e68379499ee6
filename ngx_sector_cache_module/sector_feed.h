/*
 * sector_feed: do a source's quotes still advance?
 *
 * Layer 0: libc alone.  A feed is a plain struct in shared memory; the caller
 * holds the lock of that memory during every call.  Times are monotonic
 * milliseconds, those of quotes milliseconds since the epoch.  All zero is a
 * feed of which nothing was seen.
 *
 * A feed that is late by a constant time, as free ones are, advances; one that
 * gives the same quotes again and again has frozen, though each of its answers
 * is a good one.
 */

#ifndef SECTOR_FEED_H
#define SECTOR_FEED_H


#include <stdint.h>


#define SECTOR_FEED_FETCHES   3     /* answers without anything new, at least */

#define SECTOR_FEED_AHEAD_MS  (5 * 60 * 1000)   /* clocks may differ by this */


typedef struct {
    int64_t     newest_ms;      /* of all quotes; 0: none yet */
    uint64_t    advanced_ms;    /* when it was seen first */
    uint64_t    fetches;        /* good answers since then */
} sector_feed_t;


/*
 * Notes a good answer with the time of its quote; one without is none.  So is
 * one whose quote is further ahead of the wall clock, milliseconds since the
 * epoch, than SECTOR_FEED_AHEAD_MS: the future is not believed, and where the
 * newest time was one, it is forgotten.
 */
void sector_feed_note(sector_feed_t *f, int64_t quote_ms, int64_t wall_ms,
    uint64_t now_ms);


/*
 * Whether nothing has advanced for frozen_ms, all of which the market has been
 * open; open_ms is for how long it has (0: it is closed).  Never where
 * frozen_ms is 0, and not before SECTOR_FEED_FETCHES answers.
 */
int sector_feed_frozen(const sector_feed_t *f, uint64_t frozen_ms,
    uint64_t open_ms, uint64_t now_ms);


#endif /* SECTOR_FEED_H */
