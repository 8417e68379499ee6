/*
 * The format wants all samples of a metric together, below its HELP and TYPE:
 * so each metric goes over all namespaces or sources.  A metric without a
 * sample is left out whole.
 */

#include "sector_metrics.h"
#include "sector_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>


#define SECTOR_METRICS_NAME_MAX  96     /* bytes, the final zero included */


/* What is no row of sector_stats.h.  Units are Prometheus's own: seconds,
 * bytes, ratios. */

#define SECTOR_METRICS(X)                                                     \
    X(BUILD, "sector_cache_build_info", "gauge",                              \
      "versions of the module and of nginx, the value is 1")                  \
    X(ENABLED, "sector_cache_enabled", "gauge",                               \
      "whether the cache is on for any location")                             \
    X(ALERT, "sector_cache_hit_rate_alert", "gauge",                          \
      "whether the hit rate is below that of sector_cache_alert")             \
    X(STALE_ALERT, "sector_cache_stale_alert", "gauge",                       \
      "whether most answers of the last minute were stale")                   \
    X(REQUESTS, "sector_cache_requests_total", "counter",                     \
      "requests, by what they were answered with")                            \
    X(HIT_RATIO, "sector_cache_hit_ratio", "gauge",                           \
      "hits of hits and misses, since the zone was made")                     \
    X(ENTRIES, "sector_cache_entries", "gauge", "entries kept")               \
    X(USED, "sector_cache_memory_used_bytes", "gauge",                        \
      "bytes given out for entries")                                          \
    X(SIZE, "sector_cache_memory_size_bytes", "gauge", "bytes of the zone")   \
    X(LAST_STORE, "sector_cache_last_store_timestamp_seconds", "gauge",       \
      "when an entry was stored last, since the epoch")                       \
    X(OUTCOMES, "sector_cache_fetch_outcomes_total", "counter",               \
      "fetches that have ended, by how")                                      \
    X(IN_FLIGHT, "sector_cache_fetches_in_flight", "gauge",                   \
      "fetches with a place")                                                 \
    X(WAITING, "sector_cache_fetches_waiting", "gauge",                       \
      "fetches in the queue")                                                 \
    X(STATE, "sector_cache_breaker_state", "gauge",                           \
      "1 for the state that the circuit breaker is in")                       \
    X(OPENED, "sector_cache_breaker_opened_total", "counter",                 \
      "times the circuit breaker opened")                                     \
    X(TRANSITIONS, "sector_cache_breaker_transitions_total", "counter",       \
      "changes of the circuit breaker's state")                               \
    X(RETRY_AFTER, "sector_cache_breaker_retry_after_seconds", "gauge",       \
      "time until the circuit breaker lets a fetch through, 0: it does")      \
    X(SINCE, "sector_cache_breaker_changed_timestamp_seconds", "gauge",       \
      "when the circuit breaker's state changed last, since the epoch")       \
    X(FROZEN, "sector_cache_feed_frozen", "gauge",                            \
      "whether the source's quotes have stopped advancing")                   \
    X(QUOTE, "sector_cache_feed_quote_timestamp_seconds", "gauge",            \
      "time of the source's newest quote, since the epoch")                   \
    X(FAILING, "sector_cache_source_failing", "gauge",                        \
      "whether every fetch from the source fails")                            \
    X(FAILURES, "sector_cache_source_failures_in_row", "gauge",               \
      "fetches from the source that failed since one succeeded")              \
    X(ERROR, "sector_cache_source_last_error_timestamp_seconds", "gauge",     \
      "when a fetch failed last and how, since the epoch")                    \
    X(SUCCESS, "sector_cache_source_last_success_timestamp_seconds", "gauge", \
      "when a fetch succeeded last, since the epoch")                         \
    X(STALE, "sector_cache_source_stale_until_timestamp_seconds", "gauge",    \
      "when the first stale symbol can no longer be served, since the"        \
      " epoch")                                                               \
    X(UPSTREAM, "sector_cache_upstream_seconds", "histogram",                 \
      "times of calls of the upstream")                                       \
    X(WAIT, "sector_cache_fetch_wait_seconds", "histogram",                   \
      "times that fetches waited for a place")

