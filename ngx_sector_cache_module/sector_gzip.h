/*
 * sector_gzip: a gzip member put together, not compressed.
 *
 * Layer 1: libc and zlib.  No state, no lock, no clock.
 *
 * A text that is sent often is deflated once, when it is stored.  That form
 * is raw deflate (RFC 1951) which never says that it is the last, ends with a
 * full flush, so that it is byte aligned, and refers to nothing before it:
 * such forms can stand one after another, in any order, with stored blocks
 * between them:
 *
 *     +--------+---------+------+---------+------+-----+-----+-------+
 *     | header | literal | form | literal | form | ... | end | CRC32 |
 *     |        | stored  |      | stored  |      |     |     | ISIZE |
 *     +--------+---------+------+---------+------+-----+-----+-------+
 *
 * Only literals are read for the CRC, that of a form is combined.
 */

#ifndef SECTOR_GZIP_H
#define SECTOR_GZIP_H


#include <stddef.h>
#include <stdint.h>


#define SECTOR_GZIP_TEXT_MAX  0x7fffffff    /* bytes that can be deflated */


/* A part of an answer.  Pieces of no length are fine, their text or NULL. */

typedef struct {
    const void     *text;
    size_t          len;
    const void     *deflate;        /* its form; NULL: a literal, which goes
                                       in as stored blocks */
    size_t          deflate_len;
    uint32_t        crc;            /* of text; both with deflate only */
    uint32_t        crc_op;         /* crc32_combine_gen(len); never 0, with
                                       which zlib does not return */
} sector_gzip_piece_t;


/* How many bytes sector_gzip_write() writes for the same pieces, exactly. */
size_t sector_gzip_bytes(const sector_gzip_piece_t *pieces, size_t n);


/* Writes the pieces as one gzip member (RFC 1952; no name, no time, system
 * unknown) into out, which has sector_gzip_bytes() bytes.  Neither form nor
 * CRC of a piece is checked.  Returns the length. */
size_t sector_gzip_write(const sector_gzip_piece_t *pieces, size_t n,
    unsigned char *out);


/* The same two for the plain text; forms and CRCs are not looked at. */

size_t sector_gzip_text_bytes(const sector_gzip_piece_t *pieces, size_t n);

size_t sector_gzip_text_write(const sector_gzip_piece_t *pieces, size_t n,
    unsigned char *out);


/*
 * Makes the form of a text, as small as zlib can, and what its piece needs
 * beside.  *deflate is malloc'ed, the caller frees; it is longer than text
 * where there is nothing to gain.  Returns 0, or -1 when there is no memory
 * or text is longer than SECTOR_GZIP_TEXT_MAX: nothing is set then.
 */
int sector_gzip_deflate(const void *text, size_t len, unsigned char **deflate,
    size_t *deflate_len, uint32_t *crc, uint32_t *crc_op);


#endif /* SECTOR_GZIP_H */
