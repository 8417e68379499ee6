/*
 * sector_store_room: where an entry is when readers do not look, and how
 * room is made for the next one.
 *
 *                 put                  evict, expire, delete, replace
 *     allocator ------> queue + bucket ------------------------+
 *         ^               |                                    |
 *         |         clear | (constant time)                    |
 *         |               v              sweep                 v
 *         |            cleared + bucket -----------------> retired
 *         |                                                    |
 *         +----------------------------------------------------+
 *                 reclaim: every reader has passed
 *
 * Eviction is SIEVE (Zhang et al., NSDI '24): a queue in the order of
 * insertion and a hand that goes from its oldest entry to its newest and
 * around; it clears the bit of an entry that was visited and takes the first
 * that was not.  Two things are added: the hand passes at most
 * SECTOR_STORE_HAND_STEPS entries a time and then takes the next one anyway,
 * because it moves with the lock held; and a new version of an entry takes
 * its predecessor's place, visited, because somebody asked for that key
 * again.
 *
 * A value that is refused should cost no entry.  So what is too large for
 * this region is refused before anything is looked at (sector_store_write.c),
 * and before the first of several victims goes, what they and the free memory
 * come to is added up.  Memory may still be in pieces, none of them large
 * enough: an allocator does not tell, and then some go in vain.
 */

#include "sector_store_internal.h"


static unsigned sector_store_worth_locked(sector_store_t *st, size_t cost,
    const sector_store_entry_t *keep, uint64_t now_ms);
static unsigned sector_store_evict_locked(sector_store_t *st,
    const sector_store_entry_t *keep, uint64_t now_ms);
static sector_store_entry_t *sector_store_victim_locked(sector_store_t *st,
    const sector_store_entry_t *keep, uint64_t now_ms);
static void sector_store_dequeue_locked(sector_store_t *st,
    sector_store_entry_t *e);
static void sector_store_retire_locked(sector_store_t *st,
    sector_store_entry_t *e);
static unsigned sector_store_reclaim_locked(sector_store_t *st);
static unsigned sector_store_wait_locked(sector_store_t *st);
static unsigned sector_store_sweep_locked(sector_store_t *st);
static void sector_store_append(sector_store_list_t *list,
    sector_store_entry_t *e);


/* Every round of the loop frees something, or is the last one. */
sector_store_entry_t *
sector_store_alloc_locked(sector_store_t *st, size_t bytes,
    const sector_store_entry_t *keep, uint64_t now_ms)
{
    size_t                 cost;
    unsigned               evicted, rounds;
    sector_store_shm_t    *shm;
    sector_store_entry_t  *e;

    shm = st->shm;
    cost = st->ops.rounded(st->ops.ctx, bytes);
    evicted = 0;

    for (rounds = 0; rounds < 4 * SECTOR_STORE_EVICT_MAX; rounds++) {

        e = st->ops.alloc(st->ops.ctx, bytes);

        if (e != NULL) {
            shm->used_bytes += cost;
            return e;
        }

        if (sector_store_reclaim_locked(st)
            || sector_store_sweep_locked(st))
        {
            continue;
        }

        if (shm->retired_bytes >= cost) {

            /* enough was taken: what lacks is that readers leave it */

            if (sector_store_wait_locked(st)) {
                continue;
            }

            return NULL;
        }

        if (evicted == 0
            && !sector_store_worth_locked(st, cost, keep, now_ms))
        {
            return NULL;
        }

        if (evicted++ == SECTOR_STORE_EVICT_MAX
            || !sector_store_evict_locked(st, keep, now_ms))
        {
            return NULL;
        }
    }

    return NULL;
}


/* Whether as many as may be evicted for one, and what is free already, come
 * to what it takes: first those that nobody visited, as the hand does.  Where
 * even the smallest entries do, none is looked at. */
static unsigned
sector_store_worth_locked(sector_store_t *st, size_t cost,
    const sector_store_entry_t *keep, uint64_t now_ms)
{
    unsigned                     seen, taken, visited, dead;
    uint64_t                     bytes;
    sector_store_shm_t          *shm;
    const sector_store_entry_t  *e;

    shm = st->shm;

    if (cost <= SECTOR_STORE_EVICT_MAX * sizeof(sector_store_entry_t)
        && shm->entries > SECTOR_STORE_EVICT_MAX)
    {
        return 1;
    }

    bytes = shm->room_bytes - shm->used_bytes + shm->retired_bytes;
    taken = 0;

    for (visited = 0; visited < 2; visited++) {

        e = shm->hand;

        for (seen = 0; seen < SECTOR_STORE_HAND_STEPS; seen++) {

            if (bytes >= cost) {
                return 1;
            }

            if (seen == shm->entries || taken == SECTOR_STORE_EVICT_MAX) {
                break;
            }

            e = e != NULL ? e : shm->queue.oldest;
            dead = now_ms >= e->dead_at_ms;

            if ((dead || e != keep)
                && visited == (!dead
                               && atomic_load_explicit(&e->visited,
                                                       memory_order_relaxed)))
            {
                bytes += sector_store_cost(st, e);
                taken++;
            }

            e = e->newer;
        }
    }

    return bytes >= cost;
}


