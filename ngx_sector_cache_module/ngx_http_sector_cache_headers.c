/*
 * All values of an answer's headers are one piece of memory, printed without
 * sprintf() and only where they differ: this runs for every hit.
 */

#include "ngx_http_sector_cache_headers.h"
#include "ngx_http_sector_cache_clock.h"
#include "sector_entry.h"
#include "sector_http.h"


#define NGX_HTTP_SECTOR_CACHE_VALUES      32
#define NGX_HTTP_SECTOR_CACHE_DETAIL_MAX  64    /* bytes, an error's code */
#define NGX_HTTP_SECTOR_CACHE_VALUES_MAX                                      \
    (368 + NGX_HTTP_SECTOR_CACHE_DETAIL_MAX)    /* bytes of all values */
#define NGX_HTTP_SECTOR_CACHE_DATE_LEN                                        \
    (sizeof("Mon, 28 Sep 1970 06:00:00 GMT") - 1)
#define NGX_HTTP_SECTOR_CACHE_DATES       16

/* Bytes by which nginx knows the Cache-Control: before 1.23.0 an array. */

#if (nginx_version < 1023000)
#define NGX_HTTP_SECTOR_CACHE_KNOWN  (2 * sizeof(ngx_table_elt_t *) - 1)
#else
#define NGX_HTTP_SECTOR_CACHE_KNOWN  0
#endif


/* Copies a literal without its end; evaluates to where the next thing goes. */

#define ngx_http_sector_cache_literal(p, text)                                \
    ngx_cpymem(p, text, sizeof(text) - 1)

#define ngx_http_sector_cache_header(r, name, value, last)                    \
    ngx_http_sector_cache_add_header(r, name, sizeof(name) - 1, value, last)

#define ngx_http_sector_cache_value(v, name, p)                               \
    ngx_http_sector_cache_end_value(v, name, sizeof(name) - 1, p)


/* The headers of what a head says, but for those of a compression; their
 * values stand one behind the other, and are where they are copied to. */

typedef struct {
    ngx_http_sector_cache_head_t        head;
    time_t                              modified_s; /* as it was printed */
    ngx_uint_t                          setting;    /* of the clock: when it
                                                       was printed; 0: never */
    ngx_uint_t                          n;          /* of headers */
    ngx_table_elt_t                     headers[5];
    size_t                              len;        /* of text */
    u_char                              text[NGX_HTTP_SECTOR_CACHE_VALUES_MAX];
} ngx_http_sector_cache_values_t;


static const ngx_http_sector_cache_values_t *ngx_http_sector_cache_values(
    const ngx_http_sector_cache_head_t *head);
static void ngx_http_sector_cache_print_values(
    ngx_http_sector_cache_values_t *v,
    const ngx_http_sector_cache_head_t *head);
static u_char *ngx_http_sector_cache_control_value(u_char *p,
    const ngx_http_sector_cache_head_t *head);
static void ngx_http_sector_cache_end_value(ngx_http_sector_cache_values_t *v,
    const char *name, size_t name_len, u_char *last);
static time_t ngx_http_sector_cache_modified(
    const ngx_http_sector_cache_head_t *head);
static u_char *ngx_http_sector_cache_date_value(u_char *p, time_t date);
static u_char *ngx_http_sector_cache_status_value(u_char *p,
    const ngx_http_sector_cache_head_t *head);
static ngx_inline u_char *ngx_http_sector_cache_number(u_char *p, int64_t n);
static u_char *ngx_http_sector_cache_text(u_char *p, const char *text);
static ngx_table_elt_t *ngx_http_sector_cache_push(ngx_http_request_t *r,
    ngx_uint_t n);
static ngx_int_t ngx_http_sector_cache_add_coding(ngx_http_request_t *r,
    const ngx_http_sector_cache_head_t *head);
static ngx_int_t ngx_http_sector_cache_add_vary(ngx_http_request_t *r);
static u_char *ngx_http_sector_cache_known(ngx_http_request_t *r,
    ngx_table_elt_t *cache_control, u_char *p);
static int64_t ngx_http_sector_cache_date(ngx_table_elt_t *h);


