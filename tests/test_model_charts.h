/*
 * test_model_charts: the sector of each recorded chart.
 *
 * Derived from the bodies with another program, by the rules of FIELDS.md, and
 * not from what sector_model printed.
 */

#ifndef TEST_MODEL_CHARTS_H
#define TEST_MODEL_CHARTS_H


static const model_fixture_t  model_charts[] = {
    { "chart-SPY-5y-1d-regular.json",
      SECTOR_FORMAT_YAHOO_CHART, "SPY", NULL, 1774373478000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"SPY\",\"name\":\"State Street SPDR S&P 500 ETF T\","
      "\"price\":653.875,\"change\":-1.505,\"changePercent\":-0.2296,"
      "\"volume\":49890406,\"timestamp\":1774373478000,"
      "\"longName\":\"State Street SPDR S&P 500 ETF Trust\","
      "\"currency\":\"USD\",\"marketState\":\"REGULAR\",\"dayHigh\":657.02,"
      "\"dayLow\":649.88,\"previousClose\":655.3800048828125,"
      "\"fiftyDayAverage\":682.4043,\"twoHundredDayAverage\":660.9656,"
      "\"fiftyTwoWeekHigh\":697.84,\"fiftyTwoWeekLow\":481.8}" },

    { "chart-SPY-5y-1d-regular.json",
      SECTOR_FORMAT_YAHOO_CHART, "SPY", "S&P 500", 1774396800000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"SPY\",\"name\":\"S&P 500\",\"price\":653.875,"
      "\"change\":-1.505,\"changePercent\":-0.2296,\"volume\":49890406,"
      "\"timestamp\":1774373478000,"
      "\"longName\":\"State Street SPDR S&P 500 ETF Trust\","
      "\"currency\":\"USD\",\"marketState\":\"CLOSED\",\"dayHigh\":657.02,"
      "\"dayLow\":649.88,\"previousClose\":655.3800048828125,"
      "\"fiftyDayAverage\":682.4043,\"twoHundredDayAverage\":660.9656,"
      "\"fiftyTwoWeekHigh\":697.84,\"fiftyTwoWeekLow\":481.8}" },

    { "chart-XLC-5y-1d-regular.json",
      SECTOR_FORMAT_YAHOO_CHART, "XLC", "Communication", 1774382399999,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"XLC\",\"name\":\"Communication\",\"price\":111.56,"
      "\"change\":-1.15,\"changePercent\":-1.0203,\"volume\":4155182,"
      "\"timestamp\":1774373472000,"
      "\"longName\":\"State Street Communication Services Select Sector SPDR"
      " ETF\",\"currency\":\"USD\",\"marketState\":\"REGULAR\","
      "\"dayHigh\":112.49,\"dayLow\":111.375,"
      "\"previousClose\":112.70999908447266,\"fiftyDayAverage\":116.2312,"
      "\"twoHundredDayAverage\":113.348,\"fiftyTwoWeekHigh\":120.405,"
      "\"fiftyTwoWeekLow\":84.02}" },

    { "chart-SPY-5bars-1d-weekend.json",
      SECTOR_FORMAT_YAHOO_CHART, "SPY", NULL, 1771700000000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"SPY\",\"name\":\"State Street SPDR S&P 500 ETF T\","
      "\"price\":689.43,\"change\":4.95,\"changePercent\":0.7232,"
      "\"volume\":99309328,\"timestamp\":1771621200000,"
      "\"longName\":\"State Street SPDR S&P 500 ETF Trust\","
      "\"currency\":\"USD\",\"marketState\":\"CLOSED\",\"dayHigh\":690,"
      "\"dayLow\":681.73,\"previousClose\":684.47998046875,"
      "\"fiftyTwoWeekHigh\":697.84,\"fiftyTwoWeekLow\":481.8}" },

    { "chart-SPY-range1d-premarket.json",
      SECTOR_FORMAT_YAHOO_CHART, "SPY", NULL, 1704715719000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"SPY\",\"price\":467.92,\"change\":0.64,"
      "\"changePercent\":0.137,\"volume\":86060800,"
      "\"timestamp\":1704488400000,\"currency\":\"USD\","
      "\"marketState\":\"PRE\",\"previousClose\":467.28}" },

    { "chart-QQQ-historical-meta2021.json",
      SECTOR_FORMAT_YAHOO_CHART, "QQQ", NULL, 1637502120000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"QQQ\",\"price\":403.99,"
      "\"timestamp\":1637355602000,\"currency\":\"USD\","
      "\"marketState\":\"CLOSED\"}" },

    { "chart-QQQ-historical-meta2026.json",
      SECTOR_FORMAT_YAHOO_CHART, "QQQ", NULL, 1791015434000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"QQQ\",\"name\":\"Invesco QQQ Trust, Series 1\","
      "\"price\":749.58,\"volume\":34175024,\"timestamp\":1790971200000,"
      "\"longName\":\"Invesco QQQ Trust\",\"currency\":\"USD\","
      "\"marketState\":\"CLOSED\",\"dayHigh\":754.53,\"dayLow\":747.535,"
      "\"fiftyTwoWeekHigh\":754.53,\"fiftyTwoWeekLow\":555.6}" },

    { "chart-AAPL-6mo-1d-after-close.json",
      SECTOR_FORMAT_YAHOO_CHART, "AAPL", NULL, 1761768001000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"AAPL\",\"name\":\"Apple Inc.\",\"price\":269.7,"
      "\"change\":0.7,\"changePercent\":0.2602,\"volume\":43332154,"
      "\"timestamp\":1761768001000,\"longName\":\"Apple Inc.\","
      "\"currency\":\"USD\",\"marketState\":\"POST\",\"dayHigh\":271.41,"
      "\"dayLow\":267.11,\"previousClose\":269,\"fiftyDayAverage\":246.4312,"
      "\"fiftyTwoWeekHigh\":271.41,\"fiftyTwoWeekLow\":169.21}" },

    { "chart-NVDA-1y-1d-split.json",
      SECTOR_FORMAT_YAHOO_CHART, "NVDA", NULL, 1726488865000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"NVDA\",\"name\":\"NVIDIA Corporation\",\"price\":119.1,"
      "\"volume\":238358328,\"timestamp\":1726257600000,"
      "\"longName\":\"NVIDIA Corporation\",\"currency\":\"USD\","
      "\"marketState\":\"PRE\",\"dayHigh\":119.955,\"dayLow\":117.6,"
      "\"fiftyTwoWeekHigh\":119.955,\"fiftyTwoWeekLow\":117.6}" },

    { "chart-ALL.AX-3mo-1d.json",
      SECTOR_FORMAT_YAHOO_CHART, "ALL.AX", NULL, 1642050720000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"ALL.AX\",\"price\":44.05,\"change\":-0.1,"
      "\"changePercent\":-0.2265,\"volume\":848539,"
      "\"timestamp\":1642050607000,\"currency\":\"AUD\","
      "\"marketState\":\"CLOSED\",\"previousClose\":44.150001525878906,"
      "\"fiftyDayAverage\":45.1454}" },

    { "chart-VFINX-max-3mo.json",
      SECTOR_FORMAT_YAHOO_CHART, "VFINX", NULL, 1761782703000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"VFINX\",\"name\":\"Vanguard Index Trust 500 Index\","
      "\"price\":636.38,\"timestamp\":1761782703000,"
      "\"longName\":\"Vanguard 500 Index Fund\",\"currency\":\"USD\","
      "\"marketState\":\"CLOSED\",\"fiftyTwoWeekHigh\":636.41,"
      "\"fiftyTwoWeekLow\":459.88}" },

    { "chart-AAPL-1m-intraday.json",
      SECTOR_FORMAT_YAHOO_CHART, "AAPL", NULL, 1728043664000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"AAPL\",\"name\":\"Apple Inc.\",\"price\":225.67,"
      "\"change\":-1.11,\"changePercent\":-0.4895,\"volume\":33638504,"
      "\"timestamp\":1727985601000,\"longName\":\"Apple Inc.\","
      "\"currency\":\"USD\",\"marketState\":\"PRE\",\"dayHigh\":226.8,"
      "\"dayLow\":223.324,\"previousClose\":226.78,"
      "\"fiftyTwoWeekHigh\":226.8,\"fiftyTwoWeekLow\":223.324}" },

    { "chart-AAPL-1m-empty-weekend.json",
      SECTOR_FORMAT_YAHOO_CHART, "AAPL", NULL, 1740061800000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"AAPL\",\"name\":\"Apple Inc.\",\"price\":244.87,"
      "\"change\":0.4,\"changePercent\":0.1636,\"volume\":32129951,"
      "\"timestamp\":1739998801000,\"longName\":\"Apple Inc.\","
      "\"currency\":\"USD\",\"marketState\":\"REGULAR\",\"dayHigh\":246.01,"
      "\"dayLow\":243.16,\"previousClose\":244.47,"
      "\"fiftyTwoWeekHigh\":260.1,\"fiftyTwoWeekLow\":164.08}" },

    { "chart-TSLA-30m-prepost.json",
      SECTOR_FORMAT_YAHOO_CHART, "TSLA", NULL, 1637674482000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"TSLA\",\"price\":1156.87,\"change\":19.81,"
      "\"changePercent\":1.7422,\"timestamp\":1637614803000,"
      "\"currency\":\"USD\",\"marketState\":\"PRE\","
      "\"previousClose\":1137.06}" },

    { "chart-BTC-USD-1d.json",
      SECTOR_FORMAT_YAHOO_CHART, "BTC-USD", NULL, 1726488865000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"BTC-USD\",\"name\":\"Bitcoin USD\",\"price\":58754.793,"
      "\"volume\":27524347904,\"timestamp\":1726488720000,"
      "\"longName\":\"Bitcoin USD\",\"currency\":\"USD\","
      "\"marketState\":\"REGULAR\",\"dayHigh\":59195.61,"
      "\"dayLow\":58165.066,\"fiftyTwoWeekHigh\":59195.61,"
      "\"fiftyTwoWeekLow\":58165.066}" },

    { "chart-BTC-USD-1d.json",
      SECTOR_FORMAT_YAHOO_CHART, "BTC-USD", NULL, 1726531140000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"BTC-USD\",\"name\":\"Bitcoin USD\",\"price\":58754.793,"
      "\"volume\":27524347904,\"timestamp\":1726488720000,"
      "\"longName\":\"Bitcoin USD\",\"currency\":\"USD\","
      "\"marketState\":\"CLOSED\",\"dayHigh\":59195.61,\"dayLow\":58165.066,"
      "\"fiftyTwoWeekHigh\":59195.61,\"fiftyTwoWeekLow\":58165.066}" },

    { "chart-INR_X-null-bar.json",
      SECTOR_FORMAT_YAHOO_CHART, "INR=X", NULL, 1726182000000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"INR=X\",\"name\":\"USD/INR\",\"price\":83.89,"
      "\"volume\":0,\"timestamp\":1726284616000,\"longName\":\"USD/INR\","
      "\"currency\":\"INR\",\"marketState\":\"REGULAR\",\"dayHigh\":83.89,"
      "\"dayLow\":83.89,\"fiftyTwoWeekHigh\":83.89,"
      "\"fiftyTwoWeekLow\":83.89}" },

    { "chart-LUCYW-null-currency-no-bars.json",
      SECTOR_FORMAT_YAHOO_CHART, "LUCYW", NULL, 1749844800000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"LUCYW\",\"name\":\"Innovative Eyewear, Inc.\","
      "\"price\":0.1246,\"volume\":4152,\"timestamp\":1749822360000,"
      "\"longName\":\"Innovative Eyewear, Inc.\",\"marketState\":\"POST\","
      "\"dayHigh\":0.1246,\"dayLow\":0.1001,\"fiftyTwoWeekHigh\":0.2,"
      "\"fiftyTwoWeekLow\":0.022}" },

    { "chart-ORSTED.CO-utf8.json",
      SECTOR_FORMAT_YAHOO_CHART, "ORSTED.CO", NULL, 1726488782000,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"ORSTED.CO\",\"name\":\"ORSTED A/S\",\"price\":440.5,"
      "\"volume\":93355,\"timestamp\":1726488782000,"
      "\"longName\":\"Ørsted A/S\",\"currency\":\"DKK\","
      "\"marketState\":\"REGULAR\",\"dayHigh\":446,\"dayLow\":437.1,"
      "\"fiftyTwoWeekHigh\":446,\"fiftyTwoWeekLow\":437.1}" },

    { "chart-0P000071W8.TO-quote-in-name.json",
      SECTOR_FORMAT_YAHOO_CHART, "0P000071W8.TO", NULL, 1726487999999,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"0P000071W8.TO\",\"name\":\"TD U.S. Index Fund - e\\\","
      "\",\"price\":133.45,\"timestamp\":1726171200000,"
      "\"longName\":\"TD US Index e\",\"currency\":\"CAD\","
      "\"marketState\":\"CLOSED\"}" },

    { "chart-IBM-negative-epoch-trimmed.json",
      SECTOR_FORMAT_YAHOO_CHART, "IBM", NULL, 1726271999999,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"IBM\",\"name\":\"International Business Machines\","
      "\"price\":214.79,\"volume\":4553547,\"timestamp\":1726257602000,"
      "\"longName\":\"International Business Machines Corporation\","
      "\"currency\":\"USD\",\"marketState\":\"POST\",\"dayHigh\":216.08,"
      "\"dayLow\":212.13,\"fiftyTwoWeekHigh\":216.08,"
      "\"fiftyTwoWeekLow\":212.13}" }
};


#endif /* TEST_MODEL_CHARTS_H */
