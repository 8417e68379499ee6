/*
 * Which dumps are refused: cut off, changed, forged.  Such a one leaves the
 * store as it was.  One that was changed and sealed anew is either refused or
 * taken for what it says.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_fixture.h"
#include "dump_bytes.h"


#define NOW   1000
#define WALL  1001000       /* as put() has it */


/* A store with an entry, and a dump of others that it could be given. */

typedef struct {
    fixture_t       fx;
    sector_dump_t   dump;
    dump_still_t    still;
} forge_t;


static void
forge_store(forge_t *forge)
{
    fixture_make(&forge->fx, 64 * 1024, &fixture_policy);
    assert_int_equal(put(&forge->fx.st, "here", "before", 10),
                     SECTOR_STORE_OK);
    dump_still(&forge->fx, &forge->still);
}


static void
forge_make(forge_t *forge)
{
    unsigned             i;
    char                 key[16], value[100];
    fixture_t            fx;
    sector_store_item_t  item = { .value = "no", .value_bytes = 2,
                                  .negative = 1 };

    fixture_make(&fx, 64 * 1024, &fixture_policy);

    for (i = 0; i < 6; i++) {
        snprintf(key, sizeof(key), "key %u", i);
        memset(value, 'a' + (int) i, sizeof(value));
        value[i * 13] = '\0';
        assert_int_equal(put(&fx.st, key, value, NOW - i), SECTOR_STORE_OK);
    }

    assert_int_equal(sector_store_put(&fx.st, "-", 1, &item, NOW, WALL),
                     SECTOR_STORE_OK);

    memset(&forge->dump, 0, sizeof(sector_dump_t));
    assert_int_equal(sector_dump_add(&forge->dump, &fx.st, 0, SIZE_MAX, NOW,
                                     WALL), 0);
    assert_int_equal(sector_dump_finish(&forge->dump, WALL), 0);
    assert_int_equal(forge->dump.entries, 7);

    fixture_unmake(&fx);
    forge_store(forge);
}


static void
forge_unmake_store(forge_t *forge)
{
    free(forge->still.reserve);
    fixture_unmake(&forge->fx);
}


static void
forge_unmake(forge_t *forge)
{
    sector_dump_free(&forge->dump);
    forge_unmake_store(forge);
}


static unsigned
below(uint64_t *random, size_t n)
{
    return (unsigned) (store_region_random64(random) % n);
}


static void
test_a_dump_cut_off_anywhere_is_refused(void **state)
{
    size_t          len;
    int64_t         saved;
    forge_t         forge;
    unsigned char  *copy;

    (void) state;
    forge_make(&forge);

    assert_int_equal(sector_dump_head(forge.dump.bytes, forge.dump.len,
                                      &saved), SECTOR_DUMP_OK);
    assert_int_equal(saved, dump_get64(forge.dump.bytes + DUMP_SAVED));

    for (len = 0; len < forge.dump.len; len++) {
        copy = dump_copy(forge.dump.bytes, len, 0);
        assert_int_equal(sector_dump_head(copy, len, &saved),
                         len == 0 ? SECTOR_DUMP_EMPTY : SECTOR_DUMP_TRUNCATED);
        dump_refused(&forge.fx, &forge.still, copy, len,
                     len == 0 ? SECTOR_DUMP_EMPTY : SECTOR_DUMP_TRUNCATED);
        free(copy);
    }

    forge_unmake(&forge);
}


static void
test_a_dump_with_more_behind_it_is_refused(void **state)
{
    size_t          more;
    forge_t         forge;
    unsigned char  *copy;

    (void) state;
    forge_make(&forge);

    for (more = 1; more < 100; more++) {
        copy = malloc(forge.dump.len + more);
        memcpy(copy, forge.dump.bytes, forge.dump.len);
        memset(copy + forge.dump.len, 0, more);
        dump_refused(&forge.fx, &forge.still, copy, forge.dump.len + more,
                     SECTOR_DUMP_CORRUPTED);

        /* even if the header knows of them */

        dump_set64(copy + DUMP_PAYLOAD, forge.dump.len + more - DUMP_HEADER);
        dump_seal(copy, forge.dump.len + more);
        dump_refused(&forge.fx, &forge.still, copy, forge.dump.len + more,
                     SECTOR_DUMP_CORRUPTED);
        free(copy);
    }

    forge_unmake(&forge);
}


