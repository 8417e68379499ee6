#include <string.h>

#include "sector_feed.h"


/* quote_ms is above 0, so nothing overflows. */

static int
sector_feed_ahead(int64_t quote_ms, int64_t wall_ms)
{
    return wall_ms < quote_ms - SECTOR_FEED_AHEAD_MS;
}


/*
 * A clock that is set back, on this side or the other, leaves a time behind
 * that quotes may need hours to pass.  Until then nothing would seem to
 * advance, so such a time is none.
 */

void
sector_feed_note(sector_feed_t *f, int64_t quote_ms, int64_t wall_ms,
    uint64_t now_ms)
{
    if (f->newest_ms > 0 && sector_feed_ahead(f->newest_ms, wall_ms)) {
        memset(f, 0, sizeof(*f));
    }

    if (quote_ms <= 0 || sector_feed_ahead(quote_ms, wall_ms)) {
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
