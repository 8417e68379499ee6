/*
 * The way of an admin request: the key, before anything of the request is
 * looked at; the length of its body, if that is told; the route; the body,
 * where the route wants one; and what the route leads to.
 *
 *     key ── no ──> 401
 *      │
 *     length ── over client_max_body_size ──> 413
 *      │
 *     path ── unknown ──> 404
 *      │
 *     method ── not allowed there ──> 405
 *      │
 *     body ── over what is taken there ──> 413, see ..._body.c
 *      │
 *     ..._write.c, ..._control.c, ..._refresh.c
 *
 * Whatever refuses a request changes nothing.  What changes something writes a
 * line, level notice, to the error log, to which nginx adds the client and the
 * request line.  Keys are in neither.
 */

#include "ngx_http_sector_cache_admin.h"
#include "sector_model_admin.h"


#define NGX_HTTP_SECTOR_CACHE_ADMIN_SMALL  4096     /* a body of one member */
#define NGX_HTTP_SECTOR_CACHE_ADMIN_BATCH  4194304  /* many sectors, at least
                                                       so large as one */


/* An endpoint: its name, without the "/", and whether there is something
 * behind it. */

typedef struct {
    ngx_str_t                           name;
    ngx_uint_t                          tail;
    ngx_uint_t                          methods;
    size_t                              body_max;   /* 0: it has none */
    ngx_http_sector_cache_admin_pt      handler;
} ngx_http_sector_cache_route_t;


static ngx_int_t ngx_http_sector_cache_admin_authorized(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf);
static ngx_int_t ngx_http_sector_cache_admin_unauthorized(
    ngx_http_request_t *r);
static ngx_http_sector_cache_admin_t *ngx_http_sector_cache_admin_create(
    ngx_http_request_t *r, ngx_http_sector_cache_loc_conf_t *lcf);
static ngx_uint_t ngx_http_sector_cache_admin_route(
    ngx_http_sector_cache_admin_t *admin, ngx_str_t *path);
static void ngx_http_sector_cache_admin_take(
    ngx_http_sector_cache_admin_t *admin,
    const ngx_http_sector_cache_route_t *route);
static ngx_int_t ngx_http_sector_cache_admin_not_allowed(
    ngx_http_request_t *r, ngx_uint_t methods);


/* A body of a sector is at most SIZE_MAX here: the zone's max_object bounds
 * it, see ngx_http_sector_cache_admin_take(). */

static const ngx_http_sector_cache_route_t
    ngx_http_sector_cache_admin_routes[] =
{
    { ngx_string("sectors"), 1, NGX_HTTP_PUT, SIZE_MAX,
      ngx_http_sector_cache_admin_put_sector },

    { ngx_string("sectors"), 1, NGX_HTTP_DELETE, 0,
      ngx_http_sector_cache_admin_delete_sector },

    { ngx_string("sectors"), 0, NGX_HTTP_PUT, SIZE_MAX,
      ngx_http_sector_cache_admin_put_sectors },

    { ngx_string("snapshot"), 0, NGX_HTTP_PUT, SIZE_MAX,
      ngx_http_sector_cache_admin_put_snapshot },

    { ngx_string("enabled"), 0, NGX_HTTP_GET|NGX_HTTP_HEAD, 0,
      ngx_http_sector_cache_admin_get_enabled },

    { ngx_string("enabled"), 0, NGX_HTTP_PUT,
      NGX_HTTP_SECTOR_CACHE_ADMIN_SMALL,
      ngx_http_sector_cache_admin_put_enabled },

    { ngx_string("breaker"), 1, NGX_HTTP_PUT,
      NGX_HTTP_SECTOR_CACHE_ADMIN_SMALL,
      ngx_http_sector_cache_admin_put_breaker },

    { ngx_string("refresh"), 0, NGX_HTTP_POST, 0,
      ngx_http_sector_cache_admin_refresh },

    { ngx_null_string, 0, NGX_HTTP_DELETE, 0,
      ngx_http_sector_cache_admin_delete_all }
};

#define NGX_HTTP_SECTOR_CACHE_ADMIN_ROUTES                                    \
    (sizeof(ngx_http_sector_cache_admin_routes)                               \
     / sizeof(ngx_http_sector_cache_admin_routes[0]))


/* DELETE /{namespace} */

static const ngx_http_sector_cache_route_t
    ngx_http_sector_cache_admin_zone_route =
{
    ngx_null_string, 0, NGX_HTTP_DELETE, 0,
    ngx_http_sector_cache_admin_delete_zone
};


