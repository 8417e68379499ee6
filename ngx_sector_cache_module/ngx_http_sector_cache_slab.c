/*
 * The slab pool rounds what is asked for up to a power of two, or from half a
 * page on to whole pages.  It does not say so to its callers; what is told
 * here is checked against its own statistics by a test.
 *
 * The lock is the pool's own mutex, since nginx's master frees that one when
 * its owner dies.  But it does so in the zones of its present cycle alone: a
 * worker of an older one may have a zone that a reload has dropped, or made
 * anew in another size, and does not learn of it before it is told to end.
 * So who waits here waits as ngx_shmtx_lock() does, but now and then looks
 * whether the owner is there still, and never sleeps until it is woken: that
 * would be by the owner.  A process that is dead, but not yet waited for by
 * the master, counts as there; so nobody frees a mutex before the master
 * could, and the two of them do no harm to each other: a mutex is freed only
 * if the dead one has it.
 */

#include "ngx_http_sector_cache_slab.h"

#include <sys/random.h>


#define NGX_HTTP_SECTOR_CACHE_SLAB_SPINS   2048    /* as nginx's shmtx */
#define NGX_HTTP_SECTOR_CACHE_SLAB_YIELDS  64      /* before a longer pause */
#define NGX_HTTP_SECTOR_CACHE_SLAB_PAUSE   500     /* microseconds */


static void *ngx_http_sector_cache_slab_alloc(void *ctx, size_t size);
static void ngx_http_sector_cache_slab_free(void *ctx, void *p);
static void ngx_http_sector_cache_slab_reset(void *ctx);
static size_t ngx_http_sector_cache_slab_rounded(void *ctx, size_t size);
static size_t ngx_http_sector_cache_slab_empty(void *ctx);
static void ngx_http_sector_cache_slab_lock(void *ctx);
static ngx_uint_t ngx_http_sector_cache_slab_spin(ngx_shmtx_t *mutex);
static void ngx_http_sector_cache_slab_bury(
    ngx_http_sector_cache_slab_t *slab);
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
    ngx_uint_t                     n;
    ngx_shmtx_t                   *mutex;
    ngx_http_sector_cache_slab_t  *slab = ctx;

    mutex = &slab->shpool->mutex;

    for (n = 0; !ngx_http_sector_cache_slab_spin(mutex); n++) {

        if (n < NGX_HTTP_SECTOR_CACHE_SLAB_YIELDS) {
            ngx_sched_yield();
            continue;
        }

        /* no critical section takes that long */

        ngx_http_sector_cache_slab_bury(slab);
        (void) usleep(NGX_HTTP_SECTOR_CACHE_SLAB_PAUSE);
    }
}


/* Tries for some microseconds; returns 1 with the mutex. */

static ngx_uint_t
ngx_http_sector_cache_slab_spin(ngx_shmtx_t *mutex)
{
    ngx_uint_t  i, n;

    if (ngx_shmtx_trylock(mutex)) {
        return 1;
    }

    if (ngx_ncpu == 1) {
        return 0;
    }

    for (n = 1; n < NGX_HTTP_SECTOR_CACHE_SLAB_SPINS; n <<= 1) {

        for (i = 0; i < n; i++) {
            ngx_cpu_pause();
        }

        if (ngx_shmtx_trylock(mutex)) {
            return 1;
        }
    }

    return 0;
}


/* Frees the mutex if its owner is gone. */

static void
ngx_http_sector_cache_slab_bury(ngx_http_sector_cache_slab_t *slab)
{
    ngx_pid_t  owner;

    owner = (ngx_pid_t) slab->shpool->lock.lock;

    if (owner == 0 || ngx_http_sector_cache_slab_alive(NULL, owner)) {
        return;
    }

    if (ngx_shmtx_force_unlock(&slab->shpool->mutex, owner)) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "mutex of sector_cache_zone \"%V\" is freed: process %P "
                      "died with it", slab->name, owner);
    }
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
