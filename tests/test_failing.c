/*
 * Whether the fetches of a source fail: what counts, since when, and what is
 * remembered of the last one.
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

#include "sector_failing.h"
#include "test_random.h"


#define T0    1000000
#define WALL  1795000000000

#define A     1
#define B     2
#define W     3
#define MANY  0


static sector_failing_t         f;
static sector_flight_outcome_t  error;


static int
setup(void **state)
{
    (void) state;

    memset(&f, 0, sizeof(f));
    memset(&error, 0, sizeof(error));

    error.result = 3;
    error.status = 401;
    strcpy(error.reason, "Source up answered with status 401");

    return 0;
}


static void
bad(uint64_t key, uint64_t now)
{
    sector_failing_bad(&f, key, "XLK", key ? 3 : 0, now, WALL + (int64_t) now,
                       &error);
}


static void
good(uint64_t key, uint64_t now, uint64_t until)
{
    sector_failing_good(&f, key, until, WALL + (int64_t) now);
}


static void
test_nothing_fails_at_first(void **state)
{
    (void) state;

    assert_int_equal(sector_failing_is(&f, 5, T0), 0);
    assert_int_equal(sector_failing_is(&f, 0, T0), 0);
    assert_int_equal(f.success_wall_ms, 0);
    assert_int_equal(f.error_wall_ms, 0);
}


static void
test_so_many_in_a_row_fail(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i < 5; i++) {
        assert_int_equal(sector_failing_is(&f, 5, T0 + i), 0);
        bad(A, T0 + i);
    }

    assert_int_equal(sector_failing_is(&f, 5, T0 + i), 1);
    assert_int_equal(f.since_ms, T0);
    assert_int_equal(f.since_wall_ms, WALL + T0);
    assert_int_equal(f.error_wall_ms, WALL + T0 + 4);
    assert_int_equal(sector_failing_is(&f, 6, T0 + i), 0);
}


static void
test_a_success_ends_it(void **state)
{
    (void) state;

    bad(A, T0);
    bad(B, T0);
    good(W, T0 + 7, T0 + 1000);
    assert_int_equal(sector_failing_is(&f, 1, T0 + 100000), 0);
    assert_int_equal(f.since_wall_ms, 0);
    assert_int_equal(f.success_wall_ms, WALL + T0 + 7);

    /* the last failure is remembered */
    assert_int_equal(f.error_wall_ms, WALL + T0);
    assert_int_equal(f.error.status, 401);

    bad(A, T0 + 8);
    assert_int_equal(f.failures, 1);
    assert_int_equal(f.since_ms, T0 + 8);
}


static void
test_a_minute_is_enough_for_two(void **state)
{
    (void) state;

    bad(A, T0);
    assert_int_equal(sector_failing_is(&f, 5, T0 + 1000000), 0);
    bad(A, T0 + 59999);
    assert_int_equal(sector_failing_is(&f, 5, T0 + 59999), 0);
    assert_int_equal(sector_failing_is(&f, 5, T0 + 60000), 1);

    /* a step back is no minute */
    assert_int_equal(sector_failing_is(&f, 5, T0 - 1), 0);
}


static void
test_one_key_is_no_failing_source_while_others_are_well(void **state)
{
    unsigned  i;

    (void) state;

    good(W, T0, T0 + 100000);

    for (i = 0; i < 50; i++) {
        bad(A, T0 + i * 1000);
    }

    assert_int_equal(f.failures, 1);
    assert_int_equal(sector_failing_is(&f, 5, T0 + 99999), 0);

    /* it is remembered all the same */
    assert_int_equal(f.error_wall_ms, WALL + T0 + 49000);

    /* where it succeeds in between, its next failure counts */
    good(A, T0 + 50000, T0 + 50001);
    bad(A, T0 + 50001);
    assert_int_equal(f.failures, 1);

    /* and where no other is well any more, each does */
    for (i = 0; i < 4; i++) {
        bad(A, T0 + 100000);
    }

    assert_int_equal(sector_failing_is(&f, 5, T0 + 100000), 1);
}


