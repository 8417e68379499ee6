/*
 * sector_http: what a client's header fields and arguments mean, but for
 * conditions.  Tables of cases, each in a buffer of exactly its size so that
 * the sanitizer sees a byte read beyond.
 */

#include "test_http.h"


#define RANDOM_BYTES  100000


static const value_case_t  encodings[] = {
    { "empty", S(""), 0 },
    { "blanks", S(" \t "), 0 },
    { "commas", S(" , ,,"), 0 },
    { "gzip", S("gzip"), 1 },
    { "case", S("GziP"), 1 },
    { "x-gzip", S("x-gzip"), 1 },
    { "x-gzip, case", S("X-GZIP"), 1 },
    { "any", S("*"), 1 },
    { "identity alone", S("identity"), 0 },
    { "others", S("br, deflate, zstd"), 0 },
    { "among others", S("deflate, gzip, br"), 1 },
    { "last, no blanks", S("deflate,br,gzip"), 1 },
    { "blanks and tabs", S(" \tgzip\t ;\t q=1 \t"), 1 },
    { "empty elements", S(",, ,gzip, ,"), 1 },
    { "a longer word", S("gzipp"), 0 },
    { "a shorter word", S("gzi"), 0 },
    { "two words", S("gzip br"), 0 },
    { "a blank inside", S("x -gzip"), 0 },
    { "a zero after it", S("gzip\0"), 0 },
    { "a return is no dash", S("x\rgzip"), 0 },
    { "no wildcard of others", S("**"), 0 },

    { "q=1", S("gzip;q=1"), 1 },
    { "Q=1", S("gzip;Q=1"), 1 },
    { "q=1.", S("gzip;q=1."), 1 },
    { "q=1.000", S("gzip;q=1.000"), 1 },
    { "q=0.001", S("gzip;q=0.001"), 1 },
    { "q=0.01", S("gzip;q=0.01"), 1 },
    { "q=0.5", S("gzip;q=0.5"), 1 },
    { "q=0", S("gzip;q=0"), 0 },
    { "q=0.", S("gzip;q=0."), 0 },
    { "q=0.000", S("gzip;q=0.000"), 0 },
    { "x-gzip;q=0", S("x-gzip;q=0"), 0 },
    { "*;q=0", S("*;q=0"), 0 },
    { "*;q=0.1", S("*;q=0.1"), 1 },

    { "malformed: above 1", S("gzip;q=1.001"), 0 },
    { "malformed: 1.1", S("gzip;q=1.1"), 0 },
    { "malformed: 2", S("gzip;q=2"), 0 },
    { "malformed: 10", S("gzip;q=10"), 0 },
    { "malformed: 01", S("gzip;q=01"), 0 },
    { "malformed: four decimals", S("gzip;q=0.1234"), 0 },
    { "malformed: no digit before the point", S("gzip;q=.5"), 0 },
    { "malformed: a letter", S("gzip;q=0.5x"), 0 },
    { "malformed: a letter in the middle", S("gzip;q=0.x5"), 0 },
    { "malformed: a sign", S("gzip;q=-1"), 0 },
    { "malformed: below digits", S("gzip;q=0./"), 0 },
    { "malformed: above digits", S("gzip;q=0.:"), 0 },
    { "malformed: no value", S("gzip;q="), 0 },
    { "malformed: no equals sign", S("gzip;q"), 0 },
    { "malformed: another sign for it", S("gzip;q:1"), 0 },
    { "malformed: no weight", S("gzip;"), 0 },
    { "malformed: blanks for a weight", S("gzip; \t"), 0 },
    { "malformed: a blank before =", S("gzip;q =1"), 0 },
    { "malformed: a blank after =", S("gzip;q= 1"), 0 },
    { "malformed: another parameter", S("gzip;level=1"), 0 },
    { "malformed: a second one", S("gzip;q=1;q=1"), 0 },
    { "malformed: a zero", S("gzip;q=1\0"), 0 },
    { "malformed, beside a good one", S("br;q=x, gzip"), 1 },

    { "no gzip, whatever else", S("gzip;q=0, *"), 0 },
    { "no gzip, whatever came before", S("*, gzip;q=0"), 0 },
    { "malformed names it", S("gzip;q=x, *;q=1"), 0 },
    { "gzip, nothing else", S("*;q=0, gzip"), 1 },
    { "the greater weight", S("gzip;q=0, x-gzip;q=1"), 1 },
    { "the greater weight, first", S("gzip;q=1, gzip;q=0"), 1 },

    { "identity weighs more", S("identity, gzip;q=0.5"), 0 },
    { "by a little", S("gzip;q=0.998, identity;q=0.999"), 0 },
    { "as much", S("gzip;q=0.5, identity;q=0.5"), 1 },
    { "less", S("gzip;q=0.501, identity;q=0.5"), 1 },
    { "decimals are not digits", S("gzip;q=0.5, identity;q=0.25"), 1 },
    { "no identity", S("identity;q=0, gzip;q=0.001"), 1 },
    { "neither", S("identity;q=0, gzip;q=0"), 0 },
    { "identity malformed", S("identity;q=7, gzip;q=0.1"), 1 },
    { "identity, case", S("IDENTITY;q=1, gzip;q=0.1"), 0 },
    { "any, less than identity", S("identity;q=0.5, *;q=0.4"), 0 },
    { "any, no less than identity", S("identity;q=0.5, *;q=0.5"), 1 },
    { "any does not speak for identity", S("gzip;q=0.1, *;q=1"), 1 },
    { "a browser's", S("gzip, deflate, br, zstd"), 1 },
    { "an old robot's", S("gzip;q=1.0, deflate;q=0.8, chunked;q=0.6,"
                          "identity;q=0.4, *;q=0"), 1 }
};


