/*
 * sector_breaker: the circuit breaker of one source.
 *
 * Who owns what.  The struct lies in shared memory, and the caller holds that
 * memory's lock during every call; nothing here waits, allocates or asks for
 * the time.  One function, sector_breaker_move(), changes the state: it counts
 * the generation up and starts every run and the window anew.
 *
 * Generations.  A permit carries the generation in which it was given.  A
 * report of another generation says how the upstream was before the last
 * transition, and is not counted: twenty calls that were under way when the
 * breaker opened cannot open it again when it has just closed, nor lengthen
 * its open time, whatever their Retry-After.
 *
 * Places.  A probe's place belongs to the call and not to the generation: it
 * is held until the report or the deadline, through any transition.  So no
 * more than half_open probes hold a place at any instant, also where the
 * breaker opened on one probe's failure, and turned half-open again, with the
 * others still under way; and where a reload made half_open smaller, no probe
 * is let through until enough of the old ones are back.  At its deadline
 * the place is gone whether or not another probe has taken it since, and what
 * the late one reports, good or bad, is not counted: a lease that has ended
 * says nothing, and the answer would otherwise hang on who came in between.
 *
 * Undecided.  An answer that counts neither way must not let the next one in,
 * or a half-open breaker stops nothing for as long as there are such answers.
 * So they are counted like places that are held, until the breaker has decided:
 * no more than half_open of them are had, however long it takes.  What an
 * ignored probe held is free at once, since nobody was asked.
 *
 *      undecided      |-- half_open_timeout --|---- as long as last ----|
 *      ----- half-open -----------------------+---------- open ----------+---
 *
 * half_open_timeout after the first of them, or after a success that is later,
 * the breaker opens, for as long as the last time: nothing failed, so nothing
 * doubles.  Nobody has to be there when it does.  It is a matter of the clock:
 * who looks sees it as it would be, and who calls or reports first, makes the
 * move as of the moment when it was due.  Where all answers are successes it
 * never opens of itself, however slowly they come: a source that may be called
 * once a minute could not be closed otherwise.
 *
 * Failures in a row.  The run starts anew when its last failure is older than
 * reset_ms.  A success ends it; an ignored or undecided call neither ends nor
 * extends it.
 *
 * Keys.  What only repeats that one key fails, while others are well, is no
 * call at all, neither for the run nor for the window: see sector_evidence.h
 * for the rule and its cases.  Where there is only that key, or none is known
 * to be well, each failure counts.  A Retry-After is about the source whatever
 * the key, and opens at once.  A slow success is a failure of its key here,
 * though the key was had and counts as well when others are judged.  Half-open,
 * keys play no part: one failure opens.  After an outage nobody is known to be
 * well but those whose probes ended it, so each transition forgets who was;
 * that from half-open to closed does not, for it has just been learnt.
 *
 * Error rate.  Time is cut into buckets of a tenth of the window, and the
 * newest ten of them are the window:
 *
 *      epoch      41   42   43   44   45   46   47   48   49   50 <- now
 *      buckets   [1]  [2]  [3]  [4]  [5]  [6]  [7]  [8]  [9]  [0]
 *
 * so it reaches back over nine to ten tenths of window_ms.  The rate is looked
 * at after each counted call, a success too: the call that completes min_calls
 * may be one.  As nothing older than reset_ms is remembered, a longer window
 * ends there.  A reload that changes the buckets' width empties them: the old
 * epochs mean nothing in the new width.
 *
 * Open time.  open_ms, then twice the last one up to max_open_ms for as long
 * as probes fail; closing starts it anew.  A Retry-After is the upstream's
 * word and not a guess of ours: it is taken as it is, shorter than open_ms
 * too, and leaves the doubling where it was.  A reload that lowers max_open_ms
 * ends a longer open time accordingly.
 *
 * Forced.  Forcing and freeing are transitions like any other, so that no call
 * let through before counts after.
 *
 * A worker killed in the middle of a call leaves some fields old and some new.
 * No invariant spans two fields in a way that could hold the breaker shut: an
 * open time ends, a place has a deadline, and a run or a bucket is only a
 * number; so any such mixture recovers.
 */

