/* base/list.h: an intrusive doubly linked list; a node is in at most one list. */
#ifndef DBK_BASE_LIST_H
#define DBK_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct dbk_node {
    struct dbk_node *prev, *next; /* both NULL: in no list */
} dbk_node;

typedef struct dbk_list { /* initialise with dbk_list_init */
    dbk_node head;
} dbk_list;

static inline void dbk_list_init(dbk_list *l) {
    l->head.prev = l->head.next = &l->head;
}
static inline bool dbk_list_empty(const dbk_list *l) {
    return l->head.next == &l->head;
}
static inline bool dbk_node_linked(const dbk_node *n) {
    return n->next != NULL;
}
static inline void dbk_list_push_back(dbk_list *l, dbk_node *n) {
    n->prev = l->head.prev;
    n->next = &l->head;
    l->head.prev->next = n;
    l->head.prev = n;
}
static inline void dbk_node_unlink(dbk_node *n) {
    if (n->next != NULL) {
        n->prev->next = n->next;
        n->next->prev = n->prev;
        n->prev = n->next = NULL;
    }
}
static inline dbk_node *dbk_list_pop_front(dbk_list *l) { /* NULL when empty */
    dbk_node *n = l->head.next;
    if (n == &l->head) {
        return NULL;
    }
    dbk_node_unlink(n);
    return n;
}

#endif
