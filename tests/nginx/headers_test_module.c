/*
 * headers_test_module: other modules' headers, before those of a handler.
 *
 * An nginx module for tests alone.  "headers_test N;" in a location adds the
 * headers X-Test-1 to X-Test-N to its answers, before any content handler
 * runs: the list that nginx keeps them in grows by parts, and a handler finds
 * it with as much room as a test wants.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


#define HEADERS_TEST_LEN  (sizeof("X-Test-") - 1 + NGX_INT_T_LEN)


static ngx_int_t headers_test_handler(ngx_http_request_t *r);
static ngx_int_t headers_test_init(ngx_conf_t *cf);
static void *headers_test_create_loc_conf(ngx_conf_t *cf);
static char *headers_test_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


typedef struct {
    ngx_int_t  n;
} headers_test_loc_conf_t;


static ngx_command_t  headers_test_commands[] = {

    { ngx_string("headers_test"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(headers_test_loc_conf_t, n),
      NULL },

    ngx_null_command
};


static ngx_http_module_t  headers_test_module_ctx = {
    NULL,
    headers_test_init,                     /* postconfiguration */

    NULL,
    NULL,

    NULL,
    NULL,

    headers_test_create_loc_conf,
    headers_test_merge_loc_conf
};


ngx_module_t  headers_test_module = {
    NGX_MODULE_V1,
    &headers_test_module_ctx,
    headers_test_commands,
    NGX_HTTP_MODULE,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NGX_MODULE_V1_PADDING
};


/* What nginx's configure writes for a dynamic module. */

ngx_module_t *ngx_modules[] = { &headers_test_module, NULL };
char *ngx_module_names[] = { "headers_test_module", NULL };
char *ngx_module_order[] = { NULL };


static ngx_int_t
headers_test_handler(ngx_http_request_t *r)
{
    ngx_int_t                 i;
    ngx_table_elt_t          *h;
    headers_test_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, headers_test_module);

    for (i = 1; i <= conf->n; i++) {
        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->key.data = ngx_pnalloc(r->pool, HEADERS_TEST_LEN);
        if (h->key.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        h->hash = 1;
        h->key.len = ngx_sprintf(h->key.data, "X-Test-%i", i) - h->key.data;
        ngx_str_set(&h->value, "yes");
    }

    return NGX_DECLINED;
}


static ngx_int_t
headers_test_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = headers_test_handler;

    return NGX_OK;
}


static void *
headers_test_create_loc_conf(ngx_conf_t *cf)
{
    headers_test_loc_conf_t  *conf;

    conf = ngx_palloc(cf->pool, sizeof(headers_test_loc_conf_t));

    if (conf) {
        conf->n = NGX_CONF_UNSET;
    }

    return conf;
}


static char *
headers_test_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    headers_test_loc_conf_t  *prev = parent;
    headers_test_loc_conf_t  *conf = child;

    ngx_conf_merge_value(conf->n, prev->n, 0);

    return NGX_CONF_OK;
}
