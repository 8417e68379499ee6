/*
 * sector_model_own: bodies of our own format, a sector as it is or in the
 * envelope in which this module's API answers.
 *
 *     {"symbol": "XLK", "price": 285.17, ...}
 *     {"success": true, "data": {"symbol": ...}, "metadata": {"age": 15, ...}}
 *     {"success": false, "error_code": "UNKNOWN_SYMBOL", ...}
 *
 * Decisions:
 *
 * - A sector is stored byte for byte, hence only checked.  A null stands for
 *   "absent"; symbol and price may not be absent.
 * - What has a symbol is a sector, whatever else is in it; the envelope has
 *   none.  An object with neither a symbol nor success is foreign.
 * - An age that is no whole number of seconds, or that no cache would give, is
 *   as good as none: the data is not worse for it.
 * - A price of 0 is no data where there was a price before, see
 *   sector_model_data().
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sector_model_internal.h"


/* What RFC 9111 lets an age be at most, seconds. */

#define SECTOR_OWN_AGE_MAX  2147483647


/*
 * Checks one field; NULL and null are absent.
 */
static sector_model_status_e
sector_model_check_field(const sector_model_ctx_t *ctx, sector_field_e field,
    const json_t *value)
{
    int                          good;
    const char                  *wanted;
    const sector_model_field_t  *known;

    known = &sector_model_fields[field];

    if (value == NULL || json_is_null(value)) {
        if (field == SECTOR_FIELD_SYMBOL || field == SECTOR_FIELD_PRICE) {
            return sector_model_refuse(ctx, SECTOR_MODEL_INVALID, "no %s",
                                       known->key);
        }

        return SECTOR_MODEL_OK;
    }

    switch (known->kind) {

    case SECTOR_VALUE_TEXT:
        good = sector_json_is_string(value);
        wanted = "a string";
        break;

    case SECTOR_VALUE_INTEGER:
        good = json_is_integer(value);
        wanted = "an integer";
        break;

    default:
        good = isfinite(sector_json_double(value));
        wanted = "a number";
    }

    if (good) {
        return SECTOR_MODEL_OK;
    }

    if (sector_json_is_huge(value) && known->kind != SECTOR_VALUE_TEXT) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "%s is out of range", known->key);
    }

    return sector_model_refuse(ctx, SECTOR_MODEL_INVALID, "%s is %s, not %s",
                               known->key, sector_model_type(value), wanted);
}


/*
 * Checks the fields, then whose they are, then whether there is anything in
 * them.
 */
sector_model_status_e
sector_model_check(const sector_model_ctx_t *ctx, const json_t *object)
{
    int                     i;
    const char             *symbol;
    const json_t           *value;
    sector_model_status_e   status;

    for (i = 0; i < SECTOR_FIELD_N; i++) {
        value = json_object_get(object, sector_model_fields[i].key);

        status = sector_model_check_field(ctx, (sector_field_e) i, value);
        if (status != SECTOR_MODEL_OK) {
            return status;
        }
    }

    status = sector_model_word(ctx, "symbol", "",
                               json_object_get(object, "symbol"), &symbol);

    if (status == SECTOR_MODEL_OK) {
        status = sector_model_match(ctx, symbol);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_model_data(ctx,
            sector_json_double(json_object_get(object, "price")),
            sector_json_double(json_object_get(object, "previousClose")),
            sector_json_double(json_object_get(object, "change")),
            sector_json_double(json_object_get(object, "changePercent")));
    }

    return status;
}


/*
 * Checks the tree, then copies the bytes between the outer braces, whose
 * number start has.
 */
sector_model_status_e
sector_model_keep(const sector_model_ctx_t *ctx, const json_t *object,
    const char *start, size_t len)
{
    const json_t           *value;
    sector_model_status_e   status;

    status = sector_model_check(ctx, object);
    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    ctx->out->json = malloc(len + 1);
    if (ctx->out->json == NULL) {
        return sector_model_refuse(ctx, SECTOR_MODEL_NO_MEMORY,
                                   "out of memory");
    }

    memcpy(ctx->out->json, start, len);
    ctx->out->json[len] = '\0';
    ctx->out->json_len = len;

    value = json_object_get(object, "timestamp");
    if (json_is_integer(value)) {
        ctx->out->quote_ms = json_integer_value(value);
    }

    return SECTOR_MODEL_OK;
}


