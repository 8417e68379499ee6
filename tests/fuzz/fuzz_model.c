/*
 * The bodies of upstreams, each format, one symbol and many.
 *
 *     byte 0   bits 0-1: the format; bit 2: a configured name; bit 3: one that
 *              is not UTF-8; bits 4-5: the symbol asked for alone; bit 6: it
 *              came with a status of 404; bit 7: a batch is partial
 *     rest     the body
 *
 * What is accepted is a sector that our own format accepts, too, unchanged;
 * each symbol of a batch has what it would have alone, in any order.  Foreign
 * is only what is invalid, and nothing that was read; with a 404 no object of
 * our own format is.  A partial answer does not say that what it lacks does not
 * exist.
 */

#include <math.h>
#include <strings.h>

#include <jansson.h>

#include "fuzz.h"
#include "sector_model.h"
#include "sector_model_json.h"


#define ASKED      4
#define DEPTH_MAX  64
#define AGE_MAX    2147483647


typedef struct {
    size_t                  n;
    sector_model_output_t   out[ASKED];
    sector_model_status_e   status[ASKED];
    sector_model_status_e   whole;
    char                    reason[SECTOR_MODEL_REASON_MAX];
} call_t;


static const char *const  symbols[ASKED] = { "XLK", "SPY", "QQQ", "XLU" };
static const char *const  backwards[ASKED] = { "XLU", "QQQ", "SPY", "XLK" };


/* The keys of a sector in their order, those that the header names. */

static const char *const  keys[] = {
    "symbol", "name", "price", "change", "changePercent", "volume",
    "timestamp", "longName", "currency", "marketState", "marketCap",
    "dayHigh", "dayLow", "previousClose", "fiftyDayAverage",
    "twoHundredDayAverage", "fiftyTwoWeekHigh", "fiftyTwoWeekLow", NULL
};


/* What holds for each outcome. */

static void
check_output(const sector_model_output_t *out, sector_model_status_e status)
{
    if (status == SECTOR_MODEL_OK) {
        fuzz_check(out->json != NULL);
        fuzz_check(strlen(out->json) == out->json_len);
        fuzz_check(out->json[0] == '{');
        fuzz_check(out->json[out->json_len - 1] == '}');
        fuzz_check(out->reason[0] == '\0');
        fuzz_check(!out->foreign && out->age_s <= AGE_MAX);
        return;
    }

    fuzz_check(status == SECTOR_MODEL_NOT_FOUND
               || status == SECTOR_MODEL_INVALID);
    fuzz_check(out->json == NULL && out->json_len == 0);
    fuzz_check(out->age_s == 0);
    fuzz_check(status == SECTOR_MODEL_INVALID || !out->foreign);
    fuzz_check(out->quote_ms == INT64_MIN);
    fuzz_reason(out->reason, SECTOR_MODEL_REASON_MAX);
}


/* Only known keys, in their order. */

static void
check_order(json_t *sector)
{
    size_t       next;
    json_t      *value;
    const char  *key;

    next = 0;

    json_object_foreach(sector, key, value) {
        while (keys[next] != NULL && strcmp(keys[next], key) != 0) {
            next++;
        }

        fuzz_check(keys[next] != NULL);
    }
}


/* How deep the brackets are. */

static unsigned
depth_of(json_t *value)
{
    size_t       i;
    json_t      *member;
    unsigned     depth, deepest;
    const char  *key;

    deepest = 0;

    json_object_foreach(value, key, member) {
        depth = depth_of(member);
        deepest = depth > deepest ? depth : deepest;
    }

    json_array_foreach(value, i, member) {
        depth = depth_of(member);
        deepest = depth > deepest ? depth : deepest;
    }

    return deepest + (json_is_object(value) || json_is_array(value));
}


