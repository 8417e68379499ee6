/*
 * sector_model: the two Yahoo formats field by field, on bodies made up for
 * the rule under test.  Recorded bodies are in test_model_fixtures.c.
 */

#include "test_model.h"




static model_ask_t  chart = { CHART, "SPY", NULL, 0 };
static model_ask_t  quote = { QUOTE, "SPY", NULL, 0 };

static char  body[32768];


/* A chart whose meta and whose other members are given. */

static void
expect_chart(const char *meta, const char *more,
    sector_model_status_e status, const char *expected)
{
    size_t  n;

    n = (size_t) snprintf(body, sizeof(body),
                 "{\"chart\":{\"result\":[{\"meta\":{\"symbol\":\"SPY\"%s}%s}],"
                 "\"error\":null}}", meta, more);
    assert_true(n < sizeof(body));
    model_expect(&chart, body, n, status, expected);
}


/* A quote with the given members, behind one of another symbol. */

static void
expect_quote(const char *members, sector_model_status_e status,
    const char *expected)
{
    size_t  n;

    n = (size_t) snprintf(body, sizeof(body),
                 "{\"quoteResponse\":{\"result\":[{\"symbol\":\"XLK\"},"
                 "{%s,\"symbol\":\"SPY\"}],\"error\":null}}", members);
    assert_true(n < sizeof(body));
    model_expect(&quote, body, n, status, expected);
}


/* Both, where no bars are concerned; price is given with the members. */

static void
expect_both(const char *members, sector_model_status_e status,
    const char *expected)
{
    char  meta[1000];

    (void) snprintf(meta, sizeof(meta), ",%s", members);
    expect_chart(meta, "", status, expected);
    expect_quote(members, status, expected);
}


static void
test_an_error_is_told_by_its_code(void **state)
{
    size_t  i, k;

    static const char *const  envelopes[] = {
        "chart", "quote", "quoteResponse", "quoteSummary", "finance"
    };
    static const struct {
        const char             *error;
        sector_model_status_e   status;
        const char             *reason;
    } errors[] = {
        { "{\"code\":\"Not Found\",\"description\":\"Unauthorized\"}",
          NOT_FOUND, "upstream error \"Not Found\"" },
        { "{\"code\":\"Unauthorized\",\"description\":\"Not Found\"}",
          INVALID, "upstream error \"Unauthorized\"" },
        { "{\"code\":\"not found\"}", INVALID,
          "upstream error \"not found\"" },
        { "{\"code\":\"\xc3\x98\\n\x7f\"}", INVALID,
          "upstream error \"\?\?\?\?\"" },
        { "{\"code\":\"12345678901234567890123456789012345678901234567890\"}",
          INVALID, "upstream error "
          "\"123456789012345678901234567890123456789012345678\"" },
        { "{\"code\":404}", INVALID, "error.code is an integer, not a string" },
        { "{}", INVALID, "error.code is null, not a string" },
        { "\"Not Found\"", INVALID, "error is a string, not an object" }
    };

    (void) state;

    for (i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++) {
        for (k = 0; k < sizeof(errors) / sizeof(errors[0]); k++) {
            (void) snprintf(body, sizeof(body),
                            "{\"%s\":{\"result\":null,\"error\":%s}}",
                            envelopes[i], errors[k].error);
            model_expect(&chart, body, strlen(body), errors[k].status,
                         errors[k].reason);
            model_expect(&quote, body, strlen(body), errors[k].status,
                         errors[k].reason);
        }
    }
}


