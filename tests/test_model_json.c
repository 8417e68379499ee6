/*
 * sector_model: what jansson refuses and JSON allows, numbers of any size and
 * NULs in strings and names.  First the tree, then what each format makes of
 * them: in a member that it does not read they do no harm, and in one that it
 * reads they are exact or refused.
 */

#include <locale.h>

#include "test_model.h"


#define UNSIGNED_MAX  "18446744073709551615"
#define UNSIGNED_OUT  "18446744073709551616"
#define HALF          "9223372036854775808"
#define NEGATIVE_OUT  "-9223372036854775809"


static const model_ask_t  own = { SECTOR, "SPY", NULL, 0 };
static const model_ask_t  chart = { CHART, "SPY", NULL, 0 };
static const model_ask_t  quote = { QUOTE, "SPY", NULL, 0 };

static char  body[4096];
static char  digits[400];       /* an integer beyond a double */


static int
make_digits(void **state)
{
    (void) state;

    memset(digits, '9', sizeof(digits) - 1);

    return 0;
}


static json_t *
load(const char *text)
{
    char          *copy;
    size_t         len;
    json_t        *root;
    json_error_t   error;

    len = strlen(text);
    copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, text, len);

    root = sector_json_load(copy, len, &error);

    assert_memory_equal(copy, text, len);
    free(copy);

    return root;
}


/* The member x beside ones that have to be as they are. */

static void
check_number(const char *text, double value, int huge)
{
    json_t    *root, *x;
    uint64_t   number;

    (void) snprintf(body, sizeof(body), "{\"1e400\":[%s,\"\\\"1e400\",-7, %s ,"
                    "0.5],\"x\" :%s\n,\"y\":{\"\":9223372036854775807}}",
                    "99999999999999999999", text, text);

    root = load(body);
    assert_non_null(root);

    x = json_object_get(root, "x");
    assert_int_equal(sector_json_is_huge(x), huge);
    assert_int_equal(json_is_number(x), !huge);
    assert_false(sector_json_is_string(x));
    assert_null(sector_json_string(x));
    assert_true(sector_json_double(x) == value);

    if (strcmp(text, HALF) == 0 || strcmp(text, UNSIGNED_MAX) == 0) {
        assert_int_equal(sector_json_unsigned(x, &number), 0);
        assert_true(number == strtoull(text, NULL, 10));

    } else {
        assert_int_equal(sector_json_unsigned(x, &number), -1);
    }

    x = json_object_get(root, "1e400");
    assert_true(sector_json_double(json_array_get(x, 0)) == 1e20);
    assert_string_equal(sector_json_string(json_array_get(x, 1)), "\"1e400");
    assert_int_equal(json_integer_value(json_array_get(x, 2)), -7);
    assert_true(sector_json_double(json_array_get(x, 3)) == value);
    assert_true(json_real_value(json_array_get(x, 4)) == 0.5);

    x = json_object_get(json_object_get(root, "y"), "");
    assert_true(json_integer_value(x) == INT64_MAX);

    json_decref(root);
}


static void
test_numbers_of_any_size_are_in_the_tree(void **state)
{
    (void) state;

    check_number("9223372036854775807", 0x1p63, 0);
    check_number("-9223372036854775808", -0x1p63, 0);
    check_number(HALF, 0x1p63, 1);
    check_number(NEGATIVE_OUT, -0x1p63, 1);
    check_number(UNSIGNED_MAX, 0x1p64, 1);
    check_number(UNSIGNED_OUT, 0x1p64, 1);
    check_number("100000000000000000000", 1e20, 1);
    check_number("1000000000000000000.0", 1e18, 0);
    check_number("1e400", INFINITY, 1);
    check_number("-1E+400", -INFINITY, 1);
    check_number("-1.5e0309", -INFINITY, 1);
    check_number("1.8e308", INFINITY, 1);
    check_number("1.7976931348623157e308", 1.7976931348623157e308, 0);
    check_number("1e99999999999999999999", INFINITY, 1);
    check_number("1e-99999999999999999999", 0, 0);
    check_number("0e400", 0, 0);
    check_number(digits, INFINITY, 1);
}


