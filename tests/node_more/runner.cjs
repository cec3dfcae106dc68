// Runs the cases of a JSON file through an addon and prints one JSON line per case: payloads as base64, or
// the error with its own properties. The Python side (test_node_differential.py) decodes and compares.
'use strict';
const [, , addonPath, casesPath, hostName] = process.argv;
const addon = require(addonPath);

const show = (e) => {
  const text = String(e.message);
  const json = text.startsWith('__databricks_error__:') ? JSON.parse(text.slice(21)) : text;
  return { error: json, own: Object.getOwnPropertyNames(e), code: e.code, kind: e.constructor.name };
};

async function drain(handle) {
  const batches = [];
  for (let b = await handle.fetchNextBatch(); b !== null; b = await handle.fetchNextBatch()) {
    batches.push(b.ipcBytes.toString('base64'));
  }
  return { schema: handle.schema().ipcBytes.toString('base64'), batches };
}

const steps = {
  execute: async (c, { sql, options }) => {
    const s = await c.executeStatement(sql, options);
    const shown = { ...(await drain(s)), modified: await s.numModifiedRows() };
    await s.close();
    return shown;
  },
  direct: async (c, { sql, options }) => {
    const s = await c.executeStatementDirect(sql, options);
    const shown = await drain(s.awaitResult ? await s.awaitResult() : s);
    await s.close();
    return shown;
  },
  submit: async (c, { sql, options }) => {
    const s = await c.submitStatement(sql, options);
    try {
      return { ...(await drain(await s.awaitResult())), status: await s.status(), modified: await s.numModifiedRows() };
    } finally {
      await s.close();
    }
  },
  cancellable: async (c, { sql, options }) => drain(await (await c.executeStatementCancellable(sql, options)).result()),
  catalog: async (c, { method, args }) => {
    const s = await c[method](...args);
    return { ...(await drain(s)), id: s.statementId, modified: await s.numModifiedRows() };
  },
  open: async (_, { options }) => {
    const c = await addon.openSession({ hostName, httpPath: '/sql/1.0/warehouses/local', token: 'local', retryMaxAttempts: 1, ...options });
    await c.close();
    return { opened: true };
  },
  closed: async (c, { calls }) => {
    const s = await c.executeStatement('SELECT id FROM range(3)');
    await s.close();
    const shown = [];
    for (const call of calls) shown.push(await Promise.resolve().then(() => s[call]()).then((v) => v ?? null, show));
    return { shown, schema: s.schema().ipcBytes.length > 0 };
  },
};

async function main() {
  const { session, cases } = JSON.parse(require('node:fs').readFileSync(casesPath, 'utf8'));
  const c = await addon.openSession({ hostName, httpPath: '/sql/1.0/warehouses/local', token: 'local', retryMaxAttempts: 1, ...session });
  for (const item of cases) {
    let shown;
    try {
      shown = await steps[item.step](c, item);
    } catch (e) {
      shown = show(e);
    }
    console.log(JSON.stringify({ name: item.name, ...shown }));
  }
  await c.close();
}
main().then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
