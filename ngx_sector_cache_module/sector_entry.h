/*
 * sector_entry: what is stored under a key.
 *
 * Layer 0: libc alone.  An entry is a head and two texts, one after another
 * without a gap, in the machine's own byte order:
 *
 *     +----------+------+---------+
 *     | head, 40 | data | deflate |
 *     +----------+------+---------+
 *
 * The store keeps it as bytes, and does not promise to align them.
 */

#ifndef SECTOR_ENTRY_H
#define SECTOR_ENTRY_H


#include <stddef.h>
#include <stdint.h>


#define SECTOR_ENTRY_HEAD      40       /* bytes before data */

/* Flags; the other bits are reserved, 0. */

#define SECTOR_ENTRY_PARTIAL   0x1      /* not all that was asked for */
#define SECTOR_ENTRY_STALE     0x2      /* made of data some of which was past
                                           its time even then */
#define SECTOR_ENTRY_CLOSED    0x4      /* the market was closed: it is fresh
                                           until that opens */

#define SECTOR_ENTRY_ETAG_MAX  21       /* W/"0123456789abcdef" and a zero */


/* Lengths are at most UINT32_MAX each. */

typedef struct {
    const unsigned char    *data;           /* JSON */
    size_t                  data_len;
    const unsigned char    *deflate;        /* sector_gzip's form of data */
    size_t                  deflate_len;    /* 0: none is kept */
    uint32_t                crc;            /* both as sector_gzip gave them; */
    uint32_t                crc_op;         /* without deflate, 0 */
    uint64_t                etag;
    int64_t                 quote_ms;       /* of the quote, since the epoch;
                                               INT64_MIN: none */
    uint32_t                modified_s;     /* since the epoch */
    uint32_t                flags;
} sector_entry_t;


/* The bytes of an entry when packed. */
size_t sector_entry_bytes(const sector_entry_t *e);


/* Packs e into out, which has sector_entry_bytes() bytes, aligned or not. */
void sector_entry_pack(const sector_entry_t *e, unsigned char *out);


/*
 * Reads a packed entry, aligned or not.  data and deflate then point into
 * value and live as long; deflate is NULL if none is kept.  Returns 0, or -1
 * and leaves e alone unless the lengths add up to bytes exactly, and a
 * deflate form has the crc_op without which it cannot be sent.
 */
int sector_entry_unpack(const void *value, size_t bytes, sector_entry_t *e);


/* Writes a weak entity tag (RFC 9110, 8.8.3) into buf, which has
 * SECTOR_ENTRY_ETAG_MAX bytes, and terminates it.  Returns the length. */
size_t sector_entry_etag(uint64_t etag, char *buf);


#endif /* SECTOR_ENTRY_H */
