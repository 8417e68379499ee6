/*
 * Everything is looked at and nothing changed: no fetch, no count, no hit.
 */

#include "ngx_http_sector_cache_entries.h"
#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_explain.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_sector.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source_info.h"
#include "ngx_http_sector_cache_trouble.h"


/* What is explained, and the text that it has not from elsewhere. */

typedef struct {
    sector_compose_explain_t            e;
    ngx_http_sector_cache_zone_t       *zone;
    ngx_str_t                          *symbol;
    sector_compose_gate_t              *gates;
    char                                error[SECTOR_FLIGHT_REASON_MAX];
} ngx_http_sector_cache_explained_t;


static void ngx_http_sector_cache_explain_entry(
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *symbol,
    sector_compose_explain_t *e);
static int64_t ngx_http_sector_cache_explain_time(uint64_t ms);
static ngx_int_t ngx_http_sector_cache_explain_routes(ngx_http_request_t *r,
    ngx_http_sector_cache_explained_t *x);
static ngx_int_t ngx_http_sector_cache_explain_route(ngx_http_request_t *r,
    ngx_http_sector_cache_location_t *api, ngx_str_t *symbol,
    sector_compose_route_t *route, ngx_uint_t *enabled);
static void ngx_http_sector_cache_explain_gate(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_explained_t *x);
static uint64_t ngx_http_sector_cache_explain_held(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_explained_t *x);


