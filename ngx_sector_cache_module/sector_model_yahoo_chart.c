/*
 * sector_model_yahoo_chart: a body of v8/finance/chart -> a record.
 *
 * meta holds the quote; what it lacks may come from the bars, which are read
 * in sector_model_yahoo_bars.c.  fulldayChange, and any other change that
 * meta may have, is another session's and never taken.
 *
 * marketState is not in the body; it follows from the trading periods of the
 * current day and the clock.  It needs the regular period; pre and post may be
 * missing, and a period without length holds no moment.
 */

#include <string.h>

#include "sector_model_yahoo.h"


static const sector_yahoo_map_t  sector_yahoo_chart_map[] = {
    { "regularMarketPrice",   SECTOR_FIELD_PRICE },
    { "regularMarketVolume",  SECTOR_FIELD_VOLUME },
    { "regularMarketDayHigh", SECTOR_FIELD_DAY_HIGH },
    { "regularMarketDayLow",  SECTOR_FIELD_DAY_LOW },
    { "fiftyTwoWeekHigh",     SECTOR_FIELD_52_WEEK_HIGH },
    { "fiftyTwoWeekLow",      SECTOR_FIELD_52_WEEK_LOW },
    { "previousClose",        SECTOR_FIELD_PREVIOUS_CLOSE },
    { "currency",             SECTOR_FIELD_CURRENCY },
    { NULL,                   SECTOR_FIELD_N }
};


/*
 * Says whose a chart is: its meta knows.
 */
static sector_model_status_e
sector_yahoo_chart_symbol(const sector_model_ctx_t *ctx, const json_t *result,
    size_t i, const char **symbol)
{
    const json_t           *chart, *meta;
    sector_model_status_e   status;

    status = sector_yahoo_entry(ctx, result, i, &chart);

    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    status = sector_yahoo_child(ctx, chart, "meta", JSON_OBJECT, &meta);

    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    if (meta == NULL) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID, "no meta");
    }

    return sector_yahoo_symbol(ctx, meta, symbol);
}


/*
 * Says whether a period holds the moment; an empty one holds none.
 */
static sector_model_status_e
sector_yahoo_chart_period(const sector_model_ctx_t *ctx,
    const json_t *periods, const char *key, int *given, int *holds)
{
    int                     found;
    int64_t                 now, start, end;
    const json_t           *period;
    sector_model_status_e   status;

    found = 0;
    start = 0;
    end = 0;
    *given = 0;
    *holds = 0;

    status = sector_yahoo_child(ctx, periods, key, JSON_OBJECT, &period);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_seconds(ctx, period, "start",
                                      SECTOR_YAHOO_SECONDS_MAX, &start,
                                      given);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_seconds(ctx, period, "end",
                                      SECTOR_YAHOO_SECONDS_MAX, &end, &found);
    }

    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    *given = *given && found;

    if (*given) {
        now = ctx->in->wall_ms / 1000 - (ctx->in->wall_ms % 1000 < 0);
        *holds = (now >= start && now < end);
    }

    return SECTOR_MODEL_OK;
}


/*
 * marketState from the trading periods of the current day.
 */
static sector_model_status_e
sector_yahoo_chart_state(const sector_model_ctx_t *ctx, const json_t *meta)
{
    int                     i, given, holds;
    const char             *text;
    const json_t           *periods;
    sector_value_t         *state;
    sector_model_status_e   status;

    /* the regular one last: given is its own after the loop */

    static const char *const  keys[] = { "pre", "post", "regular" };
    static const char *const  states[] = { "PRE", "POST", "REGULAR" };

    text = "CLOSED";
    given = 0;

    status = sector_yahoo_child(ctx, meta, "currentTradingPeriod", JSON_OBJECT,
                                &periods);

    for (i = 0; status == SECTOR_MODEL_OK && i < 3; i++) {
        status = sector_yahoo_chart_period(ctx, periods, keys[i], &given,
                                           &holds);
        if (holds) {
            text = states[i];
        }
    }

    if (status == SECTOR_MODEL_OK && given) {
        state = &ctx->record->field[SECTOR_FIELD_MARKET_STATE];
        state->kind = SECTOR_VALUE_TEXT;
        state->text = text;
        state->len = strlen(text);
    }

    return status;
}


/*
 * Reads one chart, whose meta is there.
 */
static sector_model_status_e
sector_yahoo_chart_read(sector_model_ctx_t *ctx, const json_t *chart)
{
    const json_t           *meta;
    sector_model_status_e   status;

    meta = json_object_get(chart, "meta");

    status = sector_yahoo_copy(ctx, meta, sector_yahoo_chart_map);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_names(ctx, meta);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_time(ctx, meta);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_chart_state(ctx, meta);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_bars(ctx, chart, meta);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_finish(ctx);
    }

    return status;
}


const sector_yahoo_format_t  sector_yahoo_chart_format = {
    "chart", sector_yahoo_chart_symbol, sector_yahoo_chart_read
};


/*
 * Reads the only chart of a body.
 */
sector_model_status_e
sector_model_yahoo_chart(sector_model_ctx_t *ctx, const json_t *root)
{
    const char             *symbol;
    const json_t           *result;
    sector_model_status_e   status;

    status = sector_yahoo_envelope(ctx, root, "chart", &result);

    if (status == SECTOR_MODEL_OK && json_array_size(result) == 0) {
        status = sector_model_refuse(ctx, SECTOR_MODEL_NOT_FOUND,
                                     "chart.result is empty");
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_chart_symbol(ctx, result, 0, &symbol);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_model_match(ctx, symbol);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_chart_read(ctx, json_array_get(result, 0));
    }

    return status;
}
