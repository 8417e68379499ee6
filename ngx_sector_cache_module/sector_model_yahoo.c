/*
 * sector_model_yahoo: what the readers of Yahoo's chart and quote share.
 *
 * Both bodies are read alike: the envelope (an error in any of the five known
 * ones is an answer, told by its code and never by its description), the one
 * object that is about the symbol, the fields that are copied, and those that
 * are computed.  null is read as absent everywhere; a used field of another
 * type is refused, since a feed that has changed its types cannot be trusted
 * with its values.
 *
 * Decisions:
 *
 * - 0 in a high or a low beside a price other than 0 stands for no data, and
 *   is left out: dayHigh, dayLow, fiftyTwoWeekHigh, fiftyTwoWeekLow.  A
 *   volume of 0 is one, and so is an average.  A price of 0 that was above 0
 *   at the previous close is no data either, and refused.
 * - changePercent has no meaning over a previous close of 0 or below (oil,
 *   April 2020) and is left out there, unless the upstream gives it.
 * - A quote's change and percentage are kept as given, though they need not
 *   agree with its price and previous close; those missing are computed.
 * - The symbol printed is the one asked for, whatever case the upstream uses.
 * - Texts lose the whitespace around them; one that is empty then is absent.
 *   A NUL inside is printed as it came, escaped.
 */

#include <math.h>
#include <string.h>

#include "sector_model_yahoo.h"


/* Computed values are rounded to 1 / SCALE, up to the size where a double has
 * no more decimals than that. */

#define SECTOR_YAHOO_SCALE       1e4
#define SECTOR_YAHOO_SCALED_MAX  4e15

#define SECTOR_YAHOO_SPACE       " \t\r\n\v\f"


/*
 * Refuses a value of a wrong type; of is "", or ".raw" inside an object.
 */
static sector_model_status_e
sector_yahoo_type(const sector_model_ctx_t *ctx, const char *key,
    const char *of, const json_t *value, const char *wanted)
{
    return sector_model_refuse(ctx, SECTOR_MODEL_INVALID, "%s%s is %s, not %s",
                               key, of, sector_model_type(value), wanted);
}


/*
 * Takes an optional object or array; *child is NULL where it is absent.
 */
sector_model_status_e
sector_yahoo_child(const sector_model_ctx_t *ctx, const json_t *parent,
    const char *key, json_type type, const json_t **child)
{
    *child = json_object_get(parent, key);

    if (*child == NULL || json_is_null(*child)) {
        *child = NULL;
        return SECTOR_MODEL_OK;
    }

    if (json_typeof(*child) != type) {
        return sector_yahoo_type(ctx, key, "", *child,
                                 (type == JSON_ARRAY) ? "an array"
                                                      : "an object");
    }

    return SECTOR_MODEL_OK;
}


/*
 * A NUL is none.
 */
static int
sector_yahoo_is_space(char c)
{
    return memchr(SECTOR_YAHOO_SPACE, c, sizeof(SECTOR_YAHOO_SPACE) - 1)
           != NULL;
}


/*
 * Takes an optional text without the whitespace around it.
 */
sector_model_status_e
sector_yahoo_text(const sector_model_ctx_t *ctx, const json_t *object,
    const char *key, sector_value_t *value)
{
    size_t         len;
    const char    *text;
    const json_t  *found;

    memset(value, 0, sizeof(*value));

    found = json_object_get(object, key);

    if (found == NULL || json_is_null(found)) {
        return SECTOR_MODEL_OK;
    }

    if (!sector_json_is_string(found)) {
        return sector_yahoo_type(ctx, key, "", found, "a string");
    }

    text = json_string_value(found);
    len = json_string_length(found);

    while (len > 0 && sector_yahoo_is_space(*text)) {
        text++;
        len--;
    }

    while (len > 0 && sector_yahoo_is_space(text[len - 1])) {
        len--;
    }

    if (len > 0) {
        value->kind = SECTOR_VALUE_TEXT;
        value->text = text;
        value->len = len;
    }

    return SECTOR_MODEL_OK;
}


