/** The commands of the contract as shell commands. */
import type { ContractCommands } from "./contract.ts";

/** Sets `file` to the string that the params are. */
const FILE = `file={body}; file=\${file#\\"}; file=\${file%\\"}`;

/** Writes the pid, all at once. */
const TELL = `${FILE}; echo $$ >"$file.new"; mv "$file.new" "$file"`;

/** The templates, by kind. */
export const TEMPLATES: Readonly<Record<keyof ContractCommands, string>> = {
  echo: "printf %s {body}",
  failure: "echo sorry >&2; exit 3",
  bytes: "printf '\\377\\n\\0\\n'",
  much: "head -c 20000000 /dev/zero",
  wait: `${TELL}; exec tail -f /dev/null`,
  stubborn: `trap '' TERM; ${TELL}; exec tail -f /dev/null`,
  until: `${TELL}; until [ -f "\${file%/*}/go" ]; do sleep 0.02; done; echo done`,
};
