/*
 * sector_model_yahoo_bars: what a chart's quote lacks, from the chart's bars.
 *
 * Bars may be years old beside today's price, quarterly, one minute long,
 * null in the middle, two for today, or missing.  So they are believed only
 * where their dates prove that they are about the quote:
 *
 *     previousClose   the last regular close before quote_date, if its date is
 *                     quote_date - 7 or later
 *     volume          the last one of a daily bar of quote_date
 *     averages        if the date of the last close is from quote_date - 7 to
 *                     quote_date + 7
 *
 * Decisions:
 *
 * - Bars are taken in the order of their array.  close and volume must be as
 *   long as timestamp, or a bar's date could not be told from its
 *   neighbour's.
 * - A local date is floor((seconds + gmtoffset) / 86400).  Without the
 *   quote's time or gmtoffset there are no local dates, hence nothing from
 *   the bars.
 * - Bars are daily or finer where dataGranularity is 1d or a number of
 *   minutes or hours of at most one day; absent or unknown, they are not.
 * - A bar's close that becomes previousClose keeps its digits, as any value
 *   of the upstream's does.
 * - The averages are over local dates, one close each; of two bars of one
 *   date (the opening one and the live one) the later counts.
 * - The volume of a bar of another day, of a minute, a quarter or after hours
 *   is not the day's.  Of two daily bars of one date the later one counts that
 *   has a volume.
 * - A daily bar is of regular trading.  Of finer ones the trading periods tell
 *   which are, see sector_model_yahoo_sessions.c; where they tell nothing, the
 *   bars do not give a previous close.
 */

#include <stdlib.h>
#include <string.h>

#include "sector_model_yahoo.h"


#define SECTOR_YAHOO_DAY        86400
#define SECTOR_YAHOO_DAYS_MAX   7

#define SECTOR_YAHOO_SHORT      50      /* closes in the averages */
#define SECTOR_YAHOO_LONG       200


typedef struct {
    const json_t       *time;           /* NULL: no bars, n is 0 */
    const json_t       *close;          /* may be NULL */
    const json_t       *volume;         /* may be NULL */
    size_t              n;
    int                 daily;          /* dataGranularity is 1d */
    int                 fine;           /* daily or finer */
    int                 dated;          /* the two below are known */
    int64_t             gmtoffset;      /* seconds east of UTC */
    int64_t             quote_date;     /* local days since the epoch */
} sector_yahoo_bars_t;


/*
 * Compares an optional text.
 */
static int
sector_yahoo_equals(const sector_value_t *value, const char *text)
{
    return value->kind == SECTOR_VALUE_TEXT && value->len == strlen(text)
           && memcmp(value->text, text, value->len) == 0;
}


/*
 * Checks one entry of timestamp, or of a series that may have holes.
 */
static int
sector_yahoo_bars_valid(const json_t *value, int whole)
{
    json_int_t      seconds;
    sector_value_t  taken;

    if (!whole) {
        return sector_model_take(value, &taken) == 0;
    }

    seconds = json_integer_value(value);

    return json_is_integer(value) && seconds <= SECTOR_YAHOO_SECONDS_MAX
           && seconds >= -SECTOR_YAHOO_SECONDS_MAX;
}


/*
 * Checks one array of the bars: its length and all its entries.
 */
static sector_model_status_e
sector_yahoo_bars_series(const sector_model_ctx_t *ctx, const char *key,
    const json_t *series, size_t n, int whole)
{
    size_t         i;
    const json_t  *value;

    if (series != NULL && json_array_size(series) != n) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "%s has %zu entries, timestamp has %zu",
                                   key, json_array_size(series), n);
    }

    for (i = 0; i < json_array_size(series); i++) {
        value = json_array_get(series, i);

        if (sector_yahoo_bars_valid(value, whole)) {
            continue;
        }

        if (sector_json_is_huge(value)) {
            return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                       "%s[%zu] is out of range", key, i);
        }

        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "%s[%zu] is %s, not %s", key, i,
                                   sector_model_type(value),
                                   whole ? "an integer in range"
                                         : "a number");
    }

    return SECTOR_MODEL_OK;
}


/*
 * Finds the arrays of the bars: timestamp, indicators.quote[0].close and
 * .volume.
 */
