/*
 * test_model_quotes: the sectors of the recorded quotes.
 *
 * Derived from the bodies with another program, by the rules of FIELDS.md, and
 * not from what sector_model printed.
 */

#ifndef TEST_MODEL_QUOTES_H
#define TEST_MODEL_QUOTES_H


static const model_fixture_t  model_quotes[] = {
    { "quote-8symbols-mixed-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "0P00008F5Y.L", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"0P00008F5Y.L\",\"name\":\"0P00008F5Y.L\","
      "\"price\":1.1275,\"change\":0.00030004978,"
      "\"changePercent\":0.026619036,\"timestamp\":1755216000000,"
      "\"longName\":\"L&G Cash Trust I Acc\",\"currency\":\"GBP\","
      "\"marketState\":\"CLOSED\",\"previousClose\":1.1272,"
      "\"fiftyDayAverage\":1.123102,\"twoHundredDayAverage\":1.1086205,"
      "\"fiftyTwoWeekHigh\":1.1275,\"fiftyTwoWeekLow\":1.0781}" },

    { "quote-8symbols-mixed-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "GBPUSD=X", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"GBPUSD=X\",\"name\":\"GBP/USD\",\"price\":1.355436,"
      "\"change\":0.0025305748,\"changePercent\":0.18704565,\"volume\":0,"
      "\"timestamp\":1755293379000,\"longName\":\"GBP/USD\","
      "\"currency\":\"USD\",\"marketState\":\"CLOSED\","
      "\"dayHigh\":1.3573309,\"dayLow\":1.3525212,"
      "\"previousClose\":1.3529054,\"fiftyDayAverage\":1.3504784,"
      "\"twoHundredDayAverage\":1.2985162,\"fiftyTwoWeekHigh\":1.378873,"
      "\"fiftyTwoWeekLow\":1.2101264}" },

    { "quote-8symbols-mixed-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "BABA", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"BABA\",\"name\":\"Alibaba Group Holding Limited\","
      "\"price\":121.26,\"change\":-1.02,\"changePercent\":-0.834148,"
      "\"volume\":10732353,\"timestamp\":1755288002000,"
      "\"longName\":\"Alibaba Group Holding Limited\",\"currency\":\"USD\","
      "\"marketState\":\"CLOSED\",\"marketCap\":289112948736,"
      "\"dayHigh\":122.1888,\"dayLow\":120.68,\"previousClose\":122.28,"
      "\"fiftyDayAverage\":116.5774,\"twoHundredDayAverage\":110.6986,"
      "\"fiftyTwoWeekHigh\":148.43,\"fiftyTwoWeekLow\":79.205}" },

    { "quote-8symbols-mixed-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "^SSMI", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"^SSMI\",\"name\":\"SMI PR\",\"price\":12074.33,"
      "\"change\":72.71973,\"changePercent\":0.6059164,\"volume\":0,"
      "\"timestamp\":1755271801000,\"currency\":\"CHF\","
      "\"marketState\":\"CLOSED\",\"dayHigh\":12095.09,\"dayLow\":12052.52,"
      "\"previousClose\":12001.61,\"fiftyDayAverage\":11984.851,"
      "\"twoHundredDayAverage\":12131.229,\"fiftyTwoWeekHigh\":13199.05,"
      "\"fiftyTwoWeekLow\":10699.66}" },

    { "quote-8symbols-mixed-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "ADYEN.AS", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"ADYEN.AS\",\"name\":\"ADYEN\",\"price\":1396.4,"
      "\"change\":3.8000488,\"changePercent\":0.2728744,\"volume\":146807,"
      "\"timestamp\":1755272366000,\"longName\":\"Adyen N.V.\","
      "\"currency\":\"EUR\",\"marketState\":\"CLOSED\","
      "\"marketCap\":43997913088,\"dayHigh\":1396.4,\"dayLow\":1350.2,"
      "\"previousClose\":1392.6,\"fiftyDayAverage\":1548.648,"
      "\"twoHundredDayAverage\":1518.762,\"fiftyTwoWeekHigh\":1869.2,"
      "\"fiftyTwoWeekLow\":1145.8}" },

    { "quote-8symbols-mixed-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "AAPL", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"AAPL\",\"name\":\"Apple Inc.\",\"price\":231.59,"
      "\"change\":-1.1900024,\"changePercent\":-0.51121336,"
      "\"volume\":54864147,\"timestamp\":1755288001000,"
      "\"longName\":\"Apple Inc.\",\"currency\":\"USD\","
      "\"marketState\":\"POSTPOST\",\"marketCap\":3436888195072,"
      "\"dayHigh\":234.2214,\"dayLow\":229.36,\"previousClose\":232.78,"
      "\"fiftyDayAverage\":209.0114,\"twoHundredDayAverage\":221.05016,"
      "\"fiftyTwoWeekHigh\":260.1,\"fiftyTwoWeekLow\":169.21}" },

    { "quote-8symbols-mixed-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "EMIM.L", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"EMIM.L\",\"name\":\"ISHARES PLC ISHARES CORE EM IMI\","
      "\"price\":3004.5,\"change\":3.5,\"changePercent\":0.11662779,"
      "\"volume\":66147,\"timestamp\":1755271723000,"
      "\"longName\":\"iShares Core MSCI EM IMI UCITS ETF USD (Acc)\","
      "\"currency\":\"GBp\",\"marketState\":\"CLOSED\",\"dayHigh\":3017,"
      "\"dayLow\":3004,\"previousClose\":3001,\"fiftyDayAverage\":2929.24,"
      "\"twoHundredDayAverage\":2780.4126,\"fiftyTwoWeekHigh\":3038,"
      "\"fiftyTwoWeekLow\":2370.5}" },

    { "quote-AAPL-MSFT-postpost-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "AAPL", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"AAPL\",\"name\":\"Apple Inc.\",\"price\":269.7,"
      "\"change\":0.700012,\"changePercent\":0.260228,\"volume\":43332154,"
      "\"timestamp\":1761768001000,\"longName\":\"Apple Inc.\","
      "\"currency\":\"USD\",\"marketState\":\"POSTPOST\","
      "\"marketCap\":4002453389312,\"dayHigh\":271.41,\"dayLow\":267.11,"
      "\"previousClose\":269,\"fiftyDayAverage\":245.6484,"
      "\"twoHundredDayAverage\":222.7724,\"fiftyTwoWeekHigh\":271.41,"
      "\"fiftyTwoWeekLow\":169.21}" },

    { "quote-AAPL-MSFT-postpost-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "MSFT", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"MSFT\",\"name\":\"Microsoft Corporation\","
      "\"price\":541.55,\"change\":-0.52002,\"changePercent\":-0.0959322,"
      "\"volume\":33295714,\"timestamp\":1761768001000,"
      "\"longName\":\"Microsoft Corporation\",\"currency\":\"USD\","
      "\"marketState\":\"POSTPOST\",\"marketCap\":4025388367872,"
      "\"dayHigh\":546.27,\"dayLow\":536.7287,\"previousClose\":542.07,"
      "\"fiftyDayAverage\":512.5176,\"twoHundredDayAverage\":459.5124,"
      "\"fiftyTwoWeekHigh\":555.45,\"fiftyTwoWeekLow\":344.79}" },

    { "quote-AAPL-NONEXIST-one-missing.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "AAPL", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"AAPL\",\"name\":\"Apple Inc.\",\"price\":160.07,"
      "\"change\":-4.25,\"changePercent\":-2.5864167,\"volume\":90009247,"
      "\"timestamp\":1645650002000,\"longName\":\"Apple Inc.\","
      "\"currency\":\"USD\",\"marketState\":\"PRE\","
      "\"marketCap\":2612246347776,\"dayHigh\":166.15,\"dayLow\":159.75,"
      "\"previousClose\":164.32,\"fiftyDayAverage\":172.2574,"
      "\"twoHundredDayAverage\":151.27095,\"fiftyTwoWeekHigh\":182.94,"
      "\"fiftyTwoWeekLow\":116.21}" },

    { "quote-ADH-QQQ-regular-2021.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"QQQ\",\"name\":\"Invesco QQQ Trust, Series 1\","
      "\"price\":331.92,\"change\":-2.0099792,\"changePercent\":-0.6019164,"
      "\"volume\":23573233,\"timestamp\":1613677458000,"
      "\"longName\":\"Invesco QQQ Trust\",\"currency\":\"USD\","
      "\"marketState\":\"REGULAR\",\"marketCap\":130477760512,"
      "\"dayHigh\":333.8661,\"dayLow\":328.36,\"previousClose\":333.93,"
      "\"fiftyDayAverage\":322.49728,\"twoHundredDayAverage\":295.23254,"
      "\"fiftyTwoWeekHigh\":338.19,\"fiftyTwoWeekLow\":164.93}" },

    { "quote-BTC-USD-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "BTC-USD", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"BTC-USD\",\"name\":\"Bitcoin USD\",\"price\":96077.45,"
      "\"change\":-1225.8906,\"changePercent\":-1.2598631,"
      "\"volume\":21228961792,\"timestamp\":1739789580000,"
      "\"longName\":\"Bitcoin USD\",\"currency\":\"USD\","
      "\"marketState\":\"REGULAR\",\"marketCap\":1904783523840,"
      "\"dayHigh\":96581.79,\"dayLow\":95934.96,\"previousClose\":96137.88,"
      "\"fiftyDayAverage\":98753.43,\"twoHundredDayAverage\":79855.375,"
      "\"fiftyTwoWeekHigh\":109114.88,\"fiftyTwoWeekLow\":49121.24}" },

    { "quote-QQQ-closed-2026.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"QQQ\",\"name\":\"Invesco QQQ Trust, Series 1\","
      "\"price\":749.58,\"change\":7.54999,\"changePercent\":1.01748,"
      "\"volume\":34175024,\"timestamp\":1790971200000,"
      "\"longName\":\"Invesco QQQ Trust\",\"currency\":\"USD\","
      "\"marketState\":\"CLOSED\",\"dayHigh\":754.53,\"dayLow\":747.535,"
      "\"previousClose\":742.03,\"fiftyDayAverage\":715.6646,"
      "\"twoHundredDayAverage\":667.9089,\"fiftyTwoWeekHigh\":754.53,"
      "\"fiftyTwoWeekLow\":555.6}" },

    { "quote-QQQ-closed-holiday-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"QQQ\",\"name\":\"Invesco QQQ Trust, Series 1\","
      "\"price\":538.15,\"change\":2.25,\"changePercent\":0.41985443,"
      "\"volume\":17862572,\"timestamp\":1739566801000,"
      "\"longName\":\"Invesco QQQ Trust\",\"currency\":\"USD\","
      "\"marketState\":\"CLOSED\",\"marketCap\":211546767360,"
      "\"dayHigh\":538.84,\"dayLow\":535.67,\"previousClose\":535.9,"
      "\"fiftyDayAverage\":522.5782,\"twoHundredDayAverage\":488.00165,"
      "\"fiftyTwoWeekHigh\":539.15,\"fiftyTwoWeekLow\":413.07}" },

    { "quote-QQQ-post-2021.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", "Nasdaq \"100\"", 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"QQQ\",\"name\":\"Nasdaq \\\"100\\\"\",\"price\":331.62,"
      "\"change\":0.7999878,\"changePercent\":0.24181965,"
      "\"volume\":31043830,\"timestamp\":1617825602000,"
      "\"longName\":\"Invesco QQQ Trust\",\"currency\":\"USD\","
      "\"marketState\":\"POST\",\"marketCap\":130359820288,"
      "\"dayHigh\":332.48,\"dayLow\":329.37,\"previousClose\":330.82,"
      "\"fiftyDayAverage\":318.4377,\"twoHundredDayAverage\":304.7969,"
      "\"fiftyTwoWeekHigh\":338.19,\"fiftyTwoWeekLow\":196.17}" },

    { "quote-QQQ-pre-2021.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"QQQ\",\"name\":\"Invesco QQQ Trust, Series 1\","
      "\"price\":333.51,\"change\":-0.06997681,"
      "\"changePercent\":-0.02097752,\"volume\":17597478,"
      "\"timestamp\":1612904402000,\"longName\":\"Invesco QQQ Trust\","
      "\"currency\":\"USD\",\"marketState\":\"PRE\","
      "\"marketCap\":131102785536,\"dayHigh\":334.7999,\"dayLow\":332.6538,"
      "\"previousClose\":333.58,\"fiftyDayAverage\":318.8582,"
      "\"twoHundredDayAverage\":292.53452,\"fiftyTwoWeekHigh\":334.81,"
      "\"fiftyTwoWeekLow\":164.93}" },

    { "quote-QQQ-prepre-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"QQQ\",\"name\":\"Invesco QQQ Trust, Series 1\","
      "\"price\":539.37,\"change\":1.2199707,\"changePercent\":0.22669715,"
      "\"volume\":19695936,\"timestamp\":1739912400000,"
      "\"longName\":\"Invesco QQQ Trust\",\"currency\":\"USD\","
      "\"marketState\":\"PREPRE\",\"marketCap\":212026343424,"
      "\"dayHigh\":540,\"dayLow\":536.04,\"previousClose\":538.15,"
      "\"fiftyDayAverage\":522.5782,\"twoHundredDayAverage\":488.00165,"
      "\"fiftyTwoWeekHigh\":540,\"fiftyTwoWeekLow\":413.07}" },

    { "quote-SWVXX-moneymarket.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "SWVXX", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"SWVXX\",\"name\":\"Schwab Prime Advantage Money Fu\","
      "\"price\":1,\"timestamp\":1790985869000,"
      "\"longName\":\"The Charles Schwab Family of Funds - Schwab Value Adva"
      "ntage Money Fund\",\"currency\":\"USD\",\"marketState\":\"CLOSED\","
      "\"fiftyDayAverage\":1,\"twoHundredDayAverage\":1,"
      "\"fiftyTwoWeekHigh\":1,\"fiftyTwoWeekLow\":1}" },

    { "quote-TSLA-fields-symbol-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "TSLA", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"TSLA\",\"price\":355.84,\"timestamp\":1739566801000,"
      "\"marketState\":\"CLOSED\"}" },

    { "quote-formatted-30etf-with-XLE.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "XLE", "Energy", 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"XLE\",\"name\":\"Energy\",\"price\":87.8,"
      "\"change\":1.11,\"changePercent\":1.28043,\"volume\":15996393,"
      "\"timestamp\":1761163200000,"
      "\"longName\":\"The Energy Select Sector SPDR Fund\","
      "\"currency\":\"USD\",\"marketState\":\"POST\","
      "\"marketCap\":16368027648,\"previousClose\":86.69}" },

    { "quote-formatted-30etf-with-XLE.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "IHI", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"IHI\",\"name\":\"iShares U.S. Medical Devices ET\","
      "\"price\":62.13,\"change\":1.62,\"changePercent\":2.67725,"
      "\"volume\":2457476,\"timestamp\":1761163200000,"
      "\"longName\":\"iShares U.S. Medical Devices ETF\","
      "\"currency\":\"USD\",\"marketState\":\"POST\","
      "\"previousClose\":60.51}" },

    { "quote-formatted-30etf-with-XLE.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "VDE", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"VDE\",\"name\":\"Vanguard Energy ETF\","
      "\"price\":123.77,\"change\":1.46,\"changePercent\":1.19369,"
      "\"volume\":307017,\"timestamp\":1761163200000,"
      "\"longName\":\"Vanguard Energy Index Fund ETF Shares\","
      "\"currency\":\"USD\",\"marketState\":\"POST\","
      "\"marketCap\":5167607808,\"previousClose\":122.31}" },

    { "quote-formatted-30etf-with-XLE.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "REET", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"REET\",\"name\":\"iShares Trust iShares Global RE\","
      "\"price\":25.85,\"change\":0.15,\"changePercent\":0.583656,"
      "\"volume\":2177054,\"timestamp\":1761163200000,"
      "\"longName\":\"iShares Global REIT ETF\",\"currency\":\"USD\","
      "\"marketState\":\"POST\",\"previousClose\":25.7}" },

    { "quote-formatted-30etf-with-XLV.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "XLV", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"XLV\",\"name\":\"SPDR Select Sector Fund - Healt\","
      "\"price\":145.96,\"change\":0.830002,\"changePercent\":0.571902,"
      "\"volume\":12640691,\"timestamp\":1761163200000,"
      "\"longName\":\"The Health Care Select Sector SPDR Fund\","
      "\"currency\":\"USD\",\"marketState\":\"POST\","
      "\"marketCap\":28814696448,\"previousClose\":145.13}" },

    { "quote-formatted-30etf-with-XLV.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "VHT", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"VHT\",\"name\":\"Vanguard Health Care ETF\","
      "\"price\":271.96,\"change\":0.959991,\"changePercent\":0.35424,"
      "\"volume\":237249,\"timestamp\":1761163200000,"
      "\"longName\":\"Vanguard Health Care Index Fund ETF Shares\","
      "\"currency\":\"USD\",\"marketState\":\"POST\","
      "\"marketCap\":14767944704,\"previousClose\":271}" },

    { "quote-formatted-30etf-with-XLV.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "RINF", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"RINF\",\"name\":\"ProShares Inflation Expectation\","
      "\"price\":32.2262,\"change\":0.111198,\"changePercent\":0.346251,"
      "\"volume\":1082,\"timestamp\":1761162759000,"
      "\"longName\":\"ProShares Inflation Expectations ETF\","
      "\"currency\":\"USD\",\"marketState\":\"POST\","
      "\"previousClose\":32.115}" },

    { "quote-formatted-NVDA-VSCO-XLK-regular.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "NVDA", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"NVDA\",\"price\":205.62,\"change\":4.5899963,"
      "\"changePercent\":2.2832396,\"volume\":190946020,"
      "\"timestamp\":1761755819000,\"marketState\":\"REGULAR\","
      "\"previousClose\":201.03}" },

    { "quote-formatted-NVDA-VSCO-XLK-regular.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "VSCO", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"VSCO\",\"price\":37.385,\"change\":2.8549995,"
      "\"changePercent\":8.268171,\"volume\":2236829,"
      "\"timestamp\":1761755815000,\"marketState\":\"REGULAR\","
      "\"previousClose\":34.53}" },

    { "quote-formatted-NVDA-VSCO-XLK-regular.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "XLK", "Technology", 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"XLK\",\"name\":\"Technology\",\"price\":304.04,"
      "\"change\":2.080017,\"changePercent\":0.68883866,\"volume\":4565167,"
      "\"timestamp\":1761755820000,\"marketState\":\"REGULAR\","
      "\"previousClose\":301.96}" },

    { "quote-formatted-QQQ-post.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "QQQ", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"QQQ\",\"name\":\"Invesco QQQ Trust, Series 1\","
      "\"price\":605.49,\"change\":-5.8900146,\"changePercent\":-0.96339667,"
      "\"volume\":58939632,\"timestamp\":1761163201000,"
      "\"longName\":\"Invesco QQQ Trust\",\"currency\":\"USD\","
      "\"marketState\":\"POST\",\"marketCap\":238018117632,"
      "\"dayHigh\":611.41,\"dayLow\":599.74,\"previousClose\":611.38,"
      "\"fiftyTwoWeekHigh\":613.18,\"fiftyTwoWeekLow\":402.39}" },

    { "quote-formatted-SPY-VOO-DIA-IWM-AMD-post.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "SPY", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"SPY\",\"name\":\"SPDR S&P 500\",\"price\":667.8,"
      "\"change\":-3.48999,\"changePercent\":-0.519893,\"volume\":75552387,"
      "\"timestamp\":1761163200000,\"longName\":\"SPDR S&P 500 ETF\","
      "\"marketState\":\"POST\",\"previousClose\":671.29}" },

    { "quote-formatted-SPY-VOO-DIA-IWM-AMD-post.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "VOO", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"VOO\",\"name\":\"Vanguard S&P 500 ETF\","
      "\"price\":613.97,\"change\":-3.12006,\"changePercent\":-0.505608,"
      "\"volume\":5955404,\"timestamp\":1761163200000,"
      "\"longName\":\"Vanguard S&P 500 ETF\",\"marketState\":\"POST\","
      "\"previousClose\":617.09}" },

    { "quote-formatted-SPY-VOO-DIA-IWM-AMD-post.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "DIA", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"DIA\",\"name\":\"SPDR Dow Jones Industrial Avera\","
      "\"price\":465.78,\"change\":-3.44,\"changePercent\":-0.733132,"
      "\"volume\":7485221,\"timestamp\":1761163200000,"
      "\"longName\":\"SPDR Dow Jones Industrial Average ETF Trust\","
      "\"marketState\":\"POST\",\"previousClose\":469.22}" },

    { "quote-formatted-SPY-VOO-DIA-IWM-AMD-post.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "IWM", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"IWM\",\"name\":\"iShares Russell 2000 ETF\","
      "\"price\":243.34,\"change\":-3.65001,\"changePercent\":-1.4778,"
      "\"volume\":45173665,\"timestamp\":1761163200000,"
      "\"longName\":\"iShares Russell 2000 ETF\",\"marketState\":\"POST\","
      "\"previousClose\":246.99}" },

    { "quote-formatted-SPY-VOO-DIA-IWM-AMD-post.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "AMD", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"AMD\",\"name\":\"Advanced Micro Devices, Inc.\","
      "\"price\":230.23,\"change\":-7.800003,\"changePercent\":-3.276899,"
      "\"volume\":57075407,\"timestamp\":1761163201000,"
      "\"longName\":\"Advanced Micro Devices, Inc.\","
      "\"marketState\":\"POST\",\"previousClose\":238.03}" },

    { "quote-idx-VXAPL-zeros-2025.json",
      SECTOR_FORMAT_YAHOO_QUOTE, "^VXAPL", NULL, 0,
      SECTOR_MODEL_OK,
      "{\"symbol\":\"^VXAPL\",\"name\":\"CBOE EQUITY VIXON APPLE\","
      "\"price\":23.77,\"change\":-0.5100002,\"changePercent\":-2.100495,"
      "\"volume\":0,\"timestamp\":1739566922000,"
      "\"longName\":\"CBOE EQUITY VIXON APPLE\",\"currency\":\"USD\","
      "\"marketState\":\"CLOSED\",\"previousClose\":24.28}" }
};


#endif /* TEST_MODEL_QUOTES_H */
