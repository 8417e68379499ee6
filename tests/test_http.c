/*
 * What a client's header fields and arguments mean: tables of cases, each in a
 * buffer of exactly its size so that the sanitizer sees a byte read beyond, and
 * lists of entity-tags compared with what they were made of.
 *
 * SECTOR_SEED repeats a run of the random parts.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sector_http.h"


#define DEFAULT_SEED  9110
#define RANDOM_LISTS  200000
#define RANDOM_BYTES  100000

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))
#define S(literal)    literal, sizeof(literal) - 1


/* A text in memory of its own, that ends where the text does. */

typedef struct {
    char        *memory;
    char        *text;
    size_t       len;
} exact_t;


static exact_t
exact(const char *text, size_t len)
{
    exact_t  e;

    /* malloc(0) may be a byte long, or NULL: an empty text is the end of one */

    e.memory = malloc(len ? len : 1);
    assert_non_null(e.memory);

    e.text = len ? e.memory : e.memory + 1;
    e.len = len;
    memcpy(e.text, text, len);

    return e;
}


static void
seeded(void)
{
    uint64_t     seed;
    const char  *given;

    given = getenv("SECTOR_SEED");
    seed = given ? strtoull(given, NULL, 10) : DEFAULT_SEED;
    printf("# SECTOR_SEED=%llu\n", (unsigned long long) seed);
    srandom((unsigned) seed);
}


static size_t
below(size_t n)
{
    return (size_t) random() % n;
}


static void
expect(const char *name, const char *value, size_t len, int64_t got,
    int64_t expected)
{
    if (got != expected) {
        fail_msg("%s: \"%.*s\" is %lld, not %lld", name, (int) len, value,
                 (long long) got, (long long) expected);
    }
}


typedef struct {
    const char  *name;
    const char  *value;
    size_t       len;
    int64_t      expected;
} value_case_t;


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


typedef struct {
    const char  *name;
    const char  *list;
    size_t       len;
    const char  *etag;
    size_t       etag_len;
    int          strong;        /* expected of either comparison */
    int          weak;
} etag_case_t;


