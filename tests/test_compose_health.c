/*
 * sector_compose_health: what health is judged to be, the sentences that say
 * why, and what is said of a source that fails.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sector_compose.h"


#define TEST_NOON  1795377640123LL      /* 2026-11-22T20:00:40.123Z */
#define TEST_TIME  "2026-11-22T20:00:40.123Z"


typedef struct {
    sector_compose_state_t    state;
    sector_compose_source_t   sources[2];
} test_health_t;


/* Twelve symbols and two sources, and nothing was fetched yet. */

static void
test_health(test_health_t *h)
{
    memset(h, 0, sizeof(*h));

    h->sources[0].name = "yahoo";
    h->sources[0].breaker = "closed";
    h->sources[1].name = "other";
    h->sources[1].breaker = "closed";

    h->state.enabled = 1;
    h->state.configured = 12;
    h->state.sources = h->sources;
    h->state.n_sources = 2;
}


/* The answer, after the judgement. */

static json_t *
answer(test_health_t *h)
{
    char    *text;
    size_t   len;
    json_t  *root;

    h->state.health = sector_compose_judge(&h->state);
    text = sector_compose_health(&h->state, &len);

    assert_non_null(text);
    assert_int_equal(strlen(text), len);

    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    assert_non_null(root);

    return root;
}


/* Its status, and its reasons, separated by a line break. */

static void
expect(test_health_t *h, const char *status, const char *reasons)
{
    char     text[4096];
    size_t   i, len;
    json_t  *root, *list, *one;

    root = answer(h);
    list = json_object_get(root, "reasons");
    assert_true(json_is_array(list));

    len = 0;
    text[0] = '\0';

    json_array_foreach(list, i, one) {
        assert_true(len + json_string_length(one) + 2 < sizeof(text));
        memcpy(text + len, json_string_value(one), json_string_length(one));
        len += json_string_length(one);
        text[len++] = '\n';
        text[len] = '\0';
    }

    assert_string_equal(json_string_value(json_object_get(root, "status")),
                        status);
    assert_string_equal(text, reasons);

    json_decref(root);
}


static void
test_nothing_wrong_is_healthy(void **state)
{
    test_health_t  h;

    (void) state;

    test_health(&h);
    expect(&h, "healthy", "");

    /* one failure is none yet, nor are stale entries that nobody asks for */

    h.state.servable = 12;
    h.state.stale_wall_ms = TEST_NOON;
    h.sources[0].trouble.failures = 1;
    h.sources[0].trouble.since_wall_ms = TEST_NOON;
    h.sources[0].trouble.error_wall_ms = TEST_NOON;
    h.sources[0].trouble.error = "no answer";
    h.state.has_alert = 1;
    h.state.enabled = 0;
    expect(&h, "healthy", "");

    /* without any symbol, none is missing */

    h.state.configured = 0;
    expect(&h, "healthy", "");
}


static void
test_symbols_that_lack(void **state)
{
    json_t         *root, *names;
    test_health_t   h;

    (void) state;

    test_health(&h);
    h.state.lacking = 2;
    h.state.unservable[0] = "XLK";
    h.state.unservable[1] = "XLF";
    h.state.n_unservable = 2;
    expect(&h, "degraded", "2 of 12 symbols cannot be served\n");

    root = answer(&h);
    names = json_object_get(root, "unservableSymbols");
    assert_int_equal(json_array_size(names), 2);
    assert_string_equal(json_string_value(json_array_get(names, 1)), "XLF");
    json_decref(root);

    h.state.lacking = 12;
    expect(&h, "unhealthy", "none of the symbols can be served, of 12\n");

    h.state.memory = 1;
    expect(&h, "degraded", "none of the symbols can be served, of 12, "
           "but something else can\n");

    h.state.memory = 0;
    h.state.lacking = h.state.configured = 1;
    expect(&h, "unhealthy", "none of the symbols can be served, of 1\n");
}


