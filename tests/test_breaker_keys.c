/*
 * The circuit breaker and keys: what one key that fails says of its source.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "breaker_fixture.h"


#define A      1
#define B      2
#define W      3
#define MANY   0
#define LATER  (T0 + 100000)


static void
test_one_key_does_not_open_while_another_is_well(void **state)
{
    unsigned  i;

    (void) state;

    policy.error_percent = 1;
    policy.min_calls = 4;
    call_key(T0, OK, W, LATER);

    for (i = 0; i < 100; i++) {
        call_key(T0 + i, FAIL, A, 0);
    }

    assert_int_equal(state_at(T0 + 100), CLOSED);
    assert_int_equal(b.failures, 1);

    /* nor are they calls of the window: this is its third, min_calls is 4 */
    call_key(T0 + 100, OK, W, LATER);
    assert_int_equal(state_at(T0 + 100), CLOSED);
    call_key(T0 + 100, OK, W, LATER);
    assert_int_equal(state_at(T0 + 100), OPEN);
}


static void
test_one_key_opens_where_no_other_is_known(void **state)
{
    unsigned  i;

    (void) state;

    call_key(T0, OK, A, LATER);

    for (i = 0; i < 5; i++) {
        assert_int_equal(state_at(T0), CLOSED);
        call_key(T0, FAIL, A, 0);
    }

    assert_int_equal(state_at(T0), OPEN);
}


static void
test_one_key_opens_once_no_other_is_well(void **state)
{
    unsigned  i;

    (void) state;

    policy.error_percent = 100;
    policy.failures = 100;
    policy.min_calls = 3;
    call_key(T0, OK, W, T0 + 1000);
    policy.window_ms = 30000;

    for (i = 0; i < 100; i++) {
        call_key(T0 + 999, FAIL, A, 0);
    }

    assert_int_equal(state_at(T0 + 999), CLOSED);
    call_key(T0 + 1000, FAIL, A, 0);
    assert_int_equal(state_at(T0 + 1000), CLOSED);
    call_key(T0 + 1000, FAIL, A, 0);
    assert_int_equal(state_at(T0 + 1000), OPEN);
}


static void
test_two_keys_that_fail_open(void **state)
{
    (void) state;

    call_key(T0, OK, W, LATER);
    call_key(T0, FAIL, A, 0);
    call_key(T0, FAIL, A, 0);
    call_key(T0, FAIL, B, 0);
    call_key(T0, FAIL, A, 0);
    call_key(T0, FAIL, B, 0);
    call_key(T0, FAIL, B, 0);
    assert_int_equal(state_at(T0), CLOSED);
    call_key(T0, FAIL, A, 0);
    assert_int_equal(state_at(T0), OPEN);
}


static void
test_calls_for_several_count_each(void **state)
{
    unsigned  i;

    (void) state;

    call_key(T0, OK, W, LATER);

    for (i = 0; i < 5; i++) {
        assert_int_equal(state_at(T0), CLOSED);
        call_key(T0, FAIL, MANY, 0);
    }

    assert_int_equal(state_at(T0), OPEN);

    /* and one in between makes the key's next failure count */
    setup(NULL);
    call_key(T0, OK, W, LATER);
    call_key(T0, FAIL, A, 0);
    call_key(T0, FAIL, MANY, 0);
    call_key(T0, FAIL, A, 0);
    assert_int_equal(b.failures, 3);
}


static void
test_a_success_of_the_key_begins_its_row_anew(void **state)
{
    (void) state;

    policy.error_percent = 50;
    policy.min_calls = 5;
    call_key(T0, OK, W, LATER);
    call_key(T0, FAIL, A, 0);
    call_key(T0, FAIL, A, 0);
    call_key(T0, OK, A, 0);

    /* the fourth and fifth call */
    call_key(T0, FAIL, A, 0);
    assert_int_equal(b.failures, 1);
    call_key(T0, FAIL, A, 0);
    assert_int_equal(state_at(T0), CLOSED);
    call_key(T0, FAIL, B, 0);
    assert_int_equal(state_at(T0), OPEN);
}


static void
test_a_success_of_others_does_not(void **state)
{
    (void) state;

    call_key(T0, OK, W, LATER);
    call_key(T0, FAIL, A, 0);
    call_key(T0, OK, W, LATER);
    call_key(T0, OK, MANY, 0);
    call_key(T0, FAIL, A, 0);
    assert_int_equal(b.failures, 0);
}


static void
test_a_slow_key_is_one_that_fails(void **state)
{
    unsigned                 i;
    sector_breaker_permit_t  permit;

    (void) state;

    policy.slow_ms = 10;
    call_key(T0, OK, W, LATER);

    for (i = 0; i < 50; i++) {
        permit = let(T0);
        sector_breaker_report(&b, &policy, T0, &permit, OK, A, 11, 0);
        sector_breaker_well(&b, A, LATER);
    }

    assert_int_equal(state_at(T0), CLOSED);
    assert_int_equal(b.failures, 1);

    /* slow as it is, it is well where another is judged */
    call_key(T0, FAIL, W, 0);
    call_key(T0, FAIL, W, 0);
    assert_int_equal(b.failures, 2);
}


