/*
 * sector_compose: the JSON that the endpoints answer with.
 *
 * Layer 1: libc and jansson.  No state, no lock, no clock: times are passed
 * in, wall_ms being milliseconds since the epoch.
 *
 * A stored sector is never parsed or printed again: its bytes go between
 * SECTOR_COMPOSE_HEAD and what sector_compose_tail() writes.  What is
 * answered rarely is built with jansson, as malloc'ed text that the caller
 * frees; those functions return NULL when there is no memory.
 */

#ifndef SECTOR_COMPOSE_H
#define SECTOR_COMPOSE_H


#include <stddef.h>
#include <stdint.h>

#include "sector_stats.h"


#define SECTOR_COMPOSE_HEAD      "{\"success\":true,\"data\":"
#define SECTOR_COMPOSE_TAIL_MAX  256
#define SECTOR_COMPOSE_TIME_LEN  24
#define SECTOR_COMPOSE_TIME_MAX  32


/* The metadata of one answer.  cache_status and source are words without
 * anything to escape; NULL leaves the member out, and that of cache_status
 * leaves out source, age and ttl, whole seconds, as well.  partial says so,
 * and is left out where it is 0. */

typedef struct {
    const char     *cache_status;
    const char     *source;
    uint64_t        age_s;
    uint64_t        ttl_s;
    const char     *time;           /* as sector_compose_time() writes it */
    unsigned        cached:1;
    unsigned        partial:1;
} sector_compose_meta_t;


/* The end of an envelope, kept for answers that say the same a moment
 * later. */

#define SECTOR_COMPOSE_TAILS  16

typedef struct {
    sector_compose_meta_t   meta;
    size_t                  len;            /* 0: none */
    char                    text[SECTOR_COMPOSE_TAIL_MAX];
} sector_compose_tail_t;


/* A symbol whose data is past its time.  The text has nothing to escape. */

typedef struct {
    const char     *symbol;
    size_t          symbol_len;
    uint64_t        age_s;
} sector_compose_stale_t;


/* Strings are UTF-8 and terminated; NULL leaves the member out. */

typedef struct {
    const char     *code;           /* UPSTREAM_ERROR, ... */
    const char     *text;           /* for people */
    const char     *source;
    const char     *symbol;
    unsigned        upstream_status;    /* 0: left out */
    uint64_t        retry_after_s;      /* 0: left out */
    int64_t         wall_ms;
} sector_compose_error_t;


typedef struct {
    const char     *symbol;
    const char     *name;
    unsigned        benchmark:1;
} sector_compose_symbol_t;


typedef struct {
    const char     *name;
    uint64_t        entries;
    uint64_t        used_bytes;
    uint64_t        size_bytes;
    int64_t         last_store_wall_ms;     /* 0: never */
    const char     *last_miss;              /* "": none */
    unsigned        snapshots:1;            /* some API keeps its there */
    const uint64_t *counters;               /* SECTOR_STATS_N */
} sector_compose_namespace_t;


/* What is wrong with a source, or was.  All zero: nothing has been fetched.
 * Texts are UTF-8. */

typedef struct {
    unsigned        failing:1;              /* every fetch fails, */
    uint64_t        failures;               /* so many in a row, */
    int64_t         since_wall_ms;          /* since then; 0: not at all */
    int64_t         success_wall_ms;        /* the last; 0: none yet */
    int64_t         error_wall_ms;          /* the last failure; 0: none yet */
    const char     *error;                  /* of it; NULL: none */
    const char     *kind;                   /* of it: the name of a counter of
                                               sector_stats.h */
    const char     *symbol;                 /* of it; NULL: of several */
    unsigned        status;                 /* the upstream's then; 0 */
    int64_t         opened_wall_ms;         /* the breaker did; 0: never, or
                                               by hand */
    const char     *opened;                 /* why */
    int64_t         stale_wall_ms;          /* the first of what memory has
                                               stale cannot be served from
                                               then on; 0: nothing is */
} sector_compose_trouble_t;


