/*
 * What a key's next fetch has to know is written before its flight is over, so
 * that who begins the next one knows; all under the control zone's mutex.
 */

#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source_asked.h"
#include "ngx_http_sector_cache_source_internal.h"


static void ngx_http_sector_cache_source_name(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key,
    sector_hold_key_t *name);
static void ngx_http_sector_cache_source_good_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending);
static void ngx_http_sector_cache_source_had(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending, ngx_uint_t had);
static void ngx_http_sector_cache_source_failed_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending);
static void ngx_http_sector_cache_source_refused_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending);


/* Whether the key failed a moment ago, and waits: HELD, else GO. */

ngx_http_sector_cache_turn_e
ngx_http_sector_cache_source_held_locked(
    ngx_http_sector_cache_source_t *source,
    const ngx_http_sector_cache_want_t *wanted,
    sector_flight_outcome_t *outcome)
{
    uint64_t             left_ms;
    sector_breaker_t    *breaker;
    sector_hold_slot_t  *slot;

    if (wanted->key->len == 0 || !wanted->shared) {
        return NGX_HTTP_SECTOR_CACHE_TURN_GO;
    }

    slot = ngx_http_sector_cache_source_slot_locked(source, wanted->zone,
                                                    wanted->key, 0);
    if (slot == NULL) {
        return NGX_HTTP_SECTOR_CACHE_TURN_GO;
    }

    if (wanted->release) {
        sector_hold_release(slot);
    }

    breaker = &source->sh->breaker;
    left_ms = sector_hold_left(slot, ngx_http_sector_cache_now(),
                               breaker->generation,
                               breaker->state == SECTOR_BREAKER_CLOSED);

    if (left_ms == 0 || wanted->unheld) {
        return NGX_HTTP_SECTOR_CACHE_TURN_GO;
    }

    *outcome = slot->outcome;
    outcome->reason[SECTOR_FLIGHT_REASON_MAX - 1] = '\0';
    outcome->retry_after_ms = left_ms;

    ngx_http_sector_cache_source_count(source, SECTOR_FETCH_HELD);

    return NGX_HTTP_SECTOR_CACHE_TURN_HELD;
}


/* What is remembered of a key that failed; NULL: nothing, and nothing is to be,
 * unless make says so. */

sector_hold_slot_t *
ngx_http_sector_cache_source_slot_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key, ngx_uint_t make)
{
    sector_hold_key_t  name;

    if (key->len > SECTOR_FLIGHT_KEY_MAX) {
        return NULL;
    }

    ngx_http_sector_cache_source_name(source, zone, key, &name);

    return make ? sector_hold_take(source->holds, &name)
                : sector_hold_find(source->holds, &name);
}


static void
ngx_http_sector_cache_source_name(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key,
    sector_hold_key_t *name)
{
    name->source = (uint64_t) (uintptr_t) source->sh;
    name->zone = sector_store_id(&zone->store);
    name->key = key->data;
    name->key_len = key->len;
}


ngx_uint_t
ngx_http_sector_cache_source_missing(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key)
{
    ngx_uint_t           believed;
    sector_hold_slot_t  *slot;

    believed = 0;

    ngx_shmtx_lock(&source->shpool->mutex);

    slot = ngx_http_sector_cache_source_slot_locked(source, zone, key, 1);

    if (slot) {
        believed = sector_hold_missing(slot, (uint32_t) zone->missing_after,
                                       zone->policy.negative_ms,
                                       ngx_http_sector_cache_now());
    }

    ngx_shmtx_unlock(&source->shpool->mutex);

    return believed;
}


void
ngx_http_sector_cache_source_alone(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key)
{
    sector_hold_slot_t  *slot;

    ngx_shmtx_lock(&source->shpool->mutex);

    slot = ngx_http_sector_cache_source_slot_locked(source, zone, key, 1);

    if (slot) {
        sector_hold_alone(slot, ngx_http_sector_cache_now());
    }

    ngx_shmtx_unlock(&source->shpool->mutex);
}


/* What is remembered of it: before the flight is over, so that who begins the
 * next one knows. */

void
ngx_http_sector_cache_source_ended_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending)
{
    sector_hold_slot_t  *slot;

    switch (ending->end) {

    case NGX_HTTP_SECTOR_CACHE_END_GOOD:
        ngx_http_sector_cache_source_good_locked(source, ending);

        slot = ngx_http_sector_cache_source_slot_locked(source, ending->zone,
                                                        ending->key, 0);
        if (slot) {
            sector_hold_ended(slot);
        }

        break;

    case NGX_HTTP_SECTOR_CACHE_END_ANSWERED:

        /* clients may ask for any others, which are not to fill the table */

        slot = ngx_http_sector_cache_source_slot_locked(source, ending->zone,
                                                        ending->key,
                                                        ending->configured);
        if (slot && ending->configured) {
            sector_hold_absent(source->holds, slot);

        } else if (slot) {
            sector_hold_ended(slot);
        }

        break;

    case NGX_HTTP_SECTOR_CACHE_END_UNKEPT:
    case NGX_HTTP_SECTOR_CACHE_END_FAILED:
        ngx_http_sector_cache_source_failed_locked(source, ending);
        break;

    case NGX_HTTP_SECTOR_CACHE_END_REFUSED:
        ngx_http_sector_cache_source_refused_locked(source, ending);
        break;

    default: /* NGX_HTTP_SECTOR_CACHE_END_NOTHING */
        break;
    }
}


