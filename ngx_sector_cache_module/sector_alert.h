/*
 * sector_alert: has the hit rate of late fallen below what it should be?
 *
 * Layer 0: libc alone.  A ring of samples in shared memory; the caller holds
 * the lock of that memory during every call.  Times are monotonic
 * milliseconds.  All zero is an alert that was never looked at.
 *
 * The rate is that of the window: from the oldest sample that is no older, to
 * the newest.
 */

#ifndef SECTOR_ALERT_H
#define SECTOR_ALERT_H


#include <stdint.h>


#define SECTOR_ALERT_SAMPLES  32
#define SECTOR_ALERT_STEPS    30        /* samples in a window */


typedef struct {
    uint64_t    window_ms;              /* >= SECTOR_ALERT_STEPS */
    uint64_t    min_requests;           /* in the window, for a verdict */
    uint32_t    hit_percent;            /* below it: an alert; 0: none */
} sector_alert_policy_t;


typedef struct {
    uint64_t    ms;
    uint64_t    hits;                   /* ever, as is */
    uint64_t    misses;
} sector_alert_sample_t;


typedef struct {
    uint32_t                n;          /* samples, up to all */
    uint32_t                next;       /* where the next one goes */
    uint32_t                raised;
    uint32_t                percent;    /* of the window, rounded down; only
                                           where there is a verdict */
    uint64_t                asked;      /* hits and misses in the window */
    uint64_t                due_ms;     /* the next sample; 0: at once */
    sector_alert_sample_t   samples[SECTOR_ALERT_SAMPLES];
} sector_alert_t;


/* Whether it is time for a sample; if so, the next one is due a thirtieth of
 * the window later. */
int sector_alert_due(sector_alert_t *a, const sector_alert_policy_t *policy,
    uint64_t now_ms);


/*
 * Adds a sample and judges: returns 1 if the alert begins, -1 if it ends, else
 * 0.  With fewer than min_requests nothing is known, and there is no alert.
 * Numbers that went down, as those of a new zone do, begin anew.
 */
int sector_alert_add(sector_alert_t *a, const sector_alert_policy_t *policy,
    uint64_t now_ms, uint64_t hits, uint64_t misses);


#endif /* SECTOR_ALERT_H */
