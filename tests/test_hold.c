/*
 * Keys that failed wait: how long, what ends it, what makes room for what, and
 * when a line is logged.
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

#include "sector_hold.h"
#include "test_random.h"


#define T0    1000000
#define WALL  1795000000000

#define RANDOM_NONE  0              /* no jitter */
#define RANDOM_MOST  (UINT64_MAX)   /* whatever there is room for */


static sector_hold_table_t      table;
static sector_flight_outcome_t  failure;


static int
setup(void **state)
{
    (void) state;

    memset(&table, 0, sizeof(table));
    memset(&failure, 0, sizeof(failure));

    failure.result = 3;
    failure.status = 500;
    strcpy(failure.reason, "Source up answered with status 500");

    return 0;
}


static sector_hold_key_t
name_of(uint64_t source, uint64_t zone, const char *text)
{
    sector_hold_key_t  key;

    key.source = source;
    key.zone = zone;
    key.key = text;
    key.key_len = strlen(text);

    return key;
}


static sector_hold_slot_t *
take(const char *text)
{
    sector_hold_key_t  key;

    key = name_of(7, 9, text);

    return sector_hold_take(&table, &key);
}


static sector_hold_slot_t *
find(const char *text)
{
    sector_hold_key_t  key;

    key = name_of(7, 9, text);

    return sector_hold_find(&table, &key);
}


/* A failure at `now`; returns how long the key waits. */

static uint64_t
fail_at(sector_hold_slot_t *slot, uint64_t hold, uint64_t most, uint64_t least,
    uint64_t random, uint64_t now)
{
    sector_hold_failed(&table, slot, hold, most, least, random, now,
                       WALL + (int64_t) now, &failure);

    return sector_hold_left(slot, now, 0, 1);
}


static void
test_nothing_is_known_of_a_key_at_first(void **state)
{
    sector_hold_slot_t  *slot;

    (void) state;

    assert_null(find("XLK"));
    slot = take("XLK");
    assert_ptr_equal(find("XLK"), slot);
    assert_ptr_equal(take("XLK"), slot);
    assert_int_equal(slot->failures, 0);
    assert_int_equal(sector_hold_left(slot, 0, 0, 1), 0);
    assert_int_equal(sector_hold_is_alone(slot, 0), 0);
}


static void
test_keys_differ_by_source_zone_and_text(void **state)
{
    unsigned             i, n;
    char                 longest[SECTOR_FLIGHT_KEY_MAX + 1];
    sector_hold_key_t    keys[7];
    sector_hold_slot_t  *slots[7];

    (void) state;

    memset(longest, 'X', SECTOR_FLIGHT_KEY_MAX);
    longest[SECTOR_FLIGHT_KEY_MAX] = '\0';

    keys[0] = name_of(7, 9, "XLK");
    keys[1] = name_of(8, 9, "XLK");
    keys[2] = name_of(7, 8, "XLK");
    keys[3] = name_of(7, 9, "XLKX");
    keys[4] = name_of(7, 9, "XL");
    keys[5] = name_of(7, 9, "xlk");
    keys[6] = name_of(7, 9, longest);

    for (i = 0; i < 7; i++) {
        assert_null(sector_hold_find(&table, &keys[i]));
        slots[i] = sector_hold_take(&table, &keys[i]);
    }

    for (i = 0; i < 7; i++) {
        assert_ptr_equal(sector_hold_find(&table, &keys[i]), slots[i]);

        for (n = 0; n < i; n++) {
            assert_ptr_not_equal(slots[i], slots[n]);
        }
    }

    /* no key at all is none of the free slots */
    keys[0] = name_of(0, 0, "");
    assert_null(sector_hold_find(&table, &keys[0]));
}


/* Another zone mostly is another set; here it is not. */

