/*
 * sector_compose: what the endpoints print, byte for byte where a client may
 * rely on it, and read back with jansson where the order does not matter.
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

#include "sector_compose.h"


#define TEST_NOON  1795377640123LL      /* 2026-11-22T20:00:40.123Z */


static json_t *
test_parse(char *text, const size_t *len)
{
    json_t        *root;
    json_error_t   error;

    assert_non_null(text);
    assert_int_equal(strlen(text), *len);

    root = json_loadb(text, *len, JSON_REJECT_DUPLICATES, &error);
    free(text);

    assert_non_null(root);

    return root;
}


static void
test_error_has_what_it_is_given(void **state)
{
    char                    *text;
    size_t                   len;
    sector_compose_error_t   e;

    (void) state;

    memset(&e, 0, sizeof(e));

    e.code = "SECTOR_API_CIRCUIT_OPEN";
    e.text = "Circuit breaker of source \"x\\y\" is open";
    e.source = "yahoo";
    e.retry_after_s = 41;
    e.wall_ms = TEST_NOON;

    text = sector_compose_error(&e, &len);

    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    assert_string_equal(text,
        "{\"success\":false,"
        "\"error\":\"Circuit breaker of source \\\"x\\\\y\\\" is open\","
        "\"error_code\":\"SECTOR_API_CIRCUIT_OPEN\","
        "\"error_details\":{\"source\":\"yahoo\",\"retryAfter\":41},"
        "\"timestamp\":\"2026-11-22T20:00:40.123Z\"}");
    free(text);

    e.source = NULL;
    e.retry_after_s = 0;
    e.symbol = "XLK";
    e.upstream_status = 503;
    text = sector_compose_error(&e, &len);

    assert_non_null(strstr(text, "\"error_details\":{\"symbol\":\"XLK\","
                                 "\"status\":503}"));
    free(text);
}


/* Text that is not UTF-8 cannot be printed as JSON: no text, no crash. */

static void
test_error_refuses_what_is_not_utf8(void **state)
{
    size_t                   len;
    sector_compose_error_t   e;

    (void) state;

    memset(&e, 0, sizeof(e));
    e.code = "X";
    e.text = "\xff\xfe";

    assert_null(sector_compose_error(&e, &len));
}


static void
test_symbols_are_in_order(void **state)
{
    char    *text;
    size_t   len;

    static const sector_compose_symbol_t  symbols[] = {
        { "XLK", "Technology", 0 },
        { "SPY", "S&P 500 \xc3\xa9", 1 }
    };

    (void) state;

    text = sector_compose_symbols(symbols, 2, &len);

    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    assert_string_equal(text,
        "[{\"symbol\":\"XLK\",\"name\":\"Technology\",\"type\":\"sector\"},"
        "{\"symbol\":\"SPY\",\"name\":\"S&P 500 \xc3\xa9\","
        "\"type\":\"benchmark\"}]");
    free(text);
}


/* Two namespaces whose every counter differs, so that no two can be mixed
 * up. */

