/*
 * What a dump brings back: entries, their windows to the millisecond, and
 * what becomes of it under another clock, in another store, beside writers
 * and without memory.  What is refused is in test_dump_refused.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_fixture.h"
#include "dump_bytes.h"


#define WALL  1700000000000LL
#define NOW   500000


/* The linker sends sector_dump's calls here. */

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

static unsigned  allocations, fail_at;      /* 0: none fails */


void *
__wrap_realloc(void *p, size_t size)
{
    return ++allocations == fail_at ? NULL : __real_realloc(p, size);
}


static void
store_at(sector_store_t *st, const char *key, const void *value, size_t bytes,
    uint64_t now, int64_t wall)
{
    sector_store_item_t  item = { .value = value, .value_bytes = bytes };

    item.tag = now ^ (uint64_t) key[0] << 56;
    item.negative = (key[0] == '-');

    assert_int_equal(sector_store_put(st, key, strlen(key), &item, now, wall),
                     SECTOR_STORE_OK);
}


static void
save(sector_dump_t *dump, sector_store_t *st, uint64_t now, int64_t wall)
{
    uint64_t  cursor;

    memset(dump, 0, sizeof(sector_dump_t));
    cursor = 0;

    do {
        cursor = sector_dump_add(dump, st, cursor, 4096, now, wall);
    } while (cursor != 0);

    assert_int_equal(sector_dump_finish(dump, wall), 0);
}


/* Loads an exact copy, and frees the dump. */
static sector_dump_report_t
restore(sector_dump_t *dump, sector_store_t *st, uint64_t now, int64_t wall)
{
    uint64_t              entries;
    unsigned char        *copy;
    sector_dump_report_t  report;

    entries = dump->entries;
    copy = dump_copy(dump->bytes, dump->len, 1);
    memset(&report, 0xa5, sizeof(report));

    assert_int_equal(sector_dump_load(copy + 1, dump->len, st, now, wall,
                                      &report), SECTOR_DUMP_OK);
    assert_int_equal(report.loaded + report.dead + report.refused, entries);

    free(copy);
    sector_dump_free(dump);

    return report;
}


static void
same_entry(void *data, const void *key, size_t key_len,
    const sector_store_view_t *view)
{
    sector_store_t       *other;
    sector_store_view_t   found;

    other = data;

    assert_int_not_equal(sector_store_read(other, key, key_len, NOW, &found),
                         SECTOR_STORE_NONE);
    assert_int_equal(found.value_bytes, view->value_bytes);
    assert_int_equal(memcmp(found.value, view->value, view->value_bytes), 0);
    assert_true(found.tag == view->tag);
    assert_int_equal(found.negative, view->negative);
    assert_true(found.stored_ms == view->stored_ms);
    assert_true(found.fresh_until_ms == view->fresh_until_ms);
    assert_true(found.refresh_until_ms == view->refresh_until_ms);
    assert_true(found.dead_at_ms == view->dead_at_ms);
    assert_true(found.stored_wall_ms == view->stored_wall_ms);

    sector_store_read_end(other);
}


/* Whether each entry of one store is in the other, in every particular. */
static void
within(sector_store_t *st, sector_store_t *other)
{
    uint64_t  cursor;

    cursor = 0;

    do {
        cursor = sector_store_each(st, cursor, NOW, same_entry, other);
    } while (cursor != 0);
}


/* Dumped and loaded in one instant, a store is the same. */
static void
round_trip(fixture_t *from, uint64_t entries)
{
    fixture_t              to;
    sector_dump_t          dump;
    sector_dump_report_t   report;
    sector_store_policy_t  policy;

    policy = from->st.policy;
    policy.ttl_ms = 1;
    policy.stale_ms = policy.swr_ms = policy.negative_ms = 0;
    fixture_make(&to, from->region.bytes, &policy);

    save(&dump, &from->st, NOW, WALL);
    assert_int_equal(dump.entries, entries);

    report = restore(&dump, &to.st, NOW, WALL);

    assert_int_equal(report.loaded, entries);
    assert_true(report.saved_wall_ms == WALL);
    assert_int_equal(info_of(&to.st).entries, entries);

    within(&from->st, &to.st);
    within(&to.st, &from->st);
    fixture_check(&to);
    fixture_unmake(&to);
}


