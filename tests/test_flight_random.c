/*
 * A million random events of flights beside a plain model: a list in the order
 * of coming, each with all that is known of it.  SECTOR_SEED repeats a run.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flight_fixture.h"


#define MODEL_MAX    64
#define MODEL_KEYS   6
#define MODEL_PIDS   5

typedef struct {
    uint64_t    id;
    int         state;
    int32_t     owner;
    int         key;            /* 0: none */
    uint64_t    source;
    uint64_t    lines;
    uint64_t    deadline;
    int         held;
} model_t;

static model_t   model[MODEL_MAX];
static unsigned  model_n;
static unsigned  model_freed;
static int       model_dead[MODEL_PIDS + 1];


static int
model_alive(void *ctx, int32_t pid)
{
    (void) ctx;

    return !model_dead[pid];
}


static void
model_note(void *ctx, uint64_t source, const sector_flight_lease_t *lease)
{
    (void) ctx;
    (void) source;

    assert_int_equal(lease->held[0], 5);
    model_freed++;
}


static void
model_remove(unsigned i)
{
    memmove(&model[i], &model[i + 1], (--model_n - i) * sizeof(model_t));
}


static uint64_t
model_count(uint64_t source, int state)
{
    unsigned  i;
    uint64_t  n;

    for (i = 0, n = 0; i < model_n; i++) {
        n += (model[i].source == source && model[i].state == state);
    }

    return n;
}


/* Its slot may have been that of an outcome that was kept long enough. */
static void
model_begun(model_t m, uint64_t now)
{
    unsigned  i;

    for (i = 0; i < model_n; i++) {
        if (model[i].state == SECTOR_FLIGHT_DONE && now >= model[i].deadline
            && sector_flight_look(&table, model[i].id) == SECTOR_FLIGHT_GONE)
        {
            model_remove(i--);
        }
    }

    assert_true(model_n < MODEL_MAX);

    for (i = 0; i < model_n; i++) {
        assert_true(m.id > model[i].id);
    }

    model[model_n++] = m;
}


static void
model_join(const sector_flight_policy_t *p, int key, int32_t owner,
    uint64_t now)
{
    int                    place;
    char                   name[8];
    unsigned               i;
    uint64_t               id;
    sector_flight_join_e   got;
    sector_flight_want_t   want;

    snprintf(name, sizeof(name), "%s%d", key ? "K" : "", key);
    want = want_of(key ? name : "", owner);
    got = sector_flight_join(&table, p, &want, now, &id);

    for (i = 0; key && i < model_n; i++) {
        if (model[i].key == key && model[i].state != SECTOR_FLIGHT_DONE) {
            assert_int_equal(got, SECTOR_FLIGHT_JOINED);
            assert_int_equal(id, model[i].id);
            model[i].lines |= (uint64_t) 1 << owner;
            return;
        }
    }

    place = (model_count(p->source, SECTOR_FLIGHT_RUNNING) < p->concurrency
             && model_count(p->source, SECTOR_FLIGHT_WAITING) == 0);

    if (!place && model_count(p->source, SECTOR_FLIGHT_WAITING) >= p->queue) {
        assert_int_equal(got, SECTOR_FLIGHT_FULL);
        return;
    }

    assert_int_equal(got, place ? SECTOR_FLIGHT_LEAD : SECTOR_FLIGHT_QUEUED);

    model_begun((model_t) {
        id, place ? SECTOR_FLIGHT_RUNNING : SECTOR_FLIGHT_WAITING, owner, key,
        p->source, 0, now + (place ? p->lease_ms : p->queue_lease_ms), 0
    }, now);
}


