#include "ngx_http_sector_cache_client.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_headers.h"
#include "ngx_http_sector_cache_shm.h"


static void ngx_http_sector_cache_client_cleanup(void *data);


ngx_int_t
ngx_http_sector_cache_client_mode(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_sector_cache_mode_t *mode)
{
    ngx_int_t  flag, bypass;

    flag = ngx_http_sector_cache_enabled(r, lcf);
    if (flag == NGX_ERROR) {
        return NGX_ERROR;
    }

    mode->flag = flag;
    mode->bypass = 0;

    if (lcf->bypass && flag == NGX_HTTP_SECTOR_CACHE_ON) {
        bypass = ngx_http_test_predicates(r, lcf->bypass);

        if (bypass == NGX_ERROR) {
            return NGX_ERROR;
        }

        mode->bypass = (bypass == NGX_DECLINED);
    }

    return NGX_OK;
}


ngx_http_sector_cache_client_t *
ngx_http_sector_cache_client_create(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_sector_cache_mode_t *mode)
{
    ngx_http_cleanup_t              *cln;
    ngx_http_sector_cache_client_t  *client;

    client = ngx_pcalloc(r->pool, sizeof(ngx_http_sector_cache_client_t));
    if (client == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_sector_cache_client_cleanup;
    cln->data = client;

    client->request = r;
    client->conf = lcf;
    client->mode = *mode;
    client->info.source = lcf->fetch->source;

    ngx_http_set_ctx(r, client, ngx_http_sector_cache_module);

    return client;
}


static void
ngx_http_sector_cache_client_cleanup(void *data)
{
    ngx_http_sector_cache_client_t *client = data;

    ngx_http_sector_cache_outcome_e  outcome;

    outcome = client->outcome;

    if (client->gather) {
        ngx_http_sector_cache_gather_end(client->gather);
        outcome = client->gather->parts[0].outcome;
    }

    ngx_http_sector_cache_market_leave(&client->waiter);

    if (client->uncounted) {
        ngx_http_sector_cache_count(client->conf->snapshots,
                                    client->counted_as);
    }

    /* for the log, of a sector or a snapshot whose client has left */

    if (client->info.status.len == 0
        && (client->info.symbol.len || client->waiter.handler))
    {
        client->info.status = ngx_http_sector_cache_outcomes[outcome].variable;
    }
}


ngx_int_t
ngx_http_sector_cache_client_wait(ngx_http_request_t *r)
{
    if (r == r->main && !ngx_http_sector_cache_discards(r)) {
        if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        r->read_event_handler = ngx_http_test_reading;
    }

    r->write_event_handler = ngx_http_request_empty_handler;
    r->main->count++;

    return NGX_DONE;
}


ngx_int_t
ngx_http_sector_cache_client_gather(ngx_http_sector_cache_client_t *client,
    ngx_http_sector_cache_gather_pt handler,
    ngx_http_sector_cache_answer_pt answer)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = client->request;

    client->gather->mode = client->mode;
    client->gather->handler = handler;
    client->gather->data = client;

    rc = ngx_http_sector_cache_gather_start(client->gather);

    return rc == NGX_OK ? answer(client)
           : rc == NGX_AGAIN ? ngx_http_sector_cache_client_wait(r)
           : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


void
ngx_http_sector_cache_client_resume(ngx_http_sector_cache_client_t *client,
    ngx_http_sector_cache_answer_pt answer)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = client->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = answer(client);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_http_sector_cache_client_send(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_buf_t  *b;

    b = ngx_http_sector_cache_client_body(r, head, meta, pieces, n, &rc);

    return ngx_http_sector_cache_client_send_body(r, head, b, rc);
}


ngx_buf_t *
ngx_http_sector_cache_client_body(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n, ngx_int_t *rc)
{
    *rc = ngx_http_sector_cache_conditions(r, head);

    return *rc == NGX_OK ? ngx_http_sector_cache_body(r, head, meta, pieces, n)
                         : NULL;
}


ngx_int_t
ngx_http_sector_cache_client_send_body(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, ngx_buf_t *b, ngx_int_t rc)
{
    return rc == NGX_OK
           ? ngx_http_sector_cache_send(r, NGX_HTTP_OK, head, b)
           : ngx_http_sector_cache_send_condition(r, head, rc);
}


ngx_int_t
ngx_http_sector_cache_client_send_stale(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n,
    const ngx_http_sector_cache_stale_t *stale)
{
    ngx_int_t   rc;
    ngx_buf_t  *b;

    rc = ngx_http_sector_cache_conditions(r, head);

    b = rc == NGX_OK ? ngx_http_sector_cache_body_stale(r, head, meta, pieces,
                                                        n, stale)
                     : NULL;

    return ngx_http_sector_cache_client_send_body(r, head, b, rc);
}


ngx_int_t
ngx_http_sector_cache_client_stale(ngx_pool_t *pool,
    const ngx_http_sector_cache_gather_t *g,
    ngx_http_sector_cache_stale_t *stale)
{
    ngx_uint_t                           i;
    sector_compose_stale_t              *one;
    const ngx_http_sector_cache_part_t  *part;

    stale->n = 0;
    stale->elts = NULL;

    for (i = 0; i < g->n; i++) {
        part = &g->parts[i];

        if (!part->found || part->outcome != NGX_HTTP_SECTOR_CACHE_STALE) {
            continue;
        }

        if (stale->elts == NULL) {
            stale->elts = ngx_palloc(pool, (g->n - i)
                                           * sizeof(sector_compose_stale_t));
            if (stale->elts == NULL) {
                return NGX_ERROR;
            }
        }

        one = &stale->elts[stale->n++];
        one->symbol = (char *) part->symbol.data;
        one->symbol_len = part->symbol.len;
        one->age_s = part->age_s;
    }

    return NGX_OK;
}


void
ngx_http_sector_cache_client_describe(ngx_http_sector_cache_info_t *info,
    ngx_http_sector_cache_outcome_e outcome, const sector_entry_t *entry,
    uint64_t age_s, int64_t ttl_s, ngx_http_sector_cache_head_t *head,
    sector_compose_meta_t *meta)
{
    const ngx_http_sector_cache_outcome_t  *o;

    o = &ngx_http_sector_cache_outcomes[outcome];

    ngx_memzero(head, sizeof(ngx_http_sector_cache_head_t));

    head->cache = o->header;
    head->etag = entry->etag;
    head->modified_s = (entry->flags & SECTOR_ENTRY_PARTIAL)
                       ? -1 : (time_t) entry->modified_s;
    head->age_s = age_s;
    head->ttl_s = ttl_s;
    head->validators = 1;
    head->keep = 1;
    head->ttl = (outcome == NGX_HTTP_SECTOR_CACHE_HIT
                 || outcome == NGX_HTTP_SECTOR_CACHE_UPDATING
                 || outcome == NGX_HTTP_SECTOR_CACHE_STALE);

    meta->cache_status = o->json;
    meta->source = (char *) info->source->name.data;
    meta->age_s = age_s;
    meta->ttl_s = (uint64_t) ngx_max(ttl_s, 0);
    meta->time = ngx_http_sector_cache_wall_text();
    meta->cached = head->ttl;
    meta->partial = (entry->flags & SECTOR_ENTRY_PARTIAL) ? 1 : 0;

    info->status = o->variable;
    info->age_s = age_s;
    info->has_age = 1;
}


void
ngx_http_sector_cache_client_piece(sector_gzip_piece_t *piece,
    const sector_entry_t *entry)
{
    piece->text = entry->data;
    piece->len = entry->data_len;
    piece->deflate = entry->deflate;
    piece->deflate_len = entry->deflate_len;
    piece->crc = entry->crc;
    piece->crc_op = entry->crc_op;
}


void
ngx_http_sector_cache_client_error(
    const ngx_http_sector_cache_answer_t *answer,
    ngx_http_sector_cache_error_t *error)
{
    error->text = (char *) answer->reason.data;

    switch (answer->result) {

    case NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND:
        error->status = NGX_HTTP_NOT_FOUND;
        error->code = "UNKNOWN_SYMBOL";
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_FAILED:
        error->status = NGX_HTTP_BAD_GATEWAY;
        error->code = "UPSTREAM_ERROR";
        error->upstream_status = answer->upstream_status;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_INVALID:
        error->status = NGX_HTTP_BAD_GATEWAY;
        error->code = "UPSTREAM_INVALID";
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT:
        error->status = NGX_HTTP_GATEWAY_TIME_OUT;
        error->code = "UPSTREAM_TIMEOUT";
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_OPEN:
        error->status = NGX_HTTP_SERVICE_UNAVAILABLE;
        error->code = "SECTOR_API_CIRCUIT_OPEN";
        error->retry_after_s = (answer->retry_after_ms + 999) / 1000;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_FULL:
        error->status = NGX_HTTP_SERVICE_UNAVAILABLE;
        error->code = "FETCH_QUEUE_FULL";
        error->retry_after_s = 1;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED:
        error->status = NGX_HTTP_SERVICE_UNAVAILABLE;
        error->code = "RATE_LIMITED";
        error->retry_after_s = (answer->retry_after_ms + 999) / 1000;
        break;

    default: /* NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED */
        error->status = NGX_HTTP_SERVICE_UNAVAILABLE;
        error->code = "NO_DATA";
        error->retry_after_s = 1;
        break;
    }

    if (answer->held) {
        error->retry_after_s = (answer->retry_after_ms + 999) / 1000;
    }
}
