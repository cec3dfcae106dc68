"""The command line: options, a TOML file with the same names, and the start."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import sys
from pathlib import Path
from typing import Any

from warehouse.config import MIB, Config
from warehouse.engine.base import Engine
from warehouse.errors import ApiError
from warehouse.identity.workspaces import parse_workspace
from warehouse.journal import Effects
from warehouse.processes import die_with_parent
from warehouse.server import EXIT_USAGE, Ports, run

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# The same as net.certs.KINDS, which is not imported before TLS is asked for.
_CERTIFICATES = (
    "good", "expired", "not-yet-valid", "wrong-name", "self-signed", "unknown-ca", "missing-intermediate",
)  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m warehouse",
        description="A local SQL warehouse that speaks the Databricks SQL Statement Execution API.",
    )
    add = parser.add_argument_group("server").add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_port, default=0, help="API port, 0 for a free one (default: %(default)s)")
    add("--storage-port", type=_port, default=0, help="port of the storage origin (default: a free one)")
    add("--open-admin", action="store_true", help="let other machines use the administration under /_lw/ too")
    add("--link-host", default="", metavar="NAME", help="host name in links to the storage origin")
    add("--port-file", help="write {url, storage_url, http_path, token, pid} as JSON to this file when ready")
    add("--warehouse-id", action="append", default=[], help="accept this warehouse id beside 'local'")
    add("--workspace", action="append", default=[], type=parse_workspace, metavar="ORG=ID[,ID]",
        help="a workspace behind this host (SPOG); repeatable")  # fmt: skip
    add("--request-timeout", type=_seconds, default=60.0, metavar="S",
        help="how long the head of a request, or a pause in its body, may take")  # fmt: skip
    add("--idle-exit", type=_seconds, default=0.0, metavar="S", help="stop after S idle seconds")
    add("--exit-with-parent", action="store_true", help="stop when the parent process is gone")
    add("--seed", type=int, help="make ids, signatures and the draw of fault rates reproducible")
    add("--log-level", default="warning", choices=("debug", "info", "warning", "error"))
    add("--config", metavar="FILE", help="TOML file: [server] with these options, [faults] rules, [profiles]")
    _add_engine(parser.add_argument_group("engine").add_argument)
    _add_results(parser.add_argument_group("results").add_argument)
    _add_identity(parser.add_argument_group("identity").add_argument)
    _add_network(parser.add_argument_group("TLS and proxies").add_argument)
    add = parser.add_argument_group("faults").add_argument
    add("--fault", action="append", default=[], metavar="RULE", help="a fault rule that stays; repeatable")
    return parser


def _add_engine(add) -> None:
    add("--engine", default="duckdb", choices=("duckdb", "spark"), help="what runs the SQL (default: %(default)s)")
    add("--spark-remote", default="", metavar="URL", help="a running Spark Connect server, sc://host:port")
    add("--spark-conf", action="append", default=[], metavar="KEY=VALUE", help="for the local Spark; repeatable")


def _add_results(add) -> None:
    add("--inline-max-bytes", type=_count, default=5 * MIB, help="largest result sent inline")
    add("--chunk-bytes", type=_positive, default=20 * MIB, help="uncompressed size of a chunk")
    add("--chunk-rows", type=_count, default=0, help="most rows in a chunk, 0 for no limit")
    add("--link-ttl", type=_seconds, default=900.0, metavar="S", help="life of a signed link in seconds")
    add("--links-per-page", type=_positive, default=32, help="most links in one answer")
    add("--count-deadline", type=_seconds, default=0.25, metavar="S",
        help="how long a count(*) may take to give the totals of a result that is not whole yet")
    add("--complete-max-bytes", type=_positive, default=2048 * MIB, metavar="BYTES",
        help="results up to this size are computed as a whole when nothing else gives their totals")
    add("--cache-bytes", type=_positive, default=256 * MIB, help="encoded chunks kept in memory, the rest goes to disk")
    add("--require-link-headers", action="store_true", help="storage links need their http_headers")


def _add_identity(add) -> None:
    add("--token", help="accept only this token (default: any that is not empty)")
    add("--issued-tokens-only", action="store_true", help="accept only tokens of the token endpoint (and --token)")
    add("--user", default="local", help="the name of the user (default: %(default)s)")
    add("--client", action="append", default=[], type=_client, metavar="ID:SECRET", help="an OAuth client")
    add("--jwt-key", action="append", default=[], type=_jwt_key, metavar="CLIENT:KID:FILE",
        help="public key (PEM) that checks the JWT assertions of a client")  # fmt: skip


def _add_network(add) -> None:
    add("--tls", nargs="?", const="both", default="none", choices=("both", "api", "storage", "none"),
        help="serve https on these origins, with certificates made at the start")  # fmt: skip
    add("--tls-dir", metavar="DIR", help="folder for certificates and keys (default: a temporary one)")
    add("--tls-cert", default="good", choices=_CERTIFICATES, help="what the servers' certificate is like")
    add("--tls-min", default="1.2", choices=("1.2", "1.3"), help="lowest TLS version")
    add("--tls-max", default="1.3", choices=("1.2", "1.3"), help="highest TLS version")
    add("--tls-client-cert", action="store_true", help="require a client certificate of the CA in --tls-dir")
    add("--http2", action="store_true", help="offer HTTP/2 on the origins with TLS (needs the package h2)")
    add("--tls-name", action="append", default=[], metavar="NAME", help="one more name in the certificate")
    add("--proxy-port", type=_port, metavar="N", help="a proxy on this port, 0 for a free one")
    add("--mitm-port", type=_port, metavar="N", help="an intercepting proxy with its own CA, 0 for a free one")
    add("--proxy-credentials", metavar="USER:PASSWORD", help="what the proxies ask for (Basic)")


# -- values ---------------------------------------------------------------------------------------
def _number(text: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
    return value


def _port(text: str) -> int:
    return _number(text, 0, 65535)


def _count(text: str) -> int:
    return _number(text, 0, 1 << 40)


def _positive(text: str) -> int:
    return _number(text, 1, 1 << 40)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def _client(text: str) -> tuple[str, str]:
    client, colon, secret = text.partition(":")
    if not client or not colon:
        raise argparse.ArgumentTypeError(f"{text.split(':')[0]!r} is not <id>:<secret>")
    return client, secret


def _jwt_key(text: str) -> tuple[tuple[str, str], str]:
    parts = text.split(":", 2)
    if len(parts) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not <client id>:<kid>:<file>")
    try:
        pem = Path(parts[2]).read_text()
        from warehouse.identity.jwt import load_public_key

        load_public_key(pem)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{parts[2]!r} holds no public key: {error}") from error
    return (parts[0], parts[1]), pem


# -- TOML -----------------------------------------------------------------------------------------
def _read_toml(parser: argparse.ArgumentParser, path: str) -> dict[str, Any]:
    """The file's tables, checked. Options of the command line win over those of the file."""
    try:
        import tomllib

        with open(path, "rb") as file:
            found = tomllib.load(file)
    except ImportError:
        parser.error("--config needs Python 3.11")
    except (OSError, ValueError) as error:
        parser.error(f"--config {path}: {error}")
    unknown = set(found) - {"server", "faults", "profiles"}
    if unknown or not all(isinstance(table, dict) for table in found.values()):
        parser.error(f"--config {path}: the tables are [server], [faults] and [profiles]")
    return found


