/*
 * breaker_model: the breaker again, the plain way.  Nothing is forgotten until
 * a transition or until it is asked for: every counted call, every failure of
 * the run, every probe and all that was heard of keys are in a list, and each
 * question walks its list.  Include it after breaker_fixture.h.
 */

#ifndef BREAKER_MODEL_H
#define BREAKER_MODEL_H


#define MAX_LIST    4096
#define MODEL_KEYS  12          /* 1 .. 12 */


typedef struct {
    uint64_t  at;
    int       failed;
} model_call_t;


typedef struct {
    uint64_t  name;
    uint64_t  ends;
    uint64_t  episode;
} model_probe_t;


/* What was heard of a key. */

typedef enum {
    MODEL_GOOD,
    MODEL_BAD,
    MODEL_WELL
} model_word_e;


typedef struct {
    model_word_e  word;
    uint64_t      key;
    uint64_t      until;            /* WELL */
} model_heard_t;


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
    size_t         n_undecided;
    size_t         n_heard;
    uint64_t       won;             /* when a probe last succeeded */
    uint32_t       wins;
    model_call_t   calls[MAX_LIST];
    uint64_t       run[MAX_LIST];
    uint64_t       undecided[MAX_LIST];     /* when */
    model_probe_t  probes[MAX_LIST];
    model_heard_t  heard[MAX_LIST];
} model_t;


/* What happened in the random part, to see that it went everywhere. */

static struct {
    unsigned long  events, by_run, by_rate, by_retry, by_probe, closed;
    unsigned long  full, overdue, stale, forced, shrunk, recovered;
    unsigned long  spared, undecided, blocked, lapsed, lapsed_over, kept;
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
    if (m->state != HALF_OPEN || state != CLOSED) {
        m->n_heard = 0;
    }

    seen.kept += m->n_heard > 0;

