/*
 * What every hit runs: the end of an envelope, and its time.
 *
 * No printf() and no gmtime_r(): each would cost as much as all else that a
 * hit does.  The time is a text already, of which only the milliseconds change
 * from one answer to the next of the same second.  Words are copied by their
 * known length, digits are printed two at a time, and the date is made by
 * counting days, in the manner of Howard Hinnant's "chrono-Compatible Low-Level
 * Date Algorithms" (civil_from_days).
 */

#include "sector_compose.h"

#include <string.h>


/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z */

#define SECTOR_COMPOSE_MS_MIN   (-62167219200000LL)
#define SECTOR_COMPOSE_MS_MAX   253402300799999LL

#define SECTOR_COMPOSE_DAY_S    86400

/* An era is 400 years, after which the calendar repeats.  Days are counted
 * from the first of March of the year -400, so that none is negative and a
 * leap day is its year's last; there are 60 days from the first of January of
 * the year 0 to that of March. */

#define SECTOR_COMPOSE_ERA_DAYS    146097
#define SECTOR_COMPOSE_ERA_YEARS   400
#define SECTOR_COMPOSE_FIRST_DAYS  (SECTOR_COMPOSE_ERA_DAYS - 60)

#define SECTOR_COMPOSE_CACHED   ",\"cached\":true,\"timestamp\":\""
#define SECTOR_COMPOSE_FETCHED  ",\"cached\":false,\"timestamp\":\""

#define SECTOR_COMPOSE_STALE       ",\"stale\":{"
#define SECTOR_COMPOSE_TAIL_END    "}}"

/* What stands round a symbol, and its age: ,"":18446744073709551615 */

#define SECTOR_COMPOSE_STALE_ONE   (4 + 20)

#define SECTOR_COMPOSE_DATE  "0000-00-00T00:00:00.000Z"

/* Copies a literal without its end; evaluates to where the next thing goes. */

#define sector_compose_literal(p, text)                                       \
    ((char *) memcpy(p, text, sizeof(text) - 1) + sizeof(text) - 1)


static void sector_compose_date(char *buf, uint32_t days);
static char *sector_compose_word(char *p, const char *word);
static inline void sector_compose_pair(char *p, uint32_t n);


size_t
sector_compose_tail(char *buf, const sector_compose_meta_t *meta)
{
    char  *p;

    p = meta->cached
        ? sector_compose_literal(buf, SECTOR_COMPOSE_CACHED)
        : sector_compose_literal(buf, SECTOR_COMPOSE_FETCHED);

    memcpy(p, meta->time, SECTOR_COMPOSE_TIME_LEN);
    p += SECTOR_COMPOSE_TIME_LEN;
    p = sector_compose_literal(p, "\",\"metadata\":{\"version\":\"v1\"");

    if (meta->cache_status) {
        p = sector_compose_literal(p, ",\"cacheStatus\":\"");
        p = sector_compose_word(p, meta->cache_status);

        if (meta->source) {
            p = sector_compose_literal(p, "\",\"source\":\"");
            p = sector_compose_word(p, meta->source);
        }

        p = sector_compose_literal(p, "\",\"age\":");
        p = sector_compose_number(p, meta->age_s);
        p = sector_compose_literal(p, ",\"ttl\":");
        p = sector_compose_number(p, meta->ttl_s);
    }

    if (meta->partial) {
        p = sector_compose_literal(p, ",\"partial\":true");
    }

    p = sector_compose_literal(p, SECTOR_COMPOSE_TAIL_END);

    return (size_t) (p - buf);
}


size_t
sector_compose_stale_max(const sector_compose_stale_t *stale, size_t n)
{
    size_t  i, bytes;

    bytes = SECTOR_COMPOSE_TAIL_MAX + sizeof(SECTOR_COMPOSE_STALE);

    for (i = 0; i < n; i++) {
        bytes += stale[i].symbol_len + SECTOR_COMPOSE_STALE_ONE;
    }

    return bytes;
}


/* It is no part of the tail that every hit has: that one stays as short. */

size_t
sector_compose_tail_stale(char *buf, const sector_compose_meta_t *meta,
    const sector_compose_stale_t *stale, size_t n)
{
    char    *p;
    size_t   i, len;

    len = sector_compose_tail(buf, meta);

    if (n == 0) {
        return len;
    }

    p = buf + len - (sizeof(SECTOR_COMPOSE_TAIL_END) - 1);
    p = sector_compose_literal(p, SECTOR_COMPOSE_STALE);

    for (i = 0; i < n; i++) {
        if (i) {
            *p++ = ',';
        }

        *p++ = '"';
        memcpy(p, stale[i].symbol, stale[i].symbol_len);
        p += stale[i].symbol_len;
        p = sector_compose_literal(p, "\":");
        p = sector_compose_number(p, stale[i].age_s);
    }

    *p++ = '}';
    p = sector_compose_literal(p, SECTOR_COMPOSE_TAIL_END);

    return (size_t) (p - buf);
}