static void
test_what_is_no_dump_of_ours_is_refused(void **state)
{
    size_t          i;
    forge_t         forge;
    unsigned char   bytes[4096], *copy;

    (void) state;
    forge_make(&forge);

    dump_refused(&forge.fx, &forge.still, NULL, 0, SECTOR_DUMP_EMPTY);
    memset(bytes, 0, sizeof(bytes));
    dump_refused(&forge.fx, &forge.still, bytes, sizeof(bytes),
                 SECTOR_DUMP_FOREIGN);
    memset(bytes, 0xff, sizeof(bytes));
    dump_refused(&forge.fx, &forge.still, bytes, sizeof(bytes),
                 SECTOR_DUMP_FOREIGN);

    copy = dump_copy(forge.dump.bytes, forge.dump.len, 0);

    /* another byte order's */

    for (i = 0; i < 8; i++) {
        copy[i] = forge.dump.bytes[7 - i];
    }

    dump_seal(copy, forge.dump.len);
    dump_refused(&forge.fx, &forge.still, copy, forge.dump.len,
                 SECTOR_DUMP_FOREIGN);
    memcpy(copy, forge.dump.bytes, 8);

    for (i = 0; i < 4; i++) {
        dump_set32(copy + DUMP_VERSION, i == 2 ? UINT32_MAX : (uint32_t) i);
        dump_seal(copy, forge.dump.len);
        dump_refused(&forge.fx, &forge.still, copy, forge.dump.len,
                     SECTOR_DUMP_NEWER);
    }

    dump_set32(copy + DUMP_VERSION, 2);
    dump_set32(copy + DUMP_RECORD_SIZE, DUMP_RECORD + 8);
    dump_seal(copy, forge.dump.len);
    dump_refused(&forge.fx, &forge.still, copy, forge.dump.len,
                 SECTOR_DUMP_CORRUPTED);
    free(copy);
    forge_unmake(&forge);
}


/* What a field of the first record, or of the header, must not be. */

typedef struct {
    size_t      at;
    unsigned    bytes;
    uint64_t    value;
} field_t;


static void
test_records_that_cannot_be_are_refused(void **state)
{
    size_t                i;
    forge_t               forge;
    unsigned char        *copy;
    static const field_t  fields[] = {
        { DUMP_ENTRIES, 8, 0 },
        { DUMP_ENTRIES, 8, 6 },
        { DUMP_ENTRIES, 8, 8 },
        { DUMP_ENTRIES, 8, UINT64_MAX },
        { DUMP_HEADER + DUMP_KEY_LEN, 4, 0 },
        { DUMP_HEADER + DUMP_KEY_LEN, 4, SECTOR_STORE_KEY_MAX + 1 },
        { DUMP_HEADER + DUMP_KEY_LEN, 4, UINT32_MAX },
        { DUMP_HEADER + DUMP_VALUE_BYTES, 8, UINT64_MAX },
        { DUMP_HEADER + DUMP_VALUE_BYTES, 8, UINT64_MAX - 5 },
        { DUMP_HEADER + DUMP_VALUE_BYTES, 8, UINT64_MAX / 2 },
        { DUMP_HEADER + DUMP_VALUE_BYTES, 8, 100000 },
        { DUMP_HEADER + DUMP_FRESH, 8, UINT64_MAX },
        { DUMP_HEADER + DUMP_REFRESH, 8, UINT64_MAX },
        { DUMP_HEADER + DUMP_DEAD, 8, 0 },
        { DUMP_HEADER + DUMP_NEGATIVE, 4, 2 },
        { DUMP_HEADER + DUMP_NEGATIVE, 4, UINT32_MAX },
    };

    (void) state;
    forge_make(&forge);

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        copy = dump_copy(forge.dump.bytes, forge.dump.len, 0);

        if (fields[i].bytes == 8) {
            dump_set64(copy + fields[i].at, fields[i].value);

        } else {
            dump_set32(copy + fields[i].at, (uint32_t) fields[i].value);
        }

        dump_seal(copy, forge.dump.len);
        dump_refused(&forge.fx, &forge.still, copy, forge.dump.len,
                     SECTOR_DUMP_CORRUPTED);
        free(copy);
    }

    forge_unmake(&forge);
}


