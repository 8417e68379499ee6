/*
 * sector_compose_market: the JSON of answers about many symbols at once, the
 * snapshot and a batch's failures.
 *
 * Layer 1: libc and jansson.  No state, no lock, no clock.  Both texts are
 * malloc'ed and terminated, their length without the end is in *len, and the
 * caller frees them; NULL is no memory, or a string that is not UTF-8, or a
 * sector that is not JSON, and leaves *len alone.
 */

#ifndef SECTOR_COMPOSE_MARKET_H
#define SECTOR_COMPOSE_MARKET_H


#include <stddef.h>
#include <stdint.h>


/* A configured symbol and what is stored of it. */

typedef struct {
    const char     *symbol;
    const char     *name;           /* configured, UTF-8; NULL: none */
    const char     *data;           /* a stored sector, not terminated; NULL:
                                       not available */
    size_t          len;
    unsigned        benchmark:1;
} sector_compose_part_t;


/* Why a symbol of a batch could not be had. */

typedef struct {
    const char     *symbol;
    const char     *code;           /* UPSTREAM_ERROR, ... */
    const char     *text;           /* for people */
} sector_compose_failure_t;


/*
 * How many sectors, benchmarks apart, are available: with 0 there is nothing
 * to make a snapshot of.  *missing is set to 1 if a sector or the benchmark is
 * not, so that a snapshot is partial, else to 0.
 */
size_t sector_compose_available(const sector_compose_part_t *parts, size_t n,
    unsigned *missing);


/*
 * The data of a snapshot made at wall_ms, milliseconds since the epoch:
 *
 *     {"timestamp":1795377640123,"date":"2026-11-22","sectors":[...],
 *      "benchmark":{...},"summary":{"totalSectors":11,"availableSectors":11,
 *      "bullishSectors":4,"bearishSectors":2,"neutralSectors":5,
 *      "topPerformer":"XLK","worstPerformer":"XLU","averageChange":0.42}}
 *
 * - date is the day of timestamp in UTC; outside of the years 0 to 9999 it is
 *   1970-01-01, as with sector_compose_time().
 * - sectors are in the order of parts.  What is available stands there byte
 *   for byte as stored; what is not is {"symbol","name","error":"Data
 *   unavailable"}, without a name if none is configured.
 * - benchmark is the first part marked so, in the same two shapes, and is left
 *   out if there is none.  Others marked so are not in a snapshot at all.
 * - summary is over the available sectors, except for totalSectors.  Bullish
 *   is a changePercent above 0.5, bearish one below -0.5, all else neutral.
 *   A sector without a numeric changePercent is neutral and has no part in
 *   topPerformer, worstPerformer and averageChange, which are null if no
 *   sector has one.  Of equals, the first is top and worst.
 * - averageChange is rounded to 2 decimals, halves away from 0, as a reader of
 *   its decimal digits would: the average of 1.01 and 1 is 1.005, thus 1.01,
 *   though no double is 1.005.  It is null where the sum is beyond a double.
 */
char *sector_compose_snapshot(const sector_compose_part_t *parts, size_t n,
    int64_t wall_ms, size_t *len);


/*
 * The errors of a batch, in the order given; a symbol's last one counts:
 *
 *     {"XLU":{"error_code":"UPSTREAM_ERROR","error":"..."},...}
 */
char *sector_compose_failures(const sector_compose_failure_t *failures,
    size_t n, size_t *len);


#endif /* SECTOR_COMPOSE_MARKET_H */
