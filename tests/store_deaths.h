/*
 * store_deaths: processes that die inside the mutex, for test_store_death.c.
 * Include it after cmocka.h.
 *
 * A death is a longjmp out of the call.  It leaves lock and region as a
 * SIGKILL would; then the lock is freed, as nginx's master does.
 */

#ifndef STORE_DEATHS_H
#define STORE_DEATHS_H


#include "store_region.h"


#define REGION   (64 * 1024)
#define KEYS     40
#define VICTIM   1              /* the id of the one that dies */
#define HEIR     2

/* The store's points, then the allocator's. */

#define POINTS   (SECTOR_STORE_FP_N + STORE_REGION_FP_END                     \
                  - STORE_REGION_FP_ALLOC)


typedef struct {
    store_region_t      region;
    store_region_t      other;      /* another process's view of it */
    sector_store_t      victim;
    sector_store_t      heir;
} fixture_t;


typedef struct {
    const char     *name;
    void          (*prepare)(fixture_t *fx);    /* NULL: nothing */
    void          (*act)(fixture_t *fx);        /* what is died in */
} scenario_t;


static const sector_store_policy_t  policy = {
    .ttl_ms = 1000,
    .stale_ms = 1000,
    .max_object_bytes = 64 * 1024
};

static jmp_buf  grave;
static int      die_at;         /* point, or -1 */
static int      die_nth;        /* at its so-manieth passing */
static int      reached[POINTS];


static inline void
hook(int point)
{
    if (point >= STORE_REGION_FP_ALLOC) {
        point = SECTOR_STORE_FP_N + point - STORE_REGION_FP_ALLOC;
    }

    if (point == die_at && --die_nth == 0) {
        reached[point]++;
        longjmp(grave, 1);
    }
}


/* Everybody is alive in most tests. */
static inline int
everybody_lives(int32_t pid)
{
    (void) pid;

    return 1;
}


static inline int
victim_is_dead(int32_t pid)
{
    return pid != 100;
}


static inline sector_store_error_e
put(sector_store_t *st, unsigned n, unsigned version, uint64_t now)
{
    char                 key[16], value[64];
    sector_store_item_t  item;

    memset(&item, 0, sizeof(item));
    snprintf(key, sizeof(key), "k%u", n);
    snprintf(value, sizeof(value), "value %u of version %u", n, version);

    item.value = value;
    item.value_bytes = strlen(value) + 1;
    item.tag = (uint64_t) version << 32 | n;

    return sector_store_put(st, key, strlen(key), &item, now, 1);
}


/* Whether what is found under a key, if anything, is one of its values. */
static inline int
right(sector_store_t *st, unsigned n, uint64_t now)
{
    int                   ok;
    char                  key[16], value[64];
    sector_store_view_t   view;

    snprintf(key, sizeof(key), "k%u", n);

    if (sector_store_read(st, key, strlen(key), now, &view)
        == SECTOR_STORE_NONE)
    {
        return 1;
    }

    snprintf(value, sizeof(value), "value %u of version %u", n,
             (unsigned) (view.tag >> 32));

    ok = (view.tag & UINT32_MAX) == n
         && view.value_bytes == strlen(value) + 1
         && memcmp(view.value, value, view.value_bytes) == 0;

    sector_store_read_end(st);

    return ok;
}


static inline void
make(fixture_t *fx)
{
    unsigned            i;
    sector_store_ops_t  ops;

    sector_store_test_hash = NULL;
    sector_store_test_fail = hook;
    die_at = -1;

    store_region_make(&fx->region, REGION);
    fx->region.single = 1;
    fx->region.id = VICTIM;
    fx->region.alive = everybody_lives;
    fx->other = fx->region;
    fx->other.id = HEIR;

    ops = store_region_ops(&fx->region);
    sector_store_create(&fx->victim, fx->region.reserve,
                        fx->region.reserve_bytes, &ops, &policy);
    ops.ctx = &fx->other;
    assert_int_equal(sector_store_open(&fx->heir, fx->region.reserve,
                                       fx->region.reserve_bytes, &ops,
                                       &policy), 0);
    sector_store_attach(&fx->victim, 100);
    sector_store_attach(&fx->heir, 101);

    for (i = 0; i < KEYS; i++) {
        assert_int_equal(put(&fx->victim, i, 0, 0), SECTOR_STORE_OK);
    }
}


static inline void
check(fixture_t *fx)
{
    const char  *wrong;

    wrong = store_region_check(&fx->other, &fx->heir);

    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}


/* Lets the victim die in a call, at the nth passing of a point, and frees
 * its lock; returns 0 if it does not come to that. */
static inline int
dies(fixture_t *fx, void (*act)(fixture_t *fx), int point, int nth)
{
    die_at = point;
    die_nth = nth;

    if (setjmp(grave) == 0) {
        act(fx);
        die_at = -1;
        return 0;
    }

    die_at = -1;
    assert_true(store_region_force_unlock(&fx->region, VICTIM));

    return 1;
}


/* Whether a dead one left the mark. */
static inline int
marked(fixture_t *fx)
{
    return atomic_load(&fx->heir.shm->writer) != 0;
}