static void
test_the_envelope_is_checked(void **state)
{
    size_t  i;

    static const struct {
        const model_ask_t      *ask;
        const char             *body;
        sector_model_status_e   status;
        const char             *reason;
    } cases[] = {
        { &chart, "{}", INVALID, "no chart" },
        { &chart, "{\"chart\":null}", INVALID, "no chart" },
        { &chart, "{\"chart\":[]}", INVALID,
          "chart is an array, not an object" },
        { &chart, "{\"chart\":{}}", INVALID,
          "chart has neither result nor error" },
        { &chart, "{\"chart\":{\"result\":null,\"error\":null}}", INVALID,
          "chart has neither result nor error" },
        { &chart, "{\"chart\":{\"result\":{}}}", INVALID,
          "result is an object, not an array" },
        { &chart, "{\"chart\":{\"result\":[],\"error\":null}}", NOT_FOUND,
          "chart.result is empty" },
        { &chart, "{\"chart\":{\"result\":[7]}}", INVALID,
          "result[0] is an integer, not an object" },
        { &chart, "{\"chart\":{\"result\":[{}]}}", INVALID, "no meta" },
        { &chart, "{\"chart\":{\"result\":[{\"meta\":[]}]}}", INVALID,
          "meta is an array, not an object" },
        { &chart, "{\"chart\":{\"result\":[{\"meta\":{}}]}}", INVALID,
          "symbol is null, not a string" },
        { &chart, "{\"chart\":{\"result\":[{\"meta\":{\"symbol\":5}}]}}",
          INVALID, "symbol is an integer, not a string" },
        { &chart, "{\"chart\":{\"result\":[{\"meta\":{\"symbol\":\"SPYG\","
          "\"regularMarketPrice\":1}}]}}", INVALID,
          "symbol is \"SPYG\", asked for \"SPY\"" },
        { &quote, "{\"chart\":{\"result\":[],\"error\":null}}", INVALID,
          "no quoteResponse" },
        { &quote, "{\"quoteResponse\":{\"result\":null,\"error\":null}}",
          INVALID, "quoteResponse has neither result nor error" },
        { &quote, "{\"quoteResponse\":{\"result\":[],\"error\":null}}",
          NOT_FOUND, "\"SPY\" is not in the result" },
        { &quote, "{\"quoteResponse\":{\"result\":[null]}}", INVALID,
          "result[0] is null, not an object" },
        { &quote, "{\"quoteResponse\":{\"result\":[{\"symbol\":true}]}}",
          INVALID, "symbol is a boolean, not a string" },
        { &quote, "{\"quoteResponse\":{\"result\":[{\"symbol\":\"SPY\","
          "\"quoteType\":\"NONE\",\"regularMarketPrice\":1}]}}", NOT_FOUND,
          "quoteType is NONE" },
        { &quote, "{\"quoteResponse\":{\"result\":[{\"symbol\":\"SPY\","
          "\"quoteType\":1}]}}", INVALID,
          "quoteType is an integer, not a string" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        model_expect(cases[i].ask, cases[i].body, strlen(cases[i].body),
                     cases[i].status, cases[i].reason);
    }
}


static void
test_a_price_may_be_anything_finite(void **state)
{
    (void) state;

    expect_both("\"regularMarketPrice\":-37.63", OK,
                "{\"symbol\":\"SPY\",\"price\":-37.63}");
    expect_both("\"regularMarketPrice\":0", OK,
                "{\"symbol\":\"SPY\",\"price\":0}");
    expect_both("\"regularMarketPrice\":9223372036854775807", OK,
                "{\"symbol\":\"SPY\",\"price\":9223372036854775807}");
    expect_both("\"regularMarketPrice\":-0.0", OK,
                "{\"symbol\":\"SPY\",\"price\":0}");
    expect_both("\"regularMarketPrice\":null", INVALID, "no price");
    expect_both("\"x\":1", INVALID, "no price");
}


static void
test_volume_takes_64_bits(void **state)
{
    static const char *const  volumes[][2] = {
        { "0", "0" }, { "99309328.0", "99309328" }, { "1.8E10", "18000000000" },
        { "21228961792", "21228961792" }, { "12.5", "12.5" },
        { "9223372036854775807", "9223372036854775807" }
    };
    char    members[200], expected[200];
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(volumes) / sizeof(volumes[0]); i++) {
        (void) snprintf(members, sizeof(members), "\"regularMarketPrice\":1,"
                        "\"regularMarketVolume\":%s", volumes[i][0]);
        (void) snprintf(expected, sizeof(expected), "{\"symbol\":\"SPY\","
                        "\"price\":1,\"volume\":%s}", volumes[i][1]);
        expect_both(members, OK, expected);
    }
}


static void
test_names(void **state)
{
    (void) state;

    expect_both("\"regularMarketPrice\":1,\"shortName\":\" \\t\",\"longName\":"
                "\" Long \\n\"", OK,
                "{\"symbol\":\"SPY\",\"name\":\"Long\",\"price\":1,"
                "\"longName\":\"Long\"}");
    expect_both("\"regularMarketPrice\":1,\"shortName\":\" Short  one \","
                "\"longName\":\"\"", OK,
                "{\"symbol\":\"SPY\",\"name\":\"Short  one\",\"price\":1}");
    expect_both("\"regularMarketPrice\":1,\"shortName\":\"\\\"\\\\\\/\\u0001\\"
                "u00d8\\ud83d\\ude00\"", OK,
                "{\"symbol\":\"SPY\",\"name\":\"\\\"\\\\/\\u0001\xc3\x98"
                "\xf0\x9f\x98\x80\",\"price\":1}");

    chart.name = quote.name = "S&P \"500\"";
    expect_both("\"regularMarketPrice\":1,\"shortName\":\"s\","
                "\"longName\":\"l\"", OK,
                "{\"symbol\":\"SPY\",\"name\":\"S&P \\\"500\\\"\",\"price\":1,"
                "\"longName\":\"l\"}");

    chart.name = quote.name = "";
    expect_both("\"regularMarketPrice\":1,\"shortName\":\"s\"", OK,
                "{\"symbol\":\"SPY\",\"name\":\"s\",\"price\":1}");

    chart.name = quote.name = "caf\xe9";
    expect_both("\"regularMarketPrice\":1", INVALID,
                "the configured name is not UTF-8");

    chart.name = quote.name = NULL;
}


