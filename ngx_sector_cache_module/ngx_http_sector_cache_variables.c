#include "ngx_http_sector_cache_variables.h"
#include "ngx_http_sector_cache_source_info.h"


static ngx_http_sector_cache_info_t *ngx_http_sector_cache_get_info(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_sector_cache_symbol_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sector_cache_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sector_cache_age_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sector_cache_breaker_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sector_cache_fetch_time_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sector_cache_raw_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static u_char *ngx_http_sector_cache_escape(u_char *p, ngx_str_t *text);
static void ngx_http_sector_cache_set_value(ngx_http_variable_value_t *v,
    u_char *data, size_t len);


static ngx_http_variable_t  ngx_http_sector_cache_vars[] = {

    { ngx_string("sector_cache_symbol"), NULL,
      ngx_http_sector_cache_symbol_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sector_cache_symbols"), NULL,
      ngx_http_sector_cache_symbol_variable, 1, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sector_cache_symbol_raw"), NULL,
      ngx_http_sector_cache_raw_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sector_cache_status"), NULL,
      ngx_http_sector_cache_status_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sector_cache_age"), NULL,
      ngx_http_sector_cache_age_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sector_cache_breaker"), NULL,
      ngx_http_sector_cache_breaker_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sector_cache_fetch_time"), NULL,
      ngx_http_sector_cache_fetch_time_variable, 0, NGX_HTTP_VAR_NOCACHEABLE,
      0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_sector_cache_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_sector_cache_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/* A subrequest without a context of its own is told of its main request: so
 * the location of a fetch knows what is fetched. */

static ngx_http_sector_cache_info_t *
ngx_http_sector_cache_get_info(ngx_http_request_t *r)
{
    ngx_http_sector_cache_info_t  *info;

    info = ngx_http_get_module_ctx(r, ngx_http_sector_cache_module);

    if (info == NULL) {
        info = ngx_http_get_module_ctx(r->main, ngx_http_sector_cache_module);
    }

    return info;
}


static ngx_int_t
ngx_http_sector_cache_symbol_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                        *p;
    ngx_str_t                      text;
    ngx_http_sector_cache_info_t  *info;

    info = ngx_http_sector_cache_get_info(r);

    if (info == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    /* of one symbol, the list is that symbol */

    text = (data && info->symbols.len) ? info->symbols : info->symbol;

    if (text.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (!info->escape) {
        ngx_http_sector_cache_set_value(v, text.data, text.len);
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, 3 * text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_sector_cache_set_value(v, p,
                                    ngx_http_sector_cache_escape(p, &text)
                                    - p);

    return NGX_OK;
}


/* The symbol as it is, where the URI of a fetch is made as well: what a map
 * compares has no escapes in it. */

static ngx_int_t
ngx_http_sector_cache_raw_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_sector_cache_info_t  *info;

    info = ngx_http_sector_cache_get_info(r);

    if (info == NULL || info->symbol.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_sector_cache_set_value(v, info->symbol.data, info->symbol.len);

    return NGX_OK;
}


/* Escapes each symbol of a list, and leaves the commas between them. */

static u_char *
ngx_http_sector_cache_escape(u_char *p, ngx_str_t *text)
{
    u_char  *symbol, *end, *last;

    symbol = text->data;
    last = text->data + text->len;

    for ( ;; ) {
        end = ngx_strlchr(symbol, last, ',');

        p = (u_char *) ngx_escape_uri(p, symbol, (end ? end : last) - symbol,
                                      NGX_ESCAPE_URI_COMPONENT);
        if (end == NULL) {
            return p;
        }

        *p++ = ',';
        symbol = end + 1;
    }
}


static ngx_int_t
ngx_http_sector_cache_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_sector_cache_info_t  *info;

    info = ngx_http_sector_cache_get_info(r);

    if (info == NULL || info->status.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_sector_cache_set_value(v, info->status.data, info->status.len);

    return NGX_OK;
}


/* Whole seconds. */

static ngx_int_t
ngx_http_sector_cache_age_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                        *p;
    ngx_http_sector_cache_info_t  *info;

    info = ngx_http_sector_cache_get_info(r);

    if (info == NULL || !info->has_age) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_sector_cache_set_value(v, p,
                                    ngx_sprintf(p, "%uL", info->age_s) - p);

    return NGX_OK;
}


/* The state of the breaker of the request's own source. */

static ngx_int_t
ngx_http_sector_cache_breaker_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const char                        *name;
    ngx_http_sector_cache_info_t      *info;
    ngx_http_sector_cache_source_t    *source;
    ngx_http_sector_cache_loc_conf_t  *lcf;

    info = ngx_http_sector_cache_get_info(r);
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_sector_cache_module);

    source = lcf->fetch ? lcf->fetch->source : NULL;

    if (info && info->source) {
        source = info->source;
    }

    if (source == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    name = sector_breaker_name(ngx_http_sector_cache_source_state(source,
                                                                  NULL));

    ngx_http_sector_cache_set_value(v, (u_char *) name, ngx_strlen(name));

    return NGX_OK;
}


/* Seconds with milliseconds, as $upstream_response_time. */

static ngx_int_t
ngx_http_sector_cache_fetch_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                        *p;
    ngx_http_sector_cache_info_t  *info;

    info = ngx_http_sector_cache_get_info(r);

    if (info == NULL || !info->has_fetch) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + 4);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_sector_cache_set_value(v, p,
                                    ngx_sprintf(p, "%T.%03M",
                                                (time_t) info->fetch_ms / 1000,
                                                info->fetch_ms % 1000)
                                    - p);

    return NGX_OK;
}


static void
ngx_http_sector_cache_set_value(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    v->len = (unsigned) len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = data;
}
