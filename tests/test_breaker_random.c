/*
 * The circuit breaker under random sequences of events, against a model that
 * is written the plain way: lists of calls, failures and probes, walked anew
 * for each question.
 *
 * SECTOR_SEED repeats a run, SECTOR_EVENTS sets its length.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "breaker_fixture.h"
#include "breaker_model.h"
#include "test_random.h"


#define RUN_EVENTS    1000
#define MAX_OUT       128
#define MAX_RECOVERY  400


typedef struct {
    sector_breaker_permit_t  permit;
    model_ticket_t           ticket;
    uint64_t                 ends;          /* of its place; 0: no probe */
} out_t;


static uint64_t  now_ms;
static uint64_t  favourite;             /* the key of half of the calls */
static unsigned  n_out, fail_percent, undecided_percent;
static out_t     out[MAX_OUT];


static void
random_policy(void)
{
    static uint32_t  percents[] = { 0, 0, 1, 30, 50, 75, 100, 101 };

    policy.failures = between(0, 8);
    policy.error_percent = percents[between(0, 7)];
    policy.min_calls = between(0, 12);
    policy.window_ms = one_in(4) ? between(0, 30) : between(0, 5000);
    policy.slow_ms = one_in(3) ? between(1, 40) : 0;
    policy.open_ms = one_in(8) ? between(0, 2) : between(1, 400);
    policy.max_open_ms = between(0, 3000);
    policy.half_open = one_in(8) ? between(0, 80) : between(1, 6);
    policy.successes = between(0, 5);
    policy.half_open_timeout_ms = between(0, 500);
    policy.reset_ms = one_in(5) ? 0 : between(1, 4000);
}


/* A reload: all is new, or only what tells on probes that are out. */

static void
random_reload(void)
{
    uint32_t  half_open;

    half_open = policy.half_open;

    if (one_in(2)) {
        random_policy();

    } else {
        policy.half_open = between(0, 6);
    }

    seen.shrunk += policy.half_open < half_open
                   && places(&b, now_ms) > policy.half_open;
}


/* Most steps are small; some go to the very edge of a refusal. */

static void
random_time(void)
{
    uint64_t  wait;

    switch (between(0, 9)) {

    case 0: case 1: case 2: case 3:
        break;

    case 4: case 5: case 6:
        now_ms += between(1, 10);
        break;

    case 7:
        now_ms += between(1, 200);
        break;

    case 8:
        now_ms += one_in(8) ? between(1, 6000) : 1;
        break;

    default:
        model_look(&model, &policy, now_ms, &wait);
        now_ms += wait ? wait - between(0, 1) : 0;
    }
}


static void
random_acquire(void)
{
    int       rc;
    out_t     one;
    size_t    i, held;
    uint64_t  wait, expected;

    memset(&one, 0, sizeof(one));

    rc = sector_breaker_acquire(&b, &policy, now_ms, &one.permit, &wait);

    agree(rc == model_acquire(&model, &policy, now_ms, &one.ticket,
                              &expected));
    agree(wait == expected);
    agree(rc == 0 ? wait == 0 : wait > 0);

    if (rc != 0) {
        return;
    }

    agree((one.permit.probe != 0) == (one.ticket.name != 0));

    if (one.permit.probe != 0) {
        one.ends = now_ms + at_least(policy.half_open_timeout_ms, 1);
    }

    /* one that is never reported makes room */
    i = n_out < MAX_OUT ? n_out++ : between(0, MAX_OUT - 1);
    out[i] = one;

    for (i = 0, held = 0; i < n_out; i++) {
        held += out[i].ends > now_ms;
    }

    agree(one.ends == 0
          || held + b.undecided <= at_least(policy.half_open, 1));
    agree(one.ends == 0 || places(&b, now_ms) <= SECTOR_BREAKER_PROBES);
}


/* Of a key that was had: it is well for a while. */

