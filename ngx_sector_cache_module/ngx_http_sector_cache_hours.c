/*
 * A schedule is made for some years while the configuration is read, and anew
 * by a worker whose wall clock has left it: the machine may have started in
 * 1970, until NTP told the time.  libc's time zones belong to the whole
 * process, so that TZ is changed for that instant and put back; a process has
 * one thread that reads it.
 *
 * What is fetched while the market is closed is fresh until it opens; the
 * zone's jitter, which shortens other times, here adds at most that share of
 * the zone's ttl: all entries of a night would else expire in one instant, and
 * before it opens no quota is to be spent.  An entry's own share is taken from
 * its ETag, so that whoever answers knows it again: the hours are judged then
 * too, since the wall clock may have been set in between.
 */

#include "ngx_http_sector_cache_hours.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_shm.h"

#include <stdlib.h>
#include <time.h>


#define NGX_HTTP_SECTOR_CACHE_HOURS_DAYS      (5 * 366)   /* from last week */
#define NGX_HTTP_SECTOR_CACHE_HOLIDAYS_BYTES  (256 * 1024)


static ngx_int_t ngx_http_sector_cache_hours_timezone(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_sector_cache_hours_holidays(ngx_conf_t *cf,
    ngx_str_t *arg, ngx_array_t *days);
static ngx_int_t ngx_http_sector_cache_hours_lines(ngx_conf_t *cf,
    ngx_str_t *path, ngx_str_t *text, ngx_array_t *days);
static ngx_int_t ngx_http_sector_cache_hours_schedule(
    ngx_http_sector_cache_hours_t *hours);
static int64_t ngx_http_sector_cache_hours_utc(void *ctx, int64_t day,
    int minute);
static const sector_hours_t *ngx_http_sector_cache_hours_now(
    ngx_http_sector_cache_hours_t *hours, int64_t wall_ms);
static uint64_t ngx_http_sector_cache_hours_more(
    ngx_http_sector_cache_zone_t *zone, const sector_entry_t *entry);
static uint64_t ngx_http_sector_cache_hours_over(
    ngx_http_sector_cache_zone_t *zone, const sector_entry_t *entry,
    const sector_store_view_t *view);


/* sector_cache_market_hours ZONE TIMEZONE DAYS HH:MM-HH:MM [holidays=FILE] */

char *
ngx_http_sector_cache_conf_hours(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_sector_cache_main_conf_t *mcf = conf;

    ngx_str_t                      *args;
    ngx_uint_t                      i;
    ngx_http_sector_cache_hours_t  *hours, one;

    args = cf->args->elts;
    hours = mcf->hours.elts;

    for (i = 0; i < mcf->hours.nelts; i++) {
        if (hours[i].zone.len == args[1].len
            && ngx_memcmp(hours[i].zone.data, args[1].data, args[1].len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "zone \"%V\" has market hours already",
                               &args[1]);
            return NGX_CONF_ERROR;
        }
    }

    ngx_memzero(&one, sizeof(ngx_http_sector_cache_hours_t));

    if (ngx_http_sector_cache_hours_timezone(cf, &args[2]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (sector_hours_days((char *) args[3].data, args[3].len, &one.spec)
        != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid days \"%V\" of \"%V\", allowed: Sun, Mon, "
                           "Tue, Wed, Thu, Fri and Sat, as in Mon-Fri or "
                           "Mon,Wed", &args[3], &args[0]);
        return NGX_CONF_ERROR;
    }

    if (sector_hours_times((char *) args[4].data, args[4].len, &one.spec)
        != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid hours \"%V\" of \"%V\", allowed: "
                           "HH:MM-HH:MM from 00:00 to 24:00, not the same "
                           "twice", &args[4], &args[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&one.holidays, cf->pool, 16, sizeof(int64_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 6
        && ngx_http_sector_cache_hours_holidays(cf, &args[5], &one.holidays)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    one.zone = args[1];
    one.timezone = args[2];
    one.place.file = cf->conf_file->file.name;
    one.place.line = cf->conf_file->line;

    one.schedule.sessions = ngx_palloc(cf->pool,
                                       NGX_HTTP_SECTOR_CACHE_HOURS_DAYS
                                       * sizeof(sector_hours_session_t));
    if (one.schedule.sessions == NULL
        || ngx_http_sector_cache_hours_schedule(&one) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    hours = ngx_array_push(&mcf->hours);
    if (hours == NULL) {
        return NGX_CONF_ERROR;
    }

    *hours = one;

    return NGX_CONF_OK;
}


/* libc takes a name that it does not know for UTC, without a word. */

static ngx_int_t
ngx_http_sector_cache_hours_timezone(ngx_conf_t *cf, ngx_str_t *name)
{
    char       magic[4];
    u_char     path[NGX_MAX_PATH], *last;
    ssize_t    n;
    ngx_fd_t   fd;
    char      *dir;

    dir = getenv("TZDIR");
    dir = dir ? dir : "/usr/share/zoneinfo";

    n = 0;

    last = ngx_snprintf(path, sizeof(path) - 1, "%s/%V", dir, name);
    *last = '\0';

    if (name->len && name->data[0] != '/' && name->data[0] != ':'
        && ngx_strstr(name->data, "..") == NULL)
    {
        fd = open((char *) path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

        if (fd != NGX_INVALID_FILE) {
            n = ngx_read_fd(fd, magic, sizeof(magic));
            (void) ngx_close_file(fd);
        }
    }

    if (n != sizeof(magic) || ngx_memcmp(magic, "TZif", 4) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown time zone \"%V\", allowed: a name of a "
                           "file in \"%s\", such as America/New_York",
                           name, dir);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* holidays=FILE */

static ngx_int_t
ngx_http_sector_cache_hours_holidays(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_array_t *days)
{
    ssize_t    n;
    ngx_fd_t   fd;
    ngx_str_t  path, text;

    if (arg->len < sizeof("holidays=") || ngx_strncmp(arg->data, "holidays=", 9)
                                          != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of "
                           "\"sector_cache_market_hours\", allowed: "
                           "holidays=FILE", arg);
        return NGX_ERROR;
    }

    path.data = arg->data + 9;
    path.len = arg->len - 9;

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    text.data = ngx_pnalloc(cf->temp_pool,
                            NGX_HTTP_SECTOR_CACHE_HOLIDAYS_BYTES + 1);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    fd = open((char *) path.data, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &path);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, text.data, NGX_HTTP_SECTOR_CACHE_HOLIDAYS_BYTES + 1);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", &path);
    }

    (void) ngx_close_file(fd);

    if (n == -1) {
        return NGX_ERROR;
    }

    if (n > NGX_HTTP_SECTOR_CACHE_HOLIDAYS_BYTES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is too large, allowed: %dk", &path,
                           NGX_HTTP_SECTOR_CACHE_HOLIDAYS_BYTES / 1024);
        return NGX_ERROR;
    }

    text.len = (size_t) n;

    return ngx_http_sector_cache_hours_lines(cf, &path, &text, days);
}


/* A date a line; what follows it after a blank, or a "#", is a comment. */

static ngx_int_t
ngx_http_sector_cache_hours_lines(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text, ngx_array_t *days)
{
    u_char      *p, *last, *end, *word;
    int64_t     *day;
    ngx_str_t    line;
    ngx_uint_t   n;

    p = text->data;
    last = p + text->len;

    for (n = 1; p < last; p = end + 1, n++) {
        end = ngx_strlchr(p, last, '\n');
        end = end ? end : last;

        while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) {
            p++;
        }

        for (word = p; word < end && *word > ' ' && *word != '#'; word++) {
            /* void */
        }

        if (word == p && (p == end || *p == '#')) {
            continue;
        }

        day = ngx_array_push(days);
        if (day == NULL) {
            return NGX_ERROR;
        }

        line.data = p;
        line.len = word - p;

        if (sector_hours_date((char *) p, line.len, day) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid date \"%V\" in \"%V\", line %ui, "
                               "allowed: YYYY-MM-DD, one a line",
                               &line, path, n);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sector_cache_hours_schedule(ngx_http_sector_cache_hours_t *hours)
{
    char       *old;
    ngx_int_t   rc;

    old = getenv("TZ");

    if (old) {
        old = strdup(old);

        if (old == NULL) {
            return NGX_ERROR;
        }
    }

    rc = NGX_ERROR;

    if (setenv("TZ", (char *) hours->timezone.data, 1) == 0) {
        tzset();

        sector_hours_make(&hours->schedule, &hours->spec,
                          hours->holidays.elts, hours->holidays.nelts,
                          ngx_time() / 86400 - 7,
                          NGX_HTTP_SECTOR_CACHE_HOURS_DAYS,
                          ngx_http_sector_cache_hours_utc, NULL,
                          hours->schedule.sessions);

        rc = (old ? setenv("TZ", old, 1) : unsetenv("TZ")) == 0 ? NGX_OK
                                                                : NGX_ERROR;
        tzset();
    }

    free(old);

    return rc;
}


static int64_t
ngx_http_sector_cache_hours_utc(void *ctx, int64_t day, int minute)
{
    struct tm  tm;

    ngx_memzero(&tm, sizeof(struct tm));

    sector_hours_civil(day, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);

    tm.tm_year -= 1900;
    tm.tm_mon--;
    tm.tm_hour = minute / 60;
    tm.tm_min = minute % 60;
    tm.tm_isdst = -1;

    return (int64_t) mktime(&tm) * 1000;
}


char *
ngx_http_sector_cache_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_sector_cache_main_conf_t *mcf = conf;

    ngx_uint_t                      i;
    ngx_http_sector_cache_zone_t   *zone;
    ngx_http_sector_cache_hours_t  *hours;

    hours = mcf->hours.elts;

    for (i = 0; i < mcf->hours.nelts; i++) {
        zone = ngx_http_sector_cache_find_zone(mcf, &hours[i].zone);

        if (zone == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown zone \"%V\" in "
                          "\"sector_cache_market_hours\", declare it by "
                          "\"sector_cache_zone\" in %V:%ui",
                          &hours[i].zone, &hours[i].place.file,
                          hours[i].place.line);
            return NGX_CONF_ERROR;
        }

        zone->hours = &hours[i];
    }

    return NGX_CONF_OK;
}


/* The schedule, which has now. */

static const sector_hours_t *
ngx_http_sector_cache_hours_now(ngx_http_sector_cache_hours_t *hours,
    int64_t wall_ms)
{
    if (!sector_hours_know(&hours->schedule, wall_ms)
        && ngx_http_sector_cache_hours_schedule(hours) == NGX_OK)
    {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "market hours of zone \"%V\" were computed anew, the "
                      "clock had left them", &hours->zone);
    }

    return &hours->schedule;
}


uint64_t
ngx_http_sector_cache_hours_ttl(ngx_http_sector_cache_zone_t *zone,
    const sector_entry_t *entry)
{
    int64_t   wall_ms;
    uint64_t  ms;

    if (zone->hours == NULL) {
        return 0;
    }

    wall_ms = ngx_http_sector_cache_wall_ms();
    ms = (uint64_t) sector_hours_opens_in(
                       ngx_http_sector_cache_hours_now(zone->hours, wall_ms),
                       wall_ms);

    return ms ? ms + ngx_http_sector_cache_hours_more(zone, entry) : 0;
}


/* The entry's share of the jitter. */

static uint64_t
ngx_http_sector_cache_hours_more(ngx_http_sector_cache_zone_t *zone,
    const sector_entry_t *entry)
{
    return entry->etag % (zone->policy.ttl_ms / 100
                          * zone->policy.jitter_percent + 1);
}


sector_store_state_e
ngx_http_sector_cache_hours_judge(ngx_http_sector_cache_zone_t *zone,
    const sector_entry_t *entry, sector_store_view_t *view)
{
    int64_t   age_ms;
    uint64_t  over_ms, until_ms, back_ms;

    over_ms = zone->hours ? ngx_http_sector_cache_hours_over(zone, entry, view)
                          : 0;
    if (over_ms) {

        /* a clock that was set makes nothing older than it is */

        age_ms = (int64_t) (view->now_ms - view->stored_ms);
        over_ms = ngx_min(over_ms, (uint64_t) ngx_max(age_ms, 0));

        until_ms = view->now_ms - over_ms;

        if (until_ms < view->fresh_until_ms) {
            back_ms = view->fresh_until_ms - until_ms;

            view->fresh_until_ms = until_ms;
            view->refresh_until_ms -= back_ms;

            if (view->dead_at_ms != UINT64_MAX) {
                view->dead_at_ms -= back_ms;
            }
        }
    }

    return view->now_ms < view->fresh_until_ms ? SECTOR_STORE_FRESH
           : view->now_ms < view->refresh_until_ms ? SECTOR_STORE_REFRESH
           : view->now_ms < view->dead_at_ms ? SECTOR_STORE_STALE
           : SECTOR_STORE_NONE;
}


/* How long ago an opening ended the entry's fresh time; 0: none has. */

static uint64_t
ngx_http_sector_cache_hours_over(ngx_http_sector_cache_zone_t *zone,
    const sector_entry_t *entry, const sector_store_view_t *view)
{
    int64_t                   wall_ms, ms, more_ms;
    const sector_hours_t     *schedule;
    sector_hours_session_t   *pause;

    wall_ms = ngx_http_sector_cache_wall_ms();
    pause = &zone->hours->pause;

    /* most hits are in the pause in which the entry was stored */

    if (wall_ms >= pause->close_ms && wall_ms < pause->open_ms
        && view->stored_wall_ms >= pause->close_ms
        && view->stored_wall_ms < pause->open_ms)
    {
        return 0;
    }

    schedule = ngx_http_sector_cache_hours_now(zone->hours, wall_ms);
    sector_hours_closed(schedule, wall_ms, pause);

    ms = sector_hours_opened(schedule, view->stored_wall_ms, wall_ms);
    more_ms = (int64_t) ngx_http_sector_cache_hours_more(zone, entry);

    return ms > more_ms ? (uint64_t) (ms - more_ms) : 0;
}


int64_t
ngx_http_sector_cache_hours_open_for(ngx_http_sector_cache_zone_t *zone)
{
    int64_t  wall_ms;

    if (zone->hours == NULL) {
        return 0;
    }

    wall_ms = ngx_http_sector_cache_wall_ms();

    return sector_hours_open_for(
                       ngx_http_sector_cache_hours_now(zone->hours, wall_ms),
                       wall_ms);
}
