/* Configuration files of the Databricks CLI: dbk_profile_parse. Properties: every value lies inside the file, is
 * trimmed and holds no line break; a name that is not there gives nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "session/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_profile p;
    dbk_slice text = dbk_slice_n(data, size);
    bool found = dbk_profile_parse(text, DBK_SLICE("DEFAULT"), &p);
    const dbk_slice values[] = {p.host,          p.http_path,       p.warehouse_id,
                                p.auth_type,     p.token,           p.client_id,
                                p.client_secret, p.azure_tenant_id, p.scopes};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        dbk_slice v = values[i];
        bool inside = v.len == 0 || (v.ptr >= text.ptr && v.ptr + v.len <= text.ptr + text.len);
        bool clean =
            v.len == 0 || (memchr(v.ptr, '\n', v.len) == NULL && dbk_slice_trim(v).len == v.len);
        if (!inside || !clean || (!found && v.len > 0)) {
            abort();
        }
    }
    return 0;
}
