/*
 * Storing several values, all or none.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "store_fixture.h"


#define MANY  64


static char  keys[MANY][8];
static char  value[16 * 1024];


/* n keys from first on, each with len bytes of c. */
static size_t
batch(sector_store_put_t *puts, int first, size_t n, int c, size_t len)
{
    size_t  i;

    memset(value, c, len);
    value[len] = '\0';
    memset(puts, 0, n * sizeof(*puts));

    for (i = 0; i < n; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", first + (int) i);
        puts[i].key = keys[i];
        puts[i].key_len = strlen(keys[i]);
        puts[i].item.value = value;
        puts[i].item.value_bytes = len;
    }

    return n;
}


static void
test_all_are_stored_and_replace_what_was_there(void **state)
{
    size_t              i;
    fixture_t           fx;
    sector_store_put_t  puts[MANY];

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    assert_int_equal(put(&fx.st, "k1", "old", 10), SECTOR_STORE_OK);

    batch(puts, 0, 12, 'a', 400);
    assert_int_equal(sector_store_put_all(&fx.st, puts, 12, 20, 1000020),
                     SECTOR_STORE_OK);

    for (i = 0; i < 12; i++) {
        expect(&fx.st, keys[i], value, 20);
    }

    assert_int_equal(info_of(&fx.st).entries, 12);
    fixture_check(&fx);

    assert_int_equal(sector_store_put_all(&fx.st, puts, 0, 20, 1000020),
                     SECTOR_STORE_OK);
    assert_int_equal(info_of(&fx.st).entries, 12);

    fixture_unmake(&fx);
}


static void
test_none_is_stored_where_one_may_not_be(void **state)
{
    fixture_t               fx;
    sector_store_put_t      puts[MANY];
    sector_store_policy_t   policy;

    (void) state;
    policy = fixture_policy;
    policy.max_object_bytes = 100;

    fixture_make(&fx, REGION, &policy);

    assert_int_equal(put(&fx.st, "k0", "old", 10), SECTOR_STORE_OK);

    batch(puts, 0, 3, 'a', 101);
    puts[0].item.value_bytes = 100;
    puts[1].item.value_bytes = 100;
    assert_int_equal(sector_store_put_all(&fx.st, puts, 3, 20, 1000020),
                     SECTOR_STORE_TOO_LARGE);

    batch(puts, 0, 3, 'a', 10);
    puts[2].key_len = 0;
    assert_int_equal(sector_store_put_all(&fx.st, puts, 3, 20, 1000020),
                     SECTOR_STORE_BAD_KEY);

    expect(&fx.st, "k0", "old", 20);
    expect(&fx.st, "k1", NULL, 20);
    assert_int_equal(info_of(&fx.st).entries, 1);
    fixture_check(&fx);

    fixture_unmake(&fx);
}


/* When something was stored last: a refusal is nothing that was stored, be it
 * of one value or of many. */
static void
test_what_is_refused_does_not_say_when_it_was_stored(void **state)
{
    fixture_t               fx;
    sector_store_put_t      puts[MANY];
    sector_store_policy_t   policy;

    (void) state;
    policy = fixture_policy;
    policy.max_object_bytes = 200;

    fixture_make(&fx, REGION, &policy);

    assert_int_equal(info_of(&fx.st).last_store_wall_ms, 0);

    batch(puts, 0, 3, 'a', 100);
    assert_int_equal(sector_store_put_all(&fx.st, puts, 3, 20, 1000020),
                     SECTOR_STORE_OK);
    assert_int_equal(info_of(&fx.st).last_store_wall_ms, 1000020);

    puts[2].key_len = 0;
    assert_int_equal(sector_store_put_all(&fx.st, puts, 3, 30, 1000030),
                     SECTOR_STORE_BAD_KEY);

    batch(puts, 0, 3, 'a', 201);
    assert_int_equal(sector_store_put_all(&fx.st, puts, 3, 30, 1000030),
                     SECTOR_STORE_TOO_LARGE);
    assert_int_equal(put(&fx.st, "k0", value, 30), SECTOR_STORE_TOO_LARGE);

    batch(puts, 0, 3, 'a', 100);
    fx.region.fail_from = fx.region.calls + 1;
    fx.region.fail_to = UINT64_MAX;
    assert_int_equal(sector_store_put_all(&fx.st, puts, 3, 30, 1000030),
                     SECTOR_STORE_NO_ROOM);
    assert_int_equal(put(&fx.st, "k0", "v", 30), SECTOR_STORE_NO_ROOM);
    fx.region.fail_from = 0;

    assert_int_equal(sector_store_put_all(&fx.st, puts, 0, 30, 1000030),
                     SECTOR_STORE_OK);
    (void) sector_store_delete(&fx.st, "k1", 2);
    (void) sector_store_clear(&fx.st);

    assert_int_equal(info_of(&fx.st).last_store_wall_ms, 1000020);

    assert_int_equal(put(&fx.st, "k0", "v", 40), SECTOR_STORE_OK);
    assert_int_equal(info_of(&fx.st).last_store_wall_ms, 1000040);

    fixture_unmake(&fx);
}