#define SECTOR_METRICS_ENUM(id, name, type, help)  SECTOR_METRICS_##id,
#define SECTOR_METRICS_ROW(id, name, type, help)  { name, type, help },

typedef enum {
    SECTOR_METRICS(SECTOR_METRICS_ENUM)
    SECTOR_METRICS_N
} sector_metrics_e;

typedef struct {
    const char  *name;
    const char  *type;
    const char  *help;
} sector_metrics_row_t;


static const sector_metrics_row_t  sector_metrics_rows[SECTOR_METRICS_N] = {
    SECTOR_METRICS(SECTOR_METRICS_ROW)
};


/* A label; NULL as its name: none. */

typedef struct {
    const char  *name;
    const char  *value;
} sector_metrics_label_t;


static void sector_metrics_whole(sector_text_t *t,
    const sector_compose_stats_t *stats);
static void sector_metrics_namespaces(sector_text_t *t,
    const sector_compose_stats_t *stats);
static void sector_metrics_sources(sector_text_t *t,
    const sector_compose_stats_t *stats);
static void sector_metrics_breakers(sector_text_t *t,
    const sector_compose_stats_t *stats);
static void sector_metrics_feeds(sector_text_t *t,
    const sector_compose_stats_t *stats);
static void sector_metrics_troubles(sector_text_t *t,
    const sector_compose_stats_t *stats);
static void sector_metrics_errors(sector_text_t *t,
    const sector_compose_stats_t *stats);
static void sector_metrics_times(sector_text_t *t,
    const sector_compose_stats_t *stats, sector_metrics_e id);
static void sector_metrics_histograms(sector_text_t *t,
    const sector_compose_stats_t *stats, sector_metrics_e id);
static void sector_metrics_histogram(sector_text_t *t, const char *metric,
    const char *source, const sector_histogram_t *histogram);
static void sector_metrics_event(sector_text_t *t,
    const sector_stats_row_t *row, char *name);
static const char *sector_metrics_begin(sector_text_t *t, sector_metrics_e id);
static void sector_metrics_head(sector_text_t *t, const char *name,
    const char *type, const char *help);
static void sector_metrics_number(sector_text_t *t, const char *metric,
    const char *label, const char *value, uint64_t n);
static void sector_metrics_time(sector_text_t *t, const char *metric,
    const char *label, const char *value, int64_t wall_ms);
static void sector_metrics_series(sector_text_t *t, const char *metric,
    const sector_metrics_label_t *labels, size_t n);
static void sector_metrics_escape(sector_text_t *t, const char *text,
    int quotes);
static void sector_metrics_snake(char *buf, const char *name);


char *
sector_metrics(const sector_compose_stats_t *stats, size_t *len)
{
    sector_text_t  t;

    memset(&t, 0, sizeof(sector_text_t));

    sector_metrics_whole(&t, stats);

    if (stats->n_namespaces) {
        sector_metrics_namespaces(&t, stats);
    }

    if (stats->n_sources) {
        sector_metrics_sources(&t, stats);
        sector_metrics_breakers(&t, stats);
        sector_metrics_feeds(&t, stats);
        sector_metrics_troubles(&t, stats);
        sector_metrics_histograms(&t, stats, SECTOR_METRICS_UPSTREAM);
        sector_metrics_histograms(&t, stats, SECTOR_METRICS_WAIT);
    }

    return sector_text_end(&t, len);
}