static void
random_well(uint64_t key)
{
    uint64_t  until;

    until = now_ms + between(0, 3000);

    sector_breaker_well(&b, key, until);

    if (key != 0) {
        model_hear(&model, MODEL_WELL, key, until);
    }
}


static sector_breaker_result_e
random_result(void)
{
    if (one_in(12)) {
        return IGNORE;
    }

    if (between(1, 100) <= undecided_percent) {
        return UNDECIDED;
    }

    return between(1, 100) <= fail_percent ? FAIL : OK;
}


static void
random_report(void)
{
    size_t                   i;
    uint64_t                 elapsed, retry, key;
    sector_breaker_policy_t  none;
    sector_breaker_result_e  result;

    if (n_out == 0) {
        return;
    }

    /* mostly one of the newest, so that it is of this generation */
    i = one_in(3) ? between(0, n_out - 1)
                  : n_out - 1 - between(0, n_out > 6 ? 5 : n_out - 1);

    elapsed = between(0, 45);
    retry = one_in(20) ? between(1, 4000) : 0;
    key = one_in(2) ? favourite : between(0, MODEL_KEYS);
    result = random_result();

    /* whoever takes back a lease of the dead knows no policy */
    memset(&none, 0, sizeof(none));

    sector_breaker_report(&b, result == IGNORE ? &none : &policy, now_ms,
                          &out[i].permit, result, key, elapsed, retry);
    model_report(&model, &policy, now_ms, out[i].ticket, result, key,
                 elapsed, retry);

    if (result == OK && !one_in(8)) {
        random_well(key);
    }

    out[i] = out[--n_out];
}


static void
random_force(void)
{
    sector_breaker_force_e  force;

    force = between(0, 2);

    if (model.force) {
        force = SECTOR_BREAKER_AUTO;
    }

    sector_breaker_force(&b, force, now_ms);
    model_force(&model, force, now_ms);
}


/*
 * With nothing but time passing and successes a breaker closes, whatever state
 * it is in; and it says truly how long to wait.
 */

static void
recovers(sector_breaker_t *one)
{
    int                      rc;
    unsigned                 i;
    uint64_t                 at, due, wait;
    sector_breaker_permit_t  permit;

    at = now_ms;
    sector_breaker_force(one, SECTOR_BREAKER_AUTO, at);

    for (i = 0; i < MAX_RECOVERY; i++) {
        if (sector_breaker_peek(one, &policy, at, NULL) == CLOSED) {
            seen.recovered++;
            return;
        }

        rc = sector_breaker_acquire(one, &policy, at, &permit, &wait);

        if (rc == 0) {
            sector_breaker_report(one, &policy, at, &permit, OK, 0, 0, 0);
            continue;
        }

        agree(wait >= 1 && wait <= 6000);
        due = wait;
        agree(sector_breaker_acquire(one, &policy, at + due - 1, &permit,
                                     &wait) == -1);
        agree(wait == 1);
        at += due;
    }

    agree(!"the breaker is wedged");
}


/* As a worker leaves it that was killed between two of its writes. */

static sector_breaker_t
torn(const sector_breaker_t *before, const sector_breaker_t *after)
{
    size_t            at, size;
    sector_breaker_t  mixed;

    mixed = *after;

    for (at = 0; at < sizeof(mixed); at += size) {
        size = at < offsetof(sector_breaker_t, last_failure_ms)
               ? sizeof(uint32_t) : sizeof(uint64_t);

        if (one_in(2)) {
            memcpy((char *) &mixed + at, (const char *) before + at, size);
        }
    }

    return mixed;
}


static void
random_recovery(const sector_breaker_t *before)
{
    unsigned          i;
    sector_breaker_t  copy;

    /* all permits lost */
    copy = b;
    recovers(&copy);

    /* all permits given back */
    copy = b;

    for (i = 0; i < n_out; i++) {
        sector_breaker_report(&copy, &policy, now_ms, &out[i].permit, IGNORE,
                              0, 0, 0);
    }

    agree(places(&copy, now_ms) <= places(&b, now_ms));
    recovers(&copy);

    copy = torn(before, &b);
    recovers(&copy);
}