static void
test_gzip_is_sent_to_those_who_weigh_it_no_less_than_plain(void **state)
{
    int      got;
    size_t   i;
    exact_t  e;

    (void) state;

    for (i = 0; i < COUNT(encodings); i++) {
        e = exact(encodings[i].value, encodings[i].len);
        got = sector_http_accepts_gzip(e.text, e.len);
        free(e.memory);

        expect(encodings[i].name, encodings[i].value, encodings[i].len, got,
               encodings[i].expected);
    }

    assert_int_equal(sector_http_accepts_gzip(NULL, 0), 0);
}


#define SYMBOLS_MAX  3


static const value_case_t  lists[] = {
    { "empty", S(""), SECTOR_HTTP_LIST_INVALID },
    { "one", S("XLK"), SECTOR_HTTP_LIST_OK },
    { "two", S("XLK,XLF"), SECTOR_HTTP_LIST_OK },
    { "as many as may be", S("a,b,c"), SECTOR_HTTP_LIST_OK },
    { "the same twice", S("a,a"), SECTOR_HTTP_LIST_OK },
    { "nothing is trimmed", S(" a ,\tb"), SECTOR_HTTP_LIST_OK },
    { "a blank is an item", S(" "), SECTOR_HTTP_LIST_OK },
    { "any bytes", S("\0,\xff,%2C"), SECTOR_HTTP_LIST_OK },
    { "a comma", S(","), SECTOR_HTTP_LIST_INVALID },
    { "the first empty", S(",a"), SECTOR_HTTP_LIST_INVALID },
    { "the last empty", S("a,"), SECTOR_HTTP_LIST_INVALID },
    { "the middle empty", S("a,,b"), SECTOR_HTTP_LIST_INVALID },
    { "all empty, none too many", S(",,"), SECTOR_HTTP_LIST_INVALID },
    { "one too many", S("a,b,c,d"), SECTOR_HTTP_LIST_TOO_MANY },
    { "many too many", S("a,b,c,d,e,f,g"), SECTOR_HTTP_LIST_TOO_MANY },
    { "one too many, and empty", S("a,b,c,"), SECTOR_HTTP_LIST_TOO_MANY },
    { "too many, all empty", S(",,,"), SECTOR_HTTP_LIST_TOO_MANY },
    { "empty, then too many", S(",a,b,c"), SECTOR_HTTP_LIST_TOO_MANY }
};


/* Items that a text was split into are, with commas between, that text. */

