/*
 * Each part is looked up once, and counted once: when its outcome is known, or
 * at the end if whoever asked has left before that.
 *
 * In shadow a part is looked up and counted as if the cache were on, and
 * answered as if it were off.  What would have been a hit is fetched for this
 * request alone and not stored, as a hit stores nothing, and compared; what
 * would have been fetched is fetched and stored as ever.
 */

#include "ngx_http_sector_cache_gather.h"
#include "ngx_http_sector_cache_sampler.h"


static ngx_uint_t ngx_http_sector_cache_part_look(
    ngx_http_sector_cache_part_t *part);
static ngx_uint_t ngx_http_sector_cache_part_read(
    ngx_http_sector_cache_part_t *part);
static ngx_uint_t ngx_http_sector_cache_part_fresh(
    ngx_http_sector_cache_part_t *part, sector_store_view_t *view,
    sector_entry_t *entry);
static ngx_int_t ngx_http_sector_cache_part_take(
    ngx_http_sector_cache_part_t *part, sector_store_view_t *view,
    sector_entry_t *entry);
static void ngx_http_sector_cache_part_resume(void *data,
    const ngx_http_sector_cache_answer_t *answer);
static void ngx_http_sector_cache_part_resolve(
    ngx_http_sector_cache_part_t *part,
    const ngx_http_sector_cache_answer_t *answer);
static void ngx_http_sector_cache_part_failed(
    ngx_http_sector_cache_part_t *part,
    const ngx_http_sector_cache_answer_t *answer);
static ngx_uint_t ngx_http_sector_cache_part_stale(
    ngx_http_sector_cache_part_t *part);
static void ngx_http_sector_cache_part_settle(
    ngx_http_sector_cache_part_t *part);


const ngx_http_sector_cache_outcome_t  ngx_http_sector_cache_outcomes[] = {
    { ngx_string("HIT"), "hit", "hit", SECTOR_STAT_HIT },
    { ngx_string("MISS"), "miss", "fwd=miss", SECTOR_STAT_MISS },
    { ngx_string("EXPIRED"), "miss", "fwd=stale", SECTOR_STAT_MISS },
    { ngx_string("STALE"), "stale", "hit", SECTOR_STAT_STALE },
    { ngx_string("UPDATING"), "updating", "hit", SECTOR_STAT_UPDATING },
    { ngx_string("BYPASS"), "bypass", "fwd=bypass", SECTOR_STAT_BYPASS },
    { ngx_string("DISABLED"), "disabled", "fwd=bypass", SECTOR_STAT_DISABLED },
    { ngx_string("NEGATIVE"), "negative", "hit", SECTOR_STAT_NEGATIVE }
};


ngx_http_sector_cache_gather_t *
ngx_http_sector_cache_gather_create(ngx_pool_t *pool,
    ngx_http_sector_cache_loc_conf_t *conf, ngx_http_core_srv_conf_t *server,
    ngx_uint_t n)
{
    ngx_uint_t                       i;
    ngx_http_sector_cache_gather_t  *g;

    g = ngx_pcalloc(pool, sizeof(ngx_http_sector_cache_gather_t));
    if (g == NULL) {
        return NULL;
    }

    g->parts = ngx_pcalloc(pool, n * sizeof(ngx_http_sector_cache_part_t));
    if (g->parts == NULL) {
        return NULL;
    }

    g->pool = pool;
    g->conf = conf;
    g->server = server;
    g->n = n;

    for (i = 0; i < n; i++) {
        g->parts[i].gather = g;
        g->parts[i].outcome = NGX_HTTP_SECTOR_CACHE_MISS;
        g->parts[i].counted_as = NGX_HTTP_SECTOR_CACHE_MISS;
        g->parts[i].waiter.handler = ngx_http_sector_cache_part_resume;
        g->parts[i].waiter.data = &g->parts[i];
    }

    return g;
}


