/*
 * sector_model: symbols, numbers, the gates that every body passes, our own
 * format, the envelope, and what happens without memory.  Yahoo's two formats
 * field by field are in test_model_yahoo.c, recorded bodies in
 * test_model_fixtures.c.
 *
 * SECTOR_SEED repeats a run of the random parts.
 */

#include <locale.h>
#include <math.h>

#include "test_model.h"


#define NUMBERS    100000
#define MUTATIONS  20000


static const model_ask_t  own = { SECTOR, "SPY", NULL, 0 };
static const model_ask_t  chart = { CHART, "SPY", NULL, 0 };
static const model_ask_t  quote = { QUOTE, "SPY", NULL, 0 };


static const char  chart_body[] =
    "{\"chart\":{\"result\":[{\"meta\":{\"currency\":\"USD\",\"symbol\":"
    "\"SPY\",\"regularMarketTime\":1000000,\"gmtoffset\":-14400,"
    "\"regularMarketPrice\":653.875,\"previousClose\":655.38,\"longName\":"
    "\"\\u00d8 S&P\",\"currentTradingPeriod\":{\"regular\":{\"start\":1,"
    "\"end\":2}},\"dataGranularity\":\"1d\",\"range\":\"5y\"},\"timestamp\":"
    "[900000,1000000],\"indicators\":{\"quote\":[{\"close\":[655.38,null],"
    "\"volume\":[null,7]}]}}],\"error\":null}}";

static const char  chart_sector[] =
    "{\"symbol\":\"SPY\",\"name\":\"\xc3\x98 S&P\",\"price\":653.875,"
    "\"change\":-1.505,\"changePercent\":-0.2296,\"volume\":7,\"timestamp\":"
    "1000000000,\"longName\":\"\xc3\x98 S&P\",\"currency\":\"USD\","
    "\"marketState\":\"CLOSED\",\"previousClose\":655.38}";

static const char  quote_body[] =
    "{\"quoteResponse\":{\"result\":[{\"symbol\":\"XLK\"},{\"symbol\":"
    "\"spy\",\"regularMarketPrice\":{\"raw\":1E1,\"fmt\":\"10\"}}],"
    "\"error\":null}}";

static const char  own_body[] =
    "{\"symbol\":\"SPY\",\"price\":1.50,\"timestamp\":-5,\"x\":[{}]}";


static void
refused(const model_ask_t *ask, const char *body, const char *reason)
{
    model_expect(ask, body, strlen(body), INVALID, reason);
}


static void
accepted(const model_ask_t *ask, const char *body, const char *expected)
{
    model_expect(ask, body, strlen(body), OK, expected);
}


static void
test_symbols(void **state)
{
    char    symbol[SECTOR_SYMBOL_MAX + 1];
    char    c;
    int     i;
    size_t  k;

    static const char *const  good[][2] = {
        { "XLK", "XLK" }, { "spy", "SPY" }, { "bRk-b", "BRK-B" },
        { "^vxapl", "^VXAPL" }, { "inr=x", "INR=X" }, { "7", "7" },
        { "ALL.ax", "ALL.AX" }, { ".A", ".A" }, { "..-", "..-" },
        { "0123456789", "0123456789" }, { "=", "=" },
        { "m&m.ns", "M&M.NS" }, { "reliance.ns", "RELIANCE.NS" },
        { "0P00013P6I.L", "0P00013P6I.L" }, { "_", "_" }, { "&", "&" },
        { "aapl260116c00150000", "AAPL260116C00150000" },
        { "0123456789abcdef^=&_-.0123456789",
          "0123456789ABCDEF^=&_-.0123456789" }
    };
    static const char *const  bad[] = {
        "", ".", "..", "...", "..........", "................................",
        "0123456789abcdef^=&_-.01234567890", "A B", "A/B", "A+B", "A%42",
        "A%26B", "A&amp;", "A\n", " A", "\xc3\x98", "A,B", "A@", "[A]", "`",
        "{", "A#B", "A?B", "A'B"
    };

    (void) state;

    for (k = 0; k < sizeof(good) / sizeof(good[0]); k++) {
        assert_int_equal(sector_model_symbol(good[k][0], strlen(good[k][0]),
                                             symbol), 0);
        assert_string_equal(symbol, good[k][1]);
    }

    for (k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        assert_int_equal(sector_model_symbol(bad[k], strlen(bad[k]), symbol),
                         -1);
        assert_string_equal(symbol, "");
    }

    for (i = 0; i < 256; i++) {
        c = (char) i;
        assert_int_equal(sector_model_symbol(&c, 1, symbol) == 0,
                         (i >= '0' && i <= '9') || (i >= 'A' && i <= 'Z')
                         || (i >= 'a' && i <= 'z') || i == '-' || i == '^'
                         || i == '=' || i == '&' || i == '_');
    }

    assert_int_equal(sector_model_symbol("XLKX", 3, symbol), 0);
    assert_string_equal(symbol, "XLK");
    assert_int_equal(sector_model_symbol("A\0B", 3, symbol), -1);
}


