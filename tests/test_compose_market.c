/*
 * sector_compose_market: snapshots and failures byte for byte, and every
 * allocation failing once.  The program is linked with --wrap=realloc.
 *
 * The summary has its own: test_compose_summary.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sector_compose_market.h"


#define TEST_NOON  1795377640123LL     /* 2026-11-22T20:00:40.123Z */
#define TEST_HEAD  "{\"timestamp\":1795377640123,\"date\":\"2026-11-22\""

#define TEST_DATA(data)  data, sizeof(data) - 1


/* Allocations of text and, where a test asks for it, of jansson. */

static unsigned  test_calls;
static unsigned  test_fail_at;


void *__real_realloc(void *p, size_t size);


void *
__wrap_realloc(void *p, size_t size)
{
    return ++test_calls == test_fail_at ? NULL : __real_realloc(p, size);
}


static void *
market_malloc(size_t size)
{
    return ++test_calls == test_fail_at ? NULL : malloc(size);
}


static char *
test_snapshot_at(const sector_compose_part_t *parts, size_t n, int64_t wall_ms)
{
    char    *text;
    size_t   len;

    text = sector_compose_snapshot(parts, n, wall_ms, &len);

    assert_non_null(text);
    assert_int_equal(strlen(text), len);

    return text;
}


static void
test_snapshot(const sector_compose_part_t *parts, size_t n,
    const char *expected)
{
    char  *text;

    text = test_snapshot_at(parts, n, TEST_NOON);
    assert_string_equal(text, expected);
    free(text);
}


/* Stored bytes that no printer would make, and a byte behind each that is not
 * part of it. */

#define TEST_STRANGE                                                          \
    "{ \"price\" : 1.50, \"changePercent\": 1e0,\t\"symbol\":\"XLK\"}"


static void
test_sectors_are_kept_byte_for_byte(void **state)
{
    static const sector_compose_part_t  parts[] = {
        { "XLK", "Technology", TEST_STRANGE "#", sizeof(TEST_STRANGE) - 1, 0 },
        { "SPY", "S&P 500", TEST_DATA("{\"changePercent\":-9.0}"), 1 },
        { "XLU", "Utilities", TEST_DATA("{\"changePercent\":-0.75}"), 0 }
    };

    (void) state;

    test_snapshot(parts, 3,
        TEST_HEAD ",\"sectors\":["
        TEST_STRANGE ","
        "{\"changePercent\":-0.75}],"
        "\"benchmark\":{\"changePercent\":-9.0},"
        "\"summary\":{\"totalSectors\":2,\"availableSectors\":2,"
        "\"bullishSectors\":1,\"bearishSectors\":1,\"neutralSectors\":0,"
        "\"topPerformer\":\"XLK\",\"worstPerformer\":\"XLU\","
        "\"averageChange\":0.13}}");
}


static void
test_what_is_missing_is_named(void **state)
{
    static const sector_compose_part_t  parts[] = {
        { "SPY", NULL, NULL, 0, 1 },
        { "A\"\\", "S&P \n\xc3\xa9 \"5\"", NULL, 0, 0 },
        { "XLK", "Technology", TEST_DATA("{}"), 0 },
        { "XLU", NULL, NULL, 0, 0 }
    };

    (void) state;

    test_snapshot(parts, 4,
        TEST_HEAD ",\"sectors\":["
        "{\"symbol\":\"A\\\"\\\\\",\"name\":\"S&P \\n\xc3\xa9 \\\"5\\\"\","
        "\"error\":\"Data unavailable\"},"
        "{},"
        "{\"symbol\":\"XLU\",\"error\":\"Data unavailable\"}],"
        "\"benchmark\":{\"symbol\":\"SPY\",\"error\":\"Data unavailable\"},"
        "\"summary\":{\"totalSectors\":3,\"availableSectors\":1,"
        "\"bullishSectors\":0,\"bearishSectors\":0,\"neutralSectors\":1,"
        "\"topPerformer\":null,\"worstPerformer\":null,"
        "\"averageChange\":null}}");
}


static void
test_nothing_at_all(void **state)
{
    (void) state;

    test_snapshot(NULL, 0,
        TEST_HEAD ",\"sectors\":[],"
        "\"summary\":{\"totalSectors\":0,\"availableSectors\":0,"
        "\"bullishSectors\":0,\"bearishSectors\":0,\"neutralSectors\":0,"
        "\"topPerformer\":null,\"worstPerformer\":null,"
        "\"averageChange\":null}}");
}