/* Removes one entry, any but keep; returns how many, 0 or 1. */
static unsigned
sector_store_evict_locked(sector_store_t *st,
    const sector_store_entry_t *keep, uint64_t now_ms)
{
    sector_store_entry_t  *e;

    e = sector_store_victim_locked(st, keep, now_ms);

    if (e == NULL) {
        return 0;
    }

    sector_store_count(st, now_ms >= e->dead_at_ms ? SECTOR_STAT_EXPIRE
                                                   : SECTOR_STAT_EVICT);
    sector_store_remove_locked(st, e);

    return 1;
}


/* Moves the hand to the entry to be evicted: any but keep, unless that one
 * is past every window.  NULL: there is none. */
static sector_store_entry_t *
sector_store_victim_locked(sector_store_t *st,
    const sector_store_entry_t *keep, uint64_t now_ms)
{
    unsigned               steps;
    sector_store_shm_t    *shm;
    sector_store_entry_t  *e;

    shm = st->shm;
    e = shm->hand;

    for (steps = 0; /* void */ ; steps++) {

        if (e == NULL) {
            e = shm->queue.oldest;
        }

        if (e == NULL || now_ms >= e->dead_at_ms) {
            break;
        }

        if (e == keep) {
            if (shm->queue.oldest == shm->queue.newest) {
                return NULL;
            }

        } else if (steps >= SECTOR_STORE_HAND_STEPS
                   || !atomic_load_explicit(&e->visited,
                                            memory_order_relaxed))
        {
            break;

        } else {
            atomic_store_explicit(&e->visited, 0, memory_order_relaxed);
        }

        e = e->newer;
    }

    shm->hand = e;

    return e;
}


/* Looks at the few entries that the cursor comes to; it goes around the
 * queue, so that a hot oldest entry hides no dead ones behind it. */
void
sector_store_expire_locked(sector_store_t *st, uint64_t now_ms)
{
    unsigned               i;
    sector_store_shm_t    *shm;
    sector_store_entry_t  *e;

    shm = st->shm;

    for (i = 0; i < SECTOR_STORE_EXPIRE_STEP; i++) {

        e = shm->cursor != NULL ? shm->cursor : shm->queue.oldest;

        if (e == NULL) {
            return;
        }

        shm->cursor = e->newer;

        if (now_ms >= e->dead_at_ms) {
            sector_store_count(st, SECTOR_STAT_EXPIRE);
            sector_store_remove_locked(st, e);
        }
    }
}


void
sector_store_enqueue_locked(sector_store_t *st, sector_store_entry_t *e,
    sector_store_entry_t *old)
{
    sector_store_shm_t  *shm;

    shm = st->shm;

    if (old == NULL) {
        e->u.older = shm->queue.newest;
        sector_store_append(&shm->queue, e);
        shm->entries++;
        return;
    }

    e->newer = old->newer;
    e->u.older = old->u.older;

    if (e->newer != NULL) {
        e->newer->u.older = e;

    } else {
        shm->queue.newest = e;
    }

    if (e->u.older != NULL) {
        e->u.older->newer = e;

    } else {
        shm->queue.oldest = e;
    }

    if (shm->hand == old) {
        shm->hand = e;
    }

    if (shm->cursor == old) {
        shm->cursor = e;
    }

    SECTOR_STORE_FAILPOINT(PUT_QUEUED);

    sector_store_retire_locked(st, old);
}


void
sector_store_remove_locked(sector_store_t *st, sector_store_entry_t *e)
{
    sector_store_unlink_locked(st, e, NULL);

    SECTOR_STORE_FAILPOINT(UNLINKED);

    sector_store_dequeue_locked(st, e);

    SECTOR_STORE_FAILPOINT(UNQUEUED);

    sector_store_retire_locked(st, e);
}


/* Takes an entry out of the queue; hand and cursor step over it. */
static void
sector_store_dequeue_locked(sector_store_t *st, sector_store_entry_t *e)
{
    sector_store_shm_t  *shm;

    shm = st->shm;

    if (e->newer != NULL) {
        e->newer->u.older = e->u.older;

    } else {
        shm->queue.newest = e->u.older;
    }

    if (e->u.older != NULL) {
        e->u.older->newer = e->newer;

    } else {
        shm->queue.oldest = e->newer;
    }

    if (shm->hand == e) {
        shm->hand = e->newer;
    }

    if (shm->cursor == e) {
        shm->cursor = e->newer;
    }

    shm->entries--;
}


