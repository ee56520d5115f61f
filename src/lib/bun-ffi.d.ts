/** What is used of Bun's own module: functions of shared libraries. */
declare module "bun:ffi" {
  /** The address of what a buffer holds; it stays as long as the buffer does. */
  export function ptr(buffer: Uint8Array): number;
  export function dlopen<Name extends string>(
    library: string,
    signatures: Record<Name, { args: readonly ("int" | "u64" | "ptr")[]; returns: "int" }>,
  ): { symbols: Record<Name, (...args: (number | Uint8Array | null)[]) => number> };
}
