/*
 * A namespace's zone is split as sector_store.h draws it: the slab pool ends
 * where the store's reserve begins, so that the slab can be started anew
 * without touching the reserve.
 *
 * The control zone holds a list of source_shm_t, made in the order in which
 * the sources were first declared.  A source keeps its state over reloads
 * because it is looked up by name; one that is no longer declared keeps its
 * few kilobytes.  Beside it is the kill switch, which every request reads and
 * hardly anybody writes.
 */

#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_persist.h"
#include "sector_compose.h"


/* The flights, the failed keys, what the operations pages remember and, with
 * the slab's own, 256k for the sources.  Flights that there are not cost
 * address space alone. */

#define NGX_HTTP_SECTOR_CACHE_CONTROL_SIZE                                    \
    (ngx_align(sizeof(sector_flight_table_t), 4096)                           \
     + ngx_align(sizeof(sector_hold_table_t), 4096)                           \
     + ngx_align(sizeof(ngx_http_sector_cache_ops_t), 4096) + 256 * 1024)

#define NGX_HTTP_SECTOR_CACHE_CONTROL_MAGIC    0x73656374
#define NGX_HTTP_SECTOR_CACHE_CONTROL_VERSION  5


/* The control zone's root; under its slab mutex, but for what says atomic in
 * source_shm_t. */

typedef struct {
    uint32_t                            magic;      /* set once */
    uint32_t                            version;    /* set once: the layout */
    size_t                              source_bytes;   /* set once */
    size_t                              flights_bytes;  /* set once */
    size_t                              holds_bytes;    /* set once */
    size_t                              ops_bytes;      /* set once */
    sector_flight_table_t              *flights;        /* set once */
    sector_hold_table_t                *holds;          /* set once */
    ngx_http_sector_cache_ops_t        *ops;            /* set once */
    ngx_http_sector_cache_source_shm_t *sources;
    ngx_atomic_t                        disabled;   /* atomic: 1, all caches
                                                       are off; by admin */
} ngx_http_sector_cache_control_t;


