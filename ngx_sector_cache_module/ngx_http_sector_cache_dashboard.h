/*
 * The dashboard: a page for people, and the files that it needs.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_DASHBOARD_H
#define NGX_HTTP_SECTOR_CACHE_DASHBOARD_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Sends the file that path, below the location, names.  The location's prefix
 * without a "/" is redirected to the one with it, below which alone the page's
 * relative references work.
 *
 * NGX_DECLINED: there is no such file; otherwise what
 * ngx_http_finalize_request() wants.
 */
ngx_int_t ngx_http_sector_cache_dashboard(ngx_http_request_t *r,
    const ngx_str_t *path);


#endif /* NGX_HTTP_SECTOR_CACHE_DASHBOARD_H */
