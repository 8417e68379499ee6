/*
 * A process dies inside the mutex: at every step of every kind of call, with
 * and without a reader in the way, and again while the next one recovers.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_deaths.h"


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
        assert_int_equal(fx.other.recovered, 1);
        assert_int_equal(fx.region.recovered, 0);
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


/* Those that only look, or write single words, may die and cost nothing. */
static void
test_a_death_that_leaves_nothing_half_done_empties_nothing(void **state)
{
    unsigned             i;
    fixture_t            fx;
    sector_store_info_t  info;

    static const struct {
        void  (*act)(fixture_t *fx);
        int     point;
    } deaths[] = {
        { act_read_without_slot, SECTOR_STORE_FP_UNLOCK },
        { act_note_miss, SECTOR_STORE_FP_MISS_HALF },
        { act_attach, SECTOR_STORE_FP_SLOT_TAKEN },
        { act_info, SECTOR_STORE_FP_UNLOCK },
        { act_replace, SECTOR_STORE_FP_UNMARKED },
    };

    (void) state;

    for (i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
        make(&fx);
        assert_true(dies(&fx, deaths[i].act, deaths[i].point, 1));

        sector_store_info(&fx.heir, &info);
        assert_int_equal(info.entries, KEYS);
        assert_int_equal(info.counters[SECTOR_STAT_RECOVERY], 0);
        assert_string_equal(info.last_miss, "");
        carry_on(&fx);
        store_region_unmake(&fx.region);
    }
}


/* A name of another length, half of it the one before. */
static void
test_a_death_leaves_no_last_miss_in_two_halves(void **state)
{
    fixture_t            fx;
    sector_store_info_t  info;

    (void) state;
    make(&fx);

    sector_store_note_miss(&fx.heir, "ABSENT", 6);
    assert_true(dies(&fx, act_note_miss, SECTOR_STORE_FP_MISS_HALF, 1));
    sector_store_info(&fx.heir, &info);
    assert_string_equal(info.last_miss, "");

    sector_store_note_miss(&fx.heir, "X", 1);
    assert_true(dies(&fx, act_note_miss, SECTOR_STORE_FP_MISS_HALF, 2));
    sector_store_info(&fx.heir, &info);
    assert_string_equal(info.last_miss, "");

    sector_store_note_miss(&fx.heir, "ABSENT", 6);
    sector_store_info(&fx.heir, &info);
    assert_string_equal(info.last_miss, "ABSENT");
    store_region_unmake(&fx.region);
}


/* So that who saves the entries can tell a store that was emptied. */
static void
test_what_was_stored_before_a_death_is_told_from_what_is_new(void **state)
{
    int                  point;
    fixture_t            fx;
    sector_store_info_t  info;

    (void) state;

    for (point = 0; point < (int) POINTS; point++) {

        make(&fx);
        sector_store_info(&fx.heir, &info);
        assert_int_equal(info.changes, KEYS);
        assert_int_equal(info.lost_changes, 0);

        if (!dies(&fx, act_replace, point, 1) || !marked(&fx)) {
            store_region_unmake(&fx.region);
            continue;
        }

        sector_store_info(&fx.heir, &info);
        assert_true(info.changes >= KEYS);
        assert_int_equal(info.lost_changes, info.changes);

        assert_int_equal(put(&fx.heir, 1, 5, 0), SECTOR_STORE_OK);
        sector_store_info(&fx.heir, &info);
        assert_int_equal(info.changes, info.lost_changes + 1);
        store_region_unmake(&fx.region);
    }
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
        cmocka_unit_test(
            test_a_death_that_leaves_nothing_half_done_empties_nothing),
        cmocka_unit_test(test_a_death_leaves_no_last_miss_in_two_halves),
        cmocka_unit_test(
            test_what_was_stored_before_a_death_is_told_from_what_is_new),
        cmocka_unit_test(test_counters_outlive_recovery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