/* The others are nowhere, and a missing first one does not let the second
 * step in. */

static void
test_the_first_benchmark_is_the_benchmark(void **state)
{
    static const sector_compose_part_t  parts[] = {
        { "SPY", NULL, NULL, 0, 1 },
        { "QQQ", NULL, TEST_DATA("{\"changePercent\":7}"), 1 },
        { "DIA", NULL, NULL, 0, 1 }
    };

    (void) state;

    test_snapshot(parts, 3,
        TEST_HEAD ",\"sectors\":[],"
        "\"benchmark\":{\"symbol\":\"SPY\",\"error\":\"Data unavailable\"},"
        "\"summary\":{\"totalSectors\":0,\"availableSectors\":0,"
        "\"bullishSectors\":0,\"bearishSectors\":0,\"neutralSectors\":0,"
        "\"topPerformer\":null,\"worstPerformer\":null,"
        "\"averageChange\":null}}");
}


static void
test_times_and_dates(void **state)
{
    char    *text;
    size_t   i;

    static const struct {
        int64_t      ms;
        const char  *head;
    } rows[] = {
        { 0, "{\"timestamp\":0,\"date\":\"1970-01-01\",\"sectors\":" },
        { -1, "{\"timestamp\":-1,\"date\":\"1969-12-31\",\"sectors\":" },
        { 951868799999LL,
          "{\"timestamp\":951868799999,\"date\":\"2000-02-29\"," },
        { 951868800000LL,
          "{\"timestamp\":951868800000,\"date\":\"2000-03-01\"," },
        { INT64_MAX,
          "{\"timestamp\":9223372036854775807,\"date\":\"1970-01-01\"," },
        { INT64_MIN,
          "{\"timestamp\":-9223372036854775808,\"date\":\"1970-01-01\"," }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text = test_snapshot_at(NULL, 0, rows[i].ms);
        assert_memory_equal(text, rows[i].head, strlen(rows[i].head));
        free(text);
    }
}


static void
test_what_is_available(void **state)
{
    size_t    i;
    unsigned  missing;

    /* of three parts: s a sector, b a benchmark, S and B missing ones */
    static const struct {
        const char  *parts;
        size_t       available;
        unsigned     missing;
    } rows[] = {
        { "", 0, 0 }, { "s", 1, 0 }, { "S", 0, 1 }, { "ssb", 2, 0 },
        { "sSb", 1, 1 }, { "Ssb", 1, 1 }, { "SSb", 0, 1 }, { "ssB", 2, 1 },
        { "sbB", 1, 0 }, { "sBb", 1, 1 }, { "Bss", 2, 1 }, { "b", 0, 0 }
    };

    sector_compose_part_t   parts[3];
    const char             *p;

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(parts, 0, sizeof(parts));

        for (p = rows[i].parts; *p; p++) {
            parts[p - rows[i].parts].benchmark = (*p == 'b' || *p == 'B');
            parts[p - rows[i].parts].data = (*p >= 'a') ? "{}" : NULL;
        }

        missing = 7;

        assert_int_equal(sector_compose_available(parts,
                             strlen(rows[i].parts), &missing),
                         rows[i].available);
        assert_int_equal(missing, rows[i].missing);
    }
}


static void
test_failures_are_in_order(void **state)
{
    char    *text;
    size_t   len;

    static const sector_compose_failure_t  failures[] = {
        { "XLU", "UPSTREAM_ERROR", "the upstream said \"no\"" },
        { "XLK", "NO_DATA", "\xc3\xa9\n" }
    };

    (void) state;

    text = sector_compose_failures(failures, 2, &len);

    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    assert_string_equal(text,
        "{\"XLU\":{\"error_code\":\"UPSTREAM_ERROR\","
        "\"error\":\"the upstream said \\\"no\\\"\"},"
        "\"XLK\":{\"error_code\":\"NO_DATA\",\"error\":\"\xc3\xa9\\n\"}}");
    free(text);

    text = sector_compose_failures(NULL, 0, &len);

    assert_non_null(text);
    assert_int_equal(len, 2);
    assert_string_equal(text, "{}");
    free(text);
}


/* More than any first size of the text, in one piece and in many. */

