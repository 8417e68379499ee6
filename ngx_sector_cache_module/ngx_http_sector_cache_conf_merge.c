/*
 * The configuration of a location: its defaults, and how it is inherited.
 *
 * A location may name zones and sources that are declared further below, so
 * names become pointers in the merge, when all of the http block was read.
 */

#include "ngx_http_sector_cache_admin.h"


static char *ngx_http_sector_cache_merge_fetch(ngx_conf_t *cf,
    ngx_http_sector_cache_fetch_conf_t *fetch);
static char *ngx_http_sector_cache_merge_api(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf);
static ngx_int_t ngx_http_sector_cache_merge_zones(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf);
static ngx_int_t ngx_http_sector_cache_merge_location(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf, ngx_array_t *locations);
static ngx_int_t ngx_http_sector_cache_merge_snapshot(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf);
static ngx_uint_t ngx_http_sector_cache_are_default(ngx_array_t *symbols);
static void ngx_http_sector_cache_check_shared(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf);
static ngx_array_t *ngx_http_sector_cache_default_symbols(ngx_conf_t *cf);


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
    conf->bypass = NGX_CONF_UNSET_PTR;
    conf->envelope = NGX_CONF_UNSET;
    conf->gzip = NGX_CONF_UNSET;
    conf->admin_keys = NGX_CONF_UNSET_PTR;

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

    ngx_conf_merge_ptr_value(conf->bypass, prev->bypass, NULL);
    ngx_conf_merge_value(conf->envelope, prev->envelope, 1);
    ngx_conf_merge_value(conf->gzip, prev->gzip, 0);

    if (conf->admin_keys == NGX_CONF_UNSET_PTR) {
        conf->admin_keys = prev->admin_keys;
    }

    if (conf->fetch == NULL) {
        conf->fetch = prev->fetch;
    }

    if (conf->batch == NULL) {
        conf->batch = prev->batch;
    }

    rv = ngx_http_sector_cache_merge_fetch(cf, conf->fetch);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_sector_cache_merge_fetch(cf, conf->batch);
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

    if (clcf->noname && (prev->api || prev->admin)) {
        conf->api = prev->api;
        conf->admin = prev->admin;
        conf->sectors_name = prev->sectors_name;
        conf->snapshots_name = prev->snapshots_name;
        conf->place = prev->place;
    }

    return conf->api ? ngx_http_sector_cache_merge_api(cf, conf)
           : conf->admin ? ngx_http_sector_cache_merge_admin(cf, conf)
           : NGX_CONF_OK;
}


/* Finds the source that sector_cache_fetch or ..._batch names. */

