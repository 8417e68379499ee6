/*
 * Every worker has all timers, so that it does not matter which of them dies
 * or drains.  Who comes first when a sample is due says so in the control zone
 * and takes it; the others find it taken.  That of stale answers runs only in
 * workers that give any, and where most of them are.
 *
 * A minute's sample is stored under a key of its own, as an entry like any
 * other: it survives a reload with its zone, and a restart where that persists.
 * A worker that begins takes the sample of its minute if there is none: so the
 * successor of one that died at it does.
 *
 * Sums are counters over all zones and sources, which never decrease but where
 * a zone is made anew; a sample has how much they grew.
 */

#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_sampler.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source_info.h"
#include "ngx_http_sector_cache_trouble.h"
#include "sector_compose.h"


#define NGX_HTTP_SECTOR_CACHE_MINUTE_MS  60000

#define ngx_http_sector_cache_grown(now, before)                              \
    ((now) > (before) ? (now) - (before) : 0)


/* An alert, in this process. */

typedef struct ngx_http_sector_cache_watch_s  ngx_http_sector_cache_watch_t;

struct ngx_http_sector_cache_watch_s {
    ngx_event_t                         event;
    ngx_http_sector_cache_main_conf_t  *mcf;
    const sector_alert_policy_t        *policy;
    sector_alert_t                     *alert;      /* in the control zone */
    void                              (*add)(
                                     const ngx_http_sector_cache_sums_t *sums,
                                     uint64_t *good, uint64_t *bad);
    void                              (*say)(
                                     ngx_http_sector_cache_watch_t *watch,
                                     ngx_uint_t begins, uint32_t percent,
                                     uint64_t asked);
};


static void ngx_http_sector_cache_sampler_look(
    ngx_http_sector_cache_watch_t *watch);
static void ngx_http_sector_cache_sampler_again(
    ngx_http_sector_cache_watch_t *watch);
static void ngx_http_sector_cache_sampler_timer(ngx_event_t *ev,
    ngx_event_handler_pt handler, void *data, ngx_log_t *log);
static void ngx_http_sector_cache_sampler_minute(ngx_event_t *ev);
static void ngx_http_sector_cache_sampler_take(
    ngx_http_sector_cache_main_conf_t *mcf,
    ngx_http_sector_cache_zone_t *zone, int64_t minute);
static ngx_uint_t ngx_http_sector_cache_sampler_claim(
    ngx_http_sector_cache_main_conf_t *mcf, int64_t minute);
static void ngx_http_sector_cache_sampler_sums(
    ngx_http_sector_cache_main_conf_t *mcf, ngx_http_sector_cache_sums_t *sums,
    sector_compose_sample_t *sample);
static void ngx_http_sector_cache_sampler_alert(ngx_event_t *ev);
static void ngx_http_sector_cache_sampler_judge(
    ngx_http_sector_cache_watch_t *watch);
static void ngx_http_sector_cache_sampler_add_hits(
    const ngx_http_sector_cache_sums_t *sums, uint64_t *good, uint64_t *bad);
static void ngx_http_sector_cache_sampler_say_hits(
    ngx_http_sector_cache_watch_t *watch, ngx_uint_t begins, uint32_t percent,
    uint64_t asked);
static void ngx_http_sector_cache_sampler_add_stale(
    const ngx_http_sector_cache_sums_t *sums, uint64_t *good, uint64_t *bad);
static void ngx_http_sector_cache_sampler_say_stale(
    ngx_http_sector_cache_watch_t *watch, ngx_uint_t begins, uint32_t percent,
    uint64_t asked);
static ngx_http_sector_cache_source_t *ngx_http_sector_cache_sampler_worst(
    ngx_http_sector_cache_main_conf_t *mcf,
    ngx_http_sector_cache_trouble_t *trouble, sector_compose_trouble_t *said);


/* Most answers of a minute are stale: where fewer than half of them, and there
 * are some, are anything else. */

static const sector_alert_policy_t  ngx_http_sector_cache_stale_policy = {
    60000, 10, 50
};


/* The process's. */

static ngx_event_t                    ngx_http_sector_cache_sampler_minutes;
static ngx_http_sector_cache_watch_t  ngx_http_sector_cache_watch_hits;
static ngx_http_sector_cache_watch_t  ngx_http_sector_cache_watch_stale;
static ngx_uint_t                     ngx_http_sector_cache_stale_seen;


