/* Flights that ride on the place of another, as those of a batch do. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flight_fixture.h"


/* Two that have places, and three that ride with one of them. */
static void
test_one_that_rides_has_no_place_and_waits_for_none(void **state)
{
    uint64_t  id[6] = { 0 };

    (void) state;
    begin();

    assert_int_equal(join("", 1, 0, &id[0]), SECTOR_FLIGHT_LEAD);
    assert_int_equal(ride("A", 1, 0, &id[1]), SECTOR_FLIGHT_LEAD);
    assert_int_equal(ride("B", 1, 0, &id[2]), SECTOR_FLIGHT_LEAD);
    assert_int_equal(ride("C", 1, 0, &id[3]), SECTOR_FLIGHT_LEAD);
    expect(1, 0);
    assert_int_equal(sector_flight_look(&table, id[3]), SECTOR_FLIGHT_RIDING);
    assert_true(sector_flight_owned(&table, id[3], 1));
    assert_false(sector_flight_owned(&table, id[3], 2));

    /* places and queue are for others */

    assert_int_equal(join("D", 2, 0, &id[4]), SECTOR_FLIGHT_LEAD);
    assert_int_equal(join("E", 2, 0, &id[5]), SECTOR_FLIGHT_QUEUED);
    expect(2, 1);
    assert_int_equal(sector_flight_end(&table, id[1], 1, NULL, 0), 0);
    assert_int_equal(sector_flight_grant(&table, &policy, 0), 0);
    (void) sector_flight_end(&table, id[0], 1, NULL, 0);
    assert_int_equal(sector_flight_grant(&table, &policy, 0), 1 << 2);
    expect(2, 0);
}


static void
test_one_that_rides_is_joined(void **state)
{
    uint64_t                 id = 0, joined = 0, again = 0;
    sector_flight_want_t     want;
    sector_flight_outcome_t  outcome;

    (void) state;
    begin();
    memset(&outcome, 0, sizeof(outcome));
    outcome.status = 502;

    (void) ride("A", 1, 0, &id);
    assert_int_equal(join("A", 2, 0, &joined), SECTOR_FLIGHT_JOINED);
    assert_int_equal(joined, id);
    assert_int_equal(ride("A", 3, 0, &again), SECTOR_FLIGHT_JOINED);
    assert_int_equal(again, id);
    want = want_of("A", 4);
    assert_int_equal(sector_flight_find(&table, &want), id);
    assert_int_equal(adopt(id, 2, 0), SECTOR_FLIGHT_JOINED);

    assert_int_equal(sector_flight_end(&table, id, 2, &outcome, 0), 0);
    assert_int_equal(sector_flight_look(&table, id), SECTOR_FLIGHT_RIDING);
    assert_int_equal(sector_flight_end(&table, id, 1, &outcome, 0),
                     1 << 2 | 1 << 3);
    assert_int_equal(sector_flight_outcome(&table, id)->status, 502);

    /* and its key may ride again */

    again = 0;
    assert_int_equal(ride("A", 2, 0, &again), SECTOR_FLIGHT_LEAD);
    assert_int_not_equal(again, id);
    assert_int_equal(sector_flight_end(&table, again, 2, NULL, 0), 0);
    assert_int_equal(sector_flight_look(&table, again), SECTOR_FLIGHT_GONE);
}


static void
test_what_flies_or_waits_is_joined_by_one_that_would_ride(void **state)
{
    uint64_t  id[3], joined;

    (void) state;
    begin();

    (void) join("A", 1, 0, &id[0]);
    (void) join("B", 1, 0, &id[1]);
    (void) join("C", 1, 0, &id[2]);

    joined = 0;
    assert_int_equal(ride("A", 2, 0, &joined), SECTOR_FLIGHT_JOINED);
    assert_int_equal(joined, id[0]);
    joined = 0;
    assert_int_equal(ride("C", 2, 0, &joined), SECTOR_FLIGHT_JOINED);
    assert_int_equal(joined, id[2]);
    assert_int_equal(sector_flight_end(&table, id[2], 1, NULL, 0), 1 << 2);
}


static void
test_one_that_rides_is_an_orphan_when_its_owner_dies(void **state)
{
    uint64_t  id[4] = { 0 }, joined;

    (void) state;
    begin();

    (void) join("", 1, 0, &id[0]);
    (void) ride("A", 1, 0, &id[1]);
    (void) ride("B", 1, 0, &id[2]);
    (void) ride("C", 1, 0, &id[3]);
    (void) join("A", 2, 0, &joined);
    (void) join("B", 3, 0, &joined);

    dead = 1;
    assert_int_equal(reap(0, 0), 1 << 2 | 1 << 3);
    assert_int_equal(freed, 0);
    expect(0, 0);
    assert_int_equal(sector_flight_look(&table, id[0]), SECTOR_FLIGHT_GONE);
    assert_int_equal(sector_flight_look(&table, id[1]), SECTOR_FLIGHT_ORPHAN);
    assert_int_equal(sector_flight_look(&table, id[3]), SECTOR_FLIGHT_GONE);

    /* it is joined, not begun anew, by who would let it ride */

    joined = 0;
    assert_int_equal(ride("A", 4, 0, &joined), SECTOR_FLIGHT_JOINED);
    assert_int_equal(joined, id[1]);

    /* who takes it over needs a place */

    (void) join("X", 2, 0, &joined);
    assert_int_equal(adopt(id[1], 2, 0), SECTOR_FLIGHT_LEAD);
    assert_int_equal(adopt(id[2], 3, 0), SECTOR_FLIGHT_QUEUED);
    expect(2, 1);
    assert_int_equal(sector_flight_end(&table, id[1], 2, NULL, 0),
                     1 << 2 | 1 << 4);
    assert_int_equal(sector_flight_grant(&table, &policy, 0), 1 << 3);
    assert_int_equal(sector_flight_look(&table, id[2]),
                     SECTOR_FLIGHT_RUNNING);
}


