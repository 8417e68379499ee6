/*
 * Why a symbol would be answered as it would: see sector_compose.c for the
 * shape of these functions.
 */

#include "sector_compose.h"
#include "sector_compose_internal.h"

#include <stdio.h>
#include <string.h>


#define SECTOR_COMPOSE_WHY_MAX  384     /* bytes, the final zero included */


static const char *sector_compose_verdict(const sector_compose_explain_t *e,
    char *why);
static const char *sector_compose_verdict_fetch(
    const sector_compose_explain_t *e, char *why);
static void sector_compose_verdict_refresh(const sector_compose_explain_t *e,
    char *why);
static void sector_compose_verdict_doubt(const sector_compose_explain_t *e,
    char *why);
static int sector_compose_explain_entry(json_t *root,
    const sector_compose_explain_t *e);
static json_t *sector_compose_explain_error(
    const sector_compose_explain_t *e);
static int sector_compose_explain_waits(json_t *root,
    const sector_compose_explain_t *e);
static json_t *sector_compose_explain_gate(const sector_compose_gate_t *g);
static json_t *sector_compose_explain_route(const sector_compose_route_t *r);


char *
sector_compose_explain(const sector_compose_explain_t *e, size_t *len)
{
    int          failed;
    char         why[SECTOR_COMPOSE_WHY_MAX];
    size_t       i;
    json_t      *root, *fetch, *list;
    const char  *answer;

    root = json_object();
    answer = sector_compose_verdict(e, why);
    sector_compose_verdict_doubt(e, why);

    failed = sector_compose_string_member(root, "symbol", e->symbol);
    failed |= sector_compose_string_member(root, "namespace", e->namespace);
    failed |= json_object_set_new(root, "enabled", json_boolean(e->enabled));
    failed |= sector_compose_string_member(root, "state", e->entry.state
                                           ? e->entry.state : "none");
    failed |= sector_compose_string_member(root, "answer", answer);
    failed |= sector_compose_string_member(root, "why", why);

    if (e->entry.state) {
        failed |= sector_compose_explain_entry(root, e);
    }

    fetch = json_object();
    failed |= sector_compose_string_member(fetch, "state",
                                           e->flight ? e->flight : "none");

    if (e->flight && e->worker) {
        failed |= json_object_set_new(fetch, "worker",
                                      json_integer((json_int_t) e->worker));
    }

    failed |= json_object_set_new(root, "fetch", fetch);

    failed |= json_object_set_new(root, "lastError",
                                  sector_compose_explain_error(e));

    list = json_object();

    for (i = 0; i < e->n_gates; i++) {
        failed |= json_object_set_new(list, e->gates[i].name,
                                   sector_compose_explain_gate(&e->gates[i]));
    }

    failed |= json_object_set_new(root, "sources", list);

    list = json_array();

    for (i = 0; i < e->n_routes; i++) {
        failed |= json_array_append_new(list,
                                 sector_compose_explain_route(&e->routes[i]));
    }

    failed |= json_object_set_new(root, "locations", list);
    failed |= sector_compose_explain_waits(root, e);

    return sector_compose_dump(root, failed, len);
}


/* The same word as cacheStatus where there is one, else "error"; why has
 * SECTOR_COMPOSE_WHY_MAX bytes. */
static const char *
sector_compose_verdict(const sector_compose_explain_t *e, char *why)
{
    size_t       i;
    const char  *state;

    state = e->entry.state ? e->entry.state : "none";

    if (e->n_routes == 0) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "no location serves this namespace");
        return "error";
    }

    for (i = 0; i < e->n_routes && !e->routes[i].configured; i++) {
        /* void */
    }

    if (i == e->n_routes) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "the symbol is not configured, and unknown ones are "
                 "rejected");
        return "error";
    }

    if (!e->enabled) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "the cache is off: each request is fetched anew");
        return "disabled";
    }

    if (strcmp(state, "fresh") == 0) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "the entry is fresh for another %llu s",
                 (unsigned long long) e->entry.ttl_s);
        return "hit";
    }

    if (strcmp(state, "negative") == 0) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "the source said that there is no such symbol, which is kept "
                 "for another %llu s", (unsigned long long) e->entry.ttl_s);
        return "negative";
    }

    if (strcmp(state, "refresh") == 0) {
        sector_compose_verdict_refresh(e, why);
        return "updating";
    }

    return sector_compose_verdict_fetch(e, why);
}


