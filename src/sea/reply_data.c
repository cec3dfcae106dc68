#include "sea/reply.h"

/* ---- links ---- */

/* One "name: value" line for the download. */
static dbk_status read_header(const char *name, const json_t *value, char **out, dbk_error *err) {
    dbk_str line = {0};
    if (!json_is_string(value)) {
        return dbk_error_set(err, DBK_DATA_LOSS,
                             "field `http_headers` holds a value that is not a "
                             "string");
    }
    dbk_slice text = dbk_slice_n(json_string_value(value), json_string_length(value));
    if (!dbk_header_name_valid(dbk_slice_of(name)) || !dbk_header_value_valid(text)) {
        return dbk_error_set(err, DBK_DATA_LOSS,
                             "field `http_headers` holds a header that HTTP "
                             "forbids");
    }
    dbk_status st = dbk_str_setf(&line, err, "%s: %s", name, text.ptr);
    *out = line.ptr; /* owned by the link; NULL on failure */
    return st;
}

static dbk_status read_headers(const json_t *obj, dbk_sea_link *out, dbk_error *err) {
    json_t *headers = NULL;
    dbk_status st = dbk_json_want_obj(obj, "http_headers", &headers, err);
    size_t count = json_object_size(headers);
    if (st != DBK_OK || count == 0) {
        return st;
    }
    out->headers = dbk_alloc_array(count, sizeof *out->headers);
    if (out->headers == NULL) {
        return dbk_error_oom(err, "the headers of a link");
    }
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(headers, name, value) {
        st = read_header(name, value, &out->headers[out->header_count], err);
        if (st != DBK_OK) {
            return st;
        }
        out->header_count++;
    }
    return DBK_OK;
}

/* An http or https URL that fits into a request line. Nothing of it is shown: it is a credential. */
static dbk_status check_url(dbk_slice url, dbk_error *err) {
    bool fine =
        dbk_url_authority(url).len > 0 && (dbk_slice_has_prefix(url, DBK_SLICE("https://")) ||
                                           dbk_slice_has_prefix(url, DBK_SLICE("http://")));
    for (size_t i = 0; i < url.len && fine; i++) {
        fine = (unsigned char)url.ptr[i] > 0x20 && url.ptr[i] != 0x7F;
    }
    return fine ? DBK_OK
                : dbk_error_set(err, DBK_DATA_LOSS, "field `external_link` is not an http(s) URL");
}

static dbk_status read_link(const json_t *obj, dbk_sea_link *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_slice expiration = {NULL, 0};
    *out = (dbk_sea_link){.next_chunk_index = -1};
    DBK_TRY(dbk_sea_need_text(obj, "external_link", &out->url, err));
    DBK_TRY(check_url(dbk_str_slice(&out->url), err));
    DBK_TRY(dbk_json_need_str(obj, "expiration", &expiration, err));
    DBK_TRY(dbk_sea_need_count(obj, "chunk_index", &out->chunk_index, err));
    DBK_TRY(dbk_sea_need_count(obj, "row_offset", &out->row_offset, err));
    DBK_TRY(dbk_sea_need_count(obj, "row_count", &out->row_count, err));
    DBK_TRY(dbk_sea_need_count(obj, "byte_count", &out->byte_count, err));
    DBK_TRY(dbk_sea_want_count(obj, "next_chunk_index", &out->next_chunk_index, err));
    DBK_TRY(dbk_sea_want_text(obj, "next_chunk_internal_link", &out->next_link, err));
    DBK_TRY(read_headers(obj, out, err));
    /* A date that we cannot read is no reason to refuse a link that storage may well accept. */
    if (!dbk_parse_rfc3339(expiration, &out->expires_ms)) {
        out->expires_ms = 0;
    }
done:
    return st;
}

static dbk_status read_links(const json_t *obj, dbk_sea_data *data, dbk_error *err) {
    json_t *list = NULL;
    size_t cap = 0;
    dbk_status st = dbk_json_want_array(obj, "external_links", &list, err);
    for (size_t i = 0; i < json_array_size(list) && st == DBK_OK; i++) {
        if (!dbk_array_grow(&data->links, data->link_count, &cap)) {
            return dbk_error_oom(err, "the links of a result");
        }
        data->link_count++; /* before reading: a half-read link is freed with the rest */
        st = read_link(json_array_get(list, i), &data->links[i], err);
        if (st != DBK_OK) {
            return st == DBK_DATA_LOSS ? dbk_error_wrap(err, "external_links[%zu]", i) : st;
        }
    }
    return st;
}

/* ---- the data ---- */

dbk_status dbk_sea_read_data(const json_t *obj, dbk_sea_data *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_slice attachment = {NULL, 0};
    json_t *rows = NULL;
    out->present = true;
    DBK_TRY(dbk_json_want_str(obj, "attachment", &attachment, err));
    out->has_attachment = attachment.ptr != NULL;
    DBK_TRY(dbk_json_want_array(obj, "data_array", &rows, err));
    out->rows = json_incref(rows);
    DBK_TRY(read_links(obj, out, err));
    DBK_TRY(dbk_sea_want_count(obj, "chunk_index", &out->chunk_index, err));
    DBK_TRY(dbk_sea_want_count(obj, "row_offset", &out->row_offset, err));
    DBK_TRY(dbk_sea_want_count(obj, "row_count", &out->row_count, err));
    DBK_TRY(dbk_sea_want_count(obj, "byte_count", &out->byte_count, err));
    DBK_TRY(dbk_sea_want_count(obj, "next_chunk_index", &out->next_chunk_index, err));
    DBK_TRY(dbk_sea_want_text(obj, "next_chunk_internal_link", &out->next_link, err));
done:
    return st;
}

void dbk_sea_data_init(dbk_sea_data *data) {
    *data = (dbk_sea_data){.chunk_index = -1,
                           .row_offset = -1,
                           .row_count = -1,
                           .byte_count = -1,
                           .next_chunk_index = -1};
}

void dbk_sea_link_reset(dbk_sea_link *link) {
    if (link->url.ptr != NULL) {
        dbk_wipe(link->url.ptr, link->url.len); /* a credential while it lasts */
    }
    dbk_str_reset(&link->url);
    dbk_str_reset(&link->next_link);
    for (size_t i = 0; i < link->header_count; i++) {
        dbk_free(link->headers[i]);
    }
    dbk_free(link->headers);
    *link = (dbk_sea_link){0};
}

void dbk_sea_data_reset(dbk_sea_data *data) {
    for (size_t i = 0; i < data->link_count; i++) {
        dbk_sea_link_reset(&data->links[i]);
    }
    dbk_free(data->links);
    dbk_buf_reset(&data->attachment);
    json_decref(data->rows);
    dbk_str_reset(&data->next_link);
    dbk_sea_data_init(data);
}
