/*
 * persist=FILE: the entries of a namespace outlive a stop.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_PERSIST_H
#define NGX_HTTP_SECTOR_CACHE_PERSIST_H


#include "ngx_http_sector_cache_conf.h"


/* Fills a new, empty zone from its file.  Blocks, so only while nginx starts
 * or reads a configuration.  What is wrong with the file is a warning. */

void ngx_http_sector_cache_persist_load(ngx_http_sector_cache_zone_t *zone,
    ngx_log_t *log);


/* Begins to write the files of all zones at an interval; one worker does. */

void ngx_http_sector_cache_persist_start(ngx_cycle_t *cycle,
    ngx_http_sector_cache_main_conf_t *mcf);


/* Writes the files of all zones.  Blocks, so only when nginx ends. */

void ngx_http_sector_cache_persist_save(ngx_cycle_t *cycle,
    ngx_http_sector_cache_main_conf_t *mcf);


#endif /* NGX_HTTP_SECTOR_CACHE_PERSIST_H */
