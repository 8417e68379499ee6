/*
 * How a fetch ends.  One of ours ends in ngx_http_sector_cache_fetch_end(),
 * whatever happened: there the breaker is told, the outcome is counted and
 * logged, and the place is passed on.  All end in
 * ngx_http_sector_cache_fetch_deliver().
 */

#include "ngx_http_sector_cache_fetch_internal.h"


static ngx_http_sector_cache_end_e ngx_http_sector_cache_fetch_ending(
    ngx_http_sector_cache_fetch_t *f);


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


void
ngx_http_sector_cache_fetch_held(ngx_http_sector_cache_fetch_t *f,
    const sector_flight_outcome_t *outcome)
{
    ngx_http_sector_cache_fetch_told(f, outcome);
    f->answer.held = 1;

    ngx_http_sector_cache_fetch_deliver(f);
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
        ngx_http_sector_cache_fetch_reunite(f);
        ngx_http_sector_cache_fetch_alight(f);
    }

    ngx_http_sector_cache_fetch_deliver(f);
}


void
ngx_http_sector_cache_fetch_tell(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_call_t *call, sector_fetch_stat_e stat)
{
    ngx_http_sector_cache_ending_t  ending;

    ngx_memzero(&ending, sizeof(ngx_http_sector_cache_ending_t));

    ending.end = ngx_http_sector_cache_fetch_ending(f);
    ending.zone = f->zone;
    ending.key = &f->info.symbol;
    ending.hash = f->carrier ? f->call.key
                  : ngx_http_sector_cache_source_hash(f->zone,
                                                      &f->info.symbol);
    ending.outcome = &f->outcome;
    ending.ttl_ms = f->answer.ttl_ms;
    ending.stat = stat;
    ending.rate = (f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED);
    ending.least_ms = f->doubted ? f->zone->policy.negative_ms : 0;
    ending.holds = f->shared;
    ending.foreign = f->foreign;
    ending.doubted = f->doubted;
    ending.noted = f->noted;
    ending.configured = !f->carrier
                        && ngx_http_sector_cache_find_symbol(f->conf,
                                            f->symbol, f->info.symbol.len);

    /* what is in the zone, or was and is not, others see for themselves; and
     * what this process could not do, another may */

    ending.tell = !(f->answer.stored || f->needless
                    || f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_OK
                    || f->answer.result
                       == NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED);

    ngx_http_sector_cache_fetch_outcome(f);
    ngx_http_sector_cache_source_end(f->source, &f->turn, call, &ending);

    f->lines = ending.lines;
}


/* What its end is for the key's next fetch.  A carrier that was of use has
 * nothing to say: those of the keys do. */

static ngx_http_sector_cache_end_e
ngx_http_sector_cache_fetch_ending(ngx_http_sector_cache_fetch_t *f)
{
    if (f->needless) {
        return NGX_HTTP_SECTOR_CACHE_END_NOTHING;
    }

    switch (f->answer.result) {

    case NGX_HTTP_SECTOR_CACHE_FETCH_OK:
        return f->carrier ? NGX_HTTP_SECTOR_CACHE_END_NOTHING
                          : NGX_HTTP_SECTOR_CACHE_END_GOOD;

    case NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND:

        if (f->doubted) {
            return NGX_HTTP_SECTOR_CACHE_END_FAILED;
        }

        return f->answer.stored ? NGX_HTTP_SECTOR_CACHE_END_ANSWERED
               : f->shared ? NGX_HTTP_SECTOR_CACHE_END_UNKEPT
               : NGX_HTTP_SECTOR_CACHE_END_NOTHING;

    case NGX_HTTP_SECTOR_CACHE_FETCH_FAILED:
    case NGX_HTTP_SECTOR_CACHE_FETCH_INVALID:
    case NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT:
        return NGX_HTTP_SECTOR_CACHE_END_FAILED;

    case NGX_HTTP_SECTOR_CACHE_FETCH_FULL:
    case NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED:
        return NGX_HTTP_SECTOR_CACHE_END_REFUSED;

    case NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED:
        return f->own ? NGX_HTTP_SECTOR_CACHE_END_FAILED
                      : NGX_HTTP_SECTOR_CACHE_END_NOTHING;

    default: /* NGX_HTTP_SECTOR_CACHE_FETCH_OPEN */
        return NGX_HTTP_SECTOR_CACHE_END_NOTHING;
    }
}


/* A line for what is an error, but not for each time that it lasts; the
 * breaker logs its own.  What was aborted by this process alone is remembered
 * nowhere, and always a line. */

void
ngx_http_sector_cache_fetch_log(ngx_http_sector_cache_fetch_t *f)
{
    u_char  times[64];

    if (ngx_http_sector_cache_fetch_ending(f)
        == NGX_HTTP_SECTOR_CACHE_END_NOTHING)
    {
        if (f->answer.result != NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED) {
            return;
        }

        f->lines = 1;
    }

    if (f->lines == 0) {
        return;
    }

    times[0] = '\0';

    if (f->lines > 1) {
        *ngx_snprintf(times, sizeof(times) - 1,
                      ", %uD times since this was logged", f->lines) = '\0';
    }

    switch (f->answer.result) {

    case NGX_HTTP_SECTOR_CACHE_FETCH_OK:
        return;

    case NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND:

        if (f->doubted) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "sector cache keeps its data of \"%s\": %V%s",
                          f->symbol, &f->answer.reason, times);
        }

        return;

    case NGX_HTTP_SECTOR_CACHE_FETCH_FULL:
    case NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED:
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "sector cache fetch of \"%s\" refused: %V%s",
                      f->symbol, &f->answer.reason, times);
        return;

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "sector cache fetch of \"%s\" failed after %M ms: %V%s",
                      f->symbol, f->answer.elapsed_ms, &f->answer.reason,
                      times);
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

    if (f->inquest) {
        ngx_http_sector_cache_fetch_testify(f);
    }

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
