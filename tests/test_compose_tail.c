/*
 * sector_compose_tail: what is written behind every answer's data, byte for
 * byte, and times as gmtime_r() sees them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sector_compose.h"


#define TEST_NOON     1795377640123LL       /* 2026-11-22T20:00:40.123Z */

#define TEST_MS_MIN   (-62167219200000LL)   /* 0000-01-01T00:00:00.000Z */
#define TEST_MS_MAX   253402300799999LL     /* 9999-12-31T23:59:59.999Z */

#define TEST_DAY_MS   86400000LL


static const sector_compose_meta_t  test_meta = {
    .cache_status = "hit",
    .source = "yahoo",
    .age_s = 12,
    .ttl_s = 108,
    .time = "2026-11-22T20:00:40.123Z",
    .cached = 1
};


/* Compares a tail, and sees that what is behind it is untouched. */

static void
test_tail(const sector_compose_meta_t *meta, const char *expected)
{
    char    buf[SECTOR_COMPOSE_TAIL_MAX + 1];
    size_t  len;

    memset(buf, '#', sizeof(buf));

    len = sector_compose_tail(buf, meta);

    assert_true(len < SECTOR_COMPOSE_TAIL_MAX);
    assert_int_equal(buf[SECTOR_COMPOSE_TAIL_MAX], '#');

    buf[len] = '\0';
    assert_string_equal(buf, expected);
}


static void
test_tail_is_exact(void **state)
{
    sector_compose_meta_t  meta;

    (void) state;

    test_tail(&test_meta,
        ",\"cached\":true,\"timestamp\":\"2026-11-22T20:00:40.123Z\","
        "\"metadata\":{\"version\":\"v1\",\"cacheStatus\":\"hit\","
        "\"source\":\"yahoo\",\"age\":12,\"ttl\":108}}");

    meta = test_meta;
    meta.cache_status = NULL;
    meta.cached = 0;

    test_tail(&meta,
        ",\"cached\":false,\"timestamp\":\"2026-11-22T20:00:40.123Z\","
        "\"metadata\":{\"version\":\"v1\"}}");

    meta.cache_status = "stale";
    meta.source = NULL;

    test_tail(&meta,
        ",\"cached\":false,\"timestamp\":\"2026-11-22T20:00:40.123Z\","
        "\"metadata\":{\"version\":\"v1\",\"cacheStatus\":\"stale\","
        "\"age\":12,\"ttl\":108}}");
}


/* The last member of metadata, whatever else is in it. */

static void
test_tail_says_what_is_partial(void **state)
{
    sector_compose_meta_t  meta;

    (void) state;

    meta = test_meta;
    meta.partial = 1;

    test_tail(&meta,
        ",\"cached\":true,\"timestamp\":\"2026-11-22T20:00:40.123Z\","
        "\"metadata\":{\"version\":\"v1\",\"cacheStatus\":\"hit\","
        "\"source\":\"yahoo\",\"age\":12,\"ttl\":108,\"partial\":true}}");

    meta.cache_status = NULL;

    test_tail(&meta,
        ",\"cached\":true,\"timestamp\":\"2026-11-22T20:00:40.123Z\","
        "\"metadata\":{\"version\":\"v1\",\"partial\":true}}");
}


/* Everything at its largest. */

static void
test_tail_has_room_for_the_longest(void **state)
{
    sector_compose_meta_t  meta;

    (void) state;

    meta.cache_status = "0123456789abcdef";
    meta.source = "0123456789abcdef0123456789abcdef";
    meta.age_s = UINT64_MAX;
    meta.ttl_s = UINT64_MAX;
    meta.time = test_meta.time;
    meta.cached = 0;
    meta.partial = 1;

    test_tail(&meta,
        ",\"cached\":false,\"timestamp\":\"2026-11-22T20:00:40.123Z\","
        "\"metadata\":{\"version\":\"v1\","
        "\"cacheStatus\":\"0123456789abcdef\","
        "\"source\":\"0123456789abcdef0123456789abcdef\","
        "\"age\":18446744073709551615,\"ttl\":18446744073709551615,"
        "\"partial\":true}}");
}


/* Writes into just as many bytes as it asks for. */

static void
test_stale_tail(const sector_compose_meta_t *meta,
    const sector_compose_stale_t *stale, size_t n, const char *expected)
{
    char    *buf;
    size_t   len, max;

    max = sector_compose_stale_max(stale, n);

    buf = malloc(max + 1);
    assert_non_null(buf);
    memset(buf, '#', max + 1);

    len = sector_compose_tail_stale(buf, meta, stale, n);

    assert_true(len <= max);
    assert_int_equal(buf[len], '#');

    buf[len] = '\0';
    assert_string_equal(buf, expected);

    free(buf);
}


