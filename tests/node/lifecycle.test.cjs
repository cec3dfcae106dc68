// Handles from open to after-close, turns, cancelling, and what the server is told.
'use strict';
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { addon, url, open, withConnection, rejection, drain, journal, until } = require('./helpers.cjs');

// Never done, and costs the server nothing: the one of a process that exits is left behind, and a query that really ran
// would take a core from everything after it (six of these files on one core took over 300 s: a hang by all looks).
const FOREVER = '/*lw: pending=1000000000*/ SELECT 1';
const told = async (line) => (await journal()).some((entry) => entry.startsWith(line));

test('a statement: schema, payloads, the end for ever', () =>
  withConnection(async (connection) => {
    const statement = await connection.executeStatement("SELECT 1 AS x, 'hé' AS s");
    assert.match(statement.statementId, /^[0-9a-f-]{36}$/);
    const schema = statement.schema().ipcBytes;
    const { ipcBytes } = await statement.fetchNextBatch();
    assert.ok(Buffer.isBuffer(ipcBytes) && ipcBytes.byteOffset === 0 && ipcBytes.buffer.byteLength === ipcBytes.length);
    assert.ok(ipcBytes.subarray(0, schema.length - 8).equals(schema.subarray(0, -8)), 'the schema comes first');
    assert.ok(ipcBytes.subarray(-8).equals(Buffer.from('ffffffff00000000', 'hex')));
    assert.equal(await statement.fetchNextBatch(), null);
    assert.equal(await statement.fetchNextBatch(), null);
    await until(() => told(`DELETE /api/2.0/sql/statements/${statement.statementId}`), 'read to the end, it is closed');
    await statement.cancel();
    await statement.close();
    await statement.close();
    await statement.cancel();
    const after = await rejection(statement.fetchNextBatch());
    assert.deepEqual([after.own, after.code, after.message], ['InvalidArg', 'InvalidStatementHandle', 'statement already closed']);
    assert.equal((await rejection(statement.numModifiedRows())).code, 'InvalidStatementHandle');
    assert.notEqual(statement.schema().ipcBytes, schema);
    assert.ok(statement.schema().ipcBytes.equals(schema));
  }));

test('fetches take turns; close and cancel go past them', () =>
  withConnection(async (connection) => {
    const statement = await connection.executeStatement('/*lw: chunk_rows=1000, inline_max=0*/ SELECT id FROM range(30000)');
    const many = await Promise.all(Array.from({ length: 40 }, () => statement.fetchNextBatch()));
    const end = many.indexOf(null);
    assert.ok(end > 0 && many.slice(end).every((batch) => batch === null));
    await statement.close();
  }));

test('submitted: states, result, close', () =>
  withConnection(async (connection) => {
    const submitted = await connection.submitStatement('SELECT id FROM range(5)');
    const handle = await submitted.awaitResult();
    assert.equal(handle.statementId, submitted.statementId);
    assert.equal(await submitted.status(), 'Succeeded');
    assert.equal((await drain(handle)).length, 1);
    assert.equal((await drain(await submitted.awaitResult())).length, 1, 'twice is fine');
    assert.equal(await submitted.numModifiedRows(), null);
    await submitted.close();
    await submitted.close();
    assert.ok(await told(`DELETE /api/2.0/sql/statements/${submitted.statementId}`));
    const after = await rejection(submitted.status());
    assert.deepEqual([after.code, after.message], ['InvalidStatementHandle', 'AsyncStatement already closed']);
  }));

test('direct: rows, or a handle while it runs', () =>
  withConnection(async (connection) => {
    assert.equal((await connection.executeStatementDirect('SELECT 1')).awaitResult, undefined);
    const running = await connection.executeStatementDirect(FOREVER);
    assert.equal(typeof running.awaitResult, 'function');
    const waiting = rejection(running.awaitResult());
    await running.cancel();
    assert.equal((await waiting).own, 'Cancelled');
    await running.close();
  }));

test('close does not wait for awaitResult', () =>
  withConnection(async (connection) => {
    const submitted = await connection.submitStatement(FOREVER);
    const waiting = rejection(submitted.awaitResult());
    const queued = rejection(submitted.status());
    await submitted.close();
    assert.equal((await waiting).code, 'Cancelled');
    assert.equal((await queued).code, 'InvalidStatementHandle');
  }));

test('cancellable: before, during and after', () =>
  withConnection(async (connection) => {
    const early = await connection.executeStatementCancellable('SELECT 1');
    assert.equal(early.statementId, null);
    await early.cancel();
    assert.equal((await rejection(early.result())).code, 'Cancelled');
    const running = await connection.executeStatementCancellable(FOREVER);
    const result = rejection(running.result());
    await running.cancel(); // the id is not known yet: the wish is kept
    assert.equal((await result).own, 'Cancelled');
    const fine = await connection.executeStatementCancellable('SELECT 1');
    await (await fine.result()).close();
    assert.match(fine.statementId, /^[0-9a-f-]{36}$/);
    await fine.cancel();
    assert.equal((await rejection(fine.result())).message, 'statement already closed');
  }));

