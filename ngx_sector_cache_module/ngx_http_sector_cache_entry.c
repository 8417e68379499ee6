#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_hours.h"
#include "ngx_http_sector_cache_shm.h"
#include "sector_gzip.h"

#include <ngx_md5.h>


static void ngx_http_sector_cache_entry_refused(
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key, sector_entry_t *entry,
    const char *why);
static ngx_uint_t ngx_http_sector_cache_entry_modified(
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key,
    sector_entry_t *entry);


int64_t
ngx_http_sector_cache_left_s(int64_t ms)
{
    return ms > 0 ? (int64_t) (((uint64_t) ms + 999) / 1000) : ms / 1000;
}


void
ngx_http_sector_cache_times(const sector_store_view_t *view, uint64_t *age_s,
    int64_t *ttl_s)
{
    int64_t  age_ms;

    age_ms = (int64_t) (view->now_ms - view->stored_ms);

    *age_s = age_ms > 0 ? (uint64_t) age_ms / 1000 : 0;
    *ttl_s = ngx_http_sector_cache_left_s(
                        (int64_t) (view->fresh_until_ms - view->now_ms));
}


/* The ETag says that the data is the same, over workers, machines and
 * restarts: the first half of its MD5. */

ngx_int_t
ngx_http_sector_cache_entry_make(ngx_pool_t *pool,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *data,
    sector_entry_t *entry)
{
    int             rc;
    size_t          len;
    u_char         *p, hash[16];
    ngx_md5_t       md5;
    ngx_uint_t      i;
    unsigned char  *deflate;

    ngx_memzero(entry, sizeof(sector_entry_t));

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, data->data, data->len);
    ngx_md5_final(hash, &md5);

    for (i = 0; i < sizeof(entry->etag); i++) {
        entry->etag = entry->etag << 8 | hash[i];
    }

    entry->data = data->data;
    entry->data_len = data->len;
    entry->quote_ms = INT64_MIN;
    entry->modified_s = (uint32_t) ngx_time();

    if (!zone->gzip) {
        return NGX_OK;
    }

    rc = sector_gzip_deflate(data->data, data->len, &deflate, &len,
                             &entry->crc, &entry->crc_op);
    if (rc != 0) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, len);

    if (p) {
        ngx_memcpy(p, deflate, len);
    }

    free(deflate);

    entry->deflate = p;
    entry->deflate_len = len;

    return p ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_sector_cache_entry_put(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key, sector_entry_t *entry,
    const ngx_http_sector_cache_entry_how_t *how)
{
    u_char                *value;
    sector_store_item_t    item;
    sector_store_error_e   error;

    ngx_memzero(&item, sizeof(sector_store_item_t));

    item.value = "";
    item.tag = how->tag;
    item.ttl_ms = how->ttl_ms;
    item.age_ms = how->age_ms;
    item.ttl_limit_ms = how->ttl_limit_ms;
    item.brief = how->brief;
    item.unless_fresh = how->unless_fresh;
    item.negative = (entry == NULL);

    if (entry && how->ttl_ms == 0 && how->ttl_limit_ms == 0) {
        item.ttl_ms = ngx_http_sector_cache_hours_ttl(zone, entry);

        entry->flags |= item.ttl_ms ? SECTOR_ENTRY_CLOSED : 0;
    }

    value = NULL;

    if (entry) {
        /* fresh until the market opens it may be to the store alone; whether
         * anything else is, only the store can tell without a race */

        if (ngx_http_sector_cache_entry_modified(zone, key, entry)) {
            item.unless_fresh = 0;
        }

        if (entry->data_len > zone->policy.max_object_bytes) {
            sector_store_count(&zone->store, SECTOR_STAT_REFUSE_LARGE);
            ngx_http_sector_cache_entry_refused(zone, key, entry,
                                                "larger than max_object");
            return NGX_DECLINED;
        }

        item.value_bytes = sector_entry_bytes(entry);

        value = ngx_alloc(item.value_bytes, ngx_cycle->log);
        if (value == NULL) {
            return NGX_DECLINED;
        }

        sector_entry_pack(entry, value);
        item.value = value;
    }

    error = sector_store_put(&zone->store, key->data, key->len, &item,
                             ngx_http_sector_cache_now(),
                             ngx_http_sector_cache_wall_ms());
    if (value) {
        ngx_free(value);
    }

    if (error == SECTOR_STORE_OK) {
        return NGX_OK;
    }

    if (error == SECTOR_STORE_KEPT) {
        return NGX_BUSY;
    }

    ngx_http_sector_cache_entry_refused(zone, key, entry, "no room");

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_sector_cache_entry_put_all(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *keys, sector_entry_t *entries, ngx_uint_t n,
    const ngx_http_sector_cache_entry_how_t *how)
{
    u_char                *p;
    size_t                 len;
    ngx_uint_t             i;
    sector_store_put_t    *puts;
    sector_store_error_e   error;

    for (i = 0, len = 0; i < n; i++) {
        (void) ngx_http_sector_cache_entry_modified(zone, &keys[i],
                                                    &entries[i]);
        len += sector_entry_bytes(&entries[i]);
    }

    puts = ngx_calloc(n * sizeof(sector_store_put_t) + len, ngx_cycle->log);
    if (puts == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) &puts[n];

    for (i = 0; i < n; i++) {
        puts[i].key = keys[i].data;
        puts[i].key_len = keys[i].len;
        puts[i].item.value = p;
        puts[i].item.value_bytes = sector_entry_bytes(&entries[i]);
        puts[i].item.tag = how->tag;
        puts[i].item.ttl_ms = how->ttl_ms;
        puts[i].item.ttl_limit_ms = how->ttl_limit_ms;
        puts[i].item.brief = how->brief;

        sector_entry_pack(&entries[i], p);
        p += puts[i].item.value_bytes;
    }

    error = sector_store_put_all(&zone->store, puts, n,
                                 ngx_http_sector_cache_now(),
                                 ngx_http_sector_cache_wall_ms());
    ngx_free(puts);

    if (error == SECTOR_STORE_OK) {
        return NGX_OK;
    }

    ngx_http_sector_cache_entry_refused(zone, &keys[0], &entries[0],
                                        n > 1 ? "no room for it and others"
                                              : "no room");

    return NGX_DECLINED;
}


static void
ngx_http_sector_cache_entry_refused(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key, sector_entry_t *entry, const char *why)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "sector_cache_zone \"%V\" could not store \"%V\" of %uz "
                  "bytes: %s", &zone->name, key, entry ? entry->data_len : 0,
                  why);
}


