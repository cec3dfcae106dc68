/* arrow/validate.h: whether an array's buffers hold what its type and length say.
 *
 * What:    after a check every row of the array can be read without leaving a buffer: buffer sizes,
 *          offsets, list, union, run-end and view ranges, dictionary indices. Text is not checked
 *          for UTF-8. */
#ifndef DBK_ARROW_VALIDATE_H
#define DBK_ARROW_VALIDATE_H

#include "arrow/batch.h"

/* Checks a itself; its children and dictionary were checked before. a->offset is 0. */
DBK_MUST_USE dbk_status dbk_array_check(const dbk_field *f, const dbk_array *a, dbk_error *err);

#endif
