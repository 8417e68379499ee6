/*
 * Eviction, expiry, clearing, failing allocators: where memory goes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_fixture.h"


#define MODEL_CAPACITY  40
#define MODEL_KEYS      120

typedef struct {
    int         key[MODEL_CAPACITY];    /* oldest first */
    int         visited[MODEL_CAPACITY];
    int         n;
    int         hand;                   /* index; n or more: the oldest */
} model_t;


static int
model_find(model_t *m, int key)
{
    int  i;

    for (i = 0; i < m->n && m->key[i] != key; i++) { /* void */ }

    return i < m->n ? i : -1;
}


static void
model_remove(model_t *m, int i)
{
    memmove(&m->key[i], &m->key[i + 1], (m->n - i - 1) * sizeof(int));
    memmove(&m->visited[i], &m->visited[i + 1],
            (m->n - i - 1) * sizeof(int));
    m->n--;

    if (m->hand > i) {
        m->hand--;
    }
}


/* SIEVE as its paper has it. */
static void
model_evict(model_t *m, int keep)
{
    int  i;

    for (i = m->hand; /* void */ ; i++) {

        if (i >= m->n) {
            i = 0;
        }

        if (m->key[i] == keep) {
            continue;
        }

        if (!m->visited[i]) {
            break;
        }

        m->visited[i] = 0;
    }

    m->hand = i;
    model_remove(m, i);
}


static void
model_put(model_t *m, int key)
{
    int  i;

    if (m->n == MODEL_CAPACITY) {
        model_evict(m, key);
    }

    i = model_find(m, key);

    if (i >= 0) {
        m->visited[i] = 1;
        return;
    }

    if (m->hand >= m->n) {
        m->hand = MODEL_CAPACITY + 1;
    }

    m->key[m->n] = key;
    m->visited[m->n++] = 0;

    if (m->hand > MODEL_CAPACITY) {
        m->hand = 0;
    }
}


static void
model_compare(model_t *m, sector_store_t *st)
{
    int                    i, key;
    sector_store_entry_t  *e;

    for (i = 0, e = st->shm->queue.oldest; e != NULL; i++, e = e->newer) {
        assert_true(i < m->n);
        memcpy(&key, e + 1, sizeof(int));
        assert_int_equal(key, m->key[i]);
        assert_int_equal(atomic_load(&e->visited), m->visited[i]);
    }

    assert_int_equal(i, m->n);
}


/* One random call, of the store and of the model. */
static void
trace_step(fixture_t *fx, model_t *m, uint64_t *random)
{
    int                   key, op, i;
    sector_store_view_t   view;
    sector_store_item_t   item = { .value = "value", .value_bytes = 5 };
    sector_store_state_e  found;

    /* of two keys the smaller: some are hotter than others */

    key = (int) (store_region_random64(random) % MODEL_KEYS);
    i = (int) (store_region_random64(random) % MODEL_KEYS);
    key = i < key ? i : key;
    op = (int) (store_region_random64(random) % 1000);
    i = model_find(m, key);

    if (op < 1) {
        assert_int_equal(sector_store_clear(&fx->st), m->n);
        (void) settle(&fx->st);
        m->n = 0;
        m->hand = 0;

    } else if (op < 50) {
        assert_int_equal(sector_store_delete(&fx->st, &key, sizeof(int)),
                         i >= 0);
        if (i >= 0) {
            model_remove(m, i);
        }

    } else if (op < 500) {
        found = sector_store_read(&fx->st, &key, sizeof(int), 0, &view);
        assert_int_equal(found != SECTOR_STORE_NONE, i >= 0);
        sector_store_read_end(&fx->st);

        if (i >= 0) {
            m->visited[i] = 1;
        }

    } else {
        assert_int_equal(sector_store_put(&fx->st, &key, sizeof(int), &item,
                                          0, 0), SECTOR_STORE_OK);
        model_put(m, key);
    }
}


