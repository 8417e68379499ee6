/*
 * sector_model: bodies about many symbols, rule by rule.  Batches against the
 * parser of one symbol, and changed bodies, are in test_model_batch_changed.c.
 */

#include "test_model_batch.h"


#define MANY  1000

#define NO_XLK  "\"XLK\" is not in the result"
#define NO_SPY  "\"SPY\" is not in the result"


/* What is expected of one symbol: the sector, or the reason. */

typedef struct {
    const char             *symbol;
    sector_model_status_e   status;
    const char             *expected;
} batch_symbol_t;


typedef struct {
    const char             *body;
    sector_model_status_e   status;     /* of the body; reason if not OK */
    const char             *reason;
    batch_symbol_t          asked[4];   /* up to the first NULL */
} batch_row_t;


static void
check_row(sector_format_e format, const batch_row_t *row)
{
    long                    before;
    size_t                  i;
    const char             *got;
    batch_call_t            call;
    sector_model_status_e   whole;

    memset(&call, 0, sizeof(call));
    before = live;

    while (call.n < 4 && row->asked[call.n].symbol != NULL) {
        call.symbols[call.n] = row->asked[call.n].symbol;
        call.n++;
    }

    whole = parse(&call, format, row->body, strlen(row->body));

    if (whole != row->status || strcmp(call.reason, row->reason) != 0) {
        fail_msg("%s:\n     got %d %s\nexpected %d %s", row->body,
                 (int) whole, call.reason, (int) row->status, row->reason);
    }

    for (i = 0; whole == OK && i < call.n; i++) {
        got = (call.status[i] == OK) ? call.out[i].json : call.out[i].reason;

        if (call.status[i] != row->asked[i].status
            || strcmp(got, row->asked[i].expected) != 0)
        {
            fail_msg("%s, %s:\n     got %d %s\nexpected %d %s", row->body,
                     call.symbols[i], (int) call.status[i], got,
                     (int) row->asked[i].status, row->asked[i].expected);
        }
    }

    done(&call, before);
}


#define check_rows(format, rows)                                              \
    do {                                                                      \
        size_t  row_;                                                         \
                                                                              \
        for (row_ = 0; row_ < sizeof(rows) / sizeof(rows[0]); row_++) {       \
            check_row(format, &rows[row_]);                                   \
        }                                                                     \
    } while (0)