/* A region that is full makes room for them, or refuses them and evicts
 * nothing. */
static void
test_a_full_region_takes_all_or_none(void **state)
{
    char                     key[16];
    size_t                   i, n;
    uint64_t                 entries;
    fixture_t                fx;
    sector_store_put_t       puts[MANY];
    sector_store_info_t      info;

    (void) state;
    fixture_make(&fx, 128 * 1024, &fixture_policy);

    for (i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "old%zu", i);
        assert_int_equal(put(&fx.st, key, "some value or other", 10),
                         SECTOR_STORE_OK);
    }

    n = batch(puts, 0, MANY, 'b', 1000);
    info = info_of(&fx.st);
    assert_true(info.counters[SECTOR_STAT_EVICT] > 0);
    entries = info.entries;

    assert_int_equal(sector_store_put_all(&fx.st, puts, n, 20, 1000020),
                     SECTOR_STORE_NO_ROOM);

    info = info_of(&fx.st);
    assert_int_equal(info.entries, entries);
    assert_int_equal(info.counters[SECTOR_STAT_REFUSE_ROOM], 1);
    fixture_check(&fx);

    n = batch(puts, 0, MANY / 2, 'c', 600);
    assert_int_equal(sector_store_put_all(&fx.st, puts, n, 20, 1000020),
                     SECTOR_STORE_OK);

    for (i = 0; i < n; i++) {
        expect(&fx.st, keys[i], value, 20);
    }

    fixture_check(&fx);
    fixture_unmake(&fx);
}


/* The allocator fails at each of them in turn, and goes on failing. */
static void
test_what_was_built_is_given_back(void **state)
{
    size_t              i;
    fixture_t           fx;
    sector_store_put_t  puts[MANY];

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    for (i = 0; i < 5; i++) {
        batch(puts, 0, 5, 'a', 100);

        fx.region.fail_from = fx.region.calls + 1 + i;
        fx.region.fail_to = UINT64_MAX;

        assert_int_equal(sector_store_put_all(&fx.st, puts, 5, 20, 1000020),
                         SECTOR_STORE_NO_ROOM);

        fx.region.fail_from = 0;

        assert_int_equal(info_of(&fx.st).entries, 0);
        assert_int_equal(info_of(&fx.st).used_bytes, 0);
        expect(&fx.st, "k0", NULL, 20);
        fixture_check(&fx);
    }

    assert_int_equal(sector_store_put_all(&fx.st, puts, 5, 20, 1000020),
                     SECTOR_STORE_OK);
    assert_int_equal(info_of(&fx.st).entries, 5);
    fixture_check(&fx);

    fixture_unmake(&fx);
}


static void
test_a_ttl_of_its_own_has_no_jitter(void **state)
{
    int                     i;
    fixture_t               fx;
    sector_store_item_t     item;
    sector_store_policy_t   policy;

    (void) state;
    policy = fixture_policy;
    policy.jitter_percent = 50;

    fixture_make(&fx, REGION, &policy);

    memset(&item, 0, sizeof(item));
    item.value = "v";
    item.value_bytes = 1;

    for (i = 0; i < 20; i++) {
        item.ttl_ms = 5000;
        assert_int_equal(sector_store_put(&fx.st, "long", 4, &item, 100,
                                          1000100), SECTOR_STORE_OK);
        assert_int_equal(state_at(&fx.st, "long", 5099), SECTOR_STORE_FRESH);
        assert_int_equal(state_at(&fx.st, "long", 5100),
                         SECTOR_STORE_REFRESH);
        assert_int_equal(state_at(&fx.st, "long", 5300), SECTOR_STORE_STALE);
        assert_int_equal(state_at(&fx.st, "long", 5600), SECTOR_STORE_NONE);

        item.ttl_ms = 3;
        assert_int_equal(sector_store_put(&fx.st, "short", 5, &item, 100,
                                          1000100), SECTOR_STORE_OK);
        assert_int_equal(state_at(&fx.st, "short", 102), SECTOR_STORE_FRESH);
        assert_int_equal(state_at(&fx.st, "short", 103),
                         SECTOR_STORE_REFRESH);
    }

    fixture_unmake(&fx);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_all_are_stored_and_replace_what_was_there),
        cmocka_unit_test(test_none_is_stored_where_one_may_not_be),
        cmocka_unit_test(test_what_is_refused_does_not_say_when_it_was_stored),
        cmocka_unit_test(test_a_full_region_takes_all_or_none),
        cmocka_unit_test(test_what_was_built_is_given_back),
        cmocka_unit_test(test_a_ttl_of_its_own_has_no_jitter)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