static char *
ngx_http_sector_cache_merge_fetch(ngx_conf_t *cf,
    ngx_http_sector_cache_fetch_conf_t *fetch)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    if (fetch == NULL || fetch->source) {
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sector_cache_module);

    fetch->source = ngx_http_sector_cache_find_source(mcf,
                                                      &fetch->source_name);
    if (fetch->source == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown source \"%V\" in \"sector_cache_fetch%s\", "
                      "declare it by \"sector_cache_source\" in %V:%ui",
                      &fetch->source_name, fetch->max ? "_batch" : "",
                      &fetch->place.file,
                      fetch->place.line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* Of an API location: its zones, its fetch, and the lists that it is on. */

static char *
ngx_http_sector_cache_merge_api(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sector_cache_module);

    if (ngx_http_sector_cache_merge_zones(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    conf->tails = ngx_pcalloc(cf->pool, SECTOR_COMPOSE_TAILS
                                        * sizeof(sector_compose_tail_t));
    if (conf->tails == NULL) {
        return NGX_CONF_ERROR;
    }

    if (conf->fetch == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"sector_cache_fetch\" is defined for "
                      "\"sector_cache_api\" in %V:%ui",
                      &conf->place.file, conf->place.line);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sector_cache_merge_location(cf, conf, &mcf->apis) != NGX_OK
        || ngx_http_sector_cache_merge_location(cf, conf,
                                             &conf->fetch->source->locations)
           != NGX_OK
        || (conf->batch && conf->batch->source != conf->fetch->source
            && ngx_http_sector_cache_merge_location(cf, conf,
                                             &conf->batch->source->locations)
               != NGX_OK)
        || ngx_http_sector_cache_merge_snapshot(cf, conf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->gzip) {
        conf->sectors->gzip = 1;

        if (conf->snapshots) {
            conf->snapshots->gzip = 1;
        }
    }

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


/* The zones by their names, or by those that they have where none is said;
 * one for snapshots need not be there then. */

static ngx_int_t
ngx_http_sector_cache_merge_zones(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf)
{
    ngx_str_t                          *missing;
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

    if (conf->snapshots) {
        conf->snapshots->snapshots = 1;

    } else if (conf->snapshots_name.len) {
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
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* A source knows the locations that fetch from it, and the whole module all of
 * them. */

static ngx_int_t
ngx_http_sector_cache_merge_location(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf, ngx_array_t *locations)
{
    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_sector_cache_location_t  *location;

    location = ngx_array_push(locations);
    if (location == NULL) {
        return NGX_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    location->name = clcf->name;
    location->conf = conf;
    location->server = ngx_http_conf_get_module_srv_conf(cf,
                                                         ngx_http_core_module);

    return NGX_OK;
}


/* A zone has a snapshot for each list of symbols and namespace of sectors, and
 * that of the default ones has the plain key.  They alone make the key: what a
 * zone or its file holds from before a reload or a restart is for the same, or
 * for none. */

static ngx_int_t
ngx_http_sector_cache_merge_snapshot(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf)
{
    u_char                          *p;
    uint32_t                         hash;
    ngx_uint_t                       i, plain;
    ngx_http_sector_cache_symbol_t  *s;

    static ngx_str_t  sectors = ngx_string("sectors");

    ngx_str_set(&conf->snapshot, "snapshot");
    ngx_str_set(&conf->partial, "snapshot:partial");

    plain = (conf->sectors->name.len == sectors.len
             && ngx_memcmp(conf->sectors->name.data, sectors.data,
                           sectors.len)
                == 0);

    if (conf->snapshots == NULL
        || (plain && ngx_http_sector_cache_are_default(conf->symbols)))
    {
        return NGX_OK;
    }

    ngx_crc32_init(hash);
    s = conf->symbols->elts;

    for (i = 0; i < conf->symbols->nelts; i++) {
        ngx_crc32_update(&hash, (u_char *) s[i].symbol, s[i].symbol_len + 1);
        ngx_crc32_update(&hash, s[i].name.data, s[i].name.len);
        ngx_crc32_update(&hash, (u_char *) (s[i].benchmark ? "!" : "."), 1);
    }

    if (!plain) {
        ngx_crc32_update(&hash, conf->sectors->name.data,
                         conf->sectors->name.len);
    }

    ngx_crc32_final(hash);

    p = ngx_pnalloc(cf->pool, 2 * sizeof("snapshot:partial:ffffffff"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    conf->snapshot.data = p;
    p = ngx_sprintf(p, "snapshot:%08xD", hash);
    conf->snapshot.len = p - conf->snapshot.data;

    conf->partial.data = p;
    p = ngx_sprintf(p, "snapshot:partial:%08xD", hash);
    conf->partial.len = p - conf->partial.data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_sector_cache_are_default(ngx_array_t *symbols)
{
    ngx_uint_t                               i;
    ngx_http_sector_cache_symbol_t          *s;
    ngx_http_sector_cache_default_symbol_t  *d;

    s = symbols->elts;
    d = ngx_http_sector_cache_defaults;

    for (i = 0; i < symbols->nelts; i++) {
        if (d[i].symbol == NULL
            || ngx_strcmp(s[i].symbol, d[i].symbol) != 0
            || s[i].benchmark != d[i].benchmark
            || s[i].name.len != d[i].name.len
            || ngx_memcmp(s[i].name.data, d[i].name.data, d[i].name.len) != 0)
        {
            return 0;
        }
    }

    return d[i].symbol == NULL;
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
