/*
 * A snapshot's summary: every rule by a table, and its numbers against a model
 * that counts in whole ten-thousandths and knows no double.
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

#include "sector_compose_market.h"


#define TEST_PARTS_MAX  12
#define TEST_DATA_MAX   160


/* Compares what is behind the sectors and the benchmark. */

static void
test_summary(const sector_compose_part_t *parts, size_t n,
    const char *expected)
{
    char    *text, *summary;
    size_t   len;

    text = sector_compose_snapshot(parts, n, 0, &len);
    assert_non_null(text);

    summary = strstr(text, ",\"summary\"");
    assert_non_null(summary);
    assert_string_equal(summary, expected);

    free(text);
}


/* Up to four sectors of which only changePercent matters, as JSON; "-" is one
 * that is missing, "" one without a changePercent. */

typedef struct {
    const char  *changes[4];
    unsigned     bullish;
    unsigned     bearish;
    unsigned     neutral;
    const char  *top;       /* as JSON */
    const char  *worst;
    const char  *average;
} test_summary_t;


static const test_summary_t  test_summaries[] = {

    /* at the limits and beside them */
    { { "0.5" }, 0, 0, 1, "\"A\"", "\"A\"", "0.5" },
    { { "0.5000000000000001" }, 1, 0, 0, "\"A\"", "\"A\"", "0.5" },
    { { "0.51" }, 1, 0, 0, "\"A\"", "\"A\"", "0.51" },
    { { "-0.5" }, 0, 0, 1, "\"A\"", "\"A\"", "-0.5" },
    { { "-0.5000000000000001" }, 0, 1, 0, "\"A\"", "\"A\"", "-0.5" },
    { { "-0.51" }, 0, 1, 0, "\"A\"", "\"A\"", "-0.51" },
    { { "1", "-1", "0", "0.4999" }, 1, 1, 2, "\"A\"", "\"B\"", "0.12" },

    /* the first of equals */
    { { "1", "2", "2", "1" }, 4, 0, 0, "\"B\"", "\"A\"", "1.5" },
    { { "2", "1", "1.0", "1e0" }, 4, 0, 0, "\"A\"", "\"B\"", "1.25" },
    { { "0", "-0.0", "0.0", "-0" }, 0, 0, 4, "\"A\"", "\"A\"", "0" },

    /* all of one sign */
    { { "-3", "-2", "-4" }, 0, 3, 0, "\"B\"", "\"C\"", "-3" },

    /* beyond 64 bits; beyond a double is no number */
    { { "18446744073709551616", "1e400" }, 1, 0, 1, "\"A\"", "\"A\"",
      "1.8446744073709552e+19" },

    /* no number: neutral, and no part in the rest */
    { { "", "2" }, 1, 0, 1, "\"B\"", "\"B\"", "2" },
    { { "null", "-2" }, 0, 1, 1, "\"B\"", "\"B\"", "-2" },
    { { "\"9\"", "1", "[9]", "true" }, 1, 0, 3, "\"B\"", "\"B\"", "1" },
    { { "", "null", "{}" }, 0, 0, 3, "null", "null", "null" },

    /* what is missing */
    { { "-", "2" }, 1, 0, 0, "\"B\"", "\"B\"", "2" },
    { { "-", "", "-", "-3" }, 0, 1, 1, "\"D\"", "\"D\"", "-3" },
    { { "-", "-" }, 0, 0, 0, "null", "null", "null" },

    /* halves, as decimals, away from zero */
    { { "0.005" }, 0, 0, 1, "\"A\"", "\"A\"", "0.01" },
    { { "-0.005" }, 0, 0, 1, "\"A\"", "\"A\"", "-0.01" },
    { { "1.005" }, 1, 0, 0, "\"A\"", "\"A\"", "1.01" },
    { { "-1.005" }, 0, 1, 0, "\"A\"", "\"A\"", "-1.01" },
    { { "1.01", "1" }, 2, 0, 0, "\"A\"", "\"B\"", "1.01" },
    { { "8.345" }, 1, 0, 0, "\"A\"", "\"A\"", "8.35" },
    { { "1.0049" }, 1, 0, 0, "\"A\"", "\"A\"", "1" },
    { { "-0.0049" }, 0, 0, 1, "\"A\"", "\"A\"", "0" },
    { { "0.1", "0.2" }, 0, 0, 2, "\"B\"", "\"A\"", "0.15" },
    { { "10", "10", "11" }, 3, 0, 0, "\"C\"", "\"A\"", "10.33" },

    /* integers, and sizes that no market has */
    { { "-7", "123456789012345678" }, 1, 1, 0, "\"B\"", "\"A\"",
      "61728394506172840" },
    { { "1e14" }, 1, 0, 0, "\"A\"", "\"A\"", "100000000000000" },
    { { "1e300" }, 1, 0, 0, "\"A\"", "\"A\"", "1e+300" },
    { { "1e308", "1e308" }, 2, 0, 0, "\"A\"", "\"A\"", "null" }
};


