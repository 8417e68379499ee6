/*
 * The bodies that an operator sends.
 *
 *     byte 0   which: a sector, sectors, a snapshot, the switch, a state
 *     rest     the body
 *
 * What is accepted is what a reader finds in the same body, and a sector of
 * sector_model_parse()'s.
 */

#include <math.h>
#include <strings.h>

#include <jansson.h>

#include "fuzz.h"
#include "sector_model_admin.h"
#include "sector_model_json.h"


#define PUTS_MAX  3


static const char *const  states[] = { "open", "closed", "auto" };


static void
check_reason(sector_model_admin_e error, const char *reason)
{
    if (error == SECTOR_MODEL_ADMIN_OK) {
        fuzz_check(reason[0] == '\0');

    } else {
        fuzz_check(error != SECTOR_MODEL_ADMIN_NO_MEMORY);
        fuzz_reason(reason, SECTOR_MODEL_REASON_MAX);
    }
}


/*
 * A body that is read whole, without the byte order mark that may be in front
 * of it; NULL: it is not, or has zero bytes.
 */

static json_t *
read_body(const char *body, size_t len)
{
    json_error_t  error;

    if (len >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0) {
        body += 3;
        len -= 3;
    }

    return memchr(body, '\0', len) == NULL
           ? sector_json_load(body, len, &error) : NULL;
}


/* What is to be put lies in the body, and is what an upstream may say. */

static void
check_put(const char *body, size_t len, const sector_model_admin_put_t *put)
{
    sector_model_input_t   in;
    sector_model_output_t  out;

    fuzz_check(put->json >= body && put->json_len <= len);
    fuzz_check(put->json + put->json_len <= body + len);

    memset(&in, 0, sizeof(in));
    in.body = put->json;
    in.body_len = put->json_len;
    in.symbol = put->symbol;

    fuzz_check(sector_model_parse(&in, &out) == SECTOR_MODEL_OK);
    fuzz_check(out.json_len == put->json_len);
    fuzz_check(memcmp(out.json, put->json, out.json_len) == 0);
    fuzz_check(out.quote_ms == put->quote_ms);
    free(out.json);
}


static void
check_sector(const char *body, size_t len)
{
    char                       reason[SECTOR_MODEL_REASON_MAX];
    sector_model_admin_e       error;
    sector_model_input_t       in;
    sector_model_output_t      out;
    sector_model_status_e      status;
    sector_model_admin_put_t   put;

    error = sector_model_admin_sector(body, len, "XLK", &put, reason);
    check_reason(error, reason);

    memset(&in, 0, sizeof(in));
    in.body = body;
    in.body_len = len;
    in.symbol = "XLK";
    status = sector_model_parse(&in, &out);

    fuzz_check((error == SECTOR_MODEL_ADMIN_OK)
               == (status == SECTOR_MODEL_OK));

    if (error == SECTOR_MODEL_ADMIN_OK) {
        fuzz_check(strcmp(put.symbol, "XLK") == 0);
        fuzz_check(put.json_len == out.json_len);
        check_put(body, len, &put);
    }

    free(out.json);
}


static void
check_sectors(const char *body, size_t len)
{
    char                       reason[SECTOR_MODEL_REASON_MAX];
    size_t                     i, k, n;
    json_t                    *root, *value;
    const char                *key;
    sector_model_admin_e       error;
    sector_model_admin_put_t  *puts;

    puts = malloc(PUTS_MAX * sizeof(*puts));
    fuzz_check(puts != NULL);

    error = sector_model_admin_sectors(body, len, PUTS_MAX, puts, &n, reason);
    check_reason(error, reason);
    root = read_body(body, len);

    if (error == SECTOR_MODEL_ADMIN_MANY) {
        fuzz_check(json_object_size(root) > PUTS_MAX);
    }

    if (error == SECTOR_MODEL_ADMIN_OK) {
        fuzz_check(n >= 1 && n <= PUTS_MAX);
        fuzz_check(json_object_size(root) == n);
        i = 0;

        json_object_foreach(root, key, value) {
            fuzz_check(strcasecmp(puts[i].symbol, key) == 0);

            for (k = 0; k < i; k++) {
                fuzz_check(strcmp(puts[i].symbol, puts[k].symbol) != 0);
            }

            check_put(body, len, &puts[i]);
            i++;
        }
    }

    json_decref(root);
    free(puts);
}


