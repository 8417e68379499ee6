/*
 * Answers put together from deflated forms and literals: zlib must read them
 * back as the plain text.  Every buffer has exactly the bytes that it should,
 * so that a sanitizer sees one too many.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "sector_gzip.h"


#define POOL          400
#define PIECES        24
#define COMPOSITIONS  10000


void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
int __real_deflateInit2_(z_stream *stream, int level, int method, int bits,
    int memory, int strategy, const char *version, int size);
int __wrap_deflateInit2_(z_stream *stream, int level, int method, int bits,
    int memory, int strategy, const char *version, int size);


static const char  *words = "{\"symbol\":\"XLK\",\"price\":241.36,\"open\":0}";

static int  no_malloc;
static int  no_stream;


void *
__wrap_malloc(size_t bytes)
{
    return no_malloc ? NULL : __real_malloc(bytes);
}


int
__wrap_deflateInit2_(z_stream *stream, int level, int method, int bits,
    int memory, int strategy, const char *version, int size)
{
    if (no_stream) {
        return Z_MEM_ERROR;
    }

    return __real_deflateInit2_(stream, level, method, bits, memory, strategy,
                                version, size);
}


static void *
bytes_of(size_t n)
{
    void  *p;

    p = malloc(n + (n == 0));
    assert_non_null(p);

    return p;
}


static size_t
below(size_t n)
{
    return (size_t) random() % n;
}


/* The form of a text, in exactly its bytes. */
static void
deflated(sector_gzip_piece_t *piece)
{
    void           *form;
    unsigned char  *p;

    assert_int_equal(sector_gzip_deflate(piece->text, piece->len, &p,
                                         &piece->deflate_len, &piece->crc,
                                         &piece->crc_op), 0);

    form = bytes_of(piece->deflate_len);
    memcpy(form, p, piece->deflate_len);
    piece->deflate = form;
    free(p);
}


static void
free_piece(sector_gzip_piece_t *piece)
{
    free((void *) piece->text);
    free((void *) piece->deflate);
}


static sector_gzip_piece_t
literal(const char *text, size_t len)
{
    sector_gzip_piece_t  piece;

    memset(&piece, 0, sizeof(piece));
    piece.text = text;
    piece.len = len;

    return piece;
}


/* Inflates what is at most a byte longer than len.  Returns zlib's word. */
static int
inflated(const unsigned char *p, size_t bytes, int bits, unsigned char *out,
    size_t *len, size_t *left)
{
    int       rc;
    z_stream  stream;

    memset(&stream, 0, sizeof(stream));
    stream.next_in = (unsigned char *) p;
    stream.avail_in = (uInt) bytes;
    stream.next_out = out;
    stream.avail_out = (uInt) *len + 1;

    assert_int_equal(inflateInit2(&stream, bits), Z_OK);
    rc = inflate(&stream, Z_SYNC_FLUSH);
    *len = stream.total_out;
    *left = stream.avail_in;
    assert_int_equal(inflateEnd(&stream), Z_OK);

    return rc;
}


/* The composition and the plain text are the same.  Returns its bytes. */
static size_t
expect_composed(const sector_gzip_piece_t *pieces, size_t n)
{
    size_t          bytes, len, total, left;
    unsigned char  *gzip, *plain, *again;

    bytes = sector_gzip_bytes(pieces, n);
    gzip = bytes_of(bytes);
    assert_int_equal(sector_gzip_write(pieces, n, gzip), bytes);

    total = sector_gzip_text_bytes(pieces, n);
    plain = bytes_of(total);
    assert_int_equal(sector_gzip_text_write(pieces, n, plain), total);

    len = total;
    again = bytes_of(total + 1);
    assert_int_equal(inflated(gzip, bytes, 31, again, &len, &left),
                     Z_STREAM_END);
    assert_int_equal(left, 0);
    assert_int_equal(len, total);
    assert_int_equal(memcmp(again, plain, total), 0);

    free(gzip);
    free(plain);
    free(again);

    return bytes;
}


/* A text of JSON's few words, of zeros, or of noise. */
static char *
some_text(size_t len)
{
    char    *text;
    size_t   i, kind;

    text = bytes_of(len);
    kind = below(4);

    for (i = 0; i < len; i++) {
        text[i] = kind == 0 ? (char) random()
                  : kind == 1 ? '\0'
                  : below(8) == 0 ? (char) ('0' + below(10))
                  : words[i % strlen(words)];
    }

    return text;
}


static size_t
some_len(void)
{
    switch (below(16)) {

    case 0:
        return 0;

    case 1:
        return 65535 * (1 + below(3)) - 2 + below(5);

    case 2:
        return below(200000);

    case 3:
        return below(4);

    default:
        return below(700);
    }
}


/* A piece from the pool: as its form, or as a literal.  Large ones are
 * rare. */
