#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_fetch.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source_info.h"
#include "ngx_http_sector_cache_trouble.h"


static const char *ngx_http_sector_cache_trouble_kind(uint32_t result);
static ngx_uint_t ngx_http_sector_cache_serving_one(
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_sector_cache_symbol_t *s,
    ngx_http_sector_cache_serving_t *serving);
static ngx_uint_t ngx_http_sector_cache_trouble_open(
    ngx_http_sector_cache_source_t *source);
static ngx_uint_t ngx_http_sector_cache_trouble_add(const char **names,
    ngx_uint_t n, const char *name);
static ngx_uint_t ngx_http_sector_cache_serving_failed(
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_sector_cache_symbol_t *s);


void
ngx_http_sector_cache_trouble(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_trouble_t *trouble, sector_compose_trouble_t *said)
{
    size_t             len;
    sector_failing_t  *f;

    f = &trouble->failing;

    ngx_shmtx_lock(&source->shpool->mutex);

    *f = source->sh->failing;
    trouble->opened = source->sh->opened;
    trouble->opened_wall_ms = source->sh->breaker.force
                              == SECTOR_BREAKER_AUTO
                              ? source->sh->opened_wall_ms : 0;

    ngx_shmtx_unlock(&source->shpool->mutex);

    len = ngx_min(f->key_len, SECTOR_FLIGHT_KEY_MAX);

    ngx_memcpy(trouble->symbol, f->key, len);
    trouble->symbol[len] = '\0';

    ngx_http_sector_cache_trouble_text(trouble->symbol, len + 1);
    ngx_http_sector_cache_trouble_text(f->error.reason,
                                       SECTOR_FLIGHT_REASON_MAX);
    ngx_http_sector_cache_trouble_text(trouble->opened.reason,
                                       SECTOR_FLIGHT_REASON_MAX);

    ngx_memzero(said, sizeof(sector_compose_trouble_t));

    said->failing = sector_failing_is(f, source->breaker.failures,
                                      ngx_http_sector_cache_now());
    said->failures = f->failures;
    said->since_wall_ms = f->since_wall_ms;
    said->success_wall_ms = f->success_wall_ms;

    if (f->error_wall_ms) {
        said->error_wall_ms = f->error_wall_ms;
        said->error = f->error.reason;
        said->kind = ngx_http_sector_cache_trouble_kind(f->error.result);
        said->symbol = len ? trouble->symbol : NULL;
        said->status = f->error.status;
    }

    if (trouble->opened_wall_ms) {
        said->opened_wall_ms = trouble->opened_wall_ms;
        said->opened = trouble->opened.reason;
    }
}


/* The counter of a fetch that ended so. */

static const char *
ngx_http_sector_cache_trouble_kind(uint32_t result)
{
    sector_fetch_stat_e  stat;

    switch (result) {

    case NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND:
        stat = SECTOR_FETCH_NOT_FOUND;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_INVALID:
        stat = SECTOR_FETCH_INVALID;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT:
        stat = SECTOR_FETCH_TIMEOUT;
        break;

    case NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED:
        stat = SECTOR_FETCH_ABORTED;
        break;

    default:
        stat = SECTOR_FETCH_ERROR;
    }

    return sector_stats_fetch_rows[stat].name;
}


void
ngx_http_sector_cache_trouble_text(char *text, size_t size)
{
    char  *p, *last;

    last = text + size - 1;

    for (p = text; p < last && *p != '\0'; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }

    *p = '\0';
}


void
ngx_http_sector_cache_serving(ngx_http_sector_cache_loc_conf_t *lcf,
    ngx_uint_t memory, ngx_uint_t refused,
    ngx_http_sector_cache_serving_t *serving)
{
    ngx_uint_t                       i, lacking;
    ngx_http_sector_cache_symbol_t  *s;

    ngx_memzero(serving, sizeof(ngx_http_sector_cache_serving_t));

    s = lcf->symbols->elts;

    for (i = 0; i < lcf->symbols->nelts; i++) {

        if (memory) {
            lacking = ngx_http_sector_cache_serving_one(lcf, &s[i], serving);

            if (lacking == 0) {
                continue;
            }

            if (lacking == 1 && !refused
                && !ngx_http_sector_cache_serving_failed(lcf, &s[i]))
            {
                continue;
            }

        } else if (!refused) {
            continue;
        }

        serving->lacking++;

        if (serving->n_names < SECTOR_COMPOSE_UNSERVABLE) {
            serving->names[serving->n_names++] = s[i].symbol;
        }
    }
}


/* Returns 0 where memory could answer for the symbol, 1 where it knows nothing
 * of it, 2 where it knows that there is none. */

