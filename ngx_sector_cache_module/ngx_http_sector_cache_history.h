/*
 * GET /history: a sample a minute.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_HISTORY_H
#define NGX_HTTP_SECTOR_CACHE_HISTORY_H


#include "ngx_http_sector_cache_conf.h"


ngx_int_t ngx_http_sector_cache_history_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_SECTOR_CACHE_HISTORY_H */
