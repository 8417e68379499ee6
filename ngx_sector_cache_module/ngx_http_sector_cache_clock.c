#include "ngx_http_sector_cache_clock.h"


ngx_http_sector_cache_clock_t  ngx_http_sector_cache_clock = { -1, 0, 1 };


/* The clock with sleep is read first, so that what this process loses between
 * the two makes the sleep shorter, never longer: the longest of all looks is
 * the truest, and now() never goes back. */

void
ngx_http_sector_cache_clock_look(void)
{
#if (NGX_HAVE_CLOCK_MONOTONIC && defined(CLOCK_BOOTTIME))

    int64_t          asleep_ns;
    struct timespec  boot, awake;

    if (clock_gettime(CLOCK_BOOTTIME, &boot) == 0
        && clock_gettime(CLOCK_MONOTONIC, &awake) == 0)
    {
        asleep_ns = (int64_t) (boot.tv_sec - awake.tv_sec) * 1000000000
                    + (boot.tv_nsec - awake.tv_nsec);

        ngx_http_sector_cache_clock.asleep_ms =
                          ngx_max((int64_t)
                                  ngx_http_sector_cache_clock.asleep_ms,
                                  (asleep_ns + 500000) / 1000000);
    }

#endif

    if (ngx_time() < ngx_http_sector_cache_clock.sec) {
        ngx_http_sector_cache_clock.setting++;
    }

    ngx_http_sector_cache_clock.sec = ngx_time();
}


int64_t
ngx_http_sector_cache_wall_ms(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


/* A second's text is made once, a millisecond's put into it. */

const char *
ngx_http_sector_cache_wall_text(void)
{
    ngx_time_t  *tp;

    static time_t      sec;
    static ngx_uint_t  msec;
    static char        text[SECTOR_COMPOSE_TIME_MAX] =
                                                    "1970-01-01T00:00:00.000Z";

    tp = ngx_timeofday();

    if (tp->sec != sec) {
        sec = tp->sec;
        msec = tp->msec;
        (void) sector_compose_time(text, ngx_http_sector_cache_wall_ms());

    } else if (tp->msec != msec) {
        msec = tp->msec;
        sector_compose_time_ms(text, (uint32_t) msec);
    }

    return text;
}


int64_t
ngx_http_sector_cache_clock_wall(uint64_t ms)
{
    return ngx_http_sector_cache_wall_ms()
           + (int64_t) (ms - ngx_http_sector_cache_now());
}
