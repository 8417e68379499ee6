/*
 * sector_model: what a body means.  Whose word it is (a provider's, or that of
 * somebody else, which is foreign), what one says that came with a 404, what
 * another instance of this module says, and which prices are none.
 */

#include "test_model_batch.h"


#define MARK  "\xef\xbb\xbf"

#define OURS(code)                                                            \
    "{\"success\":false,\"error\":\"No\",\"error_code\":\"" code "\","        \
    "\"error_details\":{\"symbol\":\"XLK\"},\"timestamp\":\"x\"}"
#define YAHOOS(envelope, code)                                                \
    "{\"" envelope "\":{\"result\":null,\"error\":{\"code\":\"" code "\","    \
    "\"description\":\"No data found, symbol may be delisted\"}}}"


static const model_ask_t  own = { SECTOR, "XLK", NULL, 0 };
static const model_ask_t  chart = { CHART, "XLK", NULL, 0 };
static const model_ask_t  quote = { QUOTE, "XLK", NULL, 0 };


typedef struct {
    const model_ask_t      *ask;
    const char             *body;
    sector_model_status_e   status;
    unsigned                foreign;
    const char             *expected;   /* the sector, or the reason */
} meaning_t;


static void
check_meaning(const meaning_t *row)
{
    const char             *got;
    sector_model_output_t   out;
    sector_model_status_e   status;

    status = model_parse(row->ask, row->body, strlen(row->body), &out);
    got = (status == OK) ? out.json : out.reason;

    if (status != row->status || out.foreign != row->foreign
        || (row->expected != NULL && strcmp(got, row->expected) != 0))
    {
        fail_msg("%s:\n     got %d, foreign %u, %s\nexpected %d, foreign %u, "
                 "%s", row->body, (int) status, out.foreign, got,
                 (int) row->status, row->foreign, row->expected);
    }

    free(out.json);
}


#define check_meanings(rows)                                                  \
    do {                                                                      \
        size_t  row_;                                                         \
                                                                              \
        for (row_ = 0; row_ < sizeof(rows) / sizeof(rows[0]); row_++) {       \
            check_meaning(&rows[row_]);                                       \
        }                                                                     \
    } while (0)


/* What is nobody's form in any format, whatever the status. */

static void
test_what_is_no_object_in_json_is_foreign(void **state)
{
    size_t  i, k, n;

    static const model_ask_t *const  asks[] = { &own, &chart, &quote };
    static const char *const         bodies[] = {
        "", " \n", MARK, "<!doctype html><title>Sorry</title>", "<Error/>",
        "default backend - 404", "Too Many Requests", "404", "null",
        "\"XLK\"", "[]", "[" XLK "]", "{\"symbol\":\"XLK\",\"price\":",
        "{\"chart\":{\"result\":[", "{\"symbol\":\"XLK\",\"price\":1}}",
        "\x1f\x8b\x08", MARK "<html>", "{}{}"
    };

    (void) state;

    for (model_not_found = 0; model_not_found < 2; model_not_found++) {
        for (i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
            for (k = 0; k < sizeof(bodies) / sizeof(bodies[0]); k++) {
                check_meaning(&(meaning_t) { asks[i], bodies[k], INVALID, 1,
                                             NULL });
            }

            for (n = 0; n < sizeof(CHARTS(CHART_XLK)) - 1; n++) {
                sector_model_output_t  out;

                assert_int_equal(model_parse(asks[i], CHARTS(CHART_XLK), n,
                                             &out), INVALID);
                assert_int_equal(out.foreign, 1);
            }
        }
    }

    model_not_found = 0;
}