static const struct {
    double       value;
    const char  *text;
} numbers[] = {
    { 0, "0" }, { -0.0, "0" }, { 1, "1" }, { -1, "-1" }, { 540.0, "540" },
    { 285.17, "285.17" }, { 285.17000000000002, "285.17" }, { 0.1, "0.1" },
    { 0.1 + 0.2, "0.30000000000000004" }, { 3.2830269E11, "328302690000" },
    { 99309328.0, "99309328" }, { 1.8E10, "18000000000" },
    { 655.3800048828125, "655.3800048828125" },
    { 1e20, "1e+20" }, { 123456789012345680000.0, "1.2345678901234568e+20" },
    { 1e21, "1e+21" }, { -1.5e21, "-1.5e+21" },
    { 1e18, "1000000000000000000" },
    { 1e-6, "0.000001" }, { -1.25e-6, "-0.00000125" }, { 1e-7, "1e-7" },
    { 1.25e-7, "1.25e-7" }, { 4.9595037E-5, "0.000049595037" },
    { 1.7976931348623157e308, "1.7976931348623157e+308" },
    { 2.2250738585072014e-308, "2.2250738585072014e-308" },
    { 5e-324, "5e-324" }, { -37.63, "-37.63" },
    { 9007199254740992.0, "9007199254740992" },
    { 9223372036854774784.0, "9223372036854775000" },
    { -9223372036854774784.0, "-9223372036854775000" },
    { 9223372036854775808.0, "9.223372036854776e+18" },
    { -9223372036854775808.0, "-9.223372036854776e+18" },
    { -1.2345678901234567e-6, "-0.0000012345678901234567" },
    { INFINITY, "0" }, { -INFINITY, "0" }, { NAN, "0" }
};


static void
test_numbers_print_as_in_javascript_within_64_bits(void **state)
{
    char    buf[32];
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_int_equal(sector_model_number(numbers[i].value, buf),
                         strlen(numbers[i].text));
        assert_string_equal(buf, numbers[i].text);
    }
}


static void
check_round_trip(double value)
{
    char     buf[32];
    size_t   len;
    json_t  *back;

    memset(buf, 0x5a, sizeof(buf));
    len = sector_model_number(value, buf);
    assert_true(len > 0 && len < sizeof(buf));
    assert_int_equal(strlen(buf), len);
    assert_true(strtod(buf, NULL) == value);

    back = json_loadb(buf, len, JSON_DECODE_ANY, NULL);
    assert_non_null(back);
    assert_true(json_number_value(back) == value);
    json_decref(back);
}


/* Integers of more than 64 bits, which jansson does not read as such. */

static void
test_large_numbers_read_back(void **state)
{
    int                     exponent;
    static const char       quote[] =
        "{\"quoteResponse\":{\"result\":[{\"symbol\":\"XLK\","
        "\"regularMarketPrice\":1e20}],\"error\":null}}";
    static const model_ask_t  ask = { QUOTE, "XLK", NULL, 0 };

    (void) state;

    for (exponent = 50; exponent < 80; exponent++) {
        check_round_trip(ldexp(1, exponent));
        check_round_trip(-ldexp(1, exponent));
        check_round_trip(ldexp(1, exponent) - ldexp(1, exponent - 53));
        check_round_trip(ldexp(1, exponent) + ldexp(1, exponent - 52));
    }

    assert_int_equal(model_try(&ask, quote, sizeof(quote) - 1), OK);
}


