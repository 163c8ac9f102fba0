/**
 * The params with which a workload was started.
 *
 * @module
 */
import { readRegularFile, regularFileSize } from "../os/regular_file.ts";
import { ObjectText } from "../protocol/object_text.ts";
import type { WorkloadFolder } from "./folder.ts";

/** The params as they were sent, as JSON. Throws if they are no longer there. */
export function readStoredParams(folder: WorkloadFolder): string {
  const text = new TextDecoder().decode(readWhole(folder.paramsFile));
  return withImage(ObjectText.parse(text)!, folder);
}

/** An image was sent as such, and became a file in the workload's folder. */
function withImage(params: ObjectText, folder: WorkloadFolder): string {
  const path = params.get("image");
  if (typeof path !== "string" || !path.startsWith(`${folder.path}/image.`)) return params.text;
  const encoded = JSON.stringify(readWhole(path).toBase64());
  return params.without("image").with("image_bytes_base64", encoded).text;
}

function readWhole(path: string): Uint8Array {
  return readRegularFile(path, regularFileSize(path));
}
