/*
 * sector_model_print: numbers, and a record -> the text of a sector.
 *
 * One table names the fields, their order and their types; the printer walks
 * it, and so does the check of our own format.
 *
 * The digits of a number are made with "%e" and laid out here, so that the
 * locale's decimal point stays out, and no function of libm is called, so that
 * the module does not need nginx to be linked with it.  Text is printed as raw
 * UTF-8; only what JSON forbids between quotes is escaped.
 *
 * The printed form is built in one allocation of the largest size that the
 * record can take, so nothing can fail half-way.
 */

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sector_model_internal.h"


/* The longest number, and an escaped byte, in the printed form. */

#define SECTOR_MODEL_NUMBER_MAX  32
#define SECTOR_MODEL_ESCAPE_MAX   6

/* Numbers this close to 0 take an exponent, as they do in JavaScript: the power
 * of ten of the first digit.  So do numbers from 2^63 up, which JavaScript
 * would print as integers up to 1e21: many a reader, jansson too, refuses an
 * integer of more than 64 bits. */

#define SECTOR_MODEL_EXPONENT_MIN  -7
#define SECTOR_MODEL_INTEGER_END   0x1p63


const sector_model_field_t  sector_model_fields[SECTOR_FIELD_N] = {
    [SECTOR_FIELD_SYMBOL]          = { "symbol", SECTOR_VALUE_TEXT },
    [SECTOR_FIELD_NAME]            = { "name", SECTOR_VALUE_TEXT },
    [SECTOR_FIELD_PRICE]           = { "price", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_CHANGE]          = { "change", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_CHANGE_PERCENT]  = { "changePercent", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_VOLUME]          = { "volume", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_TIMESTAMP]       = { "timestamp", SECTOR_VALUE_INTEGER },
    [SECTOR_FIELD_LONG_NAME]       = { "longName", SECTOR_VALUE_TEXT },
    [SECTOR_FIELD_CURRENCY]        = { "currency", SECTOR_VALUE_TEXT },
    [SECTOR_FIELD_MARKET_STATE]    = { "marketState", SECTOR_VALUE_TEXT },
    [SECTOR_FIELD_MARKET_CAP]      = { "marketCap", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_DAY_HIGH]        = { "dayHigh", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_DAY_LOW]         = { "dayLow", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_PREVIOUS_CLOSE]  = { "previousClose", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_50_DAY_AVERAGE]  = { "fiftyDayAverage", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_200_DAY_AVERAGE] = { "twoHundredDayAverage",
                                       SECTOR_VALUE_REAL },
    [SECTOR_FIELD_52_WEEK_HIGH]    = { "fiftyTwoWeekHigh", SECTOR_VALUE_REAL },
    [SECTOR_FIELD_52_WEEK_LOW]     = { "fiftyTwoWeekLow", SECTOR_VALUE_REAL }
};


/*
 * Finds the fewest significant digits that read back as the value, which is
 * finite and not 0; returns the power of ten of the first.  15 digits hold
 * whatever was written with up to 15, subnormals apart.  snprintf() and
 * strtod() use the same decimal point, and only the digits are taken.  A few
 * powers of two, such as 2^-24, get a 17th digit that they could do without.
 */
static int
sector_model_digits(double value, char *digits, size_t *n)
{
    int          precision;
    char         text[64];
    const char  *p;

    precision = (value < DBL_MIN && value > -DBL_MIN) ? 1 : 15;

    for ( ;; ) {
        (void) snprintf(text, sizeof(text), "%.*e", precision - 1, value);

        if (precision == 17 || strtod(text, NULL) == value) {
            break;
        }

        precision++;
    }

    *n = 0;

    for (p = text; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') {
            digits[(*n)++] = *p;
        }
    }

    while (*n > 1 && digits[*n - 1] == '0') {
        (*n)--;
    }

    return (int) strtol(p + 1, NULL, 10);
}


/*
 * Lays digits out without an exponent; the first is worth 10^exponent.
 */
static char *
sector_model_plain(char *p, const char *digits, size_t n, int exponent)
{
    int  i;

    if (exponent < 0) {
        *p++ = '0';
        *p++ = '.';

        for (i = -1; i > exponent; i--) {
            *p++ = '0';
        }

        memcpy(p, digits, n);
        return p + n;
    }

    for (i = 0; i < (int) n || i <= exponent; i++) {
        if (i == exponent + 1) {
            *p++ = '.';
        }

        *p++ = (i < (int) n) ? digits[i] : '0';
    }

    return p;
}


