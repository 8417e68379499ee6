/*
 * The circuit breaker half open, and answers that count neither way: they hold
 * their places, and in the end it opens again.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "breaker_fixture.h"


#define HALF  (T0 + 60000)      /* half-open from then on */


/* As many undecided answers as there are, one each millisecond. */

static void
fill(uint64_t now)
{
    unsigned  i;

    for (i = 0; i < policy.half_open; i++) {
        assert_int_equal(state_at(now + i), HALF_OPEN);
        call(now + i, UNDECIDED);
    }
}


static void
test_no_more_than_half_open_are_undecided(void **state)
{
    (void) state;

    open_at_t0();
    fill(HALF);
    assert_int_equal(places(&b, HALF + 5), 0);

    /* until it has been open again */
    assert_int_equal(refused(HALF + 5), 30000 + 60000 - 5);
    assert_int_equal(state_at(HALF + 5), HALF_OPEN);
    assert_int_equal(sector_breaker_wanted(&b, &policy, HALF + 5), 0);
    refused(HALF + 29999);
    assert_int_equal(state_at(HALF + 29999), HALF_OPEN);
}


static void
test_it_opens_again_for_as_long_as_the_last_time(void **state)
{
    uint64_t          retry;
    sector_breaker_t  before;

    (void) state;

    open_at_t0();
    fill(HALF);
    before = b;

    assert_int_equal(sector_breaker_peek(&b, &policy, HALF + 30000, &retry),
                     OPEN);
    assert_int_equal(retry, 60000);
    assert_int_equal(sector_breaker_wanted(&b, &policy, HALF + 30000), 0);
    assert_memory_equal(&before, &b, sizeof(b));

    assert_int_equal(refused(HALF + 30010), 59990);
    assert_int_equal(b.state, OPEN);
    assert_int_equal(b.since_ms, HALF + 30000);
    assert_int_equal(b.opened, 2);

    /* then it is half-open, with all its places; what fails doubles once */
    assert_int_equal(refused(HALF + 89999), 1);
    assert_int_equal(state_at(HALF + 90000), HALF_OPEN);
    assert_int_equal(sector_breaker_wanted(&b, &policy, HALF + 90000), 3);
    call_times(4, HALF + 90000, UNDECIDED);
    call(HALF + 90000, FAIL);
    assert_int_equal(refused(HALF + 90000), 120000);
}


static void
test_it_opens_again_though_nobody_looks(void **state)
{
    (void) state;

    open_at_t0();
    call_times(2, HALF, OK);
    call(HALF, UNDECIDED);

    /* long after: half-open once more, and nothing of before counts */
    assert_int_equal(state_at(HALF + 90000), HALF_OPEN);
    assert_int_equal(sector_breaker_wanted(&b, &policy, HALF + 90000), 3);
    call(HALF + 90000, OK);
    assert_int_equal(b.since_ms, HALF + 90000);
    assert_int_equal(b.generation, 4);
    assert_int_equal(b.opened, 2);
    assert_int_equal(b.successes, 1);
}


static void
test_lapse_makes_the_move_alone(void **state)
{
    (void) state;

    open_at_t0();
    assert_int_equal(sector_breaker_lapse(&b, &policy, HALF), 0);
    call(HALF, UNDECIDED);
    assert_int_equal(sector_breaker_lapse(&b, &policy, HALF + 29999), 0);
    assert_int_equal(sector_breaker_lapse(&b, &policy, HALF + 30000), 1);
    assert_int_equal(sector_breaker_lapse(&b, &policy, HALF + 30000), 0);
    assert_int_equal(b.state, OPEN);
    assert_int_equal(refused(HALF + 30000), 60000);
}


static void
test_the_time_begins_with_the_first_or_a_success(void **state)
{
    sector_breaker_permit_t  slow;

    (void) state;

    open_at_t0();
    slow = let(HALF);
    call(HALF + 100, OK);
    call(HALF + 1000, UNDECIDED);
    call(HALF + 2000, UNDECIDED);
    assert_int_equal(state_at(HALF + 30999), HALF_OPEN);
    assert_int_equal(state_at(HALF + 31000), OPEN);

    report(slow, HALF + 5000, OK);
    assert_int_equal(state_at(HALF + 34999), HALF_OPEN);
    assert_int_equal(state_at(HALF + 35000), OPEN);
}