static void
test_random_numbers_read_back(void **state)
{
    int       i, k;
    char      text[32], buf[32];
    double    value;
    uint64_t  bits;

    (void) state;
    model_seed();

    for (i = 0; i < NUMBERS; i++) {
        for (bits = 0, k = 0; k < 5; k++) {
            bits = (bits << 15) ^ (uint64_t) rand();
        }

        memcpy(&value, &bits, sizeof(value));

        if (isfinite(value)) {
            check_round_trip(value);
        }

        /* what has up to 15 digits keeps its spelling */

        (void) snprintf(text, sizeof(text), "%d.%06d", 1 + rand() % 1000000,
                        (rand() % 100000) * 10 + 1 + rand() % 9);
        sector_model_number(strtod(text, NULL), buf);
        assert_string_equal(buf, text);
    }
}


static void
test_numbers_do_not_ask_the_locale(void **state)
{
    char    buf[32];
    size_t  i;

    static const char *const  locales[] = {
        "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "pl_PL.UTF-8", "ru_RU.UTF-8"
    };

    (void) state;

    for (i = 0; i < sizeof(locales) / sizeof(locales[0]); i++) {
        if (setlocale(LC_ALL, locales[i]) != NULL
            && strcmp(localeconv()->decimal_point, ".") != 0)
        {
            break;
        }
    }

    if (i == sizeof(locales) / sizeof(locales[0])) {
        (void) setlocale(LC_ALL, "C");
        print_message("no locale with a decimal comma here\n");
        skip();
    }

    sector_model_number(285.17, buf);
    assert_string_equal(buf, "285.17");
    sector_model_number(1.25e-7, buf);
    assert_string_equal(buf, "1.25e-7");
    accepted(&chart, chart_body, chart_sector);

    (void) setlocale(LC_ALL, "C");
}


static void
test_what_is_no_json_is_refused(void **state)
{
    size_t  i;

    static const char *const  bodies[][2] = {
        { "", "empty body" },
        { " \r\n\t ", "empty body" },
        { "<html>", "an HTML or XML page, not JSON" },
        { "\n <?xml version=\"1.0\"?>", "an HTML or XML page, not JSON" },
        { "Too Many Requests", "not JSON: '[' or '{' expected near 'Too' at "
          "line 1 column 3" },
        { "{\"symbol\":\"SPY\",\n\"price\":}", "not JSON: unexpected token "
          "near '}' at line 2 column 9" },
        { "{\"symbol\":\"SPY\",\"price\":1} x", "not JSON: end of file "
          "expected near 'x' at line 1 column 28" },
        { "{\"symbol\":\"SPY\",\"price\":NaN}", "not JSON: invalid token near "
          "'NaN' at line 1 column 27" },
        { "{\"symbol\":\"SPY\",\"price\":-Infinity}", "not JSON: invalid token "
          "near '-' at line 1 column 25" },
        { "{\"price\":1,\"symbol\":\"SPY\",\"price\":2}", "not JSON: duplicate "
          "object key near '\"price\"' at line 1 column 33" },
        { "{\"symbol\":\"SPY\",\"price\":1,\"x\":\"\xff\xfe\"}", "not JSON: "
          "unable to decode byte 0xff near '\"' at line 1 column 31" },
        { "\xef\xbb\xbf", "empty body" },
        { "\xef\xbb\xbf\xef\xbb\xbf{}", "not JSON: '[' or '{' expected near "
          "'\?\?\?' at line 1 column 1" },
        { " \xef\xbb\xbf{}", "not JSON: '[' or '{' expected near '\?\?\?' at "
          "line 1 column 2" },
        { "[]", "the body is an array, not an object" },
        { "null", "not JSON: '[' or '{' expected near 'null' at line 1 column "
          "4" }
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        refused(&own, bodies[i][0], bodies[i][1]);
        refused(&chart, bodies[i][0], bodies[i][1]);
        refused(&quote, bodies[i][0], bodies[i][1]);
    }

    model_expect(&own, "{}\0", 3, INVALID, "a zero byte in the body");
    model_expect(&own, "{\"price\":1.5\0,\"symbol\":\"SPY\"}", 29, INVALID,
                 "a zero byte in the body");
}


