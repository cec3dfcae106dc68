// The public headers as C++: compiled only, with the layouts that other languages hard-code.
#include "databricks_kernel.h"
#include "dbkernel.h"
#include "dbkernel_async.h"

#include <cstddef>

static_assert(sizeof(void *) != 8 || sizeof(KernelError) == 40, "KernelError");
static_assert(sizeof(void *) != 8 || offsetof(KernelError, query_id) == 32, "KernelError");
static_assert(sizeof(void *) != 8 || sizeof(ArrowSchema) == 72, "ArrowSchema");
static_assert(sizeof(void *) != 8 || sizeof(ArrowArray) == 80, "ArrowArray");
static_assert(KernelStatusCode_SqlError == 13, "status codes");
static_assert(DATABRICKS_KERNEL_ABI_VERSION == 1u, "ABI version");

KernelStatusCode open_from_cpp(KernelSessionConfig *config, kernel_session_t **out) {
    return kernel_session_open(config, out); // C linkage
}
