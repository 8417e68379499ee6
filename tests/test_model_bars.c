/*
 * sector_model: what a chart's bars and periods give, to the second: which
 * previousClose counts, the averages, the volume and the market's state.
 */

#include "test_model.h"


#define DAY        86400
#define BARS_MAX   260

/* A quote at 16:00 local time in New York, EDT. */

#define OFFSET     (-14400)
#define QUOTE_DAY  20535
#define MIDNIGHT   ((int64_t) QUOTE_DAY * DAY - OFFSET)
#define QUOTE_AT   (MIDNIGHT + 16 * 3600)
#define NONE       (-1e9)


static model_ask_t  chart = { CHART, "SPY", NULL, 0 };

static char  body[65536];


typedef struct {
    int64_t     at;
    double      close;          /* NONE: null */
} bar_t;


/* Builds a chart of the bars and parses it; the caller frees what it gets. */

static json_t *
parse_bars(const char *meta, const bar_t *bars, size_t n)
{
    char                   *p;
    size_t                  i;
    json_t                 *sector;
    sector_model_output_t   out;

    p = body;
    p += sprintf(p, "{\"chart\":{\"result\":[{\"meta\":{\"symbol\":\"SPY\","
                 "\"regularMarketPrice\":200,%s},\"timestamp\":[", meta);

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s%lld", i ? "," : "", (long long) bars[i].at);
    }

    p += sprintf(p, "],\"indicators\":{\"quote\":[{\"close\":[");

    for (i = 0; i < n; i++) {
        p += (bars[i].close == NONE)
             ? sprintf(p, "%snull", i ? "," : "")
             : sprintf(p, "%s%.6f", i ? "," : "", bars[i].close);
    }

    p += sprintf(p, "]}]}}],\"error\":null}}");
    assert_true(p < body + sizeof(body));

    assert_int_equal(model_parse(&chart, body, (size_t) (p - body), &out), OK);
    sector = json_loadb(out.json, out.json_len, 0, NULL);
    assert_non_null(sector);
    free(out.json);

    return sector;
}


static double
field(const json_t *sector, const char *key)
{
    const json_t  *value;

    value = json_object_get(sector, key);

    return json_is_number(value) ? json_number_value(value) : NONE;
}


/* What a single field is, in a quote at QUOTE_AT. */

static double
ask_bars(const char *key, const char *granularity, const bar_t *bars, size_t n)
{
    char     meta[300];
    json_t  *sector;
    double   value;

    (void) snprintf(meta, sizeof(meta), "\"regularMarketTime\":%lld,"
                    "\"gmtoffset\":%d,\"dataGranularity\":\"%s\"",
                    (long long) QUOTE_AT, OFFSET, granularity);

    sector = parse_bars(meta, bars, n);
    value = field(sector, key);
    json_decref(sector);

    return value;
}


static void
expect_previous(int64_t at, double expected)
{
    bar_t  bars[2];

    bars[0] = (bar_t) { at, 100 };
    bars[1] = (bar_t) { QUOTE_AT, 200 };

    assert_true(ask_bars("previousClose", "1d", bars, 2) == expected);
    assert_true(ask_bars("change", "1d", bars, 2)
                == (expected == NONE ? NONE : 100));
    assert_true(ask_bars("changePercent", "1d", bars, 2) == expected);
}


static void
test_previous_close_is_of_an_earlier_local_date(void **state)
{
    (void) state;

    expect_previous(MIDNIGHT - 1, 100);
    expect_previous(MIDNIGHT, NONE);
    expect_previous(QUOTE_AT, NONE);
    expect_previous(QUOTE_AT + 30 * DAY, NONE);

    /* 20:00 in New York is another date already in UTC, and no other here */
    expect_previous(MIDNIGHT + 20 * 3600, NONE);
}


static void
test_previous_close_is_a_week_old_at_most(void **state)
{
    (void) state;

    expect_previous(MIDNIGHT - 7 * DAY, 100);
    expect_previous(MIDNIGHT - 7 * DAY - 1, NONE);
    expect_previous(MIDNIGHT - 2000 * (int64_t) DAY, NONE);
    expect_previous(-252322200, NONE);
}


