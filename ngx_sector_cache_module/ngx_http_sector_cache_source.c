/*
 * A fetch takes its turn in two steps: a place, for which it may have to wait
 * and which it keeps through its retries, and for each call of the upstream
 * the leave of breaker and rate limit.  The leave is asked for last, when the
 * call can be made at once, so that a probe's place is not held by somebody
 * who waits.  A breaker that opens while fetches wait in the queue refuses
 * them as soon as they look.
 *
 * What is woken is woken after the mutex was given back.  A breaker that opens
 * wakes everybody: those in the queue, and each worker, which has a timer of
 * its own by which it will probe.
 */

#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_source_asked.h"
#include "ngx_http_sector_cache_source_internal.h"
#include "ngx_http_sector_cache_wake.h"


/* What a lease's second number says below a probe's. */

#define NGX_HTTP_SECTOR_CACHE_HELD_BEGUN   1
#define NGX_HTTP_SECTOR_CACHE_HELD_PERMIT  2
#define NGX_HTTP_SECTOR_CACHE_HELD_BITS    2


/* When to ask again for an unknown key that a half-open breaker refuses. */

#define NGX_HTTP_SECTOR_CACHE_UNKNOWN_MS   1000


static ngx_http_sector_cache_turn_e ngx_http_sector_cache_source_leave_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn, uint64_t *retry_after_ms);
static void ngx_http_sector_cache_source_policy(
    ngx_http_sector_cache_source_t *source, sector_flight_policy_t *policy);
static void ngx_http_sector_cache_source_want(
    const ngx_http_sector_cache_want_t *wanted, sector_flight_want_t *want);
static ngx_http_sector_cache_turn_e ngx_http_sector_cache_source_fly_locked(
    ngx_http_sector_cache_source_t *source, sector_flight_want_t *want,
    ngx_http_sector_cache_turn_t *turn, uint64_t *lines);
static void ngx_http_sector_cache_source_closed_locked(
    ngx_http_sector_cache_source_t *source, ngx_uint_t unknown,
    sector_flight_outcome_t *outcome);
static ngx_http_sector_cache_turn_e ngx_http_sector_cache_source_ride_locked(
    ngx_http_sector_cache_source_t *source, ngx_http_sector_cache_ride_t *ride,
    ngx_uint_t many, ngx_uint_t place);
static void ngx_http_sector_cache_source_hold_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn);
static void ngx_http_sector_cache_source_report_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn,
    ngx_http_sector_cache_call_t *call);
static uint64_t ngx_http_sector_cache_source_reap_locked(
    ngx_http_sector_cache_main_conf_t *mcf, int32_t gone);
static void ngx_http_sector_cache_source_freed(void *ctx, uint64_t source,
    const sector_flight_lease_t *lease);


ngx_http_sector_cache_turn_e
ngx_http_sector_cache_source_join(ngx_http_sector_cache_source_t *source,
    const ngx_http_sector_cache_want_t *wanted,
    ngx_http_sector_cache_turn_t *turn, sector_flight_outcome_t *outcome)
{
    uint64_t                       lines;
    ngx_uint_t                     unknown;
    sector_flight_want_t           want;
    ngx_http_sector_cache_turn_e   rc;

    ngx_http_sector_cache_source_want(wanted, &want);

    lines = 0;
    outcome->retry_after_ms = 0;

    ngx_memzero(turn, sizeof(ngx_http_sector_cache_turn_t));
    turn->since_ms = ngx_current_msec;

    ngx_shmtx_lock(&source->shpool->mutex);

    unknown = wanted->unknown;

    if (want.key_len) {
        ngx_http_sector_cache_source_ask_locked(source->sh, &want);
        unknown = !ngx_http_sector_cache_source_known_locked(source->sh,
                                                             &want);
    }

    if (!wanted->shared) {
        want.key_len = 0;
    }

    /* what is in flight already may be a probe, and is joined all the same */

    rc = NGX_HTTP_SECTOR_CACHE_TURN_GO;

    if (sector_flight_find(source->flights, &want) == 0) {
        ngx_http_sector_cache_source_closed_locked(source,
                                                   unknown && !wanted->probe,
                                                   outcome);
        rc = outcome->retry_after_ms
             ? NGX_HTTP_SECTOR_CACHE_TURN_OPEN
             : ngx_http_sector_cache_source_held_locked(source, wanted,
                                                        outcome);
    }

    if (rc == NGX_HTTP_SECTOR_CACHE_TURN_GO) {
        rc = ngx_http_sector_cache_source_fly_locked(source, &want, turn,
                                                     &lines);
    }

    ngx_shmtx_unlock(&source->shpool->mutex);

    ngx_http_sector_cache_wake(lines);

    return rc;
}


