/*
 * test_model_batch: what the tests of batches share.
 *
 * Allocations are counted, those of jansson too: whatever a body is, nothing
 * may be left when the sectors are freed, and any allocation may fail.
 */

#ifndef TEST_MODEL_BATCH_H
#define TEST_MODEL_BATCH_H


#include "test_model_files.h"


#define ASKED_MAX  20

#define XLK  "{\"symbol\":\"XLK\",\"price\":1.50}"
#define SPY  "{ \"x\":[{},\"]}\\\"\"], \"symbol\" : \"spy\",\"price\":2e0 }"

#define QUOTES(entries)                                                       \
    "{\"quoteResponse\":{\"result\":[" entries "],\"error\":null}}"
#define CHARTS(entries)                                                       \
    "{\"chart\":{\"result\":[" entries "],\"error\":null}}"

#define QUOTE_XLK  "{\"regularMarketPrice\":{\"raw\":1.5},\"symbol\":\"xlk\"}"
#define QUOTE_SPY  "{\"symbol\":\"SPY\",\"regularMarketPrice\":2}"
#define CHART_XLK                                                             \
    "{\"meta\":{\"symbol\":\"XLK\",\"regularMarketPrice\":1.5}}"
#define CHART_SPY                                                             \
    "{\"meta\":{\"symbol\":\"SPY\",\"regularMarketPrice\":2}}"

#define PLAIN_XLK  "{\"symbol\":\"XLK\",\"price\":1.5}"
#define PLAIN_SPY  "{\"symbol\":\"SPY\",\"price\":2}"


/* One call. */

typedef struct {
    const char             *symbols[ASKED_MAX];
    const char             *names[ASKED_MAX];
    size_t                  n;
    int                     partial;
    int                     not_found;
    sector_model_output_t   out[ASKED_MAX];
    sector_model_status_e   status[ASKED_MAX];
    char                    reason[SECTOR_MODEL_REASON_MAX];
} batch_call_t;


/* Allocations of jansson and of what is linked here: how many there are, how
 * many have been asked for, and how many may be. */

static long      live;
static unsigned  asked_for, allowed = UINT32_MAX;


void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);


void *
__wrap_malloc(size_t size)
{
    void  *p;

    p = (asked_for++ < allowed) ? __real_malloc(size) : NULL;
    live += (p != NULL);

    return p;
}


void *
__wrap_calloc(size_t n, size_t size)
{
    void  *p;

    p = (asked_for++ < allowed) ? __real_calloc(n, size) : NULL;
    live += (p != NULL);

    return p;
}


void
__wrap_free(void *p)
{
    live -= (p != NULL);
    __real_free(p);
}


static inline void
check_reason(const char *reason)
{
    assert_int_not_equal(reason[0], '\0');
    assert_true(strlen(reason) < SECTOR_MODEL_REASON_MAX);

    for ( /* void */ ; *reason != '\0'; reason++) {
        assert_in_range(*reason, 0x20, 0x7e);
    }
}


/* What holds for one symbol, whatever the body was. */

static inline void
check_symbol(const batch_call_t *call, size_t i, sector_model_status_e whole)
{
    const sector_model_output_t  *out;

    out = &call->out[i];

    if (call->status[i] == OK) {
        assert_int_equal(whole, OK);
        assert_non_null(out->json);
        assert_int_equal(strlen(out->json), out->json_len);
        assert_int_equal(out->json[0], '{');
        assert_int_equal(out->json[out->json_len - 1], '}');
        assert_string_equal(out->reason, "");
        assert_int_equal(out->foreign, 0);
        return;
    }

    assert_true(out->age_s == 0);
    assert_int_equal(out->foreign, whole == INVALID && call->out[0].foreign);
    assert_null(out->json);
    assert_int_equal(out->json_len, 0);
    assert_true(out->quote_ms == INT64_MIN);
    check_reason(out->reason);

    if (whole == OK) {
        assert_int_not_equal(call->status[i], NO_MEMORY);
        return;
    }

    assert_int_equal(call->status[i], whole);
    assert_string_equal(out->reason, call->reason);
}


/* Parses a copy of exactly len bytes, and checks what holds for every
 * outcome; allocations fail from the limit on. */

static inline sector_model_status_e
parse_limited(batch_call_t *call, sector_format_e format, const char *body,
    size_t len, unsigned limit)
{
    char                   *copy;
    size_t                  i;
    sector_model_batch_t    in;
    sector_model_status_e   whole;

    copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, body, len);

    memset(call->out, 0x5a, sizeof(call->out));
    memset(call->status, 0x5a, sizeof(call->status));
    memset(call->reason, 0x5a, sizeof(call->reason));

    in = (sector_model_batch_t) {
        .body = copy,
        .body_len = len,
        .format = format,
        .symbols = call->symbols,
        .names = call->names,
        .n = call->n,
        .wall_ms = 0,
        .partial = call->partial,
        .not_found_status = call->not_found
    };

    asked_for = 0;
    allowed = limit;
    whole = sector_model_parse_batch(&in, call->out, call->status,
                                     call->reason);
    allowed = UINT32_MAX;

    assert_memory_equal(copy, body, len);
    free(copy);

    if (whole == OK) {
        assert_string_equal(call->reason, "");

    } else {
        check_reason(call->reason);
    }

    for (i = 0; i < call->n; i++) {
        check_symbol(call, i, whole);
    }

    return whole;
}


static inline sector_model_status_e
parse(batch_call_t *call, sector_format_e format, const char *body, size_t len)
{
    return parse_limited(call, format, body, len, UINT32_MAX);
}


/* Frees the sectors; nothing else may be left since before. */

static inline void
done(batch_call_t *call, long before)
{
    size_t  i;

    for (i = 0; i < call->n; i++) {
        free(call->out[i].json);
    }

    assert_int_equal(live, before);
}


/* A group's setup. */

static inline int
count_allocations(void **state)
{
    json_set_alloc_funcs(malloc, free);

    return find_folder(state);
}


#endif /* TEST_MODEL_BATCH_H */
