/*
 * A snapshot is put together as text, since the sectors in it are kept byte
 * for byte; jansson reads their changePercent and escapes strings.
 *
 * sector_compose_out_t is text that grows.  What is put after a failure is
 * dropped, so that only the end asks whether there was one.
 */

#include "sector_compose_market.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sector_compose.h"
#include "sector_model.h"
#include "sector_model_json.h"


/* Bullish above, bearish below its negative; percent. */

#define SECTOR_COMPOSE_BULLISH      0.5

/* An average is rounded to 1 / SCALE, up to the size where a double has no
 * more decimals than that.  SLACK is more than what computing takes away from
 * a half, and less than any average of changes with 4 decimals is from one. */

#define SECTOR_COMPOSE_SCALE        100
#define SECTOR_COMPOSE_SCALED_MAX   4e15
#define SECTOR_COMPOSE_SLACK        1e-9

#define SECTOR_COMPOSE_OUT_SIZE     4096

#define SECTOR_COMPOSE_DATE_LEN     (sizeof("2026-11-22") - 1)


typedef struct {
    char           *text;
    size_t          len;
    size_t          size;
    unsigned        failed:1;
} sector_compose_out_t;


typedef struct {
    size_t          total;
    size_t          available;
    size_t          bullish;
    size_t          bearish;
    size_t          rated;          /* with a changePercent */
    double          sum;
    double          top;            /* of 0 rated: undefined, as worst */
    double          worst;
    const char     *top_symbol;     /* NULL: none is rated */
    const char     *worst_symbol;
} sector_compose_summary_t;


static void sector_compose_put(sector_compose_out_t *out, const char *text,
    size_t len);
static void sector_compose_put_word(sector_compose_out_t *out,
    const char *word);
static void sector_compose_put_count(sector_compose_out_t *out,
    const char *before, size_t count);
static void sector_compose_put_string(sector_compose_out_t *out,
    const char *before, const char *value);
static int sector_compose_put_dumped(const char *text, size_t len, void *data);
static char *sector_compose_finish(sector_compose_out_t *out, size_t *len);
static void sector_compose_put_time(sector_compose_out_t *out,
    int64_t wall_ms);
static void sector_compose_put_sectors(sector_compose_out_t *out,
    const sector_compose_part_t *parts, size_t n,
    sector_compose_summary_t *summary);
static void sector_compose_put_part(sector_compose_out_t *out,
    const sector_compose_part_t *part);
static void sector_compose_put_summary(sector_compose_out_t *out,
    const sector_compose_summary_t *summary);
static void sector_compose_put_average(sector_compose_out_t *out,
    const sector_compose_summary_t *summary);
static int sector_compose_summarise(sector_compose_summary_t *summary,
    const sector_compose_part_t *part);
static int sector_compose_change(const sector_compose_part_t *part,
    double *change);
static double sector_compose_round(double value);
static const sector_compose_part_t *sector_compose_benchmark(
    const sector_compose_part_t *parts, size_t n);


size_t
sector_compose_available(const sector_compose_part_t *parts, size_t n,
    unsigned *missing)
{
    size_t                        i, available;
    const sector_compose_part_t  *benchmark;

    benchmark = sector_compose_benchmark(parts, n);
    available = 0;
    *missing = (benchmark && benchmark->data == NULL);

    for (i = 0; i < n; i++) {
        if (parts[i].benchmark) {
            continue;
        }

        if (parts[i].data) {
            available++;

        } else {
            *missing = 1;
        }
    }

    return available;
}


char *
sector_compose_snapshot(const sector_compose_part_t *parts, size_t n,
    int64_t wall_ms, size_t *len)
{
    sector_compose_out_t          out;
    const sector_compose_part_t  *benchmark;
    sector_compose_summary_t      summary;

    memset(&out, 0, sizeof(out));
    memset(&summary, 0, sizeof(summary));

    benchmark = sector_compose_benchmark(parts, n);

    sector_compose_put_time(&out, wall_ms);
    sector_compose_put_sectors(&out, parts, n, &summary);

    if (benchmark) {
        sector_compose_put_word(&out, ",\"benchmark\":");
        sector_compose_put_part(&out, benchmark);
    }

    sector_compose_put_summary(&out, &summary);
    sector_compose_put_word(&out, "}");

    return sector_compose_finish(&out, len);
}


