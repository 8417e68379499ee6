/*
 * A process dies inside the mutex: at every step of every kind of call, with
 * and without a reader in the way, and again while the next one recovers.
 *
 * A death is a longjmp out of the call.  It leaves lock and region as a
 * SIGKILL would; then the lock is freed, as nginx's master does.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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


static void
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
static int
everybody_lives(int32_t pid)
{
    (void) pid;

    return 1;
}


static int
victim_is_dead(int32_t pid)
{
    return pid != 100;
}


static sector_store_error_e
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
static int
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


static void
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


static void
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
static int
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
static int
marked(fixture_t *fx)
{
    return atomic_load(&fx->heir.shm->writer) != 0;
}


/* How many recoveries there will have been when the heir has taken the lock:
 * one that was begun and not finished is not counted again. */
static uint64_t
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


/* The scenarios */


static void
act_put_new(fixture_t *fx)
{
    (void) put(&fx->victim, KEYS, 1, 0);
}


static void
act_replace(fixture_t *fx)
{
    (void) put(&fx->victim, 3, 1, 0);
    (void) put(&fx->victim, 3, 2, 0);
}


static void
prepare_full(fixture_t *fx)
{
    fx->region.control->most = KEYS;
}


static void
act_put_late(fixture_t *fx)
{
    (void) put(&fx->victim, KEYS, 1, 5000);
    (void) put(&fx->victim, KEYS, 1, 5000);
}


static void
prepare_cleared(fixture_t *fx)
{
    (void) sector_store_clear(&fx->victim);
    (void) put(&fx->victim, 1, 1, 0);
}


static void
act_delete(fixture_t *fx)
{
    (void) sector_store_delete(&fx->victim, "k5", 2);
    (void) sector_store_delete(&fx->victim, "k6", 2);
}


static void
act_clear(fixture_t *fx)
{
    (void) sector_store_clear(&fx->victim);
}


static void
act_info(fixture_t *fx)
{
    sector_store_info_t  info;

    sector_store_info(&fx->victim, &info);
}


static void
act_note_miss(fixture_t *fx)
{
    sector_store_note_miss(&fx->victim, "SPY", 3);
    sector_store_note_miss(&fx->victim, "QQQQ", 4);
}


static void
act_attach(fixture_t *fx)
{
    sector_store_detach(&fx->victim);
    sector_store_attach(&fx->victim, 100);
}


static void
act_read_without_slot(fixture_t *fx)
{
    fx->victim.slot = NULL;
    (void) right(&fx->victim, 2, 0);
}


/* Somebody died in a put before. */
static void
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
static int
dies_in(fixture_t *fx, const scenario_t *scenario, int point, int nth)
{
    make(fx);

    if (scenario->prepare != NULL) {
        scenario->prepare(fx);
    }

    return dies(fx, scenario->act, point, nth);
}


/* The store must work for the heir as if it were new, or as before. */
static void
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


static void
test_a_death_at_any_step_leaves_a_store_that_works(void **state)
{
    int        point, nth;
    unsigned   s, died;
    fixture_t  fx;

    (void) state;
    died = 0;

    for (s = 0; s < SCENARIOS; s++) {
        for (point = 0; point < (int) POINTS; point++) {

            for (nth = 1; dies_in(&fx, &scenarios[s], point, nth); nth++) {
                died++;
                carry_on(&fx);
                store_region_unmake(&fx.region);
            }

            store_region_unmake(&fx.region);
        }
    }

    print_message("# %u deaths\n", died);

    for (point = 0; point < (int) POINTS; point++) {
        if (!reached[point]) {
            fail_msg("nobody died at point %d", point);
        }
    }
}


/* How many of three came to die, one after the other. */
static int
three_die(int first, int second, int third)
{
    int        n;
    fixture_t  fx;

    n = 0;

    if (dies_in(&fx, &scenarios[1], first, 1)) {
        n++;
    }

    if (n == 1 && dies(&fx, act_replace, second, 1)) {
        n++;
    }

    if (n == 2 && dies(&fx, act_delete, third, 1)) {
        n++;
        carry_on(&fx);
    }

    store_region_unmake(&fx.region);

    return n;
}


