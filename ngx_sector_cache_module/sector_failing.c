#include <string.h>

#include "sector_failing.h"


void
sector_failing_good(sector_failing_t *f, uint64_t key, uint64_t until_ms,
    int64_t wall_ms)
{
    sector_evidence_good(&f->evidence, key);
    sector_evidence_well(&f->evidence, key, until_ms);

    f->failures = 0;
    f->since_ms = 0;
    f->since_wall_ms = 0;
    f->success_wall_ms = wall_ms;
}


void
sector_failing_bad(sector_failing_t *f, uint64_t key, const void *name,
    uint32_t name_len, uint64_t now_ms, int64_t wall_ms,
    const sector_flight_outcome_t *error)
{
    if (sector_evidence_bad(&f->evidence, key, now_ms)
        && f->failures++ == 0)
    {
        f->since_ms = now_ms;
        f->since_wall_ms = wall_ms;
    }

    f->key_len = 0;

    if (name_len > 0 && name_len <= SECTOR_FLIGHT_KEY_MAX) {
        memcpy(f->key, name, name_len);
        f->key_len = name_len;
    }

    f->error = *error;
    f->error_wall_ms = wall_ms;
}


/* One failure that is repeated by nobody is no minute's worth. */

int
sector_failing_is(const sector_failing_t *f, uint32_t failures,
    uint64_t now_ms)
{
    if (f->failures == 0) {
        return 0;
    }

    return f->failures >= failures
           || (f->failures > 1 && now_ms >= f->since_ms
               && now_ms - f->since_ms >= SECTOR_FAILING_MS);
}
