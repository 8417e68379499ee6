/*
 * A client's request: its context, its waiting, and the answers that sectors,
 * batches and snapshots have in common.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_CLIENT_H
#define NGX_HTTP_SECTOR_CACHE_CLIENT_H


#include "ngx_http_sector_cache_gather.h"
#include "ngx_http_sector_cache_market.h"
#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_variables.h"


typedef struct {
    ngx_http_sector_cache_info_t            info;   /* must be the first */
    ngx_http_request_t                     *request;
    ngx_http_sector_cache_loc_conf_t       *conf;
    ngx_http_sector_cache_mode_t            mode;

    /* of a sector or a batch */

    ngx_http_sector_cache_gather_t         *gather;     /* NULL: none yet */

    /* of a snapshot */

    ngx_http_sector_cache_market_waiter_t   waiter;
    ngx_http_sector_cache_outcome_e         outcome;    /* for the client */
    ngx_http_sector_cache_outcome_e         counted_as;
    uint64_t                                shadow_etag;
    unsigned                                uncounted:1;
    unsigned                                shadow:1;   /* a would-be hit */
} ngx_http_sector_cache_client_t;


/* How the cache is to be used for a request.  NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_sector_cache_client_mode(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_sector_cache_mode_t *mode);


/* The context of a request, NULL: no memory.  Its cleanup ends what it waits
 * for, and counts what was not counted yet. */

ngx_http_sector_cache_client_t *ngx_http_sector_cache_client_create(
    ngx_http_request_t *r, ngx_http_sector_cache_loc_conf_t *lcf,
    ngx_http_sector_cache_mode_t *mode);


/* Makes a request wait until a handler of its own is called; a client that
 * leaves meanwhile is noticed.  Returns what the content handler is to
 * return. */

ngx_int_t ngx_http_sector_cache_client_wait(ngx_http_request_t *r);


/* Makes it wait for its gather, or answers at once where that has everything:
 * with what answer returns. */

typedef ngx_int_t (*ngx_http_sector_cache_answer_pt)(
    ngx_http_sector_cache_client_t *client);

ngx_int_t ngx_http_sector_cache_client_gather(
    ngx_http_sector_cache_client_t *client,
    ngx_http_sector_cache_gather_pt handler,
    ngx_http_sector_cache_answer_pt answer);


/* Ends the wait with what answer returns. */

void ngx_http_sector_cache_client_resume(
    ngx_http_sector_cache_client_t *client,
    ngx_http_sector_cache_answer_pt answer);


/* Sends what ngx_http_sector_cache_body() makes of the same; conditions are
 * looked at first. */

ngx_int_t ngx_http_sector_cache_client_send(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n);


/* The same in two steps, where data is in shared memory: makes the body, and
 * *rc says what to do with it: NGX_OK, send it; else return *rc after
 * ngx_http_sector_cache_send_condition(). */

ngx_buf_t *ngx_http_sector_cache_client_body(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n, ngx_int_t *rc);

ngx_int_t ngx_http_sector_cache_client_send_body(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, ngx_buf_t *b, ngx_int_t rc);


/* As ngx_http_sector_cache_client_send(), with stale in the metadata. */

ngx_int_t ngx_http_sector_cache_client_send_stale(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n,
    const ngx_http_sector_cache_stale_t *stale);


/* The parts of a gather that are answered stale; names stay where they are.
 * NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_sector_cache_client_stale(ngx_pool_t *pool,
    const ngx_http_sector_cache_gather_t *g,
    ngx_http_sector_cache_stale_t *stale);


/* What is said of an entry that was found, in its answer and in info.  Of one
 * that lacks something no time of modification: the whole one that comes next
 * may be older. */

void ngx_http_sector_cache_client_describe(ngx_http_sector_cache_info_t *info,
    ngx_http_sector_cache_outcome_e outcome, const sector_entry_t *entry,
    uint64_t age_s, int64_t ttl_s, ngx_http_sector_cache_head_t *head,
    sector_compose_meta_t *meta);


/* A piece that is an entry's data. */

void ngx_http_sector_cache_client_piece(sector_gzip_piece_t *piece,
    const sector_entry_t *entry);


/* The status, code and text of the error that a fetch without a result is;
 * the rest of error is left alone. */

void ngx_http_sector_cache_client_error(
    const ngx_http_sector_cache_answer_t *answer,
    ngx_http_sector_cache_error_t *error);


#endif /* NGX_HTTP_SECTOR_CACHE_CLIENT_H */
