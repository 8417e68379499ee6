/*
 * GET /health of an API location.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_HEALTH_H
#define NGX_HTTP_SECTOR_CACHE_HEALTH_H


#include "ngx_http_sector_cache_conf.h"


/* No fetch is made. */

ngx_int_t ngx_http_sector_cache_health_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf);


#endif /* NGX_HTTP_SECTOR_CACHE_HEALTH_H */
