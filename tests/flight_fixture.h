/*
 * flight_fixture: one table of flights, and processes that come, hold and die.
 * Include it after cmocka.h.
 */

#ifndef FLIGHT_FIXTURE_H
#define FLIGHT_FIXTURE_H


#include <string.h>

#include "sector_flight.h"


#define LEASE  1000
#define QUEUE  500


static sector_flight_table_t   table;
static int32_t                 dead;        /* this process is */
static unsigned                freed;       /* leases */
static unsigned                looked;      /* for processes */
static sector_flight_lease_t   last_freed;

static const sector_flight_policy_t  policy = { 7, 2, 3, LEASE, QUEUE };


static inline void
begin(void)
{
    memset(&table, 0xa5, sizeof(table));
    sector_flight_init(&table, 1000);
    dead = 0;
    freed = 0;
}


static inline sector_flight_want_t
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


static inline sector_flight_join_e
join(const char *key, int32_t owner, uint64_t now, uint64_t *id)
{
    sector_flight_want_t  want;

    want = want_of(key, owner);

    return sector_flight_join(&table, &policy, &want, now, id);
}


/* Begins to ride anew where *id is a number. */
static inline sector_flight_join_e
ride_on(int place, const char *key, int32_t owner, uint64_t now, uint64_t *id)
{
    sector_flight_want_t  want;

    want = want_of(key, owner);

    return sector_flight_ride(&table, &policy, &want, place, now, id);
}


/* The same, on a flight that waits for its place. */
static inline sector_flight_join_e
ride(const char *key, int32_t owner, uint64_t now, uint64_t *id)
{
    return ride_on(0, key, owner, now, id);
}


static inline sector_flight_join_e
adopt(uint64_t id, int32_t owner, uint64_t now)
{
    sector_flight_want_t  want;

    want = want_of("", owner);

    return sector_flight_adopt(&table, id, &policy, &want, now);
}


static inline int
alive(void *ctx, int32_t pid)
{
    (void) ctx;

    looked++;

    return pid != dead;
}


static inline void
note_freed(void *ctx, uint64_t source, const sector_flight_lease_t *lease)
{
    (void) ctx;

    assert_int_equal(source, policy.source);
    freed++;
    last_freed = *lease;
}


static inline uint64_t
reap(int32_t gone, uint64_t now)
{
    sector_flight_reaper_t  reaper = { alive, note_freed, NULL, gone };

    return sector_flight_reap(&table, &reaper, now);
}


static inline void
expect(uint64_t running, uint64_t waiting)
{
    uint64_t  r, w;

    sector_flight_count(&table, policy.source, &r, &w);
    assert_int_equal(r, running);
    assert_int_equal(w, waiting);
}


#endif /* FLIGHT_FIXTURE_H */