static void
check_items(const exact_t *e, const sector_http_item_t *items, size_t n)
{
    size_t  i, at;

    at = 0;

    for (i = 0; i < n; i++) {
        assert_ptr_equal(items[i].text, e->text + at);
        assert_int_not_equal(items[i].len, 0);
        assert_null(memchr(items[i].text, ',', items[i].len));

        at += items[i].len;

        if (i + 1 < n) {
            assert_int_equal(e->text[at], ',');
            at++;
        }
    }

    assert_int_equal(at, e->len);
}


static void
test_a_list_of_symbols_is_split_at_its_commas(void **state)
{
    size_t               i, n;
    exact_t              e;
    sector_http_list_e   got;
    sector_http_item_t  *items;

    (void) state;
    items = malloc(SYMBOLS_MAX * sizeof(*items));
    assert_non_null(items);

    for (i = 0; i < COUNT(lists); i++) {
        e = exact(lists[i].value, lists[i].len);
        n = 99;
        got = sector_http_symbols(e.text, e.len, SYMBOLS_MAX, items, &n);
        expect(lists[i].name, e.text, e.len, got, lists[i].expected);

        if (got == SECTOR_HTTP_LIST_OK) {
            check_items(&e, items, n);

        } else {
            assert_int_equal(n, 0);
        }

        free(e.memory);
    }

    free(items);
}


static void
test_a_list_of_no_symbols_has_room_for_none(void **state)
{
    size_t  n;

    (void) state;

    assert_int_equal(sector_http_symbols(NULL, 0, 3, NULL, &n),
                     SECTOR_HTTP_LIST_INVALID);
    assert_int_equal(sector_http_symbols("", 0, 0, NULL, &n),
                     SECTOR_HTTP_LIST_INVALID);
    assert_int_equal(sector_http_symbols("a", 1, 0, NULL, &n),
                     SECTOR_HTTP_LIST_TOO_MANY);
    assert_int_equal(n, 0);
}


/* Read further, it would run into what is no list's, and the sanitizer. */
static void
test_a_list_is_looked_at_up_to_the_first_item_too_many(void **state)
{
    size_t               n;
    exact_t              e;
    sector_http_item_t   items[SYMBOLS_MAX];

    (void) state;
    e = exact(S("a,b,c,"));

    assert_int_equal(sector_http_symbols(e.text, 1000000, SYMBOLS_MAX, items,
                                         &n),
                     SECTOR_HTTP_LIST_TOO_MANY);
    free(e.memory);
}


typedef struct {
    const char  *name;
    const char  *text;
    size_t       len;
    const char  *expected;
    size_t       expected_len;
} escape_case_t;


static const escape_case_t  escapes[] = {
    { "empty", S(""), S("") },
    { "nothing to decode", S("XLK,XLF"), S("XLK,XLF") },
    { "a comma", S("XLK%2CXLF"), S("XLK,XLF") },
    { "small letters", S("%2c%5eGSPC"), S(",^GSPC") },
    { "mixed", S("%aF%Fa"), S("\xaf\xfa") },
    { "alone", S("%41"), S("A") },
    { "at the end", S("a%41"), S("aA") },
    { "one after another", S("%41%42"), S("AB") },
    { "all digits", S("%01%23%45%67%89%ab%cd%ef"),
      S("\x01\x23\x45\x67\x89\xab\xcd\xef") },
    { "a zero", S("a%00b"), S("a\0b") },
    { "255", S("%ff"), S("\xff") },
    { "a percent sign", S("%25"), S("%") },
    { "once only", S("%2541"), S("%41") },
    { "plus", S("a+b%2B"), S("a+b+") },
    { "% at the end", S("a%"), S("a%") },
    { "% and a digit at the end", S("a%4"), S("a%4") },
    { "% and no digits", S("%zz"), S("%zz") },
    { "% and one digit", S("%4z"), S("%4z") },
    { "% and a second digit", S("%z4"), S("%z4") },
    { "%%", S("%%41"), S("%A") },
    { "% in the place of a digit", S("%4%41"), S("%4A") },
    { "around the digits", S("%/0%:0%@0%G0%`0%g0"), S("%/0%:0%@0%G0%`0%g0") },
    { "% and a zero", S("%\0" "0"), S("%\0" "0") },
    { "bytes above ASCII", S("\xc3\xa4%c3%a4"), S("\xc3\xa4\xc3\xa4") }
};