/* A key that was had is well while it is fresh, and for as long as failures
 * are remembered. */

static void
ngx_http_sector_cache_source_good_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending)
{
    uint64_t           until_ms;
    sector_hold_key_t  name;

    ngx_http_sector_cache_source_name(source, ending->zone, ending->key,
                                      &name);
    sector_hold_had(source->holds, &name);

    until_ms = ngx_http_sector_cache_now()
               + ngx_max(ending->ttl_ms, source->breaker.reset_ms);

    ngx_http_sector_cache_source_had(source, ending, 1);
    sector_breaker_well(&source->sh->breaker, ending->hash, until_ms);
    sector_failing_good(&source->sh->failing, ending->hash, until_ms,
                        ngx_http_sector_cache_wall_ms());
}


/* Under the mutex. */

static void
ngx_http_sector_cache_source_had(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending, ngx_uint_t had)
{
    sector_flight_want_t  want;

    ngx_memzero(&want, sizeof(sector_flight_want_t));

    want.zone = sector_store_id(&ending->zone->store);
    want.key = ending->key->data;
    want.key_len = ending->key->len;

    ngx_http_sector_cache_source_had_locked(source->sh, &want, had);
}


static void
ngx_http_sector_cache_source_failed_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending)
{
    int64_t              wall_ms;
    ngx_str_t           *key;
    sector_hold_slot_t  *slot;

    key = ending->key;
    wall_ms = ngx_http_sector_cache_wall_ms();

    if (!ending->noted && ending->end == NGX_HTTP_SECTOR_CACHE_END_FAILED) {
        sector_failing_bad(&source->sh->failing, ending->hash, key->data,
                           (uint32_t) key->len, ngx_http_sector_cache_now(),
                           wall_ms, ending->outcome);
    }

    if (key->len == 0) {
        ending->lines = sector_hold_repeat(
                       &source->sh->repeats[NGX_HTTP_SECTOR_CACHE_REPEAT_MANY],
                       ending->outcome->result << 16
                       | ending->outcome->status, ngx_http_sector_cache_now());
        return;
    }

    if (!ending->foreign) {
        ngx_http_sector_cache_source_had(source, ending, 0);
    }

    slot = ngx_http_sector_cache_source_slot_locked(source, ending->zone, key,
                                                    1);
    if (slot == NULL) {
        return;
    }

    sector_hold_failed(source->holds, slot,
                       ending->holds ? source->hold_ms : 0,
                       source->max_hold_ms, ending->least_ms,
                       (uint64_t) ngx_random(), ngx_http_sector_cache_now(),
                       wall_ms, ending->outcome);

    /* a wait that goes on ends as it would have */

    if (ending->holds) {
        slot->generation = ending->foreign
                           ? source->sh->breaker.generation + 1 : 0;
    }

    if (!ending->doubted) {
        slot->missing = 0;
    }

    ending->lines = sector_hold_log(slot, ngx_http_sector_cache_now());
}


static void
ngx_http_sector_cache_source_refused_locked(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ending_t *ending)
{
    sector_hold_slot_t                *slot;
    ngx_http_sector_cache_repeat_e     i;

    i = ending->rate ? NGX_HTTP_SECTOR_CACHE_REPEAT_RATE
                     : NGX_HTTP_SECTOR_CACHE_REPEAT_QUEUE;

    if (!ending->noted) {
        ending->lines = sector_hold_repeat(&source->sh->repeats[i], 0,
                                           ngx_http_sector_cache_now());
    }

    if (ending->key->len == 0) {
        return;
    }

    slot = ngx_http_sector_cache_source_slot_locked(source, ending->zone,
                                                    ending->key, 1);

    /* one that waits is answered with what it waits for */

    if (slot && slot->until_ms <= ngx_http_sector_cache_now()) {
        sector_hold_refused(source->holds, slot,
                            ngx_http_sector_cache_wall_ms(), ending->outcome);
    }
}


/* FNV-1a, 64 bits. */

uint64_t
ngx_http_sector_cache_source_hash(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key)
{
    uint64_t    hash;
    ngx_uint_t  i;

    hash = 0xcbf29ce484222325 ^ sector_store_id(&zone->store);

    for (i = 0; i < key->len; i++) {
        hash = (hash ^ key->data[i]) * 0x100000001b3;
    }

    return hash ? hash : 1;
}
