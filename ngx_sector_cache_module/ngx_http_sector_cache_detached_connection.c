#include "ngx_http_sector_cache_detached.h"
#include "ngx_http_sector_cache_detached_connection.h"


static ngx_int_t ngx_http_sector_cache_detached_log(ngx_connection_t *c,
    ngx_str_t *name);
static u_char *ngx_http_sector_cache_detached_log_error(ngx_log_t *log,
    u_char *buf, size_t len);
static void ngx_http_sector_cache_detached_close_peer(void *data);


/* What a log or an access rule of the location sees as the client. */

static struct sockaddr_in  ngx_http_sector_cache_detached_sockaddr;
static ngx_str_t  ngx_http_sector_cache_detached_addr =
    ngx_string("127.0.0.1");


ngx_connection_t *
ngx_http_sector_cache_detached_connection(ngx_str_t *name)
{
    int                  fd[2];
    ngx_connection_t    *c;
    ngx_pool_cleanup_t  *cln;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd)
        == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_socket_errno,
                      "socketpair() failed");
        return NULL;
    }

    c = ngx_get_connection(fd[0], ngx_cycle->log);
    if (c == NULL) {
        (void) ngx_close_socket(fd[0]);
        (void) ngx_close_socket(fd[1]);
        return NULL;
    }

    c->pool = ngx_create_pool(1024, ngx_cycle->log);
    if (c->pool == NULL) {
        ngx_close_connection(c);
        (void) ngx_close_socket(fd[1]);
        return NULL;
    }

    cln = ngx_pool_cleanup_add(c->pool, sizeof(int));
    if (cln == NULL) {
        (void) ngx_close_socket(fd[1]);
        ngx_http_sector_cache_detached_discard(c);
        return NULL;
    }

    *(int *) cln->data = fd[1];
    cln->handler = ngx_http_sector_cache_detached_close_peer;

    /* nginx asks it how much is in the header buffer when it ends */

    c->buffer = ngx_create_temp_buf(c->pool, 1);

    if (c->buffer == NULL
        || ngx_http_sector_cache_detached_log(c, name) != NGX_OK)
    {
        ngx_http_sector_cache_detached_discard(c);
        return NULL;
    }

    ngx_http_sector_cache_detached_sockaddr.sin_family = AF_INET;
    ngx_http_sector_cache_detached_sockaddr.sin_addr.s_addr =
                                                        htonl(INADDR_LOOPBACK);

    c->sockaddr = (struct sockaddr *) &ngx_http_sector_cache_detached_sockaddr;
    c->socklen = sizeof(struct sockaddr_in);
    c->local_sockaddr = c->sockaddr;
    c->local_socklen = c->socklen;
    c->addr_text = ngx_http_sector_cache_detached_addr;

    c->start_time = ngx_current_msec;

    c->write->ready = 1;

    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;

    return c;
}


/* The connection's own log, which says what is fetched. */

static ngx_int_t
ngx_http_sector_cache_detached_log(ngx_connection_t *c, ngx_str_t *name)
{
    ngx_log_t                             *log;
    ngx_http_sector_cache_detached_log_t  *ctx;

    log = ngx_palloc(c->pool, sizeof(ngx_log_t));
    ctx = ngx_pcalloc(c->pool, sizeof(ngx_http_sector_cache_detached_log_t));

    if (log == NULL || ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->http.connection = c;
    ctx->what = "fetching";
    ctx->name.data = ngx_pstrdup(c->pool, name);
    ctx->name.len = name->len;

    if (ctx->name.data == NULL) {
        return NGX_ERROR;
    }

    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    *log = *ngx_cycle->log;
    log->connection = c->number;
    log->handler = ngx_http_sector_cache_detached_log_error;
    log->data = ctx;
    log->action = NULL;

#if (NGX_HTTP_SECTOR_CACHE_LOG_PROPERTIES)
    log->handler_name = ngx_http_log_prop(HTTP);
#endif

    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->pool->log = log;

    return NGX_OK;
}


static u_char *
ngx_http_sector_cache_detached_log_error(ngx_log_t *log, u_char *buf,
    size_t len)
{
    u_char                                *p;
    ngx_http_request_t                    *r;
    ngx_http_sector_cache_detached_log_t  *ctx;

    ctx = log->data;
    p = buf;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    p = ngx_snprintf(buf, len, ", %s: \"%V\"", ctx->what, &ctx->name);
    len -= p - buf;

    r = ctx->http.request;

    if (r == NULL) {
        return p;
    }

#if (NGX_HTTP_SECTOR_CACHE_LOG_PROPERTIES)
    return r->log_handler(log, p, p + len, &ctx->http);
#else
    return r->log_handler(r, ctx->http.current_request, p, len);
#endif
}


static void
ngx_http_sector_cache_detached_close_peer(void *data)
{
    (void) ngx_close_socket(*(int *) data);
}


void
ngx_http_sector_cache_detached_discard(ngx_connection_t *c)
{
    ngx_pool_t  *pool;

    pool = c->pool;

    c->log = ngx_cycle->log;
    pool->log = ngx_cycle->log;

    ngx_close_connection(c);
    ngx_destroy_pool(pool);
}