static void
test_quotes(void **state)
{
    static const batch_row_t  rows[] = {

        /* numbers of any size, and NULs, one with whom it is about */
        { QUOTES("{\"symbol\":\"QQQ\",\"x\":1e400},{\"symbol\":\"SPY\","
                 "\"a\\u0000\":1,\"regularMarketPrice\":"
                 "18446744073709551615}," QUOTE_XLK), OK, "",
          { { "XLK", OK, PLAIN_XLK },
            { "SPY", OK,
              "{\"symbol\":\"SPY\",\"price\":18446744073709551615}" } } },
        { QUOTES("{\"symbol\":\"SPY\\u0000\"}," QUOTE_XLK), OK, "",
          { { "XLK", OK, PLAIN_XLK },
            { "SPY", INVALID, "symbol has a NUL in it" } } },

        /* any order, any case, and what nobody asked for */
        { QUOTES(QUOTE_SPY ",{\"symbol\":\"QQQ\"}," QUOTE_XLK), OK, "",
          { { "XLK", OK, PLAIN_XLK }, { "SPY", OK, PLAIN_SPY } } },
        { QUOTES(QUOTE_XLK), OK, "",
          { { "SPY", NOT_FOUND, NO_SPY }, { "XLK", OK, PLAIN_XLK } } },
        { QUOTES(""), OK, "",
          { { "XLK", NOT_FOUND, NO_XLK }, { "SPY", NOT_FOUND, NO_SPY } } },
        { QUOTES(QUOTE_XLK), OK, "", { { NULL, OK, NULL } } },

        /* the first of two, good or not */
        { QUOTES(QUOTE_SPY ",{\"symbol\":\"spy\",\"regularMarketPrice\":3}"),
          OK, "", { { "SPY", OK, PLAIN_SPY } } },
        { QUOTES("{\"symbol\":\"spy\"}," QUOTE_SPY), OK, "",
          { { "SPY", INVALID, "no price" } } },

        /* one that is wrong is wrong alone */
        { QUOTES("{\"symbol\":\"SPY\",\"regularMarketPrice\":\"2\"},"
                 QUOTE_XLK), OK, "",
          { { "XLK", OK, PLAIN_XLK },
            { "SPY", INVALID,
              "regularMarketPrice is a string, not a number" } } },
        { QUOTES("{\"symbol\":\"SPY\",\"quoteType\":\"NONE\"}," QUOTE_XLK),
          OK, "",
          { { "SPY", NOT_FOUND, "quoteType is NONE" },
            { "XLK", OK, PLAIN_XLK } } },

        /* one that is nobody's might have been anybody's */
        { QUOTES("{},5," QUOTE_XLK), OK, "",
          { { "XLK", OK, PLAIN_XLK },
            { "SPY", INVALID, "symbol is null, not a string" } } },
        { QUOTES(QUOTE_XLK ",5,{}"), OK, "",
          { { "SPY", INVALID, "result[1] is an integer, not an object" },
            { "XLK", OK, PLAIN_XLK } } },

        { "{\"finance\":{\"result\":null,\"error\":{\"code\":\"Not Found\"}}}",
          OK, "",
          { { "XLK", NOT_FOUND, "upstream error \"Not Found\"" },
            { "SPY", NOT_FOUND, "upstream error \"Not Found\"" } } },
        { "{\"finance\":{\"error\":{\"code\":\"Unauthorized\"}}}", INVALID,
          "upstream error \"Unauthorized\"", { { "XLK", OK, NULL } } },
        { "{\"quoteResponse\":{\"result\":{}}}", INVALID,
          "result is an object, not an array", { { "XLK", OK, NULL } } },
        { "{}", INVALID, "no quoteResponse",
          { { "XLK", OK, NULL }, { "SPY", OK, NULL } } },
        { "[]", INVALID, "the body is an array, not an object",
          { { "XLK", OK, NULL } } }
    };

    (void) state;

    check_rows(QUOTE, rows);
}


static void
test_charts(void **state)
{
    static const batch_row_t  rows[] = {
        { CHARTS(CHART_SPY ",{\"meta\":{\"symbol\":\"QQQ\"}}," CHART_XLK), OK,
          "", { { "XLK", OK, PLAIN_XLK }, { "SPY", OK, PLAIN_SPY } } },
        { CHARTS(CHART_XLK), OK, "",
          { { "SPY", NOT_FOUND, NO_SPY }, { "XLK", OK, PLAIN_XLK } } },
        { CHARTS(""), OK, "", { { "XLK", NOT_FOUND, NO_XLK } } },
        { CHARTS("{\"meta\":{\"symbol\":\"spy\"}}," CHART_SPY), OK, "",
          { { "SPY", INVALID, "no price" } } },
        { CHARTS("{\"meta\":{\"symbol\":\"XLK\",\"regularMarketPrice\":1,"
                 "\"regularMarketTime\":7,\"currentTradingPeriod\":5}}"), OK,
          "",
          { { "XLK", INVALID,
              "currentTradingPeriod is an integer, not an object" } } },
        { CHARTS(CHART_XLK ",{}"), OK, "",
          { { "XLK", OK, PLAIN_XLK }, { "SPY", INVALID, "no meta" } } },
        { CHARTS("{\"meta\":[]}"), OK, "",
          { { "XLK", INVALID, "meta is an array, not an object" } } },
        { CHARTS("null," CHART_XLK), OK, "",
          { { "XLK", OK, PLAIN_XLK },
            { "SPY", INVALID, "result[0] is null, not an object" } } },
        { "{\"chart\":{\"error\":{\"code\":\"Not Found\"}}}", OK, "",
          { { "XLK", NOT_FOUND, "upstream error \"Not Found\"" } } },
        { "{\"chart\":{\"error\":{\"code\":\"Bad Request\"}}}", INVALID,
          "upstream error \"Bad Request\"", { { "XLK", OK, NULL } } },
        { QUOTES(QUOTE_XLK), INVALID, "no chart", { { "XLK", OK, NULL } } }
    };

    (void) state;

    check_rows(CHART, rows);
}


