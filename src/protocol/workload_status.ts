/**
 * The statuses of a workload that the platform is sent.
 *
 * @module
 */

/** A status of a workload. The last three forms are final. */
export type WorkloadStatus =
  | { readonly status: "running"; readonly message: string; readonly pid: number | null }
  | { readonly status: "finalizing"; readonly message: string; readonly file_count: number }
  | {
    readonly status: "completed";
    readonly success: boolean;
    /** `null` when a signal ended it, or nobody knows. */
    readonly exit_code: number | null;
    readonly error?: string;
    /** The end of its standard error. */
    readonly stderr?: string;
  }
  | {
    readonly status: "failed";
    readonly error: string;
    readonly failure_detail: string;
    /** Why the node did not take it, which lets the platform queue it again. */
    readonly rejection_reason?: "host_busy";
    readonly rejecting_instance_uuid?: string;
  }
  | {
    readonly status: "cancelled" | "failed";
    readonly message: string;
    readonly signal: string;
    /** `null` when it had not started. */
    readonly pid: number | null;
  };

/** A status as it is published. */
export function encodeStatus(status: WorkloadStatus): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(status));
}