#include <string.h>

#include "sector_breaker.h"


/* The greater of the two; gives a policy's value its least. */

static uint64_t
sector_breaker_max(uint64_t a, uint64_t b)
{
    return (a > b) ? a : b;
}


/* The lesser of the two; gives a policy's value its most. */

static uint64_t
sector_breaker_min(uint64_t a, uint64_t b)
{
    return (a < b) ? a : b;
}


/* A moment later by ms; a sum beyond the end of time stays at the end. */

static uint64_t
sector_breaker_add(uint64_t at_ms, uint64_t ms)
{
    return (ms > UINT64_MAX - at_ms) ? UINT64_MAX : at_ms + ms;
}


/* From one moment to a later one; 0 if it is not later. */

static uint64_t
sector_breaker_diff(uint64_t from_ms, uint64_t to_ms)
{
    return (to_ms > from_ms) ? to_ms - from_ms : 0;
}


/* The longest time open, which is never shorter than the first. */

static uint64_t
sector_breaker_max_open(const sector_breaker_policy_t *policy)
{
    return sector_breaker_max(sector_breaker_max(policy->open_ms, 1),
                              policy->max_open_ms);
}


/* How long the breaker, being open, stays so. */

static uint64_t
sector_breaker_open_left(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms)
{
    uint64_t  until;

    until = sector_breaker_add(b->since_ms, sector_breaker_max_open(policy));

    return sector_breaker_diff(now_ms,
                               sector_breaker_min(b->open_until_ms, until));
}


/* Whether the place is held by a probe whose time is not over. */

static int
sector_breaker_held(const sector_breaker_probe_t *probe, uint64_t now_ms)
{
    return probe->id != 0 && probe->deadline_ms > now_ms;
}


/* When the half-open breaker opens because of what is undecided. */

static uint64_t
sector_breaker_due(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy)
{
    return sector_breaker_add(b->undecided_ms,
                          sector_breaker_max(policy->half_open_timeout_ms, 1));
}


/* How long it is open then. */

static uint64_t
sector_breaker_as_last(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy)
{
    return sector_breaker_min(sector_breaker_max(b->open_last_ms, 1),
                              sector_breaker_max_open(policy));
}


/* When it turns half-open again after that. */

static uint64_t
sector_breaker_again(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy)
{
    return sector_breaker_add(sector_breaker_due(b, policy),
                              sector_breaker_as_last(b, policy));
}


/* Whether that it opens is due. */

static int
sector_breaker_lapsed(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms)
{
    return b->state == SECTOR_BREAKER_HALF_OPEN
           && b->undecided > 0
           && now_ms >= sector_breaker_due(b, policy);
}


/* Whether what the breaker knows is of the half-open time of now, and not of a
 * state that is over and that nobody has left yet. */

static int
sector_breaker_begun(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms)
{
    return b->state == SECTOR_BREAKER_HALF_OPEN
           && !sector_breaker_lapsed(b, policy, now_ms);
}


/* How long until another probe may go; 0 if one may now. */

static uint64_t
sector_breaker_probe_left(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms)
{
    uint64_t    first, limit, held, undecided;
    unsigned    i;

    limit = sector_breaker_max(policy->half_open, 1);
    limit = sector_breaker_min(limit, SECTOR_BREAKER_PROBES);

    undecided = sector_breaker_begun(b, policy, now_ms) ? b->undecided : 0;

    held = 0;
    first = UINT64_MAX;

    for (i = 0; i < SECTOR_BREAKER_PROBES; i++) {
        if (sector_breaker_held(&b->probes[i], now_ms)) {
            held++;
            first = sector_breaker_min(first, b->probes[i].deadline_ms);
        }
    }

    if (held + undecided < limit) {
        return 0;
    }

    /* what is undecided gives way to nothing but the open time */

    if (undecided == 0
        || (undecided < limit && first < sector_breaker_due(b, policy)))
    {
        return first - now_ms;
    }

    return sector_breaker_diff(now_ms, sector_breaker_again(b, policy));
}


