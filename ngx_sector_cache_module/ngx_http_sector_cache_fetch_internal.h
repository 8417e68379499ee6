/*
 * What the files of the fetch share:
 *
 *     ..._fetch.c          its way: turns, and those who wait
 *     ..._fetch_call.c     calls of the upstream, and retries
 *     ..._fetch_end.c      what ends it, and who is told
 *     ..._fetch_batch.c    many keys in one call
 *     ..._fetch_parts.c    and in several, where that one is refused
 *     ..._fetch_answer.c   what came, or what memory has, becomes an answer
 *
 * Layer 2.
 */

#ifndef NGX_HTTP_SECTOR_CACHE_FETCH_INTERNAL_H
#define NGX_HTTP_SECTOR_CACHE_FETCH_INTERNAL_H


#include "ngx_http_sector_cache_detached.h"
#include "ngx_http_sector_cache_fetch.h"
#include "ngx_http_sector_cache_source.h"
#include "ngx_http_sector_cache_variables.h"


typedef enum {
    NGX_HTTP_SECTOR_CACHE_FETCH_STARTING = 0,
    NGX_HTTP_SECTOR_CACHE_FETCH_JOINED,     /* another process fetches */
    NGX_HTTP_SECTOR_CACHE_FETCH_QUEUED,     /* waits for a place */
    NGX_HTTP_SECTOR_CACHE_FETCH_CALLING,    /* the detached request runs */
    NGX_HTTP_SECTOR_CACHE_FETCH_PAUSED,     /* before a retry */
    NGX_HTTP_SECTOR_CACHE_FETCH_RIDING      /* a carrier fetches it */
} ngx_http_sector_cache_fetch_state_e;


/*
 * Who was to blame that a call for many was refused.  The keys that go alone
 * for it are suspects.  If any part of the call was had, then those of them
 * that failed are to blame; and one that did not fail is as well, where neither
 * its own other half did.  Allocated by itself, and freed with the last one
 * who has something to say.
 */
typedef struct {
    ngx_str_t                           key;
    ngx_uint_t                          group;      /* that was parted: its
                                                       number */
    ngx_uint_t                          failed;     /* 1: it did */
    u_char                              text[SECTOR_SYMBOL_MAX + 1];
} ngx_http_sector_cache_suspect_t;

typedef struct {
    ngx_http_sector_cache_source_t     *source;     /* that refused it */
    ngx_http_sector_cache_zone_t       *zone;
    ngx_uint_t                          refs;
    ngx_uint_t                          had;        /* 1: some part was */
    uint64_t                            failed;     /* groups, of which one
                                                       half failed: bits */
    ngx_uint_t                          n;
    ngx_http_sector_cache_suspect_t     suspects[
                                             NGX_HTTP_SECTOR_CACHE_BATCH_MAX];
} ngx_http_sector_cache_inquest_t;


struct ngx_http_sector_cache_fetch_s {
    ngx_str_node_t                      node;       /* in zone->flights */
    ngx_pool_t                         *pool;
    ngx_uint_t                          refs;       /* itself, its waiters */
    ngx_queue_t                         waiters;
    ngx_queue_t                         parked;     /* among those that look
                                                       when woken */

    ngx_queue_t                         riders;     /* of a carrier */
    ngx_queue_t                         ride;       /* RIDING: among them */
    ngx_uint_t                          n;          /* of a carrier: how many
                                                       ride */
    ngx_queue_t                         rest;       /* of a carrier whose call
                                                       was refused: those who
                                                       ride on a later one */
    ngx_uint_t                          group;      /* of a carrier: how often
                                                       it was parted */
    ngx_uint_t                          parent;     /* whose half it is; of a
                                                       carrier, whose those are
                                                       that ride; 0: none's */
    ngx_http_sector_cache_inquest_t    *inquest;    /* its carrier's; or NULL */
    ngx_uint_t                          suspect;    /* there */

    ngx_http_sector_cache_loc_conf_t   *conf;
    ngx_http_sector_cache_fetch_conf_t *how;        /* where it is fetched */
    ngx_http_core_srv_conf_t           *server;
    ngx_http_sector_cache_zone_t       *zone;
    ngx_http_sector_cache_source_t     *source;
    ngx_http_sector_cache_info_t        info;
    char                                symbol[SECTOR_SYMBOL_MAX + 1];