/* The first one; NULL: there is none. */

static const sector_compose_part_t *
sector_compose_benchmark(const sector_compose_part_t *parts, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (parts[i].benchmark) {
            return &parts[i];
        }
    }

    return NULL;
}


static void
sector_compose_put_time(sector_compose_out_t *out, int64_t wall_ms)
{
    int   len;
    char  number[32], time[SECTOR_COMPOSE_TIME_MAX];

    len = snprintf(number, sizeof(number), "%lld", (long long) wall_ms);
    sector_compose_time(time, wall_ms);

    sector_compose_put_word(out, "{\"timestamp\":");
    sector_compose_put(out, number, (size_t) len);
    sector_compose_put_word(out, ",\"date\":\"");
    sector_compose_put(out, time, SECTOR_COMPOSE_DATE_LEN);
    sector_compose_put_word(out, "\"");
}


/* The sectors, which are added to the summary on the way. */

static void
sector_compose_put_sectors(sector_compose_out_t *out,
    const sector_compose_part_t *parts, size_t n,
    sector_compose_summary_t *summary)
{
    size_t  i;

    sector_compose_put_word(out, ",\"sectors\":[");

    for (i = 0; i < n; i++) {
        if (parts[i].benchmark) {
            continue;
        }

        if (summary->total) {
            sector_compose_put_word(out, ",");
        }

        sector_compose_put_part(out, &parts[i]);

        if (sector_compose_summarise(summary, &parts[i]) != 0) {
            out->failed = 1;
        }
    }

    sector_compose_put_word(out, "]");
}


static void
sector_compose_put_part(sector_compose_out_t *out,
    const sector_compose_part_t *part)
{
    if (part->data) {
        sector_compose_put(out, part->data, part->len);
        return;
    }

    sector_compose_put_string(out, "{\"symbol\":", part->symbol);

    if (part->name) {
        sector_compose_put_string(out, ",\"name\":", part->name);
    }

    sector_compose_put_word(out, ",\"error\":\"Data unavailable\"}");
}


static void
sector_compose_put_summary(sector_compose_out_t *out,
    const sector_compose_summary_t *summary)
{
    sector_compose_put_count(out, ",\"summary\":{\"totalSectors\":",
                             summary->total);
    sector_compose_put_count(out, ",\"availableSectors\":",
                             summary->available);
    sector_compose_put_count(out, ",\"bullishSectors\":", summary->bullish);
    sector_compose_put_count(out, ",\"bearishSectors\":", summary->bearish);
    sector_compose_put_count(out, ",\"neutralSectors\":",
                             summary->available - summary->bullish
                             - summary->bearish);
    sector_compose_put_string(out, ",\"topPerformer\":", summary->top_symbol);
    sector_compose_put_string(out, ",\"worstPerformer\":",
                              summary->worst_symbol);
    sector_compose_put_average(out, summary);
    sector_compose_put_word(out, "}");
}


static void
sector_compose_put_average(sector_compose_out_t *out,
    const sector_compose_summary_t *summary)
{
    char    number[32];
    size_t  len;

    sector_compose_put_word(out, ",\"averageChange\":");

    if (summary->rated == 0 || !isfinite(summary->sum)) {
        sector_compose_put_word(out, "null");
        return;
    }

    len = sector_model_number(sector_compose_round(summary->sum
                                             / (double) summary->rated),
                              number);
    sector_compose_put(out, number, len);
}


/* Adds a sector to the summary; returns -1 if it could not be read, else
 * 0. */

static int
sector_compose_summarise(sector_compose_summary_t *summary,
    const sector_compose_part_t *part)
{
    int     found;
    double  change;

    summary->total++;

    if (part->data == NULL) {
        return 0;
    }

    summary->available++;

    found = sector_compose_change(part, &change);
    if (found <= 0) {
        return found;
    }

    summary->bullish += (change > SECTOR_COMPOSE_BULLISH);
    summary->bearish += (change < -SECTOR_COMPOSE_BULLISH);
    summary->rated++;
    summary->sum += change;

    if (summary->rated == 1 || change > summary->top) {
        summary->top = change;
        summary->top_symbol = part->symbol;
    }

    if (summary->rated == 1 || change < summary->worst) {
        summary->worst = change;
        summary->worst_symbol = part->symbol;
    }

    return 0;
}


