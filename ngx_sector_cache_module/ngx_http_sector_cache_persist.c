/*
 * A zone's file is written by the first worker, once an interval if anything
 * was stored or deleted since, and once more by the master when it ends.
 *
 * The worker must not wait for a disk.  It copies the entries into memory in
 * small steps between its other events, and forks a child that writes the
 * copy and ends.  The child touches nothing shared: neither the zones, whose
 * mutex nginx would not take back from it, nor any connection, all of which
 * it closes first, so that a disk that hangs keeps no client waiting for the
 * end of its connection.  A thread would need an nginx with threads; nginx's
 * own cache manager process would want a directory of its own.
 *
 * A zone that was emptied, because a worker died in its mutex, and one whose
 * file could not be loaded are not saved before something was stored in them,
 * or they were cleared: the file has more than they.
 */

#include "ngx_http_sector_cache_persist.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_persist_write.h"
#include "ngx_http_sector_cache_shm.h"
#include "sector_dump.h"


#define NGX_HTTP_SECTOR_CACHE_PERSIST_INTERVAL  10000       /* ms */
#define NGX_HTTP_SECTOR_CACHE_PERSIST_STEP      (128 * 1024)    /* bytes */
#define NGX_HTTP_SECTOR_CACHE_PERSIST_PAUSE     1           /* ms */


/* A zone's saver in the worker that writes. */

typedef struct {
    ngx_event_t                     timer;
    ngx_http_sector_cache_zone_t   *zone;
    ngx_cycle_t                    *cycle;
    sector_dump_t                   dump;
    uint64_t                        cursor;
    uint64_t                        changes;    /* counted when last begun */
    uint64_t                        lost_changes;   /* the same */
    ngx_pid_t                       child;      /* the last one, 0: none */
    ngx_fd_t                        pipe;       /* of it: a byte for a file
                                                   that was written, then its
                                                   end */
    unsigned                        dumping:1;
    unsigned                        failed:1;   /* the last one: try again */
} ngx_http_sector_cache_saver_t;


static void ngx_http_sector_cache_persist_tick(ngx_event_t *ev);
static ngx_int_t ngx_http_sector_cache_persist_begin(
    ngx_http_sector_cache_saver_t *saver);
static ngx_int_t ngx_http_sector_cache_persist_ended(
    ngx_http_sector_cache_saver_t *saver);
static void ngx_http_sector_cache_persist_fork(
    ngx_http_sector_cache_saver_t *saver);
static ngx_uint_t ngx_http_sector_cache_persist_whole(
    ngx_http_sector_cache_saver_t *saver);
static void ngx_http_sector_cache_persist_close(ngx_cycle_t *cycle);


void
ngx_http_sector_cache_persist_start(ngx_cycle_t *cycle,
    ngx_http_sector_cache_main_conf_t *mcf)
{
    ngx_uint_t                       i;
    ngx_http_sector_cache_zone_t   **zones;
    ngx_http_sector_cache_saver_t   *saver;

    if (ngx_process == NGX_PROCESS_WORKER && ngx_worker != 0) {
        return;
    }

    zones = mcf->zones.elts;

    for (i = 0; i < mcf->zones.nelts; i++) {

        if (zones[i]->persist.len == 0) {
            continue;
        }

        saver = ngx_pcalloc(cycle->pool,
                            sizeof(ngx_http_sector_cache_saver_t));
        if (saver == NULL) {
            return;
        }

        saver->zone = zones[i];
        saver->cycle = cycle;
        saver->timer.handler = ngx_http_sector_cache_persist_tick;
        saver->timer.data = saver;
        saver->timer.log = cycle->log;
        saver->timer.cancelable = 1;

        ngx_add_timer(&saver->timer, NGX_HTTP_SECTOR_CACHE_PERSIST_INTERVAL);
    }
}


/* Begins a dump, goes on with one, or ends it. */

static void
ngx_http_sector_cache_persist_tick(ngx_event_t *ev)
{
    ngx_msec_t                      pause;
    ngx_http_sector_cache_saver_t  *saver;

    saver = ev->data;
    pause = NGX_HTTP_SECTOR_CACHE_PERSIST_INTERVAL;

    /* a worker that is on its way out leaves it to the next one */

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        sector_dump_free(&saver->dump);
        return;
    }

    if (saver->dumping || ngx_http_sector_cache_persist_begin(saver) == NGX_OK)
    {
        saver->cursor = sector_dump_add(&saver->dump, &saver->zone->store,
                                        saver->cursor,
                                        NGX_HTTP_SECTOR_CACHE_PERSIST_STEP,
                                        ngx_http_sector_cache_now(),
                                        ngx_http_sector_cache_wall_ms());
        saver->dumping = (saver->cursor != 0);

        if (saver->dumping) {
            pause = NGX_HTTP_SECTOR_CACHE_PERSIST_PAUSE;

        } else {
            if (ngx_http_sector_cache_persist_whole(saver)) {
                ngx_http_sector_cache_persist_fork(saver);
            }

            sector_dump_free(&saver->dump);
        }
    }

    ngx_add_timer(ev, pause);
}


