// The log bridge: one sink for the process, the last one wins.
'use strict';
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { addon, withConnection, until } = require('./helpers.cjs');

test('before, records, levels, the last callback wins', async () => {
  assert.deepEqual(addon.kernelLoggingStats(), { installed: false, dropped: 0 });
  assert.throws(() => addon.initKernelLogging(5, 'debug'), { code: 'InvalidArg' });
  const first = [];
  assert.equal(addon.initKernelLogging((error, records) => first.push(...records, error), 'DEBUG'), undefined);
  const query = () => withConnection(async (c) => (await c.executeStatement('SELECT 1')).close());
  await query();
  await until(() => first.length > 1, 'lines arrive');
  const record = first.find((r) => r !== null);
  assert.deepEqual(Object.keys(record), ['level', 'target', 'message']);
  assert.ok(['error', 'warn', 'info', 'debug'].includes(record.level));
  assert.equal(record.target, 'databricks::sql::kernel');
  assert.ok(first.includes(null), 'no error');
  const second = [];
  addon.initKernelLogging((error, records) => second.push(...records), 'debug');
  await query();
  await until(() => second.length > 0, 'the second one gets the lines');
  addon.setKernelLogLevel('off');
  await new Promise((next) => setImmediate(next));
  const before = second.length;
  await query();
  assert.ok(second.length - before < 5);
  addon.setKernelLogLevel('no such level'); // warn
  const about = (name) => second.filter((r) => r.level === 'warn' && r.message.includes(name)).length;
  await withConnection(async (c) => {
    await (await c.executeStatement('SELECT 1', { statementConf: { query_tags: 'a:b', TIMEZONE_KEY: 'secret' } })).close();
    await until(() => about('TIMEZONE_KEY') === 1, 'a key without effect is told');
    addon.setKernelLogLevel('error');
    await (await c.executeStatement('SELECT 1', { statementConf: { OTHER_KEY: 'x' } })).close();
  });
  await new Promise((next) => setImmediate(next));
  assert.equal(about('OTHER_KEY') + about('secret') + about('query_tags: '), 0);
  assert.deepEqual(addon.kernelLoggingStats(), { installed: true, dropped: 0 });
});

// In a process of its own: JavaScript does nothing but look at the count while the kernel writes more than the queue holds.
test('a burst while JavaScript is busy', async () => {
  const script = `
    const { addon, open } = require(${JSON.stringify(require.resolve('./helpers.cjs'))});
    open().then((connection) => {
      let seen = 0;
      addon.initKernelLogging((error, records) => (seen += records.length), 'trace');
      const running = Array.from({ length: 600 }, () => connection.executeStatement('SELECT 1'));
      const limit = Date.now() + 60000;
      while (addon.kernelLoggingStats().dropped === 0 && Date.now() < limit);
      const { installed, dropped } = addon.kernelLoggingStats();
      addon.setKernelLogLevel('off');
      Promise.all(running).then(async (statements) => {
        await Promise.all(statements.map((s) => s.close()));
        await connection.close();
        console.log(JSON.stringify({ installed, dropped: dropped > 0, seen, statements: statements.length }));
      });
    });`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { timeout: 120000 });
  const { seen, ...facts } = JSON.parse(stdout);
  assert.deepEqual(facts, { installed: true, dropped: true, statements: 600 });
  assert.ok(seen >= 4096, `${seen} lines were handed over`); // what the queue held
});
