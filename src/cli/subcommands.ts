/**
 * Every command of the program: what it takes, what its help says, and where it is carried out.
 *
 * @module
 */
import { flagOptions } from "../config/settings_help.ts";
import type { Flag } from "./arguments.ts";
import { type CliCommand, PROGRAM } from "./subcommand.ts";

const CONFIG: Flag = {
  name: "config",
  value: "PATH",
  help: "The config file (default: cyberwave.yml in the current folder, if there is one)",
};

const JSON_OUTPUT: Flag = { name: "json", help: "Print one JSON object" };

/** The flags of every setting that has one. */
const ALL_SETTINGS = flagOptions.string;

const start: CliCommand = {
  name: "start",
  operands: [],
  summary: "Run the node: register, take commands and answer them until it is stopped",
  details:
    `SIGTERM or Ctrl-C stops the node; running work goes on, and the next start takes it up again.
SIGQUIT drains it: it takes nothing new, finishes and delivers everything, and then stops. Replies
that the broker has refused for stop_timeout seconds are left for the next start, with exit code 1.`,
  flags: [
    CONFIG,
    { name: "once", help: "Answer one command, then exit: with 0, or 10 if it failed" },
    { name: "drain", help: "Take nothing new: finish and deliver what is left, then exit" },
    { name: "exit-when-idle", value: "TIME", help: "Exit after so long without work" },
  ],
  settings: ALL_SETTINGS,
  load: () => import("./start.ts"),
};

const init: CliCommand = {
  name: "init",
  operands: [],
  summary: "Write a cyberwave.yml and sample scripts to start from",
  details:
    `The samples work as they stand: "dev --once" runs them. Existing files are left unchanged.`,
  flags: [{
    name: "dir",
    value: "PATH",
    help: "Where to write them (default: the current folder)",
  }],
  settings: [],
  load: () => import("./init.ts"),
};

const validate: CliCommand = {
  name: "validate",
  operands: [],
  summary: "Check the configuration without starting anything",
  details:
    `Reports every problem, not only the first, and exits with 2 if there is one. Warnings are not
problems. Runs nothing of the configuration and does not use the network.`,
  flags: [CONFIG, JSON_OUTPUT],
  settings: ALL_SETTINGS,
  load: () => import("./validate.ts"),
};

const dev: CliCommand = {
  name: "dev",
  operands: [],
  summary: "Try everything on this computer alone: no account, no network",
  details:
    `Runs a node with an MQTT broker and an emulated backend of its own, on loopback, with the
cyberwave.yml at hand or a built-in sample. The broker lets in whoever has the password that is
printed. State is temporary: work that still runs when it stops is ended. If "dev" itself was
killed, the next one does that.`,
  flags: [
    CONFIG,
    {
      name: "once",
      help: "Send four commands, show the replies, and exit: with 0 if all was well",
    },
    {
      name: "timeout",
      value: "TIME",
      help: "With --once: how long to wait for each reply (default: 600)",
    },
    { name: "show-token", help: "Print the token that other clients of this backend need" },
  ],
  settings: [
    "slug",
    "profile",
    "environment",
    "control-plane",
    "concurrency",
    "log-format",
    "log-level",
  ],
  load: () => import("./dev.ts"),
};

const doctor: CliCommand = {
  name: "doctor",
  operands: [],
  summary: "Check everything that the node needs, from its config to the broker",
  details: `Prints a line for each check: ok, warn or fail, what was found, and what to do about it.
Exits with 1 if a check failed. Does not disturb a running node.`,
  flags: [
    CONFIG,
    JSON_OUTPUT,
    {
      name: "timeout",
      value: "TIME",
      help: "How long each check may take; all run at once (default: 10)",
    },
  ],
  settings: [
    "api-url",
    "control-plane",
    "slug",
    "environment",
    "mqtt-host",
    "mqtt-port",
    "state-folder",
  ],
  load: () => import("./doctor.ts"),
};

