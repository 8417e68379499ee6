/*
 * Answers put together: the snapshot, a batch's failures, an error, and what
 * follows the data of any other.
 *
 * Names and texts are any bytes; a sector is what sector_model takes, as in
 * the store.
 */

#include <math.h>

#include <jansson.h>

#include "fuzz.h"
#include "sector_compose.h"
#include "sector_compose_market.h"
#include "sector_model.h"
#include "sector_model_json.h"


#define PARTS_MAX  8


/* What a snapshot's summary must say. */

typedef struct {
    size_t  total, available, bullish, bearish, rated;
    double  sum, top, worst;
} summary_t;


static const char *const  symbols[PARTS_MAX] = {
    "XLK", "SPY", "XLU", "XLF", "XLV", "QQQ", "XLE", "XLI"
};


static int
is_utf8(const char *text)
{
    json_t  *string;

    string = json_string(text);
    json_decref(string);

    return string != NULL;
}


/* A sector whose change is the input's, or whatever is there. */

static char *
make_sector(fuzz_input_t *in, const char *symbol, size_t *len)
{
    char                   *body, *change;
    size_t                  size;
    sector_model_input_t    model;
    sector_model_output_t   out;

    change = fuzz_text(in, fuzz_byte(in) % 64);
    size = strlen(change) + 100;
    body = malloc(size);
    fuzz_check(body != NULL);
    (void) snprintf(body, size,
                    "{\"symbol\":\"%s\",\"price\":1,\"changePercent\":%s}",
                    symbol, change);
    free(change);

    memset(&model, 0, sizeof(model));
    model.body = body;
    model.body_len = strlen(body);
    model.symbol = symbol;

    (void) sector_model_parse(&model, &out);
    free(body);

    /* without the zero byte, so that a look at it is seen */

    *len = out.json_len;
    body = out.json != NULL ? fuzz_copy(out.json, out.json_len) : NULL;
    free(out.json);

    return body;
}


static void
add_up(summary_t *summary, const sector_compose_part_t *part)
{
    json_t        *root;
    double         change;
    json_error_t   error;

    summary->total++;

    if (part->data == NULL) {
        return;
    }

    summary->available++;

    root = sector_json_load(part->data, part->len, &error);
    change = sector_json_double(json_object_get(root, "changePercent"));

    if (isfinite(change)) {
        summary->bullish += change > 0.5;
        summary->bearish += change < -0.5;
        summary->top = summary->rated == 0 ? change
                                           : fmax(change, summary->top);
        summary->worst = summary->rated == 0 ? change
                                             : fmin(change, summary->worst);
        summary->rated++;
        summary->sum += change;
    }

    json_decref(root);
}


static size_t
count_of(json_t *object, const char *key)
{
    fuzz_check(json_is_integer(json_object_get(object, key)));

    return (size_t) json_integer_value(json_object_get(object, key));
}


/* The change of the symbol that a summary names. */

static double
change_of(const sector_compose_part_t *parts, size_t n, json_t *symbol)
{
    size_t         i;
    double         change;
    json_t        *root;
    json_error_t   error;

    fuzz_check(json_is_string(symbol));

    for (i = 0; i < n; i++) {
        if (!parts[i].benchmark && parts[i].data != NULL
            && strcmp(parts[i].symbol, json_string_value(symbol)) == 0)
        {
            root = sector_json_load(parts[i].data, parts[i].len, &error);
            change = sector_json_double(json_object_get(root,
                                                        "changePercent"));
            json_decref(root);

            return change;
        }
    }

    fuzz_check(!"the symbol is in the snapshot");

    return 0;
}


static void
check_summary(json_t *got, const summary_t *summary,
    const sector_compose_part_t *parts, size_t n)
{
    double   mean;
    json_t  *average;

    fuzz_check(count_of(got, "totalSectors") == summary->total);
    fuzz_check(count_of(got, "availableSectors") == summary->available);
    fuzz_check(count_of(got, "bullishSectors") == summary->bullish);
    fuzz_check(count_of(got, "bearishSectors") == summary->bearish);
    fuzz_check(count_of(got, "neutralSectors")
               == summary->available - summary->bullish - summary->bearish);

    average = json_object_get(got, "averageChange");

    if (summary->rated == 0) {
        fuzz_check(json_is_null(json_object_get(got, "topPerformer")));
        fuzz_check(json_is_null(json_object_get(got, "worstPerformer")));
        fuzz_check(json_is_null(average));
        return;
    }

    fuzz_check(change_of(parts, n, json_object_get(got, "topPerformer"))
               == summary->top);
    fuzz_check(change_of(parts, n, json_object_get(got, "worstPerformer"))
               == summary->worst);

    if (!isfinite(summary->sum)) {
        fuzz_check(json_is_null(average));
        return;
    }

    mean = summary->sum / (double) summary->rated;
    fuzz_check(json_is_number(average));
    fuzz_check(fabs(json_number_value(average) - mean)
               <= 0.00500001 + fabs(mean) * 1e-9);
}