static void
test_an_empty_store_comes_back_empty(void **state)
{
    fixture_t             fx;
    sector_dump_t         dump;
    sector_dump_report_t  report;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    round_trip(&fx, 0);

    /* nothing was ever added */

    memset(&dump, 0, sizeof(dump));
    assert_int_equal(sector_dump_finish(&dump, WALL), 0);
    assert_int_equal(dump.len, DUMP_HEADER);
    report = restore(&dump, &fx.st, NOW, WALL);
    assert_int_equal(report.loaded, 0);
    fixture_unmake(&fx);
}


static void
test_values_tags_and_windows_come_back(void **state)
{
    size_t                i;
    fixture_t             fx;
    static unsigned char  bytes[64 * 1024];

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char) (i * 7 + i / 256);
    }

    store_at(&fx.st, "fresh", bytes, 650, NOW, WALL);
    store_at(&fx.st, "refresh", bytes, 1, NOW - 1000, WALL - 1000);
    store_at(&fx.st, "stale", bytes, 13, NOW - 1499, WALL - 1499);
    store_at(&fx.st, "empty", NULL, 0, NOW - 3, WALL - 3);
    store_at(&fx.st, "-negative", NULL, 0, NOW - 99, WALL - 99);
    store_at(&fx.st, "-with a value", "why", 3, NOW - 1, WALL - 1);
    store_at(&fx.st, "most", bytes, sizeof(bytes), NOW - 5, WALL - 5);

    fx.st.policy.ttl_ms = 0;
    store_at(&fx.st, "zero ttl", bytes, 5, NOW, WALL);
    fx.st.policy.ttl_ms = FOREVER;
    store_at(&fx.st, "for ever", bytes, 5, NOW - 10, WALL - 10);
    fx.st.policy.ttl_ms = 10;
    fx.st.policy.swr_ms = FOREVER;
    store_at(&fx.st, "swr for ever", bytes, 5, NOW - 11, WALL - 11);
    fx.st.policy.swr_ms = 0;
    fx.st.policy.stale_ms = FOREVER;
    store_at(&fx.st, "stale for ever", bytes, 5, NOW - 11, WALL - 11);

    round_trip(&fx, 11);
    fixture_unmake(&fx);
}


static void
test_a_full_store_comes_back_whole(void **state)
{
    unsigned              i;
    uint64_t              random;
    char                  key[32];
    fixture_t             fx;
    static unsigned char  bytes[4096];

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    random = 11;

    for (i = 0; i < 4000; i++) {
        memset(bytes, (int) i, sizeof(bytes));
        snprintf(key, sizeof(key), "%s%u", i % 9 ? "k" : "-", i);
        store_at(&fx.st, key, bytes, store_region_random64(&random) % 1500,
                 NOW - i % 50, WALL - i % 50);
    }

    assert_true(info_of(&fx.st).counters[SECTOR_STAT_EVICT] > 1000);
    round_trip(&fx, info_of(&fx.st).entries);
    fixture_unmake(&fx);
}


/* What an entry of these ages is; fixture_policy's windows. */
static sector_store_state_e
state_of_age(uint64_t age)
{
    return age < 1000 ? SECTOR_STORE_FRESH
           : age < 1200 ? SECTOR_STORE_REFRESH
           : age < 1500 ? SECTOR_STORE_STALE : SECTOR_STORE_NONE;
}


