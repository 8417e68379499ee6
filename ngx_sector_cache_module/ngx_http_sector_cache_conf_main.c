/*
 * The directives of the http block: zones and sources.
 */

#include "ngx_http_sector_cache_conf.h"
#include "ngx_http_sector_cache_hours.h"
#include "ngx_http_sector_cache_params.h"
#include "ngx_http_sector_cache_shm.h"


#define NGX_HTTP_SECTOR_CACHE_DAY_MS   ((uint64_t) 86400 * 1000)
#define NGX_HTTP_SECTOR_CACHE_YEAR_MS  (365 * NGX_HTTP_SECTOR_CACHE_DAY_MS)

#define ngx_http_sector_cache_zone_policy(field)                              \
    offsetof(ngx_http_sector_cache_zone_t, policy)                            \
    + offsetof(sector_store_policy_t, field)

#define ngx_http_sector_cache_source_breaker(field)                           \
    offsetof(ngx_http_sector_cache_source_t, breaker)                         \
    + offsetof(sector_breaker_policy_t, field)


static ngx_int_t ngx_http_sector_cache_conf_name(ngx_conf_t *cf,
    ngx_str_t *name);
static void ngx_http_sector_cache_conf_max_object(ngx_conf_t *cf,
    ngx_http_sector_cache_zone_t *zone, size_t size);
static ngx_int_t ngx_http_sector_cache_conf_persist(ngx_conf_t *cf,
    ngx_http_sector_cache_main_conf_t *mcf,
    ngx_http_sector_cache_zone_t *zone);
static void ngx_http_sector_cache_source_defaults(
    ngx_http_sector_cache_source_t *source);
static char *ngx_http_sector_cache_check_source(ngx_conf_t *cf,
    ngx_http_sector_cache_source_t *source);


