/*
 * Walking over all entries, and storing one with times of its own: what a
 * dump is made with and loaded with.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_fixture.h"


#define MANY  1000


/* How often each of the keys "k0", "k1", ... was shown. */

typedef struct {
    unsigned            times[MANY];
    unsigned            shown;
    sector_store_t     *st;         /* what the call may look at */
} tally_t;


static unsigned
key_number(const void *key, size_t key_len)
{
    char  text[16];

    assert_in_range(key_len, 2, sizeof(text) - 1);
    memcpy(text, key, key_len);
    text[key_len] = '\0';

    return (unsigned) strtoul(text + 1, NULL, 10);
}


static void
tally(void *data, const void *key, size_t key_len,
    const sector_store_view_t *view)
{
    char      value[16];
    tally_t  *t;
    unsigned  n;

    t = data;
    n = key_number(key, key_len);

    assert_in_range(n, 0, MANY - 1);
    snprintf(value, sizeof(value), "v%u", n);
    assert_int_equal(view->value_bytes, strlen(value));
    assert_memory_equal(view->value, value, view->value_bytes);

    t->times[n]++;
    t->shown++;
}


static void
put_number(sector_store_t *st, unsigned n, uint64_t now)
{
    char  key[16], value[16];

    snprintf(key, sizeof(key), "k%u", n);
    snprintf(value, sizeof(value), "v%u", n);
    assert_int_equal(put(st, key, value, now), SECTOR_STORE_OK);
}


/* The whole store; returns the number of steps. */
static unsigned
walk(sector_store_t *st, uint64_t now, tally_t *t)
{
    uint64_t  cursor;
    unsigned  steps;

    memset(t, 0, sizeof(tally_t));
    cursor = 0;
    steps = 0;

    do {
        cursor = sector_store_each(st, cursor, now, tally, t);
        assert_in_range(cursor, 0, st->shm->mask);
        steps++;
    } while (cursor != 0);

    return steps;
}


static uint64_t
one_bucket(const void *key, size_t key_len)
{
    return (uint64_t) key_number(key, key_len) << 32 | 77;
}


