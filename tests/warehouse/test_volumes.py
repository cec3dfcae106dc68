"""Staging statements, volume objects behind signed links, the Files API."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote

import pytest

from warehouse.testing import local_warehouse, request

ROOT = "/Volumes/main/default/e2etests"
FILES = "/api/2.0/fs/files"
DIRECTORIES = "/api/2.0/fs/directories"


@pytest.fixture(autouse=True)
def no_rules_left(warehouse):
    yield
    warehouse.clear_faults()


def _staging(warehouse, sql):
    """The one row of a staging statement as a dictionary; the manifest is checked."""
    answer = warehouse.execute(sql)
    assert answer["status"]["state"] == "SUCCEEDED", answer["status"]
    assert answer["manifest"]["is_volume_operation"] is True
    return warehouse.read(answer).to_pylist()[0]


@pytest.mark.parametrize("path", [f"{ROOT}/a b/%41+é.csv", "stage://tmp/local/x/file1.csv", f"dbfs:{ROOT}/f"])
def test_the_whole_way_of_a_file(warehouse, path):
    put = _staging(warehouse, f"PUT '/tmp/x.csv' INTO '{path}' OVERWRITE")
    assert list(put) == ["operation", "presignedUrl", "headers", "localFile"]
    assert (put["operation"], put["headers"], put["localFile"]) == ("PUT", "{}", "/tmp/x.csv")
    assert put["presignedUrl"].startswith(warehouse.storage_url + "/v/")
    assert request("PUT", put["presignedUrl"], b"one").status == 201
    assert request("PUT", put["presignedUrl"], b"two!").status == 200
    get = _staging(warehouse, f"GET '{path}' TO '/tmp/y.csv'")
    assert request("GET", get["presignedUrl"]).body == b"two!"
    head = request("HEAD", get["presignedUrl"])
    assert head.headers["content-length"] == "4" and head.body == b""
    part = request("GET", get["presignedUrl"], headers={"range": "bytes=1-2"})
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"wo", "bytes 1-2/4")
    assert request("DELETE", get["presignedUrl"]).status == 403, "a link is good for its own method"
    remove = _staging(warehouse, f"REMOVE '{path}'")
    assert remove["localFile"] is None
    assert [request("DELETE", remove["presignedUrl"]).status for _ in range(2)] == [204, 404]
    assert request("GET", get["presignedUrl"]).status == 404


def test_put_does_not_overwrite_unless_asked(warehouse):
    put = _staging(warehouse, f"PUT '__input_stream__' INTO '{ROOT}/once.txt'")
    assert request("PUT", put["presignedUrl"], b"x").status == 201
    status = warehouse.error(f"PUT 'a' INTO '{ROOT}/once.txt'")
    assert "FILE_IN_STAGING_PATH_ALREADY_EXISTS" in status["error"]["message"]
    assert _staging(warehouse, f"PUT 'a' INTO '{ROOT}/once.txt' OVERWRITE")


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("PUT '' INTO 'stage://tmp/local/f' OVERWRITE", "EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY"),
        (f"PUT '' INTO '{ROOT}/f' OVERWRITE", "EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY"),
        (f"GET '{ROOT}/f' TO ''", "EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY"),
        ("PUT 'x' INTO 'stageRANDOM://tmp/local/f'", "INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY"),
        (f"GET '{ROOT}/../../x' TO 'y'", "INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY"),
        ("PUT 'x' INTO 'stage://tmp/mary.poppins@example.com/f' OVERWRITE", "PERMISSION_DENIED"),
        ("GET 'stage://tmp/mary/f' TO 'x'", "PERMISSION_DENIED"),
        ("REMOVE 'stage://tmp/mary/f'", "PERMISSION_DENIED"),
        ("PUT 'x' INTO '/Volumes/RANDOM/main/default/e2etests/f' OVERWRITE", "NOT_FOUND: Catalog"),
        ("GET '/Volumes/main/nosuch/e2etests/f' TO 'x'", "NOT_FOUND: Schema"),
        ("REMOVE '/Volumes/main/default/nosuch/f'", "NOT_FOUND: Volume"),
        (f"LIST '{ROOT}/nosuch/'", "PATH_NOT_FOUND"),
        ("PUT 'x' 'y'", "PARSE_SYNTAX_ERROR"),
        ("PUT x INTO y", "PARSE_SYNTAX_ERROR"),
        ("PUT", "PARSE_SYNTAX_ERROR"),
        (f"REMOVE '{ROOT}/f' NOW", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_staging_errors(warehouse, sql, text):
    assert text in warehouse.error(sql)["error"]["message"]


def test_list(warehouse):
    for name in ("dir/a.txt", "dir/b.txt", "dir/sub/c.txt"):
        assert warehouse.call("PUT", f"{FILES}{ROOT}/{name}?overwrite=true", b"123").status == 204
    table = warehouse.table(f"LIST '{ROOT}/dir/'")
    assert table.column_names == ["path", "name", "size", "modification_time"]
    assert table.column("path").to_pylist() == [f"{ROOT}/dir/{n}" for n in ("a.txt", "b.txt", "sub/")]
    assert table.column("size").to_pylist() == [3, 3, 0]
    answer = warehouse.execute(f"LIST '{ROOT}/dir'")
    assert "is_volume_operation" not in answer["manifest"]


def test_links_are_signed_and_end(warehouse):
    url = _staging(warehouse, f"PUT 'x' INTO '{ROOT}/signed' OVERWRITE")["presignedUrl"]
    assert request("PUT", url.replace("signed", "other"), b"x").status == 403
    assert request("PUT", url[:-2] + "00", b"x").status == 403
    assert request("GET", url.replace("op=PUT", "op=GET")).status == 403
    refused = request("PUT", url, b"x", {"authorization": "Bearer x"})
    assert refused.status == 400 and b"InvalidAuthenticationInfo" in refused.body
    warehouse.advance_clock(1000)
    expired = request("PUT", url, b"x")
    assert expired.status == 403 and b"RequestExpired" in expired.body


def test_put_needs_a_length(warehouse):
    url = _staging(warehouse, f"PUT 'x' INTO '{ROOT}/length' OVERWRITE")["presignedUrl"]
    host, port = warehouse.storage_url.split("//")[1].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    path = url.removeprefix(warehouse.storage_url)
    connection.request("PUT", path, iter([b"a", b"b"]), {"transfer-encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


def test_link_headers_when_required():
    with local_warehouse("--require-link-headers") as server:
        put = _staging(server, f"PUT 'x' INTO '{ROOT}/h' OVERWRITE")
        assert request("PUT", put["presignedUrl"], b"x").status == 403
        assert request("PUT", put["presignedUrl"], b"x", json.loads(put["headers"])).status == 201


def test_files_api(warehouse):
    path = f"{FILES}{ROOT}/" + quote("api dir/ä.bin")
    assert warehouse.call("PUT", path, b"abc").status == 204
    again = warehouse.call("PUT", path, b"abc")
    assert (again.status, again.json()["error_code"]) == (409, "ALREADY_EXISTS")
    assert warehouse.call("PUT", path + "?overwrite=true", b"abcd").status == 204
    found = warehouse.call("GET", path)
    assert found.body == b"abcd" and "last-modified" in found.headers
    assert warehouse.call("GET", path, range="bytes=-1").body == b"d"
    assert warehouse.call("HEAD", path).headers["content-length"] == "4"
    assert [warehouse.call("DELETE", path).status for _ in range(2)] == [204, 404]
    assert warehouse.call("GET", path).json()["error_code"] == "NOT_FOUND"


def test_directories(warehouse):
    path = f"{DIRECTORIES}{ROOT}/made"
    assert warehouse.call("HEAD", path).status == 404
    assert warehouse.call("PUT", path).status == 204
    assert warehouse.call("HEAD", path).status == 200
    warehouse.call("PUT", f"{FILES}{ROOT}/made/x", b"12")
    listed = warehouse.call("GET", path).json()["contents"]
    assert [(e["name"], e["is_directory"], e["file_size"]) for e in listed] == [("x", False, 2)]
    assert warehouse.call("DELETE", path).json()["error_code"] == "DIRECTORY_NOT_EMPTY"
    warehouse.call("DELETE", f"{FILES}{ROOT}/made/x")
    assert warehouse.call("DELETE", path).status == 204
    warehouse.call("PUT", f"{FILES}{ROOT}/old/x?overwrite=true", b"12")
    files = warehouse.call("GET", f"/api/2.0/fs/list?path={ROOT}/old").json()["files"]
    assert [(f["path"], f["is_dir"], f["file_size"]) for f in files] == [(f"{ROOT}/old/x", False, 2)]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", FILES + "/Volumes/nosuch/a/b/c", None, 404, "NOT_FOUND"),
        ("GET", FILES + "/etc/passwd", None, 400, "INVALID_PARAMETER_VALUE"),
        ("GET", FILES + f"{ROOT}/../x", None, 400, "INVALID_PARAMETER_VALUE"),
        ("GET", FILES, None, 400, "INVALID_PARAMETER_VALUE"),
        ("PATCH", FILES + f"{ROOT}/x", None, 405, "METHOD_NOT_ALLOWED"),
        ("GET", DIRECTORIES + f"{ROOT}/nosuch", None, 404, "NOT_FOUND"),
        ("GET", "/api/2.0/fs/list", None, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/fs/create-upload-url", {}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/fs/create-upload-url", {"path": 5}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/fs/create-upload-url", {"path": ROOT + "/"}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/fs/create-upload-url", b"{", 400, "MALFORMED_REQUEST"),
        ("GET", "/api/2.0/fs/create-upload-url", None, 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_wrong_calls(warehouse, method, path, body, status, code):
    answer = warehouse.call(method, path, body)
    assert (answer.status, answer.json()["error_code"]) == (status, code)


def test_links_of_the_files_api(warehouse):
    def link(kind):
        answer = warehouse.call("POST", f"/api/2.0/fs/create-{kind}-url", {"path": f"{ROOT}/linked"}).json()
        assert set(answer) == {"url", "headers"}
        return answer["url"]

    assert request("PUT", link("upload"), b"via link").status == 201
    assert request("GET", link("download")).body == b"via link"
    assert request("DELETE", link("delete")).status == 204


def test_volumes_as_objects(warehouse):
    warehouse.execute("DROP VOLUME IF EXISTS main.default.made")
    assert warehouse.execute("CREATE VOLUME main.default.made COMMENT 'x'")["status"]["state"] == "SUCCEEDED"
    assert "VOLUME_ALREADY_EXISTS" in warehouse.error("CREATE VOLUME main.default.made")["error"]["message"]
    assert ("default", "made") in warehouse.rows("SHOW VOLUMES IN main.default")
    warehouse.call("PUT", FILES + "/Volumes/main/default/made/f", b"x")
    warehouse.execute("DROP VOLUME main.default.made")
    assert "VOLUME_DOES_NOT_EXIST" in warehouse.error("DROP VOLUME main.default.made")["error"]["message"]
    warehouse.execute("CREATE VOLUME IF NOT EXISTS made")
    assert warehouse.rows("LIST '/Volumes/main/default/made'") == [], "its objects went with it"


def test_faults_of_uploads_and_downloads(warehouse):
    url = _staging(warehouse, f"PUT 'x' INTO '{ROOT}/faulty' OVERWRITE")["presignedUrl"]
    warehouse.fault("storage.put#1:status(503)")
    assert [request("PUT", url, b"x").status for _ in range(2)] == [503, 201]
    warehouse.fault("storage.put#1:reset(upload,10)")
    with pytest.raises((ConnectionError, OSError, http.client.HTTPException)):
        request("PUT", url, b"x" * 5_000_000)
    assert request("GET", _staging(warehouse, f"GET '{ROOT}/faulty' TO 'x'")["presignedUrl"]).body == b"x"
    warehouse.fault("files#1:status(403,html)")
    assert b"<html>" in warehouse.call("GET", f"{FILES}{ROOT}/faulty").body
