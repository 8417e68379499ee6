/*
 * Slots and whom they belong to, counters, what info tells, opening.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "store_fixture.h"


static void
test_a_slot_is_taken_over_from_the_dead_and_from_a_namesake(void **state)
{
    fixture_t             fx;
    sector_store_t        a, b, c;
    sector_store_view_t   view;
    sector_store_slot_t  *slot;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    (void) put(&fx.st, "k", "v", 0);

    fixture_join(&fx, &a, 101);
    fixture_join(&fx, &b, 102);
    assert_ptr_not_equal(a.slot, b.slot);
    assert_ptr_not_equal(a.slot, fx.st.slot);

    slot = a.slot;
    sector_store_count(&a, SECTOR_STAT_HIT);
    (void) sector_store_read(&a, "k", 1, 0, &view);

    fixture_dead_pid = 101;
    fixture_join(&fx, &c, 103);
    assert_ptr_equal(c.slot, slot);
    assert_int_equal(atomic_load(&c.slot->epoch), 0);
    sector_store_count(&c, SECTOR_STAT_HIT);
    assert_int_equal(info_of(&c).counters[SECTOR_STAT_HIT], 2);

    /* 102 died and its number was given to another process */

    (void) sector_store_read(&b, "k", 1, 0, &view);
    slot = b.slot;
    fixture_join(&fx, &c, 102);
    assert_ptr_equal(c.slot, slot);
    assert_int_equal(atomic_load(&c.slot->epoch), 0);

    sector_store_detach(&c);
    assert_null(c.slot);
    sector_store_detach(&c);

    fixture_join(&fx, &c, 104);
    assert_ptr_equal(c.slot, slot);
    fixture_unmake(&fx);
}


static void
test_more_processes_than_slots_still_read(void **state)
{
    unsigned             i, none;
    fixture_t            fx;
    sector_store_t       st[40];
    sector_store_view_t  view;

    (void) state;
    fixture_make(&fx, 64 * 1024, &fixture_policy);
    (void) put(&fx.st, "k", "v", 0);

    for (i = 0, none = 0; i < 40; i++) {
        fixture_join(&fx, &st[i], 200 + (int32_t) i);
        none += (st[i].slot == NULL);
        expect(&st[i], "k", "v", 0);
        expect(&st[i], "absent", NULL, 0);
        sector_store_count(&st[i], SECTOR_STAT_MISS);
    }

    assert_int_equal(none, 40 - (SECTOR_STORE_SLOTS_MIN - 1));
    assert_int_equal(info_of(&st[39]).counters[SECTOR_STAT_MISS], 40);

    /* such a read holds the lock: nothing can change meanwhile */

    assert_int_equal(sector_store_read(&st[39], "k", 1, 0, &view),
                     SECTOR_STORE_FRESH);
    assert_int_equal(atomic_load(&fx.region.control->owner), fx.region.id);
    sector_store_read_end(&st[39]);
    assert_int_equal(atomic_load(&fx.region.control->owner), 0);

    sector_store_detach(&st[3]);
    sector_store_attach(&st[39], 239);
    assert_non_null(st[39].slot);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_a_process_without_a_slot_takes_one_that_comes_free(void **state)
{
    unsigned        i;
    fixture_t       fx;
    sector_store_t  st[20], master;

    (void) state;
    fixture_make(&fx, 64 * 1024, &fixture_policy);
    (void) put(&fx.st, "k", "v", 0);

    for (i = 0; i < 20; i++) {
        fixture_join(&fx, &st[i], 200 + (int32_t) i);
    }

    master = st[19];
    assert_int_equal(sector_store_open(&master, fx.region.reserve,
                                       fx.region.reserve_bytes, &fx.ops,
                                       &fixture_policy), 0);

    for (i = 0; i < 2 * SECTOR_STORE_REJOIN; i++) {
        expect(&st[18], "k", "v", 0);
        sector_store_count(&st[18], SECTOR_STAT_HIT);
    }

    assert_null(st[18].slot);

    sector_store_detach(&st[2]);
    fixture_dead_pid = 203;

    for (i = 0; i < SECTOR_STORE_REJOIN; i++) {
        expect(&master, "k", "v", 0);
        expect(&st[2], "k", "v", 0);
        expect(&st[18], "k", "v", 0);
        expect(&st[19], "absent", NULL, 0);
        sector_store_count(&st[18], SECTOR_STAT_HIT);
        assert_int_equal(atomic_load(&fx.region.control->owner), 0);
    }

    /* those who want one have one: of who left, and of who died */

    assert_non_null(st[18].slot);
    assert_non_null(st[19].slot);
    assert_ptr_not_equal(st[18].slot, st[19].slot);
    assert_int_equal(atomic_load(&st[18].slot->pid), 218);
    assert_null(st[2].slot);
    assert_null(master.slot);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_HIT],
                     3 * SECTOR_STORE_REJOIN);

    /* and read without the lock */

    fx.region.control->owner = 77;
    expect(&st[18], "k", "v", 0);
    fx.region.control->owner = 0;

    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_counters_are_exact_over_detaching_and_clearing(void **state)
{
    unsigned        i, stat;
    uint64_t        expected[SECTOR_STATS_N];
    fixture_t       fx;
    sector_store_t  st[3];

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    memset(expected, 0, sizeof(expected));

    for (i = 0; i < 3; i++) {
        fixture_join(&fx, &st[i], 300 + (int32_t) i);
    }

    for (i = 0; i < 5000; i++) {
        stat = i * 7 % SECTOR_STAT_STORE;
        sector_store_count(&st[i % 3], stat);
        expected[stat]++;

        if (i % 10 == 0) {
            sector_store_detach(&st[i % 3]);
        }

        if (i % 10 == 5) {
            sector_store_attach(&st[i % 3], 300 + (int32_t) i);
        }

        if (i % 100 == 0) {
            (void) sector_store_clear(&fx.st);
        }
    }

    assert_memory_equal(info_of(&fx.st).counters, expected,
                        sizeof(expected));
    fixture_unmake(&fx);
}