static void
test_previous_close_skips_nulls_and_takes_the_last(void **state)
{
    bar_t  bars[] = {
        { MIDNIGHT - 3 * DAY, 97 }, { MIDNIGHT - 2 * DAY, 98 },
        { MIDNIGHT - DAY, NONE }, { MIDNIGHT + 9 * 3600, NONE },
        { QUOTE_AT, 200 }
    };

    (void) state;

    assert_true(ask_bars("previousClose", "1d", bars, 5) == 98);

    /* an old one behind the last that counts is not looked for */
    bars[1].at = MIDNIGHT - 8 * DAY;
    bars[0].at = MIDNIGHT - 9 * DAY;
    assert_true(ask_bars("previousClose", "1d", bars, 5) == NONE);
}


/* The same with trading periods: yesterday's regular one is from 9:30 to 16:00,
 * the bar at its start, within, at its end or behind it. */

#define REGULAR                                                               \
    "[[{\"start\":%lld,\"end\":%lld,\"timezone\":\"EDT\"}],[]]"


static double
ask_sessions(const char *granularity, const char *periods, int64_t at)
{
    char     meta[600], list[300];
    bar_t    bars[] = { { MIDNIGHT - 2 * DAY, 98 }, { at, 99 },
                        { QUOTE_AT, 200 } };
    json_t  *sector;
    double   value;

    (void) snprintf(list, sizeof(list), periods,
                    (long long) (MIDNIGHT - DAY + 34200),
                    (long long) (MIDNIGHT - DAY + 57600));
    (void) snprintf(meta, sizeof(meta), "\"regularMarketTime\":%lld,"
                    "\"gmtoffset\":%d,\"dataGranularity\":\"%s\","
                    "\"tradingPeriods\":%s", (long long) QUOTE_AT, OFFSET,
                    granularity, list);

    sector = parse_bars(meta, bars, 3);
    value = field(sector, "previousClose");
    json_decref(sector);

    return value;
}


static void
test_previous_close_is_a_regular_bars(void **state)
{
    size_t   i;
    int64_t  start, end;

    static const char *const  none[] = {
        "null", "{}", "[]", "5", "\"x\"", "[[]]", "[5,[5],[[]]]",
        "{\"regular\":{}}", "{\"post\":" REGULAR "}",
        "[[{\"start\":\"%lld\",\"end\":%lld}]]",
        "[{\"start\":%lld,\"end\":%lld}]",
        "[[{\"start\":%lld}]]"
    };

    (void) state;

    start = MIDNIGHT - DAY + 34200;
    end = MIDNIGHT - DAY + 57600;

    /* bars after hours begin at the end of the regular ones; without them
     * the closing bar does */

    assert_true(ask_sessions("1m", REGULAR, start - 1) == NONE);
    assert_true(ask_sessions("1m", REGULAR, start) == 99);
    assert_true(ask_sessions("1m", REGULAR, end - 60) == 99);
    assert_true(ask_sessions("1m", REGULAR, end) == 99);
    assert_true(ask_sessions("1m", REGULAR, end + 1) == NONE);

    assert_true(ask_sessions("30m", "{\"regular\":" REGULAR "}", start) == 99);
    assert_true(ask_sessions("30m", "{\"regular\":" REGULAR "}", end - 1)
                == 99);
    assert_true(ask_sessions("30m", "{\"regular\":" REGULAR "}", end) == NONE);

    /* what they do not tell is left out, and no reason to refuse; a daily bar
     * needs none */

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_true(ask_sessions("30m", none[i], start) == NONE);
        assert_true(ask_sessions("1d", none[i], start) == 99);
    }
}


/* Of many periods the last ones are known. */

static void
test_as_many_trading_periods_as_there_are(void **state)
{
    char         *p, many[8192];
    bar_t         bars[] = { { MIDNIGHT - DAY, 99 }, { QUOTE_AT, 200 } };
    json_t       *sector;
    unsigned      i, behind;

    (void) state;

    for (behind = 31; behind <= 32; behind++) {
        p = many;
        p += sprintf(p, "\"regularMarketTime\":%lld,\"gmtoffset\":%d,"
                     "\"dataGranularity\":\"1h\",\"tradingPeriods\":"
                     "[[{\"start\":%lld,\"end\":%lld}]", (long long) QUOTE_AT,
                     OFFSET, (long long) (MIDNIGHT - DAY),
                     (long long) (MIDNIGHT - DAY + 60));

        for (i = 0; i < behind; i++) {
            p += sprintf(p, ",[{\"start\":%u,\"end\":%u}]", i, i + 1);
        }

        (void) sprintf(p, "]");

        sector = parse_bars(many, bars, 2);
        assert_true(field(sector, "previousClose")
                    == (behind == 31 ? 99 : NONE));
        json_decref(sector);
    }
}


