/*
 * What a store of one process promises: freshness, keys and values.  Slots
 * and counters are in test_store_slots.c, eviction and what becomes of memory
 * in test_store_room.c, readers beside writers in test_store_readers.c,
 * deaths in test_store_death.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_fixture.h"


static void
test_windows_end_at_their_exact_millisecond(void **state)
{
    fixture_t              fx;
    sector_store_view_t    view;
    sector_store_policy_t  p;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    assert_int_equal(put(&fx.st, "k", "v", 5000), SECTOR_STORE_OK);

    assert_int_equal(state_at(&fx.st, "k", 0), SECTOR_STORE_FRESH);
    assert_int_equal(state_at(&fx.st, "k", 5000), SECTOR_STORE_FRESH);
    assert_int_equal(state_at(&fx.st, "k", 5999), SECTOR_STORE_FRESH);
    assert_int_equal(state_at(&fx.st, "k", 6000), SECTOR_STORE_REFRESH);
    assert_int_equal(state_at(&fx.st, "k", 6199), SECTOR_STORE_REFRESH);
    assert_int_equal(state_at(&fx.st, "k", 6200), SECTOR_STORE_STALE);
    assert_int_equal(state_at(&fx.st, "k", 6499), SECTOR_STORE_STALE);
    assert_int_equal(state_at(&fx.st, "k", 6500), SECTOR_STORE_NONE);
    assert_int_equal(state_at(&fx.st, "k", FOREVER), SECTOR_STORE_NONE);

    assert_int_equal(sector_store_read(&fx.st, "k", 1, 6000, &view),
                     SECTOR_STORE_REFRESH);
    assert_int_equal(view.stored_ms, 5000);
    assert_int_equal(view.fresh_until_ms, 6000);
    assert_int_equal(view.dead_at_ms, 6500);
    assert_int_equal(view.stored_wall_ms, 1005000);
    assert_int_equal(view.tag, 5007);
    assert_int_equal(view.negative, 0);
    sector_store_read_end(&fx.st);

    /* swr outlasts stale; the entry above keeps its own windows */

    p = fixture_policy;
    p.swr_ms = 900;
    fx.st.policy = p;

    assert_int_equal(put(&fx.st, "s", "v", 5000), SECTOR_STORE_OK);
    assert_int_equal(state_at(&fx.st, "s", 6899), SECTOR_STORE_REFRESH);
    assert_int_equal(state_at(&fx.st, "s", 6900), SECTOR_STORE_NONE);
    assert_int_equal(state_at(&fx.st, "k", 6499), SECTOR_STORE_STALE);

    p.swr_ms = 0;
    p.stale_ms = 0;
    fx.st.policy = p;

    assert_int_equal(put(&fx.st, "n", "v", 5000), SECTOR_STORE_OK);
    assert_int_equal(state_at(&fx.st, "n", 5999), SECTOR_STORE_FRESH);
    assert_int_equal(state_at(&fx.st, "n", 6000), SECTOR_STORE_NONE);

    fixture_unmake(&fx);
}


static void
test_a_clock_that_stands_still_keeps_everything_fresh(void **state)
{
    unsigned   i;
    fixture_t  fx;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    for (i = 0; i < 1000; i++) {
        assert_int_equal(put(&fx.st, "a", "1", 42), SECTOR_STORE_OK);
        assert_int_equal(put(&fx.st, "b", "2", 42), SECTOR_STORE_OK);
        expect(&fx.st, "a", "1", 42);
        assert_int_equal(state_at(&fx.st, "b", 42), SECTOR_STORE_FRESH);
    }

    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EXPIRE], 0);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EVICT], 0);
    fixture_check(&fx);
    fixture_unmake(&fx);
}


static void
test_a_negative_entry_is_never_stale(void **state)
{
    fixture_t            fx;
    sector_store_view_t  view;
    sector_store_item_t  item = { .value = "", .negative = 1 };

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    fx.st.policy.jitter_percent = 100;

    assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, 10, 0),
                     SECTOR_STORE_OK);
    assert_int_equal(sector_store_read(&fx.st, "k", 1, 109, &view),
                     SECTOR_STORE_FRESH);
    assert_int_equal(view.negative, 1);
    assert_int_equal(view.value_bytes, 0);
    sector_store_read_end(&fx.st);

    assert_int_equal(state_at(&fx.st, "k", 110), SECTOR_STORE_NONE);
    fixture_unmake(&fx);
}


