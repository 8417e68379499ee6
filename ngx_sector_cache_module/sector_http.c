/*
 * sector_http: see the header.
 *
 * Lists without quotes are cut at their separator, then each piece is trimmed.
 * Lists of entity-tags are read from left to right instead: there a comma is a
 * separator or not, depending on the quotes before it.
 */

#include <string.h>

#include "sector_http.h"


#define SECTOR_HTTP_WEIGHT_1     1000   /* weights are in thousandths */
#define SECTOR_HTTP_QVALUE_MAX   5      /* bytes: 0.123 */


typedef struct {
    const char  *text;                  /* the quotes and what they enclose */
    size_t       len;
    int          weak;
} sector_http_etag_t;


static int
sector_http_blank(char c)
{
    return c == ' ' || c == '\t';
}


static int
sector_http_digit(char c)
{
    return c >= '0' && c <= '9';
}


/* ASCII alone, in any locale. */

static char
sector_http_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char) (c - 'A' + 'a') : c;
}


/* The value of a hexadecimal digit, or -1. */

static int
sector_http_hex(char c)
{
    if (sector_http_digit(c)) {
        return c - '0';
    }

    c = sector_http_lower(c);

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* Takes what stands before the next separator off the rest.  Where there is
 * none, takes everything, and the rest's text is NULL afterwards. */

static sector_http_item_t
sector_http_cut(sector_http_item_t *rest, char separator)
{
    const char          *at;
    sector_http_item_t   item;

    item = *rest;
    at = (item.len != 0) ? memchr(item.text, separator, item.len) : NULL;

    if (at == NULL) {
        rest->text = NULL;
        rest->len = 0;

        return item;
    }

    item.len = (size_t) (at - item.text);
    rest->text = at + 1;
    rest->len -= item.len + 1;

    return item;
}


static sector_http_item_t
sector_http_trim(sector_http_item_t item)
{
    while (item.len != 0 && sector_http_blank(item.text[0])) {
        item.text++;
        item.len--;
    }

    while (item.len != 0 && sector_http_blank(item.text[item.len - 1])) {
        item.len--;
    }

    return item;
}


/* Whether an item is this word, of small letters, in any case. */

static int
sector_http_is(sector_http_item_t item, const char *word)
{
    size_t  i;

    if (item.len != strlen(word)) {
        return 0;
    }

    for (i = 0; i < item.len; i++) {
        if (sector_http_lower(item.text[i]) != word[i]) {
            return 0;
        }
    }

    return 1;
}


/* A qvalue in thousandths (RFC 9110, 12.4.2); a malformed one is 0. */

static int
sector_http_qvalue(const char *text, size_t len)
{
    int     value, unit;
    size_t  i;

    if (len == 0 || len > SECTOR_HTTP_QVALUE_MAX) {
        return 0;
    }

    if ((text[0] != '0' && text[0] != '1') || (len > 1 && text[1] != '.')) {
        return 0;
    }

    value = (text[0] - '0') * SECTOR_HTTP_WEIGHT_1;
    unit = SECTOR_HTTP_WEIGHT_1 / 10;

    for (i = 2; i < len; i++) {
        if (!sector_http_digit(text[i])) {
            return 0;
        }

        value += (text[i] - '0') * unit;
        unit /= 10;
    }

    return (value <= SECTOR_HTTP_WEIGHT_1) ? value : 0;
}


/* The weight of an element of which the coding was cut off. */

static int
sector_http_weight(sector_http_item_t rest)
{
    if (rest.text == NULL) {
        return SECTOR_HTTP_WEIGHT_1;
    }

    rest = sector_http_trim(rest);

    if (rest.len < 2 || sector_http_lower(rest.text[0]) != 'q'
        || rest.text[1] != '=')
    {
        return 0;
    }

    return sector_http_qvalue(rest.text + 2, rest.len - 2);
}


int
sector_http_accepts_gzip(const char *value, size_t len)
{
    int                 gzip, identity, any, weight, *named;
    sector_http_item_t  rest, element, coding;

    gzip = identity = any = -1;         /* not named */
    rest.text = value;
    rest.len = len;

    while (rest.text != NULL) {
        element = sector_http_cut(&rest, ',');
        coding = sector_http_trim(sector_http_cut(&element, ';'));

        if (sector_http_is(coding, "gzip") || sector_http_is(coding, "x-gzip"))
        {
            named = &gzip;

        } else if (sector_http_is(coding, "identity")) {
            named = &identity;

        } else if (sector_http_is(coding, "*")) {
            named = &any;

        } else {
            continue;
        }

        weight = sector_http_weight(element);
        *named = (weight > *named) ? weight : *named;
    }

    if (gzip == -1) {
        gzip = any;
    }

    return gzip > 0 && gzip >= identity;
}


/* What may stand between an entity-tag's quotes (RFC 9110, 8.8.3): no blanks,
 * no control characters, but any byte above ASCII. */

static int
sector_http_etagc(char c)
{
    unsigned char  byte = (unsigned char) c;

    return byte > 0x20 && byte != '"' && byte != 0x7f;
}


/* Reads the entity-tag with which a text begins.  Returns how long it is, W/
 * included, or 0 if there is none. */

static size_t
sector_http_etag_read(const char *text, size_t len, sector_http_etag_t *tag)
{
    size_t  start, i;

    tag->weak = (len >= 2 && text[0] == 'W' && text[1] == '/');
    start = tag->weak ? 2 : 0;

    if (start == len || text[start] != '"') {
        return 0;
    }

    i = start + 1;

    while (i < len && sector_http_etagc(text[i])) {
        i++;
    }

    if (i == len || text[i] != '"') {
        return 0;
    }

    tag->text = text + start;
    tag->len = i + 1 - start;

    return i + 1;
}


/* Takes an entity-tag off a list.  Returns 0 if there is none left, or what
 * comes next is malformed. */

static int
sector_http_etag_next(sector_http_item_t *rest, sector_http_etag_t *tag)
{
    size_t       i, len;
    const char  *text;

    text = rest->text;
    i = 0;

    while (i < rest->len && (sector_http_blank(text[i]) || text[i] == ',')) {
        i++;
    }

    len = sector_http_etag_read(text + i, rest->len - i, tag);

    if (len == 0) {
        return 0;
    }

    i += len;

    while (i < rest->len && sector_http_blank(text[i])) {
        i++;
    }

    if (i < rest->len && text[i] != ',') {
        return 0;
    }

    rest->text += i;
    rest->len -= i;

    return 1;
}


int
sector_http_etag_match(const char *list, size_t len, const char *etag,
    size_t etag_len, int weak)
{
    sector_http_item_t  rest;
    sector_http_etag_t  ours, tag;

    rest.text = list;
    rest.len = len;
    rest = sector_http_trim(rest);

    if (sector_http_is(rest, "*")) {
        return 1;
    }

    if (rest.len == 0 || etag_len == 0
        || sector_http_etag_read(etag, etag_len, &ours) != etag_len)
    {
        return 0;
    }

    while (sector_http_etag_next(&rest, &tag)) {
        if (!weak && (tag.weak || ours.weak)) {
            continue;
        }

        if (tag.len == ours.len && memcmp(tag.text, ours.text, tag.len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* Whether both dates are known, and the representation is newer: 1, or is not:
 * 0.  -1 where one is unknown, and the condition is to be ignored. */

static int
sector_http_newer(int64_t modified_s, int64_t since_s)
{
    return (modified_s < 0 || since_s < 0) ? -1 : modified_s > since_s;
}


sector_http_verdict_e
sector_http_evaluate(const sector_http_conditions_t *c, const char *etag,
    size_t etag_len, int64_t modified_s)
{
    if (c->if_match != NULL) {

        if (!sector_http_etag_match(c->if_match, c->if_match_len, etag,
                                    etag_len, 0))
        {
            return SECTOR_HTTP_FAILED;
        }

    } else if (sector_http_newer(modified_s, c->if_unmodified_since) == 1) {
        return SECTOR_HTTP_FAILED;
    }

    if (c->if_none_match != NULL) {
        return sector_http_etag_match(c->if_none_match, c->if_none_match_len,
                                      etag, etag_len, 1)
               ? SECTOR_HTTP_NOT_MODIFIED : SECTOR_HTTP_SEND;
    }

    return sector_http_newer(modified_s, c->if_modified_since) == 0
           ? SECTOR_HTTP_NOT_MODIFIED : SECTOR_HTTP_SEND;
}


sector_http_list_e
sector_http_symbols(const char *text, size_t len, size_t max,
    sector_http_item_t *items, size_t *n)
{
    int                 empty;
    size_t              count;
    sector_http_item_t  rest;

    *n = 0;

    if (len == 0) {
        return SECTOR_HTTP_LIST_INVALID;
    }

    empty = 0;
    rest.text = text;
    rest.len = len;

    for (count = 0; rest.text != NULL; count++) {
        if (count == max) {
            return SECTOR_HTTP_LIST_TOO_MANY;
        }

        items[count] = sector_http_cut(&rest, ',');
        empty |= (items[count].len == 0);
    }

    if (empty) {
        return SECTOR_HTTP_LIST_INVALID;
    }

    *n = count;

    return SECTOR_HTTP_LIST_OK;
}


size_t
sector_http_unescape(const char *text, size_t len, char *out)
{
    int     high, low;
    size_t  i, n;

    n = 0;

    for (i = 0; i < len; i++) {
        if (text[i] == '%' && len - i > 2) {
            high = sector_http_hex(text[i + 1]);
            low = sector_http_hex(text[i + 2]);

            if (high >= 0 && low >= 0) {
                out[n++] = (char) (unsigned char) (high << 4 | low);
                i += 2;
                continue;
            }
        }

        out[n++] = text[i];
    }

    return n;
}


/* The number that digits alone make, cut down to a maximum; -1: something
 * else is there, or nothing. */

static int64_t
sector_http_seconds(const char *value, size_t len, int64_t max)
{
    size_t   i;
    int64_t  seconds;

    if (len == 0) {
        return -1;
    }

    seconds = 0;

    for (i = 0; i < len; i++) {
        if (!sector_http_digit(value[i])) {
            return -1;
        }

        /* cut down after each digit, so that no number of them overflows */

        seconds = seconds * 10 + (value[i] - '0');

        if (seconds > max) {
            seconds = max;
        }
    }

    return seconds;
}


int64_t
sector_http_retry_after(const char *value, size_t len)
{
    return sector_http_seconds(value, len, SECTOR_HTTP_RETRY_AFTER_MAX);
}


int64_t
sector_http_age(const char *value, size_t len)
{
    sector_http_item_t  item;

    item.text = value;
    item.len = len;
    item = sector_http_trim(sector_http_cut(&item, ','));

    return sector_http_seconds(item.text, item.len, SECTOR_HTTP_AGE_MAX);
}


static int
sector_http_same(sector_http_item_t item, const char *text)
{
    return item.len == strlen(text) && memcmp(item.text, text, item.len) == 0;
}


/* Takes the next word off a structured list: what stands before a comma or a
 * semicolon that is not inside quotes.  Says which of the two it was, or a
 * comma at the end. */

static char
sector_http_word(sector_http_item_t *rest, sector_http_item_t *word)
{
    size_t  i;
    int     quoted;

    quoted = 0;

    for (i = 0; i < rest->len; i++) {
        if (quoted && rest->text[i] == '\\') {
            i++;

        } else if (rest->text[i] == '"') {
            quoted = !quoted;

        } else if (!quoted && (rest->text[i] == ',' || rest->text[i] == ';')) {
            word->text = rest->text;
            word->len = i;
            *word = sector_http_trim(*word);

            rest->text += i + 1;
            rest->len -= i + 1;

            return rest->text[-1];
        }
    }

    *word = sector_http_trim(*rest);
    rest->len = 0;

    return ',';
}


int
sector_http_partial(const char *value, size_t len)
{
    int                 first, ours;
    char                end;
    sector_http_item_t  rest, word;

    first = 1;
    ours = 0;
    rest.text = value;
    rest.len = len;

    while (rest.len != 0) {
        end = sector_http_word(&rest, &word);

        if (first) {
            ours = sector_http_same(word, "sector-cache");

        } else if (ours && (sector_http_same(word, "detail=PARTIAL")
                            || sector_http_same(word, "detail=\"PARTIAL\"")))
        {
            return 1;
        }

        first = (end == ',');
    }

    return 0;
}