static sector_gzip_piece_t
some_piece(const sector_gzip_piece_t *pool)
{
    size_t               tries;
    sector_gzip_piece_t  piece;

    for (tries = below(40); /* void */ ; tries--) {
        piece = pool[below(POOL)];

        if (piece.len < 1000 || tries == 0) {
            break;
        }
    }

    if (random() & 1) {
        piece.deflate = NULL;
        piece.deflate_len = below(1000);
        piece.crc = (uint32_t) random();
        piece.crc_op = 0;

        if (piece.len == 0 && random() & 1) {
            piece.text = NULL;
        }
    }

    return piece;
}


static int
seed_random(void **state)
{
    uint64_t     seed;
    const char  *given;

    (void) state;

    given = getenv("SECTOR_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t) (uintptr_t) &seed;
    printf("# SECTOR_SEED=%llu\n", (unsigned long long) seed);
    srandom((unsigned) seed);

    return 0;
}


static void
test_any_composition_is_inflated_to_the_plain_text(void **state)
{
    size_t               i, j, n, large;
    sector_gzip_piece_t  pool[POOL], pieces[PIECES];

    (void) state;
    large = 0;

    for (i = 0; i < POOL; i++) {
        pool[i].len = i == 0 ? 0 : i == 1 ? 65536 : some_len();
        pool[i].text = some_text(pool[i].len);
        deflated(&pool[i]);
    }

    for (i = 0; i < COMPOSITIONS; i++) {
        n = below(PIECES + 1);

        for (j = 0; j < n; j++) {
            pieces[j] = some_piece(pool);
            large += pieces[j].len > 65535 && pieces[j].deflate == NULL;
        }

        (void) expect_composed(pieces, n);
    }

    assert_true(large > 100);

    for (i = 0; i < POOL; i++) {
        free_piece(&pool[i]);
    }
}


static void
test_a_form_is_aligned_and_never_the_last_block(void **state)
{
    int                   rc;
    size_t                i, len, left;
    unsigned char        *again;
    sector_gzip_piece_t   piece;

    (void) state;

    for (i = 0; i < 1000; i++) {
        piece.len = i < 700 ? i : some_len();
        piece.text = some_text(piece.len);
        deflated(&piece);

        assert_true(piece.deflate_len >= 5);
        assert_memory_equal((const char *) piece.deflate + piece.deflate_len
                            - 4, "\x00\x00\xff\xff", 4);

        len = piece.len;
        again = bytes_of(len + 1);
        rc = inflated(piece.deflate, piece.deflate_len, -15, again, &len,
                      &left);
        assert_true(rc == Z_OK || rc == Z_BUF_ERROR);
        assert_int_equal(left, 0);
        assert_int_equal(len, piece.len);
        assert_int_equal(memcmp(again, piece.text, len), 0);

        assert_int_equal(piece.crc, crc32(0, again, (uInt) len));
        assert_int_equal(piece.crc_op, crc32_combine_gen((z_off_t) len));

        free(again);
        free_piece(&piece);
    }
}


static void
test_a_form_is_small(void **state)
{
    char                  text[600];
    size_t                i;
    sector_gzip_piece_t   piece;

    (void) state;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = words[i % strlen(words)];
    }

    piece = literal(text, sizeof(text));
    deflated(&piece);
    assert_in_range(piece.deflate_len, 5, 60);
    free((void *) piece.deflate);
}


static void
test_the_bytes_of_small_members(void **state)
{
    unsigned char        out[64];
    sector_gzip_piece_t  piece;
    const char           none[] = "\x1f\x8b\x08\0\0\0\0\0\0\xff" "\x03\0"
                                  "\0\0\0\0" "\0\0\0\0";
    const char           abc[] = "\x1f\x8b\x08\0\0\0\0\0\0\xff"
                                 "\0\x03\0\xfc\xff" "abc" "\x03\0"
                                 "\xc2\x41\x24\x35" "\x03\0\0\0";

    (void) state;

    assert_int_equal(sector_gzip_bytes(NULL, 0), 20);
    assert_int_equal(sector_gzip_write(NULL, 0, out), 20);
    assert_memory_equal(out, none, 20);

    piece = literal(NULL, 0);
    assert_int_equal(sector_gzip_bytes(&piece, 1), 20);
    assert_int_equal(sector_gzip_write(&piece, 1, out), 20);
    assert_memory_equal(out, none, 20);

    piece = literal("abc", 3);
    assert_int_equal(sector_gzip_bytes(&piece, 1), 28);
    assert_int_equal(sector_gzip_write(&piece, 1, out), 28);
    assert_memory_equal(out, abc, 28);
}


