/*
 * sector_model over the recorded responses: each body's exact sector, or the
 * exact reason why it holds none; then the same bodies cut and changed.
 *
 * The bodies are not part of the project.  SECTOR_FIXTURES names their folder;
 * without it these tests are skipped.  A body for which no row stands in the
 * tables fails the first test.
 */

#include "test_model_files.h"


#define SMALL         2048      /* bodies up to here are cut everywhere */
#define MUTATIONS     150      /* of a small body */
#define MUTATIONS_BIG 8


typedef struct {
    const char             *file;
    sector_format_e         format;
    const char             *symbol;
    const char             *name;
    int64_t                 wall_ms;
    sector_model_status_e   status;
    const char             *expected;   /* the sector, or the reason */
} model_fixture_t;


#include "test_model_charts.h"
#include "test_model_quotes.h"
#include "test_model_refused.h"


#define ROWS(table)  { table, sizeof(table) / sizeof(table[0]) }

static const struct {
    const model_fixture_t  *rows;
    size_t                  n;
} tables[] = {
    ROWS(model_charts), ROWS(model_quotes), ROWS(model_refused)
};

#define TABLES  (sizeof(tables) / sizeof(tables[0]))


/* Calls a function for each row with its body. */

static void
each(void (*call)(const model_fixture_t *row, const model_ask_t *ask,
    const char *body, size_t len))
{
    char                   *body;
    size_t                  i, k, len;
    model_ask_t             ask;
    const model_fixture_t  *row;

    if (folder[0] == '\0') {
        skip();
    }

    for (k = 0; k < TABLES; k++) {
        for (i = 0; i < tables[k].n; i++) {
            row = &tables[k].rows[i];
            ask = (model_ask_t) { row->format, row->symbol, row->name,
                                  row->wall_ms };
            body = load(row->file, &len);
            call(row, &ask, body, len);
            free(body);
        }
    }
}


static int
has_row(const char *file)
{
    size_t  i, k;

    for (k = 0; k < TABLES; k++) {
        for (i = 0; i < tables[k].n; i++) {
            if (strcmp(tables[k].rows[i].file, file) == 0) {
                return 1;
            }
        }
    }

    return 0;
}


static void
test_every_file_has_a_row(void **state)
{
    DIR            *dir;
    size_t          files, missing;
    struct dirent  *entry;

    (void) state;

    if (folder[0] == '\0') {
        skip();
    }

    dir = opendir(folder);
    assert_non_null(dir);
    files = 0;
    missing = 0;

    for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.'
            || strcmp(entry->d_name, "index.json") == 0)
        {
            continue;
        }

        files++;

        if (!has_row(entry->d_name)) {
            print_error("no row for %s/%s\n", folder, entry->d_name);
            missing++;
        }
    }

    closedir(dir);
    assert_true(files > 0);
    assert_int_equal(missing, 0);
}


/* The exact outcome, and quote_ms against the timestamp printed. */

static void
check_row(const model_fixture_t *row, const model_ask_t *ask,
    const char *body, size_t len)
{
    char                   *at;
    const char             *got;
    sector_model_output_t   out;
    sector_model_status_e   status;

    status = model_parse(ask, body, len, &out);
    got = (status == OK) ? out.json : out.reason;

    if (status != row->status || strcmp(got, row->expected) != 0) {
        fail_msg("%s, %s:\n     got %d %s\nexpected %d %s", row->file,
                 row->symbol, (int) status, got, (int) row->status,
                 row->expected);
    }

    if (status == OK) {
        at = strstr(out.json, "\"timestamp\":");
        assert_non_null(at);
        assert_true(strtoll(at + sizeof("\"timestamp\":") - 1, NULL, 10)
                    == out.quote_ms);
    }

    free(out.json);
}


static void
test_each_body_has_its_outcome(void **state)
{
    (void) state;

    each(check_row);
}


/* Another row's symbol must never be answered with this body's sector. */

static void
check_other_symbol(const model_fixture_t *row, const model_ask_t *ask,
    const char *body, size_t len)
{
    model_ask_t  other;

    (void) row;

    other = *ask;
    other.symbol = "NO-SUCH";
    assert_int_not_equal(model_try(&other, body, len), OK);
}


static void
test_no_body_answers_for_another_symbol(void **state)
{
    (void) state;

    each(check_other_symbol);
}


static void
check_other_format(const model_fixture_t *row, const model_ask_t *ask,
    const char *body, size_t len)
{
    model_ask_t  other;

    other = *ask;

    if (row->status == OK) {
        other.format = SECTOR;
        assert_int_equal(model_try(&other, body, len), INVALID);

        other.format = (row->format == CHART) ? QUOTE : CHART;
        assert_int_equal(model_try(&other, body, len), INVALID);
    }
}


static void
test_no_body_passes_as_another_format(void **state)
{
    (void) state;

    each(check_other_format);
}


/* The output is itself a body of our own format, kept as it is. */

static void
check_again(const model_fixture_t *row, const model_ask_t *ask,
    const char *body, size_t len)
{
    model_ask_t  own;

    (void) body;
    (void) len;

    if (row->status == OK) {
        own = *ask;
        own.format = SECTOR;
        model_expect(&own, row->expected, strlen(row->expected), OK,
                     row->expected);
    }
}


static void
test_each_sector_is_a_body_of_our_own_format(void **state)
{
    (void) state;

    each(check_again);
}


static void
check_cut(const model_fixture_t *row, const model_ask_t *ask,
    const char *body, size_t len)
{
    if (row->status == OK && len <= SMALL) {
        model_truncate(ask, body, len);
    }
}


static void
test_no_part_of_a_body_is_accepted(void **state)
{
    (void) state;

    each(check_cut);
}


static void
check_mutated(const model_fixture_t *row, const model_ask_t *ask,
    const char *body, size_t len)
{
    (void) row;

    model_mutate(ask, body, len, (len <= SMALL) ? MUTATIONS : MUTATIONS_BIG);
}


static void
test_changed_bodies_give_a_sector_or_a_reason(void **state)
{
    (void) state;

    model_seed();
    each(check_mutated);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_file_has_a_row),
        cmocka_unit_test(test_each_body_has_its_outcome),
        cmocka_unit_test(test_no_body_answers_for_another_symbol),
        cmocka_unit_test(test_no_body_passes_as_another_format),
        cmocka_unit_test(test_each_sector_is_a_body_of_our_own_format),
        cmocka_unit_test(test_no_part_of_a_body_is_accepted),
        cmocka_unit_test(test_changed_bodies_give_a_sector_or_a_reason)
    };

    return cmocka_run_group_tests(tests, find_folder, NULL);
}
