/*
 * slab_test_module: the store over nginx's own slab allocator.
 *
 * An nginx module for tests alone: "nginx -t" with it loaded pushes 100 000
 * distinct keys of random sizes through a zone that holds about a thousand,
 * and compares the store's account with the slab's own all the way, and what
 * it has room for with what was foretold.  What is
 * wrong is printed and fails the -t.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <sys/mman.h>

#include "ngx_http_sector_cache_slab.h"


#define SLAB_TEST_ZONE    (1280 * 1024)
#define SLAB_TEST_KEYS    100000
#define SLAB_TEST_VALUE   20000     /* bytes of the largest */


static ngx_int_t slab_test_run(ngx_cycle_t *cycle);


static ngx_core_module_t  slab_test_module_ctx = {
    ngx_string("slab_test"),
    NULL,
    NULL
};


ngx_module_t  slab_test_module = {
    NGX_MODULE_V1,
    &slab_test_module_ctx,
    NULL,
    NGX_CORE_MODULE,
    NULL,
    slab_test_run,                         /* init module */
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NGX_MODULE_V1_PADDING
};


/* What nginx's configure writes for a dynamic module. */

ngx_module_t *ngx_modules[] = { &slab_test_module, NULL };
char *ngx_module_names[] = { "slab_test_module", NULL };
char *ngx_module_order[] = { NULL };


static uint64_t  slab_test_seed;
static u_char    slab_test_value[SLAB_TEST_VALUE];


static uint32_t
slab_test_random(void)
{
    /* Knuth, TAOCP 2, 3.3.4: MMIX's multiplier */

    slab_test_seed = slab_test_seed * 6364136223846793005ULL
                     + 1442695040888963407ULL;

    return (uint32_t) (slab_test_seed >> 32);
}


/* Bytes that the slab has given out: by its counts of slots, and the pages
 * that are neither free nor cut into slots. */

static size_t
slab_test_used(ngx_slab_pool_t *pool)
{
    size_t      used, pages;
    ngx_uint_t  i;

    used = 0;
    pages = (pool->last - pool->pages) - pool->pfree;

    for (i = 0; i < ngx_pagesize_shift - pool->min_shift; i++) {
        used += pool->stats[i].used << (i + pool->min_shift);
        pages -= pool->stats[i].total
                 / (ngx_pagesize >> (i + pool->min_shift));
    }

    return used + pages * ngx_pagesize;
}


/* Mostly a sector's size, sometimes a byte, pages, or too much. */

static size_t
slab_test_size(void)
{
    switch (slab_test_random() % 32) {

    case 0:
        return 1;

    case 1:
        return slab_test_random() % SLAB_TEST_VALUE;

    default:
        return 350 + slab_test_random() % 300;
    }
}


static ngx_int_t
slab_test_compare(sector_store_t *st, ngx_slab_pool_t *pool, ngx_uint_t n)
{
    size_t               used;
    sector_store_info_t  info;

    sector_store_info(st, &info);
    used = slab_test_used(pool);

    if (info.used_bytes == used) {
        return NGX_OK;
    }

    printf("after %u keys: the store counts %lu bytes, the slab %lu\n",
           (unsigned) n, (unsigned long) info.used_bytes,
           (unsigned long) used);

    return NGX_ERROR;
}


