/* The closed kernel trusts the certificates built into it and nothing else, and the Go driver's tests have no
 * place to name another authority. This stands in front of kernel_session_open and names the one of the run,
 * SSL_CERT_FILE, through the kernel's own setter. Linked with the stand-ins for Node's functions
 * (tests/e2e/abi_probe_napi.c), because the library that has this C ABI is a Node addon. */

#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "databricks_kernel.h"

typedef KernelStatusCode (*open_function)(KernelSessionConfig *, kernel_session_t **);

KernelStatusCode kernel_session_open(KernelSessionConfig *config, kernel_session_t **out) {
    union { /* an object pointer becomes a function pointer */
        void *object;
        open_function call;
    } next = {dlsym(RTLD_NEXT, "kernel_session_open")};
    const char *name = getenv("SSL_CERT_FILE");
    FILE *file = name != NULL ? fopen(name, "rb") : NULL;
    if (file != NULL && config != NULL) {
        static _Thread_local uint8_t pem[1 << 16];
        size_t length = fread(pem, 1, sizeof pem, file);
        KernelStatusCode code = kernel_session_config_set_tls_trusted_certs(config, pem, length);
        if (code != 0) {
            fprintf(stderr, "trust.c: %s was refused with code %d\n", name, (int)code);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return next.call(config, out);
}
