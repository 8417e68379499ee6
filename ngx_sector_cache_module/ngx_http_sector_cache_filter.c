/*
 * The filters that catch what a detached fetch's subrequest sends.  They run
 * after all that make the body what the location says (gunzip, sub_filter,
 * SSI, those of other modules), and before those that make it fit a client:
 *
 *     copy ──> others ──> headers ... gunzip, sub, SSI ──> postpone ──> ours
 *     ──> gzip ──> range ──> chunked ──> write
 *
 * Nothing of a detached fetch is passed on: behind its connection is nobody.
 * The postpone filter brings what SSI includes into its place, and passes all
 * on as the main request's.  What comes from another request is dropped.
 */

#include "ngx_http_sector_cache_detached.h"
#include "ngx_http_sector_cache_detached_rules.h"


static ngx_int_t ngx_http_sector_cache_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_sector_cache_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_sector_cache_filter_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_sector_cache_filter_init_module(ngx_cycle_t *cycle);


static ngx_http_module_t  ngx_http_sector_cache_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_sector_cache_filter_init,     /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_sector_cache_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_sector_cache_filter_module_ctx,   /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_sector_cache_filter_init_module,   /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_int_t
ngx_http_sector_cache_header_filter(ngx_http_request_t *r)
{
    ngx_http_sector_cache_detached_t  *d;

    d = ngx_http_sector_cache_detached_get(r);

    if (d == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (r == d->subrequest) {
        ngx_http_sector_cache_detached_header(d, r);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sector_cache_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t                       *cl;
    ngx_http_sector_cache_detached_t  *d;

    d = ngx_http_sector_cache_detached_get(r);

    if (d == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    if (r == d->request) {
        ngx_http_sector_cache_detached_body(d, in);
        return NGX_OK;
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sector_cache_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_sector_cache_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_sector_cache_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sector_cache_filter_init_module(ngx_cycle_t *cycle)
{
    ngx_http_sector_cache_detached_rules(cycle);

    return NGX_OK;
}
