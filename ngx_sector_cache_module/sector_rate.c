#include "sector_rate.h"


#define SECTOR_RATE_PAUSE_MAX_MS  30000


void
sector_rate_set(sector_rate_t *rate, uint64_t tokens, uint64_t seconds)
{
    rate->burst = tokens;
    rate->interval_ns = seconds * 1000000000 / tokens;
}


int
sector_rate_take(uint64_t *tat_ns, const sector_rate_t *rate, uint64_t now_ms,
    uint64_t *retry_after_ms)
{
    uint64_t  now, full, latest;

    *retry_after_ms = 0;

    if (rate->interval_ns == 0) {
        return 0;
    }

    now = now_ms * 1000000;
    full = rate->interval_ns * rate->burst;

    /* a bucket that a reload made smaller is empty, not in debt */

    if (*tat_ns > now + full) {
        *tat_ns = now + full;
    }

    latest = now + full - rate->interval_ns;

    if (*tat_ns > latest) {
        *retry_after_ms = (*tat_ns - latest + 999999) / 1000000;
        return -1;
    }

    *tat_ns = (*tat_ns > now ? *tat_ns : now) + rate->interval_ns;

    return 0;
}


uint64_t
sector_rate_pause_ms(uint64_t backoff_ms, unsigned retry, uint64_t random)
{
    uint64_t  most;

    most = backoff_ms;

    while (--retry && most < SECTOR_RATE_PAUSE_MAX_MS) {
        most *= 2;
    }

    if (most > SECTOR_RATE_PAUSE_MAX_MS) {
        most = SECTOR_RATE_PAUSE_MAX_MS;
    }

    return random % (most + 1);
}
