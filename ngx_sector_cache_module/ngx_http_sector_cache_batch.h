/*
 * GET /?symbols=XLK,XLF
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_BATCH_H
#define NGX_HTTP_SECTOR_CACHE_BATCH_H


#include "ngx_http_sector_cache_client.h"


ngx_int_t ngx_http_sector_cache_batch_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf);


#endif /* NGX_HTTP_SECTOR_CACHE_BATCH_H */
