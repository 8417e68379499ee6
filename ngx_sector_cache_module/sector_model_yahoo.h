/*
 * sector_model_yahoo: readers of single values that Yahoo's two formats
 * share, and what a batch takes from each.  For sector_model_yahoo_*.c and
 * sector_model_batch.c only.
 *
 * Every reader returns OK, also where the value is absent or null, or refuses
 * with a reason that names the key and the type found.
 */

#ifndef SECTOR_MODEL_YAHOO_H
#define SECTOR_MODEL_YAHOO_H


#include "sector_model_internal.h"


/* Seconds whose milliseconds fit 64 bits. */

#define SECTOR_YAHOO_SECONDS_MAX  (INT64_MAX / 1000)


/* Fields copied as they are; the last one's key is NULL. */

typedef struct {
    const char         *key;
    sector_field_e      field;
} sector_yahoo_map_t;


/* How one format names the entries of its result array, and reads one. */

typedef struct {
    const char             *envelope;
    sector_model_status_e (*symbol)(const sector_model_ctx_t *ctx,
        const json_t *result, size_t i, const char **symbol);
    sector_model_status_e (*read)(sector_model_ctx_t *ctx,
        const json_t *entry);
} sector_yahoo_format_t;


extern const sector_yahoo_format_t  sector_yahoo_chart_format;
extern const sector_yahoo_format_t  sector_yahoo_quote_format;


/* Opens the envelope named wanted: *result is its result array.  NOT_FOUND or
 * INVALID where any known envelope holds an error, or this one no result; a
 * body without this one is foreign. */
sector_model_status_e sector_yahoo_envelope(const sector_model_ctx_t *ctx,
    const json_t *root, const char *wanted, const json_t **result);


/* A member of the result array, which must be an object. */
sector_model_status_e sector_yahoo_entry(const sector_model_ctx_t *ctx,
    const json_t *result, size_t i, const json_t **entry);


/* NOT_FOUND: the symbol asked for is nobody's. */
sector_model_status_e sector_yahoo_absent(const sector_model_ctx_t *ctx);


/* The mandatory symbol; belongs to the tree. */
sector_model_status_e sector_yahoo_symbol(const sector_model_ctx_t *ctx,
    const json_t *object, const char **symbol);


/* An object or an array; *child is NULL where it is absent. */
sector_model_status_e sector_yahoo_child(const sector_model_ctx_t *ctx,
    const json_t *parent, const char *key, json_type type,
    const json_t **child);


/* A text without the whitespace around it. */
sector_model_status_e sector_yahoo_text(const sector_model_ctx_t *ctx,
    const json_t *object, const char *key, sector_value_t *value);


/* A number, out of {"raw": number} where numbers may be formatted. */
sector_model_status_e sector_yahoo_number(const sector_model_ctx_t *ctx,
    const json_t *object, const char *key, sector_value_t *value);


/* A whole number of seconds from -limit to limit; *found says whether it is
 * there, and *seconds is set only then. */
sector_model_status_e sector_yahoo_seconds(const sector_model_ctx_t *ctx,
    const json_t *object, const char *key, int64_t limit, int64_t *seconds,
    int *found);


/* The fields of a map, of which price must be there. */
sector_model_status_e sector_yahoo_copy(const sector_model_ctx_t *ctx,
    const json_t *object, const sector_yahoo_map_t *map);


/* symbol, name and longName. */
sector_model_status_e sector_yahoo_names(const sector_model_ctx_t *ctx,
    const json_t *object);


/* timestamp, and the output's quote_ms. */
sector_model_status_e sector_yahoo_time(const sector_model_ctx_t *ctx,
    const json_t *object);


/* A chart's previousClose, volume and averages, as far as the record lacks
 * them and the bars have them; after the fields of meta and timestamp. */
sector_model_status_e sector_yahoo_bars(const sector_model_ctx_t *ctx,
    const json_t *chart, const json_t *meta);


/* When a chart's market was open for regular trading, as meta.tradingPeriods
 * has it: the last SECTOR_YAHOO_SESSIONS of these times, in seconds. */

#define SECTOR_YAHOO_SESSIONS  32

typedef struct {
    size_t      n;
    int         others;         /* the bars of other trading are there, too */
    int64_t     start[SECTOR_YAHOO_SESSIONS];
    int64_t     end[SECTOR_YAHOO_SESSIONS];
} sector_yahoo_sessions_t;


/* Reads them.  What is not of the form that is known is left out. */
void sector_yahoo_sessions(const json_t *meta,
    sector_yahoo_sessions_t *sessions);


/* Whether a bar that begins then is one of regular trading. */
int sector_yahoo_regular(const sector_yahoo_sessions_t *sessions,
    int64_t seconds);


/* What is done last: change, changePercent and the zeros for no data, which
 * the price may be, too: INVALID. */
sector_model_status_e sector_yahoo_finish(const sector_model_ctx_t *ctx);


/* A field that was computed, rounded to 4 decimals. */
void sector_yahoo_computed(sector_value_t *field, double value);


/* 0 where the value is absent. */
double sector_yahoo_double(const sector_value_t *value);


#endif /* SECTOR_MODEL_YAHOO_H */
