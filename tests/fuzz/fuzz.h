/*
 * fuzz: what the fuzzers share.
 *
 * An input begins with the bytes that a fuzzer makes its choices by; what is
 * left is what the code under test is given, in a copy of exactly its length,
 * so that the sanitizer sees a byte read behind it.
 *
 * A fuzzer does not only wait for a crash: what comes out is compared with
 * what it must be, and fuzz_check() ends the program where it is not.
 */

#ifndef FUZZ_H
#define FUZZ_H


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define fuzz_check(truth)                                                     \
    do {                                                                      \
        if (!(truth)) {                                                       \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__,      \
                    #truth);                                                  \
            abort();                                                          \
        }                                                                     \
    } while (0)


/* The rest of an input. */

typedef struct {
    const uint8_t  *p;
    size_t          left;
} fuzz_input_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static inline uint8_t
fuzz_byte(fuzz_input_t *in)
{
    if (in->left == 0) {
        return 0;
    }

    in->left--;

    return *in->p++;
}


static inline uint64_t
fuzz_number(fuzz_input_t *in, unsigned bytes)
{
    uint64_t  n;

    for (n = 0; bytes != 0; bytes--) {
        n = n << 8 | fuzz_byte(in);
    }

    return n;
}


/* A copy of exactly len bytes; the caller frees. */

static inline char *
fuzz_copy(const void *p, size_t len)
{
    char  *copy;

    copy = malloc(len);
    fuzz_check(copy != NULL || len == 0);

    if (len != 0) {
        memcpy(copy, p, len);
    }

    return copy;
}


/* Takes up to len bytes; *taken is how many there were. */

static inline char *
fuzz_take(fuzz_input_t *in, size_t len, size_t *taken)
{
    char  *copy;

    *taken = len < in->left ? len : in->left;
    copy = fuzz_copy(in->p, *taken);

    in->p += *taken;
    in->left -= *taken;

    return copy;
}


/* The same as a terminated text, which ends at a zero byte. */

static inline char *
fuzz_text(fuzz_input_t *in, size_t len)
{
    char    *text;
    size_t   n;

    n = len < in->left ? len : in->left;
    text = malloc(n + 1);
    fuzz_check(text != NULL);

    if (n != 0) {
        memcpy(text, in->p, n);
    }

    text[n] = '\0';
    in->p += n;
    in->left -= n;

    return text;
}


/* What a reason, which people read, must be. */

static inline void
fuzz_reason(const char *reason, size_t max)
{
    const char  *p;

    fuzz_check(memchr(reason, '\0', max) != NULL);
    fuzz_check(reason[0] != '\0');

    for (p = reason; *p != '\0'; p++) {
        fuzz_check(*p >= 0x20 && *p <= 0x7e);
    }
}


#endif /* FUZZ_H */
