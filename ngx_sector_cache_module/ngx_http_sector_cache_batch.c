/*
 * The answer is made of what memory and fetches gave, one piece for each
 * sector and one for what stands before it.
 *
 * A batch is as fresh as the worst of its parts: its age is that of the oldest
 * sector, its time left that of the first to expire, and none where one lacks.
 * Symbols that are not configured are parts like others, refused before any
 * lookup.
 */

#include "ngx_http_sector_cache_batch.h"
#include "ngx_http_sector_cache_sector.h"
#include "sector_compose_market.h"
#include "sector_http.h"

#include <ngx_md5.h>


static ngx_int_t ngx_http_sector_cache_batch_configured(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf,
    ngx_http_sector_cache_gather_t **gather);
static ngx_int_t ngx_http_sector_cache_batch_named(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_str_t *value,
    ngx_http_sector_cache_gather_t **gather);
static ngx_int_t ngx_http_sector_cache_batch_add(
    ngx_http_sector_cache_gather_t *g, const sector_http_item_t *item);
static ngx_int_t ngx_http_sector_cache_batch_too_many(ngx_http_request_t *r);
static ngx_int_t ngx_http_sector_cache_batch_names(
    ngx_http_sector_cache_client_t *client);
static void ngx_http_sector_cache_batch_gathered(
    ngx_http_sector_cache_gather_t *g);
static ngx_int_t ngx_http_sector_cache_batch_answer(
    ngx_http_sector_cache_client_t *client);
static ngx_int_t ngx_http_sector_cache_batch_found(
    ngx_http_sector_cache_client_t *client, sector_entry_t *whole,
    ngx_uint_t lacking);
static void ngx_http_sector_cache_batch_describe(
    ngx_http_sector_cache_client_t *client, sector_entry_t *whole,
    ngx_uint_t lacking, ngx_http_sector_cache_head_t *head,
    sector_compose_meta_t *meta);
static ngx_http_sector_cache_outcome_e ngx_http_sector_cache_batch_outcome(
    ngx_http_sector_cache_gather_t *g);
static char *ngx_http_sector_cache_batch_failures(
    ngx_http_sector_cache_gather_t *g, ngx_uint_t lacking, size_t *len);
static ngx_uint_t ngx_http_sector_cache_batch_survey(
    ngx_http_sector_cache_client_t *client, sector_entry_t *whole);


