/*
 * A fetch has a pool of its own, which lives until the fetch has been
 * answered and every waiter has had the answer.  Shared fetches, those of a
 * cache that is on, are found by their symbol in the zone's tree of flights;
 * with the cache off each request has a fetch of its own.
 *
 * A fetch begins from a posted event, never inside the call that asks for it,
 * so that a client's request is never on the stack when its answer comes.
 *
 * It ends in ngx_http_sector_cache_fetch_end(), whatever happened: there the
 * breaker is told, the outcome is counted and logged, and all waiters are
 * called.  Only a good answer, or a definite "no such symbol", is stored; a
 * fetch that fails in any way touches nothing that is stored.
 */

#include "ngx_http_sector_cache_fetch.h"
#include "ngx_http_sector_cache_detached.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source.h"
#include "ngx_http_sector_cache_variables.h"


#define NGX_HTTP_SECTOR_CACHE_REASON_MAX  512


struct ngx_http_sector_cache_fetch_s {
    ngx_str_node_t                      node;       /* in zone->flights */
    ngx_pool_t                         *pool;
    ngx_uint_t                          refs;       /* itself, its waiters */
    ngx_queue_t                         waiters;

    ngx_http_sector_cache_loc_conf_t   *conf;
    ngx_http_core_srv_conf_t           *server;
    ngx_http_sector_cache_zone_t       *zone;
    ngx_http_sector_cache_source_t     *source;
    ngx_http_sector_cache_info_t        info;
    char                                symbol[SECTOR_SYMBOL_MAX + 1];

    ngx_event_t                         start;      /* posted */
    ngx_event_t                         timeout;    /* timer */
    ngx_msec_t                          started_ms;
    sector_breaker_permit_t             permit;
    ngx_http_sector_cache_detached_t   *detached;   /* while it runs */

    ngx_http_sector_cache_answer_t      answer;

    unsigned                            shared:1;
    unsigned                            permitted:1;
};


static ngx_http_sector_cache_fetch_t *ngx_http_sector_cache_fetch_find(
    ngx_http_sector_cache_wanted_t *wanted);
static ngx_http_sector_cache_fetch_t *ngx_http_sector_cache_fetch_create(
    ngx_http_sector_cache_wanted_t *wanted);
static void ngx_http_sector_cache_fetch_start(ngx_event_t *ev);
static ngx_int_t ngx_http_sector_cache_fetch_run(
    ngx_http_sector_cache_fetch_t *f);
static ngx_http_sector_cache_info_t *ngx_http_sector_cache_fetch_info(
    ngx_http_sector_cache_fetch_t *f, ngx_pool_t *pool);
static void ngx_http_sector_cache_fetch_timeout(ngx_event_t *ev);
static void ngx_http_sector_cache_fetch_done(
    ngx_http_sector_cache_detached_t *d);
static void ngx_http_sector_cache_fetch_judge(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d);
static void ngx_http_sector_cache_fetch_judge_body(
    ngx_http_sector_cache_fetch_t *f, ngx_http_sector_cache_detached_t *d);
static void ngx_http_sector_cache_fetch_parse(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d);
static void ngx_http_sector_cache_fetch_store(ngx_http_sector_cache_fetch_t *f,
    ngx_str_t *value, ngx_uint_t negative);
static uint64_t ngx_http_sector_cache_fetch_retry_after(ngx_str_t *value);
static void ngx_http_sector_cache_fetch_fail(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_fetch_e result, const char *fmt, ...);
static void ngx_http_sector_cache_fetch_reason(ngx_pool_t *pool,
    ngx_str_t *reason, const char *fmt, ...);
static void ngx_http_sector_cache_fetch_vreason(ngx_pool_t *pool,
    ngx_str_t *reason, const char *fmt, va_list args);