/* Data that did not change was modified when it was modified before; but not
 * in the future, where a clock was wrong.  Returns whether what is there was
 * stored while the market was closed, and is past its time since. */

static ngx_uint_t
ngx_http_sector_cache_entry_modified(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key, sector_entry_t *entry)
{
    ngx_uint_t            opened;
    sector_entry_t        earlier;
    sector_store_view_t   view;
    sector_store_state_e  state;

    earlier.flags = 0;

    state = ngx_http_sector_cache_entry_read(zone, key, &view, &earlier);

    opened = (state != SECTOR_STORE_FRESH
              && (earlier.flags & SECTOR_ENTRY_CLOSED));

    if (state == SECTOR_STORE_NONE) {
        return opened;
    }

    if (!view.negative && earlier.etag == entry->etag
        && earlier.modified_s < entry->modified_s)
    {
        entry->modified_s = earlier.modified_s;
    }

    sector_store_read_end(&zone->store);

    return opened;
}


sector_store_state_e
ngx_http_sector_cache_entry_read(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key, sector_store_view_t *view, sector_entry_t *entry)
{
    sector_store_state_e  state;

    state = sector_store_read(&zone->store, key->data, key->len,
                              ngx_http_sector_cache_now(), view);

    if (state == SECTOR_STORE_NONE || view->negative) {
        return state;
    }

    if (sector_entry_unpack(view->value, view->value_bytes, entry) != 0) {
        sector_store_read_end(&zone->store);
        return SECTOR_STORE_NONE;
    }

    if (entry->flags & SECTOR_ENTRY_CLOSED) {
        state = ngx_http_sector_cache_hours_judge(zone, entry, view);

        if (state == SECTOR_STORE_NONE) {
            sector_store_read_end(&zone->store);
        }
    }

    return state;
}


ngx_uint_t
ngx_http_sector_cache_entry_served(ngx_http_sector_cache_zone_t *zone,
    sector_store_view_t *view)
{
    sector_entry_t  entry;

    if (view->negative) {
        return 1;
    }

    if (sector_entry_unpack(view->value, view->value_bytes, &entry) != 0) {
        return 0;
    }

    return !(entry.flags & SECTOR_ENTRY_CLOSED)
           || ngx_http_sector_cache_hours_judge(zone, &entry, view)
              != SECTOR_STORE_NONE;
}


ngx_int_t
ngx_http_sector_cache_entry_copy(ngx_pool_t *pool, const sector_entry_t *from,
    sector_entry_t *to)
{
    u_char  *p;

    p = ngx_pnalloc(pool, from->data_len + from->deflate_len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *to = *from;

    to->data = p;
    p = ngx_cpymem(p, from->data, from->data_len);

    if (from->deflate) {
        to->deflate = p;
        ngx_memcpy(p, from->deflate, from->deflate_len);
    }

    return NGX_OK;
}