/* What the breaker says before a flight, in outcome->retry_after_ms. */

static void
ngx_http_sector_cache_source_closed_locked(
    ngx_http_sector_cache_source_t *source, ngx_uint_t unknown,
    sector_flight_outcome_t *outcome)
{
    sector_breaker_state_e  state;

    state = sector_breaker_peek(&source->sh->breaker, &source->breaker,
                                ngx_http_sector_cache_now(),
                                &outcome->retry_after_ms);

    if (state == SECTOR_BREAKER_HALF_OPEN && unknown
        && outcome->retry_after_ms == 0)
    {
        outcome->retry_after_ms = NGX_HTTP_SECTOR_CACHE_UNKNOWN_MS;
    }
}


/* Nothing speaks against a flight; *lines are to be woken. */

static ngx_http_sector_cache_turn_e
ngx_http_sector_cache_source_fly_locked(ngx_http_sector_cache_source_t *source,
    sector_flight_want_t *want, ngx_http_sector_cache_turn_t *turn,
    uint64_t *lines)
{
    sector_flight_join_e    join;
    sector_flight_policy_t  policy;

    ngx_http_sector_cache_source_policy(source, &policy);

    join = sector_flight_join(source->flights, &policy, want,
                              ngx_current_msec, &turn->id);

    if (join == SECTOR_FLIGHT_FULL) {

        /* perhaps of the dead, for whom nobody else may be looking */

        *lines = ngx_http_sector_cache_source_reap_locked(
                     ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_sector_cache_module),
                     0);

        join = sector_flight_join(source->flights, &policy, want,
                                  ngx_current_msec, &turn->id);
    }

    switch (join) {

    case SECTOR_FLIGHT_LEAD:
        return NGX_HTTP_SECTOR_CACHE_TURN_GO;

    case SECTOR_FLIGHT_QUEUED:
        return NGX_HTTP_SECTOR_CACHE_TURN_QUEUED;

    case SECTOR_FLIGHT_JOINED:
        return NGX_HTTP_SECTOR_CACHE_TURN_JOINED;

    default: /* SECTOR_FLIGHT_FULL */
        return NGX_HTTP_SECTOR_CACHE_TURN_FULL;
    }
}


void
ngx_http_sector_cache_source_ride(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ride_t *rides, ngx_uint_t n, ngx_uint_t place)
{
    ngx_uint_t  i;

    ngx_shmtx_lock(&source->shpool->mutex);

    for (i = 0; i < n; i++) {
        rides[i].result = ngx_http_sector_cache_source_ride_locked(source,
                                                              &rides[i], n > 1,
                                                              place);
    }

    ngx_shmtx_unlock(&source->shpool->mutex);
}