static void
test_maps_of_sectors(void **state)
{
    static const batch_row_t  rows[] = {

        /* byte for byte, whatever is around and inside */
        { "\r\n{ \"QQQ\" : {} ,\"a\\\"{:,\":[1,{}],\"spy\"\t:\n" SPY "\n,"
          "\"XL\\u004b\":" XLK "}\t", OK, "",
          { { "XLK", OK, XLK }, { "SPY", OK, SPY } } },
        { "{\"XLK\":" XLK "}", OK, "",
          { { "SPY", NOT_FOUND, NO_SPY }, { "XLK", OK, XLK } } },
        { "{\"XLK\":" XLK "}", OK, "", { { "SPY", NOT_FOUND, NO_SPY } } },
        { "{}", OK, "", { { "XLK", NOT_FOUND, NO_XLK } } },

        /* the first of two keys that differ in case */
        { "{\"xlk\":" XLK ",\"XLK\":5}", OK, "", { { "XLK", OK, XLK } } },
        { "{\"xlk\":5,\"XLK\":" XLK "}", OK, "",
          { { "XLK", INVALID, "the sector is an integer, not an object" } } },

        /* one that is wrong is wrong alone */
        { "{\"XLK\":" XLK ",\"SPY\":" XLK ",\"QQQ\":null,\"DIA\":{}}", OK, "",
          { { "XLK", OK, XLK },
            { "SPY", INVALID, "symbol is \"XLK\", asked for \"SPY\"" },
            { "QQQ", INVALID, "the sector is null, not an object" },
            { "DIA", INVALID, "no symbol" } } },
        { "{\"XLK\":{\"symbol\":\"XLK\",\"price\":\"1\"},\"SPY\":" SPY "}",
          OK, "",
          { { "XLK", INVALID, "price is a string, not a number" },
            { "SPY", OK, SPY } } },

        /* numbers of any size, and NULs; none is anyone's name */
        { "{\"X\":1e400,\"XLK\\u0000\":5,\"XLK\":{\"symbol\":\"XLK\","
          "\"x\":[18446744073709551615,\"]\\u0000\"],\"price\":1e0},"
          "\"SPY\":1e400,\"QQQ\":{\"symbol\":\"QQQ\\u0000\",\"price\":1}}", OK,
          "",
          { { "XLK", OK, "{\"symbol\":\"XLK\",\"x\":[18446744073709551615,"
                         "\"]\\u0000\"],\"price\":1e0}" },
            { "SPY", INVALID,
              "the sector is a number out of range, not an object" },
            { "QQQ", INVALID, "symbol has a NUL in it" } } },
        { "{\"XLK\\u0000\":" XLK "}", OK, "",
          { { "XLK", NOT_FOUND, NO_XLK } } },
        { "{\"data\":{\"a\\u0000\":" SPY ",\"SPY\":" SPY "},\"errors\":"
          "{\"XLK\":{\"error_code\":\"UNKNOWN_SYMBOL\\u0000\"}}}", OK, "",
          { { "SPY", OK, SPY },
            { "XLK", INVALID, "error.error_code has a NUL in it" } } },
        { "{\"error\":1e400,\"X\":{\"symbol\":1e400}}", INVALID,
          "no member is a sector", { { "XLK", OK, NULL } } },

        /* not a map */
        { "{\"error\":\"quota exceeded\",\"details\":{\"limit\":5}}", INVALID,
          "no member is a sector", { { "XLK", OK, NULL } } },
        { "{\"success\":false,\"error_code\":\"UNKNOWN_SYMBOL\","
          "\"error_details\":{\"symbol\":\"SPY\"}}", INVALID,
          "upstream error \"UNKNOWN_SYMBOL\"",
          { { "XLK", OK, NULL }, { "SPY", OK, NULL } } }
    };

    (void) state;

    check_rows(SECTOR, rows);
}


