/*
 * A request for a symbol is answered from the zone where that is fresh, and
 * otherwise waits for a fetch.  It is counted once, when its outcome is
 * known, or when its client leaves before that.
 */

#include "ngx_http_sector_cache_api.h"
#include "ngx_http_sector_cache_detached.h"
#include "ngx_http_sector_cache_fetch.h"
#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source.h"
#include "ngx_http_sector_cache_variables.h"


/* What a request for a symbol came to. */

typedef enum {
    NGX_HTTP_SECTOR_CACHE_HIT = 0,
    NGX_HTTP_SECTOR_CACHE_MISS,
    NGX_HTTP_SECTOR_CACHE_EXPIRED,
    NGX_HTTP_SECTOR_CACHE_STALE,
    NGX_HTTP_SECTOR_CACHE_UPDATING,
    NGX_HTTP_SECTOR_CACHE_DISABLED,
    NGX_HTTP_SECTOR_CACHE_NEGATIVE
} ngx_http_sector_cache_outcome_e;


typedef struct {
    ngx_str_t                           variable;   /* $sector_cache_status */
    const char                         *json;       /* cacheStatus */
    sector_stat_e                       stat;
} ngx_http_sector_cache_outcome_t;


static const ngx_http_sector_cache_outcome_t
    ngx_http_sector_cache_outcomes[] =
{
    { ngx_string("HIT"), "hit", SECTOR_STAT_HIT },
    { ngx_string("MISS"), "miss", SECTOR_STAT_MISS },
    { ngx_string("EXPIRED"), "miss", SECTOR_STAT_MISS },
    { ngx_string("STALE"), "stale", SECTOR_STAT_STALE },
    { ngx_string("UPDATING"), "updating", SECTOR_STAT_UPDATING },
    { ngx_string("DISABLED"), "disabled", SECTOR_STAT_DISABLED },
    { ngx_string("NEGATIVE"), "negative", SECTOR_STAT_NEGATIVE }
};


/* The context of a request for a symbol. */

typedef struct {
    ngx_http_sector_cache_info_t        info;       /* must be the first */
    ngx_http_request_t                 *request;
    ngx_http_sector_cache_loc_conf_t   *conf;
    ngx_http_sector_cache_waiter_t      waiter;
    char                                symbol[SECTOR_SYMBOL_MAX + 1];
    unsigned                            enabled:1;
    unsigned                            expired:1;  /* found past its ttl */
    unsigned                            counted:1;
} ngx_http_sector_cache_ctx_t;


static ngx_int_t ngx_http_sector_cache_symbols_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf);
static ngx_int_t ngx_http_sector_cache_health_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf);
static ngx_uint_t ngx_http_sector_cache_servable(
    ngx_http_sector_cache_loc_conf_t *lcf);
static void ngx_http_sector_cache_count_servable(void *data, const void *key,
    size_t key_len, const sector_store_view_t *view);
static ngx_int_t ngx_http_sector_cache_sector_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_str_t *text);
static ngx_http_sector_cache_ctx_t *ngx_http_sector_cache_create_ctx(
    ngx_http_request_t *r, ngx_http_sector_cache_loc_conf_t *lcf,
    const char *symbol);
static void ngx_http_sector_cache_ctx_cleanup(void *data);
static ngx_int_t ngx_http_sector_cache_lookup(
    ngx_http_sector_cache_ctx_t *ctx);
static ngx_int_t ngx_http_sector_cache_serve(ngx_http_sector_cache_ctx_t *ctx,
    sector_store_view_t *view, ngx_http_sector_cache_outcome_e outcome);
static ngx_int_t ngx_http_sector_cache_fetch(ngx_http_sector_cache_ctx_t *ctx,
    ngx_http_sector_cache_waiter_t *waiter);
static ngx_int_t ngx_http_sector_cache_park(ngx_http_sector_cache_ctx_t *ctx);
static void ngx_http_sector_cache_resume(void *data,
    const ngx_http_sector_cache_answer_t *answer);
static ngx_int_t ngx_http_sector_cache_answer(ngx_http_sector_cache_ctx_t *ctx,
    const ngx_http_sector_cache_answer_t *answer);
static ngx_uint_t ngx_http_sector_cache_fetched(
    const ngx_http_sector_cache_answer_t *answer);