static ngx_uint_t
ngx_http_sector_cache_serving_one(ngx_http_sector_cache_loc_conf_t *lcf,
    ngx_http_sector_cache_symbol_t *s,
    ngx_http_sector_cache_serving_t *serving)
{
    ngx_str_t              key;
    sector_entry_t         entry;
    sector_store_view_t    view;
    sector_store_state_e   state;

    key.data = (u_char *) s->symbol;
    key.len = s->symbol_len;

    state = ngx_http_sector_cache_entry_read(lcf->sectors, &key, &view,
                                             &entry);

    if (state == SECTOR_STORE_NONE) {
        return 1;
    }

    sector_store_read_end(&lcf->sectors->store);

    if (view.negative) {
        return 2;
    }

    serving->servable++;

    if (state != SECTOR_STORE_FRESH && view.dead_at_ms != UINT64_MAX
        && (serving->dead_at_ms == 0
            || view.dead_at_ms < serving->dead_at_ms))
    {
        serving->dead_at_ms = view.dead_at_ms;
    }

    return 0;
}


/* A success would have left it in memory, or ended what is remembered. */

static ngx_uint_t
ngx_http_sector_cache_serving_failed(ngx_http_sector_cache_loc_conf_t *lcf,
    ngx_http_sector_cache_symbol_t *s)
{
    uint64_t                         left_ms;
    ngx_uint_t                       i;
    sector_hold_slot_t               slot;
    ngx_http_sector_cache_source_t  *sources[2];

    sources[0] = lcf->fetch->source;
    sources[1] = lcf->batch ? lcf->batch->source : sources[0];

    for (i = 0; i < 2; i++) {

        if (i && sources[1] == sources[0]) {
            break;
        }

        if (ngx_http_sector_cache_source_held(sources[i], lcf->sectors,
                                              s->symbol, s->symbol_len, &slot,
                                              &left_ms)
            == NGX_OK
            && (slot.failures || slot.absent) && !slot.had)
        {
            return 1;
        }
    }

    return 0;
}


int64_t
ngx_http_sector_cache_trouble_lasts(ngx_http_sector_cache_source_t *source)
{
    uint64_t                            first_ms;
    ngx_uint_t                          i, k;
    ngx_http_sector_cache_symbol_t     *s;
    ngx_http_sector_cache_serving_t     serving;
    ngx_http_sector_cache_location_t   *location;
    ngx_http_sector_cache_loc_conf_t   *lcf;

    location = source->locations.elts;
    first_ms = 0;

    for (i = 0; i < source->locations.nelts; i++) {
        lcf = location[i].conf;

        if (lcf->flag == NGX_HTTP_SECTOR_CACHE_OFF) {
            continue;
        }

        serving.servable = 0;
        serving.dead_at_ms = first_ms;
        s = lcf->symbols->elts;

        for (k = 0; k < lcf->symbols->nelts; k++) {
            (void) ngx_http_sector_cache_serving_one(lcf, &s[k], &serving);
        }

        first_ms = serving.dead_at_ms;
    }

    return first_ms ? ngx_http_sector_cache_clock_wall(first_ms) : 0;
}


ngx_uint_t
ngx_http_sector_cache_trouble_lacking(ngx_http_sector_cache_source_t *source,
    ngx_uint_t memory, const char **names, ngx_uint_t n)
{
    ngx_uint_t                          i, k, refused;
    ngx_http_sector_cache_serving_t     serving;
    ngx_http_sector_cache_location_t   *location;
    ngx_http_sector_cache_loc_conf_t   *lcf;

    location = source->locations.elts;

    for (i = 0; i < source->locations.nelts; i++) {
        lcf = location[i].conf;

        if (lcf->flag == NGX_HTTP_SECTOR_CACHE_OFF) {
            continue;
        }

        refused = ngx_http_sector_cache_trouble_open(lcf->fetch->source)
                  && (lcf->batch == NULL
                      || ngx_http_sector_cache_trouble_open(
                                                         lcf->batch->source));

        ngx_http_sector_cache_serving(lcf, memory, refused, &serving);

        for (k = 0; k < serving.n_names; k++) {
            n = ngx_http_sector_cache_trouble_add(names, n, serving.names[k]);
        }
    }

    return n;
}


static ngx_uint_t
ngx_http_sector_cache_trouble_open(ngx_http_sector_cache_source_t *source)
{
    uint64_t  retry_after_ms;

    return ngx_http_sector_cache_source_state(source, &retry_after_ms)
           == SECTOR_BREAKER_OPEN;
}


static ngx_uint_t
ngx_http_sector_cache_trouble_add(const char **names, ngx_uint_t n,
    const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_strcmp(names[i], name) == 0) {
            return n;
        }
    }

    if (n < SECTOR_COMPOSE_UNSERVABLE) {
        names[n++] = name;
    }

    return n;
}