static ngx_http_sector_cache_turn_e
ngx_http_sector_cache_source_ride_locked(
    ngx_http_sector_cache_source_t *source, ngx_http_sector_cache_ride_t *ride,
    ngx_uint_t many, ngx_uint_t place)
{
    uint64_t                       id;
    sector_hold_slot_t            *slot;
    sector_flight_join_e           join;
    sector_flight_want_t           want;
    sector_flight_policy_t         policy;
    ngx_http_sector_cache_turn_e   rc;

    ngx_http_sector_cache_source_want(&ride->want, &want);
    ngx_http_sector_cache_source_ask_locked(source->sh, &want);
    ride->unknown = !ngx_http_sector_cache_source_known_locked(source->sh,
                                                               &want);

    id = ride->turn->id;

    if (id == 0
        && !(ride->want.shared
             && sector_flight_find(source->flights, &want) != 0))
    {
        slot = ngx_http_sector_cache_source_slot_locked(source,
                                                        ride->want.zone,
                                                        ride->want.key, 0);

        rc = ngx_http_sector_cache_source_held_locked(source, &ride->want,
                                                      ride->outcome);
        if (rc != NGX_HTTP_SECTOR_CACHE_TURN_GO) {
            return rc;
        }

        if (many && slot
            && sector_hold_is_alone(slot, ngx_http_sector_cache_now()))
        {
            return NGX_HTTP_SECTOR_CACHE_TURN_ALONE;
        }
    }

    if (!ride->want.shared) {
        return NGX_HTTP_SECTOR_CACHE_TURN_GO;
    }

    ngx_http_sector_cache_source_policy(source, &policy);

    join = sector_flight_ride(source->flights, &policy, &want, place != 0,
                              ngx_current_msec, &id);

    ngx_memzero(ride->turn, sizeof(ngx_http_sector_cache_turn_t));
    ride->turn->id = id;

    switch (join) {

    case SECTOR_FLIGHT_LEAD:
        return NGX_HTTP_SECTOR_CACHE_TURN_GO;

    case SECTOR_FLIGHT_JOINED:
        return NGX_HTTP_SECTOR_CACHE_TURN_JOINED;

    default: /* SECTOR_FLIGHT_FULL */
        return NGX_HTTP_SECTOR_CACHE_TURN_FULL;
    }
}


ngx_http_sector_cache_turn_e
ngx_http_sector_cache_source_look(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn, sector_flight_outcome_t *outcome,
    uint64_t *retry_after_ms)
{
    ngx_uint_t                     ours;
    sector_flight_want_t           want;
    sector_flight_state_e          state;
    sector_flight_table_t         *flights;
    sector_flight_policy_t         policy;
    ngx_http_sector_cache_turn_e   rc;

    flights = source->flights;
    *retry_after_ms = 0;

    ngx_http_sector_cache_source_policy(source, &policy);
    ngx_http_sector_cache_source_want(NULL, &want);

    ngx_shmtx_lock(&source->shpool->mutex);

    if (sector_flight_look(flights, turn->id) == SECTOR_FLIGHT_ORPHAN) {
        (void) sector_flight_adopt(flights, turn->id, &policy, &want,
                                   ngx_current_msec);
    }

    state = sector_flight_look(flights, turn->id);
    ours = sector_flight_owned(flights, turn->id, want.owner);

    switch (state) {

    case SECTOR_FLIGHT_RUNNING:
        rc = ours ? NGX_HTTP_SECTOR_CACHE_TURN_GO
                  : NGX_HTTP_SECTOR_CACHE_TURN_JOINED;
        break;

    case SECTOR_FLIGHT_RIDING:
        rc = NGX_HTTP_SECTOR_CACHE_TURN_JOINED;
        break;

    case SECTOR_FLIGHT_WAITING:
        rc = NGX_HTTP_SECTOR_CACHE_TURN_JOINED;

        if (ours) {
            (void) sector_breaker_peek(&source->sh->breaker, &source->breaker,
                                       ngx_http_sector_cache_now(),
                                       retry_after_ms);
            rc = *retry_after_ms ? NGX_HTTP_SECTOR_CACHE_TURN_OPEN
                                 : NGX_HTTP_SECTOR_CACHE_TURN_QUEUED;
        }

        break;

    case SECTOR_FLIGHT_DONE:
        *outcome = *sector_flight_outcome(flights, turn->id);
        rc = NGX_HTTP_SECTOR_CACHE_TURN_DONE;
        break;

    default:
        rc = NGX_HTTP_SECTOR_CACHE_TURN_GONE;
        break;
    }

    ngx_shmtx_unlock(&source->shpool->mutex);

    return rc;
}


