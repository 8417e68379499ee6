/*
 * Flights: one for a key, places, the queue, and what becomes of those whose
 * owner is gone.  Single behaviours first; then a million random events beside
 * a plain model that keeps lists.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sector_flight.h"


#define LEASE  1000
#define QUEUE  500


static sector_flight_table_t   table;
static int32_t                 dead;        /* this process is */
static unsigned                freed;       /* leases */
static unsigned                looked;      /* for processes */
static sector_flight_lease_t   last_freed;

static const sector_flight_policy_t  policy = { 7, 2, 3, LEASE, QUEUE };


static void
begin(void)
{
    memset(&table, 0xa5, sizeof(table));
    sector_flight_init(&table, 1000);
    dead = 0;
    freed = 0;
}


static sector_flight_want_t
want_of(const char *key, int32_t owner)
{
    sector_flight_want_t  want;

    memset(&want, 0, sizeof(want));

    want.zone = 1;
    want.key = key;
    want.key_len = strlen(key);
    want.owner = owner;
    want.line = (uint32_t) owner % SECTOR_FLIGHT_LINES;

    return want;
}


static sector_flight_join_e
join(const char *key, int32_t owner, uint64_t now, uint64_t *id)
{
    sector_flight_want_t  want;

    want = want_of(key, owner);

    return sector_flight_join(&table, &policy, &want, now, id);
}


/* Begins to ride anew where *id is a number. */
static sector_flight_join_e
ride(const char *key, int32_t owner, uint64_t now, uint64_t *id)
{
    sector_flight_want_t  want;

    want = want_of(key, owner);

    return sector_flight_ride(&table, &policy, &want, now, id);
}


static sector_flight_join_e
adopt(uint64_t id, int32_t owner, uint64_t now)
{
    sector_flight_want_t  want;

    want = want_of("", owner);

    return sector_flight_adopt(&table, id, &policy, &want, now);
}


static int
alive(void *ctx, int32_t pid)
{
    (void) ctx;

    looked++;

    return pid != dead;
}


static void
note_freed(void *ctx, uint64_t source, const sector_flight_lease_t *lease)
{
    (void) ctx;

    assert_int_equal(source, policy.source);
    freed++;
    last_freed = *lease;
}


static uint64_t
reap(int32_t gone, uint64_t now)
{
    sector_flight_reaper_t  reaper = { alive, note_freed, NULL, gone };

    return sector_flight_reap(&table, &reaper, now);
}


static void
expect(uint64_t running, uint64_t waiting)
{
    uint64_t  r, w;

    sector_flight_count(&table, policy.source, &r, &w);
    assert_int_equal(r, running);
    assert_int_equal(w, waiting);
}


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


/* As long as the other may wait and then take. */
static void
test_a_ride_ends_at_its_millisecond(void **state)
{
    uint64_t  a = 0, b = 0, joined;

    (void) state;
    begin();

    (void) ride("A", 1, 10, &a);
    (void) ride("B", 1, 10, &b);
    (void) join("B", 2, 10, &joined);

    assert_int_equal(reap(0, 10 + LEASE + QUEUE - 1), 0);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_RIDING);
    assert_int_equal(reap(0, 10 + LEASE + QUEUE), 1 << 2);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_GONE);
    assert_int_equal(sector_flight_look(&table, b), SECTOR_FLIGHT_ORPHAN);
    assert_int_equal(sector_flight_end(&table, b, 1, NULL, 0), 0);

    a = 0;
    (void) ride("A", 1, UINT64_MAX - 1, &a);
    (void) reap(0, UINT64_MAX - 1);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_RIDING);
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

    assert_int_equal(reap(0, LEASE + QUEUE), 1 << 2);
    assert_int_equal(sector_flight_look(&table, a), SECTOR_FLIGHT_RIDING);
    assert_int_equal(sector_flight_look(&table, b), SECTOR_FLIGHT_ORPHAN);

    /* one that was taken back is begun, or joined where others wait */

    (void) reap(0, LEASE + QUEUE + 400);
    id = a;
    assert_int_equal(ride("A", 1, 2000, &id), SECTOR_FLIGHT_LEAD);
    assert_int_not_equal(id, a);
    id = c;
    assert_int_equal(ride("C", 1, 2000, &id), SECTOR_FLIGHT_JOINED);
    assert_int_equal(id, c);
    assert_int_equal(adopt(c, 2, 2000), SECTOR_FLIGHT_LEAD);
    id = c;
    assert_int_equal(ride("C", 1, 2000, &id), SECTOR_FLIGHT_JOINED);
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


