/*
 * sector_store_write: storing and removing.  What is stored is finished
 * before readers may see it; what is removed is out of their sight first.
 */

#include <string.h>

#include "sector_store_internal.h"


static sector_store_error_e sector_store_insert(sector_store_t *st,
    const void *key, size_t key_len, const sector_store_item_t *item,
    const sector_store_times_t *times, int restored, uint64_t now_ms);
static sector_store_error_e sector_store_prepare(sector_store_t *st,
    const void *key, size_t key_len, const sector_store_item_t *item,
    const sector_store_times_t *times, uint64_t now_ms,
    sector_store_entry_t *head);
static sector_store_error_e sector_store_put_all_locked(sector_store_t *st,
    const sector_store_put_t *puts, size_t n, uint64_t now_ms,
    int64_t wall_ms);
static sector_store_entry_t *sector_store_build_all_locked(
    sector_store_t *st, const sector_store_put_t *puts, size_t n,
    uint64_t now_ms, int64_t wall_ms);
static sector_store_error_e sector_store_put_locked(sector_store_t *st,
    const void *key, const sector_store_item_t *item,
    sector_store_entry_t *head, uint64_t now_ms);
static sector_store_entry_t *sector_store_build_locked(sector_store_t *st,
    const void *key, const sector_store_item_t *item,
    sector_store_entry_t *head, uint64_t now_ms);
static void sector_store_publish_locked(sector_store_t *st,
    sector_store_entry_t *e, sector_store_entry_t *old);
static void sector_store_windows(const sector_store_t *st,
    const sector_store_item_t *item, sector_store_times_t *times);
static uint64_t sector_store_end(uint64_t now_ms, uint64_t age_ms,
    uint64_t window_ms);
static uint64_t sector_store_jitter(const sector_store_t *st, uint64_t ms);
static uint64_t sector_store_add(uint64_t a, uint64_t b);


sector_store_error_e
sector_store_put(sector_store_t *st, const void *key, size_t key_len,
    const sector_store_item_t *item, uint64_t now_ms, int64_t wall_ms)
{
    sector_store_times_t  times;

    times.stored_wall_ms = wall_ms;

    sector_store_windows(st, item, &times);

    return sector_store_insert(st, key, key_len, item, &times, 0, now_ms);
}


sector_store_error_e
sector_store_restore(sector_store_t *st, const void *key, size_t key_len,
    const sector_store_item_t *item, const sector_store_times_t *times,
    uint64_t now_ms)
{
    return sector_store_insert(st, key, key_len, item, times, 1, now_ms);
}


/* All that needs no lock is done first, into a header that is then copied.
 * What is restored comes in any order; what is put is the last by itself, also
 * where the wall clock was ahead before. */
static sector_store_error_e
sector_store_insert(sector_store_t *st, const void *key, size_t key_len,
    const sector_store_item_t *item, const sector_store_times_t *times,
    int restored, uint64_t now_ms)
{
    sector_store_error_e  rc;
    sector_store_entry_t  head;

    rc = sector_store_prepare(st, key, key_len, item, times, now_ms, &head);

    if (rc != SECTOR_STORE_OK) {
        return rc;
    }

    sector_store_lock(st);

    rc = sector_store_put_locked(st, key, item, &head, now_ms);

    if (rc == SECTOR_STORE_OK
        && (!restored || head.stored_wall_ms > st->shm->last_store_wall_ms))
    {
        st->shm->last_store_wall_ms = head.stored_wall_ms;
    }

    sector_store_unlock(st);

    return rc;
}


/* Fills a header, or says why there can be no such entry. */
static sector_store_error_e
sector_store_prepare(sector_store_t *st, const void *key, size_t key_len,
    const sector_store_item_t *item, const sector_store_times_t *times,
    uint64_t now_ms, sector_store_entry_t *head)
{
    if (key_len == 0 || key_len > SECTOR_STORE_KEY_MAX) {
        return SECTOR_STORE_BAD_KEY;
    }

    if (item->value_bytes > st->policy.max_object_bytes
        || item->value_bytes > PTRDIFF_MAX / 2)
    {
        sector_store_count(st, SECTOR_STAT_REFUSE_LARGE);
        return SECTOR_STORE_TOO_LARGE;
    }

    if (item->value_bytes > sector_store_value_max(st->shm->room_bytes)) {
        sector_store_count(st, SECTOR_STAT_REFUSE_ROOM);
        return SECTOR_STORE_NO_ROOM;
    }

    memset(head, 0, sizeof(sector_store_entry_t));

    head->hash = sector_store_hash(st->shm, key, key_len);
    head->fresh_until_ms = sector_store_end(now_ms, times->age_ms,
                                            times->fresh_ms);
    head->refresh_until_ms = sector_store_end(now_ms, times->age_ms,
                                              times->refresh_ms);
    head->dead_at_ms = sector_store_end(now_ms, times->age_ms,
                                        times->dead_ms);
    head->value_bytes = item->value_bytes;
    head->key_len = (uint8_t) key_len;
    head->negative = item->negative;
    head->tag = item->tag;
    head->stored_ms = now_ms - times->age_ms;
    head->stored_wall_ms = times->stored_wall_ms;

    return SECTOR_STORE_OK;
}


