/*
 * sector_flight: one fetch per key, places, and an ordered queue.
 *
 * A table that is searched from end to end, on purpose.  A process may be
 * killed between any two instructions with the lock held, and nobody repairs
 * anything afterwards: so there are no lists, no counts beside what they
 * count and no hash chains that could be left in halves.  How many places are
 * taken is how many slots say so; who is next is the lowest ticket.  Every
 * slot stands for itself, and its state is the last thing written when it is
 * filled and the first when it is freed.  The table is as long as what is in
 * flight, some dozens of slots, and it is searched once for a miss, which then
 * takes milliseconds.
 *
 * An id is a ticket, which grows, and the slot's number below it: so a slot
 * is found without a search, an id is never used twice, and the order of ids
 * is the order of coming.  An orphan keeps its id, and so its turn.
 *
 * Turned down: a queue of lists (to be repaired after a death, or emptied with
 * all who wait in it); a place as a counter (a killed owner never counts it
 * down, which is how breakers and semaphores leak permits); a flight for each
 * zone (places and queue are the source's, whatever zones it serves).
 */

#include <stdatomic.h>
#include <string.h>

#include "sector_flight.h"


#define SECTOR_FLIGHT_SEEN  16


/* A process that was looked at during this search. */

typedef struct {
    int32_t     pid;            /* 0: none */
    int         dead;
} sector_flight_seen_t;


static int sector_flight_follow(sector_flight_table_t *t,
    const sector_flight_want_t *want, uint64_t *id);
static sector_flight_slot_t *sector_flight_begin(sector_flight_table_t *t,
    const sector_flight_want_t *want, uint64_t now_ms);
static sector_flight_slot_t *sector_flight_slot(
    const sector_flight_table_t *t, uint64_t id);
static sector_flight_slot_t *sector_flight_vacant(sector_flight_table_t *t,
    uint64_t now_ms);
static void sector_flight_place(sector_flight_slot_t *slot,
    const sector_flight_policy_t *policy, const sector_flight_want_t *want,
    int place, uint64_t now_ms);
static void sector_flight_set(sector_flight_slot_t *slot,
    sector_flight_state_e state);
static void sector_flight_free(sector_flight_table_t *t,
    sector_flight_slot_t *slot);
static uint64_t sector_flight_add(uint64_t a, uint64_t b);
static int sector_flight_lost(const sector_flight_slot_t *slot,
    const sector_flight_reaper_t *reaper, sector_flight_seen_t *seen,
    uint64_t now_ms);
static int sector_flight_dead(int32_t pid,
    const sector_flight_reaper_t *reaper, sector_flight_seen_t *seen);


void
sector_flight_init(sector_flight_table_t *t, uint64_t ticket)
{
    t->ticket = ticket;
    t->used = 0;
}


sector_flight_join_e
sector_flight_join(sector_flight_table_t *t,
    const sector_flight_policy_t *policy, const sector_flight_want_t *want,
    uint64_t now_ms, uint64_t *id)
{
    int                    place;
    uint64_t               running, waiting;
    sector_flight_slot_t  *slot;

    if (sector_flight_follow(t, want, id)) {
        return SECTOR_FLIGHT_JOINED;
    }

    sector_flight_count(t, policy->source, &running, &waiting);

    place = (running < policy->concurrency && waiting == 0);

    if (!place && waiting >= policy->queue) {
        return SECTOR_FLIGHT_FULL;
    }

    slot = sector_flight_begin(t, want, now_ms);

    if (slot == NULL) {
        return SECTOR_FLIGHT_FULL;
    }

    *id = slot->id;

    sector_flight_place(slot, policy, want, place, now_ms);

    return place ? SECTOR_FLIGHT_LEAD : SECTOR_FLIGHT_QUEUED;
}


/* One lease for the wait and the call together would keep those who joined
 * behind a process that stands still for both. */