static void
walk_all(uint64_t (*hash)(const void *, size_t), int with_slot)
{
    unsigned   n, i;
    tally_t    t;
    fixture_t  fx;

    fixture_make(&fx, REGION, &fixture_policy);
    sector_store_test_hash = hash;

    for (n = 0; n < MANY; n += 1 + n / 3) {
        for (i = 0; i <= n; i++) {
            put_number(&fx.st, i, 0);
        }

        if (!with_slot) {
            sector_store_detach(&fx.st);
        }

        assert_int_equal(walk(&fx.st, 0, &t),
                         (fx.st.shm->mask + 1) / SECTOR_STORE_EACH_STEP);
        assert_int_equal(t.shown, n + 1);

        for (i = 0; i <= n; i++) {
            assert_int_equal(t.times[i], 1);
        }

        assert_int_equal(fx.st.locked, 0);
        assert_int_equal(atomic_load(&fx.region.control->owner), 0);
        assert_true(fx.st.slot == NULL
                    || atomic_load(&fx.st.slot->epoch) == 0);
    }

    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_each_entry_is_shown_once(void **state)
{
    (void) state;
    walk_all(NULL, 1);
    walk_all(NULL, 0);
    walk_all(one_bucket, 1);
}


static void
test_what_is_dead_deleted_or_cleared_is_not_shown(void **state)
{
    unsigned   i;
    tally_t    t;
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    assert_int_equal(walk(&fx.st, 0, &t),
                     (fx.st.shm->mask + 1) / SECTOR_STORE_EACH_STEP);
    assert_int_equal(t.shown, 0);

    for (i = 0; i < 100; i++) {
        put_number(&fx.st, i, i);
    }

    (void) walk(&fx.st, 1499, &t);
    assert_int_equal(t.shown, 100);
    (void) walk(&fx.st, 1500, &t);
    assert_int_equal(t.shown, 99);
    assert_int_equal(t.times[0], 0);
    (void) walk(&fx.st, 1598, &t);
    assert_int_equal(t.shown, 1);
    assert_int_equal(t.times[99], 1);
    (void) walk(&fx.st, 1599, &t);
    assert_int_equal(t.shown, 0);

    assert_int_equal(sector_store_delete(&fx.st, "k50", 3), 1);
    (void) walk(&fx.st, 99, &t);
    assert_int_equal(t.shown, 99);
    assert_int_equal(t.times[50], 0);

    assert_int_equal(sector_store_clear(&fx.st), 99);
    put_number(&fx.st, 3, 99);
    assert_non_null(fx.st.shm->cleared.oldest);
    (void) walk(&fx.st, 99, &t);
    assert_int_equal(t.shown, 1);
    assert_int_equal(t.times[3], 1);
    fixture_unmake(&fx);
}


static void
test_a_cursor_past_the_end_ends(void **state)
{
    tally_t    t;
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    put_number(&fx.st, 1, 0);
    memset(&t, 0, sizeof(t));

    assert_int_equal(sector_store_each(&fx.st, fx.st.shm->mask + 1, 0, tally,
                                       &t), 0);
    assert_int_equal(sector_store_each(&fx.st, UINT64_MAX, 0, tally, &t), 0);
    assert_int_equal(t.shown, 0);
    fixture_unmake(&fx);
}


/* Somebody else's work between two steps. */
static void
test_work_between_the_steps_moves_nothing_else(void **state)
{
    unsigned   i, n;
    tally_t    t;
    uint64_t   cursor, random;
    fixture_t  fx;

    (void) state;
    random = store_region_seed();
    fixture_make(&fx, REGION, &fixture_policy);
    memset(&t, 0, sizeof(t));
    cursor = 0;

    for (i = 0; i < 500; i++) {
        put_number(&fx.st, i, 0);
    }

    do {
        cursor = sector_store_each(&fx.st, cursor, 0, tally, &t);

        for (i = 0; i < 50; i++) {
            char  key[16];

            n = 250 + (unsigned) (store_region_random64(&random) % 500);

            if (i % 2) {
                put_number(&fx.st, n, 0);

            } else {
                snprintf(key, sizeof(key), "k%u", n);
                (void) sector_store_delete(&fx.st, key, strlen(key));
            }
        }
    } while (cursor != 0);

    for (i = 0; i < MANY; i++) {
        assert_in_range(t.times[i], i < 250, 1);
    }

    fixture_check(&fx);
    fixture_unmake(&fx);
}


/* Takes away, in another process, what is being shown. */
static void
take_away(void *data, const void *key, size_t key_len,
    const sector_store_view_t *view)
{
    tally_t   *t;
    unsigned   i;

    t = data;

    if (t->st != NULL) {
        (void) sector_store_clear(t->st);

        for (i = 0; i < 50; i++) {
            put_number(t->st, 900 + i % 5, 0);
        }

        t->st = NULL;
    }

    tally(data, key, key_len, view);
}


static void
test_what_is_shown_stays_while_it_is(void **state)
{
    unsigned        i;
    tally_t         t;
    uint64_t        cursor;
    fixture_t       fx;
    sector_store_t  other;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    fixture_join(&fx, &other, 101);
    sector_store_test_hash = one_bucket;
    memset(&t, 0, sizeof(t));

    for (i = 0; i < 40; i++) {
        put_number(&fx.st, i, 0);
    }

    t.st = &other;
    cursor = 0;

    do {
        cursor = sector_store_each(&fx.st, cursor, 0, take_away, &t);
    } while (cursor != 0);

    assert_true(t.shown >= 1);
    assert_true(settle(&fx.st).entries == 5);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


/* Storing with times of its own */


static sector_store_view_t
restored(fixture_t *fx, uint64_t now, uint64_t age, uint64_t fresh,
    uint64_t refresh, uint64_t dead)
{
    sector_store_view_t   view;
    sector_store_item_t   item = { .value = "v", .value_bytes = 1, .tag = 9 };
    sector_store_times_t  times;

    times.age_ms = age;
    times.fresh_ms = fresh;
    times.refresh_ms = refresh;
    times.dead_ms = dead;
    times.stored_wall_ms = 4;

    item.ttl_limit_ms = 1;
    fx->st.policy.jitter_percent = 100;
    assert_int_equal(sector_store_restore(&fx->st, "k", 1, &item, &times, now),
                     SECTOR_STORE_OK);

    /* not now: it may be dead by then */

    assert_int_not_equal(sector_store_read(&fx->st, "k", 1, 0, &view),
                         SECTOR_STORE_NONE);
    assert_true(view.stored_ms == now - age);
    assert_true(view.stored_wall_ms == 4);
    assert_int_equal(view.tag, 9);
    sector_store_read_end(&fx->st);

    return view;
}


static void
ends(fixture_t *fx, uint64_t now, uint64_t age, uint64_t window, uint64_t end)
{
    sector_store_view_t  view;

    view = restored(fx, now, age, window, FOREVER, FOREVER);
    assert_true(view.fresh_until_ms == end);

    view = restored(fx, now, age, 0, window, FOREVER);
    assert_true(view.refresh_until_ms == end);
    assert_true(view.dead_at_ms == FOREVER);

    if (end > 0) {
        view = restored(fx, now, age, 0, 0, window);
        assert_true(view.dead_at_ms == end);
    }
}


static void
test_a_restored_entry_has_its_own_windows(void **state)
{
    fixture_t            fx;
    sector_store_view_t  view;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    view = restored(&fx, 10000, 300, 500, 800, 900);
    assert_int_equal(view.fresh_until_ms, 10200);
    assert_int_equal(view.refresh_until_ms, 10500);
    assert_int_equal(view.dead_at_ms, 10600);
    assert_int_equal(state_at(&fx.st, "k", 10199), SECTOR_STORE_FRESH);
    assert_int_equal(state_at(&fx.st, "k", 10499), SECTOR_STORE_REFRESH);
    assert_int_equal(state_at(&fx.st, "k", 10599), SECTOR_STORE_STALE);
    assert_int_equal(state_at(&fx.st, "k", 10600), SECTOR_STORE_NONE);
    fixture_unmake(&fx);
}


static void
test_restored_windows_saturate(void **state)
{
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    /* without end, whatever the age */

    ends(&fx, 100, 0, FOREVER, FOREVER);
    ends(&fx, 100, 7, FOREVER, FOREVER);
    ends(&fx, 100, 5000, FOREVER, FOREVER);
    ends(&fx, 0, FOREVER, FOREVER, FOREVER);

    /* nearly so: no sum overflows */

    ends(&fx, 100, 0, FOREVER - 1, FOREVER);
    ends(&fx, 100, 100, FOREVER - 1, FOREVER - 1);
    ends(&fx, 100, 99, FOREVER - 1, FOREVER);
    ends(&fx, 100, 5000, FOREVER - 1, FOREVER - 4901);
    ends(&fx, FOREVER, 1, 2, FOREVER);

    /* older than the machine: the difference counts, not the age */

    ends(&fx, 100, 5000, 5001, 101);
    ends(&fx, 100, 5000, 5000, 100);
    ends(&fx, 100, 5000, 4999, 99);
    ends(&fx, 100, 5000, 4901, 1);
    ends(&fx, 100, 5000, 4900, 0);
    ends(&fx, 100, 5000, 4899, 0);
    ends(&fx, 100, 5000, 0, 0);
    ends(&fx, 0, FOREVER, 0, 0);
    ends(&fx, FOREVER, FOREVER, 3, 3);
    fixture_unmake(&fx);
}


static void
test_restoring_refuses_what_putting_refuses(void **state)
{
    fixture_t             fx;
    sector_store_item_t   item = { .value = "v", .value_bytes = 1 };
    sector_store_times_t  times = { .fresh_ms = 10, .refresh_ms = 10,
                                    .dead_ms = 10, .stored_wall_ms = 50 };

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    assert_int_equal(sector_store_restore(&fx.st, "", 0, &item, &times, 0),
                     SECTOR_STORE_BAD_KEY);
    assert_int_equal(sector_store_restore(&fx.st, "k",
                                          SECTOR_STORE_KEY_MAX + 1, &item,
                                          &times, 0), SECTOR_STORE_BAD_KEY);
    item.value_bytes = fixture_policy.max_object_bytes + 1;
    assert_int_equal(sector_store_restore(&fx.st, "k", 1, &item, &times, 0),
                     SECTOR_STORE_TOO_LARGE);
    assert_int_equal(info_of(&fx.st).entries, 0);

    /* the last one that was stored is the latest, in whatever order */

    item.value_bytes = 1;
    assert_int_equal(sector_store_restore(&fx.st, "a", 1, &item, &times, 0),
                     SECTOR_STORE_OK);
    times.stored_wall_ms = 30;
    assert_int_equal(sector_store_restore(&fx.st, "b", 1, &item, &times, 0),
                     SECTOR_STORE_OK);
    assert_int_equal(info_of(&fx.st).last_store_wall_ms, 50);
    assert_int_equal(info_of(&fx.st).entries, 2);
    fixture_unmake(&fx);
}


/* The time that goes by is the machine's, not the entry's. */
static void
test_restoring_an_old_entry_expires_by_the_clock(void **state)
{
    fixture_t             fx;
    sector_store_item_t   item = { .value = "v", .value_bytes = 1 };
    sector_store_times_t  times = { .age_ms = 5000, .fresh_ms = 9000,
                                    .refresh_ms = 9000, .dead_ms = 9000 };

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    put_number(&fx.st, 1, 0);

    assert_int_equal(sector_store_restore(&fx.st, "o", 1, &item, &times, 1000),
                     SECTOR_STORE_OK);
    assert_int_equal(info_of(&fx.st).entries, 2);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EXPIRE], 0);

    assert_int_equal(sector_store_restore(&fx.st, "p", 1, &item, &times, 1500),
                     SECTOR_STORE_OK);
    assert_int_equal(info_of(&fx.st).entries, 2);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EXPIRE], 1);
    fixture_unmake(&fx);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_each_entry_is_shown_once),
        cmocka_unit_test(test_what_is_dead_deleted_or_cleared_is_not_shown),
        cmocka_unit_test(test_a_cursor_past_the_end_ends),
        cmocka_unit_test(test_work_between_the_steps_moves_nothing_else),
        cmocka_unit_test(test_what_is_shown_stays_while_it_is),
        cmocka_unit_test(test_a_restored_entry_has_its_own_windows),
        cmocka_unit_test(test_restored_windows_saturate),
        cmocka_unit_test(test_restoring_refuses_what_putting_refuses),
        cmocka_unit_test(test_restoring_an_old_entry_expires_by_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
