/* calls.h: what the parts of odbc_calls share. A scenario that does not hold ends the program. */
#ifndef DBK_ODBC_CALLS_H
#define DBK_ODBC_CALLS_H

#include "odbc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern SQLHENV env_handle;
extern SQLHDBC dbc_handle;     /* the scenario's connection */
extern const char *connection; /* its string */

_Noreturn void fail_at(const char *what, int line, SQLSMALLINT type, SQLHANDLE h);
void check_state(SQLHSTMT s, const char *want, int line);
SQLCHAR *sql(const char *chars); /* valid until this thread calls it again */
SQLPOINTER number(size_t n);     /* attributes are numbers in a pointer */
SQLHSTMT statement_of(SQLHDBC d);
SQLHSTMT statement(void); /* of dbc_handle */
SQLHSTMT executed(const char *chars);
void end(SQLHSTMT s);
void wait_a_moment(void);

#define CHECK(what) ((what) ? (void)0 : fail_at(#what, __LINE__, 0, NULL))
#define OK(call, s) (SQL_SUCCEEDED(call) ? (void)0 : fail_at(#call, __LINE__, SQL_HANDLE_STMT, (s)))
/* The call fails, and its first record has this state. */
#define FAILS(call, s, want)                \
    do {                                    \
        CHECK((call) == SQL_ERROR);         \
        check_state((s), (want), __LINE__); \
    } while (0)

typedef struct scenario {
    const char *name;
    void (*run)(void);
} scenario;
extern const scenario thread_scenarios[]; /* calls_threads.c; the last has no name */

#endif
