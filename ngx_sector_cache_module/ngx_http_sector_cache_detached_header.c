/*
 * What a detached fetch keeps of the header of its answer.
 */

#include "ngx_http_sector_cache_detached.h"
#include "sector_http.h"


static void ngx_http_sector_cache_detached_encoding(
    ngx_http_sector_cache_detached_t *d, ngx_str_t *value);
static void ngx_http_sector_cache_detached_fields(
    ngx_http_sector_cache_detached_t *d, ngx_list_part_t *part);
static void ngx_http_sector_cache_detached_field(
    ngx_http_sector_cache_detached_t *d, ngx_table_elt_t *h);
static ngx_uint_t ngx_http_sector_cache_detached_is(ngx_str_t *key,
    const char *name);


void
ngx_http_sector_cache_detached_header(ngx_http_sector_cache_detached_t *d,
    ngx_http_request_t *r)
{
    d->status = r->headers_out.status;
    d->content_length = r->headers_out.content_length_n;

    r->keepalive = 1;       /* nginx takes it away if the body is cut off */

    /* a filter that looks into the body may change its length, and leaves the
     * header of a subrequest as it was */

    if (r->filter_need_in_memory) {
        d->content_length = -1;
    }

    if (r->headers_out.content_encoding) {
        ngx_http_sector_cache_detached_encoding(d,
                                     &r->headers_out.content_encoding->value);
    }

    ngx_http_sector_cache_detached_fields(d, &r->headers_out.headers.part);

#if (NGX_HTTP_CACHE)

    /* nginx does not add to Age what it kept the answer for */

    if (r->cached && r->cache && ngx_time() > r->cache->date) {
        d->age_s += (uint64_t) (ngx_time() - r->cache->date);
    }

#endif

    if (d->status == NGX_HTTP_OK && d->content_length > (off_t) d->body_max
        && !d->reported)
    {
        d->too_large = 1;
        ngx_post_event(&d->abort, &ngx_posted_events);
    }
}


/* RFC 9110 does not let "identity" be sent, which some do all the same. */

static void
ngx_http_sector_cache_detached_encoding(ngx_http_sector_cache_detached_t *d,
    ngx_str_t *value)
{
    ngx_str_t  coding;

    static ngx_str_t  identity = ngx_string("identity");

    coding = *value;

    while (coding.len && (coding.data[0] == ' ' || coding.data[0] == '\t')) {
        coding.data++;
        coding.len--;
    }

    while (coding.len && (coding.data[coding.len - 1] == ' '
                          || coding.data[coding.len - 1] == '\t'))
    {
        coding.len--;
    }

    if (coding.len != identity.len
        || ngx_strncasecmp(coding.data, identity.data, identity.len) != 0)
    {
        d->encoding = coding;
    }
}


static void
ngx_http_sector_cache_detached_fields(ngx_http_sector_cache_detached_t *d,
    ngx_list_part_t *part)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    for ( /* void */ ; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash) {
                ngx_http_sector_cache_detached_field(d, &h[i]);
            }
        }
    }
}


static void
ngx_http_sector_cache_detached_field(ngx_http_sector_cache_detached_t *d,
    ngx_table_elt_t *h)
{
    int64_t  age;

    if (ngx_http_sector_cache_detached_is(&h->key, "Retry-After")) {
        d->retry_after = h->value;

    } else if (ngx_http_sector_cache_detached_is(&h->key, "Age") && !d->aged) {
        d->aged = 1;
        age = sector_http_age((char *) h->value.data, h->value.len);
        d->age_s = age > 0 ? (uint64_t) age : 0;

    } else if (ngx_http_sector_cache_detached_is(&h->key, "Cache-Status")
               && sector_http_partial((char *) h->value.data, h->value.len))
    {
        d->partial = 1;
    }
}


static ngx_uint_t
ngx_http_sector_cache_detached_is(ngx_str_t *key, const char *name)
{
    return key->len == ngx_strlen(name)
           && ngx_strncasecmp(key->data, (u_char *) name, key->len) == 0;
}
