#include "abi/abi.h"

/* Files on Unity Catalog volumes. */

KernelStatusCode dbk_volume_put(kernel_session_t *session, const char *path, const uint8_t *bytes,
                                size_t len) {
    if (!dbk_abi_session_ok(session, "dbk_volume_put") || !dbk_abi_text_ok(path, "path")) {
        return dbk_abi_code();
    }
    if (bytes == NULL && len > 0) {
        return dbk_abi_refuse("dbk_volume_put: bytes must not be null");
    }
    return dbk_abi_end(dbk_session_put_file(session->session, dbk_slice_of(path),
                                            dbk_slice_n((const char *)bytes, len),
                                            dbk_abi_begin()));
}

KernelStatusCode dbk_volume_remove(kernel_session_t *session, const char *path) {
    if (!dbk_abi_session_ok(session, "dbk_volume_remove") || !dbk_abi_text_ok(path, "path")) {
        return dbk_abi_code();
    }
    return dbk_abi_end(
        dbk_session_remove_file(session->session, dbk_slice_of(path), dbk_abi_begin()));
}
