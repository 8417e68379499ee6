/*
 *     sectorctl  http://127.0.0.1:8080            15:52:01  q leaves
 *
 *     health    degraded: yahoo open, tries again in 41s
 *     cache     on, 24 entries, 12.0K
 *     requests  1234/s, 99.2 % hits in the last 10s, 97.1 % of 81234 in all
 *               ▁▂▃▄▅▆▇█
 *
 *     NAMESPACE   ENTRIES ...        a line each
 *     SOURCE      BREAKER ...        a line each
 *
 *     yahoo       every fetch ...    what is wrong with it, if something is
 *
 * With one look alone there are totals where there are rates otherwise.
 */

#include "sectorctl_frame.h"
#include "sectorctl.h"
#include "sectorctl_print.h"
#include "sectorctl_trouble.h"

#include <stdio.h>
#include <string.h>
#include <time.h>


/* What a column is of a namespace's or a source's members. */

typedef enum {
    SECTORCTL_CELL_NAME = 0,
    SECTORCTL_CELL_NUMBER,
    SECTORCTL_CELL_SIZE,
    SECTORCTL_CELL_USED,
    SECTORCTL_CELL_COUNTER,     /* grows: a rate, or the total */
    SECTORCTL_CELL_FAILURES,    /* the same, of three */
    SECTORCTL_CELL_HITS,
    SECTORCTL_CELL_BREAKER,
    SECTORCTL_CELL_MEAN
} sectorctl_cell_e;

typedef struct {
    const char         *title;      /* of totals */
    const char         *rate;       /* of rates, or NULL: the same */
    const char         *member;
    size_t              width;
    sectorctl_cell_e    kind;
} sectorctl_cell_t;

typedef struct {
    const json_t       *now;
    const json_t       *last;
    const json_t       *base;
    double              last_s;
} sectorctl_row_t;


static const sectorctl_cell_t  sectorctl_namespaces[] = {
    { "NAMESPACE", NULL, NULL, 14, SECTORCTL_CELL_NAME },
    { "ENTRIES", NULL, "entryCount", 8, SECTORCTL_CELL_NUMBER },
    { "MEMORY", NULL, "memoryUsage", 8, SECTORCTL_CELL_SIZE },
    { "USED", NULL, "memoryUsage", 5, SECTORCTL_CELL_USED },
    { "REQUESTS", "REQ/S", "totalRequests", 9, SECTORCTL_CELL_COUNTER },
    { "HIT %", NULL, NULL, 6, SECTORCTL_CELL_HITS },
    { "MISSES", "MISS/S", "misses", 8, SECTORCTL_CELL_COUNTER },
    { "STALE", "STALE/S", "stale", 8, SECTORCTL_CELL_COUNTER },
    { NULL, NULL, NULL, 0, 0 }
};

static const sectorctl_cell_t  sectorctl_sources[] = {
    { "SOURCE", NULL, NULL, 14, SECTORCTL_CELL_NAME },
    { "BREAKER", NULL, NULL, 17, SECTORCTL_CELL_BREAKER },
    { "IN FLIGHT", NULL, "inFlight", 9, SECTORCTL_CELL_NUMBER },
    { "WAITING", NULL, "waiting", 7, SECTORCTL_CELL_NUMBER },
    { "FETCHES", "FETCH/S", "fetches", 8, SECTORCTL_CELL_COUNTER },
    { "FAILED", "FAIL/S", NULL, 7, SECTORCTL_CELL_FAILURES },
    { "MEAN MS", NULL, NULL, 8, SECTORCTL_CELL_MEAN },
    { NULL, NULL, NULL, 0, 0 }
};


static void sectorctl_frame_title(sectorctl_screen_t *screen,
    const sectorctl_view_t *view);
static void sectorctl_frame_label(sectorctl_screen_t *screen,
    const char *label);
static void sectorctl_frame_health(sectorctl_screen_t *screen,
    const sectorctl_view_t *view);
static void sectorctl_frame_reasons(sectorctl_screen_t *screen,
    const json_t *health);
static void sectorctl_frame_cache(sectorctl_screen_t *screen,
    const sectorctl_view_t *view);
