/*
 * What the store promises while nobody dies: freshness, eviction, failing
 * allocators, collisions, sizes, readers beside writers, slots and counters.
 * Deaths are in test_store_death.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_region.h"


#define REGION   (1024 * 1024)
#define FOREVER  UINT64_MAX


typedef struct {
    store_region_t      region;
    sector_store_ops_t  ops;
    sector_store_t      st;
} fixture_t;


static const sector_store_policy_t  policy = {
    .ttl_ms = 1000,
    .stale_ms = 500,
    .swr_ms = 200,
    .negative_ms = 100,
    .jitter_percent = 0,
    .max_object_bytes = 64 * 1024
};

static int32_t  dead_pid;


/* A pid of ours is dead if the test says so; none is looked up. */
static int
alive(int32_t pid)
{
    return pid != dead_pid;
}


static void
make(fixture_t *fx, size_t bytes, const sector_store_policy_t *with)
{
    dead_pid = 0;
    sector_store_test_hash = NULL;
    sector_store_test_fail = NULL;

    store_region_make(&fx->region, bytes);
    fx->region.single = 1;
    fx->region.alive = alive;
    fx->ops = store_region_ops(&fx->region);

    sector_store_create(&fx->st, fx->region.reserve, fx->region.reserve_bytes,
                        &fx->ops, with);
    sector_store_attach(&fx->st, 100);
}


static void
unmake(fixture_t *fx)
{
    sector_store_test_hash = NULL;
    store_region_unmake(&fx->region);
}


/* Another process's handle of the same store. */
static void
join(fixture_t *fx, sector_store_t *st, int32_t pid)
{
    assert_int_equal(sector_store_open(st, fx->region.reserve,
                                       fx->region.reserve_bytes, &fx->ops,
                                       &fx->st.policy), 0);
    sector_store_attach(st, pid);
}


static void
check(fixture_t *fx)
{
    const char  *wrong;

    wrong = store_region_check(&fx->region, &fx->st);

    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}


static sector_store_error_e
put(sector_store_t *st, const char *key, const char *value, uint64_t now)
{
    sector_store_item_t  item;

    memset(&item, 0, sizeof(item));

    item.value = value;
    item.value_bytes = strlen(value);
    item.tag = now + 7;

    return sector_store_put(st, key, strlen(key), &item, now,
                            (int64_t) now + 1000000);
}


static sector_store_state_e
state_at(sector_store_t *st, const char *key, uint64_t now)
{
    sector_store_view_t   view;
    sector_store_state_e  state;

    state = sector_store_read(st, key, strlen(key), now, &view);

    if (state != SECTOR_STORE_NONE) {
        sector_store_read_end(st);
    }

    return state;
}


/* Whether a key is there with this value (NULL: not there). */
static void
expect(sector_store_t *st, const char *key, const char *value, uint64_t now)
{
    sector_store_view_t   view;
    sector_store_state_e  state;

    state = sector_store_read(st, key, strlen(key), now, &view);

    if (value == NULL) {
        assert_int_equal(state, SECTOR_STORE_NONE);
        return;
    }

    assert_int_not_equal(state, SECTOR_STORE_NONE);
    assert_int_equal(view.value_bytes, strlen(value));
    assert_memory_equal(view.value, value, view.value_bytes);

    sector_store_read_end(st);
}


static sector_store_info_t
info_of(sector_store_t *st)
{
    sector_store_info_t  info;

    sector_store_info(st, &info);

    return info;
}


/* Lets lazy work finish. */
static sector_store_info_t
settle(sector_store_t *st)
{
    unsigned             i;
    sector_store_info_t  info;

    for (i = 0; i < 100000; i++) {
        info = info_of(st);

        if (st->shm->cleared.oldest == NULL && st->shm->retired_n == 0) {
            break;
        }
    }

    return info;
}


/* Freshness */


