#include "ngx_http_sector_cache_source_asked.h"


static void ngx_http_sector_cache_source_note_locked(
    ngx_http_sector_cache_source_shm_t *sh, sector_flight_want_t *want,
    uint32_t had);
static ngx_http_sector_cache_asked_t *
    ngx_http_sector_cache_source_find_locked(
    ngx_http_sector_cache_source_shm_t *sh, uint64_t zone, const void *key,
    size_t key_len);
static ngx_uint_t ngx_http_sector_cache_source_before(
    const ngx_http_sector_cache_asked_t *a,
    const ngx_http_sector_cache_asked_t *b, ngx_uint_t had);


void
ngx_http_sector_cache_source_ask_locked(ngx_http_sector_cache_source_shm_t *sh,
    sector_flight_want_t *want)
{
    ngx_http_sector_cache_source_note_locked(sh, want, 0);
}


void
ngx_http_sector_cache_source_had_locked(ngx_http_sector_cache_source_shm_t *sh,
    sector_flight_want_t *want, ngx_uint_t had)
{
    ngx_http_sector_cache_asked_t  *asked;

    if (had) {
        ngx_http_sector_cache_source_note_locked(sh, want, 1);
        return;
    }

    asked = ngx_http_sector_cache_source_find_locked(sh, want->zone, want->key,
                                                     want->key_len);
    if (asked) {
        asked->had = 0;
    }
}


ngx_uint_t
ngx_http_sector_cache_source_known_locked(
    ngx_http_sector_cache_source_shm_t *sh, sector_flight_want_t *want)
{
    ngx_uint_t                      i;
    ngx_http_sector_cache_asked_t  *asked;

    asked = ngx_http_sector_cache_source_find_locked(sh, want->zone, want->key,
                                                     want->key_len);
    if (asked && asked->had) {
        return 1;
    }

    for (i = 0; i < NGX_HTTP_SECTOR_CACHE_ASKED; i++) {
        if (sh->asked[i].key_len && sh->asked[i].had) {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_sector_cache_source_note_locked(
    ngx_http_sector_cache_source_shm_t *sh, sector_flight_want_t *want,
    uint32_t had)
{
    ngx_uint_t                      i;
    ngx_http_sector_cache_asked_t  *asked;

    asked = ngx_http_sector_cache_source_find_locked(sh, want->zone, want->key,
                                                     want->key_len);
    if (asked) {
        asked->asked = ++sh->asked_last;
        asked->had |= had;
        return;
    }

    asked = &sh->asked[0];

    for (i = 1; i < NGX_HTTP_SECTOR_CACHE_ASKED; i++) {
        if (sh->asked[i].had < asked->had
            || (sh->asked[i].had == asked->had
                && sh->asked[i].asked < asked->asked))
        {
            asked = &sh->asked[i];
        }
    }

    if (asked->had > had) {
        return;
    }

    asked->key_len = 0;
    ngx_memory_barrier();

    asked->zone = want->zone;
    asked->asked = ++sh->asked_last;
    asked->failed = 0;
    asked->had = had;
    ngx_memcpy(asked->key, want->key, want->key_len);

    ngx_memory_barrier();
    asked->key_len = (uint32_t) want->key_len;
}


ngx_uint_t
ngx_http_sector_cache_source_asked(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_asked_t *asked)
{
    ngx_uint_t                      i, j, n, had;
    ngx_http_sector_cache_asked_t  *key;

    n = 0;

    ngx_shmtx_lock(&source->shpool->mutex);

    had = !(source->sh->breaker.opened & 1);

    for (i = 0; i < NGX_HTTP_SECTOR_CACHE_ASKED; i++) {
        key = &source->sh->asked[i];

        if (key->key_len == 0 || key->key_len > SECTOR_FLIGHT_KEY_MAX) {
            continue;
        }

        for (j = n++; j; j--) {
            if (ngx_http_sector_cache_source_before(&asked[j - 1], key, had)) {
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


/* Whether to probe with a before b; with had, what was had comes first. */

static ngx_uint_t
ngx_http_sector_cache_source_before(const ngx_http_sector_cache_asked_t *a,
    const ngx_http_sector_cache_asked_t *b, ngx_uint_t had)
{
    if (had && a->had != b->had) {
        return a->had > b->had;
    }

    return a->failed == b->failed ? a->asked > b->asked
                                  : a->failed < b->failed;
}
