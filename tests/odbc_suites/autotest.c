/* autotest.c: runs an Auto Test of unixODBC-Test (the driver manager's own tests, written for a window program) in a terminal:
 * SUITE DSN [UID [PWD]]. Built with the suite's sources by suites.py. Every test case in it is run; what it says goes out, and
 * the last line counts the errors that it found. */
#include <stdarg.h>
#include <stdio.h>

#include "autotest.h"

HINSTANCE hLoadedInst __attribute__((weak)); /* some suites have their own */
BOOL AutoTestName(LPSTR name, UINT *cases);
void AutoTestFunc(lpSERVERINFO server);

BOOL szLogPrintf(lpSERVERINFO server, BOOL force, LPTSTR format, ...) {
    (void)server, (void)force;
    va_list args;
    va_start(args, format);
    (void)vprintf((const char *)format, args);
    va_end(args);
    (void)fflush(stdout);
    return 1;
}

int szMessageBox(HWND window, UINT style, LPTSTR title, LPTSTR format, ...) { /* nobody is asked */
    (void)window, (void)style, (void)format;
    (void)printf("[%s]\n", (const char *)title);
    return 1;
}

int main(int argc, char **argv) {
    static SERVERINFO server;
    static UINT all[64];
    char name[256] = "";
    UINT cases = 0;
    if (argc < 2) {
        return 2;
    }
    memset(all, 0xFF, sizeof all);
    server.rglMask = all;
    server.fLog = 1;
    (void)snprintf((char *)server.szSource, sizeof server.szSource, "%s", argv[1]);
    (void)snprintf((char *)server.szValidServer0, sizeof server.szValidServer0, "%s", argv[1]);
    (void)snprintf((char *)server.szValidLogin0, sizeof server.szValidLogin0, "%s",
                   argc > 2 ? argv[2] : "");
    (void)snprintf((char *)server.szValidPassword0, sizeof server.szValidPassword0, "%s",
                   argc > 3 ? argv[3] : "");
    (void)AutoTestName((LPSTR)name, &cases);
    AutoTestFunc(&server);
    (void)printf("\nend of \"%s\": %u test cases, %d errors\n", name, cases, server.cErrors);
    return 0;
}
