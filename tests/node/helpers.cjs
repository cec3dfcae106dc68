'use strict';
const assert = require('node:assert/strict');
const http = require('node:http');

const addon = require(process.env.DBK_NODE_ADDON);
const url = process.env.DBK_WAREHOUSE_URL;
const SENTINEL = '__databricks_error__:';

const open = (extra = {}) =>
  addon.openSession({ hostName: url, httpPath: '/sql/1.0/warehouses/local', token: 'local', ...extra });

async function withConnection(run, extra) {
  const connection = await open(extra);
  try {
    await run(connection);
  } finally {
    await connection.close();
  }
}

// The envelope of a rejection: {name, own code, and the fields}.
async function rejection(promise) {
  const error = await promise.then(
    (value) => assert.fail(`resolved with ${value}`),
    (e) => e,
  );
  assert.deepEqual(Object.getOwnPropertyNames(error), ['stack', 'message', 'code']);
  assert.ok(error.message.startsWith(SENTINEL), error.message);
  const json = error.message.slice(SENTINEL.length);
  const fields = JSON.parse(json);
  assert.deepEqual(Object.keys(fields), Object.keys(fields).sort());
  assert.equal(JSON.stringify(fields), json, 'compact');
  return { own: error.code, ...fields };
}

async function drain(handle) {
  const payloads = [];
  for (let batch = await handle.fetchNextBatch(); batch !== null; batch = await handle.fetchNextBatch()) {
    payloads.push(batch.ipcBytes);
  }
  return payloads;
}

// The server's requests, as "METHOD path".
function journal() {
  return new Promise((resolve, reject) => {
    http
      .get(`${url}/_lw/journal?since=0`, (answer) => {
        let text = '';
        answer.on('data', (part) => (text += part));
        answer.on('end', () => resolve(JSON.parse(text).entries.map((e) => `${e.method} ${e.path}`)));
      })
      .on('error', reject);
  });
}

async function until(condition, what) {
  for (let i = 0; i < 400; i++) {
    if (await condition()) return;
    await new Promise((next) => setTimeout(next, 25));
  }
  assert.fail(`never: ${what}`);
}

module.exports = { addon, url, open, withConnection, rejection, drain, journal, until };