static void ngx_http_sector_cache_fetch_end(ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_report(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_log(ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_unref(
    ngx_http_sector_cache_fetch_t *f);


ngx_int_t
ngx_http_sector_cache_fetch_join(ngx_http_sector_cache_wanted_t *wanted,
    ngx_http_sector_cache_waiter_t *waiter)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = wanted->shared ? ngx_http_sector_cache_fetch_find(wanted) : NULL;

    if (f == NULL) {
        f = ngx_http_sector_cache_fetch_create(wanted);
        if (f == NULL) {
            return NGX_ERROR;
        }

    } else if (waiter) {
        ngx_http_sector_cache_source_count(f->source, SECTOR_FETCH_COALESCED);
    }

    if (waiter) {
        waiter->fetch = f;
        ngx_queue_insert_tail(&f->waiters, &waiter->queue);
        f->refs++;
    }

    return NGX_OK;
}


void
ngx_http_sector_cache_fetch_leave(ngx_http_sector_cache_waiter_t *waiter)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = waiter->fetch;

    if (f == NULL) {
        return;
    }

    waiter->fetch = NULL;
    ngx_queue_remove(&waiter->queue);

    ngx_http_sector_cache_fetch_unref(f);
}


static ngx_http_sector_cache_fetch_t *
ngx_http_sector_cache_fetch_find(ngx_http_sector_cache_wanted_t *wanted)
{
    uint32_t          hash;
    ngx_str_t         symbol;
    ngx_str_node_t   *node;

    symbol.data = (u_char *) wanted->symbol;
    symbol.len = ngx_strlen(wanted->symbol);
    hash = ngx_crc32_short(symbol.data, symbol.len);

    node = ngx_str_rbtree_lookup(&wanted->conf->sectors->flights, &symbol,
                                 hash);

    return (ngx_http_sector_cache_fetch_t *) node;
}


static ngx_http_sector_cache_fetch_t *
ngx_http_sector_cache_fetch_create(ngx_http_sector_cache_wanted_t *wanted)
{
    ngx_pool_t                     *pool;
    ngx_http_sector_cache_fetch_t  *f;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    f = ngx_pcalloc(pool, sizeof(ngx_http_sector_cache_fetch_t));
    if (f == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    f->pool = pool;
    f->refs = 1;
    ngx_queue_init(&f->waiters);

    f->conf = wanted->conf;
    f->server = wanted->server;
    f->zone = wanted->conf->sectors;
    f->source = wanted->conf->fetch->source;
    f->shared = wanted->shared;

    f->info.symbol.data = (u_char *) f->symbol;
    f->info.symbol.len = ngx_strlen(wanted->symbol);
    f->info.source = f->source;
    ngx_memcpy(f->symbol, wanted->symbol, f->info.symbol.len);

    f->start.handler = ngx_http_sector_cache_fetch_start;
    f->start.data = f;
    f->start.log = ngx_cycle->log;

    f->timeout.handler = ngx_http_sector_cache_fetch_timeout;
    f->timeout.data = f;
    f->timeout.log = ngx_cycle->log;

    if (f->shared) {
        f->node.str = f->info.symbol;
        f->node.node.key = ngx_crc32_short(f->info.symbol.data,
                                           f->info.symbol.len);
        ngx_rbtree_insert(&f->zone->flights, &f->node.node);
    }

    ngx_post_event(&f->start, &ngx_posted_events);

    return f;
}


static void
ngx_http_sector_cache_fetch_start(ngx_event_t *ev)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = ev->data;

    f->started_ms = ngx_current_msec;

    if (ngx_http_sector_cache_source_acquire(f->source, &f->permit,
                                             &f->answer.retry_after_ms)
        != NGX_OK)
    {
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_OPEN,
                                       "Circuit breaker of source %V is open",
                                       &f->source->name);
        ngx_http_sector_cache_fetch_end(f);
        return;
    }

    f->permitted = 1;
    ngx_http_sector_cache_source_count(f->source, SECTOR_FETCH_STARTED);

    ngx_add_timer(&f->timeout, (ngx_msec_t) f->source->timeout_ms);

    if (ngx_http_sector_cache_fetch_run(f) != NGX_OK) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "Fetch from source %V could not be "
                                         "started", &f->source->name);
        ngx_http_sector_cache_fetch_end(f);
    }
}


/* Starts the detached request; f may be gone when it returns NGX_OK. */

