/*
 * A whole snapshot and a partial one are kept under two keys, so that a
 * partial one never takes the place of a whole one that is stale: when neither
 * is fresh and the market cannot be had, the stale whole one is served.
 */

#include "ngx_http_sector_cache_sampler.h"
#include "ngx_http_sector_cache_snapshot.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_shm.h"


static ngx_uint_t ngx_http_sector_cache_snapshot_missed(
    ngx_http_sector_cache_client_t *client);
static ngx_int_t ngx_http_sector_cache_snapshot_memory(
    ngx_http_sector_cache_client_t *client, ngx_str_t *key);
static ngx_int_t ngx_http_sector_cache_snapshot_found(
    ngx_http_sector_cache_client_t *client, sector_store_view_t *view,
    sector_entry_t *entry, ngx_http_sector_cache_outcome_e outcome,
    const ngx_http_sector_cache_snapshot_t *failed);
static ngx_int_t ngx_http_sector_cache_snapshot_found_stale(
    ngx_http_sector_cache_client_t *client, sector_store_view_t *view,
    sector_entry_t *entry, ngx_http_sector_cache_head_t *head,
    sector_compose_meta_t *meta);
static ngx_int_t ngx_http_sector_cache_snapshot_past(
    ngx_http_sector_cache_client_t *client, int64_t stored_wall_ms,
    uint64_t own_s, ngx_uint_t all, ngx_http_sector_cache_stale_t *stale);
static ngx_uint_t ngx_http_sector_cache_snapshot_past_one(
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key, int64_t ago_ms,
    uint64_t *age_s);
static void ngx_http_sector_cache_snapshot_shadow(
    ngx_http_sector_cache_client_t *client);
static void ngx_http_sector_cache_snapshot_shadow_failed(
    ngx_http_sector_cache_client_t *client);
static ngx_int_t ngx_http_sector_cache_snapshot_fetch(
    ngx_http_sector_cache_client_t *client);
static void ngx_http_sector_cache_snapshot_resume(void *data,
    const ngx_http_sector_cache_snapshot_t *snapshot);
static ngx_int_t ngx_http_sector_cache_snapshot_answer(
    ngx_http_sector_cache_client_t *client,
    const ngx_http_sector_cache_snapshot_t *snapshot);
static ngx_int_t ngx_http_sector_cache_snapshot_send(
    ngx_http_sector_cache_client_t *client,
    const ngx_http_sector_cache_snapshot_t *snapshot);
static ngx_int_t ngx_http_sector_cache_snapshot_stale(
    ngx_http_sector_cache_client_t *client,
    const ngx_http_sector_cache_snapshot_t *failed);
static void ngx_http_sector_cache_snapshot_forwarded(
    const ngx_http_sector_cache_snapshot_t *failed,
    ngx_http_sector_cache_head_t *head);
static ngx_int_t ngx_http_sector_cache_snapshot_error(
    ngx_http_sector_cache_client_t *client,
    const ngx_http_sector_cache_snapshot_t *snapshot);
static void ngx_http_sector_cache_snapshot_settle(
    ngx_http_sector_cache_client_t *client);


