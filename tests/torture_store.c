/*
 * Several processes hammer one store while they are killed, at random
 * instants and at every step inside the critical sections; each that dies is
 * replaced.
 *
 *     torture_store [KILLS]      300 if not given; SEED from the environment
 *
 * What must hold:
 *
 *     - every value read is, byte for byte, one that was stored under that
 *       key, and stays so until the read is closed
 *     - no process ever sees a key's value go back to an earlier version
 *     - something is stored, and read, all the time: nobody is wedged
 *     - counters are exact but for one event of each process killed
 *     - in the end all lists, buckets and accounts agree
 *
 * The parent does what nginx's master does: it frees the lock of a child that
 * it has reaped, if the child held it.
 *
 * Built with -DTORTURE_THREADS the same runs as threads, with no deaths: for
 * ThreadSanitizer.  Built with -DSECTOR_STORE_NO_RECOVERY, it has to fail.
 */

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "store_region.h"


#define CHILDREN     5
#define KEYS         400
#define REGION       (192 * 1024)
#define VALUE_MAX    3000
#define WEDGED_MS    20000
#define THREAD_OPS   200000


/* What a child has done, over all its lives; only the child writes, but for
 * arm, which the parent sets and the child's hook counts down. */

typedef struct {
    alignas(64)
    _Atomic uint64_t    ops;
    _Atomic uint64_t    stored;
    _Atomic uint64_t    refused;
    _Atomic uint64_t    hits;
    _Atomic uint64_t    misses;
    _Atomic int         arm_point;      /* die there; 0: nowhere */
    _Atomic int         arm_n;          /* at the so-manieth passing */
} life_t;


typedef struct {
    _Atomic uint64_t    clock;              /* milliseconds */
    _Atomic int         stop;
    _Atomic uint64_t    version[KEYS];      /* key n is child n % CHILDREN's */
    life_t              life[CHILDREN];
} board_t;


typedef struct {
    int                 index;
    life_t             *life;
    uint64_t            random;
    uint64_t            seen[KEYS];
    store_region_t      region;
    sector_store_t      st;
    unsigned char       value[VALUE_MAX];
} child_t;


static const sector_store_policy_t  policy = {
    .ttl_ms = 8,
    .stale_ms = 8,
    .swr_ms = 4,
    .jitter_percent = 50,
    .max_object_bytes = VALUE_MAX
};

static board_t         *board;
static store_region_t   region;


static uint64_t
load(_Atomic uint64_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}


static void
bump(_Atomic uint64_t *p)
{
    atomic_store_explicit(p, load(p) + 1, memory_order_relaxed);
}


static unsigned
below(uint64_t *random, unsigned n)
{
    return (unsigned) (store_region_random64(random) % n);
}


/* The bytes of a key's version: any of another one differ. */
static size_t
fill(unsigned char *p, unsigned key, uint64_t version)
{
    size_t    i, bytes;
    uint64_t  random, word;

    random = version * KEYS + key;
    word = store_region_random64(&random);
    bytes = word % 16 == 0 ? word % VALUE_MAX : word % 700;

    for (i = 0; i < bytes; i++) {
        if (i % 8 == 0) {
            word = store_region_random64(&random);
        }

        p[i] = (unsigned char) (word >> i % 8 * 8);
    }

    return bytes;
}


static size_t
name(char *p, size_t bytes, unsigned key)
{
    return (size_t) snprintf(p, bytes, "key-%u", key);
}


static void
wrong(child_t *c, unsigned key, const char *what)
{
    fprintf(stderr, "child %d, key %u: %s\n", c->index, key, what);
    _exit(3);
}


/* Reads and verifies, looking twice and now and then staying long. */
static void
do_read(child_t *c)
{
    char                  key[16];
    size_t                bytes;
    unsigned              n, looks;
    sector_store_view_t   view;
    sector_store_state_e  state;

    n = below(&c->random, KEYS);

    state = sector_store_read(&c->st, key, name(key, sizeof(key), n),
                              load(&board->clock), &view);

    if (state == SECTOR_STORE_NONE) {
        bump(&c->life->misses);
        sector_store_count(&c->st, SECTOR_STAT_MISS);
        return;
    }

    bytes = fill(c->value, n, view.tag);

    if (view.value_bytes != bytes) {
        wrong(c, n, "a value of another length");
    }

    looks = below(&c->random, 200) == 0 ? 50 : 1;

    do {
        if (memcmp(view.value, c->value, bytes) != 0) {
            wrong(c, n, "a wrong byte");
        }
    } while (--looks > 0);

    if (view.tag < c->seen[n]) {
        wrong(c, n, "an older version than before");
    }

    c->seen[n] = view.tag;
    sector_store_read_end(&c->st);

    bump(&c->life->hits);
    sector_store_count(&c->st, SECTOR_STAT_HIT);
}


