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
 *
 * The file is written beside the old one, as FILE.PID.tmp, and renamed over
 * it after its bytes have reached the disk: whoever reads finds the old or the
 * new one, whole.  A disk that hung may let a child go when others have
 * written the file since.  So a child whose worker is gone gives up, and so
 * does everybody who finds a file that was saved later; unless that was later
 * than now, as it is when the clock was set back.  Between that look and the
 * rename lie a few instructions.  What a killed one has left is removed by
 * the next start.
 */

#include "ngx_http_sector_cache_persist.h"
#include "ngx_http_sector_cache_shm.h"
#include "sector_dump.h"


#define NGX_HTTP_SECTOR_CACHE_PERSIST_INTERVAL  10000       /* ms */
#define NGX_HTTP_SECTOR_CACHE_PERSIST_STEP      (128 * 1024)    /* bytes */
#define NGX_HTTP_SECTOR_CACHE_PERSIST_PAUSE     1           /* ms */
#define NGX_HTTP_SECTOR_CACHE_PERSIST_TIMES     16          /* zone's size */


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


static ngx_int_t ngx_http_sector_cache_persist_look(
    ngx_http_sector_cache_zone_t *zone, ngx_fd_t fd, size_t *size,
    ngx_log_t *log);
static ngx_int_t ngx_http_sector_cache_persist_read(ngx_fd_t fd,
    ngx_str_t *bytes, size_t size, ngx_str_t *path, ngx_log_t *log);
static void ngx_http_sector_cache_persist_restore(
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *bytes, ngx_log_t *log);
static void ngx_http_sector_cache_persist_clean(
    ngx_http_sector_cache_zone_t *zone, ngx_log_t *log);
static ngx_uint_t ngx_http_sector_cache_persist_left(ngx_str_t *base,
    u_char *name);
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
static ngx_int_t ngx_http_sector_cache_persist_write(
    ngx_http_sector_cache_zone_t *zone, sector_dump_t *dump, ngx_pid_t worker,
    ngx_log_t *log);
static ngx_uint_t ngx_http_sector_cache_persist_late(
    ngx_http_sector_cache_zone_t *zone, int64_t saved_wall_ms,
    ngx_pid_t worker);
static ngx_int_t ngx_http_sector_cache_persist_bytes(ngx_fd_t fd,
    sector_dump_t *dump);
static void ngx_http_sector_cache_persist_sync(ngx_str_t *path);


void
ngx_http_sector_cache_persist_load(ngx_http_sector_cache_zone_t *zone,
    ngx_log_t *log)
{
    size_t     size;
    ngx_fd_t   fd;
    ngx_str_t  bytes;

    if (zone->persist.len == 0 || ngx_test_config) {
        return;
    }

    ngx_http_sector_cache_persist_clean(zone, log);

    fd = open((char *) zone->persist.data, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        if (ngx_errno != NGX_ENOENT) {
            ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                          "zone \"%V\" starts empty: \"%V\" cannot be opened",
                          &zone->name, &zone->persist);
        }

        return;
    }

    if (ngx_http_sector_cache_persist_look(zone, fd, &size, log) == NGX_OK
        && ngx_http_sector_cache_persist_read(fd, &bytes, size,
                                              &zone->persist, log)
           == NGX_OK)
    {
        ngx_http_sector_cache_persist_restore(zone, &bytes, log);
        ngx_free(bytes.data);
    }

    (void) ngx_close_file(fd);
}


/* Whether a file is one that can be loaded, by its size and its first bytes,
 * before memory is taken for it.  A dump is about as large as what its zone
 * has in memory, and the zone may have been much larger then. */

static ngx_int_t
ngx_http_sector_cache_persist_look(ngx_http_sector_cache_zone_t *zone,
    ngx_fd_t fd, size_t *size, ngx_log_t *log)
{
    u_char               head[SECTOR_DUMP_HEAD_BYTES];
    int64_t              saved_wall_ms;
    ngx_file_info_t      fi;
    sector_dump_error_e  error;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      ngx_fd_info_n " \"%V\" failed", &zone->persist);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "\"%V\" is no regular file, nothing is loaded from it",
                      &zone->persist);
        return NGX_ERROR;
    }

    *size = (size_t) ngx_file_size(&fi);
    ngx_memzero(head, sizeof(head));

    if (pread(fd, head, sizeof(head), 0) == -1) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      ngx_read_fd_n " \"%V\" failed", &zone->persist);
        return NGX_ERROR;
    }

    error = sector_dump_head(head, *size, &saved_wall_ms);

    if (error != SECTOR_DUMP_OK) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "zone \"%V\" starts empty: \"%V\" is refused, %s",
                      &zone->name, &zone->persist, sector_dump_error(error));
        return NGX_ERROR;
    }

    if (*size / NGX_HTTP_SECTOR_CACHE_PERSIST_TIMES
        > zone->shm_zone->shm.size)
    {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "zone \"%V\" starts empty: \"%V\" is refused, its %uz "
                      "bytes are more than %d times the zone's size",
                      &zone->name, &zone->persist, *size,
                      NGX_HTTP_SECTOR_CACHE_PERSIST_TIMES);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Reads a file whole, into memory that must be freed.  A mapping would not do:
 * it changes when the file does, and ends the process when the file is cut
 * off meanwhile or the disk fails. */