static void
test_one_sector_alone(void **state)
{
    static const batch_row_t  rows[] = {
        { " " SPY "\n", OK, "", { { "SPY", OK, SPY } } },
        { SPY, INVALID, "symbol is \"spy\", asked for \"XLK\"",
          { { "XLK", OK, NULL } } },
        { "{\"symbol\":\"SPY\",\"price\":\"2\",\"a\":{\"symbol\":\"A\"}}",
          INVALID, "price is a string, not a number",
          { { "SPY", OK, NULL } } },
        { SPY, INVALID, "one sector, not a batch",
          { { "SPY", OK, NULL }, { "XLK", OK, NULL } } },

        /* symbols that are keys of a sector, or of the envelope */
        { "{\"symbol\":\"PRICE\",\"price\":1}", OK, "",
          { { "PRICE", OK, "{\"symbol\":\"PRICE\",\"price\":1}" } } },
        { "{\"symbol\":{\"symbol\":\"SYMBOL\",\"price\":1},\"XLK\":" XLK "}",
          OK, "",
          { { "SYMBOL", OK, "{\"symbol\":\"SYMBOL\",\"price\":1}" } } },
        { "{\"symbol\":\"XLK\",\"XLK\":" XLK "}", OK, "",
          { { "XLK", OK, XLK } } },
        { "{\"symbol\":\"XLK\",\"price\":1,\"data\":{\"XLK\":" XLK "}}", OK,
          "",
          { { "XLK", OK, "{\"symbol\":\"XLK\",\"price\":1,\"data\":{\"XLK\":"
                         XLK "}}" } } },
        { "{\"XLK\":" XLK ",\"data\":{\"symbol\":\"DATA\",\"price\":1}}", OK,
          "",
          { { "XLK", OK, XLK },
            { "DATA", OK, "{\"symbol\":\"DATA\",\"price\":1}" } } }
    };

    (void) state;

    check_rows(SECTOR, rows);
}


static void
test_arrays_of_sectors(void **state)
{
    static const batch_row_t  rows[] = {
        { " [ " SPY " ,\n{\"symbol\":\"QQQ\"}," XLK "]", OK, "",
          { { "XLK", OK, XLK }, { "SPY", OK, SPY } } },
        { "[" SPY "]", OK, "",
          { { "XLK", NOT_FOUND, NO_XLK }, { "SPY", OK, SPY } } },
        { "[]", OK, "", { { "XLK", NOT_FOUND, NO_XLK } } },
        { "[" XLK ",{\"symbol\":\"XLK\",\"price\":3}]", OK, "",
          { { "XLK", OK, XLK } } },
        { "[{\"symbol\":\"XLK\"}," SPY "]", OK, "",
          { { "XLK", INVALID, "no price" }, { "SPY", OK, SPY } } },
        { "[\"]\",{}," SPY "]", OK, "",
          { { "SPY", OK, SPY },
            { "XLK", INVALID, "result[0] is a string, not an object" } } },
        { "[[" XLK "]]", OK, "",
          { { "XLK", INVALID, "result[0] is an array, not an object" } } }
    };

    (void) state;

    check_rows(SECTOR, rows);
}


