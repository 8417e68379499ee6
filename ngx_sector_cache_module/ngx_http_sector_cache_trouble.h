/*
 * What is wrong with a source, and until when stale data hides it.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_TROUBLE_H
#define NGX_HTTP_SECTOR_CACHE_TROUBLE_H


#include "ngx_http_sector_cache_conf.h"


/* What is known of the failures of a source, copied; the texts are printable
 * ASCII, whatever a process that died has left there. */

typedef struct {
    sector_failing_t                    failing;
    sector_flight_outcome_t             opened;
    int64_t                             opened_wall_ms;
    char                                symbol[SECTOR_FLIGHT_KEY_MAX + 1];
} ngx_http_sector_cache_trouble_t;


/* Copies it under the control zone's slab mutex, which is taken here, and
 * makes *said of it, whose texts are in *trouble then. */

void ngx_http_sector_cache_trouble(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_trouble_t *trouble, sector_compose_trouble_t *said);


/* Makes a text of shared memory, of size bytes with the final zero, what may
 * be printed. */

void ngx_http_sector_cache_trouble_text(char *text, size_t size);


/* What memory makes of the configured symbols of a location. */

typedef struct {
    ngx_uint_t                          servable;
    ngx_uint_t                          lacking;    /* as in a
                                                       sector_compose_state_t */
    uint64_t                            dead_at_ms; /* the first of those that
                                                       are stale cannot be
                                                       served from then on; 0:
                                                       none is stale */
    const char                         *names[SECTOR_COMPOSE_UNSERVABLE];
    ngx_uint_t                          n_names;    /* of those lacking */
} ngx_http_sector_cache_serving_t;


/* memory is whether it may answer, and refused whether no fetch may be made,
 * of one symbol or of many: then all that it has not is lacking.  Else that is
 * of which the source has said that it does not exist, and what failed when it
 * was fetched last. */

void ngx_http_sector_cache_serving(ngx_http_sector_cache_loc_conf_t *lcf,
    ngx_uint_t memory, ngx_uint_t refused,
    ngx_http_sector_cache_serving_t *serving);


/* The symbols of all locations that fetch from the source which cannot be
 * served, added to the n that names has, each once, and as many as there is
 * room for.  Returns how many there are then. */

ngx_uint_t ngx_http_sector_cache_trouble_lacking(
    ngx_http_sector_cache_source_t *source, ngx_uint_t memory,
    const char **names, ngx_uint_t n);


/* When the first stale one of the symbols that are configured where the source
 * is fetched from can no longer be served; 0: none is stale. */

int64_t ngx_http_sector_cache_trouble_lasts(
    ngx_http_sector_cache_source_t *source);


#endif /* NGX_HTTP_SECTOR_CACHE_TROUBLE_H */
