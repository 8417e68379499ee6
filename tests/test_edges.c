/*
 * sector_alert, sector_feed and sector_hours where their input is odd: rings
 * that another version left, counters and clocks that go back, and what is
 * nearly a time or a date.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sector_alert.h"
#include "sector_feed.h"
#include "sector_hours.h"


static const sector_alert_policy_t  policy = { 3000, 1, 50 };


/* An alert that has seen ten hits and ten misses. */

static void
begin(sector_alert_t *a)
{
    memset(a, 0, sizeof(*a));

    (void) sector_alert_add(a, &policy, 1000, 0, 0);
    (void) sector_alert_add(a, &policy, 1100, 10, 10);
    assert_int_equal(a->asked, 20);
}


static void
test_an_alert_begins_anew_where_anything_went_back(void **state)
{
    sector_alert_t  a;

    (void) state;

    begin(&a);
    (void) sector_alert_add(&a, &policy, 1200, 9, 11);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.asked, 0);

    begin(&a);
    (void) sector_alert_add(&a, &policy, 1200, 11, 9);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.asked, 0);

    begin(&a);
    (void) sector_alert_add(&a, &policy, 1099, 11, 11);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.asked, 0);

    begin(&a);
    (void) sector_alert_add(&a, &policy, 1100, 11, 11);
    assert_int_equal(a.n, 3);
    assert_int_equal(a.asked, 22);
}


static void
test_a_ring_that_cannot_be_is_begun_anew(void **state)
{
    sector_alert_t  a;

    (void) state;

    begin(&a);
    a.n = SECTOR_ALERT_SAMPLES + 1;
    (void) sector_alert_add(&a, &policy, 1200, 30, 30);
    assert_int_equal(a.n, 1);

    begin(&a);
    a.next = SECTOR_ALERT_SAMPLES;
    (void) sector_alert_add(&a, &policy, 1200, 30, 30);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.next, 1);
}


/* Another process's clock may be a little ahead. */

static void
test_a_feed_that_advances_later_than_now_is_not_frozen(void **state)
{
    int            i;
    sector_feed_t  f;

    (void) state;
    memset(&f, 0, sizeof(f));

    for (i = 0; i < 10; i++) {
        sector_feed_note(&f, 1, 1, 5000);
    }

    assert_false(sector_feed_frozen(&f, 1000, 1000, 4999));
    assert_false(sector_feed_frozen(&f, 1000, 1000, 5999));
    assert_true(sector_feed_frozen(&f, 1000, 1000, 6000));
}


static void
test_what_is_nearly_a_time_or_a_date_is_none(void **state)
{
    size_t                      i;
    int64_t                     day;
    sector_hours_spec_t         spec;
    static const char *const    times[] = {
        "09:30-16-00", "09-30-16:00", "09:30:16:00", "0x:30-16:00",
        "09:/0-16:00", "09:30-1:x00", "09:30-16::0", "09:30- 6:00",
        "09:30-16:0 ", "24:00-16:00", "09:60-16:00", "09:30-16:60",
        "09:30-25:00", "09:30-24:01", "09:30-09:30"
    };
    static const char *const    dates[] = {
        "2026/12-25", "2026-12/25", "1969-12-31", "2026-00-10", "2026-13-10",
        "2026-12-00", "2026-12-32", "2026-04-31", "2026-02-29", "2026-1a-10",
        "202:-12-10", "2026-12-1/"
    };

    (void) state;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_int_equal(sector_hours_times(times[i], strlen(times[i]),
                                            &spec), -1);
    }

    for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        assert_int_equal(sector_hours_date(dates[i], strlen(dates[i]), &day),
                         -1);
    }

    assert_int_equal(sector_hours_times("00:00-24:00", 11, &spec), 0);
    assert_int_equal(sector_hours_date("2024-02-29", 10, &day), 0);
    assert_int_equal(day, 19782);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_an_alert_begins_anew_where_anything_went_back),
        cmocka_unit_test(test_a_ring_that_cannot_be_is_begun_anew),
        cmocka_unit_test(
            test_a_feed_that_advances_later_than_now_is_not_frozen),
        cmocka_unit_test(test_what_is_nearly_a_time_or_a_date_is_none)
    };

    return cmocka_run_group_tests_name("edges", tests, NULL, NULL);
}