static void
test_stats_add_up(void **state)
{
    size_t                       i, len;
    uint64_t                     a[SECTOR_STATS_N], b[SECTOR_STATS_N];
    uint64_t                     f[SECTOR_FETCH_STATS_N], requests;
    json_t                      *root, *ns, *source, *times;
    sector_histogram_t           upstream, wait;
    sector_compose_stats_t       stats;
    sector_compose_source_t      s;
    sector_compose_namespace_t   n[2];

    (void) state;

    memset(n, 0, sizeof(n));
    memset(&s, 0, sizeof(s));
    memset(&stats, 0, sizeof(stats));
    requests = 0;

    for (i = 0; i < SECTOR_STATS_N; i++) {
        a[i] = 100 + i;
        b[i] = (uint64_t) 1 << (40 + i);

        if (i < SECTOR_STAT_OUTCOMES) {
            requests += a[i] + b[i];
        }
    }

    for (i = 0; i < SECTOR_FETCH_STATS_N; i++) {
        f[i] = 1000 + i;
    }

    n[0].name = "snapshots";
    n[0].last_miss = "snapshot";
    n[0].last_store_wall_ms = TEST_NOON;
    n[0].entries = 1;
    n[0].used_bytes = 10;
    n[0].snapshots = 1;
    n[0].counters = a;
    n[1].name = "sectors";
    n[1].last_miss = "XLK";
    n[1].last_store_wall_ms = TEST_NOON - 123;
    n[1].entries = 2;
    n[1].used_bytes = 20;
    n[1].size_bytes = 4096;
    n[1].counters = b;
    s.name = "yahoo";
    s.breaker = "half_open";
    s.opened = 3;
    s.transitions = 8;
    s.since_wall_ms = TEST_NOON;
    s.in_flight = 4;
    s.waiting = 5;
    s.upstream = &upstream;
    s.wait = &wait;
    s.counters = f;

    memset(&upstream, 0, sizeof(upstream));
    memset(&wait, 0, sizeof(wait));

    sector_stats_observe(&upstream, 5);
    sector_stats_observe(&upstream, 6);
    sector_stats_observe(&upstream, 30000);
    sector_stats_observe(&upstream, 30001);
    sector_stats_observe(&wait, 0);
    sector_stats_observe(&wait, 0);
    sector_stats_observe(&wait, 7);
    sector_stats_observe(&wait, 400);

    stats.enabled = 1;
    stats.namespaces = n;
    stats.n_namespaces = 2;
    stats.sources = &s;
    stats.n_sources = 1;
    stats.sectors = "sectors";

    root = test_parse(sector_compose_stats(&stats, &len), &len);

    assert_true(json_is_true(json_object_get(root, "enabled")));
    assert_int_equal(json_integer_value(json_object_get(root,
                                                "totalRequests")), requests);
    assert_int_equal(json_integer_value(json_object_get(root, "hits")),
                     a[SECTOR_STAT_HIT] + b[SECTOR_STAT_HIT]);
    assert_int_equal(json_integer_value(json_object_get(root, "entryCount")),
                     3);
    assert_int_equal(json_integer_value(json_object_get(root, "memoryUsage")),
                     30);
    assert_string_equal(json_string_value(json_object_get(root,
                                                          "lastMissKey")),
                        "XLK");
    assert_string_equal(json_string_value(json_object_get(root,
                                                          "lastSnapshotAt")),
                        "2026-11-22T20:00:40.123Z");
    assert_string_equal(json_string_value(json_object_get(root,
                                                          "lastUpdated")),
                        "2026-11-22T20:00:40.123Z");

    ns = json_object_get(json_object_get(root, "namespaces"), "sectors");

    for (i = 0; i < SECTOR_STATS_N; i++) {
        assert_int_equal(json_integer_value(json_object_get(ns,
                                               sector_stats_rows[i].name)),
                         b[i]);
    }

    assert_int_equal(json_integer_value(json_object_get(ns, "memorySize")),
                     4096);

    source = json_object_get(json_object_get(root, "sources"), "yahoo");

    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(source, "breaker"), "since")),
                        "2026-11-22T20:00:40.123Z");
    assert_int_equal(json_integer_value(json_object_get(source, "inFlight")),
                     4);
    assert_int_equal(json_integer_value(json_object_get(source, "waiting")),
                     5);

    /* who has not waited at all is not said to have waited a little */

    times = json_object_get(source, "waitTime");
    assert_int_equal(json_integer_value(json_object_get(times, "count")), 4);
    assert_int_equal(json_integer_value(json_object_get(times, "sumMs")), 407);
    times = json_object_get(times, "buckets");
    assert_int_equal(json_integer_value(json_object_get(times, "0")), 2);
    assert_int_equal(json_integer_value(json_object_get(times, "5")), 2);
    assert_int_equal(json_integer_value(json_object_get(times, "10")), 3);
    assert_int_equal(json_integer_value(json_object_get(times, "500")), 4);

    times = json_object_get(source, "upstreamTime");
    assert_int_equal(json_integer_value(json_object_get(times, "count")), 4);
    assert_int_equal(json_integer_value(json_object_get(times, "sumMs")),
                     60012);

    times = json_object_get(times, "buckets");
    assert_int_equal(json_object_size(times), 14);
    assert_int_equal(json_integer_value(json_object_get(times, "0")), 0);
    assert_int_equal(json_integer_value(json_object_get(times, "5")), 1);
    assert_int_equal(json_integer_value(json_object_get(times, "10")), 2);
    assert_int_equal(json_integer_value(json_object_get(times, "10000")), 2);
    assert_int_equal(json_integer_value(json_object_get(times, "30000")), 3);
    assert_int_equal(json_integer_value(json_object_get(times, "+Inf")), 4);

    for (i = 0; i < SECTOR_FETCH_STATS_N; i++) {
        assert_int_equal(json_integer_value(json_object_get(source,
                                         sector_stats_fetch_rows[i].name)),
                         f[i]);
    }

    source = json_object_get(source, "breaker");

    assert_string_equal(json_string_value(json_object_get(source, "state")),
                        "half_open");
    assert_int_equal(json_integer_value(json_object_get(source, "opened")), 3);
    assert_int_equal(json_integer_value(json_object_get(source,
                                                        "transitions")), 8);

    json_decref(root);
}