static const etag_case_t  etags[] = {
    { "strong, strong", S("\"1\""), S("\"1\""), 1, 1 },
    { "weak, weak", S("W/\"1\""), S("W/\"1\""), 0, 1 },
    { "weak in the list", S("W/\"1\""), S("\"1\""), 0, 1 },
    { "weak of ours", S("\"1\""), S("W/\"1\""), 0, 1 },
    { "another", S("\"2\""), S("\"1\""), 0, 0 },
    { "another, weak", S("W/\"2\""), S("W/\"1\""), 0, 0 },
    { "a longer one", S("\"11\""), S("\"1\""), 0, 0 },
    { "a shorter one", S("\"1\""), S("\"11\""), 0, 0 },
    { "of nothing", S("\"\""), S("\"\""), 1, 1 },
    { "case", S("\"a\""), S("\"A\""), 0, 0 },
    { "bytes above ASCII", S("\"\x80\xff\""), S("\"\x80\xff\""), 1, 1 },
    { "all that may be", S("\"!#[]\\~W/\""), S("\"!#[]\\~W/\""), 1, 1 },

    { "any", S("*"), S("\"1\""), 1, 1 },
    { "any, with blanks", S(" \t* \t"), S("W/\"1\""), 1, 1 },
    { "any, of none", S("*"), S(""), 1, 1 },
    { "any, of a malformed one", S("*"), S("1"), 1, 1 },
    { "any in a list", S("*, \"1\""), S("\"1\""), 0, 0 },
    { "any after one", S("\"2\", *"), S("\"1\""), 0, 0 },
    { "any twice", S("**"), S("\"1\""), 0, 0 },
    { "a tag that is a star", S("\"*\""), S("\"1\""), 0, 0 },

    { "empty", S(""), S("\"1\""), 0, 0 },
    { "blanks", S(" \t"), S("\"1\""), 0, 0 },
    { "commas", S(" , ,,"), S("\"1\""), 0, 0 },
    { "first", S("\"1\", \"2\""), S("\"1\""), 1, 1 },
    { "last", S("\"2\", \"3\", \"1\""), S("\"1\""), 1, 1 },
    { "no blanks", S("\"2\",W/\"3\",\"1\""), S("\"1\""), 1, 1 },
    { "many blanks", S(" \t\"2\" \t,\t \"1\" \t"), S("\"1\""), 1, 1 },
    { "empty elements", S(",, ,\"2\",, ,\"1\","), S("\"1\""), 1, 1 },
    { "weak, then strong", S("W/\"1\", \"1\""), S("\"1\""), 1, 1 },
    { "a comma inside", S("\"a,b\""), S("\"a,b\""), 1, 1 },
    { "a comma inside another", S("\"a,b\", \"1\""), S("\"1\""), 1, 1 },
    { "between two commas inside", S("\"a,1,b\""), S("\"1\""), 0, 0 },
    { "quotes of two tags", S("\"2\",\"3\""), S("\",\""), 0, 0 },

    { "no quotes", S("1"), S("\"1\""), 0, 0 },
    { "no end", S("\"1"), S("\"1\""), 0, 0 },
    { "a quote alone", S("\""), S("\"1\""), 0, 0 },
    { "no beginning", S("1\""), S("\"1\""), 0, 0 },
    { "w/", S("w/\"1\""), S("\"1\""), 0, 0 },
    { "W alone", S("W"), S("\"1\""), 0, 0 },
    { "W without /", S("W\"1\""), S("\"1\""), 0, 0 },
    { "W/ alone", S("W/"), S("\"1\""), 0, 0 },
    { "W/ and no quotes", S("W/1"), S("\"1\""), 0, 0 },
    { "W/ and a quote", S("W/\""), S("\"1\""), 0, 0 },
    { "W/ and a blank", S("W/ \"1\""), S("\"1\""), 0, 0 },
    { "W/ twice", S("W/W/\"1\""), S("\"1\""), 0, 0 },
    { "a blank inside", S("\"a b\", \"1\""), S("\"1\""), 0, 0 },
    { "a tab inside", S("\"a\tb\", \"1\""), S("\"1\""), 0, 0 },
    { "a zero inside", S("\"a\0b\", \"1\""), S("\"1\""), 0, 0 },
    { "a delete inside", S("\"a\x7f\", \"1\""), S("\"1\""), 0, 0 },
    { "something after it", S("\"1\"x"), S("\"1\""), 0, 0 },
    { "a tag after it", S("\"1\" \"1\""), S("\"1\""), 0, 0 },
    { "a parameter after it", S("\"1\";q=1"), S("\"1\""), 0, 0 },
    { "before malformed", S("\"1\", x"), S("\"1\""), 1, 1 },
    { "before an open one", S("\"1\", \"2"), S("\"1\""), 1, 1 },
    { "after malformed", S("x, \"1\""), S("\"1\""), 0, 0 },
    { "after an open one", S("\"2, \"1\""), S("\"1\""), 0, 0 },

    { "ours empty", S("\"1\""), S(""), 0, 0 },
    { "ours malformed, and the same", S("1"), S("1"), 0, 0 },
    { "ours open", S("\"1\""), S("\"1"), 0, 0 },
    { "ours two", S("\"1\", \"2\""), S("\"1\", \"2\""), 0, 0 },
    { "ours with something after it", S("\"1\""), S("\"1\"x"), 0, 0 }
};


static int
etag_match(const char *list, size_t len, const char *etag, size_t etag_len,
    int weak)
{
    int      got;
    exact_t  l, e;

    l = exact(list, len);
    e = exact(etag, etag_len);
    got = sector_http_etag_match(l.text, l.len, e.text, e.len, weak);
    free(l.memory);
    free(e.memory);

    return got;
}