/*
 * Takes an optional number, out of {"raw": number, ...} where numbers may be
 * formatted; {} is absent.
 */
sector_model_status_e
sector_yahoo_number(const sector_model_ctx_t *ctx, const json_t *object,
    const char *key, sector_value_t *value)
{
    const char    *of;
    const json_t  *found;

    memset(value, 0, sizeof(*value));

    of = "";
    found = json_object_get(object, key);

    if (ctx->formatted && json_object_size(found) > 0) {
        of = ".raw";
        found = json_object_get(found, "raw");

        if (found == NULL) {
            return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                       "%s is an object without raw", key);
        }

    } else if (ctx->formatted && json_is_object(found)) {
        return SECTOR_MODEL_OK;
    }

    if (sector_model_take(found, value) == 0) {
        return SECTOR_MODEL_OK;
    }

    if (sector_json_is_huge(found)) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "%s%s is out of range", key, of);
    }

    return sector_yahoo_type(ctx, key, of, found, "a number");
}


/*
 * Makes a real number an integer where it is one; a size of limit or more
 * stays for the caller to refuse.
 */
static sector_model_status_e
sector_yahoo_whole(const sector_model_ctx_t *ctx, const char *key,
    int64_t limit, sector_value_t *value)
{
    if (value->real >= (double) limit || value->real <= -(double) limit) {
        value->integer = INT64_MAX;
        return SECTOR_MODEL_OK;
    }

    value->integer = (int64_t) value->real;

    if ((double) value->integer == value->real) {
        return SECTOR_MODEL_OK;
    }

    return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                               "%s is not a whole number of seconds", key);
}


/*
 * Takes an optional whole number of seconds.
 */
sector_model_status_e
sector_yahoo_seconds(const sector_model_ctx_t *ctx, const json_t *object,
    const char *key, int64_t limit, int64_t *seconds, int *found)
{
    sector_value_t         value;
    sector_model_status_e  status;

    *found = 0;

    status = sector_yahoo_number(ctx, object, key, &value);

    if (status == SECTOR_MODEL_OK && value.kind == SECTOR_VALUE_REAL) {
        status = sector_yahoo_whole(ctx, key, limit, &value);
    }

    if (status != SECTOR_MODEL_OK || value.kind == SECTOR_VALUE_NONE) {
        return status;
    }

    if (value.integer > limit || value.integer < -limit) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "%s is out of range, at most %lld seconds",
                                   key, (long long) limit);
    }

    *seconds = value.integer;
    *found = 1;

    return SECTOR_MODEL_OK;
}


/*
 * A number as a double; 0 where it is absent.
 */
double
sector_yahoo_double(const sector_value_t *value)
{
    switch (value->kind) {

    case SECTOR_VALUE_INTEGER:
        return (double) value->integer;

    case SECTOR_VALUE_UNSIGNED:
        return (double) value->natural;

    default:
        return value->real;
    }
}


/*
 * Sets a computed field, rounded to 4 decimals, halves away from 0; not at
 * all where computing has left the range of a double.
 */
void
sector_yahoo_computed(sector_value_t *field, double value)
{
    double   scaled, rest;
    int64_t  whole;

    if (!isfinite(value)) {
        return;
    }

    scaled = value * SECTOR_YAHOO_SCALE;

    if (scaled < SECTOR_YAHOO_SCALED_MAX && scaled > -SECTOR_YAHOO_SCALED_MAX)
    {
        whole = (int64_t) scaled;
        rest = scaled - (double) whole;

        if (rest >= 0.5) {
            whole++;

        } else if (rest <= -0.5) {
            whole--;
        }

        value = (double) whole / SECTOR_YAHOO_SCALE;
    }

    field->kind = SECTOR_VALUE_REAL;
    field->real = value;
}