static ngx_int_t ngx_http_sector_cache_serve_stale(
    ngx_http_sector_cache_ctx_t *ctx);
static ngx_int_t ngx_http_sector_cache_answer_error(
    ngx_http_sector_cache_ctx_t *ctx,
    const ngx_http_sector_cache_answer_t *answer);
static ngx_int_t ngx_http_sector_cache_symbol_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *code, const char *symbol, const char *fmt,
    ...);
static void ngx_http_sector_cache_settle(ngx_http_sector_cache_ctx_t *ctx,
    ngx_http_sector_cache_outcome_e outcome);
static ngx_http_sector_cache_outcome_e ngx_http_sector_cache_missed(
    ngx_http_sector_cache_ctx_t *ctx);


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

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_sector_cache_path(r, &path) != NGX_OK || path.len < 2) {
        return ngx_http_sector_cache_send_not_found(r);
    }

    path.data++;
    path.len--;

    if (ngx_strlchr(path.data, path.data + path.len, '/')
        || (path.len == 8 && ngx_strncmp(path.data, "snapshot", 8) == 0))
    {
        return ngx_http_sector_cache_send_not_found(r);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_sector_cache_send_not_allowed(r);
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_sector_cache_module);

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
    char                            *text;
    size_t                           len;
    uint64_t                         retry_after_ms;
    ngx_int_t                        enabled;
    ngx_uint_t                       servable;
    sector_breaker_state_e           state;
    sector_compose_source_t          source;
    sector_compose_health_e          health;

    enabled = ngx_http_sector_cache_enabled(r, lcf);
    if (enabled == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    servable = enabled ? ngx_http_sector_cache_servable(lcf) : 0;

    state = ngx_http_sector_cache_source_state(lcf->fetch->source,
                                               &retry_after_ms);

    if (state == SECTOR_BREAKER_CLOSED) {
        health = SECTOR_COMPOSE_HEALTHY;

    } else if (state == SECTOR_BREAKER_OPEN && servable == 0) {
        health = SECTOR_COMPOSE_UNHEALTHY;

    } else {
        health = SECTOR_COMPOSE_DEGRADED;
    }

    ngx_memzero(&source, sizeof(sector_compose_source_t));
    source.name = (char *) lcf->fetch->source->name.data;
    source.breaker = sector_breaker_name(state);
    source.retry_after_s = (retry_after_ms + 999) / 1000;

    len = 0;
    text = sector_compose_health(health, &source, servable, &len);

    return ngx_http_sector_cache_send_data(r,
                                           health == SECTOR_COMPOSE_UNHEALTHY
                                           ? NGX_HTTP_SERVICE_UNAVAILABLE
                                           : NGX_HTTP_OK,
                                           text, len);
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


static void
ngx_http_sector_cache_count_servable(void *data, const void *key,
    size_t key_len, const sector_store_view_t *view)
{
    ngx_uint_t  *n = data;

    *n += !view->negative;
}


/* GET /{symbol} */

static ngx_int_t
ngx_http_sector_cache_sector_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_str_t *text)
{
    char                          symbol[SECTOR_SYMBOL_MAX + 1];
    ngx_int_t                     enabled;
    ngx_http_sector_cache_ctx_t  *ctx;

    if (sector_model_symbol((char *) text->data, text->len, symbol) != 0) {
        return ngx_http_sector_cache_symbol_error(r, NGX_HTTP_BAD_REQUEST,
                   "INVALID_SYMBOL", NULL,
                   "Invalid symbol, allowed: 1 to %d of A-Z 0-9 . - ^ =",
                   SECTOR_SYMBOL_MAX);
    }

    if (!lcf->unknown
        && ngx_http_sector_cache_find_symbol(lcf, symbol) == NULL)
    {
        return ngx_http_sector_cache_symbol_error(r, NGX_HTTP_NOT_FOUND,
                   "UNKNOWN_SYMBOL", symbol, "Symbol %s is not configured",
                   symbol);
    }

    enabled = ngx_http_sector_cache_enabled(r, lcf);
    if (enabled == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_sector_cache_create_ctx(r, lcf, symbol);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->enabled = enabled;

    return enabled ? ngx_http_sector_cache_lookup(ctx)
                   : ngx_http_sector_cache_park(ctx);
}


static ngx_http_sector_cache_ctx_t *
ngx_http_sector_cache_create_ctx(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, const char *symbol)
{
    ngx_http_cleanup_t           *cln;
    ngx_http_sector_cache_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_sector_cache_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_sector_cache_ctx_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ctx->conf = lcf;
    ctx->info.symbol.data = (u_char *) ctx->symbol;
    ctx->info.symbol.len = ngx_strlen(symbol);
    ctx->info.source = lcf->fetch->source;
    ngx_memcpy(ctx->symbol, symbol, ctx->info.symbol.len);

    ctx->waiter.handler = ngx_http_sector_cache_resume;
    ctx->waiter.data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_sector_cache_module);

    return ctx;
}