static void
test_several_keys_count_each(void **state)
{
    unsigned  i;

    (void) state;

    good(W, T0, T0 + 100000);

    for (i = 0; i < 5; i++) {
        bad(MANY, T0);
    }

    assert_int_equal(sector_failing_is(&f, 5, T0), 1);
}


static void
test_the_name_of_the_last_one(void **state)
{
    char  longest[SECTOR_FLIGHT_KEY_MAX + 1];

    (void) state;

    memset(longest, 'X', sizeof(longest));

    bad(A, T0);
    assert_int_equal(f.key_len, 3);
    assert_memory_equal(f.key, "XLK", 3);
    assert_string_equal(f.error.reason, "Source up answered with status 401");

    sector_failing_bad(&f, B, longest, SECTOR_FLIGHT_KEY_MAX, T0, WALL,
                       &error);
    assert_int_equal(f.key_len, SECTOR_FLIGHT_KEY_MAX);
    assert_memory_equal(f.key, longest, SECTOR_FLIGHT_KEY_MAX);

    sector_failing_bad(&f, B, longest, SECTOR_FLIGHT_KEY_MAX + 1, T0, WALL,
                       &error);
    assert_int_equal(f.key_len, 0);

    bad(A, T0);
    sector_failing_bad(&f, MANY, NULL, 0, T0, WALL, &error);
    assert_int_equal(f.key_len, 0);
}


/* As a process leaves it that died in between: one success, and all is as it
 * would be; and so is a row of failures after it. */

static void
random_death(const sector_failing_t *before, uint64_t now)
{
    size_t            at;
    unsigned          i;
    sector_failing_t  kept;

    kept = f;

    for (at = 0; at < sizeof(f); at += sizeof(uint32_t)) {
        if (one_in(2)) {
            memcpy((char *) &f + at, (const char *) before + at,
                   sizeof(uint32_t));
        }
    }

    agree(f.key_len <= SECTOR_FLIGHT_KEY_MAX);

    good(W, now, now);
    agree(!sector_failing_is(&f, 1, now));

    for (i = 0; i < 3; i++) {
        agree(!sector_failing_is(&f, 3, now));
        bad(MANY, now);
    }

    agree(sector_failing_is(&f, 3, now));
    agree(f.since_ms == now);

    f = kept;
}


/* Beside a row that is counted by what the evidence says, which has a model of
 * its own. */

static void
test_random_fetches_agree_with_the_row(void **state)
{
    int                key, counts;
    unsigned           run, n;
    uint64_t           now, since;
    unsigned long      events;
    sector_failing_t   before;
    sector_evidence_t  evidence;

    (void) state;

    random_seed();
    events = random_events(200000);

    for (run = 0; run * 400 < events; run++) {
        random_run(run);
        setup(NULL);
        memset(&evidence, 0, sizeof(evidence));
        n = 0;
        since = 0;
        now = between(1, 1U << 30);

        for (step_no = 0; step_no < 400; step_no++) {
            before = f;
            now += one_in(3) ? between(0, 40000) : 0;
            key = (int) between(0, 4);

            if (one_in(6)) {
                good(key, now, now + 100000);
                sector_evidence_good(&evidence, key);
                sector_evidence_well(&evidence, key, now + 100000);
                n = 0;

            } else {
                counts = sector_evidence_bad(&evidence, key, now);
                bad(key, now);
                since = counts && n == 0 ? now : since;
                n += counts;
            }

            agree(sector_failing_is(&f, 5, now)
                  == (n >= 5 || (n >= 2 && now >= since + 60000)));
            agree((f.since_wall_ms != 0) == (n != 0));
            random_death(&before, now);
        }
    }
}


#define TEST(name)  cmocka_unit_test_setup(name, setup)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_nothing_fails_at_first),
        TEST(test_so_many_in_a_row_fail),
        TEST(test_a_success_ends_it),
        TEST(test_a_minute_is_enough_for_two),
        TEST(test_one_key_is_no_failing_source_while_others_are_well),
        TEST(test_several_keys_count_each),
        TEST(test_the_name_of_the_last_one),
        TEST(test_random_fetches_agree_with_the_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
