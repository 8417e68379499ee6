/*
 * sector_model_yahoo_quote: a body of v7/finance/quote -> a record.
 *
 * One body may hold many symbols, in any order, and silently leaves out those
 * that do not exist; each call reads the one that it was asked for.  The
 * entries in front of it are looked at only for their symbol, yet a broken
 * one refuses the body: taking "not found" from it would be remembered.
 *
 * All fields are copied, and any number may come as {raw,fmt}.  quoteType
 * NONE has nothing in it and means "no such symbol".
 */

#include <string.h>

#include "sector_model_yahoo.h"


static const sector_yahoo_map_t  sector_yahoo_quote_map[] = {
    { "regularMarketPrice",         SECTOR_FIELD_PRICE },
    { "regularMarketChange",        SECTOR_FIELD_CHANGE },
    { "regularMarketChangePercent", SECTOR_FIELD_CHANGE_PERCENT },
    { "regularMarketVolume",        SECTOR_FIELD_VOLUME },
    { "regularMarketDayHigh",       SECTOR_FIELD_DAY_HIGH },
    { "regularMarketDayLow",        SECTOR_FIELD_DAY_LOW },
    { "regularMarketPreviousClose", SECTOR_FIELD_PREVIOUS_CLOSE },
    { "marketCap",                  SECTOR_FIELD_MARKET_CAP },
    { "fiftyDayAverage",            SECTOR_FIELD_50_DAY_AVERAGE },
    { "twoHundredDayAverage",       SECTOR_FIELD_200_DAY_AVERAGE },
    { "fiftyTwoWeekHigh",           SECTOR_FIELD_52_WEEK_HIGH },
    { "fiftyTwoWeekLow",            SECTOR_FIELD_52_WEEK_LOW },
    { "currency",                   SECTOR_FIELD_CURRENCY },
    { "marketState",                SECTOR_FIELD_MARKET_STATE },
    { NULL,                         SECTOR_FIELD_N }
};


/*
 * Says whose an entry is.
 */
static sector_model_status_e
sector_yahoo_quote_symbol(const sector_model_ctx_t *ctx, const json_t *result,
    size_t i, const char **symbol)
{
    const json_t           *quote;
    sector_model_status_e   status;

    status = sector_yahoo_entry(ctx, result, i, &quote);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_symbol(ctx, quote, symbol);
    }

    return status;
}


/*
 * Finds the entry of the symbol asked for.
 */
static sector_model_status_e
sector_yahoo_quote_find(const sector_model_ctx_t *ctx, const json_t *result,
    const json_t **quote)
{
    size_t                  i;
    const char             *symbol;
    sector_model_status_e   status;

    for (i = 0; i < json_array_size(result); i++) {
        status = sector_yahoo_quote_symbol(ctx, result, i, &symbol);
        if (status != SECTOR_MODEL_OK) {
            return status;
        }

        if (sector_model_is_symbol(symbol, ctx->in->symbol)) {
            *quote = json_array_get(result, i);
            return SECTOR_MODEL_OK;
        }
    }

    return sector_yahoo_absent(ctx);
}


/*
 * An entry of quoteType NONE stands for a symbol that does not exist.
 */
static sector_model_status_e
sector_yahoo_quote_exists(const sector_model_ctx_t *ctx, const json_t *quote)
{
    sector_value_t         type;
    sector_model_status_e  status;

    status = sector_yahoo_text(ctx, quote, "quoteType", &type);
    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    if (type.len == sizeof("NONE") - 1
        && memcmp(type.text, "NONE", type.len) == 0)
    {
        return sector_model_refuse(ctx, SECTOR_MODEL_NOT_FOUND,
                                   "quoteType is NONE");
    }

    return SECTOR_MODEL_OK;
}


/*
 * Reads one entry.
 */
static sector_model_status_e
sector_yahoo_quote_read(sector_model_ctx_t *ctx, const json_t *quote)
{
    sector_model_status_e  status;

    ctx->formatted = 1;

    status = sector_yahoo_quote_exists(ctx, quote);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_copy(ctx, quote, sector_yahoo_quote_map);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_names(ctx, quote);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_time(ctx, quote);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_finish(ctx);
    }

    return status;
}


const sector_yahoo_format_t  sector_yahoo_quote_format = {
    "quoteResponse", sector_yahoo_quote_symbol, sector_yahoo_quote_read
};


/*
 * Reads a quote.
 */
sector_model_status_e
sector_model_yahoo_quote(sector_model_ctx_t *ctx, const json_t *root)
{
    const json_t           *quote, *result;
    sector_model_status_e   status;

    quote = NULL;

    status = sector_yahoo_envelope(ctx, root, "quoteResponse", &result);

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_quote_find(ctx, result, &quote);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_yahoo_quote_read(ctx, quote);
    }

    return status;
}
