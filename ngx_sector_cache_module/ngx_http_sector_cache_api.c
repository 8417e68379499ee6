#include "ngx_http_sector_cache_api.h"
#include "ngx_http_sector_cache_batch.h"
#include "ngx_http_sector_cache_detached.h"
#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_sampler.h"
#include "ngx_http_sector_cache_sector.h"
#include "ngx_http_sector_cache_snapshot.h"
#include "ngx_http_sector_cache_source_info.h"


static ngx_int_t ngx_http_sector_cache_symbols_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf);
static ngx_int_t ngx_http_sector_cache_health_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf);
static void ngx_http_sector_cache_health_source(
    ngx_http_sector_cache_source_t *source, sector_compose_state_t *state,
    sector_compose_source_t *one, ngx_uint_t memory);
static ngx_uint_t ngx_http_sector_cache_has_snapshot(
    ngx_http_sector_cache_loc_conf_t *lcf);
static ngx_uint_t ngx_http_sector_cache_servable(
    ngx_http_sector_cache_loc_conf_t *lcf);
static void ngx_http_sector_cache_count_servable(void *data, const void *key,
    size_t key_len, const sector_store_view_t *view);


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


/* GET /health: no fetch is made. */

static ngx_int_t
ngx_http_sector_cache_health_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    char                    *text;
    size_t                   len;
    ngx_int_t                enabled;
    ngx_uint_t               alert, memory;
    sector_compose_state_t   state;
    sector_compose_source_t  sources[2];

    enabled = ngx_http_sector_cache_enabled(r, lcf);
    if (enabled == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&state, sizeof(sector_compose_state_t));

    state.enabled = (enabled != NGX_HTTP_SECTOR_CACHE_OFF);
    state.servable = state.enabled ? ngx_http_sector_cache_servable(lcf) : 0;
    state.sources = sources;

    memory = state.servable
             || (state.enabled && ngx_http_sector_cache_has_snapshot(lcf));

    ngx_http_sector_cache_health_source(lcf->fetch->source, &state,
                                        &sources[0], memory);

    if (lcf->batch && lcf->batch->source != lcf->fetch->source) {
        ngx_http_sector_cache_health_source(lcf->batch->source, &state,
                                            &sources[1], memory);
    }

    state.has_alert = ngx_http_sector_cache_alert(&alert);
    state.alert = alert;

    if (alert) {
        state.health = ngx_max(state.health, SECTOR_COMPOSE_DEGRADED);
    }

    len = 0;
    text = sector_compose_health(&state, &len);

    return ngx_http_sector_cache_send_data(r,
                                     state.health == SECTOR_COMPOSE_UNHEALTHY
                                     ? NGX_HTTP_SERVICE_UNAVAILABLE
                                     : NGX_HTTP_OK,
                                     text, len);
}


/* Adds a source, and what it makes of the health where memory has something,
 * or nothing. */

static void
ngx_http_sector_cache_health_source(ngx_http_sector_cache_source_t *source,
    sector_compose_state_t *state, sector_compose_source_t *one,
    ngx_uint_t memory)
{
    uint64_t                 retry_after_ms;
    sector_breaker_state_e   breaker;
    sector_compose_health_e  health;

    ngx_memzero(one, sizeof(sector_compose_source_t));

    breaker = ngx_http_sector_cache_source_state(source, &retry_after_ms);

    one->name = (char *) source->name.data;
    one->breaker = sector_breaker_name(breaker);
    one->retry_after_s = (retry_after_ms + 999) / 1000;

    one->frozen = ngx_http_sector_cache_source_frozen(source);

    health = SECTOR_COMPOSE_HEALTHY;

    if (breaker == SECTOR_BREAKER_OPEN && !memory) {
        health = SECTOR_COMPOSE_UNHEALTHY;

    } else if (breaker != SECTOR_BREAKER_CLOSED || one->frozen) {
        health = SECTOR_COMPOSE_DEGRADED;
    }

    state->health = ngx_max(state->health, health);
    state->n_sources++;
}


/* How many of the configured symbols memory alone could answer for; where any
 * symbol is served and it has none of those, some others that it has. */

static ngx_uint_t
ngx_http_sector_cache_servable(ngx_http_sector_cache_loc_conf_t *lcf)
{
    uint64_t                         cursor;
    ngx_uint_t                       i, n;
    sector_store_t                  *store;
    sector_store_view_t              view;
    ngx_http_sector_cache_symbol_t  *s;

    store = &lcf->sectors->store;
    s = lcf->symbols->elts;
    n = 0;

    for (i = 0; i < lcf->symbols->nelts; i++) {
        if (sector_store_read(store, s[i].symbol, s[i].symbol_len,
                              ngx_current_msec, &view)
            != SECTOR_STORE_NONE)
        {
            n += !view.negative;
            sector_store_read_end(store);
        }
    }

    if (!lcf->unknown) {
        return n;
    }

    cursor = 0;

    while (n == 0) {
        cursor = sector_store_each(store, cursor, ngx_current_msec,
                                   ngx_http_sector_cache_count_servable, &n);
        if (cursor == 0) {
            break;
        }
    }

    return n;
}


/* Whether memory could answer /snapshot, be it in part. */

static ngx_uint_t
ngx_http_sector_cache_has_snapshot(ngx_http_sector_cache_loc_conf_t *lcf)
{
    ngx_uint_t            i;
    ngx_str_t            *keys[2];
    sector_store_t       *store;
    sector_store_view_t   view;

    if (lcf->snapshots == NULL) {
        return 0;
    }

    store = &lcf->snapshots->store;
    keys[0] = &lcf->snapshot;
    keys[1] = &lcf->partial;

    for (i = 0; i < 2; i++) {
        if (sector_store_read(store, keys[i]->data, keys[i]->len,
                              ngx_current_msec, &view)
            != SECTOR_STORE_NONE)
        {
            sector_store_read_end(store);
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_sector_cache_count_servable(void *data, const void *key,
    size_t key_len, const sector_store_view_t *view)
{
    ngx_uint_t  *n = data;

    *n += !view->negative;
}
