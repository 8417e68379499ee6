/*
 * What a store needs of nginx: the slab pool of its zone as its memory and
 * its lock, processes and randomness.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_SLAB_H
#define NGX_HTTP_SECTOR_CACHE_SLAB_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "sector_store.h"


/* In the memory of the zone's configuration; both are set before the first
 * call of a store. */

typedef struct {
    ngx_slab_pool_t                    *shpool;
    ngx_str_t                          *name;       /* of the zone, for logs */
} ngx_http_sector_cache_slab_t;


void ngx_http_sector_cache_slab_ops(sector_store_ops_t *ops,
    ngx_http_sector_cache_slab_t *slab);


/* Bytes that the slab pool of a zone of so many bytes can give out in all. */

size_t ngx_http_sector_cache_slab_room(size_t zone_bytes);


/* Whether a process is there; ctx is not looked at. */

int ngx_http_sector_cache_slab_alive(void *ctx, int32_t pid);


#endif /* NGX_HTTP_SECTOR_CACHE_SLAB_H */
