/*
 * sector_model_batch: one body about many symbols -> a sector each.
 *
 * The body passes the first two gates of sector_model.c as a whole.  Then its
 * entries are handed out, in one pass, each to the slot of the symbol that it
 * is about; last, each slot is read and printed as if it had come alone:
 *
 *     body --look, jansson--> tree --hand out--> slots --reader--> sectors
 *
 * Our own format is kept byte for byte, but jansson says nothing of where in
 * the body a value stood.  So the body is scanned beside the tree: jansson
 * keeps an object's members in the body's order (since 2.8), and duplicate
 * keys are refused, hence the nth member of the tree is the nth of the text.
 * The scanner sees only what jansson has accepted, and needs no check.
 *
 * Decisions:
 *
 * - An entry that does not say whose it is spoils no other one, but no symbol
 *   is "not found" beside it: that would be remembered.
 * - Nor is one "not found" in an object that has no sector at all, say
 *   {"error": "quota exceeded"}, in an error of our own API about several, or
 *   in an answer of which it is known that it lacks some.
 * - A null in a map is an entry that is no sector.
 * - "data" is the envelope's, unless it is a sector whose symbol is DATA.
 * - A symbol in both data and errors has its data.
 */

#include <stdlib.h>
#include <string.h>

#include "sector_model_yahoo.h"


/* What the body has about one symbol. */

typedef struct {
    const json_t           *entry;      /* NULL: nothing */
    const json_t           *error;      /* of our own envelope, or NULL */
    const char             *start;      /* the entry's bytes: our own format */
    size_t                  len;
} sector_batch_slot_t;


/* One call's state. */

typedef struct {
    const sector_model_batch_t     *in;
    const sector_yahoo_format_t    *format;     /* NULL: our own */
    sector_batch_slot_t            *slots;      /* in->n */
    size_t                          found;      /* slots with an entry */
    uint64_t                        age_s;      /* of our own envelope */
    char                            broken[SECTOR_MODEL_REASON_MAX];
                                                /* of the first entry that is
                                                   nobody's; "": none */
    sector_model_input_t            input;      /* of the whole body: its */
    sector_model_output_t           out;        /* reason is here */
    sector_record_t                 record;
    sector_model_ctx_t              ctx;
} sector_batch_t;


/*
 * Finds a symbol's slot; NULL: nobody asked for it.
 */
static sector_batch_slot_t *
sector_batch_slot(const sector_batch_t *batch, const char *symbol)
{
    size_t  i;

    for (i = 0; i < batch->in->n; i++) {
        if (sector_model_is_symbol(symbol, batch->in->symbols[i])) {
            return &batch->slots[i];
        }
    }

    return NULL;
}


/*
 * Hands out an entry; the first one stays.
 */
static void
sector_batch_add(sector_batch_t *batch, const char *symbol,
    const json_t *entry, const char *start, size_t len)
{
    sector_batch_slot_t  *slot;

    slot = sector_batch_slot(batch, symbol);

    if (slot != NULL && slot->entry == NULL) {
        slot->entry = entry;
        slot->start = start;
        slot->len = len;
        batch->found++;
    }
}


/*
 * Takes the next member's value out of an object's or an array's text: *p is
 * at the bracket or the comma in front of it, then at the one behind it.
 */
size_t
sector_model_next(const char **p, const char *end, const char **start)
{
    size_t  depth;

    depth = 0;
    *start = *p + 1;

    for (*p = sector_model_sign(*start, end); *p < end;
         *p = sector_model_sign(*p + 1, end))
    {
        if (**p == '{' || **p == '[') {
            depth++;

        } else if (depth == 0 && **p == ':') {
            *start = *p + 1;

        } else if (depth == 0) {
            break;

        } else if (**p == '}' || **p == ']') {
            depth--;
        }
    }

    return sector_model_trim(start, (size_t) (*p - *start));
}


/*
 * Hands out a map's members by their keys.
 */
static void
sector_batch_map(sector_batch_t *batch, json_t *map, const char *start,
    size_t len)
{
    json_t      *value;
    const char  *p, *end, *key;

    p = start;
    end = start + len;

    json_object_foreach(map, key, value) {
        len = sector_model_next(&p, end, &start);
        sector_batch_add(batch, key, value, start, len);
    }
}


