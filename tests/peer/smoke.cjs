// Runs the smoke statements through the real Rust kernel's JS API and prints one JSON line per step:
// {name, batches: [base64 of Arrow IPC], ...} or {name, error: {...}}. The Python side decodes.
'use strict';

const [, , addonPath, hostName, httpPath, token] = process.argv;
const kernel = require(addonPath);

const SENTINEL = '__databricks_error__:';

function errorOf(e) {
  const text = String(e && e.message);
  return text.startsWith(SENTINEL) ? JSON.parse(text.slice(SENTINEL.length)) : { code: 'NotAKernelError', message: text };
}

async function drain(handle) {
  const batches = [];
  for (let batch = await handle.fetchNextBatch(); batch !== null; batch = await handle.fetchNextBatch()) {
    batches.push(Buffer.from(batch.ipcBytes).toString('base64'));
  }
  return { schema: Buffer.from(handle.schema().ipcBytes).toString('base64'), batches };
}

async function query(connection, sql, options) {
  const statement = await connection.executeStatement(sql, options || {});
  const result = await drain(statement);
  const modified = await statement.numModifiedRows();
  await statement.close();
  return { ...result, modified };
}

const steps = {
  select_one: (c) => query(c, 'SELECT 1'),
  scalars: (c) =>
    query(
      c,
      "SELECT true AS b, CAST(1 AS TINYINT) AS t, CAST(2 AS SMALLINT) AS s, 3 AS i, 4L AS l, CAST(1.5 AS FLOAT) AS f, " +
        "2.5D AS d, CAST(1.25 AS DECIMAL(10,2)) AS dec, 'hé' AS str, X'00ff' AS bin, DATE '2026-01-02' AS dt, " +
        "TIMESTAMP '2026-01-02 03:04:05.678' AS ts, TIMESTAMP_NTZ '2026-01-02 03:04:05' AS ntz, " +
        "INTERVAL '1 02:03:04' DAY TO SECOND AS iv, array(1, 2) AS a, map('k', 1) AS m, struct(1 AS x, 'y' AS y) AS st",
    ),
  many_chunks: (c) => query(c, '/*lw: chunk_rows=100, inline_max=0*/ SELECT id, CAST(id AS STRING) AS s FROM range(1000)'),
  parameters: (c) =>
    query(c, 'SELECT :i AS i, :s AS s, :d AS d, :dt AS dt, :ts AS ts, :n AS n', {
      namedParams: [
        { name: 'i', sqlType: 'INT', value: '42' },
        { name: 's', sqlType: 'STRING', value: "it's" },
        { name: 'd', sqlType: 'DECIMAL(10,2)', value: '12.34' },
        { name: 'dt', sqlType: 'DATE', value: '2026-05-15' },
        { name: 'ts', sqlType: 'TIMESTAMP', value: '2026-05-15 18:00:00 +05:30' },
        { name: 'n', sqlType: 'INT' },
      ],
    }),
  dml: async (c) => {
    await query(c, 'CREATE OR REPLACE TABLE main.default.peer_dml (a INT, b STRING)');
    const inserted = await query(c, "INSERT INTO main.default.peer_dml VALUES (1, 'x'), (2, 'y'), (3, 'z')");
    const updated = await query(c, "UPDATE main.default.peer_dml SET b = 'q' WHERE a > 1");
    const left = await query(c, 'SELECT a, b FROM main.default.peer_dml ORDER BY a');
    await query(c, 'DROP TABLE main.default.peer_dml');
    return { ...left, inserted: inserted.modified, updated: updated.modified };
  },
  empty: (c) => query(c, "SELECT 1 AS a, 'x' AS b WHERE 1 = 0"),
  sql_error: (c) => query(c, 'SELECT * FROM definitely_not_a_table'),
  catalogs: async (c) => drain(await c.listCatalogs()),
  submit_await: async (c) => {
    const submitted = await c.submitStatement('SELECT count(*) AS n FROM samples.tpch.orders');
    const result = await drain(await submitted.awaitResult());
    const state = await submitted.status();
    await submitted.close();
    return { ...result, state };
  },
  cancel: async (c) => {
    const execution = await c.executeStatementCancellable(
      '/*lw: pending=100000*/ SELECT count(*) FROM range(0, 1000000000000) WHERE pow(rand(), 2) < 0.5 AND sqrt(id) > 1',
    );
    const result = execution.result();
    // The hint makes the server answer PENDING at once, so that the id is known without its 10 s inline wait.
    const submitted = await c.submitStatement('SELECT count(*) FROM range(0, 1000000000000) WHERE id % 7 = rand()');
    const started = Date.now();
    await submitted.cancel();
    let error = null;
    try {
      await submitted.awaitResult();
    } catch (e) {
      error = errorOf(e);
    }
    const took = Date.now() - started;
    result.catch(() => {});
    while (execution.statementId === null) await new Promise((next) => setTimeout(next, 20));
    await execution.cancel();
    let second = null;
    try {
      await result;
    } catch (e) {
      second = errorOf(e);
    }
    return { asyncError: error, took, syncError: second };
  },
};

async function main() {
  const connection = await kernel.openSession({
    hostName,
    httpPath,
    token,
    authMode: kernel.AuthMode.Pat,
    retryMaxAttempts: 1,
  });
  for (const [name, step] of Object.entries(steps)) {
    let line;
    try {
      line = { name, ...(await step(connection)) };
    } catch (e) {
      line = { name, error: errorOf(e) };
    }
    console.log(JSON.stringify(line));
  }
  await connection.close();
}

main().then(
  () => process.exit(0),
  (e) => {
    console.error(e);
    process.exit(1);
  },
);