ngx_int_t
ngx_http_sector_cache_snapshot_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    ngx_int_t                         rc;
    ngx_http_sector_cache_mode_t      mode;
    ngx_http_sector_cache_client_t   *client;

    if (ngx_http_sector_cache_client_mode(r, lcf, &mode) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    client = ngx_http_sector_cache_client_create(r, lcf, &mode);
    if (client == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    client->outcome = NGX_HTTP_SECTOR_CACHE_MISS;
    client->uncounted = (lcf->snapshots != NULL);

    if (mode.flag == NGX_HTTP_SECTOR_CACHE_OFF) {
        client->outcome = NGX_HTTP_SECTOR_CACHE_DISABLED;

    } else if (mode.bypass) {
        client->outcome = NGX_HTTP_SECTOR_CACHE_BYPASS;

    } else if (lcf->snapshots) {
        rc = ngx_http_sector_cache_snapshot_memory(client, &lcf->snapshot);

        if (rc == NGX_DECLINED
            && ngx_http_sector_cache_snapshot_missed(client))
        {
            rc = ngx_http_sector_cache_snapshot_memory(client, &lcf->partial);
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }

        if (ngx_http_sector_cache_snapshot_missed(client)) {
            sector_store_note_miss(&lcf->snapshots->store, lcf->snapshot.data,
                                   lcf->snapshot.len);
        }
    }

    client->counted_as = client->outcome;

    if (mode.flag == NGX_HTTP_SECTOR_CACHE_SHADOW) {
        ngx_http_sector_cache_snapshot_shadow(client);
    }

    return ngx_http_sector_cache_snapshot_fetch(client);
}


/* Whether memory has nothing to be sent at once: in shadow it may have, and is
 * not used. */

static ngx_uint_t
ngx_http_sector_cache_snapshot_missed(ngx_http_sector_cache_client_t *client)
{
    return client->outcome == NGX_HTTP_SECTOR_CACHE_MISS
           || client->outcome == NGX_HTTP_SECTOR_CACHE_EXPIRED;
}


/* Answers from memory; NGX_DECLINED if that has nothing to be sent at once, or
 * may not be used for it. */

static ngx_int_t
ngx_http_sector_cache_snapshot_memory(ngx_http_sector_cache_client_t *client,
    ngx_str_t *key)
{
    sector_entry_t                    entry;
    sector_store_view_t               view;
    sector_store_state_e              state;
    ngx_http_sector_cache_zone_t     *zone;
    ngx_http_sector_cache_outcome_e   outcome;

    zone = client->conf->snapshots;

    state = ngx_http_sector_cache_entry_read(zone, key, &view, &entry);

    if (state == SECTOR_STORE_NONE) {
        return NGX_DECLINED;
    }

    if (state == SECTOR_STORE_STALE || view.negative) {
        client->outcome = NGX_HTTP_SECTOR_CACHE_EXPIRED;
        sector_store_read_end(&zone->store);
        return NGX_DECLINED;
    }

    outcome = (state == SECTOR_STORE_FRESH) ? NGX_HTTP_SECTOR_CACHE_HIT
                                            : NGX_HTTP_SECTOR_CACHE_UPDATING;

    if (client->mode.flag == NGX_HTTP_SECTOR_CACHE_SHADOW) {
        client->outcome = outcome;
        client->shadow_etag = entry.etag;
        sector_store_read_end(&zone->store);
        return NGX_DECLINED;
    }

    sector_store_note_hit(&zone->store, &view);

    return ngx_http_sector_cache_snapshot_found(client, &view, &entry,
                                                outcome, NULL);
}


/* Sends what a read has found, and ends the read.  failed is what else was
 * tried, or NULL. */

static ngx_int_t
ngx_http_sector_cache_snapshot_found(ngx_http_sector_cache_client_t *client,
    sector_store_view_t *view, sector_entry_t *entry,
    ngx_http_sector_cache_outcome_e outcome,
    const ngx_http_sector_cache_snapshot_t *failed)
{
    int64_t                        ttl_s;
    uint64_t                       age_s;
    ngx_int_t                      rc;
    ngx_buf_t                     *b;
    sector_gzip_piece_t            pieces[3];
    sector_compose_meta_t          meta;
    ngx_http_sector_cache_head_t   head;

    ngx_http_sector_cache_times(view, &age_s, &ttl_s);
    ngx_http_sector_cache_client_describe(&client->info, outcome, entry,
                                          age_s, ttl_s, &head, &meta);
    head.swr_ms = ngx_http_sector_cache_swr_ms(view);

    if (failed) {
        ngx_http_sector_cache_snapshot_forwarded(failed, &head);
    }

    client->outcome = outcome;
    client->counted_as = outcome;
    ngx_http_sector_cache_snapshot_settle(client);

    if (outcome == NGX_HTTP_SECTOR_CACHE_STALE
        || (entry->flags & SECTOR_ENTRY_STALE))
    {
        return ngx_http_sector_cache_snapshot_found_stale(client, view, entry,
                                                          &head, &meta);
    }

    ngx_http_sector_cache_client_piece(&pieces[1], entry);

    b = ngx_http_sector_cache_client_body(client->request, &head, &meta,
                                          pieces, 3, &rc);

    sector_store_read_end(&client->conf->snapshots->store);

    if (outcome == NGX_HTTP_SECTOR_CACHE_UPDATING) {
        (void) ngx_http_sector_cache_market_join(client->conf,
                        ngx_http_get_module_srv_conf(client->request,
                                                     ngx_http_core_module),
                        &client->mode, NULL);
    }

    return ngx_http_sector_cache_client_send_body(client->request, &head, b,
                                                  rc);
}


/* Names what is stale in it.  It is copied: the sectors, which tell, may be in
 * the same zone, of which one read at a time is open. */

static ngx_int_t
ngx_http_sector_cache_snapshot_found_stale(
    ngx_http_sector_cache_client_t *client, sector_store_view_t *view,
    sector_entry_t *entry, ngx_http_sector_cache_head_t *head,
    sector_compose_meta_t *meta)
{
    ngx_int_t                       rc;
    sector_entry_t                  copy;
    sector_gzip_piece_t             pieces[3];
    ngx_http_sector_cache_stale_t   stale;

    rc = ngx_http_sector_cache_entry_copy(client->request->pool, entry, &copy);

    sector_store_read_end(&client->conf->snapshots->store);

    if (rc != NGX_OK
        || ngx_http_sector_cache_snapshot_past(client, view->stored_wall_ms,
                              head->age_s,
                              client->outcome == NGX_HTTP_SECTOR_CACHE_STALE,
                              &stale)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_sector_cache_client_piece(&pieces[1], &copy);

    return ngx_http_sector_cache_client_send_stale(client->request, head, meta,
                                                   pieces, 3, &stale);
}


/*
 * The symbols of a stored snapshot that are past their time, as far as the
 * sectors' zone knows.  all: every one is; one that the zone does not have, or
 * has anew, is as old as the snapshot: own_s.
 */
static ngx_int_t
ngx_http_sector_cache_snapshot_past(ngx_http_sector_cache_client_t *client,
    int64_t stored_wall_ms, uint64_t own_s, ngx_uint_t all,
    ngx_http_sector_cache_stale_t *stale)
{
    int64_t                          ago_ms;
    uint64_t                         age_s;
    ngx_str_t                        key;
    ngx_uint_t                       i, n, past;
    sector_compose_stale_t          *one;
    ngx_http_sector_cache_symbol_t  *s;

    n = client->conf->symbols->nelts;
    s = client->conf->symbols->elts;
    ago_ms = ngx_http_sector_cache_wall_ms() - stored_wall_ms;

    stale->n = 0;
    stale->elts = ngx_palloc(client->request->pool,
                             n * sizeof(sector_compose_stale_t));
    if (stale->elts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        key.data = (u_char *) s[i].symbol;
        key.len = s[i].symbol_len;

        past = ngx_http_sector_cache_snapshot_past_one(client->conf->sectors,
                                                       &key, ago_ms, &age_s);
        if (past || all) {
            one = &stale->elts[stale->n++];
            one->symbol = s[i].symbol;
            one->symbol_len = s[i].symbol_len;
            one->age_s = all ? ngx_max(age_s, own_s) : age_s;
        }
    }

    return NGX_OK;
}


/* Whether a sector is stale, and was when the snapshot was stored: one that
 * became so later is no worse than the snapshot itself.  *age_s is 0 where the
 * zone has none. */

static ngx_uint_t
ngx_http_sector_cache_snapshot_past_one(ngx_http_sector_cache_zone_t *zone,
    ngx_str_t *key, int64_t ago_ms, uint64_t *age_s)
{
    int64_t                ttl_s;
    ngx_uint_t             past;
    sector_entry_t         entry;
    sector_store_view_t    view;
    sector_store_state_e   state;

    *age_s = 0;

    state = ngx_http_sector_cache_entry_read(zone, key, &view, &entry);

    if (state == SECTOR_STORE_NONE) {
        return 0;
    }

    past = (state == SECTOR_STORE_STALE
            && (int64_t) (view.now_ms - view.refresh_until_ms) >= ago_ms);

    if (!view.negative) {
        ngx_http_sector_cache_times(&view, age_s, &ttl_s);
    }

    sector_store_read_end(&zone->store);

    return past;
}


/* Counts as if the cache were on, and answers as if it were off: what would be
 * a hit stores nothing, and is compared. */

static void
ngx_http_sector_cache_snapshot_shadow(ngx_http_sector_cache_client_t *client)
{
    if (client->outcome == NGX_HTTP_SECTOR_CACHE_HIT) {
        client->mode.flag = NGX_HTTP_SECTOR_CACHE_OFF;
        client->shadow = 1;
    }

    client->outcome = NGX_HTTP_SECTOR_CACHE_DISABLED;
}


/* What memory has would have been answered in place of an error. */

static void
ngx_http_sector_cache_snapshot_shadow_failed(
    ngx_http_sector_cache_client_t *client)
{
    sector_entry_t                 entry;
    sector_store_view_t            view;
    ngx_http_sector_cache_zone_t  *zone;

    zone = client->conf->snapshots;

    if (client->counted_as == NGX_HTTP_SECTOR_CACHE_EXPIRED
        && ngx_http_sector_cache_entry_read(zone, &client->conf->snapshot,
                                            &view, &entry)
           != SECTOR_STORE_NONE)
    {
        client->counted_as = NGX_HTTP_SECTOR_CACHE_STALE;
        sector_store_read_end(&zone->store);
    }
}


static ngx_int_t
ngx_http_sector_cache_snapshot_fetch(ngx_http_sector_cache_client_t *client)
{
    client->waiter.handler = ngx_http_sector_cache_snapshot_resume;
    client->waiter.data = client;

    if (ngx_http_sector_cache_market_join(client->conf,
                        ngx_http_get_module_srv_conf(client->request,
                                                     ngx_http_core_module),
                        &client->mode, &client->waiter)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_sector_cache_client_wait(client->request);
}


static void
ngx_http_sector_cache_snapshot_resume(void *data,
    const ngx_http_sector_cache_snapshot_t *snapshot)
{
    ngx_int_t                        rc;
    ngx_connection_t                *c;
    ngx_http_request_t              *r;
    ngx_http_sector_cache_client_t  *client;

    client = data;
    r = client->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    client->info.has_fetch = snapshot->called;
    client->info.fetch_ms = snapshot->elapsed_ms;

    rc = ngx_http_sector_cache_snapshot_answer(client, snapshot);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_sector_cache_snapshot_answer(ngx_http_sector_cache_client_t *client,
    const ngx_http_sector_cache_snapshot_t *snapshot)
{
    ngx_int_t  rc;

    if (client->mode.flag == NGX_HTTP_SECTOR_CACHE_ON && !client->mode.bypass
        && (snapshot->error || snapshot->stale))
    {
        rc = ngx_http_sector_cache_snapshot_stale(client, snapshot);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (snapshot->error) {

        if (client->mode.flag == NGX_HTTP_SECTOR_CACHE_SHADOW) {
            ngx_http_sector_cache_snapshot_shadow_failed(client);
        }

        return ngx_http_sector_cache_snapshot_error(client, snapshot);
    }

    if (client->mode.flag == NGX_HTTP_SECTOR_CACHE_ON && !client->mode.bypass)
    {
        if (snapshot->stale) {
            client->outcome = NGX_HTTP_SECTOR_CACHE_STALE;

        } else if (!snapshot->called && snapshot->memory) {
            client->outcome = NGX_HTTP_SECTOR_CACHE_HIT;
        }

        client->counted_as = client->outcome;
    }

    if (client->shadow && snapshot->entry.etag != client->shadow_etag) {
        sector_store_count(&client->conf->snapshots->store,
                           SECTOR_STAT_SHADOW_DIFFERS);
    }

    ngx_http_sector_cache_snapshot_settle(client);

    return ngx_http_sector_cache_snapshot_send(client, snapshot);
}


static ngx_int_t
ngx_http_sector_cache_snapshot_send(ngx_http_sector_cache_client_t *client,
    const ngx_http_sector_cache_snapshot_t *snapshot)
{
    ngx_int_t                         rc;
    sector_gzip_piece_t               pieces[3];
    sector_compose_meta_t             meta;
    ngx_http_sector_cache_head_t      head;
    ngx_http_sector_cache_stale_t     stale;

    ngx_http_sector_cache_client_describe(&client->info, client->outcome,
                                          &snapshot->entry, snapshot->age_s,
                                          (int64_t) snapshot->ttl_s, &head,
                                          &meta);
    head.swr_ms = snapshot->swr_ms;

    if (client->outcome == NGX_HTTP_SECTOR_CACHE_DISABLED) {
        head.detail = "DISABLED";
    }

    head.stored = snapshot->stored && !head.ttl;

    ngx_http_sector_cache_client_piece(&pieces[1], &snapshot->entry);

    stale.n = 0;
    rc = NGX_OK;

    if (snapshot->entry.flags & SECTOR_ENTRY_STALE) {
        rc = snapshot->memory
             ? ngx_http_sector_cache_snapshot_past(client,
                                              snapshot->stored_wall_ms, 0, 0,
                                              &stale)
             : ngx_http_sector_cache_client_stale(client->request->pool,
                                                  snapshot->gather, &stale);
    }

    return rc == NGX_OK
           ? ngx_http_sector_cache_client_send_stale(client->request, &head,
                                                     &meta, pieces, 3, &stale)
           : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* The whole snapshot that is stored, stale or not; NGX_DECLINED if none is, or
 * if what was composed of stale sectors is whole and newer. */

static ngx_int_t
ngx_http_sector_cache_snapshot_stale(ngx_http_sector_cache_client_t *client,
    const ngx_http_sector_cache_snapshot_t *failed)
{
    int64_t                ttl_s;
    uint64_t               age_s;
    sector_entry_t         entry;
    sector_store_view_t    view;
    sector_store_state_e   state;

    if (client->conf->snapshots == NULL) {
        return NGX_DECLINED;
    }

    state = ngx_http_sector_cache_entry_read(client->conf->snapshots,
                                             &client->conf->snapshot, &view,
                                             &entry);
    if (state == SECTOR_STORE_NONE) {
        return NGX_DECLINED;
    }

    /* stale sectors, if none lacks, may be newer than what was made of older
     * ones */

    ngx_http_sector_cache_times(&view, &age_s, &ttl_s);

    if (failed->error == NULL && failed->age_s < age_s
        && !(failed->entry.flags & SECTOR_ENTRY_PARTIAL))
    {
        sector_store_read_end(&client->conf->snapshots->store);
        return NGX_DECLINED;
    }

    if (state != SECTOR_STORE_FRESH) {
        ngx_http_sector_cache_sampler_stale();
    }

    return ngx_http_sector_cache_snapshot_found(client, &view, &entry,
                                             state == SECTOR_STORE_FRESH
                                             ? NGX_HTTP_SECTOR_CACHE_HIT
                                             : NGX_HTTP_SECTOR_CACHE_STALE,
                                             failed);
}


/* What Cache-Status says of a snapshot from memory after all was tried. */

static void
ngx_http_sector_cache_snapshot_forwarded(
    const ngx_http_sector_cache_snapshot_t *failed,
    ngx_http_sector_cache_head_t *head)
{
    ngx_http_sector_cache_error_t  error;

    head->detail = "STALE";

    if (failed->error) {
        ngx_http_sector_cache_client_error(failed->error, &error);
        head->detail = error.code;
    }

    if (failed->called) {
        head->cache = "fwd=stale";
        head->fwd_status = failed->error
                           ? (unsigned) failed->error->upstream_status : 0;
    }
}


static ngx_int_t
ngx_http_sector_cache_snapshot_error(ngx_http_sector_cache_client_t *client,
    const ngx_http_sector_cache_snapshot_t *snapshot)
{
    ngx_http_sector_cache_error_t  error;

    ngx_http_sector_cache_snapshot_settle(client);

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    ngx_http_sector_cache_client_error(snapshot->error, &error);

    error.source = (char *) client->conf->fetch->source->name.data;
    error.head.cache = ngx_http_sector_cache_outcomes[client->outcome].header;

    if (snapshot->called) {
        error.head.fwd_status =
                                (unsigned) snapshot->error->upstream_status;
    }

    /* that all of its symbols are unknown is no "not found" of the market */

    if (snapshot->error->result == NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND) {
        error.status = NGX_HTTP_SERVICE_UNAVAILABLE;
        error.code = "NO_DATA";
        error.text = "No sector could be had";
        error.retry_after_s = 1;
    }

    return ngx_http_sector_cache_send_error(client->request, &error);
}


static void
ngx_http_sector_cache_snapshot_settle(ngx_http_sector_cache_client_t *client)
{
    client->info.status =
                  ngx_http_sector_cache_outcomes[client->outcome].variable;

    if (client->uncounted) {
        client->uncounted = 0;
        ngx_http_sector_cache_count(client->conf->snapshots,
                                    client->counted_as);
    }
}
