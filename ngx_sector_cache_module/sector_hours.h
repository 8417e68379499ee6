/*
 * sector_hours: when is a market open?
 *
 * Layer 0: libc alone.  A schedule is a sorted list of sessions, instants in
 * milliseconds since the epoch, made once for some years ahead; what a local
 * time is in UTC, the caller says, who knows time zones.  Before and past the
 * schedule the market counts as open, so that what is not known costs quota
 * and not freshness.
 */

#ifndef SECTOR_HOURS_H
#define SECTOR_HOURS_H


#include <stddef.h>
#include <stdint.h>


typedef struct {
    int64_t     open_ms;            /* first instant open */
    int64_t     close_ms;           /* first instant closed again */
} sector_hours_session_t;


typedef struct {
    sector_hours_session_t *sessions;   /* sorted, apart from each other */
    size_t                  n;
    int64_t                 begin_ms;   /* of what is known */
    int64_t                 end_ms;
} sector_hours_t;


/* What is said in a configuration; minutes of a local day. */

typedef struct {
    unsigned    days;               /* bits: 1 << 0 is Sunday */
    int         open;               /* 0 .. 1439 */
    int         close;              /* 1 .. 1440; not above open: of the next
                                       day */
} sector_hours_spec_t;


/* Read DAYS (Mon-Fri, or Mon,Wed; ranges may be mixed in and go round the
 * weekend), HH:MM-HH:MM (24:00 is a day's end) and YYYY-MM-DD, as a day
 * counted from 1970-01-01.  Return 0, or -1 for what is none. */

int sector_hours_days(const char *text, size_t len, sector_hours_spec_t *spec);
int sector_hours_times(const char *text, size_t len,
    sector_hours_spec_t *spec);
int sector_hours_date(const char *text, size_t len, int64_t *day);


/* The date of such a day; month is 1 .. 12. */
void sector_hours_civil(int64_t day, int *year, int *month, int *mday);


/* A local time as milliseconds since the epoch; minute is 0 .. 1440. */

typedef int64_t (*sector_hours_utc_pt)(void *ctx, int64_t day, int minute);


/*
 * Makes the schedule of n days from the first one on.  Sessions that begin on
 * one of the holidays, which are days in any order, are left out; those that
 * touch become one.  sessions has room for n; they stay the caller's.
 */
void sector_hours_make(sector_hours_t *h, const sector_hours_spec_t *spec,
    const int64_t *holidays, size_t n_holidays, int64_t first, size_t n,
    sector_hours_utc_pt utc, void *ctx, sector_hours_session_t *sessions);


/* Whether the schedule has this instant. */
int sector_hours_know(const sector_hours_t *h, int64_t now_ms);


/* How long the market has been open: 0 if it is closed, and INT64_MAX where
 * that is not known. */
int64_t sector_hours_open_for(const sector_hours_t *h, int64_t now_ms);


/* How long until it opens: 0 if it is open. */
int64_t sector_hours_opens_in(const sector_hours_t *h, int64_t now_ms);


/*
 * How long ago the market opened for the first time since since_ms, when it was
 * closed: 0 if it has not, and INT64_MAX where that is not known.  If since_ms
 * is later than now_ms, as it is when a clock was set back, only that it is
 * open now counts.
 */
int64_t sector_hours_opened(const sector_hours_t *h, int64_t since_ms,
    int64_t now_ms);


/* The pause at now_ms: from the close of a session to the open of the next.
 * Empty, both 0, if the market is open. */
void sector_hours_closed(const sector_hours_t *h, int64_t now_ms,
    sector_hours_session_t *pause);


#endif /* SECTOR_HOURS_H */
