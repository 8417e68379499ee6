#include "ngx_http_sector_cache_status.h"
#include "ngx_http_sector_cache_dashboard.h"
#include "ngx_http_sector_cache_entries.h"
#include "ngx_http_sector_cache_explain.h"
#include "ngx_http_sector_cache_history.h"
#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_sampler.h"
#include "ngx_http_sector_cache_source_info.h"
#include "ngx_http_sector_cache_trouble.h"
#include "sector_metrics.h"


typedef struct {
    ngx_str_t               path;
    ngx_http_handler_pt     handler;
} ngx_http_sector_cache_page_t;


static ngx_int_t ngx_http_sector_cache_stats_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_sector_cache_metrics_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_sector_cache_stats(ngx_http_request_t *r,
    sector_compose_stats_t *stats);
static ngx_int_t ngx_http_sector_cache_stats_namespaces(ngx_http_request_t *r,
    ngx_http_sector_cache_main_conf_t *mcf, sector_compose_stats_t *stats);
static ngx_int_t ngx_http_sector_cache_stats_sources(ngx_http_request_t *r,
    ngx_http_sector_cache_main_conf_t *mcf, sector_compose_stats_t *stats);
static ngx_int_t ngx_http_sector_cache_stats_troubles(ngx_http_request_t *r,
    ngx_http_sector_cache_main_conf_t *mcf, sector_compose_source_t *list);


static const ngx_http_sector_cache_page_t  ngx_http_sector_cache_pages[] = {
    { ngx_string("/stats"), ngx_http_sector_cache_stats_handler },
    { ngx_string("/metrics"), ngx_http_sector_cache_metrics_handler },
    { ngx_string("/history"), ngx_http_sector_cache_history_handler },
    { ngx_string("/entries"), ngx_http_sector_cache_entries_handler },
    { ngx_null_string, NULL }
};


ngx_int_t
ngx_http_sector_cache_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                            rc;
    ngx_str_t                            path;
    const ngx_http_sector_cache_page_t  *page;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_sector_cache_path(r, &path) != NGX_OK) {
        return ngx_http_sector_cache_send_not_found(r);
    }

    rc = ngx_http_sector_cache_dashboard(r, &path);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (path.len > sizeof("/explain/") - 1
        && ngx_strncmp(path.data, "/explain/", sizeof("/explain/") - 1) == 0)
    {
        path.data += sizeof("/explain/") - 1;
        path.len -= sizeof("/explain/") - 1;

        return r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)
               ? ngx_http_sector_cache_explain_handler(r, &path)
               : ngx_http_sector_cache_send_not_allowed(r, "GET, HEAD");
    }

    for (page = ngx_http_sector_cache_pages; page->path.len; page++) {

        if (path.len != page->path.len
            || ngx_strncmp(path.data, page->path.data, path.len) != 0)
        {
            continue;
        }

        if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
            return ngx_http_sector_cache_send_not_allowed(r, "GET, HEAD");
        }

        return page->handler(r);
    }

    return ngx_http_sector_cache_send_not_found(r);
}


/* GET /stats */

