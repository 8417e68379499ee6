/*
 * A fetch has a pool of its own, which lives until the fetch has been
 * answered and every waiter has had the answer.  Shared fetches, those of a
 * cache that is on, are found by their symbol in the zone's tree of flights;
 * with the cache off each request has a fetch of its own.
 *
 * The tree is this worker's; what all workers share is the source's table of
 * flights, in which a fetch is ours or another worker's.  Either way those who
 * wait here wait for the same thing.
 *
 *     STARTING ──┬── ours, a place ─────────────> CALLING <──> PAUSED
 *                ├── ours, no place ──> QUEUED ──────^           (retries)
 *                ├── another's ───────> JOINED ──────^ its owner died
 *                └── refused               └───────> answered by what that
 *                                                    one stored or says
 *
 * Where many keys are fetched by one call, the call is a fetch of its own, a
 * carrier, and those of the keys are RIDING on it: see ..._fetch_batch.c.
 *
 * A fetch begins from a posted event, never inside the call that asks for it,
 * so that a client's request is never on the stack when its answer comes.
 *
 * JOINED and QUEUED fetches are parked: they look at the table when this
 * worker is woken, and four times a second, which is not how they learn of an
 * answer but how they learn that whoever should have woken them is dead.
 *
 * One of ours ends in ngx_http_sector_cache_fetch_end(), whatever happened:
 * there the breaker is told, the outcome is counted and logged, and the place
 * is passed on.  All end in ngx_http_sector_cache_fetch_deliver().
 */

#include "ngx_http_sector_cache_fetch_internal.h"


#define NGX_HTTP_SECTOR_CACHE_WATCH_MS    250
#define NGX_HTTP_SECTOR_CACHE_PAUSE_MAX   30000     /* between retries */


static ngx_uint_t ngx_http_sector_cache_fetch_many(
    ngx_http_sector_cache_wanted_t *wanted, ngx_uint_t n);
static void ngx_http_sector_cache_fetch_share(
    ngx_http_sector_cache_fetch_t *f, ngx_http_sector_cache_wanted_t *wanted);
static ngx_http_sector_cache_fetch_t *ngx_http_sector_cache_fetch_find(
    ngx_http_sector_cache_wanted_t *wanted);