static void
test_a_death_while_recovering_is_recovered_from_too(void **state)
{
    int       first, second, third, n;
    unsigned  all;

    (void) state;
    all = 0;

    for (first = 0; first < (int) POINTS; first++) {
        n = 3;

        for (second = 0; second < (int) POINTS && n > 0; second++) {
            n = 3;

            for (third = 0; third < (int) POINTS && n > 1; third++) {
                n = three_die(first, second, third);
                all += (n == 3);
            }
        }
    }

    print_message("# %u times three deaths\n", all);
    assert_true(all > 1000);
}


static void
test_memory_waits_for_the_reader_of_a_store_that_is_emptied(void **state)
{
    int                  point;
    fixture_t            fx;
    sector_store_t       reader;
    sector_store_view_t  view, other;
    sector_store_info_t  info;

    (void) state;

    for (point = 0; point < (int) POINTS; point++) {

        make(&fx);
        reader = fx.heir;
        sector_store_attach(&reader, 102);
        assert_int_equal(sector_store_read(&reader, "k3", 2, 0, &view),
                         SECTOR_STORE_FRESH);

        if (!dies(&fx, act_replace, point, 1) || !marked(&fx)) {
            store_region_unmake(&fx.region);
            continue;
        }

        /* emptied, but not yet writable: the reader is still in there */

        assert_int_equal(put(&fx.heir, 1, 5, 0), SECTOR_STORE_NO_ROOM);
        assert_int_equal(sector_store_read(&fx.heir, "k1", 2, 0, &other),
                         SECTOR_STORE_NONE);
        assert_int_equal(sector_store_delete(&fx.heir, "k1", 2), 0);
        assert_int_equal(sector_store_clear(&fx.heir), 0);

        sector_store_info(&fx.heir, &info);
        assert_int_equal(info.entries, 0);
        assert_int_equal(info.used_bytes, 0);
        assert_int_equal(info.counters[SECTOR_STAT_RECOVERY], 1);
        assert_int_equal(info.counters[SECTOR_STAT_REFUSE_ROOM], 1);
        assert_memory_equal(view.value, "value 3 of version 0", 21);

        sector_store_read_end(&reader);
        assert_int_equal(put(&fx.heir, 1, 5, 0), SECTOR_STORE_OK);
        carry_on(&fx);
        store_region_unmake(&fx.region);
    }
}


static void
test_a_dead_reader_does_not_hold_recovery_up(void **state)
{
    fixture_t            fx;
    sector_store_view_t  view;

    (void) state;
    make(&fx);

    (void) sector_store_read(&fx.victim, "k3", 2, 0, &view);

    assert_true(dies(&fx, act_replace, SECTOR_STORE_FP_PUT_FILLED, 1));

    assert_int_equal(put(&fx.heir, 1, 5, 0), SECTOR_STORE_NO_ROOM);
    fx.other.alive = victim_is_dead;
    assert_int_equal(put(&fx.heir, 1, 5, 0), SECTOR_STORE_OK);
    carry_on(&fx);
    store_region_unmake(&fx.region);
}


static void
test_counters_outlive_recovery(void **state)
{
    unsigned             i;
    fixture_t            fx;
    sector_store_info_t  info;

    (void) state;
    make(&fx);

    for (i = 0; i < 10; i++) {
        sector_store_count(&fx.victim, SECTOR_STAT_HIT);
        sector_store_count(&fx.heir, SECTOR_STAT_HIT);
    }

    prepare_death(&fx);
    sector_store_info(&fx.heir, &info);
    assert_int_equal(info.counters[SECTOR_STAT_HIT], 20);
    assert_in_range(info.counters[SECTOR_STAT_STORE], KEYS, KEYS + 1);

    prepare_death(&fx);
    prepare_death(&fx);
    sector_store_info(&fx.heir, &info);
    assert_int_equal(info.counters[SECTOR_STAT_HIT], 20);
    store_region_unmake(&fx.region);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_death_at_any_step_leaves_a_store_that_works),
        cmocka_unit_test(test_a_death_while_recovering_is_recovered_from_too),
        cmocka_unit_test(
            test_memory_waits_for_the_reader_of_a_store_that_is_emptied),
        cmocka_unit_test(test_a_dead_reader_does_not_hold_recovery_up),
        cmocka_unit_test(test_counters_outlive_recovery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
