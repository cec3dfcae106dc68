// What fetchNextBatch() gives: IPC streams in memory of their own, small ones merged, whole chunks where they lie.
'use strict';
const assert = require('node:assert/strict');
const { readFileSync, readdirSync } = require('node:fs');
const { test } = require('node:test');
const { open, withConnection } = require('./helpers.cjs');

const ROWS = 2250000;
const QUERY = `/*lw: chunk_rows=500000, inline_max=0*/ SELECT id FROM range(${ROWS})`;
const RECORD_BATCH = 3;

// A field of a flatbuffer's table: where it is, or 0.
function field(bytes, table, index) {
  const vtable = table - bytes.readInt32LE(table);
  const at = 4 + 2 * index < bytes.readUInt16LE(vtable) ? bytes.readUInt16LE(vtable + 4 + 2 * index) : 0;
  return at && table + at;
}
const follow = (bytes, at) => at + bytes.readUInt32LE(at);

// The BIGINT values of each record batch of a stream with one column without nulls.
function* values(payload) {
  for (let at = 0; payload.readInt32LE(at + 4) !== 0;) {
    assert.equal(payload.readInt32LE(at), -1);
    const start = at + 8;
    const body = start + payload.readInt32LE(at + 4);
    const message = follow(payload, start);
    const header = follow(payload, field(payload, message, 2));
    if (payload[field(payload, message, 1)] === RECORD_BATCH) {
      const rows = Number(payload.readBigInt64LE(field(payload, header, 0)));
      const buffers = follow(payload, field(payload, header, 2)) + 4;
      const offset = Number(payload.readBigInt64LE(buffers + 16)); // of the second one: the first is the validity
      yield new BigInt64Array(payload.buffer, payload.byteOffset + body + offset, rows); // throws when not aligned
    }
    const size = field(payload, message, 3);
    at = body + (size && Number(payload.readBigInt64LE(size)));
  }
}

function count(payload, from) {
  let next = BigInt(from);
  for (const batch of values(payload)) for (const value of batch) if (value !== next++) assert.fail(`${value}, not ${next - 1n}`);
  return Number(next);
}

// The rows of one reading, each payload checked and overwritten, and its largest payload.
async function read(connection) {
  const statement = await connection.executeStatement(QUERY);
  let rows = 0;
  let largest = 0;
  for (let batch = await statement.fetchNextBatch(); batch !== null; batch = await statement.fetchNextBatch()) {
    assert.ok(batch.ipcBytes.byteOffset === 0 && batch.ipcBytes.buffer.byteLength === batch.ipcBytes.length);
    rows = count(batch.ipcBytes, rows);
    largest = Math.max(largest, batch.ipcBytes.length);
    batch.ipcBytes.fill(0xab);
  }
  await statement.close();
  return { rows, largest };
}

test('a large result in whole chunks; each payload is its reader\'s alone', () =>
  withConnection(async (connection) => {
    // On a loaded machine a chunk may be downloaded twice at once, or in parts as it comes: such ones are copied.
    let largest = 0;
    for (let reading = 0; reading < 20 && largest <= 500000 * 8; reading += 1) {
      const seen = await read(connection);
      assert.equal(seen.rows, ROWS);
      largest = seen.largest;
    }
    assert.ok(largest > 500000 * 8, 'a chunk of 4 MB is not taken apart');
  }));

test('payloads outlive their connection', async () => {
  const connection = await open();
  const statement = await connection.executeStatement(QUERY);
  const payloads = [];
  for (let batch = await statement.fetchNextBatch(); batch !== null; batch = await statement.fetchNextBatch()) payloads.push(batch.ipcBytes);
  await statement.close();
  await connection.close();
  assert.equal(payloads.reduce((rows, payload) => count(payload, rows), 0), ROWS);
});

// nice, the 19th field of stat, behind a name that may hold anything.
const niceOf = (task) => Number(readFileSync(`${task}/stat`, 'utf8').split(') ')[1].split(' ')[16]);

test('what decodes gives way to the event loop', { skip: process.platform !== 'linux' && 'threads have no priority of their own' }, () =>
  withConnection(async (connection) => {
    await read(connection);
    const tasks = readdirSync('/proc/self/task').map((id) => `/proc/self/task/${id}`);
    const lanes = tasks.filter((task) => readFileSync(`${task}/comm`, 'utf8').startsWith('dbk-data-'));
    assert.ok(lanes.length > 0);
    for (const lane of lanes) assert.equal(niceOf(lane), Math.min(niceOf('/proc/self') + 10, 19));
  }));
