/*
 * Built as in sector_compose.c: each member is added by a function that takes
 * its reference even when it fails, the failures are counted, and the end is
 * in one place.
 */

#include "sector_compose_admin.h"

#include <string.h>

#include <jansson.h>


static char *sector_compose_admin_dump(json_t *value, int failed,
    size_t *len);


char *
sector_compose_admin_count(const char *name, uint64_t n, size_t *len)
{
    int      failed;
    json_t  *root;

    root = json_object();
    failed = json_object_set_new(root, name, json_integer((json_int_t) n));

    return sector_compose_admin_dump(root, failed, len);
}


char *
sector_compose_admin_enabled(int enabled, size_t *len)
{
    int      failed;
    json_t  *root;

    root = json_object();
    failed = json_object_set_new(root, "enabled", json_boolean(enabled));

    return sector_compose_admin_dump(root, failed, len);
}


char *
sector_compose_admin_breaker(const char *source, const char *state, int forced,
    size_t *len)
{
    int      failed;
    json_t  *root;

    root = json_object();
    failed = json_object_set_new(root, "source", json_string(source));
    failed |= json_object_set_new(root, "state", json_string(state));
    failed |= json_object_set_new(root, "forced", json_boolean(forced));

    return sector_compose_admin_dump(root, failed, len);
}


char *
sector_compose_admin_refreshed(const sector_compose_refreshed_t *list,
    size_t n, size_t *len)
{
    int      failed;
    size_t   i;
    json_t  *root, *one;

    root = json_object();
    failed = 0;

    for (i = 0; i < n; i++) {
        one = json_object();

        if (list[i].code) {
            failed |= json_object_set_new(one, "status",
                                          json_string(list[i].code));
            failed |= json_object_set_new(one, "error",
                                          json_string(list[i].text));

        } else {
            failed |= json_object_set_new(one, "status", json_string("ok"));
            failed |= json_object_set_new(one, "stored",
                                          json_boolean(list[i].stored));
            failed |= json_object_set_new(one, "ttl",
                                  json_integer((json_int_t) list[i].ttl_s));
        }

        failed |= json_object_set_new(root, list[i].symbol, one);
    }

    return sector_compose_admin_dump(root, failed, len);
}


/* Prints a value, unless something failed while it was built. */

static char *
sector_compose_admin_dump(json_t *value, int failed, size_t *len)
{
    char  *text;

    text = failed ? NULL : json_dumps(value, JSON_COMPACT);

    if (text) {
        *len = strlen(text);
    }

    json_decref(value);

    return text;
}
