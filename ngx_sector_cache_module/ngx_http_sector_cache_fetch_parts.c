/*
 * A provider may refuse the whole call because of one key that it has dropped.
 * Then its halves are called for, one after the other, on the same place and
 * within the same time, and so on; a half of one goes alone, as it would have
 * without a call for many.  What failed alone is to blame, and remembered:
 *
 *     XLK XLF XLE XLV       refused
 *     XLK XLF               had
 *             XLE XLV       refused
 *             XLE           alone: failed, remembered
 *                 XLV       alone: had
 */

#include "ngx_http_sector_cache_fetch_internal.h"


static void ngx_http_sector_cache_fetch_split(
    ngx_http_sector_cache_fetch_t *carrier);
static void ngx_http_sector_cache_fetch_part_alone(
    ngx_http_sector_cache_fetch_t *carrier, ngx_http_sector_cache_fetch_t *f);
static ngx_uint_t ngx_http_sector_cache_fetch_part(
    ngx_http_sector_cache_fetch_t *carrier);
static void ngx_http_sector_cache_fetch_next(
    ngx_http_sector_cache_fetch_t *carrier);


ngx_int_t
ngx_http_sector_cache_fetch_parted(ngx_http_sector_cache_fetch_t *carrier)
{
    if (carrier->refused && carrier->n > 1) {
        carrier->refusal = carrier->answer;
        ngx_http_sector_cache_fetch_split(carrier);

    } else if (!carrier->split || carrier->passing || carrier->foreign) {
        return NGX_DECLINED;

    } else {

        /* this part has its answer, be it a bad one */

        if (carrier->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_OK) {
            carrier->had = 1;

            if (carrier->inquest) {
                carrier->inquest->had = 1;
            }
        }

        ngx_http_sector_cache_fetch_alight(carrier);
    }

    if (ngx_http_sector_cache_fetch_part(carrier)) {
        ngx_http_sector_cache_fetch_next(carrier);
        return NGX_OK;
    }

    if (carrier->had) {
        carrier->answer.result = NGX_HTTP_SECTOR_CACHE_FETCH_OK;
    }

    ngx_http_sector_cache_fetch_end(carrier, &carrier->call);

    return NGX_OK;
}


/* The second half of those that ride is put off, before all that were put off
 * earlier.  Without memory for an inquest nobody is to blame. */

static void
ngx_http_sector_cache_fetch_split(ngx_http_sector_cache_fetch_t *carrier)
{
    ngx_uint_t                      half;
    ngx_queue_t                    *q;
    ngx_http_sector_cache_fetch_t  *f;

    if (!carrier->split) {
        carrier->split = 1;

        carrier->inquest = ngx_calloc(sizeof(ngx_http_sector_cache_inquest_t),
                                      ngx_cycle->log);
        if (carrier->inquest) {
            carrier->inquest->source = carrier->source;
            carrier->inquest->zone = carrier->zone;
            carrier->inquest->refs = 1;
        }

    } else if (carrier->inquest) {
        carrier->inquest->failed |= (uint64_t) 1 << carrier->parent;
    }

    /* one that began anew goes on counting, and is parted less often than
     * there are bits */

    carrier->group = (carrier->group + 1) % 64;

    for (half = carrier->n / 2; carrier->n > half; carrier->n--) {
        q = ngx_queue_last(&carrier->riders);
        f = ngx_http_sector_cache_fetch_rider(q);

        ngx_queue_remove(q);
        ngx_queue_insert_head(&carrier->rest, q);

        f->parent = carrier->group;
    }

    carrier->parent = carrier->group;
}


