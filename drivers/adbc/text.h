/* drivers/adbc/text.h: growing text, and a small list of keys with values. */
#ifndef DBK_ADBC_TEXT_H
#define DBK_ADBC_TEXT_H

#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts as {0}; ends with text_reset. Running out of memory sets `failed` and makes later calls
 * no-ops: it is looked at once, when the text is whole. */
typedef struct text {
    char *ptr; /* NUL-terminated once something was added; may hold NULs */
    size_t len, cap;
    bool failed;
} text;

void text_reset(text *t);
void text_clear(text *t); /* empty, the memory stays */
void text_add_n(text *t, const char *s, size_t len);
void text_add(text *t, const char *s);
void text_addf(text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vaddf(text *t, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
/* `name` in backticks, backticks doubled. */
void text_add_identifier(text *t, const char *name);
/* 'value' as a literal of SQL; for what the driver itself writes (paths, patterns). */
void text_add_literal(text *t, const char *value);
const char *text_str(const text *t); /* never NULL */
/* A copy with a NUL behind it, to be freed; NULL: no memory. Unlike strndup it takes bytes that no NUL follows. */
char *text_copy(const char *s, size_t len);

/* Words of SQL, options and URIs are ASCII, whatever the host has set as its locale. */
bool is_blank(char c);
bool is_letter(char c);
bool is_word(char c);                                      /* letter, digit or underscore */
char ascii_lower(char c);                                  /* ASCII only */
bool ascii_same_n(const char *a, const char *b, size_t n); /* in any case, as strncasecmp */
bool ascii_same(const char *a, const char *b);
/* Between these two, printf and strtod of this thread write and read a point. */
typedef struct c_locale {
    locale_t before, c;
} c_locale;
c_locale c_locale_enter(void);
void c_locale_leave(c_locale l);

typedef struct option {
    char *key;
    char *value;
} option;

typedef struct options {
    option *items;
    size_t count, cap;
} options;

/* Replaces; value NULL takes the key away. False: no memory. */
bool options_put(options *o, const char *key, const char *value);
const char *options_get(const options *o, const char *key); /* NULL: not there; borrowed */
void options_reset(options *o);                             /* wipes the values */

#endif