static void
test_what_is_no_json_stays_none(void **state)
{
    size_t  i;

    static const char *const  texts[] = {
        "[1e400", "[1e400}", "[1e400,]", "[1e400.5]", "[1-1e400]", "[+1e400]",
        "[01e400]", "[00]", "[0 1e400]", "[1e400 1]", "[.1e400]", "[-.1e400]",
        "[1.e400]", "[--1e400]", "[1e400-1]", "[1e400e1]", "[1e+400e]",
        "[-]", "[1e400,-]", "[1e400,01]", "[1e400,1.]", "[1e400,1e]",
        "[x1e400]", "[1e400x]", "[true1e400]", "[1e400true]", "[1e400\"\"]",
        "[" HALF "e]", "[" HALF ".]", "[" HALF " " HALF "]", "[0" HALF "]",
        "[" HALF ",\"]", "[" HALF ",\"\\]", "{" HALF ":1}", "[" HALF ":1]",
        "{\"a\":" HALF ",\"a\":1}", "[1e400]1e400", "1e400", HALF,
        "{\"a\\u0000\":1,\"a\\u0000\":2}", "{\"a\\u0000\"}",
        "{\"a\\u0000\" \"b\"}", "{\"a\\u0000", "{\"a\\u0000\\", "{\"a\\u0000\""
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (load(texts[i]) != NULL) {
            fail_msg("%s", texts[i]);
        }
    }
}


static void
test_names_may_have_a_nul(void **state)
{
    json_t  *root, *x;

    (void) state;

    root = load("{\"a\\u0000\" : \"\\u0000b\",\"\\\\u0000\":1,\"\\u0000\":"
                HALF ",\"a\":[\"\\u0000\"],\"a\\u0000\\\"b\":2}");
    assert_int_equal(json_object_size(root), 5);

    x = json_object_get(root, "a\xef\xb7\x90");
    assert_true(sector_json_is_string(x));
    assert_null(sector_json_string(x));
    assert_int_equal(json_string_length(x), 2);
    assert_memory_equal(json_string_value(x), "\0b", 2);

    assert_int_equal(json_integer_value(json_object_get(root, "\\u0000")), 1);
    assert_true(sector_json_is_huge(json_object_get(root, "\xef\xb7\x90")));
    assert_non_null(json_object_get(root, "a"));
    assert_int_equal(json_integer_value(json_object_get(root,
                                                  "a\xef\xb7\x90\"b")), 2);
    json_decref(root);
}


static void
test_what_is_no_number_is_none(void **state)
{
    json_t    *root;
    uint64_t   number;

    (void) state;

    assert_true(isnan(sector_json_double(NULL)));
    assert_int_equal(sector_json_unsigned(NULL, &number), -1);
    assert_false(sector_json_is_huge(NULL));
    assert_false(sector_json_is_string(NULL));
    assert_null(sector_json_string(NULL));

    root = load("[\"" HALF "\",\"\"]");
    assert_true(isnan(sector_json_double(json_array_get(root, 0))));
    assert_int_equal(sector_json_unsigned(json_array_get(root, 0), &number),
                     -1);
    assert_string_equal(sector_json_string(json_array_get(root, 1)), "");
    json_decref(root);
}


/* Members that no format reads, each refused by jansson. */

static const char *const  unread[] = {
    "\"X\":" UNSIGNED_MAX, "\"X\":-" UNSIGNED_MAX, "\"X\":" UNSIGNED_OUT,
    "\"X\":1e400", "\"X\":[{\"y\":-1.0E+999}]", "\"X\":\"a\\u0000b\"",
    "\"X\":[\"\\u0000\"]", "\"a\\u0000b\":1", "\"symbol\\u0000\":\"XLK\"",
    "\"price\\u0000\":\"a\\u0000b\",\"Y\":" UNSIGNED_MAX
};


static void
accepted(const model_ask_t *ask, const char *expected)
{
    model_expect(ask, body, strlen(body), OK, expected);
}


