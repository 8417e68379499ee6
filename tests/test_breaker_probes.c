/*
 * The circuit breaker half open: how many calls it lets through, and what
 * becomes of their places.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "breaker_fixture.h"


static void
test_half_open_lets_so_many_through(void **state)
{
    unsigned                 i;
    uint64_t                 now;
    sector_breaker_permit_t  first;

    (void) state;

    open_at_t0();
    now = T0 + 60000;

    first = let(now);

    for (i = 1; i < 5; i++) {
        let(now + i);
    }

    assert_int_equal(refused(now + 10), 29990);
    assert_int_equal(refused(now + 29999), 1);

    /* a place freed by a report, then one by its deadline */
    report(first, now + 29999, OK);
    let(now + 29999);
    assert_int_equal(refused(now + 30000), 1);
    let(now + 30001);
    assert_int_equal(refused(now + 30001), 1);
}


static void
test_half_open_closes_after_successes(void **state)
{
    uint64_t                 now;
    sector_breaker_permit_t  p[3];

    (void) state;

    open_at_t0();
    now = T0 + 60000;

    p[0] = let(now);
    p[1] = let(now);
    p[2] = let(now);

    report(p[2], now, OK);
    report(p[0], now + 5, OK);
    assert_int_equal(state_at(now + 5), HALF_OPEN);
    report(p[1], now + 9, OK);
    assert_int_equal(state_at(now + 9), CLOSED);
    assert_int_equal(b.since_ms, now + 9);
    assert_int_equal(places(&b, now + 9), 0);
}


/* Those under way count as successes, those of an earlier state do not. */

