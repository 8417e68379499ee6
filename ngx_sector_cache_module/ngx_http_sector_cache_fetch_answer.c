/*
 * Only a good answer, or a definite "no such symbol", is stored; whatever else
 * comes touches nothing that is stored.  An entry's tag is the id of the
 * flight that stored it, by which those who wait for that flight know it.
 *
 * What went wrong is the source's failure or the key's.  The source's are a
 * connection, a timeout, a body that was cut off or is not in the provider's
 * form, a redirect, 5xx, 429, and what says that nobody is let in: 401, 402,
 * 403, 407.  The key's are all other 4xx, and a body in the provider's form
 * that has not what is needed.  A 404 says that there is no such symbol only
 * where its body is in that form: a router's page says nothing of symbols.
 *
 * Providers say "no such symbol" of symbols that are well, for a while, and a
 * whole market must not vanish for it: where there is good data of one, that
 * stays until it is past its time, or until the source has said so several
 * times in a row.
 */

#include "ngx_http_sector_cache_clock.h"
#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_fetch_internal.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source_info.h"
#include "sector_http.h"


#define NGX_HTTP_SECTOR_CACHE_REASON_MAX  512


static void ngx_http_sector_cache_fetch_judge_status(
    ngx_http_sector_cache_fetch_t *f, ngx_http_sector_cache_detached_t *d);
static ngx_uint_t ngx_http_sector_cache_fetch_blames_source(
    ngx_uint_t status);
static void ngx_http_sector_cache_fetch_judge_missing(
    ngx_http_sector_cache_fetch_t *f, ngx_http_sector_cache_detached_t *d);
static ngx_uint_t ngx_http_sector_cache_fetch_good(
    ngx_http_sector_cache_fetch_t *f);
static ngx_uint_t ngx_http_sector_cache_fetch_whole(
    ngx_http_sector_cache_detached_t *d);
static void ngx_http_sector_cache_fetch_own(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d);
static void ngx_http_sector_cache_fetch_judge_body(
    ngx_http_sector_cache_fetch_t *f, ngx_http_sector_cache_detached_t *d);
static void ngx_http_sector_cache_fetch_parse(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d);
static void ngx_http_sector_cache_fetch_store(ngx_http_sector_cache_fetch_t *f,
    sector_entry_t *entry);
static uint64_t ngx_http_sector_cache_fetch_retry_after(ngx_str_t *value);
static void ngx_http_sector_cache_fetch_reason(ngx_pool_t *pool,
    ngx_str_t *reason, const char *fmt, ...);
static void ngx_http_sector_cache_fetch_vreason(ngx_pool_t *pool,
    ngx_str_t *reason, const char *fmt, va_list args);


void
ngx_http_sector_cache_fetch_judge(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    ngx_str_t  *name;

    name = &f->source->name;

    f->passing = 0;
    f->foreign = 1;
    f->own = 0;
    f->doubted = 0;
    f->refused = 0;
    f->told = 0;

    f->age_s = d->age_s;
    f->answer.upstream_status = d->status;
    f->answer.retry_after_ms =
                     ngx_http_sector_cache_fetch_retry_after(&d->retry_after);

    if (d->ended) {
        f->answer.upstream_status = 0;
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "Fetch from source %V was ended",
                                         name);

    } else if (d->own) {
        ngx_http_sector_cache_fetch_own(f, d);

    } else if (d->status == 0
               || (d->failed && d->status == NGX_HTTP_BAD_GATEWAY))
    {
        f->answer.upstream_status = 0;
        f->passing = 1;
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                         "Connection to source %V failed",
                                         name);

    } else if (d->timed_out && d->status == NGX_HTTP_GATEWAY_TIME_OUT) {
        f->answer.upstream_status = 0;
        f->passing = 1;
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_TIMEOUT,
                                         "Source %V did not answer in time",
                                         name);

    } else if (d->status == NGX_HTTP_OK || d->status == NGX_HTTP_NO_CONTENT) {
        ngx_http_sector_cache_fetch_judge_body(f, d);

    } else {
        ngx_http_sector_cache_fetch_judge_status(f, d);
    }
}


/* A status that promises no sector. */

static void
ngx_http_sector_cache_fetch_judge_status(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    ngx_str_t  *name;

    name = &f->source->name;

    f->passing = (d->status == NGX_HTTP_TOO_MANY_REQUESTS
                  || d->status >= NGX_HTTP_INTERNAL_SERVER_ERROR);

    if (d->status == NGX_HTTP_NOT_FOUND) {
        ngx_http_sector_cache_fetch_judge_missing(f, d);

    } else if (d->status / 100 == 3 && d->status != NGX_HTTP_NOT_MODIFIED) {
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                         "Source %V redirected with status "
                                         "%ui, redirects are not followed",
                                         name, d->status);

    } else {
        f->foreign = ngx_http_sector_cache_fetch_blames_source(d->status);
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                         "Source %V answered with status %ui",
                                         name, d->status);
    }

    f->refused = (f->carrier && !f->foreign);
}


