#!/usr/bin/env bash
# Builds the static libraries that the bundled variant carries (docs/bundled.md) and prints their prefix.
#   tools/bundle/libs.sh [--refresh]
# The result is kept in build/bundle/<key>, the key being what it depends on: this script, the source
# packages, the compiler. A second call finds it there and does nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
say() { printf 'bundle: %s\n' "$*" >&2; }

for tool in dpkg-source perl cmake ninja pkg-config make gcc; do
    command -v "$tool" >/dev/null || {
        echo "bundle: $tool is missing (Debian: dpkg-dev perl cmake ninja-build pkg-config make gcc)" >&2
        exit 1
    }
done

tools/bundle/sources.sh "$@" >&2
sources=$root/build/bundle/sources

key=$({
    cat tools/bundle/libs.sh "$sources/LIST"
    cut -d' ' -f3 "$sources/LIST" | while read -r dsc; do cat "$sources/$dsc"; done
    gcc -dumpfullversion -dumpmachine
} | sha256sum | cut -c1-12)
prefix=$root/build/bundle/$key
if [ -f "$prefix/VERSIONS" ]; then
    echo "$prefix"
    exit 0
fi

work=$root/build/bundle/work
stage=$work/stage
rm -rf "$work"
mkdir -p "$stage/lib/pkgconfig"
say "building the libraries (OpenSSL takes some minutes); logs are in build/bundle/work"

# Hidden, so that a shared library made of them exports nothing of theirs; one section per function, so
# that what nobody calls is left out when they are merged. No path of this machine gets into them.
flags="-O2 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections -fno-plt"
flags="$flags -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"

unpack() { # unpack NAME: the source with the distribution's patches, in $work/NAME
    local dsc
    dsc=$(awk -v name="$1" '$1 == name { print $3 }' "$sources/LIST")
    dpkg-source --no-check -x "$sources/$dsc" "$work/$1" >"$work/$1.log" 2>&1 || {
        tail -n 20 "$work/$1.log" >&2
        return 1
    }
}

run() { # run NAME COMMAND...: quiet when it works
    local name=$1
    shift
    nice "$@" >>"$work/$name.log" 2>&1 </dev/null || {
        tail -n 40 "$work/$name.log" >&2
        echo "bundle: $name failed; the log is $work/$name.log" >&2
        exit 1
    }
}

with_cmake() { # with_cmake NAME FOLDER OPTION...
    local name=$1 folder=$2
    shift 2
    say "$name"
    run "$name" cmake -S "$work/$folder" -B "$work/$name-build" -G Ninja \
        -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="$flags -DNDEBUG -ffile-prefix-map=$work/=" \
        -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_SHARED_LIBS=OFF -DBUILD_STATIC_LIBS=ON \
        -DCMAKE_INSTALL_PREFIX="$stage" -DCMAKE_INSTALL_LIBDIR=lib \
        -DCMAKE_PREFIX_PATH="$stage" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF \
        -DBUILD_TESTING=OFF "$@"
    run "$name" cmake --build "$work/$name-build" --parallel "$jobs"
    run "$name" cmake --install "$work/$name-build"
}

for name in $(cut -d' ' -f1 "$sources/LIST"); do
    unpack "$name"
done

# zlib: the distribution's source lacks a file that its CMake asks for.
say zlib
cd "$work/zlib"
run zlib env CFLAGS="$flags -DNDEBUG" ./configure --static --prefix="$stage"
run zlib make -j "$jobs" libz.a
run zlib make install
cd "$root"

with_cmake lz4 lz4/build/cmake -DLZ4_BUILD_CLI=OFF -DLZ4_BUILD_LEGACY_LZ4C=OFF
# Without its trace hooks: weak references, which a host that exports zstd would answer (Node.js does).
flags="$flags -DZSTD_TRACE=0" with_cmake libzstd libzstd/build/cmake -DZSTD_BUILD_PROGRAMS=OFF -DZSTD_BUILD_SHARED=OFF \
    -DZSTD_BUILD_TESTS=OFF -DZSTD_LEGACY_SUPPORT=OFF
with_cmake jansson jansson -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF \
    -DJANSSON_WITHOUT_TESTS=ON
# libuv: its CMake builds the shared library too, which is not kept; the static one has another name.
with_cmake libuv1 libuv1 -DLIBUV_BUILD_TESTS=OFF
rm -f "$stage"/lib/libuv.so* "$stage"/lib/pkgconfig/libuv-static.pc
mv "$stage/lib/libuv_a.a" "$stage/lib/libuv.a"

with_cmake nghttp2 nghttp2 -DENABLE_LIB_ONLY=ON -DENABLE_STATIC_LIB=ON -DENABLE_SHARED_LIB=OFF \
    -DENABLE_DOC=OFF