/* The last key that was missed, of all namespaces together, is a sector's if
 * there is one, whichever namespace is the first; the snapshots' come next. */

static void
test_the_last_miss_is_a_sectors(void **state)
{
    size_t                       i, len;
    json_t                      *root, *key;
    uint64_t                     c[SECTOR_STATS_N];
    sector_compose_stats_t       stats;
    sector_compose_namespace_t   n[3];

    static const struct {
        const char  *sectors;
        const char  *name[3];
        const char  *miss[3];
        const char  *last;
    } rows[] = {
        { "sectors", { "sectors", "snapshots", "more" },
                     { "XLK", "snapshot", "XLF" }, "XLK" },
        { "sectors", { "snapshots", "sectors", "more" },
                     { "snapshot", "XLK", "XLF" }, "XLK" },
        { "sectors", { "snapshots", "more", "sectors" },
                     { "snapshot", "XLF", "XLK" }, "XLK" },
        { "sectors", { "sectors", "snapshots", "more" },
                     { "", "snapshot", "XLF" }, "snapshot" },
        { "sectors", { "snapshots", "sectors", "more" },
                     { "snapshot", "", "XLF" }, "snapshot" },
        { "sectors", { "snapshots", "sectors", "more" },
                     { "", "", "XLF" }, "XLF" },
        { NULL, { "snapshots", "sectors", "more" },
                { "snapshot", "XLK", "XLF" }, "snapshot" },
        { "sectors", { "snapshots", "sectors", "more" },
                     { "", "", "" }, NULL }
    };

    (void) state;
    memset(c, 0, sizeof(c));

    for (i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&n[i % 3], 0, sizeof(n[0]));

        n[i % 3].name = rows[i / 3].name[i % 3];
        n[i % 3].last_miss = rows[i / 3].miss[i % 3];
        n[i % 3].counters = c;

        if (i % 3 != 2) {
            continue;
        }

        memset(&stats, 0, sizeof(stats));

        stats.sectors = rows[i / 3].sectors;
        stats.namespaces = n;
        stats.n_namespaces = 3;

        root = test_parse(sector_compose_stats(&stats, &len), &len);
        key = json_object_get(root, "lastMissKey");

        if (rows[i / 3].last) {
            assert_string_equal(json_string_value(key), rows[i / 3].last);

        } else {
            assert_true(json_is_null(key));
        }

        json_decref(root);
    }
}


static void
test_a_sample_has_what_it_is_given(void **state)
{
    char                     *text;
    size_t                    len;
    sector_compose_sample_t   s;
    sector_compose_source_t   sources[2];

    (void) state;

    memset(&s, 0, sizeof(s));
    memset(sources, 0, sizeof(sources));

    s.wall_ms = TEST_NOON;

    text = sector_compose_sample(&s, &len);

    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    assert_string_equal(text,
        "{\"time\":\"2026-11-22T20:00:40.123Z\",\"requests\":0,\"hits\":0,"
        "\"misses\":0,\"stale\":0,\"hitRate\":0.0,\"fetches\":0,"
        "\"failures\":0,\"upstreamMs\":0,\"entryCount\":0,"
        "\"memoryUsage\":0,\"breakers\":{}}");
    free(text);

    s.requests = 11;
    s.hits = 2;
    s.misses = 1;
    s.stale = 3;
    s.fetches = 4;
    s.failures = 5;
    s.calls = 6;
    s.calls_ms = 601;
    s.entries = 7;
    s.used_bytes = 8;
    s.sources = sources;
    s.n_sources = 2;
    sources[0].name = "yahoo";
    sources[0].breaker = "closed";
    sources[1].name = "other";
    sources[1].breaker = "open";

    text = sector_compose_sample(&s, &len);

    assert_non_null(text);
    assert_string_equal(text,
        "{\"time\":\"2026-11-22T20:00:40.123Z\",\"requests\":11,\"hits\":2,"
        "\"misses\":1,\"stale\":3,\"hitRate\":0.6667,\"fetches\":4,"
        "\"failures\":5,\"upstreamMs\":100,\"entryCount\":7,"
        "\"memoryUsage\":8,\"breakers\":{\"yahoo\":\"closed\","
        "\"other\":\"open\"}}");
    free(text);
}


