#include "sector_dump.h"

#include <stdlib.h>
#include <string.h>


#define SECTOR_DUMP_MAGIC    0x31706d7544636553ULL      /* "SecDump1" */
#define SECTOR_DUMP_VERSION  2

#define SECTOR_DUMP_SIZE_MIN  65536      /* bytes first allocated */


typedef struct {
    uint64_t    magic;
    uint32_t    version;
    uint32_t    record_bytes;       /* sizeof(sector_dump_record_t) */
    uint64_t    payload_bytes;      /* all that follows the header */
    uint64_t    entries;
    int64_t     saved_wall_ms;
    uint64_t    checksum;           /* of header, this being 0, and payload */
} sector_dump_header_t;


_Static_assert(sizeof(sector_dump_header_t) == SECTOR_DUMP_HEAD_BYTES,
    "the header is what a dump begins with");


/* Followed by key and value, not aligned.  Windows are relative to
 * stored_wall_ms. */

typedef struct {
    int64_t     stored_wall_ms;
    uint64_t    fresh_ms;
    uint64_t    refresh_ms;
    uint64_t    dead_ms;
    uint64_t    tag;
    uint64_t    value_bytes;
    uint32_t    key_len;
    uint32_t    negative;
} sector_dump_record_t;


/* What a dump is written or read for. */

typedef struct {
    sector_dump_t          *dump;       /* writing */
    sector_store_t         *store;      /* reading */
    sector_dump_report_t   *report;     /* reading */
    uint64_t                now_ms;
    int64_t                 wall_ms;
    int64_t                 until_wall_ms;  /* reading: ages end then */
} sector_dump_ctx_t;


static void sector_dump_entry(void *data, const void *key, size_t key_len,
    const sector_store_view_t *view);
static uint64_t sector_dump_window(const sector_store_view_t *view,
    uint64_t end_ms);
static unsigned char *sector_dump_room(sector_dump_t *dump, size_t bytes);
static uint64_t sector_dump_sum(const sector_dump_header_t *header,
    const unsigned char *payload);
static uint64_t sector_dump_checksum(uint64_t sum, const unsigned char *p,
    size_t len);
static sector_dump_error_e sector_dump_check(const unsigned char *bytes,
    uint64_t bytes_n, sector_dump_header_t *header);
static sector_dump_error_e sector_dump_walk(const unsigned char *p,
    const sector_dump_header_t *header, sector_dump_ctx_t *ctx);
static int sector_dump_sound(const sector_dump_record_t *record,
    uint64_t left);
static void sector_dump_restore(sector_dump_ctx_t *ctx,
    const sector_dump_record_t *record, const unsigned char *key);


uint64_t
sector_dump_add(sector_dump_t *dump, sector_store_t *st, uint64_t cursor,
    size_t bytes_max, uint64_t now_ms, int64_t wall_ms)
{
    size_t             start;
    sector_dump_ctx_t  ctx;

    if (dump->len == 0 && sector_dump_room(dump, sizeof(sector_dump_header_t)))
    {
        dump->len = sizeof(sector_dump_header_t);
    }

    ctx.dump = dump;
    ctx.store = st;
    ctx.report = NULL;
    ctx.now_ms = now_ms;
    ctx.wall_ms = wall_ms;

    start = dump->len;

    do {
        cursor = sector_store_each(st, cursor, now_ms, sector_dump_entry,
                                   &ctx);
    } while (cursor != 0 && !dump->failed && dump->len - start < bytes_max);

    return dump->failed ? 0 : cursor;
}


/* Writes one record.  When the entry was stored goes by its monotonic age,
 * counted back from the wall clock of today: that clock may have been set
 * since. */

static void
sector_dump_entry(void *data, const void *key, size_t key_len,
    const sector_store_view_t *view)
{
    unsigned char         *p;
    sector_dump_ctx_t     *ctx;
    sector_dump_record_t   record;

    ctx = data;

    p = sector_dump_room(ctx->dump, sizeof(sector_dump_record_t) + key_len
                                    + view->value_bytes);
    if (p == NULL) {
        return;
    }

    memset(&record, 0, sizeof(sector_dump_record_t));

    record.stored_wall_ms = (int64_t) ((uint64_t) ctx->wall_ms
                                       - (ctx->now_ms - view->stored_ms));
    record.fresh_ms = sector_dump_window(view, view->fresh_until_ms);
    record.refresh_ms = sector_dump_window(view, view->refresh_until_ms);
    record.dead_ms = sector_dump_window(view, view->dead_at_ms);
    record.tag = view->tag;
    record.value_bytes = view->value_bytes;
    record.key_len = (uint32_t) key_len;
    record.negative = view->negative;

    memcpy(p, &record, sizeof(sector_dump_record_t));
    memcpy(p + sizeof(sector_dump_record_t), key, key_len);

    if (view->value_bytes != 0) {
        memcpy(p + sizeof(sector_dump_record_t) + key_len, view->value,
               view->value_bytes);
    }

    ctx->dump->len += sizeof(sector_dump_record_t) + key_len
                      + view->value_bytes;
    ctx->dump->entries++;
}


