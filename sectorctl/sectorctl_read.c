/*
 * get, snapshot, explain: what one reads.
 */

#include "sectorctl_client.h"
#include "sectorctl_conf.h"
#include "sectorctl_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    const char     *title;
    const char     *member;
    size_t          width;
    int             right;
    int             sign;           /* a gain has a "+" */
} sectorctl_column_t;


static const sectorctl_column_t  sectorctl_columns[] = {
    { "SYMBOL", "symbol", 12, 0, 0 },
    { "NAME", "name", 24, 0, 0 },
    { "PRICE", "price", 11, 1, 0 },
    { "CHANGE", "change", 10, 1, 1 },
    { "CHANGE %", "changePercent", 9, 1, 1 },
    { "VOLUME", "volume", 13, 1, 0 }
};

#define SECTORCTL_COLUMNS                                                     \
    (sizeof(sectorctl_columns) / sizeof(sectorctl_columns[0]))


static sectorctl_code_e sectorctl_read_one(sectorctl_t *ctl);
static sectorctl_code_e sectorctl_read_many(sectorctl_t *ctl);
static sectorctl_code_e sectorctl_read_lacking(sectorctl_call_t *call);
static void sectorctl_read_origin(sectorctl_call_t *call);
static size_t sectorctl_read_width(const json_t *sector, size_t width);
static void sectorctl_read_cell(size_t i, const char *text, size_t width);
static void sectorctl_read_titles(size_t width);
static void sectorctl_read_row(const json_t *sector, size_t width);
static void sectorctl_read_snapshot(sectorctl_call_t *call);
static void sectorctl_read_summary(const json_t *summary);


sectorctl_code_e
sectorctl_cmd_get(sectorctl_t *ctl)
{
    return ctl->n_args == 1 ? sectorctl_read_one(ctl)
                            : sectorctl_read_many(ctl);
}


static sectorctl_code_e
sectorctl_read_one(sectorctl_t *ctl)
{
    char              *path;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    path = sectorctl_call_symbol("/", ctl->args[0]);

    sectorctl_call(&call, ctl, SECTORCTL_API, "GET", path);
    code = sectorctl_call_report(&call);

    if (code == SECTORCTL_OK && !ctl->json) {
        sectorctl_print_object(sectorctl_call_data(&call), 0);
        sectorctl_read_origin(&call);
    }

    sectorctl_call_free(&call);
    free(path);

    return code;
}


/* One request: what is missing is fetched together. */

static sectorctl_code_e
sectorctl_read_many(sectorctl_t *ctl)
{
    char              *path, *list, *more;
    json_t            *sector, *data;
    size_t             i, width;
    const char        *symbol;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    list = sectorctl_format("%s", ctl->args[0]);

    for (i = 1; i < ctl->n_args; i++) {
        more = sectorctl_format("%s,%s", list, ctl->args[i]);
        free(list);
        list = more;
    }

    path = sectorctl_call_path("/?symbols=", list);
    free(list);

    sectorctl_call(&call, ctl, SECTORCTL_API, "GET", path);
    code = sectorctl_call_report(&call);
    free(path);

    if (code == SECTORCTL_OK && !ctl->json) {
        data = sectorctl_call_data(&call);
        width = 0;

        json_object_foreach(data, symbol, sector) {
            width = sectorctl_read_width(sector, width);
        }

        sectorctl_read_titles(width);

        json_object_foreach(data, symbol, sector) {
            sectorctl_read_row(sector, width);
        }

        sectorctl_read_origin(&call);
    }

    if (code == SECTORCTL_OK) {
        code = sectorctl_read_lacking(&call);
    }

    sectorctl_call_free(&call);

    return code;
}


/* What a batch lacks is no success for whoever asked for it. */

static sectorctl_code_e
sectorctl_read_lacking(sectorctl_call_t *call)
{
    json_t      *errors, *error;
    const char  *symbol, *text, *reason;

    errors = json_object_get(call->json, "errors");

    if (json_object_size(errors) == 0) {
        return SECTORCTL_OK;
    }

    fflush(stdout);

    json_object_foreach(errors, symbol, error) {
        text = json_string_value(json_object_get(error, "error"));
        reason = json_string_value(json_object_get(error, "error_code"));

        sectorctl_error("%s: %s (%s)", symbol, text ? text : "lacks",
                        reason ? reason : "no reason");
    }

    return SECTORCTL_FAILED;
}


/* Where it came from, where the envelope says so. */

static void
sectorctl_read_origin(sectorctl_call_t *call)
{
    char     text[SECTORCTL_VALUE_MAX];
    size_t   i;
    json_t  *metadata, *value;

    static const struct {
        const char  *member;
        const char  *text;
        const char  *unit;
    } parts[] = {
        { "cacheStatus", "", "" },
        { "source", "source ", "" },
        { "age", "age ", " s" },
        { "ttl", "ttl ", " s" }
    };

    metadata = json_object_get(call->json, "metadata");

    if (metadata == NULL) {
        return;
    }

    printf("\ncache: ");

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        value = json_object_get(metadata, parts[i].member);

        if (value) {
            printf("%s%s%s%s", i ? ", " : "", parts[i].text,
                   sectorctl_print_value(text, sizeof(text), value),
                   parts[i].unit);
        }
    }

    printf("%s\n", json_is_true(json_object_get(metadata, "partial"))
                   ? ", partial" : "");
}