/*
 * The model: flights in a list in the order of coming, each with all that is
 * known of it.
 */

#define MODEL_MAX    64
#define MODEL_KEYS   6
#define MODEL_PIDS   5

typedef struct {
    uint64_t    id;
    int         state;
    int32_t     owner;
    int         key;            /* 0: none */
    uint64_t    source;
    uint64_t    lines;
    uint64_t    deadline;
    int         held;
} model_t;

static model_t   model[MODEL_MAX];
static unsigned  model_n;
static unsigned  model_freed;
static int       model_dead[MODEL_PIDS + 1];


static int
model_alive(void *ctx, int32_t pid)
{
    (void) ctx;

    return !model_dead[pid];
}


static void
model_note(void *ctx, uint64_t source, const sector_flight_lease_t *lease)
{
    (void) ctx;
    (void) source;

    assert_int_equal(lease->held[0], 5);
    model_freed++;
}


static void
model_remove(unsigned i)
{
    memmove(&model[i], &model[i + 1], (--model_n - i) * sizeof(model_t));
}


static uint64_t
model_count(uint64_t source, int state)
{
    unsigned  i;
    uint64_t  n;

    for (i = 0, n = 0; i < model_n; i++) {
        n += (model[i].source == source && model[i].state == state);
    }

    return n;
}


/* Its slot may have been that of an outcome that was kept long enough. */
static void
model_begun(model_t m, uint64_t now)
{
    unsigned  i;

    for (i = 0; i < model_n; i++) {
        if (model[i].state == SECTOR_FLIGHT_DONE && now >= model[i].deadline
            && sector_flight_look(&table, model[i].id) == SECTOR_FLIGHT_GONE)
        {
            model_remove(i--);
        }
    }

    assert_true(model_n < MODEL_MAX);

    for (i = 0; i < model_n; i++) {
        assert_true(m.id > model[i].id);
    }

    model[model_n++] = m;
}


static void
model_join(const sector_flight_policy_t *p, int key, int32_t owner,
    uint64_t now)
{
    int                    place;
    char                   name[8];
    unsigned               i;
    uint64_t               id;
    sector_flight_join_e   got;
    sector_flight_want_t   want;

    snprintf(name, sizeof(name), "%s%d", key ? "K" : "", key);
    want = want_of(key ? name : "", owner);
    got = sector_flight_join(&table, p, &want, now, &id);

    for (i = 0; key && i < model_n; i++) {
        if (model[i].key == key && model[i].state != SECTOR_FLIGHT_DONE) {
            assert_int_equal(got, SECTOR_FLIGHT_JOINED);
            assert_int_equal(id, model[i].id);
            model[i].lines |= (uint64_t) 1 << owner;
            return;
        }
    }

    place = (model_count(p->source, SECTOR_FLIGHT_RUNNING) < p->concurrency
             && model_count(p->source, SECTOR_FLIGHT_WAITING) == 0);

    if (!place && model_count(p->source, SECTOR_FLIGHT_WAITING) >= p->queue) {
        assert_int_equal(got, SECTOR_FLIGHT_FULL);
        return;
    }

    assert_int_equal(got, place ? SECTOR_FLIGHT_LEAD : SECTOR_FLIGHT_QUEUED);

    model_begun((model_t) {
        id, place ? SECTOR_FLIGHT_RUNNING : SECTOR_FLIGHT_WAITING, owner, key,
        p->source, 0, now + (place ? p->lease_ms : p->queue_lease_ms), 0
    }, now);
}


/* Rides, or goes on to: i is the one it had, or model_n. */
static void
model_ride(unsigned i, const sector_flight_policy_t *p, int key,
    int32_t owner, uint64_t now)
{
    char                   name[8];
    uint64_t               id, deadline;
    sector_flight_join_e   got;
    sector_flight_want_t   want;

    snprintf(name, sizeof(name), "K%d", key);
    want = want_of(name, owner);
    id = (i < model_n) ? model[i].id : 0;
    deadline = now + p->lease_ms + p->queue_lease_ms;
    got = sector_flight_ride(&table, p, &want, now, &id);

    if (i < model_n && model[i].owner == owner
        && model[i].state == SECTOR_FLIGHT_RIDING)
    {
        assert_int_equal(got, SECTOR_FLIGHT_LEAD);
        assert_int_equal(id, model[i].id);
        model[i].deadline = deadline;
        return;
    }

    for (i = 0; i < model_n; i++) {
        if (model[i].key == key && model[i].state != SECTOR_FLIGHT_DONE) {
            assert_int_equal(got, SECTOR_FLIGHT_JOINED);
            assert_int_equal(id, model[i].id);
            model[i].lines |= (uint64_t) 1 << owner;
            return;
        }
    }

    assert_int_equal(got, SECTOR_FLIGHT_LEAD);

    model_begun((model_t) { id, SECTOR_FLIGHT_RIDING, owner, key, p->source, 0,
                            deadline, 0 }, now);
}


