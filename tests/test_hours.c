/*
 * sector_hours, sector_feed and sector_alert: markets, their feeds, and the
 * hit rate.  Time zones are POSIX rules, so that no database is needed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sector_alert.h"
#include "sector_feed.h"
#include "sector_hours.h"


#define NEW_YORK  "EST5EDT,M3.2.0,M11.1.0"
#define BERLIN    "CET-1CEST,M3.5.0,M10.5.0/3"

#define DAYS      800
#define HOUR      ((int64_t) 3600 * 1000)
#define MINUTE    ((int64_t) 60 * 1000)
#define WALL      INT64_C(1795377640000)


static sector_hours_session_t  sessions[DAYS];


static int64_t
test_utc(void *ctx, int64_t day, int minute)
{
    int        year, month, mday;
    struct tm  tm;

    sector_hours_civil(day, &year, &month, &mday);

    memset(&tm, 0, sizeof(tm));
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = mday;
    tm.tm_hour = minute / 60;
    tm.tm_min = minute % 60;
    tm.tm_isdst = -1;

    return (int64_t) mktime(&tm) * 1000;
}


static int64_t
test_day(const char *date)
{
    int64_t  day;

    assert_int_equal(sector_hours_date(date, strlen(date), &day), 0);

    return day;
}


/* "2026-11-23 14:30", UTC */

static int64_t
test_at(const char *time)
{
    int  hour, minute;

    hour = atoi(time + 11);
    minute = atoi(time + 14);

    char  date[11];

    memcpy(date, time, 10);
    date[10] = '\0';

    return test_day(date) * 24 * HOUR + hour * HOUR + minute * MINUTE;
}


static void
test_make(sector_hours_t *h, const char *zone, const char *days,
    const char *times, const char *holiday)
{
    int64_t              off;
    sector_hours_spec_t  spec;

    assert_int_equal(sector_hours_days(days, strlen(days), &spec), 0);
    assert_int_equal(sector_hours_times(times, strlen(times), &spec), 0);

    off = holiday ? test_day(holiday) : 0;

    setenv("TZ", zone, 1);
    tzset();

    sector_hours_make(h, &spec, &off, holiday != NULL, test_day("2026-01-01"),
                      DAYS, test_utc, NULL, sessions);
}


static void
test_a_market_opens_and_closes(void **state)
{
    sector_hours_t  h;

    (void) state;
    test_make(&h, NEW_YORK, "Mon-Fri", "09:30-16:00", NULL);

    /* a Monday in winter */

    assert_int_equal(sector_hours_open_for(&h, test_at("2026-11-23 14:29")),
                     0);
    assert_int_equal(sector_hours_opens_in(&h, test_at("2026-11-23 14:29")),
                     MINUTE);
    assert_int_equal(sector_hours_open_for(&h, test_at("2026-11-23 14:30")),
                     1);
    assert_int_equal(sector_hours_opens_in(&h, test_at("2026-11-23 14:30")),
                     0);
    assert_int_equal(sector_hours_open_for(&h,
                                           test_at("2026-11-23 21:00") - 1),
                     6 * HOUR + 30 * MINUTE);
    assert_int_equal(sector_hours_open_for(&h, test_at("2026-11-23 21:00")),
                     0);
    assert_int_equal(sector_hours_opens_in(&h, test_at("2026-11-23 21:00")),
                     17 * HOUR + 30 * MINUTE);

    /* from Friday to Monday */

    assert_int_equal(sector_hours_opens_in(&h, test_at("2026-11-20 21:00")),
                     65 * HOUR + 30 * MINUTE);
}


