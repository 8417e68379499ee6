/*
 * One or many symbols: looked up in memory, and what it lacks fetched
 * together.  What a request for a symbol, a batch and a snapshot have in
 * common.
 *
 * Layer 2.  Knows nothing of responses.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_GATHER_H
#define NGX_HTTP_SECTOR_CACHE_GATHER_H


#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_fetch.h"


/* What a request for a key came to. */

typedef enum {
    NGX_HTTP_SECTOR_CACHE_HIT = 0,
    NGX_HTTP_SECTOR_CACHE_MISS,
    NGX_HTTP_SECTOR_CACHE_EXPIRED,
    NGX_HTTP_SECTOR_CACHE_STALE,
    NGX_HTTP_SECTOR_CACHE_UPDATING,
    NGX_HTTP_SECTOR_CACHE_BYPASS,
    NGX_HTTP_SECTOR_CACHE_DISABLED,
    NGX_HTTP_SECTOR_CACHE_NEGATIVE
} ngx_http_sector_cache_outcome_e;


typedef struct {
    ngx_str_t                           variable;   /* $sector_cache_status */
    const char                         *json;       /* cacheStatus */
    const char                         *header;     /* Cache-Status */
    sector_stat_e                       stat;
} ngx_http_sector_cache_outcome_t;

extern const ngx_http_sector_cache_outcome_t
    ngx_http_sector_cache_outcomes[];


/* How the cache is to be used. */

typedef struct {
    ngx_http_sector_cache_flag_e        flag;       /* not BY_VALUE */
    unsigned                            bypass:1;   /* on, but not read */
} ngx_http_sector_cache_mode_t;


typedef struct ngx_http_sector_cache_gather_s  ngx_http_sector_cache_gather_t;


/* A symbol of a gather, and what came of it. */

typedef struct {
    ngx_str_t                           symbol;     /* set by the caller;
                                                       terminated */
    ngx_http_sector_cache_outcome_e     outcome;    /* for the client */
    ngx_http_sector_cache_outcome_e     counted_as; /* the same but in shadow,
                                                       where it is as if on */
    sector_entry_t                      entry;      /* found: in the pool */
    uint64_t                            age_s;      /* of the entry */
    int64_t                             ttl_s;      /* left; below 0: past it */
    uint64_t                            swr_ms;     /* of the entry */
    ngx_http_sector_cache_answer_t      answer;     /* of a fetch; not found:
                                                       why */
    ngx_http_sector_cache_waiter_t      waiter;
    ngx_http_sector_cache_gather_t     *gather;
    uint64_t                            shadow_etag;
    unsigned                            found:1;
    unsigned                            refused:1;  /* set by the caller: it
                                                       is not configured, and
                                                       neither looked up nor
                                                       counted */
    unsigned                            called:1;   /* a call of the upstream
                                                       was waited for */
    unsigned                            shared:1;   /* its fetch is */
    unsigned                            force:1;
    unsigned                            refresh:1;  /* it is there, and fetched
                                                       for nobody */
    unsigned                            shadow:1;   /* a would-be hit */
    unsigned                            counted:1;
} ngx_http_sector_cache_part_t;


typedef void (*ngx_http_sector_cache_gather_pt)(
    ngx_http_sector_cache_gather_t *g);


/* In the pool of whoever gathers; ngx_http_sector_cache_gather_create() sets
 * what it is told, the caller the rest. */

struct ngx_http_sector_cache_gather_s {
    ngx_pool_t                         *pool;
    ngx_http_sector_cache_loc_conf_t   *conf;
    ngx_http_core_srv_conf_t           *server;
    ngx_http_sector_cache_mode_t        mode;
    ngx_uint_t                          n;
    ngx_http_sector_cache_part_t       *parts;
    ngx_uint_t                          pending;
    ngx_http_sector_cache_gather_pt     handler;
    void                               *data;
    unsigned                            quiet:1;    /* counts no requests: they
                                                       are part of another */
};


/* n parts, zeroed.  NULL: no memory. */

ngx_http_sector_cache_gather_t *ngx_http_sector_cache_gather_create(
    ngx_pool_t *pool, ngx_http_sector_cache_loc_conf_t *conf,
    ngx_http_core_srv_conf_t *server, ngx_uint_t n);


/*
 * Looks all parts up.  NGX_OK: everything is there; NGX_AGAIN: the handler
 * will be called, once, when it is, and never from within this call;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_sector_cache_gather_start(
    ngx_http_sector_cache_gather_t *g);


/* Waits no longer, and counts what was not yet; to be called once, at the
 * end, whatever happened. */

void ngx_http_sector_cache_gather_end(ngx_http_sector_cache_gather_t *g);


/* Fetches a symbol for nobody. */

void ngx_http_sector_cache_refresh(ngx_http_sector_cache_loc_conf_t *conf,
    ngx_http_core_srv_conf_t *server, ngx_str_t *symbol);


/* Counts an outcome in a zone. */

void ngx_http_sector_cache_count(ngx_http_sector_cache_zone_t *zone,
    ngx_http_sector_cache_outcome_e outcome);


#endif /* NGX_HTTP_SECTOR_CACHE_GATHER_H */
