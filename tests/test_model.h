/*
 * test_model: what the tests of sector_model share.
 */

#ifndef TEST_MODEL_H
#define TEST_MODEL_H


#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <jansson.h>

#include "sector_model.h"
#include "sector_model_json.h"


#define SECTOR  SECTOR_FORMAT_SECTOR
#define CHART   SECTOR_FORMAT_YAHOO_CHART
#define QUOTE   SECTOR_FORMAT_YAHOO_QUOTE

#define OK         SECTOR_MODEL_OK
#define INVALID    SECTOR_MODEL_INVALID
#define NOT_FOUND  SECTOR_MODEL_NOT_FOUND
#define NO_MEMORY  SECTOR_MODEL_NO_MEMORY


typedef struct {
    sector_format_e         format;
    const char             *symbol;
    const char             *name;
    int64_t                 wall_ms;
} model_ask_t;


/* Whether bodies come with a status of 404. */

static int  model_not_found;


/* The seed of the random parts: SECTOR_SEED, or the time; printed. */

static inline void
model_seed(void)
{
    unsigned     seed;
    const char  *text;

    text = getenv("SECTOR_SEED");
    seed = (text != NULL) ? (unsigned) strtoul(text, NULL, 10)
                          : (unsigned) time(NULL);

    print_message("seed: SECTOR_SEED=%u\n", seed);
    srand(seed);
}


/*
 * Parses a copy of exactly len bytes, so that a sanitizer sees a byte read
 * behind it, and checks what holds for every outcome.
 */
static inline sector_model_status_e
model_parse(const model_ask_t *ask, const char *body, size_t len,
    sector_model_output_t *out)
{
    char                   *copy;
    const char             *p;
    sector_model_input_t    in;
    sector_model_status_e   status;

    copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, body, len);

    memset(out, 0x5a, sizeof(*out));

    in = (sector_model_input_t) {
        .body = copy,
        .body_len = len,
        .format = ask->format,
        .symbol = ask->symbol,
        .name = ask->name,
        .wall_ms = ask->wall_ms,
        .not_found_status = model_not_found
    };

    status = sector_model_parse(&in, out);

    assert_memory_equal(copy, body, len);
    free(copy);

    if (status == OK) {
        assert_non_null(out->json);
        assert_int_equal(strlen(out->json), out->json_len);
        assert_int_equal(out->json[0], '{');
        assert_int_equal(out->json[out->json_len - 1], '}');
        assert_string_equal(out->reason, "");
        assert_int_equal(out->foreign, 0);
        return status;
    }

    assert_null(out->json);
    assert_int_equal(out->json_len, 0);
    assert_true(out->quote_ms == INT64_MIN);
    assert_true(out->age_s == 0);
    assert_true(status == INVALID || !out->foreign);
    assert_int_not_equal(out->reason[0], '\0');
    assert_true(strlen(out->reason) < SECTOR_MODEL_REASON_MAX);

    for (p = out->reason; *p != '\0'; p++) {
        assert_in_range(*p, 0x20, 0x7e);
    }

    return status;
}


/*
 * Parses and throws away; what is accepted must be a sector.
 */
static inline sector_model_status_e
model_try(const model_ask_t *ask, const char *body, size_t len)
{
    json_t                 *root;
    json_error_t            error;
    sector_model_output_t   out;
    sector_model_status_e   status;

    status = model_parse(ask, body, len, &out);

    if (status == OK) {
        root = sector_json_load(out.json, out.json_len, &error);
        assert_non_null(root);
        assert_non_null(sector_json_string(json_object_get(root, "symbol")));
        assert_true(isfinite(sector_json_double(json_object_get(root,
                                                                "price"))));
        json_decref(root);
        free(out.json);
    }

    return status;
}


/*
 * Asserts the printed form (with OK) or the reason (with the others).
 */
static inline void
model_expect(const model_ask_t *ask, const char *body, size_t len,
    sector_model_status_e status, const char *expected)
{
    sector_model_output_t  out;

    assert_int_equal(model_parse(ask, body, len, &out), status);
    assert_string_equal(status == OK ? out.json : out.reason, expected);
    free(out.json);
}


/*
 * Parses the body cut at every byte: no part of it is one.
 */
static inline void
model_truncate(const model_ask_t *ask, const char *body, size_t len)
{
    size_t  n;

    while (len > 0 && body[len - 1] != '}') {
        len--;
    }

    for (n = 0; n < len; n++) {
        assert_int_equal(model_try(ask, body, n), INVALID);
    }
}


/*
 * Parses the body with up to four bytes changed, taken out or doubled.
 */
static inline void
model_mutate(const model_ask_t *ask, const char *body, size_t len,
    unsigned rounds)
{
    char    *copy;
    int      changes;
    size_t   at, n;

    static const char  bytes[] = "{}[]:,\"\\0123456789-+.eEnulltrue\x80\xff";

    copy = malloc(len + 4);
    assert_non_null(copy);

    while (rounds-- > 0) {
        memcpy(copy, body, len);
        n = len;

        for (changes = rand() % 4; changes >= 0 && n > 1; changes--) {
            at = (size_t) rand() % n;

            switch (rand() % 4) {

            case 0:
                memmove(copy + at, copy + at + 1, n - at - 1);
                n--;
                break;

            case 1:
                memmove(copy + at + 1, copy + at, n - at);
                n++;
                break;

            case 2:
                copy[at] = (char) rand();
                break;

            default:
                copy[at] = bytes[(size_t) rand() % sizeof(bytes)];
            }
        }

        (void) model_try(ask, copy, n);
    }

    free(copy);
}


/* jansson's allocations fail from the given one on.  In the middle of a string
 * jansson takes that for bad syntax, which cannot be told apart. */

static unsigned  model_allocations, model_allowed;


static inline void *
model_failing_malloc(size_t size)
{
    return (model_allocations++ < model_allowed) ? malloc(size) : NULL;
}


/*
 * Parses a good body with one allocation more at a time, until it is enough:
 * what fails says that, "least" times or more, or calls it no JSON.  Nothing
 * is leaked, which a sanitizer sees.
 *
 * A number of more than 15 characters would not do: where jansson has no
 * memory for one, it ends the process.
 */
static inline void
model_without_memory(const model_ask_t *ask, const char *body, unsigned least)
{
    unsigned                said;
    sector_model_output_t   out;
    sector_model_status_e   status;

    said = 0;
    model_allowed = 0;

    do {
        model_allocations = 0;
        json_set_alloc_funcs(model_failing_malloc, free);
        status = model_parse(ask, body, strlen(body), &out);
        json_set_alloc_funcs(malloc, free);
        free(out.json);

        if (status == NO_MEMORY) {
            said++;
            assert_string_equal(out.reason, "out of memory");

        } else if (status != OK) {
            assert_int_equal(status, INVALID);
            assert_memory_equal(out.reason, "not JSON: ", 10);
        }

    } while (status != OK && model_allowed++ < 10000);

    assert_int_equal(status, OK);
    assert_true(said >= least);
}


#endif /* TEST_MODEL_H */
