/*
 * Market hours of a namespace: sector_cache_market_hours.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_HOURS_H
#define NGX_HTTP_SECTOR_CACHE_HOURS_H


#include "ngx_http_sector_cache_conf.h"
#include "sector_entry.h"


/* What the directive says, which may name a zone that is declared further
 * below; and what this process has made of it. */

struct ngx_http_sector_cache_hours_s {
    ngx_str_t                           zone;
    ngx_http_sector_cache_place_t       place;
    ngx_str_t                           timezone;
    sector_hours_spec_t                 spec;
    ngx_array_t                         holidays;   /* of int64_t, days */
    sector_hours_t                      schedule;
    sector_hours_session_t              pause;      /* found last, or empty */
};


char *ngx_http_sector_cache_conf_hours(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* Gives the zones their hours; all of the http block was read. */

char *ngx_http_sector_cache_init_main_conf(ngx_conf_t *cf, void *conf);


/* How long an entry that is stored now is to be fresh: until the market of its
 * zone opens next, and a part of the zone's jitter longer.  0: it is open, or
 * the zone has no hours. */

uint64_t ngx_http_sector_cache_hours_ttl(ngx_http_sector_cache_zone_t *zone,
    const sector_entry_t *entry);


/*
 * Judges an entry that was stored while the market was closed
 * (SECTOR_ENTRY_CLOSED) by the wall clock of now: if the market has opened
 * since, its windows are those of an entry that has been past its fresh time
 * for as long.  view is changed; its state is returned.
 */
sector_store_state_e ngx_http_sector_cache_hours_judge(
    ngx_http_sector_cache_zone_t *zone, const sector_entry_t *entry,
    sector_store_view_t *view);


/* How long the zone's market has been open, milliseconds: 0 if it is closed,
 * or has no hours. */

int64_t ngx_http_sector_cache_hours_open_for(
    ngx_http_sector_cache_zone_t *zone);


#endif /* NGX_HTTP_SECTOR_CACHE_HOURS_H */
