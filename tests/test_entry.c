/*
 * A stored entry: that it comes back as it was packed, that one whose lengths
 * do not add up is refused, and the entity tag as it is written.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sector_entry.h"


/* The layout as written down a second time. */

#define ENTRY_DATA_LEN     0
#define ENTRY_DEFLATE_LEN  4
#define ENTRY_CRC          8
#define ENTRY_CRC_OP       12
#define ENTRY_ETAG         16
#define ENTRY_QUOTE        24
#define ENTRY_MODIFIED     32
#define ENTRY_FLAGS        36


static const sector_entry_t  full = {
    .data = (const unsigned char *) "{\"symbol\":\"XLK\"}",
    .data_len = 16,
    .deflate = (const unsigned char *) "deflated",
    .deflate_len = 8,
    .crc = 0x89abcdef,
    .crc_op = 0x80000001,
    .etag = 0x0123456789abcdefULL,
    .quote_ms = -1763841640123,
    .modified_s = 0xfedcba98,
    .flags = SECTOR_ENTRY_PARTIAL
};


/* A packed entry in exactly its bytes, of which odd are before it. */
static unsigned char *
packed(const sector_entry_t *e, unsigned odd)
{
    unsigned char  *p;

    p = malloc(sector_entry_bytes(e) + odd);
    assert_non_null(p);
    sector_entry_pack(e, p + odd);

    return p;
}


static void
expect_same(const sector_entry_t *got, const sector_entry_t *e)
{
    assert_int_equal(got->data_len, e->data_len);
    assert_int_equal(got->deflate_len, e->deflate_len);
    assert_int_equal(got->crc, e->crc);
    assert_int_equal(got->crc_op, e->crc_op);
    assert_true(got->etag == e->etag);
    assert_true(got->quote_ms == e->quote_ms);
    assert_int_equal(got->modified_s, e->modified_s);
    assert_int_equal(got->flags, e->flags);

    if (e->data_len != 0) {
        assert_memory_equal(got->data, e->data, e->data_len);
    }

    if (e->deflate_len == 0) {
        assert_null(got->deflate);

    } else {
        assert_memory_equal(got->deflate, e->deflate, e->deflate_len);
    }
}


static void
expect_round_trip(const sector_entry_t *e, unsigned odd)
{
    size_t           bytes;
    sector_entry_t   got;
    unsigned char   *p;

    bytes = sector_entry_bytes(e);
    assert_int_equal(bytes, SECTOR_ENTRY_HEAD + e->data_len + e->deflate_len);

    p = packed(e, odd);
    memset(&got, 0xa5, sizeof(got));

    assert_int_equal(sector_entry_unpack(p + odd, bytes, &got), 0);
    expect_same(&got, e);
    assert_ptr_equal(got.data, p + odd + SECTOR_ENTRY_HEAD);
    free(p);
}


/* Refused, and nothing said; the bytes are copied, to be exactly so many. */
static void
expect_refused(const unsigned char *value, size_t bytes)
{
    sector_entry_t   got, blank;
    unsigned char   *p;

    p = malloc(bytes + (bytes == 0));
    assert_non_null(p);
    memcpy(p, value, bytes);

    memset(&got, 0xa5, sizeof(got));
    memset(&blank, 0xa5, sizeof(blank));

    assert_int_equal(sector_entry_unpack(p, bytes, &got), -1);
    assert_memory_equal(&got, &blank, sizeof(got));
    free(p);
}


static void
test_an_entry_comes_back_as_it_was_packed(void **state)
{
    sector_entry_t  e;

    (void) state;

    expect_round_trip(&full, 0);

    e = full;
    e.deflate = NULL;
    e.deflate_len = 0;
    expect_round_trip(&e, 0);

    e.crc = e.crc_op = 0;
    expect_round_trip(&e, 0);

    e = full;
    e.data = NULL;
    e.data_len = 0;
    expect_round_trip(&e, 0);

    memset(&e, 0, sizeof(e));
    expect_round_trip(&e, 0);

    e.quote_ms = INT64_MIN;
    e.etag = UINT64_MAX;
    e.modified_s = e.flags = UINT32_MAX;
    expect_round_trip(&e, 0);
}


static void
test_an_entry_need_not_be_aligned(void **state)
{
    unsigned  odd;

    (void) state;

    for (odd = 1; odd < 16; odd++) {
        expect_round_trip(&full, odd);
    }
}


/* Dumps outlive the program that wrote them: the layout may not move without
 * a new version of theirs. */
