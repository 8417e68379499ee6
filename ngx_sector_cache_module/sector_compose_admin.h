/*
 * sector_compose_admin: what the admin endpoints answer with, as data of the
 * success envelope.
 *
 * Layer 1: libc and jansson.  As in sector_compose.h, texts are malloc'ed for
 * the caller to free, and NULL when there is no memory; strings are UTF-8 and
 * terminated.
 */

#ifndef SECTOR_COMPOSE_ADMIN_H
#define SECTOR_COMPOSE_ADMIN_H


#include <stddef.h>
#include <stdint.h>


/* What came of a symbol that was to be fetched. */

typedef struct {
    const char     *symbol;
    const char     *code;           /* NULL: it was; else UPSTREAM_ERROR, ... */
    const char     *text;           /* with a code: for people */
    uint64_t        ttl_s;          /* without one */
    unsigned        stored:1;       /* the same */
} sector_compose_refreshed_t;


/* {"removed":3} */
char *sector_compose_admin_count(const char *name, uint64_t n, size_t *len);


/* {"enabled":false} */
char *sector_compose_admin_enabled(int enabled, size_t *len);


/* {"source":"yahoo","state":"open","forced":true} */
char *sector_compose_admin_breaker(const char *source, const char *state,
    int forced, size_t *len);


/*
 * In the order given:
 *
 *     {"XLK":{"status":"ok","stored":true,"ttl":120},
 *      "XLU":{"status":"UPSTREAM_ERROR","error":"..."},...}
 */
char *sector_compose_admin_refreshed(const sector_compose_refreshed_t *list,
    size_t n, size_t *len);


#endif /* SECTOR_COMPOSE_ADMIN_H */