static void
test_large_sectors(void **state)
{
    char                   *text, *data;
    size_t                  i, len;
    json_t                 *root;
    sector_compose_part_t   parts[50];

    (void) state;

    memset(parts, 0, sizeof(parts));

    for (i = 0; i < 50; i++) {
        len = (i == 7) ? 1000000 : 1 + i * 97;
        data = malloc(len + 2);
        assert_non_null(data);
        memset(data, ' ', len + 2);
        data[0] = '{';
        data[len + 1] = '}';

        parts[i].symbol = "X";
        parts[i].data = data;
        parts[i].len = len + 2;
    }

    text = test_snapshot_at(parts, 50, TEST_NOON);
    root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(root);
    assert_int_equal(json_array_size(json_object_get(root, "sectors")), 50);

    json_decref(root);
    free(text);

    for (i = 0; i < 50; i++) {
        free((char *) parts[i].data);
    }
}


/* Every length of text from 3000 to 9000: one of them fills the room. */

static void
test_a_text_that_fills_its_room(void **state)
{
    char                    data[9000];
    sector_compose_part_t   part;

    (void) state;

    memset(data, ' ', sizeof(data));
    memset(&part, 0, sizeof(part));
    memcpy(data, "{}", 2);

    part.symbol = "X";
    part.data = data;

    for (part.len = 2700; part.len <= sizeof(data); part.len++) {
        free(test_snapshot_at(&part, 1, TEST_NOON));
    }
}


static void
test_what_is_no_json_is_no_text(void **state)
{
    size_t                    len;
    sector_compose_part_t     part;
    sector_compose_failure_t  failure;

    (void) state;

    memset(&part, 0, sizeof(part));
    len = 77;

    part.symbol = "X";
    part.name = "\xff";
    assert_null(sector_compose_snapshot(&part, 1, TEST_NOON, &len));

    part.data = "{\"changePercent\":1";
    part.len = strlen(part.data);
    assert_null(sector_compose_snapshot(&part, 1, TEST_NOON, &len));

    failure.symbol = "X";
    failure.code = "Y";
    failure.text = "\xfe";
    assert_null(sector_compose_failures(&failure, 1, &len));

    assert_int_equal(len, 77);
}


/* Each allocation, ours and jansson's, fails once: no text, never a wrong one,
 * and no leak, which a sanitizer sees. */

static void
test_no_memory_is_no_text(void **state)
{
    char           *text, *whole[2];
    size_t          i, len;
    json_free_t     old_free;
    json_malloc_t   old_malloc;

    static const sector_compose_part_t  parts[] = {
        { "XLK", "Technology", TEST_DATA("{\"changePercent\":1.5}"), 0 },
        { "XLU", "Utilities", NULL, 0, 0 },
        { "XLE", NULL, TEST_DATA("{\"a\":{\"b\":[1,\"c\"]}}"), 0 },
        { "SPY", "S&P 500", NULL, 0, 1 }
    };

    static const sector_compose_failure_t  failures[] = {
        { "XLU", "UPSTREAM_ERROR", "a" }, { "XLK", "NO_DATA", "b" }
    };

    (void) state;

    test_fail_at = 0;
    whole[0] = test_snapshot_at(parts, 4, TEST_NOON);
    whole[1] = sector_compose_failures(failures, 2, &len);
    assert_non_null(whole[1]);

    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(market_malloc, free);

    for (i = 0; i < 2; i++) {
        text = NULL;

        for (test_fail_at = 1; text == NULL && test_fail_at < 1000;
             test_fail_at++)
        {
            test_calls = 0;
            text = i ? sector_compose_failures(failures, 2, &len)
                     : sector_compose_snapshot(parts, 4, TEST_NOON, &len);
        }

        assert_non_null(text);
        assert_string_equal(text, whole[i]);
        assert_true(test_fail_at > 10);

        free(text);
        free(whole[i]);
    }

    json_set_alloc_funcs(old_malloc, old_free);
    test_fail_at = 0;
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sectors_are_kept_byte_for_byte),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_the_first_benchmark_is_the_benchmark),
        cmocka_unit_test(test_times_and_dates),
        cmocka_unit_test(test_what_is_available),
        cmocka_unit_test(test_failures_are_in_order),
        cmocka_unit_test(test_large_sectors),
        cmocka_unit_test(test_a_text_that_fills_its_room),
        cmocka_unit_test(test_what_is_no_json_is_no_text),
        cmocka_unit_test(test_no_memory_is_no_text)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
