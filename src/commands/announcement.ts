/**
 * The `workload_received` command: the platform has given this node a workload.
 *
 * @module
 */
import { redact } from "../log.ts";
import { TOKEN_PARAM } from "../protocol/decode.ts";
import { jsonTypeOf } from "../protocol/json.ts";
import { ObjectText } from "../protocol/object_text.ts";
import { type ParamsProblem, readWorkloadUuid } from "./params.ts";

/** The workload that is announced. */
interface Announcement {
  readonly workloadUuid: string;
  /** What to run; `undefined`: nothing. */
  readonly kind: string | undefined;
  /** The params to run it with. */
  readonly params: ObjectText;
}

/** Reads the params of a `workload_received` command, or says what is wrong with them. */
export function readAnnouncement(
  announced: ObjectText,
  isKind: (name: string) => boolean,
): Announcement | ParamsProblem {
  const workloadUuid = readWorkloadUuid(announced);
  if (workloadUuid === undefined) {
    const error = "workload_received needs params with a workload_uuid (string)";
    return { error, workloadUuid };
  }
  if (typeof workloadUuid === "object") return workloadUuid;
  const problem = (error: string): ParamsProblem => ({ error, workloadUuid });
  const type = announced.get("command_type") ?? "";
  if (type === "") return { workloadUuid, kind: undefined, params: ObjectText.EMPTY };
  if (typeof type !== "string") {
    const got = jsonTypeOf(announced.textOf("command_type")!);
    return problem(`workload_received has a "command_type" that is ${got}, not a name`);
  }
  if (!isKind(type)) return problem(`Unknown command: ${redact(type)}`);
  const json = announced.textOf("command_params") ?? "null";
  const own = json === "null" ? ObjectText.EMPTY : announced.object("command_params");
  if (own === undefined) {
    const got = jsonTypeOf(json);
    return problem(`workload_received has "command_params" that are ${got}, not an object`);
  }
  const params = own.with("workload_uuid", JSON.stringify(workloadUuid));
  // The token is among the params of the command, or next to them.
  const token = own.has(TOKEN_PARAM) ? undefined : announced.textOf(TOKEN_PARAM);
  return {
    workloadUuid,
    kind: type,
    params: token === undefined ? params : params.with(TOKEN_PARAM, token),
  };
}
