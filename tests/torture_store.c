/*
 * Several processes hammer one store while they are killed, at random
 * instants and at every step inside the critical sections; each that dies is
 * replaced.
 *
 *     torture_store [KILLS]      300 if not given; SECTOR_SEED, see
 *                                store_region_seed()
 *
 * What must hold:
 *
 *     - every value read is, byte for byte, one that was stored under that
 *       key, and stays so until the read is closed
 *     - so is every one that sector_store_each() shows
 *     - no process ever sees a key's value go back to an earlier version
 *     - the key of the last miss is whole, or there is none
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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "torture_child.h"


#define WEDGED_MS    20000
#define THREAD_OPS   200000


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
    pid_t     parent;
    child_t  *c;

    parent = getpid();

    atomic_store(&board->life[index].arm_point, 0);

    pids[index] = fork();

    if (pids[index] < 0) {
        perror("fork");
        exit(2);
    }

    if (pids[index] > 0) {
        return;
    }

    /* a child must not outlive its parent, not even one killed by now */

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(4);
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

    pids[i] = 0;

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


/* Ends the children: kindly or, when something is wrong already, at once. */
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

        while ((i = reap(WNOHANG)) != -1) {
            bad |= (i == -2);
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
