/**
 * The params and result files of a workload.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import { History } from "../journal/history.ts";
import { ResultSource } from "../results/source.ts";
import { WorkloadFolder } from "../workloads/folder.ts";
import { readStoredParams } from "../workloads/stored_params.ts";
import { answer, errorAnswer, jsonAnswer } from "./answers.ts";
import type { Route, RouteParts, RouteRequest } from "./route.ts";
import { findRecord, noWorkload } from "./workload_record.ts";

/** These routes. */
export const WORKLOAD_FILE_ROUTES: readonly Route[] = [
  { path: "/api/v1/workloads/{id}/params", method: "GET", handle: showParams },
  { path: "/api/v1/workloads/{id}/results", method: "GET", handle: listResults },
  { path: "/api/v1/workloads/{id}/results/{name}", method: "GET", handle: showResult },
];

function showParams(parts: RouteParts, { id }: RouteRequest): Response {
  const record = findRecord(id, parts);
  if (record === undefined) return noWorkload();
  if (record.workloadUuid !== undefined || record.hasToken) {
    const error = "It is a workload of the platform, which alone can start it again";
    return errorAnswer(409, "not_available", error);
  }
  if (record.state === "queued") {
    return errorAnswer(409, "not_ended", "The workload has not begun");
  }
  try {
    const folder = new WorkloadFolder(`${parts.stateFolder}/workloads/${record.id}`);
    return answer(readStoredParams(folder), "application/json");
  } catch {
    return errorAnswer(410, "not_kept", "The params are no longer kept: see keep_workloads");
  }
}

function listResults(parts: RouteParts, { id }: RouteRequest): Response {
  const record = findRecord(id, parts);
  if (record === undefined) return noWorkload();
  using history = History.open(parts.stateFolder);
  const files = history?.resultFiles(record.id) ?? [];
  return jsonAnswer({
    files: files.map(({ name, size, state, failure }) => ({
      ...{ name, size, state },
      failure: failure ?? null,
    })),
  });
}

async function showResult(parts: RouteParts, { id, name }: RouteRequest): Promise<Response> {
  const record = findRecord(id, parts);
  if (record === undefined) return noWorkload();
  const file = resultFile(record.id, name, parts);
  if (file === undefined) {
    return errorAnswer(404, "not_found", "The workload has left no such file");
  }
  const source = new ResultSource(file, { mayChange: false, onRead() {} });
  try {
    await source.check();
  } catch (error) {
    // Once it is uploaded it is removed.
    const why = messageOf(error).replace(/^Cannot upload/, "Cannot show");
    return errorAnswer(410, "not_kept", why);
  }
  // Never as HTML: a workload may write anything.
  return answer(source.stream(), "application/octet-stream", 200, {
    "content-length": String(source.size),
    "content-disposition": `attachment; filename*=UTF-8''${inHeader(name.split("/").at(-1)!)}`,
  });
}

function resultFile(id: string, name: string, { stateFolder }: RouteParts) {
  using history = History.open(stateFolder);
  return history?.resultFiles(id).find((file) => file.name === name);
}

/** A text as RFC 8187 has it in a header. */
function inHeader(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
