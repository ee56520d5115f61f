/** What is used of Bun's own module: functions of shared libraries. */
declare module "bun:ffi" {
  export function dlopen<Name extends string>(
    library: string,
    signatures: Record<Name, { args: readonly ("int" | "u64" | "ptr")[]; returns: "int" }>,
  ): { symbols: Record<Name, (...args: (number | Uint8Array | null)[]) => number> };
}
