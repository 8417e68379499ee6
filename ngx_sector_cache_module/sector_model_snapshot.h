/*
 * sector_model_snapshot: whether an object is the data of a snapshot.
 *
 * Layer 1.  For sector_model_admin.c alone: see sector_model_admin_snapshot().
 */

#ifndef SECTOR_MODEL_SNAPSHOT_H
#define SECTOR_MODEL_SNAPSHOT_H


#include "sector_model_admin.h"
#include "sector_model_internal.h"


/* OK, INVALID with its reason, or NO_MEMORY.  unknown gets the first symbol
 * that serves(data, symbol) denies, or is empty. */
sector_model_status_e sector_model_snapshot(const sector_model_ctx_t *ctx,
    const json_t *root, sector_model_serves_pt serves, void *data,
    char *unknown);


#endif /* SECTOR_MODEL_SNAPSHOT_H */