static void
test_windows_end_at_their_exact_millisecond(void **state)
{
    fixture_t              fx;
    sector_store_view_t    view;
    sector_store_policy_t  p;

    (void) state;
    make(&fx, REGION, &policy);

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

    p = policy;
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

    unmake(&fx);
}


static void
test_a_clock_that_stands_still_keeps_everything_fresh(void **state)
{
    unsigned   i;
    fixture_t  fx;

    (void) state;
    make(&fx, REGION, &policy);

    for (i = 0; i < 1000; i++) {
        assert_int_equal(put(&fx.st, "a", "1", 42), SECTOR_STORE_OK);
        assert_int_equal(put(&fx.st, "b", "2", 42), SECTOR_STORE_OK);
        expect(&fx.st, "a", "1", 42);
        assert_int_equal(state_at(&fx.st, "b", 42), SECTOR_STORE_FRESH);
    }

    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EXPIRE], 0);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_EVICT], 0);
    check(&fx);
    unmake(&fx);
}


static void
test_a_negative_entry_is_never_stale(void **state)
{
    fixture_t            fx;
    sector_store_view_t  view;
    sector_store_item_t  item = { .value = "", .negative = 1 };

    (void) state;
    make(&fx, REGION, &policy);
    fx.st.policy.jitter_percent = 100;

    assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, 10, 0),
                     SECTOR_STORE_OK);
    assert_int_equal(sector_store_read(&fx.st, "k", 1, 109, &view),
                     SECTOR_STORE_FRESH);
    assert_int_equal(view.negative, 1);
    assert_int_equal(view.value_bytes, 0);
    sector_store_read_end(&fx.st);

    assert_int_equal(state_at(&fx.st, "k", 110), SECTOR_STORE_NONE);
    unmake(&fx);
}


static void
test_a_ttl_limit_shortens_and_never_lengthens(void **state)
{
    fixture_t            fx;
    sector_store_item_t  item = { .value = "v", .value_bytes = 1 };

    (void) state;
    make(&fx, REGION, &policy);

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
    unmake(&fx);
}


static void
test_jitter_shortens_by_no_more_than_its_percentage(void **state)
{
    unsigned             i;
    uint64_t             least, most;
    fixture_t            fx;
    sector_store_view_t  view;

    (void) state;
    make(&fx, REGION, &policy);
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
    unmake(&fx);
}


static void
test_endless_windows_saturate(void **state)
{
    fixture_t              fx;
    sector_store_policy_t  p;

    (void) state;
    p = policy;
    p.ttl_ms = FOREVER;
    p.stale_ms = FOREVER;
    p.swr_ms = FOREVER;
    make(&fx, REGION, &p);

    (void) put(&fx.st, "k", "v", 1000);
    assert_int_equal(state_at(&fx.st, "k", FOREVER - 1), SECTOR_STORE_FRESH);

    fx.st.policy.ttl_ms = 10;
    (void) put(&fx.st, "k", "v", 1000);
    assert_int_equal(state_at(&fx.st, "k", FOREVER - 1),
                     SECTOR_STORE_REFRESH);
    unmake(&fx);
}


static void
test_dead_entries_leave_as_others_are_stored(void **state)
{
    unsigned   i;
    char       key[16];
    fixture_t  fx;

    (void) state;
    make(&fx, REGION, &policy);

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
    check(&fx);
    unmake(&fx);
}


/* Eviction */


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