static void
test_yahoos_form_is_its_envelopes(void **state)
{
    static const meaning_t  rows[] = {
        { &chart, "{}", INVALID, 1, "no chart" },
        { &chart, "{\"message\":\"Forbidden\"}", INVALID, 1, "no chart" },
        { &chart, "{\"chart\":null}", INVALID, 1, "no chart" },
        { &chart, "{\"chart\":[]}", INVALID, 1,
          "chart is an array, not an object" },
        { &chart, XLK, INVALID, 1, "no chart" },
        { &chart, QUOTES(QUOTE_XLK), INVALID, 1, "no chart" },
        { &quote, CHARTS(CHART_XLK), INVALID, 1, "no quoteResponse" },
        { &quote, "{\"finance\":{\"result\":null,\"error\":null}}", INVALID,
          1, "no quoteResponse" },

        /* its errors, in any of them, and what it says of the symbol */
        { &chart, YAHOOS("chart", "Not Found"), NOT_FOUND, 0, NULL },
        { &quote, YAHOOS("finance", "Not Found"), NOT_FOUND, 0, NULL },
        { &chart, YAHOOS("finance", "Unauthorized"), INVALID, 0, NULL },
        { &quote, YAHOOS("quoteSummary", "Bad Request"), INVALID, 0, NULL },
        { &quote, "{\"finance\":{\"error\":\"no\"}}", INVALID, 0, NULL },
        { &chart, "{\"chart\":{}}", INVALID, 0, NULL },
        { &chart, CHARTS(""), NOT_FOUND, 0, NULL },
        { &chart, CHARTS("7"), INVALID, 0, NULL },
        { &chart, CHARTS(CHART_SPY), INVALID, 0, NULL },
        { &chart, CHARTS("{\"meta\":{\"symbol\":\"XLK\"}}"), INVALID, 0,
          "no price" },
        { &quote, QUOTES(""), NOT_FOUND, 0, NULL },
        { &quote, QUOTES("{\"symbol\":\"XLK\",\"regularMarketPrice\":\"1\"}"),
          INVALID, 0, NULL }
    };

    (void) state;

    check_meanings(rows);

    model_not_found = 1;
    check_meanings(rows);
    model_not_found = 0;
}


static void
test_our_own_form_has_a_symbol_or_success(void **state)
{
    static const meaning_t  rows[] = {
        { &own, "{}", INVALID, 1, "no symbol" },
        { &own, "{\"error\":\"quota exceeded\"}", INVALID, 1, "no symbol" },
        { &own, "{\"price\":1}", INVALID, 1, "no symbol" },
        { &own, "{\"data\":" XLK "}", INVALID, 1, "no symbol" },
        { &own, CHARTS(CHART_XLK), INVALID, 1, "no symbol" },

        { &own, "{\"symbol\":null,\"price\":1}", INVALID, 0, "no symbol" },
        { &own, "{\"symbol\":\"XLK\"}", INVALID, 0, "no price" },
        { &own, "{\"symbol\":\"XLK\",\"price\":\"1\"}", INVALID, 0,
          "price is a string, not a number" },
        { &own, SPY, INVALID, 0, "symbol is \"spy\", asked for \"XLK\"" },

        /* the envelope */
        { &own, "{\"success\":true,\"data\": " XLK " ,\"cached\":true}", OK,
          0, XLK },
        { &own, "{\"data\":" XLK ",\"success\":true}", OK, 0, XLK },
        { &own, "{\"success\":true,\"data\":" SPY "}", INVALID, 0,
          "symbol is \"spy\", asked for \"XLK\"" },
        { &own, "{\"success\":true,\"data\":{\"XLK\":" XLK "}}", INVALID, 0,
          "no symbol" },
        { &own, "{\"success\":true,\"data\":null}", INVALID, 0,
          "data is null, not an object" },
        { &own, "{\"success\":true}", INVALID, 0,
          "data is null, not an object" },
        { &own, "{\"success\":\"yes\",\"data\":" XLK "}", INVALID, 0,
          "success is a string, not a boolean" },

        /* a sector may have members of these names */
        { &own, "{\"success\":false,\"symbol\":\"XLK\",\"price\":1,"
          "\"data\":5}", OK, 0, "{\"success\":false,\"symbol\":\"XLK\","
          "\"price\":1,\"data\":5}" },

        /* its errors */
        { &own, OURS("UNKNOWN_SYMBOL"), NOT_FOUND, 0,
          "upstream error \"UNKNOWN_SYMBOL\"" },
        { &own, OURS("NOT_FOUND"), NOT_FOUND, 0,
          "upstream error \"NOT_FOUND\"" },
        { &own, OURS("UPSTREAM_ERROR"), INVALID, 0,
          "upstream error \"UPSTREAM_ERROR\"" },
        { &own, OURS("unknown_symbol"), INVALID, 0,
          "upstream error \"unknown_symbol\"" },
        { &own, "{\"success\":false}", INVALID, 0,
          "error.error_code is null, not a string" }
    };

    (void) state;

    check_meanings(rows);
}


