/*
 * Sending: JSON bodies, errors, and sectors in their envelope.
 *
 * Layer 2.  Every function sends a complete response and returns what
 * ngx_http_finalize_request() wants.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_RESPONSE_H
#define NGX_HTTP_SECTOR_CACHE_RESPONSE_H


#include "ngx_http_sector_cache_conf.h"
#include "sector_compose.h"


/* An error of an endpoint; the strings are terminated. */

typedef struct {
    ngx_uint_t                          status;
    const char                         *code;
    const char                         *text;
    const char                         *symbol;             /* or NULL */
    const char                         *source;             /* or NULL */
    ngx_uint_t                          upstream_status;    /* or 0 */
    uint64_t                            retry_after_s;      /* or 0 */
} ngx_http_sector_cache_error_t;


/* Sends the error as JSON, with Retry-After or Allow where it calls for
 * them.  The one place that writes an error body. */

ngx_int_t ngx_http_sector_cache_send_error(ngx_http_request_t *r,
    const ngx_http_sector_cache_error_t *error);


/* The errors that are alike everywhere. */

ngx_int_t ngx_http_sector_cache_send_not_found(ngx_http_request_t *r);
ngx_int_t ngx_http_sector_cache_send_not_allowed(ngx_http_request_t *r);


/* Sends malloc'ed text of len bytes as JSON, and frees it.  text may be NULL,
 * which is a lack of memory: 500. */

ngx_int_t ngx_http_sector_cache_send_text(ngx_http_request_t *r,
    ngx_uint_t status, char *text, size_t len);


/* The same as the data of a success envelope. */

ngx_int_t ngx_http_sector_cache_send_data(ngx_http_request_t *r,
    ngx_uint_t status, char *text, size_t len);


/* A buffer that holds a whole envelope round data of len bytes, copied, or
 * NULL: for data in shared memory, which must be let go before it is sent. */

ngx_buf_t *ngx_http_sector_cache_envelope(ngx_http_request_t *r,
    const void *data, size_t len, const sector_compose_meta_t *meta);


/* Sends a whole body. */

ngx_int_t ngx_http_sector_cache_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_buf_t *b);


/* What follows the location's own prefix in the URI, with its "/"; empty for
 * the prefix alone.  NGX_DECLINED if the URI is not below the location. */

ngx_int_t ngx_http_sector_cache_path(ngx_http_request_t *r, ngx_str_t *path);


#endif /* NGX_HTTP_SECTOR_CACHE_RESPONSE_H */