static void
test_eviction_follows_sieve_on_random_traces(void **state)
{
    uint64_t   random;
    unsigned   round, step;
    model_t    m;
    fixture_t  fx;

    (void) state;
    random = store_region_seed();

    for (round = 0; round < 20; round++) {

        fixture_make(&fx, REGION, &fixture_policy);
        memset(&m, 0, sizeof(m));
        fx.region.control->most = MODEL_CAPACITY;

        for (step = 0; step < 3000; step++) {
            trace_step(&fx, &m, &random);
            model_compare(&m, &fx.st);
        }

        fixture_check(&fx);
        fixture_unmake(&fx);
    }
}


static void
test_dead_entries_leave_as_others_are_stored(void **state)
{
    unsigned   i;
    char       key[16];
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    /* a hot oldest entry must not hide the dead behind it */

    (void) put(&fx.st, "hot", "v", 0);

    for (i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        (void) put(&fx.st, key, "v", 0);
    }

    for (i = 0; i < 200; i++) {
        (void) put(&fx.st, "hot", "v", 5000);
    }

    assert_int_equal(info_of(&fx.st).entries, 1);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EXPIRE], 300);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EVICT], 0);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_the_hand_passes_a_bounded_number_of_visited_entries(void **state)
{
    unsigned               i, left;
    char                   key[16];
    fixture_t              fx;
    sector_store_entry_t  *e;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    for (i = 0; i < 2000; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        (void) put(&fx.st, key, "v", 0);
        expect(&fx.st, key, "v", 0);
    }

    fx.region.control->most = 2000;
    assert_int_equal(put(&fx.st, "n", "v", 0), SECTOR_STORE_OK);

    for (left = 0, e = fx.st.shm->queue.oldest; e != NULL; e = e->newer) {
        left += atomic_load(&e->visited);
    }

    assert_int_equal(left, 2000 - SECTOR_STORE_HAND_STEPS - 1);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EVICT], 1);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


/* Stores a value of so many bytes. */
static sector_store_error_e
put_big(sector_store_t *st, size_t bytes, uint64_t now)
{
    static char          big[256 * 1024];
    sector_store_item_t  item = { .value = big, .value_bytes = bytes };

    assert_true(bytes <= sizeof(big));

    return sector_store_put(st, "big", 3, &item, now, 0);
}


/* A region in which small entries leave no room for another. */
static void
fill_up(fixture_t *fx, size_t bytes)
{
    unsigned  i;
    char      key[16];

    fixture_make(fx, bytes, &fixture_policy);
    fx->st.policy.max_object_bytes = bytes;

    for (i = 0; info_of(&fx->st).counters[SECTOR_STAT_EVICT] == 0; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(put(&fx->st, key, "v", 0), SECTOR_STORE_OK);
    }
}