/* A source that may be called once a minute has to close in the end. */

static void
test_successes_that_come_slowly_do_not_open_it(void **state)
{
    (void) state;

    open_at_t0();
    call(HALF, OK);
    call(HALF + 60000, OK);
    assert_int_equal(state_at(HALF + 1000000), HALF_OPEN);
    call(HALF + 1000000, OK);
    assert_int_equal(state_at(HALF + 1000000), CLOSED);
}


static void
test_ignored_and_silent_probes_do_not_open_it(void **state)
{
    (void) state;

    open_at_t0();
    call(HALF, IGNORE);
    let(HALF);
    assert_int_equal(state_at(HALF + 1000000), HALF_OPEN);
    assert_int_equal(b.undecided, 0);
}


static void
test_a_success_leaves_what_is_undecided(void **state)
{
    (void) state;

    policy.half_open = 2;
    open_at_t0();
    call(HALF, UNDECIDED);
    call(HALF, OK);
    call(HALF, OK);
    assert_int_equal(b.undecided, 1);
    call(HALF, UNDECIDED);
    assert_int_equal(refused(HALF), 90000);
}


static void
test_closing_and_opening_forget_it(void **state)
{
    (void) state;

    open_at_t0();
    call_times(4, HALF, UNDECIDED);
    call_times(3, HALF, OK);
    assert_int_equal(state_at(HALF + 1000000), CLOSED);
    assert_int_equal(b.undecided, 0);

    call_times(5, HALF, FAIL);
    assert_int_equal(refused(HALF), 60000);
    fill(HALF + 60000);
}


static void
test_how_long_where_some_are_under_way(void **state)
{
    sector_breaker_permit_t  old;

    (void) state;

    /* one of an earlier time, whose place is free first */
    policy.half_open = 3;
    policy.open_ms = 1000;
    policy.max_open_ms = 1000;
    call_times(5, T0, FAIL);
    old = let(T0 + 1000);
    call(T0 + 1000, FAIL);
    call_times(2, T0 + 2000, UNDECIDED);
    assert_int_equal(refused(T0 + 2000), 29000);

    /* with one of now, it opens before that */
    report(old, T0 + 2000, UNDECIDED);
    assert_int_equal(b.undecided, 2);
    let(T0 + 2500);
    assert_int_equal(refused(T0 + 2500), 30500);
    assert_int_equal(refused(T0 + 32999), 1);

    /* whose place is held on in the next half-open time, until its deadline */
    policy.half_open = 1;
    policy.half_open_timeout_ms = 1000;
    b.probes[0].deadline_ms = T0 + 40000;
    assert_int_equal(refused(T0 + 33000), 7000);
    assert_int_equal(b.undecided, 0);
}


static void
test_smaller_half_open_with_undecided_ones(void **state)
{
    sector_breaker_permit_t  probe;

    (void) state;

    open_at_t0();
    call_times(2, HALF, UNDECIDED);
    probe = let(HALF + 10);
    policy.half_open = 2;

    /* that place is of no use to anybody */
    assert_int_equal(refused(HALF + 10), 89990);
    report(probe, HALF + 10, OK);
    assert_int_equal(refused(HALF + 10), 90000);
}


static void
test_late_and_old_ones_change_nothing(void **state)
{
    sector_breaker_permit_t  late, old;

    (void) state;

    open_at_t0();
    late = let(HALF);
    old = let(HALF + 10);
    report(late, HALF + 30000, UNDECIDED);
    assert_int_equal(b.undecided, 0);

    call(HALF + 30000, FAIL);
    report(old, HALF + 30001, UNDECIDED);
    assert_int_equal(b.undecided, 0);
    assert_int_equal(places(&b, HALF + 30001), 0);
}


/* What comes when it should have opened finds it open, whoever looked. */

static void
test_reports_find_it_open_when_it_should_be(void **state)
{
    unsigned                        i;
    sector_breaker_permit_t         probe;
    static sector_breaker_result_e  results[] = { OK, FAIL, UNDECIDED };

    (void) state;

    for (i = 0; i < 3; i++) {
        setup(NULL);
        policy.successes = 1;
        open_at_t0();
        call(HALF, UNDECIDED);
        probe = let(HALF + 100);
        report(probe, HALF + 30000, results[i]);
        assert_int_equal(refused(HALF + 30000), 60000);
        assert_int_equal(b.generation, 3);
        assert_int_equal(places(&b, HALF + 30000), 0);
    }
}


