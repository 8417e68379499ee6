/*
 * The store's speed, beside what it was chosen over.
 *
 *     bench_store                all of what follows
 *     bench_store lookups        lookups a second, one and two processes
 *     bench_store instructions   a lookup's instructions (needs valgrind)
 *
 * "make bench-store" builds it without sanitizers, with -O2 and without
 * SECTOR_STORE_TEST.
 *
 * A lookup copies a value of 650 bytes out.  Each figure is the best of some
 * runs, those with one and with two processes by turns; the machine may have
 * other work to do.  Beside "by the clock" stands "by CPU time", which other
 * work disturbs less; it says nothing about those that sleep for a lock.  The
 * store sleeps for none, so that its bar is on that: "lookups" fails if two
 * processes look up less than 1.8 times as much as one.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE     /* sched_setaffinity() */
#endif

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "bench_store.h"


#define REGION       (64 * 1024 * 1024)
#define KEYS         10000
#define VALUE        650
#define TRACE        (1 << 20)
#define RUNS         7
#define RUN_MS       300
#define BATCH        256
#define RATIO        1.8        /* of two processes to one, at least */


typedef struct {
    char        text[24];
    size_t      len;
} name_t;

/* Looks a key up and copies its value; returns its size, 0: not there. */
typedef size_t (*lookup_pt)(unsigned key, unsigned char *out);

typedef struct {
    double      clock;          /* lookups a second */
    double      cpu;            /* lookups a second of CPU time, times n */
} rate_t;


/* The baseline: the same table under one lock, with an LRU queue. */

typedef struct {
    int32_t     newer, older;   /* indices of the queue; -1: none */
    int32_t     next;           /* in the bucket; -1: last */
    uint32_t    len;
    char        key[24];
    unsigned char  value[VALUE];
} lru_entry_t;


typedef struct {
    pthread_mutex_t     mutex;
    alignas(64)
    _Atomic int         spin;
    alignas(64)
    int32_t             newest, oldest;
    int32_t             buckets[16384];
    lru_entry_t         entries[KEYS];
} lru_t;


static store_region_t  region;
static sector_store_t  st;
static lru_t          *lru;
static name_t          names[KEYS];
static unsigned       *zipf, *one;


