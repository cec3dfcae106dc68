/* drivers/adbc/build.h: making Arrow data: a tree of nodes, filled row by row, given away as a batch. */
#ifndef DBK_ADBC_BUILD_H
#define DBK_ADBC_BUILD_H

#include "driver.h"

/* A column and what lies in it. Running out of memory sets a flag that node_give looks at. */
typedef struct node node;

#define NODE_REQUIRED 1u /* the field is not nullable */

/* format: an Arrow format string of fixed width ("i", "s", "b", ...), or "u", "z", "n". */
node *node_new(const char *name, const char *format, unsigned flags);
/* All children are taken, also on failure; NULL children or no memory: NULL. */
node *node_struct(const char *name, size_t count, node **takes_children);
node *node_list(const char *name, unsigned flags, node *takes_item);
node *node_map(const char *name, node *takes_key, node *takes_value);
node *node_union(const char *name, size_t count, node **takes_children);
void node_free(node *n);
node *node_child(const node *n, size_t at);
void node_require(node *n); /* marks the field as not nullable */

void node_add_null(node *n);               /* also the nulls below */
void node_add_int(node *n, int64_t value); /* integers of every width, booleans */
void node_add_double(node *n, double value);
void node_add_text(node *n, const char *s, size_t len);
void node_add_str(node *n, const char *s); /* NULL: null */
void node_end(node *n); /* a list, map or struct whose children are complete for this row */
void node_choose(node *n, size_t child); /* a union's row: the child was added to */
int64_t node_length(const node *n);

/* A field by itself. Takes the tree. */
AdbcStatusCode node_schema(node *takes, struct ArrowSchema *out, struct AdbcError *error);
/* The tree of a struct as a stream of one batch. Takes it; NULL: out of memory. */
AdbcStatusCode node_stream(node *takes, struct ArrowArrayStream *out, struct AdbcError *error);

#endif
