/*
 * The files never change while nginx runs, and their bytes are in the module:
 * a buffer points there.  A browser keeps them, and asks each time whether
 * they are still the same, so that a new module is seen at once; nginx's own
 * not-modified filter answers that from the ETag.
 *
 * The page may load what is beside it and nothing else, neither inline nor
 * from another host: it shows names that come from elsewhere, and a policy
 * holds where an escape was forgotten.
 */

#include "ngx_http_sector_cache_assets.h"
#include "ngx_http_sector_cache_dashboard.h"
#include "ngx_http_sector_cache_headers.h"
#include "ngx_http_sector_cache_response.h"
#include "sector_http.h"


#define NGX_HTTP_SECTOR_CACHE_POLICY                                          \
    "default-src 'none'; script-src 'self'; style-src 'self'; "               \
    "connect-src 'self'; img-src 'self'; base-uri 'none'; "                   \
    "form-action 'none'; frame-ancestors 'self'"


static ngx_int_t ngx_http_sector_cache_dashboard_redirect(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_sector_cache_dashboard_send(ngx_http_request_t *r,
    const ngx_http_sector_cache_asset_t *asset);
static ngx_int_t ngx_http_sector_cache_dashboard_headers(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_sector_cache_dashboard_gzip(ngx_http_request_t *r);


/* Of every file, and of the redirect. */

static const struct {
    ngx_str_t  name;
    ngx_str_t  value;
} ngx_http_sector_cache_dashboard_fields[] = {
    { ngx_string("Content-Security-Policy"),
      ngx_string(NGX_HTTP_SECTOR_CACHE_POLICY) },
    { ngx_string("X-Content-Type-Options"), ngx_string("nosniff") },
    { ngx_string("Referrer-Policy"), ngx_string("no-referrer") },
    { ngx_string("Cache-Control"), ngx_string("no-cache") },
    { ngx_null_string, ngx_null_string }
};


ngx_int_t
ngx_http_sector_cache_dashboard(ngx_http_request_t *r, const ngx_str_t *path)
{
    const ngx_http_sector_cache_asset_t  *asset;

    for (asset = ngx_http_sector_cache_assets; asset->path.len; asset++) {

        if (path->len != 0
            && (path->len != asset->path.len
                || ngx_strncmp(path->data, asset->path.data, path->len) != 0))
        {
            continue;
        }

        if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
            return ngx_http_sector_cache_send_not_allowed(r, "GET, HEAD");
        }

        if (ngx_http_sector_cache_dashboard_headers(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (path->len == 0) {
            return ngx_http_sector_cache_dashboard_redirect(r);
        }

        return ngx_http_sector_cache_dashboard_send(r, asset);
    }

    return NGX_DECLINED;
}


/*
 * To "./NAME/", NAME being the URI's last part.  Relative, so that a client
 * stays on the host, port and prefix by which it came, whatever proxies are
 * between; "./" because the name may have a colon.
 */

static ngx_int_t
ngx_http_sector_cache_dashboard_redirect(ngx_http_request_t *r)
{
    u_char           *p, *name, *last, *end;
    uintptr_t         escapes;
    ngx_table_elt_t  *h;

    end = r->uri.data + r->uri.len;

    for (name = end; name > r->uri.data && name[-1] != '/'; name--) {
        /* void */
    }

    escapes = ngx_escape_uri(NULL, name, end - name, NGX_ESCAPE_URI_COMPONENT);

    p = ngx_pnalloc(r->pool, (end - name) + 2 * escapes + sizeof("./") - 1
                             + sizeof("/") - 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    last = ngx_cpymem(p, "./", sizeof("./") - 1);

    if (escapes) {
        last = (u_char *) ngx_escape_uri(last, name, end - name,
                                         NGX_ESCAPE_URI_COMPONENT);

    } else {
        last = ngx_cpymem(last, name, end - name);
    }

    *last++ = '/';

    h = ngx_http_sector_cache_add_header(r, "Location",
                                         sizeof("Location") - 1, p, last);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.location = h;

    return NGX_HTTP_PERMANENT_REDIRECT;
}


static ngx_int_t
ngx_http_sector_cache_dashboard_send(ngx_http_request_t *r,
    const ngx_http_sector_cache_asset_t *asset)
{
    ngx_int_t         rc;
    ngx_buf_t        *b;
    ngx_chain_t       out;
    const ngx_str_t  *body;

    body = &asset->plain;

    if (ngx_http_sector_cache_dashboard_gzip(r)) {
        body = &asset->gzip;

        r->headers_out.content_encoding =
            ngx_http_sector_cache_add_header(r, "Content-Encoding",
                                             sizeof("Content-Encoding") - 1,
                                             (u_char *) "gzip",
                                             (u_char *) "gzip" + 4);

        if (r->headers_out.content_encoding == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->headers_out.etag =
        ngx_http_sector_cache_add_header(r, "ETag", sizeof("ETag") - 1,
                                         asset->etag.data,
                                         asset->etag.data + asset->etag.len);

    if (r->headers_out.etag == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type = asset->type;
    r->headers_out.content_type_len = asset->type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_set(&r->headers_out.charset, "utf-8");

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_sector_cache_dashboard_headers(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    const ngx_str_t  *name, *value;

    for (i = 0; ngx_http_sector_cache_dashboard_fields[i].name.len; i++) {
        name = &ngx_http_sector_cache_dashboard_fields[i].name;
        value = &ngx_http_sector_cache_dashboard_fields[i].value;

        if (ngx_http_sector_cache_add_header(r, (char *) name->data,
                                             name->len, value->data,
                                             value->data + value->len)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_sector_cache_add_header(r, "Vary", sizeof("Vary") - 1,
                                         (u_char *) "Accept-Encoding",
                                         (u_char *) "Accept-Encoding"
                                         + sizeof("Accept-Encoding") - 1)
        == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_sector_cache_dashboard_gzip(ngx_http_request_t *r)
{
#if (NGX_HTTP_GZIP)
    ngx_table_elt_t  *h;

    h = r->headers_in.accept_encoding;

    if (h && sector_http_accepts_gzip((char *) h->value.data, h->value.len)) {
        return 1;
    }
#endif

    return 0;
}
