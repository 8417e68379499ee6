/*
 * GET /explain/{symbol}: why it would be answered as it would.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_EXPLAIN_H
#define NGX_HTTP_SECTOR_CACHE_EXPLAIN_H


#include "ngx_http_sector_cache_conf.h"


/* text is what follows "/explain/". */

ngx_int_t ngx_http_sector_cache_explain_handler(ngx_http_request_t *r,
    ngx_str_t *text);


#endif /* NGX_HTTP_SECTOR_CACHE_EXPLAIN_H */
