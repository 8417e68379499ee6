#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_shm.h"


static ngx_int_t ngx_http_sector_cache_add_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);


ngx_int_t
ngx_http_sector_cache_send_error(ngx_http_request_t *r,
    const ngx_http_sector_cache_error_t *error)
{
    char                    *text;
    size_t                   len;
    u_char                  *p;
    ngx_str_t                value;
    sector_compose_error_t   e;

    static ngx_str_t  allow = ngx_string("GET, HEAD");

    if (error->retry_after_s) {
        p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        value.data = p;
        value.len = ngx_sprintf(p, "%uL", error->retry_after_s) - p;

        if (ngx_http_sector_cache_add_header(r, "Retry-After", &value)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (error->status == NGX_HTTP_NOT_ALLOWED
        && ngx_http_sector_cache_add_header(r, "Allow", &allow) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    e.code = error->code;
    e.text = error->text;
    e.source = error->source;
    e.symbol = error->symbol;
    e.upstream_status = (unsigned) error->upstream_status;
    e.retry_after_s = error->retry_after_s;
    e.wall_ms = ngx_http_sector_cache_wall_ms();

    len = 0;
    text = sector_compose_error(&e, &len);

    return ngx_http_sector_cache_send_text(r, error->status, text, len);
}


ngx_int_t
ngx_http_sector_cache_send_not_found(ngx_http_request_t *r)
{
    ngx_http_sector_cache_error_t  error;

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.status = NGX_HTTP_NOT_FOUND;
    error.code = "NOT_FOUND";
    error.text = "No such endpoint";

    return ngx_http_sector_cache_send_error(r, &error);
}


ngx_int_t
ngx_http_sector_cache_send_not_allowed(ngx_http_request_t *r)
{
    ngx_http_sector_cache_error_t  error;

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    error.status = NGX_HTTP_NOT_ALLOWED;
    error.code = "METHOD_NOT_ALLOWED";
    error.text = "Method is not allowed here, allowed: GET, HEAD";

    return ngx_http_sector_cache_send_error(r, &error);
}


ngx_int_t
ngx_http_sector_cache_send_text(ngx_http_request_t *r, ngx_uint_t status,
    char *text, size_t len)
{
    ngx_buf_t  *b;

    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_create_temp_buf(r->pool, len);

    if (b) {
        b->last = ngx_cpymem(b->pos, text, len);
    }

    free(text);

    return ngx_http_sector_cache_send(r, status, b);
}


ngx_int_t
ngx_http_sector_cache_send_data(ngx_http_request_t *r, ngx_uint_t status,
    char *text, size_t len)
{
    ngx_buf_t              *b;
    sector_compose_meta_t   meta;

    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&meta, sizeof(sector_compose_meta_t));
    meta.wall_ms = ngx_http_sector_cache_wall_ms();

    b = ngx_http_sector_cache_envelope(r, text, len, &meta);

    free(text);

    return ngx_http_sector_cache_send(r, status, b);
}


ngx_buf_t *
ngx_http_sector_cache_envelope(ngx_http_request_t *r, const void *data,
    size_t len, const sector_compose_meta_t *meta)
{
    ngx_buf_t  *b;

    b = ngx_create_temp_buf(r->pool, sizeof(SECTOR_COMPOSE_HEAD) - 1 + len
                                     + SECTOR_COMPOSE_TAIL_MAX);
    if (b == NULL) {
        return NULL;
    }

    b->last = ngx_cpymem(b->last, SECTOR_COMPOSE_HEAD,
                         sizeof(SECTOR_COMPOSE_HEAD) - 1);
    b->last = ngx_cpymem(b->last, data, len);
    b->last += sector_compose_tail((char *) b->last, meta);

    return b;
}


ngx_int_t
ngx_http_sector_cache_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_buf_t *b)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = b->last - b->pos;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_sector_cache_path(ngx_http_request_t *r, ngx_str_t *path)
{
    size_t                     len;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    len = clcf->name.len;

    if (len && clcf->name.data[len - 1] == '/') {
        len--;
    }

    if (r->uri.len < len
        || ngx_strncmp(r->uri.data, clcf->name.data, len) != 0
        || (r->uri.len > len && r->uri.data[len] != '/'))
    {
        return NGX_DECLINED;
    }

    path->data = r->uri.data + len;
    path->len = r->uri.len - len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sector_cache_add_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}