ngx_int_t
ngx_http_sector_cache_batch_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    ngx_int_t                         rc;
    ngx_str_t                         value;
    ngx_http_sector_cache_mode_t      mode;
    ngx_http_sector_cache_gather_t   *g;
    ngx_http_sector_cache_client_t   *client;

    rc = (ngx_http_arg(r, (u_char *) "symbols", 7, &value) == NGX_OK)
         ? ngx_http_sector_cache_batch_named(r, lcf, &value, &g)
         : ngx_http_sector_cache_batch_configured(r, lcf, &g);

    if (rc != NGX_OK || g == NULL) {
        return rc;
    }

    if (ngx_http_sector_cache_client_mode(r, lcf, &mode) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    client = ngx_http_sector_cache_client_create(r, lcf, &mode);
    if (client == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    client->gather = g;

    if (ngx_http_sector_cache_batch_names(client) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_sector_cache_client_gather(client,
                                        ngx_http_sector_cache_batch_gathered,
                                        ngx_http_sector_cache_batch_answer);
}


/* All that are configured. */

static ngx_int_t
ngx_http_sector_cache_batch_configured(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf,
    ngx_http_sector_cache_gather_t **gather)
{
    ngx_uint_t                       i;
    ngx_http_sector_cache_symbol_t  *s;
    ngx_http_sector_cache_gather_t  *g;

    g = ngx_http_sector_cache_gather_create(r->pool, lcf,
                        ngx_http_get_module_srv_conf(r, ngx_http_core_module),
                        lcf->symbols->nelts);
    if (g == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s = lcf->symbols->elts;

    for (i = 0; i < g->n; i++) {
        g->parts[i].symbol.data = (u_char *) s[i].symbol;
        g->parts[i].symbol.len = s[i].symbol_len;
    }

    *gather = g;

    return NGX_OK;
}


/* Those that are named, each once.  Without any the client has been told:
 * *gather is NULL then, or the result is an error. */

static ngx_int_t
ngx_http_sector_cache_batch_named(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_str_t *value,
    ngx_http_sector_cache_gather_t **gather)
{
    char                            *text;
    size_t                           i, n;
    sector_http_item_t               items[NGX_HTTP_SECTOR_CACHE_BATCH_MAX];
    ngx_http_sector_cache_gather_t  *g;

    *gather = NULL;

    text = ngx_pnalloc(r->pool, value->len);
    if (text == NULL && value->len) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (sector_http_symbols(text,
                                sector_http_unescape((char *) value->data,
                                                     value->len, text),
                                NGX_HTTP_SECTOR_CACHE_BATCH_MAX, items, &n))
    {
    case SECTOR_HTTP_LIST_OK:
        break;

    case SECTOR_HTTP_LIST_TOO_MANY:
        return ngx_http_sector_cache_batch_too_many(r);

    default: /* SECTOR_HTTP_LIST_INVALID */
        return ngx_http_sector_cache_invalid_symbol(r);
    }

    g = ngx_http_sector_cache_gather_create(r->pool, lcf,
                        ngx_http_get_module_srv_conf(r, ngx_http_core_module),
                        n);
    if (g == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    g->n = 0;

    for (i = 0; i < n; i++) {
        switch (ngx_http_sector_cache_batch_add(g, &items[i])) {

        case NGX_OK:
            break;

        case NGX_DECLINED:
            return ngx_http_sector_cache_invalid_symbol(r);

        default: /* NGX_ERROR */
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    *gather = g;

    return NGX_OK;
}


/* Adds one that is not there yet; NGX_DECLINED if it is no symbol. */

static ngx_int_t
ngx_http_sector_cache_batch_add(ngx_http_sector_cache_gather_t *g,
    const sector_http_item_t *item)
{
    u_char                        *p;
    char                           symbol[SECTOR_SYMBOL_MAX + 1];
    ngx_uint_t                     i;
    ngx_http_sector_cache_part_t  *part;

    if (sector_model_symbol(item->text, item->len, symbol) != 0) {
        return NGX_DECLINED;
    }

    for (i = 0; i < g->n; i++) {
        if (ngx_strcmp(g->parts[i].symbol.data, symbol) == 0) {
            return NGX_OK;
        }
    }

    p = ngx_pnalloc(g->pool, item->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    part = &g->parts[g->n++];
    part->symbol.data = p;
    part->symbol.len = item->len;
    ngx_memcpy(p, symbol, item->len + 1);

    if (!g->conf->unknown
        && ngx_http_sector_cache_find_symbol(g->conf, symbol, item->len)
           == NULL)
    {
        part->refused = 1;
        part->answer.result = NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND;
        part->answer.source = g->conf->fetch->source;
        part->answer.reason.data = ngx_pnalloc(g->pool, 64);

        if (part->answer.reason.data == NULL) {
            return NGX_ERROR;
        }

        part->answer.reason.len = ngx_sprintf(part->answer.reason.data,
                                              "Symbol %s is not configured%Z",
                                              symbol)
                                  - part->answer.reason.data - 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sector_cache_batch_too_many(ngx_http_request_t *r)
{
    u_char                         text[64];
    ngx_http_sector_cache_error_t  error;

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    *ngx_snprintf(text, sizeof(text) - 1, "Too many symbols, allowed: %d",
                  NGX_HTTP_SECTOR_CACHE_BATCH_MAX) = '\0';

    error.status = NGX_HTTP_BAD_REQUEST;
    error.code = "TOO_MANY_SYMBOLS";
    error.text = (char *) text;

    return ngx_http_sector_cache_send_error(r, &error);
}


/* $sector_cache_symbols */

static ngx_int_t
ngx_http_sector_cache_batch_names(ngx_http_sector_cache_client_t *client)
{
    u_char                          *p;
    ngx_uint_t                       i;
    ngx_http_sector_cache_gather_t  *g;

    g = client->gather;

    p = ngx_pnalloc(g->pool, g->n * (SECTOR_SYMBOL_MAX + 1));
    if (p == NULL) {
        return NGX_ERROR;
    }

    client->info.symbols.data = p;

    for (i = 0; i < g->n; i++) {
        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, g->parts[i].symbol.data, g->parts[i].symbol.len);
    }

    client->info.symbols.len = p - client->info.symbols.data;

    return NGX_OK;
}


static void
ngx_http_sector_cache_batch_gathered(ngx_http_sector_cache_gather_t *g)
{
    ngx_http_sector_cache_client_resume(g->data,
                                        ngx_http_sector_cache_batch_answer);
}


static ngx_int_t
ngx_http_sector_cache_batch_answer(ngx_http_sector_cache_client_t *client)
{
    ngx_uint_t                       lacking;
    sector_entry_t                   whole;
    ngx_http_sector_cache_gather_t  *g;

    g = client->gather;

    lacking = ngx_http_sector_cache_batch_survey(client, &whole);

    return lacking < g->n
           ? ngx_http_sector_cache_batch_found(client, &whole, lacking)
           : ngx_http_sector_cache_sector_error(client, &g->parts[0]);
}


/* Goes through all parts: the ETag of what is there and of what lacks, the
 * last modification and the longest fetch.  Returns how many lack. */

static ngx_uint_t
ngx_http_sector_cache_batch_survey(ngx_http_sector_cache_client_t *client,
    sector_entry_t *whole)
{
    u_char                          hash[16];
    ngx_md5_t                       md5;
    ngx_uint_t                      i, lacking;
    ngx_http_sector_cache_part_t   *part;
    ngx_http_sector_cache_error_t   error;

    ngx_memzero(whole, sizeof(sector_entry_t));
    ngx_md5_init(&md5);
    lacking = 0;

    for (i = 0; i < client->gather->n; i++) {
        part = &client->gather->parts[i];

        ngx_md5_update(&md5, part->symbol.data, part->symbol.len + 1);

        if (part->called) {
            client->info.has_fetch = 1;
            client->info.fetch_ms = ngx_max(client->info.fetch_ms,
                                            part->answer.elapsed_ms);
        }

        if (part->found) {
            ngx_md5_update(&md5, &part->entry.etag, sizeof(part->entry.etag));
            whole->modified_s = ngx_max(whole->modified_s,
                                        part->entry.modified_s);
            continue;
        }

        ngx_http_sector_cache_client_error(&part->answer, &error);
        ngx_md5_update(&md5, error.code, ngx_strlen(error.code));
        lacking++;
    }

    ngx_md5_final(hash, &md5);

    for (i = 0; i < sizeof(whole->etag); i++) {
        whole->etag = whole->etag << 8 | hash[i];
    }

    return lacking;
}


static ngx_int_t
ngx_http_sector_cache_batch_found(ngx_http_sector_cache_client_t *client,
    sector_entry_t *whole, ngx_uint_t lacking)
{
    char                            *failures;
    size_t                           len;
    u_char                          *p;
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    sector_gzip_piece_t             *pieces, *piece;
    sector_compose_meta_t            meta;
    ngx_http_sector_cache_part_t    *part;
    ngx_http_sector_cache_head_t     head;
    ngx_http_sector_cache_stale_t    stale;
    ngx_http_sector_cache_gather_t  *g;

    g = client->gather;

    /* before each sector a name, then the end, the errors, and the two ends
     * of the envelope */

    pieces = ngx_pcalloc(g->pool, (2 * g->n + 5)
                                  * sizeof(sector_gzip_piece_t));
    p = ngx_pnalloc(g->pool, g->n * (SECTOR_SYMBOL_MAX + sizeof(",\"\":")));

    if (pieces == NULL || p == NULL
        || ngx_http_sector_cache_client_stale(g->pool, g, &stale) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    failures = NULL;
    piece = &pieces[1];

    for (i = 0; i < g->n; i++) {
        part = &g->parts[i];

        if (!part->found) {
            continue;
        }

        piece->text = p;
        p = ngx_sprintf(p, "%c\"%V\":", piece == &pieces[1] ? '{' : ',',
                        &part->symbol);
        piece->len = p - (u_char *) piece->text;
        piece++;

        ngx_http_sector_cache_client_piece(piece++, &part->entry);
    }

    piece->text = "}";
    piece->len = 1;
    piece++;

    if (lacking && client->conf->envelope) {
        failures = ngx_http_sector_cache_batch_failures(g, lacking, &len);

        if (failures == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        piece->text = ",\"errors\":";
        piece->len = sizeof(",\"errors\":") - 1;
        piece++;

        piece->text = failures;
        piece->len = len;
        piece++;
    }

    ngx_http_sector_cache_batch_describe(client, whole, lacking, &head, &meta);

    rc = ngx_http_sector_cache_client_send_stale(client->request, &head, &meta,
                                                 pieces, piece + 1 - pieces,
                                                 &stale);
    free(failures);

    return rc;
}


static void
ngx_http_sector_cache_batch_describe(ngx_http_sector_cache_client_t *client,
    sector_entry_t *whole, ngx_uint_t lacking,
    ngx_http_sector_cache_head_t *head, sector_compose_meta_t *meta)
{
    int64_t                           ttl_s;
    uint64_t                          age_s, swr_ms;
    ngx_uint_t                        i, stored, called;
    ngx_http_sector_cache_part_t     *part, *failed;
    ngx_http_sector_cache_outcome_e   outcome;

    failed = NULL;
    age_s = 0;
    ttl_s = INT64_MAX;
    swr_ms = UINT64_MAX;
    stored = 1;
    called = 0;

    for (i = 0; i < client->gather->n; i++) {
        part = &client->gather->parts[i];

        if (part->found) {
            age_s = ngx_max(age_s, part->age_s);
            ttl_s = ngx_min(ttl_s, part->ttl_s);
            swr_ms = ngx_min(swr_ms, part->swr_ms);

            if (part->called) {
                called = 1;
                stored &= (part->shared && part->answer.stored);
            }

            if (part->outcome == NGX_HTTP_SECTOR_CACHE_STALE
                && (failed == NULL || failed->called < part->called))
            {
                failed = part;
            }
        }
    }

    if (lacking) {
        ttl_s = ngx_min(ttl_s, 0);
    }

    outcome = ngx_http_sector_cache_batch_outcome(client->gather);

    ngx_http_sector_cache_client_describe(&client->info, outcome, whole,
                                          age_s, ttl_s, head, meta);
    head->swr_ms = swr_ms;

    if (lacking) {
        head->modified_s = -1;
    }

    head->stored = called && stored && !head->ttl;

    if (outcome == NGX_HTTP_SECTOR_CACHE_STALE) {
        ngx_http_sector_cache_sector_forwarded(failed, head);
    }

    if (outcome == NGX_HTTP_SECTOR_CACHE_DISABLED) {
        head->detail = "DISABLED";

    } else if (lacking) {
        head->detail = "PARTIAL";
    }
}


/* That of the part whose outcome is furthest from a hit. */

static ngx_http_sector_cache_outcome_e
ngx_http_sector_cache_batch_outcome(ngx_http_sector_cache_gather_t *g)
{
    ngx_uint_t                        i, j;
    ngx_http_sector_cache_outcome_e   outcome;

    static const ngx_http_sector_cache_outcome_e  order[] = {
        NGX_HTTP_SECTOR_CACHE_HIT,
        NGX_HTTP_SECTOR_CACHE_UPDATING,
        NGX_HTTP_SECTOR_CACHE_STALE,
        NGX_HTTP_SECTOR_CACHE_EXPIRED,
        NGX_HTTP_SECTOR_CACHE_MISS,
        NGX_HTTP_SECTOR_CACHE_BYPASS,
        NGX_HTTP_SECTOR_CACHE_DISABLED
    };

    outcome = NGX_HTTP_SECTOR_CACHE_HIT;

    for (j = 0; j < sizeof(order) / sizeof(order[0]); j++) {
        for (i = 0; i < g->n; i++) {
            if (g->parts[i].found && g->parts[i].outcome == order[j]) {
                outcome = order[j];
                break;
            }
        }
    }

    return outcome;
}


static char *
ngx_http_sector_cache_batch_failures(ngx_http_sector_cache_gather_t *g,
    ngx_uint_t lacking, size_t *len)
{
    ngx_uint_t                      i;
    sector_compose_failure_t       *failures, *f;
    ngx_http_sector_cache_error_t   error;

    failures = ngx_palloc(g->pool,
                          lacking * sizeof(sector_compose_failure_t));
    if (failures == NULL) {
        return NULL;
    }

    f = failures;

    for (i = 0; i < g->n; i++) {
        if (!g->parts[i].found) {
            ngx_http_sector_cache_client_error(&g->parts[i].answer, &error);

            f->symbol = (char *) g->parts[i].symbol.data;
            f->code = error.code;
            f->text = error.text;
            f++;
        }
    }

    return sector_compose_failures(failures, lacking, len);
}