static void
test_keys_of_one_set_differ_by_zone(void **state)
{
    long                 set;
    uint64_t             zone;
    sector_hold_key_t    key;
    sector_hold_slot_t  *slot;

    (void) state;

    set = (take("XLK") - table.slots) / SECTOR_HOLD_WAYS;

    for (zone = 10; zone < 100000; zone++) {
        key = name_of(7, zone, "XLK");
        slot = sector_hold_take(&table, &key);

        if ((slot - table.slots) / SECTOR_HOLD_WAYS == set) {
            assert_ptr_not_equal(slot, take("XLK"));
            return;
        }
    }

    fail_msg("no zone of the same set");
}


static void
test_the_wait_doubles_up_to_its_most(void **state)
{
    unsigned             i;
    sector_hold_slot_t  *slot;
    static uint64_t      waits[] = { 1000, 2000, 4000, 8000, 16000, 24000,
                                     24000 };
    static uint64_t      longest[] = { 1250, 2500, 5000, 10000, 20000, 30000,
                                       30000 };

    (void) state;

    slot = take("XLK");

    for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        assert_int_equal(fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0),
                         waits[i]);
    }

    slot = take("XLF");

    for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        assert_int_equal(fail_at(slot, 1000, 30000, 0, waits[i] / 4, T0),
                         longest[i]);
    }

    assert_int_equal(slot->failures, 7);
    assert_int_equal(slot->wall_ms, WALL + T0);
    assert_int_equal(slot->since_wall_ms, WALL + T0);
}


static void
test_limits_of_the_wait(void **state)
{
    sector_hold_slot_t  *slot;

    (void) state;

    /* the smallest */
    slot = take("A");
    assert_int_equal(fail_at(slot, 1, 1, 0, RANDOM_MOST, T0), 1);
    assert_int_equal(fail_at(slot, 1, 1, 0, RANDOM_MOST, T0), 1);

    /* a most below the first is no most */
    slot = take("B");
    assert_int_equal(fail_at(slot, 1000, 10, 0, RANDOM_NONE, T0), 1000);
    assert_true(fail_at(slot, 1000, 10, 0, RANDOM_MOST, T0) == 1000);

    /* a least that is longer, and one that is not */
    slot = take("C");
    assert_int_equal(fail_at(slot, 1000, 30000, 60000, RANDOM_NONE, T0),
                     60000);
    assert_int_equal(fail_at(slot, 1000, 30000, 10, RANDOM_NONE, T0), 2000);

    /* sums stay within time */
    slot = take("D");
    assert_int_equal(fail_at(slot, UINT64_MAX, UINT64_MAX, 0, RANDOM_MOST, T0),
                     UINT64_MAX - T0);
    assert_true(fail_at(slot, UINT64_MAX, UINT64_MAX, 0, RANDOM_MOST,
                        UINT64_MAX - 1)
                == 1);

    /* a reload to a shorter one */
    slot = take("E");
    fail_at(slot, 60000, 600000, 0, RANDOM_NONE, T0);
    assert_int_equal(fail_at(slot, 100, 1000, 0, RANDOM_NONE, T0), 800);
}


/* A fetch without the cache, or one without `hold`, fails. */

static void
test_no_hold_leaves_the_wait_as_it_is(void **state)
{
    sector_hold_slot_t  *slot;

    (void) state;

    slot = take("A");
    assert_int_equal(fail_at(slot, 0, 30000, 5000, RANDOM_MOST, T0), 0);
    assert_int_equal(slot->failures, 1);
    assert_int_equal(fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0), 1000);

    failure.status = 502;
    assert_int_equal(fail_at(slot, 0, 30000, 0, RANDOM_MOST, T0 + 10), 990);
    assert_int_equal(slot->outcome.status, 502);
    assert_int_equal(slot->failures, 3);
    assert_int_equal(fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0), 2000);
}


static void
test_the_wait_ends_to_the_millisecond(void **state)
{
    sector_hold_slot_t  *slot;

    (void) state;

    slot = take("A");
    fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0);
    assert_int_equal(sector_hold_left(slot, T0 + 999, 0, 1), 1);
    assert_int_equal(sector_hold_left(slot, T0 + 1000, 0, 1), 0);
    assert_int_equal(sector_hold_left(slot, T0 + 5000, 0, 1), 0);
}