/*
 * Copies the fields of a map.
 */
sector_model_status_e
sector_yahoo_copy(const sector_model_ctx_t *ctx, const json_t *object,
    const sector_yahoo_map_t *map)
{
    sector_value_t         *value;
    sector_model_status_e   status;

    for ( /* void */ ; map->key != NULL; map++) {
        value = &ctx->record->field[map->field];

        status = (sector_model_fields[map->field].kind == SECTOR_VALUE_TEXT)
                 ? sector_yahoo_text(ctx, object, map->key, value)
                 : sector_yahoo_number(ctx, object, map->key, value);

        if (status != SECTOR_MODEL_OK) {
            return status;
        }
    }

    if (ctx->record->field[SECTOR_FIELD_PRICE].kind == SECTOR_VALUE_NONE) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID, "no price");
    }

    return SECTOR_MODEL_OK;
}


/*
 * The symbol asked for, and the names: the configured one, or shortName, or
 * longName.
 */
sector_model_status_e
sector_yahoo_names(const sector_model_ctx_t *ctx, const json_t *object)
{
    sector_value_t         *name, *long_name, *symbol;
    sector_model_status_e   status;

    symbol = &ctx->record->field[SECTOR_FIELD_SYMBOL];
    symbol->kind = SECTOR_VALUE_TEXT;
    symbol->text = ctx->in->symbol;
    symbol->len = strlen(ctx->in->symbol);

    name = &ctx->record->field[SECTOR_FIELD_NAME];
    long_name = &ctx->record->field[SECTOR_FIELD_LONG_NAME];

    status = sector_yahoo_text(ctx, object, "shortName", name);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_text(ctx, object, "longName", long_name);
    }

    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    if (ctx->in->name != NULL && ctx->in->name[0] != '\0') {
        name->kind = SECTOR_VALUE_TEXT;
        name->text = ctx->in->name;
        name->len = strlen(ctx->in->name);

    } else if (name->kind == SECTOR_VALUE_NONE) {
        *name = *long_name;
    }

    return SECTOR_MODEL_OK;
}


/*
 * Takes the quote's time.
 */
sector_model_status_e
sector_yahoo_time(const sector_model_ctx_t *ctx, const json_t *object)
{
    int                     found;
    int64_t                 seconds;
    sector_value_t         *timestamp;
    sector_model_status_e   status;

    status = sector_yahoo_seconds(ctx, object, "regularMarketTime",
                                  SECTOR_YAHOO_SECONDS_MAX, &seconds, &found);

    if (status != SECTOR_MODEL_OK || !found) {
        return status;
    }

    timestamp = &ctx->record->field[SECTOR_FIELD_TIMESTAMP];
    timestamp->kind = SECTOR_VALUE_INTEGER;
    timestamp->integer = seconds * 1000;
    ctx->out->quote_ms = timestamp->integer;

    return SECTOR_MODEL_OK;
}


/*
 * A field as a number; NAN where it is absent.
 */
static double
sector_yahoo_field(const sector_model_ctx_t *ctx, sector_field_e field)
{
    const sector_value_t  *value;

    value = &ctx->record->field[field];

    return (value->kind != SECTOR_VALUE_NONE) ? sector_yahoo_double(value)
                                              : NAN;
}


/*
 * Drops the zeros of ranges that stand for no data.
 */
static void
sector_yahoo_zeros(const sector_model_ctx_t *ctx)
{
    size_t  i;

    static const sector_field_e  ranges[] = {
        SECTOR_FIELD_DAY_HIGH, SECTOR_FIELD_DAY_LOW,
        SECTOR_FIELD_52_WEEK_HIGH, SECTOR_FIELD_52_WEEK_LOW
    };

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (sector_yahoo_field(ctx, ranges[i]) == 0) {
            ctx->record->field[ranges[i]].kind = SECTOR_VALUE_NONE;
        }
    }
}