def _as_options(table: dict[str, Any]) -> list[str]:
    """``chunk-rows = 10`` is ``--chunk-rows 10``; a list repeats an option; true sets a flag."""
    options: list[str] = []
    for key, value in table.items():
        name = "--" + key.replace("_", "-")
        for one in value if isinstance(value, list) else [value]:
            if one is True:
                options.append(name)
            elif one is not False:
                options += [name, str(one)]
    return options


def parse(argv: list[str] | None = None) -> Config:
    parser = _parser()
    given = sys.argv[1:] if argv is None else argv
    args = parser.parse_args(given)
    rules, profiles = list(args.fault), {}
    if args.config:
        file = _read_toml(parser, args.config)
        args = parser.parse_args([*_as_options(file.get("server", {})), *given])
        rules = [*map(str, file.get("faults", {}).get("rules", [])), *args.fault]
        profiles = {str(k): str(v) for k, v in file.get("profiles", {}).items()}
    if args.engine != "spark" and (args.spark_remote or args.spark_conf):
        parser.error("--spark-remote and --spark-conf are for --engine spark")
    if args.tls_min > args.tls_max:
        parser.error("--tls-min is above --tls-max")
    if args.http2 and args.tls == "none":
        parser.error("--http2 needs --tls: HTTP/2 is agreed upon in the TLS handshake")
    if args.http2 and importlib.util.find_spec("h2") is None:
        parser.error("--http2 needs the Python package h2")
    _check_rules(parser, rules, profiles)
    return _config(args, tuple(rules), profiles)


