/*
 * entries, history, refresh: a line for each thing.
 */

#include "sectorctl_client.h"
#include "sectorctl_print.h"

#include <stdio.h>
#include <stdlib.h>


typedef struct {
    const char     *title;
    const char     *member;
    size_t          width;
    int             right;
} sectorctl_list_column_t;


static const sectorctl_list_column_t  sectorctl_entry_columns[] = {
    { "KEY", "key", 32, 0 },
    { "STATE", "state", 9, 0 },
    { "SIZE", "size", 8, 1 },
    { "AGE", "age", 8, 1 },
    { "TTL", "ttl", 9, 1 },
    { "HITS", "hits", 10, 1 },
    { NULL, NULL, 0, 0 }
};


static const sectorctl_list_column_t  sectorctl_sample_columns[] = {
    { "TIME", "time", 24, 0 },
    { "REQUESTS", "requests", 9, 1 },
    { "HITS", "hits", 9, 1 },
    { "MISSES", "misses", 8, 1 },
    { "STALE", "stale", 8, 1 },
    { "FETCHES", "fetches", 8, 1 },
    { "FAILURES", "failures", 8, 1 },
    { "MEAN MS", "upstreamMs", 9, 1 },
    { NULL, NULL, 0, 0 }
};


static const sectorctl_list_column_t  sectorctl_refresh_columns[] = {
    { "SYMBOL", NULL, 32, 0 },
    { "STATUS", "status", 24, 0 },
    { "STORED", "stored", 6, 0 },
    { "TTL", "ttl", 8, 1 },
    { NULL, NULL, 0, 0 }
};


static char *sectorctl_list_entries_path(sectorctl_t *ctl, json_int_t cursor);
static sectorctl_code_e sectorctl_list_refreshed(sectorctl_call_t *call);
static void sectorctl_list_titles(const sectorctl_list_column_t *columns);
static void sectorctl_list_row(const sectorctl_list_column_t *columns,
    const char *name, const json_t *object);


/* The server looks at a part of a large zone at a time, and says where the
 * next one begins. */

sectorctl_code_e
sectorctl_cmd_entries(sectorctl_t *ctl)
{
    char              *path;
    size_t             i;
    json_t            *entries, *entry, *next;
    json_int_t         cursor;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    cursor = 0;
    next = NULL;

    do {
        path = sectorctl_list_entries_path(ctl, cursor);
        sectorctl_call(&call, ctl, SECTORCTL_STATUS, "GET", path);
        free(path);

        code = sectorctl_call_report(&call);

        if (code == SECTORCTL_OK) {
            if (next == NULL && !ctl->json) {
                sectorctl_list_titles(sectorctl_entry_columns);
            }

            entries = json_object_get(sectorctl_call_data(&call), "entries");

            json_array_foreach(entries, i, entry) {
                if (!ctl->json) {
                    sectorctl_list_row(sectorctl_entry_columns, NULL, entry);
                }
            }

            next = json_object_get(sectorctl_call_data(&call), "next");
            cursor = json_integer_value(next);
        }

        sectorctl_call_free(&call);

    } while (code == SECTORCTL_OK && cursor > 0);

    return code;
}


static char *
sectorctl_list_entries_path(sectorctl_t *ctl, json_int_t cursor)
{
    char  *path, *part, *name;

    path = sectorctl_format("/entries?limit=1000&cursor=%lld",
                            (long long) cursor);

    if (ctl->n_args) {
        part = sectorctl_format("%s&namespace=", path);
        free(path);
        path = sectorctl_call_path(part, ctl->args[0]);
        free(part);
    }

    if (ctl->prefix) {
        part = sectorctl_format("%s&prefix=", path);
        name = sectorctl_call_path(part, ctl->prefix);
        free(part);
        free(path);
        path = name;
    }

    return path;
}


sectorctl_code_e
sectorctl_cmd_history(sectorctl_t *ctl)
{
    char              *path;
    size_t             i;
    json_t            *samples, *sample;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    path = sectorctl_format("/history?minutes=%zu", ctl->minutes);
    sectorctl_call(&call, ctl, SECTORCTL_STATUS, "GET", path);
    free(path);

    code = sectorctl_call_report(&call);

    if (code == SECTORCTL_OK && !ctl->json) {
        sectorctl_list_titles(sectorctl_sample_columns);

        samples = json_object_get(sectorctl_call_data(&call), "samples");

        json_array_foreach(samples, i, sample) {
            sectorctl_list_row(sectorctl_sample_columns, NULL, sample);
        }

        /* since the last one */

        sample = json_object_get(sectorctl_call_data(&call), "current");

        if (json_is_object(sample)) {
            sectorctl_list_row(sectorctl_sample_columns, NULL, sample);
        }
    }

    sectorctl_call_free(&call);

    return code;
}


sectorctl_code_e
sectorctl_cmd_refresh(sectorctl_t *ctl)
{
    char              *path, *list, *more;
    size_t             i;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    path = sectorctl_format("/refresh");

    if (ctl->n_args) {
        list = sectorctl_format("%s", ctl->args[0]);

        for (i = 1; i < ctl->n_args; i++) {
            more = sectorctl_format("%s,%s", list, ctl->args[i]);
            free(list);
            list = more;
        }

        free(path);
        path = sectorctl_call_path("/refresh?symbols=", list);
        free(list);
    }

    sectorctl_call_body(&call, ctl, SECTORCTL_ADMIN, "POST", path, "", 0);
    free(path);

    code = sectorctl_call_report(&call);

    if (code == SECTORCTL_OK && !ctl->json) {
        sectorctl_list_titles(sectorctl_refresh_columns);
    }

    if (code == SECTORCTL_OK) {
        code = sectorctl_list_refreshed(&call);
    }

    sectorctl_call_free(&call);

    return code;
}


/* What could not be fetched is no success for whoever asked for it. */

static sectorctl_code_e
sectorctl_list_refreshed(sectorctl_call_t *call)
{
    json_t            *data, *one;
    const char        *symbol, *error, *status;
    sectorctl_code_e   code;

    code = SECTORCTL_OK;
    data = sectorctl_call_data(call);

    json_object_foreach(data, symbol, one) {
        error = json_string_value(json_object_get(one, "error"));

        if (error == NULL && !call->ctl->json) {
            sectorctl_list_row(sectorctl_refresh_columns, symbol, one);
        }
    }

    fflush(stdout);

    json_object_foreach(data, symbol, one) {
        error = json_string_value(json_object_get(one, "error"));

        if (error) {
            status = json_string_value(json_object_get(one, "status"));
            sectorctl_error("%s: %s (%s)", symbol, error,
                            status ? status : "no reason");
            code = SECTORCTL_FAILED;
        }
    }

    return code;
}


static void
sectorctl_list_titles(const sectorctl_list_column_t *columns)
{
    const sectorctl_list_column_t  *column;

    for (column = columns; column->title; column++) {
        sectorctl_print_cell(column->title, column->width, column->right);
    }

    putchar('\n');
}


/* name is what the column without a member has. */

static void
sectorctl_list_row(const sectorctl_list_column_t *columns, const char *name,
    const json_t *object)
{
    char                            text[SECTORCTL_VALUE_MAX];
    const sectorctl_list_column_t  *column;

    for (column = columns; column->title; column++) {
        sectorctl_print_cell(column->member
                             ? sectorctl_print_value(text, sizeof(text),
                                   json_object_get(object, column->member))
                             : name, column->width, column->right);
    }

    putchar('\n');
}