static void
test_long_texts_of_an_upstream_are_cut(void **state)
{
    char                   body[1000];
    sector_model_output_t  out;

    (void) state;

    memset(body, 'x', sizeof(body));
    assert_int_equal(model_parse(&own, body, sizeof(body), &out), INVALID);

    (void) snprintf(body, sizeof(body), "{\"price\":1,\"symbol\":\"%0300d\"}",
                    0);
    refused(&own, body, "symbol is \"000000000000000000000000000000000000000000"
            "000000\", asked for \"SPY\"");

    refused(&own, "{\"price\":1,\"symbol\":\"A\\n\\u00d8\x7f\"}",
            "symbol is \"A????\", asked for \"SPY\"");
}


/* A sector with a value nested to the given depth, counting the sector. */

static size_t
nested(char *body, size_t depth, char open, char close)
{
    size_t  i, n;

    n = (size_t) sprintf(body, "{\"symbol\":\"SPY\",\"price\":1,\"a\":\"[{\\\""
                         "[[\",\"x\":");

    for (i = 1; i < depth; i++) {
        n += (size_t) sprintf(body + n, open == '[' ? "[" : "{\"k\":");
    }

    if (open == '{') {
        body[n++] = '1';
    }

    for (i = 1; i < depth; i++) {
        body[n++] = close;
    }

    body[n++] = '}';
    body[n] = '\0';

    return n;
}


static void
test_nesting_ends_at_64(void **state)
{
    char   *body;
    size_t  n;

    (void) state;

    body = malloc(2000000);
    assert_non_null(body);

    nested(body, 64, '[', ']');
    accepted(&own, body, body);
    nested(body, 64, '{', '}');
    accepted(&own, body, body);

    nested(body, 65, '[', ']');
    refused(&own, body, "nested 65 deep, at most 64 allowed");
    nested(body, 65, '{', '}');
    refused(&chart, body, "nested 65 deep, at most 64 allowed");

    n = nested(body, 900000, '[', ']');
    model_expect(&quote, body, n, INVALID,
                 "nested 900000 deep, at most 64 allowed");

    free(body);
}


static void
test_own_format_is_kept_byte_for_byte(void **state)
{
    static const char  body[] =
        " \n{ \"price\" : 285.170000000000000001 ,\r\n \"symbol\":\"sPy\", "
        "\"x\":[ 1E+2, null ], \"n\\u0061me\": \"\\/\xc3\x98\",\"volume\":"
        "null,\"timestamp\":1774373478000\t}\r\n ";
    sector_model_output_t  out;

    (void) state;

    assert_int_equal(model_parse(&own, body, sizeof(body) - 1, &out), OK);
    assert_int_equal(out.json_len, sizeof(body) - 1 - 2 - 3);
    assert_memory_equal(out.json, body + 2, out.json_len);
    assert_true(out.quote_ms == 1774373478000);
    free(out.json);

    assert_int_equal(model_parse(&own, own_body, sizeof(own_body) - 1, &out),
                     OK);
    assert_true(out.quote_ms == -5);
    free(out.json);

    accepted(&own, "{\"symbol\":\"SPY\",\"price\":0,\"timestamp\":null}",
             "{\"symbol\":\"SPY\",\"price\":0,\"timestamp\":null}");
    accepted(&own, "{\"symbol\":\"SPY\",\"price\":-9223372036854775808}",
             "{\"symbol\":\"SPY\",\"price\":-9223372036854775808}");
}