/* Saved at one age, loaded at another, on a machine up for some time. */
static void
judge(uint64_t saved, uint64_t loaded, uint64_t uptime)
{
    uint64_t              t;
    fixture_t             from, to;
    sector_dump_t         dump;
    sector_store_view_t   view;
    sector_dump_report_t  report;

    fixture_make(&from, 64 * 1024, &fixture_policy);
    fixture_make(&to, 64 * 1024, &fixture_policy);

    store_at(&from.st, "k", "v", 1, NOW, WALL);
    save(&dump, &from.st, NOW + saved, WALL + (int64_t) saved);
    report = restore(&dump, &to.st, uptime, WALL + (int64_t) loaded);

    assert_int_equal(report.loaded, loaded < 1500);
    assert_int_equal(report.dead, loaded >= 1500);

    for (t = 0; t < 1600; t++) {
        assert_int_equal(state_at(&to.st, "k", uptime + t),
                         state_of_age(loaded + t));
    }

    if (loaded < 1500) {
        (void) sector_store_read(&to.st, "k", 1, uptime, &view);
        assert_int_equal((int64_t) (uptime - view.stored_ms), loaded);
        assert_true(view.stored_wall_ms == WALL);
        sector_store_read_end(&to.st);

        /* and once more from there */

        save(&dump, &to.st, uptime, WALL + (int64_t) loaded);
        (void) sector_store_clear(&from.st);
        report = restore(&dump, &from.st, 3, WALL + (int64_t) loaded + 1);
        assert_int_equal(state_at(&from.st, "k", 3), state_of_age(loaded + 1));
        assert_int_equal(report.loaded, loaded + 1 < 1500);
    }

    fixture_unmake(&from);
    fixture_unmake(&to);
}


static void
test_the_time_in_between_counts_to_the_millisecond(void **state)
{
    unsigned               i, j, k;
    static const uint64_t  ages[] = { 0, 1, 999, 1000, 1199, 1200, 1499 };
    static const uint64_t  later[] = { 0, 1, 150, 501, 5000 };
    static const uint64_t  uptimes[] = { 0, 1, 700, 1300, 1000000000000 };

    (void) state;

    for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        for (j = 0; j < sizeof(later) / sizeof(later[0]); j++) {
            for (k = 0; k < sizeof(uptimes) / sizeof(uptimes[0]); k++) {
                judge(ages[i], ages[i] + later[j], uptimes[k]);
            }
        }
    }
}


static void
test_windows_without_end_outlive_the_machine_twice(void **state)
{
    unsigned               i;
    fixture_t              fx;
    sector_dump_t          dump;
    sector_store_view_t    view;
    sector_store_policy_t  p;

    (void) state;
    p = fixture_policy;
    p.stale_ms = FOREVER;
    fixture_make(&fx, REGION, &p);
    store_at(&fx.st, "k", "v", 1, NOW, WALL);

    for (i = 1; i <= 3; i++) {
        save(&dump, &fx.st, i == 1 ? NOW + 2000 : 20, WALL + i * 2000);
        (void) sector_store_clear(&fx.st);
        assert_int_equal(restore(&dump, &fx.st, 10, WALL + i * 2000).loaded,
                         1);
        assert_int_equal(state_at(&fx.st, "k", 10), SECTOR_STORE_STALE);
        assert_int_equal(sector_store_read(&fx.st, "k", 1, FOREVER - 1, &view),
                         SECTOR_STORE_STALE);
        assert_true(view.dead_at_ms == FOREVER);
        sector_store_read_end(&fx.st);
    }

    fixture_unmake(&fx);
}


static void
test_what_is_past_every_window_is_dropped(void **state)
{
    unsigned              i;
    char                  key[16];
    fixture_t             fx;
    sector_dump_t         dump;
    sector_dump_report_t  report;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    for (i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        store_at(&fx.st, key, key, strlen(key), NOW + i, WALL + i);
    }

    /* dead before it is saved: it is not even written */

    save(&dump, &fx.st, NOW + 1500 + 9, WALL + 1500 + 9);
    assert_int_equal(dump.entries, 90);

    (void) sector_store_clear(&fx.st);
    report = restore(&dump, &fx.st, NOW, WALL + 1500 + 59);
    assert_int_equal(report.dead, 50);
    assert_int_equal(report.loaded, 40);
    assert_int_equal(report.refused, 0);
    expect(&fx.st, "k59", NULL, NOW);
    expect(&fx.st, "k60", "k60", NOW);
    expect(&fx.st, "k99", "k99", NOW);
    fixture_unmake(&fx);
}


