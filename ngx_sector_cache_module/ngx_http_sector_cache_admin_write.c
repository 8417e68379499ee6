/*
 * PUT and DELETE of entries.  A body is checked to its end, and every value
 * against the zone's max_object, before the store is asked; the store takes
 * all of them or none.
 */

#include "ngx_http_sector_cache_admin.h"
#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_sector.h"
#include "sector_compose_admin.h"
#include "sector_model_admin.h"


#define NGX_HTTP_SECTOR_CACHE_TTL_MAX  (365 * 86400)    /* seconds */


static ngx_int_t ngx_http_sector_cache_admin_ttl(
    ngx_http_sector_cache_admin_t *admin, uint64_t *ttl_ms);
static ngx_int_t ngx_http_sector_cache_admin_bad_ttl(
    ngx_http_sector_cache_admin_t *admin);
static ngx_uint_t ngx_http_sector_cache_admin_serves(
    ngx_http_sector_cache_admin_t *admin, const char *symbol);
static ngx_uint_t ngx_http_sector_cache_admin_knows(
    ngx_http_sector_cache_loc_conf_t *lcf, const char *symbol);
static int ngx_http_sector_cache_admin_in_snapshot(void *data,
    const char *symbol);
static ngx_int_t ngx_http_sector_cache_admin_store(
    ngx_http_sector_cache_admin_t *admin, ngx_http_sector_cache_zone_t *zone,
    sector_model_admin_put_t *puts, ngx_uint_t n, uint64_t ttl_ms);
static ngx_int_t ngx_http_sector_cache_admin_stored(
    ngx_http_sector_cache_admin_t *admin, ngx_http_sector_cache_zone_t *zone,
    sector_model_admin_put_t *puts, ngx_uint_t n, uint64_t ttl_ms);
static ngx_str_t ngx_http_sector_cache_admin_snapshot_key(
    ngx_http_sector_cache_admin_t *admin);
static ngx_http_sector_cache_loc_conf_t *
    ngx_http_sector_cache_admin_snapshot_location(
    ngx_http_sector_cache_admin_t *admin);
static ngx_int_t ngx_http_sector_cache_admin_count(
    ngx_http_sector_cache_admin_t *admin, const char *name, uint64_t n);


/* PUT /sectors/{symbol}?ttl= */

ngx_int_t
ngx_http_sector_cache_admin_put_sector(ngx_http_sector_cache_admin_t *admin)
{
    char                       symbol[SECTOR_SYMBOL_MAX + 1];
    char                       reason[SECTOR_MODEL_REASON_MAX];
    uint64_t                   ttl_ms;
    sector_model_admin_e       rc;
    sector_model_admin_put_t   put;

    if (admin->sectors == NULL) {
        return ngx_http_sector_cache_admin_no_zone(admin);
    }

    if (sector_model_symbol((char *) admin->tail.data, admin->tail.len, symbol)
        != 0)
    {
        return ngx_http_sector_cache_invalid_symbol(admin->request);
    }

    if (!ngx_http_sector_cache_admin_serves(admin, symbol)) {
        return ngx_http_sector_cache_admin_unknown(admin, symbol);
    }

    if (ngx_http_sector_cache_admin_ttl(admin, &ttl_ms) != NGX_OK) {
        return ngx_http_sector_cache_admin_bad_ttl(admin);
    }

    rc = sector_model_admin_sector((char *) admin->body.data, admin->body.len,
                                   symbol, &put, reason);

    if (rc != SECTOR_MODEL_ADMIN_OK) {
        return ngx_http_sector_cache_admin_invalid(admin, rc, reason);
    }

    return ngx_http_sector_cache_admin_store(admin, admin->sectors, &put, 1,
                                             ttl_ms);
}


/* PUT /sectors?ttl= */

