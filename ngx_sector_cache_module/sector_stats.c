#include "sector_stats.h"


#define SECTOR_STATS_ROW(id, name, help)  { name, help },


const sector_stats_row_t  sector_stats_rows[SECTOR_STATS_N] = {
    SECTOR_STATS_COUNTERS(SECTOR_STATS_ROW)
};


const sector_stats_row_t  sector_stats_fetch_rows[SECTOR_FETCH_STATS_N] = {
    SECTOR_STATS_SOURCE(SECTOR_STATS_ROW)
};
