/*
 * A source at work: its breaker, asked and told under the control zone's slab
 * mutex, and its counters.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_SOURCE_H
#define NGX_HTTP_SECTOR_CACHE_SOURCE_H


#include "ngx_http_sector_cache_conf.h"


/* Asks for leave to fetch: NGX_OK and a permit, or NGX_BUSY and in
 * *retry_after_ms when to ask again. */

ngx_int_t ngx_http_sector_cache_source_acquire(
    ngx_http_sector_cache_source_t *source, sector_breaker_permit_t *permit,
    uint64_t *retry_after_ms);


/* Gives the permit back with what came of it; see sector_breaker_report(). */

void ngx_http_sector_cache_source_report(
    ngx_http_sector_cache_source_t *source, sector_breaker_permit_t *permit,
    sector_breaker_result_e result, uint64_t elapsed_ms,
    uint64_t retry_after_ms);


/* The breaker as a fetch would meet it now; *retry_after_ms is 0 if it would
 * be let through, *opened how often it has opened.  Either may be NULL. */

sector_breaker_state_e ngx_http_sector_cache_source_state(
    ngx_http_sector_cache_source_t *source, uint64_t *retry_after_ms,
    uint64_t *opened);


/* Adds one to a counter; takes no lock. */

void ngx_http_sector_cache_source_count(ngx_http_sector_cache_source_t *source,
    sector_fetch_stat_e stat);


#endif /* NGX_HTTP_SECTOR_CACHE_SOURCE_H */
