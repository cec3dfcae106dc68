#include "auth/jwt.h"

#include "auth/form.h"
#include "auth/grant.h"

static bool claims_part(dbk_slice token, dbk_slice *out) {
    dbk_slice head;
    dbk_slice rest = token;
    return dbk_slice_split(&rest, '.', &head) && dbk_slice_split(&rest, '.', out) && head.len > 0;
}

static void read_claims(const json_t *doc, dbk_jwt_claims *out) {
    dbk_error ignored = {0};
    dbk_slice issuer = {0};
    const json_t *ends = json_object_get(doc, "exp");
    if (dbk_json_str(doc, "iss", &issuer) == DBK_JSON_OK) {
        (void)!dbk_str_set(&out->issuer, issuer, &ignored);
    }
    double ends_s = json_is_number(ends) ? json_number_value(ends) : 0;
    out->ends_unix_s = ends_s > 0 && ends_s < 1e11 ? (int64_t)ends_s : 0;
    dbk_error_reset(&ignored);
}

bool dbk_jwt_read(dbk_slice token, dbk_jwt_claims *out) {
    dbk_error ignored = {0};
    dbk_buf json = {0};
    dbk_slice part;
    json_t *doc = NULL;
    *out = (dbk_jwt_claims){0};
    bool ok = claims_part(token, &part) && dbk_base64url_read(part, &json) &&
              dbk_json_parse(dbk_buf_slice(&json), &doc, &ignored) == DBK_OK && json_is_object(doc);
    if (ok) {
        read_claims(doc, out);
    }
    json_decref(doc);
    dbk_buf_wipe(&json);
    dbk_error_reset(&ignored);
    return ok;
}
