"""A Spark of our own: one child process that serves Spark Connect on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from warehouse.processes import die_with_parent, end

_MAIN = "org.apache.spark.sql.connect.service.SparkConnectServer"
START_S = 180.0


class LocalSpark:
    """Started at once; ``url`` answers when the constructor returns. RuntimeError with Spark's words if it fails."""

    def __init__(self, confs: Iterable[str] = ()) -> None:
        import pyspark

        self._folder = tempfile.TemporaryDirectory(prefix="dbkernel-spark-")
        self.path = Path(self._folder.name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        home = os.environ.get("SPARK_HOME") or str(Path(pyspark.__file__).parent)
        self._log = open(self.path / "spark.log", "w+")
        self._process = subprocess.Popen(
            [f"{home}/bin/spark-submit", "--class", _MAIN, *self._options(confs), "spark-internal"],
            env={**os.environ, "SPARK_HOME": home},
            cwd=self.path,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        self._wait()

    @property
    def url(self) -> str:
        return f"sc://127.0.0.1:{self._port}"

    def _options(self, confs: Iterable[str]) -> list[str]:
        own = {
            "spark.master": "local[*]",
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": self._port,
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": 2,
            "spark.sql.warehouse.dir": self.path / "warehouse",
            "spark.sql.session.timeZone": "UTC",
            # Tables are gone with the process; and snappy's native library does not load where musl is installed.
            "spark.sql.parquet.compression.codec": "uncompressed",
        }
        pairs = [f"{key}={value}" for key, value in own.items()]
        return [word for pair in [*pairs, *confs] for word in ("--conf", pair)]

    def _wait(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self._port), 1) as there:
                    if there.getsockname() != there.getpeername():
                        return  # else it has met itself: a port that nobody listens on, taken for its own
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._log.seek(0)
                    tail = self._log.read()[-2000:]
                    self.close()
                    raise RuntimeError(f"Spark did not start:\n{tail}") from None
                time.sleep(0.1)

    def close(self) -> None:
        end(self._process)
        self._log.close()
        self._folder.cleanup()