ngx_int_t
ngx_http_sector_cache_explain_handler(ngx_http_request_t *r, ngx_str_t *text)
{
    char                               *json;
    char                                name[SECTOR_SYMBOL_MAX + 1];
    size_t                              len;
    ngx_int_t                           rc;
    ngx_str_t                           symbol;
    ngx_http_sector_cache_zone_t       *zone;
    ngx_http_sector_cache_explained_t   x;

    if (sector_model_symbol((char *) text->data, text->len, name) != 0) {
        return ngx_http_sector_cache_invalid_symbol(r);
    }

    rc = ngx_http_sector_cache_entries_zone(r, &zone);

    if (rc != NGX_OK) {
        return ngx_http_sector_cache_entries_no_zone(r, rc);
    }

    symbol.data = (u_char *) name;
    symbol.len = ngx_strlen(name);

    ngx_memzero(&x, sizeof(ngx_http_sector_cache_explained_t));

    x.zone = zone;
    x.symbol = &symbol;
    x.e.symbol = name;
    x.e.namespace = (char *) zone->name.data;

    ngx_http_sector_cache_explain_entry(zone, &symbol, &x.e);

    if (ngx_http_sector_cache_explain_routes(r, &x) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    len = 0;
    json = sector_compose_explain(&x.e, &len);

    return ngx_http_sector_cache_send_text(r, NGX_HTTP_OK, NULL, json, len);
}


static void
ngx_http_sector_cache_explain_entry(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *symbol, sector_compose_explain_t *e)
{
    int64_t               ttl_s;
    sector_entry_t        entry;
    sector_store_view_t   view;

    if (ngx_http_sector_cache_entry_read(zone, symbol, &view, &entry)
        == SECTOR_STORE_NONE)
    {
        return;
    }

    e->entry.state = ngx_http_sector_cache_entries_state(&view);
    e->entry.bytes = view.value_bytes;
    e->entry.hits = view.hits;

    ngx_http_sector_cache_times(&view, &e->entry.age_s, &ttl_s);
    e->entry.ttl_s = (uint64_t) ngx_max(ttl_s, 0);

    e->stored_wall_ms = ngx_http_sector_cache_clock_wall(view.stored_ms);
    e->fresh_wall_ms = ngx_http_sector_cache_explain_time(view.fresh_until_ms);
    e->dead_wall_ms = ngx_http_sector_cache_explain_time(view.dead_at_ms);

    if (!view.negative && entry.quote_ms > 0) {
        e->quote_wall_ms = entry.quote_ms;
    }

    sector_store_read_end(&zone->store);
}


/* The wall clock's time of a monotonic one; 0: never. */

static int64_t
ngx_http_sector_cache_explain_time(uint64_t ms)
{
    return ms == UINT64_MAX ? 0 : ngx_http_sector_cache_clock_wall(ms);
}


/* The API locations that answer from this zone, and their sources. */

static ngx_int_t
ngx_http_sector_cache_explain_routes(ngx_http_request_t *r,
    ngx_http_sector_cache_explained_t *x)
{
    ngx_uint_t                          i, n, enabled;
    sector_compose_route_t             *routes;
    ngx_http_sector_cache_location_t   *api;
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_sector_cache_module);

    api = mcf->apis.elts;
    n = mcf->apis.nelts;

    routes = ngx_pcalloc(r->pool, n * sizeof(sector_compose_route_t));
    x->gates = ngx_pcalloc(r->pool,
                           mcf->sources.nelts * sizeof(sector_compose_gate_t));

    if (routes == NULL || x->gates == NULL) {
        return NGX_ERROR;
    }

    x->e.routes = routes;
    x->e.gates = x->gates;
    enabled = 0;

    for (i = 0; i < n; i++) {

        if (api[i].conf->sectors != x->zone) {
            continue;
        }

        if (ngx_http_sector_cache_explain_route(r, &api[i], x->symbol,
                                                &routes[x->e.n_routes++],
                                                &enabled)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_sector_cache_explain_gate(api[i].conf->fetch->source, x);

        if (api[i].conf->batch) {
            ngx_http_sector_cache_explain_gate(api[i].conf->batch->source, x);
        }
    }

    x->e.enabled = enabled;

    return NGX_OK;
}


/* A flag that is a variable's depends on the request that is explained, which
 * is not this one. */

static ngx_int_t
ngx_http_sector_cache_explain_route(ngx_http_request_t *r,
    ngx_http_sector_cache_location_t *api, ngx_str_t *symbol,
    sector_compose_route_t *route, ngx_uint_t *enabled)
{
    u_char     *name;
    ngx_int_t   flag;

    name = ngx_pnalloc(r->pool, api->name.len + 1);
    if (name == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(name, api->name.data, api->name.len + 1);

    flag = api->conf->flag;

    if (flag != NGX_HTTP_SECTOR_CACHE_BY_VALUE) {
        flag = ngx_http_sector_cache_enabled(r, api->conf);

        if (flag == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    route->location = (char *) name;
    route->source = (char *) api->conf->fetch->source->name.data;
    route->configured = api->conf->unknown
                        || ngx_http_sector_cache_find_symbol(api->conf,
                                                       (char *) symbol->data,
                                                       symbol->len)
                           != NULL;
    route->cache = flag == NGX_HTTP_SECTOR_CACHE_BY_VALUE ? "variable"
                   : flag == NGX_HTTP_SECTOR_CACHE_SHADOW ? "shadow"
                   : flag == NGX_HTTP_SECTOR_CACHE_ON ? "on" : "off";

    *enabled |= (route->configured && flag != NGX_HTTP_SECTOR_CACHE_OFF);

    return NGX_OK;
}


/* Each source once. */

static void
ngx_http_sector_cache_explain_gate(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_explained_t *x)
{
    ngx_uint_t                              i;
    sector_compose_gate_t                  *g;
    ngx_http_sector_cache_source_verdict_t  verdict;

    for (i = 0; i < x->e.n_gates; i++) {
        if (x->gates[i].name == (char *) source->name.data) {
            return;
        }
    }

    ngx_http_sector_cache_source_verdict(source, x->zone, x->symbol,
                                         &verdict);

    g = &x->gates[x->e.n_gates++];

    g->name = (char *) source->name.data;
    g->breaker = sector_breaker_name(verdict.state);
    g->breaker_s = (verdict.breaker_ms + 999) / 1000;
    g->rate_s = (verdict.rate_ms + 999) / 1000;
    g->held_s = (ngx_http_sector_cache_explain_held(source, x) + 999) / 1000;
    g->running = verdict.running;
    g->concurrency = source->concurrency;
    g->waiting = verdict.waiting;
    g->queue = source->queue;
    g->frozen = ngx_http_sector_cache_source_frozen(source);

    if (verdict.owner) {
        x->e.worker = verdict.owner;
        x->e.flight = verdict.flight == SECTOR_FLIGHT_WAITING ? "waiting"
                      : verdict.flight == SECTOR_FLIGHT_RIDING ? "riding"
                      : "running";
    }
}


/* What the source remembers of the symbol: the last error is the newest of all
 * sources'.  Returns how long it waits there. */

static uint64_t
ngx_http_sector_cache_explain_held(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_explained_t *x)
{
    uint64_t                   left_ms;
    sector_hold_slot_t         slot;
    sector_compose_explain_t  *e;

    e = &x->e;

    if (ngx_http_sector_cache_source_held(source, x->zone, x->symbol->data,
                                          x->symbol->len, &slot, &left_ms)
        != NGX_OK)
    {
        return 0;
    }

    if (slot.wall_ms && slot.wall_ms > e->error_wall_ms) {
        ngx_memcpy(x->error, slot.outcome.reason, SECTOR_FLIGHT_REASON_MAX);
        ngx_http_sector_cache_trouble_text(x->error,
                                           SECTOR_FLIGHT_REASON_MAX);

        e->error = x->error;
        e->error_status = slot.outcome.status;
        e->error_wall_ms = slot.wall_ms;
    }

    if (slot.missing > e->missing) {
        e->missing = slot.missing;
        e->missing_after = x->zone->missing_after;
    }

    return left_ms;
}