/* How many recoveries there will have been when the heir has taken the lock:
 * one that was begun and not finished is not counted again. */
static inline uint64_t
recoveries(fixture_t *fx)
{
    uint64_t             n;
    sector_store_shm_t  *shm;

    shm = fx->heir.shm;
    n = atomic_load(&shm->counters[SECTOR_STAT_RECOVERY]);

    if (shm->phase == SECTOR_STORE_DRAINING) {
        return shm->recoveries;
    }

    return n + marked(fx);
}


static inline void
act_put_new(fixture_t *fx)
{
    (void) put(&fx->victim, KEYS, 1, 0);
}


static inline void
act_replace(fixture_t *fx)
{
    (void) put(&fx->victim, 3, 1, 0);
    (void) put(&fx->victim, 3, 2, 0);
}


static inline void
prepare_full(fixture_t *fx)
{
    fx->region.control->most = KEYS;
}


static inline void
act_put_late(fixture_t *fx)
{
    (void) put(&fx->victim, KEYS, 1, 5000);
    (void) put(&fx->victim, KEYS, 1, 5000);
}


static inline void
prepare_cleared(fixture_t *fx)
{
    (void) sector_store_clear(&fx->victim);
    (void) put(&fx->victim, 1, 1, 0);
}


static inline void
act_delete(fixture_t *fx)
{
    (void) sector_store_delete(&fx->victim, "k5", 2);
    (void) sector_store_delete(&fx->victim, "k6", 2);
}


static inline void
act_clear(fixture_t *fx)
{
    (void) sector_store_clear(&fx->victim);
}


static inline void
act_info(fixture_t *fx)
{
    sector_store_info_t  info;

    sector_store_info(&fx->victim, &info);
}


static inline void
act_note_miss(fixture_t *fx)
{
    sector_store_note_miss(&fx->victim, "SPY", 3);
    sector_store_note_miss(&fx->victim, "QQQQ", 4);
}


static inline void
act_attach(fixture_t *fx)
{
    sector_store_detach(&fx->victim);
    sector_store_attach(&fx->victim, 100);
}


static inline void
act_read_without_slot(fixture_t *fx)
{
    fx->victim.slot = NULL;
    (void) right(&fx->victim, 2, 0);
}


/* Somebody died in a put before. */
static inline void
prepare_death(fixture_t *fx)
{
    assert_true(dies(fx, act_replace, SECTOR_STORE_FP_PUT_QUEUED, 1));
}


static const scenario_t  scenarios[] = {
    { "put", NULL, act_put_new },
    { "replace", NULL, act_replace },
    { "evict", prepare_full, act_put_new },
    { "replace when full", prepare_full, act_replace },
    { "expire", NULL, act_put_late },
    { "sweep", prepare_cleared, act_put_new },
    { "sweep and replace", prepare_cleared, act_replace },
    { "delete", NULL, act_delete },
    { "clear", NULL, act_clear },
    { "clear again", prepare_cleared, act_clear },
    { "info", prepare_cleared, act_info },
    { "note_miss", NULL, act_note_miss },
    { "attach", NULL, act_attach },
    { "read without slot", NULL, act_read_without_slot },
    { "recover in put", prepare_death, act_put_new },
    { "recover in info", prepare_death, act_info },
    { "recover in read", prepare_death, act_read_without_slot },
};

#define SCENARIOS  (sizeof(scenarios) / sizeof(scenarios[0]))


/* The same in a new store. */
static inline int
dies_in(fixture_t *fx, const scenario_t *scenario, int point, int nth)
{
    make(fx);

    if (scenario->prepare != NULL) {
        scenario->prepare(fx);
    }

    return dies(fx, scenario->act, point, nth);
}


/* The store must work for the heir as if it were new, or as before. */
static inline void
carry_on(fixture_t *fx)
{
    int                  emptied;
    uint64_t             recovered;
    unsigned             i, n;
    sector_store_info_t  info;

    emptied = marked(fx);
    recovered = recoveries(fx);

    for (n = 0; n <= KEYS; n++) {
        assert_true(right(&fx->heir, n, 0));
    }

    sector_store_info(&fx->heir, &info);
    assert_int_equal(info.counters[SECTOR_STAT_RECOVERY], recovered);

    if (emptied) {
        assert_int_equal(info.entries, 0);
        assert_int_equal(fx->region.control->blocks, 0);
    }

    check(fx);

    fx->region.control->most = 0;

    for (i = 0; i < 3; i++) {
        for (n = 0; n < 2 * KEYS; n++) {
            assert_int_equal(put(&fx->heir, n, i, 0), SECTOR_STORE_OK);
            assert_true(right(&fx->heir, n, 0));
        }
    }

    check(fx);
    sector_store_info(&fx->heir, &info);
    assert_int_equal(info.entries, 2 * KEYS);
    assert_int_equal(info.counters[SECTOR_STAT_RECOVERY], recovered);

    (void) sector_store_clear(&fx->heir);

    for (i = 0; i < 100; i++) {
        sector_store_info(&fx->heir, &info);
    }

    assert_int_equal(info.used_bytes, 0);
    assert_int_equal(fx->region.control->used, 0);
}


#endif /* STORE_DEATHS_H */