/* A key and a value that would only end behind the last byte. */
static void
test_the_last_record_ends_where_the_dump_ends(void **state)
{
    size_t                value_bytes;
    forge_t               forge;
    unsigned              i;
    unsigned char        *copy, *last, *p;
    dump_record_t         record;

    (void) state;
    forge_make(&forge);

    copy = dump_copy(forge.dump.bytes, forge.dump.len, 0);
    p = last = copy + DUMP_HEADER;

    for (i = 0; i < 7; i++) {
        last = p;
        p += dump_record(p, &record) - p;
    }

    value_bytes = record.value_bytes;

    for (i = 1; i < 200; i++) {
        dump_set64(last + DUMP_VALUE_BYTES, value_bytes + i);
        dump_seal(copy, forge.dump.len);
        dump_refused(&forge.fx, &forge.still, copy, forge.dump.len,
                     SECTOR_DUMP_CORRUPTED);
    }

    dump_set64(last + DUMP_VALUE_BYTES, 0);

    for (i = (unsigned) (record.key_len + value_bytes) + 1; i < 256; i++) {
        dump_set32(last + DUMP_KEY_LEN, i);
        dump_seal(copy, forge.dump.len);
        dump_refused(&forge.fx, &forge.still, copy, forge.dump.len,
                     SECTOR_DUMP_CORRUPTED);
    }

    free(copy);
    forge_unmake(&forge);
}


static void
test_a_thousand_changed_dumps_are_refused(void **state)
{
    unsigned        i, n;
    forge_t         forge;
    uint64_t        random;
    unsigned char  *copy;
    sector_dump_report_t  report;

    (void) state;
    random = store_region_seed();
    forge_make(&forge);

    for (i = 0; i < 1000; i++) {
        copy = dump_copy(forge.dump.bytes, forge.dump.len, 0);

        do {
            for (n = 1 + below(&random, 8); n > 0; n--) {
                copy[below(&random, forge.dump.len)] =
                    (unsigned char) below(&random, 256);
            }
        } while (memcmp(copy, forge.dump.bytes, forge.dump.len) == 0);

        assert_int_not_equal(sector_dump_load(copy, forge.dump.len,
                                              &forge.fx.st, NOW, WALL,
                                              &report), SECTOR_DUMP_OK);
        dump_still_expect(&forge.fx, &forge.still);
        free(copy);
    }

    forge_unmake(&forge);
}


/* Every single bit counts. */
static void
test_a_changed_bit_is_noticed(void **state)
{
    size_t          bit;
    forge_t         forge;
    unsigned char  *copy;
    sector_dump_report_t  report;

    (void) state;
    forge_make(&forge);
    copy = dump_copy(forge.dump.bytes, forge.dump.len, 0);

    for (bit = 0; bit < forge.dump.len * 8; bit++) {
        copy[bit / 8] ^= (unsigned char) (1 << bit % 8);
        assert_int_not_equal(sector_dump_load(copy, forge.dump.len,
                                              &forge.fx.st, NOW, WALL,
                                              &report), SECTOR_DUMP_OK);
        copy[bit / 8] ^= (unsigned char) (1 << bit % 8);
    }

    dump_still_expect(&forge.fx, &forge.still);
    free(copy);
    forge_unmake(&forge);
}


/* The end of a window as the store has to have it; all in 128 bits. */
static uint64_t
end_of(const dump_record_t *record, uint64_t age, uint64_t window)
{
    __int128  end;

    (void) record;
    end = (__int128) NOW + window - age;

    return window == UINT64_MAX || end > (__int128) UINT64_MAX ? UINT64_MAX
           : end < 0 ? 0 : (uint64_t) end;
}


static void
as_recorded(sector_store_t *st, const dump_record_t *record, uint64_t age)
{
    sector_store_view_t  view;

    assert_int_not_equal(sector_store_read(st, record->key, record->key_len,
                                           NOW, &view), SECTOR_STORE_NONE);
    assert_int_equal(view.value_bytes, record->value_bytes);
    assert_int_equal(memcmp(view.value, record->value, view.value_bytes), 0);
    assert_true(view.tag == record->tag);
    assert_int_equal(view.negative, record->negative);
    assert_true(view.stored_ms == NOW - age);
    assert_true(view.stored_wall_ms == record->stored_wall_ms);
    assert_true(view.fresh_until_ms == end_of(record, age, record->fresh_ms));
    assert_true(view.refresh_until_ms
                == end_of(record, age, record->refresh_ms));
    assert_true(view.dead_at_ms == end_of(record, age, record->dead_ms));
    sector_store_read_end(st);
}


