/*
 * The order of things: conditions are looked at before a body is made, since
 * a client that has the data needs none; the body is made while the entry can
 * be read; then everything is sent.
 *
 * nginx's own not-modified filter is told to keep out: it lets a client have
 * the body again when If-None-Match matches and If-Modified-Since does not,
 * where RFC 9110, 13.2.2 has the latter ignored.
 */

#include "ngx_http_sector_cache_headers.h"
#include "ngx_http_sector_cache_response.h"
#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_shm.h"
#include "sector_http.h"


static ngx_buf_t *ngx_http_sector_cache_body_gzip(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, const sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n);
static ngx_buf_t *ngx_http_sector_cache_buf(ngx_http_request_t *r,
    size_t size);
static ngx_uint_t ngx_http_sector_cache_gzip(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head);


ngx_int_t
ngx_http_sector_cache_send_error(ngx_http_request_t *r,
    ngx_http_sector_cache_error_t *error)
{
    char                    *text;
    size_t                   len;
    ngx_buf_t               *b;
    sector_compose_error_t   e;

    if (error->head.detail == NULL) {
        error->head.detail = error->code;
    }

    if (ngx_http_sector_cache_add_error_headers(r, error) != NGX_OK) {
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

    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_create_temp_buf(r->pool, len);

    if (b) {
        b->last = ngx_cpymem(b->pos, text, len);
    }

    free(text);

    return ngx_http_sector_cache_send(r, error->status, &error->head, b);
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
ngx_http_sector_cache_send_not_allowed(ngx_http_request_t *r,
    const char *allowed)
{
    u_char                         text[128];
    ngx_http_sector_cache_error_t  error;

    ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

    *ngx_snprintf(text, sizeof(text) - 1,
                  "Method is not allowed here, allowed: %s", allowed) = '\0';

    error.status = NGX_HTTP_NOT_ALLOWED;
    error.code = "METHOD_NOT_ALLOWED";
    error.text = (char *) text;
    error.allow = allowed;

    return ngx_http_sector_cache_send_error(r, &error);
}


ngx_int_t
ngx_http_sector_cache_send_text(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, char *text, size_t len)
{
    ngx_buf_t                     *b;
    ngx_http_sector_cache_head_t   head;

    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_create_temp_buf(r->pool, len);

    if (b) {
        b->last = ngx_cpymem(b->pos, text, len);
    }

    free(text);

    ngx_memzero(&head, sizeof(ngx_http_sector_cache_head_t));
    head.type = type;

    return ngx_http_sector_cache_send(r, status, &head, b);
}


ngx_int_t
ngx_http_sector_cache_send_data(ngx_http_request_t *r, ngx_uint_t status,
    char *text, size_t len)
{
    ngx_buf_t                     *b;
    sector_gzip_piece_t            pieces[3];
    sector_compose_meta_t          meta;
    ngx_http_sector_cache_head_t   head;

    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&meta, sizeof(sector_compose_meta_t));
    ngx_memzero(&head, sizeof(ngx_http_sector_cache_head_t));
    ngx_memzero(pieces, sizeof(pieces));

    meta.time = ngx_http_sector_cache_wall_text();

    pieces[1].text = text;
    pieces[1].len = len;

    b = ngx_http_sector_cache_body(r, &head, &meta, pieces, 3);

    free(text);

    return ngx_http_sector_cache_send(r, status, &head, b);
}


ngx_buf_t *
ngx_http_sector_cache_body(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, const sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n)
{
    size_t                             size;
    ngx_buf_t                         *b;
    ngx_http_sector_cache_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_sector_cache_module);

    if (lcf->gzip && ngx_http_sector_cache_gzip(r, head)) {
        return ngx_http_sector_cache_body_gzip(r, lcf, meta, pieces, n);
    }

    pieces++;
    n -= 2;

    size = sector_gzip_text_bytes(pieces, n);

    if (!lcf->envelope) {
        b = ngx_http_sector_cache_buf(r, size);

        if (b) {
            b->last += sector_gzip_text_write(pieces, n, b->last);
        }

        return b;
    }

    b = ngx_http_sector_cache_buf(r, sizeof(SECTOR_COMPOSE_HEAD) - 1 + size
                                     + SECTOR_COMPOSE_TAIL_MAX);

    if (b) {
        b->last = ngx_cpymem(b->last, SECTOR_COMPOSE_HEAD,
                             sizeof(SECTOR_COMPOSE_HEAD) - 1);
        b->last += sector_gzip_text_write(pieces, n, b->last);
        b->last += lcf->tails
                   ? sector_compose_tail_again(lcf->tails, (char *) b->last,
                                               meta)
                   : sector_compose_tail((char *) b->last, meta);
    }

    return b;
}


/* Without meta the envelope is among the pieces already. */