def _check_rules(parser: argparse.ArgumentParser, rules: list[str], profiles: dict[str, str]) -> None:
    from warehouse.faults import parse_header, parse_rule

    try:
        for text in rules:
            parse_rule(text)
        for text in profiles.values():
            parse_header(text)
    except ApiError as error:
        parser.error(error.message)


def _config(args: argparse.Namespace, rules: tuple[str, ...], profiles: dict[str, str]) -> Config:
    secure = {"both": ("api", "storage"), "none": ()}.get(args.tls, (args.tls,))
    return Config(
        engine=args.engine,
        spark_remote=args.spark_remote,
        spark_confs=tuple(args.spark_conf),
        host=args.host,
        open_admin=args.open_admin,
        port=args.port,
        storage_port=args.storage_port,
        link_host=args.link_host,
        port_file=args.port_file,
        inline_max_bytes=args.inline_max_bytes,
        chunk_bytes=args.chunk_bytes,
        chunk_rows=args.chunk_rows,
        link_ttl_s=args.link_ttl,
        links_per_page=args.links_per_page,
        complete_max_bytes=args.complete_max_bytes,
        cache_bytes=args.cache_bytes,
        count_deadline_s=args.count_deadline,
        require_link_headers=args.require_link_headers,
        token=args.token,
        issued_tokens_only=args.issued_tokens_only,
        user=args.user,
        clients=dict(args.client),
        jwt_keys=dict(args.jwt_key),
        warehouse_ids=("local", *args.warehouse_id),
        workspaces=dict(args.workspace),
        tls=secure,
        tls_dir=args.tls_dir,
        tls_cert=args.tls_cert,
        tls_min=args.tls_min,
        tls_max=args.tls_max,
        tls_client_cert=args.tls_client_cert,
        http2=args.http2,
        tls_names=tuple(args.tls_name),
        proxy_port=args.proxy_port,
        mitm_port=args.mitm_port,
        proxy_credentials=args.proxy_credentials,
        faults=rules,
        profiles=profiles,
        log_level=args.log_level,
        request_timeout_s=args.request_timeout,
        idle_exit_s=args.idle_exit,
        exit_with_parent=args.exit_with_parent,
        seed=args.seed,
    )


def main(argv: list[str] | None = None) -> None:
    config = parse(argv)
    parent = die_with_parent() if config.exit_with_parent else os.getppid()
    logging.basicConfig(level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    ports = Ports(config)
    if config.host not in _LOOPBACK:
        print(
            f"dbkernel local warehouse: listening on {config.host}, which other machines may reach; "
            f"tokens and data travel {'encrypted' if len(config.tls) == 2 else 'unencrypted'}",
            file=sys.stderr,
        )
    effects = Effects()
    run(config, ports, _engine(config, effects), effects, parent)


def _engine(config: Config, effects: Effects) -> Engine:
    if config.engine == "duckdb":
        from warehouse.engine.duck import DuckEngine

        return DuckEngine(effects)
    try:
        from warehouse.engine.spark import SparkEngine
    except ImportError as error:
        print(f"dbkernel local warehouse: --engine spark needs pyspark[connect] ({error}): make spark", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
    try:
        return SparkEngine(effects, config.spark_remote, config.spark_confs)
    except Exception as error:  # noqa: BLE001 - no Java, no such host, a bad configuration
        print(f"dbkernel local warehouse: {error}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None


__all__ = ["EXIT_USAGE", "main", "parse"]
