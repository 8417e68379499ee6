/*
 * What is looked at by the clock: a sample a minute for the history, and
 * two alerts, of the hit rate and of stale answers; each by one worker of
 * all.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_SAMPLER_H
#define NGX_HTTP_SECTOR_CACHE_SAMPLER_H


#include "ngx_http_sector_cache_conf.h"


#define NGX_HTTP_SECTOR_CACHE_HISTORY_MAX  1440     /* minutes */
#define NGX_HTTP_SECTOR_CACHE_MINUTE_MAX   32       /* bytes of a key */


/* A worker begins. */

void ngx_http_sector_cache_sampler_start(ngx_cycle_t *cycle,
    ngx_http_sector_cache_main_conf_t *mcf);


/* The zone of the history, or NULL. */

ngx_http_sector_cache_zone_t *ngx_http_sector_cache_sampler_zone(
    ngx_http_sector_cache_main_conf_t *mcf);


/* The key of a minute's sample; buf has ..._MINUTE_MAX bytes. */

void ngx_http_sector_cache_sampler_key(u_char *buf, int64_t minute,
    ngx_str_t *key);


/* What has happened since the last sample, as malloc'ed JSON, NULL: no memory;
 * the sums as they are now, unless sums is NULL. */

char *ngx_http_sector_cache_sampler_now(ngx_pool_t *pool,
    ngx_http_sector_cache_main_conf_t *mcf, ngx_http_sector_cache_sums_t *sums,
    size_t *len);


/* Whether an alert is declared; *raised: it is on. */

ngx_uint_t ngx_http_sector_cache_alert(ngx_uint_t *raised);


/* An answer is stale: from now on it is looked at how many are. */

void ngx_http_sector_cache_sampler_stale(void);


/* Whether most answers of the last minute were stale. */

ngx_uint_t ngx_http_sector_cache_stale_alert(void);


#endif /* NGX_HTTP_SECTOR_CACHE_SAMPLER_H */