ngx_int_t
ngx_http_sector_cache_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t                          rc;
    ngx_str_t                          path;
    ngx_uint_t                         methods;
    ngx_http_sector_cache_admin_t     *admin;
    ngx_http_sector_cache_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_sector_cache_module);

    if (ngx_http_sector_cache_admin_authorized(r, lcf) != NGX_OK) {
        (void) ngx_http_sector_cache_admin_drop_body(r, 1);

        return ngx_http_sector_cache_admin_unauthorized(r);
    }

    admin = ngx_http_sector_cache_admin_create(r, lcf);
    if (admin == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (lcf->body_max && r->headers_in.content_length_n > lcf->body_max) {
        admin->body_max = (size_t) lcf->body_max;

        return ngx_http_sector_cache_admin_too_large(admin);
    }

    methods = 0;

    if (ngx_http_sector_cache_path(r, &path) == NGX_OK) {
        methods = ngx_http_sector_cache_admin_route(admin, &path);
    }

    if (admin->body_max) {
        if (lcf->body_max && lcf->body_max < (off_t) admin->body_max) {
            admin->body_max = (size_t) lcf->body_max;
        }

        return ngx_http_sector_cache_admin_body(admin);
    }

    rc = ngx_http_sector_cache_admin_drop_body(r, admin->handler == NULL);

    if (admin->handler) {
        return rc == NGX_OK ? admin->handler(admin) : rc;
    }

    return methods ? ngx_http_sector_cache_admin_not_allowed(r, methods)
                   : ngx_http_sector_cache_send_not_found(r);
}


/* One header with one of the keys.  Without any, or with two, as much is done
 * as with a wrong one. */

static ngx_int_t
ngx_http_sector_cache_admin_authorized(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    ngx_str_t         key;
    ngx_uint_t        i, n, matches;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    if (lcf->admin_keys == NULL) {
        return NGX_OK;
    }

    ngx_str_null(&key);
    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (header[i].key.len == 9
                && ngx_strncasecmp(header[i].key.data, (u_char *) "X-API-Key",
                                   9)
                   == 0)
            {
                key = header[i].value;
                n++;
            }
        }
    }

    matches = ngx_http_sector_cache_admin_key_matches(lcf->admin_keys, &key);

    return (n == 1 && matches) ? NGX_OK : NGX_DECLINED;
}


/* A 401 says by what scheme to ask again (RFC 9110, 15.5.2).  There is none
 * registered for a key in a header of its own. */

static ngx_int_t
ngx_http_sector_cache_admin_unauthorized(ngx_http_request_t *r)
{
    ngx_http_sector_cache_error_t  error;

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.status = NGX_HTTP_UNAUTHORIZED;
    error.code = "UNAUTHORIZED";
    error.text = "One X-API-Key header with a valid key is needed";
    error.challenge = "ApiKey realm=\"sector-cache\", header=\"X-API-Key\"";

    return ngx_http_sector_cache_send_error(r, &error);
}


static ngx_http_sector_cache_admin_t *
ngx_http_sector_cache_admin_create(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf)
{
    ngx_http_sector_cache_admin_t      *admin;
    ngx_http_sector_cache_main_conf_t  *mcf;

    static ngx_str_t  sectors = ngx_string("sectors");
    static ngx_str_t  snapshots = ngx_string("snapshots");

    admin = ngx_pcalloc(r->pool, sizeof(ngx_http_sector_cache_admin_t));
    if (admin == NULL) {
        return NULL;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_sector_cache_module);

    admin->request = r;
    admin->mcf = mcf;

    admin->sectors = lcf->sectors ? lcf->sectors
                     : mcf->sectors ? mcf->sectors
                     : ngx_http_sector_cache_find_zone(mcf, &sectors);

    admin->snapshots = lcf->snapshots ? lcf->snapshots
                       : mcf->sectors ? mcf->snapshots
                       : ngx_http_sector_cache_find_zone(mcf, &snapshots);

    ngx_http_set_ctx(r, admin, ngx_http_sector_cache_module);

    return admin;
}


/* Finds what the path and the method lead to.  Returns the methods that the
 * path takes, 0: there is no such path. */

static ngx_uint_t
ngx_http_sector_cache_admin_route(ngx_http_sector_cache_admin_t *admin,
    ngx_str_t *path)
{
    u_char                               *slash, *last;
    ngx_str_t                             name;
    ngx_uint_t                            i, tail, methods;
    const ngx_http_sector_cache_route_t  *route;

    name = *path;
    last = path->data + path->len;

    if (name.len) {
        name.data++;
        name.len--;
    }

    slash = ngx_strlchr(name.data, last, '/');
    tail = (slash != NULL);

    if (tail) {
        name.len = slash - name.data;
        admin->tail.data = slash + 1;
        admin->tail.len = last - slash - 1;

        if (admin->tail.len == 0
            || ngx_strlchr(admin->tail.data, last, '/'))
        {
            return 0;
        }
    }

    methods = 0;

    for (i = 0; i < NGX_HTTP_SECTOR_CACHE_ADMIN_ROUTES; i++) {
        route = &ngx_http_sector_cache_admin_routes[i];

        if (route->tail == tail && route->name.len == name.len
            && ngx_strncmp(route->name.data, name.data, name.len) == 0)
        {
            methods |= route->methods;
            ngx_http_sector_cache_admin_take(admin, route);
        }
    }

    if (!tail && name.len) {
        admin->zone = ngx_http_sector_cache_find_zone(admin->mcf, &name);

        if (admin->zone == NULL && name.len == 7
            && ngx_strncmp(name.data, "sectors", 7) == 0)
        {
            admin->zone = admin->sectors;
        }

        if (admin->zone) {
            methods |= NGX_HTTP_DELETE;
            ngx_http_sector_cache_admin_take(admin,
                                     &ngx_http_sector_cache_admin_zone_route);
        }
    }

    return methods;
}


