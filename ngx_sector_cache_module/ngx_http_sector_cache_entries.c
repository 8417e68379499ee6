/*
 * A request walks over so many buckets and shows so many keys, and no more: a
 * large zone is shown in several, each of which begins where the one before
 * ended.  A cursor says that: the bucket, and how many matching keys from
 * there on were shown already.
 */

#include "ngx_http_sector_cache_entries.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_query.h"
#include "ngx_http_sector_cache_response.h"


#define NGX_HTTP_SECTOR_CACHE_ENTRIES_LIMIT  100
#define NGX_HTTP_SECTOR_CACHE_ENTRIES_MAX    1000
#define NGX_HTTP_SECTOR_CACHE_ENTRIES_STEPS  1024   /* of sector_store_each */
#define NGX_HTTP_SECTOR_CACHE_ENTRIES_SKIP   20     /* bits of a cursor */


typedef struct {
    ngx_pool_t                     *pool;
    ngx_http_sector_cache_zone_t   *zone;
    ngx_str_t                       prefix;
    sector_compose_entry_t         *entries;
    ngx_uint_t                      n;
    ngx_uint_t                      limit;
    ngx_uint_t                      skip;   /* matching ones, of this step */
    ngx_uint_t                      seen;   /* those of this step so far */
    unsigned                        failed:1;
    unsigned                        more:1; /* this step has more than fit */
} ngx_http_sector_cache_entries_t;


static ngx_int_t ngx_http_sector_cache_entries_walk(
    ngx_http_sector_cache_entries_t *ctx, uint64_t *cursor);
static void ngx_http_sector_cache_entries_add(void *data, const void *key,
    size_t key_len, const sector_store_view_t *view);
static int ngx_libc_cdecl ngx_http_sector_cache_entries_compare(
    const void *one, const void *two);


