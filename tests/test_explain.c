/*
 * sector_compose_explain, _entries and the answers of the admin endpoints:
 * every verdict with its words, and every shape.
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
#include "sector_compose_admin.h"


static const sector_compose_gate_t  open_gate = {
    .name = "demo", .breaker = "closed", .concurrency = 4, .queue = 8
};

static const sector_compose_route_t  routes[] = {
    { "/old", "off", "demo", 0 },
    { "/api", "on", "demo", 1 }
};


/* A symbol of which memory has nothing, and that can be fetched. */

static sector_compose_explain_t
nothing(const sector_compose_gate_t *gate)
{
    return (sector_compose_explain_t) {
        .symbol = "XLK", .namespace = "sectors", .enabled = 1,
        .gates = gate, .n_gates = 1, .routes = routes, .n_routes = 2
    };
}


static json_t *
explained(const sector_compose_explain_t *e)
{
    char    *text;
    size_t   len;
    json_t  *root;

    text = sector_compose_explain(e, &len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);

    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    free(text);

    return root;
}


static void
expect_verdict(const sector_compose_explain_t *e, const char *answer,
    const char *why)
{
    json_t  *root;

    root = explained(e);

    assert_string_equal(json_string_value(json_object_get(root, "answer")),
                        answer);
    assert_string_equal(json_string_value(json_object_get(root, "why")), why);

    json_decref(root);
}


static void
test_what_is_in_memory_is_judged_by_its_state(void **state)
{
    sector_compose_explain_t  e;

    (void) state;

    e = nothing(&open_gate);
    e.entry.ttl_s = 7;

    e.entry.state = "fresh";
    expect_verdict(&e, "hit", "the entry is fresh for another 7 s");

    e.entry.state = "negative";
    expect_verdict(&e, "negative", "the source said that there is no such "
                   "symbol, which is kept for another 7 s");

    e.entry.state = "refresh";
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once while one fetch refreshes it");

    e.entry.state = "stale";
    expect_verdict(&e, "miss", "the entry is past its ttl: it is fetched from "
                   "source demo");

    e.enabled = 0;
    expect_verdict(&e, "disabled", "the cache is off: each request is fetched "
                   "anew");

    e.n_routes = 1;
    expect_verdict(&e, "error", "the symbol is not configured, and unknown "
                   "ones are rejected");

    e.n_routes = 0;
    expect_verdict(&e, "error", "no location serves this namespace");
}


/* The first location that serves the symbol is spoken of, not one that has it
 * not or has no cache. */

static void
test_the_source_is_that_of_who_serves_it(void **state)
{
    sector_compose_explain_t  e;

    static const sector_compose_gate_t  gates[] = {
        { .name = "slow", .breaker = "open", .breaker_s = 5 },
        { .name = "many", .breaker = "open", .breaker_s = 6 },
        { .name = "demo", .breaker = "closed", .concurrency = 4, .queue = 8 }
    };

    static const sector_compose_route_t  several[] = {
        { "/foreign", "on", "slow", 0 },
        { "/plain", "off", "many", 1 },
        { "/shadow", "shadow", "many", 1 },
        { "/api", "variable", "demo", 1 },
        { "/more", "on", "slow", 1 }
    };

    (void) state;

    e = nothing(gates);
    e.n_gates = 3;
    e.routes = several;
    e.n_routes = 5;
    expect_verdict(&e, "miss", "memory has nothing: it is fetched from source "
                   "demo");

    e.n_routes = 3;
    expect_verdict(&e, "error", "the circuit breaker of source many refuses "
                   "fetches for another 6 s: and memory has nothing");
    e.n_routes = 5;

    e.entry.state = "refresh";
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once while one fetch refreshes it");

    e.routes = several + 4;
    e.n_routes = 1;
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once, and the circuit breaker of source "
                   "slow refuses to refresh it for another 5 s");
}


static void
test_a_refresh_is_told_of_if_there_is_one(void **state)
{
    sector_compose_gate_t     gate;
    sector_compose_explain_t  e;

    (void) state;

    gate = open_gate;
    e = nothing(&gate);
    e.entry.state = "refresh";

    gate.running = 4;
    gate.waiting = 7;
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once while one fetch refreshes it");

    gate.waiting = 8;
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once, and the fetch queue of source demo "
                   "is full");

    gate.rate_s = 3;
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once, and the rate limit of source demo is "
                   "reached for another 3 s");

    gate.breaker_s = 5;
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once, and the circuit breaker of source "
                   "demo refuses to refresh it for another 5 s");

    e.flight = "waiting";
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once, and a fetch that refreshes it waits "
                   "for its turn");

    e.flight = "running";
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once, and a fetch that refreshes it is "
                   "under way");
}


