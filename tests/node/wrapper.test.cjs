// The additive wrapper: real errors, `for await`, disposal.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { url, journal } = require('./helpers.cjs');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dbk-wrapper-'));
fs.symlinkSync(process.env.DBK_NODE_ADDON, path.join(folder, 'index.linux-x64-gnu.node'));
fs.copyFileSync(path.join(__dirname, '../../bindings/node/package/wrapper.js'), path.join(folder, 'wrapper.js'));
const wrapper = require(path.join(folder, 'wrapper.js'));
test.after(() => fs.rmSync(folder, { recursive: true }));

const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');
const open = () => wrapper.openSession({ hostName: url, httpPath: '/sql/1.0/warehouses/local', token: 'local' });

test('errors are of the class of their code, with fields and the stack of the caller', async function caller() {
  const connection = await open();
  const error = await connection.executeStatement('SELECT * FROM no_such_table').catch((e) => e);
  assert.ok(error instanceof wrapper.SqlError && error instanceof wrapper.KernelError && error instanceof Error);
  assert.deepEqual([error.code, error.sqlState], ['SqlError', '42P01']);
  assert.ok(!error.message.includes('__databricks_error__'));
  assert.match(error.stack, /wrapper\.test\.cjs/);
  await connection.close();
  await assert.rejects(connection.listTypeInfo(), { name: 'InvalidStatementHandleError', message: 'connection already closed' });
  await assert.rejects(wrapper.openSession({}), /Missing field/);
});

test('for await over payloads, disposal closes', async () => {
  const connection = await open();
  const statement = await connection.executeStatement('/*lw: chunk_rows=1000, inline_max=0*/ SELECT id FROM range(5000)');
  let bytes = 0;
  for await (const ipcBytes of statement) bytes += ipcBytes.length;
  assert.ok(bytes > 40000 && statement instanceof wrapper.Statement && statement.schema().ipcBytes.length > 0);
  const submitted = await connection.submitStatement('SELECT 1');
  for await (const ipcBytes of await submitted.awaitResult()) assert.ok(ipcBytes.length > 0);
  await submitted[asyncDispose]();
  await connection[asyncDispose]();
  assert.ok((await journal()).some((e) => e.startsWith('DELETE /api/2.0/sql/sessions/')));
});