static ngx_int_t ngx_http_sector_cache_shm_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_sector_cache_shm_renewed(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_http_sector_cache_shm_init_control(
    ngx_shm_zone_t *shm_zone, void *data);
static ngx_http_sector_cache_control_t *ngx_http_sector_cache_shm_control(
    ngx_shm_zone_t *shm_zone);
static ngx_http_sector_cache_source_shm_t *ngx_http_sector_cache_shm_source(
    ngx_slab_pool_t *shpool, ngx_http_sector_cache_control_t *control,
    ngx_str_t *name);


ngx_int_t
ngx_http_sector_cache_shm_add_zone(ngx_conf_t *cf,
    ngx_http_sector_cache_zone_t *zone, size_t size)
{
    zone->shm_zone = ngx_shared_memory_add(cf, &zone->name, size,
                                           &ngx_http_sector_cache_module);
    if (zone->shm_zone == NULL) {
        return NGX_ERROR;
    }

    zone->shm_zone->init = ngx_http_sector_cache_shm_init_zone;
    zone->shm_zone->data = zone;

    return NGX_OK;
}


ngx_int_t
ngx_http_sector_cache_shm_add_control(ngx_conf_t *cf,
    ngx_http_sector_cache_main_conf_t *mcf)
{
    /* no zone of a directive can have this name */

    static ngx_str_t  name = ngx_string("sector_cache control");

    mcf->control = ngx_shared_memory_add(cf, &name,
                                         NGX_HTTP_SECTOR_CACHE_CONTROL_SIZE,
                                         &ngx_http_sector_cache_module);
    if (mcf->control == NULL) {
        return NGX_ERROR;
    }

    mcf->control->init = ngx_http_sector_cache_shm_init_control;
    mcf->control->data = mcf;

    return NGX_OK;
}


/* Makes a namespace's store, or opens the one of the cycle before. */

static ngx_int_t
ngx_http_sector_cache_shm_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    u_char                        *reserve;
    size_t                         reserve_bytes;
    sector_store_ops_t             ops;
    sector_store_policy_t          policy;
    ngx_http_sector_cache_zone_t  *zone;

    zone = shm_zone->data;

    /* max_object is of the data, and watched over before it is packed */

    policy = zone->policy;
    policy.max_object_bytes = SIZE_MAX;

    zone->slab.shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    zone->slab.name = &zone->name;

    ngx_http_sector_cache_slab_ops(&ops, &zone->slab);

    reserve_bytes = sector_store_reserve(shm_zone->shm.size);
    reserve = shm_zone->shm.addr + shm_zone->shm.size - reserve_bytes;

    if (data == NULL && !shm_zone->shm.exists) {
        zone->slab.shpool->end = reserve;
        ops.reset(ops.ctx);

        sector_store_create(&zone->store, reserve, reserve_bytes, &ops,
                            &policy);
        ngx_http_sector_cache_shm_renewed(shm_zone);
        ngx_http_sector_cache_persist_load(zone, shm_zone->shm.log);
        return NGX_OK;
    }

    if (sector_store_open(&zone->store, reserve, reserve_bytes, &ops, &policy)
        != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "sector_cache_zone \"%V\" holds the layout of another "
                      "version of the module, a restart is needed",
                      &zone->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Says why a zone that was there before the reload is another one now: nginx
 * keeps the memory of a zone only when its name, its size and its module are
 * the same; a module that was loaded from another file is another module. */

static void
ngx_http_sector_cache_shm_renewed(ngx_shm_zone_t *shm_zone)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *old;

    if (ngx_is_init_cycle(ngx_cycle)) {
        return;
    }

    part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;

    for ( /* void */ ; part; part = part->next) {
        old = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (old[i].shm.name.len != shm_zone->shm.name.len
                || ngx_memcmp(old[i].shm.name.data, shm_zone->shm.name.data,
                              shm_zone->shm.name.len) != 0)
            {
                continue;
            }

            if (old[i].tag != shm_zone->tag) {
                ngx_log_error(NGX_LOG_WARN, shm_zone->shm.log, 0,
                              "sector_cache_zone \"%V\" is made anew: the "
                              "module was replaced", &shm_zone->shm.name);

            } else if (old[i].shm.size != shm_zone->shm.size) {
                ngx_log_error(NGX_LOG_WARN, shm_zone->shm.log, 0,
                              "sector_cache_zone \"%V\" is made anew: its size "
                              "changes from %uz to %uz bytes",
                              &shm_zone->shm.name, old[i].shm.size,
                              shm_zone->shm.size);
            }
        }
    }
}


/* Gives every declared source its part of the control zone, and all the kill
 * switch. */

