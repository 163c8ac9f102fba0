/**
 * The commands that run workloads, show them and stop them; see `subcommands.ts` for the others.
 *
 * @module
 */
import type { Flag } from "./arguments.ts";
import { CONFIG, JSON_OUTPUT } from "./shared_flags.ts";
import { type CliCommand, PROGRAM } from "./subcommand.ts";

/** What to do about the reply. */
const REPLY_FLAGS: readonly Flag[] = [
  { name: "detach", short: "d", help: "Print the request id, and wait for no reply" },
  {
    name: "follow",
    short: "f",
    help: "Show what it prints, where the node is on this computer",
  },
  { name: "output", short: "o", value: "PATH", help: "Write the output to a file" },
  { name: "json", help: "Print the whole reply as one JSON object" },
  {
    name: "timeout",
    value: "TIME",
    help: "How long to wait for the reply (default: 60s; for training: no limit)",
  },
];

const run: CliCommand = {
  name: "run",
  operands: ["<command>", "[params]"],
  choices: ["inference", "training", "simulate", "status", "cancel", "drain"],
  summary: "Send a command to a node and print its reply",
  details:
    `The command is inference, training, simulate, status, cancel or drain. Params are a JSON object,
@FILE to read it from a file, or - to read it from standard input; each input adds a param. An input
that is valid JSON is sent as JSON, anything else as text: -i x=1 is a number, -i 'x="1"' is text.
With @FILE the input "image" is sent as an image, any other file as a data URL, and text from
standard input (@-) as text. An input that is given twice becomes a list.

Without --slug, --uuid and --pool the command goes to the node on this computer. Prints the output
and exits with 0, or prints the error and exits with 10. Ctrl-C stops waiting; the command goes on.

  ${PROGRAM} run inference -i prompt="a cat" -i image=@cat.png --slug my-gpu-node`,
  flags: [
    {
      name: "input",
      short: "i",
      value: "NAME=VALUE",
      repeats: true,
      help: "A param; NAME=@FILE takes a file, NAME=@- standard input",
    },
    { name: "slug", value: "SLUG", help: "The node to send it to, by its slug" },
    { name: "uuid", value: "UUID", help: "The node to send it to, by its UUID" },
    { name: "pool", value: "NAME", help: "The pool to send it to: a node with room takes it" },
    ...REPLY_FLAGS,
    CONFIG,
  ],
  settings: ["mqtt-host", "mqtt-port", "environment", "state-folder"],
  load: () => import("./subcommands/send_command.ts"),
};

const ps: CliCommand = {
  name: "ps",
  operands: [],
  summary: "List running, queued and recent workloads",
  details:
    `Works whether or not the node is running. If it is not, "ps" looks at the processes themselves, and
the next start answers commands that have ended meanwhile. AGE is the time since the command came,
TIME how long it has run.`,
  flags: [
    CONFIG,
    {
      name: "all",
      short: "a",
      help: "All workloads on record, not only the latest 20 that ended",
    },
    { name: "watch", short: "w", help: "Update the list every 2 seconds, until Ctrl-C" },
    JSON_OUTPUT,
  ],
  settings: ["state-folder"],
  load: () => import("./subcommands/ps.ts"),
};

const logs: CliCommand = {
  name: "logs",
  operands: ["[id|request_id]"],
  summary: "Show or follow what a workload printed",
  details:
    `Works whether or not the node is running. Without an id it shows the latest workload. A unique
prefix of an id is enough; of several workloads with the same request id it shows the newest.
Standard error of the workload goes to standard error, unless --stderr is given.

A timestamp is when the node saw the line: up to a second late. For output that was printed while no
node ran, or by a workload that ended at once, it is the end of the workload.`,
  flags: [
    CONFIG,
    { name: "follow", short: "f", help: "Follow the output until the workload has ended" },
    { name: "tail", short: "n", value: "LINES", help: "Only the last lines" },
    {
      name: "since",
      value: "TIME",
      help: "Only what was printed since: 10m ago, or 2026-05-01T12:00:00Z",
    },
    { name: "timestamps", short: "t", help: "Show when each line was printed" },
    { name: "stdout", help: "Only what it printed to standard output" },
    { name: "stderr", help: "Only what it printed to standard error" },
  ],
  settings: ["state-folder"],
  load: () => import("./subcommands/logs.ts"),
};

