/*
 * Clients do not set the pace of calls: without this, a key that cannot be had
 * is asked for as often as clients ask.  The wait belongs to a key at a
 * source, and is looked at before a flight of it begins.
 *
 * A failure that is the source's own ends with the source's recovery: such a
 * wait is over once the breaker has closed in another generation than that of
 * the failure.  One that is the key's own is not, whatever the breaker does.
 *
 * The table is hashed into sets of a few slots each, so that a search looks at
 * those and no others, and nothing links one slot to another that a process
 * could leave in halves.  A slot that is taken over is free while it changes.
 */

#include <stdatomic.h>
#include <string.h>

#include "sector_hold.h"


static sector_hold_slot_t *sector_hold_set(sector_hold_table_t *t,
    const sector_hold_key_t *key);
static int sector_hold_same(const sector_hold_slot_t *slot,
    const sector_hold_key_t *key);
static void sector_hold_note(sector_hold_table_t *t, sector_hold_slot_t *slot,
    int64_t wall_ms, const sector_flight_outcome_t *outcome);
static uint64_t sector_hold_add(uint64_t a, uint64_t b);
static uint64_t sector_hold_max(uint64_t a, uint64_t b);
static uint64_t sector_hold_min(uint64_t a, uint64_t b);


sector_hold_slot_t *
sector_hold_find(sector_hold_table_t *t, const sector_hold_key_t *key)
{
    unsigned             i;
    sector_hold_slot_t  *slot;

    slot = sector_hold_set(t, key);

    for (i = 0; i < SECTOR_HOLD_WAYS; i++, slot++) {
        if (sector_hold_same(slot, key)) {
            return slot;
        }
    }

    return NULL;
}


sector_hold_slot_t *
sector_hold_take(sector_hold_table_t *t, const sector_hold_key_t *key)
{
    unsigned             i;
    sector_hold_slot_t  *slot, *set;

    slot = sector_hold_find(t, key);

    if (slot != NULL) {
        return slot;
    }

    set = sector_hold_set(t, key);
    slot = set;

    for (i = 0; i < SECTOR_HOLD_WAYS && slot->key_len != 0; i++) {
        if (set[i].key_len == 0 || set[i].noted < slot->noted) {
            slot = &set[i];
        }
    }

    slot->key_len = 0;
    atomic_signal_fence(memory_order_seq_cst);

    memset(slot, 0, sizeof(*slot));

    slot->source = key->source;
    slot->zone = key->zone;
    slot->noted = ++t->noted;
    memcpy(slot->key, key->key, key->key_len);

    atomic_signal_fence(memory_order_seq_cst);
    slot->key_len = (uint32_t) key->key_len;

    return slot;
}


void
sector_hold_failed(sector_hold_table_t *t, sector_hold_slot_t *slot,
    uint64_t hold_ms, uint64_t max_hold_ms, uint64_t least_ms,
    uint64_t random, uint64_t now_ms, int64_t wall_ms,
    const sector_flight_outcome_t *outcome)
{
    uint64_t  length, most;

    sector_hold_note(t, slot, wall_ms, outcome);

    if (hold_ms == 0) {
        return;
    }

    most = sector_hold_max(hold_ms, max_hold_ms);

    /* the jitter comes on top, and stays below the most as well */

    length = sector_hold_min(sector_hold_add(slot->length_ms,
                                             slot->length_ms),
                             most - most / 5);
    length = sector_hold_max(length, hold_ms);

    slot->length_ms = length;

    length = sector_hold_min(sector_hold_add(length,
                                             random % (length / 4 + 1)),
                             most);
    length = sector_hold_max(length, least_ms);

    slot->until_ms = sector_hold_add(now_ms, length);
}


void
sector_hold_refused(sector_hold_table_t *t, sector_hold_slot_t *slot,
    int64_t wall_ms, const sector_flight_outcome_t *outcome)
{
    slot->noted = ++t->noted;
    slot->wall_ms = wall_ms;
    slot->outcome = *outcome;
}


uint64_t
sector_hold_left(const sector_hold_slot_t *slot, uint64_t now_ms,
    uint64_t generation, int closed)
{
    if (slot->until_ms <= now_ms) {
        return 0;
    }

    if (closed && slot->generation != 0
        && slot->generation != generation + 1)
    {
        return 0;
    }

    return slot->until_ms - now_ms;
}


void
sector_hold_ended(sector_hold_slot_t *slot)
{
    slot->until_ms = 0;
    slot->length_ms = 0;
    slot->generation = 0;
    slot->missing = 0;
    slot->missing_ms = 0;
    slot->failures = 0;
    slot->absent = 0;
    slot->unlogged = 0;
    slot->logged_ms = 0;
}