ngx_int_t
ngx_http_sector_cache_gather_start(ngx_http_sector_cache_gather_t *g)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i, fetch;
    ngx_http_sector_cache_part_t    *part;
    ngx_http_sector_cache_wanted_t  *wanted, *w;

    wanted = ngx_palloc(g->pool,
                        g->n * sizeof(ngx_http_sector_cache_wanted_t));
    if (wanted == NULL) {
        return NGX_ERROR;
    }

    w = wanted;

    for (i = 0; i < g->n; i++) {
        part = &g->parts[i];

        if (part->refused) {
            continue;
        }

        fetch = ngx_http_sector_cache_part_look(part);

        if (!fetch) {
            ngx_http_sector_cache_part_settle(part);

            if (!part->refresh) {
                continue;
            }
        }

        ngx_memzero(w, sizeof(ngx_http_sector_cache_wanted_t));

        w->conf = g->conf;
        w->server = g->server;
        w->symbol = (char *) part->symbol.data;
        w->shared = part->shared;
        w->force = part->force;
        w->unheld = (g->mode.flag == NGX_HTTP_SECTOR_CACHE_SHADOW);
        w->waiter = fetch ? &part->waiter : NULL;
        w++;

        g->pending += fetch;
    }

    if (w == wanted) {
        return NGX_OK;
    }

    rc = ngx_http_sector_cache_fetch_join(wanted, w - wanted);

    /* without memory for a refresh the next request tries again */

    if (g->pending == 0) {
        return NGX_OK;
    }

    return rc == NGX_OK ? NGX_AGAIN : NGX_ERROR;
}


void
ngx_http_sector_cache_gather_end(ngx_http_sector_cache_gather_t *g)
{
    ngx_uint_t  i;

    for (i = 0; i < g->n; i++) {
        ngx_http_sector_cache_fetch_leave(&g->parts[i].waiter);
        ngx_http_sector_cache_part_settle(&g->parts[i]);
    }
}


/* Whether a part is to be fetched. */

static ngx_uint_t
ngx_http_sector_cache_part_look(ngx_http_sector_cache_part_t *part)
{
    sector_store_t                  *store;
    ngx_http_sector_cache_gather_t  *g;

    g = part->gather;
    store = &g->conf->sectors->store;

    if (g->mode.flag == NGX_HTTP_SECTOR_CACHE_OFF) {
        part->outcome = NGX_HTTP_SECTOR_CACHE_DISABLED;
        part->counted_as = part->outcome;
        return 1;
    }

    part->shared = 1;

    if (g->mode.bypass) {
        part->outcome = NGX_HTTP_SECTOR_CACHE_BYPASS;
        part->counted_as = part->outcome;
        part->force = 1;

    } else if (!ngx_http_sector_cache_part_read(part)) {
        return 0;
    }

    if (part->counted_as == NGX_HTTP_SECTOR_CACHE_MISS
        || part->counted_as == NGX_HTTP_SECTOR_CACHE_EXPIRED)
    {
        sector_store_note_miss(store, part->symbol.data, part->symbol.len);
    }

    if (g->mode.flag == NGX_HTTP_SECTOR_CACHE_SHADOW) {
        part->outcome = NGX_HTTP_SECTOR_CACHE_DISABLED;
    }

    return 1;
}


/* Takes a part from memory.  Whether it is to be fetched all the same. */

static ngx_uint_t
ngx_http_sector_cache_part_read(ngx_http_sector_cache_part_t *part)
{
    ngx_uint_t                        fetch;
    sector_entry_t                    entry;
    sector_store_view_t               view;
    sector_store_state_e              state;
    ngx_http_sector_cache_gather_t   *g;

    g = part->gather;

    part->outcome = NGX_HTTP_SECTOR_CACHE_MISS;
    part->counted_as = part->outcome;

    state = ngx_http_sector_cache_entry_read(g->conf->sectors, &part->symbol,
                                             &view, &entry);
    if (state == SECTOR_STORE_NONE) {
        return 1;
    }

    if (state == SECTOR_STORE_STALE) {
        part->outcome = NGX_HTTP_SECTOR_CACHE_EXPIRED;
        fetch = 1;

    } else {
        part->outcome = view.negative ? NGX_HTTP_SECTOR_CACHE_NEGATIVE
                        : state == SECTOR_STORE_FRESH
                          ? NGX_HTTP_SECTOR_CACHE_HIT
                          : NGX_HTTP_SECTOR_CACHE_UPDATING;

        fetch = ngx_http_sector_cache_part_fresh(part, &view, &entry);

        if (!fetch && !g->quiet) {
            sector_store_note_hit(&g->conf->sectors->store, &view);
        }
    }

    part->counted_as = part->outcome;

    sector_store_read_end(&g->conf->sectors->store);

    if (part->outcome == NGX_HTTP_SECTOR_CACHE_UPDATING
        && g->mode.flag == NGX_HTTP_SECTOR_CACHE_ON)
    {
        part->refresh = 1;
    }

    return fetch;
}


