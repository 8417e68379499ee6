/*
 * GET /entries: which keys a namespace has.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_ENTRIES_H
#define NGX_HTTP_SECTOR_CACHE_ENTRIES_H


#include "ngx_http_sector_cache_conf.h"


ngx_int_t ngx_http_sector_cache_entries_handler(ngx_http_request_t *r);


/* The zone that the parameter "namespace" names; without one, that of the
 * first API location, or "sectors".  NGX_OK, NGX_DECLINED: there is none, or
 * NGX_ERROR; the latter two as _no_zone() answers them. */

ngx_int_t ngx_http_sector_cache_entries_zone(ngx_http_request_t *r,
    ngx_http_sector_cache_zone_t **zone);
ngx_int_t ngx_http_sector_cache_entries_no_zone(ngx_http_request_t *r,
    ngx_int_t rc);


/* How an entry is now, for people: fresh, refresh, stale or negative. */

const char *ngx_http_sector_cache_entries_state(
    const sector_store_view_t *view);


#endif /* NGX_HTTP_SECTOR_CACHE_ENTRIES_H */
