/*
 * sector_store: making, opening and looking up; and why all is as it is.
 *
 * Who owns what.  Everything in the region is the store's.  Writers change it
 * with the region's one lock held; readers take no lock.  An entry belongs to
 * the writer that builds it, then, once published, to nobody: it does not
 * change any more (but for next, visited and hits, which are atomic), until a
 * writer has unlinked it, has waited for every reader that may be in it, and
 * gives its memory back.
 *
 * Readers and writers.  Before a reader looks at a bucket it writes the
 * current epoch into its own slot, and zero when it is done.  A writer that
 * unlinked an entry notes the epoch of that instant in it, begins the next
 * one, and frees the entry once no slot holds an epoch up to the noted one.
 *
 *     reader                             writer
 *       slot->epoch = E      (a)           link = successor          (c)
 *       e = link             (b)           retired_epoch = epoch++
 *       ... reads e ...                    look at every slot->epoch (d)
 *       slot->epoch = 0                    free, if all are 0 or later
 *
 * The pair to get right is "I store, then I look at what you store", on both
 * sides: either the writer sees the reader at (d) or the reader sees the new
 * link at (b).  No weaker order than sequential consistency promises that,
 * so (a), (b), (c) and (d) are seq_cst operations.  On amd64 this costs the
 * reader one exchange, at (a); (b) is a plain load.  A seq_cst fence after a
 * relaxed (a) would cost the same and is not understood by ThreadSanitizer.
 * A reader whose slot holds a later epoch E has loaded the global epoch after
 * it was advanced, hence after (c), so that it cannot find the entry either.
 * Zero is stored with release: the reader's last look at an entry happens
 * before its memory is used anew by whoever loads that zero.
 *
 * An unlinked entry keeps its own next, so that a reader that stands on it
 * walks on along what was its chain.  All that it can meet there was unlinked
 * after it entered, if at all, and so waits for it.
 *
 * A new version of an entry takes the old one's place in the chain by one
 * store: a reader finds the one or the other, never neither.
 *
 * Clearing changes one number.  Readers load the generation once, after (a),
 * and pass over entries of another; writers take those out later, some with
 * every call.
 *
 * Death.  A writer may be killed between any two instructions.  The mark
 * shm->writer is set while somebody changes anything; whoever takes the lock
 * and finds it set empties the store (sector_store_slots.c).  Buckets and
 * next are changed by single stores, so that readers may go on walking while
 * that happens.  The allocator is not started anew before they have left;
 * until then the store is empty and refuses to store.  A reader may be killed
 * too: its slot goes on holding an epoch until a writer that lacks room, or
 * the next attach, finds that its process is gone.
 *
 * A process without a slot reads with the lock held; all others without.  It
 * looks for a slot again now and then: those that had them end.
 *
 * Turned down: a reader's reference count in each entry (two contended
 * read-modify-writes a hit, and a dead reader's count is never given back);
 * hazard pointers (one exchange for every entry walked over, not one for
 * every lookup); a sequence lock (a reader that copies torn bytes out must
 * not follow a pointer meanwhile, and a value could not be sent from where it
 * lies); read-write and per-bucket locks (nginx's master frees no lock of a
 * dead worker but the slab mutex); LRU (every hit would be a write under the
 * lock); repairing what a dead writer left instead of emptying it (the
 * allocator's own state would have to be repaired too; a cache may forget).
 */

#include <assert.h>
#include <string.h>

#include "sector_store_internal.h"


#define SECTOR_STORE_DICE  2463534242u


static size_t sector_store_layout(uint64_t buckets, uint32_t *slots_n);
static void sector_store_enter(sector_store_t *st);
static void sector_store_show(const sector_store_entry_t *e,
    uint64_t now_ms, sector_store_view_t *view);
static sector_store_state_e sector_store_judge(const sector_store_entry_t *e,
    uint64_t now_ms);


#ifdef SECTOR_STORE_TEST

void (*sector_store_test_fail)(int point);
uint64_t (*sector_store_test_hash)(const void *key, size_t key_len);

#endif


/* Bytes that header, slots and buckets take. */
static size_t
sector_store_layout(uint64_t buckets, uint32_t *slots_n)
{
    uint64_t  n;

    n = buckets / SECTOR_STORE_SLOT_BUCKETS;

    if (n < SECTOR_STORE_SLOTS_MIN) {
        n = SECTOR_STORE_SLOTS_MIN;

    } else if (n > SECTOR_STORE_SLOTS_MAX) {
        n = SECTOR_STORE_SLOTS_MAX;
    }

    *slots_n = (uint32_t) n;

    return sizeof(sector_store_shm_t) + n * sizeof(sector_store_slot_t)
           + buckets * sizeof(sector_store_link_t);
}