/* The one place where the state changes. */

static void
sector_breaker_move(sector_breaker_t *b, sector_breaker_state_e state,
    uint64_t now_ms)
{
    b->failures = 0;
    b->successes = 0;
    b->undecided = 0;
    memset(b->buckets, 0, sizeof(b->buckets));

    if (b->state != SECTOR_BREAKER_HALF_OPEN
        || state != SECTOR_BREAKER_CLOSED)
    {
        memset(&b->evidence, 0, sizeof(b->evidence));
    }

    if (state == SECTOR_BREAKER_OPEN) {
        b->opened++;

    } else if (state == SECTOR_BREAKER_CLOSED) {
        b->open_for_ms = 0;
    }

    b->generation++;
    b->first_id = b->next_id + 1;
    b->since_ms = now_ms;
    b->state = state;
}


/* Opens for as long as the upstream asked, or else for the time due. */

static void
sector_breaker_open(sector_breaker_t *b, const sector_breaker_policy_t *policy,
    uint64_t now_ms, uint64_t retry_after_ms)
{
    uint64_t  most, length;

    most = sector_breaker_max_open(policy);

    if (retry_after_ms > 0) {
        length = sector_breaker_min(retry_after_ms, most);

    } else {
        length = sector_breaker_add(b->open_for_ms, b->open_for_ms);
        length = sector_breaker_max(length, policy->open_ms);
        length = sector_breaker_min(sector_breaker_max(length, 1), most);

        b->open_for_ms = length;
    }

    b->open_last_ms = length;
    b->open_until_ms = sector_breaker_add(now_ms, length);

    sector_breaker_move(b, SECTOR_BREAKER_OPEN, now_ms);
}


/* How long a bucket of the window is. */

static uint64_t
sector_breaker_width(const sector_breaker_policy_t *policy)
{
    uint64_t  window;

    window = policy->window_ms;

    if (policy->reset_ms > 0) {
        window = sector_breaker_min(window, policy->reset_ms);
    }

    return sector_breaker_max(window / SECTOR_BREAKER_BUCKETS, 1);
}


/* Counts a call into its bucket; returns whether the error rate is reached. */

static int
sector_breaker_rate(sector_breaker_t *b, const sector_breaker_policy_t *policy,
    uint64_t now_ms, int failed)
{
    uint64_t                  epoch, width, calls, failures;
    unsigned                  i;
    sector_breaker_bucket_t  *bucket;

    width = sector_breaker_width(policy);

    if (b->width_ms != width) {
        memset(b->buckets, 0, sizeof(b->buckets));
        b->width_ms = width;
    }

    epoch = now_ms / width;
    bucket = &b->buckets[epoch % SECTOR_BREAKER_BUCKETS];

    if (bucket->epoch != epoch) {
        memset(bucket, 0, sizeof(*bucket));
        bucket->epoch = epoch;
    }

    bucket->calls++;
    bucket->failures += failed ? 1 : 0;

    calls = 0;
    failures = 0;

    for (i = 0; i < SECTOR_BREAKER_BUCKETS; i++) {
        bucket = &b->buckets[i];

        if (sector_breaker_diff(bucket->epoch, epoch)
            < SECTOR_BREAKER_BUCKETS)
        {
            calls += bucket->calls;
            failures += bucket->failures;
        }
    }

    return policy->error_percent > 0
           && calls >= policy->min_calls
           && failures * 100 >= calls * policy->error_percent;
}


/* A call that went through the closed breaker has ended. */

