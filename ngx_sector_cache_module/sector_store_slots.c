/*
 * sector_store_slots: the lock, what follows from a death under it, the
 * slots of the processes, their epochs and their counters.
 *
 * The order of stores around the mark.  A killed process stops between two
 * instructions: what it stored before is seen by whoever takes the lock
 * after it (the kernel and the forced unlock lie between), what it would
 * have stored after is not.  So the mark needs only to keep its place among
 * the stores of one process, and an exchange (nothing moves up across it) and
 * a release store (nothing moves down across it) see to that.
 *
 * Emptying is written to be died in.  Each step may be done twice, the phase
 * is changed to DRAINING first and back to OPEN last, and the mark of whoever
 * dies on the way makes the next one begin anew.  RECOVERY is therefore not
 * added to but set to a number that was fixed before the phase changed.
 */

#include "sector_store_internal.h"


static void sector_store_empty_locked(sector_store_t *st);
static void sector_store_forget_locked(sector_store_t *st);
static void sector_store_drain_locked(sector_store_t *st);
static void sector_store_join_locked(sector_store_t *st);
static sector_store_slot_t *sector_store_vacant_locked(sector_store_t *st,
    int32_t pid);


/* Takes the lock, and finishes what a dead owner of it left behind. */
void
sector_store_lock(sector_store_t *st)
{
    uint32_t             died;
    sector_store_shm_t  *shm;

    shm = st->shm;

    st->ops.lock(st->ops.ctx);

    died = atomic_exchange(&shm->writer, 1);

    SECTOR_STORE_FAILPOINT(LOCKED);

    if (died && SECTOR_STORE_RECOVERS) {
        sector_store_empty_locked(st);
        st->recovered = 1;
    }

    if (shm->phase == SECTOR_STORE_DRAINING) {
        sector_store_drain_locked(st);
    }
}


/* Releases the lock. */
void
sector_store_unlock(sector_store_t *st)
{
    SECTOR_STORE_FAILPOINT(UNLOCK);

    sector_store_unmark_locked(st);

    SECTOR_STORE_FAILPOINT(UNMARKED);

    st->ops.unlock(st->ops.ctx);

    if (st->recovered) {
        st->recovered = 0;
        st->ops.recovered(st->ops.ctx);
    }
}


/* Clears the mark while the lock is held: a death from here on harms none. */
void
sector_store_unmark_locked(sector_store_t *st)
{
    atomic_store_explicit(&st->shm->writer, 0, memory_order_release);
}


/* Takes everything out of readers' sight and forgets all lists, which a dead
 * writer may have left in any state.  Memory is not touched. */
static void
sector_store_empty_locked(sector_store_t *st)
{
    uint64_t             i;
    sector_store_shm_t  *shm;

    shm = st->shm;

    if (shm->phase != SECTOR_STORE_DRAINING) {
        shm->recoveries = 1 + atomic_load_explicit(
                                  &shm->counters[SECTOR_STAT_RECOVERY],
                                  memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        shm->phase = SECTOR_STORE_DRAINING;
        atomic_signal_fence(memory_order_seq_cst);
    }

    SECTOR_STORE_FAILPOINT(EMPTY_BEGUN);

    atomic_store_explicit(&shm->counters[SECTOR_STAT_RECOVERY],
                          shm->recoveries, memory_order_relaxed);

    SECTOR_STORE_FAILPOINT(EMPTY_COUNTED);

    atomic_fetch_add(&shm->generation, 1);

    for (i = 0; i <= shm->mask; i++) {
        atomic_store(&shm->buckets[i], NULL);

        if (i == shm->mask / 2) {
            SECTOR_STORE_FAILPOINT(EMPTY_HALF);
        }
    }

    SECTOR_STORE_FAILPOINT(EMPTY_PUBLISHED);

    shm->drain_epoch = sector_store_advance_locked(st);

    sector_store_forget_locked(st);

    SECTOR_STORE_FAILPOINT(EMPTY_DROPPED);
}


/* Drops all lists and what was counted along them; what was stored is lost. */
static void
sector_store_forget_locked(sector_store_t *st)
{
    sector_store_shm_t  *shm;

    shm = st->shm;

    shm->queue = (sector_store_list_t) { NULL, NULL };
    shm->cleared = (sector_store_list_t) { NULL, NULL };
    shm->retired = (sector_store_list_t) { NULL, NULL };
    shm->hand = NULL;
    shm->cursor = NULL;
    shm->entries = 0;
    shm->retired_n = 0;
    shm->retired_bytes = 0;
    shm->used_bytes = 0;
    shm->lost_changes = shm->changes;
}


/* Starts the allocator anew, once nobody reads what was in it. */
static void
sector_store_drain_locked(sector_store_t *st)
{
    sector_store_shm_t  *shm;

    shm = st->shm;

    if (sector_store_oldest_locked(st) <= shm->drain_epoch) {
        sector_store_bury_locked(st, shm->drain_epoch);

        if (sector_store_oldest_locked(st) <= shm->drain_epoch) {
            return;
        }
    }

    SECTOR_STORE_FAILPOINT(DRAINED);

    st->ops.reset(st->ops.ctx);

    SECTOR_STORE_FAILPOINT(DRAIN_RESET);

    atomic_signal_fence(memory_order_seq_cst);
    shm->phase = SECTOR_STORE_OPEN;
}


uint64_t
sector_store_oldest_locked(sector_store_t *st)
{
    uint32_t             i;
    uint64_t             epoch, oldest;
    sector_store_shm_t  *shm;

    shm = st->shm;
    oldest = UINT64_MAX;

    for (i = 0; i < shm->slots_used; i++) {
        epoch = atomic_load(&shm->slots[i].epoch);

        if (epoch != 0 && epoch < oldest) {
            oldest = epoch;
        }
    }

    return oldest;
}


void
sector_store_bury_locked(sector_store_t *st, uint64_t epoch)
{
    int32_t               pid;
    uint32_t              i;
    uint64_t              reading;
    sector_store_slot_t  *slot;

    for (i = 0; i < st->shm->slots_used; i++) {
        slot = &st->shm->slots[i];
        reading = atomic_load(&slot->epoch);

        if (reading == 0 || reading > epoch) {
            continue;
        }

        pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);

        if (pid == 0 || !st->ops.alive(st->ops.ctx, pid)) {
            atomic_store(&slot->epoch, 0);
            atomic_store_explicit(&slot->pid, 0, memory_order_relaxed);
        }
    }
}