/* Keeps an unlinked entry until every reader that may hold it has left. */
static void
sector_store_retire_locked(sector_store_t *st, sector_store_entry_t *e)
{
    sector_store_shm_t  *shm;

    shm = st->shm;

    sector_store_append(&shm->retired, e);

    shm->retired_n++;
    shm->retired_bytes += sector_store_cost(st, e);

    SECTOR_STORE_FAILPOINT(RETIRED);

    e->u.retired_epoch = sector_store_advance_locked(st);

    SECTOR_STORE_FAILPOINT(RETIRED_EPOCH);
}


/* Frees what no reader can be in any more, oldest first; returns how many.
 * Looks for dead readers only when they would have stopped it. */
static unsigned
sector_store_reclaim_locked(sector_store_t *st)
{
    size_t                 cost;
    unsigned               n;
    uint64_t               oldest;
    sector_store_shm_t    *shm;
    sector_store_entry_t  *e;

    shm = st->shm;

    if (shm->retired.oldest == NULL) {
        return 0;
    }

    oldest = sector_store_oldest_locked(st);

    for (n = 0; n < SECTOR_STORE_RECLAIM_STEP; n++) {

        e = shm->retired.oldest;

        if (e == NULL || e->u.retired_epoch >= oldest) {
            break;
        }

        shm->retired.oldest = e->newer;
        cost = sector_store_cost(st, e);

        SECTOR_STORE_FAILPOINT(RECLAIM_POPPED);

        st->ops.free(st->ops.ctx, e);

        SECTOR_STORE_FAILPOINT(RECLAIM_FREED);

        shm->retired_n--;
        shm->retired_bytes -= cost;
        shm->used_bytes -= cost;
    }

    return n;
}


/* Room being short, looks for dead readers and, in vain, gives the living
 * ones some microseconds to leave; returns how many entries were freed. */
static unsigned
sector_store_wait_locked(sector_store_t *st)
{
    unsigned             i;
    uint64_t             epoch;
    sector_store_shm_t  *shm;

    shm = st->shm;
    epoch = shm->retired.oldest->u.retired_epoch;

    sector_store_bury_locked(st, epoch);

    for (i = 0; i < SECTOR_STORE_WAIT_SPINS; i++) {
        if (sector_store_oldest_locked(st) > epoch) {
            break;
        }
    }

    return sector_store_reclaim_locked(st);
}


/* Unlinks and retires some of the entries that were cleared; returns how
 * many. */
static unsigned
sector_store_sweep_locked(sector_store_t *st)
{
    unsigned               n;
    sector_store_shm_t    *shm;
    sector_store_entry_t  *e;

    shm = st->shm;

    for (n = 0; n < SECTOR_STORE_SWEEP_STEP; n++) {

        e = shm->cleared.oldest;

        if (e == NULL) {
            break;
        }

        shm->cleared.oldest = e->newer;

        SECTOR_STORE_FAILPOINT(SWEEP_POPPED);

        sector_store_unlink_locked(st, e, NULL);
        sector_store_retire_locked(st, e);
    }

    return n;
}


void
sector_store_set_aside_locked(sector_store_t *st)
{
    sector_store_shm_t  *shm;

    shm = st->shm;

    if (shm->queue.oldest == NULL) {
        return;
    }

    if (shm->cleared.oldest == NULL) {
        shm->cleared = shm->queue;

    } else {
        shm->cleared.newest->newer = shm->queue.oldest;
        shm->cleared.newest = shm->queue.newest;
    }

    shm->queue = (sector_store_list_t) { NULL, NULL };
    shm->hand = NULL;
    shm->cursor = NULL;
    shm->entries = 0;
}


void
sector_store_tidy_locked(sector_store_t *st)
{
    sector_store_shm_t  *shm;

    shm = st->shm;

    (void) sector_store_sweep_locked(st);

    if (!sector_store_reclaim_locked(st)
        && shm->retired_n >= SECTOR_STORE_RETIRED_MANY)
    {
        sector_store_bury_locked(st, shm->retired.oldest->u.retired_epoch);
        (void) sector_store_reclaim_locked(st);
    }
}


/* Adds an entry as the newest of a list. */
static void
sector_store_append(sector_store_list_t *list, sector_store_entry_t *e)
{
    e->newer = NULL;

    if (list->oldest == NULL) {
        list->oldest = e;

    } else {
        list->newest->newer = e;
    }

    list->newest = e;
}
