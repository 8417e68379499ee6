/*
 * torture_child: what one process does in torture_store.c, and what must hold
 * when all have ended.
 */

#ifndef TORTURE_CHILD_H
#define TORTURE_CHILD_H


#include "store_region.h"


#define CHILDREN     5
#define KEYS         400
#define REGION       (192 * 1024)
#define VALUE_MAX    3000


/* What a child has done, over all its lives; only the child writes, but for
 * arm, which the parent sets and the child's hook counts down. */

typedef struct {
    alignas(64)
    _Atomic uint64_t    ops;
    _Atomic uint64_t    stored;
    _Atomic uint64_t    refused;
    _Atomic uint64_t    hits;
    _Atomic uint64_t    misses;
    _Atomic uint64_t    shown;          /* entries, by each */
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
    uint64_t            cursor;         /* of each */
    store_region_t      region;
    sector_store_t      st;
    unsigned char       value[VALUE_MAX];
} child_t;


static const sector_store_policy_t  policy = {
    .ttl_ms = 3,
    .stale_ms = 3,
    .swr_ms = 1,
    .jitter_percent = 50,
    .max_object_bytes = VALUE_MAX
};

static board_t         *board;
static store_region_t   region;


static inline uint64_t
load(_Atomic uint64_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}


static inline void
bump(_Atomic uint64_t *p)
{
    atomic_store_explicit(p, load(p) + 1, memory_order_relaxed);
}


static inline unsigned
below(uint64_t *random, unsigned n)
{
    return (unsigned) (store_region_random64(random) % n);
}


/* The bytes of a key's version: any of another one differ. */
static inline size_t
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


static inline size_t
name(char *p, size_t bytes, unsigned key)
{
    return (size_t) snprintf(p, bytes, "key-%u", key);
}


static inline void
wrong(child_t *c, unsigned key, const char *what)
{
    fprintf(stderr, "child %d, key %u: %s\n", c->index, key, what);
    _exit(3);
}


/* Reads and verifies, looking twice and now and then staying long. */
static inline void
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


static inline void
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


/* What each shows is verified like what a read finds. */
static inline void
shown(void *data, const void *key, size_t key_len,
    const sector_store_view_t *view)
{
    char      text[16];
    size_t    bytes;
    child_t  *c;
    unsigned  n, looks;

    c = data;

    if (key_len >= sizeof(text)) {
        wrong(c, 0, "a key that nobody stored");
    }

    memcpy(text, key, key_len);
    text[key_len] = '\0';

    if (sscanf(text, "key-%u", &n) != 1 || n >= KEYS) {
        wrong(c, 0, "a key that nobody stored");
    }

    bytes = fill(c->value, n, view->tag);

    if (view->value_bytes != bytes) {
        wrong(c, n, "shown with another length");
    }

    for (looks = 0; looks < 3; looks++) {
        if (memcmp(view->value, c->value, bytes) != 0) {
            wrong(c, n, "shown with a wrong byte");
        }
    }

    if (view->tag < c->seen[n]) {
        wrong(c, n, "an older version shown than before");
    }

    c->seen[n] = view->tag;
    bump(&c->life->shown);
}


/* The last miss is a whole key, or none. */
static inline void
do_info(child_t *c)
{
    char                 again[16];
    unsigned             n;
    sector_store_info_t  info;

    sector_store_info(&c->st, &info);

    if (info.last_miss[0] == '\0') {
        return;
    }

    if (sscanf(info.last_miss, "key-%u", &n) != 1 || n >= KEYS) {
        wrong(c, 0, "a last miss that nobody noted");
    }

    (void) name(again, sizeof(again), n);

    if (strcmp(again, info.last_miss) != 0) {
        wrong(c, n, "a last miss in two halves");
    }
}


static inline void
do_rest(child_t *c, unsigned dice)
{
    char    key[16];
    size_t  len;

    len = name(key, sizeof(key), below(&c->random, KEYS));

    if (dice < 500) {
        (void) sector_store_delete(&c->st, key, len);

    } else if (dice < 510) {
        if (below(&c->random, 50) == 0) {
            (void) sector_store_clear(&c->st);
        }

    } else if (dice < 600) {
        do_info(c);

    } else if (dice < 700) {
        sector_store_note_miss(&c->st, key, len);

    } else if (dice < 710) {
        sector_store_detach(&c->st);

    } else if (dice < 740) {
        if (c->st.slot == NULL) {
            sector_store_attach(&c->st, c->region.id);
        }

    } else {
        c->cursor = sector_store_each(&c->st, c->cursor, load(&board->clock),
                                      shown, c);
    }
}


/* A store handle of its own, and often a slot. */
static inline void
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


static inline void
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
static inline int
verify(uint64_t slack)
{
    int                  i, bad;
    child_t             *c;
    uint64_t             hits, misses, stored, refused, shown_n;
    const char          *what;
    sector_store_info_t  info;

    c = malloc(sizeof(child_t));
    start(c, 0, getpid(), 1);
    sector_store_info(&c->st, &info);

    hits = misses = stored = refused = shown_n = 0;

    for (i = 0; i < CHILDREN; i++) {
        hits += load(&board->life[i].hits);
        misses += load(&board->life[i].misses);
        stored += load(&board->life[i].stored);
        refused += load(&board->life[i].refused);
        shown_n += load(&board->life[i].shown);
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

    printf("shown      %12llu\n", (unsigned long long) shown_n);
    printf("evicted %llu, expired %llu, recoveries %llu\n",
           (unsigned long long) info.counters[SECTOR_STAT_EVICT],
           (unsigned long long) info.counters[SECTOR_STAT_EXPIRE],
           (unsigned long long) info.counters[SECTOR_STAT_RECOVERY]);

    bad |= (info.counters[SECTOR_STAT_RECOVERY] > slack);
    bad |= (hits == 0 || stored == 0 || shown_n == 0);

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


static inline void
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


#endif /* TORTURE_CHILD_H */