static void
test_previous_close_needs_daily_or_finer_bars(void **state)
{
    bar_t    bars[] = { { MIDNIGHT - DAY, 99 }, { QUOTE_AT, 200 } };
    size_t   i;
    int64_t  within;

    static const char *const  fine[] = {
        "1m", "2m", "5m", "15m", "30m", "60m", "90m", "1h", "4h", "24h"
    };
    static const char *const  coarse[] = {
        "5d", "1wk", "1mo", "3mo", "", "d", "m", "0m", "2d", "25h", "1441m",
        "12345m", "1D", "1mx", "1y"
    };

    (void) state;

    within = MIDNIGHT - DAY + 34200;

    assert_true(ask_bars("previousClose", "1d", bars, 2) == 99);

    for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        assert_true(ask_sessions(fine[i], REGULAR, within) == 99);
        assert_true(ask_bars("previousClose", fine[i], bars, 2) == NONE);
    }

    for (i = 0; i < sizeof(coarse) / sizeof(coarse[0]); i++) {
        assert_true(ask_sessions(coarse[i], REGULAR, within) == NONE);
        assert_true(ask_bars("previousClose", coarse[i], bars, 2) == NONE);
    }
}


/* meta's members -> previousClose, beside one bar of yesterday at 99. */

static double
ask_meta(const char *members)
{
    bar_t    bars[] = { { MIDNIGHT - DAY, 99 }, { QUOTE_AT, 200 } };
    double   value;
    json_t  *sector;

    sector = parse_bars(members, bars, 2);
    value = field(sector, "previousClose");
    json_decref(sector);

    return value;
}


static void
test_which_previous_close_counts(void **state)
{
    char  members[400], when[200];

    (void) state;

    (void) snprintf(when, sizeof(when), "\"dataGranularity\":\"1d\","
                    "\"regularMarketTime\":%lld,\"gmtoffset\":%d",
                    (long long) QUOTE_AT, OFFSET);

#define ASK(text)                                                             \
    (snprintf(members, sizeof(members), "%s%s", when, text), ask_meta(members))

    assert_true(ASK("") == 99);
    assert_true(ASK(",\"previousClose\":5,\"chartPreviousClose\":6,"
                    "\"range\":\"1d\"") == 5);
    assert_true(ASK(",\"previousClose\":null,\"chartPreviousClose\":6,"
                    "\"range\":\"1d\"") == 6);
    assert_true(ASK(",\"chartPreviousClose\":6,\"range\":\"5d\"") == 99);
    assert_true(ASK(",\"chartPreviousClose\":6,\"range\":\"\"") == 99);
    assert_true(ASK(",\"chartPreviousClose\":6") == 99);
    assert_true(ASK(",\"chartPreviousClose\":null,\"range\":\"1d\"") == 99);
    assert_true(ASK(",\"fulldayChange\":1,\"regularMarketChangePercent\":1")
                == 99);

#undef ASK

    /* no local dates without a time or an offset */
    assert_true(ask_meta("\"dataGranularity\":\"1d\",\"gmtoffset\":0")
                == NONE);
    (void) snprintf(members, sizeof(members), "\"dataGranularity\":\"1d\","
                    "\"regularMarketTime\":%lld", (long long) QUOTE_AT);
    assert_true(ask_meta(members) == NONE);
}


static void
test_local_dates_before_the_epoch(void **state)
{
    bar_t    bars[] = { { -DAY - 1, 50 }, { -DAY, 60 } };
    json_t  *sector;

    (void) state;

    sector = parse_bars("\"regularMarketTime\":-1,\"gmtoffset\":0,"
                        "\"dataGranularity\":\"1d\"", bars, 2);
    assert_true(field(sector, "timestamp") == -1000);
    assert_true(field(sector, "previousClose") == 50);
    json_decref(sector);

    sector = parse_bars("\"regularMarketTime\":0,\"gmtoffset\":0,"
                        "\"dataGranularity\":\"1d\"", bars, 2);
    assert_true(field(sector, "previousClose") == 60);
    json_decref(sector);
}


/* n daily closes, 1 2 3 ..., the last on the quote's date less days. */

static size_t
daily(bar_t *bars, size_t n, int days)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        bars[i].at = QUOTE_AT - (int64_t) (n - 1 - i + (size_t) days) * DAY;
        bars[i].close = (double) (i + 1);
    }

    return n;
}


static void
expect_averages(const bar_t *bars, size_t n, double fifty, double two_hundred)
{
    assert_true(ask_bars("fiftyDayAverage", "1d", bars, n) == fifty);
    assert_true(ask_bars("twoHundredDayAverage", "1d", bars, n)
                == two_hundred);
}


