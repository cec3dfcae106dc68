import * as native from './index';

export { AuthMode, initKernelLogging, kernelLoggingStats, setKernelLogLevel, version } from './index';

/** A failure told by the kernel, the network or the server. */
export declare class KernelError extends Error {
  code: string;
  errorCode?: string;
  sqlState?: string;
  queryId?: string;
  httpStatus?: number;
  retryable?: true;
  vendorCode?: number;
  displayMessage?: string;
  diagnosticInfo?: string;
  errorDetailsJson?: string;
}

export declare class InvalidArgumentError extends KernelError {}
export declare class UnauthenticatedError extends KernelError {}
export declare class PermissionDeniedError extends KernelError {}
export declare class NotFoundError extends KernelError {}
export declare class ResourceExhaustedError extends KernelError {}
export declare class UnavailableError extends KernelError {}
export declare class TimeoutError extends KernelError {}
export declare class CancelledError extends KernelError {}
export declare class DataLossError extends KernelError {}
export declare class InternalError extends KernelError {}
export declare class InvalidStatementHandleError extends KernelError {}
export declare class NetworkError extends KernelError {}
export declare class SqlError extends KernelError {}

type Made<T> = T extends native.Connection
  ? Connection
  : T extends native.AsyncStatement
    ? AsyncStatement
    : T extends native.Statement
      ? Statement
      : T extends native.AsyncResultHandle
        ? AsyncResultHandle
        : T extends native.CancellableExecution
          ? CancellableExecution
          : T;
type Wrapped<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => Promise<Made<R>> : T[K];
};
/** for await (const ipcBytes of rows) ... */
interface Rows {
  [Symbol.asyncIterator](): AsyncIterator<Buffer>;
}
/** await using handle = ... */
interface Closable {
  [Symbol.asyncDispose](): Promise<void>;
}

export declare class Connection {
  private constructor();
}
export interface Connection extends Wrapped<native.Connection>, Closable {}
export declare class Statement {
  private constructor();
}
export interface Statement extends Wrapped<native.Statement>, Rows, Closable {}
export declare class AsyncStatement {
  private constructor();
}
export interface AsyncStatement extends Wrapped<native.AsyncStatement>, Closable {}
export declare class AsyncResultHandle {
  private constructor();
}
export interface AsyncResultHandle extends Wrapped<native.AsyncResultHandle>, Rows {}
export declare class CancellableExecution {
  private constructor();
}
export interface CancellableExecution extends Wrapped<native.CancellableExecution> {}

export declare function openSession(options: native.ConnectionOptions): Promise<Connection>;
