/**
 * What a check finds.
 *
 * @module
 */

/** What a check found. */
export interface Finding {
  /** `fail` keeps the node from working; `warn` does not, but should be known. */
  readonly status: "ok" | "warn" | "fail";
  /** What was found. */
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** A check. */
export interface Check {
  /** Its name. */
  readonly name: string;
  /** Runs it, and gives up when `signal` aborts. */
  run(signal: AbortSignal): Promise<Finding>;
  /** What it means that it has found nothing within so many seconds. Default: nobody knows. */
  late?(seconds: number): Finding;
}

/** All is well. */
export function ok(detail: string): Finding {
  return { status: "ok", detail };
}

/** Something looks wrong. */
export function warn(detail: string, fix?: string): Finding {
  return { status: "warn", detail, fix };
}

/** Something is wrong. */
export function fail(detail: string, fix?: string): Finding {
  return { status: "fail", detail, fix };
}
