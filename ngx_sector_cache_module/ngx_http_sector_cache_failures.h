/*
 * What went wrong last: the last failed fetch of each of the keys that failed
 * last, over all workers.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_FAILURES_H
#define NGX_HTTP_SECTOR_CACHE_FAILURES_H


#include "ngx_http_sector_cache_conf.h"


/* Notes a failed fetch, in place of an older one of its key, else of the
 * oldest of all.  reason is cut off where it is too long.  result and status
 * are the caller's. */

void ngx_http_sector_cache_failures_note(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key, ngx_uint_t result, ngx_uint_t status, ngx_str_t *reason);


/* Copies that of a key; NGX_OK, or NGX_DECLINED if none is known. */

ngx_int_t ngx_http_sector_cache_failures_find(
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key,
    ngx_http_sector_cache_failure_t *failure);


#endif /* NGX_HTTP_SECTOR_CACHE_FAILURES_H */
