"""The JSON that describes a statement: status, manifest, inline data, pages of links."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from warehouse.config import Config
from warehouse.errors import ApiError, not_found
from warehouse.results import JSON, Chunk, ResultStream, failed
from warehouse.statements import CANCELED, CLOSED, FAILED, PENDING, RUNNING, SUCCEEDED, TERMINAL, Statement
from warehouse.storage import Links
from warehouse.wire import manifest_columns

CHUNK_WAIT_S = 60.0
MANIFEST_CHUNKS_MAX = 10_000
EMPTY_CHUNK = {"chunk_index": 0, "row_offset": 0, "row_count": 0, "byte_count": 0}


class Answers:
    def __init__(self, config: Config, links: Links) -> None:
        self._config = config
        self._links = links

    # -- whole statement -----------------------------------------------------------------------
    async def statement(self, statement: Statement, poll: bool) -> dict[str, Any]:
        state = self._visible_state(statement, poll)
        payload: dict[str, Any] = {"statement_id": statement.id, "status": self._status(statement, state)}
        if state == SUCCEEDED:
            payload["manifest"] = self.manifest(statement)
            payload["result"] = await self._first_result(statement)
            if statement.hints.empty == "nomanifest" and not _row_count(statement):
                del payload["manifest"], payload["result"]
        return payload

    @staticmethod
    def _visible_state(statement: Statement, poll: bool) -> str:
        """The hint ``pending=N`` hides the end from the first N polls."""
        state = statement.state
        if statement.hints.pending == 0 or state in (CANCELED, CLOSED):
            return state
        if not poll:
            return PENDING
        statement.polled += 1
        return RUNNING if statement.polled <= statement.hints.pending else state

    @staticmethod
    def _status(statement: Statement, state: str) -> dict[str, Any]:
        status: dict[str, Any] = {"state": state}
        if state == FAILED and statement.error is not None:
            status["error"] = {
                "error_code": statement.error.error_code,
                "message": str(statement.error),
            }
            status["sql_state"] = statement.error.sql_state
        if state == SUCCEEDED and statement.modified_rows is not None and statement.hints.dml != "rows":
            status["num_modified_rows"] = statement.modified_rows
        return status

    def manifest(self, statement: Statement) -> dict[str, Any]:
        stream = statement.stream
        columns = manifest_columns(statement.columns)
        schema: dict[str, Any] = {"column_count": len(columns)}
        if columns:
            schema["columns"] = columns
        manifest: dict[str, Any] = {"format": statement.request.format, "schema": schema}
        if statement.is_volume_operation:
            manifest["is_volume_operation"] = True
        if statement.lz4:
            manifest["result_compression"] = "LZ4_FRAME"
        if _is_empty(stream):
            counted = _counts_an_empty_chunk(statement)
            manifest.update(total_chunk_count=int(counted), total_row_count=0, total_byte_count=0)
            if counted:
                manifest["chunks"] = [dict(EMPTY_CHUNK)]
            manifest["truncated"] = stream.truncated if stream is not None else False
            return manifest
        if stream.total_chunks is not None:
            manifest["total_chunk_count"] = stream.total_chunks
            manifest["total_row_count"] = stream.total_rows
            if stream.total_chunks <= MANIFEST_CHUNKS_MAX:
                manifest["chunks"] = _all_chunks(stream)
        if stream.finished:
            manifest["total_byte_count"] = sum(c.byte_count for c in stream.chunks)
        manifest["truncated"] = stream.truncated
        return manifest

    async def _first_result(self, statement: Statement) -> dict[str, Any]:
        stream = statement.stream
        if stream is None:
            return {}
        if _is_empty(stream):
            return self._no_rows(statement, stream)
        if statement.inline:
            return await self._inline(statement, stream, 0)
        return {"external_links": await self._links_from(statement, stream, 0)}

    @staticmethod
    def _no_rows(statement: Statement, stream: ResultStream) -> dict[str, Any]:
        if not _counts_an_empty_chunk(statement):
            return {}
        result: dict[str, Any] = dict(EMPTY_CHUNK)
        if stream.shape.format == JSON:
            result["data_array"] = []
        elif statement.hints.empty == "attachment":
            result["attachment"] = base64.b64encode(stream.empty_file()).decode("ascii")
        return result

    # -- one chunk -------------------------------------------------------------------------------
    async def chunk(self, statement: Statement, index: int) -> dict[str, Any]:
        if statement.state in (CANCELED, CLOSED) or statement.state not in TERMINAL:
            raise not_found(f"Chunk {index} of statement {statement.id} is not available: {statement.state}")
        stream = statement.stream
        if stream is None:
            raise not_found(f"Statement {statement.id} has no result chunks.")
        if _is_empty(stream) and index == 0 and _counts_an_empty_chunk(statement):
            return self._no_rows(statement, stream)
        await self._await_chunk(statement, stream, index)
        if statement.inline:
            return await self._inline(statement, stream, index)
        return {"external_links": await self._links_from(statement, stream, index)}

    async def _inline(self, statement: Statement, stream: ResultStream, index: int) -> dict[str, Any]:
        result = await self._chunk_fields(statement, stream, index)
        data = stream.data(index)
        if data is None:
            raise not_found(f"Statement {statement.id} was closed.")
        if stream.shape.format == JSON:
            result["data_array"] = json.loads(data)
        else:
            result["attachment"] = base64.b64encode(data).decode("ascii")
        return result

    async def _links_from(self, statement: Statement, stream: ResultStream, first: int) -> list[dict[str, Any]]:
        """Links of consecutive chunks: at least the first, then what is ready, up to a page."""
        asked = statement.hints.links_per_page
        most = max(1, asked or self._config.links_per_page)
        if asked:  # an explicit page size is kept exactly, even if that means waiting
            last = first + most - 1
            if stream.total_chunks is not None:
                last = min(last, stream.total_chunks - 1)
            await self._await_production(stream, last)
        links = []
        for index in range(first, first + most):
            if index >= len(stream.chunks) or (links and not _next_known(stream, index)):
                break
            entry = await self._chunk_fields(statement, stream, index)
            url, expiration = self._links.make(statement.id, index)
            entry.update(external_link=url, expiration=expiration)
            headers = self._links.headers(statement.id)
            if headers:
                entry["http_headers"] = headers
            links.append(entry)
        return links

    async def _chunk_fields(self, statement: Statement, stream: ResultStream, index: int) -> dict[str, Any]:
        chunk = await self._await_chunk(statement, stream, index)
        fields: dict[str, Any] = {
            "chunk_index": chunk.index,
            "row_offset": chunk.row_offset,
            "row_count": chunk.row_count,
            "byte_count": chunk.byte_count,
        }
        if not _next_known(stream, index):
            await self._await_production(stream, index + 1)
        follower = index + 1
        total = stream.total_chunks if stream.total_chunks is not None else len(stream.chunks)
        if follower < total:
            after = chunk.row_offset + chunk.row_count
            fields["next_chunk_index"] = follower
            fields["next_chunk_internal_link"] = (
                f"/api/2.0/sql/statements/{statement.id}/result/chunks/{follower}?row_offset={after}"
            )
        return fields

    async def _await_chunk(self, statement: Statement, stream: ResultStream, index: int) -> Chunk:
        if stream.total_chunks is not None and index >= stream.total_chunks:
            raise not_found(f"Chunk {index} of statement {statement.id} does not exist.")
        if index >= len(stream.chunks):
            await self._await_production(stream, index)
        if index < len(stream.chunks):
            return stream.chunks[index]
        error = failed(stream)
        if error is not None:
            raise ApiError(400, error.error_code, str(error))
        raise not_found(f"Chunk {index} of statement {statement.id} does not exist.")

    @staticmethod
    async def _await_production(stream: ResultStream, index: int) -> None:
        future = stream.wait_for(index)
        if future.done():
            return
        try:
            await asyncio.wait_for(asyncio.wrap_future(future), CHUNK_WAIT_S)
        except TimeoutError as error:
            raise ApiError(
                503, "TEMPORARILY_UNAVAILABLE", f"Chunk {index} is still being computed.", {"retry-after": "1"}
            ) from error


def _is_empty(stream: ResultStream | None) -> bool:
    """No result at all (DDL), or one without rows."""
    return stream is None or (stream.finished and not stream.chunks)


def _counts_an_empty_chunk(statement: Statement) -> bool:
    """The service counts no chunk when there are no rows and sends ``"result": {}``, for DDL too; so it stands in
    the recordings of real answers among the JDBC driver's tests. Inline JSON, of which there is no recording,
    and the hint ``empty`` give an empty chunk."""
    empty = statement.hints.empty
    if empty:
        return empty in ("chunk", "attachment")
    return statement.stream is not None and statement.inline and statement.request.format == JSON


def _row_count(statement: Statement) -> int:
    return len(statement.stream.chunks) if statement.stream is not None else 0


def _next_known(stream: ResultStream, index: int) -> bool:
    return stream.total_chunks is not None or stream.finished or index + 1 < len(stream.chunks)


def _all_chunks(stream: ResultStream) -> list[dict[str, Any]]:
    """Every chunk of a result with known totals; those to come have no byte_count yet."""
    entries: list[dict[str, Any]] = []
    made = stream.chunks
    offset = 0
    for index in range(stream.total_chunks):
        entry: dict[str, Any] = {"chunk_index": index, "row_offset": offset}
        if index < len(made):
            entry["row_count"] = made[index].row_count
            entry["byte_count"] = made[index].byte_count
        else:
            entry["row_count"] = min(stream.rows_per_chunk, stream.total_rows - offset)
        offset += entry["row_count"]
        entries.append(entry)
    return entries
