/*
 * sector_metrics: the text for Prometheus.  What promtool thinks of it is
 * asked in t/51-metrics.t.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sector_metrics.h"
#include "sector_text.h"


typedef struct {
    uint64_t                     counters[2][SECTOR_STATS_N];
    uint64_t                     fetches[SECTOR_FETCH_STATS_N];
    sector_histogram_t           upstream;
    sector_histogram_t           wait;
    sector_compose_namespace_t   n[2];
    sector_compose_source_t      s;
    sector_compose_stats_t       stats;
} test_page_t;


/* Every number is another one. */

static void
test_page(test_page_t *p)
{
    size_t  i;

    memset(p, 0, sizeof(*p));

    for (i = 0; i < SECTOR_STATS_N; i++) {
        p->counters[0][i] = 100 + i;
        p->counters[1][i] = 200 + i;
    }

    for (i = 0; i < SECTOR_FETCH_STATS_N; i++) {
        p->fetches[i] = 300 + i;
    }

    p->upstream.sum_ms = 12345;
    p->upstream.buckets[1] = 1;
    p->upstream.buckets[3] = 2;
    p->wait.buckets[0] = 9;
    p->upstream.buckets[SECTOR_STATS_BOUNDS] = 4;

    p->n[0].name = "sectors";
    p->n[0].entries = 11;
    p->n[0].used_bytes = 12;
    p->n[0].size_bytes = 13;
    p->n[0].last_store_wall_ms = 1795377640123LL;
    p->n[0].last_miss = "XLK";
    p->n[0].counters = p->counters[0];

    p->n[1].name = "a\\b\"c\nd";
    p->n[1].last_miss = "";
    p->n[1].counters = p->counters[1];

    p->s.name = "yahoo";
    p->s.breaker = "half_open";
    p->s.retry_after_s = 41;
    p->s.opened = 3;
    p->s.transitions = 7;
    p->s.in_flight = 2;
    p->s.waiting = 5;
    p->s.frozen = 1;
    p->s.upstream = &p->upstream;
    p->s.wait = &p->wait;
    p->s.counters = p->fetches;

    p->stats.version = "1.2.3";
    p->stats.nginx = "1.22.1";
    p->stats.enabled = 1;
    p->stats.namespaces = p->n;
    p->stats.n_namespaces = 2;
    p->stats.sources = &p->s;
    p->stats.n_sources = 1;
}


/* Whether the page has this line. */

static int
test_has(const char *text, const char *line)
{
    size_t       len;
    const char  *p;

    len = strlen(line);

    for (p = text; (p = strstr(p, line)) != NULL; p++) {
        if ((p == text || p[-1] == '\n') && p[len] == '\n') {
            return 1;
        }
    }

    return 0;
}


static char *
test_text(test_page_t *p)
{
    char    *text;
    size_t   len;

    text = sector_metrics(&p->stats, &len);

    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    assert_int_equal(text[len - 1], '\n');

    return text;
}


