/*
 * The admin endpoints: what changes entries, the kill switch and breakers.
 *
 *     ..._admin.c           the key, routes, errors
 *     ..._admin_body.c      the body, and its limit
 *     ..._admin_conf.c      directives, and keys
 *     ..._admin_write.c     PUT and DELETE of entries
 *     ..._admin_control.c   the kill switch and the breakers
 *     ..._admin_refresh.c   POST /refresh
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_ADMIN_H
#define NGX_HTTP_SECTOR_CACHE_ADMIN_H


#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_variables.h"


#define NGX_HTTP_SECTOR_CACHE_KEY_MAX  256      /* of a key */
#define NGX_HTTP_SECTOR_CACHE_PUT_MAX  256      /* sectors stored by one
                                                   request */


/* A key is kept as its SHA-1 alone. */

typedef struct {
    u_char                              digest[20];
} ngx_http_sector_cache_admin_key_t;


/* An admin request: the module's context of it. */

typedef struct ngx_http_sector_cache_admin_s  ngx_http_sector_cache_admin_t;

typedef ngx_int_t (*ngx_http_sector_cache_admin_pt)(
    ngx_http_sector_cache_admin_t *admin);

struct ngx_http_sector_cache_admin_s {
    ngx_http_sector_cache_info_t        info;   /* must be the first */
    ngx_http_request_t                 *request;
    ngx_http_sector_cache_main_conf_t  *mcf;
    ngx_http_sector_cache_zone_t       *sectors;    /* NULL: there is none */
    ngx_http_sector_cache_zone_t       *snapshots;  /* the same */
    ngx_http_sector_cache_zone_t       *zone;   /* that the path names, or
                                                   NULL */
    ngx_str_t                           tail;   /* of the path, behind the
                                                   second "/" */
    ngx_str_t                           body;   /* what of it has come */
    ngx_http_sector_cache_admin_pt      handler;    /* what to do, once the
                                                   body is there */
    size_t                              body_max;   /* 0: it has none */
    size_t                              body_room;  /* bytes at body.data */
};


/* The content handler of sector_cache_admin. */

ngx_int_t ngx_http_sector_cache_admin_handler(ngx_http_request_t *r);


/* sector_cache_admin, sector_cache_admin_key_file, sector_cache_admin_key; the
 * merge of an admin location. */

char *ngx_http_sector_cache_conf_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_merge_admin(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf);


/* Reads the body, of at most body_max bytes, and goes on with the handler; or
 * answers that it is too large. */

ngx_int_t ngx_http_sector_cache_admin_body(
    ngx_http_sector_cache_admin_t *admin);


/* Wants nothing of a body, where there is one: of a request that is refused,
 * or whose handler takes none.  What is not NGX_OK says that it is no body, and
 * is for ngx_http_finalize_request() unless there is another answer. */

ngx_int_t ngx_http_sector_cache_admin_drop_body(ngx_http_request_t *r,
    ngx_uint_t refused);


/* The error that the body is larger than body_max. */

ngx_int_t ngx_http_sector_cache_admin_too_large(
    ngx_http_sector_cache_admin_t *admin);


/* Puts the filter in its place that upholds the limit of an admin location for
 * others that read a body there. */

ngx_int_t ngx_http_sector_cache_admin_body_init(ngx_conf_t *cf);


/* Whether key is one of keys.  How long it takes says nothing of them but how
 * many there are. */

ngx_uint_t ngx_http_sector_cache_admin_key_matches(ngx_array_t *keys,
    ngx_str_t *key);


/*
 * What the routes lead to; each answers, and returns what
 * ngx_http_finalize_request() wants.  PUT has the body, the others none.
 */

ngx_int_t ngx_http_sector_cache_admin_put_sector(
    ngx_http_sector_cache_admin_t *admin);
ngx_int_t ngx_http_sector_cache_admin_put_sectors(
    ngx_http_sector_cache_admin_t *admin);
ngx_int_t ngx_http_sector_cache_admin_put_snapshot(
    ngx_http_sector_cache_admin_t *admin);
ngx_int_t ngx_http_sector_cache_admin_delete_sector(
    ngx_http_sector_cache_admin_t *admin);
ngx_int_t ngx_http_sector_cache_admin_delete_zone(
    ngx_http_sector_cache_admin_t *admin);
ngx_int_t ngx_http_sector_cache_admin_delete_all(
    ngx_http_sector_cache_admin_t *admin);
ngx_int_t ngx_http_sector_cache_admin_get_enabled(
    ngx_http_sector_cache_admin_t *admin);
ngx_int_t ngx_http_sector_cache_admin_put_enabled(
    ngx_http_sector_cache_admin_t *admin);
ngx_int_t ngx_http_sector_cache_admin_put_breaker(
    ngx_http_sector_cache_admin_t *admin);
ngx_int_t ngx_http_sector_cache_admin_refresh(
    ngx_http_sector_cache_admin_t *admin);


/* The API location that serves a symbol from the admin's namespace of
 * sectors: one that has it configured, else one that accepts any; or NULL. */

ngx_http_sector_cache_location_t *ngx_http_sector_cache_admin_location(
    ngx_http_sector_cache_admin_t *admin, const char *symbol);


/* Sends an error; what the format takes is valid UTF-8, and no more than a few
 * hundred bytes. */

ngx_int_t ngx_http_sector_cache_admin_error(
    ngx_http_sector_cache_admin_t *admin, ngx_uint_t status, const char *code,
    const char *fmt, ...);


/* The error that a body is none: 400, with the reason; or 500. */

ngx_int_t ngx_http_sector_cache_admin_invalid(
    ngx_http_sector_cache_admin_t *admin, ngx_int_t kind, const char *reason);


/* The error that the namespace which is written to is not declared. */

ngx_int_t ngx_http_sector_cache_admin_no_zone(
    ngx_http_sector_cache_admin_t *admin);


/* The error that no API location serves the symbol. */

ngx_int_t ngx_http_sector_cache_admin_unknown(
    ngx_http_sector_cache_admin_t *admin, const char *symbol);


#endif /* NGX_HTTP_SECTOR_CACHE_ADMIN_H */