test('catalog calls', () =>
  withConnection(async (connection) => {
    const calls = [
      connection.listCatalogs(), connection.listSchemas('samples'), connection.listTables('samples', null, undefined, ['TABLE']),
      connection.listColumns('samples', 'tpch', 'orders'), connection.listFunctions(), connection.listProcedures(),
      connection.listTableTypes(), connection.listTypeInfo(), connection.getPrimaryKeys('samples', 'tpch', 'orders'),
      connection.getCrossReference(null, null, null, 'samples', 'tpch', 'orders'),
    ];
    for (const statement of await Promise.all(calls)) {
      assert.equal(statement.statementId, '');
      assert.equal(await statement.numModifiedRows(), null);
      await drain(statement);
      await statement.close();
    }
    assert.throws(() => connection.getPrimaryKeys('a'), { code: 'StringExpected' });
  }));

test('errors of the server', () =>
  withConnection(async (connection) => {
    const error = await rejection(connection.executeStatement('SELECT * FROM no_such_table'));
    assert.deepEqual([error.own, error.code, error.sqlState], ['GenericFailure', 'SqlError', '42P01']);
    assert.ok(error.queryId && error.errorCode && !error.message.includes('error_code='));
  }));

test('a closed connection', async () => {
  const connection = await open();
  const statement = await connection.executeStatement('SELECT 1');
  await connection.close();
  await connection.close();
  assert.equal((await drain(statement)).length, 1);
  for (const call of [connection.listTypeInfo(), connection.submitStatement('SELECT 1')]) {
    assert.equal((await rejection(call)).message, 'connection already closed');
  }
  assert.ok(connection.sessionId);
});

test('parameters, row limit, modified rows', () =>
  withConnection(async (connection) => {
    const statement = await connection.executeStatement('SELECT :a AS a, :b AS b', {
      rawParams: [{ name: 'a', sqlType: 'INTEGER', value: '42' }, { name: 'b', sqlType: 'VOID' }],
    });
    await statement.close();
    const limited = await connection.executeStatement('SELECT id FROM range(100)', { rowLimit: 3 });
    await limited.close();
    await (await connection.executeStatement('CREATE OR REPLACE TABLE main.default.node_rows (a INT)')).close();
    const insert = await connection.executeStatement('INSERT INTO main.default.node_rows VALUES (1), (2)');
    assert.equal(await insert.numModifiedRows(), 2);
    await insert.close();
  }));

const script = (text) => `
  const addon = require(${JSON.stringify(process.env.DBK_NODE_ADDON)});
  const open = () => addon.openSession({ hostName: ${JSON.stringify(url)}, httpPath: '/sql/1.0/warehouses/local', token: 'local' });
  (async () => { ${text} })();`;
const node = (text, ...flags) => execFileSync(process.execPath, [...flags, '-e', script(text)], { encoding: 'utf8', timeout: 60000 });

test('an idle connection does not keep the process alive, a promise does', () => {
  assert.equal(node("await open(); console.log('open');"), 'open\n');
  assert.equal(node("const c = await open(); await c.executeStatement('/*lw: pending=20*/ SELECT 1'); console.log('ran');"), 'ran\n');
});

test('exit with promises pending', () => {
  assert.equal(node(`const c = await open(); const s = await c.submitStatement(${JSON.stringify(FOREVER)}); s.awaitResult(); c.executeStatement('SELECT 1'); console.log('bye'); process.exit(0);`), 'bye\n');
});

test('an unhandled rejection ends the process as any other', () => {
  assert.throws(() => node("const c = await open(); await c.executeStatement('SELEC');"), (e) => e.status === 1 && /__databricks_error__/.test(e.stderr));
});

test('collected handles are closed on the server', async () => {
  // The child waits, collecting, until the server was told: at exit nothing more is sent.
  const out = node(
    `const { get } = require('node:http');
     const journal = () => new Promise((r) => get(${JSON.stringify(url)} + '/_lw/journal?since=0', (a) => { let t = ''; a.on('data', (p) => (t += p)); a.on('end', () => r(t)); }));
     const used = await (async () => {
       const c = await open();
       for (let i = 0; i < 200; i++) { const s = await c.executeStatement('SELECT id FROM range(100)'); if (i % 2) await s.fetchNextBatch(); }
       for (let i = 0; i < 20; i++) { await c.submitStatement('SELECT 1'); await c.executeStatementCancellable('SELECT 1'); }
       return c.sessionId;
     })();
     for (let i = 0; i < 500 && !(await journal()).includes('sql/sessions/' + used); i++) { global.gc(); await new Promise((r) => setTimeout(r, 20)); }
     console.log(used);`,
    '--expose-gc',
  );
  assert.ok(await told(`DELETE /api/2.0/sql/sessions/${out.trim()}`));
});

test('workers: each has its own, and may be stopped at any time', async () => {
  const text = (end) => script(`const { parentPort } = require('node:worker_threads'); const c = await open(); const s = await c.executeStatement('SELECT 1'); ${end}`);
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(text(`c.executeStatement(${JSON.stringify(FOREVER)}); (await c.submitStatement(${JSON.stringify(FOREVER)})).awaitResult(); parentPort.postMessage(c.sessionId);`), { eval: true });
    const session = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
    await until(() => told(`DELETE /api/2.0/sql/sessions/${session}`), 'the stopped worker leaves no session');
  }
  await withConnection(async (connection) => (await connection.executeStatement('SELECT 1')).close());
});

test('loaded twice in one process', () => {
  delete require.cache[require.resolve(process.env.DBK_NODE_ADDON)];
  const again = require(process.env.DBK_NODE_ADDON);
  assert.notEqual(again, addon);
  assert.notEqual(again.Connection, addon.Connection);
});