static sector_model_status_e
sector_yahoo_bars_arrays(const sector_model_ctx_t *ctx, const json_t *chart,
    sector_yahoo_bars_t *bars)
{
    const json_t           *indicators, *list, *quote;
    sector_model_status_e   status;

    status = sector_yahoo_child(ctx, chart, "timestamp", JSON_ARRAY,
                                &bars->time);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_child(ctx, chart, "indicators", JSON_OBJECT,
                                    &indicators);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_child(ctx, indicators, "quote", JSON_ARRAY,
                                    &list);
    }

    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    quote = json_array_get(list, 0);

    if (quote != NULL && !json_is_object(quote) && !json_is_null(quote)) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "quote[0] is %s, not an object",
                                   sector_model_type(quote));
    }

    status = sector_yahoo_child(ctx, quote, "close", JSON_ARRAY,
                                &bars->close);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_child(ctx, quote, "volume", JSON_ARRAY,
                                    &bars->volume);
    }

    return status;
}


/*
 * Says whether bars are at most a day long: 1d, or minutes, or hours.
 */
static int
sector_yahoo_bars_fine(const sector_value_t *granularity)
{
    size_t  i;
    long    minutes;

    if (sector_yahoo_equals(granularity, "1d")) {
        return 1;
    }

    minutes = 0;

    for (i = 0; i < granularity->len && i < 4; i++) {
        if (granularity->text[i] < '0' || granularity->text[i] > '9') {
            break;
        }

        minutes = minutes * 10 + (granularity->text[i] - '0');
    }

    if (i == 0 || i + 1 != granularity->len) {
        return 0;
    }

    if (granularity->text[i] == 'h') {
        minutes *= 60;

    } else if (granularity->text[i] != 'm') {
        return 0;
    }

    return minutes > 0 && minutes <= SECTOR_YAHOO_DAY / 60;
}


/*
 * The local date of a moment, in days since the epoch.  Neither sum nor
 * quotient can overflow: see the limits of the readers.
 */
static int64_t
sector_yahoo_bars_date(int64_t seconds, int64_t gmtoffset)
{
    int64_t  local;

    local = seconds + gmtoffset;

    return local / SECTOR_YAHOO_DAY - (local % SECTOR_YAHOO_DAY < 0);
}


/*
 * The local date of a bar.
 */
static int64_t
sector_yahoo_bars_date_of(const sector_yahoo_bars_t *bars, size_t i)
{
    return sector_yahoo_bars_date(
               json_integer_value(json_array_get(bars->time, i)),
               bars->gmtoffset);
}


/*
 * Finds and checks the arrays.
 */
static sector_model_status_e
sector_yahoo_bars_open(const sector_model_ctx_t *ctx, const json_t *chart,
    sector_yahoo_bars_t *bars)
{
    sector_model_status_e  status;

    status = sector_yahoo_bars_arrays(ctx, chart, bars);

    if (status != SECTOR_MODEL_OK || bars->time == NULL) {
        return status;
    }

    bars->n = json_array_size(bars->time);

    status = sector_yahoo_bars_series(ctx, "timestamp", bars->time, bars->n,
                                      1);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_bars_series(ctx, "close", bars->close, bars->n,
                                          0);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_bars_series(ctx, "volume", bars->volume,
                                          bars->n, 0);
    }

    return status;
}


/*
 * Reads what meta says of the bars; the record has the quote's time.
 */
static sector_model_status_e
sector_yahoo_bars_meta(const sector_model_ctx_t *ctx, const json_t *meta,
    sector_yahoo_bars_t *bars)
{
    sector_value_t          granularity;
    sector_value_t         *timestamp;
    sector_model_status_e   status;

    status = sector_yahoo_text(ctx, meta, "dataGranularity", &granularity);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_seconds(ctx, meta, "gmtoffset", SECTOR_YAHOO_DAY,
                                      &bars->gmtoffset, &bars->dated);
    }

    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    bars->daily = sector_yahoo_equals(&granularity, "1d");
    bars->fine = sector_yahoo_bars_fine(&granularity);

    timestamp = &ctx->record->field[SECTOR_FIELD_TIMESTAMP];
    bars->dated = bars->dated && timestamp->kind != SECTOR_VALUE_NONE;
    bars->quote_date = sector_yahoo_bars_date(timestamp->integer / 1000,
                                              bars->gmtoffset);

    return SECTOR_MODEL_OK;
}


/*
 * volume where meta has none: that of a daily bar of the quote's own date.
 */
static void
sector_yahoo_bars_volume(const sector_model_ctx_t *ctx,
    const sector_yahoo_bars_t *bars)
{
    size_t           i;
    sector_value_t  *volume;

    if (!bars->daily || !bars->dated) {
        return;
    }

    volume = &ctx->record->field[SECTOR_FIELD_VOLUME];

    for (i = bars->n; i > 0 && volume->kind == SECTOR_VALUE_NONE; i--) {
        if (sector_yahoo_bars_date_of(bars, i - 1) == bars->quote_date) {
            (void) sector_model_take(json_array_get(bars->volume, i - 1),
                                     volume);
        }
    }
}


/*
 * Says whether a bar is of regular trading.
 */