/* Reads a stored sector's changePercent; returns 1, 0 if it has no numeric
 * one, or -1 if it could not be read: for want of memory, since it was read
 * before it was stored.  jansson calls some of that a syntax error. */

static int
sector_compose_change(const sector_compose_part_t *part, double *change)
{
    json_t        *root;
    json_error_t   error;

    root = sector_json_load(part->data, part->len, &error);
    if (root == NULL) {
        return -1;
    }

    *change = sector_json_double(json_object_get(root, "changePercent"));

    json_decref(root);

    return isfinite(*change) ? 1 : 0;
}


/* Rounds to 2 decimals, halves away from 0. */

static double
sector_compose_round(double value)
{
    double   scaled;
    int64_t  whole;

    scaled = value * SECTOR_COMPOSE_SCALE;

    if (scaled >= SECTOR_COMPOSE_SCALED_MAX
        || scaled <= -SECTOR_COMPOSE_SCALED_MAX)
    {
        return value;
    }

    whole = (int64_t) (scaled < 0 ? scaled - 0.5 - SECTOR_COMPOSE_SLACK
                                  : scaled + 0.5 + SECTOR_COMPOSE_SLACK);

    return (double) whole / SECTOR_COMPOSE_SCALE;
}


char *
sector_compose_failures(const sector_compose_failure_t *failures, size_t n,
    size_t *len)
{
    int                    failed;
    size_t                 i;
    json_t                *root, *one;
    sector_compose_out_t   out;

    memset(&out, 0, sizeof(out));

    root = json_object();
    failed = 0;

    for (i = 0; i < n; i++) {
        one = json_object();

        failed |= json_object_set_new(one, "error_code",
                                      json_string(failures[i].code));
        failed |= json_object_set_new(one, "error",
                                      json_string(failures[i].text));
        failed |= json_object_set_new(root, failures[i].symbol, one);
    }

    if (failed || json_dump_callback(root, sector_compose_put_dumped, &out,
                                     JSON_COMPACT)
                  != 0)
    {
        out.failed = 1;
    }

    json_decref(root);

    return sector_compose_finish(&out, len);
}


static void
sector_compose_put_word(sector_compose_out_t *out, const char *word)
{
    sector_compose_put(out, word, strlen(word));
}


static void
sector_compose_put_count(sector_compose_out_t *out, const char *before,
    size_t count)
{
    int   len;
    char  number[32];

    len = snprintf(number, sizeof(number), "%zu", count);

    sector_compose_put_word(out, before);
    sector_compose_put(out, number, (size_t) len);
}


/* A NULL is null. */

static void
sector_compose_put_string(sector_compose_out_t *out, const char *before,
    const char *value)
{
    json_t  *string;

    sector_compose_put_word(out, before);

    if (value == NULL) {
        sector_compose_put_word(out, "null");
        return;
    }

    string = json_string(value);

    if (string == NULL
        || json_dump_callback(string, sector_compose_put_dumped, out,
                              JSON_ENCODE_ANY)
           != 0)
    {
        out->failed = 1;
    }

    json_decref(string);
}


static int
sector_compose_put_dumped(const char *text, size_t len, void *data)
{
    sector_compose_out_t  *out = data;

    sector_compose_put(out, text, len);

    return out->failed ? -1 : 0;
}


/* Appends, with room for a zero byte behind. */

static void
sector_compose_put(sector_compose_out_t *out, const char *text, size_t len)
{
    char    *grown;
    size_t   size;

    if (out->failed) {
        return;
    }

    if (out->size - out->len <= len) {
        size = 2 * out->size + len + SECTOR_COMPOSE_OUT_SIZE;

        grown = realloc(out->text, size);
        if (grown == NULL) {
            out->failed = 1;
            return;
        }

        out->text = grown;
        out->size = size;
    }

    memcpy(out->text + out->len, text, len);
    out->len += len;
}


/* Hands the text over, or drops it if anything failed. */

static char *
sector_compose_finish(sector_compose_out_t *out, size_t *len)
{
    if (out->failed) {
        free(out->text);
        return NULL;
    }

    out->text[out->len] = '\0';
    *len = out->len;

    return out->text;
}