/* One bucket for every 512 to 1023 bytes of the region. */
size_t
sector_store_reserve(size_t region_bytes)
{
    size_t    bytes;
    uint32_t  slots_n;
    uint64_t  buckets;

    buckets = SECTOR_STORE_BUCKETS_MIN;

    while (buckets * 2 <= region_bytes / SECTOR_STORE_BUCKET_SHARE) {
        buckets *= 2;
    }

    bytes = sector_store_layout(buckets, &slots_n);

    return (bytes + SECTOR_STORE_PAGE - 1) & ~(size_t) (SECTOR_STORE_PAGE - 1);
}


/* A whole entry, with the longest key, takes no more than its share. */
size_t
sector_store_value_max(size_t room_bytes)
{
    size_t  share;

    share = room_bytes / SECTOR_STORE_VALUE_SHARE;

    return share > sector_store_entry_bytes(SECTOR_STORE_KEY_MAX, 0)
           ? share - sector_store_entry_bytes(SECTOR_STORE_KEY_MAX, 0) : 0;
}


/* The magic is written last: an unfinished store opens as none. */
void
sector_store_create(sector_store_t *st, void *reserve, size_t reserve_bytes,
    const sector_store_ops_t *ops, const sector_store_policy_t *policy)
{
    size_t               bytes;
    uint32_t             slots_n;
    uint64_t             buckets;
    sector_store_shm_t  *shm;

    shm = reserve;
    buckets = SECTOR_STORE_BUCKETS_MIN;

    while (sector_store_layout(buckets * 2, &slots_n) <= reserve_bytes) {
        buckets *= 2;
    }

    bytes = sector_store_layout(buckets, &slots_n);
    assert(bytes <= reserve_bytes);

    memset(reserve, 0, bytes);

    shm->version = SECTOR_STORE_VERSION;
    shm->header_bytes = sizeof(sector_store_shm_t);
    shm->slot_bytes = sizeof(sector_store_slot_t);
    shm->entry_bytes = sizeof(sector_store_entry_t);
    shm->stats_n = SECTOR_STATS_N;
    shm->slots_n = slots_n;
    shm->reserve_bytes = reserve_bytes;
    shm->room_bytes = ops->room(ops->ctx);
    shm->self = shm;
    shm->slots = (sector_store_slot_t *) (shm + 1);
    shm->buckets = (sector_store_link_t *) (shm->slots + slots_n);
    shm->mask = buckets - 1;
    shm->seed[0] = sector_store_random64(ops) ^ 0x2545f4914f6cdd1dULL;
    shm->seed[1] = (sector_store_random64(ops) ^ 0xd6e8feb86659fd93ULL) | 1;

    atomic_init(&shm->epoch, 1);
    atomic_init(&shm->generation, 1);

    atomic_signal_fence(memory_order_seq_cst);
    shm->magic = SECTOR_STORE_MAGIC;

    memset(st, 0, sizeof(sector_store_t));

    st->shm = shm;
    st->ops = *ops;
    st->policy = *policy;
    st->dice = SECTOR_STORE_DICE;
}


int
sector_store_open(sector_store_t *st, void *reserve, size_t reserve_bytes,
    const sector_store_ops_t *ops, const sector_store_policy_t *policy)
{
    sector_store_shm_t  *shm;

    memset(st, 0, sizeof(sector_store_t));

    shm = reserve;

    if (reserve_bytes < sizeof(sector_store_shm_t)
        || shm->magic != SECTOR_STORE_MAGIC
        || shm->version != SECTOR_STORE_VERSION
        || shm->header_bytes != sizeof(sector_store_shm_t)
        || shm->slot_bytes != sizeof(sector_store_slot_t)
        || shm->entry_bytes != sizeof(sector_store_entry_t)
        || shm->stats_n != SECTOR_STATS_N
        || shm->reserve_bytes != reserve_bytes
        || shm->self != shm)
    {
        return -1;
    }

    st->shm = shm;
    st->ops = *ops;
    st->policy = *policy;
    st->dice = SECTOR_STORE_DICE;

    return 0;
}


uint64_t
sector_store_id(const sector_store_t *st)
{
    return st->shm->seed[0];
}


sector_store_state_e
sector_store_read(sector_store_t *st, const void *key, size_t key_len,
    uint64_t now_ms, sector_store_view_t *view)
{
    uint64_t               hash;
    sector_store_state_e   state;
    sector_store_entry_t  *e;

    if (key_len == 0 || key_len > SECTOR_STORE_KEY_MAX) {
        return SECTOR_STORE_NONE;
    }

    hash = sector_store_hash(st->shm, key, key_len);

    sector_store_enter(st);

    e = sector_store_find(st->shm, hash, key, key_len);

    state = e != NULL ? sector_store_judge(e, now_ms) : SECTOR_STORE_NONE;

    if (state == SECTOR_STORE_NONE) {
        sector_store_read_end(st);
        return SECTOR_STORE_NONE;
    }

    /* a load first: the line of a hot entry stays shared by all readers */

    if (!atomic_load_explicit(&e->visited, memory_order_relaxed)) {
        atomic_store_explicit(&e->visited, 1, memory_order_relaxed);
    }

    sector_store_show(e, now_ms, view);

    return state;
}