/* NGX_OK if there is something to save, and nobody at it. */

static ngx_int_t
ngx_http_sector_cache_persist_begin(ngx_http_sector_cache_saver_t *saver)
{
    sector_store_info_t  info;

    if (ngx_http_sector_cache_persist_ended(saver) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, saver->cycle->log, 0,
                      "process %P is still writing \"%V\"",
                      saver->child, &saver->zone->persist);
        return NGX_BUSY;
    }

    sector_store_info(&saver->zone->store, &info);

    if (info.changes == info.lost_changes
        || (info.changes == saver->changes && !saver->failed))
    {
        return NGX_DECLINED;
    }

    saver->changes = info.changes;
    saver->lost_changes = info.lost_changes;
    saver->cursor = 0;

    return NGX_OK;
}


/* Whether a dump has all that it was begun for: the zone was not emptied on
 * the way. */

static ngx_uint_t
ngx_http_sector_cache_persist_whole(ngx_http_sector_cache_saver_t *saver)
{
    sector_store_info_t  info;

    sector_store_info(&saver->zone->store, &info);

    return info.lost_changes == saver->lost_changes;
}


/* Whether the last child, if any, has ended.  Nobody else has the other end of
 * its pipe, while its number may be another process's by now. */

static ngx_int_t
ngx_http_sector_cache_persist_ended(ngx_http_sector_cache_saver_t *saver)
{
    char     byte;
    ssize_t  n;

    while (saver->child) {
        n = ngx_read_fd(saver->pipe, &byte, 1);

        if (n == -1 && (ngx_errno == NGX_EAGAIN || ngx_errno == NGX_EINTR)) {
            return NGX_BUSY;
        }

        if (n == 1) {
            saver->failed = 0;
            continue;
        }

        (void) ngx_close_file(saver->pipe);
        saver->child = 0;
    }

    return NGX_OK;
}


static void
ngx_http_sector_cache_persist_fork(ngx_http_sector_cache_saver_t *saver)
{
    int         pipes[2];
    ngx_pid_t   pid, worker;
    ngx_log_t  *log;

    log = saver->cycle->log;
    saver->failed = 1;

    if (pipe2(pipes, O_CLOEXEC|O_NONBLOCK) == -1) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "pipe2() to save zone \"%V\" failed",
                      &saver->zone->name);
        return;
    }

    worker = ngx_pid;
    pid = fork();

    if (pid == 0) {
        ngx_pid = ngx_getpid();
        ngx_http_sector_cache_persist_close(saver->cycle);

        if (ngx_http_sector_cache_persist_write(saver->zone, &saver->dump,
                                                worker, log)
            != NGX_OK)
        {
            _exit(1);
        }

        _exit(write(pipes[1], "", 1) == 1 ? 0 : 1);
    }

    (void) ngx_close_file(pipes[1]);

    if (pid == -1) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "fork() to save zone \"%V\" failed", &saver->zone->name);
        (void) ngx_close_file(pipes[0]);
        return;
    }

    saver->child = pid;
    saver->pipe = pipes[0];
}


/* In the child: lets go of every socket. */

static void
ngx_http_sector_cache_persist_close(ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    ngx_listening_t  *ls;

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {
        (void) close(ls[i].fd);
    }

    for (i = 0; i < cycle->connection_n; i++) {
        if (cycle->connections[i].fd != (ngx_socket_t) -1) {
            (void) close(cycle->connections[i].fd);
        }
    }
}


void
ngx_http_sector_cache_persist_save(ngx_cycle_t *cycle,
    ngx_http_sector_cache_main_conf_t *mcf)
{
    uint64_t                         cursor;
    ngx_uint_t                       i;
    sector_dump_t                    dump;
    sector_store_info_t              info;
    ngx_http_sector_cache_zone_t   **zones;

    zones = mcf->zones.elts;

    for (i = 0; i < mcf->zones.nelts; i++) {

        if (zones[i]->persist.len == 0) {
            continue;
        }

        sector_store_info(&zones[i]->store, &info);

        if (info.changes == info.lost_changes) {
            continue;
        }

        ngx_memzero(&dump, sizeof(sector_dump_t));
        cursor = 0;

        do {
            cursor = sector_dump_add(&dump, &zones[i]->store, cursor,
                                     NGX_HTTP_SECTOR_CACHE_PERSIST_STEP,
                                     ngx_http_sector_cache_now(),
                                     ngx_http_sector_cache_wall_ms());
        } while (cursor);

        (void) ngx_http_sector_cache_persist_write(zones[i], &dump, 0,
                                                   cycle->log);
        sector_dump_free(&dump);
    }
}