/* An opening ends what was stored before it, once and for all. */
static void
test_opened_since(void **state)
{
    sector_hours_t  h;

    (void) state;
    test_make(&h, NEW_YORK, "Mon-Fri", "09:30-16:00", NULL);

    /* stored on a Friday night */

    assert_int_equal(sector_hours_opened(&h, test_at("2026-11-21 03:00"),
                                         test_at("2026-11-23 14:29")), 0);
    assert_int_equal(sector_hours_opened(&h, test_at("2026-11-21 03:00"),
                                         test_at("2026-11-23 14:30")), 1);
    assert_int_equal(sector_hours_opened(&h, test_at("2026-11-21 03:00"),
                                         test_at("2026-11-23 15:30")),
                     HOUR + 1);
    assert_int_equal(sector_hours_opened(&h, test_at("2026-11-21 03:00"),
                                         test_at("2026-11-24 14:30")),
                     24 * HOUR + 1);

    /* before the schedule, which begins on a Thursday */

    assert_int_equal(sector_hours_opened(&h, 0, test_at("2026-01-01 14:29")),
                     0);
    assert_int_equal(sector_hours_opened(&h, 0, test_at("2026-01-01 15:30")),
                     HOUR + 1);

    /* later than now */

    assert_int_equal(sector_hours_opened(&h, test_at("2026-11-24 03:00"),
                                         test_at("2026-11-23 15:30")),
                     HOUR + 1);
    assert_int_equal(sector_hours_opened(&h, test_at("2026-11-24 03:00"),
                                         test_at("2026-11-22 15:30")), 0);

    /* not known */

    assert_int_equal(sector_hours_opened(&h, test_at("2026-11-21 03:00"),
                                         h.end_ms), INT64_MAX);
    assert_int_equal(sector_hours_opened(&h, 0, h.begin_ms - 1), INT64_MAX);
}


static void
test_pauses(void **state)
{
    sector_hours_t          h;
    sector_hours_session_t  pause;

    (void) state;
    test_make(&h, NEW_YORK, "Mon-Fri", "09:30-16:00", NULL);

    sector_hours_closed(&h, test_at("2026-11-20 21:00"), &pause);
    assert_int_equal(pause.close_ms, test_at("2026-11-20 21:00"));
    assert_int_equal(pause.open_ms, test_at("2026-11-23 14:30"));

    sector_hours_closed(&h, test_at("2026-11-23 14:29"), &pause);
    assert_int_equal(pause.close_ms, test_at("2026-11-20 21:00"));
    assert_int_equal(pause.open_ms, test_at("2026-11-23 14:30"));

    sector_hours_closed(&h, test_at("2026-11-23 14:30"), &pause);
    assert_int_equal(pause.close_ms, 0);
    assert_int_equal(pause.open_ms, 0);

    sector_hours_closed(&h, h.begin_ms, &pause);
    assert_int_equal(pause.close_ms, h.begin_ms);
    assert_true(pause.open_ms > h.begin_ms);

    sector_hours_closed(&h, h.end_ms, &pause);
    assert_int_equal(pause.open_ms, 0);
}


/* As it is where a machine starts in 1970. */
static void
test_before_the_epoch(void **state)
{
    sector_hours_t       h;
    sector_hours_spec_t  spec;

    (void) state;

    assert_int_equal(sector_hours_days("Mon-Fri", 7, &spec), 0);
    assert_int_equal(sector_hours_times("09:30-16:00", 11, &spec), 0);
    assert_int_equal(setenv("TZ", "UTC0", 1), 0);
    tzset();

    sector_hours_make(&h, &spec, NULL, 0, -7, 14, test_utc, NULL, sessions);

    assert_int_equal(h.n, 10);
    assert_true(sector_hours_know(&h, 0));
    assert_false(sector_hours_know(&h, -7 * 24 * HOUR - 1));
    assert_int_equal(sector_hours_open_for(&h, -8 * 24 * HOUR), INT64_MAX);
    assert_int_equal(sector_hours_opens_in(&h, 0), 9 * HOUR + 30 * MINUTE);
    assert_int_equal(sector_hours_open_for(&h, -14 * HOUR),
                     30 * MINUTE + 1);
}