static void
test_an_object_with_status_404_says_no(void **state)
{
    static const char  no[] = "status 404, and no sector in the body";

    static const meaning_t  rows[] = {
        { &own, "{}", NOT_FOUND, 0, no },
        { &own, "{\"error\":\"no such symbol\"}", NOT_FOUND, 0, no },
        { &own, "{\"symbol\":\"XLK\",\"error\":\"unknown\"}", NOT_FOUND, 0,
          no },
        { &own, "{\"symbol\":\"XLK\",\"price\":null}", NOT_FOUND, 0, no },
        { &own, "{\"success\":false,\"message\":\"unknown\"}", NOT_FOUND, 0,
          no },
        { &own, "{\"success\":true,\"data\":null}", NOT_FOUND, 0, no },
        { &own, OURS("UNKNOWN_SYMBOL"), NOT_FOUND, 0,
          "upstream error \"UNKNOWN_SYMBOL\"" },

        /* this says something else */
        { &own, OURS("SECTOR_API_CIRCUIT_OPEN"), INVALID, 0,
          "upstream error \"SECTOR_API_CIRCUIT_OPEN\"" },
        { &own, SPY, INVALID, 0, "symbol is \"spy\", asked for \"XLK\"" },
        { &own, XLK, OK, 0, XLK }
    };

    (void) state;

    model_not_found = 1;
    check_meanings(rows);
    model_not_found = 0;
}


static uint64_t
age_of(const char *metadata)
{
    char                   body[300];
    uint64_t               age;
    sector_model_output_t  out;

    (void) snprintf(body, sizeof(body), "{\"success\":true,\"metadata\":%s,"
                    "\"data\":" XLK "}", metadata);

    assert_int_equal(model_parse(&own, body, strlen(body), &out), OK);
    assert_string_equal(out.json, XLK);
    age = out.age_s;
    free(out.json);

    return age;
}


static void
test_an_envelopes_age(void **state)
{
    sector_model_output_t  out;

    static const char  plain[] =
        "{\"symbol\":\"XLK\",\"price\":1,\"metadata\":{\"age\":15}}";

    (void) state;

    assert_int_equal(age_of("{\"age\":15}"), 15);
    assert_int_equal(age_of("{\"age\":0}"), 0);
    assert_int_equal(age_of("{\"age\":2147483647}"), 2147483647);

    assert_int_equal(age_of("{\"age\":2147483648}"), 0);
    assert_int_equal(age_of("{\"age\":-1}"), 0);
    assert_int_equal(age_of("{\"age\":1.5}"), 0);
    assert_int_equal(age_of("{\"age\":\"15\"}"), 0);
    assert_int_equal(age_of("{\"age\":18446744073709551615}"), 0);
    assert_int_equal(age_of("{\"age\":null}"), 0);
    assert_int_equal(age_of("{}"), 0);
    assert_int_equal(age_of("[15]"), 0);
    assert_int_equal(age_of("null"), 0);

    /* without the envelope it is the provider's own */
    assert_int_equal(model_parse(&own, plain, strlen(plain), &out), OK);
    assert_int_equal(out.age_s, 0);
    free(out.json);
}


/* Batches of XLK and SPY. */

static sector_model_status_e
ask_two(batch_call_t *call, sector_format_e format, const char *body,
    int partial)
{
    memset(call, 0, sizeof(*call));
    call->symbols[0] = "XLK";
    call->symbols[1] = "SPY";
    call->n = 2;
    call->partial = partial;

    return parse(call, format, body, strlen(body));
}