static void
test_recovery_of_the_source_ends_its_own_failures(void **state)
{
    sector_hold_slot_t  *slot;

    (void) state;

    slot = take("A");
    fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0);

    /* the key's own: never */
    assert_int_equal(sector_hold_left(slot, T0, 5, 1), 1000);

    /* the source's, of generation 4 */
    slot->generation = 4 + 1;
    assert_int_equal(sector_hold_left(slot, T0, 4, 1), 1000);
    assert_int_equal(sector_hold_left(slot, T0, 5, 0), 1000);
    assert_int_equal(sector_hold_left(slot, T0, 6, 1), 0);

    /* of the first generation, which is 0 */
    slot->generation = 0 + 1;
    assert_int_equal(sector_hold_left(slot, T0, 0, 1), 1000);
    assert_int_equal(sector_hold_left(slot, T0, 2, 1), 0);
}


static void
test_a_success_ends_all_but_that_it_goes_alone(void **state)
{
    sector_hold_key_t    other;
    sector_hold_slot_t  *slot;

    (void) state;

    slot = take("A");
    fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0);
    fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0);
    slot->generation = 9;
    sector_hold_log(slot, T0);
    sector_hold_missing(slot, 3, 0, T0);
    sector_hold_alone(slot, T0);

    sector_hold_ended(slot);

    assert_int_equal(sector_hold_left(slot, T0, 0, 1), 0);
    assert_int_equal(slot->failures, 0);
    assert_int_equal(slot->generation, 0);
    assert_int_equal(slot->missing, 0);
    assert_int_equal(slot->logged_ms, 0);
    assert_int_equal(sector_hold_is_alone(slot, T0), 1);

    /* that there is no such key is an end as well, and known until the next */
    fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0);
    sector_hold_absent(&table, slot);
    assert_int_equal(sector_hold_left(slot, T0, 0, 1), 0);
    assert_int_equal(slot->failures, 0);
    assert_int_equal(slot->absent, 1);
    sector_hold_ended(slot);
    assert_int_equal(slot->absent, 0);
    sector_hold_absent(&table, slot);

    /* what another source gives is noted, and ends nothing here */
    other = name_of(8, 9, "A");
    sector_hold_had(&table, &other);
    assert_int_equal(slot->had, 1);
    assert_int_equal(slot->absent, 1);
    sector_hold_absent(&table, slot);
    assert_int_equal(slot->had, 0);
    other = name_of(7, 9, "A");
    sector_hold_had(&table, &other);
    assert_int_equal(slot->had, 0);
    other = name_of(8, 9, "A");
    sector_hold_had(&table, &other);

    /* what follows begins anew */
    assert_int_equal(fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0 + 5), 1000);
    assert_int_equal(slot->absent, 0);
    assert_int_equal(slot->had, 0);
    assert_int_equal(slot->since_wall_ms, WALL + T0 + 5);
}


static void
test_refused_is_only_noted(void **state)
{
    uint64_t             noted;
    sector_hold_slot_t  *slot;

    (void) state;

    slot = take("A");
    noted = slot->noted;
    failure.status = 0;
    sector_hold_refused(&table, slot, WALL, &failure);
    assert_int_equal(sector_hold_left(slot, 0, 0, 1), 0);
    assert_int_equal(slot->failures, 0);
    assert_int_equal(slot->wall_ms, WALL);
    assert_int_equal(slot->outcome.result, 3);
    assert_true(slot->noted > noted);
}


static void
test_alone_for_an_hour(void **state)
{
    sector_hold_slot_t  *slot;

    (void) state;

    slot = take("A");
    sector_hold_alone(slot, T0);
    assert_int_equal(sector_hold_is_alone(slot, T0 + 3599999), 1);
    assert_int_equal(sector_hold_is_alone(slot, T0 + 3600000), 0);
    sector_hold_alone(slot, UINT64_MAX - 1);
    assert_int_equal(slot->alone_ms, UINT64_MAX);
}