static double
seconds(clockid_t clock)
{
    struct timespec  ts;

    clock_gettime(clock, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static size_t
store_lookup(unsigned key, unsigned char *out)
{
    size_t               bytes;
    sector_store_view_t  view;

    if (sector_store_read(&st, names[key].text, names[key].len, 1, &view)
        == SECTOR_STORE_NONE)
    {
        return 0;
    }

    bytes = view.value_bytes;
    memcpy(out, view.value, bytes);

    sector_store_read_end(&st);
    sector_store_count(&st, SECTOR_STAT_HIT);

    return bytes;
}


static uint32_t
lru_hash(const char *key, size_t len)
{
    uint64_t  hash, word;

    hash = len;

    for ( ;; ) {
        word = 0;
        memcpy(&word, key, len < 8 ? len : 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
        hash ^= hash >> 32;

        if (len <= 8) {
            return (uint32_t) hash & 16383;
        }

        key += 8;
        len -= 8;
    }
}


/* As every LRU does on a hit: moves the entry to the queue's head. */
static size_t
lru_find(unsigned key, unsigned char *out)
{
    int32_t       i;
    lru_entry_t  *e;

    i = lru->buckets[lru_hash(names[key].text, names[key].len)];

    for ( /* void */ ; i >= 0; i = lru->entries[i].next) {
        e = &lru->entries[i];

        if (e->len == names[key].len
            && memcmp(e->key, names[key].text, e->len) == 0)
        {
            break;
        }
    }

    if (i < 0) {
        return 0;
    }

    if (lru->newest != i) {
        lru->entries[e->newer].older = e->older;

        if (e->older >= 0) {
            lru->entries[e->older].newer = e->newer;

        } else {
            lru->oldest = e->newer;
        }

        e->newer = -1;
        e->older = lru->newest;
        lru->entries[lru->newest].newer = i;
        lru->newest = i;
    }

    memcpy(out, e->value, VALUE);

    return VALUE;
}


static size_t
mutex_lookup(unsigned key, unsigned char *out)
{
    size_t  bytes;

    pthread_mutex_lock(&lru->mutex);
    bytes = lru_find(key, out);
    pthread_mutex_unlock(&lru->mutex);

    return bytes;
}


/* As nginx's shmtx: spins with a growing pause, then yields. */
static size_t
spin_lookup(unsigned key, unsigned char *out)
{
    int           expected;
    size_t        bytes;
    unsigned      n;
    volatile int  pause;

    for (n = 1; /* void */ ; n <<= 1) {
        expected = 0;

        if (atomic_load_explicit(&lru->spin, memory_order_relaxed) == 0
            && atomic_compare_exchange_strong(&lru->spin, &expected, 1))
        {
            break;
        }

        for (pause = 0; pause < (int) n; pause++) { /* void */ }

        if (n >= 2048) {
            sched_yield();
            n = 1;
        }
    }

    bytes = lru_find(key, out);
    atomic_store_explicit(&lru->spin, 0, memory_order_release);

    return bytes;
}


static void
lru_make(void)
{
    int32_t              i;
    uint32_t             bucket;
    lru_entry_t         *e;
    pthread_mutexattr_t  attr;

    lru = bench_shared(sizeof(lru_t));

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&lru->mutex, &attr);

    memset(lru->buckets, 0xff, sizeof(lru->buckets));

    for (i = 0; i < KEYS; i++) {
        e = &lru->entries[i];
        bucket = lru_hash(names[i].text, names[i].len);

        e->len = (uint32_t) names[i].len;
        memcpy(e->key, names[i].text, e->len);
        memset(e->value, i, VALUE);
        e->next = lru->buckets[bucket];
        lru->buckets[bucket] = i;
        e->older = i - 1;
        e->newer = i + 1 < KEYS ? i + 1 : -1;
    }

    lru->oldest = 0;
    lru->newest = KEYS - 1;
}


static void
store_make(void)
{
    unsigned             i;
    unsigned char        value[VALUE];
    sector_store_ops_t   ops;
    sector_store_item_t  item = { .value = value, .value_bytes = VALUE };

    store_region_make(&region, REGION);
    ops = store_region_ops(&region);
    sector_store_create(&st, region.reserve, region.reserve_bytes, &ops,
                        &bench_policy);

    for (i = 0; i < KEYS; i++) {
        names[i].len = (size_t) snprintf(names[i].text,
                                         sizeof(names[i].text),
                                         "q:SYM%u", i);
        memset(value, (int) i, VALUE);

        if (sector_store_put(&st, names[i].text, names[i].len, &item, 1, 1)
            != SECTOR_STORE_OK)
        {
            fprintf(stderr, "no room\n");
            exit(2);
        }
    }
}


/* One process's part of a run: lookups until the time is over. */
static void
run_part(lookup_pt lookup, const unsigned *trace, int cpu, double *done,
    double *cpu_time, _Atomic int *go)
{
    double          end, used;
    uint64_t        n;
    unsigned        at, i;
    cpu_set_t       set;
    unsigned char   out[VALUE];

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void) sched_setaffinity(0, sizeof(set), &set);

    region.id = getpid();
    sector_store_attach(&st, getpid());

    at = (unsigned) cpu * (TRACE / 2);

    atomic_fetch_sub(go, 1);

    while (atomic_load(go) > 0) { /* void */ }

    used = seconds(CLOCK_PROCESS_CPUTIME_ID);
    end = seconds(CLOCK_MONOTONIC) + RUN_MS / 1000.;
    n = 0;

    do {
        for (i = 0; i < BATCH; i++) {
            if (lookup(trace[at++ & (TRACE - 1)], out) != VALUE) {
                fprintf(stderr, "a value is missing\n");
                _exit(1);
            }
        }

        n += BATCH;
    } while (seconds(CLOCK_MONOTONIC) < end);

    *cpu_time = seconds(CLOCK_PROCESS_CPUTIME_ID) - used;
    *done = (double) n;

    sector_store_detach(&st);
    _exit(0);
}


static rate_t
run(lookup_pt lookup, const unsigned *trace, int processes)
{
    int           i, status;
    pid_t         parent;
    rate_t        rate;
    _Atomic int  *go;

    static struct {
        double    done[2];
        double    cpu_time[2];
        _Atomic int  go;
    }  *board;

    if (board == NULL) {
        board = bench_shared(sizeof(*board));
    }

    parent = getpid();
    go = &board->go;
    atomic_store(go, processes);

    for (i = 0; i < processes; i++) {
        if (fork() == 0) {
            if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
                _exit(1);
            }

            run_part(lookup, trace, i, &board->done[i], &board->cpu_time[i],
                     go);
        }
    }

    rate.clock = rate.cpu = 0;

    for (i = 0; i < processes; i++) {
        if (wait(&status) < 0 || status != 0) {
            exit(1);
        }
    }

    for (i = 0; i < processes; i++) {
        rate.clock += board->done[i] / (RUN_MS / 1000.);
        rate.cpu += board->done[i] / board->cpu_time[i];
    }

    return rate;
}


