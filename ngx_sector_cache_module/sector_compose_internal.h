/*
 * sector_compose_internal: what the files that build with jansson give each
 * other.  Functions that add a member return 0, or -1 when there was no
 * memory, and take the reference of what they add in either case.
 *
 * Layer 1.
 */

#ifndef SECTOR_COMPOSE_INTERNAL_H
#define SECTOR_COMPOSE_INTERNAL_H


#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "sector_compose.h"


/* A time of 0 is null: never. */
int sector_compose_time_member(json_t *object, const char *name,
    int64_t wall_ms);

/* value is UTF-8. */
int sector_compose_string_member(json_t *object, const char *name,
    const char *value);

int sector_compose_number_member(json_t *object, const char *name,
    uint64_t value);


/* Adds what is wrong with a source, but for how long stale data lasts. */
int sector_compose_trouble(json_t *object,
    const sector_compose_source_t *source);


/* Prints a value, unless something failed while it was built, and releases
 * it. */
char *sector_compose_dump(json_t *value, int failed, size_t *len);


#endif /* SECTOR_COMPOSE_INTERNAL_H */
