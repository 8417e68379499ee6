/*
 * Many keys in one call.  The call is a fetch that nobody waits for and nobody
 * can join, the carrier: it has the place, the leave of breaker and rate
 * limit, the retries and the timeout.  The fetch of each key rides on it: it is
 * in the table of flights as any other, so that other workers join it and
 * nobody asks for it again, but has no place of its own; when the carrier's
 * worker dies, who waits for a key takes that key over.
 *
 *     riders    XLK  XLF  XLE        each found by its key, each with those
 *                 \   |   /          who wait for it
 *     carrier     one call           found by nobody
 *
 * What another worker already fetches gets off before the call is made, and so
 * does what has come into memory while the carrier waited for its place, what
 * has failed a moment ago, and what spoilt such a call before, which goes
 * alone.
 */

#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_fetch_internal.h"
#include "ngx_http_sector_cache_shm.h"


static void ngx_http_sector_cache_fetch_boarded(
    ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_ride_t *ride);
static void ngx_http_sector_cache_fetch_follow(
    ngx_http_sector_cache_fetch_t *carrier, ngx_http_sector_cache_fetch_t *f);
static ngx_int_t ngx_http_sector_cache_fetch_model(
    ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_detached_t *d, sector_model_output_t *out,
    sector_model_status_e *status, char *reason);
static void ngx_http_sector_cache_fetch_parsed(
    ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_detached_t *d, sector_model_output_t *out,
    sector_model_status_e *status);
static void ngx_http_sector_cache_fetch_rider_parsed(
    ngx_http_sector_cache_fetch_t *f, sector_model_output_t *out,
    sector_model_status_e status);


ngx_int_t
ngx_http_sector_cache_fetch_carry(ngx_http_sector_cache_fetch_t **carrier,
    ngx_http_sector_cache_fetch_t *f)
{
    ngx_http_sector_cache_fetch_t   *c;
    ngx_http_sector_cache_wanted_t   wanted;

    c = *carrier;

    if (c == NULL || c->n == f->how->max) {
        ngx_memzero(&wanted, sizeof(ngx_http_sector_cache_wanted_t));

        wanted.conf = f->conf;
        wanted.server = f->server;
        wanted.symbol = "";

        c = ngx_http_sector_cache_fetch_create(&wanted, f->how);
        if (c == NULL) {
            return NGX_ERROR;
        }

        c->carrier = 1;
        c->probe = f->probe;

        /* for logs: its key is empty */

        ngx_memcpy(c->symbol, "a batch", sizeof("a batch"));

        ngx_post_event(&c->step, &ngx_posted_events);

        *carrier = c;
    }

    f->state = NGX_HTTP_SECTOR_CACHE_FETCH_RIDING;
    ngx_queue_insert_tail(&c->riders, &f->ride);
    c->n++;

    return NGX_OK;
}


ngx_http_sector_cache_fetch_t *
ngx_http_sector_cache_fetch_rider(ngx_queue_t *q)
{
    return ngx_queue_data(q, ngx_http_sector_cache_fetch_t, ride);
}


void
ngx_http_sector_cache_fetch_get_off(ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_fetch_t *f)
{
    ngx_queue_remove(&f->ride);
    carrier->n--;

    f->state = NGX_HTTP_SECTOR_CACHE_FETCH_STARTING;
}


/* A table without room for a key's flight only means that others may fetch it
 * as well, and so does a process without memory. */