static void sectorctl_frame_requests(sectorctl_screen_t *screen,
    const sectorctl_view_t *view);
static void sectorctl_frame_history(sectorctl_screen_t *screen,
    const sectorctl_view_t *view);
static void sectorctl_frame_table(sectorctl_screen_t *screen,
    const sectorctl_view_t *view, const char *member,
    const sectorctl_cell_t *cells);
static sectorctl_colour_e sectorctl_frame_cell(const sectorctl_cell_t *cell,
    const sectorctl_row_t *row, char *text, size_t size);
static sectorctl_colour_e sectorctl_frame_breaker(const json_t *breaker,
    char *text, size_t size);
static void sectorctl_frame_failures(const sectorctl_row_t *row, char *text,
    size_t size);
static double sectorctl_frame_mean(const sectorctl_row_t *row);
static double sectorctl_frame_hits(const json_t *now, const json_t *before);
static double sectorctl_frame_number(const json_t *object,
    const char *member);
static void sectorctl_frame_counter(double total, double rate, int has_rate,
    char *text, size_t size);


void
sectorctl_frame_draw(sectorctl_screen_t *screen, const sectorctl_view_t *view)
{
    sectorctl_frame_title(screen, view);
    sectorctl_screen_end(screen, SECTORCTL_PLAIN);

    if (view->error) {
        sectorctl_screen_put(screen, SECTORCTL_BAD, view->error);
        sectorctl_screen_end(screen, SECTORCTL_PLAIN);
    }

    if (view->now == NULL) {
        return;
    }

    if (view->error == NULL) {
        sectorctl_frame_health(screen, view);
    }

    sectorctl_frame_cache(screen, view);
    sectorctl_frame_requests(screen, view);
    sectorctl_frame_history(screen, view);
    sectorctl_screen_end(screen, SECTORCTL_PLAIN);

    sectorctl_frame_table(screen, view, "namespaces", sectorctl_namespaces);
    sectorctl_screen_end(screen, SECTORCTL_PLAIN);

    sectorctl_frame_table(screen, view, "sources", sectorctl_sources);
    sectorctl_trouble_draw(screen, view->now);
}


static void
sectorctl_frame_title(sectorctl_screen_t *screen,
    const sectorctl_view_t *view)
{
    char        right[32];
    time_t      now;
    struct tm   tm;

    sectorctl_screen_put(screen, SECTORCTL_BOLD, "sectorctl  ");
    sectorctl_screen_put(screen, SECTORCTL_PLAIN, view->server);

    if (screen->terminal) {
        now = time(NULL);
        localtime_r(&now, &tm);
        strftime(right, sizeof(right), "  %H:%M:%S  q leaves", &tm);

        while (screen->column + strlen(right) < screen->columns) {
            sectorctl_screen_put(screen, SECTORCTL_PLAIN, " ");
        }

        sectorctl_screen_put(screen, SECTORCTL_FAINT, right);
    }

    sectorctl_screen_end(screen, SECTORCTL_PLAIN);
}


static void
sectorctl_frame_label(sectorctl_screen_t *screen, const char *label)
{
    sectorctl_screen_cell(screen, SECTORCTL_FAINT, label, 9, 0);
}


static void
sectorctl_frame_health(sectorctl_screen_t *screen,
    const sectorctl_view_t *view)
{
    const char          *status;
    sectorctl_colour_e   colour;

    status = json_string_value(json_object_get(view->health, "status"));

    colour = status == NULL ? SECTORCTL_FAINT
             : strcmp(status, "healthy") == 0 ? SECTORCTL_GOOD
             : strcmp(status, "degraded") == 0 ? SECTORCTL_WARN
             : SECTORCTL_BAD;

    sectorctl_frame_label(screen, "health");
    sectorctl_screen_put(screen, colour, status ? status : "unknown");
    sectorctl_frame_reasons(screen, view->health);
    sectorctl_screen_end(screen, SECTORCTL_PLAIN);
}