static void
sector_metrics_whole(sector_text_t *t, const sector_compose_stats_t *stats)
{
    const char              *metric;
    sector_metrics_label_t   labels[2];

    labels[0].name = "version";
    labels[0].value = stats->version;
    labels[1].name = "nginx_version";
    labels[1].value = stats->nginx;

    metric = sector_metrics_begin(t, SECTOR_METRICS_BUILD);
    sector_metrics_series(t, metric, labels, 2);
    sector_text_string(t, " 1\n");

    metric = sector_metrics_begin(t, SECTOR_METRICS_ENABLED);
    sector_metrics_number(t, metric, NULL, NULL, stats->enabled);

    if (stats->has_alert) {
        metric = sector_metrics_begin(t, SECTOR_METRICS_ALERT);
        sector_metrics_number(t, metric, NULL, NULL, stats->alert);
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_STALE_ALERT);
    sector_metrics_number(t, metric, NULL, NULL, stats->stale_alert);
}


static void
sector_metrics_namespaces(sector_text_t *t,
    const sector_compose_stats_t *stats)
{
    char                               name[SECTOR_METRICS_NAME_MAX];
    size_t                             i, j;
    uint64_t                           asked;
    const char                        *metric;
    sector_metrics_label_t             labels[2];
    const sector_compose_namespace_t  *ns;

    ns = stats->namespaces;
    metric = sector_metrics_begin(t, SECTOR_METRICS_REQUESTS);

    labels[0].name = "namespace";
    labels[1].name = "outcome";

    for (i = 0; i < stats->n_namespaces; i++) {
        for (j = 0; j < SECTOR_STAT_OUTCOMES; j++) {
            sector_metrics_snake(name, sector_stats_rows[j].name);
            labels[0].value = ns[i].name;
            labels[1].value = name;

            sector_metrics_series(t, metric, labels, 2);
            sector_text_print(t, " %llu\n",
                              (unsigned long long) ns[i].counters[j]);
        }
    }

    for (j = SECTOR_STAT_OUTCOMES; j < SECTOR_STATS_N; j++) {
        sector_metrics_event(t, &sector_stats_rows[j], name);

        for (i = 0; i < stats->n_namespaces; i++) {
            sector_metrics_number(t, name, "namespace", ns[i].name,
                                  ns[i].counters[j]);
        }
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_HIT_RATIO);

    for (i = 0; i < stats->n_namespaces; i++) {
        labels[0].value = ns[i].name;
        asked = ns[i].counters[SECTOR_STAT_HIT]
                + ns[i].counters[SECTOR_STAT_MISS];

        sector_metrics_series(t, metric, labels, 1);
        sector_text_print(t, " %.6g\n",
                          asked ? (double) ns[i].counters[SECTOR_STAT_HIT]
                                  / (double) asked : 0.0);
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_ENTRIES);

    for (i = 0; i < stats->n_namespaces; i++) {
        sector_metrics_number(t, metric, "namespace", ns[i].name,
                              ns[i].entries);
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_USED);

    for (i = 0; i < stats->n_namespaces; i++) {
        sector_metrics_number(t, metric, "namespace", ns[i].name,
                              ns[i].used_bytes);
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_SIZE);

    for (i = 0; i < stats->n_namespaces; i++) {
        sector_metrics_number(t, metric, "namespace", ns[i].name,
                              ns[i].size_bytes);
    }

    for (i = 0, metric = NULL; i < stats->n_namespaces; i++) {
        if (ns[i].last_store_wall_ms) {
            metric = metric ? metric
                     : sector_metrics_begin(t, SECTOR_METRICS_LAST_STORE);
            sector_metrics_time(t, metric, "namespace", ns[i].name,
                                ns[i].last_store_wall_ms);
        }
    }
}


