/*
 * sector_metrics: what /stats says, for Prometheus.
 *
 * Layer 1.  The text exposition format, version 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * Counters are those of sector_stats.h, named and described there: an outcome
 * becomes a label, every other one a metric, sector_cache_NAME_total, NAME
 * being its name in JSON with underscores instead of capitals.
 */

#ifndef SECTOR_METRICS_H
#define SECTOR_METRICS_H


#include <stddef.h>

#include "sector_compose.h"


#define SECTOR_METRICS_TYPE  "text/plain; version=0.0.4"


/* The whole page, malloc'ed, the caller's to free; NULL: no memory. */
char *sector_metrics(const sector_compose_stats_t *stats, size_t *len);


#endif /* SECTOR_METRICS_H */
