/**
 * Runs checks: all at the same time, each with a limit.
 *
 * @module
 */
import { CloudNodeError, messageOf } from "../errors.ts";
import { type Check, fail, type Finding } from "./finding.ts";

/** A finding, and its check. */
export interface Result extends Finding {
  /** The name of the check. */
  readonly name: string;
}

/** The findings in the order of the checks, each as soon as those before it are there. */
export async function* examine(
  checks: readonly Check[],
  timeoutSeconds: number,
): AsyncGenerator<Result> {
  yield* checks.map((check) => examineOne(check, timeoutSeconds));
}

async function examineOne(check: Check, timeoutSeconds: number): Promise<Result> {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const tooLate = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => tooLate.reject(signal.reason));
  try {
    // A check that ignores the signal is not waited for.
    return { name: check.name, ...await Promise.race([check.run(signal), tooLate.promise]) };
  } catch (error) {
    const late = check.late ?? noResult;
    const finding = signal.aborted ? late(timeoutSeconds) : findingOf(error);
    return { name: check.name, ...finding };
  }
}

function noResult(seconds: number): Finding {
  return fail(`no result within ${seconds} s`, "Try again, or wait longer with --timeout");
}

function findingOf(error: unknown): Finding {
  return fail(messageOf(error), error instanceof CloudNodeError ? error.hint : undefined);
}