static void
do_put(child_t *c)
{
    char                  key[16];
    unsigned              n;
    sector_store_item_t   item;
    sector_store_error_e  rc;

    n = below(&c->random, KEYS / CHILDREN) * CHILDREN + (unsigned) c->index;

    memset(&item, 0, sizeof(item));
    item.tag = atomic_fetch_add(&board->version[n], 1) + 1;
    item.value = c->value;
    item.value_bytes = fill(c->value, n, item.tag);

    rc = sector_store_put(&c->st, key, name(key, sizeof(key), n), &item,
                          load(&board->clock), 1);

    bump(rc == SECTOR_STORE_OK ? &c->life->stored : &c->life->refused);
}


static void
do_rest(child_t *c, unsigned dice)
{
    char                 key[16];
    size_t               len;
    sector_store_info_t  info;

    len = name(key, sizeof(key), below(&c->random, KEYS));

    if (dice < 500) {
        (void) sector_store_delete(&c->st, key, len);

    } else if (dice < 510) {
        if (below(&c->random, 50) == 0) {
            (void) sector_store_clear(&c->st);
        }

    } else if (dice < 600) {
        sector_store_info(&c->st, &info);

    } else if (dice < 700) {
        sector_store_note_miss(&c->st, key, len);

    } else if (dice < 710) {
        sector_store_detach(&c->st);

    } else if (dice < 740) {
        if (c->st.slot == NULL) {
            sector_store_attach(&c->st, c->region.id);
        }
    }
}


/* A store handle of its own, and often a slot. */
static void
start(child_t *c, int index, int32_t id, uint64_t seed)
{
    sector_store_ops_t  ops;

    memset(c, 0, sizeof(child_t));

    c->index = index;
    c->life = &board->life[index];
    c->random = seed;
    c->region = region;
    c->region.id = id;
    c->region.random = ~seed;

    ops = store_region_ops(&c->region);

    if (sector_store_open(&c->st, region.reserve, region.reserve_bytes, &ops,
                          &policy)
        != 0)
    {
        wrong(c, 0, "cannot open the store");
    }

    if (below(&c->random, 8) != 0) {
        sector_store_attach(&c->st, id);
    }
}


static void
work(child_t *c, uint64_t ops)
{
    unsigned  dice;

    while (ops-- > 0 && !atomic_load(&board->stop)) {

        dice = below(&c->random, 10000);

        if (dice < 7000) {
            do_read(c);

        } else if (dice < 9200) {
            do_put(c);

        } else {
            do_rest(c, dice - 9200);
        }

        bump(&c->life->ops);
    }

    sector_store_detach(&c->st);
}


