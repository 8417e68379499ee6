/*
 * What can be seen of a source, at work or at rest: its breaker as a fetch
 * would meet it, its counts and histograms, and whether its quotes advance.
 * Each is read under the control zone's slab mutex, which is taken here.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_SOURCE_INFO_H
#define NGX_HTTP_SECTOR_CACHE_SOURCE_INFO_H


#include "ngx_http_sector_cache_conf.h"


/* The breaker as a fetch would meet it now; *retry_after_ms is 0 if it would
 * be let through.  May be NULL. */

sector_breaker_state_e ngx_http_sector_cache_source_state(
    ngx_http_sector_cache_source_t *source, uint64_t *retry_after_ms);


/* The whole state of a source, for people; what the dead held is taken back
 * before it is counted. */

typedef struct {
    sector_breaker_state_e              state;
    int64_t                             since_wall_ms;  /* 0: always */
    uint64_t                            retry_after_ms;
    ngx_uint_t                          forced;     /* 1: by hand */
    uint64_t                            opened;     /* how often */
    uint64_t                            transitions;    /* from any state */
    uint64_t                            running;    /* fetches with a place */
    uint64_t                            waiting;
    int64_t                             quote_ms;   /* the newest; 0: none */
    ngx_uint_t                          frozen;     /* its quotes are */
    sector_histogram_t                  upstream;
    sector_histogram_t                  wait;
} ngx_http_sector_cache_source_info_t;

void ngx_http_sector_cache_source_info(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_source_info_t *info);


/* What a fetch of a key would meet now; changes nothing. */

typedef struct {
    sector_breaker_state_e              state;
    uint64_t                            breaker_ms; /* 0: lets it through */
    uint64_t                            rate_ms;    /* the same */
    uint64_t                            running;
    uint64_t                            waiting;
    sector_flight_state_e               flight;     /* the key's: GONE: none */
    int32_t                             owner;      /* of it */
} ngx_http_sector_cache_source_verdict_t;

void ngx_http_sector_cache_source_verdict(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key,
    ngx_http_sector_cache_source_verdict_t *verdict);


/* What is remembered of a key that failed, in *slot, and in *left_ms how long
 * it waits still, 0: not at all.  NGX_OK, or NGX_DECLINED where nothing bad is
 * known of it. */

ngx_int_t ngx_http_sector_cache_source_held(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, const void *key, size_t key_len,
    sector_hold_slot_t *slot, uint64_t *left_ms);


/*
 * A good answer came, with a quote of this time.  Whether a feed has frozen is
 * judged where a market is known to be open: by the hours of the zones that it
 * fills.  Without any, night and ice look the same, and it is never frozen.
 */

void ngx_http_sector_cache_source_quote(ngx_http_sector_cache_source_t *source,
    int64_t quote_ms);
ngx_uint_t ngx_http_sector_cache_source_frozen(
    ngx_http_sector_cache_source_t *source);


#endif /* NGX_HTTP_SECTOR_CACHE_SOURCE_INFO_H */