const run: CliCommand = {
  name: "run",
  operands: ["<command>", "[params]"],
  choices: ["inference", "training", "simulate", "status", "cancel"],
  summary: "Send a command to a node and print its reply",
  details:
    `The command is inference, training, simulate, status or cancel. Params are a JSON object, @FILE to
read it from a file, or - to read it from standard input; inputs are added to it one by one. An
input that is JSON stays what it is, everything else is text: -i x=1 is a number, -i 'x="1"' is not.
With @FILE an image called "image" is sent as one, any other file as a data URL, and text from
standard input (@-) as text. An input that is given twice becomes a list.

Without --slug and --uuid the command goes to the node of this computer. Prints the output and exits
with 0, or the error and exits with 10. Ctrl-C ends the waiting, not the command.

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
    CONFIG,
  ],
  settings: ["mqtt-host", "mqtt-port", "environment", "state-folder"],
  load: () => import("./send_command.ts"),
};

const ps: CliCommand = {
  name: "ps",
  operands: [],
  summary: "List running, queued and recent workloads",
  details:
    `Works whether or not the node is running. If it is not, "ps" looks at the processes themselves, and
the next start answers what has ended meanwhile. AGE is the time since the command came, TIME how
long it has been running or ran.`,
  flags: [
    CONFIG,
    { name: "all", help: "All workloads that are remembered, not only the latest 20 that ended" },
    JSON_OUTPUT,
  ],
  settings: ["state-folder"],
  load: () => import("./ps.ts"),
};

const logs: CliCommand = {
  name: "logs",
  operands: ["<id|request_id>"],
  summary: "Show or follow what a workload printed",
  details:
    `Works whether or not the node is running. If several workloads have the request id, shows the newest.
What the workload printed to standard error goes to standard error, unless --stderr is given.`,
  flags: [
    CONFIG,
    { name: "follow", short: "f", help: "Follow the output until the workload has ended" },
    { name: "stdout", help: "Only what it printed to standard output" },
    { name: "stderr", help: "Only what it printed to standard error" },
  ],
  settings: ["state-folder"],
  load: () => import("./logs.ts"),
};

const service: CliCommand = {
  name: "service",
  operands: ["<action>"],
  choices: ["install", "uninstall", "status", "logs"],
  summary: "Run the node as a service: install, uninstall, status, logs",
  details:
    `The service is a unit of systemd, a job of launchd on macOS, or a task of the Task Scheduler on
Windows.

  install     writes the service's definition, enables it and (re)starts it: also after an upgrade
              or with other flags; running work goes on
  uninstall   stops and removes it; its state and running work remain
  status      shows whether it runs
  logs        shows its log

Flags of settings become the service's own. Put the token in .env, beside cyberwave.yml or in the
state folder: the service does not see the variables of this shell.`,
  flags: [
    CONFIG,
    { name: "system", help: "A service of the computer (default for root; needs sudo)" },
    { name: "user", help: "A service of the current user (default for everybody else)" },
    {
      name: "run-as",
      value: "USER",
      help: "With --system: the user it runs as (default: you, also under sudo)",
    },
    { name: "exec-start", value: "PATH", help: "The program to start (default: this one)" },
    { name: "print", help: "With install: print the service's definition, and do nothing" },
    { name: "follow", short: "f", help: "With logs: follow them" },
  ],
  settings: ALL_SETTINGS,
  load: () => import("./service.ts"),
};

const permissions: CliCommand = {
  name: "permissions",
  operands: ["[command]"],
  summary: "Print the flags with which deno run allows the node what it needs and no more",
  details:
    `The flags are those for the cyberwave.yml at hand, and for start unless the command is dev:

  deno run <flags> jsr:@cyberwave/cloud-node start

Workloads are started through the shell and may do what the user may; they see the environment
variables that the flags name.`,
  flags: [CONFIG],
  settings: ALL_SETTINGS,
  load: () => import("./show_permissions.ts"),
};

const completion: CliCommand = {
  name: "completion",
  operands: ["<bash|zsh|fish>"],
  choices: ["bash", "zsh", "fish"],
  summary: "Print a script that completes command lines in your shell",
  details: `bash: add to ~/.bashrc    eval "$(${PROGRAM} completion bash)"
zsh:  add to ~/.zshrc     eval "$(${PROGRAM} completion zsh)"   (after compinit)
fish: run once            ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish`,
  flags: [],
  settings: [],
  load: async () => {
    const { printScript } = await import("./shell_completion.ts");
    return { run: (args) => Promise.resolve(printScript(args, COMMANDS)) };
  },
};

/** The commands, in the order in which the help shows them. */
export const COMMANDS: readonly CliCommand[] = [
  start,
  init,
  validate,
  dev,
  doctor,
  run,
  ps,
  logs,
  service,
  permissions,
  completion,
];
