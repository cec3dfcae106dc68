"""Arrow corners that pyarrow does not cover by itself: month intervals and relabelling a batch."""

from __future__ import annotations

import ctypes

import pyarrow as pa


class _CSchema(ctypes.Structure):
    """struct ArrowSchema of the Arrow C data interface."""


_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(_CSchema))
_CSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.c_void_p),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]


class _CArray(ctypes.Structure):
    """struct ArrowArray, only as a place of the right size (10 words)."""

    _fields_ = [("words", ctypes.c_int64 * 10)]


@_RELEASE
def _released(schema) -> None:
    schema.contents.release = ctypes.cast(None, _RELEASE)


def _month_interval() -> pa.DataType:
    # pyarrow has no factory for interval[year_month]; the C data interface does ("tiM").
    schema = _CSchema(b"tiM", b"", None, 2, 0, None, None, _released, None)
    return pa.DataType._import_from_c(ctypes.addressof(schema))


MONTH_INTERVAL = _month_interval()


def relabel(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same buffers under another schema of equal physical layout, without a copy.

    Used for what a cast cannot do: int32 to month interval, the name of a list's child, the name
    of a time zone, field metadata.
    """
    holder = _CArray()
    batch._export_to_c(ctypes.addressof(holder))
    return pa.RecordBatch._import_from_c(ctypes.addressof(holder), schema)