/* Each part is where it belongs, byte for byte. */

static void
check_parts(const char *text, const sector_compose_part_t *parts, size_t n)
{
    size_t       i;
    const char  *at;

    at = strstr(text, "\"sectors\":[");
    fuzz_check(at != NULL);
    at += strlen("\"sectors\":[");

    for (i = 0; i < n; i++) {
        if (parts[i].benchmark) {
            continue;
        }

        at += *at == ',';

        if (parts[i].data != NULL) {
            fuzz_check(memcmp(at, parts[i].data, parts[i].len) == 0);
            at += parts[i].len;

        } else {
            at = strstr(at, "\"error\":\"Data unavailable\"}");
            fuzz_check(at != NULL);
            at += strlen("\"error\":\"Data unavailable\"}");
        }
    }

    fuzz_check(*at == ']');
}


static void
check_snapshot(const sector_compose_part_t *parts, size_t n, int64_t wall_ms)
{
    int            valid, benchmark;
    char          *text;
    size_t         i, len;
    json_t        *root;
    unsigned       missing, expected;
    summary_t      summary;
    json_error_t   error;

    memset(&summary, 0, sizeof(summary));

    for (i = 0, valid = 1, expected = 0, benchmark = 0; i < n; i++) {
        if (!parts[i].benchmark || !benchmark) {
            expected |= parts[i].data == NULL;
            valid &= parts[i].data != NULL || parts[i].name == NULL
                     || is_utf8(parts[i].name);
        }

        benchmark |= parts[i].benchmark;

        if (!parts[i].benchmark) {
            add_up(&summary, &parts[i]);
        }
    }

    fuzz_check(sector_compose_available(parts, n, &missing)
               == summary.available);
    fuzz_check(missing == expected);

    text = sector_compose_snapshot(parts, n, wall_ms, &len);
    fuzz_check((text != NULL) == valid);

    if (text == NULL) {
        return;
    }

    fuzz_check(strlen(text) == len);
    root = sector_json_load(text, len, &error);
    fuzz_check(json_is_object(root));
    fuzz_check(json_integer_value(json_object_get(root, "timestamp"))
               == wall_ms);
    fuzz_check(strlen(json_string_value(json_object_get(root, "date"))) == 10);
    fuzz_check(json_array_size(json_object_get(root, "sectors"))
               == summary.total);
    fuzz_check((json_object_get(root, "benchmark") != NULL) == benchmark);

    check_summary(json_object_get(root, "summary"), &summary, parts, n);
    check_parts(text, parts, n);

    json_decref(root);
    free(text);
}


static void
check_failures(fuzz_input_t *in)
{
    int                        valid;
    char                      *text;
    size_t                     i, n, len;
    json_t                    *root, *one;
    sector_compose_failure_t   failures[PARTS_MAX];

    n = fuzz_byte(in) % PARTS_MAX;

    for (i = 0, valid = 1; i < n; i++) {
        failures[i].symbol = symbols[i];
        failures[i].code = "UPSTREAM_ERROR";
        failures[i].text = fuzz_text(in, fuzz_byte(in));
        valid &= is_utf8(failures[i].text);
    }

    text = sector_compose_failures(failures, n, &len);
    fuzz_check((text != NULL) == valid);

    if (text != NULL) {
        root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        fuzz_check(json_object_size(root) == n);

        for (i = 0; i < n; i++) {
            one = json_object_get(root, symbols[i]);
            fuzz_check(strcmp(json_string_value(json_object_get(one,
                                                                "error")),
                              failures[i].text)
                       == 0);
        }

        json_decref(root);
        free(text);
    }

    for (i = 0; i < n; i++) {
        free((void *) failures[i].text);
    }
}


