/*
 * Readers beside writers, with a reader's steps between a writer's; the same
 * with several processes is torture_store.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_fixture.h"


/* Two hashes, and one bucket for both. */
static uint64_t
same_bucket(const void *key, size_t key_len)
{
    return (uint64_t) (*(const unsigned char *) key & 1) << 40 | key_len;
}


static void
test_a_reader_keeps_what_is_replaced_deleted_or_cleared(void **state)
{
    unsigned             i, way;
    uint64_t             used;
    fixture_t            fx;
    sector_store_t       reader;
    sector_store_view_t  view;

    (void) state;

    for (way = 0; way < 4; way++) {

        fixture_make(&fx, REGION, &fixture_policy);
        fixture_join(&fx, &reader, 101);

        (void) put(&fx.st, "k", "first", 0);
        (void) put(&fx.st, "other", "second", 0);

        assert_int_equal(sector_store_read(&reader, "k", 1, 0, &view),
                         SECTOR_STORE_FRESH);

        for (i = 0; i < 200; i++) {
            if (way == 0) {
                (void) put(&fx.st, "k", "later", 0);
                expect(&fx.st, "k", "later", 0);

            } else if (way == 1) {
                (void) sector_store_delete(&fx.st, "k", 1);
                expect(&fx.st, "k", NULL, 0);

            } else if (way == 2) {
                (void) sector_store_clear(&fx.st);
                expect(&fx.st, "k", NULL, 0);

            } else {
                (void) put(&fx.st, "elsewhere", "later", 20000);
                expect(&fx.st, "k", NULL, 20000);
            }

            (void) info_of(&fx.st);
            assert_memory_equal(view.value, "first", 5);
            fixture_check(&fx);
        }

        used = info_of(&fx.st).used_bytes;
        sector_store_read_end(&reader);

        assert_true(settle(&fx.st).used_bytes < used);
        assert_int_equal(fx.st.shm->retired_n, 0);
        fixture_check(&fx);
        fixture_unmake(&fx);
    }
}


/* A reader that comes in at every step inside a critical section. */

static sector_store_t  intruder;
static int             intruder_expects;    /* 0: nothing in particular */
static unsigned        intrusions;


static void
intrude(int point)
{
    unsigned              i;
    char                  key[16];
    sector_store_view_t   view;
    sector_store_state_e  found;

    (void) point;

    found = sector_store_read(&intruder, "k", 1, 0, &view);

    if (found != SECTOR_STORE_NONE) {
        assert_int_equal(view.value_bytes, 5);
        assert_true(memcmp(view.value, "older", 5) == 0
                    || memcmp(view.value, "newer", 5) == 0);
        sector_store_read_end(&intruder);

    } else if (intruder_expects) {
        fail_msg("neither the older nor the newer value is there");
    }

    for (i = 0; i < 30; i++) {
        snprintf(key, sizeof(key), "n%u", i);

        if (sector_store_read(&intruder, key, strlen(key), 0, &view)
            != SECTOR_STORE_NONE)
        {
            assert_int_equal(view.value_bytes, strlen(key));
            assert_memory_equal(view.value, key, strlen(key));
            sector_store_read_end(&intruder);
        }
    }

    intrusions++;
}