/* The counters, and all that store_region_check() looks at. */
static int
verify(uint64_t slack)
{
    int                  i, bad;
    child_t             *c;
    uint64_t             hits, misses, stored, refused;
    const char          *what;
    sector_store_info_t  info;

    c = malloc(sizeof(child_t));
    start(c, 0, getpid(), 1);
    sector_store_info(&c->st, &info);

    hits = misses = stored = refused = 0;

    for (i = 0; i < CHILDREN; i++) {
        hits += load(&board->life[i].hits);
        misses += load(&board->life[i].misses);
        stored += load(&board->life[i].stored);
        refused += load(&board->life[i].refused);
    }

#define OFF(name, by_us, stat)                                                \
    do {                                                                      \
        printf("%-10s %12llu, counted %12llu\n", name,                        \
               (unsigned long long) by_us,                                    \
               (unsigned long long) info.counters[SECTOR_STAT_##stat]);       \
        bad |= (by_us > info.counters[SECTOR_STAT_##stat] + slack             \
                || info.counters[SECTOR_STAT_##stat] > by_us + slack);        \
    } while (0)

    bad = 0;
    OFF("hits", hits, HIT);
    OFF("misses", misses, MISS);
    OFF("stored", stored, STORE);
    OFF("refused", refused, REFUSE_ROOM);

    printf("evicted %llu, expired %llu, recoveries %llu\n",
           (unsigned long long) info.counters[SECTOR_STAT_EVICT],
           (unsigned long long) info.counters[SECTOR_STAT_EXPIRE],
           (unsigned long long) info.counters[SECTOR_STAT_RECOVERY]);

    bad |= (info.counters[SECTOR_STAT_RECOVERY] > slack);
    bad |= (hits == 0 || stored == 0);

    if (bad) {
        printf("the counters are off by more than one a kill\n");
    }

    what = store_region_check(&c->region, &c->st);

    if (what != NULL) {
        printf("%s\n", what);
        bad = 1;
    }

    free(c);

    return bad;
}


static void
make(void)
{
    sector_store_t      st;
    sector_store_ops_t  ops;

    store_region_make(&region, REGION);

    board = mmap(NULL, sizeof(board_t), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (board == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }

    ops = store_region_ops(&region);
    sector_store_create(&st, region.reserve, region.reserve_bytes, &ops,
                        &policy);
}


#ifdef TORTURE_THREADS


static int
always_alive(int32_t pid)
{
    (void) pid;

    return 1;
}


static void *
thread(void *data)
{
    work(data, THREAD_OPS);

    return NULL;
}


int
main(void)
{
    int        i;
    child_t   *c;
    uint64_t   seed;
    pthread_t  threads[CHILDREN];

    seed = store_region_seed();
    make();
    region.alive = always_alive;

    c = calloc(CHILDREN, sizeof(child_t));

    for (i = 0; i < CHILDREN; i++) {
        start(&c[i], i, i + 1, seed + (uint64_t) i);
    }

    for (i = 0; i < CHILDREN; i++) {
        if (pthread_create(&threads[i], NULL, thread, &c[i]) != 0) {
            perror("pthread_create");
            return 2;
        }
    }

    for (i = 0; i < 1000; i++) {
        atomic_fetch_add(&board->clock, 1);
        usleep(1000);
    }

    for (i = 0; i < CHILDREN; i++) {
        pthread_join(threads[i], NULL);
    }

    free(c);

    return verify(0);
}


#else


static pid_t     pids[CHILDREN];
static int       me = -1;           /* a child's index; -1: the parent */
static uint64_t  killed, held, marked;
static uint64_t  died_at[SECTOR_STORE_FP_N + 3];


static int
point_index(int point)
{
    return point >= STORE_REGION_FP_ALLOC
           ? point - STORE_REGION_FP_ALLOC + SECTOR_STORE_FP_N : point;
}


/* The parent asks for a death at a point, counted from one. */
static void
hook(int point)
{
    life_t  *life;

    if (me < 0) {
        return;
    }

    life = &board->life[me];

    if (atomic_load_explicit(&life->arm_point, memory_order_relaxed)
            == point_index(point) + 1
        && atomic_fetch_sub(&life->arm_n, 1) == 1)
    {
        kill(getpid(), SIGKILL);
        pause();
    }
}


static void
spawn(int index, uint64_t seed)
{
    child_t  *c;

    atomic_store(&board->life[index].arm_point, 0);

    pids[index] = fork();

    if (pids[index] < 0) {
        perror("fork");
        exit(2);
    }

    if (pids[index] > 0) {
        return;
    }

    me = index;
    c = malloc(sizeof(child_t));
    start(c, index, getpid(), seed);
    work(c, UINT64_MAX);
    _exit(0);
}


/* Buries one dead child; returns its index, -1: none, -2: it failed. */
static int
reap(int options)
{
    int    i, status;
    pid_t  pid;

    pid = waitpid(-1, &status, options);

    for (i = 0; i < CHILDREN && pids[i] != pid; i++) { /* void */ }

    if (pid <= 0 || i == CHILDREN) {
        return -1;
    }

    if (WIFEXITED(status) ? WEXITSTATUS(status) != 0
                          : WTERMSIG(status) != SIGKILL)
    {
        fprintf(stderr, "a child ended with status 0x%x\n", status);
        return -2;
    }

    if (WIFSIGNALED(status)) {
        killed++;

        if (atomic_load(&board->life[i].arm_n) <= 0
            && atomic_load(&board->life[i].arm_point) != 0)
        {
            died_at[atomic_load(&board->life[i].arm_point) - 1]++;
        }
    }

    if (atomic_load(&region.control->owner) == (int32_t) pid) {
        held++;
        marked += (atomic_load(&((sector_store_shm_t *)
                                 region.reserve)->writer) != 0);
        (void) store_region_force_unlock(&region, (int32_t) pid);
    }

    pids[i] = 0;

    return i;
}


/* One attack on one child: a signal, or a point to die at, or a while of
 * standing still. */
static void
attack(uint64_t *random)
{
    int      i;
    life_t  *life;

    i = (int) below(random, CHILDREN);
    life = &board->life[i];

    switch (below(random, 8)) {

    case 0:
        kill(pids[i], SIGSTOP);
        usleep(below(random, 3000));
        kill(pids[i], SIGCONT);
        break;

    case 1:
    case 2:
        kill(pids[i], SIGKILL);
        break;

    default:
        if (atomic_load(&life->arm_point) == 0 || below(random, 20) == 0) {
            atomic_store(&life->arm_point, 0);
            atomic_store(&life->arm_n, 1 + (int) below(random, 3));
            atomic_store(&life->arm_point,
                         1 + (int) below(random, SECTOR_STORE_FP_N + 3));
        }
    }
}


static uint64_t
now_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


/* Everybody must get on, and something must be stored and found. */
static int
wedged(void)
{
    int              i;
    life_t          *life;
    uint64_t         now, sum;
    static uint64_t  since[CHILDREN + 2], last[CHILDREN + 2];

    now = now_ms();

    for (i = 0; i < CHILDREN + 2; i++) {
        sum = 0;

        if (i < CHILDREN) {
            sum = load(&board->life[i].ops);

        } else {
            for (life = board->life; life < board->life + CHILDREN; life++) {
                sum += load(i == CHILDREN ? &life->stored : &life->hits);
            }
        }

        if (sum != last[i] || since[i] == 0) {
            last[i] = sum;
            since[i] = now;
        }

        if (now - since[i] > WEDGED_MS) {
            fprintf(stderr, "wedged: %d of %d\n", i, CHILDREN);
            return 1;
        }
    }

    return 0;
}


static int
torment(uint64_t kills, uint64_t *random)
{
    int  i;

    for (i = 0; i < CHILDREN; i++) {
        spawn(i, store_region_random64(random));
    }

    while (killed < kills) {
        atomic_fetch_add(&board->clock, 1);
        attack(random);
        usleep(below(random, 1500));

        while ((i = reap(WNOHANG)) >= 0) {
            spawn(i, store_region_random64(random));
        }

        if (i == -2 || wedged()) {
            return 1;
        }
    }

    atomic_store(&board->stop, 1);

    return 0;
}


/* Ends the children: kindly, or at once. */
static int
finish(int bad)
{
    int       i, left;
    uint64_t  since;

    since = now_ms();

    for ( ;; ) {
        for (i = 0, left = 0; i < CHILDREN; i++) {
            left += (pids[i] > 0);

            if (bad && pids[i] > 0) {
                kill(pids[i], SIGKILL);
            }
        }

        if (left == 0) {
            return bad;
        }

        while ((i = reap(WNOHANG)) >= 0) { /* void */ }

        if (i == -2) {
            return 1;
        }

        if (!bad && now_ms() - since > WEDGED_MS) {
            fprintf(stderr, "wedged in the end\n");
            bad = 1;
        }

        usleep(1000);
    }
}


int
main(int argc, char **argv)
{
    int       bad, i, points;
    uint64_t  kills, random, began;

    kills = argc > 1 ? strtoull(argv[1], NULL, 10) : 300;
    random = store_region_seed();
    began = now_ms();

    make();
    sector_store_test_fail = hook;

    bad = torment(kills, &random);
    bad = finish(bad);

    for (i = 0, points = 0; i < SECTOR_STORE_FP_N + 3; i++) {
        points += (died_at[i] != 0);
    }

    printf("%llu killed, %llu of them with the lock, %llu in the middle of "
           "a change; at %d of %d points; %llu s\n",
           (unsigned long long) killed, (unsigned long long) held,
           (unsigned long long) marked, points, SECTOR_STORE_FP_N + 3,
           (unsigned long long) (now_ms() - began) / 1000);

    if (!bad) {
        bad = verify(killed);
    }

    printf("%s\n", bad ? "FAILED" : "passed");

    return bad;
}


#endif