static void
sector_metrics_sources(sector_text_t *t, const sector_compose_stats_t *stats)
{
    char                            name[SECTOR_METRICS_NAME_MAX];
    size_t                          i, j;
    const char                     *metric;
    sector_metrics_label_t          labels[2];
    const sector_compose_source_t  *s;

    s = stats->sources;
    metric = sector_metrics_begin(t, SECTOR_METRICS_OUTCOMES);

    labels[0].name = "source";
    labels[1].name = "outcome";

    for (i = 0; i < stats->n_sources; i++) {
        for (j = 0; j < SECTOR_FETCH_OUTCOMES; j++) {
            sector_metrics_snake(name, sector_stats_fetch_rows[j].name);
            labels[0].value = s[i].name;
            labels[1].value = name;

            sector_metrics_series(t, metric, labels, 2);
            sector_text_print(t, " %llu\n",
                              (unsigned long long) s[i].counters[j]);
        }
    }

    for (j = SECTOR_FETCH_OUTCOMES; j < SECTOR_FETCH_STATS_N; j++) {
        sector_metrics_event(t, &sector_stats_fetch_rows[j], name);

        for (i = 0; i < stats->n_sources; i++) {
            sector_metrics_number(t, name, "source", s[i].name,
                                  s[i].counters[j]);
        }
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_IN_FLIGHT);

    for (i = 0; i < stats->n_sources; i++) {
        sector_metrics_number(t, metric, "source", s[i].name, s[i].in_flight);
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_WAITING);

    for (i = 0; i < stats->n_sources; i++) {
        sector_metrics_number(t, metric, "source", s[i].name, s[i].waiting);
    }
}


/* One sample for each state, so that a sum over them is 1. */
static void
sector_metrics_breakers(sector_text_t *t, const sector_compose_stats_t *stats)
{
    size_t                          i, j;
    const char                     *metric;
    sector_metrics_label_t          labels[2];
    const sector_compose_source_t  *s;

    static const char  *states[] = { "closed", "half_open", "open" };

    s = stats->sources;
    metric = sector_metrics_begin(t, SECTOR_METRICS_STATE);

    labels[0].name = "source";
    labels[1].name = "state";

    for (i = 0; i < stats->n_sources; i++) {
        for (j = 0; j < sizeof(states) / sizeof(states[0]); j++) {
            labels[0].value = s[i].name;
            labels[1].value = states[j];

            sector_metrics_series(t, metric, labels, 2);
            sector_text_print(t, " %d\n", strcmp(s[i].breaker, states[j]) == 0);
        }
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_OPENED);

    for (i = 0; i < stats->n_sources; i++) {
        sector_metrics_number(t, metric, "source", s[i].name, s[i].opened);
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_TRANSITIONS);

    for (i = 0; i < stats->n_sources; i++) {
        sector_metrics_number(t, metric, "source", s[i].name,
                              s[i].transitions);
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_RETRY_AFTER);

    for (i = 0; i < stats->n_sources; i++) {
        sector_metrics_number(t, metric, "source", s[i].name,
                              s[i].retry_after_s);
    }

    for (i = 0, metric = NULL; i < stats->n_sources; i++) {
        if (s[i].since_wall_ms) {
            metric = metric ? metric
                     : sector_metrics_begin(t, SECTOR_METRICS_SINCE);
            sector_metrics_time(t, metric, "source", s[i].name,
                                s[i].since_wall_ms);
        }
    }
}


static void
sector_metrics_feeds(sector_text_t *t, const sector_compose_stats_t *stats)
{
    size_t                          i;
    const char                     *metric;
    const sector_compose_source_t  *s;

    s = stats->sources;
    metric = sector_metrics_begin(t, SECTOR_METRICS_FROZEN);

    for (i = 0; i < stats->n_sources; i++) {
        sector_metrics_number(t, metric, "source", s[i].name, s[i].frozen);
    }

    for (i = 0, metric = NULL; i < stats->n_sources; i++) {
        if (s[i].quote_wall_ms) {
            metric = metric ? metric
                     : sector_metrics_begin(t, SECTOR_METRICS_QUOTE);
            sector_metrics_time(t, metric, "source", s[i].name,
                                s[i].quote_wall_ms);
        }
    }
}


