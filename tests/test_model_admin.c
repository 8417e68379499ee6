/*
 * The bodies that an operator sends.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sector_model_admin.h"


#define MAX  3


static sector_model_admin_put_t  puts_[MAX];
static char                      reason[SECTOR_MODEL_REASON_MAX];
static size_t                    n;


static sector_model_admin_e
sectors(const char *body)
{
    return sector_model_admin_sectors(body, strlen(body), MAX, puts_, &n,
                                      reason);
}


/* Served is what does not begin with NO. */

static int
serves(void *data, const char *symbol)
{
    assert_ptr_equal(data, puts_);

    return strncmp(symbol, "NO", 2) != 0;
}


static sector_model_admin_e
snapshot(const char *body)
{
    return sector_model_admin_snapshot(body, strlen(body), serves, puts_,
                                       puts_, reason);
}


static void
is_put(size_t i, const char *symbol, const char *json, int64_t quote_ms)
{
    assert_string_equal(puts_[i].symbol, symbol);
    assert_int_equal(puts_[i].json_len, strlen(json));
    assert_memory_equal(puts_[i].json, json, strlen(json));
    assert_int_equal(puts_[i].quote_ms, quote_ms);
}


static void
test_sectors_are_found_in_the_text_as_they_came(void **state)
{
    (void) state;

    assert_int_equal(sectors(" { \"xlk\" :\t{ \"symbol\":\"XLK\","
                             "\"price\":1.50, \"a\":[{},\"},{\"]} ,\n"
                             "\"^X\":{\"price\":2,\"symbol\":\"^x\","
                             "\"timestamp\":1795208400000}}\n"),
                     SECTOR_MODEL_ADMIN_OK);
    assert_string_equal(reason, "");
    assert_int_equal(n, 2);
    is_put(0, "XLK", "{ \"symbol\":\"XLK\",\"price\":1.50, "
                     "\"a\":[{},\"},{\"]}", INT64_MIN);
    is_put(1, "^X", "{\"price\":2,\"symbol\":\"^x\","
                    "\"timestamp\":1795208400000}", 1795208400000);

    assert_int_equal(sectors("{\"A\":{\"symbol\":\"A\",\"price\":1,"
                             "\"x\\u0000\":[18446744073709551616,\"\\u0000\"]}"
                             ",\"B\":{\"symbol\":\"B\",\"x\":1e400,"
                             "\"price\":18446744073709551615}}"),
                     SECTOR_MODEL_ADMIN_OK);
    assert_int_equal(n, 2);
    is_put(0, "A", "{\"symbol\":\"A\",\"price\":1,\"x\\u0000\":"
                   "[18446744073709551616,\"\\u0000\"]}", INT64_MIN);
    is_put(1, "B", "{\"symbol\":\"B\",\"x\":1e400,"
                   "\"price\":18446744073709551615}", INT64_MIN);
}


