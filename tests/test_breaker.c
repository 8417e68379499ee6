/* The circuit breaker: each rule with its exact milliseconds. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "breaker_fixture.h"


static void
test_zero_is_closed(void **state)
{
    uint64_t                 retry;
    sector_breaker_permit_t  permit;

    (void) state;

    assert_int_equal(sector_breaker_peek(&b, &policy, T0, &retry), CLOSED);
    assert_int_equal(retry, 0);

    permit = let(T0);
    assert_int_equal(permit.probe, 0);
    assert_int_equal(b.generation, 0);
}


static void
test_failures_in_a_row_open(void **state)
{
    (void) state;

    call_times(4, T0, FAIL);
    assert_int_equal(state_at(T0), CLOSED);
    call(T0, FAIL);
    assert_int_equal(state_at(T0), OPEN);
    assert_int_equal(b.opened, 1);
    assert_int_equal(b.since_ms, T0);
}


static void
test_success_ends_the_run_and_ignore_does_not(void **state)
{
    (void) state;

    call_times(4, T0, FAIL);
    call(T0, OK);
    call_times(4, T0, FAIL);
    call_times(20, T0, IGNORE);
    assert_int_equal(state_at(T0), CLOSED);
    call(T0, FAIL);
    assert_int_equal(state_at(T0), OPEN);
}


static void
test_failures_older_than_reset_are_forgotten(void **state)
{
    (void) state;

    call_times(4, T0, FAIL);
    call(T0 + 300001, FAIL);
    assert_int_equal(state_at(T0 + 300001), CLOSED);

    call_times(3, T0 + 300001, FAIL);
    call(T0 + 600001, FAIL);
    assert_int_equal(state_at(T0 + 600001), OPEN);
}


static void
test_reset_is_counted_from_the_last_failure(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i < 5; i++) {
        assert_int_equal(state_at(T0 + i * 300000), CLOSED);
        call(T0 + i * 300000, FAIL);
    }

    assert_int_equal(state_at(T0 + 4 * 300000), OPEN);
}


static void
test_reset_zero_never_forgets(void **state)
{
    (void) state;

    policy.reset_ms = 0;
    call_times(4, T0, FAIL);
    call(T0 + 1000000000, FAIL);
    assert_int_equal(state_at(T0 + 1000000000), OPEN);
}


static void
test_error_rate_opens_from_min_calls_on(void **state)
{
    unsigned  i;

    (void) state;

    policy.error_percent = 50;

    for (i = 0; i < 4; i++) {
        call(T0, FAIL);
        call(T0, OK);
    }

    call(T0, FAIL);
    assert_int_equal(state_at(T0), CLOSED);

    /* five of ten: the call that completes min_calls is a success */
    call(T0, OK);
    assert_int_equal(state_at(T0), OPEN);
}


static void
test_error_rate_below_the_percentage_does_not_open(void **state)
{
    unsigned  i;

    (void) state;

    policy.error_percent = 50;
    call(T0, OK);

    for (i = 0; i < 40; i++) {
        call(T0, OK);
        call(T0, FAIL);
        assert_int_equal(state_at(T0), CLOSED);
    }

    call(T0, FAIL);
    assert_int_equal(state_at(T0), OPEN);
}


static void
test_error_rate_ignores_ignored_calls(void **state)
{
    (void) state;

    policy.error_percent = 10;
    call_times(4, T0, FAIL);
    call_times(50, T0, IGNORE);
    assert_int_equal(state_at(T0), CLOSED);
}


/*
 * Buckets of 100 ms.  Failures at 999950 are of epoch 9999, which leaves the
 * window at the start of epoch 10009, in 1000900.
 */

static void
window_case(uint64_t at, sector_breaker_state_e expected)
{
    setup(NULL);

    policy.failures = 100;
    policy.error_percent = 100;
    policy.min_calls = 5;
    policy.window_ms = 1000;

    call_times(4, 999950, FAIL);
    call(at, FAIL);
    assert_int_equal(state_at(at), expected);
}


static void
test_window_slides_by_buckets(void **state)
{
    (void) state;

    window_case(999950, OPEN);
    window_case(1000899, OPEN);
    window_case(1000900, CLOSED);
    window_case(1000999, CLOSED);
    window_case(9000000, CLOSED);
}


