/*
 * Only a good answer, or a definite "no such symbol", is stored; whatever else
 * comes touches nothing that is stored.  An entry's tag is the id of the
 * flight that stored it, by which those who wait for that flight know it.
 */

#include "ngx_http_sector_cache_entry.h"
#include "ngx_http_sector_cache_fetch_internal.h"
#include "ngx_http_sector_cache_shm.h"
#include "ngx_http_sector_cache_source_info.h"
#include "sector_http.h"


#define NGX_HTTP_SECTOR_CACHE_REASON_MAX  512


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

    } else if (d->status == NGX_HTTP_NOT_FOUND && !f->carrier) {
        ngx_http_sector_cache_fetch_lacks(f);

    } else if (d->status / 100 == 3 && d->status != NGX_HTTP_NOT_MODIFIED) {
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                         "Source %V redirected with status "
                                         "%ui, redirects are not followed",
                                         name, d->status);

    } else if (d->status != NGX_HTTP_OK && d->status != NGX_HTTP_NO_CONTENT) {
        f->passing = (d->status == NGX_HTTP_TOO_MANY_REQUESTS
                      || d->status >= NGX_HTTP_INTERNAL_SERVER_ERROR);
        ngx_http_sector_cache_fetch_fail(f, NGX_HTTP_SECTOR_CACHE_FETCH_FAILED,
                                         "Source %V answered with status %ui",
                                         name, d->status);

    } else {
        ngx_http_sector_cache_fetch_judge_body(f, d);
    }
}


/* What nginx itself said is nothing that the provider said. */

static void
ngx_http_sector_cache_fetch_own(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    static ngx_str_t  none = ngx_string("(none)");

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

    if (f->shared) {
        ngx_http_sector_cache_fetch_store(f, NULL);
    }
}


/* A status that promises a body: is it whole, and of use? */

static void
ngx_http_sector_cache_fetch_judge_body(ngx_http_sector_cache_fetch_t *f,
    ngx_http_sector_cache_detached_t *d)
{
    ngx_str_t  *name;

    name = &f->source->name;

    if (d->too_large) {
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

    } else if (!d->complete
               || (d->content_length >= 0
                   && (off_t) d->body_len < d->content_length))
    {
        f->passing = 1;
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent a body that was cut "
                                         "off after %uz bytes",
                                         name, d->body_len);

    } else if (d->encoding.len) {
        ngx_http_sector_cache_fetch_fail(f,
                                         NGX_HTTP_SECTOR_CACHE_FETCH_INVALID,
                                         "Source %V sent a body with a content "
                                         "encoding that was not asked for",
                                         name);

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

    status = sector_model_parse(&in, &out);

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

    if (view.fresh_until_ms > ngx_current_msec) {
        f->answer.ttl_ms = view.fresh_until_ms - ngx_current_msec;
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

        age_ms = (int64_t) (ngx_current_msec - view.stored_ms);

        f->answer.memory = (id == 0);
        f->answer.age_ms = age_ms > 0 ? (uint64_t) age_ms : 0;
        f->answer.stored = 1;

        if (view.fresh_until_ms > ngx_current_msec) {
            f->answer.ttl_ms = view.fresh_until_ms - ngx_current_msec;
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
    sector_store_t       *store;
    sector_store_view_t   view;

    store = &f->zone->store;

    if (sector_store_read(store, f->symbol, f->info.symbol.len,
                          ngx_current_msec, &view)
        == SECTOR_STORE_NONE)
    {
        return NGX_DECLINED;
    }

    sector_store_read_end(store);

    return NGX_OK;
}


void
ngx_http_sector_cache_fetch_outcome(ngx_http_sector_cache_fetch_t *f,
    sector_flight_outcome_t *outcome)
{
    outcome->result = f->answer.result;
    outcome->status = (uint32_t) f->answer.upstream_status;
    outcome->retry_after_ms = f->answer.retry_after_ms;

    (void) ngx_cpystrn((u_char *) outcome->reason,
                       f->answer.reason.len ? f->answer.reason.data
                                            : (u_char *) "",
                       SECTOR_FLIGHT_REASON_MAX);
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
