/*
 * sector_model_snapshot: whether an object is the data of a snapshot, as
 * sector_compose_snapshot() makes it.
 *
 *     {"sectors": [sector or unavailable, ...],    one sector at least
 *      "benchmark": sector or unavailable,         may be absent
 *      "summary": {...}, ...}                      the same
 *
 * A sector is one of our own format.  Unavailable is what has an error in the
 * place of a price: {"symbol", "name", "error"}, the name if there is one.
 */

#include <stdio.h>
#include <string.h>

#include "sector_model_json.h"
#include "sector_model_snapshot.h"


#define SECTOR_MODEL_PLACE_MAX  32      /* "sectors[N]" */


/* One call's state. */

typedef struct {
    const sector_model_ctx_t   *ctx;
    sector_model_serves_pt      serves;
    void                       *data;
    char                       *unknown;
    json_t                     *seen;       /* the sectors' symbols */
    size_t                      available;  /* of those with a price */
} sector_model_snapshot_t;


/*
 * The symbol of a member, in upper case.
 */
static sector_model_status_e
sector_model_snapshot_symbol(sector_model_snapshot_t *snapshot,
    const json_t *member, const char *place, char *symbol)
{
    const char    *text;
    const json_t  *value;

    value = json_object_get(member, "symbol");

    if (value == NULL || json_is_null(value)) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "%s: no symbol", place);
    }

    text = sector_json_is_string(value) ? json_string_value(value) : NULL;

    if (text == NULL) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "%s: symbol is %s, not a string", place,
                                   sector_model_type(value));
    }

    if (sector_model_symbol(text, json_string_length(value), symbol) != 0) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "%s: \"%.48s\" is no symbol", place, text);
    }

    if (snapshot->unknown[0] == '\0'
        && !snapshot->serves(snapshot->data, symbol))
    {
        memcpy(snapshot->unknown, symbol, strlen(symbol) + 1);
    }

    return SECTOR_MODEL_OK;
}


/*
 * What has no price says by an error that there is none.
 */
static sector_model_status_e
sector_model_snapshot_unavailable(const sector_model_snapshot_t *snapshot,
    const json_t *member, const char *place)
{
    const json_t  *error, *name;

    error = json_object_get(member, "error");
    name = json_object_get(member, "name");

    if (error == NULL || json_is_null(error)) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "%s: neither a price nor an error", place);
    }

    if (!sector_json_is_string(error)) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "%s: error is %s, not a string", place,
                                   sector_model_type(error));
    }

    if (name != NULL && !sector_json_is_string(name)) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "%s: name is %s, not a string", place,
                                   sector_model_type(name));
    }

    return SECTOR_MODEL_OK;
}


/*
 * A sector is checked as any that is put, with its place before what is wrong
 * with it.
 */
static sector_model_status_e
sector_model_snapshot_sector(const sector_model_snapshot_t *snapshot,
    const json_t *member, const char *place, const char *symbol)
{
    char                    reason[SECTOR_MODEL_REASON_MAX];
    sector_model_ctx_t      ctx;
    sector_model_input_t    in;
    sector_model_status_e   status;

    in = *snapshot->ctx->in;
    in.symbol = symbol;

    ctx = *snapshot->ctx;
    ctx.in = &in;

    status = sector_model_check(&ctx, member);

    if (status == SECTOR_MODEL_INVALID) {
        memcpy(reason, ctx.out->reason, sizeof(reason));
        sector_model_refuse(&ctx, status, "%s: %s", place, reason);
    }

    return status;
}


/*
 * One of the sectors, or the benchmark.
 */
static sector_model_status_e
sector_model_snapshot_member(sector_model_snapshot_t *snapshot,
    const json_t *member, const char *place, char *symbol)
{
    const json_t           *price;
    sector_model_status_e   status;

    if (!json_is_object(member)) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "%s is %s, not an object", place,
                                   sector_model_type(member));
    }

    status = sector_model_snapshot_symbol(snapshot, member, place, symbol);
    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    price = json_object_get(member, "price");

    if (price == NULL || json_is_null(price)) {
        return sector_model_snapshot_unavailable(snapshot, member, place);
    }

    snapshot->available++;

    return sector_model_snapshot_sector(snapshot, member, place, symbol);
}


/*
 * The sectors, each of another symbol.
 */
static sector_model_status_e
sector_model_snapshot_sectors(sector_model_snapshot_t *snapshot,
    const json_t *sectors)
{
    char                    place[SECTOR_MODEL_PLACE_MAX];
    char                    symbol[SECTOR_SYMBOL_MAX + 1];
    size_t                  i;
    sector_model_status_e   status;

    for (i = 0; i < json_array_size(sectors); i++) {
        (void) snprintf(place, sizeof(place), "sectors[%zu]", i);

        status = sector_model_snapshot_member(snapshot,
                                              json_array_get(sectors, i),
                                              place, symbol);
        if (status != SECTOR_MODEL_OK) {
            return status;
        }

        if (json_object_get(snapshot->seen, symbol) != NULL) {
            return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                       "%s: %s is there twice", place, symbol);
        }

        if (json_object_set_new(snapshot->seen, symbol, json_true()) != 0) {
            return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_NO_MEMORY,
                                       "out of memory");
        }
    }

    if (snapshot->available == 0) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "no sector of %zu has a price, at least "
                                   "one is needed", i);
    }

    return SECTOR_MODEL_OK;
}


/*
 * The members of the whole.
 */
static sector_model_status_e
sector_model_snapshot_root(sector_model_snapshot_t *snapshot,
    const json_t *root)
{
    char                    symbol[SECTOR_SYMBOL_MAX + 1];
    const json_t           *value;
    sector_model_status_e   status;

    value = json_object_get(root, "sectors");

    if (value == NULL) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "no sectors");
    }

    if (!json_is_array(value)) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "sectors is %s, not an array",
                                   sector_model_type(value));
    }

    if (json_array_size(value) == 0) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "sectors is empty, at least one is needed");
    }

    status = sector_model_snapshot_sectors(snapshot, value);
    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    value = json_object_get(root, "summary");

    if (value != NULL && !json_is_object(value)) {
        return sector_model_refuse(snapshot->ctx, SECTOR_MODEL_INVALID,
                                   "summary is %s, not an object",
                                   sector_model_type(value));
    }

    value = json_object_get(root, "benchmark");

    return (value == NULL)
           ? SECTOR_MODEL_OK
           : sector_model_snapshot_member(snapshot, value, "benchmark",
                                          symbol);
}


sector_model_status_e
sector_model_snapshot(const sector_model_ctx_t *ctx, const json_t *root,
    sector_model_serves_pt serves, void *data, char *unknown)
{
    sector_model_status_e    status;
    sector_model_snapshot_t  snapshot;

    memset(&snapshot, 0, sizeof(snapshot));
    snapshot.ctx = ctx;
    snapshot.serves = serves;
    snapshot.data = data;
    snapshot.unknown = unknown;

    unknown[0] = '\0';

    snapshot.seen = json_object();
    if (snapshot.seen == NULL) {
        return sector_model_refuse(ctx, SECTOR_MODEL_NO_MEMORY,
                                   "out of memory");
    }

    status = sector_model_snapshot_root(&snapshot, root);

    json_decref(snapshot.seen);

    return status;
}