void
ngx_http_sector_cache_sampler_start(ngx_cycle_t *cycle,
    ngx_http_sector_cache_main_conf_t *mcf)
{
    ngx_http_sector_cache_watch_t  *watch;

    if (mcf->ops == NULL) {
        return;
    }

    if (ngx_http_sector_cache_sampler_zone(mcf)) {
        ngx_http_sector_cache_sampler_timer(
                                       &ngx_http_sector_cache_sampler_minutes,
                                       ngx_http_sector_cache_sampler_minute,
                                       mcf, cycle->log);
    }

    if (mcf->alert.hit_percent) {
        watch = &ngx_http_sector_cache_watch_hits;

        watch->mcf = mcf;
        watch->policy = &mcf->alert;
        watch->alert = &mcf->ops->alert;
        watch->add = ngx_http_sector_cache_sampler_add_hits;
        watch->say = ngx_http_sector_cache_sampler_say_hits;

        ngx_http_sector_cache_sampler_timer(&watch->event,
                                         ngx_http_sector_cache_sampler_alert,
                                         watch, cycle->log);
    }

    watch = &ngx_http_sector_cache_watch_stale;

    watch->mcf = mcf;
    watch->policy = &ngx_http_sector_cache_stale_policy;
    watch->alert = &mcf->ops->stale;
    watch->add = ngx_http_sector_cache_sampler_add_stale;
    watch->say = ngx_http_sector_cache_sampler_say_stale;

    /* a timer more makes each other one dearer, and so each request: there is
     * none as long as nothing is stale */

    ngx_memzero(&watch->event, sizeof(ngx_event_t));
    watch->event.handler = ngx_http_sector_cache_sampler_alert;
    watch->event.data = watch;
    watch->event.log = cycle->log;
    watch->event.cancelable = 1;

    if (mcf->ops->stale.raised) {
        ngx_http_sector_cache_sampler_again(watch);
    }
}


void
ngx_http_sector_cache_sampler_stale(void)
{
    ngx_http_sector_cache_watch_t  *watch;

    watch = &ngx_http_sector_cache_watch_stale;

    ngx_http_sector_cache_stale_seen = 1;

    if (watch->mcf && !watch->event.timer_set) {

        /* it is not counted yet: this is how things were without it */

        ngx_http_sector_cache_sampler_look(watch);
        ngx_http_sector_cache_sampler_again(watch);
    }
}


static void
ngx_http_sector_cache_sampler_again(ngx_http_sector_cache_watch_t *watch)
{
    ngx_add_timer(&watch->event, (ngx_msec_t) watch->policy->window_ms
                                 / SECTOR_ALERT_STEPS);
}


static void
ngx_http_sector_cache_sampler_timer(ngx_event_t *ev,
    ngx_event_handler_pt handler, void *data, ngx_log_t *log)
{
    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = handler;
    ev->data = data;
    ev->log = log;
    ev->cancelable = 1;

    ngx_add_timer(ev, 1);
}


ngx_http_sector_cache_zone_t *
ngx_http_sector_cache_sampler_zone(ngx_http_sector_cache_main_conf_t *mcf)
{
    static ngx_str_t  name = ngx_string("metrics");

    return ngx_http_sector_cache_find_zone(mcf, &name);
}


void
ngx_http_sector_cache_sampler_key(u_char *buf, int64_t minute, ngx_str_t *key)
{
    key->data = buf;
    key->len = ngx_snprintf(buf, NGX_HTTP_SECTOR_CACHE_MINUTE_MAX,
                            "minute:%L", minute)
               - buf;
}


/* A minute has begun, or this worker. */

static void
ngx_http_sector_cache_sampler_minute(ngx_event_t *ev)
{
    int64_t                             wall_ms;
    ngx_http_sector_cache_zone_t       *zone;
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ev->data;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    wall_ms = ngx_http_sector_cache_wall_ms();
    zone = ngx_http_sector_cache_sampler_zone(mcf);

    if (ngx_http_sector_cache_sampler_claim(mcf,
                                  wall_ms / NGX_HTTP_SECTOR_CACHE_MINUTE_MS))
    {
        ngx_http_sector_cache_sampler_take(mcf, zone,
                                   wall_ms / NGX_HTTP_SECTOR_CACHE_MINUTE_MS);
    }

    ngx_add_timer(ev, NGX_HTTP_SECTOR_CACHE_MINUTE_MS
                      - (ngx_msec_t) (wall_ms
                                      % NGX_HTTP_SECTOR_CACHE_MINUTE_MS)
                      + 1);
}