static void
test_zeros_for_no_data_are_left_out(void **state)
{
    static const char  zeros[] =
        "\"regularMarketPrice\":%s,\"regularMarketDayHigh\":0.0,"
        "\"regularMarketDayLow\":0,\"fiftyTwoWeekHigh\":0.0,"
        "\"fiftyTwoWeekLow\":-0.0,\"regularMarketVolume\":0";
    char  members[400];

    (void) state;

    (void) snprintf(members, sizeof(members), zeros, "23.77");
    expect_both(members, OK,
                "{\"symbol\":\"SPY\",\"price\":23.77,\"volume\":0}");

    (void) snprintf(members, sizeof(members), zeros, "0.0");
    expect_both(members, OK,
                "{\"symbol\":\"SPY\",\"price\":0,\"volume\":0,\"dayHigh\":0,"
                "\"dayLow\":0,\"fiftyTwoWeekHigh\":0,\"fiftyTwoWeekLow\":0}");
}


static void
test_change_is_computed_from_previous_close(void **state)
{
    size_t  i;

    static const struct {
        const char  *price, *previous, *rest;
    } cases[] = {
        { "225.67", "226.78", "\"change\":-1.11,\"changePercent\":-0.4895" },
        { "10", "10.0", "\"change\":0,\"changePercent\":0" },
        { "10", "0", "\"change\":10" },
        { "10", "-5", "\"change\":15" },
        { "-5", "10", "\"change\":-15,\"changePercent\":-150" },
        { "1.00003125", "1", "\"change\":0,\"changePercent\":0.0031" },
        { "100.03125", "100", "\"change\":0.0313,\"changePercent\":0.0313" },
        { "99.96875", "100", "\"change\":-0.0313,\"changePercent\":-0.0313" },
        { "1e300", "-1", "\"change\":1e+300" },
        { "1.7e308", "-1.7e308", "" },
        { "1e308", "1e-308", "\"change\":1e+308" },
        { "1234567890123.5", "0.25",
          "\"change\":1234567890123.25,\"changePercent\":493827156049300" }
    };
    char  expected[300], members[300], prev[40], price[40];

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sector_model_number(strtod(cases[i].price, NULL), price);
        sector_model_number(strtod(cases[i].previous, NULL), prev);

        (void) snprintf(expected, sizeof(expected), "{\"symbol\":\"SPY\","
                        "\"price\":%s,%s%s\"previousClose\":%s}", price,
                        cases[i].rest, cases[i].rest[0] ? "," : "", prev);

        (void) snprintf(members, sizeof(members), ",\"regularMarketPrice\":%s,"
                        "\"previousClose\":%s", cases[i].price,
                        cases[i].previous);
        expect_chart(members, "", OK, expected);

        (void) snprintf(members, sizeof(members), "\"regularMarketPrice\":%s,"
                        "\"regularMarketPreviousClose\":%s", cases[i].price,
                        cases[i].previous);
        expect_quote(members, OK, expected);
    }
}


static void
test_a_quotes_own_change_is_kept(void **state)
{
    (void) state;

    expect_quote("\"regularMarketPrice\":269.7,\"regularMarketPreviousClose\":"
                 "269.0,\"regularMarketChange\":0.700012,"
                 "\"regularMarketChangePercent\":0.260228", OK,
                 "{\"symbol\":\"SPY\",\"price\":269.7,\"change\":0.700012,"
                 "\"changePercent\":0.260228,\"previousClose\":269}");
    expect_quote("\"regularMarketPrice\":3,\"regularMarketPreviousClose\":2,"
                 "\"regularMarketChange\":0.123456", OK,
                 "{\"symbol\":\"SPY\",\"price\":3,\"change\":0.123456,"
                 "\"changePercent\":50,\"previousClose\":2}");
    expect_quote("\"regularMarketPrice\":3,\"regularMarketChangePercent\":7",
                 OK, "{\"symbol\":\"SPY\",\"price\":3,\"changePercent\":7}");
}