static void
test_eviction_follows_sieve_on_random_traces(void **state)
{
    int                   key, op, i;
    uint64_t              random;
    unsigned              round, step;
    model_t               m;
    fixture_t             fx;
    sector_store_view_t   view;
    sector_store_item_t   item = { .value = "value", .value_bytes = 5 };
    sector_store_state_e  found;

    (void) state;
    random = store_region_seed();

    for (round = 0; round < 20; round++) {

        make(&fx, REGION, &policy);
        memset(&m, 0, sizeof(m));
        fx.region.control->most = MODEL_CAPACITY;

        for (step = 0; step < 3000; step++) {

            /* of two keys the smaller: some are hotter than others */

            key = (int) (store_region_random64(&random) % MODEL_KEYS);
            i = (int) (store_region_random64(&random) % MODEL_KEYS);
            key = i < key ? i : key;
            op = (int) (store_region_random64(&random) % 1000);

            if (op < 1) {
                assert_int_equal(sector_store_clear(&fx.st), m.n);
                (void) settle(&fx.st);
                m.n = 0;
                m.hand = 0;

            } else if (op < 50) {
                i = model_find(&m, key);
                assert_int_equal(sector_store_delete(&fx.st, &key,
                                                     sizeof(int)), i >= 0);
                if (i >= 0) {
                    model_remove(&m, i);
                }

            } else if (op < 500) {
                i = model_find(&m, key);
                found = sector_store_read(&fx.st, &key, sizeof(int), 0,
                                          &view);
                assert_int_equal(found != SECTOR_STORE_NONE, i >= 0);
                sector_store_read_end(&fx.st);

                if (i >= 0) {
                    m.visited[i] = 1;
                }

            } else {
                assert_int_equal(sector_store_put(&fx.st, &key, sizeof(int),
                                                  &item, 0, 0),
                                 SECTOR_STORE_OK);
                model_put(&m, key);
            }

            model_compare(&m, &fx.st);
        }

        check(&fx);
        unmake(&fx);
    }
}


static void
test_at_most_so_many_are_evicted_for_one(void **state)
{
    unsigned              i;
    char                  key[16];
    fixture_t             fx;
    static char           big[60000];
    sector_store_item_t   item = { .value = big, .value_bytes = sizeof(big) };
    sector_store_info_t   before, after;
    sector_store_error_e  rc;

    (void) state;
    make(&fx, 64 * 1024, &policy);

    for (i = 0; i < 2000; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(put(&fx.st, key, "v", 0), SECTOR_STORE_OK);
    }

    before = info_of(&fx.st);
    assert_true(before.counters[SECTOR_STAT_EVICT] > 1000);

    rc = sector_store_put(&fx.st, "big", 3, &item, 0, 0);
    assert_int_equal(rc, SECTOR_STORE_NO_ROOM);

    after = info_of(&fx.st);
    assert_int_equal(after.counters[SECTOR_STAT_EVICT]
                     - before.counters[SECTOR_STAT_EVICT],
                     SECTOR_STORE_EVICT_MAX);
    assert_int_equal(after.counters[SECTOR_STAT_REFUSE_ROOM], 1);
    assert_int_equal(after.entries,
                     before.entries - SECTOR_STORE_EVICT_MAX);
    check(&fx);
    unmake(&fx);
}


static void
test_a_refused_replacement_keeps_the_older_entry(void **state)
{
    unsigned   i;
    char       key[16];
    fixture_t  fx;

    (void) state;
    make(&fx, REGION, &policy);

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
    check(&fx);
    unmake(&fx);
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

            make(&fx, REGION, &policy);
            fx.region.fail_from = n;
            fx.region.fail_to = last ? n + 5 : n;

            for (i = 0; i < 40; i++) {
                snprintf(key, sizeof(key), "k%u", i % 15);
                snprintf(value, sizeof(value), "value%u", i);

                if (put(&fx.st, key, value, 0) == SECTOR_STORE_OK) {
                    expect(&fx.st, key, value, 0);
                }

                check(&fx);
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
            unmake(&fx);
        }
    }
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

    make(&fx, REGION, &policy);
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
        check(&fx);
    }

    for (i = 0; i < 50; i++) {
        snprintf(key, sizeof(key), "key%c", 'A' + i);
        snprintf(value, sizeof(value), "2-%u", i);
        expect(&fx.st, key, i % 2 ? value : NULL, 0);
    }

    unmake(&fx);
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
    make(&fx, REGION, &policy);
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
    unmake(&fx);
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
    make(&fx, REGION, &policy);
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
        check(&fx);
    }

    item.value_bytes = policy.max_object_bytes + 1;
    assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, 9, 0),
                     SECTOR_STORE_TOO_LARGE);
    assert_int_equal(sector_store_read(&fx.st, "k", 1, 9, &view),
                     SECTOR_STORE_FRESH);
    assert_int_equal(view.value_bytes, policy.max_object_bytes);
    sector_store_read_end(&fx.st);

    fx.st.policy.max_object_bytes = SIZE_MAX;
    item.value_bytes = SIZE_MAX;
    assert_int_equal(sector_store_put(&fx.st, "k", 1, &item, 9, 0),
                     SECTOR_STORE_TOO_LARGE);
    assert_int_equal(info_of(&fx.st).counters[SECTOR_STAT_REFUSE_LARGE], 2);
    unmake(&fx);
}