static void
test_averages_need_so_many_closes(void **state)
{
    bar_t  bars[BARS_MAX];

    (void) state;

    expect_averages(bars, daily(bars, 49, 0), NONE, NONE);
    expect_averages(bars, daily(bars, 50, 0), 25.5, NONE);
    expect_averages(bars, daily(bars, 199, 0), 174.5, NONE);
    expect_averages(bars, daily(bars, 200, 0), 175.5, 100.5);
    expect_averages(bars, daily(bars, 250, 0), 225.5, 150.5);

    (void) daily(bars, 50, 0);
    bars[20].close = NONE;
    expect_averages(bars, 50, NONE, NONE);

    (void) daily(bars, 51, 0);
    bars[50].close = NONE;
    expect_averages(bars, 51, 25.5, NONE);

    (void) daily(bars, 50, 0);
    bars[49].close = 50.001;
    expect_averages(bars, 50, 25.5, NONE);
    bars[49].close = 50.003;
    expect_averages(bars, 50, 25.5001, NONE);
}


static void
test_averages_take_one_close_a_date(void **state)
{
    bar_t  bars[BARS_MAX];

    (void) state;

    /* the last date twice: the later close, 51, stands for it */
    (void) daily(bars, 50, 0);
    bars[50] = (bar_t) { QUOTE_AT + 60, 100 };
    expect_averages(bars, 51, 26.5, NONE);

    /* 50 closes of 49 dates are too few */
    (void) daily(bars, 49, 0);
    bars[49] = (bar_t) { QUOTE_AT + 60, 100 };
    expect_averages(bars, 50, NONE, NONE);

    /* in session: today's opening bar has null */
    (void) daily(bars, 50, 0);
    bars[50] = bars[49];
    bars[49].close = NONE;
    bars[49].at -= 3 * 3600;
    expect_averages(bars, 51, 25.5, NONE);
}


static void
test_averages_reach_up_to_the_quote(void **state)
{
    bar_t  bars[BARS_MAX];

    (void) state;

    expect_averages(bars, daily(bars, 50, 7), 25.5, NONE);
    expect_averages(bars, daily(bars, 50, 8), NONE, NONE);
    expect_averages(bars, daily(bars, 50, 1000), NONE, NONE);

    (void) daily(bars, 60, 0);
    assert_true(ask_bars("fiftyDayAverage", "1h", bars, 60) == NONE);
    assert_true(ask_bars("fiftyDayAverage", "1wk", bars, 60) == NONE);
    assert_true(ask_bars("fiftyDayAverage", "1d", bars, 60) == 35.5);
}


/* The members behind meta, given literally. */

static void
expect_more(const char *more, sector_model_status_e status,
    const char *expected)
{
    int  n;

    n = snprintf(body, sizeof(body), "{\"chart\":{\"result\":[{\"meta\":{"
                 "\"symbol\":\"SPY\",\"regularMarketPrice\":1}%s}]}}", more);
    model_expect(&chart, body, (size_t) n, status, expected);
}


/* volume where meta has none, of bars at these times. */

static void
expect_volume(const char *granularity, int64_t first, int64_t second,
    const char *volumes, const char *expected)
{
    char  wanted[200];
    int   n;

    (void) snprintf(wanted, sizeof(wanted), "{\"symbol\":\"SPY\",\"price\":1"
                    "%s%s,\"timestamp\":%lld000}",
                    expected ? ",\"volume\":" : "", expected ? expected : "",
                    (long long) QUOTE_AT);

    n = snprintf(body, sizeof(body), "{\"chart\":{\"result\":[{\"meta\":{"
                 "\"symbol\":\"SPY\",\"regularMarketPrice\":1,"
                 "\"regularMarketTime\":%lld,\"gmtoffset\":%d,"
                 "\"dataGranularity\":\"%s\"},\"timestamp\":[%lld,%lld],"
                 "\"indicators\":{\"quote\":[{\"volume\":[%s]}]}}]}}",
                 (long long) QUOTE_AT, OFFSET, granularity, (long long) first,
                 (long long) second, volumes);
    model_expect(&chart, body, (size_t) n, OK, wanted);
}