static ngx_int_t
ngx_http_sector_cache_stats_handler(ngx_http_request_t *r)
{
    char                    *text;
    size_t                   len;
    sector_compose_stats_t   stats;

    if (ngx_http_sector_cache_stats(r, &stats) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    len = 0;
    text = sector_compose_stats(&stats, &len);

    return ngx_http_sector_cache_send_text(r, NGX_HTTP_OK, NULL, text, len);
}


/* GET /metrics */

static ngx_int_t
ngx_http_sector_cache_metrics_handler(ngx_http_request_t *r)
{
    char                    *text;
    size_t                   len;
    sector_compose_stats_t   stats;

    if (ngx_http_sector_cache_stats(r, &stats) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    len = 0;
    text = sector_metrics(&stats, &len);

    return ngx_http_sector_cache_send_text(r, NGX_HTTP_OK, SECTOR_METRICS_TYPE,
                                           text, len);
}


/* All that is known of zones and sources; NGX_OK or NGX_ERROR. */

static ngx_int_t
ngx_http_sector_cache_stats(ngx_http_request_t *r,
    sector_compose_stats_t *stats)
{
    ngx_uint_t                          alert;
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_sector_cache_module);

    ngx_memzero(stats, sizeof(sector_compose_stats_t));

    stats->has_alert = ngx_http_sector_cache_alert(&alert);
    stats->alert = alert;
    stats->stale_alert = ngx_http_sector_cache_stale_alert();

    stats->version = NGX_HTTP_SECTOR_CACHE_VERSION;
    stats->nginx = NGINX_VERSION;
    stats->enabled = (mcf->enabled != 0
                      && !ngx_http_sector_cache_killed(mcf));
    stats->sectors = mcf->sectors ? (char *) mcf->sectors->name.data : NULL;

    if (ngx_http_sector_cache_stats_namespaces(r, mcf, stats) != NGX_OK
        || ngx_http_sector_cache_stats_sources(r, mcf, stats) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sector_cache_stats_namespaces(ngx_http_request_t *r,
    ngx_http_sector_cache_main_conf_t *mcf, sector_compose_stats_t *stats)
{
    ngx_uint_t                       i, n;
    sector_store_info_t             *info;
    sector_compose_namespace_t      *ns;
    ngx_http_sector_cache_zone_t   **zones;

    zones = mcf->zones.elts;
    n = mcf->zones.nelts;

    ns = ngx_palloc(r->pool, n * sizeof(sector_compose_namespace_t));
    info = ngx_palloc(r->pool, n * sizeof(sector_store_info_t));

    if (ns == NULL || info == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        sector_store_info(&zones[i]->store, &info[i]);

        ns[i].name = (char *) zones[i]->name.data;
        ns[i].entries = info[i].entries;
        ns[i].used_bytes = info[i].used_bytes;
        ns[i].size_bytes = zones[i]->shm_zone->shm.size;
        ns[i].last_store_wall_ms = info[i].last_store_wall_ms;
        ns[i].last_miss = info[i].last_miss;
        ns[i].snapshots = zones[i]->snapshots;
        ns[i].counters = info[i].counters;
    }

    stats->namespaces = ns;
    stats->n_namespaces = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sector_cache_stats_sources(ngx_http_request_t *r,
    ngx_http_sector_cache_main_conf_t *mcf, sector_compose_stats_t *stats)
{
    uint64_t                              *counters;
    ngx_uint_t                             i, j, n;
    sector_compose_source_t               *list;
    ngx_http_sector_cache_source_t       **sources;
    ngx_http_sector_cache_source_info_t   *info;

    sources = mcf->sources.elts;
    n = mcf->sources.nelts;

    list = ngx_pcalloc(r->pool, n * sizeof(sector_compose_source_t));
    info = ngx_palloc(r->pool,
                      n * sizeof(ngx_http_sector_cache_source_info_t));
    counters = ngx_palloc(r->pool,
                          n * SECTOR_FETCH_STATS_N * sizeof(uint64_t));

    if (list == NULL || info == NULL || counters == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_http_sector_cache_source_info(sources[i], &info[i]);

        list[i].name = (char *) sources[i]->name.data;
        list[i].breaker = sector_breaker_name(info[i].state);
        list[i].retry_after_s = (info[i].retry_after_ms + 999) / 1000;
        list[i].forced = info[i].forced;
        list[i].opened = info[i].opened;
        list[i].transitions = info[i].transitions;
        list[i].since_wall_ms = info[i].since_wall_ms;
        list[i].in_flight = info[i].running;
        list[i].waiting = info[i].waiting;
        list[i].quote_wall_ms = info[i].quote_ms;
        list[i].frozen = info[i].frozen;
        list[i].upstream = &info[i].upstream;
        list[i].wait = &info[i].wait;
        list[i].counters = counters;

        for (j = 0; j < SECTOR_FETCH_STATS_N; j++) {
            *counters++ = sources[i]->sh->counters[j];
        }
    }

    stats->sources = list;
    stats->n_sources = n;

    return ngx_http_sector_cache_stats_troubles(r, mcf, list);
}


/* What is wrong with them; nothing stale is served while all is off. */

static ngx_int_t
ngx_http_sector_cache_stats_troubles(ngx_http_request_t *r,
    ngx_http_sector_cache_main_conf_t *mcf, sector_compose_source_t *list)
{
    ngx_uint_t                         i, n;
    ngx_http_sector_cache_source_t   **sources;
    ngx_http_sector_cache_trouble_t   *troubles;

    sources = mcf->sources.elts;
    n = mcf->sources.nelts;

    troubles = ngx_palloc(r->pool,
                          n * sizeof(ngx_http_sector_cache_trouble_t));
    if (troubles == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_http_sector_cache_trouble(sources[i], &troubles[i],
                                      &list[i].trouble);

        if (!ngx_http_sector_cache_killed(mcf)) {
            list[i].trouble.stale_wall_ms =
                             ngx_http_sector_cache_trouble_lasts(sources[i]);
        }
    }

    return NGX_OK;
}