static void
test_everything_is_there(void **state)
{
    char         *text;
    size_t        i;
    test_page_t   p;

    static const char  *lines[] = {
        "sector_cache_build_info{version=\"1.2.3\",nginx_version=\"1.22.1\"} 1",
        "sector_cache_enabled 1",
        "sector_cache_requests_total{namespace=\"sectors\",outcome=\"hits\"}"
            " 100",
        "sector_cache_requests_total{namespace=\"sectors\","
            "outcome=\"negative\"} 106",
        "# HELP sector_cache_stores_total entries stored",
        "# TYPE sector_cache_stores_total counter",
        "sector_cache_stores_total{namespace=\"sectors\"} 109",
        "sector_cache_refused_no_room_total{namespace=\"sectors\"} 112",
        "sector_cache_shadow_differs_total{namespace=\"sectors\"} 108",
        "sector_cache_hit_ratio{namespace=\"sectors\"} 0.497512",
        "sector_cache_entries{namespace=\"sectors\"} 11",
        "sector_cache_memory_used_bytes{namespace=\"sectors\"} 12",
        "sector_cache_memory_size_bytes{namespace=\"sectors\"} 13",
        "sector_cache_last_store_timestamp_seconds{namespace=\"sectors\"}"
            " 1795377640.123",
        "sector_cache_fetch_outcomes_total{source=\"yahoo\","
            "outcome=\"not_found\"} 301",
        "sector_cache_fetches_total{source=\"yahoo\"} 306",
        "sector_cache_retries_total{source=\"yahoo\"} 307",
        "sector_cache_fetches_in_flight{source=\"yahoo\"} 2",
        "sector_cache_fetches_waiting{source=\"yahoo\"} 5",
        "sector_cache_breaker_state{source=\"yahoo\",state=\"closed\"} 0",
        "sector_cache_breaker_state{source=\"yahoo\",state=\"half_open\"} 1",
        "sector_cache_breaker_state{source=\"yahoo\",state=\"open\"} 0",
        "sector_cache_breaker_opened_total{source=\"yahoo\"} 3",
        "sector_cache_breaker_transitions_total{source=\"yahoo\"} 7",
        "sector_cache_breaker_retry_after_seconds{source=\"yahoo\"} 41",
        "sector_cache_feed_frozen{source=\"yahoo\"} 1",
        "# TYPE sector_cache_upstream_seconds histogram",
        "sector_cache_stale_alert 0",
        "sector_cache_source_failing{source=\"yahoo\"} 0",
        "sector_cache_source_failures_in_row{source=\"yahoo\"} 0",
        "sector_cache_upstream_seconds_bucket{source=\"yahoo\",le=\"0\"} 0",
        "sector_cache_upstream_seconds_bucket{source=\"yahoo\",le=\"0.005\"} 1",
        "sector_cache_upstream_seconds_bucket{source=\"yahoo\",le=\"0.01\"} 1",
        "sector_cache_upstream_seconds_bucket{source=\"yahoo\",le=\"0.025\"} 3",
        "sector_cache_upstream_seconds_bucket{source=\"yahoo\",le=\"30\"} 3",
        "sector_cache_upstream_seconds_bucket{source=\"yahoo\",le=\"+Inf\"} 7",
        "sector_cache_upstream_seconds_sum{source=\"yahoo\"} 12.345",
        "sector_cache_upstream_seconds_count{source=\"yahoo\"} 7",
        "sector_cache_fetch_wait_seconds_bucket{source=\"yahoo\",le=\"0\"} 9",
        "sector_cache_fetch_wait_seconds_sum{source=\"yahoo\"} 0.000"
    };

    (void) state;

    test_page(&p);
    text = test_text(&p);

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (!test_has(text, lines[i])) {
            fail_msg("there is no line \"%s\" in\n%s", lines[i], text);
        }
    }

    free(text);
}


/* A metric without a sample has no HELP either. */

static void
test_what_is_not_known_is_left_out(void **state)
{
    char         *text;
    test_page_t   p;

    (void) state;

    test_page(&p);
    p.n[0].last_store_wall_ms = 0;
    text = test_text(&p);

    assert_null(strstr(text, "last_store"));
    assert_null(strstr(text, "breaker_changed"));
    assert_null(strstr(text, "feed_quote"));
    assert_null(strstr(text, "hit_rate_alert"));
    assert_null(strstr(text, "source_last_error"));
    assert_null(strstr(text, "source_last_success"));
    assert_null(strstr(text, "source_stale_until"));
    free(text);

    p.stats.has_alert = 1;
    p.stats.alert = 1;
    p.s.since_wall_ms = 1500;
    p.s.quote_wall_ms = 2500;
    text = test_text(&p);

    assert_true(test_has(text, "sector_cache_hit_rate_alert 1"));
    assert_true(test_has(text, "sector_cache_breaker_changed_timestamp_seconds"
                               "{source=\"yahoo\"} 1.500"));
    assert_true(test_has(text, "sector_cache_feed_quote_timestamp_seconds"
                               "{source=\"yahoo\"} 2.500"));
    free(text);

    p.stats.n_sources = 0;
    p.stats.n_namespaces = 0;
    text = test_text(&p);

    assert_null(strstr(text, "fetch"));
    assert_null(strstr(text, "namespace"));
    free(text);
}


