/*
 * What the files of a source share:
 *
 *     ..._source.c          turns: flights, places, and leave to call
 *     ..._source_breaker.c  what the breaker does by the clock, or by hand
 *     ..._source_memory.c   what is remembered of keys, and of the source
 *
 * Layer 2.  _locked: the caller holds the control zone's slab mutex.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_SOURCE_INTERNAL_H
#define NGX_HTTP_SECTOR_CACHE_SOURCE_INTERNAL_H


#include "ngx_http_sector_cache_source.h"


/* Whether the key failed a moment ago, and waits: HELD, and in *outcome how;
 * else GO. */

ngx_http_sector_cache_turn_e ngx_http_sector_cache_source_held_locked(
    ngx_http_sector_cache_source_t *source,
    const ngx_http_sector_cache_want_t *wanted,
    sector_flight_outcome_t *outcome);


/* What is remembered of a key that failed; NULL: nothing, and nothing is to be,
 * unless make says so. */

sector_hold_slot_t *ngx_http_sector_cache_source_slot_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key, ngx_uint_t make);


/* Remembers how the fetch of a key ended: before its flight is over, so that
 * who begins the next one knows. */

void ngx_http_sector_cache_source_ended_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending);


/* A half-open breaker that came to no decision opens. */

void ngx_http_sector_cache_source_lapse_locked(
    ngx_http_sector_cache_source_t *source);


/* A transition is logged once, by the worker that made it; not under the
 * mutex. */

void ngx_http_sector_cache_source_log(ngx_http_sector_cache_source_t *source,
    uint32_t before, uint32_t after);


#endif /* NGX_HTTP_SECTOR_CACHE_SOURCE_INTERNAL_H */