static ngx_int_t
ngx_http_sector_cache_persist_read(ngx_fd_t fd, ngx_str_t *bytes, size_t size,
    ngx_str_t *path, ngx_log_t *log)
{
    ssize_t  n;

    ngx_str_null(bytes);

    bytes->data = ngx_alloc(ngx_max(size, 1), log);
    if (bytes->data == NULL) {
        return NGX_ERROR;
    }

    while (bytes->len < size) {
        n = ngx_read_fd(fd, bytes->data + bytes->len, size - bytes->len);

        if (n > 0) {
            bytes->len += (size_t) n;
            continue;
        }

        if (n == 0) {
            break;
        }

        if (ngx_errno != NGX_EINTR) {
            ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                          ngx_read_fd_n " \"%V\" failed", path);
            ngx_free(bytes->data);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_sector_cache_persist_restore(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *bytes, ngx_log_t *log)
{
    sector_dump_error_e   error;
    sector_store_info_t   info;
    sector_dump_report_t  report;

    error = sector_dump_load(bytes->data, bytes->len, &zone->store,
                             ngx_current_msec, ngx_http_sector_cache_wall_ms(),
                             &report);

    if (error != SECTOR_DUMP_OK) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "zone \"%V\" starts empty: \"%V\" is refused, %s",
                      &zone->name, &zone->persist, sector_dump_error(error));
        return;
    }

    /* some may have made room for others */

    sector_store_info(&zone->store, &info);

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "zone \"%V\" starts with %uL entries from \"%V\", "
                  "%uL were too old, %uL were refused, %uL were evicted again",
                  &zone->name, info.entries, &zone->persist, report.dead,
                  report.refused, report.loaded - info.entries);
}


/* Removes what processes that were killed have left beside a zone's file. */

static void
ngx_http_sector_cache_persist_clean(ngx_http_sector_cache_zone_t *zone,
    ngx_log_t *log)
{
    u_char     folder[NGX_MAX_PATH], name[NGX_MAX_PATH], *p;
    ngx_dir_t  dir;
    ngx_str_t  path, base;

    /* a full path: it has a slash */

    base = zone->persist;
    p = base.data + base.len;

    while (p[-1] != '/') {
        p--;
    }

    base.len -= (size_t) (p - base.data);
    base.data = p;

    path.data = folder;
    path.len = (size_t) (ngx_cpystrn(folder, zone->persist.data,
                             ngx_min((size_t) (p - zone->persist.data) + 1,
                                     sizeof(folder)))
                         - folder);

    if (ngx_open_dir(&path, &dir) == NGX_ERROR) {
        return;
    }

    for ( ;; ) {
        ngx_set_errno(0);

        if (ngx_read_dir(&dir) == NGX_ERROR) {
            break;
        }

        if (!ngx_http_sector_cache_persist_left(&base, ngx_de_name(&dir))) {
            continue;
        }

        p = ngx_snprintf(name, sizeof(name) - 1, "%V%s", &path,
                         ngx_de_name(&dir));
        *p = '\0';

        if (ngx_delete_file(name) != NGX_FILE_ERROR) {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "\"%s\" of a process that was killed is removed",
                          name);
        }
    }

    (void) ngx_close_dir(&dir);
}


/* Whether a name is that of a temporary file, BASE.PID.tmp, of a process that
 * is gone. */

static ngx_uint_t
ngx_http_sector_cache_persist_left(ngx_str_t *base, u_char *name)
{
    size_t     len;
    ngx_int_t  pid;

    len = ngx_strlen(name);

    if (len < base->len + sizeof(".1.tmp") - 1
        || ngx_strncmp(name, base->data, base->len) != 0
        || name[base->len] != '.'
        || ngx_strcmp(name + len - (sizeof(".tmp") - 1), ".tmp") != 0)
    {
        return 0;
    }

    pid = ngx_atoi(name + base->len + 1,
                   len - base->len - sizeof(".tmp"));

    return pid > 0 && pid <= NGX_MAX_INT32_VALUE
           && !ngx_http_sector_cache_slab_alive(NULL, (int32_t) pid);
}


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
                                        ngx_current_msec,
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
                                     ngx_current_msec,
                                     ngx_http_sector_cache_wall_ms());
        } while (cursor);

        (void) ngx_http_sector_cache_persist_write(zones[i], &dump, 0,
                                                   cycle->log);
        sector_dump_free(&dump);
    }
}