static void
test_window_ends_at_reset(void **state)
{
    (void) state;

    policy.failures = 100;
    policy.error_percent = 100;
    policy.min_calls = 5;
    policy.reset_ms = 1000;

    call_times(4, 999950, FAIL);
    call(1000900, FAIL);
    assert_int_equal(state_at(1000900), CLOSED);

    setup(NULL);
    policy.failures = 100;
    policy.error_percent = 100;
    policy.min_calls = 5;
    policy.reset_ms = 0;

    call_times(4, 999950, FAIL);
    call(1000900, FAIL);
    assert_int_equal(state_at(1000900), OPEN);
}


static void
test_window_of_another_width_starts_anew(void **state)
{
    (void) state;

    policy.failures = 100;
    policy.error_percent = 100;
    policy.min_calls = 5;

    call_times(4, T0, FAIL);
    policy.window_ms = 30000;
    call_times(4, T0, FAIL);
    assert_int_equal(state_at(T0), CLOSED);
    call(T0, FAIL);
    assert_int_equal(state_at(T0), OPEN);
}


static void
test_window_starts_anew_after_a_close(void **state)
{
    (void) state;

    policy.failures = 100;
    policy.error_percent = 100;
    policy.min_calls = 5;
    policy.open_ms = 10;

    call_times(5, T0, FAIL);
    call_times(3, T0 + 10, OK);
    assert_int_equal(state_at(T0 + 10), CLOSED);
    call_times(4, T0 + 10, FAIL);
    assert_int_equal(state_at(T0 + 10), CLOSED);
}


static void
test_slow_success_is_a_failure(void **state)
{
    unsigned                 i;
    sector_breaker_permit_t  permit;

    (void) state;

    for (i = 0; i < 5; i++) {
        permit = let(T0);
        sector_breaker_report(&b, &policy, T0, &permit, OK, 0, 100000, 0);
    }

    policy.slow_ms = 2000;

    for (i = 0; i < 5; i++) {
        permit = let(T0);
        sector_breaker_report(&b, &policy, T0, &permit, OK, 0, 2000, 0);
    }

    assert_int_equal(state_at(T0), CLOSED);

    for (i = 0; i < 5; i++) {
        permit = let(T0);
        sector_breaker_report(&b, &policy, T0, &permit, OK, 0, 2001, 9000);
    }

    /* open for open_ms: a success has no Retry-After, a slow one neither */
    assert_int_equal(refused(T0), 60000);

    permit = let(T0 + 60000);
    sector_breaker_report(&b, &policy, T0 + 60000, &permit, OK, 0, 2001, 0);
    assert_int_equal(refused(T0 + 60000), 120000);
}


static void
test_open_refuses_to_the_millisecond(void **state)
{
    (void) state;

    open_at_t0();
    assert_int_equal(refused(T0), 60000);
    assert_int_equal(refused(T0), 60000);
    assert_int_equal(refused(T0 + 59999), 1);
    assert_int_equal(state_at(T0 + 59999), OPEN);
    assert_int_equal(state_at(T0 + 60000), HALF_OPEN);
    assert_true(let(T0 + 60000).probe != 0);
    assert_int_equal(b.since_ms, T0 + 60000);
}


static void
test_open_time_doubles_and_starts_anew(void **state)
{
    unsigned         i;
    uint64_t         now;
    static uint64_t  times[] = { 120000, 240000, 480000, 600000, 600000 };

    (void) state;

    open_at_t0();
    now = T0 + 60000;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        call(now, FAIL);
        assert_int_equal(refused(now), times[i]);
        assert_int_equal(refused(now + times[i] - 1), 1);
        now += times[i];
    }

    assert_int_equal(b.opened, 6);
    call_times(3, now, OK);
    call_times(5, now, FAIL);
    assert_int_equal(refused(now), 60000);
}


/* A failed call with a Retry-After. */

static void
call_retry(uint64_t now, uint64_t retry_after)
{
    sector_breaker_permit_t  permit;

    permit = let(now);
    sector_breaker_report(&b, &policy, now, &permit, FAIL, 0, 0, retry_after);
}