ngx_uint_t
ngx_http_sector_cache_fetch_board(ngx_http_sector_cache_fetch_t *carrier,
    ngx_uint_t place)
{
    ngx_uint_t                      i, n;
    ngx_queue_t                    *q;
    ngx_http_sector_cache_ride_t   *rides;
    ngx_http_sector_cache_fetch_t  *f;

    rides = ngx_palloc(carrier->pool,
                       carrier->n * sizeof(ngx_http_sector_cache_ride_t));
    if (rides == NULL) {
        return 1;
    }

    n = 0;
    carrier->unknown = 0;

    for (q = ngx_queue_head(&carrier->riders);
         q != ngx_queue_sentinel(&carrier->riders);
         q = ngx_queue_next(q))
    {
        f = ngx_http_sector_cache_fetch_rider(q);

        ngx_memzero(&rides[n], sizeof(ngx_http_sector_cache_ride_t));

        rides[n].want.zone = f->zone;
        rides[n].want.key = &f->info.symbol;
        rides[n].want.shared = f->shared;
        rides[n].want.unheld = f->unheld;
        rides[n].want.release = f->release;
        rides[n].turn = &f->turn;
        rides[n].outcome = &f->outcome;
        rides[n].data = f;
        n++;
    }

    ngx_http_sector_cache_source_ride(carrier->source, rides, n, place);

    for (i = 0; i < n; i++) {
        ngx_http_sector_cache_fetch_boarded(carrier, &rides[i]);
    }

    ngx_pfree(carrier->pool, rides);

    return carrier->n != 0;
}


/* One rides, or does not. */

static void
ngx_http_sector_cache_fetch_boarded(ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_ride_t *ride)
{
    ngx_http_sector_cache_fetch_t  *f;

    f = ride->data;

    switch (ride->result) {

    case NGX_HTTP_SECTOR_CACHE_TURN_JOINED:
        ngx_http_sector_cache_fetch_follow(carrier, f);
        break;

    case NGX_HTTP_SECTOR_CACHE_TURN_HELD:
        ngx_http_sector_cache_fetch_get_off(carrier, f);
        ngx_http_sector_cache_fetch_held(f, &f->outcome);
        break;

    case NGX_HTTP_SECTOR_CACHE_TURN_ALONE:
        ngx_http_sector_cache_fetch_get_off(carrier, f);
        ngx_http_sector_cache_fetch_alone(f);
        ngx_post_event(&f->step, &ngx_posted_events);
        break;

    default: /* NGX_HTTP_SECTOR_CACHE_TURN_GO, _FULL */
        carrier->unknown |= (ride->unknown && !f->release);
        break;
    }
}


/* Another fetches a key.  Should that come to nothing, it is fetched alone. */

static void
ngx_http_sector_cache_fetch_follow(ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_fetch_t *f)
{
    ngx_http_sector_cache_fetch_get_off(carrier, f);

    if (!ngx_queue_empty(&f->waiters)) {
        ngx_http_sector_cache_source_count(f->source, SECTOR_FETCH_COALESCED);
    }

    ngx_http_sector_cache_fetch_alone(f);
    ngx_http_sector_cache_fetch_park(f, NGX_HTTP_SECTOR_CACHE_FETCH_JOINED);
}


ngx_uint_t
ngx_http_sector_cache_fetch_aboard(ngx_http_sector_cache_fetch_t *carrier)
{
    ngx_queue_t                    *q;
    ngx_uint_t                      i, n;
    ngx_http_sector_cache_fetch_t  *f;

    n = carrier->n;

    /* who is told may ask again, and never for a seat on this one */

    for (i = 0; i < n; i++) {
        q = ngx_queue_head(&carrier->riders);
        f = ngx_http_sector_cache_fetch_rider(q);

        if (f->shared && !f->force
            && ngx_http_sector_cache_fetch_memory(f, 0) == NGX_OK)
        {
            ngx_http_sector_cache_fetch_get_off(carrier, f);

            if (f->turn.id) {
                ngx_http_sector_cache_source_drop(f->source, &f->turn);
            }

            ngx_http_sector_cache_fetch_deliver(f);
            continue;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&carrier->riders, q);
    }

    return carrier->n != 0;
}