static int
sector_yahoo_bars_regular(const sector_yahoo_bars_t *bars,
    const sector_yahoo_sessions_t *sessions, size_t i)
{
    return bars->daily
           || sector_yahoo_regular(sessions,
                     json_integer_value(json_array_get(bars->time, i)));
}


/*
 * The last regular close of an earlier local date than the quote's, if it is a
 * week old at most.
 */
static void
sector_yahoo_bars_last_close(const sector_yahoo_bars_t *bars,
    const sector_yahoo_sessions_t *sessions, sector_value_t *previous)
{
    size_t         i;
    int64_t        days;
    const json_t  *close;

    for (i = bars->n; i > 0; i--) {
        close = json_array_get(bars->close, i - 1);
        days = bars->quote_date - sector_yahoo_bars_date_of(bars, i - 1);

        if (days <= 0 || close == NULL || json_is_null(close)
            || !sector_yahoo_bars_regular(bars, sessions, i - 1))
        {
            continue;
        }

        if (days <= SECTOR_YAHOO_DAYS_MAX) {
            (void) sector_model_take(close, previous);
        }

        return;
    }
}


/*
 * previousClose where meta has none: chartPreviousClose, which is yesterday's
 * only on a range of one day, else a bar's close.
 */
static sector_model_status_e
sector_yahoo_bars_previous(const sector_model_ctx_t *ctx, const json_t *meta,
    const sector_yahoo_bars_t *bars)
{
    sector_value_t            range, *previous;
    sector_model_status_e     status;
    sector_yahoo_sessions_t   sessions;

    previous = &ctx->record->field[SECTOR_FIELD_PREVIOUS_CLOSE];

    status = sector_yahoo_text(ctx, meta, "range", &range);

    if (status == SECTOR_MODEL_OK && previous->kind == SECTOR_VALUE_NONE
        && sector_yahoo_equals(&range, "1d"))
    {
        status = sector_yahoo_number(ctx, meta, "chartPreviousClose",
                                     previous);
    }

    if (status == SECTOR_MODEL_OK && previous->kind == SECTOR_VALUE_NONE
        && bars->fine && bars->dated)
    {
        sector_yahoo_sessions(meta, &sessions);
        sector_yahoo_bars_last_close(bars, &sessions, previous);
    }

    return status;
}


/*
 * Says whether a bar is a week from the quote at most.
 */
static int
sector_yahoo_bars_near(const sector_yahoo_bars_t *bars, int64_t date)
{
    return llabs(date - bars->quote_date) <= SECTOR_YAHOO_DAYS_MAX;
}


/*
 * The means of the last 50 and 200 closes of daily bars that reach up to the
 * quote.
 */
static void
sector_yahoo_bars_averages(const sector_model_ctx_t *ctx,
    const sector_yahoo_bars_t *bars)
{
    double           sum;
    size_t           i, n;
    int64_t          date, later;
    const json_t    *close;
    sector_value_t  *field;

    if (!bars->daily || !bars->dated) {
        return;
    }

    field = ctx->record->field;
    later = 0;

    for (i = bars->n, n = 0, sum = 0; i > 0 && n < SECTOR_YAHOO_LONG; i--) {
        close = json_array_get(bars->close, i - 1);

        if (close == NULL || json_is_null(close)) {
            continue;
        }

        date = sector_yahoo_bars_date_of(bars, i - 1);

        if (n == 0 && !sector_yahoo_bars_near(bars, date)) {
            return;
        }

        if (n > 0 && date >= later) {
            continue;
        }

        later = date;
        sum += sector_json_double(close);

        if (++n == SECTOR_YAHOO_SHORT) {
            sector_yahoo_computed(&field[SECTOR_FIELD_50_DAY_AVERAGE],
                                  sum / SECTOR_YAHOO_SHORT);
        }
    }

    if (n == SECTOR_YAHOO_LONG) {
        sector_yahoo_computed(&field[SECTOR_FIELD_200_DAY_AVERAGE],
                              sum / SECTOR_YAHOO_LONG);
    }
}


/*
 * Fills what the bars can fill.
 */
sector_model_status_e
sector_yahoo_bars(const sector_model_ctx_t *ctx, const json_t *chart,
    const json_t *meta)
{
    sector_yahoo_bars_t     bars;
    sector_model_status_e   status;

    memset(&bars, 0, sizeof(bars));

    status = sector_yahoo_bars_open(ctx, chart, &bars);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_bars_meta(ctx, meta, &bars);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_bars_previous(ctx, meta, &bars);
    }

    if (status == SECTOR_MODEL_OK) {
        sector_yahoo_bars_volume(ctx, &bars);
        sector_yahoo_bars_averages(ctx, &bars);
    }

    return status;
}
