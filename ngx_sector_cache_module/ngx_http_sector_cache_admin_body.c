/*
 * The body of an admin request, and its limit.
 *
 * nginx would refuse a body over client_max_body_size before anybody has looked
 * at the key, with a page that is not JSON.  So an admin location takes that
 * limit over: the merge remembers it as body_max and tells nginx that there is
 * none.  It is then upheld here, in three places:
 *
 *     a length that is told       before anything of the body is read
 *     chunks, or HTTP/2 without   while they come: nginx hands over what has
 *     a length                    come, and no more is read once it is too
 *                                 much
 *     whoever else reads a body   by a filter of bodies, as nginx would: a
 *     there (mirror, a            mirror reads before the content handler, and
 *     proxy_pass in an "if")      an "if" may have another one
 *
 * A body with a length is read as nginx reads it, perhaps into a file; one
 * without is collected in memory, no more than its limit.
 */

#include "ngx_http_sector_cache_admin.h"


#define NGX_HTTP_SECTOR_CACHE_ADMIN_ROOM  16384     /* the first, for a body
                                                       without a length */


static void ngx_http_sector_cache_admin_body_handler(ngx_http_request_t *r);
static void ngx_http_sector_cache_admin_body_read(ngx_http_request_t *r);
static void ngx_http_sector_cache_admin_body_end(
    ngx_http_sector_cache_admin_t *admin, ngx_int_t rc);
static ngx_int_t ngx_http_sector_cache_admin_body_take(
    ngx_http_sector_cache_admin_t *admin);
static ngx_int_t ngx_http_sector_cache_admin_body_room(
    ngx_http_sector_cache_admin_t *admin, size_t len);
static ngx_int_t ngx_http_sector_cache_admin_body_copy(
    ngx_http_sector_cache_admin_t *admin, ngx_buf_t *b, size_t len);
static ngx_int_t ngx_http_sector_cache_admin_body_filter(
    ngx_http_request_t *r, ngx_chain_t *in);


static ngx_http_request_body_filter_pt  ngx_http_next_request_body_filter;


