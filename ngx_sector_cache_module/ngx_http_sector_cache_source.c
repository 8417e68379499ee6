#include "ngx_http_sector_cache_source.h"


static void ngx_http_sector_cache_source_log(
    ngx_http_sector_cache_source_t *source, uint32_t before, uint32_t after);


ngx_int_t
ngx_http_sector_cache_source_acquire(ngx_http_sector_cache_source_t *source,
    sector_breaker_permit_t *permit, uint64_t *retry_after_ms)
{
    int                rc;
    uint32_t           before, after;
    sector_breaker_t  *breaker;

    breaker = &source->sh->breaker;

    ngx_shmtx_lock(&source->shpool->mutex);

    before = breaker->state;
    rc = sector_breaker_acquire(breaker, &source->breaker, ngx_current_msec,
                                permit, retry_after_ms);
    after = breaker->state;

    ngx_shmtx_unlock(&source->shpool->mutex);

    ngx_http_sector_cache_source_log(source, before, after);

    return rc == 0 ? NGX_OK : NGX_BUSY;
}


void
ngx_http_sector_cache_source_report(ngx_http_sector_cache_source_t *source,
    sector_breaker_permit_t *permit, sector_breaker_result_e result,
    uint64_t elapsed_ms, uint64_t retry_after_ms)
{
    uint32_t           before, after;
    sector_breaker_t  *breaker;

    breaker = &source->sh->breaker;

    ngx_shmtx_lock(&source->shpool->mutex);

    before = breaker->state;
    sector_breaker_report(breaker, &source->breaker, ngx_current_msec, permit,
                          result, elapsed_ms, retry_after_ms);
    after = breaker->state;

    ngx_shmtx_unlock(&source->shpool->mutex);

    ngx_http_sector_cache_source_log(source, before, after);
}


sector_breaker_state_e
ngx_http_sector_cache_source_state(ngx_http_sector_cache_source_t *source,
    uint64_t *retry_after_ms, uint64_t *opened)
{
    sector_breaker_t        *breaker;
    sector_breaker_state_e   state;

    breaker = &source->sh->breaker;

    ngx_shmtx_lock(&source->shpool->mutex);

    state = sector_breaker_peek(breaker, &source->breaker, ngx_current_msec,
                                retry_after_ms);
    if (opened) {
        *opened = breaker->opened;
    }

    ngx_shmtx_unlock(&source->shpool->mutex);

    return state;
}


void
ngx_http_sector_cache_source_count(ngx_http_sector_cache_source_t *source,
    sector_fetch_stat_e stat)
{
    (void) ngx_atomic_fetch_add(&source->sh->counters[stat], 1);
}


/* A transition is logged once, by the worker that made it. */

static void
ngx_http_sector_cache_source_log(ngx_http_sector_cache_source_t *source,
    uint32_t before, uint32_t after)
{
    ngx_uint_t  level;

    if (before == after) {
        return;
    }

    level = NGX_LOG_NOTICE;

    if (after == SECTOR_BREAKER_OPEN) {
        level = NGX_LOG_WARN;
    }

    ngx_log_error(level, ngx_cycle->log, 0,
                  "circuit breaker of source \"%V\": %s -> %s", &source->name,
                  sector_breaker_name(before), sector_breaker_name(after));
}
