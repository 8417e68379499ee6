#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_persist.h"
#include "ngx_http_sector_cache_shm.h"
#include "sector_dump.h"


#define NGX_HTTP_SECTOR_CACHE_PERSIST_TIMES  16     /* zone's size */


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
                             ngx_http_sector_cache_now(),
                             ngx_http_sector_cache_wall_ms(),
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
