/*
 * A composition belongs to no client, as a fetch does not: it has a pool of
 * its own, and who leaves ends nothing.  It begins from a posted event, so
 * that nobody who asks is on the stack when it ends.
 *
 * One is under way at a worker for all who ask there.  Over workers the
 * sectors' fetches are one flight each; who is done with them first stores the
 * snapshot, and the others find it and answer with that.  So the upstream is
 * asked once for each sector, and everybody has the same snapshot.
 *
 * What is stored is what is worth it: a snapshot with every sector for its
 * ttl; one that lacks some, or has stale ones, for a few seconds and under a
 * key of its own, so that a whole one is kept beside it; one of stale sectors
 * alone, or that lacks what another process may well have, as when this one
 * ends, not at all.
 *
 * The ETag is that of what is in it, without the time of its composition: a
 * client that has these prices has this snapshot.
 */

#include "ngx_http_sector_cache_market.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_shm.h"
#include "sector_compose_market.h"

#include <ngx_md5.h>


struct ngx_http_sector_cache_market_s {
    ngx_queue_t                         queue;      /* of all that are under
                                                       way */
    ngx_pool_t                         *pool;
    ngx_queue_t                         waiters;
    ngx_http_sector_cache_loc_conf_t   *conf;
    ngx_http_sector_cache_mode_t        mode;
    ngx_http_sector_cache_gather_t     *gather;
    ngx_event_t                         start;      /* posted */
    ngx_msec_t                          started_ms;
    ngx_http_sector_cache_snapshot_t    snapshot;
    uint32_t                            flags;      /* of its entry */
    unsigned                            shared:1;   /* others may join */
    unsigned                            aborted:1;  /* a fetch was, for a
                                                       reason of our own */
};


static ngx_http_sector_cache_market_t *ngx_http_sector_cache_market_find(
    ngx_http_sector_cache_loc_conf_t *conf,
    ngx_http_sector_cache_mode_t *mode);
static ngx_http_sector_cache_market_t *ngx_http_sector_cache_market_create(
    ngx_http_sector_cache_loc_conf_t *conf, ngx_http_core_srv_conf_t *server,
    ngx_http_sector_cache_mode_t *mode);
static void ngx_http_sector_cache_market_start(ngx_event_t *ev);
static void ngx_http_sector_cache_market_gathered(
    ngx_http_sector_cache_gather_t *g);
static void ngx_http_sector_cache_market_compose(
    ngx_http_sector_cache_market_t *m);
static ngx_int_t ngx_http_sector_cache_market_survey(
    ngx_http_sector_cache_market_t *m, ngx_uint_t *whole);
static ngx_int_t ngx_http_sector_cache_market_memory(
    ngx_http_sector_cache_market_t *m, ngx_str_t *key);
static ngx_int_t ngx_http_sector_cache_market_entry(
    ngx_http_sector_cache_market_t *m, ngx_uint_t whole);
static uint64_t ngx_http_sector_cache_market_etag(
    ngx_http_sector_cache_market_t *m);
static void ngx_http_sector_cache_market_store(
    ngx_http_sector_cache_market_t *m, ngx_uint_t whole);
static void ngx_http_sector_cache_market_deliver(
    ngx_http_sector_cache_market_t *m);


static ngx_queue_t  ngx_http_sector_cache_markets;

static const ngx_http_sector_cache_answer_t
    ngx_http_sector_cache_market_no_memory =
{
    .result = NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
    .reason = ngx_string("No memory for a snapshot")
};


void
ngx_http_sector_cache_market_init(void)
{
    ngx_queue_init(&ngx_http_sector_cache_markets);
}


ngx_int_t
ngx_http_sector_cache_market_join(ngx_http_sector_cache_loc_conf_t *conf,
    ngx_http_core_srv_conf_t *server, ngx_http_sector_cache_mode_t *mode,
    ngx_http_sector_cache_market_waiter_t *waiter)
{
    ngx_http_sector_cache_market_t  *m;

    m = ngx_http_sector_cache_market_find(conf, mode);

    if (m == NULL) {
        m = ngx_http_sector_cache_market_create(conf, server, mode);
        if (m == NULL) {
            return NGX_ERROR;
        }
    }

    if (waiter) {
        waiter->market = m;
        ngx_queue_insert_tail(&m->waiters, &waiter->queue);
    }

    return NGX_OK;
}