static void
model_end(unsigned i, int32_t owner, int kept, uint64_t now)
{
    uint64_t                  lines;
    model_t                  *m;
    sector_flight_outcome_t   outcome;

    m = &model[i];
    memset(&outcome, 0, sizeof(outcome));
    outcome.retry_after_ms = m->id;

    lines = sector_flight_end(&table, m->id, owner, kept ? &outcome : NULL,
                              now);

    if (m->owner != owner || (m->state != SECTOR_FLIGHT_RUNNING
                              && m->state != SECTOR_FLIGHT_RIDING
                              && m->state != SECTOR_FLIGHT_WAITING))
    {
        assert_int_equal(lines, 0);
        return;
    }

    assert_true(lines == m->lines);

    if (!kept || m->lines == 0) {
        model_remove(i);
        return;
    }

    m->state = SECTOR_FLIGHT_DONE;
    m->deadline = now + SECTOR_FLIGHT_KEEP_MS;
    m->held = 0;

    assert_int_equal(sector_flight_outcome(&table, m->id)->retry_after_ms,
                     m->id);
}


static void
model_grant(const sector_flight_policy_t *p, uint64_t now)
{
    unsigned  i;
    uint64_t  lines;

    lines = 0;

    for (i = 0; i < model_n; i++) {
        if (model[i].source == p->source
            && model[i].state == SECTOR_FLIGHT_WAITING
            && model_count(p->source, SECTOR_FLIGHT_RUNNING) < p->concurrency)
        {
            model[i].state = SECTOR_FLIGHT_RUNNING;
            model[i].deadline = now + p->lease_ms;
            lines |= (uint64_t) 1 << model[i].owner;
        }
    }

    assert_true(sector_flight_grant(&table, p, now) == lines);
}


static void
model_reap(int32_t gone, uint64_t now)
{
    unsigned                 i, before;
    uint64_t                 lines;
    model_t                 *m;
    sector_flight_reaper_t   reaper = { model_alive, model_note, NULL, gone };

    before = model_freed;
    lines = 0;

    for (i = 0; i < model_n; i++) {
        m = &model[i];

        if (now < m->deadline
            && (m->state == SECTOR_FLIGHT_DONE
                || m->state == SECTOR_FLIGHT_ORPHAN
                || (!model_dead[m->owner] && m->owner != gone)))
        {
            continue;
        }

        before += m->held;
        m->held = 0;

        if (m->lines == 0 || m->state == SECTOR_FLIGHT_DONE
            || m->state == SECTOR_FLIGHT_ORPHAN)
        {
            model_remove(i--);
            continue;
        }

        m->state = SECTOR_FLIGHT_ORPHAN;
        m->deadline = now + SECTOR_FLIGHT_KEEP_MS;
        lines |= m->lines;
    }

    assert_true(sector_flight_reap(&table, &reaper, now) == lines);
    assert_int_equal(model_freed, before);
}


static void
model_adopt(unsigned i, const sector_flight_policy_t *p, int32_t owner,
    uint64_t now)
{
    int                    place;
    model_t               *m;
    sector_flight_join_e   got;
    sector_flight_want_t   want;

    m = &model[i];
    want = want_of("", owner);
    got = sector_flight_adopt(&table, m->id, p, &want, now);

    if (m->state == SECTOR_FLIGHT_DONE) {
        assert_int_equal(got, SECTOR_FLIGHT_FULL);

    } else if (m->state != SECTOR_FLIGHT_ORPHAN) {
        assert_int_equal(got, SECTOR_FLIGHT_JOINED);

    } else {
        place = model_count(m->source, SECTOR_FLIGHT_RUNNING) < p->concurrency;
        assert_int_equal(got, place ? SECTOR_FLIGHT_LEAD
                                    : SECTOR_FLIGHT_QUEUED);
        m->state = place ? SECTOR_FLIGHT_RUNNING : SECTOR_FLIGHT_WAITING;
        m->owner = owner;
        m->deadline = now + (place ? p->lease_ms : p->queue_lease_ms);
    }
}


