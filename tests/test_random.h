/*
 * test_random: numbers at random that a seed repeats.  Include it after
 * cmocka.h, stdlib.h and time.h.
 */

#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H


static uint64_t  seed, rng;
static unsigned  run_no, step_no;


/* A comparison that says where it failed. */

#define agree(what)                                                          \
    do {                                                                     \
        if (!(what)) {                                                       \
            fail_msg("%s: SECTOR_SEED=%llu, run %u, event %u", #what,        \
                     (unsigned long long) seed, run_no, step_no);            \
        }                                                                    \
    } while (0)


/* SECTOR_SEED, else the time. */

static inline void
random_seed(void)
{
    const char  *value;

    value = getenv("SECTOR_SEED");
    seed = value ? strtoull(value, NULL, 0) : (uint64_t) time(NULL);

    print_message("SECTOR_SEED=%llu\n", (unsigned long long) seed);
}


/* Each run has numbers of its own. */

static inline void
random_run(unsigned n)
{
    run_no = n;
    rng = seed + n * 0x2545f4914f6cdd1dULL;
}


/* SECTOR_EVENTS, else so many. */

static inline unsigned long
random_events(unsigned long most)
{
    const char  *value;

    value = getenv("SECTOR_EVENTS");

    return value ? strtoul(value, NULL, 0) : most;
}


/* splitmix64 */

static inline uint64_t
random_64(void)
{
    uint64_t  z;

    z = (rng += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;

    return z ^ (z >> 31);
}


/* from .. to, both included */

static inline uint64_t
between(uint64_t from, uint64_t to)
{
    return from + random_64() % (to - from + 1);
}


static inline int
one_in(unsigned n)
{
    return random_64() % n == 0;
}


#endif /* TEST_RANDOM_H */
