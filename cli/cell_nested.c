#include "cell.h"
#include "escape.h"

#include <string.h>

/* Nested values as compact JSON. The kernel does this itself when asked (complex_types_as_json); what
 * arrives nested all the same, from catalog functions for example, is written here. */

static void write_slot(const cli_column *c, int64_t slot, cli_buf *out);

/* First and one past the last slot of the elements, in the child's buffers. */
static void element_slots(const cli_column *c, int64_t slot, int64_t *first, int64_t *last) {
    const cli_column *child = &c->children[0];
    if (c->type == CLI_TYPE_FIXED_LIST) {
        *first = slot * c->width;
        *last = *first + c->width;
    } else if (c->wide) {
        int64_t ends[2];
        memcpy(ends, (const char *)c->array->buffers[1] + slot * 8, sizeof ends);
        *first = ends[0];
        *last = ends[1];
    } else {
        int32_t ends[2];
        memcpy(ends, (const char *)c->array->buffers[1] + slot * 4, sizeof ends);
        *first = ends[0];
        *last = ends[1];
    }
    *first += child->array->offset;
    *last += child->array->offset;
}

static void write_list(const cli_column *c, int64_t slot, cli_buf *out) {
    int64_t at = 0;
    int64_t last = 0;
    element_slots(c, slot, &at, &last);
    cli_buf_add_char(out, '[');
    for (bool more = false; at < last; at++, more = true) {
        if (more) {
            cli_buf_add_char(out, ',');
        }
        write_slot(&c->children[0], at, out);
    }
    cli_buf_add_char(out, ']');
}

static void write_struct(const cli_column *c, int64_t slot, cli_buf *out) {
    cli_buf_add_char(out, '{');
    for (size_t i = 0; i < c->child_count; i++) {
        const cli_column *child = &c->children[i];
        if (i > 0) {
            cli_buf_add_char(out, ',');
        }
        cli_json_string(out, child->name, strlen(child->name));
        cli_buf_add_char(out, ':');
        write_slot(child, child->array->offset + slot, out);
    }
    cli_buf_add_char(out, '}');
}

/* A map key must be a JSON string: other values are put into one as their JSON text. */
static void write_key(const cli_column *keys, int64_t slot, cli_buf *out) {
    cli_buf text = {0};
    write_slot(keys, slot, &text);
    if (text.len > 0 && text.ptr[0] == '"') {
        cli_buf_add(out, text.ptr, text.len);
    } else {
        cli_json_string(out, text.ptr, text.len);
    }
    cli_buf_reset(&text);
}

static void write_map(const cli_column *c, int64_t slot, cli_buf *out) {
    const cli_column *entries = &c->children[0];
    int64_t at = 0;
    int64_t last = 0;
    element_slots(c, slot, &at, &last);
    cli_buf_add_char(out, '{');
    for (bool more = false; at < last && entries->child_count == 2; at++, more = true) {
        const cli_column *keys = &entries->children[0];
        const cli_column *values = &entries->children[1];
        if (more) {
            cli_buf_add_char(out, ',');
        }
        write_key(keys, keys->array->offset + at, out);
        cli_buf_add_char(out, ':');
        write_slot(values, values->array->offset + at, out);
    }
    cli_buf_add_char(out, '}');
}

static void write_slot(const cli_column *c, int64_t slot, cli_buf *out) {
    char scratch[CLI_CELL_SCRATCH];
    (void)cli_slot_resolve(&c, &slot); /* of a NULL, cell says so again */
    cli_cell cell = cli_slot_cell(c, slot, scratch);
    if (cell.kind != CLI_CELL_NESTED) {
        cli_json_cell(out, &cell);
    } else if (c->type == CLI_TYPE_STRUCT) {
        write_struct(c, slot, out);
    } else if (c->type == CLI_TYPE_MAP) {
        write_map(c, slot, out);
    } else {
        write_list(c, slot, out);
    }
}

void cli_cell_nested(const cli_columns *columns, size_t column, int64_t row, cli_buf *out) {
    const cli_column *c = &columns->items[column];
    write_slot(c, c->array->offset + columns->row_offset + row, out);
}