ngx_int_t
ngx_http_sector_cache_admin_body(ngx_http_sector_cache_admin_t *admin)
{
    ngx_int_t                 rc;
    ngx_uint_t                taken;
    ngx_http_request_t       *r;
    ngx_http_request_body_t  *rb;

    r = admin->request;
    rb = r->request_body;

    if (r->headers_in.content_length_n > (off_t) admin->body_max) {
        return ngx_http_sector_cache_admin_too_large(admin);
    }

    /* of an unbuffered body that another location has begun to read, before it
     * redirected here, the beginning or all is gone, and where there is more to
     * come nginx has that location's handler to be called at its end; that it
     * is unbuffered nginx forgets when a mirror, say, asks for it once more */

    taken = (rb && rb->bufs == NULL
             && (r->headers_in.content_length_n > 0 || rb->received > 0));

    if (r->main->reading_body || taken) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->request_body_no_buffering = r->headers_in.chunked;

    rc = ngx_http_read_client_request_body(r,
                                     ngx_http_sector_cache_admin_body_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* nginx has read all of the body, or, without buffering, the beginning. */

static void
ngx_http_sector_cache_admin_body_handler(ngx_http_request_t *r)
{
    if (r->reading_body) {
        r->read_event_handler = ngx_http_sector_cache_admin_body_read;
    }

    ngx_http_sector_cache_admin_body_read(r);
}


static void
ngx_http_sector_cache_admin_body_read(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_uint_t                      waits;
    ngx_http_sector_cache_admin_t  *admin;

    admin = ngx_http_get_module_ctx(r, ngx_http_sector_cache_module);
    waits = 0;

    for ( ;; ) {
        rc = ngx_http_sector_cache_admin_body_take(admin);

        if (rc != NGX_OK || !r->reading_body) {
            break;
        }

        if (waits) {
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            break;
        }

        waits = (rc == NGX_AGAIN && r->request_body->bufs == NULL);
    }

    ngx_http_sector_cache_admin_body_end(admin, rc);
}


/* All is there, or nothing more is wanted: no event of the client's is waited
 * for any more, whatever takes its time to be sent. */

static void
ngx_http_sector_cache_admin_body_end(ngx_http_sector_cache_admin_t *admin,
    ngx_int_t rc)
{
    ngx_event_t         *rev;
    ngx_http_request_t  *r;

    r = admin->request;
    rev = r->connection->read;

    if (r->read_event_handler == ngx_http_sector_cache_admin_body_read) {
        r->read_event_handler = ngx_http_block_reading;

        if (rev->timer_set) {
            ngx_del_timer(rev);
        }
    }

    if (rc == NGX_OK) {
        rc = admin->handler(admin);

    } else if (rc == NGX_DECLINED) {
        rc = ngx_http_sector_cache_admin_too_large(admin);

    } else if (rc == NGX_ERROR) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


/*
 * Takes what has come; NGX_DECLINED if that, or what the chunk under way is
 * said to bring, is too large.  What nginx has not buffered it gets back to
 * read into it again; what it has is left alone, for $request_body.
 */

static ngx_int_t
ngx_http_sector_cache_admin_body_take(ngx_http_sector_cache_admin_t *admin)
{
    off_t                     size;
    ngx_chain_t              *cl, *next;
    ngx_http_request_t       *r;
    ngx_http_request_body_t  *rb;

    r = admin->request;
    rb = r->request_body;

    if (rb == NULL) {
        return NGX_OK;
    }

    for (cl = rb->bufs; cl; cl = next) {
        next = cl->next;
        size = ngx_buf_size(cl->buf);

        if (size > (off_t) (admin->body_max - admin->body.len)) {
            return NGX_DECLINED;
        }

        if (ngx_http_sector_cache_admin_body_copy(admin, cl->buf,
                                                  (size_t) size)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (r->request_body_no_buffering) {
            cl->buf->pos = cl->buf->last;
            cl->buf->file_pos = cl->buf->file_last;
            rb->bufs = next;
            ngx_free_chain(r->pool, cl);
        }
    }

    if (r->reading_body && rb->chunked
        && rb->chunked->size > (off_t) (admin->body_max - admin->body.len))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* Makes room for so many more bytes, which are within the limit. */

static ngx_int_t
ngx_http_sector_cache_admin_body_room(ngx_http_sector_cache_admin_t *admin,
    size_t len)
{
    size_t       room;
    u_char      *p;
    ngx_pool_t  *pool;

    pool = admin->request->pool;
    len += admin->body.len;

    if (len <= admin->body_room) {
        return NGX_OK;
    }

    room = admin->request->reading_body
           ? ngx_max(2 * admin->body_room, NGX_HTTP_SECTOR_CACHE_ADMIN_ROOM)
           : 0;
    room = ngx_max(ngx_min(room, admin->body_max), len);

    p = ngx_pnalloc(pool, room);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (admin->body.len) {
        ngx_memcpy(p, admin->body.data, admin->body.len);
        (void) ngx_pfree(pool, admin->body.data);
    }

    admin->body.data = p;
    admin->body_room = room;

    return NGX_OK;
}


/* What is in a file was written there a moment ago, and comes from memory. */

static ngx_int_t
ngx_http_sector_cache_admin_body_copy(ngx_http_sector_cache_admin_t *admin,
    ngx_buf_t *b, size_t len)
{
    off_t    offset;
    u_char  *p;
    ssize_t  n;

    if (len == 0) {
        return NGX_OK;
    }

    if (ngx_http_sector_cache_admin_body_room(admin, len) != NGX_OK) {
        return NGX_ERROR;
    }

    p = admin->body.data + admin->body.len;
    admin->body.len += len;

    if (!b->in_file) {
        ngx_memcpy(p, b->pos, len);
        return NGX_OK;
    }

    for (offset = b->file_pos; offset < b->file_last; offset += n) {
        n = ngx_read_file(b->file, p, (size_t) (b->file_last - offset),
                          offset);
        if (n <= 0) {
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


/*
 * The body of a request that is refused, or whose body says nothing.  A client
 * that waits for 100 before it sends one is not told to go on when it is
 * refused: whether it sends the body then is its own business, so that what
 * comes next on the connection may be that or a request.
 */

ngx_int_t
ngx_http_sector_cache_admin_drop_body(ngx_http_request_t *r,
    ngx_uint_t refused)
{
    ngx_int_t   rc;
    ngx_uint_t  waits;

    waits = refused && r->headers_in.expect && !r->expect_tested;

    if (refused) {
        r->expect_tested = 1;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK || (waits && ngx_http_sector_cache_discards(r))) {
        r->keepalive = 0;
    }

    return rc;
}


ngx_int_t
ngx_http_sector_cache_admin_too_large(ngx_http_sector_cache_admin_t *admin)
{
    ngx_http_request_t                *r;
    ngx_http_sector_cache_loc_conf_t  *lcf;

    r = admin->request;
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_sector_cache_module);

    r->keepalive = 0;

    (void) ngx_http_sector_cache_admin_drop_body(r, 1);

    return ngx_http_sector_cache_admin_error(admin,
               NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "PAYLOAD_TOO_LARGE",
               "The body is larger than %uz bytes%s", admin->body_max,
               (off_t) admin->body_max == lcf->body_max
               ? ", which is client_max_body_size here" : "");
}


/* Without nginx's buffers, HTTP/1 counts chunks in content_length_n, and HTTP/2
 * and 3 count in received. */

static ngx_int_t
ngx_http_sector_cache_admin_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in)
{
    off_t                              len;
    ngx_http_request_body_t           *rb;
    ngx_http_sector_cache_loc_conf_t  *lcf;

    rb = r->request_body;
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_sector_cache_module);

    if (lcf->body_max
        && rb->post_handler != ngx_http_sector_cache_admin_body_handler)
    {
        len = ngx_max(r->headers_in.content_length_n, rb->received);

        if (len > lcf->body_max) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "client intended to send too large body: %O bytes",
                          len);

            r->lingering_close = 1;

            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }
    }

    return ngx_http_next_request_body_filter(r, in);
}


ngx_int_t
ngx_http_sector_cache_admin_body_init(ngx_conf_t *cf)
{
    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_sector_cache_admin_body_filter;

    return NGX_OK;
}