static void
test_whose_form_a_batch_has(void **state)
{
    long          before;
    size_t        i;
    batch_call_t  call;

    static const struct {
        sector_format_e   format;
        const char       *body;
        unsigned          foreign;
    } rows[] = {
        { SECTOR, "", 1 }, { SECTOR, "<html>", 1 }, { SECTOR, "[{", 1 },
        { SECTOR, "{\"error\":\"quota exceeded\"}", 1 },
        { SECTOR, "{\"data\":{\"a\":1}}", 1 },
        { QUOTE, "[]", 1 }, { QUOTE, "{}", 1 }, { QUOTE, "Sorry", 1 },
        { CHART, QUOTES(QUOTE_XLK), 1 },

        { SECTOR, XLK, 0 }, { SECTOR, "{\"data\":" XLK "}", 0 },
        { SECTOR, "{\"success\":true,\"data\":{\"a\":1}}", 0 },
        { SECTOR, "{\"success\":true,\"data\":null}", 0 },
        { SECTOR, OURS("UNKNOWN_SYMBOL"), 0 },
        { SECTOR, OURS("UPSTREAM_ERROR"), 0 },
        { SECTOR, "{\"data\":{},\"errors\":[]}", 0 },
        { QUOTE, YAHOOS("finance", "Bad Request"), 0 },
        { QUOTE, "{\"quoteResponse\":{\"result\":{}}}", 0 }
    };

    (void) state;
    before = live;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (ask_two(&call, rows[i].format, rows[i].body, 0) != INVALID
            || call.out[0].foreign != rows[i].foreign
            || call.out[1].foreign != rows[i].foreign)
        {
            fail_msg("%s: foreign %u", rows[i].body, call.out[0].foreign);
        }

        done(&call, before);
    }

    /* no entry of a batch is */
    assert_int_equal(ask_two(&call, SECTOR, "{\"XLK\":{},\"SPY\":5}", 0), OK);
    assert_int_equal(call.status[0], INVALID);
    assert_int_equal(call.status[1], INVALID);
    assert_int_equal(call.out[0].foreign + call.out[1].foreign, 0);
    done(&call, before);
}


static void
test_a_batch_with_status_404(void **state)
{
    long          before;
    size_t        i;
    batch_call_t  call;

    static const struct {
        const char             *body;
        sector_model_status_e   status;     /* of one symbol */
        unsigned                foreign;
    } rows[] = {
        { "{\"error\":\"no such symbol\"}", NOT_FOUND, 0 },
        { "{\"symbol\":\"XLK\",\"error\":\"unknown\"}", NOT_FOUND, 0 },
        { "{\"success\":false}", NOT_FOUND, 0 },
        { OURS("UNKNOWN_SYMBOL"), NOT_FOUND, 0 },
        { OURS("UPSTREAM_ERROR"), INVALID, 0 },
        { "{\"symbol\":\"QQQ\",\"price\":1}", INVALID, 0 },
        { "default backend - 404", INVALID, 1 },
        { "<html>", INVALID, 1 },
        { "", INVALID, 1 }
    };

    (void) state;
    before = live;

    memset(&call, 0, sizeof(call));
    call.symbols[0] = "XLK";
    call.symbols[1] = "SPY";
    call.not_found = 1;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        call.n = 1;
        (void) parse(&call, SECTOR, rows[i].body, strlen(rows[i].body));
        assert_int_equal(call.status[0], rows[i].status);
        assert_int_equal(call.out[0].foreign, rows[i].foreign);
        done(&call, before);

        /* of two it might be either's */
        call.n = 2;
        assert_int_equal(parse(&call, SECTOR, rows[i].body,
                               strlen(rows[i].body)), INVALID);
        assert_int_equal(call.out[0].foreign, rows[i].foreign);
        done(&call, before);
    }
}