/* New York's clocks go back on 2026-11-01 and forward on 2026-03-08. */
static void
test_summer_time_moves_the_hours(void **state)
{
    sector_hours_t  h;

    (void) state;
    test_make(&h, NEW_YORK, "Mon-Fri", "09:30-16:00", NULL);

    assert_int_equal(sector_hours_open_for(&h, test_at("2026-10-30 13:30")),
                     1);
    assert_int_equal(sector_hours_open_for(&h, test_at("2026-11-02 13:30")),
                     0);
    assert_int_equal(sector_hours_open_for(&h, test_at("2026-11-02 14:30")),
                     1);
    assert_int_equal(sector_hours_opens_in(&h, test_at("2026-10-30 20:00")),
                     66 * HOUR + 30 * MINUTE);
    assert_int_equal(sector_hours_opens_in(&h, test_at("2026-03-06 21:00")),
                     64 * HOUR + 30 * MINUTE);

    /* a session over the night in which Berlin's clocks go forward */

    test_make(&h, BERLIN, "Sat", "22:00-05:00", NULL);

    assert_int_equal(sector_hours_open_for(&h, test_at("2026-03-28 21:00")),
                     1);
    assert_int_equal(sector_hours_open_for(&h, test_at("2026-03-29 03:00")),
                     0);
    assert_int_not_equal(sector_hours_open_for(&h,
                                           test_at("2026-03-29 03:00") - 1),
                         0);
}


static void
test_a_session_may_cross_midnight(void **state)
{
    sector_hours_t  h;

    (void) state;
    test_make(&h, "UTC0", "Sun-Thu", "22:00-05:00", NULL);

    /* 2026-11-22 is a Sunday */

    assert_int_equal(sector_hours_opens_in(&h, test_at("2026-11-22 21:00")),
                     HOUR);
    assert_int_equal(sector_hours_open_for(&h, test_at("2026-11-23 00:00")),
                     2 * HOUR + 1);
    assert_int_equal(sector_hours_open_for(&h, test_at("2026-11-23 05:00")),
                     0);
    assert_int_equal(sector_hours_opens_in(&h, test_at("2026-11-27 05:00")),
                     65 * HOUR);
}


static void
test_a_holiday_is_closed(void **state)
{
    sector_hours_t  h;

    (void) state;
    test_make(&h, NEW_YORK, "Mon-Fri", "09:30-16:00", "2026-11-26");

    assert_int_equal(sector_hours_open_for(&h, test_at("2026-11-26 15:00")),
                     0);
    assert_int_equal(sector_hours_opens_in(&h, test_at("2026-11-25 21:00")),
                     41 * HOUR + 30 * MINUTE);

    /* of a session over midnight, the one that begins then */

    test_make(&h, "UTC0", "Sun-Thu", "22:00-05:00", "2026-11-23");

    assert_int_not_equal(sector_hours_open_for(&h,
                                               test_at("2026-11-23 04:00")),
                         0);
    assert_int_equal(sector_hours_open_for(&h, test_at("2026-11-23 23:00")),
                     0);
}


/* What never closes is one session. */

static void
test_sessions_that_touch_are_one(void **state)
{
    sector_hours_t  h;

    (void) state;
    test_make(&h, NEW_YORK, "Mon-Sun", "00:00-24:00", NULL);

    assert_int_equal(h.n, 1);
    assert_int_equal(sector_hours_open_for(&h, test_at("2026-01-03 05:00")),
                     2 * 24 * HOUR + 1);

    test_make(&h, NEW_YORK, "Mon-Sun", "17:00-16:00", NULL);
    assert_int_equal(h.n, DAYS);
}


static void
test_outside_the_schedule_it_is_open(void **state)
{
    int64_t         last;
    sector_hours_t  h;

    (void) state;
    test_make(&h, "UTC0", "Mon", "10:00-11:00", NULL);

    last = h.sessions[h.n - 1].close_ms;

    assert_int_equal(h.end_ms, (test_day("2026-01-01") + DAYS) * 24 * HOUR);
    assert_int_equal(sector_hours_opens_in(&h, last), h.end_ms - last);
    assert_true(sector_hours_open_for(&h, h.end_ms) == INT64_MAX);
    assert_int_equal(sector_hours_opens_in(&h, h.end_ms), 0);
    assert_int_equal(sector_hours_opens_in(&h, h.begin_ms - 1), 0);
}


