/*
 * dump_bytes: a dump's layout as written down a second time, for the tests
 * that forge one: offsets, the checksum, and what the records of a dump say.
 * Include it after store_fixture.h.
 */

#ifndef DUMP_BYTES_H
#define DUMP_BYTES_H


#include "sector_dump.h"


/* Offsets in the header, then in a record. */

#define DUMP_MAGIC         0
#define DUMP_VERSION       8
#define DUMP_RECORD_SIZE   12
#define DUMP_PAYLOAD       16
#define DUMP_ENTRIES       24
#define DUMP_SAVED         32
#define DUMP_CHECKSUM      40
#define DUMP_HEADER        48

#define DUMP_STORED        0
#define DUMP_FRESH         8
#define DUMP_REFRESH       16
#define DUMP_DEAD          24
#define DUMP_TAG           32
#define DUMP_VALUE_BYTES   40
#define DUMP_KEY_LEN       48
#define DUMP_NEGATIVE      52
#define DUMP_RECORD        56


/* One record as it lies in a dump. */

typedef struct {
    const unsigned char    *key;
    size_t                  key_len;
    const unsigned char    *value;
    size_t                  value_bytes;
    int64_t                 stored_wall_ms;
    uint64_t                fresh_ms;
    uint64_t                refresh_ms;
    uint64_t                dead_ms;
    uint64_t                tag;
    unsigned                negative;
} dump_record_t;


static inline uint64_t
dump_get64(const unsigned char *p)
{
    uint64_t  n;

    memcpy(&n, p, 8);

    return n;
}


static inline uint32_t
dump_get32(const unsigned char *p)
{
    uint32_t  n;

    memcpy(&n, p, 4);

    return n;
}


static inline void
dump_set64(unsigned char *p, uint64_t n)
{
    memcpy(p, &n, 8);
}


static inline void
dump_set32(unsigned char *p, uint32_t n)
{
    memcpy(p, &n, 4);
}


static inline uint64_t
dump_sum(uint64_t sum, const unsigned char *p, size_t len)
{
    size_t  i;

    sum ^= 0xcbf29ce484222325ULL + len;

    for (i = 0; i < len; i += len - i >= 8 ? 8 : 1) {
        sum ^= len - i >= 8 ? dump_get64(p + i) : p[i];
        sum *= 0x100000001b3ULL;
        sum ^= sum >> 32;
    }

    return sum;
}


/* Makes the checksum right again, whatever the bytes are. */
static inline void
dump_seal(unsigned char *p, size_t len)
{
    uint64_t  sum;

    dump_set64(p + DUMP_CHECKSUM, 0);

    sum = dump_sum(0, p, DUMP_HEADER);
    sum = dump_sum(sum, p + DUMP_HEADER, len - DUMP_HEADER);

    dump_set64(p + DUMP_CHECKSUM, sum);
}


/* Reads a record of a dump that was accepted; returns the next one. */
static inline const unsigned char *
dump_record(const unsigned char *p, dump_record_t *record)
{
    record->stored_wall_ms = (int64_t) dump_get64(p + DUMP_STORED);
    record->fresh_ms = dump_get64(p + DUMP_FRESH);
    record->refresh_ms = dump_get64(p + DUMP_REFRESH);
    record->dead_ms = dump_get64(p + DUMP_DEAD);
    record->tag = dump_get64(p + DUMP_TAG);
    record->value_bytes = dump_get64(p + DUMP_VALUE_BYTES);
    record->key_len = dump_get32(p + DUMP_KEY_LEN);
    record->negative = dump_get32(p + DUMP_NEGATIVE);
    record->key = p + DUMP_RECORD;
    record->value = record->key + record->key_len;

    return record->value + record->value_bytes;
}


/* An exact copy, so that a look past its end is noticed; odd: not aligned. */
static inline unsigned char *
dump_copy(const unsigned char *p, size_t len, unsigned odd)
{
    unsigned char  *copy;

    copy = malloc(len + odd + (len + odd == 0));
    assert_non_null(copy);

    if (len != 0) {
        memcpy(copy + odd, p, len);
    }

    return copy;
}


/* All that a store consists of, but for the entries' bytes. */

typedef struct {
    unsigned char      *reserve;
    uint64_t            shown;
    uint64_t            digest;
} dump_still_t;


static inline void
dump_still_entry(void *data, const void *key, size_t key_len,
    const sector_store_view_t *view)
{
    dump_still_t  *still;

    still = data;
    still->shown++;
    still->digest = dump_sum(still->digest, key, key_len);
    still->digest = dump_sum(still->digest, view->value, view->value_bytes);
    still->digest ^= view->tag * 3 + view->fresh_until_ms * 5
                     + view->refresh_until_ms * 7 + view->dead_at_ms * 11
                     + view->stored_ms * 13 + view->negative;
}


/* Keeps what a store is now, to see later that nothing has changed. */
static inline void
dump_still(fixture_t *fx, dump_still_t *still)
{
    uint64_t  cursor;

    memset(still, 0, sizeof(dump_still_t));
    cursor = 0;

    do {
        cursor = sector_store_each(&fx->st, cursor, 0, dump_still_entry,
                                   still);
    } while (cursor != 0);

    still->reserve = malloc(fx->region.reserve_bytes);
    assert_non_null(still->reserve);
    memcpy(still->reserve, fx->region.reserve, fx->region.reserve_bytes);
}


static inline void
dump_still_expect(fixture_t *fx, dump_still_t *still)
{
    dump_still_t  now;

    dump_still(fx, &now);

    assert_int_equal(now.shown, still->shown);
    assert_true(now.digest == still->digest);
    assert_int_equal(memcmp(now.reserve, still->reserve,
                            fx->region.reserve_bytes), 0);
    free(now.reserve);
}


/* A dump is refused, and leaves neither a trace nor a report. */
static inline void
dump_refused(fixture_t *fx, dump_still_t *still, const void *p, size_t len,
    sector_dump_error_e expected)
{
    unsigned char         blank[sizeof(sector_dump_report_t)];
    sector_dump_report_t  report;

    memset(blank, 0xa5, sizeof(blank));
    memset(&report, 0xa5, sizeof(report));

    assert_int_equal(sector_dump_load(p, len, &fx->st, 1000, 1001000,
                                      &report), expected);
    assert_memory_equal(&report, blank, sizeof(blank));
    dump_still_expect(fx, still);
}


#endif /* DUMP_BYTES_H */