/* Rides, or goes on to: i is the one it had, or model_n. */
static void
model_ride(unsigned i, const sector_flight_policy_t *p, int key,
    int32_t owner, int place, uint64_t now)
{
    char                   name[8];
    uint64_t               id, deadline;
    sector_flight_join_e   got;
    sector_flight_want_t   want;

    snprintf(name, sizeof(name), "K%d", key);
    want = want_of(name, owner);
    id = (i < model_n) ? model[i].id : 0;
    deadline = now + (place ? p->lease_ms : p->queue_lease_ms);
    got = sector_flight_ride(&table, p, &want, place, now, &id);

    if (i < model_n && model[i].owner == owner
        && model[i].state == SECTOR_FLIGHT_RIDING)
    {
        assert_int_equal(got, SECTOR_FLIGHT_LEAD);
        assert_int_equal(id, model[i].id);
        model[i].deadline = deadline;
        return;
    }

    for (i = 0; i < model_n; i++) {
        if (model[i].key == key && model[i].state != SECTOR_FLIGHT_DONE) {
            assert_int_equal(got, SECTOR_FLIGHT_JOINED);
            assert_int_equal(id, model[i].id);
            model[i].lines |= (uint64_t) 1 << owner;
            return;
        }
    }

    assert_int_equal(got, SECTOR_FLIGHT_LEAD);

    model_begun((model_t) { id, SECTOR_FLIGHT_RIDING, owner, key, p->source, 0,
                            deadline, 0 }, now);
}


static void
model_end(unsigned i, int32_t owner, int kept, uint64_t now)
{
    uint64_t                  lines;
    model_t                  *m;
    sector_flight_outcome_t   outcome;

    m = &model[i];
    memset(&outcome, 0, sizeof(outcome));
    outcome.retry_after_ms = m->id;

    lines = sector_flight_end(&table, m->id, owner, kept ? &outcome : NULL,
                              now);

    if (m->owner != owner || (m->state != SECTOR_FLIGHT_RUNNING
                              && m->state != SECTOR_FLIGHT_RIDING
                              && m->state != SECTOR_FLIGHT_WAITING))
    {
        assert_int_equal(lines, 0);
        return;
    }

    assert_true(lines == m->lines);

    if (!kept || m->lines == 0) {
        model_remove(i);
        return;
    }

    m->state = SECTOR_FLIGHT_DONE;
    m->deadline = now + SECTOR_FLIGHT_KEEP_MS;
    m->held = 0;

    assert_int_equal(sector_flight_outcome(&table, m->id)->retry_after_ms,
                     m->id);
}


static void
model_grant(const sector_flight_policy_t *p, uint64_t now)
{
    unsigned  i;
    uint64_t  lines;

    lines = 0;

    for (i = 0; i < model_n; i++) {
        if (model[i].source == p->source
            && model[i].state == SECTOR_FLIGHT_WAITING
            && model_count(p->source, SECTOR_FLIGHT_RUNNING) < p->concurrency)
        {
            model[i].state = SECTOR_FLIGHT_RUNNING;
            model[i].deadline = now + p->lease_ms;
            lines |= (uint64_t) 1 << model[i].owner;
        }
    }

    assert_true(sector_flight_grant(&table, p, now) == lines);
}


static void
model_reap(int32_t gone, uint64_t now)
{
    unsigned                 i, before;
    uint64_t                 lines;
    model_t                 *m;
    sector_flight_reaper_t   reaper = { model_alive, model_note, NULL, gone };

    before = model_freed;
    lines = 0;

    for (i = 0; i < model_n; i++) {
        m = &model[i];

        if (now < m->deadline
            && (m->state == SECTOR_FLIGHT_DONE
                || m->state == SECTOR_FLIGHT_ORPHAN
                || (!model_dead[m->owner] && m->owner != gone)))
        {
            continue;
        }

        before += m->held;
        m->held = 0;

        if (m->lines == 0 || m->state == SECTOR_FLIGHT_DONE
            || m->state == SECTOR_FLIGHT_ORPHAN)
        {
            model_remove(i--);
            continue;
        }

        m->state = SECTOR_FLIGHT_ORPHAN;
        m->deadline = now + SECTOR_FLIGHT_KEEP_MS;
        lines |= m->lines;
    }

    assert_true(sector_flight_reap(&table, &reaper, now) == lines);
    assert_int_equal(model_freed, before);
}