static void
test_an_etag_is_in_a_list_or_not(void **state)
{
    size_t              i;
    const etag_case_t  *t;

    (void) state;

    for (i = 0; i < COUNT(etags); i++) {
        t = &etags[i];

        expect(t->name, t->list, t->len,
               etag_match(t->list, t->len, t->etag, t->etag_len, 0),
               t->strong);
        expect(t->name, t->list, t->len,
               etag_match(t->list, t->len, t->etag, t->etag_len, 1),
               t->weak);
    }

    assert_int_equal(sector_http_etag_match(NULL, 0, "\"1\"", 3, 1), 0);
    assert_int_equal(sector_http_etag_match("\"1\"", 3, NULL, 0, 1), 0);
    assert_int_equal(sector_http_etag_match("*", 1, NULL, 0, 0), 1);
}


/*
 * The naive model: a list is made of elements whose kinds are known, and the
 * model looks at those and never at the text.
 */

typedef enum {
    EMPTY = 0,
    STAR,
    MALFORMED,
    STRONG,
    WEAK
} kind_e;


#define ELEMENTS_MAX  6
#define OPAQUE_MAX    2
#define TEXT_MAX      512


typedef struct {
    kind_e       kind;
    char         opaque[OPAQUE_MAX + 1];
} element_t;


/* None becomes well-formed by what follows it in a list: an open one would, by
 * a tag that begins with a comma, and none of ours does. */

static const char  *malformed[] = {
    "a", "\"a", "w/\"a\"", "W\"a\"", "W/a", "W/", "W/\"a", "/\"a\"",
    "\"a\"a", "\"a\" \"a\"", "\"a\" W/\"a\"", "\"a a\"", "\"a\x7f\"",
    "W/ \"a\"", "**", "\"a\";a"
};


static void
make_element(element_t *e)
{
    size_t  i, len, kind;

    kind = below(16);
    e->kind = kind < 2 ? EMPTY : kind < 3 ? STAR : kind < 4 ? MALFORMED
              : kind < 10 ? STRONG : WEAK;
    len = below(OPAQUE_MAX + 1);

    for (i = 0; i < len; i++) {
        e->opaque[i] = i ? "a,/"[below(3)] : "a/"[below(2)];
    }

    e->opaque[len] = '\0';
}


/* Appends an element's text, and returns how long all of it is then. */

static size_t
print_element(const element_t *e, char *text, size_t len)
{
    char  *at = text + len;

    switch (e->kind) {

    case STAR:
        return len + (size_t) sprintf(at, "*");

    case MALFORMED:
        return len + (size_t) sprintf(at, "%s",
                                      malformed[below(COUNT(malformed))]);

    case STRONG:
        return len + (size_t) sprintf(at, "\"%s\"", e->opaque);

    case WEAK:
        return len + (size_t) sprintf(at, "W/\"%s\"", e->opaque);

    default:
        return len;
    }
}


static size_t
print_blanks(char *text, size_t len)
{
    size_t  n;

    for (n = below(3); n > 0; n--) {
        text[len++] = " \t"[below(2)];
    }

    return len;
}


static size_t
print_list(const element_t *list, size_t n, char *text)
{
    size_t  i, len;

    len = 0;

    for (i = 0; i < n; i++) {
        if (i != 0) {
            text[len++] = ',';
        }

        len = print_blanks(text, len);
        len = print_element(&list[i], text, len);
        len = print_blanks(text, len);
    }

    return len;
}


static int
model_match(const element_t *list, size_t n, const element_t *ours, int weak)
{
    size_t  i;

    if (n == 1 && list[0].kind == STAR) {
        return 1;
    }

    if (ours->kind != STRONG && ours->kind != WEAK) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (list[i].kind == STAR || list[i].kind == MALFORMED) {
            return 0;
        }

        if (list[i].kind == EMPTY || strcmp(list[i].opaque, ours->opaque)) {
            continue;
        }

        if (weak || (list[i].kind == STRONG && ours->kind == STRONG)) {
            return 1;
        }
    }

    return 0;
}