static void
test_a_fresh_one_is_kept_where_that_is_asked_for(void **state)
{
    fixture_t            fx;
    sector_store_item_t  item = { .value = "new", .value_bytes = 3 };

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    item.unless_fresh = 1;
    assert_int_equal(put(&fx.st, "k", "old", 0), SECTOR_STORE_OK);

    assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, 999, 0),
                     SECTOR_STORE_KEPT);
    expect(&fx.st, "k", "old", 999);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_STORE], 1);

    assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, 1000, 0),
                     SECTOR_STORE_OK);
    expect(&fx.st, "k", "new", 1000);

    item.value = "one";
    assert_int_equal(sector_store_put(&fx.st, "j", 1, &item, 1000, 0),
                     SECTOR_STORE_OK);
    expect(&fx.st, "j", "one", 1000);

    (void) sector_store_clear(&fx.st);
    assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, 1001, 0),
                     SECTOR_STORE_OK);
    expect(&fx.st, "k", "one", 1001);

    fixture_check(&fx);
    fixture_unmake(&fx);
}


/* Exact at first, then about right; a new version goes on counting. */

static void
test_hits_are_counted(void **state)
{
    size_t               i;
    fixture_t            fx;
    sector_store_view_t  view;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    assert_int_equal(put(&fx.st, "k", "v", 0), SECTOR_STORE_OK);
    assert_int_equal(put(&fx.st, "j", "v", 0), SECTOR_STORE_OK);

    for (i = 0; i < 200; i++) {
        assert_int_equal(sector_store_read(&fx.st, "k", 1, 1, &view),
                         SECTOR_STORE_FRESH);
        assert_int_equal(view.hits, i);
        sector_store_note_hit(&fx.st, &view);
        sector_store_read_end(&fx.st);
    }

    assert_int_equal(put(&fx.st, "k", "new", 1), SECTOR_STORE_OK);

    for (i = 200; i < 100000; i++) {
        (void) sector_store_read(&fx.st, "k", 1, 1, &view);
        sector_store_note_hit(&fx.st, &view);
        sector_store_read_end(&fx.st);
    }

    (void) sector_store_read(&fx.st, "k", 1, 1, &view);
    assert_in_range(view.hits, 90000, 110000);
    sector_store_read_end(&fx.st);

    (void) sector_store_read(&fx.st, "j", 1, 1, &view);
    assert_int_equal(view.hits, 0);
    sector_store_read_end(&fx.st);

    fixture_unmake(&fx);
}


static void
test_a_ttl_limit_shortens_and_never_lengthens(void **state)
{
    fixture_t            fx;
    sector_store_item_t  item = { .value = "v", .value_bytes = 1 };

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    item.ttl_limit_ms = 10;
    (void) sector_store_put(&fx.st, "a", 1, &item, 0, 0);
    assert_int_equal(state_at(&fx.st, "a", 9), SECTOR_STORE_FRESH);
    assert_int_equal(state_at(&fx.st, "a", 10), SECTOR_STORE_REFRESH);
    assert_int_equal(state_at(&fx.st, "a", 509), SECTOR_STORE_STALE);
    assert_int_equal(state_at(&fx.st, "a", 510), SECTOR_STORE_NONE);

    item.ttl_limit_ms = 5000;
    (void) sector_store_put(&fx.st, "b", 1, &item, 0, 0);
    assert_int_equal(state_at(&fx.st, "b", 1000), SECTOR_STORE_REFRESH);

    item.negative = 1;
    item.ttl_limit_ms = 3;
    (void) sector_store_put(&fx.st, "c", 1, &item, 0, 0);
    assert_int_equal(state_at(&fx.st, "c", 2), SECTOR_STORE_FRESH);
    assert_int_equal(state_at(&fx.st, "c", 3), SECTOR_STORE_NONE);
    fixture_unmake(&fx);
}


static void
test_jitter_shortens_by_no_more_than_its_percentage(void **state)
{
    unsigned             i;
    uint64_t             least, most;
    fixture_t            fx;
    sector_store_view_t  view;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    fx.st.policy.jitter_percent = 20;

    least = FOREVER;
    most = 0;

    for (i = 0; i < 20000; i++) {
        (void) put(&fx.st, "k", "v", 0);
        (void) sector_store_read(&fx.st, "k", 1, 0, &view);

        least = view.fresh_until_ms < least ? view.fresh_until_ms : least;
        most = view.fresh_until_ms > most ? view.fresh_until_ms : most;

        assert_int_equal(view.dead_at_ms, view.fresh_until_ms + 500);
        sector_store_read_end(&fx.st);
    }

    assert_int_equal(least, 800);
    assert_int_equal(most, 1000);

    fx.st.policy.jitter_percent = 100;
    fx.st.policy.ttl_ms = FOREVER;
    assert_int_equal(put(&fx.st, "k", "v", 1), SECTOR_STORE_OK);
    assert_int_not_equal(state_at(&fx.st, "k", 1), SECTOR_STORE_NONE);
    fixture_unmake(&fx);
}