static void
test_each_thing_degrades(void **state)
{
    test_health_t  h;

    (void) state;

    test_health(&h);
    h.sources[1].breaker = "open";
    expect(&h, "degraded", "the circuit breaker of source other is open\n");

    h.sources[1].trouble.opened = "answered with status 503";
    h.sources[1].breaker = "half_open";
    expect(&h, "degraded", "the circuit breaker of source other is half-open, "
           "it opened because: answered with status 503\n");

    test_health(&h);
    h.sources[1].frozen = 1;
    h.state.stale_wall_ms = TEST_NOON;
    expect(&h, "degraded",
           "the quotes of source other have stopped advancing\n");

    test_health(&h);
    h.state.alert = 1;
    expect(&h, "degraded",
           "the hit rate is below that of sector_cache_alert\n");

    test_health(&h);
    h.state.stale_alert = 1;
    expect(&h, "degraded", "most answers are stale\n");

    h.state.stale_wall_ms = TEST_NOON;
    expect(&h, "degraded", "most answers are stale\n"
           "stale data lasts until " TEST_TIME "\n");

    test_health(&h);
    h.sources[1].trouble.failing = 1;
    h.sources[1].trouble.failures = 7;
    h.sources[1].trouble.since_wall_ms = TEST_NOON;
    expect(&h, "degraded", "every fetch from source other has failed since "
           TEST_TIME ", 7 in a row\n");

    h.sources[1].trouble.error = "answered with status 401";
    h.state.stale_wall_ms = TEST_NOON;
    expect(&h, "degraded", "every fetch from source other has failed since "
           TEST_TIME ", 7 in a row, the last one: answered with status 401\n"
           "stale data lasts until " TEST_TIME "\n");
}


/* As long as names and reasons can be: nothing is cut. */

static void
test_the_longest_reason(void **state)
{
    char           name[33], text[200];
    json_t        *list;
    const char    *one;
    test_health_t  h;

    (void) state;

    memset(name, 'n', 32);
    name[32] = '\0';
    memset(text, 'x', 199);
    text[199] = '\0';

    test_health(&h);
    h.sources[0].name = name;
    h.sources[0].trouble.failing = 1;
    h.sources[0].trouble.failures = UINT64_MAX;
    h.sources[0].trouble.since_wall_ms = TEST_NOON;
    h.sources[0].trouble.error = text;
    list = answer(&h);
    one = json_string_value(json_array_get(json_object_get(list, "reasons"),
                                           0));
    assert_string_equal(one + strlen(one) - 199, text);
    json_decref(list);
}


static json_t *
member(const json_t *root, const char *name, const char *inner)
{
    return json_object_get(json_object_get(root, name), inner);
}


/* Of a source, here and in /stats. */