static void
model_adopt(unsigned i, const sector_flight_policy_t *p, int32_t owner,
    uint64_t now)
{
    int                    place;
    model_t               *m;
    sector_flight_join_e   got;
    sector_flight_want_t   want;

    m = &model[i];
    want = want_of("", owner);
    got = sector_flight_adopt(&table, m->id, p, &want, now);

    if (m->state == SECTOR_FLIGHT_DONE) {
        assert_int_equal(got, SECTOR_FLIGHT_FULL);

    } else if (m->state != SECTOR_FLIGHT_ORPHAN) {
        assert_int_equal(got, SECTOR_FLIGHT_JOINED);

    } else {
        place = model_count(m->source, SECTOR_FLIGHT_RUNNING) < p->concurrency;
        assert_int_equal(got, place ? SECTOR_FLIGHT_LEAD
                                    : SECTOR_FLIGHT_QUEUED);
        m->state = place ? SECTOR_FLIGHT_RUNNING : SECTOR_FLIGHT_WAITING;
        m->owner = owner;
        m->deadline = now + (place ? p->lease_ms : p->queue_lease_ms);
    }
}


static void
model_check(const sector_flight_policy_t *p)
{
    unsigned  i, k;
    uint64_t  running, waiting;

    for (i = 0; i < model_n; i++) {
        assert_int_equal(sector_flight_look(&table, model[i].id),
                         model[i].state);

        for (k = 0; k < i; k++) {
            assert_false(model[i].key && model[i].key == model[k].key
                         && model[i].state != SECTOR_FLIGHT_DONE
                         && model[k].state != SECTOR_FLIGHT_DONE);
        }
    }

    sector_flight_count(&table, p->source, &running, &waiting);
    assert_int_equal(running, model_count(p->source, SECTOR_FLIGHT_RUNNING));
    assert_int_equal(waiting, model_count(p->source, SECTOR_FLIGHT_WAITING));
    assert_true(running <= 3);
}


static void
test_a_million_events_are_as_the_model_says(void **state)
{
    int                      key;
    int32_t                  pid;
    unsigned                 i, n;
    uint64_t                 now, seed;
    const char              *given;
    sector_flight_lease_t    lease = { { 5, 6 } };
    sector_flight_policy_t   sources[2] = { { 1, 3, 4, 200, 100 },
                                            { 2, 1, 2, 50, 300 } };
    sector_flight_policy_t  *p;

    (void) state;

    given = getenv("SECTOR_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t) (uintptr_t) &seed;
    printf("# SECTOR_SEED=%llu\n", (unsigned long long) seed);
    srandom((unsigned) seed);

    begin();
    model_n = 0;
    now = 1;

    for (n = 0; n < 1000000; n++) {
        pid = 1 + (int32_t) (random() % MODEL_PIDS);
        p = &sources[random() % 2];
        i = model_n ? (unsigned) random() % model_n : 0;

        switch (random() % 18) {

        case 0: case 1: case 2: case 3: case 4:

            /* a key is one source's */

            if (!model_dead[pid]) {
                key = (int) (random() % (MODEL_KEYS / 2 + 1)) * 2;
                model_join(p, key ? key - (p == &sources[1]) : 0, pid, now);
            }

            break;

        case 5: case 6: case 7: case 8:

            if (model_n) {
                model_end(i, random() % 8 ? model[i].owner : pid,
                          (int) random() % 2, now);
            }

            break;

        case 9: case 10:
            model_grant(p, now);
            break;

        case 11:
            now += (uint64_t) random() % 40;
            break;

        case 12:
            model_dead[pid] = (random() % 2 == 0);
            model_reap(random() % 4 == 0 ? pid : 0, now);
            break;

        case 13:

            if (model_n && !model_dead[pid]) {
                model_adopt(i, &sources[model[i].source - 1], pid, now);
            }

            break;

        case 14:

            if (model_n && model[i].state == SECTOR_FLIGHT_RUNNING) {
                sector_flight_hold(&table, model[i].id, &lease);
                model[i].held = 1;
            }

            break;

        case 15: case 16:

            /* as a rule one that is new, or one that rides already */

            if (model_dead[pid]) {
                break;
            }

            if (model_n && random() % 2 && model[i].key
                && model[i].state != SECTOR_FLIGHT_DONE)
            {
                model_ride(i, &sources[model[i].source - 1], model[i].key,
                           random() % 4 ? model[i].owner : pid,
                           (int) (random() % 2), now);
                break;
            }

            key = 2 + (int) (random() % (MODEL_KEYS / 2)) * 2;
            model_ride(model_n, p, key - (p == &sources[1]), pid,
                       (int) (random() % 2), now);
            break;

        default:
            model_reap(0, now);
            break;
        }

        model_check(p);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_million_events_are_as_the_model_says)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