static void ngx_http_sector_cache_fetch_step(ngx_event_t *ev);
static void ngx_http_sector_cache_fetch_begin(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_look(ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_go(ngx_http_sector_cache_fetch_t *f);
static ngx_uint_t ngx_http_sector_cache_fetch_probes(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_call(ngx_http_sector_cache_fetch_t *f);
static ngx_int_t ngx_http_sector_cache_fetch_run(
    ngx_http_sector_cache_fetch_t *f);
static ngx_http_sector_cache_info_t *ngx_http_sector_cache_fetch_info(
    ngx_http_sector_cache_fetch_t *f, ngx_pool_t *pool);
static void ngx_http_sector_cache_fetch_done(
    ngx_http_sector_cache_detached_t *d);
static ngx_int_t ngx_http_sector_cache_fetch_pause(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_timer(ngx_event_t *ev);
static void ngx_http_sector_cache_fetch_again(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_timeout(ngx_event_t *ev);
static void ngx_http_sector_cache_fetch_refuse(
    ngx_http_sector_cache_fetch_t *f, ngx_http_sector_cache_turn_e turn);
static void ngx_http_sector_cache_fetch_ended(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_end(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_call_t *call);
static void ngx_http_sector_cache_fetch_unref(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_unpark(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_watch(ngx_event_t *ev);


/* The process's: what is parked, and the timer while anything is. */

static ngx_queue_t  ngx_http_sector_cache_fetch_parked;
static ngx_event_t  ngx_http_sector_cache_fetch_watcher;
static ngx_connection_t  ngx_http_sector_cache_fetch_nobody;    /* its data, of
                                                    which debug logs want fd */


/* What came of a fetch, for counters and breaker.  Of a failing status only
 * what the upstream is to blame for is held against it. */

static const struct {
    sector_fetch_stat_e                 stat;
    sector_breaker_result_e             result;
} ngx_http_sector_cache_fetch_results[] = {
    { SECTOR_FETCH_OK, SECTOR_BREAKER_SUCCESS },
    { SECTOR_FETCH_NOT_FOUND, SECTOR_BREAKER_SUCCESS },
    { SECTOR_FETCH_ERROR, SECTOR_BREAKER_FAILURE },
    { SECTOR_FETCH_INVALID, SECTOR_BREAKER_FAILURE },
    { SECTOR_FETCH_TIMEOUT, SECTOR_BREAKER_FAILURE },
    { SECTOR_FETCH_REFUSED, SECTOR_BREAKER_IGNORE },
    { SECTOR_FETCH_REFUSED_QUEUE, SECTOR_BREAKER_IGNORE },
    { SECTOR_FETCH_REFUSED_RATE, SECTOR_BREAKER_IGNORE },
    { SECTOR_FETCH_ABORTED, SECTOR_BREAKER_IGNORE }
};


void
ngx_http_sector_cache_fetch_init(ngx_http_sector_cache_main_conf_t *mcf)
{
    ngx_queue_init(&ngx_http_sector_cache_fetch_parked);

    ngx_http_sector_cache_fetch_watcher.handler =
                                             ngx_http_sector_cache_fetch_watch;
    ngx_http_sector_cache_fetch_watcher.log = ngx_cycle->log;
    ngx_http_sector_cache_fetch_watcher.data =
                                            &ngx_http_sector_cache_fetch_nobody;
    ngx_http_sector_cache_fetch_nobody.fd = (ngx_socket_t) -1;

    ngx_http_sector_cache_source_reap(mcf, 1);
}


ngx_int_t
ngx_http_sector_cache_fetch_join(ngx_http_sector_cache_wanted_t *wanted,
    ngx_uint_t n)
{
    ngx_uint_t                           i, batch;
    ngx_http_sector_cache_fetch_t       *f, *carrier;
    ngx_http_sector_cache_fetch_conf_t  *how;

    batch = ngx_http_sector_cache_fetch_many(wanted, n);
    how = batch ? wanted->conf->batch : wanted->conf->fetch;
    carrier = NULL;

    for (i = 0; i < n; i++) {
        f = wanted[i].shared ? ngx_http_sector_cache_fetch_find(&wanted[i])
                             : NULL;
        if (f) {
            ngx_http_sector_cache_fetch_share(f, &wanted[i]);

        } else {
            f = ngx_http_sector_cache_fetch_create(&wanted[i], how);
            if (f == NULL) {
                return NGX_ERROR;
            }

            f->probe = wanted[i].waiter && wanted[i].waiter->probe;

            /* without memory for a carrier it goes alone */

            if (!batch
                || ngx_http_sector_cache_fetch_carry(&carrier, f) != NGX_OK)
            {
                f->how = wanted[i].conf->fetch;
                f->source = f->how->source;
                f->info.source = f->source;

                ngx_post_event(&f->step, &ngx_posted_events);
            }
        }

        if (wanted[i].waiter) {
            wanted[i].waiter->fetch = f;
            ngx_queue_insert_tail(&f->waiters, &wanted[i].waiter->queue);
            f->refs++;
        }
    }

    return NGX_OK;
}


/* Whether to begin them in calls for many: where there is such a call, and
 * more than one is to be begun. */

static ngx_uint_t
ngx_http_sector_cache_fetch_many(ngx_http_sector_cache_wanted_t *wanted,
    ngx_uint_t n)
{
    ngx_uint_t  i, begun;

    if (wanted->conf->batch == NULL) {
        return 0;
    }

    begun = 0;

    for (i = 0; i < n; i++) {
        if (!wanted[i].shared
            || ngx_http_sector_cache_fetch_find(&wanted[i]) == NULL)
        {
            begun++;
        }
    }

    return begun > 1 || wanted->batch;
}


/* One more wants what a fetch will bring. */

static void
ngx_http_sector_cache_fetch_share(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_wanted_t *wanted)
{
    f->force |= wanted->force;

    if (wanted->waiter) {
        wanted->waiter->collapsed = 1;
        ngx_http_sector_cache_source_count(f->source, SECTOR_FETCH_COALESCED);
    }
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


void
ngx_http_sector_cache_fetch_wake(void)
{
    ngx_queue_t                    *q;
    ngx_http_sector_cache_fetch_t  *f;

    for (q = ngx_queue_head(&ngx_http_sector_cache_fetch_parked);
         q != ngx_queue_sentinel(&ngx_http_sector_cache_fetch_parked);
         q = ngx_queue_next(q))
    {
        f = ngx_queue_data(q, ngx_http_sector_cache_fetch_t, parked);

        ngx_post_event(&f->step, &ngx_posted_events);
    }
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


ngx_http_sector_cache_fetch_t *
ngx_http_sector_cache_fetch_create(ngx_http_sector_cache_wanted_t *wanted,
    ngx_http_sector_cache_fetch_conf_t *how)
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
    ngx_queue_init(&f->riders);

    f->how = how;
    f->conf = wanted->conf;
    f->server = wanted->server;
    f->zone = wanted->conf->sectors;
    f->source = how->source;
    f->shared = wanted->shared;
    f->force = wanted->force;

    f->info.symbol.data = (u_char *) f->symbol;
    f->info.symbol.len = ngx_strlen(wanted->symbol);
    f->info.source = f->source;
    ngx_memcpy(f->symbol, wanted->symbol, f->info.symbol.len);

    f->step.handler = ngx_http_sector_cache_fetch_step;
    f->step.data = f;
    f->step.log = ngx_cycle->log;

    f->timer.handler = ngx_http_sector_cache_fetch_timer;
    f->timer.data = f;
    f->timer.log = ngx_cycle->log;

    f->timeout.handler = ngx_http_sector_cache_fetch_timeout;
    f->timeout.data = f;
    f->timeout.log = ngx_cycle->log;

    f->started_ms = ngx_current_msec;

    if (f->shared) {
        f->node.str = f->info.symbol;
        f->node.node.key = ngx_crc32_short(f->info.symbol.data,
                                           f->info.symbol.len);
        ngx_rbtree_insert(&f->zone->flights, &f->node.node);
    }

    return f;
}


static void
ngx_http_sector_cache_fetch_step(ngx_event_t *ev)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = ev->data;

    if (f->state == NGX_HTTP_SECTOR_CACHE_FETCH_STARTING) {
        ngx_http_sector_cache_fetch_begin(f);

    } else {
        ngx_http_sector_cache_fetch_look(f);
    }
}


/* Takes a turn. */

static void
ngx_http_sector_cache_fetch_begin(ngx_http_sector_cache_fetch_t *f)
{
    ngx_http_sector_cache_turn_e  turn;

    if (f->carrier && !ngx_http_sector_cache_fetch_board(f)) {
        ngx_http_sector_cache_fetch_deliver(f);
        return;
    }

    turn = ngx_http_sector_cache_source_join(f->source, f->zone,
                                             &f->info.symbol, f->shared,
                                             &f->turn,
                                             &f->answer.retry_after_ms);
    switch (turn) {

    case NGX_HTTP_SECTOR_CACHE_TURN_GO:
        ngx_http_sector_cache_fetch_go(f);
        return;

    case NGX_HTTP_SECTOR_CACHE_TURN_JOINED:

        if (!ngx_queue_empty(&f->waiters)) {
            ngx_http_sector_cache_source_count(f->source,
                                               SECTOR_FETCH_COALESCED);
        }

        ngx_http_sector_cache_fetch_park(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_JOINED);
        return;

    case NGX_HTTP_SECTOR_CACHE_TURN_QUEUED:
        ngx_http_sector_cache_fetch_park(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_QUEUED);
        return;

    default:
        ngx_http_sector_cache_fetch_refuse(f, turn);
    }
}


/* It was woken, perhaps for nothing. */

static void
ngx_http_sector_cache_fetch_look(ngx_http_sector_cache_fetch_t *f)
{
    sector_flight_outcome_t       outcome;
    ngx_http_sector_cache_turn_e  turn;

    turn = ngx_http_sector_cache_source_look(f->source, &f->turn, &outcome,
                                             &f->answer.retry_after_ms);

    switch (turn) {

    case NGX_HTTP_SECTOR_CACHE_TURN_GO:
        ngx_http_sector_cache_fetch_go(f);
        return;

    case NGX_HTTP_SECTOR_CACHE_TURN_QUEUED:
        ngx_http_sector_cache_fetch_park(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_QUEUED);
        return;

    case NGX_HTTP_SECTOR_CACHE_TURN_JOINED:
        return;

    case NGX_HTTP_SECTOR_CACHE_TURN_OPEN:
        ngx_http_sector_cache_fetch_refuse(f, turn);
        return;

    case NGX_HTTP_SECTOR_CACHE_TURN_DONE:
        ngx_http_sector_cache_fetch_told(f, &outcome);
        ngx_http_sector_cache_fetch_deliver(f);
        return;

    default: /* NGX_HTTP_SECTOR_CACHE_TURN_GONE */
        break;
    }

    if (ngx_http_sector_cache_fetch_memory(f, f->turn.id) == NGX_OK) {
        ngx_http_sector_cache_fetch_deliver(f);
        return;
    }

    /* the zone had no room for it, or the turn was taken back: once more */

    ngx_http_sector_cache_fetch_unpark(f);
    ngx_http_sector_cache_fetch_begin(f);
}


/* There is a place.  Whoever had the key in flight a moment ago has stored it
 * before he said so: then there is nothing to fetch. */

static void
ngx_http_sector_cache_fetch_go(ngx_http_sector_cache_fetch_t *f)
{
    ngx_http_sector_cache_turn_e  turn;

    ngx_http_sector_cache_fetch_unpark(f);

    if ((f->shared && !f->force
         && ngx_http_sector_cache_fetch_memory(f, 0) == NGX_OK)
        || (f->carrier && !ngx_http_sector_cache_fetch_aboard(f)))
    {
        (void) ngx_http_sector_cache_source_end(f->source, &f->turn, NULL,
                                                NULL);
        ngx_http_sector_cache_fetch_deliver(f);
        return;
    }

    f->turn.probe = ngx_http_sector_cache_fetch_probes(f);

    turn = ngx_http_sector_cache_source_admit(f->source, &f->turn,
                                              &f->answer.retry_after_ms);

    if (turn == NGX_HTTP_SECTOR_CACHE_TURN_NEEDLESS) {
        f->answer.result = NGX_HTTP_SECTOR_CACHE_FETCH_OPEN;

        if (f->carrier) {
            ngx_http_sector_cache_fetch_alight(f);
        }

        (void) ngx_http_sector_cache_source_end(f->source, &f->turn, NULL,
                                                NULL);
        ngx_http_sector_cache_fetch_deliver(f);
        return;
    }

    if (turn == NGX_HTTP_SECTOR_CACHE_TURN_GONE) {
        ngx_http_sector_cache_fetch_begin(f);
        return;
    }

    if (turn != NGX_HTTP_SECTOR_CACHE_TURN_GO) {
        ngx_http_sector_cache_fetch_refuse(f, turn);
        return;
    }

    if (f->probe) {
        ngx_http_sector_cache_source_count(f->source, SECTOR_FETCH_PROBES);
    }

    f->deadline_ms = ngx_current_msec + (ngx_msec_t) f->source->timeout_ms;
    ngx_add_timer(&f->timeout, (ngx_msec_t) f->source->timeout_ms);

    ngx_http_sector_cache_fetch_call(f);
}


/* Whether a probe is the only one who waits for it. */

static ngx_uint_t
ngx_http_sector_cache_fetch_probes(ngx_http_sector_cache_fetch_t *f)
{
    ngx_queue_t                     *q;
    ngx_http_sector_cache_waiter_t  *waiter;

    if (f->carrier && f->n == 1) {
        q = ngx_queue_head(&f->riders);
        f = ngx_queue_data(q, ngx_http_sector_cache_fetch_t, ride);
    }

    q = ngx_queue_head(&f->waiters);

    if (ngx_queue_empty(&f->waiters) || q != ngx_queue_last(&f->waiters)) {
        return 0;
    }

    waiter = ngx_queue_data(q, ngx_http_sector_cache_waiter_t, queue);

    return waiter->probe;
}


/* Calls the upstream; f may be gone when it returns. */

static void
ngx_http_sector_cache_fetch_call(ngx_http_sector_cache_fetch_t *f)
{
    ngx_memzero(&f->answer, sizeof(ngx_http_sector_cache_answer_t));

    f->state = NGX_HTTP_SECTOR_CACHE_FETCH_CALLING;
    f->call_ms = ngx_current_msec;
    f->calls++;

    if (ngx_http_sector_cache_fetch_run(f) != NGX_OK) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "Fetch from source %V could not be "
                                         "started", &f->source->name);
        ngx_http_sector_cache_fetch_end(f, NULL);
    }
}


/* Starts the detached request; f may be gone when it returns NGX_OK. */

static ngx_int_t
ngx_http_sector_cache_fetch_run(ngx_http_sector_cache_fetch_t *f)
{
    ngx_str_t                          uri, name;
    ngx_http_sector_cache_info_t      *info;
    ngx_http_sector_cache_detached_t  *d;

    name.data = (u_char *) f->symbol;
    name.len = ngx_strlen(f->symbol);

    d = ngx_http_sector_cache_detached_create(f->server, &name);
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

    if (ngx_http_complex_value(d->request, &f->how->uri, &uri)
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
    if (f->carrier) {
        info->symbols = ngx_http_sector_cache_fetch_names(f, pool);

        return info->symbols.data ? info : NULL;
    }

    info->symbol.data = ngx_pstrdup(pool, &f->info.symbol);

    return info->symbol.data ? info : NULL;
}


static void
ngx_http_sector_cache_fetch_done(ngx_http_sector_cache_detached_t *d)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = d->data;
    f->detached = NULL;

    ngx_http_sector_cache_fetch_judge(f, d);
    ngx_http_sector_cache_fetch_ended(f);

    if (ngx_http_sector_cache_fetch_pause(f) != NGX_OK) {
        ngx_http_sector_cache_fetch_end(f, &f->call);
    }
}


/* A call has ended: what the breaker will be told of it. */

static void
ngx_http_sector_cache_fetch_ended(ngx_http_sector_cache_fetch_t *f)
{
    ngx_uint_t                     status;
    ngx_http_sector_cache_call_t  *call;

    call = &f->call;
    status = f->answer.upstream_status;

    call->observed = 0;
    call->result = ngx_http_sector_cache_fetch_results[f->answer.result].result;
    call->elapsed_ms = ngx_current_msec - f->call_ms;
    call->retry_after_ms = 0;

    if (status == NGX_HTTP_TOO_MANY_REQUESTS
        || status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        call->retry_after_ms = f->answer.retry_after_ms;

    } else if (status != 0 && status < NGX_HTTP_INTERNAL_SERVER_ERROR
               && f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_FAILED)
    {
        call->result = SECTOR_BREAKER_IGNORE;
    }
}


/*
 * Pauses before a retry: NGX_OK, or NGX_DECLINED where none may be made or
 * could not be made within the fetch's time.  Exponential backoff with full
 * jitter, but not before the upstream wants to be asked again; that it said
 * when, the breaker has to know at once, for the sake of all others.  That
 * long nobody waits who can have stale data: then the fetch ends, and the
 * breaker's probes are its retry.
 */

static ngx_int_t
ngx_http_sector_cache_fetch_pause(ngx_http_sector_cache_fetch_t *f)
{
    uint64_t  pause, most;

    if (!f->passing || f->calls > f->source->retries) {
        return NGX_DECLINED;
    }

    if (f->call.retry_after_ms
        && (f->carrier ? ngx_http_sector_cache_fetch_any_kept(f)
            : f->shared ? ngx_http_sector_cache_fetch_kept(f)
            : NGX_DECLINED)
           == NGX_OK)
    {
        return NGX_DECLINED;
    }

    most = f->source->backoff_ms << (f->calls - 1);
    most = ngx_min(most, NGX_HTTP_SECTOR_CACHE_PAUSE_MAX);

    pause = ngx_random() % (most + 1);
    pause = ngx_max(pause, f->call.retry_after_ms);

    if ((ngx_msec_int_t) (f->deadline_ms - ngx_current_msec)
        <= (ngx_msec_int_t) pause)
    {
        return NGX_DECLINED;
    }

    if (f->call.retry_after_ms) {
        ngx_http_sector_cache_source_report(f->source, &f->turn, &f->call);

    } else {
        ngx_http_sector_cache_source_observe(f->source, &f->call);
    }

    f->state = NGX_HTTP_SECTOR_CACHE_FETCH_PAUSED;
    ngx_add_timer(&f->timer, (ngx_msec_t) pause);

    return NGX_OK;
}


/* The time in the queue, or a pause, is over. */

static void
ngx_http_sector_cache_fetch_timer(ngx_event_t *ev)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = ev->data;

    if (f->state == NGX_HTTP_SECTOR_CACHE_FETCH_PAUSED) {
        ngx_http_sector_cache_fetch_again(f);
        return;
    }

    ngx_http_sector_cache_fetch_refuse(f, NGX_HTTP_SECTOR_CACHE_TURN_QUEUED);
}


/* Retries, or waits on for leave, or gives up with the last answer; or begins
 * anew where the place was taken back, to join whoever has it now. */

static void
ngx_http_sector_cache_fetch_again(ngx_http_sector_cache_fetch_t *f)
{
    uint64_t                      retry_after_ms;
    ngx_http_sector_cache_turn_e  turn;

    turn = ngx_http_sector_cache_source_admit(f->source, &f->turn,
                                              &retry_after_ms);

    if (turn == NGX_HTTP_SECTOR_CACHE_TURN_GO) {
        ngx_http_sector_cache_source_count(f->source, SECTOR_FETCH_RETRIES);
        ngx_http_sector_cache_fetch_call(f);
        return;
    }

    if (turn == NGX_HTTP_SECTOR_CACHE_TURN_GONE) {
        ngx_del_timer(&f->timeout);
        f->calls = 0;
        f->state = NGX_HTTP_SECTOR_CACHE_FETCH_STARTING;
        ngx_http_sector_cache_fetch_begin(f);
        return;
    }

    if ((ngx_msec_int_t) (f->deadline_ms - ngx_current_msec)
        > (ngx_msec_int_t) retry_after_ms)
    {
        ngx_add_timer(&f->timer, (ngx_msec_t) retry_after_ms);
        return;
    }

    ngx_http_sector_cache_fetch_end(f, &f->call);
}


/* The time of all calls is over. */

static void
ngx_http_sector_cache_fetch_timeout(ngx_event_t *ev)
{
    ngx_http_sector_cache_fetch_t     *f;
    ngx_http_sector_cache_detached_t  *d;

    f = ev->data;
    d = f->detached;

    if (d == NULL) {
        ngx_http_sector_cache_fetch_end(f, &f->call);
        return;
    }

    f->detached = NULL;
    f->answer.upstream_status = 0;

    ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT,
                                     "Source %V did not answer within %uL ms",
                                     &f->source->name, f->source->timeout_ms);

    ngx_http_sector_cache_fetch_ended(f);
    ngx_http_sector_cache_detached_abort(d);
    ngx_http_sector_cache_fetch_end(f, &f->call);
}


/* No call is made, for a reason of our own. */

static void
ngx_http_sector_cache_fetch_refuse(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_turn_e turn)
{
    ngx_str_t  *name;

    name = &f->source->name;

    switch (turn) {

    case NGX_HTTP_SECTOR_CACHE_TURN_OPEN:
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_OPEN,
                                         "Circuit breaker of source %V is open",
                                         name);
        break;

    case NGX_HTTP_SECTOR_CACHE_TURN_LIMITED:
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED,
                                         "Rate limit of source %V is reached",
                                         name);
        break;

    case NGX_HTTP_SECTOR_CACHE_TURN_QUEUED:
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FULL,
                                         "No place for a fetch from source %V "
                                         "came free within %uL ms", name,
                                         f->source->queue_timeout_ms);
        break;

    default: /* NGX_HTTP_SECTOR_CACHE_TURN_FULL */
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FULL,
                                         "Fetch queue of source %V is full",
                                         name);
        break;
    }

    ngx_http_sector_cache_fetch_end(f, NULL);
}