static void
test_half_open_wants_as_many_as_close_it(void **state)
{
    unsigned                 i;
    uint64_t                 now;
    sector_breaker_permit_t  late, p[3];

    (void) state;
    now = T0;
    policy.failures = 1;

    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
    late = let(now);
    sector_breaker_report(&b, &policy, now, &late, FAIL, 0, 0, 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
    now += policy.open_ms;
    assert_int_equal(sector_breaker_wanted(&b, &policy, now - 1), 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 3);

    /* one fails, and one is still under way when it is half-open again */

    late = let(now);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 2);
    p[0] = let(now);
    sector_breaker_report(&b, &policy, now, &p[0], FAIL, 0, 0, 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
    policy.half_open_timeout_ms = 10 * policy.open_ms;
    b.probes[0].deadline_ms = UINT64_MAX;
    now += 2 * policy.open_ms;
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 3);

    for (i = 0; i < 3; i++) {
        p[i] = let(now);
        assert_int_equal(sector_breaker_wanted(&b, &policy, now), 2 - i);
    }

    sector_breaker_report(&b, &policy, now, &late, OK, 0, 0, 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
    sector_breaker_report(&b, &policy, now, &p[0], OK, 0, 0, 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
    sector_breaker_report(&b, &policy, now, &p[1], IGNORE, 0, 0, 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 1);

    /* past its deadline it says nothing, and another is wanted for it */

    now += policy.half_open_timeout_ms;
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 2);

    sector_breaker_force(&b, SECTOR_BREAKER_FORCED_CLOSED, now);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
}


static void
test_half_open_opens_on_one_failure(void **state)
{
    uint64_t                 now;
    sector_breaker_permit_t  good, bad, late;

    (void) state;

    open_at_t0();
    now = T0 + 60000;

    call_times(2, now, OK);
    good = let(now);
    bad = let(now);
    late = let(now);

    report(bad, now, FAIL);
    assert_int_equal(refused(now), 120000);

    /* of the generation before: only the places are freed */
    assert_int_equal(places(&b, now), 2);
    report(good, now + 1, OK);
    report(late, now + 1, FAIL);
    assert_int_equal(places(&b, now + 1), 0);
    assert_int_equal(refused(now + 1), 119999);

    /* the two successes before do not count in the next half-open time */
    now += 120000;
    call_times(2, now, OK);
    assert_int_equal(state_at(now), HALF_OPEN);
    call(now, OK);
    assert_int_equal(state_at(now), CLOSED);
}


static void
test_places_outlast_the_transition(void **state)
{
    unsigned                 i;
    uint64_t                 now;
    sector_breaker_permit_t  p[5];

    (void) state;

    policy.open_ms = 1000;
    policy.max_open_ms = 1000;
    open_at_t0();
    now = T0 + 1000;

    for (i = 0; i < 5; i++) {
        p[i] = let(now);
    }

    report(p[0], now, FAIL);
    now += 1000;

    assert_int_equal(state_at(now), HALF_OPEN);
    let(now);
    assert_int_equal(refused(now), 29000);

    /* an old one's failure frees its place and does not open */
    report(p[1], now, FAIL);
    assert_int_equal(state_at(now), HALF_OPEN);
    let(now);
    assert_int_equal(refused(now), 29000);
}


static void
test_late_probe_has_no_say(void **state)
{
    uint64_t                 now;
    sector_breaker_permit_t  silent, other;

    (void) state;

    policy.half_open = 1;
    policy.successes = 1;
    open_at_t0();
    now = T0 + 60000;

    silent = let(now);
    report(silent, now + 30000, OK);
    assert_int_equal(state_at(now + 30000), HALF_OPEN);

    silent = let(now + 30000);
    other = let(now + 60000);
    report(silent, now + 60000, FAIL);
    assert_int_equal(state_at(now + 60000), HALF_OPEN);
    assert_int_equal(places(&b, now + 60000), 1);

    /* the last millisecond counts */
    report(other, now + 89999, OK);
    assert_int_equal(state_at(now + 89999), CLOSED);
}


static void
test_second_report_of_a_probe_changes_nothing(void **state)
{
    uint64_t                 now;
    sector_breaker_permit_t  permit;

    (void) state;

    open_at_t0();
    now = T0 + 60000;
    permit = let(now);
    let(now);

    report(permit, now, OK);
    report(permit, now, OK);
    report(permit, now, OK);
    report(permit, now, FAIL);
    assert_int_equal(state_at(now), HALF_OPEN);
    assert_int_equal(places(&b, now), 1);
}


static void
test_ignore_frees_the_place_and_counts_nothing(void **state)
{
    unsigned  i;
    uint64_t  now;

    (void) state;

    open_at_t0();
    now = T0 + 60000;

    call_times(2, now, OK);

    for (i = 0; i < 200; i++) {
        call(now, IGNORE);
    }

    assert_int_equal(places(&b, now), 0);
    assert_int_equal(state_at(now), HALF_OPEN);
    call(now, OK);
    assert_int_equal(state_at(now), CLOSED);
}


static void
test_report_of_an_older_generation_counts_nothing(void **state)
{
    unsigned                 i;
    uint64_t                 now;
    sector_breaker_permit_t  old[20];

    (void) state;

    for (i = 0; i < 20; i++) {
        old[i] = let(T0);
    }

    open_at_t0();
    now = T0 + 60000;

    report(old[0], T0 + 1, FAIL);
    report(old[1], T0 + 1, OK);
    assert_int_equal(refused(T0 + 1), 59999);

    call(now, OK);
    report(old[2], now, FAIL);
    report(old[3], now, OK);
    report(old[4], now, OK);
    assert_int_equal(state_at(now), HALF_OPEN);

    call_times(2, now, OK);
    assert_int_equal(state_at(now), CLOSED);

    for (i = 5; i < 20; i++) {
        report(old[i], now, FAIL);
    }

    assert_int_equal(state_at(now), CLOSED);
    assert_int_equal(b.failures, 0);
}


static void
test_force_keeps_and_frees_places(void **state)
{
    uint64_t                 now;
    sector_breaker_permit_t  permit;

    (void) state;

    open_at_t0();
    now = T0 + 60000;
    permit = let(now);
    let(now);

    sector_breaker_force(&b, SECTOR_BREAKER_FORCED_OPEN, now);
    assert_int_equal(places(&b, now), 2);
    report(permit, now, FAIL);
    assert_int_equal(places(&b, now), 1);

    sector_breaker_force(&b, SECTOR_BREAKER_FORCED_CLOSED, now);
    sector_breaker_force(&b, SECTOR_BREAKER_AUTO, now);
    assert_int_equal(state_at(now), CLOSED);
}


static void
test_half_open_smaller_after_a_reload(void **state)
{
    unsigned                 i;
    uint64_t                 now;
    sector_breaker_permit_t  p[5];

    (void) state;

    policy.successes = 10;
    open_at_t0();
    now = T0 + 60000;

    for (i = 0; i < 5; i++) {
        p[i] = let(now + i);
    }

    policy.half_open = 2;

    for (i = 0; i < 3; i++) {
        assert_int_equal(refused(now + 100), 30000 - 100 + i);
        report(p[i], now + 100, OK);
    }

    /* two are out, in places beyond the new limit */
    refused(now + 100);
    report(p[4], now + 100, OK);
    let(now + 100);
    refused(now + 100);
    assert_int_equal(places(&b, now + 100), 2);
    assert_int_equal(b.successes, 4);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_half_open_lets_so_many_through),
        TEST(test_half_open_closes_after_successes),
        TEST(test_half_open_wants_as_many_as_close_it),
        TEST(test_half_open_opens_on_one_failure),
        TEST(test_places_outlast_the_transition),
        TEST(test_late_probe_has_no_say),
        TEST(test_second_report_of_a_probe_changes_nothing),
        TEST(test_ignore_frees_the_place_and_counts_nothing),
        TEST(test_report_of_an_older_generation_counts_nothing),
        TEST(test_force_keeps_and_frees_places),
        TEST(test_half_open_smaller_after_a_reload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