static void
test_a_member_that_is_not_read_does_no_harm(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(unread) / sizeof(unread[0]); i++) {
        (void) snprintf(body, sizeof(body), "{\"symbol\":\"SPY\",%s ,"
                        "\"price\":1.50,\"volume\":9007199254740993}",
                        unread[i]);
        accepted(&own, body);

        (void) snprintf(body, sizeof(body), "{\"quoteResponse\":{\"result\":["
                        "{\"symbol\":\"XLK\",%s},{\"symbol\":\"SPY\",%s,"
                        "\"regularMarketPrice\":{\"raw\":1.50,%s},"
                        "\"regularMarketVolume\":9007199254740993}],%s}}",
                        unread[i], unread[i], unread[i], unread[i]);
        accepted(&quote, "{\"symbol\":\"SPY\",\"price\":1.5,"
                 "\"volume\":9007199254740993}");

        (void) snprintf(body, sizeof(body), "{\"chart\":{\"result\":["
                        "{\"meta\":{%s,\"symbol\":\"SPY\","
                        "\"regularMarketPrice\":1.50,"
                        "\"regularMarketVolume\":9007199254740993},%s}]}}",
                        unread[i], unread[i]);
        accepted(&chart, "{\"symbol\":\"SPY\",\"price\":1.5,"
                 "\"volume\":9007199254740993}");
    }
}


static void
expect_yahoo(const char *members, sector_model_status_e status,
    const char *expected)
{
    (void) snprintf(body, sizeof(body), "{\"quoteResponse\":{\"result\":["
                    "{\"symbol\":\"SPY\",%s}]}}", members);
    model_expect(&quote, body, strlen(body), status, expected);

    (void) snprintf(body, sizeof(body), "{\"chart\":{\"result\":[{\"meta\":"
                    "{\"symbol\":\"SPY\",%s}}]}}", members);
    model_expect(&chart, body, strlen(body), status, expected);
}


static void
test_an_integer_that_is_read_is_exact_or_refused(void **state)
{
    size_t  i;

    static const char *const  out[] = {
        UNSIGNED_OUT, NEGATIVE_OUT, "1e400", "-1e309", "100000000000000000000"
    };

    (void) state;

    expect_yahoo("\"regularMarketPrice\":1,\"regularMarketVolume\":"
                 UNSIGNED_MAX, OK,
                 "{\"symbol\":\"SPY\",\"price\":1,\"volume\":" UNSIGNED_MAX
                 "}");
    expect_yahoo("\"regularMarketPrice\":" HALF ",\"X\":1e400", OK,
                 "{\"symbol\":\"SPY\",\"price\":" HALF "}");

    for (i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        char  members[200];

        (void) snprintf(members, sizeof(members), "\"regularMarketPrice\":1,"
                        "\"regularMarketVolume\":%s", out[i]);
        expect_yahoo(members, INVALID, "regularMarketVolume is out of range");
    }

    expect_yahoo("\"regularMarketPrice\":1,\"regularMarketTime\":"
                 UNSIGNED_MAX, INVALID, "regularMarketTime is out of range, "
                 "at most 9223372036854775 seconds");
    expect_yahoo("\"regularMarketPrice\":1,\"shortName\":" UNSIGNED_MAX,
                 INVALID,
                 "shortName is a number out of range, not a string");
    expect_yahoo("\"regularMarketPrice\":1,\"fiftyTwoWeekLow\":0,"
                 "\"fiftyTwoWeekHigh\":" UNSIGNED_MAX, OK,
                 "{\"symbol\":\"SPY\",\"price\":1,\"fiftyTwoWeekHigh\":"
                 UNSIGNED_MAX "}");

    (void) strcpy(body, "{\"quoteResponse\":{\"result\":[{\"symbol\":\"SPY\","
                  "\"regularMarketPrice\":{\"raw\":1e400}}]}}");
    model_expect(&quote, body, strlen(body), INVALID,
                 "regularMarketPrice.raw is out of range");

    /* what is computed is rounded, and says so by its exponent */

    (void) strcpy(body, "{\"quoteResponse\":{\"result\":[{\"symbol\":\"SPY\","
                  "\"regularMarketPrice\":" UNSIGNED_MAX ","
                  "\"regularMarketPreviousClose\":1}]}}");
    accepted(&quote, "{\"symbol\":\"SPY\",\"price\":" UNSIGNED_MAX ","
             "\"change\":1.8446744073709552e+19,"
             "\"changePercent\":1.8446744073709552e+21,"
             "\"previousClose\":1}");
}


