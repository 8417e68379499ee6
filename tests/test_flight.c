/*
 * Flights: one for a key, places, the queue, and what becomes of those whose
 * owner is gone.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "flight_fixture.h"


static void
test_an_orphan_takes_a_place_of_the_source_of_who_adopts_it(void **state)
{
    uint64_t                id, joined, running, waiting;
    sector_flight_want_t    want;
    sector_flight_policy_t  other;

    (void) state;
    begin();

    (void) join("A", 1, 0, &id);
    (void) join("A", 2, 0, &joined);
    dead = 1;
    (void) reap(0, 0);

    other = policy;
    other.source = 8;
    want = want_of("A", 2);
    assert_int_equal(sector_flight_adopt(&table, id, &other, &want, 0),
                     SECTOR_FLIGHT_LEAD);
    expect(0, 0);
    sector_flight_count(&table, other.source, &running, &waiting);
    assert_int_equal(running, 1);
    assert_int_equal(waiting, 0);
}


static void
test_a_key_has_one_flight(void **state)
{
    uint64_t              first, id;
    sector_flight_want_t  want;

    (void) state;
    begin();

    assert_int_equal(join("XLK", 1, 0, &first), SECTOR_FLIGHT_LEAD);
    assert_int_equal(join("XLK", 2, 0, &id), SECTOR_FLIGHT_JOINED);
    assert_int_equal(id, first);
    assert_int_equal(join("XLKX", 2, 0, &id), SECTOR_FLIGHT_LEAD);
    assert_int_not_equal(id, first);

    want = want_of("XLK", 3);
    assert_int_equal(sector_flight_find(&table, &want), first);

    want.zone = 2;
    assert_int_equal(sector_flight_find(&table, &want), 0);
    assert_true(sector_flight_owned(&table, first, 1));
    assert_false(sector_flight_owned(&table, first, 2));
    assert_int_equal(sector_flight_owner(&table, first), 1);
    assert_int_equal(sector_flight_owner(&table, first + 1000), 0);
    expect(2, 0);
}


static void
test_one_without_a_key_is_joined_by_nobody(void **state)
{
    uint64_t  a, b;

    (void) state;
    begin();

    assert_int_equal(join("", 1, 0, &a), SECTOR_FLIGHT_LEAD);
    assert_int_equal(join("", 1, 0, &b), SECTOR_FLIGHT_LEAD);
    assert_int_not_equal(a, b);
    expect(2, 0);
}


static void
test_places_then_the_queue_then_nothing(void **state)
{
    uint64_t                id[6];
    sector_flight_want_t    want;
    sector_flight_policy_t  other;

    (void) state;
    begin();

    assert_int_equal(join("A", 1, 0, &id[0]), SECTOR_FLIGHT_LEAD);
    assert_int_equal(join("B", 1, 0, &id[1]), SECTOR_FLIGHT_LEAD);
    assert_int_equal(join("C", 2, 0, &id[2]), SECTOR_FLIGHT_QUEUED);
    assert_int_equal(join("D", 3, 0, &id[3]), SECTOR_FLIGHT_QUEUED);
    assert_int_equal(join("E", 4, 0, &id[4]), SECTOR_FLIGHT_QUEUED);
    assert_int_equal(join("F", 5, 0, &id[5]), SECTOR_FLIGHT_FULL);
    assert_int_equal(join("E", 5, 0, &id[5]), SECTOR_FLIGHT_JOINED);
    expect(2, 3);

    other = policy;
    other.source = 8;
    want = want_of("F", 5);
    assert_int_equal(sector_flight_join(&table, &other, &want, 0, &id[5]),
                     SECTOR_FLIGHT_LEAD);
    expect(2, 3);
}


static void
test_places_are_given_in_the_order_of_coming(void **state)
{
    uint64_t  id[6];

    (void) state;
    begin();

    (void) join("A", 1, 0, &id[0]);
    (void) join("B", 1, 0, &id[1]);
    (void) join("C", 2, 0, &id[2]);
    assert_int_equal(sector_flight_end(&table, id[0], 1, NULL, 0), 0);

    /* a place is free, but somebody is waiting for it */

    assert_int_equal(join("D", 3, 0, &id[3]), SECTOR_FLIGHT_QUEUED);
    assert_true(id[3] % SECTOR_FLIGHT_MAX == id[0] % SECTOR_FLIGHT_MAX);
    assert_int_equal(sector_flight_grant(&table, &policy, 0), 1 << 2);
    assert_int_equal(sector_flight_look(&table, id[2]),
                     SECTOR_FLIGHT_RUNNING);
    assert_int_equal(sector_flight_look(&table, id[3]),
                     SECTOR_FLIGHT_WAITING);
    assert_int_equal(sector_flight_grant(&table, &policy, 0), 0);

    (void) sector_flight_end(&table, id[1], 1, NULL, 0);
    (void) sector_flight_end(&table, id[2], 2, NULL, 0);
    assert_int_equal(sector_flight_grant(&table, &policy, 0), 1 << 3);
    expect(1, 0);
}


