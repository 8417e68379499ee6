/*
 * nginx makes requests only for connections, so a detached fetch has one: a
 * socket pair of which nothing is ever read or written.  Its main request is
 * made by nginx's own ngx_http_create_request(), in the context of a server,
 * and never goes through the phases; it only holds the subrequest that does.
 *
 *     socket pair ── connection ── main request ── subrequest ── upstream
 *                                  (ours)          (the operator's location)
 *
 * The subrequest is an ordinary one, neither in memory nor in the background:
 * in memory it would be held to one buffer, and in the background it would
 * not be the connection's active request, for which the event pipe of
 * buffered proxying waits before it passes anything on.  Its output never
 * reaches the connection: the filters hand it to us and pass nothing on.
 *
 * error_page works: nginx runs the post-subrequest handler once for the error
 * and once for the page, and what counts is what was sent in the end.  So the
 * answer is read when the subrequest is done, which wakes the main request.
 *
 * There is one way to end: the main request is terminated, as nginx does it
 * when a client goes away, which releases the upstream, the pools, the
 * connection and the pair.
 */

#include "ngx_http_sector_cache_detached.h"
#include "ngx_http_sector_cache_detached_connection.h"


static ngx_int_t ngx_http_sector_cache_detached_request(
    ngx_http_request_t *r);
static void ngx_http_sector_cache_detached_look(
    ngx_http_sector_cache_detached_t *d, ngx_http_request_t *sr, ngx_int_t rc);
static ngx_int_t ngx_http_sector_cache_detached_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static void ngx_http_sector_cache_detached_wake(ngx_http_request_t *r);
static void ngx_http_sector_cache_detached_event(ngx_event_t *ev);
static void ngx_http_sector_cache_detached_end(ngx_http_request_t *r);
static void ngx_http_sector_cache_detached_abort_event(ngx_event_t *ev);
static void ngx_http_sector_cache_detached_cleanup(void *data);
static void ngx_http_sector_cache_detached_report(
    ngx_http_sector_cache_detached_t *d);
static ngx_int_t ngx_http_sector_cache_detached_room(
    ngx_http_sector_cache_detached_t *d, size_t size);