static void
test_a_clock_set_back_makes_nothing_younger(void **state)
{
    fixture_t             fx;
    sector_dump_t         dump;
    sector_store_view_t   view;
    sector_dump_report_t  report;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    store_at(&fx.st, "old", "1", 1, NOW, WALL);
    store_at(&fx.st, "new", "2", 1, NOW + 1101, WALL + 1101);
    save(&dump, &fx.st, NOW + 1200, WALL + 1200);

    (void) sector_store_clear(&fx.st);
    report = restore(&dump, &fx.st, NOW, WALL + 1100);
    assert_int_equal(report.refused, 1);
    assert_int_equal(report.loaded, 1);
    expect(&fx.st, "new", NULL, NOW);

    assert_int_equal(sector_store_read(&fx.st, "old", 3, NOW, &view),
                     SECTOR_STORE_STALE);
    assert_int_equal(NOW - view.stored_ms, 1200);
    sector_store_read_end(&fx.st);

    /* far back: all of it is in the future */

    save(&dump, &fx.st, NOW, WALL);
    report = restore(&dump, &fx.st, NOW, INT64_MIN);
    assert_int_equal(report.refused, 1);
    fixture_unmake(&fx);
}


static void
test_a_clock_set_while_entries_lie_there_does_no_harm(void **state)
{
    unsigned              i;
    fixture_t             fx;
    sector_dump_t         dump;
    sector_dump_report_t  report;
    static const int64_t  steps[] = { -3600000, -400, 400, 3600000 };

    (void) state;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        fixture_make(&fx, REGION, &fixture_policy);
        store_at(&fx.st, "k", "v", 1, NOW, WALL);
        save(&dump, &fx.st, NOW + 600, WALL + 600 + steps[i]);

        (void) sector_store_clear(&fx.st);
        report = restore(&dump, &fx.st, 5, WALL + 700 + steps[i]);
        assert_int_equal(report.loaded, 1);
        assert_int_equal(state_at(&fx.st, "k", 5 + 299), SECTOR_STORE_FRESH);
        assert_int_equal(state_at(&fx.st, "k", 5 + 300), SECTOR_STORE_REFRESH);
        fixture_unmake(&fx);
    }
}


/* Another process's clock may be a little ahead of the one that saves. */
static void
test_an_entry_stored_a_moment_later_is_saved(void **state)
{
    fixture_t             fx;
    sector_dump_t         dump;
    sector_dump_report_t  report;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    store_at(&fx.st, "k", "v", 1, NOW + 3, WALL + 3);
    save(&dump, &fx.st, NOW, WALL);
    (void) sector_store_clear(&fx.st);
    report = restore(&dump, &fx.st, 5, WALL + 3);
    assert_int_equal(report.loaded, 1);
    assert_int_equal(state_at(&fx.st, "k", 5 + 999), SECTOR_STORE_FRESH);
    assert_int_equal(state_at(&fx.st, "k", 5 + 1000), SECTOR_STORE_REFRESH);
    fixture_unmake(&fx);
}


static void
test_a_smaller_store_takes_what_it_can(void **state)
{
    unsigned               i;
    char                   key[16];
    fixture_t              from, to;
    sector_dump_t          dump;
    sector_dump_report_t   report;
    static unsigned char   bytes[64 * 1024];

    (void) state;
    fixture_make(&from, REGION, &fixture_policy);
    fixture_make(&to, 64 * 1024, &fixture_policy);

    for (i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        memset(bytes, (int) i, sizeof(bytes));
        store_at(&from.st, key, bytes, i % 100 ? 700 : sizeof(bytes), NOW,
                 WALL);
    }

    save(&dump, &from.st, NOW, WALL);
    report = restore(&dump, &to.st, NOW, WALL);
    assert_int_equal(report.dead, 0);
    assert_int_equal(report.refused, 5);
    assert_int_equal(report.loaded, 495);
    assert_in_range(info_of(&to.st).entries, 20, 100);
    within(&to.st, &from.st);
    fixture_check(&to);
    fixture_unmake(&to);

    /* a limit that is lower now */

    fixture_make(&to, REGION, &fixture_policy);
    to.st.policy.max_object_bytes = 700;
    save(&dump, &from.st, NOW, WALL);
    report = restore(&dump, &to.st, NOW, WALL);
    assert_int_equal(report.refused, 5);
    assert_int_equal(report.loaded, 495);
    within(&to.st, &from.st);
    fixture_unmake(&to);
    fixture_unmake(&from);
}


