"""Everything that can be set when the server starts."""

from __future__ import annotations

from dataclasses import dataclass, field

MIB = 1024 * 1024
HTTP_PATH = "/sql/1.0/warehouses/local"


@dataclass
class Config:
    engine: str = "duckdb"  # or "spark"
    spark_remote: str = ""  # sc://host:port; empty: a local Spark is started
    spark_confs: tuple[str, ...] = ()  # KEY=VALUE for the local one
    host: str = "127.0.0.1"
    port: int = 0
    storage_port: int = 0
    open_admin: bool = False  # /_lw/ for every machine, not only this one
    link_host: str = ""  # in storage links, instead of ``host``
    port_file: str | None = None
    inline_max_bytes: int = 5 * MIB  # real threshold unknown: spec local-warehouse 2.3, 6
    inline_hard_max_bytes: int = 25 * MIB  # INLINE results above this fail, as on the service
    chunk_bytes: int = 20 * MIB  # uncompressed
    chunk_rows: int = 0  # 0: only chunk_bytes counts
    link_ttl_s: float = 900.0
    links_per_page: int = 32
    require_link_headers: bool = False
    read_ahead_chunks: int = 4
    cache_bytes: int = 256 * MIB  # encoded chunks kept in memory; the rest is spooled to disk
    count_deadline_s: float = 0.25  # how long a count(*) for the totals may take; else the whole result is computed first
    complete_max_bytes: int = 2048 * MIB  # computed for the totals; larger results succeed with a manifest without them
    token: str | None = None  # None: any non-empty token is good
    issued_tokens_only: bool = False  # only tokens of our own token endpoint (and ``token``)
    user: str = "local"
    clients: dict[str, str] = field(default_factory=dict)  # OAuth client ids and secrets
    jwt_keys: dict[tuple[str, str], str] = field(default_factory=dict)  # (client id, kid): public key as PEM
    warehouse_ids: tuple[str, ...] = ("local",)
    tls: tuple[str, ...] = ()  # origins that speak https
    tls_dir: str | None = None
    tls_cert: str = "good"
    tls_min: str = "1.2"
    tls_max: str = "1.3"
    tls_client_cert: bool = False
    http2: bool = False  # offered where there is TLS
    tls_names: tuple[str, ...] = ()
    proxy_port: int | None = None
    mitm_port: int | None = None
    proxy_credentials: str | None = None
    workspaces: dict[str, tuple[str, ...]] = field(default_factory=dict)  # org id: warehouse ids; empty: one
    profiles: dict[str, str] = field(default_factory=dict)  # more warehouse ids with a behaviour
    faults: tuple[str, ...] = ()  # rules that are there from the start and stay
    log_level: str = "warning"
    request_timeout_s: float = 60.0  # for the head of a request, and for each pause in its body
    idle_exit_s: float = 0.0
    exit_with_parent: bool = False
    seed: int | None = None
    retention_s: float = 3600.0  # results of statements that nobody closes
    workers: int = 16  # running at once; more statements wait as PENDING
    journal_limit: int = 100_000
    storage_url: str = field(default="", compare=False)  # known once the socket is bound
    url: str = field(default="", compare=False)