/*
 * Hands out an array's members by the symbols in them.  Our own array is read
 * as a quote's is, and has a text besides.
 */
static void
sector_batch_array(sector_batch_t *batch, const sector_yahoo_format_t *format,
    const json_t *array, const char *start, size_t len)
{
    size_t       i;
    const char  *p, *end, *symbol;

    p = start;
    end = (start != NULL) ? start + len : NULL;

    for (i = 0; i < json_array_size(array); i++) {
        if (p != NULL) {
            len = sector_model_next(&p, end, &start);
        }

        if (format->symbol(&batch->ctx, array, i, &symbol)
            == SECTOR_MODEL_OK)
        {
            sector_batch_add(batch, symbol, json_array_get(array, i), start,
                             len);

        } else if (batch->broken[0] == '\0') {
            memcpy(batch->broken, batch->out.reason, sizeof(batch->broken));
        }
    }
}


/*
 * Says whether an object is the one sector that is asked for; if it is not,
 * the reason is left.
 */
static int
sector_batch_alone(sector_batch_t *batch, const json_t *object)
{
    if (batch->in->n != 1) {
        return 0;
    }

    batch->input.symbol = batch->in->symbols[0];

    return sector_model_check(&batch->ctx, object) == SECTOR_MODEL_OK;
}


/*
 * Judges an object in which no symbol asked for was found: a map of others, or
 * something else?
 */
static sector_model_status_e
sector_batch_judge(sector_batch_t *batch, json_t *object)
{
    json_t      *value;
    const char  *key;

    if (sector_json_is_string(json_object_get(object, "symbol"))) {
        return (batch->in->n == 1)
               ? sector_model_check(&batch->ctx, object)
               : sector_model_refuse(&batch->ctx, SECTOR_MODEL_INVALID,
                                     "one sector, not a batch");
    }

    json_object_foreach(object, key, value) {
        if (sector_json_is_string(json_object_get(value, "symbol"))) {
            return SECTOR_MODEL_OK;
        }
    }

    if (json_object_size(object) == 0) {
        return SECTOR_MODEL_OK;
    }

    batch->out.foreign = 1;

    return sector_model_refuse(&batch->ctx, SECTOR_MODEL_INVALID,
                               "no member is a sector");
}


/*
 * Hands out sectors in any of their forms.
 */
static sector_model_status_e
sector_batch_sectors(sector_batch_t *batch, json_t *sectors,
    const char *start, size_t len)
{
    if (json_is_array(sectors)) {
        sector_batch_array(batch, &sector_yahoo_quote_format, sectors, start,
                           len);
        return SECTOR_MODEL_OK;
    }

    if (sector_batch_alone(batch, sectors)) {
        sector_batch_add(batch, batch->in->symbols[0], sectors, start, len);
        return SECTOR_MODEL_OK;
    }

    sector_batch_map(batch, sectors, start, len);

    return (batch->found > 0) ? SECTOR_MODEL_OK
                              : sector_batch_judge(batch, sectors);
}


/*
 * Hands out the errors of our own envelope.
 */
static sector_model_status_e
sector_batch_errors(sector_batch_t *batch, const json_t *root)
{
    json_t                 *value, *errors;
    const char             *key;
    const json_t           *found;
    sector_batch_slot_t    *slot;
    sector_model_status_e   status;

    status = sector_yahoo_child(&batch->ctx, root, "errors", JSON_OBJECT,
                                &found);
    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    errors = (json_t *) found;

    json_object_foreach(errors, key, value) {
        slot = sector_batch_slot(batch, key);

        if (slot != NULL && slot->error == NULL) {
            slot->error = value;
        }
    }

    return SECTOR_MODEL_OK;
}


/*
 * Takes the data of our own envelope and finds its bytes; NULL: the object is
 * no envelope.
 */
static json_t *
sector_batch_data(json_t *root, const char **start, size_t *len)
{
    json_t      *data;
    const char  *symbol;

    data = json_object_get(root, "data");
    symbol = sector_json_string(json_object_get(data, "symbol"));

    if ((!json_is_object(data) && !json_is_array(data))
        || (symbol != NULL && sector_model_is_symbol(symbol, "DATA")))
    {
        return NULL;
    }

    sector_model_member(root, data, start, len);

    return data;
}


