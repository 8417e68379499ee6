/*
 * The headers of a request that matter to us, and those that we answer with.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_HEADERS_H
#define NGX_HTTP_SECTOR_CACHE_HEADERS_H


#include "ngx_http_sector_cache_response.h"


/* Adds what head says: ETag, Last-Modified, Age, Cache-Control, Cache-Status,
 * Vary and Content-Encoding.  NGX_OK or NGX_ERROR.  What b, the body or NULL,
 * has allocated behind its bytes may be used up for their values. */

ngx_int_t ngx_http_sector_cache_add_headers(ngx_http_request_t *r,
    const ngx_http_sector_cache_head_t *head, ngx_buf_t *b);


/* Adds what an error has beside: Retry-After, WWW-Authenticate and
 * Allow. */

ngx_int_t ngx_http_sector_cache_add_error_headers(ngx_http_request_t *r,
    const ngx_http_sector_cache_error_t *error);


/* Adds one, whose name and value, from value to last, are not copied; NULL
 * without memory. */

ngx_table_elt_t *ngx_http_sector_cache_add_header(ngx_http_request_t *r,
    const char *name, size_t name_len, u_char *value, u_char *last);


/*
 * Whether the request's conditions (RFC 9110, section 13) let an answer
 * with the validators of head through: NGX_OK, or the status to send in its
 * place, NGX_HTTP_NOT_MODIFIED or NGX_HTTP_PRECONDITION_FAILED.
 */
ngx_int_t ngx_http_sector_cache_evaluate(ngx_http_request_t *r,
    const ngx_http_sector_cache_head_t *head);


/* The same where there may be none, as for most requests.  A subrequest has
 * none of its own: what a client asks of a page is not asked of what is in the
 * page. */

static ngx_inline ngx_int_t
ngx_http_sector_cache_conditions(ngx_http_request_t *r,
    const ngx_http_sector_cache_head_t *head)
{
    if (r != r->main
        || (r->headers_in.if_match == NULL
            && r->headers_in.if_none_match == NULL
            && r->headers_in.if_modified_since == NULL
            && r->headers_in.if_unmodified_since == NULL))
    {
        return NGX_OK;
    }

    return ngx_http_sector_cache_evaluate(r, head);
}


#endif /* NGX_HTTP_SECTOR_CACHE_HEADERS_H */
