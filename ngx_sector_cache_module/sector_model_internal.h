/*
 * sector_model_internal: what sector_model.c and its readers of upstream
 * formats share.  Nobody else includes this.
 */

#ifndef SECTOR_MODEL_INTERNAL_H
#define SECTOR_MODEL_INTERNAL_H


#include <stdint.h>

#include <jansson.h>

#include "sector_model.h"
#include "sector_model_json.h"


/* The fields of a sector in the order in which they are printed. */

typedef enum {
    SECTOR_FIELD_SYMBOL = 0,
    SECTOR_FIELD_NAME,
    SECTOR_FIELD_PRICE,
    SECTOR_FIELD_CHANGE,
    SECTOR_FIELD_CHANGE_PERCENT,
    SECTOR_FIELD_VOLUME,
    SECTOR_FIELD_TIMESTAMP,
    SECTOR_FIELD_LONG_NAME,
    SECTOR_FIELD_CURRENCY,
    SECTOR_FIELD_MARKET_STATE,
    SECTOR_FIELD_MARKET_CAP,
    SECTOR_FIELD_DAY_HIGH,
    SECTOR_FIELD_DAY_LOW,
    SECTOR_FIELD_PREVIOUS_CLOSE,
    SECTOR_FIELD_50_DAY_AVERAGE,
    SECTOR_FIELD_200_DAY_AVERAGE,
    SECTOR_FIELD_52_WEEK_HIGH,
    SECTOR_FIELD_52_WEEK_LOW,
    SECTOR_FIELD_N
} sector_field_e;


typedef enum {
    SECTOR_VALUE_NONE = 0,      /* the upstream does not have it */
    SECTOR_VALUE_TEXT,
    SECTOR_VALUE_INTEGER,
    SECTOR_VALUE_UNSIGNED,      /* from 2^63 to below 2^64 */
    SECTOR_VALUE_REAL           /* always finite */
} sector_value_e;


/* A field's key in the output and its type: REAL is any number, INTEGER only
 * one without a fraction or an exponent. */

typedef struct {
    const char         *key;
    sector_value_e      kind;
} sector_model_field_t;


extern const sector_model_field_t  sector_model_fields[SECTOR_FIELD_N];


/* Text belongs to the parsed tree or to the input, never to the value. */

typedef struct {
    sector_value_e      kind;
    const char         *text;       /* UTF-8, not terminated */
    size_t              len;        /* bytes, above 0 */
    int64_t             integer;    /* of UNSIGNED: INT64_MAX */
    uint64_t            natural;    /* of UNSIGNED */
    double              real;
} sector_value_t;


typedef struct {
    sector_value_t      field[SECTOR_FIELD_N];
} sector_record_t;


/* One call's state, handed down to every reader. */

typedef struct {
    const sector_model_input_t     *in;
    sector_model_output_t          *out;
    sector_record_t                *record;
    int                             formatted;  /* numbers may be objects
                                                   {raw,fmt} */
} sector_model_ctx_t;


/*
 * Writes the reason, made printable and cut to fit, and returns status.  Text
 * of an upstream is to be given a precision in the format.
 */
sector_model_status_e sector_model_refuse(const sector_model_ctx_t *ctx,
    sector_model_status_e status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));


/* The name of a value's type with its article, "a string"; NULL: "null". */
const char *sector_model_type(const json_t *value);


/* Whether the text equals the symbol, letter case apart. */
int sector_model_is_symbol(const char *text, const char *symbol);


/* A mandatory string, which may have no NUL in it; it belongs to the tree.
 * of is as much of the key as key lacks, or "". */
sector_model_status_e sector_model_word(const sector_model_ctx_t *ctx,
    const char *key, const char *of, const json_t *value, const char **text);


/* Takes a number exactly; returns -1 where the value is none, or one that no
 * sector_value_t can hold.  null and NULL: what is there stays. */
int sector_model_take(const json_t *value, sector_value_t *taken);