    ngx_http_sector_cache_fetch_state_e state;
    ngx_event_t                         step;       /* posted */
    ngx_event_t                         timer;      /* of queue, or pause */
    ngx_event_t                         timeout;    /* timer of all calls, in
                                                       short steps */
    ngx_msec_t                          started_ms;
    ngx_msec_t                          call_ms;    /* the last call began */
    ngx_msec_t                          deadline_ms;
    ngx_msec_t                          tick_ms;    /* the step ends */
    ngx_uint_t                          calls;
    ngx_http_sector_cache_turn_t        turn;
    ngx_http_sector_cache_detached_t   *detached;   /* while CALLING */
    ngx_http_sector_cache_call_t        call;       /* the last one that
                                                       ended */

    uint64_t                            age_s;      /* of what came, as the
                                                       upstream's header says */
    ngx_http_sector_cache_answer_t      answer;
    ngx_http_sector_cache_answer_t      refusal;    /* of a carrier: the last
                                                       one */
    sector_flight_outcome_t             outcome;    /* the answer, as others
                                                       are told it */
    uint32_t                            lines;      /* failures that its log
                                                       line stands for */

    unsigned                            shared:1;
    unsigned                            force:1;
    unsigned                            unheld:1;
    unsigned                            release:1;
    unsigned                            carrier:1;  /* its call is for those
                                                       that ride */
    unsigned                            probe:1;    /* it was begun as one */
    unsigned                            unknown:1;  /* of a carrier: one of
                                                       them was never had */
    unsigned                            needless:1; /* it was none, and no call
                                                       was made: others know
                                                       nothing by it */
    unsigned                            passing:1;  /* what went wrong may
                                                       pass */
    unsigned                            foreign:1;  /* what went wrong is the
                                                       source's fault, not the
                                                       key's */
    unsigned                            own:1;      /* nginx answered, nobody
                                                       was asked */
    unsigned                            doubted:1;  /* "no such symbol" that is
                                                       not believed */
    unsigned                            told:1;     /* of a carrier: those that
                                                       ride have an answer each
                                                       */
    unsigned                            refused:1;  /* of a carrier: its call
                                                       was, because of some
                                                       key */
    unsigned                            split:1;    /* of a carrier: an earlier
                                                       one was */
    unsigned                            had:1;      /* of a carrier: another
                                                       one was not */
    unsigned                            noted:1;    /* that it failed is known
                                                       of its carrier */
    unsigned                            stood:1;    /* this process stood still
                                                       while it called */
    unsigned                            anew:1;     /* for which it was begun
                                                       anew */
};


/* Turns what came into an answer, and stores a good one. */

void ngx_http_sector_cache_fetch_judge(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d);


/* Takes the answer from memory, if it is there: what the flight of this id
 * has stored, or, with 0, whatever is fresh.  NGX_OK or NGX_DECLINED. */

ngx_int_t ngx_http_sector_cache_fetch_memory(ngx_http_sector_cache_fetch_t *f,
    uint64_t id);


/* Whether memory has anything for who waits, fresh or stale: NGX_OK or
 * NGX_DECLINED. */

ngx_int_t ngx_http_sector_cache_fetch_kept(ngx_http_sector_cache_fetch_t *f);


/* Writes the answer as others are told it, to f->outcome, and the other way
 * round. */

void ngx_http_sector_cache_fetch_outcome(ngx_http_sector_cache_fetch_t *f);
void ngx_http_sector_cache_fetch_told(ngx_http_sector_cache_fetch_t *f,
    const sector_flight_outcome_t *outcome);


/* Notes a result other than OK, and why. */

void ngx_http_sector_cache_fetch_fail(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_fetch_e result, const char *fmt, ...);


/* A sector that is good: the answer, and to be stored.  NGX_OK or
 * NGX_ERROR. */

ngx_int_t ngx_http_sector_cache_fetch_keep(ngx_http_sector_cache_fetch_t *f,
    sector_model_output_t *out);


/* There is no such symbol: the answer, and to be stored, unless there is good
 * data of it and it was not said often enough. */

void ngx_http_sector_cache_fetch_lacks(ngx_http_sector_cache_fetch_t *f);


/* Of the way: makes a fetch that is not begun yet; has one that was to ride go
 * alone; takes a turn; looks what became of it; waits for another's; and waits
 * no longer, for whatever it waited. */

ngx_http_sector_cache_fetch_t *ngx_http_sector_cache_fetch_create(
    ngx_http_sector_cache_wanted_t *wanted,
    ngx_http_sector_cache_fetch_conf_t *how);
