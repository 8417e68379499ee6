/*
 * What a client writes into a path and a query: a list of symbols, with
 * escapes or without, and each symbol in it.
 *
 *     byte 0   how many symbols there may be
 *     rest     the text
 */

#include "fuzz.h"
#include "sector_http.h"
#include "sector_model.h"


static int
hex(char c)
{
    const char  *at;

    at = c != '\0' ? strchr("0123456789abcdef0123456789ABCDEF", c) : NULL;

    return at ? (int) (at - "0123456789abcdef0123456789ABCDEF") : -1;
}


/* Decodes by what strtoul() makes of two digits. */

static size_t
model_unescape(const char *text, size_t len, char *out)
{
    char    digits[3];
    size_t  i, n;

    memset(digits, 0, sizeof(digits));

    for (i = 0, n = 0; i < len; i++, n++) {
        out[n] = text[i];

        if (text[i] == '%' && i + 2 < len && hex(text[i + 1]) >= 0
            && hex(text[i + 2]) >= 0)
        {
            memcpy(digits, text + i + 1, 2);
            out[n] = (char) strtoul(digits, NULL, 16);
            i += 2;
        }
    }

    return n;
}


static void
check_unescape(const char *text, size_t len)
{
    char    *out, *expected, *escaped, *place;
    size_t   i, n;

    out = malloc(len + 1);
    expected = malloc(len + 1);
    fuzz_check(out != NULL && expected != NULL);

    n = sector_http_unescape(text, len, out);
    fuzz_check(n <= len);
    fuzz_check(model_unescape(text, len, expected) == n);
    fuzz_check(memcmp(out, expected, n) == 0);

    place = fuzz_copy(text, len);
    fuzz_check(sector_http_unescape(place, len, place) == n);
    fuzz_check(n == 0 || memcmp(place, expected, n) == 0);

    /* all escaped, it is what it was */

    escaped = malloc(3 * len + 1);
    fuzz_check(escaped != NULL);

    for (i = 0; i < len; i++) {
        (void) snprintf(escaped + 3 * i, 4, (i & 1) ? "%%%02x" : "%%%02X",
                        (unsigned) (unsigned char) text[i]);
    }

    fuzz_check(sector_http_unescape(escaped, 3 * len, escaped) == len);
    fuzz_check(len == 0 || memcmp(escaped, text, len) == 0);

    free(out);
    free(expected);
    free(place);
    free(escaped);
}


static void
check_symbol(const char *text, size_t len)
{
    int     valid;
    char   *copy, symbol[SECTOR_SYMBOL_MAX + 1];
    char    again[SECTOR_SYMBOL_MAX + 1];
    size_t  i, dots;

    for (i = 0, dots = 0, valid = len > 0 && len <= SECTOR_SYMBOL_MAX;
         i < len && valid; i++)
    {
        dots += text[i] == '.';
        valid = text[i] != '\0'
                && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                          "0123456789.-^=&_", text[i]) != NULL;
    }

    valid = valid && dots < len;
    copy = fuzz_copy(text, len);

    memset(symbol, 0x5a, sizeof(symbol));
    fuzz_check(sector_model_symbol(copy, len, symbol) == (valid ? 0 : -1));

    if (!valid) {
        fuzz_check(symbol[0] == '\0');
        free(copy);
        return;
    }

    fuzz_check(strlen(symbol) == len);

    for (i = 0; i < len; i++) {
        fuzz_check(symbol[i] == text[i] || symbol[i] + 0x20 == text[i]);
        fuzz_check(symbol[i] < 'a' || symbol[i] > 'z');
    }

    fuzz_check(sector_model_symbol(symbol, len, again) == 0);
    fuzz_check(strcmp(symbol, again) == 0);

    free(copy);
}


static void
check_list(const char *text, size_t len, size_t max)
{
    size_t               i, at, commas, n;
    sector_http_item_t  *items;
    sector_http_list_e   result, expected;

    items = malloc(max * sizeof(*items));
    fuzz_check(items != NULL || max == 0);

    for (i = 0, commas = 0; i < len; i++) {
        commas += text[i] == ',';
    }

    expected = len == 0 ? SECTOR_HTTP_LIST_INVALID
               : commas + 1 > max ? SECTOR_HTTP_LIST_TOO_MANY
               : SECTOR_HTTP_LIST_OK;

    for (i = 0; i <= len && expected == SECTOR_HTTP_LIST_OK; i++) {
        if ((i == len || text[i] == ',') && (i == 0 || text[i - 1] == ',')) {
            expected = SECTOR_HTTP_LIST_INVALID;
        }
    }

    n = 12345;
    result = sector_http_symbols(text, len, max, items, &n);
    fuzz_check(result == expected);
    fuzz_check(n == (result == SECTOR_HTTP_LIST_OK ? commas + 1 : 0));

    /* put together again, they are the text */

    for (i = 0, at = 0; i < n; i++) {
        fuzz_check(items[i].text == text + at && items[i].len > 0);
        at += items[i].len + 1;
        check_symbol(items[i].text, items[i].len);
    }

    fuzz_check(n == 0 || at == len + 1);

    free(items);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char          *text;
    size_t         len, max;
    fuzz_input_t   in;

    in.p = data;
    in.left = size;
    max = fuzz_byte(&in);
    text = fuzz_take(&in, in.left, &len);

    check_unescape(text, len);
    check_symbol(text, len);
    check_list(text, len, max);

    /* as a request does it: decoded in place, then cut */

    len = sector_http_unescape(text, len, text);
    check_list(text, len, max);

    free(text);

    return 0;
}
