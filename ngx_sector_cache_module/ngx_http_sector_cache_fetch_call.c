/*
 * A fetch that has a place calls the upstream, and again where what went wrong
 * may pass, all within the time of one fetch.
 *
 *     CALLING ──┬── an answer, or an error that stays ──> the fetch ends
 *        ^      └── what may pass ──> PAUSED ──┬── leave
 *        └─────────────────────────────────────┘
 *
 * Each call needs the breaker's leave and the rate limit's; the place is kept
 * from the first one to the end.
 *
 * A process may stand still, stopped or starved, while the upstream answers;
 * its timers are late then.  What fails in such a fetch says nothing of the
 * upstream, and nobody is told that it was too slow: the fetch ends as one that
 * was aborted, so that whoever waits at another worker goes on, and begins
 * anew here, once.
 */

#include "ngx_http_sector_cache_fetch_internal.h"


#define NGX_HTTP_SECTOR_CACHE_TICK_MS     250
#define NGX_HTTP_SECTOR_CACHE_STILL_MS    500       /* late for a timer */


static ngx_int_t ngx_http_sector_cache_fetch_run(
    ngx_http_sector_cache_fetch_t *f);
static ngx_http_sector_cache_info_t *ngx_http_sector_cache_fetch_info(
    ngx_http_sector_cache_fetch_t *f, ngx_pool_t *pool);
static void ngx_http_sector_cache_fetch_done(
    ngx_http_sector_cache_detached_t *d);
static void ngx_http_sector_cache_fetch_ended(
    ngx_http_sector_cache_fetch_t *f);
static uint64_t ngx_http_sector_cache_fetch_key(
    ngx_http_sector_cache_fetch_t *f);
static ngx_int_t ngx_http_sector_cache_fetch_pause(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_again(
    ngx_http_sector_cache_fetch_t *f);
static ngx_uint_t ngx_http_sector_cache_fetch_stood(
    ngx_http_sector_cache_fetch_t *f);
static void ngx_http_sector_cache_fetch_anew(
    ngx_http_sector_cache_fetch_t *f);


/* What came of a call, for the breaker.  Of failures only what the source is to
 * blame for is held against it. */

static const sector_breaker_result_e  ngx_http_sector_cache_fetch_results[] = {
    SECTOR_BREAKER_SUCCESS,     /* OK */
    SECTOR_BREAKER_SUCCESS,     /* NOT_FOUND */
    SECTOR_BREAKER_FAILURE,     /* FAILED */
    SECTOR_BREAKER_FAILURE,     /* INVALID */
    SECTOR_BREAKER_FAILURE,     /* TIMEOUT */
    SECTOR_BREAKER_IGNORE,      /* OPEN */
    SECTOR_BREAKER_IGNORE,      /* FULL */
    SECTOR_BREAKER_IGNORE,      /* LIMITED */
    SECTOR_BREAKER_IGNORE       /* ABORTED */
};


/* Calls the upstream; f may be gone when it returns. */

void
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
    size_t                             body_max;
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

    body_max = f->zone->policy.max_object_bytes;

    if (f->carrier) {
        body_max *= f->n;
    }

    if (ngx_http_sector_cache_detached_start(d, &uri, body_max,
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

    if (f->passing && f->answer.upstream_status < NGX_HTTP_SPECIAL_RESPONSE
        && ngx_http_sector_cache_fetch_stood(f))
    {
        ngx_http_sector_cache_fetch_anew(f);
        return;
    }

    ngx_http_sector_cache_fetch_ended(f);

    if (f->carrier && ngx_http_sector_cache_fetch_parted(f) == NGX_OK) {
        return;
    }

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
    call->result = ngx_http_sector_cache_fetch_results[f->answer.result];
    call->key = ngx_http_sector_cache_fetch_key(f);
    call->elapsed_ms = ngx_current_msec - f->call_ms;
    call->retry_after_ms = 0;
    call->why = &f->outcome;

    if (status == NGX_HTTP_TOO_MANY_REQUESTS
        || status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        call->retry_after_ms = f->answer.retry_after_ms;

    } else if (call->result == SECTOR_BREAKER_FAILURE && !f->foreign) {
        call->result = SECTOR_BREAKER_UNDECIDED;
    }

    ngx_http_sector_cache_fetch_outcome(f);
}


/* The one key that is called for, as evidence; 0: there are several. */

static uint64_t
ngx_http_sector_cache_fetch_key(ngx_http_sector_cache_fetch_t *f)
{
    ngx_queue_t  *q;

    if (f->carrier) {

        if (f->n != 1) {
            return 0;
        }

        q = ngx_queue_head(&f->riders);
        f = ngx_queue_data(q, ngx_http_sector_cache_fetch_t, ride);
    }

    return ngx_http_sector_cache_source_hash(f->zone, &f->info.symbol);
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
    uint64_t  pause;

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

    pause = sector_rate_pause_ms(f->source->backoff_ms,
                                 (unsigned) f->calls,
                                 (uint64_t) ngx_random());
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

    ngx_http_sector_cache_fetch_park(f, NGX_HTTP_SECTOR_CACHE_FETCH_PAUSED);
    ngx_add_timer(&f->timer, (ngx_msec_t) pause);

    return NGX_OK;
}


/* The time in the queue, or a pause, is over. */

void
ngx_http_sector_cache_fetch_timer(ngx_event_t *ev)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = ev->data;

    if (f->state == NGX_HTTP_SECTOR_CACHE_FETCH_PAUSED) {
        ngx_http_sector_cache_fetch_again(f);
        return;
    }

    ngx_http_sector_cache_fetch_look(f);
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
        ngx_http_sector_cache_fetch_unpark(f);
        ngx_http_sector_cache_source_count(f->source, SECTOR_FETCH_RETRIES);
        ngx_http_sector_cache_fetch_call(f);
        return;
    }

    if (turn == NGX_HTTP_SECTOR_CACHE_TURN_GONE) {
        ngx_http_sector_cache_fetch_unpark(f);
        ngx_del_timer(&f->timeout);
        f->calls = 0;
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


/* The timer of all calls goes in steps, since one that is late shows that this
 * process stood still. */

void
ngx_http_sector_cache_fetch_tick(ngx_http_sector_cache_fetch_t *f)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (f->deadline_ms - ngx_current_msec);
    left = ngx_min(left, NGX_HTTP_SECTOR_CACHE_TICK_MS);

    f->tick_ms = ngx_current_msec + (ngx_msec_t) left;
    ngx_add_timer(&f->timeout, (ngx_msec_t) left);
}


/* A step, or the time of all calls, is over. */

void
ngx_http_sector_cache_fetch_timeout(ngx_event_t *ev)
{
    ngx_http_sector_cache_fetch_t     *f;
    ngx_http_sector_cache_detached_t  *d;

    f = ev->data;
    d = f->detached;

    (void) ngx_http_sector_cache_fetch_stood(f);

    if ((ngx_msec_int_t) (f->deadline_ms - ngx_current_msec) > 0) {
        ngx_http_sector_cache_fetch_tick(f);
        return;
    }

    f->detached = NULL;

    if (f->stood) {
        if (d) {
            ngx_http_sector_cache_detached_abort(d);
        }

        ngx_http_sector_cache_fetch_anew(f);
        return;
    }

    if (d == NULL) {
        ngx_http_sector_cache_fetch_end(f, &f->call);
        return;
    }

    f->answer.upstream_status = 0;
    f->foreign = 1;
    f->refused = 0;
    f->told = 0;

    ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT,
                                     "Source %V did not answer within %uL ms",
                                     &f->source->name, f->source->timeout_ms);

    ngx_http_sector_cache_fetch_ended(f);
    ngx_http_sector_cache_detached_abort(d);
    ngx_http_sector_cache_fetch_end(f, &f->call);
}