sector_flight_join_e
sector_flight_ride(sector_flight_table_t *t,
    const sector_flight_policy_t *policy, const sector_flight_want_t *want,
    int place, uint64_t now_ms, uint64_t *id)
{
    uint64_t               deadline_ms;
    sector_flight_slot_t  *slot;

    deadline_ms = sector_flight_add(now_ms, place ? policy->lease_ms
                                                  : policy->queue_lease_ms);

    slot = sector_flight_slot(t, *id);

    if (slot != NULL && slot->state == SECTOR_FLIGHT_RIDING
        && slot->owner == want->owner)
    {
        slot->deadline_ms = deadline_ms;
        return SECTOR_FLIGHT_LEAD;
    }

    if (sector_flight_follow(t, want, id)) {
        return SECTOR_FLIGHT_JOINED;
    }

    slot = sector_flight_begin(t, want, now_ms);

    if (slot == NULL) {
        return SECTOR_FLIGHT_FULL;
    }

    *id = slot->id;

    slot->source = policy->source;
    slot->owner = want->owner;
    slot->line = want->line;
    slot->lease = (sector_flight_lease_t) { { 0, 0 } };
    slot->deadline_ms = deadline_ms;

    sector_flight_set(slot, SECTOR_FLIGHT_RIDING);

    return SECTOR_FLIGHT_LEAD;
}


/* Joins the flight of a key: 1, and its number in *id; or 0, there is none. */

static int
sector_flight_follow(sector_flight_table_t *t,
    const sector_flight_want_t *want, uint64_t *id)
{
    *id = sector_flight_find(t, want);

    if (*id == 0) {
        return 0;
    }

    sector_flight_slot(t, *id)->lines |= (uint64_t) 1 << want->line;

    return 1;
}


/* A slot for a flight of a key, still marked free; NULL: there is none. */

static sector_flight_slot_t *
sector_flight_begin(sector_flight_table_t *t, const sector_flight_want_t *want,
    uint64_t now_ms)
{
    sector_flight_slot_t  *slot;

    slot = sector_flight_vacant(t, now_ms);

    if (slot == NULL) {
        return NULL;
    }

    slot->id = ++t->ticket * SECTOR_FLIGHT_MAX + (uint64_t) (slot - t->slots);
    slot->zone = want->zone;
    slot->lines = 0;
    slot->key_len = (uint32_t) want->key_len;

    if (want->key_len != 0) {
        memcpy(slot->key, want->key, want->key_len);
    }

    return slot;
}


uint64_t
sector_flight_find(const sector_flight_table_t *t,
    const sector_flight_want_t *want)
{
    uint32_t                     i;
    const sector_flight_slot_t  *slot;

    if (want->key_len == 0) {
        return 0;
    }

    for (i = 0; i < t->used; i++) {
        slot = &t->slots[i];

        if (slot->state != SECTOR_FLIGHT_GONE
            && slot->state != SECTOR_FLIGHT_DONE
            && slot->key_len == want->key_len
            && slot->zone == want->zone
            && memcmp(slot->key, want->key, want->key_len) == 0)
        {
            return slot->id;
        }
    }

    return 0;
}


sector_flight_state_e
sector_flight_look(const sector_flight_table_t *t, uint64_t id)
{
    sector_flight_slot_t  *slot;

    slot = sector_flight_slot(t, id);

    return slot != NULL ? slot->state : SECTOR_FLIGHT_GONE;
}


int
sector_flight_owned(const sector_flight_table_t *t, uint64_t id, int32_t owner)
{
    sector_flight_slot_t  *slot;

    slot = sector_flight_slot(t, id);

    return slot != NULL
           && slot->owner == owner
           && (slot->state == SECTOR_FLIGHT_RUNNING
               || slot->state == SECTOR_FLIGHT_RIDING
               || slot->state == SECTOR_FLIGHT_WAITING);
}


int32_t
sector_flight_owner(const sector_flight_table_t *t, uint64_t id)
{
    sector_flight_slot_t  *slot;

    slot = sector_flight_slot(t, id);

    return slot != NULL && sector_flight_owned(t, id, slot->owner)
           ? slot->owner : 0;
}


int
sector_flight_renew(sector_flight_table_t *t, uint64_t id, int32_t owner,
    const sector_flight_policy_t *policy, uint64_t now_ms)
{
    sector_flight_slot_t  *slot;

    slot = sector_flight_slot(t, id);

    if (slot == NULL || slot->owner != owner
        || slot->state != SECTOR_FLIGHT_RUNNING)
    {
        return -1;
    }

    slot->deadline_ms = sector_flight_add(now_ms, policy->lease_ms);

    return 0;
}


void
sector_flight_hold(sector_flight_table_t *t, uint64_t id,
    const sector_flight_lease_t *lease)
{
    sector_flight_slot_t  *slot;

    slot = sector_flight_slot(t, id);

    if (slot != NULL) {
        slot->lease = *lease;
    }
}


/* The outcome is complete before the state says that it is there. */