typedef struct {
    const char     *name;
    const char     *breaker;                /* closed, open, half_open */
    unsigned        forced:1;               /* by hand */
    uint64_t        retry_after_s;
    uint64_t        opened;
    uint64_t        transitions;
    int64_t         since_wall_ms;          /* of the breaker's state; 0: it
                                               was never another */
    uint64_t        in_flight;
    uint64_t        waiting;
    int64_t         quote_wall_ms;          /* of the newest quote; 0: none */
    unsigned        frozen:1;               /* quotes have stopped */
    const sector_histogram_t   *upstream;   /* times of calls */
    const sector_histogram_t   *wait;       /* times in the queue */
    const uint64_t *counters;               /* SECTOR_FETCH_STATS_N */
    sector_compose_trouble_t    trouble;
} sector_compose_source_t;


typedef struct {
    const char                         *version;        /* the module's */
    const char                         *nginx;          /* its version */
    unsigned                            enabled:1;
    unsigned                            has_alert:1;    /* one is declared, */
    unsigned                            alert:1;        /* and raised */
    unsigned                            stale_alert:1;  /* most answers are
                                                           stale */
    const sector_compose_namespace_t   *namespaces;
    size_t                              n_namespaces;
    const sector_compose_source_t      *sources;
    size_t                              n_sources;
    const char                         *sectors;    /* whose last miss is
                                                       the summary's, or NULL */
} sector_compose_stats_t;


typedef enum {
    SECTOR_COMPOSE_HEALTHY = 0,
    SECTOR_COMPOSE_DEGRADED,
    SECTOR_COMPOSE_UNHEALTHY
} sector_compose_health_e;


/* An entry of /entries; times are whole seconds. */

typedef struct {
    const char     *key;
    size_t          key_len;
    const char     *state;          /* fresh, refresh, stale, negative */
    uint64_t        bytes;
    uint64_t        age_s;
    uint64_t        ttl_s;          /* 0: past it */
    uint64_t        hits;
} sector_compose_entry_t;


/* What /explain knows of a symbol.  Texts are UTF-8. */

typedef struct {
    const char     *name;
    const char     *breaker;
    uint64_t        breaker_s;      /* until it lets a fetch through; 0: does */
    uint64_t        rate_s;         /* until the rate limit does */
    uint64_t        held_s;         /* until the symbol is fetched again, whose
                                       last fetch failed; 0: it does not wait */
    uint64_t        running;
    uint64_t        concurrency;
    uint64_t        waiting;
    uint64_t        queue;
    unsigned        frozen:1;
} sector_compose_gate_t;


typedef struct {
    const char     *location;
    const char     *cache;          /* on, off, shadow, variable */
    const char     *source;
    unsigned        configured:1;   /* the symbol is, or any is accepted */
} sector_compose_route_t;


typedef struct {
    const char                     *symbol;
    const char                     *namespace;
    sector_compose_entry_t          entry;      /* state NULL: none */
    int64_t                         stored_wall_ms;
    int64_t                         fresh_wall_ms;  /* until then */
    int64_t                         dead_wall_ms;
    int64_t                         quote_wall_ms;  /* 0: not known */
    const char                     *flight;     /* running, waiting, riding;
                                                   NULL: none */
    int64_t                         worker;     /* its process */
    const char                     *error;      /* the last one; NULL: none */
    unsigned                        error_status;   /* the upstream's; 0 */
    int64_t                         error_wall_ms;
    uint64_t                        missing;    /* times in a row that a source
                                                   said that there is no such
                                                   symbol, and is not believed;
                                                   0: it did not */
    uint64_t                        missing_after;  /* it is after so many */
    const sector_compose_gate_t    *gates;      /* the routes' sources, each
                                                   once */
    size_t                          n_gates;
    const sector_compose_route_t   *routes;
    size_t                          n_routes;
    unsigned                        enabled:1;  /* for any of the routes that
                                                   have the symbol */
} sector_compose_explain_t;


/* What happened in a minute, and how things stood at its end. */

typedef struct {
    int64_t         wall_ms;
    uint64_t        requests;
    uint64_t        hits;
    uint64_t        misses;
    uint64_t        stale;
    uint64_t        fetches;
    uint64_t        failures;
    uint64_t        calls;          /* of upstreams, and their time */
    uint64_t        calls_ms;
    uint64_t        entries;
    uint64_t        used_bytes;
    const sector_compose_source_t  *sources;    /* name and breaker */
    size_t          n_sources;
} sector_compose_sample_t;