/*
 * Prints a number as JavaScript would, within 64 bits.
 */
size_t
sector_model_number(double value, char *buf)
{
    int     exponent;
    char   *p, digits[24];
    size_t  n;

    p = buf;

    if (value == 0 || !isfinite(value)) {
        *p++ = '0';
        *p = '\0';
        return 1;
    }

    if (value < 0) {
        *p++ = '-';
    }

    exponent = sector_model_digits(value, digits, &n);

    if (value < SECTOR_MODEL_INTEGER_END && value > -SECTOR_MODEL_INTEGER_END
        && exponent > SECTOR_MODEL_EXPONENT_MIN)
    {
        p = sector_model_plain(p, digits, n, exponent);
        *p = '\0';
        return (size_t) (p - buf);
    }

    p = sector_model_plain(p, digits, n, 0);
    p += sprintf(p, "e%+d", exponent);

    return (size_t) (p - buf);
}


/*
 * Takes a number as it is.
 */
int
sector_model_take(const json_t *value, sector_value_t *taken)
{
    if (value == NULL || json_is_null(value)) {
        return 0;
    }

    if (json_is_integer(value)) {
        taken->kind = SECTOR_VALUE_INTEGER;
        taken->integer = json_integer_value(value);

    } else if (json_is_real(value)) {
        taken->kind = SECTOR_VALUE_REAL;
        taken->real = json_real_value(value);

    } else if (sector_json_unsigned(value, &taken->natural) == 0) {
        taken->kind = SECTOR_VALUE_UNSIGNED;
        taken->integer = INT64_MAX;

    } else {
        return -1;
    }

    return 0;
}


/*
 * Prints a text between quotes; JSON asks for no more escapes than these.
 */
static char *
sector_model_print_text(char *p, const char *text, size_t len)
{
    size_t         i;
    unsigned char  c;

    *p++ = '"';

    for (i = 0; i < len; i++) {
        c = (unsigned char) text[i];

        if (c < 0x20) {
            p += sprintf(p, "\\u%04x", c);
            continue;
        }

        if (c == '"' || c == '\\') {
            *p++ = '\\';
        }

        *p++ = (char) c;
    }

    *p++ = '"';

    return p;
}


/*
 * Prints what is not absent.
 */
static char *
sector_model_print_value(char *p, const sector_value_t *value)
{
    switch (value->kind) {

    case SECTOR_VALUE_TEXT:
        return sector_model_print_text(p, value->text, value->len);

    case SECTOR_VALUE_INTEGER:
        return p + sprintf(p, "%lld", (long long) value->integer);

    case SECTOR_VALUE_UNSIGNED:
        return p + sprintf(p, "%llu", (unsigned long long) value->natural);

    default:
        return p + sector_model_number(value->real, p);
    }
}


/*
 * The largest size that a printed record can take.
 */
static size_t
sector_model_print_size(const sector_record_t *record)
{
    size_t  i, size;

    size = sizeof("{}");

    for (i = 0; i < SECTOR_FIELD_N; i++) {
        size += strlen(sector_model_fields[i].key) + sizeof("\"\":,\"\"")
                + SECTOR_MODEL_NUMBER_MAX
                + record->field[i].len * SECTOR_MODEL_ESCAPE_MAX;
    }

    return size;
}


/*
 * Prints a record into one allocation.
 */
sector_model_status_e
sector_model_print(const sector_model_ctx_t *ctx)
{
    char                  *p;
    size_t                 i;
    const sector_value_t  *value;

    p = malloc(sector_model_print_size(ctx->record));
    if (p == NULL) {
        return sector_model_refuse(ctx, SECTOR_MODEL_NO_MEMORY,
                                   "out of memory");
    }

    ctx->out->json = p;
    *p++ = '{';

    for (i = 0; i < SECTOR_FIELD_N; i++) {
        value = &ctx->record->field[i];

        if (value->kind == SECTOR_VALUE_NONE) {
            continue;
        }

        if (p[-1] != '{') {
            *p++ = ',';
        }

        p += sprintf(p, "\"%s\":", sector_model_fields[i].key);
        p = sector_model_print_value(p, value);
    }

    *p++ = '}';
    ctx->out->json_len = (size_t) (p - ctx->out->json);
    *p = '\0';

    return SECTOR_MODEL_OK;
}
