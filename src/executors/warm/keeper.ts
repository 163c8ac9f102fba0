/**
 * The keeper ends a process that stays loaded when no node has run for a while. It is a small
 * shell: the end of a pipe tells it that its node has ended, and a file whether another node has
 * come.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { OS } from "../../os/current.ts";
import { inOwnSession } from "../../os/session.ts";
import { shellEnvironment } from "../../os/shell_environment.ts";
import { ATTEMPT_VARIABLE } from "../process/supervisor_script.ts";

/** The process that a keeper watches. */
export interface Kept {
  /** The attempt that runs it. */
  readonly attempt: string;
  /** The pid of its supervisor, which leads its group. */
  readonly pid: number;
  /** The file that names the keeper in charge. */
  readonly file: string;
  /** Seconds for which it stays loaded without a node. */
  readonly keepLoaded: number;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly unloadTimeout: number;
}

/**
 * $1 names the keeper, in the file $2; $3 is the mark, $4 the group, $5 and $6 are the seconds. Where
 * no environment can be seen, its group is all that is known of it.
 */
const SCRIPT = `
# In the background, standard input is another one.
exec 3<&0
{
trap '' HUP INT QUIT TERM USR1 USR2
me=$1 file=$2 mark=$3 group=$4 left=$5 grace=$6
while read -r _; do :; done
# Without the file nobody else can come.
is_replaced() { [ -f "$file" ] && read -r keeper <"$file" && [ "$keeper" != "$me" ]; }
members() {
  set -- "$mark"
  ${OS.processes.holding || ":"}
}
members_pids() {
  members | while IFS=/ read -r _ _ pid _; do echo "$pid"; done
  ${OS.processes.holding === "" ? 'kill -s 0 -- "-$group" 2>/dev/null && echo "-$group"' : ""}
}
until is_replaced || [ "$left" -le 0 ]; do
  # Looking for those that have left the group costs more, and matters only once it is gone.
  kill -s 0 -- "-$group" 2>/dev/null || [ "$(members_pids)" ] || exit 0
  sleep 1
  left=$((left - 1))
done
! is_replaced || exit 0
signal() {
  some=
  for each in $(members_pids); do
    kill -s "$1" -- "$each" 2>/dev/null && some=yes
  done
  [ "$some" ]
}
signal TERM || exit 0
while [ "$grace" -gt 0 ]; do
  sleep 1
  [ "$(members_pids)" ] || exit 0
  grace=$((grace - 1))
done
for _ in 1 2 3 4 5; do
  signal KILL || exit 0
  sleep 1
done
} <&3 3<&- &
`;

/** Keeps a process loaded while the node runs, and for `keepLoaded` seconds after that. */
export class Keeper {
  readonly #pipe: WritableStream<Uint8Array>;

  private constructor(pipe: WritableStream<Uint8Array>) {
    this.#pipe = pipe;
  }

  /** Starts a keeper, which replaces any other one with the same file. */
  static async start(
    { attempt, pid, file, keepLoaded, unloadTimeout }: Kept,
    logger: Logger,
  ): Promise<Keeper | undefined> {
    const name = crypto.randomUUID();
    try {
      fs.writeFileSync(file, `${name}\n`, { mode: 0o600 });
      const seconds = [keepLoaded, unloadTimeout].map((time) => String(Math.ceil(time)));
      const words = [name, file, `${ATTEMPT_VARIABLE}=${attempt}`, String(pid), ...seconds];
      const { command, ...spawned } = inOwnSession({
        command: "sh",
        args: ["-c", SCRIPT, "cyberwave-keeper", ...words],
        env: shellEnvironment(),
        clearEnv: true,
      });
      const child = new Deno.Command(command, {
        ...spawned,
        stdin: "piped",
        stdout: "null",
        stderr: "null",
      }).spawn();
      // The shell that has started it ends at once.
      await child.status;
      return new Keeper(child.stdin);
    } catch (error) {
      // It works without: what it runs is only not ended if no node comes again.
      logger.warn(`Cannot watch over the loaded workers and servers: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Closes the pipe: from now on the time without a node counts. */
  async release(): Promise<void> {
    await this.#pipe.close().catch(() => {});
  }
}
