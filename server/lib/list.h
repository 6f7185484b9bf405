/* lib/list.h: an intrusive, circular, doubly linked list. The head is a node like the others. */
#pragma once
#include <stdbool.h>

struct list {
    struct list *next, *previous;
};

static inline void list_init(struct list *head)
{
    head->next = head->previous = head;
}
static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}
static inline void list_append(struct list *head, struct list *node)
{
    node->previous = head->previous;
    node->next = head;
    head->previous->next = node;
    head->previous = node;
}
/* Take @node out of its list; it may be removed again without harm. */
static inline void list_remove(struct list *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}
/* The first node, taken out; NULL if there is none. */
static inline struct list *list_take_first(struct list *head)
{
    struct list *first = head->next;
    if (first == head)
        return NULL;
    list_remove(first);
    return first;
}
/* Move all nodes of @from to the end of @to. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}
/* @node must stay in the list during its turn; for removal use LIST_EACH_SAFE. */
#define LIST_EACH(head, node) for (struct list *node = (head)->next; node != (head); node = node->next)
#define LIST_EACH_SAFE(head, node)                                                                                     \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head);                                  \
         node = node##_next, node##_next = node->next)