ngx_http_sector_cache_turn_e
ngx_http_sector_cache_source_admit(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn, uint64_t *retry_after_ms)
{
    uint32_t                             lapsed, before, after;
    sector_flight_policy_t               policy;
    ngx_http_sector_cache_turn_e         rc;
    ngx_http_sector_cache_source_shm_t  *sh;

    sh = source->sh;
    *retry_after_ms = 0;

    ngx_http_sector_cache_source_policy(source, &policy);

    ngx_shmtx_lock(&source->shpool->mutex);

    if (sector_flight_renew(source->flights, turn->id, (int32_t) ngx_pid,
                            &policy, ngx_current_msec)
        != 0)
    {
        ngx_shmtx_unlock(&source->shpool->mutex);

        /* with it went what it held */

        turn->permitted = 0;

        return NGX_HTTP_SECTOR_CACHE_TURN_GONE;
    }

    lapsed = sh->breaker.state;
    ngx_http_sector_cache_source_lapse_locked(source);
    before = sh->breaker.state;

    rc = ngx_http_sector_cache_source_leave_locked(source, turn,
                                                   retry_after_ms);

    if (rc == NGX_HTTP_SECTOR_CACHE_TURN_GO && !turn->admitted) {
        turn->admitted = 1;
        sector_stats_observe(&sh->wait, ngx_current_msec - turn->since_ms);
        ngx_http_sector_cache_source_count(source, SECTOR_FETCH_STARTED);
    }

    ngx_http_sector_cache_source_hold_locked(source, turn);

    after = sh->breaker.state;

    ngx_shmtx_unlock(&source->shpool->mutex);

    ngx_http_sector_cache_source_log(source, lapsed, before);
    ngx_http_sector_cache_source_log(source, before, after);

    return rc;
}


/* Of the breaker and the rate limit, to one that has a place. */

static ngx_http_sector_cache_turn_e
ngx_http_sector_cache_source_leave_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn, uint64_t *retry_after_ms)
{
    ngx_http_sector_cache_source_shm_t  *sh;

    sh = source->sh;

    /* a leave from before the last transition is none any more */

    if (turn->permitted
        && turn->permit.generation != sh->breaker.generation)
    {
        ngx_http_sector_cache_source_report_locked(source, turn, NULL);
    }

    if (!turn->permitted) {
        (void) sector_breaker_peek(&sh->breaker, &source->breaker,
                                   ngx_http_sector_cache_now(),
                                   retry_after_ms);
    }

    if (*retry_after_ms) {
        return NGX_HTTP_SECTOR_CACHE_TURN_OPEN;
    }

    if (turn->probe && !turn->admitted
        && sector_breaker_wanted(&sh->breaker, &source->breaker,
                                 ngx_http_sector_cache_now())
           == 0)
    {
        return NGX_HTTP_SECTOR_CACHE_TURN_NEEDLESS;
    }

    if (sector_rate_take(&sh->tat_ns, &source->rate,
                         ngx_http_sector_cache_now(), retry_after_ms)
        != 0)
    {
        return NGX_HTTP_SECTOR_CACHE_TURN_LIMITED;
    }

    if (!turn->permitted) {
        (void) sector_breaker_acquire(&sh->breaker, &source->breaker,
                                      ngx_http_sector_cache_now(),
                                      &turn->permit, retry_after_ms);
        turn->permitted = 1;
    }

    return NGX_HTTP_SECTOR_CACHE_TURN_GO;
}


void
ngx_http_sector_cache_source_report(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn,
    ngx_http_sector_cache_call_t *call)
{
    uint32_t  before, after;

    ngx_shmtx_lock(&source->shpool->mutex);

    before = source->sh->breaker.state;
    ngx_http_sector_cache_source_report_locked(source, turn, call);
    ngx_http_sector_cache_source_hold_locked(source, turn);
    after = source->sh->breaker.state;

    ngx_shmtx_unlock(&source->shpool->mutex);

    ngx_http_sector_cache_source_log(source, before, after);
}


void
ngx_http_sector_cache_source_observe(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_call_t *call)
{
    ngx_shmtx_lock(&source->shpool->mutex);

    call->observed = 1;
    sector_stats_observe(&source->sh->upstream, call->elapsed_ms);

    ngx_shmtx_unlock(&source->shpool->mutex);
}


