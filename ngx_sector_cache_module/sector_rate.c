#include "sector_rate.h"


int
sector_rate_take(uint64_t *tat_us, const sector_rate_t *rate, uint64_t now_ms,
    uint64_t *retry_after_ms)
{
    uint64_t  now, full, latest;

    *retry_after_ms = 0;

    if (rate->interval_us == 0) {
        return 0;
    }

    now = now_ms * 1000;
    full = rate->interval_us * rate->burst;

    /* a bucket that a reload made smaller is empty, not in debt */

    if (*tat_us > now + full) {
        *tat_us = now + full;
    }

    latest = now + full - rate->interval_us;

    if (*tat_us > latest) {
        *retry_after_ms = (*tat_us - latest + 999) / 1000;
        return -1;
    }

    *tat_us = (*tat_us > now ? *tat_us : now) + rate->interval_us;

    return 0;
}