static void
test_limits_may_change_between_calls(void **state)
{
    uint64_t                id[5];
    sector_flight_policy_t  more;

    (void) state;
    begin();

    (void) join("A", 1, 0, &id[0]);
    (void) join("B", 1, 0, &id[1]);
    (void) join("C", 2, 0, &id[2]);
    (void) join("D", 3, 0, &id[3]);

    more = policy;
    more.concurrency = 4;
    assert_int_equal(sector_flight_grant(&table, &more, 0), 1 << 2 | 1 << 3);
    expect(4, 0);
    assert_int_equal(join("E", 4, 0, &id[4]), SECTOR_FLIGHT_QUEUED);
    (void) sector_flight_end(&table, id[0], 1, NULL, 0);
    assert_int_equal(sector_flight_grant(&table, &policy, 0), 0);
    expect(3, 1);
}


static void
test_an_outcome_waits_for_those_who_joined(void **state)
{
    uint64_t                        id, again;
    sector_flight_outcome_t         outcome;
    const sector_flight_outcome_t  *told;

    (void) state;
    begin();

    memset(&outcome, 0, sizeof(outcome));
    outcome.result = 3;
    outcome.status = 502;
    outcome.retry_after_ms = 77;
    strcpy(outcome.reason, "why");

    (void) join("A", 1, 0, &id);
    (void) join("A", 2, 0, &again);
    (void) join("A", 63, 0, &again);

    assert_null(sector_flight_outcome(&table, id));
    assert_true(sector_flight_end(&table, id, 1, &outcome, 100)
                == ((uint64_t) 1 << 63 | 1 << 2));
    assert_int_equal(sector_flight_look(&table, id), SECTOR_FLIGHT_DONE);
    expect(0, 0);

    told = sector_flight_outcome(&table, id);
    assert_non_null(told);
    assert_memory_equal(told, &outcome, sizeof(outcome));

    /* its key may fly again, in another slot */

    assert_int_equal(join("A", 2, 100, &again), SECTOR_FLIGHT_LEAD);
    assert_int_not_equal(again, id);
    assert_non_null(sector_flight_outcome(&table, id));

    assert_int_equal(reap(0, 100 + SECTOR_FLIGHT_KEEP_MS - 1), 0);
    assert_non_null(sector_flight_outcome(&table, id));
    assert_int_equal(reap(0, 100 + SECTOR_FLIGHT_KEEP_MS), 0);
    assert_int_equal(sector_flight_look(&table, id), SECTOR_FLIGHT_GONE);
    assert_null(sector_flight_outcome(&table, id));
    assert_int_equal(freed, 0);
}


static void
test_an_outcome_is_kept_for_nobody(void **state)
{
    uint64_t                 id, joined;
    sector_flight_outcome_t  outcome;

    (void) state;
    begin();
    memset(&outcome, 0, sizeof(outcome));

    (void) join("A", 1, 0, &id);
    assert_int_equal(sector_flight_end(&table, id, 1, &outcome, 0), 0);
    assert_int_equal(sector_flight_look(&table, id), SECTOR_FLIGHT_GONE);

    (void) join("A", 1, 0, &id);
    (void) join("A", 2, 0, &joined);
    assert_int_equal(sector_flight_end(&table, id, 1, NULL, 0), 1 << 2);
    assert_int_equal(sector_flight_look(&table, id), SECTOR_FLIGHT_GONE);
    assert_int_equal(table.used, 0);
}


static void
test_a_flight_is_ended_by_its_owner_alone(void **state)
{
    uint64_t  id;

    (void) state;
    begin();

    (void) join("A", 1, 0, &id);
    assert_int_equal(sector_flight_end(&table, id, 2, NULL, 0), 0);
    assert_int_equal(sector_flight_look(&table, id), SECTOR_FLIGHT_RUNNING);
    (void) sector_flight_end(&table, id, 1, NULL, 0);
    assert_int_equal(sector_flight_end(&table, id, 1, NULL, 0), 0);
    assert_int_equal(sector_flight_look(&table, 0), SECTOR_FLIGHT_GONE);
    assert_int_equal(sector_flight_look(&table, UINT64_MAX),
                     SECTOR_FLIGHT_GONE);
}


