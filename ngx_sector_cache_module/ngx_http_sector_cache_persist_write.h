/*
 * One zone's dump becomes its file, or the file stays as it is.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_PERSIST_WRITE_H
#define NGX_HTTP_SECTOR_CACHE_PERSIST_WRITE_H


#include "ngx_http_sector_cache_conf.h"
#include "sector_dump.h"


/*
 * Finishes a dump, writes it beside the zone's file and renames it.  Blocks, so
 * only in a child of its own, or in the master when it ends.  Allocates
 * nothing, as the child of a process with threads must not; and sums all up,
 * for which the event loop has no time.  A file of that name is an older
 * process's that had our number and did not come to its end.  worker is the
 * one that a child writes for, or 0.
 *
 * NGX_OK, NGX_DECLINED if others save this zone by now or saved it later, or
 * NGX_ERROR; both are logged.
 */

ngx_int_t ngx_http_sector_cache_persist_write(
    ngx_http_sector_cache_zone_t *zone, sector_dump_t *dump, ngx_pid_t worker,
    ngx_log_t *log);


#endif /* NGX_HTTP_SECTOR_CACHE_PERSIST_WRITE_H */
