#!/usr/bin/env bash
# Brings the source packages of the bundled libraries to build/bundle/sources, with apt-get, from where
# this machine's own package lists say. Called by tools/bundle/libs.sh.
#   tools/bundle/sources.sh            only what is not there yet: no network when all are
#   tools/bundle/sources.sh --refresh  asks for newer versions first
# Leaves build/bundle/sources/LIST: one line per package, "name version dsc-file".
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(zlib lz4 libzstd jansson libuv1 nghttp2 openssl curl)
folder=$PWD/build/bundle/sources
apt=$PWD/build/bundle/apt
mkdir -p "$folder" "$apt/lists/partial" "$apt/cache/archives/partial"

if [ "${1:-}" != --refresh ] && [ -f "$folder/LIST" ] &&
    [ "$(cut -d' ' -f1 "$folder/LIST" | tr '\n' ' ')" = "${packages[*]} " ]; then
    exit 0
fi

say() { printf 'bundle: %s\n' "$*"; }

# The machine's own sources, asked for source packages: in its own list and lists folder, so that
# nothing of the machine's apt state is touched and no root is needed.
rm -f "$apt"/*.sources "$apt"/*.list
mkdir -p "$apt/parts"
rm -f "$apt/parts"/*
for file in /etc/apt/sources.list.d/*.sources; do
    if [ -f "$file" ]; then
        sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt/parts/$(basename "$file")"
    fi
done
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    if [ -f "$file" ]; then
        sed -n 's/^deb \(.*\)/deb-src \1/p' "$file" >"$apt/parts/$(basename "$file" .list).list"
    fi
done
options=(-qq -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$apt/parts"
    -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User="
    -o "Acquire::Retries=3")

say "asking the distribution for its source packages"
apt-get "${options[@]}" update >"$apt/log" 2>&1 || {
    tail -n 5 "$apt/log" >&2
    echo "bundle: apt-get update failed; the log is build/bundle/apt/log" >&2
    exit 1
}

# The newest version whose files can all be had: a package just replaced by a security update may be
# announced before (or after) its files are there.
fetch() {
    local name=$1 version dsc
    while read -r version; do
        dsc=${name}_${version#*:}.dsc
        if (cd "$folder" && apt-get "${options[@]}" source --download-only "$name=$version") \
            >>"$apt/log" 2>&1 && [ -f "$folder/$dsc" ]; then
            echo "$name $version $dsc" >>"$folder/LIST.new"
            say "$name $version"
            return 0
        fi
        echo "bundle: the source of $name $version is announced but not to be had" >&2
    done < <(apt-cache "${options[@]}" showsrc "$name" | sed -n 's/^Version: //p' | sort -Vru)
    echo "bundle: no source of $name; the log is build/bundle/apt/log" >&2
    return 1
}

: >"$folder/LIST.new"
for name in "${packages[@]}"; do
    fetch "$name"
done
mv "$folder/LIST.new" "$folder/LIST"