/*
 * Writes what follows the data of a success envelope into buf, which has
 * SECTOR_COMPOSE_TAIL_MAX bytes.  source is at most 32 bytes long,
 * cache_status 16.  Returns the length; nothing terminates it.
 */
size_t sector_compose_tail(char *buf, const sector_compose_meta_t *meta);


/*
 * The same with one member more in metadata, stale: the n symbols, each with
 * its age.  It is left out where n is 0.  buf has as many bytes as
 * sector_compose_stale_max() says.
 */
size_t sector_compose_tail_stale(char *buf, const sector_compose_meta_t *meta,
    const sector_compose_stale_t *stale, size_t n);

size_t sector_compose_stale_max(const sector_compose_stale_t *stale, size_t n);


/*
 * As sector_compose_tail(); tails are SECTOR_COMPOSE_TAILS kept ones, all zero
 * at first, from which it is copied where only the time has changed.  The
 * words that meta points at are told apart by their addresses: they live as
 * long as tails.
 */
size_t sector_compose_tail_again(sector_compose_tail_t *tails, char *buf,
    const sector_compose_meta_t *meta);


/* Writes wall_ms as 2026-11-22T20:00:40.123Z (RFC 3339) into buf, which has
 * SECTOR_COMPOSE_TIME_MAX bytes, and terminates it; a time outside of the
 * years 0 to 9999 is written as that of 0.  Returns the length, which is
 * SECTOR_COMPOSE_TIME_LEN. */
size_t sector_compose_time(char *buf, int64_t wall_ms);


/* Writes other milliseconds, below 1000, into such a text. */
void sector_compose_time_ms(char *buf, uint32_t ms);


/* Writes n in decimal, 20 bytes at most, and does not terminate it.  Returns
 * where the next thing goes. */
char *sector_compose_number(char *p, uint64_t n);


/* An error body, complete. */
char *sector_compose_error(const sector_compose_error_t *error, size_t *len);


/* The data of /symbols: an array of {symbol, name, type}. */
char *sector_compose_symbols(const sector_compose_symbol_t *symbols, size_t n,
    size_t *len);


/* What /health says; of the sources, name, breaker, retry_after_s, frozen and
 * trouble are looked at. */

#define SECTOR_COMPOSE_UNSERVABLE  50       /* are named at most */

typedef struct {
    sector_compose_health_e             health;     /* as judged */
    uint64_t                            servable;   /* symbols that memory
                                                       could answer for */
    uint64_t                            configured; /* symbols */
    uint64_t                            lacking;    /* of these, that cannot be
                                                       served: memory has them
                                                       not, and no fetch is to
                                                       be expected to help */
    const char                         *unservable[SECTOR_COMPOSE_UNSERVABLE];
    size_t                              n_unservable;
    const sector_compose_source_t      *sources;
    size_t                              n_sources;
    int64_t                             stale_wall_ms;  /* as of a source, of
                                                       the location; 0 */
    unsigned                            enabled:1;
    unsigned                            has_alert:1;    /* as in stats */
    unsigned                            alert:1;
    unsigned                            stale_alert:1;
    unsigned                            memory:1;   /* has something that is
                                                       served here, be it no
                                                       configured symbol */
} sector_compose_state_t;


/* What it comes to; all but health is looked at. */
sector_compose_health_e sector_compose_judge(
    const sector_compose_state_t *state);


/* The data of /health, with a reason for each thing that speaks against its
 * being healthy. */
char *sector_compose_health(const sector_compose_state_t *state, size_t *len);


/* The body of /stats, complete. */
char *sector_compose_stats(const sector_compose_stats_t *stats, size_t *len);


/* The body of /entries, complete; next is the cursor to go on from, 0: that
 * is all. */
char *sector_compose_entries(const char *namespace,
    const sector_compose_entry_t *entries, size_t n, uint64_t next,
    size_t *len);


/* The body of /explain, complete: with a verdict of what the answer would be,
 * and why. */
char *sector_compose_explain(const sector_compose_explain_t *e, size_t *len);


/* A sample of /history, an object. */
char *sector_compose_sample(const sector_compose_sample_t *sample,
    size_t *len);


#endif /* SECTOR_COMPOSE_H */