static void
test_percent_escapes_are_decoded_and_what_is_none_is_kept(void **state)
{
    size_t                i, n;
    exact_t               e, out;
    const escape_case_t  *t;

    (void) state;

    for (i = 0; i < COUNT(escapes); i++) {
        t = &escapes[i];
        e = exact(t->text, t->len);
        out = exact(t->text, t->len);

        n = sector_http_unescape(e.text, e.len, out.text);
        expect(t->name, t->text, t->len, (int64_t) n,
               (int64_t) t->expected_len);
        assert_memory_equal(out.text, t->expected, n);
        assert_memory_equal(e.text, t->text, t->len);

        /* in place */

        n = sector_http_unescape(e.text, e.len, e.text);
        assert_int_equal(n, t->expected_len);
        assert_memory_equal(e.text, t->expected, n);

        free(e.memory);
        free(out.memory);
    }
}


static const value_case_t  retries[] = {
    { "empty", S(""), -1 },
    { "0", S("0"), 0 },
    { "1", S("1"), 1 },
    { "120", S("120"), 120 },
    { "zeros before", S("000000000000000000000000000060"), 60 },
    { "a second less than a year", S("31535999"), 31535999 },
    { "a year", S("31536000"), 31536000 },
    { "a second more", S("31536001"), 31536000 },
    { "ten years", S("315360000"), 31536000 },
    { "2^63", S("9223372036854775808"), 31536000 },
    { "2^64", S("18446744073709551616"), 31536000 },
    { "2^64 + 5 in many digits", S("0018446744073709551621"), 31536000 },
    { "40 digits", S("9999999999999999999999999999999999999999"), 31536000 },
    { "a sign", S("-1"), -1 },
    { "plus", S("+1"), -1 },
    { "a fraction", S("1.5"), -1 },
    { "a unit", S("60s"), -1 },
    { "a blank before", S(" 60"), -1 },
    { "a blank after", S("60 "), -1 },
    { "a zero after", S("60\0"), -1 },
    { "below digits", S("/"), -1 },
    { "above digits", S(":"), -1 },
    { "hexadecimal", S("0x10"), -1 },
    { "a letter after a year's", S("99999999999x"), -1 },
    { "a date", S("Fri, 31 Dec 1999 23:59:59 GMT"), -1 }
};


static void
test_retry_after_in_seconds(void **state)
{
    size_t   i;
    int64_t  got;
    exact_t  e;

    (void) state;

    for (i = 0; i < COUNT(retries); i++) {
        e = exact(retries[i].value, retries[i].len);
        got = sector_http_retry_after(e.text, e.len);
        free(e.memory);

        expect(retries[i].name, retries[i].value, retries[i].len, got,
               retries[i].expected);
    }

    assert_int_equal(sector_http_retry_after(NULL, 0), -1);
}


static const value_case_t  ages[] = {
    { "empty", S(""), -1 },
    { "0", S("0"), 0 },
    { "15", S("15"), 15 },
    { "blanks and tabs", S(" \t15 \t"), 15 },
    { "a list's first", S("15, 20"), 15 },
    { "an empty first", S(", 20"), -1 },
    { "2^31 - 1", S("2147483647"), 2147483647 },
    { "2^31", S("2147483648"), 2147483648 },
    { "2^31 + 1", S("2147483649"), 2147483648 },
    { "40 digits", S("9999999999999999999999999999999999999999"),
      2147483648 },
    { "a sign", S("-1"), -1 },
    { "a fraction", S("1.5"), -1 },
    { "two words", S("1 5"), -1 },
    { "quotes", S("\"15\""), -1 }
};


static void
test_an_age_is_the_first_of_a_list(void **state)
{
    size_t   i;
    int64_t  got;
    exact_t  e;

    (void) state;

    for (i = 0; i < COUNT(ages); i++) {
        e = exact(ages[i].value, ages[i].len);
        got = sector_http_age(e.text, e.len);
        free(e.memory);

        expect(ages[i].name, ages[i].value, ages[i].len, got,
               ages[i].expected);
    }

    assert_int_equal(sector_http_age(NULL, 0), -1);
}