static const ngx_http_sector_cache_param_t
    ngx_http_sector_cache_zone_params[] =
{
    { ngx_string("ttl"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_zone_policy(ttl_ms),
      1, NGX_HTTP_SECTOR_CACHE_YEAR_MS, "a time from 1ms to 365d" },

    { ngx_string("stale"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_zone_policy(stale_ms),
      0, NGX_HTTP_SECTOR_CACHE_YEAR_MS, "a time from 0 to 365d" },

    { ngx_string("negative"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_zone_policy(negative_ms),
      0, NGX_HTTP_SECTOR_CACHE_DAY_MS, "a time from 0 to 1d" },

    { ngx_string("missing_after"), NGX_HTTP_SECTOR_CACHE_NUMBER,
      offsetof(ngx_http_sector_cache_zone_t, missing_after),
      1, 1000, "a number from 1 to 1000" },

    { ngx_string("swr"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_zone_policy(swr_ms),
      0, NGX_HTTP_SECTOR_CACHE_YEAR_MS, "a time from 0 to 365d" },

    { ngx_string("jitter"), NGX_HTTP_SECTOR_CACHE_PERCENT,
      ngx_http_sector_cache_zone_policy(jitter_percent),
      0, 50, "0% to 50%" },

    { ngx_string("max_object"), NGX_HTTP_SECTOR_CACHE_SIZE,
      ngx_http_sector_cache_zone_policy(max_object_bytes),
      1, 64 * 1024 * 1024, "a size from 1 to 64m" },

    { ngx_string("persist"), NGX_HTTP_SECTOR_CACHE_PATH,
      offsetof(ngx_http_sector_cache_zone_t, persist),
      0, 0, "the name of a file" },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static const ngx_http_sector_cache_param_t
    ngx_http_sector_cache_source_params[] =
{
    { ngx_string("timeout"), NGX_HTTP_SECTOR_CACHE_TIME,
      offsetof(ngx_http_sector_cache_source_t, timeout_ms),
      1, 3600 * 1000, "a time from 1ms to 1h" },

    { ngx_string("concurrency"), NGX_HTTP_SECTOR_CACHE_NUMBER,
      offsetof(ngx_http_sector_cache_source_t, concurrency),
      1, 1024, "a number from 1 to 1024" },

    { ngx_string("queue"), NGX_HTTP_SECTOR_CACHE_NUMBER,
      offsetof(ngx_http_sector_cache_source_t, queue),
      0, 4096, "a number from 0 to 4096" },

    { ngx_string("queue_timeout"), NGX_HTTP_SECTOR_CACHE_TIME,
      offsetof(ngx_http_sector_cache_source_t, queue_timeout_ms),
      1, 3600 * 1000, "a time from 1ms to 1h" },

    { ngx_string("rate"), NGX_HTTP_SECTOR_CACHE_RATE,
      offsetof(ngx_http_sector_cache_source_t, rate),
      1, 1000000, "a rate from 1r/m to 1000000r/s" },

    { ngx_string("retries"), NGX_HTTP_SECTOR_CACHE_NUMBER,
      offsetof(ngx_http_sector_cache_source_t, retries),
      0, 10, "a number from 0 to 10" },

    { ngx_string("backoff"), NGX_HTTP_SECTOR_CACHE_TIME,
      offsetof(ngx_http_sector_cache_source_t, backoff_ms),
      1, 3600 * 1000, "a time from 1ms to 1h" },

    { ngx_string("hold"), NGX_HTTP_SECTOR_CACHE_TIME,
      offsetof(ngx_http_sector_cache_source_t, hold_ms),
      0, 3600 * 1000, "a time from 0 to 1h" },

    { ngx_string("max_hold"), NGX_HTTP_SECTOR_CACHE_TIME,
      offsetof(ngx_http_sector_cache_source_t, max_hold_ms),
      1, NGX_HTTP_SECTOR_CACHE_DAY_MS, "a time from 1ms to 1d" },

    { ngx_string("frozen"), NGX_HTTP_SECTOR_CACHE_TIME,
      offsetof(ngx_http_sector_cache_source_t, frozen_ms),
      0, NGX_HTTP_SECTOR_CACHE_DAY_MS, "a time from 0 to 1d" },

    { ngx_string("failures"), NGX_HTTP_SECTOR_CACHE_NUMBER32,
      ngx_http_sector_cache_source_breaker(failures),
      1, 1000000, "a number from 1 to 1000000" },

    { ngx_string("error_rate"), NGX_HTTP_SECTOR_CACHE_PERCENT,
      ngx_http_sector_cache_source_breaker(error_percent),
      1, 100, "1% to 100%" },

    { ngx_string("window"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_source_breaker(window_ms),
      1000, NGX_HTTP_SECTOR_CACHE_DAY_MS, "a time from 1s to 1d" },

    { ngx_string("slow"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_source_breaker(slow_ms),
      1, 3600 * 1000, "a time from 1ms to 1h" },

    { ngx_string("open"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_source_breaker(open_ms),
      1, NGX_HTTP_SECTOR_CACHE_DAY_MS, "a time from 1ms to 1d" },

    { ngx_string("max_open"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_source_breaker(max_open_ms),
      1, NGX_HTTP_SECTOR_CACHE_DAY_MS, "a time from 1ms to 1d" },

    { ngx_string("half_open"), NGX_HTTP_SECTOR_CACHE_NUMBER32,
      ngx_http_sector_cache_source_breaker(half_open),
      1, SECTOR_BREAKER_PROBES, "a number from 1 to 64" },

    { ngx_string("successes"), NGX_HTTP_SECTOR_CACHE_NUMBER32,
      ngx_http_sector_cache_source_breaker(successes),
      1, 1000000, "a number from 1 to 1000000" },

    { ngx_string("half_open_timeout"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_source_breaker(half_open_timeout_ms),
      1, NGX_HTTP_SECTOR_CACHE_DAY_MS, "a time from 1ms to 1d" },

    { ngx_string("reset"), NGX_HTTP_SECTOR_CACHE_TIME,
      ngx_http_sector_cache_source_breaker(reset_ms),
      1, NGX_HTTP_SECTOR_CACHE_DAY_MS, "a time from 1ms to 1d" },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static const ngx_http_sector_cache_param_t
    ngx_http_sector_cache_alert_params[] =
{
    { ngx_string("hit_rate"), NGX_HTTP_SECTOR_CACHE_PERCENT,
      offsetof(sector_alert_policy_t, hit_percent), 1, 100, "1% to 100%" },

    { ngx_string("min_requests"), NGX_HTTP_SECTOR_CACHE_NUMBER,
      offsetof(sector_alert_policy_t, min_requests), 1, 1000000000,
      "a number from 1 to 1000000000" },

    { ngx_string("window"), NGX_HTTP_SECTOR_CACHE_TIME,
      offsetof(sector_alert_policy_t, window_ms),
      1000, NGX_HTTP_SECTOR_CACHE_DAY_MS, "a time from 1s to 1d" },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


void *
ngx_http_sector_cache_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_sector_cache_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->zones, cf->pool, 4,
                       sizeof(ngx_http_sector_cache_zone_t *))
        != NGX_OK
        || ngx_array_init(&mcf->sources, cf->pool, 4,
                          sizeof(ngx_http_sector_cache_source_t *))
           != NGX_OK
        || ngx_array_init(&mcf->hours, cf->pool, 1,
                          sizeof(ngx_http_sector_cache_hours_t))
           != NGX_OK
        || ngx_array_init(&mcf->apis, cf->pool, 4,
                          sizeof(ngx_http_sector_cache_location_t))
           != NGX_OK)
    {
        return NULL;
    }

    return mcf;
}


/* sector_cache_zone NAME SIZE [parameter ...] */

char *
ngx_http_sector_cache_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sector_cache_main_conf_t *mcf = conf;

    ssize_t                         size;
    ngx_str_t                      *args;
    ngx_http_sector_cache_zone_t   *zone, **slot;

    args = cf->args->elts;

    if (ngx_http_sector_cache_conf_name(cf, &args[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sector_cache_find_zone(mcf, &args[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate zone \"%V\"", &args[1]);
        return NGX_CONF_ERROR;
    }

    size = ngx_parse_size(&args[2]);

    if (size == NGX_ERROR || size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of zone \"%V\", "
                           "allowed: at least %uzk, eight memory pages",
                           &args[2], &args[1], 8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    /* whole pages, so that all in shared memory is aligned */

    size &= ~(ssize_t) (ngx_pagesize - 1);

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_sector_cache_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->name = args[1];
    zone->policy.ttl_ms = 2 * 60 * 1000;
    zone->policy.negative_ms = 10 * 1000;
    zone->missing_after = 3;

    ngx_rbtree_init(&zone->flights, &zone->sentinel,
                    ngx_str_rbtree_insert_value);

    if (ngx_http_sector_cache_params(cf, 3, ngx_http_sector_cache_zone_params,
                                     zone)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_sector_cache_conf_max_object(cf, zone, size);

    if (ngx_http_sector_cache_conf_persist(cf, mcf, zone) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sector_cache_shm_add_zone(cf, zone, size) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&mcf->zones);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = zone;

    /* its samples are taken by one worker of all, who says so there */

    if (zone->name.len == 7 && ngx_strncmp(zone->name.data, "metrics", 7) == 0
        && ngx_http_sector_cache_shm_add_control(cf, mcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* The default is a bound of what is read, for zones of any size; who gives
 * one expects such values to be stored. */

static void
ngx_http_sector_cache_conf_max_object(ngx_conf_t *cf,
    ngx_http_sector_cache_zone_t *zone, size_t size)
{
    size_t  most;

    if (zone->policy.max_object_bytes == 0) {
        zone->policy.max_object_bytes = 1024 * 1024;
        return;
    }

    most = sector_store_value_max(ngx_http_sector_cache_slab_room(size));

    if (zone->policy.max_object_bytes > most) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"max_object\" of zone \"%V\" is %uz bytes, but a "
                           "zone of this size stores values of up to %uz",
                           &zone->name, zone->policy.max_object_bytes, most);
    }
}


/* A file holds one zone. */

static ngx_int_t
ngx_http_sector_cache_conf_persist(ngx_conf_t *cf,
    ngx_http_sector_cache_main_conf_t *mcf, ngx_http_sector_cache_zone_t *zone)
{
    ngx_uint_t                      i;
    ngx_http_sector_cache_zone_t  **zones;

    zones = mcf->zones.elts;

    for (i = 0; zone->persist.len && i < mcf->zones.nelts; i++) {
        if (zones[i]->persist.len == zone->persist.len
            && ngx_strncmp(zones[i]->persist.data, zone->persist.data,
                           zone->persist.len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "file \"%V\" of zone \"%V\" is that of zone "
                               "\"%V\" already, each needs its own",
                               &zone->persist, &zone->name, &zones[i]->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* sector_cache_source NAME [parameter ...] */

char *
ngx_http_sector_cache_conf_source(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_sector_cache_main_conf_t *mcf = conf;

    ngx_str_t                       *args;
    ngx_http_sector_cache_source_t  *source, **slot;

    args = cf->args->elts;

    if (ngx_http_sector_cache_conf_name(cf, &args[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sector_cache_find_source(mcf, &args[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate source \"%V\"", &args[1]);
        return NGX_CONF_ERROR;
    }

    source = ngx_pcalloc(cf->pool, sizeof(ngx_http_sector_cache_source_t));
    if (source == NULL) {
        return NGX_CONF_ERROR;
    }

    source->name = args[1];
    ngx_http_sector_cache_source_defaults(source);

    if (ngx_array_init(&source->locations, cf->pool, 4,
                       sizeof(ngx_http_sector_cache_location_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sector_cache_params(cf, 2,
                                     ngx_http_sector_cache_source_params,
                                     source)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sector_cache_shm_add_control(cf, mcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&mcf->sources);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = source;

    return ngx_http_sector_cache_check_source(cf, source);
}


static void
ngx_http_sector_cache_source_defaults(ngx_http_sector_cache_source_t *source)
{
    source->timeout_ms = 8 * 1000;
    source->concurrency = 4;
    source->queue = 256;
    source->queue_timeout_ms = 5 * 1000;
    source->retries = 2;
    source->backoff_ms = 100;
    source->hold_ms = 1000;
    source->frozen_ms = 15 * 60 * 1000;

    source->breaker.failures = 5;
    source->breaker.min_calls = 10;
    source->breaker.open_ms = 60 * 1000;
    source->breaker.half_open = 5;
    source->breaker.successes = 3;
    source->breaker.half_open_timeout_ms = 30 * 1000;
    source->breaker.reset_ms = 5 * 60 * 1000;
}


/* What no parameter can tell alone. */

static char *
ngx_http_sector_cache_check_source(ngx_conf_t *cf,
    ngx_http_sector_cache_source_t *source)
{
    if (source->breaker.max_open_ms == 0) {
        source->breaker.max_open_ms = ngx_max(10 * 60 * 1000,
                                              source->breaker.open_ms);
    }

    if (source->breaker.open_ms > source->breaker.max_open_ms) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"open\" of \"sector_cache_source\" is %uL ms, "
                           "allowed: up to its \"max_open\", %uL ms",
                           source->breaker.open_ms,
                           source->breaker.max_open_ms);
        return NGX_CONF_ERROR;
    }

    if (source->max_hold_ms == 0) {
        source->max_hold_ms = ngx_max(30 * 1000, source->hold_ms);
    }

    if (source->hold_ms > source->max_hold_ms) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"hold\" of \"sector_cache_source\" is %uL ms, "
                           "allowed: up to its \"max_hold\", %uL ms",
                           source->hold_ms, source->max_hold_ms);
        return NGX_CONF_ERROR;
    }

    if (source->breaker.window_ms && source->breaker.error_percent == 0) {
        return "has \"window\" without \"error_rate\"";
    }

    if (source->breaker.window_ms == 0) {
        source->breaker.window_ms = 60 * 1000;
    }

    /* a probe that may still report must not lose its place, or a breaker
     * behind a slow upstream would never close */

    source->breaker.half_open_timeout_ms =
        ngx_max(source->breaker.half_open_timeout_ms,
                source->timeout_ms + NGX_HTTP_SECTOR_CACHE_LEASE_MARGIN);

    return NGX_CONF_OK;
}


/* sector_cache_alert hit_rate=PERCENT [min_requests=100] [window=5m] */

char *
ngx_http_sector_cache_conf_alert(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_sector_cache_main_conf_t *mcf = conf;

    if (mcf->alert.window_ms) {
        return "is duplicate";
    }

    mcf->alert.min_requests = 100;
    mcf->alert.window_ms = 5 * 60 * 1000;

    if (ngx_http_sector_cache_params(cf, 1, ngx_http_sector_cache_alert_params,
                                     &mcf->alert)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (mcf->alert.hit_percent == 0) {
        return "has no \"hit_rate\", which is needed";
    }

    return ngx_http_sector_cache_shm_add_control(cf, mcf) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* Names end in URIs, logs, JSON and metrics: kept to what needs no escape. */

static ngx_int_t
ngx_http_sector_cache_conf_name(ngx_conf_t *cf, ngx_str_t *name)
{
    size_t  i;
    u_char  c;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_' || c == '-'))
        {
            break;
        }
    }

    if (i < name->len || i == 0 || i > NGX_HTTP_SECTOR_CACHE_NAME_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\", "
                           "allowed: 1 to %d of A-Z a-z 0-9 _ -",
                           name, NGX_HTTP_SECTOR_CACHE_NAME_MAX);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_http_sector_cache_zone_t *
ngx_http_sector_cache_find_zone(ngx_http_sector_cache_main_conf_t *mcf,
    ngx_str_t *name)
{
    ngx_uint_t                      i;
    ngx_http_sector_cache_zone_t  **zones;

    zones = mcf->zones.elts;

    for (i = 0; i < mcf->zones.nelts; i++) {
        if (zones[i]->name.len == name->len
            && ngx_memcmp(zones[i]->name.data, name->data, name->len) == 0)
        {
            return zones[i];
        }
    }

    return NULL;
}


ngx_http_sector_cache_source_t *
ngx_http_sector_cache_find_source(ngx_http_sector_cache_main_conf_t *mcf,
    ngx_str_t *name)
{
    ngx_uint_t                        i;
    ngx_http_sector_cache_source_t  **sources;

    sources = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (sources[i]->name.len == name->len
            && ngx_memcmp(sources[i]->name.data, name->data, name->len) == 0)
        {
            return sources[i];
        }
    }

    return NULL;
}