/* Whether a failing status says something about the source, and not only about
 * what it was asked for. */

static ngx_uint_t
ngx_http_sector_cache_fetch_blames_source(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_UNAUTHORIZED:
    case 402: /* Payment Required */
    case NGX_HTTP_FORBIDDEN:
    case 407: /* Proxy Authentication Required */
    case NGX_HTTP_TOO_MANY_REQUESTS:
        return 1;

    default:
        return status < 400 || status >= NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* A 404: does the provider say that there is no such symbol, or somebody else
 * that there is no such page? */

static void
ngx_http_sector_cache_fetch_judge_missing(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    ngx_str_t  *name;

    name = &f->source->name;

    if (d->missing && !f->carrier) {
        f->foreign = 0;
        ngx_http_sector_cache_fetch_lacks(f);
        return;
    }

    if (ngx_http_sector_cache_fetch_whole(d)) {

        if (f->carrier) {
            ngx_http_sector_cache_fetch_parse_batch(f, d);

        } else {
            ngx_http_sector_cache_fetch_parse(f, d);
        }

        if (f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED) {
            return;
        }

        if (f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND) {
            f->foreign = 0;
            return;
        }
    }

    if (f->foreign) {
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                         "Source %V answered with status 404 "
                                         "and a body that is not its own",
                                         name);
        return;
    }

    ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                     "Source %V answered with status 404",
                                     name);
}


/* What nginx itself said is nothing that the provider said. */

static void
ngx_http_sector_cache_fetch_own(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    static ngx_str_t  none = ngx_string("(none)");

    f->own = 1;
    f->answer.upstream_status = 0;
    f->answer.retry_after_ms = 0;

    ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                     "nginx itself answered %ui in location "
                                     "%V, the provider was not asked",
                                     d->status,
                                     d->location.len ? &d->location : &none);
}


void
ngx_http_sector_cache_fetch_lacks(ngx_http_sector_cache_fetch_t *f)
{
    ngx_http_sector_cache_fetch_not_found(f->pool, &f->answer, f->symbol,
                                          f->source);

    if (!f->shared) {
        return;
    }

    if (!ngx_http_sector_cache_fetch_good(f)) {
        ngx_http_sector_cache_fetch_store(f, NULL);
        return;
    }

    if (!ngx_http_sector_cache_source_missing(f->source, f->zone,
                                              &f->info.symbol))
    {
        f->doubted = 1;
        return;
    }

    ngx_http_sector_cache_fetch_store(f, NULL);

    if (f->zone->policy.negative_ms == 0) {
        (void) sector_store_delete(&f->zone->store, f->symbol,
                                   f->info.symbol.len);
    }
}


/* Whether there is good data of the key, fresh or stale. */

static ngx_uint_t
ngx_http_sector_cache_fetch_good(ngx_http_sector_cache_fetch_t *f)
{
    ngx_uint_t            good;
    sector_entry_t        entry;
    sector_store_view_t   view;

    if (ngx_http_sector_cache_entry_read(f->zone, &f->info.symbol, &view,
                                         &entry)
        == SECTOR_STORE_NONE)
    {
        return 0;
    }

    good = !view.negative;

    sector_store_read_end(&f->zone->store);

    return good;
}


/* Whether a body came to its end, as it is. */

static ngx_uint_t
ngx_http_sector_cache_fetch_whole(ngx_http_sector_cache_detached_t *d)
{
    return d->complete && !d->too_large && !d->no_memory
           && d->encoding.len == 0
           && (d->content_length < 0
               || (off_t) d->body_len >= d->content_length);
}


/* A status that promises a body: is it whole, and of use? */

static void
ngx_http_sector_cache_fetch_judge_body(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    ngx_str_t  *name;

    name = &f->source->name;

    if (d->too_large) {
        f->foreign = 0;
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent a body larger than "
                                         "max_object, %uz bytes%s",
                                         name, f->zone->policy.max_object_bytes,
                                         f->carrier ? " a symbol" : "");

    } else if (d->no_memory) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "No memory for the body of source %V",
                                         name);

    } else if (d->encoding.len) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent a body with a content "
                                         "encoding that was not asked for",
                                         name);

    } else if (!ngx_http_sector_cache_fetch_whole(d)) {
        f->passing = 1;
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent a body that was cut "
                                         "off after %uz bytes",
                                         name, d->body_len);

    } else if (f->carrier) {
        ngx_http_sector_cache_fetch_parse_batch(f, d);

    } else {
        ngx_http_sector_cache_fetch_parse(f, d);
    }
}


/* Gives a whole body to the model. */