static void
test_days_are_read(void **state)
{
    size_t               i;
    sector_hours_spec_t  spec;

    static const struct {
        const char  *text;
        unsigned     days;
    } good[] = {
        { "Mon-Fri", 0x3e }, { "Mon,Wed", 0x0a }, { "sun", 0x01 },
        { "Sat-Mon", 0x43 }, { "Mon-Tue,Thu-Fri", 0x36 }, { "Sun-Sat", 0x7f }
    };

    static const char  *bad[] = { "", "Mo", "Mon-", "Mon,", "Mon-Fry",
                                  ",Mon", "Mon Tue", "Monday", "Mon--Fri",
                                  "1-5" };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(sector_hours_days(good[i].text,
                                           strlen(good[i].text), &spec), 0);
        assert_int_equal(spec.days, good[i].days);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(sector_hours_days(bad[i], strlen(bad[i]), &spec),
                         -1);
    }
}


static void
test_times_are_read(void **state)
{
    size_t               i;
    sector_hours_spec_t  spec;

    static const char  *bad[] = { "", "9:30-16:00", "09:30-16:0", "24:00-01:00",
                                  "09:60-16:00", "09:30-24:01", "09:30-25:00",
                                  "09:30-09:30", "09.30-16.00", "09:30 16:00",
                                  "09:30-16:00 ", "ab:cd-ef:gh" };

    (void) state;

    assert_int_equal(sector_hours_times("09:30-16:00", 11, &spec), 0);
    assert_int_equal(spec.open, 570);
    assert_int_equal(spec.close, 960);

    assert_int_equal(sector_hours_times("00:00-24:00", 11, &spec), 0);
    assert_int_equal(spec.close, 1440);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(sector_hours_times(bad[i], strlen(bad[i]), &spec),
                         -1);
    }
}


/* Each day of four centuries is read back as it was written. */

static void
test_dates_are_read(void **state)
{
    int      year, month, mday;
    char     text[32];
    size_t   i;
    int64_t  day, read;

    static const char  *bad[] = { "", "2026-13-01", "2026-00-01", "2026-04-31",
                                  "2026-02-29", "2100-02-29", "2026-1-01",
                                  "1969-12-31", "2026/01/01", "2026-01-00",
                                  "2026-01-011" };

    (void) state;

    assert_int_equal(test_day("1970-01-01"), 0);
    assert_int_equal(test_day("2028-02-29"), 21243);

    for (day = 0; day < 146097; day++) {
        sector_hours_civil(day, &year, &month, &mday);
        snprintf(text, sizeof(text), "%04d-%02d-%02d", year, month, mday);

        assert_int_equal(sector_hours_date(text, strlen(text), &read), 0);
        assert_int_equal(read, day);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(sector_hours_date(bad[i], strlen(bad[i]), &day), -1);
    }
}


static void
test_a_feed_freezes(void **state)
{
    size_t         i;
    sector_feed_t  f;

    (void) state;
    memset(&f, 0, sizeof(f));

    assert_false(sector_feed_frozen(&f, 1000, 5000, 100000));

    /* late by a day, but it advances */

    for (i = 0; i < 100; i++) {
        sector_feed_note(&f, 1000 + (int64_t) i, WALL, i * 2000);
        assert_false(sector_feed_frozen(&f, 1000, 5000, i * 2000 + 1999));
    }

    /* nothing new, but nobody has asked either */

    assert_false(sector_feed_frozen(&f, 1000, 5000, 200000));

    /* an older one of another symbol is nothing new; without a time, nothing */

    sector_feed_note(&f, 1099, WALL, 199000);
    sector_feed_note(&f, 5, WALL, 199100);
    sector_feed_note(&f, INT64_MIN, WALL, 199200);
    sector_feed_note(&f, 0, WALL, 199200);
    assert_false(sector_feed_frozen(&f, 1000, 5000, 200000));

    sector_feed_note(&f, 1099, WALL, 199300);
    assert_true(sector_feed_frozen(&f, 1000, 5000, 200000));

    assert_false(sector_feed_frozen(&f, 0, 5000, 200000));
    assert_false(sector_feed_frozen(&f, 1000, 0, 200000));
    assert_false(sector_feed_frozen(&f, 1000, 999, 200000));
    assert_false(sector_feed_frozen(&f, 3000, 5000, 200000));
    assert_true(sector_feed_frozen(&f, 2000, 5000, 200000));

    sector_feed_note(&f, 1100, WALL, 200001);
    assert_false(sector_feed_frozen(&f, 1000, 5000, 300000));
}