static void
sector_breaker_report_closed(sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms, int failed,
    uint64_t key, uint64_t retry_after_ms)
{
    int  open;

    if (failed && !sector_evidence_bad(&b->evidence, key, now_ms)
        && retry_after_ms == 0)
    {
        return;
    }

    open = sector_breaker_rate(b, policy, now_ms, failed);

    if (!failed) {
        b->failures = 0;
        sector_evidence_good(&b->evidence, key);

    } else {
        if (policy->reset_ms > 0
            && sector_breaker_diff(b->last_failure_ms, now_ms)
               > policy->reset_ms)
        {
            b->failures = 0;
        }

        b->failures++;
        b->last_failure_ms = now_ms;

        if (b->failures >= policy->failures || retry_after_ms > 0) {
            open = 1;
        }
    }

    if (open) {
        sector_breaker_open(b, policy, now_ms, retry_after_ms);
    }
}


/* A probe has ended. */

static void
sector_breaker_report_probe(sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms, int failed,
    uint64_t retry_after_ms)
{
    if (failed) {
        b->last_failure_ms = now_ms;
        sector_breaker_open(b, policy, now_ms, retry_after_ms);
        return;
    }

    b->successes++;
    b->undecided_ms = now_ms;

    if (b->successes >= policy->successes) {
        sector_breaker_move(b, SECTOR_BREAKER_CLOSED, now_ms);
    }
}


/* A probe had an answer that counts neither way. */

static void
sector_breaker_report_undecided(sector_breaker_t *b, uint64_t now_ms)
{
    if (b->undecided++ == 0) {
        b->undecided_ms = now_ms;
    }
}


/* Takes a place for a probe; the caller has seen that there is one. */

static uint64_t
sector_breaker_place(sector_breaker_t *b, const sector_breaker_policy_t *policy,
    uint64_t now_ms)
{
    sector_breaker_probe_t  *probe;

    probe = b->probes;

    while (sector_breaker_held(probe, now_ms)) {
        probe++;
    }

    probe->deadline_ms = sector_breaker_add(now_ms,
                         sector_breaker_max(policy->half_open_timeout_ms, 1));
    probe->id = ++b->next_id;

    return probe->id;
}


/* Gives a probe's place back; returns whether it still had one. */

static int
sector_breaker_release(sector_breaker_t *b, uint64_t id, uint64_t now_ms)
{
    int       held;
    unsigned  i;

    for (i = 0; id != 0 && i < SECTOR_BREAKER_PROBES; i++) {
        if (b->probes[i].id == id) {
            held = sector_breaker_held(&b->probes[i], now_ms);
            b->probes[i].id = 0;

            return held;
        }
    }

    return 0;
}


/* Asks to call the upstream. */

int
sector_breaker_acquire(sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms,
    sector_breaker_permit_t *permit, uint64_t *retry_after_ms)
{
    sector_breaker_state_e  state;

    (void) sector_breaker_lapse(b, policy, now_ms);

    state = sector_breaker_peek(b, policy, now_ms, retry_after_ms);

    if (state != b->state) {
        sector_breaker_move(b, state, now_ms);
    }

    if (*retry_after_ms > 0) {
        return -1;
    }

    permit->generation = b->generation;
    permit->probe = 0;

    if (state == SECTOR_BREAKER_HALF_OPEN) {
        permit->probe = sector_breaker_place(b, policy, now_ms);
    }

    return 0;
}


/* Reports how a call ended. */

void
sector_breaker_report(sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms,
    const sector_breaker_permit_t *permit, sector_breaker_result_e result,
    uint64_t key, uint64_t elapsed_ms, uint64_t retry_after_ms)
{
    int  failed, held;

    held = sector_breaker_release(b, permit->probe, now_ms);

    if (result == SECTOR_BREAKER_IGNORE) {
        return;
    }

    (void) sector_breaker_lapse(b, policy, now_ms);

    if (permit->generation != b->generation
        || b->force != SECTOR_BREAKER_AUTO)
    {
        return;
    }

    if (result == SECTOR_BREAKER_UNDECIDED) {
        if (held) {
            sector_breaker_report_undecided(b, now_ms);
        }

        return;
    }

    failed = 1;

    if (result == SECTOR_BREAKER_SUCCESS) {
        failed = policy->slow_ms > 0 && elapsed_ms > policy->slow_ms;
        retry_after_ms = 0;
    }

    if (b->state == SECTOR_BREAKER_CLOSED) {
        sector_breaker_report_closed(b, policy, now_ms, failed, key,
                                     retry_after_ms);

    } else if (held) {
        sector_breaker_report_probe(b, policy, now_ms, failed, retry_after_ms);
    }
}