ngx_int_t
ngx_http_sector_cache_admin_put_sectors(ngx_http_sector_cache_admin_t *admin)
{
    char                       reason[SECTOR_MODEL_REASON_MAX];
    size_t                     i, n;
    uint64_t                   ttl_ms;
    sector_model_admin_e       rc;
    sector_model_admin_put_t  *puts;

    if (admin->sectors == NULL) {
        return ngx_http_sector_cache_admin_no_zone(admin);
    }

    if (ngx_http_sector_cache_admin_ttl(admin, &ttl_ms) != NGX_OK) {
        return ngx_http_sector_cache_admin_bad_ttl(admin);
    }

    puts = ngx_palloc(admin->request->pool,
                      NGX_HTTP_SECTOR_CACHE_PUT_MAX
                      * sizeof(sector_model_admin_put_t));
    if (puts == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = sector_model_admin_sectors((char *) admin->body.data,
                                    admin->body.len,
                                    NGX_HTTP_SECTOR_CACHE_PUT_MAX, puts, &n,
                                    reason);

    if (rc != SECTOR_MODEL_ADMIN_OK) {
        return ngx_http_sector_cache_admin_invalid(admin, rc, reason);
    }

    for (i = 0; i < n; i++) {
        if (!ngx_http_sector_cache_admin_serves(admin, puts[i].symbol)) {
            return ngx_http_sector_cache_admin_unknown(admin, puts[i].symbol);
        }
    }

    return ngx_http_sector_cache_admin_store(admin, admin->sectors, puts, n,
                                             ttl_ms);
}


/* PUT /snapshot?ttl=: that of the first API location with this namespace, and
 * of those that share it. */

ngx_int_t
ngx_http_sector_cache_admin_put_snapshot(ngx_http_sector_cache_admin_t *admin)
{
    char                       reason[SECTOR_MODEL_REASON_MAX];
    uint64_t                   ttl_ms;
    sector_model_admin_e       rc;
    sector_model_admin_put_t   put;

    if (admin->snapshots == NULL) {
        return ngx_http_sector_cache_admin_no_zone(admin);
    }

    if (ngx_http_sector_cache_admin_ttl(admin, &ttl_ms) != NGX_OK) {
        return ngx_http_sector_cache_admin_bad_ttl(admin);
    }

    rc = sector_model_admin_snapshot((char *) admin->body.data,
                                     admin->body.len,
                                     ngx_http_sector_cache_admin_in_snapshot,
                                     admin, &put, reason);

    if (rc == SECTOR_MODEL_ADMIN_UNKNOWN) {
        return ngx_http_sector_cache_admin_unknown(admin, put.symbol);
    }

    if (rc != SECTOR_MODEL_ADMIN_OK) {
        return ngx_http_sector_cache_admin_invalid(admin, rc, reason);
    }

    return ngx_http_sector_cache_admin_store(admin, admin->snapshots, &put, 1,
                                             ttl_ms);
}


/* The time that the request gives, 0 where it gives none; NGX_DECLINED if it
 * is none that is allowed. */

static ngx_int_t
ngx_http_sector_cache_admin_ttl(ngx_http_sector_cache_admin_t *admin,
    uint64_t *ttl_ms)
{
    ngx_int_t  seconds;
    ngx_str_t  value;

    *ttl_ms = 0;

    if (ngx_http_arg(admin->request, (u_char *) "ttl", 3, &value) != NGX_OK) {
        return NGX_OK;
    }

    seconds = value.len ? ngx_parse_time(&value, 1) : NGX_ERROR;

    if (seconds == NGX_ERROR || seconds < 1
        || seconds > NGX_HTTP_SECTOR_CACHE_TTL_MAX)
    {
        return NGX_DECLINED;
    }

    *ttl_ms = (uint64_t) seconds * 1000;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sector_cache_admin_bad_ttl(ngx_http_sector_cache_admin_t *admin)
{
    return ngx_http_sector_cache_admin_error(admin, NGX_HTTP_BAD_REQUEST,
                                             "INVALID_TTL",
                                             "Invalid ttl, allowed: a time "
                                             "from 1s to 365d");
}


/* What an API location serves from the namespace may be put there; where there
 * is no such location, what the admin location itself has configured. */

static ngx_uint_t
ngx_http_sector_cache_admin_serves(ngx_http_sector_cache_admin_t *admin,
    const char *symbol)
{
    ngx_http_sector_cache_loc_conf_t  *lcf;

    if (admin->sectors->fetch) {
        return ngx_http_sector_cache_admin_location(admin, symbol) != NULL;
    }

    lcf = ngx_http_get_module_loc_conf(admin->request,
                                       ngx_http_sector_cache_module);

    return ngx_http_sector_cache_admin_knows(lcf, symbol);
}


static ngx_uint_t
ngx_http_sector_cache_admin_knows(ngx_http_sector_cache_loc_conf_t *lcf,
    const char *symbol)
{
    return lcf->unknown
           || ngx_http_sector_cache_find_symbol(lcf, symbol,
                                                ngx_strlen(symbol))
              != NULL;
}


/* A snapshot has the symbols of the location that it is of. */

static int
ngx_http_sector_cache_admin_in_snapshot(void *data, const char *symbol)
{
    ngx_http_sector_cache_admin_t *admin = data;

    ngx_http_sector_cache_loc_conf_t  *lcf;

    lcf = ngx_http_sector_cache_admin_snapshot_location(admin);

    if (lcf == NULL) {
        lcf = ngx_http_get_module_loc_conf(admin->request,
                                           ngx_http_sector_cache_module);
    }

    return (int) ngx_http_sector_cache_admin_knows(lcf, symbol);
}


/* Stores what was checked, all or none, and answers. */

static ngx_int_t
ngx_http_sector_cache_admin_store(ngx_http_sector_cache_admin_t *admin,
    ngx_http_sector_cache_zone_t *zone, sector_model_admin_put_t *puts,
    ngx_uint_t n, uint64_t ttl_ms)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (puts[i].json_len > zone->policy.max_object_bytes) {
            return ngx_http_sector_cache_admin_error(admin,
                       NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "PAYLOAD_TOO_LARGE",
                       "%s%s%uz bytes are more than max_object of namespace "
                       "%V, %uz", puts[i].symbol, puts[i].symbol[0] ? ": " : "",
                       puts[i].json_len, &zone->name,
                       zone->policy.max_object_bytes);
        }
    }

    rc = ngx_http_sector_cache_admin_stored(admin, zone, puts, n, ttl_ms);

    if (rc == NGX_DECLINED) {
        return ngx_http_sector_cache_admin_error(admin,
                   NGX_HTTP_INSUFFICIENT_STORAGE, "NO_ROOM",
                   "Namespace %V has no room, nothing was stored",
                   &zone->name);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, admin->request->connection->log, 0,
                  "sector_cache_admin stored %ui in \"%V\"", n, &zone->name);

    return ngx_http_sector_cache_admin_count(admin, "stored", n);
}