static void
test_what_was_cleared_is_not_saved(void **state)
{
    unsigned       i;
    char           key[16];
    fixture_t      fx;
    sector_dump_t  dump;

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    for (i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        store_at(&fx.st, key, "before", 6, NOW, WALL);
    }

    (void) sector_store_clear(&fx.st);
    assert_non_null(fx.st.shm->cleared.oldest);
    store_at(&fx.st, "k7", "after", 5, NOW, WALL);
    store_at(&fx.st, "other", "after", 5, NOW, WALL);

    save(&dump, &fx.st, NOW, WALL);
    assert_int_equal(dump.entries, 2);

    (void) sector_store_clear(&fx.st);
    assert_int_equal(restore(&dump, &fx.st, NOW, WALL).loaded, 2);
    expect(&fx.st, "k7", "after", NOW);
    expect(&fx.st, "other", "after", NOW);
    fixture_unmake(&fx);
}


/* Dumps in the smallest steps, with other work in between; a key's value
 * tells its tag. */
static unsigned
save_beside_work(fixture_t *fx, sector_dump_t *dump, uint64_t *random,
    int clears)
{
    char      key[16], value[32];
    uint64_t  cursor;
    unsigned  steps, i, n;

    memset(dump, 0, sizeof(sector_dump_t));
    cursor = 0;
    steps = 0;

    do {
        cursor = sector_dump_add(dump, &fx->st, cursor, 1, NOW, WALL);
        steps++;

        for (i = 0; i < 20; i++) {
            n = (unsigned) (store_region_random64(random) % 300);
            snprintf(key, sizeof(key), "w%u", n);
            snprintf(value, sizeof(value), "%u %u", n, steps);

            if (store_region_random64(random) % 3 == 0) {
                (void) sector_store_delete(&fx->st, key, strlen(key));

            } else {
                store_at(&fx->st, key, value, strlen(value), NOW, WALL);
            }
        }

        if (clears && store_region_random64(random) % 4 == 0) {
            (void) sector_store_clear(&fx->st);
        }
    } while (cursor != 0);

    assert_int_equal(sector_dump_finish(dump, WALL), 0);

    return steps;
}


/* Each record has a value that its key had; no key comes twice. */
static void
own_values(sector_dump_t *dump, fixture_t *to)
{
    unsigned              n, steps;
    uint64_t              i;
    char                  key[16], value[32];
    dump_record_t         record;
    const unsigned char  *p;
    sector_dump_t         copy;

    p = dump->bytes + DUMP_HEADER;

    for (i = 0; i < dump->entries; i++) {
        p = dump_record(p, &record);
        assert_in_range(record.value_bytes, 3, 31);
        snprintf(value, sizeof(value), "%.*s", (int) record.value_bytes,
                 (const char *) record.value);
        snprintf(key, sizeof(key), "%.*s", (int) record.key_len,
                 (const char *) record.key);
        assert_int_equal(sscanf(value, "%u %u", &n, &steps), 2);
        assert_int_equal(strtoul(key + 1, NULL, 10), n);
    }

    assert_ptr_equal(p, dump->bytes + dump->len);

    copy = *dump;
    assert_int_equal(restore(&copy, &to->st, NOW, WALL).loaded, i);
    assert_int_equal(info_of(&to->st).entries, i);
}


static void
test_a_dump_in_steps_bears_work_in_between(void **state)
{
    char                 key[16], value[16];
    uint64_t             random;
    unsigned             i, round;
    fixture_t            fx, to;
    sector_dump_t        dump;

    (void) state;
    random = store_region_seed();

    for (round = 0; round < 20; round++) {
        fixture_make(&fx, REGION, &fixture_policy);
        fixture_make(&to, REGION, &fixture_policy);

        for (i = 0; i < 300; i++) {
            snprintf(key, sizeof(key), "s%u", i);
            snprintf(value, sizeof(value), "%u 0", i);
            store_at(&fx.st, key, value, strlen(value), NOW, WALL);
        }

        assert_in_range(save_beside_work(&fx, &dump, &random, round % 2), 2,
                        (fx.st.shm->mask + 1) / SECTOR_STORE_EACH_STEP);
        own_values(&dump, &to);

        for (i = 0; round % 2 == 0 && i < 300; i++) {
            snprintf(key, sizeof(key), "s%u", i);
            assert_int_equal(state_at(&to.st, key, NOW), SECTOR_STORE_FRESH);
        }

        fixture_check(&fx);
        fixture_check(&to);
        fixture_unmake(&fx);
        fixture_unmake(&to);
    }
}


