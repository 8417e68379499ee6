/*
 * The token bucket: what a full one lets through at once, how it fills, and
 * what it says to those who come too early.  Compared with a bucket that is
 * counted out in tokens.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sector_rate.h"


static int
take(uint64_t *tat, const sector_rate_t *rate, uint64_t now)
{
    uint64_t  retry;

    return sector_rate_take(tat, rate, now, &retry) == 0 ? 0 : (int) retry;
}


static void
test_no_limit_refuses_nobody(void **state)
{
    unsigned        i;
    uint64_t        tat;
    sector_rate_t   rate = { 0, 0 };

    (void) state;
    tat = 0;

    for (i = 0; i < 1000; i++) {
        assert_int_equal(take(&tat, &rate, 0), 0);
    }
}


/* 2 a minute: two at once, then one every thirty seconds. */
static void
test_a_full_bucket_is_emptied_at_once_and_fills_steadily(void **state)
{
    uint64_t        tat;
    sector_rate_t   rate = { 30000000000, 2 };

    (void) state;
    tat = 0;

    assert_int_equal(take(&tat, &rate, 100000), 0);
    assert_int_equal(take(&tat, &rate, 100000), 0);
    assert_int_equal(take(&tat, &rate, 100000), 30000);
    assert_int_equal(take(&tat, &rate, 129999), 1);
    assert_int_equal(take(&tat, &rate, 130000), 0);
    assert_int_equal(take(&tat, &rate, 130000), 30000);
    assert_int_equal(take(&tat, &rate, 200000), 0);
    assert_int_equal(take(&tat, &rate, 200000), 0);
    assert_int_equal(take(&tat, &rate, 200000), 30000);
}


static void
test_a_refusal_takes_nothing(void **state)
{
    unsigned        i;
    uint64_t        tat, before;
    sector_rate_t   rate = { 1000000, 1 };

    (void) state;
    tat = 0;

    assert_int_equal(take(&tat, &rate, 5), 0);
    before = tat;

    for (i = 0; i < 10; i++) {
        assert_int_equal(take(&tat, &rate, 5), 1);
    }

    assert_int_equal(tat, before);
    assert_int_equal(take(&tat, &rate, 6), 0);
}


/* A token that comes within a millisecond is there in the next one. */
static void
test_a_part_of_a_millisecond_is_waited_for_as_a_whole_one(void **state)
{
    uint64_t        tat, retry;
    sector_rate_t   rate = { 1250000, 1 };

    (void) state;
    tat = 0;

    assert_int_equal(sector_rate_take(&tat, &rate, 10, &retry), 0);
    assert_int_equal(sector_rate_take(&tat, &rate, 10, &retry), -1);
    assert_int_equal(retry, 2);
    assert_int_equal(sector_rate_take(&tat, &rate, 11, &retry), -1);
    assert_int_equal(retry, 1);
    assert_int_equal(sector_rate_take(&tat, &rate, 12, &retry), 0);
}


/* Within a thousandth, also where a token comes every few microseconds. */
static void
test_a_high_rate_is_kept(void **state)
{
    unsigned        i, j, n, taken;
    uint64_t        tat, per[] = { 7, 30, 70001, 130001, 300000, 1000000 };
    sector_rate_t   rate;

    (void) state;

    for (i = 0; i < sizeof(per) / sizeof(per[0]); i++) {
        sector_rate_set(&rate, per[i], 1);
        assert_int_equal(rate.burst, per[i]);

        for (j = 0, tat = 0; j < per[i]; j++) {
            assert_int_equal(take(&tat, &rate, 1000), 0);
        }

        assert_int_not_equal(take(&tat, &rate, 1000), 0);

        n = (unsigned) per[i] / 2;

        for (taken = 0; take(&tat, &rate, 1500) == 0; taken++) {
            /* void */
        }

        assert_in_range(taken, n, n + n / 1000);
    }

    sector_rate_set(&rate, 1, 60);
    tat = 0;
    assert_int_equal(take(&tat, &rate, 1000), 0);
    assert_int_equal(take(&tat, &rate, 1000), 60000);
}