static const value_case_t  partials[] = {
    { "empty", S(""), 0 },
    { "a token", S("sector-cache; hit; detail=PARTIAL"), 1 },
    { "a string", S("sector-cache;detail=\"PARTIAL\";hit"), 1 },
    { "behind another's", S("CDN; fwd=miss, sector-cache; detail=PARTIAL"), 1 },
    { "before another's", S("sector-cache; detail=PARTIAL , CDN; hit"), 1 },
    { "of two tiers, one", S("sector-cache; hit, sector-cache; detail=PARTIAL"),
      1 },
    { "another's", S("sector-cache; hit, CDN; detail=PARTIAL"), 0 },
    { "another detail", S("sector-cache; detail=NO_DATA"), 0 },
    { "a longer one", S("sector-cache; detail=PARTIALLY"), 0 },
    { "small letters", S("sector-cache; detail=partial"), 0 },
    { "no detail", S("sector-cache; hit; ttl=5"), 0 },
    { "alone", S("detail=PARTIAL"), 0 },
    { "in another's quotes", S("CDN; x=\", sector-cache; detail=PARTIAL\""),
      0 },
    { "after an escaped quote",
      S("CDN; x=\"\\\", sector-cache; detail=PARTIAL\""), 0 },
    { "a comma in quotes", S("sector-cache; x=\"a,b\"; detail=PARTIAL"), 1 },
    { "quotes without an end", S("sector-cache; x=\"; detail=PARTIAL"), 0 },
    { "an escape at the end", S("sector-cache; x=\"\\"), 0 }
};


static void
test_partial_is_what_our_own_kind_says(void **state)
{
    size_t   i;
    int64_t  got;
    exact_t  e;

    (void) state;

    for (i = 0; i < COUNT(partials); i++) {
        e = exact(partials[i].value, partials[i].len);
        got = sector_http_partial(e.text, e.len);
        free(e.memory);

        expect(partials[i].name, partials[i].value, partials[i].len, got,
               partials[i].expected);
    }

    assert_int_equal(sector_http_partial(NULL, 0), 0);
}


/* No bytes make any of them read or write beyond, or answer what it may not. */
static void
test_any_bytes_are_borne(void **state)
{
    char                 text[16];
    size_t               i, k, n, len;
    exact_t              e, out;
    sector_http_item_t   items[SYMBOLS_MAX];
    static const char    bytes[] = "gzip*;q=01.,\"\\W/% \tx-\xff";

    (void) state;
    seeded();

    for (i = 0; i < RANDOM_BYTES; i++) {
        len = below(sizeof(text) + 1);

        for (k = 0; k < len; k++) {
            text[k] = bytes[below(sizeof(bytes))];
        }

        e = exact(text, len);
        out = exact(text, len);

        assert_in_range(sector_http_accepts_gzip(e.text, e.len), 0, 1);
        assert_in_range(sector_http_etag_match(e.text, e.len, e.text, e.len,
                                               1), 0, 1);
        assert_in_range(sector_http_retry_after(e.text, e.len) + 1, 0,
                        SECTOR_HTTP_RETRY_AFTER_MAX + 1);
        assert_in_range(sector_http_age(e.text, e.len) + 1, 0,
                        SECTOR_HTTP_AGE_MAX + 1);
        assert_in_range(sector_http_partial(e.text, e.len), 0, 1);
        assert_in_range(sector_http_unescape(e.text, e.len, out.text), 0, len);

        if (sector_http_symbols(e.text, e.len, SYMBOLS_MAX, items, &n)
            == SECTOR_HTTP_LIST_OK)
        {
            check_items(&e, items, n);
        }

        free(e.memory);
        free(out.memory);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            test_gzip_is_sent_to_those_who_weigh_it_no_less_than_plain),
        cmocka_unit_test(test_a_list_of_symbols_is_split_at_its_commas),
        cmocka_unit_test(test_a_list_of_no_symbols_has_room_for_none),
        cmocka_unit_test(
            test_a_list_is_looked_at_up_to_the_first_item_too_many),
        cmocka_unit_test(
            test_percent_escapes_are_decoded_and_what_is_none_is_kept),
        cmocka_unit_test(test_retry_after_in_seconds),
        cmocka_unit_test(test_an_age_is_the_first_of_a_list),
        cmocka_unit_test(test_partial_is_what_our_own_kind_says),
        cmocka_unit_test(test_any_bytes_are_borne)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