/* Readers beside writers */


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

        make(&fx, REGION, &policy);
        join(&fx, &reader, 101);

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
            check(&fx);
        }

        used = info_of(&fx.st).used_bytes;
        sector_store_read_end(&reader);

        assert_true(settle(&fx.st).used_bytes < used);
        assert_int_equal(fx.st.shm->retired_n, 0);
        check(&fx);
        unmake(&fx);
    }
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
    make(&fx, REGION, &policy);
    join(&fx, &reader, 101);
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

    dead_pid = 101;
    assert_int_equal(put(&fx.st, "n", "v", 0), SECTOR_STORE_OK);
    assert_int_equal(atomic_load(&reader.slot->epoch), 0);
    assert_int_equal(atomic_load(&reader.slot->pid), 0);
    check(&fx);
    unmake(&fx);
}


static void
test_dead_readers_are_found_out_before_room_is_short(void **state)
{
    unsigned             i;
    fixture_t            fx;
    sector_store_t       reader;
    sector_store_view_t  view;

    (void) state;
    make(&fx, REGION, &policy);
    join(&fx, &reader, 101);

    (void) put(&fx.st, "k", "v", 0);
    (void) sector_store_read(&reader, "k", 1, 0, &view);
    dead_pid = 101;

    for (i = 0; i < 1000; i++) {
        (void) put(&fx.st, "k", "v", 0);
        assert_true(fx.st.shm->retired_n <= SECTOR_STORE_RETIRED_MANY + 1);
    }

    unmake(&fx);
}


static void
test_clear_hides_everything_at_once_and_gives_back_later(void **state)
{
    unsigned             i, round;
    char                 key[16];
    fixture_t            fx;
    sector_store_info_t  info;

    (void) state;
    make(&fx, REGION, &policy);

    assert_int_equal(sector_store_clear(&fx.st), 0);

    for (round = 0; round < 3; round++) {
        for (i = 0; i < 500; i++) {
            snprintf(key, sizeof(key), "k%u", i);
            (void) put(&fx.st, key, round ? "new" : "old", 0);
        }

        assert_int_equal(sector_store_clear(&fx.st), 500);
        check(&fx);

        info = info_of(&fx.st);
        assert_int_equal(info.entries, 0);
        assert_int_not_equal(info.used_bytes, 0);

        for (i = 0; i < 500; i++) {
            snprintf(key, sizeof(key), "k%u", i);
            expect(&fx.st, key, NULL, 0);
            assert_int_equal(sector_store_delete(&fx.st, key, strlen(key)),
                             0);

            /* same keys again, while the old ones are in their buckets */

            if (i % 50 == 0) {
                (void) put(&fx.st, key, "again", 0);
                expect(&fx.st, key, "again", 0);
                (void) sector_store_clear(&fx.st);
                check(&fx);
            }
        }
    }

    assert_int_equal(settle(&fx.st).used_bytes, 0);
    assert_int_equal(fx.region.control->used, 0);
    check(&fx);
    unmake(&fx);
}