static void
sector_metrics_troubles(sector_text_t *t, const sector_compose_stats_t *stats)
{
    size_t                          i;
    const char                     *metric;
    const sector_compose_source_t  *s;

    s = stats->sources;
    metric = sector_metrics_begin(t, SECTOR_METRICS_FAILING);

    for (i = 0; i < stats->n_sources; i++) {
        sector_metrics_number(t, metric, "source", s[i].name,
                              s[i].trouble.failing);
    }

    metric = sector_metrics_begin(t, SECTOR_METRICS_FAILURES);

    for (i = 0; i < stats->n_sources; i++) {
        sector_metrics_number(t, metric, "source", s[i].name,
                              s[i].trouble.failures);
    }

    sector_metrics_errors(t, stats);
    sector_metrics_times(t, stats, SECTOR_METRICS_SUCCESS);
    sector_metrics_times(t, stats, SECTOR_METRICS_STALE);
}


static void
sector_metrics_errors(sector_text_t *t, const sector_compose_stats_t *stats)
{
    char                            kind[SECTOR_METRICS_NAME_MAX];
    size_t                          i;
    const char                     *metric;
    const sector_compose_source_t  *s;

    sector_metrics_label_t  labels[2] = { { "source", NULL },
                                          { "kind", kind } };

    s = stats->sources;

    for (i = 0, metric = NULL; i < stats->n_sources; i++) {

        if (s[i].trouble.error_wall_ms == 0 || s[i].trouble.kind == NULL) {
            continue;
        }

        metric = metric ? metric
                 : sector_metrics_begin(t, SECTOR_METRICS_ERROR);
        labels[0].value = s[i].name;
        sector_metrics_snake(kind, s[i].trouble.kind);

        sector_metrics_series(t, metric, labels, 2);
        sector_text_print(t, " %.3f\n",
                          (double) s[i].trouble.error_wall_ms / 1000);
    }
}


/* One of those times that are 0 where there is none. */
static void
sector_metrics_times(sector_text_t *t, const sector_compose_stats_t *stats,
    sector_metrics_e id)
{
    size_t                          i;
    int64_t                         wall_ms;
    const char                     *metric;
    const sector_compose_source_t  *s;

    s = stats->sources;

    for (i = 0, metric = NULL; i < stats->n_sources; i++) {
        wall_ms = id == SECTOR_METRICS_STALE
                  ? s[i].trouble.stale_wall_ms : s[i].trouble.success_wall_ms;

        if (wall_ms) {
            metric = metric ? metric : sector_metrics_begin(t, id);
            sector_metrics_time(t, metric, "source", s[i].name, wall_ms);
        }
    }
}


static void
sector_metrics_histograms(sector_text_t *t,
    const sector_compose_stats_t *stats, sector_metrics_e id)
{
    size_t                          i;
    const char                     *metric;
    const sector_compose_source_t  *s;

    s = stats->sources;
    metric = sector_metrics_begin(t, id);

    for (i = 0; i < stats->n_sources; i++) {
        sector_metrics_histogram(t, metric, s[i].name,
                                 id == SECTOR_METRICS_WAIT ? s[i].wait
                                                           : s[i].upstream);
    }
}


/* Buckets add up: each counts all up to its bound. */
static void
sector_metrics_histogram(sector_text_t *t, const char *metric,
    const char *source, const sector_histogram_t *histogram)
{
    char      name[SECTOR_METRICS_NAME_MAX], bound[24];
    size_t    i;
    uint64_t  count;

    sector_metrics_label_t  labels[2] = { { "source", source },
                                          { "le", bound } };

    count = 0;
    snprintf(name, sizeof(name), "%s_bucket", metric);

    for (i = 0; i <= SECTOR_STATS_BOUNDS; i++) {
        count += histogram->buckets[i];

        if (i < SECTOR_STATS_BOUNDS) {
            snprintf(bound, sizeof(bound), "%.10g",
                     (double) sector_stats_bounds_ms[i] / 1000);

        } else {
            snprintf(bound, sizeof(bound), "+Inf");
        }

        sector_metrics_series(t, name, labels, 2);
        sector_text_print(t, " %llu\n", (unsigned long long) count);
    }

    snprintf(name, sizeof(name), "%s_sum", metric);
    sector_metrics_series(t, name, labels, 1);
    sector_text_print(t, " %llu.%03u\n",
                      (unsigned long long) (histogram->sum_ms / 1000),
                      (unsigned) (histogram->sum_ms % 1000));

    snprintf(name, sizeof(name), "%s_count", metric);
    sector_metrics_series(t, name, labels, 1);
    sector_text_print(t, " %llu\n", (unsigned long long) count);
}