/* 9 hours ahead, as an exchange's local time is that was taken for UTC. */

static void
test_a_quote_of_the_future_is_not_believed(void **state)
{
    unsigned       i;
    sector_feed_t  f;

    (void) state;
    memset(&f, 0, sizeof(f));

    sector_feed_note(&f, WALL - 1000, WALL, 1000);
    sector_feed_note(&f, WALL + 9 * HOUR, WALL, 1000);
    assert_true(f.newest_ms == WALL - 1000);
    assert_int_equal(f.fetches, 0);

    /* clocks differ a little */

    sector_feed_note(&f, WALL + SECTOR_FEED_AHEAD_MS + 1, WALL, 1000);
    assert_true(f.newest_ms == WALL - 1000);
    sector_feed_note(&f, WALL + SECTOR_FEED_AHEAD_MS, WALL, 1000);
    assert_true(f.newest_ms == WALL + SECTOR_FEED_AHEAD_MS);

    /* those that follow are the newest again, so nothing has frozen */

    memset(&f, 0, sizeof(f));

    for (i = 1; i < 100; i++) {
        sector_feed_note(&f, WALL + i * 1000, WALL + i * 1000, i * 1000);
        sector_feed_note(&f, WALL + 9 * HOUR, WALL + i * 1000, i * 1000);
        assert_true(f.newest_ms == WALL + i * 1000);
        assert_false(sector_feed_frozen(&f, 1000, 5000, i * 1000 + 999));
    }

    /* and a feed that has is seen all the same */

    for (i = 0; i < SECTOR_FEED_FETCHES; i++) {
        sector_feed_note(&f, WALL + 99000, WALL + 100000, 100000);
        sector_feed_note(&f, WALL + 9 * HOUR, WALL + 100000, 100000);
    }

    assert_true(sector_feed_frozen(&f, 1000, 5000, 100000));

    /* whatever the numbers */

    sector_feed_note(&f, INT64_MAX, INT64_MIN, 100000);
    sector_feed_note(&f, INT64_MAX, 0, 100000);
    sector_feed_note(&f, INT64_MIN, INT64_MAX, 100000);
}


static void
test_a_newest_quote_in_the_future_is_forgotten(void **state)
{
    sector_feed_t  f;

    (void) state;

    /* the clock was 9 hours ahead itself, and has been set */

    memset(&f, 0, sizeof(f));
    sector_feed_note(&f, WALL + 9 * HOUR, WALL + 9 * HOUR, 1000);
    assert_true(f.newest_ms == WALL + 9 * HOUR);

    sector_feed_note(&f, WALL - 1, WALL, 2000);
    assert_true(f.newest_ms == WALL - 1);
    assert_int_equal(f.advanced_ms, 2000);
    assert_int_equal(f.fetches, 0);

    /* also by an answer that has no time to put in its place */

    sector_feed_note(&f, INT64_MIN, WALL - 9 * HOUR, 3000);
    assert_true(f.newest_ms == 0);
    assert_false(sector_feed_frozen(&f, 1000, 5000, 100000));
}


