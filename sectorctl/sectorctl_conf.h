/*
 * Where the server is, the key, and times.
 */

#ifndef SECTORCTL_CONF_H
#define SECTORCTL_CONF_H


#include "sectorctl.h"


/* What was given by options; NULL: nothing, then the environment's is taken,
 * then the default. */

typedef struct {
    const char     *server;
    const char     *urls[SECTORCTL_PLACES];
    const char     *key_file;
} sectorctl_given_t;


/* Fills in ctl->server and ctl->urls.  A place that begins with a "/" is a
 * path of the server, any other is an address of its own. */

sectorctl_code_e sectorctl_conf_urls(sectorctl_t *ctl,
    const sectorctl_given_t *given);


/* Fills in ctl->key: that of the file, else SECTORCTL_KEY, else that of the
 * file SECTORCTL_KEY_FILE; "" without any. */

sectorctl_code_e sectorctl_conf_key(sectorctl_t *ctl, const char *key_file);


/* "90", "1.5", "500ms", "30s", "2m", "1h" in milliseconds: 1 to 1 day.
 * Returns 0 for anything else. */

long sectorctl_conf_time(const char *text);


/* Whether it is one: 1 to 32 of A-Z a-z 0-9 . - ^ = & _, and not dots alone,
 * which would be another path. */

int sectorctl_conf_symbol(const char *text);


/* Whether a URL is of this machine: 127.0.0.0/8, ::1, mapped into IPv6 or not,
 * localhost and what ends with .localhost (RFC 6761, 6.3). */

int sectorctl_conf_loopback(const char *url);


/* Milliseconds of a clock that nobody sets. */

long long sectorctl_now_ms(void);


#endif /* SECTORCTL_CONF_H */
