/*
 * One renamed symbol, asked for again and again while all others are fresh
 * and so are not fetched, makes nothing but failures: a run as long as anybody
 * likes, and a rate of a hundred percent.  It says nothing of the source.  So
 * a key's failures in a row count once, as long as some other key is known to
 * be well; where no other is, the key is all that is known of the source, and
 * each counts.
 *
 * Turned down: to count the different keys of a run (a source with two
 * symbols never opens at five failures); to leave out a key that has failed
 * often (the first key that an outage meets is one).
 *
 * A process that dies in the middle leaves a key with the time of another: it
 * counts as well too long or too briefly, once, and no longer than some key
 * did.
 */

#include <stddef.h>

#include "sector_evidence.h"


void
sector_evidence_good(sector_evidence_t *e, uint64_t key)
{
    if (e->failed_key == key) {
        e->failed_key = 0;
    }
}


void
sector_evidence_well(sector_evidence_t *e, uint64_t key, uint64_t until_ms)
{
    unsigned                 i;
    sector_evidence_well_t  *well;

    if (key == 0) {
        return;
    }

    well = &e->well[0];

    for (i = 0; i < SECTOR_EVIDENCE_KEYS; i++) {

        if (e->well[i].key == key) {
            e->well[i].until_ms = until_ms;
            return;
        }

        if (e->well[i].until_ms < well->until_ms) {
            well = &e->well[i];
        }
    }

    if (well->until_ms < until_ms) {
        well->key = key;
        well->until_ms = until_ms;
    }
}


int
sector_evidence_bad(sector_evidence_t *e, uint64_t key, uint64_t now_ms)
{
    int       others;
    unsigned  i;
    uint64_t  before;

    others = 0;
    before = e->failed_key;

    for (i = 0; key != 0 && i < SECTOR_EVIDENCE_KEYS; i++) {

        if (e->well[i].key == key) {
            e->well[i].key = 0;
            e->well[i].until_ms = 0;

        } else if (e->well[i].until_ms > now_ms) {
            others = 1;
        }
    }

    e->failed_key = key;

    return key == 0 || key != before || !others;
}
