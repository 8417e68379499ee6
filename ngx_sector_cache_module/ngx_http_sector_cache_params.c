#include "ngx_http_sector_cache_params.h"


static ngx_int_t ngx_http_sector_cache_param_set(ngx_conf_t *cf,
    const ngx_http_sector_cache_param_t *p, ngx_str_t *value, u_char *base);
static ngx_int_t ngx_http_sector_cache_param_number(
    const ngx_http_sector_cache_param_t *p, ngx_str_t *value, uint64_t *n);
static ngx_int_t ngx_http_sector_cache_param_rate(
    const ngx_http_sector_cache_param_t *p, ngx_str_t *value,
    sector_rate_t *rate);
static ngx_int_t ngx_http_sector_cache_param_error(ngx_conf_t *cf,
    ngx_str_t *arg, const char *allowed);
static ngx_int_t ngx_http_sector_cache_param_unknown(ngx_conf_t *cf,
    ngx_str_t *arg, const ngx_http_sector_cache_param_t *table);


ngx_int_t
ngx_http_sector_cache_params(ngx_conf_t *cf, ngx_uint_t first,
    const ngx_http_sector_cache_param_t *table, void *base)
{
    ngx_str_t                            *args, value;
    ngx_uint_t                            i, seen, bit;
    const ngx_http_sector_cache_param_t  *p;

    args = cf->args->elts;
    seen = 0;

    for (i = first; i < cf->args->nelts; i++) {

        for (p = table, bit = 1; p->name.len; p++, bit <<= 1) {
            if (args[i].len > p->name.len
                && args[i].data[p->name.len] == '='
                && ngx_strncmp(args[i].data, p->name.data, p->name.len) == 0)
            {
                break;
            }
        }

        if (p->name.len == 0) {
            return ngx_http_sector_cache_param_unknown(cf, &args[i], table);
        }

        if (seen & bit) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" of \"%V\"",
                               &args[i], &args[0]);
            return NGX_ERROR;
        }

        seen |= bit;

        value.data = args[i].data + p->name.len + 1;
        value.len = args[i].len - p->name.len - 1;

        if (ngx_http_sector_cache_param_set(cf, p, &value, base) != NGX_OK) {
            return ngx_http_sector_cache_param_error(cf, &args[i], p->allowed);
        }
    }

    return NGX_OK;
}


/* Reads and stores one value; NGX_ERROR if it is not what the table allows. */

static ngx_int_t
ngx_http_sector_cache_param_set(ngx_conf_t *cf,
    const ngx_http_sector_cache_param_t *p, ngx_str_t *value, u_char *base)
{
    uint64_t   n;
    ngx_str_t  path;

    if (value->len == 0) {
        return NGX_ERROR;
    }

    if (p->type == NGX_HTTP_SECTOR_CACHE_PATH) {
        path = *value;

        if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
            return NGX_ERROR;
        }

        *(ngx_str_t *) (base + p->offset) = path;
        return NGX_OK;
    }

    if (p->type == NGX_HTTP_SECTOR_CACHE_RATE) {
        return ngx_http_sector_cache_param_rate(p, value,
                                      (sector_rate_t *) (base + p->offset));
    }

    if (ngx_http_sector_cache_param_number(p, value, &n) != NGX_OK
        || n < p->min || n > p->max)
    {
        return NGX_ERROR;
    }

    switch (p->type) {

    case NGX_HTTP_SECTOR_CACHE_NUMBER32:
    case NGX_HTTP_SECTOR_CACHE_PERCENT:
        *(uint32_t *) (base + p->offset) = (uint32_t) n;
        break;

    case NGX_HTTP_SECTOR_CACHE_SIZE:
        *(size_t *) (base + p->offset) = (size_t) n;
        break;

    default:
        *(uint64_t *) (base + p->offset) = n;
        break;
    }

    return NGX_OK;
}


/* Reads a number in the way of its type. */

static ngx_int_t
ngx_http_sector_cache_param_number(const ngx_http_sector_cache_param_t *p,
    ngx_str_t *value, uint64_t *n)
{
    off_t      size;
    ngx_int_t  rc;
    ngx_str_t  digits;

    switch (p->type) {

    case NGX_HTTP_SECTOR_CACHE_TIME:
        rc = ngx_parse_time(value, 0);
        break;

    case NGX_HTTP_SECTOR_CACHE_SIZE:
        size = ngx_parse_offset(value);
        rc = (size == NGX_ERROR) ? NGX_ERROR : (ngx_int_t) size;
        break;

    case NGX_HTTP_SECTOR_CACHE_PERCENT:
        digits = *value;

        if (digits.data[digits.len - 1] != '%') {
            return NGX_ERROR;
        }

        rc = ngx_atoi(digits.data, digits.len - 1);
        break;

    default:
        rc = ngx_atoi(value->data, value->len);
        break;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    *n = (uint64_t) rc;

    return NGX_OK;
}


/* Reads 10r/s or 30r/m: the bucket holds so many as the unit's time gives. */

static ngx_int_t
ngx_http_sector_cache_param_rate(const ngx_http_sector_cache_param_t *p,
    ngx_str_t *value, sector_rate_t *rate)
{
    u_char     *unit;
    uint64_t    seconds;
    ngx_int_t   n;

    if (value->len < 4 || value->len > 12) {
        return NGX_ERROR;
    }

    n = ngx_atoi(value->data, value->len - 3);
    unit = value->data + value->len - 3;

    if (ngx_strncmp(unit, "r/s", 3) == 0) {
        seconds = 1;

    } else if (ngx_strncmp(unit, "r/m", 3) == 0) {
        seconds = 60;

    } else {
        return NGX_ERROR;
    }

    /* the most is given for a second */

    if (n == NGX_ERROR || (uint64_t) n < p->min
        || (uint64_t) n > p->max * seconds)
    {
        return NGX_ERROR;
    }

    sector_rate_set(rate, n, seconds);

    return NGX_OK;
}


/* Logs a refused argument; always NGX_ERROR. */

static ngx_int_t
ngx_http_sector_cache_param_error(ngx_conf_t *cf, ngx_str_t *arg,
    const char *allowed)
{
    ngx_str_t  *args;

    args = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"%V\", allowed: %s",
                       arg, &args[0], allowed);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_sector_cache_param_unknown(ngx_conf_t *cf, ngx_str_t *arg,
    const ngx_http_sector_cache_param_t *table)
{
    u_char                               *last, allowed[NGX_MAX_CONF_ERRSTR];
    ngx_str_t                            *args;
    const ngx_http_sector_cache_param_t  *p;

    args = cf->args->elts;
    last = allowed;

    for (p = table; p->name.len; p++) {
        last = ngx_slprintf(last, allowed + sizeof(allowed), "%s%V=",
                            p == table ? "" : ", ", &p->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of \"%V\", allowed: %*s",
                       arg, &args[0], (size_t) (last - allowed), allowed);

    return NGX_ERROR;
}