static void
test_missing_is_believed_after_so_many_apart(void **state)
{
    sector_hold_slot_t  *slot;

    (void) state;

    slot = take("A");
    assert_int_equal(sector_hold_missing(slot, 3, 10000, T0), 0);
    assert_int_equal(sector_hold_missing(slot, 3, 10000, T0 + 9999), 0);
    assert_int_equal(slot->missing, 1);
    assert_int_equal(sector_hold_missing(slot, 3, 10000, T0 + 10000), 0);
    assert_int_equal(sector_hold_missing(slot, 3, 10000, T0 + 19999), 0);
    assert_int_equal(sector_hold_missing(slot, 3, 10000, T0 + 20000), 1);
    assert_int_equal(sector_hold_missing(slot, 3, 10000, T0 + 20000), 1);

    /* another outcome ends the row */
    slot->missing = 0;
    assert_int_equal(sector_hold_missing(slot, 2, 10000, T0 + 20001), 0);

    /* at once, and not apart */
    slot = take("B");
    assert_int_equal(sector_hold_missing(slot, 1, 10000, 0), 1);
    slot = take("C");
    assert_int_equal(sector_hold_missing(slot, 2, 0, T0), 0);
    assert_int_equal(sector_hold_missing(slot, 2, 0, T0), 1);

    slot = take("D");
    assert_int_equal(sector_hold_missing(slot, 2, UINT64_MAX, T0), 0);
    assert_int_equal(sector_hold_missing(slot, 2, UINT64_MAX, T0 + 1), 0);
}


static void
test_a_line_for_a_state_that_lasts(void **state)
{
    unsigned             i;
    sector_hold_slot_t  *slot;

    (void) state;

    slot = take("A");
    fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0);
    assert_int_equal(sector_hold_log(slot, T0), 1);

    for (i = 0; i < 9; i++) {
        assert_int_equal(sector_hold_log(slot, T0 + 59999), 0);
    }

    assert_int_equal(sector_hold_log(slot, T0 + 60000), 10);
    assert_int_equal(sector_hold_log(slot, T0 + 60000), 0);

    /* another status, another result */
    slot->outcome.status = 401;
    assert_int_equal(sector_hold_log(slot, T0 + 60001), 2);
    slot->outcome.result = 4;
    assert_int_equal(sector_hold_log(slot, T0 + 60001), 1);
    assert_int_equal(sector_hold_log(slot, T0 + 60001), 0);

    /* after a success the first of a row */
    sector_hold_ended(slot);
    assert_int_equal(sector_hold_log(slot, T0 + 60002), 1);

    /* at the beginning of time, too */
    slot = take("B");
    assert_int_equal(sector_hold_log(slot, 0), 1);
    assert_int_equal(sector_hold_log(slot, 0), 0);
}


static void
test_what_keeps_happening_is_a_line_a_minute(void **state)
{
    sector_hold_repeat_t  r;

    (void) state;

    memset(&r, 0, sizeof(r));
    assert_int_equal(sector_hold_repeat(&r, 7, 0), 1);
    assert_int_equal(sector_hold_repeat(&r, 7, 0), 0);
    assert_int_equal(sector_hold_repeat(&r, 7, 60000), 0);
    assert_int_equal(sector_hold_repeat(&r, 7, 60001), 3);
    assert_int_equal(sector_hold_repeat(&r, 7, 60002), 0);
    assert_int_equal(sector_hold_repeat(&r, 7, UINT64_MAX - 1), 2);
    assert_int_equal(sector_hold_repeat(&r, 7, UINT64_MAX), 1);

    /* in another way, at once */
    memset(&r, 0, sizeof(r));
    assert_int_equal(sector_hold_repeat(&r, 7, 5), 1);
    assert_int_equal(sector_hold_repeat(&r, 7, 6), 0);
    assert_int_equal(sector_hold_repeat(&r, 8, 7), 2);
    assert_int_equal(sector_hold_repeat(&r, 8, 8), 0);
}


/* Keys of one set, as many as asked for: a set is SECTOR_HOLD_WAYS slots. */