/* Memory has something to answer with.  Whether the part is to be fetched
 * all the same: in shadow, and where there is no memory for a copy. */

static ngx_uint_t
ngx_http_sector_cache_part_fresh(ngx_http_sector_cache_part_t *part,
    sector_store_view_t *view, sector_entry_t *entry)
{
    ngx_http_sector_cache_gather_t  *g;

    g = part->gather;

    if (g->mode.flag == NGX_HTTP_SECTOR_CACHE_SHADOW) {

        if (part->outcome == NGX_HTTP_SECTOR_CACHE_UPDATING) {
            part->force = 1;        /* the refresh, which is stored */

        } else {
            part->shared = 0;
            part->shadow = (part->outcome == NGX_HTTP_SECTOR_CACHE_HIT);
            part->shadow_etag = part->shadow ? entry->etag : 0;
        }

        return 1;
    }

    if (view->negative) {
        ngx_http_sector_cache_fetch_not_found(g->pool, &part->answer,
                                              (char *) part->symbol.data,
                                              g->conf->fetch->source);
        ngx_http_sector_cache_times(view, &part->age_s, &part->ttl_s);
        return 0;
    }

    if (ngx_http_sector_cache_part_take(part, view, entry) != NGX_OK) {
        part->outcome = NGX_HTTP_SECTOR_CACHE_MISS;
        return 1;
    }

    return 0;
}


/* Copies what a read has found. */