/* The source of the first location that fetches the symbol for the cache; of
 * one in shadow if there is no other. */
static const sector_compose_gate_t *
sector_compose_explain_source(const sector_compose_explain_t *e)
{
    size_t                         i, k;
    const sector_compose_gate_t   *found;
    const sector_compose_route_t  *route;

    found = NULL;

    for (i = 0; i < e->n_routes; i++) {
        route = &e->routes[i];

        if (!route->configured || strcmp(route->cache, "off") == 0
            || (found && strcmp(route->cache, "shadow") == 0))
        {
            continue;
        }

        for (k = 0; strcmp(e->gates[k].name, route->source) != 0; k++) {
            /* void: each route's source is there */
        }

        found = &e->gates[k];

        if (strcmp(route->cache, "shadow") != 0) {
            break;
        }
    }

    return found;
}


static void
sector_compose_verdict_refresh(const sector_compose_explain_t *e, char *why)
{
    const char                   *within;
    const sector_compose_gate_t  *g;

    within = "the entry is past its ttl and within swr: it is served at once";
    g = sector_compose_explain_source(e);

    if (e->flight && strcmp(e->flight, "waiting") == 0) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "%s, and a fetch that refreshes it waits for its turn",
                 within);

    } else if (e->flight) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "%s, and a fetch that refreshes it is under way", within);

    } else if (g->breaker_s) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "%s, and the circuit breaker of source %s refuses to refresh "
                 "it for another %llu s", within, g->name,
                 (unsigned long long) g->breaker_s);

    } else if (g->held_s) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "%s, and since its last fetch from source %s failed it is "
                 "not fetched for another %llu s", within, g->name,
                 (unsigned long long) g->held_s);

    } else if (g->rate_s) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "%s, and the rate limit of source %s is reached for another "
                 "%llu s", within, g->name, (unsigned long long) g->rate_s);

    } else if (g->running >= g->concurrency && g->waiting >= g->queue) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "%s, and the fetch queue of source %s is full", within,
                 g->name);

    } else {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX, "%s while one fetch refreshes it",
                 within);
    }
}


/* There is nothing to be served at once: what would come of a fetch? */
static const char *
sector_compose_verdict_fetch(const sector_compose_explain_t *e, char *why)
{
    int                           stale;
    const char                   *then;
    const sector_compose_gate_t  *g;

    stale = e->entry.state != NULL;
    then = stale ? "stale data is served" : "and memory has nothing";
    g = sector_compose_explain_source(e);

    if (e->flight) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "a fetch is under way, for which the request waits");
        return "miss";
    }

    if (g->breaker_s) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "the circuit breaker of source %s refuses fetches for "
                 "another %llu s: %s", g->name,
                 (unsigned long long) g->breaker_s, then);

    } else if (g->held_s) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "its last fetch from source %s failed, and it is not fetched "
                 "for another %llu s: %s", g->name,
                 (unsigned long long) g->held_s,
                 stale ? then : "the same error is answered");

    } else if (g->rate_s) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "the rate limit of source %s is reached for another %llu s: "
                 "%s", g->name, (unsigned long long) g->rate_s, then);

    } else if (g->running >= g->concurrency && g->waiting >= g->queue) {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "the fetch queue of source %s is full: %s", g->name, then);

    } else {
        snprintf(why, SECTOR_COMPOSE_WHY_MAX,
                 "%s: it is fetched from source %s%s",
                 stale ? "the entry is past its ttl" : "memory has nothing",
                 g->name, g->running >= g->concurrency
                          ? ", after its turn in the queue" : "");
        return "miss";
    }

    return stale ? "stale" : "error";
}


