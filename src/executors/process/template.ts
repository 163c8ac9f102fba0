/**
 * From a template and a command's params to the environment in which its shell runs.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Above this many bytes `{body}` is a path: Linux refuses one variable over 128 KiB. */
export const MAX_INLINE_BODY = 100_000;

/** The variable that `{body}` stands for. */
const BODY_VARIABLE = "CYBERWAVE_BODY";

/** The variable that `{body_file}` stands for. */
const PARAMS_FILE_VARIABLE = "CYBERWAVE_PARAMS_FILE";

/**
 * A template as shell source. Its placeholders become expansions of variables: nothing in the params
 * is ever read as source.
 */
export function shellSource(template: string): string {
  return template
    .replaceAll("{body}", `"$${BODY_VARIABLE}"`)
    .replaceAll("{body_file}", `"$${PARAMS_FILE_VARIABLE}"`);
}

/** Whether these params are too large for a variable, so that `{body}` is the path of their file. */
export function isLargeBody(params: string): boolean {
  return Buffer.byteLength(params) > MAX_INLINE_BODY;
}

/** The variables that the placeholders of `template` stand for. */
export function placeholderVariables(
  template: string,
  params: string,
  paramsFile: string,
): Record<string, string> {
  const variables = { [PARAMS_FILE_VARIABLE]: paramsFile };
  if (!template.includes("{body}")) return variables;
  // No variable can hold NUL.
  const body = isLargeBody(params) ? paramsFile : params.replaceAll("\0", "");
  return { ...variables, [BODY_VARIABLE]: body };
}
