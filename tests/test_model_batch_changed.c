/*
 * sector_model: bodies about many symbols against the parser of one symbol,
 * over a recorded body, cut and changed ones, and without memory.
 *
 * SECTOR_SEED repeats a run of the random parts.
 */

#define _GNU_SOURCE     /* memmem() */

#include "test_model_batch.h"


#define MUTATIONS           20000
#define MUTATIONS_RECORDED  300


/* Compares each symbol of a quote with what the parser of one says.  That one
 * stops at an entry that is nobody's, and refuses what stands behind. */

static void
check_against_single(const batch_call_t *call, const char *body, size_t len)
{
    size_t                        i;
    model_ask_t                   ask;
    sector_model_output_t         single;
    sector_model_status_e         status;
    const sector_model_output_t  *out;

    for (i = 0; i < call->n; i++) {
        out = &call->out[i];
        ask = (model_ask_t) { QUOTE, call->symbols[i], call->names[i], 0 };
        status = model_parse(&ask, body, len, &single);

        if (status == INVALID && call->status[i] != INVALID) {
            assert_true(strstr(single.reason, "not an object") != NULL
                        || strstr(single.reason, "symbol is") != NULL);
            assert_true(strcmp(out->reason, "quoteType is NONE") == 0
                        || call->status[i] == OK);
            continue;
        }

        assert_int_equal(call->status[i], status);
        assert_true(out->quote_ms == single.quote_ms);

        if (status == OK) {
            assert_string_equal(out->json, single.json);

        } else if (status == NOT_FOUND) {
            assert_string_equal(out->reason, single.reason);
        }

        free(single.json);
    }
}


static batch_call_t  recorded = {
    .symbols = { "IDFCBANK.BO", "SPY", "0P00008F5Y.L" },
    .names = { "Bank", NULL, "Cash" },
    .n = 3
};


/* Asks for all that a recorded body is about, and for one more. */

static void
ask_for_recorded(const char *body, size_t len)
{
    json_t      *root, *result;
    size_t       i, k;
    const char  *symbol;

    static char  symbols[ASKED_MAX][32];

    root = json_loadb(body, len, 0, NULL);
    assert_non_null(root);
    result = json_object_get(json_object_get(root, "quoteResponse"),
                             "result");
    recorded.n = 3;

    for (i = json_array_size(result); i > 0; i--) {
        symbol = json_string_value(json_object_get(json_array_get(result,
                                                        i - 1), "symbol"));

        for (k = 0; k < recorded.n; k++) {
            if (strcmp(recorded.symbols[k], symbol) == 0) {
                break;
            }
        }

        if (k == recorded.n) {
            assert_true(k < ASKED_MAX);
            (void) snprintf(symbols[k], sizeof(symbols[k]), "%s", symbol);
            recorded.symbols[recorded.n++] = symbols[k];
        }
    }

    json_decref(root);
    assert_int_equal(recorded.n, 9);
}


static char *
load_recorded(size_t *len)
{
    char  *body;

    if (folder[0] == '\0') {
        skip();
    }

    body = load("quote-8symbols-mixed-2025.json", len);
    ask_for_recorded(body, *len);

    return body;
}


static void
test_a_recorded_body_as_the_single_parse_reads_it(void **state)
{
    char    *body;
    long     before;
    size_t   i, ok, len;

    (void) state;

    body = load_recorded(&len);
    before = live;

    assert_int_equal(parse(&recorded, QUOTE, body, len), OK);
    check_against_single(&recorded, body, len);

    for (i = 0, ok = 0; i < recorded.n; i++) {
        ok += (recorded.status[i] == OK);
    }

    assert_int_equal(ok, 7);
    assert_int_equal(recorded.status[0], NOT_FOUND);
    assert_int_equal(recorded.status[1], NOT_FOUND);

    done(&recorded, before);
    free(body);
}


/* The bodies that are cut, changed, and read without memory. */

static const struct {
    sector_format_e   format;
    const char       *body;
} samples[] = {
    { QUOTE, QUOTES("{\"symbol\":\"QQQ\",\"quoteType\":\"NONE\"}," QUOTE_XLK
                    "," QUOTE_SPY) },
    { CHART, CHARTS(CHART_SPY "," CHART_XLK) },
    { SECTOR, "{\"spy\":" SPY ",\"XLK\":" XLK "}" },
    { SECTOR, "[" SPY "," XLK "]" },
    { SECTOR, "{\"data\":{\"spy\":" SPY ",\"XLK\":" XLK "},\"errors\":"
              "{\"QQQ\":{\"error_code\":\"UNKNOWN_SYMBOL\"}}}" }
};

#define SAMPLES  (sizeof(samples) / sizeof(samples[0]))


static const batch_call_t  sample_call = {
    .symbols = { "XLK", "QQQ", "SPY" },
    .names = { "Technology" },
    .n = 3
};


/* A sector of our own format is bytes of the body that stand alone. */

