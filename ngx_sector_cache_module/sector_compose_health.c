/*
 * What is wrong, for /health and /stats; see sector_compose.c for the shape of
 * these functions.
 */

#include "sector_compose.h"
#include "sector_compose_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


#define SECTOR_COMPOSE_REASON_MAX  512      /* bytes, the final zero included */


static json_t *sector_compose_health_source(
    const sector_compose_source_t *source);
static json_t *sector_compose_error_object(int64_t wall_ms,
    const char *error);
static json_t *sector_compose_names(const sector_compose_state_t *state);
static json_t *sector_compose_reasons(const sector_compose_state_t *state);
static int sector_compose_lasts(const sector_compose_state_t *state);
static int sector_compose_source_reasons(json_t *list,
    const sector_compose_source_t *source);
static int sector_compose_reason(json_t *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


sector_compose_health_e
sector_compose_judge(const sector_compose_state_t *state)
{
    size_t                          i;
    const sector_compose_source_t  *source;

    if (state->configured && state->lacking == state->configured
        && !state->memory)
    {
        return SECTOR_COMPOSE_UNHEALTHY;
    }

    if (state->lacking || state->alert || state->stale_alert) {
        return SECTOR_COMPOSE_DEGRADED;
    }

    for (i = 0; i < state->n_sources; i++) {
        source = &state->sources[i];

        if (strcmp(source->breaker, "closed") != 0 || source->frozen
            || source->trouble.failing)
        {
            return SECTOR_COMPOSE_DEGRADED;
        }
    }

    return SECTOR_COMPOSE_HEALTHY;
}


char *
sector_compose_health(const sector_compose_state_t *state, size_t *len)
{
    int      failed;
    size_t   i;
    json_t  *root, *sources;

    static const char  *words[] = { "healthy", "degraded", "unhealthy" };

    root = json_object();
    sources = json_object();

    failed = sector_compose_string_member(root, "status",
                                          words[state->health]);
    failed |= json_object_set_new(root, "enabled",
                                  json_boolean(state->enabled));
    failed |= sector_compose_number_member(root, "servableSymbols",
                                           state->servable);

    if (state->has_alert) {
        failed |= json_object_set_new(root, "hitRateAlert",
                                      json_boolean(state->alert));
    }

    for (i = 0; i < state->n_sources; i++) {
        failed |= json_object_set_new(sources, state->sources[i].name,
                            sector_compose_health_source(&state->sources[i]));
    }

    failed |= json_object_set_new(root, "sources", sources);
    failed |= json_object_set_new(root, "unservableSymbols",
                                  sector_compose_names(state));
    failed |= json_object_set_new(root, "staleAnswersAlert",
                                  json_boolean(state->stale_alert));

    if (state->stale_wall_ms) {
        failed |= sector_compose_time_member(root, "staleUntil",
                                             state->stale_wall_ms);
    }

    failed |= json_object_set_new(root, "reasons",
                                  sector_compose_reasons(state));

    return sector_compose_dump(root, failed, len);
}


static json_t *
sector_compose_health_source(const sector_compose_source_t *source)
{
    int      failed;
    json_t  *one;

    one = json_object();

    failed = sector_compose_string_member(one, "breaker", source->breaker);
    failed |= json_object_set_new(one, "frozen",
                                  json_boolean(source->frozen));

    if (source->retry_after_s) {
        failed |= sector_compose_number_member(one, "retryAfter",
                                               source->retry_after_s);
    }

    failed |= sector_compose_trouble(one, source);

    if (failed) {
        json_decref(one);
        return NULL;
    }

    return one;
}


int
sector_compose_trouble(json_t *object, const sector_compose_source_t *source)
{
    int                              failed;
    json_t                          *error;
    const sector_compose_trouble_t  *t;

    t = &source->trouble;

    failed = json_object_set_new(object, "failing", json_boolean(t->failing));
    failed |= sector_compose_time_member(object, "failingSince",
                                         t->failing ? t->since_wall_ms : 0);
    failed |= sector_compose_number_member(object, "failuresInRow",
                                           t->failures);

    error = sector_compose_error_object(t->error_wall_ms, t->error);

    if (t->error && t->kind) {
        failed |= sector_compose_string_member(error, "kind", t->kind);
    }

    if (t->error && t->status) {
        failed |= sector_compose_number_member(error, "status", t->status);
    }

    if (t->error && t->symbol) {
        failed |= sector_compose_string_member(error, "symbol", t->symbol);
    }

    failed |= json_object_set_new(object, "lastError", error);
    failed |= sector_compose_time_member(object, "lastSuccess",
                                         t->success_wall_ms);

    error = strcmp(source->breaker, "closed") == 0
            ? json_null()
            : sector_compose_error_object(t->opened_wall_ms, t->opened);

    failed |= json_object_set_new(object, "openedBecause", error);

    return failed;
}


/* null where there is none. */
static json_t *
sector_compose_error_object(int64_t wall_ms, const char *error)
{
    int      failed;
    json_t  *object;

    if (error == NULL) {
        return json_null();
    }

    object = json_object();

    failed = sector_compose_time_member(object, "time", wall_ms);
    failed |= sector_compose_string_member(object, "error", error);

    if (failed) {
        json_decref(object);
        return NULL;
    }

    return object;
}


static json_t *
sector_compose_names(const sector_compose_state_t *state)
{
    int      failed;
    size_t   i;
    json_t  *list;

    list = json_array();
    failed = 0;

    for (i = 0; i < state->n_unservable; i++) {
        failed |= json_array_append_new(list,
                                        json_string(state->unservable[i]));
    }

    if (failed) {
        json_decref(list);
        return NULL;
    }

    return list;
}


/* There is one for each thing that sector_compose_judge() looks at. */
static json_t *
sector_compose_reasons(const sector_compose_state_t *state)
{
    int                  failed;
    char                 time[SECTOR_COMPOSE_TIME_MAX];
    size_t               i;
    json_t              *list;
    unsigned long long   lacking, configured;

    list = json_array();
    failed = 0;
    lacking = state->lacking;
    configured = state->configured;

    if (lacking && lacking == configured) {
        failed |= sector_compose_reason(list,
                      "none of the symbols can be served, of %llu%s",
                      configured,
                      state->memory ? ", but something else can" : "");

    } else if (lacking) {
        failed |= sector_compose_reason(list,
                      "%llu of %llu symbols cannot be served", lacking,
                      configured);
    }

    for (i = 0; i < state->n_sources; i++) {
        failed |= sector_compose_source_reasons(list, &state->sources[i]);
    }

    if (state->stale_alert) {
        failed |= sector_compose_reason(list, "most answers are stale");
    }

    if (state->stale_wall_ms && sector_compose_lasts(state)) {
        sector_compose_time(time, state->stale_wall_ms);
        failed |= sector_compose_reason(list, "stale data lasts until %s",
                                        time);
    }

    if (state->alert) {
        failed |= sector_compose_reason(list, "the hit rate is below that of "
                                        "sector_cache_alert");
    }

    if (failed) {
        json_decref(list);
        return NULL;
    }

    return list;
}


/* Whether it matters how long stale data lasts. */
static int
sector_compose_lasts(const sector_compose_state_t *state)
{
    size_t                          i;
    const sector_compose_source_t  *source;

    for (i = 0; i < state->n_sources; i++) {
        source = &state->sources[i];

        if (strcmp(source->breaker, "closed") != 0
            || source->trouble.failing)
        {
            return 1;
        }
    }

    return state->stale_alert;
}


static int
sector_compose_source_reasons(json_t *list,
    const sector_compose_source_t *source)
{
    int                              failed;
    char                             time[SECTOR_COMPOSE_TIME_MAX];
    const sector_compose_trouble_t  *t;

    t = &source->trouble;
    failed = 0;

    if (strcmp(source->breaker, "closed") != 0) {
        failed |= sector_compose_reason(list,
                      "the circuit breaker of source %s is %s%s%s",
                      source->name,
                      strcmp(source->breaker, "open") == 0 ? "open"
                                                           : "half-open",
                      t->opened ? ", it opened because: " : "",
                      t->opened ? t->opened : "");
    }

    if (t->failing) {
        sector_compose_time(time, t->since_wall_ms);
        failed |= sector_compose_reason(list,
                      "every fetch from source %s has failed since %s, %llu "
                      "in a row%s%s", source->name, time,
                      (unsigned long long) t->failures,
                      t->error ? ", the last one: " : "",
                      t->error ? t->error : "");
    }

    if (source->frozen) {
        failed |= sector_compose_reason(list,
                      "the quotes of source %s have stopped advancing",
                      source->name);
    }

    return failed;
}


/* What the sentences are made of leaves room: names of 32 bytes, and a text of
 * SECTOR_FLIGHT_REASON_MAX. */
static int
sector_compose_reason(json_t *list, const char *format, ...)
{
    char     text[SECTOR_COMPOSE_REASON_MAX];
    va_list  args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    return json_array_append_new(list, json_string(text));
}
