/*
 * bench_store.h: what the store's two benches share.
 */

#ifndef BENCH_STORE_H
#define BENCH_STORE_H


#include <math.h>

#include "store_region.h"


static const sector_store_policy_t  bench_policy = {
    .ttl_ms = UINT64_MAX,
    .max_object_bytes = 64 * 1024
};


static inline void *
bench_shared(size_t bytes)
{
    void  *p;

    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
             -1, 0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }

    return p;
}


/* A trace of keys whose n-th has a probability of n to the power of -skew. */
static inline unsigned *
bench_zipf(unsigned keys, double skew, unsigned n, uint64_t seed)
{
    double     sum, *cdf, u;
    unsigned   i, low, high, middle, *trace;

    cdf = malloc(keys * sizeof(double));
    trace = malloc(n * sizeof(unsigned));

    for (i = 0, sum = 0; i < keys; i++) {
        sum += 1 / pow(i + 1, skew);
        cdf[i] = sum;
    }

    for (i = 0; i < n; i++) {
        u = (double) (store_region_random64(&seed) >> 11) / 9007199254740992.
            * sum;

        for (low = 0, high = keys - 1; low < high; /* void */ ) {
            middle = (low + high) / 2;

            if (cdf[middle] < u) {
                low = middle + 1;

            } else {
                high = middle;
            }
        }

        trace[i] = low;
    }

    free(cdf);

    return trace;
}


#endif /* BENCH_STORE_H */