static void
test_an_alert_begins_and_ends_once(void **state)
{
    sector_alert_t         a;
    sector_alert_policy_t  policy = { 3000, 100, 70 };

    (void) state;
    memset(&a, 0, sizeof(a));

    assert_int_equal(sector_alert_add(&a, &policy, 1000, 0, 0), 0);
    assert_int_equal(sector_alert_add(&a, &policy, 1100, 0, 99), 0);
    assert_int_equal(sector_alert_add(&a, &policy, 1200, 69, 100), 1);
    assert_int_equal(a.percent, 40);
    assert_int_equal(a.asked, 169);
    assert_int_equal(sector_alert_add(&a, &policy, 1300, 69, 100), 0);
    assert_int_equal(sector_alert_add(&a, &policy, 1400, 240, 100), -1);

    /* exactly the rate is enough; old requests leave the window */

    memset(&a, 0, sizeof(a));
    assert_int_equal(sector_alert_add(&a, &policy, 1000, 0, 0), 0);
    assert_int_equal(sector_alert_add(&a, &policy, 1100, 70, 30), 0);
    assert_int_equal(sector_alert_add(&a, &policy, 1200, 70, 31), 1);
    assert_int_equal(sector_alert_add(&a, &policy, 4150, 70, 31), -1);
    assert_int_equal(a.asked, 0);
    assert_int_equal(sector_alert_add(&a, &policy, 9999, 70, 31), 0);
    assert_int_equal(a.asked, 0);
}


/* A zone that begins anew is no flood of hits; nor does a ring that wraps
 * round forget. */

static void
test_an_alert_survives_what_changes(void **state)
{
    uint64_t               i;
    sector_alert_t         a;
    sector_alert_policy_t  policy = { 3000, 1, 50 };

    (void) state;
    memset(&a, 0, sizeof(a));

    for (i = 0; i < 100; i++) {
        (void) sector_alert_add(&a, &policy, i * 100, i * 9, i);
        assert_int_equal(a.raised, 0);
        assert_int_equal(a.asked, (i < 30 ? i : 30) * 10);
    }

    assert_int_equal(sector_alert_add(&a, &policy, 10000, 0, 0), 0);
    assert_int_equal(a.asked, 0);
    assert_int_equal(sector_alert_add(&a, &policy, 10100, 1, 9), 1);

    a.n = 77;
    a.next = 99;
    assert_int_equal(sector_alert_add(&a, &policy, 10200, 1, 9), -1);
}


static void
test_a_sample_is_due_a_thirtieth_of_the_window(void **state)
{
    sector_alert_t         a;
    sector_alert_policy_t  policy = { 3000, 1, 50 };

    (void) state;
    memset(&a, 0, sizeof(a));

    assert_true(sector_alert_due(&a, &policy, 5));
    assert_false(sector_alert_due(&a, &policy, 5));
    assert_false(sector_alert_due(&a, &policy, 104));
    assert_true(sector_alert_due(&a, &policy, 105));

    a.due_ms = 1000000;
    assert_true(sector_alert_due(&a, &policy, 300));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_market_opens_and_closes),
        cmocka_unit_test(test_opened_since),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_before_the_epoch),
        cmocka_unit_test(test_summer_time_moves_the_hours),
        cmocka_unit_test(test_a_session_may_cross_midnight),
        cmocka_unit_test(test_a_holiday_is_closed),
        cmocka_unit_test(test_sessions_that_touch_are_one),
        cmocka_unit_test(test_outside_the_schedule_it_is_open),
        cmocka_unit_test(test_days_are_read),
        cmocka_unit_test(test_times_are_read),
        cmocka_unit_test(test_dates_are_read),
        cmocka_unit_test(test_a_feed_freezes),
        cmocka_unit_test(test_a_quote_of_the_future_is_not_believed),
        cmocka_unit_test(test_a_newest_quote_in_the_future_is_forgotten),
        cmocka_unit_test(test_an_alert_begins_and_ends_once),
        cmocka_unit_test(test_an_alert_survives_what_changes),
        cmocka_unit_test(test_a_sample_is_due_a_thirtieth_of_the_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