static void
test_what_can_never_fit_evicts_nothing(void **state)
{
    size_t               most;
    unsigned             i;
    fixture_t            fx;
    sector_store_info_t  before, after;

    (void) state;
    fill_up(&fx, 256 * 1024);

    most = sector_store_value_max(fx.st.shm->room_bytes);
    before = info_of(&fx.st);

    for (i = 0; i < 6; i++) {
        assert_int_equal(put_big(&fx.st, i % 2 ? most + 1 : 250 * 1024, 0),
                         SECTOR_STORE_NO_ROOM);
    }

    after = info_of(&fx.st);
    assert_int_equal(after.entries, before.entries);
    assert_int_equal(after.counters[SECTOR_STAT_EVICT],
                     before.counters[SECTOR_STAT_EVICT]);
    assert_int_equal(after.counters[SECTOR_STAT_REFUSE_ROOM], 6);
    assert_int_equal(after.counters[SECTOR_STAT_REFUSE_LARGE], 0);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


/* Not even all that may be evicted for one would make room. */
static void
test_nothing_is_evicted_in_vain(void **state)
{
    size_t               most;
    fixture_t            fx;
    sector_store_info_t  before, after;

    (void) state;
    fill_up(&fx, 256 * 1024);

    most = sector_store_value_max(fx.st.shm->room_bytes);
    before = info_of(&fx.st);

    assert_int_equal(put_big(&fx.st, most, 0), SECTOR_STORE_NO_ROOM);

    after = info_of(&fx.st);
    assert_int_equal(after.entries, before.entries);
    assert_int_equal(after.counters[SECTOR_STAT_EVICT],
                     before.counters[SECTOR_STAT_EVICT]);
    assert_int_equal(after.counters[SECTOR_STAT_REFUSE_ROOM], 1);

    /* what they do make room for is stored, a hot key's value too */

    assert_int_equal(put_big(&fx.st, 5000, 0), SECTOR_STORE_OK);
    assert_true(info_of(&fx.st).counters[SECTOR_STAT_EVICT]
                > after.counters[SECTOR_STAT_EVICT] + 10);

    /* past every window all are as good as gone */

    assert_int_equal(put_big(&fx.st, 5000, 3000), SECTOR_STORE_OK);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_the_largest_value_can_be_refreshed_beside_others(void **state)
{
    size_t     most;
    unsigned   i;
    char       key[16];
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, 256 * 1024, &fixture_policy);
    fx.st.policy.max_object_bytes = SIZE_MAX;

    most = sector_store_value_max(fx.st.shm->room_bytes);
    assert_in_range(most, 60 * 1024, 64 * 1024);
    assert_int_equal(sector_store_value_max(100), 0);
    assert_int_equal(put_big(&fx.st, most + 1, 0), SECTOR_STORE_NO_ROOM);
    assert_int_equal(put_big(&fx.st, most, 0), SECTOR_STORE_OK);

    for (i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(put(&fx.st, key, "v", 0), SECTOR_STORE_OK);
    }

    for (i = 0; i < 5; i++) {
        assert_int_equal(put_big(&fx.st, most, 1100), SECTOR_STORE_OK);
    }

    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EVICT], 0);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