#define COUNTERS  4
#define COUNTED   200000

static void *
count_many(void *data)
{
    unsigned  i;

    for (i = 0; i < COUNTED; i++) {
        sector_store_count(data, SECTOR_STAT_HIT);
    }

    return NULL;
}


/* They share one counter, while those with slots have each their own. */
static void
test_counters_of_processes_without_a_slot_are_exact(void **state)
{
    unsigned        i;
    fixture_t       fx;
    pthread_t       threads[COUNTERS];
    sector_store_t  st[COUNTERS];

    (void) state;
    fixture_make(&fx, 64 * 1024, &fixture_policy);

    for (i = 0; i < COUNTERS; i++) {
        assert_int_equal(sector_store_open(&st[i], fx.region.reserve,
                                           fx.region.reserve_bytes, &fx.ops,
                                           &fixture_policy), 0);
    }

    for (i = 0; i < COUNTERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_many,
                                        &st[i]), 0);
    }

    for (i = 0; i < COUNTERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }

    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_HIT],
                     COUNTERS * COUNTED);
    fixture_unmake(&fx);
}


static void
test_info_tells_last_store_and_last_miss(void **state)
{
    char                  key[SECTOR_STORE_KEY_MAX + 1];
    fixture_t             fx;
    sector_store_info_t   info;
    sector_store_item_t   item = { .value = "v", .value_bytes = 1 };
    sector_store_times_t  times = { .fresh_ms = 100, .refresh_ms = 100,
                                    .dead_ms = 100 };

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    info = info_of(&fx.st);
    assert_int_equal(info.last_store_wall_ms, 0);
    assert_string_equal(info.last_miss, "");

    (void) put(&fx.st, "k", "v", 5);
    assert_int_equal(info_of(&fx.st).last_store_wall_ms, 1000005);

    /* the clock is put right: what is stored last is the last */

    (void) put(&fx.st, "k", "v", 4);
    assert_int_equal(info_of(&fx.st).last_store_wall_ms, 1000004);

    /* what is restored was stored in any order */

    times.stored_wall_ms = 1000009;
    (void) sector_store_restore(&fx.st, "r", 1, &item, &times, 5);
    times.stored_wall_ms = 1000007;
    (void) sector_store_restore(&fx.st, "s", 1, &item, &times, 5);
    assert_int_equal(info_of(&fx.st).last_store_wall_ms, 1000009);

    memset(key, 'x', sizeof(key));
    sector_store_note_miss(&fx.st, key, SECTOR_STORE_KEY_MAX);
    key[SECTOR_STORE_KEY_MAX] = '\0';
    assert_string_equal(info_of(&fx.st).last_miss, key);

    sector_store_note_miss(&fx.st, "SPY", 3);
    sector_store_note_miss(&fx.st, "", 0);
    assert_string_equal(info_of(&fx.st).last_miss, "SPY");
    fixture_unmake(&fx);
}