static void
test_own_format_is_checked(void **state)
{
    char    body[200];
    size_t  i;

    static const char *const  bodies[][2] = {
        { "{}", "no symbol" },
        { "{\"symbol\":null,\"price\":1}", "no symbol" },
        { "{\"symbol\":\"SPY\"}", "no price" },
        { "{\"symbol\":\"SPY\",\"price\":null}", "no price" },
        { "{\"symbol\":7,\"price\":1}", "symbol is an integer, not a string" },
        { "{\"symbol\":\"SPY\",\"price\":\"1\"}",
          "price is a string, not a number" },
        { "{\"symbol\":\"SPYX\",\"price\":1}",
          "symbol is \"SPYX\", asked for \"SPY\"" },
        { "{\"symbol\":\"SP\",\"price\":1}",
          "symbol is \"SP\", asked for \"SPY\"" },
        { "{\"symbol\":\"SPY\",\"price\":1,\"timestamp\":1.5e12}",
          "timestamp is a real number, not an integer" },
        { "{\"symbol\":\"SPY\",\"price\":1,\"timestamp\":\"now\"}",
          "timestamp is a string, not an integer" }
    };
    static const char *const  known[] = {
        "change", "changePercent", "volume", "marketCap", "dayHigh", "dayLow",
        "previousClose", "fiftyDayAverage", "twoHundredDayAverage",
        "fiftyTwoWeekHigh", "fiftyTwoWeekLow"
    };
    static const char *const  texts[] = {
        "name", "longName", "currency", "marketState"
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        refused(&own, bodies[i][0], bodies[i][1]);
    }

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        char  reason[80];

        (void) snprintf(body, sizeof(body), "{\"symbol\":\"SPY\",\"price\":1,"
                        "\"%s\":{}}", known[i]);
        (void) snprintf(reason, sizeof(reason),
                        "%s is an object, not a number", known[i]);
        refused(&own, body, reason);
    }

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char  reason[80];

        (void) snprintf(body, sizeof(body), "{\"symbol\":\"SPY\",\"price\":1,"
                        "\"%s\":true}", texts[i]);
        (void) snprintf(reason, sizeof(reason),
                        "%s is a boolean, not a string", texts[i]);
        refused(&own, body, reason);
    }
}


static void
test_without_memory_nothing_is_leaked(void **state)
{
    model_ask_t  named;

    (void) state;

    named = chart;
    named.name = "S&P 500";

    model_without_memory(&own, own_body, 6);
    model_without_memory(&chart, chart_body, 6);
    model_without_memory(&named, chart_body, 6);
    model_without_memory(&quote, quote_body, 6);
}


static void
test_no_part_of_a_body_is_accepted(void **state)
{
    (void) state;

    accepted(&chart, chart_body, chart_sector);
    accepted(&quote, quote_body, "{\"symbol\":\"SPY\",\"price\":10}");

    model_truncate(&own, own_body, strlen(own_body));
    model_truncate(&chart, chart_body, strlen(chart_body));
    model_truncate(&quote, quote_body, strlen(quote_body));
}


static void
test_changed_bodies_give_a_sector_or_a_reason(void **state)
{
    (void) state;
    model_seed();

    model_mutate(&own, own_body, strlen(own_body), MUTATIONS);
    model_mutate(&chart, chart_body, strlen(chart_body), MUTATIONS);
    model_mutate(&quote, quote_body, strlen(quote_body), MUTATIONS);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_numbers_print_as_in_javascript_within_64_bits),
        cmocka_unit_test(test_large_numbers_read_back),
        cmocka_unit_test(test_random_numbers_read_back),
        cmocka_unit_test(test_numbers_do_not_ask_the_locale),
        cmocka_unit_test(test_what_is_no_json_is_refused),
        cmocka_unit_test(test_long_texts_of_an_upstream_are_cut),
        cmocka_unit_test(test_nesting_ends_at_64),
        cmocka_unit_test(test_own_format_is_kept_byte_for_byte),
        cmocka_unit_test(test_own_format_is_checked),
        cmocka_unit_test(test_without_memory_nothing_is_leaked),
        cmocka_unit_test(test_no_part_of_a_body_is_accepted),
        cmocka_unit_test(test_changed_bodies_give_a_sector_or_a_reason)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