static void
test_volume_is_that_of_the_quotes_day(void **state)
{
    size_t  i;

    static const char *const  others[] = {
        "1m", "30m", "1h", "24h", "5d", "1wk", "1mo", "3mo", ""
    };

    (void) state;

    expect_volume("1d", MIDNIGHT - DAY, QUOTE_AT, "5,18565664997",
                  "18565664997");
    expect_volume("1d", MIDNIGHT - DAY, MIDNIGHT, "5,0", "0");
    expect_volume("1d", MIDNIGHT - DAY, MIDNIGHT + DAY - 1, "5,6", "6");
    expect_volume("1d", MIDNIGHT - DAY, MIDNIGHT - 1, "5,6", NULL);
    expect_volume("1d", MIDNIGHT, MIDNIGHT + DAY, "5,6", "5");
    expect_volume("1d", QUOTE_AT - 365 * DAY, MIDNIGHT - 7 * DAY, "5,6", NULL);

    /* of two bars of the day, the later one that has a volume */
    expect_volume("1d", MIDNIGHT + 34200, QUOTE_AT, "5,6", "6");
    expect_volume("1d", MIDNIGHT + 34200, QUOTE_AT, "5,null", "5");
    expect_volume("1d", MIDNIGHT - DAY, QUOTE_AT, "5,null", NULL);
    expect_volume("1d", MIDNIGHT - DAY, QUOTE_AT, "null,null", NULL);

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_volume(others[i], MIDNIGHT + 34200, QUOTE_AT, "5,6", NULL);
    }
}


static void
test_bars_may_be_missing(void **state)
{
    static const char  none[] = "{\"symbol\":\"SPY\",\"price\":1}";

    (void) state;

    /* without a date */
    expect_more(",\"timestamp\":[1,2,3],\"indicators\":{\"quote\":[{"
                "\"volume\":[5,18565664997,null]}]}", OK, none);
    expect_more(",\"timestamp\":[1],\"indicators\":{\"quote\":[{"
                "\"volume\":[null]}]}", OK, none);
    expect_more(",\"indicators\":{\"quote\":[{}]}", OK, none);
    expect_more(",\"indicators\":{\"quote\":[]}", OK, none);
    expect_more(",\"indicators\":{\"quote\":[null]}", OK, none);
    expect_more(",\"indicators\":{}", OK, none);
    expect_more(",\"indicators\":null,\"timestamp\":null", OK, none);
    expect_more(",\"timestamp\":[],\"indicators\":{\"quote\":[{\"close\":[],"
                "\"volume\":[]}]}", OK, none);
}


static void
test_broken_bars_are_refused(void **state)
{
    size_t  i;

    static const char *const  bars[][2] = {
        { ",\"timestamp\":{}", "timestamp is an object, not an array" },
        { ",\"timestamp\":[1,null]",
          "timestamp[1] is null, not an integer in range" },
        { ",\"timestamp\":[1.5]",
          "timestamp[0] is a real number, not an integer in range" },
        { ",\"timestamp\":[-9223372036854775808]",
          "timestamp[0] is an integer, not an integer in range" },
        { ",\"indicators\":[]", "indicators is an array, not an object" },
        { ",\"indicators\":{\"quote\":{}}",
          "quote is an object, not an array" },
        { ",\"indicators\":{\"quote\":[5]}",
          "quote[0] is an integer, not an object" },
        { ",\"indicators\":{\"quote\":[{\"close\":5}]}",
          "close is an integer, not an array" },
        { ",\"indicators\":{\"quote\":[{\"volume\":{}}]}",
          "volume is an object, not an array" },
        { ",\"timestamp\":[1],\"indicators\":{\"quote\":[{\"close\":[1,2]}]}",
          "close has 2 entries, timestamp has 1" },
        { ",\"timestamp\":[1],\"indicators\":{\"quote\":[{\"close\":[\"1\"]}]}",
          "close[0] is a string, not a number" },
        { ",\"timestamp\":[1],\"indicators\":{\"quote\":[{\"volume\":[[]]}]}",
          "volume[0] is an array, not a number" }
    };

    (void) state;

    for (i = 0; i < sizeof(bars) / sizeof(bars[0]); i++) {
        expect_more(bars[i][0], INVALID, bars[i][1]);
    }
}


static void
expect_state(int64_t wall_ms, const char *periods, const char *expected)
{
    char  wanted[200];
    int   n;

    (void) snprintf(wanted, sizeof(wanted),
                    "{\"symbol\":\"SPY\",\"price\":1%s%s%s}",
                    expected ? ",\"marketState\":\"" : "",
                    expected ? expected : "", expected ? "\"" : "");

    n = snprintf(body, sizeof(body), "{\"chart\":{\"result\":[{\"meta\":{"
                 "\"symbol\":\"SPY\",\"regularMarketPrice\":1,"
                 "\"currentTradingPeriod\":%s}}]}}", periods);

    chart.wall_ms = wall_ms;
    model_expect(&chart, body, (size_t) n, OK, wanted);
    chart.wall_ms = 0;
}


