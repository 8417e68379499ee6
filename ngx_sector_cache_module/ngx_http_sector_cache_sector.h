/*
 * GET /{symbol}
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_SECTOR_H
#define NGX_HTTP_SECTOR_CACHE_SECTOR_H


#include "ngx_http_sector_cache_client.h"


/* text is the symbol as it was asked for. */

ngx_int_t ngx_http_sector_cache_sector_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_str_t *text);


/* What Cache-Status says of a part's fetch beside the outcome. */

void ngx_http_sector_cache_sector_forwarded(
    ngx_http_sector_cache_part_t *part, ngx_http_sector_cache_head_t *head);


/* The error that a part came to. */

ngx_int_t ngx_http_sector_cache_sector_error(
    ngx_http_sector_cache_client_t *client,
    ngx_http_sector_cache_part_t *part);


/* The error that text is no symbol. */

ngx_int_t ngx_http_sector_cache_invalid_symbol(ngx_http_request_t *r);


#endif /* NGX_HTTP_SECTOR_CACHE_SECTOR_H */
