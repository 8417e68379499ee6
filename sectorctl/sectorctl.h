/*
 * sectorctl: the command-line client of a server with sector caches.
 *
 *     sectorctl.c          options, the table of commands
 *     sectorctl_conf.c     addresses, the key, times
 *     sectorctl_client.c   one request and what its answer means
 *     sectorctl_print.c    what people read
 *     sectorctl_read.c     get, snapshot, explain
 *     sectorctl_list.c     entries, history, refresh
 *     sectorctl_status.c   status, wait-healthy
 *     sectorctl_write.c    set, clear, enable, disable, breaker
 *     sectorctl_warm.c     warm
 *     sectorctl_top.c      top, with sectorctl_frame.c and sectorctl_term.c
 *
 * It knows the server by HTTP alone and shares no code with the module.
 */

#ifndef SECTORCTL_H
#define SECTORCTL_H


#include <stddef.h>


#define SECTORCTL_VERSION      "0.1.0"

#define SECTORCTL_KEY_MAX      256      /* of a key, as the server has it */
#define SECTORCTL_SYMBOL_MAX   32
#define SECTORCTL_PARALLEL     4
#define SECTORCTL_MINUTES      60
#define SECTORCTL_MINUTES_MAX  1440
#define SECTORCTL_TIMEOUT_MS   30000    /* of a request */
#define SECTORCTL_WAIT_MS      60000    /* of wait-healthy */


/* Exit codes: scripts depend on them. */

typedef enum {
    SECTORCTL_OK = 0,
    SECTORCTL_FAILED,           /* the answer is an error; unhealthy */
    SECTORCTL_USAGE,            /* the command line is wrong */
    SECTORCTL_NO_SERVER,        /* no connection */
    SECTORCTL_REFUSED,          /* 401 or 403 */
    SECTORCTL_TIMEOUT,          /* no answer in time */
    SECTORCTL_BAD_ANSWER,       /* not JSON, or a redirect */
    SECTORCTL_LOCAL             /* a file, or memory, of this machine */
} sectorctl_code_e;


/* The three locations of a server. */

typedef enum {
    SECTORCTL_API = 0,
    SECTORCTL_STATUS,
    SECTORCTL_ADMIN,
    SECTORCTL_PLACES
} sectorctl_place_e;


/* What the command line and the environment say. */

typedef struct {
    char           *server;                     /* for people: no password */
    char           *urls[SECTORCTL_PLACES];     /* without a "/" at the end */
    char            key[SECTORCTL_KEY_MAX + 1]; /* "": none */
    char          **args;                       /* of the command */
    size_t          n_args;
    const char     *ttl;                        /* NULL: not given */
    const char     *proxy;                      /* the same */
    const char     *prefix;                     /* the same */
    size_t          minutes;                    /* of history */
    long            timeout_ms;                 /* 0: not given */
    size_t          parallel;
    unsigned        json:1;
    unsigned        all:1;
    unsigned        once:1;
    unsigned        degraded:1;
} sectorctl_t;


/* The commands; each says itself what went wrong. */

sectorctl_code_e sectorctl_cmd_breaker(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_clear(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_disable(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_enable(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_entries(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_explain(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_get(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_history(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_refresh(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_set(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_snapshot(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_status(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_top(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_wait(sectorctl_t *ctl);
sectorctl_code_e sectorctl_cmd_warm(sectorctl_t *ctl);


/* Writes "sectorctl: ..." and a line break to stderr.  What came from a server
 * is made printable, so that it is one line and moves no cursor. */

void sectorctl_error(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));


/* Memory or the end: what this program needs is little. */

void *sectorctl_alloc(size_t size);
char *sectorctl_format(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));


#endif /* SECTORCTL_H */
