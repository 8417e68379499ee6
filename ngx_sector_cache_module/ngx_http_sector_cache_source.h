/*
 * A source at work: its breaker, its places and its queue, its rate limit, its
 * histograms and counters.  All but the counters are asked and told under the
 * control zone's slab mutex, which is taken here and is one for all sources.
 * It is held for as long as the flights' table is searched, some dozens of
 * slots as a rule and thousands in the worst case, and to look for those who
 * hold it all for a system call for each process as well; never for input or
 * output, or a log line.
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_SOURCE_H
#define NGX_HTTP_SECTOR_CACHE_SOURCE_H


#include "ngx_http_sector_cache_conf.h"


typedef enum {
    NGX_HTTP_SECTOR_CACHE_TURN_GO = 0,  /* ours: fetch */
    NGX_HTTP_SECTOR_CACHE_TURN_QUEUED,  /* ours: wait for a place */
    NGX_HTTP_SECTOR_CACHE_TURN_JOINED,  /* another process fetches it */
    NGX_HTTP_SECTOR_CACHE_TURN_DONE,    /* it did: here is the outcome */
    NGX_HTTP_SECTOR_CACHE_TURN_GONE,    /* it did, or it was taken back */
    NGX_HTTP_SECTOR_CACHE_TURN_OPEN,    /* refused by the breaker */
    NGX_HTTP_SECTOR_CACHE_TURN_FULL,    /* refused by the queue */
    NGX_HTTP_SECTOR_CACHE_TURN_LIMITED, /* refused by the rate limit */
    NGX_HTTP_SECTOR_CACHE_TURN_NEEDLESS,/* others probe enough */
    NGX_HTTP_SECTOR_CACHE_TURN_HELD,    /* the key failed, and waits */
    NGX_HTTP_SECTOR_CACHE_TURN_ALONE    /* not in a call for many */
} ngx_http_sector_cache_turn_e;


/* What a process has of a source for one fetch; zeroed at first. */

typedef struct {
    uint64_t                            id;         /* of the flight; 0: none */
    ngx_msec_t                          since_ms;   /* when it joined */
    sector_breaker_permit_t             permit;
    unsigned                            permitted:1;
    unsigned                            admitted:1; /* once already */
    unsigned                            probe:1;    /* no use but as one */
} ngx_http_sector_cache_turn_t;


/* How a call of the upstream ended, for the breaker. */

typedef struct {
    sector_breaker_result_e             result;
    const sector_flight_outcome_t      *why;        /* of a failure */
    uint64_t                            key;        /* the one key's that it
                                                       was for: see
                                                       ..._source_hash(); 0:
                                                       several */
    ngx_msec_t                          elapsed_ms;
    uint64_t                            retry_after_ms; /* 0: not said */
    unsigned                            observed:1; /* its time is counted */
} ngx_http_sector_cache_call_t;


/* What is wanted of a source. */

typedef struct {
    ngx_http_sector_cache_zone_t       *zone;
    ngx_str_t                          *key;        /* empty: that of many,
                                                       which ride */
    unsigned                            shared:1;   /* others may join, and a
                                                       failed key waits */
    unsigned                            unheld:1;   /* also a key that waits */
    unsigned                            release:1;  /* its wait is over */
    unsigned                            probe:1;    /* for the breaker's sake,
                                                       or an operator's */
    unsigned                            unknown:1;  /* of many: one is, see
                                                       below */
} ngx_http_sector_cache_want_t;


/*
 * Joins the flight of a key in a zone, or begins one, which others may join if
 * it is shared.  Returns GO (a place is ours: ask for leave next), QUEUED,
 * JOINED, OPEN, HELD or FULL; for HELD in *outcome how the key's last fetch
 * ended, and for it and OPEN in outcome->retry_after_ms when to ask again.
 * FULL is full of the living: what dead processes hold is taken back first.
 *
 * A half-open breaker is OPEN to a key that is unknown, that is, was never had
 * while others were, unless it is a probe: such keys decide nothing as a rule,
 * and whoever asks for many would have all the places.
 */
ngx_http_sector_cache_turn_e ngx_http_sector_cache_source_join(
    ngx_http_sector_cache_source_t *source,
    const ngx_http_sector_cache_want_t *want,
    ngx_http_sector_cache_turn_t *turn, sector_flight_outcome_t *outcome);


/*
 * The same for keys that are fetched together, on the place of the turn that
 * fetches them all: each GO, JOINED, HELD with its outcome, ALONE where such a
 * call was refused because of it, or FULL; those that are not shared, GO or
 * ALONE.  All are looked at in one go, so that of two processes that want the
 * same ones, one has them all.  A turn that was had already is kept, and its
 * lease begins anew: that of a place where place is not 0, else of the queue.
 * One key rides whether it goes alone or not.
 */
typedef struct {
    ngx_http_sector_cache_want_t        want;
    ngx_http_sector_cache_turn_t       *turn;
    ngx_http_sector_cache_turn_e        result;
    ngx_uint_t                          unknown;    /* GO, FULL: it is */
    sector_flight_outcome_t            *outcome;    /* HELD; in the caller's
                                                       memory */
    void                               *data;       /* the caller's */
} ngx_http_sector_cache_ride_t;

void ngx_http_sector_cache_source_ride(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_ride_t *rides, ngx_uint_t n, ngx_uint_t place);


/*
 * Looks what became of a turn that was QUEUED or JOINED: GO, QUEUED, JOINED,
 * DONE (*outcome holds it), GONE, or OPEN where it would wait for a place that
 * the breaker gives no leave to use (*retry_after_ms).  Adopts a flight whose
 * owner died.
 */
