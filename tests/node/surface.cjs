// Prints the exact surface of an addon as JSON: exports, members, and the option fields that it reads.
//   node surface.cjs ADDON >bindings/node/surface.json
'use strict';
const addon = require(require('node:path').resolve(process.argv[2]));

const flags = (d) =>
  [d.writable && 'writable', d.enumerable && 'enumerable', d.configurable && 'configurable'].filter(Boolean).join(' ');
const kind = (d) => (d.get ? 'getter' : typeof d.value);

function members(object, skip = []) {
  const out = {};
  for (const [name, d] of Object.entries(Object.getOwnPropertyDescriptors(object)).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!skip.includes(name)) out[name] = `${kind(d)}: ${flags(d)}`;
  }
  return out;
}

// An object that notes which of its fields are read; nested ones answer with objects of their own.
function noting(names, values) {
  return new Proxy(values, {
    get(target, name) {
      if (typeof name === 'string' && !names.includes(name)) names.push(name);
      return target[name];
    },
  });
}

function optionFields() {
  const connection = [], header = [], proxy = [];
  addon
    .openSession(
      noting(connection, {
        hostName: 'http://127.0.0.1:1',
        httpPath: 'refused before anything is sent',
        customHeaders: [noting(header, { name: 'a', value: 'b' })],
        proxy: noting(proxy, { url: 'http://127.0.0.1:1' }),
      }),
    )
    .catch(() => {});
  return { ConnectionOptions: connection, HeaderEntry: header, ProxyInput: proxy };
}

const surface = { version: addon.version(), exports: members(addon), classes: {}, options: optionFields() };
for (const name of Object.keys(addon).sort()) {
  const value = addon[name];
  if (name === 'AuthMode') surface.AuthMode = members(value);
  else if (/^[A-Z]/.test(name)) surface.classes[name] = members(value.prototype, ['constructor']);
}
console.log(JSON.stringify(surface, null, 2));
