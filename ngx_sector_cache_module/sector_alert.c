#include "sector_alert.h"


static const sector_alert_sample_t *sector_alert_oldest(
    const sector_alert_t *a, const sector_alert_policy_t *policy,
    uint64_t now_ms);


int
sector_alert_due(sector_alert_t *a, const sector_alert_policy_t *policy,
    uint64_t now_ms)
{
    uint64_t  step;

    step = policy->window_ms / SECTOR_ALERT_STEPS;

    /* one that is far ahead was set by a longer window, or torn */

    if (now_ms < a->due_ms && a->due_ms - now_ms <= step) {
        return 0;
    }

    a->due_ms = now_ms + step;

    return 1;
}


int
sector_alert_add(sector_alert_t *a, const sector_alert_policy_t *policy,
    uint64_t now_ms, uint64_t hits, uint64_t misses)
{
    int                           below;
    uint64_t                      hit;
    sector_alert_sample_t        *newest;
    const sector_alert_sample_t  *oldest;

    if (a->n > SECTOR_ALERT_SAMPLES || a->next >= SECTOR_ALERT_SAMPLES) {
        a->n = 0;
        a->next = 0;
    }

    if (a->n) {
        newest = &a->samples[(a->next + SECTOR_ALERT_SAMPLES - 1)
                             % SECTOR_ALERT_SAMPLES];

        if (hits < newest->hits || misses < newest->misses
            || now_ms < newest->ms)
        {
            a->n = 0;
        }
    }

    newest = &a->samples[a->next];
    newest->ms = now_ms;
    newest->hits = hits;
    newest->misses = misses;

    a->next = (a->next + 1) % SECTOR_ALERT_SAMPLES;
    a->n += a->n < SECTOR_ALERT_SAMPLES;

    oldest = sector_alert_oldest(a, policy, now_ms);

    hit = hits - oldest->hits;
    a->asked = hit + (misses - oldest->misses);
    a->percent = a->asked ? (uint32_t) (hit * 100 / a->asked) : 0;

    below = a->asked != 0 && a->asked >= policy->min_requests
            && hit * 100 < a->asked * policy->hit_percent;

    if (below == (a->raised != 0)) {
        return 0;
    }

    a->raised = (uint32_t) below;

    return below ? 1 : -1;
}


/* The oldest sample within the window; there is one, the newest. */
static const sector_alert_sample_t *
sector_alert_oldest(const sector_alert_t *a,
    const sector_alert_policy_t *policy, uint64_t now_ms)
{
    uint32_t                      i;
    const sector_alert_sample_t  *sample;

    for (i = a->n; i > 1; i--) {
        sample = &a->samples[(a->next + SECTOR_ALERT_SAMPLES - i)
                             % SECTOR_ALERT_SAMPLES];

        if (now_ms - sample->ms <= policy->window_ms) {
            return sample;
        }
    }

    return &a->samples[(a->next + SECTOR_ALERT_SAMPLES - 1)
                       % SECTOR_ALERT_SAMPLES];
}