void
ngx_http_sector_cache_fetch_testify(ngx_http_sector_cache_fetch_t *f)
{
    ngx_uint_t                        i, failed;
    ngx_http_sector_cache_suspect_t  *s;
    ngx_http_sector_cache_inquest_t  *inquest;

    inquest = f->inquest;
    f->inquest = NULL;

    if (!f->carrier) {
        s = &inquest->suspects[f->suspect];

        /* of one that could not be asked for nothing is known */

        failed = (f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_FAILED
                  || f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_INVALID
                  || f->answer.result
                     == NGX_HTTP_SECTOR_CACHE_FETCH_NOT_FOUND);

        s->failed = failed;
        if (f->answer.result == NGX_HTTP_SECTOR_CACHE_FETCH_OK) {
            inquest->had = 1;

        } else {
            inquest->failed |= (uint64_t) 1 << s->group;
        }
    }

    if (--inquest->refs) {
        return;
    }

    for (i = 0; i < inquest->n && inquest->had; i++) {
        s = &inquest->suspects[i];

        if (s->failed || !(inquest->failed >> s->group & 1)) {
            ngx_http_sector_cache_source_alone(inquest->source, inquest->zone,
                                               &s->key);
        }
    }

    ngx_free(inquest);
}


/* It goes alone, on its own place. */

static void
ngx_http_sector_cache_fetch_part_alone(ngx_http_sector_cache_fetch_t *carrier,
    ngx_http_sector_cache_fetch_t *f)
{
    ngx_http_sector_cache_suspect_t  *s;
    ngx_http_sector_cache_inquest_t  *inquest;

    inquest = carrier->inquest;

    ngx_http_sector_cache_fetch_get_off(carrier, f);

    if (f->turn.id) {
        ngx_http_sector_cache_source_drop(f->source, &f->turn);
    }

    if (inquest) {
        s = &inquest->suspects[inquest->n];

        s->group = carrier->parent;
        s->key.data = s->text;
        s->key.len = f->info.symbol.len;
        ngx_memcpy(s->text, f->symbol, f->info.symbol.len);

        f->inquest = inquest;
        f->suspect = inquest->n;

        inquest->n++;
        inquest->refs++;
    }

    ngx_http_sector_cache_fetch_alone(f);
    ngx_post_event(&f->step, &ngx_posted_events);
}


/* Whether there is a part to call for: those that ride, else the next of those
 * that were put off.  One of one goes alone. */

static ngx_uint_t
ngx_http_sector_cache_fetch_part(ngx_http_sector_cache_fetch_t *carrier)
{
    ngx_queue_t                    *q;
    ngx_http_sector_cache_fetch_t  *f;

    for ( ;; ) {

        if (carrier->n > 1) {
            return 1;
        }

        if (carrier->n == 1) {
            q = ngx_queue_head(&carrier->riders);
            ngx_http_sector_cache_fetch_part_alone(carrier,
                                       ngx_http_sector_cache_fetch_rider(q));
        }

        if (ngx_queue_empty(&carrier->rest)) {
            return 0;
        }

        q = ngx_queue_head(&carrier->rest);
        carrier->parent = ngx_http_sector_cache_fetch_rider(q)->parent;

        while (!ngx_queue_empty(&carrier->rest)) {
            q = ngx_queue_head(&carrier->rest);
            f = ngx_http_sector_cache_fetch_rider(q);

            if (f->parent != carrier->parent) {
                break;
            }

            ngx_queue_remove(q);
            ngx_queue_insert_tail(&carrier->riders, q);
            carrier->n++;
        }
    }
}


/* Calls for the next part, as for a retry.  Should there be no leave for it
 * within the time that is left, those that are left end with the refusal. */

static void
ngx_http_sector_cache_fetch_next(ngx_http_sector_cache_fetch_t *carrier)
{
    ngx_http_sector_cache_source_report(carrier->source, &carrier->turn,
                                        &carrier->call);

    carrier->answer = carrier->refusal;
    carrier->foreign = 0;
    carrier->told = 0;
    carrier->calls = 0;

    ngx_http_sector_cache_fetch_park(carrier,
                                     NGX_HTTP_SECTOR_CACHE_FETCH_PAUSED);
    ngx_add_timer(&carrier->timer, 1);
}


void
ngx_http_sector_cache_fetch_reunite(ngx_http_sector_cache_fetch_t *carrier)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&carrier->rest)) {
        q = ngx_queue_head(&carrier->rest);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&carrier->riders, q);
        carrier->n++;
    }
}