void
sector_hold_absent(sector_hold_table_t *t, sector_hold_slot_t *slot)
{
    sector_hold_ended(slot);

    slot->noted = ++t->noted;
    slot->absent = 1;
    slot->had = 0;
}


void
sector_hold_had(sector_hold_table_t *t, const sector_hold_key_t *key)
{
    unsigned             i;
    sector_hold_key_t    other;
    sector_hold_slot_t  *slot;

    slot = sector_hold_set(t, key);
    other = *key;

    for (i = 0; i < SECTOR_HOLD_WAYS; i++, slot++) {
        other.source = slot->source;

        if (slot->source != key->source && sector_hold_same(slot, &other)) {
            slot->had = 1;
        }
    }
}


void
sector_hold_release(sector_hold_slot_t *slot)
{
    slot->until_ms = 0;
    slot->length_ms = 0;
}


void
sector_hold_alone(sector_hold_slot_t *slot, uint64_t now_ms)
{
    slot->alone_ms = sector_hold_add(now_ms, SECTOR_HOLD_ALONE_MS);
}


int
sector_hold_is_alone(const sector_hold_slot_t *slot, uint64_t now_ms)
{
    return slot->alone_ms > now_ms;
}


int
sector_hold_missing(sector_hold_slot_t *slot, uint32_t after,
    uint64_t apart_ms, uint64_t now_ms)
{
    if (slot->missing == 0
        || now_ms >= sector_hold_add(slot->missing_ms, apart_ms))
    {
        slot->missing++;
        slot->missing_ms = now_ms;
    }

    return slot->missing >= after;
}


uint32_t
sector_hold_log(sector_hold_slot_t *slot, uint64_t now_ms)
{
    uint32_t  n;

    if (slot->logged_ms != 0
        && slot->logged_result == slot->outcome.result
        && slot->logged_status == slot->outcome.status
        && now_ms < sector_hold_add(slot->logged_ms, SECTOR_HOLD_LOG_MS))
    {
        slot->unlogged++;
        return 0;
    }

    n = slot->unlogged + 1;

    slot->unlogged = 0;
    slot->logged_ms = sector_hold_max(now_ms, 1);
    slot->logged_result = slot->outcome.result;
    slot->logged_status = slot->outcome.status;

    return n;
}


uint32_t
sector_hold_repeat(sector_hold_repeat_t *r, uint32_t how, uint64_t now_ms)
{
    uint32_t  n;

    if (r->logged_ms != 0 && r->logged_how == how
        && now_ms < sector_hold_add(r->logged_ms, SECTOR_HOLD_LOG_MS))
    {
        r->unlogged++;
        return 0;
    }

    n = r->unlogged + 1;

    r->unlogged = 0;
    r->logged_ms = sector_hold_max(now_ms, 1);
    r->logged_how = how;

    return n;
}


/* FNV-1a, 64 bits. */

static sector_hold_slot_t *
sector_hold_set(sector_hold_table_t *t, const sector_hold_key_t *key)
{
    size_t                i;
    uint64_t              hash;
    const unsigned char  *p;

    p = key->key;
    hash = 0xcbf29ce484222325u ^ key->zone;

    for (i = 0; i < key->key_len; i++) {
        hash = (hash ^ p[i]) * 0x100000001b3u;
    }

    hash ^= hash >> 32;

    return &t->slots[hash % (SECTOR_HOLD_SLOTS / SECTOR_HOLD_WAYS)
                     * SECTOR_HOLD_WAYS];
}


static int
sector_hold_same(const sector_hold_slot_t *slot, const sector_hold_key_t *key)
{
    return slot->key_len != 0
           && slot->key_len == key->key_len
           && slot->source == key->source
           && slot->zone == key->zone
           && memcmp(slot->key, key->key, key->key_len) == 0;
}


static void
sector_hold_note(sector_hold_table_t *t, sector_hold_slot_t *slot,
    int64_t wall_ms, const sector_flight_outcome_t *outcome)
{
    slot->noted = ++t->noted;
    slot->wall_ms = wall_ms;
    slot->outcome = *outcome;
    slot->absent = 0;
    slot->had = 0;

    if (slot->failures++ == 0) {
        slot->since_wall_ms = wall_ms;
    }
}


static uint64_t
sector_hold_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}


static uint64_t
sector_hold_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}


static uint64_t
sector_hold_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}
