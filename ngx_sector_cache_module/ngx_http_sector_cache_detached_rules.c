/*
 * A server has rules for its clients: another scheme or host is redirected, a
 * robot is sent away, in maintenance everybody is.  A fetch is no client and
 * has none of the headers that they look at, so that they would send it away
 * too.  A variable that "set" makes there is another matter: proxy_pass in the
 * location of a fetch may need it.
 *
 * nginx runs these rules in its server rewrite phase, for a subrequest and
 * after an internal redirect as well:
 *
 *     client's request ──> post read ──> server rewrite ──> find config ──> ...
 *                                          ^                  ^
 *     subrequest,       ──> our entry ─────┘ others'          │
 *     redirect                 └─────────── of a fetch: "set" ┘
 *
 * Our entry stands behind the end of the phases, where no request gets by
 * itself, and nginx is told that subrequests begin there.  So the requests of
 * clients cost what they did.
 *
 * The rules of a server are a program of ngx_http_rewrite_module.  We run it
 * as that module does, but step over "return" and "rewrite" as if they were
 * not there.  What other modules do in that phase, a fetch does not meet:
 * they may answer, or wait, and could not be stopped from either.
 */

#include "ngx_http_sector_cache_detached.h"
#include "ngx_http_sector_cache_detached_rules.h"


#define NGX_HTTP_SECTOR_CACHE_ENTRY  3  /* two handlers and the end */


/* The conf of ngx_http_rewrite_module, which keeps it to itself.  It has been
 * this in all versions of nginx 1.x. */

typedef struct {
    ngx_array_t  *codes;        /* uintptr_t */
    ngx_uint_t    stack_size;
    ngx_flag_t    log;
} ngx_http_sector_cache_rewrite_conf_t;


static ngx_int_t ngx_http_sector_cache_detached_enter(ngx_http_request_t *r,
    ngx_http_phase_handler_t *ph);
static ngx_int_t ngx_http_sector_cache_detached_set(ngx_http_request_t *r);
static ngx_int_t ngx_http_sector_cache_detached_run(
    ngx_http_script_engine_t *e);
static size_t ngx_http_sector_cache_detached_skip(u_char *ip);


/* NULL: nginx was built without it. */

static ngx_module_t  *ngx_http_sector_cache_rewrite_module;


void
ngx_http_sector_cache_detached_rules(ngx_cycle_t *cycle)
{
    ngx_uint_t                  i, n, find;
    ngx_http_phase_engine_t    *engine;
    ngx_http_phase_handler_t   *ph;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    if (cmcf == NULL) {
        return;
    }

    for (i = 0; cycle->modules[i]; i++) {
        if (ngx_strcmp(cycle->modules[i]->name, "ngx_http_rewrite_module")
            == 0)
        {
            ngx_http_sector_cache_rewrite_module = cycle->modules[i];
        }
    }

    engine = &cmcf->phase_engine;
    find = 0;

    for (n = 0; engine->handlers[n].checker; n++) {
        if (engine->handlers[n].checker == ngx_http_core_find_config_phase) {
            find = n;
        }
    }

    ph = ngx_pcalloc(cycle->pool, (n + 1 + NGX_HTTP_SECTOR_CACHE_ENTRY)
                                  * sizeof(ngx_http_phase_handler_t));
    if (ph == NULL) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "no memory: the rules of servers apply to fetches");
        return;
    }

    ngx_memcpy(ph, engine->handlers, n * sizeof(ngx_http_phase_handler_t));
    engine->handlers = ph;

    /* ph[n] stays the end of the phases */

    n++;
    ph[n].checker = ngx_http_sector_cache_detached_enter;
    ph[n].next = engine->server_rewrite_index;
    ph[n + 1].checker = ngx_http_sector_cache_detached_enter;
    ph[n + 1].next = find;

    engine->server_rewrite_index = n;
}


/* A checker of nginx's phases, for subrequests and after redirects; the next
 * handler in the table says where the phase for fetches is. */

static ngx_int_t
ngx_http_sector_cache_detached_enter(ngx_http_request_t *r,
    ngx_http_phase_handler_t *ph)
{
    if (ngx_http_sector_cache_detached_get(r) == NULL) {
        r->phase_handler = ph->next;
        return NGX_AGAIN;
    }

    if (ngx_http_sector_cache_detached_set(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return NGX_OK;
    }

    r->phase_handler = (ph + 1)->next;

    return NGX_AGAIN;
}


/* Sets the variables that the server's rules set. */

static ngx_int_t
ngx_http_sector_cache_detached_set(ngx_http_request_t *r)
{
    ngx_int_t                              rc;
    ngx_str_t                              args;
    ngx_http_script_engine_t               e;
    ngx_http_sector_cache_rewrite_conf_t  *conf;

    if (ngx_http_sector_cache_rewrite_module == NULL) {
        return NGX_OK;
    }

    conf = r->loc_conf[ngx_http_sector_cache_rewrite_module->ctx_index];

    if (conf->codes == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&e, sizeof(ngx_http_script_engine_t));

    e.sp = ngx_pcalloc(r->pool, conf->stack_size
                                * sizeof(ngx_http_variable_value_t));
    if (e.sp == NULL) {
        return NGX_ERROR;
    }

    e.ip = conf->codes->elts;
    e.request = r;
    e.quote = 1;
    e.log = conf->log;
    e.status = NGX_DECLINED;

    /* "set $args" is a rule about the client's query */

    args = r->args;
    rc = ngx_http_sector_cache_detached_run(&e);
    r->args = args;

    return rc;
}


static ngx_int_t
ngx_http_sector_cache_detached_run(ngx_http_script_engine_t *e)
{
    size_t                   size;
    ngx_http_script_code_pt  code;

    while (*(uintptr_t *) e->ip) {
        size = ngx_http_sector_cache_detached_skip(e->ip);

        if (size) {
            e->ip += size;
            continue;
        }

        code = *(ngx_http_script_code_pt *) e->ip;
        code(e);
    }

    return (e->status == NGX_HTTP_INTERNAL_SERVER_ERROR) ? NGX_ERROR : NGX_OK;
}


/* The size of a "return" or of a whole "rewrite"; 0: it is neither. */

static size_t
ngx_http_sector_cache_detached_skip(u_char *ip)
{
    ngx_http_script_code_pt        code;
#if (NGX_PCRE)
    ngx_http_script_regex_code_t  *regex;
#endif

    code = *(ngx_http_script_code_pt *) ip;

    if (code == ngx_http_script_return_code) {
        return sizeof(ngx_http_script_return_code_t);
    }

#if (NGX_PCRE)

    /* that of an "if" is no rule about the URI */

    regex = (ngx_http_script_regex_code_t *) ip;

    if (code == ngx_http_script_regex_start_code && regex->uri) {
        return regex->next;
    }

#endif

    return 0;
}
