/*
 * The read-only pages for operators.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_STATUS_H
#define NGX_HTTP_SECTOR_CACHE_STATUS_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* The content handler of sector_cache_status. */

ngx_int_t ngx_http_sector_cache_status_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_SECTOR_CACHE_STATUS_H */
