import { CniError, parseNetworkList } from "../cni/index.ts";
import { faultKey, runtimeConfOf } from "./attach.ts";
import type { SandboxContext } from "./context.ts";
import type { AttachmentRecord, SandboxRecord } from "../state/record.ts";

/**
 * Notes in the attachments of a sandbox that was just built again for `fault` of CHECK whether they have it still: then it is the
 * plugin's own, and no reason to build it again. Whether that is so; the caller writes the record.
 */
export async function noteFalseFaults(
  context: SandboxContext,
  record: SandboxRecord,
  fault: unknown,
): Promise<boolean> {
  if (!(fault instanceof CniError)) return false;
  const key = faultKey(fault);
  const attachments = await attachmentsWith(context, record, key);
  for (const attachment of attachments) {
    attachment.falseFaults = [...new Set([...(attachment.falseFaults ?? []), key])];
  }
  if (attachments.length === 0) return false;
  context.log.warn(
    { container: record.id, step: "check", err: fault },
    "CHECK fails right after ADD too: it is the plugin's own fault and ignored from now on",
  );
  return true;
}

/** Whether CHECK of the sandbox, which was just built again for `fault`, finds that once more. */
export async function hasFault(
  context: SandboxContext,
  record: SandboxRecord,
  fault: unknown,
): Promise<boolean> {
  if (!(fault instanceof CniError)) return false;
  return (await attachmentsWith(context, record, faultKey(fault))).length > 0;
}

/** The attachments of which CHECK finds this fault. */
async function attachmentsWith(
  context: SandboxContext,
  record: SandboxRecord,
  key: string,
): Promise<AttachmentRecord[]> {
  const found: AttachmentRecord[] = [];
  for (const attachment of record.attachments) {
    if ((await faultsOf(context, record, attachment)).includes(key)) found.push(attachment);
  }
  return found;
}

/** The errors of all plugins of the attachment. */
async function faultsOf(
  { cni }: SandboxContext,
  record: SandboxRecord,
  attachment: AttachmentRecord,
): Promise<string[]> {
  const faults: string[] = [];
  const ignore = (fault: CniError): boolean => faults.push(faultKey(fault)) > 0;
  const list = parseNetworkList(attachment.list);
  await cni
    .checkNetworkList(list, runtimeConfOf(record, attachment), { ignore })
    .catch((error: unknown) => {
      if (!(error instanceof CniError)) throw error;
      ignore(error);
    });
  return faults;
}

/** What is said of a sandbox with such errors; undefined where there are none. */
export function falseFaultsReason({ attachments }: SandboxRecord): string | undefined {
  const faults = attachments.flatMap(({ falseFaults = [] }) => falseFaults);
  return faults.length === 0
    ? undefined
    : `ignored, because CHECK fails right after ADD too: ${faults.join("; ")}`;
}