static void
test_retry_after_opens_whatever_the_key(void **state)
{
    unsigned                 i;
    sector_breaker_permit_t  permit;

    (void) state;

    call_key(T0, OK, W, LATER);

    for (i = 0; i < 9; i++) {
        call_key(T0, FAIL, A, 0);
    }

    permit = let(T0);
    sector_breaker_report(&b, &policy, T0, &permit, FAIL, A, 0, 7000);
    assert_int_equal(refused(T0), 7000);
}


static void
test_what_is_not_counted_ends_and_prolongs_nothing(void **state)
{
    (void) state;

    call_key(T0, OK, W, T0 + 1000000);
    call_key(T0, FAIL, B, 0);
    call_key(T0, FAIL, A, 0);
    call_key(T0 + 200000, FAIL, A, 0);
    assert_int_equal(b.failures, 2);
    assert_int_equal(b.last_failure_ms, T0);

    /* the run is older than reset_ms when the next one counts */
    call_key(T0 + 300001, FAIL, B, 0);
    assert_int_equal(b.failures, 1);
}


static void
test_undecided_answers_count_nothing_when_closed(void **state)
{
    unsigned  i;

    (void) state;

    policy.error_percent = 1;
    call_key(T0, OK, W, LATER);
    call_key(T0, FAIL, A, 0);

    for (i = 0; i < 100; i++) {
        call_key(T0, UNDECIDED, A, 0);
        call_key(T0, UNDECIDED, B, 0);
    }

    assert_int_equal(state_at(T0), CLOSED);
    assert_int_equal(b.undecided, 0);

    /* nor are they a failure in between */
    call_key(T0, FAIL, A, 0);
    assert_int_equal(b.failures, 1);
}


static void
test_half_open_one_failure_opens_whatever_the_key(void **state)
{
    uint64_t  now;

    (void) state;

    open_at_t0();
    now = T0 + 60000;
    call_key(now, OK, W, now + 1000);
    call_key(now, FAIL, A, 0);
    assert_int_equal(refused(now), 120000);
}


static void
test_an_outage_forgets_who_was_well(void **state)
{
    unsigned                 i;
    uint64_t                 now;
    sector_breaker_permit_t  late;

    (void) state;

    policy.successes = 1;
    call_key(T0, OK, W, T0 + 1000000);
    call_key(T0, OK, B, T0 + 1000000);
    late = let(T0);
    open_at_t0();

    /* had before it began, heard of after */
    report(late, T0, OK);
    sector_breaker_well(&b, W, T0 + 1000000);

    now = T0 + 60000;
    call_key(now, OK, A, now + 1000);
    assert_int_equal(state_at(now), CLOSED);

    for (i = 0; i < 5; i++) {
        assert_int_equal(state_at(now), CLOSED);
        call_key(now, FAIL, A, 0);
    }

    assert_int_equal(state_at(now), OPEN);
}


static void
test_the_probes_that_closed_it_are_well(void **state)
{
    unsigned  i;
    uint64_t  now;

    (void) state;

    open_at_t0();
    now = T0 + 60000;
    call_key(now, OK, W, now + 1000);
    call_key(now, OK, A, now + 1000);
    call_key(now, OK, B, now + 1000);
    assert_int_equal(state_at(now), CLOSED);

    call_key(now, FAIL, B, 0);

    for (i = 0; i < 100; i++) {
        call_key(now, FAIL, A, 0);
    }

    assert_int_equal(state_at(now), CLOSED);
}


static void
test_forcing_forgets_who_was_well(void **state)
{
    unsigned  i;

    (void) state;

    call_key(T0, OK, W, LATER);
    sector_breaker_force(&b, SECTOR_BREAKER_FORCED_CLOSED, T0);
    call_key(T0, FAIL, W, 0);
    call_key(T0, OK, B, LATER);
    sector_breaker_force(&b, SECTOR_BREAKER_AUTO, T0);

    for (i = 0; i < 5; i++) {
        assert_int_equal(state_at(T0), CLOSED);
        call_key(T0, FAIL, A, 0);
    }

    assert_int_equal(state_at(T0), OPEN);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_one_key_does_not_open_while_another_is_well),
        TEST(test_one_key_opens_where_no_other_is_known),
        TEST(test_one_key_opens_once_no_other_is_well),
        TEST(test_two_keys_that_fail_open),
        TEST(test_calls_for_several_count_each),
        TEST(test_a_success_of_the_key_begins_its_row_anew),
        TEST(test_a_success_of_others_does_not),
        TEST(test_a_slow_key_is_one_that_fails),
        TEST(test_retry_after_opens_whatever_the_key),
        TEST(test_what_is_not_counted_ends_and_prolongs_nothing),
        TEST(test_undecided_answers_count_nothing_when_closed),
        TEST(test_half_open_one_failure_opens_whatever_the_key),
        TEST(test_an_outage_forgets_who_was_well),
        TEST(test_the_probes_that_closed_it_are_well),
        TEST(test_forcing_forgets_who_was_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
