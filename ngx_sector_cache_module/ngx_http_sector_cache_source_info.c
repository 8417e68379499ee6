#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source.h"
#include "ngx_http_sector_cache_source_info.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_hours.h"


static ngx_uint_t ngx_http_sector_cache_source_frozen_locked(
    ngx_http_sector_cache_source_t *source);


sector_breaker_state_e
ngx_http_sector_cache_source_state(ngx_http_sector_cache_source_t *source,
    uint64_t *retry_after_ms)
{
    sector_breaker_state_e  state;

    ngx_shmtx_lock(&source->shpool->mutex);

    state = sector_breaker_peek(&source->sh->breaker, &source->breaker,
                                ngx_http_sector_cache_now(), retry_after_ms);

    ngx_shmtx_unlock(&source->shpool->mutex);

    return state;
}


void
ngx_http_sector_cache_source_info(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_source_info_t *info)
{
    ngx_http_sector_cache_source_shm_t  *sh;

    sh = source->sh;

    ngx_http_sector_cache_source_reap(
        ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                            ngx_http_sector_cache_module),
        0);

    ngx_shmtx_lock(&source->shpool->mutex);

    info->state = sector_breaker_peek(&sh->breaker, &source->breaker,
                                      ngx_http_sector_cache_now(),
                                      &info->retry_after_ms);

    info->since_wall_ms = 0;

    if (sh->breaker.generation) {
        info->since_wall_ms = ngx_http_sector_cache_wall_ms()
                              - (int64_t) (ngx_http_sector_cache_now()
                                           - sh->breaker.since_ms);
    }

    info->forced = (sh->breaker.force != SECTOR_BREAKER_AUTO);
    info->opened = sh->breaker.opened;
    info->transitions = sh->breaker.generation;
    info->quote_ms = sh->feed.newest_ms;
    info->frozen = ngx_http_sector_cache_source_frozen_locked(source);
    info->upstream = sh->upstream;
    info->wait = sh->wait;

    sector_flight_count(source->flights, (uint64_t) (uintptr_t) sh,
                        &info->running, &info->waiting);

    ngx_shmtx_unlock(&source->shpool->mutex);
}


ngx_int_t
ngx_http_sector_cache_source_held(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, const void *key, size_t key_len,
    sector_hold_slot_t *slot, uint64_t *left_ms)
{
    sector_hold_key_t        name;
    sector_hold_slot_t      *found;
    const sector_breaker_t  *breaker;

    breaker = &source->sh->breaker;
    *left_ms = 0;

    name.source = (uint64_t) (uintptr_t) source->sh;
    name.zone = sector_store_id(&zone->store);
    name.key = key;
    name.key_len = key_len;

    ngx_shmtx_lock(&source->shpool->mutex);

    found = sector_hold_find(source->holds, &name);

    if (found) {
        *slot = *found;
        slot->outcome.reason[SECTOR_FLIGHT_REASON_MAX - 1] = '\0';
        *left_ms = sector_hold_left(found, ngx_http_sector_cache_now(),
                                    breaker->generation,
                                    breaker->state == SECTOR_BREAKER_CLOSED);
    }

    ngx_shmtx_unlock(&source->shpool->mutex);

    return found ? NGX_OK : NGX_DECLINED;
}


void
ngx_http_sector_cache_source_quote(ngx_http_sector_cache_source_t *source,
    int64_t quote_ms)
{
    ngx_uint_t  before, after;

    ngx_shmtx_lock(&source->shpool->mutex);

    before = ngx_http_sector_cache_source_frozen_locked(source);
    sector_feed_note(&source->sh->feed, quote_ms,
                     ngx_http_sector_cache_wall_ms(),
                     ngx_http_sector_cache_now());
    after = ngx_http_sector_cache_source_frozen_locked(source);

    ngx_shmtx_unlock(&source->shpool->mutex);

    if (before && !after) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "quotes of source \"%V\" advance again", &source->name);
    }
}


ngx_uint_t
ngx_http_sector_cache_source_frozen(ngx_http_sector_cache_source_t *source)
{
    ngx_uint_t  frozen;

    ngx_shmtx_lock(&source->shpool->mutex);

    frozen = ngx_http_sector_cache_source_frozen_locked(source);

    ngx_shmtx_unlock(&source->shpool->mutex);

    return frozen;
}


static ngx_uint_t
ngx_http_sector_cache_source_frozen_locked(
    ngx_http_sector_cache_source_t *source)
{
    int64_t                            open_ms, ms;
    ngx_uint_t                         i;
    ngx_http_sector_cache_location_t  *location;

    location = source->locations.elts;
    open_ms = 0;

    for (i = 0; i < source->locations.nelts; i++) {

        ms = ngx_http_sector_cache_hours_open_for(location[i].conf->sectors);
        open_ms = ngx_max(open_ms, ms);
    }

    return sector_feed_frozen(&source->sh->feed, source->frozen_ms,
                              (uint64_t) open_ms, ngx_http_sector_cache_now());
}


void
ngx_http_sector_cache_source_verdict(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key,
    ngx_http_sector_cache_source_verdict_t *verdict)
{
    uint64_t              id, tat_ns;
    sector_flight_want_t  want;

    ngx_memzero(verdict, sizeof(ngx_http_sector_cache_source_verdict_t));
    ngx_memzero(&want, sizeof(sector_flight_want_t));

    want.zone = sector_store_id(&zone->store);
    want.key = key->data;
    want.key_len = key->len;

    ngx_shmtx_lock(&source->shpool->mutex);

    verdict->state = sector_breaker_peek(&source->sh->breaker,
                                         &source->breaker,
                                         ngx_http_sector_cache_now(),
                                         &verdict->breaker_ms);

    tat_ns = source->sh->tat_ns;
    (void) sector_rate_take(&tat_ns, &source->rate,
                            ngx_http_sector_cache_now(), &verdict->rate_ms);

    sector_flight_count(source->flights, (uint64_t) (uintptr_t) source->sh,
                        &verdict->running, &verdict->waiting);

    id = sector_flight_find(source->flights, &want);

    if (id) {
        verdict->flight = sector_flight_look(source->flights, id);
        verdict->owner = sector_flight_owner(source->flights, id);
    }

    ngx_shmtx_unlock(&source->shpool->mutex);
}