static ngx_int_t
ngx_http_sector_cache_fetch_run(ngx_http_sector_cache_fetch_t *f)
{
    ngx_str_t                          uri;
    ngx_http_sector_cache_info_t      *info;
    ngx_http_sector_cache_detached_t  *d;

    d = ngx_http_sector_cache_detached_create(f->server, &f->info.symbol);
    if (d == NULL) {
        return NGX_ERROR;
    }

    info = ngx_http_sector_cache_fetch_info(f, d->request->pool);
    if (info == NULL) {
        ngx_http_sector_cache_detached_abort(d);
        return NGX_ERROR;
    }

    ngx_http_set_ctx(d->request, info, ngx_http_sector_cache_module);

    /* nginx unescapes the path of a subrequest's URI, and not the arguments */

    info->escape = 1;

    if (ngx_http_complex_value(d->request, &f->conf->fetch->uri, &uri)
        != NGX_OK)
    {
        ngx_http_sector_cache_detached_abort(d);
        return NGX_ERROR;
    }

    info->escape = 0;
    f->detached = d;

    if (ngx_http_sector_cache_detached_start(d, &uri,
                                          f->zone->policy.max_object_bytes,
                                          ngx_http_sector_cache_fetch_done, f)
        != NGX_OK)
    {
        f->detached = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* A copy of what the request has to know, since a request that nginx cannot
 * end at once outlives its fetch. */

static ngx_http_sector_cache_info_t *
ngx_http_sector_cache_fetch_info(ngx_http_sector_cache_fetch_t *f,
    ngx_pool_t *pool)
{
    ngx_http_sector_cache_info_t  *info;

    info = ngx_palloc(pool, sizeof(ngx_http_sector_cache_info_t));
    if (info == NULL) {
        return NULL;
    }

    *info = f->info;
    info->symbol.data = ngx_pstrdup(pool, &f->info.symbol);

    return info->symbol.data ? info : NULL;
}


static void
ngx_http_sector_cache_fetch_timeout(ngx_event_t *ev)
{
    ngx_http_sector_cache_fetch_t     *f;
    ngx_http_sector_cache_detached_t  *d;

    f = ev->data;

    ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT,
                                     "Source %V did not answer within %uL ms",
                                     &f->source->name, f->source->timeout_ms);

    d = f->detached;
    f->detached = NULL;

    ngx_http_sector_cache_detached_abort(d);
    ngx_http_sector_cache_fetch_end(f);
}


static void
ngx_http_sector_cache_fetch_done(ngx_http_sector_cache_detached_t *d)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = d->data;
    f->detached = NULL;

    ngx_http_sector_cache_fetch_judge(f, d);
    ngx_http_sector_cache_fetch_end(f);
}


/* Turns what came into an answer. */

static void
ngx_http_sector_cache_fetch_judge(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    ngx_str_t  *name;

    name = &f->source->name;

    f->answer.upstream_status = d->status;
    f->answer.retry_after_ms =
                     ngx_http_sector_cache_fetch_retry_after(&d->retry_after);

    if (d->ended) {
        f->answer.upstream_status = 0;
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "Fetch from source %V was ended",
                                         name);

    } else if (d->status == 0
               || (d->failed && d->status == NGX_HTTP_BAD_GATEWAY))
    {
        f->answer.upstream_status = 0;
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                         "Connection to source %V failed",
                                         name);

    } else if (d->timed_out && d->status == NGX_HTTP_GATEWAY_TIME_OUT) {
        f->answer.upstream_status = 0;
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT,
                                         "Source %V did not answer in time",
                                         name);

    } else if (d->status == NGX_HTTP_NOT_FOUND) {
        ngx_http_sector_cache_fetch_not_found(f->pool, &f->answer, f->symbol,
                                              f->source);

    } else if (d->status / 100 == 3 && d->status != NGX_HTTP_NOT_MODIFIED) {
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                         "Source %V redirected with status "
                                         "%ui, redirects are not followed",
                                         name, d->status);

    } else if (d->status != NGX_HTTP_OK && d->status != NGX_HTTP_NO_CONTENT) {
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                         "Source %V answered with status %ui",
                                         name, d->status);

    } else {
        ngx_http_sector_cache_fetch_judge_body(f, d);
    }

    if (f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND
        && f->shared)
    {
        ngx_http_sector_cache_fetch_store(f, NULL, 1);
    }
}


/* A status that promises a body: is it whole, and of use? */

static void
ngx_http_sector_cache_fetch_judge_body(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    ngx_str_t  *name;

    name = &f->source->name;

    if (d->too_large) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent a body larger than "
                                         "max_object, %uz bytes",
                                         name, d->body_max);

    } else if (d->no_memory) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "No memory for the body of source %V",
                                         name);

    } else if (!d->complete
               || (d->content_length >= 0
                   && (off_t) d->body_len < d->content_length))
    {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent a body that was cut "
                                         "off after %uz bytes",
                                         name, d->body_len);

    } else if (d->encoding.len) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent a body with a content "
                                         "encoding that was not asked for",
                                         name);

    } else {
        ngx_http_sector_cache_fetch_parse(f, d);
    }
}


/* Gives a whole body to the model. */

