import type { SandboxContext } from "../sandbox/context.ts";
import { type SandboxView, viewSandboxes } from "../sandbox/view.ts";
import { everyAttachment } from "../state/record.ts";
import type { OperatorCall } from "./cli.ts";
import { earlierStates } from "./earlier-state.ts";

/** All containers that have a network, those of an earlier state_dir too. */
export async function allViews(call: OperatorCall): Promise<SandboxView[]> {
  return viewsOf(containerContexts(call));
}

/** The same, and what stands for a container in `docker cni test`. */
export async function allViewsAndTests(call: OperatorCall): Promise<SandboxView[]> {
  const { scratchDir } = await import("../prove/scratch.ts");
  const tests = call.contextIn(scratchDir(call.config));
  return viewsOf([...containerContexts(call), tests]);
}

/** Those on a network: stopped ones too, and those that are being connected to it or disconnected. */
export function usersOf(views: readonly SandboxView[], network: string): SandboxView[] {
  return views.filter(({ record }) =>
    everyAttachment(record).some((each) => each.network === network),
  );
}

function containerContexts({ sandbox, config, contextIn }: OperatorCall): SandboxContext[] {
  return [sandbox, ...earlierStates(sandbox, config.stateDir, contextIn)];
}

async function viewsOf(contexts: readonly SandboxContext[]): Promise<SandboxView[]> {
  return (await Promise.all(contexts.map((context) => viewSandboxes(context)))).flat();
}
