// The addon with what JavaScript has for it: errors of classes of their own, `for await` over batches, `await using`.
'use strict';
const native = require('./index.linux-x64-gnu.node');

const SENTINEL = '__databricks_error__:';
const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');

class KernelError extends Error {
  constructor(fields, options) {
    super(fields.message, options);
    Object.assign(this, fields);
    this.name = this.constructor.name;
  }
}

// One class per code: SqlError, CancelledError, ...
const codes = [
  'InvalidArgument', 'Unauthenticated', 'PermissionDenied', 'NotFound', 'ResourceExhausted', 'Unavailable', 'Timeout',
  'Cancelled', 'DataLoss', 'Internal', 'InvalidStatementHandle', 'NetworkError', 'SqlError',
];
const errors = {};
const errorOf = new Map();
for (const code of codes) {
  const name = code.endsWith('Error') ? code : `${code}Error`;
  errors[name] = { [name]: class extends KernelError {} }[name];
  errorOf.set(code, errors[name]);
}

// The rejection of a native call as a KernelError with the stack of the caller.
async function call(object, method, args) {
  const at = {};
  Error.captureStackTrace(at, call);
  try {
    return wrap(await object[method](...args));
  } catch (cause) {
    if (typeof cause?.message !== 'string' || !cause.message.startsWith(SENTINEL)) throw cause;
    const fields = JSON.parse(cause.message.slice(SENTINEL.length));
    const error = new (errorOf.get(fields.code) ?? KernelError)(fields, { cause });
    error.stack = `${error.name}: ${error.message}\n${at.stack.split('\n').slice(1).join('\n')}`;
    throw error;
  }
}

class Handle {
  #native;
  constructor(object) {
    this.#native = object;
  }
  static members(Class, own, { reads }) {
    for (const [name, d] of Object.entries(Object.getOwnPropertyDescriptors(own.prototype))) {
      if (name === 'constructor') continue;
      const member = d.get
        ? { get() { return this.#native[name]; } }
        : name === 'schema'
          ? { value() { return this.#native.schema(); } }
          : { value(...args) { return call(this.#native, name, args); } };
      Object.defineProperty(Class.prototype, name, { configurable: true, ...member });
    }
    if (Class.prototype.close) Object.defineProperty(Class.prototype, asyncDispose, { value() { return this.close(); } });
    if (reads) {
      Object.defineProperty(Class.prototype, Symbol.asyncIterator, {
        async *value() {
          for (let batch = await this.fetchNextBatch(); batch !== null; batch = await this.fetchNextBatch()) {
            yield batch.ipcBytes;
          }
        },
      });
    }
  }
}

class Connection extends Handle {}
class Statement extends Handle {}
class AsyncStatement extends Handle {}
class AsyncResultHandle extends Handle {}
class CancellableExecution extends Handle {}

const classes = { Connection, Statement, AsyncStatement, AsyncResultHandle, CancellableExecution };
for (const [name, Class] of Object.entries(classes)) {
  Handle.members(Class, native[name], { reads: 'fetchNextBatch' in native[name].prototype });
}

function wrap(value) {
  for (const [name, Class] of Object.entries(classes)) {
    if (value instanceof native[name]) return new Class(value);
  }
  return value;
}

const { version, initKernelLogging, setKernelLogLevel, kernelLoggingStats, AuthMode } = native;
const openSession = (options) => call(native, 'openSession', [options]);

module.exports = {
  openSession, KernelError, ...errors, version, initKernelLogging, setKernelLogLevel, kernelLoggingStats, AuthMode, ...classes,
};
