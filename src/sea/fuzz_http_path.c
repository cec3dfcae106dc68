/* Fuzzes dbk_http_path_parse. Properties: the parts lie inside the input, hold only allowed
 * characters and give themselves again when put together; a refusal has a short ASCII message. */
#include <stdio.h>
#include <stdlib.h>

#include "sea/sea.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok, const char *what) {
    if (!ok) {
        (void)fprintf(stderr, "%s\n", what);
        abort();
    }
}

static bool inside(dbk_slice part, dbk_slice whole) {
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_parts(dbk_slice path, const dbk_http_path *got) {
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    dbk_slice id = got->warehouse_id;
    dbk_buf again = {0};
    dbk_http_path second;
    dbk_error err = {0};
    require(id.len > 0 && inside(id, path), "a part outside the input");
    for (size_t i = 0; i < id.len; i++) {
        require(id.ptr[i] != '\0' && strchr(allowed, id.ptr[i]) != NULL, "a strange warehouse id");
    }
    require(got->org[0] == '\0' || dbk_org_id_valid(dbk_slice_of(got->org)),
            "a workspace id that is no number");
    require(got->org[0] == '\0' || !got->org_malformed, "an id that is and is none");
    require(dbk_buf_putf(&again, &err, "/sql/1.0/warehouses/%.*s?o=%s", (int)id.len, id.ptr,
                         got->org) == DBK_OK,
            "no memory");
    require(dbk_http_path_parse(dbk_buf_slice(&again), &second, &err) == DBK_OK,
            "the parts do not parse again");
    require(dbk_slice_eq(id, second.warehouse_id) && strcmp(got->org, second.org) == 0,
            "the parts change");
    dbk_buf_reset(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_slice path = dbk_slice_n(data, size);
    dbk_http_path got = {0};
    dbk_error err = {0};
    if (dbk_http_path_parse(path, &got, &err) == DBK_OK) {
        check_parts(path, &got);
        return 0;
    }
    const char *message = dbk_error_message(&err);
    require(err.code == DBK_INVALID_ARGUMENT, "another error than InvalidArgument");
    require(got.warehouse_id.ptr == NULL && got.org[0] == '\0', "a refusal that sets a part");
    require(strlen(message) < 1000, "a long message");
    for (const char *c = message; *c != '\0'; c++) {
        require(*c >= 0x20 && *c < 0x7F, "a message that is not ASCII");
    }
    dbk_error_reset(&err);
    return 0;
}