/* Ends a fetch of ours; call is its last one, NULL where none was made. */

static void
ngx_http_sector_cache_fetch_end(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_call_t *call)
{
    f->answer.elapsed_ms = ngx_current_msec - f->started_ms;

    if (f->carrier) {
        ngx_http_sector_cache_fetch_alight(f);
    }

    if (ngx_http_sector_cache_fetch_tell(f, call)) {
        ngx_http_sector_cache_source_count(f->source,
                 ngx_http_sector_cache_fetch_results[f->answer.result].stat);
    }

    ngx_http_sector_cache_fetch_log(f);
    ngx_http_sector_cache_fetch_deliver(f);
}


ngx_uint_t
ngx_http_sector_cache_fetch_tell(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_call_t *call)
{
    ngx_uint_t               ours, untold;
    sector_flight_outcome_t  outcome;

    ours = 1;

    if (f->turn.id) {

        /* what is in the zone, or was and is not, others see for themselves;
         * and what this process could not do, another may */

        untold = (f->answer.stored
                  || f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_OK
                  || f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED);

        if (!untold) {
            ngx_http_sector_cache_fetch_outcome(f, &outcome);
        }

        ours = ngx_http_sector_cache_source_end(f->source, &f->turn, call,
                                                untold ? NULL : &outcome);
    }

    return ours;
}