static void
test_a_step_ends_soon_after_its_bytes(void **state)
{
    char           key[16];
    size_t         before;
    uint64_t       cursor;
    unsigned       i;
    fixture_t      fx;
    sector_dump_t  dump;
    static char    bytes[1000];

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);
    memset(&dump, 0, sizeof(dump));
    cursor = 0;

    for (i = 0; i < 600; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        store_at(&fx.st, key, bytes, sizeof(bytes), NOW, WALL);
    }

    do {
        before = dump.len;
        cursor = sector_dump_add(&dump, &fx.st, cursor, 50000, NOW, WALL);
        assert_true(cursor == 0 || dump.len - before >= 50000);

        /* more than was asked for, but by no more than one walk's */

        assert_true(dump.len - before < 50000 + 64 * 1100);
    } while (cursor != 0);

    assert_int_equal(dump.entries, 600);
    sector_dump_free(&dump);
    assert_null(dump.bytes);
    assert_int_equal(dump.len, 0);
    fixture_unmake(&fx);
}


static void
test_without_memory_a_dump_has_failed(void **state)
{
    char           key[16];
    unsigned       i, most;
    fixture_t      fx;
    sector_dump_t  dump;
    static char    bytes[2000];

    (void) state;
    fixture_make(&fx, REGION, &fixture_policy);

    for (i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        store_at(&fx.st, key, bytes, sizeof(bytes), NOW, WALL);
    }

    allocations = 0;
    save(&dump, &fx.st, NOW, WALL);
    sector_dump_free(&dump);
    most = allocations;
    assert_in_range(most, 3, 10);

    for (i = 1; i <= most; i++) {
        allocations = 0;
        fail_at = i;

        assert_int_equal(sector_dump_add(&dump, &fx.st, 0, SIZE_MAX, NOW,
                                         WALL), 0);
        assert_int_equal(dump.failed, 1);
        assert_int_equal(allocations, i);
        assert_int_equal(atomic_load(&fx.st.slot->epoch), 0);

        /* memory may be back: it stays failed, since entries are missing */

        assert_int_equal(sector_dump_add(&dump, &fx.st, 0, SIZE_MAX, NOW,
                                         WALL), 0);
        assert_int_equal(sector_dump_finish(&dump, WALL), -1);
        assert_int_equal(allocations, i);
        sector_dump_free(&dump);
    }

    /* without any entry too */

    allocations = 0;
    fail_at = 1;
    assert_int_equal(sector_dump_finish(&dump, WALL), -1);
    sector_dump_free(&dump);

    fail_at = 0;
    save(&dump, &fx.st, NOW, WALL);
    assert_int_equal(dump.entries, 300);
    sector_dump_free(&dump);
    fixture_unmake(&fx);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_an_empty_store_comes_back_empty),
        cmocka_unit_test(test_values_tags_and_windows_come_back),
        cmocka_unit_test(test_a_full_store_comes_back_whole),
        cmocka_unit_test(test_the_time_in_between_counts_to_the_millisecond),
        cmocka_unit_test(test_windows_without_end_outlive_the_machine_twice),
        cmocka_unit_test(test_what_is_past_every_window_is_dropped),
        cmocka_unit_test(test_a_clock_set_back_makes_nothing_younger),
        cmocka_unit_test(
            test_a_clock_set_while_entries_lie_there_does_no_harm),
        cmocka_unit_test(test_an_entry_stored_a_moment_later_is_saved),
        cmocka_unit_test(test_a_smaller_store_takes_what_it_can),
        cmocka_unit_test(test_what_was_cleared_is_not_saved),
        cmocka_unit_test(test_a_dump_in_steps_bears_work_in_between),
        cmocka_unit_test(test_a_step_ends_soon_after_its_bytes),
        cmocka_unit_test(test_without_memory_a_dump_has_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
