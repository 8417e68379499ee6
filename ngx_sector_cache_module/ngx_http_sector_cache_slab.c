/*
 * The slab pool rounds what is asked for up to a power of two, or from half a
 * page on to whole pages.  It does not say so to its callers; what is told
 * here is checked against its own statistics by a test.
 */

#include "ngx_http_sector_cache_slab.h"

#include <sys/random.h>


static void *ngx_http_sector_cache_slab_alloc(void *ctx, size_t size);
static void ngx_http_sector_cache_slab_free(void *ctx, void *p);
static void ngx_http_sector_cache_slab_reset(void *ctx);
static size_t ngx_http_sector_cache_slab_rounded(void *ctx, size_t size);
static size_t ngx_http_sector_cache_slab_empty(void *ctx);
static void ngx_http_sector_cache_slab_lock(void *ctx);
static void ngx_http_sector_cache_slab_unlock(void *ctx);
static uint32_t ngx_http_sector_cache_slab_random(void *ctx);
static void ngx_http_sector_cache_slab_recovered(void *ctx);


void
ngx_http_sector_cache_slab_ops(sector_store_ops_t *ops,
    ngx_http_sector_cache_slab_t *slab)
{
    ops->alloc = ngx_http_sector_cache_slab_alloc;
    ops->free = ngx_http_sector_cache_slab_free;
    ops->reset = ngx_http_sector_cache_slab_reset;
    ops->rounded = ngx_http_sector_cache_slab_rounded;
    ops->room = ngx_http_sector_cache_slab_empty;
    ops->lock = ngx_http_sector_cache_slab_lock;
    ops->unlock = ngx_http_sector_cache_slab_unlock;
    ops->alive = ngx_http_sector_cache_slab_alive;
    ops->random = ngx_http_sector_cache_slab_random;
    ops->recovered = ngx_http_sector_cache_slab_recovered;
    ops->ctx = slab;
}


static void *
ngx_http_sector_cache_slab_alloc(void *ctx, size_t size)
{
    ngx_http_sector_cache_slab_t *slab = ctx;

    return ngx_slab_alloc_locked(slab->shpool, size);
}


static void
ngx_http_sector_cache_slab_free(void *ctx, void *p)
{
    ngx_http_sector_cache_slab_t *slab = ctx;

    ngx_slab_free_locked(slab->shpool, p);
}


static void
ngx_http_sector_cache_slab_reset(void *ctx)
{
    ngx_http_sector_cache_slab_t *slab = ctx;

    ngx_slab_init(slab->shpool);

    /* a full zone is the store's business, not an error */

    slab->shpool->log_nomem = 0;
}


static size_t
ngx_http_sector_cache_slab_rounded(void *ctx, size_t size)
{
    size_t                         rounded;
    ngx_http_sector_cache_slab_t  *slab = ctx;

    if (size > ngx_pagesize / 2) {
        return ngx_align(size, ngx_pagesize);
    }

    rounded = slab->shpool->min_size;

    while (rounded < size) {
        rounded *= 2;
    }

    return rounded;
}


static size_t
ngx_http_sector_cache_slab_empty(void *ctx)
{
    ngx_http_sector_cache_slab_t *slab = ctx;

    return slab->shpool->pfree * ngx_pagesize;
}


/* Divides a zone that does not exist yet, as ngx_slab_init() would. */

size_t
ngx_http_sector_cache_slab_room(size_t zone_bytes)
{
    size_t  end, head, pages, start;

    /* every size of slots, from 8 bytes on, has a list and its statistics */

    head = sizeof(ngx_slab_pool_t)
           + (ngx_pagesize_shift - 3)
             * (sizeof(ngx_slab_page_t) + sizeof(ngx_slab_stat_t));

    end = zone_bytes - sector_store_reserve(zone_bytes);
    pages = (end - head) / (ngx_pagesize + sizeof(ngx_slab_page_t));
    start = ngx_align(head + pages * sizeof(ngx_slab_page_t), ngx_pagesize);

    return ngx_min(pages * ngx_pagesize, end - start);
}


static void
ngx_http_sector_cache_slab_lock(void *ctx)
{
    ngx_http_sector_cache_slab_t *slab = ctx;

    ngx_shmtx_lock(&slab->shpool->mutex);
}


static void
ngx_http_sector_cache_slab_unlock(void *ctx)
{
    ngx_http_sector_cache_slab_t *slab = ctx;

    ngx_shmtx_unlock(&slab->shpool->mutex);
}


int
ngx_http_sector_cache_slab_alive(void *ctx, int32_t pid)
{
    return kill((pid_t) pid, 0) == 0 || ngx_errno != NGX_ESRCH;
}


/* The first ones seed the hash, which a client must not guess. */

static uint32_t
ngx_http_sector_cache_slab_random(void *ctx)
{
    uint32_t  n;

    if (getrandom(&n, sizeof(n), GRND_NONBLOCK) == sizeof(n)) {
        return n;
    }

    return (uint32_t) ngx_random();
}


static void
ngx_http_sector_cache_slab_recovered(void *ctx)
{
    ngx_http_sector_cache_slab_t *slab = ctx;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "sector_cache_zone \"%V\" was emptied: a process died while "
                  "it changed it", slab->name);
}
