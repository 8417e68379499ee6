/*
 * The circuit breaker: each rule with its exact milliseconds, then random
 * sequences of events against a model that is written the plain way: lists of
 * calls, failures and probes, walked anew for each question.
 *
 * SECTOR_SEED repeats a run of the random part, SECTOR_EVENTS sets its length.
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

#include "sector_breaker.h"


#define T0            1000000
#define RUN_EVENTS    1000
#define MAX_OUT       128
#define MAX_LIST      4096
#define MAX_RECOVERY  400

#define CLOSED        SECTOR_BREAKER_CLOSED
#define OPEN          SECTOR_BREAKER_OPEN
#define HALF_OPEN     SECTOR_BREAKER_HALF_OPEN

#define OK            SECTOR_BREAKER_SUCCESS
#define FAIL          SECTOR_BREAKER_FAILURE
#define IGNORE        SECTOR_BREAKER_IGNORE


static sector_breaker_t         b;
static sector_breaker_policy_t  policy;


/* A new breaker under the reference configuration's policy. */

static int
setup(void **state)
{
    (void) state;

    memset(&b, 0, sizeof(b));

    policy = (sector_breaker_policy_t) {
        .failures = 5,
        .min_calls = 10,
        .window_ms = 60000,
        .open_ms = 60000,
        .max_open_ms = 600000,
        .half_open = 5,
        .successes = 3,
        .half_open_timeout_ms = 30000,
        .reset_ms = 300000
    };

    return 0;
}


/* A call that must be let through. */

static sector_breaker_permit_t
let(uint64_t now)
{
    uint64_t                 retry;
    sector_breaker_permit_t  permit;

    retry = 77;

    assert_int_equal(sector_breaker_acquire(&b, &policy, now, &permit, &retry),
                     0);
    assert_int_equal(retry, 0);

    return permit;
}


/* A call that must be refused; returns how long to wait. */

static uint64_t
refused(uint64_t now)
{
    uint64_t                 retry, peeked;
    sector_breaker_permit_t  permit;

    sector_breaker_peek(&b, &policy, now, &peeked);

    assert_int_equal(sector_breaker_acquire(&b, &policy, now, &permit, &retry),
                     -1);
    assert_true(retry >= 1);
    assert_int_equal(retry, peeked);

    return retry;
}


static void
report(sector_breaker_permit_t permit, uint64_t now,
    sector_breaker_result_e result)
{
    sector_breaker_report(&b, &policy, now, &permit, result, 0, 0);
}


/* A whole call at one instant. */

static void
call(uint64_t now, sector_breaker_result_e result)
{
    report(let(now), now, result);
}


static void
call_times(unsigned n, uint64_t now, sector_breaker_result_e result)
{
    while (n--) {
        call(now, result);
    }
}


static sector_breaker_state_e
state_at(uint64_t now)
{
    return sector_breaker_peek(&b, &policy, now, NULL);
}


/* How many places are held. */

static unsigned
places(const sector_breaker_t *breaker, uint64_t now)
{
    unsigned  i, n;

    n = 0;

    for (i = 0; i < SECTOR_BREAKER_PROBES; i++) {
        n += breaker->probes[i].id != 0 && breaker->probes[i].deadline_ms > now;
    }

    return n;
}


/* Opens by failures at T0: half-open from T0 + 60000. */

