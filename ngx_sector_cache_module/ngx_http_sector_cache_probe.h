/*
 * Probes: an upstream that was given up is tried again without any client.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_PROBE_H
#define NGX_HTTP_SECTOR_CACHE_PROBE_H


#include "ngx_http_sector_cache_conf.h"


/* A breaker may have opened, or a worker begins: sees to it that this worker
 * will probe. */

void ngx_http_sector_cache_probe_wake(ngx_http_sector_cache_main_conf_t *mcf);


#endif /* NGX_HTTP_SECTOR_CACHE_PROBE_H */