ngx_http_sector_cache_detached_t *
ngx_http_sector_cache_detached_create(ngx_http_core_srv_conf_t *cscf,
    ngx_str_t *name)
{
    ngx_connection_t                  *c;
    ngx_http_request_t                *r;
    ngx_http_cleanup_t                *cln;
    ngx_http_connection_t             *hc;
    ngx_http_sector_cache_detached_t  *d;

    c = ngx_http_sector_cache_detached_connection(name);
    if (c == NULL) {
        return NULL;
    }

    c->read->handler = ngx_http_sector_cache_detached_event;
    c->write->handler = ngx_http_sector_cache_detached_event;

    hc = ngx_pcalloc(c->pool, sizeof(ngx_http_connection_t));
    if (hc == NULL) {
        ngx_http_sector_cache_detached_discard(c);
        return NULL;
    }

    hc->conf_ctx = cscf->ctx;
    c->data = hc;

    r = ngx_http_create_request(c);
    if (r == NULL) {
        ngx_http_sector_cache_detached_discard(c);
        return NULL;
    }

    c->data = r;

#if (NGX_STAT_STUB)
    /* ngx_http_close_connection() takes one off; no client made a request */
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
    (void) ngx_atomic_fetch_add(ngx_stat_requests, -1);
    (void) ngx_atomic_fetch_add(ngx_stat_reading, -1);
    r->stat_reading = 0;
#endif

    r->logged = 1;
    r->count = 1;

    d = ngx_pcalloc(r->pool, sizeof(ngx_http_sector_cache_detached_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (d == NULL || cln == NULL
        || ngx_http_sector_cache_detached_request(r) != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_ERROR);
        ngx_http_run_posted_requests(c);
        return NULL;
    }

    d->request = r;
    d->content_length = -1;
    d->reported = 1;        /* nothing to report before it is started */

    d->abort.handler = ngx_http_sector_cache_detached_abort_event;
    d->abort.data = d;
    d->abort.log = c->log;

    cln->handler = ngx_http_sector_cache_detached_cleanup;
    cln->data = d;

    r->write_event_handler = ngx_http_sector_cache_detached_wake;

    ngx_http_set_ctx(r, d, ngx_http_sector_cache_filter_module);

    return d;
}


ngx_int_t
ngx_http_sector_cache_detached_start(ngx_http_sector_cache_detached_t *d,
    ngx_str_t *uri, size_t body_max, ngx_http_sector_cache_detached_pt handler,
    void *data)
{
    ngx_str_t                    path, args;
    ngx_uint_t                   flags;
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_post_subrequest_t  *ps;

    r = d->request;
    c = r->connection;

    path = *uri;
    ngx_str_null(&args);
    flags = NGX_HTTP_LOG_UNSAFE;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));

    if (ps == NULL
        || ngx_http_parse_unsafe_uri(r, &path, &args, &flags) != NGX_OK)
    {
        ngx_http_sector_cache_detached_abort(d);
        return NGX_ERROR;
    }

    ps->handler = ngx_http_sector_cache_detached_done;
    ps->data = d;

    d->body_max = body_max;
    d->handler = handler;
    d->data = data;

    r->uri = path;
    r->args = args;
    r->unparsed_uri = *uri;

    if (ngx_http_subrequest(r, &path, &args, &d->subrequest, ps, 0)
        != NGX_OK)
    {
        ngx_http_sector_cache_detached_abort(d);
        return NGX_ERROR;
    }

    d->reported = 0;

    /* as of a client's request that has escapes: what "rewrite" takes from the
     * path into the arguments is escaped again */

    d->subrequest->quoted_uri = (ngx_strlchr(uri->data, uri->data + uri->len,
                                             '%')
                                 != NULL);

    ngx_http_run_posted_requests(c);

    return NGX_OK;
}


void
ngx_http_sector_cache_detached_abort(ngx_http_sector_cache_detached_t *d)
{
    ngx_connection_t  *c;

    c = d->request->connection;

    d->reported = 1;

    ngx_http_sector_cache_detached_end(d->request);
    ngx_http_run_posted_requests(c);
}


ngx_http_sector_cache_detached_t *
ngx_http_sector_cache_detached_get(ngx_http_request_t *r)
{
    return ngx_http_get_module_ctx(r->main,
                                   ngx_http_sector_cache_filter_module);
}