static void
of_one_set(char names[][8], unsigned n)
{
    long      set;
    unsigned  i, found;
    char      text[8];

    set = -1;
    found = 0;

    for (i = 0; found < n; i++) {
        assert_true(i < 100000);
        snprintf(text, sizeof(text), "K%u", i);
        memset(&table, 0, sizeof(table));

        if (set == -1) {
            set = (take(text) - table.slots) / SECTOR_HOLD_WAYS;
        }

        if ((take(text) - table.slots) / SECTOR_HOLD_WAYS == set) {
            strcpy(names[found++], text);
        }
    }

    memset(&table, 0, sizeof(table));
}


static void
test_the_one_noted_longest_ago_makes_room(void **state)
{
    char                 names[SECTOR_HOLD_WAYS + 2][8];
    unsigned             i;
    sector_hold_slot_t  *slot;

    (void) state;

    of_one_set(names, SECTOR_HOLD_WAYS + 2);

    for (i = 0; i < SECTOR_HOLD_WAYS; i++) {
        fail_at(take(names[i]), 1000, 30000, 0, RANDOM_NONE, T0);
    }

    for (i = 0; i < SECTOR_HOLD_WAYS; i++) {
        assert_non_null(find(names[i]));
    }

    /* the first is noted again, so the second goes */
    fail_at(take(names[0]), 1000, 30000, 0, RANDOM_NONE, T0);
    slot = take(names[SECTOR_HOLD_WAYS]);
    assert_null(find(names[1]));
    assert_int_equal(slot->failures, 0);
    assert_int_equal(slot->until_ms, 0);
    assert_int_equal(slot->outcome.status, 0);

    sector_hold_refused(&table, find(names[2]), WALL, &failure);
    take(names[SECTOR_HOLD_WAYS + 1]);
    assert_null(find(names[3]));

    for (i = 0; i < SECTOR_HOLD_WAYS + 2; i++) {
        assert_int_equal(find(names[i]) != NULL, i != 1 && i != 3);
    }

    /* a free one comes before all that are taken */
    find(names[5])->key_len = 0;
    take(names[1]);

    for (i = 0; i < SECTOR_HOLD_WAYS + 2; i++) {
        assert_int_equal(find(names[i]) != NULL, i != 3 && i != 5);
    }
}


/* Random events of a few keys beside what was said to each. */

#define KEYS    6
#define EVENTS  1000

typedef struct {
    uint64_t  length;           /* what it would be without jitter */
    uint64_t  from, to;         /* it ends between them */
    unsigned  failures;
    unsigned  said[2];          /* since the last line; lines are due if 0 */
} plain_t;

static plain_t   plain[KEYS];
static uint64_t  now_ms;


static void
random_failure(plain_t *m, sector_hold_slot_t *slot)
{
    uint64_t  hold, most, least, length;

    hold = one_in(6) ? 0 : between(1, 100);
    most = between(0, 1000);
    least = one_in(4) ? between(0, 2000) : 0;

    fail_at(slot, hold, most, least, random_64(), now_ms);

    m->failures++;

    if (hold == 0) {
        return;
    }

    most = most > hold ? most : hold;
    length = 2 * m->length < most - most / 5 ? 2 * m->length : most - most / 5;
    m->length = length > hold ? length : hold;

    m->from = now_ms + (m->length > least ? m->length : least);
    length = m->length * 5 / 4 < most ? m->length * 5 / 4 : most;
    m->to = now_ms + (length > least ? length : least);
}


/* As a process leaves it that died in between: the wait ends when it would have
 * before, or after, and the slot serves again. */

