/*
 * A line is an eventfd.  The master makes them with the first configuration
 * that has a source, before it forks the workers of it, and keeps them over
 * reloads: so every worker that may fetch has all of them, and an old one that
 * ends its fetches wakes the new ones that wait for them.  There is a fixed
 * number, however many workers there are or will be.  Worker n of the old
 * configuration shares a line with worker n of the new one, and with those of
 * 64 more, 128 more and so on; to be woken for another costs a look.
 *
 * With epoll, or another method that has edges, a line is never read: each
 * write is an event for each who listens, while a read would take the event
 * away from those who have not seen it yet.  Where there are no edges (poll,
 * select) a line that is not read is ready for ever: there it is read, and who
 * shares it with a faster one learns by his timer.
 *
 * The connection by which a worker listens has another use.  When the time of
 * worker_shutdown_timeout is over nginx marks all connections as to be closed
 * and runs their handlers, and has no other way to say so.
 */

#include "ngx_http_sector_cache_wake.h"
#include "sector_flight.h"

#include <sys/eventfd.h>


static void ngx_http_sector_cache_wake_close(void *data);
static void ngx_http_sector_cache_wake_event(ngx_event_t *ev);


static int  ngx_http_sector_cache_lines[SECTOR_FLIGHT_LINES];
static ngx_uint_t  ngx_http_sector_cache_lines_n;
static ngx_uint_t  ngx_http_sector_cache_lines_cycles;  /* that use them */
static ngx_event_handler_pt  ngx_http_sector_cache_wake_handler;
static ngx_connection_t  *ngx_http_sector_cache_wake_connection;


void
ngx_http_sector_cache_wake_open(ngx_cycle_t *cycle)
{
    int                 fd;
    ngx_pool_cleanup_t *cln;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return;
    }

    cln->handler = ngx_http_sector_cache_wake_close;
    ngx_http_sector_cache_lines_cycles++;

    while (ngx_http_sector_cache_lines_n < SECTOR_FLIGHT_LINES) {

        fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fd == -1) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                          "eventfd() failed, workers wait for each other's "
                          "fetches by a timer");
            return;
        }

        ngx_http_sector_cache_lines[ngx_http_sector_cache_lines_n++] = fd;
    }
}


/* A cycle ends.  The last one does when nginx exits, or when the module is
 * loaded from another file, which then has lines of its own. */

static void
ngx_http_sector_cache_wake_close(void *data)
{
    if (--ngx_http_sector_cache_lines_cycles) {
        return;
    }

    while (ngx_http_sector_cache_lines_n) {
        (void) close(
                  ngx_http_sector_cache_lines[--ngx_http_sector_cache_lines_n]);
    }
}


void
ngx_http_sector_cache_wake_listen(ngx_cycle_t *cycle,
    ngx_event_handler_pt handler)
{
    uint32_t           line;
    ngx_event_t       *ev;
    ngx_connection_t  *c;

    line = ngx_http_sector_cache_wake_line();

    if (line >= ngx_http_sector_cache_lines_n) {
        return;
    }

    c = ngx_get_connection(ngx_http_sector_cache_lines[line], cycle->log);
    if (c == NULL) {
        return;
    }

    ngx_http_sector_cache_wake_handler = handler;

    ev = c->read;
    ev->handler = ngx_http_sector_cache_wake_event;
    ev->log = cycle->log;
    c->write->log = cycle->log;

    if (ngx_add_event(ev, NGX_READ_EVENT, NGX_CLEAR_EVENT) != NGX_OK) {
        ngx_free_connection(c);
        return;
    }

    ngx_http_sector_cache_wake_connection = c;
}


/* nginx takes a connection that is left for one that was forgotten, but for a
 * channel, which ours is no different from now. */

void
ngx_http_sector_cache_wake_leave(void)
{
    if (ngx_http_sector_cache_wake_connection) {
        ngx_http_sector_cache_wake_connection->read->channel = 1;
        ngx_http_sector_cache_wake_connection->write->channel = 1;
    }
}


ngx_uint_t
ngx_http_sector_cache_wake_closing(void)
{
    return ngx_http_sector_cache_wake_connection
           && ngx_http_sector_cache_wake_connection->close;
}


static void
ngx_http_sector_cache_wake_event(ngx_event_t *ev)
{
    uint64_t           n;
    ngx_connection_t  *c;

    c = ev->data;
    ev->ready = 0;

    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)) {
        (void) read(c->fd, &n, sizeof(uint64_t));
    }

    ngx_http_sector_cache_wake_handler(ev);
}


uint32_t
ngx_http_sector_cache_wake_line(void)
{
    return ngx_worker % SECTOR_FLIGHT_LINES;
}


/* A write fails when the count, which nobody reads, would pass its end: that
 * is after 2^64 - 2 wakes. */

void
ngx_http_sector_cache_wake(uint64_t lines)
{
    uint64_t    one;
    ngx_uint_t  i;

    one = 1;

    for (i = 0; lines && i < ngx_http_sector_cache_lines_n; i++, lines >>= 1) {
        if (lines & 1) {
            (void) !write(ngx_http_sector_cache_lines[i], &one,
                          sizeof(uint64_t));
        }
    }
}
