/*
 * sector_model_admin: the bodies that an operator sends.
 *
 * They pass the first two gates of sector_model.c; the readers are here.  What
 * is stored points into the body, which is the caller's.
 */

#include <stdio.h>
#include <string.h>

#include "sector_model_admin.h"
#include "sector_model_internal.h"
#include "sector_model_snapshot.h"


/* One call's state. */

typedef struct {
    sector_model_input_t    input;
    sector_model_output_t   out;        /* reason is here */
    sector_record_t         record;
    sector_model_ctx_t      ctx;
    json_t                 *root;
    const char             *start;      /* the body without the whitespace */
    size_t                  len;        /* around it */
} sector_admin_t;


/*
 * Opens a body, which has to be an object.
 */
static sector_model_status_e
sector_admin_open(sector_admin_t *admin, const char *body, size_t len)
{
    sector_model_status_e  status;

    memset(admin, 0, sizeof(*admin));

    admin->input.body = body;
    admin->input.body_len = len;
    admin->input.format = SECTOR_FORMAT_SECTOR;

    sector_model_begin(&admin->ctx, &admin->input, &admin->out,
                       &admin->record);

    status = sector_model_open(&admin->ctx, &admin->root, &admin->start,
                               &admin->len);

    return (status == SECTOR_MODEL_OK)
           ? sector_model_object(&admin->ctx, admin->root)
           : status;
}


/*
 * Releases what a call has, and says what came of it.
 */
static sector_model_admin_e
sector_admin_close(sector_admin_t *admin, sector_model_status_e status,
    char *reason)
{
    json_decref(admin->root);

    reason[0] = '\0';

    if (status == SECTOR_MODEL_OK) {
        return SECTOR_MODEL_ADMIN_OK;
    }

    memcpy(reason, admin->out.reason, SECTOR_MODEL_REASON_MAX);

    return (status == SECTOR_MODEL_NO_MEMORY) ? SECTOR_MODEL_ADMIN_NO_MEMORY
                                              : SECTOR_MODEL_ADMIN_INVALID;
}


/*
 * Reads a sector about put->symbol.
 */
static sector_model_status_e
sector_admin_put(sector_admin_t *admin, const json_t *object,
    const char *start, size_t len, sector_model_admin_put_t *put)
{
    const json_t           *value;
    sector_model_status_e   status;

    admin->input.symbol = put->symbol;

    status = sector_model_check(&admin->ctx, object);
    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    put->json = start;
    put->json_len = len;
    put->quote_ms = INT64_MIN;

    value = json_object_get(object, "timestamp");
    if (json_is_integer(value)) {
        put->quote_ms = json_integer_value(value);
    }

    return SECTOR_MODEL_OK;
}


/*
 * One sector.
 */
sector_model_admin_e
sector_model_admin_sector(const char *body, size_t len, const char *symbol,
    sector_model_admin_put_t *put, char *reason)
{
    sector_admin_t         admin;
    sector_model_status_e  status;

    memset(put, 0, sizeof(*put));
    strncpy(put->symbol, symbol, SECTOR_SYMBOL_MAX);

    status = sector_admin_open(&admin, body, len);

    if (status == SECTOR_MODEL_OK) {
        status = sector_admin_put(&admin, admin.root, admin.start, admin.len,
                                  put);
    }

    return sector_admin_close(&admin, status, reason);
}


/*
 * Puts a member's name before what is wrong with it.
 */
static sector_model_status_e
sector_admin_member(sector_admin_t *admin, const char *symbol,
    sector_model_status_e status)
{
    char  reason[SECTOR_MODEL_REASON_MAX];

    memcpy(reason, admin->out.reason, sizeof(reason));

    return sector_model_refuse(&admin->ctx, status, "%s: %s", symbol, reason);
}


/*
 * Reads the members beside their texts; *kind says what else than JSON is
 * wrong.
 */
static sector_model_status_e
sector_admin_members(sector_admin_t *admin, sector_model_admin_put_t *puts,
    size_t *n, sector_model_admin_e *kind)
{
    size_t                     i, len;
    json_t                    *value;
    const char                *p, *end, *start, *key;
    sector_model_status_e      status;
    sector_model_admin_put_t  *put;

    p = admin->start;
    end = p + admin->len;

    json_object_foreach(admin->root, key, value) {
        len = sector_model_next(&p, end, &start);
        put = &puts[*n];
        memset(put, 0, sizeof(*put));

        if (sector_model_symbol(key, strlen(key), put->symbol) != 0) {
            *kind = SECTOR_MODEL_ADMIN_SYMBOL;
            return sector_model_refuse(&admin->ctx, SECTOR_MODEL_INVALID,
                                       "\"%.48s\" is no symbol", key);
        }

        for (i = 0; i < *n; i++) {
            if (strcmp(puts[i].symbol, put->symbol) == 0) {
                return sector_model_refuse(&admin->ctx, SECTOR_MODEL_INVALID,
                                           "%s is there twice", put->symbol);
            }
        }

        status = json_is_object(value)
                 ? sector_admin_put(admin, value, start, len, put)
                 : sector_model_refuse(&admin->ctx, SECTOR_MODEL_INVALID,
                                       "the sector is %s, not an object",
                                       sector_model_type(value));

        if (status != SECTOR_MODEL_OK) {
            return sector_admin_member(admin, put->symbol, status);
        }

        (*n)++;
    }

    return SECTOR_MODEL_OK;
}


/*
 * Many sectors.
 */
