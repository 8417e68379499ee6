/*
 * POST /refresh: symbols are fetched, fresh or not, by the fetches that clients
 * join as well, each by an API location that serves it; those of one location
 * are begun together, in calls for many where it has them.
 *
 * No client has asked for anything, so nothing is counted as a request.
 */

#include "ngx_http_sector_cache_admin.h"
#include "ngx_http_sector_cache_client.h"
#include "ngx_http_sector_cache_sector.h"
#include "sector_compose_admin.h"
#include "sector_http.h"


typedef struct ngx_http_sector_cache_refresh_s  ngx_http_sector_cache_refresh_t;


/* A symbol, and what came of it. */

typedef struct {
    ngx_http_sector_cache_refresh_t    *refresh;
    ngx_http_sector_cache_waiter_t      waiter;
    ngx_http_sector_cache_location_t   *location;   /* NULL: none serves it */
    ngx_http_sector_cache_error_t       error;      /* code is NULL: none */
    uint64_t                            ttl_ms;
    char                                symbol[SECTOR_SYMBOL_MAX + 1];
    u_char                              unknown[64];    /* error.text, where
                                                           none serves it */
    unsigned                            joined:1;
    unsigned                            stored:1;
} ngx_http_sector_cache_refresh_part_t;


struct ngx_http_sector_cache_refresh_s {
    ngx_http_sector_cache_admin_t          *admin;
    ngx_uint_t                              n;
    ngx_uint_t                              pending;
    ngx_http_sector_cache_refresh_part_t   *parts;
};


static ngx_http_sector_cache_refresh_t *ngx_http_sector_cache_refresh_create(
    ngx_http_sector_cache_admin_t *admin, ngx_uint_t most);
static ngx_int_t ngx_http_sector_cache_refresh_named(
    ngx_http_sector_cache_admin_t *admin, ngx_str_t *value,
    ngx_http_sector_cache_refresh_t **refresh);
static ngx_int_t ngx_http_sector_cache_refresh_configured(
    ngx_http_sector_cache_admin_t *admin,
    ngx_http_sector_cache_refresh_t **refresh);
static void ngx_http_sector_cache_refresh_add(
    ngx_http_sector_cache_refresh_t *refresh, const char *symbol);
static ngx_int_t ngx_http_sector_cache_refresh_begin(
    ngx_http_sector_cache_refresh_t *refresh);
static ngx_int_t ngx_http_sector_cache_refresh_join(
    ngx_http_sector_cache_refresh_t *refresh, ngx_uint_t first,
    ngx_http_sector_cache_wanted_t *wanted);
static void ngx_http_sector_cache_refresh_fetched(void *data,
    const ngx_http_sector_cache_answer_t *answer);
static void ngx_http_sector_cache_refresh_cleanup(void *data);
static ngx_int_t ngx_http_sector_cache_refresh_answer(
    ngx_http_sector_cache_refresh_t *refresh);


/* Walks the API locations of a namespace. */

typedef struct {
    ngx_uint_t                          source;
    ngx_uint_t                          location;
} ngx_http_sector_cache_refresh_walk_t;

static ngx_http_sector_cache_location_t *ngx_http_sector_cache_refresh_next(
    ngx_http_sector_cache_admin_t *admin,
    ngx_http_sector_cache_refresh_walk_t *walk);