static void
ngx_http_sector_cache_fetch_parse(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    sector_model_input_t             in;
    sector_model_output_t            out;
    sector_model_status_e            status;
    ngx_http_sector_cache_symbol_t  *symbol;

    symbol = ngx_http_sector_cache_find_symbol(f->conf, f->symbol);

    in.body = (char *) d->body;
    in.body_len = d->body_len;
    in.format = f->conf->fetch->format;
    in.symbol = f->symbol;
    in.name = symbol ? (char *) symbol->name.data : NULL;
    in.wall_ms = ngx_http_sector_cache_wall_ms();

    status = sector_model_parse(&in, &out);

    switch (status) {

    case SECTOR_MODEL_OK:
        f->answer.data.len = out.json_len;
        f->answer.data.data = ngx_pnalloc(f->pool, out.json_len);

        if (f->answer.data.data == NULL) {
            status = SECTOR_MODEL_NO_MEMORY;
            break;
        }

        ngx_memcpy(f->answer.data.data, out.json, out.json_len);

        if (f->shared) {
            ngx_http_sector_cache_fetch_store(f, &f->answer.data, 0);
        }

        break;

    case SECTOR_MODEL_NOT_FOUND:
        ngx_http_sector_cache_fetch_not_found(f->pool, &f->answer, f->symbol,
                                              f->source);
        break;

    case SECTOR_MODEL_INVALID:
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent an invalid body: %s",
                                         &f->source->name, out.reason);
        break;

    default:
        break;
    }

    if (status == SECTOR_MODEL_NO_MEMORY) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "No memory for the body of source %V",
                                         &f->source->name);
    }

    free(out.json);
}


/* Stores a good answer, or notes that there is no such symbol.  A zone
 * without room is no error: the answer is served all the same. */

static void
ngx_http_sector_cache_fetch_store(ngx_http_sector_cache_fetch_t *f,
    ngx_str_t *value, ngx_uint_t negative)
{
    sector_store_t        *store;
    sector_store_item_t    item;
    sector_store_view_t    view;
    sector_store_error_e   error;

    store = &f->zone->store;

    if (negative && store->policy.negative_ms == 0) {
        return;
    }

    ngx_memzero(&item, sizeof(sector_store_item_t));

    item.value = negative ? "" : (const void *) value->data;
    item.value_bytes = negative ? 0 : value->len;
    item.negative = negative;

    error = sector_store_put(store, f->symbol, f->info.symbol.len, &item,
                             ngx_current_msec,
                             ngx_http_sector_cache_wall_ms());

    if (error != SECTOR_STORE_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "sector_cache_zone \"%V\" could not store \"%s\" of %uz "
                      "bytes: %s", &f->zone->name, f->symbol,
                      item.value_bytes,
                      error == SECTOR_STORE_TOO_LARGE
                      ? "larger than max_object" : "no room");
        return;
    }

    f->answer.stored = 1;

    if (sector_store_read(store, f->symbol, f->info.symbol.len,
                          ngx_current_msec, &view)
        != SECTOR_STORE_NONE)
    {
        if (view.fresh_until_ms > ngx_current_msec) {
            f->answer.ttl_ms = view.fresh_until_ms - ngx_current_msec;
        }

        sector_store_read_end(store);
    }
}


/* Retry-After, RFC 9110 section 10.2.3: seconds or a date, as milliseconds
 * from now; 0 if there is none or it is neither. */

static uint64_t
ngx_http_sector_cache_fetch_retry_after(ngx_str_t *value)
{
    time_t     date;
    ngx_int_t  seconds;

    if (value->len == 0) {
        return 0;
    }

    seconds = ngx_atoi(value->data, value->len);

    if (seconds != NGX_ERROR) {
        return (uint64_t) ngx_min(seconds, 365 * 86400) * 1000;
    }

    date = ngx_parse_http_time(value->data, value->len);

    return date > ngx_time() ? (uint64_t) (date - ngx_time()) * 1000 : 0;
}


void
ngx_http_sector_cache_fetch_not_found(ngx_pool_t *pool,
    ngx_http_sector_cache_answer_t *answer, const char *symbol,
    ngx_http_sector_cache_source_t *source)
{
    answer->result = NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND;

    ngx_http_sector_cache_fetch_reason(pool, &answer->reason,
                                       "Symbol %s does not exist at source %V",
                                       symbol, &source->name);
}


/* Notes a result other than OK, and why. */

static void
ngx_http_sector_cache_fetch_fail(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_fetch_e result, const char *fmt, ...)
{
    va_list  args;

    f->answer.result = result;
    ngx_str_null(&f->answer.data);

    va_start(args, fmt);
    ngx_http_sector_cache_fetch_vreason(f->pool, &f->answer.reason, fmt, args);
    va_end(args);
}


