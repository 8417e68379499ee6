#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_history.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_query.h"
#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_sampler.h"
#include "ngx_http_sector_cache_shm.h"
#include "sector_text.h"


static ngx_uint_t ngx_http_sector_cache_history_add(sector_text_t *t,
    ngx_http_sector_cache_zone_t *zone, int64_t minute, ngx_uint_t n);


/* The samples of the last minutes, the oldest first, and what has happened
 * since the last one. */

ngx_int_t
ngx_http_sector_cache_history_handler(ngx_http_request_t *r)
{
    char                               *text, *current;
    size_t                              len;
    int64_t                             minute;
    ngx_uint_t                          minutes, i, n;
    sector_text_t                       t;
    ngx_http_sector_cache_zone_t       *zone;
    ngx_http_sector_cache_error_t       error;
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_sector_cache_module);
    zone = ngx_http_sector_cache_sampler_zone(mcf);

    if (zone == NULL) {
        ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

        error.status = NGX_HTTP_NOT_FOUND;
        error.code = "NOT_FOUND";
        error.text = "There is no history: no sector_cache_zone is named "
                     "metrics";

        return ngx_http_sector_cache_send_error(r, &error);
    }

    minutes = 60;

    if (ngx_http_sector_cache_query_number(r, "minutes", 1,
                                   NGX_HTTP_SECTOR_CACHE_HISTORY_MAX, &minutes)
        != NGX_OK)
    {
        return ngx_http_sector_cache_query_invalid(r,
                           "Invalid minutes, allowed: a number from 1 to %d",
                           NGX_HTTP_SECTOR_CACHE_HISTORY_MAX);
    }

    ngx_memzero(&t, sizeof(sector_text_t));
    sector_text_print(&t, "{\"minutes\":%lu,\"samples\":[",
                      (unsigned long) minutes);

    minute = ngx_http_sector_cache_wall_ms() / 60000;
    n = 0;

    for (i = minutes; i; i--) {
        n += ngx_http_sector_cache_history_add(&t, zone,
                                               minute - (int64_t) i + 1, n);
    }

    current = ngx_http_sector_cache_sampler_now(r->pool, mcf, NULL, &len);

    if (current == NULL) {
        t.failed = 1;

    } else {
        sector_text_string(&t, "],\"current\":");
        sector_text_add(&t, current, len);
        sector_text_string(&t, "}");
        free(current);
    }

    text = sector_text_end(&t, &len);

    return ngx_http_sector_cache_send_text(r, NGX_HTTP_OK, NULL, text, len);
}


/* Whether there is a sample of that minute; n were added before. */

static ngx_uint_t
ngx_http_sector_cache_history_add(sector_text_t *t,
    ngx_http_sector_cache_zone_t *zone, int64_t minute, ngx_uint_t n)
{
    u_char               buf[NGX_HTTP_SECTOR_CACHE_MINUTE_MAX];
    ngx_str_t            key;
    sector_entry_t       entry;
    sector_store_view_t  view;

    ngx_http_sector_cache_sampler_key(buf, minute, &key);

    if (ngx_http_sector_cache_entry_read(zone, &key, &view, &entry)
        == SECTOR_STORE_NONE)
    {
        return 0;
    }

    if (!view.negative) {
        sector_text_string(t, n ? "," : "");
        sector_text_add(t, (char *) entry.data, entry.data_len);
    }

    sector_store_read_end(&zone->store);

    return !view.negative;
}
