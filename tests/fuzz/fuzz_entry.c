/*
 * What is stored under a key, and answers composed of such.
 *
 *     byte 0   bit 0: the rest is a packed entry; else it makes the pieces of
 *              an answer
 */

#include <zlib.h>

#include "fuzz.h"
#include "sector_entry.h"
#include "sector_gzip.h"


#define PIECES_MAX  16


/* Bytes that are an entry are the same bytes when packed again. */

static void
check_unpack(fuzz_input_t *in)
{
    size_t           len;
    unsigned char   *packed, *again;
    sector_entry_t   entry, blank;
    uint32_t         lengths[2];

    packed = (unsigned char *) fuzz_take(in, in->left, &len);
    memset(&blank, 0xa5, sizeof(blank));
    entry = blank;

    if (sector_entry_unpack(packed, len, &entry) != 0) {
        fuzz_check(memcmp(&entry, &blank, sizeof(entry)) == 0);
        free(packed);
        return;
    }

    memcpy(lengths, packed, sizeof(lengths));
    fuzz_check(entry.data_len == lengths[0]);
    fuzz_check(entry.deflate_len == lengths[1]);
    fuzz_check(entry.data == packed + SECTOR_ENTRY_HEAD);
    fuzz_check(entry.deflate == (entry.deflate_len != 0
                                 ? entry.data + entry.data_len : NULL));
    fuzz_check(sector_entry_bytes(&entry) == len);

    again = malloc(len);
    fuzz_check(again != NULL);
    sector_entry_pack(&entry, again);
    fuzz_check(memcmp(again, packed, len) == 0);

    free(again);
    free(packed);
}


/* Packs what was given at an odd address, and takes it out again. */

static void
check_pack(fuzz_input_t *in, const sector_gzip_piece_t *piece)
{
    char             tag[SECTOR_ENTRY_ETAG_MAX];
    char             expected[SECTOR_ENTRY_ETAG_MAX];
    size_t           len;
    sector_entry_t   entry, same;
    unsigned char   *packed;

    memset(&entry, 0, sizeof(entry));
    entry.data = piece->text;
    entry.data_len = piece->len;
    entry.deflate = piece->deflate;
    entry.deflate_len = piece->deflate_len;
    entry.crc = piece->crc;
    entry.crc_op = piece->crc_op;
    entry.etag = fuzz_number(in, 8);
    entry.quote_ms = (int64_t) fuzz_number(in, 8);
    entry.modified_s = (uint32_t) fuzz_number(in, 4);
    entry.flags = fuzz_byte(in) & 1;

    len = sector_entry_bytes(&entry);
    packed = malloc(len + 1);
    fuzz_check(packed != NULL);

    sector_entry_pack(&entry, packed + 1);
    fuzz_check(sector_entry_unpack(packed + 1, len, &same) == 0);

    fuzz_check(same.data_len == entry.data_len);
    fuzz_check(same.data_len == 0
               || memcmp(same.data, entry.data, same.data_len) == 0);
    fuzz_check(same.deflate_len == entry.deflate_len);
    fuzz_check(same.deflate_len == 0
               || memcmp(same.deflate, entry.deflate, same.deflate_len) == 0);
    fuzz_check(same.crc == entry.crc && same.crc_op == entry.crc_op);
    fuzz_check(same.etag == entry.etag && same.quote_ms == entry.quote_ms);
    fuzz_check(same.modified_s == entry.modified_s);
    fuzz_check(same.flags == entry.flags);

    fuzz_check(sector_entry_unpack(packed + 1, len - 1, &same) == -1);

    (void) snprintf(expected, sizeof(expected), "W/\"%016llx\"",
                    (unsigned long long) entry.etag);
    fuzz_check(sector_entry_etag(entry.etag, tag) == strlen(expected));
    fuzz_check(strcmp(tag, expected) == 0);

    free(packed);
}


/* A text of the input, or one longer than a stored block. */

static void
make_piece(fuzz_input_t *in, sector_gzip_piece_t *piece)
{
    char      *text;
    size_t     i, len, times;
    unsigned   choice;

    memset(piece, 0, sizeof(*piece));
    choice = fuzz_byte(in);
    text = fuzz_take(in, fuzz_number(in, 2) % 1000, &len);

    if ((choice & 2) != 0 && len != 0) {
        times = 1 + 65600 / len;
        text = realloc(text, len * times);
        fuzz_check(text != NULL);

        for (i = 1; i < times; i++) {
            memcpy(text + i * len, text, len);
        }

        len *= times;
    }

    piece->text = text;
    piece->len = len;

    if ((choice & 1) != 0) {
        fuzz_check(sector_gzip_deflate(text, len,
                                       (unsigned char **) &piece->deflate,
                                       &piece->deflate_len, &piece->crc,
                                       &piece->crc_op)
                   == 0);
        fuzz_check(piece->crc == crc32(0, (const Bytef *) text, (uInt) len));
        fuzz_check(piece->crc_op != 0);
    }
}


/* What zlib makes of a composition is the plain text. */

static void
check_composed(const sector_gzip_piece_t *pieces, size_t n)
{
    size_t          i, at, bytes, total;
    z_stream        stream;
    unsigned char  *gzip, *plain, *again;

    bytes = sector_gzip_bytes(pieces, n);
    gzip = malloc(bytes);
    total = sector_gzip_text_bytes(pieces, n);
    plain = malloc(total);
    again = malloc(total + 1);
    fuzz_check(gzip != NULL && again != NULL);
    fuzz_check(plain != NULL || total == 0);

    fuzz_check(sector_gzip_write(pieces, n, gzip) == bytes);
    fuzz_check(sector_gzip_text_write(pieces, n, plain) == total);

    for (i = 0, at = 0; i < n; at += pieces[i].len, i++) {
        fuzz_check(pieces[i].len == 0
                   || memcmp(plain + at, pieces[i].text, pieces[i].len) == 0);
    }

    fuzz_check(at == total);

    memset(&stream, 0, sizeof(stream));
    stream.next_in = gzip;
    stream.avail_in = (uInt) bytes;
    stream.next_out = again;
    stream.avail_out = (uInt) total + 1;

    fuzz_check(inflateInit2(&stream, 31) == Z_OK);
    fuzz_check(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    fuzz_check(stream.avail_in == 0 && stream.total_out == total);
    fuzz_check(inflateEnd(&stream) == Z_OK);
    fuzz_check(total == 0 || memcmp(again, plain, total) == 0);

    free(gzip);
    free(plain);
    free(again);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               i, n;
    fuzz_input_t         in;
    sector_gzip_piece_t  pieces[PIECES_MAX];

    in.p = data;
    in.left = size;

    if ((fuzz_byte(&in) & 1) != 0) {
        check_unpack(&in);
        return 0;
    }

    n = fuzz_byte(&in) % (PIECES_MAX + 1);

    for (i = 0; i < n; i++) {
        make_piece(&in, &pieces[i]);
    }

    check_composed(pieces, n);

    for (i = 0; i < n; i++) {
        check_pack(&in, &pieces[i]);
        free((void *) pieces[i].text);
        free((void *) pieces[i].deflate);
    }

    return 0;
}