/*
 * Judges an error of our own API: about one symbol, if it was asked for alone.
 */
static sector_model_status_e
sector_batch_error(const sector_batch_t *batch, const json_t *root)
{
    sector_model_status_e  status;

    status = sector_model_own_error(&batch->ctx, root);

    return (batch->in->n == 1) ? status : SECTOR_MODEL_INVALID;
}


/*
 * With a status of 404 an object is the provider's own, whatever it is.  If
 * one symbol was asked for, there is none such; of several it says nothing.
 */
static sector_model_status_e
sector_batch_missing(sector_batch_t *batch, const json_t *root,
    sector_model_status_e status)
{
    if (status != SECTOR_MODEL_INVALID || !batch->in->not_found_status) {
        return status;
    }

    batch->out.foreign = 0;

    return (batch->in->n == 1 && sector_model_says_no(root))
           ? SECTOR_MODEL_NOT_FOUND : status;
}


/*
 * Hands out a body of our own format, in an envelope or not.
 */
static sector_model_status_e
sector_batch_own(sector_batch_t *batch, json_t *root, const char *start,
    size_t len)
{
    json_t                 *data;
    sector_model_status_e   status;

    if (json_is_array(root) || sector_batch_alone(batch, root)) {
        return sector_batch_sectors(batch, root, start, len);
    }

    if (json_is_false(json_object_get(root, "success"))) {
        status = sector_batch_error(batch, root);
        return sector_batch_missing(batch, root, status);
    }

    data = sector_batch_data(root, &start, &len);

    if (data == NULL) {
        status = sector_batch_sectors(batch, root, start, len);

    } else {
        batch->age_s = sector_model_own_age(root);
        status = sector_batch_sectors(batch, data, start, len);

        if (status == SECTOR_MODEL_OK) {
            status = sector_batch_errors(batch, root);
        }
    }

    if (json_object_get(root, "success") != NULL) {
        batch->out.foreign = 0;
    }

    return sector_batch_missing(batch, root, status);
}


/*
 * Hands out a body of Yahoo's.
 */
static sector_model_status_e
sector_batch_yahoo(sector_batch_t *batch, const json_t *root)
{
    const json_t           *result;
    sector_model_status_e   status;

    status = sector_model_object(&batch->ctx, root);
    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    status = sector_yahoo_envelope(&batch->ctx, root, batch->format->envelope,
                                   &result);

    if (status == SECTOR_MODEL_OK) {
        sector_batch_array(batch, batch->format, result, NULL, 0);
    }

    return status;
}


/*
 * Says what has become of a symbol without an entry.
 */
static sector_model_status_e
sector_batch_absent(const sector_batch_t *batch,
    const sector_batch_slot_t *slot, const sector_model_ctx_t *ctx)
{
    if (slot->error != NULL) {
        return sector_model_own_error(ctx, slot->error);
    }

    if (batch->broken[0] != '\0') {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID, "%s",
                                   batch->broken);
    }

    if (batch->in->partial) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "\"%.32s\" is missing from a partial "
                                   "answer", ctx->in->symbol);
    }

    return sector_yahoo_absent(ctx);
}


/*
 * Reads and prints an entry.
 */
static sector_model_status_e
sector_batch_entry(const sector_batch_t *batch,
    const sector_batch_slot_t *slot, sector_model_ctx_t *ctx)
{
    sector_model_status_e  status;

    if (batch->format != NULL) {
        status = batch->format->read(ctx, slot->entry);

        return (status == SECTOR_MODEL_OK) ? sector_model_print(ctx) : status;
    }

    if (!json_is_object(slot->entry)) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "the sector is %s, not an object",
                                   sector_model_type(slot->entry));
    }

    return sector_model_keep(ctx, slot->entry, slot->start, slot->len);
}


/*
 * Turns a slot into its outcome.
 */
