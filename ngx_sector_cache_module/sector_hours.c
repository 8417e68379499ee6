#include "sector_hours.h"

#include <string.h>
#include <strings.h>


static int sector_hours_day(const char *text);
static int sector_hours_number(const char *text, size_t digits);
static const sector_hours_session_t *sector_hours_last(const sector_hours_t *h,
    int64_t now_ms);


int
sector_hours_days(const char *text, size_t len, sector_hours_spec_t *spec)
{
    int          from, to;
    const char  *p, *last;

    p = text;
    last = text + len;
    spec->days = 0;

    for ( ;; ) {
        from = last - p >= 3 ? sector_hours_day(p) : -1;

        if (from < 0) {
            return -1;
        }

        p += 3;
        to = from;

        if (p < last && *p == '-') {
            p++;
            to = last - p >= 3 ? sector_hours_day(p) : -1;

            if (to < 0) {
                return -1;
            }

            p += 3;
        }

        for ( ;; ) {
            spec->days |= 1u << from;

            if (from == to) {
                break;
            }

            from = (from + 1) % 7;
        }

        if (p == last) {
            return 0;
        }

        if (*p++ != ',') {
            return -1;
        }
    }
}


/* 0 is Sunday; -1: none. */
static int
sector_hours_day(const char *text)
{
    int  i;

    static const char  *days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
                                   "Sat" };

    for (i = 0; i < 7; i++) {
        if (strncasecmp(text, days[i], 3) == 0) {
            return i;
        }
    }

    return -1;
}


/* A number of so many digits, or -1. */
static int
sector_hours_number(const char *text, size_t digits)
{
    int  n;

    for (n = 0; digits; digits--, text++) {
        if (*text < '0' || *text > '9') {
            return -1;
        }

        n = n * 10 + (*text - '0');
    }

    return n;
}


int
sector_hours_times(const char *text, size_t len, sector_hours_spec_t *spec)
{
    int  h1, m1, h2, m2;

    if (len != sizeof("09:30-16:00") - 1 || text[2] != ':' || text[5] != '-'
        || text[8] != ':')
    {
        return -1;
    }

    h1 = sector_hours_number(text, 2);
    m1 = sector_hours_number(text + 3, 2);
    h2 = sector_hours_number(text + 6, 2);
    m2 = sector_hours_number(text + 9, 2);

    if (h1 < 0 || h1 > 23 || m1 < 0 || m1 > 59 || h2 < 0 || m2 < 0 || m2 > 59
        || h2 > 24 || (h2 == 24 && m2 != 0))
    {
        return -1;
    }

    spec->open = h1 * 60 + m1;
    spec->close = h2 * 60 + m2;

    return spec->open == spec->close ? -1 : 0;
}


/* After Howard Hinnant, chrono-Compatible Low-Level Date Algorithms: years
 * begin in March, and 400 of them have 146097 days. */
int
sector_hours_date(const char *text, size_t len, int64_t *day)
{
    int      y, m, d, y2, m2, d2;
    int64_t  era, yoe, doy;

    if (len != sizeof("2026-12-25") - 1 || text[4] != '-' || text[7] != '-') {
        return -1;
    }

    y = sector_hours_number(text, 4);
    m = sector_hours_number(text + 5, 2);
    d = sector_hours_number(text + 8, 2);

    if (y < 1970 || m < 1 || m > 12 || d < 1 || d > 31) {
        return -1;
    }

    y2 = m <= 2 ? y - 1 : y;
    era = y2 / 400;
    yoe = y2 - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

    *day = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;

    /* the 31st of April is none */

    sector_hours_civil(*day, &y2, &m2, &d2);

    return y2 == y && m2 == m && d2 == d ? 0 : -1;
}


void
sector_hours_civil(int64_t day, int *year, int *month, int *mday)
{
    int64_t  era, doe, yoe, doy, mp;

    day += 719468;
    era = day / 146097;
    doe = day - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;

    *mday = (int) (doy - (153 * mp + 2) / 5 + 1);
    *month = (int) (mp < 10 ? mp + 3 : mp - 9);
    *year = (int) (yoe + era * 400 + (*month <= 2));
}


