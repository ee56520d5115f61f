/** Whether `name` can stand in a hosts file for a container; `localhost` and addresses cannot. */
export function isHostName(name: string): boolean {
  const labels = name.split(".");
  return (
    name.length <= 253 &&
    labels.every((label) => /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?$/.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? "") &&
    name.toLowerCase() !== "localhost"
  );
}
