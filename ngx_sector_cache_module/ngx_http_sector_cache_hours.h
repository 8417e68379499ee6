/*
 * Market hours of a namespace: sector_cache_market_hours.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_HOURS_H
#define NGX_HTTP_SECTOR_CACHE_HOURS_H


#include "ngx_http_sector_cache_conf.h"


/* What the directive says; it may name a zone that is declared further
 * below. */

typedef struct {
    ngx_str_t                           zone;
    sector_hours_t                      hours;
    ngx_http_sector_cache_place_t       place;
} ngx_http_sector_cache_hours_t;


char *ngx_http_sector_cache_conf_hours(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* Gives the zones their hours; all of the http block was read. */

char *ngx_http_sector_cache_init_main_conf(ngx_conf_t *cf, void *conf);


/* How long what is fetched now is to be fresh: until the market of its zone
 * opens next and a part of the zone's jitter longer.  0: it is open, or has no
 * hours. */

uint64_t ngx_http_sector_cache_hours_ttl(ngx_http_sector_cache_zone_t *zone);


#endif /* NGX_HTTP_SECTOR_CACHE_HOURS_H */
