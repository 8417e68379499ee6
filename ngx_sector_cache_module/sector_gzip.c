#include "sector_gzip.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>


#define SECTOR_GZIP_STORED_MAX   65535      /* bytes in a stored block */
#define SECTOR_GZIP_STORED_HEAD  5          /* type, LEN, NLEN */

#define SECTOR_GZIP_TAIL         8          /* CRC32, ISIZE */

/* What a flush adds at most to deflateBound(), which knows of none: the bits
 * to be aligned, an empty stored block, and the byte of room by which zlib
 * shows that it has finished. */
#define SECTOR_GZIP_FLUSH        16


/* deflate, no flags, MTIME 0, no XFL, OS 255: unknown */

static const unsigned char  sector_gzip_head[] = {
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255
};


/* BFINAL, fixed codes, and of these the end of block: aligned again */

static const unsigned char  sector_gzip_end[] = { 0x03, 0x00 };


static unsigned char *sector_gzip_copy(unsigned char *p, const void *data,
    size_t len);
static unsigned char *sector_gzip_stored(unsigned char *p,
    const unsigned char *text, size_t len);
static unsigned char *sector_gzip_number(unsigned char *p, uint32_t n);
static int sector_gzip_flush(z_stream *stream, const void *text, size_t len,
    unsigned char **form, size_t *form_len);


size_t
sector_gzip_bytes(const sector_gzip_piece_t *pieces, size_t n)
{
    size_t  i, bytes, blocks;

    bytes = sizeof(sector_gzip_head) + sizeof(sector_gzip_end)
            + SECTOR_GZIP_TAIL;

    for (i = 0; i < n; i++) {

        if (pieces[i].deflate != NULL) {
            bytes += pieces[i].deflate_len;
            continue;
        }

        blocks = pieces[i].len / SECTOR_GZIP_STORED_MAX
                 + (pieces[i].len % SECTOR_GZIP_STORED_MAX != 0);

        bytes += blocks * SECTOR_GZIP_STORED_HEAD + pieces[i].len;
    }

    return bytes;
}


size_t
sector_gzip_write(const sector_gzip_piece_t *pieces, size_t n,
    unsigned char *out)
{
    size_t                      i;
    uLong                       crc;
    uint32_t                    len;
    unsigned char              *p;
    const sector_gzip_piece_t  *piece;

    crc = 0;
    len = 0;

    p = sector_gzip_copy(out, sector_gzip_head, sizeof(sector_gzip_head));

    for (i = 0; i < n; i++) {
        piece = &pieces[i];
        len += (uint32_t) piece->len;

        if (piece->deflate != NULL) {
            p = sector_gzip_copy(p, piece->deflate, piece->deflate_len);
            crc = crc32_combine_op(crc, piece->crc, piece->crc_op);

        } else if (piece->len != 0) {

            /* without text, crc32_z() would begin anew */

            p = sector_gzip_stored(p, piece->text, piece->len);
            crc = crc32_z(crc, piece->text, piece->len);
        }
    }

    p = sector_gzip_copy(p, sector_gzip_end, sizeof(sector_gzip_end));
    p = sector_gzip_number(p, (uint32_t) crc);
    p = sector_gzip_number(p, len);

    return (size_t) (p - out);
}


size_t
sector_gzip_text_bytes(const sector_gzip_piece_t *pieces, size_t n)
{
    size_t  i, bytes;

    bytes = 0;

    for (i = 0; i < n; i++) {
        bytes += pieces[i].len;
    }

    return bytes;
}


size_t
sector_gzip_text_write(const sector_gzip_piece_t *pieces, size_t n,
    unsigned char *out)
{
    size_t          i;
    unsigned char  *p;

    p = out;

    for (i = 0; i < n; i++) {
        p = sector_gzip_copy(p, pieces[i].text, pieces[i].len);
    }

    return (size_t) (p - out);
}


static unsigned char *
sector_gzip_copy(unsigned char *p, const void *data, size_t len)
{
    if (len == 0) {
        return p;
    }

    memcpy(p, data, len);

    return p + len;
}


/* Stored blocks, none of them the last (RFC 1951, 3.2.4).  What is before is
 * aligned, so that a header's three bits have a byte of their own. */

static unsigned char *
sector_gzip_stored(unsigned char *p, const unsigned char *text, size_t len)
{
    size_t  n;

    for ( /* void */ ; len != 0; text += n, len -= n) {
        n = len < SECTOR_GZIP_STORED_MAX ? len : SECTOR_GZIP_STORED_MAX;

        *p++ = 0;
        p = sector_gzip_number(p, (uint32_t) n | ~(uint32_t) n << 16);
        p = sector_gzip_copy(p, text, n);
    }

    return p;
}


/* Four bytes, the lowest first. */

static unsigned char *
sector_gzip_number(unsigned char *p, uint32_t n)
{
    *p++ = (unsigned char) n;
    *p++ = (unsigned char) (n >> 8);
    *p++ = (unsigned char) (n >> 16);
    *p++ = (unsigned char) (n >> 24);

    return p;
}


int
sector_gzip_deflate(const void *text, size_t len, unsigned char **deflate,
    size_t *deflate_len, uint32_t *crc, uint32_t *crc_op)
{
    int       rc;
    z_stream  stream;

    if (len > SECTOR_GZIP_TEXT_MAX) {
        return -1;
    }

    memset(&stream, 0, sizeof(z_stream));

    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                     Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        return -1;
    }

    rc = sector_gzip_flush(&stream, text, len, deflate, deflate_len);

    /* of a stream that was not finished, always an error */

    (void) deflateEnd(&stream);

    if (rc != 0) {
        return -1;
    }

    *crc = len == 0 ? 0 : (uint32_t) crc32_z(0, text, len);
    *crc_op = (uint32_t) crc32_combine_gen((z_off_t) len);

    return 0;
}


/* Deflates text up to a full flush, in one step. */

static int
sector_gzip_flush(z_stream *stream, const void *text, size_t len,
    unsigned char **form, size_t *form_len)
{
    size_t          size;
    unsigned char  *p;

    size = deflateBound(stream, (uLong) len) + SECTOR_GZIP_FLUSH;
    p = malloc(size);

    if (p == NULL) {
        return -1;
    }

    stream->next_in = text;
    stream->avail_in = (uInt) len;
    stream->next_out = p;
    stream->avail_out = (uInt) size;

    /* room that is left says that the flush is complete */

    if (deflate(stream, Z_FULL_FLUSH) != Z_OK || stream->avail_in != 0
        || stream->avail_out == 0)
    {
        free(p);
        return -1;
    }

    *form = p;
    *form_len = size - stream->avail_out;

    return 0;
}