const cancel: CliCommand = {
  name: "cancel",
  operands: ["<id|request_id>"],
  summary: "Stop a workload on this computer, or take it out of the queue",
  details:
    `Works without the broker, and whether or not the node is running: if it is not, the workload is
stopped at once, and the next start answers its sender. A unique prefix of an id is enough. After
cancel_grace seconds a running node sends SIGKILL. For a node on another computer use "run cancel".`,
  flags: [
    CONFIG,
    {
      name: "signal",
      value: "SIGNAL",
      help: "The signal to send: SIGTERM, SIGINT or SIGKILL (default: SIGTERM)",
    },
  ],
  settings: ["state-folder"],
  load: () => import("./subcommands/cancel_workload.ts"),
};

const status: CliCommand = {
  name: "status",
  operands: [],
  summary: "Show the state of the node on this computer: connection, queues, undelivered replies",
  details:
    `Asks the running node itself, without the broker. Exits with 1 if no node runs or it does not
answer. For a node on another computer use "run status".`,
  flags: [CONFIG, JSON_OUTPUT],
  settings: ["state-folder"],
  load: () => import("./subcommands/show_status.ts"),
};

const page: CliCommand = {
  name: "page",
  operands: [],
  summary: "Open the page of the node on this computer in a browser",
  details:
    `Prints a login link that works once, within 10 minutes, and opens it if there is a desktop. The node
must answer over HTTP ("start --http auto"; "dev" always does). Over SSH it says how to forward the
port.`,
  flags: [
    CONFIG,
    {
      name: "print",
      help: "Only print the link: a browser's command line shows it to other users",
    },
  ],
  settings: ["state-folder"],
  load: () => import("./subcommands/page.ts"),
};

const top: CliCommand = {
  name: "top",
  operands: [],
  summary: "Show live what the node on this computer is doing",
  details:
    `Shows the connection, the lanes, running workloads with progress, waiting and ended ones, and how
busy the machine and its GPUs are, updated every second. q or Ctrl-C quits. If standard output is
not a terminal, it prints one screen; NO_COLOR=1 turns colours off. Asks the running node itself,
and does not need HTTP.`,
  flags: [CONFIG],
  settings: ["state-folder"],
  load: () => import("./subcommands/top.ts"),
};

const retry: CliCommand = {
  name: "retry",
  operands: ["[id|request_id]"],
  summary: "Send the params of a workload again, under a new request id",
  details:
    `Without an id it takes the latest workload on this computer; a unique prefix of an id is enough.
Sends the params over the broker, as "run" does, to the node on this computer. A workload that the
platform started can be started again only by the platform.`,
  flags: [...REPLY_FLAGS, CONFIG],
  settings: ["mqtt-host", "mqtt-port", "environment", "state-folder"],
  load: () => import("./subcommands/retry_workload.ts"),
};

const fleet: CliCommand = {
  name: "fleet",
  operands: ["<ps|run|drain>", "[command]", "[params]"],
  choices: ["ps", "run", "drain"],
  summary: "Show, use or drain all nodes of a pool at once: ps, run, drain",
  details: `Finds the nodes over the broker, from any computer: those that answer within --wait.

  ps      shows what each node is doing
  run     sends a command to each node and prints its replies; exits with 10 if one failed
  drain   drains the nodes one after another, each when the one before has stopped; with --back it
          also waits until that one has come back, and stops if it does not

Kubernetes starts a drained node again; a systemd service does not.`,
  flags: [
    { name: "wait", value: "TIME", help: "How long nodes may take to answer (default: 2)" },
    { name: "node", value: "SLUG", repeats: true, help: "Only this node of the pool" },
    {
      name: "timeout",
      value: "TIME",
      help: "How long to wait for each reply, or the end of a drain (default: no limit)",
    },
    { name: "back", value: "TIME", help: "drain: how long a node may take to come back" },
    { name: "json", help: "Print one JSON object" },
    CONFIG,
  ],
  settings: ["pool", "mqtt-host", "mqtt-port", "environment"],
  load: () => import("./subcommands/fleet.ts"),
};

/** These commands, in the order in which the help shows them. */
export const WORKLOAD_COMMANDS: readonly CliCommand[] = [
  run,
  status,
  top,
  page,
  ps,
  logs,
  cancel,
  retry,
  fleet,
];