ngx_str_t
ngx_http_sector_cache_fetch_names(ngx_http_sector_cache_fetch_t *carrier,
    ngx_pool_t *pool)
{
    u_char                         *p;
    ngx_str_t                       names;
    ngx_queue_t                    *q;
    ngx_http_sector_cache_fetch_t  *f;

    names.len = 0;
    names.data = ngx_pnalloc(pool, carrier->n * (SECTOR_SYMBOL_MAX + 1));

    if (names.data == NULL) {
        return names;
    }

    p = names.data;

    for (q = ngx_queue_head(&carrier->riders);
         q != ngx_queue_sentinel(&carrier->riders);
         q = ngx_queue_next(q))
    {
        f = ngx_http_sector_cache_fetch_rider(q);

        if (p != names.data) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, f->info.symbol.data, f->info.symbol.len);
    }

    names.len = p - names.data;

    return names;
}


ngx_int_t
ngx_http_sector_cache_fetch_any_kept(ngx_http_sector_cache_fetch_t *carrier)
{
    ngx_queue_t                    *q;
    ngx_http_sector_cache_fetch_t  *f;

    for (q = ngx_queue_head(&carrier->riders);
         q != ngx_queue_sentinel(&carrier->riders);
         q = ngx_queue_next(q))
    {
        f = ngx_http_sector_cache_fetch_rider(q);

        if (f->shared && ngx_http_sector_cache_fetch_kept(f) == NGX_OK) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


void
ngx_http_sector_cache_fetch_parse_batch(ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_detached_t *d)
{
    char                    reason[SECTOR_MODEL_REASON_MAX];
    ngx_uint_t              i, good;
    sector_model_output_t  *out;
    sector_model_status_e  *status;

    out = ngx_palloc(d->request->pool,
                     carrier->n * sizeof(sector_model_output_t));
    status = ngx_palloc(d->request->pool,
                        carrier->n * sizeof(sector_model_status_e));

    if (out == NULL || status == NULL
        || ngx_http_sector_cache_fetch_model(carrier, d, out, status, reason)
           == NGX_ERROR)
    {
        ngx_http_sector_cache_fetch_fail(carrier,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "No memory for the body of source %V",
                                         &carrier->source->name);
        return;
    }

    for (i = 0, good = 0; i < carrier->n; i++) {

        /* nothing that comes with a 404 is good */

        if (status[i] == SECTOR_MODEL_OK && d->status == NGX_HTTP_NOT_FOUND) {
            free(out[i].json);
            status[i] = SECTOR_MODEL_NOT_FOUND;
        }

        good += (status[i] == SECTOR_MODEL_OK);
    }

    carrier->foreign = (good == 0 && reason[0] && out[0].foreign);

    /* a body without any good sector says nothing of a single one, unless only
     * one was asked for */

    if (good == 0
        && (carrier->n > 1 || status[0] != SECTOR_MODEL_NOT_FOUND))
    {
        ngx_http_sector_cache_fetch_fail(carrier,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent an invalid body: %s",
                                         &carrier->source->name,
                                         reason[0] ? reason : out[0].reason);
        return;
    }

    ngx_http_sector_cache_fetch_parsed(carrier, d, out, status);
}


/* Each that rides has an answer of its own. */

static void
ngx_http_sector_cache_fetch_parsed(ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_detached_t *d, sector_model_output_t *out,
    sector_model_status_e *status)
{
    ngx_uint_t                      i;
    ngx_queue_t                    *q;
    ngx_http_sector_cache_fetch_t  *f;

    carrier->told = 1;
    f = carrier;
    i = 0;

    for (q = ngx_queue_head(&carrier->riders);
         q != ngx_queue_sentinel(&carrier->riders);
         q = ngx_queue_next(q))
    {
        f = ngx_http_sector_cache_fetch_rider(q);

        ngx_memzero(&f->answer, sizeof(ngx_http_sector_cache_answer_t));
        f->answer.upstream_status = d->status;
        f->age_s = d->age_s;
        f->foreign = 0;
        f->own = 0;
        f->doubted = 0;

        ngx_http_sector_cache_fetch_rider_parsed(f, &out[i], status[i]);
        i++;
    }

    if (carrier->n == 1 && status[0] == SECTOR_MODEL_NOT_FOUND) {
        ngx_http_sector_cache_fetch_not_found(carrier->pool, &carrier->answer,
                                              f->symbol, carrier->source);
    }
}


/* Parses the body: NGX_OK, each status says what of; or NGX_ERROR. */

static ngx_int_t
ngx_http_sector_cache_fetch_model(ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_detached_t *d, sector_model_output_t *out,
    sector_model_status_e *status, char *reason)
{
    size_t                           n;
    const char                     **symbols, **names;
    ngx_queue_t                     *q;
    sector_model_batch_t             in;
    ngx_http_sector_cache_fetch_t   *f;
    ngx_http_sector_cache_symbol_t  *symbol;

    symbols = ngx_palloc(d->request->pool,
                         2 * carrier->n * sizeof(const char *));
    if (symbols == NULL) {
        return NGX_ERROR;
    }

    names = symbols + carrier->n;
    n = 0;

    for (q = ngx_queue_head(&carrier->riders);
         q != ngx_queue_sentinel(&carrier->riders);
         q = ngx_queue_next(q))
    {
        f = ngx_http_sector_cache_fetch_rider(q);
        symbol = ngx_http_sector_cache_find_symbol(f->conf, f->symbol,
                                                   ngx_strlen(f->symbol));

        symbols[n] = f->symbol;
        names[n] = symbol ? (char *) symbol->name.data : NULL;
        n++;
    }

    in.body = (char *) d->body;
    in.body_len = d->body_len;
    in.format = carrier->how->format;
    in.symbols = symbols;
    in.names = names;
    in.n = n;
    in.wall_ms = ngx_http_sector_cache_wall_ms();
    in.partial = d->partial;
    in.not_found_status = (d->status == NGX_HTTP_NOT_FOUND);

    return sector_model_parse_batch(&in, out, status, reason)
           == SECTOR_MODEL_NO_MEMORY ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_sector_cache_fetch_rider_parsed(ngx_http_sector_cache_fetch_t *f,
    sector_model_output_t *out, sector_model_status_e status)
{
    switch (status) {

    case SECTOR_MODEL_OK:

        if (ngx_http_sector_cache_fetch_keep(f, out) != NGX_OK) {
            ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "No memory for the body of source %V",
                                         &f->source->name);
        }

        free(out->json);
        return;

    case SECTOR_MODEL_NOT_FOUND:
        ngx_http_sector_cache_fetch_lacks(f);
        return;

    default: /* SECTOR_MODEL_INVALID */
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent an invalid body: %s",
                                         &f->source->name, out->reason);
    }
}


/* Each ends with what came for it, or with what became of the carrier. */

void
ngx_http_sector_cache_fetch_alight(ngx_http_sector_cache_fetch_t *carrier)
{
    ngx_queue_t                     *q;
    ngx_http_sector_cache_fetch_t   *f;
    ngx_http_sector_cache_answer_t  *answer;

    answer = &carrier->answer;

    while (!ngx_queue_empty(&carrier->riders)) {
        q = ngx_queue_head(&carrier->riders);
        f = ngx_http_sector_cache_fetch_rider(q);

        ngx_http_sector_cache_fetch_get_off(carrier, f);

        if (!carrier->told) {
            ngx_memzero(&f->answer, sizeof(ngx_http_sector_cache_answer_t));
            ngx_http_sector_cache_fetch_fail(f, answer->result, "%V",
                                             &answer->reason);
            f->answer.upstream_status = answer->upstream_status;
            f->answer.retry_after_ms = answer->retry_after_ms;
            f->foreign = carrier->foreign;
            f->own = carrier->own;
            f->doubted = 0;
            f->needless = carrier->needless;
            f->noted = 1;
        }

        f->answer.elapsed_ms = ngx_current_msec - f->started_ms;

        ngx_http_sector_cache_fetch_tell(f, NULL, SECTOR_FETCH_STATS_N);

        /* what became of all is the carrier's line */

        if (carrier->told || (carrier->split && !carrier->foreign)) {
            ngx_http_sector_cache_fetch_log(f);
        }

        ngx_http_sector_cache_fetch_deliver(f);
    }
}
