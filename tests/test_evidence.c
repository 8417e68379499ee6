/*
 * Whether a failure says something of the source: the cases of the rule, and
 * random words about keys beside a model that keeps them all.
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

#include "sector_evidence.h"
#include "test_random.h"


#define T0     1000
#define A      1         /* keys are as letters of the alphabet */
#define B      2
#define W      23
#define MANY   0


static sector_evidence_t  e;


static int
setup(void **state)
{
    (void) state;

    memset(&e, 0, sizeof(e));

    return 0;
}


/* Failures of keys, one a letter; returns which counted. */

static const char *
row(const char *keys, uint64_t now)
{
    unsigned     i;
    static char  counted[32];

    for (i = 0; keys[i]; i++) {
        counted[i] = '0' + sector_evidence_bad(&e, keys[i] == '*' ? MANY
                                                   : (uint64_t) (keys[i] - '@'),
                                               now);
    }

    counted[i] = '\0';

    return counted;
}


static void
test_where_no_other_is_known_each_counts(void **state)
{
    (void) state;

    assert_string_equal(row("AAAA", T0), "1111");
    sector_evidence_well(&e, A, T0 + 1000);
    assert_string_equal(row("AAAA", T0), "1111");
}


static void
test_while_another_is_well_the_first_counts(void **state)
{
    (void) state;

    sector_evidence_well(&e, W, T0 + 1000);
    assert_string_equal(row("AAAA", T0), "1000");
    assert_string_equal(row("AAAA", T0 + 999), "0000");
    assert_string_equal(row("AAAA", T0 + 1000), "1111");
}


static void
test_two_keys_in_turn_count_each(void **state)
{
    (void) state;

    sector_evidence_well(&e, W, T0 + 1000);
    assert_string_equal(row("ABABBA", T0), "111101");
}


static void
test_several_at_once_count_and_break_the_row(void **state)
{
    (void) state;

    sector_evidence_well(&e, W, T0 + 1000);
    assert_string_equal(row("AA**AA", T0), "101110");
}


static void
test_a_success_of_the_key_breaks_the_row(void **state)
{
    (void) state;

    sector_evidence_well(&e, W, T0 + 1000);
    assert_string_equal(row("AA", T0), "10");
    sector_evidence_good(&e, A);
    assert_string_equal(row("AA", T0), "10");

    /* one of others does not, nor one of several, nor that it was had */
    sector_evidence_good(&e, W);
    sector_evidence_good(&e, MANY);
    sector_evidence_well(&e, A, T0 + 1000);
    assert_string_equal(row("AA", T0), "00");
}


static void
test_a_key_that_fails_is_not_well(void **state)
{
    (void) state;

    sector_evidence_well(&e, W, T0 + 1000);
    sector_evidence_well(&e, A, T0 + 1000);
    assert_string_equal(row("WAA", T0), "111");

    /* what is said of several is said of none */
    sector_evidence_well(&e, W, T0 + 1000);
    sector_evidence_well(&e, MANY, T0 + 1000);
    assert_string_equal(row("*AA", T0), "110");
    assert_string_equal(row("WW", T0), "11");
}


static void
test_the_newest_word_says_how_long_it_is_well(void **state)
{
    (void) state;

    sector_evidence_well(&e, W, T0 + 1000);
    sector_evidence_well(&e, W, T0 + 10);
    assert_string_equal(row("AA", T0 + 10), "11");
    sector_evidence_well(&e, W, T0 + 2000);
    assert_string_equal(row("AA", T0 + 1999), "00");
    sector_evidence_well(&e, W, 0);
    assert_string_equal(row("AA", T0), "11");
}


/* Of more than are remembered, those that stay well longest are. */

static void
test_those_that_stay_well_longest_are_remembered(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i < SECTOR_EVIDENCE_KEYS; i++) {
        sector_evidence_well(&e, 100 + i, T0 + 100 + i);
    }

    /* the shortest has to give way, one that is shorter does not come in */
    sector_evidence_well(&e, 200, T0 + 99);
    sector_evidence_well(&e, 201, T0 + 100);
    assert_int_equal(e.well[0].key, 100);
    sector_evidence_well(&e, 202, T0 + 500);
    assert_int_equal(e.well[0].key, 202);

    for (i = 0; i < SECTOR_EVIDENCE_KEYS; i++) {
        assert_true(e.well[i].key == 202 || e.well[i].key == 100 + i);
    }

    assert_string_equal(row("AA", T0 + 499), "10");
    assert_string_equal(row("AA", T0 + 500), "11");
}