sector_model_admin_e
sector_model_admin_sectors(const char *body, size_t len, size_t max,
    sector_model_admin_put_t *puts, size_t *n, char *reason)
{
    sector_admin_t          admin;
    sector_model_admin_e    kind, rc;
    sector_model_status_e   status;

    *n = 0;
    kind = SECTOR_MODEL_ADMIN_INVALID;

    status = sector_admin_open(&admin, body, len);

    if (status == SECTOR_MODEL_OK) {

        if (json_object_size(admin.root) == 0) {
            status = sector_model_refuse(&admin.ctx, SECTOR_MODEL_INVALID,
                                         "no sector in the object");

        } else if (json_object_size(admin.root) > max) {
            kind = SECTOR_MODEL_ADMIN_MANY;
            status = sector_model_refuse(&admin.ctx, SECTOR_MODEL_INVALID,
                                         "%zu sectors, at most %zu allowed",
                                         json_object_size(admin.root), max);

        } else {
            status = sector_admin_members(&admin, puts, n, &kind);
        }
    }

    rc = sector_admin_close(&admin, status, reason);

    return (rc == SECTOR_MODEL_ADMIN_INVALID) ? kind : rc;
}


/*
 * A snapshot.
 */
sector_model_admin_e
sector_model_admin_snapshot(const char *body, size_t len,
    sector_model_serves_pt serves, void *data, sector_model_admin_put_t *put,
    char *reason)
{
    char                    unknown[SECTOR_SYMBOL_MAX + 1];
    sector_admin_t          admin;
    sector_model_admin_e    rc;
    sector_model_status_e   status;

    memset(put, 0, sizeof(*put));
    put->quote_ms = INT64_MIN;
    unknown[0] = '\0';

    status = sector_admin_open(&admin, body, len);

    if (status == SECTOR_MODEL_OK) {
        status = sector_model_snapshot(&admin.ctx, admin.root, serves, data,
                                       unknown);
    }

    if (status == SECTOR_MODEL_OK && unknown[0] != '\0') {
        memcpy(put->symbol, unknown, sizeof(unknown));
        status = sector_model_refuse(&admin.ctx, SECTOR_MODEL_INVALID,
                                     "%s is not configured", unknown);
    }

    put->json = admin.start;
    put->json_len = admin.len;

    rc = sector_admin_close(&admin, status, reason);

    return put->symbol[0] != '\0' ? SECTOR_MODEL_ADMIN_UNKNOWN : rc;
}


/*
 * The value of the one member that an object may have; NULL after the reason
 * was written.
 */
static const json_t *
sector_admin_only(sector_admin_t *admin, const char *name)
{
    const json_t  *value;

    value = json_object_get(admin->root, name);

    if (value == NULL) {
        sector_model_refuse(&admin->ctx, SECTOR_MODEL_INVALID, "no %s", name);
        return NULL;
    }

    if (json_object_size(admin->root) != 1) {
        sector_model_refuse(&admin->ctx, SECTOR_MODEL_INVALID,
                            "a member beside %s", name);
        return NULL;
    }

    return value;
}


/*
 * The kill switch.
 */
sector_model_admin_e
sector_model_admin_enabled(const char *body, size_t len, int *enabled,
    char *reason)
{
    const json_t           *value;
    sector_admin_t          admin;
    sector_model_status_e   status;

    status = sector_admin_open(&admin, body, len);

    if (status == SECTOR_MODEL_OK) {
        value = sector_admin_only(&admin, "enabled");

        if (value == NULL) {
            status = SECTOR_MODEL_INVALID;

        } else if (!json_is_boolean(value)) {
            status = sector_model_refuse(&admin.ctx, SECTOR_MODEL_INVALID,
                                         "enabled is %s, not a boolean",
                                         sector_model_type(value));

        } else {
            *enabled = json_is_true(value);
        }
    }

    return sector_admin_close(&admin, status, reason);
}


/*
 * Says of what is not one of the words which ones there are.
 */
static sector_model_status_e
sector_admin_not_word(sector_admin_t *admin, const json_t *value,
    const char *const *words, size_t n)
{
    char         allowed[64];
    size_t       i, used;
    const char  *text;

    allowed[0] = '\0';

    for (i = 0, used = 0; i < n && used < sizeof(allowed); i++) {
        used += (size_t) snprintf(allowed + used, sizeof(allowed) - used,
                                  "%s%s", i ? ", " : "", words[i]);
    }

    text = sector_json_is_string(value) ? json_string_value(value) : NULL;

    return (value == NULL)
           ? sector_model_refuse(&admin->ctx, SECTOR_MODEL_INVALID,
                                 "no state, allowed: %s", allowed)
           : (text != NULL)
           ? sector_model_refuse(&admin->ctx, SECTOR_MODEL_INVALID,
                                 "state is \"%.32s\", allowed: %s", text,
                                 allowed)
           : sector_model_refuse(&admin->ctx, SECTOR_MODEL_INVALID,
                                 "state is %s, allowed: %s",
                                 sector_model_type(value), allowed);
}


/*
 * The state of a breaker.
 */
sector_model_admin_e
sector_model_admin_state(const char *body, size_t len,
    const char *const *words, size_t n, size_t *word, char *reason)
{
    size_t                  i;
    const char             *text;
    const json_t           *value;
    sector_admin_t          admin;
    sector_model_status_e   status;

    status = sector_admin_open(&admin, body, len);

    if (status == SECTOR_MODEL_OK) {
        value = json_object_get(admin.root, "state");
        text = sector_json_string(value);

        for (i = 0; text != NULL && i < n; i++) {
            if (strcmp(text, words[i]) == 0) {
                break;
            }
        }

        if (text == NULL || i == n) {
            status = sector_admin_not_word(&admin, value, words, n);

        } else if (sector_admin_only(&admin, "state") == NULL) {
            status = SECTOR_MODEL_INVALID;

        } else {
            *word = i;
        }
    }

    return sector_admin_close(&admin, status, reason);
}
