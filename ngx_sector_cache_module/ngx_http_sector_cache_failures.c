#include "ngx_http_sector_cache_failures.h"
#include "ngx_http_sector_cache_shm.h"


static ngx_http_sector_cache_failure_t *
    ngx_http_sector_cache_failures_find_locked(
    ngx_http_sector_cache_ops_t *ops, uint64_t zone, ngx_str_t *key);


void
ngx_http_sector_cache_failures_note(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key, ngx_uint_t result, ngx_uint_t status, ngx_str_t *reason)
{
    ngx_uint_t                           i;
    ngx_http_sector_cache_ops_t         *ops;
    ngx_http_sector_cache_failure_t      failure, *old;
    ngx_http_sector_cache_main_conf_t   *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_sector_cache_module);

    if (mcf == NULL || mcf->ops == NULL || key->len > SECTOR_FLIGHT_KEY_MAX) {
        return;
    }

    ngx_memzero(&failure, sizeof(ngx_http_sector_cache_failure_t));

    failure.zone = sector_store_id(&zone->store);
    failure.wall_ms = ngx_http_sector_cache_wall_ms();
    failure.result = (uint32_t) result;
    failure.status = (uint32_t) status;
    failure.key_len = (uint32_t) key->len;
    ngx_memcpy(failure.key, key->data, key->len);
    ngx_memcpy(failure.reason, reason->data,
               ngx_min(reason->len, SECTOR_FLIGHT_REASON_MAX - 1));

    ops = mcf->ops;

    ngx_shmtx_lock(&mcf->shpool->mutex);

    old = ngx_http_sector_cache_failures_find_locked(ops, failure.zone, key);

    if (old == NULL) {
        old = &ops->failures[0];

        for (i = 1; i < NGX_HTTP_SECTOR_CACHE_FAILURES; i++) {
            if (ops->failures[i].number < old->number) {
                old = &ops->failures[i];
            }
        }
    }

    failure.number = ++ops->failures_last;
    *old = failure;

    ngx_shmtx_unlock(&mcf->shpool->mutex);
}


ngx_int_t
ngx_http_sector_cache_failures_find(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key, ngx_http_sector_cache_failure_t *failure)
{
    ngx_http_sector_cache_failure_t    *found;
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_sector_cache_module);

    if (mcf == NULL || mcf->ops == NULL) {
        return NGX_DECLINED;
    }

    ngx_shmtx_lock(&mcf->shpool->mutex);

    found = ngx_http_sector_cache_failures_find_locked(mcf->ops,
                                               sector_store_id(&zone->store),
                                               key);
    if (found) {
        *failure = *found;
        failure->reason[SECTOR_FLIGHT_REASON_MAX - 1] = '\0';
    }

    ngx_shmtx_unlock(&mcf->shpool->mutex);

    return found ? NGX_OK : NGX_DECLINED;
}


static ngx_http_sector_cache_failure_t *
ngx_http_sector_cache_failures_find_locked(ngx_http_sector_cache_ops_t *ops,
    uint64_t zone, ngx_str_t *key)
{
    ngx_uint_t                        i;
    ngx_http_sector_cache_failure_t  *f;

    for (i = 0; i < NGX_HTTP_SECTOR_CACHE_FAILURES; i++) {
        f = &ops->failures[i];

        if (f->number && f->zone == zone && f->key_len == key->len
            && ngx_memcmp(f->key, key->data, key->len) == 0)
        {
            return f;
        }
    }

    return NULL;
}