/*
 * Without a previous close, a change says what it was.
 */
sector_model_status_e
sector_model_data(const sector_model_ctx_t *ctx, double price,
    double previous, double change, double percent)
{
    int  none;

    if (!isnan(previous)) {
        none = previous > 0;

    } else if (!isnan(change)) {
        none = change < 0;

    } else {
        none = percent < 0;
    }

    if (price == 0 && none) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "no data: the price is 0, and was above 0 "
                                   "at the previous close");
    }

    return SECTOR_MODEL_OK;
}


/*
 * Judges an error of our own API, or one of a batch of it.
 */
sector_model_status_e
sector_model_own_error(const sector_model_ctx_t *ctx, const json_t *error)
{
    static const char *const  not_found[] = {
        "UNKNOWN_SYMBOL", "NOT_FOUND", NULL
    };

    return sector_model_error(ctx, error, ".error_code", not_found);
}


/*
 * Finds the text of an object's member, in that of the object.
 */
void
sector_model_member(json_t *object, const json_t *member, const char **start,
    size_t *len)
{
    json_t      *value;
    const char  *p, *end, *key;

    p = *start;
    end = p + *len;

    json_object_foreach(object, key, value) {
        *len = sector_model_next(&p, end, start);

        if (value == member) {
            return;
        }
    }
}


/*
 * How old an envelope says that its data is; 0 where it does not say.
 */
uint64_t
sector_model_own_age(const json_t *envelope)
{
    json_int_t     age;
    const json_t  *value;

    value = json_object_get(json_object_get(envelope, "metadata"), "age");

    if (!json_is_integer(value)) {
        return 0;
    }

    age = json_integer_value(value);

    return (age > 0 && age <= SECTOR_OWN_AGE_MAX) ? (uint64_t) age : 0;
}


/*
 * Opens the envelope of our own API.
 */
static sector_model_status_e
sector_own_envelope(const sector_model_ctx_t *ctx, json_t *root,
    const char *start, size_t len)
{
    const json_t           *success, *data;
    sector_model_status_e   status;

    success = json_object_get(root, "success");

    if (json_is_false(success)) {
        return sector_model_own_error(ctx, root);
    }

    if (!json_is_true(success)) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "success is %s, not a boolean",
                                   sector_model_type(success));
    }

    data = json_object_get(root, "data");

    if (!json_is_object(data)) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "data is %s, not an object",
                                   sector_model_type(data));
    }

    sector_model_member(root, data, &start, &len);

    status = sector_model_keep(ctx, data, start, len);

    if (status == SECTOR_MODEL_OK) {
        ctx->out->age_s = sector_model_own_age(root);
    }

    return status;
}


/*
 * Is it an error of our own API, or has it a price?  Then it means more.
 */
int
sector_model_says_no(const json_t *root)
{
    const json_t  *price;

    price = json_object_get(root, "price");

    return (price == NULL || json_is_null(price))
           && !(json_is_false(json_object_get(root, "success"))
                && sector_json_is_string(json_object_get(root, "error_code")));
}


/*
 * Reads a body about one symbol.
 */
sector_model_status_e
sector_model_own(const sector_model_ctx_t *ctx, json_t *root,
    const char *start, size_t len)
{
    sector_model_status_e  status;

    if (json_object_get(root, "symbol") == NULL
        && json_object_get(root, "success") != NULL)
    {
        status = sector_own_envelope(ctx, root, start, len);

    } else {
        status = sector_model_keep(ctx, root, start, len);

        ctx->out->foreign = (status == SECTOR_MODEL_INVALID
                             && json_object_get(root, "symbol") == NULL);
    }

    if (status == SECTOR_MODEL_INVALID && ctx->in->not_found_status
        && sector_model_says_no(root))
    {
        ctx->out->foreign = 0;
        status = sector_model_refuse(ctx, SECTOR_MODEL_NOT_FOUND,
                                     "status 404, and no sector in the body");
    }

    return status;
}