/* The one move that the clock alone makes. */

int
sector_breaker_lapse(sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms)
{
    if (!sector_breaker_lapsed(b, policy, now_ms)) {
        return 0;
    }

    b->open_until_ms = sector_breaker_again(b, policy);
    b->open_last_ms = sector_breaker_as_last(b, policy);

    sector_breaker_move(b, SECTOR_BREAKER_OPEN, sector_breaker_due(b, policy));

    return 1;
}


/* The state as a caller would meet it now. */

sector_breaker_state_e
sector_breaker_peek(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms,
    uint64_t *retry_after_ms)
{
    uint64_t                left;
    sector_breaker_state_e  state;

    left = 0;
    state = b->state;

    if (b->force == SECTOR_BREAKER_FORCED_OPEN) {
        left = sector_breaker_max(policy->open_ms, 1);
        state = SECTOR_BREAKER_OPEN;

    } else if (b->force == SECTOR_BREAKER_FORCED_CLOSED) {
        state = SECTOR_BREAKER_CLOSED;

    } else if (state == SECTOR_BREAKER_OPEN) {
        left = sector_breaker_open_left(b, policy, now_ms);

        if (left == 0) {
            state = SECTOR_BREAKER_HALF_OPEN;
        }

    } else if (sector_breaker_lapsed(b, policy, now_ms)
               && sector_breaker_again(b, policy) > now_ms)
    {
        left = sector_breaker_again(b, policy) - now_ms;
        state = SECTOR_BREAKER_OPEN;
    }

    if (state == SECTOR_BREAKER_HALF_OPEN) {
        left = sector_breaker_probe_left(b, policy, now_ms);
    }

    if (retry_after_ms != NULL) {
        *retry_after_ms = left;
    }

    return state;
}


/* How many more probes would be of use now.  What those of an earlier state
 * report is not counted, so they are not either. */

uint32_t
sector_breaker_wanted(const sector_breaker_t *b,
    const sector_breaker_policy_t *policy, uint64_t now_ms)
{
    uint64_t  left, need, have;
    unsigned  i;

    if (sector_breaker_peek(b, policy, now_ms, &left)
        != SECTOR_BREAKER_HALF_OPEN
        || left != 0)
    {
        return 0;
    }

    have = 0;
    need = sector_breaker_max(policy->successes, 1);

    if (sector_breaker_begun(b, policy, now_ms)) {
        have = b->successes;

        for (i = 0; i < SECTOR_BREAKER_PROBES; i++) {
            have += (b->probes[i].id >= b->first_id
                     && sector_breaker_held(&b->probes[i], now_ms));
        }
    }

    return (uint32_t) sector_breaker_diff(have, need);
}


/* A key was had, and is well until then. */

void
sector_breaker_well(sector_breaker_t *b, uint64_t key, uint64_t until_ms)
{
    sector_evidence_well(&b->evidence, key, until_ms);
}


/* Forces a state, or frees it. */

void
sector_breaker_force(sector_breaker_t *b, sector_breaker_force_e force,
    uint64_t now_ms)
{
    if (b->force == force) {
        return;
    }

    b->force = force;

    sector_breaker_move(b, (force == SECTOR_BREAKER_FORCED_OPEN)
                           ? SECTOR_BREAKER_OPEN : SECTOR_BREAKER_CLOSED,
                        now_ms);
}


/* The state's name, for people. */

const char *
sector_breaker_name(sector_breaker_state_e state)
{
    switch (state) {

    case SECTOR_BREAKER_OPEN:
        return "open";

    case SECTOR_BREAKER_HALF_OPEN:
        return "half_open";

    default:
        return "closed";
    }
}
