/*
 * Every worker has a timer for each source whose breaker is not closed, so
 * that it does not matter which of them dies or drains.  When the open time is
 * over they fetch the keys that were asked for last, fresh or not, until the
 * breaker closes or opens again.  The single flight bounds them together, and
 * the breaker, which lets no more of them through than it needs to close.
 *
 * A key that the upstream fails at, be it as well as it may, must not keep the
 * breaker open: one failing probe opens it again.  So a key whose probe failed
 * goes behind all others, and where a round begins with keys of which nothing
 * bad is known, it takes no others, however few they are.  Where all have
 * failed, each gets its turn.
 */

#include "ngx_http_sector_cache_fetch.h"
#include "ngx_http_sector_cache_probe.h"
#include "ngx_http_sector_cache_source.h"
#include "ngx_http_sector_cache_source_asked.h"
#include "ngx_http_sector_cache_source_info.h"


#define NGX_HTTP_SECTOR_CACHE_PROBE_LATER_MS  1000


typedef struct {
    ngx_http_sector_cache_waiter_t      waiter;
    ngx_http_sector_cache_source_t     *source;
    ngx_http_sector_cache_asked_t       asked;
} ngx_http_sector_cache_probe_t;


static void ngx_http_sector_cache_probe_timer(ngx_event_t *ev);
static void ngx_http_sector_cache_probe_arm(
    ngx_http_sector_cache_source_t *source, uint64_t ms);
static void ngx_http_sector_cache_probe_all(
    ngx_http_sector_cache_source_t *source);
static ngx_int_t ngx_http_sector_cache_probe_one(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_asked_t *asked);
static void ngx_http_sector_cache_probe_done(void *data,
    const ngx_http_sector_cache_answer_t *answer);


void
ngx_http_sector_cache_probe_wake(ngx_http_sector_cache_main_conf_t *mcf)
{
    uint64_t                          retry_after_ms;
    ngx_uint_t                        i;
    ngx_http_sector_cache_source_t  **sources;

    sources = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (sources[i]->probe.timer_set || sources[i]->probing) {
            continue;
        }

        if (ngx_http_sector_cache_source_state(sources[i], &retry_after_ms)
            != SECTOR_BREAKER_CLOSED)
        {
            ngx_http_sector_cache_probe_arm(sources[i], retry_after_ms);
        }
    }
}


/* Looks at the breaker, and probes if it is time to. */

static void
ngx_http_sector_cache_probe_timer(ngx_event_t *ev)
{
    uint64_t                         retry_after_ms;
    sector_breaker_state_e           state;
    ngx_http_sector_cache_source_t  *source;

    source = ev->data;

    state = ngx_http_sector_cache_source_settle(source, &retry_after_ms);

    if (state == SECTOR_BREAKER_CLOSED || source->probing) {
        return;
    }

    if (retry_after_ms == 0) {
        ngx_http_sector_cache_probe_all(source);
        return;
    }

    /* others probe, or they are dead */

    if (state == SECTOR_BREAKER_HALF_OPEN) {
        ngx_http_sector_cache_source_reap(
             ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                                 ngx_http_sector_cache_module),
             0);
    }

    ngx_http_sector_cache_probe_arm(source, retry_after_ms);
}


/* Looks again in so many milliseconds, or sooner: what another worker does, a
 * probe of its own that ends, or an operator, makes the time another one. */

static void
ngx_http_sector_cache_probe_arm(ngx_http_sector_cache_source_t *source,
    uint64_t ms)
{
    if (ngx_exiting) {
        return;
    }

    source->probe.handler = ngx_http_sector_cache_probe_timer;
    source->probe.data = source;
    source->probe.log = ngx_cycle->log;
    source->probe.cancelable = 1;

    ms = ngx_min(ms, NGX_HTTP_SECTOR_CACHE_PROBE_LATER_MS);

    ngx_add_timer(&source->probe, (ngx_msec_t) ngx_max(ms, 1));
}


/* As many as may be under way at once, and no more than are needed, each
 * another key; with one that has failed, it alone. */

