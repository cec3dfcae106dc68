// Declarations of the addon: what it exports, and every option it reads.
// A string field that is given as null counts as not given.

export type AuthMode = 'Pat' | 'OAuthM2m' | 'OAuthM2mJwt' | 'OAuthU2m' | 'AzureSpM2m';
export const AuthMode: { readonly [Mode in AuthMode]: Mode };

/** One Arrow IPC stream: schema, record batches, end. */
export interface ArrowBatch {
  ipcBytes: Buffer;
}

/** One Arrow IPC stream without record batches. */
export interface ArrowSchema {
  ipcBytes: Buffer;
}

export interface HeaderEntry {
  name: string;
  value: string;
}

export interface ProxyInput {
  url: string;
  username?: string;
  password?: string;
  /** Host names that are asked directly, separated by commas. */
  bypassHosts?: string;
}

export interface ConnectionOptions {
  hostName: string;
  httpPath: string;
  authMode?: AuthMode;
  token?: string;
  oauthClientId?: string;
  oauthClientSecret?: string;
  oauthRedirectPort?: number;
  oauthScopes?: string[];
  tokenUrl?: string;
  tokenCacheEnabled?: boolean;
  tokenCachePassphrase?: string;
  jwtKeyFile?: string;
  jwtKid?: string;
  jwtPassphrase?: string;
  jwtAlgorithm?: string;
  identityFederationClientId?: string;
  azureClientId?: string;
  azureClientSecret?: string;
  azureTenantId?: string;
  azureWorkspaceResourceId?: string;
  catalog?: string;
  schema?: string;
  /** Sent to the server as it is. */
  sessionConf?: Record<string, string>;
  driverName?: string;
  driverVersion?: string;
  runtimeName?: string;
  runtimeVersion?: string;
  runtimeVendor?: string;
  osName?: string;
  osVersion?: string;
  osArch?: string;
  clientAppName?: string;
  localeName?: string;
  charSetEncoding?: string;
  processName?: string;
  maxConnections?: number;
  intervalsAsString?: boolean;
  complexTypesAsJson?: boolean;
  checkServerCertificate?: boolean;
  checkServerCertificateHostname?: boolean;
  customCaCert?: Buffer;
  clientCertPem?: Buffer;
  clientKeyPem?: Buffer;
  customHeaders?: HeaderEntry[];
  retryMinWaitSecs?: number;
  retryMaxWaitSecs?: number;
  /** The first attempt counts. */
  retryMaxAttempts?: number;
  retryOverallTimeoutSecs?: number;
  telemetryEnabled?: boolean;
  telemetryBatchSize?: number;
  telemetryFlushIntervalMs?: number;
  telemetryMaxRetries?: number;
  telemetryRetryDelayMs?: number;
  telemetryCloseFlushTimeoutMs?: number;
  telemetryCircuitBreakerEnabled?: boolean;
  telemetryCircuitBreakerThreshold?: number;
  telemetryCircuitBreakerTimeoutMs?: number;
  proxy?: ProxyInput;
  /** One HTTP request, milliseconds; 0 or absent: 120,000. */
  socketTimeoutMs?: number;
}

/** Checked and normalised for its type; without a value it is NULL. */
export interface TypedValueInput {
  sqlType: string;
  value?: string;
}

export interface NamedTypedValueInput extends TypedValueInput {
  name: string;
}

/** Sent as it is; without a name it is positional. */
export interface RawParameterInput extends TypedValueInput {
  name?: string;
}

export interface ExecuteOptions {
  /** Only the key query_tags has an effect; others are told in the log, as warnings. */
  statementConf?: Record<string, string>;
  queryTags?: Record<string, string | null | undefined>;
  rowLimit?: number;
  positionalParams?: TypedValueInput[];
  namedParams?: NamedTypedValueInput[];
  rawParams?: RawParameterInput[];
}

type Text = string | null | undefined;

export declare class Connection {
  private constructor();
  get sessionId(): string;
  executeStatement(sql: string, options?: ExecuteOptions | null): Promise<Statement>;
  /** An AsyncStatement (it has awaitResult) when the server still runs it at its first answer. */
  executeStatementDirect(sql: string, options?: ExecuteOptions | null): Promise<Statement | AsyncStatement>;
  executeStatementCancellable(sql: string, options?: ExecuteOptions | null): Promise<CancellableExecution>;
  submitStatement(sql: string, options?: ExecuteOptions | null): Promise<AsyncStatement>;
  close(): Promise<void>;
  listCatalogs(): Promise<Statement>;
  listSchemas(catalog?: Text, schemaPattern?: Text): Promise<Statement>;
  listTables(catalog?: Text, schemaPattern?: Text, tablePattern?: Text, tableTypes?: string[] | null): Promise<Statement>;
  listColumns(catalog?: Text, schemaPattern?: Text, tablePattern?: Text, columnPattern?: Text): Promise<Statement>;
  listFunctions(catalog?: Text, schemaPattern?: Text, functionPattern?: Text): Promise<Statement>;
  listProcedures(catalog?: Text, schemaPattern?: Text, procedurePattern?: Text): Promise<Statement>;
  listTableTypes(): Promise<Statement>;
  listTypeInfo(): Promise<Statement>;
  getPrimaryKeys(catalog: string, schema: string, table: string): Promise<Statement>;
  getCrossReference(
    parentCatalog: Text,
    parentSchema: Text,
    parentTable: Text,
    foreignCatalog: string,
    foreignSchema: string,
    foreignTable: string,
  ): Promise<Statement>;
}

export declare class Statement {
  private constructor();
  /** "" for catalog calls. */
  get statementId(): string;
  numModifiedRows(): Promise<number | null>;
  displayMessage(): Promise<string | null>;
  diagnosticInfo(): Promise<string | null>;
  errorDetailsJson(): Promise<string | null>;
  /** null at the end, for ever. */
  fetchNextBatch(): Promise<ArrowBatch | null>;
  schema(): ArrowSchema;
  cancel(): Promise<void>;
  close(): Promise<void>;
}

export declare class AsyncStatement {
  private constructor();
  get statementId(): string;
  /** Pending, Running, Succeeded, Failed, Cancelled, Closed */
  status(): Promise<string>;
  awaitResult(): Promise<AsyncResultHandle>;
  numModifiedRows(): Promise<number | null>;
  displayMessage(): Promise<string | null>;
  diagnosticInfo(): Promise<string | null>;
  errorDetailsJson(): Promise<string | null>;
  cancel(): Promise<void>;
  close(): Promise<void>;
}

export declare class AsyncResultHandle {
  private constructor();
  get statementId(): string;
  fetchNextBatch(): Promise<ArrowBatch | null>;
  schema(): ArrowSchema;
}

export declare class CancellableExecution {
  private constructor();
  /** null until the server has named the statement. */
  get statementId(): string | null;
  result(): Promise<Statement>;
  cancel(): Promise<void>;
}

export interface LogRecord {
  level: string;
  target: string;
  message: string;
}

export interface KernelLoggingStats {
  installed: boolean;
  dropped: number;
}

export declare function openSession(options: ConnectionOptions): Promise<Connection>;
export declare function version(): string;
/** For the whole process; the last call wins. */
export declare function initKernelLogging(callback: (error: Error | null, records: LogRecord[]) => any, level: string): void;
export declare function setKernelLogLevel(level: string): void;
export declare function kernelLoggingStats(): KernelLoggingStats;
