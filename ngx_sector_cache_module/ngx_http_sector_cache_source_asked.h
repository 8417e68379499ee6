/*
 * The keys that were asked of a source last, with one of which its probe goes
 * out.  They are kept with the source, under the control zone's slab mutex.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_SOURCE_ASKED_H
#define NGX_HTTP_SECTOR_CACHE_SOURCE_ASKED_H


#include "ngx_http_sector_cache_conf.h"


/* Notes a key as the one that was asked for last; the one that was not for
 * the longest time makes room for it, but none that was had for one that was
 * not: whoever asks for what does not exist pushes out nothing that does.  Of
 * want, zone and key are looked at.  The caller holds the mutex. */

void ngx_http_sector_cache_source_ask_locked(
    ngx_http_sector_cache_source_shm_t *sh, sector_flight_want_t *want);


/* Notes that a key was had, or that it failed by itself. */

void ngx_http_sector_cache_source_had_locked(
    ngx_http_sector_cache_source_shm_t *sh, sector_flight_want_t *want,
    ngx_uint_t had);


/* Whether a key was had; also where none is known to have been. */

ngx_uint_t ngx_http_sector_cache_source_known_locked(
    ngx_http_sector_cache_source_shm_t *sh, sector_flight_want_t *want);


/* Copies the keys that were asked for last, of which there may be
 * NGX_HTTP_SECTOR_CACHE_ASKED, in the order in which to probe with them: the
 * latest first, but behind all others those whose last probe failed, the
 * latest failure last.  Every second time that the breaker has opened, those
 * that were had come before all that were not.  Returns how many. */

ngx_uint_t ngx_http_sector_cache_source_asked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_asked_t *asked);


/* Notes of one of them whether its probe failed. */

void ngx_http_sector_cache_source_probed(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_asked_t *asked, ngx_uint_t failed);


#endif /* NGX_HTTP_SECTOR_CACHE_SOURCE_ASKED_H */