static void
ngx_http_sector_cache_fetch_parse(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    sector_model_input_t             in;
    sector_model_output_t            out;
    sector_model_status_e            status;
    ngx_http_sector_cache_symbol_t  *symbol;

    symbol = ngx_http_sector_cache_find_symbol(f->conf, f->symbol,
                                               ngx_strlen(f->symbol));

    in.body = (char *) d->body;
    in.body_len = d->body_len;
    in.format = f->how->format;
    in.symbol = f->symbol;
    in.name = symbol ? (char *) symbol->name.data : NULL;
    in.wall_ms = ngx_http_sector_cache_wall_ms();
    in.not_found_status = (d->status == NGX_HTTP_NOT_FOUND);

    status = sector_model_parse(&in, &out);

    /* in the provider's form, and a 404: that says it all */

    if (status == SECTOR_MODEL_OK && d->status == NGX_HTTP_NOT_FOUND) {
        status = SECTOR_MODEL_NOT_FOUND;
    }

    switch (status) {

    case SECTOR_MODEL_OK:
        if (ngx_http_sector_cache_fetch_keep(f, &out) != NGX_OK) {
            status = SECTOR_MODEL_NO_MEMORY;
        }

        break;

    case SECTOR_MODEL_NOT_FOUND:
        ngx_http_sector_cache_fetch_lacks(f);
        break;

    case SECTOR_MODEL_INVALID:
        f->foreign = out.foreign;
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent an invalid body: %s",
                                         &f->source->name, out.reason);
        break;

    default:
        break;
    }

    if (status == SECTOR_MODEL_NO_MEMORY) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_ABORTED,
                                         "No memory for the body of source %V",
                                         &f->source->name);
    }

    free(out.json);
}


/* A sector that is good: the answer, and to be stored. */