static void
test_at_every_step_a_reader_finds_the_older_or_the_newer(void **state)
{
    unsigned   i;
    char       key[16];
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    fixture_join(&fx, &intruder, 101);
    sector_store_test_hash = same_bucket;
    (void) put(&fx.st, "k", "older", 0);

    intrusions = 0;
    intruder_expects = 1;
    sector_store_test_fail = intrude;

    for (i = 0; i < 90; i++) {
        snprintf(key, sizeof(key), "n%u", i % 30);

        (void) put(&fx.st, key, key, 0);
        (void) put(&fx.st, "k", i % 2 ? "older" : "newer", 0);

        if (i % 3 == 0) {
            (void) sector_store_delete(&fx.st, key, strlen(key));
        }
    }

    intruder_expects = 0;
    fx.region.control->most = 20;

    for (i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "n%u", i % 30);
        (void) put(&fx.st, key, key, i == 50 ? 5000 : 0);

        if (i % 25 == 0) {
            (void) sector_store_clear(&fx.st);
        }
    }

    sector_store_test_fail = NULL;
    assert_true(intrusions > 1000);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_a_reader_in_the_way_costs_few_entries(void **state)
{
    unsigned               i, refused;
    char                   key[16];
    fixture_t              fx;
    sector_store_t         reader;
    sector_store_view_t    view;
    sector_store_info_t    info;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    fixture_join(&fx, &reader, 101);
    fx.region.control->most = 200;

    for (i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        (void) put(&fx.st, key, "v", 0);
    }

    (void) sector_store_read(&reader, "k7", 2, 0, &view);

    for (i = 0, refused = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "n%u", i);
        refused += (put(&fx.st, key, "v", 0) == SECTOR_STORE_NO_ROOM);
    }

    info = info_of(&fx.st);
    assert_int_equal(refused, 100);
    assert_true(info.counters[SECTOR_STAT_EVICT] <= 2);
    assert_memory_equal(view.value, "v", 1);

    /* gone, it is found out by whoever lacks room */

    fixture_dead_pid = 101;
    assert_int_equal(put(&fx.st, "n", "v", 0), SECTOR_STORE_OK);
    assert_int_equal(atomic_load(&reader.slot->epoch), 0);
    assert_int_equal(atomic_load(&reader.slot->pid), 0);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_a_reader_that_came_later_holds_nothing_back(void **state)
{
    fixture_t            fx;
    sector_store_t       early, late;
    sector_store_view_t  view;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    fixture_join(&fx, &early, 101);
    fixture_join(&fx, &late, 102);

    (void) put(&fx.st, "k", "v", 0);
    (void) put(&fx.st, "other", "v", 0);

    (void) sector_store_read(&early, "k", 1, 0, &view);
    (void) sector_store_delete(&fx.st, "k", 1);
    (void) sector_store_read(&late, "other", 5, 0, &view);

    (void) info_of(&fx.st);
    assert_int_equal(fx.st.shm->retired_n, 1);

    sector_store_read_end(&early);
    (void) info_of(&fx.st);
    assert_int_equal(fx.st.shm->retired_n, 0);

    sector_store_read_end(&late);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_dead_readers_are_found_out_before_room_is_short(void **state)
{
    unsigned             i;
    fixture_t            fx;
    sector_store_t       reader;
    sector_store_view_t  view;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    fixture_join(&fx, &reader, 101);

    (void) put(&fx.st, "k", "v", 0);
    (void) sector_store_read(&reader, "k", 1, 0, &view);
    fixture_dead_pid = 101;

    for (i = 0; i < 1000; i++) {
        (void) put(&fx.st, "k", "v", 0);
        assert_true(fx.st.shm->retired_n <= SECTOR_STORE_RETIRED_MANY + 1);
    }

    fixture_unmake(&fx);
}


/* What readers held back is given back quickly once they have left, and yet
 * no writer has to do all of it. */
static void
test_what_was_held_back_is_given_back_in_steps(void **state)
{
    unsigned             i;
    fixture_t            fx;
    sector_store_t       reader;
    sector_store_view_t  view;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    fixture_join(&fx, &reader, 101);

    (void) put(&fx.st, "k", "v", 0);
    (void) sector_store_read(&reader, "k", 1, 0, &view);

    for (i = 0; i < 300; i++) {
        (void) put(&fx.st, "k", "v", 0);
    }

    assert_int_equal(fx.st.shm->retired_n, 300);

    sector_store_read_end(&reader);

    (void) info_of(&fx.st);
    assert_int_equal(fx.st.shm->retired_n, 300 - 128);
    fixture_check(&fx);

    (void) info_of(&fx.st);
    assert_int_equal(fx.st.shm->retired_n, 300 - 2 * 128);

    (void) info_of(&fx.st);
    assert_int_equal(fx.st.shm->retired_n, 0);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


/* So is what was cleared. */
static void
test_what_was_cleared_is_swept_in_steps(void **state)
{
    int        i;
    char       key[16];
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    for (i = 0; i < 40; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        (void) put(&fx.st, key, "v", 0);
    }

    assert_int_equal(sector_store_clear(&fx.st), 40);

    for (i = 0; fx.st.shm->cleared.oldest != NULL; i++) {
        (void) info_of(&fx.st);
        fixture_check(&fx);
    }

    assert_in_range(i, 40 / 16, 40 / 16 + 1);
    fixture_unmake(&fx);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            test_a_reader_keeps_what_is_replaced_deleted_or_cleared),
        cmocka_unit_test(
            test_at_every_step_a_reader_finds_the_older_or_the_newer),
        cmocka_unit_test(test_a_reader_in_the_way_costs_few_entries),
        cmocka_unit_test(test_a_reader_that_came_later_holds_nothing_back),
        cmocka_unit_test(test_dead_readers_are_found_out_before_room_is_short),
        cmocka_unit_test(test_what_was_held_back_is_given_back_in_steps),
        cmocka_unit_test(test_what_was_cleared_is_swept_in_steps)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