static void
test_a_batch_of_another_tier(void **state)
{
    long          before;
    batch_call_t  call;

    (void) state;
    before = live;

    assert_int_equal(ask_two(&call, SECTOR, "{\"success\":true,\"data\":{"
                             "\"SPY\":" SPY "},\"errors\":{\"XLK\":{"
                             "\"error_code\":\"NOT_FOUND\"}},"
                             "\"metadata\":{\"age\":7}}", 0), OK);
    assert_int_equal(call.status[0], NOT_FOUND);
    assert_int_equal(call.status[1], OK);
    assert_string_equal(call.out[1].json, SPY);
    assert_int_equal(call.out[1].age_s, 7);
    done(&call, before);

    assert_int_equal(ask_two(&call, SECTOR, "{\"success\":true,\"data\":["
                             SPY "," XLK "],\"metadata\":{\"age\":7}}", 0),
                     OK);
    assert_int_equal(call.out[0].age_s, 7);
    assert_int_equal(call.out[1].age_s, 7);
    done(&call, before);

    /* of one symbol its error is about that one */
    memset(&call, 0, sizeof(call));
    call.symbols[0] = "XLK";
    call.n = 1;
    assert_int_equal(parse(&call, SECTOR, OURS("UNKNOWN_SYMBOL"),
                           sizeof(OURS("UNKNOWN_SYMBOL")) - 1), OK);
    assert_int_equal(call.status[0], NOT_FOUND);
    done(&call, before);

    assert_int_equal(parse(&call, SECTOR, OURS("UPSTREAM_ERROR"),
                           sizeof(OURS("UPSTREAM_ERROR")) - 1), INVALID);
    assert_string_equal(call.reason, "upstream error \"UPSTREAM_ERROR\"");
    done(&call, before);
}


static void
test_what_a_partial_answer_lacks_may_exist(void **state)
{
    long          before;
    batch_call_t  call;

    static const char  missing[] = "\"XLK\" is missing from a partial answer";

    (void) state;
    before = live;

    assert_int_equal(ask_two(&call, SECTOR, "{\"SPY\":" SPY "}", 1), OK);
    assert_int_equal(call.status[0], INVALID);
    assert_string_equal(call.out[0].reason, missing);
    assert_int_equal(call.status[1], OK);
    done(&call, before);

    assert_int_equal(ask_two(&call, SECTOR, "{}", 1), OK);
    assert_int_equal(call.status[0], INVALID);
    assert_string_equal(call.out[0].reason, missing);
    done(&call, before);

    assert_int_equal(ask_two(&call, QUOTE, QUOTES(QUOTE_SPY), 1), OK);
    assert_int_equal(call.status[0], INVALID);
    assert_int_equal(call.status[1], OK);
    done(&call, before);

    /* what it says of a symbol, it says */
    assert_int_equal(ask_two(&call, SECTOR, "{\"data\":{\"SPY\":" SPY "},"
                             "\"errors\":{\"XLK\":{\"error_code\":"
                             "\"UNKNOWN_SYMBOL\"}}}", 1), OK);
    assert_int_equal(call.status[0], NOT_FOUND);
    done(&call, before);
}


static void
test_a_byte_order_mark_is_no_part_of_a_body(void **state)
{
    long          before;
    batch_call_t  call;

    static const meaning_t  rows[] = {
        { &own, MARK XLK, OK, 0, XLK },
        { &own, MARK "\n " XLK "\n", OK, 0, XLK },
        { &own, MARK "{\"success\":true,\"data\":" XLK "}", OK, 0, XLK },
        { &chart, MARK CHARTS(CHART_XLK), OK, 0, PLAIN_XLK },
        { &quote, MARK QUOTES(QUOTE_XLK), OK, 0, PLAIN_XLK },
        { &own, MARK "{\"symbol\":\"XLK\",\"price\":1e0,\"a\\u0000\":1e400}",
          OK, 0, "{\"symbol\":\"XLK\",\"price\":1e0,\"a\\u0000\":1e400}" }
    };

    (void) state;

    check_meanings(rows);

    before = live;
    assert_int_equal(ask_two(&call, SECTOR, MARK "{\"XLK\":" XLK ",\"SPY\":"
                             SPY "}", 0), OK);
    assert_string_equal(call.out[0].json, XLK);
    assert_string_equal(call.out[1].json, SPY);
    done(&call, before);
}


