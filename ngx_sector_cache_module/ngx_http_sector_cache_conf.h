/*
 * The module's configuration: what the directives of nginx.conf become.
 *
 * Layer 2.  Everything here is made by the master while it reads the
 * configuration, lives in the cycle's pool and is read-only afterwards, but
 * for the fields marked "process".
 */

#ifndef NGX_HTTP_SECTOR_CACHE_CONF_H
#define NGX_HTTP_SECTOR_CACHE_CONF_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_sector_cache_slab.h"
#include "sector_alert.h"
#include "sector_breaker.h"
#include "sector_compose.h"
#include "sector_failing.h"
#include "sector_feed.h"
#include "sector_flight.h"
#include "sector_hold.h"
#include "sector_hours.h"
#include "sector_model.h"
#include "sector_rate.h"
#include "sector_store.h"


#define NGX_HTTP_SECTOR_CACHE_VERSION    "0.1.0"

#define NGX_HTTP_SECTOR_CACHE_NAME_MAX   32     /* of a zone or a source */
#define NGX_HTTP_SECTOR_CACHE_BATCH_MAX  50     /* symbols in a request, and
                                                   in a call of the upstream */


/* A lease outlives the time of the fetch, which ends itself. */

#define NGX_HTTP_SECTOR_CACHE_LEASE_MARGIN  500     /* ms */


/* The place of a directive, for errors found after it was read. */

typedef struct {
    ngx_str_t                           file;
    ngx_uint_t                          line;
} ngx_http_sector_cache_place_t;


typedef struct ngx_http_sector_cache_fetch_conf_s
    ngx_http_sector_cache_fetch_conf_t;

typedef struct ngx_http_sector_cache_hours_s  ngx_http_sector_cache_hours_t;


/* sector_cache_zone: a namespace */

typedef struct {
    ngx_str_t                           name;
    sector_store_policy_t               policy;
    uint64_t                            missing_after;  /* "no such symbol" of
                                                       a key with good data is
                                                       believed after so many
                                                       in a row */
    ngx_str_t                           persist;    /* full path, or empty */
    ngx_http_sector_cache_hours_t      *hours;      /* of its market, or NULL */
    ngx_shm_zone_t                     *shm_zone;
    ngx_http_sector_cache_slab_t        slab;       /* of the zone */
    ngx_http_sector_cache_fetch_conf_t *fetch;      /* of the first location
                                                       that uses it */
    ngx_uint_t                          gzip;       /* entries are kept
                                                       compressed as well */
    ngx_uint_t                          snapshots;  /* some location keeps its
                                                       there */
    sector_store_t                      store;      /* process: the handle */
    ngx_rbtree_t                        flights;    /* process: by symbol */
    ngx_rbtree_node_t                   sentinel;
} ngx_http_sector_cache_zone_t;


/* A key that was asked for, and the zone it belongs to: by its store's id. */

typedef struct {
    uint64_t                            zone;
    uint64_t                            asked;      /* when: see asked_last */
    uint64_t                            failed;     /* its last probe did, at
                                                       that time; 0: no */
    uint32_t                            had;        /* 1: it was, and has not
                                                       failed by itself since
                                                       */
    uint32_t                            key_len;    /* 0: none */
    u_char                              key[SECTOR_FLIGHT_KEY_MAX];
} ngx_http_sector_cache_asked_t;


/* What all workers share of a source: in the control zone, found by name
 * again after a reload, never freed.  All is under that zone's slab mutex, but
 * for the counters, which are atomic.  A process may die while it changes any
 * of it: what it leaves is at worst a wrong number, or a key that is none. */

#define NGX_HTTP_SECTOR_CACHE_ASKED  16


/* What is logged once in a while, however often it happens. */

typedef enum {
    NGX_HTTP_SECTOR_CACHE_REPEAT_QUEUE = 0,
    NGX_HTTP_SECTOR_CACHE_REPEAT_RATE,
    NGX_HTTP_SECTOR_CACHE_REPEAT_MANY,      /* a call for many failed */
    NGX_HTTP_SECTOR_CACHE_REPEATS
} ngx_http_sector_cache_repeat_e;


typedef struct ngx_http_sector_cache_source_shm_s
    ngx_http_sector_cache_source_shm_t;

