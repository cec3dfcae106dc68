"""One connection of the official Python connector on a kernel module, as a user would make it:
python session.py URL HTTP_PATH '{"more": "arguments of connect"}'."""

import contextlib
import json
import sys

from databricks import sql

url, http_path, more = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with sql.connect(server_hostname=url, http_path=http_path, access_token="local", use_kernel=True, **more) as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'secret_literal' AS a")
        assert cursor.fetchall()[0][0] == "secret_literal"
        cursor.execute("SELECT id, repeat('x', 100) AS t FROM range(0, 300000)")
        assert len(cursor.fetchall_arrow()) == 300000
        with contextlib.suppress(sql.Error):
            cursor.execute("SELECT * FROM there_is_no_such_table")
        cursor.catalogs()
        assert cursor.fetchall()