/* What is asked to wait is asked for no longer than one token takes. */
static void
test_a_smaller_bucket_after_a_reload_is_empty_and_not_in_debt(void **state)
{
    unsigned        i;
    uint64_t        tat;
    sector_rate_t   large = { 1000000000, 3600 };
    sector_rate_t   small = { 1000000, 1 };

    (void) state;
    tat = 0;

    for (i = 0; i < 3600; i++) {
        assert_int_equal(take(&tat, &large, 0), 0);
    }

    assert_int_equal(take(&tat, &small, 0), 1);
    assert_int_equal(take(&tat, &small, 1), 0);
}


static void
test_it_lets_through_what_a_counted_bucket_does(void **state)
{
    double          tokens;
    unsigned        i;
    uint64_t        tat, now, last, retry, seed;
    const char     *given;
    sector_rate_t   rate;

    (void) state;

    given = getenv("SECTOR_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t) (uintptr_t) &seed;
    printf("# SECTOR_SEED=%llu\n", (unsigned long long) seed);
    srandom((unsigned) seed);

    rate.interval_ns = 7000000;
    rate.burst = 5;
    tokens = 5;
    tat = 0;
    now = last = 1000;

    for (i = 0; i < 200000; i++) {
        now += (uint64_t) random() % 12;
        tokens += (double) (now - last) / 7;
        last = now;

        if (tokens > 5) {
            tokens = 5;
        }

        if (sector_rate_take(&tat, &rate, now, &retry) == 0) {
            assert_true(tokens > 0.999999);
            assert_int_equal(retry, 0);
            tokens -= 1;

        } else {
            assert_true(tokens < 1.000001);
            assert_in_range(retry, 1, 7);
            assert_true(tokens + (double) retry / 7 > 0.999999);
        }
    }
}


/* Full jitter: all of it, and nothing beyond it. */
static void
test_pauses_double_up_to_half_a_minute(void **state)
{
    size_t    i;
    uint64_t  most;

    static const struct {
        uint64_t  backoff_ms;
        unsigned  retry;
        uint64_t  most_ms;
    } rows[] = {
        { 1, 1, 1 }, { 1, 2, 2 }, { 1, 3, 4 }, { 1, 10, 512 },
        { 100, 1, 100 }, { 100, 2, 200 }, { 100, 3, 400 },
        { 14999, 2, 29998 }, { 15000, 2, 30000 }, { 15001, 2, 30000 },
        { 29999, 1, 29999 }, { 30001, 1, 30000 },
        { 3600000, 1, 30000 }, { 3600000, 100, 30000 }
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        most = rows[i].most_ms;

        assert_int_equal(sector_rate_pause_ms(rows[i].backoff_ms,
                                              rows[i].retry, 0), 0);
        assert_int_equal(sector_rate_pause_ms(rows[i].backoff_ms,
                                              rows[i].retry, most), most);
        assert_int_equal(sector_rate_pause_ms(rows[i].backoff_ms,
                                              rows[i].retry, most + 1), 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_no_limit_refuses_nobody),
        cmocka_unit_test(
            test_a_full_bucket_is_emptied_at_once_and_fills_steadily),
        cmocka_unit_test(test_a_refusal_takes_nothing),
        cmocka_unit_test(test_a_high_rate_is_kept),
        cmocka_unit_test(
            test_a_part_of_a_millisecond_is_waited_for_as_a_whole_one),
        cmocka_unit_test(
            test_a_smaller_bucket_after_a_reload_is_empty_and_not_in_debt),
        cmocka_unit_test(test_it_lets_through_what_a_counted_bucket_does),
        cmocka_unit_test(test_pauses_double_up_to_half_a_minute)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
