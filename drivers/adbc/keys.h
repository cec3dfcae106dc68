/* drivers/adbc/keys.h: the names of options, ours and those of the Rust, Go and C# drivers. */
#ifndef DBK_ADBC_KEYS_H
#define DBK_ADBC_KEYS_H

#include "driver.h"

typedef enum key_kind {
    KEY_TEXT,
    KEY_SECRET, /* never read back */
    KEY_FLAG,
    KEY_COUNT, /* an integer, not negative */
    KEY_REAL,  /* a number, not negative */
    KEY_SPAN   /* Go's durations (1m30s), or seconds */
} key_kind;

typedef struct key {
    const char *name;
    const char *means; /* the key of ours it stands for; NULL: itself */
    key_kind kind;
    const char *fallback; /* what reading gives when it was not set; NULL: nothing */
    const char *takes;    /* words that are allowed, "|a|b|"; NULL: anything of the kind */
} key;

/* NULL: not a key of databases. Session confs (databricks.session_conf.<name> and the C# driver's
 * spellings) are found too; *conf is then the server's name of it, else NULL. */
const key *database_key(const char *name, const char **conf);
/* Is value right for the key? */
AdbcStatusCode key_check(const key *k, const char *name, const char *value,
                         struct AdbcError *error);
/* The value of one of our keys among given ones, under whatever name; NULL: not given. */
const char *key_value(const options *given, const char *name);
bool parse_span(const char *value, int64_t *seconds);

#endif