static void
test_ignore_looks_at_no_policy(void **state)
{
    sector_breaker_permit_t  probe;
    sector_breaker_policy_t  none;

    (void) state;

    open_at_t0();
    call(HALF, UNDECIDED);
    probe = let(HALF);
    memset(&none, 0, sizeof(none));

    sector_breaker_report(&b, &none, HALF + 100, &probe, IGNORE, 0, 0, 0);
    assert_int_equal(state_at(HALF + 100), HALF_OPEN);
    assert_int_equal(b.generation, 2);
}


static void
test_after_a_retry_after_it_is_that_long(void **state)
{
    sector_breaker_permit_t  permit;

    (void) state;

    permit = let(T0);
    sector_breaker_report(&b, &policy, T0, &permit, FAIL, 0, 0, 7000);
    call(T0 + 7000, UNDECIDED);
    assert_int_equal(refused(T0 + 37000), 7000);

    /* a second time too; and a lower max_open ends it sooner */
    call(T0 + 44000, UNDECIDED);
    policy.open_ms = 1000;
    policy.max_open_ms = 5000;
    assert_int_equal(refused(T0 + 74000), 5000);
    policy.max_open_ms = 600000;
    call(T0 + 79000, UNDECIDED);
    assert_int_equal(refused(T0 + 109000), 5000);
}


static void
test_forcing_has_no_undecided_ones(void **state)
{
    (void) state;

    open_at_t0();
    call_times(4, HALF, UNDECIDED);
    sector_breaker_force(&b, SECTOR_BREAKER_FORCED_OPEN, HALF);
    assert_int_equal(refused(HALF + 500000), 60000);
    assert_int_equal(sector_breaker_lapse(&b, &policy, HALF + 500000), 0);
    sector_breaker_force(&b, SECTOR_BREAKER_AUTO, HALF);
    assert_int_equal(state_at(HALF + 1000000), CLOSED);
    assert_int_equal(b.undecided, 0);
}


/* Whatever a process left that died in between. */

static void
test_torn_counts_recover(void **state)
{
    (void) state;

    open_at_t0();
    b.undecided = UINT32_MAX;
    b.undecided_ms = 0;
    b.open_last_ms = 0;
    assert_int_equal(state_at(HALF), HALF_OPEN);
    let(HALF);
    assert_int_equal(b.undecided, 0);

    b.undecided = UINT32_MAX;
    b.undecided_ms = HALF;
    assert_int_equal(refused(HALF), 30001);
    assert_int_equal(state_at(HALF + 30001), HALF_OPEN);
    let(HALF + 30001);
}


static void
test_ends_of_time(void **state)
{
    uint64_t  now;

    (void) state;

    now = UINT64_MAX - 100;
    policy.open_ms = 10;
    call_times(5, now, FAIL);
    fill(now + 10);
    assert_int_equal(refused(now + 20), 80);
    assert_int_equal(state_at(UINT64_MAX - 1), HALF_OPEN);
    assert_int_equal(state_at(UINT64_MAX), HALF_OPEN);

    /* a step back is as standing still */
    setup(NULL);
    open_at_t0();
    fill(HALF);
    assert_int_equal(refused(HALF - 100), 90100);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_no_more_than_half_open_are_undecided),
        TEST(test_it_opens_again_for_as_long_as_the_last_time),
        TEST(test_it_opens_again_though_nobody_looks),
        TEST(test_lapse_makes_the_move_alone),
        TEST(test_the_time_begins_with_the_first_or_a_success),
        TEST(test_successes_that_come_slowly_do_not_open_it),
        TEST(test_ignored_and_silent_probes_do_not_open_it),
        TEST(test_a_success_leaves_what_is_undecided),
        TEST(test_closing_and_opening_forget_it),
        TEST(test_how_long_where_some_are_under_way),
        TEST(test_smaller_half_open_with_undecided_ones),
        TEST(test_late_and_old_ones_change_nothing),
        TEST(test_reports_find_it_open_when_it_should_be),
        TEST(test_ignore_looks_at_no_policy),
        TEST(test_after_a_retry_after_it_is_that_long),
        TEST(test_forcing_has_no_undecided_ones),
        TEST(test_torn_counts_recover),
        TEST(test_ends_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
