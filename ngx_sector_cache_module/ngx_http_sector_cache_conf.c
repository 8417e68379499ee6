/*
 * The directives of a location, and how they are inherited.  Those of the
 * http block, sector_cache_zone and sector_cache_source, are in
 * ngx_http_sector_cache_conf_main.c.
 *
 * A location may name zones and sources that are declared further below, so
 * names become pointers in the merge, when all of the http block was read.
 */

#include "ngx_http_sector_cache_conf.h"
#include "ngx_http_sector_cache_api.h"
#include "ngx_http_sector_cache_status.h"


static char *ngx_http_sector_cache_conf_symbol(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static ngx_int_t ngx_http_sector_cache_symbol_name(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_array_t *ngx_http_sector_cache_default_symbols(ngx_conf_t *cf);
static ngx_int_t ngx_http_sector_cache_conf_format(ngx_conf_t *cf,
    ngx_str_t *arg, sector_format_e *format);
static char *ngx_http_sector_cache_conf_handler(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_handler_pt handler);
static char *ngx_http_sector_cache_merge_fetch(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf);
static char *ngx_http_sector_cache_merge_api(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf);
static void ngx_http_sector_cache_check_shared(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf);


typedef struct {
    const char                         *symbol;
    ngx_str_t                           name;
    ngx_uint_t                          benchmark;
} ngx_http_sector_cache_default_symbol_t;


/* The Select Sector SPDR funds, and the index they are measured against. */

static ngx_http_sector_cache_default_symbol_t
    ngx_http_sector_cache_defaults[] =
{
    { "XLK", ngx_string("Technology"), 0 },
    { "XLV", ngx_string("Health Care"), 0 },
    { "XLF", ngx_string("Financials"), 0 },
    { "XLY", ngx_string("Consumer Discretionary"), 0 },
    { "XLC", ngx_string("Communication Services"), 0 },
    { "XLI", ngx_string("Industrials"), 0 },
    { "XLP", ngx_string("Consumer Staples"), 0 },
    { "XLE", ngx_string("Energy"), 0 },
    { "XLU", ngx_string("Utilities"), 0 },
    { "XLRE", ngx_string("Real Estate"), 0 },
    { "XLB", ngx_string("Materials"), 0 },
    { "SPY", ngx_string("S&P 500"), 1 },
    { NULL, ngx_null_string, 0 }
};


void *
ngx_http_sector_cache_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_sector_cache_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_sector_cache_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->unknown = NGX_CONF_UNSET_UINT;
    conf->flag = NGX_CONF_UNSET_UINT;

    return conf;
}


char *
ngx_http_sector_cache_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_sector_cache_loc_conf_t *prev = parent;
    ngx_http_sector_cache_loc_conf_t *conf = child;

    char                      *rv;
    ngx_http_core_loc_conf_t  *clcf;

    if (prev->symbols == NULL) {
        prev->symbols = ngx_http_sector_cache_default_symbols(cf);
        if (prev->symbols == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->symbols == NULL) {
        conf->symbols = prev->symbols;
    }

    ngx_conf_merge_uint_value(conf->unknown, prev->unknown, 0);

    if (conf->flag == NGX_CONF_UNSET_UINT) {
        conf->flag_value = prev->flag_value;
    }

    ngx_conf_merge_uint_value(conf->flag, prev->flag,
                              NGX_HTTP_SECTOR_CACHE_ON);

    if (conf->fetch == NULL) {
        conf->fetch = prev->fetch;
    }

    rv = ngx_http_sector_cache_merge_fetch(cf, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* an "if" or "limit_except" inside the location is that location; nginx
     * takes the content handler along only for the "if" */

    if (clcf->noname && prev->handler) {
        conf->handler = prev->handler;

        if (clcf->lmt_excpt) {
            clcf->handler = prev->handler;
        }
    }

    if (clcf->noname && prev->api) {
        conf->api = 1;
        conf->sectors_name = prev->sectors_name;
        conf->snapshots_name = prev->snapshots_name;
        conf->place = prev->place;
    }

    return conf->api ? ngx_http_sector_cache_merge_api(cf, conf) : NGX_CONF_OK;
}


/* Finds the source that sector_cache_fetch names. */

static char *
ngx_http_sector_cache_merge_fetch(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf)
{
    ngx_http_sector_cache_main_conf_t   *mcf;
    ngx_http_sector_cache_fetch_conf_t  *fetch;

    fetch = conf->fetch;

    if (fetch == NULL || fetch->source) {
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sector_cache_module);

    fetch->source = ngx_http_sector_cache_find_source(mcf,
                                                      &fetch->source_name);
    if (fetch->source == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown source \"%V\" in \"sector_cache_fetch\", "
                      "declare it by \"sector_cache_source\" in %V:%ui",
                      &fetch->source_name, &fetch->place.file,
                      fetch->place.line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* Finds the zones of an API location and checks that it has a fetch. */

static char *
ngx_http_sector_cache_merge_api(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf)
{
    ngx_str_t                          *missing;
    ngx_http_sector_cache_location_t   *location;
    ngx_http_sector_cache_main_conf_t  *mcf;

    static ngx_str_t  sectors = ngx_string("sectors");
    static ngx_str_t  snapshots = ngx_string("snapshots");

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sector_cache_module);

    missing = NULL;

    conf->sectors = ngx_http_sector_cache_find_zone(mcf,
                        conf->sectors_name.len ? &conf->sectors_name
                                               : &sectors);
    conf->snapshots = ngx_http_sector_cache_find_zone(mcf,
                          conf->snapshots_name.len ? &conf->snapshots_name
                                                   : &snapshots);

    if (conf->snapshots == NULL && conf->snapshots_name.len) {
        missing = &conf->snapshots_name;
    }

    if (conf->sectors == NULL) {
        missing = conf->sectors_name.len ? &conf->sectors_name : &sectors;
    }

    if (missing) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown zone \"%V\" in \"sector_cache_api\", "
                      "declare it by \"sector_cache_zone\" in %V:%ui",
                      missing, &conf->place.file, conf->place.line);
        return NGX_CONF_ERROR;
    }

    if (conf->fetch == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"sector_cache_fetch\" is defined for "
                      "\"sector_cache_api\" in %V:%ui",
                      &conf->place.file, conf->place.line);
        return NGX_CONF_ERROR;
    }

    location = ngx_array_push(&conf->fetch->source->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    location->conf = conf;
    location->server = ngx_http_conf_get_module_srv_conf(cf,
                                                         ngx_http_core_module);

    ngx_http_sector_cache_check_shared(cf, conf);

    if (mcf->sectors == NULL) {
        mcf->sectors = conf->sectors;
        mcf->snapshots = conf->snapshots;
    }

    if (conf->flag != NGX_HTTP_SECTOR_CACHE_OFF) {
        mcf->enabled++;
    }

    return NGX_CONF_OK;
}


/* A zone has one entry for a symbol, whoever fetched it: warns where two
 * locations with one zone fetch from different places. */

static void
ngx_http_sector_cache_check_shared(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf)
{
    ngx_http_sector_cache_fetch_conf_t  *first, *fetch;

    first = conf->sectors->fetch;
    fetch = conf->fetch;

    if (first == NULL) {
        conf->sectors->fetch = fetch;
        return;
    }

    if (first->source == fetch->source && first->format == fetch->format
        && first->uri.value.len == fetch->uri.value.len
        && ngx_memcmp(first->uri.value.data, fetch->uri.value.data,
                      fetch->uri.value.len)
           == 0)
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "zone \"%V\" is shared by locations with different "
                  "\"sector_cache_fetch\", each is answered with what any of "
                  "them fetched, in %V:%ui and %V:%ui",
                  &conf->sectors->name, &first->place.file, first->place.line,
                  &fetch->place.file, fetch->place.line);
}


