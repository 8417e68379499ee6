/*
 * The parameters of the operations pages: of the query string.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_QUERY_H
#define NGX_HTTP_SECTOR_CACHE_QUERY_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* A parameter, unescaped, in the request's pool; what is not there is empty.
 * NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_sector_cache_query(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);


/* A number from min to max; what is not there leaves *n alone.  NGX_OK,
 * NGX_DECLINED if it is something else, or NGX_ERROR. */

ngx_int_t ngx_http_sector_cache_query_number(ngx_http_request_t *r,
    const char *name, ngx_uint_t min, ngx_uint_t max, ngx_uint_t *n);


/* Sends 400, with a text that is printed in nginx's way. */

ngx_int_t ngx_http_sector_cache_query_invalid(ngx_http_request_t *r,
    const char *fmt, ...);


#endif /* NGX_HTTP_SECTOR_CACHE_QUERY_H */