static void
test_what_is_not_is_judged_by_what_a_fetch_would_meet(void **state)
{
    sector_compose_gate_t     gate;
    sector_compose_explain_t  e;

    (void) state;

    gate = open_gate;
    e = nothing(&gate);
    expect_verdict(&e, "miss", "memory has nothing: it is fetched from source "
                   "demo");

    gate.running = 4;
    gate.waiting = 7;
    expect_verdict(&e, "miss", "memory has nothing: it is fetched from source "
                   "demo, after its turn in the queue");

    gate.waiting = 8;
    expect_verdict(&e, "error", "the fetch queue of source demo is full: and "
                   "memory has nothing");

    gate.rate_s = 3;
    expect_verdict(&e, "error", "the rate limit of source demo is reached for "
                   "another 3 s: and memory has nothing");

    gate.breaker_s = 9;
    e.entry.state = "stale";
    expect_verdict(&e, "stale", "the circuit breaker of source demo refuses "
                   "fetches for another 9 s: stale data is served");

    e.flight = "waiting";
    expect_verdict(&e, "miss", "a fetch is under way, for which the request "
                   "waits");
}


static json_t *
member(json_t *root, const char *outer, const char *inner)
{
    return json_object_get(json_object_get(root, outer), inner);
}


static void
test_an_explanation_has_all_that_is_known(void **state)
{
    json_t                    *root, *gate;
    sector_compose_gate_t      gates[2];
    sector_compose_explain_t   e;

    (void) state;

    gates[0] = gates[1] = open_gate;
    gates[0].breaker_s = 5;
    gates[1].name = "other";
    gates[1].rate_s = 6;
    gates[1].frozen = 1;

    e = nothing(gates);
    e.n_gates = 2;
    root = explained(&e);

    assert_string_equal(json_string_value(json_object_get(root, "state")),
                        "none");
    assert_null(json_object_get(root, "age"));
    assert_true(json_is_null(json_object_get(root, "lastError")));
    assert_string_equal(json_string_value(member(root, "fetch", "state")),
                        "none");
    assert_int_equal(json_array_size(json_object_get(root, "locations")), 2);

    gate = member(root, "sources", "demo");
    assert_int_equal(json_integer_value(json_object_get(gate, "retryAfter")),
                     5);
    assert_true(json_is_false(json_object_get(gate, "letsThrough")));
    assert_true(json_is_false(json_object_get(gate, "rateLimited")));

    gate = member(root, "sources", "other");
    assert_int_equal(json_integer_value(json_object_get(gate, "retryAfter")),
                     6);
    assert_true(json_is_true(json_object_get(gate, "rateLimited")));
    assert_true(json_is_true(json_object_get(gate, "frozen")));
    json_decref(root);

    e.entry = (sector_compose_entry_t) { .state = "stale", .hits = 3 };
    e.flight = "running";
    e.worker = 77;
    e.error = "no answer";
    root = explained(&e);

    assert_int_equal(json_integer_value(json_object_get(root, "hits")), 3);
    assert_int_equal(json_integer_value(member(root, "fetch", "worker")), 77);
    assert_null(member(root, "lastError", "status"));
    json_decref(root);

    e.worker = 0;
    e.error_status = 503;
    root = explained(&e);

    assert_null(member(root, "fetch", "worker"));
    assert_int_equal(json_integer_value(member(root, "lastError", "status")),
                     503);
    json_decref(root);
}


static void
test_a_symbol_that_failed_waits(void **state)
{
    json_t                     *root;
    sector_compose_gate_t       gates[2];
    sector_compose_explain_t    e;

    (void) state;

    gates[0] = gates[1] = open_gate;
    gates[0].held_s = 7;
    gates[1].name = "other";

    e = nothing(gates);
    e.n_gates = 2;
    expect_verdict(&e, "error", "its last fetch from source demo failed, and "
                   "it is not fetched for another 7 s: the same error is "
                   "answered");

    root = explained(&e);
    assert_int_equal(json_integer_value(json_object_get(root, "waits")), 7);
    assert_int_equal(json_integer_value(json_object_get(
                         member(root, "sources", "demo"), "waits")), 7);
    assert_int_equal(json_integer_value(json_object_get(
                         member(root, "sources", "other"), "waits")), 0);
    assert_null(json_object_get(root, "missing"));
    json_decref(root);

    e.entry.state = "stale";
    expect_verdict(&e, "stale", "its last fetch from source demo failed, and "
                   "it is not fetched for another 7 s: stale data is served");

    e.entry.state = "refresh";
    expect_verdict(&e, "updating", "the entry is past its ttl and within swr: "
                   "it is served at once, and since its last fetch from "
                   "source demo failed it is not fetched for another 7 s");

    /* another that joined it would not wait, and a breaker goes first */

    e.entry.state = "stale";
    e.flight = "running";
    expect_verdict(&e, "miss", "a fetch is under way, for which the request "
                   "waits");
    e.flight = NULL;
    gates[0].breaker_s = 5;
    expect_verdict(&e, "stale", "the circuit breaker of source demo refuses "
                   "fetches for another 5 s: stale data is served");
}


