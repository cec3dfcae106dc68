/* drivers/adbc/sql.h: what is read out of SQL text: its parameter markers and its end. */
#ifndef DBK_ADBC_SQL_H
#define DBK_ADBC_SQL_H

#include "cells.h"

/* How many '?' stand outside of quotes and comments. */
size_t sql_markers(const char *sql);
/* sql with the n-th '?' written as the n-th column needs it: unhex(?) for bytes. */
void sql_dress_markers(const char *sql, const column *columns, size_t count, text *out);
/* sql with every '?' written as a literal, for asking what a query would give. */
void sql_fill_markers(const char *sql, text *out);
/* Length without the blanks and semicolons at its end. */
size_t sql_length(const char *sql);
/* Is the first word one of these ("|select|with|")? */
bool sql_begins(const char *sql, const char *words);

#endif
