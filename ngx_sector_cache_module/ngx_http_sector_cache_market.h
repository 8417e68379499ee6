/*
 * Snapshots: the whole market, composed of sectors and stored as one.
 *
 * Layer 2.  Knows nothing of responses.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_MARKET_H
#define NGX_HTTP_SECTOR_CACHE_MARKET_H


#include "ngx_http_sector_cache_gather.h"


#define NGX_HTTP_SECTOR_CACHE_PARTIAL_MS  10000     /* a partial snapshot is
                                                       kept at most so long */


typedef struct ngx_http_sector_cache_market_s  ngx_http_sector_cache_market_t;


/* What came of it; in the pool of the composition. */

typedef struct {
    const ngx_http_sector_cache_answer_t   *error;  /* NULL: there is a
                                                       snapshot; else why, of
                                                       one sector */
    sector_entry_t                      entry;
    uint64_t                            age_s;      /* of its oldest sector */
    uint64_t                            ttl_s;
    uint64_t                            swr_ms;
    ngx_msec_t                          elapsed_ms;
    int64_t                             stored_wall_ms; /* with memory: when */
    const ngx_http_sector_cache_gather_t   *gather; /* without: what it is
                                                       made of */
    unsigned                            stored:1;
    unsigned                            stale:1;    /* nothing could be had
                                                       that was not stale */
    unsigned                            called:1;   /* an upstream was */
    unsigned                            memory:1;   /* another worker had just
                                                       stored it */
} ngx_http_sector_cache_snapshot_t;


typedef void (*ngx_http_sector_cache_market_pt)(void *data,
    const ngx_http_sector_cache_snapshot_t *snapshot);


/* As the waiter of a fetch. */

typedef struct {
    ngx_queue_t                         queue;
    ngx_http_sector_cache_market_t     *market;     /* NULL: waits for none */
    ngx_http_sector_cache_market_pt     handler;
    void                               *data;
} ngx_http_sector_cache_market_waiter_t;


/*
 * Joins the composition of a location's snapshot that is under way in this
 * worker, or begins one.  waiter may be NULL: nobody waits.  NGX_OK, or
 * NGX_ERROR when there is no memory: the handler will not run.  The handler
 * runs once, never from within this call.
 */
ngx_int_t ngx_http_sector_cache_market_join(
    ngx_http_sector_cache_loc_conf_t *conf, ngx_http_core_srv_conf_t *server,
    ngx_http_sector_cache_mode_t *mode,
    ngx_http_sector_cache_market_waiter_t *waiter);


/* Stops waiting, if it still does. */

void ngx_http_sector_cache_market_leave(
    ngx_http_sector_cache_market_waiter_t *waiter);


/* A worker begins. */

void ngx_http_sector_cache_market_init(void);


#endif /* NGX_HTTP_SECTOR_CACHE_MARKET_H */
