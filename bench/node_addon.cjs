// One run of one addon for node_addon.py: `node node_addon.cjs ADDON URL drain|submit SQL [COUNT]`, or of none:
// `node node_addon.cjs beside COMMAND...`; one JSON line.
'use strict';

const { spawn } = require('node:child_process');
const { monitorEventLoopDelay } = require('node:perf_hooks');

const [, , addonPath, url, what, sql, countText] = process.argv;
const ms = (ns) => ns / 1e6;

function delays(delay) {
  return { delay_p99_ms: ms(delay.percentile(99)), delay_max_ms: ms(delay.max), delay_mean_ms: ms(delay.mean), turns: delay.count };
}

// The floor of the delay: an event loop that has nothing to do, beside another process that has.
function beside(command, args) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const child = spawn(command, args, { stdio: 'ignore' });
  delay.enable();
  child.on('error', (e) => { throw e; });
  child.on('exit', (code) => {
    delay.disable();
    process.exitCode = code === 0 ? 0 : 1;
    console.log(JSON.stringify(delays(delay)));
  });
}

// Reads to the end and keeps nothing, as an application that streams does.
async function drain(statement) {
  let bytes = 0;
  let batches = 0;
  for (let b = await statement.fetchNextBatch(); b !== null; b = await statement.fetchNextBatch()) {
    bytes += b.ipcBytes.length;
    batches += 1;
  }
  return { bytes, batches };
}

const runs = {
  drain: async (connection) => {
    const statement = await connection.executeStatement(sql, {});
    const read = await drain(statement);
    await statement.close();
    return read;
  },
  submit: async (connection) => {
    const read = await Promise.all(
      Array.from({ length: Number(countText) }, async (_, i) => {
        const statement = await connection.submitStatement(`pending_ms=500 value=${i}`, {});
        const { bytes } = await drain(await statement.awaitResult());
        await statement.close();
        return bytes;
      }),
    );
    return { bytes: read.reduce((a, b) => a + b), batches: read.filter((n) => n > 0).length };
  },
};

async function main() {
  const kernel = require(addonPath);
  const connection = await kernel.openSession({ hostName: url, httpPath: '/sql/1.0/warehouses/bench', token: 'bench', authMode: 'Pat' });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const begun = process.hrtime.bigint();
  delay.enable();
  const read = await runs[what](connection);
  delay.disable();
  const wall = Number(process.hrtime.bigint() - begun) / 1e9;
  const used = process.resourceUsage();
  await connection.close();
  console.log(JSON.stringify({
    ...read, wall_s: wall, cpu_s: (used.userCPUTime + used.systemCPUTime) / 1e6, peak_kb: used.maxRSS,
    ...delays(delay),
  }));
}

if (addonPath === 'beside') {
  beside(process.argv[3], process.argv.slice(4));
} else {
  main().catch((e) => { console.error(e); process.exit(1); });
}
