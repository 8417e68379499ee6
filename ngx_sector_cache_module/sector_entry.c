#include "sector_entry.h"

#include <string.h>


static uint64_t sector_entry_hex(uint32_t number);


/* Copied out and in, never pointed at. */

typedef struct {
    uint32_t    data_len;
    uint32_t    deflate_len;
    uint32_t    crc;
    uint32_t    crc_op;
    uint64_t    etag;
    int64_t     quote_ms;
    uint32_t    modified_s;
    uint32_t    flags;
} sector_entry_head_t;


_Static_assert(sizeof(sector_entry_head_t) == SECTOR_ENTRY_HEAD,
               "an entry's head has a gap");


size_t
sector_entry_bytes(const sector_entry_t *e)
{
    return SECTOR_ENTRY_HEAD + e->data_len + e->deflate_len;
}


void
sector_entry_pack(const sector_entry_t *e, unsigned char *out)
{
    sector_entry_head_t  head;

    head.data_len = (uint32_t) e->data_len;
    head.deflate_len = (uint32_t) e->deflate_len;
    head.crc = e->crc;
    head.crc_op = e->crc_op;
    head.etag = e->etag;
    head.quote_ms = e->quote_ms;
    head.modified_s = e->modified_s;
    head.flags = e->flags;

    memcpy(out, &head, SECTOR_ENTRY_HEAD);

    if (e->data_len != 0) {
        memcpy(out + SECTOR_ENTRY_HEAD, e->data, e->data_len);
    }

    if (e->deflate_len != 0) {
        memcpy(out + SECTOR_ENTRY_HEAD + e->data_len, e->deflate,
               e->deflate_len);
    }
}


int
sector_entry_unpack(const void *value, size_t bytes, sector_entry_t *e)
{
    sector_entry_head_t  head;

    if (bytes < SECTOR_ENTRY_HEAD) {
        return -1;
    }

    memcpy(&head, value, SECTOR_ENTRY_HEAD);

    if ((uint64_t) head.data_len + head.deflate_len
        != bytes - SECTOR_ENTRY_HEAD)
    {
        return -1;
    }

    if (head.deflate_len != 0 && head.crc_op == 0) {
        return -1;
    }

    e->data = (const unsigned char *) value + SECTOR_ENTRY_HEAD;
    e->data_len = head.data_len;
    e->deflate = head.deflate_len != 0 ? e->data + head.data_len : NULL;
    e->deflate_len = head.deflate_len;
    e->crc = head.crc;
    e->crc_op = head.crc_op;
    e->etag = head.etag;
    e->quote_ms = head.quote_ms;
    e->modified_s = head.modified_s;
    e->flags = head.flags;

    return 0;
}


size_t
sector_entry_etag(uint64_t etag, char *buf)
{
    uint64_t  low, high;

    high = sector_entry_hex((uint32_t) (etag >> 32));
    low = sector_entry_hex((uint32_t) etag);

    memcpy(buf, "W/\"", 3);
    memcpy(buf + 3, &high, 8);
    memcpy(buf + 11, &low, 8);
    memcpy(buf + 19, "\"", 2);

    return SECTOR_ENTRY_ETAG_MAX - 1;
}


/*
 * The eight hexadecimal digits of a number, the first one where it comes first
 * in memory.  All at once: the number's nibbles are spread over the bytes; to
 * what is above 9, which a 6 added carries beyond the nibble, is added what
 * lies between '9' and 'a'.
 */
static uint64_t
sector_entry_hex(uint32_t number)
{
    uint64_t  n, letters;

    n = number;
    n = (n << 16 | n) & 0x0000ffff0000ffffULL;
    n = (n << 8 | n) & 0x00ff00ff00ff00ffULL;
    n = (n << 4 | n) & 0x0f0f0f0f0f0f0f0fULL;

    letters = (n + 0x0606060606060606ULL) >> 4 & 0x0101010101010101ULL;
    n += 0x3030303030303030ULL + letters * ('a' - '9' - 1);

#if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
    n = __builtin_bswap64(n);
#endif

    return n;
}