/* A window counted from when the entry was stored.  One without end stays so:
 * stored_ms of an entry older than the machine is a large number. */

static uint64_t
sector_dump_window(const sector_store_view_t *view, uint64_t end_ms)
{
    return end_ms == UINT64_MAX ? UINT64_MAX : end_ms - view->stored_ms;
}


/* Where the next bytes go, or NULL: then the dump has failed. */

static unsigned char *
sector_dump_room(sector_dump_t *dump, size_t bytes)
{
    size_t          size;
    unsigned char  *p;

    if (dump->failed) {
        return NULL;
    }

    if (bytes > dump->size - dump->len) {
        size = dump->size * 2;

        if (size < dump->len + bytes) {
            size = dump->len + bytes;
        }

        if (size < SECTOR_DUMP_SIZE_MIN) {
            size = SECTOR_DUMP_SIZE_MIN;
        }

        p = realloc(dump->bytes, size);

        if (p == NULL) {
            dump->failed = 1;
            return NULL;
        }

        dump->bytes = p;
        dump->size = size;
    }

    return dump->bytes + dump->len;
}


int
sector_dump_finish(sector_dump_t *dump, int64_t wall_ms)
{
    sector_dump_header_t  header;

    if (dump->len == 0 && sector_dump_room(dump, sizeof(sector_dump_header_t)))
    {
        dump->len = sizeof(sector_dump_header_t);
    }

    if (dump->failed) {
        return -1;
    }

    memset(&header, 0, sizeof(sector_dump_header_t));

    header.magic = SECTOR_DUMP_MAGIC;
    header.version = SECTOR_DUMP_VERSION;
    header.record_bytes = sizeof(sector_dump_record_t);
    header.payload_bytes = dump->len - sizeof(sector_dump_header_t);
    header.entries = dump->entries;
    header.saved_wall_ms = wall_ms;

    header.checksum = sector_dump_sum(&header,
                          dump->bytes + sizeof(sector_dump_header_t));

    memcpy(dump->bytes, &header, sizeof(sector_dump_header_t));

    return 0;
}


void
sector_dump_free(sector_dump_t *dump)
{
    free(dump->bytes);
    memset(dump, 0, sizeof(sector_dump_t));
}


sector_dump_error_e
sector_dump_load(const void *bytes, size_t len, sector_store_t *st,
    uint64_t now_ms, int64_t wall_ms, sector_dump_report_t *report)
{
    sector_dump_ctx_t      ctx;
    sector_dump_error_e    error;
    sector_dump_header_t   header;

    error = sector_dump_check(bytes, len, &header);

    if (error != SECTOR_DUMP_OK) {
        return error;
    }

    if (sector_dump_sum(&header, (const unsigned char *) bytes
                                 + sizeof(sector_dump_header_t))
        != header.checksum)
    {
        return SECTOR_DUMP_CORRUPTED;
    }

    memset(&ctx, 0, sizeof(sector_dump_ctx_t));

    /* once to see that every record is whole, once to restore */

    error = sector_dump_walk(bytes, &header, &ctx);

    if (error != SECTOR_DUMP_OK) {
        return error;
    }

    memset(report, 0, sizeof(sector_dump_report_t));

    report->saved_wall_ms = header.saved_wall_ms;

    ctx.store = st;
    ctx.report = report;
    ctx.now_ms = now_ms;
    ctx.wall_ms = wall_ms;
    ctx.until_wall_ms = wall_ms > header.saved_wall_ms ? wall_ms
                                                       : header.saved_wall_ms;

    return sector_dump_walk(bytes, &header, &ctx);
}


sector_dump_error_e
sector_dump_head(const void *bytes, uint64_t bytes_n, int64_t *saved_wall_ms)
{
    sector_dump_error_e   error;
    sector_dump_header_t  header;

    error = sector_dump_check(bytes, bytes_n, &header);

    if (error == SECTOR_DUMP_OK) {
        *saved_wall_ms = header.saved_wall_ms;
    }

    return error;
}


/* Everything that the header alone tells of a dump of so many bytes. */

static sector_dump_error_e
sector_dump_check(const unsigned char *bytes, uint64_t bytes_n,
    sector_dump_header_t *header)
{
    uint64_t  payload;

    if (bytes_n == 0) {
        return SECTOR_DUMP_EMPTY;
    }

    if (bytes_n < sizeof(sector_dump_header_t)) {
        return SECTOR_DUMP_TRUNCATED;
    }

    memcpy(header, bytes, sizeof(sector_dump_header_t));

    if (header->magic != SECTOR_DUMP_MAGIC) {
        return SECTOR_DUMP_FOREIGN;
    }

    if (header->version != SECTOR_DUMP_VERSION) {
        return SECTOR_DUMP_NEWER;
    }

    payload = bytes_n - sizeof(sector_dump_header_t);

    if (header->payload_bytes > payload) {
        return SECTOR_DUMP_TRUNCATED;
    }

    if (header->payload_bytes < payload
        || header->record_bytes != sizeof(sector_dump_record_t))
    {
        return SECTOR_DUMP_CORRUPTED;
    }

    return SECTOR_DUMP_OK;
}