ngx_int_t
ngx_http_sector_cache_fetch_keep(ngx_http_sector_cache_fetch_t *f,
    sector_model_output_t *out)
{
    ngx_str_t        data;
    sector_entry_t  *entry;

    entry = &f->answer.entry;

    data.len = out->json_len;
    data.data = ngx_pnalloc(f->pool, out->json_len);

    if (data.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(data.data, out->json, out->json_len);

    if (ngx_http_sector_cache_entry_make(f->pool, f->zone, &data, entry)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* a cache between says it in a header, and ours in the body as well */

    f->answer.age_ms = ngx_max(f->age_s, out->age_s) * 1000;

    entry->quote_ms = out->quote_ms;
    ngx_http_sector_cache_source_quote(f->source, out->quote_ms);

    if (f->shared) {
        ngx_http_sector_cache_fetch_store(f, entry);
    }

    return NGX_OK;
}


/* Stores a good answer, or with NULL that there is no such symbol.  A zone
 * without room is no error: the answer is served all the same. */

static void
ngx_http_sector_cache_fetch_store(ngx_http_sector_cache_fetch_t *f,
    sector_entry_t *entry)
{
    sector_entry_t                      stored;
    sector_store_view_t                 view;
    ngx_http_sector_cache_entry_how_t   how;

    if (entry == NULL && f->zone->policy.negative_ms == 0) {
        return;
    }

    ngx_memzero(&how, sizeof(ngx_http_sector_cache_entry_how_t));
    how.tag = f->turn.id;
    how.age_ms = entry ? f->answer.age_ms : 0;

    if (ngx_http_sector_cache_entry_put(f->zone, &f->info.symbol, entry, &how)
        != NGX_OK)
    {
        return;
    }

    f->answer.stored = 1;

    if (ngx_http_sector_cache_entry_read(f->zone, &f->info.symbol, &view,
                                         &stored)
        == SECTOR_STORE_NONE)
    {
        return;
    }

    f->answer.swr_ms = ngx_http_sector_cache_swr_ms(&view);

    if (view.fresh_until_ms > view.now_ms) {
        f->answer.ttl_ms = view.fresh_until_ms - view.now_ms;
    }

    sector_store_read_end(&f->zone->store);
}


ngx_int_t
ngx_http_sector_cache_fetch_memory(ngx_http_sector_cache_fetch_t *f,
    uint64_t id)
{
    int64_t                age_ms;
    ngx_int_t              rc;
    sector_entry_t         entry;
    sector_store_view_t    view;
    sector_store_state_e   state;

    state = ngx_http_sector_cache_entry_read(f->zone, &f->info.symbol, &view,
                                             &entry);

    if (state == SECTOR_STORE_NONE) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (id ? view.tag == id : state == SECTOR_STORE_FRESH) {
        rc = NGX_OK;

        age_ms = (int64_t) (view.now_ms - view.stored_ms);

        f->answer.memory = (id == 0);
        f->answer.age_ms = age_ms > 0 ? (uint64_t) age_ms : 0;
        f->answer.swr_ms = ngx_http_sector_cache_swr_ms(&view);
        f->answer.stored = 1;

        if (view.fresh_until_ms > view.now_ms) {
            f->answer.ttl_ms = view.fresh_until_ms - view.now_ms;
        }

        if (view.negative) {
            ngx_http_sector_cache_fetch_not_found(f->pool, &f->answer,
                                                  f->symbol, f->source);

        } else {
            f->answer.result = NGX_HTTP_SECTOR_CACHE_FETCH_OK;
            rc = ngx_http_sector_cache_entry_copy(f->pool, &entry,
                                                  &f->answer.entry);
        }
    }

    sector_store_read_end(&f->zone->store);

    return rc;
}


ngx_int_t
ngx_http_sector_cache_fetch_kept(ngx_http_sector_cache_fetch_t *f)
{
    sector_entry_t        entry;
    sector_store_view_t   view;

    if (ngx_http_sector_cache_entry_read(f->zone, &f->info.symbol, &view,
                                         &entry)
        == SECTOR_STORE_NONE)
    {
        return NGX_DECLINED;
    }

    sector_store_read_end(&f->zone->store);

    return NGX_OK;
}


void
ngx_http_sector_cache_fetch_outcome(ngx_http_sector_cache_fetch_t *f)
{
    sector_flight_outcome_t  *outcome;

    outcome = &f->outcome;

    outcome->result = f->answer.result;
    outcome->status = (uint32_t) f->answer.upstream_status;
    outcome->retry_after_ms = f->answer.retry_after_ms;

    if (f->answer.reason.len) {
        (void) ngx_cpystrn((u_char *) outcome->reason, f->answer.reason.data,
                           SECTOR_FLIGHT_REASON_MAX);
        return;
    }

    /* where it was too slow, the breaker may have opened for that */

    *ngx_snprintf((u_char *) outcome->reason, SECTOR_FLIGHT_REASON_MAX - 1,
                  "Source %V took %M ms to answer", &f->source->name,
                  f->call.elapsed_ms)
        = '\0';
}


void
ngx_http_sector_cache_fetch_told(ngx_http_sector_cache_fetch_t *f,
    const sector_flight_outcome_t *outcome)
{
    f->answer.upstream_status = outcome->status;
    f->answer.retry_after_ms = outcome->retry_after_ms;

    ngx_http_sector_cache_fetch_fail(f, outcome->result, "%s",
                                     outcome->reason);
}


/* Retry-After, RFC 9110 section 10.2.3: seconds or a date, as milliseconds
 * from now; 0 if there is none or it is neither. */

static uint64_t
ngx_http_sector_cache_fetch_retry_after(ngx_str_t *value)
{
    time_t   date;
    int64_t  seconds;

    seconds = sector_http_retry_after((char *) value->data, value->len);

    if (seconds >= 0) {
        return (uint64_t) seconds * 1000;
    }

    date = ngx_parse_http_time(value->data, value->len);

    return date > ngx_time() ? (uint64_t) (date - ngx_time()) * 1000 : 0;
}


void
ngx_http_sector_cache_fetch_not_found(ngx_pool_t *pool,
    ngx_http_sector_cache_answer_t *answer, const char *symbol,
    ngx_http_sector_cache_source_t *source)
{
    answer->result = NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND;
    answer->source = source;

    ngx_http_sector_cache_fetch_reason(pool, &answer->reason,
                                       "Symbol %s does not exist at source %V",
                                       symbol, &source->name);
}


void
ngx_http_sector_cache_fetch_fail(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_fetch_e result, const char *fmt, ...)
{
    va_list  args;

    f->answer.result = result;
    ngx_memzero(&f->answer.entry, sizeof(sector_entry_t));

    va_start(args, fmt);
    ngx_http_sector_cache_fetch_vreason(f->pool, &f->answer.reason, fmt, args);
    va_end(args);
}


static void
ngx_http_sector_cache_fetch_reason(ngx_pool_t *pool, ngx_str_t *reason,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ngx_http_sector_cache_fetch_vreason(pool, reason, fmt, args);
    va_end(args);
}


/* Prints a reason, terminated; a fixed one when there is no memory. */

static void
ngx_http_sector_cache_fetch_vreason(ngx_pool_t *pool, ngx_str_t *reason,
    const char *fmt, va_list args)
{
    u_char  *p, *last;

    p = ngx_pnalloc(pool, NGX_HTTP_SECTOR_CACHE_REASON_MAX);
    if (p == NULL) {
        ngx_str_set(reason, "Fetch failed");
        return;
    }

    last = ngx_vslprintf(p, p + NGX_HTTP_SECTOR_CACHE_REASON_MAX - 1, fmt,
                         args);
    *last = '\0';

    reason->data = p;
    reason->len = last - p;
}