static inline void
sector_store_show(const sector_store_entry_t *e, uint64_t now_ms,
    sector_store_view_t *view)
{
    view->value = (const unsigned char *) (e + 1) + e->key_len;
    view->value_bytes = e->value_bytes;
    view->tag = e->tag;
    view->stored_ms = e->stored_ms;
    view->fresh_until_ms = e->fresh_until_ms;
    view->refresh_until_ms = e->refresh_until_ms;
    view->dead_at_ms = e->dead_at_ms;
    view->stored_wall_ms = e->stored_wall_ms;
    view->now_ms = now_ms;
    view->negative = e->negative;
    view->hits = atomic_load_explicit(&e->hits, memory_order_relaxed);
    view->entry = e;
}


/* A load and a store, not one operation: processes that count at once lose one
 * another's hits, and never wait.  The dice are Marsaglia's (Xorshift RNGs,
 * 2003); a fixed step would count some of the keys that a client asks for in
 * turn and none of the others. */
void
sector_store_note_hit(sector_store_t *st, const sector_store_view_t *view)
{
    uint32_t               hits, step;
    sector_store_entry_t  *e;

    e = (sector_store_entry_t *) (uintptr_t) view->entry;

    hits = view->hits;
    step = 1;

    if (hits >= SECTOR_STORE_HITS_EXACT) {
        st->dice ^= st->dice << 13;
        st->dice ^= st->dice >> 17;
        st->dice ^= st->dice << 5;

        if (st->dice & (SECTOR_STORE_HITS_STEP - 1)) {
            return;
        }

        step = SECTOR_STORE_HITS_STEP;
    }

    if (hits <= UINT32_MAX - step) {
        atomic_store_explicit(&e->hits, hits + step, memory_order_relaxed);
    }
}


/* One read for the whole of a step: short, since it holds memory back. */
uint64_t
sector_store_each(sector_store_t *st, uint64_t cursor, uint64_t now_ms,
    sector_store_each_pt each, void *data)
{
    uint64_t               end, generation;
    sector_store_view_t    view;
    sector_store_entry_t  *e;

    end = cursor + SECTOR_STORE_EACH_STEP;

    if (end > st->shm->mask + 1) {
        end = st->shm->mask + 1;
    }

    sector_store_enter(st);

    generation = atomic_load(&st->shm->generation);

    for ( /* void */ ; cursor < end; cursor++) {

        e = atomic_load(&st->shm->buckets[cursor]);

        for ( /* void */ ; e != NULL; e = atomic_load(&e->next)) {

            if (e->generation == generation && now_ms < e->dead_at_ms) {
                sector_store_show(e, now_ms, &view);
                each(data, e + 1, e->key_len, &view);
            }
        }
    }

    sector_store_read_end(st);

    return cursor > st->shm->mask ? 0 : cursor;
}


/* Announces a reader.  Without a slot it takes the lock, but a reader's death
 * leaves nothing half done, so that it leaves no mark.  Such a read goes on
 * under the lock even where it has just got a slot. */
static inline void
sector_store_enter(sector_store_t *st)
{
    uint64_t  epoch;

    if (st->slot == NULL) {
        sector_store_lock(st);
        sector_store_unmark_locked(st);
        sector_store_rejoin_locked(st);
        st->locked = 1;
        return;
    }

    epoch = atomic_load_explicit(&st->shm->epoch, memory_order_acquire);
    atomic_store(&st->slot->epoch, epoch);
}


void
sector_store_read_end(sector_store_t *st)
{
    if (st->locked) {
        st->locked = 0;
        sector_store_unlock(st);
        return;
    }

    if (st->slot != NULL) {
        atomic_store_explicit(&st->slot->epoch, 0, memory_order_release);
    }
}


static inline sector_store_state_e
sector_store_judge(const sector_store_entry_t *e, uint64_t now_ms)
{
    if (now_ms < e->fresh_until_ms) {
        return SECTOR_STORE_FRESH;
    }

    if (now_ms < e->refresh_until_ms) {
        return SECTOR_STORE_REFRESH;
    }

    return now_ms < e->dead_at_ms ? SECTOR_STORE_STALE : SECTOR_STORE_NONE;
}


void
sector_store_info(sector_store_t *st, sector_store_info_t *info)
{
    uint32_t             len;
    sector_store_shm_t  *shm;

    shm = st->shm;

    sector_store_lock(st);
    sector_store_tidy_locked(st);
    sector_store_unmark_locked(st);

    info->entries = shm->entries;
    info->used_bytes = shm->used_bytes;
    info->changes = shm->changes;
    info->lost_changes = shm->lost_changes;
    info->last_store_wall_ms = shm->last_store_wall_ms;

    len = atomic_load(&shm->last_miss_len);
    memcpy(info->last_miss, shm->last_miss, len);
    info->last_miss[len] = '\0';

    sector_store_sum_locked(st, info->counters);

    sector_store_unlock(st);
}