static void
model_check(const sector_flight_policy_t *p)
{
    unsigned  i, k;
    uint64_t  running, waiting;

    for (i = 0; i < model_n; i++) {
        assert_int_equal(sector_flight_look(&table, model[i].id),
                         model[i].state);

        for (k = 0; k < i; k++) {
            assert_false(model[i].key && model[i].key == model[k].key
                         && model[i].state != SECTOR_FLIGHT_DONE
                         && model[k].state != SECTOR_FLIGHT_DONE);
        }
    }

    sector_flight_count(&table, p->source, &running, &waiting);
    assert_int_equal(running, model_count(p->source, SECTOR_FLIGHT_RUNNING));
    assert_int_equal(waiting, model_count(p->source, SECTOR_FLIGHT_WAITING));
    assert_true(running <= 3);
}


static void
test_a_million_events_are_as_the_model_says(void **state)
{
    int                      key;
    int32_t                  pid;
    unsigned                 i, n;
    uint64_t                 now, seed;
    const char              *given;
    sector_flight_lease_t    lease = { { 5, 6 } };
    sector_flight_policy_t   sources[2] = { { 1, 3, 4, 200, 100 },
                                            { 2, 1, 2, 50, 300 } };
    sector_flight_policy_t  *p;

    (void) state;

    given = getenv("SECTOR_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t) (uintptr_t) &seed;
    printf("# SECTOR_SEED=%llu\n", (unsigned long long) seed);
    srandom((unsigned) seed);

    begin();
    model_n = 0;
    now = 1;

    for (n = 0; n < 1000000; n++) {
        pid = 1 + (int32_t) (random() % MODEL_PIDS);
        p = &sources[random() % 2];
        i = model_n ? (unsigned) random() % model_n : 0;

        switch (random() % 18) {

        case 0: case 1: case 2: case 3: case 4:

            /* a key is one source's */

            if (!model_dead[pid]) {
                key = (int) (random() % (MODEL_KEYS / 2 + 1)) * 2;
                model_join(p, key ? key - (p == &sources[1]) : 0, pid, now);
            }

            break;

        case 5: case 6: case 7: case 8:

            if (model_n) {
                model_end(i, random() % 8 ? model[i].owner : pid,
                          (int) random() % 2, now);
            }

            break;

        case 9: case 10:
            model_grant(p, now);
            break;

        case 11:
            now += (uint64_t) random() % 40;
            break;

        case 12:
            model_dead[pid] = (random() % 2 == 0);
            model_reap(random() % 4 == 0 ? pid : 0, now);
            break;

        case 13:

            if (model_n && !model_dead[pid]) {
                model_adopt(i, &sources[model[i].source - 1], pid, now);
            }

            break;

        case 14:

            if (model_n && model[i].state == SECTOR_FLIGHT_RUNNING) {
                sector_flight_hold(&table, model[i].id, &lease);
                model[i].held = 1;
            }

            break;

        case 15: case 16:

            /* as a rule one that is new, or one that rides already */

            if (model_dead[pid]) {
                break;
            }

            if (model_n && random() % 2 && model[i].key
                && model[i].state != SECTOR_FLIGHT_DONE)
            {
                model_ride(i, &sources[model[i].source - 1], model[i].key,
                           random() % 4 ? model[i].owner : pid, now);
                break;
            }

            key = 2 + (int) (random() % (MODEL_KEYS / 2)) * 2;
            model_ride(model_n, p, key - (p == &sources[1]), pid, now);
            break;

        default:
            model_reap(0, now);
            break;
        }

        model_check(p);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
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
        cmocka_unit_test(
            test_an_orphan_takes_a_place_of_the_source_of_who_adopts_it),
        cmocka_unit_test(test_an_orphan_keeps_its_turn),
        cmocka_unit_test(test_an_orphan_that_nobody_wants_goes),
        cmocka_unit_test(test_the_table_has_an_end),
        cmocka_unit_test(test_one_that_rides_has_no_place_and_waits_for_none),
        cmocka_unit_test(test_one_that_rides_is_joined),
        cmocka_unit_test(
            test_what_flies_or_waits_is_joined_by_one_that_would_ride),
        cmocka_unit_test(test_one_that_rides_is_an_orphan_when_its_owner_dies),
        cmocka_unit_test(test_a_ride_ends_at_its_millisecond),
        cmocka_unit_test(test_a_ride_is_begun_anew_by_its_owner_alone),
        cmocka_unit_test(test_a_full_table_has_no_seat),
        cmocka_unit_test(test_a_million_events_are_as_the_model_says)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