static void
open_at_t0(void)
{
    call_times(policy.failures, T0, FAIL);
    assert_int_equal(state_at(T0), OPEN);
}


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
        sector_breaker_report(&b, &policy, T0, &permit, OK, 100000, 0);
    }

    policy.slow_ms = 2000;

    for (i = 0; i < 5; i++) {
        permit = let(T0);
        sector_breaker_report(&b, &policy, T0, &permit, OK, 2000, 0);
    }

    assert_int_equal(state_at(T0), CLOSED);

    for (i = 0; i < 5; i++) {
        permit = let(T0);
        sector_breaker_report(&b, &policy, T0, &permit, OK, 2001, 9000);
    }

    /* open for open_ms: a success has no Retry-After, a slow one neither */
    assert_int_equal(refused(T0), 60000);

    permit = let(T0 + 60000);
    sector_breaker_report(&b, &policy, T0 + 60000, &permit, OK, 2001, 0);
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
    sector_breaker_report(&b, &policy, now, &late, FAIL, 0, 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
    now += policy.open_ms;
    assert_int_equal(sector_breaker_wanted(&b, &policy, now - 1), 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 3);

    /* one fails, and one is still under way when it is half-open again */

    late = let(now);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 2);
    p[0] = let(now);
    sector_breaker_report(&b, &policy, now, &p[0], FAIL, 0, 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
    policy.half_open_timeout_ms = 10 * policy.open_ms;
    b.probes[0].deadline_ms = UINT64_MAX;
    now += 2 * policy.open_ms;
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 3);

    for (i = 0; i < 3; i++) {
        p[i] = let(now);
        assert_int_equal(sector_breaker_wanted(&b, &policy, now), 2 - i);
    }

    sector_breaker_report(&b, &policy, now, &late, OK, 0, 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
    sector_breaker_report(&b, &policy, now, &p[0], OK, 0, 0);
    assert_int_equal(sector_breaker_wanted(&b, &policy, now), 0);
    sector_breaker_report(&b, &policy, now, &p[1], IGNORE, 0, 0);
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


/* A failed call with a Retry-After. */

static void
call_retry(uint64_t now, uint64_t retry_after)
{
    sector_breaker_permit_t  permit;

    permit = let(now);
    sector_breaker_report(&b, &policy, now, &permit, FAIL, 0, retry_after);
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
    sector_breaker_report(&b, &policy, T0, &late, FAIL, 0, 90000);
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
    sector_breaker_report(&b, &policy, T0, &permit, OK, 0, 7000);
    permit = let(T0);
    sector_breaker_report(&b, &policy, T0, &permit, IGNORE, 0, 7000);
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
test_freeing_what_is_free_does_not_close(void **state)
{
    (void) state;

    open_at_t0();
    sector_breaker_force(&b, SECTOR_BREAKER_AUTO, T0);
    assert_int_equal(refused(T0), 60000);
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


/*
 * The model.  Nothing is forgotten until a transition or until it is asked
 * for: every counted call, every failure of the run and every probe are in a
 * list, and each question walks its list.
 */

typedef struct {
    uint64_t  at;
    int       failed;
} model_call_t;


typedef struct {
    uint64_t  name;
    uint64_t  ends;
} model_probe_t;


typedef struct {
    uint64_t  episode;
    uint64_t  name;
} model_ticket_t;


typedef struct {
    int            state;
    int            force;
    uint64_t       episode;
    uint64_t       entered;
    uint64_t       asked;           /* length of the open time */
    uint64_t       guess;           /* last length that was not asked for */
    uint64_t       names;
    uint64_t       bucket;
    size_t         n_calls;
    size_t         n_run;
    size_t         n_probes;
    uint32_t       wins;
    model_call_t   calls[MAX_LIST];
    uint64_t       run[MAX_LIST];
    model_probe_t  probes[MAX_LIST];
} model_t;


/* What happened in the random part, to see that it went everywhere. */

static struct {
    unsigned long  events, by_run, by_rate, by_retry, by_probe, closed;
    unsigned long  full, overdue, stale, forced, shrunk, recovered;
} seen;


static model_t  model;


static uint64_t
at_least(uint64_t value, uint64_t least)
{
    return value < least ? least : value;
}


static void
model_enter(model_t *m, int state, uint64_t now)
{
    m->state = state;
    m->entered = now;
    m->episode++;
    m->n_calls = 0;
    m->n_run = 0;
    m->wins = 0;

    if (state == CLOSED) {
        m->guess = 0;
        seen.closed++;
    }
}


static size_t
model_probes(const model_t *m, uint64_t now)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < m->n_probes; i++) {
        if (now < m->probes[i].ends) {
            n++;
        }
    }

    return n;
}


/* The state as met, and how long to wait. */

static int
model_look(const model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    uint64_t *wait)
{
    size_t    i, limit;
    uint64_t  most, length;

    *wait = 0;

    if (m->force == SECTOR_BREAKER_FORCED_CLOSED) {
        return CLOSED;
    }

    if (m->force == SECTOR_BREAKER_FORCED_OPEN) {
        *wait = at_least(p->open_ms, 1);
        return OPEN;
    }

    if (m->state == CLOSED) {
        return CLOSED;
    }

    if (m->state == OPEN) {
        most = at_least(at_least(p->max_open_ms, p->open_ms), 1);
        length = m->asked < most ? m->asked : most;

        if (now < m->entered + length) {
            *wait = m->entered + length - now;
            return OPEN;
        }
    }

    limit = at_least(p->half_open, 1);
    limit = limit < 64 ? limit : 64;

    if (model_probes(m, now) >= limit) {
        for (i = 0; i < m->n_probes; i++) {
            if (now < m->probes[i].ends
                && (*wait == 0 || m->probes[i].ends - now < *wait))
            {
                *wait = m->probes[i].ends - now;
            }
        }
    }

    return HALF_OPEN;
}


static int
model_acquire(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    model_ticket_t *ticket, uint64_t *wait)
{
    int  state;

    state = model_look(m, p, now, wait);

    if (m->state == OPEN && state == HALF_OPEN) {
        model_enter(m, HALF_OPEN, now);
    }

    if (*wait) {
        seen.full += state == HALF_OPEN;
        return -1;
    }

    ticket->episode = m->episode;
    ticket->name = 0;

    if (state == HALF_OPEN) {
        ticket->name = ++m->names;
        assert_true(m->n_probes < MAX_LIST);
        m->probes[m->n_probes].name = ticket->name;
        m->probes[m->n_probes].ends = now
                                      + at_least(p->half_open_timeout_ms, 1);
        m->n_probes++;
    }

    return 0;
}


static void
model_open(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    uint64_t retry)
{
    uint64_t  most;

    most = at_least(at_least(p->max_open_ms, p->open_ms), 1);

    if (retry) {
        m->asked = retry;
        seen.by_retry++;

    } else {
        m->guess = at_least(at_least(m->guess * 2, p->open_ms), 1);
        m->guess = m->guess < most ? m->guess : most;
        m->asked = m->guess;
    }

    m->asked = m->asked < most ? m->asked : most;

    model_enter(m, OPEN, now);
}


/* The error rate: the share of failures in the newest ten buckets. */

static int
model_rate(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    int failed)
{
    size_t    i, calls, failures;
    uint64_t  span, bucket;

    span = p->window_ms;

    if (p->reset_ms != 0 && p->reset_ms < span) {
        span = p->reset_ms;
    }

    bucket = at_least(span / 10, 1);

    if (bucket != m->bucket) {
        m->n_calls = 0;
        m->bucket = bucket;
    }

    assert_true(m->n_calls < MAX_LIST);
    m->calls[m->n_calls].at = now;
    m->calls[m->n_calls].failed = failed;
    m->n_calls++;

    calls = 0;
    failures = 0;

    for (i = 0; i < m->n_calls; i++) {
        if (m->calls[i].at / bucket + 10 > now / bucket) {
            calls++;
            failures += m->calls[i].failed;
        }
    }

    return p->error_percent != 0 && calls >= p->min_calls
           && (double) failures * 100.0 / (double) calls
              >= (double) p->error_percent;
}


static void
model_count(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    int failed, uint64_t retry)
{
    int  rate, run;

    rate = model_rate(m, p, now, failed);

    if (!failed) {
        m->n_run = 0;

    } else {
        if (p->reset_ms && m->n_run
            && now > m->run[m->n_run - 1] + p->reset_ms)
        {
            m->n_run = 0;
        }

        m->run[m->n_run++] = now;
    }

    run = failed && m->n_run >= at_least(p->failures, 1);

    if (rate || run || retry) {
        seen.by_rate += rate && !run && !retry;
        seen.by_run += run && !rate && !retry;
        model_open(m, p, now, retry);
    }
}


static void
model_report(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    model_ticket_t ticket, sector_breaker_result_e result, uint64_t elapsed,
    uint64_t retry)
{
    int     had, failed;
    size_t  i;

    had = 0;

    for (i = 0; i < m->n_probes; i++) {
        if (m->probes[i].name == ticket.name) {
            had = now < m->probes[i].ends;
            seen.overdue += !had;
            m->probes[i] = m->probes[--m->n_probes];
            break;
        }
    }

    seen.stale += ticket.episode != m->episode;

    if (ticket.episode != m->episode || m->force || result == IGNORE) {
        return;
    }

    failed = result == FAIL;

    if (result == OK) {
        retry = 0;
        failed = p->slow_ms && elapsed > p->slow_ms;
    }

    if (m->state == CLOSED) {
        model_count(m, p, now, failed, retry);

    } else if (had && failed) {
        seen.by_probe++;
        model_open(m, p, now, retry);

    } else if (had && ++m->wins >= p->successes) {
        model_enter(m, CLOSED, now);
    }
}


static void
model_force(model_t *m, sector_breaker_force_e force, uint64_t now)
{
    if (m->force != (int) force) {
        m->force = force;
        model_enter(m, force == SECTOR_BREAKER_FORCED_OPEN ? OPEN : CLOSED,
                    now);
        seen.forced++;
    }
}


/* The random part. */

typedef struct {
    sector_breaker_permit_t  permit;
    model_ticket_t           ticket;
    uint64_t                 ends;          /* of its place; 0: no probe */
} out_t;


static uint64_t  seed, rng, now_ms;
static unsigned  run_no, step_no, n_out, fail_percent;
static out_t     out[MAX_OUT];


#define agree(what)                                                          \
    do {                                                                     \
        if (!(what)) {                                                       \
            fail_msg("%s: SECTOR_SEED=%llu, run %u, event %u", #what,        \
                     (unsigned long long) seed, run_no, step_no);            \
        }                                                                    \
    } while (0)


/* splitmix64 */

static uint64_t
random_64(void)
{
    uint64_t  z;

    z = (rng += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;

    return z ^ (z >> 31);
}


/* from .. to, both included */

static uint64_t
between(uint64_t from, uint64_t to)
{
    return from + random_64() % (to - from + 1);
}


static int
one_in(unsigned n)
{
    return random_64() % n == 0;
}


static void
random_policy(void)
{
    static uint32_t  percents[] = { 0, 0, 1, 30, 50, 75, 100, 101 };

    policy.failures = between(0, 8);
    policy.error_percent = percents[between(0, 7)];
    policy.min_calls = between(0, 12);
    policy.window_ms = one_in(4) ? between(0, 30) : between(0, 5000);
    policy.slow_ms = one_in(3) ? between(1, 40) : 0;
    policy.open_ms = one_in(8) ? between(0, 2) : between(1, 400);
    policy.max_open_ms = between(0, 3000);
    policy.half_open = one_in(8) ? between(0, 80) : between(1, 6);
    policy.successes = between(0, 5);
    policy.half_open_timeout_ms = between(0, 500);
    policy.reset_ms = one_in(5) ? 0 : between(1, 4000);
}


/* A reload: all is new, or only what tells on probes that are out. */

static void
random_reload(void)
{
    uint32_t  half_open;

    half_open = policy.half_open;

    if (one_in(2)) {
        random_policy();

    } else {
        policy.half_open = between(0, 6);
    }

    seen.shrunk += policy.half_open < half_open
                   && places(&b, now_ms) > policy.half_open;
}


/* Most steps are small; some go to the very edge of a refusal. */

static void
random_time(void)
{
    uint64_t  wait;

    switch (between(0, 9)) {

    case 0: case 1: case 2: case 3:
        break;

    case 4: case 5: case 6:
        now_ms += between(1, 10);
        break;

    case 7:
        now_ms += between(1, 200);
        break;

    case 8:
        now_ms += one_in(8) ? between(1, 6000) : 1;
        break;

    default:
        model_look(&model, &policy, now_ms, &wait);
        now_ms += wait ? wait - between(0, 1) : 0;
    }
}


static void
random_acquire(void)
{
    int       rc;
    out_t     one;
    size_t    i, held;
    uint64_t  wait, expected;

    memset(&one, 0, sizeof(one));

    rc = sector_breaker_acquire(&b, &policy, now_ms, &one.permit, &wait);

    agree(rc == model_acquire(&model, &policy, now_ms, &one.ticket,
                              &expected));
    agree(wait == expected);
    agree(rc == 0 ? wait == 0 : wait > 0);

    if (rc != 0) {
        return;
    }

    agree((one.permit.probe != 0) == (one.ticket.name != 0));

    if (one.permit.probe != 0) {
        one.ends = now_ms + at_least(policy.half_open_timeout_ms, 1);
    }

    /* one that is never reported makes room */
    i = n_out < MAX_OUT ? n_out++ : between(0, MAX_OUT - 1);
    out[i] = one;

    for (i = 0, held = 0; i < n_out; i++) {
        held += out[i].ends > now_ms;
    }

    agree(one.ends == 0 || held <= at_least(policy.half_open, 1));
    agree(one.ends == 0 || places(&b, now_ms) <= SECTOR_BREAKER_PROBES);
}


static void
random_report(void)
{
    size_t                   i;
    uint64_t                 elapsed, retry;
    sector_breaker_result_e  result;

    if (n_out == 0) {
        return;
    }

    /* mostly one of the newest, so that it is of this generation */
    i = one_in(3) ? between(0, n_out - 1)
                  : n_out - 1 - between(0, n_out > 6 ? 5 : n_out - 1);

    elapsed = between(0, 45);
    retry = one_in(20) ? between(1, 4000) : 0;
    result = between(1, 100) <= fail_percent ? FAIL : OK;

    if (one_in(12)) {
        result = IGNORE;
    }

    sector_breaker_report(&b, &policy, now_ms, &out[i].permit, result, elapsed,
                          retry);
    model_report(&model, &policy, now_ms, out[i].ticket, result, elapsed,
                 retry);

    out[i] = out[--n_out];
}


static void
random_force(void)
{
    sector_breaker_force_e  force;

    force = between(0, 2);

    if (model.force) {
        force = SECTOR_BREAKER_AUTO;
    }

    sector_breaker_force(&b, force, now_ms);
    model_force(&model, force, now_ms);
}


/*
 * With nothing but time passing and successes a breaker closes, whatever state
 * it is in; and it says truly how long to wait.
 */

static void
recovers(sector_breaker_t *one)
{
    int                      rc;
    unsigned                 i;
    uint64_t                 at, due, wait;
    sector_breaker_permit_t  permit;

    at = now_ms;
    sector_breaker_force(one, SECTOR_BREAKER_AUTO, at);

    for (i = 0; i < MAX_RECOVERY; i++) {
        if (sector_breaker_peek(one, &policy, at, NULL) == CLOSED) {
            seen.recovered++;
            return;
        }

        rc = sector_breaker_acquire(one, &policy, at, &permit, &wait);

        if (rc == 0) {
            sector_breaker_report(one, &policy, at, &permit, OK, 0, 0);
            continue;
        }

        agree(wait >= 1 && wait <= 6000);
        due = wait;
        agree(sector_breaker_acquire(one, &policy, at + due - 1, &permit,
                                     &wait) == -1);
        agree(wait == 1);
        at += due;
    }

    agree(!"the breaker is wedged");
}


/* As a worker leaves it that was killed between two of its writes. */

static sector_breaker_t
torn(const sector_breaker_t *before, const sector_breaker_t *after)
{
    size_t            at, size;
    sector_breaker_t  mixed;

    mixed = *after;

    for (at = 0; at < sizeof(mixed); at += size) {
        size = at < offsetof(sector_breaker_t, last_failure_ms)
               ? sizeof(uint32_t) : sizeof(uint64_t);

        if (one_in(2)) {
            memcpy((char *) &mixed + at, (const char *) before + at, size);
        }
    }

    return mixed;
}


static void
random_recovery(const sector_breaker_t *before)
{
    unsigned          i;
    sector_breaker_t  copy;

    /* all permits lost */
    copy = b;
    recovers(&copy);

    /* all permits given back */
    copy = b;

    for (i = 0; i < n_out; i++) {
        sector_breaker_report(&copy, &policy, now_ms, &out[i].permit, IGNORE,
                              0, 0);
    }

    agree(places(&copy, now_ms) <= places(&b, now_ms));
    recovers(&copy);

    copy = torn(before, &b);
    recovers(&copy);
}


static void
random_event(void)
{
    unsigned          kind;
    uint64_t          wait, expected;
    sector_breaker_t  before;

    before = b;
    kind = between(0, 999);

    random_time();

    if (kind < 480) {
        random_acquire();

    } else if (kind < 960) {
        random_report();

    } else if (kind < 975) {
        /* a caller that dies */
        n_out -= n_out > 0;

    } else if (kind < 985) {
        fail_percent = between(0, 3) * 33;

    } else if (kind < 995) {
        random_reload();

    } else {
        random_force();
    }

    agree((int) sector_breaker_peek(&b, &policy, now_ms, &wait)
          == model_look(&model, &policy, now_ms, &expected));
    agree(wait == expected);
    agree(places(&b, now_ms) == model_probes(&model, now_ms));
    agree(b.state == (uint32_t) model.state);
    agree(b.since_ms == model.entered);
    agree(b.generation == model.episode);

    if (one_in(32)) {
        random_recovery(&before);
    }

    seen.events++;
}


static void
test_random_sequences_agree_with_the_model(void **state)
{
    char           *value;
    unsigned long   events;

    (void) state;

    value = getenv("SECTOR_SEED");
    seed = value ? strtoull(value, NULL, 0) : (uint64_t) time(NULL);

    value = getenv("SECTOR_EVENTS");
    events = value ? strtoul(value, NULL, 0) : 1500000;

    print_message("SECTOR_SEED=%llu\n", (unsigned long long) seed);
    memset(&seen, 0, sizeof(seen));

    for (run_no = 0; seen.events < events; run_no++) {
        rng = seed + run_no * 0x2545f4914f6cdd1dULL;
        now_ms = one_in(4) ? between(0, 50) : between(0, 1ULL << 40);
        n_out = 0;
        fail_percent = 50;

        memset(&b, 0, sizeof(b));
        memset(&model, 0, sizeof(model));
        random_policy();

        for (step_no = 0; step_no < RUN_EVENTS; step_no++) {
            random_event();
        }
    }

    print_message("%lu events; opened by run %lu, rate %lu, Retry-After %lu, "
                  "probe %lu; closed %lu; full %lu, overdue %lu, stale %lu, "
                  "forced %lu, shrunk %lu, recovered %lu\n", seen.events,
                  seen.by_run, seen.by_rate, seen.by_retry, seen.by_probe,
                  seen.closed, seen.full, seen.overdue, seen.stale,
                  seen.forced, seen.shrunk, seen.recovered);

    if (events >= 1000000) {
        assert_true(seen.by_run > 1000 && seen.by_rate > 1000);
        assert_true(seen.by_retry > 1000 && seen.by_probe > 1000);
        assert_true(seen.closed > 1000 && seen.full > 1000);
        assert_true(seen.overdue > 1000 && seen.stale > 1000);
        assert_true(seen.forced > 1000 && seen.shrunk > 100);
    }
}


#define TEST(name)  cmocka_unit_test_setup(name, setup)


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
        TEST(test_half_open_lets_so_many_through),
        TEST(test_half_open_closes_after_successes),
        TEST(test_half_open_wants_as_many_as_close_it),
        TEST(test_half_open_opens_on_one_failure),
        TEST(test_places_outlast_the_transition),
        TEST(test_late_probe_has_no_say),
        TEST(test_second_report_of_a_probe_changes_nothing),
        TEST(test_ignore_frees_the_place_and_counts_nothing),
        TEST(test_report_of_an_older_generation_counts_nothing),
        TEST(test_retry_after_opens_at_once),
        TEST(test_retry_after_is_capped),
        TEST(test_retry_after_of_others_means_nothing),
        TEST(test_forced_open_refuses_all),
        TEST(test_forced_closed_counts_nothing),
        TEST(test_force_keeps_and_frees_places),
        TEST(test_freeing_what_is_free_does_not_close),
        TEST(test_half_open_smaller_after_a_reload),
        TEST(test_policy_below_its_least),
        TEST(test_policy_above_its_most),
        TEST(test_lower_max_open_ends_a_longer_open_time),
        TEST(test_peek_changes_nothing),
        TEST(test_ends_of_time),
        TEST(test_names),
        TEST(test_random_sequences_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