/* An error line for what is an error; the breaker logs its own. */

void
ngx_http_sector_cache_fetch_log(ngx_http_sector_cache_fetch_t *f)
{
    switch (f->answer.result) {

    case NGX_HTTP_SECTOR_CACHE_FETCH_OK:
    case NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND:
    case NGX_HTTP_SECTOR_CACHE_FETCH_OPEN:
        return;

    case NGX_HTTP_SECTOR_CACHE_FETCH_FULL:
    case NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED:
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "sector cache fetch of \"%s\" refused: %V",
                      f->symbol, &f->answer.reason);
        return;

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "sector cache fetch of \"%s\" failed after %M ms: %V",
                      f->symbol, f->answer.elapsed_ms, &f->answer.reason);
    }
}


/* Hands the answer to all who wait here. */

void
ngx_http_sector_cache_fetch_deliver(ngx_http_sector_cache_fetch_t *f)
{
    ngx_queue_t                     *q;
    ngx_http_sector_cache_waiter_t  *waiter;

    ngx_http_sector_cache_fetch_unpark(f);

    if (f->timeout.timer_set) {
        ngx_del_timer(&f->timeout);
    }

    f->answer.elapsed_ms = ngx_current_msec - f->started_ms;
    f->answer.source = f->source;

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


static void
ngx_http_sector_cache_fetch_unref(ngx_http_sector_cache_fetch_t *f)
{
    if (--f->refs == 0) {
        ngx_destroy_pool(f->pool);
    }
}


/* Waits to be woken; in the queue, not for ever. */

void
ngx_http_sector_cache_fetch_park(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_fetch_state_e state)
{
    if (f->state == state) {
        return;
    }

    if (f->state == NGX_HTTP_SECTOR_CACHE_FETCH_STARTING) {
        ngx_queue_insert_tail(&ngx_http_sector_cache_fetch_parked, &f->parked);
    }

    f->state = state;

    if (state == NGX_HTTP_SECTOR_CACHE_FETCH_QUEUED) {
        ngx_add_timer(&f->timer, (ngx_msec_t) f->source->queue_timeout_ms);
    }

    if (!ngx_http_sector_cache_fetch_watcher.timer_set) {
        ngx_add_timer(&ngx_http_sector_cache_fetch_watcher,
                      NGX_HTTP_SECTOR_CACHE_WATCH_MS);
    }
}


/* Waits no longer, for whatever it waited. */

static void
ngx_http_sector_cache_fetch_unpark(ngx_http_sector_cache_fetch_t *f)
{
    if (f->step.posted) {
        ngx_delete_posted_event(&f->step);
    }

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    if (f->state == NGX_HTTP_SECTOR_CACHE_FETCH_JOINED
        || f->state == NGX_HTTP_SECTOR_CACHE_FETCH_QUEUED)
    {
        ngx_queue_remove(&f->parked);
        f->state = NGX_HTTP_SECTOR_CACHE_FETCH_STARTING;
    }
}


/* Are those alive for whom we wait?  And was a wake lost? */

static void
ngx_http_sector_cache_fetch_watch(ngx_event_t *ev)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    if (ngx_queue_empty(&ngx_http_sector_cache_fetch_parked)) {
        return;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_sector_cache_module);

    if (mcf) {
        ngx_http_sector_cache_source_reap(mcf, 0);
    }

    ngx_http_sector_cache_fetch_wake();

    ngx_add_timer(ev, NGX_HTTP_SECTOR_CACHE_WATCH_MS);
}