static void
test_a_quotes_numbers_may_be_formatted(void **state)
{
    (void) state;

    expect_quote("\"regularMarketPrice\":{\"raw\":3.5,\"fmt\":\"4\"},"
                 "\"regularMarketVolume\":{},\"marketCap\":{\"raw\":null},"
                 "\"regularMarketTime\":{\"raw\":7,\"fmt\":\"x\"}", OK,
                 "{\"symbol\":\"SPY\",\"price\":3.5,\"timestamp\":7000}");
    expect_quote("\"regularMarketPrice\":{}", INVALID, "no price");
    expect_quote("\"regularMarketPrice\":{\"fmt\":\"4\"}", INVALID,
                 "regularMarketPrice is an object without raw");
    expect_quote("\"regularMarketPrice\":{\"raw\":\"4\"}", INVALID,
                 "regularMarketPrice.raw is a string, not a number");
    expect_quote("\"regularMarketPrice\":{\"raw\":{\"raw\":4}}", INVALID,
                 "regularMarketPrice.raw is an object, not a number");
    expect_chart(",\"regularMarketPrice\":{\"raw\":3.5}", "", INVALID,
                 "regularMarketPrice is an object, not a number");
}


static void
test_fields_of_a_wrong_type_are_refused(void **state)
{
    char    members[200], reason[100];
    size_t  i;

    static const struct {
        const char  *key, *wanted;
        int          in_chart, in_quote;
    } fields[] = {
        { "regularMarketPrice", "a number", 1, 1 },
        { "regularMarketVolume", "a number", 1, 1 },
        { "regularMarketDayHigh", "a number", 1, 1 },
        { "regularMarketDayLow", "a number", 1, 1 },
        { "regularMarketTime", "a number", 1, 1 },
        { "fiftyTwoWeekHigh", "a number", 1, 1 },
        { "fiftyTwoWeekLow", "a number", 1, 1 },
        { "shortName", "a string", 1, 1 },
        { "longName", "a string", 1, 1 },
        { "currency", "a string", 1, 1 },
        { "previousClose", "a number", 1, 0 },
        { "gmtoffset", "a number", 1, 0 },
        { "dataGranularity", "a string", 1, 0 },
        { "range", "a string", 1, 0 },
        { "currentTradingPeriod", "an object", 1, 0 },
        { "regularMarketPreviousClose", "a number", 0, 1 },
        { "regularMarketChange", "a number", 0, 1 },
        { "regularMarketChangePercent", "a number", 0, 1 },
        { "marketCap", "a number", 0, 1 },
        { "fiftyDayAverage", "a number", 0, 1 },
        { "twoHundredDayAverage", "a number", 0, 1 },
        { "marketState", "a string", 0, 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        (void) snprintf(members, sizeof(members), ",%s\"%s\":[]",
                        i ? "\"regularMarketPrice\":1," : "", fields[i].key);
        (void) snprintf(reason, sizeof(reason), "%s is an array, not %s",
                        fields[i].key, fields[i].wanted);

        if (fields[i].in_chart) {
            expect_chart(members, "", INVALID, reason);
        }

        if (fields[i].in_quote) {
            expect_quote(members + 1, INVALID, reason);
        }
    }
}


static void
test_times(void **state)
{
    size_t  i;

    static const char *const  times[][2] = {
        { "0", "0" }, { "-252322200", "-252322200000" },
        { "1774373478.0", "1774373478000" },
        { "9223372036854775", "9223372036854775000" },
        { "-9223372036854775", "-9223372036854775000" },
        { "9223372036854776", NULL }, { "-9223372036854775808", NULL },
        { "9223372036854775807", NULL }, { "1e300", NULL }, { "-1e19", NULL }
    };
    char  members[200], expected[200];

    (void) state;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        (void) snprintf(members, sizeof(members), "\"regularMarketPrice\":1,"
                        "\"regularMarketTime\":%s", times[i][0]);
        (void) snprintf(expected, sizeof(expected), "{\"symbol\":\"SPY\","
                        "\"price\":1,\"timestamp\":%s}", times[i][1]);
        expect_both(members, times[i][1] ? OK : INVALID,
                    times[i][1] ? expected : "regularMarketTime is out of "
                    "range, at most 9223372036854775 seconds");
    }

    expect_both("\"regularMarketPrice\":1,\"regularMarketTime\":1.5", INVALID,
                "regularMarketTime is not a whole number of seconds");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_an_error_is_told_by_its_code),
        cmocka_unit_test(test_the_envelope_is_checked),
        cmocka_unit_test(test_a_price_may_be_anything_finite),
        cmocka_unit_test(test_volume_takes_64_bits),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_zeros_for_no_data_are_left_out),
        cmocka_unit_test(test_change_is_computed_from_previous_close),
        cmocka_unit_test(test_a_quotes_own_change_is_kept),
        cmocka_unit_test(test_a_quotes_numbers_may_be_formatted),
        cmocka_unit_test(test_fields_of_a_wrong_type_are_refused),
        cmocka_unit_test(test_times)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
