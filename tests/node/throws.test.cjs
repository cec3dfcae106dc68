// Wrong types throw at once, with the status name as code and the field's name in the text.
'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { addon, withConnection, rejection } = require('./helpers.cjs');

const base = { hostName: 'http://127.0.0.1:1', httpPath: '/sql/1.0/warehouses/x', token: 't' };
const table = [
  [undefined, undefined, /Cannot convert undefined or null to object/],
  [null, undefined, /Cannot convert undefined or null to object/],
  [{}, 'InvalidArg', /^Missing field `hostName`$/],
  [{ hostName: 'h' }, 'InvalidArg', /^Missing field `httpPath`$/],
  [{ ...base, hostName: 5 }, 'StringExpected', /`Number 5 ` into rust type `String` on ConnectionOptions.hostName/],
  [{ ...base, token: 1 }, 'StringExpected', /ConnectionOptions.token/],
  [{ ...base, maxConnections: 'x' }, 'NumberExpected', /napi value String into rust type `u32` on ConnectionOptions.maxConnections/],
  [{ ...base, intervalsAsString: 1 }, 'BooleanExpected', /`bool` on ConnectionOptions.intervalsAsString/],
  [{ ...base, customHeaders: {} }, 'ArrayExpected', /Failed to get Array length on ConnectionOptions.customHeaders/],
  [{ ...base, customHeaders: [{ name: 'a' }] }, 'InvalidArg', /Missing field `value`/],
  [{ ...base, authMode: 'Foo' }, 'InvalidArg', /value `"Foo"` does not match any variant of enum `AuthMode` on ConnectionOptions.authMode/],
  [{ ...base, oauthRedirectPort: 70000 }, 'GenericFailure', /Failed to convert u32 to u16 on ConnectionOptions.oauthRedirectPort/],
  [{ ...base, customCaCert: 'pem' }, 'InvalidArg', /Failed to create reference from Buffer on ConnectionOptions.customCaCert/],
  [{ ...base, proxy: {} }, 'InvalidArg', /Missing field `url` on ConnectionOptions.proxy/],
  [{ ...base, sessionConf: { a: 1 } }, 'StringExpected', /ConnectionOptions.sessionConf/],
  [{ ...base, oauthScopes: [1] }, 'StringExpected', /ConnectionOptions.oauthScopes/],
];
for (const [options, code, message] of table) {
  test(`openSession(${JSON.stringify(options)}) throws`, () => {
    assert.throws(() => addon.openSession(options), (e) => {
      assert.match(e.message, message);
      assert.equal(e.code, code);
      return e instanceof (code === undefined ? TypeError : Error);
    });
  });
}

const refused = [
  [{ token: '' }, 'InvalidArgument', /non-empty access token/],
  [{ httpPath: '/x' }, 'InvalidArgument', /http_path '\/x' does not match/],
  [{ telemetryBatchSize: 0 }, 'InvalidArgument', /^telemetryBatchSize must be > 0$/],
  [{ telemetryCircuitBreakerThreshold: 0 }, 'InvalidArgument', /^telemetryCircuitBreakerThreshold must be > 0 when enabled$/],
  [{ clientCertPem: Buffer.from('x') }, 'NetworkError', /client_cert_pem is set without client_key_pem/],
  [{ authMode: 'OAuthM2m', oauthClientId: 'a' }, 'InvalidArgument', /client_secret/],
];
for (const [options, code, message] of refused) {
  test(`openSession(${JSON.stringify(options)}) is rejected`, async () => {
    const error = await rejection(addon.openSession({ ...base, ...options }));
    assert.equal(error.code, code);
    assert.match(error.message, message);
  });
}

test('null is absent, as undefined is', async () => {
  const nulls = { customCaCert: null, proxy: null, sessionConf: null, catalog: null, maxConnections: undefined };
  const error = await rejection(addon.openSession({ ...base, retryMaxAttempts: 1, ...nulls }));
  assert.equal(error.code, 'NetworkError');
});

test('statement options', () =>
  withConnection(async (connection) => {
    assert.throws(() => connection.executeStatement(5), { code: 'StringExpected' });
    assert.throws(() => connection.executeStatement('SELECT 1', { rowLimit: 'x' }), { code: 'NumberExpected' });
    assert.throws(() => connection.executeStatement('SELECT 1', { rawParams: 1 }), { code: 'ArrayExpected' });
    assert.throws(() => connection.executeStatement('SELECT 1', { rawParams: [{}] }), /Missing field `sqlType`/);
    const cases = [
      [{ namedParams: [{ name: '', sqlType: 'INT' }] }, 'named parameter name must not be empty'],
      [{ queryTags: { a: 'b' }, statementConf: { query_tags: 'a:b' } }, 'cannot supply both `queryTags` and `statementConf["query_tags"]` — pick one'],
      [{ positionalParams: [{ sqlType: 'INT', value: '1' }], namedParams: [{ name: 'a', sqlType: 'INT' }] }, 'positional and named parameters are mutually exclusive; pass only one'],
      [{ rawParams: [{ sqlType: 'INT' }, { name: 'a', sqlType: 'INT' }] }, 'positional and named raw parameters are mutually exclusive; pass only one'],
      [{ rawParams: [{ sqlType: 'INT' }], positionalParams: [{ sqlType: 'INT' }] }, 'raw parameters cannot be mixed with positional/named TypedValue params'],
    ];
    for (const [options, message] of cases) {
      const error = await rejection(connection.executeStatement('SELECT 1', options));
      assert.deepEqual([error.own, error.code, error.message], ['InvalidArg', 'InvalidArgument', message]);
    }
    assert.equal((await connection.executeStatement('SELECT 1', 7)).constructor, addon.Statement);
  }));

test('classes cannot be constructed, methods need their object', () => {
  for (const name of ['Connection', 'Statement', 'AsyncStatement', 'AsyncResultHandle', 'CancellableExecution']) {
    const text = 'Class contains no `constructor`, can not new it!';
    assert.throws(() => new addon[name](), { message: text });
    assert.throws(() => addon[name](), { message: text });
    assert.throws(() => new (class extends addon[name] {})(), { message: text });
  }
  assert.throws(() => addon.Connection.prototype.close.call({}), TypeError);
  assert.throws(() => addon.Connection.prototype.sessionId, { code: 'InvalidArg' });
});