/*
 * Computes what is missing of change and changePercent, and drops the zeros
 * that stand for no data.
 */
sector_model_status_e
sector_yahoo_finish(const sector_model_ctx_t *ctx)
{
    double                  price, previous;
    sector_value_t         *field;
    sector_model_status_e   status;

    field = ctx->record->field;
    price = sector_yahoo_field(ctx, SECTOR_FIELD_PRICE);
    previous = sector_yahoo_field(ctx, SECTOR_FIELD_PREVIOUS_CLOSE);

    status = sector_model_data(ctx, price, previous,
                         sector_yahoo_field(ctx, SECTOR_FIELD_CHANGE),
                         sector_yahoo_field(ctx, SECTOR_FIELD_CHANGE_PERCENT));

    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    if (price != 0) {
        sector_yahoo_zeros(ctx);
    }

    if (isnan(previous)) {
        return SECTOR_MODEL_OK;
    }

    if (field[SECTOR_FIELD_CHANGE].kind == SECTOR_VALUE_NONE) {
        sector_yahoo_computed(&field[SECTOR_FIELD_CHANGE], price - previous);
    }

    if (field[SECTOR_FIELD_CHANGE_PERCENT].kind == SECTOR_VALUE_NONE
        && previous > 0)
    {
        sector_yahoo_computed(&field[SECTOR_FIELD_CHANGE_PERCENT],
                              (price - previous) / previous * 100);
    }

    return SECTOR_MODEL_OK;
}


/*
 * Opens the envelope: an error in any known one, else the result array of the
 * wanted one.
 */
sector_model_status_e
sector_yahoo_envelope(const sector_model_ctx_t *ctx, const json_t *root,
    const char *wanted, const json_t **result)
{
    size_t                  i;
    const json_t           *error, *envelope;
    sector_model_status_e   status;

    static const char *const  not_found[] = { "Not Found", NULL };
    static const char *const  envelopes[] = {
        "chart", "quoteResponse", "quote", "quoteSummary", "finance"
    };

    for (i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++) {
        error = json_object_get(json_object_get(root, envelopes[i]), "error");

        if (error != NULL && !json_is_null(error)) {
            return sector_model_error(ctx, error, ".code", not_found);
        }
    }

    status = sector_yahoo_child(ctx, root, wanted, JSON_OBJECT, &envelope);

    if (status == SECTOR_MODEL_OK && envelope == NULL) {
        status = sector_model_refuse(ctx, SECTOR_MODEL_INVALID, "no %s",
                                     wanted);
    }

    if (status != SECTOR_MODEL_OK) {
        ctx->out->foreign = 1;
        return status;
    }

    status = sector_yahoo_child(ctx, envelope, "result", JSON_ARRAY, result);

    if (status == SECTOR_MODEL_OK && *result == NULL) {
        status = sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                     "%s has neither result nor error",
                                     wanted);
    }

    return status;
}


/*
 * Takes an array's member.
 */
sector_model_status_e
sector_yahoo_entry(const sector_model_ctx_t *ctx, const json_t *result,
    size_t i, const json_t **entry)
{
    *entry = json_array_get(result, i);

    if (json_is_object(*entry)) {
        return SECTOR_MODEL_OK;
    }

    return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                               "result[%zu] is %s, not an object", i,
                               sector_model_type(*entry));
}


/*
 * Refuses a symbol that no entry is about.
 */
sector_model_status_e
sector_yahoo_absent(const sector_model_ctx_t *ctx)
{
    return sector_model_refuse(ctx, SECTOR_MODEL_NOT_FOUND,
                               "\"%.32s\" is not in the result",
                               ctx->in->symbol);
}


/*
 * Takes the mandatory symbol of an object.
 */
sector_model_status_e
sector_yahoo_symbol(const sector_model_ctx_t *ctx, const json_t *object,
    const char **symbol)
{
    return sector_model_word(ctx, "symbol", "",
                             json_object_get(object, "symbol"), symbol);
}