/* Begins the metric of a row of sector_stats.h; its name goes into name, which
 * has SECTOR_METRICS_NAME_MAX bytes. */
static void
sector_metrics_event(sector_text_t *t, const sector_stats_row_t *row,
    char *name)
{
    char  snake[SECTOR_METRICS_NAME_MAX / 2];

    sector_metrics_snake(snake, row->name);
    snprintf(name, SECTOR_METRICS_NAME_MAX, "sector_cache_%s_total", snake);

    sector_metrics_head(t, name, "counter", row->help);
}


/* Begins one of ours; returns its name. */
static const char *
sector_metrics_begin(sector_text_t *t, sector_metrics_e id)
{
    const sector_metrics_row_t  *row;

    row = &sector_metrics_rows[id];
    sector_metrics_head(t, row->name, row->type, row->help);

    return row->name;
}


static void
sector_metrics_head(sector_text_t *t, const char *name, const char *type,
    const char *help)
{
    sector_text_print(t, "# HELP %s ", name);
    sector_metrics_escape(t, help, 0);
    sector_text_print(t, "\n# TYPE %s %s\n", name, type);
}


static void
sector_metrics_number(sector_text_t *t, const char *metric, const char *label,
    const char *value, uint64_t n)
{
    sector_metrics_label_t  one = { label, value };

    sector_metrics_series(t, metric, &one, label != NULL);
    sector_text_print(t, " %llu\n", (unsigned long long) n);
}


static void
sector_metrics_time(sector_text_t *t, const char *metric, const char *label,
    const char *value, int64_t wall_ms)
{
    sector_metrics_label_t  one = { label, value };

    sector_metrics_series(t, metric, &one, 1);
    sector_text_print(t, " %.3f\n", (double) wall_ms / 1000);
}


/* A name and its labels. */
static void
sector_metrics_series(sector_text_t *t, const char *metric,
    const sector_metrics_label_t *labels, size_t n)
{
    size_t  i;

    sector_text_string(t, metric);

    for (i = 0; i < n; i++) {
        sector_text_string(t, i ? "," : "{");
        sector_text_string(t, labels[i].name);
        sector_text_string(t, "=\"");
        sector_metrics_escape(t, labels[i].value, 1);
        sector_text_string(t, "\"");
    }

    if (n) {
        sector_text_string(t, "}");
    }
}


/* The value of a label has its quotes escaped, a HELP has not. */
static void
sector_metrics_escape(sector_text_t *t, const char *text, int quotes)
{
    const char  *p;

    for (p = text; *p != '\0'; p++) {

        if (*p == '\n') {
            sector_text_string(t, "\\n");
            continue;
        }

        if (*p == '\\' || (*p == '"' && quotes)) {
            sector_text_string(t, "\\");
        }

        sector_text_add(t, p, 1);
    }
}


/* refusedNoRoom becomes refused_no_room; the buffer has half of
 * SECTOR_METRICS_NAME_MAX bytes, which all names of sector_stats.h fit. */
static void
sector_metrics_snake(char *buf, const char *name)
{
    char  *p, *last;

    p = buf;
    last = buf + SECTOR_METRICS_NAME_MAX / 2 - 2;

    for ( /* void */ ; *name != '\0' && p < last; name++) {

        if (isupper((unsigned char) *name)) {
            *p++ = '_';
        }

        *p++ = (char) tolower((unsigned char) *name);
    }

    *p = '\0';
}