static void
test_what_the_dead_hold_is_taken_back_once(void **state)
{
    uint64_t               a, b, c;
    sector_flight_lease_t  lease = { { 11, 22 } };

    (void) state;
    begin();

    (void) join("A", 1, 0, &a);
    (void) join("B", 2, 0, &b);
    (void) join("C", 1, 0, &c);
    sector_flight_hold(&table, a, &lease);
    sector_flight_hold(&table, b, &lease);

    assert_int_equal(reap(0, 0), 0);
    expect(2, 1);

    dead = 1;
    assert_int_equal(reap(0, 0), 0);
    assert_int_equal(freed, 1);
    assert_memory_equal(&last_freed, &lease, sizeof(lease));
    expect(1, 0);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_GONE);
    assert_int_equal(sector_flight_look(&table, c), SECTOR_FLIGHT_GONE);
    assert_true(sector_flight_owned(&table, b, 2));

    (void) reap(0, 0);
    assert_int_equal(freed, 1);

    /* one that lives, but has begun anew under its old number */

    assert_int_equal(reap(2, 0), 0);
    assert_int_equal(freed, 2);
    expect(0, 0);
}


/* The lock is held meanwhile. */
static void
test_a_process_is_looked_for_once(void **state)
{
    char                    key[8];
    unsigned                i;
    uint64_t                id;
    sector_flight_want_t    want;
    sector_flight_policy_t  wide = { 7, 400, 0, LEASE, QUEUE };

    (void) state;
    begin();

    for (i = 0; i < 400; i++) {
        (void) snprintf(key, sizeof(key), "K%u", i);
        want = want_of(key, 1 + (int32_t) i % 4);
        assert_int_equal(sector_flight_join(&table, &wide, &want, 0, &id),
                         SECTOR_FLIGHT_LEAD);
    }

    looked = 0;
    dead = 3;
    (void) reap(0, 0);
    assert_int_equal(looked, 4);
    expect(300, 0);
}


static void
test_a_lease_ends_at_its_millisecond(void **state)
{
    uint64_t  a, b, c;

    (void) state;
    begin();

    (void) join("A", 1, 10, &a);
    (void) join("B", 1, 10, &b);
    (void) join("C", 1, 10, &c);

    (void) reap(0, 10 + QUEUE - 1);
    expect(2, 1);
    (void) reap(0, 10 + QUEUE);
    expect(2, 0);
    (void) reap(0, 10 + LEASE - 1);
    expect(2, 0);
    (void) reap(0, 10 + LEASE);
    expect(0, 0);

    (void) join("A", 1, UINT64_MAX - 1, &a);
    (void) reap(0, UINT64_MAX - 1);
    expect(1, 0);
}


static void
test_a_lease_is_renewed_by_its_owner_alone(void **state)
{
    uint64_t  a, b, c, joined;

    (void) state;
    begin();

    (void) join("A", 1, 0, &a);
    (void) join("A", 2, 0, &joined);
    (void) join("B", 1, 0, &b);
    (void) join("C", 1, 0, &c);

    assert_int_equal(sector_flight_renew(&table, a, 1, &policy, 400), 0);
    assert_int_equal(sector_flight_renew(&table, b, 2, &policy, 400), -1);
    assert_int_equal(sector_flight_renew(&table, c, 1, &policy, 400), -1);

    (void) reap(0, LEASE);
    expect(1, 0);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_RUNNING);
    assert_int_equal(sector_flight_look(&table, b), SECTOR_FLIGHT_GONE);

    (void) reap(0, 400 + LEASE);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_ORPHAN);
    assert_int_equal(sector_flight_renew(&table, a, 1, &policy, 1400), -1);
    assert_int_equal(sector_flight_renew(&table, b, 1, &policy, 1400), -1);
}


static void
test_an_orphan_is_adopted_once(void **state)
{
    uint64_t  id, joined;

    (void) state;
    begin();

    (void) join("A", 1, 0, &id);
    (void) join("A", 2, 0, &joined);
    (void) join("A", 3, 0, &joined);

    assert_int_equal(adopt(id, 2, 0), SECTOR_FLIGHT_JOINED);

    dead = 1;
    assert_int_equal(reap(0, 0), 1 << 2 | 1 << 3);
    assert_int_equal(sector_flight_look(&table, id), SECTOR_FLIGHT_ORPHAN);
    assert_false(sector_flight_owned(&table, id, 1));
    expect(0, 0);

    /* it is still the flight of its key */

    assert_int_equal(join("A", 4, 0, &joined), SECTOR_FLIGHT_JOINED);
    assert_int_equal(joined, id);

    assert_int_equal(adopt(id, 2, 5), SECTOR_FLIGHT_LEAD);
    assert_int_equal(adopt(id, 3, 5), SECTOR_FLIGHT_JOINED);
    assert_true(sector_flight_owned(&table, id, 2));
    expect(1, 0);

    assert_int_not_equal(sector_flight_end(&table, id, 2, NULL, 5), 0);
    assert_int_equal(adopt(id, 3, 5), SECTOR_FLIGHT_FULL);
}


