#include "ngx_http_sector_cache_api.h"
#include "ngx_http_sector_cache_batch.h"
#include "ngx_http_sector_cache_detached.h"
#include "ngx_http_sector_cache_health.h"
#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_sector.h"
#include "ngx_http_sector_cache_snapshot.h"


static ngx_int_t ngx_http_sector_cache_symbols_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf);


ngx_int_t
ngx_http_sector_cache_api_handler(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_str_t                          path;
    ngx_http_sector_cache_loc_conf_t  *lcf;

    if (ngx_http_sector_cache_detached_get(r)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "sector_cache_fetch leads back to sector_cache_api");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* most requests have no body; of HTTP/2 and later only nginx knows */

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked
        || r->http_version > NGX_HTTP_VERSION_11)
    {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (ngx_http_sector_cache_path(r, &path) != NGX_OK) {
        return ngx_http_sector_cache_send_not_found(r);
    }

    if (path.len) {
        path.data++;
        path.len--;
    }

    if (ngx_strlchr(path.data, path.data + path.len, '/')) {
        return ngx_http_sector_cache_send_not_found(r);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_sector_cache_send_not_allowed(r, "GET, HEAD");
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_sector_cache_module);

    if (path.len == 0) {
        return ngx_http_sector_cache_batch_handler(r, lcf);
    }

    if (path.len == 8 && ngx_strncmp(path.data, "snapshot", 8) == 0) {
        return ngx_http_sector_cache_snapshot_handler(r, lcf);
    }

    if (path.len == 7 && ngx_strncmp(path.data, "symbols", 7) == 0) {
        return ngx_http_sector_cache_symbols_handler(r, lcf);
    }

    if (path.len == 6 && ngx_strncmp(path.data, "health", 6) == 0) {
        return ngx_http_sector_cache_health_handler(r, lcf);
    }

    return ngx_http_sector_cache_sector_handler(r, lcf, &path);
}


/* GET /symbols */

static ngx_int_t
ngx_http_sector_cache_symbols_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    char                            *text;
    size_t                           len;
    ngx_uint_t                       i, n;
    sector_compose_symbol_t         *list;
    ngx_http_sector_cache_symbol_t  *s;

    s = lcf->symbols->elts;
    n = lcf->symbols->nelts;

    list = ngx_palloc(r->pool, n * sizeof(sector_compose_symbol_t));
    if (list == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < n; i++) {
        list[i].symbol = s[i].symbol;
        list[i].name = (char *) s[i].name.data;
        list[i].benchmark = s[i].benchmark;
    }

    len = 0;
    text = sector_compose_symbols(list, n, &len);

    return ngx_http_sector_cache_send_data(r, NGX_HTTP_OK, text, len);
}
