import { CniError, type NetworkList, type Result, type RuntimeConf } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import { isUnavailable } from "./early.ts";

/** How an attachment is asked for. */
export type Form = [NetworkList, RuntimeConf];

/** An ADD that its network refused, with what it asked for. */
export interface Refused {
  form: Form;
  error: CniError;
}

/**
 * Asks a network in other forms for what an attachment had, after it refused the first, at last without: some IPAM plugins
 * read one address only where others read many, and some interfaces take no MAC. What the operator asked for is in every
 * form. Throws the first error where all are refused.
 */
export async function addInOtherForms(
  context: SandboxContext,
  refused: Refused,
  forms: readonly Form[],
): Promise<Result> {
  if (!isRefusal(refused.error)) throw refused.error;
  let last = refused;
  const seen = new Set([JSON.stringify(refused.form)]);
  for (const form of forms) {
    if (seen.has(JSON.stringify(form))) continue;
    seen.add(JSON.stringify(form));
    const { containerId: container } = form[1];
    context.log.warn(
      { container, step: "add", err: last.error },
      "asked for again in another form",
    );
    await undo(context, last.form);
    try {
      return await context.cni.addNetworkList(...form);
    } catch (error) {
      if (!(error instanceof CniError) || !isRefusal(error)) throw error;
      last = { form, error };
    }
  }
  throw refused.error;
}

/** Whether a plugin itself would not do it: not that it is missing, slow, or away for a while. */
function isRefusal(error: CniError): boolean {
  const { kind, code } = error;
  return (kind === "plugin" || kind === "exit") && code !== 51 && !isUnavailable(error);
}

async function undo(context: SandboxContext, form: Form): Promise<void> {
  const [list, conf] = form;
  await context.cni.delNetworkList(list, conf, { keepGoing: true }).catch((error: unknown) => {
    context.log.warn({ container: conf.containerId, step: "add", err: error }, "DEL failed");
  });
}