static ngx_int_t
ngx_http_sector_cache_part_take(ngx_http_sector_cache_part_t *part,
    sector_store_view_t *view, sector_entry_t *entry)
{
    if (ngx_http_sector_cache_entry_copy(part->gather->pool, entry,
                                         &part->entry)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_sector_cache_times(view, &part->age_s, &part->ttl_s);
    part->swr_ms = ngx_http_sector_cache_swr_ms(view);
    part->found = 1;

    return NGX_OK;
}


static void
ngx_http_sector_cache_part_resume(void *data,
    const ngx_http_sector_cache_answer_t *answer)
{
    ngx_http_sector_cache_part_t    *part;
    ngx_http_sector_cache_gather_t  *g;

    part = data;
    g = part->gather;

    ngx_http_sector_cache_part_resolve(part, answer);
    ngx_http_sector_cache_part_settle(part);

    if (--g->pending == 0) {
        g->handler(g);
    }
}


/* A fetch has ended. */

static void
ngx_http_sector_cache_part_resolve(ngx_http_sector_cache_part_t *part,
    const ngx_http_sector_cache_answer_t *answer)
{
    ngx_http_sector_cache_gather_t  *g;

    g = part->gather;

    part->answer = *answer;
    part->called = !answer->memory && !answer->held
                   && answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_OPEN
                   && answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_FULL
                   && answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED;

    /* what another flight has just stored is as good as a hit */

    if (answer->memory && g->mode.flag == NGX_HTTP_SECTOR_CACHE_ON) {
        part->outcome = (answer->result == NGX_HTTP_SECTOR_CACHE_FETCH_OK)
                        ? NGX_HTTP_SECTOR_CACHE_HIT
                        : NGX_HTTP_SECTOR_CACHE_NEGATIVE;
        part->counted_as = part->outcome;
    }

    if (answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_OK) {
        ngx_http_sector_cache_part_failed(part, answer);
        return;
    }

    if (ngx_http_sector_cache_entry_copy(g->pool, &answer->entry, &part->entry)
        != NGX_OK)
    {
        part->answer.result = NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED;
        ngx_str_set(&part->answer.reason, "No memory for the answer");
        return;
    }

    part->found = 1;
    part->age_s = answer->age_ms / 1000;
    part->ttl_s = ngx_http_sector_cache_left_s((int64_t) answer->ttl_ms);
    part->swr_ms = answer->swr_ms;

    if (part->shadow && !g->quiet
        && part->entry.etag != part->shadow_etag)
    {
        sector_store_count(&g->conf->sectors->store,
                           SECTOR_STAT_SHADOW_DIFFERS);
    }
}


/* Takes what memory has in place of an error, or keeps why there is none. */

static void
ngx_http_sector_cache_part_failed(ngx_http_sector_cache_part_t *part,
    const ngx_http_sector_cache_answer_t *answer)
{
    u_char                          *p;
    ngx_http_sector_cache_gather_t  *g;

    g = part->gather;

    /* that it does not exist, where good data is still there, is doubted */

    if (g->mode.flag != NGX_HTTP_SECTOR_CACHE_OFF && !g->mode.bypass
        && ngx_http_sector_cache_part_stale(part))
    {
        return;
    }

    p = ngx_pnalloc(g->pool, answer->reason.len + 1);

    if (p == NULL) {
        ngx_str_set(&part->answer.reason, "Fetch failed");
        return;
    }

    (void) ngx_cpystrn(p, answer->reason.data, answer->reason.len + 1);
    part->answer.reason.data = p;
}


/* Whether memory has an answer, stale or not, that it may give: in shadow it
 * is only counted. */

static ngx_uint_t
ngx_http_sector_cache_part_stale(ngx_http_sector_cache_part_t *part)
{
    ngx_uint_t                        taken;
    sector_entry_t                    entry;
    sector_store_view_t               view;
    sector_store_state_e              state;
    ngx_http_sector_cache_gather_t   *g;

    g = part->gather;

    state = ngx_http_sector_cache_entry_read(g->conf->sectors, &part->symbol,
                                             &view, &entry);
    if (state == SECTOR_STORE_NONE) {
        return 0;
    }

    taken = 0;

    if (view.negative) {
        /* void */

    } else if (g->mode.flag == NGX_HTTP_SECTOR_CACHE_SHADOW) {

        if (part->counted_as == NGX_HTTP_SECTOR_CACHE_EXPIRED) {
            part->counted_as = NGX_HTTP_SECTOR_CACHE_STALE;
        }

    } else if (ngx_http_sector_cache_part_take(part, &view, &entry)
               == NGX_OK)
    {
        taken = 1;

        /* another worker may have stored it meanwhile */

        part->outcome = (state == SECTOR_STORE_FRESH)
                        ? NGX_HTTP_SECTOR_CACHE_HIT
                        : NGX_HTTP_SECTOR_CACHE_STALE;
        part->counted_as = part->outcome;

        if (part->outcome == NGX_HTTP_SECTOR_CACHE_STALE) {
            ngx_http_sector_cache_sampler_stale();
        }
    }

    sector_store_read_end(&g->conf->sectors->store);

    return taken;
}


static void
ngx_http_sector_cache_part_settle(ngx_http_sector_cache_part_t *part)
{
    if (part->counted || part->refused || part->gather->quiet) {
        return;
    }

    part->counted = 1;

    ngx_http_sector_cache_count(part->gather->conf->sectors, part->counted_as);
}


void
ngx_http_sector_cache_count(ngx_http_sector_cache_zone_t *zone,
    ngx_http_sector_cache_outcome_e outcome)
{
    sector_store_count(&zone->store,
                       ngx_http_sector_cache_outcomes[outcome].stat);

    if (outcome == NGX_HTTP_SECTOR_CACHE_EXPIRED) {
        sector_store_count(&zone->store, SECTOR_STAT_EXPIRED);
    }
}


void
ngx_http_sector_cache_refresh(ngx_http_sector_cache_loc_conf_t *conf,
    ngx_http_core_srv_conf_t *server, ngx_str_t *symbol)
{
    ngx_http_sector_cache_wanted_t  wanted;

    ngx_memzero(&wanted, sizeof(ngx_http_sector_cache_wanted_t));

    wanted.conf = conf;
    wanted.server = server;
    wanted.symbol = (char *) symbol->data;
    wanted.shared = 1;

    /* without memory for a refresh the next request tries again */

    (void) ngx_http_sector_cache_fetch_join(&wanted, 1);
}