void
sector_hours_make(sector_hours_t *h, const sector_hours_spec_t *spec,
    const int64_t *holidays, size_t n_holidays, int64_t first, size_t n,
    sector_hours_utc_pt utc, void *ctx, sector_hours_session_t *sessions)
{
    size_t                   i, j;
    int64_t                  day;
    sector_hours_session_t   s, *last;

    h->sessions = sessions;
    h->n = 0;
    h->begin_ms = utc(ctx, first, 0);
    h->end_ms = utc(ctx, first + (int64_t) n, 0);

    for (i = 0; i < n; i++) {
        day = first + (int64_t) i;

        /* 1970-01-01 was a Thursday */

        if (!(spec->days & 1u << ((day + 4) % 7 + 7) % 7)) {
            continue;
        }

        for (j = 0; j < n_holidays && holidays[j] != day; j++) {
            /* void */
        }

        if (j < n_holidays) {
            continue;
        }

        s.open_ms = utc(ctx, day, spec->open);
        s.close_ms = spec->close > spec->open
                     ? utc(ctx, day, spec->close)
                     : utc(ctx, day + 1, spec->close);

        last = h->n ? &sessions[h->n - 1] : NULL;

        if (last != NULL && s.open_ms <= last->close_ms) {
            last->close_ms = s.close_ms > last->close_ms ? s.close_ms
                                                         : last->close_ms;

        } else if (s.close_ms > s.open_ms) {
            sessions[h->n++] = s;
        }
    }
}


/* The last session that began by now, or NULL. */
static const sector_hours_session_t *
sector_hours_last(const sector_hours_t *h, int64_t now_ms)
{
    size_t  low, high, middle;

    low = 0;
    high = h->n;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (h->sessions[middle].open_ms <= now_ms) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low ? &h->sessions[low - 1] : NULL;
}


int
sector_hours_know(const sector_hours_t *h, int64_t now_ms)
{
    return now_ms >= h->begin_ms && now_ms < h->end_ms;
}


int64_t
sector_hours_open_for(const sector_hours_t *h, int64_t now_ms)
{
    const sector_hours_session_t  *s;

    if (!sector_hours_know(h, now_ms)) {
        return INT64_MAX;
    }

    s = sector_hours_last(h, now_ms);

    return s != NULL && now_ms < s->close_ms ? now_ms - s->open_ms + 1 : 0;
}


int64_t
sector_hours_opens_in(const sector_hours_t *h, int64_t now_ms)
{
    const sector_hours_session_t  *s;

    if (sector_hours_open_for(h, now_ms)) {
        return 0;
    }

    s = sector_hours_last(h, now_ms);
    s = s != NULL ? s + 1 : h->sessions;

    return s < h->sessions + h->n ? s->open_ms - now_ms : h->end_ms - now_ms;
}


int64_t
sector_hours_opened(const sector_hours_t *h, int64_t since_ms, int64_t now_ms)
{
    const sector_hours_session_t  *s;

    if (!sector_hours_know(h, now_ms)) {
        return INT64_MAX;
    }

    s = sector_hours_last(h, now_ms);

    if (s == NULL) {
        return 0;
    }

    if (since_ms > now_ms) {
        return now_ms < s->close_ms ? now_ms - s->open_ms + 1 : 0;
    }

    if (s->open_ms <= since_ms) {
        return 0;
    }

    s = sector_hours_last(h, since_ms);
    s = s != NULL ? s + 1 : h->sessions;

    return now_ms - s->open_ms + 1;
}


void
sector_hours_closed(const sector_hours_t *h, int64_t now_ms,
    sector_hours_session_t *pause)
{
    const sector_hours_session_t  *s;

    pause->close_ms = 0;
    pause->open_ms = 0;

    if (sector_hours_open_for(h, now_ms)) {
        return;
    }

    s = sector_hours_last(h, now_ms);

    pause->close_ms = s != NULL ? s->close_ms : h->begin_ms;
    pause->open_ms = now_ms + sector_hours_opens_in(h, now_ms);
}