static void
test_market_state_follows_the_periods(void **state)
{
    size_t  i;

    static const char  periods[] =
        "{\"post\":{\"end\":40,\"start\":30},\"pre\":{\"start\":-10,\"end\":"
        "20},\"regular\":{\"start\":20,\"end\":30}}";
    static const char  crypto[] =
        "{\"pre\":{\"start\":0,\"end\":0},\"regular\":{\"start\":0,\"end\":86}"
        ",\"post\":{\"start\":86,\"end\":86}}";
    static const struct {
        int64_t      wall_ms;
        const char  *expected;
    } moments[] = {
        { -10001, "CLOSED" }, { -10000, "PRE" }, { -9999, "PRE" },
        { -1, "PRE" }, { 0, "PRE" }, { 19999, "PRE" }, { 20000, "REGULAR" },
        { 29999, "REGULAR" }, { 30000, "POST" }, { 39999, "POST" },
        { 40000, "CLOSED" }, { INT64_MAX, "CLOSED" }, { INT64_MIN, "CLOSED" }
    };

    (void) state;

    for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        expect_state(moments[i].wall_ms, periods, moments[i].expected);
    }

    expect_state(0, crypto, "REGULAR");
    expect_state(86000, crypto, "CLOSED");
    expect_state(25000, "{\"regular\":{\"start\":20,\"end\":30}}", "REGULAR");
    expect_state(35000, "{\"regular\":{\"start\":20,\"end\":30}}", "CLOSED");
    expect_state(35000, "{\"regular\":{\"start\":20}}", NULL);
    expect_state(35000, "{\"post\":{\"start\":30,\"end\":40}}", NULL);
    expect_state(35000, "{}", NULL);
    expect_state(35000, "null", NULL);
}


static void
test_broken_periods_and_offsets_are_refused(void **state)
{
    size_t  i;

    static const char *const  metas[][2] = {
        { "\"currentTradingPeriod\":{\"pre\":[]}",
          "pre is an array, not an object" },
        { "\"currentTradingPeriod\":{\"regular\":{\"start\":\"9:30\"}}",
          "start is a string, not a number" },
        { "\"currentTradingPeriod\":{\"post\":{\"end\":1e30}}",
          "end is out of range, at most 9223372036854775 seconds" },
        { "\"gmtoffset\":86401",
          "gmtoffset is out of range, at most 86400 seconds" },
        { "\"gmtoffset\":-9223372036854775808",
          "gmtoffset is out of range, at most 86400 seconds" },
        { "\"range\":\"1d\",\"chartPreviousClose\":\"5\"",
          "chartPreviousClose is a string, not a number" }
    };

    (void) state;

    for (i = 0; i < sizeof(metas) / sizeof(metas[0]); i++) {
        int  n;

        n = snprintf(body, sizeof(body), "{\"chart\":{\"result\":[{\"meta\":{"
                     "\"symbol\":\"SPY\",\"regularMarketPrice\":1,%s}}]}}",
                     metas[i][0]);
        model_expect(&chart, body, (size_t) n, INVALID, metas[i][1]);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_previous_close_is_of_an_earlier_local_date),
        cmocka_unit_test(test_previous_close_is_a_week_old_at_most),
        cmocka_unit_test(test_previous_close_skips_nulls_and_takes_the_last),
        cmocka_unit_test(test_previous_close_is_a_regular_bars),
        cmocka_unit_test(test_as_many_trading_periods_as_there_are),
        cmocka_unit_test(test_previous_close_needs_daily_or_finer_bars),
        cmocka_unit_test(test_which_previous_close_counts),
        cmocka_unit_test(test_local_dates_before_the_epoch),
        cmocka_unit_test(test_averages_need_so_many_closes),
        cmocka_unit_test(test_averages_take_one_close_a_date),
        cmocka_unit_test(test_averages_reach_up_to_the_quote),
        cmocka_unit_test(test_volume_is_that_of_the_quotes_day),
        cmocka_unit_test(test_bars_may_be_missing),
        cmocka_unit_test(test_broken_bars_are_refused),
        cmocka_unit_test(test_market_state_follows_the_periods),
        cmocka_unit_test(test_broken_periods_and_offsets_are_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
