/*
 * Sending: headers, conditions, compression, JSON bodies and errors.
 *
 * Layer 2.  Every function that sends, sends a complete response and returns
 * what ngx_http_finalize_request() wants.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_RESPONSE_H
#define NGX_HTTP_SECTOR_CACHE_RESPONSE_H


#include "ngx_http_sector_cache_conf.h"
#include "sector_compose.h"
#include "sector_gzip.h"


/* What the headers say of an answer; all zero: an answer of our own making
 * that nobody may keep. */

typedef struct {
    const char                         *type;       /* Content-Type; NULL:
                                                       JSON */
    const char                         *cache;      /* Cache-Status (RFC 9211):
                                                       "hit", "fwd=miss", ...;
                                                       NULL: not from a cache */
    const char                         *detail;     /* of it; or NULL */
    uint64_t                            etag;       /* with validators */
    time_t                              modified_s; /* the same; -1: not
                                                       known */
    uint64_t                            age_s;
    int64_t                             ttl_s;      /* with keep: time left;
                                                       below 0: how long past
                                                       it */
    uint64_t                            swr_ms;     /* with keep: the zone's
                                                       swr; 0: none */
    unsigned                            fwd_status:10;  /* in Cache-Status; 0:
                                                           none */
    unsigned                            validators:1;
    unsigned                            keep:1;     /* Cache-Control: max-age,
                                                       not no-store */
    unsigned                            ttl:1;      /* in Cache-Status */
    unsigned                            stored:1;   /* the same */
    unsigned                            collapsed:1;    /* the same */
    unsigned                            gzip:1;     /* the body is */
    unsigned                            vary:1;     /* it might have been */
} ngx_http_sector_cache_head_t;


/* Whether nginx still reads a body of the request that nobody wants.  The
 * handler tells, discard_body does not: some relatives of nginx set that for
 * good, and for HTTP/2 and 3 as well, of which nobody reads. */

#define ngx_http_sector_cache_discards(r)                                     \
    ((r)->read_event_handler == ngx_http_discarded_request_body_handler)


/* An error of an endpoint; the strings are terminated. */

typedef struct {
    ngx_uint_t                          status;
    const char                         *code;
    const char                         *text;
    const char                         *symbol;             /* or NULL */
    const char                         *source;             /* or NULL */
    ngx_uint_t                          upstream_status;    /* or 0 */
    uint64_t                            retry_after_s;      /* or 0 */
    const char                         *allow;  /* or NULL: GET, HEAD */
    const char                         *challenge;  /* or NULL: of a 401 */
    ngx_http_sector_cache_head_t        head;   /* cache, age, ttl, keep; its
                                                   detail is the code unless
                                                   it is set */
} ngx_http_sector_cache_error_t;


/* Sends the error as JSON, with Retry-After or Allow where it calls for
 * them.  The one place that writes an error body. */

ngx_int_t ngx_http_sector_cache_send_error(ngx_http_request_t *r,
    ngx_http_sector_cache_error_t *error);


/* The errors that are alike everywhere. */

ngx_int_t ngx_http_sector_cache_send_not_found(ngx_http_request_t *r);
ngx_int_t ngx_http_sector_cache_send_not_allowed(ngx_http_request_t *r,
    const char *allowed);


/* Sends malloc'ed text of len bytes, and frees it.  text may be NULL, which is
 * a lack of memory: 500.  type is its Content-Type, NULL: JSON. */

ngx_int_t ngx_http_sector_cache_send_text(ngx_http_request_t *r,
    ngx_uint_t status, const char *type, char *text, size_t len);


/* The same as the data of a success envelope. */

ngx_int_t ngx_http_sector_cache_send_data(ngx_http_request_t *r,
    ngx_uint_t status, char *text, size_t len);


/* Sends what ngx_http_sector_cache_conditions() said, which is not NGX_OK. */

ngx_int_t ngx_http_sector_cache_send_condition(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, ngx_int_t status);


/*
 * A buffer with a body, or NULL: data, which is all but the first and the last
 * of pieces, in an envelope that says meta if the location wants one; those
 * two are for that.  It is compressed where the location is set so and the
 * client accepts it, which is noted in head.  Copies, so that a piece may be
 * in shared memory.
 */
ngx_buf_t *ngx_http_sector_cache_body(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, const sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n);


/* Symbols that are answered past their time. */

typedef struct {
    sector_compose_stale_t             *elts;
    ngx_uint_t                          n;
} ngx_http_sector_cache_stale_t;


/* The same with stale in its metadata. */

ngx_buf_t *ngx_http_sector_cache_body_stale(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, const sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n,
    const ngx_http_sector_cache_stale_t *stale);


/* Sends a body, NULL being a lack of memory, with its headers. */

ngx_int_t ngx_http_sector_cache_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_http_sector_cache_head_t *head, ngx_buf_t *b);


/* What follows the location's own prefix in the URI, with its "/"; empty for
 * the prefix alone.  NGX_DECLINED if the URI is not below the location. */

ngx_int_t ngx_http_sector_cache_path(ngx_http_request_t *r, ngx_str_t *path);


#endif /* NGX_HTTP_SECTOR_CACHE_RESPONSE_H */