static void
sectorctl_frame_reasons(sectorctl_screen_t *screen, const json_t *health)
{
    char         text[256];
    size_t       lacking;
    json_t      *sources, *source;
    const char  *name, *breaker;

    sources = json_object_get(health, "sources");

    json_object_foreach(sources, name, source) {
        breaker = json_string_value(json_object_get(source, "breaker"));

        if (breaker && strcmp(breaker, "closed") != 0) {
            snprintf(text, sizeof(text), ", breaker of %s is %s", name,
                     breaker);
            sectorctl_screen_put(screen, SECTORCTL_PLAIN, text);
        }

        if (json_is_true(json_object_get(source, "failing"))) {
            snprintf(text, sizeof(text), ", every fetch from %s fails", name);
            sectorctl_screen_put(screen, SECTORCTL_PLAIN, text);
        }

        if (json_is_true(json_object_get(source, "frozen"))) {
            snprintf(text, sizeof(text), ", feed of %s is frozen", name);
            sectorctl_screen_put(screen, SECTORCTL_PLAIN, text);
        }
    }

    if (json_is_true(json_object_get(health, "hitRateAlert"))) {
        sectorctl_screen_put(screen, SECTORCTL_PLAIN, ", hit rate is low");
    }

    if (json_is_true(json_object_get(health, "staleAnswersAlert"))) {
        sectorctl_screen_put(screen, SECTORCTL_PLAIN,
                             ", most answers are stale");
    }

    lacking = json_array_size(json_object_get(health, "unservableSymbols"));

    if (lacking) {
        snprintf(text, sizeof(text), ", %zu symbol%s cannot be served",
                 lacking, lacking == 1 ? "" : "s");
        sectorctl_screen_put(screen, SECTORCTL_PLAIN, text);
    }
}


static void
sectorctl_frame_cache(sectorctl_screen_t *screen,
    const sectorctl_view_t *view)
{
    int      on;
    char     text[128], count[32], size[32];

    on = !json_is_false(json_object_get(view->now, "enabled"));

    snprintf(text, sizeof(text), ", %s entries, %s in memory",
             sectorctl_print_count(count, sizeof(count),
                 sectorctl_frame_number(view->now, "entryCount")),
             sectorctl_print_size(size, sizeof(size),
                 sectorctl_frame_number(view->now, "memoryUsage")));

    sectorctl_frame_label(screen, "cache");
    sectorctl_screen_put(screen, on ? SECTORCTL_GOOD : SECTORCTL_BAD,
                         on ? "on" : "off");
    sectorctl_screen_put(screen, SECTORCTL_PLAIN, text);
    sectorctl_screen_end(screen, SECTORCTL_PLAIN);
}


static void
sectorctl_frame_requests(sectorctl_screen_t *screen,
    const sectorctl_view_t *view)
{
    char    text[160], count[32];
    double  rate, hits, asked;

    sectorctl_frame_label(screen, "requests");

    if (view->last) {
        rate = sectorctl_frame_rate(view->now, view->last, view->last_s,
                                    "totalRequests");
        sectorctl_frame_counter(0, rate, 1, count, sizeof(count));
        snprintf(text, sizeof(text), "%s/s", count);
        sectorctl_screen_put(screen, SECTORCTL_BOLD, text);

        hits = sectorctl_frame_hits(view->now, view->base);

        if (hits >= 0) {
            snprintf(text, sizeof(text), ", %.1f %% hits in the last %.0fs",
                     hits, view->base_s);
            sectorctl_screen_put(screen, SECTORCTL_PLAIN, text);
        }

        sectorctl_screen_put(screen, SECTORCTL_PLAIN, "; ");
    }

    asked = sectorctl_frame_number(view->now, "totalRequests");
    hits = sectorctl_frame_hits(view->now, NULL);

    snprintf(text, sizeof(text), hits < 0 ? "%s in all"
                                          : "%s in all, %.1f %% hits",
             sectorctl_print_count(count, sizeof(count), asked), hits);
    sectorctl_screen_put(screen, SECTORCTL_PLAIN, text);
    sectorctl_screen_end(screen, SECTORCTL_PLAIN);
}


/* Requests/s, a column a second, the newest to the right. */

