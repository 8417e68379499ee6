/*
 * What is fresh in memory, which is nearly every request, is sent from there
 * without a copy in between; all else goes the way of a batch, as one of one.
 */

#include "ngx_http_sector_cache_sector.h"
#include "ngx_http_sector_cache_shm.h"


static ngx_int_t ngx_http_sector_cache_sector_symbol(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_str_t *text, ngx_str_t *symbol);
static ngx_int_t ngx_http_sector_cache_sector_memory(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_sector_cache_info_t *info);
static ngx_int_t ngx_http_sector_cache_sector_fetch(
    ngx_http_sector_cache_client_t *client);
static void ngx_http_sector_cache_sector_gathered(
    ngx_http_sector_cache_gather_t *g);
static ngx_int_t ngx_http_sector_cache_sector_answer(
    ngx_http_sector_cache_client_t *client);
static ngx_int_t ngx_http_sector_cache_sector_found(
    ngx_http_sector_cache_client_t *client,
    ngx_http_sector_cache_part_t *part);
static void ngx_http_sector_cache_sector_keep(
    ngx_http_sector_cache_gather_t *g, ngx_http_sector_cache_head_t *head);
static ngx_int_t ngx_http_sector_cache_symbol_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *code, const char *symbol, const char *fmt,
    ...);