    m->state = state;
    m->entered = now;
    m->episode++;
    m->n_calls = 0;
    m->n_run = 0;
    m->n_undecided = 0;
    m->won = 0;
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


/* How long the last time open was, or would be under this policy. */

static inline uint64_t
model_length(const model_t *m, const sector_breaker_policy_t *p)
{
    uint64_t  most;

    most = at_least(at_least(p->max_open_ms, p->open_ms), 1);

    return m->asked < most ? m->asked : most;
}


/* When it opens for want of a decision, 0: it does not. */

static inline uint64_t
model_due(const model_t *m, const sector_breaker_policy_t *p)
{
    if (m->force || m->state != HALF_OPEN || m->n_undecided == 0) {
        return 0;
    }

    return at_least(m->undecided[0], m->won)
           + at_least(p->half_open_timeout_ms, 1);
}


/* How long all places of a half-open breaker are taken; 0: they are not. */

static inline uint64_t
model_full(const model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    size_t undecided)
{
    size_t    i, limit;
    uint64_t  first, due;

    limit = at_least(p->half_open, 1);
    limit = limit < 64 ? limit : 64;

    if (model_probes(m, now) + undecided < limit) {
        return 0;
    }

    first = 0;

    for (i = 0; i < m->n_probes; i++) {
        if (now < m->probes[i].ends
            && (first == 0 || m->probes[i].ends < first))
        {
            first = m->probes[i].ends;
        }
    }

    if (undecided) {
        due = model_due(m, p);

        if (undecided >= limit || due <= first) {
            seen.blocked++;
            return due + model_length(m, p) - now;
        }
    }

    return first - now;
}


/* The state as met, and how long to wait. */

static inline int
model_look(const model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    uint64_t *wait)
{
    size_t    undecided;
    uint64_t  opened;

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

    undecided = m->n_undecided;
    opened = m->state == OPEN ? m->entered : model_due(m, p);

    if (m->state == OPEN || (opened && opened <= now)) {
        undecided = 0;

        if (now < opened + model_length(m, p)) {
            *wait = opened + model_length(m, p) - now;
            return OPEN;
        }
    }

    *wait = model_full(m, p, now, undecided);

    return HALF_OPEN;
}


/* What the clock does alone. */

static inline void
model_settle(model_t *m, const sector_breaker_policy_t *p, uint64_t now)
{
    uint64_t  due;

    due = model_due(m, p);

    if (due && due <= now) {
        m->asked = model_length(m, p);
        seen.lapsed++;
        seen.lapsed_over += now >= due + m->asked;
        model_enter(m, OPEN, due);
    }
}


/* How many more probes would be of use. */

static inline uint32_t
model_wanted(const model_t *m, const sector_breaker_policy_t *p, uint64_t now)
{
    size_t    i, have;
    uint64_t  due, wait;

    if (model_look(m, p, now, &wait) != HALF_OPEN || wait) {
        return 0;
    }

    have = 0;
    due = model_due(m, p);

    if (m->state == HALF_OPEN && (due == 0 || now < due)) {
        have = m->wins;

        for (i = 0; i < m->n_probes; i++) {
            have += m->probes[i].episode == m->episode
                    && now < m->probes[i].ends;
        }
    }

    return have < at_least(p->successes, 1)
           ? at_least(p->successes, 1) - have : 0;
}


static inline void
model_hear(model_t *m, model_word_e word, uint64_t key, uint64_t until)
{
    assert_true(m->n_heard < MAX_LIST);
    m->heard[m->n_heard].word = word;
    m->heard[m->n_heard].key = key;
    m->heard[m->n_heard].until = until;
    m->n_heard++;
}


/* Whether the key is well: what was last heard of it says so. */

static inline int
model_is_well(const model_t *m, uint64_t key, uint64_t now)
{
    size_t  i;

    for (i = m->n_heard; i-- > 0; /* void */) {
        if (m->heard[i].key == key && m->heard[i].word != MODEL_GOOD) {
            return m->heard[i].word == MODEL_WELL && m->heard[i].until > now;
        }
    }

    return 0;
}


/* Whether a failure of the key counts; key 0: it was for several. */

static inline int
model_counts(const model_t *m, uint64_t key, uint64_t now)
{
    int       again;
    size_t    i;
    uint64_t  other;

    again = 0;

    for (i = 0; i < m->n_heard; i++) {
        if (m->heard[i].word == MODEL_BAD) {
            again = m->heard[i].key == key;

        } else if (m->heard[i].word == MODEL_GOOD && m->heard[i].key == key) {
            again = 0;
        }
    }

    for (other = 1; key != 0 && again && other <= MODEL_KEYS; other++) {
        if (other != key && model_is_well(m, other, now)) {
            return 0;
        }
    }

    return 1;
}


static inline int
model_acquire(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    model_ticket_t *ticket, uint64_t *wait)
{
    int  state;

    model_settle(m, p, now);
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
        m->probes[m->n_probes].episode = m->episode;
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
    int failed, uint64_t key, uint64_t retry)
{
    int  rate, run, counts;

    counts = !failed || model_counts(m, key, now);

    if (failed || key) {
        model_hear(m, failed ? MODEL_BAD : MODEL_GOOD, key, 0);
    }

    if (!counts && retry == 0) {
        seen.spared++;
        return;
    }

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


/* Takes the probe off the list; returns whether it still had its place. */

static inline int
model_release(model_t *m, uint64_t now, model_ticket_t ticket)
{
    int     had;
    size_t  i;

    for (i = 0; i < m->n_probes; i++) {
        if (m->probes[i].name == ticket.name) {
            had = now < m->probes[i].ends;
            seen.overdue += !had;
            m->probes[i] = m->probes[--m->n_probes];
            return had;
        }
    }

    return 0;
}


static inline void
model_report(model_t *m, const sector_breaker_policy_t *p, uint64_t now,
    model_ticket_t ticket, sector_breaker_result_e result, uint64_t key,
    uint64_t elapsed, uint64_t retry)
{
    int  had, failed;

    had = model_release(m, now, ticket);

    if (result == IGNORE) {
        return;
    }

    model_settle(m, p, now);

    seen.stale += ticket.episode != m->episode;

    if (ticket.episode != m->episode || m->force) {
        return;
    }

    if (result == UNDECIDED) {
        if (had) {
            m->undecided[m->n_undecided++] = now;
            seen.undecided++;
        }

        return;
    }

    failed = result == FAIL;

    if (result == OK) {
        retry = 0;
        failed = p->slow_ms && elapsed > p->slow_ms;
    }

    if (m->state == CLOSED) {
        model_count(m, p, now, failed, key, retry);

    } else if (had && failed) {
        seen.by_probe++;
        model_open(m, p, now, retry);

    } else if (had) {
        m->won = now;

        if (++m->wins >= p->successes) {
            model_enter(m, CLOSED, now);
        }
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
