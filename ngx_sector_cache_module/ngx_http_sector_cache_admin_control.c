/*
 * The kill switch and the breakers: both are in the control zone, so that what
 * is said to one worker holds for the next request on every other, and over
 * reloads.
 */

#include "ngx_http_sector_cache_admin.h"
#include "ngx_http_sector_cache_source.h"
#include "ngx_http_sector_cache_source_info.h"
#include "sector_compose_admin.h"
#include "sector_model_admin.h"


/* GET /enabled */

ngx_int_t
ngx_http_sector_cache_admin_get_enabled(ngx_http_sector_cache_admin_t *admin)
{
    char    *text;
    size_t   len;

    len = 0;
    text = sector_compose_admin_enabled(
                           !ngx_http_sector_cache_killed(admin->mcf), &len);

    return ngx_http_sector_cache_send_data(admin->request, NGX_HTTP_OK, text,
                                           len);
}


/* PUT /enabled */

ngx_int_t
ngx_http_sector_cache_admin_put_enabled(ngx_http_sector_cache_admin_t *admin)
{
    int                    enabled;
    char                   reason[SECTOR_MODEL_REASON_MAX];
    sector_model_admin_e   rc;

    enabled = 0;

    rc = sector_model_admin_enabled((char *) admin->body.data,
                                    admin->body.len, &enabled, reason);

    if (rc != SECTOR_MODEL_ADMIN_OK) {
        return ngx_http_sector_cache_admin_invalid(admin, rc, reason);
    }

    *admin->mcf->disabled = !enabled;

    ngx_log_error(NGX_LOG_NOTICE, admin->request->connection->log, 0,
                  "sector_cache_admin turned all caches %s",
                  enabled ? "on" : "off");

    return ngx_http_sector_cache_admin_get_enabled(admin);
}


/* PUT /breaker/{source} */

ngx_int_t
ngx_http_sector_cache_admin_put_breaker(ngx_http_sector_cache_admin_t *admin)
{
    char                            *text, reason[SECTOR_MODEL_REASON_MAX];
    size_t                           len, word;
    const char                      *state;
    sector_model_admin_e             rc;
    sector_breaker_force_e           force;
    ngx_http_sector_cache_source_t  *source;

    static const char *const  words[] = { "open", "closed", "auto" };

    static const sector_breaker_force_e  forces[] = {
        SECTOR_BREAKER_FORCED_OPEN,
        SECTOR_BREAKER_FORCED_CLOSED,
        SECTOR_BREAKER_AUTO
    };

    source = ngx_http_sector_cache_find_source(admin->mcf, &admin->tail);

    if (source == NULL) {
        return ngx_http_sector_cache_admin_error(admin, NGX_HTTP_NOT_FOUND,
                                                 "NOT_FOUND",
                                                 "No such source");
    }

    word = 0;

    rc = sector_model_admin_state((char *) admin->body.data, admin->body.len,
                                  words, sizeof(words) / sizeof(words[0]),
                                  &word, reason);

    if (rc != SECTOR_MODEL_ADMIN_OK) {
        return ngx_http_sector_cache_admin_invalid(admin, rc, reason);
    }

    force = forces[word];

    ngx_http_sector_cache_source_force(source, force);

    state = sector_breaker_name(ngx_http_sector_cache_source_state(source,
                                                                   NULL));

    ngx_log_error(NGX_LOG_NOTICE, admin->request->connection->log, 0,
                  "sector_cache_admin set the breaker of \"%V\" to %s, it is "
                  "%s", &source->name, words[word], state);

    len = 0;
    text = sector_compose_admin_breaker((char *) source->name.data, state,
                                        force != SECTOR_BREAKER_AUTO, &len);

    return ngx_http_sector_cache_send_data(admin->request, NGX_HTTP_OK, text,
                                           len);
}
