// One session with telemetry through an addon: node telemetry.cjs ADDON URL
'use strict';

const [, , addonPath, hostName] = process.argv;
const kernel = require(addonPath);

async function drain(handle) {
  while ((await handle.fetchNextBatch()) !== null) {} // eslint-disable-line no-empty
}

(async () => {
  const connection = await kernel.openSession({
    hostName,
    httpPath: '/sql/1.0/warehouses/local?o=987',
    token: 'local',
    telemetryEnabled: true,
    driverName: 'probe',
    driverVersion: '1.2.3',
    runtimeName: 'Node.js',
    runtimeVersion: process.version,
    runtimeVendor: 'Node.js Foundation',
    osName: 'linux',
    osVersion: '1',
    osArch: 'x64',
    localeName: 'en_US',
    charSetEncoding: 'UTF-8',
    processName: 'probe.cjs',
  });
  for (const sql of ['SELECT 1 AS a', "/*lw: chunk_rows=1000, inline_max=0*/ SELECT id FROM range(5000)"]) {
    const statement = await connection.executeStatement(sql);
    await drain(statement);
    await statement.close();
  }
  await connection.executeStatement('SELECT * FROM there_is_no_such_table').catch(() => {});
  await drain(await connection.listCatalogs());
  await connection.close();
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
