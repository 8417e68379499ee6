/*
 * The key=value parameters of a directive, read by table.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_PARAMS_H
#define NGX_HTTP_SECTOR_CACHE_PARAMS_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "sector_rate.h"


typedef enum {
    NGX_HTTP_SECTOR_CACHE_TIME = 0,     /* uint64_t, milliseconds */
    NGX_HTTP_SECTOR_CACHE_NUMBER,       /* uint64_t */
    NGX_HTTP_SECTOR_CACHE_NUMBER32,     /* uint32_t */
    NGX_HTTP_SECTOR_CACHE_PERCENT,      /* uint32_t, 0 - 100 */
    NGX_HTTP_SECTOR_CACHE_SIZE,         /* size_t, bytes */
    NGX_HTTP_SECTOR_CACHE_RATE,         /* sector_rate_t: 10r/s or 30r/m */
    NGX_HTTP_SECTOR_CACHE_PATH          /* ngx_str_t, a full path */
} ngx_http_sector_cache_param_e;


/* min and max are inclusive and in the field's unit; allowed says them in
 * the words of the configuration. */

typedef struct {
    ngx_str_t                       name;
    ngx_http_sector_cache_param_e   type;
    size_t                          offset;
    uint64_t                        min;
    uint64_t                        max;
    const char                     *allowed;
} ngx_http_sector_cache_param_t;


/*
 * Reads the arguments from the first-th on into the struct at base, by a
 * table that ends with an empty name.  Unknown and repeated names, wrong
 * values and values out of range are logged with what was given and what is
 * allowed.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_sector_cache_params(ngx_conf_t *cf, ngx_uint_t first,
    const ngx_http_sector_cache_param_t *table, void *base);


#endif /* NGX_HTTP_SECTOR_CACHE_PARAMS_H */