static void
test_endless_windows_saturate(void **state)
{
    fixture_t              fx;
    sector_store_policy_t  p;

    (void) state;
    p = fixture_policy;
    p.ttl_ms = FOREVER;
    p.stale_ms = FOREVER;
    p.swr_ms = FOREVER;
    fixture_make(&fx, REGION, &p);

    (void) put(&fx.st, "k", "v", 1000);
    assert_int_equal(state_at(&fx.st, "k", FOREVER - 1), SECTOR_STORE_FRESH);

    fx.st.policy.ttl_ms = 10;
    (void) put(&fx.st, "k", "v", 1000);
    assert_int_equal(state_at(&fx.st, "k", FOREVER - 1),
                     SECTOR_STORE_REFRESH);
    fixture_unmake(&fx);
}


/* Keys and values */


static uint64_t
same_hash(const void *key, size_t key_len)
{
    (void) key;
    (void) key_len;

    return 12345;
}


/* Two hashes, and one bucket for both. */
static uint64_t
same_bucket(const void *key, size_t key_len)
{
    return (uint64_t) (*(const unsigned char *) key & 1) << 40 | key_len;
}


static void
collide(uint64_t (*hash)(const void *, size_t))
{
    unsigned   i, round;
    char       key[16], value[16];
    fixture_t  fx;

    fixture_make(&fx, REGION, &fixture_policy);
    sector_store_test_hash = hash;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < 50; i++) {
            snprintf(key, sizeof(key), "key%c", 'A' + i);
            snprintf(value, sizeof(value), "%u-%u", round, i);
            assert_int_equal(put(&fx.st, key, value, 0), SECTOR_STORE_OK);
        }

        for (i = 0; i < 50; i++) {
            snprintf(key, sizeof(key), "key%c", 'A' + i);
            snprintf(value, sizeof(value), "%u-%u", round, i);
            expect(&fx.st, key, value, 0);
        }
    }

    for (i = 0; i < 50; i += 2) {
        snprintf(key, sizeof(key), "key%c", 'A' + i);
        assert_int_equal(sector_store_delete(&fx.st, key, 4), 1);
        assert_int_equal(sector_store_delete(&fx.st, key, 4), 0);
        fixture_check(&fx);
    }

    for (i = 0; i < 50; i++) {
        snprintf(key, sizeof(key), "key%c", 'A' + i);
        snprintf(value, sizeof(value), "2-%u", i);
        expect(&fx.st, key, i % 2 ? value : NULL, 0);
    }

    fixture_unmake(&fx);
}


static void
test_keys_that_collide_are_told_apart(void **state)
{
    (void) state;
    collide(same_hash);
    collide(same_bucket);
}


static void
test_keys_of_every_length_are_told_apart(void **state)
{
    size_t                len, i;
    fixture_t             fx;
    unsigned char         key[SECTOR_STORE_KEY_MAX + 1];
    sector_store_view_t   view;
    sector_store_item_t   item = { .value = "v", .value_bytes = 1 };
    sector_store_state_e  found;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    memset(key, 0, sizeof(key));

    for (len = 1; len <= SECTOR_STORE_KEY_MAX; len++) {
        item.tag = len;
        assert_int_equal(sector_store_put(&fx.st, key, len, &item, 0, 0),
                         SECTOR_STORE_OK);
    }

    for (len = 1; len <= SECTOR_STORE_KEY_MAX; len++) {
        found = sector_store_read(&fx.st, key, len, 0, &view);
        assert_int_equal(found, SECTOR_STORE_FRESH);
        assert_int_equal(view.tag, len);
        sector_store_read_end(&fx.st);

        /* each byte counts, wherever it stands */

        for (i = 0; i < len; i++) {
            key[i] = 1;
            assert_int_equal(sector_store_read(&fx.st, key, len, 0, &view),
                             SECTOR_STORE_NONE);
            key[i] = 0;
        }
    }

    assert_int_equal(sector_store_put(&fx.st, key, 0, &item, 0, 0),
                     SECTOR_STORE_BAD_KEY);
    assert_int_equal(sector_store_put(&fx.st, key, sizeof(key), &item, 0, 0),
                     SECTOR_STORE_BAD_KEY);
    assert_int_equal(sector_store_read(&fx.st, key, 0, 0, &view),
                     SECTOR_STORE_NONE);
    assert_int_equal(sector_store_read(&fx.st, key, sizeof(key), 0, &view),
                     SECTOR_STORE_NONE);
    assert_int_equal(sector_store_delete(&fx.st, key, 0), 0);
    assert_int_equal(sector_store_delete(&fx.st, key, sizeof(key)), 0);
    fixture_unmake(&fx);
}