ngx_int_t
ngx_http_sector_cache_add_headers(ngx_http_request_t *r,
    const ngx_http_sector_cache_head_t *head, ngx_buf_t *b)
{
    u_char                                *p;
    size_t                                 size;
    ngx_uint_t                             i;
    ngx_table_elt_t                       *h;
    const ngx_http_sector_cache_values_t  *v;

    v = ngx_http_sector_cache_values(head);
    size = v->len + NGX_HTTP_SECTOR_CACHE_KNOWN;

    if (b && (size_t) (b->end - b->last) >= size) {
        p = b->last;
        b->end = b->last;

    } else {
        p = ngx_pnalloc(r->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    h = ngx_http_sector_cache_push(r, v->n);
    if (h == NULL) {
        return NGX_ERROR;
    }

    /* Cache-Status is behind it */

    p = ngx_http_sector_cache_known(r, &h[v->n - 2], p);

    ngx_memcpy(p, v->text, v->len);
    ngx_memcpy(h, v->headers, v->n * sizeof(ngx_table_elt_t));

    for (i = 0; i < v->n; i++) {
        h[i].value.data = p;
        p += h[i].value.len;
    }

    if (head->validators) {
        r->headers_out.etag = &h[0];

        if (v->modified_s != -1) {
            r->headers_out.last_modified = &h[1];
            r->headers_out.last_modified_time = v->modified_s;
        }
    }

    return head->vary ? ngx_http_sector_cache_add_coding(r, head) : NGX_OK;
}


/* Of the answers of a second, the many about one entry have the same values:
 * they are printed for the first of them, and anew after a clock was set back.
 * What has a detail is rare. */

static const ngx_http_sector_cache_values_t *
ngx_http_sector_cache_values(const ngx_http_sector_cache_head_t *head)
{
    ngx_http_sector_cache_values_t      *v;
    const ngx_http_sector_cache_head_t  *h;

    static ngx_http_sector_cache_values_t
        values[NGX_HTTP_SECTOR_CACHE_VALUES];

    v = &values[(head->etag ^ head->age_s) % NGX_HTTP_SECTOR_CACHE_VALUES];
    h = &v->head;

    if (h->etag != head->etag || h->age_s != head->age_s
        || h->ttl_s != head->ttl_s || h->swr_ms != head->swr_ms
        || h->modified_s != head->modified_s
        || h->cache != head->cache || h->detail || head->detail
        || h->fwd_status != head->fwd_status
        || h->validators != head->validators || h->keep != head->keep
        || h->ttl != head->ttl || h->stored != head->stored
        || h->collapsed != head->collapsed
        || v->setting != ngx_http_sector_cache_clock.setting)
    {
        ngx_http_sector_cache_print_values(v, head);
    }

    return v;
}


static void
ngx_http_sector_cache_print_values(ngx_http_sector_cache_values_t *v,
    const ngx_http_sector_cache_head_t *head)
{
    u_char  *p;

    v->head = *head;
    v->modified_s = ngx_http_sector_cache_modified(head);
    v->setting = ngx_http_sector_cache_clock.setting;
    v->n = 0;
    v->len = 0;
    p = v->text;

    if (head->validators) {
        p += sector_entry_etag(head->etag, (char *) p);
        ngx_http_sector_cache_value(v, "ETag", p);

        if (v->modified_s != -1) {
            p = ngx_http_sector_cache_date_value(p, v->modified_s);
            ngx_http_sector_cache_value(v, "Last-Modified", p);
        }
    }

    p = ngx_http_sector_cache_number(p, (int64_t) head->age_s);
    ngx_http_sector_cache_value(v, "Age", p);

    p = ngx_http_sector_cache_control_value(p, head);
    ngx_http_sector_cache_value(v, "Cache-Control", p);

    p = ngx_http_sector_cache_status_value(p, head);
    ngx_http_sector_cache_value(v, "Cache-Status", p);
}


/*
 * A cache takes Age from max-age (RFC 9111, 4.2), so max-age is the whole time
 * that an answer is fresh, and what is left of it is what is left here.  What
 * is past its time has none at all, also for a cache that does not look at
 * Age.  stale-while-revalidate follows max-age (RFC 5861), as swr does ttl.
 */
static u_char *
ngx_http_sector_cache_control_value(u_char *p,
    const ngx_http_sector_cache_head_t *head)
{
    if (!head->keep) {
        return ngx_http_sector_cache_literal(p, "no-store");
    }

    p = ngx_http_sector_cache_literal(p, "max-age=");

    if (head->ttl_s <= 0) {
        *p++ = '0';
        return p;
    }

    p = ngx_http_sector_cache_number(p, (int64_t) head->age_s + head->ttl_s);

    if (head->swr_ms >= 1000) {
        p = ngx_http_sector_cache_literal(p, ", stale-while-revalidate=");
        p = ngx_http_sector_cache_number(p, (int64_t) (head->swr_ms / 1000));
    }

    return p;
}


/* One more header: its value is what was printed after the last one's. */

static void
ngx_http_sector_cache_end_value(ngx_http_sector_cache_values_t *v,
    const char *name, size_t name_len, u_char *last)
{
    ngx_table_elt_t  *h;

    h = &v->headers[v->n++];

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = name_len;
    h->value.len = last - v->text - v->len;

    v->len = last - v->text;
}


/* Not after the answer's own date, as it would be where the clock was set back
 * (RFC 9110, 8.8.2.1). */

static time_t
ngx_http_sector_cache_modified(const ngx_http_sector_cache_head_t *head)
{
    return ngx_min(head->modified_s, ngx_time());
}


/* A date, printed once for the many answers that say it. */

static u_char *
ngx_http_sector_cache_date_value(u_char *p, time_t date)
{
    ngx_uint_t  i;

    static time_t  dates[NGX_HTTP_SECTOR_CACHE_DATES];
    static u_char  texts[NGX_HTTP_SECTOR_CACHE_DATES]
                        [NGX_HTTP_SECTOR_CACHE_DATE_LEN];

    i = (ngx_uint_t) date % NGX_HTTP_SECTOR_CACHE_DATES;

    if (dates[i] != date || texts[i][0] == '\0') {
        (void) ngx_http_time(texts[i], date);
        dates[i] = date;
    }

    return ngx_cpymem(p, texts[i], NGX_HTTP_SECTOR_CACHE_DATE_LEN);
}


/* RFC 9211 */

static u_char *
ngx_http_sector_cache_status_value(u_char *p,
    const ngx_http_sector_cache_head_t *head)
{
    p = ngx_http_sector_cache_literal(p, "sector-cache");

    if (head->cache) {
        p = ngx_http_sector_cache_literal(p, "; ");
        p = ngx_http_sector_cache_text(p, head->cache);
    }

    if (head->fwd_status) {
        p = ngx_http_sector_cache_literal(p, "; fwd-status=");
        p = ngx_http_sector_cache_number(p, (int64_t) head->fwd_status);
    }

    if (head->stored) {
        p = ngx_http_sector_cache_literal(p, "; stored");
    }

    if (head->collapsed) {
        p = ngx_http_sector_cache_literal(p, "; collapsed");
    }

    if (head->ttl) {
        p = ngx_http_sector_cache_literal(p, "; ttl=");
        p = ngx_http_sector_cache_number(p, head->ttl_s);
    }

    if (head->detail) {
        p = ngx_http_sector_cache_literal(p, "; detail=");
        p = ngx_cpymem(p, head->detail, ngx_min(ngx_strlen(head->detail),
                                          NGX_HTTP_SECTOR_CACHE_DETAIL_MAX));
    }

    return p;
}


static ngx_inline u_char *
ngx_http_sector_cache_number(u_char *p, int64_t n)
{
    if (n < 0) {
        *p++ = '-';
        n = -n;
    }

    return (u_char *) sector_compose_number((char *) p, (uint64_t) n);
}


static u_char *
ngx_http_sector_cache_text(u_char *p, const char *text)
{
    while (*text) {
        *p++ = (u_char) *text++;
    }

    return p;
}


/* That the body might have been compressed, and whether it is. */

static ngx_int_t
ngx_http_sector_cache_add_coding(ngx_http_request_t *r,
    const ngx_http_sector_cache_head_t *head)
{
    ngx_table_elt_t  *h;

    static u_char  gzip[] = "gzip";

    if (ngx_http_sector_cache_add_vary(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!head->gzip) {
        return NGX_OK;
    }

    h = ngx_http_sector_cache_header(r, "Content-Encoding", gzip,
                                     gzip + sizeof(gzip) - 1);
    if (h == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.content_encoding = h;

    return NGX_OK;
}


/* Where nginx adds one for its own compression, it is told to: that it has
 * been added already is nothing that it can see. */

static ngx_int_t
ngx_http_sector_cache_add_vary(ngx_http_request_t *r)
{
    static u_char              vary[] = "Accept-Encoding";

#if (NGX_HTTP_GZIP)

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->gzip_vary) {
        r->gzip_vary = 1;
        return NGX_OK;
    }

#endif

    return ngx_http_sector_cache_header(r, "Vary", vary,
                                        vary + sizeof(vary) - 1)
           ? NGX_OK : NGX_ERROR;
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

    if (error->challenge
        && ngx_http_sector_cache_header(r, "WWW-Authenticate",
                                        (u_char *) error->challenge,
                                        (u_char *) error->challenge
                                        + ngx_strlen(error->challenge))
           == NULL)
    {
        return NGX_ERROR;
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


ngx_table_elt_t *
ngx_http_sector_cache_add_header(ngx_http_request_t *r, const char *name,
    size_t name_len, u_char *value, u_char *last)
{
    ngx_table_elt_t  *h;

    h = ngx_http_sector_cache_push(r, 1);
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


/* Room for n headers in a row, which ngx_list_push() does not promise; NULL
 * without memory. */

static ngx_table_elt_t *
ngx_http_sector_cache_push(ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_list_t       *list;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    list = &r->headers_out.headers;
    part = list->last;

    if (part->nelts + n > list->nalloc) {
        part = ngx_pcalloc(list->pool, sizeof(ngx_list_part_t));
        if (part == NULL) {
            return NULL;
        }

        part->elts = ngx_palloc(list->pool, ngx_max(n, list->nalloc)
                                            * list->size);
        if (part->elts == NULL) {
            return NULL;
        }

        list->last->next = part;
        list->last = part;
    }

    h = part->elts;
    h += part->nelts;
    part->nelts += n;

    return h;
}


/* nginx is told of the Cache-Control, so that "expires" takes its place: from
 * p on are NGX_HTTP_SECTOR_CACHE_KNOWN bytes for that; returns what is behind
 * those that it took. */

static u_char *
ngx_http_sector_cache_known(ngx_http_request_t *r,
    ngx_table_elt_t *cache_control, u_char *p)
{
#if (nginx_version < 1023000)
    ngx_array_t       *known;
    ngx_table_elt_t  **elts;

    elts = (ngx_table_elt_t **) ngx_align_ptr(p, sizeof(ngx_table_elt_t *));
    elts[0] = cache_control;

    known = &r->headers_out.cache_control;

    known->elts = elts;
    known->nelts = 1;
    known->nalloc = 1;
    known->size = sizeof(ngx_table_elt_t *);
    known->pool = r->pool;

    return (u_char *) &elts[1];
#else
    r->headers_out.cache_control = cache_control;

    return p;
#endif
}


ngx_int_t
ngx_http_sector_cache_evaluate(ngx_http_request_t *r,
    const ngx_http_sector_cache_head_t *head)
{
    char                       etag[SECTOR_ENTRY_ETAG_MAX];
    size_t                     len;
    ngx_table_elt_t           *h;
    sector_http_verdict_e      verdict;
    sector_http_conditions_t   c;

    ngx_memzero(&c, sizeof(sector_http_conditions_t));

    /* nginx refuses a request that has one of them twice */

    h = r->headers_in.if_match;

    if (h) {
        c.if_match = (char *) h->value.data;
        c.if_match_len = h->value.len;
    }

    h = r->headers_in.if_none_match;

    if (h) {
        c.if_none_match = (char *) h->value.data;
        c.if_none_match_len = h->value.len;
    }

    c.if_modified_since =
                  ngx_http_sector_cache_date(r->headers_in.if_modified_since);
    c.if_unmodified_since =
                ngx_http_sector_cache_date(r->headers_in.if_unmodified_since);

    len = sector_entry_etag(head->etag, etag);

    verdict = sector_http_evaluate(&c, etag, len,
                                   ngx_http_sector_cache_modified(head));

    return verdict == SECTOR_HTTP_NOT_MODIFIED ? NGX_HTTP_NOT_MODIFIED
           : verdict == SECTOR_HTTP_FAILED ? NGX_HTTP_PRECONDITION_FAILED
           : NGX_OK;
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