static void
sectorctl_frame_history(sectorctl_screen_t *screen,
    const sectorctl_view_t *view)
{
    char         text[64], count[32];
    size_t       i, n, level;
    double       most;

    static const char  *utf8[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    static const char  *ascii[] = { "_", ".", ":", "-", "=", "+", "*", "#" };

    if (view->n_history == 0 || !screen->terminal) {
        return;
    }

    n = screen->columns > 30 ? screen->columns - 30 : 0;
    n = n < view->n_history ? n : view->n_history;

    for (most = 0, i = 0; i < n; i++) {
        most = view->history[i] > most ? view->history[i] : most;
    }

    sectorctl_frame_label(screen, "");

    for (i = n; i-- > 0; /* void */) {
        level = most > 0 && view->history[i] > 0
                ? (size_t) (view->history[i] / most * 7 + 0.5) : 0;

        sectorctl_screen_put(screen, SECTORCTL_GOOD,
                             screen->utf8 ? utf8[level] : ascii[level]);
    }

    sectorctl_frame_counter(0, most, 1, count, sizeof(count));
    snprintf(text, sizeof(text), "  most %s/s", count);
    sectorctl_screen_put(screen, SECTORCTL_FAINT, text);
    sectorctl_screen_end(screen, SECTORCTL_PLAIN);
}


static void
sectorctl_frame_table(sectorctl_screen_t *screen,
    const sectorctl_view_t *view, const char *member,
    const sectorctl_cell_t *cells)
{
    char                     text[64];
    json_t                  *list, *now;
    const char              *name;
    sectorctl_row_t          row;
    sectorctl_colour_e       colour;
    const sectorctl_cell_t  *cell;

    list = json_object_get(view->now, member);

    for (cell = cells; cell->title; cell++) {
        sectorctl_screen_cell(screen, SECTORCTL_HEAD,
                              view->last && cell->rate ? cell->rate
                                                       : cell->title,
                              cell->width,
                              cell->kind != SECTORCTL_CELL_NAME
                              && cell->kind != SECTORCTL_CELL_BREAKER);
    }

    sectorctl_screen_end(screen, SECTORCTL_HEAD);

    json_object_foreach(list, name, now) {
        row.now = now;
        row.last = json_object_get(json_object_get(view->last, member), name);
        row.base = json_object_get(json_object_get(view->base, member), name);
        row.last_s = view->last_s;

        for (cell = cells; cell->title; cell++) {
            colour = sectorctl_frame_cell(cell, &row, text, sizeof(text));
            sectorctl_screen_cell(screen, colour,
                                  cell->kind == SECTORCTL_CELL_NAME ? name
                                                                    : text,
                                  cell->width,
                                  cell->kind != SECTORCTL_CELL_NAME
                                  && cell->kind != SECTORCTL_CELL_BREAKER);
        }

        sectorctl_screen_end(screen, SECTORCTL_PLAIN);
    }
}


static sectorctl_colour_e
sectorctl_frame_cell(const sectorctl_cell_t *cell,
    const sectorctl_row_t *row, char *text, size_t size)
{
    double  value, whole;

    value = cell->member ? sectorctl_frame_number(row->now, cell->member) : 0;
    text[0] = '\0';

    switch (cell->kind) {

    case SECTORCTL_CELL_NAME:
        return json_is_true(json_object_get(row->now, "failing"))
               ? SECTORCTL_BAD : SECTORCTL_BOLD;

    case SECTORCTL_CELL_BREAKER:
        return sectorctl_frame_breaker(json_object_get(row->now, "breaker"),
                                       text, size);

    case SECTORCTL_CELL_NUMBER:
        sectorctl_print_count(text, size, value);
        break;

    case SECTORCTL_CELL_SIZE:
        sectorctl_print_size(text, size, value);
        break;

    case SECTORCTL_CELL_USED:
        whole = sectorctl_frame_number(row->now, "memorySize");
        snprintf(text, size, whole > 0 ? "%.0f %%" : "-",
                 whole > 0 ? 100 * value / whole : 0);
        break;

    case SECTORCTL_CELL_COUNTER:
        sectorctl_frame_counter(value, sectorctl_frame_rate(row->now,
                                row->last, row->last_s, cell->member),
                                row->last != NULL, text, size);
        break;

    case SECTORCTL_CELL_FAILURES:
        sectorctl_frame_failures(row, text, size);
        break;

    case SECTORCTL_CELL_HITS:
        value = sectorctl_frame_hits(row->now, row->base);
        snprintf(text, size, value < 0 ? "-" : "%.1f", value);
        break;

    case SECTORCTL_CELL_MEAN:
        value = sectorctl_frame_mean(row);
        snprintf(text, size, value < 0 ? "-" : "%.1f", value);
        break;
    }

    return SECTORCTL_PLAIN;
}


static sectorctl_colour_e
sectorctl_frame_breaker(const json_t *breaker, char *text, size_t size)
{
    char         left[32];
    double       retry;
    const char  *state, *forced;

    state = json_string_value(json_object_get(breaker, "state"));
    retry = sectorctl_frame_number(breaker, "retryAfter");
    forced = json_is_true(json_object_get(breaker, "forced")) ? ", forced"
                                                              : "";

    if (state == NULL) {
        snprintf(text, size, "-");
        return SECTORCTL_PLAIN;
    }

    if (retry > 0) {
        snprintf(text, size, "%s%s, %s", state, forced,
                 sectorctl_print_time(left, sizeof(left), retry));

    } else {
        snprintf(text, size, "%s%s", state, forced);
    }

    return strcmp(state, "closed") == 0 ? SECTORCTL_GOOD
           : strcmp(state, "open") == 0 ? SECTORCTL_BAD : SECTORCTL_WARN;
}


static void
sectorctl_frame_failures(const sectorctl_row_t *row, char *text, size_t size)
{
    size_t  i;
    double  total, rate, one;

    static const char  *counters[] = { "failed", "invalid", "timedOut" };

    total = 0;
    rate = 0;

    for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        total += sectorctl_frame_number(row->now, counters[i]);
        one = sectorctl_frame_rate(row->now, row->last, row->last_s,
                                   counters[i]);
        rate = one < 0 || rate < 0 ? -1 : rate + one;
    }

    sectorctl_frame_counter(total, rate, row->last != NULL, text, size);
}


