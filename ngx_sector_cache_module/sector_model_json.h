/*
 * sector_model_json: any text in JSON -> a tree of jansson's.
 *
 * Layer 1: libc and jansson.  jansson refuses three things that JSON allows:
 * an integer beyond a signed one of 64 bits, a number beyond a double, and a
 * NUL in the name of a member.  Here they are taken, so that only who reads
 * such a value has to mind it.
 *
 * In the tree
 *
 * - such a number is a huge one.  To jansson it is a string, though none that
 *   a text could have; so json_is_string() is not asked of these trees.
 * - a NUL in a name has become U+FDD0, a character that means nothing outside
 *   of a program.
 * - a string may have a NUL in it, and json_string_value() alone would end
 *   there.
 */

#ifndef SECTOR_MODEL_JSON_H
#define SECTOR_MODEL_JSON_H


#include <stddef.h>
#include <stdint.h>

#include <jansson.h>


/*
 * Parses an object or an array without zero bytes.  A name that is twice in
 * one object is refused.  The tree is the caller's; NULL: error says why, with
 * an empty text for want of memory.
 *
 * Calls itself as deep as the text is nested, which jansson limits to 2048.
 */
json_t *sector_json_load(const char *text, size_t len, json_error_t *error);


/* Whether a value is a string; whether it is a huge number. */
int sector_json_is_string(const json_t *value);
int sector_json_is_huge(const json_t *value);


/* A string's text; NULL where it is none, or has a NUL in it. */
const char *sector_json_string(const json_t *value);


/* The nearest double to a number: infinite beyond all of them; NAN where the
 * value is none. */
double sector_json_double(const json_t *value);


/* 0, and the value of a huge number that is an integer of 64 bits without a
 * sign; else -1. */
int sector_json_unsigned(const json_t *value, uint64_t *number);


#endif /* SECTOR_MODEL_JSON_H */