static void
test_what_is_said_of_a_source(void **state)
{
    json_t                     *root, *one;
    test_health_t               h;
    sector_compose_trouble_t   *t;

    (void) state;

    test_health(&h);
    root = answer(&h);
    one = member(root, "sources", "yahoo");

    assert_true(json_is_false(json_object_get(one, "failing")));
    assert_true(json_is_null(json_object_get(one, "failingSince")));
    assert_true(json_is_null(json_object_get(one, "lastError")));
    assert_true(json_is_null(json_object_get(one, "lastSuccess")));
    assert_true(json_is_null(json_object_get(one, "openedBecause")));
    assert_true(json_is_false(json_object_get(root, "staleAnswersAlert")));
    assert_null(json_object_get(root, "hitRateAlert"));
    assert_null(json_object_get(root, "staleUntil"));
    assert_int_equal(json_array_size(json_object_get(root,
                                                "unservableSymbols")), 0);
    json_decref(root);

    t = &h.sources[0].trouble;
    t->failing = 1;
    t->failures = 3;
    t->since_wall_ms = TEST_NOON;
    t->success_wall_ms = TEST_NOON - 123;
    t->error_wall_ms = TEST_NOON;
    t->error = "answered with status 401";
    t->kind = "failed";
    t->symbol = "XLK";
    t->status = 401;
    t->opened_wall_ms = TEST_NOON;
    t->opened = "no answer";
    h.state.stale_wall_ms = TEST_NOON;
    h.state.stale_alert = 1;
    h.state.has_alert = 1;
    root = answer(&h);
    one = member(root, "sources", "yahoo");

    assert_true(json_is_true(json_object_get(one, "failing")));
    assert_string_equal(json_string_value(json_object_get(one,
                                                          "failingSince")),
                        TEST_TIME);
    assert_int_equal(json_integer_value(json_object_get(one,
                                                     "failuresInRow")), 3);
    assert_string_equal(json_string_value(json_object_get(one,
                                                          "lastSuccess")),
                        "2026-11-22T20:00:40.000Z");
    assert_string_equal(json_string_value(member(one, "lastError", "time")),
                        TEST_TIME);
    assert_string_equal(json_string_value(member(one, "lastError", "error")),
                        "answered with status 401");
    assert_string_equal(json_string_value(member(one, "lastError", "kind")),
                        "failed");
    assert_string_equal(json_string_value(member(one, "lastError", "symbol")),
                        "XLK");
    assert_int_equal(json_integer_value(member(one, "lastError", "status")),
                     401);

    /* why it opened is over where it is closed again */

    assert_true(json_is_null(json_object_get(one, "openedBecause")));
    assert_true(json_is_true(json_object_get(root, "staleAnswersAlert")));
    assert_string_equal(json_string_value(json_object_get(root,
                                                          "staleUntil")),
                        TEST_TIME);
    json_decref(root);

    h.sources[0].breaker = "open";
    h.sources[0].retry_after_s = 41;
    t->failing = 0;
    t->symbol = NULL;
    t->status = 0;
    root = answer(&h);
    one = member(root, "sources", "yahoo");

    assert_true(json_is_null(json_object_get(one, "failingSince")));
    assert_null(member(one, "lastError", "symbol"));
    assert_null(member(one, "lastError", "status"));
    assert_int_equal(json_integer_value(json_object_get(one, "retryAfter")),
                     41);
    assert_string_equal(json_string_value(member(one, "openedBecause",
                                                 "error")), "no answer");
    assert_string_equal(json_string_value(member(one, "openedBecause",
                                                 "time")), TEST_TIME);
    json_decref(root);
}


static unsigned  test_calls;
static unsigned  test_fail_at;


static void *
failing_malloc(size_t size)
{
    return ++test_calls == test_fail_at ? NULL : malloc(size);
}


static void
test_no_memory_is_no_text(void **state)
{
    char           *text;
    size_t          len;
    json_malloc_t   old_malloc;
    json_free_t     old_free;
    test_health_t   h;

    (void) state;

    test_health(&h);
    h.sources[0].breaker = "open";
    h.sources[0].frozen = 1;
    h.sources[0].trouble.failing = 1;
    h.sources[0].trouble.error = "no answer";
    h.sources[0].trouble.kind = "failed";
    h.sources[0].trouble.symbol = "XLK";
    h.sources[0].trouble.status = 503;
    h.sources[0].trouble.opened = "no answer";
    h.state.lacking = 1;
    h.state.unservable[0] = "XLK";
    h.state.n_unservable = 1;
    h.state.stale_alert = 1;
    h.state.stale_wall_ms = TEST_NOON;
    h.state.alert = 1;

    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(failing_malloc, free);

    text = NULL;

    for (test_fail_at = 1; text == NULL && test_fail_at < 10000;
         test_fail_at++)
    {
        test_calls = 0;
        text = sector_compose_health(&h.state, &len);
    }

    json_set_alloc_funcs(old_malloc, old_free);

    assert_non_null(text);
    assert_true(test_fail_at > 50);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_wrong_is_healthy),
        cmocka_unit_test(test_symbols_that_lack),
        cmocka_unit_test(test_each_thing_degrades),
        cmocka_unit_test(test_the_longest_reason),
        cmocka_unit_test(test_what_is_said_of_a_source),
        cmocka_unit_test(test_no_memory_is_no_text)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
