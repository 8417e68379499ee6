/*
 * test_model_refused: the recorded bodies that hold no sector, and why.
 *
 * Derived from the bodies with another program, by the rules of FIELDS.md, and
 * not from what sector_model printed.
 */

#ifndef TEST_MODEL_REFUSED_H
#define TEST_MODEL_REFUSED_H


static const model_fixture_t  model_refused[] = {
    { "chart-ADH-bars-but-no-price.json",
      SECTOR_FORMAT_YAHOO_CHART, "ADH", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no price" },

    { "chart-CAPIO.ST-no-price-no-bars.json",
      SECTOR_FORMAT_YAHOO_CHART, "CAPIO.ST", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no price" },

    { "chart-SPY-5bars-1d-weekend.json",
      SECTOR_FORMAT_YAHOO_CHART, "QQQ", NULL, 0,
      SECTOR_MODEL_INVALID,
      "symbol is \"SPY\", asked for \"QQQ\"" },

    { "chart-BTC-USD-1d.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "BTC-USD", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no quoteResponse" },

    { "quote-8symbols-mixed-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "IDFCBANK.BO", NULL, 0,
      SECTOR_MODEL_NOT_FOUND,
      "quoteType is NONE" },

    { "quote-8symbols-mixed-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "SPY", NULL, 0,
      SECTOR_MODEL_NOT_FOUND,
      "\"SPY\" is not in the result" },

    { "quote-AAPL-NONEXIST-one-missing.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "NONEXIST", NULL, 0,
      SECTOR_MODEL_NOT_FOUND,
      "\"NONEXIST\" is not in the result" },

    { "quote-ADH-QQQ-regular-2021.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "ADH", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no price" },

    { "quote-BRKS-quotetype-none.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "BRKS", NULL, 0,
      SECTOR_MODEL_NOT_FOUND,
      "quoteType is NONE" },

    { "quote-empty-result.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "GS2C", NULL, 0,
      SECTOR_MODEL_NOT_FOUND,
      "\"GS2C\" is not in the result" },

    { "quote-formatted-30etf-with-XLE.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "XLV", NULL, 0,
      SECTOR_MODEL_NOT_FOUND,
      "\"XLV\" is not in the result" },

    { "derived-yfinance-info-SPY-sector-etfs.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "SPY", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no quoteResponse" },

    { "derived-yfinance-info-SPY-sector-etfs.json",
      SECTOR_FORMAT_SECTOR, "SPY", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no symbol" },

    { "quotesummary-QQQ-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no quoteResponse" },

    { "quotesummary-formatted-QQQ-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no quoteResponse" },

    { "quotesummary-price-ADH-no-price-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "ADH", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no quoteResponse" },

    { "quotesummary-price-QQQ-pre-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no quoteResponse" },

    { "spark-QQQ-5m-post.json",
      SECTOR_FORMAT_YAHOO_CHART, "QQQ", NULL, 0,
      SECTOR_MODEL_INVALID,
      "no chart" },

    { "error-301-will-be-right-back.html",
      SECTOR_FORMAT_YAHOO_CHART, "AAPL", NULL, 0,
      SECTOR_MODEL_INVALID,
      "an HTML or XML page, not JSON" },

    { "error-404-unknown-path.xml",
      SECTOR_FORMAT_YAHOO_QUOTE, "AAPL", NULL, 0,
      SECTOR_MODEL_INVALID,
      "an HTML or XML page, not JSON" },

    { "error-500-error-report.html",
      SECTOR_FORMAT_YAHOO_CHART, "AAPL", NULL, 0,
      SECTOR_MODEL_INVALID,
      "an HTML or XML page, not JSON" },

    { "error-401-invalid-cookie.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "BTC-USD", NULL, 0,
      SECTOR_MODEL_INVALID,
      "upstream error \"Unauthorized\"" },

    { "error-401-invalid-crumb-long.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "BTC-USD", NULL, 0,
      SECTOR_MODEL_INVALID,
      "upstream error \"Unauthorized\"" },

    { "error-401-invalid-crumb.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "BTC-USD", NULL, 0,
      SECTOR_MODEL_INVALID,
      "upstream error \"Unauthorized\"" },

    { "error-429-edge.txt",
      SECTOR_FORMAT_YAHOO_CHART, "SPY", NULL, 0,
      SECTOR_MODEL_INVALID,
      "not JSON: '[' or '{' expected near 'Edge' at line 1 column 4" },

    { "error-429-too-many-requests.txt",
      SECTOR_FORMAT_YAHOO_QUOTE, "AAPL", NULL, 0,
      SECTOR_MODEL_INVALID,
      "not JSON: '[' or '{' expected near 'Too' at line 1 column 3" },

    { "error-download-400-plain.txt",
      SECTOR_FORMAT_YAHOO_CHART, "BEKE", NULL, 0,
      SECTOR_MODEL_INVALID,
      "not JSON: '[' or '{' expected near '400' at line 1 column 3" },

    { "error-chart-400-no-data-in-range.json",
      SECTOR_FORMAT_YAHOO_CHART, "BEKE", NULL, 0,
      SECTOR_MODEL_INVALID,
      "upstream error \"Bad Request\"" },

    { "error-chart-404-delisted.json",
      SECTOR_FORMAT_YAHOO_CHART, "SI", NULL, 0,
      SECTOR_MODEL_NOT_FOUND,
      "upstream error \"Not Found\"" },

    { "error-chart-404-delisted.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "SI", NULL, 0,
      SECTOR_MODEL_NOT_FOUND,
      "upstream error \"Not Found\"" },

    { "error-quote-400-missing-symbols.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "AAPL", NULL, 0,
      SECTOR_MODEL_INVALID,
      "upstream error \"Bad Request\"" },

    { "error-quotesummary-404-no-fundamentals.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_NOT_FOUND,
      "upstream error \"Not Found\"" }
};


#endif /* TEST_MODEL_REFUSED_H */
