/*
 * sector_model_yahoo_sessions: which bars of a chart are of regular trading.
 *
 * meta.tradingPeriods has one of two forms, a list of periods for each day:
 *
 *     [[{"start": 1637591400, "end": 1637614800, ...}], ...]
 *     {"pre": ..., "regular": [[{"start": ...}], ...], "post": ...}
 *
 * Decisions:
 *
 * - The first form is that of a chart without the bars before and after hours.
 *   There the bar that begins where the period ends is the closing one.  In the
 *   second, such a bar is the first after hours.
 * - It is an aid, and never a reason to refuse a body: a period of another form
 *   holds no bar, which leaves out what would have come of it.
 * - The last ones are enough, as no bar older than a week counts.  So a body of
 *   thousands of bars and of periods costs no more than that of either.
 */

#include <string.h>

#include "sector_model_yahoo.h"


/*
 * Takes a period, if it is one and there is room.
 */
static void
sector_yahoo_session(sector_yahoo_sessions_t *sessions, const json_t *period)
{
    const json_t  *start, *end;

    start = json_object_get(period, "start");
    end = json_object_get(period, "end");

    if (json_is_integer(start) && json_is_integer(end)
        && sessions->n < SECTOR_YAHOO_SESSIONS)
    {
        sessions->start[sessions->n] = json_integer_value(start);
        sessions->end[sessions->n] = json_integer_value(end);
        sessions->n++;
    }
}


void
sector_yahoo_sessions(const json_t *meta, sector_yahoo_sessions_t *sessions)
{
    size_t         i, k;
    const json_t  *days, *day;

    memset(sessions, 0, sizeof(*sessions));

    days = json_object_get(meta, "tradingPeriods");

    if (json_is_object(days)) {
        sessions->others = 1;
        days = json_object_get(days, "regular");
    }

    for (i = json_array_size(days); i > 0; i--) {
        day = json_array_get(days, i - 1);

        for (k = json_array_size(day);
             k > 0 && sessions->n < SECTOR_YAHOO_SESSIONS;
             k--)
        {
            sector_yahoo_session(sessions, json_array_get(day, k - 1));
        }
    }
}


int
sector_yahoo_regular(const sector_yahoo_sessions_t *sessions, int64_t seconds)
{
    size_t  i;

    for (i = 0; i < sessions->n; i++) {
        if (seconds >= sessions->start[i]
            && (seconds < sessions->end[i]
                || (seconds == sessions->end[i] && !sessions->others)))
        {
            return 1;
        }
    }

    return 0;
}