void
ngx_http_sector_cache_source_end(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn,
    ngx_http_sector_cache_call_t *call,
    ngx_http_sector_cache_ending_t *ending)
{
    uint32_t                before, after;
    uint64_t                lines;
    sector_flight_policy_t  policy;

    ngx_http_sector_cache_source_policy(source, &policy);

    ngx_shmtx_lock(&source->shpool->mutex);

    before = source->sh->breaker.state;

    /* whoever took it back has given back what it held, and counted */

    if (turn->id == 0
        || sector_flight_owned(source->flights, turn->id, (int32_t) ngx_pid))
    {
        ngx_http_sector_cache_source_report_locked(source, turn, call);
        ngx_http_sector_cache_source_ended_locked(source, ending);

        if (ending->stat != SECTOR_FETCH_STATS_N) {
            ngx_http_sector_cache_source_count(source, ending->stat);
        }
    }

    turn->permitted = 0;

    lines = sector_flight_end(source->flights, turn->id, (int32_t) ngx_pid,
                              ending->tell ? ending->outcome : NULL,
                              ngx_current_msec);
    lines |= sector_flight_grant(source->flights, &policy, ngx_current_msec);

    after = source->sh->breaker.state;

    ngx_shmtx_unlock(&source->shpool->mutex);

    turn->id = 0;

    ngx_http_sector_cache_wake(lines);
    ngx_http_sector_cache_source_log(source, before, after);
}


void
ngx_http_sector_cache_source_drop(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn)
{
    ngx_http_sector_cache_ending_t  ending;

    ngx_memzero(&ending, sizeof(ngx_http_sector_cache_ending_t));
    ending.stat = SECTOR_FETCH_STATS_N;

    ngx_http_sector_cache_source_end(source, turn, NULL, &ending);
}


void
ngx_http_sector_cache_source_reap(ngx_http_sector_cache_main_conf_t *mcf,
    ngx_uint_t begins)
{
    uint64_t                          lines;
    ngx_http_sector_cache_source_t  **sources;

    if (mcf->sources.nelts == 0) {
        return;
    }

    sources = mcf->sources.elts;

    ngx_shmtx_lock(&sources[0]->shpool->mutex);

    lines = ngx_http_sector_cache_source_reap_locked(mcf,
                                           begins ? (int32_t) ngx_pid : 0);

    ngx_shmtx_unlock(&sources[0]->shpool->mutex);

    ngx_http_sector_cache_wake(lines);
}


/* Takes back, and passes on; returns the lines to wake.  gone counts as dead,
 * 0: none. */

static uint64_t
ngx_http_sector_cache_source_reap_locked(
    ngx_http_sector_cache_main_conf_t *mcf, int32_t gone)
{
    uint64_t                          lines;
    ngx_uint_t                        i;
    sector_flight_policy_t            policy;
    sector_flight_reaper_t            reaper;
    ngx_http_sector_cache_source_t  **sources;

    sources = mcf->sources.elts;

    reaper.alive = ngx_http_sector_cache_slab_alive;
    reaper.freed = ngx_http_sector_cache_source_freed;
    reaper.ctx = NULL;
    reaper.gone = gone;

    lines = sector_flight_reap(sources[0]->flights, &reaper, ngx_current_msec);

    for (i = 0; i < mcf->sources.nelts; i++) {
        ngx_http_sector_cache_source_policy(sources[i], &policy);
        lines |= sector_flight_grant(sources[i]->flights, &policy,
                                     ngx_current_msec);
    }

    return lines;
}


/* The owner of a fetch is gone: the fetch was aborted, and its probe's place
 * is free.  A source is numbered by where its shared part lies, so that this
 * works for one that is declared no longer. */