static ngx_int_t
ngx_http_sector_cache_shm_init_control(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t                           i;
    ngx_slab_pool_t                     *shpool;
    ngx_http_sector_cache_source_t     **sources;
    ngx_http_sector_cache_control_t     *control;
    ngx_http_sector_cache_main_conf_t   *mcf;

    mcf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    sources = mcf->sources.elts;

    if (data == NULL && !shm_zone->shm.exists) {
        control = ngx_slab_calloc(shpool,
                                  sizeof(ngx_http_sector_cache_control_t));
        if (control == NULL) {
            return NGX_ERROR;
        }

        control->version = NGX_HTTP_SECTOR_CACHE_CONTROL_VERSION;
        control->source_bytes = sizeof(ngx_http_sector_cache_source_shm_t);
        control->flights_bytes = sizeof(sector_flight_table_t);
        control->flights = ngx_slab_alloc(shpool,
                                          sizeof(sector_flight_table_t));

        control->holds_bytes = sizeof(sector_hold_table_t);
        control->holds = ngx_slab_calloc(shpool, sizeof(sector_hold_table_t));

        control->ops_bytes = sizeof(ngx_http_sector_cache_ops_t);
        control->ops = ngx_slab_calloc(shpool,
                                       sizeof(ngx_http_sector_cache_ops_t));

        if (control->flights == NULL || control->holds == NULL
            || control->ops == NULL)
        {
            return NGX_ERROR;
        }

        /* ids that no entry of a dump has as its tag */

        sector_flight_init(control->flights,
                           (uint64_t) ngx_http_sector_cache_wall_ms());

        control->magic = NGX_HTTP_SECTOR_CACHE_CONTROL_MAGIC;
        shpool->data = control;
        shpool->log_nomem = 0;
    }

    control = ngx_http_sector_cache_shm_control(shm_zone);
    if (control == NULL) {
        return NGX_ERROR;
    }

    mcf->disabled = &control->disabled;

    if (ngx_http_sector_cache_killed(mcf)) {
        ngx_log_error(NGX_LOG_WARN, shm_zone->shm.log, 0,
                      "all sector caches are off, as sector_cache_admin was "
                      "told before the reload");
    }

    mcf->ops = control->ops;
    mcf->shpool = shpool;

    for (i = 0; i < mcf->sources.nelts; i++) {
        sources[i]->shpool = shpool;
        sources[i]->flights = control->flights;
        sources[i]->holds = control->holds;
        sources[i]->sh = ngx_http_sector_cache_shm_source(shpool, control,
                                                          &sources[i]->name);
        if (sources[i]->sh == NULL) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "no room for the state of source \"%V\" beside those "
                          "of %ui other sources, and of any declared before "
                          "the last restart", &sources[i]->name, i);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The control zone's root, checked; NULL after it was logged. */

static ngx_http_sector_cache_control_t *
ngx_http_sector_cache_shm_control(ngx_shm_zone_t *shm_zone)
{
    ngx_slab_pool_t                  *shpool;
    ngx_http_sector_cache_control_t  *control;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    control = shpool->data;

    if (control->magic != NGX_HTTP_SECTOR_CACHE_CONTROL_MAGIC
        || control->version != NGX_HTTP_SECTOR_CACHE_CONTROL_VERSION
        || control->source_bytes != sizeof(ngx_http_sector_cache_source_shm_t)
        || control->flights_bytes != sizeof(sector_flight_table_t)
        || control->holds_bytes != sizeof(sector_hold_table_t)
        || control->ops_bytes != sizeof(ngx_http_sector_cache_ops_t))
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "the state of the sources has the layout of another "
                      "version of the module, a restart is needed");
        return NULL;
    }

    return control;
}


/* Finds or makes the shared part of a source.  Only the master calls this;
 * workers of an older cycle may be running, so the list is only appended to,
 * under the mutex. */

static ngx_http_sector_cache_source_shm_t *
ngx_http_sector_cache_shm_source(ngx_slab_pool_t *shpool,
    ngx_http_sector_cache_control_t *control, ngx_str_t *name)
{
    ngx_http_sector_cache_source_shm_t  *sh, **last;

    ngx_shmtx_lock(&shpool->mutex);

    for (last = &control->sources; *last; last = &(*last)->next) {
        sh = *last;

        if (sh->name_len == name->len
            && ngx_memcmp(sh->name, name->data, name->len) == 0)
        {
            ngx_shmtx_unlock(&shpool->mutex);
            return sh;
        }
    }

    sh = ngx_slab_calloc_locked(shpool,
                                sizeof(ngx_http_sector_cache_source_shm_t));
    if (sh) {
        sh->name_len = name->len;
        ngx_memcpy(sh->name, name->data, name->len);
        *last = sh;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return sh;
}


void
ngx_http_sector_cache_shm_attach(ngx_http_sector_cache_main_conf_t *mcf)
{
    ngx_uint_t                      i;
    ngx_http_sector_cache_zone_t  **zones;

    zones = mcf->zones.elts;

    for (i = 0; i < mcf->zones.nelts; i++) {
        sector_store_attach(&zones[i]->store, (int32_t) ngx_pid);
    }
}


void
ngx_http_sector_cache_shm_detach(ngx_http_sector_cache_main_conf_t *mcf)
{
    ngx_uint_t                      i;
    ngx_http_sector_cache_zone_t  **zones;

    zones = mcf->zones.elts;

    for (i = 0; i < mcf->zones.nelts; i++) {
        sector_store_detach(&zones[i]->store);
    }
}