static void
test_lists_of_etags_match_as_what_they_were_made_of(void **state)
{
    int        got, weak, matched[2];
    char       text[TEXT_MAX], etag[TEXT_MAX];
    size_t     i, k, n, len, etag_len;
    element_t  list[ELEMENTS_MAX], ours;

    (void) state;
    seeded();
    matched[0] = matched[1] = 0;

    for (i = 0; i < RANDOM_LISTS; i++) {
        n = below(ELEMENTS_MAX + 1);

        for (k = 0; k < n; k++) {
            make_element(&list[k]);
        }

        make_element(&ours);
        len = print_list(list, n, text);
        etag_len = print_element(&ours, etag, 0);
        weak = (int) below(2);

        got = etag_match(text, len, etag, etag_len, weak);
        matched[got]++;

        if (got != model_match(list, n, &ours, weak)) {
            fail_msg("list %zu: [%.*s] and [%.*s], weak %d: %d", i, (int) len,
                     text, (int) etag_len, etag, weak, got);
        }
    }

    /* a generator that makes one kind only would prove nothing */

    assert_true(matched[0] > RANDOM_LISTS / 10);
    assert_true(matched[1] > RANDOM_LISTS / 10);
}


#define SEND      SECTOR_HTTP_SEND
#define NOT       SECTOR_HTTP_NOT_MODIFIED
#define FAILED    SECTOR_HTTP_FAILED

#define ETAG      "\"1\""
#define MODIFIED  1000


/* Of a representation whose ETag is ETAG, modified then unless it is said. */

typedef struct {
    const char             *name;
    const char             *if_match;
    const char             *if_none_match;
    int64_t                 if_unmodified_since;
    int64_t                 if_modified_since;
    sector_http_verdict_e   expected;
} condition_case_t;


static const condition_case_t  conditions[] = {
    { "none", NULL, NULL, -1, -1, SEND },

    { "match", ETAG, NULL, -1, -1, SEND },
    { "match, any", "*", NULL, -1, -1, SEND },
    { "match, in a list", "\"2\", " ETAG, NULL, -1, -1, SEND },
    { "match, not ours", "\"2\"", NULL, -1, -1, FAILED },
    { "match, weak", "W/" ETAG, NULL, -1, -1, FAILED },
    { "match, empty", "", NULL, -1, -1, FAILED },
    { "match, malformed", "1", NULL, -1, -1, FAILED },

    { "unmodified since later", NULL, NULL, 1001, -1, SEND },
    { "unmodified since then", NULL, NULL, 1000, -1, SEND },
    { "unmodified since earlier", NULL, NULL, 999, -1, FAILED },
    { "unmodified since the epoch", NULL, NULL, 0, -1, FAILED },
    { "match before unmodified since", ETAG, NULL, 999, -1, SEND },
    { "no match before unmodified", "\"2\"", NULL, 1001, -1, FAILED },

    { "none match", NULL, ETAG, -1, -1, NOT },
    { "none match, weak", NULL, "W/" ETAG, -1, -1, NOT },
    { "none match, any", NULL, "*", -1, -1, NOT },
    { "none match, not ours", NULL, "\"2\"", -1, -1, SEND },
    { "none match, empty", NULL, "", -1, -1, SEND },
    { "none match, malformed", NULL, "1", -1, -1, SEND },

    { "modified since later", NULL, NULL, -1, 1001, NOT },
    { "modified since then", NULL, NULL, -1, 1000, NOT },
    { "modified since earlier", NULL, NULL, -1, 999, SEND },
    { "modified since the epoch", NULL, NULL, -1, 0, SEND },
    { "none match before modified since", NULL, ETAG, -1, 999, NOT },
    { "another before modified since", NULL, "\"2\"", -1, 1001, SEND },
    { "empty before modified since", NULL, "", -1, 1001, SEND },

    { "both match", ETAG, ETAG, -1, -1, NOT },
    { "failed before not modified", "\"2\"", ETAG, -1, -1, FAILED },
    { "match, not modified since", ETAG, NULL, -1, 1000, NOT },
    { "match, modified since", ETAG, NULL, -1, 999, SEND },
    { "failed before not modified since", "\"2\"", NULL, -1, 1000, FAILED },
    { "unmodified and not modified", NULL, NULL, 1000, 1000, NOT },
    { "unmodified and none match", NULL, ETAG, 1000, -1, NOT },
    { "modified before none match", NULL, ETAG, 999, -1, FAILED },
    { "all four, let through", ETAG, "\"2\"", 999, 1001, SEND },
    { "all four, not modified", ETAG, ETAG, 999, 999, NOT },
    { "all four, failed", "\"2\"", ETAG, 1001, 1001, FAILED }
};