/* As long as what it rides on may wait, and from when that has its place, as
 * long as a call may take: not both at once, for which others would wait. */
static void
test_a_ride_ends_at_its_millisecond(void **state)
{
    uint64_t  a = 0, b = 0, joined;

    (void) state;
    begin();

    (void) ride("A", 1, 10, &a);
    (void) ride("B", 1, 10, &b);
    (void) join("B", 2, 10, &joined);

    assert_int_equal(reap(0, 10 + QUEUE - 1), 0);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_RIDING);
    assert_int_equal(reap(0, 10 + QUEUE), 1 << 2);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_GONE);
    assert_int_equal(sector_flight_look(&table, b), SECTOR_FLIGHT_ORPHAN);
    assert_int_equal(sector_flight_end(&table, b, 1, NULL, 0), 0);

    a = 0;
    (void) ride("A", 1, UINT64_MAX - 1, &a);
    (void) reap(0, UINT64_MAX - 1);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_RIDING);
}


static void
test_a_ride_on_a_place_lasts_as_long_as_that(void **state)
{
    uint64_t  a = 0, b = 0, joined;

    (void) state;
    begin();

    (void) ride("A", 1, 10, &a);
    (void) join("A", 2, 10, &joined);
    (void) ride_on(1, "B", 1, 10, &b);
    (void) join("B", 2, 10, &joined);

    assert_int_equal(ride_on(1, "A", 1, 400, &a), SECTOR_FLIGHT_LEAD);

    assert_int_equal(reap(0, 10 + LEASE - 1), 0);
    assert_int_equal(reap(0, 10 + LEASE), 1 << 2);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_RIDING);
    assert_int_equal(sector_flight_look(&table, b), SECTOR_FLIGHT_ORPHAN);

    assert_int_equal(reap(0, 400 + LEASE - 1), 0);
    assert_int_equal(reap(0, 400 + LEASE), 1 << 2);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_ORPHAN);
}


static void
test_a_ride_is_begun_anew_by_its_owner_alone(void **state)
{
    uint64_t  a = 0, b = 0, c = 0, id;

    (void) state;
    begin();

    (void) ride("A", 1, 0, &a);
    (void) ride("B", 1, 0, &b);
    (void) ride("C", 1, 0, &c);
    (void) join("C", 2, 0, &id);

    id = a;
    assert_int_equal(ride("A", 1, 400, &id), SECTOR_FLIGHT_LEAD);
    assert_int_equal(id, a);
    id = b;
    assert_int_equal(ride("B", 2, 400, &id), SECTOR_FLIGHT_JOINED);
    assert_int_equal(id, b);

    assert_int_equal(reap(0, QUEUE), 1 << 2);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_RIDING);
    assert_int_equal(sector_flight_look(&table, b), SECTOR_FLIGHT_ORPHAN);

    /* one that was taken back is begun, or joined where others wait */

    (void) reap(0, QUEUE + 400);
    id = a;
    assert_int_equal(ride("A", 1, 1000, &id), SECTOR_FLIGHT_LEAD);
    assert_int_not_equal(id, a);
    id = c;
    assert_int_equal(ride("C", 1, 1000, &id), SECTOR_FLIGHT_JOINED);
    assert_int_equal(id, c);
    assert_int_equal(adopt(c, 2, 1000), SECTOR_FLIGHT_LEAD);
    id = c;
    assert_int_equal(ride("C", 1, 1000, &id), SECTOR_FLIGHT_JOINED);
    assert_int_equal(id, c);
}


static void
test_a_full_table_has_no_seat(void **state)
{
    unsigned                i;
    uint64_t                id, first;
    sector_flight_want_t    want;
    sector_flight_policy_t  wide;

    (void) state;
    begin();

    wide = policy;
    wide.concurrency = UINT32_MAX;
    want = want_of("FIRST", 1);
    (void) sector_flight_join(&table, &wide, &want, 0, &first);
    want = want_of("", 1);

    for (i = 1; i < SECTOR_FLIGHT_MAX; i++) {
        (void) sector_flight_join(&table, &wide, &want, 0, &id);
    }

    id = 0;
    assert_int_equal(ride("A", 2, 0, &id), SECTOR_FLIGHT_FULL);
    assert_int_equal(id, 0);
    assert_int_equal(ride("FIRST", 2, 0, &id), SECTOR_FLIGHT_JOINED);
    assert_int_equal(id, first);
    (void) sector_flight_end(&table, first, 1, NULL, 0);
    id = 0;
    assert_int_equal(ride("A", 2, 0, &id), SECTOR_FLIGHT_LEAD);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_one_that_rides_has_no_place_and_waits_for_none),
        cmocka_unit_test(test_one_that_rides_is_joined),
        cmocka_unit_test(
            test_what_flies_or_waits_is_joined_by_one_that_would_ride),
        cmocka_unit_test(test_one_that_rides_is_an_orphan_when_its_owner_dies),
        cmocka_unit_test(test_a_ride_ends_at_its_millisecond),
        cmocka_unit_test(test_a_ride_on_a_place_lasts_as_long_as_that),
        cmocka_unit_test(test_a_ride_is_begun_anew_by_its_owner_alone),
        cmocka_unit_test(test_a_full_table_has_no_seat)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
