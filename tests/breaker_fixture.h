/*
 * breaker_fixture: one breaker, its policy, and calls of it.  Include it after
 * cmocka.h.
 */

#ifndef BREAKER_FIXTURE_H
#define BREAKER_FIXTURE_H


#include <string.h>

#include "sector_breaker.h"


#define T0         1000000

#define CLOSED     SECTOR_BREAKER_CLOSED
#define OPEN       SECTOR_BREAKER_OPEN
#define HALF_OPEN  SECTOR_BREAKER_HALF_OPEN

#define OK         SECTOR_BREAKER_SUCCESS
#define FAIL       SECTOR_BREAKER_FAILURE
#define UNDECIDED  SECTOR_BREAKER_UNDECIDED
#define IGNORE     SECTOR_BREAKER_IGNORE


static sector_breaker_t         b;
static sector_breaker_policy_t  policy;


/* A new breaker under the reference configuration's policy. */

static inline int
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

static inline sector_breaker_permit_t
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

static inline uint64_t
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


static inline void
report(sector_breaker_permit_t permit, uint64_t now,
    sector_breaker_result_e result)
{
    sector_breaker_report(&b, &policy, now, &permit, result, 0, 0, 0);
}


/* A whole call of one key, which is had if it succeeds, at one instant. */

static inline void
call_key(uint64_t now, sector_breaker_result_e result, uint64_t key,
    uint64_t until)
{
    sector_breaker_permit_t  permit;

    permit = let(now);
    sector_breaker_report(&b, &policy, now, &permit, result, key, 0, 0);

    if (until > now) {
        sector_breaker_well(&b, key, until);
    }
}


/* A whole call at one instant. */

static inline void
call(uint64_t now, sector_breaker_result_e result)
{
    report(let(now), now, result);
}


static inline void
call_times(unsigned n, uint64_t now, sector_breaker_result_e result)
{
    while (n--) {
        call(now, result);
    }
}


static inline sector_breaker_state_e
state_at(uint64_t now)
{
    return sector_breaker_peek(&b, &policy, now, NULL);
}


/* How many places are held. */

static inline unsigned
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

static inline void
open_at_t0(void)
{
    call_times(policy.failures, T0, FAIL);
    assert_int_equal(state_at(T0), OPEN);
}


#define TEST(name)  cmocka_unit_test_setup(name, setup)


#endif /* BREAKER_FIXTURE_H */
