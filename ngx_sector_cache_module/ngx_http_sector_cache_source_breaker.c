#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source_internal.h"
#include "ngx_http_sector_cache_wake.h"


sector_breaker_state_e
ngx_http_sector_cache_source_settle(ngx_http_sector_cache_source_t *source,
    uint64_t *retry_after_ms)
{
    uint32_t                before, after;
    sector_breaker_state_e  state;

    ngx_shmtx_lock(&source->shpool->mutex);

    before = source->sh->breaker.state;
    ngx_http_sector_cache_source_lapse_locked(source);
    after = source->sh->breaker.state;

    state = sector_breaker_peek(&source->sh->breaker, &source->breaker,
                                ngx_http_sector_cache_now(), retry_after_ms);

    ngx_shmtx_unlock(&source->shpool->mutex);

    ngx_http_sector_cache_source_log(source, before, after);

    return state;
}


/* A half-open breaker that came to no decision opens. */

void
ngx_http_sector_cache_source_lapse_locked(
    ngx_http_sector_cache_source_t *source)
{
    ngx_http_sector_cache_source_shm_t  *sh;

    sh = source->sh;

    if (!sector_breaker_lapse(&sh->breaker, &source->breaker,
                              ngx_http_sector_cache_now()))
    {
        return;
    }

    ngx_memzero(&sh->opened, sizeof(sector_flight_outcome_t));
    (void) ngx_snprintf((u_char *) sh->opened.reason,
                        SECTOR_FLIGHT_REASON_MAX - 1,
                        "Probes of source %V came to no decision",
                        &source->name);
    sh->opened_wall_ms = ngx_http_sector_cache_wall_ms();
}


void
ngx_http_sector_cache_source_force(ngx_http_sector_cache_source_t *source,
    sector_breaker_force_e force)
{
    uint32_t  before, after;

    ngx_shmtx_lock(&source->shpool->mutex);

    before = source->sh->breaker.state;
    sector_breaker_force(&source->sh->breaker, force,
                         ngx_http_sector_cache_now());
    after = source->sh->breaker.state;

    ngx_shmtx_unlock(&source->shpool->mutex);

    ngx_http_sector_cache_wake(~(uint64_t) 0);
    ngx_http_sector_cache_source_log(source, before, after);
}


/* A transition is logged once, by the worker that made it. */

void
ngx_http_sector_cache_source_log(ngx_http_sector_cache_source_t *source,
    uint32_t before, uint32_t after)
{
    char  reason[SECTOR_FLIGHT_REASON_MAX];

    if (before == after) {
        return;
    }

    if (after != SECTOR_BREAKER_OPEN) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "circuit breaker of source \"%V\": %s -> %s",
                      &source->name, sector_breaker_name(before),
                      sector_breaker_name(after));
        return;
    }

    ngx_http_sector_cache_wake(~(uint64_t) 0);

    ngx_memzero(reason, sizeof(reason));

    ngx_shmtx_lock(&source->shpool->mutex);

    if (source->sh->breaker.force == SECTOR_BREAKER_AUTO) {
        ngx_memcpy(reason, source->sh->opened.reason, sizeof(reason) - 1);
    }

    ngx_shmtx_unlock(&source->shpool->mutex);

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "circuit breaker of source \"%V\": %s -> open%s%s",
                  &source->name, sector_breaker_name(before),
                  reason[0] ? ", " : "", reason);
}
