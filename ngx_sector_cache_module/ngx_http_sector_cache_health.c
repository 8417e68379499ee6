#include "ngx_http_sector_cache_health.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_sampler.h"
#include "ngx_http_sector_cache_source_info.h"
#include "ngx_http_sector_cache_trouble.h"


typedef struct {
    sector_compose_state_t              state;
    sector_compose_source_t             sources[2];
    ngx_http_sector_cache_trouble_t     troubles[2];
    ngx_uint_t                          open;       /* so many breakers are */
} ngx_http_sector_cache_health_t;


/* A walk of what a zone has. */

typedef struct {
    ngx_http_sector_cache_zone_t       *zone;
    ngx_uint_t                          n;          /* that may be served */
} ngx_http_sector_cache_servable_t;


static void ngx_http_sector_cache_health_source(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_health_t *health);
static void ngx_http_sector_cache_health_memory(
    ngx_http_sector_cache_loc_conf_t *lcf,
    ngx_http_sector_cache_health_t *health);
static ngx_uint_t ngx_http_sector_cache_has_snapshot(
    ngx_http_sector_cache_loc_conf_t *lcf);
static ngx_uint_t ngx_http_sector_cache_servable(
    ngx_http_sector_cache_loc_conf_t *lcf);
static void ngx_http_sector_cache_count_servable(void *data, const void *key,
    size_t key_len, const sector_store_view_t *view);


ngx_int_t
ngx_http_sector_cache_health_handler(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    char                            *text;
    size_t                           len;
    ngx_int_t                        enabled;
    ngx_uint_t                       alert;
    sector_compose_state_t          *state;
    ngx_http_sector_cache_health_t  *health;

    enabled = ngx_http_sector_cache_enabled(r, lcf);
    if (enabled == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    health = ngx_pcalloc(r->pool, sizeof(ngx_http_sector_cache_health_t));
    if (health == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state = &health->state;

    state->enabled = (enabled != NGX_HTTP_SECTOR_CACHE_OFF);
    state->sources = health->sources;

    ngx_http_sector_cache_health_source(lcf->fetch->source, health);

    if (lcf->batch && lcf->batch->source != lcf->fetch->source) {
        ngx_http_sector_cache_health_source(lcf->batch->source, health);
    }

    ngx_http_sector_cache_health_memory(lcf, health);

    state->has_alert = ngx_http_sector_cache_alert(&alert);
    state->alert = alert;
    state->stale_alert = ngx_http_sector_cache_stale_alert();

    state->health = sector_compose_judge(state);

    len = 0;
    text = sector_compose_health(state, &len);

    return ngx_http_sector_cache_send_data(r,
                                    state->health == SECTOR_COMPOSE_UNHEALTHY
                                    ? NGX_HTTP_SERVICE_UNAVAILABLE
                                    : NGX_HTTP_OK,
                                    text, len);
}


static void
ngx_http_sector_cache_health_source(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_health_t *health)
{
    uint64_t                  retry_after_ms;
    ngx_uint_t                n;
    sector_breaker_state_e    breaker;
    sector_compose_source_t  *one;

    n = health->state.n_sources++;
    one = &health->sources[n];

    breaker = ngx_http_sector_cache_source_state(source, &retry_after_ms);

    one->name = (char *) source->name.data;
    one->breaker = sector_breaker_name(breaker);
    one->retry_after_s = (retry_after_ms + 999) / 1000;
    one->frozen = ngx_http_sector_cache_source_frozen(source);

    ngx_http_sector_cache_trouble(source, &health->troubles[n],
                                  &one->trouble);

    health->open += (breaker == SECTOR_BREAKER_OPEN);
}


static void
ngx_http_sector_cache_health_memory(ngx_http_sector_cache_loc_conf_t *lcf,
    ngx_http_sector_cache_health_t *health)
{
    sector_compose_state_t           *state;
    ngx_http_sector_cache_serving_t   serving;

    state = &health->state;

    ngx_http_sector_cache_serving(lcf, state->enabled,
                                  health->open == state->n_sources, &serving);

    state->configured = lcf->symbols->nelts;
    state->servable = serving.servable;
    state->lacking = serving.lacking;
    state->n_unservable = serving.n_names;

    ngx_memcpy(state->unservable, serving.names,
               serving.n_names * sizeof(char *));

    if (serving.dead_at_ms) {
        state->stale_wall_ms = ngx_http_sector_cache_clock_wall(
                                                         serving.dead_at_ms);
    }

    if (!state->enabled) {
        return;
    }

    if (state->servable == 0 && lcf->unknown) {
        state->servable = ngx_http_sector_cache_servable(lcf);
    }

    state->memory = (state->servable != 0
                     || ngx_http_sector_cache_has_snapshot(lcf));
}


/* How many symbols memory could answer for where any is served and it has none
 * of the configured ones: some that it has, if it has any. */

static ngx_uint_t
ngx_http_sector_cache_servable(ngx_http_sector_cache_loc_conf_t *lcf)
{
    uint64_t                            cursor;
    ngx_http_sector_cache_servable_t    ctx;

    ctx.zone = lcf->sectors;
    ctx.n = 0;
    cursor = 0;

    do {
        cursor = sector_store_each(&ctx.zone->store, cursor,
                                   ngx_http_sector_cache_now(),
                                   ngx_http_sector_cache_count_servable, &ctx);
    } while (ctx.n == 0 && cursor != 0);

    return ctx.n;
}


static void
ngx_http_sector_cache_count_servable(void *data, const void *key,
    size_t key_len, const sector_store_view_t *view)
{
    ngx_http_sector_cache_servable_t *ctx = data;

    sector_store_view_t  judged;

    judged = *view;

    ctx->n += !view->negative
              && ngx_http_sector_cache_entry_served(ctx->zone, &judged);
}


/* Whether memory could answer /snapshot, be it in part. */

static ngx_uint_t
ngx_http_sector_cache_has_snapshot(ngx_http_sector_cache_loc_conf_t *lcf)
{
    ngx_uint_t            i;
    ngx_str_t            *keys[2];
    sector_entry_t        entry;
    sector_store_view_t   view;

    if (lcf->snapshots == NULL) {
        return 0;
    }

    keys[0] = &lcf->snapshot;
    keys[1] = &lcf->partial;

    for (i = 0; i < 2; i++) {
        if (ngx_http_sector_cache_entry_read(lcf->snapshots, keys[i], &view,
                                             &entry)
            != SECTOR_STORE_NONE)
        {
            sector_store_read_end(&lcf->snapshots->store);
            return 1;
        }
    }

    return 0;
}