/* What is doubted is not forgotten over what is served meanwhile. */
static void
sector_compose_verdict_doubt(const sector_compose_explain_t *e, char *why)
{
    size_t  len;

    if (e->missing == 0) {
        return;
    }

    len = strlen(why);

    snprintf(why + len, SECTOR_COMPOSE_WHY_MAX - len,
             "; that there is no such symbol was said %llu time%s in a row, "
             "and is believed after %llu", (unsigned long long) e->missing,
             e->missing == 1 ? "" : "s",
             (unsigned long long) e->missing_after);
}


static json_t *
sector_compose_explain_error(const sector_compose_explain_t *e)
{
    int      failed;
    json_t  *error;

    if (e->error == NULL) {
        return json_null();
    }

    error = json_object();

    failed = sector_compose_time_member(error, "time", e->error_wall_ms);
    failed |= sector_compose_string_member(error, "error", e->error);

    if (e->error_status) {
        failed |= sector_compose_number_member(error, "status",
                                               e->error_status);
    }

    if (failed) {
        json_decref(error);
        return NULL;
    }

    return error;
}


static int
sector_compose_explain_waits(json_t *root, const sector_compose_explain_t *e)
{
    int       failed;
    size_t    i;
    json_t   *missing;
    uint64_t  waits;

    waits = 0;

    for (i = 0; i < e->n_gates; i++) {
        waits = e->gates[i].held_s > waits ? e->gates[i].held_s : waits;
    }

    failed = sector_compose_number_member(root, "waits", waits);

    if (e->missing) {
        missing = json_object();

        failed |= sector_compose_number_member(missing, "count", e->missing);
        failed |= sector_compose_number_member(missing, "believedAfter",
                                               e->missing_after);
        failed |= json_object_set_new(root, "missing", missing);
    }

    return failed;
}


static int
sector_compose_explain_entry(json_t *root, const sector_compose_explain_t *e)
{
    int  failed;

    failed = sector_compose_number_member(root, "age", e->entry.age_s);
    failed |= sector_compose_number_member(root, "ttl", e->entry.ttl_s);
    failed |= sector_compose_number_member(root, "size", e->entry.bytes);
    failed |= sector_compose_number_member(root, "hits", e->entry.hits);
    failed |= sector_compose_time_member(root, "storedAt", e->stored_wall_ms);
    failed |= sector_compose_time_member(root, "nextRefresh",
                                         e->fresh_wall_ms);
    failed |= sector_compose_time_member(root, "usableUntil", e->dead_wall_ms);
    failed |= sector_compose_time_member(root, "quoteTime", e->quote_wall_ms);

    return failed;
}


static json_t *
sector_compose_explain_gate(const sector_compose_gate_t *g)
{
    int      failed;
    json_t  *one;

    one = json_object();

    failed = sector_compose_string_member(one, "breaker", g->breaker);
    failed |= json_object_set_new(one, "letsThrough",
                                  json_boolean(g->breaker_s == 0
                                               && g->rate_s == 0));
    failed |= sector_compose_number_member(one, "retryAfter",
                                           g->breaker_s > g->rate_s
                                           ? g->breaker_s : g->rate_s);
    failed |= json_object_set_new(one, "rateLimited",
                                  json_boolean(g->rate_s != 0));
    failed |= sector_compose_number_member(one, "inFlight", g->running);
    failed |= sector_compose_number_member(one, "concurrency",
                                           g->concurrency);
    failed |= sector_compose_number_member(one, "waiting", g->waiting);
    failed |= sector_compose_number_member(one, "queue", g->queue);
    failed |= json_object_set_new(one, "frozen", json_boolean(g->frozen));
    failed |= sector_compose_number_member(one, "waits", g->held_s);

    if (failed) {
        json_decref(one);
        return NULL;
    }

    return one;
}


static json_t *
sector_compose_explain_route(const sector_compose_route_t *r)
{
    int      failed;
    json_t  *one;

    one = json_object();

    failed = sector_compose_string_member(one, "location", r->location);
    failed |= sector_compose_string_member(one, "cache", r->cache);
    failed |= sector_compose_string_member(one, "source", r->source);
    failed |= json_object_set_new(one, "configured",
                                  json_boolean(r->configured));

    if (failed) {
        json_decref(one);
        return NULL;
    }

    return one;
}