static void
test_hit_rate(void **state)
{
    size_t                       i, len;
    json_t                      *root;
    uint64_t                     c[SECTOR_STATS_N];
    sector_compose_stats_t       stats;
    sector_compose_namespace_t   n;

    static const struct {
        uint64_t  hits, misses;
        double    rate;
    } rows[] = {
        { 0, 0, 0 }, { 0, 5, 0 }, { 5, 0, 1 }, { 12, 12, 0.5 },
        { 1, 2, 0.3333 }, { 2, 1, 0.6667 }, { 999999, 1, 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(c, 0, sizeof(c));
        memset(&n, 0, sizeof(n));
        memset(&stats, 0, sizeof(stats));

        c[SECTOR_STAT_HIT] = rows[i].hits;
        c[SECTOR_STAT_MISS] = rows[i].misses;
        n.name = "sectors";
        n.last_miss = "";
        n.counters = c;
        stats.namespaces = &n;
        stats.n_namespaces = 1;

        root = test_parse(sector_compose_stats(&stats, &len), &len);

        assert_true(json_real_value(json_object_get(root, "hitRate"))
                    == rows[i].rate);
        assert_true(json_is_null(json_object_get(root, "lastMissKey")));
        assert_true(json_is_null(json_object_get(root, "lastUpdated")));
        assert_true(json_is_null(json_object_get(root, "lastSnapshotAt")));

        json_decref(root);
    }
}


/* jansson's memory, failing at the n-th call: no text, no leak (the sanitizer
 * sees it), no crash. */

static unsigned  compose_calls;
static unsigned  test_fail_at;


static void *
compose_malloc(size_t size)
{
    return ++compose_calls == test_fail_at ? NULL : malloc(size);
}


static void
test_no_memory_is_no_text(void **state)
{
    char                        *text;
    size_t                       len;
    uint64_t                     c[SECTOR_STATS_N], f[SECTOR_FETCH_STATS_N];
    json_malloc_t                old_malloc;
    json_free_t                  old_free;
    sector_histogram_t           times;
    sector_compose_stats_t       stats;
    sector_compose_source_t      s;
    sector_compose_namespace_t   n;

    (void) state;

    memset(c, 0, sizeof(c));
    memset(f, 0, sizeof(f));
    memset(&n, 0, sizeof(n));
    memset(&s, 0, sizeof(s));
    memset(&times, 0, sizeof(times));
    memset(&stats, 0, sizeof(stats));

    n.name = "sectors";
    n.last_miss = "XLK";
    n.counters = c;
    s.name = "yahoo";
    s.breaker = "closed";
    s.upstream = &times;
    s.wait = &times;
    s.counters = f;
    stats.namespaces = &n;
    stats.n_namespaces = 1;
    stats.sources = &s;
    stats.n_sources = 1;

    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(compose_malloc, free);

    text = NULL;

    for (test_fail_at = 1; text == NULL && test_fail_at < 10000;
         test_fail_at++)
    {
        compose_calls = 0;
        text = sector_compose_stats(&stats, &len);
    }

    json_set_alloc_funcs(old_malloc, old_free);

    assert_non_null(text);
    assert_true(test_fail_at > 50);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_has_what_it_is_given),
        cmocka_unit_test(test_error_refuses_what_is_not_utf8),
        cmocka_unit_test(test_symbols_are_in_order),
        cmocka_unit_test(test_stats_add_up),
        cmocka_unit_test(test_the_last_miss_is_a_sectors),
        cmocka_unit_test(test_a_sample_has_what_it_is_given),
        cmocka_unit_test(test_hit_rate),
        cmocka_unit_test(test_no_memory_is_no_text)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