static ngx_buf_t *
ngx_http_sector_cache_body_gzip(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf, const sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n)
{
    char        tail[SECTOR_COMPOSE_TAIL_MAX];
    ngx_buf_t  *b;

    if (meta == NULL) {
        /* void */

    } else if (lcf->envelope) {
        ngx_memzero(&pieces[0], sizeof(sector_gzip_piece_t));
        pieces[0].text = SECTOR_COMPOSE_HEAD;
        pieces[0].len = sizeof(SECTOR_COMPOSE_HEAD) - 1;

        ngx_memzero(&pieces[n - 1], sizeof(sector_gzip_piece_t));
        pieces[n - 1].text = tail;
        pieces[n - 1].len = sector_compose_tail(tail, meta);

    } else {
        pieces++;
        n -= 2;
    }

    b = ngx_http_sector_cache_buf(r, sector_gzip_bytes(pieces, n));

    if (b) {
        b->last += sector_gzip_write(pieces, n, b->last);
    }

    return b;
}


ngx_buf_t *
ngx_http_sector_cache_body_stale(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, const sector_compose_meta_t *meta,
    sector_gzip_piece_t *pieces, ngx_uint_t n,
    const ngx_http_sector_cache_stale_t *stale)
{
    char                              *tail;
    ngx_buf_t                         *b;
    ngx_http_sector_cache_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_sector_cache_module);

    if (stale->n == 0 || !lcf->envelope) {
        return ngx_http_sector_cache_body(r, head, meta, pieces, n);
    }

    tail = ngx_pnalloc(r->pool, sector_compose_stale_max(stale->elts,
                                                         stale->n));
    if (tail == NULL) {
        return NULL;
    }

    ngx_memzero(&pieces[0], sizeof(sector_gzip_piece_t));
    pieces[0].text = SECTOR_COMPOSE_HEAD;
    pieces[0].len = sizeof(SECTOR_COMPOSE_HEAD) - 1;

    ngx_memzero(&pieces[n - 1], sizeof(sector_gzip_piece_t));
    pieces[n - 1].text = tail;
    pieces[n - 1].len = sector_compose_tail_stale(tail, meta, stale->elts,
                                                  stale->n);

    if (lcf->gzip && ngx_http_sector_cache_gzip(r, head)) {
        return ngx_http_sector_cache_body_gzip(r, lcf, NULL, pieces, n);
    }

    b = ngx_http_sector_cache_buf(r, sector_gzip_text_bytes(pieces, n));

    if (b) {
        b->last += sector_gzip_text_write(pieces, n, b->last);
    }

    return b;
}


/* A buffer with its bytes, in one piece of memory. */

static ngx_buf_t *
ngx_http_sector_cache_buf(ngx_http_request_t *r, size_t size)
{
    ngx_buf_t  *b;

    b = ngx_palloc(r->pool, sizeof(ngx_buf_t) + size);
    if (b == NULL) {
        return NULL;
    }

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = (u_char *) (b + 1);
    b->pos = b->start;
    b->last = b->start;
    b->end = b->start + size;
    b->temporary = 1;

    return b;
}


/* Whether a body that might be compressed is to be; head says both. */

static ngx_uint_t
ngx_http_sector_cache_gzip(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head)
{
    head->vary = 1;

#if (NGX_HTTP_GZIP)

    /* a subrequest's body is a part of another one */

    if (r == r->main && r->headers_in.accept_encoding
        && sector_http_accepts_gzip(
                       (char *) r->headers_in.accept_encoding->value.data,
                       r->headers_in.accept_encoding->value.len))
    {
        head->gzip = 1;
    }

#endif

    return head->gzip;
}


ngx_int_t
ngx_http_sector_cache_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_http_sector_cache_head_t *head, ngx_buf_t *b)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = b->last - b->pos;
    ngx_str_set(&r->headers_out.content_type, "application/json");

    if (head->type) {
        r->headers_out.content_type.data = (u_char *) head->type;
        r->headers_out.content_type.len = ngx_strlen(head->type);
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    r->disable_not_modified = 1;

    if (ngx_http_sector_cache_add_headers(r, head, b) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

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
ngx_http_sector_cache_send_condition(ngx_http_request_t *r,
    ngx_http_sector_cache_head_t *head, ngx_int_t status)
{
    ngx_http_sector_cache_error_t      error;
    ngx_http_sector_cache_loc_conf_t  *lcf;

    if (status != NGX_HTTP_NOT_MODIFIED) {
        ngx_memzero(&error, sizeof(ngx_http_sector_cache_error_t));

        error.status = NGX_HTTP_PRECONDITION_FAILED;
        error.code = "PRECONDITION_FAILED";
        error.text = "If-Match or If-Unmodified-Since does not hold";
        error.head.cache = head->cache;

        return ngx_http_sector_cache_send_error(r, &error);
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_sector_cache_module);

    head->vary = lcf->gzip;

    r->headers_out.status = NGX_HTTP_NOT_MODIFIED;
    r->headers_out.content_length_n = -1;
    r->disable_not_modified = 1;

    if (ngx_http_sector_cache_add_headers(r, head, NULL) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_send_header(r);
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
        || ngx_memcmp(r->uri.data, clcf->name.data, len) != 0
        || (r->uri.len > len && r->uri.data[len] != '/'))
    {
        return NGX_DECLINED;
    }

    path->data = r->uri.data + len;
    path->len = r->uri.len - len;

    return NGX_OK;
}
