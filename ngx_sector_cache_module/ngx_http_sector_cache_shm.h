/*
 * The shared memory: a slab zone for each namespace, and one control zone for
 * what the sources share.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_SHM_H
#define NGX_HTTP_SECTOR_CACHE_SHM_H


#include "ngx_http_sector_cache_conf.h"


/* Declare the memory; called while the configuration is read.  The control
 * zone may be added any number of times. */

ngx_int_t ngx_http_sector_cache_shm_add_zone(ngx_conf_t *cf,
    ngx_http_sector_cache_zone_t *zone, size_t size);
ngx_int_t ngx_http_sector_cache_shm_add_control(ngx_conf_t *cf,
    ngx_http_sector_cache_main_conf_t *mcf);


/* A worker begins and ends: it takes and gives back a reader's slot in each
 * namespace. */

void ngx_http_sector_cache_shm_attach(ngx_http_sector_cache_main_conf_t *mcf);
void ngx_http_sector_cache_shm_detach(ngx_http_sector_cache_main_conf_t *mcf);


#endif /* NGX_HTTP_SECTOR_CACHE_SHM_H */