sector_store_error_e
sector_store_put_all(sector_store_t *st, const sector_store_put_t *puts,
    size_t n, uint64_t now_ms, int64_t wall_ms)
{
    size_t                i;
    sector_store_error_e  rc;
    sector_store_entry_t  head;
    sector_store_times_t  times;

    memset(&times, 0, sizeof(sector_store_times_t));

    for (i = 0; i < n; i++) {
        rc = sector_store_prepare(st, puts[i].key, puts[i].key_len,
                                  &puts[i].item, &times, now_ms, &head);
        if (rc != SECTOR_STORE_OK) {
            return rc;
        }
    }

    sector_store_lock(st);

    rc = sector_store_put_all_locked(st, puts, n, now_ms, wall_ms);

    if (rc == SECTOR_STORE_OK && n != 0) {
        st->shm->last_store_wall_ms = wall_ms;
    }

    sector_store_unlock(st);

    return rc;
}


/* All are built out of sight, and only then is the first one shown. */
static sector_store_error_e
sector_store_put_all_locked(sector_store_t *st, const sector_store_put_t *puts,
    size_t n, uint64_t now_ms, int64_t wall_ms)
{
    sector_store_shm_t    *shm;
    sector_store_entry_t  *e, *built;

    shm = st->shm;
    built = NULL;

    if (shm->phase != SECTOR_STORE_DRAINING) {
        sector_store_tidy_locked(st);
        sector_store_expire_locked(st, now_ms);

        built = sector_store_build_all_locked(st, puts, n, now_ms, wall_ms);
    }

    if (built == NULL && n != 0) {
        sector_store_count(st, SECTOR_STAT_REFUSE_ROOM);
        return SECTOR_STORE_NO_ROOM;
    }

    while (built != NULL) {
        e = built;
        built = e->newer;
        e->newer = NULL;

        sector_store_publish_locked(st, e, sector_store_find(shm, e->hash,
                                                             e + 1,
                                                             e->key_len));
    }

    return SECTOR_STORE_OK;
}


/* A list by newer of all that were built, or NULL and none was. */
static sector_store_entry_t *
sector_store_build_all_locked(sector_store_t *st,
    const sector_store_put_t *puts, size_t n, uint64_t now_ms,
    int64_t wall_ms)
{
    size_t                 i;
    uint64_t               cost;
    sector_store_entry_t   head, *e, *built;
    sector_store_times_t   times;

    for (i = 0, cost = 0; i < n; i++) {
        cost += st->ops.rounded(st->ops.ctx,
                        sector_store_entry_bytes(puts[i].key_len,
                                                 puts[i].item.value_bytes));
    }

    if (cost > st->shm->room_bytes / 2) {
        return NULL;
    }

    for (i = 0, built = NULL; i < n; i++) {
        times.stored_wall_ms = wall_ms;
        sector_store_windows(st, &puts[i].item, &times);

        (void) sector_store_prepare(st, puts[i].key, puts[i].key_len,
                                    &puts[i].item, &times, now_ms, &head);

        e = sector_store_build_locked(st, puts[i].key, &puts[i].item, &head,
                                      now_ms);
        if (e == NULL) {
            break;
        }

        e->newer = built;
        built = e;
    }

    if (i == n) {
        return built;
    }

    while (built != NULL) {
        e = built;
        built = e->newer;

        st->shm->used_bytes -= sector_store_cost(st, e);
        st->ops.free(st->ops.ctx, e);
    }

    return NULL;
}