static void
check_sector(const sector_model_output_t *out, sector_format_e format,
    const char *symbol)
{
    json_t        *root, *value;
    const char    *text;
    json_error_t   error;

    root = sector_json_load(out->json, out->json_len, &error);
    fuzz_check(json_is_object(root));
    fuzz_check(depth_of(root) <= DEPTH_MAX);

    text = sector_json_string(json_object_get(root, "symbol"));
    fuzz_check(text != NULL && strcasecmp(text, symbol) == 0);
    fuzz_check(isfinite(sector_json_double(json_object_get(root, "price"))));

    value = json_object_get(root, "timestamp");

    if (out->quote_ms != INT64_MIN) {
        fuzz_check(json_integer_value(value) == out->quote_ms);

    } else {
        fuzz_check(value == NULL || !json_is_integer(value)
                   || json_integer_value(value) == INT64_MIN);
    }

    if (format != SECTOR_FORMAT_SECTOR) {
        fuzz_check(strcmp(text, symbol) == 0);
        check_order(root);
    }

    json_decref(root);
}


/* What is foreign is no object, or names nothing that the format knows. */

static void
check_foreign(const sector_model_input_t *in, unsigned foreign)
{
    size_t         skip;
    json_t        *root, *price;
    json_error_t   error;

    skip = in->body_len >= 3 && memcmp(in->body, "\xef\xbb\xbf", 3) == 0
           ? 3 : 0;

    root = memchr(in->body, '\0', in->body_len) != NULL
           ? NULL
           : sector_json_load(in->body + skip, in->body_len - skip, &error);

    if (!json_is_object(root) || depth_of(root) > DEPTH_MAX) {
        fuzz_check(foreign || (json_is_array(root)
                               && in->format == SECTOR_FORMAT_SECTOR));

    } else if (in->format == SECTOR_FORMAT_SECTOR) {

        /* a price without a symbol is nobody's "no such symbol" */

        price = json_object_get(root, "price");

        fuzz_check(!foreign || !in->not_found_status
                   || (price != NULL && !json_is_null(price)));
        fuzz_check(!foreign || json_object_get(root, "success") == NULL);

    } else if (json_is_object(json_object_get(root, "chart"))
               && json_is_object(json_object_get(root, "quoteResponse")))
    {
        fuzz_check(!foreign);
    }

    json_decref(root);
}


static sector_model_status_e
parse(const sector_model_input_t *in, sector_model_output_t *out)
{
    sector_model_status_e  status;

    memset(out, 0x5a, sizeof(*out));
    status = sector_model_parse(in, out);
    check_output(out, status);

    if (status == SECTOR_MODEL_OK) {
        check_sector(out, in->format, in->symbol);
    }

    check_foreign(in, out->foreign);

    return status;
}


/* A sector is one of our own format, and stays as it is. */

static void
check_again(const sector_model_input_t *in, const sector_model_output_t *out)
{
    sector_model_input_t   again;
    sector_model_output_t  same;

    again = *in;
    again.format = SECTOR_FORMAT_SECTOR;
    again.body = out->json;
    again.body_len = out->json_len;

    fuzz_check(parse(&again, &same) == SECTOR_MODEL_OK);
    fuzz_check(same.json_len == out->json_len);
    fuzz_check(memcmp(same.json, out->json, out->json_len) == 0);
    fuzz_check(same.quote_ms == out->quote_ms);

    free(same.json);
}


static void
parse_batch(const sector_model_input_t *in, const char *const *asked,
    size_t n, unsigned partial, call_t *call)
{
    size_t                i;
    const char           *names[ASKED];
    sector_model_batch_t  batch;

    for (i = 0; i < ASKED; i++) {
        names[i] = in->name;
    }

    batch = (sector_model_batch_t) {
        .body = in->body,
        .body_len = in->body_len,
        .format = in->format,
        .symbols = asked,
        .names = in->name != NULL ? names : NULL,
        .n = n,
        .wall_ms = in->wall_ms,
        .partial = partial,
        .not_found_status = in->not_found_status
    };

    memset(call, 0x5a, sizeof(*call));
    call->n = n;
    call->whole = sector_model_parse_batch(&batch, call->out, call->status,
                                           call->reason);

    if (call->whole == SECTOR_MODEL_OK) {
        fuzz_check(call->reason[0] == '\0');

    } else {
        fuzz_check(call->whole == SECTOR_MODEL_INVALID);
        fuzz_reason(call->reason, SECTOR_MODEL_REASON_MAX);
    }

    for (i = 0; i < n; i++) {
        check_output(&call->out[i], call->status[i]);

        if (call->status[i] == SECTOR_MODEL_OK) {
            check_sector(&call->out[i], in->format, asked[i]);
        }

        fuzz_check(!call->out[i].foreign
                   || call->whole == SECTOR_MODEL_INVALID);
        fuzz_check(!partial || call->status[i] != SECTOR_MODEL_NOT_FOUND
                   || strstr(call->out[i].reason, "is not in") == NULL);

        if (call->whole != SECTOR_MODEL_OK) {
            check_foreign(in, call->out[i].foreign);
            fuzz_check(call->status[i] == call->whole);
            fuzz_check(strcmp(call->out[i].reason, call->reason) == 0);
        }
    }
}


