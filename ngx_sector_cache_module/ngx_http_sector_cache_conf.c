/*
 * The directives of a location.  Those of the http block, sector_cache_zone
 * and sector_cache_source, are in ngx_http_sector_cache_conf_main.c; how a
 * location inherits is in ngx_http_sector_cache_conf_merge.c.
 */

#include "ngx_http_sector_cache_conf.h"
#include "ngx_http_sector_cache_api.h"
#include "ngx_http_sector_cache_status.h"


static char *ngx_http_sector_cache_conf_symbol(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static ngx_int_t ngx_http_sector_cache_symbol_name(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_sector_cache_conf_format(ngx_conf_t *cf,
    ngx_str_t *arg, sector_format_e *format);
static char *ngx_http_sector_cache_conf_fetch_uri(ngx_conf_t *cf,
    ngx_http_sector_cache_fetch_conf_t **conf);
static ngx_int_t ngx_http_sector_cache_conf_max(ngx_conf_t *cf,
    ngx_str_t *arg, ngx_uint_t *max);


/* sector_cache_symbols { SYMBOL NAME [benchmark]; ... } */

char *
ngx_http_sector_cache_conf_symbols(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    char        *rv;
    ngx_conf_t   save;

    if (lcf->symbols) {
        return "is duplicate";
    }

    lcf->symbols = ngx_array_create(cf->pool, 16,
                                    sizeof(ngx_http_sector_cache_symbol_t));
    if (lcf->symbols == NULL) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_sector_cache_conf_symbol;
    cf->handler_conf = (void *) lcf;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv == NGX_CONF_OK && lcf->symbols->nelts == 0) {
        return "is empty, at least one symbol is needed";
    }

    return rv;
}


/* One line of the block. */

static char *
ngx_http_sector_cache_conf_symbol(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    char                             text[SECTOR_SYMBOL_MAX + 1];
    ngx_str_t                       *args;
    ngx_uint_t                       i, benchmark;
    ngx_http_sector_cache_symbol_t  *s;

    args = cf->args->elts;
    benchmark = (cf->args->nelts == 3
                 && ngx_strcmp(args[2].data, "benchmark") == 0);

    if (cf->args->nelts != 2 && !benchmark) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid line of \"%V\" in \"sector_cache_symbols\""
                           ", allowed: SYMBOL NAME [benchmark]", &args[0]);
        return NGX_CONF_ERROR;
    }

    if (sector_model_symbol((char *) args[0].data, args[0].len, text) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid symbol \"%V\" in \"sector_cache_symbols\", "
                           "allowed: 1 to %d of " SECTOR_SYMBOL_CHARS,
                           &args[0], SECTOR_SYMBOL_MAX);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sector_cache_symbol_name(cf, &args[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    s = lcf->symbols->elts;

    for (i = 0; i < lcf->symbols->nelts; i++) {
        if (ngx_strcmp(s[i].symbol, text) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate symbol \"%s\" in "
                               "\"sector_cache_symbols\"", text);
            return NGX_CONF_ERROR;
        }

        if (s[i].benchmark && benchmark) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "second benchmark \"%s\" in "
                               "\"sector_cache_symbols\", \"%s\" is one "
                               "already", text, s[i].symbol);
            return NGX_CONF_ERROR;
        }
    }

    s = ngx_array_push(lcf->symbols);
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    s->symbol_len = ngx_strlen(text);
    ngx_memcpy(s->symbol, text, s->symbol_len + 1);
    s->name = args[1];
    s->benchmark = benchmark;

    return NGX_CONF_OK;
}


/* A name ends in JSON: not empty, UTF-8, without control characters. */