static void
check_own(const batch_call_t *call, const char *body, size_t len)
{
    size_t       i;
    model_ask_t  ask;

    for (i = 0; i < call->n; i++) {
        if (call->status[i] == OK) {
            assert_non_null(memmem(body, len, call->out[i].json,
                                   call->out[i].json_len));
            ask = (model_ask_t) { SECTOR, call->symbols[i], NULL, 0 };
            model_expect(&ask, call->out[i].json, call->out[i].json_len, OK,
                         call->out[i].json);
        }
    }
}


static sector_model_status_e
try(batch_call_t *call, sector_format_e format, const char *body, size_t len)
{
    long                   before;
    sector_model_status_e  whole;

    before = live;
    whole = parse(call, format, body, len);

    if (format == QUOTE) {
        check_against_single(call, body, len);

    } else if (format == SECTOR) {
        check_own(call, body, len);
    }

    done(call, before);

    return whole;
}


static void
test_no_part_of_a_body_is_a_batch(void **state)
{
    size_t        i, len;
    batch_call_t  call;

    (void) state;

    call = sample_call;

    for (i = 0; i < SAMPLES; i++) {
        len = strlen(samples[i].body);
        assert_int_equal(try(&call, samples[i].format, samples[i].body, len),
                         OK);

        while (len-- > 0) {
            assert_int_equal(try(&call, samples[i].format, samples[i].body,
                                 len), INVALID);
        }
    }
}


/* A body with up to four bytes changed, or two stretches exchanged. */

static void
change(char *copy, const char *body, size_t len)
{
    int     changes;
    size_t  from, to;

    static const char  bytes[] = "{}[]:,\"\\0123456789-+.eEnulltrue\x80\xff";

    memcpy(copy, body, len);

    for (changes = rand() % 4; changes >= 0; changes--) {
        from = (size_t) rand() % len;
        to = (size_t) rand() % len;

        switch (rand() % 4) {

        case 0:
            copy[to] = (char) rand();
            break;

        case 1:
            memmove(copy + to, copy + from,
                    (size_t) rand() % (len - (from > to ? from : to)));
            break;

        default:
            copy[to] = bytes[(size_t) rand() % (sizeof(bytes) - 1)];
        }
    }
}


static unsigned
try_changed(batch_call_t *call, sector_format_e format, const char *body,
    size_t len, unsigned rounds)
{
    char      *copy;
    unsigned   ok;

    copy = malloc(len);
    assert_non_null(copy);

    for (ok = 0; rounds > 0; rounds--) {
        change(copy, body, len);
        ok += (try(call, format, copy, len) == OK);
    }

    free(copy);

    return ok;
}


static void
test_changed_bodies_give_sectors_or_reasons(void **state)
{
    size_t        i;
    batch_call_t  call;

    (void) state;

    model_seed();
    call = sample_call;

    for (i = 0; i < SAMPLES; i++) {
        assert_true(try_changed(&call, samples[i].format, samples[i].body,
                                strlen(samples[i].body), MUTATIONS) > 0);
    }
}


static void
test_changed_recorded_bodies_as_the_single_parse_reads_them(void **state)
{
    char    *body;
    size_t   len;

    (void) state;

    body = load_recorded(&len);
    model_seed();
    (void) try_changed(&recorded, QUOTE, body, len, MUTATIONS_RECORDED);
    free(body);
}


/* In the middle of a string, jansson speaks of bad syntax. */

static void
check_without_memory(sector_format_e format, const char *body)
{
    long                    before;
    unsigned                limit, said;
    batch_call_t            call;
    sector_model_status_e   whole;

    call = sample_call;
    before = live;
    said = 0;

    for (limit = 0; limit < 10000; limit++) {
        whole = parse_limited(&call, format, body, strlen(body), limit);
        done(&call, before);

        if (whole == OK) {
            break;
        }

        if (whole == NO_MEMORY) {
            said++;
            assert_string_equal(call.reason, "out of memory");

        } else {
            assert_memory_equal(call.reason, "not JSON: ", 10);
        }
    }

    assert_int_equal(whole, OK);
    assert_true(said > 5);
}


static void
test_without_memory_nothing_is_leaked(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < SAMPLES; i++) {
        check_without_memory(samples[i].format, samples[i].body);
    }

    check_without_memory(SECTOR, "{\"XLK\":{\"symbol\":\"XLK\",\"a\\u0000\":"
                         "[1e400,{\"x\":-1e400}],\"price\":1}}");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_recorded_body_as_the_single_parse_reads_it),
        cmocka_unit_test(test_no_part_of_a_body_is_a_batch),
        cmocka_unit_test(test_changed_bodies_give_sectors_or_reasons),
        cmocka_unit_test(
            test_changed_recorded_bodies_as_the_single_parse_reads_them),
        cmocka_unit_test(test_without_memory_nothing_is_leaked)
    };

    return cmocka_run_group_tests(tests, count_allocations, NULL);
}
