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
 * answer but how they learn that whoever should have woken them is dead.  With
 * them are the PAUSED, who look whether this worker has to end.
 */

#include "ngx_http_sector_cache_fetch_internal.h"
#include "ngx_http_sector_cache_wake.h"


#define NGX_HTTP_SECTOR_CACHE_WATCH_MS    250


static ngx_uint_t ngx_http_sector_cache_fetch_many(
    ngx_http_sector_cache_wanted_t *wanted, ngx_uint_t n);
static void ngx_http_sector_cache_fetch_share(
    ngx_http_sector_cache_fetch_t *f, ngx_http_sector_cache_wanted_t *wanted);
static ngx_http_sector_cache_fetch_t *ngx_http_sector_cache_fetch_find(
    ngx_http_sector_cache_wanted_t *wanted);
static void ngx_http_sector_cache_fetch_step(ngx_event_t *ev);
static void ngx_http_sector_cache_fetch_go(ngx_http_sector_cache_fetch_t *f);
static ngx_uint_t ngx_http_sector_cache_fetch_probes(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_watch(ngx_event_t *ev);


/* The process's: what is parked, and the timer while anything is. */

static ngx_queue_t  ngx_http_sector_cache_fetch_parked;
static ngx_event_t  ngx_http_sector_cache_fetch_watcher;
static ngx_connection_t  ngx_http_sector_cache_fetch_nobody;    /* its data, of
                                                    which debug logs want fd */


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
                ngx_http_sector_cache_fetch_alone(f);
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
    f->unheld |= wanted->unheld;
    f->release |= wanted->release;

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
    ngx_queue_init(&f->rest);

    f->how = how;
    f->conf = wanted->conf;
    f->server = wanted->server;
    f->zone = wanted->conf->sectors;
    f->source = how->source;
    f->shared = wanted->shared;
    f->force = wanted->force;
    f->unheld = wanted->unheld;
    f->release = wanted->release;

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


/* It was to be fetched along with others, and is not. */

void
ngx_http_sector_cache_fetch_alone(ngx_http_sector_cache_fetch_t *f)
{
    f->how = f->conf->fetch;
    f->source = f->how->source;
    f->info.source = f->source;
}


static void
ngx_http_sector_cache_fetch_step(ngx_event_t *ev)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = ev->data;

    if (ngx_http_sector_cache_wake_closing()) {

        /* what runs nginx has ended; others may begin this one anew */

        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "Fetch from source %V was ended",
                                         &f->source->name);
        ngx_http_sector_cache_fetch_end(f, NULL);
        return;
    }

    switch (f->state) {

    case NGX_HTTP_SECTOR_CACHE_FETCH_STARTING:
        ngx_http_sector_cache_fetch_begin(f);
        return;

    case NGX_HTTP_SECTOR_CACHE_FETCH_PAUSED:
        return;

    default:
        ngx_http_sector_cache_fetch_look(f);
    }
}


/* Takes a turn. */

void
ngx_http_sector_cache_fetch_begin(ngx_http_sector_cache_fetch_t *f)
{
    sector_flight_outcome_t       outcome;
    ngx_http_sector_cache_turn_e  turn;
    ngx_http_sector_cache_want_t  want;

    if (f->carrier) {
        ngx_http_sector_cache_fetch_reunite(f);

        if (!ngx_http_sector_cache_fetch_board(f, 0)) {
            ngx_http_sector_cache_fetch_deliver(f);
            return;
        }
    }

    want.zone = f->zone;
    want.key = &f->info.symbol;
    want.shared = f->shared;
    want.unheld = f->unheld;
    want.release = f->release;
    want.probe = f->probe || f->release;
    want.unknown = f->unknown;

    turn = ngx_http_sector_cache_source_join(f->source, &want, &f->turn,
                                             &outcome);

    f->answer.retry_after_ms = outcome.retry_after_ms;

    switch (turn) {

    case NGX_HTTP_SECTOR_CACHE_TURN_HELD:
        ngx_http_sector_cache_fetch_held(f, &outcome);
        return;

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


/* It was woken, perhaps for nothing; or its time in the queue is over, unless
 * it has been given a place by now. */

void
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

        if (f->state == NGX_HTTP_SECTOR_CACHE_FETCH_QUEUED
            && !f->timer.timer_set)
        {
            ngx_http_sector_cache_fetch_refuse(f, turn);
            return;
        }

        ngx_http_sector_cache_fetch_park(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_QUEUED);
        return;

    case NGX_HTTP_SECTOR_CACHE_TURN_JOINED:

        /* ours was perhaps taken over by another while we stood still */

        if (f->timer.timer_set) {
            ngx_del_timer(&f->timer);
        }

        ngx_http_sector_cache_fetch_park(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_JOINED);
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
        || (f->carrier && !(ngx_http_sector_cache_fetch_board(f, 1)
                            && ngx_http_sector_cache_fetch_aboard(f))))
    {
        ngx_http_sector_cache_source_drop(f->source, &f->turn);
        ngx_http_sector_cache_fetch_deliver(f);
        return;
    }

    f->turn.probe = ngx_http_sector_cache_fetch_probes(f);

    turn = ngx_http_sector_cache_source_admit(f->source, &f->turn,
                                              &f->answer.retry_after_ms);

    if (turn == NGX_HTTP_SECTOR_CACHE_TURN_NEEDLESS) {
        f->answer.result = NGX_HTTP_SECTOR_CACHE_FETCH_OPEN;
        f->needless = 1;

        ngx_http_sector_cache_source_drop(f->source, &f->turn);

        if (f->carrier) {
            ngx_http_sector_cache_fetch_alight(f);
        }

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
    ngx_http_sector_cache_fetch_tick(f);

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


/* Waits to be woken; in the queue, not for ever. */

void
ngx_http_sector_cache_fetch_park(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_fetch_state_e state)
{
    if (f->state == state) {
        return;
    }

    if (f->state == NGX_HTTP_SECTOR_CACHE_FETCH_STARTING
        || f->state == NGX_HTTP_SECTOR_CACHE_FETCH_CALLING)
    {
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

void
ngx_http_sector_cache_fetch_unpark(ngx_http_sector_cache_fetch_t *f)
{
    if (f->step.posted) {
        ngx_delete_posted_event(&f->step);
    }

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    if (f->state == NGX_HTTP_SECTOR_CACHE_FETCH_JOINED
        || f->state == NGX_HTTP_SECTOR_CACHE_FETCH_QUEUED
        || f->state == NGX_HTTP_SECTOR_CACHE_FETCH_PAUSED)
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