struct ngx_http_sector_cache_source_shm_s {
    ngx_http_sector_cache_source_shm_t *next;
    size_t                              name_len;
    u_char                              name[NGX_HTTP_SECTOR_CACHE_NAME_MAX];
    sector_breaker_t                    breaker;
    uint64_t                            tat_ns;     /* of sector_rate */
    sector_histogram_t                  upstream;   /* times of calls */
    sector_histogram_t                  wait;       /* times in the queue */
    sector_feed_t                       feed;
    sector_failing_t                    failing;
    sector_flight_outcome_t             opened;     /* why the breaker opened
                                                       last: the failure */
    int64_t                             opened_wall_ms; /* 0: never, or by
                                                       hand */
    sector_hold_repeat_t                repeats[
                                               NGX_HTTP_SECTOR_CACHE_REPEATS];
    uint64_t                            asked_last; /* a time that counts
                                                       asking and failing */
    ngx_http_sector_cache_asked_t       asked[NGX_HTTP_SECTOR_CACHE_ASKED];
    ngx_atomic_t                        counters[SECTOR_FETCH_STATS_N];
};


/* Sums over all zones and sources. */

typedef struct {
    uint64_t                            requests;
    uint64_t                            hits;
    uint64_t                            misses;
    uint64_t                            stale;
    uint64_t                            fetches;
    uint64_t                            failures;
    uint64_t                            calls;      /* of upstreams, */
    uint64_t                            calls_ms;   /* and their time */
    uint64_t                            disabled;   /* of the requests */
} ngx_http_sector_cache_sums_t;


/* What the operations pages remember, of all workers: in the control zone,
 * under its slab mutex.  What a process leaves that dies while it changes it is
 * at worst a wrong number. */

typedef struct {
    int64_t                             minute;     /* of the last sample,
                                                       since the epoch */
    ngx_pid_t                           sampler;    /* who took it, or does */
    ngx_http_sector_cache_sums_t        sampled;    /* the sums then */

    sector_alert_t                      alert;      /* of the hit rate */
    sector_alert_t                      stale;      /* of answers that are not
                                                       stale */
} ngx_http_sector_cache_ops_t;


/* sector_cache_source: an upstream's fetch policy */

typedef struct {
    ngx_str_t                           name;
    uint64_t                            timeout_ms;
    uint64_t                            concurrency;
    uint64_t                            queue;
    uint64_t                            queue_timeout_ms;
    sector_rate_t                       rate;
    uint64_t                            retries;
    uint64_t                            backoff_ms;
    uint64_t                            hold_ms;    /* 0: a failed key does
                                                       not wait */
    uint64_t                            max_hold_ms;
    uint64_t                            frozen_ms;  /* 0: its feed is not
                                                       watched */
    sector_breaker_policy_t             breaker;
    ngx_array_t                         locations;  /* of location_t: the APIs
                                                       that fetch from it */
    ngx_http_sector_cache_source_shm_t *sh;
    sector_flight_table_t              *flights;    /* in the control zone */
    sector_hold_table_t                *holds;      /* the same */
    ngx_slab_pool_t                    *shpool;     /* of the control zone */
    ngx_event_t                         probe;      /* process: a timer */
    ngx_uint_t                          probing;    /* process: probes under
                                                       way */
} ngx_http_sector_cache_source_t;


typedef struct {
    ngx_array_t                         zones;      /* of zone_t * */
    ngx_array_t                         sources;    /* of source_t * */
    ngx_shm_zone_t                     *control;    /* NULL: no source, admin
                                                       location, alert, nor a
                                                       zone "metrics" */
    ngx_atomic_t                       *disabled;   /* in it: the kill switch,
                                                       1: all caches are off */
    ngx_http_sector_cache_ops_t        *ops;        /* in it */
    ngx_slab_pool_t                    *shpool;     /* its own */
    sector_alert_policy_t               alert;      /* hit_percent 0: none */
    ngx_array_t                         hours;      /* of hours_t */
    ngx_array_t                         apis;       /* of location_t: the API
                                                       locations */
    ngx_uint_t                          enabled;    /* API locations whose
                                                       cache is not off */
    ngx_http_sector_cache_zone_t       *sectors;    /* of the first API
                                                       location, or NULL */
    ngx_http_sector_cache_zone_t       *snapshots;  /* the same */
} ngx_http_sector_cache_main_conf_t;


_Static_assert(SECTOR_SYMBOL_MAX <= SECTOR_FLIGHT_KEY_MAX
               && SECTOR_SYMBOL_MAX <= SECTOR_STORE_KEY_MAX,
               "a symbol is the key of an entry and of a flight");


/* sector_cache_symbols: one of the symbols served */

typedef struct {
    char                                symbol[SECTOR_SYMBOL_MAX + 1];
    size_t                              symbol_len;
    ngx_str_t                           name;       /* zero-terminated */
    unsigned                            benchmark:1;
} ngx_http_sector_cache_symbol_t;


/* sector_cache_fetch: where a symbol is fetched; sector_cache_fetch_batch:
 * where several are */