size_t
sector_compose_tail_again(sector_compose_tail_t *tails, char *buf,
    const sector_compose_meta_t *meta)
{
    sector_compose_tail_t  *tail;

    tail = &tails[meta->age_s % SECTOR_COMPOSE_TAILS];

    if (tail->len == 0
        || tail->meta.cache_status != meta->cache_status
        || tail->meta.source != meta->source
        || tail->meta.age_s != meta->age_s
        || tail->meta.ttl_s != meta->ttl_s
        || tail->meta.cached != meta->cached
        || tail->meta.partial != meta->partial)
    {
        tail->meta = *meta;
        tail->len = sector_compose_tail(tail->text, meta);
    }

    memcpy(buf, tail->text, tail->len);
    memcpy(buf + (meta->cached ? sizeof(SECTOR_COMPOSE_CACHED)
                               : sizeof(SECTOR_COMPOSE_FETCHED)) - 1,
           meta->time, SECTOR_COMPOSE_TIME_LEN);

    return tail->len;
}


size_t
sector_compose_time(char *buf, int64_t wall_ms)
{
    uint32_t  second;
    uint64_t  seconds;

    if (wall_ms < SECTOR_COMPOSE_MS_MIN || wall_ms > SECTOR_COMPOSE_MS_MAX) {
        wall_ms = 0;
    }

    seconds = (uint64_t) (wall_ms - SECTOR_COMPOSE_MS_MIN) / 1000;
    second = (uint32_t) (seconds % SECTOR_COMPOSE_DAY_S);

    memcpy(buf, SECTOR_COMPOSE_DATE, sizeof(SECTOR_COMPOSE_DATE));

    sector_compose_date(buf, (uint32_t) (seconds / SECTOR_COMPOSE_DAY_S));
    sector_compose_pair(buf + 11, second / 3600);
    sector_compose_pair(buf + 14, second / 60 % 60);
    sector_compose_pair(buf + 17, second % 60);
    sector_compose_time_ms(buf, (uint32_t) ((uint64_t)
                                (wall_ms - SECTOR_COMPOSE_MS_MIN) % 1000));

    return SECTOR_COMPOSE_TIME_LEN;
}


void
sector_compose_time_ms(char *buf, uint32_t ms)
{
    buf[20] = (char) ('0' + ms / 100);
    sector_compose_pair(buf + 21, ms % 100);
}


/*
 * Prints the date that is days after the first of January of the year 0 over
 * 0000-00-00.  Of an era's days, all that 4, 100 and 400 years have more or
 * less is taken away, which leaves 365 a year; and 153 days are five months
 * from March or August on.
 */
static void
sector_compose_date(char *buf, uint32_t days)
{
    uint32_t  era, day, year, month;

    days += SECTOR_COMPOSE_FIRST_DAYS;
    era = days / SECTOR_COMPOSE_ERA_DAYS;
    day = days % SECTOR_COMPOSE_ERA_DAYS;

    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    year += era * SECTOR_COMPOSE_ERA_YEARS;

    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;

    if (month < 10) {
        month += 3;

    } else {
        month -= 9;
        year++;
    }

    year -= SECTOR_COMPOSE_ERA_YEARS;

    sector_compose_pair(buf, year / 100);
    sector_compose_pair(buf + 2, year % 100);
    sector_compose_pair(buf + 5, month);
    sector_compose_pair(buf + 8, day + 1);
}


/* Copies a word without its end; returns where the next thing goes. */

static char *
sector_compose_word(char *p, const char *word)
{
    while (*word) {
        *p++ = *word++;
    }

    return p;
}


/* Four digits at a time: an age or a ttl seldom has more. */

char *
sector_compose_number(char *p, uint64_t n)
{
    uint32_t  low, high;

    if (n > 9999) {
        p = sector_compose_number(p, n / 10000);
        low = (uint32_t) (n % 10000);

        sector_compose_pair(p, low / 100);
        sector_compose_pair(p + 2, low % 100);
        return p + 4;
    }

    high = (uint32_t) n / 100;
    low = (uint32_t) n - high * 100;

    if (high >= 10) {
        sector_compose_pair(p, high);
        p += 2;

    } else if (high) {
        *p++ = (char) ('0' + high);

    } else if (low < 10) {
        *p = (char) ('0' + low);
        return p + 1;
    }

    sector_compose_pair(p, low);

    return p + 2;
}


/* Prints n, which is below 100, as two digits. */

static inline void
sector_compose_pair(char *p, uint32_t n)
{
    static const char  pairs[] =
        "00010203040506070809101112131415161718192021222324"
        "25262728293031323334353637383940414243444546474849"
        "50515253545556575859606162636465666768697071727374"
        "75767778798081828384858687888990919293949596979899";

    memcpy(p, pairs + 2 * n, 2);
}