static ngx_int_t
slab_test_fill(sector_store_t *st, ngx_slab_pool_t *pool)
{
    char                  key[16];
    ngx_uint_t            i, n;
    sector_store_item_t   item;
    sector_store_view_t   view;
    sector_store_error_e  error;

    ngx_memzero(&item, sizeof(sector_store_item_t));
    item.value = slab_test_value;

    for (i = 0; i < SLAB_TEST_KEYS; i++) {
        n = ngx_sprintf((u_char *) key, "K%ui", i) - (u_char *) key;
        item.value_bytes = slab_test_size();

        error = sector_store_put(st, key, n, &item, i, 1);

        if (error != SECTOR_STORE_OK && error != SECTOR_STORE_NO_ROOM) {
            printf("key %u: error %d\n", (unsigned) i, (int) error);
            return NGX_ERROR;
        }

        if (error == SECTOR_STORE_OK
            && sector_store_read(st, key, n, i, &view) != SECTOR_STORE_FRESH)
        {
            printf("key %u is not there\n", (unsigned) i);
            return NGX_ERROR;
        }

        sector_store_read_end(st);

        if (i % 64 == 0 && slab_test_compare(st, pool, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
slab_test_zone(sector_store_t *st, ngx_slab_pool_t *pool)
{
    ngx_uint_t           pfree, i;
    sector_store_info_t  info;

    pfree = pool->pfree;

    if (slab_test_fill(st, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    sector_store_info(st, &info);

    printf("%u keys: %lu entries, %lu bytes, %lu evicted, %lu refused\n",
           SLAB_TEST_KEYS, (unsigned long) info.entries,
           (unsigned long) info.used_bytes,
           (unsigned long) info.counters[SECTOR_STAT_EVICT],
           (unsigned long) info.counters[SECTOR_STAT_REFUSE_ROOM]);

    if (info.entries < 600 || info.entries > 2500) {
        printf("it should hold about a thousand\n");
        return NGX_ERROR;
    }

    (void) sector_store_clear(st);

    for (i = 0; i < 1000 && info.used_bytes; i++) {
        sector_store_info(st, &info);
    }

    if (pool->pfree != pfree || info.used_bytes || slab_test_used(pool)) {
        printf("after the clear %u pages are free, at first %u were\n",
               (unsigned) pool->pfree, (unsigned) pfree);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
slab_test_run(ngx_cycle_t *cycle)
{
    u_char                        *addr, *reserve;
    size_t                         bytes;
    ngx_int_t                      rc;
    sector_store_t                 st;
    ngx_slab_pool_t               *pool;
    sector_store_ops_t             ops;
    sector_store_policy_t          policy;
    ngx_http_sector_cache_slab_t   slab;

    static ngx_str_t  name = ngx_string("test");

    addr = mmap(NULL, SLAB_TEST_ZONE, PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    if (addr == MAP_FAILED) {
        return NGX_ERROR;
    }

    /* as nginx and the module make a zone */

    pool = (ngx_slab_pool_t *) addr;
    bytes = sector_store_reserve(SLAB_TEST_ZONE);
    reserve = addr + SLAB_TEST_ZONE - bytes;

    pool->end = reserve;
    pool->min_shift = 3;
    pool->addr = addr;

    if (ngx_shmtx_create(&pool->mutex, &pool->lock, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    slab.shpool = pool;
    slab.name = &name;
    ngx_http_sector_cache_slab_ops(&ops, &slab);
    ops.reset(ops.ctx);

    ngx_memzero(&policy, sizeof(sector_store_policy_t));
    policy.ttl_ms = 3600 * 1000;
    policy.max_object_bytes = SLAB_TEST_VALUE;

    if (ops.room(ops.ctx) != ngx_http_sector_cache_slab_room(SLAB_TEST_ZONE)) {
        printf("a zone has room for %lu bytes, foretold were %lu\n",
               (unsigned long) ops.room(ops.ctx),
               (unsigned long) ngx_http_sector_cache_slab_room(
                                   SLAB_TEST_ZONE));
        return NGX_ERROR;
    }

    sector_store_create(&st, reserve, bytes, &ops, &policy);
    sector_store_attach(&st, (int32_t) ngx_pid);

    slab_test_seed = (uint64_t) ngx_random();

    if (getenv("SECTOR_SEED")) {
        slab_test_seed = strtoull(getenv("SECTOR_SEED"), NULL, 10);
    }

    printf("SECTOR_SEED=%lu\n", (unsigned long) slab_test_seed);

    rc = slab_test_zone(&st, pool);

    (void) munmap(addr, SLAB_TEST_ZONE);

    return rc;
}
