/*
 * How a fetch ends.  One of ours ends in ngx_http_sector_cache_fetch_end(),
 * whatever happened: there the breaker is told, the outcome is counted and
 * logged, and the place is passed on.  All end in
 * ngx_http_sector_cache_fetch_deliver().
 */

#include "ngx_http_sector_cache_failures.h"
#include "ngx_http_sector_cache_fetch_internal.h"


/* What came of a fetch, for the counters. */

static const sector_fetch_stat_e  ngx_http_sector_cache_fetch_stats[] = {
    SECTOR_FETCH_OK,
    SECTOR_FETCH_NOT_FOUND,
    SECTOR_FETCH_ERROR,
    SECTOR_FETCH_INVALID,
    SECTOR_FETCH_TIMEOUT,
    SECTOR_FETCH_REFUSED,
    SECTOR_FETCH_REFUSED_QUEUE,
    SECTOR_FETCH_REFUSED_RATE,
    SECTOR_FETCH_ABORTED
};


/* No call is made, for a reason of our own. */

void
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

void
ngx_http_sector_cache_fetch_end(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_call_t *call)
{
    sector_fetch_stat_e  stat;

    f->answer.elapsed_ms = ngx_current_msec - f->started_ms;

    /* what never began is refused, or nothing */

    stat = (f->turn.admitted
            || f->answer.result != NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED)
           ? ngx_http_sector_cache_fetch_stats[f->answer.result]
           : SECTOR_FETCH_STATS_N;

    ngx_http_sector_cache_fetch_tell(f, call, stat);

    ngx_http_sector_cache_fetch_log(f);

    /* only now, for who is answered may ask again */

    if (f->carrier) {
        ngx_http_sector_cache_fetch_alight(f);
    }

    ngx_http_sector_cache_fetch_deliver(f);
}


void
ngx_http_sector_cache_fetch_tell(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_call_t *call, sector_fetch_stat_e stat)
{
    ngx_uint_t               untold;
    sector_flight_outcome_t  outcome;

    if (f->turn.id == 0) {

        if (stat != SECTOR_FETCH_STATS_N) {
            ngx_http_sector_cache_source_count(f->source, stat);
        }

        return;
    }

    /* what is in the zone, or was and is not, others see for themselves; and
     * what this process could not do, another may */

    untold = (f->answer.stored || f->needless
              || f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_OK
              || f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED);

    if (!untold) {
        ngx_http_sector_cache_fetch_outcome(f, &outcome);
    }

    ngx_http_sector_cache_source_end(f->source, &f->turn, call,
                                     untold ? NULL : &outcome, stat);
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
        ngx_http_sector_cache_fetch_note(f);
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "sector cache fetch of \"%s\" refused: %V",
                      f->symbol, &f->answer.reason);
        return;

    default:
        ngx_http_sector_cache_fetch_note(f);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "sector cache fetch of \"%s\" failed after %M ms: %V",
                      f->symbol, f->answer.elapsed_ms, &f->answer.reason);
    }
}


/* For who asks later; a carrier is no key of its own. */

void
ngx_http_sector_cache_fetch_note(ngx_http_sector_cache_fetch_t *f)
{
    if (!f->carrier) {
        ngx_http_sector_cache_failures_note(f->zone, &f->info.symbol,
                                            f->answer.result,
                                            f->answer.upstream_status,
                                            &f->answer.reason);
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


void
ngx_http_sector_cache_fetch_unref(ngx_http_sector_cache_fetch_t *f)
{
    if (--f->refs == 0) {
        ngx_destroy_pool(f->pool);
    }
}