ngx_int_t
ngx_http_sector_cache_sector_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_str_t *text)
{
    ngx_int_t                         rc;
    ngx_str_t                         symbol;
    ngx_http_sector_cache_info_t     *info;
    ngx_http_sector_cache_mode_t      mode;
    ngx_http_sector_cache_client_t   *client;

    rc = ngx_http_sector_cache_sector_symbol(r, lcf, text, &symbol);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_sector_cache_client_mode(r, lcf, &mode) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (mode.flag == NGX_HTTP_SECTOR_CACHE_ON && !mode.bypass) {

        /* the context of a hit: nothing is to be done at its end */

        info = ngx_palloc(r->pool, sizeof(ngx_http_sector_cache_info_t));
        if (info == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memzero(info, sizeof(ngx_http_sector_cache_info_t));

        info->symbol = symbol;
        info->source = lcf->fetch->source;

        ngx_http_set_ctx(r, info, ngx_http_sector_cache_module);

        rc = ngx_http_sector_cache_sector_memory(r, lcf, info);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    client = ngx_http_sector_cache_client_create(r, lcf, &mode);
    if (client == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    client->info.symbol = symbol;

    return ngx_http_sector_cache_sector_fetch(client);
}


/* The symbol that a client means, NGX_DECLINED; or what there is to return
 * after an error was sent. */

static ngx_int_t
ngx_http_sector_cache_sector_symbol(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_str_t *text, ngx_str_t *symbol)
{
    char                            *upper;
    ngx_http_sector_cache_symbol_t  *known;

    symbol->len = text->len;

    /* nearly always it is a known one, in capitals */

    known = ngx_http_sector_cache_find_symbol(lcf, (char *) text->data,
                                              text->len);

    if (known) {
        symbol->data = (u_char *) known->symbol;
        return NGX_DECLINED;
    }

    upper = ngx_pnalloc(r->pool, SECTOR_SYMBOL_MAX + 1);
    if (upper == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (sector_model_symbol((char *) text->data, text->len, upper) != 0) {
        return ngx_http_sector_cache_invalid_symbol(r);
    }

    if (!lcf->unknown
        && ngx_http_sector_cache_find_symbol(lcf, upper, text->len) == NULL)
    {
        return ngx_http_sector_cache_symbol_error(r, NGX_HTTP_NOT_FOUND,
                   "UNKNOWN_SYMBOL", upper,
                   "Symbol %s is not configured", upper);
    }

    symbol->data = (u_char *) upper;

    return NGX_DECLINED;
}


/* Answers from memory; NGX_DECLINED if that has nothing to be sent at once. */

static ngx_int_t
ngx_http_sector_cache_sector_memory(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_sector_cache_info_t *info)
{
    int64_t                           ttl_s;
    uint64_t                          age_s;
    ngx_int_t                         rc;
    ngx_buf_t                        *b;
    sector_entry_t                    entry;
    sector_gzip_piece_t               pieces[3];
    sector_store_view_t               view;
    sector_store_state_e              state;
    sector_compose_meta_t             meta;
    ngx_http_sector_cache_head_t      head;
    ngx_http_sector_cache_zone_t     *zone;
    ngx_http_sector_cache_outcome_e   outcome;

    zone = lcf->sectors;

    state = ngx_http_sector_cache_entry_read(zone, &info->symbol, &view,
                                             &entry);

    if (state == SECTOR_STORE_NONE) {
        return NGX_DECLINED;
    }

    if (view.negative || state == SECTOR_STORE_STALE) {
        sector_store_read_end(&zone->store);
        return NGX_DECLINED;
    }

    outcome = (state == SECTOR_STORE_FRESH) ? NGX_HTTP_SECTOR_CACHE_HIT
                                            : NGX_HTTP_SECTOR_CACHE_UPDATING;

    ngx_http_sector_cache_times(&view, &age_s, &ttl_s);
    ngx_http_sector_cache_client_describe(info, outcome, &entry, age_s, ttl_s,
                                          &head, &meta);
    head.swr_ms = ngx_http_sector_cache_swr_ms(&view);
    ngx_http_sector_cache_client_piece(&pieces[1], &entry);

    b = ngx_http_sector_cache_client_body(r, &head, &meta, pieces, 3, &rc);

    sector_store_note_hit(&zone->store, &view);
    sector_store_read_end(&zone->store);

    ngx_http_sector_cache_count(zone, outcome);

    if (outcome == NGX_HTTP_SECTOR_CACHE_UPDATING) {
        ngx_http_sector_cache_refresh(lcf,
                        ngx_http_get_module_srv_conf(r, ngx_http_core_module),
                        &info->symbol);
    }

    return ngx_http_sector_cache_client_send_body(r, &head, b, rc);
}


static ngx_int_t
ngx_http_sector_cache_sector_fetch(ngx_http_sector_cache_client_t *client)
{
    ngx_http_request_t  *r;

    r = client->request;

    client->gather = ngx_http_sector_cache_gather_create(r->pool, client->conf,
                        ngx_http_get_module_srv_conf(r, ngx_http_core_module),
                        1);

    if (client->gather == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    client->gather->parts[0].symbol = client->info.symbol;

    return ngx_http_sector_cache_client_gather(client,
                                       ngx_http_sector_cache_sector_gathered,
                                       ngx_http_sector_cache_sector_answer);
}


static void
ngx_http_sector_cache_sector_gathered(ngx_http_sector_cache_gather_t *g)
{
    ngx_http_sector_cache_client_resume(g->data,
                                        ngx_http_sector_cache_sector_answer);
}


static ngx_int_t
ngx_http_sector_cache_sector_answer(ngx_http_sector_cache_client_t *client)
{
    ngx_http_sector_cache_part_t  *part;

    part = client->gather->parts;

    client->info.fetch_ms = part->answer.elapsed_ms;
    client->info.has_fetch = part->called;

    return part->found ? ngx_http_sector_cache_sector_found(client, part)
                       : ngx_http_sector_cache_sector_error(client, part);
}


static ngx_int_t
ngx_http_sector_cache_sector_found(ngx_http_sector_cache_client_t *client,
    ngx_http_sector_cache_part_t *part)
{
    sector_gzip_piece_t            pieces[3];
    sector_compose_meta_t          meta;
    ngx_http_sector_cache_head_t   head;

    ngx_http_sector_cache_client_describe(&client->info, part->outcome,
                                          &part->entry, part->age_s,
                                          part->ttl_s, &head, &meta);
    head.swr_ms = part->swr_ms;
    ngx_http_sector_cache_client_piece(&pieces[1], &part->entry);
    ngx_http_sector_cache_sector_forwarded(part, &head);

    return ngx_http_sector_cache_client_send(client->request, &head, &meta,
                                             pieces, 3);
}


void
ngx_http_sector_cache_sector_forwarded(ngx_http_sector_cache_part_t *part,
    ngx_http_sector_cache_head_t *head)
{
    ngx_http_sector_cache_error_t  error;

    if (part->outcome == NGX_HTTP_SECTOR_CACHE_DISABLED) {
        head->detail = "DISABLED";
    }

    if (part->outcome == NGX_HTTP_SECTOR_CACHE_STALE) {
        ngx_http_sector_cache_client_error(&part->answer, &error);
        head->detail = error.code;

        if (part->called) {
            head->cache = "fwd=stale";
            head->fwd_status = (unsigned) part->answer.upstream_status;
        }

        return;
    }

    if (part->called) {
        head->stored = part->shared && part->answer.stored;
        head->collapsed = part->waiter.collapsed;
    }
}


ngx_int_t
ngx_http_sector_cache_sector_error(ngx_http_sector_cache_client_t *client,
    ngx_http_sector_cache_part_t *part)
{
    ngx_http_sector_cache_error_t  error;

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    ngx_http_sector_cache_client_error(&part->answer, &error);

    error.symbol = (char *) part->symbol.data;

    if (part->refused) {
        return ngx_http_sector_cache_send_error(client->request, &error);
    }

    error.source = (char *) part->answer.source->name.data;
    error.head.cache = ngx_http_sector_cache_outcomes[part->outcome].header;

    if (part->called) {
        error.head.fwd_status =
                                   (unsigned) part->answer.upstream_status;
        error.head.stored = part->shared && part->answer.stored;
        error.head.collapsed = part->waiter.collapsed;
    }

    ngx_http_sector_cache_sector_keep(client->gather, &error.head);

    if (part->outcome == NGX_HTTP_SECTOR_CACHE_NEGATIVE) {
        error.head.ttl = error.head.keep;
        error.head.age_s = part->age_s;
    }

    client->info.status =
                    ngx_http_sector_cache_outcomes[part->outcome].variable;

    return ngx_http_sector_cache_send_error(client->request, &error);
}


/* An error may be kept as long as all of its parts are: one that failed may
 * be there a moment later. */

static void
ngx_http_sector_cache_sector_keep(ngx_http_sector_cache_gather_t *g,
    ngx_http_sector_cache_head_t *head)
{
    int64_t                        ttl_s, least_s;
    ngx_uint_t                     i;
    ngx_http_sector_cache_part_t  *part;

    least_s = INT64_MAX;

    for (i = 0; i < g->n; i++) {
        part = &g->parts[i];

        if (part->outcome == NGX_HTTP_SECTOR_CACHE_NEGATIVE) {
            ttl_s = part->ttl_s;

        } else if (part->called && part->shared && part->answer.stored) {
            ttl_s = ngx_http_sector_cache_left_s(
                                              (int64_t) part->answer.ttl_ms);

        } else {
            return;
        }

        least_s = ngx_min(least_s, ttl_s);
    }

    head->keep = 1;
    head->ttl_s = least_s;
}


ngx_int_t
ngx_http_sector_cache_invalid_symbol(ngx_http_request_t *r)
{
    return ngx_http_sector_cache_symbol_error(r, NGX_HTTP_BAD_REQUEST,
               "INVALID_SYMBOL", NULL,
               "Invalid symbol, allowed: 1 to %d of " SECTOR_SYMBOL_CHARS,
               SECTOR_SYMBOL_MAX);
}


/* An error about a symbol, which is NULL where it is none. */

static ngx_int_t
ngx_http_sector_cache_symbol_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *symbol, const char *fmt, ...)
{
    u_char                         text[256], *last;
    va_list                        args;
    ngx_http_sector_cache_error_t  error;

    va_start(args, fmt);
    last = ngx_vslprintf(text, text + sizeof(text) - 1, fmt, args);
    va_end(args);

    *last = '\0';

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.status = status;
    error.code = code;
    error.text = (char *) text;
    error.symbol = symbol;

    return ngx_http_sector_cache_send_error(r, &error);
}