/* Of the calls of the upstream since base, else of all; -1: there are none. */

static double
sectorctl_frame_mean(const sectorctl_row_t *row)
{
    double         n, sum;
    const json_t  *now, *base;

    now = json_object_get(row->now, "upstreamTime");
    base = json_object_get(row->base, "upstreamTime");

    n = sectorctl_frame_number(now, "count");
    sum = sectorctl_frame_number(now, "sumMs");

    if (n - sectorctl_frame_number(base, "count") > 0) {
        n -= sectorctl_frame_number(base, "count");
        sum -= sectorctl_frame_number(base, "sumMs");
    }

    return n > 0 && sum >= 0 ? sum / n : -1;
}


double
sectorctl_frame_rate(const json_t *now, const json_t *before, double seconds,
    const char *counter)
{
    double  grown;

    if (before == NULL || seconds <= 0) {
        return -1;
    }

    grown = sectorctl_frame_number(now, counter)
            - sectorctl_frame_number(before, counter);

    return grown >= 0 ? grown / seconds : -1;
}


/* Percent; -1: nobody asked. */

static double
sectorctl_frame_hits(const json_t *now, const json_t *before)
{
    double  hits, misses;

    hits = sectorctl_frame_number(now, "hits")
           - sectorctl_frame_number(before, "hits");
    misses = sectorctl_frame_number(now, "misses")
             - sectorctl_frame_number(before, "misses");

    if (hits < 0 || misses < 0 || hits + misses == 0) {
        return -1;
    }

    return 100 * hits / (hits + misses);
}


static double
sectorctl_frame_number(const json_t *object, const char *member)
{
    return json_number_value(json_object_get(object, member));
}


static void
sectorctl_frame_counter(double total, double rate, int has_rate, char *text,
    size_t size)
{
    if (!has_rate) {
        sectorctl_print_count(text, size, total);

    } else if (rate < 0) {
        snprintf(text, size, "-");

    } else if (rate > 0 && rate < 99.95) {
        snprintf(text, size, "%.1f", rate);

    } else {
        sectorctl_print_count(text, size, rate);
    }
}