/* Whether this process stood still since the first call: the timer that is to
 * run next was late, or is. */

static ngx_uint_t
ngx_http_sector_cache_fetch_stood(ngx_http_sector_cache_fetch_t *f)
{
    ngx_msec_int_t  late;

    late = (ngx_msec_int_t) (ngx_current_msec - f->tick_ms);

    if (late > NGX_HTTP_SECTOR_CACHE_STILL_MS) {
        f->stood = 1;
    }

    return f->stood;
}


/* This process stood still: ends the fetch, which others may begin then, and
 * begins it anew, or joins theirs. */

static void
ngx_http_sector_cache_fetch_anew(ngx_http_sector_cache_fetch_t *f)
{
    ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                     "Fetch from source %V was ended, this "
                                     "process stood still", &f->source->name);
    f->answer.upstream_status = 0;
    f->answer.retry_after_ms = 0;
    f->answer.elapsed_ms = ngx_current_msec - f->started_ms;
    f->foreign = 0;
    f->own = 0;
    f->refused = 0;
    f->told = 0;

    if (f->anew) {
        ngx_http_sector_cache_fetch_end(f, NULL);
        return;
    }

    f->anew = 1;
    f->stood = 0;
    f->calls = 0;

    ngx_http_sector_cache_fetch_tell(f, NULL,
                                     f->turn.admitted ? SECTOR_FETCH_ABORTED
                                                      : SECTOR_FETCH_STATS_N);
    ngx_http_sector_cache_fetch_log(f);

    ngx_http_sector_cache_fetch_unpark(f);
    f->state = NGX_HTTP_SECTOR_CACHE_FETCH_STARTING;

    if (f->timeout.timer_set) {
        ngx_del_timer(&f->timeout);
    }

    ngx_post_event(&f->step, &ngx_posted_events);
}
