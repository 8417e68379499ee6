/*
 * Every function that builds with jansson has the same shape: a value is
 * made, each member is added by a function that takes its reference even when
 * it fails, and the failures are counted; sector_compose_dump() prints the
 * value if there were none, and releases it in either case.
 */

#include "sector_compose.h"
#include "sector_compose_internal.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>


static int sector_compose_miss_member(json_t *object, const char *last_miss);
static int sector_compose_counters(json_t *object,
    const sector_stats_row_t *rows, const uint64_t *counters, size_t n);
static uint64_t sector_compose_requests(const uint64_t *counters);
static int sector_compose_rate(json_t *object, const uint64_t *counters);
static int sector_compose_totals(json_t *root,
    const sector_compose_stats_t *stats);
static json_t *sector_compose_namespace(const sector_compose_namespace_t *ns);
static json_t *sector_compose_source(const sector_compose_source_t *source);
static json_t *sector_compose_histogram(const sector_histogram_t *histogram);


char *
sector_compose_error(const sector_compose_error_t *error, size_t *len)
{
    int      failed;
    json_t  *root, *details;

    root = json_object();
    details = json_object();

    failed = json_object_set_new(root, "success", json_false());
    failed |= sector_compose_string_member(root, "error", error->text);
    failed |= sector_compose_string_member(root, "error_code", error->code);

    if (error->source) {
        failed |= sector_compose_string_member(details, "source",
                                               error->source);
    }

    if (error->symbol) {
        failed |= sector_compose_string_member(details, "symbol",
                                               error->symbol);
    }

    if (error->upstream_status) {
        failed |= json_object_set_new(details, "status",
                                      json_integer(error->upstream_status));
    }

    if (error->retry_after_s) {
        failed |= json_object_set_new(details, "retryAfter",
                              json_integer((json_int_t) error->retry_after_s));
    }

    failed |= json_object_set_new(root, "error_details", details);
    failed |= sector_compose_time_member(root, "timestamp", error->wall_ms);

    return sector_compose_dump(root, failed, len);
}


char *
sector_compose_symbols(const sector_compose_symbol_t *symbols, size_t n,
    size_t *len)
{
    int      failed;
    size_t   i;
    json_t  *root, *one;

    root = json_array();
    failed = 0;

    for (i = 0; i < n; i++) {
        one = json_object();

        failed |= sector_compose_string_member(one, "symbol",
                                               symbols[i].symbol);
        failed |= sector_compose_string_member(one, "name", symbols[i].name);
        failed |= sector_compose_string_member(one, "type",
                                               symbols[i].benchmark
                                               ? "benchmark" : "sector");
        failed |= json_array_append_new(root, one);
    }

    return sector_compose_dump(root, failed, len);
}


char *
sector_compose_stats(const sector_compose_stats_t *stats, size_t *len)
{
    int      failed;
    size_t   i;
    json_t  *root, *namespaces, *sources;

    root = json_object();
    namespaces = json_object();
    sources = json_object();

    failed = json_object_set_new(root, "enabled",
                                 json_boolean(stats->enabled));
    failed |= sector_compose_totals(root, stats);

    for (i = 0; i < stats->n_namespaces; i++) {
        failed |= json_object_set_new(namespaces, stats->namespaces[i].name,
                              sector_compose_namespace(&stats->namespaces[i]));
    }

    for (i = 0; i < stats->n_sources; i++) {
        failed |= json_object_set_new(sources, stats->sources[i].name,
                                    sector_compose_source(&stats->sources[i]));
    }

    failed |= json_object_set_new(root, "namespaces", namespaces);
    failed |= json_object_set_new(root, "sources", sources);

    return sector_compose_dump(root, failed, len);
}


/* What /stats says of all namespaces together. */

