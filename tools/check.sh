#!/usr/bin/env bash
# The rules of the house that a machine can watch. Each finding is "file:line: what: what to do".
#   tools/check.sh                    all checks
#   tools/check.sh includes mistakes  only these; also: text, format, headers, exports
#   tools/check.sh --update-exports   writes tools/exports.txt from the built library
#   tools/check.sh --fix-format       rewrites the C files with clang-format
#   tools/check.sh --root DIR ...     looks at another tree (tools/check_test.sh does)
set -uo pipefail
shopt -s lastpipe # a check at the end of a pipe counts its findings in this shell
cd "$(dirname "$0")/.."

root=$PWD
library=build/libdatabricks_sql_kernel
if [ "${1:-}" = --root ]; then
    root=$2
    shift 2
fi
cd "$root" || exit 2

findings=0
report() { # prints what a check has written to standard input; counts the lines that name a place
    local text
    text=$(cat)
    if [ -n "$text" ]; then
        printf '%s\n' "$text" >&2
        findings=$((findings + $(printf '%s\n' "$text" | wc -l)))
    fi
}

tree() { # tree PATTERN...: the files of this tree whose name matches one of the patterns
    local args=() pattern
    for pattern in "$@"; do
        args+=(-o -name "$pattern")
    done
    find . \( -name .git -o -name .venv -o -name build -o -name node_modules -o -name corpus \
        -o -name __pycache__ \) -prune -o -type f \( "${args[@]:1}" \) -print | sed 's|^\./||' | sort
}
c_files() { tree '*.c' '*.h'; }

# ---- includes: who may open whose door (docs/architecture.md) ------------------------------------
# room: the rooms whose door <room>/<room>.h it may include
matrix='
base:
arrow:     base
net:       base
auth:      base net
sea:       base net auth
telemetry: base net auth
result:    base arrow net sea telemetry
metadata:  base arrow result
session:   base arrow net auth sea telemetry result metadata
abi:       base arrow net telemetry result metadata session
'
# Outside src/: the doors that benchmarks may open; faces see only include/.
bench_doors='base arrow'
public_headers='databricks_kernel.h dbkernel.h dbkernel_async.h'
# The public headers themselves must compile where there is only a C library.
libc_headers='stdbool.h stddef.h stdint.h'

