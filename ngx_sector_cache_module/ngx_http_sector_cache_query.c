#include "ngx_http_sector_cache_query.h"
#include "ngx_http_sector_cache_response.h"


ngx_int_t
ngx_http_sector_cache_query(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char     *src, *dst;
    ngx_str_t   text;

    ngx_str_null(value);

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &text) != NGX_OK
        || text.len == 0)
    {
        return NGX_OK;
    }

    dst = ngx_pnalloc(r->pool, text.len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    src = text.data;

    ngx_unescape_uri(&dst, &src, text.len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_sector_cache_query_number(ngx_http_request_t *r, const char *name,
    ngx_uint_t min, ngx_uint_t max, ngx_uint_t *n)
{
    ngx_int_t  number;
    ngx_str_t  text;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &text) != NGX_OK) {
        return NGX_OK;
    }

    number = ngx_atoi(text.data, text.len);

    if (number == NGX_ERROR || (ngx_uint_t) number < min
        || (ngx_uint_t) number > max)
    {
        return NGX_DECLINED;
    }

    *n = number;

    return NGX_OK;
}


ngx_int_t
ngx_http_sector_cache_query_invalid(ngx_http_request_t *r, const char *fmt,
    ...)
{
    u_char                         text[512], *last;
    va_list                        args;
    ngx_http_sector_cache_error_t  error;

    va_start(args, fmt);
    last = ngx_vslprintf(text, text + sizeof(text) - 1, fmt, args);
    va_end(args);

    *last = '\0';

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.status = NGX_HTTP_BAD_REQUEST;
    error.code = "INVALID_PARAMETER";
    error.text = (char *) text;

    return ngx_http_sector_cache_send_error(r, &error);
}