uint64_t
sector_flight_end(sector_flight_table_t *t, uint64_t id, int32_t owner,
    const sector_flight_outcome_t *outcome, uint64_t now_ms)
{
    uint64_t               lines;
    sector_flight_slot_t  *slot;

    if (!sector_flight_owned(t, id, owner)) {
        return 0;
    }

    slot = sector_flight_slot(t, id);

    lines = slot->lines;

    if (lines == 0 || outcome == NULL) {
        sector_flight_free(t, slot);
        return lines;
    }

    slot->outcome = *outcome;
    slot->deadline_ms = sector_flight_add(now_ms, SECTOR_FLIGHT_KEEP_MS);
    slot->lease = (sector_flight_lease_t) { { 0, 0 } };

    sector_flight_set(slot, SECTOR_FLIGHT_DONE);

    return lines;
}


const sector_flight_outcome_t *
sector_flight_outcome(const sector_flight_table_t *t, uint64_t id)
{
    sector_flight_slot_t  *slot;

    slot = sector_flight_slot(t, id);

    return slot != NULL && slot->state == SECTOR_FLIGHT_DONE ? &slot->outcome
                                                             : NULL;
}


sector_flight_join_e
sector_flight_adopt(sector_flight_table_t *t, uint64_t id,
    const sector_flight_policy_t *policy, const sector_flight_want_t *want,
    uint64_t now_ms)
{
    int                    place;
    uint64_t               running, waiting;
    sector_flight_slot_t  *slot;

    slot = sector_flight_slot(t, id);

    if (slot == NULL || slot->state == SECTOR_FLIGHT_DONE) {
        return SECTOR_FLIGHT_FULL;
    }

    if (slot->state != SECTOR_FLIGHT_ORPHAN) {
        return SECTOR_FLIGHT_JOINED;
    }

    sector_flight_count(t, policy->source, &running, &waiting);

    place = (running < policy->concurrency);

    sector_flight_place(slot, policy, want, place, now_ms);

    return place ? SECTOR_FLIGHT_LEAD : SECTOR_FLIGHT_QUEUED;
}


uint64_t
sector_flight_grant(sector_flight_table_t *t,
    const sector_flight_policy_t *policy, uint64_t now_ms)
{
    uint32_t               i;
    uint64_t               running, waiting, lines;
    sector_flight_slot_t  *slot, *first;

    lines = 0;

    sector_flight_count(t, policy->source, &running, &waiting);

    for ( /* void */ ; running < policy->concurrency && waiting != 0;
         running++, waiting--)
    {
        first = NULL;

        for (i = 0; i < t->used; i++) {
            slot = &t->slots[i];

            if (slot->state == SECTOR_FLIGHT_WAITING
                && slot->source == policy->source
                && (first == NULL || slot->id < first->id))
            {
                first = slot;
            }
        }

        first->deadline_ms = sector_flight_add(now_ms, policy->lease_ms);
        sector_flight_set(first, SECTOR_FLIGHT_RUNNING);

        lines |= (uint64_t) 1 << first->line;
    }

    return lines;
}


uint64_t
sector_flight_reap(sector_flight_table_t *t,
    const sector_flight_reaper_t *reaper, uint64_t now_ms)
{
    uint32_t               i;
    uint64_t               lines;
    sector_flight_slot_t  *slot;
    sector_flight_seen_t   seen[SECTOR_FLIGHT_SEEN];

    lines = 0;
    memset(seen, 0, sizeof(seen));

    for (i = 0; i < t->used; i++) {
        slot = &t->slots[i];

        if (!sector_flight_lost(slot, reaper, seen, now_ms)) {
            continue;
        }

        if (slot->lease.held[0] != 0 || slot->lease.held[1] != 0) {
            reaper->freed(reaper->ctx, slot->source, &slot->lease);
            slot->lease = (sector_flight_lease_t) { { 0, 0 } };
        }

        if (slot->lines == 0
            || (slot->state != SECTOR_FLIGHT_WAITING
                && slot->state != SECTOR_FLIGHT_RIDING
                && slot->state != SECTOR_FLIGHT_RUNNING))
        {
            sector_flight_free(t, slot);
            continue;
        }

        slot->deadline_ms = sector_flight_add(now_ms, SECTOR_FLIGHT_KEEP_MS);
        sector_flight_set(slot, SECTOR_FLIGHT_ORPHAN);

        lines |= slot->lines;
    }

    return lines;
}


/* Whether a slot's owner or time is gone. */