check_includes() {
    c_files | xargs -r awk -v matrix="$matrix" -v bench_doors="$bench_doors" \
        -v public_headers="$public_headers" -v libc_headers="$libc_headers" '
    BEGIN {
        lines = split(matrix, line, "\n")
        for (i = 1; i <= lines; i++) {
            if (split(line[i], part, ":") < 2) continue
            room = part[1]
            rooms[room] = 1
            doors = split(part[2], door, " ")
            for (j = 1; j <= doors; j++) may[room, door[j]] = 1
        }
        n = split(public_headers, name, " "); for (i = 1; i <= n; i++) public[name[i]] = 1
        n = split(libc_headers, name, " ");   for (i = 1; i <= n; i++) libc[name[i]] = 1
        n = split(bench_doors, name, " ");    for (i = 1; i <= n; i++) bench[name[i] "/" name[i] ".h"] = 1
    }
    function say(what) { printf "%s:%d: %s\n", FILENAME, FNR, what }
    /^[ \t]*#[ \t]*include[ \t]*["<]/ {
        quoted = $0 ~ /include[ \t]*"/
        target = $0
        sub(/^[^"<]*["<]/, "", target)
        sub(/[">].*$/, "", target)
        depth = split(FILENAME, path, "/")
        base = path[depth]
        parts = split(target, step, "/")
        into_room = parts > 1 && (step[1] in rooms)

        if (path[1] == "include" && path[2] == "dbkernel") next # adapters: the header of their loop
        if (path[1] == "include") {
            if (!quoted && !(target in libc) || quoted && !(target in public))
                say("a public header includes \"" target "\": only libc headers (" libc_headers ") and each other")
            next
        }
        if (path[1] == "src" && (path[2] in rooms)) {
            room = path[2]
            if (!quoted) {
                if (into_room || (target in public)) say("<" target ">: write our own headers in quotes")
                next
            }
            if (target in public) {
                if (room != "abi") say(room " includes the public header " target ": only abi/ may")
                next
            }
            if (target == "unit.h" && (base ~ /_test\.c$/ || base ~ /^test_/)) next
            if (!into_room) {
                say("\"" target "\": write it as \"" room "/" target "\", or as \"<room>/<room>.h\" of a room below")
                next
            }
            if (step[1] == room) next
            if (!((room, step[1]) in may)) {
                say(room " must not include " step[1] ": move the code, or hand a function pointer up (matrix in tools/check.sh)")
                next
            }
            # What a room offers to the tests of others (net/test_peer.h, auth/auth_rig.h).
            if (base ~ /_test\.c$/ && step[2] ~ /^(test_.*|.*_rig)\.h$/) next
            if (target != step[1] "/" step[1] ".h")
                say("\"" target "\" is private to " step[1] ": include its door \"" step[1] "/" step[1] ".h\"")
            next
        }
        if (path[1] == "bench" && (target in bench)) next
        if (path[1] == "fuzz" || path[1] == "tools") next
        if (path[1] == "tests" && (base == "unit.h" || base == "unit.c")) next
        if (into_room || target ~ /^src\// || target ~ /\.\.\/src\//)
            say("\"" target "\": code outside src/ sees only the public headers (" public_headers ")")
    }' | report
}

# ---- mistakes: made once, watched since ----------------------------------------------------------
# scope | pattern | advice. A pattern is matched against code without comments and string contents,
# after a non-word character. Scopes:
#   memory   src/ without base/ and without tests: the one way to memory is in base/
#   library  src/ without tests: the process belongs to the host
#   code     everything that ships, that is all C files but tests
#   all      every C file
mistakes='
memory|malloc[ ]*\(|allocate with dbk_alloc, so that the host and the out-of-memory tests see it
memory|calloc[ ]*\(|allocate with dbk_alloc_zero or dbk_alloc_array
memory|realloc[ ]*\(|grow with dbk_buf or dbk_array_grow: p = realloc(p, n) loses p
memory|free[ ]*\(|free with dbk_free what dbk_alloc gave
memory|strdup[ ]*\(|copy with dbk_strdup_or_null or dbk_str_set
memory|abort[ ]*\(|a library does not end its host: return an error
library|exit[ ]*\(|a library does not end its host: return an error
library|signal[ ]*\(|signals belong to the host
library|setenv[ ]*\(|the environment belongs to the host
code|strcpy[ ]*\(|the length is unchecked: use dbk_str, dbk_buf or memcpy with a known size
code|strcat[ ]*\(|the length is unchecked: use dbk_buf
code|strncpy[ ]*\(|may leave the end off: use dbk_str or snprintf
code|sprintf[ ]*\(|the length is unchecked: use snprintf or dbk_buf
code|vsprintf[ ]*\(|the length is unchecked: use vsnprintf
code|assert[ ]*\(|DBK_ASSERT for our own bugs, an error with a message for everything else
code|alloca[ ]*\(|the stack belongs to the host: use dbk_alloc
all|gets[ ]*\(|never
all|ato[il][ ]*\(|takes anything for a number: use dbk_parse_i64
all|gettimeofday[ ]*\(|wall time goes backwards: use the clock of base/
'

check_mistakes() {
    c_files | xargs -r awk -v mistakes="$mistakes" '
    BEGIN {
        lines = split(mistakes, line, "\n")
        for (i = 1; i <= lines; i++) {
            if (split(line[i], part, "|") < 3) continue
            count++
            scope[count] = part[1]; pattern[count] = part[2]; advice[count] = part[3]
        }
    }
    FNR == 1 {
        in_comment = 0
        in_scope["all"] = 1
        in_scope["code"] = FILENAME !~ /^(tests|fuzz)\/|_test\.c$|\/fuzz_[a-z0-9_]*\.c$/
        in_scope["library"] = in_scope["code"] && FILENAME ~ /^src\//
        in_scope["memory"] = in_scope["library"] && FILENAME !~ /^src\/base\//
    }
    {
        code = ""
        rest = $0
        while (rest != "") { # drops comments and what stands between quotes
            if (in_comment) {
                at = index(rest, "*/")
                if (at == 0) { rest = ""; break }
                rest = substr(rest, at + 2)
                in_comment = 0
                continue
            }
            if (!match(rest, /"|\047|\/\*|\/\//)) { code = code rest; break }
            code = code substr(rest, 1, RSTART - 1)
            mark = substr(rest, RSTART, RLENGTH)
            rest = substr(rest, RSTART + RLENGTH)
            if (mark == "//") break
            if (mark == "/*") { in_comment = 1; continue }
            code = code mark mark
            while (rest != "") {
                c = substr(rest, 1, 1)
                rest = substr(rest, c == "\\" ? 3 : 2)
                if (c == mark) break
            }
        }
        for (i = 1; i <= count; i++) {
            if (!in_scope[scope[i]]) continue
            if (match(code, "(^|[^A-Za-z0-9_>.])" pattern[i])) {
                found = substr(code, RSTART, RLENGTH)
                gsub(/^[^a-z]|[ (]*$/, "", found)
                printf "%s:%d: %s(): %s\n", FILENAME, FNR, found, advice[i]
            }
        }
    }' | report
}

# ---- text: what must not stand in any file ------------------------------------------------------
check_text() {
    local files
    mapfile -t files < <(tree '*.c' '*.h' '*.py' '*.sh' '*.md' '*.txt' '*.toml' '*.json' '*.js' '*.go' \
        '*.cmake' '*.in' '*.ini' '*.supp' '*.sql' Makefile run)
    [ ${#files[@]} -gt 0 ] || return 0
    # The brackets keep these lines from finding themselves.
    grep -nEI '(^|[^A-Za-z0-9_.*~-])/(wor[k]|roo[t]|far[m])/' "${files[@]}" /dev/null |
        awk -F: '{ print $1 ":" $2 ": a path of one machine: write it relative to the repository" }' | report
    grep -nEI 'pypi[.]org|pythonhosted[.]org|npmjs[.]org|proxy[.]golang[.]org|crates[.]io|deb[.]debian[.]org|repo1[.]maven' \
        "${files[@]}" /dev/null |
        awk -F: '{ print $1 ":" $2 ": the address of a package registry: leave the choice to the machine" }' | report
    grep -nEI '(^|[^A-Za-z])(TOD[O]|FIXM[E]|XX[X])([^A-Za-z]|$)' "${files[@]}" /dev/null |
        awk -F: '{ print $1 ":" $2 ": left open: do it, or write an issue" }' | report
}

# ---- format --------------------------------------------------------------------------------------
clang_format() { # the version matters: another one formats differently
    local tool
    for tool in clang-format-14 clang-format; do
        if command -v "$tool" >/dev/null && "$tool" --version | grep -q 'version 14\.'; then
            echo "$tool"
            return 0
        fi
    done
    echo "clang-format 14 is needed (make setup)" >&2
    return 1
}

check_format() {
    local tool
    tool=$(clang_format) || { findings=$((findings + 1)); return; }
    c_files | xargs -r "$tool" --dry-run 2>&1 |
        awk -F: '/warning: code should be clang-formatted/ && !seen[$1]++ {
            print $1 ":" $2 ": not in the format of .clang-format: make format" }' | report
}

# ---- headers: the public ones are C11 and C++, alone and strict ----------------------------------
check_headers() {
    local header language output
    for header in include/*.h; do
        [ -f "$header" ] || continue
        for language in c c++; do
            if ! output=$(printf '#include "%s"\n' "${header##*/}" |
                clang -x "$language" -Iinclude -fsyntax-only -Wall -Wextra -Werror \
                    $([ "$language" = c ] && echo -std=c11 || echo -std=c++11) - 2>&1); then
                printf '%s:1: not valid as %s on its own:\n%s\n' "$header" "$language" "$output" | report
            fi
        done
    done
}

# ---- exports: exactly the agreed symbols, and no name without our prefix -------------------------
built_exports() { nm -D --defined-only "$library.so" | awk '{ print $NF }' | sort; }

need_library() {
    if [ ! -e "$library.so" ]; then
        echo "$library.so:1: not built: make" | report
        return 1
    fi
}

check_exports() {
    need_library || return 0
    if [ ! -f tools/exports.txt ]; then
        echo "tools/exports.txt:1: there is no list of exported symbols: tools/check.sh --update-exports" | report
        return 0
    fi
    diff <(sort tools/exports.txt) <(built_exports) | awk '
        /^</ { print "tools/exports.txt:1: " $2 " is listed but not exported: is DBK_API missing? else tools/check.sh --update-exports" }
        /^>/ { print "tools/exports.txt:1: " $2 " is exported but not listed: take DBK_API away, or tools/check.sh --update-exports" }
    ' | report
    nm -g --defined-only "$library.a" 2>/dev/null | awk '
        NF == 3 && $3 !~ /^(kernel|dbk)_/ {
            print "'"$library"'.a:1: " $3 " has no prefix of ours and may clash in a static link: make it static or call it dbk_..." }
    ' | report
}

case ${1:-} in
--update-exports)
    need_library || exit 1
    built_exports >tools/exports.txt
    echo "tools/exports.txt: $(wc -l <tools/exports.txt) symbols"
    exit 0
    ;;
--fix-format)
    tool=$(clang_format) || exit 1
    c_files | xargs -r "$tool" -i
    exit 0
    ;;
esac

checks=("$@")
[ ${#checks[@]} -gt 0 ] || checks=(includes mistakes text format headers exports)
for check in "${checks[@]}"; do
    case $check in
    includes | mistakes | text | format | headers | exports) "check_$check" ;;
    *)
        echo "unknown check: $check" >&2
        exit 2
        ;;
    esac
done

if [ "$findings" -gt 0 ]; then
    echo "check: $findings findings (${checks[*]})" >&2
    exit 1
fi
echo "check: nothing found (${checks[*]})"