static void
test_the_layout_is_as_it_was(void **state)
{
    uint32_t        n;
    uint64_t        m;
    unsigned char  *p;

    (void) state;
    p = packed(&full, 0);

#define expect_32(offset, value)                                              \
    memcpy(&n, p + (offset), 4);                                              \
    assert_int_equal(n, value)

#define expect_64(offset, value)                                              \
    memcpy(&m, p + (offset), 8);                                              \
    assert_true(m == (uint64_t) (value))

    expect_32(ENTRY_DATA_LEN, 16);
    expect_32(ENTRY_DEFLATE_LEN, 8);
    expect_32(ENTRY_CRC, full.crc);
    expect_32(ENTRY_CRC_OP, full.crc_op);
    expect_64(ENTRY_ETAG, full.etag);
    expect_64(ENTRY_QUOTE, full.quote_ms);
    expect_32(ENTRY_MODIFIED, full.modified_s);
    expect_32(ENTRY_FLAGS, 1);

    assert_memory_equal(p + 40, "{\"symbol\":\"XLK\"}deflated", 24);
    free(p);
}


static void
test_every_other_length_is_refused(void **state)
{
    size_t          bytes, n;
    unsigned char  *p;

    (void) state;
    bytes = sector_entry_bytes(&full);

    p = calloc(1, bytes + 64);
    assert_non_null(p);
    sector_entry_pack(&full, p);

    for (n = 0; n < bytes + 64; n++) {
        if (n != bytes) {
            expect_refused(p, n);
        }
    }

    free(p);
}


static void
test_every_wrong_length_in_the_head_is_refused(void **state)
{
    size_t          bytes, i;
    uint32_t        n, wrong;
    unsigned        bit;
    unsigned char  *p;
    const size_t    offsets[] = { ENTRY_DATA_LEN, ENTRY_DEFLATE_LEN };

    (void) state;
    bytes = sector_entry_bytes(&full);
    p = packed(&full, 0);

    for (i = 0; i < 2; i++) {
        memcpy(&n, p + offsets[i], 4);

        for (bit = 0; bit < 32; bit++) {
            wrong = n ^ (uint32_t) 1 << bit;
            memcpy(p + offsets[i], &wrong, 4);
            expect_refused(p, bytes);
        }

        for (wrong = 0; wrong < 1000; wrong++) {
            if (wrong != n) {
                memcpy(p + offsets[i], &wrong, 4);
                expect_refused(p, bytes);
            }
        }

        memcpy(p + offsets[i], &n, 4);
    }

    free(p);
}


/* Their sum in 32 bits would be right. */
static void
test_lengths_that_overflow_are_refused(void **state)
{
    size_t          bytes;
    uint32_t        data_len, deflate_len;
    unsigned char  *p;

    (void) state;
    bytes = sector_entry_bytes(&full);
    p = packed(&full, 0);

    data_len = UINT32_MAX - 7;
    deflate_len = 24 + 8;
    memcpy(p + ENTRY_DATA_LEN, &data_len, 4);
    memcpy(p + ENTRY_DEFLATE_LEN, &deflate_len, 4);
    expect_refused(p, bytes);

    memcpy(p + ENTRY_DATA_LEN, &deflate_len, 4);
    memcpy(p + ENTRY_DEFLATE_LEN, &data_len, 4);
    expect_refused(p, bytes);

    free(p);
}


/* zlib would not return from crc32_combine_op(). */
static void
test_a_form_that_cannot_be_combined_is_refused(void **state)
{
    sector_entry_t   e;
    unsigned char   *p;

    (void) state;
    e = full;
    e.crc_op = 0;

    p = packed(&e, 0);
    expect_refused(p, sector_entry_bytes(&e));
    free(p);
}


static void
test_an_entity_tag_is_weak_and_of_sixteen_digits(void **state)
{
    size_t   i;
    char    *buf;
    const struct {
        uint64_t     etag;
        const char  *text;
    } cases[] = {
        { 0, "W/\"0000000000000000\"" },
        { 1, "W/\"0000000000000001\"" },
        { 0x0123456789abcdefULL, "W/\"0123456789abcdef\"" },
        { 0xfedcba9876543210ULL, "W/\"fedcba9876543210\"" },
        { UINT64_MAX, "W/\"ffffffffffffffff\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf = malloc(SECTOR_ENTRY_ETAG_MAX);
        assert_non_null(buf);
        memset(buf, 0xa5, SECTOR_ENTRY_ETAG_MAX);

        assert_int_equal(sector_entry_etag(cases[i].etag, buf), 20);
        assert_int_equal(buf[20], '\0');
        assert_string_equal(buf, cases[i].text);
        free(buf);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_an_entry_comes_back_as_it_was_packed),
        cmocka_unit_test(test_an_entry_need_not_be_aligned),
        cmocka_unit_test(test_the_layout_is_as_it_was),
        cmocka_unit_test(test_every_other_length_is_refused),
        cmocka_unit_test(test_every_wrong_length_in_the_head_is_refused),
        cmocka_unit_test(test_lengths_that_overflow_are_refused),
        cmocka_unit_test(test_a_form_that_cannot_be_combined_is_refused),
        cmocka_unit_test(test_an_entity_tag_is_weak_and_of_sixteen_digits)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