/* The same again, the plain way. */

#define KEYS    12              /* W is none of them */
#define WORDS   400

static struct {
    char      kind;             /* good, bad, well */
    uint64_t  key;
    uint64_t  until;
} said[WORDS];

static unsigned  n_said;


static void
say(char kind, uint64_t key, uint64_t until)
{
    said[n_said].kind = kind;
    said[n_said].key = key;
    said[n_said].until = until;
    n_said++;
}


static int
model_well(uint64_t key, uint64_t now)
{
    int       well;
    unsigned  i;

    well = 0;

    for (i = 0; i < n_said; i++) {
        if (said[i].key == key && said[i].kind != 'g') {
            well = said[i].kind == 'w' && said[i].until > now;
        }
    }

    return well;
}


static int
model_bad(uint64_t key, uint64_t now)
{
    unsigned  i, last;
    uint64_t  other;

    last = n_said;

    for (i = 0; i < n_said; i++) {
        if (said[i].kind == 'b') {
            last = i;
        }
    }

    if (key == MANY || last == n_said || said[last].key != key) {
        return 1;
    }

    for (i = last; i < n_said; i++) {
        if (said[i].kind == 'g' && said[i].key == key) {
            return 1;
        }
    }

    for (other = 1; other <= KEYS; other++) {
        if (other != key && model_well(other, now)) {
            return 0;
        }
    }

    return 1;
}


/* A process died between two of its writes: a mixture of before and after.
 * However that is, it does not spare a key for longer than any was well. */

static void
torn(const sector_evidence_t *before, uint64_t last)
{
    size_t             at;
    sector_evidence_t  mixed;

    mixed = e;

    for (at = 0; at < sizeof(mixed); at += sizeof(uint64_t)) {
        if (one_in(2)) {
            memcpy((char *) &mixed + at, (const char *) before + at,
                   sizeof(uint64_t));
        }
    }

    agree(sector_evidence_bad(&mixed, A, last) == 1);
    agree(sector_evidence_bad(&mixed, A, last) == 1);

    sector_evidence_well(&mixed, W, last + 2);
    agree(sector_evidence_bad(&mixed, A, last + 1) == 0);
    agree(sector_evidence_bad(&mixed, B, last + 1) == 1);
}


static void
random_word(uint64_t now, uint64_t *last)
{
    uint64_t           key, until;
    sector_evidence_t  before;

    before = e;
    key = one_in(2) ? between(0, 2) : between(0, KEYS);

    switch (between(0, 3)) {

    case 0:
        until = now + between(0, 50);
        *last = until > *last ? until : *last;
        sector_evidence_well(&e, key, until);

        if (key != MANY) {
            say('w', key, until);
        }

        break;

    case 1:
        sector_evidence_good(&e, key);
        say('g', key, 0);
        break;

    default:
        agree(sector_evidence_bad(&e, key, now) == model_bad(key, now));
        say('b', key, 0);
    }

    torn(&before, *last);
}


static void
test_random_words_agree_with_the_model(void **state)
{
    unsigned       run;
    uint64_t       now, last;
    unsigned long  events;

    (void) state;

    random_seed();
    events = random_events(200000);

    for (run = 0; run * WORDS < events; run++) {
        random_run(run);
        setup(NULL);
        n_said = 0;
        last = now = between(0, 1ULL << 40);

        for (step_no = 0; step_no < WORDS; step_no++) {
            now += one_in(3) ? between(0, 20) : 0;
            last = now > last ? now : last;
            random_word(now, &last);
        }
    }
}


#define TEST(name)  cmocka_unit_test_setup(name, setup)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_where_no_other_is_known_each_counts),
        TEST(test_while_another_is_well_the_first_counts),
        TEST(test_two_keys_in_turn_count_each),
        TEST(test_several_at_once_count_and_break_the_row),
        TEST(test_a_success_of_the_key_breaks_the_row),
        TEST(test_a_key_that_fails_is_not_well),
        TEST(test_the_newest_word_says_how_long_it_is_well),
        TEST(test_those_that_stay_well_longest_are_remembered),
        TEST(test_random_words_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