/* Whether it is ours to take: nobody has, who lives. */

static ngx_uint_t
ngx_http_sector_cache_sampler_claim(ngx_http_sector_cache_main_conf_t *mcf,
    int64_t minute)
{
    u_char                         buf[NGX_HTTP_SECTOR_CACHE_MINUTE_MAX];
    ngx_str_t                      key;
    ngx_uint_t                     ours;
    sector_store_view_t            view;
    ngx_http_sector_cache_ops_t   *ops;
    ngx_http_sector_cache_zone_t  *zone;

    zone = ngx_http_sector_cache_sampler_zone(mcf);
    ngx_http_sector_cache_sampler_key(buf, minute, &key);

    if (sector_store_read(&zone->store, key.data, key.len,
                          ngx_http_sector_cache_now(), &view)
        != SECTOR_STORE_NONE)
    {
        sector_store_read_end(&zone->store);
        return 0;
    }

    ops = mcf->ops;

    ngx_shmtx_lock(&mcf->shpool->mutex);

    ours = ops->minute != minute || ops->sampler == ngx_pid
           || !ngx_http_sector_cache_slab_alive(NULL, (int32_t) ops->sampler);

    if (ours) {
        ops->minute = minute;
        ops->sampler = ngx_pid;
    }

    ngx_shmtx_unlock(&mcf->shpool->mutex);

    return ours;
}


static void
ngx_http_sector_cache_sampler_take(ngx_http_sector_cache_main_conf_t *mcf,
    ngx_http_sector_cache_zone_t *zone, int64_t minute)
{
    char                               *text;
    u_char                              buf[NGX_HTTP_SECTOR_CACHE_MINUTE_MAX];
    size_t                              len;
    ngx_str_t                           key, data;
    ngx_pool_t                         *pool;
    sector_entry_t                      entry;
    ngx_http_sector_cache_sums_t        sums;
    ngx_http_sector_cache_entry_how_t   how;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    text = ngx_http_sector_cache_sampler_now(pool, mcf, &sums, &len);

    if (text) {
        data.data = (u_char *) text;
        data.len = len;

        ngx_memzero(&how, sizeof(ngx_http_sector_cache_entry_how_t));
        ngx_http_sector_cache_sampler_key(buf, minute, &key);

        if (ngx_http_sector_cache_entry_make(pool, zone, &data, &entry)
            == NGX_OK)
        {
            (void) ngx_http_sector_cache_entry_put(zone, &key, &entry, &how);
        }

        free(text);

        ngx_shmtx_lock(&mcf->shpool->mutex);
        mcf->ops->sampled = sums;
        ngx_shmtx_unlock(&mcf->shpool->mutex);
    }

    ngx_destroy_pool(pool);
}


char *
ngx_http_sector_cache_sampler_now(ngx_pool_t *pool,
    ngx_http_sector_cache_main_conf_t *mcf, ngx_http_sector_cache_sums_t *sums,
    size_t *len)
{
    ngx_uint_t                        i;
    sector_compose_source_t          *list;
    sector_compose_sample_t           sample;
    ngx_http_sector_cache_sums_t      now, before;
    ngx_http_sector_cache_source_t  **sources;

    list = ngx_pcalloc(pool,
                       mcf->sources.nelts * sizeof(sector_compose_source_t));
    if (list == NULL) {
        return NULL;
    }

    ngx_memzero(&sample, sizeof(sector_compose_sample_t));

    sources = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        list[i].name = (char *) sources[i]->name.data;
        list[i].breaker = sector_breaker_name(
                         ngx_http_sector_cache_source_state(sources[i], NULL));
    }

    sample.sources = list;
    sample.n_sources = mcf->sources.nelts;
    sample.wall_ms = ngx_http_sector_cache_wall_ms();

    ngx_http_sector_cache_sampler_sums(mcf, &now, &sample);

    ngx_shmtx_lock(&mcf->shpool->mutex);
    before = mcf->ops->sampled;
    ngx_shmtx_unlock(&mcf->shpool->mutex);

    sample.requests = ngx_http_sector_cache_grown(now.requests,
                                                  before.requests);
    sample.hits = ngx_http_sector_cache_grown(now.hits, before.hits);
    sample.misses = ngx_http_sector_cache_grown(now.misses, before.misses);
    sample.stale = ngx_http_sector_cache_grown(now.stale, before.stale);
    sample.fetches = ngx_http_sector_cache_grown(now.fetches, before.fetches);
    sample.failures = ngx_http_sector_cache_grown(now.failures,
                                                  before.failures);
    sample.calls = ngx_http_sector_cache_grown(now.calls, before.calls);
    sample.calls_ms = ngx_http_sector_cache_grown(now.calls_ms,
                                                  before.calls_ms);

    if (sums) {
        *sums = now;
    }

    return sector_compose_sample(&sample, len);
}