static sector_model_status_e
sector_batch_read(const sector_batch_t *batch, size_t i,
    sector_model_output_t *out)
{
    sector_record_t             record;
    sector_model_ctx_t          ctx;
    sector_model_input_t        input;
    sector_model_status_e       status;
    const sector_batch_slot_t  *slot;

    slot = &batch->slots[i];

    input = batch->input;
    input.symbol = batch->in->symbols[i];
    input.name = (batch->in->names != NULL) ? batch->in->names[i] : NULL;

    sector_model_begin(&ctx, &input, out, &record);

    status = (batch->format != NULL) ? sector_model_check_name(&ctx)
                                     : SECTOR_MODEL_OK;

    if (status == SECTOR_MODEL_OK) {
        status = (slot->entry != NULL)
                 ? sector_batch_entry(batch, slot, &ctx)
                 : sector_batch_absent(batch, slot, &ctx);
    }

    if (status == SECTOR_MODEL_OK) {
        out->age_s = batch->age_s;

    } else {
        out->quote_ms = INT64_MIN;
    }

    return status;
}


/*
 * Parses the body, hands it out, and reads all slots.  NOT_FOUND: all are.
 */
static sector_model_status_e
sector_batch_parse(sector_batch_t *batch, sector_model_output_t *out,
    sector_model_status_e *status)
{
    size_t                  i, len;
    json_t                 *root;
    const char             *start;
    sector_model_status_e   whole;

    whole = sector_model_open(&batch->ctx, &root, &start, &len);
    if (whole != SECTOR_MODEL_OK) {
        return whole;
    }

    whole = (batch->format != NULL) ? sector_batch_yahoo(batch, root)
                                    : sector_batch_own(batch, root, start,
                                                       len);

    for (i = 0; whole == SECTOR_MODEL_OK && i < batch->in->n; i++) {
        status[i] = sector_batch_read(batch, i, &out[i]);

        if (status[i] == SECTOR_MODEL_NO_MEMORY) {
            whole = sector_model_refuse(&batch->ctx, status[i], "%s",
                                        out[i].reason);
        }
    }

    json_decref(root);

    return whole;
}


/*
 * Gives every symbol the same outcome; what was there is freed.
 */
static void
sector_batch_fill(const sector_batch_t *batch, sector_model_status_e whole,
    sector_model_output_t *out, sector_model_status_e *status)
{
    size_t  i;

    for (i = 0; i < batch->in->n; i++) {
        free(out[i].json);
        out[i] = batch->out;
        status[i] = whole;
    }
}


/*
 * Sets a call up: an output each, and the whole body's.
 */
static void
sector_batch_begin(sector_batch_t *batch, const sector_model_batch_t *in,
    sector_model_output_t *out)
{
    size_t  i;

    memset(batch, 0, sizeof(*batch));

    batch->in = in;
    batch->input.body = in->body;
    batch->input.body_len = in->body_len;
    batch->input.format = in->format;
    batch->input.wall_ms = in->wall_ms;

    if (in->format == SECTOR_FORMAT_YAHOO_CHART) {
        batch->format = &sector_yahoo_chart_format;

    } else if (in->format == SECTOR_FORMAT_YAHOO_QUOTE) {
        batch->format = &sector_yahoo_quote_format;
    }

    sector_model_begin(&batch->ctx, &batch->input, &batch->out,
                       &batch->record);

    for (i = 0; i < in->n; i++) {
        memset(&out[i], 0, sizeof(out[i]));
    }
}


/*
 * Parses one body about many symbols.
 */
sector_model_status_e
sector_model_parse_batch(const sector_model_batch_t *in,
    sector_model_output_t *out, sector_model_status_e *status, char *reason)
{
    sector_batch_t         batch;
    sector_model_status_e  whole;

    sector_batch_begin(&batch, in, out);

    batch.slots = calloc(in->n + 1, sizeof(*batch.slots));

    whole = (batch.slots != NULL)
            ? sector_batch_parse(&batch, out, status)
            : sector_model_refuse(&batch.ctx, SECTOR_MODEL_NO_MEMORY,
                                  "out of memory");

    free(batch.slots);

    reason[0] = '\0';

    if (whole != SECTOR_MODEL_OK) {
        sector_batch_fill(&batch, whole, out, status);
    }

    if (whole == SECTOR_MODEL_NOT_FOUND) {
        return SECTOR_MODEL_OK;
    }

    if (whole != SECTOR_MODEL_OK) {
        memcpy(reason, batch.out.reason, SECTOR_MODEL_REASON_MAX);
    }

    return whole;
}