static int
sector_flight_lost(const sector_flight_slot_t *slot,
    const sector_flight_reaper_t *reaper, sector_flight_seen_t *seen,
    uint64_t now_ms)
{
    if (slot->state == SECTOR_FLIGHT_GONE) {
        return 0;
    }

    if (now_ms >= slot->deadline_ms) {
        return 1;
    }

    if (slot->state == SECTOR_FLIGHT_DONE
        || slot->state == SECTOR_FLIGHT_ORPHAN)
    {
        return 0;
    }

    return slot->owner == reaper->gone
           || sector_flight_dead(slot->owner, reaper, seen);
}


/* To look for a process is a system call, with the lock held: a few workers
 * own all flights, so it is asked once for each. */

static int
sector_flight_dead(int32_t pid, const sector_flight_reaper_t *reaper,
    sector_flight_seen_t *seen)
{
    seen += (uint32_t) pid % SECTOR_FLIGHT_SEEN;

    if (seen->pid != pid) {
        seen->pid = pid;
        seen->dead = !reaper->alive(reaper->ctx, pid);
    }

    return seen->dead;
}


void
sector_flight_count(const sector_flight_table_t *t, uint64_t source,
    uint64_t *running, uint64_t *waiting)
{
    uint32_t  i;

    *running = 0;
    *waiting = 0;

    for (i = 0; i < t->used; i++) {
        if (t->slots[i].source == source) {
            *running += (t->slots[i].state == SECTOR_FLIGHT_RUNNING);
            *waiting += (t->slots[i].state == SECTOR_FLIGHT_WAITING);
        }
    }
}


/* The slot of an id that is still in use, or NULL. */

static sector_flight_slot_t *
sector_flight_slot(const sector_flight_table_t *t, uint64_t id)
{
    const sector_flight_slot_t  *slot;

    slot = &t->slots[id % SECTOR_FLIGHT_MAX];

    if (id % SECTOR_FLIGHT_MAX >= t->used
        || slot->state == SECTOR_FLIGHT_GONE
        || slot->id != id)
    {
        return NULL;
    }

    return (sector_flight_slot_t *) slot;
}


/* A free slot, the lowest, or one whose outcome was kept long enough; NULL:
 * there is none.  One that was never used is marked free before it counts. */

static sector_flight_slot_t *
sector_flight_vacant(sector_flight_table_t *t, uint64_t now_ms)
{
    uint32_t               i;
    sector_flight_slot_t  *slot;

    for (i = 0; i < t->used; i++) {
        slot = &t->slots[i];

        if (slot->state == SECTOR_FLIGHT_DONE && now_ms >= slot->deadline_ms) {
            sector_flight_set(slot, SECTOR_FLIGHT_GONE);
        }

        if (slot->state == SECTOR_FLIGHT_GONE) {
            return slot;
        }
    }

    if (t->used == SECTOR_FLIGHT_MAX) {
        return NULL;
    }

    slot = &t->slots[t->used];

    sector_flight_set(slot, SECTOR_FLIGHT_GONE);
    t->used++;

    return slot;
}


/* Gives a flight an owner, and a place or its turn in the queue: of the source
 * that this one fetches from, which need not be the one of whoever had the key
 * before. */

static void
sector_flight_place(sector_flight_slot_t *slot,
    const sector_flight_policy_t *policy, const sector_flight_want_t *want,
    int place, uint64_t now_ms)
{
    slot->source = policy->source;
    slot->owner = want->owner;
    slot->line = want->line;
    slot->lease = (sector_flight_lease_t) { { 0, 0 } };
    slot->deadline_ms = sector_flight_add(now_ms, place
                                                  ? policy->lease_ms
                                                  : policy->queue_lease_ms);

    sector_flight_set(slot, place ? SECTOR_FLIGHT_RUNNING
                                  : SECTOR_FLIGHT_WAITING);
}


/* What was written before it is there before it, for whoever finds the slot
 * after a death: the lock is the kernel's business and the compiler's is
 * this. */

static void
sector_flight_set(sector_flight_slot_t *slot, sector_flight_state_e state)
{
    atomic_signal_fence(memory_order_seq_cst);
    slot->state = state;
    atomic_signal_fence(memory_order_seq_cst);
}


static void
sector_flight_free(sector_flight_table_t *t, sector_flight_slot_t *slot)
{
    sector_flight_set(slot, SECTOR_FLIGHT_GONE);

    while (t->used != 0 && t->slots[t->used - 1].state == SECTOR_FLIGHT_GONE) {
        t->used--;
    }
}


static uint64_t
sector_flight_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