static void
random_event(void)
{
    unsigned          kind;
    uint64_t          wait, expected;
    sector_breaker_t  before;

    before = b;
    kind = between(0, 999);

    random_time();

    if (one_in(16)) {
        wait = model.episode;
        model_settle(&model, &policy, now_ms);
        agree(sector_breaker_lapse(&b, &policy, now_ms)
              == (model.episode != wait));
    }

    if (kind < 480) {
        random_acquire();

    } else if (kind < 960) {
        random_report();

    } else if (kind < 975) {
        /* a caller that dies */
        n_out -= n_out > 0;

    } else if (kind < 985) {
        fail_percent = between(0, 3) * 33;
        undecided_percent = one_in(2) ? 0 : between(0, 100);
        favourite = between(0, MODEL_KEYS);

    } else if (kind < 995) {
        random_reload();

    } else {
        random_force();
    }

    agree((int) sector_breaker_peek(&b, &policy, now_ms, &wait)
          == model_look(&model, &policy, now_ms, &expected));
    agree(wait == expected);
    agree(places(&b, now_ms) == model_probes(&model, now_ms));
    agree(b.state == (uint32_t) model.state);
    agree(b.since_ms == model.entered);
    agree(b.generation == model.episode);
    agree(b.undecided == model.n_undecided);
    agree(sector_breaker_wanted(&b, &policy, now_ms)
          == model_wanted(&model, &policy, now_ms));

    if (one_in(32)) {
        random_recovery(&before);
    }

    seen.events++;
}


static void
test_random_sequences_agree_with_the_model(void **state)
{
    unsigned       run;
    unsigned long  events;

    (void) state;

    random_seed();
    events = random_events(1500000);

    memset(&seen, 0, sizeof(seen));

    for (run = 0; seen.events < events; run++) {
        random_run(run);
        now_ms = one_in(4) ? between(0, 50) : between(0, 1ULL << 40);
        n_out = 0;
        fail_percent = 50;
        undecided_percent = one_in(3) ? 50 : 5;
        favourite = between(0, MODEL_KEYS);

        memset(&b, 0, sizeof(b));
        memset(&model, 0, sizeof(model));
        random_policy();

        for (step_no = 0; step_no < RUN_EVENTS; step_no++) {
            random_event();
        }
    }

    print_message("%lu events; opened by run %lu, rate %lu, Retry-After %lu, "
                  "probe %lu; closed %lu; full %lu, overdue %lu, stale %lu, "
                  "forced %lu, shrunk %lu, recovered %lu\n", seen.events,
                  seen.by_run, seen.by_rate, seen.by_retry, seen.by_probe,
                  seen.closed, seen.full, seen.overdue, seen.stale,
                  seen.forced, seen.shrunk, seen.recovered);
    print_message("spared %lu, kept %lu; undecided %lu, blocked %lu, "
                  "lapsed %lu, of which over %lu\n", seen.spared, seen.kept,
                  seen.undecided, seen.blocked, seen.lapsed,
                  seen.lapsed_over);

    if (events >= 1000000) {
        assert_true(seen.by_run > 1000 && seen.by_rate > 1000);
        assert_true(seen.by_retry > 1000 && seen.by_probe > 1000);
        assert_true(seen.closed > 1000 && seen.full > 1000);
        assert_true(seen.overdue > 1000 && seen.stale > 1000);
        assert_true(seen.forced > 1000 && seen.shrunk > 100);
        assert_true(seen.spared > 1000 && seen.kept > 1000);
        assert_true(seen.undecided > 1000 && seen.blocked > 1000);
        assert_true(seen.lapsed > 1000 && seen.lapsed_over > 100);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_random_sequences_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