static void
test_room_is_made_of_what_was_cleared_before_anything_is_evicted(void **state)
{
    unsigned   i;
    char       key[16];
    fixture_t  fx;

    (void) state;
    make(&fx, REGION, &policy);
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
    check(&fx);
    unmake(&fx);
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
    make(&fx, REGION, &policy);

    for (i = 0; i < 100000; i++) {
        snprintf(key, sizeof(key), "symbol-%u", i);
        item.value_bytes = sizeof(value) - i % 64;
        assert_int_equal(sector_store_put(&fx.st, key, strlen(key), &item, 0,
                                          0), SECTOR_STORE_OK);
        if (i % 3 == 0) {
            assert_int_equal(state_at(&fx.st, key, 0), SECTOR_STORE_FRESH);
        }

        if (i % 5000 == 0) {
            check(&fx);
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
    unmake(&fx);
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
    make(&fx, 32768, &policy);

    assert_int_equal(fx.region.reserve_bytes, 4096);

    for (i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(sector_store_put(&fx.st, key, strlen(key), &item, 0,
                                          0), SECTOR_STORE_OK);
    }

    assert_in_range(info_of(&fx.st).entries, 25, 40);
    check(&fx);
    unmake(&fx);
}


/* Slots, counters, opening */


static void
test_a_slot_is_taken_over_from_the_dead_and_from_a_namesake(void **state)
{
    fixture_t             fx;
    sector_store_t        a, b, c;
    sector_store_view_t   view;
    sector_store_slot_t  *slot;

    (void) state;
    make(&fx, REGION, &policy);
    (void) put(&fx.st, "k", "v", 0);

    join(&fx, &a, 101);
    join(&fx, &b, 102);
    assert_ptr_not_equal(a.slot, b.slot);
    assert_ptr_not_equal(a.slot, fx.st.slot);

    slot = a.slot;
    sector_store_count(&a, SECTOR_STAT_HIT);
    (void) sector_store_read(&a, "k", 1, 0, &view);

    dead_pid = 101;
    join(&fx, &c, 103);
    assert_ptr_equal(c.slot, slot);
    assert_int_equal(atomic_load(&c.slot->epoch), 0);
    sector_store_count(&c, SECTOR_STAT_HIT);
    assert_int_equal(info_of(&c).counters[SECTOR_STAT_HIT], 2);

    /* 102 died and its number was given to another process */

    (void) sector_store_read(&b, "k", 1, 0, &view);
    slot = b.slot;
    join(&fx, &c, 102);
    assert_ptr_equal(c.slot, slot);
    assert_int_equal(atomic_load(&c.slot->epoch), 0);

    sector_store_detach(&c);
    assert_null(c.slot);
    sector_store_detach(&c);

    join(&fx, &c, 104);
    assert_ptr_equal(c.slot, slot);
    unmake(&fx);
}


static void
test_more_processes_than_slots_still_read(void **state)
{
    unsigned             i, none;
    fixture_t            fx;
    sector_store_t       st[40];
    sector_store_view_t  view;

    (void) state;
    make(&fx, 64 * 1024, &policy);
    (void) put(&fx.st, "k", "v", 0);

    for (i = 0, none = 0; i < 40; i++) {
        join(&fx, &st[i], 200 + (int32_t) i);
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
    check(&fx);
    unmake(&fx);
}


static void
test_counters_are_exact_over_detaching_and_clearing(void **state)
{
    unsigned        i, stat;
    uint64_t        expected[SECTOR_STATS_N];
    fixture_t       fx;
    sector_store_t  st[3];

    (void) state;
    make(&fx, REGION, &policy);
    memset(expected, 0, sizeof(expected));

    for (i = 0; i < 3; i++) {
        join(&fx, &st[i], 300 + (int32_t) i);
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
    unmake(&fx);
}


static void
test_info_tells_last_store_and_last_miss(void **state)
{
    char                 key[SECTOR_STORE_KEY_MAX + 1];
    fixture_t            fx;
    sector_store_info_t  info;

    (void) state;
    make(&fx, REGION, &policy);

    info = info_of(&fx.st);
    assert_int_equal(info.last_store_wall_ms, 0);
    assert_string_equal(info.last_miss, "");

    (void) put(&fx.st, "k", "v", 5);
    assert_int_equal(info_of(&fx.st).last_store_wall_ms, 1000005);

    memset(key, 'x', sizeof(key));
    sector_store_note_miss(&fx.st, key, SECTOR_STORE_KEY_MAX);
    key[SECTOR_STORE_KEY_MAX] = '\0';
    assert_string_equal(info_of(&fx.st).last_miss, key);

    sector_store_note_miss(&fx.st, "SPY", 3);
    sector_store_note_miss(&fx.st, "", 0);
    assert_string_equal(info_of(&fx.st).last_miss, "SPY");
    unmake(&fx);
}


static void
test_open_refuses_what_create_did_not_make(void **state)
{
    fixture_t                   fx;
    sector_store_t              st;
    sector_store_shm_t         *shm;
    static alignas(64) uint8_t  copy[64 * 1024];

    (void) state;
    make(&fx, 64 * 1024, &policy);
    shm = fx.st.shm;

#define REFUSED()                                                             \
    assert_int_equal(sector_store_open(&st, shm, fx.region.reserve_bytes,     \
                                       &fx.ops, &policy), -1)

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
                                       + 4096, &fx.ops, &policy), -1);
    assert_int_equal(sector_store_open(&st, shm, 0, &fx.ops, &policy), -1);

    /* mapped elsewhere, its pointers would lead astray */

    memcpy(copy, shm, fx.region.reserve_bytes);
    assert_int_equal(sector_store_open(&st, copy, fx.region.reserve_bytes,
                                       &fx.ops, &policy), -1);

    assert_int_equal(sector_store_open(&st, shm, fx.region.reserve_bytes,
                                       &fx.ops, &policy), 0);
    unmake(&fx);
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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_windows_end_at_their_exact_millisecond),
        cmocka_unit_test(
            test_a_clock_that_stands_still_keeps_everything_fresh),
        cmocka_unit_test(test_a_negative_entry_is_never_stale),
        cmocka_unit_test(test_a_ttl_limit_shortens_and_never_lengthens),
        cmocka_unit_test(test_jitter_shortens_by_no_more_than_its_percentage),
        cmocka_unit_test(test_endless_windows_saturate),
        cmocka_unit_test(test_dead_entries_leave_as_others_are_stored),
        cmocka_unit_test(test_eviction_follows_sieve_on_random_traces),
        cmocka_unit_test(test_at_most_so_many_are_evicted_for_one),
        cmocka_unit_test(test_a_refused_replacement_keeps_the_older_entry),
        cmocka_unit_test(
            test_an_allocator_that_fails_at_any_call_loses_nothing),
        cmocka_unit_test(test_keys_that_collide_are_told_apart),
        cmocka_unit_test(test_keys_of_every_length_are_told_apart),
        cmocka_unit_test(test_values_of_no_one_and_most_bytes),
        cmocka_unit_test(
            test_a_reader_keeps_what_is_replaced_deleted_or_cleared),
        cmocka_unit_test(test_a_reader_in_the_way_costs_few_entries),
        cmocka_unit_test(test_dead_readers_are_found_out_before_room_is_short),
        cmocka_unit_test(
            test_clear_hides_everything_at_once_and_gives_back_later),
        cmocka_unit_test(
            test_room_is_made_of_what_was_cleared_before_anything_is_evicted),
        cmocka_unit_test(test_many_keys_through_little_room_leak_nothing),
        cmocka_unit_test(test_the_smallest_region_holds_entries),
        cmocka_unit_test(
            test_a_slot_is_taken_over_from_the_dead_and_from_a_namesake),
        cmocka_unit_test(test_more_processes_than_slots_still_read),
        cmocka_unit_test(test_counters_are_exact_over_detaching_and_clearing),
        cmocka_unit_test(test_info_tells_last_store_and_last_miss),
        cmocka_unit_test(test_open_refuses_what_create_did_not_make),
        cmocka_unit_test(test_reserves_are_pages_and_a_small_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