static void
test_an_orphan_keeps_its_turn(void **state)
{
    uint64_t  id[5], joined;

    (void) state;
    begin();

    (void) join("A", 2, 0, &id[0]);
    (void) join("B", 2, 0, &id[1]);
    (void) join("C", 1, 0, &id[2]);
    (void) join("C", 3, 0, &joined);
    (void) join("D", 4, 0, &id[3]);

    dead = 1;
    (void) reap(0, 0);
    assert_int_equal(adopt(id[2], 3, 0), SECTOR_FLIGHT_QUEUED);

    (void) sector_flight_end(&table, id[0], 2, NULL, 0);
    assert_int_equal(sector_flight_grant(&table, &policy, 0), 1 << 3);
    assert_true(sector_flight_owned(&table, id[2], 3));
    assert_int_equal(sector_flight_look(&table, id[2]),
                     SECTOR_FLIGHT_RUNNING);
}


static void
test_an_orphan_that_nobody_wants_goes(void **state)
{
    uint64_t  id, joined;

    (void) state;
    begin();

    (void) join("A", 1, 0, &id);
    (void) join("A", 2, 0, &joined);
    dead = 1;
    (void) reap(0, 0);
    (void) reap(0, SECTOR_FLIGHT_KEEP_MS - 1);
    assert_int_equal(sector_flight_look(&table, id), SECTOR_FLIGHT_ORPHAN);
    (void) reap(0, SECTOR_FLIGHT_KEEP_MS);
    assert_int_equal(sector_flight_look(&table, id), SECTOR_FLIGHT_GONE);
    assert_int_equal(table.used, 0);
}


static void
test_the_table_has_an_end(void **state)
{
    unsigned                  i;
    uint64_t                  id, first, joined;
    sector_flight_want_t      want;
    sector_flight_policy_t    wide;
    sector_flight_outcome_t   outcome;

    (void) state;
    begin();
    memset(&outcome, 0, sizeof(outcome));

    wide = policy;
    wide.concurrency = UINT32_MAX;
    want = want_of("FIRST", 1);
    assert_int_equal(sector_flight_join(&table, &wide, &want, 0, &first),
                     SECTOR_FLIGHT_LEAD);
    (void) join("FIRST", 2, 0, &joined);

    want = want_of("", 1);

    for (i = 1; i < SECTOR_FLIGHT_MAX; i++) {
        assert_int_equal(sector_flight_join(&table, &wide, &want, 0, &id),
                         SECTOR_FLIGHT_LEAD);
    }

    assert_int_equal(sector_flight_join(&table, &wide, &want, 0, &id),
                     SECTOR_FLIGHT_FULL);

    /* an outcome's slot is taken again when it was kept long enough */

    (void) sector_flight_end(&table, first, 1, &outcome, 0);
    assert_int_equal(sector_flight_join(&table, &wide, &want,
                                        SECTOR_FLIGHT_KEEP_MS - 1, &id),
                     SECTOR_FLIGHT_FULL);
    assert_int_equal(sector_flight_join(&table, &wide, &want,
                                        SECTOR_FLIGHT_KEEP_MS, &id),
                     SECTOR_FLIGHT_LEAD);
    assert_int_equal(sector_flight_look(&table, first), SECTOR_FLIGHT_GONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            test_an_orphan_takes_a_place_of_the_source_of_who_adopts_it),
        cmocka_unit_test(test_a_key_has_one_flight),
        cmocka_unit_test(test_one_without_a_key_is_joined_by_nobody),
        cmocka_unit_test(test_places_then_the_queue_then_nothing),
        cmocka_unit_test(test_places_are_given_in_the_order_of_coming),
        cmocka_unit_test(test_limits_may_change_between_calls),
        cmocka_unit_test(test_an_outcome_waits_for_those_who_joined),
        cmocka_unit_test(test_an_outcome_is_kept_for_nobody),
        cmocka_unit_test(test_a_flight_is_ended_by_its_owner_alone),
        cmocka_unit_test(test_what_the_dead_hold_is_taken_back_once),
        cmocka_unit_test(test_a_process_is_looked_for_once),
        cmocka_unit_test(test_a_lease_ends_at_its_millisecond),
        cmocka_unit_test(test_a_lease_is_renewed_by_its_owner_alone),
        cmocka_unit_test(test_an_orphan_is_adopted_once),
        cmocka_unit_test(test_an_orphan_keeps_its_turn),
        cmocka_unit_test(test_an_orphan_that_nobody_wants_goes),
        cmocka_unit_test(test_the_table_has_an_end)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