/* Whether what an accepted dump says is what the store has now. */
static void
taken(sector_store_t *st, const unsigned char *bytes,
    const sector_dump_report_t *report)
{
    int64_t               wall;
    uint64_t              i, j, n, age[8], loaded, dead;
    dump_record_t         record[8];
    const unsigned char  *p;

    n = dump_get64(bytes + DUMP_ENTRIES);
    assert_in_range(n, 0, 8);

    p = bytes + DUMP_HEADER;
    wall = (int64_t) dump_get64(bytes + DUMP_SAVED);
    wall = wall > WALL ? wall : WALL;
    loaded = dead = 0;

    for (i = 0; i < n; i++) {
        p = dump_record(p, &record[i]);
        age[i] = (uint64_t) wall - (uint64_t) record[i].stored_wall_ms;

        if (record[i].stored_wall_ms > WALL) {
            record[i].key_len = 0;

        } else if (age[i] >= record[i].dead_ms) {
            record[i].key_len = 0;
            dead++;

        } else {
            loaded++;
        }
    }

    assert_int_equal(report->loaded, loaded);
    assert_int_equal(report->dead, dead);
    assert_int_equal(report->refused, n - loaded - dead);

    for (i = 0; i < n; i++) {
        for (j = i + 1; j < n; j++) {
            if (record[i].key_len == record[j].key_len
                && memcmp(record[i].key, record[j].key, record[i].key_len)
                   == 0)
            {
                record[i].key_len = 0;      /* a later one took its place */
            }
        }

        if (record[i].key_len != 0) {
            as_recorded(st, &record[i], age[i]);
        }
    }
}


/* Changes bytes, those of the fields above all, to telling values. */
static void
spoil(uint64_t *random, const forge_t *forge, unsigned char *copy)
{
    size_t                at;
    unsigned              n, skip;
    dump_record_t         record;
    const unsigned char  *p;

    for (n = 1 + below(random, 8); n > 0; n--) {

        at = DUMP_ENTRIES + below(random, forge->dump.len - DUMP_ENTRIES);

        if (below(random, 4) != 0) {
            p = forge->dump.bytes + DUMP_HEADER;

            for (skip = below(random, 7); skip > 0; skip--) {
                p = dump_record(p, &record);
            }

            at = (size_t) (p - forge->dump.bytes)
                 + below(random, DUMP_RECORD);
        }

        switch (below(random, 4)) {

        case 0:
            copy[at] = 0;
            break;

        case 1:
            copy[at] = 0xff;
            break;

        case 2:
            copy[at]++;
            break;

        default:
            copy[at] = (unsigned char) below(random, 256);
        }
    }
}


static void
test_a_forged_dump_is_refused_or_taken_at_its_word(void **state)
{
    unsigned              i, accepted;
    forge_t               forge;
    uint64_t              random;
    unsigned char        *copy;
    sector_dump_error_e   error;
    sector_dump_report_t  report;

    (void) state;
    random = store_region_seed();
    forge_make(&forge);

    for (i = 0, accepted = 0; i < 5000; i++) {
        copy = dump_copy(forge.dump.bytes, forge.dump.len, 0);
        spoil(&random, &forge, copy);
        dump_seal(copy, forge.dump.len);

        error = sector_dump_load(copy, forge.dump.len, &forge.fx.st, NOW,
                                 WALL, &report);

        if (error == SECTOR_DUMP_OK) {
            taken(&forge.fx.st, copy, &report);
            fixture_check(&forge.fx);
            accepted++;

            forge_unmake_store(&forge);
            forge_store(&forge);

        } else {
            assert_int_equal(error, SECTOR_DUMP_CORRUPTED);
            dump_still_expect(&forge.fx, &forge.still);
        }

        free(copy);
    }

    assert_in_range(accepted, 200, 4800);
    forge_unmake(&forge);
}


static void
test_each_error_has_its_words(void **state)
{
    int  i, j;

    (void) state;

    for (i = SECTOR_DUMP_OK; i <= SECTOR_DUMP_CORRUPTED; i++) {
        assert_true(strlen(sector_dump_error((sector_dump_error_e) i)) > 0);

        for (j = SECTOR_DUMP_OK; j < i; j++) {
            assert_string_not_equal(
                sector_dump_error((sector_dump_error_e) i),
                sector_dump_error((sector_dump_error_e) j));
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_dump_cut_off_anywhere_is_refused),
        cmocka_unit_test(test_a_dump_with_more_behind_it_is_refused),
        cmocka_unit_test(test_what_is_no_dump_of_ours_is_refused),
        cmocka_unit_test(test_records_that_cannot_be_are_refused),
        cmocka_unit_test(test_the_last_record_ends_where_the_dump_ends),
        cmocka_unit_test(test_a_thousand_changed_dumps_are_refused),
        cmocka_unit_test(test_a_changed_bit_is_noticed),
        cmocka_unit_test(test_a_forged_dump_is_refused_or_taken_at_its_word),
        cmocka_unit_test(test_each_error_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