ngx_int_t
ngx_http_sector_cache_entries_handler(ngx_http_request_t *r)
{
    char                             *text;
    size_t                            len;
    uint64_t                          cursor;
    ngx_int_t                         rc;
    ngx_uint_t                        start;
    ngx_http_sector_cache_zone_t     *zone;
    ngx_http_sector_cache_entries_t   ctx;

    ngx_memzero(&ctx, sizeof(ngx_http_sector_cache_entries_t));

    ctx.pool = r->pool;
    ctx.limit = NGX_HTTP_SECTOR_CACHE_ENTRIES_LIMIT;
    start = 0;

    if (ngx_http_sector_cache_query_number(r, "limit", 1,
                                     NGX_HTTP_SECTOR_CACHE_ENTRIES_MAX,
                                     &ctx.limit)
        != NGX_OK)
    {
        return ngx_http_sector_cache_query_invalid(r,
                           "Invalid limit, allowed: a number from 1 to %d",
                           NGX_HTTP_SECTOR_CACHE_ENTRIES_MAX);
    }

    if (ngx_http_sector_cache_query_number(r, "cursor", 0, NGX_MAX_INT_T_VALUE,
                                           &start)
        != NGX_OK)
    {
        return ngx_http_sector_cache_query_invalid(r,
                           "Invalid cursor, allowed: \"next\" of an earlier "
                           "answer");
    }

    if (ngx_http_sector_cache_query(r, "prefix", &ctx.prefix) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx.prefix.len > SECTOR_STORE_KEY_MAX) {
        return ngx_http_sector_cache_query_invalid(r,
                           "Invalid prefix, allowed: up to %d characters",
                           SECTOR_STORE_KEY_MAX);
    }

    rc = ngx_http_sector_cache_entries_zone(r, &zone);

    if (rc != NGX_OK) {
        return ngx_http_sector_cache_entries_no_zone(r, rc);
    }

    ctx.zone = zone;
    ctx.entries = ngx_palloc(r->pool,
                             ctx.limit * sizeof(sector_compose_entry_t));
    if (ctx.entries == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cursor = start;

    if (ngx_http_sector_cache_entries_walk(&ctx, &cursor)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_qsort(ctx.entries, ctx.n, sizeof(sector_compose_entry_t),
              ngx_http_sector_cache_entries_compare);

    len = 0;
    text = sector_compose_entries((char *) zone->name.data, ctx.entries, ctx.n,
                                  cursor, &len);

    return ngx_http_sector_cache_send_text(r, NGX_HTTP_OK, NULL, text, len);
}


/* Goes on from a cursor to the next one, which is 0 at the end. */

static ngx_int_t
ngx_http_sector_cache_entries_walk(ngx_http_sector_cache_entries_t *ctx,
    uint64_t *cursor)
{
    uint64_t    bucket, next;
    ngx_uint_t  i;

    bucket = *cursor >> NGX_HTTP_SECTOR_CACHE_ENTRIES_SKIP;
    ctx->skip = *cursor & ((1 << NGX_HTTP_SECTOR_CACHE_ENTRIES_SKIP) - 1);

    for (i = 0; i < NGX_HTTP_SECTOR_CACHE_ENTRIES_STEPS; i++) {
        ctx->seen = 0;

        next = sector_store_each(&ctx->zone->store, bucket,
                                 ngx_http_sector_cache_now(),
                                 ngx_http_sector_cache_entries_add, ctx);
        if (ctx->failed) {
            return NGX_ERROR;
        }

        if (ctx->more) {
            *cursor = bucket << NGX_HTTP_SECTOR_CACHE_ENTRIES_SKIP | ctx->seen;
            return NGX_OK;
        }

        bucket = next;
        ctx->skip = 0;

        if (bucket == 0) {
            break;
        }
    }

    *cursor = bucket << NGX_HTTP_SECTOR_CACHE_ENTRIES_SKIP;

    return NGX_OK;
}


static void
ngx_http_sector_cache_entries_add(void *data, const void *key, size_t key_len,
    const sector_store_view_t *view)
{
    ngx_http_sector_cache_entries_t *ctx = data;

    u_char                  *p;
    int64_t                  ttl_s;
    sector_store_view_t      judged;
    sector_compose_entry_t  *e;

    judged = *view;

    if (ctx->more || ctx->failed || key_len < ctx->prefix.len
        || ngx_memcmp(key, ctx->prefix.data, ctx->prefix.len) != 0
        || !ngx_http_sector_cache_entry_served(ctx->zone, &judged))
    {
        return;
    }

    if (ctx->seen < ctx->skip) {
        ctx->seen++;
        return;
    }

    if (ctx->n == ctx->limit) {
        ctx->more = 1;
        return;
    }

    p = ngx_pnalloc(ctx->pool, key_len);
    if (p == NULL) {
        ctx->failed = 1;
        return;
    }

    ctx->seen++;
    e = &ctx->entries[ctx->n++];

    ngx_memcpy(p, key, key_len);
    e->key = (char *) p;
    e->key_len = key_len;
    e->state = ngx_http_sector_cache_entries_state(&judged);
    e->bytes = view->value_bytes;
    e->hits = view->hits;

    ngx_http_sector_cache_times(&judged, &e->age_s, &ttl_s);
    e->ttl_s = (uint64_t) ngx_max(ttl_s, 0);
}


const char *
ngx_http_sector_cache_entries_state(const sector_store_view_t *view)
{
    if (view->negative) {
        return "negative";
    }

    if (view->now_ms < view->fresh_until_ms) {
        return "fresh";
    }

    return view->now_ms < view->refresh_until_ms ? "refresh" : "stale";
}


static int ngx_libc_cdecl
ngx_http_sector_cache_entries_compare(const void *one, const void *two)
{
    const sector_compose_entry_t *a = one;
    const sector_compose_entry_t *b = two;

    ngx_int_t  rc;

    rc = ngx_memcmp(a->key, b->key, ngx_min(a->key_len, b->key_len));

    return rc ? (int) rc : a->key_len < b->key_len ? -1
                         : a->key_len > b->key_len;
}


ngx_int_t
ngx_http_sector_cache_entries_zone(ngx_http_request_t *r,
    ngx_http_sector_cache_zone_t **zone)
{
    ngx_str_t                           name;
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_sector_cache_module);

    if (ngx_http_sector_cache_query(r, "namespace", &name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (name.len == 0) {

        if (mcf->sectors) {
            *zone = mcf->sectors;
            return NGX_OK;
        }

        ngx_str_set(&name, "sectors");
    }

    *zone = ngx_http_sector_cache_find_zone(mcf, &name);

    return *zone ? NGX_OK : NGX_DECLINED;
}


/* What was asked for is not said again: it need not be text. */

ngx_int_t
ngx_http_sector_cache_entries_no_zone(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_sector_cache_error_t  error;

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.status = NGX_HTTP_NOT_FOUND;
    error.code = "NOT_FOUND";
    error.text = "No such namespace: no sector_cache_zone has this name";

    return ngx_http_sector_cache_send_error(r, &error);
}