static void
ngx_http_sector_cache_fetch_reason(ngx_pool_t *pool, ngx_str_t *reason,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ngx_http_sector_cache_fetch_vreason(pool, reason, fmt, args);
    va_end(args);
}


/* Prints a reason, terminated; a fixed one when there is no memory. */

static void
ngx_http_sector_cache_fetch_vreason(ngx_pool_t *pool, ngx_str_t *reason,
    const char *fmt, va_list args)
{
    u_char  *p, *last;

    p = ngx_pnalloc(pool, NGX_HTTP_SECTOR_CACHE_REASON_MAX);
    if (p == NULL) {
        ngx_str_set(reason, "Fetch failed");
        return;
    }

    last = ngx_vslprintf(p, p + NGX_HTTP_SECTOR_CACHE_REASON_MAX - 1, fmt,
                         args);
    *last = '\0';

    reason->data = p;
    reason->len = last - p;
}


static void
ngx_http_sector_cache_fetch_end(ngx_http_sector_cache_fetch_t *f)
{
    ngx_queue_t                     *q;
    ngx_http_sector_cache_waiter_t  *waiter;

    if (f->timeout.timer_set) {
        ngx_del_timer(&f->timeout);
    }

    f->answer.elapsed_ms = ngx_current_msec - f->started_ms;

    ngx_http_sector_cache_fetch_report(f);
    ngx_http_sector_cache_fetch_log(f);

    /* from here on, who asks begins a new fetch */

    if (f->shared) {
        ngx_rbtree_delete(&f->zone->flights, &f->node.node);
    }

    while (!ngx_queue_empty(&f->waiters)) {
        q = ngx_queue_head(&f->waiters);
        waiter = ngx_queue_data(q, ngx_http_sector_cache_waiter_t, queue);

        ngx_queue_remove(q);
        waiter->fetch = NULL;
        f->refs--;

        waiter->handler(waiter->data, &f->answer);
    }

    ngx_http_sector_cache_fetch_unref(f);
}


/* Counts the outcome and tells the breaker. */

static void
ngx_http_sector_cache_fetch_report(ngx_http_sector_cache_fetch_t *f)
{
    ngx_uint_t                status;
    sector_fetch_stat_e       stat;
    sector_breaker_result_e   result;

    status = f->answer.upstream_status;

    switch (f->answer.result) {

    case NGX_HTTP_SECTOR_CACHE_FETCH_OK:
        stat = SECTOR_FETCH_OK;
        result = SECTOR_BREAKER_SUCCESS;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND:
        stat = SECTOR_FETCH_NOT_FOUND;
        result = SECTOR_BREAKER_SUCCESS;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_FAILED:
        stat = SECTOR_FETCH_ERROR;
        result = (status == 0 || status == 429 || status >= 500)
                 ? SECTOR_BREAKER_FAILURE : SECTOR_BREAKER_IGNORE;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_INVALID:
        stat = SECTOR_FETCH_INVALID;
        result = SECTOR_BREAKER_FAILURE;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT:
        stat = SECTOR_FETCH_TIMEOUT;
        result = SECTOR_BREAKER_FAILURE;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_OPEN:
        stat = SECTOR_FETCH_REFUSED;
        result = SECTOR_BREAKER_IGNORE;
        break;

    default: /* NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED */
        stat = SECTOR_FETCH_ABORTED;
        result = SECTOR_BREAKER_IGNORE;
        break;
    }

    ngx_http_sector_cache_source_count(f->source, stat);

    if (f->permitted) {
        f->permitted = 0;
        ngx_http_sector_cache_source_report(f->source, &f->permit, result,
                                            f->answer.elapsed_ms,
                                            (status == 429 || status == 503)
                                            ? f->answer.retry_after_ms : 0);
    }
}


/* An error line for what is an error; the breaker logs its own. */

static void
ngx_http_sector_cache_fetch_log(ngx_http_sector_cache_fetch_t *f)
{
    switch (f->answer.result) {

    case NGX_HTTP_SECTOR_CACHE_FETCH_OK:
    case NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND:
    case NGX_HTTP_SECTOR_CACHE_FETCH_OPEN:
        return;

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "sector cache fetch of \"%s\" failed after %M ms: %V",
                      f->symbol, f->answer.elapsed_ms, &f->answer.reason);
    }
}


static void
ngx_http_sector_cache_fetch_unref(ngx_http_sector_cache_fetch_t *f)
{
    if (--f->refs == 0) {
        ngx_destroy_pool(f->pool);
    }
}
