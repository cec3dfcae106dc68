/* Preloaded before a program: looking up the name "held.test" does not come back before the file that NAMES_SHIM names is
 * gone, as with a name server that does not answer; and "dead-first.test" is ::1 and then 127.0.0.1. */
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*look_up)(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out) {
    const char *held = getenv("NAMES_SHIM");
    union {
        void *object;
        look_up function;
    } real = {.object = dlsym(RTLD_NEXT, "getaddrinfo")};
    if (node != NULL && held != NULL && strcmp(node, "held.test") == 0) {
        while (access(held, F_OK) == 0) {
            (void)poll(NULL, 0, 1);
        }
        return EAI_AGAIN;
    }
    if (node != NULL && strcmp(node, "dead-first.test") == 0) {
        struct addrinfo numeric = *hints;
        numeric.ai_family = AF_UNSPEC;
        int first = real.function("::1", service, &numeric, out);
        return first != 0 ? first : real.function("127.0.0.1", service, &numeric, &(*out)->ai_next);
    }
    return real.function(node, service, hints, out);
}
