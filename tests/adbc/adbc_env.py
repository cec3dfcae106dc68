"""Where the ADBC driver is, and connections of it to a local warehouse."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

DRIVER = Path(os.environ.get("DBK_BUILD_DIR", ROOT / "build")).resolve() / "libadbc_driver_databricks.so"
if not DRIVER.exists():
    raise RuntimeError(f"{DRIVER} is missing: make")


def options(warehouse, **more) -> dict[str, str]:
    """What a database needs to reach this warehouse."""
    return {"uri": warehouse.url + warehouse.http_path, "databricks.access_token": warehouse.token, **more}


class CStream:
    """An ArrowArrayStream by its own functions, in an order that pyarrow does not use. Owned by who made the address."""

    class _Struct(ctypes.Structure):
        pass

    _get = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Struct), ctypes.c_void_p)
    _release = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Struct))
    _Struct._fields_ = [("get_schema", _get), ("get_next", _get), ("get_last_error", ctypes.c_void_p), ("release", _release),
                        ("private_data", ctypes.c_void_p)]

    def __init__(self, address: int):
        self.at = ctypes.cast(address, ctypes.POINTER(self._Struct))

    def schema(self) -> pa.Schema:
        room = ctypes.create_string_buffer(72)  # struct ArrowSchema
        assert self.at.contents.get_schema(self.at, room) == 0
        return pa.Schema._import_from_c(ctypes.addressof(room))

    def batches(self, schema: pa.Schema) -> int:
        """Reads to the end, which is a released array."""
        count = 0
        while True:
            room = ctypes.create_string_buffer(80)  # struct ArrowArray; release is its ninth word
            assert self.at.contents.get_next(self.at, room) == 0
            if int.from_bytes(room.raw[64:72], "little") == 0:
                return count
            pa.RecordBatch._import_from_c(ctypes.addressof(room), schema)
            count += 1

    def release(self) -> None:
        self.at.contents.release(self.at)


def examples(language: str = "python", page: str = "adbc.md") -> list[str]:
    """The blocks of a page of docs/, in their order."""
    text = (ROOT / "docs" / page).read_text()
    return [block.split("```")[0] for block in text.split(f"```{language}\n")[1:]]


def for_warehouse(example: str, warehouse) -> str:
    """An example with this warehouse and this driver in place of the reader's own."""
    given = options(warehouse)
    for old, new in (
        ("https://my-workspace.cloud.databricks.com/sql/1.0/warehouses/0123456789abcdef", given["uri"]),
        ('"databricks.access_token": "..."', f'"databricks.access_token": "{given["databricks.access_token"]}"'),
        ("build/libadbc_driver_databricks.so", str(DRIVER)),
    ):
        assert old in example, old
        example = example.replace(old, new)
    return example