static int
sector_compose_totals(json_t *root, const sector_compose_stats_t *stats)
{
    int                                failed;
    size_t                             i, j;
    int64_t                            last, last_snapshot;
    uint64_t                           sum[SECTOR_STATS_N], entries, used;
    const char                        *last_miss;
    const sector_compose_namespace_t  *ns;

    memset(sum, 0, sizeof(sum));
    entries = 0;
    used = 0;
    last = 0;
    last_snapshot = 0;
    last_miss = "";

    for (i = 0; i < stats->n_namespaces; i++) {
        ns = &stats->namespaces[i];
        entries += ns->entries;
        used += ns->used_bytes;

        for (j = 0; j < SECTOR_STATS_N; j++) {
            sum[j] += ns->counters[j];
        }

        if (ns->last_store_wall_ms > last) {
            last = ns->last_store_wall_ms;
        }

        if (ns->snapshots && ns->last_store_wall_ms > last_snapshot) {
            last_snapshot = ns->last_store_wall_ms;
        }

        if (last_miss[0] == '\0'
            || (stats->sectors && strcmp(ns->name, stats->sectors) == 0
                && ns->last_miss[0] != '\0'))
        {
            last_miss = ns->last_miss;
        }
    }

    failed = json_object_set_new(root, "totalRequests",
                                 json_integer((json_int_t)
                                              sector_compose_requests(sum)));
    failed |= sector_compose_counters(root, sector_stats_rows, sum,
                                      SECTOR_STAT_OUTCOMES);
    failed |= sector_compose_rate(root, sum);
    failed |= json_object_set_new(root, "entryCount",
                                  json_integer((json_int_t) entries));
    failed |= json_object_set_new(root, "memoryUsage",
                                  json_integer((json_int_t) used));
    failed |= sector_compose_time_member(root, "lastSnapshotAt",
                                         last_snapshot);
    failed |= sector_compose_time_member(root, "lastUpdated", last);

    failed |= sector_compose_miss_member(root, last_miss);

    if (stats->has_alert) {
        failed |= json_object_set_new(root, "hitRateAlert",
                                      json_boolean(stats->alert));
    }

    failed |= json_object_set_new(root, "staleAnswersAlert",
                                  json_boolean(stats->stale_alert));

    return failed;
}


static json_t *
sector_compose_namespace(const sector_compose_namespace_t *ns)
{
    int      failed;
    json_t  *object;

    object = json_object();

    failed = json_object_set_new(object, "totalRequests",
                                 json_integer((json_int_t)
                                     sector_compose_requests(ns->counters)));
    failed |= sector_compose_counters(object, sector_stats_rows, ns->counters,
                                      SECTOR_STATS_N);
    failed |= sector_compose_rate(object, ns->counters);
    failed |= json_object_set_new(object, "entryCount",
                                  json_integer((json_int_t) ns->entries));
    failed |= json_object_set_new(object, "memoryUsage",
                                  json_integer((json_int_t) ns->used_bytes));
    failed |= json_object_set_new(object, "memorySize",
                                  json_integer((json_int_t) ns->size_bytes));
    failed |= sector_compose_time_member(object, "lastUpdated",
                                         ns->last_store_wall_ms);
    failed |= sector_compose_miss_member(object, ns->last_miss);

    if (failed) {
        json_decref(object);
        return NULL;
    }

    return object;
}


static json_t *
sector_compose_source(const sector_compose_source_t *source)
{
    int      failed;
    json_t  *object, *breaker;

    object = json_object();
    breaker = json_object();

    failed = sector_compose_counters(object, sector_stats_fetch_rows,
                                     source->counters, SECTOR_FETCH_STATS_N);
    failed |= sector_compose_string_member(breaker, "state", source->breaker);
    failed |= json_object_set_new(breaker, "forced",
                                  json_boolean(source->forced));
    failed |= sector_compose_time_member(breaker, "since",
                                         source->since_wall_ms);
    failed |= json_object_set_new(breaker, "opened",
                                  json_integer((json_int_t) source->opened));
    failed |= json_object_set_new(breaker, "transitions",
                             json_integer((json_int_t) source->transitions));
    failed |= json_object_set_new(breaker, "retryAfter",
                             json_integer((json_int_t) source->retry_after_s));
    failed |= json_object_set_new(object, "breaker", breaker);
    failed |= json_object_set_new(object, "inFlight",
                               json_integer((json_int_t) source->in_flight));
    failed |= json_object_set_new(object, "waiting",
                                  json_integer((json_int_t) source->waiting));
    failed |= json_object_set_new(object, "frozen",
                                  json_boolean(source->frozen));
    failed |= sector_compose_time_member(object, "newestQuote",
                                         source->quote_wall_ms);
    failed |= json_object_set_new(object, "upstreamTime",
                                  sector_compose_histogram(source->upstream));
    failed |= json_object_set_new(object, "waitTime",
                                  sector_compose_histogram(source->wait));
    failed |= sector_compose_trouble(object, source);
    failed |= sector_compose_time_member(object, "staleUntil",
                                         source->trouble.stale_wall_ms);

    if (failed) {
        json_decref(object);
        return NULL;
    }

    return object;
}


