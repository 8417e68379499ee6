/*
 * sector_dump: the entries of a store as bytes, for a file.
 *
 * Layer 1: libc alone, no I/O, but memory of its own.  A dump is a header and
 * a record for each entry, in the machine's own byte order:
 *
 *     +--------+----------+----------+-----
 *     | header | record   | record   | ...
 *     +--------+----------+----------+-----
 *              | times, lengths, tag | key | value |
 *
 * The header has a magic, which another byte order or program would not
 * have, the version of this layout, the length and a checksum of all that
 * follows it, so that a dump is taken whole or not at all.  Times are wall
 * clock, since the monotonic one starts anew with the machine: that of the
 * instant of saving, less the age that the monotonic one then gave.
 */

#ifndef SECTOR_DUMP_H
#define SECTOR_DUMP_H


#include <stddef.h>
#include <stdint.h>

#include "sector_store.h"


/* A dump being written; all zero is an empty one.  bytes is malloc'ed. */

typedef struct {
    unsigned char          *bytes;
    size_t                  len;
    size_t                  size;
    uint64_t                entries;
    unsigned                failed:1;   /* memory ran out: useless */
} sector_dump_t;


typedef enum {
    SECTOR_DUMP_OK = 0,
    SECTOR_DUMP_EMPTY,          /* no byte at all */
    SECTOR_DUMP_FOREIGN,        /* no dump, or another byte order's */
    SECTOR_DUMP_NEWER,          /* a layout that this version cannot read */
    SECTOR_DUMP_TRUNCATED,
    SECTOR_DUMP_CORRUPTED
} sector_dump_error_e;


/* What became of a dump that was loaded. */

typedef struct {
    uint64_t                loaded;
    uint64_t                dead;       /* past every window by now */
    uint64_t                refused;    /* no room, too large, stored in the
                                           future as the clock is now */
    int64_t                 saved_wall_ms;
} sector_dump_report_t;


/* What a dump begins with. */

#define SECTOR_DUMP_HEAD_BYTES  48


/* Adds entries from the store, beginning at bucket cursor, until bytes_max
 * more bytes were written or all is done.  Takes no lock.  Returns the cursor
 * to go on from, 0 when done.  Call between reads, never within one. */

uint64_t sector_dump_add(sector_dump_t *dump, sector_store_t *st,
    uint64_t cursor, size_t bytes_max, uint64_t now_ms, int64_t wall_ms);


/* Writes the header; the dump is then bytes[0 .. len).  Returns 0, or -1 if
 * memory ran out at any time. */

int sector_dump_finish(sector_dump_t *dump, int64_t wall_ms);


/* Frees bytes. */

void sector_dump_free(sector_dump_t *dump);


/* Judges a dump of bytes_n bytes by its first ones: as many as there are, up
 * to SECTOR_DUMP_HEAD_BYTES.  saved_wall_ms, set on OK only, is when it was
 * saved. */

sector_dump_error_e sector_dump_head(const void *bytes, uint64_t bytes_n,
    int64_t *saved_wall_ms);


/* Checks a whole dump and only then puts its entries into the store.
 * Freshness is judged anew, no entry being younger than when it was saved.
 * Each put takes the lock.  report is set on OK only. */

sector_dump_error_e sector_dump_load(const void *bytes, size_t len,
    sector_store_t *st, uint64_t now_ms, int64_t wall_ms,
    sector_dump_report_t *report);


/* What is wrong, lower case, no full stop. */

const char *sector_dump_error(sector_dump_error_e error);


#endif /* SECTOR_DUMP_H */