/* A reader that sees the new epoch sees all that was unlinked before it. */
uint64_t
sector_store_advance_locked(sector_store_t *st)
{
    return atomic_fetch_add(&st->shm->epoch, 1);
}


void
sector_store_attach(sector_store_t *st, int32_t pid)
{
    sector_store_lock(st);
    sector_store_unmark_locked(st);

    st->pid = pid;
    st->slotless = 0;

    sector_store_join_locked(st);

    sector_store_unlock(st);
}


/* Asking the kernel for every slot's owner takes its time; hence not each
 * read does. */
void
sector_store_rejoin_locked(sector_store_t *st)
{
    if (st->pid != 0 && ++st->slotless % SECTOR_STORE_REJOIN == 0) {
        sector_store_join_locked(st);
    }
}


/* Takes a slot, if there is one. */
static void
sector_store_join_locked(sector_store_t *st)
{
    sector_store_slot_t  *slot;

    slot = sector_store_vacant_locked(st, st->pid);

    if (slot != NULL) {
        atomic_store(&slot->epoch, 0);
        SECTOR_STORE_FAILPOINT(SLOT_TAKEN);
        atomic_store_explicit(&slot->pid, st->pid, memory_order_relaxed);
    }

    st->slot = slot;
}


/* Finds a slot for a process: the one that a dead namesake of it left, one
 * that is free, one whose owner is dead, one never used; or NULL. */
static sector_store_slot_t *
sector_store_vacant_locked(sector_store_t *st, int32_t pid)
{
    int32_t               owner;
    uint32_t              i;
    sector_store_shm_t   *shm;
    sector_store_slot_t  *vacant;

    shm = st->shm;

    for (i = 0; i < shm->slots_used; i++) {
        owner = atomic_load_explicit(&shm->slots[i].pid,
                                     memory_order_relaxed);
        if (owner == pid) {
            return &shm->slots[i];
        }
    }

    for (i = 0; i < shm->slots_used; i++) {
        vacant = &shm->slots[i];
        owner = atomic_load_explicit(&vacant->pid, memory_order_relaxed);

        if (owner == 0 || !st->ops.alive(st->ops.ctx, owner)) {
            return vacant;
        }
    }

    if (shm->slots_used == shm->slots_n) {
        return NULL;
    }

    return &shm->slots[shm->slots_used++];
}


void
sector_store_detach(sector_store_t *st)
{
    sector_store_slot_t  *slot;

    slot = st->slot;
    st->pid = 0;

    if (slot == NULL) {
        return;
    }

    sector_store_lock(st);
    sector_store_unmark_locked(st);

    atomic_store(&slot->epoch, 0);
    atomic_store_explicit(&slot->pid, 0, memory_order_relaxed);

    st->slot = NULL;

    sector_store_unlock(st);
}


/* A slot's counters have one writer, so that no read-modify-write is needed;
 * they are atomic for those who add them up meanwhile. */
void
sector_store_count(sector_store_t *st, sector_stat_e stat)
{
    uint64_t           n;
    _Atomic uint64_t  *counter;

    if (st->slot == NULL || stat >= SECTOR_STAT_OUTCOMES) {
        atomic_fetch_add_explicit(&st->shm->counters[stat], 1,
                                  memory_order_relaxed);
        return;
    }

    counter = &st->slot->counters[stat];
    n = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, n + 1, memory_order_relaxed);
}


void
sector_store_sum_locked(sector_store_t *st, uint64_t *counters)
{
    uint32_t             i, slot;
    sector_store_shm_t  *shm;

    shm = st->shm;

    for (i = 0; i < SECTOR_STATS_N; i++) {
        counters[i] = atomic_load_explicit(&shm->counters[i],
                                           memory_order_relaxed);

        for (slot = 0; i < SECTOR_STAT_OUTCOMES && slot < shm->slots_used;
             slot++)
        {
            counters[i] += atomic_load_explicit(
                               &shm->slots[slot].counters[i],
                               memory_order_relaxed);
        }
    }
}