ngx_int_t
ngx_http_sector_cache_admin_refresh(ngx_http_sector_cache_admin_t *admin)
{
    ngx_int_t                         rc;
    ngx_str_t                         value;
    ngx_http_cleanup_t               *cln;
    ngx_http_request_t               *r;
    ngx_http_sector_cache_refresh_t  *refresh;

    if (admin->sectors == NULL) {
        return ngx_http_sector_cache_admin_no_zone(admin);
    }

    r = admin->request;
    refresh = NULL;

    rc = (ngx_http_arg(r, (u_char *) "symbols", 7, &value) == NGX_OK)
         ? ngx_http_sector_cache_refresh_named(admin, &value, &refresh)
         : ngx_http_sector_cache_refresh_configured(admin, &refresh);

    if (refresh == NULL) {
        return rc;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_sector_cache_refresh_cleanup;
    cln->data = refresh;

    if (ngx_http_sector_cache_refresh_begin(refresh) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "sector_cache_admin refreshes %ui of \"%V\"",
                  refresh->pending, &admin->sectors->name);

    return refresh->pending ? ngx_http_sector_cache_client_wait(r)
                            : ngx_http_sector_cache_refresh_answer(refresh);
}


/* Room for so many symbols; there are none yet.  NULL: no memory. */

static ngx_http_sector_cache_refresh_t *
ngx_http_sector_cache_refresh_create(ngx_http_sector_cache_admin_t *admin,
    ngx_uint_t most)
{
    ngx_http_sector_cache_refresh_t  *refresh;

    refresh = ngx_pcalloc(admin->request->pool,
                          sizeof(ngx_http_sector_cache_refresh_t));
    if (refresh == NULL) {
        return NULL;
    }

    refresh->admin = admin;
    refresh->parts = ngx_pcalloc(admin->request->pool,
                       most * sizeof(ngx_http_sector_cache_refresh_part_t));

    return refresh->parts ? refresh : NULL;
}


/* Those that are named, each once.  Without *refresh, what is returned ends
 * the request. */

static ngx_int_t
ngx_http_sector_cache_refresh_named(ngx_http_sector_cache_admin_t *admin,
    ngx_str_t *value, ngx_http_sector_cache_refresh_t **refresh)
{
    char                             *text, symbol[SECTOR_SYMBOL_MAX + 1];
    size_t                            i, n;
    sector_http_item_t                items[NGX_HTTP_SECTOR_CACHE_BATCH_MAX];
    sector_http_list_e                list;
    ngx_http_sector_cache_refresh_t  *named;

    text = ngx_pnalloc(admin->request->pool, value->len + 1);
    named = ngx_http_sector_cache_refresh_create(admin,
                                             NGX_HTTP_SECTOR_CACHE_BATCH_MAX);

    if (text == NULL || named == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    list = sector_http_symbols(text,
                               sector_http_unescape((char *) value->data,
                                                    value->len, text),
                               NGX_HTTP_SECTOR_CACHE_BATCH_MAX, items, &n);

    if (list == SECTOR_HTTP_LIST_TOO_MANY) {
        return ngx_http_sector_cache_admin_error(admin, NGX_HTTP_BAD_REQUEST,
                   "TOO_MANY_SYMBOLS", "Too many symbols, allowed: %d",
                   NGX_HTTP_SECTOR_CACHE_BATCH_MAX);
    }

    if (list != SECTOR_HTTP_LIST_OK) {
        return ngx_http_sector_cache_invalid_symbol(admin->request);
    }

    for (i = 0; i < n; i++) {
        if (sector_model_symbol(items[i].text, items[i].len, symbol) != 0) {
            return ngx_http_sector_cache_invalid_symbol(admin->request);
        }

        ngx_http_sector_cache_refresh_add(named, symbol);
    }

    *refresh = named;

    return NGX_OK;
}


/* All that the API locations of the namespace have configured. */

static ngx_int_t
ngx_http_sector_cache_refresh_configured(
    ngx_http_sector_cache_admin_t *admin,
    ngx_http_sector_cache_refresh_t **refresh)
{
    ngx_uint_t                             i, n;
    ngx_http_sector_cache_symbol_t        *s;
    ngx_http_sector_cache_location_t      *location;
    ngx_http_sector_cache_refresh_walk_t   walk;

    ngx_memzero(&walk, sizeof(ngx_http_sector_cache_refresh_walk_t));
    n = 0;

    while ((location = ngx_http_sector_cache_refresh_next(admin, &walk))) {
        n += location->conf->symbols->nelts;
    }

    if (n == 0) {
        return ngx_http_sector_cache_admin_error(admin, NGX_HTTP_NOT_FOUND,
                   "NOT_FOUND", "No API location serves this namespace");
    }

    *refresh = ngx_http_sector_cache_refresh_create(admin, n);
    if (*refresh == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&walk, sizeof(ngx_http_sector_cache_refresh_walk_t));

    while ((location = ngx_http_sector_cache_refresh_next(admin, &walk))) {
        s = location->conf->symbols->elts;

        for (i = 0; i < location->conf->symbols->nelts; i++) {
            ngx_http_sector_cache_refresh_add(*refresh, s[i].symbol);
        }
    }

    return NGX_OK;
}


/* Adds one that is not there yet. */

static void
ngx_http_sector_cache_refresh_add(ngx_http_sector_cache_refresh_t *refresh,
    const char *symbol)
{
    ngx_uint_t                             i;
    ngx_http_sector_cache_refresh_part_t  *part;

    for (i = 0; i < refresh->n; i++) {
        if (ngx_strcmp(refresh->parts[i].symbol, symbol) == 0) {
            return;
        }
    }

    part = &refresh->parts[refresh->n++];

    part->refresh = refresh;
    part->waiter.handler = ngx_http_sector_cache_refresh_fetched;
    part->waiter.data = part;
    part->location = ngx_http_sector_cache_admin_location(refresh->admin,
                                                          symbol);
    ngx_memcpy(part->symbol, symbol, ngx_strlen(symbol) + 1);

    if (part->location == NULL) {
        part->error.status = NGX_HTTP_NOT_FOUND;
        part->error.code = "UNKNOWN_SYMBOL";
        part->error.text = (char *) part->unknown;

        *ngx_snprintf(part->unknown, sizeof(part->unknown) - 1,
                      "Symbol %s is not configured", symbol) = '\0';
    }
}


ngx_http_sector_cache_location_t *
ngx_http_sector_cache_admin_location(ngx_http_sector_cache_admin_t *admin,
    const char *symbol)
{
    ngx_http_sector_cache_location_t      *location, *any;
    ngx_http_sector_cache_refresh_walk_t   walk;

    ngx_memzero(&walk, sizeof(ngx_http_sector_cache_refresh_walk_t));
    any = NULL;

    while ((location = ngx_http_sector_cache_refresh_next(admin, &walk))) {
        if (ngx_http_sector_cache_find_symbol(location->conf, symbol,
                                              ngx_strlen(symbol)))
        {
            return location;
        }

        if (location->conf->unknown && any == NULL) {
            any = location;
        }
    }

    return any;
}


/* A location is known to each source that it fetches from: it is taken from
 * that of its sector_cache_fetch. */

static ngx_http_sector_cache_location_t *
ngx_http_sector_cache_refresh_next(ngx_http_sector_cache_admin_t *admin,
    ngx_http_sector_cache_refresh_walk_t *walk)
{
    ngx_http_sector_cache_source_t    **sources;
    ngx_http_sector_cache_location_t   *location;

    sources = admin->mcf->sources.elts;

    for ( /* void */ ; walk->source < admin->mcf->sources.nelts;
          walk->source++, walk->location = 0)
    {
        location = sources[walk->source]->locations.elts;

        while (walk->location < sources[walk->source]->locations.nelts) {
            if (location[walk->location].conf->sectors == admin->sectors
                && location[walk->location].conf->fetch->source
                   == sources[walk->source])
            {
                return &location[walk->location++];
            }

            walk->location++;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_sector_cache_refresh_begin(ngx_http_sector_cache_refresh_t *refresh)
{
    ngx_uint_t                       i;
    ngx_http_sector_cache_wanted_t  *wanted;

    wanted = ngx_palloc(refresh->admin->request->pool,
                        refresh->n * sizeof(ngx_http_sector_cache_wanted_t));
    if (wanted == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < refresh->n; i++) {
        if (refresh->parts[i].location && !refresh->parts[i].joined
            && ngx_http_sector_cache_refresh_join(refresh, i, wanted)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Begins all that are fetched by the location of the first one. */

static ngx_int_t
ngx_http_sector_cache_refresh_join(ngx_http_sector_cache_refresh_t *refresh,
    ngx_uint_t first, ngx_http_sector_cache_wanted_t *wanted)
{
    ngx_uint_t                             i, n;
    ngx_http_sector_cache_refresh_part_t  *part;

    n = 0;

    for (i = first; i < refresh->n; i++) {
        part = &refresh->parts[i];

        if (part->location != refresh->parts[first].location) {
            continue;
        }

        part->joined = 1;

        ngx_memzero(&wanted[n], sizeof(ngx_http_sector_cache_wanted_t));

        wanted[n].conf = part->location->conf;
        wanted[n].server = part->location->server;
        wanted[n].symbol = part->symbol;
        wanted[n].waiter = &part->waiter;
        wanted[n].shared = 1;
        wanted[n].force = 1;
        wanted[n].unheld = 1;
        wanted[n].release = 1;
        n++;
    }

    refresh->pending += n;

    return ngx_http_sector_cache_fetch_join(wanted, n);
}


static void
ngx_http_sector_cache_refresh_fetched(void *data,
    const ngx_http_sector_cache_answer_t *answer)
{
    u_char                                *p;
    ngx_int_t                              rc;
    ngx_connection_t                      *c;
    ngx_http_request_t                    *r;
    ngx_http_sector_cache_refresh_t       *refresh;
    ngx_http_sector_cache_refresh_part_t  *part;

    part = data;
    refresh = part->refresh;
    r = refresh->admin->request;
    c = r->connection;

    part->stored = answer->stored;
    part->ttl_ms = answer->ttl_ms;

    if (answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_OK) {
        ngx_http_sector_cache_client_error(answer, &part->error);
        part->error.source = (char *) answer->source->name.data;
        part->error.symbol = part->symbol;
        part->error.text = "Fetch failed";

        p = ngx_pnalloc(r->pool, answer->reason.len + 1);

        if (p) {
            (void) ngx_cpystrn(p, answer->reason.data, answer->reason.len + 1);
            part->error.text = (char *) p;
        }
    }

    if (--refresh->pending) {
        return;
    }

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_sector_cache_refresh_answer(refresh);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/* The client has left, or has its answer. */

static void
ngx_http_sector_cache_refresh_cleanup(void *data)
{
    ngx_uint_t                        i;
    ngx_http_sector_cache_refresh_t  *refresh;

    refresh = data;

    for (i = 0; i < refresh->n; i++) {
        ngx_http_sector_cache_fetch_leave(&refresh->parts[i].waiter);
    }
}


/* As a batch: 200 if at least one could be had, else the error of the
 * first. */

static ngx_int_t
ngx_http_sector_cache_refresh_answer(ngx_http_sector_cache_refresh_t *refresh)
{
    char                                  *text;
    size_t                                 len;
    ngx_uint_t                             i, good;
    ngx_http_request_t                    *r;
    sector_compose_refreshed_t            *list;
    ngx_http_sector_cache_refresh_part_t  *part;

    r = refresh->admin->request;
    good = 0;

    list = ngx_pcalloc(r->pool,
                       refresh->n * sizeof(sector_compose_refreshed_t));
    if (list == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < refresh->n; i++) {
        part = &refresh->parts[i];

        list[i].symbol = part->symbol;
        list[i].code = part->error.code;
        list[i].text = part->error.text;
        list[i].ttl_s = (uint64_t) ngx_http_sector_cache_left_s(
                                                     (int64_t) part->ttl_ms);
        list[i].stored = part->stored;

        good += (part->error.code == NULL);
    }

    if (good == 0) {
        refresh->parts[0].error.symbol = refresh->parts[0].symbol;

        return ngx_http_sector_cache_send_error(r, &refresh->parts[0].error);
    }

    len = 0;
    text = sector_compose_admin_refreshed(list, refresh->n, &len);

    return ngx_http_sector_cache_send_data(r, NGX_HTTP_OK, text, len);
}