static void
test_tail_names_what_is_stale(void **state)
{
    sector_compose_meta_t  meta;

    static const sector_compose_stale_t  stale[] = {
        { .symbol = "XLKJUNK", .symbol_len = 3, .age_s = 75 },
        { .symbol = "BRK.B^=&_-", .symbol_len = 10, .age_s = 0 },
        { .symbol = "S", .symbol_len = 1, .age_s = UINT64_MAX }
    };

    (void) state;

    test_stale_tail(&test_meta, stale, 1,
        ",\"cached\":true,\"timestamp\":\"2026-11-22T20:00:40.123Z\","
        "\"metadata\":{\"version\":\"v1\",\"cacheStatus\":\"hit\","
        "\"source\":\"yahoo\",\"age\":12,\"ttl\":108,"
        "\"stale\":{\"XLK\":75}}}");

    meta = test_meta;
    meta.cache_status = NULL;
    meta.partial = 1;

    test_stale_tail(&meta, stale, 3,
        ",\"cached\":true,\"timestamp\":\"2026-11-22T20:00:40.123Z\","
        "\"metadata\":{\"version\":\"v1\",\"partial\":true,"
        "\"stale\":{\"XLK\":75,\"BRK.B^=&_-\":0,"
        "\"S\":18446744073709551615}}}");
}


/* Where nothing is, it is the common tail. */

static void
test_tail_without_stale(void **state)
{
    (void) state;

    test_stale_tail(&test_meta, NULL, 0,
        ",\"cached\":true,\"timestamp\":\"2026-11-22T20:00:40.123Z\","
        "\"metadata\":{\"version\":\"v1\",\"cacheStatus\":\"hit\","
        "\"source\":\"yahoo\",\"age\":12,\"ttl\":108}}");
}


/* Everything at its largest: a batch of fifty symbols of 32 bytes. */

