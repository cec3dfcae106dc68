/* drivers/adbc/like.h: LIKE patterns of catalog functions: '%', '_', and '\' before either. */
#ifndef DBK_ADBC_LIKE_H
#define DBK_ADBC_LIKE_H

#include "text.h"

/* In any case, as the server compares names. pattern NULL: everything; "": nothing. */
bool like_matches(const char *pattern, const char *name);
bool like_is_exact(const char *pattern); /* no wildcard in it; NULL: false */
/* The one name that an exact pattern stands for, appended. */
void like_name(const char *pattern, text *out);

#endif