/* The request ends: it waits no longer, and is counted if it was not yet. */

static void
ngx_http_sector_cache_ctx_cleanup(void *data)
{
    ngx_http_sector_cache_ctx_t *ctx = data;

    ngx_http_sector_cache_fetch_leave(&ctx->waiter);

    if (!ctx->counted) {
        ngx_http_sector_cache_settle(ctx, ngx_http_sector_cache_missed(ctx));
    }
}


/* Answers from memory, or waits. */

static ngx_int_t
ngx_http_sector_cache_lookup(ngx_http_sector_cache_ctx_t *ctx)
{
    ngx_int_t                        rc;
    sector_store_t                  *store;
    sector_store_view_t              view;
    sector_store_state_e             state;
    ngx_http_sector_cache_answer_t   answer;

    store = &ctx->conf->sectors->store;

    state = sector_store_read(store, ctx->symbol, ctx->info.symbol.len,
                              ngx_current_msec, &view);

    switch (state) {

    case SECTOR_STORE_FRESH:

        if (view.negative) {
            sector_store_read_end(store);
            ngx_http_sector_cache_settle(ctx, NGX_HTTP_SECTOR_CACHE_NEGATIVE);

            ngx_memzero(&answer, sizeof(ngx_http_sector_cache_answer_t));
            ngx_http_sector_cache_fetch_not_found(ctx->request->pool, &answer,
                                                  ctx->symbol,
                                                  ctx->info.source);

            return ngx_http_sector_cache_answer_error(ctx, &answer);
        }

        return ngx_http_sector_cache_serve(ctx, &view,
                                           NGX_HTTP_SECTOR_CACHE_HIT);

    case SECTOR_STORE_REFRESH:
        rc = ngx_http_sector_cache_serve(ctx, &view,
                                         NGX_HTTP_SECTOR_CACHE_UPDATING);

        /* without memory for a refresh the next request tries again */

        (void) ngx_http_sector_cache_fetch(ctx, NULL);

        return rc;

    case SECTOR_STORE_STALE:
        sector_store_read_end(store);
        ctx->expired = 1;
        break;

    default: /* SECTOR_STORE_NONE */
        break;
    }

    sector_store_note_miss(store, ctx->symbol, ctx->info.symbol.len);

    return ngx_http_sector_cache_park(ctx);
}


/* Sends what a read has found, and ends the read. */

static ngx_int_t
ngx_http_sector_cache_serve(ngx_http_sector_cache_ctx_t *ctx,
    sector_store_view_t *view, ngx_http_sector_cache_outcome_e outcome)
{
    int64_t                 age_ms;
    uint64_t                now;
    ngx_buf_t              *b;
    sector_compose_meta_t   meta;

    now = ngx_current_msec;

    age_ms = (int64_t) (now - view->stored_ms);

    ctx->info.age_s = age_ms > 0 ? (uint64_t) age_ms / 1000 : 0;
    ctx->info.has_age = 1;

    meta.cache_status = ngx_http_sector_cache_outcomes[outcome].json;
    meta.source = (char *) ctx->conf->fetch->source->name.data;
    meta.age_s = ctx->info.age_s;
    meta.ttl_s = view->fresh_until_ms > now
                 ? (view->fresh_until_ms - now) / 1000 : 0;
    meta.wall_ms = ngx_http_sector_cache_wall_ms();
    meta.cached = 1;
    meta.partial = 0;

    b = ngx_http_sector_cache_envelope(ctx->request, view->value,
                                       view->value_bytes, &meta);

    sector_store_read_end(&ctx->conf->sectors->store);

    ngx_http_sector_cache_settle(ctx, outcome);

    return ngx_http_sector_cache_send(ctx->request, NGX_HTTP_OK, b);
}