static void
test_stale_tail_has_room_for_the_longest(void **state)
{
    size_t                  i, len;
    char                    expected[8192];
    sector_compose_meta_t   meta;
    sector_compose_stale_t  stale[50];

    static const char  symbol[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

    (void) state;

    meta.cache_status = "0123456789abcdef";
    meta.source = "0123456789abcdef0123456789abcdef";
    meta.age_s = UINT64_MAX;
    meta.ttl_s = UINT64_MAX;
    meta.time = test_meta.time;
    meta.cached = 0;
    meta.partial = 1;

    len = sector_compose_tail(expected, &meta) - 2;
    len += (size_t) sprintf(expected + len, ",\"stale\":{");

    for (i = 0; i < 50; i++) {
        stale[i].symbol = symbol;
        stale[i].symbol_len = 32;
        stale[i].age_s = UINT64_MAX;

        len += (size_t) sprintf(expected + len,
                                "%s\"%s\":18446744073709551615",
                                i ? "," : "", symbol);
    }

    (void) sprintf(expected + len, "}}}");

    test_stale_tail(&meta, stale, 50, expected);
}


/* Whatever is kept of others: as if it were written anew. */

static void
test_a_kept_tail_is_the_same(void **state)
{
    char                    plain[SECTOR_COMPOSE_TAIL_MAX];
    char                    again[SECTOR_COMPOSE_TAIL_MAX + 1];
    size_t                  i, len;
    sector_compose_meta_t   meta;
    sector_compose_tail_t   tails[SECTOR_COMPOSE_TAILS];

    static const char *const  words[] = { NULL, "hit", "updating", "miss" };
    static const char *const  sources[] = { NULL, "yahoo", "other" };
    static const char *const  times[] = {
        "2026-11-22T20:00:40.123Z", "2026-11-22T20:00:40.124Z"
    };

    (void) state;

    srandom(1);
    memset(tails, 0, sizeof(tails));

    for (i = 0; i < 100000; i++) {
        meta.cache_status = words[random() % 4];
        meta.source = sources[random() % 3];
        meta.time = times[random() % 2];
        meta.age_s = (uint64_t) random() % 3 * SECTOR_COMPOSE_TAILS;
        meta.ttl_s = (uint64_t) random() % 2;
        meta.cached = (unsigned) random() % 2;
        meta.partial = (unsigned) random() % 2;

        memset(again, '#', sizeof(again));

        len = sector_compose_tail(plain, &meta);

        assert_int_equal(sector_compose_tail_again(tails, again, &meta), len);
        assert_memory_equal(again, plain, len);
        assert_int_equal(again[len], '#');
    }
}


/* Both sides of each power of ten, in both places. */

static void
test_tail_prints_numbers(void **state)
{
    char                   expected[SECTOR_COMPOSE_TAIL_MAX];
    unsigned               i, j;
    uint64_t               n;
    sector_compose_meta_t  meta;

    (void) state;

    meta = test_meta;
    n = 1;

    for (i = 0; i < 20; i++) {
        for (j = 0; j < 4; j++) {
            meta.age_s = n - 2 + j;
            meta.ttl_s = n * 7 + j;

            snprintf(expected, sizeof(expected),
                ",\"cached\":true,\"timestamp\":\"2026-11-22T20:00:40.123Z\""
                ",\"metadata\":{\"version\":\"v1\",\"cacheStatus\":\"hit\","
                "\"source\":\"yahoo\",\"age\":%llu,\"ttl\":%llu}}",
                (unsigned long long) meta.age_s,
                (unsigned long long) meta.ttl_s);

            test_tail(&meta, expected);
        }

        n *= 10;
    }
}


static void
test_times(void **state)
{
    char    buf[SECTOR_COMPOSE_TIME_MAX];
    size_t  i;

    static const struct {
        int64_t      ms;
        const char  *text;
    } times[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { TEST_NOON, "2026-11-22T20:00:40.123Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { -1000, "1969-12-31T23:59:59.000Z" },
        { 951782400007LL, "2000-02-29T00:00:00.007Z" },
        { 253402300799999LL, "9999-12-31T23:59:59.999Z" },
        { 253402300800000LL, "1970-01-01T00:00:00.000Z" },
        { -62167219200000LL, "0000-01-01T00:00:00.000Z" },
        { -62167219200001LL, "1970-01-01T00:00:00.000Z" },
        { 951868799999LL, "2000-02-29T23:59:59.999Z" },
        { 4107542399999LL, "2100-02-28T23:59:59.999Z" },
        { 4107542400000LL, "2100-03-01T00:00:00.000Z" },
        { -62162035200000LL, "0000-03-01T00:00:00.000Z" },
        { -62162035200001LL, "0000-02-29T23:59:59.999Z" },
        { INT64_MAX, "1970-01-01T00:00:00.000Z" },
        { INT64_MIN, "1970-01-01T00:00:00.000Z" }
    };

    (void) state;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_int_equal(sector_compose_time(buf, times[i].ms), 24);
        assert_string_equal(buf, times[i].text);
    }

    for (i = 0; i < 1000; i++) {
        char  expected[SECTOR_COMPOSE_TIME_MAX];

        sector_compose_time_ms(buf, (uint32_t) i);

        snprintf(expected, sizeof(expected), "1970-01-01T00:00:00.%03uZ",
                 (unsigned) i);
        assert_string_equal(buf, expected);
    }
}


/* Compares one time with gmtime_r(). */

static void
test_time(int64_t ms)
{
    int        rest;
    char       buf[SECTOR_COMPOSE_TIME_MAX], expected[128];
    time_t     sec;
    struct tm  tm;

    rest = (int) (ms % 1000);
    sec = (time_t) (ms / 1000);

    if (rest < 0) {
        rest += 1000;
        sec--;
    }

    assert_non_null(gmtime_r(&sec, &tm));

    snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
             tm.tm_min, tm.tm_sec, rest);

    memset(buf, '#', sizeof(buf));

    assert_int_equal(sector_compose_time(buf, ms), strlen(expected));
    assert_string_equal(buf, expected);
}


/* 400 years from a leap day on: every shape that a year has. */

static void
test_every_day_of_an_era(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i <= 146097; i++) {
        test_time(951782400000LL + i * TEST_DAY_MS);
        test_time(951782400000LL + i * TEST_DAY_MS - 1);
    }
}


static void
test_any_time_of_ten_thousand_years(void **state)
{
    unsigned     i, seed;
    int64_t      ms;
    const char  *given;

    (void) state;

    given = getenv("SECTOR_SEED");
    seed = given ? (unsigned) strtoul(given, NULL, 10) : (unsigned) time(NULL);
    printf("# SECTOR_SEED=%u\n", seed);
    srandom(seed);

    for (i = 0; i < 300000; i++) {
        ms = (int64_t) ((uint64_t) random() << 31 | (uint64_t) random())
             % (TEST_MS_MAX - TEST_MS_MIN + 1);
        test_time(TEST_MS_MIN + ms);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tail_is_exact),
        cmocka_unit_test(test_tail_says_what_is_partial),
        cmocka_unit_test(test_tail_has_room_for_the_longest),
        cmocka_unit_test(test_tail_names_what_is_stale),
        cmocka_unit_test(test_tail_without_stale),
        cmocka_unit_test(test_stale_tail_has_room_for_the_longest),
        cmocka_unit_test(test_a_kept_tail_is_the_same),
        cmocka_unit_test(test_tail_prints_numbers),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_every_day_of_an_era),
        cmocka_unit_test(test_any_time_of_ten_thousand_years)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