static ngx_int_t
ngx_http_sector_cache_symbol_name(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char    *p, *last;
    uint32_t   c;

    p = name->data;
    last = p + name->len;

    while (p < last) {
        c = (*p < 0x80) ? *p++ : ngx_utf8_decode(&p, last - p);

        if (c < 0x20 || c > 0x10ffff) {
            break;
        }
    }

    if (name->len == 0 || p < last) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"sector_cache_symbols\", "
                           "allowed: UTF-8 text without control characters",
                           name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* sector_cache_unknown_symbols reject | accept */

char *
ngx_http_sector_cache_conf_unknown(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    ngx_str_t  *args;

    if (lcf->unknown != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    args = cf->args->elts;

    if (ngx_strcmp(args[1].data, "accept") == 0) {
        lcf->unknown = 1;

    } else if (ngx_strcmp(args[1].data, "reject") == 0) {
        lcf->unknown = 0;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"%V\", "
                           "allowed: reject, accept", &args[1], &args[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* sector_cache on | off | shadow | $variable */

char *
ngx_http_sector_cache_conf_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    ngx_str_t                         *args;
    ngx_http_compile_complex_value_t   ccv;

    if (lcf->flag != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    args = cf->args->elts;

    if (ngx_strcmp(args[1].data, "on") == 0) {
        lcf->flag = NGX_HTTP_SECTOR_CACHE_ON;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(args[1].data, "off") == 0) {
        lcf->flag = NGX_HTTP_SECTOR_CACHE_OFF;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(args[1].data, "shadow") == 0) {
        lcf->flag = NGX_HTTP_SECTOR_CACHE_SHADOW;
        return NGX_CONF_OK;
    }

    if (ngx_http_script_variables_count(&args[1]) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"%V\", "
                           "allowed: on, off, shadow or a variable",
                           &args[1], &args[0]);
        return NGX_CONF_ERROR;
    }

    lcf->flag = NGX_HTTP_SECTOR_CACHE_BY_VALUE;
    lcf->flag_value = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (lcf->flag_value == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &args[1];
    ccv.complex_value = lcf->flag_value;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


/* sector_cache_fetch SOURCE URI [format=FORMAT] */

char *
ngx_http_sector_cache_conf_fetch(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    char       *rv;
    ngx_str_t  *args;

    rv = ngx_http_sector_cache_conf_fetch_uri(cf, &lcf->fetch);

    if (rv != NGX_CONF_OK || cf->args->nelts == 3) {
        return rv;
    }

    args = cf->args->elts;

    if (ngx_http_sector_cache_conf_format(cf, &args[3], &lcf->fetch->format)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"%V\", allowed: "
                           "format=sector, format=yahoo_chart, "
                           "format=yahoo_quote", &args[3], &args[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* sector_cache_fetch_batch SOURCE URI [format=FORMAT] [max=NUMBER] */

char *
ngx_http_sector_cache_conf_batch(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    char        *rv;
    ngx_str_t   *args;
    ngx_uint_t   i, formats;

    rv = ngx_http_sector_cache_conf_fetch_uri(cf, &lcf->batch);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    args = cf->args->elts;
    formats = 0;

    for (i = 3; i < cf->args->nelts; i++) {

        if (formats == 0
            && ngx_http_sector_cache_conf_format(cf, &args[i],
                                                 &lcf->batch->format)
               == NGX_OK)
        {
            formats++;
            continue;
        }

        if (lcf->batch->max == 0
            && ngx_http_sector_cache_conf_max(cf, &args[i], &lcf->batch->max)
               == NGX_OK)
        {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"%V\", allowed: "
                           "format=sector, format=yahoo_chart, "
                           "format=yahoo_quote, max=1 to max=%d, once each",
                           &args[i], &args[0],
                           NGX_HTTP_SECTOR_CACHE_BATCH_MAX);
        return NGX_CONF_ERROR;
    }

    if (lcf->batch->max == 0) {
        lcf->batch->max = NGX_HTTP_SECTOR_CACHE_BATCH_MAX;
    }

    return NGX_CONF_OK;
}


/* What the two have in common: the first two arguments. */

static char *
ngx_http_sector_cache_conf_fetch_uri(ngx_conf_t *cf,
    ngx_http_sector_cache_fetch_conf_t **conf)
{
    ngx_str_t                           *args;
    ngx_http_compile_complex_value_t     ccv;
    ngx_http_sector_cache_fetch_conf_t  *fetch;

    if (*conf) {
        return "is duplicate";
    }

    args = cf->args->elts;

    if (args[2].len == 0 || (args[2].data[0] != '/' && args[2].data[0] != '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URI \"%V\" of \"%V\", "
                           "allowed: the URI of a location, beginning with "
                           "\"/\" or a variable", &args[2], &args[0]);
        return NGX_CONF_ERROR;
    }

    fetch = ngx_pcalloc(cf->pool, sizeof(ngx_http_sector_cache_fetch_conf_t));
    if (fetch == NULL) {
        return NGX_CONF_ERROR;
    }

    fetch->source_name = args[1];
    fetch->format = SECTOR_FORMAT_SECTOR;
    fetch->place.file = cf->conf_file->file.name;
    fetch->place.line = cf->conf_file->line;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &args[2];
    ccv.complex_value = &fetch->uri;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    *conf = fetch;

    return NGX_CONF_OK;
}


/* max=NUMBER; NGX_DECLINED if it is something else. */

static ngx_int_t
ngx_http_sector_cache_conf_max(ngx_conf_t *cf, ngx_str_t *arg, ngx_uint_t *max)
{
    ngx_int_t  n;

    if (ngx_strncmp(arg->data, "max=", 4) != 0) {
        return NGX_DECLINED;
    }

    n = ngx_atoi(arg->data + 4, arg->len - 4);

    if (n < 1 || n > NGX_HTTP_SECTOR_CACHE_BATCH_MAX) {
        return NGX_DECLINED;
    }

    *max = n;

    return NGX_OK;
}


/* format=FORMAT; NGX_DECLINED if it is something else. */

static ngx_int_t
ngx_http_sector_cache_conf_format(ngx_conf_t *cf, ngx_str_t *arg,
    sector_format_e *format)
{
    ngx_uint_t  i;

    static struct {
        const char       *arg;
        sector_format_e   format;
    } formats[] = {
        { "format=sector", SECTOR_FORMAT_SECTOR },
        { "format=yahoo_chart", SECTOR_FORMAT_YAHOO_CHART },
        { "format=yahoo_quote", SECTOR_FORMAT_YAHOO_QUOTE }
    };

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (ngx_strcmp(arg->data, formats[i].arg) == 0) {
            *format = formats[i].format;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* sector_cache_api [sectors=ZONE] [snapshots=ZONE] */

char *
ngx_http_sector_cache_conf_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    if (lcf->api) {
        return "is duplicate";
    }

    if (ngx_http_sector_cache_conf_zones(cf, lcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    lcf->api = 1;

    return ngx_http_sector_cache_conf_handler(cf, lcf,
                                          ngx_http_sector_cache_api_handler);
}


ngx_int_t
ngx_http_sector_cache_conf_zones(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    size_t       prefix;
    ngx_str_t   *args, *name;
    ngx_uint_t   i;

    args = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(args[i].data, "sectors=", 8) == 0) {
            prefix = 8;
            name = &lcf->sectors_name;

        } else if (ngx_strncmp(args[i].data, "snapshots=", 10) == 0) {
            prefix = 10;
            name = &lcf->snapshots_name;

        } else {
            prefix = 0;
            name = NULL;
        }

        if (name == NULL || name->len || args[i].len == prefix) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"%V\", allowed: "
                               "sectors=ZONE, snapshots=ZONE, once each",
                               &args[i], &args[0]);
            return NGX_ERROR;
        }

        name->data = args[i].data + prefix;
        name->len = args[i].len - prefix;
    }

    lcf->place.file = cf->conf_file->file.name;
    lcf->place.line = cf->conf_file->line;

    return NGX_OK;
}


/* sector_cache_status */

char *
ngx_http_sector_cache_conf_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_sector_cache_conf_handler(cf, conf,
                                      ngx_http_sector_cache_status_handler);
}


/* Makes handler the location's content handler.  Its endpoints are named
 * relative to the location's prefix, so the location must have one. */

char *
ngx_http_sector_cache_conf_handler(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named
#if (NGX_PCRE)
        || clcf->regex
#endif
       )
    {
        return "cannot be used in a named location or one given by a regular "
               "expression, its location must be a prefix";
    }

    if (clcf->handler) {
        return "is duplicate, the location has another content handler";
    }

    clcf->handler = handler;
    lcf->handler = handler;

    return NGX_CONF_OK;
}


ngx_http_sector_cache_symbol_t *
ngx_http_sector_cache_find_symbol(ngx_http_sector_cache_loc_conf_t *lcf,
    const char *symbol, size_t len)
{
    size_t                           n;
    ngx_uint_t                       i;
    ngx_http_sector_cache_symbol_t  *s;

    s = lcf->symbols->elts;

    for (i = 0; i < lcf->symbols->nelts; i++) {

        if (s[i].symbol_len != len) {
            continue;
        }

        /* from the end: those of a market begin alike */

        for (n = len; n && s[i].symbol[n - 1] == symbol[n - 1]; n--) {
            /* void */
        }

        if (n == 0) {
            return &s[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_sector_cache_enabled(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    ngx_str_t                           value;
    ngx_uint_t                          i;
    ngx_http_sector_cache_main_conf_t  *mcf;

    static ngx_str_t  off[] = {
        ngx_string("0"),
        ngx_string("off"),
        ngx_string("false"),
        ngx_string("no")
    };

    mcf = ngx_http_get_module_main_conf(r, ngx_http_sector_cache_module);

    if (ngx_http_sector_cache_killed(mcf)) {
        return NGX_HTTP_SECTOR_CACHE_OFF;
    }

    if (lcf->flag != NGX_HTTP_SECTOR_CACHE_BY_VALUE) {
        return lcf->flag;
    }

    if (ngx_http_complex_value(r, lcf->flag_value, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        if (value.len == off[i].len
            && ngx_strncasecmp(value.data, off[i].data, value.len) == 0)
        {
            return NGX_HTTP_SECTOR_CACHE_OFF;
        }
    }

    if (value.len == 6
        && ngx_strncasecmp(value.data, (u_char *) "shadow", 6) == 0)
    {
        return NGX_HTTP_SECTOR_CACHE_SHADOW;
    }

    return value.len ? NGX_HTTP_SECTOR_CACHE_ON : NGX_HTTP_SECTOR_CACHE_OFF;
}
