/*
 * All values of an answer's headers are printed into one piece of memory,
 * digit by digit: this runs for every hit.
 */

#include "ngx_http_sector_cache_headers.h"
#include "sector_entry.h"
#include "sector_http.h"


#define NGX_HTTP_SECTOR_CACHE_VALUES_MAX  512   /* bytes of all values, beside
                                                   the detail */


static u_char *ngx_http_sector_cache_etag_value(u_char *p,
    const ngx_http_sector_cache_head_t *head);
static u_char *ngx_http_sector_cache_status_value(u_char *p,
    const ngx_http_sector_cache_head_t *head);
static u_char *ngx_http_sector_cache_number(u_char *p, int64_t n);
static u_char *ngx_http_sector_cache_text(u_char *p, const char *text);
static ngx_table_elt_t *ngx_http_sector_cache_add_header(
    ngx_http_request_t *r, const char *name, size_t name_len, u_char *value,
    u_char *last);
static ngx_int_t ngx_http_sector_cache_field(ngx_http_request_t *r,
    ngx_table_elt_t *first, const char **text, size_t *len);
static int64_t ngx_http_sector_cache_date(ngx_table_elt_t *h);


#define ngx_http_sector_cache_header(r, name, value, last)                    \
    ngx_http_sector_cache_add_header(r, name, sizeof(name) - 1, value, last)


ngx_int_t
ngx_http_sector_cache_add_headers(ngx_http_request_t *r,
    const ngx_http_sector_cache_head_t *head)
{
    size_t            detail;
    u_char           *p, *start;
    ngx_table_elt_t  *h;

    detail = head->detail ? ngx_strlen(head->detail) : 0;

    p = ngx_pnalloc(r->pool, NGX_HTTP_SECTOR_CACHE_VALUES_MAX + detail);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (head->validators) {
        start = p;
        p = ngx_http_sector_cache_etag_value(p, head);

        h = ngx_http_sector_cache_header(r, "ETag", start, p);
        if (h == NULL) {
            return NGX_ERROR;
        }

        r->headers_out.etag = h;
        r->headers_out.last_modified_time = head->modified_s;
    }

    start = p;
    p = ngx_http_sector_cache_number(p, (int64_t) head->age_s);

    if (ngx_http_sector_cache_header(r, "Age", start, p) == NULL) {
        return NGX_ERROR;
    }

    start = p;

    if (head->keep) {
        p = ngx_http_sector_cache_text(p, "max-age=");
        p = ngx_http_sector_cache_number(p, ngx_max(head->ttl_s, 0));

    } else {
        p = ngx_http_sector_cache_text(p, "no-store");
    }

    if (ngx_http_sector_cache_header(r, "Cache-Control", start, p) == NULL) {
        return NGX_ERROR;
    }

    start = p;
    p = ngx_http_sector_cache_status_value(p, head);

    if (ngx_http_sector_cache_header(r, "Cache-Status", start, p) == NULL) {
        return NGX_ERROR;
    }

    if (head->vary) {
        start = p;
        p = ngx_http_sector_cache_text(p, "Accept-Encoding");

        if (ngx_http_sector_cache_header(r, "Vary", start, p) == NULL) {
            return NGX_ERROR;
        }
    }

    if (head->gzip) {
        start = p;
        p = ngx_http_sector_cache_text(p, "gzip");

        h = ngx_http_sector_cache_header(r, "Content-Encoding", start, p);
        if (h == NULL) {
            return NGX_ERROR;
        }

        r->headers_out.content_encoding = h;
    }

    return NGX_OK;
}


static u_char *
ngx_http_sector_cache_etag_value(u_char *p,
    const ngx_http_sector_cache_head_t *head)
{
    return p + sector_entry_etag(head->etag, (char *) p);
}


/* RFC 9211 */

static u_char *
ngx_http_sector_cache_status_value(u_char *p,
    const ngx_http_sector_cache_head_t *head)
{
    p = ngx_http_sector_cache_text(p, "sector-cache");

    if (head->cache) {
        p = ngx_http_sector_cache_text(p, "; ");
        p = ngx_http_sector_cache_text(p, head->cache);
    }

    if (head->fwd_status) {
        p = ngx_http_sector_cache_text(p, "; fwd-status=");
        p = ngx_http_sector_cache_number(p, (int64_t) head->fwd_status);
    }

    if (head->stored) {
        p = ngx_http_sector_cache_text(p, "; stored");
    }

    if (head->collapsed) {
        p = ngx_http_sector_cache_text(p, "; collapsed");
    }

    if (head->ttl) {
        p = ngx_http_sector_cache_text(p, "; ttl=");
        p = ngx_http_sector_cache_number(p, head->ttl_s);
    }

    if (head->detail) {
        p = ngx_http_sector_cache_text(p, "; detail=");
        p = ngx_http_sector_cache_text(p, head->detail);
    }

    return p;
}


