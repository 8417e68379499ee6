/*
 * store_fixture: one process's store in a region of its own, for the tests in
 * which nobody dies.  Include it after cmocka.h.
 */

#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H


#include "store_region.h"


#define REGION   (1024 * 1024)
#define FOREVER  UINT64_MAX


typedef struct {
    store_region_t      region;
    sector_store_ops_t  ops;
    sector_store_t      st;
} fixture_t;


static const sector_store_policy_t  fixture_policy = {
    .ttl_ms = 1000,
    .stale_ms = 500,
    .swr_ms = 200,
    .negative_ms = 100,
    .jitter_percent = 0,
    .max_object_bytes = 64 * 1024
};

static int32_t  fixture_dead_pid;


/* A pid of ours is dead if the test says so; none is looked up. */
static inline int
fixture_alive(int32_t pid)
{
    return pid != fixture_dead_pid;
}


static inline void
fixture_make(fixture_t *fx, size_t bytes, const sector_store_policy_t *with)
{
    fixture_dead_pid = 0;
    sector_store_test_hash = NULL;
    sector_store_test_fail = NULL;

    store_region_make(&fx->region, bytes);
    fx->region.single = 1;
    fx->region.alive = fixture_alive;
    fx->ops = store_region_ops(&fx->region);

    sector_store_create(&fx->st, fx->region.reserve, fx->region.reserve_bytes,
                        &fx->ops, with);
    sector_store_attach(&fx->st, 100);
}


static inline void
fixture_unmake(fixture_t *fx)
{
    sector_store_test_hash = NULL;
    store_region_unmake(&fx->region);
}


/* Another process's handle of the same store. */
static inline void
fixture_join(fixture_t *fx, sector_store_t *st, int32_t pid)
{
    assert_int_equal(sector_store_open(st, fx->region.reserve,
                                       fx->region.reserve_bytes, &fx->ops,
                                       &fx->st.policy), 0);
    sector_store_attach(st, pid);
}


static inline void
fixture_check(fixture_t *fx)
{
    const char  *wrong;

    wrong = store_region_check(&fx->region, &fx->st);

    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}


static inline sector_store_error_e
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


static inline sector_store_state_e
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
static inline void
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


static inline sector_store_info_t
info_of(sector_store_t *st)
{
    sector_store_info_t  info;

    sector_store_info(st, &info);

    return info;
}


/* Lets lazy work finish. */
static inline sector_store_info_t
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


#endif /* STORE_FIXTURE_H */