static ngx_array_t *
ngx_http_sector_cache_default_symbols(ngx_conf_t *cf)
{
    ngx_array_t                             *symbols;
    ngx_http_sector_cache_symbol_t          *s;
    ngx_http_sector_cache_default_symbol_t  *d;

    symbols = ngx_array_create(cf->pool, 12,
                               sizeof(ngx_http_sector_cache_symbol_t));
    if (symbols == NULL) {
        return NULL;
    }

    for (d = ngx_http_sector_cache_defaults; d->symbol; d++) {
        s = ngx_array_push(symbols);
        if (s == NULL) {
            return NULL;
        }

        s->symbol_len = ngx_strlen(d->symbol);
        ngx_memcpy(s->symbol, d->symbol, s->symbol_len + 1);
        s->name = d->name;
        s->benchmark = d->benchmark;
    }

    return symbols;
}


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
                           "allowed: 1 to %d of A-Z 0-9 . - ^ =",
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


/* sector_cache on | off | $variable */

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

    if (ngx_http_script_variables_count(&args[1]) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"%V\", "
                           "allowed: on, off or a variable",
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

    ngx_str_t                           *args;
    ngx_http_compile_complex_value_t     ccv;
    ngx_http_sector_cache_fetch_conf_t  *fetch;

    if (lcf->fetch) {
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

    if (cf->args->nelts == 4
        && ngx_http_sector_cache_conf_format(cf, &args[3], &fetch->format)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &args[2];
    ccv.complex_value = &fetch->uri;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    lcf->fetch = fetch;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_sector_cache_conf_format(ngx_conf_t *cf, ngx_str_t *arg,
    sector_format_e *format)
{
    ngx_uint_t   i;
    ngx_str_t   *args;

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

    args = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"%V\", allowed: "
                       "format=sector, format=yahoo_chart, format=yahoo_quote",
                       arg, &args[0]);

    return NGX_ERROR;
}


/* sector_cache_api [sectors=ZONE] [snapshots=ZONE] */

char *
ngx_http_sector_cache_conf_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    size_t       prefix;
    ngx_str_t   *args, *name;
    ngx_uint_t   i;

    if (lcf->api) {
        return "is duplicate";
    }

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
            return NGX_CONF_ERROR;
        }

        name->data = args[i].data + prefix;
        name->len = args[i].len - prefix;
    }

    lcf->api = 1;
    lcf->place.file = cf->conf_file->file.name;
    lcf->place.line = cf->conf_file->line;

    return ngx_http_sector_cache_conf_handler(cf, lcf,
                                          ngx_http_sector_cache_api_handler);
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

static char *
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
    const char *symbol)
{
    ngx_uint_t                       i;
    ngx_http_sector_cache_symbol_t  *s;

    s = lcf->symbols->elts;

    for (i = 0; i < lcf->symbols->nelts; i++) {
        if (ngx_strcmp(s[i].symbol, symbol) == 0) {
            return &s[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_sector_cache_enabled(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    ngx_str_t    value;
    ngx_uint_t   i;

    static ngx_str_t  off[] = {
        ngx_string("0"),
        ngx_string("off"),
        ngx_string("false"),
        ngx_string("no")
    };

    if (lcf->flag != NGX_HTTP_SECTOR_CACHE_BY_VALUE) {
        return lcf->flag == NGX_HTTP_SECTOR_CACHE_ON;
    }

    if (ngx_http_complex_value(r, lcf->flag_value, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        if (value.len == off[i].len
            && ngx_strncasecmp(value.data, off[i].data, value.len) == 0)
        {
            return 0;
        }
    }

    return value.len != 0;
}