/* The checksum of a header, its own field taken as 0, and its payload. */

static uint64_t
sector_dump_sum(const sector_dump_header_t *header,
    const unsigned char *payload)
{
    uint64_t              sum;
    sector_dump_header_t  clean;

    clean = *header;
    clean.checksum = 0;

    sum = sector_dump_checksum(0, (const unsigned char *) &clean,
                               sizeof(sector_dump_header_t));

    return sector_dump_checksum(sum, payload, (size_t) header->payload_bytes);
}


/* Goes over the records; restores them if there is a store. */

static sector_dump_error_e
sector_dump_walk(const unsigned char *p, const sector_dump_header_t *header,
    sector_dump_ctx_t *ctx)
{
    uint64_t              i, left;
    sector_dump_record_t  record;

    p += sizeof(sector_dump_header_t);
    left = header->payload_bytes;

    for (i = 0; i < header->entries; i++) {

        if (left < sizeof(sector_dump_record_t)) {
            return SECTOR_DUMP_CORRUPTED;
        }

        memcpy(&record, p, sizeof(sector_dump_record_t));

        p += sizeof(sector_dump_record_t);
        left -= sizeof(sector_dump_record_t);

        if (!sector_dump_sound(&record, left)) {
            return SECTOR_DUMP_CORRUPTED;
        }

        if (ctx->store != NULL) {
            sector_dump_restore(ctx, &record, p);
        }

        p += record.key_len + record.value_bytes;
        left -= record.key_len + record.value_bytes;
    }

    return left == 0 ? SECTOR_DUMP_OK : SECTOR_DUMP_CORRUPTED;
}


/* Whether a record can be one that was written: its lengths, of which left
 * bytes follow, and its windows, as the store orders them. */

static int
sector_dump_sound(const sector_dump_record_t *record, uint64_t left)
{
    if (record->key_len == 0 || record->key_len > SECTOR_STORE_KEY_MAX
        || record->key_len > left
        || record->value_bytes > left - record->key_len)
    {
        return 0;
    }

    if (record->fresh_ms > record->refresh_ms
        || record->refresh_ms > record->dead_ms)
    {
        return 0;
    }

    return record->negative == 0
           || (record->negative == 1 && record->fresh_ms == record->dead_ms);
}


/* Puts one record back.  Its age goes by the wall clock, since the monotonic
 * one does not outlive the machine.  If that was set back, an entry from the
 * future is not trusted, and no other is younger than when it was saved. */

static void
sector_dump_restore(sector_dump_ctx_t *ctx,
    const sector_dump_record_t *record, const unsigned char *key)
{
    sector_store_item_t    item;
    sector_store_times_t   times;

    if (record->stored_wall_ms > ctx->wall_ms) {
        ctx->report->refused++;
        return;
    }

    times.age_ms = (uint64_t) ctx->until_wall_ms
                   - (uint64_t) record->stored_wall_ms;

    if (times.age_ms >= record->dead_ms) {
        ctx->report->dead++;
        return;
    }

    memset(&item, 0, sizeof(sector_store_item_t));

    item.value = key + record->key_len;
    item.value_bytes = (size_t) record->value_bytes;
    item.tag = record->tag;
    item.negative = record->negative != 0;

    times.fresh_ms = record->fresh_ms;
    times.refresh_ms = record->refresh_ms;
    times.dead_ms = record->dead_ms;
    times.stored_wall_ms = record->stored_wall_ms;

    if (sector_store_restore(ctx->store, key, record->key_len, &item, &times,
                             ctx->now_ms)
        == SECTOR_STORE_OK)
    {
        ctx->report->loaded++;

    } else {
        ctx->report->refused++;
    }
}


/* FNV-1a (Fowler, Noll, Vo) over words of 8 bytes, each mixed further, so
 * that every bit of the input changes the sum. */

static uint64_t
sector_dump_checksum(uint64_t sum, const unsigned char *p, size_t len)
{
    uint64_t  word;

    sum ^= 0xcbf29ce484222325ULL + len;

    for ( /* void */ ; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        sum = (sum ^ word) * 0x100000001b3ULL;
        sum ^= sum >> 32;
    }

    for ( /* void */ ; len != 0; p++, len--) {
        sum = (sum ^ *p) * 0x100000001b3ULL;
        sum ^= sum >> 32;
    }

    return sum;
}


const char *
sector_dump_error(sector_dump_error_e error)
{
    switch (error) {

    case SECTOR_DUMP_OK:
        return "all is well";

    case SECTOR_DUMP_EMPTY:
        return "it is empty";

    case SECTOR_DUMP_FOREIGN:
        return "it is no dump of a zone, or another machine's";

    case SECTOR_DUMP_NEWER:
        return "it was written by another version";

    case SECTOR_DUMP_TRUNCATED:
        return "it was cut off";

    default: /* SECTOR_DUMP_CORRUPTED */
        return "its bytes have changed since it was written";
    }
}
