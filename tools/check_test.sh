#!/usr/bin/env bash
# Proves that tools/check.sh sees what it is there for: each case is a small tree with one mistake
# and the finding it must give, or a tree without one that must pass.
set -uo pipefail
check=$(cd "$(dirname "$0")" && pwd)/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

passed=0
failed=0
outcome() { # outcome NAME OK
    if [ "$2" = yes ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1" >&2
        sed 's/^/    /' "$scratch/output" >&2
    fi
}

# tree_with FILE TEXT: a fresh tree with a few innocent files and this one
tree_with() {
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree"/{src/base,src/net,src/auth,src/abi,cli,include,tests,tools,build}
    echo '#include "base/base.h"' >"$scratch/tree/src/net/net.h"
    echo '#include <stdint.h>' >"$scratch/tree/src/base/base.h"
    printf '/* malloc( in a comment, \n strcpy( too */ const char *s = "sprintf(";\n' \
        >"$scratch/tree/src/net/comment.c"
    mkdir -p "$(dirname "$scratch/tree/$1")"
    printf '%b' "$2" >"$scratch/tree/$1"
}

finds() { # finds CHECK "file:line: beginning" FILE TEXT
    tree_with "$3" "$4"
    if "$check" --root "$scratch/tree" "$1" >"$scratch/output" 2>&1; then
        outcome "$1 must fail for $3: $4" no
    else
        grep -qF "$2" "$scratch/output" && outcome "" yes || outcome "$1 must say '$2'" no
    fi
}

passes() { # passes CHECK FILE TEXT
    tree_with "$2" "$3"
    if "$check" --root "$scratch/tree" "$1" >"$scratch/output" 2>&1; then
        outcome "" yes
    else
        outcome "$1 must pass for $2: $3" no
    fi
}

finds includes 'src/net/http.c:2: net must not include auth' src/net/http.c '\n#include "auth/auth.h"\n'
finds includes 'src/auth/token.c:1: "net/pool.h" is private to net' src/auth/token.c '#include "net/pool.h"\n'
finds includes 'src/auth/token.c:1: auth must not include session' src/auth/token.c '#  include "session/session.h"\n'
finds includes 'src/base/buf.c:1: "buf.h": write it as "base/buf.h"' src/base/buf.c '#include "buf.h"\n'
finds includes 'src/net/http.c:1: <base/base.h>' src/net/http.c '#include <base/base.h>\n'
finds includes 'src/net/http.c:1: net includes the public header' src/net/http.c '#include "dbkernel.h"\n'
finds includes 'cli/main.c:1: "base/base.h": code outside src/' cli/main.c '#include "base/base.h"\n'
finds includes 'cli/main.c:1: "../src/base/base.h"' cli/main.c '#include "../src/base/base.h"\n'
finds includes 'bench/lz4.c:1: "net/net.h"' bench/lz4.c '#include "net/net.h"\n'
finds includes 'include/dbkernel.h:1: a public header includes "curl/curl.h"' include/dbkernel.h '#include <curl/curl.h>\n'
finds includes 'src/net/http.c:1: "unit.h"' src/net/http.c '#include "unit.h"\n'
passes includes src/auth/auth.c '#include "auth/auth.h"\n#include "net/net.h"\n#include <curl/curl.h>\n'
passes includes src/abi/abi.c '#include "databricks_kernel.h"\n#include "session/session.h"\n'
passes includes src/net/http_test.c '#include "unit.h"\n#include "net/http.h"\n'
passes includes src/auth/auth_test.c '#include "net/test_peer.h"\n'
finds includes 'src/auth/token.c:1: "net/test_peer.h" is private to net' src/auth/token.c '#include "net/test_peer.h"\n'
passes includes cli/main.c '#include "dbkernel.h"\n#include "table.h"\n'
passes includes bench/lz4.c '#include "arrow/arrow.h"\n'
passes includes include/dbkernel.h '#include "databricks_kernel.h"\n#include <stdint.h>\n'

finds mistakes 'src/net/http.c:1: realloc():' src/net/http.c 'p = realloc(p, 3);\n'
finds mistakes 'src/net/http.c:2: malloc():' src/net/http.c '/* x */\nvoid *p = /* y */ malloc (3);\n'
finds mistakes 'src/net/http.c:1: free():' src/net/http.c '    free(p);\n'
finds mistakes 'cli/main.c:1: strcpy():' cli/main.c 'strcpy(a, b);\n'
finds mistakes 'src/net/http.c:1: sprintf():' src/net/http.c 'sprintf(a, "%d", 1);\n'
finds mistakes 'src/net/http.c:1: assert():' src/net/http.c 'assert(x);\n'
finds mistakes 'src/net/http.c:1: atoi():' src/net/http.c 'n = atoi(s);\n'
finds mistakes 'src/net/http.c:1: gettimeofday():' src/net/http.c 'gettimeofday(&t, NULL);\n'
finds mistakes 'src/net/http.c:1: abort():' src/net/http.c 'abort();\n'
finds mistakes 'src/net/http.c:1: strcat():' src/net/http.c 'x("\\"", 1); strcat(a, b);\n'
passes mistakes src/base/alloc.c 'void *p = malloc(3);\n'
passes mistakes src/net/http.c 'snprintf(a, 3, "%%d", 1); dbk_free(p); static_assert(1, ""); DBK_ASSERT(x); x.free(p); // strcpy(\n'
finds mistakes 'src/net/http_test.c:1: atoi():' src/net/http_test.c 'n = atoi(s);\n'
finds mistakes 'src/base/alloc.c:1: exit():' src/base/alloc.c 'exit(1);\n'
passes mistakes src/net/http_test.c 'free(p); strcat(a, b); assert(x);\n'
passes mistakes tests/e2e/abi.c 'char *p = malloc(3); assert(p);\n'
passes mistakes cli/main.c 'exit(1);\n'

finds text 'docs/a.md:2: a path of one machine' docs/a.md 'x\nsee /roo''t/x\n'
finds text 'docs/a.md:1: the address of a package registry' docs/a.md 'https://py''pi.org/simple\n'
finds text 'src/net/a.c:1: left open' src/net/a.c '/* TO''DO */\n'
passes text docs/a.md 'the root/leaf and .work/ are fine, so is network/roo''t/x\n'

finds exports 'build/libdatabricks_sql_kernel.so:1: not built' docs/a.md 'x\n'

if command -v clang-format >/dev/null; then
    finds format 'src/net/a.c:1: not in the format' src/net/a.c 'int   x;\n'
fi

echo "check_test: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
