/*
 * The file that a zone's entries are kept in.
 *
 *     byte 0   bit 0: the input is the whole file; else a file is made of it:
 *              entries, some of its bytes changed, and (bit 1) sealed again
 *     rest     file, or what is in it
 *
 * What is refused leaves the store as it was; what is taken is all there, and
 * is the same when it is saved and loaded once more.
 */

#include "fuzz.h"

#define assert_true(truth)         fuzz_check(truth)
#define assert_non_null(p)         fuzz_check((p) != NULL)
#define assert_int_equal(a, b)     fuzz_check((a) == (b))
#define assert_int_not_equal(a, b) fuzz_check((a) != (b))
#define assert_memory_equal(a, b, n)  fuzz_check(memcmp(a, b, n) == 0)
#define fail_msg(...)              fuzz_check(0)

#include "store_fixture.h"
#include "dump_bytes.h"


#define NOW    1000000
#define WALL   1795377640123
#define SIZE   (256 * 1024)


static uint64_t
dump_all(sector_dump_t *dump, sector_store_t *st, size_t bytes_max)
{
    uint64_t  cursor;

    memset(dump, 0, sizeof(*dump));
    cursor = 0;

    do {
        cursor = sector_dump_add(dump, st, cursor, bytes_max, NOW, WALL);
    } while (cursor != 0);

    fuzz_check(sector_dump_finish(dump, WALL) == 0);

    return dump->entries;
}


/* Entries by the input's word. */

static void
fill(fuzz_input_t *in, sector_store_t *st)
{
    char                 *key, *value;
    size_t                key_len, value_len;
    unsigned              n;
    uint64_t              age;
    sector_store_item_t   item;

    for (n = fuzz_byte(in) % 8; n != 0; n--) {
        memset(&item, 0, sizeof(item));

        item.negative = fuzz_byte(in) & 1;
        item.tag = fuzz_number(in, 2);
        age = fuzz_number(in, 2) % 2000;

        key = fuzz_take(in, 1 + fuzz_byte(in), &key_len);
        value = fuzz_take(in, fuzz_number(in, 2) % 2000, &value_len);
        item.value = value;
        item.value_bytes = value_len;

        (void) sector_store_put(st, key, key_len, &item, NOW - age,
                                (int64_t) (WALL - age));

        free(key);
        free(value);
    }
}


/* Bytes of a file changed, and its checksum made right again. */

static void
change(fuzz_input_t *in, unsigned char *p, size_t len, int seal)
{
    size_t    at;
    unsigned  n;

    for (n = fuzz_byte(in) % 8; n != 0; n--) {
        at = (size_t) fuzz_number(in, 2) % len;
        p[at] ^= fuzz_byte(in);
    }

    if (seal) {
        dump_seal(p, len);
    }
}


static void
expect_same(void *data, const void *key, size_t key_len,
    const sector_store_view_t *view)
{
    fixture_t             *other;
    sector_store_view_t    same;

    other = data;

    fuzz_check(view->fresh_until_ms <= view->refresh_until_ms);
    fuzz_check(view->refresh_until_ms <= view->dead_at_ms);
    fuzz_check(!view->negative || view->fresh_until_ms == view->dead_at_ms);

    fuzz_check(sector_store_read(&other->st, key, key_len, NOW, &same)
               != SECTOR_STORE_NONE);
    fuzz_check(same.value_bytes == view->value_bytes);
    fuzz_check(memcmp(same.value, view->value, view->value_bytes) == 0);
    fuzz_check(same.tag == view->tag);
    fuzz_check(same.negative == view->negative);
    fuzz_check(same.fresh_until_ms == view->fresh_until_ms);
    fuzz_check(same.refresh_until_ms == view->refresh_until_ms);
    fuzz_check(same.dead_at_ms == view->dead_at_ms);

    /* a dump tells the wall clock's time by the monotonic one's age */

    fuzz_check((uint64_t) same.stored_wall_ms
               == (uint64_t) WALL - (NOW - view->stored_ms));

    sector_store_read_end(&other->st);
}


/* Saves a store, and loads it into another one. */

static void
check_again(fixture_t *fx)
{
    uint64_t               entries, cursor;
    fixture_t              other;
    sector_dump_t          dump;
    sector_dump_report_t   report;

    entries = dump_all(&dump, &fx->st, 100);
    fixture_make(&other, SIZE, &fixture_policy);

    fuzz_check(sector_dump_load(dump.bytes, dump.len, &other.st, NOW, WALL,
                                &report)
               == SECTOR_DUMP_OK);
    fuzz_check(report.loaded == entries);
    fuzz_check(report.dead == 0 && report.refused == 0);
    fuzz_check(report.saved_wall_ms == WALL);

    cursor = 0;

    do {
        cursor = sector_store_each(&fx->st, cursor, NOW, expect_same, &other);
    } while (cursor != 0);

    fixture_check(&other);
    fixture_unmake(&other);
    sector_dump_free(&dump);
}


static void
load(const unsigned char *p, size_t len)
{
    int64_t                saved;
    fixture_t              fx;
    dump_still_t           still;
    sector_dump_error_e    head, error;
    sector_dump_report_t   report, blank;

    fixture_make(&fx, SIZE, &fixture_policy);
    fuzz_check(put(&fx.st, "before", "kept", NOW) == SECTOR_STORE_OK);
    dump_still(&fx, &still);

    head = sector_dump_head(p, len, &saved);

    memset(&blank, 0xa5, sizeof(blank));
    report = blank;

    error = sector_dump_load(p, len, &fx.st, NOW, WALL, &report);
    fuzz_check(sector_dump_error(error)[0] != '\0');
    fuzz_check(head == SECTOR_DUMP_OK ? error == SECTOR_DUMP_OK
                                        || error == SECTOR_DUMP_CORRUPTED
                                      : error == head);

    if (error != SECTOR_DUMP_OK) {
        fuzz_check(memcmp(&report, &blank, sizeof(report)) == 0);
        dump_still_expect(&fx, &still);

    } else {
        fuzz_check(report.loaded + report.dead + report.refused
                   == dump_get64(p + DUMP_ENTRIES));
        fuzz_check(report.saved_wall_ms == saved);
        fixture_check(&fx);
        check_again(&fx);
    }

    free(still.reserve);
    fixture_unmake(&fx);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned        choice;
    fixture_t       fx;
    fuzz_input_t    in;
    sector_dump_t   dump;
    unsigned char  *copy;

    in.p = data;
    in.left = size;
    choice = fuzz_byte(&in);

    if ((choice & 1) != 0) {
        copy = dump_copy(in.p, in.left, choice >> 2 & 1);
        load(copy + (choice >> 2 & 1), in.left);
        free(copy);
        return 0;
    }

    fixture_make(&fx, SIZE, &fixture_policy);
    fill(&in, &fx.st);
    (void) dump_all(&dump, &fx.st, 1 + fuzz_byte(&in) * 16);
    change(&in, dump.bytes, dump.len, (choice & 2) != 0);

    copy = dump_copy(dump.bytes, dump.len, choice >> 2 & 1);
    load(copy + (choice >> 2 & 1), dump.len);

    free(copy);
    sector_dump_free(&dump);
    fixture_unmake(&fx);

    return 0;
}
