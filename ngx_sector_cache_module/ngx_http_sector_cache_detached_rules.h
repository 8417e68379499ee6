/*
 * What a server's rules for its clients are to a detached fetch: nothing.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_DETACHED_RULES_H
#define NGX_HTTP_SECTOR_CACHE_DETACHED_RULES_H


#include <ngx_config.h>
#include <ngx_core.h>


/* For the filters, once for a configuration, after all modules have read it.
 * Without memory, which is logged, fetches meet the server's rules. */

void ngx_http_sector_cache_detached_rules(ngx_cycle_t *cycle);


#endif /* NGX_HTTP_SECTOR_CACHE_DETACHED_RULES_H */