static void
test_hashes_depend_on_every_byte_and_on_the_seed(void **state)
{
    size_t               len, i;
    unsigned             n, most, in[256];
    uint64_t             hash;
    fixture_t            fx;
    unsigned char        key[SECTOR_STORE_KEY_MAX + 1];
    sector_store_shm_t  *shm;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    shm = fx.st.shm;
    memset(key, 'x', sizeof(key));

    for (len = 1; len <= SECTOR_STORE_KEY_MAX; len++) {
        hash = sector_store_hash(shm, key, len);

        for (i = 0; i < len; i++) {
            key[i] ^= 0x80;
            assert_true(sector_store_hash(shm, key, len) != hash);
            key[i] ^= 0x80;
        }

        assert_true(sector_store_hash(shm, key, len + 1) != hash);
    }

    hash = sector_store_hash(shm, "SPY", 3);
    shm->seed[0]++;
    assert_true(sector_store_hash(shm, "SPY", 3) != hash);
    shm->seed[0]--;
    shm->seed[1] += 2;
    assert_true(sector_store_hash(shm, "SPY", 3) != hash);

    /* names that differ by a number fill 256 buckets evenly */

    memset(in, 0, sizeof(in));

    for (n = 0; n < 256 * 100; n++) {
        snprintf((char *) key, sizeof(key), "SYM%u", n);
        in[sector_store_hash(shm, key, strlen((char *) key)) % 256]++;
    }

    for (n = 0, most = 0; n < 256; n++) {
        most = in[n] > most ? in[n] : most;
    }

    assert_in_range(most, 100, 150);
    fixture_unmake(&fx);
}


static void
test_values_of_no_one_and_most_bytes(void **state)
{
    size_t               n;
    unsigned             i;
    fixture_t            fx;
    sector_store_view_t  view;
    sector_store_item_t  item;
    static unsigned char  bytes[64 * 1024 + 1];
    static const size_t  sizes[] = { 0, 1, 2, 650, 4096, 64 * 1024 };

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    memset(&item, 0, sizeof(item));

    for (n = 0; n < sizeof(bytes); n++) {
        bytes[n] = (unsigned char) (n * 31 + n / 256);
    }

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        item.value = sizes[i] != 0 ? bytes : NULL;
        item.value_bytes = sizes[i];
        assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, i, 0),
                         SECTOR_STORE_OK);
        assert_int_equal(sector_store_read(&fx.st, "k", 1, i, &view),
                         SECTOR_STORE_FRESH);
        assert_int_equal(view.value_bytes, sizes[i]);
        assert_int_equal(memcmp(view.value, bytes, sizes[i]), 0);
        sector_store_read_end(&fx.st);
        fixture_check(&fx);
    }

    item.value_bytes = fixture_policy.max_object_bytes + 1;
    assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, 9, 0),
                     SECTOR_STORE_TOO_LARGE);
    assert_int_equal(sector_store_read(&fx.st, "k", 1, 9, &view),
                     SECTOR_STORE_FRESH);
    assert_int_equal(view.value_bytes, fixture_policy.max_object_bytes);
    sector_store_read_end(&fx.st);

    fx.st.policy.max_object_bytes = SIZE_MAX;
    item.value_bytes = SIZE_MAX;
    assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, 9, 0),
                     SECTOR_STORE_TOO_LARGE);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_REFUSE_LARGE], 2);
    fixture_unmake(&fx);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_windows_end_at_their_exact_millisecond),
        cmocka_unit_test(
            test_a_clock_that_stands_still_keeps_everything_fresh),
        cmocka_unit_test(test_a_negative_entry_is_never_stale),
        cmocka_unit_test(test_a_fresh_one_is_kept_where_that_is_asked_for),
        cmocka_unit_test(test_hits_are_counted),
        cmocka_unit_test(test_a_ttl_limit_shortens_and_never_lengthens),
        cmocka_unit_test(test_jitter_shortens_by_no_more_than_its_percentage),
        cmocka_unit_test(test_endless_windows_saturate),
        cmocka_unit_test(test_keys_that_collide_are_told_apart),
        cmocka_unit_test(test_keys_of_every_length_are_told_apart),
        cmocka_unit_test(test_hashes_depend_on_every_byte_and_on_the_seed),
        cmocka_unit_test(test_values_of_no_one_and_most_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
