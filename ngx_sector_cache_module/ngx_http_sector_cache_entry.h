/*
 * What is stored under a key, between the store, which knows bytes, and those
 * who know sectors and snapshots.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_ENTRY_H
#define NGX_HTTP_SECTOR_CACHE_ENTRY_H


#include "ngx_http_sector_cache_conf.h"
#include "sector_entry.h"


/*
 * Whole seconds of what is left: rounded up, so that they and the age, which
 * is rounded down, make the ttl, and something is left of whatever is fresh.
 * Below 0 it is over.
 */
int64_t ngx_http_sector_cache_left_s(int64_t ms);


/* Age and time left of what a read has found. */

void ngx_http_sector_cache_times(const sector_store_view_t *view,
    uint64_t *age_s, int64_t *ttl_s);


/* How long after its ttl it is served while it is refreshed. */

static ngx_inline uint64_t
ngx_http_sector_cache_swr_ms(const sector_store_view_t *view)
{
    return view->refresh_until_ms - view->fresh_until_ms;
}


/* How an entry is to be stored; all zero: as the zone's policy says. */

typedef struct {
    uint64_t                            tag;        /* of the store's item */
    uint64_t                            ttl_ms;     /* of its own; 0: until
                                                       the market opens, or the
                                                       policy's */
    uint64_t                            age_ms;     /* so old already */
    uint64_t                            ttl_limit_ms;   /* 0: the policy's */
    unsigned                            brief:1;    /* not kept when it is no
                                                       longer fresh */
    unsigned                            unless_fresh:1; /* not in place of one
                                                       that is fresh */
} ngx_http_sector_cache_entry_how_t;


/*
 * Makes an entry of data, which stays the caller's, modified now: hashes it
 * and, where the zone keeps entries compressed as well, deflates it into the
 * pool.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_sector_cache_entry_make(ngx_pool_t *pool,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *data,
    sector_entry_t *entry);


/*
 * Stores an entry, or with NULL that there is no such symbol.  Where the data
 * is what was stored before, so becomes its time of modification.  NGX_OK,
 * NGX_BUSY if there is a fresh one that was not to be replaced, or
 * NGX_DECLINED if the zone has no room (logged).
 */
ngx_int_t ngx_http_sector_cache_entry_put(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key, sector_entry_t *entry,
    const ngx_http_sector_cache_entry_how_t *how);


/*
 * Stores n entries, all or none, each under its key; how is that of each.
 * NGX_OK; NGX_DECLINED if the zone has no room for them (logged); NGX_ERROR
 * without memory.
 */
ngx_int_t ngx_http_sector_cache_entry_put_all(
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *keys,
    sector_entry_t *entries, ngx_uint_t n,
    const ngx_http_sector_cache_entry_how_t *how);


/* As sector_store_read(), with the entry unpacked where it is not negative, and
 * judged by its market's hours as they are now. */

sector_store_state_e ngx_http_sector_cache_entry_read(
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key,
    sector_store_view_t *view, sector_entry_t *entry);


/* The same judgement of what sector_store_each() shows: view is changed.
 * Whether it may still be served. */

ngx_uint_t ngx_http_sector_cache_entry_served(
    ngx_http_sector_cache_zone_t *zone, sector_store_view_t *view);


/* A copy of an entry in the pool.  NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_sector_cache_entry_copy(ngx_pool_t *pool,
    const sector_entry_t *from, sector_entry_t *to);


#endif /* NGX_HTTP_SECTOR_CACHE_ENTRY_H */