static ngx_int_t
ngx_http_sector_cache_admin_stored(ngx_http_sector_cache_admin_t *admin,
    ngx_http_sector_cache_zone_t *zone, sector_model_admin_put_t *puts,
    ngx_uint_t n, uint64_t ttl_ms)
{
    ngx_str_t                          *keys, data;
    ngx_uint_t                          i;
    ngx_pool_t                         *pool;
    sector_entry_t                     *entries;
    ngx_http_sector_cache_entry_how_t   how;

    pool = admin->request->pool;

    keys = ngx_palloc(pool, n * sizeof(ngx_str_t));
    entries = ngx_palloc(pool, n * sizeof(sector_entry_t));

    if (keys == NULL || entries == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        data.data = (u_char *) puts[i].json;
        data.len = puts[i].json_len;

        if (ngx_http_sector_cache_entry_make(pool, zone, &data, &entries[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        entries[i].quote_ms = puts[i].quote_ms;

        keys[i].data = (u_char *) puts[i].symbol;
        keys[i].len = ngx_strlen(puts[i].symbol);

        if (keys[i].len == 0) {
            keys[i] = ngx_http_sector_cache_admin_snapshot_key(admin);
        }
    }

    ngx_memzero(&how, sizeof(ngx_http_sector_cache_entry_how_t));
    how.ttl_ms = ttl_ms;

    return ngx_http_sector_cache_entry_put_all(zone, keys, entries, n, &how);
}


/* Where there is no API location, that of the default one. */

static ngx_str_t
ngx_http_sector_cache_admin_snapshot_key(ngx_http_sector_cache_admin_t *admin)
{
    ngx_str_t                          key;
    ngx_http_sector_cache_loc_conf_t  *lcf;

    lcf = ngx_http_sector_cache_admin_snapshot_location(admin);

    if (lcf) {
        return lcf->snapshot;
    }

    ngx_str_set(&key, "snapshot");

    return key;
}


/* The first API location of the namespace, or NULL. */

static ngx_http_sector_cache_loc_conf_t *
ngx_http_sector_cache_admin_snapshot_location(
    ngx_http_sector_cache_admin_t *admin)
{
    ngx_uint_t                         i;
    ngx_http_sector_cache_location_t  *apis;

    apis = admin->mcf->apis.elts;

    for (i = 0; i < admin->mcf->apis.nelts; i++) {
        if (apis[i].conf->snapshots == admin->snapshots) {
            return apis[i].conf;
        }
    }

    return NULL;
}


/* DELETE /sectors/{symbol}: of any symbol, configured or not any more. */

ngx_int_t
ngx_http_sector_cache_admin_delete_sector(
    ngx_http_sector_cache_admin_t *admin)
{
    char      symbol[SECTOR_SYMBOL_MAX + 1];
    uint64_t  n;

    if (admin->sectors == NULL) {
        return ngx_http_sector_cache_admin_no_zone(admin);
    }

    if (sector_model_symbol((char *) admin->tail.data, admin->tail.len, symbol)
        != 0)
    {
        return ngx_http_sector_cache_invalid_symbol(admin->request);
    }

    n = sector_store_delete(&admin->sectors->store, symbol,
                            ngx_strlen(symbol));

    ngx_log_error(NGX_LOG_NOTICE, admin->request->connection->log, 0,
                  "sector_cache_admin removed %uL, \"%s\", from \"%V\"", n,
                  symbol, &admin->sectors->name);

    return ngx_http_sector_cache_admin_count(admin, "removed", n);
}


/* DELETE /{namespace} */

ngx_int_t
ngx_http_sector_cache_admin_delete_zone(ngx_http_sector_cache_admin_t *admin)
{
    uint64_t  n;

    n = sector_store_clear(&admin->zone->store);

    ngx_log_error(NGX_LOG_NOTICE, admin->request->connection->log, 0,
                  "sector_cache_admin removed %uL from \"%V\"", n,
                  &admin->zone->name);

    return ngx_http_sector_cache_admin_count(admin, "removed", n);
}


/* DELETE / */

ngx_int_t
ngx_http_sector_cache_admin_delete_all(ngx_http_sector_cache_admin_t *admin)
{
    uint64_t                        n;
    ngx_uint_t                      i;
    ngx_http_sector_cache_zone_t  **zones;

    zones = admin->mcf->zones.elts;

    for (i = 0, n = 0; i < admin->mcf->zones.nelts; i++) {
        n += sector_store_clear(&zones[i]->store);
    }

    ngx_log_error(NGX_LOG_NOTICE, admin->request->connection->log, 0,
                  "sector_cache_admin removed %uL from all namespaces", n);

    return ngx_http_sector_cache_admin_count(admin, "removed", n);
}


static ngx_int_t
ngx_http_sector_cache_admin_count(ngx_http_sector_cache_admin_t *admin,
    const char *name, uint64_t n)
{
    char    *text;
    size_t   len;

    len = 0;
    text = sector_compose_admin_count(name, n, &len);

    return ngx_http_sector_cache_send_data(admin->request, NGX_HTTP_OK, text,
                                           len);
}