/* What a price of 0 is beside these members, in the three formats. */

static void
expect_zero(const char *price, const char *previous, const char *change,
    const char *percent, sector_model_status_e status)
{
    size_t  i;
    char    body[400];

    for (i = 0; i < 2; i++) {
        (void) snprintf(body, sizeof(body), i == 0
                        ? "{\"symbol\":\"XLK\",\"price\":%s,"
                          "\"previousClose\":%s,\"change\":%s,"
                          "\"changePercent\":%s}"
                        : QUOTES("{\"symbol\":\"XLK\","
                                 "\"regularMarketPrice\":%s,"
                                 "\"regularMarketPreviousClose\":%s,"
                                 "\"regularMarketChange\":%s,"
                                 "\"regularMarketChangePercent\":%s}"),
                        price, previous, change, percent);
        check_meaning(&(meaning_t) { i ? &quote : &own, body, status, 0,
                                     status == OK ? NULL : "no data: the "
                                     "price is 0, and was above 0 at the "
                                     "previous close" });
    }

    if (strcmp(change, "null") == 0 && strcmp(percent, "null") == 0) {
        (void) snprintf(body, sizeof(body), CHARTS("{\"meta\":{\"symbol\":"
                        "\"XLK\",\"regularMarketPrice\":%s,\"previousClose\":"
                        "%s}}"), price, previous);
        check_meaning(&(meaning_t) { &chart, body, status, 0, NULL });
    }
}


static void
test_a_price_of_0_may_be_no_data(void **state)
{
    static const meaning_t  bars[] = {
        { &chart, CHARTS("{\"meta\":{\"symbol\":\"XLK\",\"regularMarketPrice\""
          ":0,\"regularMarketTime\":1000000,\"gmtoffset\":0,"
          "\"dataGranularity\":\"1d\"},\"timestamp\":[900000],\"indicators\":"
          "{\"quote\":[{\"close\":[12]}]}}"), INVALID, 0,
          "no data: the price is 0, and was above 0 at the previous close" }
    };

    (void) state;

    expect_zero("0", "285.17", "null", "null", INVALID);
    expect_zero("0.0", "0.0001", "null", "null", INVALID);
    expect_zero("-0.0", "5", "7", "7", INVALID);
    expect_zero("0", "18446744073709551615", "null", "null", INVALID);

    /* futures, and what has no price of the day before */
    expect_zero("0", "null", "null", "null", OK);
    expect_zero("0", "0", "null", "null", OK);
    expect_zero("0", "-3", "null", "null", OK);
    expect_zero("0", "-3", "3", "-100", OK);
    expect_zero("-37.63", "18.27", "null", "null", OK);
    expect_zero("0.0001", "18.27", "null", "null", OK);

    /* a change tells as well, and a percentage */
    expect_zero("0", "null", "-5", "null", INVALID);
    expect_zero("0", "null", "null", "-100", INVALID);
    expect_zero("0", "null", "5", "-100", OK);
    expect_zero("0", "null", "0", "0", OK);

    check_meanings(bars);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_is_no_object_in_json_is_foreign),
        cmocka_unit_test(test_yahoos_form_is_its_envelopes),
        cmocka_unit_test(test_our_own_form_has_a_symbol_or_success),
        cmocka_unit_test(test_an_object_with_status_404_says_no),
        cmocka_unit_test(test_an_envelopes_age),
        cmocka_unit_test(test_whose_form_a_batch_has),
        cmocka_unit_test(test_a_batch_with_status_404),
        cmocka_unit_test(test_a_batch_of_another_tier),
        cmocka_unit_test(test_what_a_partial_answer_lacks_may_exist),
        cmocka_unit_test(test_a_byte_order_mark_is_no_part_of_a_body),
        cmocka_unit_test(test_a_price_of_0_may_be_no_data)
    };

    return cmocka_run_group_tests(tests, count_allocations, NULL);
}