static sector_http_verdict_e
evaluate(const condition_case_t *t, int64_t modified_s)
{
    exact_t                   match, none, etag;
    sector_http_verdict_e     verdict;
    sector_http_conditions_t  c;

    etag = exact(S(ETAG));
    match = exact(t->if_match ? t->if_match : "",
                  t->if_match ? strlen(t->if_match) : 0);
    none = exact(t->if_none_match ? t->if_none_match : "",
                 t->if_none_match ? strlen(t->if_none_match) : 0);

    c.if_match = t->if_match ? match.text : NULL;
    c.if_match_len = match.len;
    c.if_none_match = t->if_none_match ? none.text : NULL;
    c.if_none_match_len = none.len;
    c.if_unmodified_since = t->if_unmodified_since;
    c.if_modified_since = t->if_modified_since;

    verdict = sector_http_evaluate(&c, etag.text, etag.len, modified_s);

    free(etag.memory);
    free(match.memory);
    free(none.memory);

    return verdict;
}


static void
test_conditions_are_evaluated_in_the_order_of_the_rfc(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < COUNT(conditions); i++) {
        expect(conditions[i].name, "", 0, evaluate(&conditions[i], MODIFIED),
               conditions[i].expected);
    }
}


static void
test_dates_are_ignored_where_the_representation_has_none(void **state)
{
    size_t                  i;
    condition_case_t        t;
    sector_http_verdict_e   verdict;

    (void) state;

    for (i = 0; i < COUNT(conditions); i++) {
        t = conditions[i];
        verdict = evaluate(&t, -1);

        t.if_unmodified_since = -1;
        t.if_modified_since = -1;
        expect(t.name, "", 0, verdict, evaluate(&t, MODIFIED));
    }
}


/* The epoch is a date like any other, for what was modified then too. */
static void
test_the_epoch_is_a_date(void **state)
{
    condition_case_t  since = { "", NULL, NULL, -1, 0, SEND };
    condition_case_t  unmodified = { "", NULL, NULL, 0, -1, SEND };

    (void) state;

    assert_int_equal(evaluate(&since, 0), NOT);
    assert_int_equal(evaluate(&since, 1), SEND);
    assert_int_equal(evaluate(&unmodified, 0), SEND);
    assert_int_equal(evaluate(&unmodified, 1), FAILED);
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


/* No bytes make any of them read or write beyond, or answer what it may not. */
static void
test_any_bytes_are_borne(void **state)
{
    char                 text[16];
    size_t               i, k, n, len;
    exact_t              e, out;
    sector_http_item_t   items[SYMBOLS_MAX];
    static const char    bytes[] = "gzip*;q=01.,\"W/% \tx-\xff";

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
        cmocka_unit_test(test_an_etag_is_in_a_list_or_not),
        cmocka_unit_test(test_lists_of_etags_match_as_what_they_were_made_of),
        cmocka_unit_test(
            test_conditions_are_evaluated_in_the_order_of_the_rfc),
        cmocka_unit_test(
            test_dates_are_ignored_where_the_representation_has_none),
        cmocka_unit_test(test_the_epoch_is_a_date),
        cmocka_unit_test(test_a_list_of_symbols_is_split_at_its_commas),
        cmocka_unit_test(test_a_list_of_no_symbols_has_room_for_none),
        cmocka_unit_test(
            test_a_list_is_looked_at_up_to_the_first_item_too_many),
        cmocka_unit_test(
            test_percent_escapes_are_decoded_and_what_is_none_is_kept),
        cmocka_unit_test(test_retry_after_in_seconds),
        cmocka_unit_test(test_any_bytes_are_borne)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
