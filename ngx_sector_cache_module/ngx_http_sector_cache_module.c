/*
 * ngx_http_sector_cache_module: the directive table and the wiring.
 */

#include "ngx_http_sector_cache_admin.h"
#include "ngx_http_sector_cache_fetch.h"
#include "ngx_http_sector_cache_hours.h"
#include "ngx_http_sector_cache_market.h"
#include "ngx_http_sector_cache_persist.h"
#include "ngx_http_sector_cache_probe.h"
#include "ngx_http_sector_cache_sampler.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_variables.h"
#include "ngx_http_sector_cache_wake.h"


static ngx_int_t ngx_http_sector_cache_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_sector_cache_init_process(ngx_cycle_t *cycle);
static void ngx_http_sector_cache_woken(ngx_event_t *ev);
static void ngx_http_sector_cache_exit_process(ngx_cycle_t *cycle);
static void ngx_http_sector_cache_exit_master(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_sector_cache_commands[] = {

    { ngx_string("sector_cache_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_sector_cache_conf_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_source"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_sector_cache_conf_source,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_market_hours"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE4|NGX_CONF_TAKE5,
      ngx_http_sector_cache_conf_hours,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_alert"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_sector_cache_conf_alert,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_symbols"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
          |NGX_CONF_BLOCK|NGX_CONF_NOARGS,
      ngx_http_sector_cache_conf_symbols,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_unknown_symbols"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_sector_cache_conf_unknown,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
      ngx_http_sector_cache_conf_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_sector_cache_conf_flag,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_fetch"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE23,
      ngx_http_sector_cache_conf_fetch,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_fetch_batch"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
          |NGX_CONF_TAKE23|NGX_CONF_TAKE4,
      ngx_http_sector_cache_conf_batch,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_bypass"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_set_predicate_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sector_cache_loc_conf_t, bypass),
      NULL },

    { ngx_string("sector_cache_envelope"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sector_cache_loc_conf_t, envelope),
      NULL },

    { ngx_string("sector_cache_gzip"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_sector_cache_loc_conf_t, gzip),
      NULL },

    { ngx_string("sector_cache_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_sector_cache_conf_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
      ngx_http_sector_cache_conf_admin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_admin_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_sector_cache_conf_key_file,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sector_cache_admin_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_sector_cache_conf_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_sector_cache_module_ctx = {
    ngx_http_sector_cache_add_variables,   /* preconfiguration */
    ngx_http_sector_cache_admin_body_init, /* postconfiguration */

    ngx_http_sector_cache_create_main_conf,     /* create main configuration */
    ngx_http_sector_cache_init_main_conf,  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_sector_cache_create_loc_conf, /* create location configuration */
    ngx_http_sector_cache_merge_loc_conf   /* merge location configuration */
};


ngx_module_t  ngx_http_sector_cache_module = {
    NGX_MODULE_V1,
    &ngx_http_sector_cache_module_ctx,     /* module context */
    ngx_http_sector_cache_commands,        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_sector_cache_init_module,     /* init module */
    ngx_http_sector_cache_init_process,    /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_sector_cache_exit_process,    /* exit process */
    ngx_http_sector_cache_exit_master,     /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_sector_cache_init_module(ngx_cycle_t *cycle)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_sector_cache_module);

    if (mcf && mcf->sources.nelts) {
        ngx_http_sector_cache_wake_open(cycle);
    }

    return NGX_OK;
}


/* The cache manager and loader run this too, and need no reader's slot. */

static ngx_int_t
ngx_http_sector_cache_init_process(ngx_cycle_t *cycle)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_sector_cache_module);

    if (mcf && (ngx_process == NGX_PROCESS_WORKER
                || ngx_process == NGX_PROCESS_SINGLE))
    {
        ngx_http_sector_cache_shm_attach(mcf);
        ngx_http_sector_cache_persist_start(cycle, mcf);
        ngx_http_sector_cache_sampler_start(cycle, mcf);

        ngx_http_sector_cache_fetch_init(mcf);
        ngx_http_sector_cache_market_init();
        ngx_http_sector_cache_probe_wake(mcf);
        ngx_http_sector_cache_wake_listen(cycle, ngx_http_sector_cache_woken);
    }

    return NGX_OK;
}


static void
ngx_http_sector_cache_woken(ngx_event_t *ev)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_sector_cache_module);

    ngx_http_sector_cache_fetch_wake();

    if (mcf) {
        ngx_http_sector_cache_probe_wake(mcf);
    }
}


static void
ngx_http_sector_cache_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_sector_cache_module);

    if (mcf && (ngx_process == NGX_PROCESS_WORKER
                || ngx_process == NGX_PROCESS_SINGLE))
    {
        ngx_http_sector_cache_wake_leave();
        ngx_http_sector_cache_shm_detach(mcf);
    }
}


/* All workers are gone by now. */

static void
ngx_http_sector_cache_exit_master(ngx_cycle_t *cycle)
{
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_sector_cache_module);

    if (mcf) {
        ngx_http_sector_cache_persist_save(cycle, mcf);
    }
}