static void
test_retry_after_opens_at_once(void **state)
{
    sector_breaker_permit_t  late;

    (void) state;

    late = let(T0);
    call_retry(T0, 7000);
    assert_int_equal(refused(T0), 7000);

    /* let through before, of the generation before: it lengthens nothing */
    sector_breaker_report(&b, &policy, T0, &late, FAIL, 0, 0, 90000);
    assert_int_equal(refused(T0), 7000);
    assert_int_equal(refused(T0 + 6999), 1);

    /* it took no part in the doubling; from half-open the same */
    call(T0 + 7000, FAIL);
    assert_int_equal(refused(T0 + 7000), 60000);
    call_retry(T0 + 67000, 100);
    assert_int_equal(refused(T0 + 67000), 100);
    call(T0 + 67100, FAIL);
    assert_int_equal(refused(T0 + 67100), 120000);
}


static void
test_retry_after_is_capped(void **state)
{
    (void) state;

    call_retry(T0, UINT64_MAX);
    assert_int_equal(refused(T0), 600000);
    call_retry(T0 + 600000, 600001);
    assert_int_equal(refused(T0 + 600000), 600000);
}


static void
test_retry_after_of_others_means_nothing(void **state)
{
    sector_breaker_permit_t  permit;

    (void) state;

    permit = let(T0);
    sector_breaker_report(&b, &policy, T0, &permit, OK, 0, 0, 7000);
    permit = let(T0);
    sector_breaker_report(&b, &policy, T0, &permit, IGNORE, 0, 0, 7000);
    assert_int_equal(state_at(T0), CLOSED);
}


static void
test_forced_open_refuses_all(void **state)
{
    sector_breaker_permit_t  permit;

    (void) state;

    permit = let(T0);
    sector_breaker_force(&b, SECTOR_BREAKER_FORCED_OPEN, T0);
    assert_int_equal(refused(T0), 60000);
    assert_int_equal(refused(T0 + 100000000), 60000);
    assert_int_equal(state_at(T0 + 100000000), OPEN);
    assert_int_equal(b.opened, 1);

    /* a second time: nothing happens */
    sector_breaker_force(&b, SECTOR_BREAKER_FORCED_OPEN, T0 + 9);
    assert_int_equal(b.since_ms, T0);

    sector_breaker_force(&b, SECTOR_BREAKER_AUTO, T0 + 10);
    assert_int_equal(state_at(T0 + 10), CLOSED);
    call_times(4, T0 + 10, FAIL);
    report(permit, T0 + 10, FAIL);
    assert_int_equal(state_at(T0 + 10), CLOSED);
    call(T0 + 10, FAIL);
    assert_int_equal(refused(T0 + 10), 60000);
}


static void
test_forced_closed_counts_nothing(void **state)
{
    sector_breaker_permit_t  permit;

    (void) state;

    open_at_t0();
    sector_breaker_force(&b, SECTOR_BREAKER_FORCED_CLOSED, T0);
    policy.error_percent = 1;

    call_times(100, T0, FAIL);
    call_retry(T0, 5000);
    permit = let(T0);
    assert_int_equal(permit.probe, 0);
    assert_int_equal(state_at(T0), CLOSED);
    assert_int_equal(b.opened, 1);
    assert_int_equal(b.generation, 2);

    sector_breaker_force(&b, SECTOR_BREAKER_AUTO, T0);
    policy.error_percent = 0;
    call_times(4, T0, FAIL);
    report(permit, T0, FAIL);
    assert_int_equal(state_at(T0), CLOSED);

    /* the doubling as well starts anew */
    call(T0, FAIL);
    assert_int_equal(refused(T0), 60000);
}


static void
test_freeing_what_is_free_does_not_close(void **state)
{
    (void) state;

    open_at_t0();
    sector_breaker_force(&b, SECTOR_BREAKER_AUTO, T0);
    assert_int_equal(refused(T0), 60000);
}


static void
test_policy_below_its_least(void **state)
{
    sector_breaker_permit_t  permit;

    (void) state;

    memset(&policy, 0, sizeof(policy));

    call(T0, OK);
    call(T0, FAIL);
    assert_int_equal(refused(T0), 1);

    permit = let(T0 + 1);
    assert_int_equal(refused(T0 + 1), 1);
    report(permit, T0 + 1, OK);
    assert_int_equal(state_at(T0 + 1), CLOSED);

    sector_breaker_force(&b, SECTOR_BREAKER_FORCED_OPEN, T0);
    assert_int_equal(refused(T0), 1);
}


