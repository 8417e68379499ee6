/*
 * What the operations pages and /health answer with; see sector_compose.c for
 * the shape of these functions.
 */

#include "sector_compose.h"
#include "sector_compose_internal.h"

#include <string.h>


char *
sector_compose_health(const sector_compose_state_t *state, size_t *len)
{
    int                             failed;
    size_t                          i;
    json_t                         *root, *sources, *one;
    const sector_compose_source_t  *source;

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
        source = &state->sources[i];
        one = json_object();

        failed |= sector_compose_string_member(one, "breaker",
                                               source->breaker);
        failed |= json_object_set_new(one, "frozen",
                                      json_boolean(source->frozen));

        if (source->retry_after_s) {
            failed |= sector_compose_number_member(one, "retryAfter",
                                                   source->retry_after_s);
        }

        failed |= json_object_set_new(sources, source->name, one);
    }

    failed |= json_object_set_new(root, "sources", sources);

    return sector_compose_dump(root, failed, len);
}