static void
test_our_own_envelope(void **state)
{
    static const batch_row_t  rows[] = {
        { "{\"success\":true,\"errors\":{\"qqq\":{\"error_code\":"
          "\"UNKNOWN_SYMBOL\"},\"DIA\":{\"error_code\":\"NO_DATA\"}},"
          "\"data\": {\"SPY\":" SPY ",\"XLK\":" XLK "} ,\"cached\":true,"
          "\"metadata\":{\"SPY\":{}}}", OK, "",
          { { "XLK", OK, XLK }, { "SPY", OK, SPY },
            { "QQQ", NOT_FOUND, "upstream error \"UNKNOWN_SYMBOL\"" },
            { "DIA", INVALID, "upstream error \"NO_DATA\"" } } },
        { "{\"data\":[" SPY "," XLK "]}", OK, "",
          { { "XLK", OK, XLK }, { "SPY", OK, SPY },
            { "QQQ", NOT_FOUND, "\"QQQ\" is not in the result" } } },
        { "{\"data\":" XLK "}", OK, "", { { "XLK", OK, XLK } } },
        { "{\"data\":{}}", OK, "", { { "XLK", NOT_FOUND, NO_XLK } } },

        /* data beats an error, an error what is not there */
        { "{\"data\":{\"XLK\":" XLK "},\"errors\":{\"XLK\":{\"error_code\":"
          "\"NO_DATA\"}}}", OK, "", { { "XLK", OK, XLK } } },
        { "{\"data\":[5],\"errors\":{\"XLK\":{\"error_code\":"
          "\"UNKNOWN_SYMBOL\"},\"SPY\":{}}}", OK, "",
          { { "XLK", NOT_FOUND, "upstream error \"UNKNOWN_SYMBOL\"" },
            { "SPY", INVALID, "error.error_code is null, not a string" } } },
        { "{\"data\":{},\"errors\":{\"XLK\":5,\"xlk\":{\"error_code\":"
          "\"UNKNOWN_SYMBOL\"}}}", OK, "",
          { { "XLK", INVALID, "error is an integer, not an object" } } },
        { "{\"data\":{},\"errors\":null}", OK, "",
          { { "XLK", NOT_FOUND, NO_XLK } } },

        { "{\"data\":{},\"errors\":[]}", INVALID,
          "errors is an array, not an object", { { "XLK", OK, NULL } } },
        { "{\"data\":null,\"errors\":{\"XLK\":{}}}", INVALID,
          "no member is a sector", { { "XLK", OK, NULL } } },
        { "{\"data\":{\"a\":1}}", INVALID, "no member is a sector",
          { { "XLK", OK, NULL }, { "SPY", OK, NULL } } },
        { "{\"data\":" XLK "}", INVALID, "one sector, not a batch",
          { { "XLK", OK, NULL }, { "SPY", OK, NULL } } }
    };

    (void) state;

    check_rows(SECTOR, rows);
}


static void
test_whole_bodies_are_refused(void **state)
{
    size_t  n;
    char    deep[200];

    static const batch_row_t  rows[] = {
        { " ", INVALID, "empty body", { { "XLK", OK, NULL } } },
        { "<html>", INVALID, "an HTML or XML page, not JSON",
          { { "XLK", OK, NULL }, { "SPY", OK, NULL } } },
        { "{\"XLK\":" XLK ",\"XLK\":" XLK "}", INVALID,
          "not JSON: duplicate object key near '\"XLK\"' at line 1 column 42",
          { { "XLK", OK, NULL } } },
        { "[" XLK ",{\"a\":1,\"a\":1}]", INVALID,
          "not JSON: duplicate object key near '\"a\"' at line 1 column 41",
          { { "XLK", OK, NULL } } },
        { "[" XLK "]]", INVALID,
          "not JSON: end of file expected near ']' at line 1 column 32",
          { { "XLK", OK, NULL } } },
        { "[" XLK ",1e999,]", INVALID,
          "not JSON: unexpected token near ']' at line 1 column 38",
          { { "XLK", OK, NULL } } }
    };
    batch_row_t  nested = {
        deep, INVALID, "nested 65 deep, at most 64 allowed",
        { { "XLK", OK, NULL } }
    };

    (void) state;

    check_rows(SECTOR, rows);

    for (n = 64; n <= 65; n++) {
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        deep[2 * n] = '\0';

        if (n == 64) {
            nested.status = OK;
            nested.reason = "";
            nested.asked[0].status = INVALID;
            nested.asked[0].expected = "result[0] is an array, not an object";

        } else {
            nested.status = INVALID;
            nested.reason = "nested 65 deep, at most 64 allowed";
        }

        check_row(SECTOR, &nested);
    }
}


static void
test_names_are_each_symbols_own(void **state)
{
    long          before;
    batch_call_t  call;

    static const char  body[] = QUOTES(QUOTE_SPY "," QUOTE_XLK ",{\"symbol\":"
        "\"QQQ\",\"shortName\":\"Q\",\"regularMarketPrice\":3}");

    (void) state;

    before = live;
    call = (batch_call_t) {
        .symbols = { "XLK", "SPY", "QQQ" },
        .names = { "Technology", "\xff", NULL },
        .n = 3
    };

    assert_int_equal(parse(&call, QUOTE, body, sizeof(body) - 1), OK);
    assert_string_equal(call.out[0].json, "{\"symbol\":\"XLK\",\"name\":"
                        "\"Technology\",\"price\":1.5}");
    assert_int_equal(call.status[1], INVALID);
    assert_string_equal(call.out[1].reason,
                        "the configured name is not UTF-8");
    assert_string_equal(call.out[2].json,
                        "{\"symbol\":\"QQQ\",\"name\":\"Q\",\"price\":3}");
    done(&call, before);
}