# OpenSSL: TLS 1.2 and 1.3 and what PEM keys, certificates and signatures need. No engines, no loadable
# modules and no reading of the host's openssl.cnf: the host may hold another OpenSSL whose configuration
# means nothing to this one. No exit handler: threads may still run when the process ends.
say openssl
openssl_options=(no-shared no-tests no-engine no-dso no-module no-legacy no-autoload-config no-atexit
    no-filenames no-ui-console no-ssl3 no-tls1 no-tls1_1 no-dtls no-srtp no-comp no-srp no-weak-ssl-ciphers
    no-nextprotoneg no-ocsp no-cmp no-cms no-ts no-ct no-rfc3779 no-gost no-ec2m
    no-aria no-bf no-camellia no-cast no-idea no-mdc2 no-rc2 no-rc4 no-seed no-rmd160 no-whirlpool
    no-sm2 no-sm3 no-sm4)
if [ "$(gcc -dumpmachine | cut -d- -f1)" = x86_64 ]; then
    openssl_options+=(enable-ec_nistp_64_gcc_128)
fi
cd "$work/openssl"
# shellcheck disable=SC2086 # flags is a list
run openssl ./config --prefix=/usr --openssldir=/etc/ssl --libdir=lib "${openssl_options[@]}" $flags
run openssl make -j "$jobs" build_libs
run openssl make install_dev DESTDIR="$work/openssl-root"
cp -a "$work/openssl-root/usr/include" "$stage/"
cp -a "$work/openssl-root/usr/lib"/*.a "$stage/lib/"
cp -a "$work/openssl-root/usr/lib/pkgconfig"/*.pc "$stage/lib/pkgconfig/"
cd "$root"

# curl: HTTP and HTTPS over HTTP/1.1 and HTTP/2, HTTP and SOCKS proxies with Basic, Digest and NTLM.
# What only its command line needs is left out. Certificates: src/net/http_config.c says which file is
# used; the folder here is what remains when none of them exists.
with_cmake curl curl -DBUILD_CURL_EXE=OFF -DHTTP_ONLY=ON -DCURL_HIDDEN_SYMBOLS=ON \
    -DPICKY_COMPILER=OFF -DENABLE_MANUAL=OFF -DENABLE_IPV6=ON -DENABLE_THREADED_RESOLVER=ON \
    -DENABLE_ARES=OFF -DENABLE_UNIX_SOCKETS=OFF -DENABLE_WEBSOCKETS=OFF \
    -DCURL_USE_OPENSSL=ON -DOPENSSL_ROOT_DIR="$stage" -DOPENSSL_USE_STATIC_LIBS=ON \
    -DCURL_DISABLE_OPENSSL_AUTO_LOAD_CONFIG=ON -DCURL_DISABLE_SRP=ON \
    -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=/etc/ssl/certs \
    -DUSE_NGHTTP2=ON -DCURL_ZLIB=ON -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF \
    -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBSSH=OFF -DCURL_USE_LIBPSL=OFF -DCURL_USE_GSSAPI=OFF \
    -DUSE_LIBIDN2=OFF -DUSE_LIBRTMP=OFF -DCURL_LTO=OFF \
    -DCURL_DISABLE_ALTSVC=ON -DCURL_DISABLE_HSTS=ON -DCURL_DISABLE_COOKIES=ON \
    -DCURL_DISABLE_DOH=ON -DCURL_DISABLE_MIME=ON -DCURL_DISABLE_NETRC=ON \
    -DCURL_DISABLE_GETOPTIONS=ON -DCURL_DISABLE_LIBCURL_OPTION=ON \
    -DCURL_DISABLE_PROGRESS_METER=ON -DCURL_DISABLE_VERBOSE_STRINGS=ON \
    -DCURL_DISABLE_SHUFFLE_DNS=ON

# What its CMake writes names the compiler's libraries and this machine's files.
sed -i -e '/^Libs\.private:/d' -e 's|^Libs:.*|Libs: -L${libdir} -lcurl|' \
    -e '/^Version:/a Requires.private: libssl libcrypto libnghttp2 zlib' "$stage/lib/pkgconfig/libcurl.pc"

# The files may be moved: pkg-config finds them beside the .pc file.
# shellcheck disable=SC2016 # ${pcfiledir} is for pkg-config
sed -i -e 's|^prefix=.*|prefix=${pcfiledir}/../..|' -e "s|$stage|\${prefix}|g" "$stage"/lib/pkgconfig/*.pc
rm -rf "$stage/share" "$stage/bin" "$stage/lib/cmake"

rm -rf "$prefix"
mv "$stage" "$prefix"
cut -d' ' -f1,2 "$sources/LIST" >"$prefix/VERSIONS"
rm -rf "$work"
say "done: build/bundle/$key"
echo "$prefix"