/* Served is what has no Z. */

static int
serves(void *data, const char *symbol)
{
    return strchr(symbol, 'Z') == NULL;
}


/* A sector or the benchmark; whether it has a price. */

static size_t
check_member(json_t *one)
{
    const char  *symbol;

    symbol = sector_json_string(json_object_get(one, "symbol"));
    fuzz_check(symbol != NULL);
    fuzz_check(strpbrk(symbol, "zZ") == NULL);

    if (isfinite(sector_json_double(json_object_get(one, "price")))) {
        return 1;
    }

    fuzz_check(sector_json_is_string(json_object_get(one, "error")));

    return 0;
}


static void
check_snapshot(const char *body, size_t len)
{
    char                       reason[SECTOR_MODEL_REASON_MAX];
    size_t                     i, k, available;
    json_t                    *root, *sectors, *one, *other;
    sector_model_admin_e       error;
    sector_model_admin_put_t   put;

    error = sector_model_admin_snapshot(body, len, serves, NULL, &put,
                                        reason);
    check_reason(error, reason);
    fuzz_check((error == SECTOR_MODEL_ADMIN_UNKNOWN)
               == (put.symbol[0] != '\0'));

    if (error != SECTOR_MODEL_ADMIN_OK) {
        return;
    }

    fuzz_check(put.json >= body && put.json + put.json_len <= body + len);
    fuzz_check(put.json[0] == '{' && put.json[put.json_len - 1] == '}');

    root = read_body(put.json, put.json_len);
    sectors = json_object_get(root, "sectors");
    fuzz_check(json_array_size(sectors) > 0);
    available = 0;

    for (i = 0; i < json_array_size(sectors); i++) {
        one = json_array_get(sectors, i);
        available += check_member(one);

        for (k = 0; k < i; k++) {
            other = json_array_get(sectors, k);
            fuzz_check(strcasecmp(sector_json_string(json_object_get(other,
                                                                  "symbol")),
                                  sector_json_string(json_object_get(one,
                                                                  "symbol")))
                       != 0);
        }
    }

    fuzz_check(available > 0);

    one = json_object_get(root, "benchmark");

    if (one != NULL) {
        (void) check_member(one);
    }

    json_decref(root);
}


static void
check_enabled(const char *body, size_t len)
{
    int                    enabled;
    char                   reason[SECTOR_MODEL_REASON_MAX];
    json_t                *root, *value;
    sector_model_admin_e   error;

    enabled = -1;
    error = sector_model_admin_enabled(body, len, &enabled, reason);
    check_reason(error, reason);

    root = read_body(body, len);
    value = json_object_get(root, "enabled");

    fuzz_check((error == SECTOR_MODEL_ADMIN_OK)
               == (json_object_size(root) == 1 && json_is_boolean(value)));

    if (error == SECTOR_MODEL_ADMIN_OK) {
        fuzz_check(enabled == json_is_true(value));
    }

    json_decref(root);
}


static void
check_state(const char *body, size_t len)
{
    char                   reason[SECTOR_MODEL_REASON_MAX];
    size_t                 i, word;
    json_t                *root;
    const char            *text;
    sector_model_admin_e   error;

    error = sector_model_admin_state(body, len, states, 3, &word, reason);
    check_reason(error, reason);

    root = read_body(body, len);
    text = sector_json_string(json_object_get(root, "state"));

    for (i = 0; i < 3 && (text == NULL || strcmp(text, states[i]) != 0); i++) {
        /* another one */
    }

    fuzz_check((error == SECTOR_MODEL_ADMIN_OK)
               == (json_object_size(root) == 1 && i < 3));

    if (error == SECTOR_MODEL_ADMIN_OK) {
        fuzz_check(word == i);
    }

    json_decref(root);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char          *body;
    size_t         len;
    unsigned       choice;
    fuzz_input_t   in;

    in.p = data;
    in.left = size;
    choice = fuzz_byte(&in) % 5;
    body = fuzz_take(&in, in.left, &len);

    switch (choice) {

    case 0:
        check_sector(body, len);
        break;

    case 1:
        check_sectors(body, len);
        break;

    case 2:
        check_snapshot(body, len);
        break;

    case 3:
        check_enabled(body, len);
        break;

    default:
        check_state(body, len);
    }

    free(body);

    return 0;
}
