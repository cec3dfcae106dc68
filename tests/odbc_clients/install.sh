#!/usr/bin/env bash
# The clients of tests/odbc_clients, from the distribution; without root, or when one is missing there, its test is skipped and
# says so.
set -u
[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || exit 0
# SOCI includes headers of Boost without depending on them.
for package in libboost-dev libqt5sql5-odbc python3-pyqt5.qtsql libqt6sql6-odbc python3-pyqt6 libsoci-dev libsoci-odbc4.0 libcppdb-dev \
    libcppdb-odbc0 libpoco-dev ruby-odbc tcl8.6-tdbc-odbc swi-prolog-odbc erlang-odbc pike8.0-odbc; do
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" \
        >>build/odbc-clients.log 2>&1 </dev/null || echo "odbc-clients: $package cannot be installed here"
done