void ngx_http_sector_cache_fetch_alone(ngx_http_sector_cache_fetch_t *f);
void ngx_http_sector_cache_fetch_begin(ngx_http_sector_cache_fetch_t *f);
void ngx_http_sector_cache_fetch_look(ngx_http_sector_cache_fetch_t *f);
void ngx_http_sector_cache_fetch_park(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_fetch_state_e state);
void ngx_http_sector_cache_fetch_unpark(ngx_http_sector_cache_fetch_t *f);


/* Of the end: one without a call, for a reason of our own; one without a call,
 * because the key failed a moment ago, of which outcome is how; that of one of
 * ours, of which call is the last one, NULL where none was made; telling
 * others, noting it for the next one, and counting stat, SECTOR_FETCH_STATS_N
 * for none, unless it was ours no longer; a line for what is an error; handing
 * the answer to those who wait here; and giving up a share in it. */

void ngx_http_sector_cache_fetch_refuse(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_turn_e turn);
void ngx_http_sector_cache_fetch_held(ngx_http_sector_cache_fetch_t *f,
    const sector_flight_outcome_t *outcome);
void ngx_http_sector_cache_fetch_end(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_call_t *call);
void ngx_http_sector_cache_fetch_tell(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_call_t *call, sector_fetch_stat_e stat);
void ngx_http_sector_cache_fetch_log(ngx_http_sector_cache_fetch_t *f);
void ngx_http_sector_cache_fetch_deliver(ngx_http_sector_cache_fetch_t *f);
void ngx_http_sector_cache_fetch_unref(ngx_http_sector_cache_fetch_t *f);


/* Of the calls: makes one, f may be gone when it returns; sets the timer of all
 * calls; and what its timers run, that of queue or pause and that one. */

void ngx_http_sector_cache_fetch_call(ngx_http_sector_cache_fetch_t *f);
void ngx_http_sector_cache_fetch_tick(ngx_http_sector_cache_fetch_t *f);
void ngx_http_sector_cache_fetch_timer(ngx_event_t *ev);
void ngx_http_sector_cache_fetch_timeout(ngx_event_t *ev);


/* Of many keys: lets f ride on a carrier, a new one where *carrier is NULL or
 * full; NGX_OK or NGX_ERROR. */

ngx_int_t ngx_http_sector_cache_fetch_carry(
    ngx_http_sector_cache_fetch_t **carrier, ngx_http_sector_cache_fetch_t *f);

/* Whether any are left to fetch: after a look at what others fetch, before the
 * wait for a place and when there is one, from when on those that ride have so
 * long as the call; and after one at what memory has by now. */

ngx_uint_t ngx_http_sector_cache_fetch_board(
    ngx_http_sector_cache_fetch_t *carrier, ngx_uint_t place);
ngx_uint_t ngx_http_sector_cache_fetch_aboard(
    ngx_http_sector_cache_fetch_t *carrier);

/* Their names, comma-separated, in the pool; empty: no memory. */

ngx_str_t ngx_http_sector_cache_fetch_names(
    ngx_http_sector_cache_fetch_t *carrier, ngx_pool_t *pool);

/* Whether memory has something for any of them. */

ngx_int_t ngx_http_sector_cache_fetch_any_kept(
    ngx_http_sector_cache_fetch_t *carrier);

/* Gives a whole body to the model. */

void ngx_http_sector_cache_fetch_parse_batch(
    ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_detached_t *d);

/* One that rides, of the queue; and it rides no longer. */

ngx_http_sector_cache_fetch_t *ngx_http_sector_cache_fetch_rider(
    ngx_queue_t *q);
void ngx_http_sector_cache_fetch_get_off(
    ngx_http_sector_cache_fetch_t *carrier, ngx_http_sector_cache_fetch_t *f);


/* A call has ended.  Where one was refused because of some key, its halves are
 * called for, one after the other: whether that is done, or begun. */

ngx_int_t ngx_http_sector_cache_fetch_parted(
    ngx_http_sector_cache_fetch_t *carrier);

/* What came of a suspect is known, or the carrier has ended. */

void ngx_http_sector_cache_fetch_testify(ngx_http_sector_cache_fetch_t *f);

/* Those whose call was to come later ride on the next one. */

void ngx_http_sector_cache_fetch_reunite(
    ngx_http_sector_cache_fetch_t *carrier);

/* The carrier's call has ended: so do they. */

void ngx_http_sector_cache_fetch_alight(
    ngx_http_sector_cache_fetch_t *carrier);


#endif /* NGX_HTTP_SECTOR_CACHE_FETCH_INTERNAL_H */
