/* sea/splitter.h: keeps result data out of the JSON parser.
 *
 * A document goes in piece by piece; what comes out is the same document with every string value of
 * a key "attachment" emptied, and the bytes that the base64 of that value stood for. Any split of the
 * input gives the same. It knows just enough JSON to find strings: whether the rest is JSON is for
 * the parser that reads `side`. */
#ifndef DBK_SEA_SPLITTER_H
#define DBK_SEA_SPLITTER_H

#include "base/base.h"

#define DBK_SPLITTER_SIDE_MAX       (64u * 1024u * 1024u)
#define DBK_SPLITTER_ATTACHMENT_MAX (512u * 1024u * 1024u) /* the service inlines 25 MiB at most */

typedef enum dbk_splitter_place {
    DBK_SPLIT_OUTSIDE,     /* between strings */
    DBK_SPLIT_STRING,      /* inside a string that passes */
    DBK_SPLIT_STRING_ESC,  /* after its backslash */
    DBK_SPLIT_STRING_HEX,  /* inside its \uXXXX */
    DBK_SPLIT_CONTENT,     /* inside the base64 of an attachment */
    DBK_SPLIT_CONTENT_ESC, /* the same two there */
    DBK_SPLIT_CONTENT_HEX
} dbk_splitter_place;

typedef struct dbk_splitter { /* {0} to start */
    dbk_buf side;
    dbk_buf attachment;
    size_t attachment_count; /* string values seen */
    dbk_error bad;           /* DataLoss of the first bad attachment; code OK: none */
    dbk_base64 base64;
    dbk_splitter_place place;
    uint8_t matched;    /* bytes of "attachment" that the current string began with; see .c */
    uint8_t hex_digits; /* seen of \uXXXX */
    uint32_t hex_value;
    bool named;     /* the last string was "attachment", only blanks since */
    bool expecting; /* the same and a ':' after it */
} dbk_splitter;

/* A bad attachment does not fail here but stays in `bad`: the rest of the document still tells which
 * statement has to be closed. Fails for want of memory or a limit: the splitter is then done. */
DBK_MUST_USE dbk_status dbk_splitter_feed(dbk_splitter *s, dbk_slice in, dbk_error *err);
void dbk_splitter_reset(dbk_splitter *s);

#endif
