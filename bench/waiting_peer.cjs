// The same through the Rust kernel's Node addon: `node waiting_peer.cjs ADDON URL COUNT MS`.
'use strict';

const fs = require('fs');

const [, , addonPath, url, countText, ms] = process.argv;
const kernel = require(addonPath);
const count = Number(countText);
const status = (field) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);

async function main() {
  const connection = await kernel.openSession({ hostName: url, httpPath: '/sql/1.0/warehouses/bench', token: 'bench', authMode: 'Pat' });
  const idle = status('VmRSS');
  const cpu = process.cpuUsage();
  const begun = process.hrtime.bigint();
  let threads = 0;
  const watch = setInterval(() => { threads = Math.max(threads, status('Threads')); }, 100);
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const statement = await connection.executeStatement(`pending_ms=${ms} value=${i}`, {});
      const batch = await statement.fetchNextBatch();
      if (batch === null) throw new Error(`statement ${i} answered nothing`);
      await statement.close();
    }),
  );
  clearInterval(watch);
  const wall = Number(process.hrtime.bigint() - begun) / 1e9;
  const used = process.cpuUsage(cpu);
  const cpuS = (used.user + used.system) / 1e6;
  const round = (x, n) => Number(x.toFixed(n));
  console.log(JSON.stringify({
    statements: count, threads, rss_above_idle_mb: round((status('VmHWM') - idle) / 1024, 1),
    cpu_s: round(cpuS, 2), wall_s: round(wall, 1), cpu_percent: round((100 * cpuS) / wall, 1),
  }));
  await connection.close();
}

main().catch((e) => { console.error(e); process.exit(1); });