/* Adds up; of a sample, unless it is NULL, what is no sum. */

static void
ngx_http_sector_cache_sampler_sums(ngx_http_sector_cache_main_conf_t *mcf,
    ngx_http_sector_cache_sums_t *sums, sector_compose_sample_t *sample)
{
    ngx_uint_t                            i, j;
    sector_store_info_t                   info;
    ngx_http_sector_cache_zone_t        **zones;
    ngx_http_sector_cache_source_t      **sources;
    ngx_http_sector_cache_source_shm_t   *sh;

    ngx_memzero(sums, sizeof(ngx_http_sector_cache_sums_t));

    zones = mcf->zones.elts;

    for (i = 0; i < mcf->zones.nelts; i++) {
        sector_store_info(&zones[i]->store, &info);

        for (j = 0; j < SECTOR_STAT_OUTCOMES; j++) {
            sums->requests += info.counters[j];
        }

        sums->hits += info.counters[SECTOR_STAT_HIT];
        sums->misses += info.counters[SECTOR_STAT_MISS];
        sums->stale += info.counters[SECTOR_STAT_STALE];
        sums->disabled += info.counters[SECTOR_STAT_DISABLED];

        if (sample) {
            sample->entries += info.entries;
            sample->used_bytes += info.used_bytes;
        }
    }

    sources = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        sh = sources[i]->sh;

        sums->fetches += sh->counters[SECTOR_FETCH_STARTED];
        sums->failures += sh->counters[SECTOR_FETCH_ERROR]
                          + sh->counters[SECTOR_FETCH_INVALID]
                          + sh->counters[SECTOR_FETCH_TIMEOUT];

        ngx_shmtx_lock(&mcf->shpool->mutex);

        sums->calls_ms += sh->upstream.sum_ms;

        for (j = 0; j <= SECTOR_STATS_BOUNDS; j++) {
            sums->calls += sh->upstream.buckets[j];
        }

        ngx_shmtx_unlock(&mcf->shpool->mutex);
    }
}


/* It is time to look, if nobody else has just now. */

static void
ngx_http_sector_cache_sampler_alert(ngx_event_t *ev)
{
    ngx_http_sector_cache_watch_t  *watch;

    watch = ev->data;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    ngx_http_sector_cache_sampler_look(watch);

    /* as long as anything is stale, and until it is said that nothing is */

    if (watch == &ngx_http_sector_cache_watch_stale) {

        if (!ngx_http_sector_cache_stale_seen && !watch->alert->raised) {
            return;
        }

        ngx_http_sector_cache_stale_seen = 0;
    }

    ngx_http_sector_cache_sampler_again(watch);
}


static void
ngx_http_sector_cache_sampler_look(ngx_http_sector_cache_watch_t *watch)
{
    int  due;

    ngx_shmtx_lock(&watch->mcf->shpool->mutex);
    due = sector_alert_due(watch->alert, watch->policy,
                           ngx_http_sector_cache_now());
    ngx_shmtx_unlock(&watch->mcf->shpool->mutex);

    if (due) {
        ngx_http_sector_cache_sampler_judge(watch);
    }
}


