#include "sector_feed.h"


void
sector_feed_note(sector_feed_t *f, int64_t quote_ms, uint64_t now_ms)
{
    if (quote_ms <= 0) {
        return;
    }

    if (quote_ms > f->newest_ms) {
        f->newest_ms = quote_ms;
        f->advanced_ms = now_ms;
        f->fetches = 0;
        return;
    }

    f->fetches++;
}


int
sector_feed_frozen(const sector_feed_t *f, uint64_t frozen_ms,
    uint64_t open_ms, uint64_t now_ms)
{
    return frozen_ms != 0
           && f->newest_ms != 0
           && f->fetches >= SECTOR_FEED_FETCHES
           && open_ms >= frozen_ms
           && now_ms >= f->advanced_ms
           && now_ms - f->advanced_ms >= frozen_ms;
}
