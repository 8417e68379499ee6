/*
 * The dashboard's files, as misc/assets.sh compiles them in: it writes the
 * table below into BUILD/assets/ngx_http_sector_cache_assets.c.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_ASSETS_H
#define NGX_HTTP_SECTOR_CACHE_ASSETS_H


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_str_t   path;       /* below the location, with its "/" */
    ngx_str_t   type;       /* without a charset, which is UTF-8 */
    ngx_str_t   etag;       /* weak: of both forms */
    ngx_str_t   plain;      /* the body, */
    ngx_str_t   gzip;       /* and the same compressed */
} ngx_http_sector_cache_asset_t;


/* Ends with an empty path.  All is constant, whatever ngx_str_t says. */

extern const ngx_http_sector_cache_asset_t  ngx_http_sector_cache_assets[];


#endif /* NGX_HTTP_SECTOR_CACHE_ASSETS_H */