static void
ngx_http_sector_cache_sampler_judge(ngx_http_sector_cache_watch_t *watch)
{
    int                            change;
    uint32_t                       percent;
    uint64_t                       asked, good, bad;
    ngx_http_sector_cache_sums_t   sums;

    ngx_http_sector_cache_sampler_sums(watch->mcf, &sums, NULL);
    watch->add(&sums, &good, &bad);

    ngx_shmtx_lock(&watch->mcf->shpool->mutex);

    change = sector_alert_add(watch->alert, watch->policy,
                              ngx_http_sector_cache_now(), good, bad);
    percent = watch->alert->percent;
    asked = watch->alert->asked;

    ngx_shmtx_unlock(&watch->mcf->shpool->mutex);

    if (change) {
        watch->say(watch, change > 0, percent, asked);
    }
}


static void
ngx_http_sector_cache_sampler_add_hits(
    const ngx_http_sector_cache_sums_t *sums, uint64_t *good, uint64_t *bad)
{
    *good = sums->hits;
    *bad = sums->misses;
}


static void
ngx_http_sector_cache_sampler_say_hits(ngx_http_sector_cache_watch_t *watch,
    ngx_uint_t begins, uint32_t percent, uint64_t asked)
{
    if (begins) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "hit rate is %uD%% of %uL requests within %uL ms, "
                      "below %uD%%", percent, asked, watch->policy->window_ms,
                      watch->policy->hit_percent);

    } else {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "hit rate is %uD%% of %uL requests within %uL ms, "
                      "no longer known to be below %uD%%",
                      percent, asked, watch->policy->window_ms,
                      watch->policy->hit_percent);
    }
}


/* With the cache off nothing is stale. */

static void
ngx_http_sector_cache_sampler_add_stale(
    const ngx_http_sector_cache_sums_t *sums, uint64_t *good, uint64_t *bad)
{
    *good = sums->requests - sums->stale - sums->disabled;
    *bad = sums->stale;
}


static void
ngx_http_sector_cache_sampler_say_stale(ngx_http_sector_cache_watch_t *watch,
    ngx_uint_t begins, uint32_t percent, uint64_t asked)
{
    ngx_http_sector_cache_source_t   *source;
    sector_compose_trouble_t          said;
    ngx_http_sector_cache_trouble_t   trouble;

    if (!begins) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "most answers are no longer stale, of %uL within %uL ms",
                      asked, watch->policy->window_ms);
        return;
    }

    source = ngx_http_sector_cache_sampler_worst(watch->mcf, &trouble, &said);

    if (source == NULL) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%uD%% of %uL answers within %uL ms are stale",
                      100 - percent, asked, watch->policy->window_ms);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "%uD%% of %uL answers within %uL ms are stale, source \"%V\" "
                  "failed last: %s", 100 - percent, asked,
                  watch->policy->window_ms, &source->name, said.error);
}


/* The source whose last failure is the newest, or NULL. */

static ngx_http_sector_cache_source_t *
ngx_http_sector_cache_sampler_worst(ngx_http_sector_cache_main_conf_t *mcf,
    ngx_http_sector_cache_trouble_t *trouble, sector_compose_trouble_t *said)
{
    int64_t                           last;
    ngx_uint_t                        i;
    ngx_http_sector_cache_source_t   *worst, **sources;

    sources = mcf->sources.elts;
    worst = NULL;
    last = 0;
    said->error = NULL;

    for (i = 0; i < mcf->sources.nelts; i++) {
        ngx_http_sector_cache_trouble(sources[i], trouble, said);

        if (said->error && said->error_wall_ms > last) {
            last = said->error_wall_ms;
            worst = sources[i];
        }
    }

    if (worst) {
        ngx_http_sector_cache_trouble(worst, trouble, said);
    }

    return said->error ? worst : NULL;
}


ngx_uint_t
ngx_http_sector_cache_alert(ngx_uint_t *raised)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_sector_cache_module);
    *raised = 0;

    if (mcf == NULL || mcf->ops == NULL || mcf->alert.hit_percent == 0) {
        return 0;
    }

    *raised = (mcf->ops->alert.raised != 0);

    return 1;
}


ngx_uint_t
ngx_http_sector_cache_stale_alert(void)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_sector_cache_module);

    return mcf != NULL && mcf->ops != NULL && mcf->ops->stale.raised != 0;
}