static void
free_call(call_t *call)
{
    size_t  i;

    for (i = 0; i < call->n; i++) {
        free(call->out[i].json);
    }
}


static void
check_same(const sector_model_output_t *one, sector_model_status_e one_status,
    const sector_model_output_t *two, sector_model_status_e two_status)
{
    fuzz_check(one_status == two_status);
    fuzz_check(one->foreign == two->foreign);

    if (one_status == SECTOR_MODEL_OK) {
        fuzz_check(one->json_len == two->json_len);
        fuzz_check(memcmp(one->json, two->json, one->json_len) == 0);
        fuzz_check(one->quote_ms == two->quote_ms);
        fuzz_check(one->age_s == two->age_s);

    } else {
        fuzz_check(strcmp(one->reason, two->reason) == 0);
    }
}


/* Each symbol alone, and all of them from the last to the first. */

static void
check_batch(const sector_model_input_t *in, unsigned partial)
{
    size_t  i;
    call_t  all, alone, turned;

    parse_batch(in, symbols, ASKED, partial, &all);
    parse_batch(in, backwards, ASKED, partial, &turned);

    fuzz_check(all.whole == turned.whole);

    for (i = 0; i < ASKED; i++) {
        check_same(&all.out[i], all.status[i], &turned.out[ASKED - 1 - i],
                   turned.status[ASKED - 1 - i]);

        parse_batch(in, &symbols[i], 1, partial, &alone);

        /* one sector, without a map around it, will do for one symbol */

        if (in->format != SECTOR_FORMAT_SECTOR
            || all.status[i] == SECTOR_MODEL_OK)
        {
            check_same(&all.out[i], all.status[i], &alone.out[0],
                       alone.status[0]);
        }

        free_call(&alone);
    }

    free_call(&all);
    free_call(&turned);
}


/* What the call for one symbol takes, the call for many takes. */

static void
check_alone(const sector_model_input_t *in, const sector_model_output_t *out)
{
    call_t  alone;

    parse_batch(in, &in->symbol, 1, 0, &alone);
    check_same(out, SECTOR_MODEL_OK, &alone.out[0], alone.status[0]);
    free_call(&alone);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                   *body;
    unsigned                choice;
    fuzz_input_t            rest;
    sector_model_input_t    in;
    sector_model_output_t   out;

    rest.p = data;
    rest.left = size;
    choice = fuzz_byte(&rest);
    body = fuzz_copy(rest.p, rest.left);

    in = (sector_model_input_t) {
        .body = body,
        .body_len = rest.left,
        .format = (sector_format_e) ((choice & 3) % 3),
        .symbol = symbols[choice >> 4 & 3],
        .name = (choice & 4) == 0 ? NULL
                : (choice & 8) == 0 ? "Technology \"\xc3\xa9\"" : "\xff",
        .wall_ms = 1795377640123,
        .not_found_status = choice >> 6 & 1
    };

    if (parse(&in, &out) == SECTOR_MODEL_OK) {
        check_again(&in, &out);
        check_alone(&in, &out);
        free(out.json);
    }

    check_batch(&in, choice >> 7);

    free(body);

    return 0;
}