static u_char *
ngx_http_sector_cache_number(u_char *p, int64_t n)
{
    u_char    digits[NGX_INT64_LEN], *first, *end;
    uint64_t  rest;

    if (n < 0) {
        *p++ = '-';
    }

    rest = n < 0 ? 0 - (uint64_t) n : (uint64_t) n;
    end = digits + NGX_INT64_LEN;
    first = end;

    do {
        *--first = (u_char) ('0' + rest % 10);
        rest /= 10;
    } while (rest);

    return ngx_cpymem(p, first, end - first);
}


static u_char *
ngx_http_sector_cache_text(u_char *p, const char *text)
{
    while (*text) {
        *p++ = (u_char) *text++;
    }

    return p;
}


ngx_int_t
ngx_http_sector_cache_add_error_headers(ngx_http_request_t *r,
    const ngx_http_sector_cache_error_t *error)
{
    u_char  *p;

    if (error->retry_after_s) {
        p = ngx_pnalloc(r->pool, NGX_INT64_LEN);

        if (p == NULL
            || ngx_http_sector_cache_header(r, "Retry-After", p,
                    ngx_http_sector_cache_number(p,
                                            (int64_t) error->retry_after_s))
               == NULL)
        {
            return NGX_ERROR;
        }
    }

    if (error->allow
        && ngx_http_sector_cache_header(r, "Allow", (u_char *) error->allow,
                                        (u_char *) error->allow
                                        + ngx_strlen(error->allow))
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_table_elt_t *
ngx_http_sector_cache_add_header(ngx_http_request_t *r, const char *name,
    size_t name_len, u_char *value, u_char *last)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = name_len;
    h->value.data = value;
    h->value.len = last - value;

    return h;
}


ngx_int_t
ngx_http_sector_cache_conditions(ngx_http_request_t *r,
    const ngx_http_sector_cache_head_t *head)
{
    char                       etag[SECTOR_ENTRY_ETAG_MAX];
    size_t                     len;
    sector_http_verdict_e      verdict;
    sector_http_conditions_t   c;

    if (r->headers_in.if_match == NULL && r->headers_in.if_none_match == NULL
        && r->headers_in.if_modified_since == NULL
        && r->headers_in.if_unmodified_since == NULL)
    {
        return NGX_OK;
    }

    if (ngx_http_sector_cache_field(r, r->headers_in.if_match, &c.if_match,
                                    &c.if_match_len)
        != NGX_OK
        || ngx_http_sector_cache_field(r, r->headers_in.if_none_match,
                                       &c.if_none_match, &c.if_none_match_len)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    c.if_modified_since =
                  ngx_http_sector_cache_date(r->headers_in.if_modified_since);
    c.if_unmodified_since =
                ngx_http_sector_cache_date(r->headers_in.if_unmodified_since);

    len = sector_entry_etag(head->etag, etag);

    verdict = sector_http_evaluate(&c, etag, len, head->modified_s);

    return verdict == SECTOR_HTTP_NOT_MODIFIED ? NGX_HTTP_NOT_MODIFIED
           : verdict == SECTOR_HTTP_FAILED ? NGX_HTTP_PRECONDITION_FAILED
           : NGX_OK;
}


/* The value of a list field, of all its lines together (RFC 9110, 5.3); first
 * is the one that nginx has noted, NULL: there is none. */

static ngx_int_t
ngx_http_sector_cache_field(ngx_http_request_t *r, ngx_table_elt_t *first,
    const char **text, size_t *len)
{
    u_char           *p;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    *text = first ? (char *) first->value.data : NULL;
    *len = first ? first->value.len : 0;

    if (first == NULL) {
        return NGX_OK;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (&h[i] == first || h[i].key.len != first->key.len
                || ngx_strncasecmp(h[i].key.data, first->key.data,
                                   first->key.len)
                   != 0)
            {
                continue;
            }

            p = ngx_pnalloc(r->pool, *len + h[i].value.len + 2);
            if (p == NULL) {
                return NGX_ERROR;
            }

            *len = ngx_sprintf(p, "%*s, %V", *len, *text, &h[i].value) - p;
            *text = (char *) p;
        }
    }

    return NGX_OK;
}


/* Seconds since the epoch; -1: none, or no valid date. */

static int64_t
ngx_http_sector_cache_date(ngx_table_elt_t *h)
{
    time_t  date;

    if (h == NULL) {
        return -1;
    }

    date = ngx_parse_http_time(h->value.data, h->value.len);

    return date == NGX_ERROR ? -1 : (int64_t) date;
}
