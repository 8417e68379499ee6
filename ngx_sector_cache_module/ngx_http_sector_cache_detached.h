/*
 * A detached fetch: a request of the module's own, with no client behind it,
 * whose one subrequest goes to a location and whose body is collected.
 *
 * Layer 2.  Knows nothing of caching.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_DETACHED_H
#define NGX_HTTP_SECTOR_CACHE_DETACHED_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct ngx_http_sector_cache_detached_s
    ngx_http_sector_cache_detached_t;

typedef void (*ngx_http_sector_cache_detached_pt)(
    ngx_http_sector_cache_detached_t *d);


/* Lives in the pool of its own request; everything here goes with it. */

struct ngx_http_sector_cache_detached_s {
    ngx_http_request_t                 *request;        /* the main one */
    ngx_http_request_t                 *subrequest;
    ngx_http_sector_cache_detached_pt   handler;
    void                               *data;
    ngx_event_t                         abort;          /* posted */

    /* the answer, for the handler to read */

    ngx_uint_t                          status;     /* 0: no answer came */
    u_char                             *body;
    size_t                              body_len;
    size_t                              body_max;
    size_t                              body_size;      /* allocated */
    off_t                               content_length; /* -1: not known */
    ngx_str_t                           encoding;       /* none: identity */
    ngx_str_t                           retry_after;
    ngx_str_t                           location;   /* that answered first;
                                                       empty: none did */
    uint64_t                            age_s;      /* 0: new, or not said */

    unsigned                            complete:1;     /* the end was seen */
    unsigned                            too_large:1;    /* over body_max */
    unsigned                            no_memory:1;
    unsigned                            failed:1;       /* nginx's own 502 */
    unsigned                            timed_out:1;    /* nginx's own 504 */
    unsigned                            asked:1;        /* an upstream was, or
                                                           may have been */
    unsigned                            looked:1;   /* location is known */
    unsigned                            own:1;      /* nginx itself refused,
                                                       nobody was asked */
    unsigned                            missing:1;      /* memcached has not
                                                           got the key */
    unsigned                            partial:1;      /* one of our own kind
                                                           lacked some */
    unsigned                            aged:1;     /* age_s was looked at */
    unsigned                            broken:1;       /* by an error */
    unsigned                            ended:1;        /* by a shutdown or an
                                                           error of our own */
    unsigned                            reported:1;
};


/* What it says in the log of its connection: while what. */

typedef struct {
    ngx_http_log_ctx_t                  http;       /* must be the first */
    const char                         *what;       /* "... of" */
    ngx_str_t                           name;       /* of what */
} ngx_http_sector_cache_detached_log_t;


/*
 * Makes the request in the context of a server; nothing is sent yet.
 * d->request can be used to evaluate variables and to set contexts.  Returns
 * NULL when a connection, a descriptor or memory is missing (logged).
 */
ngx_http_sector_cache_detached_t *ngx_http_sector_cache_detached_create(
    ngx_http_core_srv_conf_t *cscf, ngx_str_t *name);


/*
 * Starts the subrequest.  The handler is called exactly once, perhaps before
 * this returns, with the answer in d, whatever happens; after it returns d is
 * gone.  Returns NGX_OK, or NGX_ERROR if the URI cannot be used: then the
 * handler is not called and d is gone.
 */
ngx_int_t ngx_http_sector_cache_detached_start(
    ngx_http_sector_cache_detached_t *d, ngx_str_t *uri, size_t body_max,
    ngx_http_sector_cache_detached_pt handler, void *data);


/* Ends it at once, without calling the handler; d is gone. */

void ngx_http_sector_cache_detached_abort(ngx_http_sector_cache_detached_t *d);


/* For the filters: the detached fetch that r belongs to, or NULL. */

ngx_http_sector_cache_detached_t *ngx_http_sector_cache_detached_get(
    ngx_http_request_t *r);


/* For the filters: takes the header, then parts of the body. */

void ngx_http_sector_cache_detached_header(
    ngx_http_sector_cache_detached_t *d, ngx_http_request_t *r);
void ngx_http_sector_cache_detached_body(ngx_http_sector_cache_detached_t *d,
    ngx_chain_t *in);


extern ngx_module_t  ngx_http_sector_cache_filter_module;


#endif /* NGX_HTTP_SECTOR_CACHE_DETACHED_H */