/* Returns the ratio of two processes to one by CPU time. */
static double
compare(const char *what, lookup_pt lookup, const unsigned *trace,
    double *baseline)
{
    int     i, n;
    rate_t  rate, best[3];

    memset(best, 0, sizeof(best));

    for (i = 0; i < RUNS; i++) {
        for (n = 1; n <= 2; n++) {
            rate = run(lookup, trace, n);
            best[n].clock = fmax(best[n].clock, rate.clock);
            best[n].cpu = fmax(best[n].cpu, rate.cpu);
        }
    }

    if (*baseline == 0) {
        *baseline = best[2].clock;
    }

    printf("%-28s %7.2f %7.2f %6.2f      %7.2f %7.2f %6.2f  %7.1f\n", what,
           best[1].clock / 1e6, best[2].clock / 1e6,
           best[2].clock / best[1].clock,
           best[1].cpu / 1e6, best[2].cpu / 1e6, best[2].cpu / best[1].cpu,
           best[2].clock / *baseline);

    return best[2].cpu / best[1].cpu;
}


/* Returns whether the store passes its bar. */
static int
lookups(void)
{
    double  baseline, spread, hot;

    printf("million lookups a second, by the clock and by CPU time\n"
           "%-28s %7s %7s %6s      %7s %7s %6s  %7s\n", "",
           "1 proc", "2 proc", "ratio", "1 proc", "2 proc", "ratio",
           "x mutex");

    baseline = 0;
    compare("zipf, LRU under a mutex", mutex_lookup, zipf, &baseline);
    compare("zipf, LRU under a spinlock", spin_lookup, zipf, &baseline);
    spread = compare("zipf, the store", store_lookup, zipf, &baseline);

    baseline = 0;
    compare("one key, LRU under a mutex", mutex_lookup, one, &baseline);
    compare("one key, LRU under a spinlock", spin_lookup, one, &baseline);
    hot = compare("one key, the store", store_lookup, one, &baseline);

    if (spread < RATIO || hot < RATIO) {
        printf("MISS: the store with two processes beside one, by CPU time, "
               "is below %.1f\n", RATIO);
        return 0;
    }

    return 1;
}


__attribute__((noinline))
static size_t
bench_lookups(lookup_pt lookup, const unsigned *trace, unsigned n)
{
    size_t         sum;
    unsigned       i;
    unsigned char  out[VALUE];

    for (i = 0, sum = 0; i < n; i++) {
        sum += lookup(trace[i], out);
    }

    return sum;
}


static size_t
no_lookup(unsigned key, unsigned char *out)
{
    (void) out;

    return key;
}


static size_t
bare_lookup(unsigned key, unsigned char *out)
{
    sector_store_view_t  view;

    (void) out;

    if (sector_store_read(&st, names[key].text, names[key].len, 1, &view)
        == SECTOR_STORE_NONE)
    {
        return 0;
    }

    sector_store_read_end(&st);
    sector_store_count(&st, SECTOR_STAT_HIT);

    return view.value_bytes;
}


static lookup_pt
lookup_named(const char *name)
{
    return strcmp(name, "bare") == 0 ? bare_lookup
           : strcmp(name, "copy") == 0 ? store_lookup
           : strcmp(name, "mutex") == 0 ? mutex_lookup
           : no_lookup;
}


/* Runs this program under callgrind; returns instructions a lookup. */
static double
callgrind(const char *self, const char *name)
{
    FILE        *f;
    char         line[512];
    double       collected;
    const char  *p;

    snprintf(line, sizeof(line), "valgrind --tool=callgrind "
             "--callgrind-out-file=/dev/null "
             "--toggle-collect='bench_lookups*' '%s' under %s 2>&1", self,
             name);

    f = popen(line, "r");
    collected = -1;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        p = strstr(line, "Collected :");

        if (p != NULL) {
            collected = strtod(p + 11, NULL);
        }
    }

    if (f != NULL) {
        pclose(f);
    }

    return collected / 10000;
}


static void
instructions(const char *self)
{
    double  none;

    printf("\ninstructions a lookup, 10 000 keys of 7 to 10 bytes\n");

    none = callgrind(self, "none");

    if (none < 0) {
        printf("no valgrind\n");
        return;
    }

    printf("the store, nothing copied  %7.1f\n",
           callgrind(self, "bare") - none);
    printf("the store, value copied    %7.1f\n",
           callgrind(self, "copy") - none);
    printf("LRU under a mutex, copied  %7.1f\n",
           callgrind(self, "mutex") - none);
}


int
main(int argc, char **argv)
{
    int          passed;
    const char  *what;

    what = argc > 1 ? argv[1] : "all";
    passed = 1;

    store_make();
    lru_make();

    one = calloc(TRACE, sizeof(unsigned));

    if (strcmp(what, "under") == 0) {
        sector_store_attach(&st, getpid());
        zipf = bench_zipf(KEYS, 0.99, 10000, 42);
        return bench_lookups(lookup_named(argv[2]), zipf, 10000) == 0;
    }

    zipf = bench_zipf(KEYS, 0.99, TRACE, 42);

    if (strcmp(what, "lookups") == 0 || strcmp(what, "all") == 0) {
        passed = lookups();
    }

    if (strcmp(what, "instructions") == 0 || strcmp(what, "all") == 0) {
        instructions(argv[0]);
    }

    return !passed;
}