static void
test_failures_of_a_source_are_there(void **state)
{
    char         *text;
    size_t        i;
    test_page_t   p;

    static const char  *lines[] = {
        "sector_cache_stale_alert 1",
        "sector_cache_source_failing{source=\"yahoo\"} 1",
        "sector_cache_source_failures_in_row{source=\"yahoo\"} 17",
        "sector_cache_source_last_error_timestamp_seconds{source=\"yahoo\","
            "kind=\"timed_out\"} 1.500",
        "sector_cache_source_last_success_timestamp_seconds{source=\"yahoo\"}"
            " 2.500",
        "sector_cache_source_stale_until_timestamp_seconds{source=\"yahoo\"}"
            " 3.500"
    };

    (void) state;

    test_page(&p);
    p.stats.stale_alert = 1;
    p.s.trouble.failing = 1;
    p.s.trouble.failures = 17;
    p.s.trouble.error_wall_ms = 1500;
    p.s.trouble.kind = "timedOut";
    p.s.trouble.success_wall_ms = 2500;
    p.s.trouble.stale_wall_ms = 3500;
    text = test_text(&p);

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (!test_has(text, lines[i])) {
            fail_msg("there is no line \"%s\" in\n%s", lines[i], text);
        }
    }

    free(text);
}


static void
test_labels_are_escaped(void **state)
{
    char         *text;
    test_page_t   p;

    (void) state;

    test_page(&p);
    text = test_text(&p);

    assert_true(test_has(text,
                   "sector_cache_entries{namespace=\"a\\\\b\\\"c\\nd\"} 0"));
    free(text);
}


/* Each metric is described once, before all of its samples. */

static void
test_each_metric_is_described_once(void **state)
{
    char         *text, *line, *next, *rest, name[128];
    size_t        n;
    test_page_t   p;

    (void) state;

    test_page(&p);
    text = test_text(&p);
    n = 0;

    for (line = text; *line != '\0'; line = next) {
        next = strchr(line, '\n') + 1;

        if (strncmp(line, "# HELP ", 7) != 0) {
            continue;
        }

        rest = strchr(line + 7, ' ');
        snprintf(name, sizeof(name), "%.*s", (int) (rest - line) + 1, line);

        assert_null(strstr(next, name));
        assert_int_equal(strncmp(next, "# TYPE ", 7), 0);
        assert_int_equal(strncmp(next + 7, line + 7,
                                 (size_t) (rest - line) - 6), 0);
        n++;
    }

    assert_true(n > SECTOR_STATS_N - SECTOR_STAT_OUTCOMES);
    free(text);
}


static void
test_text_grows(void **state)
{
    char           *bytes;
    size_t          i, len;
    sector_text_t   t;

    (void) state;

    memset(&t, 0, sizeof(t));

    for (i = 0; i < 3000; i++) {
        sector_text_print(&t, "%05zu,", i);
    }

    bytes = sector_text_end(&t, &len);

    assert_non_null(bytes);
    assert_int_equal(len, 18000);
    assert_string_equal(bytes + 17994, "02999,");
    free(bytes);

    bytes = sector_text_end(&t, &len);

    assert_non_null(bytes);
    assert_int_equal(len, 0);
    free(bytes);
}


/* A piece that is too large for a print spoils the text: nothing is sent that
 * was cut off. */

static void
test_text_that_failed_is_none(void **state)
{
    char            wide[1000];
    size_t          len;
    sector_text_t   t;

    (void) state;

    memset(&t, 0, sizeof(t));
    memset(wide, 'x', sizeof(wide));
    wide[sizeof(wide) - 1] = '\0';

    sector_text_string(&t, "a");
    sector_text_print(&t, "%s", wide);
    sector_text_string(&t, "b");

    assert_null(sector_text_end(&t, &len));
    assert_int_equal(len, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_everything_is_there),
        cmocka_unit_test(test_what_is_not_known_is_left_out),
        cmocka_unit_test(test_failures_of_a_source_are_there),
        cmocka_unit_test(test_labels_are_escaped),
        cmocka_unit_test(test_each_metric_is_described_once),
        cmocka_unit_test(test_text_grows),
        cmocka_unit_test(test_text_that_failed_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