static void
check_error(fuzz_input_t *in)
{
    char                    *text, *words;
    size_t                   len;
    json_t                  *root;
    sector_compose_error_t   error;

    memset(&error, 0, sizeof(error));
    error.code = "UPSTREAM_ERROR";
    error.wall_ms = (int64_t) fuzz_number(in, 8);
    error.retry_after_s = fuzz_number(in, 8);
    error.upstream_status = (unsigned) fuzz_number(in, 2);
    words = fuzz_text(in, in->left);
    error.text = words;

    text = sector_compose_error(&error, &len);

    if (text != NULL) {
        fuzz_check(strlen(text) == len);
        root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        fuzz_check(json_is_false(json_object_get(root, "success")));
        fuzz_check(strcmp(json_string_value(json_object_get(root, "error")),
                          words)
                   == 0);
        json_decref(root);
        free(text);

    } else {
        fuzz_check(!is_utf8(words));
    }

    free(words);
}


static void
check_tail(fuzz_input_t *in)
{
    char                   *tail, text[3 * SECTOR_COMPOSE_TAIL_MAX];
    char                    time[SECTOR_COMPOSE_TIME_MAX];
    size_t                  head, len, max, n;
    json_t                 *root, *member;
    unsigned                choice;
    sector_compose_meta_t   meta;
    sector_compose_stale_t  stale[2];

    memset(&meta, 0, sizeof(meta));
    choice = fuzz_byte(in);
    meta.cache_status = (choice & 1) ? "sixteen-bytes-of" : NULL;
    meta.source = (choice & 2) ? "a-name-of-just-thirty-two-bytes"
                               : NULL;
    meta.cached = (choice & 4) != 0;
    meta.partial = (choice & 8) != 0;
    meta.age_s = fuzz_number(in, 8);
    meta.ttl_s = fuzz_number(in, 8);
    meta.time = time;
    (void) sector_compose_time(time, (int64_t) fuzz_number(in, 8));

    n = choice >> 4 & 3;
    n = n == 3 ? 0 : n;
    stale[0].symbol = "BRK.B";
    stale[0].symbol_len = 5;
    stale[0].age_s = meta.ttl_s;
    stale[1].symbol = "A-SYMBOL-OF-JUST-THIRTY-TWO-BYTE";
    stale[1].symbol_len = 32;
    stale[1].age_s = meta.age_s;

    max = sector_compose_stale_max(stale, n);
    tail = malloc(max);
    fuzz_check(tail != NULL);
    len = sector_compose_tail_stale(tail, &meta, stale, n);
    fuzz_check(len <= max);
    fuzz_check(n || len <= SECTOR_COMPOSE_TAIL_MAX);

    head = strlen(SECTOR_COMPOSE_HEAD);
    memcpy(text, SECTOR_COMPOSE_HEAD "{}", head + 2);
    memcpy(text + head + 2, tail, len);
    free(tail);

    /* jansson has no number above INT64_MAX, a client may have */

    if (meta.age_s <= INT64_MAX && meta.ttl_s <= INT64_MAX) {
        root = json_loadb(text, head + 2 + len, JSON_REJECT_DUPLICATES, NULL);
        fuzz_check(json_is_true(json_object_get(root, "success")));
        fuzz_check(json_is_boolean(json_object_get(root, "cached")));
        member = json_object_get(json_object_get(root, "metadata"), "stale");
        fuzz_check(json_object_size(member) == n);
        json_decref(root);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                  i, n;
    int64_t                 wall_ms;
    unsigned                choice;
    fuzz_input_t            in;
    sector_compose_part_t   parts[PARTS_MAX];

    in.p = data;
    in.left = size;
    memset(parts, 0, sizeof(parts));

    n = fuzz_byte(&in) % (PARTS_MAX + 1);
    wall_ms = (int64_t) fuzz_number(&in, 6) - (1LL << 46);

    for (i = 0; i < n; i++) {
        choice = fuzz_byte(&in);
        parts[i].symbol = symbols[i];
        parts[i].benchmark = (choice & 3) == 3;
        parts[i].name = (choice & 4) ? fuzz_text(&in, fuzz_byte(&in) % 32)
                                     : NULL;

        if ((choice & 8) == 0) {
            parts[i].data = make_sector(&in, symbols[i], &parts[i].len);
        }
    }

    check_snapshot(parts, n, wall_ms);
    check_failures(&in);
    check_tail(&in);
    check_error(&in);

    for (i = 0; i < n; i++) {
        free((void *) parts[i].name);
        free((void *) parts[i].data);
    }

    return 0;
}
