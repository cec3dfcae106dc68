/* What a host says of itself: dbk_host_facts_parse, and the login server made of it. Properties: texts are
 * printable; a login server that is used is one that secrets may go to, and leads nowhere else. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/form.h"
#include "auth/host_probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond) {
    if (!cond) {
        abort();
    }
}

static void check_text(const char *text, size_t size) {
    must(memchr(text, '\0', size) != NULL);
    for (; *text != '\0'; text++) {
        must(*text > 0x20 && *text < 0x7F);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char origin[] = "https://dbc-1.cloud.databricks.com";
    dbk_host_facts f = {0};
    char root[DBK_OIDC_ROOT_SIZE];
    f.known = dbk_host_facts_parse(dbk_slice_n(data, size), &f);
    check_text(f.host_type, sizeof f.host_type);
    check_text(f.account_id, sizeof f.account_id);
    check_text(f.workspace_id, sizeof f.workspace_id);
    check_text(f.oidc_endpoint, sizeof f.oidc_endpoint);
    check_text(f.cloud, sizeof f.cloud);
    dbk_host_oidc_root(&f, dbk_slice_of(origin), root);
    check_text(root, sizeof root);
    if (root[0] != '\0') {
        dbk_slice host = dbk_authority_host(dbk_url_authority(dbk_slice_of(root)));
        must(f.known && dbk_url_safe(dbk_slice_of(root)));
        must(dbk_host_has_suffix(host, ".databricks.com") ||
             dbk_host_has_suffix(host, ".databricks.us") ||
             dbk_host_has_suffix(host, ".azuredatabricks.net") ||
             dbk_host_has_suffix(host, ".databricks.azure.us") ||
             dbk_host_has_suffix(host, ".databricks.azure.cn"));
        must(strpbrk(root, "@?#{}\\") == NULL && root[strlen(root) - 1] != '/');
    }
    return 0;
}