static void
ngx_http_sector_cache_probe_all(ngx_http_sector_cache_source_t *source)
{
    ngx_uint_t                     i, n, most;
    ngx_http_sector_cache_asked_t  asked[NGX_HTTP_SECTOR_CACHE_ASKED];

    n = ngx_http_sector_cache_source_asked(source, asked);
    most = ngx_min(source->breaker.half_open, source->breaker.successes);

    for (i = 0; i < n && source->probing < most; i++) {

        if (asked[i].failed && source->probing) {
            break;
        }

        (void) ngx_http_sector_cache_probe_one(source, &asked[i]);
    }

    /* nothing that could be fetched here now: the next client will see */

    if (source->probing == 0) {
        ngx_http_sector_cache_probe_arm(source,
                                        NGX_HTTP_SECTOR_CACHE_PROBE_LATER_MS);
    }
}


/* Fetches a key for nobody, by the location that it is asked for by. */

static ngx_int_t
ngx_http_sector_cache_probe_one(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_asked_t *asked)
{
    char                               symbol[SECTOR_SYMBOL_MAX + 1];
    ngx_uint_t                         i;
    ngx_http_sector_cache_probe_t     *probe;
    ngx_http_sector_cache_wanted_t     wanted;
    ngx_http_sector_cache_location_t  *location;
    ngx_http_sector_cache_main_conf_t *mcf;

    if (sector_model_symbol((char *) asked->key, asked->key_len, symbol) != 0)
    {
        return NGX_DECLINED;
    }

    location = source->locations.elts;

    for (i = 0; i < source->locations.nelts; i++) {
        if (sector_store_id(&location[i].conf->sectors->store)
            == asked->zone)
        {
            break;
        }
    }

    if (i == source->locations.nelts) {
        return NGX_DECLINED;
    }

    probe = ngx_calloc(sizeof(ngx_http_sector_cache_probe_t), ngx_cycle->log);
    if (probe == NULL) {
        return NGX_ERROR;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_sector_cache_module);

    probe->source = source;
    probe->asked = *asked;
    probe->waiter.handler = ngx_http_sector_cache_probe_done;
    probe->waiter.data = probe;
    probe->waiter.probe = 1;

    ngx_memzero(&wanted, sizeof(ngx_http_sector_cache_wanted_t));

    wanted.conf = location[i].conf;
    wanted.server = location[i].server;
    wanted.symbol = symbol;
    wanted.shared = (wanted.conf->flag != NGX_HTTP_SECTOR_CACHE_OFF
                     && !ngx_http_sector_cache_killed(mcf));
    wanted.force = 1;
    wanted.unheld = 1;
    wanted.batch = (wanted.conf->fetch->source != source);
    wanted.waiter = &probe->waiter;

    if (ngx_http_sector_cache_fetch_join(&wanted, 1) != NGX_OK) {
        ngx_free(probe);
        return NGX_ERROR;
    }

    source->probing++;

    return NGX_OK;
}


/* A probe has ended.  Where it said nothing of the upstream, and the breaker
 * has not opened again, the next one has time. */

static void
ngx_http_sector_cache_probe_done(void *data,
    const ngx_http_sector_cache_answer_t *answer)
{
    uint64_t                         ms;
    ngx_uint_t                       good;
    ngx_http_sector_cache_probe_t   *probe;
    ngx_http_sector_cache_source_t  *source;

    probe = data;
    source = probe->source;

    good = (answer->result == NGX_HTTP_SECTOR_CACHE_FETCH_OK
            || answer->result == NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND);

    if (answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_OPEN
        && answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_FULL
        && answer->result != NGX_HTTP_SECTOR_CACHE_FETCH_LIMITED)
    {
        ngx_http_sector_cache_source_probed(source, &probe->asked, !good);
    }

    ngx_free(probe);

    if (--source->probing) {
        return;
    }

    ms = 1;

    if (!good
        && ngx_http_sector_cache_source_state(source, &ms)
           != SECTOR_BREAKER_OPEN)
    {
        ms = NGX_HTTP_SECTOR_CACHE_PROBE_LATER_MS;
    }

    ngx_http_sector_cache_probe_arm(source, ms);
}