void
ngx_http_sector_cache_detached_body(ngx_http_sector_cache_detached_t *d,
    ngx_chain_t *in)
{
    size_t      size;
    ngx_buf_t  *b;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        /* what SSI includes has an end of its own */

        if ((b->last_buf || b->last_in_chain)
            && d->request->connection->data == d->subrequest)
        {
            d->complete = 1;
        }

        size = ngx_buf_in_memory(b) ? (size_t) (b->last - b->pos) : 0;

        if (size && !d->too_large && !d->no_memory
            && ngx_http_sector_cache_detached_room(d, size) == NGX_OK)
        {
            ngx_memcpy(d->body + d->body_len, b->pos, size);
            d->body_len += size;
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    if ((d->too_large || d->no_memory) && !d->reported) {
        ngx_post_event(&d->abort, &ngx_posted_events);
    }
}


/* Makes room for size more bytes of the body; flags and NGX_ERROR if there
 * may or can be none. */

static ngx_int_t
ngx_http_sector_cache_detached_room(ngx_http_sector_cache_detached_t *d,
    size_t size)
{
    u_char  *body;
    size_t   want;

    if (size > d->body_max - d->body_len) {
        d->too_large = 1;
        return NGX_ERROR;
    }

    if (d->body_len + size <= d->body_size) {
        return NGX_OK;
    }

    want = ngx_max(d->body_len + size, 2 * d->body_size);

    if (d->content_length > 0) {
        want = ngx_max(want, (size_t) d->content_length);
    }

    want = ngx_min(ngx_max(want, 4096), d->body_max);

    body = ngx_palloc(d->request->pool, want);
    if (body == NULL) {
        d->no_memory = 1;
        return NGX_ERROR;
    }

    if (d->body_len) {
        ngx_memcpy(body, d->body, d->body_len);
        ngx_pfree(d->request->pool, d->body);
    }

    d->body = body;
    d->body_size = want;

    return NGX_OK;
}


/* Makes the main request look like one whose header was read. */

static ngx_int_t
ngx_http_sector_cache_detached_request(ngx_http_request_t *r)
{
    if (ngx_list_init(&r->headers_in.headers, r->pool, 1,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->method = NGX_HTTP_GET;
    r->method_name = ngx_http_core_get_method;
    r->http_version = NGX_HTTP_VERSION_11;
    ngx_str_set(&r->http_protocol, "HTTP/1.1");
    r->valid_location = 1;
    r->http_state = NGX_HTTP_PROCESS_REQUEST_STATE;

    /* files of the location are read into memory, for the body filter */

    r->main_filter_need_in_memory = 1;

    /* no "post_action" of the server runs for it */

    r->post_action = 1;
    r->uri_changes = 0;

    return NGX_OK;
}


/* Looks whether somebody was asked, and if not, where nginx decided that: an
 * error_page leads to another location.  Beside nginx's upstreams that is the
 * handler of a location, as Lua and njs have one: what it asked, and in which
 * way, is its own matter, unless it did not get on (500). */

static void
ngx_http_sector_cache_detached_look(ngx_http_sector_cache_detached_t *d,
    ngx_http_request_t *sr, ngx_int_t rc)
{
    ngx_uint_t                  status;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(sr, ngx_http_core_module);
    status = rc >= NGX_HTTP_SPECIAL_RESPONSE ? (ngx_uint_t) rc : d->status;

    if (sr->upstream_states
#if (NGX_HTTP_CACHE)
        || sr->cached
#endif
        || (sr->content_handler && sr->upstream == NULL
            && status != NGX_HTTP_INTERNAL_SERVER_ERROR
            && cmcf->phase_engine.handlers[sr->phase_handler].checker
               == ngx_http_core_content_phase))
    {
        d->asked = 1;
    }

    if (!d->looked) {
        d->looked = 1;
        clcf = ngx_http_get_module_loc_conf(sr, ngx_http_core_module);
        d->location = clcf->name;
    }

    if (rc == NGX_HTTP_CLOSE && !d->asked) {
        d->status = NGX_HTTP_CLOSE;
    }
}


/* The post-subrequest handler.  What nginx could not even make an error page
 * for ends here; the rest takes its way, perhaps by an error_page. */

static ngx_int_t
ngx_http_sector_cache_detached_done(ngx_http_request_t *sr, void *data,
    ngx_int_t rc)
{
    ngx_http_sector_cache_detached_t *d = data;

    ngx_http_sector_cache_detached_look(d, sr, rc);

    /* a 502 or 504 is nginx's own unless the upstream's head said so */

    if (sr->upstream == NULL
        || sr->upstream->headers_in.status_n != (ngx_uint_t) rc)
    {
        if (rc == NGX_HTTP_BAD_GATEWAY) {
            d->failed = 1;
        }

        if (rc == NGX_HTTP_GATEWAY_TIME_OUT) {
            d->timed_out = 1;
        }
    }

    /* a protocol without bodies for that: what comes is a page of nginx's */

    if (rc == NGX_HTTP_NOT_FOUND && sr->upstream
        && sr->upstream->schema.len == sizeof("memcached://") - 1
        && ngx_strncmp(sr->upstream->schema.data, "memcached://",
                       sizeof("memcached://") - 1) == 0)
    {
        d->missing = 1;
    }

    if (rc == NGX_ERROR || rc == NGX_HTTP_CLOSE
        || rc == NGX_HTTP_REQUEST_TIME_OUT
        || rc == NGX_HTTP_CLIENT_CLOSED_REQUEST)
    {
        d->complete = 0;
        d->broken = 1;
        return NGX_OK;
    }

    /* SSI takes the mark of the last buffer away.  nginx ends what an upstream
     * cut off as if all were well, but asks for the connection to be closed. */

    if ((rc == NGX_OK || rc == NGX_AGAIN) && d->status && sr->keepalive) {
        d->complete = 1;
    }

    return rc;
}


/* Runs when the subrequest is done. */

static void
ngx_http_sector_cache_detached_wake(ngx_http_request_t *r)
{
    ngx_http_sector_cache_detached_t  *d;

    d = ngx_http_get_module_ctx(r, ngx_http_sector_cache_filter_module);

    if (!d->subrequest->done) {
        return;
    }

    ngx_http_sector_cache_detached_report(d);

    if (r->count > 1) {

        /* a subrequest in the background, as proxy_cache_background_update
         * makes one, goes on, and closes the connection when it is done */

        r->write_event_handler = ngx_http_request_empty_handler;
        r->connection->read->eof = 1;
        ngx_http_finalize_request(r, NGX_DONE);
        return;
    }

    ngx_http_sector_cache_detached_end(r);
}


/* Nothing is read or written, but the connection's timers are used, by
 * limit_req for a delay, and nginx calls this to close the connection when
 * worker_shutdown_timeout is over.  As nginx's own handler does it. */

static void
ngx_http_sector_cache_detached_event(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = ev->data;
    r = c->data;

    ngx_http_set_log_request(c->log, r);

    if (c->close) {
        ngx_http_sector_cache_detached_end(r->main);
        ngx_http_run_posted_requests(c);
        return;
    }

    if (ev->delayed && ev->timedout) {
        ev->delayed = 0;
        ev->timedout = 0;
    }

    if (ev->write) {
        r->write_event_handler(r);

    } else {
        r->read_event_handler(r);
    }

    ngx_http_run_posted_requests(c);
}


/* Terminates the main request.  While it is blocked, by a thread or by the
 * lock of a proxy_cache, nginx cannot, and would wake the subrequest later as
 * if nothing had happened: then it ends here instead. */

static void
ngx_http_sector_cache_detached_end(ngx_http_request_t *r)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *active;

    r = r->main;
    c = r->connection;

    ngx_http_finalize_request(r, NGX_ERROR);

    /* it is only posted: r is still there */

    if (r->blocked) {
        active = c->data;
        active->write_event_handler = ngx_http_sector_cache_detached_end;
    }
}


/* The body is of no use any more: what remains of it is not waited for. */

static void
ngx_http_sector_cache_detached_abort_event(ngx_event_t *ev)
{
    ngx_connection_t                  *c;
    ngx_http_sector_cache_detached_t  *d;

    d = ev->data;
    c = d->request->connection;

    ngx_http_sector_cache_detached_report(d);
    ngx_http_sector_cache_detached_end(d->request);
    ngx_http_run_posted_requests(c);
}


/* The main request ends, for whatever reason.  Where a filter of the location
 * failed on the body, nginx gives up the connection; this is no less the end of
 * that body. */

static void
ngx_http_sector_cache_detached_cleanup(void *data)
{
    ngx_http_sector_cache_detached_t *d = data;

    if (d->abort.posted) {
        ngx_delete_posted_event(&d->abort);
    }

    if (!d->reported) {
        d->ended = !d->broken;
        ngx_http_sector_cache_detached_report(d);
    }
}


static void
ngx_http_sector_cache_detached_report(ngx_http_sector_cache_detached_t *d)
{
    if (!d->reported) {
        d->reported = 1;
        d->own = !d->ended && !d->asked && d->status / 100 != 2;
        d->handler(d);
    }
}
