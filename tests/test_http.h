/*
 * test_http: what the tests of sector_http share.
 *
 * SECTOR_SEED repeats a run of the random parts.
 */

#ifndef TEST_HTTP_H
#define TEST_HTTP_H


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

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))
#define S(literal)    literal, sizeof(literal) - 1


/* A text in memory of its own, that ends where the text does. */

typedef struct {
    char        *memory;
    char        *text;
    size_t       len;
} exact_t;


static inline exact_t
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


static inline void
seeded(void)
{
    uint64_t     seed;
    const char  *given;

    given = getenv("SECTOR_SEED");
    seed = given ? strtoull(given, NULL, 10) : DEFAULT_SEED;
    printf("# SECTOR_SEED=%llu\n", (unsigned long long) seed);
    srandom((unsigned) seed);
}


static inline size_t
below(size_t n)
{
    return (size_t) random() % n;
}


static inline void
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


#endif /* TEST_HTTP_H */
