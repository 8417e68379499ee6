/*
 * sector_stats: the names of everything that is counted.
 *
 * Layer 0.  One table for each kind of counter, each row
 * X(ID, json_name, help).  The enumerations below, the JSON of /stats and
 * every other listing are made from these tables, so that a counter is
 * named in one place only.
 *
 * The unit of every counter is one event; none ever decreases.
 */

#ifndef SECTOR_STATS_H
#define SECTOR_STATS_H


#include <stdint.h>


/*
 * Counters of one namespace.  A request for a sector adds one to exactly one
 * of the rows marked "outcome": their sum is the number of requests answered.
 */

#define SECTOR_STATS_OUTCOMES(X)                                              \
    X(HIT, "hits", "requests answered by a fresh entry")                      \
    X(MISS, "misses", "requests that found nothing fresh and waited"          \
      " for a fetch")                                                         \
    X(STALE, "stale", "requests answered by a stale entry because no"         \
      " fetch succeeded")                                                     \
    X(UPDATING, "updating", "requests answered by a stale entry while one"    \
      " fetch refreshes it")                                                  \
    X(BYPASS, "bypassed", "requests that were told not to read the cache")    \
    X(DISABLED, "disabled", "requests answered with the cache off")           \
    X(NEGATIVE, "negative", "requests answered by a kept \"no such symbol\"")

#define SECTOR_STATS_EVENTS(X)                                                \
    X(EXPIRED, "expired", "misses that found an entry past its ttl")          \
    X(SHADOW_DIFFERS, "shadowDiffers", "would-be hits, in shadow, whose data" \
      " was not what was fetched")                                            \
    X(STORE, "stores", "entries stored")                                      \
    X(EVICT, "evictions", "entries removed to make room")                     \
    X(EXPIRE, "expirations", "entries removed because past every window")     \
    X(REFUSE_ROOM, "refusedNoRoom", "entries not stored: no room")            \
    X(REFUSE_LARGE, "refusedTooLarge", "entries not stored: too large")       \
    X(RECOVERY, "recoveries", "times the zone was emptied after a worker"     \
      " died inside its mutex")

#define SECTOR_STATS_COUNTERS(X)  SECTOR_STATS_OUTCOMES(X)                    \
                                  SECTOR_STATS_EVENTS(X)


/* Counters of one source: every fetch that was begun ends in one outcome. */

#define SECTOR_STATS_FETCHES(X)                                               \
    X(OK, "succeeded", "fetches whose answer was valid")                      \
    X(NOT_FOUND, "notFound", "fetches answered with \"no such symbol\"")      \
    X(ERROR, "failed", "fetches that met a failing status or connection")     \
    X(INVALID, "invalid", "fetches whose body was not what was promised")     \
    X(TIMEOUT, "timedOut", "fetches that took longer than their timeout")     \
    X(ABORTED, "aborted", "fetches that ended for a reason of our own")

#define SECTOR_STATS_FETCH_EVENTS(X)                                          \
    X(STARTED, "fetches", "fetches begun")                                    \
    X(RETRIES, "retries", "calls of the upstream after a fetch's first")      \
    X(PROBES, "probes", "fetches begun by the module to see whether the"      \
      " upstream is back")                                                    \
    X(COALESCED, "coalesced", "requests that joined a fetch under way")       \
    X(REFUSED, "refusedByBreaker", "fetches not begun because the breaker"    \
      " was open")                                                            \
    X(REFUSED_QUEUE, "refusedByQueue", "fetches not begun because the queue"  \
      " was full or its timeout over")                                        \
    X(REFUSED_RATE, "refusedByRate", "fetches not begun because of the rate"  \
      " limit")                                                               \
    X(HELD, "held", "fetches not begun because the key's last one failed a"   \
      " moment before")

#define SECTOR_STATS_SOURCE(X)  SECTOR_STATS_FETCHES(X)                       \
                                SECTOR_STATS_FETCH_EVENTS(X)


#define SECTOR_STATS_ENUM(id, name, help)  SECTOR_STAT_##id,
#define SECTOR_STATS_FETCH_ENUM(id, name, help)  SECTOR_FETCH_##id,

typedef enum {
    SECTOR_STATS_COUNTERS(SECTOR_STATS_ENUM)
    SECTOR_STATS_N
} sector_stat_e;

typedef enum {
    SECTOR_STATS_SOURCE(SECTOR_STATS_FETCH_ENUM)
    SECTOR_FETCH_STATS_N
} sector_fetch_stat_e;


/*
 * A histogram of times.  Bucket i counts what took at most
 * sector_stats_bounds_ms[i] and more than the bound before it; the last one
 * counts what took longer than all bounds.  The first bound is 0: what took no
 * time at all must not look like some of it.
 */

#define SECTOR_STATS_BOUNDS  13

typedef struct {
    uint64_t    sum_ms;
    uint64_t    buckets[SECTOR_STATS_BOUNDS + 1];
} sector_histogram_t;

extern const uint64_t  sector_stats_bounds_ms[SECTOR_STATS_BOUNDS];


/* Adds a time; under whatever lock the histogram has. */

void sector_stats_observe(sector_histogram_t *histogram, uint64_t ms);


/* The first row after the outcomes: outcomes are [0, SECTOR_STAT_OUTCOMES),
 * those of fetches [0, SECTOR_FETCH_OUTCOMES). */

#define SECTOR_STAT_OUTCOMES  SECTOR_STAT_EXPIRED
#define SECTOR_FETCH_OUTCOMES  SECTOR_FETCH_STARTED


typedef struct {
    const char  *name;      /* as in JSON */
    const char  *help;      /* what one event is */
} sector_stats_row_t;


extern const sector_stats_row_t  sector_stats_rows[SECTOR_STATS_N];
extern const sector_stats_row_t  sector_stats_fetch_rows[SECTOR_FETCH_STATS_N];


#endif /* SECTOR_STATS_H */
