/*
 * One worker wakes another: by lines, on which the workers listen.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_WAKE_H
#define NGX_HTTP_SECTOR_CACHE_WAKE_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


/* Makes the lines, if there are none yet; an init_module handler.  Without
 * one (logged) its workers are not woken, and look again by their timers. */

void ngx_http_sector_cache_wake_open(ngx_cycle_t *cycle);


/* Listens on this worker's line; an init_process handler.  The handler runs
 * after every wake, when worker_shutdown_timeout is over, and now and then for
 * nothing. */

void ngx_http_sector_cache_wake_listen(ngx_cycle_t *cycle,
    ngx_event_handler_pt handler);


/* Listens no longer; an exit_process handler. */

void ngx_http_sector_cache_wake_leave(void);


/* Whether worker_shutdown_timeout is over: nginx ends what is under way, and
 * nothing may be begun. */

ngx_uint_t ngx_http_sector_cache_wake_closing(void);


/* This worker's line. */

uint32_t ngx_http_sector_cache_wake_line(void);


/* Wakes all who listen on these lines, bit by bit.  Never blocks. */

void ngx_http_sector_cache_wake(uint64_t lines);


#endif /* NGX_HTTP_SECTOR_CACHE_WAKE_H */