/* Buckets add up, as in Prometheus: each counts all up to its bound. */
static json_t *
sector_compose_histogram(const sector_histogram_t *histogram)
{
    int       failed;
    char      bound[24];
    json_t   *object, *buckets;
    size_t    i;
    uint64_t  count;

    object = json_object();
    buckets = json_object();
    failed = 0;
    count = 0;

    for (i = 0; i <= SECTOR_STATS_BOUNDS; i++) {
        count += histogram->buckets[i];

        if (i < SECTOR_STATS_BOUNDS) {
            snprintf(bound, sizeof(bound), "%llu",
                     (unsigned long long) sector_stats_bounds_ms[i]);

        } else {
            snprintf(bound, sizeof(bound), "+Inf");
        }

        failed |= json_object_set_new(buckets, bound,
                                      json_integer((json_int_t) count));
    }

    failed |= json_object_set_new(object, "count",
                                  json_integer((json_int_t) count));
    failed |= json_object_set_new(object, "sumMs",
                               json_integer((json_int_t) histogram->sum_ms));
    failed |= json_object_set_new(object, "buckets", buckets);

    if (failed) {
        json_decref(object);
        return NULL;
    }

    return object;
}


static int
sector_compose_counters(json_t *object, const sector_stats_row_t *rows,
    const uint64_t *counters, size_t n)
{
    int     failed;
    size_t  i;

    failed = 0;

    for (i = 0; i < n; i++) {
        failed |= json_object_set_new(object, rows[i].name,
                                      json_integer((json_int_t) counters[i]));
    }

    return failed;
}


/* Each request has one outcome, so the outcomes' sum is the requests. */

static uint64_t
sector_compose_requests(const uint64_t *counters)
{
    size_t    i;
    uint64_t  sum;

    sum = 0;

    for (i = 0; i < SECTOR_STAT_OUTCOMES; i++) {
        sum += counters[i];
    }

    return sum;
}


/* hitRate: of the requests that looked for fresh data, 0 if there are none;
 * rounded to 4 decimals. */

static int
sector_compose_rate(json_t *object, const uint64_t *counters)
{
    double    rate;
    uint64_t  asked;

    asked = counters[SECTOR_STAT_HIT] + counters[SECTOR_STAT_MISS];
    rate = asked ? (double) counters[SECTOR_STAT_HIT] / (double) asked : 0;
    rate = (double) (int64_t) (rate * 10000 + 0.5) / 10000;

    return json_object_set_new(object, "hitRate", json_real(rate));
}


/* No miss is null. */

static int
sector_compose_miss_member(json_t *object, const char *last_miss)
{
    if (last_miss[0] == '\0') {
        return json_object_set_new(object, "lastMissKey", json_null());
    }

    return sector_compose_string_member(object, "lastMissKey", last_miss);
}


int
sector_compose_time_member(json_t *object, const char *name, int64_t wall_ms)
{
    char  time[SECTOR_COMPOSE_TIME_MAX];

    if (wall_ms == 0) {
        return json_object_set_new(object, name, json_null());
    }

    sector_compose_time(time, wall_ms);

    return sector_compose_string_member(object, name, time);
}


int
sector_compose_string_member(json_t *object, const char *name,
    const char *value)
{
    return json_object_set_new(object, name, json_string(value));
}


int
sector_compose_number_member(json_t *object, const char *name, uint64_t value)
{
    return json_object_set_new(object, name, json_integer((json_int_t) value));
}


char *
sector_compose_dump(json_t *value, int failed, size_t *len)
{
    char  *text;

    text = NULL;

    if (!failed) {
        text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(5));
    }

    if (text) {
        *len = strlen(text);
    }

    json_decref(value);

    return text;
}
