// Thousands of handles and payloads that nobody closes or keeps, with collections in between: `node --expose-gc
// pressure.cjs ADDON URL ROUNDS`. Prints resident memory after the first and the last quarter, and what is still held.
'use strict';
const [, , addonPath, hostName, rounds] = process.argv;
const kernel = require(addonPath);
const collect = async () => {
  for (let i = 0; i < 6; i++) {
    global.gc();
    await new Promise(setImmediate);
  }
};

async function round(connection, i) {
  const statement = await connection.executeStatement(`/*lw: chunk_rows=2000, inline_max=0*/ SELECT id, 'text' || id AS t FROM range(20000)`);
  const kept = [await statement.fetchNextBatch(), statement.schema()];
  const submitted = await connection.submitStatement('SELECT 1');
  const handle = await submitted.awaitResult();
  kept.push(await handle.fetchNextBatch());
  await (await connection.executeStatementCancellable('SELECT 2')).result();
  await connection.executeStatement('SELEC').catch((e) => kept.push(e));
  try { connection.executeStatement(5); } catch (e) { kept.push(e); }
  if (i % 3 === 0) await statement.close();
  if (i % 5 === 0) await Promise.all([statement.fetchNextBatch(), statement.cancel(), statement.close()].map((p) => p.catch(() => {})));
  for (const { ipcBytes } of kept.slice(0, 3)) if (ipcBytes.readInt32LE(0) !== -1) throw new Error('a payload changed');
}

async function main() {
  const connection = await kernel.openSession({ hostName, httpPath: '/sql/1.0/warehouses/local', token: 'local' });
  const rss = [];
  for (let i = 1; i <= Number(rounds); i++) {
    await round(connection, i);
    if (i % 10 === 0) await collect();
    if (i % Math.floor(rounds / 4) === 0) rss.push(process.memoryUsage().rss / 1048576);
  }
  await connection.close();
  await collect();
  console.log(JSON.stringify({ rss, buffers: process.memoryUsage().arrayBuffers }));
}
main().catch((e) => { console.error(e); process.exit(1); });
