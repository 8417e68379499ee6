/*
 * Hit ratios of the store, of SIEVE as published (without the store's bound
 * on the hand), of LRU and of FIFO, on generated traces: keys with Zipf's
 * law, with and without somebody who now and then reads many keys once.
 *
 * "room" is the part of all keys that fits in; "misses" is the store's number
 * of misses divided by LRU's.  "make bench-store" runs this one too.
 */

#include "bench_store.h"


typedef struct {
    int32_t     newer, older;
    uint8_t     in, visited;
} node_t;


typedef struct {
    node_t     *nodes;
    int32_t     newest, oldest, hand;
    unsigned    n, room;
} queue_t;


static void
queue_cut(queue_t *q, int32_t i)
{
    node_t  *e;

    e = &q->nodes[i];

    if (e->newer >= 0) {
        q->nodes[e->newer].older = e->older;

    } else {
        q->newest = e->older;
    }

    if (e->older >= 0) {
        q->nodes[e->older].newer = e->newer;

    } else {
        q->oldest = e->newer;
    }

    e->in = 0;
    q->n--;
}


static void
queue_push(queue_t *q, int32_t i)
{
    node_t  *e;

    e = &q->nodes[i];
    e->in = 1;
    e->visited = 0;
    e->newer = -1;
    e->older = q->newest;

    if (q->newest >= 0) {
        q->nodes[q->newest].newer = i;

    } else {
        q->oldest = i;
    }

    q->newest = i;
    q->n++;
}


static void
sieve_evict(queue_t *q)
{
    int32_t  i;

    i = q->hand >= 0 ? q->hand : q->oldest;

    while (q->nodes[i].visited) {
        q->nodes[i].visited = 0;
        i = q->nodes[i].newer >= 0 ? q->nodes[i].newer : q->oldest;
    }

    q->hand = q->nodes[i].newer;
    queue_cut(q, i);
}


/* kind: 'l'ru, 's'ieve as published, 'f'ifo */
static double
model_ratio(int kind, const unsigned *trace, unsigned n, unsigned keys,
    unsigned room)
{
    queue_t   q;
    unsigned  i, hits;
    int32_t   key;

    q.nodes = calloc(keys, sizeof(node_t));
    q.newest = q.oldest = q.hand = -1;
    q.n = 0;

    for (i = 0, hits = 0; i < n; i++) {
        key = (int32_t) trace[i];

        if (q.nodes[key].in) {
            hits++;
            q.nodes[key].visited = 1;

            if (kind == 'l') {
                queue_cut(&q, key);
                queue_push(&q, key);
            }

            continue;
        }

        if (q.n == room) {
            if (kind == 's') {
                sieve_evict(&q);

            } else {
                queue_cut(&q, q.oldest);
            }
        }

        queue_push(&q, key);
    }

    free(q.nodes);

    return (double) hits / n;
}


/* Fixed blocks: the region's own allocator is slow with many. */

typedef struct block_s  block_t;

struct block_s {
    block_t        *next;
    unsigned char   rest[184];
};

static store_region_t  region;      /* its lock is used, its memory not */
static block_t        *blocks;


static void *
block_alloc(void *ctx, size_t size)
{
    block_t  *b;

    (void) ctx;
    b = blocks;

    if (b == NULL || size > sizeof(block_t)) {
        return NULL;
    }

    blocks = b->next;

    return b;
}


static void
block_free(void *ctx, void *p)
{
    block_t  *b;

    (void) ctx;
    b = p;
    b->next = blocks;
    blocks = b;
}


static double
store_ratio(const unsigned *trace, unsigned n, unsigned room)
{
    void                *reserve;
    size_t               bytes;
    block_t             *pool;
    unsigned             i, hits;
    sector_store_t       s;
    sector_store_ops_t   ops;
    sector_store_view_t  view;
    sector_store_item_t  item = { .value = "v", .value_bytes = 1 };

    bytes = sector_store_reserve(room * 512ul);
    reserve = bench_shared(bytes);
    pool = calloc(room, sizeof(block_t));
    ops = store_region_ops(&region);
    ops.alloc = block_alloc;
    ops.free = block_free;

    for (i = 0, blocks = NULL; i < room; i++) {
        block_free(NULL, &pool[i]);
    }

    sector_store_create(&s, reserve, bytes, &ops, &bench_policy);
    sector_store_attach(&s, 1);

    for (i = 0, hits = 0; i < n; i++) {

        if (sector_store_read(&s, &trace[i], sizeof(trace[i]), 1, &view)
            != SECTOR_STORE_NONE)
        {
            sector_store_read_end(&s);
            hits++;
            continue;
        }

        (void) sector_store_put(&s, &trace[i], sizeof(trace[i]), &item, 1, 1);
    }

    munmap(reserve, bytes);
    free(pool);

    return (double) hits / n;
}


static void
ratio_row(const char *what, const unsigned *trace, unsigned n, unsigned keys,
    double part)
{
    double    fifo, l, sieve, store;
    unsigned  room;

    room = (unsigned) (keys * part);

    fifo = model_ratio('f', trace, n, keys, room);
    l = model_ratio('l', trace, n, keys, room);
    sieve = model_ratio('s', trace, n, keys, room);
    store = store_ratio(trace, n, room);

    printf("%-24s %4.0f%% %8.4f %8.4f %8.4f %8.4f   %6.3f  %6.3f\n", what,
           part * 100, fifo, l, sieve, store, store / l,
           (1 - store) / (1 - l));
}


/* Now and then somebody reads a tenth of all keys, each once. */
static void
add_scans(unsigned *trace, unsigned n, unsigned keys)
{
    unsigned  i, j, at;

    for (i = n / 10, at = 0; i + keys / 10 < n; i += n / 10) {
        for (j = 0; j < keys / 10; j++) {
            trace[i + j] = keys + at++;
        }
    }
}


int
main(void)
{
    unsigned             i, j, n, keys, *trace;
    static const double  parts[] = { 0.01, 0.1, 0.5 };
    static const double  skews[] = { 0.7, 0.99, 1.2 };
    char                 what[32];

    store_region_make(&region, 64 * 1024);

    n = 2000000;
    keys = 100000;

    printf("hit ratios, %u requests for %u keys\n"
           "%-24s %5s %8s %8s %8s %8s   %6s  %6s\n", n, keys, "", "room",
           "FIFO", "LRU", "SIEVE", "store", "x LRU", "misses");

    for (i = 0; i < 3; i++) {
        trace = bench_zipf(keys, skews[i], n, 42);

        for (j = 0; j < 3; j++) {
            snprintf(what, sizeof(what), "zipf %.2f", skews[i]);
            ratio_row(what, trace, n, keys, parts[j]);
        }

        add_scans(trace, n, keys);

        for (j = 0; j < 3; j++) {
            snprintf(what, sizeof(what), "zipf %.2f and scans", skews[i]);
            ratio_row(what, trace, n, keys * 2, parts[j]);
        }

        free(trace);
    }

    return 0;
}