static void
expect_bars(const char *time, const char *close, const char *volume,
    sector_model_status_e status, const char *expected)
{
    (void) snprintf(body, sizeof(body), "{\"chart\":{\"result\":[{\"meta\":"
                    "{\"symbol\":\"SPY\",\"regularMarketPrice\":1,"
                    "\"regularMarketTime\":1000000,\"gmtoffset\":0,"
                    "\"dataGranularity\":\"1d\"},\"timestamp\":[900000,%s],"
                    "\"indicators\":{\"quote\":[{\"close\":[%s,null],"
                    "\"volume\":[null,%s]}]}}]}}", time, close, volume);
    model_expect(&chart, body, strlen(body), status, expected);
}


static void
test_a_bar_is_exact_or_refused(void **state)
{
    (void) state;

    expect_bars("1000000", UNSIGNED_MAX, HALF, OK,
                "{\"symbol\":\"SPY\",\"price\":1,"
                "\"change\":-1.8446744073709552e+19,\"changePercent\":-100,"
                "\"volume\":" HALF ",\"timestamp\":1000000000,"
                "\"previousClose\":" UNSIGNED_MAX "}");
    expect_bars("1000000", "1e400", "1", INVALID, "close[0] is out of range");
    expect_bars("1000000", "1", UNSIGNED_OUT, INVALID,
                "volume[1] is out of range");
    expect_bars(HALF, "1", "1", INVALID, "timestamp[1] is out of range");
}


static void
test_our_own_format_takes_what_a_double_holds(void **state)
{
    (void) state;

    (void) strcpy(body, "{\"symbol\":\"SPY\",\"price\":" UNSIGNED_MAX ","
                  "\"volume\":" UNSIGNED_OUT ",\"marketCap\":" NEGATIVE_OUT
                  ",\"currency\":\"\\u0000\"}");
    accepted(&own, body);

    model_expect(&own, "{\"symbol\":\"SPY\",\"price\":1e400}", 30, INVALID,
                 "price is out of range");
    model_expect(&own, "{\"symbol\":\"SPY\",\"price\":1,\"change\":-1e400}",
                 42, INVALID, "change is out of range");

    (void) snprintf(body, sizeof(body), "{\"symbol\":\"SPY\",\"price\":%s}",
                    digits);
    model_expect(&own, body, strlen(body), INVALID, "price is out of range");

    (void) strcpy(body, "{\"symbol\":\"SPY\",\"price\":1,\"timestamp\":" HALF
                  "}");
    model_expect(&own, body, strlen(body), INVALID,
                 "timestamp is out of range");

    (void) strcpy(body, "{\"symbol\":\"SPY\",\"price\":1,\"name\":" HALF "}");
    model_expect(&own, body, strlen(body), INVALID,
                 "name is a number out of range, not a string");
}


static void
test_texts_with_a_nul_are_printed_whole(void **state)
{
    (void) state;

    expect_yahoo("\"regularMarketPrice\":1,\"shortName\":\"\\u0000\","
                 "\"longName\":\" a\\u0000b\\u0000 \",\"currency\":"
                 "\"USD\\u0000\"", OK,
                 "{\"symbol\":\"SPY\",\"name\":\"\\u0000\",\"price\":1,"
                 "\"longName\":\"a\\u0000b\\u0000\",\"currency\":"
                 "\"USD\\u0000\"}");

    (void) strcpy(body, "{\"quoteResponse\":{\"result\":[{\"symbol\":\"SPY\","
                  "\"quoteType\":\"NONE\\u0000\",\"marketState\":"
                  "\"\\u0000REGULAR\",\"regularMarketPrice\":1}]}}");
    accepted(&quote, "{\"symbol\":\"SPY\",\"price\":1,\"marketState\":"
             "\"\\u0000REGULAR\"}");
}