/* The older entry stays until the new one, built out of sight, replaces it. */
static sector_store_error_e
sector_store_put_locked(sector_store_t *st, const void *key,
    const sector_store_item_t *item, sector_store_entry_t *head,
    uint64_t now_ms)
{
    sector_store_shm_t    *shm;
    sector_store_entry_t  *e, *old;

    shm = st->shm;

    if (shm->phase == SECTOR_STORE_DRAINING) {
        sector_store_count(st, SECTOR_STAT_REFUSE_ROOM);
        return SECTOR_STORE_NO_ROOM;
    }

    sector_store_tidy_locked(st);
    sector_store_expire_locked(st, now_ms);

    SECTOR_STORE_FAILPOINT(PUT_TIDIED);

    if (item->unless_fresh) {
        old = sector_store_find(shm, head->hash, key, head->key_len);

        if (old != NULL && now_ms < old->fresh_until_ms) {
            return SECTOR_STORE_KEPT;
        }
    }

    e = sector_store_build_locked(st, key, item, head, now_ms);

    if (e == NULL) {
        sector_store_count(st, SECTOR_STAT_REFUSE_ROOM);
        return SECTOR_STORE_NO_ROOM;
    }

    /* making room may have taken the older one, if past every window */

    old = sector_store_find(shm, head->hash, key, head->key_len);

    sector_store_publish_locked(st, e, old);

    return SECTOR_STORE_OK;
}


/* Makes room for an entry and fills it; NULL: no room. */
static sector_store_entry_t *
sector_store_build_locked(sector_store_t *st, const void *key,
    const sector_store_item_t *item, sector_store_entry_t *head,
    uint64_t now_ms)
{
    size_t                 bytes;
    sector_store_entry_t  *e, *old;

    old = sector_store_find(st->shm, head->hash, key, head->key_len);
    bytes = sector_store_entry_bytes(head->key_len, item->value_bytes);

    e = sector_store_alloc_locked(st, bytes, old, now_ms);

    if (e == NULL) {
        return NULL;
    }

    SECTOR_STORE_FAILPOINT(PUT_ALLOCATED);

    head->generation = atomic_load_explicit(&st->shm->generation,
                                            memory_order_relaxed);

    memcpy(e, head, sizeof(sector_store_entry_t));
    memcpy(e + 1, key, head->key_len);

    SECTOR_STORE_FAILPOINT(PUT_FILLED);

    if (item->value_bytes != 0) {
        memcpy((unsigned char *) (e + 1) + head->key_len, item->value,
               item->value_bytes);
    }

    return e;
}


/* Shows a finished entry to readers, at the head of its bucket or in the
 * place of the older one. */
static void
sector_store_publish_locked(sector_store_t *st, sector_store_entry_t *e,
    sector_store_entry_t *old)
{
    sector_store_shm_t   *shm;
    sector_store_link_t  *bucket;

    shm = st->shm;

    if (old != NULL) {
        atomic_store_explicit(&e->visited, 1, memory_order_relaxed);
        atomic_store_explicit(&e->hits,
                              atomic_load_explicit(&old->hits,
                                                   memory_order_relaxed),
                              memory_order_relaxed);
        sector_store_unlink_locked(st, old, e);

    } else {
        bucket = &shm->buckets[e->hash & shm->mask];

        atomic_store_explicit(&e->next, atomic_load(bucket),
                              memory_order_relaxed);
        atomic_store(bucket, e);
    }

    SECTOR_STORE_FAILPOINT(PUT_PUBLISHED);

    sector_store_enqueue_locked(st, e, old);

    sector_store_count(st, SECTOR_STAT_STORE);
    shm->changes++;

    SECTOR_STORE_FAILPOINT(PUT_COUNTED);
}


void
sector_store_unlink_locked(sector_store_t *st, sector_store_entry_t *e,
    sector_store_entry_t *successor)
{
    sector_store_link_t   *link;
    sector_store_entry_t  *next, *linked;

    link = &st->shm->buckets[e->hash & st->shm->mask];

    for ( ;; ) {
        linked = atomic_load_explicit(link, memory_order_relaxed);

        if (linked == e) {
            break;
        }

        link = &linked->next;
    }

    next = atomic_load_explicit(&e->next, memory_order_relaxed);

    if (successor != NULL) {
        atomic_store_explicit(&successor->next, next, memory_order_relaxed);
        next = successor;
    }

    atomic_store(link, next);
}


/* The policy's windows, which begin now, as times counted from when what is
 * stored was new. */