static void
test_what_is_wrong_with_sectors_is_said(void **state)
{
    size_t  i;

    static const struct {
        const char             *body;
        sector_model_admin_e    kind;
        const char             *reason;
    } cases[] = {
        { "", SECTOR_MODEL_ADMIN_INVALID, "empty body" },
        { "[]", SECTOR_MODEL_ADMIN_INVALID,
          "the body is an array, not an object" },
        { "{}", SECTOR_MODEL_ADMIN_INVALID, "no sector in the object" },
        { "{\"A\":1}", SECTOR_MODEL_ADMIN_INVALID,
          "A: the sector is an integer, not an object" },
        { "{\"A\":{\"symbol\":\"A\"}}", SECTOR_MODEL_ADMIN_INVALID,
          "A: no price" },
        { "{\"A\":{\"symbol\":\"B\",\"price\":1}}",
          SECTOR_MODEL_ADMIN_INVALID,
          "A: symbol is \"B\", asked for \"A\"" },
        { "{\"A\":{\"symbol\":\"A\",\"price\":1},"
          "\"a\":{\"symbol\":\"A\",\"price\":1}}",
          SECTOR_MODEL_ADMIN_INVALID, "A is there twice" },
        { "{\"A B\":{}}", SECTOR_MODEL_ADMIN_SYMBOL,
          "\"A B\" is no symbol" },
        { "{\"\\u00e9\":{}}", SECTOR_MODEL_ADMIN_SYMBOL,
          "\"??\" is no symbol" },
        { "{\"A-SYMBOL-OF-MORE-THAN-32-BYTES-XY\":{}}",
          SECTOR_MODEL_ADMIN_SYMBOL,
          "\"A-SYMBOL-OF-MORE-THAN-32-BYTES-XY\" is no symbol" },
        { "{\"A\\u0000\":{\"symbol\":\"A\",\"price\":1}}",
          SECTOR_MODEL_ADMIN_SYMBOL, "\"A???\" is no symbol" },
        { "{\"A\":{\"symbol\":\"A\\u0000\",\"price\":1}}",
          SECTOR_MODEL_ADMIN_INVALID, "A: symbol has a NUL in it" },
        { "{\"A\":1e400}", SECTOR_MODEL_ADMIN_INVALID,
          "A: the sector is a number out of range, not an object" },
        { "{\"A\":1,\"B\":1,\"C\":1,\"D\":1}", SECTOR_MODEL_ADMIN_MANY,
          "4 sectors, at most 3 allowed" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(sectors(cases[i].body), cases[i].kind);
        assert_string_equal(reason, cases[i].reason);
    }

    assert_int_equal(sectors("{\"A\":{},\"A\":{}}"),
                     SECTOR_MODEL_ADMIN_INVALID);
    assert_int_equal(sectors("{\"A\":{}} x"), SECTOR_MODEL_ADMIN_INVALID);
}


static void
test_a_sector_and_a_snapshot_keep_their_bytes(void **state)
{
    const char  *body;

    (void) state;

    body = "\n{\"symbol\":\"xlk\",\"price\":0,\"timestamp\":null} ";
    assert_int_equal(sector_model_admin_sector(body, strlen(body), "XLK",
                                               puts_, reason),
                     SECTOR_MODEL_ADMIN_OK);
    is_put(0, "XLK", "{\"symbol\":\"xlk\",\"price\":0,\"timestamp\":null}",
           INT64_MIN);

    assert_int_equal(sector_model_admin_sector(body, strlen(body), "XLF",
                                               puts_, reason),
                     SECTOR_MODEL_ADMIN_INVALID);
    assert_int_equal(sector_model_admin_sector(NULL, 0, "XLF", puts_, reason),
                     SECTOR_MODEL_ADMIN_INVALID);

    body = " {\"sectors\":[{\"symbol\":\"xlk\",\"price\":1.0, \"x\":[]}],"
           "\"y\":null}\n";
    assert_int_equal(snapshot(body), SECTOR_MODEL_ADMIN_OK);
    assert_string_equal(reason, "");
    is_put(0, "", "{\"sectors\":[{\"symbol\":\"xlk\",\"price\":1.0, "
                  "\"x\":[]}],\"y\":null}", INT64_MIN);
}


static void
test_a_snapshot_has_sectors_and_such_as_could_not_be_had(void **state)
{
    size_t  i;

    static const char *const  good[] = {
        "{\"sectors\":[{\"symbol\":\"XLK\",\"price\":0}],\"summary\":{}}",
        "{\"sectors\":[{\"symbol\":\"XLF\",\"error\":\"Data unavailable\"},"
        "{\"symbol\":\"XLK\",\"price\":-1,\"error\":3}]}",
        "{\"sectors\":[{\"symbol\":\"XLF\",\"price\":null,\"error\":\"\","
        "\"name\":\"x\"},{\"symbol\":\"XLK\",\"price\":1}],"
        "\"benchmark\":{\"symbol\":\"SPY\",\"price\":1}}",
        "{\"benchmark\":{\"symbol\":\"XLK\",\"error\":\"x\"},"
        "\"sectors\":[{\"symbol\":\"XLK\",\"price\":1}]}",
        "{\"sectors\":[{\"symbol\":\"XLK\",\"price\":33333333333333333333},"
        "{\"symbol\":\"XLF\",\"price\":0.1e+308}]}"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(snapshot(good[i]), SECTOR_MODEL_ADMIN_OK);
        is_put(0, "", good[i], INT64_MIN);
    }
}


static void
test_what_is_wrong_with_a_snapshot_is_said(void **state)
{
    size_t  i;

    static const struct {
        const char  *body;
        const char  *reason;
    } cases[] = {
        { "{\"sectors\":[{},1]}", "sectors[0]: no symbol" },
        { "{\"sectors\":[true]}", "sectors[0] is a boolean, not an object" },
        { "{\"sectors\":null}", "sectors is null, not an array" },
        { "{\"sectors\":[]}", "sectors is empty, at least one is needed" },
        { "{\"sectors\":[{\"symbol\":\"\",\"price\":1}]}",
          "sectors[0]: \"\" is no symbol" },
        { "{\"sectors\":[{\"symbol\":\"A-SYMBOL-OF-MORE-THAN-32-BYTES-XY\","
          "\"price\":1}]}",
          "sectors[0]: \"A-SYMBOL-OF-MORE-THAN-32-BYTES-XY\" is no symbol" },
        { "{\"sectors\":[{\"symbol\":\"XLK\",\"price\":1,\"currency\":1}]}",
          "sectors[0]: currency is an integer, not a string" },
        { "{\"sectors\":[{\"symbol\":\"XLK\",\"price\":\"x\","
          "\"error\":\"x\"}]}",
          "sectors[0]: price is a string, not a number" },
        { "{\"sectors\":[{\"symbol\":\"XLK\",\"price\":1e400}]}",
          "sectors[0]: price is out of range" },
        { "{\"sectors\":[{\"symbol\":\"XLK\",\"error\":\"x\"},"
          "{\"symbol\":\"XLF\",\"error\":\"x\"}],"
          "\"benchmark\":{\"symbol\":\"SPY\",\"price\":1}}",
          "no sector of 2 has a price, at least one is needed" },
        { "{\"sectors\":[{\"symbol\":\"NO\",\"price\":1},"
          "{\"symbol\":\"xlk\",\"price\":1},{\"symbol\":\"XLK\","
          "\"price\":1}]}", "sectors[2]: XLK is there twice" },
        { "{\"sectors\":[{\"symbol\":\"XLK\",\"price\":1}],\"summary\":[]}",
          "summary is an array, not an object" },
        { "{\"sectors\":[{\"symbol\":\"XLK\",\"price\":1}],"
          "\"benchmark\":\"SPY\"}", "benchmark is a string, not an object" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(snapshot(cases[i].body), SECTOR_MODEL_ADMIN_INVALID);
        assert_string_equal(reason, cases[i].reason);
        assert_string_equal(puts_[0].symbol, "");
    }
}


static void
test_the_first_symbol_of_a_snapshot_that_nobody_serves_is_named(void **state)
{
    (void) state;

    assert_int_equal(snapshot("{\"sectors\":[{\"symbol\":\"XLK\",\"price\":1},"
                              "{\"symbol\":\"no2\",\"error\":\"x\"}],"
                              "\"benchmark\":{\"symbol\":\"NO\","
                              "\"price\":1}}"),
                     SECTOR_MODEL_ADMIN_UNKNOWN);
    assert_string_equal(puts_[0].symbol, "NO2");
    assert_string_equal(reason, "NO2 is not configured");

    assert_int_equal(snapshot("{\"sectors\":[{\"symbol\":\"XLK\",\"price\":1}],"
                              "\"benchmark\":{\"symbol\":\"no\","
                              "\"price\":1}}"),
                     SECTOR_MODEL_ADMIN_UNKNOWN);
    assert_string_equal(puts_[0].symbol, "NO");
}


static void
test_a_switch_and_a_state_take_one_member_of_one_kind(void **state)
{
    int     enabled;
    size_t  i, word;

    static const char *const  words[] = { "auto", "open" };

    static const char *const  bad[] = {
        "", "{}", "true", "{\"enabled\":1}", "{\"enabled\":null}",
        "{\"state\":\"Open\"}", "{\"state\":\"open\\u0000\"}",
        "{\"state\":1e400}", "{\"enabled\":1e400}",
        "{\"state\":true}", "{\"state\":\"\"}",
        "{\"enabled\":true,\"x\":1}", "{\"state\":\"open\",\"x\":1}"
    };

    (void) state;

    assert_int_equal(sector_model_admin_enabled("{\"enabled\":false}", 17,
                                                &enabled, reason),
                     SECTOR_MODEL_ADMIN_OK);
    assert_int_equal(enabled, 0);
    assert_int_equal(sector_model_admin_enabled(" {\"enabled\":true}", 17,
                                                &enabled, reason),
                     SECTOR_MODEL_ADMIN_OK);
    assert_int_equal(enabled, 1);

    assert_int_equal(sector_model_admin_state("{\"state\":\"open\"}", 16,
                                              words, 2, &word, reason),
                     SECTOR_MODEL_ADMIN_OK);
    assert_int_equal(word, 1);

    assert_int_equal(sector_model_admin_state("{\"state\":\"on\"}", 14,
                                              words, 2, &word, reason),
                     SECTOR_MODEL_ADMIN_INVALID);
    assert_string_equal(reason, "state is \"on\", allowed: auto, open");
    assert_int_equal(sector_model_admin_state("{\"x\":[]}", 8, words, 2,
                                              &word, reason),
                     SECTOR_MODEL_ADMIN_INVALID);
    assert_string_equal(reason, "no state, allowed: auto, open");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        enabled = 7;
        word = 7;

        assert_int_equal(sector_model_admin_enabled(bad[i], strlen(bad[i]),
                                                    &enabled, reason),
                         SECTOR_MODEL_ADMIN_INVALID);
        assert_string_not_equal(reason, "");
        assert_int_equal(sector_model_admin_state(bad[i], strlen(bad[i]),
                                                  words, 2, &word, reason),
                         SECTOR_MODEL_ADMIN_INVALID);
        assert_string_not_equal(reason, "");
        assert_int_equal(enabled, 7);
        assert_int_equal(word, 7);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sectors_are_found_in_the_text_as_they_came),
        cmocka_unit_test(test_what_is_wrong_with_sectors_is_said),
        cmocka_unit_test(test_a_sector_and_a_snapshot_keep_their_bytes),
        cmocka_unit_test(
            test_a_snapshot_has_sectors_and_such_as_could_not_be_had),
        cmocka_unit_test(test_what_is_wrong_with_a_snapshot_is_said),
        cmocka_unit_test(
            test_the_first_symbol_of_a_snapshot_that_nobody_serves_is_named),
        cmocka_unit_test(test_a_switch_and_a_state_take_one_member_of_one_kind)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