static void
ngx_http_sector_cache_admin_take(ngx_http_sector_cache_admin_t *admin,
    const ngx_http_sector_cache_route_t *route)
{
    ngx_http_sector_cache_zone_t  *zone;

    if (!(admin->request->method & route->methods)) {
        return;
    }

    admin->handler = route->handler;
    admin->body_max = route->body_max;

    if (route->body_max != SIZE_MAX) {
        return;
    }

    zone = (route->handler == ngx_http_sector_cache_admin_put_snapshot)
           ? admin->snapshots : admin->sectors;

    admin->body_max = zone ? zone->policy.max_object_bytes
                           : NGX_HTTP_SECTOR_CACHE_ADMIN_SMALL;

    if (route->handler == ngx_http_sector_cache_admin_put_sectors) {
        admin->body_max = ngx_max(admin->body_max,
                                  NGX_HTTP_SECTOR_CACHE_ADMIN_BATCH);
    }
}


static ngx_int_t
ngx_http_sector_cache_admin_not_allowed(ngx_http_request_t *r,
    ngx_uint_t methods)
{
    char        *allowed;
    u_char      *p;
    ngx_uint_t   i;

    static struct {
        ngx_uint_t   method;
        const char  *name;
    } names[] = {
        { NGX_HTTP_GET, "GET" },
        { NGX_HTTP_HEAD, "HEAD" },
        { NGX_HTTP_PUT, "PUT" },
        { NGX_HTTP_POST, "POST" },
        { NGX_HTTP_DELETE, "DELETE" }
    };

    p = ngx_pnalloc(r->pool, sizeof("GET, HEAD, PUT, POST, DELETE, "));
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    allowed = (char *) p;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (methods & names[i].method) {
            p = ngx_sprintf(p, "%s%s", p == (u_char *) allowed ? "" : ", ",
                            names[i].name);
        }
    }

    *p = '\0';

    return ngx_http_sector_cache_send_not_allowed(r, allowed);
}


ngx_int_t
ngx_http_sector_cache_admin_error(ngx_http_sector_cache_admin_t *admin,
    ngx_uint_t status, const char *code, const char *fmt, ...)
{
    u_char                         text[512], *last;
    va_list                        args;
    ngx_http_sector_cache_error_t  error;

    va_start(args, fmt);
    last = ngx_vslprintf(text, text + sizeof(text) - 1, fmt, args);
    va_end(args);

    *last = '\0';

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.status = status;
    error.code = code;
    error.text = (char *) text;

    return ngx_http_sector_cache_send_error(admin->request, &error);
}


ngx_int_t
ngx_http_sector_cache_admin_invalid(ngx_http_sector_cache_admin_t *admin,
    ngx_int_t kind, const char *reason)
{
    if (kind == SECTOR_MODEL_ADMIN_NO_MEMORY) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_sector_cache_admin_error(admin, NGX_HTTP_BAD_REQUEST,
               kind == SECTOR_MODEL_ADMIN_SYMBOL ? "INVALID_SYMBOL"
               : kind == SECTOR_MODEL_ADMIN_MANY ? "TOO_MANY_SYMBOLS"
               : "INVALID_JSON",
               "Invalid body: %s", reason);
}


ngx_int_t
ngx_http_sector_cache_admin_unknown(ngx_http_sector_cache_admin_t *admin,
    const char *symbol)
{
    u_char                         text[64];
    ngx_http_sector_cache_error_t  error;

    *ngx_snprintf(text, sizeof(text) - 1, "Symbol %s is not configured",
                  symbol) = '\0';

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.status = NGX_HTTP_NOT_FOUND;
    error.code = "UNKNOWN_SYMBOL";
    error.text = (char *) text;
    error.symbol = symbol;

    return ngx_http_sector_cache_send_error(admin->request, &error);
}


ngx_int_t
ngx_http_sector_cache_admin_no_zone(ngx_http_sector_cache_admin_t *admin)
{
    return ngx_http_sector_cache_admin_error(admin, NGX_HTTP_NOT_FOUND,
                                             "NOT_FOUND",
                                             "No namespace is declared for "
                                             "this");
}
