#include "ngx_http_sector_cache_source_asked.h"


static ngx_http_sector_cache_asked_t *
    ngx_http_sector_cache_source_find_locked(
    ngx_http_sector_cache_source_shm_t *sh, uint64_t zone, const void *key,
    size_t key_len);


void
ngx_http_sector_cache_source_ask_locked(ngx_http_sector_cache_source_shm_t *sh,
    sector_flight_want_t *want)
{
    ngx_uint_t                      i;
    ngx_http_sector_cache_asked_t  *asked;

    asked = ngx_http_sector_cache_source_find_locked(sh, want->zone, want->key,
                                                     want->key_len);
    if (asked) {
        asked->asked = ++sh->asked_last;
        return;
    }

    asked = &sh->asked[0];

    for (i = 1; i < NGX_HTTP_SECTOR_CACHE_ASKED; i++) {
        if (sh->asked[i].asked < asked->asked) {
            asked = &sh->asked[i];
        }
    }

    asked->key_len = 0;
    ngx_memory_barrier();

    asked->zone = want->zone;
    asked->asked = ++sh->asked_last;
    asked->failed = 0;
    ngx_memcpy(asked->key, want->key, want->key_len);

    ngx_memory_barrier();
    asked->key_len = (uint32_t) want->key_len;
}


ngx_uint_t
ngx_http_sector_cache_source_asked(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_asked_t *asked)
{
    ngx_uint_t                      i, j, n;
    ngx_http_sector_cache_asked_t  *key;

    n = 0;

    ngx_shmtx_lock(&source->shpool->mutex);

    for (i = 0; i < NGX_HTTP_SECTOR_CACHE_ASKED; i++) {
        key = &source->sh->asked[i];

        if (key->key_len == 0 || key->key_len > SECTOR_FLIGHT_KEY_MAX) {
            continue;
        }

        for (j = n++; j; j--) {
            if (asked[j - 1].failed < key->failed
                || (asked[j - 1].failed == key->failed
                    && asked[j - 1].asked > key->asked))
            {
                break;
            }

            asked[j] = asked[j - 1];
        }

        asked[j] = *key;
    }

    ngx_shmtx_unlock(&source->shpool->mutex);

    return n;
}


void
ngx_http_sector_cache_source_probed(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_asked_t *asked, ngx_uint_t failed)
{
    ngx_http_sector_cache_asked_t  *key;

    ngx_shmtx_lock(&source->shpool->mutex);

    key = ngx_http_sector_cache_source_find_locked(source->sh, asked->zone,
                                                   asked->key, asked->key_len);
    if (key) {
        key->failed = failed ? ++source->sh->asked_last : 0;
    }

    ngx_shmtx_unlock(&source->shpool->mutex);
}


static ngx_http_sector_cache_asked_t *
ngx_http_sector_cache_source_find_locked(
    ngx_http_sector_cache_source_shm_t *sh, uint64_t zone, const void *key,
    size_t key_len)
{
    ngx_uint_t                      i;
    ngx_http_sector_cache_asked_t  *asked;

    for (i = 0; i < NGX_HTTP_SECTOR_CACHE_ASKED; i++) {
        asked = &sh->asked[i];

        if (asked->key_len == key_len && asked->zone == zone
            && ngx_memcmp(asked->key, key, key_len) == 0)
        {
            return asked;
        }
    }

    return NULL;
}