static void
random_death(const sector_hold_slot_t *before, sector_hold_slot_t *slot)
{
    size_t              at;
    uint64_t            last;
    sector_hold_slot_t  mixed;

    mixed = *slot;

    for (at = 0; at < sizeof(mixed); at += sizeof(uint32_t)) {
        if (one_in(2)) {
            memcpy((char *) &mixed + at, (const char *) before + at,
                   sizeof(uint32_t));
        }
    }

    last = before->until_ms > slot->until_ms ? before->until_ms
                                             : slot->until_ms;

    /* no time is more than 32 bits here, so none is a mixture itself */
    agree(sector_hold_left(&mixed, last, 0, 0) == 0);
    agree(sector_hold_left(&mixed, now_ms, 0, 0) <= last);

    sector_hold_ended(&mixed);
    agree(sector_hold_left(&mixed, 0, 0, 0) == 0);
    sector_hold_failed(&table, &mixed, 100, 1000, 0, 0, now_ms, WALL,
                       &failure);
    agree(sector_hold_left(&mixed, now_ms, 0, 0) == 100);
}


static void
random_event(void)
{
    char                 text[4];
    uint64_t             left;
    unsigned             i;
    sector_hold_slot_t   before, *slot;

    i = between(0, KEYS - 1);
    snprintf(text, sizeof(text), "K%u", i);

    slot = take(text);
    before = *slot;
    now_ms += one_in(2) ? between(0, 300) : 0;

    if (one_in(4)) {
        sector_hold_ended(slot);
        memset(&plain[i], 0, sizeof(plain_t));

    } else if (one_in(8)) {
        sector_hold_refused(&table, slot, WALL, &failure);

    } else {
        random_failure(&plain[i], slot);
    }

    left = sector_hold_left(slot, now_ms, 0, 1);
    agree(now_ms + left >= plain[i].from);
    agree(left == 0 || now_ms + left <= plain[i].to);
    agree(slot->failures == plain[i].failures);
    agree(find(text) == slot);

    random_death(&before, slot);
}


static void
test_random_failures_wait_as_they_should(void **state)
{
    unsigned       run;
    unsigned long  events;

    (void) state;

    random_seed();
    events = random_events(300000);

    for (run = 0; run * EVENTS < events; run++) {
        random_run(run);
        setup(NULL);
        memset(plain, 0, sizeof(plain));
        now_ms = between(0, 1U << 30);

        for (step_no = 0; step_no < EVENTS; step_no++) {
            random_event();
        }
    }
}


/* A table full of whatever a death left takes and finds as ever. */

static void
test_a_table_of_rubbish_serves(void **state)
{
    unsigned             i;
    char                 text[8];
    uint64_t            *p;
    sector_hold_slot_t  *slot;

    (void) state;

    random_seed();
    random_run(0);
    p = (uint64_t *) &table;

    for (i = 0; i < sizeof(table) / sizeof(uint64_t); i++) {
        p[i] = random_64();
    }

    for (i = 0; i < 2000; i++) {
        snprintf(text, sizeof(text), "K%u", i);
        slot = take(text);
        assert_ptr_equal(find(text), slot);
        assert_int_equal(sector_hold_left(slot, 0, 0, 1), 0);
        assert_int_equal(sector_hold_is_alone(slot, 0), 0);
        assert_int_equal(fail_at(slot, 1000, 30000, 0, RANDOM_NONE, T0), 1000);
    }
}


#define TEST(name)  cmocka_unit_test_setup(name, setup)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_nothing_is_known_of_a_key_at_first),
        TEST(test_keys_differ_by_source_zone_and_text),
        TEST(test_keys_of_one_set_differ_by_zone),
        TEST(test_the_wait_doubles_up_to_its_most),
        TEST(test_limits_of_the_wait),
        TEST(test_no_hold_leaves_the_wait_as_it_is),
        TEST(test_the_wait_ends_to_the_millisecond),
        TEST(test_recovery_of_the_source_ends_its_own_failures),
        TEST(test_a_success_ends_all_but_that_it_goes_alone),
        TEST(test_refused_is_only_noted),
        TEST(test_alone_for_an_hour),
        TEST(test_missing_is_believed_after_so_many_apart),
        TEST(test_a_line_for_a_state_that_lasts),
        TEST(test_what_keeps_happening_is_a_line_a_minute),
        TEST(test_the_one_noted_longest_ago_makes_room),
        TEST(test_random_failures_wait_as_they_should),
        TEST(test_a_table_of_rubbish_serves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