static void
test_open_refuses_what_create_did_not_make(void **state)
{
    fixture_t                   fx;
    sector_store_t              st;
    sector_store_shm_t         *shm;
    static alignas(64) uint8_t  copy[64 * 1024];

    (void) state;
    fixture_make(&fx, 64 * 1024, &fixture_policy);
    shm = fx.st.shm;

#define REFUSED()                                                             \
    assert_int_equal(sector_store_open(&st, shm, fx.region.reserve_bytes,     \
                                       &fx.ops, &fixture_policy), -1)

    shm->magic ^= 1;
    REFUSED();
    shm->magic ^= 1;

    shm->version++;
    REFUSED();
    shm->version--;

    shm->entry_bytes += 8;
    REFUSED();
    shm->entry_bytes -= 8;

    shm->stats_n++;
    REFUSED();
    shm->stats_n--;

    assert_int_equal(sector_store_open(&st, shm, fx.region.reserve_bytes
                                       + 4096, &fx.ops, &fixture_policy), -1);
    assert_int_equal(sector_store_open(&st, shm, 0, &fx.ops,
                                       &fixture_policy), -1);

    /* mapped elsewhere, its pointers would lead astray */

    memcpy(copy, shm, fx.region.reserve_bytes);
    assert_int_equal(sector_store_open(&st, copy, fx.region.reserve_bytes,
                                       &fx.ops, &fixture_policy), -1);

    assert_int_equal(sector_store_open(&st, shm, fx.region.reserve_bytes,
                                       &fx.ops, &fixture_policy), 0);
    fixture_unmake(&fx);
}


static void
test_reserves_are_pages_and_a_small_part(void **state)
{
    size_t  bytes, reserve;

    (void) state;

    for (bytes = 32768; bytes <= (size_t) 4 << 30; bytes += bytes / 3) {
        reserve = sector_store_reserve(bytes);
        assert_int_equal(reserve % 4096, 0);
        assert_true(reserve <= bytes / 8);
    }

    assert_true(sector_store_reserve((size_t) 1 << 30)
                <= ((size_t) 1 << 30) / 50);
    assert_int_equal(sector_store_reserve(0), 4096);
}


/* The longest chain that a lookup may have to walk. */
static unsigned
longest_chain(sector_store_shm_t *shm)
{
    uint64_t               i;
    unsigned               n, most;
    sector_store_entry_t  *e;

    for (i = 0, most = 0; i <= shm->mask; i++) {
        n = 0;

        for (e = atomic_load(&shm->buckets[i]);
             e != NULL;
             e = atomic_load(&e->next))
        {
            n++;
        }

        most = n > most ? n : most;
    }

    return most;
}


/* What README.md promises of memory, and of a lookup in a full store. */
static void
test_bookkeeping_and_chains_stay_short(void **state)
{
    unsigned             i;
    char                 key[16];
    fixture_t            fx;
    sector_store_info_t  info;
    static char          value[501];

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    memset(value, 'v', sizeof(value) - 1);

    for (i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key%05u", i);
        assert_int_equal(put(&fx.st, key, value, 0), SECTOR_STORE_OK);
    }

    info = settle(&fx.st);
    assert_true(info.counters[SECTOR_STAT_EVICT] > 1000);
    assert_true(info.used_bytes <= info.entries * (8 + 500 + 128));

    /* no more entries than buckets: a chain is rarely longer than four; ten
     * come once in a hundred thousand stores */

    assert_true(info.entries <= fx.st.shm->mask + 1);
    assert_in_range(longest_chain(fx.st.shm), 2, 10);
    fixture_unmake(&fx);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            test_a_slot_is_taken_over_from_the_dead_and_from_a_namesake),
        cmocka_unit_test(test_more_processes_than_slots_still_read),
        cmocka_unit_test(
            test_a_process_without_a_slot_takes_one_that_comes_free),
        cmocka_unit_test(test_counters_are_exact_over_detaching_and_clearing),
        cmocka_unit_test(test_counters_of_processes_without_a_slot_are_exact),
        cmocka_unit_test(test_info_tells_last_store_and_last_miss),
        cmocka_unit_test(test_open_refuses_what_create_did_not_make),
        cmocka_unit_test(test_reserves_are_pages_and_a_small_part),
        cmocka_unit_test(test_bookkeeping_and_chains_stay_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
