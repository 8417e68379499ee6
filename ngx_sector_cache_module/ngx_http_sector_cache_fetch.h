/*
 * Fetches: what the cache lacks is fetched by a detached request, parsed by
 * the model, stored, and handed to all who wait for it.
 *
 * Layer 2.  Reports through a callback; knows nothing of responses.
 *
 * A fetch belongs to no client.  Those who ask for a symbol that is being
 * fetched, by this worker or another, wait for it; one that nobody waits for
 * any more completes and is stored all the same.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_FETCH_H
#define NGX_HTTP_SECTOR_CACHE_FETCH_H


#include "ngx_http_sector_cache_conf.h"
#include "sector_entry.h"


typedef enum {
    NGX_HTTP_SECTOR_CACHE_FETCH_OK = 0,
    NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND,  /* no such symbol */
    NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,     /* status or connection */
    NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,    /* the body */
    NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT,
    NGX_HTTP_SECTOR_CACHE_FETCH_OPEN,       /* refused by the breaker */
    NGX_HTTP_SECTOR_CACHE_FETCH_FULL,       /* refused by the queue */
    NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED,    /* refused by the rate limit */
    NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED     /* for a reason of our own */
} ngx_http_sector_cache_fetch_e;


/* What came of a fetch; its strings are in the fetch's pool. */

typedef struct {
    ngx_http_sector_cache_fetch_e       result;
    sector_entry_t                      entry;      /* OK: the sector */
    ngx_http_sector_cache_source_t     *source;
    uint64_t                            ttl_ms;     /* OK: fresh for, 0 if it
                                                       was not stored */
    uint64_t                            swr_ms;     /* OK: then served while
                                                       it is refreshed */
    ngx_str_t                           reason;     /* else: for people,
                                                       zero-terminated */
    ngx_uint_t                          upstream_status;    /* 0: none */
    uint64_t                            retry_after_ms;     /* 0: not said */
    ngx_msec_t                          elapsed_ms;
    uint64_t                            age_ms;     /* OK: of the entry; 0 for
                                                       a new one, unless the
                                                       upstream said more */
    unsigned                            stored:1;
    unsigned                            held:1;     /* no call was made, for
                                                       the last one failed a
                                                       moment ago: its answer,
                                                       and retry_after_ms */
    unsigned                            memory:1;   /* another fetch, that
                                                       nobody waited for here,
                                                       had just stored it */
} ngx_http_sector_cache_answer_t;


typedef struct ngx_http_sector_cache_fetch_s  ngx_http_sector_cache_fetch_t;
typedef struct ngx_http_sector_cache_waiter_s  ngx_http_sector_cache_waiter_t;

typedef void (*ngx_http_sector_cache_waiter_pt)(void *data,
    const ngx_http_sector_cache_answer_t *answer);


/* In the memory of who waits, zeroed before the first use.  The handler runs
 * once, never from within ngx_http_sector_cache_fetch_join(); the answer
 * holds until it returns. */

struct ngx_http_sector_cache_waiter_s {
    ngx_queue_t                         queue;
    ngx_http_sector_cache_fetch_t      *fetch;      /* NULL: waits for none */
    ngx_http_sector_cache_waiter_pt     handler;
    void                               *data;
    unsigned                            probe:1;    /* wants to know whether
                                                       the upstream is back;
                                                       told OPEN, and nothing
                                                       counted, where enough
                                                       others ask that */
    unsigned                            collapsed:1;    /* set by the join: a
                                                       fetch was under way */
};


/* What to fetch, for whom. */

typedef struct {
    ngx_http_sector_cache_loc_conf_t   *conf;
    ngx_http_core_srv_conf_t           *server;     /* of the API location */
    const char                         *symbol;     /* terminated */
    ngx_http_sector_cache_waiter_t     *waiter;     /* NULL: a refresh that
                                                       nobody waits for */
    unsigned                            shared:1;   /* join, and store */
    unsigned                            force:1;    /* also if it is fresh */
    unsigned                            unheld:1;   /* also if it failed a
                                                       moment ago */
    unsigned                            release:1;  /* that it failed is to be
                                                       forgotten */
    unsigned                            batch:1;    /* by the call for many,
                                                       though it be one */
} ngx_http_sector_cache_wanted_t;


/*
 * Joins the fetches of n symbols that are under way, or begins them, in calls
 * for many where the location has sector_cache_fetch_batch and more than one
 * is to be begun; all of wanted are of one location.  Returns NGX_OK, or
 * NGX_ERROR when there is no memory: of those that wait, the handlers will run
 * unless they leave.
 */
ngx_int_t ngx_http_sector_cache_fetch_join(
    ngx_http_sector_cache_wanted_t *wanted, ngx_uint_t n);


/* The answer that a symbol does not exist at the source, which is the same
 * from the upstream and from memory; its reason is in the pool. */

void ngx_http_sector_cache_fetch_not_found(ngx_pool_t *pool,
    ngx_http_sector_cache_answer_t *answer, const char *symbol,
    ngx_http_sector_cache_source_t *source);


/* A worker begins: takes back what dead ones held. */

void ngx_http_sector_cache_fetch_init(
    ngx_http_sector_cache_main_conf_t *mcf);


/* Another process has ended a fetch or passed a place on, or may have. */

void ngx_http_sector_cache_fetch_wake(void);


/* Stops waiting, if it still does. */

void ngx_http_sector_cache_fetch_leave(ngx_http_sector_cache_waiter_t *waiter);


#endif /* NGX_HTTP_SECTOR_CACHE_FETCH_H */