/* The column of symbols shows them whole: two long ones may differ in their
 * last letters alone. */

static size_t
sectorctl_read_width(const json_t *sector, size_t width)
{
    size_t       len;
    const char  *symbol;

    symbol = json_string_value(json_object_get(sector, "symbol"));
    len = symbol ? strlen(symbol) : 0;

    if (len > SECTORCTL_SYMBOL_MAX) {
        len = SECTORCTL_SYMBOL_MAX;
    }

    return len + 2 > width ? len + 2 : width;
}


static void
sectorctl_read_cell(size_t i, const char *text, size_t width)
{
    const sectorctl_column_t  *column;

    column = &sectorctl_columns[i];

    if (i > 0 || width < column->width) {
        width = column->width;
    }

    sectorctl_print_cell(text, width, column->right);
}


static void
sectorctl_read_titles(size_t width)
{
    size_t  i;

    for (i = 0; i < SECTORCTL_COLUMNS; i++) {
        sectorctl_read_cell(i, sectorctl_columns[i].title, width);
    }

    putchar('\n');
}


static void
sectorctl_read_row(const json_t *sector, size_t width)
{
    char                       value[SECTORCTL_VALUE_MAX];
    char                       text[SECTORCTL_VALUE_MAX + 1];
    size_t                     i;
    json_t                    *member;
    const sectorctl_column_t  *column;

    for (i = 0; i < SECTORCTL_COLUMNS; i++) {
        column = &sectorctl_columns[i];
        member = json_object_get(sector, column->member);

        if (i == 2 && member == NULL) {
            member = json_object_get(sector, "error");
            printf("%s", sectorctl_print_value(value, sizeof(value), member));
            break;
        }

        snprintf(text, sizeof(text), "%s%s",
                 column->sign && json_number_value(member) > 0 ? "+" : "",
                 sectorctl_print_value(value, sizeof(value), member));

        sectorctl_read_cell(i, text, width);
    }

    putchar('\n');
}


sectorctl_code_e
sectorctl_cmd_snapshot(sectorctl_t *ctl)
{
    sectorctl_call_t  call;
    sectorctl_code_e  code;

    sectorctl_call(&call, ctl, SECTORCTL_API, "GET", "/snapshot");
    code = sectorctl_call_report(&call);

    if (code == SECTORCTL_OK && !ctl->json) {
        sectorctl_read_snapshot(&call);
    }

    sectorctl_call_free(&call);

    return code;
}


static void
sectorctl_read_snapshot(sectorctl_call_t *call)
{
    size_t   i, width;
    json_t  *data, *sectors, *sector;

    data = sectorctl_call_data(call);
    sectors = json_object_get(data, "sectors");
    width = sectorctl_read_width(json_object_get(data, "benchmark"), 0);

    json_array_foreach(sectors, i, sector) {
        width = sectorctl_read_width(sector, width);
    }

    sectorctl_read_titles(width);

    json_array_foreach(sectors, i, sector) {
        sectorctl_read_row(sector, width);
    }

    sector = json_object_get(data, "benchmark");

    if (json_is_object(sector)) {
        putchar('\n');
        sectorctl_read_row(sector, width);
    }

    putchar('\n');
    sectorctl_read_summary(json_object_get(data, "summary"));
    sectorctl_read_origin(call);
}


static void
sectorctl_read_summary(const json_t *summary)
{
    char         text[SECTORCTL_VALUE_MAX];
    size_t       i;
    json_t      *value;

    static const struct {
        const char  *member;
        const char  *title;
    } rows[] = {
        { "availableSectors", "available" },
        { "totalSectors", "of" },
        { "bullishSectors", "bullish" },
        { "neutralSectors", "neutral" },
        { "bearishSectors", "bearish" },
        { "averageChange", "average %" },
        { "topPerformer", "top" },
        { "worstPerformer", "worst" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        value = json_object_get(summary, rows[i].member);

        if (json_is_object(value)) {
            value = json_object_get(value, "symbol");
        }

        printf("%s%s %s", i == 0 ? "" : i == 1 ? " " : ", ", rows[i].title,
               sectorctl_print_value(text, sizeof(text), value));
    }

    putchar('\n');
}


sectorctl_code_e
sectorctl_cmd_explain(sectorctl_t *ctl)
{
    char              *path;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    path = sectorctl_call_path("/explain/", ctl->args[0]);

    sectorctl_call(&call, ctl, SECTORCTL_STATUS, "GET", path);
    code = sectorctl_call_report(&call);

    if (code == SECTORCTL_OK && !ctl->json) {
        sectorctl_print_object(sectorctl_call_data(&call), 0);
    }

    sectorctl_call_free(&call);
    free(path);

    return code;
}