static void
test_no_such_symbol_is_doubted(void **state)
{
    json_t                    *root;
    sector_compose_explain_t   e;

    (void) state;

    e = nothing(&open_gate);
    e.entry.state = "fresh";
    e.entry.ttl_s = 7;
    e.missing = 1;
    e.missing_after = 3;
    expect_verdict(&e, "hit", "the entry is fresh for another 7 s; that there "
                   "is no such symbol was said 1 time in a row, and is "
                   "believed after 3");

    e.missing = 2;
    e.entry.state = "stale";
    expect_verdict(&e, "miss", "the entry is past its ttl: it is fetched from "
                   "source demo; that there is no such symbol was said 2 "
                   "times in a row, and is believed after 3");

    root = explained(&e);
    assert_int_equal(json_integer_value(member(root, "missing", "count")), 2);
    assert_int_equal(json_integer_value(member(root, "missing",
                                               "believedAfter")), 3);
    json_decref(root);
}


static void
test_what_is_no_utf8_is_no_text(void **state)
{
    size_t                        len;
    sector_compose_gate_t         gate;
    sector_compose_explain_t      e;
    sector_compose_refreshed_t    list = { "XLK", "X", "\xff", 0, 0 };
    static const sector_compose_route_t  wrong = { "\xff", "on", "demo", 1 };

    (void) state;

    gate = open_gate;
    gate.breaker = "\xff";
    e = nothing(&gate);
    assert_null(sector_compose_explain(&e, &len));

    e = nothing(&open_gate);
    e.routes = &wrong;
    e.n_routes = 1;
    assert_null(sector_compose_explain(&e, &len));

    assert_null(sector_compose_admin_refreshed(&list, 1, &len));
}


static void
test_a_page_of_entries_says_where_the_next_begins(void **state)
{
    char                          *text;
    size_t                         len;
    static const sector_compose_entry_t  entries[] = {
        { "XLK", 3, "fresh", 100, 1, 2, 3 },
        { "SPYX", 3, "stale", 50, 9, 0, 0 }
    };

    (void) state;

    text = sector_compose_entries("sectors", entries, 2, 17, &len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    assert_string_equal(text, "{\"namespace\":\"sectors\",\"count\":2,"
        "\"entries\":[{\"key\":\"XLK\",\"state\":\"fresh\",\"size\":100,"
        "\"age\":1,\"ttl\":2,\"hits\":3},{\"key\":\"SPY\","
        "\"state\":\"stale\",\"size\":50,\"age\":9,\"ttl\":0,\"hits\":0}],"
        "\"next\":17}");
    free(text);

    text = sector_compose_entries("sectors", NULL, 0, 0, &len);
    assert_string_equal(text, "{\"namespace\":\"sectors\",\"count\":0,"
                        "\"entries\":[],\"next\":null}");
    free(text);
}


static void
expect_text(char *text, size_t len, const char *expected)
{
    assert_non_null(text);
    assert_string_equal(text, expected);
    assert_int_equal(strlen(text), len);
    free(text);
}


static void
test_the_answers_of_admin_endpoints(void **state)
{
    char                              *text;
    size_t                             len;
    static const sector_compose_refreshed_t  list[] = {
        { "XLK", NULL, NULL, 120, 1 },
        { "XLU", "UPSTREAM_ERROR", "it \"fails\"", 0, 0 }
    };

    (void) state;

    text = sector_compose_admin_count("removed", 3, &len);
    expect_text(text, len, "{\"removed\":3}");

    text = sector_compose_admin_enabled(0, &len);
    expect_text(text, len, "{\"enabled\":false}");

    text = sector_compose_admin_breaker("demo", "open", 1, &len);
    expect_text(text, len, "{\"source\":\"demo\",\"state\":\"open\","
                "\"forced\":true}");

    text = sector_compose_admin_refreshed(list, 2, &len);
    expect_text(text, len,
                "{\"XLK\":{\"status\":\"ok\",\"stored\":true,\"ttl\":120},"
                "\"XLU\":{\"status\":\"UPSTREAM_ERROR\","
                "\"error\":\"it \\\"fails\\\"\"}}");

    text = sector_compose_admin_refreshed(list, 0, &len);
    expect_text(text, len, "{}");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_is_in_memory_is_judged_by_its_state),
        cmocka_unit_test(test_the_source_is_that_of_who_serves_it),
        cmocka_unit_test(test_a_refresh_is_told_of_if_there_is_one),
        cmocka_unit_test(
            test_what_is_not_is_judged_by_what_a_fetch_would_meet),
        cmocka_unit_test(test_an_explanation_has_all_that_is_known),
        cmocka_unit_test(test_a_symbol_that_failed_waits),
        cmocka_unit_test(test_no_such_symbol_is_doubted),
        cmocka_unit_test(test_what_is_no_utf8_is_no_text),
        cmocka_unit_test(test_a_page_of_entries_says_where_the_next_begins),
        cmocka_unit_test(test_the_answers_of_admin_endpoints)
    };

    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