/* Judges an error object by the text under a key, which is given with a dot
 * in front: NOT_FOUND where it is one of not_found, of which the last is NULL;
 * else INVALID, with the text in the reason. */
sector_model_status_e sector_model_error(const sector_model_ctx_t *ctx,
    const json_t *error, const char *key, const char *const *not_found);


/* OK where the text is the symbol asked for, else INVALID. */
sector_model_status_e sector_model_match(const sector_model_ctx_t *ctx,
    const char *text);


/* Initialises ctx for one symbol, and what it points to. */
void sector_model_begin(sector_model_ctx_t *ctx,
    const sector_model_input_t *in, sector_model_output_t *out,
    sector_record_t *record);


/* Looks the body over and parses it: *root, an object or an array, is the
 * caller's where OK; *start and *len are the body without the whitespace
 * around it and a byte order mark before it.  INVALID is foreign. */
sector_model_status_e sector_model_open(const sector_model_ctx_t *ctx,
    json_t **root, const char **start, size_t *len);


/* OK where the body is an object, else INVALID, which is foreign. */
sector_model_status_e sector_model_object(const sector_model_ctx_t *ctx,
    const json_t *root);


/* The first of {}[],: outside strings from p on, which is outside of one
 * itself; end where there is none. */
const char *sector_model_sign(const char *p, const char *end);


/* Takes the next member's value out of an object's or an array's text, which
 * jansson has accepted: *p is at the bracket or the comma in front of it, then
 * at the one behind it.  *start is the value without the whitespace around it;
 * returns its length. */
size_t sector_model_next(const char **p, const char *end, const char **start);


/* Takes JSON's whitespace off both ends; returns the length that is left. */
size_t sector_model_trim(const char **start, size_t len);


/* The same of the text of an object's member, which is one: *start and *len
 * are the object's, then the member's. */
void sector_model_member(json_t *object, const json_t *member,
    const char **start, size_t *len);


/* OK where an object is a sector of our own format, about ctx->in->symbol. */
sector_model_status_e sector_model_check(const sector_model_ctx_t *ctx,
    const json_t *object);


/* INVALID where the price is 0 and was above 0 at the previous close: that is
 * no data.  NAN for what is absent: change counts where there is no previous
 * close, and percent where neither is there. */
sector_model_status_e sector_model_data(const sector_model_ctx_t *ctx,
    double price, double previous, double change, double percent);


/* Checks a sector of our own format, and copies its bytes into out->json.  OK,
 * INVALID or NO_MEMORY. */
sector_model_status_e sector_model_keep(const sector_model_ctx_t *ctx,
    const json_t *object, const char *start, size_t len);


/* The same of a whole body, which may be in the envelope of our own API. */
sector_model_status_e sector_model_own(const sector_model_ctx_t *ctx,
    json_t *root, const char *start, size_t len);


/* Judges an error of our own API, the whole or one of its batches'. */
sector_model_status_e sector_model_own_error(const sector_model_ctx_t *ctx,
    const json_t *error);


/* Whether an object of our own format that came with a status of 404 means no
 * more than that. */
int sector_model_says_no(const json_t *root);


/* The age, in seconds, that our own API's envelope has; 0 if it has none. */
uint64_t sector_model_own_age(const json_t *envelope);


/* OK where the configured name is UTF-8, or there is none. */
sector_model_status_e sector_model_check_name(const sector_model_ctx_t *ctx);


/*
 * Prints ctx->record into out->json.  OK or NO_MEMORY.
 */
sector_model_status_e sector_model_print(const sector_model_ctx_t *ctx);


/* The two readers: a parsed body -> record and out->quote_ms. */

sector_model_status_e sector_model_yahoo_chart(sector_model_ctx_t *ctx,
    const json_t *root);
sector_model_status_e sector_model_yahoo_quote(sector_model_ctx_t *ctx,
    const json_t *root);


#endif /* SECTOR_MODEL_INTERNAL_H */