/* Asks for a fetch, for a waiter or, if that is NULL, for nobody. */

static ngx_int_t
ngx_http_sector_cache_fetch(ngx_http_sector_cache_ctx_t *ctx,
    ngx_http_sector_cache_waiter_t *waiter)
{
    ngx_http_sector_cache_wanted_t  wanted;

    wanted.conf = ctx->conf;
    wanted.server = ngx_http_get_module_srv_conf(ctx->request,
                                                 ngx_http_core_module);
    wanted.symbol = ctx->symbol;
    wanted.shared = ctx->enabled;
    wanted.force = 0;

    return ngx_http_sector_cache_fetch_join(&wanted, waiter);
}


/* Waits for a fetch; a client that leaves meanwhile is noticed. */

static ngx_int_t
ngx_http_sector_cache_park(ngx_http_sector_cache_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    if (r == r->main && !r->discard_body) {
        if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        r->read_event_handler = ngx_http_test_reading;
    }

    if (ngx_http_sector_cache_fetch(ctx, &ctx->waiter) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->write_event_handler = ngx_http_request_empty_handler;
    r->main->count++;

    return NGX_DONE;
}


/* The fetch has ended. */

static void
ngx_http_sector_cache_resume(void *data,
    const ngx_http_sector_cache_answer_t *answer)
{
    ngx_int_t                     rc;
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_sector_cache_ctx_t  *ctx;

    ctx = data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_sector_cache_answer(ctx, answer);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_sector_cache_answer(ngx_http_sector_cache_ctx_t *ctx,
    const ngx_http_sector_cache_answer_t *answer)
{
    ngx_int_t                         rc;
    sector_compose_meta_t             meta;
    ngx_http_sector_cache_outcome_e   outcome;

    ctx->info.fetch_ms = answer->elapsed_ms;
    ctx->info.has_fetch = ngx_http_sector_cache_fetched(answer);

    outcome = ngx_http_sector_cache_missed(ctx);

    if (answer->memory) {
        outcome = (answer->result == NGX_HTTP_SECTOR_CACHE_FETCH_OK)
                  ? NGX_HTTP_SECTOR_CACHE_HIT
                  : NGX_HTTP_SECTOR_CACHE_NEGATIVE;
    }

    if (answer->result == NGX_HTTP_SECTOR_CACHE_FETCH_OK) {
        meta.cache_status = ngx_http_sector_cache_outcomes[outcome].json;
        meta.source = (char *) ctx->conf->fetch->source->name.data;
        meta.age_s = answer->age_ms / 1000;
        meta.ttl_s = answer->ttl_ms / 1000;
        meta.wall_ms = ngx_http_sector_cache_wall_ms();
        meta.cached = answer->memory;
        meta.partial = 0;

        ctx->info.age_s = meta.age_s;
        ctx->info.has_age = 1;
        ngx_http_sector_cache_settle(ctx, outcome);

        return ngx_http_sector_cache_send(ctx->request, NGX_HTTP_OK,
                   ngx_http_sector_cache_envelope(ctx->request,
                                                  answer->data.data,
                                                  answer->data.len, &meta));
    }

    if (ctx->enabled
        && answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND)
    {
        rc = ngx_http_sector_cache_serve_stale(ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    ngx_http_sector_cache_settle(ctx, outcome);

    return ngx_http_sector_cache_answer_error(ctx, answer);
}


/* Whether a call of the upstream was waited for. */

static ngx_uint_t
ngx_http_sector_cache_fetched(const ngx_http_sector_cache_answer_t *answer)
{
    return !answer->memory
           && answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_OPEN
           && answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_FULL
           && answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED;
}


/* Serves what memory has in place of an error; NGX_DECLINED if nothing. */

static ngx_int_t
ngx_http_sector_cache_serve_stale(ngx_http_sector_cache_ctx_t *ctx)
{
    sector_store_t         *store;
    sector_store_view_t     view;
    sector_store_state_e    state;

    store = &ctx->conf->sectors->store;

    state = sector_store_read(store, ctx->symbol, ctx->info.symbol.len,
                              ngx_current_msec, &view);

    if (state == SECTOR_STORE_NONE) {
        return NGX_DECLINED;
    }

    if (view.negative) {
        sector_store_read_end(store);
        return NGX_DECLINED;
    }

    /* another worker may have stored it meanwhile */

    return ngx_http_sector_cache_serve(ctx, &view,
                                       state == SECTOR_STORE_FRESH
                                       ? NGX_HTTP_SECTOR_CACHE_HIT
                                       : NGX_HTTP_SECTOR_CACHE_STALE);
}


/* Which error a fetch without a result is for the client. */

static ngx_int_t
ngx_http_sector_cache_answer_error(ngx_http_sector_cache_ctx_t *ctx,
    const ngx_http_sector_cache_answer_t *answer)
{
    ngx_http_sector_cache_error_t  error;

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.text = (char *) answer->reason.data;
    error.symbol = ctx->symbol;
    error.source = (char *) ctx->conf->fetch->source->name.data;

    switch (answer->result) {

    case NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND:
        error.status = NGX_HTTP_NOT_FOUND;
        error.code = "UNKNOWN_SYMBOL";
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_FAILED:
        error.status = NGX_HTTP_BAD_GATEWAY;
        error.code = "UPSTREAM_ERROR";
        error.upstream_status = answer->upstream_status;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_INVALID:
        error.status = NGX_HTTP_BAD_GATEWAY;
        error.code = "UPSTREAM_INVALID";
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT:
        error.status = NGX_HTTP_GATEWAY_TIME_OUT;
        error.code = "UPSTREAM_TIMEOUT";
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_OPEN:
        error.status = NGX_HTTP_SERVICE_UNAVAILABLE;
        error.code = "SECTOR_API_CIRCUIT_OPEN";
        error.retry_after_s = (answer->retry_after_ms + 999) / 1000;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_FULL:
        error.status = NGX_HTTP_SERVICE_UNAVAILABLE;
        error.code = "FETCH_QUEUE_FULL";
        error.retry_after_s = 1;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED:
        error.status = NGX_HTTP_SERVICE_UNAVAILABLE;
        error.code = "RATE_LIMITED";
        error.retry_after_s = (answer->retry_after_ms + 999) / 1000;
        break;

    default: /* NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED */
        error.status = NGX_HTTP_SERVICE_UNAVAILABLE;
        error.code = "NO_DATA";
        error.retry_after_s = 1;
        break;
    }

    return ngx_http_sector_cache_send_error(ctx->request, &error);
}


/* An error about a symbol, which is NULL where it is none. */

static ngx_int_t
ngx_http_sector_cache_symbol_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *symbol, const char *fmt, ...)
{
    u_char                         text[256], *last;
    va_list                        args;
    ngx_http_sector_cache_error_t  error;

    va_start(args, fmt);
    last = ngx_vslprintf(text, text + sizeof(text) - 1, fmt, args);
    va_end(args);

    *last = '\0';

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.status = status;
    error.code = code;
    error.text = (char *) text;
    error.symbol = symbol;

    return ngx_http_sector_cache_send_error(r, &error);
}


/* The outcome is known: it is counted, once, and said by the variable. */

static void
ngx_http_sector_cache_settle(ngx_http_sector_cache_ctx_t *ctx,
    ngx_http_sector_cache_outcome_e outcome)
{
    sector_store_t  *store;

    store = &ctx->conf->sectors->store;

    ctx->counted = 1;
    ctx->info.status = ngx_http_sector_cache_outcomes[outcome].variable;

    sector_store_count(store, ngx_http_sector_cache_outcomes[outcome].stat);

    if (outcome == NGX_HTTP_SECTOR_CACHE_EXPIRED) {
        sector_store_count(store, SECTOR_STAT_EXPIRED);
    }
}


/* The outcome of a request that memory did not answer. */

static ngx_http_sector_cache_outcome_e
ngx_http_sector_cache_missed(ngx_http_sector_cache_ctx_t *ctx)
{
    if (!ctx->enabled) {
        return NGX_HTTP_SECTOR_CACHE_DISABLED;
    }

    return ctx->expired ? NGX_HTTP_SECTOR_CACHE_EXPIRED
                        : NGX_HTTP_SECTOR_CACHE_MISS;
}