ngx_http_sector_cache_turn_e ngx_http_sector_cache_source_look(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn, sector_flight_outcome_t *outcome,
    uint64_t *retry_after_ms);


/*
 * Asks, with a place, for leave to call the upstream, once for each call: GO,
 * or OPEN or LIMITED and *retry_after_ms; the place stays ours all the same,
 * and its lease begins anew.  NEEDLESS, to a probe alone: as many as the
 * breaker needs are under way, over all workers.  GONE: it was taken back with
 * what it held, and another may have the flight.  A leave that was kept for a
 * retry holds until the breaker changes its state.  The first leave begins the
 * fetch, and counts it.
 */

ngx_http_sector_cache_turn_e ngx_http_sector_cache_source_admit(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn, uint64_t *retry_after_ms);


/* Gives the leave back with what came of the call; the place stays ours. */

void ngx_http_sector_cache_source_report(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn,
    ngx_http_sector_cache_call_t *call);


/* Counts the time of a call after which the leave is kept, for a retry. */

void ngx_http_sector_cache_source_observe(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_call_t *call);


/* How the fetch of a key ended, for its next one. */

typedef enum {
    NGX_HTTP_SECTOR_CACHE_END_NOTHING = 0,  /* nothing that is remembered */
    NGX_HTTP_SECTOR_CACHE_END_GOOD,         /* it is there */
    NGX_HTTP_SECTOR_CACHE_END_ANSWERED,     /* it is not, which is known now */
    NGX_HTTP_SECTOR_CACHE_END_UNKEPT,       /* the same, but it is not kept */
    NGX_HTTP_SECTOR_CACHE_END_FAILED,
    NGX_HTTP_SECTOR_CACHE_END_REFUSED       /* no call was made */
} ngx_http_sector_cache_end_e;

typedef struct {
    ngx_http_sector_cache_end_e         end;
    ngx_http_sector_cache_zone_t       *zone;
    ngx_str_t                          *key;        /* empty: that of many,
                                                       each of which ends by
                                                       itself */
    uint64_t                            hash;       /* of the key; of the only
                                                       one of many; 0 */
    const sector_flight_outcome_t      *outcome;    /* FAILED, REFUSED */
    uint64_t                            least_ms;   /* FAILED: it waits at
                                                       least so long; 0 */
    uint64_t                            ttl_ms;     /* GOOD: it is fresh for */
    sector_fetch_stat_e                 stat;       /* to be counted;
                                                       SECTOR_FETCH_STATS_N:
                                                       none */
    unsigned                            tell:1;     /* the outcome, to those
                                                       who joined; else they
                                                       see what is in the zone,
                                                       or begin anew */
    unsigned                            holds:1;    /* FAILED: the key waits */
    unsigned                            foreign:1;  /* FAILED: it is the
                                                       source's failure, whose
                                                       recovery ends the wait */
    unsigned                            doubted:1;  /* FAILED: "no such symbol"
                                                       that is not believed */
    unsigned                            configured:1;   /* ANSWERED: health
                                                       remembers it */
    unsigned                            noted:1;    /* as the end of many,
                                                       already */
    unsigned                            rate:1;     /* REFUSED: by the rate
                                                       limit, not the queue */
    uint32_t                            lines;      /* to the caller: so many
                                                       failures a log line
                                                       stands for, 0: none */
} ngx_http_sector_cache_ending_t;


/*
 * Ends a turn: gives back what it holds, passes the place on and wakes those
 * who joined.  call is the last one that was made, NULL: none was.  Where the
 * turn was taken back before, that has been counted, and what came of it is
 * nobody's.  A turn that there is none of is only counted and remembered.
 */
void ngx_http_sector_cache_source_end(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn,
    ngx_http_sector_cache_call_t *call,
    ngx_http_sector_cache_ending_t *ending);


/* A turn comes to nothing, of which nothing is counted or remembered. */

void ngx_http_sector_cache_source_drop(ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_turn_t *turn);


/* The source says that a key does not exist of which there is good data.
 * Whether that is to be believed: see sector_hold_missing(). */

ngx_uint_t ngx_http_sector_cache_source_missing(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key);


/* A call for many was refused because of this key, it seems: it goes alone. */

void ngx_http_sector_cache_source_alone(
    ngx_http_sector_cache_source_t *source,
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key);


/* A key of a zone as evidence: its hash, never 0. */

uint64_t ngx_http_sector_cache_source_hash(
    ngx_http_sector_cache_zone_t *zone, ngx_str_t *key);


/* Takes back what dead processes hold of all sources; a process that begins
 * says so, for what an earlier one of its id held. */

void ngx_http_sector_cache_source_reap(ngx_http_sector_cache_main_conf_t *mcf,
    ngx_uint_t begins);


/* The breaker as a fetch would meet it now, after what is due by the clock has
 * been done, and logged; *retry_after_ms is 0 if it would be let through. */

sector_breaker_state_e ngx_http_sector_cache_source_settle(
    ngx_http_sector_cache_source_t *source, uint64_t *retry_after_ms);


/* Forces the breaker's state, or frees it, for all workers, and wakes all that
 * may wait for it. */

void ngx_http_sector_cache_source_force(
    ngx_http_sector_cache_source_t *source, sector_breaker_force_e force);


/* Adds one to a counter; takes no lock. */

void ngx_http_sector_cache_source_count(ngx_http_sector_cache_source_t *source,
    sector_fetch_stat_e stat);


#endif /* NGX_HTTP_SECTOR_CACHE_SOURCE_H */