static void
test_policy_above_its_most(void **state)
{
    unsigned  i;
    uint64_t  now;

    (void) state;

    policy.half_open = 1000;
    policy.max_open_ms = 10;
    open_at_t0();
    assert_int_equal(refused(T0), 60000);
    now = T0 + 60000;

    for (i = 0; i < SECTOR_BREAKER_PROBES; i++) {
        let(now);
    }

    assert_int_equal(refused(now), 30000);
}


static void
test_lower_max_open_ends_a_longer_open_time(void **state)
{
    (void) state;

    call_retry(T0, 600000);
    policy.open_ms = 1000;
    policy.max_open_ms = 5000;
    assert_int_equal(refused(T0 + 1), 4999);
    call(T0 + 5000, FAIL);
    assert_int_equal(refused(T0 + 5000), 1000);

    /* a longer open_ms is the least of the next */
    policy.open_ms = 4000;
    call(T0 + 6000, FAIL);
    assert_int_equal(refused(T0 + 6000), 4000);
}


static void
test_peek_changes_nothing(void **state)
{
    uint64_t          retry;
    sector_breaker_t  before;

    (void) state;

    open_at_t0();
    before = b;

    assert_int_equal(sector_breaker_peek(&b, &policy, T0 + 60000, &retry),
                     HALF_OPEN);
    assert_int_equal(retry, 0);
    assert_memory_equal(&before, &b, sizeof(b));
}


static void
test_ends_of_time(void **state)
{
    uint64_t                 now;
    sector_breaker_permit_t  permit;

    (void) state;

    /* from the first millisecond on */
    policy.error_percent = 50;
    call_times(5, 0, FAIL);
    assert_int_equal(refused(0), 60000);

    /* a step back is as standing still */
    setup(NULL);
    call_times(4, T0, FAIL);
    call(T0 - 500000, FAIL);
    assert_int_equal(state_at(T0 - 500000), OPEN);

    /* sums stay within time */
    setup(NULL);
    now = UINT64_MAX - 10;
    policy.half_open_timeout_ms = UINT64_MAX;
    policy.half_open = 1;
    call_times(5, now, FAIL);
    assert_int_equal(refused(now), 10);
    permit = let(UINT64_MAX);
    report(permit, UINT64_MAX, FAIL);
    assert_int_equal(b.open_until_ms, UINT64_MAX);

    /* and so does the doubling */
    setup(NULL);
    policy.max_open_ms = UINT64_MAX;
    policy.open_ms = UINT64_MAX / 2 + 2;
    call_times(5, 0, FAIL);
    call(policy.open_ms, FAIL);
    assert_int_equal(b.open_for_ms, UINT64_MAX);
}


static void
test_names(void **state)
{
    (void) state;

    assert_string_equal(sector_breaker_name(CLOSED), "closed");
    assert_string_equal(sector_breaker_name(OPEN), "open");
    assert_string_equal(sector_breaker_name(HALF_OPEN), "half_open");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_zero_is_closed),
        TEST(test_failures_in_a_row_open),
        TEST(test_success_ends_the_run_and_ignore_does_not),
        TEST(test_failures_older_than_reset_are_forgotten),
        TEST(test_reset_is_counted_from_the_last_failure),
        TEST(test_reset_zero_never_forgets),
        TEST(test_error_rate_opens_from_min_calls_on),
        TEST(test_error_rate_below_the_percentage_does_not_open),
        TEST(test_error_rate_ignores_ignored_calls),
        TEST(test_window_slides_by_buckets),
        TEST(test_window_ends_at_reset),
        TEST(test_window_of_another_width_starts_anew),
        TEST(test_window_starts_anew_after_a_close),
        TEST(test_slow_success_is_a_failure),
        TEST(test_open_refuses_to_the_millisecond),
        TEST(test_open_time_doubles_and_starts_anew),
        TEST(test_retry_after_opens_at_once),
        TEST(test_retry_after_is_capped),
        TEST(test_retry_after_of_others_means_nothing),
        TEST(test_forced_open_refuses_all),
        TEST(test_forced_closed_counts_nothing),
        TEST(test_freeing_what_is_free_does_not_close),
        TEST(test_policy_below_its_least),
        TEST(test_policy_above_its_most),
        TEST(test_lower_max_open_ends_a_longer_open_time),
        TEST(test_peek_changes_nothing),
        TEST(test_ends_of_time),
        TEST(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