static void
sector_store_windows(const sector_store_t *st, const sector_store_item_t *item,
    sector_store_times_t *times)
{
    uint64_t                      fresh_ms, stale_ms, swr_ms;
    const sector_store_policy_t  *policy;

    policy = &st->policy;

    fresh_ms = item->negative ? policy->negative_ms : policy->ttl_ms;
    stale_ms = item->negative ? 0 : policy->stale_ms;
    swr_ms = item->negative ? 0 : policy->swr_ms;

    if (item->ttl_limit_ms != 0 && item->ttl_limit_ms < fresh_ms) {
        fresh_ms = item->ttl_limit_ms;
    }

    if (item->ttl_ms != 0) {
        fresh_ms = item->ttl_ms;

    } else if (!item->negative) {
        fresh_ms = sector_store_jitter(st, fresh_ms);
    }

    if (item->brief) {
        stale_ms = 0;
        swr_ms = 0;
    }

    if (stale_ms < swr_ms) {
        stale_ms = swr_ms;
    }

    fresh_ms = sector_store_add(fresh_ms, item->age_ms);

    times->age_ms = item->age_ms;
    times->fresh_ms = fresh_ms;
    times->refresh_ms = sector_store_add(fresh_ms, swr_ms);
    times->dead_ms = sector_store_add(fresh_ms, stale_ms);
}


/* The instant at which a window ends.  One without end ends at UINT64_MAX, one
 * that ended before the clock began at 0. */
static uint64_t
sector_store_end(uint64_t now_ms, uint64_t age_ms, uint64_t window_ms)
{
    if (window_ms == UINT64_MAX) {
        return UINT64_MAX;
    }

    if (window_ms >= age_ms) {
        return sector_store_add(now_ms, window_ms - age_ms);
    }

    return now_ms > age_ms - window_ms ? now_ms - (age_ms - window_ms) : 0;
}


/* Shortens a time by a random part, at most jitter_percent of it. */
static uint64_t
sector_store_jitter(const sector_store_t *st, uint64_t ms)
{
    uint64_t  percent, most;

    percent = st->policy.jitter_percent < 100 ? st->policy.jitter_percent
                                              : 100;

    most = ms / 100 * percent + ms % 100 * percent / 100;

    if (most == 0) {
        return ms;
    }

    return ms - (most == UINT64_MAX ? sector_store_random64(&st->ops)
                                    : sector_store_random64(&st->ops)
                                      % (most + 1));
}


static uint64_t
sector_store_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}


unsigned
sector_store_delete(sector_store_t *st, const void *key, size_t key_len)
{
    uint64_t               hash;
    sector_store_entry_t  *e;

    if (key_len == 0 || key_len > SECTOR_STORE_KEY_MAX) {
        return 0;
    }

    hash = sector_store_hash(st->shm, key, key_len);

    sector_store_lock(st);

    e = sector_store_find(st->shm, hash, key, key_len);

    if (e != NULL) {
        st->shm->changes++;
        sector_store_remove_locked(st, e);
    }

    sector_store_tidy_locked(st);
    sector_store_unlock(st);

    return e != NULL;
}


/* The queue becomes the end of what later calls take out of the buckets. */
uint64_t
sector_store_clear(sector_store_t *st)
{
    uint64_t             removed;
    sector_store_shm_t  *shm;

    shm = st->shm;

    sector_store_lock(st);

    removed = shm->entries;
    shm->changes++;

    atomic_fetch_add(&shm->generation, 1);

    SECTOR_STORE_FAILPOINT(CLEAR_GENERATION);

    sector_store_set_aside_locked(st);

    SECTOR_STORE_FAILPOINT(CLEAR_SPLICED);

    sector_store_tidy_locked(st);
    sector_store_unlock(st);

    return removed;
}


/* A death in between leaves no name instead of two halves. */
void
sector_store_note_miss(sector_store_t *st, const void *key, size_t key_len)
{
    sector_store_shm_t  *shm;

    if (key_len == 0 || key_len > SECTOR_STORE_KEY_MAX) {
        return;
    }

    shm = st->shm;

    sector_store_lock(st);
    sector_store_unmark_locked(st);

    atomic_store(&shm->last_miss_len, 0);
    memcpy(shm->last_miss, key, key_len);

    SECTOR_STORE_FAILPOINT(MISS_HALF);

    atomic_store(&shm->last_miss_len, (uint32_t) key_len);

    sector_store_unlock(st);
}
