/*
 * The file is written beside the old one, as FILE.PID.tmp, and renamed over
 * it after its bytes have reached the disk: whoever reads finds the old or the
 * new one, whole.  A disk that hung may let a child go when others have
 * written the file since.  So a child whose worker is gone gives up, and so
 * does everybody who finds a file that was saved later; unless that was later
 * than now, as it is when the clock was set back.  Between that look and the
 * rename lie a few instructions.  What a killed one has left is removed by
 * the next start.
 */

#include "ngx_http_sector_cache_persist_write.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_shm.h"


static ngx_uint_t ngx_http_sector_cache_persist_late(
    ngx_http_sector_cache_zone_t *zone, int64_t saved_wall_ms,
    ngx_pid_t worker);
static ngx_int_t ngx_http_sector_cache_persist_bytes(ngx_fd_t fd,
    sector_dump_t *dump);
static void ngx_http_sector_cache_persist_sync(ngx_str_t *path);


ngx_int_t
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