static void
test_summary_row(const test_summary_t *row)
{
    char                    expected[512];
    char                    data[4][TEST_DATA_MAX];
    size_t                  i, missing;
    sector_compose_part_t   parts[5];

    static const char  *symbols[] = { "A", "B", "C", "D" };

    memset(parts, 0, sizeof(parts));
    missing = 0;

    for (i = 0; i < 4 && row->changes[i]; i++) {
        parts[i].symbol = symbols[i];

        if (strcmp(row->changes[i], "-") == 0) {
            missing++;
            continue;
        }

        snprintf(data[i], sizeof(data[i]), "{\"price\":99%s%s}",
                 row->changes[i][0] ? ",\"changePercent\":" : "",
                 row->changes[i]);

        parts[i].data = data[i];
        parts[i].len = strlen(data[i]);
    }

    /* which would change every number, if it took part */

    parts[i].symbol = "SPY";
    parts[i].data = "{\"changePercent\":77}";
    parts[i].len = strlen(parts[i].data);
    parts[i].benchmark = 1;

    snprintf(expected, sizeof(expected),
             ",\"summary\":{\"totalSectors\":%zu,\"availableSectors\":%zu,"
             "\"bullishSectors\":%u,\"bearishSectors\":%u,"
             "\"neutralSectors\":%u,\"topPerformer\":%s,"
             "\"worstPerformer\":%s,\"averageChange\":%s}}",
             i, i - missing, row->bullish, row->bearish, row->neutral,
             row->top, row->worst, row->average);

    test_summary(parts, i + 1, expected);
}


static void
test_summaries_by_a_table(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(test_summaries) / sizeof(test_summaries[0]); i++) {
        test_summary_row(&test_summaries[i]);
    }
}


/* What can be known of changes that are whole ten-thousandths without a
 * double. */

typedef struct {
    unsigned  total, available, bullish, bearish, rated;
    int64_t   sum;
    int64_t   top, worst;
    size_t    top_at, worst_at;
} test_model_t;


static void
test_model_add(test_model_t *model, size_t at, int64_t change)
{
    model->bullish += (change > 5000);
    model->bearish += (change < -5000);
    model->sum += change;

    if (model->rated == 0 || change > model->top) {
        model->top = change;
        model->top_at = at;
    }

    if (model->rated == 0 || change < model->worst) {
        model->worst = change;
        model->worst_at = at;
    }

    model->rated++;
}


static void
test_model_compare(const test_model_t *model,
    const sector_compose_part_t *parts, size_t n)
{
    char     expected[512], tail[128];
    int64_t  whole, of;

    snprintf(tail, sizeof(tail), "\"topPerformer\":null,"
             "\"worstPerformer\":null,\"averageChange\":null}}");

    if (model->rated) {
        of = 100 * (int64_t) model->rated;
        whole = (2 * llabs(model->sum) + of) / (2 * of);

        snprintf(tail, sizeof(tail), "\"topPerformer\":\"%s\","
                 "\"worstPerformer\":\"%s\",\"averageChange\":%s%lld%s",
                 parts[model->top_at].symbol, parts[model->worst_at].symbol,
                 model->sum < 0 && whole ? "-" : "", (long long) whole / 100,
                 whole % 100 ? "." : "}}");

        if (whole % 10) {
            snprintf(tail + strlen(tail), 8, "%02d}}", (int) (whole % 100));

        } else if (whole % 100) {
            snprintf(tail + strlen(tail), 8, "%d}}", (int) (whole % 100 / 10));
        }
    }

    snprintf(expected, sizeof(expected),
             ",\"summary\":{\"totalSectors\":%u,\"availableSectors\":%u,"
             "\"bullishSectors\":%u,\"bearishSectors\":%u,"
             "\"neutralSectors\":%u,%s",
             model->total, model->available, model->bullish, model->bearish,
             model->available - model->bullish - model->bearish, tail);

    test_summary(parts, n, expected);
}


/* One market: some parts missing, some benchmarks, some without a change, and
 * changes from a range so small that many are equal or at a limit. */

static void
test_model_run(unsigned range)
{
    char                    data[TEST_PARTS_MAX][TEST_DATA_MAX];
    char                    symbols[TEST_PARTS_MAX][4];
    size_t                  i, n;
    int64_t                 change;
    test_model_t            model;
    sector_compose_part_t   parts[TEST_PARTS_MAX];

    memset(&model, 0, sizeof(model));
    memset(parts, 0, sizeof(parts));
    n = (size_t) random() % (TEST_PARTS_MAX + 1);

    for (i = 0; i < n; i++) {
        snprintf(symbols[i], sizeof(symbols[i]), "S%u", (unsigned) i);
        parts[i].symbol = symbols[i];
        parts[i].benchmark = (random() % 10 == 0);
        model.total += !parts[i].benchmark;

        if (random() % 10 == 0) {
            continue;
        }

        model.available += !parts[i].benchmark;
        change = random() % (2 * (int64_t) range + 1) - (int64_t) range;
        snprintf(data[i], sizeof(data[i]), "{\"price\":1}");

        if (random() % 10) {
            snprintf(data[i], sizeof(data[i]),
                     "{\"changePercent\":%s%lld.%04d,\"price\":1}",
                     change < 0 ? "-" : "", llabs(change) / 10000,
                     (int) (llabs(change) % 10000));

            if (!parts[i].benchmark) {
                test_model_add(&model, i, change);
            }
        }

        parts[i].data = data[i];
        parts[i].len = strlen(data[i]);
    }

    test_model_compare(&model, parts, n);
}


static void
test_summaries_agree_with_a_model(void **state)
{
    unsigned     i, seed;
    const char  *given;

    static const unsigned  ranges[] = { 3, 200, 5001, 80000, 1000000 };

    (void) state;

    given = getenv("SECTOR_SEED");
    seed = given ? (unsigned) strtoul(given, NULL, 10) : (unsigned) time(NULL);
    printf("# SECTOR_SEED=%u\n", seed);
    srandom(seed);

    for (i = 0; i < 20000; i++) {
        test_model_run(ranges[i % 5]);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summaries_by_a_table),
        cmocka_unit_test(test_summaries_agree_with_a_model)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