void
ngx_http_sector_cache_market_leave(
    ngx_http_sector_cache_market_waiter_t *waiter)
{
    if (waiter->market) {
        waiter->market = NULL;
        ngx_queue_remove(&waiter->queue);
    }
}


/* With the cache off each client has one of its own, as with sectors. */

static ngx_http_sector_cache_market_t *
ngx_http_sector_cache_market_find(ngx_http_sector_cache_loc_conf_t *conf,
    ngx_http_sector_cache_mode_t *mode)
{
    ngx_queue_t                     *q;
    ngx_http_sector_cache_market_t  *m;

    for (q = ngx_queue_head(&ngx_http_sector_cache_markets);
         q != ngx_queue_sentinel(&ngx_http_sector_cache_markets);
         q = ngx_queue_next(q))
    {
        m = ngx_queue_data(q, ngx_http_sector_cache_market_t, queue);

        if (m->shared && m->conf == conf && m->mode.flag == mode->flag
            && m->mode.bypass == mode->bypass)
        {
            return m;
        }
    }

    return NULL;
}


static ngx_http_sector_cache_market_t *
ngx_http_sector_cache_market_create(ngx_http_sector_cache_loc_conf_t *conf,
    ngx_http_core_srv_conf_t *server, ngx_http_sector_cache_mode_t *mode)
{
    ngx_uint_t                       i;
    ngx_pool_t                      *pool;
    ngx_http_sector_cache_symbol_t  *s;
    ngx_http_sector_cache_market_t  *m;
    ngx_http_sector_cache_gather_t  *g;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    m = ngx_pcalloc(pool, sizeof(ngx_http_sector_cache_market_t));
    g = ngx_http_sector_cache_gather_create(pool, conf, server,
                                            conf->symbols->nelts);
    if (m == NULL || g == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    m->pool = pool;
    m->conf = conf;
    m->mode = *mode;
    m->gather = g;
    m->snapshot.gather = g;
    m->shared = (mode->flag == NGX_HTTP_SECTOR_CACHE_ON);
    m->started_ms = ngx_current_msec;
    ngx_queue_init(&m->waiters);

    g->mode = *mode;
    g->handler = ngx_http_sector_cache_market_gathered;
    g->data = m;
    g->quiet = 1;

    s = conf->symbols->elts;

    for (i = 0; i < conf->symbols->nelts; i++) {
        g->parts[i].symbol.data = (u_char *) s[i].symbol;
        g->parts[i].symbol.len = s[i].symbol_len;
    }

    m->start.handler = ngx_http_sector_cache_market_start;
    m->start.data = m;
    m->start.log = ngx_cycle->log;

    ngx_queue_insert_tail(&ngx_http_sector_cache_markets, &m->queue);
    ngx_post_event(&m->start, &ngx_posted_events);

    return m;
}


static void
ngx_http_sector_cache_market_start(ngx_event_t *ev)
{
    ngx_http_sector_cache_market_t  *m;

    m = ev->data;

    switch (ngx_http_sector_cache_gather_start(m->gather)) {

    case NGX_OK:
        ngx_http_sector_cache_market_gathered(m->gather);
        return;

    case NGX_AGAIN:
        return;

    default: /* NGX_ERROR */
        m->snapshot.error = &ngx_http_sector_cache_market_no_memory;
        ngx_http_sector_cache_market_deliver(m);
    }
}


static void
ngx_http_sector_cache_market_gathered(ngx_http_sector_cache_gather_t *g)
{
    ngx_http_sector_cache_market_t  *m;

    m = g->data;

    ngx_http_sector_cache_market_compose(m);
    ngx_http_sector_cache_market_deliver(m);
}


static void
ngx_http_sector_cache_market_compose(ngx_http_sector_cache_market_t *m)
{
    ngx_uint_t                         whole;
    ngx_http_sector_cache_snapshot_t  *snapshot;

    snapshot = &m->snapshot;

    if (ngx_http_sector_cache_market_survey(m, &whole) != NGX_OK) {
        return;
    }

    if (ngx_http_sector_cache_market_memory(m, whole ? &m->conf->snapshot
                                                     : &m->conf->partial)
        == NGX_OK)
    {
        return;
    }

    if (ngx_http_sector_cache_market_entry(m, whole) != NGX_OK) {
        snapshot->error = &ngx_http_sector_cache_market_no_memory;
        return;
    }

    ngx_http_sector_cache_market_store(m, whole);
}


/*
 * What is there to compose: NGX_DECLINED if nothing but a benchmark, and then
 * the first error other than "no such symbol" is the snapshot's.  *whole says
 * that nothing lacks and nothing is stale.
 */
static ngx_int_t
ngx_http_sector_cache_market_survey(ngx_http_sector_cache_market_t *m,
    ngx_uint_t *whole)
{
    ngx_uint_t                         i, found, stale, lacks;
    ngx_http_sector_cache_part_t      *part;
    ngx_http_sector_cache_symbol_t    *s;
    ngx_http_sector_cache_snapshot_t  *snapshot;

    snapshot = &m->snapshot;
    s = m->conf->symbols->elts;
    found = 0;
    stale = 0;
    lacks = 0;

    for (i = 0; i < m->gather->n; i++) {
        part = &m->gather->parts[i];

        snapshot->called |= part->called;
        m->aborted |= (part->answer.result
                       == NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED);

        if (!part->found) {
            if (snapshot->error == NULL
                || snapshot->error->result
                   == NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND)
            {
                snapshot->error = &part->answer;
            }

            lacks++;
            continue;
        }

        found += !s[i].benchmark;
        stale += (part->outcome == NGX_HTTP_SECTOR_CACHE_STALE);
        snapshot->age_s = ngx_max(snapshot->age_s, part->age_s);
    }

    m->flags = (lacks ? SECTOR_ENTRY_PARTIAL : 0)
               | (stale ? SECTOR_ENTRY_STALE : 0);

    *whole = (lacks == 0 && stale == 0);

    if (found == 0 && lacks) {
        return NGX_DECLINED;
    }

    snapshot->error = NULL;
    snapshot->stale = (stale == m->gather->n - lacks);

    return NGX_OK;
}


/* Another worker may have composed it from the same sectors meanwhile: before
 * we composed ours, or before we stored it. */

static ngx_int_t
ngx_http_sector_cache_market_memory(ngx_http_sector_cache_market_t *m,
    ngx_str_t *key)
{
    int64_t                 ttl_s;
    ngx_int_t               rc;
    sector_entry_t          entry;
    sector_store_view_t     view;
    sector_store_state_e    state;
    ngx_http_sector_cache_snapshot_t  *snapshot;

    snapshot = &m->snapshot;

    if (m->conf->snapshots == NULL
        || m->mode.flag != NGX_HTTP_SECTOR_CACHE_ON || m->mode.bypass)
    {
        return NGX_DECLINED;
    }

    state = ngx_http_sector_cache_entry_read(m->conf->snapshots, key, &view,
                                             &entry);
    if (state == SECTOR_STORE_NONE) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (state == SECTOR_STORE_FRESH
        && ngx_http_sector_cache_entry_copy(m->pool, &entry, &snapshot->entry)
           == NGX_OK)
    {
        ngx_http_sector_cache_times(&view, &snapshot->age_s, &ttl_s);
        snapshot->stored_wall_ms = view.stored_wall_ms;
        snapshot->ttl_s = (uint64_t) ngx_max(ttl_s, 0);
        snapshot->swr_ms = ngx_http_sector_cache_swr_ms(&view);
        snapshot->stored = 1;
        snapshot->stale = 0;
        snapshot->memory = 1;
        rc = NGX_OK;
    }

    sector_store_read_end(&m->conf->snapshots->store);

    return rc;
}


static ngx_int_t
ngx_http_sector_cache_market_entry(ngx_http_sector_cache_market_t *m,
    ngx_uint_t whole)
{
    char                            *text;
    size_t                           len;
    ngx_int_t                        rc;
    ngx_str_t                        data;
    ngx_uint_t                       i, n;
    sector_entry_t                  *entry;
    sector_compose_part_t           *parts;
    ngx_http_sector_cache_part_t    *part;
    ngx_http_sector_cache_zone_t    *zone;
    ngx_http_sector_cache_symbol_t  *s;

    n = m->gather->n;
    s = m->conf->symbols->elts;
    entry = &m->snapshot.entry;

    parts = ngx_pcalloc(m->pool, n * sizeof(sector_compose_part_t));
    if (parts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        part = &m->gather->parts[i];

        parts[i].symbol = s[i].symbol;
        parts[i].name = (char *) s[i].name.data;
        parts[i].benchmark = s[i].benchmark;

        if (part->found) {
            parts[i].data = (char *) part->entry.data;
            parts[i].len = part->entry.data_len;
        }
    }

    text = sector_compose_snapshot(parts, n, ngx_http_sector_cache_wall_ms(),
                                   &len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    data.len = len;
    data.data = ngx_pnalloc(m->pool, len);

    if (data.data) {
        ngx_memcpy(data.data, text, len);
    }

    free(text);

    if (data.data == NULL) {
        return NGX_ERROR;
    }

    zone = m->conf->snapshots ? m->conf->snapshots : m->conf->sectors;

    rc = ngx_http_sector_cache_entry_make(m->pool, zone, &data, entry);

    entry->etag = ngx_http_sector_cache_market_etag(m);
    entry->flags = m->flags;

    return rc;
}


static uint64_t
ngx_http_sector_cache_market_etag(ngx_http_sector_cache_market_t *m)
{
    u_char                         hash[16];
    uint64_t                       etag;
    ngx_md5_t                      md5;
    ngx_uint_t                     i;
    ngx_http_sector_cache_part_t  *part;

    ngx_md5_init(&md5);

    for (i = 0; i < m->gather->n; i++) {
        part = &m->gather->parts[i];

        ngx_md5_update(&md5, part->symbol.data, part->symbol.len + 1);
        ngx_md5_update(&md5, &part->entry.etag, sizeof(part->entry.etag));
    }

    ngx_md5_final(hash, &md5);

    for (etag = 0, i = 0; i < sizeof(etag); i++) {
        etag = etag << 8 | hash[i];
    }

    return etag;
}


static void
ngx_http_sector_cache_market_store(ngx_http_sector_cache_market_t *m,
    ngx_uint_t whole)
{
    ngx_str_t                          *key;
    sector_entry_t                      entry;
    sector_store_view_t                 view;
    sector_store_state_e                state;
    ngx_http_sector_cache_zone_t       *zone;
    ngx_http_sector_cache_snapshot_t   *snapshot;
    ngx_http_sector_cache_entry_how_t   how;

    zone = m->conf->snapshots;
    snapshot = &m->snapshot;
    key = whole ? &m->conf->snapshot : &m->conf->partial;

    if (zone == NULL || m->mode.flag == NGX_HTTP_SECTOR_CACHE_OFF
        || snapshot->stale || m->aborted)
    {
        return;
    }

    ngx_memzero(&how, sizeof(ngx_http_sector_cache_entry_how_t));

    how.unless_fresh = !m->mode.bypass;
    how.age_ms = snapshot->age_s * 1000;

    if (!whole) {
        how.ttl_limit_ms = NGX_HTTP_SECTOR_CACHE_PARTIAL_MS;
        how.brief = 1;
    }

    switch (ngx_http_sector_cache_entry_put(zone, key, &snapshot->entry,
                                            &how))
    {
    case NGX_OK:
        break;

    case NGX_BUSY:
        (void) ngx_http_sector_cache_market_memory(m, key);
        return;

    default: /* NGX_DECLINED */
        return;
    }

    snapshot->stored = 1;

    state = ngx_http_sector_cache_entry_read(zone, key, &view, &entry);

    if (state == SECTOR_STORE_NONE) {
        return;
    }

    snapshot->swr_ms = ngx_http_sector_cache_swr_ms(&view);

    if (view.fresh_until_ms > view.now_ms) {
        snapshot->ttl_s = (uint64_t) ngx_http_sector_cache_left_s(
                             (int64_t) (view.fresh_until_ms - view.now_ms));
    }

    sector_store_read_end(&zone->store);
}


/* From here on, who asks begins a new one. */

static void
ngx_http_sector_cache_market_deliver(ngx_http_sector_cache_market_t *m)
{
    ngx_queue_t                            *q;
    ngx_http_sector_cache_market_waiter_t  *waiter;

    m->snapshot.elapsed_ms = ngx_current_msec - m->started_ms;

    ngx_queue_remove(&m->queue);

    while (!ngx_queue_empty(&m->waiters)) {
        q = ngx_queue_head(&m->waiters);
        waiter = ngx_queue_data(q, ngx_http_sector_cache_market_waiter_t,
                                queue);

        ngx_queue_remove(q);
        waiter->market = NULL;

        waiter->handler(waiter->data, &m->snapshot);
    }

    ngx_http_sector_cache_gather_end(m->gather);
    ngx_destroy_pool(m->pool);
}