struct ngx_http_sector_cache_fetch_conf_s {
    ngx_str_t                           source_name;
    ngx_http_sector_cache_source_t     *source;     /* after the merge */
    ngx_http_complex_value_t            uri;
    sector_format_e                     format;
    ngx_uint_t                          max;        /* symbols in one call;
                                                       0: one, no batch */
    ngx_http_sector_cache_place_t       place;
};


/* sector_cache, and what it comes to for a request: one of the first three */

typedef enum {
    NGX_HTTP_SECTOR_CACHE_OFF = 0,
    NGX_HTTP_SECTOR_CACHE_ON,
    NGX_HTTP_SECTOR_CACHE_SHADOW,       /* answers as off, counts as on */
    NGX_HTTP_SECTOR_CACHE_BY_VALUE
} ngx_http_sector_cache_flag_e;


typedef struct {
    /* inherited */

    ngx_array_t                        *symbols;    /* of symbol_t */
    ngx_uint_t                          unknown;    /* 1: accept */
    ngx_uint_t                          flag;       /* flag_e */
    ngx_http_complex_value_t           *flag_value;
    ngx_http_sector_cache_fetch_conf_t *fetch;
    ngx_http_sector_cache_fetch_conf_t *batch;      /* NULL: none */
    ngx_array_t                        *bypass;     /* predicates, or NULL */
    ngx_flag_t                          envelope;
    ngx_flag_t                          gzip;

    ngx_http_handler_pt                 handler;    /* of this module here */

    ngx_array_t                        *admin_keys; /* of admin_key_t; NULL:
                                                       none is asked for;
                                                       NGX_CONF_UNSET_PTR: it
                                                       was not said */

    /* of an API or an admin location only */

    unsigned                            api:1;
    unsigned                            admin:1;
    ngx_str_t                           sectors_name;
    ngx_str_t                           snapshots_name;
    ngx_http_sector_cache_zone_t       *sectors;
    ngx_http_sector_cache_zone_t       *snapshots;  /* NULL: not declared */
    ngx_str_t                           snapshot;   /* its key there, of the
                                                       API alone, */
    ngx_str_t                           partial;    /* and that of one that
                                                       lacks something */
    sector_compose_tail_t              *tails;      /* process: of the API
                                                       alone */
    off_t                               body_max;   /* of an admin location:
                                                       client_max_body_size,
                                                       of which nginx's own is
                                                       0; 0: no limit */
    ngx_http_sector_cache_place_t       place;
} ngx_http_sector_cache_loc_conf_t;


/* An API location, for fetches that no request asks for. */

typedef struct {
    ngx_http_sector_cache_loc_conf_t   *conf;
    ngx_http_core_srv_conf_t           *server;
    ngx_str_t                           name;       /* its prefix */
} ngx_http_sector_cache_location_t;


extern ngx_module_t  ngx_http_sector_cache_module;


/*
 * Directive handlers; each returns NGX_CONF_OK, NGX_CONF_ERROR after it has
 * logged what was given and what is allowed, or a text that nginx logs.
 */

char *ngx_http_sector_cache_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_source(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_alert(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_symbols(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_unknown(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_flag(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_fetch(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_batch(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sector_cache_conf_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Of sector_cache_api and sector_cache_admin: reads the zones' names; and makes
 * handler the content handler of the location, which must be a prefix. */

ngx_int_t ngx_http_sector_cache_conf_zones(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *lcf);
char *ngx_http_sector_cache_conf_handler(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *lcf, ngx_http_handler_pt handler);

void *ngx_http_sector_cache_create_main_conf(ngx_conf_t *cf);
void *ngx_http_sector_cache_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_sector_cache_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


/* The declared zone or source of a name, or NULL. */

ngx_http_sector_cache_zone_t *ngx_http_sector_cache_find_zone(
    ngx_http_sector_cache_main_conf_t *mcf, ngx_str_t *name);
ngx_http_sector_cache_source_t *ngx_http_sector_cache_find_source(
    ngx_http_sector_cache_main_conf_t *mcf, ngx_str_t *name);


/* The configured symbol equal to one of sector_model_symbol(), of len bytes,
 * or NULL. */

ngx_http_sector_cache_symbol_t *ngx_http_sector_cache_find_symbol(
    ngx_http_sector_cache_loc_conf_t *lcf, const char *symbol, size_t len);


/* Whether the kill switch has turned all caches off. */

#define ngx_http_sector_cache_killed(mcf)                                     \
    ((mcf)->disabled && *(mcf)->disabled)


/* Is the cache on for this request?  A flag_e other than BY_VALUE, or
 * NGX_ERROR. */

ngx_int_t ngx_http_sector_cache_enabled(ngx_http_request_t *r,
    ngx_http_sector_cache_loc_conf_t *lcf);


#endif /* NGX_HTTP_SECTOR_CACHE_CONF_H */
