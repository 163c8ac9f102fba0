/**
 * From a command to what its executor is given.
 *
 * @module
 */
import { credentials } from "../config/variables.ts";
import type { Work } from "../executors/executor.ts";
import type { WorkloadFolder } from "../workloads/folder.ts";
import type { Command } from "./command.ts";
import { unpack } from "./image.ts";

/** What an executor needs to run a command with these params and these variables. */
export function workFor(
  command: Command,
  params: string,
  folder: WorkloadFolder,
  given: Readonly<Record<string, string>>,
): Work {
  const { id, kind, requestId, instanceUuid, slug, token } = command;
  const [{ bytes }, ...files] = unpack(params, folder.path);
  return {
    id,
    kind,
    requestId,
    params: bytes as string,
    files,
    folder,
    env: variables({
      ...given,
      CYBERWAVE_REQUEST_ID: requestId ?? "",
      CYBERWAVE_INSTANCE_UUID: instanceUuid,
      CYBERWAVE_SLUG: slug,
      CYBERWAVE_PROGRESS_FILE: folder.progressFile,
      ...(token !== undefined && credentials(token.value)),
    }),
  };
}

/** What is wrong with a folder that no retry changes. */
const PERMANENT: readonly unknown[] = ["EACCES", "EEXIST", "ENOTDIR"];

/** Whether making the work of a command fails each time as it did: its params or its folder are bad. */
export function isPermanent(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof SyntaxError) return true;
  return error instanceof Error && "code" in error && PERMANENT.includes(error.code);
}

/** What was sent, as variables: no variable can hold NUL. */
function variables(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value.replaceAll("\0", "")]),
  );
}