/* 20 bytes are the member's own, and 5 each block's. */
static void
test_a_long_literal_is_split(void **state)
{
    char                 *text;
    size_t                i;
    sector_gzip_piece_t   piece;
    const struct {
        size_t  len;
        size_t  blocks;
    } cases[] = {
        { 1, 1 }, { 65534, 1 }, { 65535, 1 }, { 65536, 2 },
        { 131070, 2 }, { 131071, 3 }, { 1000000, 16 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = some_text(cases[i].len);
        piece = literal(text, cases[i].len);

        assert_int_equal(expect_composed(&piece, 1),
                         20 + cases[i].len + 5 * cases[i].blocks);
        free(text);
    }
}


/* A literal of no length that has no text must not begin the CRC anew. */
static void
test_pieces_of_no_length_change_nothing(void **state)
{
    sector_gzip_piece_t  pieces[5];

    (void) state;

    pieces[0] = literal("{\"data\":", 8);
    pieces[1] = literal(NULL, 0);
    pieces[2] = literal("", 0);
    deflated(&pieces[2]);
    pieces[3] = literal(NULL, 0);
    deflated(&pieces[3]);
    pieces[4] = literal("}", 1);

    assert_int_equal(expect_composed(pieces, 5),
                     20 + 5 + 8 + pieces[2].deflate_len
                     + pieces[3].deflate_len + 5 + 1);

    free((void *) pieces[2].deflate);
    free((void *) pieces[3].deflate);
}


/* The hot path reads neither the text of a form nor deflates it: the form is
 * in the answer as it is, and a wrong CRC is noticed only by who inflates. */
static void
test_a_form_is_taken_as_it_is(void **state)
{
    char                 *text;
    size_t                bytes, len, left;
    unsigned char        *gzip, *again;
    sector_gzip_piece_t   piece;

    (void) state;

    text = some_text(500);
    piece = literal(text, 500);
    deflated(&piece);

    piece.text = NULL;
    bytes = sector_gzip_bytes(&piece, 1);
    gzip = bytes_of(bytes);
    again = bytes_of(501);

    assert_int_equal(bytes, 20 + piece.deflate_len);
    assert_int_equal(sector_gzip_write(&piece, 1, gzip), bytes);
    assert_memory_equal(gzip + 10, piece.deflate, piece.deflate_len);

    len = 500;
    assert_int_equal(inflated(gzip, bytes, 31, again, &len, &left),
                     Z_STREAM_END);
    assert_int_equal(len, 500);
    assert_memory_equal(again, text, 500);

    piece.crc ^= 1;
    assert_int_equal(sector_gzip_write(&piece, 1, gzip), bytes);
    len = 500;
    assert_int_equal(inflated(gzip, bytes, 31, again, &len, &left),
                     Z_DATA_ERROR);

    free(gzip);
    free(again);
    free(text);
    free((void *) piece.deflate);
}


/* No form may lean on what happens to stand before it. */
static void
test_the_same_form_may_stand_anywhere(void **state)
{
    char                 *text;
    size_t                i;
    sector_gzip_piece_t   pieces[200];

    (void) state;

    text = some_text(400);
    pieces[0] = literal(text, 400);
    deflated(&pieces[0]);

    for (i = 1; i < 200; i++) {
        pieces[i] = i % 2 ? literal(",", 1) : pieces[0];
    }

    (void) expect_composed(pieces, 200);
    (void) expect_composed(pieces + 1, 199);
    (void) expect_composed(pieces, 199);

    free_piece(&pieces[0]);
}


static void
expect_no_form(size_t len)
{
    size_t          form_len;
    uint32_t        crc, crc_op;
    unsigned char  *form;

    form = (unsigned char *) &form_len;
    form_len = 1;
    crc = 2;
    crc_op = 3;

    assert_int_equal(sector_gzip_deflate("abc", len, &form, &form_len, &crc,
                                         &crc_op), -1);

    assert_ptr_equal(form, &form_len);
    assert_int_equal(form_len, 1);
    assert_int_equal(crc, 2);
    assert_int_equal(crc_op, 3);
}


static void
test_without_memory_there_is_no_form(void **state)
{
    (void) state;

    no_malloc = 1;
    expect_no_form(3);
    no_malloc = 0;

    no_stream = 1;
    expect_no_form(3);
    no_stream = 0;
}


static void
test_a_text_longer_than_zlib_counts_has_no_form(void **state)
{
    (void) state;

    expect_no_form((size_t) SECTOR_GZIP_TEXT_MAX + 1);
    expect_no_form(SIZE_MAX);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_any_composition_is_inflated_to_the_plain_text),
        cmocka_unit_test(test_a_form_is_aligned_and_never_the_last_block),
        cmocka_unit_test(test_a_form_is_small),
        cmocka_unit_test(test_the_bytes_of_small_members),
        cmocka_unit_test(test_a_long_literal_is_split),
        cmocka_unit_test(test_pieces_of_no_length_change_nothing),
        cmocka_unit_test(test_a_form_is_taken_as_it_is),
        cmocka_unit_test(test_the_same_form_may_stand_anywhere),
        cmocka_unit_test(test_without_memory_there_is_no_form),
        cmocka_unit_test(test_a_text_longer_than_zlib_counts_has_no_form)
    };

    return cmocka_run_group_tests(tests, seed_random, NULL);
}