/* An allocator that has room and does not give it. */
static void
test_at_most_so_many_are_evicted_for_one(void **state)
{
    fixture_t            fx;
    sector_store_info_t  before, after;

    (void) state;
    fill_up(&fx, 64 * 1024);
    before = info_of(&fx.st);

    fx.region.calls = 0;
    fx.region.fail_from = 1;
    fx.region.fail_to = FOREVER;

    assert_int_equal(put(&fx.st, "n", "v", 0), SECTOR_STORE_NO_ROOM);

    after = info_of(&fx.st);
    assert_int_equal(after.counters[SECTOR_STAT_EVICT]
                     - before.counters[SECTOR_STAT_EVICT],
                     SECTOR_STORE_EVICT_MAX);
    assert_int_equal(after.counters[SECTOR_STAT_REFUSE_ROOM], 1);
    assert_int_equal(after.entries,
                     before.entries - SECTOR_STORE_EVICT_MAX);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_a_refused_replacement_keeps_the_older_entry(void **state)
{
    unsigned   i;
    char       key[16];
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    (void) put(&fx.st, "old", "value", 0);
    fx.region.control->most = 1;

    /* it is the only one: nothing else can make room */

    assert_int_equal(put(&fx.st, "old", "newer", 1), SECTOR_STORE_NO_ROOM);
    expect(&fx.st, "old", "value", 1);

    /* past every window it may go */

    assert_int_equal(put(&fx.st, "old", "newest", 1500), SECTOR_STORE_OK);
    expect(&fx.st, "old", "newest", 1500);

    fx.region.control->most = 0;

    for (i = 0; i < 10; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        (void) put(&fx.st, key, "v", 1500);
    }

    fx.region.fail_from = 1;
    fx.region.fail_to = FOREVER;

    assert_int_equal(put(&fx.st, "old", "never", 1500),
                     SECTOR_STORE_NO_ROOM);
    expect(&fx.st, "old", "newest", 1500);
    assert_int_equal(info_of(&fx.st).entries, 1);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_an_allocator_that_fails_at_any_call_loses_nothing(void **state)
{
    unsigned             n, i, last;
    char                 key[16], value[16];
    fixture_t            fx;
    sector_store_info_t  info;

    (void) state;

    for (last = 0; last < 2; last++) {
        for (n = 1; n <= 40; n++) {

            fixture_make(&fx, REGION, &fixture_policy);
            fx.region.fail_from = n;
            fx.region.fail_to = last ? n + 5 : n;

            for (i = 0; i < 40; i++) {
                snprintf(key, sizeof(key), "k%u", i % 15);
                snprintf(value, sizeof(value), "value%u", i);

                if (put(&fx.st, key, value, 0) == SECTOR_STORE_OK) {
                    expect(&fx.st, key, value, 0);
                }

                fixture_check(&fx);
            }

            info = settle(&fx.st);
            assert_int_equal(info.counters[SECTOR_STAT_STORE]
                             + info.counters[SECTOR_STAT_REFUSE_ROOM], 40);
            assert_true(info.entries
                        + info.counters[SECTOR_STAT_EVICT] >= 15);
            assert_int_equal(info.used_bytes, fx.region.control->used);

            (void) sector_store_clear(&fx.st);
            assert_int_equal(settle(&fx.st).used_bytes, 0);
            assert_int_equal(fx.region.control->blocks, 0);
            fixture_unmake(&fx);
        }
    }
}


static void
test_clear_hides_everything_at_once_and_gives_back_later(void **state)
{
    unsigned             i, round;
    char                 key[16];
    fixture_t            fx;
    sector_store_info_t  info;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    assert_int_equal(sector_store_clear(&fx.st), 0);

    for (round = 0; round < 3; round++) {
        for (i = 0; i < 500; i++) {
            snprintf(key, sizeof(key), "k%u", i);
            (void) put(&fx.st, key, round ? "new" : "old", 0);
        }

        assert_int_equal(sector_store_clear(&fx.st), 500);
        fixture_check(&fx);

        for (i = 0; i < 500; i++) {
            snprintf(key, sizeof(key), "k%u", i);
            expect(&fx.st, key, NULL, 0);
        }

        info = info_of(&fx.st);
        assert_int_equal(info.entries, 0);
        assert_int_not_equal(info.used_bytes, 0);

        for (i = 0; i < 500; i++) {
            snprintf(key, sizeof(key), "k%u", i);
            assert_int_equal(sector_store_delete(&fx.st, key, strlen(key)),
                             0);

            /* same keys again, while the old ones are in their buckets */

            if (i % 50 == 0) {
                (void) put(&fx.st, key, "again", 0);
                expect(&fx.st, key, "again", 0);
                (void) sector_store_clear(&fx.st);
                fixture_check(&fx);
            }
        }
    }

    assert_int_equal(settle(&fx.st).used_bytes, 0);
    assert_int_equal(fx.region.control->used, 0);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


/* Who saves the entries goes by this: what was removed must not come back
 * from a file, while what was evicted may. */
static void
test_storing_and_removing_are_changes_and_nothing_else(void **state)
{
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    assert_int_equal(info_of(&fx.st).changes, 0);

    (void) put(&fx.st, "a", "v", 0);
    (void) put(&fx.st, "a", "w", 0);
    (void) put(&fx.st, "b", "v", 0);
    assert_int_equal(info_of(&fx.st).changes, 3);

    assert_int_equal(sector_store_delete(&fx.st, "a", 1), 1);
    assert_int_equal(info_of(&fx.st).changes, 4);
    assert_int_equal(sector_store_delete(&fx.st, "a", 1), 0);
    assert_int_equal(info_of(&fx.st).changes, 4);

    /* an empty store too: what a file has is to be forgotten */

    (void) sector_store_clear(&fx.st);
    (void) sector_store_clear(&fx.st);
    assert_int_equal(info_of(&fx.st).changes, 6);

    (void) put(&fx.st, "c", "v", 0);
    fx.region.control->most = 1;
    assert_int_equal(put(&fx.st, "d", "v", 0), SECTOR_STORE_OK);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EVICT], 1);
    assert_int_equal(put(&fx.st, "e", "v", 5000), SECTOR_STORE_OK);
    expect(&fx.st, "e", "v", 5000);
    sector_store_note_miss(&fx.st, "m", 1);
    assert_int_equal(info_of(&fx.st).changes, 9);
    assert_int_equal(info_of(&fx.st).lost_changes, 0);
    fixture_unmake(&fx);
}


static void
test_room_is_made_of_what_was_cleared_before_anything_is_evicted(void **state)
{
    unsigned   i;
    char       key[16];
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    fx.region.control->most = 300;

    for (i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        (void) put(&fx.st, key, "v", 0);
    }

    (void) sector_store_clear(&fx.st);

    for (i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "n%u", i);
        assert_int_equal(put(&fx.st, key, "v", 0), SECTOR_STORE_OK);
    }

    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EVICT], 0);
    assert_int_equal(info_of(&fx.st).entries, 300);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_many_keys_through_little_room_leak_nothing(void **state)
{
    unsigned             i;
    char                 key[32];
    static char          value[650];
    fixture_t            fx;
    sector_store_item_t  item = { .value = value,
                                  .value_bytes = sizeof(value) };
    sector_store_info_t  info;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    for (i = 0; i < 100000; i++) {
        snprintf(key, sizeof(key), "symbol-%u", i);
        item.value_bytes = sizeof(value) - i % 64;
        assert_int_equal(sector_store_put(&fx.st, key, strlen(key), &item, 0,
                                          0), SECTOR_STORE_OK);
        if (i % 3 == 0) {
            assert_int_equal(state_at(&fx.st, key, 0), SECTOR_STORE_FRESH);
        }

        if (i % 5000 == 0) {
            fixture_check(&fx);
        }
    }

    info = info_of(&fx.st);
    assert_in_range(info.entries, 1000, 1600);
    assert_int_equal(info.counters[SECTOR_STAT_STORE], 100000);
    assert_int_equal(info.counters[SECTOR_STAT_EVICT],
                     100000 - info.entries);
    assert_int_equal(info.used_bytes, fx.region.control->used);

    (void) sector_store_clear(&fx.st);
    assert_int_equal(settle(&fx.st).used_bytes, 0);
    assert_int_equal(fx.region.control->used, 0);
    assert_int_equal(fx.region.control->blocks, 0);
    fixture_unmake(&fx);
}