/* Without names, with the times of each; nothing for nobody. */

static void
test_names_and_symbols_may_be_none(void **state)
{
    char                    reason[SECTOR_MODEL_REASON_MAX];
    const char             *symbols[] = { "XLK", "SPY" };
    sector_model_batch_t    in;
    sector_model_output_t   out[2];
    sector_model_status_e   status[2];

    static const char  body[] = QUOTES(
        "{\"symbol\":\"XLK\",\"regularMarketPrice\":1,\"regularMarketTime\":7}"
        "," QUOTE_SPY);

    (void) state;

    in = (sector_model_batch_t) {
        .body = body,
        .body_len = sizeof(body) - 1,
        .format = QUOTE,
        .symbols = symbols,
        .n = 2
    };

    assert_int_equal(sector_model_parse_batch(&in, out, status, reason), OK);
    assert_true(out[0].quote_ms == 7000);
    assert_true(out[1].quote_ms == INT64_MIN);
    free(out[0].json);
    free(out[1].json);

    in.n = 0;
    in.symbols = NULL;
    assert_int_equal(sector_model_parse_batch(&in, NULL, NULL, reason), OK);

    in.body_len = 1;
    assert_int_equal(sector_model_parse_batch(&in, NULL, NULL, reason),
                     INVALID);
    check_reason(reason);
}


/* A map and an array of a thousand, asked for from behind. */

static void
test_a_thousand_symbols(void **state)
{
    char                   *body, *p, reason[SECTOR_MODEL_REASON_MAX];
    char                    sector[64];
    size_t                  i, form;
    sector_model_batch_t    in;

    static char                    names[MANY][SECTOR_SYMBOL_MAX + 1];
    static const char             *symbols[MANY];
    static sector_model_output_t   out[MANY];
    static sector_model_status_e   status[MANY];

    (void) state;

    body = malloc(MANY * 64);
    assert_non_null(body);

    for (form = 0; form < 2; form++) {
        p = body;

        for (i = 0; i < MANY; i++) {
            (void) snprintf(names[i], sizeof(names[i]), "S%zu", i);
            symbols[MANY - 1 - i] = names[i];

            *p++ = (i == 0) ? "{["[form] : ',';
            p += (form == 0) ? sprintf(p, "\"s%zu\":", i) : 0;
            p += sprintf(p, "{\"symbol\":\"S%zu\",\"price\":%zu}", i, i);
        }

        *p++ = "}]"[form];

        in = (sector_model_batch_t) {
            .body = body,
            .body_len = (size_t) (p - body),
            .format = SECTOR,
            .symbols = symbols,
            .n = MANY
        };

        assert_int_equal(sector_model_parse_batch(&in, out, status, reason),
                         OK);

        for (i = 0; i < MANY; i++) {
            (void) snprintf(sector, sizeof(sector),
                            "{\"symbol\":\"%s\",\"price\":%zu}", symbols[i],
                            MANY - 1 - i);
            assert_int_equal(status[i], OK);
            assert_string_equal(out[i].json, sector);
            free(out[i].json);
        }
    }

    free(body);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_charts),
        cmocka_unit_test(test_maps_of_sectors),
        cmocka_unit_test(test_one_sector_alone),
        cmocka_unit_test(test_arrays_of_sectors),
        cmocka_unit_test(test_our_own_envelope),
        cmocka_unit_test(test_whole_bodies_are_refused),
        cmocka_unit_test(test_names_are_each_symbols_own),
        cmocka_unit_test(test_names_and_symbols_may_be_none),
        cmocka_unit_test(test_a_thousand_symbols)
    };

    return cmocka_run_group_tests(tests, count_allocations, NULL);
}