/* Finishes a dump, writes it beside the file and renames.  Allocates nothing,
 * as the child of a process with threads must not; and sums all up, for which
 * the event loop has no time.  A file of that name is an older process's that
 * had our number and did not come to its end.  worker is the one that a child
 * writes for, or 0. */

static ngx_int_t
ngx_http_sector_cache_persist_write(ngx_http_sector_cache_zone_t *zone,
    sector_dump_t *dump, ngx_pid_t worker, ngx_log_t *log)
{
    u_char     name[NGX_MAX_PATH], *last;
    int64_t    wall_ms;
    ngx_fd_t   fd;
    ngx_err_t  err;

    wall_ms = ngx_http_sector_cache_wall_ms();

    if (sector_dump_finish(dump, wall_ms) != 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "no memory to save zone \"%V\"", &zone->name);
        return NGX_ERROR;
    }

    last = ngx_snprintf(name, sizeof(name) - 1, "%V.%P.tmp",
                        &zone->persist, ngx_pid);
    *last = '\0';

    (void) ngx_delete_file(name);

    fd = open((char *) name, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC,
              0600);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "zone \"%V\" is not saved: \"%s\" cannot be created",
                      &zone->name, name);
        return NGX_ERROR;
    }

    err = 0;

    if (ngx_http_sector_cache_persist_bytes(fd, dump) != NGX_OK
        || fsync(fd) == -1)
    {
        err = ngx_errno;
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR && err == 0) {
        err = ngx_errno;
    }

    if (err == 0
        && ngx_http_sector_cache_persist_late(zone, wall_ms, worker))
    {
        (void) ngx_delete_file(name);
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "zone \"%V\" was saved by another process meanwhile",
                      &zone->name);
        return NGX_DECLINED;
    }

    if (err == 0
        && ngx_rename_file(name, zone->persist.data) == NGX_FILE_ERROR)
    {
        err = ngx_errno;
    }

    if (err) {
        (void) ngx_delete_file(name);
        ngx_log_error(NGX_LOG_WARN, log, err,
                      "zone \"%V\" is not saved: \"%V\" of %uz bytes cannot "
                      "be written", &zone->name, &zone->persist, dump->len);
        return NGX_ERROR;
    }

    ngx_http_sector_cache_persist_sync(&zone->persist);

    return NGX_OK;
}


/* Whether others save this zone by now, or have saved it later than we. */

static ngx_uint_t
ngx_http_sector_cache_persist_late(ngx_http_sector_cache_zone_t *zone,
    int64_t saved_wall_ms, ngx_pid_t worker)
{
    u_char           head[SECTOR_DUMP_HEAD_BYTES];
    int64_t          other_wall_ms;
    ssize_t          n;
    ngx_fd_t         fd;
    struct timeval   now;
    ngx_file_info_t  fi;

    if (worker && getppid() != worker) {
        return 1;
    }

    fd = open((char *) zone->persist.data, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    n = -1;

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR && ngx_is_file(&fi)) {
        n = ngx_read_fd(fd, head, sizeof(head));
    }

    (void) ngx_close_file(fd);

    if (n != sizeof(head)
        || sector_dump_head(head, (uint64_t) ngx_file_size(&fi),
                            &other_wall_ms)
           != SECTOR_DUMP_OK)
    {
        return 0;
    }

    ngx_gettimeofday(&now);

    return other_wall_ms > saved_wall_ms
           && other_wall_ms <= (int64_t) now.tv_sec * 1000
                               + (int64_t) now.tv_usec / 1000;
}


static ngx_int_t
ngx_http_sector_cache_persist_bytes(ngx_fd_t fd, sector_dump_t *dump)
{
    size_t   done;
    ssize_t  n;

    for (done = 0; done < dump->len; done += (size_t) n) {
        n = write(fd, dump->bytes + done, dump->len - done);

        if (n == -1) {
            if (ngx_errno != NGX_EINTR) {
                return NGX_ERROR;
            }

            n = 0;
        }
    }

    return NGX_OK;
}


/* The rename itself reaches the disk with its directory. */

static void
ngx_http_sector_cache_persist_sync(ngx_str_t *path)
{
    u_char    name[NGX_MAX_PATH], *p;
    ngx_fd_t  fd;

    p = ngx_cpystrn(name, path->data, sizeof(name));

    while (p > name && *p != '/') {
        p--;
    }

    p[p == name] = '\0';

    fd = open((char *) name, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd != NGX_INVALID_FILE) {
        (void) fsync(fd);
        (void) ngx_close_file(fd);
    }
}
