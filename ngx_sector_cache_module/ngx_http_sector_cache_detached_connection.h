/*
 * The connection of a detached fetch: one end of a socket pair of which
 * nothing is ever read or written.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_DETACHED_CONNECTION_H
#define NGX_HTTP_SECTOR_CACHE_DETACHED_CONNECTION_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* A connection with a pool and a log of its own, in which the fetch has this
 * name; NULL, which is logged, without a descriptor, a connection or memory.
 * Who makes a request of it sets its handlers, and the request closes it. */

ngx_connection_t *ngx_http_sector_cache_detached_connection(ngx_str_t *name);


/* Gives back a connection that has no request yet. */

void ngx_http_sector_cache_detached_discard(ngx_connection_t *c);


#endif /* NGX_HTTP_SECTOR_CACHE_DETACHED_CONNECTION_H */
