/**
 * From a command to the line by which a worker gets it.
 *
 * @module
 */
import * as fs from "node:fs";
import { OS } from "../../os/current.ts";
import { headersOfVariables } from "../../protocol/trace_context.ts";
import { PARAMS_FILE } from "../../workloads/folder.ts";
import type { Work } from "../executor.ts";
import { requestLine } from "./protocol.ts";

/** Writes what a command brings into its folder, as far as it does not fit into the line. Throws. */
export function requestFor({ id, kind, params, files, env, folder, requestId }: Work): string {
  for (const file of files) {
    folder.create();
    fs.rmSync(`${folder.path}/${file.name}`, { force: true });
    folder.write(file);
  }
  const request = {
    id,
    method: kind,
    requestId: requestId ?? (env.CYBERWAVE_REQUEST_ID || undefined),
    resultsFolder: env.CYBERWAVE_RESULTS_FOLDER,
    token: env.CYBERWAVE_API_TOKEN,
    trace: headersOfVariables(env),
  };
  // Longer ones could be torn when several write into a pipe, or half of one be written.
  if (params.length <= OS.pipeBuffer) {
    const line = requestLine({ ...request, params: { json: params } });
    if (new TextEncoder().encode(line).length <= OS.pipeBuffer) return line;
  }
  folder.create();
  fs.rmSync(folder.paramsFile, { force: true });
  folder.write({ name: PARAMS_FILE, bytes: params });
  const line = requestLine({ ...request, params: { file: folder.paramsFile } });
  if (new TextEncoder().encode(line).length > OS.pipeBuffer) {
    throw new Error(`its ids and token are more than ${OS.pipeBuffer} bytes`);
  }
  return line;
}