static void
test_a_symbol_with_a_nul_never_matches(void **state)
{
    size_t  i;

    static const char *const  symbols[] = {
        "SPY\\u0000", "SPY\\u0000X", "\\u0000SPY", "\\u0000"
    };

    (void) state;

    for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        (void) snprintf(body, sizeof(body), "{\"symbol\":\"%s\",\"price\":1}",
                        symbols[i]);
        model_expect(&own, body, strlen(body), INVALID,
                     "symbol has a NUL in it");

        (void) snprintf(body, sizeof(body), "{\"quoteResponse\":{\"result\":["
                        "{\"symbol\":\"%s\",\"regularMarketPrice\":1}]}}",
                        symbols[i]);
        model_expect(&quote, body, strlen(body), INVALID,
                     "symbol has a NUL in it");

        (void) snprintf(body, sizeof(body), "{\"chart\":{\"result\":[{\"meta\""
                        ":{\"symbol\":\"%s\",\"regularMarketPrice\":1}}]}}",
                        symbols[i]);
        model_expect(&chart, body, strlen(body), INVALID,
                     "symbol has a NUL in it");
    }

    (void) strcpy(body, "{\"chart\":{\"error\":{\"code\":"
                  "\"Not Found\\u0000\"}}}");
    model_expect(&chart, body, strlen(body), INVALID,
                 "error.code has a NUL in it");
    model_expect(&quote, body, strlen(body), INVALID,
                 "error.code has a NUL in it");

    (void) strcpy(body, "{\"symbol\":" HALF ",\"price\":1}");
    model_expect(&own, body, strlen(body), INVALID,
                 "symbol is a number out of range, not a string");
}


static void
test_what_is_wrong_behind_is_said_where_it_is(void **state)
{
    size_t  i;

    static const char *const  bodies[][2] = {
        { "{\"X\":1e400,\n\"symbol\":\"SPY\",\"price\":}", "not JSON: "
          "unexpected token near '}' at line 2 column 24" },
        { "{\"X\":" UNSIGNED_MAX ",\"a\\u0000\":1,\"X\":2}", "not JSON: "
          "duplicate object key near '\"X\"' at line 1 column 41" },
        { "{\"X\":1e400", "not JSON: '}' expected near end of file at line 1 "
          "column 10" },
        { "{\"symbol\":\"SPY\",\"a\\u0000\"}", "not JSON: ':' expected behind "
          "a name at line 1 column 25" },
        { "{\"X\":[1e400,1]", "not JSON: '}' expected near end of file at "
          "line 1 column 14" }
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        model_expect(&own, bodies[i][0], strlen(bodies[i][0]), INVALID,
                     bodies[i][1]);
        model_expect(&quote, bodies[i][0], strlen(bodies[i][0]), INVALID,
                     bodies[i][1]);
    }
}


static void
test_the_locale_is_not_asked(void **state)
{
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

    check_number("-1.5e400", -INFINITY, 1);
    check_number("1.5e300", 1.5e300, 0);

    (void) setlocale(LC_ALL, "C");
}


static void
test_without_memory_nothing_is_leaked(void **state)
{
    (void) state;

    model_without_memory(&own, "{\"symbol\":\"SPY\",\"a\\u0000\":[1e400,"
                         "{\"x\":-1e400}],\"price\":1}", 11);
}


static void
test_changed_bodies_give_a_sector_or_a_reason(void **state)
{
    static const char  text[] =
        "{\"symbol\":\"SPY\",\"a\\u0000\":[1e400,\"\\u0000\",{\"x\":" HALF
        "}],\"price\":" HALF "}";

    (void) state;
    model_seed();

    model_truncate(&own, text, sizeof(text) - 1);
    model_mutate(&own, text, sizeof(text) - 1, 20000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_numbers_of_any_size_are_in_the_tree),
        cmocka_unit_test(test_what_is_no_json_stays_none),
        cmocka_unit_test(test_names_may_have_a_nul),
        cmocka_unit_test(test_what_is_no_number_is_none),
        cmocka_unit_test(test_a_member_that_is_not_read_does_no_harm),
        cmocka_unit_test(test_an_integer_that_is_read_is_exact_or_refused),
        cmocka_unit_test(test_a_bar_is_exact_or_refused),
        cmocka_unit_test(test_our_own_format_takes_what_a_double_holds),
        cmocka_unit_test(test_texts_with_a_nul_are_printed_whole),
        cmocka_unit_test(test_a_symbol_with_a_nul_never_matches),
        cmocka_unit_test(test_what_is_wrong_behind_is_said_where_it_is),
        cmocka_unit_test(test_the_locale_is_not_asked),
        cmocka_unit_test(test_without_memory_nothing_is_leaked),
        cmocka_unit_test(test_changed_bodies_give_a_sector_or_a_reason)
    };

    return cmocka_run_group_tests(tests, make_digits, NULL);
}