static void
test_the_smallest_region_holds_entries(void **state)
{
    unsigned             i;
    char                 key[16];
    static char          value[650];
    fixture_t            fx;
    sector_store_item_t  item = { .value = value,
                                  .value_bytes = sizeof(value) };

    (void) state;
    fixture_make(&fx, 32768, &fixture_policy);

    assert_int_equal(fx.region.reserve_bytes, 4096);

    for (i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(sector_store_put(&fx.st, key, strlen(key), &item, 0,
                                          0), SECTOR_STORE_OK);
    }

    assert_in_range(info_of(&fx.st).entries, 25, 40);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_eviction_follows_sieve_on_random_traces),
        cmocka_unit_test(test_dead_entries_leave_as_others_are_stored),
        cmocka_unit_test(
            test_the_hand_passes_a_bounded_number_of_visited_entries),
        cmocka_unit_test(test_what_can_never_fit_evicts_nothing),
        cmocka_unit_test(test_nothing_is_evicted_in_vain),
        cmocka_unit_test(
            test_the_largest_value_can_be_refreshed_beside_others),
        cmocka_unit_test(test_at_most_so_many_are_evicted_for_one),
        cmocka_unit_test(test_a_refused_replacement_keeps_the_older_entry),
        cmocka_unit_test(
            test_an_allocator_that_fails_at_any_call_loses_nothing),
        cmocka_unit_test(
            test_clear_hides_everything_at_once_and_gives_back_later),
        cmocka_unit_test(
            test_storing_and_removing_are_changes_and_nothing_else),
        cmocka_unit_test(
            test_room_is_made_of_what_was_cleared_before_anything_is_evicted),
        cmocka_unit_test(test_many_keys_through_little_room_leak_nothing),
        cmocka_unit_test(test_the_smallest_region_holds_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
