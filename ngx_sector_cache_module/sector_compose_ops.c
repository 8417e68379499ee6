/*
 * What the operations pages answer with; see sector_compose.c for
 * the shape of these functions.
 */

#include "sector_compose.h"
#include "sector_compose_internal.h"

#include <string.h>


char *
sector_compose_entries(const char *namespace,
    const sector_compose_entry_t *entries, size_t n, uint64_t next,
    size_t *len)
{
    int      failed;
    size_t   i;
    json_t  *root, *list, *one;

    root = json_object();
    list = json_array();

    failed = sector_compose_string_member(root, "namespace", namespace);
    failed |= sector_compose_number_member(root, "count", n);

    for (i = 0; i < n; i++) {
        one = json_object();

        failed |= json_object_set_new(one, "key",
                                      json_stringn(entries[i].key,
                                                   entries[i].key_len));
        failed |= sector_compose_string_member(one, "state",
                                               entries[i].state);
        failed |= sector_compose_number_member(one, "size", entries[i].bytes);
        failed |= sector_compose_number_member(one, "age", entries[i].age_s);
        failed |= sector_compose_number_member(one, "ttl", entries[i].ttl_s);
        failed |= sector_compose_number_member(one, "hits", entries[i].hits);
        failed |= json_array_append_new(list, one);
    }

    failed |= json_object_set_new(root, "entries", list);
    failed |= json_object_set_new(root, "next",
                                  next ? json_integer((json_int_t) next)
                                       : json_null());

    return sector_compose_dump(root, failed, len);
}


char *
sector_compose_sample(const sector_compose_sample_t *s, size_t *len)
{
    int       failed;
    size_t    i;
    json_t   *root, *breakers;
    double    rate;
    uint64_t  asked;

    root = json_object();
    breakers = json_object();

    asked = s->hits + s->misses;
    rate = asked ? (double) s->hits / (double) asked : 0;
    rate = (double) (int64_t) (rate * 10000 + 0.5) / 10000;

    failed = sector_compose_time_member(root, "time", s->wall_ms);
    failed |= sector_compose_number_member(root, "requests", s->requests);
    failed |= sector_compose_number_member(root, "hits", s->hits);
    failed |= sector_compose_number_member(root, "misses", s->misses);
    failed |= sector_compose_number_member(root, "stale", s->stale);
    failed |= json_object_set_new(root, "hitRate", json_real(rate));
    failed |= sector_compose_number_member(root, "fetches", s->fetches);
    failed |= sector_compose_number_member(root, "failures", s->failures);
    failed |= sector_compose_number_member(root, "upstreamMs",
                                           s->calls ? s->calls_ms / s->calls
                                                    : 0);
    failed |= sector_compose_number_member(root, "entryCount", s->entries);
    failed |= sector_compose_number_member(root, "memoryUsage",
                                           s->used_bytes);

    for (i = 0; i < s->n_sources; i++) {
        failed |= sector_compose_string_member(breakers, s->sources[i].name,
                                               s->sources[i].breaker);
    }

    failed |= json_object_set_new(root, "breakers", breakers);

    return sector_compose_dump(root, failed, len);
}
