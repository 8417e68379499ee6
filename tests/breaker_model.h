/*
 * breaker_model: the breaker again, the plain way.  Nothing is forgotten until
 * a transition or until it is asked for: every counted call, every failure of
 * the run and every probe are in a list, and each question walks its list.
 * Include it after breaker_fixture.h.
 */

#ifndef BREAKER_MODEL_H
#define BREAKER_MODEL_H


#define MAX_LIST  4096


typedef struct {
    uint64_t  at;
    int       failed;
} model_call_t;


typedef struct {
    uint64_t  name;
    uint64_t  ends;
} model_probe_t;


typedef struct {
    uint64_t  episode;
    uint64_t  name;
} model_ticket_t;


typedef struct {
    int            state;
    int            force;
    uint64_t       episode;
    uint64_t       entered;
    uint64_t       asked;           /* length of the open time */
    uint64_t       guess;           /* last length that was not asked for */
    uint64_t       names;
    uint64_t       bucket;
    size_t         n_calls;
    size_t         n_run;
    size_t         n_probes;
    uint32_t       wins;
    model_call_t   calls[MAX_LIST];
    uint64_t       run[MAX_LIST];
    model_probe_t  probes[MAX_LIST];
} model_t;


/* What happened in the random part, to see that it went everywhere. */

static struct {
    unsigned long  events, by_run, by_rate, by_retry, by_probe, closed;
    unsigned long  full, overdue, stale, forced, shrunk, recovered;
} seen;


static model_t  model;


static inline uint64_t
at_least(uint64_t value, uint64_t least)
{
    return value < least ? least : value;
}


static inline void
model_enter(model_t *m, int state, uint64_t now)
{
    m->state = state;
    m->entered = now;
    m->episode++;
    m->n_calls = 0;
    m->n_run = 0;
    m->wins = 0;

    if (state == CLOSED) {
        m->guess = 0;
        seen.closed++;
    }
}


static inline size_t
model_probes(const model_t *m, uint64_t now)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < m->n_probes; i++) {
        if (now < m->probes[i].ends) {
            n++;
        }
    }

    return n;
}


/* The state as met, and how long to wait. */

static inline int
model_look(const model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    uint64_t *wait)
{
    size_t    i, limit;
    uint64_t  most, length;

    *wait = 0;

    if (m->force == SECTOR_BREAKER_FORCED_CLOSED) {
        return CLOSED;
    }

    if (m->force == SECTOR_BREAKER_FORCED_OPEN) {
        *wait = at_least(p->open_ms, 1);
        return OPEN;
    }

    if (m->state == CLOSED) {
        return CLOSED;
    }

    if (m->state == OPEN) {
        most = at_least(at_least(p->max_open_ms, p->open_ms), 1);
        length = m->asked < most ? m->asked : most;

        if (now < m->entered + length) {
            *wait = m->entered + length - now;
            return OPEN;
        }
    }

    limit = at_least(p->half_open, 1);
    limit = limit < 64 ? limit : 64;

    if (model_probes(m, now) >= limit) {
        for (i = 0; i < m->n_probes; i++) {
            if (now < m->probes[i].ends
                && (*wait == 0 || m->probes[i].ends - now < *wait))
            {
                *wait = m->probes[i].ends - now;
            }
        }
    }

    return HALF_OPEN;
}


static inline int
model_acquire(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    model_ticket_t *ticket, uint64_t *wait)
{
    int  state;

    state = model_look(m, p, now, wait);

    if (m->state == OPEN && state == HALF_OPEN) {
        model_enter(m, HALF_OPEN, now);
    }

    if (*wait) {
        seen.full += state == HALF_OPEN;
        return -1;
    }

    ticket->episode = m->episode;
    ticket->name = 0;

    if (state == HALF_OPEN) {
        ticket->name = ++m->names;
        assert_true(m->n_probes < MAX_LIST);
        m->probes[m->n_probes].name = ticket->name;
        m->probes[m->n_probes].ends = now
                                      + at_least(p->half_open_timeout_ms, 1);
        m->n_probes++;
    }

    return 0;
}


static inline void
model_open(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    uint64_t retry)
{
    uint64_t  most;

    most = at_least(at_least(p->max_open_ms, p->open_ms), 1);

    if (retry) {
        m->asked = retry;
        seen.by_retry++;

    } else {
        m->guess = at_least(at_least(m->guess * 2, p->open_ms), 1);
        m->guess = m->guess < most ? m->guess : most;
        m->asked = m->guess;
    }

    m->asked = m->asked < most ? m->asked : most;

    model_enter(m, OPEN, now);
}


/* The error rate: the share of failures in the newest ten buckets. */

static inline int
model_rate(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    int failed)
{
    size_t    i, calls, failures;
    uint64_t  span, bucket;

    span = p->window_ms;

    if (p->reset_ms != 0 && p->reset_ms < span) {
        span = p->reset_ms;
    }

    bucket = at_least(span / 10, 1);

    if (bucket != m->bucket) {
        m->n_calls = 0;
        m->bucket = bucket;
    }

    assert_true(m->n_calls < MAX_LIST);
    m->calls[m->n_calls].at = now;
    m->calls[m->n_calls].failed = failed;
    m->n_calls++;

    calls = 0;
    failures = 0;

    for (i = 0; i < m->n_calls; i++) {
        if (m->calls[i].at / bucket + 10 > now / bucket) {
            calls++;
            failures += m->calls[i].failed;
        }
    }

    return p->error_percent != 0 && calls >= p->min_calls
           && (double) failures * 100.0 / (double) calls
              >= (double) p->error_percent;
}


static inline void
model_count(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    int failed, uint64_t retry)
{
    int  rate, run;

    rate = model_rate(m, p, now, failed);

    if (!failed) {
        m->n_run = 0;

    } else {
        if (p->reset_ms && m->n_run
            && now > m->run[m->n_run - 1] + p->reset_ms)
        {
            m->n_run = 0;
        }

        m->run[m->n_run++] = now;
    }

    run = failed && m->n_run >= at_least(p->failures, 1);

    if (rate || run || retry) {
        seen.by_rate += rate && !run && !retry;
        seen.by_run += run && !rate && !retry;
        model_open(m, p, now, retry);
    }
}


static inline void
model_report(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    model_ticket_t ticket, sector_breaker_result_e result, uint64_t elapsed,
    uint64_t retry)
{
    int     had, failed;
    size_t  i;

    had = 0;

    for (i = 0; i < m->n_probes; i++) {
        if (m->probes[i].name == ticket.name) {
            had = now < m->probes[i].ends;
            seen.overdue += !had;
            m->probes[i] = m->probes[--m->n_probes];
            break;
        }
    }

    seen.stale += ticket.episode != m->episode;

    if (ticket.episode != m->episode || m->force || result == IGNORE) {
        return;
    }

    failed = result == FAIL;

    if (result == OK) {
        retry = 0;
        failed = p->slow_ms && elapsed > p->slow_ms;
    }

    if (m->state == CLOSED) {
        model_count(m, p, now, failed, retry);

    } else if (had && failed) {
        seen.by_probe++;
        model_open(m, p, now, retry);

    } else if (had && ++m->wins >= p->successes) {
        model_enter(m, CLOSED, now);
    }
}


static inline void
model_force(model_t *m, sector_breaker_force_e force, uint64_t now)
{
    if (m->force != (int) force) {
        m->force = force;
        model_enter(m, force == SECTOR_BREAKER_FORCED_OPEN ? OPEN : CLOSED,
                    now);
        seen.forced++;
    }
}


#endif /* BREAKER_MODEL_H */
