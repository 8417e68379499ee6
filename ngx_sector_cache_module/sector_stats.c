#include "sector_stats.h"


#define SECTOR_STATS_ROW(id, name, help)  { name, help },


const sector_stats_row_t  sector_stats_rows[SECTOR_STATS_N] = {
    SECTOR_STATS_COUNTERS(SECTOR_STATS_ROW)
};


const sector_stats_row_t  sector_stats_fetch_rows[SECTOR_FETCH_STATS_N] = {
    SECTOR_STATS_SOURCE(SECTOR_STATS_ROW)
};


const uint64_t  sector_stats_bounds_ms[SECTOR_STATS_BOUNDS] = {
    0, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000
};


void
sector_stats_observe(sector_histogram_t *histogram, uint64_t ms)
{
    unsigned  i;

    for (i = 0; i < SECTOR_STATS_BOUNDS; i++) {
        if (ms <= sector_stats_bounds_ms[i]) {
            break;
        }
    }

    histogram->sum_ms += ms;
    histogram->buckets[i]++;
}