static void
ngx_http_sector_cache_source_freed(void *ctx, uint64_t source,
    const sector_flight_lease_t *lease)
{
    sector_breaker_policy_t              policy;
    sector_breaker_permit_t              permit;
    ngx_http_sector_cache_source_shm_t  *sh;

    sh = (ngx_http_sector_cache_source_shm_t *) (uintptr_t) source;

    (void) ngx_atomic_fetch_add(&sh->counters[SECTOR_FETCH_ABORTED], 1);

    if (!(lease->held[1] & NGX_HTTP_SECTOR_CACHE_HELD_PERMIT)) {
        return;
    }

    /* not looked at where a result is ignored */

    ngx_memzero(&policy, sizeof(sector_breaker_policy_t));

    permit.generation = lease->held[0];
    permit.probe = lease->held[1] >> NGX_HTTP_SECTOR_CACHE_HELD_BITS;

    sector_breaker_report(&sh->breaker, &policy, ngx_http_sector_cache_now(),
                          &permit, SECTOR_BREAKER_IGNORE, 0, 0, 0);
}


void
ngx_http_sector_cache_source_count(ngx_http_sector_cache_source_t *source,
    sector_fetch_stat_e stat)
{
    (void) ngx_atomic_fetch_add(&source->sh->counters[stat], 1);
}


static void
ngx_http_sector_cache_source_policy(ngx_http_sector_cache_source_t *source,
    sector_flight_policy_t *policy)
{
    policy->source = (uint64_t) (uintptr_t) source->sh;
    policy->concurrency = source->concurrency;
    policy->queue = source->queue;
    policy->lease_ms = source->timeout_ms
                       + NGX_HTTP_SECTOR_CACHE_LEASE_MARGIN;
    policy->queue_lease_ms = source->queue_timeout_ms
                             + NGX_HTTP_SECTOR_CACHE_LEASE_MARGIN;
}


/* Who wants, and what; NULL: nothing that is named. */

static void
ngx_http_sector_cache_source_want(const ngx_http_sector_cache_want_t *wanted,
    sector_flight_want_t *want)
{
    ngx_memzero(want, sizeof(sector_flight_want_t));

    want->owner = (int32_t) ngx_pid;
    want->line = ngx_http_sector_cache_wake_line();

    if (wanted) {
        want->zone = sector_store_id(&wanted->zone->store);
        want->key = wanted->key->data;
        want->key_len = wanted->key->len;
    }
}


/* Notes what the flight's owner holds, for whoever has to take it back. */

static void
ngx_http_sector_cache_source_hold_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn)
{
    sector_flight_lease_t  lease;

    ngx_memzero(&lease, sizeof(sector_flight_lease_t));

    if (turn->admitted) {
        lease.held[1] = NGX_HTTP_SECTOR_CACHE_HELD_BEGUN;
    }

    if (turn->permitted) {
        lease.held[0] = turn->permit.generation;
        lease.held[1] |= NGX_HTTP_SECTOR_CACHE_HELD_PERMIT
                         | turn->permit.probe
                           << NGX_HTTP_SECTOR_CACHE_HELD_BITS;
    }

    if (sector_flight_owned(source->flights, turn->id, (int32_t) ngx_pid)) {
        sector_flight_hold(source->flights, turn->id, &lease);
    }
}


static void
ngx_http_sector_cache_source_report_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn,
    ngx_http_sector_cache_call_t *call)
{
    uint32_t           before;
    sector_breaker_t  *breaker;

    if (call && !call->observed) {
        call->observed = 1;
        sector_stats_observe(&source->sh->upstream, call->elapsed_ms);
    }

    if (!turn->permitted) {
        return;
    }

    turn->permitted = 0;

    /* that it opens by the clock is no answer's doing */

    ngx_http_sector_cache_source_lapse_locked(source);

    breaker = &source->sh->breaker;
    before = breaker->state;

    sector_breaker_report(breaker, &source->breaker,
                          ngx_http_sector_cache_now(), &turn->permit,
                          call ? call->result : SECTOR_BREAKER_IGNORE,
                          call ? call->key : 0, call ? call->elapsed_ms : 0,
                          call ? call->retry_after_ms : 0);

    if (before != SECTOR_BREAKER_OPEN && breaker->state == SECTOR_BREAKER_OPEN
        && call)
    {
        source->sh->opened = *call->why;
        source->sh->opened_wall_ms = ngx_http_sector_cache_wall_ms();
    }
}
