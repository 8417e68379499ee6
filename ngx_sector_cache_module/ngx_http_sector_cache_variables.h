/*
 * The variables, and what a request has to say about itself.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_VARIABLES_H
#define NGX_HTTP_SECTOR_CACHE_VARIABLES_H


#include "ngx_http_sector_cache_conf.h"


/* The module's context of a client's request, and of a detached fetch's main
 * request, where only symbol and source are set. */

typedef struct {
    ngx_str_t                           symbol;
    ngx_str_t                           symbols;    /* of a batch */
    ngx_http_sector_cache_source_t     *source;
    ngx_str_t                           status;     /* HIT, MISS, ... */
    uint64_t                            age_s;
    ngx_msec_t                          fetch_ms;
    unsigned                            escape:1;   /* the symbol, for a URI */
    unsigned                            has_age:1;
    unsigned                            has_fetch:1;
} ngx_http_sector_cache_info_t;


/* Adds the variables; a preconfiguration handler. */

ngx_int_t ngx_http_sector_cache_add_variables(ngx_conf_t *cf);


#endif /* NGX_HTTP_SECTOR_CACHE_VARIABLES_H */
