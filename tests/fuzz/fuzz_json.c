/*
 * Texts in JSON, those too that jansson takes by way of a copy alone.
 *
 *     all bytes   the text, up to a zero
 *
 * A tree is compared with its text by a reader that knows nothing of jansson:
 * a text that is no JSON has none, and every value is where it stands.  What
 * jansson takes by itself is the same.
 */

#include <jansson.h>

#include "fuzz.h"
#include "sector_model_json.h"


#define FLAGS  (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)


static const char *check_value(json_t *value, const char *p);


static const char *
skip_spaces(const char *p)
{
    return p + strspn(p, " \t\r\n");
}


/* From a quote to behind its mate; what is between, jansson judges. */

static const char *
skip_string(const char *p)
{
    fuzz_check(*p == '"');

    for (p++; *p != '"'; p++) {
        fuzz_check(*p != '\0');

        if (*p == '\\') {
            p++;
            fuzz_check(*p != '\0');
        }
    }

    return p + 1;
}


static const char *
skip_digits(const char *p)
{
    fuzz_check(*p >= '0' && *p <= '9');

    return p + strspn(p, "0123456789");
}


static const char *
skip_number(const char *p)
{
    p += (*p == '-');
    p = (*p == '0') ? p + 1 : skip_digits(p);

    if (*p == '.') {
        p = skip_digits(p + 1);
    }

    if (*p == 'e' || *p == 'E') {
        p++;
        p += (*p == '+' || *p == '-');
        p = skip_digits(p);
    }

    return p;
}


static const char *
check_number(json_t *value, const char *p)
{
    char        *text;
    json_t      *alone;
    uint64_t     number;
    const char  *end;

    end = skip_number(p);
    text = malloc((size_t) (end - p) + 1);
    fuzz_check(text != NULL);
    memcpy(text, p, (size_t) (end - p));
    text[end - p] = '\0';

    fuzz_check(sector_json_double(value) == strtod(text, NULL));

    alone = json_loads(text, JSON_DECODE_ANY, NULL);

    if (alone != NULL) {
        fuzz_check(json_equal(alone, value));

    } else {
        fuzz_check(sector_json_is_huge(value));
        fuzz_check(strcmp(json_string_value(value) + 1, text) == 0);
    }

    if (sector_json_unsigned(value, &number) == 0) {
        char  printed[32];

        (void) snprintf(printed, sizeof(printed), "%llu",
                        (unsigned long long) number);
        fuzz_check(strcmp(printed, text) == 0);
    }

    json_decref(alone);
    free(text);

    return end;
}


static const char *
check_object(json_t *object, const char *p)
{
    void  *iter;

    fuzz_check(json_is_object(object));
    p = skip_spaces(p + 1);

    for (iter = json_object_iter(object); iter != NULL;
         iter = json_object_iter_next(object, iter))
    {
        p = skip_spaces(skip_string(p));
        fuzz_check(*p == ':');
        p = check_value(json_object_iter_value(iter), p + 1);

        if (*p != ',') {
            fuzz_check(json_object_iter_next(object, iter) == NULL);
            break;
        }

        p = skip_spaces(p + 1);
    }

    fuzz_check(*p == '}');

    return p + 1;
}


static const char *
check_array(json_t *array, const char *p)
{
    size_t  i;

    fuzz_check(json_is_array(array));
    p = skip_spaces(p + 1);

    for (i = 0; i < json_array_size(array); i++) {
        fuzz_check(i == 0 || *p == ',');
        p = check_value(json_array_get(array, i), p + (i != 0));
    }

    fuzz_check(*p == ']');

    return p + 1;
}


static const char *
check_word(int truth, const char *p, const char *word)
{
    fuzz_check(truth);
    fuzz_check(strncmp(p, word, strlen(word)) == 0);

    return p + strlen(word);
}


/* Compares a value with the text from p on; returns what is behind it and the
 * blanks that follow. */

static const char *
check_value(json_t *value, const char *p)
{
    p = skip_spaces(p);

    switch (*p) {

    case '{':
        p = check_object(value, p);
        break;

    case '[':
        p = check_array(value, p);
        break;

    case '"':
        fuzz_check(sector_json_is_string(value));
        fuzz_check(!sector_json_is_huge(value));
        p = skip_string(p);
        break;

    case 't':
        p = check_word(json_is_true(value), p, "true");
        break;

    case 'f':
        p = check_word(json_is_false(value), p, "false");
        break;

    case 'n':
        p = check_word(json_is_null(value), p, "null");
        break;

    default:
        p = check_number(value, p);
    }

    return skip_spaces(p);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char          *text, *copy;
    size_t         len;
    json_t        *root, *plain;
    fuzz_input_t   in;
    json_error_t   error;

    in.p = data;
    in.left = size;
    text = fuzz_text(&in, size);
    len = strlen(text);
    copy = fuzz_copy(text, len);

    root = sector_json_load(copy, len, &error);
    fuzz_check(len == 0 || memcmp(copy, text, len) == 0);
    plain = json_loadb(copy, len, FLAGS, NULL);

    if (root != NULL) {
        fuzz_check(*check_value(root, text) == '\0');
        fuzz_check(plain == NULL || json_equal(root, plain));

    } else {
        fuzz_check(plain == NULL);
        fuzz_check(error.text[0] != '\0');
        fuzz_check(json_error_code(&error) != json_error_numeric_overflow);
        fuzz_check(json_error_code(&error) != json_error_null_byte_in_key);
    }

    json_decref(plain);
    json_decref(root);
    free(copy);
    free(text);

    return 0;
}
