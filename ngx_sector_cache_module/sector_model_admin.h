/*
 * sector_model_admin: the bodies that an operator sends.
 *
 * Layer 1: libc and jansson.  A body of our own making is held to the same as
 * an upstream's (see sector_model_parse()), and to more: nothing in it is
 * ignored, since whoever sent it can be told.
 *
 * reason has SECTOR_MODEL_REASON_MAX bytes; it is terminated printable ASCII,
 * lower case start, no full stop, and empty if OK.
 */

#ifndef SECTOR_MODEL_ADMIN_H
#define SECTOR_MODEL_ADMIN_H


#include "sector_model.h"


typedef enum {
    SECTOR_MODEL_ADMIN_OK = 0,
    SECTOR_MODEL_ADMIN_INVALID,     /* not JSON, or not what is asked for */
    SECTOR_MODEL_ADMIN_SYMBOL,      /* the name of a member is no symbol */
    SECTOR_MODEL_ADMIN_MANY,        /* more members than max */
    SECTOR_MODEL_ADMIN_UNKNOWN,     /* a symbol that is not served */
    SECTOR_MODEL_ADMIN_NO_MEMORY
} sector_model_admin_e;


/* A JSON object that is to be stored, byte for byte. */

typedef struct {
    char            symbol[SECTOR_SYMBOL_MAX + 1];
    const char     *json;       /* in the body, not terminated */
    size_t          json_len;
    int64_t         quote_ms;   /* as in sector_model_output_t */
} sector_model_admin_put_t;


/* A sector of our own format about symbol, which is upper case.  OK, INVALID
 * or NO_MEMORY. */
sector_model_admin_e sector_model_admin_sector(const char *body, size_t len,
    const char *symbol, sector_model_admin_put_t *put, char *reason);


/*
 * {symbol: sector, ...}: 1 to max members, each a sector of our own format
 * about the symbol that it is the member of.  Two names of one symbol, in
 * different letter case, are INVALID.  puts has max members, of which *n are
 * set if OK.
 */
sector_model_admin_e sector_model_admin_sectors(const char *body, size_t len,
    size_t max, sector_model_admin_put_t *puts, size_t *n, char *reason);


/* Whether a symbol, which is upper case, may be in a snapshot. */
typedef int (*sector_model_serves_pt)(void *data, const char *symbol);


/*
 * The data of a snapshot: an object whose member sectors is an array, not
 * empty, of sectors of our own format and of such as are unavailable: a symbol,
 * an error, which is a string, perhaps a name, and no price.  One at least has
 * a price, and each is of another symbol.  Its members summary and benchmark
 * may be absent; the one is an object, the other as one of the sectors.
 *
 * UNKNOWN, if all that holds and serves() denies a symbol: the first such is
 * put->symbol then, which is empty else.  OK, UNKNOWN, INVALID or NO_MEMORY.
 */
sector_model_admin_e sector_model_admin_snapshot(const char *body, size_t len,
    sector_model_serves_pt serves, void *data, sector_model_admin_put_t *put,
    char *reason);


/* {"enabled": true or false} and nothing else.  OK, INVALID or NO_MEMORY. */
sector_model_admin_e sector_model_admin_enabled(const char *body, size_t len,
    int *enabled, char *reason);


/* {"state": one of n words} and nothing else; *word is its index.  OK, INVALID
 * or NO_MEMORY. */
sector_model_admin_e sector_model_admin_state(const char *body, size_t len,
    const char *const *words, size_t n, size_t *word, char *reason);


#endif /* SECTOR_MODEL_ADMIN_H */
