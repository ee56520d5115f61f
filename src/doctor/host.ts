/** What checks ask of the machine and of the engine: small effects, so that a test can stand in for them. */
export interface Host {
  /** The text of a file; undefined where it cannot be read. */
  read(path: string): string | undefined;
  /** The names in a folder; none where it cannot be read. */
  list(path: string): string[];
  /** undefined where there is nothing, or it cannot be looked at. Links are followed. */
  stat(path: string): FileFacts | undefined;
  /** The path without links; undefined where there is nothing. */
  realPath(path: string): string | undefined;
  /** The file system that the path, or the nearest folder above it that exists, is on. */
  disk(path: string): DiskFacts | undefined;
  /** Runs a command without a shell to its end, 20 seconds at most; never rejects. */
  run(argv: readonly string[]): Promise<CommandResult>;
  /** GET of the Docker Engine API, such as `/info`; never rejects. */
  engine(path: string): Promise<EngineAnswer>;
  /** What listens on ports, see `readListeners`. */
  listeners(): readonly HostListener[];
  /** Milliseconds since 1970. */
  now(): number;
}

export interface FileFacts {
  kind: "file" | "folder" | "socket" | "other";
  /** Permission bits. */
  mode: number;
  mtimeMs: number;
}

export interface DiskFacts {
  freeBytes: number;
  totalBytes: number;
  freeFiles: number;
  totalFiles: number;
}

export interface CommandResult {
  /** The exit status; undefined where the command is not there, or was ended. */
  code: number | undefined;
  stdout: string;
  stderr: string;
}

export type EngineAnswer = { ok: true; body: unknown } | { ok: false; error: string };

export interface HostListener {
  protocol: string;
  hostIP: string | undefined;
  hostPort: number;
  /** Who it is, as far as that can be seen. */
  holder: () => string | undefined;
}

/** The JSON that a command prints; undefined where it fails or prints something else. */
export async function runJson(host: Host, argv: readonly string[]): Promise<unknown> {
  const { code, stdout } = await host.run(argv);
  if (code !== 0) return undefined;
  try {
    const value: unknown = JSON.parse(stdout);
    return value;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
