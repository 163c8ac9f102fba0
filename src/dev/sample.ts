/**
 * What a node does in development when nobody has configured anything: it takes no more than a
 * shell.
 *
 * @module
 */
import type { Program } from "../config/programs/workload_program.ts";

/** Echoes its params, or fails when they ask for it. */
const INFERENCE = `params={body}
case $params in
  *'"fail":true'*) echo "the sample fails when it is asked to" >&2; exit 3 ;;
esac
printf '{"you_sent": %s}\\n' "$params"`;

/** Takes a moment, and shows its progress. */
const TRAINING = `for epoch in 1 2 3; do
  echo "epoch $epoch of 3" >&2
  sleep 0.2
done
printf 'trained with %s\\n' {body}`;

/** The templates of the sample. */
export const SAMPLE: Readonly<Record<"inference" | "training", Program>> = {
  inference: { type: "command", command: INFERENCE },
  training: { type: "command", command: TRAINING },
};
